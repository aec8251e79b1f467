#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "tests/termkit.h"

#define SEEDS 300
#define STEPS 8
#define STEP_BYTES 160
#define BUT (SAME_BUT_HISTORY | SAME_BUT_QUIET)

static const unsigned sizes[][2] = { { 20, 6 }, { 80, 24 }, { 7, 3 }, { 2, 2 }, { 1, 1 }, { 40, 1 },
	{ 1, 9 }, { 33, 12 } };

/* A session's model, and a terminal that is painted. */
struct fixture {
	struct term *model, *terminal;
	struct term_shadow *shadow;
	struct term_buf out;
	uint64_t seed;
	unsigned round;
};

static void setup(struct fixture *f, unsigned round)
{
	const unsigned *size = sizes[round % ARRAY_SIZE(sizes)],
		       *view = sizes[round / ARRAY_SIZE(sizes) % ARRAY_SIZE(sizes)];

	*f = (struct fixture){ .seed = round * UINT64_C(7919) + 3, .round = round };
	f->model = termkit_new(size[0], size[1], 20);
	f->terminal = termkit_new(view[0], view[1], 0);
	ck_assert_int_eq(term_shadow_new(&f->shadow, view[0], view[1]), 0);
}

static void teardown(struct fixture *f)
{
	term_free(f->model);
	term_free(f->terminal);
	term_shadow_free(f->shadow);
	term_buf_done(&f->out);
}

static void feed(struct fixture *f, const char *text)
{
	term_feed(f->model, (const uint8_t *)text, strlen(text));
}

/* Some output, and sometimes another size. */
static void step(struct fixture *f, size_t n)
{
	struct term_buf stream = { 0 };

	termkit_stream(&f->seed, n, &stream);
	term_feed(f->model, stream.data, stream.n);
	term_buf_done(&stream);
	if (termkit_random(&f->seed) % 8)
		return;
	ck_assert_int_eq(term_resize(f->model, 1 + termkit_random(&f->seed) % 50,
				 1 + termkit_random(&f->seed) % 20),
		0);
}

/* One call: what it appended goes to the terminal. */
static int paint(struct fixture *f, size_t max)
{
	const char *bad;
	size_t n;
	int r;

	f->out.n = 0;
	r = term_shadow_paint(f->shadow, f->model, max, &f->out);
	ck_assert_int_ge(r, 0);
	bad = termkit_grammar(f->out.data, f->out.n);
	ck_assert_msg(!bad, "round %u: %s", f->round, bad);
	ck_assert(f->out.n <= max || f->out.n - max <= TERM_SHADOW_SLACK);
	term_feed(f->terminal, f->out.data, f->out.n);
	term_replies(f->terminal, &n);
	ck_assert_uint_eq(n, 0);
	return r;
}

/* The terminal is as one that was painted whole. */
static void assert_whole(struct fixture *f, const char *when)
{
	size_t bytes;
	struct term *whole = termkit_painted(f->model, f->shadow, &bytes);
	const char *differs = termkit_same(whole, f->terminal, BUT);

	ck_assert_msg(!differs, "round %u, %s: %s", f->round, when, differs);
	term_free(whole);
}

START_TEST(a_paint_and_the_difference_show_what_a_whole_paint_shows)
{
	for (unsigned round = 0; round < SEEDS; round++) {
		struct fixture f;

		setup(&f, round);
		for (unsigned i = 0; i < STEPS; i++) {
			step(&f, STEP_BYTES);
			ck_assert_int_eq(paint(&f, SIZE_MAX), 0);
			assert_whole(&f, "painted at once");
		}
		teardown(&f);
	}
}
END_TEST

START_TEST(a_paint_stopped_anywhere_goes_on_while_the_model_moves_on)
{
	for (unsigned round = 0; round < SEEDS; round++) {
		struct fixture f;
		unsigned n;

		setup(&f, round);
		for (unsigned i = 0; i < STEPS; i++) {
			step(&f, STEP_BYTES);
			for (n = 0; paint(&f, 1 + termkit_random(&f.seed) % 99); n++) {
				ck_assert(f.out.n > 0);
				if (n < 20 && !(termkit_random(&f.seed) % 3))
					step(&f, 20);
			}
			assert_whole(&f, "painted in pieces");
		}
		teardown(&f);
	}
}
END_TEST

/* ---- what a change costs ---- */

