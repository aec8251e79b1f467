/*
 * h2 - one HTTP/2 connection over bytes, client or server, on nghttp2
 *
 * Pure: bytes come in by h2_recv(), go out by h2_gather(); no fd, no event, no clock. The owner
 * passes time in where a limit counts in seconds.
 *
 * Units:   bytes.
 * Owner:   h2_free() ends every stream (on_close with H2_CANCEL, h2_stream_lost() true) and then
 *          frees. A stream belongs to its h2 from h2_open()/on_request until its on_close returned;
 *          keep no pointer after it.
 * Errors:  -ENOMEM; -EPROTO when the peer broke the protocol; H2_E_BUSY when the peer allows no
 *          further stream now. After an error a GOAWAY is queued: gather it, then drop the
 *          connection. What only nghttp2 noticed shows when that GOAWAY was gathered: h2_finished()
 *          and h2_broken() turn true.
 * Windows: the connection window is returned on receipt, so one paused stream never stalls its
 *          neighbours; a stream's window only by h2_consume(). `stream_window` is what a peer may
 *          have in flight on one stream.
 * Limits:  header lists of H2_HEADER_LIST_MAX bytes; H2_CONTROL_FRAMES_PER_SEC non-DATA frames a
 *          second, empty DATA frames counted among them, beside those that our own frames call for
 *          and those of honest requests and cancels (h2_meter.h): a peer beyond them gets GOAWAY
 *          ENHANCE_YOUR_CALM and h2_recv answers
 *          -EPROTO. Push is off.
 * Calls:   a callback may open, reset, resume and consume, but never h2_recv/h2_gather/h2_free.
 * Threads: none; loop thread only.
 */
#ifndef COMMON_WIRE_H2_H
#define COMMON_WIRE_H2_H

#include <sys/types.h>

#include "common/util.h"

#define H2_HEADER_LIST_MAX ((size_t)16 * 1024)
#define H2_UPDATE_MIN ((size_t)32 * 1024) /* bytes consumed that a peer without window is told of */
#define H2_CONTROL_FRAMES_PER_SEC 1000
#define H2_HEADERS_MAX 64 /* fields kept of one block; a further one refuses the block */

#define H2_STREAMS_BEFORE_SETTINGS                                                                 \
	100 /* streams a client opens before the peer's SETTINGS named a limit */

#define H2_E_BUSY 1 /* no further stream now: the peer's limit, or GOAWAY */

enum h2_role { H2_CLIENT, H2_SERVER };

/* The HTTP/2 error codes we name; others pass as numbers (RFC 9113, section 7). */
enum h2_error {
	H2_NO_ERROR = 0,
	H2_PROTOCOL_ERROR = 1,
	H2_INTERNAL_ERROR = 2,
	H2_REFUSED_STREAM = 7,
	H2_CANCEL = 8,
	H2_ENHANCE_YOUR_CALM = 11,
	H2_INADEQUATE_SECURITY = 12,
};

struct h2;
struct h2_stream;

struct h2_header {
	const char *name, *value; /* NUL-terminated; values may hold any byte but NUL, CR, LF */
};

/* What a connection tells its owner; any may be NULL. `arg` is the one of h2_new(). */
struct h2_ops {
	/* Server: a request's header block is complete. h2_stream_bind() it, or leave it unbound:
	 * it is then refused with REFUSED_STREAM. */
	void (*on_request)(struct h2 *h2, struct h2_stream *st, void *arg);
	/* Client: the peer's first SETTINGS arrived, or its stream limit changed. */
	void (*on_settings)(struct h2 *h2, uint32_t max_streams, void *arg);
	/* Streams above last_id were not processed and end with REFUSED_STREAM. */
	void (*on_goaway)(struct h2 *h2, int32_t last_id, uint32_t error, const char *debug,
		size_t debug_n, void *arg);
	void (*on_ping_ack)(struct h2 *h2, const uint8_t payload[8], void *arg);
	/* Something is to be sent, or the connection is finished: gather when the turn flushes. May
	 * come from any call in. */
	void (*on_dirty)(struct h2 *h2, void *arg);
};

