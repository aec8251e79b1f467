#include <string.h>

#include "common/term/model.h"

/* Copies what fits; a wide character cut in two becomes a blank. */
static void copy_row(struct row *to, unsigned to_cols, const struct row *from)
{
	unsigned n = from->used < to_cols ? from->used : to_cols;

	memcpy(to->cells, from->cells, n * sizeof(*to->cells));
	to->used = (uint16_t)n;
	to->fill = from->fill;
	to->spared = from->spared;
	to->wrapped = from->wrapped && to_cols >= from->used;
	if (n && (to->cells[n - 1] & CELL_WIDE))
		to->cells[n - 1] &= ~CELL_CHAR;
}

/* Rows above the new top: what must go so that the cursor stays on the screen. */
static unsigned rows_above(const struct term *t, unsigned rows)
{
	return t->cursor.y >= rows ? t->cursor.y - rows + 1 : 0;
}

static void crop(struct term *t, const struct grid *from, struct grid *to, unsigned above)
{
	for (unsigned y = 0; y < to->n_rows && y + above < from->n_rows; y++)
		copy_row(grid_row(to, y), to->cols, grid_row(from, y + above));
	(void)t;
}

int term_resize(struct term *t, unsigned cols, unsigned rows)
{
	struct grid grids[ARRAY_SIZE(t->screens)] = { 0 };
	unsigned above;
	int r;

	cols = cols < 1 ? 1 : cols > TERM_COLS_MAX ? TERM_COLS_MAX : cols;
	rows = rows < 1 ? 1 : rows > TERM_ROWS_MAX ? TERM_ROWS_MAX : rows;
	if (cols == t->cols && rows == t->rows)
		return 0;
	r = grid_init(&grids[0], cols, rows);
	if (!r)
		r = grid_init(&grids[1], cols, rows);
	if (r) {
		grid_done(&grids[0]);
		return err_fold(r);
	}
	above = rows_above(t, rows);
	for (unsigned i = 0; i < ARRAY_SIZE(grids); i++) {
		for (unsigned y = 0; i == 0 && y < above; y++)
			history_push(&t->history, grid_row(&t->screens[0].grid, y), t->cols);
		crop(t, &t->screens[i].grid, &grids[i], above);
		grid_done(&t->screens[i].grid);
		t->screens[i].grid = grids[i];
		t->screens[i].saved.pending = false;
	}
	t->cols = cols;
	t->rows = rows;
	t->top = 0;
	t->bottom = rows;
	cursor_move(t, t->cursor.x, t->cursor.y - above);
	return 0;
}
