#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#include "common/wire/h2.h"
#include "common/wire/h2_meter.h"
#include "tests/h2_pair.h"
#include "tests/suite.h"

/* ---- a stream's user, at either end
 * ---------------------------------------------------------------- */

struct user {
	struct h2_stream *st;
	size_t to_send, sent; /* body bytes */
	bool hold;            /* the body pauses where it is */
	bool end;             /* END_STREAM after to_send */
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

static void user_headers(struct h2_stream *st, bool trailers, void *arg)
{
	struct user *u = arg;

	(void)st;
	u->n_headers += !trailers;
	u->n_trailers += trailers;
}

static void user_data(struct h2_stream *st, const uint8_t *data, size_t n, void *arg)
{
	struct user *u = arg;

	(void)data;
	u->got += n;
	u->n_data++;
	if (!u->keep_window)
		h2_consume(st, n);
}

static void user_end(struct h2_stream *st, void *arg)
{
	struct user *u = arg;

	(void)st;
	u->n_end++;
}

static size_t user_read(struct h2_stream *st, uint8_t *buf, size_t n, bool *ret_end, void *arg)
{
	struct user *u = arg;
	size_t l = u->hold ? 0 : min_size(n, u->to_send - u->sent);

	(void)st;
	memset(buf, 'b', l);
	u->sent += l;
	*ret_end = u->end && u->sent == u->to_send;
	return l;
}

static void user_close(struct h2_stream *st, uint32_t error, void *arg)
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

static void on_request(struct h2 *h2, struct h2_stream *st, void *arg)
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

static void on_settings(struct h2 *h2, uint32_t max_streams, void *arg)
{
	struct world *w = arg;

	(void)h2;
	w->max_streams = max_streams;
	w->n_settings++;
}

static void on_goaway(struct h2 *h2, int32_t last_id, uint32_t error, const char *debug,
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

static void on_ping_ack(struct h2 *h2, const uint8_t payload[8], void *arg)
{
	struct world *w = arg;

	(void)h2;
	memcpy(w->ping, payload, 8);
}

static const struct h2_ops client_ops = {
	.on_settings = on_settings, .on_goaway = on_goaway, .on_ping_ack = on_ping_ack
};
static const struct h2_ops server_ops = { .on_request = on_request };

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->respond = true;
	pair_init(&w->pair, &client_ops, &server_ops, w);
}

static void world_done(struct world *w)
{
	pair_done(&w->pair);
	for (size_t i = 0; i < USERS; i++) {
		ck_assert_ptr_null(w->client[i].st);
		ck_assert_ptr_null(w->server[i].st);
	}
}

static const struct h2_header request[] = { { ":method", "POST" }, { ":scheme", "http" },
	{ ":path", "/" }, { ":authority", "localhost" } };

static int try_open(struct world *w, size_t i)
{
	return h2_open(w->pair.client, request, ARRAY_SIZE(request), &user_ops, &w->client[i],
		&w->client[i].st);
}

static void open_one(struct world *w, size_t i)
{
	ck_assert_int_eq(try_open(w, i), 0);
}

/* ---- windows
 * --------------------------------------------------------------------------------------- */

START_TEST(a_paused_stream_does_not_stop_its_neighbour)
{
	struct world w;

	world_init(&w);
	w.client[0].keep_window = true;
	open_one(&w, 0);
	open_one(&w, 1);
	w.server[0].to_send = w.server[1].to_send =
		40000000; /* far more than the connection window */
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, PAIR_STREAM_WINDOW);
	ck_assert_uint_eq(w.client[1].got, 40000000);
	h2_consume(w.client[0].st, 40000);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, PAIR_STREAM_WINDOW + 40000);
	world_done(&w);
}
END_TEST

START_TEST(a_hundred_paused_streams_leave_the_connection_open)
{
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < 100; i++) {
		w.client[i].keep_window = i > 0;
		w.server[i].to_send = 1000000;
		open_one(&w, i);
	}
	pair_pump(&w.pair);
	for (size_t i = 1; i < 100; i++)
		ck_assert_uint_eq(w.client[i].got, PAIR_STREAM_WINDOW);
	ck_assert_uint_eq(w.client[0].got, 1000000);
	world_done(&w);
}
END_TEST

