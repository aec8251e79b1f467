/*
 * log_scan - the bytes of a log, from its files, as they come
 *
 * Bounds: LOG_BLOCK_BYTES are read at a time.
 */
#ifndef LOCAL_LOG_SCAN_H
#define LOCAL_LOG_SCAN_H

#include "local/log.h"

#define LOG_BLOCK_BYTES ((size_t)32 * 1024)
#define LOG_HEAD_BYTES 16

struct log_scan {
	const struct log *log;
	size_t file;       /* index */
	int fd;            /* of it, or -1 */
	uint64_t pos;      /* of the next byte */
	uint64_t file_pos; /* of the block */
	uint64_t left, usec;
	size_t at, got; /* in the block */
	uint8_t block[LOG_BLOCK_BYTES];
};

struct log_span {
	const uint8_t *data; /* until the next step */
	size_t n;
	uint64_t offset, usec;
};

void log_head_write(uint8_t out[LOG_HEAD_BYTES], uint32_t n, uint64_t wall_usec);
/* -EBADMSG: no head. */
int log_head_read(const uint8_t in[LOG_HEAD_BYTES], uint32_t *ret_n, uint64_t *ret_wall_usec);
int log_open_file(const struct log *log, uint64_t start, int flags);

/* From the start of a file. */
void log_scan_begin(struct log_scan *s, const struct log *log, size_t file);
/* At most max bytes. 1: a span; 0: the head of the log; -errno. */
int log_scan_next(struct log_scan *s, size_t max, struct log_span *ret);
/* The last n bytes of the last span are to come again. */
void log_scan_back(struct log_scan *s, size_t n);
void log_scan_end(struct log_scan *s);

#endif
