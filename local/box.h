/*
 * box - the rim of one sandbox: its init's socket, its processes, its folder, its clock
 *
 * Owner:   `struct boxes` owns every box; a box holds a reference to its sandbox. boxes_flush()
 *          alone frees.
 * Errors:  -errno.
 */
#ifndef LOCAL_BOX_H
#define LOCAL_BOX_H

#include "common/io/loop.h"
#include "common/list.h"
#include "local/cgroup.h"
#include "local/cleaner.h"
#include "local/init_proto.h"
#include "local/job.h"
#include "local/launch.h"
#include "local/limits.h"
#include "local/net.h"
#include "local/sandbox.h"
#include "local/spec.h"
#include "local/watch.h"

#define BOX_PROCESSES_MAX 12288          /* at once in one sandbox */
#define BOX_BUCKETS 256                  /* a power of two */
#define BOX_REAP_USEC (3 * USEC_PER_SEC) /* how long an init may take to end by itself */
#define BOX_MESSAGES_A_TURN 64
#define BOXES_STARTING_MAX                                                                         \
	16 /* launched or restored into at the same time; the others are PENDING */

struct process;
struct box;
struct vault;

struct boxes {
	struct loop *loop;
	struct registry reg;
	struct launcher launcher;
	struct rootfs_set images;
	struct cgroup cgroup;
	struct list all;     /* struct box::link */
	struct list waiting; /* struct box::turn: to be started */
	unsigned n_starting; /* <= BOXES_STARTING_MAX */
	struct list dead;
	struct cleaners cleaners;
	struct jobs jobs;
	struct vault *vault; /* of the snapshots */
	struct watch watch;
	uint64_t memory_bytes; /* this machine's */
	bool stopping;
};

/* Who is told that a main process's log grew or ended. */
struct log_waiter {
	struct list link; /* struct box_main::waiters */
	void (*wake)(struct log_waiter *w);
	const struct log_reader *reader;
	bool given_up; /* it was waited for once, and did not come */
};

/* A file on its way: on_done once, with an fd that is the callee's, or an error. */
struct opening {
	struct list link; /* struct box::openings */
	uint32_t id;
	void (*on_done)(struct opening *o, int error, int fd, uint64_t size);
};

/* The main process of a container. */
struct box_main {
	struct box *b;
	size_t index;      /* of the container */
	struct process *p; /* NULL: not yet, or no more */
	struct list waiters;
	uint64_t hold_until_usec; /* it waits for who follows its log; 0: it does not */
};

/* A volume being filled before the launch. */
struct box_restore {
	struct job job;
	struct box *b;
	const char *volume;
};

struct box {
	struct boxes *boxes;
	struct list link, turn;
	struct sandbox *sb;
	struct limits limits;
	bool over;     /* nothing runs, it waits to be freed */
	bool starting; /* counted in boxes->n_starting */
	struct box_restore *restores;
	size_t n_restoring;
	pid_t pid; /* the child that leads to the init; 0: reaped */
	int sock, stderr_fd;
	char *home;
	struct event *ev_read, *ev_write, *ev_timer;
	struct net net;
	struct event *ev_net; /* NULL, or its start is waited for */
	struct list unsent; /* struct packet::link */
	struct list processes[BOX_BUCKETS];
	size_t n_processes;
	struct list openings;
	struct box_main *mains; /* one for each container */
	uint32_t next_id;
	uint64_t reap_by_usec; /* 0: the init may live */
};

int boxes_init(struct boxes *bs, struct loop *loop);
void boxes_done(struct boxes *bs);
/* SIGCHLD came. */
void boxes_reap(struct boxes *bs);
void boxes_flush(struct boxes *bs);
/* The service ends: every sandbox is stopped, and killed after grace_sec. */
void boxes_stop(struct boxes *bs, uint64_t grace_sec);
bool boxes_idle(const struct boxes *bs); /* nothing runs, nothing is being removed */

/* Launches it when its turn comes; a failure ends in the sandbox's state and reason. */
void box_start(struct boxes *bs, struct sandbox *sb);
/* NULL: it has no processes (any more). */
struct box *box_of(const struct sandbox *sb);
/* To TERMINATING: SIGTERM to the main processes, the end of all after grace_sec. */
void box_stop(struct box *b, uint64_t grace_sec);
/* To FAILED, now, with the reason given. */
void box_fail(struct box *b, const char *fmt, ...) _printf_(2, 3);
/* -E2BIG, -ENOMEM, -EPIPE. */
int box_send(struct box *b, const struct init_message *m);
int box_open(struct box *b, const char *path, uint32_t flags, struct opening *o);
void opening_cancel(struct opening *o);
/* The environment a process starts with: ours, then the container's. */
int box_env(const struct box *b, size_t container, bool tty, struct spec_env *ret);
const char *box_cwd(const struct box *b, size_t container);
struct box_main *box_main_of(struct box *b, const struct container *c);

#endif
