/* What painted attachments, and those that are about to be, see of a resize. */
#include "tests/viewer_world.h"

static bool no_memory; /* for another size */

int __real_term_resize_begin(struct term *t, unsigned cols, unsigned rows);
int __wrap_term_resize_begin(struct term *t, unsigned cols, unsigned rows);
int __wrap_term_resize_begin(struct term *t, unsigned cols, unsigned rows)
{
	return no_memory ? -ENOMEM : __real_term_resize_begin(t, cols, rows);
}

static bool no_shadow; /* no memory for one */

int __real_term_shadow_new(struct term_shadow **ret, unsigned cols, unsigned rows);
int __wrap_term_shadow_new(struct term_shadow **ret, unsigned cols, unsigned rows);
int __wrap_term_shadow_new(struct term_shadow **ret, unsigned cols, unsigned rows)
{
	return no_shadow ? -ENOMEM : __real_term_shadow_new(ret, cols, rows);
}

static void resized_without_a_loss(const char *policy)
{
	static const unsigned sizes[][2] = { { 100, 30 }, { 60, 20 }, { 80, 24 } };
	uint64_t paints;

	begin();
	viewer_attach_as(&a, 80, 24, policy);
	viewer_ack_all();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		lines(9000);      /* more than its window */
		output(blob, 70); /* wrapped by the one size and not by the other */
		paints = v.paints;
		viewer_resize(sizes[i][0], sizes[i][1]);
		lines(5);
		output_text("\033[3"); /* and in the middle of a sequence nobody is painted */
		viewer_ack_all();
		ck_assert_uint_eq(v.raw, s->log.head);
		ck_assert_uint_eq(v.paints, paints);
		output_text("1mred");
		viewer_ack_all();
		fake_pass(&fake, ATTACHMENT_PAINT_USEC);
		viewer_ack_all();
		ck_assert_uint_eq(v.paints, paints + 1);
		ck_assert_uint_eq(v.raw, s->log.head);
		ck_assert_uint_eq(v.skipped, 0);
		ck_assert_int_eq(viewed()->view, VIEW_RAW);
		ck_assert(same_screen());
	}
	viewer_end();
}

START_TEST(a_terminal_that_does_not_skip_is_painted_after_a_resize_and_misses_no_byte)
{
	resized_without_a_loss("block");
	resized_without_a_loss("drop");
}
END_TEST

static void shrunk_for_a_moment(const char *policy)
{
	begin();
	viewer_attach_as(&a, 80, 24, policy);
	output_text("\033[?1049h");
	viewer_resize(100, 30);
	viewer_ask_size(100, 29); /* the next one waits for its time */
	for (unsigned y = 0; y < 29; y++)
		output(blob, 100);
	viewer_ack_all();
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	ck_assert(same_screen());
	viewer_ask_size(40, 10);
	fake_turn(&fake);
	viewer_ask_size(100, 29);
	viewer_ack_all();
	ck_assert(!same_screen());
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	ck_assert(same_screen());
	ck_assert_int_eq(viewed()->view, VIEW_RAW);
	viewer_end();
}

START_TEST(a_terminal_that_was_smaller_for_a_moment_is_painted_although_the_session_never_was)
{
	shrunk_for_a_moment(NULL);
	shrunk_for_a_moment("block");
}
END_TEST

/* Its terminal was small for a moment, and nobody had told before it was back. */
static void shrunk_unseen(unsigned cols, unsigned rows, const char *policy)
{
	struct term_buf before = { .n = 0 }, after = { .n = 0 };

	begin();
	peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	viewer_attach_as(&a, cols, rows, policy);
	output_text("\033[?1049h");
	for (unsigned y = 0; y < 24; y++)
		output(blob, 80);
	viewer_ack_all();
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	ck_assert_int_eq(term_text(v.term, &before), 0);
	ck_assert_uint_gt(before.n, cols * rows / 2);
	ck_assert_int_eq(term_resize(v.term, 10, 5), 0);
	viewer_ask_size(cols, rows);
	viewer_ack_all();
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	ck_assert_int_eq(term_text(v.term, &after), 0);
	ck_assert(after.n == before.n && memcmp(after.data, before.data, after.n) == 0);
	ck_assert_uint_eq(v.skipped, 0);
	term_buf_done(&before);
	term_buf_done(&after);
	viewer_end();
}

