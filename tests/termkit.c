#include "tests/termkit.h"

#include <stdio.h>
#include <string.h>

static char why[256];

struct term *termkit_new(unsigned cols, unsigned rows, unsigned history_lines)
{
	struct term_config config = { .cols = cols, .rows = rows, .history_lines = history_lines };
	struct term *t = NULL;

	if (term_new(&t, &config) != 0)
		abort();
	return t;
}

struct term *termkit_painted(
	const struct term *model, const struct term_shadow *like, size_t *ret_bytes)
{
	struct term *terminal = termkit_new(like->cols, like->n_rows, 0);
	struct term_shadow *s = NULL;
	struct term_buf out = { 0 };

	if (term_shadow_new(&s, like->cols, like->n_rows) != 0)
		abort();
	s->view_x = like->view_x;
	s->view_y = like->view_y;
	s->view_alternate = like->view_alternate;
	if (term_shadow_paint(s, model, SIZE_MAX, &out) != 0)
		abort();
	term_feed(terminal, out.data, out.n);
	*ret_bytes = out.n;
	term_buf_done(&out);
	term_shadow_free(s);
	return terminal;
}

/* ---- equality ---- */

static bool same_style(
	const struct term *a, const struct style *x, const struct term *b, const struct style *y)
{
	if (!x->link != !y->link)
		return false;
	if (x->link && (strcmp(a->links[x->link].uri, b->links[y->link].uri) != 0 ||
			       strcmp(a->links[x->link].params, b->links[y->link].params) != 0))
		return false;
	return x->fg == y->fg && x->bg == y->bg && x->underline == y->underline &&
	       x->attrs == y->attrs;
}

static unsigned shown(const struct term *t, uint64_t cell, uint32_t codes[TERM_CELL_CODEPOINTS_MAX])
{
	unsigned n = cell_codes(t, cell, codes);

	if (!n && !(cell & CELL_TAIL)) {
		codes[0] = ' ';
		n = 1;
	}
	return n;
}

bool termkit_same_cell(const struct term *a, uint64_t x, const struct term *b, uint64_t y)
{
	uint32_t cx[TERM_CELL_CODEPOINTS_MAX], cy[TERM_CELL_CODEPOINTS_MAX];
	unsigned n = shown(a, x, cx);
	struct style sx = style_get(a, cell_style(x)), sy = style_get(b, cell_style(y));

	if (n != shown(b, y, cy) || memcmp(cx, cy, n * sizeof(*cx)) != 0)
		return false;
	if ((x ^ y) & (CELL_WIDE | CELL_TAIL))
		return false;
	if ((x ^ y) & CELL_PROTECTED && (x & CELL_CODE || y & CELL_CODE))
		return false;
	return same_style(a, &sx, b, &sy);
}

static const char *same_grid(const struct term *a, const struct term *b, unsigned s)
{
	for (unsigned y = 0; y < a->rows; y++) {
		const struct row *x = grid_row(&a->screens[s].grid, y),
				 *z = grid_row(&b->screens[s].grid, y);

		for (unsigned c = 0; c < a->cols; c++) {
			if (termkit_same_cell(a, row_cell(x, c), b, row_cell(z, c)))
				continue;
			snprintf(why, sizeof(why), "screen %u row %u column %u: %llx, %llx", s, y,
				c, (unsigned long long)row_cell(x, c),
				(unsigned long long)row_cell(z, c));
			return why;
		}
		if (x->wrapped != z->wrapped && y + 1 < a->rows) {
			snprintf(why, sizeof(why), "screen %u row %u: wrapped %d, %d", s, y,
				x->wrapped, z->wrapped);
			return why;
		}
	}
	return NULL;
}

static const char *same_cursor(const struct term *a, const struct cursor *x, const struct term *b,
	const struct cursor *y, const char *which)
{
	if (x->x != y->x || x->y != y->y || x->pending != y->pending || x->origin != y->origin)
		snprintf(why, sizeof(why), "%s: %u,%u pending %d origin %d; %u,%u %d %d", which,
			x->x, x->y, x->pending, x->origin, y->x, y->y, y->pending, y->origin);
	else if (!same_style(a, &x->pen.style, b, &y->pen.style) ||
		 x->pen.protect != y->pen.protect)
		snprintf(why, sizeof(why), "%s: pen", which);
	else if (memcmp(x->charsets, y->charsets, sizeof(x->charsets)) != 0 ||
		 x->shift != y->shift || x->single != y->single)
		snprintf(why, sizeof(why), "%s: charsets", which);
	else
		return NULL;
	return why;
}

