/*
 * io_pair - two connections over real loopback sockets in one loop: conn_io at both ends
 *
 * side_init() of both, then pair_run() until `until` holds; it fails the test after 30 s.
 */
#ifndef TESTS_IO_PAIR_H
#define TESTS_IO_PAIR_H

#include <check.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/io/conn_io.h"
#include "common/io/sock.h"

struct side {
	struct conn_io io;
	struct h2 *h2;
	bool open, dirty, up;
	int n_fail, error;
	char why[TLS_WHY_MAX];
	void *arg; /* the test's */
};

struct io_pair {
	struct loop loop;
	struct side client, server;
	bool (*until)(struct io_pair *p);
	struct event *alarm;
	bool late;
};

static inline void side_up(void *arg)
{
	struct side *s = arg;

	s->up = true;
}

static inline void side_fail(void *arg, int error, const char *why)
{
	struct side *s = arg;

	s->n_fail++;
	s->error = error;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

static inline void side_dirty(struct h2 *h2, void *arg)
{
	struct side *s = arg;

	(void)h2;
	s->dirty = true;
}

static const struct conn_io_ops side_io_ops = { .on_up = side_up, .on_fail = side_fail };

static inline void side_flush(struct side *s)
{
	if (!s->open || !s->dirty)
		return;
	s->dirty = false;
	conn_io_flush(&s->io);
}

static inline bool io_pair_flush(void *arg)
{
	struct io_pair *p = arg;

	side_flush(&p->client);
	side_flush(&p->server);
	if (p->late || p->until(p))
		loop_stop(&p->loop);
	return false;
}

static inline void io_pair_late(evutil_socket_t fd, short what, void *arg)
{
	struct io_pair *p = arg;

	(void)fd;
	(void)what;
	p->late = true;
}

static inline void io_pair_run(struct io_pair *p, bool (*until)(struct io_pair *p))
{
	static const struct timeval limit = { .tv_sec = 30 };

	p->until = until;
	evtimer_add(p->alarm, &limit);
	ck_assert_int_eq(loop_run(&p->loop), 0);
	evtimer_del(p->alarm);
	ck_assert_msg(!p->late, "client: %d %s; server: %d %s", p->client.error, p->client.why,
		p->server.error, p->server.why);
}

static inline void io_pair_init(struct io_pair *p)
{
	signal(SIGPIPE, SIG_IGN);
	memset(p, 0, sizeof(*p));
	ck_assert_int_eq(loop_init(&p->loop, io_pair_flush, p), 0);
	p->alarm = evtimer_new(p->loop.base, io_pair_late, p);
}

static inline void side_done(struct side *s)
{
	if (s->open)
		conn_io_done(&s->io);
	s->open = false;
	s->h2 = h2_free(s->h2);
}

static inline void io_pair_done(struct io_pair *p)
{
	side_done(&p->client);
	side_done(&p->server);
	event_free(p->alarm);
	loop_done(&p->loop);
}

/* Both ends of a loopback TCP connection; the client's connect may still be in progress. */
static inline void tcp_pair(int *ret_client, int *ret_server)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int listener = -1, r;
	uint16_t port = 0;

	ck_assert_int_eq(sock_listen_tcp("127.0.0.1", 0, 8, &listener, &port), 0);
	at.sin_port = htons(port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r = sock_connect_start((struct sockaddr *)&at, sizeof(at), ret_client);
	ck_assert(r == 0 || r == -EINPROGRESS);
	do {
		r = sock_accept(listener, ret_server);
	} while (r == -EAGAIN);
	ck_assert_int_eq(r, 0);
	close(listener);
}

static inline void side_open(
	struct io_pair *p, struct side *s, int fd, SSL *ssl, struct h2_config *h2)
{
	struct conn_io_config config = { .loop = &p->loop,
		.fd = fd,
		.ssl = ssl,
		.accepting = h2->role == H2_SERVER,
		.connecting = h2->role == H2_CLIENT,
		.ops = &side_io_ops,
		.arg = s };

	h2->arg = s;
	ck_assert_int_eq(h2_new(&s->h2, h2), 0);
	config.h2 = s->h2;
	ck_assert_int_eq(conn_io_init(&s->io, &config), 0);
	s->open = true;
}

#endif
