#include "tests/suite.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "common/term/width.h"
#include "tests/termkit.h"

#ifdef HAVE_VTERM
#include "tests/term-tools/vterm_mend.h"
#endif

#define CUTS 3         /* of each stream; TERM_STREAMS_CUTS says how many else: make proof-term */
#define DIFFERENCES 24 /* paints of each stream */
#define HISTORY_LINES 200

/* A recorded stream, NAME-COLSxROWS.vt of tests/corpus/streams. */
struct stream {
	char name[64];
	unsigned cols, rows;
	struct term_buf bytes;
};

static void stream_load(struct stream *s, const char *dir, const char *name)
{
	struct out o = { .buf = &s->bytes };
	uint8_t piece[4096];
	char path[512];
	const char *size = strrchr(name, '-');
	size_t n;
	FILE *f;

	snprintf(s->name, sizeof(s->name), "%s", name);
	ck_assert_msg(size && sscanf(size, "-%ux%u.vt", &s->cols, &s->rows) == 2, "%s", name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	ck_assert_ptr_nonnull(f);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		out_bytes(&o, piece, n);
	fclose(f);
	ck_assert_int_eq(o.r, 0);
}

/* Calls fn for each recorded stream, or for some where time is short; there are sixty at least. */
static void each_stream(void (*fn)(const struct stream *s))
{
	const char *src = getenv("srcdir"); /* set by make check */
	const unsigned step = getenv("TEST_LIGHT") ? 9 : 1;
	struct dirent *entry;
	unsigned n = 0;
	char path[300];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/tests/corpus/streams", src ? src : ".");
	dir = opendir(path);
	ck_assert_msg(dir, "%s", path);
	for (entry = readdir(dir); entry; entry = readdir(dir)) {
		struct stream s = { .cols = 0 };

		if (!strstr(entry->d_name, ".vt") || (n++ % step) != 0)
			continue;
		stream_load(&s, path, entry->d_name);
		fn(&s);
		term_buf_done(&s.bytes);
	}
	closedir(dir);
	ck_assert_uint_ge(n, 60);
}

static unsigned cuts(void)
{
	const char *wanted = getenv("TERM_STREAMS_CUTS");

	return wanted ? (unsigned)strtoul(wanted, NULL, 10) : CUTS;
}

static struct term *model(const struct stream *s, size_t n)
{
	struct term *t = termkit_new(s->cols, s->rows, HISTORY_LINES);

	term_feed(t, s->bytes.data, n);
	return t;
}

static void assert_same(
	const struct stream *s, size_t at, struct term *a, struct term *b, unsigned but)
{
	const char *differs = termkit_same(a, b, but);

	ck_assert_msg(!differs, "%s at %zu: %s", s->name, at, differs);
}

static void try_chunks(const struct stream *s)
{
	struct term *whole = model(s, s->bytes.n);

	for (uint64_t seed = 1; seed <= cuts(); seed++) {
		struct term *torn = termkit_new(s->cols, s->rows, HISTORY_LINES);
		uint64_t random = seed;

		for (size_t i = 0, n; i < s->bytes.n; i += n) {
			n = min_size(1 + termkit_random(&random) % (1u << (seed + 5) % 12),
				s->bytes.n - i);
			term_feed(torn, s->bytes.data + i, n);
		}
		assert_same(s, seed, whole, torn, 0);
		term_free(torn);
	}
	term_free(whole);
}

START_TEST(a_recorded_stream_leaves_the_same_model_however_it_is_cut)
{
	each_stream(try_chunks);
}
END_TEST

/* Saved titles are not painted: one that is restored after the paint is another. */
static bool pops_titles(const struct stream *s)
{
	return memmem(s->bytes.data, s->bytes.n, "\033[23", 4) != NULL;
}

/* A terminal that is painted at a cut, and gets the rest raw, ends like one that saw it all. */
static void try_paints(const struct stream *s)
{
	struct term *whole = model(s, s->bytes.n);
	const unsigned n_cuts = cuts();

	for (unsigned i = 0; i < n_cuts; i++) {
		const struct term_paint how = { .kind = i % 2, .history_lines = HISTORY_LINES };
		size_t cut = s->bytes.n * i / n_cuts;
		struct term_buf paint = { 0 };
		struct term *t = model(s, cut), *terminal;
		const uint64_t pending = term_pending(t);

		term_free(t);
		if (pending == UINT64_MAX) /* raw output resumes later */
			continue;
		cut -= pending;
		t = model(s, cut);
		terminal = termkit_new(s->cols, s->rows, HISTORY_LINES);
		ck_assert_int_eq(term_paint(t, &how, &paint), 0);
		term_feed(terminal, paint.data, paint.n);
		assert_same(s, cut, t, terminal, SAME_BUT_HISTORY | SAME_BUT_QUIET);
		term_feed(terminal, s->bytes.data + cut, s->bytes.n - cut);
		if (!pops_titles(s))
			assert_same(s, cut, whole, terminal,
				SAME_BUT_HISTORY | SAME_BUT_QUIET | SAME_BUT_SAVED);
		term_free(t);
		term_free(terminal);
		term_buf_done(&paint);
	}
	term_free(whole);
}

START_TEST(a_terminal_painted_anywhere_in_a_recorded_stream_ends_as_if_it_had_seen_it_all)
{
	each_stream(try_paints);
}
END_TEST

static size_t bytes_painted, bytes_whole;

/* Painted by differences while the stream comes, on a terminal of another size: as one painted whole. */
static void try_differences(const struct stream *s)
{
	struct term *t = model(s, 0), *terminal = termkit_new(s->cols * 3 / 4, s->rows, 0);
	struct term_shadow *shadow = NULL;
	struct term_buf out = { 0 };
	size_t n, one;

	ck_assert_int_eq(term_shadow_new(&shadow, s->cols * 3 / 4, s->rows), 0);
	for (size_t i = 0; i < s->bytes.n; i += n) {
		struct term *other;

		n = min_size(1 + s->bytes.n / DIFFERENCES, s->bytes.n - i);
		term_feed(t, s->bytes.data + i, n);
		out.n = 0;
		ck_assert_int_eq(term_shadow_paint(shadow, t, SIZE_MAX, &out), 0);
		ck_assert_ptr_null(termkit_grammar(out.data, out.n));
		term_feed(terminal, out.data, out.n);
		other = termkit_painted(t, shadow, &one);
		assert_same(s, i + n, other, terminal, SAME_BUT_HISTORY | SAME_BUT_QUIET);
		term_free(other);
		bytes_painted += out.n;
		bytes_whole += one;
	}
	term_shadow_free(shadow);
	term_buf_done(&out);
	term_free(terminal);
	term_free(t);
}

START_TEST(a_recorded_stream_painted_by_differences_shows_what_whole_paints_show)
{
	bytes_painted = bytes_whole = 0;
	each_stream(try_differences);
	ck_assert_msg(bytes_painted < bytes_whole / 3, "%zu bytes, %zu whole", bytes_painted,
		bytes_whole);
}
END_TEST

static void try_filter(const struct stream *s)
{
	_cleanup_(term_filter_freep) struct term_filter *f = NULL;
	struct term *raw = model(s, s->bytes.n),
		    *seen = termkit_new(s->cols, s->rows, HISTORY_LINES);
	struct term_buf out = { 0 };
	size_t n;

	ck_assert_int_eq(term_filter_new(&f, false), 0);
	ck_assert_int_eq(term_filter_feed(f, s->bytes.data, s->bytes.n, &out), 0);
	term_feed(seen, out.data, out.n);
	term_replies(seen, &n);
	ck_assert_uint_eq(n, 0);
	assert_same(s, 0, raw, seen, SAME_BUT_QUIET);
	term_free(raw);
	term_free(seen);
	term_buf_done(&out);
}

START_TEST(a_recorded_stream_shows_the_same_through_the_filter)
{
	each_stream(try_filter);
}
END_TEST

#ifdef HAVE_VTERM
/* What libvterm 0.1.4 does otherwise, and vterm_mend.h does not mend: in a column of a row, or in each (-1). */
static const struct {
	const char *stream;
	int x, y;
	const char *why;
} vterm_faults[] = {
	{ "gcc-80x24.vt", 79, -1, "EL with a wrap pending erases the last column" },
	{ "screens-80x24.vt", -1, 9, "the alternate screen is cleared by mode 47" },
	{ "unicode-damage-80x24.vt", -1, 9, "a mark at the start of a row gets a cell" },
};

static bool vterm_excepted(const struct stream *s, unsigned x, unsigned y)
{
	for (unsigned i = 0; i < ARRAY_SIZE(vterm_faults); i++)
		if (strcmp(s->name, vterm_faults[i].stream) == 0 &&
			(vterm_faults[i].x < 0 || vterm_faults[i].x == (int)x) &&
			(vterm_faults[i].y < 0 || vterm_faults[i].y == (int)y))
			return true;
	return false;
}

static bool has_other_width(const struct term *t, const struct row *row)
{
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];

	for (unsigned x = 0; x < row_length(row, t->cols); x++)
		for (unsigned n = cell_codes(t, row_cell(row, x), codes), i = 0; i < n; i++)
			if (codes[i] > 0x7f &&
				(int)width_of(codes[i]) != vterm_mend_columns(codes[i]))
				return true;
	return false;
}