START_TEST(unacknowledged_is_what_window_updates_did_not_cover)
{
	struct world w;

	world_init(&w);
	w.client[0].to_send = 50000;
	open_one(&w, 0);
	w.client[0].hold = true;
	pair_pump(&w.pair);
	w.server[0].keep_window = true;
	w.client[0].hold = false;
	ck_assert_uint_eq(h2_unacknowledged(w.client[0].st), 0);
	h2_resume(w.client[0].st);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.server[0].got, 50000);
	ck_assert_uint_eq(h2_unacknowledged(w.client[0].st), 50000);
	h2_consume(w.server[0].st, 40000); /* over half a window: an update goes out */
	pair_pump(&w.pair);
	ck_assert_uint_eq(h2_unacknowledged(w.client[0].st), 10000);
	world_done(&w);
}
END_TEST

/* ---- raw peers
 * ------------------------------------------------------------------------------------- */

/* Bytes of a peer that keeps to no rule. */
struct raw {
	uint8_t data[65536];
	size_t n;
};

static void raw_frame(
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

static int raw_send(struct raw *raw, struct h2 *to, uint64_t now_usec)
{
	int r = h2_recv(to, raw->data, raw->n, now_usec);

	raw->n = 0;
	return r;
}

static void raw_preface(struct raw *raw)
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

static void raw_request(struct raw *raw, uint32_t id, uint8_t flags)
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

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void listen_to(struct h2 *h2, struct said *said, bool skip_magic)
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

static void check_calmed(struct h2 *h2)
{
	const uint8_t byte = 0;
	struct said said;

	listen_to(h2, &said, false);
	ck_assert_uint_eq(said.n_goaway, 1);
	ck_assert_uint_eq(said.goaway, H2_ENHANCE_YOUR_CALM);
	ck_assert(h2_finished(h2));
	ck_assert(h2_broken(h2));
	ck_assert(!h2_wants_write(h2));
	ck_assert_int_eq(h2_recv(h2, &byte, 1, 0), -EPROTO);
}

struct flood {
	const char *name;
	uint8_t type, flags;
	uint32_t id;
	size_t n; /* payload bytes */
};

static const struct flood floods[] = {
	{ "ping", NGHTTP2_PING, 0, 0, 8 },
	{ "ping ack", NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, 8 },
	{ "settings", NGHTTP2_SETTINGS, 0, 0, 0 },
	{ "priority", NGHTTP2_PRIORITY, 0, 7, 5 },
	{ "unknown type", 0x77, 0, 0, 3 },
	{ "empty data", NGHTTP2_DATA, 0, 1, 0 },
	{ "padded data", NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, 1 },
	{ "late data", NGHTTP2_DATA, 0, 3, 0 },
};

/* Stream 1 is open, stream 3 was reset by the server. */
static void flood_begin(struct world *w, struct raw *raw)
{
	struct said said;

	world_init(w);
	w->respond = false;
	raw_preface(raw);
	raw_request(raw, 1, 0);
	raw_request(raw, 3, 0);
	ck_assert_int_eq(raw_send(raw, w->pair.server, 0), 0);
	h2_reset(w->server[1].st, H2_CANCEL);
	listen_to(w->pair.server, &said, false);
	ck_assert_uint_eq(said.n_rst, 1);
}

/* Sends until it is refused; how many were taken. */
static int flood_run(struct world *w, struct raw *raw, const struct flood *f, int max, uint64_t now)
{
	static const uint8_t payload[16] = { 0 };
	struct said said;

	for (int i = 0; i < max; i++) {
		int r;

		raw_frame(raw, f->type, f->flags, f->id, payload, f->n);
		r = raw_send(raw, w->pair.server, now);
		if (r) {
			ck_assert_int_eq(r, -EPROTO);
			return i;
		}
		if (i % 100 == 0)
			listen_to(w->pair.server, &said,
				false); /* nghttp2 has a limit on queued answers */
	}
	return max;
}

START_TEST(each_kind_of_frame_flood_is_ended_within_a_second)
{
	static struct raw raw;
	const int base = H2_CONTROL_FRAMES_PER_SEC;

	for (size_t i = 0; i < ARRAY_SIZE(floods); i++) {
		struct world w;
		int n;

		flood_begin(&w, &raw);
		n = flood_run(&w, &raw, &floods[i], 2 * base, 999999);
		/* the preface and requests counted, our own SETTINGS earned some back */
		ck_assert_msg(n >= base - 4 && n <= base + 4, "%s: %d", floods[i].name, n);
		check_calmed(w.pair.server);
		world_done(&w);
	}
}
END_TEST

START_TEST(a_thousand_frames_a_second_are_taken_for_ever)
{
	static struct raw raw;
	struct world w;

	flood_begin(&w, &raw);
	for (uint64_t second = 1; second <= 5; second++)
		ck_assert_int_eq(flood_run(&w, &raw, &floods[0], H2_CONTROL_FRAMES_PER_SEC,
					 second * USEC_PER_SEC),
			H2_CONTROL_FRAMES_PER_SEC);
	ck_assert_int_lt(flood_run(&w, &raw, &floods[0], 10, 5 * USEC_PER_SEC + 999999), 10);
	check_calmed(w.pair.server);
	world_done(&w);
}
END_TEST

START_TEST(requests_reset_at_once_are_a_flood)
{
	static struct raw raw;
	struct world w;
	int i, r = 0;

	world_init(&w);
	w.refuse = true;
	raw_preface(&raw);
	for (i = 0; !r && i < 2000; i++) {
		raw_request(&raw, (uint32_t)(2 * i + 1), 0);
		raw_frame(&raw, NGHTTP2_RST_STREAM, 0, (uint32_t)(2 * i + 1), "\0\0\0\10", 4);
		r = raw_send(&raw, w.pair.server, 5);
	}
	ck_assert_int_eq(r, -EPROTO);
	ck_assert_int_le(i, H2_CONTROL_FRAMES_PER_SEC / 2 + 1);
	check_calmed(w.pair.server);
	world_done(&w);
}
END_TEST

START_TEST(answered_requests_are_no_flood_at_any_rate)
{
	struct world w;

	world_init(&w);
	for (int i = 0; i < 5000; i++) { /* all within one second of the test's clock */
		memset(&w.client[0], 0, sizeof(w.client[0]));
		memset(&w.server[0], 0, sizeof(w.server[0]));
		w.n_server = 0;
		w.client[0].end = w.server[0].end = true;
		w.client[0].to_send = w.server[0].to_send = 10;
		open_one(&w, 0);
		pair_pump(&w.pair);
		ck_assert_int_eq(w.client[0].n_close, 1);
		ck_assert_uint_eq(w.client[0].error, H2_NO_ERROR);
	}
	world_done(&w);
}
END_TEST

START_TEST(the_meter_counts_the_same_however_the_bytes_are_cut)
{
	static struct raw raw;

	raw.n = 0;
	raw_preface(&raw);
	for (int i = 0; i < 500; i++) {
		raw_frame(&raw, NGHTTP2_PING, 0, 0, "12345678", 8);
		raw_frame(&raw, NGHTTP2_DATA, 0, 1, "12345678", 8);
	}
	for (size_t piece = 1; piece < 64; piece++) {
		struct h2_meter m;

		h2_meter_init(&m, true);
		for (size_t at = 0; at < raw.n; at += piece) {
			size_t l = min_size(piece, raw.n - at);

			ck_assert_uint_eq(h2_meter_recv(&m, raw.data + at, l, 7), l);
		}
		ck_assert_uint_eq(m.n_frames, 501);
		ck_assert_uint_eq(m.n_head, 0);
	}
}
END_TEST

/* ---- header lists
 * ---------------------------------------------------------------------------------- */

/* A request whose header list has this size; n_fields beside the pseudo headers. */
static int open_with_list(struct world *w, size_t size, size_t n_fields)
{
	static char values[H2_HEADERS_MAX][H2_HEADER_LIST_MAX];
	static char names[H2_HEADERS_MAX][8];
	struct h2_header list[H2_HEADERS_MAX + 4];
	size_t sum = 0, n = ARRAY_SIZE(request);

	memcpy(list, request, sizeof(request));
	for (size_t i = 0; i < n; i++)
		sum += strlen(list[i].name) + strlen(list[i].value) + 32;
	for (size_t i = 0; i < n_fields; i++, n++) {
		size_t left = n_fields - i, l = (size - sum) / left - 32 - 3;

		snprintf(names[i], sizeof(names[i]), "x%02zu", i);
		memset(values[i], 'v', l);
		values[i][l] = '\0';
		list[n] = (struct h2_header){ names[i], values[i] };
		sum += 3 + l + 32;
	}
	ck_assert_uint_eq(sum, size);
	return h2_open(w->pair.client, list, n, &user_ops, &w->client[0], &w->client[0].st);
}

START_TEST(a_header_list_has_at_most_16_kib)
{
	struct world w;
	bool any = false;
	int r;

	world_init(&w);
	pair_pump(&w.pair);
	ck_assert_int_eq(open_with_list(&w, H2_HEADER_LIST_MAX, 20), 0);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.n_server, 1);
	world_done(&w);

	world_init(&w);
	pair_pump(&w.pair);
	ck_assert_int_eq(open_with_list(&w, H2_HEADER_LIST_MAX + 1, 20), 0);
	do
		r = pair_carry(&w.pair, w.pair.client, w.pair.server, &any);
	while (!r && any && h2_wants_write(w.pair.client));
	ck_assert_int_eq(r, -EPROTO);
	ck_assert_uint_eq(w.n_server, 0);
	check_calmed(w.pair.server);
	world_done(&w);
}
END_TEST

