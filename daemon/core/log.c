#include "daemon/core/log.h"

#include <string.h>

#define WORD_BITS 64

struct chunk {
	struct list link;
	uint64_t start;       /* offset of data[0] */
	size_t n, cap;        /* bytes */
	uint64_t newest_usec; /* when data[n - 1] came */
	uint64_t lines;       /* line ends before data[0] */
	bool in_line;         /* the byte before data[0] ends none */
	unsigned stream;      /* of every byte, while `mixed` is NULL */
	uint64_t *mixed;      /* a bit for each byte: set = LOG_STDERR */
	uint8_t data[];
};

static uint64_t chunk_end(const struct chunk *c)
{
	return c->start + c->n;
}

static size_t mixed_words(const struct chunk *c)
{
	return (c->cap + WORD_BITS - 1) / WORD_BITS;
}

static size_t chunk_memory(const struct chunk *c)
{
	return sizeof(*c) + c->cap + (c->mixed ? mixed_words(c) * sizeof(*c->mixed) : 0);
}

static void chunk_free(struct log *log, struct chunk *c)
{
	struct reader *r;

	list_for_each(r, &log->readers, link)
		if (r->at == c)
			r->at = NULL;
	ledger_sub(log->ledger, chunk_memory(c));
	list_unlink(&c->link);
	free(c->mixed);
	free(c);
}

/* Chunks double, so that a quiet session costs little and a flood has few pieces. */
static size_t chunk_size(const struct chunk *before, size_t n)
{
	size_t cap = max_size(before ? 2 * before->cap : 0, n);

	return min_size(max_size(cap, LOG_CHUNK_MIN), LOG_CHUNK_MAX);
}

static struct chunk *chunk_new(size_t cap)
{
	struct chunk *c = malloc(sizeof(*c) + cap);

	if (c)
		*c = (struct chunk){ .cap = cap };
	return c;
}

/* ---- streams ---- */

static void bits_set(uint64_t *words, size_t from, size_t to)
{
	for (size_t i = from; i < to;) {
		size_t bit = i % WORD_BITS, n = min_size(WORD_BITS - bit, to - i);
		uint64_t mask = n == WORD_BITS ? UINT64_MAX : ((UINT64_C(1) << n) - 1) << bit;

		words[i / WORD_BITS] |= mask;
		i += n;
	}
}

/* How many bits from `from` on equal the first, up to `to`. */
static size_t bits_run(const uint64_t *words, size_t from, size_t to)
{
	bool set = words[from / WORD_BITS] >> (from % WORD_BITS) & 1;
	size_t i = from;

	while (i < to) {
		size_t bit = i % WORD_BITS;
		uint64_t other = (set ? ~words[i / WORD_BITS] : words[i / WORD_BITS]) >> bit;

		if (other) {
			i += (size_t)__builtin_ctzll(other);
			break;
		}
		i += WORD_BITS - bit;
	}
	return min_size(i, to) - from;
}

static int chunk_mix(struct log *log, struct chunk *c)
{
	uint64_t *mixed = calloc(mixed_words(c), sizeof(*mixed));

	if (!mixed)
		return -ENOMEM;
	if (c->stream == LOG_STDERR)
		bits_set(mixed, 0, c->n);
	c->mixed = mixed;
	ledger_add(log->ledger, mixed_words(c) * sizeof(*mixed));
	return 0;
}

static unsigned chunk_stream(const struct chunk *c, size_t at)
{
	if (!c->mixed)
		return c->stream;
	return c->mixed[at / WORD_BITS] >> (at % WORD_BITS) & 1 ? LOG_STDERR : LOG_STDOUT;
}

/* ---- lines ---- */

/* So many bytes at once, for the vector unit. */
typedef uint8_t lanes_v __attribute__((vector_size(16)));

static uint64_t count_lines(const uint8_t *data, size_t n)
{
	uint64_t lines = 0;
	size_t i = 0;
	lanes_v v, ends;

	while (n - i >= sizeof(v)) {
		ends = (lanes_v){ 0 };
		for (unsigned k = 0; k < UINT8_MAX && n - i >= sizeof(v); k++, i += sizeof(v)) {
			memcpy(&v, data + i, sizeof(v));
			ends -= (lanes_v)(v == '\n'); /* each counts its own: -1 where it is */
		}
		for (unsigned k = 0; k < sizeof(v); k++)
			lines += ends[k];
	}
	for (; i < n; i++)
		lines += data[i] == '\n';
	return lines;
}

