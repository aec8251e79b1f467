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

/* ---- ends that are no gRPC status ---- */

static void check_outcome(struct by_hand *b, int code)
{
	struct world w;

	world_init(&w);
	w.by_hand = b;
	b->sent = 0;
	start_with(&w, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client.n_done, 1);
	ck_assert_msg(w.client.status.code == code, "%s: %s, not %s", b->headers[0].value,
		grpc_code_name(w.client.status.code), grpc_code_name(code));
	ck_assert_ptr_nonnull(w.client.status.message);
	ck_assert(!w.client.status.transport);
	ck_assert_uint_eq(w.client.n_messages, 0);
	world_done(&w);
}

START_TEST(http_answers_become_codes)
{
	static const struct {
		const char *http;
		int code;
	} codes[] = { { "400", GRPC_INTERNAL }, { "401", GRPC_UNAUTHENTICATED },
		{ "403", GRPC_PERMISSION_DENIED }, { "404", GRPC_UNIMPLEMENTED },
		{ "429", GRPC_UNAVAILABLE }, { "502", GRPC_UNAVAILABLE },
		{ "503", GRPC_UNAVAILABLE }, { "504", GRPC_UNAVAILABLE }, { "200", GRPC_UNKNOWN },
		{ "302", GRPC_UNKNOWN }, { "500", GRPC_UNKNOWN } };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct h2_header headers[] = { { ":status", codes[i].http },
			{ "content-type", "text/html" } };
		struct by_hand b = { .headers = headers, .n_headers = 2 };

		check_outcome(&b, codes[i].code);
		b.body = "<html>bad gateway</html>"; /* never taken for messages */
		b.n_body = strlen(b.body);
		check_outcome(&b, codes[i].code);
		b.n_headers = 1;
		check_outcome(&b, codes[i].code);
	}
}
END_TEST

START_TEST(a_grpc_status_counts_whatever_http_says)
{
	struct h2_header headers[] = { { ":status", "503" }, { "grpc-status", "16" },
		{ "grpc-message", "who%20are you%3F" } };
	struct by_hand b = { .headers = headers, .n_headers = 3 };
	struct world w;

	world_init(&w);
	w.by_hand = &b;
	start_with(&w, 0);
	pair_pump(&w.pair);
	ck_assert_int_eq(w.client.status.code, GRPC_UNAUTHENTICATED);
	ck_assert_str_eq(w.client.status.message, "who are you?");
	world_done(&w);
}
END_TEST

START_TEST(an_answer_without_a_status_is_internal)
{
	struct h2_header headers[] = { { ":status", "200" },
		{ "content-type", "application/grpc+proto" } };
	struct h2_header trailers[] = { { "x-other", "1" } };
	struct by_hand b = { .headers = headers, .n_headers = 2 };

	check_outcome(&b, GRPC_INTERNAL);
	b.trailers = trailers;
	b.n_trailers = 1;
	check_outcome(&b, GRPC_INTERNAL);
	headers[1].value = "application/grpcx"; /* another type */
	check_outcome(&b, GRPC_UNKNOWN);
}
END_TEST

START_TEST(codes_are_kept_as_they_came_and_nonsense_is_unknown)
{
	static const struct {
		const char *text;
		int code;
	} codes[] = { { "0", 0 }, { "16", 16 }, { "17", 17 }, { "999999999", 999999999 },
		{ "9999999999", GRPC_UNKNOWN }, { "-1", GRPC_UNKNOWN }, { "1x", GRPC_UNKNOWN },
		{ "", GRPC_UNKNOWN }, { "OK", GRPC_UNKNOWN } };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct h2_header headers[] = { { ":status", "200" },
			{ "content-type", "application/grpc" }, { "grpc-status", codes[i].text } };
		struct by_hand b = { .headers = headers, .n_headers = 3 };
		struct world w;

		world_init(&w);
		w.by_hand = &b;
		start_with(&w, 0);
		pair_pump(&w.pair);
		ck_assert_msg(w.client.status.code == codes[i].code, "'%s': %d", codes[i].text,
			w.client.status.code);
		world_done(&w);
	}
	ck_assert_str_eq(grpc_code_name(GRPC_NOT_FOUND), "NOT_FOUND");
	ck_assert_str_eq(grpc_code_name(17), "code 17");
	ck_assert_str_eq(grpc_code_name(-1), "code -1");
}
END_TEST

