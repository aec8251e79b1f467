/* Ends of a call that are no gRPC status, and codes that come of them. */
#include <stdio.h>
#include <string.h>

#include "tests/grpc_world.h"
#include "tests/suite.h"

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

TEST_MAIN("grpc_ends", http_answers_become_codes, a_grpc_status_counts_whatever_http_says,
	an_answer_without_a_status_is_internal, codes_are_kept_as_they_came_and_nonsense_is_unknown,
	resets_become_codes, a_lost_connection_is_unavailable_and_said_to_be_transport,
	a_request_that_never_left_is_unprocessed,
	a_cancelled_call_ends_as_told_and_the_server_sees_it)
