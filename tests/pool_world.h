/*
 * pool_world - endpoints, connections and calls against a scripted server
 *
 * Over real loopback sockets in one loop; setup(), ask(), run(), teardown().
 */
#ifndef TESTS_POOL_WORLD_H
#define TESTS_POOL_WORLD_H

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/io/conn_io.h"
#include "common/io/sock.h"
#include "common/io/tls.h"
#include "daemon/conn.h"
#include "daemon/endpoint.h"
#include "daemon/pool.h"
#include "daemon/unary.h"
#include "tests/suite.h"

#define PEERS_MAX 8
#define ASKS_MAX 8
#define LATE_SEC 30

/* ---- the server --------------------------------------------------------------------------------- */

/* What it does with a request, in the order they come; ANSWER when the script is over. */
enum deed { ANSWER, HOLD, REFUSE, ANSWER_AND_GOAWAY, HOLD_AND_GOAWAY, DROP };

struct peer {
	struct conn_io io;
	struct h2 *h2;
	bool dirty, dead, drop;
};

struct served {
	struct grpc_call grpc;
	struct grpc_outbox out;
	bool over;
};

static struct {
	struct loop loop;
	struct cfg cfg;
	struct journal journal;
	struct pool pool;
	struct event *listening, *alarm;
	int fd;
	char url[64], key[64];
	uint32_t max_streams;
	struct peer peers[PEERS_MAX];
	size_t n_peers;
	struct served served[32];
	size_t n_served; /* requests that were taken, not refused */
	const enum deed *script;
	size_t n_script, n_requests;
	bool (*until)(void);
	bool late;
	/* as a proxy: what CONNECT it saw, what it answers, then TLS on the same socket */
	const char *proxy_answer;
	char connect[256];
	struct event *asked;
	SSL_CTX *tls;
} t;

static inline size_t served_read(struct grpc_call *g, uint8_t *buf, size_t n, bool *ret_end)
{
	struct served *s = container_of(g, struct served, grpc);

	(void)ret_end;
	return grpc_outbox_read(&s->out, buf, n);
}

static inline int served_part(struct grpc_call *g, const struct grpc_part *part)
{
	grpc_consume(g, part->n);
	return 0;
}

static inline void served_done(struct grpc_call *g, const struct grpc_status *st)
{
	struct served *s = container_of(g, struct served, grpc);

	(void)st;
	s->over = true;
	grpc_outbox_done(&s->out);
}

static const struct grpc_call_ops served_ops = {
	.on_part = served_part, .read = served_read, .on_done = served_done
};

static inline void answer(struct served *s)
{
	static const struct grpc_status ok;

	if (s->over)
		return;
	grpc_outbox_put(&s->out, (const uint8_t *)"hi", 2);
	grpc_resume(&s->grpc);
	ck_assert_int_eq(grpc_finish(&s->grpc, &ok), 0);
}

static inline void on_request(struct h2 *h2, struct h2_stream *st, void *arg)
{
	enum deed deed = t.n_requests < t.n_script ? t.script[t.n_requests] : ANSWER;
	struct peer *peer = arg;
	struct served *s;
	const char *key;

	t.n_requests++;
	if (deed == REFUSE)
		return; /* unbound: REFUSED_STREAM */
	key = h2_stream_header(st, "authorization");
	snprintf(t.key, sizeof(t.key), "%s", key ? key : "none");
	s = &t.served[t.n_served++];
	*s = (struct served){ .grpc = { .ops = &served_ops } };
	ck_assert_int_eq(grpc_accept(&s->grpc, st, t.loop.clock.now_usec), 0);
	if (deed == ANSWER_AND_GOAWAY || deed == HOLD_AND_GOAWAY)
		h2_goaway(h2, H2_NO_ERROR);
	if (deed == ANSWER || deed == ANSWER_AND_GOAWAY)
		answer(s);
	peer->drop = deed == DROP;
}

static inline void peer_dirty(struct h2 *h2, void *arg)
{
	struct peer *p = arg;

	(void)h2;
	p->dirty = true;
}

static inline void peer_failed(void *arg, int error, const char *why)
{
	struct peer *p = arg;

	(void)error;
	(void)why;
	p->drop = true;
}

static const struct h2_ops peer_h2_ops = { .on_request = on_request, .on_dirty = peer_dirty };
static const struct conn_io_ops peer_io_ops = { .on_fail = peer_failed };

/* Takes fd over. */
static inline void make_peer(int fd)
{
	struct peer *p = &t.peers[t.n_peers];
	const struct h2_config config = { .role = H2_SERVER,
		.stream_window = 65535,
		.max_streams = t.max_streams,
		.ops = &peer_h2_ops,
		.arg = p };
	struct conn_io_config io = { .loop = &t.loop,
		.fd = fd,
		.ssl = t.tls ? SSL_new(t.tls) : NULL,
		.accepting = true,
		.ops = &peer_io_ops,
		.arg = p };

	ck_assert_uint_lt(t.n_peers++, PEERS_MAX);
	ck_assert_int_eq(h2_new(&p->h2, &config), 0);
	io.h2 = p->h2;
	ck_assert_int_eq(conn_io_init(&p->io, &io), 0);
	p->dirty = true;
}

static inline void on_connect_asked(evutil_socket_t fd, short events, void *arg)
{
	ssize_t n = read((int)fd, t.connect, sizeof(t.connect) - 1);

	(void)events;
	(void)arg;
	ck_assert_int_gt(n, 4);
	t.connect[n] = '\0';
	ck_assert_str_eq(t.connect + n - 4, "\r\n\r\n");
	ck_assert_int_eq(write((int)fd, t.proxy_answer, strlen(t.proxy_answer)),
		(ssize_t)strlen(t.proxy_answer));
	event_free(t.asked);
	t.asked = NULL;
	make_peer((int)fd);
}

