/*
 * cleaner - removes the folders of sandboxes that are over, in children: however much one left there, the service
 * goes on
 *
 * A child ends with the service; what it did not get to is removed at the next start.
 */
#ifndef LOCAL_CLEANER_H
#define LOCAL_CLEANER_H

#include <sys/types.h>

#include "common/list.h"

struct cleaners {
	struct list all; /* struct cleaner::link */
	int dir_fd;      /* where the folders are; not owned */
};

void cleaners_init(struct cleaners *cs, int dir_fd);
void cleaners_done(struct cleaners *cs);
void cleaners_remove(struct cleaners *cs, const char *name);
/* Everything that is there now and is not to be kept: of a service that was killed. */
void cleaners_remove_all(
	struct cleaners *cs, bool (*keep)(const char *name, void *arg), void *arg);
bool cleaners_has(const struct cleaners *cs, pid_t pid);
/* A child was reaped; false: it was none of these. */
bool cleaners_reaped(struct cleaners *cs, pid_t pid);
bool cleaners_idle(const struct cleaners *cs);

#endif
