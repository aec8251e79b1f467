#include "daemon/stream.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/wire/h2.h"
#include "daemon/conn.h"
#include "daemon/core/budget.h"
#include "daemon/endpoint.h"

#define SAID_MAX (OUTCOME_MESSAGE_MAX + 128)

static_assert(BUDGET_SESSION_BYTES >= 2 * H2_UPDATE_MIN,
	"what a session gets back while memory is short reaches the service");

struct stream *stream_of_call(struct call *c)
{
	return container_of(c, struct stream, call);
}

static void stream_free(struct grave *g)
{
	struct stream *s = container_of(g, struct stream, grave);

	probe_done(&s->probe);
	call_done(&s->call);
	stream_exec_done(s);
	stream_logs_done(s);
	if (s->timer)
		event_free(s->timer);
	endpoint_unref(s->ep);
	free(s->sandbox_id);
	free(s->container);
	free(s->path);
	free(s);
}

void stream_rest(struct stream *s)
{
	if (!s->closed || s->buried || s->probe.active || !call_is_idle(&s->call))
		return;
	s->buried = true;
	pool_bury(s->pool, &s->grave);
}

/* ---- what the core is told ---------------------------------------------------------------------- */

void stream_end(struct stream *s, const struct session_end *how)
{
	if (s->ended || s->closed)
		return;
	s->ended = true;
	event_del(s->timer);
	session_end(s->session, how);
}

static size_t on_uncertain(const void *upstream)
{
	const struct stream *s = upstream;
	size_t n = call_uncertain(&s->call); /* counts our own frames too */

	return n < s->n_input ? n : s->n_input;
}

/* What was typed and may be lost is never sent again: only who typed it knows what it was. */
static const char *say_uncertain(const struct stream *s, const char *message, char both[SAID_MAX])
{
	size_t n = session_name(s->session) ? on_uncertain(s) : 0;

	if (!n || !message)
		return message;
	snprintf(both, SAID_MAX, "%s At most %zu bytes of the last input may not have arrived.",
		message, n);
	return both;
}

void stream_fail(struct stream *s, const struct outcome *o)
{
	char said[SAID_MAX];
	struct session_end how = { .failed = true, .reason = o->reason, .error = &o->error };

	if (s->ended || s->closed)
		return call_cancel(&s->call, NULL);
	how.message = say_uncertain(s, o->message, said);
	stream_end(s, &how);
	call_cancel(&s->call, NULL);
}

void stream_fail_status(struct stream *s, const struct grpc_status *st)
{
	struct outcome o;

	outcome_of_status(&o, st, s->ep->name, s->sandbox_id, s->up);
	stream_fail(s, &o);
}

void stream_up(struct stream *s)
{
	if (s->up || s->ended || s->closed)
		return;
	s->up = true;
	session_up(s->session);
	if (s->call.conn)
		session_set_connection(s->session, s->call.conn->id);
}

bool stream_output(struct stream *s, const uint8_t *data, size_t n, unsigned which)
{
	struct outcome o;
	int r;

	if (s->ended || s->closed) {
		call_consume(&s->call, n);
		return false;
	}
	r = session_output(s->session, data, n, which);
	if (r == 0) {
		s->held += n;
		return true;
	}
	outcome_set(&o, r == -ENOMEM ? "no_memory" : "internal",
		r == -ENOMEM ? "no_memory" : "protocol",
		r == -ENOMEM ? "The daemon is out of memory for this output."
			     : "The service sent more output than it was allowed to.");
	stream_fail(s, &o);
	return false;
}

/* ---- upstream_ops ------------------------------------------------------------------------------- */

static void on_wake(void *upstream)
{
	struct stream *s = upstream;

	call_resume(&s->call);
}

static void on_consume(void *upstream, size_t n)
{
	struct stream *s = upstream;
	size_t stale = n < s->stale ? n : s->stale;

	s->stale -= stale;
	n -= stale;
	n = n < s->held ? n : s->held;
	s->held -= n;
	call_consume(&s->call, n);
}

static void on_resize(void *upstream, unsigned cols, unsigned rows)
{
	stream_exec_resize(upstream, cols, rows);
}

/* A plain stream has no signals: the core sends the terminal's characters. */
static int on_signal(void *upstream, enum upstream_signal sig)
{
	(void)upstream;
	(void)sig;
	return UPSTREAM_E_NOT_SUPPORTED;
}

static void on_close(void *upstream)
{
	struct stream *s = upstream;

	s->closed = true;
	s->session = NULL;
	event_del(s->timer);
	probe_stop(&s->probe);
	call_cancel(&s->call, NULL);
	stream_rest(s);
}

static const struct upstream_ops stream_ops = {
	.wake = on_wake,
	.consume = on_consume,
	.resize = on_resize,
	.signal = on_signal,
	.close = on_close,
	.uncertain = on_uncertain,
};

