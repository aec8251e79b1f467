/*
 * Any bytes through the filter: the same bytes come out however they are cut, the screen is that
 * of the raw stream, no query gets through, and what came out passes once more unchanged.
 */
#include <assert.h>
#include <string.h>

#include "tests/termkit.h"

#define FUZZ_COLS 40
#define FUZZ_ROWS 8

static void filter_pieces(const uint8_t *data, size_t n, size_t piece, struct term_buf *out)
{
	_cleanup_(term_filter_freep) struct term_filter *f = NULL;

	if (term_filter_new(&f, false) < 0)
		abort();
	for (size_t i = 0; i < n; i += piece)
		if (term_filter_feed(f, data + i, min_size(piece, n - i), out) < 0)
			abort();
}

static void assert_equal(const struct term_buf *a, const struct term_buf *b)
{
	assert(a->n == b->n && (!a->n || memcmp(a->data, b->data, a->n) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct term *raw = termkit_new(FUZZ_COLS, FUZZ_ROWS, 10),
		    *seen = termkit_new(FUZZ_COLS, FUZZ_ROWS, 10);
	struct term_buf whole = { 0 }, torn = { 0 }, again = { 0 };
	size_t n_replies;

	filter_pieces(data, n, n ? n : 1, &whole);
	filter_pieces(data, n, 1, &torn);
	assert_equal(&whole, &torn);
	filter_pieces(whole.data, whole.n, 7, &again);
	assert_equal(&whole, &again);
	term_feed(raw, data, n);
	term_feed(seen, whole.data, whole.n);
	term_replies(seen, &n_replies);
	assert(n_replies == 0);
	assert(!termkit_same(raw, seen, SAME_BUT_QUIET));
	term_buf_done(&whole);
	term_buf_done(&torn);
	term_buf_done(&again);
	term_free(raw);
	term_free(seen);
	return 0;
}
