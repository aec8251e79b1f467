#include <stdio.h>
#include <string.h>

#include "tests/grpc_world.h"
#include "tests/suite.h"

START_TEST(a_unary_call_carries_a_message_each_way_and_ends_ok)
{
	struct world w;

	world_init(&w);
	start_with(&w, 0);
	put(&w.client, "question");
	w.client.end = true;
	grpc_resume(&w.client.call);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.accepted, 0);
	check_got(&w.server, "question", 1);
	ck_assert(w.server.half_closed);
	put(&w.server, "answer");
	finish(&w, GRPC_OK, "");
	pair_pump(&w.pair);
	check_got(&w.client, "answer", 1);
	ck_assert_int_eq(w.client.n_done, 1);
	ck_assert_int_eq(w.client.status.code, GRPC_OK);
	ck_assert_int_eq(w.server.n_done, 1);
	ck_assert_int_eq(w.server.status.code, GRPC_OK);
	world_done(&w);
}
END_TEST

START_TEST(messages_are_the_same_however_the_bytes_are_cut)
{
	for (size_t piece = 1; piece < 48; piece++) {
		struct world w;

		world_init(&w);
		w.pair.piece = piece;
		start_with(&w, 0);
		put(&w.client, "one");
		put(&w.client, "");
		put(&w.client, "and a somewhat longer third message");
		w.client.end = true;
		pair_pump(&w.pair);
		check_got(&w.server, "oneand a somewhat longer third message", 3);
		put(&w.server, "");
		put(&w.server, "down");
		finish(&w, GRPC_OK, "");
		pair_pump(&w.pair);
		check_got(&w.client, "down", 2);
		ck_assert_int_eq(w.client.status.code, GRPC_OK);
		world_done(&w);
	}
}
END_TEST

START_TEST(a_stream_carries_messages_both_ways_until_each_side_ends)
{
	struct world w;

	world_init(&w);
	start_with(&w, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.accepted, 0);
	for (int i = 0; i < 100; i++) {
		put(&w.client, "up");
		grpc_resume(&w.client.call);
		pair_pump(&w.pair);
		put(&w.server, "dn");
		grpc_resume(&w.server.call);
		pair_pump(&w.pair);
		ck_assert_uint_eq(w.server.n_messages, (size_t)i + 1);
		ck_assert_uint_eq(w.client.n_messages, (size_t)i + 1);
	}
	ck_assert(!w.server.half_closed);
	w.client.end = true;
	grpc_resume(&w.client.call);
	pair_pump(&w.pair);
	ck_assert(w.server.half_closed);
	finish(&w, GRPC_ABORTED, "enough");
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client.status.code, GRPC_ABORTED);
	ck_assert_str_eq(w.client.status.message, "enough");
	ck_assert(!w.client.status.transport);
	ck_assert_int_eq(w.server.status.code, GRPC_OK);
	world_done(&w);
}
END_TEST

START_TEST(a_server_may_end_while_the_client_still_sends)
{
	struct world w;

	world_init(&w);
	start_with(&w, 0);
	put(&w.client, "first");
	pair_pump(&w.pair);
	put(&w.server, "last words");
	finish(&w, GRPC_FAILED_PRECONDITION, "no");
	finish(&w, GRPC_OK, "a second finish changes nothing");
	put(&w.client, "late");
	grpc_resume(&w.client.call);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client.n_done, 1);
	ck_assert_int_eq(w.client.status.code, GRPC_FAILED_PRECONDITION);
	check_got(&w.server, "first", 1);
	ck_assert_int_eq(w.server.status.code, GRPC_OK);
	world_done(&w);
}
END_TEST

START_TEST(an_error_before_any_headers_is_trailers_only_and_after_them_comes_last)
{
	for (int headers = 0; headers < 2; headers++) {
		struct world w;

		world_init(&w);
		start_with(&w, 0);
		pair_pump(&w.pair);
		if (headers)
			ck_assert_int_eq(grpc_send_headers(&w.server.call), 0);
		pair_pump(&w.pair);
		ck_assert_int_eq(w.client.call.headers_seen, headers);
		put(&w.server, "x");
		finish(&w, GRPC_NOT_FOUND, "gone");
		pair_pump(&w.pair);
		ck_assert_uint_eq(w.client.n_messages, (size_t)headers);
		ck_assert_int_eq(w.client.status.code, GRPC_NOT_FOUND);
		ck_assert_str_eq(w.client.status.message, "gone");
		world_done(&w);
	}
}
END_TEST

