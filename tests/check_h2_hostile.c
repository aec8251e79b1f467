#include <stdio.h>
#include <string.h>

#include "common/wire/h2_meter.h"
#include "tests/h2_world.h"
#include "tests/suite.h"

/* ---- floods ---- */

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

START_TEST(sec_c35_each_kind_of_frame_flood_is_ended_within_a_second)
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

START_TEST(sec_c35_requests_reset_at_once_are_a_flood)
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

/* Opens up to `streams` requests at a time and cancels them all when they are `age` old, again and
 * again within one second; how many were cancelled until it was too much. */
static int cancel_all(struct world *w, struct raw *raw, uint64_t age, int max)
{
	const int streams = 100; /* as many as the test's server allows */
	uint32_t id = 1;
	int n = 0, r = 0;

	raw_preface(raw);
	for (uint64_t now = 1; !r && n < max; now += age + 1) {
		for (int i = 0; i < streams; i++)
			raw_request(raw, id + 2 * (uint32_t)i, 0);
		r = raw_send(raw, w->pair.server, now);
		for (int i = 0; !r && i < streams; i++, id += 2, n++) {
			raw_frame(raw, NGHTTP2_RST_STREAM, 0, id, "\0\0\0\10", 4);
			r = raw_send(raw, w->pair.server, now + age);
		}
		w->n_server = 0;
	}
	return n;
}

START_TEST(requests_cancelled_after_a_while_are_no_flood_however_many)
{
	static struct raw raw;
	struct world w;

	world_init(&w);
	w.respond = false;
	ck_assert_int_ge(cancel_all(&w, &raw, USEC_PER_SEC, 20000), 20000);
	ck_assert(!h2_broken(w.pair.server));
	world_done(&w);

	world_init(&w);
	w.respond = false;
	ck_assert_int_le(cancel_all(&w, &raw, 999, 20000), H2_CONTROL_FRAMES_PER_SEC);
	check_calmed(w.pair.server);
	world_done(&w);
}
END_TEST

START_TEST(all_allowed_requests_at_once_are_no_flood_and_one_more_is_counted)
{
	static struct raw raw;
	struct h2_meter m;
	uint32_t id = 1;

	h2_meter_init(&m, true, 5000);
	raw_preface(&raw);
	ck_assert_uint_eq(h2_meter_recv(&m, raw.data, raw.n, 7), raw.n);
	m.n_frames = 0; /* of the preface */
	for (int i = 0; i < 5000; i++, id += 2) {
		raw.n = 0;
		raw_request(&raw, id, 0);
		ck_assert_uint_eq(h2_meter_recv(&m, raw.data, raw.n, 7), raw.n);
	}
	ck_assert_uint_eq(m.n_frames, 0);
	m.n_earned = 0;
	raw.n = 0;
	raw_request(&raw, id, 0);     /* beyond what may be open */
	raw_request(&raw, id - 2, 0); /* and one that there was */
	ck_assert_uint_eq(h2_meter_recv(&m, raw.data, raw.n, 7), raw.n);
	ck_assert_uint_eq(m.n_frames, 2);
}
END_TEST

START_TEST(a_request_on_an_id_that_was_passed_over_breaks_the_protocol)
{
	static struct raw raw;
	const uint32_t ids[] = { 1, 7, 9, 11, 5 };
	struct world w;
	struct said said;
	int r = 0;

	world_init(&w);
	raw_preface(&raw);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		ck_assert_int_eq(r, 0);
		raw_request(&raw, ids[i], NGHTTP2_FLAG_END_STREAM);
		r = raw_send(&raw, w.pair.server, 1);
	}
	ck_assert_int_eq(r, -EPROTO);
	listen_to(w.pair.server, &said, false);
	ck_assert_uint_eq(said.n_goaway, 1);
	ck_assert_uint_eq(said.goaway, H2_PROTOCOL_ERROR);
	ck_assert_uint_eq(w.n_server, 4);
	world_done(&w);
}
END_TEST

