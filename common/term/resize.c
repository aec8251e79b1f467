#include <string.h>

#include "common/term/model.h"

#define ROW_COST 4u /* of a row, beside its cells, for the work of a resize */

/* ---- the primary screen: soft-wrapped lines are wrapped again ---- */

/* Where the rows of a new width go: the first `skip` into history, the others into a new grid.
 * Without a grid they are only counted. */
struct flow {
	struct term *t;
	struct grid *to;
	struct row scratch; /* collects a row for history */
	unsigned cols;
	unsigned skip;
	unsigned y, x;           /* of the next cell */
	unsigned mark_y, mark_x; /* where the cursor's cell went */
	bool full;               /* the grid has no row left: the rest is lost */
	bool spared;             /* protected cells may be in what comes */
};

static struct row *flow_row(struct flow *f)
{
	if (!f->to)
		return NULL;
	if (f->y < f->skip)
		return &f->scratch;
	f->full |= f->y - f->skip >= f->to->n_rows;
	return f->full ? NULL : grid_row(f->to, f->y - f->skip);
}

/* A row has left the screen; of very many only those that history keeps are pushed. */
static void flow_out(struct flow *f)
{
	struct history *h = &f->t->history;

	if (f->skip - f->y > h->max)
		h->total++;
	else
		f->t->work += history_push(f->t, &f->scratch, f->cols);
	f->scratch = (struct row){ .cells = f->scratch.cells };
}

static void flow_next(struct flow *f, bool wrapped, uint64_t fill)
{
	struct row *row = flow_row(f);

	if (row) {
		row->wrapped = wrapped;
		row->fill = fill;
	}
	if (row == &f->scratch)
		flow_out(f);
	f->y++;
	f->x = 0;
}

/* A cell where only narrow characters have room. */
static void flow_cell(struct flow *f, uint64_t cell)
{
	struct row *row;

	if (cell & (CELL_TAIL | CELL_WIDE))
		return;
	if (f->x == f->cols)
		flow_next(f, true, 0);
	row = flow_row(f);
	if (row) {
		row->cells[0] = cell;
		row->used = 1;
		row->spared |= f->spared;
	}
	f->x = 1;
}

/* Cells that belong to one line; a wide character is whole among them. */
static void flow_cells(struct flow *f, const uint64_t *cells, unsigned n)
{
	struct row *row;
	unsigned k;

	while (n) {
		k = n < f->cols - f->x ? n : f->cols - f->x;
		if (k && k < n && cells[k - 1] & CELL_WIDE)
			k--; /* it does not fit */
		if (!k) {
			flow_next(f, true, 0);
			continue;
		}
		row = flow_row(f);
		if (row) {
			memcpy(row->cells + f->x, cells, k * sizeof(*cells));
			row->used = (uint16_t)(f->x + k);
			row->spared |= f->spared;
		}
		f->x += k;
		cells += k;
		n -= k;
	}
}

static void flow_span(struct flow *f, const uint64_t *cells, unsigned n)
{
	if (f->cols >= 2)
		flow_cells(f, cells, n);
	else
		for (unsigned x = 0; x < n; x++)
			flow_cell(f, cells[x]);
}

/* How much of a row belongs to its line, and what is to the right of the screen: of a full row no
 * terminal knows with what it was cleared. */
static unsigned row_extent(
	const struct term *t, const struct grid *g, unsigned y, uint64_t *ret_beyond)
{
	const struct row *row = grid_row(g, y), *next;

	if (!row->wrapped)
		return row_tail(t, row, g->cols, ret_beyond);
	*ret_beyond = 0;
	next = y + 1 < g->n_rows ? grid_row(g, y + 1) : NULL;
	/* a wide character did not fit in the last column */
	if (next && row_cell(next, 0) & CELL_WIDE && !(row_cell(row, g->cols - 1) & CELL_CHAR))
		return g->cols - 1;
	return g->cols;
}

static void flow_line(struct flow *f, const struct grid *g, unsigned y, const struct cursor *c)
{
	struct row *row = grid_row(g, y);
	uint64_t beyond;
	const unsigned n = row_extent(f->t, g, y, &beyond);
	unsigned at = 0; /* cells before the cursor's, or behind a wide character it is amid */

	f->t->work += ROW_COST + n;
	row_reach(row, n);
	row_settle(row);
	f->spared = row->spared;
	if (y == c->y) {
		at = c->x < n ? c->x : n;
		at += at < n && row->cells[at] & CELL_TAIL;
		flow_span(f, row->cells, at);
		f->mark_y = f->y + (c->x < n && f->x == f->cols);
		f->mark_x = c->x >= n ? f->x + (c->x - n) : f->x == f->cols ? 0 : f->x;
	}
	flow_span(f, row->cells + at, n - at);
	if (!row->wrapped)
		flow_next(f, false, beyond);
}

