#include "tests/term_world.h"

#include <stdio.h>

static void assert_screen(const char *want, const char *input)
{
	struct term_buf b = { 0 };

	ck_assert_int_eq(term_text(t, &b), 0);
	ck_assert_msg(b.n == strlen(want) && memcmp(b.data, want, b.n) == 0, "%s:\n%.*s", input,
		(int)b.n, (const char *)b.data);
	term_buf_done(&b);
}

static struct style style_at(unsigned x, unsigned y)
{
	return style_get(t, cell_style(row_cell(term_row(t, y), x)));
}

struct example {
	const char *input, *screen;
	unsigned x, y;
};

/* 10 columns, 4 rows. */
static const struct example examples[] = {
	/* text, controls, wrapping */
	{ "abc\r\ndef", "abc\ndef\n\n", 3, 1 },
	{ "0123456789", "0123456789\n\n\n", 9, 0 },
	{ "0123456789a", "0123456789\na\n\n", 1, 1 },
	{ "0123456789\ra", "a123456789\n\n\n", 1, 0 },
	{ "0123456789\b!", "01234567!9\n\n\n", 9, 0 },
	{ "\033[?7l0123456789abc", "012345678c\n\n\n", 9, 0 },
	{ "a\tb\tc", "a       bc\n\n\n", 9, 0 },
	{ "a\vb\fc", "a\n b\n  c\n", 3, 2 },
	{ "1\n2\n3\n4\n5", " 2\n  3\n   4\n    5", 5, 3 },
	{ "\033[20h1\n2", "1\n2\n\n", 1, 1 },
	{ "a\x7f\x01\x05z", "az\n\n\n", 2, 0 },
	{ "12345678\xe6\xbc\xa2\xe6\xbc\xa2", "12345678\xe6\xbc\xa2\n\xe6\xbc\xa2\n\n", 2, 1 },
	{ "123456789\xe6\xbc\xa2", "123456789\n\xe6\xbc\xa2\n\n", 2, 1 },
	{ "\xe6\xbc\xa2\b!", " !\n\n\n", 2, 0 },
	{ "\xe6\xbc\xa2\r!", "!\n\n\n", 1, 0 },
	{ "e\xcc\x81x", "e\xcc\x81x\n\n\n", 2, 0 },
	{ "\xcc\x81x", "x\n\n\n", 1, 0 },
	{ "\xc2\x9b"
	  "31mx",
		"31mx\n\n\n", 4, 0 },
	{ "\x9b"
	  "6nx",
		"\xef\xbf\xbd"
		"6nx\n\n\n",
		4, 0 },
	{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n\n\n", 3, 0 },
	{ "\xf0\x9f\x98"
	  "a",
		"\xef\xbf\xbd"
		"a\n\n\n",
		2, 0 },
	/* cursor */
	{ "\033[3;5Hx", "\n\n    x\n", 5, 2 },
	{ "\033[99;99Hx", "\n\n\n         x", 9, 3 },
	{ "\033[2;2H\033[A\033[C\033[2B\033[D.", "\n\n .\n", 2, 2 },
	{ "\033[3;3H\033[Ea\033[2Fb", "\nb\n\na", 1, 1 },
	{ "\033[5Ga\033[2`b\033[3dc\033[ae\033[ef", " b  a\n\n  c e\n     f", 6, 3 },
	{ "\033[3;3H\0337\033[Hx\033"
	  "8y",
		"x\n\n  y\n", 3, 2 },
	{ "\033[3;3H\033[s\033[Hx\033[uy", "x\n\n  y\n", 3, 2 },
	{ "ab\033[3g\033[1;4H\033H\r\tx", "ab x\n\n\n", 4, 0 },
	{ "\t\033[Zx", "x\n\n\n", 1, 0 },
	{ "\033[2Ix", "         x\n\n\n", 9, 0 },
	{ "\033"
	  "Da\033"
	  "Eb\033Mc",
		"\nac\nb\n", 2, 1 },
	/* erasing, inserting, deleting */
	{ "0123456789\033[5G\033[K", "0123\n\n\n", 4, 0 },
	{ "0123456789\033[5G\033[1K", "     56789\n\n\n", 4, 0 },
	{ "0123456789\033[5G\033[2K", "\n\n\n", 4, 0 },
	{ "0123456789\033[K!", "0123456789\n!\n\n", 1,
		1 }, /* a wrap is pending: past the last column */
	{ "0123456789\033[2X\033[P\033[@!", "0123456789\n!\n\n", 1, 1 },
	{ "0123456789\t!", "0123456789\n!\n\n", 1, 1 },
	{ "a\r\nb\r\nc\033[2;1H\033[J", "a\n\n\n", 0, 1 },
	{ "a\r\nb\r\nc\033[2;1H\033[1J", "\n\nc\n", 0, 1 },
	{ "a\r\nb\r\nc\033[2J", "\n\n\n", 1, 2 },
	{ "abcdef\033[3G\033[2@", "ab  cdef\n\n\n", 2, 0 },
	{ "abcdef\033[3G\033[2P", "abef\n\n\n", 2, 0 },
	{ "abcdef\033[3G\033[2X", "ab  ef\n\n\n", 2, 0 },
	{ "a\r\nb\r\nc\033[2H\033[L", "a\n\nb\nc", 0, 1 },
	{ "a\r\nb\r\nc\033[2H\033[M", "a\nc\n\n", 0, 1 },
	{ "a\r\nb\r\nc\033[S", "b\nc\n\n", 1, 2 },
	{ "a\r\nb\r\nc\033[T", "\na\nb\nc", 1, 2 },
	{ "abc\033[4h\033[2Gx", "axbc\n\n\n", 2, 0 },
	{ "x\033[4b", "xxxxx\n\n\n", 5, 0 },
	{ "x\033[m\033[4b", "x\n\n\n", 1, 0 },
	{ "x\033[2b\033[4b", "xxx\n\n\n", 3, 0 },
	{ "x\033[65535b", "xxxxxxxxxx\nx\n\n", 1, 1 },
	{ "a\033[1\"qb\033[0\"qc\033[?2K", " b\n\n\n", 3, 0 },
	{ "a\033[1\"qb\033[0\"qc\033[2K", "\n\n\n", 3, 0 },
	{ "\xe6\xbc\xa2\xe5\xad\x97\033[2G\033[P", " \xe5\xad\x97\n\n\n", 1, 0 },
	{ "\033#8\033[2;2H\033[2X", "EEEEEEEEEE\nE  EEEEEEE\nEEEEEEEEEE\nEEEEEEEEEE", 1, 1 },
	/* region, origin */
	{ "1\r\n2\r\n3\r\n4\033[2;3r\033[3H\n", "1\n3\n\n4", 0, 2 },
	{ "1\r\n2\r\n3\r\n4\033[2;3r\033[2H\033M", "1\n\n2\n4", 0, 1 },
	{ "\033[2;3r\033[?6h\033[1;1Ha\033[9;1Hb", "\na\nb\n", 1, 2 },
	{ "\033[3;2rx", "x\n\n\n", 1, 0 },
	{ "\033[2;3r\033[4;1Ha\nb", "\n\n\nab", 2, 3 },
	/* screens */
	{ "abc\033[?1049hxyz\033[?1049l!", "abc!\n\n\n", 4, 0 },
	{ "abc\033[?1049hxyz", "   xyz\n\n\n", 6, 0 },
	{ "abc\033[?47h\033[Hxyz\033[?47l\033[?47h", "xyz\n\n\n", 3, 0 },
	{ "abc\033[?1047h\033[Hxyz\033[?1047l\033[?1047h", "\n\n\n", 3, 0 },
	/* charsets */
	{ "\033(0lqk\033(Bl", "\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x90l\n\n\n", 4, 0 },
	{ "\033)0q\x0eq\x0fq", "q\xe2\x94\x80q\n\n\n", 3, 0 },
	{ "\033*0\033Nqq", "\xe2\x94\x80q\n\n\n", 2, 0 },
	{ "\033(A#\033(B#", "\xc2\xa3#\n\n\n", 2, 0 },
	{ "\033(0q\033[2b", "\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80\n\n\n", 3, 0 },
	/* strings and damage */
	{ "a\033]0;t\x07"
	  "b\033Pq~~\033\\c\033_x\033\\d\033^x\033\\e\033Xx\033\\f",
		"abcdef\n\n\n", 6, 0 },
	{ "a\033[12\x18"
	  "b\033]0;x\x1a"
	  "c",
		"abc\n\n\n", 3, 0 },
	{ "a\033]0;x\033[2Gb", "ab\n\n\n", 2, 0 },
	{ "a\033[\n2Cb", "a\n   b\n\n", 4, 1 },
	{ "a\033[>5zb\033[1;2;3yc\033[ $pd", "abcd\n\n\n", 4, 0 },
	{ "a\033[1?5Cb", "ab\n\n\n", 2, 0 },
	{ "a\033[2:3Hb\033[:Ac", "abc\n\n\n", 3, 0 },
	{ "a\033[s\033[2;2H\033[97ub", "a\n b\n\n", 2, 1 },
	{ "a\033\xc3\xa9", "a\xc3\xa9\n\n\n", 2, 0 },
	{ "abc\033"
	  "c",
		"\n\n\n", 0, 0 },
};

START_TEST(each_sequence_does_what_the_table_says)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		const struct example *e = &examples[i];

		end();
		begin();
		feed(e->input);
		assert_screen(e->screen, e->input);
		ck_assert_msg(t->cursor.x == e->x && t->cursor.y == e->y, "%s: %u,%u", e->input,
			t->cursor.x, t->cursor.y);
	}
}
END_TEST

