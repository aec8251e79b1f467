/*
 * stream - the far side of one session or call of the core: the upstream_ops over gRPC calls
 *
 * Waits until the sandbox runs (probe), then makes its call: StreamExec, StreamLogs, ReadFile or WriteFile. The
 * kinds differ in a table of functions.
 *
 * Owner:   the core, from open to close(); after close it tells the core nothing more and buries itself when its
 *          last call has ended.
 * Windows: bytes given to session_output() are held until consume(); all others are returned at once.
 * Ends:    stream_end() once; what comes after it is dropped.
 */
#ifndef DAEMON_STREAM_H
#define DAEMON_STREAM_H

#include "common/wire/exec.h"
#include "daemon/core/session.h"
#include "daemon/outcome.h"
#include "daemon/pool.h"
#include "daemon/probe.h"

#define STREAM_READY_SEC 30 /* from init until the service says `ready` */
/* A frame made for a nearly closed window. */
#define STREAM_FRAME_BYTES (EXEC_STDIN_HEAD_MAX + (size_t)1024)
#define STREAM_ERRORS_MAX 1024                     /* bytes kept of a helper script's stderr */
#define STREAM_LOG_ENTRY_MAX ((size_t)1024 * 1024) /* bytes */
#define STREAM_FILE_UNARY_MAX (UINT64_C(32) * 1024 * 1024)
#define STREAM_FILE_MAX (UINT64_C(256) * 1024 * 1024)

struct stream;

/* What an exec's events mean to its kind. */
struct stream_exec_ops {
	void (*on_output)(struct stream *s, const struct exec_event *ev);
	void (*on_exit)(struct stream *s, int exit_code);
};

struct stream_kind {
	/* The sandbox runs: start the call. */
	int (*begin)(struct stream *s);
	void (*on_timer)(struct stream *s);
	bool ended_too; /* makes sense in an ended sandbox */
};

struct stream {
	struct grave grave;
	struct pool *pool;
	struct endpoint *ep;
	struct session *session;
	const struct stream_kind *kind;
	struct probe probe;
	struct call call;
	char *sandbox_id, *container, *path; /* container NULL = primary */
	bool is_shell, follow, timestamps, stdin_open;
	bool up, ended, closed, buried;
	uint64_t timeout_usec, until_usec; /* of the call itself, once it began; 0 = none */
	struct event *timer;               /* the exec's ready, the logs' pause */
	size_t held;                       /* bytes the core has and has not given back */
	size_t stale;                      /* of them, those of an earlier call */
	size_t n_input;                    /* bytes taken from the session */

	struct {
		const struct stream_exec_ops *ops;
		struct exec_reader reader;
		bool ready, half_closed; /* half_closed: the last frame is on the stage, or was */
		unsigned cols, rows, told_cols, told_rows;
		/* What goes next, in pieces where the window is nearly closed. */
		uint8_t stage[STREAM_FRAME_BYTES + EXEC_CONTROL_MAX];
		size_t n_stage, stage_pos;
		char errors[STREAM_ERRORS_MAX]; /* stderr of a helper script */
		size_t n_errors;
	} exec;
	struct {
		struct grpc_gather gather;
		char *log_session;
		uint64_t offset;
		unsigned n_fruitless; /* attempts in a row without data */
		bool got_data;
		bool again, again_fresh; /* an error frame said so; once the call has ended */
		uint32_t tail_lines;
		uint64_t since_usec;
	} logs;
	struct {
		uint64_t size, done; /* WRITE: of the file, and taken from the input */
		uint64_t expected;   /* READ by script; UINT64_MAX: unknown */
		uint8_t head[16];    /* of the answer, until its shape is known */
		size_t n_head;
		uint64_t left; /* content bytes of the answer still to come */
		bool in_content;
		unsigned n_attempts;
	} file;
};

/* upstream_service.open. */
int stream_open(struct pool *pool, struct endpoint *ep, struct session *session,
	const struct upstream_spec *spec, const struct upstream_ops **ret_ops, void **ret_upstream);

/* ---- for the kinds ---- */

extern const struct stream_kind stream_exec_kind, stream_logs_kind, stream_read_kind,
	stream_write_kind;

void stream_end(struct stream *s, const struct session_end *how);
void stream_fail(struct stream *s, const struct outcome *o);
void stream_fail_status(struct stream *s, const struct grpc_status *st);
void stream_up(struct stream *s);
/* Gives output to the core; false: it could not take it and the stream has ended. */
bool stream_output(struct stream *s, const uint8_t *data, size_t n, unsigned which);
/* Starts s->call for what is left of its own time; a failure ends the stream. */
int stream_call(struct stream *s, const char *path);
void stream_arm(struct stream *s, uint64_t usec);
/* A call of it has ended: buries the stream if it is closed and nothing runs any more. */
void stream_rest(struct stream *s);
struct stream *stream_of_call(struct call *c);

/* stream_exec.c: the shell, an exec, and scripts for files. */
int stream_exec_prepare(struct stream *s, const struct upstream_spec *spec);
int stream_exec_script(struct stream *s, const char *const *argv, size_t n_argv,
	const struct stream_exec_ops *ops);
void stream_exec_resize(struct stream *s, unsigned cols, unsigned rows);
void stream_exec_done(struct stream *s);
/* stream_logs.c */
int stream_logs_prepare(struct stream *s, const struct upstream_spec *spec);
void stream_logs_done(struct stream *s);
/* stream_file.c */
int stream_file_prepare(struct stream *s, const struct upstream_spec *spec);

#endif
