#include <string.h>

#include "common/term/model.h"

static unsigned param(const struct term *t, unsigned i, unsigned absent)
{
	return parse_param(&t->parse, i, absent);
}

static void set_margins(struct term *t)
{
	unsigned top = param(t, 0, 1), bottom = param(t, 1, t->rows);

	if (bottom > t->rows)
		bottom = t->rows;
	if (top >= bottom)
		return;
	t->top = top - 1;
	t->bottom = bottom;
	cursor_address(t, 0, 0);
}

static bool in_region(const struct term *t)
{
	return t->cursor.y >= t->top && t->cursor.y < t->bottom;
}

static void insert_delete_lines(struct term *t, bool insert)
{
	unsigned n = param(t, 0, 1), y = t->cursor.y;

	if (!in_region(t))
		return;
	if (n > t->bottom - y)
		n = t->bottom - y;
	t->work += t->bottom - y;
	if (insert)
		screen_scroll_down(t, y, t->bottom, n);
	else
		grid_scroll_up(&t->screen->grid, y, t->bottom, n, pen_blank(t));
	cursor_move(t, 0, y);
}

static void insert_delete_chars(struct term *t, bool insert)
{
	struct row *row = term_row(t, t->cursor.y);
	unsigned n = param(t, 0, 1);

	if (cursor_past(t))
		return;
	t->work += t->cols - t->cursor.x;
	if (insert)
		row_insert(&t->screen->grid, row, t->cursor.x, n, pen_blank(t));
	else
		row_delete(&t->screen->grid, row, t->cursor.x, n, pen_blank(t));
}

static void erase_chars(struct term *t)
{
	unsigned n = param(t, 0, 1), x = t->cursor.x;
	unsigned to = n > t->cols - x ? t->cols : x + n;

	if (cursor_past(t))
		return;
	t->work += to - x;
	row_erase(&t->screen->grid, term_row(t, t->cursor.y), x, to, pen_blank(t));
}

static void clear_tabs(struct term *t)
{
	unsigned how = param(t, 0, 0);

	if (how == 0)
		t->tabs[t->cursor.x / TAB_BITS] &= ~tab_bit(t->cursor.x);
	else if (how == 3)
		memset(t->tabs, 0, sizeof(t->tabs));
}

/* Cursor movement; false: the sequence is none. */
static bool dispatch_cursor(struct term *t, uint32_t key)
{
	unsigned n = param(t, 0, 1), x = t->cursor.x, y = t->cursor.y;
	unsigned top = t->cursor.origin ? t->top : 0;

	switch (key) {
	case 'A':
		cursor_up(t, n);
		return true;
	case 'B':
		cursor_down(t, n);
		return true;
	case 'e': /* heeds margins in origin mode alone, as all that addresses does */
		cursor_address(t, x, y - top + n);
		return true;
	case 'C':
	case 'a':
		cursor_move(t, x + n, y);
		return true;
	case 'D':
		cursor_move(t, x > n ? x - n : 0, y);
		return true;
	case 'E':
		cursor_down(t, n);
		t->cursor.x = 0;
		return true;
	case 'F':
		cursor_up(t, n);
		t->cursor.x = 0;
		return true;
	case 'G':
	case '`':
		cursor_move(t, n - 1, y);
		return true;
	case 'H':
	case 'f':
		cursor_address(t, param(t, 1, 1) - 1, n - 1);
		return true;
	case 'd':
		cursor_address(t, x, n - 1);
		return true;
	case 'I':
		cursor_tab(t, n);
		return true;
	case 'Z':
		cursor_tab_back(t, n);
		return true;
	case 's':
		if (!t->parse.n_params) /* else left and right margins, which do not exist here */
			cursor_save(t);
		return true;
	case 'u': /* with parameters: a key, as programs get it */
		if (!t->parse.n_params)
			cursor_restore(t);
		return true;
	default:
		return false;
	}
}

/* Cells; false: the sequence is about something else. */
static bool dispatch_edit(struct term *t, uint32_t key)
{
	unsigned n = param(t, 0, 1);

	switch (key) {
	case '@':
	case 'P':
		insert_delete_chars(t, key == '@');
		return true;
	case 'L':
	case 'M':
		insert_delete_lines(t, key == 'L');
		return true;
	case 'X':
		erase_chars(t);
		return true;
	case 'J':
	case PARSE_KEY('?', 0, 'J'):
		screen_erase(t, param(t, 0, 0), key != 'J');
		return true;
	case 'K':
	case PARSE_KEY('?', 0, 'K'):
		screen_erase_line(t, param(t, 0, 0), key != 'K');
		return true;
	case 'S':
		screen_scroll_up(t, t->top, t->bottom, n);
		return true;
	case 'T':
	case '^':
		if (t->parse.n_params <= 1) /* five are xterm's mouse tracking by highlight */
			screen_scroll_down(t, t->top, t->bottom, n);
		return true;
	case 'b':
		print_repeat(t, n);
		return true;
	default:
		return false;
	}
}

