/* Endpoints, connections and calls against a scripted server, over real loopback sockets in one loop. */
#include "tests/suite.h"

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

static size_t served_read(struct grpc_call *g, uint8_t *buf, size_t n, bool *ret_end)
{
	struct served *s = container_of(g, struct served, grpc);

	(void)ret_end;
	return grpc_outbox_read(&s->out, buf, n);
}

static int served_part(struct grpc_call *g, const struct grpc_part *part)
{
	grpc_consume(g, part->n);
	return 0;
}

static void served_done(struct grpc_call *g, const struct grpc_status *st)
{
	struct served *s = container_of(g, struct served, grpc);

	(void)st;
	s->over = true;
	grpc_outbox_done(&s->out);
}

static const struct grpc_call_ops served_ops = {
	.on_part = served_part, .read = served_read, .on_done = served_done
};

static void answer(struct served *s)
{
	static const struct grpc_status ok;

	if (s->over)
		return;
	grpc_outbox_put(&s->out, (const uint8_t *)"hi", 2);
	grpc_resume(&s->grpc);
	ck_assert_int_eq(grpc_finish(&s->grpc, &ok), 0);
}

static void on_request(struct h2 *h2, struct h2_stream *st, void *arg)
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

static void peer_dirty(struct h2 *h2, void *arg)
{
	struct peer *p = arg;

	(void)h2;
	p->dirty = true;
}

static void peer_failed(void *arg, int error, const char *why)
{
	struct peer *p = arg;

	(void)error;
	(void)why;
	p->drop = true;
}

static const struct h2_ops peer_h2_ops = { .on_request = on_request, .on_dirty = peer_dirty };
static const struct conn_io_ops peer_io_ops = { .on_fail = peer_failed };

/* Takes fd over. */
static void make_peer(int fd)
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

static void on_connect_asked(evutil_socket_t fd, short events, void *arg)
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

static void on_accept(evutil_socket_t listen_fd, short events, void *arg)
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

static void peer_end(struct peer *p)
{
	if (p->dead)
		return;
	p->dead = true;
	conn_io_done(&p->io);
	p->h2 = h2_free(p->h2);
}

static bool peers_flush(void)
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

static bool on_turn(void *arg)
{
	bool more;

	(void)arg;
	pool_flush(&t.pool);
	more = peers_flush();
	if (t.late || t.until())
		loop_stop(&t.loop);
	return more || pool_is_busy(&t.pool);
}

static void on_alarm(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	t.late = true;
}

static void run(bool (*until)(void))
{
	const struct timeval tv = { .tv_sec = LATE_SEC };

	t.until = until;
	event_add(t.alarm, &tv);
	ck_assert_int_eq(loop_run(&t.loop), 0);
	ck_assert_msg(!t.late, "it did not happen");
	event_del(t.alarm);
}

static void setup(uint32_t max_streams, const enum deed *script, size_t n_script)
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

static void teardown(void)
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

static struct endpoint *use(const char *key)
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

static void on_end(struct unary *u, const struct grpc_status *st)
{
	struct ask *a = container_of(u, struct ask, u);

	ck_assert(!a->done);
	a->done = true;
	a->code = st->code;
	a->transport = st->transport;
	snprintf(a->message, sizeof(a->message), "%s", st->message ? st->message : "");
}

static struct ask *ask(size_t i, struct endpoint *ep, uint64_t timeout_usec)
{
	struct ask *a = &asks[i];

	*a = (struct ask){ 0 };
	unary_init(&a->u, on_end);
	ck_assert_int_eq(grpc_outbox_put(&a->u.call.request, (const uint8_t *)"request", 7), 0);
	ck_assert_int_eq(unary_start(&a->u, ep, CALL_PREFIX "GetSandbox", timeout_usec), 0);
	return a;
}

static void asks_done(size_t n)
{
	for (size_t i = 0; i < n; i++)
		unary_done(&asks[i].u);
}

static bool first_done(void)
{
	return asks[0].done;
}

static bool second_done(void)
{
	return asks[1].done;
}

static bool third_done(void)
{
	return asks[2].done;
}

static bool no_endpoints(void)
{
	return t.pool.n_endpoints == 0;
}

static bool both_done(void)
{
	return asks[0].done && asks[1].done;
}

static bool two_served(void)
{
	return t.n_served == 2;
}

static bool one_served(void)
{
	return t.n_served == 1;
}

/* ---- tests -------------------------------------------------------------------------------------- */

