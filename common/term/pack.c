#include "common/term/pack.h"

#include <string.h>

#include "common/term/model.h"

#define LINE_WRAPPED 1u
#define LINE_ASCII 2u
#define LINE_STYLED 4u
#define LINE_SHIFT 3

#define CHAR_OTHER 0x80u /* three bytes: this with the flags and the high bits, then 16 bits */
#define CHAR_WIDE 0x40u
#define CHAR_CLUSTER 0x20u
#define CHAR_HIGH 0x1fu

#define NUMBER_MOST 3u /* bytes of a number below 2^21 */
#define CLUSTER_MOST (1u + 3u * TERM_CELL_CODEPOINTS_MAX)
#define STYLES_FIRST 4u

void pack_styles_done(struct pack_styles *s)
{
	free(s->styles);
	*s = (struct pack_styles){ 0 };
}

/* ---- writing ---- */

static uint8_t *put_number(uint8_t *at, uint32_t v)
{
	for (; v >= 0x80; v >>= 7)
		*at++ = (uint8_t)(v | 0x80);
	*at++ = (uint8_t)v;
	return at;
}

static uint8_t *put_code(uint8_t *at, uint32_t code, uint32_t flags)
{
	*at++ = (uint8_t)(CHAR_OTHER | flags | code >> 16);
	*at++ = (uint8_t)code;
	*at++ = (uint8_t)(code >> 8);
	return at;
}

/* The style's place in the block's table, from 1; 0 is the default one. */
static uint32_t style_place(const struct pack_writer *w, uint32_t number)
{
	struct pack_styles *s = w->styles;
	const uint32_t slot = number % PACK_RECENT;
	struct style *grown;
	unsigned cap;

	if (!number)
		return 0;
	if (w->recent->number[slot] == number)
		return w->recent->index[slot];
	if (s->n == s->cap) {
		cap = s->cap ? 2u * s->cap : STYLES_FIRST;
		grown = cap <= UINT16_MAX ? realloc(s->styles, cap * sizeof(*grown)) : NULL;
		if (!grown)
			return 0;
		s->styles = grown;
		s->cap = (uint16_t)cap;
	}
	s->styles[s->n++] = style_get(w->t, number);
	w->recent->number[slot] = number;
	w->recent->index[slot] = s->n;
	return s->n;
}

static uint8_t *put_runs(
	const struct pack_writer *w, uint8_t *at, const uint64_t *cells, unsigned n)
{
	for (unsigned x = 0, end; x < n; x = end) {
		const uint32_t style = cell_style(cells[x]);

		for (end = x + 1; end < n && cell_style(cells[end]) == style;)
			end++;
		at = put_number(at, end - x);
		at = put_number(at, style_place(w, style));
	}
	return at;
}

static uint8_t *put_cluster(const struct term *t, uint8_t *at, uint64_t cell)
{
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];
	unsigned n = cell_codes(t, cell, codes);

	at = put_code(at, codes[0], CHAR_CLUSTER | (cell & CELL_WIDE ? CHAR_WIDE : 0));
	*at++ = (uint8_t)(n - 1);
	for (unsigned i = 1; i < n; i++)
		at = put_code(at, codes[i], 0);
	return at;
}

static uint8_t *put_char(const struct term *t, uint8_t *at, uint64_t cell)
{
	const uint32_t code = cell_code(cell);

	if (cell & CELL_CLUSTER)
		return put_cluster(t, at, cell);
	if (code < 0x80 && !(cell & CELL_WIDE)) {
		*at++ = (uint8_t)code;
		return at;
	}
	return put_code(at, code, cell & CELL_WIDE ? CHAR_WIDE : 0);
}

void pack_measure(struct pack_measure *m, const uint64_t *cells, unsigned n)
{
	const cells_v first = n ? (cells_v){ 0 } + cells[0] : (cells_v){ 0 };
	cells_v all = { 0 }, differ = { 0 }, v;
	uint64_t any = 0, other = 0;
	unsigned x = 0;

	for (; x + CELLS_LANES <= n; x += CELLS_LANES) {
		memcpy(&v, cells + x, sizeof(v));
		all |= v;
		differ |= v ^ first;
	}
	for (; x < n; x++) {
		any |= cells[x];
		other |= cells[x] ^ cells[0];
	}
	for (unsigned i = 0; i < CELLS_LANES; i++) {
		any |= all[i];
		other |= differ[i];
	}
	m->ascii = (any & CELL_CHAR) < 0x80;
	m->plain = !(any >> CELL_STYLE_SHIFT);
	m->most = NUMBER_MOST + (m->ascii ? (size_t)n : n * (size_t)3);
	for (x = 0; x < n && !m->ascii; x++)
		m->most += cells[x] & CELL_CLUSTER ? CLUSTER_MOST : 0;
	if (!m->plain)
		m->most += (other >> CELL_STYLE_SHIFT ? (size_t)n : 1) * 2 * NUMBER_MOST;
}