static const char *same_screens(const struct term *a, const struct term *b, unsigned but)
{
	const char *r = same_cursor(a, &a->cursor, b, &b->cursor, "cursor");

	for (unsigned s = 0; !r && s < 2; s++) {
		const struct kitty *x = &a->screens[s].kitty, *y = &b->screens[s].kitty;

		/* what the alternate screen holds while the primary shows is nobody's business */
		if (s == 1 && !term_alternate(a))
			break;
		r = same_grid(a, b, s);
		if (!r && !(s == 1 && but & SAME_BUT_SAVED))
			r = same_cursor(a, &a->screens[s].saved, b, &b->screens[s].saved,
				s ? "saved cursor, alternate" : "saved cursor, primary");
		if (!r && (x->top != y->top || memcmp(x->flags, y->flags, x->top + 1u) != 0))
			r = "kitty keyboard";
	}
	return r;
}

static bool same_tabs(const struct term *a, const struct term *b)
{
	for (unsigned x = 0; x < a->cols; x++)
		if (tab_at(a, x) != tab_at(b, x))
			return false;
	return true;
}

static bool same_colors(const struct term *a, const struct term *b)
{
	for (unsigned i = 0; i < COLORS_N; i++)
		if (color_palette(a, i) != color_palette(b, i))
			return false;
	return memcmp(a->dynamic, b->dynamic, sizeof(a->dynamic)) == 0;
}

static const char *same_modes(const struct term *a, const struct term *b, unsigned but)
{
	const uint32_t kept = but & SAME_BUT_DEFAULTS
				      ? TERM_MODE_ALT_SCROLL | TERM_MODE_META | TERM_MODE_BLINK
				      : 0;

	if ((a->modes ^ b->modes) & ~kept) {
		snprintf(why, sizeof(why), "modes %x, %x", a->modes, b->modes);
		return why;
	}
	if (a->mouse != b->mouse || a->mouse_encoding != b->mouse_encoding)
		return "mouse";
	if (a->cursor_shape != b->cursor_shape)
		return "cursor shape";
	if (a->top != b->top || a->bottom != b->bottom)
		return "margins";
	if (memcmp(a->modify_keys, b->modify_keys, sizeof(a->modify_keys)) != 0)
		return "modify keys";
	return same_tabs(a, b) ? NULL : "tab stops";
}

static const char *same_strings(const struct term *a, const struct term *b, unsigned but)
{
	const char *x = a->cwd ? a->cwd : "", *y = b->cwd ? b->cwd : "";

	if (!same_colors(a, b))
		return "colours";
	if (strcmp(a->title, b->title) != 0 && !(but & SAME_BUT_DEFAULTS && !*a->title))
		return "title";
	if (strcmp(x, y) != 0 && !(but & SAME_BUT_DEFAULTS && !*x))
		return "working directory";
	return NULL;
}

const char *termkit_same_history(const struct term *a, const struct term *b)
{
	static uint64_t x[TERM_COLS_MAX], y[TERM_COLS_MAX];
	unsigned before = b->history.n - a->history.n;
	bool wx, wy;

	if (b->history.n < a->history.n)
		return "lines of history";
	for (unsigned i = 0; i < a->history.n; i++) {
		unsigned n = history_line(&a->history, i, x, &wx);

		if (n != history_line(&b->history, before + i, y, &wy) || wx != wy)
			return "history line's length";
		for (unsigned c = 0; c < n; c++)
			if (!termkit_same_cell(a, x[c], b, y[c]))
				return "history line";
	}
	return NULL;
}

static const char *same_loud(const struct term *a, const struct term *b)
{
	size_t n, m;
	const uint8_t *x = term_replies(a, &n), *y = term_replies(b, &m);

	if (n != m || (n && memcmp(x, y, n) != 0))
		return "answers";
	if (term_pending(a) != term_pending(b) || term_ground(a) != term_ground(b))
		return "pending";
	return a->last == b->last ? NULL : "last character";
}

