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
	return x < row->used ? row->cells[x] : row->fill;
}

/* Columns up to the last cell that is not a plain blank. */
unsigned row_length(const struct row *row, unsigned cols);
/* Makes cells below x stored ones. */
void row_reach(struct row *row, unsigned x);
/* Makes [from, to) safe to overwrite: stored up to `from`, and no half of a wide character left
 * over. */
void row_open(struct grid *g, struct row *row, unsigned from, unsigned to);
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
