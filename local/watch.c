#include "local/watch.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "local/box.h"

#define MIB(bytes) ((unsigned long long)((bytes) >> 20))

/* What is counted: a sandbox, or a volume of it that has a size. */
struct watch_job {
	char id[SANDBOX_ID_BYTES], volume[SPEC_NAME_BYTES_MAX + 1]; /* volume "": all of it */
	uint64_t max_bytes;
};

/* ---- memory ---- */

void watch_begin(struct box *b)
{
	struct init_message m = { .head = { .type = INIT_MEMORY, .size = b->limits.memory_bytes } };

	if (b->boxes->launcher.isolation == ISOLATION_BWRAP && !cgroup_is_open(&b->boxes->cgroup))
		box_send(b, &m);
}

void watch_over(struct box *b, const struct init_head *h)
{
	box_fail(b, "out of memory: its processes used %llu MiB of at most %llu MiB", MIB(h->size),
		MIB(b->limits.memory_bytes));
}

/* ---- what to count ---- */

static int add_job(
	struct watch *w, const struct sandbox *sb, const char *volume, uint64_t max_bytes)
{
	struct watch_job *jobs = reallocarray(w->jobs, w->n_jobs + 1, sizeof(*jobs));

	if (!jobs)
		return -ENOMEM;
	w->jobs = jobs;
	jobs += w->n_jobs++;
	snprintf(jobs->id, sizeof(jobs->id), "%s", sb->id);
	snprintf(jobs->volume, sizeof(jobs->volume), "%s", volume);
	jobs->max_bytes = max_bytes;
	return 0;
}

static int add_box(struct watch *w, const struct box *b)
{
	const Coreweave__Sandbox__V1__SandboxSpec *spec = b->sb->spec;
	int r = add_job(w, b->sb, "", b->limits.disk_bytes);

	for (size_t i = 0; !r && i < spec->n_volumes; i++) {
		const Coreweave__Sandbox__V1__SandboxVolume *v = spec->volumes[i];
		uint64_t max;

		if (v->source_case == COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__SOURCE_SCRATCH &&
			!limits_bytes(v->scratch->size, &max))
			r = add_job(w, b->sb, v->name, max);
	}
	return r;
}

static void drop_jobs(struct watch *w)
{
	free(w->jobs);
	w->jobs = NULL;
	w->n_jobs = 0;
	close_fd(&w->found_fd);
}

static int make_jobs(struct watch *w)
{
	struct box *b;
	int r = 0;

	list_for_each(b, &w->boxes->all, link) {
		if (!r && b->pid)
			r = add_box(w, b);
	}
	w->found_fd = memfd_create("sandbox-files", MFD_CLOEXEC);
	if (!r && w->found_fd < 0)
		r = -errno;
	return r;
}

/* In the child. */
static int count(const int *fds, void *arg, struct job_report *report _unused_)
{
	const struct watch *w = arg;
	int r = 0;

	for (size_t i = 0; !r && i < w->n_jobs; i++) {
		const struct watch_job *j = &w->jobs[i];
		struct disk_use use = { 0 };
		char path[SANDBOX_ID_BYTES + SPEC_NAME_BYTES_MAX + 16];

		snprintf(path, sizeof(path), *j->volume ? "%s/" LAUNCH_VOLUMES "/%s" : "%s", j->id,
			j->volume);
		r = disk_use(fds[0], path, &use);
		if (!r && write(fds[1], &use, sizeof(use)) != sizeof(use))
			r = -EIO;
	}
	return r;
}

/* ---- what follows from a count ---- */

static struct box *box_of_job(struct watch *w, const struct watch_job *j)
{
	struct sandbox *sb = registry_find(&w->boxes->reg, j->id);
	struct box *b = sb ? box_of(sb) : NULL;

	return b && b->sock >= 0 ? b : NULL;
}

static void judge(struct box *b, const struct watch_job *j, const struct disk_use *use)
{
	if (use->bytes > j->max_bytes && *j->volume)
		box_fail(b, "volume %.63s is full: it holds %llu MiB of at most %llu MiB",
			j->volume, MIB(use->bytes), MIB(j->max_bytes));
	else if (use->bytes > j->max_bytes)
		box_fail(b, "out of disk: its files hold %llu MiB of at most %llu MiB",
			MIB(use->bytes), MIB(j->max_bytes));
	else if (use->files > b->limits.files)
		box_fail(b, "too many files: %llu of at most %llu", (unsigned long long)use->files,
			(unsigned long long)b->limits.files);
	else if (use->too_deep)
		box_fail(b, "its folders are nested deeper than %d", DISK_DEPTH_MAX);
}