/* Whether the row above the screen goes on in its first one, and has such a character. */
static bool is_unsure_above(const struct term *t)
{
	uint64_t cells[TERM_COLS_MAX];
	struct row row = { .cells = cells };

	if (!t->history.n)
		return false;
	row.used = (uint16_t)history_line(&t->history, t->history.n - 1, cells, &row.wrapped);
	return row.wrapped && has_other_width(t, &row);
}

/* Or may do so in libvterm alone, where characters are wider: the line that is being written. */
static bool goes_on(const struct term *t, unsigned y)
{
	return term_row(t, y)->wrapped || t->cursor.y == y;
}

/* Whether the line of a row has a character that is newer than libvterm's tables of widths. */
static bool is_unsure(const struct term *t, unsigned y)
{
	bool r = has_other_width(t, term_row(t, y));

	for (; !r && y > 0 && goes_on(t, y - 1); y--)
		r = has_other_width(t, term_row(t, y - 1));
	return r || (y == 0 && is_unsure_above(t));
}

/* NULL, or in what a cell differs; libvterm knows no more of one that both have. */
static const char *differs(
	const struct term *t, const struct vterm_mend *oracle, unsigned x, unsigned y)
{
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];
	const uint64_t cell = row_cell(term_row(t, y), x);
	const unsigned n = cell_codes(t, cell, codes);
	const uint32_t attrs = style_get(t, cell_style(cell)).attrs;
	const bool reversed = term_mode(t, TERM_MODE_REVERSE); /* it tells that by cell */
	VTermScreenCell theirs;

	vterm_mend_cell(oracle, (int)x, (int)y, &theirs);
	if (cell & CELL_TAIL)
		return theirs.chars[0] == UINT32_MAX ? NULL : "half of a wide character";
	if (!n || (n == 1 && codes[0] == ' '))
		return theirs.chars[0] == 0 || theirs.chars[0] == ' ' ? NULL : "no blank";
	for (unsigned i = 0; i < n; i++)
		if (theirs.chars[i] != codes[i])
			return "another character";
	return (bool)theirs.attrs.bold == (bool)(attrs & ATTR_BOLD) &&
			       (bool)theirs.attrs.reverse ==
				       (reversed != (bool)(attrs & ATTR_REVERSE))
		       ? NULL
		       : "attributes";
}

