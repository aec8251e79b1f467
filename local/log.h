/*
 * log - what a sandbox's main process wrote: kept on disk, bounded, and its readers
 *
 * A log is a row of files, NAME.START each, START being the offset of its first byte in
 * hexadecimal. A file is records: when something arrived, how much, and the bytes. Only the newest
 * is written; the oldest goes when there are too many. In memory is only where they begin, so
 * thousands of logs cost nothing, and what a killed service wrote is still there.
 *
 * Owner:  the folder's descriptor is the caller's.
 * Units:  bytes; offsets are absolute from the first byte; times are wall-clock microseconds.
 * Bounds: LOG_FILES_MAX files of LOG_FILE_BYTES, heads included. What is older is forgotten; a
 *         reader still there learns it by LOG_E_LOST. A line's time is that of its first byte.
 * Errors: what cannot be written is not kept: a log never stops a program. The next bytes that can
 *         be are preceded by a line that says how many are missing.
 */
#ifndef LOCAL_LOG_H
#define LOCAL_LOG_H

#include "common/util.h"

#define LOG_FILE_BYTES ((uint64_t)1024 * 1024)
#define LOG_FILES_MAX 4
#define LOG_BYTES_MAX (LOG_FILE_BYTES * LOG_FILES_MAX)
#define LOG_RECORD_MAX ((size_t)32 * 1024) /* bytes in a record */
#define LOG_KEEP_FREE (UINT64_C(1) << 30)  /* of the host's disk */
#define LOG_STAMP_MAX 40                   /* bytes of a line's time and the blank after it */
#define LOG_NAME_BYTES 52

#define LOG_E_LOST 1

struct log_file {
	uint64_t start, n; /* its bytes of the log */
	uint64_t size;     /* of the file */
	uint64_t n_lines;  /* newlines in it */
	uint64_t last_usec;
	bool ends_line;
	bool spoiled; /* behind `size` is what could not be taken back: nothing may follow */
};

struct log {
	int dir_fd; /* -1: nothing is kept */
	int fd;     /* of the newest file; -1: not open */
	char name[LOG_NAME_BYTES];
	struct log_file files[LOG_FILES_MAX];
	size_t n_files;
	uint64_t tail, head;
	uint64_t n_dropped; /* since the last that was kept */
	uint64_t keep_free; /* LOG_KEEP_FREE */
	bool ended;         /* nothing will follow */
	bool adopted;       /* what is there from before was not read yet */
};

void log_init(struct log *log, int dir_fd, const char *name);
void log_done(struct log *log); /* the files stay */
/* Nothing is written for now: gives the descriptor back. */
void log_rest(struct log *log);
void log_remove(struct log *log);
void log_append(struct log *log, const void *data, size_t n, uint64_t wall_usec);

/* A file of it is there from before; in any order. log_recover() follows, before the first byte
 * or reader. */
void log_adopt(struct log *log, uint64_t start);
/* Reads what was adopted, once; what is damaged, and what lies before it, is removed. */
void log_recover(struct log *log);
/* NAME and START of a file's name. */
int log_parse_name(const char *file, char name[LOG_NAME_BYTES], uint64_t *ret_start);

struct log_start {
	uint64_t tail_lines; /* 0: all of them */
	uint64_t since_usec; /* 0: from the first */
	bool timestamps;
};

/* May be copied: the copy goes on from the same place. */
struct log_reader {
	const struct log *log;
	uint64_t pos;
	uint64_t file_start, file_pos; /* where pos is */
	uint64_t left, usec;           /* of the record it is in */
	bool timestamps, at_line_start;
};

void log_reader_start(struct log_reader *r, const struct log *log, const struct log_start *from);
/* Up to n >= LOG_STAMP_MAX + 1 bytes for the reader; *ret_n is 0 at the head. LOG_E_LOST: what
 * comes next is not there any more. */
int log_reader_read(struct log_reader *r, uint8_t *buf, size_t n, size_t *ret_n);

#endif
