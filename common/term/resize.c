#include <string.h>

#include "common/term/model.h"

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

static void flow_next(struct flow *f, bool wrapped, uint64_t fill)
{
	struct row *row = flow_row(f);

	if (row) {
		row->wrapped = wrapped;
		row->fill = fill;
	}
	if (row == &f->scratch) {
		history_push(f->t, row, f->cols);
		f->scratch = (struct row){ .cells = f->scratch.cells };
	}
	f->y++;
	f->x = 0;
}

static void flow_cell(struct flow *f, uint64_t cell)
{
	const unsigned width = cell & CELL_WIDE ? 2 : 1;
	struct row *row;

	if (cell & CELL_TAIL || width > f->cols)
		return;
	if (f->x + width > f->cols)
		flow_next(f, true, 0);
	row = flow_row(f);
	if (row) {
		row_reach(row, f->x);
		row->cells[f->x] = cell;
		if (width == 2)
			row->cells[f->x + 1] = (cell & ~(CELL_CHAR)) | CELL_TAIL;
		row->used = (uint16_t)(f->x + width);
		row->spared |= (cell & CELL_PROTECTED) != 0;
	}
	f->x += width;
}

/* How much of a row belongs to its line. */
static unsigned row_extent(const struct grid *g, unsigned y)
{
	const struct row *row = grid_row(g, y), *next;

	if (row->fill & CELL_CHAR)
		return g->cols;
	if (!row->wrapped)
		return row->fill ? row->used : row_length(row, g->cols);
	next = y + 1 < g->n_rows ? grid_row(g, y + 1) : NULL;
	/* a wide character did not fit in the last column */
	if (next && row_cell(next, 0) & CELL_WIDE && !(row_cell(row, g->cols - 1) & CELL_CHAR))
		return g->cols - 1;
	return g->cols;
}

static void flow_line(struct flow *f, const struct grid *g, unsigned y, const struct cursor *c)
{
	const struct row *row = grid_row(g, y);
	unsigned n = row_extent(g, y);

	for (unsigned x = 0; x < n; x++) {
		if (y == c->y && x == c->x) {
			f->mark_y = f->y + (f->x == f->cols);
			f->mark_x = f->x == f->cols ? 0 : f->x;
		}
		flow_cell(f, row_cell(row, x));
	}
	if (y == c->y && c->x >= n) {
		f->mark_y = f->y;
		f->mark_x = f->x + (c->x - n);
	}
	if (!row->wrapped)
		flow_next(f, false, row->fill & CELL_CHAR ? 0 : row->fill);
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
	free(f.scratch.cells);
	c->y = f.mark_y - f.skip;
	c->x = f.mark_x < to->cols ? f.mark_x : to->cols - 1;
	c->pending = pending && c->x == to->cols - 1;
	if (pending && !c->pending && c->x + 1 < to->cols)
		c->x++;
	return 0;
}

/* ---- the alternate screen: its program draws it anew, what fits stays ---- */

static void copy_row(struct row *to, unsigned to_cols, struct row *from)
{
	unsigned n;

	row_settle(from);
	n = from->used < to_cols ? from->used : to_cols;

	memcpy(to->cells, from->cells, n * sizeof(*to->cells));
	to->used = (uint16_t)n;
	to->fill = from->fill;
	to->spared = from->spared;
	if (n && (to->cells[n - 1] & CELL_WIDE)) /* its other half is cut off */
		to->cells[n - 1] &= ~CELL_CHAR;
}

static void crop(const struct grid *from, struct grid *to, unsigned above)
{
	for (unsigned y = 0; y < to->n_rows && y + above < from->n_rows; y++)
		copy_row(grid_row(to, y), to->cols, grid_row(from, y + above));
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
	crop(&t->screens[1].grid, &grids[1], above);
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