static unsigned n_rows, n_rows_unsure; /* compared; of these, excepted by their characters */

static void compare_row(const struct stream *s, size_t at, const struct term *t,
	const struct vterm_mend *oracle, unsigned y)
{
	const char *what = NULL;
	unsigned x;

	for (x = 0; x < s->cols && !what; x++)
		what = vterm_excepted(s, x, y) ? NULL : differs(t, oracle, x, y);
	n_rows++;
	n_rows_unsure += what != NULL;
	ck_assert_msg(
		!what || is_unsure(t, y), "%s at %zu: %u,%u: %s", s->name, at, x - 1, y, what);
}

static void compare_screen(
	const struct stream *s, size_t at, const struct term *t, const struct vterm_mend *oracle)
{
	const VTermPos cursor = vterm_mend_cursor(oracle);
	const unsigned y = t->cursor.y;
	/* with a wrap pending behind a wide character it says the first half */
	const bool tail = t->cursor.pending && row_cell(term_row(t, y), t->cursor.x) & CELL_TAIL;
	const unsigned x = t->cursor.x - tail;

	ck_assert_msg((cursor.row == (int)y && cursor.col == (int)x) || is_unsure(t, y),
		"%s at %zu: cursor %u,%u, not %d,%d", s->name, at, x, y, cursor.col, cursor.row);
	ck_assert_msg(vterm_mend_alternate(oracle) == term_alternate(t), "%s at %zu", s->name, at);
	for (unsigned i = 0; i < s->rows; i++)
		compare_row(s, at, t, oracle, i);
}

static void try_oracle(const struct stream *s)
{
	struct vterm_mend *oracle = vterm_mend_new((int)s->cols, (int)s->rows);
	struct term *t = termkit_new(s->cols, s->rows, HISTORY_LINES);
	const unsigned n_cuts = cuts() * 4;
	size_t fed = 0;

	ck_assert_ptr_nonnull(oracle);
	for (unsigned i = 1; i <= n_cuts; i++) {
		size_t cut = s->bytes.n * i / n_cuts, at;

		while (cut < s->bytes.n && (s->bytes.data[cut] & 0xc0) == 0x80)
			cut++; /* a character torn is lost to it */
		term_feed(t, s->bytes.data + fed, cut - fed);
		at = cut - term_pending(t);
		vterm_mend_feed(oracle, (const char *)s->bytes.data + fed, cut - fed);
		if (at == cut)
			compare_screen(s, at, t, oracle);
		fed = cut;
	}
	term_free(t);
	vterm_mend_free(oracle);
}

START_TEST(a_recorded_stream_shows_what_libvterm_shows)
{
	n_rows = n_rows_unsure = 0;
	each_stream(try_oracle);
	ck_assert_msg(n_rows_unsure * 1000 < n_rows, "%u of %u rows", n_rows_unsure, n_rows);
}
END_TEST
#endif

TEST_MAIN("term_streams", a_recorded_stream_leaves_the_same_model_however_it_is_cut,
	a_terminal_painted_anywhere_in_a_recorded_stream_ends_as_if_it_had_seen_it_all,
#ifdef HAVE_VTERM
	a_recorded_stream_shows_what_libvterm_shows,
#endif
	a_recorded_stream_painted_by_differences_shows_what_whole_paints_show,
	a_recorded_stream_shows_the_same_through_the_filter)
