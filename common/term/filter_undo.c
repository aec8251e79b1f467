#include <string.h>

#include "common/term/filter.h"

/* What the passed output left set at the terminal, a bit each, and what takes it back. None of
 * these moves the cursor, but for the origin mode's, which DECSTR resets where it is. */
enum undo {
	UNDO_PEN,
	UNDO_LINK,
	UNDO_PROTECT,
	UNDO_MARGINS,
	UNDO_ORIGIN,
	UNDO_WRAP,
	UNDO_VISIBLE,
	UNDO_INSERT,
	UNDO_NEWLINE,
	UNDO_APP_CURSOR,
	UNDO_KEYPAD,
	UNDO_REVERSE,
	UNDO_REVERSE_WRAP,
	UNDO_BLINK,
	UNDO_MOUSE,
	UNDO_ENCODING,
	UNDO_FOCUS,
	UNDO_ALT_SCROLL,
	UNDO_META,
	UNDO_PASTE,
	UNDO_SHAPE,
	UNDO_MODIFY,
	UNDO_CHARSETS,
	UNDO_PALETTE,
	UNDO_SPECIAL, /* colours of bold, underlined, ... text */
	UNDO_POINTER,
	UNDO_PROGRESS,
	UNDO_TABS,
	UNDO_SYNC,
	_UNDO_N,
};

static const char *const undo_text[_UNDO_N] = {
	[UNDO_PEN] = "\033[m",
	[UNDO_LINK] = "\033]8;;\033\\",
	[UNDO_PROTECT] = "\033[0\"q",
	[UNDO_MARGINS] = "\0337\033[r\0338",
	[UNDO_ORIGIN] = "\033[!p",
	[UNDO_WRAP] = "\033[?7h",
	[UNDO_VISIBLE] = "\033[?25h",
	[UNDO_INSERT] = "\033[4l",
	[UNDO_NEWLINE] = "\033[20l",
	[UNDO_APP_CURSOR] = "\033[?1l",
	[UNDO_KEYPAD] = "\033>",
	[UNDO_REVERSE] = "\033[?5l",
	[UNDO_REVERSE_WRAP] = "\033[?45l",
	[UNDO_BLINK] = "\033[?12l",
	[UNDO_MOUSE] = "\033[?9l\033[?1000l\033[?1002l\033[?1003l",
	[UNDO_ENCODING] = "\033[?1005l\033[?1006l\033[?1015l\033[?1016l",
	[UNDO_FOCUS] = "\033[?1004l",
	[UNDO_ALT_SCROLL] = "\033[?1007l",
	[UNDO_META] = "\033[?1034h",
	[UNDO_PASTE] = "\033[?2004l",
	[UNDO_SHAPE] = "\033[0 q",
	[UNDO_MODIFY] = "\033[>4m\033[>m", /* tmux knows only the first, xterm wants both */
	[UNDO_CHARSETS] = "\017\033(B\033)B\033*B\033+B",
	[UNDO_PALETTE] = "\033]104\033\\",
	[UNDO_SPECIAL] = "\033]105\033\\",
	[UNDO_POINTER] = "\033]22;\033\\",
	[UNDO_PROGRESS] = "\033]9;4;0\033\\",
	[UNDO_TABS] = "\033[?5W",
	[UNDO_SYNC] = "\033[?2026l",
};

static void note(struct term_filter *f, enum undo what, bool set)
{
	if (set)
		f->set |= UINT32_C(1) << what;
	else
		f->set &= ~(UINT32_C(1) << what);
}

/* What DECSC saves with the cursor. */
#define UNDO_SAVED                                                                                 \
	(1u << UNDO_PEN | 1u << UNDO_LINK | 1u << UNDO_PROTECT | 1u << UNDO_CHARSETS |             \
		1u << UNDO_ORIGIN)

static void note_saved(struct term_filter *f)
{
	f->saved[f->alternate] = f->set & UNDO_SAVED;
}

static void note_restored(struct term_filter *f)
{
	f->set = (f->set & ~UNDO_SAVED) | f->saved[f->alternate];
}

static void note_alternate(struct term_filter *f, unsigned number, bool on)
{
	if (number == 1049 && on && !f->alternate)
		note_saved(f);
	if (number != 1048)
		f->alternate = on;
	else if (on)
		note_saved(f);
	if (number >= 1048 && !on)
		note_restored(f);
}

