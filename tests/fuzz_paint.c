/*
 * A model made of any bytes is painted: the paint keeps to its grammar, passes the filter
 * unchanged, asks nothing, and brings a fresh terminal to the same model. Input: columns, rows,
 * kind, then steps of output and sizes.
 */
#include <assert.h>
#include <string.h>

#include "tests/termkit.h"

#define FUZZ_HISTORY_LINES 20

static void check_filter(const struct term_buf *paint)
{
	_cleanup_(term_filter_freep) struct term_filter *f = termkit_filter();
	struct term_buf passed = { 0 };

	if (term_filter_feed(f, paint->data, paint->n, &passed) < 0)
		abort();
	assert(passed.n == paint->n && memcmp(passed.data, paint->data, passed.n) == 0);
	term_buf_done(&passed);
}

static void check_fresh(const struct term *t, const struct term_buf *paint)
{
	struct term *fresh = termkit_new(t->cols, t->rows, FUZZ_HISTORY_LINES);
	size_t n_replies;

	term_feed(fresh, paint->data, paint->n);
	term_replies(fresh, &n_replies);
	assert(n_replies == 0);
	assert(!termkit_same(t, fresh, SAME_BUT_HISTORY | SAME_BUT_QUIET));
	term_free(fresh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct term_paint how = { .history_lines = FUZZ_HISTORY_LINES };
	struct term_buf paint = { 0 };
	struct term *t;

	if (n < 3)
		return 0;
	how.kind = data[2] % 3;
	how.cols = 1u + data[0] / 2;
	how.rows = 1u + data[1] / 2;
	t = termkit_new(1u + data[0] % 120, 1u + data[1] % 60, FUZZ_HISTORY_LINES);
	for (size_t i = 3; i < n;)
		i += termkit_step(t, data + i, n - i);
	term_feed(t, (const uint8_t *)"\030", 1);
	if (term_paint(t, &how, &paint) < 0)
		abort();
	assert(!termkit_grammar(paint.data, paint.n));
	check_filter(&paint);
	if (how.kind != TERM_PAINT_CROP)
		check_fresh(t, &paint);
	term_buf_done(&paint);
	term_free(t);
	return 0;
}
