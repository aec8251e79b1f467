/*
 * client - one accepted connection's protocol state: frames in, frames out, its attachments
 *
 * Pure: the rim reads into its shared buffer and calls client_feed(), and sends what
 * client_gather() names.
 *
 * Units:   bytes.
 * Owner:   the core. client_close() ends it (the socket is gone or going); it is freed at the end
 * of the turn and `rim` is not touched any more. Bounds:  doc/protocol.md section 1. Nothing is
 * buffered but the tail of a partial frame, answers (reading stops at CLIENT_UNREAD_MAX) and the
 * rest of one begun output frame whose log moved on. Errors:  CLIENT_E_FULL from client_new: no
 * room for another one; close the socket. Threads: none; loop thread only.
 */
#ifndef DAEMON_CORE_CLIENT_H
#define DAEMON_CORE_CLIENT_H

#include "daemon/core/attachment.h"

#define CLIENT_E_FULL 1

#define CLIENT_BEFORE_HELLO_MAX 64
#define CLIENT_HELLO_USEC (5 * USEC_PER_SEC)
#define CLIENT_FRAME_USEC (10 * USEC_PER_SEC) /* without a byte of a begun frame */
#define CLIENT_REQUESTS_MAX 256
#define CLIENT_UNREAD_MAX ((size_t)1024 * 1024)
#define CLIENT_NOTES_MAX                                                                           \
	((size_t)64 * 1024) /* unread bytes beyond which notifications wait, coalesced */
#define CLIENT_FRAMES_PER_TURN 256
#define CLIENT_IOV_MAX 64
#define CLIENT_GATHER_MAX ((size_t)256 * 1024) /* payload bytes a turn */
#define CLIENT_HEAD_MAX 192                    /* bytes of a data frame before its payload */
#define CLIENT_NAME_MAX 64

struct client;

/* ---- for the rim ---- */

struct client_config {
	pid_t pid; /* of the peer, from the kernel */
	uid_t uid;
	bool observer; /* accepted on the observer-only socket */
	void *rim;
};
/* CLIENT_E_FULL, -ENOMEM. */
int client_new(struct client **ret, struct core *core, const struct client_config *config);
/* The connection is over, from whichever side. Not inside another client call. */
void client_close(struct client *c);
void *client_rim(const struct client *c);

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

/* ---- for the core ---- */

/* Bytes in order: a queue with one end to write and one to read. */
struct bytes {
	uint8_t *data;
	size_t pos, n, cap;    /* data[pos..n) waits */
	struct ledger *ledger; /* charged for cap */
};

/* A data frame of which the kernel has some bytes and not all: nothing else goes out before its
 * rest. */
struct begun {
	uint8_t head[CLIENT_HEAD_MAX];
	size_t head_pos, head_n;
	struct attachment *attachment; /* NULL: the payload was copied */
	struct attachment_piece piece;
	size_t sent;   /* payload bytes handed over */
	uint8_t *copy; /* the payload's rest, when the log or the attachment went */
	size_t copy_n, copy_pos;
};

struct client {
	struct core *core;
	void *rim;
	struct list link;          /* core.clients, core.dead_clients */
	struct list writable_link; /* core.writable */
	struct list backlog_link;  /* core.backlog */
	struct list attachments;   /* struct attachment::client_link */
	struct list ready;         /* struct attachment::ready_link */
	struct list requests;      /* struct request::link */
	struct list waits;         /* struct wait::client_link */
	size_t n_requests;         /* waiting for an answer */
	uint32_t next_attachment;

	struct bytes in;  /* the tail of a partial frame; frames beyond the budget */
	size_t need;      /* bytes of `in` before another scan can say more */
	struct bytes out; /* answers and notifications */
	struct begun begun;
	bool is_begun, full, ready_for_requests, finished, closed, observer, told_shutdown;
	struct timer timer; /* hello, then begun frames */

	struct endpoint *endpoint; /* NULL: see endpoint_why */
	char *endpoint_why;
	pid_t pid;
	uid_t uid;
	uint64_t pid_told;
	char name[CLIENT_NAME_MAX + 1], term[CLIENT_NAME_MAX + 1], tty[CLIENT_NAME_MAX + 1];
};

struct client *client_free(struct client *c);
/* Frames left over from an earlier turn. */
void client_turn(struct client *c);
/* It has something to send. */
void client_mark(struct client *c);
/* The frame in core.scratch joins its queue; without memory the connection ends. */
void client_send(struct client *c);
/* The log moves on, or the attachment goes: what is begun of it must survive. */
void client_rescue(struct client *c, const struct attachment *a);
void client_fail(struct client *c); /* finished: nothing more is read */

/* A `session.wait` that waits. */
struct wait {
	struct list session_link, client_link;
	struct session *session;
	struct client *client;
	uint32_t id;
	struct timer timer;
};

#endif
