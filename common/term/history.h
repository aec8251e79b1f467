/*
 * history - lines that left the primary screen at its top, packed into one ring of bytes
 *
 * A line is its text (a byte a cell where all of it is ASCII, else four) and runs of styles.
 * Bounds:  lines, and lines * HISTORY_LINE_BYTES: beyond either the oldest go.
 * Errors:  without memory a line is dropped; the count of lines ever pushed still moves.
 */
#ifndef COMMON_TERM_HISTORY_H
#define COMMON_TERM_HISTORY_H

#include "common/term/grid.h"
#include "common/term/pool.h"

#define HISTORY_LINE_BYTES ((size_t)512) /* an average the bound allows for */

struct history {
	uint8_t *data; /* ring of packed lines; none lies across the end */
	size_t cap;
	uint32_t *offsets;  /* ring of the lines' places in data */
	unsigned max;       /* lines */
	unsigned n_offsets; /* room in offsets; grows up to max */
	unsigned first, n;  /* of offsets */
	size_t write;       /* where the next line goes */
	uint64_t total;     /* lines ever pushed */
};

void history_init(struct history *h, unsigned max_lines);
void history_done(struct history *h);
void history_clear(struct history *h); /* the count of lines ever pushed stays */
size_t history_memory(const struct history *h);
void history_push(struct history *h, struct row *row, unsigned cols);
/* Marks the styles and clusters that lines have. */
void history_mark(const struct history *h, struct pool *styles, struct pool *clusters);
/* Line i, 0 the oldest: its cells (room for TERM_COLS_MAX), and whether it goes on in the next. */
unsigned history_line(const struct history *h, unsigned i, uint64_t *cells, bool *ret_wrapped);

#endif