/* ---- beginning ---------------------------------------------------------------------------------- */

int stream_call(struct stream *s, const char *path)
{
	uint64_t now = loop_now(s->pool->loop);

	if (s->timeout_usec && !s->until_usec)
		s->until_usec = now + s->timeout_usec;
	s->stale += s->held;
	s->held = 0;
	return call_start(&s->call, s->ep, path,
		!s->until_usec         ? 0
		: s->until_usec <= now ? 1
				       : s->until_usec - now);
}

static void begin(struct stream *s)
{
	struct outcome o;
	int r = s->kind->begin(s);

	if (r == 0)
		return;
	outcome_set(&o, r == -EAGAIN ? "busy" : "no_memory", "refused",
		"The call cannot be made now: %s.", strerror(-r));
	stream_fail(s, &o);
}

/* The time that ran out is not the call's own. */
static void fail_probed(struct stream *s, const struct grpc_status *st)
{
	struct outcome o;

	if (st->code != GRPC_DEADLINE_EXCEEDED)
		return stream_fail_status(s, st);
	if (!st->transport)
		outcome_set(&o, "unreachable", "unreachable", "The service at %s answered %s: %s",
			s->ep->name, grpc_code_name(st->code),
			st->message ? st->message : "no words");
	else if (s->probe.sandbox)
		outcome_set(&o, "unreachable", "unreachable",
			"The sandbox did not become ready in time.");
	else if (st->reason) /* it was not even asked */
		outcome_set(&o, "unreachable", "unreachable", "%s", st->message);
	else
		outcome_set(&o, "unreachable", "unreachable",
			"The service at %s gave no answer within %d seconds.", s->ep->name,
			PROBE_POLL_SEC);
	o.error.url = s->ep->name;
	stream_fail(s, &o);
}

static void on_probed(struct probe *p, enum probe_result result, const struct grpc_status *st)
{
	struct stream *s = container_of(p, struct stream, probe);
	struct outcome o;

	if (s->closed)
		return stream_rest(s);
	if (result == PROBE_FAILED)
		return fail_probed(s, st);
	if (result == PROBE_RUNS || (s->kind->ended_too && !s->follow))
		return begin(s);
	outcome_of_end(&o, s->sandbox_id,
		probe_state_name(p->sandbox->status ? (int)p->sandbox->status->state : 0),
		p->sandbox->status ? p->sandbox->status->state_reason : NULL);
	stream_fail(s, &o);
}

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)events;
	if (!s->closed && !s->ended)
		s->kind->on_timer(s);
}

void stream_arm(struct stream *s, uint64_t usec)
{
	struct timeval tv = { .tv_sec = (time_t)(usec / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(usec % USEC_PER_SEC) };

	event_add(s->timer, &tv);
}

static int copy(char **ret, const char *text)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static const struct stream_kind *const kinds[] = {
	[UPSTREAM_SHELL] = &stream_exec_kind,
	[UPSTREAM_EXEC] = &stream_exec_kind,
	[UPSTREAM_LOGS] = &stream_logs_kind,
	[UPSTREAM_FILE_READ] = &stream_read_kind,
	[UPSTREAM_FILE_WRITE] = &stream_write_kind,
};

/* All that the spec says is kept: its strings die on return. */
static int prepare(struct stream *s, const struct upstream_spec *spec)
{
	int r;

	s->is_shell = spec->kind == UPSTREAM_SHELL;
	s->stdin_open = s->is_shell || spec->stdin_open;
	s->timeout_usec = spec->timeout_usec;
	s->timer = evtimer_new(s->pool->loop->base, on_timer, s);
	r = s->timer ? copy(&s->sandbox_id, spec->sandbox_id) : -ENOMEM;
	if (r == 0)
		r = copy(&s->container, spec->container);
	if (r == 0)
		r = copy(&s->path, spec->path);
	if (r < 0)
		return r;
	if (s->kind == &stream_exec_kind)
		return stream_exec_prepare(s, spec);
	return s->kind == &stream_logs_kind ? stream_logs_prepare(s, spec)
					    : stream_file_prepare(s, spec);
}

int stream_open(struct pool *pool, struct endpoint *ep, struct session *session,
	const struct upstream_spec *spec, const struct upstream_ops **ret_ops, void **ret_upstream)
{
	struct stream *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->pool = pool;
	s->ep = ep;
	s->session = session;
	s->kind = kinds[spec->kind];
	s->grave.free = stream_free;
	endpoint_ref(ep);
	probe_init(&s->probe, on_probed);
	r = prepare(s, spec);
	if (r == 0)
		r = probe_start(&s->probe, ep, s->sandbox_id, false);
	if (r < 0) {
		stream_free(&s->grave);
		return r;
	}
	*ret_ops = &stream_ops;
	*ret_upstream = s;
	return 0;
}
