#include "common/cfg.h"

#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "common/paths.h"
#include "common/text.h"

#define TEXT_VALUE_MAX ((size_t)4096) /* bytes */
#define KEY_MAX ((size_t)8192)        /* bytes; as the local protocol's hello */

enum cfg_type { CFG_TEXT, CFG_COUNT, CFG_SIZE, CFG_DURATION, CFG_BOOL };

struct cfg_row {
	const char *key;
	enum cfg_type type;
	size_t offset;
	uint64_t min, max;
	const char *initial;
};

/* clang-format off */
#define AT(field) offsetof(struct cfg, field)
static const struct cfg_row rows[] = {
	/* key            type          field                    min                max                  default */
	{ "url",           CFG_TEXT,     AT(url),                0,                 0,                   NULL },
	{ "auth",          CFG_TEXT,     AT(auth),               0,                 0,                   NULL },
	{ "entity",        CFG_TEXT,     AT(entity),             0,                 0,                   NULL },
	{ "project",       CFG_TEXT,     AT(project),            0,                 0,                   NULL },
	{ "ca-file",       CFG_TEXT,     AT(ca_file),            0,                 0,                   NULL },
	{ "proxy",         CFG_TEXT,     AT(proxy),              0,                 0,                   NULL },
	{ "no-proxy",      CFG_TEXT,     AT(no_proxy),           0,                 0,                   NULL },
	{ "key-file",      CFG_TEXT,     AT(key_file),           0,                 0,                   NULL },
	{ "key-command",   CFG_TEXT,     AT(key_command),        0,                 0,                   NULL },
	{ "log-bytes",     CFG_SIZE,     AT(log_bytes),          256 * 1024,        1024u * 1024 * 1024, "4M" },
	{ "window",        CFG_SIZE,     AT(window_bytes),       4 * 1024,          1024 * 1024,         "64K" },
	{ "block-timeout", CFG_DURATION, AT(block_timeout_usec), USEC_PER_SEC,      86400 * USEC_PER_SEC, "60s" },
	{ "linger",        CFG_DURATION, AT(linger_usec),        60 * USEC_PER_SEC, 366 * 86400 * USEC_PER_SEC, "24h" },
	{ "history-lines", CFG_COUNT,    AT(history_lines),      0,                 100000,              "1000" },
	{ "size",          CFG_TEXT,     AT(size),               0,                 0,                   "lead" },
	{ "detach-keys",   CFG_TEXT,     AT(detach_keys),        0,                 0,                   NULL },
	{ "max-sessions",  CFG_COUNT,    AT(max_sessions),       1,                 100000,              "10000" },
	{ "max-clients",   CFG_COUNT,    AT(max_clients),        1,                 100000,              "1024" },
	{ "max-attachments", CFG_COUNT,  AT(max_attachments),    1,                 100000,              "4096" },
	{ "max-memory",    CFG_SIZE,     AT(max_memory_bytes),   64 * 1024 * 1024,  UINT64_C(1) << 40,   "1G" },
	{ "max-connections", CFG_COUNT,  AT(max_connections),    1,                 64,                  "4" },
	{ "max-streams",   CFG_COUNT,    AT(max_streams),        1,                 10000,               "100" },
	{ "observe",       CFG_BOOL,     AT(observe),            0,                 0,                   "no" },
	{ "clipboard",     CFG_BOOL,     AT(clipboard),          0,                 0,                   "no" },
	{ "lead-notice",   CFG_BOOL,     AT(lead_notice),        0,                 0,                   "yes" },
};
/* clang-format on */

static void *field_of(struct cfg *c, const struct cfg_row *row)
{
	return (char *)c + row->offset;
}

/* ---- values -------------------------------------------------------------------------------------
 */

static int replace_text(char **field, const char *value)
{
	char *copy = NULL;

	if (value && *value) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	free(*field);
	*field = copy;
	return 0;
}

static int parse_bool(const char *value, bool *ret)
{
	static const char *const words[2][4] = { { "no", "false", "off", "0" },
		{ "yes", "true", "on", "1" } };

	for (size_t on = 0; on < 2; on++)
		for (size_t i = 0; i < 4; i++)
			if (strcasecmp(value, words[on][i]) == 0) {
				*ret = on == 1;
				return 0;
			}
	return -EINVAL;
}

