#include "daemon/core/session.h"

#include <string.h>

#include "daemon/core/attachment.h"
#include "daemon/core/client.h"
#include "daemon/core/describe.h"
#include "daemon/core/recorder.h"
#include "daemon/core/spec.h"

/* row: where we are; column: what happened; a hole: it cannot happen here */
/* clang-format off */
static const enum session_state next_state[_SESSION_STATE_N][_SESSION_EVENT_N] = {
	[SESSION_STARTING] = { [SESSION_EV_UP] = SESSION_RUNNING,
		[SESSION_EV_LOST] = SESSION_STARTING,
		[SESSION_EV_EXIT] = SESSION_EXITED, [SESSION_EV_FAIL] = SESSION_FAILED },
	[SESSION_RUNNING] = { [SESSION_EV_LOST] = SESSION_RECONNECTING,
		[SESSION_EV_EXIT] = SESSION_EXITED, [SESSION_EV_FAIL] = SESSION_FAILED },
	[SESSION_RECONNECTING] = { [SESSION_EV_UP] = SESSION_RUNNING,
		[SESSION_EV_LOST] = SESSION_RECONNECTING,
		[SESSION_EV_EXIT] = SESSION_EXITED, [SESSION_EV_FAIL] = SESSION_FAILED },
};

static const char *const state_names[_SESSION_STATE_N] = {
	[SESSION_NONE] = "none", [SESSION_STARTING] = "starting", [SESSION_RUNNING] = "running",
	[SESSION_RECONNECTING] = "reconnecting", [SESSION_EXITED] = "exited",
	[SESSION_FAILED] = "failed",
};
/* clang-format on */

const char *session_state_name(enum session_state state)
{
	return state_names[state];
}

bool session_ended(const struct session *s)
{
	return s->state == SESSION_EXITED || s->state == SESSION_FAILED;
}

const char *session_name(const struct session *s)
{
	return s->name[0] ? s->name : NULL;
}

void session_mark(struct session *s)
{
	if (!list_linked(&s->dirty_link))
		list_append(&s->core->sessions, &s->dirty_link);
}

/* ---- life ---- */

/* Somebody who is slow still reads the end of it: that is as if nobody had seen it. */
static void on_linger(struct timer *t)
{
	struct session *s = container_of(t, struct session, linger);
	uint64_t now = s->core->clock->now_usec;

	if (list_empty(&s->attachments) || now >= s->linger_until_usec)
		session_drop(s);
	else
		timer_start(&s->core->timers, t,
			min_u64(now + REGISTRY_SEEN_USEC, s->linger_until_usec));
}

static void on_resize_timer(struct timer *t)
{
	session_fit(container_of(t, struct session, resize_timer));
}

static void on_rest_timer(struct timer *t)
{
	struct session *s = container_of(t, struct session, rest_timer);
	struct core *core = s->core;

	list_append(&core->resting, &s->rest_link);
	timer_start(&core->timers, &core->resting_timer, core->clock->now_usec);
}

static void on_paste_timer(struct timer *t)
{
	struct session *s = container_of(t, struct session, paste_timer);

	inq_tick(&s->inq, s->core->clock->now_usec);
	session_input_ready(s);
}

static void on_reply_timer(struct timer *t)
{
	session_mark(container_of(t, struct session, reply_timer));
}

static void on_clients_timer(struct timer *t)
{
	session_clients_changed(container_of(t, struct session, clients_timer));
}

static int strdup_into(char **ret, const char *s)
{
	if (!s)
		return 0;
	*ret = strdup(s);
	return *ret ? 0 : -ENOMEM;
}

/* As much as is told of it. */
static int keep_command(char **ret, const struct upstream_spec *spec)
{
	_cleanup_(freep) char *whole = text_shell_quote(spec->argv, spec->n_argv);

	*ret = whole ? strndup(whole, DESCRIBE_COMMAND_MAX) : NULL;
	return *ret ? 0 : -ENOMEM;
}

