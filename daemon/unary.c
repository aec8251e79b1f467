#include "daemon/unary.h"

#include <string.h>

static struct unary *unary_of(struct call *c)
{
	return container_of(c, struct unary, call);
}

static void drop_answer(struct unary *u)
{
	free(u->answer);
	u->answer = NULL;
	u->n = 0;
}

static int keep_answer(struct unary *u, const uint8_t *data, size_t n)
{
	if (u->answer)
		return -EBADMSG; /* a second one */
	u->answer = malloc(n + 1);
	if (!u->answer)
		return -ENOMEM;
	if (n > 0)
		memcpy(u->answer, data, n);
	u->n = n;
	return 0;
}

static int on_part(struct call *c, const struct grpc_part *part)
{
	struct unary *u = unary_of(c);
	const uint8_t *data = NULL;
	size_t n = 0;
	int r;

	call_consume(c, part->n);
	r = grpc_gather_feed(&u->gather, part, &data, &n);
	return r == GRPC_GATHER_WHOLE ? keep_answer(u, data, n) : r;
}

static void on_done(struct call *c, const struct grpc_status *st)
{
	struct unary *u = unary_of(c);
	struct grpc_status none = { 0 };

	grpc_gather_done(&u->gather);
	if (st->code != GRPC_OK || u->answer)
		return u->on_end(u, st);
	grpc_status_set(&none, GRPC_INTERNAL, NULL, "the service answered without a message");
	u->on_end(u, &none);
	grpc_status_done(&none);
}

static const struct call_ops ops = { .on_part = on_part, .on_done = on_done };

void unary_init(struct unary *u, void (*on_end)(struct unary *u, const struct grpc_status *st))
{
	*u = (struct unary){ .on_end = on_end };
	call_init(&u->call, &ops);
}

void unary_done(struct unary *u)
{
	call_done(&u->call);
	grpc_gather_done(&u->gather);
	drop_answer(u);
}

int unary_put(struct grpc_outbox *o, const ProtobufCMessage *m)
{
	uint8_t *to;
	int r;

	r = grpc_outbox_reserve(o, protobuf_c_message_get_packed_size(m), &to);
	if (r < 0)
		return r;
	protobuf_c_message_pack(m, to);
	return 0;
}

int unary_start(struct unary *u, struct endpoint *ep, const char *path, uint64_t timeout_usec)
{
	drop_answer(u);
	return call_start(&u->call, ep, path, timeout_usec);
}
