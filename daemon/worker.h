/*
 * worker - blocking work off the loop: one thread, one bounded queue
 *
 * A job is run on the thread and then finished on the loop. `run` touches nothing but its job; `done` is
 * called on the loop exactly once for each job that was taken, also when the worker ends (then `run` may not
 * have been called: `ran` says).
 *
 * Bounds:  WORKER_JOBS_MAX jobs wait or run; worker_submit() answers -EAGAIN beyond.
 * Threads: all functions are called by the loop thread.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <pthread.h>

#include "common/io/loop.h"
#include "common/list.h"

#define WORKER_JOIN_SEC 2 /* for a job at the end */
#define WORKER_JOBS_MAX 256

struct job {
	struct list link;
	void (*run)(struct job *job);  /* on the thread */
	void (*done)(struct job *job); /* on the loop; frees the job */
	bool ran;
};

struct worker {
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	struct list todo, finished; /* struct job::link */
	bool stop;
	size_t n_jobs; /* loop only */
	int fd;        /* eventfd: something is finished */
	struct event *ev;
};

int worker_init(struct worker *w, struct loop *loop);
/* Waits a moment for the job that runs; the others are finished without having run. False: the thread still
 * runs and its job is left to it; only an end of the process is right then. */
bool worker_done(struct worker *w);
int worker_submit(struct worker *w, struct job *job);

#endif
