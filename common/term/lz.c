#include "common/term/lz.h"

#include <string.h>

/*
 * A block is a row of: token, literals, match. The token's high half is the number of literals, its
 * low half the length of the match less MATCH_MIN; 15 goes on in bytes, each added, up to one below
 * 255. A match is where it begins, in two bytes back from here. The last token may have none.
 */
#define MATCH_MIN 4u
#define HASH_BITS 12
#define LONG 15u
#define SKIP_SHIFT 5 /* after so many bits of misses in a row, steps grow */

struct sink {
	uint8_t *at, *end;
};

static uint32_t word_at(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static uint32_t hash(uint32_t word)
{
	return word * UINT32_C(2654435761) >> (32 - HASH_BITS);
}

static size_t match_length(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
	const uint8_t *start = b;

	while ((size_t)(end - b) >= sizeof(uint64_t)) {
		uint64_t x, y;

		memcpy(&x, a, sizeof(x));
		memcpy(&y, b, sizeof(y));
		if (x != y)
			break;
		a += sizeof(x);
		b += sizeof(y);
	}
	while (b < end && *a == *b) {
		a++;
		b++;
	}
	return (size_t)(b - start);
}

static uint8_t *put_length(uint8_t *at, size_t n)
{
	for (; n >= 255; n -= 255)
		*at++ = 255;
	*at++ = (uint8_t)n;
	return at;
}

/* `match` is 0 at the end of the block. False: no room. */
static bool put(struct sink *s, const uint8_t *literals, size_t n, size_t match, size_t back)
{
	const size_t more = match ? match - MATCH_MIN : 0;
	uint8_t *at = s->at;

	if ((size_t)(s->end - at) < 1 + n + n / 255 + 1 + 2 + more / 255 + 1)
		return false;
	*at++ = (uint8_t)(min_size(n, LONG) << 4 | min_size(more, LONG));
	if (n >= LONG)
		at = put_length(at, n - LONG);
	memcpy(at, literals, n);
	at += n;
	if (match) {
		*at++ = (uint8_t)back;
		*at++ = (uint8_t)(back >> 8);
		if (more >= LONG)
			at = put_length(at, more - LONG);
	}
	s->at = at;
	return true;
}

size_t lz_pack(uint8_t *out, size_t room, const uint8_t *in, size_t n)
{
	uint16_t seen[1u << HASH_BITS] = { 0 }; /* position of the last word of each hash */
	const uint8_t *p = in, *literals = in, *end = in + n;
	struct sink s = { out, out + room };
	unsigned misses = 1u << SKIP_SHIFT;

	if (n > LZ_BLOCK_MAX)
		return 0;
	while ((size_t)(end - p) >= MATCH_MIN) {
		const uint32_t word = word_at(p);
		uint16_t *slot = &seen[hash(word)];
		const uint8_t *before = in + *slot;
		size_t length;

		*slot = (uint16_t)(p - in);
		if (before >= p || word_at(before) != word) {
			p += min_size(misses++ >> SKIP_SHIFT, (size_t)(end - p));
			continue;
		}
		misses = 1u << SKIP_SHIFT;
		length = MATCH_MIN + match_length(before + MATCH_MIN, p + MATCH_MIN, end);
		if (!put(&s, literals, (size_t)(p - literals), length, (size_t)(p - before)))
			return 0;
		p += length;
		literals = p;
	}
	if (literals < end && !put(&s, literals, (size_t)(end - literals), 0, 0))
		return 0;
	return (size_t)(s.at - out);
}

/* The rest of a length of which the token had LONG. */
static bool get_length(const uint8_t **at, const uint8_t *end, size_t *n)
{
	uint8_t b;

	if (*n < LONG)
		return true;
	do {
		if (*at == end)
			return false;
		b = *(*at)++;
		*n += b;
	} while (b == 255);
	return true;
}

/* Bytes of a match may come from itself: a short one repeats. */
static void copy_match(uint8_t *to, size_t back, size_t n)
{
	const uint8_t *from = to - back;

	if (back >= n)
		memcpy(to, from, n);
	else
		for (size_t i = 0; i < n; i++)
			to[i] = from[i];
}

bool lz_unpack(uint8_t *out, size_t n, const uint8_t *in, size_t n_in)
{
	const uint8_t *end = in + n_in;
	size_t at = 0;

	while (in < end) {
		const uint8_t token = *in++;
		size_t literals = token >> 4, match = token & LONG, back;

		if (!get_length(&in, end, &literals))
			return false;
		if (literals > (size_t)(end - in) || literals > n - at)
			return false;
		memcpy(out + at, in, literals);
		in += literals;
		at += literals;
		if (in == end)
			break;
		if (end - in < 2)
			return false;
		back = (size_t)(in[0] | in[1] << 8);
		in += 2;
		if (!get_length(&in, end, &match) || !back || back > at ||
			match + MATCH_MIN > n - at)
			return false;
		copy_match(out + at, back, match + MATCH_MIN);
		at += match + MATCH_MIN;
	}
	return at == n;
}