START_TEST(calls_of_one_endpoint_share_one_connection)
{
	struct endpoint *ep, *again;

	setup(100, NULL, 0);
	ep = use("key-1");
	again = use("key-1");
	ck_assert_ptr_eq(ep, again);
	ask(0, ep, 0);
	ask(1, again, 0);
	run(both_done);
	ck_assert_int_eq(asks[0].code, GRPC_OK);
	ck_assert_mem_eq(asks[1].u.answer, "hi", 2);
	endpoint_unref(ep);
	endpoint_unref(again);
	ep = use("key-1"); /* it is still warm */
	ask(2, ep, 0);
	endpoint_unref(ep);
	run(third_done);
	ck_assert_uint_eq(t.n_peers, 1);
	ck_assert_str_eq(t.key, "Bearer key-1");
	asks_done(3);
	teardown();
}
END_TEST

START_TEST(another_key_is_another_connection)
{
	struct endpoint *one, *two;

	setup(100, NULL, 0);
	one = use("key-1");
	two = use("key-2");
	ck_assert_ptr_ne(one, two);
	ask(0, one, 0);
	run(first_done);
	ck_assert_str_eq(t.key, "Bearer key-1");
	ask(1, two, 0);
	run(second_done);
	ck_assert_str_eq(t.key, "Bearer key-2");
	ck_assert_uint_eq(t.n_peers, 2);
	endpoint_unref(one);
	endpoint_unref(two);
	asks_done(2);
	teardown();
}
END_TEST

START_TEST(a_full_connection_gets_a_second_one_and_then_calls_wait)
{
	static const enum deed script[] = { HOLD, HOLD };
	struct endpoint *ep;

	setup(1, script, ARRAY_SIZE(script));
	t.cfg.max_connections = 2;
	ep = use("k");
	ask(0, ep, 0);
	ask(1, ep, 0);
	ask(2, ep, 0);
	run(two_served);
	ck_assert_uint_eq(t.n_peers, 2);
	ck_assert(!asks[2].done && asks[2].u.call.state == CALL_WAITING);
	answer(&t.served[0]);
	run(third_done); /* the room it leaves is the third's */
	ck_assert(!asks[1].done);
	ck_assert_uint_eq(t.n_peers, 2);
	answer(&t.served[1]);
	run(second_done);
	endpoint_unref(ep);
	asks_done(3);
	teardown();
}
END_TEST

START_TEST(fault_f05_a_refused_call_goes_out_once_more_and_is_done_once)
{
	static const enum deed script[] = { REFUSE };
	struct endpoint *ep;

	setup(100, script, ARRAY_SIZE(script));
	ep = use("k");
	ask(0, ep, 0);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_OK);
	ck_assert_uint_eq(t.n_requests, 2);
	ck_assert_uint_eq(t.n_served, 1);
	endpoint_unref(ep);
	asks_done(1);
	teardown();
}
END_TEST

START_TEST(a_call_that_is_refused_twice_fails)
{
	static const enum deed script[] = { REFUSE, REFUSE, REFUSE };
	struct endpoint *ep;

	setup(100, script, ARRAY_SIZE(script));
	ep = use("k");
	ask(0, ep, 0);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_UNAVAILABLE);
	ck_assert_uint_eq(t.n_requests, 2);
	endpoint_unref(ep);
	asks_done(1);
	teardown();
}
END_TEST

START_TEST(fault_f05_after_goaway_old_calls_finish_and_new_ones_take_a_new_connection)
{
	static const enum deed script[] = { HOLD_AND_GOAWAY };
	struct endpoint *ep;

	setup(100, script, ARRAY_SIZE(script));
	ep = use("k");
	ask(0, ep, 0);
	run(one_served);
	ask(1, ep, 0);
	run(second_done);
	ck_assert_int_eq(asks[1].code, GRPC_OK);
	ck_assert_uint_eq(t.n_peers, 2);
	ck_assert(!asks[0].done);
	answer(&t.served[0]);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_OK);
	endpoint_unref(ep);
	asks_done(2);
	teardown();
}
END_TEST

START_TEST(a_lost_connection_ends_its_calls_and_the_next_call_dials_anew)
{
	static const enum deed script[] = { DROP };
	struct endpoint *ep;

	setup(100, script, ARRAY_SIZE(script));
	ep = use("k");
	ask(0, ep, 0);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_UNAVAILABLE);
	ck_assert(asks[0].transport);
	ask(1, ep, 0);
	run(second_done);
	ck_assert_int_eq(asks[1].code, GRPC_OK);
	ck_assert_uint_eq(t.n_peers, 2);
	endpoint_unref(ep);
	asks_done(2);
	teardown();
}
END_TEST

