#include "local/box_main.h"

#include <signal.h>
#include <string.h>

#include "local/box_files.h"
#include "local/process.h"

static void step(struct box *b, enum sandbox_event ev)
{
	sandbox_step(&b->boxes->reg, b->sb, ev, &b->boxes->loop->clock);
}

static struct container *container_of_main(const struct box_main *bm)
{
	return &bm->b->sb->containers[bm->index];
}

static void wake(struct box_main *bm)
{
	struct log_waiter *w;

	list_for_each(w, &bm->waiters, link) {
		w->wake(w);
	}
}

void box_wake_waiters(struct box *b)
{
	for (size_t i = 0; i < b->sb->n_containers; i++)
		wake(&b->mains[i]);
}

/* ---- starting and ending ---- */

static void on_started(struct process *p, void *arg)
{
	struct box_main *bm = arg;

	if (sandbox_container_up(bm->b->sb, bm->index))
		step(bm->b, SANDBOX_EV_UP);
	box_rearm(bm->b);
	process_poll(p);
}

static void fail(struct box *b)
{
	step(b, SANDBOX_EV_FAIL);
	box_kill(b);
	box_wake_waiters(b);
}

static void on_failed(struct process *p _unused_, int error, enum init_stage stage, void *arg)
{
	struct box_main *bm = arg;
	const Coreweave__Sandbox__V1__Container *c = bm->b->sb->spec->containers[bm->index];

	bm->p = NULL;
	if (stage == INIT_STAGE_CWD)
		sandbox_set_reason(bm->b->sb, "could not start: working_dir %.150s: %s",
			c->working_dir, strerror(-error));
	else
		sandbox_set_reason(
			bm->b->sb, "could not start: %.150s: %s", c->command, strerror(-error));
	fail(bm->b);
}

static bool any_left(const struct box *b)
{
	for (size_t i = 0; i < b->sb->n_containers; i++)
		if (b->mains[i].p)
			return true;
	return false;
}

static void explain_end(struct box *b, int code)
{
	if (code == 128 + SIGKILL && cgroup_ran_out(&b->boxes->cgroup, b->sb->id))
		sandbox_set_reason(b->sb,
			"out of memory: its processes may use %llu MiB, and its main process was killed",
			(unsigned long long)(b->limits.memory_bytes >> 20));
	else
		sandbox_set_reason(b->sb, "its main process ended with %d", code);
}

/* `stop` and `delete` never stamp an exit code: only an end by itself has one. */
static void finish_primary(struct box *b, int code)
{
	if (sandbox_live(b->sb)) {
		b->sb->has_exit_code = true;
		b->sb->exit_code = code;
		if (code)
			explain_end(b, code);
		step(b, code ? SANDBOX_EV_FAIL : SANDBOX_EV_OK);
	}
	box_kill(b);
}

static void finish(struct box_main *bm)
{
	struct box *b = bm->b;
	int code = process_exit_code(bm->p);

	process_abandon(bm->p);
	bm->p = NULL;
	bm->hold_until_usec = 0;
	sandbox_container_ended(b->sb, bm->index, code);
	container_of_main(bm)->log.ended = true;
	log_rest(&container_of_main(bm)->log);
	wake(bm);
	/* One that is being stopped gives the others their grace too. */
	if (sandbox_live(b->sb) ? bm->index == b->sb->primary : !any_left(b)) {
		finish_primary(b, code);
		box_wake_waiters(b);
	}
}

bool box_main_terminate(struct box *b)
{
	bool any = false;

	for (size_t i = 0; i < b->sb->n_containers; i++) {
		struct process *p = b->mains[i].p;

		if (p && p->started) {
			process_signal(p, SIGTERM);
			any = true;
		}
	}
	return any;
}

/* ---- its output, and who follows it ---- */

static uint64_t lag_of(const struct box_main *bm, const struct log_waiter *w)
{
	return container_of_main(bm)->log.head - w->reader->pos;
}

static bool must_hold(const struct box_main *bm)
{
	struct log_waiter *w;

	list_for_each(w, &bm->waiters, link) {
		if (!w->given_up && lag_of(bm, w) > BOX_MAIN_LAG_BYTES)
			return true;
	}
	return false;
}

static void hold(struct box_main *bm)
{
	if (bm->hold_until_usec)
		return;
	bm->hold_until_usec = bm->b->boxes->loop->clock.now_usec + BOX_MAIN_HOLD_USEC;
	box_rearm(bm->b);
}

static void let_go_on(struct box_main *bm)
{
	bm->hold_until_usec = 0;
	if (bm->p)
		process_poll(bm->p);
}

void box_main_followed(struct box_main *bm, struct log_waiter *w)
{
	if (lag_of(bm, w) <= BOX_MAIN_LAG_BYTES)
		w->given_up = false;
	if (bm->hold_until_usec && !must_hold(bm))
		let_go_on(bm);
}

