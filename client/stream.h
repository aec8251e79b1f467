/*
 * stream - exec, logs and files: a call's bytes to our descriptors, and ours to the call
 *
 * What comes is written before it counts as consumed: our reader alone paces the call.
 */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include "client/cli.h"

struct stream {
	struct cli *cli;
	int64_t attachment;
	int out, err; /* where streams 1 and 2 go */
	int in;       /* forwarded until its end, then the call's input is closed; -1: none */
	const uint8_t *data; /* or this is, all of it */
	size_t n_data;
	bool up;           /* the service said that it runs */
	bool says_waiting; /* until then, on a terminal, that we wait */
	bool has_output;   /* something came */
	struct cli_progress waiting;
	/* what is not written yet, of the current event: only while input is forwarded too */
	const uint8_t *rest;
	size_t n_rest;
	int rest_fd;
	int write_errno; /* of STREAM_E_OUTPUT */
	int read_errno;  /* of STREAM_E_INPUT */
};

#define STREAM_E_OUTPUT 1 /* our output could not be written: stream_output_failed() */
/* `in` could not be read: read_errno. The call's input stays open, so that nothing takes what came
 * before for all there is. */
#define STREAM_E_INPUT 2

/* Starts the call: 0 and s->attachment; otherwise as cli_try(). */
int stream_begin(struct stream *s, const struct cwsandbox_request *q, struct cwsandbox_event *ret);
/* Runs it to its end, told by *ret (exited or detached). -errno, or CWSANDBOX_E_REFUSED where
 * what we sent was not taken: `ret->error` says it. */
int stream_run(struct stream *s, struct cwsandbox_event *ret);
/* The exit code after STREAM_E_OUTPUT: a reader that has gone is no error, any other is printed. */
int stream_output_failed(const struct stream *s);
/* The exit code of an ended call that should end with 0: its error is printed. */
int stream_end(const struct cwsandbox_event *end, const struct error_context *x);

#endif
