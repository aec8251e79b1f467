/*
 * grpc - gRPC over an h2 stream: message framing, status, deadlines, error details; both roles
 *
 * Pure, as h2 is. A call is embedded in what uses it.
 *
 * Units:   bytes, microseconds.
 * Receive: message bytes arrive as parts, in place; a part names its message's size and the offset
 *          in it. struct grpc_gather makes whole messages of parts for who wants them. Parts hold
 *          the stream's window until grpc_consume(); the 5-byte prefixes are returned by grpc
 *          itself.
 * Send:    pull only: `read` is asked when the window is open. grpc_prefix() writes the 5 bytes.
 * Limits:  messages of more than `message_max` bytes end the call with RESOURCE_EXHAUSTED. Only
 *          identity encoding: a compressed message ends it with UNIMPLEMENTED (server), INTERNAL
 *          (client).
 * Status:  one struct for both directions; strings owned by it, cut at GRPC_STATUS_TEXT_MAX.
 * Sources: grpc.io "gRPC over HTTP2"; google.rpc for details. HTTP answers that are not gRPC become
 *          a status by the table of the gRPC documentation (400 INTERNAL, 401 UNAUTHENTICATED, 403
 *          PERMISSION_DENIED, 404 UNIMPLEMENTED, 429/502/503/504 UNAVAILABLE, else UNKNOWN);
 *          RST_STREAM codes likewise.
 */
#ifndef COMMON_WIRE_GRPC_H
#define COMMON_WIRE_GRPC_H

#include "common/wire/h2.h"

#define GRPC_PREFIX_BYTES 5
#define GRPC_MESSAGE_MAX ((size_t)4 * 1024 * 1024)        /* default of message_max */
#define GRPC_FILE_MESSAGE_MAX ((size_t)100 * 1024 * 1024) /* ReadFile, WriteFile */
#define GRPC_STATUS_TEXT_MAX ((size_t)4096)
#define GRPC_VIOLATIONS_MAX 16
#define GRPC_METADATA_MAX 8
#define GRPC_DOMAIN "cwsandbox.com"

enum grpc_code {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
};

struct grpc_violation {
	char *field, *description;
};

struct grpc_metadatum {
	char *key, *value;
};

/* An outcome of a call, with the details of google.rpc that the service uses. Zeroed = OK. */
struct grpc_status {
	int code;      /* enum grpc_code, or a number beyond it kept as it came */
	char *message; /* decoded; NULL = empty */
	char *reason;  /* ErrorInfo.reason, only of domain GRPC_DOMAIN; NULL = none */
	struct grpc_metadatum metadata[GRPC_METADATA_MAX]; /* ErrorInfo.metadata */
	size_t n_metadata;
	bool has_retry_delay;
	uint64_t retry_delay_usec;                             /* RetryInfo */
	struct grpc_violation violations[GRPC_VIOLATIONS_MAX]; /* BadRequest */
	size_t n_violations;
	/* the peer provably did nothing: REFUSED_STREAM, above GOAWAY's last id, never sent */
	bool unprocessed;
	bool transport; /* made here from a lost connection or a reset, not said by the peer */
};

void grpc_status_done(struct grpc_status *st);
/* Sets code, message (printf) and, unless NULL, reason. Frees what was there. */
int grpc_status_set(struct grpc_status *st, int code, const char *reason, const char *fmt, ...)
	_printf_(4, 5);
int grpc_status_add_violation(struct grpc_status *st, const char *field, const char *description);
int grpc_status_add_metadata(struct grpc_status *st, const char *key, const char *value);
/* "NOT_FOUND", or "code N". */
const char *grpc_code_name(int code);
int grpc_status_copy(struct grpc_status *dst, const struct grpc_status *src);

struct grpc_part {
	const uint8_t *data; /* dies on return */
	size_t n;            /* may be 0 only for an empty message */
	size_t offset;       /* of data in the message */
	size_t message_size; /* the part ends the message when offset + n == message_size */
};

struct grpc_call;

struct grpc_call_ops {
	/* < 0 ends the call with INTERNAL (client: and cancels it). */
	int (*on_part)(struct grpc_call *call, const struct grpc_part *part);
	/* Server: the client has half-closed. */
	void (*on_half_close)(struct grpc_call *call);
	/* Body bytes to send, prefixes included (grpc_prefix); 0: none now, grpc_resume() later.
	 * A client sets *ret_end to half-close; a server ends by grpc_finish(). */
	size_t (*read)(struct grpc_call *call, uint8_t *buf, size_t n, bool *ret_end);
	/* Last call, exactly once after a successful start, and from h2_recv, h2_gather or h2_free
	 * only. Client: how it ended. Server: OK when our status went out, CANCELLED when the peer
	 * reset or the connection went; a call that this layer ended (a bad message) says with
	 * what. */
	void (*on_done)(struct grpc_call *call, const struct grpc_status *status);
};

