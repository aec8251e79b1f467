#include "tests/term-tools/dump.h"

#include <string.h>

static void put_text(struct out *o, const char *s, size_t n)
{
	out_byte(o, '"');
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			out_byte(o, '\\');
		if ((uint8_t)s[i] < 0x20)
			out_format(o, "\\u%04x", (unsigned)s[i]);
		else
			out_byte(o, (uint8_t)s[i]);
	}
	out_byte(o, '"');
}

void dump_cell(const struct term *t, uint64_t cell, struct out *o)
{
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];
	unsigned n = cell_codes(t, cell, codes);

	if (!n && !(cell & CELL_TAIL))
		out_byte(o, ' ');
	for (unsigned i = 0; i < n; i++)
		out_code(o, codes[i]);
}

void dump_style(const struct term *t, uint32_t number, struct out *o)
{
	struct style style = style_get(t, number);

	style_describe(o, &style);
}

void dump_each_run(const struct term *t, const struct row *row, dump_run_fn *fn, struct out *o)
{
	unsigned n = row_length(row, t->cols), from = 0;

	for (unsigned x = 1; x <= n; x++) {
		if (x < n && cell_style(row_cell(row, x)) == cell_style(row_cell(row, from)))
			continue;
		fn(t, row, from, x, o);
		from = x;
	}
}

static void put_run(
	const struct term *t, const struct row *row, unsigned from, unsigned to, struct out *o)
{
	const uint32_t style = cell_style(row_cell(row, from)), link = style_get(t, style).link;
	const char *uri = link ? t->links[link].uri : "";
	struct term_buf text = { 0 };
	struct out text_out = { .buf = &text };

	for (unsigned x = from; x < to; x++)
		dump_cell(t, row_cell(row, x), &text_out);
	out_format(o, ",[%u,%u,", from, to - from);
	put_text(o, (const char *)text.data, text.n);
	out_text(o, ",\"");
	dump_style(t, style, o);
	out_text(o, "\",");
	put_text(o, uri, strlen(uri));
	out_byte(o, ']');
	term_buf_done(&text);
}

static void put_row(const struct term *t, const struct row *row, struct out *o)
{
	out_text(o, row->wrapped ? "[true" : "[false");
	dump_each_run(t, row, put_run, o);
	out_byte(o, ']');
}

static void put_grid(const struct term *t, const struct grid *g, struct out *o)
{
	for (unsigned y = 0; y < g->n_rows; y++) {
		out_text(o, y ? "," : "[");
		put_row(t, grid_row(g, y), o);
	}
	out_byte(o, ']');
}

static void put_history(const struct term *t, struct out *o)
{
	uint64_t cells[TERM_COLS_MAX];

	out_text(o, ",\"history\":[");
	for (unsigned i = 0; i < t->history.n; i++) {
		struct row row = { .cells = cells };

		row.used = (uint16_t)history_line(&t->history, i, cells, &row.wrapped);
		out_text(o, i ? "," : "");
		put_row(t, &row, o);
	}
	out_byte(o, ']');
}

static void put_cursor(const char *name, const struct cursor *c, struct out *o)
{
	out_format(o, ",\"%s\":{\"x\":%u,\"y\":%u,\"pending\":%s,\"origin\":%s,\"style\":\"", name,
		c->x, c->y, c->pending ? "true" : "false", c->origin ? "true" : "false");
	style_describe(o, &c->pen.style);
	out_format(
		o, "\",\"charsets\":\"%.4s\",\"shift\":%u}", (const char *)c->charsets, c->shift);
}

