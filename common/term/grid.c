#include "common/term/grid.h"

#include <string.h>

#include "common/term/term.h"

int grid_init(struct grid *g, unsigned cols, unsigned n_rows)
{
	size_t n;

	if (!size_mul(cols, n_rows, &n))
		return -ENOMEM;
	*g = (struct grid){ .cols = cols, .n_rows = n_rows };
	g->rows = calloc(n_rows, sizeof(*g->rows));
	g->orders = calloc(2 * (size_t)n_rows, sizeof(*g->orders));
	g->cells = malloc(n * sizeof(*g->cells)); /* none is stored yet */
	if (!g->rows || !g->orders || !g->cells) {
		grid_done(g);
		return -ENOMEM;
	}
	g->order = g->orders;
	for (unsigned y = 0; y < n_rows; y++) {
		g->rows[y].cells = g->cells + (size_t)y * cols;
		g->order[y] = (uint16_t)y;
	}
	return 0;
}

void grid_done(struct grid *g)
{
	free(g->rows);
	free(g->orders);
	free(g->cells);
	*g = (struct grid){ 0 };
}

size_t grid_memory(const struct grid *g)
{
	return g->n_rows *
	       (sizeof(*g->rows) + 2 * sizeof(*g->orders) + g->cols * sizeof(*g->cells));
}

unsigned row_length(const struct row *row, unsigned cols)
{
	unsigned n = row->fill ? cols : row->used;

	while (n && !row_cell(row, n - 1))
		n--;
	return n;
}

/* Cells of [from, to) that are stored and not protected become blank. */
static void blank_stored(struct row *row, unsigned from, unsigned to, uint64_t blank)
{
	uint64_t *cells = row->cells;
	cells_v v, keep;

	for (; from + CELLS_LANES <= to; from += CELLS_LANES) {
		memcpy(&v, cells + from, sizeof(v));
		keep = -(v / CELL_PROTECTED & 1);
		v = (v & keep) | (blank & ~keep);
		memcpy(cells + from, &v, sizeof(v));
	}
	for (; from < to; from++)
		cells[from] = cells[from] & CELL_PROTECTED ? cells[from] : blank;
}

/* The same for all of them, where no wide character lies across an edge. Up to the first protected
 * cell they are stored no longer, so that doing it again costs less. */
static void blank_all(struct row *row, unsigned from, unsigned to, uint64_t blank)
{
	unsigned n = from;

	while (!row->gap_end && row->fill == blank && n < to && !(row->cells[n] & CELL_PROTECTED))
		n++;
	if (n - from >= ROW_GAP_MIN) {
		row->gap = (uint16_t)from;
		row->gap_end = (uint16_t)n;
	}
	blank_stored(row, from, row->gap < to ? row->gap : to, blank);
	blank_stored(row, row->gap_end > from ? row->gap_end : from, to, blank);
}

void row_unveil_slow(struct row *row)
{
	row->veiled = false;
	blank_all(row, 0, row->used, row->fill);
}

void row_gap_cut(struct row *row, unsigned from, unsigned to)
{
	const unsigned left = from > row->gap ? from - row->gap : 0;
	const unsigned right = to < row->gap_end ? row->gap_end - to : 0;

	if (left < right) { /* the wider of what is on either side stays a gap */
		row_put_fill(row, row->gap, row->gap + left);
		row->gap = (uint16_t)to;
		return;
	}
	row_put_fill(row, row->gap_end - right, row->gap_end);
	row->gap_end = left ? (uint16_t)from : 0;
	row->gap = left ? row->gap : 0;
}

/* Nothing is stored from x on. */
static void row_cut(struct row *row, unsigned x)
{
	if (row->used <= x)
		return;
	row->used = (uint16_t)x;
	if (row->gap_end > x)
		row->gap_end = row->gap < x ? (uint16_t)x : 0;
	if (!row->gap_end)
		row->gap = 0;
}

static void row_erase_rest(struct row *row, unsigned from, uint64_t blank)
{
	row_split(row, from);
	if (row->fill != blank)
		row_reach(row, from);
	row_cut(row, from);
	if (row->fill != blank)
		row_settle(row);
	row->fill = blank;
}

/* [from, to) is stored no longer, where that leaves one gap. */
static bool gap_join(struct row *row, unsigned from, unsigned to)
{
	if (row->gap_end ? to < row->gap || from > row->gap_end : to - from < ROW_GAP_MIN)
		return false;
	if (!row->gap_end || from < row->gap)
		row->gap = (uint16_t)from;
	if (to > row->gap_end)
		row->gap_end = (uint16_t)to;
	return true;
}

void row_erase(struct grid *g, struct row *row, unsigned from, unsigned to, uint64_t blank)
{
	row_unveil(row);
	if (to >= g->cols) {
		row_erase_rest(row, from, blank);
		row->wrapped = false;
		return;
	}
	if (to >= row->used && row->fill == blank) {
		row_split(row, from);
		row_cut(row, from);
		return;
	}
	row_split(row, from);
	row_split(row, to);
	if (row->fill == blank && gap_join(row, from, to))
		return;
	row_open(row, from, to);
	for (unsigned x = from; x < to; x++)
		row->cells[x] = blank;
	if (to > row->used)
		row->used = (uint16_t)to;
}

