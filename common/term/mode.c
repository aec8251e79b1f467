#include "common/term/model.h"

#define MOUSE 1u     /* a kind of mouse report */
#define ENCODING 2u  /* how they are written */
#define ALTERNATE 3u /* the other screen */
#define SPECIAL 4u   /* said below */

static const struct {
	uint16_t number;
	uint32_t bit; /* of term::modes, or 0 */
	uint8_t kind;
} private_modes[] = {
	{ 1, TERM_MODE_APP_CURSOR, 0 },
	{ 5, TERM_MODE_REVERSE, 0 },
	{ 6, TERM_MODE_ORIGIN, SPECIAL },
	{ 7, TERM_MODE_WRAP, SPECIAL },
	{ 9, 0, MOUSE },
	{ 12, TERM_MODE_BLINK, 0 },
	{ 25, TERM_MODE_VISIBLE, 0 },
	{ 45, TERM_MODE_REVERSE_WRAP, 0 },
	{ 47, 0, ALTERNATE },
	{ 66, TERM_MODE_APP_KEYPAD, 0 },
	{ 1000, 0, MOUSE },
	{ 1002, 0, MOUSE },
	{ 1003, 0, MOUSE },
	{ 1004, TERM_MODE_FOCUS, 0 },
	{ 1005, 0, ENCODING },
	{ 1006, 0, ENCODING },
	{ 1007, TERM_MODE_ALT_SCROLL, 0 },
	{ 1015, 0, ENCODING },
	{ 1016, 0, ENCODING },
	{ 1034, TERM_MODE_META, 0 },
	{ 1047, 0, ALTERNATE },
	{ 1048, 0, SPECIAL },
	{ 1049, 0, ALTERNATE },
	{ 2004, TERM_MODE_PASTE, 0 },
	{ 2026, TERM_MODE_SYNC, 0 },
};

bool mode_known(bool private, unsigned number)
{
	if (!private)
		return number == 4 || number == 20;
	for (unsigned i = 0; i < ARRAY_SIZE(private_modes); i++)
		if (private_modes[i].number == number)
			return true;
	return false;
}

uint16_t mode_number(unsigned i, uint32_t *ret_bit)
{
	for (unsigned k = 0; k < ARRAY_SIZE(private_modes); k++) {
		if (!private_modes[k].bit || private_modes[k].kind || i--)
			continue;
		*ret_bit = private_modes[k].bit;
		return private_modes[k].number;
	}
	return 0;
}

static void set_bit(struct term *t, uint32_t bit, bool on)
{
	t->modes = on ? t->modes | bit : t->modes & ~bit;
}

static void set_alternate(struct term *t, unsigned number, bool on)
{
	const bool blank_before = number == 1047 && !on && term_alternate(t);

	if (number == 1049 && on && !term_alternate(t))
		cursor_save(t);
	if (blank_before)
		grid_fill(&t->screens[1].grid, pen_blank(t));
	t->screen = &t->screens[on];
	t->alternate_used |= on;
	if (number == 1049 && on)
		grid_fill(&t->screens[1].grid, pen_blank(t));
	if (number == 1049 && !on)
		cursor_restore(t);
	t->cursor.pending &= t->cursor.x == t->cols - 1;
}

static void set_special(struct term *t, unsigned number, bool on)
{
	if (number == 6) {
		t->cursor.origin = on;
		cursor_address(t, 0, 0);
	} else if (number == 7) {
		set_bit(t, TERM_MODE_WRAP, on);
	} else if (number == 1048) {
		if (on)
			cursor_save(t);
		else
			cursor_restore(t);
	}
}

static void set_private(struct term *t, unsigned number, bool on)
{
	unsigned i = 0;

	while (i < ARRAY_SIZE(private_modes) && private_modes[i].number != number)
		i++;
	if (i == ARRAY_SIZE(private_modes))
		return;
	switch (private_modes[i].kind) {
	case MOUSE:
		t->mouse = (uint16_t)(on ? number : 0);
		break;
	case ENCODING:
		t->mouse_encoding = (uint16_t)(on ? number : 0);
		break;
	case ALTERNATE:
		set_alternate(t, number, on);
		break;
	case SPECIAL:
		set_special(t, number, on);
		break;
	default:
		set_bit(t, private_modes[i].bit, on);
		break;
	}
}

void mode_dispatch(struct term *t, bool set)
{
	for (unsigned i = 0; i < t->parse.n_params; i++) {
		unsigned number = parse_param(&t->parse, i, 0);

		if (t->parse.private == '?')
			set_private(t, number, set);
		else if (number == 4)
			set_bit(t, TERM_MODE_INSERT, set);
		else if (number == 20)
			set_bit(t, TERM_MODE_NEWLINE, set);
	}
}

static uint32_t modes_now(const struct term *t)
{
	return t->modes | (t->cursor.origin ? TERM_MODE_ORIGIN : 0);
}

void term_reporting(const struct term *t, struct term_reporting *ret)
{
	*ret = (struct term_reporting){ .mouse = t->mouse,
		.encoding = t->mouse_encoding,
		.focus = term_mode(t, TERM_MODE_FOCUS) };
}

unsigned mode_report(const struct term *t, bool private, unsigned number)
{
	const uint32_t ansi = number == 4 ? TERM_MODE_INSERT : number == 20 ? TERM_MODE_NEWLINE : 0;
	unsigned i = 0;
	bool on;

	if (!private)
		return !ansi ? 0 : term_mode(t, ansi) ? 1 : 2;
	while (i < ARRAY_SIZE(private_modes) && private_modes[i].number != number)
		i++;
	if (i == ARRAY_SIZE(private_modes))
		return 0;
	if (private_modes[i].kind == MOUSE)
		on = t->mouse == number;
	else if (private_modes[i].kind == ENCODING)
		on = t->mouse_encoding == number;
	else if (private_modes[i].kind == ALTERNATE)
		on = term_alternate(t);
	else if (number == 1048)
		on = true;
	else
		on = modes_now(t) & private_modes[i].bit;
	return on ? 1 : 2;
}
