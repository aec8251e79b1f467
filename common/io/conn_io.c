#include "common/io/conn_io.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define PENDING_LOW (CONN_IO_PENDING_MAX / 4) /* bytes left when we pull again */
#define SINGLE_MAX ((size_t)256 * 1024)       /* bytes read or written in one turn */

/* Told from the loop and never from a call of the owner, who may free in on_fail. */
static void fail_now(struct conn_io *io)
{
	if (io->failed)
		return;
	io->failed = true;
	event_del(io->ev_step);
	if (io->bev)
		bufferevent_disable(io->bev, EV_READ | EV_WRITE);
	io->ops->on_fail(io->arg, io->error, io->why); /* may free io */
}

static void set_cause(struct conn_io *io, int error, const char *why)
{
	if (io->error)
		return;
	io->error = error;
	snprintf(io->why, sizeof(io->why), "%s", why);
}

static void fail_with(struct conn_io *io, int error, const char *why)
{
	set_cause(io, error, why);
	fail_now(io);
}

/* The last words first (GOAWAY), for a while; then on_fail. */
static void fail_drained(struct conn_io *io, int error, const char *why)
{
	static const struct timeval patience = { .tv_sec = CONN_IO_LAST_WORDS_SEC };

	set_cause(io, error, why);
	bufferevent_disable(io->bev, EV_READ);
	event_add(io->ev_step, &patience);
	if (evbuffer_get_length(bufferevent_get_output(io->bev)) == 0)
		event_active(io->ev_step, EV_TIMEOUT, 1);
}

static void pull(struct conn_io *io, size_t pending_max)
{
	struct evbuffer *out = bufferevent_get_output(io->bev);
	const uint8_t *data;

	while (evbuffer_get_length(out) < pending_max) {
		ssize_t n = h2_gather(io->h2, &data);

		if (n <= 0)
			break;
		if (evbuffer_add(out, data, (size_t)n) < 0) {
			fail_drained(io, -ENOMEM, "out of memory");
			break;
		}
		io->tx_bytes += (uint64_t)n;
	}
}

void conn_io_flush(struct conn_io *io)
{
	if (!io->up || io->error || io->hold)
		return;
	pull(io, CONN_IO_PENDING_MAX);
	if (io->error || !h2_finished(io->h2))
		return;
	if (h2_broken(io->h2))
		fail_drained(io, -EPROTO, "the peer broke HTTP/2");
	else
		fail_drained(io, -ESHUTDOWN, "the connection has ended");
}

void conn_io_hold(struct conn_io *io, enum conn_io_hold hold)
{
	io->hold = hold;
	if (!io->up || io->error)
		return; /* before, the handshake goes on; after, the last words do */
	if (hold == CONN_IO_SILENT)
		bufferevent_disable(io->bev, EV_READ | EV_WRITE);
	else
		bufferevent_enable(io->bev, EV_READ | EV_WRITE);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct conn_io *io = arg;
	struct evbuffer_iovec v;
	int r = 0;

	io->last_rx_usec = loop_now(io->loop);
	while (!r && !io->error && evbuffer_peek(in, -1, NULL, &v, 1) > 0) {
		r = h2_recv(io->h2, v.iov_base, v.iov_len, io->last_rx_usec);
		io->rx_bytes += v.iov_len;
		evbuffer_drain(in, v.iov_len);
	}
	if (!r || io->error)
		return;
	pull(io, SIZE_MAX); /* the last words are all there is now */
	fail_drained(io, r, r == -EPROTO ? "the peer broke HTTP/2" : "out of memory");
}

