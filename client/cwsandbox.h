/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cwsandbox.h - libcwsandbox: terminal sessions and sandboxes through cwsandboxd
 *
 * Two layers. A struct cwsandbox is one connection to the daemon: requests, attachments and events,
 * blocking or with your own event loop (cwsandbox_fd, cwsandbox_events, cwsandbox_timeout_ms,
 * cwsandbox_dispatch, cwsandbox_next). A struct cwsandbox_terminal is one terminal session with
 * blocking calls, for the common case.
 *
 * Results: 0 is done. > 0 is an outcome of enum cwsandbox_outcome, which the caller is expected to
 *          handle. < 0 is -errno: -ENOMEM, -EINVAL (the call makes no sense), -EBADMSG (the daemon
 *          broke the protocol; the connection is over), -ECONNRESET (the daemon is gone; the
 *          connection is over), -EPERM (the socket belongs to someone else), and what socket calls
 *          return. cwsandbox_error() tells the rest in words. Outputs are written on success only.
 * Units:   sizes and offsets in bytes, terminals in columns and rows, times in milliseconds; points
 *          in time in milliseconds since the epoch, 0 where unknown. A timeout of -1 is none.
 * Text:    UTF-8, NUL-terminated. What came from the daemon, the service or a program may hold any
 *          character but NUL: encode it before you print it to a terminal.
 * Owner:   what a function takes is copied before it returns. What it gives lives as long as its
 *          comment says.
 * Threads: one connection is used by one thread at a time; different connections are independent. A
 *          cwsandbox_terminal may be used by any number of threads, one of them reading. The
 *          library never prints, never exits, installs no signal handler, never raises SIGPIPE, and
 *          keeps no global state. It forks only in cwsandbox_daemon_start(). Its descriptors are
 *          close-on-exec.
 * Change:  before 1.0 functions and members are added, not renamed, but no binary interface is
 *          promised: structs grow, and where they did the soname's number does too. Build against
 *          the header of the library you run with.
 */
#ifndef CWSANDBOX_H
#define CWSANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a function returns when it did not fail and did not simply succeed. */
enum cwsandbox_outcome {
	CWSANDBOX_E_PENDING = 1,  /* nothing yet: dispatch again when the descriptor is ready */
	CWSANDBOX_E_TIMEOUT = 2,  /* the time ran out; nothing is lost, call again */
	CWSANDBOX_E_REFUSED = 3,  /* the daemon answered with an error: cwsandbox_error() */
	CWSANDBOX_E_END = 4,      /* end of the output */
	CWSANDBOX_E_ENDED = 5,    /* the session has ended: no input, no resize */
	CWSANDBOX_E_STALLED = 6,  /* read nothing for the session's block-timeout: detached */
	CWSANDBOX_E_DETACHED = 7, /* another client took over, detached this one, or a policy did */
	CWSANDBOX_E_WINDOW = 8,   /* no room for input now: wait for CWSANDBOX_EVENT_CREDIT */
	CWSANDBOX_E_ACTIVE = 9,   /* the session still runs */
	CWSANDBOX_E_NO_DAEMON = 10, /* no daemon listens: cwsandbox_daemon_start() */
};

/* The library's version, as "0.1.0". Static. */
const char *cwsandbox_version(void);

/* ==== errors ==== */

struct cwsandbox_violation {
	const char *field, *description; /* NULL if not given */
};

/*
 * The last error of a connection or a terminal. `code` is one of doc/protocol.md section 2, or of
 * the library: "lost" (the daemon is gone), "protocol" (it broke the protocol), "no_daemon",
 * "not_ours" (the socket's owner is another user), "start" (the daemon could not be started),
 * "timeout", "io", "memory", "usage". Fields that do not apply are NULL or 0.
 */
