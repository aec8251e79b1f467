#include "daemon/core/methods.h"

#include <string.h>

#define NAME_PARAM(required)                                                                       \
	{                                                                                          \
		"name", PARAM_STR, required, 1, TEXT_NAME_MAX, NULL                                \
	}
#define ATTACHMENT_PARAM                                                                           \
	{                                                                                          \
		"attachment", PARAM_INT, true, 0, UINT32_MAX, NULL                                 \
	}
#define SANDBOX_PARAM                                                                              \
	{                                                                                          \
		"sandbox_id", PARAM_STR, true, 1, 256, NULL                                        \
	}
#define CONTAINER_PARAM                                                                            \
	{                                                                                          \
		"container", PARAM_STR, false, 0, 256, NULL                                        \
	}
#define TIMEOUT_PARAM                                                                              \
	{                                                                                          \
		"timeout_ms", PARAM_INT, false, 0, DURATION_MAX_MS, NULL                           \
	}
#define WINDOW_PARAM                                                                               \
	{                                                                                          \
		"window", PARAM_INT, false, CORE_WINDOW_MIN, CORE_WINDOW_MAX, NULL                 \
	}
#define POLICY_PARAM                                                                               \
	{                                                                                          \
		"policy", PARAM_STR, false, 1, 16, NULL                                            \
	}
#define BLOCK_PARAM                                                                                \
	{                                                                                          \
		"block_timeout_ms", PARAM_INT, false, 1, DURATION_MAX_MS, NULL                     \
	}
#define DRAIN_PARAM                                                                                \
	{                                                                                          \
		"drain_ms", PARAM_INT, false, 0, ATTACHMENT_DRAIN_MAX_USEC / USEC_PER_MSEC, NULL   \
	}
#define COLOR_PARAMS                                                                               \
	{ "foreground", PARAM_INT, false, 0, 0xffffff, NULL },                                     \
		{ "background", PARAM_INT, false, 0, 0xffffff, NULL },                             \
	{                                                                                          \
		"cursor", PARAM_INT, false, 0, 0xffffff, NULL                                      \
	}
#define ENV_PARAM                                                                                  \
	{                                                                                          \
		"env", PARAM_STR_MAP, false, 0, 1000, NULL                                         \
	}
#define SIZE_PARAMS(required, min)                                                                 \
	{ "cols", PARAM_INT, required, min, SIZE_COLS_MAX, NULL },                                 \
	{                                                                                          \
		"rows", PARAM_INT, required, min, SIZE_ROWS_MAX, NULL                              \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, PARAM_INT, false, 0, 0, NULL                                                 \
	}

#define DURATION_MAX_MS (UINT64_C(366) * 24 * 3600 * 1000)
#define WALL_MAX_MS (UINT64_C(1) << 53)
#define PATH_BYTES_MAX 4096
#define TEXT_BYTES_MAX (1024 * 1024)
#define FILE_BYTES_MAX (UINT64_C(256) * 1024 * 1024)