START_TEST(a_terminal_that_tells_the_size_it_has_is_painted_for_it_may_have_been_another)
{
	shrunk_unseen(80, 24, NULL);
	shrunk_unseen(80, 24, "block");
	shrunk_unseen(60, 20, NULL);
	shrunk_unseen(60, 20, "block");
}
END_TEST

/* So too where both sizes were told before the next paint. */
START_TEST(a_view_that_was_smaller_between_two_paints_is_painted_whole)
{
	struct term_buf before = { .n = 0 }, after = { .n = 0 };

	begin();
	peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	viewer_attach(&a, 60, 20);
	output(blob, 800);
	viewer_ack_all();
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	ck_assert_int_eq(term_text(v.term, &before), 0);
	ck_assert_int_eq(viewed()->view, VIEW_PAINTED);
	viewer_ask_size(10, 5);
	viewer_ask_size(60, 20);
	viewer_ack_all();
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	ck_assert_int_eq(term_text(v.term, &after), 0);
	ck_assert(after.n == before.n && memcmp(after.data, before.data, after.n) == 0);
	term_buf_done(&before);
	term_buf_done(&after);
	viewer_end();
}
END_TEST

START_TEST(a_terminal_that_has_all_before_the_picture_does_is_painted_with_it_after_a_resize)
{
	static const char erase[] = "\033[2J";
	size_t n = 0;

	begin();
	viewer_attach_as(&a, 80, 24, "block");
	viewer_ack_all();
	while (n + sizeof(erase) < 30000) {
		memcpy(blob + n, erase, sizeof(erase) - 1);
		n += sizeof(erase) - 1;
	}
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(session_output(s, blob, n, LOG_STDOUT), 0);
	viewer_ask_size(60, 20);
	fake.clock.now_usec += SESSION_RESIZE_USEC;
	v.paints = 0;
	while (v.raw < s->log.head) {
		(void)fake_turn_once(&fake);
		viewer_take();
		peer_ack(&a, v.at, v.acked = v.got);
	}
	(void)fake_turn_once(&fake); /* the last acknowledgement is known */
	ck_assert_uint_lt(s->screen.reader.pos, s->log.head);
	ck_assert_uint_eq(v.paints, 0);
	fake_turn(&fake);
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	ck_assert_uint_eq(v.paints, 1);
	ck_assert_uint_eq(v.skipped, 0);
	ck_assert(same_screen());
	viewer_end();
}
END_TEST

/* The resize of so large a screen takes several turns. */
static void huge_begin(void)
{
	begin();
	viewer_attach(&a, SIZE_COLS_MAX, SIZE_ROWS_MAX);
	viewer_ack_all();
	memset(blob, 'x', SIZE_COLS_MAX);
	for (unsigned y = 0; y < SIZE_ROWS_MAX; y++) {
		ck_assert_int_eq(session_output(s, blob, SIZE_COLS_MAX, LOG_STDOUT), 0);
		viewer_ack_all();
	}
	fake_pass(&fake, SESSION_RESIZE_USEC);
	v.paints = v.raw = 0;
	viewer_ask_size(SIZE_COLS_MAX - 100, SIZE_ROWS_MAX);
	ck_assert(s->screen.resizing);
}

START_TEST(a_resize_in_several_turns_has_its_effect_at_the_end_and_output_goes_on)
{
	unsigned n_turns = 0;

	huge_begin();
	viewer_ask_size(SIZE_COLS_MAX - 200, SIZE_ROWS_MAX - 200);
	ck_assert_int_eq(session_output(s, (const uint8_t *)"more", 4, LOG_STDOUT), 0);
	for (; s->screen.resizing; n_turns++) {
		ck_assert_uint_eq(s->cols, SIZE_COLS_MAX);
		ck_assert_uint_eq(v.paints, 0);
		ck_assert(fake_turn_once(&fake));
		viewer_take();
	}
	ck_assert_uint_gt(n_turns, 1);
	ck_assert_uint_eq(v.raw, 4);
	ck_assert_uint_eq(s->cols, SIZE_COLS_MAX - 100);
	fake_turn(&fake);
	ck_assert_uint_eq(fake_last(&fake)->cols, SIZE_COLS_MAX - 100);
	fake_pass(&fake, SESSION_RESIZE_USEC); /* and then what was asked for meanwhile */
	viewer_ack_all();
	ck_assert_uint_eq(s->cols, SIZE_COLS_MAX - 200);
	ck_assert_uint_eq(fake_last(&fake)->rows, SIZE_ROWS_MAX - 200);
	ck_assert(same_screen());
	viewer_end();
}
END_TEST

