/*
 * lib_terminal - the terminal session with blocking calls, for any number of threads
 *
 * One lock guards all. Of the threads that wait, one polls (it holds `pumping`, not the lock), the
 * others wait for the condition; whoever dispatched wakes all, and each looks whether its own wait
 * is over. A thread that changes what the polling one should wait for wakes it through `wake`.
 */
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

#include "client/lib.h"

#define COLS_DEFAULT 80u
#define ROWS_DEFAULT 24u
#define TERM_DEFAULT "xterm-256color"
#define WAIT_SLACK_MS 1000u /* the daemon's own limit of a wait lies beyond ours */

enum terminal_state {
	TERMINAL_NEW,
	TERMINAL_ACTIVE,
	TERMINAL_ENDED,
	TERMINAL_STALLED,
	TERMINAL_DETACHED,
	TERMINAL_LOST
};

struct cwsandbox_terminal {
	pthread_mutex_t lock;
	pthread_cond_t turned;
	int wake; /* eventfd */
	bool pumping;
	struct cwsandbox *c;
	enum terminal_state state;
	int64_t attachment;
	struct arena arena; /* what open() keeps */
	const char *const *command;
	const char *name, *session, *boot_id;
	bool fresh;
	uint64_t offset;     /* of the next byte to be read */
	const uint8_t *rest; /* of the current output event */
	size_t n_rest;
	/* the end, once known */
	bool has_end, has_code;
	int code;
	const char *reason, *message;
	bool input_refused;
	struct arena error_arena;
	struct cwsandbox_error error;
};

