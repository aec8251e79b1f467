#include "daemon/core/reports.h"

#include <string.h>

#include "daemon/core/keys.h"

#define ESC 0x1b
#define NUMBER_MAX 65535u /* of a button or coordinate */
#define ENCODING_UTF8 1005
#define ENCODING_PIXELS 1016

/* ---- the forms of a mouse report ---- */

#define BUTTON 3u /* with EXTRA: which one; 3 alone: none, or none any more */
#define MODIFIERS (4u | 8u | 16u)
#define MOTION 32u
#define WHEEL 64u /* without EXTRA */
#define EXTRA 128u
#define BASE 32u /* is added to make characters of numbers */
#define BYTE_MAX (255u - BASE)
#define BEYOND NUMBER_MAX /* a coordinate greater than its form can tell, which is 0 there */

enum form { FORM_SGR, FORM_URXVT, FORM_BYTES, FORM_UTF8 };

struct mouse {
	enum form form;
	unsigned button, x, y;
	bool released; /* says which button: SGR alone does */
};

/* The digits at s[*at], which goes behind them. */
static bool read_number(const uint8_t *s, size_t n, size_t *at, unsigned *ret)
{
	size_t begin = *at;

	*ret = 0;
	for (; *at < n && s[*at] >= '0' && s[*at] <= '9'; ++*at) {
		*ret = *ret * 10 + (s[*at] - '0');
		if (*ret > NUMBER_MAX)
			return false;
	}
	return *at > begin && *at < n;
}

/* ESC [ < b ; x ; y M or m, or without < and with BASE; bytes, 0: it is none. */
static size_t read_numbers(const uint8_t *s, size_t n, struct mouse *ret)
{
	size_t at = ret->form == FORM_SGR ? 3 : 2;

	if (!read_number(s, n, &at, &ret->button) || s[at++] != ';' ||
		!read_number(s, n, &at, &ret->x) || s[at++] != ';' ||
		!read_number(s, n, &at, &ret->y))
		return 0;
	ret->released = s[at] == 'm';
	if (ret->form == FORM_SGR)
		return s[at] == 'M' || ret->released ? at + 1 : 0;
	if (s[at] != 'M' || ret->button < BASE)
		return 0;
	ret->button -= BASE;
	return at + 1;
}

/* One of the three characters. */
static bool read_character(const uint8_t *s, size_t n, size_t *at, bool utf8, unsigned *ret)
{
	if (*at >= n)
		return false;
	*ret = s[(*at)++];
	if (utf8 && *ret >= 0x80) {
		if ((*ret & 0xe0) != 0xc0 || *at >= n || (s[*at] & 0xc0) != 0x80)
			return false;
		*ret = (*ret & 0x1f) << 6 | (s[(*at)++] & 0x3f);
	}
	if (*ret && *ret < BASE)
		return false;
	*ret = *ret ? *ret - BASE : BEYOND;
	return true;
}

/* ESC [ M b x y */
static size_t read_characters(const uint8_t *s, size_t n, struct mouse *ret)
{
	const bool utf8 = ret->form == FORM_UTF8;
	size_t at = 3;

	if (!read_character(s, n, &at, utf8, &ret->button) || ret->button == BEYOND ||
		!read_character(s, n, &at, utf8, &ret->x) ||
		!read_character(s, n, &at, utf8, &ret->y))
		return 0;
	return at;
}

/* Bytes of the mouse report that s, which is ESC [, begins with; 0: it begins with something else. */
static size_t read_mouse(const uint8_t *s, size_t n, unsigned encoding, struct mouse *ret)
{
	*ret = (struct mouse){ .form = FORM_URXVT };
	if (s[2] == 'M') {
		ret->form = encoding == ENCODING_UTF8 ? FORM_UTF8 : FORM_BYTES;
		return read_characters(s, n, ret);
	}
	if (s[2] == '<')
		ret->form = FORM_SGR;
	return read_numbers(s, n, ret);
}

static size_t write_character(uint8_t *out, unsigned v, bool utf8)
{
	v = v == BEYOND ? 0 : v + BASE;
	if (!utf8 || v < 0x80) {
		out[0] = (uint8_t)v;
		return 1;
	}
	out[0] = (uint8_t)(0xc0 | v >> 6);
	out[1] = (uint8_t)(0x80 | (v & 0x3f));
	return 2;
}

static size_t write_number(uint8_t *out, unsigned v, char end)
{
	size_t n = v >= 10 ? write_number(out, v / 10, '0') - 1 : 0; /* NUMBER_MAX: five deep */

	out[n++] = (uint8_t)('0' + v % 10);
	out[n++] = (uint8_t)end;
	return n;
}