START_TEST(a_block_of_more_than_64_fields_resets_its_stream_alone)
{
	static struct raw raw;
	uint8_t block[sizeof(request_block) + 64];
	struct world w;
	struct said said;

	for (size_t extra = 60; extra <= 61; extra++) {
		world_init(&w);
		memcpy(block, request_block, sizeof(request_block));
		memset(block + sizeof(request_block), 0x90,
			extra); /* accept-encoding: gzip, deflate */
		raw_preface(&raw);
		raw_frame(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block,
			sizeof(request_block) + extra);
		ck_assert_int_eq(raw_send(&raw, w.pair.server, 0), 0);
		listen_to(w.pair.server, &said, false);
		ck_assert_uint_eq(w.n_server, extra == 60);
		ck_assert_uint_eq(said.n_rst, extra == 61);
		raw_request(&raw, 3, 0);
		ck_assert_int_eq(raw_send(&raw, w.pair.server, 0), 0);
		ck_assert_uint_eq(w.n_server, extra == 60 ? 2 : 1);
		world_done(&w);
	}
}
END_TEST

START_TEST(a_header_that_would_split_lines_is_not_sent)
{
	const struct h2_header bad[] = { { ":method", "POST" }, { "authorization", "a\r\nb: c" } };
	struct user u = { 0 };
	struct world w;

	world_init(&w);
	ck_assert_int_eq(h2_open(w.pair.client, bad, 2, &user_ops, &u, &u.st), -EINVAL);
	ck_assert_ptr_null(u.st);
	ck_assert_uint_eq(h2_n_streams(w.pair.client), 0);
	world_done(&w);
}
END_TEST

