#include "local/server.h"

#include <string.h>

#include "common/io/conn_io.h"
#include "common/io/sock.h"

struct conn {
	struct server *server;
	struct list link;  /* struct server::conns or ::dead */
	struct list dirty; /* struct server::dirty */
	struct h2 *h2;
	struct conn_io io;
	bool has_io;
	bool direct;
	struct grant grant; /* of a direct one, once its certificate was verified */
	struct calls calls;
	struct event *ev_silent;
};

/* ---- one connection ---- */

static void conn_mark(struct conn *c)
{
	if (!list_linked(&c->dirty))
		list_append(&c->server->dirty, &c->dirty);
}

static void conn_bury(struct conn *c)
{
	list_unlink(&c->link);
	list_append(&c->server->dead, &c->link);
}

static void on_request(struct h2 *h2 _unused_, struct h2_stream *st, void *arg)
{
	struct conn *c = arg;

	if (!c->server->stopping)
		call_accept(&c->calls, st);
}

static void on_dirty(struct h2 *h2 _unused_, void *arg)
{
	conn_mark(arg);
}

static const struct h2_ops h2_ops = { .on_request = on_request, .on_dirty = on_dirty };

/* The handshake verified the certificate; it says what the connection is for. */
static int take_grant(struct conn *c)
{
	X509 *cert = SSL_get1_peer_certificate(c->io.ssl);
	int r = cert ? grant_read(cert, &c->grant) : -EACCES;

	X509_free(cert);
	if (!r)
		calls_grant(&c->calls, &c->grant);
	return r;
}

static void on_up(void *arg)
{
	struct conn *c = arg;

	if (c->direct && take_grant(c))
		conn_bury(c);
	else
		conn_mark(c);
}

static void on_fail(void *arg, int error _unused_, const char *why _unused_)
{
	conn_bury(arg);
}

static const struct conn_io_ops io_ops = { .on_up = on_up, .on_fail = on_fail };

static void on_silent(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct conn *c = arg;

	if (!c->calls.authenticated)
		conn_bury(c);
}

static void conn_free(struct conn *c)
{
	list_unlink(&c->link);
	list_unlink(&c->dirty);
	if (c->has_io)
		conn_io_done(&c->io);
	h2_free(c->h2); /* ends its calls */
	calls_free_dead(&c->calls);
	if (c->ev_silent)
		event_free(c->ev_silent);
	c->server->n_conns--;
	free(c);
}

static int conn_up(struct conn *c, const struct listener *l, int *fd)
{
	const struct h2_config config = {
		.role = H2_SERVER,
		.stream_window = SERVER_STREAM_WINDOW,
		.max_streams = SERVER_STREAMS_MAX,
		.ops = &h2_ops,
		.arg = c,
	};
	struct conn_io_config io = {
		.loop = c->server->loop,
		.accepting = true,
		.ops = &io_ops,
		.arg = c,
	};
	struct timeval silent = { .tv_sec = SERVER_SILENT_SEC };
	int r = h2_new(&c->h2, &config);

	if (r)
		return r;
	c->ev_silent = evtimer_new(c->server->loop->base, on_silent, c);
	if (!c->ev_silent || event_add(c->ev_silent, &silent))
		return -ENOMEM;
	c->direct = l->direct;
	if (l->tls) {
		io.ssl = SSL_new(l->tls);
		if (!io.ssl)
			return -ENOMEM;
	}
	io.h2 = c->h2;
	io.fd = *fd;
	*fd = -1;
	r = conn_io_init(&c->io, &io);
	c->has_io = !r;
	return r;
}

static void conn_start(struct server *s, const struct listener *l, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	sock_tcp_tune(fd);
	c->server = s;
	calls_init(&c->calls, s->service);
	list_append(&s->conns, &c->link);
	s->n_conns++;
	if (conn_up(c, l, &fd)) {
		close_fd(&fd);
		conn_bury(c);
	}
}

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

	*l = (struct listener){
		.loop = s->loop, .fd = fd, .tls = tls, .direct = direct, .on_fd = on_fd, .arg = s
	};
	s->n_listeners++;
	return listener_start(l);
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
		conn_io_flush(&c->io);
		calls_free_dead(&c->calls);
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
	if (s->ev_end)
		event_free(s->ev_end);
}
