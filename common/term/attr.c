#include <string.h>

#include "common/term/model.h"

#define REFUSALS 4096u /* records refused before a full table is swept again */

static void mark_cell(struct term *t, uint64_t cell)
{
	pool_mark(&t->styles, cell_style(cell));
	if (cell & CELL_CLUSTER)
		pool_mark(&t->clusters, cell_code(cell));
}

static void mark_grid(struct term *t, const struct grid *g)
{
	for (unsigned y = 0; y < g->n_rows; y++) {
		const struct row *row = &g->rows[y];

		mark_cell(t, row->fill);
		for (unsigned x = 0; x < row->used; x++)
			mark_cell(t, row->cells[x]);
	}
}

static void mark_history(struct term *t)
{
	uint64_t cells[TERM_COLS_MAX];
	bool wrapped;

	for (unsigned i = 0; i < t->history.n; i++) {
		unsigned n = history_line(&t->history, i, cells, &wrapped);

		for (unsigned x = 0; x < n; x++)
			mark_cell(t, cells[x]);
	}
}

/* Frees the numbers that no cell has. Pens hold their styles by value; the one cached is forgotten.
 */
static void sweep(struct term *t)
{
	for (unsigned i = 0; i < ARRAY_SIZE(t->screens); i++)
		mark_grid(t, &t->screens[i].grid);
	mark_history(t);
	pool_sweep(&t->styles);
	pool_sweep(&t->clusters);
	t->style_known = false;
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
	if (p->cap >= 1024)
		sweep(t); /* small tables just grow */
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

	if (!number || number >= t->styles.n)
		return (struct style){ 0 };
	r = t->styles.records[number];
	return (struct style){
		.fg = r[0], .bg = r[1], .underline = r[2], .attrs = r[3], .link = r[4]
	};
}

uint32_t pen_style(struct term *t)
{
	if (!t->style_known)
		t->style = style_number(t, &t->cursor.pen.style);
	t->style_known = true;
	return t->style;
}

uint64_t pen_blank(struct term *t)
{
	struct style blank = { .bg = t->cursor.pen.style.bg };

	return blank.bg ? cell_make(0, style_number(t, &blank)) : 0;
}

unsigned cell_codes(const struct term *t, uint64_t cell, uint32_t codes[TERM_CELL_CODEPOINTS_MAX])
{
	unsigned n = 0;

	if (!(cell & CELL_CLUSTER)) {
		codes[0] = cell_code(cell);
		return codes[0] ? 1 : 0;
	}
	while (n < TERM_CELL_CODEPOINTS_MAX && t->clusters.records[cell_code(cell)][n]) {
		codes[n] = t->clusters.records[cell_code(cell)][n];
		n++;
	}
	return n;
}

uint64_t cell_join(struct term *t, uint64_t cell, uint32_t code)
{
	uint32_t record[POOL_WORDS] = { 0 }, number;
	unsigned n = cell_codes(t, cell, record);

	if (n == 0)
		record[n++] = ' ';
	if (n == TERM_CELL_CODEPOINTS_MAX)
		return cell;
	record[n] = code;
	if (intern(t, &t->clusters, CLUSTERS_MAX, record, &number) != 0)
		return cell;
	return (cell & ~CELL_CODE) | CELL_CLUSTER | number;
}

/* ---- hyperlinks ---- */

static void links_sweep(struct term *t)
{
	sweep(t);
	for (unsigned i = 0; i < t->n_links; i++)
		t->links[i].marked = false;
	for (uint32_t i = 1; i < t->styles.n; i++)
		if (t->styles.records[i][4] < t->n_links)
			t->links[t->styles.records[i][4]].marked = true;
	for (unsigned i = 0; i < ARRAY_SIZE(t->screens); i++)
		t->links[t->screens[i].saved.pen.style.link].marked = true;
	t->links[t->cursor.pen.style.link].marked = true;
	for (unsigned i = 1; i < t->n_links; i++) {
		if (t->links[i].marked)
			continue;
		free(t->links[i].uri);
		free(t->links[i].params);
		t->links[i] = (struct link){ 0 };
	}
}

static unsigned link_free(const struct term *t)
{
	for (unsigned i = 1; i < t->n_links; i++)
		if (!t->links[i].uri)
			return i;
	return 0;
}

static unsigned link_room(struct term *t)
{
	unsigned n = t->n_links ? 2 * t->n_links : 16, i = link_free(t);
	struct link *links;

	if (i)
		return i;
	if (t->n_links >= 64)
		links_sweep(t);
	i = link_free(t);
	if (i || n > LINKS_MAX)
		return i;
	links = realloc(t->links, n * sizeof(*links));
	if (!links)
		return 0;
	memset(links + t->n_links, 0, (n - t->n_links) * sizeof(*links));
	i = t->n_links ? t->n_links : 1;
	t->links = links;
	t->n_links = n;
	return i;
}

uint32_t link_number(struct term *t, const char *params, const char *uri)
{
	struct link new;
	unsigned i;

	if (!*uri || strlen(uri) + strlen(params) > LINK_BYTES_MAX)
		return 0;
	for (i = 1; i < t->n_links; i++)
		if (t->links[i].uri && strcmp(t->links[i].uri, uri) == 0 &&
			strcmp(t->links[i].params, params) == 0)
			return i;
	i = link_room(t);
	new = (struct link){ .uri = strdup(uri), .params = strdup(params) };
	if (i && new.uri &&new.params) {
		t->links[i] = new;
		return i;
	}
	free(new.uri);
	free(new.params);
	return 0;
}
