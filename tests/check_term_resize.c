#include "tests/term_world.h"

static void assert_screen(const char *want)
{
	struct term_buf b = { 0 };

	ck_assert_int_eq(term_text(t, &b), 0);
	ck_assert_msg(b.n == strlen(want) && memcmp(b.data, want, b.n) == 0, "%.*s", (int)b.n,
		(const char *)b.data);
	term_buf_done(&b);
}

START_TEST(a_wrapped_line_is_wrapped_again_at_the_new_width_and_back)
{
	t = termkit_new(10, 4, 10);
	feed("$ 0123456789abc\r\nnext");
	assert_screen("$ 01234567\n89abc\nnext\n");
	ck_assert_int_eq(term_resize(t, 20, 4), 0);
	assert_screen("$ 0123456789abc\nnext\n\n");
	ck_assert_uint_eq(t->cursor.x, 4);
	ck_assert_uint_eq(t->cursor.y, 1);
	ck_assert_int_eq(term_resize(t, 10, 4), 0);
	assert_screen("$ 01234567\n89abc\nnext\n");
	ck_assert_uint_eq(t->cursor.y, 2);
	feed("!");
	assert_screen("$ 01234567\n89abc\nnext!\n");
	term_free(t);
}
END_TEST

START_TEST(a_hard_break_stays_a_break)
{
	t = termkit_new(4, 4, 10);
	feed("abcd\r\nefgh");
	ck_assert_int_eq(term_resize(t, 8, 4), 0);
	assert_screen("abcd\nefgh\n\n");
	feed("X"); /* the wrap that was pending is no more */
	assert_screen("abcd\nefghX\n\n");
	term_free(t);
}
END_TEST

START_TEST(rows_that_no_longer_fit_go_into_history_and_the_cursor_stays_on_its_text)
{
	t = termkit_new(6, 3, 10);
	feed("abcdef\r\nghi\r\n> ");
	ck_assert_int_eq(term_resize(t, 3, 3), 0);
	assert_screen("def\nghi\n>");
	ck_assert_uint_eq(term_history_total(t), 1);
	ck_assert_uint_eq(t->cursor.x, 2);
	ck_assert_uint_eq(t->cursor.y, 2);
	ck_assert_int_eq(term_resize(t, 3, 2), 0);
	assert_screen("ghi\n>");
	ck_assert_uint_eq(term_history_total(t), 2);
	term_free(t);
}
END_TEST

START_TEST(a_wide_character_is_never_cut_and_moves_whole)
{
	t = termkit_new(5, 3, 10);
	feed("a漢字b");
	ck_assert_int_eq(term_resize(t, 4, 3), 0);
	assert_screen("a漢\n字b\n");
	ck_assert_int_eq(term_resize(t, 6, 3), 0);
	assert_screen("a漢字b\n\n");
	term_free(t);
}
END_TEST

START_TEST(the_alternate_screen_is_cropped_and_the_primary_behind_it_flows)
{
	t = termkit_new(10, 3, 10);
	feed("0123456789ab\r\n$ \x1b[?1049h\x1b[2J\x1b[1;1Hfullscreen\x1b[3;9Hxy");
	ck_assert_int_eq(term_resize(t, 5, 2), 0);
	assert_screen("\n");
	ck_assert_int_eq(term_resize(t, 12, 3), 0);
	feed("\x1b[?1049l");
	assert_screen("ab\n$\n"); /* what went into history stays there */
	ck_assert_uint_eq(t->cursor.x, 2);
	ck_assert_uint_eq(t->cursor.y, 1);
	term_free(t);
}
END_TEST

START_TEST(sizes_are_clamped_to_their_limits)
{
	unsigned cols, rows;

	t = termkit_new(0, 0, 0);
	term_size(t, &cols, &rows);
	ck_assert_uint_eq(cols, 1);
	ck_assert_uint_eq(rows, 1);
	ck_assert_int_eq(term_resize(t, TERM_COLS_MAX + 1, TERM_ROWS_MAX + 1), 0);
	term_size(t, &cols, &rows);
	ck_assert_uint_eq(cols, TERM_COLS_MAX);
	ck_assert_uint_eq(rows, TERM_ROWS_MAX);
	feed("\x1b[999999;999999Hx\x1b[9999S");
	ck_assert_int_eq(term_resize(t, 0, 0), 0);
	term_size(t, &cols, &rows);
	ck_assert_uint_eq(cols, 1);
	ck_assert_uint_eq(rows, 1);
	term_free(t);
}
END_TEST

/* Random streams with resizes in between: nothing breaks, the cursor stays inside, the paint law
 * holds. */
