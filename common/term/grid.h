/*
 * grid - the rows of one screen: cells moved as little as can be
 *
 * Rows form a ring: scrolling the whole screen moves its head, scrolling a region moves row
 * headers, never cells. Of a row only cells below `used` are stored; the rest all equal `fill`, so
 * that clearing costs a row header, whatever the width. Every change goes through the functions
 * here.
 *
 * Units:   columns and rows, 0-based; [from, to). Callers pass what lies inside the grid.
 * Invariant: a lead (CELL_WIDE) is followed by its tail (CELL_TAIL), a tail preceded by its lead.
 */
#ifndef COMMON_TERM_GRID_H
#define COMMON_TERM_GRID_H

#include "common/term/cell.h"

struct row {
	uint64_t *cells;
	uint64_t fill; /* what every cell from `used` on is */
	uint16_t used;
	bool wrapped; /* the line goes on in the next row */
	bool spared;  /* a protected cell may be here */
	bool veiled;  /* erased but for protected cells: what else is stored counts as `fill` */
};

struct grid {
	struct row *rows;
	uint64_t *cells; /* of all rows */
	unsigned cols, n_rows;
	unsigned head; /* index of the row shown first */
};

int grid_init(struct grid *g, unsigned cols, unsigned n_rows);
void grid_done(struct grid *g);
size_t grid_memory(const struct grid *g);

static inline struct row *grid_row(const struct grid *g, unsigned y)
{
	unsigned i = g->head + y;

	return &g->rows[i >= g->n_rows ? i - g->n_rows : i];
}

static inline uint64_t row_cell(const struct row *row, unsigned x)
{
	if (x >= row->used || (row->veiled && !(row->cells[x] & CELL_PROTECTED)))
		return row->fill;
	return row->cells[x];
}

/* Writes out what a selective erase left to do; every change begins with it. */
void row_unveil_slow(struct row *row);

static inline void row_unveil(struct row *row)
{
	if (row->veiled)
		row_unveil_slow(row);
}

/* Columns up to the last cell that is not a plain blank. */
unsigned row_length(const struct row *row, unsigned cols);
/* Makes cells below x stored ones. */
static inline void row_reach(struct row *row, unsigned x)
{
	for (unsigned i = row->used; i < x; i++)
		row->cells[i] = row->fill;
	if (x > row->used)
		row->used = (uint16_t)x;
}

/* A wide character that lies across the edge before x becomes two blanks of its style. */
static inline void row_split(struct row *row, unsigned x)
{
	if (x == 0 || x >= row->used || !(row->cells[x] & CELL_TAIL))
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
}

/* Makes the whole row blank. */
static inline void row_clear(struct row *row, uint64_t blank)
{
	row->used = 0;
	row->fill = blank;
	row->wrapped = row->spared = row->veiled = false;
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
