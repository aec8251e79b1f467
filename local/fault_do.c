#include "local/fault_do.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "local/conn.h"
#include "local/server.h"

typedef struct fault_command command_t;

static void say_done(char reply[FAULT_REPLY_MAX], size_t n)
{
	snprintf(reply, FAULT_REPLY_MAX, "ok %zu", n);
}

static size_t count_conns(const struct server *s)
{
	struct conn *c;
	size_t n = 0;

	list_for_each(c, &s->conns, link)
		n++;
	return n;
}

static void heed_all(struct server *s)
{
	struct conn *c;

	list_for_each(c, &s->conns, link)
		conn_heed_faults(c);
}

/* ---- for a time: then it is over by itself ---- */

static void arm(struct fault_do *f, struct event **ev, event_callback_fn over, uint64_t seconds)
{
	struct timeval tv = { .tv_sec = (time_t)seconds };

	if (!*ev)
		*ev = evtimer_new(f->server->loop->base, over, f);
	if (*ev)
		event_add(*ev, &tv);
}

static void on_refused(evutil_socket_t fd, short what, void *arg);

/* A port that somebody else listens on meanwhile is tried again until it is free. */
static int end_refusing(struct fault_do *f)
{
	struct server *s = f->server;
	int r = 0;

	if (f->ev_refuse)
		event_del(f->ev_refuse);
	for (size_t i = 0; i < s->n_listeners; i++) {
		int error = listener_refuse(&s->listeners[i], false);

		r = r ? r : error;
	}
	if (r)
		arm(f, &f->ev_refuse, on_refused, LISTENER_RETRY_SEC);
	return r;
}

static void on_refused(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	end_refusing(arg);
}

static int begin_refusing(struct fault_do *f, uint64_t seconds)
{
	struct server *s = f->server;
	int r = 0;

	for (size_t i = 0; !r && i < s->n_listeners; i++)
		r = listener_refuse(&s->listeners[i], true);
	arm(f, &f->ev_refuse, on_refused, r ? 0 : seconds);
	return r;
}

static void do_refuse(struct fault_do *f, const command_t *c, char reply[FAULT_REPLY_MAX])
{
	int r = c->number ? begin_refusing(f, c->number) : end_refusing(f);

	if (r)
		snprintf(reply, FAULT_REPLY_MAX, "error the port cannot be %s: %s",
			c->number ? "held" : "listened on again", strerror(-r));
}

static void set_hole(struct fault_do *f, bool hole)
{
	struct server *s = f->server;

	f->hole = hole;
	if (!hole && f->ev_hole)
		event_del(f->ev_hole);
	for (size_t i = 0; i < s->n_listeners; i++)
		listener_ignore(&s->listeners[i], hole);
	heed_all(s);
}

static void on_hole_over(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	set_hole(arg, false);
}

static void do_blackhole(struct fault_do *f, const command_t *c, char reply[FAULT_REPLY_MAX])
{
	set_hole(f, c->number > 0);
	if (c->number)
		arm(f, &f->ev_hole, on_hole_over, c->number);
	say_done(reply, count_conns(f->server));
}

/* ---- to connections ---- */

static void do_rst(struct fault_do *f, const command_t *cmd _unused_, char reply[FAULT_REPLY_MAX])
{
	struct server *s = f->server;
	struct conn *c;

	say_done(reply, count_conns(s));
	list_for_each(c, &s->conns, link) {
		if (c->has_io)
			conn_io_abort(&c->io);
		conn_bury(c);
	}
}

static void do_goaway(struct fault_do *f, const command_t *cmd, char reply[FAULT_REPLY_MAX])
{
	struct conn *c;

	f->plan.goaway_next = cmd->next;
	if (cmd->next)
		return;
	list_for_each(c, &f->server->conns, link)
		h2_goaway(c->h2, H2_NO_ERROR);
	say_done(reply, count_conns(f->server));
}

static void do_delay(struct fault_do *f, const command_t *c, char reply[FAULT_REPLY_MAX])
{
	f->plan.delay_usec = c->number * USEC_PER_MSEC;
	heed_all(f->server);
	say_done(reply, count_conns(f->server));
}

static void set_limits(struct fault_do *f, char reply[FAULT_REPLY_MAX])
{
	struct conn *c;

	list_for_each(c, &f->server->conns, link)
		conn_limit(c);
	say_done(reply, count_conns(f->server));
}

static void do_stall(struct fault_do *f, const command_t *c, char reply[FAULT_REPLY_MAX])
{
	f->plan.stalled = c->on;
	set_limits(f, reply);
}

static void do_streams(struct fault_do *f, const command_t *c, char reply[FAULT_REPLY_MAX])
{
	f->plan.streams = (uint32_t)c->number;
	set_limits(f, reply);
}

/* ---- to calls ---- */

static void do_status(struct fault_do *f, const command_t *c, char reply[FAULT_REPLY_MAX])
{
	int r = faults_plan(&f->plan, c);

	if (r == FAULT_E_FULL)
		snprintf(reply, FAULT_REPLY_MAX, "error %d of them wait already; say 'clear'",
			FAULT_PLANNED_MAX);
	else if (r)
		snprintf(reply, FAULT_REPLY_MAX, "error out of memory");
}

