/*
 * probe - waits until a sandbox runs: polls GetSandbox as the official client does
 *
 * on_end comes exactly once after probe_start() succeeded, never from within a call in; probe_stop() brings it
 * about soon, as PROBE_FAILED with CANCELLED.
 *
 * Bounds: PROBE_MAX_SEC in all; transient failures by retry.h's R1.
 * Owner:  p->sandbox, the newest answer, is the probe's.
 */
#ifndef DAEMON_PROBE_H
#define DAEMON_PROBE_H

#include "coreweave/sandbox/v1/sandbox.pb-c.h"
#include "daemon/retry.h"
#include "daemon/unary.h"

#define PROBE_MAX_SEC 300
#define PROBE_POLL_SEC 15

enum probe_result {
	PROBE_RUNS,
	PROBE_ENDED,  /* p->sandbox says how */
	PROBE_FAILED, /* the status says why */
};

struct probe {
	struct unary get;
	struct endpoint *ep; /* its user's reference */
	struct event *timer;
	Coreweave__Sandbox__V1__Sandbox *sandbox;
	uint64_t until_usec, created_usec, pause_usec;
	struct retry retry;
	bool stopped, active;
	void (*on_end)(struct probe *p, enum probe_result result, const struct grpc_status *st);
};

void probe_init(struct probe *p,
	void (*on_end)(struct probe *p, enum probe_result result, const struct grpc_status *st));
void probe_done(struct probe *p);
/* `created`: we made it just now. */
int probe_start(struct probe *p, struct endpoint *ep, const char *sandbox_id, bool created);
void probe_stop(struct probe *p);

/* "running", "failed", ...: the protocol's word for a state's number. */
const char *probe_state_name(int state);
/* The state of one that names it so; -1: none. */
int probe_state_parse(const char *name, size_t n);

#endif
