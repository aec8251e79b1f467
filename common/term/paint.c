#include <string.h>

#include "common/term/paint.h"

#define HISTORY_TIMES                                                                              \
	2 /* lines that come meanwhile are painted until so many times as were asked for */

/* Which line of history comes first: at most so many, and none that the reader has. */
static struct term_paint_at history_begin(const struct term *t, const struct term_paint *how)
{
	const uint64_t end = t->history.total;
	uint64_t first = term_line_first(t);

	if (end - first > how->history_lines)
		first = end - how->history_lines;
	if (how->history_since > first)
		first = min_u64(how->history_since, end);
	return (struct term_paint_at){ .begun = true,
		.aligned = true,
		.line = first,
		.left = HISTORY_TIMES * (uint64_t)how->history_lines };
}

/* What is on the terminal, which was skipped ahead, goes up, and a line that says so after it. */
static void paint_notice(struct painter *p, uint64_t lines)
{
	unsigned rows = p->t->rows;

	out_format(&p->o, "\x1b[%uH", rows);
	for (unsigned i = 0; i < rows; i++)
		out_text(&p->o, "\n");
	out_format(&p->o, "\x1b[H\x1b[2m[%llu lines not shown]\x1b[m\x1b[%uH\n",
		(unsigned long long)lines, rows);
}

/* The user's screen goes up into the scrollback, and history follows it. The cursor is below what
 * the user has, so that newlines from there push up that and no blank rows. */
static void paint_up(struct painter *p, const struct term_paint *how)
{
	unsigned rows = p->t->rows;

	if (how->lines_not_shown)
		paint_notice(p, how->lines_not_shown);
	for (unsigned i = 0; i < rows && !how->lines_not_shown; i++)
		out_text(&p->o, "\n");
	out_text(&p->o, "\x1b[H\x1b[J");
}

static void paint_begin(struct painter *p, const struct term_paint *how)
{
	paint_reset(&p->o);
	out_text(&p->o, "\x1b[?2026h");
	out_text(&p->o, COLORS_RESET);
	if (how->kind == TERM_PAINT_ATTACH)
		paint_up(p, how);
	else if (how->lines_not_shown)
		paint_notice(p, how->lines_not_shown);
}

static void paint_end(struct painter *p)
{
	if (!term_mode(p->t, TERM_MODE_SYNC))
		out_text(&p->o, "\x1b[?2026l");
}

static void paint_screens(struct painter *p, const struct term_paint *how)
{
	const struct term *t = p->t;
	static const struct kitty no_flags;
	const struct screen *primary = &t->screens[0], *alternate = &t->screens[1];

	if (how->kind == TERM_PAINT_ATTACH)
		paint_grid_down(p, &primary->grid);
	else
		paint_grid_in_place(p, &primary->grid);
	paint_kitty(p, &no_flags, &primary->kitty);
	paint_saved(p, primary,
		term_alternate(t) ? "\x1b[?1049h"
				  : "\x1b"
				    "7");
	if (!term_alternate(t))
		return;
	/* a program may have left that screen, and its keyboard's flags there */
	out_text(&p->o, "\x1b[<8u");
	paint_grid_in_place(p, &alternate->grid);
	paint_saved(p, alternate,
		"\x1b"
		"7");
	paint_kitty(p, &no_flags, &alternate->kitty);
}

/* The character before the cursor once more, as the very last: what comes next may be REP, or a
 * mark that joins it, and many terminals know of no character before a control sequence. */
static void paint_last(struct painter *p)
{
	const struct cursor *c = &p->t->cursor;
	const struct row *row = term_row(p->t, c->y);
	unsigned x = c->pending ? c->x : c->x - 1, n;
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];
	struct style style;

	if (!p->t->last || x >= p->t->cols || term_mode(p->t, TERM_MODE_INSERT))
		return;
	if (row_cell(row, x) & CELL_WIDE)
		return; /* a resize left the cursor on its second half */
	x -= row_cell(row, x) & CELL_TAIL ? 1 : 0;
	n = cell_codes(p->t, row_cell(row, x), codes);
	style = style_get(p->t, cell_style(row_cell(row, x)));
	if (!n || codes[0] != p->t->last || memcmp(&style, &c->pen.style, sizeof(style)) != 0 ||
		!(row_cell(row, x) & CELL_PROTECTED) != !c->pen.protect ||
		(codes[0] < 0x80 && c->charsets[c->shift] != 'B'))
		return;
	out_format(&p->o, "\x1b[%u;%uH", c->y - (c->origin ? p->t->top : 0) + 1, x + 1);
	for (unsigned i = 0; i < n; i++)
		out_code(&p->o, codes[i]);
}

static void paint_full(struct painter *p, const struct term_paint *how)
{
	static const struct paint_state was = { .modes = TERM_MODES_DEFAULT };
	const struct term *t = p->t;

	paint_colors(p, &was);
	paint_screens(p, how);
	paint_tabs(p);
	paint_titles(p, &was);
	paint_margins(p);
	paint_cursor(p, &t->screen->grid, &t->cursor, t->top);
	paint_modes(p, &was, ~TERM_MODE_SYNC);
	if (term_mode(t, TERM_MODE_INSERT))
		out_text(&p->o, "\x1b[4h");
	if (term_mode(t, TERM_MODE_NEWLINE))
		out_text(&p->o, "\x1b[20h");
	paint_keys_and_mouse(p, &was);
	paint_end(p);
	if (t->cursor.single)
		out_text(&p->o, t->cursor.single == 2 ? "\x1bN" : "\x1bO");
	paint_last(p);
}

/* What a terminal gets of which nothing is known. */
static int paint_crop(const struct term *t, const struct term_paint *how, struct term_buf *out)
{
	_cleanup_(term_shadow_freep) struct term_shadow *s = NULL;
	int r = term_shadow_new(&s, how->cols, how->rows);

	return r ? r : err_fold(term_shadow_paint(s, t, SIZE_MAX, out));
}

int term_paint_some(const struct term *t, struct term_paint *how, size_t max, struct term_buf *out)
{
	struct painter p = { .t = t, .o = { .buf = out }, .links_left = TERM_LINE_LINK_BYTES };
	const size_t stop = max < SIZE_MAX - out->n ? out->n + max : SIZE_MAX;

	if (how->kind == TERM_PAINT_CROP)
		return paint_crop(t, how, out);
	if (!how->at.begun) {
		how->at = history_begin(t, how);
		paint_begin(&p, how);
	}
	if (how->kind == TERM_PAINT_ATTACH && !paint_history(&p, &how->at, stop))
		return p.o.r ? p.o.r : TERM_PAINT_MORE;
	paint_full(&p, how);
	return p.o.r;
}

int term_paint(const struct term *t, const struct term_paint *how, struct term_buf *out)
{
	struct term_paint whole = *how;

	return err_fold(term_paint_some(t, &whole, SIZE_MAX, out));
}

int term_paint_undo(struct term_buf *out)
{
	struct out o = { .buf = out };

	paint_reset(&o);
	out_text(&o, COLORS_RESET "\x1b[?5W\x1b[?2026l");
	return o.r;
}
