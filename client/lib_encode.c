/*
 * lib_encode - requests as frames: one table a method
 */
#include <string.h>

#include "client/lib.h"
#include "common/text.h"

enum put_type {
	PUT_STR,    /* left out when NULL or "" */
	PUT_U64,    /* left out when 0 */
	PUT_UINT,   /* always put */
	PUT_SIZE,   /* u64, always put */
	PUT_I64,    /* left out when 0 */
	PUT_BOOL,   /* left out when false */
	PUT_ALWAYS, /* bool, always put */
	PUT_FALSE,  /* bool, inverted, left out when that is true */
	PUT_HAS,    /* u64, put when the bool at `more` is set */
	PUT_OR_HAS, /* u64, put when it is not 0 or the bool at `more` is set */
	PUT_ARGV,   /* array of strings */
	PUT_ENV,    /* "NAME=value" as a map */
	PUT_PAIRS,  /* "NAME:PATH" as an array of maps */
	PUT_SINCE,
	PUT_DATA, /* bin; `more`: its size */
};

struct put {
	const char *key;
	enum put_type type;
	size_t offset;
	size_t more;
	bool required;
};

struct method_row {
	const char *name;
	const struct put *puts;
	size_t n_puts;
	bool attaches;
};

#define P(type_, key_, member)                                                                     \
	{                                                                                          \
		.key = (key_), .type = (type_),                                                    \
		.offset = offsetof(struct cwsandbox_request, member)                               \
	}
#define P_MUST(type_, key_, member)                                                                \
	{                                                                                          \
		.key = (key_), .type = (type_),                                                    \
		.offset = offsetof(struct cwsandbox_request, member), .required = true             \
	}
#define P_MORE(type_, key_, member, more_)                                                         \
	{                                                                                          \
		.key = (key_), .type = (type_),                                                    \
		.offset = offsetof(struct cwsandbox_request, member),                              \
		.more = offsetof(struct cwsandbox_request, more_)                                  \
	}

/* clang-format off */
#define COLORS                                                                                     \
	P_MORE(PUT_HAS, "foreground", foreground, has_colors),                                     \
		P_MORE(PUT_HAS, "background", background, has_colors),                             \
		P_MORE(PUT_HAS, "cursor", cursor, has_colors)
static const struct put create_puts[] = {
	P_MUST(PUT_STR, "sandbox_id", sandbox_id), P(PUT_STR, "name", name), P(PUT_ARGV, "argv",
		argv), P(PUT_STR, "cwd", cwd),
	P(PUT_ENV, "env", env), P(PUT_STR, "container", container), P(PUT_UINT, "cols", cols),
		P(PUT_UINT, "rows", rows),
	P(PUT_BOOL, "plain", plain),
};
static const struct put list_puts[] = { P(PUT_STR, "after", after), P(PUT_U64, "limit", limit) };
static const struct put name_puts[] = { P_MUST(PUT_STR, "name", name) };
static const struct put capture_puts[] = {
	P_MUST(PUT_STR, "name", name), P(PUT_STR, "format", format), P_MORE(PUT_HAS, "history", history,
		has_history), P(PUT_U64, "from", from), P(PUT_U64, "limit", limit),
};
static const struct put rename_puts[] = { P_MUST(PUT_STR, "name", name), P_MUST(PUT_STR, "to",
	to) };
static const struct put set_puts[] = {
	P(PUT_STR, "name", name), P(PUT_I64, "attachment", attachment), P(PUT_STR, "size", size),
	P(PUT_STR, "policy", policy), P(PUT_U64, "window", window), P_MORE(PUT_OR_HAS,
		"drain_ms", drain_ms, has_drain), P(PUT_U64, "block_timeout_ms", block_timeout_ms), P_MORE(PUT_HAS, "shown", shown, has_shown), COLORS,
};
static const struct put wait_puts[] = { P_MUST(PUT_STR, "name", name), P(PUT_U64, "timeout_ms",
	timeout_ms) };
static const struct put signal_puts[] = { P_MUST(PUT_STR, "name", name), P_MUST(PUT_STR, "signal",
	signal) };
