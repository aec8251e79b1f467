/*
 * upstream - the far side as a session sees it: a gRPC call, a keeper link, or a test's fake
 *
 * The rim (daemon/call.c and friends) implements upstream_ops; the core calls them and never knows
 * which. The other direction, what an upstream tells its session, is session_up(),
 * session_output(), session_end() (session.h) and request_done() (request.h).
 *
 * Owner: a session owns its upstream from open until close(); after close the upstream makes no
 * more calls. close() comes for every upstream that open() returned, also after its session_end(),
 * and always from a turn or a client's request, never inside a call of the upstream into the core.
 * None of these calls back into the core before returning.
 */
#ifndef DAEMON_CORE_UPSTREAM_H
#define DAEMON_CORE_UPSTREAM_H

#include "common/util.h"

struct session;
struct request;

enum upstream_signal {
	UPSTREAM_INT,
	UPSTREAM_QUIT,
	UPSTREAM_TSTP,
	UPSTREAM_EOF,
	UPSTREAM_HUP,
	UPSTREAM_TERM,
	UPSTREAM_KILL
};
#define UPSTREAM_E_NOT_SUPPORTED 1

struct upstream_ops {
	/* The session's input queue has bytes (session_input_read) or was closed. */
	void (*wake)(void *upstream);
	/* n bytes given by session_output() are no longer held. */
	void (*consume)(void *upstream, size_t n);
	void (*resize)(void *upstream, unsigned cols, unsigned rows);
	/* UPSTREAM_E_NOT_SUPPORTED where the far side has no signals. */
	int (*signal)(void *upstream, enum upstream_signal sig);
	/* Ends it; never fails. */
	void (*close)(void *upstream);
	/* Input bytes given to the far side whose fate is unknown now; asked when it ends. May be
	 * NULL. */
	size_t (*uncertain)(const void *upstream);
};

/* What the core asks of the rim to begin something. All strings die on return; what the rim keeps of
 * them is charged to max-memory until the session runs, and is given up then. */
enum upstream_kind {
	UPSTREAM_SHELL,
	UPSTREAM_EXEC,
	UPSTREAM_LOGS,
	UPSTREAM_FILE_READ,
	UPSTREAM_FILE_WRITE
};

struct upstream_env {
	const char *name, *value;
};

/* Bytes that a shell's far side may send ahead of its readers; its log keeps more. All of them stand between an
 * interrupt and the prompt: the screen model takes so many in some 10 ms also where a byte is a line. */
#define UPSTREAM_SHELL_WINDOW ((size_t)512 * 1024)

struct upstream_spec {
	enum upstream_kind kind;
	const char *sandbox_id;
	const char *container;   /* NULL = primary */
	const char *const *argv; /* SHELL, EXEC */
	size_t n_argv;
	const char *cwd; /* NULL = none; absolute */
	const struct upstream_env *env;
	size_t n_env;
	unsigned cols, rows;     /* SHELL */
	bool stdin_open;         /* EXEC: input follows; else half-closed after init */
	uint64_t timeout_usec;   /* 0 = none */
	const char *path;        /* FILE_* */
	uint64_t size;           /* FILE_WRITE: bytes that input will bring, known beforehand */
	bool follow, timestamps; /* LOGS */
	uint32_t tail_lines;
	uint64_t since_usec; /* wall clock; 0 = unset */
};

struct endpoint; /* the rim's; the core only carries it */

/* Where a client's environment points, as its hello says it. */
struct upstream_endpoint {
	const char *url;              /* "https://host[:port]", "http://127.0.0.1:port", "local" */
	const char *auth;             /* "coreweave_api_key", "wandb" */
	const char *entity, *project; /* W&B; NULL = none */
	const char *ca_file, *proxy;  /* NULL = none */
	const char *key;              /* NULL: none, or the daemon's configured source */
	bool key_with_url;            /* URL and key come from the same source */
};

/* The rim's services to the core. */
struct upstream_service {
	/* `key` may be NULL. A client's endpoint and key, checked; *ret stays until endpoint_drop.
	 * Once for each hello. On failure *ret_why is a sentence that lives until the next call:
	 * the client may go on, what needs the endpoint answers `bad_endpoint` with it. */
	int (*endpoint_use)(void *rim, const struct upstream_endpoint *which, struct endpoint **ret,
		const char **ret_why);
	/* Sessions opened by it go on: open() and request() keep what they need of it. */
	void (*endpoint_drop)(void *rim, struct endpoint *ep);
	/* Begins a stream for `session`; outcome arrives by session_up/session_end, never from
	 * inside. An error here (-ENOMEM) means that nothing began. */
	int (*open)(void *rim, struct endpoint *ep, struct session *session,
		const struct upstream_spec *spec, const struct upstream_ops **ret_ops,
		void **ret_upstream);
	/* Begins a unary request (sandbox.*, daemon.*; `ep` is NULL for daemon.*); outcome arrives
	 * by request_done() or request_fail(), at once or later. An error here: the core answers
	 * `no_memory`. */
	int (*request)(void *rim, struct endpoint *ep, struct request *request);
	void (*request_cancel)(void *rim, struct request *request);
	/* For the journal: a session changed its state; `session` NULL: a call. May be NULL. */
	void (*trace)(
		void *rim, const char *session, const char *from, const char *to, const char *why);
};

#endif
