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
	bool mark_past;          /* it was right behind what now fills its row */
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
		f->mark_past = c->x == n && f->x == f->cols;
		f->mark_x = c->x >= n ? f->x + (c->x - n) : f->x == f->cols ? 0 : f->x;
	}
	flow_span(f, row->cells + at, n - at);
	if (!row->wrapped)
		flow_next(f, false, beyond);
}

/* The primary screen's cursor. */
static struct cursor *main_cursor(struct term *t)
{
	return term_alternate(t) ? &t->screens[0].saved : &t->cursor;
}

static void flow_end(struct flow *f)
{
	if (f->x)
		flow_next(f, false, 0);
}

/* All is counted: which rows go where, from the top again. */
static void flow_place(struct flow *f, struct grid *to)
{
	const unsigned n = f->y > f->mark_y ? f->y : f->mark_y + 1; /* of the cursor alone, maybe */

	f->skip = n > to->n_rows ? n - to->n_rows : 0;
	if (f->skip > f->mark_y)
		f->skip = f->mark_y;
	f->to = to;
	f->y = f->x = 0;
}

static void flow_cursor(const struct flow *f, struct cursor *c)
{
	const bool pending = c->pending;

	c->y = f->mark_y - f->skip;
	c->x = f->mark_x < f->cols ? f->mark_x : f->cols - 1;
	c->pending = f->mark_past || (pending && c->x == f->cols - 1);
	if (pending && !c->pending && c->x + 1 < f->cols)
		c->x++;
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

static void crop_row(
	struct term *t, const struct grid *from, struct grid *to, unsigned above, unsigned y)
{
	if (y + above >= from->n_rows)
		return;
	copy_row(t, grid_row(to, y), to->cols, grid_row(from, y + above), from->cols);
	t->work += ROW_COST + grid_row(to, y)->used;
}

static void cursor_clamp(struct cursor *c, unsigned cols, unsigned rows)
{
	c->x = c->x < cols ? c->x : cols - 1;
	c->y = c->y < rows ? c->y : rows - 1;
	c->pending = false;
}

/* ---- in slices ---- */

/* Both screens at the new size, while those at the old one are shown. */
struct resize {
	enum {
		RESIZE_MEASURE, /* which rows of the primary screen are in use */
		RESIZE_COUNT,   /* those of the new width */
		RESIZE_FLOW,
		RESIZE_CROP,
		RESIZE_DONE,
	} stage;
	unsigned y;     /* the stage's next row */
	unsigned n;     /* rows in use */
	unsigned above; /* rows of the alternate screen that are cut off at its top */
	struct flow flow;
	struct grid grids[2];
};

struct resize *resize_free(struct resize *z)
{
	if (!z)
		return NULL;
	grid_done(&z->grids[0]);
	grid_done(&z->grids[1]);
	free(z->flow.scratch.cells);
	free(z);
	return NULL;
}

size_t resize_memory(const struct resize *z)
{
	return z ? sizeof(*z) + grid_memory(&z->grids[0]) + grid_memory(&z->grids[1]) +
			       z->flow.cols * sizeof(*z->flow.scratch.cells)
		 : 0;
}

static void stage_next(struct resize *z)
{
	z->stage++;
	z->y = 0;
}

static void step_measure(struct term *t, struct resize *z)
{
	const struct grid *g = &t->screens[0].grid;
	const struct row *row = grid_row(g, z->n - 1);

	t->work += ROW_COST + row->used;
	if (z->n > main_cursor(t)->y + 1 && !row_length(row, g->cols))
		z->n--;
	else
		stage_next(z);
}

static void step_flow(struct term *t, struct resize *z)
{
	flow_line(&z->flow, &t->screens[0].grid, z->y++, main_cursor(t));
	if (z->y < z->n && !z->flow.full)
		return;
	flow_end(&z->flow);
	if (z->stage == RESIZE_COUNT)
		flow_place(&z->flow, &z->grids[0]);
	else /* what came after it is lost */
		grid_row(&z->grids[0], z->grids[0].n_rows - 1)->wrapped = false;
	stage_next(z);
}

static void step_crop(struct term *t, struct resize *z)
{
	crop_row(t, &t->screens[1].grid, &z->grids[1], z->above, z->y++);
	if (z->y == z->grids[1].n_rows)
		stage_next(z);
}

static void resize_step(struct term *t, struct resize *z)
{
	if (z->stage == RESIZE_MEASURE)
		step_measure(t, z);
	else if (z->stage == RESIZE_CROP)
		step_crop(t, z);
	else
		step_flow(t, z);
}

static void grids_replace(struct term *t, struct grid grids[2])
{
	for (unsigned i = 0; i < ARRAY_SIZE(t->screens); i++) {
		const struct grid before = t->screens[i].grid;

		t->screens[i].grid = grids[i];
		grids[i] = before;
	}
	t->cols = t->screens[0].grid.cols;
	t->rows = t->screens[0].grid.n_rows;
	t->top = 0;
	t->bottom = t->rows;
}

static void resize_finish(struct term *t, struct resize *z)
{
	const unsigned cols = z->grids[0].cols, rows = z->grids[0].n_rows;

	flow_cursor(&z->flow, main_cursor(t));
	if (term_alternate(t)) {
		t->cursor.y -= z->above;
		cursor_clamp(&t->cursor, cols, rows);
	} else {
		cursor_clamp(&t->screens[0].saved, cols, rows);
	}
	cursor_clamp(&t->screens[1].saved, cols, rows);
	grids_replace(t, z->grids);
	t->resize = resize_free(z);
	t->version++;
}

static int resize_new(struct term *t, struct resize **ret, unsigned cols, unsigned rows)
{
	struct resize *z = calloc(1, sizeof(*z));

	if (!z)
		return -ENOMEM;
	z->n = t->rows;
	z->flow = (struct flow){ .t = t, .cols = cols };
	z->flow.scratch.cells = malloc(cols * sizeof(*z->flow.scratch.cells));
	if (!z->flow.scratch.cells || grid_init(&z->grids[0], cols, rows) ||
		grid_init(&z->grids[1], cols, rows)) {
		resize_free(z);
		return -ENOMEM;
	}
	if (term_alternate(t) && t->cursor.y >= rows)
		z->above = t->cursor.y - rows + 1;
	*ret = z;
	return 0;
}

int term_resize_begin(struct term *t, unsigned cols, unsigned rows)
{
	uint64_t all = UINT64_MAX;

	term_resize_some(t, &all);
	cols = cols < 1 ? 1 : cols > TERM_COLS_MAX ? TERM_COLS_MAX : cols;
	rows = rows < 1 ? 1 : rows > TERM_ROWS_MAX ? TERM_ROWS_MAX : rows;
	if (cols == t->cols && rows == t->rows)
		return 0;
	return resize_new(t, &t->resize, cols, rows);
}

bool term_resize_some(struct term *t, uint64_t *work)
{
	const uint64_t start = t->work;

	while (t->resize && t->work - start < *work) {
		resize_step(t, t->resize);
		if (t->resize->stage == RESIZE_DONE)
			resize_finish(t, t->resize);
	}
	*work -= min_u64(*work, t->work - start);
	return t->resize;
}

int term_resize(struct term *t, unsigned cols, unsigned rows)
{
	uint64_t all = UINT64_MAX;
	int r = term_resize_begin(t, cols, rows);

	term_resize_some(t, &all);
	return r;
}
