/*
 * h2_world - the users of streams at both ends of a pair of connections, and a peer that keeps to
 * no rule
 */
#ifndef TESTS_H2_WORLD_H
#define TESTS_H2_WORLD_H

#include <nghttp2/nghttp2.h>
#include <string.h>

#include "common/wire/h2.h"
#include "tests/h2_pair.h"

/* ---- a stream's user, at either end ---- */

struct user {
	struct h2_stream *st;
	size_t to_send, sent; /* body bytes */
	bool hold;            /* the body pauses where it is */
	bool end;             /* END_STREAM after to_send */
	bool reset_at_end;    /* as a caller does that has its answer */
	bool keep_window;     /* received bytes are not consumed */
	size_t got, n_data;
	int n_headers, n_trailers, n_end, n_close;
	uint32_t error;
	bool lost;
};

#define USERS 110

struct world {
	struct pair pair;
	struct user client[USERS], server[USERS];
	size_t n_server;
	bool refuse; /* requests are left unbound */
	bool respond;
	uint32_t max_streams;
	int n_settings, n_goaway;
	int32_t goaway_last;
	uint32_t goaway_error;
	uint8_t ping[8];
};

static inline void user_headers(struct h2_stream *st, bool trailers, void *arg)
{
	struct user *u = arg;

	(void)st;
	u->n_headers += !trailers;
	u->n_trailers += trailers;
}

static inline void user_data(struct h2_stream *st, const uint8_t *data, size_t n, void *arg)
{
	struct user *u = arg;

	(void)data;
	u->got += n;
	u->n_data++;
	if (!u->keep_window)
		h2_consume(st, n);
}

static inline void user_end(struct h2_stream *st, void *arg)
{
	struct user *u = arg;

	u->n_end++;
	if (u->reset_at_end)
		h2_reset(st, H2_NO_ERROR);
}

static inline size_t user_read(
	struct h2_stream *st, uint8_t *buf, size_t n, bool *ret_end, void *arg)
{
	struct user *u = arg;
	size_t l = u->hold ? 0 : min_size(n, u->to_send - u->sent);

	(void)st;
	memset(buf, 'b', l);
	u->sent += l;
	*ret_end = u->end && u->sent == u->to_send;
	return l;
}

static inline void user_close(struct h2_stream *st, uint32_t error, void *arg)
{
	struct user *u = arg;

	u->n_close++;
	u->error = error;
	u->lost = h2_stream_lost(st);
	u->st = NULL;
}

static const struct h2_stream_ops user_ops = { .on_headers = user_headers,
	.on_data = user_data,
	.on_end = user_end,
	.read = user_read,
	.on_close = user_close };

static const struct h2_header ok[] = { { ":status", "200" } };

static inline void on_request(struct h2 *h2, struct h2_stream *st, void *arg)
{
	struct world *w = arg;
	struct user *u;

	(void)h2;
	if (w->refuse)
		return;
	ck_assert_uint_lt(w->n_server, USERS);
	u = &w->server[w->n_server++];
	u->st = st;
	h2_stream_bind(st, &user_ops, u);
	if (w->respond)
		ck_assert_int_eq(h2_respond(st, ok, 1, false), 0);
}

static inline void on_settings(struct h2 *h2, uint32_t max_streams, void *arg)
{
	struct world *w = arg;

	(void)h2;
	w->max_streams = max_streams;
	w->n_settings++;
}

static inline void on_goaway(struct h2 *h2, int32_t last_id, uint32_t error, const char *debug,
	size_t debug_n, void *arg)
{
	struct world *w = arg;

	(void)h2;
	(void)debug;
	(void)debug_n;
	w->n_goaway++;
	w->goaway_last = last_id;
	w->goaway_error = error;
}

static inline void on_ping_ack(struct h2 *h2, const uint8_t payload[8], void *arg)
{
	struct world *w = arg;

	(void)h2;
	memcpy(w->ping, payload, 8);
}

