/*
 * cli - what the commands of cwsandbox share: connecting, asking, telling what went wrong
 *
 * Results of commands are exit codes. Errors are one line on stderr, "Error: ...".
 */
#ifndef CLIENT_CLI_H
#define CLIENT_CLI_H

#include "client/cwsandbox.h"
#include "client/errors.h"
#include "client/options.h"
#include "common/cfg.h"

enum {
	EXIT_OK = 0,
	EXIT_ERROR = 1,
	EXIT_USAGE = 2,
	EXIT_INTERRUPTED = 130,
	EXIT_DETACHED = 254, /* another client took over or detached this one, or its policy did */
	EXIT_LOST = 255,     /* the session could not be reached, or ended without an exit code */
};

#define START_TIMEOUT_MS 20000   /* for a daemon to start and answer */
#define ANSWER_TIMEOUT_MS 320000 /* above every deadline of the service */
#define READY_TIMEOUT_MS 300000  /* for a sandbox to run */

struct cli {
	const char *auth; /* of --auth or CWSANDBOX_AUTH; NULL */
	struct cfg cfg;
	struct cwsandbox_config config;
	char *ca_file; /* made absolute */
	struct cwsandbox *c;
	int sigint_code; /* what Ctrl-C ends us with; 1 says "Aborted!" first */
	bool embedded;   /* nobody chose a service: it is the embedded one, and that was not said */
	bool missing;    /* what was asked for is not there */
	uint32_t created; /* request that made a sandbox which is deleted if we go now; 0: none */
};

/* What a command needs of the daemon. */
enum cli_need {
	CLI_SERVICE,  /* the service: a newcomer for whom it starts is told which one it is */
	CLI_SESSIONS, /* only the daemon's sessions */
	CLI_NO_START, /* as CLI_SESSIONS,
		and no daemon is started: CWSANDBOX_E_NO_DAEMON is said by the return value */
};

void cli_init(struct cli *cli);
void cli_done(struct cli *cli);
/* Back to what it was before cli_connect(). */
void cli_disconnect(struct cli *cli);
/* 0; CWSANDBOX_E_NO_DAEMON with CLI_NO_START; < 0: failed, and said so. */
int cli_connect(struct cli *cli, enum cli_need need);
/* To the embedded service, whichever one is configured, by way of a daemon that runs. CWSANDBOX_E_NO_DAEMON: it does
 * not run, or the daemon does not; < 0: failed, and said so. */
int cli_connect_embedded(struct cli *cli);

/* Keeps in mind that an error says so. */
void cli_note_missing(struct cli *cli, const struct cwsandbox_error *e);
/* After a command: who has chosen no service and misses something there may have meant another. */
void cli_explain(struct cli *cli);

/*
 * A request and its answer, with a word on stderr when it takes more than a second. 0 with
 * event->answer, CWSANDBOX_E_REFUSED with event->error, or -errno with the same. The event lives
 * until the next request.
 */
int cli_try(struct cli *cli, const struct cwsandbox_request *q, struct cwsandbox_event *ret);
/* The same; what fails is printed and EXIT_ERROR returned. */
int cli_ask(struct cli *cli, const struct cwsandbox_request *q, const struct error_context *x,
	struct cwsandbox_event *ret);
/* Somebody knows of the sandbox that was made: it stays. */
void cli_keep(struct cli *cli);
/* Waits until `id` is running: 0, or an exit code with the error printed. */
int cli_await_running(struct cli *cli, const char *id);

/* Prints "Error: ..."; EXIT_ERROR. What comes from outside must be encoded by the caller, or by
 * cli_refuse(). */
int cli_error(const char *fmt, ...) _printf_(1, 2);
int cli_refuse(const struct cwsandbox_error *e, const struct error_context *x);
/* For people only: a line on a terminal's stderr, where scripts rely on the official words. */
void cli_tell(const char *fmt, ...) _printf_(1, 2);
/* A usage error found by a command itself: EXIT_USAGE. */
int cli_usage(const struct command *command, const char *fmt, ...) _printf_(2, 3);

/* Writes all; -errno (-EPIPE: the reader has gone). */
int cli_write(int fd, const void *data, size_t n);
/* Text to stdout; 0, or the exit code of a command whose output failed (0 again if its reader has
 * gone). */
int cli_print(const char *text, size_t n);
/* --timeout, or what the official client gives each call; in milliseconds: at most max_s. */
#define CLI_TIMEOUT_S 300.0
#define CLI_TIMEOUT_MAX_S (30.0 * 24 * 3600)
double cli_timeout_s(const struct parsed *p);
uint64_t cli_timeout_ms(const struct parsed *p, double max_s);
/* --history: lines, at most what a session can have. */
uint64_t cli_history(const struct option_value *v);
/* Text from outside made printable, in buf; "-" for NULL and "". */
const char *cli_show(char *buf, size_t cap, const char *s);

/* Says what takes so long, from the second second on; cleared by the next line. */
#define CLI_PROGRESS_MS 1000 /* until it does, and each time it says so again */
struct cli_progress {
	int64_t since_ms;
	bool shown;
};
void cli_progress_begin(struct cli_progress *p);
void cli_progress_tick(struct cli_progress *p, const char *what);
void cli_progress_end(struct cli_progress *p);
int64_t cli_now_ms(void);

/* "2026-01-02 03:04:05 UTC"; "-" for 0. */
const char *cli_time(char buf[32], int64_t at_ms);
/* stderr takes colours: a terminal, and NO_COLOR is not set. */
bool cli_colours(int fd);

/* ---- the commands ---- */

extern const struct command command_attach, command_capture, command_create, command_daemon_restart,
	command_daemon_start, command_daemon_status, command_daemon_stop, command_delete,
	command_detach, command_exec, command_files_read, command_files_write, command_get,
	command_kill, command_logs, command_ls, command_new, command_rename, command_resize,
	command_sessions, command_set, command_sh, command_snapshots_create,
	command_snapshots_delete, command_snapshots_get, command_snapshots_list, command_stop;

extern const char *const choices_output[], *const choices_plane[];
/* 0, or, as `direct` has no way around the gateway here, an exit code with the error printed. */
int cli_check_plane(const struct parsed *p);

#endif
