/*
 * h2_private - what the files of h2 share: h2.c the connection, h2_stream.c its streams,
 * h2_session.c what nghttp2 calls
 */
#ifndef COMMON_WIRE_H2_PRIVATE_H
#define COMMON_WIRE_H2_PRIVATE_H

#include "common/list.h"
#include "common/wire/h2_block.h"
#include "common/wire/h2_meter.h"

#define H2_GOAWAY_BYTES (9 + 8)

struct h2 {
	nghttp2_session *session;
	enum h2_role role;
	const struct h2_ops *ops;
	void *arg;
	struct list streams; /* struct h2_stream::link */
	struct list
		resets; /* struct h2_stream::reset_link: RST_STREAM to be sent, if still open by then */
	size_t n_streams;
	uint64_t n_answers;
	size_t n_unsent; /* of them: requests not gathered yet */
	struct h2_meter meter;
	uint64_t now_usec; /* of the newest h2_recv() */
	uint32_t peer_max_streams;
	int32_t last_peer_id; /* newest stream the peer opened */
	int error;            /* once set the session is never called again, but to delete it */
	uint32_t doom;        /* why, as an HTTP/2 error code, where a callback found it */
	bool settings_seen, terminated, freeing;
	bool goaway;       /* either side's: no further streams */
	bool goaway_waits; /* ours, for the requests before it */
	uint32_t goaway_error;
	uint8_t last_words[H2_GOAWAY_BYTES];
	size_t n_last_words;
};

struct h2_stream {
	struct list link; /* h2::streams */
	struct h2 *h2;
	int32_t id;
	const struct h2_stream_ops *ops; /* NULL: not bound */
	void *arg;
	struct h2_block block;
	struct h2_header *trailers; /* owned, strings too */
	size_t n_trailers;
	size_t unacknowledged; /* bytes */
	size_t untold;         /* bytes consumed and not in an update yet */
	uint32_t window;       /* that h2_widen() asked for; 0: none */
	uint64_t opened_usec;  /* server: when its request came */
	bool answered;         /* server: its response headers were sent */
	bool final_headers;    /* a block that was not 1xx came */
	bool remote_ended, local_ended;
	bool unsent;            /* a request of ours that was not gathered yet */
	bool reset;             /* by us: nothing more is told but on_close */
	struct list reset_link; /* h2::resets */
	uint32_t reset_error;
};

/* The session is dead: nghttp2 must not be called again after an error. Returns `error`. */
int h2_fail(struct h2 *h2, int error, uint32_t code);
int h2_fail_from_library(struct h2 *h2, ssize_t rv);
/* The outcome of a nghttp2_submit_* or the like. */
int h2_check_submit(struct h2 *h2, int rv);
/* In a callback of nghttp2: what to return so that the connection fails with this HTTP/2 error. */
int h2_doom(struct h2 *h2, uint32_t code);
void h2_mark_dirty(struct h2 *h2);

struct h2_stream *h2_stream_new(struct h2 *h2, int32_t id);
void h2_stream_free(struct h2_stream *st);
void h2_stream_close(struct h2_stream *st, uint32_t error); /* on_close, then free */

int h2_session_new(struct h2 *h2);
int h2_submit_goaway(struct h2 *h2);
/* nghttp2_data_source_read_callback of each body; the source is the stream. */
ssize_t h2_on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t n, uint32_t *flags,
	nghttp2_data_source *source, void *arg);

#endif