/* The chunk of the byte before pos, or of pos itself; NULL: it is gone, or there was none. */
static const struct chunk *log_find(const struct log *log, uint64_t pos)
{
	struct list *head = (struct list *)(uintptr_t)&log->chunks;
	const struct chunk *c = list_last(head, struct chunk, link);

	while (c && c->start >= pos && c != list_first(head, struct chunk, link))
		c = container_of(c->link.prev, struct chunk, link);
	return c;
}

uint64_t log_lines(const struct log *log, uint64_t pos)
{
	const struct chunk *c = pos < log->head ? log_find(log, pos) : NULL;

	assert(pos >= log->tail && pos <= log->head);
	return c ? c->lines + count_lines(c->data, (size_t)(pos - c->start)) : log->n_lines;
}

bool log_in_line(const struct log *log, uint64_t pos)
{
	const struct chunk *c = log_find(log, pos);

	assert(pos >= log->tail && pos <= log->head);
	if (!c)
		return log->in_line;
	return pos > c->start ? c->data[pos - c->start - 1] != '\n' : c->in_line;
}

/* ---- the log ---- */

void log_init(struct log *log, const struct log_config *config)
{
	*log = (struct log){ .max = config->max, .ledger = config->ledger, .clock = config->clock };
	list_init(&log->chunks);
	list_init(&log->readers);
}

void log_done(struct log *log)
{
	struct chunk *c;

	assert(list_empty(&log->readers));
	list_for_each(c, &log->chunks, link)
		chunk_free(log, c);
}

size_t log_room(const struct log *log)
{
	return log->max + log->owed - (log->head - log->hold);
}

/* The readers before `tail` move or go; then nobody is in the way. */
static void log_push_readers(struct log *log, uint64_t tail)
{
	struct reader *r;

	if (tail <= log->slowest)
		return;
	log->slowest = log->head;
	list_for_each(r, &log->readers, link) {
		if (r->pos < tail)
			r->on_lost(r, tail);
	}
	list_for_each(r, &log->readers, link) {
		assert(r->pos >= tail);
		log->slowest = min_u64(log->slowest, r->pos);
	}
}

static void log_evict(struct log *log, uint64_t tail)
{
	struct chunk *c;

	if (tail <= log->tail)
		return;
	assert(tail <= log->hold);
	log_push_readers(log, tail);
	log->tail = tail;
	list_for_each(c, &log->chunks, link) {
		if (chunk_end(c) > tail)
			return;
		chunk_free(log, c);
	}
}

/* So that head - tail is at most max + owed when n more bytes came. */
static void log_make_room(struct log *log, size_t n)
{
	uint64_t most = log->max + log->owed, will = log->head - log->tail + n;

	if (will > most)
		log_evict(log, log->tail + (will - most));
}

static void chunks_drop(struct list *chunks)
{
	struct chunk *c;

	list_for_each(c, chunks, link)
		free(c);
}

/* All that can fail: the chunks that n more bytes need, and a place for their stream. */
static int log_reserve(struct log *log, size_t n, unsigned stream, struct list *fresh)
{
	struct chunk *last = list_last(&log->chunks, struct chunk, link), *c;
	size_t room = last ? last->cap - last->n : 0;

	list_init(fresh);
	if (room && !last->mixed && last->stream != stream && chunk_mix(log, last))
		return -ENOMEM;
	for (n -= min_size(n, room); n; n -= min_size(n, c->cap)) {
		c = chunk_new(chunk_size(last, n));
		if (!c) {
			chunks_drop(fresh);
			return -ENOMEM;
		}
		c->stream = stream;
		list_append(fresh, &c->link);
		last = c;
	}
	return 0;
}

static size_t chunk_fill(struct chunk *c, const uint8_t *data, size_t n, unsigned stream)
{
	n = min_size(n, c->cap - c->n);
	memcpy(c->data + c->n, data, n);
	if (c->mixed && stream == LOG_STDERR)
		bits_set(c->mixed, c->n, c->n + n);
	c->n += n;
	return n;
}

static void log_copy(
	struct log *log, struct list *fresh, const uint8_t *data, size_t n, unsigned stream)
{
	struct chunk *c = list_last(&log->chunks, struct chunk, link);
	size_t l;

	while (n) {
		if (!c || c->n == c->cap) {
			c = list_first(fresh, struct chunk, link);
			list_unlink(&c->link);
			c->start = log->head;
			c->lines = log->n_lines;
			c->in_line = log->in_line;
			list_append(&log->chunks, &c->link);
			ledger_add(log->ledger, chunk_memory(c));
		}
		l = chunk_fill(c, data, n, stream);
		c->newest_usec = log->clock->now_usec;
		log->head += l;
		log->n_lines += count_lines(data, l);
		log->in_line = data[l - 1] != '\n';
		data += l;
		n -= l;
	}
}

