/*
 * watch - keeps sandboxes to what they may use where the kernel does not: memory, disk, files
 *
 * Memory is counted by each sandbox's init. Files are counted in a child, one at a time: however
 * many there are, the service goes on. While the disk is low and still fills, every process with
 * walls is stopped until the count says who is to blame.
 */
#ifndef LOCAL_WATCH_H
#define LOCAL_WATCH_H

#include <event2/event.h>

#include "local/disk.h"
#include "local/init_proto.h"
#include "local/job.h"

struct box;
struct boxes;

struct watch {
	struct boxes *boxes;
	struct event *ev_poll;
	struct disk_count last;
	uint64_t free_bytes; /* as of the last look */
	bool frozen;
	struct job job;         /* the count */
	struct watch_job *jobs; /* what it counts; NULL: nothing now */
	size_t n_jobs;
	int found_fd; /* where the child writes a struct disk_use for each */
};

int watch_init(struct watch *w, struct boxes *bs);
void watch_done(struct watch *w);
/* The service ends: nothing is counted any more. */
void watch_stop(struct watch *w);
/* There is a sandbox now. */
void watch_wake(struct watch *w);
/* Its init is up: it is told what it may use. */
void watch_begin(struct box *b);
/* Its init says it used more. */
void watch_over(struct box *b, const struct init_head *h);
/* Whether n more bytes may be written to the disk, by a sandbox or for one. */
bool watch_has_room(struct watch *w, uint64_t n);

#endif
