/* session.*: those without an attachment. */
#include <string.h>

#include "daemon/core/describe.h"
#include "daemon/core/methods.h"
#include "daemon/core/spec.h"

#define LIST_LIMIT_DEFAULT 200

static void answer_session(struct client *c, const struct frame *f, const struct session *s)
{
	frame_begin_result(&c->core->scratch, f->id, DESCRIBE_SESSION_FIELDS);
	describe_session_fields(&c->core->scratch, s);
	client_send(c);
}

static bool name_is_good(const struct frame_span *name)
{
	return text_is_session_name(name->data, name->n);
}

static void create(struct client *c, const struct frame *f, const struct session_config *config)
{
	struct session *s;
	int r;

	r = session_new(&s, c->core, config);
	if (r == REGISTRY_E_TAKEN)
		client_refuse(c, f, "name_taken",
			"A session of that name exists; choose another, or attach to it.");
	else if (r)
		refuse_memory(c, f);
	else
		answer_session(c, f, s);
}

void on_session_create(struct client *c, const struct frame *f)
{
	struct frame_span name = { .n = 0 };
	struct upstream_spec spec;
	const char *field = NULL;
	int r;

	if (param_span(f, "name", &name) && !name_is_good(&name)) {
		refuse_param(c, f, "name");
		return;
	}
	if (!core_takes_work(c, f, WORK_SESSION) || !client_has_endpoint(c, f))
		return;
	r = spec_read(f, UPSTREAM_SHELL, &spec, &field);
	if (r == SPEC_E_FIELD)
		refuse_param(c, f, field);
	else if (r)
		refuse_memory(c, f);
	else
		create(c, f,
			&(struct session_config){ .spec = &spec,
				.name = name.data,
				.n_name = name.n,
				.endpoint = c->endpoint });
}

/* How many sessions from index `i` on a page has. */
static size_t list_page(const struct registry *reg, size_t i, size_t limit)
{
	size_t values = 0, bytes = 0, n = 0;

	while (n < limit && i + n < reg->n) {
		values += describe_session_values(reg->by_name[i + n]);
		bytes += describe_session_bytes(reg->by_name[i + n]);
		if (n && (values > DESCRIBE_PAGE_VALUES || bytes > DESCRIBE_PAGE_BYTES))
			break;
		n++;
	}
	return n;
}

void on_session_list(struct client *c, const struct frame *f)
{
	const struct registry *reg = &c->core->registry;
	struct frame_out *o = &c->core->scratch;
	struct frame_span after = { .n = 0 };
	uint64_t limit = LIST_LIMIT_DEFAULT;
	size_t i = 0, n;

	if (param_span(f, "after", &after) && after.n)
		i = registry_after(reg, after.data, after.n);
	param_int(f, "limit", &limit);
	n = list_page(reg, i, limit);
	frame_begin_result(o, f->id, 2);
	frame_put_array(o, "sessions", n);
	for (size_t k = i; k < i + n; k++)
		describe_session(o, NULL, reg->by_name[k]);
	frame_put_bool(o, "more", i + n < reg->n);
	client_send(c);
}

void on_session_get(struct client *c, const struct frame *f)
{
	const struct session *s = param_session(c, f);

	if (s)
		answer_session(c, f, s);
}

void on_session_rename(struct client *c, const struct frame *f)
{
	struct session *s = param_session(c, f);
	struct frame_span to = { .n = 0 };

	if (!s)
		return;
	param_span(f, "to", &to);
	if (!name_is_good(&to))
		refuse_param(c, f, "to");
	else if (registry_rename(&c->core->registry, s, to.data, to.n))
		client_refuse(c, f, "name_taken", "A session of that name exists; choose another.");
	else {
		session_tell_state(s);
		answer_empty(c, f);
	}
}

void on_session_kill(struct client *c, const struct frame *f)
{
	struct session *s = param_session(c, f);
	struct frame_out *o = &c->core->scratch;
	bool ended;

	if (!s)
		return;
	ended = session_ended(s);
	session_kill(s);
	frame_begin_result(o, f->id, 1);
	frame_put_str(o, "fate", ended ? "ended" : "unknown");
	client_send(c);
}

void on_session_wait(struct client *c, const struct frame *f)
{
	struct session *s = param_session(c, f);
	uint64_t ms, usec = UINT64_MAX;
	int r;

	if (!s)
		return;
	if (param_int(f, "timeout_ms", &ms))
		usec = ms * USEC_PER_MSEC;
	r = wait_new(c, f->id, s, usec);
	if (r)
		refuse_memory(c, f);
	else if (session_ended(s))
		wait_answer(list_last(&c->waits, struct wait, client_link));
}

/* Another client's lease keeps signals away as it keeps input away. */
static bool lease_allows(const struct client *c, const struct session *s)
{
	return !s->lease || s->lease->client == c;
}

void on_session_signal(struct client *c, const struct frame *f)
{
	/* clang-format off */
	static const struct { const char *name; enum upstream_signal sig; } names[] = {
		{ "INT", UPSTREAM_INT }, { "QUIT", UPSTREAM_QUIT }, { "TSTP", UPSTREAM_TSTP },
		{ "EOF", UPSTREAM_EOF },
		{ "HUP", UPSTREAM_HUP }, { "TERM", UPSTREAM_TERM }, { "KILL", UPSTREAM_KILL },
	};
	/* clang-format on */
	struct session *s = param_session(c, f);
	int r = SESSION_E_NOT_SUPPORTED;

	if (!s)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (param_is(f, "signal", names[i].name))
			r = lease_allows(c, s) ? session_signal(s, names[i].sig)
					       : SESSION_E_EXCLUSIVE;
	if (r)
		refuse_input(c, f, r, s, inq_credit(s->sender));
	else
		answer_empty(c, f);
}

void on_session_send(struct client *c, const struct frame *f)
{
	struct session *s = param_session(c, f);
	struct frame_out *o = &c->core->scratch;
	struct frame_span data = { .n = 0 };
	size_t taken;
	int r;

	if (!s)
		return;
	param_span(f, "data", &data);
	taken = min_size(data.n, inq_credit(s->sender));
	r = lease_allows(c, s) ? session_send(s, data.data, taken) : SESSION_E_EXCLUSIVE;
	if (r) {
		refuse_input(c, f, r, s, inq_credit(s->sender));
		return;
	}
	frame_begin_result(o, f->id, 1);
	frame_put_u64(o, "taken", taken);
	client_send(c);
}
