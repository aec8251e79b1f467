/*
 * log - what a sandbox's main process wrote: a bounded ring and its readers
 *
 * Pure: bytes and times go in, bytes come out.
 *
 * Units:  bytes; offsets are absolute from the first byte; times are wall-clock microseconds.
 * Bounds: LOG_BYTES_MAX of the newest output, LOG_MARKS_MAX marks of when something arrived (a mark
 * each LOG_MARK_USEC at most). What is older is forgotten; a reader still there learns it by
 * LOG_E_LOST. A line's time is that of its first byte.
 */
#ifndef LOCAL_LOG_H
#define LOCAL_LOG_H

#include "common/util.h"

#define LOG_BYTES_MAX ((size_t)1024 * 1024) /* a power of two */
#define LOG_MARKS_MAX ((size_t)16384)       /* a power of two */
#define LOG_MARK_USEC UINT64_C(1000)
#define LOG_STAMP_MAX 40 /* bytes of a line's time and the blank after it */

#define LOG_E_LOST 1

struct log_mark {
	uint64_t offset, wall_usec;
};

struct log {
	uint8_t *data; /* a ring of cap bytes, a power of two; NULL while empty */
	size_t cap;
	uint64_t tail, head;    /* head - tail <= cap <= LOG_BYTES_MAX */
	struct log_mark *marks; /* a ring likewise */
	size_t marks_cap;
	uint64_t marks_tail, marks_head;
	bool ended; /* nothing will follow */
};

void log_init(struct log *log);
void log_done(struct log *log);
/* Without memory the bytes are dropped: a log never stops a program. */
void log_append(struct log *log, const void *data, size_t n, uint64_t wall_usec);

struct log_start {
	uint64_t tail_lines; /* 0: all of them */
	uint64_t since_usec; /* 0: from the first */
	bool timestamps;
};

struct log_reader {
	const struct log *log;
	uint64_t pos;
	bool timestamps, at_line_start;
};

void log_reader_start(struct log_reader *r, const struct log *log, const struct log_start *from);
/* Up to n >= LOG_STAMP_MAX + 1 bytes for the reader; *ret_n is 0 at the head. LOG_E_LOST: the ring
 * went past it. */
int log_reader_read(struct log_reader *r, uint8_t *buf, size_t n, size_t *ret_n);

#endif
