/* session.*: attachments. */
#include <string.h>

#include "daemon/core/describe.h"
#include "daemon/core/methods.h"
#include "daemon/core/paint.h"

/* ---- attach ---- */

struct attach {
	struct attachment_config config;
	bool take_over, exclusive;
	struct attachment *replaced; /* NULL: none */
	bool has_shown;
	uint64_t shown; /* what its terminal shows of the session ends there */
	bool below;     /* others have written there since */
	char id[24];
};

static bool attach_role(struct client *c, const struct frame *f, struct attach *at)
{
	bool observer = param_is(f, "role", "observer"), peer = param_is(f, "role", "peer");
	struct frame_span s;

	if (param_span(f, "role", &s) && !observer && !peer) {
		refuse_param(c, f, "role");
		return false;
	}
	at->config.observer = observer || (c->observer && !peer);
	at->take_over = param_bool(f, "take_over", false);
	at->exclusive = param_bool(f, "exclusive", false);
	if (c->observer && (peer || at->take_over || at->exclusive)) {
		client_refuse(
			c, f, "denied", "This socket is for observers; use the daemon's own.");
		return false;
	}
	if (at->config.observer && (at->take_over || at->exclusive)) {
		client_refuse(c, f, "denied",
			"An observer neither types nor takes over; attach as a peer.");
		return false;
	}
	return true;
}

/* Of what is not named: the session's, or as it was set for the one whose place is taken. */
static void attach_defaults(struct attach *at)
{
	const struct session *s = at->config.session;
	const struct attachment *old = at->replaced;

	at->config.policy = old ? old->policy : s->policy;
	at->config.block_timeout_usec = old ? old->block_timeout_usec : s->block_timeout_usec;
	at->config.window = old ? old->credit.window : s->window;
	at->config.drain_usec = old ? old->credit.drain_usec : s->drain_usec;
}

static bool attach_policy(struct client *c, const struct frame *f, struct attach *at)
{
	struct attachment_config *config = &at->config;
	struct frame_span s;
	uint64_t ms;

	if (!param_span(f, "policy", &s)) {
		if (config->observer && config->policy == POLICY_BLOCK)
			config->policy = POLICY_SKIP;
	} else if (!attachment_policy_parse(s.data, s.n, &config->policy)) {
		refuse_param(c, f, "policy");
		return false;
	}
	if (config->observer && config->policy == POLICY_BLOCK) {
		refuse_observer_blocks(c, f);
		return false;
	}
	if (param_int(f, "block_timeout_ms", &ms))
		config->block_timeout_usec = ms * USEC_PER_MSEC;
	return true;
}

static void attach_since(const struct client *c, const struct frame *f, struct attach *at)
{
	const msgpack_object *since = frame_get(f->params, "since");
	struct frame_span boot, session;
	uint64_t offset = 0;

	if (!since)
		return;
	at->config.has_since = true;
	at->config.since = UINT64_MAX; /* of another daemon or session: nowhere */
	describe_session_id(at->config.session, at->id);
	(void)frame_get_u64(since, "offset", 0, UINT64_MAX, &offset);
	if (frame_get_str(since, "boot_id", &boot) || frame_get_str(since, "session", &session))
		return;
	if (frame_span_is(&boot, c->core->config.boot_id) && frame_span_is(&session, at->id))
		at->config.since = offset;
}

static bool attach_size(struct client *c, const struct frame *f, struct attach *at)
{
	uint64_t cols = 0, rows = 0;

	param_int(f, "cols", &cols);
	param_int(f, "rows", &rows);
	at->config.cols = (unsigned)cols;
	at->config.rows = (unsigned)rows;
	if (!cols == !rows)
		return true;
	refuse_param(c, f, cols ? "rows" : "cols");
	return false;
}

/* It must still be there: who was detached meanwhile does not come back unasked. */
static bool attach_replaced(struct client *c, const struct frame *f, struct attach *at)
{
	uint64_t id;

	at->has_shown = param_int(f, "shown", &at->shown);
	at->below = param_bool(f, "below", false);
	if (!param_int(f, "replaces", &id))
		return true;
	at->replaced = client_attachment(c, id);
	at->config.replaced = at->replaced;
	if (at->replaced && at->replaced->session == at->config.session)
		return true;
	client_refuse(c, f, "no_such_attachment",
		"What it replaces is no attachment of this connection to the session, or has "
		"ended.");
	return false;
}

