#include <string.h>

#include "common/term/paint.h"

void paint_reset(struct out *o)
{
	/* CAN and ST end what is open. To leave the alternate screen moves the cursor to where that was
	 * entered last, in tmux and xterm also when it does not show; so it is entered first, which at
	 * most clears it where it shows. DECRC after DECSC undoes the move that the margins' reset makes.
	 */
	out_text(o, "\x18\x1b\\\x1b[<8u\x1b[?1049h\x1b[?1049l\x1b"
		    "7\x1b[r\x1b"
		    "8\x1b[!p");
	out_text(o, "\x1b[<8u\x1b[>4m\x1b[>m\x1b[m\x1b]8;;\x1b\\\x1b[0\"q");
	out_text(o, "\x0f\x1b(B\x1b)B\x1b*B\x1b+B\x1b[4l\x1b[20l\x1b[?7h\x1b[?25h\x1b[?1l\x1b>");
	out_text(o, "\x1b[?5l\x1b[?45l\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l");
	out_text(o, "\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l\x1b[?2004l\x1b[0 q");
}

static void paint_charsets(struct painter *p, const struct cursor *c)
{
	static const char shifts[][3] = { "\x0f", "\x0e", "\x1bn", "\x1bo" };

	for (unsigned g = 0; g < ARRAY_SIZE(c->charsets); g++)
		if (c->charsets[g] != 'B')
			out_format(&p->o, "\x1b%c%c", "()*+"[g], c -> charsets[g]);
	if (c->shift)
		out_text(&p->o, shifts[c->shift]);
}

/* Writing the last column again leaves the wrap pending. A blank that the row leaves to erasing is
 * erased once more where a cursor may be saved meanwhile: as a space it would be a part of its line,
 * which a narrower terminal wraps. */
static void paint_pending(
	struct painter *p, const struct grid *g, const struct cursor *c, unsigned y, bool may_save)
{
	const struct row *row = grid_row(g, c->y);
	uint64_t cell = row_cell(row, c->x);
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];
	struct style style = style_get(p->t, cell_style(cell));
	bool wide = cell & CELL_TAIL;
	unsigned n;

	if (wide)
		cell = row_cell(row, c->x - 1);
	out_format(&p->o, "\x1b[%u;%uH", y + 1, c->x + 1 - wide);
	paint_protect(p, cell & CELL_PROTECTED);
	paint_style(p, &style);
	n = cell_codes(p->t, cell, codes);
	for (unsigned i = 0; i < n; i++)
		out_code(&p->o, codes[i]);
	if (!n)
		out_byte(&p->o, ' ');
	if (may_save && !row->wrapped && cell_erasable(p->t, cell))
		out_format(&p->o,
			"\x1b"
			"7\x1b[%uG\x1b[K\x1b"
			"8",
			c->x + 1);
}

static void paint_place(struct painter *p, const struct grid *g, const struct cursor *c,
	unsigned top, bool may_save)
{
	unsigned y = c->y - (c->origin ? top : 0);

	if (c->origin)
		out_text(&p->o, "\x1b[?6h");
	if (c->pending)
		paint_pending(p, g, c, y, may_save);
	else
		out_format(&p->o, "\x1b[%u;%uH", y + 1, c->x + 1);
	paint_style(p, &c->pen.style);
	paint_protect(p, c->pen.protect);
	paint_charsets(p, c);
}

void paint_cursor(struct painter *p, const struct grid *g, const struct cursor *c, unsigned top)
{
	paint_place(p, g, c, top, false);
}

void paint_saved(struct painter *p, const struct screen *s, const char *save)
{
	static const struct style plain;

	paint_place(p, &s->grid, &s->saved, 0, true);
	out_text(&p->o, save);
	paint_style(p, &plain);
	if (s->saved.origin)
		out_text(&p->o, "\x1b[?6l");
	paint_protect(p, false);
	out_text(&p->o, "\x0f\x1b(B\x1b)B\x1b*B\x1b+B");
}

/* Down to the last level that is the same, up from there. */
void paint_kitty(struct painter *p, const struct kitty *was, const struct kitty *k)
{
	unsigned same = 0, level;

	while (same <= was->top && same <= k->top && was->flags[same] == k->flags[same])
		same++;
	level = same < k->top ? same : k->top;
	if (was->top > level)
		out_format(&p->o, "\x1b[<%uu", was->top - level);
	if (same <= was->top && same <= k->top)
		out_format(&p->o, "\x1b[=%u;1u", k->flags[same++]);
	for (; same <= k->top; same++)
		out_format(&p->o, "\x1b[>%uu", k->flags[same]);
}

