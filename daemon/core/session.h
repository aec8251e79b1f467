/*
 * session - one remote terminal or command: states, log, input, size, attachments
 *
 * A session with a name is a terminal and outlives its clients. One without is a call (exec, logs,
 * file.read, file.write): no screen, one attachment, gone with it.
 *
 * For the rim: session_up(), session_output(), session_end(), session_lost() are what an upstream
 * tells; session_input_read() is what it pulls. They change state and mark dirty; nothing in them
 * calls back (core.h). After session_end() or upstream_ops.close nothing more may be told.
 *
 * Units:   bytes, microseconds, columns and rows.
 * Owner:   the core; freed at the end of the turn in which nothing needs it any more.
 * Errors:  SESSION_E_UNEXPECTED: not in this state, nothing was done; -ENOMEM.
 * Threads: none; loop thread only.
 */
#ifndef DAEMON_CORE_SESSION_H
#define DAEMON_CORE_SESSION_H

#include "daemon/core/core.h"
#include "daemon/core/inq.h"
#include "daemon/core/log.h"
#include "daemon/core/request.h"
#include "daemon/core/screen.h"

#define SESSION_E_UNEXPECTED 1
#define SESSION_E_NOT_SUPPORTED 2
#define SESSION_E_EXCLUSIVE 3
#define SESSION_E_WINDOW 4
#define SESSION_E_DENIED 5
#define SESSION_E_CLOSED 6
#define SESSION_E_BUSY 7

#define SESSION_RESIZE_USEC (100 * USEC_PER_MSEC) /* at most one resize upstream in this time */
#define SESSION_RETRY_USEC (1 * USEC_PER_SEC)     /* where there was no memory */
#define SESSION_LEAD_IDLE_USEC                                                                     \
	(30 * USEC_PER_SEC) /* typing takes the lead from one idle so long                         \
			     */
#define SESSION_CLIENTS_USEC                                                                       \
	(50 * USEC_PER_MSEC)                 /* at most one `clients` notification in this time */
#define SESSION_REST_USEC (1 * USEC_PER_SEC) /* without output: its history is packed */

enum session_state {
	SESSION_NONE, /* a hole of the table */
	SESSION_STARTING,
	SESSION_RUNNING,
	SESSION_RECONNECTING,
	SESSION_EXITED,
	SESSION_FAILED,
	_SESSION_STATE_N,
};

enum session_event {
	SESSION_EV_UP,
	SESSION_EV_LOST,
	SESSION_EV_EXIT,
	SESSION_EV_FAIL,
	_SESSION_EVENT_N,
};

/* What happens to an attachment that falls behind: attachment.h. */
enum attachment_policy { POLICY_SKIP, POLICY_BLOCK, POLICY_DROP };

/* How a session or call ended. Strings die on return. */
struct session_end {
	bool failed; /* `failed` rather than `exited` */
	bool has_exit_code;
	int exit_code;
	const char *reason;                /* stable word of doc/protocol.md, or NULL */
	const char *message;               /* one sentence that says what to do, or NULL */
	const struct request_error *error; /* of a call; NULL = none */
};

/* ---- for the rim ---- */

/* The far side runs and takes input. */
void session_up(struct session *s);
/* Takes all n bytes (stream LOG_STDOUT or LOG_STDERR) and gives them back by upstream_ops.consume
 * when no holder needs them; or LOG_E_FULL and takes nothing. The window given upstream is never
 * wider than session_room() was at the start (log_bytes) plus what consume() returned. */
int session_output(struct session *s, const uint8_t *data, size_t n, unsigned stream);
size_t session_room(const struct session *s);
/* The far side is away and a new link may bring it back (keeper). A plain session's loss is an end.
 */
void session_lost(struct session *s, const char *reason, const char *message);
void session_end(struct session *s, const struct session_end *how);
/* Up to n bytes of input. *ret_end: nothing follows, half-close. 0 without *ret_end: wait for
 * wake(). */
size_t session_input_read(struct session *s, uint8_t *buf, size_t n, bool *ret_end);
const char *session_name(const struct session *s); /* NULL: a call */
/* The connection in daemon.status that carries it, for the description; 0 = none. */
void session_set_connection(struct session *s, uint64_t id);

/* ---- for the core ---- */

struct attachment;

struct session {
	struct core *core;
	struct list link;             /* registry.newest, core.calls, core.dead_sessions */
	struct list ended_link;       /* registry.ended */
	struct list dirty_link;       /* core.sessions */
	struct list output_link;      /* core.outputs */
	struct list attachments;      /* struct attachment::session_link, oldest first */
	struct list waits;            /* struct wait::session_link */
	struct list recorders;        /* struct recorder::link */
	char name[TEXT_NAME_MAX + 1]; /* "": a call */
	uint64_t number;              /* unique in this boot: `session` in attach and since */
	enum upstream_kind kind;
	enum session_state state; /* written by session_enter() only */
	struct log log;
	struct screen screen;
	struct inq inq;
	struct inq_writer *replies, *sender; /* the model's answers; session.send */

