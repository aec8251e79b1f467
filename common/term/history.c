#include "common/term/history.h"

#include <string.h>

#include "common/term/lz.h"
#include "common/term/model.h"

#define BLOCKS_FIRST 4u
#define BLOCK_FIRST_BYTES ((size_t)1024)
#define BLOCKS_LEAST 4u /* so many share the bound on bytes, so that not all goes at once */
#define PUSH_COST 16u   /* of a line, beside its cells */

void history_init(struct history *h, unsigned max_lines)
{
	const size_t max = max_lines * HISTORY_LINE_BYTES;

	*h = (struct history){ .max = max_lines,
		.max_bytes = max,
		.block_bytes = min_size(HISTORY_BLOCK_BYTES, max / BLOCKS_LEAST) };
}

static struct history_block *block_at(const struct history *h, unsigned i)
{
	i += h->first;
	return &h->blocks[i >= h->cap ? i - h->cap : i];
}

static struct history_block *block_open(const struct history *h)
{
	return h->n_blocks ? block_at(h, h->n_blocks - 1) : NULL;
}

static size_t block_memory(const struct history_block *b)
{
	return b->held + pack_styles_memory(&b->styles);
}

static void view_end(struct history_view *v)
{
	if (!v->block)
		return;
	free(v->lines);
	free(v->clusters.codes);
	*v = (struct history_view){ 0 };
}

static void drop_block(struct history *h)
{
	struct history_block *b = block_at(h, 0);

	h->n -= b->n_lines - h->gone;
	h->gone = 0;
	h->bytes -= block_memory(b);
	free(b->data);
	pack_styles_done(&b->styles);
	h->first = h->first + 1 < h->cap ? h->first + 1 : 0;
	h->n_blocks--;
}

void history_done(struct history *h)
{
	if (h->view)
		view_end(h->view);
	while (h->n_blocks)
		drop_block(h);
	free(h->blocks);
	free(h->recent);
	free(h->view);
	*h = (struct history){ 0 };
}

void history_clear(struct history *h)
{
	if (h->view)
		view_end(h->view);
	while (h->n_blocks)
		drop_block(h);
}

size_t history_memory(const struct history *h)
{
	size_t n = h->bytes + h->cap * sizeof(*h->blocks);

	if (h->recent)
		n += sizeof(*h->recent) + sizeof(*h->view);
	if (h->view && h->view->block)
		n += (h->view->lines ? h->view->block->n : 0) +
		     h->view->clusters.cap * sizeof(*h->view->clusters.codes);
	return n;
}

void history_renumber(struct history *h)
{
	if (h->recent)
		*h->recent = (struct pack_recent){ 0 };
}

/* ---- packing further ---- */

static void block_pack(struct history *h, struct history_block *b)
{
	const size_t room = b->n - b->n / 8; /* for less it is not worth it */
	uint8_t *packed = malloc(room), *fit;
	size_t n = packed ? lz_pack(packed, room, b->data, b->n) : 0;

	if (!n) {
		free(packed);
		return;
	}
	fit = realloc(packed, n);
	free(b->data);
	h->bytes -= b->held - n;
	b->data = fit ? fit : packed;
	b->held = (uint32_t)n;
	b->packed = true;
}

/* The next block to pack, but for the newest `but`. */
static struct history_block *cold_block(struct history *h, unsigned but)
{
	unsigned at;

	if (h->n_blocks <= but)
		return NULL;
	at = h->pack_next - block_at(h, 0)->id;
	if (at > h->n_blocks) /* it has gone */
		at = 0;
	if (at + but >= h->n_blocks)
		return NULL;
	h->pack_next = block_at(h, at)->id + 1;
	return block_at(h, at);
}

bool history_rest(struct history *h)
{
	struct history_block *b = cold_block(h, 1);

	if (h->view)
		view_end(h->view);
	if (b)
		block_pack(h, b);
	return b;
}

/* ---- appending ---- */

