#include "tests/suite.h"

#include <string.h>

#include "tests/termkit.h"

#define STREAM_BYTES 600
#define SEEDS 800

static const unsigned sizes[][2] = { { 20, 6 }, { 80, 24 }, { 7, 3 }, { 2, 2 }, { 1, 1 }, { 40, 1 },
	{ 1, 9 }, { 33, 12 } };

struct fixture {
	struct term *a, *b;
	struct term_buf stream, out;
	uint64_t seed;
	unsigned round;
};

static void setup(struct fixture *f, unsigned round)
{
	const unsigned *size = sizes[round % ARRAY_SIZE(sizes)];

	*f = (struct fixture){ .seed = round * UINT64_C(7919) + 1, .round = round };
	f->a = termkit_new(size[0], size[1], 50);
	f->b = termkit_new(size[0], size[1], 50);
	termkit_stream(&f->seed, STREAM_BYTES, &f->stream);
}

static void teardown(struct fixture *f)
{
	term_free(f->a);
	term_free(f->b);
	term_buf_done(&f->stream);
	term_buf_done(&f->out);
}

static void assert_same(const struct fixture *f, unsigned but)
{
	const char *differs = termkit_same(f->a, f->b, but);

	ck_assert_msg(!differs, "seed %u: %s", f->round, differs);
}

/* Ends what is open, as M is a point in ground state. */
static void to_ground(struct term *t)
{
	if (!term_ground(t))
		term_feed(t, (const uint8_t *)"\x18", 1);
}

START_TEST(a_stream_cut_anywhere_leaves_the_same_model)
{
	for (unsigned round = 0; round < SEEDS; round++) {
		struct fixture f;
		size_t i = 0;

		setup(&f, round);
		term_feed(f.a, f.stream.data, f.stream.n);
		while (i < f.stream.n) {
			size_t n = 1 + termkit_random(&f.seed) % (round % 3 ? 12 : 1);

			n = min_size(n, f.stream.n - i);
			term_feed(f.b, f.stream.data + i, n);
			i += n;
		}
		assert_same(&f, 0);
		teardown(&f);
	}
}
END_TEST

/* The stream, in two of three rounds in pieces with another size after each. The other terminal is made
 * as large as the model then is. */
static void feed_and_resize(struct fixture *f)
{
	const size_t third = f->stream.n / 3;

	for (size_t i = 0; f->round % 3 && i < 3; i++) {
		term_feed(f->a, f->stream.data + i * third, third);
		ck_assert_int_eq(term_resize(f->a, 1 + termkit_random(&f->seed) % 40,
					 1 + termkit_random(&f->seed) % 12),
			0);
	}
	if (f->round % 3 == 0)
		term_feed(f->a, f->stream.data, f->stream.n);
	term_free(f->b);
	f->b = termkit_new(f->a->cols, f->a->rows, 50);
}

static void paint_into(struct fixture *f, enum term_paint_kind kind, unsigned but)
{
	const struct term_paint how = { .kind = kind, .history_lines = 50 };
	const char *bad;
	size_t n;

	ck_assert_int_eq(term_paint(f->a, &how, &f->out), 0);
	bad = termkit_grammar(f->out.data, f->out.n);
	ck_assert_msg(!bad, "seed %u: %s", f->round, bad);
	to_ground(f->b);
	term_replies_drop(f->b, SIZE_MAX);
	term_feed(f->b, f->out.data, f->out.n);
	term_replies(f->b, &n);
	ck_assert_uint_eq(n, 0);
	assert_same(f, but);
}

START_TEST(a_paint_brings_a_fresh_terminal_to_the_same_model)
{
	for (unsigned round = 0; round < SEEDS; round++) {
		struct fixture f;

		setup(&f, round);
		feed_and_resize(&f);
		to_ground(f.a);
		paint_into(&f, round / 8 % 2 ? TERM_PAINT_SCREEN : TERM_PAINT_ATTACH,
			SAME_BUT_HISTORY | SAME_BUT_QUIET);
		teardown(&f);
	}
}
END_TEST

START_TEST(an_attach_brings_all_of_the_history_into_the_scrollback)
{
	for (unsigned round = 0; round < SEEDS; round++) {
		const struct term_paint how = { .kind = TERM_PAINT_ATTACH, .history_lines = 50 };
		const char *differs;
		struct fixture f;

		setup(&f, round);
		term_feed(f.a, (const uint8_t *)"na\xc3\xafve\r\n\xc2\xa3\r\n", 13);
		term_feed(f.a, f.stream.data, f.stream.n);
		to_ground(f.a);
		ck_assert_int_eq(term_paint(f.a, &how, &f.out), 0);
		term_free(f.b);
		f.b = termkit_new(f.a->cols, f.a->rows, 200);
		term_feed(f.b, f.out.data, f.out.n);
		differs = termkit_same_history(f.a, f.b);
		ck_assert_msg(!differs, "seed %u: %s", f.round, differs);
		teardown(&f);
	}
}
END_TEST

