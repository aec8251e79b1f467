/*
 * commands - what one command borrows from another
 */
#ifndef CLIENT_COMMANDS_H
#define CLIENT_COMMANDS_H

#include "client/cli.h"

/* Creates a sandbox (options of `create`, or NULL; argv NULL: one that stays alive) and waits until
 * it runs. As cli_ask(). It is deleted when we end before cli_keep(). */
int sandbox_create(struct cli *cli, const struct parsed *options, const char *const *argv,
	struct cwsandbox_event *ret);
/* Nothing of it runs any more. */
bool sandbox_is_over(const char *state);
/* `delete` of what q names, with --missing-ok and --quiet; `kind` is "sandbox " or "snapshot ", and
 * `said` that or "", as the official client has it. An exit code. */
int delete_one(struct cli *cli, const struct parsed *p, const struct cwsandbox_request *q,
	const struct error_context *x, const char *kind, const char *said);
/* Waits until a snapshot is ready. 0, or an exit code with the error printed. */
int snapshots_await(struct cli *cli, const char *id, const char *operation);
/* The value of an option of several commands. */
extern const char *const choices_policy[];
/* Whose size the shell has; NULL is nobody's. 0, or a usage error that names `where`. */
int check_size(const struct parsed *p, const char *where, const char *size);
/* --policy, --lossless, --window and --block-timeout: 0, or a usage error. */
int read_settings(const struct parsed *p, struct cwsandbox_request *q);
/* Stops the daemon: 0, or an exit code with the error printed. No daemon is success too. */
int daemon_stop(struct cli *cli, bool all, bool force);

#endif