static void paint_one_of(struct painter *p, unsigned was, unsigned now)
{
	if (was == now)
		return;
	if (was)
		out_format(&p->o, "\x1b[?%ul", was);
	if (now)
		out_format(&p->o, "\x1b[?%uh", now);
}

static void paint_modify_keys(struct painter *p, unsigned which, unsigned now)
{
	if (now == KEYS_INITIAL || now == KEYS_OFF)
		out_format(&p->o, "\x1b[>%u%c", which, now == KEYS_OFF ? 'n' : 'm');
	else
		out_format(&p->o, "\x1b[>%u;%um", which, now - KEYS_VALUE);
}

void paint_keys_and_mouse(struct painter *p, const struct paint_state *was)
{
	const struct term *t = p->t;

	paint_one_of(p, was->mouse, p->no_mouse ? 0 : t->mouse);
	paint_one_of(p, was->mouse_encoding, t->mouse_encoding);
	for (unsigned i = 0; i < ARRAY_SIZE(t->modify_keys); i++)
		if (t->modify_keys[i] != was->modify_keys[i])
			paint_modify_keys(p, i, t->modify_keys[i]);
	if (t->cursor_shape != was->cursor_shape)
		out_format(&p->o, "\x1b[%u q", t->cursor_shape);
}

void paint_modes(struct painter *p, const struct paint_state *was, uint32_t which)
{
	const uint32_t differ = (p->t->modes ^ was->modes) & which;
	uint32_t bit;
	uint16_t number;

	for (unsigned i = 0; (number = mode_number(i, &bit)) != 0; i++)
		if (differ & bit && bit != TERM_MODE_APP_KEYPAD)
			out_format(&p->o, "\x1b[?%u%c", number, term_mode(p->t, bit) ? 'h' : 'l');
	if (differ & TERM_MODE_WRAP)
		out_text(&p->o, term_mode(p->t, TERM_MODE_WRAP) ? "\x1b[?7h" : "\x1b[?7l");
	if (differ & TERM_MODE_APP_KEYPAD)
		out_text(&p->o, term_mode(p->t, TERM_MODE_APP_KEYPAD) ? "\x1b=" : "\x1b>");
}

void paint_margins(struct painter *p)
{
	const struct term *t = p->t;

	if (t->top != 0 || t->bottom != t->rows)
		out_format(&p->o, "\x1b[%u;%ur", t->top + 1, t->bottom);
}

/* The end of a command that sets a colour, or of one that resets it. */
static void paint_color(struct painter *p, uint32_t rgb)
{
	if (rgb)
		out_format(
			&p->o, ";rgb:%02x/%02x/%02x", rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255);
	out_text(&p->o, "\x1b\\");
}

static void paint_palette(struct painter *p, const uint32_t *was, const uint32_t *now)
{
	if (was && !now)
		out_text(&p->o, "\x1b]104\x1b\\");
	for (unsigned i = 0; now && i < COLORS_N; i++) {
		if (now[i] == (was ? was[i] : 0))
			continue;
		out_format(&p->o, "\x1b]%u;%u", now[i] ? 4u : 104u, i);
		paint_color(p, now[i]);
	}
}

void paint_colors(struct painter *p, const struct paint_state *was)
{
	const struct term *t = p->t;

	paint_palette(p, was->palette, t->palette);
	for (unsigned i = 0; i < DYNAMIC_N; i++) {
		if (t->dynamic[i] == was->dynamic[i])
			continue;
		out_format(&p->o, "\x1b]%u", (t->dynamic[i] ? 0 : 100) + DYNAMIC_FIRST + i);
		paint_color(p, t->dynamic[i]);
	}
}

void paint_tabs(struct painter *p)
{
	const struct term *t = p->t;
	bool usual = true;

	for (unsigned x = 0; x < t->cols; x++)
		usual &= tab_at(t, x) == (x % 8 == 0);
	if (usual) {
		out_text(&p->o, "\x1b[?5W");
		return;
	}
	out_text(&p->o, "\x1b[3g");
	for (unsigned x = 0; x < t->cols; x++)
		if (tab_at(t, x))
			out_format(&p->o, "\x1b[1;%uH\x1bH", x + 1);
}

void paint_titles(struct painter *p, const struct paint_state *was)
{
	const struct term *t = p->t;

	if (strcmp(t->title, was->title) != 0) {
		out_text(&p->o, "\x1b]2;");
		out_text(&p->o, t->title);
		out_text(&p->o, "\x1b\\");
	}
	if (t->cwd && (!was->cwd || strcmp(t->cwd, was->cwd) != 0)) {
		out_text(&p->o, "\x1b]7;");
		out_text(&p->o, t->cwd);
		out_text(&p->o, "\x1b\\");
	}
}
