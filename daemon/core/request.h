/*
 * request - one unary method that waits for the service: sandbox.*, snapshot.*, daemon.*
 *
 * The core checks the params and makes the request; the rim works on it (upstream_service.request)
 * and ends it exactly once with request_done() or request_fail(). When the client goes first, the
 * core calls upstream_service.request_cancel and the rim forgets it.
 *
 * A `sandbox.create` with `hold` is cancelled once more after it was answered, when the client goes
 * or says `sandbox.keep`: `kept` tells which.
 *
 * `daemon.shutdown` comes here only when no plain session would be lost by it, or with `force`.
 *
 * Owner: the core, until done/fail/cancel returned; of one with `hold`, done leaves it until
 * cancel. `frame.params` is the request's own copy of the params.
 */
#ifndef DAEMON_CORE_REQUEST_H
#define DAEMON_CORE_REQUEST_H

#include "common/frame.h"
#include "common/list.h"

struct client;

enum request_kind {
	REQUEST_SANDBOX_CREATE,
	REQUEST_SANDBOX_GET,
	REQUEST_SANDBOX_LIST,
	REQUEST_SANDBOX_DELETE,
	REQUEST_SNAPSHOT_CREATE,
	REQUEST_SNAPSHOT_GET,
	REQUEST_SNAPSHOT_LIST,
	REQUEST_SNAPSHOT_DELETE,
	REQUEST_DAEMON_STATUS,
	REQUEST_DAEMON_SHUTDOWN,
};

struct request {
	enum request_kind kind;
	struct frame
		frame; /* checked: types and ranges are those of methods.c; params point into it */
	struct client *client;
	struct list link; /* struct client::requests */
	uint32_t id;
	void *rim;     /* the rim's state for it */
	bool starting; /* inside upstream_service.request() */
	bool ended;    /* answered there: freed when it returned */
	bool hold;     /* what it makes is the client's only once that says so */
	bool held;     /* answered, and not kept yet */
	bool kept;
	uint8_t bytes[];
};

/* An error to a client: what doc/protocol.md section 2 lists. Strings die on return; NULL = absent.
 */
struct request_error {
	const char *code, *message;
	const char *field;                    /* bad_params */
	const char *sandbox_id;               /* sandbox_gone */
	const char *url;                      /* unreachable, no_key */
	const char *status, *reason, *detail; /* service */
	int status_code;
	bool has_retry_after;
	uint64_t retry_after_ms;
	const struct request_violation {
		const char *field, *description;
	} * violations;
	size_t n_violations;
};

/* Starts the result frame: put exactly n_fields fields (FRAME_NIL: nil) into *ret, then
 * request_done(), with no other call into the core between. */
struct frame_out *request_result(struct request *req, size_t n_fields);
/* Sends what request_result() began, or that it is too large for a frame. Frees req, unless it
 * holds. */
void request_done(struct request *req);
void request_fail(struct request *req, const struct request_error *error);

/* ---- for the core ---- */

/* Its answer goes to the client of `f`. -ENOMEM: nothing began. */
int request_start(struct client *c, enum request_kind kind, const struct frame *f);
/* What the answered request of that id made stays; false: there is none. */
bool request_keep(struct client *c, uint64_t id);
void request_free(struct request *req);

/* A copy of its own, in one piece of memory; NULL without memory. */
struct request_error *request_error_dup(const struct request_error *error);
void request_error_free(struct request_error *error);
/* code and message excepted: how many fields an error has, and the fields. */
size_t request_error_n_fields(const struct request_error *error);
void request_error_put(struct frame_out *o, const struct request_error *error);

#endif