static void freeze(struct watch *w, bool frozen)
{
	struct init_message m = { .head = { .type = INIT_FREEZE, .value = frozen } };
	struct box *b;

	if (w->frozen == frozen)
		return;
	w->frozen = frozen;
	list_for_each(b, &w->boxes->all, link) {
		box_send(b, &m);
	}
}

/* The disk is low: who holds most of it goes, unless one just did and is being removed. */
static void end_largest(struct watch *w, const struct disk_use *found, size_t n)
{
	struct box *largest = NULL;
	uint64_t most = DISK_LITTLE_BYTES;

	if (!cleaners_idle(&w->boxes->cleaners))
		return;
	for (size_t i = 0; i < n; i++) {
		struct box *b = *w->jobs[i].volume ? NULL : box_of_job(w, &w->jobs[i]);

		if (b && found[i].bytes > most) {
			largest = b;
			most = found[i].bytes;
		}
	}
	if (largest)
		box_fail(largest,
			"this machine's disk is nearly full (%llu MiB free), and its files hold "
			"%llu MiB",
			MIB(w->free_bytes), MIB(most));
	else
		freeze(w, false);
}

static void judge_all(struct watch *w, const struct disk_use *found, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct box *b = box_of_job(w, &w->jobs[i]);

		if (b)
			judge(b, &w->jobs[i], &found[i]);
	}
	if (disk_is_low(w->free_bytes))
		end_largest(w, found, n);
}

/* What a count that was cut short found holds all the same. */
static void on_counted(struct job *j, const struct job_report *report _unused_)
{
	struct watch *w = container_of(j, struct watch, job);
	size_t size = w->n_jobs * sizeof(struct disk_use);
	_cleanup_(freep) struct disk_use *found = malloc(size + 1);
	ssize_t l = found ? pread(w->found_fd, found, size, 0) : -1;

	w->last.took_usec = loop_now(w->boxes->loop) - w->last.begun_usec;
	if (l > 0)
		judge_all(w, found, (size_t)l / sizeof(*found));
	drop_jobs(w);
}

/* ---- the look ---- */

static void begin_count(struct watch *w)
{
	struct job_what what = { .run = count, .arg = w, .n_fds = 2 };

	w->last.begun_usec = w->boxes->loop->clock.now_usec;
	w->last.free_bytes = w->free_bytes;
	w->job.on_done = on_counted;
	if (!make_jobs(w)) {
		what.fds[0] = w->boxes->launcher.dir_fd;
		what.fds[1] = w->found_fd;
		if (!job_start(&w->boxes->jobs, &w->job, &what))
			return;
	}
	drop_jobs(w);
}

static void rearm(struct watch *w)
{
	uint64_t usec = disk_poll_usec(w->free_bytes);
	struct timeval tv = { (time_t)(usec / USEC_PER_SEC), (suseconds_t)(usec % USEC_PER_SEC) };

	if (!list_empty(&w->boxes->all))
		event_add(w->ev_poll, &tv);
}

static void on_poll(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct watch *w = arg;
	uint64_t now = loop_now(w->boxes->loop);

	if (!disk_free_bytes(w->boxes->launcher.dir_fd, &w->free_bytes)) {
		disk_seen(&w->last, w->free_bytes);
		if (!disk_is_low(w->free_bytes))
			freeze(w, false);
		else if (disk_fills(&w->last, w->free_bytes))
			freeze(w, true);
		if (!w->job.pid && disk_count_due(&w->last, now, w->free_bytes))
			begin_count(w);
	}
	rearm(w);
}

void watch_wake(struct watch *w)
{
	if (w->boxes->stopping || event_pending(w->ev_poll, EV_TIMEOUT, NULL))
		return;
	disk_free_bytes(w->boxes->launcher.dir_fd, &w->free_bytes);
	w->last.free_bytes = w->free_bytes;
	rearm(w);
}

bool watch_has_room(struct watch *w, uint64_t n)
{
	uint64_t bytes;

	return disk_free_bytes(w->boxes->launcher.dir_fd, &bytes) || disk_has_room(bytes, n);
}

int watch_init(struct watch *w, struct boxes *bs)
{
	*w = (struct watch){ .boxes = bs, .found_fd = -1 };
	w->ev_poll = evtimer_new(bs->loop->base, on_poll, w);
	return w->ev_poll ? 0 : -ENOMEM;
}

void watch_stop(struct watch *w)
{
	event_del(w->ev_poll);
	if (w->job.pid)
		job_cancel(&w->job);
}

void watch_done(struct watch *w)
{
	drop_jobs(w);
	if (w->ev_poll)
		event_free(w->ev_poll);
	w->ev_poll = NULL;
}
