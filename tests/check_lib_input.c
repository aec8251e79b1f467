/* The library's protocol state: input, its credit, and what is refused of it. */
#include <string.h>

#include "tests/lib_world.h"

START_TEST(input_is_taken_as_far_as_there_is_credit_and_credit_is_told)
{
	static const uint8_t keys[INPUT_WINDOW + 20];
	struct cwsandbox *c = attached();
	struct cwsandbox_event e;
	struct frame f;
	struct frame_span s;
	size_t taken = 0;

	ck_assert_uint_eq(cwsandbox_input_room(c, 5), INPUT_WINDOW);
	ck_assert_int_eq(cwsandbox_input(c, 5, keys, sizeof(keys), &taken), 0);
	ck_assert_uint_eq(taken, INPUT_WINDOW);
	ck_assert_uint_eq(take_sent(c, &f, 1), 1);
	ck_assert(frame_is(&f, "session.input") && !f.has_id); /* no answer is to wake us */
	ck_assert_int_eq(frame_get_bytes(f.params, "data", &s), 0);
	ck_assert_uint_eq(s.n, INPUT_WINDOW);
	frame_close(&f);
	ck_assert_int_eq(cwsandbox_input(c, 5, keys, 1, &taken), CWSANDBOX_E_WINDOW);
	ck_assert_int_eq(send_credit(c, 5, 40), 0);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_CREDIT);
	ck_assert_uint_eq(cwsandbox_input_room(c, 5), 40);
	ck_assert_int_eq(send_credit(c, 5, 50), 0); /* nobody waits: no event */
	ck_assert_int_eq(cwsandbox_next(c, &e), CWSANDBOX_E_PENDING);
	ck_assert_int_eq(send_credit(c, 5, INPUT_WINDOW + 1), 0); /* never more than was sent */
	ck_assert_uint_eq(cwsandbox_input_room(c, 5), INPUT_WINDOW);
	cwsandbox_free(c);
}
END_TEST

START_TEST(refused_input_is_told_and_its_credit_comes_back)
{
	struct cwsandbox *c = attached();
	struct cwsandbox_event e;
	size_t taken;

	ck_assert_int_eq(cwsandbox_input(c, 5, "abc", 3, &taken), 0);
	ck_assert_uint_eq(cwsandbox_input_room(c, 5), INPUT_WINDOW - 3);
	ck_assert_int_eq(send_refused(c, 5, 3, "exclusive"), 0);
	ck_assert_uint_eq(cwsandbox_input_room(c, 5), INPUT_WINDOW);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_INPUT_REFUSED);
	ck_assert_str_eq(e.error->code, "exclusive");
	ck_assert_uint_eq(e.n, 3);
	ck_assert_int_eq(cwsandbox_input(c, 5, "abc", 3, &taken), 0);
	ck_assert_int_eq(send_refused(c, 5, 4, "exclusive"), -EBADMSG); /* more than was sent */
	cwsandbox_free(c);
}
END_TEST

START_TEST(a_daemon_that_tells_no_refusal_is_asked_for_an_answer_and_no_credit_is_lost)
{
	struct cwsandbox *c = attached_with(false);
	struct cwsandbox_event e;
	struct frame f;
	size_t taken;

	ck_assert_int_eq(cwsandbox_input(c, 5, "abc", 3, &taken), 0);
	ck_assert_uint_eq(cwsandbox_input_room(c, 5), INPUT_WINDOW - 3);
	ck_assert_uint_eq(take_sent(c, &f, 1), 1);
	ck_assert(frame_is(&f, "session.input") && f.has_id);
	ck_assert_int_eq(send_error(c, f.id, "exclusive"), 0);
	frame_close(&f);
	ck_assert_uint_eq(cwsandbox_input_room(c, 5), INPUT_WINDOW);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_INPUT_REFUSED);
	ck_assert_str_eq(e.error->code, "exclusive");
	ck_assert_uint_eq(e.n, 3);
	ck_assert_uint_eq(c->n_pending, 0);
	cwsandbox_free(c);
}
END_TEST