static void kitty_push(struct kitty *k, unsigned flags)
{
	if (k->top == KITTY_STACK_MAX - 1)
		memmove(k->flags, k->flags + 1, KITTY_STACK_MAX - 1);
	else
		k->top++;
	k->flags[k->top] = (uint8_t)(flags & 31);
}

static void kitty_pop(struct kitty *k, unsigned n)
{
	if (n > k->top)
		*k = (struct kitty){ 0 };
	else
		k->top = (uint8_t)(k->top - n);
}

static void kitty_set(struct kitty *k, unsigned flags, unsigned how)
{
	uint8_t *now = &k->flags[k->top];

	flags &= 31;
	if (how == 1)
		*now = (uint8_t)flags;
	else if (how == 2)
		*now |= (uint8_t)flags;
	else if (how == 3)
		*now &= (uint8_t)~flags;
}

unsigned keys_initial(unsigned which)
{
	return which == 1 || which == 2 ? 2 : 0; /* cursor and function keys say their modifiers */
}

static void modify_keys(struct term *t)
{
	const unsigned which = param(t, 0, 0), value = param(t, 1, 0);

	if (t->parse.n_params == 0)
		memset(t->modify_keys, 0, sizeof(t->modify_keys));
	else if (which >= ARRAY_SIZE(t->modify_keys))
		return;
	else if (t->parse.n_params == 1 || t->parse.params[1] < 0 || value == keys_initial(which))
		t->modify_keys[which] = KEYS_INITIAL;
	else
		t->modify_keys[which] =
			(uint16_t)(KEYS_VALUE + min_size(value, KEYS_OFF - KEYS_VALUE - 1));
}

static void modify_keys_off(struct term *t)
{
	unsigned which = param(t, 0, t->parse.n_params ? 0 : 2); /* xterm's default */

	if (which < ARRAY_SIZE(t->modify_keys))
		t->modify_keys[which] = KEYS_OFF;
}

static void window_ops(struct term *t)
{
	if (!title_stack(&t->parse))
		return;
	if (param(t, 0, 0) == 22)
		title_push(t);
	else
		title_pop(t);
}

static bool dispatch_mode(struct term *t, uint32_t key)
{
	struct kitty *kitty = &t->screen->kitty;

	switch (key) {
	case 'h':
	case PARSE_KEY('?', 0, 'h'):
		mode_dispatch(t, true);
		return true;
	case 'l':
	case PARSE_KEY('?', 0, 'l'):
		mode_dispatch(t, false);
		return true;
	case 'r':
		set_margins(t);
		return true;
	case 'g':
		clear_tabs(t);
		return true;
	case PARSE_KEY('?', 0, 'W'):
		if (param(t, 0, 0) == 5)
			tabs_reset(t);
		return true;
	case PARSE_KEY(0, '!', 'p'):
		term_reset_soft(t);
		return true;
	case PARSE_KEY(0, ' ', 'q'):
		if (param(t, 0, 0) <= CURSOR_SHAPE_MAX)
			t->cursor_shape = (uint8_t)param(t, 0, 0);
		return true;
	case PARSE_KEY(0, '"', 'q'):
		t->cursor.pen.protect = param(t, 0, 0) == 1;
		return true;
	case PARSE_KEY('>', 0, 'u'):
		kitty_push(kitty, param(t, 0, 0));
		return true;
	case PARSE_KEY('<', 0, 'u'):
		kitty_pop(kitty, param(t, 0, 1));
		return true;
	case PARSE_KEY('=', 0, 'u'):
		kitty_set(kitty, param(t, 0, 0), param(t, 1, 1));
		return true;
	case PARSE_KEY('>', 0, 'm'):
		modify_keys(t);
		return true;
	case PARSE_KEY('>', 0, 'n'):
		modify_keys_off(t);
		return true;
	default:
		return false;
	}
}

void csi_dispatch(struct term *t)
{
	uint32_t key = parse_key(&t->parse);

	if (key == 'm') {
		sgr_dispatch(t);
		return;
	}
	if (t->parse.sub)
		return; /* a colon means nothing but in SGR: as xterm and kitty have it */
	if (dispatch_cursor(t, key) || dispatch_edit(t, key) || dispatch_mode(t, key) ||
		query_csi(t))
		return;
	if (key == 't')
		window_ops(t);
}
