#include "tests/suite.h"

#include <string.h>

#include "tests/termkit.h"
#include "tests/torture.h"

struct outcome {
	int r;
	bool cursor_inside;
};

/* What reads the model: paints, a line, the filter; the first that fails ends it. */
static int readers(const struct term *t, struct term_shadow *shadow, struct term_filter *filter,
	const struct term_buf *stream, struct term_buf *out)
{
	const struct term_paint how = { .kind = TERM_PAINT_ATTACH, .history_lines = 20 };
	int r;

	r = term_paint(t, &how, out);
	if (!r)
		r = term_shadow_paint(shadow, t, SIZE_MAX, out);
	if (!r)
		r = term_line(t, term_line_first(t), TERM_LINE_JSON, out);
	if (!r)
		r = term_filter_feed(filter, stream->data, stream->n, out);
	if (!r)
		r = term_filter_undo(filter, out);
	return r ? r : term_text(t, out);
}

/* Everything that allocates, in one go; stops at the first error, as a caller would. */
static struct outcome scenario(const struct term_buf *stream)
{
	_cleanup_(term_filter_freep) struct term_filter *filter = NULL;
	struct term_config config = { .cols = 30, .rows = 6, .history_lines = 20 };
	_cleanup_(term_shadow_freep) struct term_shadow *shadow = NULL;
	struct term_buf out = { 0 };
	struct outcome o = { .cursor_inside = true };
	struct term *t = NULL;

	o.r = term_new(&t, &config);
	if (!o.r)
		o.r = term_filter_new(&filter, true);
	if (!o.r)
		term_feed(t, stream->data, stream->n);
	if (!o.r)
		o.r = term_shadow_new(&shadow, 20, 8);
	if (!o.r)
		o.r = term_shadow_paint(shadow, t, SIZE_MAX, &out);
	if (!o.r)
		o.r = term_resize(t, 11, 9);
	if (t) {
		term_feed(t, stream->data, stream->n / 2);
		o.cursor_inside = t->cursor.x < t->cols && t->cursor.y < t->rows;
	}
	while (t && term_rest(t))
		;
	if (!o.r)
		o.r = readers(t, shadow, filter, stream, &out);
	term_free(t);
	term_buf_done(&out);
	return o;
}

/* Returns how many allocations there are, or 0 where one that failed did harm. */
static unsigned long try_each(const struct term_buf *stream, bool every)
{
	for (unsigned long n = 1;; n++) {
		struct outcome o;
		bool done;

		torture_arm(n, every);
		o = scenario(stream);
		done = torture_disarm() < n; /* it was not reached */
		if (!o.cursor_inside || (o.r && o.r != -ENOMEM))
			return 0;
		if (done)
			return o.r ? 0 : n;
	}
}

START_TEST(fault_f19_any_allocation_may_fail_once_or_for_ever)
{
	static const char more[] =
		"\033]8;;http://h/\a\033]4;1;#fff\a\033[22;0t\033]7;file://h/\a\033[c"
		"\033]2;title\ae\xcc\x81\033[38;2;1;2;3mx\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
	struct term_buf stream = { 0 };
	struct out o = { .buf = &stream };
	uint64_t seed = 7;
	unsigned long once, ever;

	out_text(&o, more);
	termkit_stream(&seed, 3000, &stream);
	once = try_each(&stream, false);
	ever = try_each(&stream, true);
	term_buf_done(&stream);
	ck_assert_uint_gt(once, 30);
	ck_assert_uint_gt(ever, 30);
}
END_TEST

/* A terminal painted by differences, one allocation of which fails: 0, or 1 where that was not
 * reached. */
static int paint_once(const struct term_buf *stream, unsigned long n)
{
	struct term *t = termkit_new(30, 6, 0), *terminal = termkit_new(25, 6, 0), *whole;
	struct term_buf out = { 0 };
	struct term_shadow *s = NULL;
	const size_t half = stream->n / 2;
	const char *differs;
	bool reached;
	size_t bytes;
	int r;

	ck_assert_int_eq(term_shadow_new(&s, 25, 6), 0);
	term_feed(t, stream->data, half);
	ck_assert_int_eq(term_shadow_paint(s, t, SIZE_MAX, &out), 0);
	term_feed(terminal, out.data, out.n);
	term_feed(t, stream->data + half, stream->n - half);
	term_buf_done(&out);
	torture_arm(n, false);
	r = term_shadow_paint(s, t, SIZE_MAX, &out);
	reached = torture_disarm() >= n;
	ck_assert(r == 0 || (r == -ENOMEM && out.n == 0));
	if (r)
		ck_assert_int_eq(term_shadow_paint(s, t, SIZE_MAX, &out), 0);
	term_feed(terminal, out.data, out.n);
	whole = termkit_painted(t, s, &bytes);
	differs = termkit_same(
		whole, terminal, SAME_BUT_HISTORY | SAME_BUT_QUIET | SAME_BUT_DEFAULTS);
	ck_assert_msg(!differs, "allocation %lu: %s", n, differs);
	term_free(t);
	term_free(terminal);
	term_free(whole);
	term_shadow_free(s);
	term_buf_done(&out);
	return !reached;
}

START_TEST(fault_f19_a_paint_that_lacked_memory_is_made_whole_the_next_time)
{
	static const char more[] = "\033]4;1;#fff\a\033]7;file://h/\a\033]2;title\a";
	struct term_buf stream = { 0 };
	struct out o = { .buf = &stream };
	unsigned long n = 1;
	uint64_t seed = 11;

	termkit_stream(&seed, 2000, &stream);
	out_text(&o, more);
	while (paint_once(&stream, n) == 0)
		n++;
	ck_assert_uint_gt(n, 3);
	term_buf_done(&stream);
}
END_TEST

TEST_MAIN("term_memory", fault_f19_any_allocation_may_fail_once_or_for_ever,
	fault_f19_a_paint_that_lacked_memory_is_made_whole_the_next_time)