const char *termkit_same(const struct term *a, const struct term *b, unsigned but)
{
	const char *r = NULL;

	if (a->cols != b->cols || a->rows != b->rows)
		return "size";
	if (term_alternate(a) != term_alternate(b))
		return "which screen";
	r = same_screens(a, b, but);
	if (!r)
		r = same_modes(a, b, but);
	if (!r)
		r = same_strings(a, b, but);
	if (!r && !(but & SAME_BUT_HISTORY) && a->history.n != b->history.n)
		r = "lines of history";
	if (!r && !(but & SAME_BUT_HISTORY))
		r = termkit_same_history(a, b);
	if (!r && !(but & SAME_BUT_QUIET))
		r = same_loud(a, b);
	return r;
}

/* ---- random streams ---- */

uint32_t termkit_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

static unsigned pick(uint64_t *seed, unsigned n)
{
	return termkit_random(seed) % n;
}

static void put_text(uint64_t *seed, struct out *o)
{
	static const char *const pieces[] = { "hello world", "a", "漢字かな", "e\xcc\x81", "🙂",
		"\xef\xbc\xa1", "lorem ipsum dolor sit amet",
		"x\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86", "─│┌┐", "~`_", " ", "\xc2\x9b",
		"\xe2\x80\x8d", "   ", "한", "\xcc\x88" };

	for (unsigned i = pick(seed, 6); i-- > 0;)
		out_text(o, pieces[pick(seed, ARRAY_SIZE(pieces))]);
}

static void put_params(uint64_t *seed, struct out *o)
{
	for (unsigned i = pick(seed, 4); i-- > 0;) {
		unsigned kind = pick(seed, 12);

		if (kind < 8)
			out_format(o, "%u", pick(seed, kind < 5 ? 6 : 40));
		else if (kind == 8)
			out_format(o, "%u", termkit_random(seed));
		if (i)
			out_text(o, pick(seed, 8) ? ";" : ":");
	}
}

static void put_csi(uint64_t *seed, struct out *o)
{
	static const char finals[] = "@ABCDEFGHIJKLMPSTXZ^`abcdefghijklmnpqrstuvwxyz{|}~";

	out_text(o, "\x1b[");
	if (!pick(seed, 6))
		out_byte(o, (uint8_t) "?>=<"[pick(seed, 4)]);
	put_params(seed, o);
	if (!pick(seed, 12))
		out_byte(o, (uint8_t) " !\"$'*#"[pick(seed, 7)]);
	out_byte(o, (uint8_t)finals[pick(seed, sizeof(finals) - 1)]);
}

static void put_mode(uint64_t *seed, struct out *o)
{
	static const unsigned modes[] = { 1, 5, 6, 7, 9, 12, 25, 45, 47, 66, 1000, 1002, 1003, 1004,
		1005, 1006, 1007, 1015, 1016, 1034, 1047, 1048, 1049, 2004, 2026, 2, 3, 69, 2027,
		1049, 7, 6 };

	if (pick(seed, 8))
		out_format(o, "\x1b[?%u%c", modes[pick(seed, ARRAY_SIZE(modes))],
			pick(seed, 2) ? 'h' : 'l');
	else
		out_format(o, "\x1b[%u%c", pick(seed, 2) ? 4u : 20u, pick(seed, 3) ? 'l' : 'h');
}

static void put_sgr(uint64_t *seed, struct out *o)
{
	static const char *const pieces[] = { "0", "", "1", "4", "7", "31", "48;5;200",
		"38;2;1;2;3", "4:3", "58:5:9", "58:2::9:8:7", "38:2:1:2:3", "22", "24", "27",
		"39;49", "100", "97", "53", "21", "2;3;5;8;9", "48:5:3" };

	out_text(o, "\x1b[");
	out_text(o, pieces[pick(seed, ARRAY_SIZE(pieces))]);
	if (pick(seed, 2))
		out_format(o, ";%u", pick(seed, 110));
	out_text(o, "m");
}

static void put_string(uint64_t *seed, struct out *o)
{
	static const char *const pieces[] = { "]0;title %", "]2;t\xc3\xa9tle %",
		"]8;id=%;http://example.org/", "]8;;", "]4;%;rgb:12/34/56", "]4;%;?", "]10;#%",
		"]11;?", "]52;c;aGVsbG8=", "]52;c;?", "]104", "]110", "]7;file://host/dir%",
		"]133;A", "P$qm", "P+q544e", "Pq#0;2;0;0;0~~", "_Gi=%", "^private %", "Xstart",
		"]12;rgb:ff/00/00", "]8;;x:%", "]1337;File=x", "]52;c;!", "]13;#%",
		"]17;rgb:01/02/03", "]19;#fff", "]117", "]113", "]104;%", "]10;#%;#%;#%" };
	static const char *const ends[] = { "\x1b\\", "\x1b\\", "\a", "\x18", "\x1b[m",
		"\x1b\x1b\\" };
	const char *piece;

	out_byte(o, 0x1b);
	for (piece = pieces[pick(seed, ARRAY_SIZE(pieces))]; *piece; piece++) {
		if (*piece == '%')
			out_format(o, "%03u", pick(seed, 300));
		else
			out_byte(o, (uint8_t)*piece);
	}
	out_text(o, ends[pick(seed, ARRAY_SIZE(ends))]);
}