void row_erase_unprotected(
	struct grid *g, struct row *row, unsigned from, unsigned to, uint64_t blank)
{
	unsigned end = row->used < to ? row->used : to;

	if (!row->spared) {
		row_erase(g, row, from, to, blank);
		return;
	}
	if (from == 0 && to >= g->cols) {
		row_veil(row, blank);
		return;
	}
	row_unveil(row);
	if (row->fill != blank)
		row_settle(row);
	if (from < end) { /* both halves of a wide character are protected, or none */
		if (!(row_cell(row, from) & CELL_PROTECTED))
			row_split(row, from);
		if (!(row_cell(row, end - 1) & CELL_PROTECTED))
			row_split(row, end);
		blank_all(row, from, end, blank);
	}
	if (end < to)
		row_erase(g, row, from > end ? from : end, to, blank);
	if (to >= g->cols)
		row->wrapped = false;
}

void row_insert(struct grid *g, struct row *row, unsigned x, unsigned n, uint64_t blank)
{
	unsigned used, keep;

	row_unveil(row);
	row->wrapped = false;
	if (x >= row->used && row->fill == blank)
		return;
	if (n > g->cols - x)
		n = g->cols - x;
	row_reach(row, x);
	if (x < row->gap_end)
		row_settle(row);
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
}

/* What is stored before the gap and behind it moves, and the gap itself. */
static void delete_cells(struct row *row, unsigned x, unsigned n)
{
	uint64_t *cells = row->cells;
	const unsigned gap = row->gap, end = row->gap_end;
	const unsigned rest = x + n > end ? x + n : end;

	if (x < end) {
		if (x + n < gap)
			memmove(cells + x, cells + x + n, (gap - x - n) * sizeof(*cells));
		row->gap = (uint16_t)(x >= gap ? gap : x + n < gap ? gap - n : x);
		row->gap_end = (uint16_t)(x + n < end ? end - n : x);
		if (row->gap == row->gap_end)
			row->gap = row->gap_end = 0;
	}
	memmove(cells + rest - n, cells + rest, (row->used - rest) * sizeof(*cells));
	row->used = (uint16_t)(row->used - n);
}

void row_delete(struct grid *g, struct row *row, unsigned x, unsigned n, uint64_t blank)
{
	row_unveil(row);
	row->wrapped = false;
	if (x >= row->used && row->fill == blank)
		return;
	if (n > g->cols - x)
		n = g->cols - x;
	if (row->fill != blank) {
		row_reach(row, g->cols);
		row_settle(row);
	}
	row_split(row, x);
	if (x + n >= row->used) {
		row_reach(row, x);
		row_cut(row, x);
	} else {
		row_split(row, x + n);
		delete_cells(row, x, n);
	}
	row->fill = blank;
}

/* The first n rows of the screen become its last ones, where there is no room by way of the list's
 * start. */
static void order_up(struct grid *g, unsigned n)
{
	const size_t bytes = g->n_rows * sizeof(*g->order);

	if (g->order + n > g->orders + g->n_rows) {
		memmove(g->orders, g->order, bytes);
		g->order = g->orders;
	}
	if (n == 1)
		g->order[g->n_rows] = *g->order;
	else
		memcpy(g->order + g->n_rows, g->order, n * sizeof(*g->order));
	g->order += n;
}

static void order_down(struct grid *g, unsigned n)
{
	const size_t bytes = g->n_rows * sizeof(*g->order);

	if (g->order < g->orders + n) {
		memmove(g->orders + g->n_rows, g->order, bytes);
		g->order = g->orders + g->n_rows;
	}
	g->order -= n;
	memcpy(g->order, g->order + g->n_rows, n * sizeof(*g->order));
}

/* Rows [top, bottom) with the first n moved to the end. */
static void rows_rotate(struct grid *g, unsigned top, unsigned bottom, unsigned n)
{
	const unsigned stay = bottom - top - n;
	uint16_t *const order = g->order + top, moved[TERM_ROWS_MAX];

	memcpy(moved, order, n * sizeof(*order));
	memmove(order, order + n, stay * sizeof(*order));
	memcpy(order + stay, moved, n * sizeof(*order));
}

void grid_scroll_up(struct grid *g, unsigned top, unsigned bottom, unsigned n, uint64_t blank)
{
	if (n > bottom - top)
		n = bottom - top;
	if (top > 0)
		grid_row(g, top - 1)->wrapped = false;
	if (n && top == 0 && bottom == g->n_rows)
		order_up(g, n);
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
	if (top == 0 && bottom == g->n_rows)
		order_down(g, n);
	else if (n < bottom - top)
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
