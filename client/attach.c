#include "client/attach_private.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/text.h"

#define TYPED_MAX ((size_t)1024 * 1024) /* bytes read from the terminal and not taken yet */
#define QUIT_WAIT_MS 500                /* for a detach to be told to the daemon */
#define TERM_NAME_MAX ((size_t)64)      /* bytes of TERM that the daemon lists */

static void end_as(struct attach *a, enum ending ending, const char *why)
{
	if (a->ending)
		return;
	a->ending = ending;
	if (why)
		text_encode(a->why, sizeof(a->why), why, strlen(why));
}

static void ask_title(struct attach *a)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SESSION_GET, .name = a->name };

	if (a->notice.ask)
		cwsandbox_start(a->c, &get, &a->title_id);
	a->notice.ask = false;
}

/* Who leads, perhaps. */
static int take_notice(struct attach *a, const struct cwsandbox_event *e)
{
	notice_event(&a->notice, a->name, e);
	ask_title(a);
	return attach_say_title(a, "");
}

/* A terminal that takes nothing has what the daemon said last before it. */
static int mind_silence(struct attach *a, bool heard)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SESSION_GET, .name = a->name };

	if (heard) {
		notice_heard(&a->notice);
		ask_title(a);
		return 0;
	}
	if (a->ending || attach_writing(a))
		return 0;
	switch (notice_silence(&a->notice, a->name, cli_now_ms())) {
	case NOTICE_ASK:
		cwsandbox_start(a->c, &get, NULL);
		return 0;
	case NOTICE_TELL:
		return attach_say_title(a, term_filter_ground(a->filter) ? "\a" : "");
	case NOTICE_NOTHING:
		return 0;
	}
	return 0;
}

static int take_title(struct attach *a, const struct cwsandbox_event *e)
{
	if (!a->title_id || e->id != a->title_id)
		return 0;
	a->title_id = 0;
	if (e->r || !e->answer->session)
		return 0;
	notice_restore(&a->notice, e->answer->session->title);
	return attach_say_title(a, "");
}

/* ---- attaching: at the beginning, and again after the help or a stop, when the screen is painted
 * anew ---- */

/* One that grows beyond what a session can have while it is attached is used as far as that goes. */
static void terminal_size(const struct attach *a, unsigned *ret_cols, unsigned *ret_rows)
{
	tty_size(a->tty.out, ret_cols, ret_rows);
	*ret_cols = (unsigned)min_size(*ret_cols, TERM_COLS_MAX);
	*ret_rows = (unsigned)min_size(*ret_rows, TERM_ROWS_MAX);
}

static void request_attach(struct attach *a)
{
	struct cwsandbox_request *q = &a->o->request;

	terminal_size(a, &q->cols, &q->rows);
	term_filter_columns(a->filter, q->cols);
	if (cwsandbox_start(a->c, q, &a->attach_id))
		end_as(a, a->begun ? ENDING_LOST : ENDING_REFUSED, cwsandbox_error(a->c)->message);
}

static void request_newer(struct attach *a)
{
	attach_name_lines(a);
	request_attach(a);
}

/* in_place: the terminal shows what it showed when the last of the session was written to it. */
static void attach_again(struct attach *a, bool in_place)
{
	struct cwsandbox_request *q = &a->o->request;

	attach_write_anew(a, 0);
	term_filter_reset(a->filter);
	if (a->attach_id || a->again)
		return; /* on its way already, with its paint */
	q->name = a->name;
	q->replaces = a->attachment >= 0 ? a->attachment : 0; /* so that the lead stays ours */
	q->take_over = false;
	q->has_shown = in_place && q->replaces;
	q->shown = a->shown;
	a->attachment = -1;
	a->knows_lines &= !in_place;
	if (a->lines_id && !in_place)
		a->again = true;
	else
		request_newer(a);
}

static void leave_help(struct attach *a)
{
	a->helping = false;
	attach_again(a, true);
	if (attach_text(&a->out, ATTACH_HELP_LEAVE))
		end_as(a, ENDING_LOST, "out of memory");
	attach_write_out(a);
}

