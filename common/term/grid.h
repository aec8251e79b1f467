/*
 * grid - the rows of one screen: cells moved as little as can be
 *
 * Which row is shown where is a list of numbers, in twice the room it takes: scrolling the whole
 * screen moves the list's start, scrolling a region moves numbers, two bytes a row, never cells. Of a
 * row only cells below `used` are stored, and among them those of the gap are not; the rest all equal
 * `fill`. So clearing costs a row header, whatever the width, and a character far to the right costs
 * no more than one at the start. Every change goes through the functions here.
 *
 * Units:   columns and rows, 0-based; [from, to). Callers pass what lies inside the grid.
 * Invariant: a lead (CELL_WIDE) is followed by its tail (CELL_TAIL), a tail preceded by its lead. The
 *          gap lies below `used`; without one it is [0, 0).
 */
#ifndef COMMON_TERM_GRID_H
#define COMMON_TERM_GRID_H

#include "common/term/cell.h"

struct row {
	uint64_t *cells;
	uint64_t fill; /* what every cell from `used` on is */
	uint16_t used;
	uint16_t gap, gap_end; /* cells within are `fill` too, and not stored */
	bool wrapped;          /* the line goes on in the next row */
	bool spared;           /* a protected cell may be here */
	bool veiled; /* erased but for protected cells: what else is stored counts as `fill` */
};

#define ROW_GAP_MIN 16u /* what is narrower is written out */

struct grid {
	struct row *rows;
	uint16_t *order;  /* their numbers from the top: n_rows of them, within `orders` */
	uint16_t *orders; /* room for twice as many */
	uint64_t *cells;  /* of all rows */
	unsigned cols, n_rows;
};

int grid_init(struct grid *g, unsigned cols, unsigned n_rows);
void grid_done(struct grid *g);
size_t grid_memory(const struct grid *g);

static inline struct row *grid_row(const struct grid *g, unsigned y)
{
	return &g->rows[g->order[y]];
}

/* Whether x is in [from, to). */
static inline bool within(unsigned x, unsigned from, unsigned to)
{
	return x - from < to - from;
}

static inline uint64_t row_cell(const struct row *row, unsigned x)
{
	if (x >= row->used || within(x, row->gap, row->gap_end) ||
		(row->veiled && !(row->cells[x] & CELL_PROTECTED)))
		return row->fill;
	return row->cells[x];
}

/* Stores the cells of [from, to), which are `fill`. */
static inline void row_put_fill(struct row *row, unsigned from, unsigned to)
{
	for (unsigned x = from; x < to; x++)
		row->cells[x] = row->fill;
}

/* Writes out what a selective erase left to do. */
void row_unveil_slow(struct row *row);
/* Makes [from, to), which meets the gap and is about to be written, none of it. */
void row_gap_cut(struct row *row, unsigned from, unsigned to);
/* Columns up to the last cell that is not a plain blank. */
unsigned row_length(const struct row *row, unsigned cols);

/* Every change begins with it. */
static inline void row_unveil(struct row *row)
{
	if (row->veiled)
		row_unveil_slow(row);
}

/* Every cell below `used` is stored then. */
static inline void row_settle(struct row *row)
{
	row_unveil(row);
	row_put_fill(row, row->gap, row->gap_end);
	row->gap = row->gap_end = 0;
}

/* Makes cells below x stored ones, or the gap. */
static inline void row_reach(struct row *row, unsigned x)
{
	if (x <= row->used)
		return;
	if (x - row->used < ROW_GAP_MIN || row->gap_end) {
		row_put_fill(row, row->used, x);
	} else {
		row->gap = row->used;
		row->gap_end = (uint16_t)x;
	}
	row->used = (uint16_t)x;
}

/* A wide character that lies across the edge before x becomes two blanks of its style. */
static inline void row_split(struct row *row, unsigned x)
{
	if (x == 0 || x >= row->used || within(x, row->gap, row->gap_end) ||
		!(row->cells[x] & CELL_TAIL))
		return;
	row->cells[x - 1] &= ~CELL_CHAR;
	row->cells[x] &= ~CELL_CHAR;
}

/* Makes [from, to) safe to overwrite: stored up to `from`, no half of a wide character left
 * over. */
static inline void row_open(struct row *row, unsigned from, unsigned to)
{
	row_unveil(row);
	if (from >= row->used) {
		row_reach(row, from);
		return;
	}
	row_split(row, from);
	row_split(row, to);
	if (from < row->gap_end && to > row->gap)
		row_gap_cut(row, from, to);
}

/* Makes the whole row blank. */
static inline void row_clear(struct row *row, uint64_t blank)
{
	*row = (struct row){ .cells = row->cells, .fill = blank };
}

/* The same where protected cells may be: costs nothing until the row changes. */
static inline void row_veil(struct row *row, uint64_t blank)
{
	row->veiled = true;
	row->fill = blank;
	row->wrapped = false;
}

void row_erase(struct grid *g, struct row *row, unsigned from, unsigned to, uint64_t blank);
/* The same, sparing protected cells. */
void row_erase_unprotected(
	struct grid *g, struct row *row, unsigned from, unsigned to, uint64_t blank);
void row_insert(struct grid *g, struct row *row, unsigned x, unsigned n, uint64_t blank);
void row_delete(struct grid *g, struct row *row, unsigned x, unsigned n, uint64_t blank);

/* Moves rows [top, bottom) up or down by n; the rows that come in are blank. */
void grid_scroll_up(struct grid *g, unsigned top, unsigned bottom, unsigned n, uint64_t blank);
void grid_scroll_down(struct grid *g, unsigned top, unsigned bottom, unsigned n, uint64_t blank);
/* Makes every cell of the screen this one. */
void grid_fill(struct grid *g, uint64_t cell);

#endif
