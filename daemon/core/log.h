/*
 * log - the output of one session: one bounded log, many readers
 *
 * Units:   bytes; offsets are absolute, counted from the session's first byte.
 * Owner:   the session owns the log; a reader is embedded in what reads. Spans point into the log
 *          and die at the next log_append, log_trim or log_shed.
 * Held and kept: a reader that `holds` (block readers and the screen) keeps what it has not read;
 *          only that counts against the room. Behind it the log keeps what fits in `max` for the
 *          others and for `since`; such a reader in the way is told by on_lost, and must have moved
 *          when that returns, before the room is spent.
 * Streams: 1 and 2 (stdout, stderr); a span is of one stream.
 * Errors:  -ENOMEM, or LOG_E_FULL with nothing appended. The upstream window is never wider than
 *          the room here: only a bad peer can cause it.
 * Threads: none; loop thread only.
 */
#ifndef DAEMON_CORE_LOG_H
#define DAEMON_CORE_LOG_H

#include <sys/uio.h>

#include "common/clock.h"
#include "common/ledger.h"
#include "common/list.h"

#define LOG_E_FULL 1
#define LOG_CHUNK_MIN ((size_t)4 * 1024)
#define LOG_CHUNK_MAX ((size_t)64 * 1024)
#define LOG_STDOUT 1
#define LOG_STDERR 2

struct chunk;
struct reader;

struct log {
	struct list chunks;        /* struct chunk::link, oldest first; the newest may have room */
	struct list readers;       /* struct reader::link */
	uint64_t tail, hold, head; /* tail <= hold <= head; tail <= every reader's pos <= head */
	size_t owed;      /* bytes given back as window that a holder needs again: <= max */
	uint64_t n_lines; /* line ends ever */
	bool in_line;     /* the last byte ended none */
	uint64_t slowest; /* <= every reader's pos: who is in the way is searched for only beyond it
			   */
	size_t max;       /* bytes; head - tail never exceeds it */
	struct ledger *ledger;
	const struct clock *clock;
};

struct log_config {
	size_t max;            /* bytes */
	struct ledger *ledger; /* charged for the memory of chunks */
	const struct clock *clock;
};
void log_init(struct log *log, const struct log_config *config);
/* Every reader must be out. */
void log_done(struct log *log);

size_t log_room(const struct log *log); /* what log_append takes now */
int log_append(struct log *log, const uint8_t *data, size_t n, unsigned stream);
/* Bytes that no holder needs any more since the last call: give back as window. Moves log->hold. */
size_t log_trim(struct log *log);
/* Gives up to n bytes of memory back from what is only kept; how much it was. */
size_t log_shed(struct log *log, size_t n);

/* Line ends before offset `pos`, within [tail, head]. */
uint64_t log_lines(const struct log *log, uint64_t pos);
/* There is a byte before it, and it ends no line. */
bool log_in_line(const struct log *log, uint64_t pos);

struct reader {
	struct list link; /* struct log::readers */
	struct log *log;
	uint64_t pos;     /* the next byte it wants */
	struct chunk *at; /* where pos is, if known */
	bool holds;
	/* pos < tail is about to be true: reader_seek() to tail or beyond, or reader_done(). */
	void (*on_lost)(struct reader *r, uint64_t tail);
};

/* From offset `pos`, within [tail, head]. A holder behind log->hold takes back what was given as
 * window: until it caught up the log may keep that much more than max, at most twice max. */
void reader_init(struct reader *r, struct log *log, uint64_t pos, bool holds);
void reader_done(struct reader *r); /* harmless when it is out already */
void reader_seek(struct reader *r, uint64_t pos);
void reader_advance(struct reader *r, size_t n);
void reader_set_holds(struct reader *r, bool holds);
uint64_t reader_lag(const struct reader *r); /* bytes to head */
/* The byte at pos waits at least so long. */
uint64_t reader_age_usec(struct reader *r);
/* Fills iov with at most `max` bytes of one stream from pos; how many bytes, and iovecs in
 * *ret_n_iov. */
size_t reader_peek(struct reader *r, size_t max, struct iovec *iov, size_t n_iov, size_t *ret_n_iov,
	unsigned *ret_stream);

#endif
