#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "common/term/lz.h"
#include "tests/termkit.h"

#define ROWS 900u
#define COLS 60u

/* ---- lz ---- */

/* Bytes that repeat themselves more or less. */
static void make(uint64_t *seed, uint8_t *data, size_t n)
{
	const uint32_t letters = 1 + termkit_random(seed) % 256;
	size_t at = 0, from, k;

	while (at < n) {
		k = min_size(1 + termkit_random(seed) % 300, n - at);
		from = at ? termkit_random(seed) % at : 0;
		for (size_t i = 0; i < k; i++, at++)
			data[at] = (uint8_t)(at && letters % 3 ? data[from + i % (at - from)]
							       : termkit_random(seed) % letters);
	}
}

START_TEST(a_packed_block_unpacks_to_the_same_bytes_and_a_cut_one_to_none)
{
	static const size_t sizes[] = { 1, 3, 4, 5, 15, 16, 64, 270, 4000, LZ_BLOCK_MAX };
	static uint8_t data[LZ_BLOCK_MAX], packed[2 * LZ_BLOCK_MAX], back[LZ_BLOCK_MAX];
	uint64_t seed = 11;

	for (unsigned round = 0; round < 200; round++) {
		size_t n = sizes[round % ARRAY_SIZE(sizes)], size;

		make(&seed, data, n);
		size = lz_pack(packed, sizeof(packed), data, n);
		ck_assert_uint_gt(size, 0);
		ck_assert(lz_unpack(back, n, packed, size));
		ck_assert_mem_eq(back, data, n);
		ck_assert(!lz_unpack(back, n - 1, packed, size));
		ck_assert(n == LZ_BLOCK_MAX || !lz_unpack(back, n + 1, packed, size));
		ck_assert_uint_eq(lz_pack(packed, size - 1, data, n), 0);
		for (size_t cut = 0; cut < size; cut += 1 + size / 50)
			ck_assert(!lz_unpack(back, n, packed, cut));
	}
	ck_assert_uint_eq(lz_pack(packed, sizeof(packed), packed, LZ_BLOCK_MAX + 1), 0);
}
END_TEST

START_TEST(a_damaged_block_is_refused_or_unpacks_within_its_bounds)
{
	static uint8_t data[2000], packed[4000], back[2000];
	uint64_t seed = 5;

	for (unsigned round = 0; round < 2000; round++) {
		size_t size;

		make(&seed, data, sizeof(data));
		size = lz_pack(packed, sizeof(packed), data, sizeof(data));
		for (unsigned i = 0; i < 4; i++)
			packed[termkit_random(&seed) % size] = (uint8_t)termkit_random(&seed);
		lz_unpack(back, sizeof(back), packed, size); /* the sanitizer watches */
	}
}
END_TEST

/* ---- lines: a tall screen shows what the history of a flat one must have ---- */

static struct term *tall, *flat;

static void setup(void)
{
	tall = termkit_new(COLS, ROWS, 0);
	flat = termkit_new(COLS, 2, ROWS);
}

static void teardown(void)
{
	term_free(tall);
	term_free(flat);
}

static void feed_both(const struct term_buf *b)
{
	term_feed(tall, b->data, b->n);
	term_feed(flat, b->data, b->n);
}

/* Backgrounds only where nothing wraps: else what scrolls in would have them. */
static void put_line(uint64_t *seed, struct out *o)
{
	static const char *const coloured[] = { "\033[44m\033[K", "\033[48;5;%m   ", "ab" };
	static const char *const pieces[] = { "plain text ", "x", "\033[31m", "\033[0m", "漢字",
		"e\xcc\x81", "\033[1;4;38;2;9;%;7m", "🙂", "\033]8;;http://h/%\a", "\033]8;;\a",
		"\t", "a\xcc\x80\xcc\x81\xcc\x82\xcc\x83\xcc\x84", "─", "\033[%C", "漢\xcc\x81",
		"\033[m", "wwwwwwwwwwwwwwwwwwwwwwwwwwwww", "─\033[%b", "漢\033[2%b─",
		"\033[%G\033[%X" };
	const bool plain = termkit_random(seed) % 4;

	for (unsigned i = termkit_random(seed) % 9; i-- > 0;) {
		const char *p = plain ? pieces[termkit_random(seed) % ARRAY_SIZE(pieces)]
				      : coloured[termkit_random(seed) % ARRAY_SIZE(coloured)];

		for (; *p; p++) {
			if (*p == '%')
				out_format(o, "%u", termkit_random(seed) % 200);
			else
				out_byte(o, (uint8_t)*p);
		}
	}
	out_text(o, "\033[m\r\n");
}

static void feed_lines(uint64_t *seed, unsigned n)
{
	struct term_buf b = { 0 };
	struct out o = { .buf = &b };

	while (n--)
		put_line(seed, &o);
	feed_both(&b);
	term_buf_done(&b);
}

/* Line i of the flat one's history is row i of the tall one. */
static void assert_line(unsigned i)
{
	const struct row *row = grid_row(&tall->screens[0].grid, i);
	uint64_t cells[TERM_COLS_MAX];
	bool wrapped;
	unsigned n = history_line(&flat->history, i, cells, &wrapped);

	ck_assert_msg(wrapped == row->wrapped, "line %u: wrapped", i);
	for (unsigned x = 0; x < COLS; x++)
		ck_assert_msg(termkit_same_cell(tall, row_cell(row, x), flat, x < n ? cells[x] : 0),
			"line %u, column %u", i, x);
}