/* No longer than it came: its numbers have become smaller, if anything. */
static size_t write_mouse(const struct mouse *m, uint8_t *out)
{
	const bool sgr = m->form == FORM_SGR, utf8 = m->form == FORM_UTF8;
	size_t n = sgr ? 3 : 2;

	memcpy(out, "\033[<", n);
	if (sgr || m->form == FORM_URXVT) {
		n += write_number(out + n, m->button + (sgr ? 0 : BASE), ';');
		n += write_number(out + n, m->x, ';');
		return n + write_number(out + n, m->y, m->released ? 'm' : 'M');
	}
	out[n++] = 'M';
	n += write_character(out + n, m->button, utf8);
	n += write_character(out + n, m->x, utf8);
	return n + write_character(out + n, m->y, utf8);
}

/* ---- what is told of it ---- */

/* Which of the buttons is not said: of all that are down, inside if there are such. */
static bool release_any(struct reports *r)
{
	const bool tells = r->inside || !r->outside;

	if (tells)
		r->inside = 0;
	else
		r->outside = 0;
	return tells;
}

static bool press(struct reports *r, uint16_t bit, bool is_inside)
{
	r->inside = (uint16_t)(is_inside ? r->inside | bit : r->inside & ~bit);
	r->outside = (uint16_t)(is_inside ? r->outside & ~bit : r->outside | bit);
	return is_inside;
}

/* Does the program hear of it? */
static bool judge(struct reports *r, const struct mouse *m, bool is_inside)
{
	const unsigned button = m->button & ~MODIFIERS;
	const uint16_t bit = (uint16_t)(1u << ((button & BUTTON) | (button & EXTRA) >> 5));
	bool tells;

	if ((button & (WHEEL | EXTRA)) == WHEEL || button == (MOTION | BUTTON))
		return is_inside; /* the wheel; a pointer that passes over */
	if (button == BUTTON && !m->released)
		return release_any(r);
	tells = !(r->outside & bit);
	if (m->released) {
		r->inside &= (uint16_t)~bit;
		r->outside &= (uint16_t)~bit;
		return tells;
	}
	return button & MOTION ? tells : press(r, bit, is_inside);
}

/* The nearest that is inside. On a screen wider than a byte can tell one that is beyond may be. */
static unsigned clamp(const struct mouse *m, unsigned v, unsigned max)
{
	if (m->form == FORM_BYTES && v == BEYOND && max > BYTE_MAX)
		return v;
	return v < 1 ? 1 : v > max ? max : v;
}

/* *ret_n bytes of it go to out. */
static size_t filter_mouse(struct reports *r, const struct reports_rule *rule, const uint8_t *s,
	size_t n, uint8_t *out, size_t *ret_n)
{
	struct mouse m;
	size_t used = read_mouse(s, n, rule->asked.encoding, &m);
	unsigned x, y;
	bool is_inside;

	if (!used)
		return 0;
	x = clamp(&m, m.x, rule->cols);
	y = clamp(&m, m.y, rule->rows);
	is_inside = x == m.x && y == m.y;
	*ret_n = 0;
	if (!judge(r, &m, is_inside))
		return used;
	m.x = x;
	m.y = y;
	*ret_n = is_inside ? used : write_mouse(&m, out);
	if (is_inside)
		memcpy(out, s, used);
	return used;
}

/* ESC [ I and ESC [ O */
static size_t filter_focus(struct reports *r, const struct reports_rule *rule, const uint8_t *s,
	uint8_t *out, size_t *ret_n)
{
	const bool has = s[2] == 'I', still = has && r->focused;

	if (!has && s[2] != 'O')
		return 0;
	r->focused = has;
	*ret_n = still || !rule->others_focused ? 3 : 0;
	memcpy(out, s, *ret_n);
	return 3;
}

/* Bytes of the report that s begins with; 0: it begins with something else. */
static size_t filter_report(struct reports *r, const struct reports_rule *rule, const uint8_t *s,
	size_t n, uint8_t *out, size_t *ret_n)
{
	size_t used = 0;

	if (n < 3 || s[0] != ESC || s[1] != '[')
		return 0;
	if (rule->asked.focus)
		used = filter_focus(r, rule, s, out, ret_n);
	if (!used && rule->asked.mouse && rule->asked.encoding != ENCODING_PIXELS)
		used = filter_mouse(r, rule, s, n, out, ret_n);
	return used;
}

bool reports_matter(const struct reports_rule *rule)
{
	return rule->asked.focus || rule->asked.mouse;
}

size_t reports_filter(struct reports *r, const struct reports_rule *rule, struct inq_paste p,
	const uint8_t *in, size_t n, uint8_t *out)
{
	size_t at = 0, n_out = 0;

	while (at < n) {
		size_t l = 0, used = 0;

		if (!p.open)
			used = filter_report(r, rule, in + at, n - at, out + n_out, &l);
		if (!used) {
			out[n_out] = in[at];
			used = l = 1;
		}
		paste_scan(&p, in + at, used);
		at += used;
		n_out += l;
	}
	return n_out;
}