/* What a stream tells its user; any but on_close may be NULL. */
struct h2_stream_ops {
	/* A response's header block, or trailers (then `trailers`); read by h2_stream_header(). */
	void (*on_headers)(struct h2_stream *st, bool trailers, void *arg);
	/* Body bytes, in place; die on return. h2_consume() them sooner or later. */
	void (*on_data)(struct h2_stream *st, const uint8_t *data, size_t n, void *arg);
	/* The peer will send no more (END_STREAM). */
	void (*on_end)(struct h2_stream *st, void *arg);
	/* The window is open: copy up to n body bytes to buf, return how many. 0 without *ret_end
	 * pauses until h2_resume(). Set *ret_end with the last bytes (or with 0). A client's
	 * END_STREAM follows, a server's trailers if h2_stream_trailers() was called. */
	size_t (*read)(struct h2_stream *st, uint8_t *buf, size_t n, bool *ret_end, void *arg);
	/* Last call. */
	void (*on_close)(struct h2_stream *st, uint32_t error, void *arg);
};

struct h2_config {
	enum h2_role role;
	uint32_t stream_window; /* bytes a peer may have in flight on a stream; >= 65535 */
	uint32_t max_streams;   /* streams the peer may open (server) */
	const struct h2_ops *ops;
	void *arg;
};

int h2_new(struct h2 **ret, const struct h2_config *config);
struct h2 *h2_free(struct h2 *h2);

/* Takes all n bytes. now_usec feeds the frame rate limit. */
int h2_recv(struct h2 *h2, const uint8_t *data, size_t n, uint64_t now_usec);
/* The next bytes to send; 0: nothing now. They live until the next call. */
ssize_t h2_gather(struct h2 *h2, const uint8_t **ret_data);
bool h2_wants_write(struct h2 *h2);
/* Neither reads nor writes any more: drop the connection once flushed. */
bool h2_finished(struct h2 *h2);
/* The peer broke the protocol, or memory ran out. */
bool h2_broken(const struct h2 *h2);

/* Client: opens a stream. `read` in ops gives the body. H2_E_BUSY: try again on on_settings or when
 * a stream closes. */
int h2_open(struct h2 *h2, const struct h2_header *headers, size_t n_headers,
	const struct h2_stream_ops *ops, void *arg, struct h2_stream **ret);
/* Server: who answers this request; then h2_respond(). */
void h2_stream_bind(struct h2_stream *st, const struct h2_stream_ops *ops, void *arg);
/* Server: sends the header block; with `end` nothing follows (a trailers-only answer). */
int h2_respond(struct h2_stream *st, const struct h2_header *headers, size_t n_headers, bool end);
/* Server: trailers to send after the last body byte; copied. */
int h2_stream_trailers(struct h2_stream *st, const struct h2_header *headers, size_t n_headers);
/* The value of the newest received block's header, or NULL. Pseudo headers by ":path" and so on. */
const char *h2_stream_header(const struct h2_stream *st, const char *name);
struct h2 *h2_stream_owner(const struct h2_stream *st);
int32_t h2_stream_id(const struct h2_stream *st);

/* Our END_STREAM was gathered. */
bool h2_stream_ended(const struct h2_stream *st);
/* A request that was never gathered: its peer provably did nothing. */
bool h2_stream_unsent(const struct h2_stream *st);
/* In on_close: the stream ends because the connection is freed, not by its peer or h2_reset(). */
bool h2_stream_lost(const struct h2_stream *st);

/* The body has bytes again: `read` will be asked. */
void h2_resume(struct h2_stream *st);
/* A request of ours, not sent yet: its peer may have so many bytes in flight, more than `stream_window`. */
void h2_widen(struct h2_stream *st, uint32_t window);
/* Returns n bytes of the stream's window. The peer is told when half of the window has come together, or
 * H2_UPDATE_MIN bytes and no less than it has left. */
void h2_consume(struct h2_stream *st, size_t n);
/* Ends the stream now with RST_STREAM; on_close follows from h2_gather, never from here. */
void h2_reset(struct h2_stream *st, uint32_t error);
/* Body bytes given to `read`'s buffer and not covered by the peer's stream WINDOW_UPDATEs: bytes of
 * unknown fate if the connection breaks now. */
size_t h2_unacknowledged(const struct h2_stream *st);

int h2_ping(struct h2 *h2, const uint8_t payload[8]);
/* Graceful end: GOAWAY; open streams finish. */
int h2_goaway(struct h2 *h2, uint32_t error);
size_t h2_n_streams(const struct h2 *h2);
/* The peer's HEADERS and DATA frames so far. */
uint64_t h2_n_answers(const struct h2 *h2);

/* Server: what the peer may have in flight on each stream, and how many it may open, from now on;
 * 0 bytes stop it. */
int h2_set_limits(struct h2 *h2, uint32_t stream_window, uint32_t max_streams);
/* For who tests clients. Server: GOAWAY that refuses this request, which was not bound, and all
 * later ones. */
int h2_goaway_before(struct h2_stream *st);

#endif