START_TEST(resets_become_codes)
{
	static const struct {
		uint32_t error;
		int code;
		bool unprocessed;
	} codes[] = { { H2_NO_ERROR, GRPC_INTERNAL, false },
		{ H2_PROTOCOL_ERROR, GRPC_INTERNAL, false },
		{ H2_INTERNAL_ERROR, GRPC_INTERNAL, false },
		{ H2_REFUSED_STREAM, GRPC_UNAVAILABLE, true }, { H2_CANCEL, GRPC_CANCELLED, false },
		{ H2_ENHANCE_YOUR_CALM, GRPC_RESOURCE_EXHAUSTED, false },
		{ H2_INADEQUATE_SECURITY, GRPC_PERMISSION_DENIED, false },
		{ 99, GRPC_INTERNAL, false } };

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct by_hand b = { .reset = true, .error = codes[i].error };
		struct world w;

		world_init(&w);
		w.by_hand = &b;
		start_with(&w, 0);
		pair_pump(&w.pair);
		ck_assert_int_eq(w.client.n_done, 1);
		ck_assert_int_eq(w.client.status.code, codes[i].code);
		ck_assert_int_eq(w.client.status.unprocessed, codes[i].unprocessed);
		ck_assert(w.client.status.transport);
		world_done(&w);
	}
}
END_TEST

START_TEST(a_lost_connection_is_unavailable_and_said_to_be_transport)
{
	struct world w;

	world_init(&w);
	start_with(&w, 0);
	pair_pump(&w.pair);
	w.pair.client = h2_free(w.pair.client);
	ck_assert_int_eq(w.client.n_done, 1);
	ck_assert_int_eq(w.client.status.code, GRPC_UNAVAILABLE);
	ck_assert(w.client.status.transport);
	ck_assert(!w.client.status.unprocessed);
	w.pair.server = h2_free(w.pair.server);
	ck_assert_int_eq(w.server.n_done, 1);
	ck_assert_int_eq(w.server.status.code, GRPC_CANCELLED);
	ck_assert(w.server.status.transport);
	world_done(&w);
}
END_TEST

START_TEST(a_request_that_never_left_is_unprocessed)
{
	struct world w;

	world_init(&w);
	start_with(&w, 0);
	w.pair.client = h2_free(w.pair.client);
	ck_assert_int_eq(w.client.status.code, GRPC_UNAVAILABLE);
	ck_assert(w.client.status.unprocessed);
	world_done(&w);
}
END_TEST

START_TEST(a_cancelled_call_ends_as_told_and_the_server_sees_it)
{
	for (int own = 0; own < 2; own++) {
		struct grpc_status deadline = { 0 };
		struct world w;

		world_init(&w);
		start_with(&w, 0);
		pair_pump(&w.pair);
		ck_assert_int_eq(
			grpc_status_set(&deadline, GRPC_DEADLINE_EXCEEDED, NULL, "after %d s", 5),
			0);
		grpc_cancel(&w.client.call, own ? &deadline : NULL);
		grpc_cancel(&w.client.call, NULL);
		ck_assert_int_eq(w.client.n_done, 0); /* never from the call itself */
		pair_pump(&w.pair);
		ck_assert_int_eq(w.client.n_done, 1);
		ck_assert_int_eq(
			w.client.status.code, own ? GRPC_DEADLINE_EXCEEDED : GRPC_CANCELLED);
		ck_assert_str_eq(w.client.status.message, own ? "after 5 s" : "cancelled");
		ck_assert_int_eq(w.server.n_done, 1);
		ck_assert_int_eq(w.server.status.code, GRPC_CANCELLED);
		grpc_cancel(&w.client.call, NULL); /* after the end: nothing */
		grpc_resume(&w.client.call);
		grpc_consume(&w.client.call, 1);
		grpc_status_done(&deadline);
		world_done(&w);
	}
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
	a_part_the_user_refuses_ends_the_call_internal, http_answers_become_codes,
	a_grpc_status_counts_whatever_http_says, an_answer_without_a_status_is_internal,
	codes_are_kept_as_they_came_and_nonsense_is_unknown, resets_become_codes,
	a_lost_connection_is_unavailable_and_said_to_be_transport,
	a_request_that_never_left_is_unprocessed,
	a_cancelled_call_ends_as_told_and_the_server_sees_it,
	requests_that_are_not_grpc_are_answered_in_http,
	a_deadline_reaches_the_server_as_a_time_of_its_clock)
