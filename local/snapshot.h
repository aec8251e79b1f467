/*
 * snapshot - the snapshots there are: records, states, limits, listing
 *
 * Pure: what happened and when comes in. A record is the service's own message; on disk it is the
 * same.
 *
 *     CREATING -> READY | FAILED;  any -> DELETING -> forgotten
 *
 * Owner:  the set owns every snapshot until snapshot_forget().
 * Bounds: SNAPSHOTS_MAX records, SNAPSHOTS_BYTES_MAX of archives, SNAPSHOTS_UNFINISHED_MAX being
 *         made; when the records are too many, the oldest failed one goes first.
 */
#ifndef LOCAL_SNAPSHOT_H
#define LOCAL_SNAPSHOT_H

#include "common/clock.h"
#include "common/list.h"
#include "coreweave/sandbox/v1/sandbox.pb-c.h"
#include "local/job.h"

#define SNAPSHOTS_MAX 1000
#define SNAPSHOTS_BYTES_MAX (UINT64_C(64) << 30)
#define SNAPSHOTS_UNFINISHED_MAX 64
#define SNAPSHOT_CONTENT_MAX (UINT64_C(8) << 30) /* bytes of one volume */
#define SNAPSHOT_ENTRIES_MAX UINT64_C(1000000)
#define SNAPSHOT_KEEP_FREE (UINT64_C(1) << 30) /* of the host's disk */
#define SNAPSHOT_ID_BYTES 37                   /* a UUID and its NUL */
#define SNAPSHOT_RECORD_MAX 8192               /* bytes packed */

#define SNAPSHOT_E_FULL 1
#define SNAPSHOT_E_BYTES 2
#define SNAPSHOT_E_BUSY 3
#define SNAPSHOT_E_CONFLICT 4

typedef Coreweave__Sandbox__V1__FileSystemSnapshot SnapshotRecord;

/* What a job of it is about. */
enum snapshot_work { SNAPSHOT_IDLE, SNAPSHOT_SAVING, SNAPSHOT_SETTLING, SNAPSHOT_REMOVING };

struct snapshot {
	struct list link; /* struct snapshots::all, oldest first */
	uint64_t seq;
	SnapshotRecord *m; /* owned */
	enum snapshot_work work;
	uint64_t archive_bytes; /* saved, not READY yet */
	struct job job;
	void *rim;
};

struct snapshots {
	struct list all;
	size_t n, n_unfinished;
	uint64_t bytes, next_seq;
};

struct snapshot_new {
	const char *id, *sandbox_id, *volume, *request_id;
	Coreweave__Sandbox__V1__SnapshotTrigger trigger;
};

void snapshots_init(struct snapshots *set);
void snapshots_done(struct snapshots *set);
/* Whether one more may be made; SNAPSHOT_E_FULL, _BYTES, _BUSY. */
int snapshots_room(const struct snapshots *set, size_t n);
int snapshot_add(struct snapshots *set, const struct snapshot_new *what, uint64_t wall_usec,
	struct snapshot **ret);
/* One that was recorded, taken over; snapshots_sort() follows. -EBADMSG: it makes no sense. */
int snapshot_adopt(struct snapshots *set, SnapshotRecord *m, const char *id, struct snapshot **ret);
void snapshots_sort(struct snapshots *set);
struct snapshot *snapshot_find(struct snapshots *set, const char *id);
/* The one made by that request of that volume, unless it is being deleted. SNAPSHOT_E_CONFLICT: the
 * request id was used for another one. */
int snapshot_find_request(
	struct snapshots *set, const struct snapshot_new *what, struct snapshot **ret);
/* Failed ones may go to make room; NULL: none. */
struct snapshot *snapshot_oldest_failed(struct snapshots *set);
/* One that is being made, of that sandbox; NULL: none. */
struct snapshot *snapshot_unfinished(struct snapshots *set, const char *sandbox_id);

/* The only writers of the state. */
void snapshot_ready(struct snapshots *set, struct snapshot *sn, uint64_t bytes, uint64_t wall_usec);
void snapshot_failed(
	struct snapshots *set, struct snapshot *sn, const char *reason, uint64_t wall_usec);
void snapshot_deleting(struct snapshots *set, struct snapshot *sn, uint64_t wall_usec);
void snapshot_forget(struct snapshots *set, struct snapshot *sn);

/* Up to max, newest first, that come after `after` (0: from the start); source "": of any
 * sandbox. */
size_t snapshots_list(const struct snapshots *set, const char *source, uint64_t after,
	struct snapshot **ret, size_t max, bool *ret_more);
/* What an error of pack_save() or pack_load() means, as a sentence. */
void snapshot_explain(const struct job_report *report, char *text, size_t n);

#endif
