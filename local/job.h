/*
 * job - a piece of work that blocks, in a child: the service goes on
 *
 * The child has the descriptors it is given and no others of the service, may have given up root,
 * runs with low priority, and is killed with the service or when its time is over. What it found
 * out is in a page both share.
 *
 * Owner: who starts a job owns it and keeps it until on_done, which comes once, after the child is
 *        gone.
 * Bounds: JOB_TIME_USEC.
 */
#ifndef LOCAL_JOB_H
#define LOCAL_JOB_H

#include "common/io/loop.h"
#include "common/list.h"
#include "local/folder.h"

#define JOB_TIME_USEC (600 * USEC_PER_SEC) /* what the official client waits for a snapshot */
#define JOB_FDS_MAX 4
#define JOB_WHY_BYTES 256

struct job_report {
	int error; /* 0, or as -errno: what run() returned; -ECANCELED: killed; -ETIMEDOUT */
	uint64_t bytes;
	char why[JOB_WHY_BYTES]; /* where it failed, printable */
};

struct job {
	struct list link; /* struct jobs::all */
	pid_t pid;
	struct event *ev_time;
	struct job_report *report; /* shared */
	bool cancelled, late;
	void (*on_done)(struct job *j, const struct job_report *report);
};

struct jobs {
	struct loop *loop;
	struct list all;
};

struct job_what {
	int (*run)(const int *fds, void *arg, struct job_report *report); /* in the child */
	void *arg;            /* the child has a copy of all that is behind it */
	int fds[JOB_FDS_MAX]; /* what the child keeps; still the caller's */
	size_t n_fds;
	struct folder_owner owner; /* whom the child becomes */
};

void jobs_init(struct jobs *js, struct loop *loop);
/* Kills what runs and forgets it: no on_done. */
void jobs_done(struct jobs *js);
/* -ENOMEM, -EAGAIN: on_done will not come. */
int job_start(struct jobs *js, struct job *j, const struct job_what *what);
void job_cancel(struct job *j);
bool jobs_has(const struct jobs *js, pid_t pid);
/* A child was reaped; false: it was none of these. */
bool jobs_reaped(struct jobs *js, pid_t pid, int status);
bool jobs_idle(const struct jobs *js);

#endif