/* ---- from the daemon ---- */

static void take_exit(struct attach *a, const struct cwsandbox_event *e)
{
	char text[ERRORS_TEXT_MAX];
	const struct error_context x = { .operation = "TTY exec" };

	a->has_code = e->has_exit_code;
	a->code = (int)(e->exit_code & 0xff);
	if (e->error && (a->o->official || !e->message))
		end_as(a, ENDING_EXITED, error_text(text, e->error, &x));
	else
		end_as(a, ENDING_EXITED, e->message ? e->message : e->reason);
}

/* The terminal is asked what it is, once, before anything is painted; nothing waits for it. The
 * user's title goes on its stack, and attach_leave() brings it back. */
static void greet_terminal(struct attach *a)
{
	int r = 0;

	attach_write_anew(a, 0);
	if (!a->begun) {
		a->asked_ms = cli_now_ms();
		r = attach_text(&a->out, probe_begin(&a->probe));
	}
	if (!r && a->probe.titles && !a->title_saved) {
		r = attach_text(&a->out, "\033[22;0t");
		a->title_saved = !r;
	}
	if (!r)
		attach_write_out(a);
}

static void resize(struct attach *a)
{
	struct cwsandbox_request *told = &a->o->request;
	unsigned cols, rows;

	terminal_size(a, &cols, &rows);
	term_filter_columns(a->filter, cols);
	if (a->attachment < 0 || (cols == told->cols && rows == told->rows))
		return;
	told->cols = cols;
	told->rows = rows;
	cwsandbox_resize(a->c, a->attachment, cols, rows);
}

/* The session's name now: it may be renamed while we are attached. */
static void take_name(struct attach *a, const char *name)
{
	if (name && text_is_session_name(name, strlen(name)))
		snprintf(a->name, sizeof(a->name), "%s", name);
}

/* The answer to the request that attaches. */
static void take_answer(struct attach *a, const struct cwsandbox_event *e)
{
	const struct cwsandbox_request set = {
		.method = CWSANDBOX_SESSION_SET, .name = a->name, .size = a->o->set_size
	};
	const struct error_context x = { .session = a->o->request.name };
	char text[ERRORS_TEXT_MAX];

	if (!a->attach_id || e->id != a->attach_id)
		return;
	a->attach_id = 0;
	if (e->r && !a->o->request.replaces && strcmp(e->error->code, "no_such_attachment") == 0) {
		request_attach(a);
		return;
	}
	if (e->r) {
		a->is_missing = strcmp(e->error->code, "no_such_session") == 0;
		end_as(a, a->begun ? ENDING_LOST : ENDING_REFUSED, error_text(text, e->error, &x));
		return;
	}
	if (!a->ending)
		greet_terminal(a);
	a->begun = true;
	a->attachment = e->answer->attachment;
	resize(a); /* it may have changed meanwhile */
	a->notice.leads = e->answer->role && strcmp(e->answer->role, "lead") == 0;
	a->notice.lead = 0;
	take_name(a, e->answer->name);
	if (set.size) /* told with the events; a policy the daemon refuses is no reason to leave */
		cwsandbox_start(a->c, &set, NULL);
	a->o->set_size = NULL;
}

/* Who alone may type has the size too. */
static int take_lead(struct attach *a, const struct cwsandbox_event *e)
{
	if (!a->lead_id || e->id != a->lead_id)
		return 0;
	a->lead_id = 0;
	if (!e->r || strcmp(e->error->code, "exclusive") != 0)
		return 0;
	return attach_say_title(a, notice_refused(&a->notice, a->name, e->error) ? "\a" : "");
}

/* What would be under the help: the screen is painted anew when that goes. The end of the session
 * ends it. */
static bool pass_over(struct attach *a, const struct cwsandbox_event *e)
{
	if (e->kind == CWSANDBOX_EVENT_OUTPUT || e->kind == CWSANDBOX_EVENT_REPAINT) {
		cwsandbox_consumed(a->c, a->attachment, e->n);
	} else if (e->kind == CWSANDBOX_EVENT_EXITED) {
		a->attachment = -1;
		leave_help(a); /* for its last screen; it is told again */
	} else {
		return false;
	}
	return true;
}