	const struct upstream_ops *ops; /* NULL: not open (any more) */
	void *upstream;
	size_t asked_bytes; /* of the spec, charged while the upstream keeps them: until it runs */
	size_t withheld;    /* bytes of window that were not given back yet: budget.h */
	bool closing;       /* ops->close in the next turn */
	bool dropped;       /* freed at the end of the turn */
	uint64_t connection;

	char *sandbox_id, *container, *command;
	char *reason, *message;      /* of the state */
	struct request_error *error; /* of a call's end */
	bool has_exit_code, seen;
	int exit_code;
	uint64_t created_wall_usec, ended_wall_usec;
	size_t uncertain_bytes;
	/* of attachments that name none */
	enum attachment_policy policy;
	size_t window;
	uint64_t block_timeout_usec, drain_usec;
	struct timer linger;
	uint64_t linger_until_usec; /* of one that has ended: nothing keeps it longer */

	unsigned cols, rows;           /* of the shell */
	unsigned told_cols, told_rows; /* upstream */
	struct size_policy size;
	struct timer resize_timer;
	struct timer rest_timer; /* output rests: its history is to be packed */
	struct list rest_link;
	uint64_t resized_usec;   /* 0: never */
	struct attachment *lead, *latest, *lease;
	bool focused; /* a terminal said that it has the focus */
	uint64_t held_usec; /* since when block readers hold a quarter of the room; 0 = no */
	struct timer paste_timer;
	struct timer reply_timer; /* there was no memory for an answer of the model */
	struct timer clients_timer;
	uint64_t clients_usec;
};

struct session_config {
	const struct upstream_spec *spec;
	const char *name; /* NULL: a call, or the next number */
	size_t n_name;
	bool call;
	struct endpoint *endpoint;
};
/* Registered, `starting` and open. REGISTRY_E_TAKEN, -ENOMEM, or what upstream_service.open said.
 */
int session_new(struct session **ret, struct core *core, const struct session_config *config);
/* End of the turn only. */
struct session *session_free(struct session *s);
DEFINE_CLEANUP(struct session *, session_free)

int session_step(struct session *s, enum session_event ev, const char *why);
/* The only writer of s->state: traces, stamps, acts. */
void session_enter(struct session *s, enum session_state to, const char *why);
void session_tell_state(struct session *s); /* and its name, to all attachments */
const char *session_state_name(enum session_state state);
bool session_ended(const struct session *s);
/* Its part of core_turn(): screen, of which the cost is taken off *left; replies, trim, window back.
 * True: work is left. */
bool session_turn(struct session *s, uint64_t *left);
/* Tells each attachment that there may be something to send. */
void session_wake_attachments(struct session *s);
void session_mark(struct session *s);        /* work for core_turn */
void session_mark_output(struct session *s); /* output, or its end, for the clients */
void session_close_upstream(struct session *s);
/* SESSION_E_UNEXPECTED: ended; SESSION_E_DENIED: an observer; SESSION_E_EXCLUSIVE; SESSION_E_WINDOW;
 * SESSION_E_CLOSED: after session_close_input(), of a call; SESSION_E_BUSY: others left too much that
 * waits; -ENOMEM. */
int session_input(struct session *s, struct attachment *from, const void *data, size_t n);
/* Input without an attachment. SESSION_E_UNEXPECTED, SESSION_E_WINDOW, SESSION_E_BUSY, -ENOMEM. */
int session_send(struct session *s, const void *data, size_t n);
/* The program has asked to be told of the focus no more: what the terminals said is void. */
void session_heed_focus(struct session *s);
/* `a`, which is no more in the list, is gone with the focus. */
void session_lose_focus(struct session *s, const struct attachment *a);
int session_close_input(struct session *s, struct attachment *from);
void session_input_ready(struct session *s); /* the upstream may read; the paste's timer */
/* SESSION_E_UNEXPECTED, SESSION_E_NOT_SUPPORTED, SESSION_E_WINDOW, -ENOMEM. */
int session_signal(struct session *s, enum upstream_signal sig);
/* Ends it from our side; an ended one leaves the registry. */
void session_kill(struct session *s);
void session_drop(struct session *s); /* out of every list; freed at the end of the turn */
void session_seen(struct session *s); /* its exit code was delivered */

/* Who leads, whose size counts: after each change of attachments, sizes, policy. */
void session_fit(struct session *s);
/* A slice of a resize under way. It has its effect at the end: until then the size is the old one,
 * no screen is painted, and output waits in the log. */
void session_resize_some(struct session *s, uint64_t *left);
void session_resize_finish(struct session *s); /* for who can't wait */
/* The model answers with the colours of the lead's terminal: the last that any lead told. */
void session_tell_colors(struct session *s);
/* NULL, or one that may not lead (a tool, an observer): the best there is. */
void session_lead(struct session *s, struct attachment *a);
/* `a` alone may type; NULL: whoever likes to. */
void session_lease(struct session *s, struct attachment *a);
/* Where it is to take the place of `replaced` (NULL: of none), which is detached next, nobody sees
 * that it came. */
void session_attached(struct session *s, struct attachment *a, const struct attachment *replaced);
void session_detached(struct session *s, struct attachment *a);
void session_clients_changed(struct session *s);

#endif