/* clang-format off */
static const struct param endpoint_params[] = {
	{ "url", PARAM_STR, false, 0, 2048, NULL },
	{ "auth", PARAM_STR, false, 0, 64, NULL },
	{ "entity", PARAM_STR, false, 0, 256, NULL },
	{ "project", PARAM_STR, false, 0, 256, NULL },
	{ "ca_file", PARAM_STR, false, 0, PATH_BYTES_MAX, NULL },
	{ "proxy", PARAM_STR, false, 0, 2048, NULL },
	END,
};
static const struct param hello_params[] = {
	{ "min", PARAM_INT, true, 0, UINT32_MAX, NULL },
	{ "max", PARAM_INT, true, 0, UINT32_MAX, NULL },
	{ "client", PARAM_STR, false, 0, CLIENT_NAME_MAX, NULL },
	{ "pid", PARAM_INT, false, 0, INT32_MAX, NULL },
	{ "term", PARAM_STR, false, 0, CLIENT_NAME_MAX, NULL },
	{ "tty_name", PARAM_STR, false, 0, CLIENT_NAME_MAX, NULL },
	{ "endpoint", PARAM_MAP, false, 0, 64, endpoint_params },
	{ "key", PARAM_STR, false, 0, 8192, NULL },
	{ "key_with_url", PARAM_BOOL, false, 0, 0, NULL },
	END,
};
static const struct param create_params[] = {
	NAME_PARAM(false), SANDBOX_PARAM,
	{ "argv", PARAM_STR_ARRAY, false, 0, 2000, NULL },
	{ "cwd", PARAM_STR, false, 0, PATH_BYTES_MAX, NULL },
	ENV_PARAM, CONTAINER_PARAM, SIZE_PARAMS(true, 1),
	{ "plain", PARAM_BOOL, false, 0, 0, NULL },
	END,
};
static const struct param list_params[] = {
	{ "after", PARAM_STR, false, 0, TEXT_NAME_MAX, NULL },
	{ "limit", PARAM_INT, false, 1, 200, NULL },
	END,
};
static const struct param name_params[] = { NAME_PARAM(true), END };
static const struct param capture_params[] = {
	NAME_PARAM(true),
	{ "format", PARAM_STR, false, 1, 16, NULL },
	{ "history", PARAM_INT, false, 0, ATTACHMENT_HISTORY_MAX, NULL },
	{ "from", PARAM_INT, false, 0, INT64_MAX, NULL },
	{ "limit", PARAM_INT, false, 1, 1000, NULL },
	END,
};
static const struct param rename_params[] = {
	NAME_PARAM(true),
	{ "to", PARAM_STR, true, 1, TEXT_NAME_MAX, NULL },
	END,
};
static const struct param set_params[] = {
	NAME_PARAM(false),
	{ "attachment", PARAM_INT, false, 0, UINT32_MAX, NULL },
	{ "size", PARAM_STR, false, 1, SIZE_TEXT_MAX, NULL },
	{ "shown", PARAM_INT, false, 0, UINT64_MAX, NULL },
	POLICY_PARAM, BLOCK_PARAM, DRAIN_PARAM, WINDOW_PARAM, COLOR_PARAMS,
	END,
};
static const struct param wait_params[] = { NAME_PARAM(true), TIMEOUT_PARAM, END };
static const struct param signal_params[] = {
	NAME_PARAM(true),
	{ "signal", PARAM_STR, true, 1, 16, NULL },
	END,
};
static const struct param send_params[] = {
	NAME_PARAM(true),
	{ "data", PARAM_BYTES, true, 0, TEXT_BYTES_MAX, NULL },
	END,
};
static const struct param since_params[] = {
	{ "boot_id", PARAM_STR, true, 0, 128, NULL },
	{ "session", PARAM_STR, true, 0, 128, NULL },
	{ "offset", PARAM_INT, true, 0, UINT64_MAX, NULL },
	END,
};
static const struct param attach_params[] = {
	NAME_PARAM(false), SIZE_PARAMS(false, 0),
	{ "term", PARAM_STR, false, 0, ATTACHMENT_TEXT_MAX, NULL },
	{ "role", PARAM_STR, false, 1, 16, NULL },
	POLICY_PARAM, BLOCK_PARAM, DRAIN_PARAM,
	{ "take_over", PARAM_BOOL, false, 0, 0, NULL },
	{ "replaces", PARAM_INT, false, 0, UINT32_MAX, NULL },
	{ "shown", PARAM_INT, false, 0, UINT64_MAX, NULL },
	{ "below", PARAM_BOOL, false, 0, 0, NULL },
	{ "exclusive", PARAM_BOOL, false, 0, 0, NULL },
	{ "paint", PARAM_BOOL, false, 0, 0, NULL },
	{ "history", PARAM_INT, false, 0, ATTACHMENT_HISTORY_MAX, NULL },
	{ "from", PARAM_INT, false, 0, UINT64_MAX, NULL },
	{ "since", PARAM_MAP, false, 0, 64, since_params },
	WINDOW_PARAM, COLOR_PARAMS,
	END,
};
static const struct param ack_params[] = {
	ATTACHMENT_PARAM,
	{ "bytes", PARAM_INT, true, 0, UINT64_MAX, NULL },
	END,
};
static const struct param input_params[] = {
	ATTACHMENT_PARAM,
	{ "data", PARAM_BYTES, true, 0, TEXT_BYTES_MAX, NULL },
	END,
};
static const struct param resize_params[] = { ATTACHMENT_PARAM, SIZE_PARAMS(true, 1), END };
static const struct param detach_params[] = {
	{ "attachment", PARAM_INT, false, 0, UINT32_MAX, NULL }, NAME_PARAM(false), END,
};
static const struct param attachment_params[] = { ATTACHMENT_PARAM, END };
static const struct param lease_params[] = {
	ATTACHMENT_PARAM,
	{ "exclusive", PARAM_BOOL, true, 0, 0, NULL },
	END,
};
static const struct param exec_params[] = {
	SANDBOX_PARAM,
	{ "argv", PARAM_STR_ARRAY, true, 1, 2000, NULL },
	{ "cwd", PARAM_STR, false, 0, PATH_BYTES_MAX, NULL },
	ENV_PARAM, CONTAINER_PARAM,
	{ "stdin", PARAM_BOOL, false, 0, 0, NULL },
	TIMEOUT_PARAM, WINDOW_PARAM,
	END,
};
static const struct param logs_params[] = {
	SANDBOX_PARAM, CONTAINER_PARAM,
	{ "follow", PARAM_BOOL, false, 0, 0, NULL },
	{ "tail_lines", PARAM_INT, false, 0, INT32_MAX, NULL },
	{ "since_at", PARAM_INT, false, 0, WALL_MAX_MS, NULL },
	{ "timestamps", PARAM_BOOL, false, 0, 0, NULL },
	WINDOW_PARAM,
	END,
};
static const struct param read_params[] = {
	SANDBOX_PARAM,
	{ "path", PARAM_STR, true, 1, PATH_BYTES_MAX, NULL },
	CONTAINER_PARAM, TIMEOUT_PARAM, WINDOW_PARAM,
	END,
};
static const struct param write_params[] = {
	SANDBOX_PARAM,
	{ "path", PARAM_STR, true, 1, PATH_BYTES_MAX, NULL },
	CONTAINER_PARAM,
	{ "size", PARAM_INT, true, 0, FILE_BYTES_MAX, NULL },
	TIMEOUT_PARAM,
	END,
};
static const struct param scratch_params[] = {
	{ "name", PARAM_STR, true, 1, 256, NULL },
	{ "path", PARAM_STR, true, 1, PATH_BYTES_MAX, NULL },
	END,
};
static const struct param sandbox_create_params[] = {
	{ "image", PARAM_STR, false, 0, 1024, NULL },
	{ "argv", PARAM_STR_ARRAY, false, 0, 2000, NULL },
	{ "lifetime_s", PARAM_INT, false, 0, DURATION_MAX_MS / 1000, NULL },
	{ "tags", PARAM_STR_ARRAY, false, 0, 256, NULL },
	ENV_PARAM,
	{ "scratch", PARAM_ARRAY, false, 0, 64, scratch_params },
	{ "restore", PARAM_STR_MAP, false, 0, 64, NULL },
	{ "wait", PARAM_BOOL, false, 0, 0, NULL },
	{ "hold", PARAM_BOOL, false, 0, 0, NULL },
	{ "request_id", PARAM_STR, false, 0, 256, NULL },
	END,
};
static const struct param keep_params[] = {
	{ "request", PARAM_INT, true, 0, UINT32_MAX, NULL },
	END,
};
static const struct param sandbox_params[] = { SANDBOX_PARAM, END };
static const struct param sandbox_list_params[] = {
	{ "state", PARAM_STR, false, 0, 64, NULL },
	{ "tags", PARAM_STR_ARRAY, false, 0, 256, NULL },
	{ "runner_ids", PARAM_STR_ARRAY, false, 0, 256, NULL },
	{ "show_terminated", PARAM_BOOL, false, 0, 0, NULL },
	{ "page_token", PARAM_STR, false, 0, 4096, NULL },
	{ "limit", PARAM_INT, false, 1, 100, NULL },
	END,
};
static const struct param sandbox_delete_params[] = {
	SANDBOX_PARAM,
	{ "grace_s", PARAM_INT, false, 0, 24 * 3600, NULL },
	{ "allow_missing", PARAM_BOOL, false, 0, 0, NULL },
	{ "snapshot_volumes", PARAM_STR_ARRAY, false, 0, 64, NULL },
	{ "request_id", PARAM_STR, false, 0, 256, NULL },
	TIMEOUT_PARAM,
	END,
};
static const struct param snapshot_create_params[] = {
	SANDBOX_PARAM,
	{ "volume", PARAM_STR, false, 0, 256, NULL },
	{ "request_id", PARAM_STR, false, 0, 256, NULL },
	TIMEOUT_PARAM,
	END,
};
static const struct param snapshot_get_params[] = {
	{ "snapshot_id", PARAM_STR, true, 1, 256, NULL },
	TIMEOUT_PARAM,
	END,
};
static const struct param snapshot_list_params[] = {
	{ "source_sandbox_id", PARAM_STR, false, 0, 256, NULL },
	{ "page_token", PARAM_STR, false, 0, 4096, NULL },
	{ "limit", PARAM_INT, false, 1, 100, NULL },
	TIMEOUT_PARAM,
	END,
};
static const struct param snapshot_delete_params[] = {
	{ "snapshot_id", PARAM_STR, true, 1, 256, NULL },
	{ "allow_missing", PARAM_BOOL, false, 0, 0, NULL },
	TIMEOUT_PARAM,
	END,
};
static const struct param no_params[] = { END };
static const struct param shutdown_params[] = {
	{ "all", PARAM_BOOL, false, 0, 0, NULL },
	{ "force", PARAM_BOOL, false, 0, 0, NULL },
	END,
};

