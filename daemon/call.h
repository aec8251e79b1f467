/*
 * call - one gRPC call to an endpoint: waits for a connection, runs, ends once
 *
 * Embedded in what uses it. It sends its request (an outbox of whole messages), then what `read` gives, and
 * half-closes at once when `read` is NULL.
 *
 * Retry:    a call the service provably did not process goes out once more, on another connection, while
 *           nothing but the request was sent.
 * Ends:     on_done exactly once after call_start() succeeded, never from within a call in; then the user may
 *           start the call again, or bury itself (pool_bury): the memory must outlive on_done.
 * Deadline: timeout_usec from call_start(), waiting included; 0 = none.
 */
#ifndef DAEMON_CALL_H
#define DAEMON_CALL_H

#include "common/list.h"
#include "common/wire/grpc.h"

#define CALL_PREFIX "/coreweave.sandbox.v1.SandboxService/"

struct call;
struct conn;
struct endpoint;
struct event;

/* < 0 from on_part ends the call with INTERNAL. */
struct call_ops {
	int (*on_part)(struct call *call, const struct grpc_part *part);
	/* Body bytes after the request, prefixes included; as grpc_call_ops.read. May be NULL. */
	size_t (*read)(struct call *call, uint8_t *buf, size_t n, bool *ret_end);
	void (*on_done)(struct call *call, const struct grpc_status *st);
};

enum call_state { CALL_IDLE, CALL_WAITING, CALL_STARTED };

struct call {
	struct list link; /* struct endpoint::waiting, then struct conn::calls */
	const struct call_ops *ops;
	struct endpoint *ep; /* a reference, until on_done */
	struct conn *conn;   /* STARTED: it outlives the call's grpc */
	enum call_state state;
	const char *path; /* static */
	struct grpc_call grpc;
	struct grpc_outbox request; /* whole; kept to be repeated, until it is forgotten */
	size_t request_sent;        /* bytes of it */
	bool wide;                  /* its answer may have CONN_STREAM_WINDOW in flight */
	size_t message_max;         /* bytes of a message we take; 0: the default */
	uint64_t until_usec;        /* loop clock; 0 = none */
	struct event *timer;
	bool touched; /* `read` gave bytes: not to be repeated */
	bool retried, heard;
	bool cancelled; /* while it waited: the turn's end says so */
	struct grpc_status end;
	size_t lost_bytes;
};

void call_init(struct call *c, const struct call_ops *ops);
void call_done(struct call *c); /* of an idle one */
int call_start(struct call *c, struct endpoint *ep, const char *path, uint64_t timeout_usec);
/* on_done follows with CANCELLED, or with `st`. */
void call_cancel(struct call *c, const struct grpc_status *st);
/* The answer has begun, so it is not repeated: a request that was sent gives its memory back. */
void call_forget_request(struct call *c);
/* `read` has bytes again. */
void call_resume(struct call *c);
void call_consume(struct call *c, size_t n);
bool call_is_idle(const struct call *c);
/* Body bytes given to the connection whose fate is unknown: now, or when it was lost. */
size_t call_uncertain(const struct call *c);

/* For the endpoint: puts a waiting call on a connection. H2_E_BUSY: none taken. */
int call_begin(struct call *c, struct conn *conn);
/* For the connection: it is about to be lost. */
void call_losing(struct call *c);
/* For the endpoint: ends a waiting call. */
void call_fail(struct call *c, const struct grpc_status *st);

#endif
