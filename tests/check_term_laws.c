#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "tests/termkit.h"

#define STREAM_BYTES 600
#define SEEDS 800
#define EDGES 8000

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

START_TEST(an_attach_in_pieces_is_the_attach_in_one)
{
	for (unsigned round = 0; round < SEEDS; round++) {
		const struct term_paint whole = { .kind = TERM_PAINT_ATTACH, .history_lines = 30 };
		struct term_paint how = whole;
		struct term_buf pieces = { 0 };
		struct fixture f;
		int r;

		setup(&f, round);
		term_feed(f.a, f.stream.data, f.stream.n);
		ck_assert_int_eq(term_paint(f.a, &whole, &f.out), 0);
		do {
			const size_t before = pieces.n, max = 1 + termkit_random(&f.seed) % 500;

			r = term_paint_some(f.a, &how, max, &pieces);
			ck_assert_int_ge(r, 0);
			ck_assert_uint_gt(pieces.n, before);
		} while (r == TERM_PAINT_MORE);
		ck_assert_msg(pieces.n == f.out.n && memcmp(pieces.data, f.out.data, pieces.n) == 0,
			"seed %u", round);
		term_buf_done(&pieces);
		teardown(&f);
	}
}
END_TEST

START_TEST(an_attach_in_pieces_shows_the_model_that_has_moved_on_meanwhile)
{
	unsigned n_pieces = 0;

	for (unsigned round = 0; round < SEEDS; round++) {
		struct term_paint how = { .kind = TERM_PAINT_ATTACH, .history_lines = 30 };
		struct fixture f;
		size_t fed, n;

		setup(&f, round);
		fed = f.stream.n / 2;
		term_feed(f.a, f.stream.data, fed);
		to_ground(f.a);
		while (term_paint_some(f.a, &how, 100, &f.out) == TERM_PAINT_MORE) {
			n = min_size(40, f.stream.n - fed);
			term_feed(f.a, f.stream.data + fed, n);
			to_ground(f.a);
			fed += n;
			n_pieces++;
		}
		ck_assert_ptr_null(termkit_grammar(f.out.data, f.out.n));
		term_feed(f.b, f.out.data, f.out.n);
		assert_same(&f, SAME_BUT_HISTORY | SAME_BUT_QUIET);
		teardown(&f);
	}
	ck_assert_uint_gt(n_pieces, SEEDS);
}
END_TEST

