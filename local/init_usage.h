/*
 * init_usage - how much memory the processes of a sandbox use together; for its PID 1
 *
 * Counted: anonymous and shared memory, swapped or not; /dev/shm and System V segments. Not
 * counted: files in the page cache, which the kernel takes back, and memory no process maps (a
 * memfd that was only written to): only a cgroup sees that.
 */
#ifndef LOCAL_INIT_USAGE_H
#define LOCAL_INIT_USAGE_H

#include "common/util.h"

/* How often it is looked at: the fuller, and the faster it fills, the oftener. */
#define USAGE_IDLE_MSEC 1000
#define USAGE_BUSY_MSEC 100
#define USAGE_BUSY_SHARE 2    /* of the limit in use */
#define USAGE_GROWTH_SHARE 16 /* of the limit since the last look */

/* First what is cheap to ask for and never too little; exact only when that is over `limit`. */
uint64_t init_usage_bytes(uint64_t limit);
/* When to look again. */
int init_usage_interval_msec(uint64_t limit, uint64_t before, uint64_t now);

#endif