static bool attach_read(struct client *c, const struct frame *f, struct attach *at)
{
	uint64_t history = c->core->config.history_lines, window, drain_ms;
	struct frame_span term = { .data = "", .n = 0 };

	if (!attach_replaced(c, f, at))
		return false;
	attach_defaults(at);
	param_span(f, "term", &term);
	param_int(f, "history", &history);
	param_int(f, "from", &at->config.history_from);
	if (param_int(f, "window", &window))
		at->config.window = window;
	if (param_int(f, "drain_ms", &drain_ms))
		at->config.drain_usec = drain_ms * USEC_PER_MSEC;
	at->config.term = term.data;
	at->config.n_term = term.n;
	at->config.history_lines = (unsigned)history;
	at->config.paint = param_bool(f, "paint", true);
	at->config.has_colors = param_colors(f, at->config.colors);
	attach_since(c, f, at);
	return attach_size(c, f, at) && attach_role(c, f, at) && attach_policy(c, f, at);
}

static void detach_others(struct session *s, const struct client *keep, const char *reason,
	const char *message, uint64_t *ret_n)
{
	struct attachment *a;

	list_for_each(a, &s->attachments, session_link) {
		if (a->client == keep)
			continue;
		attachment_detach(a, reason, message);
		++*ret_n;
	}
}

static void answer_attached(
	struct client *c, const struct frame *f, const struct attachment *a, bool fresh)
{
	const struct session *s = a->session;
	struct frame_out *o = &c->core->scratch;
	char id[24];

	describe_session_id(s, id);
	frame_begin_result(o, f->id, 13);
	frame_put_u64(o, "attachment", a->id);
	frame_put_str(o, "session", id);
	frame_put_str(o, "name", s->name);
	frame_put_u64(o, "offset", attachment_offset(a));
	frame_put_bool(o, "fresh", fresh);
	frame_put_u64(o, "cols", s->cols);
	frame_put_u64(o, "rows", s->rows);
	frame_put_str(o, "role", attachment_role(a));
	frame_put_str(o, "state", session_state_name(s->state));
	frame_put_str(o, "policy", attachment_policy_name(a->policy));
	frame_put_u64(o, "window", a->credit.window);
	frame_put_u64(o, "input_window", CORE_INPUT_WINDOW);
	if (s->has_exit_code)
		frame_put_i64(o, "exit_code", s->exit_code);
	else
		frame_put_nil(o, "exit_code");
	client_send(c);
}

/* Nobody sees the lead or the input lease change hands, and the shell no resize. */
static void take_place(struct attachment *a, const struct attach *at)
{
	struct attachment *old = at->replaced;
	struct session *s = a->session;

	if (s->lead == old)
		session_lead(s, a);
	if (s->lease == old && !a->observer)
		session_lease(s, a);
	a->reports = old->reports;
	if (at->has_shown)
		paint_take_over(a, old, at->shown, at->below);
	attachment_detach(old, "requested", "Another attachment took its place, as requested.");
}

void on_session_attach(struct client *c, const struct frame *f)
{
	struct attach at = { .config = { .client = c } };
	struct session *s = param_session(c, f);
	struct attachment *a;
	uint64_t n = 0;
	bool fresh;

	if (!s)
		return;
	at.config.session = s;
	if (!attach_read(c, f, &at) ||
		!core_takes_work(c, f, at.replaced ? WORK_PLACE : WORK_ATTACHMENT))
		return;
	if (at.exclusive && s->lease && s->lease != at.replaced && !at.take_over) {
		refuse_input(c, f, SESSION_E_EXCLUSIVE, s, 0);
		return;
	}
	if (attachment_new(&a, &at.config, &fresh)) {
		refuse_memory(c, f);
		return;
	}
	if (at.replaced)
		take_place(a, &at);
	if (at.take_over) {
		detach_others(s, c, "taken_over", "Another client took the session over.", &n);
		session_lead(s, a);
	}
	if (at.exclusive)
		session_lease(s, a);
	answer_attached(c, f, a, fresh);
}