START_TEST(a_service_that_refuses_the_connection_is_told_and_found_again_later)
{
	struct endpoint *ep;
	uint16_t port = 0;

	setup(100, NULL, 0);
	ep = use("k");
	port = ep->target.port;
	event_del(t.listening);
	close(t.fd);
	ask(0, ep, 0);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_UNAVAILABLE);
	ck_assert(asks[0].transport);
	ck_assert_str_eq(asks[0].message, "Connection refused");
	ck_assert_int_eq(sock_listen_tcp("127.0.0.1", port, 16, &t.fd, &port), 0);
	event_free(t.listening);
	t.listening = event_new(t.loop.base, t.fd, EV_READ | EV_PERSIST, on_accept, NULL);
	event_add(t.listening, NULL);
	ask(1, ep, 0); /* put off a little, then dialed */
	run(second_done);
	ck_assert_int_eq(asks[1].code, GRPC_OK);
	endpoint_unref(ep);
	asks_done(2);
	teardown();
}
END_TEST

START_TEST(a_deadline_ends_a_call_that_waits_and_one_that_runs)
{
	static const enum deed script[] = { HOLD };
	struct endpoint *ep;

	setup(1, script, ARRAY_SIZE(script));
	t.cfg.max_connections = 1;
	ep = use("k");
	ask(0, ep, 0);
	run(one_served);
	ask(1, ep, 50 * USEC_PER_MSEC);
	run(second_done);
	ck_assert_int_eq(asks[1].code, GRPC_DEADLINE_EXCEEDED);
	ck_assert_uint_eq(t.n_served, 1);
	call_cancel(&asks[0].u.call, NULL);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_CANCELLED);
	asks_done(1);
	t.n_script = t.n_requests + 1;
	t.script = (const enum deed[]){ HOLD, HOLD, HOLD, HOLD };
	ask(0, ep, 50 * USEC_PER_MSEC);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_DEADLINE_EXCEEDED);
	endpoint_unref(ep);
	asks_done(2);
	teardown();
}
END_TEST

START_TEST(at_most_1024_calls_wait_and_all_are_told_of_the_end)
{
	static struct ask many[ENDPOINT_WAITING_MAX + 1];
	struct endpoint *ep;

	setup(100, NULL, 0);
	ep = use("k");
	for (size_t i = 0; i <= ENDPOINT_WAITING_MAX; i++) {
		many[i] = (struct ask){ 0 };
		unary_init(&many[i].u, on_end);
		ck_assert_int_eq(unary_start(&many[i].u, ep, CALL_PREFIX "GetSandbox", 0),
			i < ENDPOINT_WAITING_MAX ? 0 : -EAGAIN);
	}
	endpoint_unref(ep);
	teardown();
	for (size_t i = 0; i <= ENDPOINT_WAITING_MAX; i++) {
		ck_assert_int_eq(many[i].done, i < ENDPOINT_WAITING_MAX);
		ck_assert_int_eq(many[i].code, i < ENDPOINT_WAITING_MAX ? GRPC_CANCELLED : 0);
		unary_done(&many[i].u);
	}
}
END_TEST

START_TEST(an_idle_endpoint_goes_with_its_last_connection)
{
	static const enum deed script[] = { ANSWER_AND_GOAWAY };
	struct endpoint *ep;

	setup(100, script, ARRAY_SIZE(script));
	ep = use("k");
	ask(0, ep, 0);
	endpoint_unref(ep);
	run(first_done);
	run(no_endpoints);
	ck_assert(list_empty(&t.pool.endpoints));
	asks_done(1);
	teardown();
}
END_TEST

/* ---- through a proxy ---------------------------------------------------------------------------- */

static char dir[64], ca[96];

