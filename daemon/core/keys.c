#include "daemon/core/keys.h"

#include <string.h>

#define ESC 0x1b
#define BEL 0x07
#define CTRL_C 0x03
#define CTRL_Z 0x1a
#define CTRL_BACKSLASH 0x1c

#define MODIFIER_CTRL 4u /* of the parameter minus one */
#define MODIFIER_LOCKS (64u | 128u)
#define EVENT_RELEASE 3u
#define PARAM_MAX 100000u

static const char bracket_stem[] = "\033[20";
#define STEM_BYTES (sizeof(bracket_stem) - 1)

/* match: 0..STEM_BYTES characters of the stem seen; then 1 + STEM_BYTES for "0", 2 + STEM_BYTES for
 * "1". */
static void paste_byte(struct inq_paste *p, uint8_t b)
{
	if (p->match > STEM_BYTES && b == '~')
		p->open = p->match == STEM_BYTES + 1;
	if (p->match < STEM_BYTES && b == (uint8_t)bracket_stem[p->match])
		p->match++;
	else if (p->match == STEM_BYTES && (b == '0' || b == '1'))
		p->match = (uint8_t)(STEM_BYTES + 1 + (b - '0'));
	else
		p->match = b == ESC;
}

void paste_scan(struct inq_paste *p, const void *data, size_t n)
{
	const uint8_t *s = data, *end = s + n;

	while (s < end) {
		if (p->match == 0) {
			s = memchr(s, ESC, (size_t)(end - s));
			if (!s)
				return;
		}
		paste_byte(p, *s++);
	}
}

size_t paste_closing(const struct inq_paste *p, const void *data, size_t n)
{
	static const char bracket[] = "\033[201~";
	size_t seen = min_size(p->match, STEM_BYTES + 1);

	if (p->match == STEM_BYTES + 1)
		return 0; /* an opening one */
	n = min_size(n, INQ_BRACKET_BYTES - seen);
	return memcmp(data, bracket + seen, n) == 0 ? seen : 0;
}

/* A number and what ends it: its sub-parameters are skipped up to `;` or the final byte. */
struct csi {
	unsigned value[3], sub[3]; /* parameters and the first sub-parameter of each */
	size_t n;
	uint8_t final;
};

static bool csi_take(struct csi *c, unsigned *colons, uint8_t b)
{
	unsigned *v;

	if (b == ';') {
		*colons = 0;
		return ++c->n < ARRAY_SIZE(c->value);
	}
	if (b == ':') {
		++*colons;
		return true;
	}
	if (b < '0' || b > '9' || *colons > 1)
		return b >= '0' && b <= '9';
	v = *colons ? &c->sub[c->n] : &c->value[c->n];
	*v = *v * 10 + (b - '0');
	return *v < PARAM_MAX;
}

/* What follows ESC [; false if it is not numbers and one of the finals u and ~. */
static bool csi_parse(struct csi *c, const uint8_t *s, const uint8_t *end)
{
	unsigned colons = 0;

	*c = (struct csi){ .n = 0 };
	for (; s < end; s++) {
		if (*s == 'u' || *s == '~') {
			c->final = *s;
			return true;
		}
		if (!csi_take(c, &colons, *s))
			return false;
	}
	return false;
}

static bool is_ctrl(unsigned modifiers, unsigned event)
{
	return modifiers && ((modifiers - 1) & ~MODIFIER_LOCKS) == MODIFIER_CTRL &&
	       event != EVENT_RELEASE;
}

static bool is_interrupt_key(unsigned key)
{
	return key == 'c' || key == 'z' || key == '\\';
}

static bool csi_interrupts(const uint8_t *s, const uint8_t *end)
{
	struct csi c;

	if (!csi_parse(&c, s, end))
		return false;
	if (c.final == 'u')
		return is_interrupt_key(c.value[0]) && is_ctrl(c.value[1], c.sub[1]);
	return c.value[0] == 27 && is_ctrl(c.value[1], c.sub[1]) && is_interrupt_key(c.value[2]);
}

bool keys_interrupt(struct inq_paste p, const void *data, size_t n)
{
	const uint8_t *s = data, *end = s + n;

	for (; s < end; s++) {
		if (!p.open && (*s == CTRL_C || *s == CTRL_Z || *s == CTRL_BACKSLASH))
			return true;
		if (!p.open && *s == ESC && end - s > 2 && s[1] == '[' &&
			csi_interrupts(s + 2, end))
			return true;
		paste_byte(&p, *s);
	}
	return false;
}

/* ---- what nobody typed ---- */

#define BUTTONS 3u /* of a mouse report: all of them, none is down */
#define MOTION 32u

/* Of a pointer that only passes over the window. */
static bool is_hover(const uint8_t *params, size_t n)
{
	unsigned button = 0;

	for (size_t i = 0; i < n && params[i] >= '0' && params[i] <= '9' && button < PARAM_MAX; i++)
		button = button * 10 + (params[i] - '0');
	return button & MOTION && (button & BUTTONS) == BUTTONS;
}

/* The focus, a size, where the cursor is (a row of 1 may be F3 with a modifier), and all that has a
 * private mark but the mouse. */
static bool csi_reports(const uint8_t *params, size_t n, uint8_t final)
{
	if (n == 0)
		return final == 'I' || final == 'O';
	if (params[0] == '<')
		return is_hover(params + 1, n - 1);
	if (strchr("?>=", params[0]))
		return true;
	return final == 'n' || final == 't' || final == 'y' ||
	       (final == 'R' && n > 1 && memcmp(params, "1;", 2) != 0);
}

/* Of OSC and DCS, with its end; 0: it has none. */
static size_t string_bytes(const uint8_t *s, size_t n)
{
	for (size_t i = 2; i < n; i++) {
		if (s[i] == BEL)
			return i + 1;
		if (s[i] == ESC)
			return i + 1 < n && s[i + 1] == '\\' ? i + 2 : 0;
	}
	return 0;
}

/* Of the report that s begins with; 0: it begins with something else. */
static size_t report_bytes(const uint8_t *s, size_t n)
{
	size_t i = 2;

	if (n < 3 || s[0] != ESC)
		return 0;
	if (s[1] == ']' || s[1] == 'P')
		return string_bytes(s, n);
	if (s[1] != '[')
		return 0;
	while (i < n && s[i] >= 0x20 && s[i] < 0x40)
		i++;
	return i < n && csi_reports(s + 2, i - 2, s[i]) ? i + 1 : 0;
}

bool keys_typed(const void *data, size_t n)
{
	const uint8_t *s = data;
	size_t used;

	for (; n; s += used, n -= used) {
		used = report_bytes(s, n);
		if (!used)
			return true;
	}
	return false;
}
