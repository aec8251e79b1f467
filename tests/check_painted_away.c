/* Terminals that missed something: what they get of it, and what they are told. */
#include "tests/viewer_lines.h"

START_TEST(the_lines_not_shown_are_counted_to_the_line)
{
	for (unsigned cut = 0; cut < LINE_BYTES; cut++) {
		begin();
		viewer_attach(&a, 80, 24);
		lines(100);
		viewer_ack_all();
		peer_begin(&a, "session.set", 2); /* so that it stops in the middle of a line */
		frame_put_u64(&a.out, "attachment", v.at);
		frame_put_u64(&a.out, "window", 5000 + cut);
		peer_result(&a, peer_send(&a));
		for (unsigned i = 0; i < 40; i++)
			lines(1000);
		fake_pass(&fake, USEC_PER_SEC);
		viewer_ack_all();
		lines(3);
		viewer_ack_all();
		ck_assert(same_screen());
		ck_assert_uint_eq(v.paints, 2);
		ck_assert_uint_eq(check_lines(), 1);
		viewer_end();
	}
}
END_TEST

/* What comes now is not on the terminal, as under a help. */
static void lines_unseen(unsigned n)
{
	struct term *terminal = v.term;

	ck_assert_int_eq(term_new(&v.term, &(struct term_config){ 80, 24, HISTORY }), 0);
	lines(n);
	viewer_ack_all();
	term_free(v.term);
	v.term = terminal;
}

static void viewer_come_back(uint64_t shown, bool below)
{
	struct attach_how how = { .name = "w",
		.cols = 80,
		.rows = 24,
		.replaces = v.at,
		.shown = &shown,
		.below = below };

	while (peer_next(v.peer)) /* passed over */
		;
	v.at = peer_attach(v.peer, &how);
	v.got = v.acked = 0;
	viewer_ack_all();
}

static void viewer_attach_in_place(uint64_t shown)
{
	viewer_come_back(shown, false);
}

/* Its terminal shows that, and no more. */
static void viewer_hold(uint64_t shown)
{
	peer_begin(v.peer, "session.set", 2);
	frame_put_u64(&v.peer->out, "attachment", v.at);
	frame_put_u64(&v.peer->out, "shown", shown);
	peer_result(v.peer, peer_send(v.peer));
}

START_TEST(one_that_shows_what_another_left_is_painted_in_place_and_told_what_it_missed)
{
	uint64_t before;

	begin();
	viewer_attach(&a, 80, 24);
	lines(100);
	viewer_ack_all();
	before = term_history_total(v.term);
	viewer_attach_in_place(s->log.head);
	ck_assert_uint_eq(term_history_total(v.term), before);
	ck_assert(same_screen());
	ck_assert_uint_eq(check_lines(), 0);
	before = s->log.head;
	lines_unseen(200);
	viewer_attach_in_place(before);
	ck_assert(same_screen());
	ck_assert_uint_eq(check_lines(), 1);
	viewer_attach_in_place(UINT64_MAX); /* more than there is is all of it, ... */
	ck_assert(same_screen());
	ck_assert_uint_eq(check_lines(), 1);
	viewer_attach_in_place(0); /* ... and less than is kept as far as that is known */
	ck_assert(same_screen());
	lines(3);
	viewer_ack_all();
	ck_assert(same_screen());
	viewer_end();
}
END_TEST

START_TEST(what_scrolled_away_since_is_above_the_screen_of_one_that_is_painted_in_place)
{
	for (unsigned n = 1; n < 30; n++) {
		begin();
		viewer_attach(&a, 80, 24);
		lines(100);
		viewer_ack_all();
		viewer_hold(s->log.head);
		lines_unseen(n);
		viewer_attach_in_place(100 * LINE_BYTES);
		ck_assert(same_screen());
		ck_assert_uint_eq(check_lines(), n > 23);
		viewer_end();
	}
}
END_TEST

START_TEST(one_that_says_what_its_terminal_shows_is_told_all_it_missed_though_the_log_has_moved_on)
{
	uint64_t before;

	for (int below = 0; below < 2; below++) {
		begin();
		viewer_attach(&a, 80, 24);
		lines(100);
		viewer_ack_all();
		before = s->log.head;
		viewer_hold(before);
		for (unsigned i = 0; i < 40; i++)
			lines_unseen(1000);
		ck_assert_uint_gt(s->log.tail, before);
		viewer_come_back(before, below);
		ck_assert(same_screen());
		ck_assert_uint_eq(check_lines(), 1);
		viewer_end();
	}
}
END_TEST