static const struct put attach_puts[] = {
	P(PUT_STR, "name", name), P(PUT_UINT, "cols", cols), P(PUT_UINT, "rows", rows), P(PUT_STR,
		"term", term),
	P(PUT_STR, "role", role), P(PUT_STR, "policy", policy), P(PUT_U64, "block_timeout_ms",
		block_timeout_ms),
	P(PUT_I64, "replaces", replaces), P_MORE(PUT_HAS, "shown", shown, has_shown), P(PUT_BOOL, "below", below),
	P(PUT_BOOL, "take_over", take_over), P(PUT_BOOL, "exclusive", exclusive), P(PUT_FALSE,
		"paint", raw),
	P_MORE(PUT_HAS, "history", history, has_history), P(PUT_U64, "from", from), P(PUT_SINCE, "since", since), P(PUT_U64,
		"window", window), P_MORE(PUT_OR_HAS, "drain_ms", drain_ms, has_drain), COLORS,
};
static const struct put detach_puts[] = { P(PUT_I64, "attachment", attachment), P(PUT_STR, "name",
	name) };
static const struct put send_puts[] = { P_MUST(PUT_STR, "name", name), P_MORE(PUT_DATA, "data",
	data, n) };
static const struct put lease_puts[] = { P_MUST(PUT_I64, "attachment", attachment), P(PUT_ALWAYS,
	"exclusive", exclusive) };
static const struct put lead_puts[] = { P_MUST(PUT_I64, "attachment", attachment) };
static const struct put exec_puts[] = {
	P_MUST(PUT_STR, "sandbox_id", sandbox_id), P_MUST(PUT_ARGV, "argv", argv), P(PUT_STR,
		"cwd", cwd), P(PUT_ENV, "env", env),
	P(PUT_STR, "container", container), P(PUT_ALWAYS, "stdin", with_stdin), P(PUT_U64,
		"timeout_ms", timeout_ms),
	P(PUT_U64, "window", window),
};
static const struct put logs_puts[] = {
	P_MUST(PUT_STR, "sandbox_id", sandbox_id), P(PUT_STR, "container", container),
		P(PUT_ALWAYS, "follow", follow),
	P(PUT_U64, "tail_lines", tail_lines), P(PUT_U64, "since_at", since_at), P(PUT_ALWAYS,
		"timestamps", timestamps),
	P(PUT_U64, "window", window),
};
static const struct put file_read_puts[] = {
	P_MUST(PUT_STR, "sandbox_id", sandbox_id), P_MUST(PUT_STR, "path", path), P(PUT_STR,
		"container", container),
	P(PUT_U64, "timeout_ms", timeout_ms), P(PUT_U64, "window", window),
};
static const struct put file_write_puts[] = {
	P_MUST(PUT_STR, "sandbox_id", sandbox_id), P_MUST(PUT_STR, "path", path), P(PUT_STR,
		"container", container),
	P(PUT_SIZE, "size", file_size), P(PUT_U64, "timeout_ms", timeout_ms),
};
static const struct put sandbox_create_puts[] = {
	P(PUT_STR, "image", image), P(PUT_ARGV, "argv", argv), P(PUT_U64, "lifetime_s",
		lifetime_s), P(PUT_ARGV, "tags", tags),
	P(PUT_ENV, "env", env), P(PUT_PAIRS, "scratch", scratch), P(PUT_ENV, "restore", restore), P(PUT_ALWAYS, "wait", wait), P(PUT_BOOL, "hold", hold),
		P(PUT_STR, "request_id", request_id),
};
static const struct put sandbox_keep_puts[] = { P(PUT_SIZE, "request", created) };
static const struct put sandbox_get_puts[] = { P_MUST(PUT_STR, "sandbox_id", sandbox_id) };
static const struct put sandbox_list_puts[] = {
	P(PUT_STR, "state", state), P(PUT_ARGV, "tags", tags), P(PUT_ARGV, "runner_ids",
		runner_ids),
	P(PUT_BOOL, "show_terminated", show_terminated), P(PUT_STR, "page_token", page_token),
		P(PUT_U64, "limit", limit),
};
static const struct put sandbox_delete_puts[] = {
	P_MUST(PUT_STR, "sandbox_id", sandbox_id), P_MORE(PUT_HAS, "grace_s", grace_s, has_grace),
	P(PUT_BOOL, "allow_missing", allow_missing), P(PUT_ARGV, "snapshot_volumes", snapshot_volumes),
	P(PUT_STR, "request_id", request_id), P(PUT_U64, "timeout_ms", timeout_ms),
};
static const struct put snapshot_create_puts[] = {
	P_MUST(PUT_STR, "sandbox_id", sandbox_id), P(PUT_STR, "volume", volume), P(PUT_STR, "request_id",
		request_id), P(PUT_U64, "timeout_ms", timeout_ms),
};
static const struct put snapshot_get_puts[] = {
	P_MUST(PUT_STR, "snapshot_id", snapshot_id), P(PUT_U64, "timeout_ms", timeout_ms),
};
static const struct put snapshot_list_puts[] = {
	P(PUT_STR, "source_sandbox_id", source_sandbox_id), P(PUT_STR, "page_token", page_token),
	P(PUT_U64, "limit", limit), P(PUT_U64, "timeout_ms", timeout_ms),
};
static const struct put snapshot_delete_puts[] = {
	P_MUST(PUT_STR, "snapshot_id", snapshot_id), P(PUT_BOOL, "allow_missing", allow_missing),
	P(PUT_U64, "timeout_ms", timeout_ms),
};
static const struct put shutdown_puts[] = { P(PUT_BOOL, "all", all), P(PUT_BOOL, "force", force) };