struct cwsandbox_error {
	const char *code;    /* never NULL; "" if nothing failed yet */
	const char *message; /* one sentence that says what to do; never NULL */
	const char *field;   /* bad_params */
	const char *limit;   /* limit: the configured bound */
	const char *url;     /* unreachable, no_key */
	const char *sandbox_id;
	const char *reason; /* service: the ErrorInfo reason; ended, sandbox_gone: why */
	const char *status; /* service: the name of the gRPC code, as "NOT_FOUND" */
	const char *detail; /* service: its own words */
	const struct cwsandbox_violation *violations;
	size_t n_violations;
	/* busy, from daemon.shutdown: what would be lost; NULL-terminated */
	const char *const *sessions;
	size_t n_sessions;
	int64_t status_code;    /* service: the gRPC code */
	int64_t retry_after_ms; /* service; valid if has_retry_after */
	int64_t exit_code;      /* ended; valid if has_exit_code */
	int64_t min, max;       /* version: what the daemon speaks */
	uint64_t credit;        /* input_window: bytes that remain */
	bool has_retry_after, has_exit_code;
	const char *holder; /* exclusive: whose client alone may type, and its process */
	int64_t holder_pid;
};

/* ==== connection ==== */

struct cwsandbox;

/*
 * Which daemon, who we are, and which service with which key. Zeroed = the daemon's defaults. NULL
 * or "" = not set. cwsandbox_config_from_env() fills in what the official environment variables
 * say.
 */
struct cwsandbox_config {
	const char *socket;   /* path; default as doc/protocol.md section 1, then the path the
				 daemon's lock file records */
	const char *client;   /* the program's name and version, at most 64 bytes; default the
				 library's */
	const char *term;     /* TERM, for listings */
	const char *tty_name; /* for listings */
	/* The endpoint; sent once, when the connection is made. */
	const char *base_url; /* http(s)://HOST[:PORT], or "local" */
	const char *auth;     /* "coreweave_api_key" or "wandb" */
	const char *entity, *project;
	const char *ca_file; /* absolute path; extra roots, PEM */
	const char *proxy;
	const char *key;   /* at most 8192 bytes of visible ASCII; never given back, wiped from our
			      memory once sent */
	bool key_with_url; /* key and URL come from the same source */
};

/*
 * Fills the unset members of *config from CWSANDBOX_BASE_URL, CWSANDBOX_API_KEY, CWSANDBOX_AUTH,
 * WANDB_API_KEY, WANDB_ENTITY, WANDB_PROJECT, CWSANDBOX_CA_FILE, HTTPS_PROXY and NO_PROXY, TERM;
 * empty is unset. The strings are the environment's own: they live until it changes. If neither a
 * URL, a key nor an auth mode is set, base_url becomes "local" and 1 is returned: tell the user
 * that the embedded service is used.
 */
int cwsandbox_config_from_env(struct cwsandbox_config *config);

/* A connection that is not connected yet. -ENOMEM. */
int cwsandbox_new(struct cwsandbox **ret);
/* Closes it: its attachments end, sessions run on. Takes NULL; returns NULL. */
struct cwsandbox *cwsandbox_free(struct cwsandbox *c);

/*
 * Connects, checks that the other end runs under our user id, says hello and waits for the answer.
 * CWSANDBOX_E_NO_DAEMON: nothing listens. CWSANDBOX_E_REFUSED: hello was refused ("version",
 * "bad_endpoint", ..., "busy": there are as many clients as may be). CWSANDBOX_E_TIMEOUT: no
 * answer; the object is not connected then. May be called again after a failure or a loss.
 */
int cwsandbox_connect(struct cwsandbox *c, const struct cwsandbox_config *config, int timeout_ms);
/* The same without waiting: requests may follow at once; CWSANDBOX_EVENT_CONNECTED tells when the
 * daemon has answered. */
int cwsandbox_connect_start(struct cwsandbox *c, const struct cwsandbox_config *config);

/*
 * Starts `program` (NULL: cwsandboxd beside the calling program, else where it was installed, else
 * in PATH) detached: own session, folder /, no descriptor of ours, no key in its environment; and
 * waits until its socket answers. If others start one at the same time, one survives and all
 * succeed. CWSANDBOX_E_REFUSED with code "start" or CWSANDBOX_E_TIMEOUT otherwise.
 */
int cwsandbox_daemon_start(struct cwsandbox *c, const struct cwsandbox_config *config,
	const char *program, int timeout_ms);