/* Of what the program wrote its terminal took so much, and has told nobody. */
static void lines_torn(unsigned n, uint64_t shown)
{
	char line[LINE_BYTES + 1];

	lines(n);
	viewer_take();
	v.term = term_free(v.term);
	ck_assert_int_eq(term_new(&v.term, &(struct term_config){ 80, 24, HISTORY }), 0);
	term_feed(v.term, (const uint8_t *)"the user's\r\n", 12);
	for (unsigned i = 1; shown; i++) {
		const size_t l = (size_t)min_u64(LINE_BYTES, shown);

		snprintf(line, sizeof(line), "%08u\r\n", i);
		term_feed(v.term, (const uint8_t *)line, l);
		shown -= l;
	}
}

/* As after SIGSTOP, of which its client could tell nobody. */
static void come_back_below(unsigned n_missed, bool in_a_flood, unsigned n_gaps)
{
	uint64_t shown;

	begin();
	viewer_attach(&a, 80, 24);
	lines(100);
	viewer_ack_all();
	shown = s->log.head + (in_a_flood ? 7 * LINE_BYTES + 3 : 0);
	if (in_a_flood)
		lines_torn(20, shown);
	for (; n_missed > 500; n_missed -= 500)
		lines(500);
	lines(n_missed);
	viewer_come_back(shown, true);
	ck_assert(same_screen());
	ck_assert_uint_eq(check_lines(), n_gaps);
	viewer_end();
}

START_TEST(one_that_was_left_to_others_gets_what_is_newer_or_is_told_how_much_that_is)
{
	come_back_below(30, false, 0);
	come_back_below(500, false, 0);
	come_back_below(9000, false, 1);
	come_back_below(40000, false, 1); /* more than the log keeps */
	come_back_below(30, true, 1);
	come_back_below(9000, true, 1);
}
END_TEST

START_TEST(one_in_the_place_of_a_crop_has_yet_to_push_the_users_screen_up)
{
	begin();
	peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 60, .rows = 20 });
	viewer_attach(&a, 80, 24);
	viewer_ack_all();
	viewer_attach_in_place(s->log.head);
	ck_assert(!viewed()->entered);
	viewer_end();
}
END_TEST

/* Its client was away with the terminal as it left it: what came meanwhile follows that, less than
 * the history it asks for or more. */
START_TEST(who_comes_back_gets_the_lines_that_are_newer_and_is_told_how_many_are_not_shown)
{
	static const unsigned n_newer[] = { 30, 500, CORE_HISTORY_LINES_DEFAULT + 23,
		CORE_HISTORY_LINES_DEFAULT + 24, 9000 };
	struct attach_how how = { .name = "w", .cols = 80, .rows = 24 };
	struct term_cursor cursor;

	for (size_t i = 0; i < ARRAY_SIZE(n_newer); i++) {
		begin();
		viewer_attach(&a, 80, 24);
		lines(100);
		viewer_ack_all();
		term_cursor(v.term, &cursor);
		how.from = term_history_total(s->screen.term) + cursor.y;
		how.replaces = v.at;
		lines(n_newer[i]);
		while (peer_next(&a)) /* passed over */
			;
		v.at = peer_attach(&a, &how);
		v.got = 0;
		viewer_ack_all();
		ck_assert(same_screen());
		ck_assert_uint_eq(check_lines(), n_newer[i] > CORE_HISTORY_LINES_DEFAULT + 23);
		viewer_end();
	}
}
END_TEST

TEST_MAIN("painted_away", the_lines_not_shown_are_counted_to_the_line,
	one_that_shows_what_another_left_is_painted_in_place_and_told_what_it_missed,
	what_scrolled_away_since_is_above_the_screen_of_one_that_is_painted_in_place,
	one_that_says_what_its_terminal_shows_is_told_all_it_missed_though_the_log_has_moved_on,
	one_that_was_left_to_others_gets_what_is_newer_or_is_told_how_much_that_is,
	one_in_the_place_of_a_crop_has_yet_to_push_the_users_screen_up,
	who_comes_back_gets_the_lines_that_are_newer_and_is_told_how_many_are_not_shown)
