/*
 * attachment - a client's view of one session: cursor, credit, policy, raw or painted
 *
 * Credit:  at most `window` payload bytes (output and resync) are sent beyond what was
 *          acknowledged; less to one that asked for what drains in a time (credit.h).
 * Policy:  skip: falls behind, its cursor jumps to the present and it is repainted; block: holds
 *          the log, at most block_timeout without an acknowledged byte while the session waits for
 *          it; drop: is detached instead.
 * View:    raw bytes while its terminal has the session's size and keeps up; else painted.
 * Owner:   the client; out of all lists when it ends, freed at the end of the turn.
 * Errors:  ATTACHMENT_E_BAD_ACK; ATTACHMENT_E_DENIED: observers may not block; -ENOMEM.
 */
#ifndef DAEMON_CORE_ATTACHMENT_H
#define DAEMON_CORE_ATTACHMENT_H

#include "daemon/core/credit.h"
#include "daemon/core/reports.h"
#include "daemon/core/session.h"

#define ATTACHMENT_E_BAD_ACK 1
#define ATTACHMENT_E_DENIED 2
#define ATTACHMENT_DATA_MAX ((size_t)64 * 1024) /* of one output or resync frame */
#define ATTACHMENT_TEXT_MAX 64
#define ATTACHMENT_HISTORY_MAX 100000
#define ATTACHMENT_DRAIN_MAX_USEC (10 * USEC_PER_SEC)
/* A daemon that looks after a stalled reader so late was held up itself, as by SIGSTOP. */
#define ATTACHMENT_LATE_USEC (1 * USEC_PER_SEC)
/* A skip attachment jumps when it is behind by more bytes than this and by more time than that. */
#define ATTACHMENT_LAG_BYTES ((size_t)64 * 1024)
#define ATTACHMENT_LAG_USEC (500 * USEC_PER_MSEC)
#define ATTACHMENT_PAINT_USEC (16 * USEC_PER_MSEC)  /* a painted one is painted at most so often, */
#define ATTACHMENT_PROMPT_USEC (4 * USEC_PER_MSEC)  /* or so often, */
#define ATTACHMENT_TYPED_USEC (100 * USEC_PER_MSEC) /* so long after its user typed */
#define ATTACHMENT_RETRY_USEC (100 * USEC_PER_MSEC) /* without memory for a paint */
#define ATTACHMENT_PAINT_BYTES ((size_t)16 * 1024)  /* made at a time */
/* One that falls behind again so soon after it was repainted stays painted until it keeps up. */
#define ATTACHMENT_RELAPSE_USEC (2 * USEC_PER_SEC)
/* It keeps up when what came in at least so long fits in its credit. */
#define ATTACHMENT_CALM_USEC (50 * USEC_PER_MSEC)

enum attachment_view {
	VIEW_RAW,
	VIEW_DUE,      /* to be painted when it can take it */
	VIEW_PAINTING, /* `paint` is being sent */
	VIEW_PAINTED,  /* shows the model as of paint_offset; painted again when that moved */
};

/* What is to be told by a notification, made when the client takes it. */
enum attachment_note {
	NOTE_RESIZED = 1 << 0,
	NOTE_CLIENTS = 1 << 1,
	NOTE_STATE = 1 << 2,
	NOTE_CREDIT = 1 << 3,
};

/* How much of the session a terminal showed once. */
struct attachment_shown {
	bool known;
	uint64_t offset;  /* up to there */
	uint64_t lines;   /* lines of output that it had a part of */
	uint64_t history; /* no more rows had scrolled away */
	bool has_row;
	uint64_t row; /* number of the row where output went on */
};

struct attachment {
	struct session *session;
	struct client *client;
	struct list session_link, client_link; /* struct session, struct client */
	struct list ready_link;                /* struct client::ready; core.dead_attachments */
	uint32_t id;                           /* of this connection */
	uint32_t presence;                     /* of this daemon */
	bool observer, dead;
	enum attachment_policy policy;
	unsigned cols, rows; /* 0: no terminal */
	bool raw_only;       /* attached without a paint: raw at any size, for it shows nothing */
	char term[ATTACHMENT_TEXT_MAX + 1];
	bool has_colors; /* of its terminal, for the model while it leads */
	uint32_t colors[TERM_COLORS_N];

	struct reader reader; /* in the log while raw, or while painting with raw to follow */
	bool lost;            /* the log went on without it: about to be dropped */
	struct credit credit; /* payload bytes */
	unsigned notes;       /* enum attachment_note */

	enum attachment_view view;
	bool fell;    /* it was too slow for raw output once */
	bool slow;    /* so again, soon after: stays painted until it keeps up */
	bool unknown; /* its terminal got bytes that no paint knows of */
	bool askew;   /* its terminal may have wrapped lines in its own way: to be painted, raw or
			 not, at a moment when that skips nothing */
	bool entered; /* the user's own screen is put away: an ATTACH paint, or raw output */
	uint64_t raw_since_usec;
	unsigned history_lines;
	uint64_t history_from; /* its terminal has the lines before it */