static const struct {
	const char *input;
	struct style style;
} attributes[] = {
	{ "\033[1;3;4;7m",
		{ .attrs = ATTR_BOLD | ATTR_ITALIC | ATTR_REVERSE | 1u << ATTR_UNDERLINE_SHIFT } },
	{ "\033[1;2;22;5;8;9;53m",
		{ .attrs = ATTR_BLINK | ATTR_HIDDEN | ATTR_STRIKE | ATTR_OVERLINE } },
	{ "\033[31;42m", { .fg = COLOR_INDEXED | 1, .bg = COLOR_INDEXED | 2 } },
	{ "\033[97;100m", { .fg = COLOR_INDEXED | 15, .bg = COLOR_INDEXED | 8 } },
	{ "\033[38;5;200;48;2;1;2;3m", { .fg = COLOR_INDEXED | 200, .bg = COLOR_RGB | 0x010203 } },
	{ "\033[38:5:200;48:2::1:2:3m", { .fg = COLOR_INDEXED | 200, .bg = COLOR_RGB | 0x010203 } },
	{ "\033[48:2:1:2:3m", { .bg = COLOR_RGB | 0x010203 } },
	{ "\033[4:3;58:5:9m",
		{ .attrs = 3u << ATTR_UNDERLINE_SHIFT, .underline = COLOR_INDEXED | 9 } },
	{ "\033[4;24;21m", { .attrs = 2u << ATTR_UNDERLINE_SHIFT } },
	{ "\033[4:0m", { 0 } },
	{ "\033[1;31m\033[m", { 0 } },
	{ "\033[1;31m\033[0;3m", { .attrs = ATTR_ITALIC } },
	{ "\033[38;5m\033[1m", { .attrs = ATTR_BOLD } },
	{ "\033[31;39;41;49;58;5;3;59m", { 0 } },
};