START_TEST(a_call_that_ends_ok_with_no_message_is_ok)
{
	struct world w;

	world_init(&w);
	start_with(&w, 0);
	pair_pump(&w.pair);
	finish(&w, GRPC_OK, "");
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client.status.code, GRPC_OK);
	ck_assert_uint_eq(w.client.n_messages, 0);
	world_done(&w);
}
END_TEST

START_TEST(a_paused_call_holds_its_window_and_no_more)
{
	static char blob[300000];
	struct world w;

	memset(blob, 'm', sizeof(blob) - 1);
	world_init(&w);
	w.client.keep_window = true;
	start_with(&w, 0);
	pair_pump(&w.pair);
	put(&w.server, blob);
	grpc_resume(&w.server.call);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client.call.in.offset, PAIR_STREAM_WINDOW - GRPC_PREFIX_BYTES);
	w.client.keep_window = false;
	grpc_consume(&w.client.call, w.client.call.in.offset);
	pair_pump(&w.pair);
	check_got(&w.client, blob, 1);
	finish(&w, GRPC_OK, "");
	pair_pump(&w.pair);
	world_done(&w);
}
END_TEST

START_TEST(prefixes_hold_no_window)
{
	struct world w;

	world_init(&w);
	start_with(&w, 0);
	pair_pump(&w.pair);
	for (int i = 0; i < 20000; i++) /* five bytes of each are prefix: more than the window */
		put(&w.server, "m");
	grpc_resume(&w.server.call);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.client.n_messages, 20000);
	world_done(&w);
}
END_TEST

START_TEST(messages_to_a_finished_server_are_dropped_and_hold_no_window)
{
	static char blob[400000];
	struct world w;

	memset(blob, 'm', sizeof(blob) - 1);
	world_init(&w);
	w.client.keep_window = true;
	start_with(&w, 0);
	pair_pump(&w.pair);
	put(&w.server, blob);
	finish(&w, GRPC_OK, ""); /* and the answer waits for the client's window */
	put(&w.client, blob);
	grpc_resume(&w.client.call);
	pair_pump(&w.pair);
	ck_assert(grpc_outbox_empty(&w.client.out));
	ck_assert_uint_eq(w.server.n_parts, 0);
	grpc_consume(&w.client.call, w.client.call.in.offset);
	w.client.keep_window = false;
	pair_pump(&w.pair);
	check_got(&w.client, blob, 1);
	ck_assert_int_eq(w.client.status.code, GRPC_OK);
	world_done(&w);
}
END_TEST

START_TEST(an_early_answer_that_does_not_reset_is_an_end_as_well)
{
	/* SETTINGS; HEADERS with END_STREAM on stream 1: :status 200, grpc-status 5 */
	static const uint8_t answer[] = { 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 16, 1, 5, 0, 0, 0, 1,
		0x88, 0, 11, 'g', 'r', 'p', 'c', '-', 's', 't', 'a', 't', 'u', 's', 1, '5' };
	const uint8_t *data;
	struct world w;
	ssize_t l;
	bool reset = false;

	world_init(&w);
	start_with(&w, 0);
	while (h2_gather(w.pair.client, &data) > 0)
		;
	ck_assert_int_eq(h2_recv(w.pair.client, answer, sizeof(answer), 0), 0);
	for (l = h2_gather(w.pair.client, &data); l > 0; l = h2_gather(w.pair.client, &data))
		reset |= l == 13 && data[3] == 3 && data[12] == H2_NO_ERROR;
	ck_assert(reset);
	ck_assert_int_eq(w.client.n_done, 1);
	ck_assert_int_eq(w.client.status.code, GRPC_NOT_FOUND);
	world_done(&w);
}
END_TEST

/* ---- limits and bad messages ---- */