START_TEST(trailers_on_an_older_request_do_not)
{
	static struct raw raw;
	struct world w;

	world_init(&w);
	w.respond = false;
	raw_preface(&raw);
	raw_request(&raw, 3, 0);
	raw_request(&raw, 9, 0);
	raw_frame(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 3,
		"\0\1x\1y", 5);
	ck_assert_int_eq(raw_send(&raw, w.pair.server, 1), 0);
	ck_assert_int_eq(w.server[0].n_end, 1);
	world_done(&w);
}
END_TEST

START_TEST(sec_c35_resets_of_streams_that_are_gone_are_a_flood)
{
	static struct raw raw;
	struct world w;
	int i, r = 0;

	flood_begin(&w, &raw);
	for (i = 0; !r && i < 3000; i++) {
		raw_frame(&raw, NGHTTP2_RST_STREAM, 0, 3, "\0\0\0\10", 4);
		r = raw_send(&raw, w.pair.server, 999999);
	}
	ck_assert_int_eq(r, -EPROTO);
	ck_assert_int_le(i, H2_CONTROL_FRAMES_PER_SEC + 4);
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

		h2_meter_init(&m, true, 100);
		for (size_t at = 0; at < raw.n; at += piece) {
			size_t l = min_size(piece, raw.n - at);

			ck_assert_uint_eq(h2_meter_recv(&m, raw.data + at, l, 7), l);
		}
		ck_assert_uint_eq(m.n_frames, 501);
		ck_assert_uint_eq(m.n_head, 0);
	}
}
END_TEST

/* ---- header lists ---- */

/* A request whose header list has this size; n_fields beside the pseudo headers. */
static int open_with_list(struct world *w, size_t size, size_t n_fields)
{
	static char values[H2_HEADERS_MAX][H2_HEADER_LIST_MAX];
	static char names[H2_HEADERS_MAX][24];
	struct h2_header list[H2_HEADERS_MAX + 4];
	size_t sum = 0, n = ARRAY_SIZE(request);

	memcpy(list, request, sizeof(request));
	for (size_t i = 0; i < n; i++)
		sum += strlen(list[i].name) + strlen(list[i].value) + 32;
	for (size_t i = 0; i < n_fields; i++, n++) {
		size_t left = n_fields - i, l = (size - sum) / left - 32 - 3;

		snprintf(names[i], sizeof(names[i]), "x%02u", (unsigned)i % 100);
		memset(values[i], 'v', l);
		values[i][l] = '\0';
		list[n] = (struct h2_header){ names[i], values[i] };
		sum += 3 + l + 32;
	}
	ck_assert_uint_eq(sum, size);
	return h2_open(w->pair.client, list, n, &user_ops, &w->client[0], &w->client[0].st);
}

START_TEST(sec_c35_a_header_list_has_at_most_16_kib)
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

START_TEST(sec_c33_credentials_are_never_put_into_a_compression_table)
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

/* ---- broken peers ---- */

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

START_TEST(sec_c33_a_server_that_pushes_is_cut_off)
{
	static struct raw raw;
	struct said said;
	struct world w;

	world_init(&w);
	open_one(&w, 0);
	raw_as_server(&raw, w.pair.client, &said);
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

TEST_MAIN("h2_hostile", sec_c35_each_kind_of_frame_flood_is_ended_within_a_second,
	a_thousand_frames_a_second_are_taken_for_ever, sec_c35_requests_reset_at_once_are_a_flood,
	requests_cancelled_after_a_while_are_no_flood_however_many,
	all_allowed_requests_at_once_are_no_flood_and_one_more_is_counted,
	sec_c35_resets_of_streams_that_are_gone_are_a_flood,
	a_request_on_an_id_that_was_passed_over_breaks_the_protocol,
	trailers_on_an_older_request_do_not, answered_requests_are_no_flood_at_any_rate,
	the_meter_counts_the_same_however_the_bytes_are_cut,
	sec_c35_a_header_list_has_at_most_16_kib,
	a_block_of_more_than_64_fields_resets_its_stream_alone,
	a_header_that_would_split_lines_is_not_sent,
	sec_c33_credentials_are_never_put_into_a_compression_table,
	sec_c37_a_peer_that_breaks_the_protocol_gets_a_goaway_and_no_second_hearing,
	a_client_that_is_not_http2_is_an_error, sec_c33_a_server_that_pushes_is_cut_off,
	calls_into_a_broken_connection_are_harmless)