START_TEST(attributes_are_what_sgr_says_with_semicolons_or_colons)
{
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		struct style got;

		feed("\033[m\033[H");
		feed(attributes[i].input);
		feed("x");
		got = style_at(0, 0);
		ck_assert_msg(memcmp(&got, &attributes[i].style, sizeof(got)) == 0,
			"%s: %x %x %x %x", attributes[i].input, got.fg, got.bg, got.underline,
			got.attrs);
	}
}
END_TEST

START_TEST(erasing_leaves_the_background_and_nothing_else)
{
	feed("\033[1;44mab\033[K\033[3;1H\033[31;42m\033[X\033[m\033[3;2Hz");
	ck_assert_uint_eq(style_at(5, 0).bg, COLOR_INDEXED | 4);
	ck_assert_uint_eq(style_at(5, 0).attrs, 0);
	ck_assert_uint_eq(style_at(0, 2).bg, COLOR_INDEXED | 2);
	ck_assert_uint_eq(style_at(0, 2).fg, 0);
	ck_assert_uint_eq(style_at(1, 2).bg, 0);
}
END_TEST

/* ---- titles, strings ---- */

START_TEST(sec_c27_a_title_is_cleaned_and_cut_to_whole_characters)
{
	char want[TERM_TITLE_MAX + 1];

	feed("\033]0;a\tb\xe2\x80\xae"
	     "c\xc2\x9b"
	     "d\xffz\x07");
	ck_assert_str_eq(term_title(t), "abcdz");
	feed("\033]2;");
	repeat("x", TERM_TITLE_MAX - 1);
	feed("\xc3\xa9y\033\\");
	memset(want, 'x', sizeof(want));
	want[TERM_TITLE_MAX - 1] = '\0';
	ck_assert_str_eq(term_title(t), want);
	feed("\033]2;");
	repeat("x", TERM_TITLE_MAX + 1);
	feed("\x07");
	ck_assert_uint_eq(strlen(term_title(t)), TERM_TITLE_MAX);
	feed("\033]1;icon\x07");
	ck_assert_uint_eq(strlen(term_title(t)), TERM_TITLE_MAX);
}
END_TEST