/* What the daemon said in hello. Lives as long as the connection. NULL before. */
struct cwsandbox_server {
	const char *server;  /* name and version */
	const char *boot_id; /* new at each start of the daemon */
	const char *socket;  /* the path that was used */
	int64_t version;     /* of the protocol */
	int64_t pid;
	uint64_t window, input_window; /* the daemon's limits, bytes */
	bool observer;                 /* this socket only allows to observe */
	const char *const *features;   /* what it can that the version alone does not promise */
	size_t n_features;
};
const struct cwsandbox_server *cwsandbox_server(const struct cwsandbox *c);

/* What went wrong last on this connection. Never NULL; lives until the next call on it. */
const struct cwsandbox_error *cwsandbox_error(const struct cwsandbox *c);

/* ==== requests ==== */

enum cwsandbox_method {
	CWSANDBOX_SESSION_CREATE = 1, /* sandbox_id, name?, argv?, cwd?, env?, container?, cols,
					 rows, plain? -> session */
	CWSANDBOX_SESSION_LIST,       /* after?, limit? -> sessions, more */
	CWSANDBOX_SESSION_GET,        /* name -> session */
	CWSANDBOX_SESSION_RENAME,     /* name, to */
	CWSANDBOX_SESSION_KILL,       /* name -> fate */
	CWSANDBOX_SESSION_SET,  /* name, size?, policy?, window?, drain_ms?, block_timeout_ms?: of
				   later attachments; or attachment, and the same without size,
				   with colors */
	CWSANDBOX_SESSION_WAIT, /* name, timeout_ms? -> exit_code, reason, state; the time's end is
				   an error "timeout" */
	CWSANDBOX_SESSION_SIGNAL,  /* name, signal */
	CWSANDBOX_SESSION_CAPTURE, /* name -> cols, rows, text; or name, format, history?, from?,
				      limit? -> lines, and the screen they are of */
	CWSANDBOX_SESSION_ATTACH,  /* name?, cols, rows, term?, role?, policy?, ... -> attachment */
	CWSANDBOX_SESSION_DETACH,  /* attachment, or name: all others -> detached */
	CWSANDBOX_SESSION_SEND,    /* name, data, n -> taken */
	CWSANDBOX_SESSION_LEASE,   /* attachment, exclusive */
	CWSANDBOX_SESSION_LEAD,    /* attachment */
	CWSANDBOX_EXEC,       /* sandbox_id, argv, cwd?, env?, container?, with_stdin, timeout_ms?,
				 window? -> attachment */
	CWSANDBOX_LOGS,       /* sandbox_id, container?, follow, tail_lines?, since_at?, timestamps,
				 window? -> attachment */
	CWSANDBOX_FILE_READ,  /* sandbox_id, path, container?, timeout_ms?, window? -> attachment */
	CWSANDBOX_FILE_WRITE, /* sandbox_id, path, container?, size, timeout_ms? -> attachment; then
				 `size` bytes of input */
	CWSANDBOX_SANDBOX_CREATE, /* image?, argv?, lifetime_s?, tags?, env?, scratch?, restore?, wait,
				     hold?, request_id? -> sandbox */
	CWSANDBOX_SANDBOX_GET,    /* sandbox_id -> sandbox */
	CWSANDBOX_SANDBOX_LIST, /* state?, tags?, runner_ids?, show_terminated?, page_token?, limit?
				   -> sandboxes, next_page_token */
	CWSANDBOX_SANDBOX_DELETE, /* sandbox_id, grace_s?, allow_missing?, snapshot_volumes?,
				     request_id?, timeout_ms? -> sandbox or NULL, snapshot_ids */
	CWSANDBOX_DAEMON_STATUS,  /* -> status */
	CWSANDBOX_DAEMON_SHUTDOWN, /* all?, force? */
	CWSANDBOX_SNAPSHOT_CREATE, /* sandbox_id, volume?, request_id?, timeout_ms? -> snapshot */
	CWSANDBOX_SNAPSHOT_GET,	   /* snapshot_id, timeout_ms? -> snapshot */
	CWSANDBOX_SNAPSHOT_LIST,   /* source_sandbox_id?, page_token?, limit?, timeout_ms? -> snapshots,
				      next_page_token */
	CWSANDBOX_SNAPSHOT_DELETE, /* snapshot_id, allow_missing?, timeout_ms? -> snapshot or NULL */
	CWSANDBOX_SANDBOX_KEEP,    /* created: the sandbox of a create with `hold` stays */
};

