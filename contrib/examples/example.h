/* SPDX-License-Identifier: Apache-2.0 */
/* example.h - what the examples share: open a terminal session, or say why not */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <cwsandbox.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 60000

static inline int usage(const char *how)
{
	fprintf(stderr, "usage: %s\n", how);
	return 2;
}

static inline int no_memory(void)
{
	fputs("out of memory\n", stderr);
	return 1;
}

static inline void check(struct cwsandbox_terminal *t, int r, const char *what)
{
	if (r == 0)
		return;
	fprintf(stderr, "%s: %d %s %s\n", what, r, cwsandbox_terminal_error(t)->code,
		cwsandbox_terminal_error(t)->message);
	exit(1);
}

/* Starts argv (NULL: the login shell) on a terminal of this size in the sandbox. */
static inline struct cwsandbox_terminal *start(
	const char *sandbox, const char *const *argv, unsigned cols, unsigned rows)
{
	struct cwsandbox_terminal_config how;
	struct cwsandbox_terminal *t;

	if (cwsandbox_terminal_new(&t))
		exit(no_memory());
	memset(&how, 0, sizeof(how));
	how.sandbox_id = sandbox;
	how.argv = argv;
	how.cols = cols;
	how.rows = rows;
	check(t, cwsandbox_terminal_open(t, NULL, &how, TIMEOUT_MS), "open");
	return t;
}

/* Copies output to stdout until the program ends. */
static inline void copy_output(struct cwsandbox_terminal *t)
{
	char buf[4096];
	size_t n;
	int r;

	while ((r = cwsandbox_terminal_read(t, buf, sizeof(buf), TIMEOUT_MS, &n)) == 0)
		fwrite(buf, 1, n, stdout);
	if (r != CWSANDBOX_E_END)
		check(t, r, "read");
	fflush(stdout);
}

/* Reads until `text` has come; what came is kept in buf, as a string. */
static inline void read_until(struct cwsandbox_terminal *t, const char *text, char *buf, size_t cap)
{
	size_t have = 0, n;

	buf[0] = 0;
	while (!strstr(buf, text)) {
		if (have + 1 >= cap) { /* only the last of it matters */
			have = 0;
		}
		check(t, cwsandbox_terminal_read(t, buf + have, cap - 1 - have, TIMEOUT_MS, &n),
			text);
		for (size_t i = 0; i < n; i++)
			if (buf[have + i] == 0)
				buf[have + i] = ' ';
		have += n;
		buf[have] = 0;
	}
}

#endif
