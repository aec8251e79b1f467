#include "client/attach_private.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/text.h"

#define QUIT_WAIT_MS 500           /* for a detach to be told to the daemon */
#define TERM_NAME_MAX ((size_t)64) /* bytes of TERM that the daemon lists */

/* ---- signals ---- */

static void stop(struct attach *a)
{
	attach_leave(a);
	if (a->ending)
		return; /* by a key typed before */
	if (!a->helping || a->lossless)
		attach_hold(a);
	a->helping = false;
	attach_send_keys(a);
	cwsandbox_flush(a->c);
	tty_stop();
	if (tty_enter(&a->tty))
		attach_end_as(a, ENDING_GONE, NULL);
	else
		attach_again(a, true);
}

/* After a SIGSTOP, of which nobody was told before: a shell has taken the terminal meanwhile. */
static void go_on(struct attach *a)
{
	attach_resize(a, false);
	if (!tty_was_put_back(&a->tty))
		return;
	a->helping = false;
	if (tty_enter_again(&a->tty))
		attach_end_as(a, ENDING_GONE, NULL);
	else
		attach_again(a, true);
}

static void take_signals(struct attach *a)
{
	int sig;

	for (sig = tty_signal(&a->tty); sig; sig = tty_signal(&a->tty)) {
		if (sig == SIGWINCH)
			attach_resize(a, true);
		else if (sig == SIGCONT)
			go_on(a);
		else if (sig == SIGTSTP)
			stop(a);
		else {
			a->signal = sig;
			attach_end_as(a, ENDING_SIGNAL, NULL);
		}
	}
}

/* ---- the loop ---- */

static int take_events(struct attach *a)
{
	struct cwsandbox_event e;
	int r = 0;

	while (!r && !a->ending && !attach_writing(a) && attach_next(a, &e))
		r = attach_take_event(a, &e);
	return r;
}

/* quiet: nothing has come from the daemon, and nothing of it waits in the library. */
static void exchange(struct attach *a, bool quiet)
{
	if ((quiet ? cwsandbox_flush(a->c) : cwsandbox_dispatch(a->c)) == 0)
		return;
	if (a->helping && a->lossless)
		attach_leave_help(a);
	while (!a->ending && !take_events(a) && attach_writing(a)) /* what it said last */
		attach_write_out(a);
	attach_end_as(a, ENDING_LOST,
		a->shutting_down ? "cwsandboxd was stopped" : cwsandbox_error(a->c)->message);
}

enum { FD_CONN, FD_KEYS, FD_SIGNALS, FD_OUT, FD_N };

static int sooner(int ms, int64_t other)
{
	return other < INT32_MAX && (ms < 0 || other < ms) ? (int)other : ms;
}

/* For how long to wait: the connection's own, until the terminal is due for more, or until what was
 * read is a key. */
static int timeout_ms(const struct attach *a, int pace_ms)
{
	const int64_t due = attach_keys_due_ms(a), silence = notice_due_ms(&a->notice),
		      now = cli_now_ms();
	int ms = cwsandbox_timeout_ms(a->c);

	if (attach_writing(a))
		ms = sooner(ms, pace_ms ? pace_ms : pace_look_ms(&a->pace));
	else
		ms = sooner(ms, silence > now ? silence - now : 0);
	return sooner(ms, due > now ? due - now : 0);
}

/* As poll(). */
static int await(struct attach *a, struct pollfd p[FD_N])
{
	const int pace_ms =
		attach_writing(a) ? pace_wait_ms(&a->pace, clock_read_usec(CLOCK_MONOTONIC)) : 0;
	const bool reads = attach_reads_keys(a), writes = attach_writing(a) && !pace_ms;

	p[FD_CONN] = (struct pollfd){ cwsandbox_fd(a->c), cwsandbox_events(a->c), 0 };
	p[FD_KEYS] = (struct pollfd){ reads ? a->tty.in : -1, POLLIN, 0 };
	p[FD_SIGNALS] = (struct pollfd){ a->tty.signals[0], POLLIN, 0 };
	p[FD_OUT] = (struct pollfd){ writes ? a->tty.out : -1, POLLOUT, 0 };
	return poll(p, FD_N, timeout_ms(a, pace_ms));
}

static int turn(struct attach *a)
{
	struct pollfd p[FD_N];
	int n = await(a, p), r;

	if (n < 0 && errno != EINTR)
		return -errno;
	if (n < 0 || p[FD_SIGNALS].revents) { /* before anything more is written */
		take_signals(a);
		p[FD_KEYS].revents = 0; /* while we stood still a shell may have read them */
	}
	r = attach_keys_turn(a, p[FD_KEYS].revents);
	if (p[FD_OUT].revents || n == 0)
		attach_write_out(a);
	attach_send_keys(a); /* in one write with the acknowledgements */
	if (!r)
		r = attach_mind_silence(a, p[FD_CONN].revents & (POLLIN | POLLHUP | POLLERR));
	if (!a->ending)
		exchange(a, n > 0 && !p[FD_CONN].revents && cwsandbox_timeout_ms(a->c) != 0);
	if (!r)
		r = take_events(a);
	attach_send_keys(a); /* last: events may have brought credit, or the attachment */
	return r;
}