static int grow_ring(struct history *h)
{
	unsigned cap = h->cap ? 2 * h->cap : BLOCKS_FIRST;
	struct history_block *blocks = malloc(cap * sizeof(*blocks));

	if (!blocks)
		return -ENOMEM;
	for (unsigned i = 0; i < h->n_blocks; i++)
		blocks[i] = *block_at(h, i);
	free(h->blocks);
	h->blocks = blocks;
	h->cap = cap;
	h->first = 0;
	return 0;
}

static void close_block(struct history *h)
{
	struct history_block *b = block_open(h), *cold;
	uint8_t *fit;

	if (!b)
		return;
	fit = realloc(b->data, b->n);
	if (fit) {
		h->bytes -= b->held - b->n;
		b->data = fit;
		b->held = b->n;
	}
	h->bytes -= pack_styles_memory(&b->styles);
	pack_styles_fit(&b->styles);
	h->bytes += pack_styles_memory(&b->styles);
	cold = cold_block(h, HISTORY_HOT_BLOCKS);
	if (cold)
		block_pack(h, cold);
}

static int begin(struct history *h)
{
	if (!h->recent)
		h->recent = calloc(1, sizeof(*h->recent));
	if (h->recent && !h->view)
		h->view = calloc(1, sizeof(*h->view));
	return h->view ? 0 : -ENOMEM;
}

static int new_block(struct history *h)
{
	uint32_t id = h->n_blocks ? block_open(h)->id + 1 : h->pack_next;

	if (h->n_blocks == h->cap && grow_ring(h) < 0)
		return -ENOMEM;
	close_block(h);
	h->n_blocks++;
	*block_open(h) = (struct history_block){ .id = id };
	history_renumber(h);
	return 0;
}

/* The block for a line of so many bytes, with room for it. */
static int make_room(struct history *h, size_t need, struct history_block **ret)
{
	struct history_block *b = block_open(h);
	size_t room;
	uint8_t *data;

	if (!b || b->n_lines >= HISTORY_BLOCK_LINES || !b->data ||
		b->n + need + pack_styles_memory(&b->styles) > h->block_bytes) {
		if ((!b || b->n_lines) && new_block(h) < 0)
			return -ENOMEM;
		b = block_open(h);
	}
	if (b->held - b->n < need) {
		room = max_size(b->held ? 2 * (size_t)b->held : BLOCK_FIRST_BYTES, b->n + need);
		data = realloc(b->data, room);
		if (!data)
			return -ENOMEM;
		h->bytes += room - b->held;
		b->data = data;
		b->held = (uint32_t)room;
	}
	*ret = b;
	return 0;
}

static void keep_bounds(struct history *h)
{
	while (h->n > h->max) {
		const unsigned left = block_at(h, 0)->n_lines - h->gone, over = h->n - h->max;

		if (over >= left) {
			drop_block(h);
			continue;
		}
		h->gone += over;
		h->n -= over;
	}
	while (h->bytes > h->max_bytes && h->n_blocks > 1)
		drop_block(h);
}

static void push_row(struct term *t, struct pack_row *row)
{
	struct history *h = &t->history;
	struct pack_measure m;
	struct pack_writer w = { .t = t };
	struct history_block *b;
	size_t before;

	if (!h->view && begin(h) < 0)
		return;
	view_end(h->view);
	pack_measure(&m, row);
	if (m.uniform) {
		row->fill = row->cells[0];
		row->n = 0;
		pack_measure(&m, row);
	}
	if (make_room(h, m.most, &b) < 0)
		return;
	before = pack_styles_memory(&b->styles);
	w.styles = &b->styles;
	w.recent = h->recent;
	b->n += (uint32_t)pack_line(&w, &m, b->data + b->n, row);
	b->n_lines = (uint16_t)(b->n_lines + row->times);
	h->n += row->times;
	h->bytes += pack_styles_memory(&b->styles) - before;
	keep_bounds(h);
}

/* Cells behind the gap move into it: the row has left the screen. */
static void close_gap(struct row *row, struct pack_row *packed)
{
	if (packed->total <= row->gap_end) {
		packed->n = packed->total < row->gap ? packed->total : row->gap;
		return;
	}
	packed->gap = row->gap;
	packed->gap_width = row->gap_end - row->gap;
	packed->n -= packed->gap_width;
	memmove(row->cells + row->gap, row->cells + row->gap_end,
		(packed->n - row->gap) * sizeof(*row->cells));
}

