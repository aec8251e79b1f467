#include <string.h>

#include "common/term/model.h"

static void line_feed(struct term *t)
{
	cursor_index(t);
	if (term_mode(t, TERM_MODE_NEWLINE))
		t->cursor.x = 0;
}

static void back_space(struct term *t)
{
	unsigned x = t->cursor.x, y = t->cursor.y;

	if (x > 0) {
		cursor_move(t,
			x - (t->cursor.pending && term_mode(t, TERM_MODE_REVERSE_WRAP) ? 0 : 1), y);
		return;
	}
	t->cursor.pending = false;
	if (term_mode(t, TERM_MODE_REVERSE_WRAP) && term_mode(t, TERM_MODE_WRAP) && y > 0 &&
		term_row(t, y - 1)->wrapped)
		cursor_move(t, t->cols - 1, y - 1);
}

void control_execute(struct term *t, uint8_t b)
{
	switch (b) {
	case '\b':
		back_space(t);
		break;
	case '\t':
		cursor_tab(t, 1);
		break;
	case '\n':
	case '\v':
	case '\f':
		line_feed(t);
		break;
	case '\r':
		t->cursor.x = 0;
		t->cursor.pending = false;
		break;
	case 0x0e:
		t->cursor.shift = 1;
		break;
	case 0x0f:
		t->cursor.shift = 0;
		break;
	default: /* NUL, ENQ, BEL, ...: nothing is shown, nothing is answered */
		break;
	}
}

static void align(struct term *t)
{
	t->top = 0;
	t->bottom = t->rows;
	t->cursor.origin = false;
	cursor_move(t, 0, 0);
	t->work += t->rows;
	grid_fill(&t->screen->grid, 'E');
}

static void designate(struct term *t, unsigned g, uint8_t set)
{
	t->cursor.charsets[g] = set == '0' || set == 'A' ? set : 'B';
}

static void escape_plain(struct term *t, uint8_t final)
{
	switch (final) {
	case '7':
		cursor_save(t);
		break;
	case '8':
		cursor_restore(t);
		break;
	case 'D':
		cursor_index(t);
		break;
	case 'E':
		cursor_index(t);
		t->cursor.x = 0;
		break;
	case 'H':
		t->tabs[t->cursor.x / TAB_BITS] |= tab_bit(t->cursor.x);
		break;
	case 'M':
		cursor_reverse_index(t);
		break;
	case 'N':
	case 'O':
		t->cursor.single = final == 'N' ? 2 : 3;
		break;
	case 'Z':
		query_device(t);
		break;
	case 'c':
		term_reset(t);
		break;
	case '=':
		t->modes |= TERM_MODE_APP_KEYPAD;
		break;
	case '>':
		t->modes &= ~TERM_MODE_APP_KEYPAD;
		break;
	case 'n':
		t->cursor.shift = 2;
		break;
	case 'o':
		t->cursor.shift = 3;
		break;
	default:
		break;
	}
}

void control_escape(struct term *t)
{
	const struct parse *p = &t->parse;

	if (p->n_intermediates == 0)
		escape_plain(t, p->final);
	else if (p->n_intermediates > 1)
		return;
	else if (p->intermediates[0] == '#' && p->final == '8')
		align(t);
	else if (p->intermediates[0] >= '(' && p->intermediates[0] <= '+')
		designate(t, p->intermediates[0] - '(', p->final);
}
