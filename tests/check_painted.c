/* Attachments that are painted. */
#include "tests/viewer_lines.h"

/* The program writes far more than the terminal takes, for a while: a turn each 5 ms, an
 * acknowledgement each 50. */
static void flood(unsigned turns)
{
	for (unsigned i = 0; i < turns; i++) {
		lines(2000);
		fake_pass(&fake, 5 * USEC_PER_MSEC);
		if (i % 10 == 9)
			viewer_ack();
	}
}

/* Its user stopped a flood: it is at the present, and painted until the session is calm. */
static void begin_interrupted(void)
{
	begin();
	viewer_attach(&a, 80, 24);
	viewer_ack_all();
	flood(40);
	peer_input(&a, v.at, "\003", 1);
	viewer_ack_all();
}

static void calm_down(void)
{
	for (unsigned i = 0; i < 4; i++) {
		fake_pass(&fake, ATTACHMENT_CALM_USEC);
		viewer_ack_all();
	}
}

START_TEST(one_that_falls_behind_again_at_once_stays_painted_until_the_session_is_calm)
{
	uint64_t raw;

	begin();
	viewer_attach(&a, 80, 24);
	viewer_ack_all();
	ck_assert_int_eq(viewed()->view, VIEW_RAW);
	flood(60);
	ck_assert(viewed()->slow);
	raw = v.raw;
	for (unsigned i = 0; i < 10; i++) {
		flood(20);
		viewer_ack_all(); /* it shows the present again and again, ... */
		fake_pass(&fake, ATTACHMENT_PAINT_USEC);
		viewer_ack_all();
		ck_assert(same_screen());
	}
	ck_assert_uint_eq(v.raw, raw); /* ... with no byte of raw output */
	ck_assert_uint_gt(v.paints, 10);
	fake_pass(&fake, ATTACHMENT_CALM_USEC);
	viewer_ack_all();
	fake_pass(&fake, ATTACHMENT_CALM_USEC);
	viewer_ack_all();
	ck_assert(!viewed()->slow);
	ck_assert_int_eq(viewed()->view, VIEW_RAW);
	lines(5);
	viewer_ack_all();
	ck_assert_uint_eq(v.raw, raw + 5 * LINE_BYTES);
	ck_assert(same_screen());
	ck_assert(!term_alternate(v.term));
	check_lines(); /* what was painted meanwhile is one gap, counted to the line */
	viewer_end();
}
END_TEST

START_TEST(one_stopped_for_a_minute_of_a_flood_gets_one_repaint_and_the_right_screen)
{
	uint64_t got, paints;
	size_t held = 0;

	begin();
	viewer_attach(&a, 80, 24);
	viewer_ack_all();
	got = v.got;
	paints = v.paints;
	a.room = 1000; /* and then its socket is full */
	for (unsigned i = 0; i < 1200; i++) {
		lines(2000);
		fake_pass(&fake, 50 * USEC_PER_MSEC);
		if (i == 200) /* the log is full; a block of history is packed, or not yet */
			held = ledger_held(&fake.core->memory) + 2 * 16384;
		ck_assert(i < 200 || ledger_held(&fake.core->memory) <= held);
		ck_assert_uint_eq(session_room(s), LOG_BYTES); /* nobody waits for it */
	}
	output_text("\033[H\033[2J\033[1;31mred\033[m \xe6\xbc\xa2 caf\xc3\xa9\r\n$ ");
	a.room = 0;
	peer_drain(&a, SIZE_MAX);
	fake_turn(&fake);
	viewer_ack_all();
	ck_assert_uint_eq(v.paints, paints + 1);
	ck_assert(same_screen());
	ck_assert_uint_le(v.got - got, CORE_WINDOW_DEFAULT + 16384);
	ck_assert_int_eq(viewed()->view, VIEW_RAW);
	output_text("raw again");
	viewer_ack_all();
	ck_assert_uint_eq(v.paints, paints + 1);
	ck_assert(same_screen());
	ck_assert_uint_eq(v.raw + v.skipped, s->log.head);
	viewer_end();
}
END_TEST