static void setup_sized(struct fixture *f, unsigned cols, unsigned rows)
{
	*f = (struct fixture){ .model = termkit_new(cols, rows, 0),
		.terminal = termkit_new(80, 24, 0) };
	ck_assert_int_eq(term_shadow_new(&f->shadow, 80, 24), 0);
}

static void feed_lines(struct fixture *f, unsigned first, unsigned n)
{
	char line[64];

	for (unsigned i = first; i < first + n; i++) {
		snprintf(line, sizeof(line), "%s%u: the quick brown fox number %u jumps",
			i ? "\r\n" : "", i, i * 7919 % 1000);
		feed(f, line);
	}
}

/* What the output costs on top of what was painted before. */
static size_t cost(struct fixture *f, const char *output)
{
	ck_assert_int_eq(paint(f, SIZE_MAX), 0);
	feed(f, output);
	ck_assert_int_eq(paint(f, SIZE_MAX), 0);
	assert_whole(f, output);
	return f->out.n;
}

START_TEST(a_change_costs_about_what_it_shows)
{
	static const struct {
		const char *output;
		size_t most; /* bytes */
	} table[] = {
		{ "", 0 },
		{ "\a\x1b[6n", 0 },
		{ "x", 1 },
		{ "xyz", 3 },
		{ "\r\n", 2 },
		{ "\b", 1 },
		{ "\b \b", 4 },
		{ "\x1b[10;10H", 8 },
		{ "\x1b[1;31mred\x1b[m", 13 },
		{ "\x1b[2;30H\x1b[K", 12 },
		{ "\x1b[2K", 9 },
		{ "\x1b[?25l", 6 },
		{ "\x1b]2;title\x1b\\", 11 },
		{ "\x1b[3;1Hone\x1b[3;20Htwo", 6 + 3 + 5 + 3 },
		{ "\x1b[3;1Hone\x1b[9;20Htwo", 6 + 3 + 7 + 3 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
		struct fixture f;
		size_t n;

		setup_sized(&f, 80, 24);
		feed_lines(&f, 0, 20);
		n = cost(&f, table[i].output);
		ck_assert_msg(n <= table[i].most, "entry %u: %zu bytes: %.*s", i, n, (int)n,
			(const char *)f.out.data);
		teardown(&f);
	}
}
END_TEST

START_TEST(what_scrolled_is_scrolled_by_the_terminal)
{
	static const struct {
		const char *output;
		size_t most; /* bytes */
	} table[] = {
		{ "\r\nnew line", 2 + 8 },                /* the whole screen */
		{ "\r\n1\r\n2\r\n3\r\n4", 3 * 4 + 8 },    /* by a few */
		{ "\x1b[HX\x1b[23;1H\x1b[2L", 24 },       /* a line pushed down, off the screen */
		{ "\x1b[1;22r\x1b[22H\nnew\x1b[r", 26 },  /* an editor's window, one down */
		{ "\x1b[1;22r\x1b[H\x1bMnew\x1b[r", 26 }, /* one up */
		{ "\x1b[5;20r\x1b[5H\x1b[6M\x1b[r", 26 }, /* six lines deleted in a window */
		{ "\x1b[1;8r\x1b[8H\n\x1b[9;20r\x1b[9H\x1bM\x1b[r", 60 }, /* two windows */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
		struct fixture f;
		size_t n;

		setup_sized(&f, 80, 24);
		feed_lines(&f, 0, 30);
		n = cost(&f, table[i].output);
		ck_assert_msg(n <= table[i].most, "entry %u: %zu bytes: %.*s", i, n, (int)n,
			(const char *)f.out.data);
		teardown(&f);
	}
}
END_TEST

START_TEST(a_mark_that_joins_a_character_already_painted_is_painted)
{
	struct fixture f;

	setup_sized(&f, 80, 24);
	feed(&f, "e\xcc\x81");
	cost(&f, "\xcc\x88");
	ck_assert_uint_gt(f.out.n, 0);
	cost(&f, "\xcc\x82");
	ck_assert_uint_gt(f.out.n, 0);
	teardown(&f);
}
END_TEST

START_TEST(a_view_moves_only_to_keep_the_cursor_in_sight_and_rather_to_the_start)
{
	static const struct {
		const char *to; /* row;column of a screen of 80x24, seen through 20x8 */
		unsigned x, y;  /* of the view */
	} table[] = {
		{ "1;1", 0, 0 },
		{ "8;20", 0, 0 },
		{ "8;21", 10, 0 }, /* half a view left of it */
		{ "8;30", 10, 0 }, /* the last column of that view */
		{ "8;16", 10, 0 }, /* in sight, and behind the first three quarters */
		{ "8;15", 0, 0 },  /* within these */
		{ "8;80", 60, 0 }, /* not past the screen */
		{ "8;62", 60, 0 },
		{ "8;40", 29, 0 },
		{ "9;1", 0, 4 },
		{ "24;1", 0, 16 },
		{ "17;1", 0, 16 },
		{ "6;1", 0, 0 },
	};
	struct fixture f = { .model = termkit_new(80, 24, 0), .terminal = termkit_new(20, 8, 0) };
	char text[32];

	ck_assert_int_eq(term_shadow_new(&f.shadow, 20, 8), 0);
	feed(&f, "\x1b[?1002;1006h");
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
		snprintf(text, sizeof(text), "\x1b[%sHx\b", table[i].to);
		feed(&f, text);
		ck_assert_int_eq(paint(&f, SIZE_MAX), 0);
		ck_assert_msg(f.shadow->view_x == table[i].x && f.shadow->view_y == table[i].y,
			"%s: %u,%u", table[i].to, f.shadow->view_x, f.shadow->view_y);
		/* a click is where the session has it, or none */
		ck_assert_uint_eq(f.terminal->mouse, table[i].x || table[i].y ? 0 : 1002);
		assert_whole(&f, table[i].to);
	}
	teardown(&f);
}
END_TEST

