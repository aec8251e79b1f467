/* Lines of history and of the screen, each by itself: as text, with SGR, as a JSON object. */
#include <string.h>

#include "common/term/paint.h"

/* Trailing blanks are no part of it, but for coloured ones. */
struct text_line {
	uint64_t cells[TERM_COLS_MAX];
	unsigned n;
	bool wrapped;
};

/* Cells [from, to) of one style. */
struct run {
	unsigned from, to;
	struct style style;
};

uint64_t term_line_first(const struct term *t)
{
	return t->history.total - t->history.n;
}

uint64_t term_line_end(const struct term *t)
{
	return t->history.total + t->rows;
}

/* Without a style; a protected one is no other. */
static bool is_blank(uint64_t cell)
{
	cell &= ~CELL_PROTECTED;
	return !cell || cell == ' ';
}

static void load_row(const struct term *t, unsigned y, struct text_line *l)
{
	const struct row *row = term_row(t, y);

	l->n = row_length(row, t->cols);
	l->wrapped = row->wrapped;
	for (unsigned x = 0; x < l->n; x++)
		l->cells[x] = row_cell(row, x);
}

static void load(const struct term *t, uint64_t number, struct text_line *l)
{
	if (number >= t->history.total)
		load_row(t, (unsigned)(number - t->history.total), l);
	else
		l->n = history_line(&t->history, (unsigned)(number - term_line_first(t)), l->cells,
			&l->wrapped);
	while (l->n && is_blank(l->cells[l->n - 1]))
		l->n--;
}

/* The next run after r; false: there is none. Links beyond what a line may have are left out;
 * `before` is the one that need not be written again. */
static bool next_run(const struct term *t, const struct text_line *l, struct run *r,
	uint32_t before, size_t *link_bytes)
{
	unsigned x = r->to;
	uint32_t number;

	if (x == l->n)
		return false;
	number = cell_style(l->cells[x]);
	while (x < l->n && cell_style(l->cells[x]) == number)
		x++;
	*r = (struct run){ .from = r->to, .to = x, .style = style_get(t, number) };
	if (!r->style.link || r->style.link == before)
		return true;
	*link_bytes += strlen(t->links[r->style.link].uri) + strlen(t->links[r->style.link].params);
	if (*link_bytes > TERM_LINE_LINK_BYTES)
		r->style.link = 0;
	return true;
}

/* ---- text ---- */

static void put_codes(const struct term *t, uint64_t cell, struct out *o)
{
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];
	const unsigned n = cell & CELL_TAIL ? 0 : cell_codes(t, cell, codes);

	if (!n && !(cell & CELL_TAIL))
		out_byte(o, ' ');
	for (unsigned i = 0; i < n; i++)
		out_code(o, codes[i]);
}

static void put_text(const struct term *t, const struct text_line *l, struct out *o)
{
	size_t end = o->buf->n; /* after the last character that is no blank */

	for (unsigned x = 0; x < l->n; x++) {
		put_codes(t, l->cells[x], o);
		if (l->cells[x] & CELL_CHAR && (l->cells[x] & CELL_CHAR) != ' ')
			end = o->buf->n;
	}
	o->buf->n = end;
}

/* ---- SGR and OSC 8 ---- */

static void put_ansi(const struct term *t, const struct text_line *l, struct out *o)
{
	static const struct style plain;
	struct painter p = { .t = t, .o = *o };
	struct run r = { .to = 0 };
	size_t link_bytes = 0;

	while (next_run(t, l, &r, r.style.link, &link_bytes)) {
		paint_style(&p, &r.style);
		for (unsigned x = r.from; x < r.to; x++)
			put_codes(t, l->cells[x], &p.o);
	}
	paint_style(&p, &plain);
	o->r = p.o.r;
}

/* ---- JSON ---- */