/* Where an earlier attachment stopped: the place to go on from. Strings as given by the daemon. */
struct cwsandbox_since {
	const char *boot_id, *session;
	uint64_t offset;
};

/* One request; zero what does not apply. Which members a method reads is said above; "?" may be
 * left unset. */
struct cwsandbox_request {
	enum cwsandbox_method method;
	int64_t attachment;
	const char *name, *to, *sandbox_id;
	/* a program; arrays end in NULL */
	const char *const *argv;
	const char *const *env; /* "NAME=value" */
	const char *cwd, *container;
	bool plain, with_stdin;
	/* a terminal */
	unsigned cols, rows; /* 0 x 0: a reader that is no terminal */
	const char *term;
	const char *role;   /* "peer" (default), "observer" */
	const char *policy; /* "skip", "block", "drop"; NULL: the session's, at first "skip" */
	bool take_over;     /* the others are detached, this one leads */
	bool exclusive;     /* input lease */
	bool raw;           /* no first paint: raw bytes from `since`, else from now */
	bool has_history;   /* `history` is set */
	uint64_t history;   /* lines in the first paint */
	const struct cwsandbox_since *since;
	uint64_t window; /* bytes to be sent before they are consumed; 0 = the daemon's default */
	uint64_t drain_ms; /* of a slow reader only so much is on its way as it takes in this time;
			      0 = the session's, or with has_drain none: always the window */
	uint64_t block_timeout_ms; /* 0 = the session's */
	/* of our terminal, 0xRRGGBB each; attach, and set with `attachment` */
	bool has_colors;
	uint64_t foreground, background, cursor;
	const char *size;          /* "lead", "latest", "smallest", "largest", "COLSxROWS" */
	const char *signal;        /* "INT", "QUIT", "TSTP", "EOF" */
	const void *data;          /* of send */
	size_t n;
	/* calls with a stream */
	uint64_t timeout_ms; /* the call's own time, kept by the daemon; 0 = its default */
	const char *path;
	uint64_t file_size; /* bytes, at most CWSANDBOX_FILE_MAX */
	bool follow, timestamps;
	uint64_t tail_lines; /* 0 = all */
	uint64_t since_at;   /* point in time; 0 = unset */
	/* sandboxes */
	const char *image, *request_id, *state, *page_token;
	uint64_t lifetime_s;
	const char *const *tags;
	const char *const *runner_ids;
	const char *const *scratch; /* "NAME:PATH" */
	bool wait, show_terminated, allow_missing;
	bool has_grace;
	uint64_t grace_s;
	/* lists */
	const char *after;
	uint64_t limit;
	/* daemon */
	bool all, force;
	/* capture */
	const char *format; /* "text", "ansi", "json": a JSON object a line */
	uint64_t from;      /* number of the first line; 0: `history` lines before the screen. Of attach:
			       the first paint has none before it */
	/* snapshots */
	const char *snapshot_id, *volume, *source_sandbox_id;
	const char *const *snapshot_volumes;
	const char *const *restore; /* "NAME=SNAPSHOT_ID": what a scratch volume starts from */
	bool has_drain;             /* drain_ms is set, also if it is 0 */
	/* by cwsandbox_start(): the new sandbox is deleted if we go before CWSANDBOX_SANDBOX_KEEP,
	 * or if it cannot be waited for */
	bool hold;
	uint64_t created; /* of keep: the id of the request that made it, as cwsandbox_start() gave it */
	int64_t replaces; /* of attach: our attachment whose place it takes; 0: none */
	bool has_shown; /* so too: its terminal still shows the session, up to the offset `shown`. Of set
			   with `attachment`: it shows no more until another one takes its place */
	uint64_t shown;
	bool below; /* with has_shown: others have written there since */
};