START_TEST(later_paints_are_differences_and_the_shadow_goes_when_it_is_raw_again)
{
	uint64_t whole;

	begin();
	viewer_attach(&a, 80, 24);
	viewer_ack_all();
	lines(30);
	viewer_ack_all();
	peer_input(&a, v.at, "\003", 1);
	ck_assert_int_eq(viewed()->view, VIEW_RAW); /* nothing to jump over */
	flood(60);
	viewer_ack_all();
	ck_assert(viewed()->slow && viewed()->shadow);
	ck_assert_uint_ge(viewed()->paint_charged, term_shadow_memory(viewed()->shadow));
	output_text("\033[H\033[2Jone\r\ntwo");
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack();
	whole = v.last_paint;
	output_text("!");
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack();
	ck_assert(same_screen());
	ck_assert_uint_lt(v.last_paint, 32);
	ck_assert_uint_lt(v.last_paint, whole);
	calm_down();
	ck_assert_int_eq(viewed()->view, VIEW_RAW);
	ck_assert_ptr_null(viewed()->shadow);
	ck_assert_uint_eq(viewed()->paint_charged, 0);
	viewer_end();
}
END_TEST

START_TEST(who_has_just_typed_waits_a_quarter_as_long_for_the_next_paint)
{
	uint64_t paints;

	begin();
	viewer_attach(&a, 80, 24);
	viewer_ack_all();
	flood(60); /* longer than ATTACHMENT_TYPED_USEC since it came */
	viewer_ack_all();
	ck_assert(viewed()->slow);
	for (unsigned typed = 0; typed < 2; typed++) {
		lines(3000); /* not calm */
		fake_pass(&fake, ATTACHMENT_PAINT_USEC);
		viewer_ack_all();
		paints = v.paints;
		lines(3000);
		if (typed) /* the timer that waits is no reason to wait */
			peer_input(&a, v.at, "\003", 1);
		output_text("^C\r\n$ ");
		fake_pass(&fake, ATTACHMENT_PROMPT_USEC - 1);
		viewer_ack();
		ck_assert_uint_eq(v.paints, paints);
		fake_pass(&fake, 1);
		viewer_ack();
		ck_assert_uint_eq(v.paints, paints + typed);
	}
	ck_assert(same_screen());
	viewer_end();
}
END_TEST

START_TEST(after_an_interrupt_no_more_of_the_backlog_comes_raw)
{
	uint64_t raw;

	begin();
	viewer_attach(&a, 80, 24);
	viewer_ack_all();
	lines(10000); /* more than its window */
	viewer_take();
	raw = v.raw;
	peer_input(&a, v.at, "\003", 1);
	for (unsigned i = 0; i < 5; i++) {
		lines(3000); /* was on its way when the program was stopped */
		fake_pass(&fake, ATTACHMENT_PAINT_USEC);
		viewer_ack();
	}
	output_text("^C\r\n$ ");
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	ck_assert_uint_eq(v.raw, raw);
	ck_assert(same_screen()); /* the prompt is there, ... */
	calm_down();
	output_text("x");
	viewer_ack_all();
	ck_assert_uint_eq(v.raw, raw + 1); /* ... and then raw output goes on */
	ck_assert(same_screen());
	ck_assert_uint_eq(check_lines(), 1);
	viewer_end();
}
END_TEST

/* No acknowledgement comes of nothing, and what waited for the next paint was the same timer. */
START_TEST(one_whose_last_paint_was_nothing_gets_raw_output_again)
{
	begin_interrupted();
	ck_assert_int_eq(viewed()->view, VIEW_PAINTED);
	output_text("\033[m");
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	ck_assert_int_eq(viewed()->view, VIEW_PAINTED);
	calm_down();
	ck_assert_int_eq(viewed()->view, VIEW_RAW);
	ck_assert(!term_alternate(v.term));
	ck_assert(same_screen());
	viewer_end();
}
END_TEST

START_TEST(every_byte_is_either_sent_raw_or_counted_as_skipped)
{
	begin();
	viewer_attach(&a, 80, 24);
	for (unsigned i = 0; i < 15; i++) {
		flood(40);
		peer_input(&a, v.at, i % 3 ? "x" : "\032", 1);
		viewer_ack_all();
		fake_pass(&fake, i % 4 * ATTACHMENT_CALM_USEC);
	}
	calm_down();
	ck_assert_int_eq(viewed()->view, VIEW_RAW);
	ck_assert_uint_eq(v.raw + v.skipped, s->log.head);
	ck_assert_uint_eq(viewed()->skipped_bytes, v.skipped);
	viewer_end();
}
END_TEST

