#include "common/term/shadow.h"

#include <string.h>

#define ROW_STEP 32u /* cells: rows grow by so many */

int term_shadow_new(struct term_shadow **ret, unsigned cols, unsigned rows)
{
	_cleanup_(term_shadow_freep) struct term_shadow *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->cols = cols < 1 ? 1 : cols > TERM_COLS_MAX ? TERM_COLS_MAX : cols;
	s->n_rows = rows < 1 ? 1 : rows > TERM_ROWS_MAX ? TERM_ROWS_MAX : rows;
	s->rows = calloc(s->n_rows, sizeof(*s->rows));
	s->spare = calloc(s->cols, sizeof(*s->spare));
	if (!s->rows || !s->spare)
		return -ENOMEM;
	s->whole = true;
	*ret = TAKE(s);
	return 0;
}

struct term_shadow *term_shadow_free(struct term_shadow *s)
{
	if (!s)
		return NULL;
	for (unsigned y = 0; s->rows && y < s->n_rows; y++)
		if (s->rows[y].cells != s->spare)
			free(s->rows[y].cells);
	free(s->rows);
	free(s->spare);
	paint_state_done(&s->state);
	free(s);
	return NULL;
}

size_t term_shadow_memory(const struct term_shadow *s)
{
	return sizeof(*s) + s->n_rows * sizeof(*s->rows) + s->cols * sizeof(*s->spare) +
	       s->cells_bytes + paint_state_memory(&s->state);
}

void term_shadow_forget(struct term_shadow *s)
{
	s->whole = true;
	s->done = false;
}

/* ---- rows ---- */

static unsigned row_room(const struct term_shadow *s, unsigned used)
{
	return (unsigned)min_size((used + ROW_STEP - 1) / ROW_STEP * ROW_STEP, s->cols);
}

static bool row_grow(struct term_shadow *s, struct shadow_row *row, unsigned used)
{
	const unsigned room = row_room(s, used);
	const size_t more = (room - row->room) * sizeof(*row->cells);
	uint64_t *cells;

	if (more > TERM_SHADOW_BYTES_MAX - s->cells_bytes)
		return false;
	cells = realloc(row->cells, room * sizeof(*cells));
	if (!cells)
		return false;
	row->cells = cells;
	row->room = (uint16_t)room;
	s->cells_bytes += more;
	return true;
}

static void row_drop(struct term_shadow *s, struct shadow_row *row)
{
	if (row->cells != s->spare) {
		free(row->cells);
		s->cells_bytes -= row->room * sizeof(*row->cells);
	}
	row->cells = NULL;
	row->room = row->used = 0;
}

struct shadow_row *shadow_open(struct term_shadow *s, unsigned y, unsigned used)
{
	struct shadow_row *row = &s->rows[y];
	const unsigned was = row->used;

	if (used <= row->room || row_grow(s, row, used))
		return row;
	if (was)
		memcpy(s->spare, row->cells, was * sizeof(*s->spare));
	row_drop(s, row);
	row->cells = s->spare;
	row->room = (uint16_t)s->cols;
	row->used = (uint16_t)was;
	return row;
}

void shadow_close(struct term_shadow *s, struct shadow_row *row)
{
	if (row->cells != s->spare)
		return;
	row_drop(s, row);
	row->known = false;
}

void shadow_put(struct shadow_row *row, unsigned x, uint64_t cell)
{
	for (; row->used < x; row->used++)
		row->cells[row->used] = row->fill;
	row->cells[x] = cell;
	if (row->used == x)
		row->used++;
}

void shadow_erase(struct shadow_row *row, unsigned from, uint64_t fill)
{
	if (row->fill != fill)
		for (; row->used < from; row->used++)
			row->cells[row->used] = row->fill;
	if (row->used > from)
		row->used = (uint16_t)from;
	row->fill = fill;
}

static void rows_reverse(struct shadow_row *rows, unsigned n)
{
	for (unsigned i = 0; i < n / 2; i++) {
		struct shadow_row swap = rows[i];

		rows[i] = rows[n - 1 - i];
		rows[n - 1 - i] = swap;
	}
}

void shadow_scroll(struct term_shadow *s, unsigned top, unsigned bottom, unsigned n, bool down)
{
	const unsigned height = bottom - top, first = down ? height - n : n;
	struct shadow_row *rows = s->rows + top;

	rows_reverse(rows, first);
	rows_reverse(rows + first, height - first);
	rows_reverse(rows, height);
	rows += down ? 0 : height - n;
	for (unsigned i = 0; i < n; i++) {
		rows[i].used = 0;
		rows[i].fill = 0;
		rows[i].known = true;
	}
}

void shadow_rows(struct term_shadow *s, bool known)
{
	for (unsigned y = 0; y < s->n_rows; y++) {
		shadow_close(s, &s->rows[y]);
		s->rows[y].used = 0;
		s->rows[y].fill = 0;
		s->rows[y].known = known;
	}
}
