#include "tests/suite.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_VTERM
#include <vterm.h>
#endif

#include "tests/termkit.h"

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
/* What libvterm shows in a cell, against the model's; it knows no more of a cell that both have. */
static void compare_cell(const struct stream *s, size_t at, const struct term *t,
	VTermScreen *screen, unsigned x, unsigned y)
{
	VTermPos pos = { .row = (int)y, .col = (int)x };
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];
	uint64_t cell = row_cell(term_row(t, y), x);
	unsigned n = cell_codes(t, cell, codes);
	VTermScreenCell theirs;

	vterm_screen_get_cell(screen, pos, &theirs);
	if (cell & CELL_TAIL)
		return;
	if (!n || (n == 1 && codes[0] == ' ')) {
		ck_assert_msg(theirs.chars[0] == 0 || theirs.chars[0] == ' ',
			"%s at %zu: %u,%u: %x", s->name, at, x, y, theirs.chars[0]);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		ck_assert_msg(theirs.chars[i] == codes[i], "%s at %zu: %u,%u: %x, not %x", s->name,
			at, x, y, codes[i], theirs.chars[i]);
	ck_assert_msg((bool)theirs.attrs.bold ==
				      (bool)(style_get(t, cell_style(cell)).attrs & ATTR_BOLD) &&
			      (bool)theirs.attrs.reverse ==
				      (bool)(style_get(t, cell_style(cell)).attrs & ATTR_REVERSE),
		"%s at %zu: %u,%u: attributes", s->name, at, x, y);
}

static void compare_screen(
	const struct stream *s, size_t at, const struct term *t, VTerm *vt, VTermScreen *screen)
{
	VTermPos cursor;

	vterm_state_get_cursorpos(vterm_obtain_state(vt), &cursor);
	ck_assert_msg(cursor.row == (int)t->cursor.y && cursor.col == (int)t->cursor.x,
		"%s at %zu: cursor %u,%u, not %d,%d", s->name, at, t->cursor.x, t->cursor.y,
		cursor.col, cursor.row);
	for (unsigned y = 0; y < s->rows; y++)
		for (unsigned x = 0; x < s->cols; x++)
			compare_cell(s, at, t, screen, x, y);
}

/* What libvterm 0.1.4 does otherwise, and @xterm/headless as the model. */
static const struct {
	const char *stream, *why;
} vterm_faults[] = {
	{ "charsets-", "other code points for DEC special graphics" },
	{ "elinks-", "half of an overwritten wide character stays" },
	{ "gcc-", "EL with a wrap pending erases the last column" },
	{ "gdb-", "DECSTBM leaves the cursor" },
	{ "links-", "half of an overwritten wide character stays" },
	{ "lynx-", "half of an overwritten wide character stays" },
	{ "multitail-", "DECSTBM leaves the cursor" },
	{ "nano-", "DECSTBM leaves the cursor" },
	{ "ncurses-background-", "other code points for DEC special graphics" },
	{ "ncurses-lrtest-", "DECSTBM leaves the cursor" },
	{ "regions-", "DECSTBM leaves the cursor" },
	{ "screens-", "knows 1049 alone of the modes for the alternate screen" },
	{ "sixel-", "APC and PM are no strings" },
	{ "tput-", "DECSTBM leaves the cursor" },
	{ "unicode-damage-", "another count of replacement characters" },
	{ "unicode-narrow-", "an older table of combining marks" },
	{ "unicode-wide-", "an older table of wide characters" },
	{ "vim-wide-", "half of an overwritten wide character stays" },
	{ "vttest-", "has lines of double width, and 132 columns" },
	{ "w3m-80x24", "half of an overwritten wide character stays" },
};

static bool vterm_excepted(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(vterm_faults); i++)
		if (strncmp(name, vterm_faults[i].stream, strlen(vterm_faults[i].stream)) == 0)
			return true;
	return false;
}

static void try_oracle(const struct stream *s)
{
	VTerm *vt = vterm_new((int)s->rows, (int)s->cols);
	VTermScreen *screen = vterm_obtain_screen(vt);
	struct term *t = termkit_new(s->cols, s->rows, HISTORY_LINES);
	const unsigned n_cuts = cuts() * 4;
	size_t fed = 0;

	vterm_set_utf8(vt, 1);
	vterm_screen_enable_altscreen(screen, 1);
	vterm_screen_reset(screen, 1);
	for (unsigned i = 1; i <= n_cuts && !vterm_excepted(s->name); i++) {
		size_t cut = s->bytes.n * i / n_cuts, at, n = 0;

		while (cut < s->bytes.n && (s->bytes.data[cut] & 0xc0) == 0x80)
			cut++; /* a character torn is lost to it */
		term_feed(t, s->bytes.data + fed, cut - fed);
		at = cut - term_pending(t);
		for (size_t k = fed; k < cut; k += n) {
			n = min_size(1024, cut - k); /* more at once overflows its stack */
			while (k + n < s->bytes.n && (s->bytes.data[k + n] & 0xc0) == 0x80 && n > 4)
				n--;
			vterm_input_write(vt, (const char *)s->bytes.data + k, n);
		}
		if (at == cut)
			compare_screen(s, at, t, vt, screen);
		fed = cut;
	}
	term_free(t);
	vterm_free(vt);
}

START_TEST(a_recorded_stream_shows_what_libvterm_shows)
{
	each_stream(try_oracle);
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