#define FULL RIGHT_FULL
#define ALL (RIGHT_FULL | RIGHT_OBSERVER)
static const struct method table[] = {
	{ "hello", ALL, false, hello_params, on_hello },
	{ "session.create", FULL, false, create_params, on_session_create },
	{ "session.list", ALL, false, list_params, on_session_list },
	{ "session.get", ALL, false, name_params, on_session_get },
	{ "session.rename", FULL, false, rename_params, on_session_rename },
	{ "session.kill", FULL, false, name_params, on_session_kill },
	{ "session.set", FULL, false, set_params, on_session_set },
	{ "session.wait", FULL, false, wait_params, on_session_wait },
	{ "session.signal", FULL, false, signal_params, on_session_signal },
	{ "session.capture", ALL, false, capture_params, on_session_capture },
	{ "session.attach", ALL, false, attach_params, on_session_attach },
	{ "session.ack", ALL, true, ack_params, on_session_ack },
	{ "session.input", FULL, true, input_params, on_session_input },
	{ "session.resize", ALL, true, resize_params, on_session_resize },
	{ "session.detach", ALL, false, detach_params, on_session_detach },
	{ "session.close_input", FULL, false, attachment_params, on_session_close_input },
	{ "session.send", FULL, false, send_params, on_session_send },
	{ "session.lease", FULL, false, lease_params, on_session_lease },
	{ "session.lead", FULL, false, attachment_params, on_session_lead },
	{ "exec", FULL, false, exec_params, on_exec },
	{ "logs", FULL, false, logs_params, on_logs },
	{ "file.read", FULL, false, read_params, on_file_read },
	{ "file.write", FULL, false, write_params, on_file_write },
	{ "sandbox.create", FULL, false, sandbox_create_params, on_sandbox_create },
	{ "sandbox.keep", FULL, false, keep_params, on_sandbox_keep },
	{ "sandbox.get", FULL, false, sandbox_params, on_sandbox_get },
	{ "sandbox.list", FULL, false, sandbox_list_params, on_sandbox_list },
	{ "sandbox.delete", FULL, false, sandbox_delete_params, on_sandbox_delete },
	{ "snapshot.create", FULL, false, snapshot_create_params, on_snapshot_create },
	{ "snapshot.get", FULL, false, snapshot_get_params, on_snapshot_get },
	{ "snapshot.list", FULL, false, snapshot_list_params, on_snapshot_list },
	{ "snapshot.delete", FULL, false, snapshot_delete_params, on_snapshot_delete },
	{ "daemon.status", ALL, false, no_params, on_daemon_status },
	{ "daemon.shutdown", FULL, false, shutdown_params, on_daemon_shutdown },
};

