/*
 * vterm-model - libvterm as a co-process, with the words of term-model: new, feed, dump
 *
 * The dump has what libvterm tells: cells, attributes, cursor, which screen shows. It must never be
 * given a REP with nothing to repeat: it does not return.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vterm.h>

#include "common/term/buf.h"

#define PIECE 1024 /* more at once overflows its stack */

struct server {
	VTerm *vt;
	VTermScreen *screen;
	int cols, rows;
	int alternate;
};

static int on_property(VTermProp prop, VTermValue *value, void *arg)
{
	struct server *s = arg;

	if (prop == VTERM_PROP_ALTSCREEN)
		s->alternate = value->boolean;
	return 1;
}

static void make(struct server *s, int cols, int rows)
{
	static const VTermScreenCallbacks callbacks = { .settermprop = on_property };

	if (s->vt)
		vterm_free(s->vt);
	*s = (struct server){ .vt = vterm_new(rows, cols), .cols = cols, .rows = rows };
	vterm_set_utf8(s->vt, 1);
	s->screen = vterm_obtain_screen(s->vt);
	vterm_screen_set_callbacks(s->screen, &callbacks, s);
	vterm_screen_enable_altscreen(s->screen, 1);
	vterm_screen_reset(s->screen, 1);
}

/* A character torn is lost to it. */
static size_t piece_bytes(const char *at, size_t n)
{
	size_t k = min_size(n, PIECE);

	while (k < n && k > PIECE - 4 && (at[k] & 0xc0) == 0x80)
		k--;
	return k;
}

static int feed(struct server *s, size_t n)
{
	_cleanup_(freep) char *bytes = malloc(n + 1);

	if (!bytes)
		return -ENOMEM;
	if (fread(bytes, 1, n, stdin) != n)
		return -EIO;
	for (size_t i = 0, k; i < n; i += k) {
		k = piece_bytes(bytes + i, n - i);
		vterm_input_write(s->vt, bytes + i, k);
	}
	return 0;
}

static void put_color(struct out *o, const VTermColor *c, unsigned base)
{
	const unsigned i = c->indexed.idx;

	if (VTERM_COLOR_IS_DEFAULT_FG(c) || VTERM_COLOR_IS_DEFAULT_BG(c))
		return;
	if (!VTERM_COLOR_IS_INDEXED(c))
		out_format(o, ";%u;2;%u;%u;%u", base + 8, c->rgb.red, c->rgb.green, c->rgb.blue);
	else if (i < 16)
		out_format(o, ";%u", i < 8 ? base + i : base + 60 + i - 8);
	else
		out_format(o, ";%u;5;%u", base + 8, i);
}

static void put_style(struct out *o, const VTermScreenCell *c)
{
	static const char *const lines[] = { "", ";4", ";21", ";4:3" };

	out_format(o, "0%s%s%s%s%s%s", c->attrs.bold ? ";1" : "", c->attrs.italic ? ";3" : "",
		c->attrs.blink ? ";5" : "", c->attrs.reverse ? ";7" : "",
		c->attrs.strike ? ";9" : "", lines[c->attrs.underline & 3]);
	put_color(o, &c->fg, 30);
	put_color(o, &c->bg, 40);
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

	vterm_screen_get_cell(s->screen, (VTermPos){ .row = y, .col = x }, &c);
	out_format(o, ",[%d,1,\"", x);
	for (i = 0; i < VTERM_MAX_CHARS_PER_CELL && c.chars[i] && c.chars[i] != UINT32_MAX; i++)
		put_char(o, c.chars[i]);
	if (!i && c.chars[0] != UINT32_MAX)
		out_byte(o, ' ');
	out_text(o, "\",\"");
	put_style(o, &c);
	out_text(o, "\",\"\"]");
}

static void dump(struct server *s, struct out *o)
{
	VTermPos cursor;

	vterm_state_get_cursorpos(vterm_obtain_state(s->vt), &cursor);
	out_format(o, "{\"alternate\":%s,\"cursor\":{\"x\":%d,\"y\":%d},\"rows\":[",
		s->alternate ? "true" : "false", cursor.col, cursor.row);
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
		make(s, (int)a, (int)b);
	else if (s->vt && sscanf(line, "feed %u", &a) == 1)
		return feed(s, a);
	else if (s->vt && strcmp(line, "dump\n") == 0)
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
	if (s.vt)
		vterm_free(s.vt);
	term_buf_done(&answer);
	return r ? 2 : 0;
}
