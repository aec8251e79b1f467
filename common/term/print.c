#include <string.h>

#include "common/term/model.h"
#include "common/term/width.h"

/* DEC special graphics for 0x60 to 0x7e. */
static const uint16_t graphics[] = { 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1,
	0x2424, 0x240b, 0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc,
	0x23bd, 0x251c, 0x2524, 0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3,
	0x00b7 };

/* The last column was written before: the line goes on in the next row, if there is one. */
static void wrap(struct term *t)
{
	const unsigned y = t->cursor.y;

	if (y + 1 < t->rows || y + 1 == t->bottom)
		term_row(t, y)->wrapped = true;
	t->cursor.x = 0;
	cursor_index(t);
}

static uint64_t pen_flags(const struct term *t)
{
	return t->cursor.pen.protect ? CELL_PROTECTED : 0;
}

/* Opens n cells at the cursor for writing; in insert mode what is there moves right. */
static struct row *row_at_cursor(struct term *t, unsigned n)
{
	struct row *row = term_row(t, t->cursor.y);
	unsigned x = t->cursor.x;

	if (term_mode(t, TERM_MODE_INSERT)) {
		t->work += t->cols - x;
		row_insert(&t->screen->grid, row, x, n, row->fill);
	}
	row_open(row, x, x + n);
	if (x + n > row->used)
		row->used = (uint16_t)(x + n);
	row->spared |= t->cursor.pen.protect;
	return row;
}

static void advance(struct term *t, unsigned n)
{
	t->cursor.x += n;
	if (t->cursor.x < t->cols)
		return;
	t->cursor.x = t->cols - 1;
	t->cursor.pending = true;
}

/* A run that fits in the rest of the row. */
static void put_run(struct term *t, const uint8_t *s, unsigned n)
{
	uint64_t base = cell_make(pen_flags(t), pen_style(t));
	uint64_t *cells = row_at_cursor(t, n)->cells + t->cursor.x;

	unsigned i = 0;
	cells_v v;
	bytes_v b;

	for (; i + CELLS_LANES <= n; i += CELLS_LANES) {
		memcpy(&b, s + i, sizeof(b));
		v = __builtin_convertvector(b, cells_v) | base;
		memcpy(cells + i, &v, sizeof(v));
	}
	for (; i < n; i++)
		cells[i] = base | s[i];
	advance(t, n);
}

static bool plain_charset(const struct term *t)
{
	return t->cursor.charsets[t->cursor.shift] == 'B' && !t->cursor.single;
}

void print_ascii(struct term *t, const uint8_t *s, size_t n)
{
	if (!plain_charset(t)) {
		for (size_t i = 0; i < n; i++)
			print_code(t, s[i]);
		return;
	}
	while (n) {
		size_t room, k;

		if (cursor_past(t))
			wrap(t);
		room = t->cols - t->cursor.x;
		k = min_size(n, room);
		if (k < n && !term_mode(t, TERM_MODE_WRAP)) {
			put_run(t, s, (unsigned)k);
			s += n - 1; /* the rest falls on the last column: its last one stays */
			n = 1;
			continue;
		}
		put_run(t, s, (unsigned)k);
		s += k;
		n -= k;
	}
	t->last = s[-1];
}

static uint32_t translate(struct term *t, uint32_t code)
{
	uint8_t set = t->cursor.charsets[t->cursor.single ? t->cursor.single : t->cursor.shift];

	t->cursor.single = 0;
	if (set == '0' && code >= 0x60 && code <= 0x7e)
		return graphics[code - 0x60];
	if (set == '0' && code == 0x5f)
		return 0xa0;
	if (set == 'A' && code == '#')
		return 0xa3;
	return code;
}

/* A combining mark joins the character before the cursor. */
static void join(struct term *t, uint32_t code)
{
	struct row *row = term_row(t, t->cursor.y);
	unsigned x = t->cursor.x;

	if (!t->cursor.pending && x-- == 0)
		return;
	row_unveil(row);
	row_reach(row, x + 1); /* a blank is one, whether it is stored or not */
	if (within(x, row->gap, row->gap_end)) {
		row_gap_cut(row, x, x + 1);
		row->cells[x] = row->fill;
	}
	if (row->cells[x] & CELL_TAIL)
		x--;
	row->cells[x] = cell_join(t, row->cells[x], code);
}

/* Where a character of this width goes: a wide one needs two columns. */
static void make_place(struct term *t, unsigned width)
{
	if (cursor_past(t))
		wrap(t);
	if (width == 1 || t->cursor.x < t->cols - 1)
		return;
	if (term_mode(t, TERM_MODE_WRAP))
		wrap(t);
	else
		t->cursor.x--;
}

static void put_wide(struct term *t, uint32_t code)
{
	uint64_t style = cell_make(pen_flags(t), pen_style(t));
	struct row *row = row_at_cursor(t, 2);

	row->cells[t->cursor.x] = style | code | CELL_WIDE;
	row->cells[t->cursor.x + 1] = style | CELL_TAIL;
	advance(t, 2);
}

void print_code(struct term *t, uint32_t code)
{
	unsigned width;

	code = code < 0x80 ? translate(t, code) : code;
	width = width_of(code);
	if (width == WIDTH_CONTROL)
		return;
	t->cursor.single = 0;
	if (width == 0) {
		join(t, code);
		return;
	}
	t->last = code;
	if (width > t->cols)
		return; /* there is no place for it */
	make_place(t, width);
	if (width == 2) {
		put_wide(t, code);
	} else {
		struct row *row;
		uint64_t style = cell_make(pen_flags(t), pen_style(t));

		row = row_at_cursor(t, 1);
		row->cells[t->cursor.x] = style | code;
		advance(t, 1);
	}
}

/* n times a character, row by row. */
static void put_repeated(struct term *t, uint32_t code, unsigned width, unsigned n)
{
	const uint64_t style = cell_make(pen_flags(t), pen_style(t));
	const uint64_t lead = style | code | (width == 2 ? CELL_WIDE : 0);

	while (n) {
		unsigned k;
		uint64_t *cells;

		make_place(t, width);
		k = (t->cols - t->cursor.x) / width;
		k = n < k ? n : k;
		t->work += k * width;
		cells = row_at_cursor(t, k * width)->cells + t->cursor.x;
		for (unsigned i = 0; i < k * width; i += width)
			cells[i] = lead;
		for (unsigned i = 1; i < k * width && width == 2; i += 2)
			cells[i] = style | CELL_TAIL;
		advance(t, k * width);
		n -= k;
		if (n && t->cursor.x == t->cols - 1 && !term_mode(t, TERM_MODE_WRAP))
			n = 1; /* the others fall on the same place */
	}
}

void print_repeat(struct term *t, unsigned n)
{
	const uint32_t last = t->last; /* as it was shown: charsets are no matter */
	const unsigned width = width_of(last);

	if (!last || width > t->cols)
		return;
	if (n > t->cols)
		n = t->cols; /* no more than a line: a sequence costs no more than its share */
	t->cursor.single = 0;
	t->last = 0; /* once: a second REP follows no character */
	put_repeated(t, last, width, n);
}
