#include "common/term/grid.h"

#include <string.h>

int grid_init(struct grid *g, unsigned cols, unsigned n_rows)
{
	size_t n;

	if (!size_mul(cols, n_rows, &n))
		return -ENOMEM;
	*g = (struct grid){ .cols = cols, .n_rows = n_rows };
	g->rows = calloc(n_rows, sizeof(*g->rows));
	g->cells = calloc(n, sizeof(*g->cells));
	if (!g->rows || !g->cells) {
		grid_done(g);
		return -ENOMEM;
	}
	for (unsigned y = 0; y < n_rows; y++)
		g->rows[y].cells = g->cells + (size_t)y * cols;
	return 0;
}

void grid_done(struct grid *g)
{
	free(g->rows);
	free(g->cells);
	*g = (struct grid){ 0 };
}

size_t grid_memory(const struct grid *g)
{
	return g->n_rows * (sizeof(*g->rows) + g->cols * sizeof(*g->cells));
}

unsigned row_length(const struct row *row, unsigned cols)
{
	unsigned n = row->fill ? cols : row->used;

	while (n && !row_cell(row, n - 1))
		n--;
	return n;
}

void row_unveil_slow(struct row *row)
{
	/* both halves of a wide character are protected, or none */
	for (unsigned x = 0; x < row->used; x++)
		row->cells[x] = row->cells[x] & CELL_PROTECTED ? row->cells[x] : row->fill;
	row->veiled = false;
}

void row_erase(struct grid *g, struct row *row, unsigned from, unsigned to, uint64_t blank)
{
	row_unveil(row);
	if (to >= g->cols) {
		row_split(row, from);
		if (row->fill != blank)
			row_reach(row, from);
		if (row->used > from)
			row->used = (uint16_t)from;
		row->fill = blank;
		row->wrapped = false;
		return;
	}
	if (from >= row->used && row->fill == blank)
		return;
	row_reach(row, to);
	row_split(row, from);
	row_split(row, to);
	for (unsigned x = from; x < to; x++)
		row->cells[x] = blank;
}

void row_erase_unprotected(
	struct grid *g, struct row *row, unsigned from, unsigned to, uint64_t blank)
{
	unsigned end = row->used < to ? row->used : to;

	if (!row->spared) {
		row_erase(g, row, from, to, blank);
		return;
	}
	if (from == 0 && to >= g->cols) { /* costs nothing until the row changes */
		row->veiled = true;
		row->fill = blank;
		row->wrapped = false;
		return;
	}
	row_unveil(row);
	for (unsigned x = from; x < end; x++) {
		if (row->cells[x] & CELL_PROTECTED)
			continue;
		row_split(row, x);
		row_split(row, x + 1);
		row->cells[x] = blank;
	}
	if (end < to)
		row_erase(g, row, from > end ? from : end, to, blank);
}

void row_insert(struct grid *g, struct row *row, unsigned x, unsigned n, uint64_t blank)
{
	unsigned used, keep;

	row_unveil(row);
	if (x >= row->used && row->fill == blank)
		return;
	if (n > g->cols - x)
		n = g->cols - x;
	row_reach(row, x);
	row_split(row, x);
	used = row->used + n;
	if (used > g->cols)
		used = g->cols;
	keep = used - x - n;
	row_split(row, x + keep);
	memmove(row->cells + x + n, row->cells + x, keep * sizeof(*row->cells));
	for (unsigned i = x; i < x + n; i++)
		row->cells[i] = blank;
	row->used = (uint16_t)used;
	row->wrapped = false;
}

void row_delete(struct grid *g, struct row *row, unsigned x, unsigned n, uint64_t blank)
{
	row_unveil(row);
	if (x >= row->used && row->fill == blank)
		return;
	if (n > g->cols - x)
		n = g->cols - x;
	if (row->fill != blank)
		row_reach(row, g->cols);
	row->wrapped = false;
	row_split(row, x);
	if (x + n >= row->used) {
		row_reach(row, x);
		row->used = (uint16_t)x;
		row->fill = blank;
		return;
	}
	row_split(row, x + n);
	memmove(row->cells + x, row->cells + x + n, (row->used - x - n) * sizeof(*row->cells));
	row->used = (uint16_t)(row->used - n);
	row->fill = blank;
}

static void rows_reverse(struct grid *g, unsigned first, unsigned last)
{
	while (first + 1 < last) {
		struct row *a = grid_row(g, first++), *b = grid_row(g, --last), swap = *a;

		*a = *b;
		*b = swap;
	}
}

/* Rows [top, bottom) with the first n moved to the end. */
static void rows_rotate(struct grid *g, unsigned top, unsigned bottom, unsigned n)
{
	struct row first;

	if (n == 1) {
		first = *grid_row(g, top);
		for (unsigned y = top; y + 1 < bottom; y++)
			*grid_row(g, y) = *grid_row(g, y + 1);
		*grid_row(g, bottom - 1) = first;
		return;
	}
	rows_reverse(g, top, top + n);
	rows_reverse(g, top + n, bottom);
	rows_reverse(g, top, bottom);
}

void grid_scroll_up(struct grid *g, unsigned top, unsigned bottom, unsigned n, uint64_t blank)
{
	if (n > bottom - top)
		n = bottom - top;
	if (top > 0)
		grid_row(g, top - 1)->wrapped = false;
	if (n && top == 0 && bottom == g->n_rows)
		g->head = g->head + n < g->n_rows ? g->head + n : g->head + n - g->n_rows;
	else if (n && n < bottom - top)
		rows_rotate(g, top, bottom, n);
	for (unsigned y = bottom - n; y < bottom; y++)
		row_clear(grid_row(g, y), blank);
	if (n && bottom - n > top && bottom < g->n_rows)
		grid_row(g, bottom - n - 1)->wrapped = false;
}

void grid_scroll_down(struct grid *g, unsigned top, unsigned bottom, unsigned n, uint64_t blank)
{
	if (n > bottom - top)
		n = bottom - top;
	if (!n)
		return;
	if (top > 0)
		grid_row(g, top - 1)->wrapped = false;
	if (n < bottom - top)
		rows_rotate(g, top, bottom, bottom - top - n);
	for (unsigned y = top; y < top + n; y++)
		row_clear(grid_row(g, y), blank);
	grid_row(g, bottom - 1)->wrapped = false;
}

void grid_fill(struct grid *g, uint64_t cell)
{
	for (unsigned y = 0; y < g->n_rows; y++)
		row_clear(&g->rows[y], cell);
}
