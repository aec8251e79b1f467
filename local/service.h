/*
 * service - the methods of the sandbox service: who may call, which family answers
 *
 * A call begins with call_accept() and lives until its stream closed; then it waits on its
 * connection's list of the dead until the turn's flush. Before anything else of a request is looked
 * at its right is checked: the token, or on the direct plane what the connection's certificate
 * grants, which is fewer methods and one sandbox.
 *
 * Units:  bytes, microseconds.
 * Bounds: SERVICE_REQUEST_MAX for a unary request, SERVICE_GATHER_MAX for all that are being
 * gathered.
 */
#ifndef LOCAL_SERVICE_H
#define LOCAL_SERVICE_H

#include "common/ledger.h"
#include "common/list.h"
#include "common/wire/grpc.h"
#include "local/box.h"
#include "local/drain.h"
#include "local/log_session.h"
#include "local/grant.h"
#include "local/page.h"

#define SERVICE_REQUEST_MAX ((size_t)4 * 1024 * 1024)
#define SERVICE_GATHER_MAX ((size_t)256 * 1024 * 1024)
#define SERVICE_DIGEST_BYTES 32
#define SERVICE_TOKEN_MAX 8192

#define REASON_NOT_FOUND "CWSANDBOX_SANDBOX_NOT_FOUND"
#define REASON_NOT_IMPLEMENTED "CWSANDBOX_NOT_IMPLEMENTED"
#define REASON_INVALID_REQUEST "CWSANDBOX_INVALID_REQUEST"

struct call;
struct direct;
struct faults;

struct service {
	struct loop *loop;
	struct boxes *boxes;
	struct log_sessions log_sessions;
	struct ledger gathering;             /* bytes of requests not complete yet */
	uint8_t token[SERVICE_DIGEST_BYTES]; /* SHA-256 of the token */
	const struct direct *direct;         /* NULL: there is no direct plane */
	struct faults *faults;               /* NULL: all is well */
	uint64_t n_calls;                    /* since the start */
};

/* Where calls of one connection are. */
struct calls {
	struct service *service;
	struct list live, dead;    /* struct call::link */
	const struct grant *grant; /* on the direct plane: all that is allowed here; else NULL */
	bool authenticated;        /* one call had the right token, or there is a grant */
};

/* One method. A unary request comes whole by on_request; else on_part gets every part and returns
 * the window. */
struct method {
	const char *name;
	permission_t permission; /* on the direct plane; 0: it is not there */
	size_t request_max;      /* bytes; 0: SERVICE_REQUEST_MAX */
	void (*on_request)(struct call *call, const uint8_t *data, size_t n);
	int (*on_open)(struct call *call); /* makes call->state; < 0: refused with INTERNAL */
	int (*on_part)(struct call *call, const struct grpc_part *part);
	void (*on_half_close)(struct call *call);
};

/* What a call that goes on answers with; set by the method. */
struct call_ops {
	size_t (*read)(struct call *call, uint8_t *buf, size_t n);
	void (*on_deadline)(struct call *call); /* NULL: only the status */
	void (*on_end)(struct call *call);      /* frees call->state; the stream is closed */
	/* Ends the call with an error within its stream; NULL: it has no such thing. */
	void (*on_break)(struct call *call, const char *code, const char *message);
	/* Every DRAIN_STEP_USEC if there is a limit; NULL: it is not held to it. */
	void (*on_drain)(struct call *call, const struct drain_limit *limit);
};

struct call {
	struct grpc_call rpc;
	struct calls *calls;
	struct service *service;
	const struct method *method;
	const struct call_ops *ops;
	void *state;
	struct list link;
	uint64_t seq;                      /* service::n_calls when it came */
	char sandbox_id[SANDBOX_ID_BYTES]; /* "": not known yet */
	uint64_t sent;                     /* bytes of body, prefixes included */
	struct grpc_gather gather;
	size_t gathering;       /* charged to service->gathering */
	struct grpc_outbox out; /* read before ops->read */
	struct event *ev_deadline, *ev_finish;
	struct grpc_status finish; /* for call_finish_later() */
	bool gathered;             /* a unary request: it was handed over */
	bool answered;             /* its end was said */
	bool cut;                  /* with an error: ops->read is not asked any more */
};

int service_init(struct service *s, struct loop *loop, struct boxes *boxes, const char *token);
void service_done(struct service *s);

void calls_init(struct calls *calls, struct service *service);
/* Only what this says, from now on; it lives as long as `calls`. */
void calls_grant(struct calls *calls, const struct grant *grant);
void calls_free_dead(struct calls *calls);
/* h2_ops.on_request */
void call_accept(struct calls *calls, struct h2_stream *stream);

/* ---- for the methods ---- */

/* The on_part of a unary method: on_request gets the whole request, at most once. */
int call_gather(struct call *call, const struct grpc_part *part);
/* Ends it; `st` is freed. Nothing more may be answered. */
void call_fail(struct call *call, struct grpc_status *st);
void call_fail_with(struct call *call, int code, const char *reason, const char *fmt, ...)
	_printf_(4, 5);
/* Of what went wrong here, -errno: RESOURCE_EXHAUSTED for what may be there again later, else INTERNAL. */
int call_code_of(int error);
void call_fail_memory(struct call *call);
void call_fail_not_understood(struct call *call);
/* INVALID_ARGUMENT with one field violation. */
void call_fail_field(struct call *call, const char *field, const char *what);
/* The same with OK, after what `out` and ops->read still have. */
void call_finish(struct call *call);
/* From within ops->read, where nothing may be finished. Takes st's strings. */
void call_finish_later(struct call *call, struct grpc_status *st);
/* One message and the end. */
void call_answer(struct call *call, const ProtobufCMessage *m);
/* One more message; the stream goes on. -ENOMEM. */
int call_put(struct call *call, const ProtobufCMessage *m);
/* The sandbox of that id, or NULL: the call is then answered with NOT_FOUND. */
struct sandbox *call_sandbox(struct call *call, const char *id);
/* The same, and it must be running and have that container; ret_container (may be NULL): which one that is. */
struct box *call_box(
	struct call *call, const char *id, const char *container, size_t *ret_container);
/* Which part of a list a request asks for. False: it is none; answered. */
bool call_page(struct call *call, int32_t size, const char *token, struct page *ret);
/* Arms ops->on_deadline if the caller gave one. */
void call_arm_deadline(struct call *call);

extern const struct method sandboxes_methods[], exec_methods[], logs_methods[], files_methods[],
	snapshots_methods[], connect_methods[];

#endif