static bool fits(const struct call *call, const command_t *c)
{
	bool can = c->verb == FAULT_FAIL || (call->ops && call->ops->on_break);

	return can && !call->answered && call->method &&
	       (!*c->method || !strcmp(c->method, call->method->name)) &&
	       (!*c->sandbox || !strcmp(c->sandbox, call->sandbox_id));
}

static void break_call(struct call *call, const command_t *c)
{
	struct grpc_status st = { 0 };

	if (c->verb == FAULT_END) {
		call->ops->on_break(
			call, c->word, *c->text ? c->text : "asked for on the fault socket");
		return;
	}
	if (call->ops && call->ops->on_deadline)
		call->ops->on_deadline(call);
	fault_status(c, &st);
	call_fail(call, &st);
}

static struct call *newest(struct server *s, const command_t *cmd)
{
	struct call *call, *best = NULL;
	struct conn *c;

	list_for_each(c, &s->conns, link)
		list_for_each(call, &c->calls.live, link)
			if (fits(call, cmd) && (!best || call->seq > best->seq))
				best = call;
	return best;
}

static size_t break_all(struct server *s, const command_t *cmd)
{
	struct call *call;
	struct conn *c;
	size_t n = 0;

	list_for_each(c, &s->conns, link)
		list_for_each(call, &c->calls.live, link)
			if (fits(call, cmd)) {
				break_call(call, cmd);
				n++;
			}
	return n;
}

static void do_break(struct fault_do *f, const command_t *c, char reply[FAULT_REPLY_MAX])
{
	struct call *call = c->all ? NULL : newest(f->server, c);
	size_t n = c->all ? break_all(f->server, c) : call != NULL;

	if (call)
		break_call(call, c);
	if (n)
		say_done(reply, n);
	else
		snprintf(reply, FAULT_REPLY_MAX, "error no stream fits");
}

/* ---- the commands ---- */

static void do_help(
	struct fault_do *f _unused_, const command_t *c _unused_, char reply[FAULT_REPLY_MAX])
{
	snprintf(reply, FAULT_REPLY_MAX, "ok ");
	fault_help(reply + 3, FAULT_REPLY_MAX - 3);
}

static void do_list(struct fault_do *f, const command_t *cmd _unused_, char reply[FAULT_REPLY_MAX])
{
	size_t n_calls = 0, n_direct = 0;
	struct call *call;
	struct conn *c;

	list_for_each(c, &f->server->conns, link) {
		n_direct += c->direct;
		list_for_each(call, &c->calls.live, link)
			n_calls++;
	}
	snprintf(reply, FAULT_REPLY_MAX,
		"ok connections=%zu direct=%zu calls=%zu planned=%zu delay-ms=%" PRIu64 " stall=%s",
		count_conns(f->server), n_direct, n_calls, f->plan.n_planned,
		f->plan.delay_usec / USEC_PER_MSEC, f->plan.stalled ? "on" : "off");
}

static void do_clear(
	struct fault_do *f, const command_t *c _unused_, char reply[FAULT_REPLY_MAX] _unused_)
{
	fault_do_clear(f);
}

void fault_do_line(struct fault_do *f, const char *line, char reply[FAULT_REPLY_MAX])
{
	static void (*const all[_FAULT_VERB_N])(
		struct fault_do *, const command_t *, char[FAULT_REPLY_MAX]) = {
		[FAULT_HELP] = do_help,
		[FAULT_LIST] = do_list,
		[FAULT_CLEAR] = do_clear,
		[FAULT_RST] = do_rst,
		[FAULT_GOAWAY] = do_goaway,
		[FAULT_REFUSE] = do_refuse,
		[FAULT_BLACKHOLE] = do_blackhole,
		[FAULT_DELAY] = do_delay,
		[FAULT_STALL] = do_stall,
		[FAULT_STREAMS] = do_streams,
		[FAULT_STATUS] = do_status,
		[FAULT_FAIL] = do_break,
		[FAULT_END] = do_break,
	};
	char why[FAULT_WHY_MAX];
	command_t c;

	snprintf(reply, FAULT_REPLY_MAX, "ok");
	if (fault_parse(line, &c, why))
		snprintf(reply, FAULT_REPLY_MAX, "error %s", why);
	else
		all[c.verb](f, &c, reply);
}

void fault_do_clear(struct fault_do *f)
{
	bool limits = f->plan.stalled || f->plan.streams;
	char unused[FAULT_REPLY_MAX];

	faults_clear(&f->plan);
	end_refusing(f);
	set_hole(f, false);
	if (limits)
		set_limits(f, unused);
}

void fault_do_init(struct fault_do *f, struct server *s)
{
	*f = (struct fault_do){ .server = s };
	faults_init(&f->plan);
}

void fault_do_done(struct fault_do *f)
{
	faults_clear(&f->plan);
	if (f->ev_refuse)
		event_free(f->ev_refuse);
	if (f->ev_hole)
		event_free(f->ev_hole);
	f->ev_refuse = f->ev_hole = NULL;
}