START_TEST(sec_c35_a_message_of_the_limit_passes_and_one_more_byte_ends_the_call)
{
	static const char text[] = "12345678";

	for (size_t max = 7; max <= 8; max++) {
		struct world w;
		int expected = max == 8 ? GRPC_OK : GRPC_RESOURCE_EXHAUSTED;

		world_init(&w);
		w.client.call.message_max = max;
		start_with(&w, 0);
		pair_pump(&w.pair);
		put(&w.server, text);
		finish(&w, GRPC_OK, "");
		pair_pump(&w.pair);
		ck_assert_int_eq(w.client.status.code, expected);
		ck_assert_uint_eq(w.client.n_messages, max == 8);
		ck_assert_int_eq(w.server.status.code, max == 8 ? GRPC_OK : GRPC_CANCELLED);
		world_done(&w);

		world_init(&w);
		w.server.call.message_max = max;
		start_with(&w, 0);
		put(&w.client, text);
		pair_pump(&w.pair);
		if (max == 8)
			finish(&w, GRPC_OK, "");
		pair_pump(&w.pair);
		ck_assert_int_eq(w.client.status.code, expected);
		ck_assert_uint_eq(w.server.n_messages, max == 8);
		ck_assert_int_eq(w.server.status.code, expected);
		world_done(&w);
	}
}
END_TEST

static void put_raw(struct end *e, const void *data, size_t n)
{
	uint8_t *p;

	ck_assert_int_eq(grpc_outbox_reserve(&e->out, n, &p), 0);
	e->out.n -= GRPC_PREFIX_BYTES;
	memcpy(p - GRPC_PREFIX_BYTES, data, n);
}

START_TEST(a_claim_of_4_gib_ends_the_call_before_a_byte_of_it)
{
	struct world w;

	world_init(&w);
	start_with(&w, 0);
	put_raw(&w.client, "\0\xff\xff\xff\xff", 5);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client.status.code, GRPC_RESOURCE_EXHAUSTED);
	ck_assert_uint_eq(w.server.n_parts, 0);
	world_done(&w);
}
END_TEST

START_TEST(sec_c35_a_compressed_message_is_not_understood)
{
	struct world w;

	world_init(&w);
	start_with(&w, 0);
	put_raw(&w.client, "\1\0\0\0\1x", 6);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client.status.code, GRPC_UNIMPLEMENTED);
	ck_assert_uint_eq(w.server.n_parts, 0);
	world_done(&w);

	world_init(&w);
	start_with(&w, 0);
	pair_pump(&w.pair);
	put_raw(&w.server, "\1\0\0\0\1x", 6);
	finish(&w, GRPC_OK, "");
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client.status.code, GRPC_INTERNAL);
	world_done(&w);
}
END_TEST

START_TEST(a_stream_that_ends_inside_a_message_is_internal_at_every_byte)
{
	static const char message[] = "\0\0\0\0\4abcd";

	for (size_t n = 1; n < sizeof(message) - 1; n++) {
		struct world w;

		world_init(&w);
		start_with(&w, 0);
		put_raw(&w.client, message, n);
		w.client.end = true;
		pair_pump(&w.pair);
		ck_assert_int_eq(w.client.status.code, GRPC_INTERNAL);
		ck_assert_int_eq(w.server.status.code, GRPC_INTERNAL);
		ck_assert(!w.server.half_closed);
		world_done(&w);

		world_init(&w);
		start_with(&w, 0);
		pair_pump(&w.pair);
		put(&w.server, "whole");
		put_raw(&w.server, message, n);
		finish(&w, GRPC_OK, "");
		pair_pump(&w.pair);
		ck_assert_int_eq(w.client.status.code, GRPC_INTERNAL);
		ck_assert_uint_eq(w.client.n_messages, 1);
		world_done(&w);
	}
}
END_TEST

START_TEST(a_part_the_user_refuses_ends_the_call_internal)
{
	struct world w;

	world_init(&w);
	w.server.part_error = -EBADMSG;
	start_with(&w, 0);
	put(&w.client, "one");
	put(&w.client, "two");
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client.status.code, GRPC_INTERNAL);
	ck_assert_uint_eq(w.server.n_parts, 1);
	ck_assert_int_eq(w.server.n_done, 1);
	world_done(&w);

	world_init(&w);
	w.client.part_error = -EBADMSG;
	start_with(&w, 0);
	pair_pump(&w.pair);
	put(&w.server, "one");
	grpc_resume(&w.server.call);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client.status.code, GRPC_INTERNAL);
	ck_assert_int_eq(w.server.status.code, GRPC_CANCELLED);
	world_done(&w);
}
END_TEST

/* ---- requests that are none ---- */

static size_t read_nothing(struct h2_stream *st, uint8_t *buf, size_t n, bool *ret_end, void *arg)
{
	(void)st;
	(void)buf;
	(void)n;
	(void)arg;
	*ret_end = true;
	return 0;
}

struct seen {
	char status[8], allow[16], grpc[8];
	int n_close;
};