START_TEST(resizes_amid_random_output_leave_a_model_that_can_be_painted)
{
	for (unsigned round = 0; round < 400; round++) {
		const struct term_paint how = { .kind = round % 2, .history_lines = 20 };
		struct term_buf stream = { 0 }, out = { 0 };
		uint64_t seed = round + 1;
		struct term *fresh;
		const char *differs;

		t = termkit_new(20, 5, 20);
		for (unsigned i = 0; i < 12; i++) {
			stream.n = 0;
			termkit_stream(&seed, 120, &stream);
			term_feed(t, stream.data, stream.n);
			ck_assert_int_eq(term_resize(t, 1 + termkit_random(&seed) % 40,
						 1 + termkit_random(&seed) % 12),
				0);
			ck_assert_uint_lt(t->cursor.x, t->cols);
			ck_assert_uint_lt(t->cursor.y, t->rows);
		}
		if (!term_ground(t))
			feed("\x18");
		fresh = termkit_new(t->cols, t->rows, 20);
		ck_assert_int_eq(term_paint(t, &how, &out), 0);
		term_feed(fresh, out.data, out.n);
		differs = termkit_same(t, fresh, SAME_BUT_HISTORY | SAME_BUT_QUIET);
		ck_assert_msg(!differs, "seed %u: %s", round, differs);
		term_free(fresh);
		term_buf_done(&stream);
		term_buf_done(&out);
		term_free(t);
	}
}
END_TEST

START_TEST(a_row_grows_by_what_it_was_cleared_with_but_a_full_one_by_plain_blanks)
{
	t = termkit_new(4, 3, 0);
	feed("\033[44m\033[2J\033[Hab\r\nabcd\033[?1049h\033[2J\033[Hab\r\nabcd");
	ck_assert_int_eq(term_resize(t, 6, 3), 0);
	for (unsigned screen = 0; screen < 2; screen++) {
		const struct grid *g = &t->screens[screen].grid;

		ck_assert_uint_ne(cell_style(row_cell(grid_row(g, 0), 5)), 0);
		ck_assert_uint_eq(row_cell(grid_row(g, 1), 5), 0);
	}
	term_free(t);
}
END_TEST

START_TEST(a_coloured_row_ends_where_it_shows_that_it_does_whatever_was_written_there)
{
	static const char *const ways[] = { "", "\033[20Gx\b\033[X", "\033[39Gx\033[20G\033[K",
		"\033[9Gx\033[3G\033[7X" };

	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		t = termkit_new(40, 3, 0);
		feed("\033[44m\033[2J\033[Hab");
		feed(ways[i]);
		ck_assert_int_eq(term_resize(t, 10, 3), 0);
		assert_screen("ab\n\n");
		ck_assert_int_eq(term_resize(t, 50, 3), 0);
		ck_assert_uint_ne(cell_style(row_cell(term_row(t, 0), 49)), 0);
		term_free(t);
	}
}
END_TEST

START_TEST(a_line_erased_to_its_end_goes_on_no_more_whether_protected_cells_were_near)
{
	for (unsigned spared = 0; spared < 2; spared++) {
		t = termkit_new(40, 3, 0);
		feed(spared ? "\033[1\"q\n \033[0\"q\t\t x" : "\n \t\t x");
		ck_assert_int_eq(term_resize(t, 10, 3), 0);
		ck_assert(term_row(t, 1)->wrapped);
		feed("\033[2;2H\033[?0J");
		ck_assert(!term_row(t, 1)->wrapped);
		term_free(t);
	}
}
END_TEST

START_TEST(a_wrapped_line_cut_at_the_last_row_ends_there)
{
	t = termkit_new(6, 3, 10);
	feed("0123456789abcdefgh\033[H");
	ck_assert_int_eq(term_resize(t, 3, 2), 0);
	assert_screen("012\n345");
	ck_assert(term_row(t, 0)->wrapped);
	ck_assert(!term_row(t, 1)->wrapped);
	term_free(t);
}
END_TEST

/* Its primary and alternate screens are full of lines that wrap. */
static struct term *full_of_text(unsigned cols, unsigned rows, unsigned history_lines)
{
	struct term *full = termkit_new(cols, rows, history_lines);

	for (unsigned screen = 0; screen < 2; screen++) {
		for (uint64_t i = 0; i < (uint64_t)cols * rows / 10; i++)
			term_feed(full, (const uint8_t *)"0123456789", 10);
		term_feed(full, (const uint8_t *)(screen ? "\033[?1049l" : "\033[?1049h"), 8);
	}
	return full;
}

START_TEST(a_resize_touches_each_cell_three_times_at_most_and_history_only_as_it_keeps)
{
	const uint64_t cells = (uint64_t)TERM_COLS_MAX * TERM_ROWS_MAX;
	uint64_t before;

	t = full_of_text(TERM_COLS_MAX, TERM_ROWS_MAX, 10);
	before = t->work;
	ck_assert_int_eq(term_resize(t, 1, 1), 0);
	ck_assert_uint_lt(t->work - before, 3 * cells + 16 * TERM_ROWS_MAX);
	ck_assert_uint_eq(t->history.n, 10);
	ck_assert_uint_eq(term_history_total(t), cells - 1);
	term_free(t);
}
END_TEST