	/* the paint being sent, and what comes after it */
	struct term_buf paint;
	size_t paint_pos, paint_charged; /* bytes sent; bytes in the ledger, the shadow's too */
	uint64_t paint_offset;           /* what it shows; raw output goes on there */
	uint64_t paint_skips_to;         /* what it shows but for a sequence that is open */
	bool paint_begun;                /* its first piece was sent */
	bool paint_more;                 /* there is more than is in `paint` */
	bool paint_whole;                /* of all the session shows, by `whole`; else a view */
	struct term_paint whole;
	bool paint_then_raw;
	struct term_shadow *shadow; /* what it shows, while it is painted */
	unsigned shadow_cols, shadow_rows;
	uint64_t painted_usec;
	uint64_t calm_usec,
		calm_offset; /* slow: when it was looked at last, and the log's head then */

	/* what it missed */
	uint64_t told;          /* up to here it got raw output, or was told how much it did not */
	bool counts;            /* what follows is skipped: it would have been sent raw */
	uint64_t skipped_bytes; /* ever */
	uint64_t lines_shown;   /* lines of output that it has had a part of */
	uint64_t lines_painted; /* so, once the whole paint being sent has begun */
	uint64_t history_then;  /* no more rows had scrolled away when it left raw output */
	uint64_t left;          /* where it left raw output last */
	struct attachment_shown rest; /* when it had taken all it was sent, or as its client said */
	bool is_fixed;                /* its client said so: `rest` stays */
	bool in_step;   /* nothing else was written there: it shows the screen as of history_then */
	bool came_back; /* its terminal was left to others meanwhile: the first paint tells what it
			   missed, from history_from on or, where there is no history, as counted */
	struct timer paint_timer;

	struct inq_writer *writer;
	struct reports reports; /* of a terminal */
	uint64_t taken_told; /* by input_credit */
	uint64_t typed_usec;
	uint64_t block_timeout_usec;
	uint64_t progress_usec; /* last acknowledged byte */
	struct timer block_timer;
};

struct attachment_config {
	struct session *session;
	struct client *client;
	const struct attachment *replaced; /* whose place it takes; NULL = none */
	bool observer;
	enum attachment_policy policy;
	uint64_t block_timeout_usec; /* 0 = none */
	unsigned cols, rows;
	bool has_colors;
	uint32_t colors[TERM_COLORS_N];
	const char *term; /* n_term bytes */
	size_t n_term;
	size_t window;
	uint64_t drain_usec; /* 0: the whole window at all times */
	bool paint;
	unsigned history_lines;
	uint64_t history_from; /* number of the first line it has not; 0: it has none */
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
/* From now on. ATTACHMENT_E_DENIED. */
int attachment_set_policy(struct attachment *a, enum attachment_policy policy);
void attachment_set_colors(struct attachment *a, const uint32_t colors[TERM_COLORS_N]);
void attachment_set_credit(struct attachment *a, size_t window, uint64_t drain_usec);
void attachment_set_block_timeout(struct attachment *a, uint64_t usec);
size_t attachment_credit(const struct attachment *a);
uint64_t attachment_offset(const struct attachment *a); /* where raw output goes on */
uint64_t attachment_lag(const struct attachment *a);    /* bytes */
void attachment_resize(struct attachment *a, unsigned cols, unsigned rows);
/* Its cursor jumps to the present, if the policy is skip and there is a backlog. */
void attachment_interrupt(struct attachment *a);
/* Raw or painted: after its own or (`resized`) the session's size changed. */
void attachment_fit(struct attachment *a, bool resized);
void attachment_note(struct attachment *a, unsigned notes);
void attachment_input_taken(struct attachment *a); /* the upstream read */
/* It is to be told something now. Input credit waits for other news, data or the end unless there
 * is much of it. */
bool attachment_has_news(const struct attachment *a);
void attachment_watch(struct attachment *a);         /* the session waits: is it the one? */
void attachment_turn(struct attachment *a);          /* its part of session_turn() */
void attachment_wake(struct attachment *a);          /* there may be something to send */
bool attachment_matches(const struct attachment *a); /* its terminal has the session's size */
const char *attachment_role(const struct attachment *a);
const char *attachment_policy_name(enum attachment_policy policy);
bool attachment_policy_parse(const char *name, size_t n, enum attachment_policy *ret);

/* The next data frame it would send now. */
struct attachment_piece {
	bool resync;      /* from `paint`; else from the log */
	bool first, last; /* resync */
	uint64_t offset, skipped;
	unsigned stream;
	size_t n; /* payload bytes */
	size_t n_iov;
};
#define ATTACHMENT_PIECE 1
/* ATTACHMENT_PIECE and *ret_piece, its payload in iov[0..n_iov); 0: nothing now; -ENOMEM. Decides
 * about skipping, and paints what is due. */
int attachment_peek(
	struct attachment *a, struct iovec *iov, size_t n_iov, struct attachment_piece *ret_piece);
/* The frame of this piece was begun: the client has it. */
void attachment_advance(struct attachment *a, const struct attachment_piece *piece);
/* All output of an ended session was handed over. */
bool attachment_at_end(const struct attachment *a);

#endif