static void put_escape(uint64_t *seed, struct out *o)
{
	static const char *const pieces[] = { "7", "8", "D", "E", "H", "M", "N", "O", "=", ">", "n",
		"o", "(0", "(B", ")0", "*A", "+K", "#8", "Z", "%G", "%@", " F", "(0", "\\", "[!p",
		"[3g", "[?5W", "[22;0t", "[23;0t", "[1\"q", "[0\"q", "[2\"q", "[23;1t", "[>5u",
		"[<u", "[=3;2u", "[>4;2m", "[>4;1m", "[>1;0m", "[>2n", "[>m" };

	out_byte(o, 0x1b);
	out_text(o, pieces[pick(seed, ARRAY_SIZE(pieces))]);
	if (!pick(seed, 40))
		out_text(o, "\x1b"
			    "c");
}

void termkit_stream(uint64_t *seed, size_t n, struct term_buf *out)
{
	struct out o = { .buf = out };
	const size_t end = out->n + n;

	while (out->n < end && !o.r) {
		switch (pick(seed, 13)) {
		case 0:
		case 1:
		case 2:
			put_text(seed, &o);
			break;
		case 3:
		case 4:
			out_byte(&o, (uint8_t) "\n\r\t\b\n\n\r\v\x0e\x0f\x05\a"[pick(seed, 12)]);
			break;
		case 5:
		case 6:
			put_sgr(seed, &o);
			break;
		case 7:
			put_mode(seed, &o);
			break;
		case 8:
			put_string(seed, &o);
			break;
		case 9:
			put_escape(seed, &o);
			break;
		case 10:
			out_byte(&o, (uint8_t)termkit_random(seed));
			break;
		default:
			put_csi(seed, &o);
			break;
		}
	}
}

size_t termkit_step(struct term *t, const uint8_t *data, size_t n)
{
	size_t i = 0;

	if (n >= 3 && data[0] == 0xfe) {
		if (term_resize(t, 1u + data[1] % 120, 1u + data[2] % 60) < 0)
			abort();
		return 3;
	}
	do
		i++;
	while (i < n && data[i] < 0xfe);
	term_feed(t, data, i);
	return i;
}

struct term_filter *termkit_filter(void)
{
	static const char colors[] = "\033]4;1;#fff\033\\\033]10;#111;#111;#111;#111;#111;#111;#"
				     "111;#111;#111;#111\033\\";
	struct term_filter *f = NULL;
	struct term_buf out = { 0 };

	if (term_filter_new(&f, false) < 0 ||
		term_filter_feed(f, (const uint8_t *)colors, sizeof(colors) - 1, &out) < 0)
		abort();
	term_buf_done(&out);
	return f;
}

/* ---- the grammar of paints ---- */

static bool paint_csi(const struct parse *p)
{
	static const char plain[] = "ABCDGHJKLMXmrghl";

	if (!p->n_intermediates && !p->private)
		return strchr(plain, p->final);
	if (!p->n_intermediates && p->private == '?')
		return strchr("hlW", p->final);
	if (!p->n_intermediates && p->private == '>')
		return strchr("umn", p->final);
	if (!p->n_intermediates)
		return p->final == 'u' && p->private != '?';
	return parse_key(p) == PARSE_KEY(0, ' ', 'q') || parse_key(p) == PARSE_KEY(0, '!', 'p') ||
	       parse_key(p) == PARSE_KEY(0, '"', 'q');
}

static bool paint_escape(const struct parse *p)
{
	if (p->n_intermediates)
		return p->n_intermediates == 1 && strchr("()*+", p->intermediates[0]) &&
		       strchr("0AB", p->final);
	return strchr("78=>noHNO\\", p->final);
}

