#include "common/term/parse.h"

#include <endian.h>
#include <string.h>

#define CAN 0x18
#define SUB 0x1a
#define ESC 0x1b
#define BEL 0x07
#define DEL 0x7f

static void sequence_begin(struct parse *p)
{
	p->private = 0;
	p->n_intermediates = 0;
	p->n_params = 0;
	p->sub = 0;
	p->overflow = p->cut = false;
	p->bell = false;
	p->ignored = false;
}

static enum parse_action escape_begin(struct parse *p)
{
	bool open = p->state != PARSE_GROUND;

	p->state = PARSE_ESCAPE;
	sequence_begin(p);
	return open ? PARSE_ABORT : PARSE_NONE;
}

static void collect(struct parse *p, uint8_t b, uint8_t next, uint8_t ignore)
{
	p->state = next;
	if (p->n_intermediates == PARSE_INTERMEDIATES_MAX)
		p->state = ignore;
	else
		p->intermediates[p->n_intermediates++] = b;
}

static void param_separate(struct parse *p, bool colon)
{
	if (!p->n_params) {
		p->params[0] = -1;
		p->n_params = 1;
	}
	if (p->n_params == PARSE_PARAMS_MAX) {
		p->overflow = p->cut = true;
		return;
	}
	if (colon)
		p->sub |= UINT32_C(1) << p->n_params;
	p->params[p->n_params++] = -1;
}

static void param_digit(struct parse *p, uint8_t b)
{
	int32_t *v;

	if (p->overflow)
		return;
	if (!p->n_params) {
		p->params[0] = -1;
		p->n_params = 1;
	}
	v = &p->params[p->n_params - 1];
	*v = (*v < 0 ? 0 : *v) * 10 + (b - '0');
	if (*v > PARSE_PARAM_MAX) {
		*v = PARSE_PARAM_MAX;
		p->cut = true;
	}
}

static enum parse_action string_begin(struct parse *p, uint8_t kind)
{
	p->state = PARSE_STRING;
	p->kind = kind;
	return PARSE_STRING_BEGIN;
}

static enum parse_action in_escape(struct parse *p, uint8_t b)
{
	if (b >= 0x80) {
		p->state = PARSE_GROUND;
		return PARSE_AGAIN;
	}
	if (b < 0x30) {
		collect(p, b, PARSE_ESCAPE_INTER, PARSE_CSI_IGNORE);
		return PARSE_NONE;
	}
	if (p->state == PARSE_ESCAPE) {
		if (b == '[') {
			p->state = PARSE_CSI_ENTRY;
			return PARSE_NONE;
		}
		if (b == 'P') {
			p->state = PARSE_DCS_ENTRY;
			return PARSE_NONE;
		}
		if (b == ']' || b == '_' || b == '^' || b == 'X')
			return string_begin(p, b);
	}
	p->state = PARSE_GROUND;
	p->final = b;
	return PARSE_ESC;
}

/* Parameters, intermediates and final of CSI and DCS; `base` is the ENTRY state of either. */
static enum parse_action in_params(struct parse *p, uint8_t b, uint8_t base)
{
	const uint8_t param = base + 1, inter = base + 2, ignore = base + 3;

	if (b >= 0x80) {
		p->state = ignore;
	} else if (b >= 0x40) {
		p->final = b;
		if (base == PARSE_DCS_ENTRY)
			return string_begin(p, 'P');
		p->state = PARSE_GROUND;
		return PARSE_CSI;
	} else if (b < 0x30) {
		collect(p, b, inter, ignore);
	} else if (p->state == inter) {
		p->state = ignore;
	} else if (b >= 0x3c) {
		if (p->state == base)
			p->private = b;
		p->state = p->state == base ? param : ignore;
	} else {
		p->state = param;
		if (b >= 0x3a)
			param_separate(p, b == ':');
		else
			param_digit(p, b);
	}
	return PARSE_NONE;
}