static void make_tls(const char *names)
{
	char ca_key[96], cert[96], key[96], why[TLS_WHY_MAX];
	const struct tls_issue issue = { .ca_file = ca,
		.ca_key_file = ca_key,
		.cert_file = cert,
		.key_file = key,
		.names = names,
		.days = 2 };

	snprintf(dir, sizeof(dir), "%s", "/tmp/check-pool-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
	snprintf(ca_key, sizeof(ca_key), "%s/ca.key", dir);
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	ck_assert_msg(tls_issue(&issue, why) == 0, "%s", why);
	ck_assert_msg(tls_server_new(&t.tls, cert, key, why) == 0, "%s", why);
}

static void remove_dir(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -r '%s'", dir);
	ck_assert_int_eq(system(cmd), 0);
}

static void ask_through_proxy(const char *answer)
{
	struct upstream_endpoint which = {
		.url = "https://service.test", .key = "k", .ca_file = ca
	};
	struct endpoint *ep = NULL;
	const char *why;

	setup(100, NULL, 0);
	make_tls("DNS:service.test");
	t.proxy_answer = answer;
	which.proxy = t.url;
	ck_assert_int_eq(pool_use(&t.pool, &which, &ep, &why), 0);
	ask(0, ep, 0);
	run(first_done);
	endpoint_unref(ep);
	ck_assert_str_eq(
		t.connect, "CONNECT service.test:443 HTTP/1.1\r\nHost: service.test:443\r\n\r\n");
	asks_done(1);
	teardown();
	remove_dir();
}

START_TEST(a_proxy_is_asked_for_the_service_and_tls_goes_through_it)
{
	ask_through_proxy("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n");
	ck_assert_msg(asks[0].code == GRPC_OK, "%s", asks[0].message);
	ck_assert_str_eq(t.key, "Bearer k");
}
END_TEST

START_TEST(a_proxy_that_refuses_is_quoted)
{
	ask_through_proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
	ck_assert_int_eq(asks[0].code, GRPC_UNAVAILABLE);
	ck_assert_ptr_nonnull(
		strstr(asks[0].message, "the proxy refused: 407 Proxy Authentication Required"));
	ck_assert_uint_eq(t.n_requests, 0);
}
END_TEST

START_TEST(sec_c33_early_bytes_from_a_proxy_drop_the_connection)
{
	ask_through_proxy("HTTP/1.1 200 OK\r\n\r\nX");
	ck_assert_int_eq(asks[0].code, GRPC_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(asks[0].message, "belong to nobody"));
	ck_assert_uint_eq(t.n_requests, 0);
}
END_TEST

START_TEST(a_proxys_answer_is_read_to_its_end_and_no_further_than_8_kib)
{
	static char big[TUNNEL_ANSWER_MAX];
	char why[TUNNEL_WHY_MAX];
	const char *yes = "HTTP/1.0 200 OK\r\n\r\n";

	for (size_t n = 0; n < strlen(yes); n++)
		ck_assert_int_eq(tunnel_read_answer(yes, n, why), TUNNEL_E_PENDING);
	ck_assert_int_eq(tunnel_read_answer(yes, strlen(yes), why), 0);
	ck_assert_int_eq(tunnel_read_answer("SSH-2.0-x\r\n", 11, why), -EPROTO);
	ck_assert_int_eq(tunnel_read_answer("HTTP/2 200\r\n\r\n", 14, why), -EPROTO);
	ck_assert_int_eq(tunnel_read_answer("HTTP/1.\r 403 No\r\n\r\n", 19, why), -EPROTO);
	ck_assert_str_eq(why, "the proxy refused: 403 No"); /* not what lies before the code */
	memset(big, 'x', sizeof(big));
	memcpy(big, "HTTP/1.1 200", 12);
	ck_assert_int_eq(tunnel_read_answer(big, sizeof(big) - 1, why), TUNNEL_E_PENDING);
	ck_assert_int_eq(tunnel_read_answer(big, sizeof(big), why), -EPROTO);
}
END_TEST

TEST_MAIN("pool", calls_of_one_endpoint_share_one_connection, another_key_is_another_connection,
	a_full_connection_gets_a_second_one_and_then_calls_wait,
	fault_f05_a_refused_call_goes_out_once_more_and_is_done_once,
	a_call_that_is_refused_twice_fails,
	fault_f05_after_goaway_old_calls_finish_and_new_ones_take_a_new_connection,
	a_lost_connection_ends_its_calls_and_the_next_call_dials_anew,
	a_service_that_refuses_the_connection_is_told_and_found_again_later,
	a_deadline_ends_a_call_that_waits_and_one_that_runs,
	at_most_1024_calls_wait_and_all_are_told_of_the_end,
	an_idle_endpoint_goes_with_its_last_connection,
	a_proxy_is_asked_for_the_service_and_tls_goes_through_it, a_proxy_that_refuses_is_quoted,
	sec_c33_early_bytes_from_a_proxy_drop_the_connection,
	a_proxys_answer_is_read_to_its_end_and_no_further_than_8_kib)