/* Of the one whose place is asked for: how it ended comes before the answer, which refuses it then.
 * An end of the session is told again. */
static void take_old(struct attach *a, const struct cwsandbox_event *e)
{
	char why[ERRORS_TEXT_MAX / 2];

	if ((!a->attach_id && !a->again) || e->attachment != a->o->request.replaces)
		return;
	if (e->kind == CWSANDBOX_EVENT_EXITED)
		a->o->request.replaces = 0;
	else if (e->kind == CWSANDBOX_EVENT_DETACHED &&
		 (!e->reason || strcmp(e->reason, "requested") != 0))
		end_as(a, ENDING_DETACHED, attach_detached_words(why, a, e));
}

static int take_event(struct attach *a, const struct cwsandbox_event *e)
{
	char why[ERRORS_TEXT_MAX / 2];
	int r;

	if (e->kind == CWSANDBOX_EVENT_ANSWER) {
		take_answer(a, e);
		if (attach_take_lines(a, e))
			request_newer(a);
		r = take_lead(a, e);
		return r ? r : take_title(a, e);
	}
	if (e->kind == CWSANDBOX_EVENT_SHUTDOWN)
		a->shutting_down = true;
	if (e->attachment != a->attachment) {
		take_old(a, e);
		return 0;
	}
	if (a->helping && pass_over(a, e))
		return 0;
	switch (e->kind) {
	case CWSANDBOX_EVENT_OUTPUT:
	case CWSANDBOX_EVENT_REPAINT:
		return attach_show(a, e);
	case CWSANDBOX_EVENT_EXITED:
		take_exit(a, e);
		return 0;
	case CWSANDBOX_EVENT_DETACHED:
		end_as(a, ENDING_DETACHED, attach_detached_words(why, a, e));
		return 0;
	case CWSANDBOX_EVENT_INPUT_REFUSED:
		return attach_say_title(
			a, notice_refused(&a->notice, a->name, e->error) ? "\a" : "");
	case CWSANDBOX_EVENT_RESIZED:
	case CWSANDBOX_EVENT_CLIENTS:
		return take_notice(a, e);
	case CWSANDBOX_EVENT_STATE:
		take_name(a, e->name);
		return 0;
	case CWSANDBOX_EVENT_NONE:
	case CWSANDBOX_EVENT_CONNECTED:
	case CWSANDBOX_EVENT_ANSWER:
	case CWSANDBOX_EVENT_CREDIT:
	case CWSANDBOX_EVENT_SHUTDOWN:
		return 0;
	}
	return 0;
}

/* ---- from the keyboard ---- */

static void act(struct attach *a, enum keys_action action)
{
	const struct cwsandbox_request lead = { .method = CWSANDBOX_SESSION_LEAD,
		.attachment = a->attachment };

	switch (action) {
	case KEYS_NONE:
		return;
	case KEYS_DETACH:
		end_as(a, ENDING_LEFT, NULL);
		return;
	case KEYS_HELP:
		if (attach_show_help(a))
			end_as(a, ENDING_LOST, "out of memory");
		return;
	case KEYS_LEAD:
		if (a->attachment >= 0 && !a->o->observer)
			cwsandbox_start(a->c, &lead, &a->lead_id);
		return;
	}
}

static int take_keys(struct attach *a, const uint8_t *in, size_t n)
{
	uint8_t out[READ_MAX + PROBE_HELD_MAX + KEYS_HELD_MAX + KEYS_SEQUENCE_MAX];
	size_t at = 0, used, n_out;
	int r = 0;

	a->keys.extended = term_filter_extended_keys(a->filter);
	while (at < n && !a->ending && !r) {
		enum keys_action action;

		if (a->helping) {
			at += keys_first(in + at, n - at);
			leave_help(a);
			continue;
		}
		action = keys_feed(&a->keys, in + at, n - at, &used, out, &n_out);
		at += used;
		if (!a->o->observer)
			r = attach_append(&a->typed, out, n_out);
		act(a, action);
	}
	return r;
}