#define CWSANDBOX_FILE_MAX ((uint64_t)256 * 1024 * 1024)

/* One client's view of a session, as in struct cwsandbox_session. */
struct cwsandbox_client {
	int64_t id, pid, uid;
	const char *role, *policy, *name, *term;
	uint64_t cols, rows, lag_bytes, skipped_bytes;
	bool exclusive;  /* nobody else may type */
	const char *tty; /* the name of its terminal; NULL: none */
};

struct cwsandbox_session {
	const char *name, *session; /* session: unique id */
	const char *sandbox_id, *container, *state, *reason, *message, *command, *size;
	const char *kept_alive_by, *kept_alive_reason, *title;
	uint64_t cols, rows, output_offset, uncertain_bytes;
	int64_t created_at, ended_at, exit_code, connection; /* connection: its id in the status */
	bool has_exit_code, has_connection;
	uint64_t clients_total; /* attached; `clients` may hold fewer */
	const struct cwsandbox_client *clients;
	size_t n_clients;
	/* what attachments begin with that name none; drain_ms 0: always the whole window */
	const char *policy;
	uint64_t window, drain_ms, block_timeout_ms;
	bool seen; /* it has ended, and somebody was told how */
};

struct cwsandbox_container {
	const char *name, *image;
	bool primary;
};

struct cwsandbox_container_status {
	const char *name, *state;
	int64_t exit_code, restart_count;
	bool has_exit_code;
};

struct cwsandbox_sandbox {
	const char *sandbox_id, *state, *state_reason, *runner_id, *runner_group_id;
	int64_t started_at;     /* 0 = not started */
	uint64_t started_at_ns; /* the rest below a millisecond, in nanoseconds */
	int64_t exit_code;
	bool has_exit_code;
	const struct cwsandbox_container *containers;
	size_t n_containers;
	const struct cwsandbox_container_status *container_statuses;
	size_t n_container_statuses;
	const char *const *scratch_volumes;
	size_t n_scratch_volumes;
};

/* An archive of one scratch volume. Times in milliseconds, 0 = not yet; the rest below one in nanoseconds. */
struct cwsandbox_snapshot {
	const char *snapshot_id, *state, *state_reason; /* creating, ready, failed, deleting */
	const char *source_sandbox_id, *source_volume;
	const char *trigger; /* manual, on_delete */
	const char *request_id, *object_bucket;
	int64_t size_bytes;
	int64_t created_at, updated_at, completed_at;
	uint64_t created_at_ns, updated_at_ns, completed_at_ns;
};

struct cwsandbox_connection {
	int64_t id;
	const char *endpoint, *address, *state;
	uint64_t streams, max_streams, rtt_us, rx_bytes, tx_bytes;
};

struct cwsandbox_status {
	const char *version, *boot_id, *socket;
	int64_t pid;
	uint64_t uptime_s, rss_bytes, memory_bytes, sessions, clients;
	const struct cwsandbox_connection *connections;
	size_t n_connections;
};

/* The answer to a request; members that its method does not give are NULL or 0. */
struct cwsandbox_answer {
	enum cwsandbox_method method;
	const struct cwsandbox_session *session;  /* create, get */
	const struct cwsandbox_session *sessions; /* list */
	size_t n_sessions;
	bool more;
	const struct cwsandbox_sandbox *sandbox;   /* create, get, delete */
	const struct cwsandbox_sandbox *sandboxes; /* list */
	size_t n_sandboxes;
	const char *next_page_token; /* NULL at the end */
	const struct cwsandbox_status *status;
	/* attach, exec, logs, file.read, file.write */
	int64_t attachment;     /* the number events and input use */
	const char *session_id; /* unique; for struct cwsandbox_since */
	const char *name, *role, *state, *reason;
	uint64_t offset;     /* where raw output begins */
	uint64_t cols, rows; /* of the shell; of capture */
	uint64_t window, input_window;
	bool fresh; /* `since` could not be honoured */
	/* others */
	int64_t exit_code; /* attach to an ended session, wait; valid if has_exit_code */
	bool has_exit_code;
	const char *text, *fate;
	uint64_t taken, detached;
	/* capture with a format: a page of lines, numbered from `from` on; the screen's first row
	 * is line `screen`; `more` follow this page */
	const char *const *lines;
	size_t n_lines;
	uint64_t from, screen, cursor_x, cursor_y, cursor_shape;
	bool cursor_visible, alternate;
	const char *title;
	const struct cwsandbox_snapshot *snapshot;  /* create, get, delete */
	const struct cwsandbox_snapshot *snapshots; /* list */
	size_t n_snapshots;
	const char *const *snapshot_ids; /* delete of a sandbox */
	size_t n_snapshot_ids;
	const char *policy; /* attach: the one that holds; NULL from a daemon that does not tell */
};

