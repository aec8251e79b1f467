#include "local/server.h"

#include "local/conn.h"

/* ---- the ports ---- */

static void limit_strangers(struct server *s)
{
	struct conn *c, *oldest = NULL;
	size_t n = 0;

	if (s->n_conns < SERVER_STRANGERS_MAX)
		return;
	list_for_each(c, &s->conns, link) {
		if (c->calls.authenticated)
			continue;
		oldest = oldest ? oldest : c;
		n++;
	}
	if (n >= SERVER_STRANGERS_MAX)
		conn_bury(oldest);
}

static void on_fd(struct listener *l, int fd, void *arg)
{
	struct server *s = arg;

	limit_strangers(s);
	if (s->n_conns >= SERVER_CONNECTIONS_MAX)
		close(fd);
	else
		conn_start(s, l, fd);
}

int server_listen(struct server *s, int fd, SSL_CTX *tls, bool direct)
{
	struct listener *l = &s->listeners[s->n_listeners];

	*l = (struct listener){ .loop = s->loop,
		.fd = fd,
		.tls = tls,
		.direct = direct,
		.backlog = SERVER_BACKLOG,
		.on_fd = on_fd,
		.arg = s };
	s->n_listeners++;
	return listener_start(l);
}

/* ---- streams that nobody drains ---- */

static void on_drain_step(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct server *s = arg;
	struct call *call;
	struct conn *c;

	loop_now(s->loop);
	list_for_each(c, &s->conns, link)
		list_for_each(call, &c->calls.live, link)
			if (call->ops && call->ops->on_drain)
				call->ops->on_drain(call, &s->drain);
}

int server_limit_drain(struct server *s, const struct drain_limit *limit)
{
	static const struct timeval step = { .tv_usec = DRAIN_STEP_USEC };

	s->drain = *limit;
	s->ev_drain = event_new(s->loop->base, -1, EV_PERSIST, on_drain_step, s);
	return s->ev_drain && !event_add(s->ev_drain, &step) ? 0 : -ENOMEM;
}

/* ---- the turn ---- */

static void bury_all(struct server *s)
{
	struct conn *c;

	while ((c = list_first(&s->conns, struct conn, link)) != NULL)
		conn_bury(c);
}

static bool goodbye_said(struct server *s)
{
	struct conn *c;

	list_for_each(c, &s->conns, link) {
		if (h2_n_streams(c->h2) || !conn_io_drained(&c->io))
			return false;
	}
	return true;
}

static void end_if_over(struct server *s)
{
	uint64_t now = s->loop->clock.now_usec;
	bool idle = boxes_idle(s->boxes);

	if (now < s->end_usec && !idle)
		return;
	/* Every stream has its last word by now; whoever does not take it waits no longer than
	 * this. */
	if (!s->goodbye_usec)
		s->goodbye_usec = now + SERVER_GRACE_SEC * USEC_PER_SEC;
	if (now < s->goodbye_usec && now < s->end_usec && !goodbye_said(s))
		return;
	bury_all(s);
	loop_stop(s->loop);
}

bool server_flush(struct server *s)
{
	struct list dirty;
	struct conn *c;

	/* Only those marked before: who is marked while we flush has its turn next. */
	list_init(&dirty);
	while ((c = list_first(&s->dirty, struct conn, dirty)) != NULL) {
		list_unlink(&c->dirty);
		list_append(&dirty, &c->dirty);
	}
	while ((c = list_first(&dirty, struct conn, dirty)) != NULL) {
		list_unlink(&c->dirty);
		conn_flush(c);
	}
	if (s->stopping)
		end_if_over(s);
	while ((c = list_first(&s->dead, struct conn, link)) != NULL)
		conn_free(c);
	boxes_flush(s->boxes);
	return !list_empty(&s->dirty);
}

/* ---- its life ---- */

static void on_end(evutil_socket_t fd _unused_, short what _unused_, void *arg _unused_)
{
	/* The turn's flush looks whether all has ended. */
}

static void stop_listening(struct server *s)
{
	for (size_t i = 0; i < s->n_listeners; i++)
		listener_stop(&s->listeners[i]);
	s->n_listeners = 0;
}

void server_stop(struct server *s)
{
	static const struct timeval step = { .tv_usec = 50000 };
	struct conn *c;

	if (s->stopping)
		return;
	s->stopping = true;
	fault_do_clear(&s->faults);
	stop_listening(s);
	s->end_usec = loop_now(s->loop) + SERVER_END_SEC * USEC_PER_SEC;
	event_add(s->ev_end, &step);
	list_for_each(c, &s->conns, link) {
		h2_goaway(c->h2, H2_NO_ERROR);
		conn_mark(c);
	}
	boxes_stop(s->boxes, SERVER_GRACE_SEC);
}

int server_init(struct server *s, struct loop *loop, struct boxes *boxes, struct service *service)
{
	*s = (struct server){ .loop = loop, .boxes = boxes, .service = service };
	list_init(&s->conns);
	list_init(&s->dirty);
	list_init(&s->dead);
	fault_do_init(&s->faults, s);
	s->ev_end = event_new(loop->base, -1, EV_PERSIST, on_end, s);
	return s->ev_end ? 0 : -ENOMEM;
}

void server_done(struct server *s)
{
	struct conn *c;

	bury_all(s);
	while ((c = list_first(&s->dead, struct conn, link)) != NULL)
		conn_free(c);
	stop_listening(s);
	fault_do_done(&s->faults);
	if (s->ev_end)
		event_free(s->ev_end);
	if (s->ev_drain)
		event_free(s->ev_drain);
}
