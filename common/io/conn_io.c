#include "common/io/conn_io.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define READ_MAX ((size_t)64 * 1024) /* bytes asked for at once */

/* ---- the end ---- */

/* Told from the loop and never from a call of the owner, who may free in on_fail. */
static void fail_now(struct conn_io *io)
{
	if (io->failed)
		return;
	io->failed = true;
	event_del(io->ev_step);
	event_del(io->ev_read);
	event_del(io->ev_write);
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

/* The loop tells, in its next turn, or when patience has ended. */
static void fail_later(struct conn_io *io, bool patient)
{
	static const struct timeval patience = { .tv_sec = CONN_IO_LAST_WORDS_SEC };

	event_add(io->ev_step, &patience);
	if (!patient)
		event_active(io->ev_step, EV_TIMEOUT, 1);
}

/* The last words first (GOAWAY), for a while; then on_fail. */
static void fail_drained(struct conn_io *io, int error, const char *why)
{
	set_cause(io, error, why);
	event_del(io->ev_read);
	fail_later(io, io->out.n > 0 && !io->deaf);
}

static void explain(struct conn_io *io, int error)
{
	char why[TLS_WHY_MAX];

	if (error == -EPROTO) {
		transport_explain(&io->transport, why);
		set_cause(io, error, why);
	} else if (error == 0 || error == -ECONNRESET) {
		set_cause(io, -ECONNRESET,
			io->up || !io->transport.ssl
				? "closed by the peer"
				: "closed by the peer during the TLS handshake");
	} else {
		set_cause(io, error, strerror(-error));
	}
}

static void fail_explained(struct conn_io *io, int error)
{
	explain(io, error);
	fail_now(io);
}

/* ---- writing ---- */

static void out_clear(struct conn_io_pending *out)
{
	free(out->data);
	memset(out, 0, sizeof(*out));
}

static int out_add(struct conn_io_pending *out, const uint8_t *data, size_t n)
{
	if (out->at + out->n + n > out->cap) {
		size_t cap = max_size(2 * out->n + n, 512);
		uint8_t *grown = malloc(cap);

		if (!grown)
			return -ENOMEM;
		if (out->n)
			memcpy(grown, out->data + out->at, out->n);
		free(out->data);
		*out = (struct conn_io_pending){ .data = grown, .n = out->n, .cap = cap };
	}
	memcpy(out->data + out->at + out->n, data, n);
	out->n += n;
	return 0;
}

static int pull(struct conn_io *io, size_t pending_max)
{
	const uint8_t *data;

	while (io->out.n < pending_max) {
		ssize_t n = h2_gather(io->h2, &data);

		if (n <= 0)
			return 0;
		if (out_add(&io->out, data, (size_t)n) < 0) {
			fail_drained(io, -ENOMEM, "out of memory");
			return -ENOMEM;
		}
	}
	return 0;
}

/* Whether all that waited has gone. */
static bool write_pending(struct conn_io *io)
{
	while (io->out.n) {
		ssize_t n = transport_write(&io->transport, io->out.data + io->out.at, io->out.n);

		if (n < 0 && n != -EAGAIN) {
			io->deaf = true;
			out_clear(&io->out);
			return false;
		}
		if (n < 0) {
			if (!io->transport.write_waits_to_read)
				event_add(io->ev_write, NULL);
			return false;
		}
		io->tx_bytes += (uint64_t)n;
		io->out.at += (size_t)n;
		io->out.n -= (size_t)n;
	}
	out_clear(&io->out);
	return true;
}

static void write_turn(struct conn_io *io)
{
	uint64_t until = io->tx_bytes + CONN_IO_TURN_MAX;

	while (!pull(io, CONN_IO_PENDING_MAX) && io->out.n) {
		if (!write_pending(io))
			return;
		if (io->tx_bytes >= until) {
			event_add(io->ev_write, NULL); /* others' turn */
			return;
		}
	}
}

void conn_io_flush(struct conn_io *io)
{
	if (!io->up || io->error || io->deaf || io->hold)
		return;
	write_turn(io);
	if (io->deaf) {
		fail_later(io, true); /* reading tells why, or patience ends */
		return;
	}
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
	if (hold == CONN_IO_SILENT) {
		event_del(io->ev_read);
		event_del(io->ev_write);
		return;
	}
	event_add(io->ev_read, NULL);
	if (io->out.n)
		event_add(io->ev_write, NULL);
	if (transport_holds(&io->transport))
		event_active(io->ev_read, EV_READ, 1);
}

/* ---- reading ---- */

static void say_last_words(struct conn_io *io, int error)
{
	if (!pull(io, SIZE_MAX)) /* they are all there is now */
		write_pending(io);
	fail_drained(io, error, error == -EPROTO ? "the peer broke HTTP/2" : "out of memory");
}

/* One read: its bytes, or 0 when there is nothing more to do now. */
static size_t read_once(struct conn_io *io)
{
	static uint8_t buf[READ_MAX]; /* one loop, one thread; nothing of it outlives the call */
	ssize_t n = transport_read(&io->transport, buf, sizeof(buf));
	int r;

	if (n == -EAGAIN) {
		if (io->transport.read_waits_to_write)
			event_add(io->ev_write, NULL);
		return 0;
	}
	if (n <= 0) {
		explain(io, (int)n);
		return 0;
	}
	io->rx_bytes += (uint64_t)n;
	r = h2_recv(io->h2, buf, (size_t)n, io->last_rx_usec);
	if (r && !io->error)
		say_last_words(io, r);
	return (size_t)n;
}

static void read_turn(struct conn_io *io)
{
	size_t total = 0, n;

	io->last_rx_usec = loop_now(io->loop);
	do {
		n = read_once(io);
		total += n;
	} while (n && !io->error && io->hold != CONN_IO_SILENT && total < CONN_IO_TURN_MAX &&
		 (n == READ_MAX || transport_holds(&io->transport)));
	if (io->error && event_pending(io->ev_read, EV_READ, NULL)) /* no last words */
		fail_now(io);                                       /* may free io */
	else if (!io->error && io->hold != CONN_IO_SILENT && n && transport_holds(&io->transport))
		event_active(io->ev_read, EV_READ, 1); /* epoll does not know of it */
}

/* ---- beginning ---- */

static void go_up(struct conn_io *io)
{
	if (io->transport.ssl && !tls_alpn_is_h2(io->transport.ssl)) {
		fail_with(io, -EPROTO, "the peer does not speak HTTP/2 (ALPN h2)");
		return;
	}
	io->up = true;
	io->last_rx_usec = loop_now(io->loop);
	conn_io_hold(io, io->hold);
	conn_io_flush(io); /* the preface */
	if (io->ops->on_up)
		io->ops->on_up(io->arg);
}

static void shake_hands(struct conn_io *io)
{
	int r = transport_handshake(&io->transport);

	if (r == -EAGAIN && io->transport.read_waits_to_write)
		event_add(io->ev_write, NULL);
	else if (r == 0)
		go_up(io);
	else if (r != -EAGAIN)
		fail_explained(io, r);
}

static void begin(struct conn_io *io)
{
	int error = 0;
	socklen_t n = sizeof(error);

	io->connecting = false;
	if (getsockopt(io->transport.fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	if (error)
		fail_with(io, -error, strerror(error));
	else if (event_add(io->ev_read, NULL) < 0)
		fail_with(io, -ENOMEM, "out of memory");
	else
		shake_hands(io);
}

/* ---- events ---- */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn_io *io = arg;

	(void)fd;
	(void)what;
	if (!io->up) {
		shake_hands(io);
		return;
	}
	if (io->transport.write_waits_to_read)
		event_active(io->ev_write, EV_WRITE, 1);
	read_turn(io);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn_io *io = arg;

	(void)fd;
	(void)what;
	if (io->up && !io->error && io->transport.read_waits_to_write)
		event_active(io->ev_read, EV_READ, 1);
	if (io->connecting) {
		begin(io);
	} else if (!io->up) {
		shake_hands(io);
	} else if (io->error || io->hold) {
		if ((write_pending(io) || io->deaf) && io->error)
			fail_now(io);
	} else {
		conn_io_flush(io);
	}
}

/* What waited for a turn of its own: the first one of a connected socket, or the end. */
static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct conn_io *io = arg;

	(void)fd;
	(void)what;
	event_del(io->ev_step);
	if (io->deaf)
		explain(io, -EPIPE);
	if (io->error)
		fail_now(io);
	else
		begin(io);
}

/* ---- owner's calls ---- */

static int make_events(struct conn_io *io)
{
	struct event_base *base = io->loop->base;

	io->ev_step = event_new(base, -1, 0, on_step, io);
	io->ev_read = event_new(base, io->transport.fd, EV_READ | EV_PERSIST, on_readable, io);
	io->ev_write = event_new(base, io->transport.fd, EV_WRITE, on_writable, io);
	if (!io->ev_step || !io->ev_read || !io->ev_write)
		return -ENOMEM;
	if (io->connecting)
		return event_add(io->ev_write, NULL) < 0 ? -ENOMEM : 0;
	event_active(io->ev_step, EV_TIMEOUT, 1);
	return 0;
}

int conn_io_init(struct conn_io *io, const struct conn_io_config *config)
{
	int r;

	memset(io, 0, sizeof(*io));
	io->loop = config->loop;
	io->h2 = config->h2;
	io->ops = config->ops;
	io->arg = config->arg;
	io->connecting = config->connecting;
	r = transport_init(&io->transport, config->fd, config->ssl, config->accepting);
	if (!r)
		r = make_events(io);
	if (r)
		conn_io_done(io);
	return r;
}

static void event_drop(struct event *ev)
{
	if (ev)
		event_free(ev);
}

void conn_io_done(struct conn_io *io)
{
	event_drop(io->ev_step);
	event_drop(io->ev_read);
	event_drop(io->ev_write);
	if (io->up)
		transport_close_notify(&io->transport);
	transport_done(&io->transport);
	out_clear(&io->out);
	memset(io, 0, sizeof(*io));
	io->transport.fd = -1;
}

void conn_io_abort(struct conn_io *io)
{
	const struct linger now = { .l_onoff = 1 };

	if (io->transport.fd >= 0)
		setsockopt(io->transport.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	io->up = false; /* no close_notify */
}

bool conn_io_drained(const struct conn_io *io)
{
	return io->out.n == 0 && (io->deaf || !h2_wants_write(io->h2));
}