START_TEST(titles_are_saved_and_restored_as_deep_as_the_stack)
{
	char title[16];

	for (unsigned i = 0; i <= TITLE_STACK_MAX; i++) {
		snprintf(title, sizeof(title), "\033]2;t%u\x07", i);
		feed(title);
		feed("\033[22;0t");
	}
	for (unsigned i = TITLE_STACK_MAX; i-- > 0;) {
		snprintf(title, sizeof(title), "t%u", i);
		feed("\033[23;0t");
		ck_assert_str_eq(term_title(t), title);
	}
	feed("\033[23;0t");
	ck_assert_str_eq(term_title(t), "t0");
	feed("\033[22;1t\033[22;9t\033[22;0;3t\033]2;new\a\033[23;0t");
	ck_assert_str_eq(term_title(t), "new");
	feed("\033[22;0;0t\033]2;newer\a\033[23;1t\033[23;2t");
	ck_assert_str_eq(term_title(t), "new");
}
END_TEST

START_TEST(sec_c28_a_control_string_is_kept_to_its_bound_and_skipped_to_its_end)
{
	feed("\033]0;");
	repeat("0123456789abcdef", TERM_STRING_MAX / 16 + 10);
	ck_assert_uint_le(t->string.n, TERM_STRING_MAX);
	ck_assert(!term_ground(t));
	ck_assert_uint_eq(term_pending(t), 4 + TERM_STRING_MAX + 160);
	feed("\x07ok");
	ck_assert(term_ground(t));
	assert_screen("ok\n\n\n", "after the string");
	ck_assert_str_eq(term_title(t), "");
	ck_assert_uint_lt(t->string.cap, TERM_STRING_MAX);
	for (size_t n = TERM_STRING_MAX; n <= TERM_STRING_MAX + 1;
		n++) { /* the last that is heard */
		feed("\033]2;\x07\033]2;");
		repeat("x", n - 2);
		feed("\x07");
		ck_assert_uint_eq(strlen(term_title(t)), n == TERM_STRING_MAX ? TERM_TITLE_MAX : 0);
	}
}
END_TEST

