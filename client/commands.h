/*
 * commands - what one command borrows from another
 */
#ifndef CLIENT_COMMANDS_H
#define CLIENT_COMMANDS_H

#include "client/cli.h"

/* Creates a sandbox (options of `create`, or NULL; argv NULL: one that stays alive) and waits until
 * it runs. As cli_ask(). */
int sandbox_create(struct cli *cli, const struct parsed *options, const char *const *argv,
	struct cwsandbox_event *ret);
/* Stops the daemon: 0, or an exit code with the error printed. No daemon is success too. */
int daemon_stop(struct cli *cli, bool all, bool force);

#endif