static void assert_lines(void)
{
	const unsigned n = flat->history.n;

	ck_assert_uint_gt(n, 300);
	for (unsigned i = 0; i < n; i++)
		assert_line(i);
	for (unsigned i = n; i-- > 0; i -= i > 7 ? 7 : 0) /* backwards, and here and there */
		assert_line(i);
}

START_TEST(a_line_of_history_is_the_row_that_left_the_screen)
{
	for (uint64_t seed = 1; seed < 6; seed++) {
		uint64_t s = seed;

		setup();
		feed_lines(&s, 500);
		assert_lines();
		teardown();
	}
}
END_TEST

/* By lines, without their tables of styles. */
static size_t bytes_held(const struct term *t)
{
	size_t n = 0;

	for (unsigned i = 0; i < t->history.n_blocks; i++)
		n += t->history.blocks[(t->history.first + i) % t->history.cap].held;
	return n;
}

START_TEST(lines_that_were_packed_further_at_rest_read_as_before)
{
	uint64_t seed = 3;
	size_t before;

	setup();
	feed_lines(&seed, 500);
	before = bytes_held(flat);
	while (term_rest(flat))
		;
	ck_assert(!term_rest(flat));
	ck_assert_uint_lt(bytes_held(flat), before * 4 / 5);
	assert_lines();
	feed_lines(&seed, 40); /* goes on from there, and gives the buffer for reading back */
	assert_lines();
	ck_assert(!flat->history.view->lines || flat->history.view->block);
	teardown();
}
END_TEST

START_TEST(a_style_that_came_and_went_stays_with_its_line)
{
	struct term_buf b = { 0 };
	struct out o = { .buf = &b };

	setup();
	for (unsigned i = 0; i < 600; i++)
		out_format(&o, "\033[38;2;%u;%u;%umline %u\033[m\r\n", i & 255, i >> 8, i % 7, i);
	feed_both(&b);
	attr_sweep(flat);
	b.n = 0;
	for (unsigned i = 0; i < 200; i++) /* takes the numbers that are free now */
		out_format(&o, "\033[48;2;9;9;%um%u\033[m\r\n", i, i);
	feed_both(&b);
	term_buf_done(&b);
	assert_lines();
	teardown();
}
END_TEST

START_TEST(blank_lines_cost_a_byte_each)
{
	const struct term_buf b = { .data = (uint8_t[1]){ '\n' }, .n = 1 };

	setup();
	for (unsigned i = 0; i < ROWS; i++)
		feed_both(&b);
	ck_assert_uint_ge(flat->history.n, ROWS - 2);
	ck_assert_uint_le(flat->history.bytes, 2 * ROWS);
	teardown();
}
END_TEST

static size_t bytes_of_lines(const char *line)
{
	struct term *t = termkit_new(COLS, 2, 1000);
	size_t n = 0;

	for (unsigned i = 0; i < 1000; i++)
		term_feed(t, (const uint8_t *)line, strlen(line));
	for (unsigned i = 0; i < t->history.n_blocks; i++)
		n += t->history.blocks[(t->history.first + i) % t->history.cap].n;
	term_free(t);
	return n;
}

START_TEST(a_gap_and_a_run_of_one_character_take_a_few_bytes_whatever_their_width)
{
	ck_assert_uint_lt(bytes_of_lines("\033[50Gx\r\n"), 1000 * 12);
	ck_assert_uint_lt(bytes_of_lines("x\033[50Gx\r\n"), 1000 * 12);
	ck_assert_uint_lt(bytes_of_lines("x─\033[57bx\r\n"), 1000 * 40);
	ck_assert_uint_lt(bytes_of_lines("x漢\033[28bx\r\n"), 1000 * 40);
}
END_TEST

START_TEST(the_oldest_lines_go_one_by_one_at_the_bound_on_lines)
{
	struct term *t = termkit_new(20, 2, 3 * HISTORY_BLOCK_LINES / 2);
	char line[16];

	for (unsigned i = 0; i < 5 * HISTORY_BLOCK_LINES; i++) {
		uint64_t cells[TERM_COLS_MAX];
		bool wrapped;
		unsigned n = (unsigned)snprintf(line, sizeof(line), "%u\r\n", i);

		term_feed(t, (const uint8_t *)line, n);
		ck_assert_uint_eq(t->history.n,
			i < 3 * HISTORY_BLOCK_LINES / 2 ? i : 3 * HISTORY_BLOCK_LINES / 2);
		if (i < 2 * HISTORY_BLOCK_LINES)
			continue;
		snprintf(line, sizeof(line), "%u", i - t->history.n);
		n = history_line(&t->history, 0, cells, &wrapped);
		ck_assert_uint_eq(n, strlen(line));
		for (unsigned x = 0; x < n; x++)
			ck_assert_uint_eq(cells[x], (uint8_t)line[x]);
	}
	term_free(t);
}
END_TEST

TEST_MAIN("term_history", a_packed_block_unpacks_to_the_same_bytes_and_a_cut_one_to_none,
	a_damaged_block_is_refused_or_unpacks_within_its_bounds,
	a_line_of_history_is_the_row_that_left_the_screen,
	lines_that_were_packed_further_at_rest_read_as_before,
	a_style_that_came_and_went_stays_with_its_line, blank_lines_cost_a_byte_each,
	a_gap_and_a_run_of_one_character_take_a_few_bytes_whatever_their_width,
	the_oldest_lines_go_one_by_one_at_the_bound_on_lines)
