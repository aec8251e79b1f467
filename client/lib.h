/*
 * lib - the inside of libcwsandbox
 *
 * lib_conn.c and lib_receive.c are pure: bytes in, events and bytes out, no descriptor, no clock.
 * lib_io.c owns the socket. lib_encode.c and lib_schema.c are tables: which member is which key;
 * lib_decode.c goes by the latter.
 * lib_terminal.c sits on the public calls.
 *
 * Errors: as in cwsandbox.h. A daemon that breaks the protocol is -EBADMSG and ends the connection.
 */
#ifndef CLIENT_LIB_H
#define CLIENT_LIB_H

#include "client/cwsandbox.h"
#include "common/frame.h"
#include "common/list.h"

#define LIB_OUT_MAX ((size_t)4 * 1024 * 1024) /* bytes waiting for the socket */
#define LIB_EVENTS_MAX                                                                             \
	((size_t)4 * 1024 * 1024) /* bytes of frames waiting for cwsandbox_next()   \
						  */
#define LIB_ATTACHMENTS_MAX 4096
#define LIB_ERROR_TEXT_MAX 512
#define LIB_PROTOCOL_MIN 1
#define LIB_PROTOCOL_MAX 1
#define LIB_KEY_MAX 8192
#define LIB_NAME_MAX 64
#define LIB_WINDOW_MAX ((uint64_t)1024 * 1024)
#define LIB_ACK_NOW 512 /* bytes: half of the least credit that a daemon gives */
#define LIB_ACK_MS 10   /* so long fewer may wait for what they could go along with */

/* ---- memory of one answer, event or error: freed in one go ---- */

struct arena {
	struct arena_block *blocks;
};
void *arena_alloc(struct arena *a, size_t n); /* zeroed; NULL without memory */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s); /* NULL for NULL */
void *arena_memdup(struct arena *a, const void *data, size_t n);
void arena_done(struct arena *a);

/* ---- decoding: maps to structs ---- */

enum field_type {
	FIELD_STR, /* const char *, copied into the arena */
	FIELD_U64,
	FIELD_I64,
	FIELD_INT,
	FIELD_BOOL,
	FIELD_BYTES, /* const void *, copied into the arena; extra: size_t */
	FIELD_STRS,  /* const char *const *, NULL-terminated; extra: size_t */
	FIELD_LIST,  /* array of sub; extra: size_t */
	FIELD_ONE,   /* pointer to one sub, NULL if unset */
};

struct schema;
struct field {
	const char *key;
	enum field_type type;
	size_t offset;
	size_t extra; /* offset of the count, or of the bool that says "set"; 0 = none */
	const struct schema *sub;
	bool required;
};

struct schema {
	size_t size;
	size_t n_fields;
	const struct field *fields;
};

/* The tables: what a notification is (NULL: one we do not know), and what a method's result is. */
struct schema_event {
	const char *method;
	enum cwsandbox_event_kind kind;
	const struct schema *schema; /* of struct cwsandbox_event */
};
struct schema_answer {
	const struct schema *schema;
	size_t one_at; /* the member of the answer that points to it; 0: it is the answer itself */
};
extern const struct schema schema_error, schema_hello, schema_limits;
const struct schema_event *schema_of_event(const struct frame *f);
struct schema_answer schema_of_answer(enum cwsandbox_method method);

/* Fills *ret (zeroed by the caller) from a map. -EBADMSG: a field has the wrong type or is missing;
 * -ENOMEM. */
int decode_map(struct arena *a, const struct schema *schema, const msgpack_object *map, void *ret);
int decode_error(struct arena *a, const msgpack_object *map, struct cwsandbox_error *ret);
/* A copy that owns what it points to, but for `sessions`; what memory cannot hold is left out. */
void error_copy(struct arena *a, const struct cwsandbox_error *from, struct cwsandbox_error *ret);
/* A notification: CWSANDBOX_EVENT_NONE for one we do not know. `data` is copied. `credit`: the
 * figure of input_credit. */
int decode_event(
	struct arena *a, const struct frame *f, struct cwsandbox_event *ret, uint64_t *ret_bytes);
/* The result of a request (NULL or nil: all unset). */
int decode_answer(struct arena *a, enum cwsandbox_method method, const msgpack_object *result,
	struct cwsandbox_answer *ret);
int decode_hello(struct arena *a, const msgpack_object *result, struct cwsandbox_server *ret,
	uint64_t *ret_frame_max);

/* ---- encoding: structs to frames ---- */

#define LIB_WORDS_MAX 2000u /* of argv; a frame has few more values */
#define ENCODE_WHY_MAX 256
/* Whether it can be sent at all. -EINVAL with a sentence: a field is missing, too long or no
 * text. */
int encode_check(const struct cwsandbox_request *request, char why[ENCODE_WHY_MAX]);
/* -EINVAL: no such method. */
int encode_request(struct frame_out *o, uint32_t id, const struct cwsandbox_request *request);
int encode_hello(
	struct frame_out *o, uint32_t id, const struct cwsandbox_config *config, int64_t pid);
bool method_gives_attachment(enum cwsandbox_method method);

/* ---- the connection ---- */

enum conn_state { CONN_CLOSED, CONN_HELLO, CONN_READY, CONN_LOST };

/* A request that waits for its answer. */
struct pending {
	struct list link; /* struct cwsandbox::pending */
	uint32_t id;
	enum pending_kind {
		PENDING_HELLO,
		PENDING_EVENT,
		PENDING_CALL,
		PENDING_DROP,
		PENDING_INPUT
	} kind;
	enum cwsandbox_method method;
	int64_t attachment; /* of input */
	size_t n;           /* of input: bytes */
	/* of a call and of hello: filled when the answer is there */
	bool done;
	int r;
	struct answer_box *box;
};

