/*
 * attach - a session on the user's terminal, until it ends, is left, or is lost
 *
 * Whatever ends it, the terminal is put back before anything is said. What was written to the
 * terminal counts as consumed, no sooner; a terminal that takes nothing never keeps keys from being
 * read.
 */
#ifndef CLIENT_ATTACH_H
#define CLIENT_ATTACH_H

#include "client/cli.h"
#include "client/keys.h"
#include "common/term/term.h"

struct attach_options {
	struct cwsandbox_request request; /* session.attach; size and term are filled in */
	const char *set_size;             /* the session's size policy, NULL = as it is */
	const char *detach_keys;          /* NULL = the configured ones */
	const char *lead_notice;          /* "yes", "no"; NULL = as configured */
	const char *made; /* the sandbox that was made for the session; NULL: it was there */
	bool observer;
	struct term_buf
		typed; /* keys that came before there was the session; freed by attach_run() */
	bool official; /* `sh`: its exit codes, and no word about a normal end */
};

/* Runs it; the exit code. That there is no such session is printed, or, with ret_missing, told by
 * it; what was typed meanwhile stays in `typed` then, for the next run. */
int attach_run(struct cli *cli, struct attach_options *o, bool *ret_missing);

#endif