START_TEST(a_resize_in_slices_is_the_resize_in_one_piece_and_shows_the_old_size_till_then)
{
	for (uint64_t round = 1; round < 300; round++) {
		uint64_t seed = round, work = 1 + termkit_random(&seed) % 30;
		struct term_buf stream = { 0 };
		unsigned cols, rows, n_slices = 0;
		struct term *whole, *before;
		const char *differs;

		termkit_stream(&seed, 400, &stream);
		t = termkit_new(20, 5, 20);
		whole = termkit_new(20, 5, 20);
		before = termkit_new(20, 5, 20);
		term_feed(t, stream.data, stream.n);
		term_feed(whole, stream.data, stream.n);
		term_feed(before, stream.data, stream.n);
		cols = 1 + termkit_random(&seed) % 40;
		rows = 1 + termkit_random(&seed) % 12;
		ck_assert_int_eq(term_resize(whole, cols, rows), 0);
		ck_assert_int_eq(term_resize_begin(t, cols, rows), 0);
		for (uint64_t w = work; term_resize_some(t, &w); w = work, n_slices++) {
			ck_assert_uint_eq(w, 0);
			differs = termkit_same(t, before, SAME_BUT_HISTORY);
			ck_assert_msg(!differs, "seed %u: %s", (unsigned)round, differs);
		}
		ck_assert_uint_gt(n_slices + (cols == 20 && rows == 5), 0);
		differs = termkit_same(t, whole, 0);
		ck_assert_msg(!differs, "seed %u: %s", (unsigned)round, differs);
		ck_assert_uint_eq(t->work, whole->work);
		term_free(t);
		term_free(whole);
		term_free(before);
		term_buf_done(&stream);
	}
}
END_TEST

START_TEST(output_and_a_further_resize_come_after_the_one_under_way)
{
	uint64_t work = 1;

	t = termkit_new(10, 4, 10);
	feed("$ 0123456789ab");
	ck_assert_int_eq(term_resize_begin(t, 5, 4), 0);
	ck_assert(term_resize_some(t, &work));
	feed("cd");
	assert_screen("$ 012\n34567\n89abc\nd");
	ck_assert_int_eq(term_resize_begin(t, 20, 4), 0);
	ck_assert_int_eq(term_resize_begin(t, 8, 4), 0);
	ck_assert_uint_eq(t->cols, 20);
	feed("e");
	assert_screen("$ 012345\n6789abcd\ne\n");
	term_free(t);
}
END_TEST

START_TEST(one_given_up_half_way_leaves_nothing_behind)
{
	uint64_t work = 1;
	size_t memory;

	t = termkit_new(80, 24, 10);
	memory = term_memory(t);
	ck_assert_int_eq(term_resize_begin(t, 160, 48), 0);
	ck_assert(term_resize_some(t, &work));
	ck_assert_uint_gt(term_memory(t), 4 * memory); /* both sizes count */
	term_free(t);
}
END_TEST

START_TEST(no_slice_of_the_largest_resize_goes_beyond_its_work_by_more_than_a_row)
{
	static const unsigned sizes[][2] = { { 1, 1 }, { 1, TERM_ROWS_MAX }, { TERM_COLS_MAX, 1 },
		{ TERM_COLS_MAX - 1, TERM_ROWS_MAX } };
	uint64_t before, work;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		t = full_of_text(TERM_COLS_MAX, TERM_ROWS_MAX, 0);
		ck_assert_int_eq(term_resize_begin(t, sizes[i][0], sizes[i][1]), 0);
		do {
			before = t->work;
			work = TERM_WORK_SLICE;
			term_resize_some(t, &work);
			ck_assert_uint_le(t->work - before, TERM_WORK_SLICE + TERM_COLS_MAX + 4);
		} while (t->resize);
		ck_assert_uint_eq(t->cols, sizes[i][0]);
		term_free(t);
	}
}
END_TEST

TEST_MAIN("term_resize", a_wrapped_line_is_wrapped_again_at_the_new_width_and_back,
	a_hard_break_stays_a_break,
	rows_that_no_longer_fit_go_into_history_and_the_cursor_stays_on_its_text,
	a_wide_character_is_never_cut_and_moves_whole,
	the_alternate_screen_is_cropped_and_the_primary_behind_it_flows,
	sizes_are_clamped_to_their_limits,
	a_row_grows_by_what_it_was_cleared_with_but_a_full_one_by_plain_blanks,
	a_coloured_row_ends_where_it_shows_that_it_does_whatever_was_written_there,
	a_line_erased_to_its_end_goes_on_no_more_whether_protected_cells_were_near,
	a_wrapped_line_cut_at_the_last_row_ends_there,
	a_resize_touches_each_cell_three_times_at_most_and_history_only_as_it_keeps,
	resizes_amid_random_output_leave_a_model_that_can_be_painted,
	a_resize_in_slices_is_the_resize_in_one_piece_and_shows_the_old_size_till_then,
	output_and_a_further_resize_come_after_the_one_under_way,
	one_given_up_half_way_leaves_nothing_behind,
	no_slice_of_the_largest_resize_goes_beyond_its_work_by_more_than_a_row)