static const char *const errors[] = {
	"bad_frame", "bad_params", "unknown_method", "hello_first", "version", "denied", "busy",
	"limit", "no_memory", "no_such_session", "name_taken", "ended", "not_running",
	"no_such_attachment", "input_window", "bad_ack", "exclusive", "not_supported", "no_key",
	"bad_endpoint", "unreachable", "service", "sandbox_gone",
	"timeout", "cancelled", "internal",
};
/* clang-format on */

const struct method *methods(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(table);
	return table;
}

const char *const *method_errors(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(errors);
	return errors;
}

/* ---- the check of params ---- */

static bool in_range(const struct param *p, uint64_t n)
{
	return n >= p->min && n <= p->max;
}

static const char *check_fields(const struct param *params, const msgpack_object *map);

static bool check_str_array(const msgpack_object_array *a)
{
	struct frame_span s;

	for (uint32_t i = 0; i < a->size; i++)
		if (frame_as_str(&a->ptr[i], &s))
			return false;
	return true;
}

static bool check_str_map(const msgpack_object_map *m)
{
	struct frame_span s;

	for (uint32_t i = 0; i < m->size; i++)
		if (frame_as_str(&m->ptr[i].key, &s) || frame_as_str(&m->ptr[i].val, &s))
			return false;
	return true;
}