int cwsandbox_terminal_new(struct cwsandbox_terminal **ret)
{
	struct cwsandbox_terminal *t = calloc(1, sizeof(*t));
	pthread_condattr_t attr;

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->turned, &attr);
	pthread_condattr_destroy(&attr);
	t->error = (struct cwsandbox_error){ .code = "", .message = "" };
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->wake < 0 || cwsandbox_new(&t->c)) {
		cwsandbox_terminal_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

struct cwsandbox_terminal *cwsandbox_terminal_free(struct cwsandbox_terminal *t)
{
	if (!t)
		return NULL;
	cwsandbox_free(t->c);
	close_fd(&t->wake);
	pthread_cond_destroy(&t->turned);
	pthread_mutex_destroy(&t->lock);
	arena_done(&t->arena);
	arena_done(&t->error_arena);
	free(t);
	return NULL;
}

/* ---- errors ---- */

/* An error outlives the connection's next call. Returns r. */
static int keep_error(struct cwsandbox_terminal *t, const struct cwsandbox_error *from, int r)
{
	arena_done(&t->error_arena);
	error_copy(&t->error_arena, from, &t->error);
	return r;
}

static int fail(struct cwsandbox_terminal *t, int r, const char *code, const char *message)
{
	const struct cwsandbox_error e = { .code = code, .message = message };

	return keep_error(t, &e, r);
}

/* Outcomes that tell all by themselves leave the last error alone. */
static int from_connection(struct cwsandbox_terminal *t, int r)
{
	if (r < 0 || r == CWSANDBOX_E_REFUSED || r == CWSANDBOX_E_NO_DAEMON)
		return keep_error(t, &t->c->error, r);
	return r;
}

const struct cwsandbox_error *cwsandbox_terminal_error(const struct cwsandbox_terminal *t)
{
	return &t->error;
}

/* ---- turning ---- */

static void wake_pump(struct cwsandbox_terminal *t)
{
	const uint64_t one = 1;

	pthread_cond_broadcast(&t->turned);
	if (t->pumping)
		(void)!write(t->wake, &one, sizeof(one));
}

static bool is_for_reader(enum cwsandbox_event_kind kind)
{
	return kind == CWSANDBOX_EVENT_OUTPUT || kind == CWSANDBOX_EVENT_REPAINT ||
	       kind == CWSANDBOX_EVENT_EXITED || kind == CWSANDBOX_EVENT_DETACHED ||
	       kind == CWSANDBOX_EVENT_INPUT_REFUSED;
}

/* The session may be renamed, and its name go to another one. */
static void keep_name(struct cwsandbox_terminal *t, const char *name)
{
	bool other = name && (!t->name || strcmp(name, t->name) != 0);
	const char *copy = other ? arena_strdup(&t->arena, name) : NULL;

	if (copy)
		__atomic_store_n(&t->name, copy, __ATOMIC_RELEASE); /* read without the lock */
}

/* Who only waits reads no events: there must not be so many of who came and went that the answer
 * behind them is not read. */
static void drop_events(struct cwsandbox_terminal *t)
{
	struct queued *q;

	list_for_each(q, &t->c->events, link) {
		if (is_for_reader(q->event.kind))
			continue;
		keep_name(t, q->event.name); /* only STATE has one */
		event_drop(t->c, q);
	}
}

/* Sends and receives what can be; the lock is held. */
static int turn(struct cwsandbox_terminal *t)
{
	int r = cwsandbox_dispatch(t->c);

	drop_events(t);
	if (r && t->state == TERMINAL_ACTIVE)
		t->state = TERMINAL_LOST;
	wake_pump(t);
	return r;
}

static int wait_for_pump(struct cwsandbox_terminal *t, int64_t deadline)
{
	struct timespec ts = { .tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000 };

	if (deadline < 0)
		pthread_cond_wait(&t->turned, &t->lock);
	else
		pthread_cond_timedwait(&t->turned, &t->lock, &ts);
	return 0;
}

/* Waits until something may have changed. CWSANDBOX_E_TIMEOUT once the deadline has passed. */
static int pump(struct cwsandbox_terminal *t, int64_t deadline)
{
	struct pollfd p[2];
	uint64_t drained;
	int timeout, n;

	if (io_left(deadline) == 0)
		return turn(t) ? -ECONNRESET : CWSANDBOX_E_TIMEOUT;
	if (t->pumping)
		return wait_for_pump(t, deadline);
	p[0] = (struct pollfd){ .fd = t->c->fd, .events = cwsandbox_events(t->c) };
	p[1] = (struct pollfd){ .fd = t->wake, .events = POLLIN };
	if (t->c->fd < 0)
		return turn(t);
	timeout = io_wait_ms(t->c, deadline);
	t->pumping = true;
	pthread_mutex_unlock(&t->lock);
	n = poll(p, 2, timeout);
	pthread_mutex_lock(&t->lock);
	t->pumping = false;
	if (n > 0 && p[1].revents)
		(void)!read(t->wake, &drained, sizeof(drained));
	return turn(t);
}

/* A request about the session and its answer, while other threads go on. ret may be NULL. */
static int call(struct cwsandbox_terminal *t, const struct cwsandbox_request *request,
	int64_t deadline, struct cwsandbox_answer **ret)
{
	struct cwsandbox_request named = *request;
	struct pending *p;
	uint32_t id;
	int r;

	turn(t); /* the last name that was told counts */
	named.name = t->name;
	r = conn_start(t->c, &named, PENDING_CALL, &id);
	if (r)
		return r;
	p = conn_find_pending(t->c, id);
	r = turn(t);
	while (!p->done && !r)
		r = pump(t, deadline);
	if (!p->done) {
		p->kind = PENDING_DROP;
		return r;
	}
	r = p->r;
	if (!r && ret)
		*ret = &TAKE(p->box)->answer;
	conn_free_pending(t->c, p);
	return r;
}

/* ---- what came ---- */

static void note_end(struct cwsandbox_terminal *t, const struct cwsandbox_event *e)
{
	if (t->has_end)
		return;
	t->has_end = true;
	t->has_code = e->has_exit_code;
	t->code = (int)e->exit_code;
	t->reason = arena_strdup(&t->arena, e->reason);
	t->message = arena_strdup(&t->arena, e->message);
}

/* The end may be known before the output in front of it is read. */
static bool look_for_end(struct cwsandbox_terminal *t)
{
	struct queued *q;

	list_for_each(q, &t->c->events, link)
		if (q->event.kind == CWSANDBOX_EVENT_EXITED && q->event.attachment == t->attachment)
			note_end(t, &q->event);
	return t->has_end;
}

static void take_output(struct cwsandbox_terminal *t, const struct cwsandbox_event *e)
{
	t->offset = e->offset;
	if (e->kind == CWSANDBOX_EVENT_REPAINT) {
		cwsandbox_consumed(t->c, t->attachment, e->n); /* a picture is no output */
		return;
	}
	t->rest = e->data;
	t->n_rest = e->n;
}

static void take_event(struct cwsandbox_terminal *t, const struct cwsandbox_event *e)
{
	if (e->kind == CWSANDBOX_EVENT_OUTPUT || e->kind == CWSANDBOX_EVENT_REPAINT) {
		take_output(t, e);
	} else if (e->kind == CWSANDBOX_EVENT_EXITED) {
		note_end(t, e);
		t->state = TERMINAL_ENDED;
	} else if (e->kind == CWSANDBOX_EVENT_DETACHED) {
		t->state = e->reason && strcmp(e->reason, "stalled") == 0 ? TERMINAL_STALLED
									  : TERMINAL_DETACHED;
		fail(t, 0, t->state == TERMINAL_STALLED ? "stalled" : "detached",
			e->message ? e->message : "detached");
	} else if (e->kind == CWSANDBOX_EVENT_INPUT_REFUSED) {
		t->input_refused = true;
		keep_error(t, e->error, 0);
	}
}

static int read_outcome(struct cwsandbox_terminal *t)
{
	switch (t->state) {
	case TERMINAL_NEW:
		return fail(t, -ENOTCONN, "usage", "the terminal is not open");
	case TERMINAL_ACTIVE:
		return CWSANDBOX_E_PENDING;
	case TERMINAL_ENDED:
		return CWSANDBOX_E_END;
	case TERMINAL_STALLED:
		return CWSANDBOX_E_STALLED;
	case TERMINAL_DETACHED:
		return CWSANDBOX_E_DETACHED;
	case TERMINAL_LOST:
		return keep_error(t, &t->c->error, -ECONNRESET);
	}
	return -EINVAL;
}

static int read_locked(struct cwsandbox_terminal *t, int64_t deadline)
{
	struct cwsandbox_event e;
	int r;

	while (t->n_rest == 0) {
		if (t->c && !conn_next(t->c, &e)) {
			take_event(t, &e);
			continue;
		}
		r = read_outcome(t);
		if (r != CWSANDBOX_E_PENDING)
			return r;
		r = pump(t, deadline);
		if (r == CWSANDBOX_E_TIMEOUT && list_empty(&t->c->events))
			return r;
	}
	return 0;
}

int cwsandbox_terminal_read(
	struct cwsandbox_terminal *t, void *buf, size_t cap, int timeout_ms, size_t *ret_n)
{
	size_t n;
	int r;

	pthread_mutex_lock(&t->lock);
	r = read_locked(t, io_deadline(timeout_ms));
	if (!r) {
		n = min_size(cap, t->n_rest);
		memcpy(buf, t->rest, n);
		t->rest += n;
		t->n_rest -= n;
		t->offset += n;
		cwsandbox_consumed(t->c, t->attachment, n);
		if (conn_acks(t->c) != ACK_NONE)
			turn(t);
		*ret_n = n;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

int cwsandbox_terminal_since(struct cwsandbox_terminal *t, struct cwsandbox_since *ret)
{
	int r = 0;

	pthread_mutex_lock(&t->lock);
	if (t->state == TERMINAL_NEW)
		r = fail(t, -ENOTCONN, "usage", "the terminal is not open");
	else
		*ret = (struct cwsandbox_since){ t->boot_id, t->session, t->offset };
	pthread_mutex_unlock(&t->lock);
	return r;
}

bool cwsandbox_terminal_fresh(const struct cwsandbox_terminal *t)
{
	return t->fresh;
}

const char *const *cwsandbox_terminal_command(const struct cwsandbox_terminal *t)
{
	return t->command;
}

const char *cwsandbox_terminal_name(const struct cwsandbox_terminal *t)
{
	return __atomic_load_n(&t->name, __ATOMIC_ACQUIRE);
}

/* ---- opening ---- */

static int copy_command(struct cwsandbox_terminal *t, const char *const *argv)
{
	const char **copy;
	size_t n = 0;

	if (!argv || !*argv)
		return 0;
	while (argv[n])
		n++;
	copy = arena_alloc(&t->arena, (n + 1) * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		copy[i] = arena_strdup(&t->arena, argv[i]);
		if (!copy[i])
			return -ENOMEM;
	}
	t->command = copy;
	return 0;
}

static int open_connection(struct cwsandbox_terminal *t, const struct cwsandbox_config *config,
	bool no_autostart, int64_t deadline)
{
	struct cwsandbox_config from_env = { .socket = NULL };
	int r;

	if (!config) {
		cwsandbox_config_from_env(&from_env);
		config = &from_env;
	}
	r = cwsandbox_connect(t->c, config, io_left(deadline));
	if (r == CWSANDBOX_E_NO_DAEMON && !no_autostart)
		r = cwsandbox_daemon_start(t->c, config, NULL, io_left(deadline));
	if (r)
		return r;
	t->boot_id = arena_strdup(&t->arena, t->c->server.boot_id);
	return t->boot_id ? 0 : -ENOMEM;
}

static int create_session(
	struct cwsandbox_terminal *t, const struct cwsandbox_terminal_config *how, int64_t deadline)
{
	const struct cwsandbox_request create = {
		.method = CWSANDBOX_SESSION_CREATE,
		.sandbox_id = how->sandbox_id,
		.name = how->session,
		.argv = how->argv,
		.env = how->env,
		.cwd = how->cwd,
		.container = how->container,
		.cols = how->cols ? how->cols : COLS_DEFAULT,
		.rows = how->rows ? how->rows : ROWS_DEFAULT,
	};
	struct cwsandbox_answer *answer;
	int r;

	r = cwsandbox_call(t->c, &create, io_left(deadline), &answer);
	if (r)
		return r;
	t->name = arena_strdup(&t->arena, answer->session ? answer->session->name : NULL);
	t->session = arena_strdup(&t->arena, answer->session ? answer->session->session : NULL);
	cwsandbox_answer_free(answer);
	return t->name && t->session ? 0 : -ENOMEM;
}

static int attach_session(
	struct cwsandbox_terminal *t, const struct cwsandbox_terminal_config *how, int64_t deadline)
{
	const struct cwsandbox_since begin = { t->boot_id, t->session, 0 };
	struct cwsandbox_request attach = {
		.method = CWSANDBOX_SESSION_ATTACH,
		.name = t->name ? t->name : how->session,
		.cols = how->cols ? how->cols : COLS_DEFAULT,
		.rows = how->rows ? how->rows : ROWS_DEFAULT,
		.term = how->term ? how->term : TERM_DEFAULT,
		.raw = true,
		.role = how->observer ? "observer" : "peer",
		.policy = how->observer ? "skip" : "block",
		.since = how->sandbox_id ? &begin : how->since,
		.window = how->window,
		.block_timeout_ms = how->block_timeout_ms,
	};
	struct cwsandbox_answer *answer;
	int r;

	r = cwsandbox_call(t->c, &attach, io_left(deadline), &answer);
	if (r)
		return r;
	t->attachment = answer->attachment;
	t->offset = answer->offset;
	t->fresh = answer->fresh;
	t->name = arena_strdup(&t->arena, answer->name ? answer->name : t->name);
	t->session = arena_strdup(&t->arena, answer->session_id ? answer->session_id : t->session);
	t->state = TERMINAL_ACTIVE;
	cwsandbox_answer_free(answer);
	return t->name && t->session ? 0 : -ENOMEM;
}

int cwsandbox_terminal_open(struct cwsandbox_terminal *t, const struct cwsandbox_config *config,
	const struct cwsandbox_terminal_config *how, int timeout_ms)
{
	int64_t deadline = io_deadline(timeout_ms);
	int r;

	pthread_mutex_lock(&t->lock);
	if (t->state != TERMINAL_NEW || (!how->sandbox_id && !how->session))
		r = fail(t, -EINVAL, "usage",
			"open a new terminal, with a sandbox or the name of a session");
	else
		r = copy_command(t, how->sandbox_id ? how->argv : NULL);
	if (!r)
		r = from_connection(t, open_connection(t, config, how->no_autostart, deadline));
	if (!r && how->sandbox_id)
		r = from_connection(t, create_session(t, how, deadline));
	if (!r)
		r = from_connection(t, attach_session(t, how, deadline));
	pthread_mutex_unlock(&t->lock);
	return r;
}

/* ---- input ---- */

static int check_writable(struct cwsandbox_terminal *t)
{
	if (t->input_refused) {
		t->input_refused = false; /* told once; its words are in the error */
		return CWSANDBOX_E_REFUSED;
	}
	if (t->state == TERMINAL_ACTIVE)
		return look_for_end(t) ? CWSANDBOX_E_ENDED : 0;
	return t->state == TERMINAL_LOST || t->state == TERMINAL_NEW ? read_outcome(t)
								     : CWSANDBOX_E_ENDED;
}

static int write_locked(
	struct cwsandbox_terminal *t, const char *data, size_t n, int64_t deadline, size_t *done)
{
	size_t taken;
	int r;

	while (*done < n) {
		r = check_writable(t);
		if (r)
			return r;
		r = cwsandbox_input(t->c, t->attachment, data + *done, n - *done, &taken);
		if (r == CWSANDBOX_E_WINDOW)
			r = pump(t, deadline);
		else if (!r) {
			*done += taken;
			turn(t);
		}
		if (r)
			return from_connection(t, r);
	}
	return 0;
}

int cwsandbox_terminal_write(
	struct cwsandbox_terminal *t, const void *data, size_t n, int timeout_ms, size_t *ret_taken)
{
	size_t done = 0;
	int r;

	pthread_mutex_lock(&t->lock);
	r = write_locked(t, data, n, io_deadline(timeout_ms), &done);
	pthread_mutex_unlock(&t->lock);
	if (ret_taken)
		*ret_taken = done;
	return r;
}

int cwsandbox_terminal_writeline(struct cwsandbox_terminal *t, const char *text, int timeout_ms)
{
	size_t n = strlen(text), done = 0;
	char *line = malloc(n + 1);
	int r;

	if (!line)
		return -ENOMEM;
	memcpy(line, text, n);
	line[n] = '\n';
	r = cwsandbox_terminal_write(t, line, n + 1, timeout_ms, &done);
	free(line);
	return r;
}

int cwsandbox_terminal_close_stdin(struct cwsandbox_terminal *t)
{
	int r;

	pthread_mutex_lock(&t->lock);
	r = check_writable(t);
	if (!r)
		r = from_connection(t, cwsandbox_close_input(t->c, t->attachment));
	if (r == CWSANDBOX_E_ENDED)
		r = 0; /* it takes no input any more: nothing is left to close */
	else if (!r)
		turn(t);
	pthread_mutex_unlock(&t->lock);
	return r;
}

int cwsandbox_terminal_resize(struct cwsandbox_terminal *t, unsigned cols, unsigned rows)
{
	int r;

	pthread_mutex_lock(&t->lock);
	if (t->state == TERMINAL_ACTIVE && look_for_end(t))
		r = CWSANDBOX_E_ENDED;
	else if (t->state != TERMINAL_ACTIVE)
		r = t->state == TERMINAL_NEW ? read_outcome(t) : CWSANDBOX_E_ENDED;
	else
		r = from_connection(t, cwsandbox_resize(t->c, t->attachment, cols, rows));
	if (!r)
		turn(t);
	pthread_mutex_unlock(&t->lock);
	return r;
}

/* ---- the end ---- */

static int end_outcome(struct cwsandbox_terminal *t, int *ret_code)
{
	if (t->has_code)
		*ret_code = t->code;
	else if (!t->reason || strcmp(t->reason, "no_exit_code") == 0)
		*ret_code = -1;
	else
		return fail(t, CWSANDBOX_E_REFUSED, t->reason,
			t->message ? t->message : "the session ended without an exit code");
	return 0;
}

int cwsandbox_terminal_returncode(struct cwsandbox_terminal *t, int *ret_code)
{
	int r;

	pthread_mutex_lock(&t->lock);
	if (t->state == TERMINAL_ACTIVE && !t->pumping)
		turn(t);
	if (t->state == TERMINAL_NEW)
		r = read_outcome(t);
	else
		r = look_for_end(t) ? end_outcome(t, ret_code) : CWSANDBOX_E_ACTIVE;
	pthread_mutex_unlock(&t->lock);
	return r;
}

/* Asks the daemon: the end is told to an attachment only after all its output. */
static int wait_locked(struct cwsandbox_terminal *t, int timeout_ms)
{
	int64_t deadline = io_deadline(timeout_ms);
	struct cwsandbox_request wait = { .method = CWSANDBOX_SESSION_WAIT };
	struct cwsandbox_event end = { .kind = CWSANDBOX_EVENT_EXITED };
	struct cwsandbox_answer *answer = NULL;
	int r;

	if (look_for_end(t))
		return 0;
	if (t->state == TERMINAL_NEW)
		return read_outcome(t);
	if (timeout_ms >= 0)
		wait.timeout_ms = (uint64_t)timeout_ms + WAIT_SLACK_MS;
	r = call(t, &wait, deadline, &answer);
	if (!r) {
		end.has_exit_code = answer->has_exit_code;
		end.exit_code = answer->exit_code;
		end.reason = answer->reason;
	}
	if (!r && !look_for_end(t)) /* the event's words, if they are here already, say more */
		note_end(t, &end);
	cwsandbox_answer_free(answer);
	if (r == CWSANDBOX_E_REFUSED && strcmp(t->c->error.code, "timeout") == 0)
		return CWSANDBOX_E_TIMEOUT;
	return from_connection(t, r);
}

int cwsandbox_terminal_wait(struct cwsandbox_terminal *t, int timeout_ms, int *ret_code)
{
	int r;

	pthread_mutex_lock(&t->lock);
	r = wait_locked(t, timeout_ms);
	if (!r)
		r = end_outcome(t, ret_code);
	pthread_mutex_unlock(&t->lock);
	return r;
}

int cwsandbox_terminal_result(
	struct cwsandbox_terminal *t, int timeout_ms, struct cwsandbox_terminal_result *ret)
{
	struct cwsandbox_terminal_result result = { .returncode = -1 };
	int r;

	r = cwsandbox_terminal_wait(t, timeout_ms, &result.returncode);
	if (r)
		return r;
	result.reason = t->reason;
	result.message = t->message;
	*ret = result;
	return 0;
}

int cwsandbox_terminal_kill(struct cwsandbox_terminal *t, int timeout_ms)
{
	const struct cwsandbox_request kill = { .method = CWSANDBOX_SESSION_KILL };
	int r;

	pthread_mutex_lock(&t->lock);
	r = t->state == TERMINAL_NEW
		    ? read_outcome(t)
		    : from_connection(t, call(t, &kill, io_deadline(timeout_ms), NULL));
	pthread_mutex_unlock(&t->lock);
	return r;
}
