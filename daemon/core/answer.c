/* What handlers share: reading checked params, refusing, answering. */
#include <string.h>

#include "daemon/core/budget.h"
#include "daemon/core/describe.h"
#include "daemon/core/methods.h"

bool param_int(const struct frame *f, const char *name, uint64_t *ret)
{
	return frame_get_u64(f->params, name, 0, UINT64_MAX, ret) == 0;
}

bool param_bool(const struct frame *f, const char *name, bool otherwise)
{
	bool v = otherwise;

	(void)frame_get_bool(f->params, name, &v);
	return v;
}

bool param_span(const struct frame *f, const char *name, struct frame_span *ret)
{
	return frame_get_bytes(f->params, name, ret) == 0;
}

bool param_colors(const struct frame *f, uint32_t ret[TERM_COLORS_N])
{
	uint64_t text, background, cursor;

	if (!param_int(f, "foreground", &text) || !param_int(f, "background", &background))
		return false;
	cursor = text;
	param_int(f, "cursor", &cursor);
	ret[0] = (uint32_t)text;
	ret[1] = (uint32_t)background;
	ret[2] = (uint32_t)cursor;
	return true;
}

bool param_is(const struct frame *f, const char *name, const char *text)
{
	struct frame_span s;

	return param_span(f, name, &s) && frame_span_is(&s, text);
}

const char *param_text(const struct frame *f, const char *name, int *ret_r)
{
	struct frame_span s;
	const char *copy;

	if (!param_span(f, name, &s))
		return NULL;
	copy = frame_dup(f, &s);
	if (!copy)
		*ret_r = -ENOMEM;
	return copy;
}

/* ---- refusing ---- */

static void refuse_begin(struct client *c, const struct frame *f, const char *code,
	const char *message, size_t n_more)
{
	frame_begin_error(&c->core->scratch, f->id, code, message, n_more);
}

static bool is_request(const struct frame *f)
{
	return f->has_id;
}

void client_refuse(struct client *c, const struct frame *f, const char *code, const char *message)
{
	if (!is_request(f))
		return;
	refuse_begin(c, f, code, message, 0);
	client_send(c);
}

static void refuse_with(struct client *c, const struct frame *f, const char *code,
	const char *message, const char *key, const char *value)
{
	if (!is_request(f))
		return;
	refuse_begin(c, f, code, message, 1);
	frame_put_str(&c->core->scratch, key, value);
	client_send(c);
}

void refuse_param(struct client *c, const struct frame *f, const char *field)
{
	refuse_with(c, f, "bad_params",
		"A field is missing, of the wrong type or out of range; `field` names it.", "field",
		field);
}

void refuse_observer_blocks(struct client *c, const struct frame *f)
{
	client_refuse(c, f, "denied",
		"An observer may not hold the session; use the policy skip or drop.");
}

void refuse_limit(struct client *c, const struct frame *f, const char *limit)
{
	refuse_with(c, f, "limit",
		"A configured bound of the daemon is reached; end something or raise the bound "
		"that `limit` names.",
		"limit", limit);
}

void refuse_memory(struct client *c, const struct frame *f)
{
	client_refuse(c, f, "no_memory",
		"The daemon is out of memory for this; end something, or try again.");
}

void refuse_ended(struct client *c, const struct frame *f, const struct session *s)
{
	struct frame_out *o = &c->core->scratch;

	if (!is_request(f))
		return;
	refuse_begin(c, f, "ended", "The session has ended; start a new one.", 2);
	if (s->has_exit_code)
		frame_put_i64(o, "exit_code", s->exit_code);
	else
		frame_put_nil(o, "exit_code");
	frame_put_str(o, "reason", s->reason);
	client_send(c);
}

static struct refusal input_refusal(int r)
{
	switch (r) {
	case SESSION_E_UNEXPECTED:
		return (struct refusal){ "ended", "The session has ended; start a new one." };
	case SESSION_E_EXCLUSIVE:
		return (struct refusal){ "exclusive",
			"Another attachment holds the input lease; wait until it gives it back." };
	case SESSION_E_WINDOW:
		return (struct refusal){ "input_window", "The attachment's input credit is used "
							 "up; wait for `input_credit`, or send at "
							 "most `credit` bytes." };
	case SESSION_E_NOT_SUPPORTED:
		return (struct refusal){ "not_supported",
			"This session has no such signal; INT, QUIT, TSTP and EOF are what a "
			"terminal can send." };
	case SESSION_E_DENIED:
		return (struct refusal){ "denied",
			"An observer only watches; attach as a peer to do this." };
	case SESSION_E_CLOSED:
		return (struct refusal){ "not_supported",
			"The input was closed by `session.close_input`; nothing can follow it." };
	case SESSION_E_BUSY:
		return (struct refusal){ "busy",
			"The program takes no input, and much of those who have detached waits for "
			"it; try again when it does, or interrupt it by `session.signal`." };
	default:
		return (struct refusal){ "no_memory",
			"The daemon is out of memory for this; end something, or try again." };
	}
}