/* The flags of a field in the client's first HEADERS. */
static int flags_of(struct h2 *h2, const char *name)
{
	nghttp2_hd_inflater *inflater;
	const uint8_t *data;
	int found = -1;
	ssize_t l;

	ck_assert_int_eq(nghttp2_hd_inflate_new(&inflater), 0);
	for (l = h2_gather(h2, &data); l > 0; l = h2_gather(h2, &data)) {
		const uint8_t *p = data + 9, *end = data + l;
		int flags = 0;

		if (l < 9 || data[3] != NGHTTP2_HEADERS || memcmp(data, "PRI", 3) == 0)
			continue;
		while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
			nghttp2_nv nv;
			ssize_t used = nghttp2_hd_inflate_hd2(
				inflater, &nv, &flags, p, (size_t)(end - p), 1);

			ck_assert_int_ge(used, 0);
			p += used;
			if ((flags & NGHTTP2_HD_INFLATE_EMIT) && nv.namelen == strlen(name) &&
				memcmp(nv.name, name, nv.namelen) == 0)
				found = nv.flags;
		}
	}
	nghttp2_hd_inflate_del(inflater);
	return found;
}

START_TEST(credentials_are_never_put_into_a_compression_table)
{
	static const char *const secret[] = { "authorization", "x-wandb-api-key" };

	for (size_t i = 0; i < ARRAY_SIZE(secret); i++) {
		struct h2_header list[5];
		struct world w;

		memcpy(list, request, sizeof(request));
		list[4] = (struct h2_header){ secret[i], "Bearer key" };
		world_init(&w);
		ck_assert_int_eq(
			h2_open(w.pair.client, list, 5, &user_ops, &w.client[0], &w.client[0].st),
			0);
		ck_assert_int_eq(flags_of(w.pair.client, secret[i]), NGHTTP2_NV_FLAG_NO_INDEX);
		world_done(&w);
		world_init(&w);
		open_one(&w, 0);
		ck_assert_int_eq(flags_of(w.pair.client, ":authority"), NGHTTP2_NV_FLAG_NONE);
		world_done(&w);
	}
}
END_TEST

/* ---- streams and their ends
 * ------------------------------------------------------------------------ */