START_TEST(a_view_of_the_alternate_screen_stays_while_the_cursor_is_hidden)
{
	static const struct {
		const char *output; /* to a screen of 80x24, seen through 20x8 */
		unsigned x, y;      /* of the view */
	} table[] = {
		{ "\x1b[24;70Hx", 60, 16 },
		{ "\x1b[?25l\x1b[3;2Hx", 0, 0 }, /* the primary screen: output goes there */
		{ "\x1b[24;70Hx", 60, 16 },
		{ "\x1b[?1049h", 0, 0 }, /* a full-screen program: from its first row */
		{ "\x1b[24;80H", 0, 0 },
		{ "\x1b[12;50H", 0, 0 },
		{ "\x1b[?25h", 39, 7 },       /* shown: it comes into sight */
		{ "\x1b[?25l\x1b[H", 39, 7 }, /* hidden amid a drawing: nothing jumps */
		{ "\x1b[12;51H\x1b[?25h", 39, 7 },
		{ "\x1b[?25l\x1b[24;80H\x1b[?1049l", 60, 16 },
		{ "\x1b[?1049h\x1b[1;1H\x1b[?25h", 0, 0 },
	};
	struct fixture f = { .model = termkit_new(80, 24, 0), .terminal = termkit_new(20, 8, 0) };

	ck_assert_int_eq(term_shadow_new(&f.shadow, 20, 8), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
		feed(&f, table[i].output);
		ck_assert_int_eq(paint(&f, SIZE_MAX), 0);
		ck_assert_msg(f.shadow->view_x == table[i].x && f.shadow->view_y == table[i].y,
			"%u: %u,%u", i, f.shadow->view_x, f.shadow->view_y);
		ck_assert(f.terminal->cursor.x < 20 && f.terminal->cursor.y < 8);
		assert_whole(&f, table[i].output);
	}
	feed(&f, "\x1b[24;80H\x1b[?25l");
	ck_assert_int_eq(paint(&f, SIZE_MAX), 0);
	ck_assert_int_eq(term_resize(f.model, 30, 10), 0); /* the view lies within the screen */
	ck_assert_int_eq(paint(&f, SIZE_MAX), 0);
	ck_assert(f.shadow->view_x <= 10 && f.shadow->view_y <= 2);
	assert_whole(&f, "resized");
	teardown(&f);
}
END_TEST

