/*
 * viewer_lines - the lines on the terminal of viewer_world.h, against what the program wrote
 */
#ifndef TESTS_VIEWER_LINES_H
#define TESTS_VIEWER_LINES_H

#include "tests/viewer_world.h"

struct seen {
	unsigned last, missing, gaps; /* numbers of lines; so many were told */
};

/* A line of the viewer's terminal: the program's next, a part of it, or how many are missing. */
static void see_line(struct seen *seen, const char *line)
{
	const char *notice = strstr(line, " lines not shown]");
	size_t digits = strspn(line, "0123456789");
	unsigned number = seen->last + 1;

	if (notice) {
		while (notice > line && notice[-1] != '[')
			notice--;
		seen->missing += (unsigned)strtoul(notice, NULL, 10);
		seen->gaps++;
		return;
	}
	if (digits == 0)
		return;
	if (digits >= 8)
		number = (unsigned)strtoul(line, NULL, 10);
	ck_assert_msg(number == seen->last + 1 + seen->missing, "%u after %u and %u not shown",
		number, seen->last, seen->missing);
	seen->last = number;
	seen->missing = 0;
}

/* All lines on the viewer's terminal, scrolled away ones too, are the program's in order, and each
 * gap is told by how many it is. How many gaps. */
static unsigned check_lines(void)
{
	struct term_paint how = { .kind = TERM_PAINT_ATTACH, .history_lines = HISTORY };
	struct seen seen = { .last = 0 };
	struct term_buf all = { .n = 0 };
	char *end;

	ck_assert_int_eq(term_paint(v.term, &how, &all), 0);
	all.data[all.n - 1] = '\0';
	for (char *line = (char *)all.data; line; line = end ? end + 2 : NULL) {
		end = strstr(line, "\r\n");
		if (end)
			*end = '\0';
		see_line(&seen, line);
	}
	term_buf_done(&all);
	return seen.gaps;
}

#endif