static int parse_number(const struct cfg_row *row, const char *value, uint64_t *ret)
{
	char digits[24];
	size_t n = strlen(value);

	if (row->type == CFG_DURATION)
		return text_parse_duration(value, ret);
	if (row->type == CFG_SIZE)
		return text_parse_size(value, ret);
	if (n == 0 || n >= sizeof(digits) || strspn(value, "0123456789") != n)
		return -EINVAL;
	return text_parse_size(value, ret);
}

static int set_number(
	const struct cfg_row *row, void *field, const char *value, char why[CFG_WHY_MAX])
{
	static const char *const forms[] = {
		[CFG_COUNT] = "a number",
		[CFG_SIZE] = "a size such as 64K or 4M",
		[CFG_DURATION] = "a duration such as 60s or 24h",
	};
	const char *unit = row->type == CFG_SIZE ? " bytes" : row->type == CFG_DURATION ? " s" : "";
	uint64_t v = 0, scale = row->type == CFG_DURATION ? USEC_PER_SEC : 1;
	int r;

	r = parse_number(row, value, &v);
	if (r == -EINVAL)
		return text_because(why, CFG_WHY_MAX, r, "%s: \"%s\" is not %s.", row->key, value,
			forms[row->type]);
	if (r < 0 || v < row->min || v > row->max)
		return text_because(why, CFG_WHY_MAX, -ERANGE,
			"%s: \"%s\" is not between %ju and %ju%s.", row->key, value,
			(uintmax_t)(row->min / scale), (uintmax_t)(row->max / scale), unit);
	*(uint64_t *)field = v;
	return 0;
}

static int set_row(
	struct cfg *c, const struct cfg_row *row, const char *value, char why[CFG_WHY_MAX])
{
	void *field = field_of(c, row);

	if (row->type == CFG_TEXT && strlen(value) > TEXT_VALUE_MAX)
		return text_because(why, CFG_WHY_MAX, -ERANGE,
			"%s: the value is longer than %zu bytes.", row->key, TEXT_VALUE_MAX);
	if (row->type == CFG_TEXT)
		return replace_text(field, value);
	if (row->type != CFG_BOOL)
		return set_number(row, field, value, why);
	if (parse_bool(value, field) < 0)
		return text_because(why, CFG_WHY_MAX, -EINVAL, "%s: \"%s\" is neither yes nor no.",
			row->key, value);
	return 0;
}

int cfg_set(struct cfg *c, const char *key, const char *value, char why[CFG_WHY_MAX])
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].key, key) == 0)
			return set_row(c, &rows[i], value, why);
	return text_because(
		why, CFG_WHY_MAX, -ENOENT, "\"%s\" is no key; cwsandboxd.conf(5) lists them.", key);
}

int cfg_init(struct cfg *c)
{
	char why[CFG_WHY_MAX];
	int r;

	*c = (struct cfg){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].initial)
			continue;
		r = set_row(c, &rows[i], rows[i].initial, why);
		if (r < 0) {
			cfg_done(c);
			return r;
		}
	}
	return 0;
}

void cfg_wipe_key(struct cfg *c)
{
	if (c->key)
		explicit_bzero(c->key, strlen(c->key));
	free(c->key);
	c->key = NULL;
}

void cfg_done(struct cfg *c)
{
	cfg_wipe_key(c);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].type == CFG_TEXT)
			free(*(char **)field_of(c, &rows[i]));
	}
	*c = (struct cfg){ 0 };
}

/* ---- the file -----------------------------------------------------------------------------------
 */

struct parse {
	struct cfg *cfg;
	char why[CFG_WHY_MAX]; /* of the first bad line */
	int r;
};

static int on_value(void *arg, const char *section, const char *key, const char *value)
{
	struct parse *p = arg;

	if (p->r < 0)
		return 0;
	if (*section && strcmp(section, "cwsandboxd") != 0)
		p->r = text_because(p->why, CFG_WHY_MAX, -EINVAL,
			"\"%s\" is in \"[%s]\", which is no section: use [cwsandboxd] or none.",
			key, section);
	else
		p->r = cfg_set(p->cfg, key, value, p->why);
	if (p->r == 0 && *value && p->cfg->check)
		p->r = p->cfg->check(key, value, p->why);
	return p->r == 0;
}