START_TEST(parameters_are_clamped_and_counted)
{
	feed("\033[4294967297Cx");
	assert_screen("         x\n\n\n", "a count beyond 32 bits moves to the edge");
	feed("\033[H\033[");
	repeat("1;", PARSE_PARAMS_MAX - 1);
	feed("4mx\033[m\033[H\033[2C");
	ck_assert_uint_eq(style_at(0, 0).attrs, ATTR_BOLD | 1u << ATTR_UNDERLINE_SHIFT);
	feed("\033[H\033[");
	repeat("1;", PARSE_PARAMS_MAX);
	feed("4mx");
	ck_assert_uint_eq(style_at(0, 0).attrs, ATTR_BOLD);
}
END_TEST

START_TEST(a_cell_holds_so_many_code_points_and_no_more)
{
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];

	feed("a");
	repeat("\xcc\x81", TERM_CELL_CODEPOINTS_MAX - 1);
	ck_assert_uint_eq(
		cell_codes(t, row_cell(term_row(t, 0), 0), codes), TERM_CELL_CODEPOINTS_MAX);
	feed("\xcc\x82");
	ck_assert_uint_eq(
		cell_codes(t, row_cell(term_row(t, 0), 0), codes), TERM_CELL_CODEPOINTS_MAX);
	ck_assert_uint_eq(codes[TERM_CELL_CODEPOINTS_MAX - 1], 0x301);
}
END_TEST

START_TEST(a_mark_joins_a_blank_however_the_blank_came_to_be)
{
	static const char *const ways[] = { "\033[4G", "abc\033[1J", "abc\033[1K",
		"abcdef\033[4G\033[1K", "abc\b\033[K\033[4G", "abc\033[2K", "   ",
		"\033[44m\033[2J\033[4G" };

	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		uint32_t codes[TERM_CELL_CODEPOINTS_MAX];

		feed("\033c");
		feed(ways[i]);
		feed("\xe2\x80\x8d");
		ck_assert_msg(
			cell_codes(t, row_cell(term_row(t, 0), 2), codes) == 2, "%s", ways[i]);
		ck_assert_uint_eq(codes[0], ' ');
		ck_assert_uint_eq(codes[1], 0x200d);
	}
}
END_TEST

/* ---- bounds of what is kept ---- */

START_TEST(history_keeps_so_many_lines_and_counts_them_all)
{
	char line[16];

	for (unsigned i = 0; i < 20; i++) {
		snprintf(line, sizeof(line), "line %u\r\n", i);
		feed(line);
	}
	ck_assert_uint_eq(term_history_total(t), 17);
	ck_assert_uint_eq(t->history.n, 5);
	feed("\033[3J");
	ck_assert_uint_eq(t->history.n, 0);
	ck_assert_uint_eq(term_history_total(t), 17);
	feed("\033[?1049h\n\n\n\n\n");
	ck_assert_uint_eq(term_history_total(t), 17);
}
END_TEST

START_TEST(history_of_costly_lines_is_bounded_in_bytes)
{
	term_free(t);
	t = termkit_new(200, 2, 100);
	for (unsigned i = 0; i < 400; i++) {
		for (unsigned x = 0; x < 200; x++) {
			char cell[48];

			snprintf(cell, sizeof(cell), "\033[38;5;%um\xe2\x82\xac", (x + i) % 256);
			feed(cell);
		}
		feed("\r\n");
	}
	ck_assert_uint_le(t->history.bytes, 100 * HISTORY_LINE_BYTES);
	ck_assert_uint_ge(t->history.n, 10);
	ck_assert_uint_le(t->history.n, 100);
}
END_TEST

START_TEST(styles_beyond_any_number_cost_colours_not_memory)
{
	size_t memory = 0;

	for (unsigned i = 0; i < 300000; i++) {
		char cell[40];

		snprintf(
			cell, sizeof(cell), "\033[38;2;%u;%u;%umx", i >> 16, i >> 8 & 255, i & 255);
		feed(cell);
		if (i == 100000)
			memory = term_memory(t);
	}
	ck_assert_uint_le(term_memory(t), memory + history_memory(&t->history));
	ck_assert_uint_lt(memory, 512 * 1024);
	ck_assert_uint_eq(style_at(t->cursor.x, 3).fg, COLOR_RGB | 299999);
}
END_TEST