static void session_init(struct session *s, struct core *core)
{
	*s = (struct session){
		.core = core,
		.number = ++core->next_session,
		.created_wall_usec = core->clock->wall_usec,
		.block_timeout_usec = core->config.block_timeout_usec,
		.window = core->config.window,
		.size = core->config.size,
		.linger.fn = on_linger,
		.resize_timer.fn = on_resize_timer,
		.rest_timer.fn = on_rest_timer,
		.paste_timer.fn = on_paste_timer,
		.reply_timer.fn = on_reply_timer,
		.clients_timer.fn = on_clients_timer,
	};
	ledger_add(&core->memory, sizeof(*s));
	list_init(&s->attachments);
	list_init(&s->waits);
	list_init(&s->recorders);
	log_init(&s->log,
		&(struct log_config){ core->config.log_bytes, &core->memory, core->clock });
	inq_init(&s->inq, &core->memory);
}

/* All that can fail before it is known to anyone. */
static int session_fill(struct session *s, const struct session_config *config)
{
	const struct upstream_spec *spec = config->spec;
	int r;

	s->kind = spec->kind;
	s->asked_bytes = spec_bytes(spec);
	ledger_add(&s->core->memory, s->asked_bytes);
	r = strdup_into(&s->sandbox_id, spec->sandbox_id);
	if (!r)
		r = strdup_into(&s->container, spec->container);
	if (!r)
		r = inq_writer_new(&s->inq, CORE_INPUT_WINDOW, &s->sender);
	if (r || config->call)
		return r;
	r = keep_command(&s->command, spec);
	if (r)
		return r;
	r = inq_writer_new(&s->inq, CORE_INPUT_WINDOW, &s->replies);
	if (r)
		return r;
	s->cols = s->told_cols = spec->cols;
	s->rows = s->told_rows = spec->rows;
	return screen_init(&s->screen, &s->log,
		&(struct term_config){ s->cols, s->rows, s->core->config.history_lines });
}

static int session_register(struct session *s, const struct session_config *config)
{
	int r;

	if (config->call) {
		list_append(&s->core->calls, &s->link);
		return 0;
	}
	r = registry_add(&s->core->registry, s, config->name, config->n_name);
	if (!r)
		s->core->n_live++;
	return r;
}

