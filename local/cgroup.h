/*
 * cgroup - limits the kernel keeps itself: a control group (version 2) for each sandbox
 *
 * Only where they can be had without asking anybody: below a group that is ours to divide
 * (delegated, or root's) and that has the memory and pids controllers.
 *
 *     BASE/cwsandbox-local.PID/ID     one for each sandbox
 *
 * Nothing is left behind: a sandbox's group goes with it, ours with the service, and what a killed
 * service left goes when the next one starts.
 *
 * Errors: -errno, with a reason in why[CGROUP_WHY_MAX].
 */
#ifndef LOCAL_CGROUP_H
#define LOCAL_CGROUP_H

#include "local/limits.h"

#define CGROUP_WHY_MAX 160
#define CGROUP_PATH_MAX 4096
#define CGROUP_LEFT_MAX 64 /* whose last process is still ending; more go with our own group */
#define CGROUP_ID_BYTES 40
#define CGROUP_CPU_PERIOD_USEC 100000

struct cgroup {
	int base_fd, fd; /* -1: there are none */
	int own_fd;      /* the one we were in, when we moved to a leaf of it; else -1 */
	char name[32];   /* ours, in the base */
	char left[CGROUP_LEFT_MAX][CGROUP_ID_BYTES]; /* groups to be removed yet */
	size_t n_left;
};

#define CGROUP_NONE ((struct cgroup){ .base_fd = -1, .fd = -1, .own_fd = -1 })

/* root_fd: where cgroups are mounted, or -1 to look for it; own: our group's path, or NULL to look
 * for it. */
int cgroup_open(struct cgroup *cg, int root_fd, const char *own, char why[CGROUP_WHY_MAX]);
void cgroup_close(struct cgroup *cg);
bool cgroup_is_open(const struct cgroup *cg);
/* A group with those limits; its folder, for cgroup_enter(). */
int cgroup_make(const struct cgroup *cg, const char *id, const struct limits *l, uint32_t processes,
	int *ret_fd);
/* In a child. */
int cgroup_enter(int fd);
/* Whether the kernel killed a process in it for want of memory. */
bool cgroup_ran_out(const struct cgroup *cg, const char *id);
/* Now, or by cgroup_remove_left() when its last process has ended. */
void cgroup_remove(struct cgroup *cg, const char *id);
void cgroup_remove_left(struct cgroup *cg);

/* Whether `words`, a file's text, has that one. */
bool cgroup_has_word(const char *words, const char *word);

#endif