START_TEST(links_beyond_their_number_are_no_links_until_some_are_gone)
{
	char cell[64];

	term_free(t);
	t = termkit_new(1000, 3, 0);
	for (unsigned i = 0; i < 2 * LINKS_MAX; i++) {
		snprintf(cell, sizeof(cell), "\033]8;;http://host/%u\x07x", i);
		feed(cell);
	}
	ck_assert_uint_le(t->n_links, LINKS_MAX);
	ck_assert_uint_ne(style_at(0, 0).link, 0);
	ck_assert_uint_eq(t->cursor.pen.style.link, 0);
	feed("\033[2J");
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		snprintf(cell, sizeof(cell), "\033]8;;http://new/%u\x07", i);
		feed(cell);
	}
	ck_assert_uint_ne(t->cursor.pen.style.link, 0);
}
END_TEST

START_TEST(a_link_that_is_too_long_or_no_uri_is_none)
{
	feed("\033]8;;http://h/");
	repeat("x", LINK_BYTES_MAX - 9);
	feed("\x07");
	ck_assert_uint_ne(t->cursor.pen.style.link, 0);
	feed("\033]8;;http://h/");
	repeat("x", LINK_BYTES_MAX - 8);
	feed("\x07");
	ck_assert_uint_eq(t->cursor.pen.style.link, 0);
	feed("\033]8;;a b\x07");
	ck_assert_str_eq(t->links[t->cursor.pen.style.link].uri, "a b");
	feed("\033]8;;http://a\x07\033]8;;\xc3\xa9\x07");
	ck_assert_uint_ne(t->cursor.pen.style.link, 0); /* not understood: nothing changes */
	feed("\033]8;;\x07");
	ck_assert_uint_eq(t->cursor.pen.style.link, 0);
}
END_TEST

START_TEST(an_idle_screen_of_80x24_without_history_fits_64_kib)
{
	term_free(t);
	t = termkit_new(80, 24, 0);
	repeat("\033[31mhello \033[4mworld\033[m, this is a line of text\r\n", 100);
	ck_assert_uint_le(term_memory(t), 64 * 1024);
}
END_TEST

/* ---- safety ---- */

START_TEST(sec_c25_seeds_are_harmless)
{
	static const char *const seeds[] = { "\033[b", "\033[65535b",
		"\xea\xa4\xff\x18\xff\xff\x50", "\033[::::::::::::::::::::::::::::::::::::::::m",
		"\033[?1049h\033[?1049h\033[?1049l\033[?1049l" };

	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		term_free(t);
		t = termkit_new(80, 25, 100);
		feed(seeds[i]);
		feed("\033"
		     "c");
	}
	repeat("A", 1023);
	feed("\xc3");
	feed("B");
	for (unsigned i = 0; i < 4096; i++)
		repeat("0123456789abcdef", 64);
	feed("\033[12;");
	ck_assert_int_eq(term_resize(t, 1, 1), 0);
	feed("7H\xe6\xbc");
	ck_assert_int_eq(term_resize(t, 80, 25), 0);
	feed("\xa2");
	ck_assert(term_ground(t));
}
END_TEST

