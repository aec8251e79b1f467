#include <string.h>

#include "common/term/paint.h"

static const struct style plain;

static void paint_link(struct painter *p, uint32_t link)
{
	const struct term *t = p->t;

	if (link && link < t->n_links && t->links[link].uri) {
		out_text(&p->o, "\x1b]8;");
		out_text(&p->o, t->links[link].params);
		out_text(&p->o, ";");
		out_text(&p->o, t->links[link].uri);
		out_text(&p->o, "\x1b\\");
	} else {
		out_text(&p->o, "\x1b]8;;\x1b\\");
	}
}

void paint_style(struct painter *p, const struct style *style)
{
	if (memcmp(style, &p->style, sizeof(*style)) == 0)
		return;
	if (style->link != p->style.link)
		paint_link(p, style->link);
	style_change(&p->o, &p->style, style);
	p->style = *style;
}

void paint_protect(struct painter *p, bool protect)
{
	if (protect != p->protect)
		out_text(&p->o, protect ? "\x1b[1\"q" : "\x1b[0\"q");
	p->protect = protect;
}

static uint32_t link_that_fits(struct painter *p, uint32_t link)
{
	const struct link *l;
	size_t n;

	if (!link || link == p->style.link || link >= p->t->n_links)
		return link;
	l = &p->t->links[link];
	if (!l->uri)
		return link;
	n = strlen(l->uri) + strlen(l->params);
	if (n > p->links_left)
		return 0;
	p->links_left -= n;
	return link;
}

void paint_cell(struct painter *p, uint64_t cell)
{
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];
	struct style style;
	unsigned n;

	if (cell & CELL_TAIL)
		return;
	style = style_get(p->t, cell_style(cell));
	style.link = link_that_fits(p, style.link);
	paint_style(p, &style);
	paint_protect(p, cell & CELL_PROTECTED);
	n = cell_codes(p->t, cell, codes);
	if (!n)
		out_byte(&p->o, ' ');
	for (unsigned i = 0; i < n; i++)
		out_code(&p->o, codes[i]);
}

/* Goes on in the next row, as the terminal's own wrapped line. A plain blank does it, so that a
 * row that scrolls in is plain too, and it is erased again. */
static void paint_wrap(struct painter *p)
{
	paint_style(p, &plain);
	paint_protect(p, false);
	out_text(&p->o, " \r\x1b[K");
}

static void paint_history_line(struct painter *p, struct term_paint_at *at)
{
	const struct history *h = &p->t->history;
	uint64_t cells[TERM_COLS_MAX];
	bool wrapped = false;
	unsigned n = history_line(h, (unsigned)(at->line - term_line_first(p->t)), cells, &wrapped);

	p->links_left = TERM_LINE_LINK_BYTES;
	for (unsigned x = 0; x < n; x++)
		paint_cell(p, cells[x]);
	paint_style(p, &plain);
	paint_protect(p, false);
	at->line++;
	at->left--;
	at->aligned &= n == p->t->cols;
	wrapped &= at->aligned || at->line < h->total; /* the screen begins with a row of its own */
	if (!wrapped)
		out_text(&p->o, "\r\n");
	else if (at->aligned)
		paint_wrap(p);
	at->aligned |= !wrapped;
}

static void skip_history(struct painter *p, struct term_paint_at *at, uint64_t to)
{
	out_format(&p->o, "%s\x1b[2m[%llu lines not shown]\x1b[m\r\n", at->aligned ? "" : "\r\n",
		(unsigned long long)(to - at->line));
	at->line = to;
	at->aligned = true;
}

bool paint_history(struct painter *p, struct term_paint_at *at, size_t stop)
{
	const uint64_t first = term_line_first(p->t), end = p->t->history.total;

	if (at->line < first)
		skip_history(p, at, first);
	while (at->line < end) {
		if (p->o.r || p->o.buf->n >= stop)
			return false;
		if (at->left)
			paint_history_line(p, at);
		else
			skip_history(p, at, end);
	}
	return true;
}

/* The cursor is at the row's start, and the row is blank: what was erased at its end is erased. */
static void paint_row(struct painter *p, const struct row *row, unsigned cols)
{
	uint64_t fill = 0;
	const unsigned n = row->wrapped ? cols : row_tail(p->t, row, cols, &fill);
	const struct style style = style_get(p->t, cell_style(fill));

	p->links_left = TERM_LINE_LINK_BYTES;
	for (unsigned x = 0; x < n; x++)
		paint_cell(p, row_cell(row, x));
	if (n < cols && fill) {
		paint_style(p, &style);
		out_text(&p->o, "\x1b[K");
	}
	paint_style(p, &plain);
}

void paint_grid_down(struct painter *p, const struct grid *g)
{
	for (unsigned y = 0; y < g->n_rows; y++) {
		const struct row *row = grid_row(g, y);

		paint_row(p, row, g->cols);
		if (y + 1 == g->n_rows)
			break;
		if (row->wrapped)
			paint_wrap(p);
		else
			out_text(&p->o, "\r\n");
	}
	paint_protect(p, false);
}

void paint_grid_in_place(struct painter *p, const struct grid *g)
{
	bool continued = false;

	for (unsigned y = 0; y < g->n_rows; y++) {
		const struct row *row = grid_row(g, y);

		if (!continued)
			out_format(&p->o, "\x1b[%uH\x1b[K", y + 1);
		paint_row(p, row, g->cols);
		continued = row->wrapped && y + 1 < g->n_rows;
		if (continued)
			paint_wrap(p);
	}
	paint_protect(p, false);
}
