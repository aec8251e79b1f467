/*
 * vterm-model - libvterm as a co-process, with the words of term-model: new, feed, dump
 *
 * vterm_mend.h mends what it can. The dump has what libvterm tells: cells, attributes, cursor, which
 * screen shows. It must never be given a REP with nothing to repeat: it does not return.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/term-tools/vterm_mend.h"

struct server {
	struct vterm_mend *m;
	int cols, rows;
};

static int make(struct server *s, int cols, int rows)
{
	vterm_mend_free(s->m);
	*s = (struct server){ .m = vterm_mend_new(cols, rows), .cols = cols, .rows = rows };
	return s->m ? 0 : -ENOMEM;
}

static int feed(struct server *s, size_t n)
{
	_cleanup_(freep) char *bytes = malloc(n + 1);

	if (!bytes)
		return -ENOMEM;
	if (fread(bytes, 1, n, stdin) != n)
		return -EIO;
	vterm_mend_feed(s->m, bytes, n);
	return 0;
}

static void put_char(struct out *o, uint32_t code)
{
	if (code == '"' || code == '\\')
		out_byte(o, '\\');
	out_code(o, code);
}

/* A run of one cell: whoever compares joins them. */
static void put_cell(struct server *s, struct out *o, int x, int y)
{
	VTermScreenCell c;
	unsigned i;

	vterm_mend_cell(s->m, x, y, &c);
	out_format(o, ",[%d,1,\"", x);
	for (i = 0; i < VTERM_MAX_CHARS_PER_CELL && c.chars[i] && c.chars[i] != UINT32_MAX; i++)
		put_char(o, c.chars[i]);
	if (!i && c.chars[0] != UINT32_MAX)
		out_byte(o, ' ');
	out_text(o, "\",\"");
	vterm_mend_style(o, &c);
	out_text(o, "\",\"\"]");
}

static void dump(struct server *s, struct out *o)
{
	const VTermPos cursor = vterm_mend_cursor(s->m);

	out_format(o, "{\"alternate\":%s,\"cursor\":{\"x\":%d,\"y\":%d},\"rows\":[",
		vterm_mend_alternate(s->m) ? "true" : "false", cursor.col, cursor.row);
	for (int y = 0; y < s->rows; y++) {
		out_text(o, y ? ",[false" : "[false");
		for (int x = 0; x < s->cols; x++)
			put_cell(s, o, x, y);
		out_byte(o, ']');
	}
	out_text(o, "]}\n");
}

static int obey(struct server *s, const char *line, struct out *o)
{
	unsigned a, b, c;

	if (sscanf(line, "new %u %u %u", &a, &b, &c) == 3)
		return make(s, (int)a, (int)b);
	if (s->m && sscanf(line, "feed %u", &a) == 1)
		return feed(s, a);
	if (s->m && strcmp(line, "dump\n") == 0)
		dump(s, o);
	else
		return -EINVAL;
	return o->r;
}

int main(void)
{
	struct server s = { 0 };
	struct term_buf answer = { 0 };
	char line[128];
	int r = 0;

	while (!r && fgets(line, sizeof(line), stdin)) {
		struct out o = { .buf = &answer };

		answer.n = 0;
		r = obey(&s, line, &o);
		if (r)
			break;
		printf("%zu\n", answer.n);
		if (answer.n)
			fwrite(answer.data, 1, answer.n, stdout);
		fflush(stdout);
	}
	vterm_mend_free(s.m);
	term_buf_done(&answer);
	return r ? 2 : 0;
}
