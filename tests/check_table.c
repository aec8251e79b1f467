/*
 * check_table - rows in columns: whole in a pipe, cut to the terminal's width on one
 */
#include <stdio.h>
#include <string.h>

#include "client/table.h"
#include "tests/suite.h"

#define WORDS "run a command of many words"

static const struct table_column columns[] = {
	{ .title = "NAME", .usual = 6, .least = 4 },
	{ .title = "N", .usual = 3, .right = true },
	{ .title = "COMMAND", .least = 8 },
};

static struct table t;

static void begin(unsigned edge)
{
	table_init(&t, columns, ARRAY_SIZE(columns), edge);
}

static void add(const char *name, const char *n, const char *command)
{
	ck_assert_int_eq(table_add(&t, (const char *const[]){ name, n, command }), 0);
}

/* What it prints; valid until the next. */
static const char *printed(void)
{
	static char *text;
	size_t n;
	FILE *f;

	free(text);
	f = open_memstream(&text, &n);
	ck_assert_ptr_nonnull(f);
	table_print(&t, f);
	fclose(f);
	return text;
}

START_TEST(in_a_pipe_nothing_is_cut_and_the_columns_do_not_depend_on_the_rows)
{
	begin(TABLE_NO_EDGE);
	add("a", "1", WORDS);
	add("quite-long", "12345", "x");
	ck_assert_str_eq(printed(), "NAME     N COMMAND\n"
				    "a        1 " WORDS "\n"
				    "quite-long 12345 x\n");
	table_done(&t);
}
END_TEST

START_TEST(a_terminal_that_is_wide_enough_shows_all_of_it_as_wide_as_the_cells)
{
	begin(48);
	add("a", "1", WORDS);
	add("quite-long", "12", "x");
	ck_assert_str_eq(printed(), "NAME        N COMMAND\n"
				    "a           1 " WORDS "\n"
				    "quite-long 12 x\n");
	table_done(&t);
}
END_TEST

START_TEST(what_does_not_fit_is_cut_from_the_last_column_first_and_ends_in_an_ellipsis)
{
	begin(26);
	add("quite-long", "12", WORDS);
	ck_assert_str_eq(printed(), "NAME        N COMMAND\n"
				    "quite-long 12 run a comma…\n");
	table_done(&t);
	begin(20);
	add("quite-long", "12", WORDS);
	ck_assert_str_eq(printed(), "NAME      N COMMAND\n"
				    "quite-l… 12 run a c…\n");
	table_done(&t);
}
END_TEST

START_TEST(no_line_is_wider_than_the_terminal_however_narrow_that_is)
{
	for (unsigned edge = 1; edge < 60; edge++) {
		char *text, *line, *rest;

		begin(edge);
		add("quite-long", "12", WORDS);
		add("漢字漢字漢字漢字", "7", "漢字漢字漢字漢字漢字漢字");
		text = strdup(printed());
		for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
			ck_assert_msg(table_width(line) <= edge, "%u: '%s'", edge, line);
		free(text);
		table_done(&t);
	}
}
END_TEST

START_TEST(a_wide_character_that_would_stick_out_is_left_out)
{
	begin(18);
	add("漢字漢字", "1", "漢字漢字漢字");
	ck_assert_str_eq(printed(), "NAME    N COMMAND\n"
				    "漢字漢… 1 漢字漢…\n");
	table_done(&t);
}
END_TEST

START_TEST(later_pages_keep_the_widths_of_the_first_and_have_no_titles)
{
	begin(40);
	add("one", "1", "x");
	printed();
	ck_assert_str_eq(printed(), "");
	add("longer-than-that", "2", "y");
	ck_assert_str_eq(printed(), "lon… 2 y\n");
	table_done(&t);
}
END_TEST

TEST_MAIN("table", in_a_pipe_nothing_is_cut_and_the_columns_do_not_depend_on_the_rows,
	a_terminal_that_is_wide_enough_shows_all_of_it_as_wide_as_the_cells,
	what_does_not_fit_is_cut_from_the_last_column_first_and_ends_in_an_ellipsis,
	no_line_is_wider_than_the_terminal_however_narrow_that_is,
	a_wide_character_that_would_stick_out_is_left_out,
	later_pages_keep_the_widths_of_the_first_and_have_no_titles)
