#include <string.h>

#include "common/term/model.h"

/* Records from which on a full table is swept before it grows: a sweep costs as much as the screen
 * and its history are large. */
#define SWEEP_FROM 4096u
#define REFUSALS 4096u /* records refused before a full table is swept again */

static void mark_row(struct term *t, const struct row *row)
{
	uint32_t last = cell_style(row->fill);

	pool_mark(&t->styles, last);
	for (unsigned x = 0; x < row->used; x++) {
		const uint64_t cell = row_cell(row, x);

		if (cell_style(cell) != last) {
			last = cell_style(cell);
			pool_mark(&t->styles, last);
		}
		if (cell & CELL_CLUSTER)
			pool_mark(&t->clusters, cell_code(cell));
	}
}

/* Frees the numbers that no cell has. Pens hold their styles by value; those cached are forgotten. */
void attr_sweep(struct term *t)
{
	for (unsigned i = 0; i < ARRAY_SIZE(t->screens); i++)
		for (unsigned y = 0; y < t->rows; y++)
			mark_row(t, &t->screens[i].grid.rows[y]);
	pool_sweep(&t->styles);
	pool_sweep(&t->clusters);
	history_renumber(&t->history);
	t->work += 2 * (uint64_t)t->cols * t->rows + t->styles.cap + t->clusters.cap;
	t->style_known = false;
	memset(t->recent, 0, sizeof(t->recent));
	t->sweeps++;
}

static int intern(struct term *t, struct pool *p, uint32_t max, const uint32_t record[POOL_WORDS],
	uint32_t *ret)
{
	int r = pool_intern(p, record, ret);

	if (r != POOL_E_FULL)
		return r;
	if (p->refusals) {
		p->refusals--;
		return POOL_E_FULL;
	}
	if (p->cap >= SWEEP_FROM)
		attr_sweep(t);
	if (pool_room(p) <= p->cap / 2)
		r = pool_grow(p, max);
	if (r && pool_room(p) < p->cap / 8)
		p->refusals = REFUSALS;
	return pool_intern(p, record, ret);
}

uint32_t style_number(struct term *t, const struct style *style)
{
	uint32_t record[POOL_WORDS] = { style->fg, style->bg, style->underline, style->attrs,
		style->link };
	uint32_t number;

	if (intern(t, &t->styles, STYLES_MAX, record, &number) == 0)
		return number;
	return 0;
}

struct style style_get(const struct term *t, uint32_t number)
{
	const uint32_t *r;

	if (number & PACK_STYLE)
		return history_style(&t->history, number);
	if (!number || number >= t->styles.n)
		return (struct style){ 0 };
	r = t->styles.records[number];
	return (struct style){
		.fg = r[0], .bg = r[1], .underline = r[2], .attrs = r[3], .link = r[4]
	};
}

static unsigned style_slot(const struct style *s)
{
	const uint32_t mix = s->fg ^ s->fg >> 8 ^ s->bg * 5 ^ s->attrs * 3 ^ s->link;

	return (mix ^ mix >> 4) % STYLES_RECENT;
}

static uint32_t style_find(struct term *t, const struct style *style)
{
	struct style_recent *recent = &t->recent[style_slot(style)];
	uint32_t number;

	if (memcmp(&recent->style, style, sizeof(*style)) == 0)
		return recent->number;
	number = style_number(t, style);
	if (number) /* there was room for it */
		*recent = (struct style_recent){ *style, number };
	return number;
}

uint32_t pen_style(struct term *t)
{
	if (!t->style_known)
		t->style = style_find(t, &t->cursor.pen.style);
	t->style_known = true;
	return t->style;
}

uint64_t pen_blank(struct term *t)
{
	struct style blank = { .bg = t->cursor.pen.style.bg };

	return blank.bg ? cell_make(0, style_number(t, &blank)) : 0;
}

bool cell_erasable(const struct term *t, uint64_t cell)
{
	struct style style = style_get(t, cell_style(cell));
	const struct style blank = { .bg = style.bg };

	return !(cell & (CELL_CHAR | CELL_PROTECTED)) && memcmp(&style, &blank, sizeof(style)) == 0;
}

unsigned row_tail(const struct term *t, const struct row *row, unsigned cols, uint64_t *ret_fill)
{
	const uint64_t last = row_cell(row, cols - 1);
	const uint64_t fill = cell_erasable(t, last) ? last : 0;
	unsigned n = last == fill && row->used < cols ? row->used : cols;

	while (n && row_cell(row, n - 1) == fill)
		n--;
	*ret_fill = fill;
	return n;
}

unsigned cell_codes(const struct term *t, uint64_t cell, uint32_t codes[TERM_CELL_CODEPOINTS_MAX])
{
	const uint32_t code = cell_code(cell), *from;
	unsigned n = 0;

	if (!(cell & CELL_CLUSTER)) {
		codes[0] = code;
		return code ? 1 : 0;
	}
	from = code & PACK_CLUSTER ? history_cluster(&t->history, code) : t->clusters.records[code];
	for (; n < TERM_CELL_CODEPOINTS_MAX && from[n]; n++)
		codes[n] = from[n];
	return n;
}

uint64_t cell_join(struct term *t, uint64_t cell, uint32_t code)
{
	uint32_t record[POOL_WORDS] = { 0 }, number, room;
	unsigned n = cell_codes(t, cell, record);

	if (n == 0)
		record[n++] = ' ';
	if (n == TERM_CELL_CODEPOINTS_MAX)
		return cell;
	record[n] = code;
	if (cell & CELL_CLUSTER && t->last && cell_code(cell) == t->fresh) {
		number = pool_change(&t->clusters, t->fresh, record);
		t->fresh = number == t->fresh ? number : 0;
		return (cell & ~CELL_CODE) | number;
	}
	room = pool_room(&t->clusters);
	if (intern(t, &t->clusters, CLUSTERS_MAX, record, &number) != 0)
		return cell;
	t->fresh = room && pool_room(&t->clusters) == room - 1 ? number : 0;
	return (cell & ~CELL_CODE) | CELL_CLUSTER | number;
}