/* Painted in the middle of a sequence, it gets the whole of that raw. */
START_TEST(a_sequence_that_was_open_under_a_paint_is_not_counted_as_skipped_and_sent)
{
	begin_interrupted();
	output_text("text \033]2;an open");
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	ck_assert_int_eq(viewed()->view, VIEW_PAINTED);
	calm_down();
	output_text(" title\033\\ more");
	viewer_ack_all();
	ck_assert_int_eq(viewed()->view, VIEW_RAW);
	ck_assert_uint_eq(v.raw + v.skipped, s->log.head);
	ck_assert_uint_eq(viewed()->skipped_bytes, v.skipped);
	ck_assert(same_screen());
	viewer_end();
}
END_TEST

START_TEST(a_terminal_of_another_size_gets_differences)
{
	struct term_buf text = { .n = 0 };

	begin();
	peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	viewer_attach(&a, 40, 10);
	output_text("\033[H\033[2Jupper left\033[24;80H*\033[H");
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	output_text("U");
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	ck_assert_uint_lt(v.last_paint, 16);
	ck_assert_int_eq(term_text(v.term, &text), 0);
	ck_assert_int_eq(memcmp(text.data, "Upper left\n", 11), 0);
	ck_assert_uint_eq(v.raw, 0);
	ck_assert_uint_eq(v.skipped, 0); /* it is painted for its size, and misses nothing */
	term_buf_done(&text);
	viewer_end();
}
END_TEST

/* A terminal smaller than the session has been shown a few words. */
static void small_viewer_begin(void)
{
	begin();
	peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	viewer_attach(&a, 40, 10);
	output_text("upper left");
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
}

START_TEST(one_that_shows_what_changes_nothing_does_not_lag)
{
	small_viewer_begin();
	output_text("\rupper left"); /* nothing to paint, and nothing to tell */
	ck_assert_uint_eq(attachment_lag(viewed()), 11);
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	ck_assert_uint_eq(attachment_lag(viewed()), 0);
	viewer_end();
}
END_TEST

START_TEST(the_end_is_told_although_the_last_paint_was_nothing)
{
	small_viewer_begin();
	output_text("!");
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_ack_all();
	output_text("\rupper left!"); /* the next paint waits for its time */
	session_end(s, &(struct session_end){ .has_exit_code = true, .exit_code = 7 });
	fake_turn(&fake);
	viewer_take();
	ck_assert(!v.exited);
	fake_pass(&fake, ATTACHMENT_PAINT_USEC);
	viewer_take();
	ck_assert(v.exited);
	ck_assert_uint_eq(v.exit_code, 7);
	viewer_end();
}
END_TEST

START_TEST(an_end_while_it_is_slow_is_told_below_the_last_screen)
{
	begin();
	viewer_attach(&a, 80, 24);
	viewer_ack_all();
	flood(60);
	ck_assert(viewed()->slow);
	output_text("last words\r\n");
	session_end(s, &(struct session_end){ .has_exit_code = true, .exit_code = 3 });
	for (unsigned i = 0; i < 8 && !v.exited; i++) {
		fake_pass(&fake, ATTACHMENT_CALM_USEC);
		viewer_ack_all();
	}
	ck_assert(v.exited);
	ck_assert_uint_eq(v.exit_code, 3);
	ck_assert(!term_alternate(v.term));
	ck_assert(same_screen());
	viewer_end();
}
END_TEST

/* It shows all there is already, on the alternate screen, which it would leave with nothing. */
START_TEST(an_end_that_finds_the_picture_complete_still_waits_for_raw_output)
{
	begin();
	viewer_attach(&a, 80, 24);
	viewer_ack_all();
	flood(60);
	viewer_ack_all();
	ck_assert(viewed()->slow && viewed()->view == VIEW_PAINTED);
	session_end(s, &(struct session_end){ .has_exit_code = true, .exit_code = 3 });
	fake_turn(&fake);
	viewer_ack_all();
	ck_assert(!v.exited);
	calm_down();
	ck_assert(v.exited);
	ck_assert(!term_alternate(v.term));
	ck_assert(same_screen());
	viewer_end();
}
END_TEST