static uint8_t *put_ascii(uint8_t *at, const uint64_t *cells, unsigned n)
{
	unsigned x = 0;
	cells_v v;
	bytes_v b;

	for (; x + CELLS_LANES <= n; x += CELLS_LANES) {
		memcpy(&v, cells + x, sizeof(v));
		b = __builtin_convertvector(v, bytes_v);
		memcpy(at + x, &b, sizeof(b));
	}
	for (; x < n; x++)
		at[x] = (uint8_t)cells[x];
	return at + n;
}

size_t pack_line(const struct pack_writer *w, const struct pack_measure *m, uint8_t *at,
	const uint64_t *cells, unsigned n, bool wrapped)
{
	uint8_t *start = at;

	at = put_number(at, n << LINE_SHIFT | (wrapped ? LINE_WRAPPED : 0) |
				    (m->ascii ? LINE_ASCII : 0) | (m->plain ? 0 : LINE_STYLED));
	if (!m->plain)
		at = put_runs(w, at, cells, n);
	if (m->ascii)
		return (size_t)(put_ascii(at, cells, n) - start);
	for (unsigned x = 0; x < n; x++)
		if (!(cells[x] & CELL_TAIL) || x == 0)
			at = put_char(w->t, at, cells[x]);
	return (size_t)(at - start);
}

/* ---- reading ---- */

static const uint8_t *get_number(const uint8_t *at, uint32_t *ret)
{
	uint32_t v = 0;

	for (unsigned shift = 0;; shift += 7) {
		v |= (*at & UINT32_C(0x7f)) << shift;
		if (!(*at++ & 0x80))
			break;
	}
	*ret = v;
	return at;
}

static uint32_t code_at(const uint8_t *at)
{
	return (at[0] & CHAR_HIGH) << 16 | (uint32_t)at[2] << 8 | at[1];
}

static uint32_t *cluster_new(struct pack_clusters *c)
{
	unsigned cap = c->cap ? 2 * c->cap : 16;
	void *grown;

	if (c->n == c->cap) {
		grown = realloc(c->codes, cap * sizeof(*c->codes));
		if (!grown)
			return NULL;
		c->codes = grown;
		c->cap = cap;
	}
	memset(c->codes[c->n], 0, sizeof(c->codes[0]));
	return c->codes[c->n++];
}

/* The cell's low half. */
static const uint8_t *get_cluster(const uint8_t *at, struct pack_clusters *c, uint64_t *cell)
{
	uint32_t *codes = cluster_new(c);
	const unsigned n = at[3];

	*cell = code_at(at);
	if (codes) {
		codes[0] = code_at(at);
		for (unsigned i = 0; i < n; i++)
			codes[1 + i] = code_at(at + 4 + (size_t)3 * i);
		*cell = CELL_CLUSTER | PACK_CLUSTER | (c->n - 1);
	}
	return at + 4 + (size_t)3 * n;
}

static const uint8_t *get_chars(
	const uint8_t *at, uint64_t *cells, unsigned n, struct pack_clusters *c)
{
	for (unsigned x = 0; x < n; x++) {
		const uint8_t b = *at;

		if (b < CHAR_OTHER) {
			cells[x] = b;
			at++;
			continue;
		}
		if (b & CHAR_CLUSTER) {
			at = get_cluster(at, c, &cells[x]);
		} else {
			cells[x] = code_at(at);
			at += 3;
		}
		if (!(b & CHAR_WIDE))
			continue;
		cells[x] |= CELL_WIDE;
		if (x + 1 < n)
			cells[++x] = CELL_TAIL;
	}
	return at;
}

const uint8_t *unpack_line(const uint8_t *at, uint64_t *cells, uint32_t style_base,
	struct pack_clusters *clusters, unsigned *ret_n, bool *ret_wrapped)
{
	const uint8_t *runs;
	uint32_t head, n, length, place;

	at = get_number(at, &head);
	n = head >> LINE_SHIFT;
	clusters->n = 0;
	runs = at;
	for (uint32_t x = 0; head & LINE_STYLED && x < n; x += length) {
		at = get_number(at, &length);
		at = get_number(at, &place);
	}
	if (head & LINE_ASCII) {
		for (uint32_t x = 0; x < n; x++)
			cells[x] = at[x];
		at += n;
	} else {
		at = get_chars(at, cells, n, clusters);
	}
	for (uint32_t x = 0; head & LINE_STYLED && x < n;) {
		runs = get_number(runs, &length);
		runs = get_number(runs, &place);
		for (; length--; x++)
			cells[x] |= place ? (uint64_t)(style_base | place) << CELL_STYLE_SHIFT : 0;
	}
	*ret_n = n;
	*ret_wrapped = head & LINE_WRAPPED;
	return at;
}
