#include "local/box_main.h"

#include <string.h>

#include "local/process.h"

static void step(struct box *b, enum sandbox_event ev)
{
	sandbox_step(&b->boxes->reg, b->sb, ev, &b->boxes->loop->clock);
}

static void on_started(struct process *p _unused_, void *arg)
{
	struct box *b = arg;

	step(b, SANDBOX_EV_UP);
	box_rearm(b);
	process_poll(b->main);
}

static void fail(struct box *b)
{
	step(b, SANDBOX_EV_FAIL);
	box_kill(b);
	box_wake_waiters(b);
}

static void on_failed(struct process *p _unused_, int error, enum init_stage stage, void *arg)
{
	struct box *b = arg;
	const Coreweave__Sandbox__V1__Container *c = b->sb->spec->containers[0];

	b->main = NULL;
	if (stage == INIT_STAGE_CWD)
		sandbox_set_reason(b->sb, "could not start: working_dir %.150s: %s", c->working_dir,
			strerror(-error));
	else
		sandbox_set_reason(
			b->sb, "could not start: %.150s: %s", c->command, strerror(-error));
	fail(b);
}

/* `stop` and `delete` never stamp an exit code: only an end by itself has one. */
static void finish(struct box *b)
{
	struct process *p = b->main;
	int code = process_exit_code(p);

	b->main = NULL;
	process_abandon(p);
	if (sandbox_live(b->sb)) {
		b->sb->has_exit_code = true;
		b->sb->exit_code = code;
		if (code)
			sandbox_set_reason(b->sb, "its main process ended with %d", code);
		step(b, code ? SANDBOX_EV_FAIL : SANDBOX_EV_OK);
	}
	box_kill(b);
	box_wake_waiters(b);
}

static uint64_t lag_of(const struct box *b, const struct log_waiter *w)
{
	return b->sb->log.head - w->reader->pos;
}

static bool must_hold(const struct box *b)
{
	struct log_waiter *w;

	list_for_each(w, &b->waiters, link) {
		if (!w->given_up && lag_of(b, w) > BOX_MAIN_LAG_BYTES)
			return true;
	}
	return false;
}

static void hold(struct box *b)
{
	if (b->hold_until_usec)
		return;
	b->hold_until_usec = b->boxes->loop->clock.now_usec + BOX_MAIN_HOLD_USEC;
	box_rearm(b);
}

static void let_go_on(struct box *b)
{
	b->hold_until_usec = 0;
	if (b->main)
		process_poll(b->main);
}

void box_main_followed(struct box *b, struct log_waiter *w)
{
	if (lag_of(b, w) <= BOX_MAIN_LAG_BYTES)
		w->given_up = false;
	if (b->hold_until_usec && !must_hold(b))
		let_go_on(b);
}

void box_main_release(struct box *b)
{
	struct log_waiter *w;

	list_for_each(w, &b->waiters, link) {
		w->given_up |= lag_of(b, w) > BOX_MAIN_LAG_BYTES;
	}
	let_go_on(b);
}

/* As much as a turn allows; false: there was no more. */
static bool take_output(struct box *b, struct process *p)
{
	uint8_t buf[BOX_MAIN_READ_BYTES];
	enum process_stream which;
	size_t n = 1;

	for (int i = 0; n && (p->exited || (i < BOX_MAIN_READS_A_TURN && !must_hold(b))); i++) {
		n = process_read(p, buf, sizeof(buf), &which);
		log_append(&b->sb->log, buf, n, b->boxes->loop->clock.wall_usec);
	}
	return n > 0;
}

static void on_output(struct process *p, void *arg)
{
	struct box *b = arg;
	bool more = take_output(b, p);

	box_wake_waiters(b);
	if (process_over(p))
		finish(b);
	else if (more && must_hold(b))
		hold(b);
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
	struct box *b = arg;

	b->main = NULL;
}

static const struct process_ops main_ops = {
	.on_started = on_started,
	.on_failed = on_failed,
	.on_output = on_output,
	.on_taken = on_taken,
	.on_exited = on_exited,
	.on_gone = on_gone,
};

static int start(struct box *b)
{
	static const char *const idle[] = { "sleep", "infinity" };
	const Coreweave__Sandbox__V1__Container *c = b->sb->spec->containers[0];
	_cleanup_(freep) const char **argv = calloc(c->n_args + 1, sizeof(*argv));
	_cleanup_(spec_env_done) struct spec_env env = { 0 };
	struct process_start what = {
		.argv = idle,
		.n_argv = ARRAY_SIZE(idle),
		.env = &env,
		.cwd = box_cwd(b),
		.no_stdin = true,
		.ops = &main_ops,
		.arg = b,
	};
	int r;

	if (!argv)
		return -ENOMEM;
	r = box_env(b, false, &env);
	if (r)
		return r;
	if (*c->command) {
		argv[0] = c->command;
		for (size_t i = 0; i < c->n_args; i++)
			argv[i + 1] = c->args[i];
		what.argv = argv;
		what.n_argv = c->n_args + 1;
	}
	return process_start(b, &what, &b->main);
}

void box_main_start(struct box *b)
{
	int r;

	if (b->main || b->sb->state != COREWEAVE__SANDBOX__V1__STATE__STATE_CREATING)
		return;
	r = start(b);
	if (!r)
		return;
	sandbox_set_reason(b->sb, "could not start: %s", strerror(-r));
	fail(b);
}
