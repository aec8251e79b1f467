/*
 * shadow - what a painted terminal shows, and the paint that is the difference to a model
 *
 * shadow.c keeps rows and states, paint_diff.c goes through the rows, paint_scroll.c finds what
 * moved as a whole, paint_move.c moves the cursor, paint_modes.c writes what is not cells.
 *
 * Cells:     the model's own, so that equal ones are equal numbers; a written space is a blank, and
 *            in a view nothing is protected. They are worth nothing once the model gave numbers
 *            back (term::sweeps): then every row is unknown.
 * Memory:    a row keeps cells up to its last one that is not `fill`; all rows together at most
 *            TERM_SHADOW_BYTES_MAX. A row beyond lives in `spare` while it is painted, and is
 *            unknown afterwards.
 * Resuming:  `next` is the row a stopped paint goes on with; of that row what was written is known.
 */
#ifndef COMMON_TERM_SHADOW_H
#define COMMON_TERM_SHADOW_H

#include "common/term/paint.h"

/* No cell of a model: there is no such cluster. */
#define SHADOW_UNKNOWN (CELL_CLUSTER | CELL_CODE)

struct shadow_row {
	uint64_t *cells;
	uint64_t fill; /* what every cell from `used` on is */
	uint16_t used, room;
	bool known; /* else anything may be here */
};

struct term_shadow {
	unsigned cols, n_rows;
	struct shadow_row *rows;
	uint64_t *spare;    /* the cells of a row there is no room for */
	size_t cells_bytes; /* of all rows */

	bool whole;              /* nothing is known: the next paint begins with a reset */
	bool done;               /* the terminal showed the model of `version` */
	bool sync;               /* it holds back what it gets */
	unsigned next;           /* row; 0: a round begins */
	uint64_t version;        /* of the model when the round began */
	uint64_t sweeps;         /* of the model whose numbers the cells have */
	unsigned view_x, view_y; /* column and row of the screen in the corner */
	bool view_alternate;     /* of the alternate screen */

	unsigned x, y; /* the terminal's cursor; x == cols: past the last column */
	bool placed;   /* x and y are so */
	struct paint_state state;
};

/* A row of the screen as the terminal is to show it. */
struct line {
	uint64_t cells[TERM_COLS_MAX];
	uint64_t fill; /* from `used` on, and what erasing leaves */
	unsigned used;
};

/* One call of term_shadow_paint(). */
struct differ {
	struct painter p;
	struct term_shadow *s;
	const struct grid *grid;
	size_t stop; /* of the output, in bytes */
};

static inline bool differ_full(const struct differ *d)
{
	return d->p.o.r || d->p.o.buf->n >= d->stop;
}

/* ---- shadow.c ---- */
static inline uint64_t shadow_cell(const struct shadow_row *row, unsigned x)
{
	return x < row->used ? row->cells[x] : row->fill;
}

/* Room for `used` cells in row y, at the cost of its memory if that must be the spare one. */
struct shadow_row *shadow_open(struct term_shadow *s, unsigned y, unsigned used);
void shadow_close(struct term_shadow *s, struct shadow_row *row); /* gives the spare one back */
void shadow_put(struct shadow_row *row, unsigned x, uint64_t cell);
void shadow_erase(struct shadow_row *row, unsigned from, uint64_t fill);
/* Rows [top, bottom) moved up by n, or down: the rows that come in are blank. */
void shadow_scroll(struct term_shadow *s, unsigned top, unsigned bottom, unsigned n, bool down);
void shadow_rows(struct term_shadow *s, bool known); /* all of them: blank, or unknown */

/* ---- paint_diff.c ---- */
void line_read(const struct differ *d, unsigned y, struct line *line);
/* The first column from x on where they differ; cols: none. */
unsigned line_next_difference(
	const struct shadow_row *row, const struct line *line, unsigned x, unsigned cols);

/* ---- paint_scroll.c: moves what moved ---- */
void differ_scroll(struct differ *d);

/* ---- paint_move.c: the cheapest way from where the cursor is ---- */
void differ_move(struct differ *d, unsigned x, unsigned y);
void differ_placed(struct differ *d, unsigned x, unsigned y);

#endif
