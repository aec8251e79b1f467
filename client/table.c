#include "client/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/term/width.h"
#include "common/text.h"

#define ELLIPSIS "\xe2\x80\xa6" /* one column */

/* ---- text ---- */

/* Bytes of the character at s, and the columns it takes. */
static size_t next_char(const char *s, unsigned *ret_width)
{
	uint32_t code = 0;
	size_t n = text_utf8(s, strnlen(s, 4), &code);

	*ret_width = n ? width_of(code) : 1;
	return n ? n : 1;
}

unsigned table_width(const char *text)
{
	unsigned width = 0, w;

	for (; *text; width += w)
		text += next_char(text, &w);
	return width;
}

/* Bytes of text that fit into so many columns. */
static size_t fitting(const char *text, unsigned width)
{
	size_t at = 0, n;
	unsigned w;

	for (; text[at]; at += n, width -= w) {
		n = next_char(text + at, &w);
		if (w > width)
			break;
	}
	return at;
}

/* ---- rows ---- */

void table_init(struct table *t, const struct table_column *columns, size_t n, unsigned edge)
{
	assert(n > 0 && n <= TABLE_COLUMNS_MAX);
	*t = (struct table){ .columns = columns, .n_columns = n, .edge = edge };
}

static void forget_rows(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	t->n_cells = 0;
}

void table_done(struct table *t)
{
	forget_rows(t);
	free(t->cells);
	t->cells = NULL;
	t->cap = 0;
}

static int make_room(struct table *t)
{
	size_t cap = max_size(t->cap * 2, 16 * t->n_columns);
	char **grown;

	if (t->n_cells + t->n_columns <= t->cap)
		return 0;
	grown = reallocarray(t->cells, cap, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	t->cells = grown;
	t->cap = cap;
	return 0;
}

int table_add(struct table *t, const char *const *cells)
{
	int r = make_room(t);

	for (size_t i = 0; !r && i < t->n_columns; i++) {
		t->cells[t->n_cells + i] = strdup(cells[i]);
		if (t->cells[t->n_cells + i])
			continue;
		while (i-- > 0)
			free(t->cells[t->n_cells + i]);
		return -ENOMEM;
	}
	if (!r)
		t->n_cells += t->n_columns;
	return r;
}

/* ---- widths ---- */

static unsigned max_width(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* With a blank between two. */
static unsigned total_width(const struct table *t)
{
	unsigned sum = (unsigned)t->n_columns - 1;

	for (size_t c = 0; c < t->n_columns; c++)
		sum += t->widths[c];
	return sum;
}

static unsigned widest_cell(const struct table *t, size_t c)
{
	unsigned width = table_width(t->columns[c].title);

	for (size_t i = c; i < t->n_cells; i += t->n_columns)
		width = max_width(width, table_width(t->cells[i]));
	return width;
}

/* What is too much goes from the columns that may be narrower, the last one first. */
static void shrink(struct table *t)
{
	for (size_t c = t->n_columns; c-- > 0 && total_width(t) > t->edge;) {
		unsigned over = total_width(t) - t->edge, least = t->columns[c].least;

		if (least && t->widths[c] > least)
			t->widths[c] -= over < t->widths[c] - least ? over : t->widths[c] - least;
	}
}

static void settle_widths(struct table *t)
{
	for (size_t c = 0; c < t->n_columns; c++)
		t->widths[c] =
			t->edge == TABLE_NO_EDGE
				? max_width(table_width(t->columns[c].title), t->columns[c].usual)
				: widest_cell(t, c);
	if (t->edge != TABLE_NO_EDGE)
		shrink(t);
}

/* ---- printing ---- */

static void pad(FILE *f, unsigned n)
{
	fprintf(f, "%*s", (int)n, "");
}

/* As much of text as there is room for, an ellipsis in place of the rest. */
static void put_cell(FILE *f, const char *text, unsigned room)
{
	if (table_width(text) <= room)
		fputs(text, f);
	else
		fprintf(f, "%.*s%s", (int)fitting(text, room - 1), text, ELLIPSIS);
}

/* All of it: what is too long pushes the rest aside. */
static void put_whole(const struct table *t, FILE *f, const char *const *cells)
{
	for (size_t c = 0; c < t->n_columns; c++) {
		bool last = c + 1 == t->n_columns, right = t->columns[c].right;
		unsigned n = table_width(cells[c]), blank = n < t->widths[c] ? t->widths[c] - n : 0;

		if (right)
			pad(f, blank);
		fputs(cells[c], f);
		if (!last)
			pad(f, 1 + (right ? 0 : blank));
	}
	fputc('\n', f);
}

/* Cell by cell up to the edge; a terminal narrower than the columns at their least shows the first
 * of them. */
static void put_cut(const struct table *t, FILE *f, const char *const *cells)
{
	unsigned left = t->edge;

	for (size_t c = 0; c < t->n_columns && left; c++) {
		bool last = c + 1 == t->n_columns, right = t->columns[c].right;
		unsigned width = last || t->widths[c] > left ? left : t->widths[c];
		unsigned n = table_width(cells[c]), blank = n < width ? width - n : 0;

		if (right)
			pad(f, blank);
		put_cell(f, cells[c], width);
		if (!last && !right && width < left)
			pad(f, blank);
		left -= width;
		if (!last && left) {
			fputc(' ', f);
			left--;
		}
	}
	fputc('\n', f);
}

static void put_row(const struct table *t, FILE *f, const char *const *cells)
{
	if (t->edge == TABLE_NO_EDGE)
		put_whole(t, f, cells);
	else
		put_cut(t, f, cells);
}

void table_print(struct table *t, FILE *f)
{
	const char *titles[TABLE_COLUMNS_MAX];

	if (!t->n_cells)
		return;
	if (!t->begun) {
		settle_widths(t);
		for (size_t c = 0; c < t->n_columns; c++)
			titles[c] = t->columns[c].title;
		put_row(t, f, titles);
		t->begun = true;
	}
	for (size_t i = 0; i < t->n_cells; i += t->n_columns)
		put_row(t, f, (const char *const *)t->cells + i);
	forget_rows(t);
}