static int parse_text(struct cfg *c, const char *text, const char *path, char why[CFG_WHY_MAX])
{
	struct parse p = { .cfg = c };
	int line = ini_parse_string(text, on_value, &p);

	if (line == 0)
		return 0;
	if (line < 0)
		return -ENOMEM;
	if (p.r == 0)
		return text_because(why, CFG_WHY_MAX, -EINVAL,
			"%s, line %d: neither \"key = value\" nor \"[section]\".", path, line);
	return text_because(why, CFG_WHY_MAX, p.r, "%s, line %d: %s", path, line, p.why);
}

int cfg_read_file(struct cfg *c, const char *path, bool must_exist, char why[CFG_WHY_MAX])
{
	_cleanup_(freep) char *text = NULL, *real = realpath(path, NULL);
	struct cfg trial;
	size_t n = 0;
	int r;

	/* people keep their configuration elsewhere, and links to it */
	r = paths_read_file(AT_FDCWD, real ? real : path, CFG_FILE_MAX, &text, &n);
	if ((r == -ENOENT || r == -ENOTDIR) && !must_exist)
		return 0;
	if (r < 0)
		return text_because(why, CFG_WHY_MAX, r, "%s cannot be read: %s.", path,
			r == -EFBIG    ? "it is longer than 64 KiB"
			: r == -EINVAL ? "it is not a regular file"
			: r == -ELOOP  ? "it is a link that leads nowhere"
				       : strerror(-r));
	if (strlen(text) != n)
		return text_because(why, CFG_WHY_MAX, -EINVAL, "%s holds a NUL byte.", path);
	r = cfg_init(&trial); /* first on trial, so that a bad file changes nothing */
	if (r < 0)
		return r;
	trial.check = c->check;
	r = parse_text(&trial, text, path, why);
	cfg_done(&trial);
	return r < 0 ? r : parse_text(c, text, path, why);
}

/* ---- the environment ----------------------------------------------------------------------------
 */

static const char *env_of(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static const char *const key_names[] = { "CWSANDBOX_API_KEY", "WANDB_API_KEY" };

static bool uses_wandb(const struct cfg *c)
{
	return c->auth && strcmp(c->auth, "wandb") == 0;
}

static int read_env_key(struct cfg *c, char why[CFG_WHY_MAX])
{
	const char *name = key_names[uses_wandb(c)], *key = env_of(name);

	if (!key)
		return 0;
	if (strlen(key) > KEY_MAX)
		return text_because(
			why, CFG_WHY_MAX, -ERANGE, "%s is longer than %zu bytes.", name, KEY_MAX);
	for (const char *p = key; *p; p++)
		if (*p <= ' ' || *p > '~')
			return text_because(why, CFG_WHY_MAX, -EINVAL,
				"%s must be visible ASCII characters.", name);
	cfg_wipe_key(c);
	return replace_text(&c->key, key);
}

int cfg_read_env(struct cfg *c, char why[CFG_WHY_MAX])
{
	static const struct {
		const char *name, *key;
	} texts[] = {
		{ "CWSANDBOX_BASE_URL", "url" },
		{ "CWSANDBOX_AUTH", "auth" },
		{ "CWSANDBOX_CA_FILE", "ca-file" },
		{ "WANDB_ENTITY", "entity" },
		{ "WANDB_PROJECT", "project" },
		{ "https_proxy", "proxy" },
		{ "HTTPS_PROXY", "proxy" },
		{ "no_proxy", "no-proxy" },
		{ "NO_PROXY", "no-proxy" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *value = env_of(texts[i].name);
		int r = value ? cfg_set(c, texts[i].key, value, why) : 0;

		if (r < 0)
			return r;
	}
	c->url_from_env = env_of("CWSANDBOX_BASE_URL") != NULL;
	return read_env_key(c, why);
}

void cfg_wipe_env(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(key_names); i++) {
		char *key = getenv(key_names[i]);

		if (key)
			explicit_bzero(key, strlen(key));
		unsetenv(key_names[i]);
	}
}