static enum parse_action in_ignore(struct parse *p, uint8_t b)
{
	if (b < 0x40 || b >= 0x80)
		return PARSE_NONE;
	if (p->state == PARSE_DCS_IGNORE) {
		p->ignored = true;
		p->final = b;
		return string_begin(p, 'P');
	}
	p->state = PARSE_GROUND;
	return PARSE_CSI_BAD;
}

static enum parse_action in_string(struct parse *p, uint8_t b)
{
	if (b != BEL || p->kind != ']')
		return PARSE_STRING_PUT;
	p->state = PARSE_GROUND;
	p->bell = true;
	return PARSE_STRING_END;
}

static enum parse_action in_string_escape(struct parse *p, uint8_t b)
{
	if (b != '\\') {
		escape_begin(p);
		return PARSE_ABORT_AGAIN;
	}
	p->state = PARSE_GROUND;
	return PARSE_STRING_END;
}

enum parse_action parse_byte(struct parse *p, uint8_t b)
{
	if (p->state == PARSE_STRING_ESCAPE && b != CAN && b != SUB && b != ESC)
		return in_string_escape(p, b);
	if (b == ESC) {
		if (p->state != PARSE_STRING)
			return escape_begin(p);
		p->state = PARSE_STRING_ESCAPE;
		return PARSE_NONE;
	}
	if (b == CAN || b == SUB) {
		if (p->state == PARSE_GROUND)
			return PARSE_EXECUTE;
		p->state = PARSE_GROUND;
		return PARSE_ABORT;
	}
	if (p->state == PARSE_STRING)
		return in_string(p, b);
	if (b < 0x20)
		return PARSE_EXECUTE;
	if (b == DEL)
		return PARSE_NONE;
	switch ((enum parse_state)p->state) {
	case PARSE_ESCAPE:
	case PARSE_ESCAPE_INTER:
		return in_escape(p, b);
	case PARSE_CSI_ENTRY:
	case PARSE_CSI_PARAM:
	case PARSE_CSI_INTER:
		return in_params(p, b, PARSE_CSI_ENTRY);
	case PARSE_DCS_ENTRY:
	case PARSE_DCS_PARAM:
	case PARSE_DCS_INTER:
		return in_params(p, b, PARSE_DCS_ENTRY);
	case PARSE_CSI_IGNORE:
	case PARSE_DCS_IGNORE:
		return in_ignore(p, b);
	case PARSE_GROUND:
	case PARSE_STRING:
	case PARSE_STRING_ESCAPE:
	case _PARSE_STATE_N:
		break;
	}
	return PARSE_NONE;
}

/* Numbers and semicolons up to the final byte, which s[*ret_at] is. False: there is more to them. */
static bool plain_params(struct parse *p, const uint8_t *s, size_t n, size_t *ret_at)
{
	const size_t first = *ret_at;
	size_t i = first;
	int32_t v = -1;

	for (; i < n && s[i] >= '0' && s[i] <= ';' && s[i] != ':'; i++) {
		if (s[i] != ';') {
			v = (v < 0 ? 0 : v) * 10 + (s[i] - '0');
			if (v > PARSE_PARAM_MAX)
				return false;
			continue;
		}
		if (p->n_params == PARSE_PARAMS_MAX - 1)
			return false;
		p->params[p->n_params++] = v;
		v = -1;
	}
	if (i > first)
		p->params[p->n_params++] = v;
	*ret_at = i;
	return i < n && s[i] >= 0x40 && s[i] < DEL;
}

size_t parse_csi(struct parse *p, const uint8_t *s, size_t n)
{
	size_t i = 2;

	if (n < 3 || s[0] != ESC || s[1] != '[')
		return 0;
	sequence_begin(p);
	if (s[2] >= 0x3c && s[2] < 0x40)
		p->private = s[i++];
	if (!plain_params(p, s, n, &i))
		return 0;
	p->final = s[i];
	return i + 1;
}

#define ONES UINT64_C(0x0101010101010101)