START_TEST(a_stream_beyond_the_peers_limit_is_busy_until_one_closes)
{
	struct h2_config config = { .role = H2_SERVER,
		.stream_window = PAIR_STREAM_WINDOW,
		.max_streams = 2,
		.ops = &server_ops };
	struct world w;

	world_init(&w);
	w.pair.server = h2_free(w.pair.server);
	config.arg = &w;
	ck_assert_int_eq(h2_new(&w.pair.server, &config), 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.n_settings, 1);
	ck_assert_uint_eq(w.max_streams, 2);
	open_one(&w, 0);
	open_one(&w, 1);
	ck_assert_int_eq(try_open(&w, 2), H2_E_BUSY);
	h2_reset(w.client[0].st, H2_CANCEL);
	ck_assert_int_eq(try_open(&w, 2), H2_E_BUSY); /* it is not closed yet */
	ck_assert_int_eq(w.client[0].n_close, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client[0].n_close, 1);
	open_one(&w, 2);
	pair_pump(&w.pair);
	ck_assert_uint_eq(h2_n_streams(w.pair.client), 2);
	world_done(&w);
}
END_TEST

START_TEST(before_the_peers_settings_a_client_opens_a_hundred_streams)
{
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < H2_STREAMS_BEFORE_SETTINGS; i++)
		open_one(&w, i);
	ck_assert_int_eq(try_open(&w, H2_STREAMS_BEFORE_SETTINGS), H2_E_BUSY);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.n_server, H2_STREAMS_BEFORE_SETTINGS);
	world_done(&w);
}
END_TEST

START_TEST(a_request_nobody_takes_is_refused)
{
	struct world w;

	world_init(&w);
	w.refuse = true;
	open_one(&w, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client[0].n_close, 1);
	ck_assert_uint_eq(w.client[0].error, H2_REFUSED_STREAM);
	ck_assert(!w.client[0].lost);
	ck_assert_uint_eq(h2_n_streams(w.pair.server), 0);
	world_done(&w);
}
END_TEST

START_TEST(an_answer_that_ends_early_stops_the_client_with_no_error)
{
	const struct h2_header trailers[] = { { "grpc-status", "0" } };
	struct world w;

	world_init(&w);
	w.client[0].to_send = 1000; /* and no end */
	open_one(&w, 0);
	pair_pump(&w.pair);
	w.server[0].end = true;
	w.server[0].to_send = 70000;
	ck_assert_int_eq(h2_stream_trailers(w.server[0].st, trailers, 1), 0);
	h2_resume(w.server[0].st);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, 70000);
	ck_assert_int_eq(w.client[0].n_trailers, 1);
	ck_assert_int_eq(w.client[0].n_end, 1);
	ck_assert_int_eq(w.client[0].n_close, 1);
	ck_assert_uint_eq(w.client[0].error, H2_NO_ERROR);
	ck_assert_int_eq(w.server[0].n_close, 1);
	ck_assert_uint_eq(w.server[0].error, H2_NO_ERROR);
	world_done(&w);
}
END_TEST

START_TEST(late_data_of_a_closed_stream_is_dropped_and_its_window_returned)
{
	struct world w;

	world_init(&w);
	pair_pump(&w.pair);
	/* 400 streams full of data that arrives after their reset: more than the connection window
	 */
	for (int i = 0; i < 400; i++) {
		static uint8_t wire[2 * PAIR_STREAM_WINDOW];
		size_t n = 0, got;
		const uint8_t *data;
		bool any;
		ssize_t l;

		memset(&w.client[0], 0, sizeof(w.client[0]));
		memset(&w.server[0], 0, sizeof(w.server[0]));
		w.n_server = 0;
		w.server[0].to_send = PAIR_STREAM_WINDOW;
		open_one(&w, 0);
		do {
			any = false;
			ck_assert_int_eq(
				pair_carry(&w.pair, w.pair.client, w.pair.server, &any), 0);
		} while (any);
		for (l = h2_gather(w.pair.server, &data); l > 0;
			l = h2_gather(w.pair.server, &data)) {
			ck_assert_uint_le(n + (size_t)l, sizeof(wire));
			memcpy(wire + n, data, (size_t)l);
			n += (size_t)l;
		}
		ck_assert_uint_gt(n, PAIR_STREAM_WINDOW);
		h2_reset(w.client[0].st, H2_CANCEL);
		while (h2_gather(w.pair.client, &data) > 0) /* the RST_STREAM is lost on its way */
			;
		ck_assert_int_eq(w.client[0].n_close, 1);
		got = w.client[0].got;
		ck_assert_int_eq(h2_recv(w.pair.client, wire, n, 0), 0);
		ck_assert_uint_eq(w.client[0].got, got);
		h2_reset(w.server[0].st, H2_CANCEL);
		pair_pump(&w.pair);
	}
	world_done(&w);
}
END_TEST