/* Who leaves before the answer came has perhaps typed something, or there is no such session. */
static void await_answer(struct attach *a, int64_t deadline)
{
	struct cwsandbox_event e;

	while (a->attach_id && cli_now_ms() < deadline && !cwsandbox_wait(a->c, QUIT_WAIT_MS, &e)) {
		if (e.kind != CWSANDBOX_EVENT_ANSWER || e.id != a->attach_id)
			continue;
		if (e.r)
			a->ending = ENDING_NONE;
		attach_take_answer(a, &e);
		a->is_missing = false; /* nobody wants it any more */
	}
}

/* The daemon learns of a detach before we go, if it listens. */
static void say_goodbye(struct attach *a)
{
	struct cwsandbox_request leave = { .method = CWSANDBOX_SESSION_DETACH };
	int64_t deadline = cli_now_ms() + QUIT_WAIT_MS;
	struct cwsandbox_event e;
	uint32_t id;

	await_answer(a, deadline);
	attach_send_keys(a); /* typed before the detach keys: it counts */
	leave.attachment = a->attachment;
	if (a->attachment < 0 || cwsandbox_start(a->c, &leave, &id))
		return;
	while (cli_now_ms() < deadline && !cwsandbox_wait(a->c, QUIT_WAIT_MS, &e))
		if (e.kind == CWSANDBOX_EVENT_ANSWER && e.id == id)
			return;
		else if (e.kind == CWSANDBOX_EVENT_STATE && e.attachment == a->attachment)
			attach_take_name(a, e.name);
}

static int loop(struct attach *a)
{
	int r = tty_open(&a->tty);

	if (r)
		return r;
	r = tty_enter(&a->tty); /* first, so that no key is lost or echoed meanwhile */
	if (!r)
		attach_request(a);
	while (!r && !a->ending)
		r = turn(a);
	if (a->ending == ENDING_LEFT)
		say_goodbye(a);
	attach_leave(a);
	tty_close(&a->tty);
	return r;
}

/* ---- the beginning ---- */

static int set_keys(struct attach *a)
{
	const char *notation = a->o->detach_keys ? a->o->detach_keys : a->cli->cfg.detach_keys;

	if (keys_init(&a->keys, notation ? notation : KEYS_DEFAULT) == 0)
		return 0;
	cli_error("the detach keys are not like ctrl-p,ctrl-q or ctrl-\\,d");
	return EXIT_USAGE;
}

/* It is told for the listing only: one that does not fit there is no reason to stay away. */
static const char *listed_term(const char *term)
{
	return term && strlen(term) <= TERM_NAME_MAX ? term : NULL;
}

int attach_run(struct cli *cli, struct attach_options *o, bool *ret_missing)
{
	struct attach a = { .cli = cli, .c = cli->c, .o = o, .attachment = -1, .name = "newest" };
	const struct probe_env env = { getenv("TERM"), getenv("COLORTERM"), getenv("TERM_PROGRAM"),
		getenv("CWSANDBOX_PROBE") };
	const char *notice = o->lead_notice;
	int r;

	a.notice.on = notice ? strcmp(notice, "yes") == 0 : cli->cfg.lead_notice;
	r = set_keys(&a);
	if (r)
		return r;
	a.lossless = o->request.policy && strcmp(o->request.policy, "block") == 0;
	a.typed = o->typed;
	o->typed = (struct term_buf){ .n = 0 };
	if (o->request.name)
		snprintf(a.name, sizeof(a.name), "%s", o->request.name);
	o->request.term = listed_term(env.term);
	o->observer = o->observer || cwsandbox_server(cli->c)->observer;
	o->request.role = o->observer ? "observer" : NULL;
	r = term_filter_new(&a.filter, cli->cfg.clipboard);
	if (!r) {
		probe_init(&a.probe, &env);
		term_filter_caps(a.filter, &a.probe.caps);
		r = loop(&a);
	}
	if (r)
		attach_end_as(&a, ENDING_LOST, strerror(-r));
	term_filter_free(a.filter);
	term_buf_done(&a.out);
	term_buf_done(&a.kept);
	if (ret_missing)
		*ret_missing = a.is_missing;
	if (ret_missing && a.is_missing) {
		o->typed = a.typed;
		return EXIT_LOST;
	}
	term_buf_done(&a.typed);
	return attach_conclude(&a);
}
