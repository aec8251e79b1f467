/* The library's protocol state, fed what a daemon never says; and what a later one may. */
#include <string.h>

#include "tests/lib_world.h"

#define B(bytes) (bytes), sizeof(bytes) - 1

START_TEST(frames_that_break_the_protocol_end_the_connection)
{
	static const struct {
		const char *what;
		const char *bytes;
		size_t n;
	} bad[] = {
		{ "no array", B("\xa3"
				"abc") },
		{ "no kind", B("\x93\xa1x\xa1x\x90") },
		{ "a request", B("\x94\x00\x01\xa1x\x90") },
		{ "an answer to nothing", B("\x94\x01\x63\xc0\xc0") },
		{ "a count beyond all", B("\xdd\xff\xff\xff\xff") },
		{ "depth", B("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91") },
		{ "output without data", B("\x93\x02\xa6output\x91\x81\xaa"
					   "attachment\x05") },
		{ "output without params", B("\x93\x02\xa6output\x90") },
		{ "an attachment of text", B("\x93\x02\xa8"
					     "detached\x91\x81\xaa"
					     "attachment\xa1x") },
		{ "credit without a number", B("\x93\x02\xacinput_credit\x91\x81\xaa"
					       "attachment\x05") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct cwsandbox *c = attached();

		ck_assert_msg(feed(c, (const uint8_t *)bad[i].bytes, bad[i].n) == -EBADMSG, "%s",
			bad[i].what);
		cwsandbox_free(c);
	}
}
END_TEST

START_TEST(an_attach_answer_with_impossible_numbers_ends_the_connection)
{
	static const uint64_t windows[][2] = { { 0, 1 }, { LIB_WINDOW_MAX + 1, 1 },
		{ 1, LIB_WINDOW_MAX + 1 } };
	const struct cwsandbox_request attach = { .method = CWSANDBOX_SESSION_ATTACH,
		.name = "work" };

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		struct cwsandbox *c = ready();
		struct frame_out o;
		uint32_t id;

		ck_assert_int_eq(cwsandbox_start(c, &attach, &id), 0);
		frame_out_init(&o);
		frame_begin_result(&o, id, 3);
		frame_put_i64(&o, "attachment", 1);
		frame_put_u64(&o, "window", windows[i][0]);
		frame_put_u64(&o, "input_window", windows[i][1]);
		ck_assert_int_eq(feed_out(c, &o), -EBADMSG);
		cwsandbox_free(c);
	}
}
END_TEST

START_TEST(an_attachment_number_given_twice_ends_the_connection)
{
	const struct cwsandbox_request attach = { .method = CWSANDBOX_SESSION_ATTACH,
		.name = "work" };
	struct cwsandbox *c = attached();
	uint32_t id;

	ck_assert_int_eq(cwsandbox_start(c, &attach, &id), 0);
	ck_assert_int_eq(answer_attach(c, id, 5), -EBADMSG);
	cwsandbox_free(c);
}
END_TEST

START_TEST(a_window_beyond_all_bounds_is_none_the_daemon_may_use)
{
	static const uint8_t blob[64 * 1024];
	struct cwsandbox *c = attached();
	const struct cwsandbox_request set = {
		.method = CWSANDBOX_SESSION_SET, .attachment = 5, .window = UINT64_MAX
	};
	int r = 0;

	ck_assert_int_eq(cwsandbox_start(c, &set, NULL), 0);
	for (uint64_t n = 0; n < LIB_WINDOW_MAX && r == 0; n += sizeof(blob)) {
		struct cwsandbox_event e;

		r = send_output(c, 5, n, blob, sizeof(blob));
		ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(send_output(c, 5, LIB_WINDOW_MAX, blob, 1), -EBADMSG);
	cwsandbox_free(c);
}
END_TEST

START_TEST(what_a_later_version_adds_is_ignored)
{
	struct cwsandbox *c = attached();
	struct cwsandbox_event e;
	struct frame_out o;

	begin_event(&o, "weather", 5, 1);
	frame_put_str(&o, "sky", "blue");
	ck_assert_int_eq(feed_out(c, &o), 0);
	begin_event(&o, "resized", 5, 3);
	frame_put_u64(&o, "cols", 100);
	frame_put_u64(&o, "rows", 30);
	frame_put_str(&o, "mood", "calm");
	ck_assert_int_eq(feed_out(c, &o), 0);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_RESIZED);
	ck_assert_uint_eq(e.cols, 100);
	ck_assert_int_eq(cwsandbox_next(c, &e), CWSANDBOX_E_PENDING);
	cwsandbox_free(c);
}
END_TEST

/* So much waits for the socket that nothing more is taken. */
static void fill(struct cwsandbox *c)
{
	static const char blob[60000];
	struct cwsandbox_request q = {
		.method = CWSANDBOX_SESSION_SEND, .name = "w", .data = blob, .n = sizeof(blob)
	};

	while (q.n)
		if (cwsandbox_start(c, &q, NULL))
			q.n /= 2;
}

START_TEST(a_wait_ends_in_time_where_the_daemon_reads_nothing_and_an_acknowledgement_has_no_room)
{
	struct cwsandbox_event e;
	struct cwsandbox *c;
	int fds[2];

	c = attached_by(fds);
	ck_assert_int_eq(send_output(c, 5, 0, "x", 1), 0);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	fill(c);
	ck_assert_int_eq(cwsandbox_flush(c), 0); /* the socket is full too */
	fill(c);
	ck_assert_int_eq(cwsandbox_consumed(c, 5, 1), 0);
	ck_assert_int_eq(cwsandbox_wait(c, 20, &e), CWSANDBOX_E_TIMEOUT);
	ck_assert_int_eq(conn_acks(c), ACK_ALONG);
	cwsandbox_free(c);
	close(fds[1]);
}
END_TEST

TEST_MAIN("lib_hostile", frames_that_break_the_protocol_end_the_connection,
	an_attach_answer_with_impossible_numbers_ends_the_connection,
	an_attachment_number_given_twice_ends_the_connection,
	a_window_beyond_all_bounds_is_none_the_daemon_may_use, what_a_later_version_adds_is_ignored,
	a_wait_ends_in_time_where_the_daemon_reads_nothing_and_an_acknowledgement_has_no_room)