static void see_headers(struct h2_stream *st, bool trailers, void *arg)
{
	struct seen *s = arg;
	const char *allow = h2_stream_header(st, "allow"),
		   *grpc = h2_stream_header(st, "grpc-status");

	(void)trailers;
	snprintf(s->status, sizeof(s->status), "%s", h2_stream_header(st, ":status"));
	snprintf(s->allow, sizeof(s->allow), "%s", allow ? allow : "");
	snprintf(s->grpc, sizeof(s->grpc), "%s", grpc ? grpc : "");
}

static void see_close(struct h2_stream *st, uint32_t error, void *arg)
{
	struct seen *s = arg;

	(void)st;
	(void)error;
	s->n_close++;
}

static void ask(const char *method, const char *type, const char *te, const char *timeout,
	struct seen *seen)
{
	static const struct h2_stream_ops ops = {
		.on_headers = see_headers, .read = read_nothing, .on_close = see_close
	};
	struct h2_header headers[8] = { { ":method", method }, { ":scheme", "http" },
		{ ":path", "/a.B/C" }, { ":authority", "localhost" } };
	struct h2_stream *st;
	struct world w;
	size_t n = 4;

	if (type)
		headers[n++] = (struct h2_header){ "content-type", type };
	if (te)
		headers[n++] = (struct h2_header){ "te", te };
	if (timeout)
		headers[n++] = (struct h2_header){ "grpc-timeout", timeout };
	memset(seen, 0, sizeof(*seen));
	world_init(&w);
	ck_assert_int_eq(h2_open(w.pair.client, headers, n, &ops, seen, &st), 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.accepted, GRPC_E_ANSWERED);
	ck_assert_int_eq(seen->n_close, 1);
	ck_assert_uint_eq(h2_n_streams(w.pair.server), 0);
	world_done(&w);
}

START_TEST(requests_that_are_not_grpc_are_answered_in_http)
{
	struct seen seen;

	ask("GET", "application/grpc", "trailers", NULL, &seen);
	ck_assert_str_eq(seen.status, "405");
	ck_assert_str_eq(seen.allow, "POST");
	ask("POST", NULL, "trailers", NULL, &seen);
	ck_assert_str_eq(seen.status, "415");
	ask("POST", "application/json", "trailers", NULL, &seen);
	ck_assert_str_eq(seen.status, "415");
	ask("POST", "application/grpc-web", "trailers", NULL, &seen);
	ck_assert_str_eq(seen.status, "415");
	ask("POST", "application/grpc", NULL, NULL, &seen);
	ck_assert_str_eq(seen.status, "400");
	ask("POST", "application/grpc+proto", "trailers", "5 M", &seen);
	ck_assert_str_eq(seen.status, "200");
	ck_assert_str_eq(seen.grpc, "13");
}
END_TEST

/* ---- deadlines ---- */

START_TEST(a_deadline_reaches_the_server_as_a_time_of_its_clock)
{
	struct world w;

	world_init(&w);
	start_with(&w, 5 * USEC_PER_SEC);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.server.call.deadline_usec, 1000 + 5 * USEC_PER_SEC);
	world_done(&w);
	world_init(&w);
	start_with(&w, 0);
	pair_pump(&w.pair);
	ck_assert_uint_eq(w.server.call.deadline_usec, 0);
	world_done(&w);
}
END_TEST

TEST_MAIN("grpc", a_unary_call_carries_a_message_each_way_and_ends_ok,
	messages_are_the_same_however_the_bytes_are_cut,
	a_stream_carries_messages_both_ways_until_each_side_ends,
	a_server_may_end_while_the_client_still_sends,
	an_error_before_any_headers_is_trailers_only_and_after_them_comes_last,
	a_call_that_ends_ok_with_no_message_is_ok, a_paused_call_holds_its_window_and_no_more,
	prefixes_hold_no_window, messages_to_a_finished_server_are_dropped_and_hold_no_window,
	an_early_answer_that_does_not_reset_is_an_end_as_well,
	sec_c35_a_message_of_the_limit_passes_and_one_more_byte_ends_the_call,
	a_claim_of_4_gib_ends_the_call_before_a_byte_of_it,
	sec_c35_a_compressed_message_is_not_understood,
	a_stream_that_ends_inside_a_message_is_internal_at_every_byte,
	a_part_the_user_refuses_ends_the_call_internal,
	requests_that_are_not_grpc_are_answered_in_http,
	a_deadline_reaches_the_server_as_a_time_of_its_clock)
