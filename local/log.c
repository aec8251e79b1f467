#include "local/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define BYTES_FIRST 4096
#define MARKS_FIRST 64

void log_init(struct log *log)
{
	memset(log, 0, sizeof(*log));
}

void log_done(struct log *log)
{
	free(log->data);
	free(log->marks);
	log_init(log);
}

/* The contiguous bytes from offset on. */
static size_t span_at(const struct log *log, uint64_t offset, const uint8_t **ret)
{
	size_t at = (size_t)(offset & (log->cap - 1));

	*ret = log->data + at;
	return min_size(log->cap - at, (size_t)(log->head - offset));
}

static int grow_bytes(struct log *log, size_t need)
{
	size_t cap = log->cap ? log->cap : BYTES_FIRST;
	uint8_t *data;

	while (cap < need && cap < LOG_BYTES_MAX)
		cap *= 2;
	if (cap == log->cap)
		return 0;
	data = malloc(cap);
	if (!data)
		return -ENOMEM;
	for (uint64_t o = log->tail; o < log->head;) {
		const uint8_t *span;
		size_t n = span_at(log, o, &span);
		size_t at = (size_t)(o & (cap - 1));

		n = min_size(n, cap - at);
		memcpy(data + at, span, n);
		o += n;
	}
	free(log->data);
	log->data = data;
	log->cap = cap;
	return 0;
}

static int grow_marks(struct log *log)
{
	size_t cap = log->marks_cap ? log->marks_cap * 2 : MARKS_FIRST;
	struct log_mark *marks;

	if (log->marks_head - log->marks_tail < log->marks_cap || log->marks_cap == LOG_MARKS_MAX)
		return 0;
	marks = reallocarray(NULL, cap, sizeof(*marks));
	if (!marks)
		return -ENOMEM;
	for (uint64_t i = log->marks_tail; i < log->marks_head; i++)
		marks[i & (cap - 1)] = log->marks[i & (log->marks_cap - 1)];
	free(log->marks);
	log->marks = marks;
	log->marks_cap = cap;
	return 0;
}

static const struct log_mark *mark_at(const struct log *log, uint64_t i)
{
	return &log->marks[i & (log->marks_cap - 1)];
}

/* Forgets the marks that only speak of forgotten bytes; the newest of those says the time of what
 * is left. */
static void trim_marks(struct log *log)
{
	while (log->marks_head - log->marks_tail > 1 &&
		mark_at(log, log->marks_tail + 1)->offset <= log->tail)
		log->marks_tail++;
}

static void add_mark(struct log *log, uint64_t wall_usec)
{
	if (log->marks_head > log->marks_tail) {
		const struct log_mark *last = mark_at(log, log->marks_head - 1);

		if (wall_usec < last->wall_usec + LOG_MARK_USEC)
			return;
	}
	if (log->marks_head - log->marks_tail == log->marks_cap) {
		log->marks_tail++;
		log->tail = mark_at(log, log->marks_tail)->offset;
	}
	log->marks[log->marks_head++ & (log->marks_cap - 1)] =
		(struct log_mark){ .offset = log->head, .wall_usec = wall_usec };
}

void log_append(struct log *log, const void *data, size_t n, uint64_t wall_usec)
{
	const uint8_t *p = data;
	size_t held = (size_t)(log->head - log->tail);

	if (!n || grow_bytes(log, min_size(held + n, LOG_BYTES_MAX)) || grow_marks(log))
		return;
	add_mark(log, wall_usec);
	while (n) {
		size_t at = (size_t)(log->head & (log->cap - 1));
		size_t l = min_size(n, log->cap - at);

		memcpy(log->data + at, p, l);
		log->head += l;
		p += l;
		n -= l;
	}
	if (log->head - log->tail > log->cap)
		log->tail = log->head - log->cap;
	trim_marks(log);
}

/* ---- readers ---- */

static uint8_t byte_at(const struct log *log, uint64_t offset)
{
	return log->data[offset & (log->cap - 1)];
}

static uint64_t last_lines(const struct log *log, uint64_t n)
{
	uint64_t o = log->head;

	/* The newline that ends the last line starts no other. */
	if (o > log->tail && byte_at(log, o - 1) == '\n')
		o--;
	while (o > log->tail) {
		if (byte_at(log, o - 1) == '\n' && --n == 0)
			break;
		o--;
	}
	return o;
}

static uint64_t next_line(const struct log *log, uint64_t offset)
{
	while (offset < log->head && offset > log->tail && byte_at(log, offset - 1) != '\n')
		offset++;
	return offset;
}

/* The first mark of at least that time; all of them are in order. */
static uint64_t since_offset(const struct log *log, uint64_t since_usec)
{
	uint64_t lo = log->marks_tail, hi = log->marks_head;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (mark_at(log, mid)->wall_usec < since_usec)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == log->marks_head)
		return log->head;
	return mark_at(log, lo)->offset < log->tail ? log->tail : mark_at(log, lo)->offset;
}

void log_reader_start(struct log_reader *r, const struct log *log, const struct log_start *from)
{
	uint64_t pos = log->tail;

	if (from->since_usec)
		pos = next_line(log, since_offset(log, from->since_usec));
	if (from->tail_lines) {
		uint64_t lines = last_lines(log, from->tail_lines);

		pos = pos > lines ? pos : lines;
	}
	*r = (struct log_reader){
		.log = log,
		.pos = pos,
		.timestamps = from->timestamps,
		.at_line_start = true,
	};
}

static uint64_t line_time(const struct log *log, uint64_t offset)
{
	uint64_t lo = log->marks_tail, hi = log->marks_head;

	while (hi - lo > 1) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (mark_at(log, mid)->offset <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return mark_at(log, lo)->wall_usec;
}

static size_t put_stamp(uint8_t *buf, uint64_t wall_usec)
{
	char text[LOG_STAMP_MAX], day[24];
	time_t sec = (time_t)(wall_usec / USEC_PER_SEC);
	struct tm tm;
	int n;

	gmtime_r(&sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(text, sizeof(text), "%s.%06uZ ", day, (unsigned)(wall_usec % USEC_PER_SEC));
	memcpy(buf, text, (size_t)n);
	return (size_t)n;
}

/* One span, cut after its first newline when lines carry their time. */
static size_t read_span(struct log_reader *r, uint8_t *buf, size_t n)
{
	const uint8_t *span, *nl;
	size_t l = min_size(span_at(r->log, r->pos, &span), n);

	nl = r->timestamps ? memchr(span, '\n', l) : NULL;
	if (nl)
		l = (size_t)(nl - span) + 1;
	memcpy(buf, span, l);
	r->pos += l;
	r->at_line_start = span[l - 1] == '\n';
	return l;
}

int log_reader_read(struct log_reader *r, uint8_t *buf, size_t n, size_t *ret_n)
{
	size_t used = 0;

	if (r->pos < r->log->tail)
		return LOG_E_LOST;
	while (r->pos < r->log->head && n - used > LOG_STAMP_MAX) {
		if (r->timestamps && r->at_line_start)
			used += put_stamp(buf + used, line_time(r->log, r->pos));
		used += read_span(r, buf + used, n - used);
	}
	*ret_n = used;
	return 0;
}
