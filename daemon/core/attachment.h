/*
 * attachment - a client's view of one session: cursor, credit, policy, raw or painted
 *
 * Credit:  at most `window` payload bytes (output and resync) are sent beyond what was
 * acknowledged. Policy:  skip: falls behind, its cursor jumps to the present and it is repainted;
 * block: holds the log, at most block_timeout without an acknowledged byte while the session waits
 * for it; drop: is detached instead. View:    raw bytes while its terminal has the session's size
 * and keeps up; else painted. Owner:   the client; out of all lists when it ends, freed at the end
 * of the turn. Errors:  ATTACHMENT_E_BAD_ACK; -ENOMEM.
 */
#ifndef DAEMON_CORE_ATTACHMENT_H
#define DAEMON_CORE_ATTACHMENT_H

#include "daemon/core/session.h"

#define ATTACHMENT_E_BAD_ACK 1
#define ATTACHMENT_DATA_MAX ((size_t)64 * 1024) /* of one output or resync frame */
#define ATTACHMENT_TEXT_MAX 64
#define ATTACHMENT_HISTORY_MAX 100000
/* A skip attachment jumps when it is behind by more bytes than this and by more time than that. */
#define ATTACHMENT_LAG_BYTES ((size_t)64 * 1024)
#define ATTACHMENT_LAG_USEC (500 * USEC_PER_MSEC)
#define ATTACHMENT_PAINT_USEC (16 * USEC_PER_MSEC) /* a painted one is painted at most so often */

enum attachment_policy { POLICY_SKIP, POLICY_BLOCK, POLICY_DROP };

enum attachment_view {
	VIEW_RAW,
	VIEW_DUE,      /* to be painted when it can take it */
	VIEW_PAINTING, /* `paint` is being sent */
	VIEW_PAINTED,  /* shows the model as of painted_offset; painted again when that moved */
};

/* What is to be told by a notification, made when the client takes it. */
enum attachment_note {
	NOTE_RESIZED = 1 << 0,
	NOTE_CLIENTS = 1 << 1,
	NOTE_STATE = 1 << 2,
	NOTE_CREDIT = 1 << 3,
};

struct attachment {
	struct session *session;
	struct client *client;
	struct list session_link, client_link; /* client_link: core's dead ones too */
	struct list ready_link;                /* struct client::ready */
	uint32_t id;                           /* of this connection */
	uint32_t presence;                     /* of this daemon */
	bool observer, dead;
	enum attachment_policy policy;
	unsigned cols, rows; /* 0: no terminal */
	char term[ATTACHMENT_TEXT_MAX + 1];

	struct reader reader; /* pos: the first byte not handed to the kernel */
	size_t window;
	uint64_t sent, acked; /* payload bytes; acked <= sent <= acked + window */
	unsigned notes;       /* enum attachment_note */

	enum attachment_view view;
	struct term_buf paint;
	size_t paint_pos; /* bytes of it handed to the kernel */
	size_t paint_charged;
	uint64_t paint_offset; /* what it shows */
	bool paint_then_raw;   /* raw output goes on at paint_offset */
	bool painted_before, paint_alternate;
	uint64_t painted_usec;
	unsigned history_lines;
	uint64_t skipped_bytes; /* ever */
	uint64_t skipped_told;  /* by earlier resyncs */
	uint64_t left_at;       /* raw output stopped here: lines_not_shown */
	struct timer paint_timer;

	struct inq_writer writer;
	uint64_t typed_usec;
	uint64_t block_timeout_usec;
	uint64_t
		progress_usec; /* last acknowledged byte, or when it began to hold the session up */
	struct timer block_timer;
};

struct attachment_since {
	uint64_t offset;
	bool honoured;
};

struct attachment_config {
	struct session *session;
	struct client *client;
	bool observer;
	enum attachment_policy policy;
	uint64_t block_timeout_usec; /* 0 = none */
	unsigned cols, rows;
	const char *term; /* n_term bytes */
	size_t n_term;
	size_t window;
	bool paint;
	unsigned history_lines;
	bool has_since; /* go on at `since`: checked by the caller but for the log's bounds */
	uint64_t since;
};
/* *ret_fresh: `since` could not be honoured. */
int attachment_new(
	struct attachment **ret, const struct attachment_config *config, bool *ret_fresh);
struct attachment *attachment_free(struct attachment *a);

/* The end of it: `detached` is queued, then as attachment_drop(). */
void attachment_detach(struct attachment *a, const char *reason, const char *message);
void attachment_drop(struct attachment *a); /* out of every list; its client tells nothing */

int attachment_ack(struct attachment *a, uint64_t bytes);
size_t attachment_credit(const struct attachment *a);
void attachment_resize(struct attachment *a, unsigned cols, unsigned rows);
/* Its cursor jumps to the present, if the policy is skip and there is a backlog. */
void attachment_interrupt(struct attachment *a);
/* The session's or its own size, or the model behind it, changed. */
void attachment_fit(struct attachment *a);
void attachment_note(struct attachment *a, unsigned notes);
/* There may be something to send. */
void attachment_wake(struct attachment *a);
bool attachment_matches(const struct attachment *a); /* its terminal has the session's size */
const char *attachment_role(const struct attachment *a);
const char *attachment_policy_name(enum attachment_policy policy);

/* The next frame it would send now. */
struct attachment_piece {
	bool resync;      /* from `paint`; else from the log */
	bool first, last; /* resync */
	uint64_t offset;
	uint64_t skipped; /* resync, first */
	unsigned stream;
	size_t n; /* payload bytes */
	size_t n_iov;
};
/* 0: nothing now; 1: *ret_piece and its spans, from `skip` bytes beyond the cursor on (pieces
 * already planned in this gather); -ENOMEM. Decides about skipping and paints what is due. */
int attachment_peek(struct attachment *a, size_t skip, struct iovec *iov, size_t n_iov,
	struct attachment_piece *ret_piece);
/* n payload bytes of the current piece were handed to the kernel. */
void attachment_advance(struct attachment *a, const struct attachment_piece *piece, size_t n);
/* All output of an ended session was handed over. */
bool attachment_at_end(const struct attachment *a);

#endif