static inline void on_accept(evutil_socket_t listen_fd, short events, void *arg)
{
	int fd;

	(void)events;
	(void)arg;
	if (sock_accept((int)listen_fd, &fd) < 0)
		return;
	if (!t.proxy_answer)
		return make_peer(fd);
	t.asked = event_new(t.loop.base, fd, EV_READ, on_connect_asked, NULL);
	event_add(t.asked, NULL);
}

static inline void peer_end(struct peer *p)
{
	if (p->dead)
		return;
	p->dead = true;
	conn_io_done(&p->io);
	p->h2 = h2_free(p->h2);
}

static inline bool peers_flush(void)
{
	bool more = false;

	for (size_t i = 0; i < t.n_peers; i++) {
		struct peer *p = &t.peers[i];

		if (p->drop)
			peer_end(p);
		if (p->dead || !p->dirty)
			continue;
		p->dirty = false;
		conn_io_flush(&p->io);
		more = more || p->dirty;
	}
	return more;
}

/* ---- the world ---------------------------------------------------------------------------------- */

static inline bool on_turn(void *arg)
{
	bool more;

	(void)arg;
	pool_flush(&t.pool);
	more = peers_flush();
	if (t.late || t.until())
		loop_stop(&t.loop);
	return more || pool_is_busy(&t.pool);
}

static inline void on_alarm(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	t.late = true;
}

static inline void run(bool (*until)(void))
{
	const struct timeval tv = { .tv_sec = LATE_SEC };

	t.until = until;
	event_add(t.alarm, &tv);
	ck_assert_int_eq(loop_run(&t.loop), 0);
	ck_assert_msg(!t.late, "it did not happen");
	event_del(t.alarm);
}

static inline void setup(uint32_t max_streams, const enum deed *script, size_t n_script)
{
	uint16_t port;

	memset(&t, 0, sizeof(t));
	signal(SIGPIPE, SIG_IGN);
	t.max_streams = max_streams;
	t.script = script;
	t.n_script = n_script;
	ck_assert_int_eq(cfg_init(&t.cfg), 0);
	journal_init(&t.journal, "test", STDERR_FILENO, JOURNAL_ERROR);
	ck_assert_int_eq(loop_init(&t.loop, on_turn, NULL), 0);
	t.alarm = evtimer_new(t.loop.base, on_alarm, NULL);
	ck_assert_int_eq(sock_listen_tcp("127.0.0.1", 0, 16, &t.fd, &port), 0);
	snprintf(t.url, sizeof(t.url), "http://127.0.0.1:%u", (unsigned)port);
	t.listening = event_new(t.loop.base, t.fd, EV_READ | EV_PERSIST, on_accept, NULL);
	event_add(t.listening, NULL);
	t.pool.loop = &t.loop;
	t.pool.cfg = &t.cfg;
	t.pool.journal = &t.journal;
	pool_open(&t.pool);
}

static inline void teardown(void)
{
	pool_end(&t.pool);
	SSL_CTX_free(t.tls);
	for (size_t i = 0; i < t.n_peers; i++)
		peer_end(&t.peers[i]);
	event_free(t.listening);
	event_free(t.alarm);
	close(t.fd);
	loop_done(&t.loop);
	cfg_done(&t.cfg);
}

static inline struct endpoint *use(const char *key)
{
	const struct upstream_endpoint which = { .url = t.url, .key = key, .key_with_url = true };
	struct endpoint *ep = NULL;
	const char *why;

	ck_assert_int_eq(pool_use(&t.pool, &which, &ep, &why), 0);
	return ep;
}

/* ---- the callers -------------------------------------------------------------------------------- */

struct ask {
	struct unary u;
	bool done;
	int code;
	bool transport;
	char message[128];
};

static struct ask asks[ASKS_MAX];

static inline void on_end(struct unary *u, const struct grpc_status *st)
{
	struct ask *a = container_of(u, struct ask, u);

	ck_assert(!a->done);
	a->done = true;
	a->code = st->code;
	a->transport = st->transport;
	snprintf(a->message, sizeof(a->message), "%s", st->message ? st->message : "");
}

static inline struct ask *ask(size_t i, struct endpoint *ep, uint64_t timeout_usec)
{
	struct ask *a = &asks[i];

	*a = (struct ask){ 0 };
	unary_init(&a->u, on_end);
	ck_assert_int_eq(grpc_outbox_put(&a->u.call.request, (const uint8_t *)"request", 7), 0);
	ck_assert_int_eq(unary_start(&a->u, ep, CALL_PREFIX "GetSandbox", timeout_usec), 0);
	return a;
}

static inline void asks_done(size_t n)
{
	for (size_t i = 0; i < n; i++)
		unary_done(&asks[i].u);
}

static inline bool first_done(void)
{
	return asks[0].done;
}

static inline bool second_done(void)
{
	return asks[1].done;
}

static inline bool third_done(void)
{
	return asks[2].done;
}

static inline bool no_endpoints(void)
{
	return t.pool.n_endpoints == 0;
}

static inline bool both_done(void)
{
	return asks[0].done && asks[1].done;
}

static inline bool two_served(void)
{
	return t.n_served == 2;
}

static inline bool one_served(void)
{
	return t.n_served == 1;
}

/* Most tests: one endpoint, and so many calls on it. */
static inline struct endpoint *begin(uint32_t max_streams, const enum deed *script, size_t n_script)
{
	setup(max_streams, script, n_script);
	return use("k");
}

static inline void end(struct endpoint *ep, size_t n_asks)
{
	endpoint_unref(ep);
	asks_done(n_asks);
	teardown();
}

#endif