/* Eight bytes at once: the lowest bit set is the high one of the first byte that is no text. Below
 * 0x20 a borrow shows it, above 0x7e a carry. */
static uint64_t not_text(const uint8_t *s)
{
	uint64_t w;

	memcpy(&w, s, sizeof(w));
	w = le64toh(w);
	return ((w - 0x20 * ONES) | w | (w + ONES)) & ONES << 7;
}

size_t parse_ascii(const uint8_t *s, size_t n)
{
	size_t i = 0;

	for (; n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		const uint64_t found = not_text(s + i);

		if (found)
			return i + (size_t)__builtin_ctzll(found) / 8;
		while (n - i >= 5 * sizeof(uint64_t) &&
			!(not_text(s + i + 8) | not_text(s + i + 16) | not_text(s + i + 24) |
				not_text(s + i + 32)))
			i += 4 * sizeof(uint64_t);
	}
	while (i < n && s[i] >= 0x20 && s[i] < 0x7f)
		i++;
	return i;
}

static enum utf8_result utf8_lead(struct utf8 *u, uint8_t b)
{
	u->least = 0x80;
	u->most = 0xbf;
	u->have = 1;
	if (b >= 0xc2 && b <= 0xdf) {
		u->need = 1;
		u->code = b & 0x1f;
	} else if (b >= 0xe0 && b <= 0xef) {
		u->need = 2;
		u->code = b & 0x0f;
		if (b == 0xe0)
			u->least = 0xa0;
		if (b == 0xed)
			u->most = 0x9f; /* no surrogates */
	} else if (b >= 0xf0 && b <= 0xf4) {
		u->need = 3;
		u->code = b & 0x07;
		if (b == 0xf0)
			u->least = 0x90;
		if (b == 0xf4)
			u->most = 0x8f; /* up to U+10FFFF */
	} else {
		u->have = 0;
		return UTF8_BAD;
	}
	return UTF8_MORE;
}

enum utf8_result utf8_byte(struct utf8 *u, uint8_t b, uint32_t *ret_code)
{
	if (!u->need) {
		if (b >= 0x80)
			return utf8_lead(u, b);
		*ret_code = b;
		return UTF8_DONE;
	}
	if (b < u->least || b > u->most) {
		u->need = u->have = 0;
		return UTF8_AGAIN;
	}
	u->least = 0x80;
	u->most = 0xbf;
	u->code = u->code << 6 | (b & 0x3f);
	u->have++;
	if (--u->need)
		return UTF8_MORE;
	u->have = 0;
	*ret_code = u->code;
	return UTF8_DONE;
}

static bool is_next(uint8_t b)
{
	return (b & 0xc0) == 0x80;
}

static size_t whole_of_three(const uint8_t *s, size_t n, uint32_t *ret_code)
{
	uint32_t code;

	if (n < 3 || !is_next(s[1]) || !is_next(s[2]))
		return 0;
	code = (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	*ret_code = code;
	return code >= 0x800 && (code & 0xf800) != 0xd800 ? 3 : 0;
}

static size_t whole_of_four(const uint8_t *s, size_t n, uint32_t *ret_code)
{
	uint32_t code;

	if (n < 4 || !is_next(s[1]) || !is_next(s[2]) || !is_next(s[3]))
		return 0;
	code = (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
	*ret_code = code;
	return code >= 0x10000 && code <= 0x10ffff ? 4 : 0;
}

size_t utf8_whole(const uint8_t *s, size_t n, uint32_t *ret_code)
{
	if ((s[0] & 0xf0) == 0xe0)
		return whole_of_three(s, n, ret_code);
	if ((s[0] & 0xf8) == 0xf0)
		return whole_of_four(s, n, ret_code);
	if (n < 2 || s[0] < 0xc2 || s[0] > 0xdf || !is_next(s[1]))
		return 0;
	*ret_code = (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	return 2;
}

size_t utf8_put(uint8_t out[4], uint32_t code)
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | code >> 18);
	out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}