/* More history than a piece of a paint holds, and the session goes on while it is painted. */
START_TEST(sec_c19_an_attach_holds_a_piece_of_its_history_and_shows_all_of_it)
{
	unsigned turns = 0;

	begin();
	for (unsigned i = 0; i < 900; i++) {
		char line[81];

		snprintf(line, sizeof(line), "%08u%*s|\r\n", ++n_lines, 68, "");
		output_text(line);
	}
	peer_begin(&a, "session.set", 2);
	frame_put_str(&a.out, "name", "w");
	frame_put_u64(&a.out, "window", 8192);
	peer_result(&a, peer_send(&a));
	viewer_attach(&a, 80, 24);
	while (viewed()->view != VIEW_RAW) {
		ck_assert_uint_lt(++turns, 50);
		ck_assert_uint_le(viewed()->paint_charged, 2 * ATTACHMENT_PAINT_BYTES);
		lines(5);
		viewer_ack();
	}
	ck_assert_uint_gt(turns, 5);
	ck_assert_uint_gt(v.last_paint, ATTACHMENT_DATA_MAX);
	lines(1);
	viewer_ack_all();
	ck_assert_uint_eq(v.paints, 1);
	ck_assert(same_screen());
	ck_assert_uint_eq(check_lines(), 0);
	viewer_end();
}
END_TEST

/* Frames of a first paint in pieces that go before anything is acknowledged; *ret_first: bytes of the
 * first. */
static size_t unacked_frames(size_t window, size_t *ret_first)
{
	const struct frame *f;
	struct frame_span data;
	size_t n = 0;

	begin();
	output(blob, sizeof(blob));
	a.room = 2 * CORE_WINDOW_MAX;
	peer_begin(&a, "session.attach", 4);
	frame_put_str(&a.out, "name", "w");
	frame_put_u64(&a.out, "cols", 80);
	frame_put_u64(&a.out, "rows", 24);
	frame_put_u64(&a.out, "window", window);
	peer_result(&a, peer_send(&a));
	while ((f = peer_note(&a, "resync"))) {
		ck_assert_int_eq(frame_get_bytes(f->params, "data", &data), 0);
		if (n++ == 0)
			*ret_first = data.n;
	}
	end();
	return n;
}

START_TEST(a_paint_whose_credit_ends_with_a_piece_of_it_waits)
{
	size_t first, same;

	ck_assert_uint_gt(unacked_frames(CORE_WINDOW_MAX, &first), 1);
	ck_assert_uint_gt(first, CORE_WINDOW_MIN);
	ck_assert_uint_eq(unacked_frames(first, &same), 1);
	ck_assert_uint_eq(same, first);
}
END_TEST

/* The dearest there is: each cell with colours of its own, on a view as large as can be. */
START_TEST(fault_f29_a_painted_attachment_costs_at_most_256_kib)
{
	static char row[64 * 1000];

	begin();
	peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 1000, .rows = 100 });
	fake_pass(&fake, SESSION_RESIZE_USEC);
	viewer_attach(&a, 1000, 1000);
	for (unsigned y = 0; y < 100; y++) {
		size_t n = 0;

		for (unsigned x = 0; x < 1000; x++)
			n += (size_t)snprintf(row + n, sizeof(row) - n,
				"\033[38;2;%u;%u;7m\033[48;2;9;%u;%um%c", x % 251, y, x % 241,
				y + x / 251, 'a' + x % 26);
		output(row, n);
		fake_pass(&fake, ATTACHMENT_PAINT_USEC);
		ck_assert_uint_le(viewed()->paint_charged, 256 * 1024);
		viewer_ack();
	}
	ck_assert_uint_gt(viewed()->paint_charged, TERM_SHADOW_BYTES_MAX / 2);
	viewer_end();
}
END_TEST

