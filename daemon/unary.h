/*
 * unary - one request, one answer
 *
 * Embedded in what uses it, as a call is. `request` packs one message into call.request beforehand.
 *
 * Owner: the answer's bytes are the unary's until it is started again or done.
 */
#ifndef DAEMON_UNARY_H
#define DAEMON_UNARY_H

#include <protobuf-c/protobuf-c.h>

#include "daemon/call.h"

struct unary {
	struct call call;
	struct grpc_gather gather;
	uint8_t *answer; /* NULL: none came */
	size_t n;
	/* st is OK and u->answer is there, or it says why not. As call_ops.on_done. */
	void (*on_end)(struct unary *u, const struct grpc_status *st);
};

void unary_init(struct unary *u, void (*on_end)(struct unary *u, const struct grpc_status *st));
void unary_done(struct unary *u);
/* Puts a message into an empty outbox; one that is there already is sent again from its start. */
int unary_put(struct grpc_outbox *o, const ProtobufCMessage *m);
int unary_start(struct unary *u, struct endpoint *ep, const char *path, uint64_t timeout_usec);

#endif
