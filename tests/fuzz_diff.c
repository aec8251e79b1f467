/*
 * A view is painted by differences while its model gets any bytes and any sizes: every paint keeps
 * to the grammar and its bounds, passes the filter unchanged, asks nothing, and leaves the terminal
 * as a whole paint does. Input: columns and rows of model and terminal, then output, in which 0xff
 * and a byte is a paint of at most so many bytes (0: all; odd: after a sweep), 0xfe and two bytes
 * another size.
 */
#include <assert.h>
#include <string.h>

#include "tests/termkit.h"

#define FUZZ_HISTORY_LINES 5

struct fuzz {
	struct term *model, *terminal;
	struct term_shadow *shadow;
	struct term_filter *filter;
	struct term_buf out, passed;
};

static int paint(struct fuzz *f, size_t max)
{
	size_t n_replies;
	int r;

	f->out.n = f->passed.n = 0;
	r = term_shadow_paint(f->shadow, f->model, max, &f->out);
	assert(r == 0 || r == TERM_SHADOW_MORE);
	assert(f->out.n <= max || f->out.n - max <= TERM_SHADOW_SLACK);
	assert(!termkit_grammar(f->out.data, f->out.n));
	if (term_filter_feed(f->filter, f->out.data, f->out.n, &f->passed) < 0)
		abort();
	assert(f->passed.n == f->out.n);
	assert(!f->out.n || memcmp(f->passed.data, f->out.data, f->out.n) == 0);
	term_feed(f->terminal, f->out.data, f->out.n);
	term_replies(f->terminal, &n_replies);
	assert(n_replies == 0);
	assert(term_shadow_memory(f->shadow) < TERM_SHADOW_BYTES_MAX + (size_t)16 * 1024);
	return r;
}

static void check_whole(const struct fuzz *f)
{
	size_t bytes;
	struct term *whole = termkit_painted(f->model, f->shadow, &bytes);

	assert(!termkit_same(whole, f->terminal, SAME_BUT_HISTORY | SAME_BUT_QUIET));
	term_free(whole);
}

static size_t step(struct fuzz *f, const uint8_t *data, size_t n)
{
	if (n < 2 || data[0] != 0xff)
		return termkit_step(f->model, data, n);
	if (data[1] % 2)
		termkit_sweep(f->model);
	if (paint(f, data[1] ? data[1] : SIZE_MAX) == 0)
		check_whole(f);
	return 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz f = { 0 };
	unsigned cols, rows;

	if (n < 4)
		return 0;
	cols = 1u + data[2] % 120;
	rows = 1u + data[3] % 60;
	f.model = termkit_new(1u + data[0] % 120, 1u + data[1] % 60, FUZZ_HISTORY_LINES);
	f.terminal = termkit_new(cols, rows, 0);
	f.filter = termkit_filter();
	if (term_shadow_new(&f.shadow, cols, rows) < 0)
		abort();
	for (size_t i = 4; i < n;)
		i += step(&f, data + i, n - i);
	while (paint(&f, 100) > 0)
		assert(f.out.n > 0);
	check_whole(&f);
	term_free(f.model);
	term_free(f.terminal);
	term_shadow_free(f.shadow);
	term_filter_free(f.filter);
	term_buf_done(&f.out);
	term_buf_done(&f.passed);
	return 0;
}