#define ROW(method, name_, puts_, attaches_) [method] = { name_, puts_, ARRAY_SIZE(puts_), attaches_ }
static const struct method_row methods[] = {
	ROW(CWSANDBOX_SESSION_CREATE, "session.create", create_puts, false),
	ROW(CWSANDBOX_SESSION_LIST, "session.list", list_puts, false),
	ROW(CWSANDBOX_SESSION_GET, "session.get", name_puts, false),
	ROW(CWSANDBOX_SESSION_RENAME, "session.rename", rename_puts, false),
	ROW(CWSANDBOX_SESSION_KILL, "session.kill", name_puts, false),
	ROW(CWSANDBOX_SESSION_SET, "session.set", set_puts, false),
	ROW(CWSANDBOX_SESSION_WAIT, "session.wait", wait_puts, false),
	ROW(CWSANDBOX_SESSION_SIGNAL, "session.signal", signal_puts, false),
	ROW(CWSANDBOX_SESSION_CAPTURE, "session.capture", capture_puts, false),
	ROW(CWSANDBOX_SESSION_ATTACH, "session.attach", attach_puts, true),
	ROW(CWSANDBOX_SESSION_DETACH, "session.detach", detach_puts, false),
	ROW(CWSANDBOX_SESSION_SEND, "session.send", send_puts, false),
	ROW(CWSANDBOX_SESSION_LEASE, "session.lease", lease_puts, false),
	ROW(CWSANDBOX_SESSION_LEAD, "session.lead", lead_puts, false),
	ROW(CWSANDBOX_EXEC, "exec", exec_puts, true),
	ROW(CWSANDBOX_LOGS, "logs", logs_puts, true),
	ROW(CWSANDBOX_FILE_READ, "file.read", file_read_puts, true),
	ROW(CWSANDBOX_FILE_WRITE, "file.write", file_write_puts, true),
	ROW(CWSANDBOX_SANDBOX_CREATE, "sandbox.create", sandbox_create_puts, false),
	ROW(CWSANDBOX_SANDBOX_KEEP, "sandbox.keep", sandbox_keep_puts, false),
	ROW(CWSANDBOX_SANDBOX_GET, "sandbox.get", sandbox_get_puts, false),
	ROW(CWSANDBOX_SANDBOX_LIST, "sandbox.list", sandbox_list_puts, false),
	ROW(CWSANDBOX_SANDBOX_DELETE, "sandbox.delete", sandbox_delete_puts, false),
	[CWSANDBOX_DAEMON_STATUS] = { "daemon.status", NULL, 0, false },
	ROW(CWSANDBOX_DAEMON_SHUTDOWN, "daemon.shutdown", shutdown_puts, false),
	ROW(CWSANDBOX_SNAPSHOT_CREATE, "snapshot.create", snapshot_create_puts, false),
	ROW(CWSANDBOX_SNAPSHOT_GET, "snapshot.get", snapshot_get_puts, false),
	ROW(CWSANDBOX_SNAPSHOT_LIST, "snapshot.list", snapshot_list_puts, false),
	ROW(CWSANDBOX_SNAPSHOT_DELETE, "snapshot.delete", snapshot_delete_puts, false),
};
/* clang-format on */

static const struct method_row *row_of(enum cwsandbox_method method)
{
	return (size_t)method < ARRAY_SIZE(methods) && methods[method].name ? &methods[method]
									    : NULL;
}

bool method_gives_attachment(enum cwsandbox_method method)
{
	const struct method_row *row = row_of(method);

	return row && row->attaches;
}

/* ---- one member ---- */

static const char *as_str(const void *at)
{
	return *(const char *const *)at;
}

static const char *const *as_strs(const void *at)
{
	return *(const char *const *const *)at;
}

static uint64_t as_u64(const void *at)
{
	return *(const uint64_t *)at;
}

