/*
 * client - one accepted connection's protocol state: frames in, frames out, its attachments
 *
 * Pure: the rim reads into its shared buffer and calls client_feed(), and sends what
 * client_gather() names.
 *
 * Units:   bytes.
 * Owner:   the core. client_close() ends it (the socket is gone or going); it is freed at the end
 *          of the turn and `rim` is not touched any more.
 * Bounds:  doc/protocol.md section 1. Nothing is buffered but the tail of a partial frame, answers
 *          (reading stops at CLIENT_UNREAD_MAX) and the rest of one begun output frame whose log
 *          moved on.
 * Errors:  CLIENT_E_FULL from client_new: no room for another one; close the socket.
 * Threads: none; loop thread only.
 */
#ifndef DAEMON_CORE_CLIENT_H
#define DAEMON_CORE_CLIENT_H

#include "daemon/core/attachment.h"
#include "daemon/core/bytes.h"

#define CLIENT_E_FULL 1
#define CLIENT_E_CROWDED 2

#define CLIENT_BEFORE_HELLO_MAX 64
#define CLIENT_HELLO_USEC (5 * USEC_PER_SEC)
#define CLIENT_GRACE_USEC (10 * USEC_PER_MSEC) /* for hello, while others wait for the place */
#define CLIENT_GRACE_TURNS                                                                         \
	2 /* a daemon that was held up reads what came meanwhile before it judges */
#define CLIENT_FRAME_USEC (10 * USEC_PER_SEC) /* without a byte of a begun frame */
#define CLIENT_REQUESTS_MAX 256
#define CLIENT_ATTACHMENTS_MAX 4096
#define CLIENT_UNREAD_MAX ((size_t)1024 * 1024)
#define CLIENT_NOTES_MAX                                                                           \
	((size_t)64 * 1024) /* unread bytes beyond which notifications wait, coalesced */
#define CLIENT_FRAMES_PER_TURN 256
#define CLIENT_IOV_MAX 64
#define CLIENT_GATHER_MAX ((size_t)256 * 1024) /* payload bytes a turn */
#define CLIENT_FRAME_COST ((size_t)1024) /* so many more does a data frame count for: its making */
#define CLIENT_HEAD_MAX 192              /* bytes of a data frame before its payload */
#define CLIENT_NAME_MAX 64

struct client;

/* ---- for the rim ---- */

struct client_config {
	pid_t pid; /* of the peer, from the kernel */
	uid_t uid;
	bool observer; /* accepted on the observer-only socket */
	void *rim;
};
/* Before an accept. 0: it would be taken. CLIENT_E_CROWDED: too many have not said hello; the oldest of
 * them goes in this turn if it had its grace, so leave the newcomer in the kernel's queue and ask again.
 * CLIENT_E_FULL: tell it so. */
int client_may_come(struct core *core);
/* CLIENT_E_FULL, -ENOMEM. */
int client_new(struct client **ret, struct core *core, const struct client_config *config);
/* The connection is over, from whichever side. Not inside another client call. */
void client_close(struct client *c);
void *client_rim(const struct client *c);

bool client_is_greeted(const struct client *c); /* hello came: before it data may be a key */
/* Takes all n bytes. Frames beyond the turn's budget stay for core_turn(); stop reading then. */
void client_feed(struct client *c, const uint8_t *data, size_t n);
bool client_wants_read(const struct client *c);
/* The protocol is broken or a time ran out: close after one more flush of what it owes. */
bool client_finished(const struct client *c);

/* What to write now, at most n_iov (up to CLIENT_IOV_MAX) vectors; 0: nothing. If > 0, exactly one
 * client_advance() follows before any other call into the core: how much the kernel took, 0 if
 * nothing. Less than was gathered means the socket is full: core_next_client() passes it over until
 * client_writable(). */
size_t client_gather(struct client *c, struct iovec *iov, size_t n_iov);
void client_advance(struct client *c, size_t n);
bool client_owes(
	const struct client *c);        /* the kernel took less than there was: wait for EV_WRITE */
void client_writable(struct client *c); /* EV_WRITE came */
/* It takes nothing any more. What it said before it went still counts: read to the end, then
 * client_close(). */
void client_unheard(struct client *c);

/* ---- for the core ---- */

/* The data frames client_gather() named, in their order; one at a time in a core. */
#define PLAN_FRAMES_MAX 16
struct plan {
	struct client *client; /* NULL: none is open */
	size_t n_out;          /* bytes of `out`, which go first */
	size_t n_frames;
	size_t total; /* bytes of all */
	struct plan_frame {
		struct attachment *attachment;
		struct attachment_piece piece;
		size_t n_head;
		size_t iov; /* index of the head; the payload's follow */
		uint8_t head[CLIENT_HEAD_MAX];
	} frames[PLAN_FRAMES_MAX];
	struct iovec *iovs; /* the caller's */
};

struct client {
	struct core *core;
	void *rim;
	struct list link;          /* core.clients, core.dead_clients */
	struct list hello_link;    /* core.newcomers */
	struct list writable_link; /* core.writable */
	struct list backlog_link;  /* core.backlog */
	struct list attachments;   /* struct attachment::client_link */
	struct list ready;         /* struct attachment::ready_link */
	struct list requests;      /* struct request::link */
	struct list waits;         /* struct wait::client_link */
	size_t n_requests;         /* waiting for an answer */
	size_t n_attachments;
	uint32_t next_attachment;

	struct bytes in;  /* the tail of a partial frame; frames beyond the budget */
	size_t need;      /* bytes of `in` before another scan can say more */
	struct bytes out; /* answers, notifications, the rest of a begun data frame */
	bool greeted;     /* hello came */
	bool full;        /* the socket takes no more */
	bool finished, closed, observer;
	bool broken; /* it is sent nothing any more */
	uint64_t came_usec, came_turn;
	uint64_t turn; /* of the two counts */
	size_t n_turn_frames, n_turn_bytes;
	struct timer timer; /* hello, then begun frames */

	struct endpoint *endpoint; /* NULL: see endpoint_why */
	char *endpoint_why;
	pid_t pid;
	uid_t uid;
	uint64_t pid_told; /* by hello */
	char name[CLIENT_NAME_MAX + 1], term[CLIENT_NAME_MAX + 1], tty[CLIENT_NAME_MAX + 1];
};

/* As the socket says, else as the client says. */
static inline uint64_t client_pid(const struct client *c)
{
	return c->pid > 0 ? (uint64_t)c->pid : c->pid_told;
}

struct client *client_free(struct client *c);
/* Frames left over from an earlier turn. */
void client_turn(struct client *c);
/* It has something to send. */
void client_mark(struct client *c);
/* The frame in core.scratch joins its queue; without memory the connection ends. */
void client_send(struct client *c);
/* Refuses a request; to a notification nothing is said. */
void client_refuse(struct client *c, const struct frame *f, const char *code, const char *message);
void client_fail(struct client *c); /* finished: nothing more is read */
/* `detached` for an attachment that goes. */
void client_tell_detached(
	struct client *c, const struct attachment *a, const char *reason, const char *message);
struct attachment *client_attachment(struct client *c, uint64_t id);

/* A `session.wait` that waits. */
struct wait {
	struct list session_link, client_link;
	struct session *session;
	struct client *client;
	uint32_t id;
	struct timer timer;
};
int wait_new(struct client *c, uint32_t id, struct session *s, uint64_t timeout_usec);
void wait_answer(struct wait *w); /* the session ended; frees w */
void wait_free(struct wait *w);

#endif