int log_append(struct log *log, const uint8_t *data, size_t n, unsigned stream)
{
	struct list fresh;
	int r;

	if (n > log_room(log))
		return LOG_E_FULL; /* nothing was taken */
	log_make_room(log, n);     /* first, for the readers in the way need their bytes now */
	r = log_reserve(log, n, stream, &fresh);
	if (r)
		return r;
	log_copy(log, &fresh, data, n, stream); /* uses all of them */
	return 0;
}

static uint64_t log_needed(const struct log *log)
{
	uint64_t pos = log->head;
	struct reader *r;

	list_for_each(r, &log->readers, link)
		if (r->holds)
			pos = min_u64(pos, r->pos);
	return pos;
}

size_t log_trim(struct log *log)
{
	size_t freed = (size_t)(log_needed(log) - log->hold), paid = min_size(freed, log->owed);

	log->hold += freed;
	log->owed -= paid;
	log_make_room(log, 0);
	return freed - paid;
}

size_t log_shed(struct log *log, size_t n)
{
	size_t freed = 0;
	struct chunk *c;

	list_for_each(c, &log->chunks, link) {
		if (freed >= n || chunk_end(c) > log->hold)
			break;
		freed += chunk_memory(c);
		log_evict(log, chunk_end(c)); /* frees c */
	}
	return freed;
}

/* ---- readers ---- */

/* A holder behind `hold` needs again what was given back. */
static void reader_claim(struct reader *r)
{
	struct log *log = r->log;

	if (!r->holds || r->pos >= log->hold)
		return;
	log->owed += (size_t)(log->hold - r->pos);
	log->hold = r->pos;
}

void reader_init(struct reader *r, struct log *log, uint64_t pos, bool holds)
{
	r->log = log;
	r->holds = holds;
	list_append(&log->readers, &r->link);
	reader_seek(r, pos);
}

void reader_done(struct reader *r)
{
	list_unlink(&r->link);
	r->at = NULL;
}

void reader_seek(struct reader *r, uint64_t pos)
{
	assert(pos >= r->log->tail && pos <= r->log->head);
	r->pos = pos;
	r->at = NULL;
	r->log->slowest = min_u64(r->log->slowest, pos);
	reader_claim(r);
}

/* The chunk of the byte at pos, searched for from the newest: most readers are near. */
static struct chunk *reader_chunk(struct reader *r)
{
	struct list *head = &r->log->chunks;
	struct chunk *c;

	if (r->pos == r->log->head)
		return NULL;
	if (r->at && r->pos < chunk_end(r->at))
		return r->at;
	c = r->at ? list_next(head, r->at, link) : list_last(head, struct chunk, link);
	while (c && c->start > r->pos)
		c = container_of(c->link.prev, struct chunk, link);
	r->at = c;
	return c;
}

void reader_advance(struct reader *r, size_t n)
{
	struct chunk *c = reader_chunk(r);

	assert(n <= r->log->head - r->pos);
	r->pos += n;
	while (c && r->pos >= chunk_end(c))
		c = list_next(&r->log->chunks, c, link);
	r->at = c;
}

void reader_set_holds(struct reader *r, bool holds)
{
	r->holds = holds;
	reader_claim(r);
}

uint64_t reader_lag(const struct reader *r)
{
	return r->log->head - r->pos;
}

uint64_t reader_age_usec(struct reader *r)
{
	const struct chunk *c = reader_chunk(r);

	return c ? r->log->clock->now_usec - c->newest_usec : 0;
}

size_t reader_peek(struct reader *r, size_t max, struct iovec *iov, size_t n_iov, size_t *ret_n_iov,
	unsigned *ret_stream)
{
	struct chunk *c = reader_chunk(r);
	uint64_t pos = r->pos;
	unsigned stream = 0;
	size_t n = 0, i = 0, at, l;

	for (; c && n < max && i < n_iov; c = list_next(&r->log->chunks, c, link)) {
		at = (size_t)(pos - c->start);
		if (n && chunk_stream(c, at) != stream)
			break;
		stream = chunk_stream(c, at);
		l = min_size(c->n - at, max - n);
		if (c->mixed)
			l = bits_run(c->mixed, at, at + l);
		iov[i++] = (struct iovec){ c->data + at, l };
		n += l;
		pos += l;
		if (at + l < c->n)
			break; /* max, or another stream */
	}
	*ret_n_iov = i;
	*ret_stream = stream;
	return n;
}
