/*
 * outcome - how a call ended, in the words of the local protocol
 *
 * Pure. From a gRPC status to an error of doc/protocol.md section 2 and the reason of a session's end. What the
 * service said goes along whole (status, reason, detail, violations), so that a client can print the official
 * texts.
 *
 * Owner: strings point into the status, the caller's texts and the outcome itself.
 */
#ifndef DAEMON_OUTCOME_H
#define DAEMON_OUTCOME_H

#include "common/wire/grpc.h"
#include "daemon/core/request.h"

#define OUTCOME_MESSAGE_MAX 1024

struct outcome {
	struct request_error error;
	struct request_violation violations[GRPC_VIOLATIONS_MAX];
	char message[OUTCOME_MESSAGE_MAX];
	const char *reason; /* of a session's end */
};

/* `started`: the far side had begun; a transport's failure is then a loss. */
void outcome_of_status(struct outcome *o, const struct grpc_status *st, const char *url,
	const char *sandbox_id, bool started);
/* The sandbox has ended, as its state says. */
void outcome_of_end(
	struct outcome *o, const char *sandbox_id, const char *state, const char *state_reason);
/* An in-stream error frame of StreamExec or StreamLogs. */
void outcome_of_frame(struct outcome *o, const char *what, const char *code, const char *message);
/* One that we found ourselves: a code of the local protocol and a sentence. */
_printf_(4, 5) void outcome_set(
	struct outcome *o, const char *code, const char *reason, const char *fmt, ...);

#endif
