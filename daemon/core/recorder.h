/*
 * recorder - a reader that carries a session's output to a sink: a file, by way of the rim
 *
 * It never holds the session up: what the log had to give up before the sink took it is skipped,
 * and how many bytes that were is told with the next piece. One that was asked to hold makes the
 * session wait instead, like a block reader, for as long as it takes.
 *
 * With the rim:
 *   ops->wake(sink)      there is something for recorder_take(), the end too; told again only after
 *                        a take that gave nothing. From core_turn() and core_free() only; it calls
 *                        nothing of the core.
 *   recorder_take()      copies the next piece out: it is the sink's, whatever becomes of the log.
 *   recorder_wrote()     the sink is done with that piece, and takes the next. An error (a full
 *                        disk) ends the recording, not the session.
 *   recorder_free()      at any time outside wake().
 *
 * Units:  bytes, microseconds.
 * Owner:  the rim; one that outlives its session is at its end.
 * Errors: -ENOMEM from new.
 */
#ifndef DAEMON_CORE_RECORDER_H
#define DAEMON_CORE_RECORDER_H

#include "daemon/core/session.h"

struct recorder_ops {
	void (*wake)(void *sink);
};

enum recorder_state {
	RECORDER_IDLE,   /* nothing to take, or not told yet */
	RECORDER_WOKEN,  /* the sink was told, and takes until there is nothing */
	RECORDER_BUSY,   /* a piece is with the sink */
	RECORDER_ENDED,  /* the end was taken */
	RECORDER_FAILED, /* the sink could not write */
};

struct recorder {
	struct list link; /* struct session::recorders */
	struct core *core;
	struct session *session; /* NULL: gone */
	struct reader reader;
	const struct recorder_ops *ops;
	void *sink;
	enum recorder_state state;
	int error;        /* -errno of RECORDER_FAILED */
	uint64_t missing; /* skipped, not told yet */
	uint64_t missing_ever;
	uint64_t taken, written; /* bytes ever */
};

struct recorder_config {
	struct session *session;
	const struct recorder_ops *ops;
	void *sink;
	bool hold;  /* the session waits for the sink */
	bool whole; /* from the oldest byte the log has; else from now */
};
int recorder_new(struct recorder **ret, const struct recorder_config *config);
struct recorder *recorder_free(struct recorder *rec);

struct recorder_piece {
	uint64_t offset;  /* of data[0] */
	uint64_t missing; /* bytes before it that are in no piece */
	uint64_t at_usec; /* of the clock: when they came */
	unsigned stream;
	size_t n;
	bool end; /* nothing follows: no recorder_wrote() */
};
/* At most `max` bytes into data. 0 bytes without the end: nothing now. */
void recorder_take(
	struct recorder *rec, uint8_t *data, size_t max, struct recorder_piece *ret_piece);
/* 0 or -errno. */
void recorder_wrote(struct recorder *rec, int r);

/* ---- for the core ---- */

void recorder_turn(struct recorder *rec);   /* its part of session_turn() */
void recorder_orphan(struct recorder *rec); /* the session is being freed */

#endif
