#include "common/term/pack.h"

#include <endian.h>
#include <string.h>

#include "common/term/model.h"

#define LINE_WRAPPED 1u
#define LINE_ASCII 2u
#define LINE_STYLED 4u
#define LINE_FILLED 8u
#define LINE_REPEATED 16u
#define LINE_GAP 32u
#define LINE_SHIFT 6

#define CHAR_OTHER 0x80u /* three bytes: this with the flags and the high bits, then 16 bits */
#define CHAR_WIDE 0x40u
#define CHAR_CLUSTER 0x20u
#define CHAR_HIGH 0x1fu
#define CHAR_RUN 0xbfu /* no such code point: so many cells, a number, are as the two before */

#define CODE_BYTES 3u
#define NUMBER_MOST 3u /* bytes of a number below 2^21 */
#define CLUSTER_MOST (1u + CODE_BYTES * TERM_CELL_CODEPOINTS_MAX)
/* of all but cells: their number, times, what fills the rest, which is no cluster, and the gap; and a
 * byte that put_code() touches beyond what it writes */
#define LINE_MOST (6u * NUMBER_MOST + CODE_BYTES + 1u)
#define STYLES_FIRST 4u

void pack_styles_done(struct pack_styles *s)
{
	free(s->styles);
	*s = (struct pack_styles){ 0 };
}

void pack_styles_fit(struct pack_styles *s)
{
	struct style *fit = s->n < s->cap && s->n ? realloc(s->styles, s->n * sizeof(*fit)) : NULL;

	if (!fit)
		return;
	s->styles = fit;
	s->cap = s->n;
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
	const uint32_t v = htole32(CHAR_OTHER | flags | code >> 16 | (code & UINT16_MAX) << 8);

	memcpy(at, &v, sizeof(v)); /* a byte too many, which the next one is written over */
	return at + CODE_BYTES;
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

/* All of it is one character: a row of it, or of a wide one. */
static bool is_uniform(const uint64_t *cells, unsigned n)
{
	if (n < CELLS_LANES || cells[0] & CELL_CLUSTER)
		return false;
	if (cells[0] == cells[1] && cells[0] & (CELL_WIDE | CELL_TAIL))
		return false;
	if (cells[0] != cells[1] && (n % 2 || !(cells[0] & CELL_WIDE) ||
					    cells[1] != ((cells[0] & ~CELL_CHAR) | CELL_TAIL)))
		return false;
	return memcmp(cells, cells + 2, (n - 2) * sizeof(*cells)) == 0; /* each as two before it */
}

/* The bits that any cell has. */
static uint64_t any_of(const uint64_t *cells, unsigned n)
{
	cells_v all = { 0 }, v;
	uint64_t any = 0;
	unsigned x = 0;

	for (; x + CELLS_LANES <= n; x += CELLS_LANES) {
		memcpy(&v, cells + x, sizeof(v));
		all |= v;
	}
	for (; x < n; x++)
		any |= cells[x];
	for (unsigned i = 0; i < CELLS_LANES; i++)
		any |= all[i];
	return any;
}

void pack_measure(struct pack_measure *m, const struct pack_row *row)
{
	const unsigned n = row->n;
	uint64_t any;

	m->uniform = row->total == n && is_uniform(row->cells, n);
	if (m->uniform)
		return; /* it will be measured as what it is filled with */
	any = any_of(row->cells, n);
	m->ascii = (any & CELL_CHAR) < 0x80;
	m->plain = !(any >> CELL_STYLE_SHIFT);
	m->most = LINE_MOST + (m->ascii ? (size_t)n : n * (size_t)3);
	for (unsigned x = 0; x < n && any & CELL_CLUSTER; x++)
		m->most += row->cells[x] & CELL_CLUSTER ? CLUSTER_MOST : 0;
	if (!m->plain)
		m->most += n * (size_t)2 * NUMBER_MOST;
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

static bool are_ascii(const uint64_t *cells)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < CELLS_LANES; i++)
		any |= cells[i];
	return (any & CELL_CHAR) < 0x80;
}

/* How many of the first n cells, by eights, go on as the two before them do: 0 most often. */
static unsigned run_length(const uint64_t *cells, unsigned n)
{
	unsigned x = 0;
	cells_v v, two;

	for (unsigned i = 0; i < CELLS_LANES; i++)
		two[i] = cells[(int)(i & 1) - 2];
	for (; x + CELLS_LANES <= n; x += CELLS_LANES) {
		memcpy(&v, cells + x, sizeof(v));
		v ^= two;
		if (v[0] | v[1] | v[2] | v[3] | v[4] | v[5] | v[6] | v[7])
			break;
	}
	return x;
}

static uint8_t *put_chars(const struct term *t, uint8_t *at, const uint64_t *cells, unsigned n)
{
	unsigned x = 0, end, run;

	while (x < n) {
		end = n - x < CELLS_LANES ? n : x + CELLS_LANES;
		if (end == x + CELLS_LANES && are_ascii(cells + x)) {
			at = put_ascii(at, cells + x, CELLS_LANES);
			x = end;
			continue;
		}
		run = x >= 2 && cells[x] == cells[x - 2] ? run_length(cells + x, n - x) : 0;
		if (run) {
			*at++ = CHAR_RUN;
			at = put_number(at, run);
			x += run;
			continue;
		}
		while (x < end) {
			const uint64_t cell = cells[x];

			if ((cell & (CELL_CLUSTER | CELL_WIDE | CELL_TAIL)) == CELL_WIDE) {
				at = put_code(at, cell_code(cell), CHAR_WIDE);
				x += 2; /* and its tail */
				continue;
			}
			if (!(cell & CELL_TAIL) || x == 0)
				at = put_char(t, at, cell);
			x++;
		}
	}
	return at;
}