START_TEST(a_paint_brings_a_terminal_in_any_state_to_the_same_model)
{
	for (unsigned round = 0; round < SEEDS; round++) {
		struct fixture f;
		struct term_buf other = { 0 };

		setup(&f, round);
		termkit_stream(&f.seed, STREAM_BYTES, &other);
		term_feed(f.a, f.stream.data, f.stream.n);
		term_feed(f.b, other.data, other.n);
		to_ground(f.a);
		paint_into(&f, round / 8 % 2 ? TERM_PAINT_SCREEN : TERM_PAINT_ATTACH,
			SAME_BUT_HISTORY | SAME_BUT_QUIET | SAME_BUT_DEFAULTS);
		term_buf_done(&other);
		teardown(&f);
	}
}
END_TEST

START_TEST(a_filtered_stream_shows_the_same_and_asks_nothing)
{
	for (unsigned round = 0; round < SEEDS; round++) {
		_cleanup_(term_filter_freep) struct term_filter *filter = NULL;
		struct fixture f;
		size_t n;

		setup(&f, round);
		ck_assert_int_eq(term_filter_new(&filter, round % 2), 0);
		term_feed(f.a, f.stream.data, f.stream.n);
		ck_assert_int_eq(term_filter_feed(filter, f.stream.data, f.stream.n, &f.out), 0);
		term_feed(f.b, f.out.data, f.out.n);
		term_replies(f.b, &n);
		ck_assert_msg(n == 0, "seed %u: %zu bytes of answers", round, n);
		assert_same(&f, SAME_BUT_QUIET);
		teardown(&f);
	}
}
END_TEST

START_TEST(a_filter_gives_the_same_bytes_however_the_stream_is_cut)
{
	for (unsigned round = 0; round < SEEDS; round++) {
		_cleanup_(term_filter_freep) struct term_filter *whole = NULL;
		_cleanup_(term_filter_freep) struct term_filter *torn = NULL;
		struct term_buf pieces = { 0 };
		struct fixture f;

		setup(&f, round);
		ck_assert_int_eq(term_filter_new(&whole, true), 0);
		ck_assert_int_eq(term_filter_new(&torn, true), 0);
		ck_assert_int_eq(term_filter_feed(whole, f.stream.data, f.stream.n, &f.out), 0);
		for (size_t i = 0, n; i < f.stream.n; i += n) {
			n = min_size(1 + termkit_random(&f.seed) % 9, f.stream.n - i);
			ck_assert_int_eq(term_filter_feed(torn, f.stream.data + i, n, &pieces), 0);
		}
		ck_assert_msg(pieces.n == f.out.n && memcmp(pieces.data, f.out.data, pieces.n) == 0,
			"seed %u", round);
		term_buf_done(&pieces);
		teardown(&f);
	}
}
END_TEST

START_TEST(a_paint_passes_the_filter_unchanged)
{
	for (unsigned round = 0; round < SEEDS; round++) {
		_cleanup_(term_filter_freep) struct term_filter *filter = NULL;
		struct term_paint how = {
			.kind = round % 3, .history_lines = 50, .cols = 30, .rows = 9
		};
		struct term_buf passed = { 0 };
		struct fixture f;

		setup(&f, round);
		ck_assert_int_eq(term_filter_new(&filter, false), 0);
		term_feed(f.a, f.stream.data, f.stream.n);
		ck_assert_int_eq(term_paint(f.a, &how, &f.out), 0);
		ck_assert_int_eq(term_filter_feed(filter, f.out.data, f.out.n, &passed), 0);
		ck_assert_msg(passed.n == f.out.n && memcmp(passed.data, f.out.data, passed.n) == 0,
			"seed %u", round);
		term_buf_done(&passed);
		teardown(&f);
	}
}
END_TEST

TEST_MAIN("term_laws", a_stream_cut_anywhere_leaves_the_same_model,
	a_paint_brings_a_fresh_terminal_to_the_same_model,
	an_attach_brings_all_of_the_history_into_the_scrollback,
	a_paint_brings_a_terminal_in_any_state_to_the_same_model,
	a_filtered_stream_shows_the_same_and_asks_nothing,
	a_filter_gives_the_same_bytes_however_the_stream_is_cut,
	a_paint_passes_the_filter_unchanged)