struct answer_box {
	struct cwsandbox_answer answer; /* first: cwsandbox_answer_free() gets its address */
	struct arena arena;
};

/* Our side of one attachment. */
struct attachment {
	struct list link; /* struct cwsandbox::attachments */
	int64_t id;
	uint64_t window; /* the largest it ever had */
	uint64_t input_window;
	uint64_t received, consumed,
		acked;           /* bytes of output since attach; acked <= consumed <= received */
	uint64_t sent, credited; /* bytes of input; credited <= sent <= credited + input_window */
	bool painted;            /* of what is not acknowledged, some */
	bool starved;            /* input found no room: a CREDIT event is owed */
	bool input_closed;
	bool gone; /* exited or detached arrived; freed when that event is taken */
};

/* An event that waits for cwsandbox_next(), with all it points to. */
struct queued {
	struct list link; /* struct cwsandbox::events */
	struct cwsandbox_event event;
	struct cwsandbox_error error;
	struct answer_box *box;
	struct arena arena;
	size_t cost; /* bytes, counted in events_bytes */
};

struct cwsandbox {
	int fd;
	enum conn_state state;
	uint8_t *in;
	size_t in_at, in_n, in_cap; /* in[in_at..in_n) not parsed yet */
	size_t frame_max;
	uint8_t *out;
	size_t out_at, out_n, out_cap; /* out[out_at..out_n) not sent yet */
	bool out_secret;               /* holds the key: wiped once sent */
	bool tells_refused;            /* the daemon does, of input without an answer */
	struct list pending, attachments, events;
	size_t n_pending, n_attachments;
	size_t events_bytes;
	struct queued *current; /* what the last cwsandbox_next() gave */
	uint32_t last_id;
	struct arena server_arena;
	struct cwsandbox_server server;
	char *socket;
	struct arena error_arena;
	struct cwsandbox_error error;
	char error_text[LIB_ERROR_TEXT_MAX];
};

/* Sets c->error to an error of the library; returns r. */
int conn_fail(struct cwsandbox *c, int r, const char *code, const char *fmt, ...) _printf_(4, 5);
void conn_clear_error(struct cwsandbox *c);
/* The error of the event given last becomes the connection's own. */
void conn_keep_error(struct cwsandbox *c);
/* Back to the state after cwsandbox_new(), but for the error. Does not close the descriptor. */
void conn_reset(struct cwsandbox *c);
int conn_begin(
	struct cwsandbox *c, const struct cwsandbox_config *config, int64_t pid, uint32_t *ret_id);
int conn_start(struct cwsandbox *c, const struct cwsandbox_request *request, enum pending_kind kind,
	uint32_t *ret_id);
struct answer_box *box_free(struct answer_box *box);
struct queued *queued_free(struct queued *q);
/* Queues an event; cost: bytes beyond the struct. */
void event_push(struct cwsandbox *c, struct queued *q, size_t cost);
void event_drop(struct cwsandbox *c, struct queued *q); /* that nobody takes */
struct pending *conn_find_pending(struct cwsandbox *c, uint32_t id);
struct pending *conn_free_pending(struct cwsandbox *c, struct pending *p);
struct attachment *conn_find_attachment(const struct cwsandbox *c, int64_t id);
/* Room for at least n bytes at *ret, then conn_received() says how many came. */
int conn_receive_room(struct cwsandbox *c, uint8_t **ret, size_t *ret_n);
/* Takes n new bytes: frames become answers and events. -EBADMSG, -ENOMEM: the connection is over.
 */
int conn_received(struct cwsandbox *c, size_t n);
/* As many events wait as may: stop reading. */
bool conn_full(const struct cwsandbox *c);
/* Frames are buffered that conn_full() kept from being parsed, and may be now. */
bool conn_has_more(const struct cwsandbox *c);
/* The most urgent of what is to be acknowledged. */
enum ack { ACK_NONE, ACK_ALONG, ACK_NOW }; /* ALONG: with other things, or when nothing comes */
enum ack conn_acks(const struct cwsandbox *c);
/* What is so urgent at least becomes frames. */
int conn_put_acks(struct cwsandbox *c, enum ack least);
/* The socket took so much. -ENOMEM: the connection is over. */
int conn_sent(struct cwsandbox *c, size_t n);
/* Who had input and found no room is told where there is some now. -ENOMEM. */
int conn_tell_rooms(struct cwsandbox *c);
bool conn_has_room(const struct cwsandbox *c, const struct attachment *a); /* for input */
/* The connection is over, as c->error says: every waiting request is answered with r. */
void conn_lost(struct cwsandbox *c, int r);
int conn_next(struct cwsandbox *c, struct cwsandbox_event *ret);

/* ---- the socket ---- */

/* Goes on with a connected socket: takes fd, checks the peer, queues hello. */
int io_adopt(struct cwsandbox *c, int fd, const char *path, const struct cwsandbox_config *config,
	uint32_t *ret_id);
/* A daemon has written its lock file: one runs, is starting, or was killed. */
bool io_is_locked(void);
/* Milliseconds of CLOCK_MONOTONIC; a point in the future: -1 for a timeout of -1. */
int64_t io_now_ms(void);
int64_t io_deadline(int timeout_ms);
int io_left(int64_t deadline);
/* For how long to poll: until the deadline, or until dispatch has to be called. */
int io_wait_ms(const struct cwsandbox *c, int64_t deadline);

DEFINE_CLEANUP(struct cwsandbox *, cwsandbox_free)

#endif
