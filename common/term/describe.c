#include "common/term/model.h"

static void color(struct out *o, uint32_t c, unsigned base)
{
	const unsigned i = c & 255;

	if (!c)
		return;
	if (c & COLOR_RGB)
		out_format(o, ";%u%s2%s%u%s%u%s%u", base + 8, base == 50 ? ":" : ";",
			base == 50 ? "::" : ";", (unsigned)(c >> 16 & 255), base == 50 ? ":" : ";",
			(unsigned)(c >> 8 & 255), base == 50 ? ":" : ";", i);
	else if (base == 50)
		out_format(o, ";58:5:%u", i);
	else if (i < 8)
		out_format(o, ";%u", base + i);
	else if (i < 16)
		out_format(o, ";%u", base + 60 + i - 8);
	else
		out_format(o, ";%u;5;%u", base + 8, i);
}

void style_describe(struct out *o, const struct style *style)
{
	static const struct {
		uint32_t attr;
		const char *text;
	} names[] = {
		{ ATTR_BOLD, ";1" },
		{ ATTR_DIM, ";2" },
		{ ATTR_ITALIC, ";3" },
		{ ATTR_BLINK, ";5" },
		{ ATTR_REVERSE, ";7" },
		{ ATTR_HIDDEN, ";8" },
		{ ATTR_STRIKE, ";9" },
		{ ATTR_OVERLINE, ";53" },
	};
	const unsigned line = (style->attrs & ATTR_UNDERLINE) >> ATTR_UNDERLINE_SHIFT;

	out_text(o, "0");
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (style->attrs & names[i].attr)
			out_text(o, names[i].text);
	if (line == 1)
		out_text(o, ";4");
	else if (line == 2)
		out_text(o, ";21");
	else if (line)
		out_format(o, ";4:%u", line);
	color(o, style->fg, 30);
	color(o, style->bg, 40);
	color(o, style->underline, 50);
}