/*
 * Queues a request; CWSANDBOX_EVENT_ANSWER with *ret_id follows. ret_id may be NULL.
 * CWSANDBOX_E_WINDOW: as many are waiting as the daemon allows (CWSANDBOX_REQUESTS_MAX).
 */
int cwsandbox_start(struct cwsandbox *c, const struct cwsandbox_request *request, uint32_t *ret_id);
#define CWSANDBOX_REQUESTS_MAX 256

/*
 * Sends a request and waits for its answer; events of attachments wait meanwhile. The answer lives
 * until cwsandbox_answer_free(); ret may be NULL. CWSANDBOX_E_REFUSED, CWSANDBOX_E_TIMEOUT (an
 * answer that comes later is dropped).
 */
int cwsandbox_call(struct cwsandbox *c, const struct cwsandbox_request *request, int timeout_ms,
	struct cwsandbox_answer **ret);
struct cwsandbox_answer *cwsandbox_answer_free(struct cwsandbox_answer *answer);

/* ==== attachments: input, consumption, size; all of them never wait ==== */

/*
 * Queues input; *ret_taken bytes of it were taken, as the attachment's credit allows.
 * CWSANDBOX_E_WINDOW: none was (come back at CWSANDBOX_EVENT_CREDIT). What is taken in one call
 * reaches the program in one piece.
 */
int cwsandbox_input(
	struct cwsandbox *c, int64_t attachment, const void *data, size_t n, size_t *ret_taken);
/* Bytes cwsandbox_input() would take now. */
size_t cwsandbox_input_room(const struct cwsandbox *c, int64_t attachment);
/* End of input, after what was taken. On a terminal: the VEOF key. */
int cwsandbox_close_input(struct cwsandbox *c, int64_t attachment);
/*
 * n bytes of `output` or `repaint` events were consumed: written to the terminal, not only
 * received. Credit goes back to the daemon for exactly these, so a reader that stops consuming is
 * sent at most one window more.
 */
int cwsandbox_consumed(struct cwsandbox *c, int64_t attachment, size_t n);
/* Tells the size of our terminal. Fire and forget. The same again: it was another one meanwhile, and
 * is painted anew. */
int cwsandbox_resize(struct cwsandbox *c, int64_t attachment, unsigned cols, unsigned rows);

/* ==== events and your own loop ==== */

enum cwsandbox_event_kind {
	CWSANDBOX_EVENT_NONE = 0,
	CWSANDBOX_EVENT_CONNECTED, /* hello was answered: id, r, error */
	CWSANDBOX_EVENT_ANSWER,    /* id, r (0 or CWSANDBOX_E_REFUSED), answer or error */
	CWSANDBOX_EVENT_OUTPUT,  /* attachment, offset, stream, data, n: raw bytes of the program */
	CWSANDBOX_EVENT_REPAINT, /* attachment, offset, skipped_bytes, first, last, data, n: write
				    it to the terminal */
	CWSANDBOX_EVENT_RESIZED, /* attachment, cols, rows, lead: the size of the shell; whether we
				    lead */
	CWSANDBOX_EVENT_CLIENTS, /* attachment, clients, n_clients: who is there */
	CWSANDBOX_EVENT_STATE,   /* attachment, name, state, reason, message */
	CWSANDBOX_EVENT_CREDIT,  /* attachment: input has room again */
	CWSANDBOX_EVENT_INPUT_REFUSED, /* attachment, error: input that was taken did not reach the
					  program */
	CWSANDBOX_EVENT_EXITED, /* attachment (gone now), has_exit_code, exit_code, reason, message,
				   error, offset */
	CWSANDBOX_EVENT_DETACHED, /* attachment (gone now), reason, message, offset */
	CWSANDBOX_EVENT_SHUTDOWN, /* reason: the daemon is about to go */
};

