#include <string.h>

#include "common/term/model.h"

#define CLEAR_COST 256u /* of a block of history that is given back, and of the next one */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* ---- cursor ---- */

void cursor_init(struct cursor *c)
{
	*c = (struct cursor){ .charsets = { 'B', 'B', 'B', 'B' } };
}

void cursor_move(struct term *t, unsigned x, unsigned y)
{
	t->cursor.x = least(x, t->cols - 1);
	t->cursor.y = least(y, t->rows - 1);
	t->cursor.pending = false;
}

void cursor_address(struct term *t, unsigned x, unsigned y)
{
	if (t->cursor.origin)
		y = least(t->top + least(y, t->rows), t->bottom - 1);
	cursor_move(t, x, y);
}

void cursor_up(struct term *t, unsigned n)
{
	unsigned y = t->cursor.y, top = y >= t->top ? t->top : 0;

	cursor_move(t, t->cursor.x, y - least(n, y - top));
}

void cursor_down(struct term *t, unsigned n)
{
	unsigned y = t->cursor.y, bottom = y < t->bottom ? t->bottom : t->rows;

	cursor_move(t, t->cursor.x, y + least(n, bottom - 1 - y));
}

void cursor_index(struct term *t)
{
	t->cursor.pending = false;
	if (t->cursor.y == t->bottom - 1)
		screen_scroll_up(t, t->top, t->bottom, 1);
	else if (t->cursor.y < t->rows - 1)
		t->cursor.y++;
}

void cursor_reverse_index(struct term *t)
{
	t->cursor.pending = false;
	if (t->cursor.y == t->top)
		screen_scroll_down(t, t->top, t->bottom, 1);
	else if (t->cursor.y > 0)
		t->cursor.y--;
}

void cursor_save(struct term *t)
{
	t->screen->saved = t->cursor;
	t->screen->saved.single = 0;
}

void cursor_restore(struct term *t)
{
	t->cursor = t->screen->saved;
	t->cursor.x = least(t->cursor.x, t->cols - 1);
	t->cursor.y = least(t->cursor.y, t->rows - 1);
	if (t->cursor.origin) /* the region may be another one now */
		t->cursor.y = least(t->cursor.y < t->top ? t->top : t->cursor.y, t->bottom - 1);
	if (t->cursor.x != t->cols - 1)
		t->cursor.pending = false;
	t->style_known = false;
}

void cursor_tab(struct term *t, unsigned n)
{
	unsigned x = t->cursor.x + 1;

	for (; x < t->cols; x = (x | (TAB_BITS - 1)) + 1) {
		uint64_t stops = t->tabs[x / TAB_BITS] >> x % TAB_BITS;
		const unsigned here = (unsigned)__builtin_popcountll(stops);

		if (here < n) {
			n -= here;
			continue;
		}
		while (--n)
			stops &= stops - 1;
		x += (unsigned)__builtin_ctzll(stops);
		break;
	}
	t->cursor.x = least(x, t->cols - 1); /* a pending wrap stays pending */
}

void cursor_tab_back(struct term *t, unsigned n)
{
	unsigned x = t->cursor.x;

	while (x-- > 0) {
		uint64_t stops = t->tabs[x / TAB_BITS] << (TAB_BITS - 1 - x % TAB_BITS);
		const unsigned here = (unsigned)__builtin_popcountll(stops);

		if (here < n) {
			n -= here;
			x -= x % TAB_BITS;
			continue;
		}
		while (--n)
			stops &= ~(UINT64_C(1) << (TAB_BITS - 1) >> __builtin_clzll(stops));
		x -= (unsigned)__builtin_clzll(stops);
		break;
	}
	cursor_move(t, x < t->cols ? x : 0, t->cursor.y);
}

/* ---- scrolling ---- */

static bool is_even(const struct row *row)
{
	return !row->used && !row->wrapped;
}

/* The first n rows are history: those of one cell throughout, of which there may be many, at once. */
static void push_rows(struct term *t, unsigned n)
{
	for (unsigned y = 0, end; y < n; y = end) {
		const struct row *row = term_row(t, y);

		end = y + 1;
		if (!is_even(row)) {
			t->work += history_push(t, term_row(t, y), t->cols);
			continue;
		}
		while (end < n && is_even(term_row(t, end)) && term_row(t, end)->fill == row->fill)
			end++;
		t->work += history_push_even(t, row->fill, t->cols, end - y);
	}
}

void screen_scroll_up(struct term *t, unsigned top, unsigned bottom, unsigned n)
{
	n = least(n, bottom - top);
	t->work += n + (n < bottom - top && bottom - top < t->rows ? bottom - top : 0);
	if (top == 0 && !term_alternate(t))
		push_rows(t, n);
	grid_scroll_up(&t->screen->grid, top, bottom, n, pen_blank(t));
}

void screen_scroll_down(struct term *t, unsigned top, unsigned bottom, unsigned n)
{
	t->work += bottom - top;
	grid_scroll_down(&t->screen->grid, top, bottom, n, pen_blank(t));
}

/* ---- erasing ---- */

static void erase_in_row(struct term *t, unsigned y, unsigned from, unsigned to, bool selective)
{
	const uint64_t blank = pen_blank(t);
	struct row *row = term_row(t, y);

	t->work += to - from;
	if (selective)
		row_erase_unprotected(&t->screen->grid, row, from, to, blank);
	else
		row_erase(&t->screen->grid, row, from, to, blank);
}

static void erase_rows(struct term *t, unsigned from, unsigned to, bool selective)
{
	const uint64_t blank = pen_blank(t);

	t->work += to - from;
	for (unsigned y = from; y < to; y++) {
		struct row *row = term_row(t, y);

		if (selective && row->spared)
			row_veil(row, blank);
		else
			row_clear(row, blank);
	}
}

void screen_erase_line(struct term *t, unsigned how, bool selective)
{
	unsigned x = t->cursor.x, y = t->cursor.y;

	if (how == 0 && !cursor_past(t))
		erase_in_row(t, y, x, t->cols, selective);
	else if (how == 1)
		erase_in_row(t, y, 0, x + 1, selective);
	else if (how == 2)
		erase_in_row(t, y, 0, t->cols, selective);
}

void screen_erase(struct term *t, unsigned how, bool selective)
{
	unsigned y = t->cursor.y;

	if (how == 0) {
		screen_erase_line(t, 0, selective);
		erase_rows(t, y + 1, t->rows, selective);
	} else if (how == 1) {
		erase_rows(t, 0, y, selective);
		screen_erase_line(t, 1, selective);
	} else if (how == 2) {
		erase_rows(t, 0, t->rows, selective);
	} else if (how == 3 && !selective) {
		t->work += t->history.n_blocks * CLEAR_COST;
		history_clear(&t->history);
	}
}
