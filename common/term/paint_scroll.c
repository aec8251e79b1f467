/* What moved up or down as a whole is moved by the terminal: found by comparing rows by hash. */
#include "common/term/shadow.h"

#define SCROLLS_MAX 4                  /* in one paint: windows one above the other */
#define SCROLL_CELLS_MAX (128u * 1024) /* larger screens are not searched */
#define SCROLL_STEPS_MAX (64u * 1024)  /* comparisons of two rows' hashes, each way */
#define SCROLL_COST 20                 /* cells: about what the sequences of a scroll weigh */
#define ROW_COST 4                     /* so too, going to a row */
#define SCROLL_FEEDS_MAX 6             /* the whole screen: by so many line feeds at most */

static const struct style plain;

struct scan {
	unsigned n;
	uint64_t was[TERM_ROWS_MAX], now[TERM_ROWS_MAX]; /* hashes */
	uint16_t differs[TERM_ROWS_MAX];                 /* cells to write in place */
	int32_t redraw[TERM_ROWS_MAX + 1]; /* sum over the rows before: what it costs more to
	                                    * write a row anew than to change what is there */
};

struct scroll {
	unsigned top, bottom, n;
	bool down;
	int32_t gain; /* cells that need not be written */
};

static uint64_t hash_step(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t hash_cells(const uint64_t *cells, unsigned used, uint64_t fill)
{
	uint64_t h = hash_step(used, fill);

	for (unsigned x = 0; x < used; x++)
		h = hash_step(h, cells[x]);
	return h;
}

static uint64_t hash_shadow(const struct shadow_row *row, unsigned cols, unsigned y)
{
	unsigned used = row->used;

	if (!row->known)
		return y; /* like nothing else */
	while (used && row->cells[used - 1] == row->fill)
		used--;
	return hash_cells(row->cells, used, used < cols ? row->fill : 0);
}

/* Cells to write in a row that differs; what is erased to its end counts as two. */
static unsigned count_differences(
	const struct shadow_row *row, const struct line *line, unsigned cols)
{
	unsigned n = 0, x;

	if (!row->known)
		return line->used + ROW_COST;
	for (x = 0; x < line->used; x++)
		n += shadow_cell(row, x) != line->cells[x];
	return n + (line_next_difference(row, line, x, cols) < cols ? 2 : 0) + ROW_COST;
}

/* False: nothing worth a search differs. */
static bool scan_rows(const struct differ *d, struct scan *scan)
{
	const struct term_shadow *s = d->s;
	struct line line;
	unsigned total = 0;

	scan->n = s->n_rows;
	scan->redraw[0] = 0;
	for (unsigned y = 0; y < s->n_rows; y++) {
		const struct shadow_row *row = &s->rows[y];

		line_read(d, y, &line);
		scan->was[y] = hash_shadow(row, s->cols, y);
		scan->now[y] = hash_cells(line.cells, line.used, line.fill);
		scan->differs[y] = 0;
		if (scan->was[y] != scan->now[y])
			scan->differs[y] = (uint16_t)count_differences(row, &line, s->cols);
		total += scan->differs[y];
		scan->redraw[y + 1] = scan->redraw[y] + scan->differs[y];
		if (line.used)
			scan->redraw[y + 1] -= (int32_t)line.used + ROW_COST;
	}
	return total > SCROLL_COST;
}

/* The rows from `from` on, counted in the direction of the scroll. */
static int32_t redraw_sum(const struct scan *scan, bool down, unsigned from, unsigned n)
{
	if (down)
		return scan->redraw[scan->n - from] - scan->redraw[scan->n - from - n];
	return scan->redraw[from + n] - scan->redraw[from];
}

/* The best region whose content moved by n rows: the run of rows that saves most, less what it
 * costs to write those that come in. A scroll down is one up on a screen turned over. */
static void scan_shift(const struct scan *scan, unsigned n, bool down, struct scroll *best)
{
	unsigned start = 0;
	int32_t run = 0;

	for (unsigned i = 0; i + n < scan->n; i++) {
		const unsigned to = down ? scan->n - 1 - i : i, from = down ? to - n : to + n;
		const bool same = scan->now[to] == scan->was[from];
		int32_t gain;

		if (run <= 0) {
			run = 0;
			start = i;
		}
		run += same ? scan->differs[to] : redraw_sum(scan, down, i, 1);
		gain = run + redraw_sum(scan, down, i + 1, n);
		if (!same || gain <= best->gain)
			continue;
		*best = (struct scroll){ .n = n, .down = down, .gain = gain };
		best->top = down ? scan->n - (i + 1 + n) : start;
		best->bottom = down ? scan->n - start : i + 1 + n;
	}
}

static bool scroll_find(const struct differ *d, struct scroll *ret)
{
	struct scan scan;
	unsigned most;

	*ret = (struct scroll){ .gain = SCROLL_COST };
	if (!scan_rows(d, &scan))
		return false;
	most = (unsigned)min_size(scan.n - 1, SCROLL_STEPS_MAX / scan.n);
	for (unsigned n = 1; n <= most; n++) {
		scan_shift(&scan, n, false, ret);
		scan_shift(&scan, n, true, ret);
	}
	return ret->n > 0;
}

/* Deleting and inserting lines, not SU and SD: what goes is not kept in any scrollback. */
static void scroll_paint(struct differ *d, const struct scroll *sc)
{
	const unsigned rows = d->s->n_rows;
	const bool margins = sc->bottom < rows;

	paint_style(&d->p, &plain); /* what comes in is blank */
	if (sc->top == 0 && !margins && !sc->down && sc->n <= SCROLL_FEEDS_MAX) {
		differ_move(d, 0, rows - 1);
		for (unsigned i = 0; i < sc->n; i++)
			out_byte(&d->p.o, '\n');
		return;
	}
	if (margins) {
		out_format(&d->p.o, "\x1b[%u;%ur", sc->top + 1, sc->bottom);
		differ_placed(d, 0, 0);
	}
	differ_move(d, 0, sc->top);
	if (sc->n > 1)
		out_format(&d->p.o, "\x1b[%u%c", sc->n, sc->down ? 'L' : 'M');
	else
		out_format(&d->p.o, "\x1b[%c", sc->down ? 'L' : 'M');
	if (margins) {
		out_text(&d->p.o, "\x1b[r");
		differ_placed(d, 0, 0);
	}
}

void differ_scroll(struct differ *d)
{
	struct scroll sc;

	if (d->s->n_rows < 2 || (size_t)d->s->n_rows * d->s->cols > SCROLL_CELLS_MAX)
		return;
	for (unsigned i = 0; i < SCROLLS_MAX && scroll_find(d, &sc); i++) {
		scroll_paint(d, &sc);
		shadow_scroll(d->s, sc.top, sc.bottom, sc.n, sc.down);
	}
}
