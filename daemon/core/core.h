/*
 * core - everything the daemon decides: sessions, clients, one turn, one timer
 *
 * The rim (daemon/) owns fds, events and calls; it hands bytes and ends in, and pulls bytes out:
 *
 *   accepted             client_new()                         client.h
 *   socket readable      client_feed(); read again while client_wants_read()
 *   socket writable      client_writable(), then as in the flush
 *   call has output      session_up(), session_output(), session_end()   session.h
 *   call may send        session_input_read()
 *   request answered     request_done(), request_fail()       request.h
 *
 *   once a turn, after the callbacks (server_flush):
 *     resume the calls that upstream_ops.wake named            input up
 *     while ((c = core_next_client(core)))                     output down
 *             client_gather(); writev(); client_advance(); close if client_finished()
 *     core_turn(core);                    screens a slice, trim, window back, free the dead
 *     look again at client_wants_read() of who was not read from
 *     resume the calls as above           what the turn itself had to say
 *     arm the one timer at core_next_deadline(core); do not wait at all if core_is_busy(core)
 *
 * Units:   bytes, microseconds of `clock`.
 * Owner:   core_free() ends every session (upstream_ops.close) and frees every client; the rim's
 *          own objects are its own.
 * Calls:   the core calls upstream_service and upstream_ops only from client_feed(),
 *          client_close(), core_turn() and core_free(), never from session_*() and request_*(): an
 *          upstream is not closed inside its own callback.
 * Threads: none; loop thread only.
 */
#ifndef DAEMON_CORE_CORE_H
#define DAEMON_CORE_CORE_H

#include "common/clock.h"
#include "common/frame.h"
#include "common/ledger.h"
#include "common/list.h"
#include "daemon/core/registry.h"
#include "daemon/core/size.h"
#include "daemon/core/timer.h"
#include "daemon/core/upstream.h"

#define CORE_NO_DEADLINE UINT64_MAX

#define CORE_LOG_BYTES_DEFAULT ((size_t)4 * 1024 * 1024)
#define CORE_WINDOW_DEFAULT ((size_t)64 * 1024)
#define CORE_WINDOW_MIN ((size_t)4 * 1024)
#define CORE_WINDOW_MAX ((size_t)1024 * 1024)
#define CORE_INPUT_WINDOW ((size_t)64 * 1024)
#define CORE_BLOCK_TIMEOUT_DEFAULT_USEC (60 * USEC_PER_SEC)
#define CORE_LINGER_DEFAULT_USEC (24 * 3600 * USEC_PER_SEC)
#define CORE_HISTORY_LINES_DEFAULT 1000
#define CORE_MAX_SESSIONS_DEFAULT 10000
#define CORE_MAX_CLIENTS_DEFAULT 4096
#define CORE_MAX_ATTACHMENTS_DEFAULT 16384
#define CORE_MAX_MEMORY_DEFAULT ((size_t)4 * 1024 * 1024 * 1024)

/* What the rim read from flags, environment and file. Strings are copied. */
struct core_config {
	size_t log_bytes;            /* of each session */
	size_t window;               /* of an attachment that names none */
	uint64_t block_timeout_usec; /* 0 = none */
	uint64_t linger_usec;        /* how long an ended session that nobody saw stays */
	unsigned history_lines;      /* of the screen model, and the default of a first paint */
	struct size_policy size;     /* of new sessions */
	size_t max_sessions;         /* that have not ended */
	size_t max_clients, max_attachments;
	size_t max_memory;   /* bytes the core holds for others: budget.h; 0 = no bound */
	const char *boot_id; /* new at each start of the daemon */
	const char *server;  /* "cwsandboxd 0.1.0" */
	int pid;
};
/* Every default above. boot_id, server and pid stay to be set. */
void core_config_defaults(struct core_config *config);

struct client;
struct session;

struct core {
	struct core_config config; /* strings are the core's own */
	const struct clock *clock;
	const struct upstream_service *service;
	void *rim;
	struct ledger memory;
	struct timers timers;
	struct registry registry;
	struct frame_out scratch; /* the frame under construction; empty between calls */
	struct list clients;      /* struct client::link */
	struct list newcomers;    /* struct client::hello_link: before hello, oldest first */
	struct list writable; /* struct client::writable_link: something to send, socket not full */
	struct list backlog;  /* struct client::backlog_link: frames left from an earlier turn */
	struct list outputs;  /* struct session::output_link: attachments to be woken */
	struct list sessions; /* struct session::dirty_link: work for core_turn */
	struct list calls;    /* struct session::link, those without a name */
	struct list dead_clients;     /* struct client::link */
	struct list dead_sessions;    /* struct session::link */
	struct list dead_attachments; /* struct attachment::ready_link */
	struct list resting; /* struct session::rest_link: histories to be packed, a few a turn */
	struct list tired; /* struct client::writable_link: had their share of this turn */
	struct plan *plan; /* what client_gather() named last */
	uint64_t turn;
	size_t n_clients, n_clients_before_hello, n_attachments, n_live;
	uint64_t next_session;
	uint32_t next_presence_id;
	uint64_t n_turns;        /* so far */
	struct client *favoured; /* is read from although it takes more than its share: budget.h */
	struct timer favour_timer;
	struct timer resting_timer;
	bool is_short; /* of memory, at the end of the last turn */
	bool shutting_down;
};

/* `clock` and `service` must outlive the core. -ENOMEM. */
int core_new(struct core **ret, const struct core_config *config, const struct clock *clock,
	const struct upstream_service *service, void *rim);
struct core *core_free(struct core *core);
DEFINE_CLEANUP(struct core *, core_free)

/* The next client that has something to send and whose socket is not known to be full; NULL: none.
 * It is not named again before something new happened to it, or client_writable(). */
struct client *core_next_client(struct core *core);
/* The rest of a turn. True: work is left, do not wait. Clients that were not read from may be so now. */
bool core_turn(struct core *core);
bool core_is_busy(const struct core *core); /* the same, after what was called since */
/* When core_turn() must run at the latest, on the clock; CORE_NO_DEADLINE: never. */
uint64_t core_next_deadline(const struct core *core);

/* The daemon goes: each client is told `shutdown`, new work is refused with `cancelled`. What the
 * clients owe then is sent by the usual flush; core_free() ends the rest. */
void core_shutdown(struct core *core, const char *reason);
bool core_clients_drained(const struct core *core); /* nobody has anything left to be sent */

struct core_stats {
	size_t n_sessions; /* with a name, ended ones included */
	size_t n_live;     /* of them, not ended */
	size_t n_clients, n_attachments;
	size_t memory_bytes;
};
void core_stats(const struct core *core, struct core_stats *ret);

#endif