static void on_writable(struct bufferevent *bev, void *arg)
{
	struct conn_io *io = arg;

	if (!io->error)
		conn_io_flush(io);
	else if (evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		event_active(io->ev_step, EV_TIMEOUT, 1);
}

static void go_up(struct conn_io *io)
{
	if (io->ssl && !tls_alpn_is_h2(io->ssl)) {
		fail_with(io, -EPROTO, "the peer does not speak HTTP/2 (ALPN h2)");
		return;
	}
	io->up = true;
	io->last_rx_usec = loop_now(io->loop);
	conn_io_hold(io, io->hold);
	if (!io->hold)
		pull(io, CONN_IO_PENDING_MAX); /* the preface */
	if (io->ops->on_up)
		io->ops->on_up(io->arg);
}

static void explain(struct conn_io *io, short what)
{
	unsigned long error = io->ssl ? bufferevent_get_openssl_error(io->bev) : 0;
	int saved = EVUTIL_SOCKET_ERROR();
	char why[TLS_WHY_MAX];

	if (io->ssl && (error || (!io->up && SSL_get_verify_result(io->ssl) != X509_V_OK))) {
		tls_explain(io->ssl, error, why);
		set_cause(io, -EPROTO, why);
	} else if ((what & BEV_EVENT_EOF) || saved == 0) {
		set_cause(io, -ECONNRESET,
			io->up || !io->ssl ? "closed by the peer"
					   : "closed by the peer during the TLS handshake");
	} else {
		set_cause(io, -saved, strerror(saved));
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn_io *io = arg;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED) {
		go_up(io);
	} else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
		explain(io, what);
		ERR_clear_error();
		fail_now(io);
	}
}

static int make_bufferevent(struct conn_io *io)
{
	if (io->ssl)
		io->bev = bufferevent_openssl_socket_new(io->loop->base, io->fd, io->ssl,
			io->accepting ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING,
			BEV_OPT_CLOSE_ON_FREE);
	else
		io->bev = bufferevent_socket_new(io->loop->base, io->fd, BEV_OPT_CLOSE_ON_FREE);
	if (!io->bev) {
		io->ssl = NULL; /* libevent has freed it */
		return -ENOMEM;
	}
	io->fd = -1; /* the bufferevent's, as is the SSL */
	bufferevent_setcb(io->bev, on_readable, on_writable, on_event, io);
	bufferevent_setwatermark(io->bev, EV_WRITE, PENDING_LOW, 0);
	bufferevent_set_max_single_read(io->bev, SINGLE_MAX);
	bufferevent_set_max_single_write(io->bev, SINGLE_MAX);
	if (io->ssl)
		bufferevent_openssl_set_allow_dirty_shutdown(io->bev, 1);
	return 0;
}

static void begin(struct conn_io *io)
{
	if (make_bufferevent(io))
		fail_with(io, -ENOMEM, "out of memory");
	else if (!io->ssl)
		go_up(io);
	else
		bufferevent_enable(io->bev, EV_READ | EV_WRITE);
}

/* The step that waited: the connect's end, the first turn, or the end of the last words. */
static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct conn_io *io = arg;
	int error = 0;
	socklen_t n = sizeof(error);

	(void)what;
	event_del(io->ev_step);
	if (io->error) {
		fail_now(io);
		return;
	}
	/* from now on the descriptor is the bufferevent's, and a step only a matter of time */
	event_assign(io->ev_step, io->loop->base, -1, 0, on_step, io);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	if (error)
		fail_with(io, -error, strerror(error));
	else
		begin(io);
}

int conn_io_init(struct conn_io *io, const struct conn_io_config *config)
{
	memset(io, 0, sizeof(*io));
	io->loop = config->loop;
	io->h2 = config->h2;
	io->ssl = config->ssl;
	io->ops = config->ops;
	io->arg = config->arg;
	io->accepting = config->accepting;
	io->fd = config->fd;
	io->ev_step = event_new(io->loop->base, io->fd, EV_WRITE, on_step, io);
	if (!io->ev_step || (config->connecting && event_add(io->ev_step, NULL) < 0)) {
		conn_io_done(io);
		return -ENOMEM;
	}
	if (!config->connecting)
		event_active(io->ev_step, EV_WRITE, 1);
	return 0;
}

void conn_io_done(struct conn_io *io)
{
	if (io->ev_step)
		event_free(io->ev_step);
	if (io->bev) {
		if (io->ssl && io->up)
			SSL_shutdown(io->ssl); /* close_notify, if the socket takes it */
		bufferevent_free(io->bev);
	} else {
		SSL_free(io->ssl);
	}
	close_fd(&io->fd);
	ERR_clear_error();
	memset(io, 0, sizeof(*io));
	io->fd = -1;
}

void conn_io_abort(struct conn_io *io)
{
	const struct linger now = { .l_onoff = 1 };
	int fd = io->bev ? (int)bufferevent_getfd(io->bev) : io->fd;

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	io->up = false; /* no close_notify */
}

bool conn_io_drained(const struct conn_io *io)
{
	return !io->bev || (evbuffer_get_length(bufferevent_get_output(io->bev)) == 0 &&
				   !h2_wants_write(io->h2));
}