struct grpc_call {
	const struct grpc_call_ops *ops;
	struct h2_stream *stream; /* NULL before start and after on_done */
	size_t message_max;       /* bytes; 0 means GRPC_MESSAGE_MAX */
	uint64_t deadline_usec;   /* server: absolute on the clock given to grpc_accept; 0 = none */
	struct {
		uint8_t prefix[GRPC_PREFIX_BYTES];
		uint8_t n_prefix;
		size_t size, offset; /* of the message being received */
	} in;
	enum h2_role role;
	bool headers_seen, headers_sent;
	bool half_closed;          /* the client's half, in both roles */
	bool finishing;            /* its outcome is settled: nothing more is told but on_done */
	struct grpc_status status; /* what on_done will say */
};

/* Client: the request of one call. Header values are copied. */
struct grpc_request {
	const char *scheme, *authority, *path; /* "/pkg.Service/Method" */
	uint64_t timeout_usec; /* 0 = no deadline; sent as grpc-timeout, kept by the rim */
	const struct h2_header *metadata;
	size_t n_metadata;
	uint32_t
		window; /* bytes the answer may have in flight; 0: the connection's `stream_window` */
};
/* H2_E_BUSY passes through. On success on_done will come. */
int grpc_start(struct grpc_call *call, struct h2 *h2, const struct grpc_request *req);
/* Client: RST_STREAM(CANCEL); on_done follows later with CANCELLED, or with `st` if given. Server: as
 * grpc_finish(), and on_done says it too. Cannot fail. */
void grpc_cancel(struct grpc_call *call, const struct grpc_status *st);

/* Server: takes a request over from h2_ops.on_request; answers non-gRPC requests by itself (415,
 * 405), once they are complete, and says so with GRPC_E_ANSWERED. Reads grpc-timeout into deadline_usec. */
#define GRPC_E_ANSWERED 1
int grpc_accept(struct grpc_call *call, struct h2_stream *st, uint64_t now_usec);
/* Server: response headers now rather than with the first message. */
int grpc_send_headers(struct grpc_call *call);
/* Server: no more messages; status in the trailers. What `read` still has is sent first: it is
 * asked until it returns 0. A status other than OK before any headers (grpc_send_headers,
 * grpc_resume) is trailers-only, and `read` is not asked. Client messages that still come are
 * dropped. If it fails the call is reset: on_done comes in any case. */
int grpc_finish(struct grpc_call *call, const struct grpc_status *st);

/* `read` has bytes: it will be asked. A server's headers go out with them. */
void grpc_resume(struct grpc_call *call);
void grpc_consume(struct grpc_call *call, size_t n);
void grpc_prefix(uint8_t out[GRPC_PREFIX_BYTES], size_t message_size);

/* Whole messages from parts. A message within one part is not copied. */
struct grpc_gather {
	uint8_t *buf;
	size_t n, cap;
};
/* > 0: *ret_data, *ret_n are a whole message (dies at the next feed); 0: more is needed; < 0:
 * -errno. */
#define GRPC_GATHER_WHOLE 1
int grpc_gather_feed(struct grpc_gather *g, const struct grpc_part *part, const uint8_t **ret_data,
	size_t *ret_n);
void grpc_gather_done(struct grpc_gather *g);

/* A unary message to send: a buffer and a position, for `read`. Owns data (free()). */
struct grpc_outbox {
	uint8_t *data; /* prefixed messages */
	size_t n, pos, cap;
};
/* Appends one prefixed message. */
int grpc_outbox_put(struct grpc_outbox *o, const uint8_t *message, size_t n);
/* Room for one message of n bytes after its prefix; the caller packs into *ret. */
int grpc_outbox_reserve(struct grpc_outbox *o, size_t n, uint8_t **ret);
size_t grpc_outbox_read(struct grpc_outbox *o, uint8_t *buf, size_t n);
bool grpc_outbox_empty(const struct grpc_outbox *o);
size_t grpc_outbox_pending(const struct grpc_outbox *o); /* bytes */
void grpc_outbox_done(struct grpc_outbox *o);

/* "5M", "977m": usec, or -EINVAL. */
int grpc_timeout_parse(const char *s, uint64_t *ret_usec);
#define GRPC_TIMEOUT_TEXT_MAX 16
/* Rounded up, at most 8 digits. */
void grpc_timeout_format(uint64_t usec, char out[GRPC_TIMEOUT_TEXT_MAX]);

#endif