START_TEST(input_that_waits_for_answers_leaves_half_of_the_requests_to_others)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SESSION_GET, .name = "work" };
	struct cwsandbox *c = attached_with(false);
	struct frame_out o;
	struct cwsandbox_event e;
	size_t taken;

	for (size_t i = 1; i <= CWSANDBOX_REQUESTS_MAX / 2; i++) {
		ck_assert_int_eq(cwsandbox_input(c, 5, "x", 1, &taken), 0);
		ck_assert_int_eq(send_credit(c, 5, i), 0);
	}
	ck_assert_uint_eq(cwsandbox_input_room(c, 5), 0);
	ck_assert_int_eq(cwsandbox_input(c, 5, "x", 1, &taken), CWSANDBOX_E_WINDOW);
	ck_assert_int_eq(cwsandbox_start(c, &get, NULL), 0);
	while (c->n_pending >= CWSANDBOX_REQUESTS_MAX / 2) {
		frame_out_init(&o);
		frame_begin_result(&o, list_first(&c->pending, struct pending, link)->id, 0);
		ck_assert_int_eq(feed_out(c, &o), 0);
	}
	ck_assert_int_eq(cwsandbox_next(c, &e), 0); /* it may go on now, and is told so */
	ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_CREDIT);
	ck_assert_uint_eq(cwsandbox_input_room(c, 5), INPUT_WINDOW);
	cwsandbox_free(c);
}
END_TEST

START_TEST(input_that_finds_the_way_out_full_is_told_when_there_is_room)
{
	static const uint8_t text[60000];
	const struct cwsandbox_request send = {
		.method = CWSANDBOX_SESSION_SEND, .name = "work", .data = text, .n = sizeof(text)
	};
	struct cwsandbox *c = attached();
	struct cwsandbox_event e;
	size_t taken;

	while (cwsandbox_start(c, &send, NULL) == 0)
		;
	while (cwsandbox_input(c, 5, text, 100, &taken) == 0)
		ck_assert_int_eq(send_credit(c, 5, conn_find_attachment(c, 5)->sent), 0);
	ck_assert_uint_le(c->out_n - c->out_at, LIB_OUT_MAX);
	ck_assert_uint_eq(cwsandbox_input_room(c, 5), 0);
	ck_assert_int_eq(cwsandbox_next(c, &e), CWSANDBOX_E_PENDING);
	drop_sent(c);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_CREDIT);
	ck_assert_int_eq(e.attachment, 5);
	ck_assert_uint_eq(cwsandbox_input_room(c, 5), INPUT_WINDOW);
	ck_assert_int_eq(cwsandbox_next(c, &e), CWSANDBOX_E_PENDING);
	cwsandbox_free(c);
}
END_TEST

START_TEST(closed_input_takes_no_more_and_is_closed_once)
{
	struct cwsandbox *c = attached();
	struct frame f[2];
	size_t taken;

	ck_assert_int_eq(cwsandbox_close_input(c, 5), 0);
	ck_assert_int_eq(cwsandbox_close_input(c, 5), 0);
	ck_assert_uint_eq(take_sent(c, f, 2), 1);
	ck_assert(frame_is(&f[0], "session.close_input"));
	frame_close(&f[0]);
	ck_assert_int_eq(cwsandbox_input(c, 5, "x", 1, &taken), CWSANDBOX_E_ENDED);
	cwsandbox_free(c);
}
END_TEST

TEST_MAIN("lib_input", input_is_taken_as_far_as_there_is_credit_and_credit_is_told,
	refused_input_is_told_and_its_credit_comes_back,
	a_daemon_that_tells_no_refusal_is_asked_for_an_answer_and_no_credit_is_lost,
	input_that_waits_for_answers_leaves_half_of_the_requests_to_others,
	input_that_finds_the_way_out_full_is_told_when_there_is_room,
	closed_input_takes_no_more_and_is_closed_once)
