#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BECAUSE_MAX 512 /* bytes of a sentence before it is made printable */
#define ELLIPSIS "\xe2\x80\xa6"

/* How long a character is whose first byte this is; 0: none starts so. */
static size_t utf8_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t text_utf8(const char *s, size_t n, uint32_t *ret_code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *u = (const uint8_t *)s;
	size_t len = n ? utf8_length(u[0]) : 0;
	uint32_t code;

	if (len == 0 || len > n)
		return 0;
	code = len == 1 ? u[0] : u[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (u[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return len;
}

static bool is_plain(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xfeff)
		return false;
	/* line and paragraph separators, directional marks, embeddings, overrides and isolates */
	return code != 0x61c && !(code >= 0x200e && code <= 0x200f) &&
	       !(code >= 0x2028 && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

/* The printable form of what starts at s, into piece; returns bytes taken. */
static size_t encode_one(const char *s, size_t n, char piece[16])
{
	uint32_t code = 0;
	size_t len = text_utf8(s, n, &code);

	if (!len) {
		snprintf(piece, 16, "\\x%02x", (unsigned)(uint8_t)s[0]);
		return 1;
	}
	if (is_plain(code)) {
		memcpy(piece, s, len);
		piece[len] = '\0';
	} else if (code == '\n') {
		snprintf(piece, 16, "\\n");
	} else if (code < 0x80) {
		snprintf(piece, 16, "\\x%02x", (unsigned)code);
	} else {
		snprintf(piece, 16, "\\u{%x}", (unsigned)code);
	}
	return len;
}

char *text_encode(char *out, size_t cap, const char *text, size_t n)
{
	const size_t tail = sizeof(ELLIPSIS); /* with its NUL */
	size_t used = 0, fits = 0; /* fits: where an ellipsis still has room */
	char piece[16];

	if (cap == 0)
		return out;
	for (size_t i = 0; i < n;) {
		size_t l;

		i += encode_one(text + i, n - i, piece);
		l = strlen(piece);
		if (used + l >= cap) {
			used = fits;
			if (cap >= tail) {
				memcpy(out + used, ELLIPSIS, tail - 1);
				used += tail - 1;
			}
			break;
		}
		memcpy(out + used, piece, l);
		used += l;
		if (used + tail <= cap)
			fits = used;
	}
	out[used] = '\0';
	return out;
}

int text_because(char *why, size_t cap, int r, const char *fmt, ...)
{
	char raw[BECAUSE_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	text_encode(why, cap, raw, n < 0 ? 0 : strnlen(raw, sizeof(raw)));
	return r;
}

char *text_encode_dup(const char *text)
{
	size_t n = strlen(text), cap;
	char *out;

	if (!size_mul(n, 10, &cap) || !size_add(cap, 1, &cap))
		return NULL;
	out = malloc(cap);
	return out ? text_encode(out, cap, text, n) : NULL;
}

static bool needs_no_quotes(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_-+=:,./")] ==
			     '\0';
}

static char *quote_word(char *at, const char *s)
{
	if (needs_no_quotes(s)) {
		size_t n = strlen(s);

		memcpy(at, s, n);
		return at + n;
	}
	*at++ = '\'';
	for (; *s; s++) {
		if (*s == '\'') {
			memcpy(at, "'\"'\"'", 5);
			at += 5;
		} else {
			*at++ = *s;
		}
	}
	*at++ = '\'';
	return at;
}

char *text_shell_quote(const char *const *argv, size_t n)
{
	size_t cap = 1, word;
	char *out, *at;

	for (size_t i = 0; i < n; i++)
		if (!size_mul(strlen(argv[i]), 5, &word) || !size_add(word, 3, &word) ||
			!size_add(cap, word, &cap))
			return NULL;
	out = malloc(cap);
	if (!out)
		return NULL;
	at = out;
	for (size_t i = 0; i < n; i++) {
		if (i)
			*at++ = ' ';
		at = quote_word(at, argv[i]);
	}
	*at = '\0';
	return out;
}

struct unit {
	char letter;
	uint64_t factor;
};

static int parse_number(const char *s, const struct unit *units, uint64_t plain, uint64_t *ret)
{
	uint64_t value = 0, factor = plain;
	const char *p = s;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	if (p == s)
		return -EINVAL;
	if (*p) {
		for (; units->letter && units->letter != (*p | 0x20); units++)
			;
		if (!units->letter || p[1])
			return -EINVAL;
		factor = units->factor;
	}
	return __builtin_mul_overflow(value, factor, ret) ? -ERANGE : 0;
}

int text_parse_size(const char *s, uint64_t *ret_bytes)
{
	static const struct unit units[] = { { 'k', 1u << 10 }, { 'm', 1u << 20 }, { 'g', 1u << 30 },
		{ 0, 0 } };

	return parse_number(s, units, 1, ret_bytes);
}

int text_parse_duration(const char *s, uint64_t *ret_usec)
{
	static const struct unit units[] = { { 's', USEC_PER_SEC }, { 'm', 60 * USEC_PER_SEC },
		{ 'h', 3600 * USEC_PER_SEC }, { 'd', 86400 * USEC_PER_SEC }, { 0, 0 } };

	return parse_number(s, units, USEC_PER_SEC, ret_usec);
}

bool text_is_session_name(const char *s, size_t n)
{
	if (n == 0 || n > TEXT_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
			    (s[i] >= '0' && s[i] <= '9') || s[i] == '.' || s[i] == '_' || s[i] == '-'))
			return false;
	return true;
}
