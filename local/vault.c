#include "local/vault.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/paths.h"
#include "common/text.h"
#include "local/pack.h"

#define FOLDER "snapshots"
#define NAME_BYTES (SNAPSHOT_ID_BYTES + 16)
#define RECORD ".record"
#define ARCHIVE ".tar.zst"
#define PART ".part"
#define WAS_KILLED "the service ended while it was made, and its sandbox is gone"

#define STATE(name) COREWEAVE__SANDBOX__V1__SNAPSHOT_STATE__SNAPSHOT_STATE_##name
#define ON_DELETE COREWEAVE__SANDBOX__V1__SNAPSHOT_TRIGGER__SNAPSHOT_TRIGGER_ON_DELETE

static const struct pack_limits limits = {
	.bytes = SNAPSHOT_CONTENT_MAX,
	.entries = SNAPSHOT_ENTRIES_MAX,
	.keep_free = SNAPSHOT_KEEP_FREE,
};

static void pump(struct vault *v);

static const char *file_name(const struct snapshot *sn, const char *suffix, char out[NAME_BYTES])
{
	snprintf(out, NAME_BYTES, "%.36s%s", sn->m->file_system_snapshot_id, suffix);
	return out;
}

static uint64_t wall(const struct vault *v)
{
	return v->boxes->loop->clock.wall_usec;
}

/* ---- records ---- */

static int write_record(int fd, const struct snapshot *sn, bool durable)
{
	uint8_t data[SNAPSHOT_RECORD_MAX];
	char name[NAME_BYTES];
	size_t n = coreweave__sandbox__v1__file_system_snapshot__get_packed_size(sn->m);

	if (n > sizeof(data))
		return -EFBIG;
	coreweave__sandbox__v1__file_system_snapshot__pack(sn->m, data);
	file_name(sn, RECORD, name);
	return durable ? paths_write_file(fd, name, data, n)
		       : paths_replace_file(fd, name, data, n);
}

static void remove_files(int fd, const struct snapshot *sn, bool record)
{
	char name[NAME_BYTES];

	unlinkat(fd, file_name(sn, PART, name), 0);
	unlinkat(fd, file_name(sn, ARCHIVE, name), 0);
	if (record)
		unlinkat(fd, file_name(sn, RECORD, name), 0);
}

/* ---- in the children ---- */

static int report_pack(struct job_report *to, const struct pack_report *from, int r)
{
	to->bytes = from->stored;
	if (r)
		text_encode(to->why, sizeof(to->why), from->path, strlen(from->path));
	return r;
}

static int run_save(const int *fds, void *arg _unused_, struct job_report *report)
{
	struct pack_report pr;

	return report_pack(report, &pr, pack_save(fds[0], fds[1], &limits, &pr));
}

static int run_load(const int *fds, void *arg _unused_, struct job_report *report)
{
	struct pack_report pr;

	return report_pack(report, &pr, pack_load(fds[0], fds[1], &limits, &pr));
}

/* The archive is whole and synced: it gets its name, and then the record says so. */
static int run_settle(const int *fds, void *arg, struct job_report *report _unused_)
{
	struct snapshot *sn = arg;
	struct vault *v = sn->rim;
	char from[NAME_BYTES], to[NAME_BYTES];

	if (renameat(fds[0], file_name(sn, PART, from), fds[0], file_name(sn, ARCHIVE, to)) < 0)
		return -errno;
	snapshot_ready(&v->set, sn, sn->archive_bytes, wall(v)); /* this child's copy */
	return write_record(fds[0], sn, true);
}

static int run_remove(const int *fds, void *arg, struct job_report *report _unused_)
{
	remove_files(fds[0], arg, true);
	return fsync(fds[0]) < 0 ? -errno : 0;
}

/* ---- from step to step ---- */

static void on_job(struct job *j, const struct job_report *report);

static int start(
	struct vault *v, struct snapshot *sn, enum snapshot_work work, const struct job_what *what)
{
	int r;

	sn->rim = v;
	sn->job.on_done = on_job;
	r = job_start(v->jobs, &sn->job, what);
	if (!r) {
		sn->work = work;
		v->n_running++;
	}
	return r;
}

static bool box_lives(const struct sandbox *sb)
{
	const struct box *b = box_of(sb);

	return b && b->pid;
}

/* The folder was kept for the snapshots of a sandbox that is over. */
static void release_folder(struct vault *v, const char *sandbox_id)
{
	const struct sandbox *sb = registry_find(&v->boxes->reg, sandbox_id);

	if (sb && (!sandbox_ended(sb) || box_lives(sb)))
		return;
	if (!snapshot_unfinished(&v->set, sandbox_id))
		cleaners_remove(&v->boxes->cleaners, sandbox_id);
}

static void fail(struct vault *v, struct snapshot *sn, const char *why)
{
	remove_files(v->fd, sn, false);
	snapshot_failed(&v->set, sn, why, wall(v));
	write_record(v->fd, sn, false);
	release_folder(v, sn->m->source_sandbox_id);
}

