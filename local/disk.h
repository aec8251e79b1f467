/*
 * disk - how much of the disk a sandbox holds, and what follows from it
 *
 * Units:  bytes as allocated; a file with several names counts once over all of them.
 * Errors: -errno.
 *
 * The user's machine keeps DISK_FREE_BYTES: when less than that and a margin is left, nothing new is
 * taken on, and the sandbox that holds most is ended, until there is more. A sandbox that holds
 * little is never what is in the way.
 */
#ifndef LOCAL_DISK_H
#define LOCAL_DISK_H

#include "common/util.h"

#define DISK_FREE_BYTES ((uint64_t)1 << 30)
#define DISK_MARGIN_BYTES ((uint64_t)512 << 20) /* what is written while it is looked into */
#define DISK_NEAR_BYTES ((uint64_t)8 << 30)     /* below: the free space is looked at often */
#define DISK_LITTLE_BYTES ((uint64_t)16 << 20)
#define DISK_POLL_USEC USEC_PER_SEC
#define DISK_POLL_NEAR_USEC (100 * USEC_PER_MSEC)
/* Counting files costs: only when the disk got fuller, at most a tenth of the time, and anyway now and then. */
#define DISK_COUNT_STEP_BYTES ((uint64_t)4 << 20)
#define DISK_COUNT_USEC (2 * USEC_PER_SEC)
#define DISK_COUNT_SHARE 10
#define DISK_COUNT_ANYWAY_USEC (60 * USEC_PER_SEC)
#define DISK_DEPTH_MAX 256 /* folders in folders */

struct disk_use {
	uint64_t bytes, files;
	bool too_deep;
};

/* When files were counted last. */
struct disk_count {
	uint64_t free_bytes; /* the most there was since */
	uint64_t begun_usec, took_usec;
};

/* Of all below `name`. Folders are made readable to their owner, to whom inside modes are nothing. */
int disk_use(int parent_fd, const char *name, struct disk_use *ret);
int disk_free_bytes(int fd, uint64_t *ret);
bool disk_is_low(uint64_t free_bytes);
/* Whether n more bytes may be written. */
bool disk_has_room(uint64_t free_bytes, uint64_t n);
uint64_t disk_poll_usec(uint64_t free_bytes);
/* Room that was made meanwhile does not hide what is written next. */
void disk_seen(struct disk_count *last, uint64_t free_bytes);
/* Whether it got fuller since. */
bool disk_fills(const struct disk_count *last, uint64_t free_bytes);
bool disk_count_due(const struct disk_count *last, uint64_t now_usec, uint64_t free_bytes);

#endif
