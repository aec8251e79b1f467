/*
 * vault - where snapshots lie, and the children that make, remove and restore them
 *
 *     snapshots/ID.record    what is known of it, a packed message
 *     snapshots/ID.tar.zst   the archive, once it is whole: written as ID.part, synced, renamed
 *
 * A service that was killed removes the parts at its next start and makes what was not finished
 * again, from the folder of its sandbox, which is kept for that.
 *
 * Owner:  a snapshot's job belongs to it; a restore's to who restores.
 * Bounds: VAULT_JOBS_MAX archives are made or removed at a time; the others wait, in state CREATING
 *         or DELETING.
 */
#ifndef LOCAL_VAULT_H
#define LOCAL_VAULT_H

#include "local/box.h"
#include "local/job.h"
#include "local/snapshot.h"

#define VAULT_JOBS_MAX 2
#define VAULT_WHY_MAX 512

struct vault {
	struct snapshots set;
	struct jobs *jobs;
	struct boxes *boxes;
	int fd; /* of the folder */
	unsigned n_running;
	bool stopping;
};

/* Reads what there is. */
int vault_open(struct vault *v, struct boxes *boxes, struct jobs *jobs, int state_fd);
/* The sandboxes are known again: what was not finished begins. */
void vault_resume(struct vault *v);
/* The service ends: nothing new, and what is being made waits for the next start. */
void vault_stop(struct vault *v);
void vault_done(struct vault *v);

/* SNAPSHOT_E_FULL, _BYTES, _BUSY. */
int vault_room(struct vault *v, size_t n);
/* Begins one of a volume of that sandbox, now or when the sandbox has ended. */
int vault_create(struct vault *v, const struct snapshot_new *what, struct snapshot **ret);
/* sn may be gone already when this returns. */
void vault_delete(struct vault *v, struct snapshot *sn);
/* Takes back one of which nothing has begun, as if it had never been asked for. */
void vault_withdraw(struct vault *v, struct snapshot *sn);
/* The child that restores sn into the folder dir_fd. */
int vault_restore(struct vault *v, const struct snapshot *sn, int dir_fd,
	const struct folder_owner *owner, struct job *j);

/* Whether a sandbox's folder is still needed: the vault then removes it in the end. */
bool vault_wants(struct vault *v, const char *sandbox_id);
/* Nothing runs in a sandbox any more. */
void vault_sandbox_over(struct vault *v);

#endif