/* ---- one attachment ---- */

static bool is_observer(struct client *c, const struct frame *f, const struct attachment *a)
{
	if (a->observer)
		client_refuse(
			c, f, "denied", "An observer only watches; attach as a peer to do this.");
	return a->observer;
}

void on_session_ack(struct client *c, const struct frame *f)
{
	struct attachment *a = param_attachment(c, f);
	uint64_t bytes = 0;

	if (!a)
		return;
	param_int(f, "bytes", &bytes);
	if (attachment_ack(a, bytes) == 0) {
		answer_empty(c, f);
		return;
	}
	client_refuse(
		c, f, "bad_ack", "More was acknowledged than sent; the attachment is detached.");
	attachment_detach(a, "bad_ack", "More was acknowledged than sent.");
}

void on_session_input(struct client *c, const struct frame *f)
{
	struct attachment *a = param_attachment(c, f);
	struct frame_span data = { .n = 0 };
	int r;

	if (!a)
		return;
	param_span(f, "data", &data);
	r = session_input(a->session, a, data.data, data.n);
	if (r && !f->has_id)
		tell_input_refused(c, a, r, data.n);
	else if (r)
		refuse_input(c, f, r, a->session, inq_credit(a->writer));
	else
		answer_empty(c, f);
}

void on_session_resize(struct client *c, const struct frame *f)
{
	struct attachment *a = param_attachment_of_session(c, f);
	uint64_t cols = 0, rows = 0;

	if (!a)
		return;
	param_int(f, "cols", &cols);
	param_int(f, "rows", &rows);
	attachment_resize(a, (unsigned)cols, (unsigned)rows);
	answer_empty(c, f);
}

static void answer_detached(struct client *c, const struct frame *f, uint64_t n)
{
	frame_begin_result(&c->core->scratch, f->id, 1);
	frame_put_u64(&c->core->scratch, "detached", n);
	client_send(c);
}

void on_session_detach(struct client *c, const struct frame *f)
{
	struct attachment *a;
	struct session *s;
	uint64_t id, n = 0;

	if (param_int(f, "attachment", &id)) {
		a = param_attachment(c, f);
		if (!a)
			return;
		attachment_detach(a, "requested", "Detached, as requested.");
		answer_detached(c, f, 1);
		return;
	}
	if (!frame_get(f->params, "name")) {
		refuse_param(c, f, "attachment");
		return;
	}
	if (c->observer) {
		client_refuse(c, f, "denied", "An observer may only detach itself.");
		return;
	}
	s = param_session(c, f);
	if (!s)
		return;
	detach_others(s, c, "detached", "Another client detached this one.", &n);
	answer_detached(c, f, n);
}

void on_session_close_input(struct client *c, const struct frame *f)
{
	struct attachment *a = param_attachment(c, f);
	int r;

	if (!a || is_observer(c, f, a))
		return;
	r = session_close_input(a->session, a);
	if (r)
		refuse_input(c, f, r, a->session, inq_credit(a->writer));
	else
		answer_empty(c, f);
}

void on_session_lease(struct client *c, const struct frame *f)
{
	struct attachment *a = param_attachment_of_session(c, f);
	bool take = param_bool(f, "exclusive", false);
	struct session *s;

	if (!a || is_observer(c, f, a))
		return;
	s = a->session;
	if (take && s->lease && s->lease != a) {
		refuse_input(c, f, SESSION_E_EXCLUSIVE, s, 0);
		return;
	}
	if (take || s->lease == a)
		session_lease(s, take ? a : NULL);
	answer_empty(c, f);
}

void on_session_lead(struct client *c, const struct frame *f)
{
	struct attachment *a = param_attachment_of_session(c, f);

	if (!a || is_observer(c, f, a))
		return;
	if (!a->cols) {
		client_refuse(c, f, "not_supported",
			"Only a terminal can lead: attach with `cols` and `rows`.");
		return;
	}
	if (a->session->lease && a->session->lease != a) {
		refuse_input(c, f, SESSION_E_EXCLUSIVE, a->session, 0);
		return;
	}
	session_lead(a->session, a);
	answer_empty(c, f);
}