static bool check_array(const struct param *p, const msgpack_object_array *a)
{
	for (uint32_t i = 0; i < a->size; i++)
		if (a->ptr[i].type != MSGPACK_OBJECT_MAP || check_fields(p->of, &a->ptr[i]))
			return false;
	return true;
}

/* clang-format off */
static const msgpack_object_type param_types[] = {
	[PARAM_INT] = MSGPACK_OBJECT_POSITIVE_INTEGER, [PARAM_BOOL] = MSGPACK_OBJECT_BOOLEAN,
	[PARAM_STR] = MSGPACK_OBJECT_STR, [PARAM_BYTES] = MSGPACK_OBJECT_BIN,
	[PARAM_MAP] = MSGPACK_OBJECT_MAP, [PARAM_STR_MAP] = MSGPACK_OBJECT_MAP,
	[PARAM_ARRAY] = MSGPACK_OBJECT_ARRAY, [PARAM_STR_ARRAY] = MSGPACK_OBJECT_ARRAY,
};
/* clang-format on */

/* 0: right or absent. */
static bool check_value(const struct param *p, const msgpack_object *o)
{
	bool is_bytes = p->type == PARAM_BYTES && o->type == MSGPACK_OBJECT_STR;
	struct frame_span s;

	if (o->type != param_types[p->type] && !is_bytes)
		return false;
	switch (p->type) {
	case PARAM_INT:
		return in_range(p, o->via.u64);
	case PARAM_BOOL:
		return true;
	case PARAM_STR:
		return frame_as_str(o, &s) == 0 && in_range(p, s.n);
	case PARAM_BYTES:
		return in_range(p, is_bytes ? o->via.str.size : o->via.bin.size);
	case PARAM_MAP:
		return in_range(p, o->via.map.size) && !check_fields(p->of, o);
	case PARAM_STR_MAP:
		return in_range(p, o->via.map.size) && check_str_map(&o->via.map);
	case PARAM_ARRAY:
		return in_range(p, o->via.array.size) && check_array(p, &o->via.array);
	case PARAM_STR_ARRAY:
		return in_range(p, o->via.array.size) && check_str_array(&o->via.array);
	}
	return false;
}

/* The first field that is wrong; NULL: none. */
static const char *check_fields(const struct param *params, const msgpack_object *map)
{
	const msgpack_object *o;

	for (const struct param *p = params; p->name; p++) {
		o = frame_get(map, p->name);
		if (o ? !check_value(p, o) : p->required)
			return p->name;
	}
	return NULL;
}

/* ---- dispatch ---- */

static const struct method *find(const struct frame *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (frame_is(f, table[i].name))
			return &table[i];
	return NULL;
}

static bool is_allowed(const struct client *c, const struct method *m)
{
	return m->rights & (c->observer ? RIGHT_OBSERVER : RIGHT_FULL);
}

void methods_dispatch(struct client *c, const struct frame *f)
{
	const struct method *m = find(f);
	const char *field;

	if (!c->greeted && (!m || m->handle != on_hello)) {
		client_refuse(
			c, f, "hello_first", "The first request of a connection must be `hello`.");
		return;
	}
	if (!m || (f->kind == FRAME_NOTIFICATION && !m->notification)) {
		client_refuse(
			c, f, "unknown_method", "This daemon has no such method; it may be older.");
		return;
	}
	if (!is_allowed(c, m)) {
		client_refuse(
			c, f, "denied", "This socket is for observers; use the daemon's own.");
		return;
	}
	if (c->n_requests >= CLIENT_REQUESTS_MAX && f->kind == FRAME_REQUEST &&
		m->handle != on_sandbox_keep) { /* which makes one fewer of them */
		client_refuse(c, f, "busy", "Too many requests wait for an answer; try again.");
		return;
	}
	field = check_fields(m->params, f->params);
	if (field)
		refuse_param(c, f, field);
	else
		m->handle(c, f);
}