/* One event; everything it points to lives until the next cwsandbox_next() or cwsandbox_call() on
 * the connection. */
struct cwsandbox_event {
	enum cwsandbox_event_kind kind;
	uint32_t id;
	int r;
	int64_t attachment;
	const struct cwsandbox_answer *answer;
	const struct cwsandbox_error *error; /* NULL if there is none */
	uint64_t offset;
	const void *data;
	size_t n;
	int stream; /* 1 stdout, 2 stderr */
	bool first, last, lead, has_exit_code;
	uint64_t skipped_bytes;
	uint64_t cols, rows;
	const char *state, *reason, *message;
	int64_t exit_code;
	const struct cwsandbox_client *clients;
	size_t n_clients;
	const char *name; /* the session's, of STATE; NULL: not told */
};

/* The descriptor to poll, -1 when not connected; and the poll(2) events to wait for now: ask again
 * before each poll. */
int cwsandbox_fd(const struct cwsandbox *c);
short cwsandbox_events(const struct cwsandbox *c);
/* In how many milliseconds dispatch has to be called whether or not the descriptor is ready; -1 =
 * whenever. */
int cwsandbox_timeout_ms(const struct cwsandbox *c);
/* Sends and receives what can be without waiting. -ECONNRESET, -EBADMSG: the connection is over
 * (events before that remain). */
int cwsandbox_dispatch(struct cwsandbox *c);
/* Only sends: a system call less for who knows that nothing has come. An event may come of it too:
 * CREDIT, of room that was made. Errors as dispatch. */
int cwsandbox_flush(struct cwsandbox *c);
/* The oldest event; CWSANDBOX_E_PENDING: none. Each is given once. */
int cwsandbox_next(struct cwsandbox *c, struct cwsandbox_event *ret);
/* Dispatches until an event is there: cwsandbox_next() for programs without a loop.
 * CWSANDBOX_E_TIMEOUT. */
int cwsandbox_wait(struct cwsandbox *c, int timeout_ms, struct cwsandbox_event *ret);

/* ==== a terminal session ==== */

/*
 * One program on a terminal in a sandbox. Output is raw bytes, stdout and stderr merged, every byte
 * once and in order: the attachment's policy is `block`, so a reader that stops stalls the program
 * instead of losing output. Bounded: a reader that takes nothing for the session's block-timeout is
 * detached, cwsandbox_terminal_read() then says CWSANDBOX_E_STALLED and cwsandbox_terminal_since()
 * where to come back. Freeing a terminal detaches; the session runs on.
 */
struct cwsandbox_terminal;

struct cwsandbox_terminal_config {
	const char *
		sandbox_id; /* where to start one; or NULL and `session`: an existing one by name */
	const char *session; /* the name; with sandbox_id: of the new session, NULL = chosen by the
				daemon */
	const char *const *argv; /* NULL: the image's login shell */
	const char *const *env;  /* "NAME=value" */
	const char *cwd, *container;
	unsigned cols, rows;                 /* 0: 80 x 24 */
	const char *term;                    /* NULL: "xterm-256color" */
	const struct cwsandbox_since *since; /* an existing one: go on there; NULL: from now on */
	bool observer; /* read only; then the policy is `skip`, and output may have gaps */
	uint64_t block_timeout_ms; /* 0 = the session's (60 s) */
	uint64_t window;           /* 0 = 64 KiB */
	bool no_autostart;         /* do not start a daemon if none runs */
};

