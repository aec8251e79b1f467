/*
 * errors - what to print for an error of the daemon or the service: the official client's words
 * where it has some
 */
#ifndef CLIENT_ERRORS_H
#define CLIENT_ERRORS_H

#include "client/cwsandbox.h"

#define ERRORS_TEXT_MAX 4096

struct error_context {
	const char *operation;   /* "Get sandbox"; NULL: a command of our own */
	const char *sandbox_id;  /* NULL if none is in play */
	const char *session;     /* the name, NULL if none is in play */
	const char *command;     /* exec: its shell-quoted argv */
	double timeout_s;        /* exec */
	const char *snapshot_id; /* NULL if none is in play */
};

/* One printable line without "Error: ", in buf. */
const char *error_text(char buf[ERRORS_TEXT_MAX], const struct cwsandbox_error *e,
	const struct error_context *context);
/* The service does not know the sandbox, or the snapshot. */
bool error_is_missing(const struct cwsandbox_error *e);

/* What goes before a session's name in a command line that is shown: "-- " where it begins with a dash. */
const char *error_before(const char *name);

#endif