/* It has answered, or answers late: what it can do, and its colours. */
static void heed_terminal(struct attach *a)
{
	struct cwsandbox_request *q = &a->o->request;
	const uint32_t *colors = a->probe.colors;
	struct cwsandbox_request set = { .method = CWSANDBOX_SESSION_SET,
		.attachment = a->attachment };

	term_filter_caps(a->filter, &a->probe.caps);
	if (!probe_has_colors(&a->probe))
		return;
	q->has_colors = set.has_colors = true;
	q->foreground = set.foreground = colors[0];
	q->background = set.background = colors[1];
	q->cursor = set.cursor = a->probe.has_colors & 4 ? colors[2] : colors[0];
	if (a->attachment >= 0 && !a->o->observer)
		cwsandbox_start(a->c, &set, NULL);
}

static int read_keys(struct attach *a)
{
	uint8_t in[READ_MAX], keys[READ_MAX + PROBE_HELD_MAX];
	ssize_t l = read(a->tty.in, in, sizeof(in));
	size_t n;

	if (l < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (l <= 0) {
		end_as(a, ENDING_GONE, NULL);
		return 0;
	}
	a->read_ms = cli_now_ms();
	n = probe_feed(&a->probe, in, (size_t)l, keys);
	if (probe_news(&a->probe))
		heed_terminal(a);
	return take_keys(a, keys, n);
}

/* When what may be a key or the beginning of more is taken for a key; INT64_MAX where there is
 * none. */
static int64_t keys_due(const struct attach *a)
{
	if (keys_holds(&a->keys))
		return a->read_ms + KEYS_TORN_MS;
	if (!probe_holds(&a->probe))
		return INT64_MAX;
	if (a->probe.waiting && a->read_ms - a->asked_ms >= PROBE_GIVE_UP_MS)
		return a->read_ms; /* it answers nothing: no key is held */
	return a->read_ms + PROBE_TORN_MS;
}

static int flush_keys(struct attach *a)
{
	uint8_t out[PROBE_HELD_MAX + KEYS_HELD_MAX + KEYS_SEQUENCE_MAX];
	size_t n = probe_flush(&a->probe, out);
	int r = n ? take_keys(a, out, n) : 0;

	if (r || a->ending)
		return r;
	n = keys_flush(&a->keys, out);
	return a->o->observer ? 0 : attach_append(&a->typed, out, n);
}

static void send_keys(struct attach *a)
{
	size_t taken;

	while (a->typed_at < a->typed.n && a->attachment >= 0) {
		if (cwsandbox_input(a->c, a->attachment, a->typed.data + a->typed_at,
			    a->typed.n - a->typed_at, &taken))
			return; /* no room: CREDIT will come; ended: EXITED will */
		a->typed_at += taken;
		notice_typed(&a->notice, cli_now_ms());
	}
	if (a->typed_at == a->typed.n)
		a->typed.n = a->typed_at = 0;
}

/* ---- signals ---- */

static void stop(struct attach *a)
{
	attach_leave(a);
	attach_ask_lines(a);
	a->helping = false;
	cwsandbox_flush(a->c); /* the answer is to be of now */
	tty_stop();
	if (tty_enter(&a->tty))
		end_as(a, ENDING_GONE, NULL);
	else
		attach_again(a, false);
}

/* After a SIGSTOP, of which nobody was told before: a shell has taken the terminal meanwhile. */
static void go_on(struct attach *a)
{
	resize(a);
	if (!tty_was_put_back(&a->tty))
		return;
	a->helping = false;
	if (tty_enter_again(&a->tty))
		end_as(a, ENDING_GONE, NULL);
	else
		attach_again(a, false);
}

static void take_signals(struct attach *a)
{
	int sig;

	for (sig = tty_signal(&a->tty); sig; sig = tty_signal(&a->tty)) {
		if (sig == SIGWINCH)
			resize(a);
		else if (sig == SIGCONT)
			go_on(a);
		else if (sig == SIGTSTP)
			stop(a);
		else {
			a->signal = sig;
			end_as(a, ENDING_SIGNAL, NULL);
		}
	}
}

/* ---- the loop ---- */

static int take_events(struct attach *a)
{
	struct cwsandbox_event e;
	int r = 0;

	while (!r && !a->ending && !attach_writing(a) && !cwsandbox_next(a->c, &e))
		r = take_event(a, &e);
	return r;
}

/* quiet: nothing has come from the daemon, and nothing of it waits in the library. */
static void exchange(struct attach *a, bool quiet)
{
	if ((quiet ? cwsandbox_flush(a->c) : cwsandbox_dispatch(a->c)) == 0)
		return;
	while (!a->ending && !take_events(a) && attach_writing(a)) /* what it said last */
		attach_write_out(a);
	end_as(a, ENDING_LOST,
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
	const int64_t due = keys_due(a), silence = notice_due_ms(&a->notice), now = cli_now_ms();
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
	const bool reads = a->typed.n - a->typed_at < TYPED_MAX,
		   writes = attach_writing(a) && !pace_ms;

	p[FD_CONN] = (struct pollfd){ cwsandbox_fd(a->c), cwsandbox_events(a->c), 0 };
	p[FD_KEYS] = (struct pollfd){ reads ? a->tty.in : -1, POLLIN, 0 };
	p[FD_SIGNALS] = (struct pollfd){ a->tty.signals[0], POLLIN, 0 };
	p[FD_OUT] = (struct pollfd){ writes ? a->tty.out : -1, POLLOUT, 0 };
	return poll(p, FD_N, timeout_ms(a, pace_ms));
}

static int keys_turn(struct attach *a, bool came)
{
	if (came && !a->ending)
		return read_keys(a);
	return cli_now_ms() >= keys_due(a) ? flush_keys(a) : 0;
}

static int turn(struct attach *a)
{
	struct pollfd p[FD_N];
	int n = await(a, p), r;

	if (n < 0 && errno != EINTR)
		return -errno;
	if (p[FD_SIGNALS].revents)
		take_signals(a);
	r = keys_turn(a, p[FD_KEYS].revents);
	if (p[FD_OUT].revents || n == 0)
		attach_write_out(a);
	send_keys(a); /* in one write with the acknowledgements */
	if (!r)
		r = mind_silence(a, p[FD_CONN].revents & (POLLIN | POLLHUP | POLLERR));
	if (!a->ending)
		exchange(a, n > 0 && !p[FD_CONN].revents && cwsandbox_timeout_ms(a->c) != 0);
	if (!r)
		r = take_events(a);
	send_keys(a); /* last: events may have brought credit, or the attachment */
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
		take_answer(a, &e);
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
	send_keys(a); /* typed before the detach keys: it counts */
	leave.attachment = a->attachment;
	if (a->attachment < 0 || cwsandbox_start(a->c, &leave, &id))
		return;
	while (cli_now_ms() < deadline && !cwsandbox_wait(a->c, QUIT_WAIT_MS, &e))
		if (e.kind == CWSANDBOX_EVENT_ANSWER && e.id == id)
			return;
		else if (e.kind == CWSANDBOX_EVENT_STATE && e.attachment == a->attachment)
			take_name(a, e.name);
}

static int loop(struct attach *a)
{
	int r = tty_open(&a->tty);

	if (r)
		return r;
	r = tty_enter(&a->tty); /* first, so that no key is lost or echoed meanwhile */
	if (!r)
		request_attach(a);
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
	a.had_history = o->request.has_history;
	a.history = o->request.history;
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
		end_as(&a, ENDING_LOST, strerror(-r));
	term_filter_free(a.filter);
	term_buf_done(&a.out);
	if (ret_missing)
		*ret_missing = a.is_missing;
	if (ret_missing && a.is_missing) {
		o->typed = a.typed;
		return EXIT_LOST;
	}
	term_buf_done(&a.typed);
	return attach_conclude(&a);
}