static void fail_by(struct vault *v, struct snapshot *sn, const struct job_report *report)
{
	char why[JOB_WHY_BYTES * 2];

	snapshot_explain(report, why, sizeof(why));
	fail(v, sn, why);
}

static void fail_errno(struct vault *v, struct snapshot *sn, int error)
{
	const struct job_report report = { .error = error };

	fail_by(v, sn, &report);
}

static int save(struct vault *v, struct snapshot *sn)
{
	_cleanup_(closep) int from = -1, to = -1;
	struct job_what what = { .run = run_save, .owner = v->boxes->launcher.owner };
	char name[NAME_BYTES];
	int r = launch_open_volume(
		&v->boxes->launcher, sn->m->source_sandbox_id, sn->m->source_volume_name, &from);

	if (r)
		return r;
	to = openat(v->fd, file_name(sn, PART, name),
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	what.fds[0] = from;
	what.fds[1] = to;
	what.n_fds = 2;
	return start(v, sn, SNAPSHOT_SAVING, &what);
}

static int work_in_folder(struct vault *v, struct snapshot *sn, enum snapshot_work work,
	int (*run)(const int *, void *, struct job_report *))
{
	const struct job_what what = { .run = run, .arg = sn, .fds = { v->fd }, .n_fds = 1 };

	return start(v, sn, work, &what);
}

void vault_withdraw(struct vault *v, struct snapshot *sn)
{
	remove_files(v->fd, sn, true);
	snapshot_forget(&v->set, sn);
}

static void begin_removing(struct vault *v, struct snapshot *sn)
{
	if (work_in_folder(v, sn, SNAPSHOT_REMOVING, run_remove))
		vault_withdraw(v, sn);
}

static void settle(struct vault *v, struct snapshot *sn, uint64_t bytes)
{
	int r;

	sn->archive_bytes = bytes;
	r = work_in_folder(v, sn, SNAPSHOT_SETTLING, run_settle);
	if (r)
		fail_errno(v, sn, r);
}

static void settled(struct vault *v, struct snapshot *sn, const struct job_report *report)
{
	if (report->error)
		return fail_by(v, sn, report);
	snapshot_ready(&v->set, sn, sn->archive_bytes, wall(v));
	release_folder(v, sn->m->source_sandbox_id);
}

static void go_on(struct vault *v, struct snapshot *sn, enum snapshot_work work,
	const struct job_report *report)
{
	if (work == SNAPSHOT_SETTLING)
		settled(v, sn, report);
	else if (report->error)
		fail_by(v, sn, report);
	else
		settle(v, sn, report->bytes);
}

static void on_job(struct job *j, const struct job_report *report)
{
	struct snapshot *sn = container_of(j, struct snapshot, job);
	struct vault *v = sn->rim;
	enum snapshot_work work = sn->work;

	sn->work = SNAPSHOT_IDLE;
	v->n_running--;
	if (work == SNAPSHOT_REMOVING)
		snapshot_forget(&v->set, sn);
	else if (sn->m->state == STATE(DELETING))
		write_record(v->fd, sn, false); /* its child may have written that it is ready */
	else if (!v->stopping)                  /* else it is made again at the next start */
		go_on(v, sn, work, report);
	pump(v);
}

/* A snapshot at the end of its sandbox is of what that left. */
static bool may_begin(const struct vault *v, const struct snapshot *sn)
{
	const struct sandbox *sb;

	if (sn->work)
		return false;
	if (sn->m->state != STATE(CREATING))
		return sn->m->state == STATE(DELETING);
	sb = registry_find(&v->boxes->reg, sn->m->source_sandbox_id);
	return sn->m->trigger != ON_DELETE || !sb || (sandbox_ended(sb) && !box_lives(sb));
}

static struct snapshot *next(const struct vault *v)
{
	struct snapshot *sn;

	list_for_each(sn, &v->set.all, link) {
		if (may_begin(v, sn))
			return sn;
	}
	return NULL;
}

static void begin(struct vault *v, struct snapshot *sn)
{
	int r;

	if (sn->m->state == STATE(DELETING))
		return begin_removing(v, sn);
	r = save(v, sn);
	if (r)
		fail_errno(v, sn, r);
}

static void pump(struct vault *v)
{
	struct snapshot *sn;

	while (!v->stopping && v->n_running < VAULT_JOBS_MAX && (sn = next(v)) != NULL)
		begin(v, sn);
}

/* ---- what is asked for ---- */

int vault_room(struct vault *v, size_t n)
{
	int r = snapshots_room(&v->set, n);
	struct snapshot *failed;

	while (r == SNAPSHOT_E_FULL && (failed = snapshot_oldest_failed(&v->set)) != NULL) {
		vault_withdraw(v, failed);
		r = snapshots_room(&v->set, n);
	}
	return r;
}

int vault_create(struct vault *v, const struct snapshot_new *what, struct snapshot **ret)
{
	struct snapshot *sn;
	int r = snapshot_add(&v->set, what, wall(v), &sn);

	if (r)
		return r;
	r = write_record(v->fd, sn, false);
	if (r) {
		snapshot_forget(&v->set, sn);
		return r;
	}
	*ret = sn;
	pump(v);
	return 0;
}

void vault_delete(struct vault *v, struct snapshot *sn)
{
	bool unfinished = sn->m->state == STATE(CREATING);

	if (sn->m->state == STATE(DELETING))
		return;
	snapshot_deleting(&v->set, sn, wall(v));
	write_record(v->fd, sn, false);
	if (sn->work)
		job_cancel(&sn->job);
	if (unfinished)
		release_folder(v, sn->m->source_sandbox_id);
	pump(v);
}

int vault_restore(struct vault *v, const struct snapshot *sn, int dir_fd,
	const struct folder_owner *owner, struct job *j)
{
	struct job_what what = { .run = run_load, .owner = *owner, .n_fds = 2 };
	char name[NAME_BYTES];
	_cleanup_(closep) int fd =
		openat(v->fd, file_name(sn, ARCHIVE, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	what.fds[0] = fd;
	what.fds[1] = dir_fd;
	return job_start(v->jobs, j, &what);
}

bool vault_wants(struct vault *v, const char *sandbox_id)
{
	return snapshot_unfinished(&v->set, sandbox_id) != NULL;
}

void vault_sandbox_over(struct vault *v)
{
	pump(v);
}

/* ---- the start ---- */

static bool archive_is_whole(struct vault *v, const struct snapshot *sn)
{
	char name[NAME_BYTES];
	struct stat st;

	return !fstatat(v->fd, file_name(sn, ARCHIVE, name), &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISREG(st.st_mode) && st.st_size == sn->m->size_bytes;
}

static void load_record(struct vault *v, const char *file, const char *id)
{
	_cleanup_(freep) char *data = NULL;
	SnapshotRecord *m = NULL;
	struct snapshot *sn;
	size_t n = 0;
	int r = paths_read_file(v->fd, file, SNAPSHOT_RECORD_MAX, &data, &n);

	if (!r)
		m = coreweave__sandbox__v1__file_system_snapshot__unpack(
			NULL, n, (const uint8_t *)data);
	r = m ? snapshot_adopt(&v->set, m, id, &sn) : -EBADMSG;
	if (!r)
		return;
	fprintf(stderr, "cwsandbox-local: " FOLDER "/%s is damaged and left alone\n", file);
	if (m)
		coreweave__sandbox__v1__file_system_snapshot__free_unpacked(m, NULL);
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n == SNAPSHOT_ID_BYTES - 1 + s && !strcmp(name + n - s, suffix);
}

/* Whether a record stands beside it, were it one that cannot be read. */
static bool has_record(const struct vault *v, const char *id)
{
	char name[NAME_BYTES];

	snprintf(name, sizeof(name), "%s" RECORD, id);
	return !faccessat(v->fd, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

/* Records are read; of the rest, archives that have one stay. */
static void sort_out(struct vault *v, bool records)
{
	int fd = openat(v->fd, ".", O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL) {
		char id[SNAPSHOT_ID_BYTES];

		snprintf(id, sizeof(id), "%.36s", d->d_name);
		if (has_suffix(d->d_name, RECORD)) {
			if (records && v->set.n < SNAPSHOTS_MAX)
				load_record(v, d->d_name, id);
		} else if (!records && !(has_suffix(d->d_name, ARCHIVE) && has_record(v, id))) {
			unlinkat(v->fd, d->d_name, 0);
		}
	}
	if (dir)
		closedir(dir);
}

int vault_open(struct vault *v, struct boxes *boxes, struct jobs *jobs, int state_fd)
{
	*v = (struct vault){ .boxes = boxes, .jobs = jobs, .fd = -1 };
	snapshots_init(&v->set);
	if (mkdirat(state_fd, FOLDER, 0700) < 0 && errno != EEXIST)
		return -errno;
	v->fd = openat(state_fd, FOLDER, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (v->fd < 0)
		return -errno;
	sort_out(v, true);
	snapshots_sort(&v->set);
	sort_out(v, false);
	return 0;
}

static void resume_one(struct vault *v, struct snapshot *sn)
{
	int fd = -1;

	if (sn->m->state == STATE(READY) && !archive_is_whole(v, sn))
		return fail(v, sn, "its archive is gone, or was changed");
	if (sn->m->state != STATE(CREATING))
		return;
	remove_files(v->fd, sn, false);
	if (launch_open_volume(
		    &v->boxes->launcher, sn->m->source_sandbox_id, sn->m->source_volume_name, &fd))
		fail(v, sn, WAS_KILLED);
	close_fd(&fd);
}

void vault_resume(struct vault *v)
{
	struct list *at = v->set.all.next;

	while (at != &v->set.all) {
		struct snapshot *sn = container_of(at, struct snapshot, link);

		at = at->next;
		resume_one(v, sn);
	}
	pump(v);
}

void vault_stop(struct vault *v)
{
	struct snapshot *sn;

	v->stopping = true;
	list_for_each(sn, &v->set.all, link) {
		if (sn->work == SNAPSHOT_SAVING)
			job_cancel(&sn->job);
	}
}

void vault_done(struct vault *v)
{
	snapshots_done(&v->set);
	close_fd(&v->fd);
}