size_t pack_line(const struct pack_writer *w, const struct pack_measure *m, uint8_t *at,
	const struct pack_row *row)
{
	const bool filled = row->total > row->n; /* so it is with a gap */
	uint8_t *start = at;

	at = put_number(at, row->n << LINE_SHIFT | (row->wrapped ? LINE_WRAPPED : 0) |
				    (m->ascii ? LINE_ASCII : 0) | (m->plain ? 0 : LINE_STYLED) |
				    (filled ? LINE_FILLED : 0) |
				    (filled && row->gap_width ? LINE_GAP : 0) |
				    (row->times > 1 ? LINE_REPEATED : 0));
	if (row->times > 1)
		at = put_number(at, row->times);
	if (filled) {
		at = put_number(at, row->total);
		at = put_number(at, style_place(w, cell_style(row->fill)));
		at = put_char(w->t, at, row->fill);
		if (row->gap_width) {
			at = put_number(at, row->gap);
			at = put_number(at, row->gap_width);
		}
	}
	if (!m->plain)
		at = put_runs(w, at, row->cells, row->n);
	if (m->ascii)
		return (size_t)(put_ascii(at, row->cells, row->n) - start);
	return (size_t)(put_chars(w->t, at, row->cells, row->n) - start);
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

/* From *x on, which is then the last one. */
static const uint8_t *get_run(const uint8_t *at, uint64_t *cells, unsigned *x)
{
	uint32_t n;

	at = get_number(at, &n);
	for (; n--; ++*x)
		cells[*x] = cells[*x - 2];
	--*x;
	return at;
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
		if (b == CHAR_RUN) {
			at = get_run(at + 1, cells, &x);
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

static uint64_t style_bits(uint32_t style_base, uint32_t place)
{
	return place ? (uint64_t)(style_base | place) << CELL_STYLE_SHIFT : 0;
}

/* Cells from `n` on. */
static const uint8_t *get_fill(
	const uint8_t *at, uint32_t n, uint32_t style_base, struct unpacked *ret)
{
	uint32_t total, place;
	uint64_t fill;

	at = get_number(at, &total);
	at = get_number(at, &place);
	at = get_chars(at, &fill, 1, NULL);
	fill |= style_bits(style_base, place);
	for (uint32_t x = n; x < total; x++)
		ret->cells[x] =
			fill & CELL_WIDE && (x - n) % 2 ? (fill & ~CELL_CHAR) | CELL_TAIL : fill;
	ret->n = total;
	return at;
}

/* Numbers of runs, to be applied once the characters are there. */
static const uint8_t *skip_runs(const uint8_t *at, uint32_t n)
{
	uint32_t length, place;

	for (uint32_t x = 0; x < n; x += length) {
		at = get_number(at, &length);
		at = get_number(at, &place);
	}
	return at;
}

static void get_runs(const uint8_t *at, uint64_t *cells, uint32_t n, uint32_t style_base)
{
	uint32_t length, place;

	for (uint32_t x = 0; x < n;) {
		at = get_number(at, &length);
		at = get_number(at, &place);
		for (; length--; x++)
			cells[x] |= style_bits(style_base, place);
	}
}

/* The n cells before what fills the rest make way for the gap. */
static void open_gap(uint64_t *cells, uint32_t n, uint32_t gap, uint32_t width)
{
	const uint64_t fill = cells[n]; /* with a gap there is a rest, and as wide */

	memmove(cells + gap + width, cells + gap, (n - gap) * sizeof(*cells));
	for (uint32_t x = gap; x < gap + width; x++)
		cells[x] = fill;
}

const uint8_t *unpack_line(const uint8_t *at, uint32_t style_base, struct pack_clusters *clusters,
	struct unpacked *ret)
{
	const uint8_t *runs;
	uint32_t head, n, gap = 0, gap_width = 0;

	clusters->n = 0;
	ret->times = 1;
	at = get_number(at, &head);
	ret->n = n = head >> LINE_SHIFT;
	ret->wrapped = head & LINE_WRAPPED;
	if (head & LINE_REPEATED)
		at = get_number(at, &ret->times);
	if (head & LINE_FILLED)
		at = get_fill(at, n, style_base, ret);
	if (head & LINE_GAP) {
		at = get_number(at, &gap);
		at = get_number(at, &gap_width);
	}
	runs = at;
	if (head & LINE_STYLED)
		at = skip_runs(at, n);
	for (uint32_t x = 0; x < n && head & LINE_ASCII; x++)
		ret->cells[x] = at[x];
	at = head & LINE_ASCII ? at + n : get_chars(at, ret->cells, n, clusters);
	if (head & LINE_STYLED)
		get_runs(runs, ret->cells, n, style_base);
	if (head & LINE_GAP)
		open_gap(ret->cells, n, gap, gap_width);
	return at;
}