unsigned history_push(struct term *t, struct row *row, unsigned cols)
{
	struct pack_row packed = {
		.cells = row->cells, .fill = row->fill, .times = 1, .wrapped = row->wrapped
	};

	t->history.total++;
	if (!t->history.max)
		return 1;
	row_unveil(row);
	packed.total = row->wrapped ? cols : row_length(row, cols);
	packed.n = row->used < packed.total ? row->used : packed.total;
	if (row->gap_end)
		close_gap(row, &packed);
	push_row(t, &packed);
	return PUSH_COST + packed.n;
}

unsigned history_push_even(struct term *t, uint64_t fill, unsigned cols, unsigned times)
{
	struct pack_row packed = { .fill = fill, .total = fill ? cols : 0, .times = times };

	t->history.total += times;
	if (t->history.max)
		push_row(t, &packed);
	return PUSH_COST;
}

void history_mark_links(const struct history *h, struct link *links, unsigned n_links)
{
	for (unsigned i = 0; i < h->n_blocks; i++) {
		const struct pack_styles *s = &block_at(h, i)->styles;

		for (unsigned k = 0; k < s->n; k++)
			if (s->styles[k].link < n_links)
				links[s->styles[k].link].marked = true;
	}
}

/* ---- reading ---- */

/* The block of a line counted from the oldest block's first; *ret_first is that of its own. */
static const struct history_block *find(const struct history *h, unsigned line, unsigned *ret_first)
{
	unsigned k = 0, first = 0;

	while (line - first >= block_at(h, k)->n_lines)
		first += block_at(h, k++)->n_lines;
	*ret_first = first;
	return block_at(h, k);
}

static void view_rewind(struct history_view *v)
{
	v->line = 0;
	v->at = v->block->packed ? v->lines : v->block->data;
}

static bool view_begin(const struct history *h, unsigned line)
{
	struct history_view *v = h->view;

	view_end(h->view);
	v->block = find(h, line, &v->first);
	if (v->block->packed) {
		v->lines = malloc(v->block->n);
		if (!v->lines || !lz_unpack(v->lines, v->block->n, v->block->data, v->block->held))
			return false;
	}
	view_rewind(v);
	return true;
}

unsigned history_line(const struct history *h, unsigned i, uint64_t *cells, bool *ret_wrapped)
{
	struct history_view *v = h->view;
	struct unpacked u = { .cells = cells };
	const unsigned line = i + h->gone;
	const uint8_t *next;

	*ret_wrapped = false;
	if (!v->block || line - v->first >= v->block->n_lines) {
		if (!view_begin(h, line)) {
			view_end(v);
			return 0;
		}
	} else if (line - v->first < v->line) {
		view_rewind(v);
	}
	for (;;) {
		next = unpack_line(
			v->at, PACK_STYLE | (v->block->id & 0x7fff) << 16, &v->clusters, &u);
		if (line - v->first < v->line + u.times)
			break;
		v->at = next;
		v->line += u.times;
	}
	if (line - v->first + 1 == v->line + u.times) { /* most often the next one is read next */
		v->at = next;
		v->line += u.times;
	}
	*ret_wrapped = u.wrapped;
	return u.n;
}

struct style history_style(const struct history *h, uint32_t number)
{
	const struct history_view *v = h->view;
	const uint32_t place = number & UINT16_MAX;

	if (!v || !v->block || place > v->block->styles.n ||
		(number >> 16 & 0x7fff) != (v->block->id & 0x7fff))
		return (struct style){ 0 };
	return v->block->styles.styles[place - 1];
}

const uint32_t *history_cluster(const struct history *h, uint32_t number)
{
	static const uint32_t none[TERM_CELL_CODEPOINTS_MAX] = { UTF8_REPLACEMENT };
	const struct history_view *v = h->view;

	number &= ~PACK_CLUSTER;
	return v && number < v->clusters.n ? v->clusters.codes[number] : none;
}
