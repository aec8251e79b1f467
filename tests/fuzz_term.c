/*
 * Any bytes at any size with resizes in between: nothing breaks, bounds hold, no slice and no resize
 * does more work than it may, and a model fed byte by byte is the one fed in slices, which was
 * swept, and whose history was packed and read meanwhile. Input: columns, rows, then output, in
 * which FF FE c r is a resize.
 */
#include <assert.h>
#include <string.h>

#include "tests/termkit.h"

#define FUZZ_HISTORY_LINES 20
#define FUZZ_SLICE_WORK 2000u
#define FUZZ_SWEPT_CELLS 4096u /* of a screen that is swept after each slice */

static unsigned size_of(uint8_t b)
{
	return b < 254 ? 1u + b % 120 : 500u;
}

static void feed_bytewise(struct term *t, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		term_feed(t, data + i, 1);
}

/* The most that one step may cost: its bytes, every cell of both screens a few times, all numbers. */
static uint64_t step_most(const struct term *t)
{
	return 32768 + 12 * (uint64_t)t->cols * t->rows + 16 * t->rows + 4 * t->styles.cap +
	       4 * t->clusters.cap;
}

static void feed_slices(struct term *t, const uint8_t *data, size_t n)
{
	while (n) {
		const uint64_t before = t->work, most = step_most(t);
		uint64_t work = FUZZ_SLICE_WORK;
		size_t taken = term_feed_some(t, data, n, &work);

		assert(taken > 0 && taken <= n && (work == 0 || taken == n));
		assert(t->work - before <= FUZZ_SLICE_WORK + max_size(most, step_most(t)));
		assert(t->work - before >= taken);
		if (t->cols * t->rows <= FUZZ_SWEPT_CELLS)
			termkit_sweep(t);
		data += taken;
		n -= taken;
	}
}

static void read_history(struct term *t)
{
	static uint64_t cells[TERM_COLS_MAX];
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];
	bool wrapped;

	while (term_rest(t))
		;
	for (unsigned i = 0; i < t->history.n; i++)
		for (unsigned x = history_line(&t->history, i, cells, &wrapped); x-- > 0;) {
			struct style style = style_get(t, cell_style(cells[x]));

			assert(style.link < (t->n_links ? t->n_links : 1));
			assert(cell_codes(t, cells[x], codes) <= TERM_CELL_CODEPOINTS_MAX);
		}
	assert(history_memory(&t->history) <= 64 * 1024);
}

static void check_row(const struct term *t, const struct row *row)
{
	assert(row->used <= t->cols);
	for (unsigned x = 0; x < row->used; x++) {
		uint64_t cell = row_cell(row, x);

		assert(cell_style(cell) < (t->styles.n ? t->styles.n : 1));
		if (cell & CELL_CLUSTER)
			assert(cell_code(cell) < t->clusters.n);
		if (cell & CELL_WIDE)
			assert(x + 1 < t->cols && row_cell(row, x + 1) & CELL_TAIL);
		if (cell & CELL_TAIL)
			assert(x > 0 && row_cell(row, x - 1) & CELL_WIDE);
	}
}

static void check(const struct term *t)
{
	size_t n;

	term_replies(t, &n);
	assert(n <= TERM_REPLIES_MAX && t->string.n <= TERM_STRING_MAX);
	assert(t->cursor.x < t->cols && t->cursor.y < t->rows);
	assert(t->top < t->bottom && t->bottom <= t->rows);
	assert(!t->cursor.origin || (t->cursor.y >= t->top && t->cursor.y < t->bottom));
	assert(!t->cursor.pending || t->cursor.x == t->cols - 1);
	assert(t->history.n <= FUZZ_HISTORY_LINES && strlen(t->title) <= TERM_TITLE_MAX);
	assert(term_ground(t) == (term_pending(t) == 0));
	for (unsigned s = 0; s < ARRAY_SIZE(t->screens); s++)
		for (unsigned y = 0; y < t->rows; y++)
			check_row(t, grid_row(&t->screens[s].grid, y));
}

/* Each row and cell there is, twice in wrapping it again, and what goes into history. */
static uint64_t resize_most(const struct term *t)
{
	return 2 * ((uint64_t)t->cols + 4) * t->rows + (t->cols + 4) * (t->rows + 1) +
	       FUZZ_HISTORY_LINES * ((uint64_t)TERM_COLS_MAX + 16);
}

/* Beyond its slice at most a row, and what goes into history. */
static uint64_t resize_slice_most(const struct term *t, unsigned cols)
{
	return FUZZ_SLICE_WORK + max_size(t->cols, cols) + 4 +
	       FUZZ_HISTORY_LINES * ((uint64_t)TERM_COLS_MAX + 16);
}

static void resize(struct term *t, unsigned cols, unsigned rows)
{
	const uint64_t before = t->work, most = resize_most(t),
		       slice_most = resize_slice_most(t, cols);
	uint64_t slice = before, work = FUZZ_SLICE_WORK;

	if (term_resize_begin(t, cols, rows) < 0)
		abort();
	while (term_resize_some(t, &work)) {
		assert(work == 0 && t->work - slice <= slice_most);
		slice = t->work;
		work = FUZZ_SLICE_WORK;
		check(t);
	}
	assert(t->work - before <= most && t->work - slice <= slice_most);
}

static void resize_whole(struct term *t, unsigned cols, unsigned rows)
{
	if (term_resize(t, cols, rows) < 0)
		abort();
}

/* A sweep makes lines of history larger, so that one of them may keep fewer. */
static void assert_history(const struct term *a, const struct term *b)
{
	const bool fewer = a->history.n <= b->history.n;

	assert(!termkit_same_history(fewer ? a : b, fewer ? b : a));
	assert(a->history.total == b->history.total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct term *whole, *torn;

	if (n < 2)
		return 0;
	whole = termkit_new(size_of(data[0]), size_of(data[1]), FUZZ_HISTORY_LINES);
	torn = termkit_new(size_of(data[0]), size_of(data[1]), FUZZ_HISTORY_LINES);
	for (size_t i = 2; i < n;) {
		const uint8_t *mark = memmem(data + i, n - i, "\xff\xfe", 2);
		size_t piece = mark ? (size_t)(mark - data) - i : n - i;

		feed_slices(whole, data + i, piece);
		feed_bytewise(torn, data + i, piece);
		check(whole);
		i += piece + 4;
		if (i > n)
			break;
		read_history(whole);
		resize(whole, size_of(data[i - 2]), size_of(data[i - 1]));
		resize_whole(torn, size_of(data[i - 2]), size_of(data[i - 1]));
		check(whole);
	}
	assert(!termkit_same(whole, torn, SAME_BUT_HISTORY));
	assert_history(whole, torn);
	term_free(whole);
	term_free(torn);
	return 0;
}
