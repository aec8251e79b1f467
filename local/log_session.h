/*
 * log_session - streams of a log that may be continued by another stream, from a byte the client
 * names
 *
 * Pure. A session remembers two places of its stream, so that what it sent can be made again from
 * the log: not the bytes, only how to find them. The offset is that of the stream, of everything
 * sent, times of lines included.
 *
 * Owner:  the set owns every session; a stream borrows its own until log_session_leave(). It
 *         points at the log of a sandbox that whoever resumes has looked up again.
 * Units:  bytes, microseconds.
 * Bounds: what can be made again are at least the last LOG_SESSION_REPLAY_BYTES sent, as far as
 *         the log still has them; for LOG_SESSION_KEEP_USEC after the stream went;
 *         LOG_SESSIONS_MAX of those without a stream, the oldest goes first.
 */
#ifndef LOCAL_LOG_SESSION_H
#define LOCAL_LOG_SESSION_H

#include "common/list.h"
#include "local/log.h"

#define LOG_SESSION_ID_BYTES 37
#define LOG_SESSION_REPLAY_BYTES (UINT64_C(4) * 1024 * 1024)
#define LOG_SESSION_KEEP_USEC (120 * USEC_PER_SEC)
#define LOG_SESSIONS_MAX 1024

#define LOG_SESSION_E_UNKNOWN 1
#define LOG_SESSION_E_OFFSET 2 /* beyond what was sent */
#define LOG_SESSION_E_GAP 3    /* it is too long ago */

struct log_place {
	uint64_t sent;
	struct log_reader reader;
};

struct log_session {
	struct list link; /* struct log_sessions::all, the longest left first */
	char id[LOG_SESSION_ID_BYTES], log_name[LOG_NAME_BYTES];
	struct log_place older, newer;
	uint64_t sent;
	uint64_t left_usec; /* 0: a stream has it */
	void *stream;
};

struct log_sessions {
	struct list all;
	size_t n_left;
};

void log_sessions_init(struct log_sessions *set);
void log_sessions_done(struct log_sessions *set);
/* A new one that begins where the reader is. -ENOMEM, -EIO. */
int log_session_begin(struct log_sessions *set, const struct log_reader *at, void *stream,
	struct log_session **ret);
/* Another stream continues it at `offset`: *ret_from is where to read from; what it gives up to
 * `offset` was had already. Whoever had it before is in *ret_before, or NULL: it has the session
 * no more. */
int log_session_resume(struct log_sessions *set, const char *id, const struct log *log,
	uint64_t offset, void *stream, struct log_session **ret, struct log_place *ret_from,
	void **ret_before);
/* n more bytes were sent; the reader is behind them. */
void log_session_sent(struct log_session *s, uint64_t n, const struct log_reader *reader);
void log_session_leave(struct log_sessions *set, struct log_session *s, uint64_t now_usec);

#endif