START_TEST(who_attaches_amid_a_resize_is_painted_when_it_is_done)
{
	huge_begin();
	peer_begin(&b, "session.attach", 3);
	frame_put_str(&b.out, "name", "w");
	frame_put_u64(&b.out, "cols", 80);
	frame_put_u64(&b.out, "rows", 24);
	peer_send(&b);
	while (s->screen.resizing) {
		ck_assert_ptr_null(peer_note(&b, "resync"));
		ck_assert(fake_turn_once(&fake));
	}
	fake_turn(&fake);
	ck_assert_ptr_nonnull(peer_note(&b, "resync"));
	viewer_end();
}
END_TEST

START_TEST(who_asks_for_the_screen_amid_a_resize_gets_it_at_the_new_size)
{
	huge_begin();
	peer_begin(&b, "session.capture", 1);
	frame_put_str(&b.out, "name", "w");
	ck_assert_uint_eq(field_u64(peer_result(&b, peer_send(&b)), "cols"), SIZE_COLS_MAX - 100);
	ck_assert(!s->screen.resizing);
	viewer_end();
}
END_TEST

START_TEST(without_memory_for_its_size_a_lead_is_painted_until_there_is_some)
{
	begin();
	viewer_attach(&a, 80, 24);
	viewer_ack_all();
	no_memory = true;
	viewer_resize(60, 20);
	viewer_ack_all();
	ck_assert_uint_eq(s->cols, 80);
	ck_assert_int_eq(viewed()->view, VIEW_PAINTED);
	v.raw = 0;
	lines(30);
	fake_pass(&fake, SESSION_RETRY_USEC);
	viewer_ack_all();
	ck_assert_uint_eq(v.raw, 0);
	ck_assert_uint_eq(s->cols, 80);
	no_memory = false;
	fake_pass(&fake, SESSION_RETRY_USEC);
	viewer_ack_all();
	ck_assert_uint_eq(s->cols, 60);
	ck_assert_uint_eq(fake_last(&fake)->cols, 60);
	ck_assert_int_eq(viewed()->view, VIEW_RAW);
	ck_assert(same_screen());
	viewer_end();
}
END_TEST

START_TEST(a_session_can_end_and_go_amid_a_resize)
{
	huge_begin();
	session_end(s, &(struct session_end){ .has_exit_code = true, .exit_code = 3 });
	viewer_ack_all();
	ck_assert(v.exited);
	viewer_end();
	huge_begin();
	session_drop(s);
	fake_turn(&fake);
	viewer_end();
}
END_TEST

START_TEST(fault_f19_without_memory_for_a_view_it_is_tried_again_though_nothing_else_happens)
{
	begin();
	peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	output_text("hello");
	fake_run(&fake, USEC_PER_SEC);
	no_shadow = true;
	viewer_attach(&a, 100, 30);
	fake_run(&fake, ATTACHMENT_RETRY_USEC);
	viewer_take();
	ck_assert_uint_eq(v.paints, 0);
	no_shadow = false;
	fake_run(&fake, ATTACHMENT_RETRY_USEC);
	viewer_take();
	ck_assert_uint_eq(v.paints, 1);
	viewer_end();
}
END_TEST

TEST_MAIN("painted_resize",
	a_terminal_that_does_not_skip_is_painted_after_a_resize_and_misses_no_byte,
	a_terminal_that_was_smaller_for_a_moment_is_painted_although_the_session_never_was,
	a_terminal_that_tells_the_size_it_has_is_painted_for_it_may_have_been_another,
	a_view_that_was_smaller_between_two_paints_is_painted_whole,
	a_terminal_that_has_all_before_the_picture_does_is_painted_with_it_after_a_resize,
	a_resize_in_several_turns_has_its_effect_at_the_end_and_output_goes_on,
	who_attaches_amid_a_resize_is_painted_when_it_is_done,
	who_asks_for_the_screen_amid_a_resize_gets_it_at_the_new_size,
	without_memory_for_its_size_a_lead_is_painted_until_there_is_some,
	fault_f19_without_memory_for_a_view_it_is_tried_again_though_nothing_else_happens,
	a_session_can_end_and_go_amid_a_resize)
