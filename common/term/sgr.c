#include "common/term/model.h"

/* A run of parameters: one and the sub-parameters after it. */
struct span {
	const struct parse *p;
	unsigned i, n_sub;
};

static unsigned value(const struct span *s, unsigned k)
{
	return parse_param(s->p, s->i + k, 0);
}

static uint32_t rgb(unsigned r, unsigned g, unsigned b)
{
	return COLOR_RGB | (r & 255) << 16 | (g & 255) << 8 | (b & 255);
}

/* 38, 48, 58 in the form with colons: all in sub-parameters. */
static bool color_colon(const struct span *s, uint32_t *ret)
{
	if (value(s, 1) == 5 && s->n_sub >= 2)
		*ret = COLOR_INDEXED | (value(s, 2) & 255);
	else if (value(s, 1) == 2 && s->n_sub >= 5) /* 2:space:r:g:b */
		*ret = rgb(value(s, 3), value(s, 4), value(s, 5));
	else if (value(s, 1) == 2 && s->n_sub == 4)
		*ret = rgb(value(s, 2), value(s, 3), value(s, 4));
	else
		return false;
	return true;
}

/* 38, 48, 58 with what follows; returns how many parameters more were taken. */
static unsigned color(const struct span *s, uint32_t *ret)
{
	unsigned left = s->p->n_params - s->i;

	if (s->n_sub) {
		color_colon(s, ret);
		return 0;
	}
	if (value(s, 1) == 5 && left >= 3) {
		*ret = COLOR_INDEXED | (value(s, 2) & 255);
		return 2;
	}
	if (value(s, 1) == 2 && left >= 5) {
		*ret = rgb(value(s, 2), value(s, 3), value(s, 4));
		return 4;
	}
	return left - 1; /* cut short: what is left are no attributes */
}

static void underline(struct style *st, unsigned kind)
{
	if (kind > 5)
		kind = 1;
	st->attrs = (st->attrs & ~ATTR_UNDERLINE) | kind << ATTR_UNDERLINE_SHIFT;
}

static void attribute(struct style *st, unsigned v)
{
	static const struct {
		uint8_t on, off;
		uint16_t set, clear;
	} table[] = {
		{ 1, 22, ATTR_BOLD, ATTR_BOLD | ATTR_DIM },
		{ 2, 22, ATTR_DIM, ATTR_BOLD | ATTR_DIM },
		{ 3, 23, ATTR_ITALIC, ATTR_ITALIC },
		{ 5, 25, ATTR_BLINK, ATTR_BLINK },
		{ 6, 25, ATTR_BLINK, ATTR_BLINK },
		{ 7, 27, ATTR_REVERSE, ATTR_REVERSE },
		{ 8, 28, ATTR_HIDDEN, ATTR_HIDDEN },
		{ 9, 29, ATTR_STRIKE, ATTR_STRIKE },
		{ 53, 55, ATTR_OVERLINE, ATTR_OVERLINE },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].on == v)
			st->attrs |= table[i].set;
		else if (table[i].off == v)
			st->attrs &= ~(uint32_t)table[i].clear;
	}
}

static void color_simple(struct style *st, unsigned v)
{
	if (v >= 30 && v <= 37)
		st->fg = COLOR_INDEXED | (v - 30);
	else if (v == 39)
		st->fg = 0;
	else if (v >= 40 && v <= 47)
		st->bg = COLOR_INDEXED | (v - 40);
	else if (v == 49)
		st->bg = 0;
	else if (v == 59)
		st->underline = 0;
	else if (v >= 90 && v <= 97)
		st->fg = COLOR_INDEXED | (v - 90 + 8);
	else if (v >= 100 && v <= 107)
		st->bg = COLOR_INDEXED | (v - 100 + 8);
}

/* One parameter; returns how many more it took. */
static unsigned apply(struct style *st, const struct span *s)
{
	unsigned v = value(s, 0);

	switch (v) {
	case 0:
		*st = (struct style){ .link = st->link };
		return 0;
	case 4:
		underline(st, s->n_sub ? value(s, 1) : 1);
		return 0;
	case 21:
		underline(st, 2);
		return 0;
	case 24:
		underline(st, 0);
		return 0;
	case 38:
		return color(s, &st->fg);
	case 48:
		return color(s, &st->bg);
	case 58:
		return color(s, &st->underline);
	default:
		if (v < 30 || v == 53 || v == 55)
			attribute(st, v);
		else
			color_simple(st, v);
		return 0;
	}
}

void sgr_dispatch(struct term *t)
{
	const struct parse *p = &t->parse;
	struct style *st = &t->cursor.pen.style;
	struct span s = { .p = p };

	t->style_known = false;
	if (!p->n_params)
		apply(st, &s);
	for (s.i = 0; s.i < p->n_params; s.i += 1 + s.n_sub) {
		s.n_sub = 0;
		while (s.i + 1 + s.n_sub < p->n_params && p->sub >> (s.i + 1 + s.n_sub) & 1)
			s.n_sub++;
		s.i += apply(st, &s);
	}
}