void refuse_input(
	struct client *c, const struct frame *f, int r, const struct session *s, size_t credit)
{
	const struct refusal why = input_refusal(r);

	if (r == SESSION_E_UNEXPECTED) {
		refuse_ended(c, f, s);
	} else if (r == SESSION_E_EXCLUSIVE && is_request(f) && s->lease) {
		refuse_begin(c, f, why.code, why.message, 2);
		frame_put_str(&c->core->scratch, "holder", s->lease->client->name);
		frame_put_u64(&c->core->scratch, "holder_pid", client_pid(s->lease->client));
		client_send(c);
	} else if (r == SESSION_E_WINDOW && is_request(f)) {
		refuse_begin(c, f, why.code, why.message, 1);
		frame_put_u64(&c->core->scratch, "credit", credit);
		client_send(c);
	} else {
		client_refuse(c, f, why.code, why.message);
	}
}

void tell_input_refused(struct client *c, const struct attachment *a, int r, size_t n)
{
	const struct refusal why = input_refusal(r);

	describe_input_refused(&c->core->scratch, a, n, &why);
	client_send(c);
}

void answer_empty(struct client *c, const struct frame *f)
{
	if (!is_request(f))
		return;
	frame_begin_result(&c->core->scratch, f->id, 0);
	client_send(c);
}

/* ---- who and what ---- */

static void refuse_session(struct client *c, const struct frame *f, const struct frame_span *name)
{
	static const char before[] = "There is no session '";
	static const char after[] = "'; `cwsandbox sessions` names those there are.";
	char message[sizeof(before) + TEXT_NAME_MAX + sizeof(after)];
	char *end;

	if (!name->data || !text_is_session_name(name->data, name->n)) {
		client_refuse(c, f, "no_such_session",
			"There is no such session; `cwsandbox sessions` names those there are.");
		return;
	}
	end = mempcpy(stpcpy(message, before), name->data, name->n);
	stpcpy(end, after);
	client_refuse(c, f, "no_such_session", message);
}

struct session *param_session(struct client *c, const struct frame *f)
{
	struct session *s = NULL;
	struct frame_span name = { 0 };

	if (param_span(f, "name", &name))
		s = registry_find(&c->core->registry, name.data, name.n);
	else
		s = registry_newest(&c->core->registry);
	if (!s)
		refuse_session(c, f, &name);
	return s;
}

struct attachment *param_attachment(struct client *c, const struct frame *f)
{
	struct attachment *a = NULL;
	uint64_t id;

	if (param_int(f, "attachment", &id))
		a = client_attachment(c, id);
	if (!a)
		client_refuse(c, f, "no_such_attachment",
			"The attachment is not of this connection, or has ended; attach again.");
	return a;
}

struct attachment *param_attachment_of_session(struct client *c, const struct frame *f)
{
	struct attachment *a = param_attachment(c, f);

	if (!a || session_name(a->session))
		return a;
	client_refuse(c, f, "not_supported",
		"A call's one reader is no terminal and its policy is block: this is for "
		"attachments of sessions.");
	return NULL;
}

bool core_takes_work(struct client *c, const struct frame *f, enum core_work work)
{
	const struct core *core = c->core;

	if (core->shutting_down)
		client_refuse(c, f, "cancelled", "The daemon is shutting down; start it again.");
	else if (work == WORK_SESSION && core->n_live >= core->config.max_sessions)
		refuse_limit(c, f, "max-sessions");
	else if (work == WORK_ATTACHMENT && c->n_attachments >= CLIENT_ATTACHMENTS_MAX)
		client_refuse(c, f, "busy",
			"This connection has as many attachments as one may have; use another.");
	else if (work == WORK_ATTACHMENT && core->n_attachments >= core->config.max_attachments)
		refuse_limit(c, f, "max-attachments");
	else if (budget_is_spent(core))
		refuse_limit(c, f, "max-memory");
	else
		return true;
	return false;
}

bool client_has_endpoint(struct client *c, const struct frame *f)
{
	if (c->endpoint)
		return true;
	client_refuse(c, f, "bad_endpoint",
		c->endpoint_why ? c->endpoint_why
				: "The endpoint of this connection is not usable.");
	return false;
}