static bool paint_osc(const char *s)
{
	unsigned n = (unsigned)strtoul(s, NULL, 10);

	if (n != 8 && n != 2 && n != 7 && strchr(s, '?'))
		return false;
	return n == 2 || n == 4 || n == 7 || n == 8 || (n >= 10 && n <= 19) || n == 104 ||
	       (n >= 110 && n <= 119);
}

static const char *grammar_action(
	const struct parse *p, enum parse_action action, uint8_t b, char *osc, size_t *n_osc)
{
	switch (action) {
	case PARSE_EXECUTE:
		return strchr("\r\n\b\x0e\x0f\x18", b) ? NULL : "a control";
	case PARSE_CSI:
		snprintf(why, sizeof(why), "CSI %c%u...%c", p->private ? p->private : ' ',
			parse_param(p, 0, 0), p->final);
		return paint_csi(p) ? NULL : why;
	case PARSE_ESC:
		snprintf(why, sizeof(why), "ESC ...%c", p->final);
		return paint_escape(p) ? NULL : why;
	case PARSE_STRING_BEGIN:
		*n_osc = 0;
		osc[0] = '\0';
		return p->kind == ']' ? NULL : "a string that is no OSC";
	case PARSE_STRING_PUT:
		if (*n_osc < 31)
			osc[(*n_osc)++] = (char)b;
		osc[*n_osc] = '\0';
		return b < 0x20 ? "a control in a string" : NULL;
	case PARSE_STRING_END:
		snprintf(why, sizeof(why), "OSC %s", osc);
		return p->bell ? "BEL" : paint_osc(osc) ? NULL : why;
	case PARSE_NONE:
		return NULL;
	case PARSE_AGAIN:
	case PARSE_CSI_BAD:
	case PARSE_ABORT:
	case PARSE_ABORT_AGAIN:
		break;
	}
	return "damage";
}

const char *termkit_grammar(const uint8_t *data, size_t n)
{
	struct parse p = { 0 };
	struct utf8 u = { 0 };
	char osc[32];
	size_t n_osc = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t code = 0;
		const char *r;

		if (p.state == PARSE_GROUND && (data[i] >= 0x80 || u.need)) {
			enum utf8_result done = utf8_byte(&u, data[i], &code);

			if (done == UTF8_BAD || done == UTF8_AGAIN ||
				(done == UTF8_DONE && code < 0xa0))
				return "bytes that are no text";
			continue;
		}
		if (p.state == PARSE_GROUND && data[i] >= 0x20 && data[i] < 0x7f)
			continue;
		r = grammar_action(&p, parse_byte(&p, data[i]), data[i], osc, &n_osc);
		if (r)
			return r;
	}
	return p.state == PARSE_GROUND && !u.need ? NULL : "an open sequence";
}

/* ---- the same screen, stored otherwise ---- */

#define NOT_STORED UINT64_MAX /* no cell: it would be shown as one */

static void end_earlier(struct row *row)
{
	row_settle(row);
	while (row->used && row->cells[row->used - 1] == row->fill)
		row->used--;
}

/* The first run of `fill` is the gap. */
static void open_gap(struct row *row)
{
	unsigned from = 0, to;

	row_settle(row);
	while (from < row->used && row->cells[from] != row->fill)
		from++;
	for (to = from; to < row->used && row->cells[to] == row->fill; to++)
		row->cells[to] = NOT_STORED;
	row->gap = (uint16_t)(to > from ? from : 0);
	row->gap_end = (uint16_t)(to > from ? to : 0);
}

static void store_otherwise(struct row *row, unsigned cols, uint32_t how)
{
	row_unveil(row);
	row->spared |= how & 8;
	if (how & 1)
		row_reach(row, cols);
	if (how & 2)
		end_earlier(row);
	if (how & 4)
		open_gap(row);
	if (row->used == cols && !row->gap_end && how & 1)
		row->fill = 0;
	for (unsigned x = row->used; x < cols; x++)
		row->cells[x] = NOT_STORED;
}

void termkit_sweep(struct term *t)
{
	if (t->n_links)
		links_sweep(t);
	else
		attr_sweep(t);
}

void termkit_store_otherwise(struct term *t, uint64_t *seed)
{
	if (termkit_random(seed) % 8 == 0)
		termkit_sweep(t);
	for (unsigned s = 0; s < ARRAY_SIZE(t->screens); s++)
		for (unsigned y = 0; y < t->rows; y++)
			store_otherwise(grid_row(&t->screens[s].grid, y), t->cols,
				termkit_random(seed) % 16);
}