static void note_mode(struct term_filter *f, unsigned number, bool on)
{
	static const struct {
		uint16_t number;
		uint8_t what;
		bool usual;
	} table[] = {
		{ 1, UNDO_APP_CURSOR, false },
		{ 5, UNDO_REVERSE, false },
		{ 6, UNDO_ORIGIN, false },
		{ 7, UNDO_WRAP, true },
		{ 9, UNDO_MOUSE, false },
		{ 12, UNDO_BLINK, false },
		{ 25, UNDO_VISIBLE, true },
		{ 45, UNDO_REVERSE_WRAP, false },
		{ 66, UNDO_KEYPAD, false },
		{ 1000, UNDO_MOUSE, false },
		{ 1002, UNDO_MOUSE, false },
		{ 1003, UNDO_MOUSE, false },
		{ 1004, UNDO_FOCUS, false },
		{ 1005, UNDO_ENCODING, false },
		{ 1006, UNDO_ENCODING, false },
		{ 1007, UNDO_ALT_SCROLL, false },
		{ 1015, UNDO_ENCODING, false },
		{ 1016, UNDO_ENCODING, false },
		{ 1034, UNDO_META, true },
		{ 2004, UNDO_PASTE, false },
		{ 2026, UNDO_SYNC, false },
	};

	if (number == 47 || (number >= 1047 && number <= 1049))
		note_alternate(f, number, on);
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].number == number)
			note(f, table[i].what, on != table[i].usual);
}

static void note_kitty(struct term_filter *f, const struct parse *p)
{
	uint8_t *pushed = &f->kitty_pushed[f->alternate];
	unsigned n = parse_param(p, 0, 1);

	if (p->private == '>')
		*pushed = (uint8_t)(*pushed < KITTY_STACK_MAX ? *pushed + 1 : *pushed);
	else if (p->private == '<')
		*pushed = (uint8_t)(n < *pushed ? *pushed - n : 0);
	else if (!*pushed && (parse_param(p, 0, 0) || parse_param(p, 1, 1) == 1))
		f->kitty_set[f->alternate] = parse_param(p, 0, 0) != 0;
}

static void note_modify_keys(struct term_filter *f, const struct parse *p)
{
	if (!p->n_params)
		note(f, UNDO_MODIFY, false);
	else if (p->n_params > 1 && p->params[1] >= 0 &&
		 parse_param(p, 1, 0) != keys_initial(parse_param(p, 0, 0)))
		note(f, UNDO_MODIFY, true);
}

static void note_modes(struct term_filter *f, const struct parse *p)
{
	bool on = p->final == 'h';

	for (unsigned i = 0; i < p->n_params; i++) {
		unsigned number = parse_param(p, i, 0);

		if (p->private)
			note_mode(f, number, on);
		else if (number == 4)
			note(f, UNDO_INSERT, on);
		else if (number == 20)
			note(f, UNDO_NEWLINE, on);
	}
}

/* DECSTR resets what lies in these. */
static void note_soft_reset(struct term_filter *f)
{
	static const uint8_t reset[] = { UNDO_PEN, UNDO_PROTECT, UNDO_MARGINS, UNDO_ORIGIN,
		UNDO_VISIBLE, UNDO_INSERT, UNDO_APP_CURSOR, UNDO_KEYPAD };

	for (unsigned i = 0; i < ARRAY_SIZE(reset); i++)
		note(f, reset[i], false);
	note(f, UNDO_WRAP, true); /* on or off: terminals differ */
	note(f, UNDO_CHARSETS, false);
	f->saved[f->alternate] = 0;
}

void filter_note_csi(struct term_filter *f, const struct parse *p)
{
	switch (parse_key(p)) {
	case PARSE_KEY(0, 0, 'm'):
		note(f, UNDO_PEN, p->n_params > 1 || parse_param(p, 0, 0));
		break;
	case PARSE_KEY(0, 0, 'h'):
	case PARSE_KEY(0, 0, 'l'):
	case PARSE_KEY('?', 0, 'h'):
	case PARSE_KEY('?', 0, 'l'):
		note_modes(f, p);
		break;
	case PARSE_KEY(0, 0, 's'):
		note_saved(f);
		break;
	case PARSE_KEY(0, 0, 'u'):
		note_restored(f);
		break;
	case PARSE_KEY(0, 0, 'r'):
		note(f, UNDO_MARGINS, p->n_params > 0);
		break;
	case PARSE_KEY(0, 0, 't'): /* 22 or 23, as the filter passes them */
		if (parse_param(p, 0, 0) == 22)
			f->titles++;
		else
			f->titles--;
		break;
	case PARSE_KEY(0, 0, 'g'):
		note(f, UNDO_TABS, true);
		break;
	case PARSE_KEY('?', 0, 'W'):
		note(f, UNDO_TABS, false);
		break;
	case PARSE_KEY(0, ' ', 'q'):
		note(f, UNDO_SHAPE, parse_param(p, 0, 0) != 0);
		break;
	case PARSE_KEY(0, '"', 'q'):
		note(f, UNDO_PROTECT, parse_param(p, 0, 0) == 1);
		break;
	case PARSE_KEY('>', 0, 'm'):
		note_modify_keys(f, p);
		break;
	case PARSE_KEY('>', 0, 'n'):
		note(f, UNDO_MODIFY, true);
		break;
	case PARSE_KEY('>', 0, 'u'):
	case PARSE_KEY('<', 0, 'u'):
	case PARSE_KEY('=', 0, 'u'):
		note_kitty(f, p);
		break;
	case PARSE_KEY(0, '!', 'p'):
		note_soft_reset(f);
		break;
	default:
		break;
	}
}

