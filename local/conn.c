#include "local/conn.h"

#include "common/io/sock.h"
#include "local/server.h"

/* ---- trouble on request ---- */

static void on_delayed(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct conn *c = arg;

	if (c->io.hold != CONN_IO_HELD)
		return;
	conn_io_hold(&c->io, CONN_IO_FREE);
	conn_io_flush(&c->io);
	conn_heed_faults(c);
}

/* What is ready leaves together, so much later. */
static void delay(struct conn *c, uint64_t usec)
{
	struct timeval tv = { .tv_sec = (time_t)(usec / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(usec % USEC_PER_SEC) };

	if (!c->ev_delay)
		c->ev_delay = evtimer_new(c->server->loop->base, on_delayed, c);
	if (c->ev_delay && !event_pending(c->ev_delay, EV_TIMEOUT, NULL))
		event_add(c->ev_delay, &tv);
}

void conn_heed_faults(struct conn *c)
{
	const struct fault_do *f = &c->server->faults;
	enum conn_io_hold hold = CONN_IO_FREE;

	if (f->hole)
		hold = CONN_IO_SILENT;
	else if (f->plan.delay_usec)
		hold = CONN_IO_HELD;
	if (hold != c->io.hold && c->has_io)
		conn_io_hold(&c->io, hold);
	conn_mark(c);
}

void conn_limit(struct conn *c)
{
	const struct faults *f = &c->server->faults.plan;
	uint32_t streams = c->known ? CONN_STREAMS_MAX : CONN_STRANGER_STREAMS_MAX;

	h2_set_limits(c->h2, f->stalled ? 0 : CONN_STREAM_WINDOW,
		f->streams && f->streams < streams ? f->streams : streams);
}

static void greet(struct conn *c)
{
	if (c->known || !c->calls.authenticated)
		return;
	c->known = true;
	conn_limit(c);
}

/* ---- HTTP/2 ---- */

static void on_request(struct h2 *h2 _unused_, struct h2_stream *st, void *arg)
{
	struct conn *c = arg;
	struct faults *f = &c->server->faults.plan;

	if (c->server->stopping)
		return;
	if (f->goaway_next) {
		f->goaway_next = false;
		h2_goaway_before(st);
		return;
	}
	call_accept(&c->calls, st);
	greet(c);
}

static void on_dirty(struct h2 *h2 _unused_, void *arg)
{
	conn_mark(arg);
}

static const struct h2_ops h2_ops = { .on_request = on_request, .on_dirty = on_dirty };

/* ---- the socket ---- */

/* The handshake verified the certificate; it says what the connection is for. */
static int take_grant(struct conn *c)
{
	X509 *cert = SSL_get1_peer_certificate(c->io.transport.ssl);
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
		return conn_bury(c);
	greet(c);
	conn_mark(c);
}

static void on_fail(void *arg, int error _unused_, const char *why _unused_)
{
	conn_bury(arg);
}

static const struct conn_io_ops io_ops = { .on_up = on_up, .on_fail = on_fail };

/* ---- its life ---- */

void conn_mark(struct conn *c)
{
	if (!list_linked(&c->dirty))
		list_append(&c->server->dirty, &c->dirty);
}

void conn_flush(struct conn *c)
{
	if (c->io.hold == CONN_IO_HELD)
		delay(c, c->server->faults.plan.delay_usec);
	conn_io_flush(&c->io);
	calls_free_dead(&c->calls);
}

void conn_bury(struct conn *c)
{
	list_unlink(&c->link);
	list_append(&c->server->dead, &c->link);
}

static void on_silent(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct conn *c = arg;

	if (!c->calls.authenticated)
		conn_bury(c);
}

void conn_free(struct conn *c)
{
	list_unlink(&c->link);
	list_unlink(&c->dirty);
	if (c->has_io)
		conn_io_done(&c->io);
	h2_free(c->h2); /* ends its calls */
	calls_free_dead(&c->calls);
	if (c->ev_silent)
		event_free(c->ev_silent);
	if (c->ev_delay)
		event_free(c->ev_delay);
	c->server->n_conns--;
	free(c);
}

static int conn_up(struct conn *c, const struct listener *l, int *fd)
{
	const struct h2_config config = {
		.role = H2_SERVER,
		.stream_window = CONN_STREAM_WINDOW,
		.max_streams = CONN_STRANGER_STREAMS_MAX,
		.ops = &h2_ops,
		.arg = c,
	};
	struct conn_io_config io = {
		.loop = c->server->loop,
		.accepting = true,
		.ops = &io_ops,
		.arg = c,
	};
	struct timeval silent = { .tv_sec = CONN_SILENT_SEC };
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

int conn_start(struct server *s, const struct listener *l, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	sock_tcp_tune(fd);
	c->server = s;
	calls_init(&c->calls, s->service);
	list_append(&s->conns, &c->link);
	s->n_conns++;
	r = conn_up(c, l, &fd);
	if (r) {
		close_fd(&fd);
		conn_bury(c);
		return r;
	}
	conn_heed_faults(c);
	if (s->faults.plan.stalled || s->faults.plan.streams)
		conn_limit(c);
	return 0;
}