static bool as_bool(const void *at)
{
	return *(const bool *)at;
}

static const struct cwsandbox_since *as_since(const void *at)
{
	return *(const struct cwsandbox_since *const *)at;
}

static bool is_set(const struct put *p, const struct cwsandbox_request *q)
{
	const void *at = (const char *)q + p->offset;

	switch (p->type) {
	case PUT_STR:
		return as_str(at) && *as_str(at);
	case PUT_U64:
		return as_u64(at) != 0;
	case PUT_I64:
		return *(const int64_t *)at != 0;
	case PUT_BOOL:
	case PUT_FALSE:
		return as_bool(at);
	case PUT_HAS:
		return as_bool((const char *)q + p->more);
	case PUT_OR_HAS:
		return as_u64(at) != 0 || as_bool((const char *)q + p->more);
	case PUT_ARGV:
	case PUT_ENV:
	case PUT_PAIRS:
		return as_strs(at) && *as_strs(at);
	case PUT_SINCE:
		return as_since(at) != NULL;
	case PUT_UINT:
	case PUT_SIZE:
	case PUT_ALWAYS:
	case PUT_DATA:
		return true;
	}
	return false;
}

static size_t count(const char *const *strs)
{
	size_t n = 0;

	while (strs[n])
		n++;
	return n;
}

static void put_strs(struct frame_out *o, const char *key, const char *const *strs)
{
	frame_put_array(o, key, count(strs));
	for (; *strs; strs++)
		frame_add_str(o, *strs);
}

static void put_key_strn(struct frame_out *o, const char *key, size_t n_key, const char *value)
{
	msgpack_pack_str(&o->pk, n_key);
	msgpack_pack_str_body(&o->pk, key, n_key);
	frame_add_str(o, value);
}

/* "NAME=value"; without '=': an empty value */
static void put_env(struct frame_out *o, const char *key, const char *const *env)
{
	frame_put_map(o, key, count(env));
	for (; *env; env++) {
		size_t n = strcspn(*env, "=");

		put_key_strn(o, *env, n, (*env)[n] ? *env + n + 1 : "");
	}
}

static void put_pairs(struct frame_out *o, const char *key, const char *const *pairs)
{
	frame_put_array(o, key, count(pairs));
	for (; *pairs; pairs++) {
		size_t n = strcspn(*pairs, ":");

		frame_put_map(o, NULL, 2);
		frame_put_strn(o, "name", *pairs, n);
		frame_put_str(o, "path", (*pairs)[n] ? *pairs + n + 1 : "");
	}
}

static void put_since(struct frame_out *o, const char *key, const struct cwsandbox_since *since)
{
	frame_put_map(o, key, 3);
	frame_put_str(o, "boot_id", since->boot_id);
	frame_put_str(o, "session", since->session);
	frame_put_u64(o, "offset", since->offset);
}

static void put(struct frame_out *o, const struct put *p, const struct cwsandbox_request *q)
{
	const void *at = (const char *)q + p->offset, *more = (const char *)q + p->more;

	switch (p->type) {
	case PUT_STR:
		return frame_put_str(o, p->key, as_str(at));
	case PUT_U64:
	case PUT_SIZE:
	case PUT_HAS:
	case PUT_OR_HAS:
		return frame_put_u64(o, p->key, as_u64(at));
	case PUT_UINT:
		return frame_put_u64(o, p->key, *(const unsigned *)at);
	case PUT_I64:
		return frame_put_i64(o, p->key, *(const int64_t *)at);
	case PUT_BOOL:
	case PUT_ALWAYS:
		return frame_put_bool(o, p->key, as_bool(at));
	case PUT_FALSE:
		return frame_put_bool(o, p->key, !as_bool(at));
	case PUT_ARGV:
		return put_strs(o, p->key, as_strs(at));
	case PUT_ENV:
		return put_env(o, p->key, as_strs(at));
	case PUT_PAIRS:
		return put_pairs(o, p->key, as_strs(at));
	case PUT_SINCE:
		return put_since(o, p->key, as_since(at));
	case PUT_DATA:
		return frame_put_bin(o, p->key, *(const void *const *)at, *(const size_t *)more);
	}
}

/* ---- what cannot be sent ---- */

#define NOT_TEXT "is not UTF-8 text, and the service takes nothing else"

static bool is_text(const char *s)
{
	size_t n = strlen(s), l;
	uint32_t code;

	for (size_t i = 0; i < n; i += l) {
		l = text_utf8(s + i, n - i, &code);
		if (l == 0)
			return false;
	}
	return true;
}