START_TEST(lines_that_come_faster_than_an_attach_paints_them_are_counted)
{
	struct term_paint how = { .kind = TERM_PAINT_ATTACH, .history_lines = 10 };
	struct term *t = termkit_new(20, 4, 10), *terminal = termkit_new(20, 4, 500);
	struct term_buf out = { 0 };
	char line[32];
	unsigned n = 0, i, pieces = 0;
	bool wrapped;
	int r;

	do {
		for (i = 0; i < 15; i++) {
			snprintf(line, sizeof(line), "line %u\r\n", n++);
			term_feed(t, (const uint8_t *)line, strlen(line));
		}
		r = term_paint_some(t, &how, 40, &out);
		pieces++;
	} while (r == TERM_PAINT_MORE);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_lt(pieces, 2 * how.history_lines + 2);
	term_feed(terminal, out.data, out.n);
	ck_assert_ptr_null(termkit_same(t, terminal, SAME_BUT_HISTORY | SAME_BUT_QUIET));
	ck_assert_ptr_nonnull(memmem(out.data, out.n, "lines not shown]", 16));
	/* what was painted and what was counted is all but the two lines before the ten asked for */
	for (n = i = 0; i < terminal->history.n; i++) {
		uint64_t cells[TERM_COLS_MAX];
		unsigned k = history_line(&terminal->history, i, cells, &wrapped), skipped = 0;

		for (unsigned x = 1; k && cells[0] << 40 >> 40 == '[' && x < k; x++)
			if ((cells[x] & CELL_CODE) >= '0' && (cells[x] & CELL_CODE) <= '9')
				skipped = skipped * 10 + (unsigned)(cells[x] & CELL_CODE) - '0';
		n += skipped ? skipped : k > 0;
	}
	ck_assert_uint_eq(n + 2, term_history_total(t));
	term_free(t);
	term_free(terminal);
	term_buf_done(&out);
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
		_cleanup_(term_filter_freep) struct term_filter *filter = termkit_filter();
		struct term_paint how = {
			.kind = round % 3, .history_lines = 50, .cols = 30, .rows = 9
		};
		struct term_buf passed = { 0 };
		struct fixture f;

		setup(&f, round);
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

/* ---- what modes do together, at the edges of a small screen ---- */

/* Sequences that meet each other: margins, origin, insert, wraps pending, wide characters that do not
 * fit, protection, colours that fill; n of them. Left out is what no paint can restore: the alternate
 * screen is entered anew, and its cursor saved. */
static void put_edges(uint64_t *seed, unsigned n, struct out *o)
{
	static const char *const pieces[] = { "x", "ab", "\xe6\xbc\xa2", "e\xcc\x81", "\xcc\x88",
		"wide\xe6\xbc\xa2wide", "\t", "\b", "\r", "\n", "\n\n", "\033D", "\033M", "\033E",
		"\0337", "\0338", "\033[?6h", "\033[?6l", "\033[?7h", "\033[?7l", "\033[4h",
		"\033[4l", "\033[20h", "\033[20l", "\033[?45h", "\033[?45l", "\033[%;%r", "\033[r",
		"\033[%;%H", "\033[%H", "\033[%G", "\033[%d", "\033[99G", "\033[99;99H", "\033[%A",
		"\033[%B", "\033[%C", "\033[%D", "\033[%@", "\033[%P", "\033[%X", "\033[%L",
		"\033[%M", "\033[%S", "\033[%T", "\033[K", "\033[1K", "\033[2K", "\033[J",
		"\033[1J", "\033[2J", "\033[?K", "\033[?1K", "\033[?J", "\033[?1J", "\033[1\"q",
		"\033[0\"q", "\033[44m", "\033[7;31m", "\033[m", "\033(0", "\033(B", "\033)0",
		"\x0e", "\x0f", "x\033[%b", "\xe6\xbc\xa2\033[%b", "\033H", "\033[g", "\033[%I",
		"\033[%Z", "\033#8", "\033[!p", "\033[?1049h\0337", "\033[?1049l", "\033[%e",
		"\033[%a", "\033[%`", "\033[%E", "\033[%F" };

	while (n--)
		for (const char *p = pieces[termkit_random(seed) % ARRAY_SIZE(pieces)]; *p; p++) {
			if (*p == '%')
				out_format(o, "%u", termkit_random(seed) % 12);
			else
				out_byte(o, (uint8_t)*p);
		}
}

static void feed_edges(uint64_t *seed, unsigned n, struct term *a, struct term *b)
{
	struct term_buf stream = { 0 };
	struct out o = { .buf = &stream };

	put_edges(seed, n, &o);
	term_feed(a, stream.data, stream.n);
	if (b)
		term_feed(b, stream.data, stream.n);
	term_buf_done(&stream);
}

START_TEST(a_painted_terminal_goes_on_as_the_model_does_whatever_modes_meet)
{
	for (unsigned round = 0; round < suite_times(EDGES); round++) {
		const struct term_paint how = { .kind = round % 2 ? TERM_PAINT_SCREEN
								  : TERM_PAINT_ATTACH };
		uint64_t seed = round * UINT64_C(104729) + 5;
		struct fixture f = { .round = round };

		f.a = termkit_new(
			1 + termkit_random(&seed) % 12, 1 + termkit_random(&seed) % 6, 50);
		feed_edges(&seed, 40, f.a, NULL);
		if (round % 4 == 0)
			ck_assert_int_eq(term_resize(f.a, 1 + termkit_random(&seed) % 12,
						 1 + termkit_random(&seed) % 6),
				0);
		f.b = termkit_new(f.a->cols, f.a->rows, 50);
		ck_assert_int_eq(term_paint(f.a, &how, &f.out), 0);
		term_feed(f.b, f.out.data, f.out.n);
		assert_same(&f, SAME_BUT_HISTORY | SAME_BUT_QUIET);
		for (unsigned i = 0; i < 10; i++) {
			feed_edges(&seed, 3, f.a, f.b);
			assert_same(&f, SAME_BUT_HISTORY | SAME_BUT_QUIET);
		}
		teardown(&f);
	}
}
END_TEST

START_TEST(how_rows_are_stored_never_shows)
{
	for (unsigned round = 0; round < suite_times(EDGES); round++) {
		uint64_t seed = round * UINT64_C(15485863) + 7, storage = seed;
		struct fixture f = { .round = round };
		unsigned cols = 1 + termkit_random(&seed) % 40,
			 rows = 1 + termkit_random(&seed) % 6;

		f.a = termkit_new(cols, rows, 50);
		f.b = termkit_new(cols, rows, 50);
		for (unsigned i = 0; i < 10; i++) {
			feed_edges(&seed, 4, f.a, f.b);
			if (i % 3 == 2) {
				cols = 1 + termkit_random(&seed) % 40;
				rows = 1 + termkit_random(&seed) % 6;
				ck_assert_int_eq(term_resize(f.a, cols, rows), 0);
				ck_assert_int_eq(term_resize(f.b, cols, rows), 0);
			}
			assert_same(&f, 0);
			termkit_store_otherwise(f.b, &storage);
			assert_same(&f, 0);
		}
		teardown(&f);
	}
}
END_TEST

/* REP, and a mark that joins what is before it, as the very next thing. */
START_TEST(a_painted_terminal_knows_the_character_before_the_cursor)
{
	static const char *const streams[] = { "ab", "\xe6\xbc\xa2", "0123456789", "e\xcc\x81",
		"\x1b[31mred", "\x1b[?6h\x1b[2;3rx", "\x1b[1\"qp", "two\r\nlines", "\x1b(B\x0fx",
		"12345678\xe6\xbc\xa2", "\x1b[?1049hover" };
	static const char *const next[] = { "\x1b[2b", "\xcc\x88", "\xcc\x88\x1b[2b" };

	for (unsigned i = 0; i < ARRAY_SIZE(streams) * ARRAY_SIZE(next) * 2; i++) {
		const struct term_paint how = { .kind = i % 2 ? TERM_PAINT_SCREEN
							      : TERM_PAINT_ATTACH };
		const char *stream = streams[i / 2 % ARRAY_SIZE(streams)],
			   *more = next[i / 2 / ARRAY_SIZE(streams)];
		struct fixture f = { .round = i };

		f.a = termkit_new(10, 4, 0);
		f.b = termkit_new(10, 4, 0);
		term_feed(f.a, (const uint8_t *)stream, strlen(stream));
		ck_assert_int_eq(term_paint(f.a, &how, &f.out), 0);
		term_feed(f.b, f.out.data, f.out.n);
		ck_assert_uint_eq(f.b->last, f.a->last);
		term_feed(f.a, (const uint8_t *)more, strlen(more));
		term_feed(f.b, (const uint8_t *)more, strlen(more));
		assert_same(&f, SAME_BUT_HISTORY | SAME_BUT_QUIET);
		teardown(&f);
	}
}
END_TEST

/* A written space is part of its line, and would be wrapped into a row of its own. */
START_TEST(a_wrap_pending_on_a_saved_blank_adds_nothing_to_the_line_of_a_painted_terminal)
{
	static const char *const streams[] = {
		"\x1b[2;10Hx\0337\x1b[Htop\x1b[J",
		"\x1b[2;10Hx\0337\x1b[2;5H\x1b[44m\x1b[K\x1b[mmore",
		"\x1b[?6h\x1b[2;10Hx\0337\x1b[?6l\x1b[H\x1b[Jtop",
		"\x1b[2;10Hx\x1b[2K\x1b[?1049hbehind the other screen",
		"\x1b[?1049h\x1b[2;10Hx\0337\x1b[H\x1b[Jtop",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(streams) * 2; i++) {
		const struct term_paint how = { .kind = i % 2 ? TERM_PAINT_SCREEN
							      : TERM_PAINT_ATTACH };
		struct fixture f = { .round = i };

		f.a = termkit_new(10, 4, 0);
		f.b = termkit_new(10, 4, 0);
		term_feed(f.a, (const uint8_t *)streams[i / 2], strlen(streams[i / 2]));
		ck_assert_int_eq(term_paint(f.a, &how, &f.out), 0);
		term_feed(f.b, f.out.data, f.out.n);
		assert_same(&f, SAME_BUT_HISTORY | SAME_BUT_QUIET);
		ck_assert(f.b->screens[0].saved.pending || f.b->screens[1].saved.pending);
		ck_assert_int_eq(term_resize(f.a, 7, 4), 0);
		ck_assert_int_eq(term_resize(f.b, 7, 4), 0);
		assert_same(&f, SAME_BUT_HISTORY | SAME_BUT_QUIET);
		teardown(&f);
	}
}
END_TEST

TEST_MAIN("term_laws", a_stream_cut_anywhere_leaves_the_same_model,
	a_paint_brings_a_fresh_terminal_to_the_same_model,
	an_attach_brings_all_of_the_history_into_the_scrollback,
	an_attach_in_pieces_is_the_attach_in_one,
	an_attach_in_pieces_shows_the_model_that_has_moved_on_meanwhile,
	lines_that_come_faster_than_an_attach_paints_them_are_counted,
	a_paint_brings_a_terminal_in_any_state_to_the_same_model,
	a_filtered_stream_shows_the_same_and_asks_nothing,
	a_filter_gives_the_same_bytes_however_the_stream_is_cut,
	a_paint_passes_the_filter_unchanged,
	a_painted_terminal_goes_on_as_the_model_does_whatever_modes_meet,
	how_rows_are_stored_never_shows, a_painted_terminal_knows_the_character_before_the_cursor,
	a_wrap_pending_on_a_saved_blank_adds_nothing_to_the_line_of_a_painted_terminal)