START_TEST(sec_c25_every_final_byte_with_extreme_parameters_is_harmless)
{
	static const char *const params[] = { "", "0", "1", "65535", "99999999999", "0;0",
		"65535;65535", "1;65535;0;3;4", ":", ";;;;", "38;2;999;999;999", "?1", "?65535",
		">65535", "<65535", "=65535;3", "1$", "1 ", "1\"", "!" };
	const unsigned sizes[][2] = { { 80, 25 }, { 1, 1 }, { 2, 1 }, { 1, 50 }, { 1000, 2 } };

	for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++)
		for (unsigned p = 0; p < ARRAY_SIZE(params); p++)
			for (unsigned f = 0x40; f < 0x7f; f++) {
				char text[64];

				ck_assert_int_eq(term_resize(t, sizes[s][0], sizes[s][1]), 0);
				snprintf(text, sizeof(text), "\xe6\xbc\xa2x\033[%s%c\xe6\xbc\xa2",
					params[p], f);
				feed(text);
				ck_assert_uint_lt(t->cursor.x, t->cols);
				ck_assert_uint_lt(t->cursor.y, t->rows);
				ck_assert_uint_le(t->bottom, t->rows);
				ck_assert_uint_lt(t->top, t->bottom);
				term_replies_drop(t, SIZE_MAX);
			}
}
END_TEST

START_TEST(text_that_scrolls_with_each_character_ends_its_slice_after_a_few_rows)
{
	static const char *const margins[] = { "", "\033[1;999r\033[999H",
		"\033[?1049h\033[2;1000r\033[1000H" };
	static uint8_t text[4096];

	memset(text, 'A', sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(margins); i++) {
		term_free(t);
		t = termkit_new(1, TERM_ROWS_MAX, 100);
		feed(margins[i]);
		for (size_t n = 0; n < sizeof(text);) {
			const uint64_t before = t->work;
			uint64_t work = 1;

			n += term_feed_some(t, text + n, sizeof(text) - n, &work);
			ck_assert_uint_le(t->work - before, 20 * (TERM_ROWS_MAX + 64));
		}
	}
}
END_TEST

START_TEST(pending_says_how_much_of_the_stream_is_an_open_sequence)
{
	static const struct {
		const char *input;
		uint64_t pending;
	} table[] = { { "abc", 0 }, { "abc\033", 1 }, { "\033[1;2", 5 }, { "x\033]0;t", 5 },
		{ "x\033]0;t\033", 6 }, { "\033]0;t\033[1", 3 }, { "\033[1\033[2", 3 },
		{ "\xe6\xbc", 2 }, { "\xe6\xbc\033", 1 }, { "\033[1\x18", 0 },
		{ "\033P1$r0m\033\\", 0 },
		/* a control amid a sequence took effect: no offset before it fits the model */
		{ "\033[1\n", UINT64_MAX }, { "\033[1\n2", UINT64_MAX }, { "\033[1\n2m", 0 },
		{ "\033[1\n\033[", 2 }, { "\033]0;\r", 5 } };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		feed("\x18");
		feed(table[i].input);
		ck_assert_msg(term_pending(t) == table[i].pending, "%zu: %llu", i,
			(unsigned long long)term_pending(t));
		ck_assert_int_eq(term_ground(t), table[i].pending == 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { each_sequence_does_what_the_table_says,
		attributes_are_what_sgr_says_with_semicolons_or_colons,
		erasing_leaves_the_background_and_nothing_else,
		sec_c27_a_title_is_cleaned_and_cut_to_whole_characters,
		titles_are_saved_and_restored_as_deep_as_the_stack,
		sec_c28_a_control_string_is_kept_to_its_bound_and_skipped_to_its_end,
		parameters_are_clamped_and_counted, a_cell_holds_so_many_code_points_and_no_more,
		a_mark_joins_a_blank_however_the_blank_came_to_be,
		history_keeps_so_many_lines_and_counts_them_all,
		history_of_costly_lines_is_bounded_in_bytes,
		styles_beyond_any_number_cost_colours_not_memory,
		links_beyond_their_number_are_no_links_until_some_are_gone,
		a_link_that_is_too_long_or_no_uri_is_none,
		an_idle_screen_of_80x24_without_history_fits_64_kib, sec_c25_seeds_are_harmless,
		sec_c25_every_final_byte_with_extreme_parameters_is_harmless,
		text_that_scrolls_with_each_character_ends_its_slice_after_a_few_rows,
		pending_says_how_much_of_the_stream_is_an_open_sequence };
	Suite *s = suite_create("term");
	TCase *tc = tcase_create("term");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, begin, end);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