START_TEST(a_reset_stream_is_told_nothing_but_its_end)
{
	struct world w;

	world_init(&w);
	w.server[0].to_send = 1000;
	open_one(&w, 0);
	h2_reset(w.client[0].st, H2_CANCEL);
	ck_assert_int_eq(w.client[0].n_close, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client[0].n_headers, 0);
	ck_assert_uint_eq(w.client[0].got, 0);
	ck_assert_int_eq(w.client[0].n_close, 1);
	ck_assert_uint_eq(w.client[0].error, H2_CANCEL);
	world_done(&w);
}
END_TEST

START_TEST(freeing_a_connection_ends_its_streams_as_lost)
{
	struct world w;

	world_init(&w);
	open_one(&w, 0);
	pair_pump(&w.pair);
	open_one(&w, 1); /* still queued */
	w.pair.client = h2_free(w.pair.client);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(w.client[i].n_close, 1);
		ck_assert_uint_eq(w.client[i].error, H2_CANCEL);
		ck_assert(w.client[i].lost);
	}
	world_done(&w);
}
END_TEST

START_TEST(after_goaway_open_streams_finish_and_new_ones_are_busy)
{
	struct world w;

	world_init(&w);
	w.client[0].end = true;
	open_one(&w, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(h2_goaway(w.pair.server, H2_NO_ERROR), 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.n_goaway, 1);
	ck_assert_int_eq(w.goaway_last, 1);
	ck_assert_int_eq(try_open(&w, 1), H2_E_BUSY);
	ck_assert(!h2_finished(w.pair.client));
	w.server[0].end = true;
	h2_resume(w.server[0].st);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client[0].n_end, 1);
	ck_assert_uint_eq(w.client[0].error, H2_NO_ERROR);
	ck_assert(h2_finished(w.pair.client));
	ck_assert(h2_finished(w.pair.server));
	ck_assert(!h2_broken(w.pair.client));
	world_done(&w);
}
END_TEST