void filter_note_escape(struct term_filter *f, const struct parse *p)
{
	if (p->n_intermediates) {
		if (p->intermediates[0] >= '(' && p->intermediates[0] <= '+' && p->final != 'B')
			note(f, UNDO_CHARSETS, true);
		return;
	}
	if (p->final == '=' || p->final == '>')
		note(f, UNDO_KEYPAD, p->final == '=');
	else if (p->final == 'n' || p->final == 'o')
		note(f, UNDO_CHARSETS, true);
	else if (p->final == 'H')
		note(f, UNDO_TABS, true);
	else if (p->final == '7')
		note_saved(f);
	else if (p->final == '8')
		note_restored(f);
	if (p->final != 'c')
		return;
	f->set &= 1u << UNDO_POINTER | 1u << UNDO_PROGRESS; /* no part of what RIS resets */
	f->saved[0] = f->saved[1] = 0;
	f->colors = 0;
	f->alternate = false;
	f->kitty_pushed[0] = f->kitty_pushed[1] = 0;
	f->kitty_set[0] = f->kitty_set[1] = false;
}

void filter_note_control(struct term_filter *f, uint8_t b)
{
	if (b == 0x0e)
		note(f, UNDO_CHARSETS, true);
}

void filter_note_color(struct term_filter *f, unsigned command)
{
	if (command >= DYNAMIC_FIRST)
		f->colors |= (uint16_t)(1u << (command - DYNAMIC_FIRST));
	else
		note(f, command == 4 ? UNDO_PALETTE : UNDO_SPECIAL, true);
}

bool filter_set_color(const struct term_filter *f, unsigned command)
{
	if (command >= DYNAMIC_FIRST)
		return f->colors >> (command - DYNAMIC_FIRST) & 1;
	return f->set >> (command == 4 ? UNDO_PALETTE : UNDO_SPECIAL) & 1;
}

void filter_note_osc(struct term_filter *f, const char *content)
{
	char *rest;
	const unsigned command = (unsigned)strtoul(content, &rest, 10);

	if (command == 8)
		note(f, UNDO_LINK, true);
	else if (command == 5)
		filter_note_color(f, 5);
	else if (command == 22)
		note(f, UNDO_POINTER, strlen(rest) > 1);
	else if (command == 9 && strncmp(rest, ";4;", 3) == 0)
		note(f, UNDO_PROGRESS, rest[3] && rest[3] != '0');
}

bool term_filter_extended_keys(const struct term_filter *f)
{
	return f->kitty_pushed[f->alternate] || f->kitty_set[f->alternate] ||
	       f->set >> UNDO_MODIFY & 1;
}

static void undo_kitty(struct term_filter *f, struct out *o)
{
	const bool screen = f->alternate;

	if (f->kitty_pushed[screen])
		out_format(o, "\033[<%uu", f->kitty_pushed[screen]);
	if (f->kitty_set[screen])
		out_text(o, "\033[=0;1u");
	f->kitty_pushed[screen] = 0;
	f->kitty_set[screen] = false;
}

int term_filter_undo(struct term_filter *f, struct term_buf *out)
{
	struct out o = { .buf = out };

	if (f->string == VERDICT_PASS)
		out_text(&o, "\030\033\\"); /* a picture was cut off */
	term_filter_reset(f);
	undo_kitty(f, &o);
	if (f->alternate) {
		out_text(&o, "\033[?1049l");
		f->set |= f->saved[0];
	}
	f->alternate = false;
	undo_kitty(f, &o);
	if (f->kitty_set[1] ||
		f->kitty_pushed[1]) { /* a program left the other screen without undoing it */
		f->alternate = true;
		out_text(&o, "\033[?1049h");
		undo_kitty(f, &o);
		out_text(&o, "\033[?1049l");
		f->alternate = false;
	}
	for (unsigned i = 0; i < _UNDO_N; i++)
		if (f->set >> i & 1)
			out_text(&o, undo_text[i]);
	for (unsigned i = 0; i < DYNAMIC_N; i++)
		if (f->colors >> i & 1)
			out_format(&o, "\033]%u\033\\", 100 + DYNAMIC_FIRST + i);
	f->colors = 0;
	for (; f->titles; f->titles--)
		out_text(&o, "\033[23;0t");
	f->set = f->saved[0] = f->saved[1] = 0;
	return o.r;
}
