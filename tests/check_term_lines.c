#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "tests/termkit.h"

static struct term *t;
static struct term_buf out;

static void feed(const char *text)
{
	term_feed(t, (const uint8_t *)text, strlen(text));
}

static void line_is(uint64_t number, enum term_line_format format, const char *text)
{
	out.n = 0;
	ck_assert_int_eq(term_line(t, number, format, &out), 0);
	ck_assert_msg(out.n == strlen(text) && memcmp(out.data, text, out.n) == 0, "line %u: %.*s",
		(unsigned)number, (int)out.n, (const char *)out.data);
}

static void begin(unsigned cols, unsigned rows)
{
	t = termkit_new(cols, rows, 3);
}

static void end(void)
{
	t = term_free(t);
	term_buf_done(&out);
}

START_TEST(lines_are_numbered_from_the_first_one_ever_and_leave_with_history)
{
	begin(20, 2);
	feed("one\r\ntwo\r\nthree\r\nfour\r\nfive\r\nsix  ");
	ck_assert_uint_eq(term_line_first(t), 1);
	ck_assert_uint_eq(term_history_total(t), 4);
	ck_assert_uint_eq(term_line_end(t), 6);
	ck_assert_int_eq(term_line(t, 0, TERM_LINE_TEXT, &out), TERM_LINE_NONE);
	line_is(1, TERM_LINE_TEXT, "two");
	line_is(4, TERM_LINE_TEXT, "five");
	line_is(5, TERM_LINE_TEXT, "six");
	ck_assert_int_eq(term_line(t, 6, TERM_LINE_TEXT, &out), TERM_LINE_NONE);
	end();
}
END_TEST

START_TEST(a_line_with_sgr_begins_and_ends_plain)
{
	begin(20, 2);
	feed("a\x1b[1;31mred\x1b[22m dim\x1b[m \x1b]8;id=7;http://e.org\x1b\\link\x1b]8;;\x1b\\");
	line_is(0, TERM_LINE_ANSI,
		"a\x1b[1;31mred\x1b[22m dim\x1b[m "
		"\x1b]8;id=7;http://e.org\x1b\\link\x1b]8;;\x1b\\");
	line_is(1, TERM_LINE_ANSI, "");
	end();
}
END_TEST

START_TEST(runs_of_a_line_say_column_width_text_and_what_of_the_style_is_set)
{
	begin(40, 2);
	feed("a\"\\ \x1b[1;3;38;5;200;48;2;1;2;255m\xe6\xbc\xa2\x1b[0;4:3;58:5:9mu"
	     "\x1b[m\xf0\x9f\x99\x82 \x1b]8;;http://e.org/\"\x1b\\l");
	line_is(0, TERM_LINE_JSON,
		"{\"line\":0,\"wrapped\":false,\"runs\":["
		"{\"x\":0,\"cols\":4,\"text\":\"a\\\"\\\\ \"},"
		"{\"x\":4,\"cols\":2,\"text\":\"\\u6f22\",\"fg\":200,\"bg\":\"#0102ff\","
		"\"bold\":true,\"italic\":true},"
		"{\"x\":6,\"cols\":1,\"text\":\"u\",\"underline\":\"curly\",\"underline_color\":9},"
		"{\"x\":7,\"cols\":3,\"text\":\"\\ud83d\\ude42 \"},"
		"{\"x\":10,\"cols\":1,\"text\":\"l\",\"link\":\"http://e.org/\\\"\"}]}");
	line_is(1, TERM_LINE_JSON, "{\"line\":1,\"wrapped\":false,\"runs\":[]}");
	end();
}
END_TEST

START_TEST(a_wrapped_line_says_so_and_a_coloured_blank_is_no_trailing_blank)
{
	begin(4, 2);
	feed("abcdef\x1b[41m \x1b[m ");
	line_is(0, TERM_LINE_JSON,
		"{\"line\":0,\"wrapped\":true,\"runs\":[{\"x\":0,\"cols\":4,\"text\":\"abcd\"}]}");
	line_is(1, TERM_LINE_JSON,
		"{\"line\":1,\"wrapped\":false,\"runs\":[{\"x\":0,\"cols\":2,\"text\":\"ef\"},"
		"{\"x\":2,\"cols\":1,\"text\":\" \",\"bg\":1}]}");
	line_is(1, TERM_LINE_TEXT, "ef");
	line_is(1, TERM_LINE_ANSI, "ef\x1b[41m \x1b[m");
	feed("\x1b[2J\x1b[1;1H\x1b[1\"qg \x1b[0\"q");
	line_is(0, TERM_LINE_JSON,
		"{\"line\":0,\"wrapped\":false,\"runs\":[{\"x\":0,\"cols\":1,\"text\":\"g\"}]}");
	line_is(0, TERM_LINE_ANSI, "g");
	end();
}
END_TEST