/* -ENOMEM. */
int cwsandbox_terminal_new(struct cwsandbox_terminal **ret);
/* Connects (NULL: as the environment says), creates or finds the session and attaches. */
int cwsandbox_terminal_open(struct cwsandbox_terminal *t, const struct cwsandbox_config *config,
	const struct cwsandbox_terminal_config *how, int timeout_ms);
/* Detaches; the session runs on. No other thread may be in a call. Takes NULL; returns NULL. */
struct cwsandbox_terminal *cwsandbox_terminal_free(struct cwsandbox_terminal *t);

/* The argv asked for, NULL-terminated; NULL for the login shell and for an existing session. Lives
 * as long as t. */
const char *const *cwsandbox_terminal_command(const struct cwsandbox_terminal *t);
/* The session's name now, as far as was heard: how other clients attach it. Lives as long as t; NULL
 * before open. */
const char *cwsandbox_terminal_name(const struct cwsandbox_terminal *t);
/* 0 and the exit code (-1: the program ended without one); CWSANDBOX_E_ACTIVE: it runs;
 * CWSANDBOX_E_REFUSED: it failed. Never waits. */
int cwsandbox_terminal_returncode(struct cwsandbox_terminal *t, int *ret_code);

/*
 * Up to cap bytes of output; waits for at least one. What is returned counts as consumed.
 * CWSANDBOX_E_END: no more will come. CWSANDBOX_E_STALLED, CWSANDBOX_E_DETACHED: see
 * cwsandbox_terminal_since(). CWSANDBOX_E_TIMEOUT. One thread reads at a time.
 */
int cwsandbox_terminal_read(
	struct cwsandbox_terminal *t, void *buf, size_t cap, int timeout_ms, size_t *ret_n);
/* Where reading has come to: pass it to a later cwsandbox_terminal_open(). Strings live as long as
 * t. */
int cwsandbox_terminal_since(struct cwsandbox_terminal *t, struct cwsandbox_since *ret);
/* `since` could not be honoured: output before the first byte read is missing. */
bool cwsandbox_terminal_fresh(const struct cwsandbox_terminal *t);

/*
 * Input, waiting for room. *ret_taken (may be NULL) is how much was taken, also when
 * CWSANDBOX_E_TIMEOUT or an error cut it short. CWSANDBOX_E_ENDED: the session has ended, or its
 * input was closed.
 */
int cwsandbox_terminal_write(struct cwsandbox_terminal *t, const void *data, size_t n,
	int timeout_ms, size_t *ret_taken);
/* The text and a newline, whole or, on timeout before the first byte, not at all. */
int cwsandbox_terminal_writeline(struct cwsandbox_terminal *t, const char *text, int timeout_ms);
/* End of input, after what was written. Does nothing a second time, or after the session's end. */
int cwsandbox_terminal_close_stdin(struct cwsandbox_terminal *t);
/* Fire and forget. CWSANDBOX_E_ENDED: the session has ended. */
int cwsandbox_terminal_resize(struct cwsandbox_terminal *t, unsigned cols, unsigned rows);

/*
 * Waits for the end; CWSANDBOX_E_TIMEOUT leaves the session running. Takes no output: what was not
 * read can still be read afterwards. A program that cannot write its output because nobody reads
 * does not end.
 */
int cwsandbox_terminal_wait(struct cwsandbox_terminal *t, int timeout_ms, int *ret_code);

struct cwsandbox_terminal_result {
	int returncode;     /* -1: ended without one */
	const char *reason; /* NULL, or why it ended; lives as long as t */
	const char *message;
};
/* As wait, and more of it. CWSANDBOX_E_REFUSED: the session failed; cwsandbox_terminal_error() says
 * how. */
int cwsandbox_terminal_result(
	struct cwsandbox_terminal *t, int timeout_ms, struct cwsandbox_terminal_result *ret);
/* Ends the program. */
int cwsandbox_terminal_kill(struct cwsandbox_terminal *t, int timeout_ms);

/* What went wrong last in the calling of this terminal. Never NULL; lives until the next call that
 * fails. */
const struct cwsandbox_error *cwsandbox_terminal_error(const struct cwsandbox_terminal *t);

#ifdef __cplusplus
}
#endif

#endif