static const struct h2_ops client_ops = {
	.on_settings = on_settings, .on_goaway = on_goaway, .on_ping_ack = on_ping_ack
};
static const struct h2_ops server_ops = { .on_request = on_request };

static inline void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->respond = true;
	pair_init(&w->pair, &client_ops, &server_ops, w);
}

static inline void world_done(struct world *w)
{
	pair_done(&w->pair);
	for (size_t i = 0; i < USERS; i++) {
		ck_assert_ptr_null(w->client[i].st);
		ck_assert_ptr_null(w->server[i].st);
	}
}

static const struct h2_header request[] = { { ":method", "POST" }, { ":scheme", "http" },
	{ ":path", "/" }, { ":authority", "localhost" } };

static inline int try_open(struct world *w, size_t i)
{
	return h2_open(w->pair.client, request, ARRAY_SIZE(request), &user_ops, &w->client[i],
		&w->client[i].st);
}

static inline void open_one(struct world *w, size_t i)
{
	ck_assert_int_eq(try_open(w, i), 0);
}

/* ---- raw peers ---- */

/* Bytes of a peer that keeps to no rule. */
struct raw {
	uint8_t data[65536];
	size_t n;
};

static inline void raw_frame(
	struct raw *raw, uint8_t type, uint8_t flags, uint32_t id, const void *payload, size_t n)
{
	const uint8_t head[9] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, type, flags,
		(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id };

	ck_assert_uint_le(raw->n + sizeof(head) + n, sizeof(raw->data));
	memcpy(raw->data + raw->n, head, sizeof(head));
	if (n)
		memcpy(raw->data + raw->n + sizeof(head), payload, n);
	raw->n += sizeof(head) + n;
}

static inline int raw_send(struct raw *raw, struct h2 *to, uint64_t now_usec)
{
	int r = h2_recv(to, raw->data, raw->n, now_usec);

	raw->n = 0;
	return r;
}

static inline void raw_preface(struct raw *raw)
{
	memcpy(raw->data, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
	raw->n = NGHTTP2_CLIENT_MAGIC_LEN;
	raw_frame(raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

/* :method POST, :scheme http, :path /, :authority localhost: all from the static table but the last
 */
static const uint8_t request_block[] = { 0x83, 0x86, 0x84, 0x01, 9, 'l', 'o', 'c', 'a', 'l', 'h',
	'o', 's', 't' };
static const uint8_t answer_block[] = { 0x88 }; /* :status 200 */

static inline void raw_request(struct raw *raw, uint32_t id, uint8_t flags)
{
	raw_frame(raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | flags, id, request_block,
		sizeof(request_block));
}

/* Everything the side wants to say; its frames' types in order, the error of a GOAWAY. */
struct said {
	uint8_t types[4096];
	size_t n;
	uint32_t goaway; /* error, if there was one */
	size_t n_goaway, n_rst;
	uint32_t rst;
};

static inline uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void listen_to(struct h2 *h2, struct said *said, bool skip_magic)
{
	const uint8_t *data;
	ssize_t l;

	memset(said, 0, sizeof(*said));
	for (l = h2_gather(h2, &data); l > 0; l = h2_gather(h2, &data)) {
		if (skip_magic && said->n == 0 && l >= 24 && memcmp(data, "PRI", 3) == 0) {
			data += 24;
			l -= 24;
		}
		if (l < 9)
			continue;
		ck_assert_uint_lt(said->n, sizeof(said->types));
		said->types[said->n++] = data[3];
		if (data[3] == NGHTTP2_GOAWAY) {
			said->n_goaway++;
			said->goaway = get_u32(data + 13);
		} else if (data[3] == NGHTTP2_RST_STREAM) {
			said->n_rst++;
			said->rst = get_u32(data + 9);
		}
	}
}

/* Frames written by hand to a client begin with the server's SETTINGS. */
static inline void raw_as_server(struct raw *raw, struct h2 *client, struct said *said)
{
	listen_to(client, said, true);
	raw->n = 0;
	raw_frame(raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

#endif