void box_main_release(struct box *b, uint64_t now_usec)
{
	for (size_t i = 0; i < b->sb->n_containers; i++) {
		struct box_main *bm = &b->mains[i];
		struct log_waiter *w;

		if (!bm->hold_until_usec || bm->hold_until_usec > now_usec)
			continue;
		list_for_each(w, &bm->waiters, link) {
			w->given_up |= lag_of(bm, w) > BOX_MAIN_LAG_BYTES;
		}
		let_go_on(bm);
	}
}

uint64_t box_main_deadline(const struct box *b)
{
	uint64_t first = 0;

	for (size_t i = 0; i < b->sb->n_containers; i++) {
		uint64_t at = b->mains[i].hold_until_usec;

		if (at && (!first || at < first))
			first = at;
	}
	return first;
}

struct box_main *box_main_of(struct box *b, const struct container *c)
{
	return &b->mains[c - b->sb->containers];
}

/* As much as a turn allows; false: there was no more. */
static bool take_output(struct box_main *bm)
{
	struct process *p = bm->p;
	uint8_t buf[BOX_MAIN_READ_BYTES];
	enum process_stream which;
	size_t n = 1;

	for (int i = 0; n && (p->exited || (i < BOX_MAIN_READS_A_TURN && !must_hold(bm))); i++) {
		n = process_read(p, buf, sizeof(buf), &which);
		log_append(
			&container_of_main(bm)->log, buf, n, bm->b->boxes->loop->clock.wall_usec);
	}
	return n > 0;
}

static void on_output(struct process *p, void *arg)
{
	struct box_main *bm = arg;
	bool more = take_output(bm);

	wake(bm);
	if (process_over(p))
		finish(bm);
	else if (more && must_hold(bm))
		hold(bm);
	else if (more)
		process_poll(p);
}

static void on_taken(struct process *p _unused_, size_t n _unused_, void *arg _unused_)
{
}

static void on_exited(struct process *p, void *arg)
{
	on_output(p, arg);
}

static void on_gone(struct process *p _unused_, void *arg)
{
	struct box_main *bm = arg;

	bm->p = NULL;
}

static const struct process_ops main_ops = {
	.on_started = on_started,
	.on_failed = on_failed,
	.on_output = on_output,
	.on_taken = on_taken,
	.on_exited = on_exited,
	.on_gone = on_gone,
};

/* ---- what they start from ---- */

static int start(struct box_main *bm)
{
	static const char *const idle[] = { "sleep", "infinity" };
	struct box *b = bm->b;
	const Coreweave__Sandbox__V1__Container *c = b->sb->spec->containers[bm->index];
	_cleanup_(freep) const char **argv = calloc(c->n_args + 1, sizeof(*argv));
	_cleanup_(spec_env_done) struct spec_env env = { 0 };
	struct process_start what = {
		.argv = idle,
		.n_argv = ARRAY_SIZE(idle),
		.env = &env,
		.cwd = box_cwd(b, bm->index),
		.no_stdin = true,
		.ops = &main_ops,
		.arg = bm,
	};
	int r;

	if (!argv)
		return -ENOMEM;
	log_recover(&container_of_main(bm)->log);
	r = box_env(b, bm->index, false, &env);
	if (r)
		return r;
	if (*c->command) {
		argv[0] = c->command;
		for (size_t i = 0; i < c->n_args; i++)
			argv[i + 1] = c->args[i];
		what.argv = argv;
		what.n_argv = c->n_args + 1;
	}
	return process_start(b, &what, &bm->p);
}

static void start_all(struct box *b)
{
	int r = 0;

	for (size_t i = 0; !r && i < b->sb->n_containers; i++)
		r = start(&b->mains[i]);
	if (!r)
		return;
	sandbox_set_reason(b->sb, "could not start: %s", strerror(-r));
	fail(b);
}

/* They are in the sandbox now; its spec is kept and shown for long. */
static void forget_contents(Coreweave__Sandbox__V1__SandboxSpec *spec)
{
	for (size_t i = 0; i < spec->n_containers; i++)
		for (size_t k = 0; k < spec->containers[i]->n_files; k++) {
			ProtobufCBinaryData *content = &spec->containers[i]->files[k]->content;

			free(content->data);
			*content = (ProtobufCBinaryData){ 0 };
		}
}

static void on_files(struct box *b, const char *path, int error)
{
	if (b->sb->state != COREWEAVE__SANDBOX__V1__STATE__STATE_CREATING)
		return;
	if (!error) {
		forget_contents(b->sb->spec);
		return start_all(b);
	}
	sandbox_set_reason(
		b->sb, "could not start: mounted file %.150s: %s", path, strerror(-error));
	fail(b);
}

void box_main_start(struct box *b)
{
	if (any_left(b) || b->sb->state != COREWEAVE__SANDBOX__V1__STATE__STATE_CREATING)
		return;
	if (b->sb->kept)
		return start_all(b); /* its files are there, and perhaps changed since */
	box_files_place(b, on_files);
}