static unsigned rows_in_use(const struct grid *g, const struct cursor *c)
{
	unsigned n = g->n_rows;

	while (n > c->y + 1 && !row_length(grid_row(g, n - 1), g->cols))
		n--;
	return n;
}

static void flow_run(struct flow *f, const struct grid *g, const struct cursor *c)
{
	const unsigned n = rows_in_use(g, c);

	f->y = f->x = 0;
	for (unsigned y = 0; y < n && !f->full; y++)
		flow_line(f, g, y, c);
	if (f->x)
		flow_next(f, false, 0);
}

static int reflow(struct term *t, const struct grid *from, struct grid *to, struct cursor *c)
{
	struct flow f = { .t = t, .cols = to->cols };
	const bool pending = c->pending;
	unsigned n;

	f.scratch.cells = malloc(to->cols * sizeof(*f.scratch.cells));
	if (!f.scratch.cells)
		return -ENOMEM;
	flow_run(&f, from, c);
	n = f.y > f.mark_y ? f.y : f.mark_y + 1; /* the cursor may be on a row of its own */
	f.skip = n > to->n_rows ? n - to->n_rows : 0;
	if (f.skip > f.mark_y)
		f.skip = f.mark_y;
	f.to = to;
	flow_run(&f, from, c);
	grid_row(to, to->n_rows - 1)->wrapped = false; /* what came after it is lost */
	free(f.scratch.cells);
	c->y = f.mark_y - f.skip;
	c->x = f.mark_x < to->cols ? f.mark_x : to->cols - 1;
	c->pending = pending && c->x == to->cols - 1;
	if (pending && !c->pending && c->x + 1 < to->cols)
		c->x++;
	return 0;
}

/* ---- the alternate screen: its program draws it anew, what fits stays ---- */

static void copy_row(const struct term *t, struct row *to, unsigned to_cols, struct row *from,
	unsigned from_cols)
{
	unsigned n = row_tail(t, from, from_cols, &to->fill);

	row_reach(from, n);
	row_settle(from);
	n = n < to_cols ? n : to_cols;
	memcpy(to->cells, from->cells, n * sizeof(*to->cells));
	to->used = (uint16_t)n;
	to->spared = from->spared;
	if (n && (to->cells[n - 1] & CELL_WIDE)) /* its other half is cut off */
		to->cells[n - 1] &= ~CELL_CHAR;
}

/* What it cost: rows and cells. */
static unsigned crop(const struct term *t, const struct grid *from, struct grid *to, unsigned above)
{
	unsigned cost = 0;

	for (unsigned y = 0; y < to->n_rows && y + above < from->n_rows; y++) {
		copy_row(t, grid_row(to, y), to->cols, grid_row(from, y + above), from->cols);
		cost += ROW_COST + grid_row(to, y)->used;
	}
	return cost;
}

static void cursor_clamp(struct cursor *c, unsigned cols, unsigned rows)
{
	c->x = c->x < cols ? c->x : cols - 1;
	c->y = c->y < rows ? c->y : rows - 1;
	c->pending = false;
}

static void grids_replace(struct term *t, struct grid grids[2])
{
	for (unsigned i = 0; i < ARRAY_SIZE(t->screens); i++) {
		grid_done(&t->screens[i].grid);
		t->screens[i].grid = grids[i];
	}
	t->cols = grids[0].cols;
	t->rows = grids[0].n_rows;
	t->top = 0;
	t->bottom = t->rows;
}

int term_resize(struct term *t, unsigned cols, unsigned rows)
{
	struct cursor *main = term_alternate(t) ? &t->screens[0].saved : &t->cursor;
	struct grid grids[ARRAY_SIZE(t->screens)] = { 0 };
	unsigned above = 0;
	int r;

	cols = cols < 1 ? 1 : cols > TERM_COLS_MAX ? TERM_COLS_MAX : cols;
	rows = rows < 1 ? 1 : rows > TERM_ROWS_MAX ? TERM_ROWS_MAX : rows;
	if (cols == t->cols && rows == t->rows)
		return 0;
	r = grid_init(&grids[0], cols, rows);
	if (!r)
		r = grid_init(&grids[1], cols, rows);
	if (!r)
		r = reflow(t, &t->screens[0].grid, &grids[0], main);
	if (r) {
		grid_done(&grids[0]);
		grid_done(&grids[1]);
		return err_fold(r);
	}
	if (term_alternate(t) && t->cursor.y >= rows)
		above = t->cursor.y - rows + 1;
	t->work += crop(t, &t->screens[1].grid, &grids[1], above);
	if (term_alternate(t)) {
		t->cursor.y -= above;
		cursor_clamp(&t->cursor, cols, rows);
	} else {
		cursor_clamp(&t->screens[0].saved, cols, rows);
	}
	cursor_clamp(&t->screens[1].saved, cols, rows);
	grids_replace(t, grids);
	t->version++;
	return 0;
}
