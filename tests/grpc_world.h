/*
 * grpc_world - one gRPC call in a test, with both its ends, over a pair of connections in memory
 *
 * world_init(), start_with(), pair_pump(); each end collects what it gets. An answer may also be
 * given by hand, below gRPC.
 */
#ifndef TESTS_GRPC_WORLD_H
#define TESTS_GRPC_WORLD_H

#include <string.h>

#include "common/wire/grpc.h"
#include "tests/h2_pair.h"

/* ---- one call with both its ends ---- */

struct end {
	struct grpc_call call;
	struct grpc_outbox out;
	struct grpc_gather gather;
	bool end;     /* client: half-close when the outbox is empty */
	uint8_t *got; /* whole messages, one after the other */
	size_t n_got, n_messages, n_parts;
	bool half_closed, keep_window;
	int part_error;
	int n_done;
	struct grpc_status status;
};

/* An answer given by hand, below gRPC. */
struct by_hand {
	const struct h2_header *headers, *trailers;
	size_t n_headers, n_trailers;
	const char *body;
	size_t n_body, sent;
	bool reset;
	uint32_t error;
};

struct world {
	struct pair pair;
	struct end client, server;
	int accepted; /* outcome of grpc_accept */
	struct by_hand *by_hand;
	struct h2_stream *stream; /* the newest request */
};

static inline struct end *end_of(struct grpc_call *call)
{
	return container_of(call, struct end, call);
}

static inline int on_part(struct grpc_call *call, const struct grpc_part *part)
{
	struct end *e = end_of(call);
	const uint8_t *data;
	size_t n;
	int r;

	e->n_parts++;
	if (!e->keep_window)
		grpc_consume(call, part->n);
	if (e->part_error)
		return e->part_error;
	r = grpc_gather_feed(&e->gather, part, &data, &n);
	if (r <= 0)
		return r;
	e->got = realloc(e->got, e->n_got + n + 1);
	if (n)
		memcpy(e->got + e->n_got, data, n);
	e->n_got += n;
	e->n_messages++;
	return 0;
}

static inline void on_half_close(struct grpc_call *call)
{
	end_of(call)->half_closed = true;
}

static inline size_t read_out(struct grpc_call *call, uint8_t *buf, size_t n, bool *ret_end)
{
	struct end *e = end_of(call);
	size_t l = grpc_outbox_read(&e->out, buf, n);

	*ret_end = e->end && grpc_outbox_empty(&e->out);
	return l;
}

static inline void on_done(struct grpc_call *call, const struct grpc_status *status)
{
	struct end *e = end_of(call);

	e->n_done++;
	ck_assert_ptr_null(call->stream);
	ck_assert_int_eq(grpc_status_copy(&e->status, status), 0);
}

static const struct grpc_call_ops call_ops = {
	.on_part = on_part, .on_half_close = on_half_close, .read = read_out, .on_done = on_done
};

static inline size_t read_by_hand(
	struct h2_stream *st, uint8_t *buf, size_t n, bool *ret_end, void *arg)
{
	struct by_hand *b = arg;
	size_t l = min_size(n, b->n_body - b->sent);

	(void)st;
	if (l)
		memcpy(buf, b->body + b->sent, l);
	b->sent += l;
	*ret_end = b->sent == b->n_body;
	return l;
}

static inline void closed_by_hand(struct h2_stream *st, uint32_t error, void *arg)
{
	(void)st;
	(void)error;
	(void)arg;
}

static inline void answer_by_hand(struct h2_stream *st, struct by_hand *b)
{
	static const struct h2_stream_ops ops = { .read = read_by_hand,
		.on_close = closed_by_hand };

	h2_stream_bind(st, &ops, b);
	if (b->reset) {
		h2_reset(st, b->error);
		return;
	}
	if (b->n_trailers)
		ck_assert_int_eq(h2_stream_trailers(st, b->trailers, b->n_trailers), 0);
	ck_assert_int_eq(h2_respond(st, b->headers, b->n_headers, !b->n_trailers && !b->n_body), 0);
}

static inline void on_request(struct h2 *h2, struct h2_stream *st, void *arg)
{
	struct world *w = arg;

	(void)h2;
	w->stream = st;
	if (w->by_hand)
		answer_by_hand(st, w->by_hand);
	else
		w->accepted = grpc_accept(&w->server.call, st, 1000);
}

static inline void world_init(struct world *w)
{
	static const struct h2_ops client_ops = { 0 }, server_ops = { .on_request = on_request };

	memset(w, 0, sizeof(*w));
	w->accepted = -1;
	w->client.call.ops = &call_ops;
	w->server.call.ops = &call_ops;
	pair_init(&w->pair, &client_ops, &server_ops, w);
}

static inline void end_done(struct end *e)
{
	grpc_outbox_done(&e->out);
	grpc_gather_done(&e->gather);
	grpc_status_done(&e->status);
	free(e->got);
}

static inline void world_done(struct world *w)
{
	pair_done(&w->pair);
	ck_assert_int_le(w->client.n_done, 1);
	ck_assert_int_le(w->server.n_done, 1);
	ck_assert_ptr_null(w->client.call.stream);
	ck_assert_ptr_null(w->server.call.stream);
	end_done(&w->client);
	end_done(&w->server);
}

static inline void start_with(struct world *w, uint64_t timeout_usec)
{
	const struct h2_header metadata[] = { { "authorization", "Bearer k" } };
	const struct grpc_request req = { .scheme = "http",
		.authority = "localhost",
		.path = "/pkg.Service/Method",
		.timeout_usec = timeout_usec,
		.metadata = metadata,
		.n_metadata = 1 };

	ck_assert_int_eq(grpc_start(&w->client.call, w->pair.client, &req), 0);
}

static inline void put(struct end *e, const char *message)
{
	ck_assert_int_eq(grpc_outbox_put(&e->out, (const uint8_t *)message, strlen(message)), 0);
}

static inline void check_got(const struct end *e, const char *messages, size_t n)
{
	ck_assert_uint_eq(e->n_messages, n);
	ck_assert_uint_eq(e->n_got, strlen(messages));
	ck_assert_int_eq(n ? memcmp(e->got, messages, e->n_got) : 0, 0);
}

static inline void finish(struct world *w, int code, const char *text)
{
	struct grpc_status st = { 0 };

	ck_assert_int_eq(grpc_status_set(&st, code, NULL, "%s", text), 0);
	ck_assert_int_eq(grpc_finish(&w->server.call, &st), 0);
	grpc_status_done(&st);
}

#endif