START_TEST(streams_above_goaways_last_id_end_refused)
{
	static struct raw raw;
	struct world w;

	world_init(&w);
	open_one(&w, 0);
	open_one(&w, 1);
	raw.n = 0;
	raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
	pair_pump(&w.pair);
	raw.n = 0;
	raw_frame(&raw, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0", 8);
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	ck_assert_int_eq(w.client[0].n_close, 0);
	ck_assert_int_eq(w.client[1].n_close, 1);
	ck_assert_uint_eq(w.client[1].error, H2_REFUSED_STREAM);
	ck_assert(!w.client[1].lost);
	world_done(&w);
}
END_TEST

START_TEST(a_ping_is_acknowledged_with_its_payload)
{
	struct world w;

	world_init(&w);
	ck_assert_int_eq(h2_ping(w.pair.client, (const uint8_t *)"payload!"), 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(memcmp(w.ping, "payload!", 8), 0);
	world_done(&w);
}
END_TEST

START_TEST(everything_works_byte_by_byte)
{
	const struct h2_header trailers[] = { { "grpc-status", "0" } };
	struct world w;

	world_init(&w);
	w.pair.piece = 1;
	w.client[0].end = w.server[0].end = true;
	w.client[0].to_send = w.server[0].to_send = 3000;
	open_one(&w, 0);
	w.server[0].hold = true;
	pair_pump(&w.pair);
	ck_assert_int_eq(h2_stream_trailers(w.server[0].st, trailers, 1), 0);
	w.server[0].hold = false;
	h2_resume(w.server[0].st);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client[0].got, 3000);
	ck_assert_uint_eq(w.server[0].got, 3000);
	ck_assert_int_eq(w.client[0].n_trailers, 1);
	ck_assert_int_eq(w.client[0].n_close, 1);
	world_done(&w);
}
END_TEST

START_TEST(an_informational_answer_is_passed_over)
{
	static struct raw raw;
	static const uint8_t early_hints[] = { 0x08, 3, '1', '0', '3' }; /* :status 103 */
	struct said said;
	struct world w;

	world_init(&w);
	open_one(&w, 0);
	listen_to(w.pair.client, &said, true);
	raw.n = 0;
	raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
	raw_frame(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, early_hints,
		sizeof(early_hints));
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	ck_assert_int_eq(w.client[0].n_headers, 0);
	raw_frame(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
		answer_block, sizeof(answer_block));
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	ck_assert_int_eq(w.client[0].n_headers, 1);
	ck_assert_int_eq(w.client[0].n_trailers, 0);
	ck_assert_int_eq(w.client[0].n_end, 1);
	world_done(&w);
}
END_TEST

START_TEST(an_update_ahead_of_the_bytes_acknowledges_none_of_them)
{
	static struct raw raw;
	struct said said;
	struct world w;

	world_init(&w);
	w.client[0].hold = true;
	w.client[0].to_send = 100;
	open_one(&w, 0);
	listen_to(w.pair.client, &said, true);
	raw.n = 0;
	raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
	raw_frame(&raw, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\1\0\0", 4);
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	w.client[0].hold = false;
	h2_resume(w.client[0].st);
	listen_to(w.pair.client, &said, false);
	ck_assert_uint_eq(h2_unacknowledged(w.client[0].st), 100);
	raw_frame(&raw, NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\0\144", 4);
	ck_assert_int_eq(raw_send(&raw, w.pair.client, 0), 0);
	ck_assert_uint_eq(h2_unacknowledged(w.client[0].st), 0);
	world_done(&w);
}
END_TEST

/* ---- broken peers
 * ---------------------------------------------------------------------------------- */

static const struct broken {
	const char *name;
	struct flood frames[3];
} broken[] = {
	/* what a fixed nghttp2 no longer reads on after: a connection error, then a malformed frame
	 */
	{ "continuation, short ping",
		{ { "", NGHTTP2_CONTINUATION, 0, 1, 4 }, { "", NGHTTP2_PING, 0, 0, 7 } } },
	{ "data on stream 0, short settings",
		{ { "", NGHTTP2_DATA, 0, 0, 5 }, { "", NGHTTP2_SETTINGS, 0, 0, 5 } } },
	{ "settings ack with payload, short rst",
		{ { "", NGHTTP2_SETTINGS, 1, 0, 6 }, { "", NGHTTP2_RST_STREAM, 0, 1, 3 } } },
	{ "goaway too short, priority too long",
		{ { "", NGHTTP2_GOAWAY, 0, 0, 7 }, { "", NGHTTP2_PRIORITY, 0, 1, 6 } } },
	{ "ping on a stream, window update too short",
		{ { "", NGHTTP2_PING, 0, 1, 8 }, { "", NGHTTP2_WINDOW_UPDATE, 0, 0, 3 } } },
	{ "window update of zero, push promise",
		{ { "", NGHTTP2_WINDOW_UPDATE, 0, 0, 4 }, { "", NGHTTP2_PUSH_PROMISE, 4, 1, 4 } } },
	{ "headers on stream 0, altsvc, origin",
		{ { "", NGHTTP2_HEADERS, 4, 0, 1 }, { "", 0x0a, 0, 0, 1 },
			{ "", 0x0c, 0, 0, 1 } } },
	{ "data on an idle stream, priority update",
		{ { "", NGHTTP2_DATA, 0, 99, 1 }, { "", 0x10, 0, 0, 2 } } },
};

static void check_broken(const struct broken *b, bool apart)
{
	static const uint8_t zeros[16] = { 0 };
	static struct raw raw;
	struct said said;
	struct world w;
	int r = 0;

	world_init(&w);
	raw_preface(&raw);
	for (size_t i = 0; i < ARRAY_SIZE(b->frames) && (i == 0 || b->frames[i].type); i++) {
		const struct flood *f = &b->frames[i];

		raw_frame(&raw, f->type, f->flags, f->id, zeros, f->n);
		if (apart)
			r = raw_send(&raw, w.pair.server, 0);
	}
	if (!apart)
		r = raw_send(&raw, w.pair.server, 0);
	ck_assert_msg(r == 0 || r == -EPROTO, "%s: %d", b->name, r);
	listen_to(w.pair.server, &said, false);
	ck_assert_msg(said.n_goaway == 1, "%s: %zu", b->name, said.n_goaway);
	ck_assert_uint_ne(said.goaway, H2_NO_ERROR);
	ck_assert(h2_finished(w.pair.server));
	ck_assert(h2_broken(w.pair.server));
	raw_frame(&raw, NGHTTP2_PING, 0, 0, zeros, 7);
	ck_assert_int_eq(raw_send(&raw, w.pair.server, 0), -EPROTO);
	world_done(&w);
}

START_TEST(sec_c37_a_peer_that_breaks_the_protocol_gets_a_goaway_and_no_second_hearing)
{
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		check_broken(&broken[i], false);
		check_broken(&broken[i], true);
	}
}
END_TEST

START_TEST(a_client_that_is_not_http2_is_an_error)
{
	static const char http1[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct said said;
	struct world w;

	world_init(&w);
	ck_assert_int_eq(h2_recv(w.pair.server, (const uint8_t *)http1, strlen(http1), 0), -EPROTO);
	listen_to(w.pair.server, &said, false);
	ck_assert_uint_eq(said.n_goaway, 1);
	ck_assert(h2_finished(w.pair.server));
	world_done(&w);
}
END_TEST

START_TEST(a_server_that_pushes_is_cut_off)
{
	static struct raw raw;
	struct said said;
	struct world w;

	world_init(&w);
	open_one(&w, 0);
	listen_to(w.pair.client, &said, true);
	raw.n = 0;
	raw_frame(&raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
	raw_frame(&raw, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
	raw_frame(
		&raw, NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1, "\0\0\0\2\x82\x86\x84", 7);
	raw_send(&raw, w.pair.client, 0);
	listen_to(w.pair.client, &said, false);
	ck_assert_uint_eq(said.n_goaway, 1);
	ck_assert(h2_broken(w.pair.client));
	world_done(&w);
	ck_assert_int_eq(w.client[0].n_close, 1);
	ck_assert(w.client[0].lost);
}
END_TEST

START_TEST(calls_into_a_broken_connection_are_harmless)
{
	static struct raw raw;
	struct user u = { 0 };
	struct world w;

	world_init(&w);
	raw_preface(&raw);
	raw_request(&raw, 1, 0);
	ck_assert_int_eq(raw_send(&raw, w.pair.server, 0), 0);
	ck_assert_int_eq(h2_recv(w.pair.server, (const uint8_t *)"\0\0\0\0", 4, 0), 0);
	flood_run(&w, &raw, &floods[0], 2000, 0);
	ck_assert(h2_broken(w.pair.server));
	h2_resume(w.server[0].st);
	h2_consume(w.server[0].st, 5);
	h2_reset(w.server[0].st, H2_CANCEL);
	ck_assert_int_eq(h2_respond(w.server[0].st, ok, 1, false), 0);
	ck_assert_int_eq(h2_stream_trailers(w.server[0].st, ok, 1), 0);
	ck_assert_int_eq(h2_ping(w.pair.server, (const uint8_t *)"payload!"), -EPROTO);
	ck_assert_int_eq(h2_goaway(w.pair.server, 0), -EPROTO);
	ck_assert_int_eq(h2_open(w.pair.server, request, 4, &user_ops, &u, &u.st), H2_E_BUSY);
	world_done(&w);
}
END_TEST

TEST_MAIN("h2", a_paused_stream_does_not_stop_its_neighbour,
	a_hundred_paused_streams_leave_the_connection_open,
	unacknowledged_is_what_window_updates_did_not_cover,
	an_update_ahead_of_the_bytes_acknowledges_none_of_them,
	each_kind_of_frame_flood_is_ended_within_a_second,
	a_thousand_frames_a_second_are_taken_for_ever, requests_reset_at_once_are_a_flood,
	answered_requests_are_no_flood_at_any_rate,
	the_meter_counts_the_same_however_the_bytes_are_cut, a_header_list_has_at_most_16_kib,
	a_block_of_more_than_64_fields_resets_its_stream_alone,
	a_header_that_would_split_lines_is_not_sent,
	credentials_are_never_put_into_a_compression_table,
	a_stream_beyond_the_peers_limit_is_busy_until_one_closes,
	before_the_peers_settings_a_client_opens_a_hundred_streams,
	a_request_nobody_takes_is_refused, an_answer_that_ends_early_stops_the_client_with_no_error,
	late_data_of_a_closed_stream_is_dropped_and_its_window_returned,
	a_reset_stream_is_told_nothing_but_its_end, freeing_a_connection_ends_its_streams_as_lost,
	after_goaway_open_streams_finish_and_new_ones_are_busy,
	streams_above_goaways_last_id_end_refused, a_ping_is_acknowledged_with_its_payload,
	everything_works_byte_by_byte, an_informational_answer_is_passed_over,
	sec_c37_a_peer_that_breaks_the_protocol_gets_a_goaway_and_no_second_hearing,
	a_client_that_is_not_http2_is_an_error, a_server_that_pushes_is_cut_off,
	calls_into_a_broken_connection_are_harmless)
