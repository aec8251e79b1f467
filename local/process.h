/*
 * process - one process in a sandbox, as the service sees it: its output pulled, its input pushed
 * as far as it goes
 *
 * Owner:  its box, until it was reaped there. Who started it is told through `ops`, and lets go
 * with process_abandon(); ops are never called after that, nor after on_gone. Flow:   nothing is
 * read before it is asked for: process_read() reads straight into the caller's buffer. A process
 *         whose reader stops therefore stops at its pipe. Input it does not take waits here;
 * `on_taken` says when it took it, so that what waits is never more than the caller's window. End:
 * after `exited` process_read() gives what was in the pipes then, and no more: who inherited them
 * does not hold up the end.
 */
#ifndef LOCAL_PROCESS_H
#define LOCAL_PROCESS_H

#include "local/box.h"
#include "local/init_child.h"

#define PROCESS_TTY_TAIL_MAX                                                                       \
	((size_t)128 * 1024) /* bytes a terminal can hold for us: 64 KiB and its line buffer */

enum process_stream { PROCESS_STDOUT, PROCESS_STDERR, _PROCESS_STREAM_N };

struct process;

struct process_ops {
	void (*on_started)(struct process *p, void *arg);
	/* It never ran; `error` as -errno, `stage` what it was at. */
	void (*on_failed)(struct process *p, int error, enum init_stage stage, void *arg);
	/* process_read() has something, or process_over() became true. */
	void (*on_output)(struct process *p, void *arg);
	void (*on_taken)(struct process *p, size_t n, void *arg);
	void (*on_exited)(struct process *p, void *arg);
	/* The sandbox ended with it; p is gone. */
	void (*on_gone)(struct process *p, void *arg);
};

struct process_out {
	struct process *p;
	int fd;
	struct event *ev; /* NULL, or made */
	/* `added`: the event is there. It stays so between two waits: while all is read as it comes,
	 * that costs no word to the kernel. */
	bool added, waiting, ended;
	size_t left; /* after the exit: bytes still to come */
};

#define PROCESS_NAME_BYTES 128 /* of its program as it is shown, with NUL */

struct process {
	struct box *box;
	struct list link; /* struct box::processes */
	uint32_t id;
	const struct process_ops *ops;
	void *arg;
	bool tty, started, exited, closing;
	size_t n_fds; /* that its init is to send */
	int status;   /* as of wait(2) */
	struct process_out out[_PROCESS_STREAM_N];
	enum process_stream turn;
	int in_fd; /* a tty: the same as out[0].fd */
	struct event *ev_in;
	uint8_t *in; /* what it did not take yet */
	size_t in_n, in_pos, in_cap;
	uint8_t in_last; /* the last byte it took */
	char program[PROCESS_NAME_BYTES];
};

struct process_start {
	const char *const *argv;
	size_t n_argv;
	struct spec_env *env;
	const char *cwd;
	bool tty, no_stdin;
	uint32_t cols, rows;
	const struct process_ops *ops;
	void *arg;
};

/* -E2BIG: command and environment are too long; -EBUSY: too many processes; -ENOMEM, -EPIPE. */
int process_start(struct box *b, const struct process_start *what, struct process **ret);
/* Up to n bytes; 0: none now, on_output follows. */
size_t process_read(struct process *p, uint8_t *buf, size_t n, enum process_stream *ret);
/* on_output when there is something, though process_read() was not asked to the end. */
void process_poll(struct process *p);
bool process_has_output(const struct process *p); /* process_read() would give some */
bool process_over(const struct process *p);
int process_exit_code(const struct process *p); /* 128 + n after signal n */
/* Takes all of it. */
int process_write(struct process *p, const uint8_t *data, size_t n);
/* The end of input, behind what waits: a closed pipe, or a tty's VEOF. */
void process_close_input(struct process *p);
void process_resize(struct process *p, uint32_t cols, uint32_t rows);
void process_signal(struct process *p, int sig);
/* Nobody cares any more: what still runs of its group is hung up, then killed. */
void process_abandon(struct process *p);

/* For box: what its init said. */
struct process *process_find(struct box *b, uint32_t id);
void process_on_started(struct process *p, const int *fds, size_t n_fds); /* takes the fds */
void process_on_failed(struct process *p, int error, enum init_stage stage);
void process_on_exited(struct process *p, int status);
void process_on_gone(struct process *p);

#endif
