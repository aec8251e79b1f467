/*
 * init_reap - kills every process below the caller, which must be a subreaper
 */
#ifndef LOCAL_INIT_REAP_H
#define LOCAL_INIT_REAP_H

#include <sys/types.h>

#include "common/util.h"

/* Returns when no child is left. */
void init_kill_all(void);
/* SIGKILL to each child that `keep` does not answer true for (NULL: to every one). */
void init_kill_children(bool (*keep)(pid_t pid, void *arg), void *arg);

#endif