/* It reads what it is sent, and says nothing: the picture it gets then is of then. */
START_TEST(one_without_credit_is_painted_when_it_has_some_and_not_before)
{
	uint64_t paints;

	begin();
	viewer_attach(&a, 80, 24);
	viewer_ack_all();
	paints = v.paints;
	for (unsigned i = 0; i < 100; i++) {
		lines(2000);
		fake_pass(&fake, 50 * USEC_PER_MSEC);
		viewer_take();
	}
	ck_assert_uint_eq(v.paints, paints);
	viewer_ack_all();
	ck_assert_uint_eq(v.paints, paints + 1);
	ck_assert(same_screen());
	viewer_end();
}
END_TEST

/* Its history is more than a piece of a paint, and more than its credit. */
START_TEST(one_that_skips_nothing_gets_all_that_comes_while_it_is_painted)
{
	begin();
	output(blob, LOG_BYTES);
	ck_assert_int_eq(term_new(&v.term, &(struct term_config){ 80, 24, HISTORY }), 0);
	v = (struct viewer){ .peer = &a, .term = v.term };
	v.at = peer_attach(&a,
		&(struct attach_how){
			.name = "w", .cols = 80, .rows = 24, .policy = "block", .window = 4096 });
	ck_assert_int_eq(viewed()->view, VIEW_PAINTING);
	lines(5);
	viewer_ack_all();
	ck_assert_int_eq(viewed()->view, VIEW_RAW);
	ck_assert_uint_eq(v.raw, 5 * LINE_BYTES);
	ck_assert(same_screen());
	viewer_end();
}
END_TEST

/* The session waits all the time, first for the one reader, then for the other. */
START_TEST(one_that_holds_the_session_again_after_a_paint_has_no_more_time_than_others)
{
	uint32_t slow, at;

	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	slow = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .policy = "block" });
	at = peer_attach(&b,
		&(struct attach_how){ .name = "w", .cols = 100, .rows = 30, .policy = "block" });
	output(blob, LOG_BYTES);
	peer_begin(&b, "session.resize", 3);
	frame_put_u64(&b.out, "attachment", at);
	frame_put_u64(&b.out, "cols", 80);
	frame_put_u64(&b.out, "rows", 24);
	peer_result(&b, peer_send(&b));
	fake_run(&fake, USEC_PER_SEC);
	ck_assert_int_eq(client_attachment(b.client, at)->view, VIEW_RAW);
	for (uint64_t n = 1; n <= 2; n++) {
		peer_ack(&a, slow, n * CORE_WINDOW_DEFAULT);
		fake_turn(&fake);
		output(blob, session_room(s));
	}
	fake_run(&fake, 62 * USEC_PER_SEC);
	ck_assert_ptr_null(client_attachment(a.client, slow));
	fake_run(&fake, 62 * USEC_PER_SEC);
	ck_assert_ptr_null(client_attachment(b.client, at));
	end();
}
END_TEST

TEST_MAIN("painted", one_that_falls_behind_again_at_once_stays_painted_until_the_session_is_calm,
	one_stopped_for_a_minute_of_a_flood_gets_one_repaint_and_the_right_screen,
	one_without_credit_is_painted_when_it_has_some_and_not_before,
	one_that_skips_nothing_gets_all_that_comes_while_it_is_painted,
	one_that_holds_the_session_again_after_a_paint_has_no_more_time_than_others,
	later_paints_are_differences_and_the_shadow_goes_when_it_is_raw_again,
	who_has_just_typed_waits_a_quarter_as_long_for_the_next_paint,
	after_an_interrupt_no_more_of_the_backlog_comes_raw,
	one_whose_last_paint_was_nothing_gets_raw_output_again,
	every_byte_is_either_sent_raw_or_counted_as_skipped,
	a_sequence_that_was_open_under_a_paint_is_not_counted_as_skipped_and_sent,
	a_terminal_of_another_size_gets_differences,
	one_that_shows_what_changes_nothing_does_not_lag,
	the_end_is_told_although_the_last_paint_was_nothing,
	an_end_while_it_is_slow_is_told_below_the_last_screen,
	an_end_that_finds_the_picture_complete_still_waits_for_raw_output,
	sec_c19_an_attach_holds_a_piece_of_its_history_and_shows_all_of_it,
	a_paint_whose_credit_ends_with_a_piece_of_it_waits,
	fault_f29_a_painted_attachment_costs_at_most_256_kib)