/* A row of cells, each with a style, marks and a hyperlink of its own. */
START_TEST(the_worst_line_stays_within_its_bounds_and_keeps_the_first_links)
{
	const struct term_paint how = { .kind = TERM_PAINT_SCREEN };
	char text[4096], uri[1024];

	memset(uri, 'u', sizeof(uri) - 1);
	uri[sizeof(uri) - 1] = '\0';
	begin(TERM_COLS_MAX, 1);
	for (unsigned x = 0; x < TERM_COLS_MAX; x++) {
		snprintf(text, sizeof(text),
			"\x1b]8;;%u%s\x1b\\\x1b[1;2;3;5;7;8;9;53;4:3;38;2;%u;200;200;48;2;200;200;"
			"200;"
			"58:2::200:200:"
			"200m\xf0\x9d\x90\x80\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85",
			x, uri, x % 256);
		feed(text);
	}
	for (unsigned format = TERM_LINE_TEXT; format <= TERM_LINE_JSON; format++) {
		out.n = 0;
		ck_assert_int_eq(term_line(t, 0, format, &out), 0);
		ck_assert_uint_lt(out.n, TERM_LINE_BYTES);
		ck_assert(out.n > TERM_COLS_MAX);
		text[0] = '\0';
		snprintf(text, sizeof(text), "%u%s",
			(unsigned)(TERM_LINE_LINK_BYTES / sizeof(uri)) - 2, uri);
		ck_assert((memmem(out.data, out.n, text, strlen(text)) != NULL) ==
			  (format != TERM_LINE_TEXT));
		ck_assert_ptr_null(memmem(out.data, out.n, "20uuuu", 6));
	}
	out.n = 0;
	ck_assert_int_eq(term_paint(t, &how, &out), 0);
	ck_assert_uint_lt(out.n, TERM_LINE_BYTES);
	ck_assert_ptr_null(memmem(out.data, out.n, "20uuuu", 6));
	end();
}
END_TEST

/* Each run of JSON says its link, and so each one counts. */
START_TEST(a_link_of_many_runs_is_bounded_in_every_format)
{
	char uri[2001], text[2048];

	memset(uri, 'u', sizeof(uri) - 1);
	uri[sizeof(uri) - 1] = '\0';
	begin(TERM_COLS_MAX, 1);
	snprintf(text, sizeof(text), "\x1b]8;;%s\x1b\\", uri);
	feed(text);
	for (unsigned x = 0; x < TERM_COLS_MAX; x++)
		feed(x % 2 ? "\x1b[31mx" : "\x1b[32my");
	for (unsigned format = TERM_LINE_TEXT; format <= TERM_LINE_JSON; format++) {
		out.n = 0;
		ck_assert_int_eq(term_line(t, 0, format, &out), 0);
		ck_assert_uint_lt(out.n, TERM_LINE_BYTES);
		ck_assert((memmem(out.data, out.n, uri, strlen(uri)) != NULL) ==
			  (format != TERM_LINE_TEXT));
	}
	end();
}
END_TEST

static const char *runs_of(const struct term *from, uint64_t number, struct term_buf *b)
{
	struct out o = { .buf = b };
	const char *runs;

	b->n = 0;
	ck_assert_int_eq(term_line(from, number, TERM_LINE_JSON, b), 0);
	out_byte(&o, 0);
	runs = strstr((const char *)b->data, "\"runs\":");
	ck_assert_ptr_nonnull(runs);
	return runs;
}

/* Of any output: what a terminal shows that gets a line with SGR has the runs of the line as
 * JSON. */
START_TEST(a_line_with_sgr_shows_what_the_line_as_json_says)
{
	struct term_buf stream = { 0 }, one = { 0 }, other = { 0 };

	for (unsigned round = 0; round < 200; round++) {
		uint64_t seed = round;

		begin(1 + round % 60, 3);
		stream.n = 0;
		termkit_stream(&seed, 800, &stream);
		term_feed(t, stream.data, stream.n);
		for (uint64_t n = term_line_first(t); n < term_line_end(t); n++) {
			_cleanup_(term_freep) struct term *terminal =
				termkit_new(1 + round % 60, 2, 0);

			out.n = 0;
			ck_assert_int_eq(term_line(t, n, TERM_LINE_ANSI, &out), 0);
			term_feed(terminal, out.data, out.n);
			ck_assert_str_eq(runs_of(t, n, &one), runs_of(terminal, 0, &other));
		}
		end();
	}
	term_buf_done(&stream);
	term_buf_done(&one);
	term_buf_done(&other);
}
END_TEST

TEST_MAIN("term_lines", lines_are_numbered_from_the_first_one_ever_and_leave_with_history,
	a_line_with_sgr_begins_and_ends_plain,
	runs_of_a_line_say_column_width_text_and_what_of_the_style_is_set,
	a_wrapped_line_says_so_and_a_coloured_blank_is_no_trailing_blank,
	the_worst_line_stays_within_its_bounds_and_keeps_the_first_links,
	a_link_of_many_runs_is_bounded_in_every_format,
	a_line_with_sgr_shows_what_the_line_as_json_says)