static void put_modes(const struct term *t, struct out *o)
{
	uint32_t bit;
	uint16_t number;
	bool any = false;

	out_text(o, ",\"modes\":[");
	for (unsigned i = 0; (number = mode_number(i, &bit)) != 0; i++) {
		if (!term_mode(t, bit))
			continue;
		out_format(o, any ? ",%u" : "%u", number);
		any = true;
	}
	out_format(o, "],\"insert\":%s,\"newline\":%s,\"wrap\":%s",
		term_mode(t, TERM_MODE_INSERT) ? "true" : "false",
		term_mode(t, TERM_MODE_NEWLINE) ? "true" : "false",
		term_mode(t, TERM_MODE_WRAP) ? "true" : "false");
	out_format(o, ",\"mouse\":%u,\"encoding\":%u,\"shape\":%u,\"top\":%u,\"bottom\":%u",
		t->mouse, t->mouse_encoding, t->cursor_shape, t->top, t->bottom);
}

static void put_tabs(const struct term *t, struct out *o)
{
	bool any = false;

	out_text(o, ",\"tabs\":[");
	for (unsigned x = 0; x < t->cols; x++) {
		if (!tab_at(t, x))
			continue;
		out_format(o, any ? ",%u" : "%u", x);
		any = true;
	}
	out_byte(o, ']');
}

static void put_numbers(const char *name, const uint16_t *numbers, unsigned n, struct out *o)
{
	out_format(o, ",\"%s\":[", name);
	for (unsigned i = 0; i < n; i++)
		out_format(o, i ? ",%u" : "%u", numbers[i]);
	out_byte(o, ']');
}

/* The flags of each screen, from the bottom of its stack; XTMODKEYS as KEYS_INITIAL has it. */
static void put_keys(const struct term *t, struct out *o)
{
	uint16_t flags[KITTY_STACK_MAX];

	for (unsigned s = 0; s < ARRAY_SIZE(t->screens); s++) {
		const struct kitty *k = &t->screens[s].kitty;

		for (unsigned i = 0; i <= k->top; i++)
			flags[i] = k->flags[i];
		put_numbers(s ? "kitty1" : "kitty0", flags, k->top + 1u, o);
	}
	put_numbers("modify_keys", t->modify_keys, ARRAY_SIZE(t->modify_keys), o);
}

/* What the program changed, by number. */
static void put_colors(
	const char *name, const uint32_t *colors, unsigned n, unsigned first, struct out *o)
{
	bool any = false;

	out_format(o, ",\"%s\":{", name);
	for (unsigned i = 0; colors && i < n; i++) {
		if (!colors[i])
			continue;
		out_format(o, "%s\"%u\":\"#%06x\"", any ? "," : "", first + i,
			(unsigned)(colors[i] & 0xffffff));
		any = true;
	}
	out_byte(o, '}');
}

static void put_strings(const struct term *t, struct out *o)
{
	out_text(o, ",\"title\":");
	put_text(o, t->title, strlen(t->title));
	out_text(o, ",\"titles\":[");
	for (unsigned i = 0; i < t->n_titles; i++) {
		out_text(o, i ? "," : "");
		put_text(o, t->titles[i], strlen(t->titles[i]));
	}
	out_text(o, "],\"cwd\":");
	put_text(o, t->cwd ? t->cwd : "", t->cwd ? strlen(t->cwd) : 0);
}

void dump_json(const struct term *t, struct out *o)
{
	out_format(o, "{\"cols\":%u,\"rows\":%u,\"alternate\":%s,\"pending\":%llu", t->cols,
		t->rows, term_alternate(t) ? "true" : "false", (unsigned long long)term_pending(t));
	put_cursor("cursor", &t->cursor, o);
	for (unsigned i = 0; i < ARRAY_SIZE(t->screens); i++)
		put_cursor(i ? "saved1" : "saved0", &t->screens[i].saved, o);
	put_modes(t, o);
	put_tabs(t, o);
	put_keys(t, o);
	put_colors("palette", t->palette, COLORS_N, 0, o);
	put_colors("dynamic", t->dynamic, DYNAMIC_N, DYNAMIC_FIRST, o);
	put_strings(t, o);
	out_text(o, ",\"screens\":[");
	put_grid(t, &t->screens[0].grid, o);
	out_byte(o, ',');
	put_grid(t, &t->screens[1].grid, o);
	out_byte(o, ']');
	put_history(t, o);
	out_text(o, "}\n");
}
