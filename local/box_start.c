#include "local/box_start.h"

#include <string.h>

#include "local/box_main.h"
#include "local/init.h"
#include "local/vault.h"

typedef Coreweave__Sandbox__V1__SandboxSpec Spec;

static void fail(struct box *b, const char *what, const char *why)
{
	sandbox_set_reason(b->sb, "could not start: %s%.200s", what, why);
	sandbox_step(&b->boxes->reg, b->sb, SANDBOX_EV_FAIL, &b->boxes->loop->clock);
	box_kill(b);
}

static void plan(const struct box *b, struct spec_plan *ret)
{
	const Spec *spec = b->sb->spec;

	spec_plan(spec, b->sb->id, ret);
	ret->plan.file_bytes = b->limits.disk_bytes;
	ret->plan.again = b->sb->kept;
	ret->plan.image =
		rootfs_find(&b->boxes->images, spec->containers[spec_primary(spec)]->image);
}

static int run(struct box *b, struct launch_plan *plan)
{
	struct boxes *bs = b->boxes;
	_cleanup_(closep) int cgroup_fd = -1;
	struct launched l;
	int r = 0;

	if (cgroup_is_open(&bs->cgroup))
		r = cgroup_make(&bs->cgroup, b->sb->id, &b->limits, INIT_PROCESSES_MAX, &cgroup_fd);
	plan->cgroup_fd = cgroup_fd;
	r = r ? r : launch(&bs->launcher, plan, &l);
	return r ? r : box_take_launched(b, &l);
}

static void launch_it(struct box *b)
{
	struct spec_plan p;
	int r;

	plan(b, &p);
	r = run(b, &p.plan);
	if (r)
		return fail(b, "", strerror(-r));
	sandbox_step(&b->boxes->reg, b->sb, SANDBOX_EV_LAUNCHED, &b->boxes->loop->clock);
	watch_wake(&b->boxes->watch);
	box_rearm(b);
}

/* ---- volumes that start from a snapshot ---- */

static const char *snapshot_of(const Spec *spec, size_t i)
{
	const Coreweave__Sandbox__V1__SandboxVolume *v = spec->volumes[i];

	if (v->source_case != COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__SOURCE_SCRATCH)
		return "";
	return v->scratch->restore_from_snapshot_id;
}

static void on_restored(struct job *j, const struct job_report *report)
{
	struct box_restore *x = container_of(j, struct box_restore, job);
	struct box *b = x->b;
	bool first = b->sb->state == COREWEAVE__SANDBOX__V1__STATE__STATE_PENDING;
	char why[JOB_WHY_BYTES * 2];

	b->n_restoring--;
	if (report->error && first) {
		snapshot_explain(report, why, sizeof(why));
		sandbox_set_reason(b->sb, "CWSANDBOX_FSS_RESTORE_FAILED: volume %.63s: %.150s",
			x->volume, why);
		sandbox_step(&b->boxes->reg, b->sb, SANDBOX_EV_FAIL, &b->boxes->loop->clock);
		return box_kill(b);
	}
	if (b->n_restoring)
		return;
	if (first)
		launch_it(b);
	else
		box_kill(b);
}

static int restore_one(struct box *b, size_t i, struct box_restore *x)
{
	const struct launcher *l = &b->boxes->launcher;
	struct snapshot *sn = snapshot_find(&b->boxes->vault->set, snapshot_of(b->sb->spec, i));
	_cleanup_(closep) int fd = -1;
	int r = sn ? launch_open_volume(l, b->sb->id, b->sb->spec->volumes[i]->name, &fd) : -ENOENT;

	*x = (struct box_restore){ .b = b, .volume = b->sb->spec->volumes[i]->name };
	x->job.on_done = on_restored;
	r = r ? r : vault_restore(b->boxes->vault, sn, fd, &l->owner, &x->job);
	b->n_restoring += !r;
	return r;
}

/* 0 with b->n_restoring of them on their way. */
static int restore(struct box *b)
{
	const Spec *spec = b->sb->spec;
	int r = 0;

	b->restores = calloc(spec->n_volumes + 1, sizeof(*b->restores));
	if (!b->restores)
		return -ENOMEM;
	for (size_t i = 0; !r && i < spec->n_volumes; i++)
		if (*snapshot_of(spec, i))
			r = restore_one(b, i, &b->restores[i]);
	return r;
}

/* ---- its turn ---- */

static void begin(struct box *b)
{
	struct spec_plan p;
	int r;

	b->starting = true;
	b->boxes->n_starting++;
	limits_of(b->sb->spec, b->boxes->memory_bytes, &b->limits);
	plan(b, &p);
	r = b->sb->kept ? 0 : launch_prepare(&b->boxes->launcher, &p.plan);
	r = r || b->sb->kept ? r : restore(b);
	if (r)
		fail(b, "", strerror(-r));
	else if (!b->n_restoring)
		launch_it(b);
}

void box_start_next(struct boxes *bs)
{
	struct box *b;

	while (bs->n_starting < BOXES_STARTING_MAX &&
		(b = list_first(&bs->waiting, struct box, turn)) != NULL) {
		list_unlink(&b->turn);
		begin(b);
	}
}

void box_start_over(struct box *b)
{
	if (b->starting)
		b->boxes->n_starting--;
	b->starting = false;
}

void box_start_cancel(struct box *b)
{
	list_unlink(&b->turn);
	box_start_over(b);
	for (size_t i = 0; b->n_restoring && i < b->sb->spec->n_volumes; i++)
		if (b->restores[i].job.pid)
			job_cancel(&b->restores[i].job);
}