static void json_code(struct out *o, uint32_t code)
{
	if (code == '"' || code == '\\')
		out_format(o, "\\%c", (int)code);
	else if (code >= 0x20 && code < 0x7f)
		out_byte(o, (uint8_t)code);
	else if (code < 0x10000)
		out_format(o, "\\u%04x", code);
	else
		out_format(o, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10),
			0xdc00 + (code & 0x3ff));
}

static void json_text(
	const struct term *t, const struct text_line *l, const struct run *r, struct out *o)
{
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];

	out_text(o, ",\"text\":\"");
	for (unsigned x = r->from; x < r->to; x++) {
		const uint64_t cell = l->cells[x];
		const unsigned n = cell_codes(t, cell, codes);

		if (cell & CELL_TAIL)
			continue;
		if (!n)
			out_byte(o, ' ');
		for (unsigned i = 0; i < n; i++)
			json_code(o, codes[i]);
	}
	out_byte(o, '"');
}

static void json_color(struct out *o, const char *name, uint32_t c)
{
	if (c & COLOR_RGB)
		out_format(o, ",\"%s\":\"#%06x\"", name, (unsigned)(c & 0xffffff));
	else if (c)
		out_format(o, ",\"%s\":%u", name, (unsigned)(c & 255));
}

static void json_style(const struct term *t, const struct style *s, struct out *o)
{
	static const char *const underlines[] = { "", "single", "double", "curly", "dotted",
		"dashed", "single", "single" };
	static const char *const names[] = { "bold", "dim", "italic", "blink", "reverse", "hidden",
		"strike", "overline" };
	const unsigned underline = (s->attrs & ATTR_UNDERLINE) >> ATTR_UNDERLINE_SHIFT;

	json_color(o, "fg", s->fg);
	json_color(o, "bg", s->bg);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (s->attrs >> i & 1)
			out_format(o, ",\"%s\":true", names[i]);
	if (underline)
		out_format(o, ",\"underline\":\"%s\"", underlines[underline]);
	json_color(o, "underline_color", s->underline);
	if (!s->link)
		return;
	out_text(o, ",\"link\":\"");
	for (const char *p = t->links[s->link].uri; *p; p++)
		json_code(o, (uint8_t)*p);
	out_byte(o, '"');
}

static void put_json(
	const struct term *t, uint64_t number, const struct text_line *l, struct out *o)
{
	struct run r = { .to = 0 };
	size_t link_bytes = 0;

	out_format(o, "{\"line\":%llu,\"wrapped\":%s,\"runs\":[", (unsigned long long)number,
		l->wrapped ? "true" : "false");
	while (next_run(t, l, &r, 0, &link_bytes)) { /* each says its link */
		out_format(o, "%s{\"x\":%u,\"cols\":%u", r.from ? "," : "", r.from, r.to - r.from);
		json_text(t, l, &r, o);
		json_style(t, &r.style, o);
		out_byte(o, '}');
	}
	out_text(o, "]}");
}

int term_line(
	const struct term *t, uint64_t number, enum term_line_format format, struct term_buf *out)
{
	const size_t start = out->n;
	struct out o = { .buf = out };
	struct text_line l;

	if (number < term_line_first(t) || number >= term_line_end(t))
		return TERM_LINE_NONE;
	load(t, number, &l);
	if (format == TERM_LINE_TEXT)
		put_text(t, &l, &o);
	else if (format == TERM_LINE_ANSI)
		put_ansi(t, &l, &o);
	else
		put_json(t, number, &l, &o);
	if (o.r)
		out->n = start;
	return o.r;
}

int term_text(const struct term *t, struct term_buf *out)
{
	const uint64_t first = t->history.total;
	struct out o = { .buf = out };

	for (unsigned y = 0; !o.r && y < t->rows; y++) {
		if (y)
			out_byte(&o, '\n');
		if (!o.r)
			o.r = term_line(t, first + y, TERM_LINE_TEXT, out);
	}
	return err_fold(o.r);
}