/* A screen of which the shadow can keep some rows only. */
START_TEST(sec_c19_a_shadow_is_bounded_and_paints_the_rows_beyond_its_bound_each_time)
{
	const unsigned cols = 500, rows = 100, kept = TERM_SHADOW_BYTES_MAX / 8 / 512;
	struct fixture f = { .model = termkit_new(cols, rows, 0),
		.terminal = termkit_new(cols, rows, 0) };
	char text[501];

	ck_assert_int_eq(term_shadow_new(&f.shadow, cols, rows), 0);
	for (unsigned y = 0; y < rows; y++) {
		memset(text, 'a' + (int)(y % 26), cols);
		text[cols] = '\0';
		feed(&f, text);
	}
	ck_assert_int_eq(paint(&f, SIZE_MAX), 0);
	assert_whole(&f, "all of it");
	ck_assert_uint_le(f.shadow->cells_bytes, TERM_SHADOW_BYTES_MAX);
	ck_assert_uint_gt(f.shadow->cells_bytes, TERM_SHADOW_BYTES_MAX * 3 / 4);
	ck_assert_uint_lt(term_shadow_memory(f.shadow), TERM_SHADOW_BYTES_MAX + 16 * 1024);
	feed(&f, "\x1b[Hx");
	ck_assert_int_eq(paint(&f, SIZE_MAX), 0);
	assert_whole(&f, "once more");
	ck_assert_uint_gt(f.out.n, (rows - kept - 2) * cols);
	ck_assert_uint_lt(f.out.n, (rows - kept + 2) * (cols + 20));
	while (paint(&f, 1000)) /* it ends, for the model stands still */
		;
	assert_whole(&f, "in pieces");
	teardown(&f);
}
END_TEST

/* Cells that are as dear as cells get, and a palette, stops at most that far behind the bound. */
START_TEST(a_paint_passes_its_bound_by_no_more_than_it_says)
{
	char text[256], uri[2000];
	struct fixture f;
	size_t most = 0;

	setup_sized(&f, 80, 24);
	memset(uri, 'u', sizeof(uri) - 1);
	uri[sizeof(uri) - 1] = '\0';
	for (unsigned i = 0; i < 256; i++) {
		snprintf(text, sizeof(text), "\x1b]4;%u;#123456\x1b\\\x1b]8;id=%u;", i, i);
		feed(&f, text);
		feed(&f, uri);
		feed(&f, "\x1b\\\x1b[1;2;3;5;7;8;9;53;4:3;38;2;200;200;200mx\x1b[m");
	}
	do {
		if (f.out.n > most)
			most = f.out.n;
	} while (paint(&f, 4096));
	ck_assert_uint_gt(most, 4096 + sizeof(uri) / 2);
	assert_whole(&f, "dear cells");
	teardown(&f);
}
END_TEST

/* Numbers that change in some columns of each of 20 rows. */
static void feed_table(struct fixture *f, unsigned tick)
{
	char line[128];

	for (unsigned y = 0; y < 20; y++) {
		snprintf(line, sizeof(line),
			"\x1b[%u;1H\x1b[m%5u \x1b[36mroot\x1b[m      20   0 %6u "
			"\x1b[32m%4u.%u\x1b[m "
			"S \x1b[1m/usr/bin/process-%u\x1b[m\x1b[K",
			y + 2, 1000 + y, 52000 + y, (tick * 7 + y) % 100, (tick + y) % 10, y);
		feed(f, line);
	}
}

START_TEST(a_table_that_is_drawn_again_costs_what_changed_in_it)
{
	struct fixture f;
	size_t whole;

	setup_sized(&f, 80, 24);
	feed_table(&f, 0);
	ck_assert_int_eq(paint(&f, SIZE_MAX), 0);
	whole = f.out.n;
	feed_table(&f, 0);
	ck_assert_int_eq(paint(&f, SIZE_MAX), 0);
	ck_assert_uint_eq(f.out.n, 0);
	feed_table(&f, 1);
	ck_assert_int_eq(paint(&f, SIZE_MAX), 0);
	ck_assert_uint_le(f.out.n, 20 * 24 + 16);
	ck_assert_uint_lt(f.out.n, whole / 3);
	assert_whole(&f, "drawn again");
	teardown(&f);
}
END_TEST

TEST_MAIN("term_diff", a_paint_and_the_difference_show_what_a_whole_paint_shows,
	a_paint_stopped_anywhere_goes_on_while_the_model_moves_on,
	a_change_costs_about_what_it_shows, what_scrolled_is_scrolled_by_the_terminal,
	a_mark_that_joins_a_character_already_painted_is_painted,
	a_view_moves_only_to_keep_the_cursor_in_sight_and_rather_to_the_start,
	a_view_of_the_alternate_screen_stays_while_the_cursor_is_hidden,
	sec_c19_a_shadow_is_bounded_and_paints_the_rows_beyond_its_bound_each_time,
	a_paint_passes_its_bound_by_no_more_than_it_says,
	a_table_that_is_drawn_again_costs_what_changed_in_it)