int session_new(struct session **ret, struct core *core, const struct session_config *config)
{
	_cleanup_(session_freep) struct session *s = malloc(sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	session_init(s, core);
	r = session_fill(s, config);
	if (!r)
		r = session_register(s, config);
	if (r)
		return r;
	r = core->service->open(
		core->rim, config->endpoint, s, config->spec, &s->ops, &s->upstream);
	if (r)
		return err_fold(r);
	session_enter(s, SESSION_STARTING, NULL);
	*ret = TAKE(s);
	return 0;
}

static void session_unregister(struct session *s)
{
	if (!list_linked(&s->link))
		return;
	if (!s->name[0]) {
		list_unlink(&s->link);
		return;
	}
	if (!session_ended(s))
		s->core->n_live--;
	registry_remove(&s->core->registry, s);
}

static void session_stop_timers(struct session *s)
{
	struct timers *ts = &s->core->timers;

	timer_stop(ts, &s->linger);
	timer_stop(ts, &s->resize_timer);
	timer_stop(ts, &s->rest_timer);
	list_unlink(&s->rest_link);
	timer_stop(ts, &s->paste_timer);
	timer_stop(ts, &s->reply_timer);
	timer_stop(ts, &s->clients_timer);
}

/* The far side needs it no more: it runs, or never will. */
static void session_forget_asked(struct session *s)
{
	ledger_sub(&s->core->memory, s->asked_bytes);
	s->asked_bytes = 0;
}

void session_close_upstream(struct session *s)
{
	const struct upstream_ops *ops = TAKE(s->ops);

	if (ops)
		ops->close(s->upstream);
	s->upstream = NULL;
}

struct session *session_free(struct session *s)
{
	struct recorder *rec;

	if (!s)
		return NULL;
	if (s->dropped)
		list_unlink(&s->link); /* of the dead */
	else
		session_unregister(s);
	session_stop_timers(s);
	list_unlink(&s->dirty_link);
	list_unlink(&s->output_link);
	session_close_upstream(s);
	list_for_each(rec, &s->recorders, link)
		recorder_orphan(rec);
	screen_done(&s->screen);
	log_done(&s->log);
	inq_done(&s->inq);
	free(s->sandbox_id);
	free(s->container);
	free(s->command);
	free(s->reason);
	free(s->message);
	request_error_free(s->error);
	session_forget_asked(s);
	ledger_sub(&s->core->memory, sizeof(*s));
	free(s);
	return NULL;
}

void session_drop(struct session *s)
{
	struct attachment *a;

	if (s->dropped)
		return;
	s->dropped = true;
	list_for_each(a, &s->attachments, session_link)
		attachment_detach(a, "requested", "The session was removed from the list.");
	session_unregister(s);
	session_stop_timers(s);
	list_append(&s->core->dead_sessions, &s->link);
}

/* ---- state ---- */

static void session_trace(const struct session *s, enum session_state to, const char *why)
{
	const struct upstream_service *service = s->core->service;

	if (service->trace)
		service->trace(
			s->core->rim, session_name(s), state_names[s->state], state_names[to], why);
}

static void session_enter_end(struct session *s)
{
	struct core *core = s->core;
	struct session *old;
	struct wait *w;

	s->ended_wall_usec = core->clock->wall_usec;
	s->closing = true;
	inq_close(&s->inq);
	if (s->name[0]) {
		core->n_live--;
		for (old = registry_overdue(&core->registry); old;
			old = registry_overdue(&core->registry))
			session_drop(old);
		registry_ended(&core->registry, s);
		s->linger_until_usec = core->clock->now_usec + core->config.linger_usec;
		timer_start(&core->timers, &s->linger, s->linger_until_usec);
	}
	list_for_each(w, &s->waits, session_link)
		wait_answer(w);
}

void session_tell_state(struct session *s)
{
	struct attachment *a;

	list_for_each(a, &s->attachments, session_link)
		attachment_note(a, NOTE_STATE);
}

void session_enter(struct session *s, enum session_state to, const char *why)
{
	session_trace(s, to, why);
	s->state = to;
	if (to != SESSION_STARTING)
		session_forget_asked(s);
	if (session_ended(s))
		session_enter_end(s);
	session_tell_state(s);
	session_mark(s);
	session_mark_output(s);
}

int session_step(struct session *s, enum session_event ev, const char *why)
{
	enum session_state to = next_state[s->state][ev];

	if (to == SESSION_NONE)
		return SESSION_E_UNEXPECTED;
	session_enter(s, to, why);
	return 0;
}

static void session_say(struct session *s, const char *reason, const char *message)
{
	free(s->reason);
	free(s->message);
	s->reason = reason ? strdup(reason) : NULL; /* without memory the words are missing */
	s->message = message ? strdup(message) : NULL;
}

void session_up(struct session *s)
{
	if (next_state[s->state][SESSION_EV_UP] == SESSION_NONE)
		return;
	session_say(s, NULL, NULL);
	(void)session_step(s, SESSION_EV_UP, "up");
}

void session_lost(struct session *s, const char *reason, const char *message)
{
	if (next_state[s->state][SESSION_EV_LOST] == SESSION_NONE)
		return;
	session_say(s, reason, message);
	(void)session_step(s, SESSION_EV_LOST, reason);
}

void session_end(struct session *s, const struct session_end *how)
{
	if (s->state == SESSION_NONE || session_ended(s))
		return;
	session_say(s, how->reason, how->message);
	s->has_exit_code = how->has_exit_code;
	s->exit_code = how->exit_code;
	s->error = how->error ? request_error_dup(how->error) : NULL;
	if (s->ops && s->ops->uncertain && how->failed)
		s->uncertain_bytes = s->ops->uncertain(s->upstream);
	(void)session_step(s, how->failed ? SESSION_EV_FAIL : SESSION_EV_EXIT, how->reason);
}

void session_kill(struct session *s)
{
	if (session_ended(s)) {
		session_drop(s);
		return;
	}
	session_end(s, &(struct session_end){ .reason = "killed",
			       .message = "The session was killed; whether its program still runs "
					  "is not known." });
	session_seen(s);
}

void session_seen(struct session *s)
{
	struct core *core = s->core;

	if (s->seen || s->dropped || !s->name[0] || !session_ended(s))
		return;
	s->seen = true;
	timer_start(&core->timers, &s->linger,
		core->clock->now_usec + min_u64(REGISTRY_SEEN_USEC, core->config.linger_usec));
}

void session_set_connection(struct session *s, uint64_t id)
{
	s->connection = id;
}
