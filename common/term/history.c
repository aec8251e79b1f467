#include "common/term/history.h"

#include <string.h>

#define HISTORY_FIRST_BYTES ((size_t)4096)
#define HISTORY_FIRST_LINES 64u

struct packed {
	uint32_t size; /* bytes, with this header; a multiple of 8 */
	uint16_t n_cells;
	uint16_t n_runs;
	bool wrapped;
	bool ascii;
	uint16_t spare;
};

struct run {
	uint32_t style;
	uint32_t n;
};

void history_init(struct history *h, unsigned max_lines)
{
	*h = (struct history){ .max = max_lines };
}

void history_done(struct history *h)
{
	free(h->data);
	free(h->offsets);
	*h = (struct history){ 0 };
}

void history_clear(struct history *h)
{
	uint64_t total = h->total;
	unsigned max = h->max;

	history_done(h);
	h->max = max;
	h->total = total;
}

size_t history_memory(const struct history *h)
{
	return h->cap + h->n_offsets * sizeof(*h->offsets);
}

static uint32_t *offset_at(const struct history *h, unsigned i)
{
	i += h->first;
	return &h->offsets[i >= h->n_offsets ? i - h->n_offsets : i];
}

static const struct packed *packed_at(const struct history *h, unsigned i)
{
	return (const void *)(h->data + *offset_at(h, i));
}

static void drop_first(struct history *h)
{
	h->first = h->first + 1 < h->n_offsets ? h->first + 1 : 0;
	h->n--;
}

static int grow_offsets(struct history *h)
{
	unsigned room = h->n_offsets ? 2 * h->n_offsets : HISTORY_FIRST_LINES;
	uint32_t *offsets;

	if (room > h->max)
		room = h->max;
	offsets = malloc(room * sizeof(*offsets));
	if (!offsets)
		return -ENOMEM;
	for (unsigned i = 0; i < h->n; i++)
		offsets[i] = *offset_at(h, i);
	free(h->offsets);
	h->offsets = offsets;
	h->n_offsets = room;
	h->first = 0;
	return 0;
}

/* A larger ring, with the lines in order from its start. */
static int grow_data(struct history *h, size_t need)
{
	size_t cap = h->cap ? 2 * h->cap : HISTORY_FIRST_BYTES, at = 0;
	const size_t most = h->max * HISTORY_LINE_BYTES;
	uint8_t *data;

	while (cap < need)
		cap *= 2;
	if (cap > most)
		cap = max_size(most, need);
	if (cap <= h->cap || cap > UINT32_MAX)
		return -ENOMEM;
	data = malloc(cap);
	if (!data)
		return -ENOMEM;
	for (unsigned i = 0; i < h->n; i++) {
		const struct packed *line = packed_at(h, i);
		uint32_t size = line->size;

		memcpy(data + at, line, size);
		*offset_at(h, i) = (uint32_t)at;
		at += size;
	}
	free(h->data);
	h->data = data;
	h->cap = cap;
	h->write = at;
	return 0;
}

/* Where n bytes fit without touching a line that is kept; SIZE_MAX if they do not. */
static size_t place(const struct history *h, size_t n)
{
	size_t first;

	if (!h->n)
		return n <= h->cap ? 0 : SIZE_MAX;
	first = *offset_at(h, 0);
	if (h->write > first) {
		if (n <= h->cap - h->write)
			return h->write;
		return n < first ? 0 : SIZE_MAX;
	}
	return h->write < first && n < first - h->write ? h->write : SIZE_MAX;
}

static int make_room(struct history *h, size_t n, size_t *ret_at)
{
	size_t at;

	if (h->n == h->max)
		drop_first(h);
	if (h->n == h->n_offsets && grow_offsets(h) < 0)
		return -ENOMEM;
	for (at = place(h, n); at == SIZE_MAX; at = place(h, n)) {
		if ((n > h->cap || h->cap < h->max * HISTORY_LINE_BYTES) && grow_data(h, n) == 0)
			continue;
		if (!h->n)
			return -ENOMEM;
		drop_first(h);
	}
	*ret_at = at;
	return 0;
}

struct measure {
	unsigned n_cells, n_runs;
	bool ascii;
};

