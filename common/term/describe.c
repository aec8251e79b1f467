#include <string.h>

#include "common/term/model.h"

/* With colons where every terminal that knows the sequence takes them, or as the answer to
 * DECRQSS. */
static void color(struct out *o, uint32_t c, unsigned base, bool answer)
{
	const bool colons = answer || base == 50;
	const unsigned i = c & 255, red = c >> 16 & 255, green = c >> 8 & 255;

	if (!c)
		return;
	if (c & COLOR_RGB)
		out_format(
			o, colons ? ";%u:2::%u:%u:%u" : ";%u;2;%u;%u;%u", base + 8, red, green, i);
	else if (base != 50 && i < 8)
		out_format(o, ";%u", base + i);
	else if (base != 50 && i < 16)
		out_format(o, ";%u", base + 60 + i - 8);
	else
		out_format(o, colons ? ";%u:5:%u" : ";%u;5;%u", base + 8, i);
}

static const struct {
	uint32_t attr;
	const char *on, *off;
} attr_names[] = {
	{ ATTR_BOLD, ";1", ";22" },
	{ ATTR_DIM, ";2", ";22" },
	{ ATTR_ITALIC, ";3", ";23" },
	{ ATTR_BLINK, ";5", ";25" },
	{ ATTR_REVERSE, ";7", ";27" },
	{ ATTR_HIDDEN, ";8", ";28" },
	{ ATTR_STRIKE, ";9", ";29" },
	{ ATTR_OVERLINE, ";53", ";55" },
};

static void underline(struct out *o, uint32_t attrs)
{
	const unsigned line = (attrs & ATTR_UNDERLINE) >> ATTR_UNDERLINE_SHIFT;

	if (line == 1)
		out_text(o, ";4");
	else if (line == 2)
		out_text(o, ";21");
	else if (line)
		out_format(o, ";4:%u", line);
}

static void describe(struct out *o, const struct style *style, bool answer)
{
	for (unsigned i = 0; i < ARRAY_SIZE(attr_names); i++)
		if (style->attrs & attr_names[i].attr)
			out_text(o, attr_names[i].on);
	underline(o, style->attrs);
	color(o, style->fg, 30, answer);
	color(o, style->bg, 40, answer);
	color(o, style->underline, 50, answer);
}

void style_describe(struct out *o, const struct style *style)
{
	out_text(o, "0");
	describe(o, style, false);
}

void style_answer(struct out *o, const struct style *style)
{
	out_text(o, "0");
	describe(o, style, true);
}

static void change_color(struct out *o, uint32_t from, uint32_t to, unsigned base)
{
	if (from == to)
		return;
	if (to)
		color(o, to, base, false);
	else
		out_format(o, ";%u", base + 9);
}

/* Bold and dim go off together. */
static void change_attrs(struct out *o, uint32_t from, uint32_t to)
{
	const uint32_t weight = ATTR_BOLD | ATTR_DIM;

	if (from & ~to & weight) {
		out_text(o, ";22");
		from &= ~weight;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(attr_names); i++)
		if ((from ^ to) & attr_names[i].attr)
			out_text(o, to & attr_names[i].attr ? attr_names[i].on : attr_names[i].off);
	if ((from ^ to) & ATTR_UNDERLINE && !(to & ATTR_UNDERLINE))
		out_text(o, ";24");
	else if ((from ^ to) & ATTR_UNDERLINE)
		underline(o, to);
}

void style_change(struct out *o, const struct style *from, const struct style *to)
{
	const bool is_plain = to->attrs == 0 && !to->fg && !to->bg && !to->underline;
	const size_t at = o->buf->n;
	size_t change, full;

	out_byte(o, '\x1b');
	change_attrs(o, from->attrs, to->attrs);
	change_color(o, from->fg, to->fg, 30);
	change_color(o, from->bg, to->bg, 40);
	change_color(o, from->underline, to->underline, 50);
	change = o->buf->n - at;
	out_text(o, "\x1b[");
	if (!is_plain)
		style_describe(o, to);
	out_byte(o, 'm');
	full = o->buf->n - at - change;
	if (o->r)
		return;
	o->buf->n = at;
	if (change == 1)
		return; /* the link alone differs */
	if (full <= change + 1) {
		memmove(o->buf->data + at, o->buf->data + at + change, full);
		o->buf->n += full;
		return;
	}
	o->buf->data[at + 1] = '['; /* for the first ';' */
	o->buf->n += change;
	out_byte(o, 'm');
}
