/*
 * cfg - the configuration: defaults, then the file (INI), then the environment; flags come last, by
 * the caller
 *
 * Every key is a row of one table (cfg.c) that gives its type, bounds and default;
 * man/cwsandboxd.conf.5 describes each. A key of the file may stand before any section or in
 * [cwsandboxd].
 *
 * Units:  bytes, microseconds; strings are malloc'd, NULL = unset.
 * Errors: -errno, with a sentence in why[CFG_WHY_MAX] that names file, line and key. A bad file
 * changes nothing.
 */
#ifndef COMMON_CFG_H
#define COMMON_CFG_H

#include "common/util.h"

#define CFG_WHY_MAX 512
#define CFG_FILE_MAX ((size_t)64 * 1024) /* bytes */

/* What only a program can tell of a value in the file: 0, or -EINVAL with a sentence. */
typedef int cfg_check(const char *key, const char *value, char why[CFG_WHY_MAX]);

struct cfg {
	cfg_check *check; /* NULL: none; set after cfg_init() */
	/* the endpoint of who names none */
	char *url, *auth, *entity, *project, *ca_file, *proxy, *no_proxy;
	char *key;         /* only from the environment; wiped by cfg_done and cfg_wipe_key */
	bool url_from_env; /* a key goes in clear text only with a URL of the same source */
	char *key_file, *key_command;
	/* sessions */
	uint64_t log_bytes, window_bytes, block_timeout_usec, linger_usec, history_lines;
	char *size, *detach_keys;
	/* bounds */
	uint64_t max_sessions, max_clients, max_attachments, max_memory_bytes;
	uint64_t max_connections; /* to the service, per endpoint */
	uint64_t max_streams;     /* per connection */
	bool observe, clipboard, lead_notice;
};

int cfg_init(struct cfg *c); /* the defaults; -ENOMEM */
void cfg_done(struct cfg *c);
void cfg_wipe_key(struct cfg *c);
/* `path` need not exist unless `must_exist`. */
int cfg_read_file(struct cfg *c, const char *path, bool must_exist, char why[CFG_WHY_MAX]);
/* The official variables, W&B's, CWSANDBOX_CA_FILE, HTTPS_PROXY and NO_PROXY. */
int cfg_read_env(struct cfg *c, char why[CFG_WHY_MAX]);
/* Overwrites the keys in our environment, which others of our user can read in /proc. */
void cfg_wipe_env(void);
/* One key, as the file would set it. -ENOENT: no such key; -EINVAL, -ERANGE: its value. */
int cfg_set(struct cfg *c, const char *key, const char *value, char why[CFG_WHY_MAX]);

#endif