/* Every cell of the row is a stored one. */
static struct measure measure(const uint64_t *cells, unsigned n)
{
	struct measure m = { .n_cells = n };
	uint64_t all = 0, differ = 0;

	for (unsigned x = 0; x < n; x++) {
		all |= cells[x];
		differ |= cells[x] ^ cells[0];
	}
	m.ascii = (all & CELL_CHAR) < 0x80;
	m.n_runs = n > 0;
	for (unsigned x = 1; x < n && differ >> CELL_STYLE_SHIFT; x++)
		m.n_runs += cell_style(cells[x]) != cell_style(cells[x - 1]);
	return m;
}

static void pack_runs(const uint64_t *cells, unsigned n, unsigned n_runs, struct run *run)
{
	unsigned start = 0;

	for (unsigned x = 1; x <= n; x++) {
		if (x < n && (n_runs == 1 || cell_style(cells[x]) == cell_style(cells[start])))
			continue;
		*run++ = (struct run){ .style = cell_style(cells[start]), .n = x - start };
		start = x;
	}
}

static void pack(const struct row *row, const struct measure *m, uint8_t *at, size_t size)
{
	struct packed *line = (void *)at;
	struct run *runs = (void *)(line + 1);
	uint8_t *bytes = (void *)(runs + m->n_runs);
	uint32_t *codes = (void *)bytes;

	*line = (struct packed){ .size = (uint32_t)size,
		.n_cells = (uint16_t)m->n_cells,
		.n_runs = (uint16_t)m->n_runs,
		.wrapped = row->wrapped,
		.ascii = m->ascii };
	if (m->n_runs == 1)
		*runs = (struct run){ .style = cell_style(row->cells[0]), .n = m->n_cells };
	else
		pack_runs(row->cells, m->n_cells, m->n_runs, runs);
	for (unsigned x = 0; m->ascii && x < m->n_cells; x++)
		bytes[x] = (uint8_t)row->cells[x];
	for (unsigned x = 0; !m->ascii && x < m->n_cells; x++)
		codes[x] = (uint32_t)(row->cells[x] & CELL_CHAR);
}

void history_push(struct history *h, struct row *row, unsigned cols)
{
	struct measure m;
	unsigned n;
	size_t size, at;

	h->total++;
	if (!h->max)
		return;
	row_unveil(row);
	n = row->wrapped ? cols : row_length(row, cols);
	row_reach(row, n);
	m = measure(row->cells, n);
	size = sizeof(struct packed) + m.n_runs * sizeof(struct run) +
	       m.n_cells * (m.ascii ? 1u : 4u);
	size = (size + 7) & ~(size_t)7;
	if (make_room(h, size, &at) < 0)
		return;
	pack(row, &m, h->data + at, size);
	h->n++;
	*offset_at(h, h->n - 1) = (uint32_t)at;
	h->write = at + size;
}

void history_mark(const struct history *h, struct pool *styles, struct pool *clusters)
{
	for (unsigned i = 0; i < h->n; i++) {
		const struct packed *line = packed_at(h, i);
		const struct run *runs = (const void *)(line + 1);
		const uint32_t *codes = (const void *)(runs + line->n_runs);

		for (unsigned k = 0; k < line->n_runs; k++)
			pool_mark(styles, runs[k].style);
		for (unsigned x = 0; !line->ascii && x < line->n_cells; x++)
			if (codes[x] & CELL_CLUSTER)
				pool_mark(clusters, cell_code(codes[x]));
	}
}

unsigned history_line(const struct history *h, unsigned i, uint64_t *cells, bool *ret_wrapped)
{
	const struct packed *line = packed_at(h, i);
	const struct run *run = (const void *)(line + 1);
	const uint8_t *bytes = (const void *)(run + line->n_runs);
	const uint32_t *codes = (const void *)bytes;
	unsigned left = 0;

	for (unsigned x = 0; x < line->n_cells; x++, left--) {
		if (!left)
			left = run++->n;
		cells[x] = cell_make(line->ascii ? bytes[x] : codes[x], run[-1].style);
	}
	*ret_wrapped = line->wrapped;
	return line->n_cells;
}
