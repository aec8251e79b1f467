#include <string.h>

#include "common/term/color_names.h"
#include "common/term/model.h"

#define COLOR_NAME_MAX 24 /* without blanks; longer ones are none */

static uint32_t rgb(unsigned r, unsigned g, unsigned b)
{
	return COLOR_RGB | r << 16 | g << 8 | b;
}

uint32_t color_default(unsigned index)
{
	static const uint32_t ansi[16] = { 0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee,
		0xcd00cd, 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff,
		0xff00ff, 0x00ffff, 0xffffff };
	static const uint8_t cube[6] = { 0, 95, 135, 175, 215, 255 };
	unsigned i = index & 255, gray;

	if (i < 16)
		return COLOR_RGB | ansi[i];
	if (i < 232)
		return rgb(cube[(i - 16) / 36], cube[(i - 16) / 6 % 6], cube[(i - 16) % 6]);
	gray = 8 + 10 * (i - 232);
	return rgb(gray, gray, gray);
}

uint32_t color_palette(const struct term *t, unsigned index)
{
	uint32_t set = t->palette ? t->palette[index & 255] : 0;

	return set ? set : color_default(index);
}

/* Text, cursor and pointer are light; the others are backgrounds. Reversal by DECSCNM is no part of
 * it. */
uint32_t color_dynamic(const struct term *t, unsigned number)
{
	uint32_t set = t->dynamic[number - DYNAMIC_FIRST];
	bool background = number == 11 || number == 14 || number == 16 || number == 17;

	if (set)
		return set;
	if (number - DYNAMIC_FIRST < TERM_COLORS_N && t->told[number - DYNAMIC_FIRST])
		return t->told[number - DYNAMIC_FIRST];
	return background ? rgb(0, 0, 0) : color_default(7);
}

void term_tell_colors(struct term *t, const uint32_t colors[TERM_COLORS_N])
{
	for (unsigned i = 0; i < TERM_COLORS_N; i++)
		t->told[i] = colors ? COLOR_RGB | (colors[i] & 0xffffff) : 0;
}

bool color_is_dark(const struct term *t)
{
	const uint32_t c = color_dynamic(t, 11);

	return 2 * (c >> 16 & 255) + 5 * (c >> 8 & 255) + (c & 255) < 4 * 256;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One to four hexadecimal digits as eight bits. */
static bool component(const char *s, size_t n, uint32_t *ret)
{
	static const uint32_t scale[5] = { 0, 0xf, 0xff, 0xfff, 0xffff };
	uint32_t v = 0;

	if (n < 1 || n > 4)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (digit(s[i]) < 0)
			return false;
		v = v << 4 | (uint32_t)digit(s[i]);
	}
	*ret = (v * 255 + scale[n] / 2) / scale[n];
	return true;
}

static bool parse_slashes(const char *s, size_t n, uint32_t rgb_out[3])
{
	const char *end = s + n;

	for (unsigned i = 0; i < 3; i++) {
		const char *slash = i < 2 ? memchr(s, '/', (size_t)(end - s)) : end;

		if (!slash || !component(s, (size_t)(slash - s), &rgb_out[i]))
			return false;
		s = slash + 1;
	}
	return true;
}

static int compare_name(const void *key, const void *entry)
{
	return strcmp(key, ((const struct color_name *)entry)->name);
}

static bool parse_name(const char *s, size_t n, uint32_t rgb_out[3])
{
	char name[COLOR_NAME_MAX + 1];
	const struct color_name *found;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == ' ')
			continue;
		if (k == COLOR_NAME_MAX)
			return false;
		name[k++] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 : s[i]);
	}
	name[k] = '\0';
	found = bsearch(
		name, color_names, ARRAY_SIZE(color_names), sizeof(*color_names), compare_name);
	for (unsigned i = 0; found && i < 3; i++)
		rgb_out[i] = found->rgb >> (16 - 8 * i) & 255;
	return found != NULL;
}

bool color_is_name(const char *s, size_t n)
{
	return n && s[0] != '#' && !(n > 4 && memcmp(s, "rgb:", 4) == 0);
}

bool color_parse(const char *s, size_t n, uint32_t *ret_rgb)
{
	uint32_t c[3];
	size_t k = (n - 1) / 3;

	if (n > 4 && memcmp(s, "rgb:", 4) == 0) {
		if (!parse_slashes(s + 4, n - 4, c))
			return false;
	} else if (n > 1 && s[0] == '#' && (n - 1) % 3 == 0 && k <= 4) {
		for (unsigned i = 0; i < 3; i++)
			if (!component(s + 1 + i * k, k, &c[i]))
				return false;
		/* "#rgb" gives the high bits only */
		for (unsigned i = 0; k == 1 && i < 3; i++)
			c[i] &= 0xf0;
	} else if (!parse_name(s, n, c)) {
		return false;
	}
	*ret_rgb = rgb(c[0], c[1], c[2]);
	return true;
}