static int check_words(const char *key, const char *const *words, char why[ENCODE_WHY_MAX])
{
	size_t n = count(words);

	if (n > LIB_WORDS_MAX)
		return text_because(why, ENCODE_WHY_MAX, -EINVAL,
			"%s has %zu words; at most %u can be sent at once", key, n, LIB_WORDS_MAX);
	for (size_t i = 0; i < n; i++)
		if (!is_text(words[i]))
			return text_because(why, ENCODE_WHY_MAX, -EINVAL,
				"word %zu of %s " NOT_TEXT, i + 1, key);
	return 0;
}

static int check_put(
	const struct put *p, const struct cwsandbox_request *q, char why[ENCODE_WHY_MAX])
{
	const void *at = (const char *)q + p->offset;

	if (!is_set(p, q))
		return p->required ? text_because(why, ENCODE_WHY_MAX, -EINVAL,
					     "the request has no %s", p->key)
				   : 0;
	if (p->type == PUT_ARGV || p->type == PUT_ENV || p->type == PUT_PAIRS)
		return check_words(p->key, as_strs(at), why);
	if (p->type == PUT_STR && !is_text(as_str(at)))
		return text_because(why, ENCODE_WHY_MAX, -EINVAL, "%s " NOT_TEXT, p->key);
	return 0;
}

int encode_check(const struct cwsandbox_request *request, char why[ENCODE_WHY_MAX])
{
	const struct method_row *row = row_of(request->method);
	int r = row ? 0
		    : text_because(why, ENCODE_WHY_MAX, -EINVAL, "there is no such method: %d",
			      (int)request->method);

	for (size_t i = 0; !r && i < row->n_puts; i++)
		r = check_put(&row->puts[i], request, why);
	return r;
}

int encode_request(struct frame_out *o, uint32_t id, const struct cwsandbox_request *request)
{
	const struct method_row *row = row_of(request->method);
	size_t n = 0;

	if (!row)
		return -EINVAL;
	for (size_t i = 0; i < row->n_puts; i++)
		n += is_set(&row->puts[i], request);
	frame_begin_request(o, id, row->name, n);
	for (size_t i = 0; i < row->n_puts; i++)
		if (is_set(&row->puts[i], request))
			put(o, &row->puts[i], request);
	return 0;
}

/* ---- hello ---- */

struct text {
	const char *key, *value;
};

static size_t count_set(const struct text *texts, size_t n)
{
	size_t n_set = 0;

	for (size_t i = 0; i < n; i++)
		n_set += texts[i].value && *texts[i].value;
	return n_set;
}

static void put_set(struct frame_out *o, const struct text *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (texts[i].value && *texts[i].value)
			frame_put_str(o, texts[i].key, texts[i].value);
}

/* Names for listings come from the environment: a bad one is left out rather than refused by the
 * daemon. */
static const char *presentable(const char *s)
{
	return s && strlen(s) <= LIB_NAME_MAX && is_text(s) ? s : NULL;
}

int encode_hello(
	struct frame_out *o, uint32_t id, const struct cwsandbox_config *config, int64_t pid)
{
	const struct text endpoint[] = {
		{ "url", config->base_url },
		{ "auth", config->auth },
		{ "entity", config->entity },
		{ "project", config->project },
		{ "ca_file", config->ca_file },
		{ "proxy", config->proxy },
	};
	const struct text who[] = { { "client", presentable(config->client) },
		{ "term", presentable(config->term) },
		{ "tty_name", presentable(config->tty_name) } };
	bool has_key = config->key && *config->key;
	size_t n_endpoint = count_set(endpoint, ARRAY_SIZE(endpoint));

	if (has_key && strlen(config->key) > LIB_KEY_MAX)
		return -EINVAL;
	frame_begin_request(o, id, "hello",
		3 + count_set(who, ARRAY_SIZE(who)) + (n_endpoint > 0) + (has_key ? 2 : 0));
	frame_put_u64(o, "min", LIB_PROTOCOL_MIN);
	frame_put_u64(o, "max", LIB_PROTOCOL_MAX);
	frame_put_i64(o, "pid", pid);
	put_set(o, who, ARRAY_SIZE(who));
	if (n_endpoint) {
		frame_put_map(o, "endpoint", n_endpoint);
		put_set(o, endpoint, ARRAY_SIZE(endpoint));
	}
	if (has_key) {
		frame_put_str(o, "key", config->key);
		frame_put_bool(o, "key_with_url", config->key_with_url);
	}
	return 0;
}
