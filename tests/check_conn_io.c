#include <event2/buffer.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/resource.h>

#include "tests/io_pair.h"
#include "tests/pki.h"
#include "tests/suite.h"

/* ---- one request and a body that streams down ---- */

struct flow {
	size_t to_send, sent, got; /* bytes */
	struct h2_stream *stream;
	bool closed;
};

static struct flow down;
static uint8_t blob[64 * 1024];

static size_t read_flow(struct h2_stream *st, uint8_t *buf, size_t n, bool *ret_end, void *arg)
{
	struct flow *f = arg;

	(void)st;
	n = min_size(min_size(n, sizeof(blob)), f->to_send - f->sent);
	memcpy(buf, blob, n);
	f->sent += n;
	*ret_end = f->sent == f->to_send;
	return n;
}

static void on_flow_data(struct h2_stream *st, const uint8_t *data, size_t n, void *arg)
{
	struct flow *f = arg;

	(void)data;
	f->got += n;
	h2_consume(st, n);
}

static void on_flow_close(struct h2_stream *st, uint32_t error, void *arg)
{
	struct flow *f = arg;

	(void)st;
	(void)error;
	f->closed = true;
}

static const struct h2_stream_ops serve_ops = { .read = read_flow, .on_close = on_flow_close };
static const struct h2_stream_ops fetch_ops = { .on_data = on_flow_data,
	.on_close = on_flow_close };

static struct flow up; /* the server's end */

static void on_request(struct h2 *h2, struct h2_stream *st, void *arg)
{
	static const struct h2_header headers[] = { { ":status", "200" } };

	(void)h2;
	(void)arg;
	h2_stream_bind(st, &serve_ops, &up);
	ck_assert_int_eq(h2_respond(st, headers, 1, false), 0);
}

static const struct h2_ops client_h2_ops = { .on_dirty = side_dirty };
static const struct h2_ops server_h2_ops = { .on_dirty = side_dirty, .on_request = on_request };

static struct h2_config h2_config_of(enum h2_role role)
{
	return (struct h2_config){ .role = role,
		.stream_window = 4 * 1024 * 1024,
		.max_streams = 100,
		.ops = role == H2_CLIENT ? &client_h2_ops : &server_h2_ops };
}

static void open_both(struct io_pair *p, SSL *client_ssl, SSL *server_ssl)
{
	struct h2_config client = h2_config_of(H2_CLIENT), server = h2_config_of(H2_SERVER);
	int client_fd = -1, server_fd = -1;

	tcp_pair(&client_fd, &server_fd);
	side_open(p, &p->client, client_fd, client_ssl, &client);
	side_open(p, &p->server, server_fd, server_ssl, &server);
}

static void fetch(struct io_pair *p, size_t n)
{
	static const struct h2_header headers[] = { { ":method", "GET" }, { ":scheme", "http" },
		{ ":authority", "localhost" }, { ":path", "/" } };

	memset(&down, 0, sizeof(down));
	memset(&up, 0, sizeof(up));
	up.to_send = n;
	ck_assert_int_eq(h2_open(p->client.h2, headers, 4, &fetch_ops, &down, &down.stream), 0);
}

static bool both_up(struct io_pair *p)
{
	return (p->client.up && p->server.up) || p->client.n_fail || p->server.n_fail;
}

static bool fetched(struct io_pair *p)
{
	return down.closed || p->client.n_fail || p->server.n_fail;
}

static void check_fetch(struct io_pair *p, size_t n)
{
	io_pair_run(p, both_up);
	ck_assert_msg(p->client.up && p->server.up, "%s, %s", p->client.why, p->server.why);
	fetch(p, n);
	io_pair_run(p, fetched);
	ck_assert_msg(!p->client.n_fail && !p->server.n_fail, "client: %s; server: %s",
		p->client.why, p->server.why);
	ck_assert_uint_eq(down.got, n);
}

START_TEST(a_plain_connection_carries_a_long_body)
{
	struct io_pair p;

	io_pair_init(&p);
	open_both(&p, NULL, NULL);
	check_fetch(&p, 20000000);
	io_pair_done(&p);
}
END_TEST

static void open_tls(struct io_pair *p, SSL_CTX *client, const char *host, SSL_CTX *server)
{
	SSL *ssl = NULL;

	ck_assert_int_eq(tls_client_ssl(client, host, &ssl), 0);
	open_both(p, ssl, SSL_new(server));
}

START_TEST(a_tls_connection_carries_a_long_body)
{
	SSL_CTX *client, *server;
	struct io_pair p;
	struct pki pki;

	pki_make(&pki, "DNS:localhost,IP:127.0.0.1", 30);
	client = client_context(pki.ca);
	server = server_context(&pki);
	io_pair_init(&p);
	open_tls(&p, client, "localhost", server);
	check_fetch(&p, 20000000);
	ck_assert_uint_ge(p.client.io.rx_bytes, 20000000);
	ck_assert_uint_ge(p.server.io.tx_bytes, 20000000);
	ck_assert_uint_gt(p.client.io.last_rx_usec, 0);
	io_pair_done(&p);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	pki_done(&pki);
}
END_TEST

/* ---- ends ---- */

static bool client_failed(struct io_pair *p)
{
	return p->client.n_fail > 0;
}

static bool server_failed(struct io_pair *p)
{
	return p->server.n_fail > 0;
}

static void open_client(struct io_pair *p, int fd, SSL *ssl)
{
	struct h2_config config = h2_config_of(H2_CLIENT);

	side_open(p, &p->client, fd, ssl, &config);
}

/* A client of ours whose peer is a bare descriptor. */
static int open_against_fd(struct io_pair *p)
{
	int client = -1, peer = -1;

	tcp_pair(&client, &peer);
	open_client(p, client, NULL);
	return peer;
}

START_TEST(a_refused_connect_is_told_with_its_reason)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int listener = -1, fd = -1, r;
	struct io_pair p;
	uint16_t port;

	ck_assert_int_eq(sock_listen_tcp("127.0.0.1", 0, 1, &listener, &port), 0);
	at.sin_port = htons(port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	close(listener);
	r = sock_connect_start((struct sockaddr *)&at, sizeof(at), &fd);
	ck_assert_int_eq(r, -EINPROGRESS);
	io_pair_init(&p);
	open_client(&p, fd, NULL);
	ck_assert_int_eq(p.client.n_fail, 0);
	io_pair_run(&p, client_failed);
	ck_assert_int_eq(p.client.error, -ECONNREFUSED);
	ck_assert_str_eq(p.client.why, "Connection refused");
	ck_assert(!p.client.up);
	io_pair_done(&p);
}
END_TEST

static bool client_up(struct io_pair *p)
{
	return p->client.up;
}

START_TEST(an_orderly_close_by_the_peer_is_told_as_such)
{
	struct io_pair p;
	int peer;

	io_pair_init(&p);
	peer = open_against_fd(&p);
	io_pair_run(&p, client_up);
	ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	io_pair_run(&p, client_failed);
	ck_assert_int_eq(p.client.error, -ECONNRESET);
	ck_assert_str_eq(p.client.why, "closed by the peer");
	close(peer);
	io_pair_done(&p);
}
END_TEST

/* What nghttp2 notices, and what h2 does. */
static void break_http2(int peer, bool flood)
{
	static const uint8_t settings[9] = { 0, 0, 0, 4 };
	static uint8_t frames[2 * H2_CONTROL_FRAMES_PER_SEC][9]; /* of no known type */

	if (!flood) {
		ck_assert_int_eq(write(peer, "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
		frames[i][3] = 0x77;
	ck_assert_int_eq(write(peer, settings, sizeof(settings)), sizeof(settings));
	ck_assert_int_eq(write(peer, frames, sizeof(frames)), sizeof(frames));
}

START_TEST(a_peer_that_breaks_http2_gets_its_goaway_before_the_end)
{
	for (int flood = 0; flood < 2; flood++) {
		uint8_t said[512];
		struct io_pair p;
		bool goaway = false;
		ssize_t n;
		int peer;

		io_pair_init(&p);
		peer = open_against_fd(&p);
		break_http2(peer, flood);
		io_pair_run(&p, client_failed);
		ck_assert_int_eq(p.client.error, -EPROTO);
		ck_assert_str_eq(p.client.why, "the peer broke HTTP/2");
		n = read(peer, said, sizeof(said));
		ck_assert_int_gt(n, 24);
		for (ssize_t at = 24; at + 9 <= n;
			at += 9 + (said[at] << 16 | said[at + 1] << 8 | said[at + 2]))
			goaway |= said[at + 3] == 7;
		ck_assert(goaway);
		close(peer);
		io_pair_done(&p);
	}
}
END_TEST

START_TEST(both_sides_done_ends_the_connection_in_order)
{
	struct io_pair p;

	io_pair_init(&p);
	open_both(&p, NULL, NULL);
	io_pair_run(&p, both_up);
	ck_assert_int_eq(h2_goaway(p.client.h2, H2_NO_ERROR), 0);
	io_pair_run(&p, client_failed);
	ck_assert_int_eq(p.client.error, -ESHUTDOWN);
	if (!p.server.n_fail)
		io_pair_run(&p, server_failed);
	ck_assert_int_eq(p.server.error, -ESHUTDOWN);
	io_pair_done(&p);
}
END_TEST

static size_t read_endless(struct h2_stream *st, uint8_t *buf, size_t n, bool *ret_end, void *arg)
{
	struct flow *f = arg;

	(void)st;
	(void)ret_end;
	memset(buf, 'e', n);
	f->sent += n;
	return n;
}

static void start_upload(struct io_pair *p)
{
	static const struct h2_stream_ops ops = { .read = read_endless, .on_close = on_flow_close };
	static const struct h2_header headers[] = { { ":method", "POST" }, { ":scheme", "http" },
		{ ":authority", "localhost" }, { ":path", "/" } };

	memset(&down, 0, sizeof(down));
	ck_assert_int_eq(h2_open(p->client.h2, headers, 4, &ops, &down, &down.stream), 0);
}

/* A server's SETTINGS with the largest stream window, and as much for the connection. */
static const uint8_t wide_open[] = { 0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff, 0, 0,
	4, 8, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0 };

static bool stuck(struct io_pair *p)
{
	return p->client.n_fail ||
	       (p->client.up && event_pending(p->client.io.ev_write, EV_WRITE, NULL));
}

/* Until the kernel takes no more. */
static void fill(struct io_pair *p)
{
	uint64_t before;

	io_pair_run(p, stuck);
	do {
		before = p->client.io.tx_bytes;
		for (int i = 0; i < 50; i++)
			event_base_loop(p->loop.base, EVLOOP_NONBLOCK);
	} while (p->client.io.tx_bytes != before);
}

START_TEST(a_peer_that_stops_reading_costs_a_bounded_buffer)
{
	const size_t frame = 64 * 1024 + 9;
	struct io_pair p;
	size_t pending;
	int peer;

	io_pair_init(&p);
	peer = open_against_fd(&p);
	start_upload(&p);
	ck_assert_int_eq(write(peer, wide_open, sizeof(wide_open)), sizeof(wide_open));
	fill(&p);
	ck_assert_msg(p.client.n_fail == 0, "%s", p.client.why);
	for (int i = 0; i < 100; i++)
		conn_io_flush(&p.client.io);
	pending = p.client.io.out.n;
	ck_assert_uint_gt(pending, 0);
	ck_assert_uint_lt(pending, CONN_IO_PENDING_MAX + frame);
	ck_assert(!conn_io_drained(&p.client.io));
	close(peer);
	io_pair_done(&p);
}
END_TEST

START_TEST(last_words_to_a_peer_that_does_not_read_are_given_up)
{
	const int never = 0;
	struct io_pair p;
	int peer;

	io_pair_init(&p);
	peer = open_against_fd(&p);
	setsockopt(p.client.io.transport.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &never, sizeof(never));
	start_upload(&p);
	ck_assert_int_eq(write(peer, wide_open, sizeof(wide_open)), sizeof(wide_open));
	fill(&p);
	/* more frames than are free, and than those that our own bytes have earned the peer */
	for (int i = 0; i < 8; i++)
		break_http2(peer, true);
	io_pair_run(&p, client_failed);
	ck_assert_int_eq(p.client.error, -EPROTO);
	close(peer);
	io_pair_done(&p);
}
END_TEST

/* ---- peers that die ---- */

static int lowest_free_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void kill_fd(int fd)
{
	const struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* a reset, not an end */
	close(fd);
}

/* Both sides' TLS, and how many descriptors there were before. */
struct tls_pair {
	struct pki pki;
	SSL_CTX *client, *server;
	int before;
};

static void tls_pair_init(struct tls_pair *tls)
{
	tls->before = lowest_free_fd();
	pki_make(&tls->pki, "DNS:localhost", 30);
	tls->client = client_context(tls->pki.ca);
	tls->server = server_context(&tls->pki);
}

static void tls_pair_done(struct tls_pair *tls)
{
	SSL_CTX_free(tls->client);
	SSL_CTX_free(tls->server);
	pki_done(&tls->pki);
	ck_assert_int_eq(lowest_free_fd(), tls->before);
}

START_TEST(sec_c11_a_thousand_peers_killed_in_mid_write_cost_nothing)
{
	struct tls_pair tls;

	tls_pair_init(&tls);
	for (int i = 0; i < 1000; i++) {
		bool encrypted = i % 4 == 0;
		struct io_pair p;
		int server_fd;

		io_pair_init(&p);
		if (encrypted)
			open_tls(&p, tls.client, "localhost", tls.server);
		else
			open_both(&p, NULL, NULL);
		io_pair_run(&p, both_up);
		start_upload(&p);
		server_fd = p.server.io.transport.fd;
		if (i % 2) {
			conn_io_flush(&p.client.io);
			event_base_loop(p.loop.base, EVLOOP_NONBLOCK);
		}
		server_fd = dup(server_fd);
		side_done(&p.server);
		kill_fd(server_fd);
		conn_io_flush(&p.client.io);
		io_pair_run(&p, client_failed);
		ck_assert_int_eq(p.client.n_fail, 1);
		ck_assert_int_lt(p.client.error, 0);
		io_pair_done(&p);
	}
	tls_pair_done(&tls);
}
END_TEST

START_TEST(what_a_peer_said_before_our_write_failed_is_read)
{
	struct io_pair p;
	int peer;

	io_pair_init(&p);
	peer = open_against_fd(&p);
	io_pair_run(&p, client_up);
	ck_assert_int_eq(write(peer, wide_open, sizeof(wide_open)), sizeof(wide_open));
	kill_fd(peer);
	start_upload(&p);
	conn_io_flush(&p.client.io);
	ck_assert(p.client.io.deaf);
	ck_assert_uint_eq(p.client.io.rx_bytes, 0);
	ck_assert_int_eq(p.client.n_fail, 0); /* never from a call of the owner */
	io_pair_run(&p, client_failed);
	ck_assert_uint_eq(p.client.io.rx_bytes, sizeof(wide_open));
	ck_assert_int_eq(p.client.error, -ECONNRESET);
	io_pair_done(&p);
}
END_TEST

static bool one_turn(struct io_pair *p)
{
	(void)p;
	return true;
}

START_TEST(one_connection_moves_a_bounded_part_in_a_turn)
{
	struct io_pair p;
	uint64_t before;
	int peer, large = 4 << 20;

	io_pair_init(&p);
	peer = open_against_fd(&p);
	setsockopt(p.client.io.transport.fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof(large));
	setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &large, sizeof(large));
	start_upload(&p);
	ck_assert_int_eq(write(peer, wide_open, sizeof(wide_open)), sizeof(wide_open));
	io_pair_run(&p, stuck);
	before = p.client.io.tx_bytes;
	p.until = one_turn;
	ck_assert_int_eq(loop_run(&p.loop), 0);
	ck_assert_uint_le(
		p.client.io.tx_bytes, before + CONN_IO_TURN_MAX + 2 * CONN_IO_PENDING_MAX);
	close(peer);
	io_pair_done(&p);
}
END_TEST

START_TEST(a_connection_may_be_given_up_at_any_moment)
{
	struct tls_pair tls;

	tls_pair_init(&tls);
	for (int turns = 0; turns < 12; turns++) {
		struct io_pair p;

		io_pair_init(&p);
		open_tls(&p, tls.client, "localhost", tls.server);
		for (int i = 0; i < turns; i++)
			event_base_loop(p.loop.base, EVLOOP_NONBLOCK);
		io_pair_done(&p);
	}
	tls_pair_done(&tls);
}
END_TEST

static void free_in_fail(void *arg, int error, const char *why)
{
	struct side *s = arg;

	side_fail(arg, error, why);
	side_done(s);
}

START_TEST(the_owner_may_free_in_on_fail)
{
	static const struct conn_io_ops ops = { .on_up = side_up, .on_fail = free_in_fail };

	for (int how = 0; how < 3; how++) {
		struct io_pair p;
		int peer;

		io_pair_init(&p);
		peer = open_against_fd(&p);
		p.client.io.ops = &ops;
		io_pair_run(&p, client_up);
		if (how == 0)
			kill_fd(peer);
		else if (how == 1)
			ck_assert_int_eq(write(peer, "garbage garbage", 15), 15);
		else
			h2_goaway(p.client.h2, H2_NO_ERROR);
		io_pair_run(&p, client_failed);
		if (how)
			close(peer);
		io_pair_done(&p);
	}
}
END_TEST

START_TEST(tls_and_plain_do_not_understand_each_other_and_say_so)
{
	struct io_pair p;
	struct pki pki;
	SSL_CTX *ctx;
	SSL *ssl;

	pki_make(&pki, "DNS:localhost", 30);
	ctx = client_context(pki.ca);
	ck_assert_int_eq(tls_client_ssl(ctx, "localhost", &ssl), 0);
	io_pair_init(&p);
	open_both(&p, ssl, NULL);
	io_pair_run(&p, client_failed);
	ck_assert_int_eq(p.client.error, -EPROTO);
	ck_assert_str_eq(p.client.why, "the peer does not speak TLS");
	io_pair_done(&p);
	SSL_CTX_free(ctx);

	ctx = server_context(&pki);
	io_pair_init(&p);
	open_both(&p, NULL, SSL_new(ctx));
	io_pair_run(&p, server_failed);
	ck_assert_int_eq(p.server.error, -EPROTO);
	side_done(&p.server);
	io_pair_run(&p, client_failed);
	io_pair_done(&p);
	SSL_CTX_free(ctx);
	pki_done(&pki);
}
END_TEST

TEST_MAIN("conn_io", a_plain_connection_carries_a_long_body, a_tls_connection_carries_a_long_body,
	a_refused_connect_is_told_with_its_reason, an_orderly_close_by_the_peer_is_told_as_such,
	a_peer_that_breaks_http2_gets_its_goaway_before_the_end,
	both_sides_done_ends_the_connection_in_order,
	a_peer_that_stops_reading_costs_a_bounded_buffer,
	last_words_to_a_peer_that_does_not_read_are_given_up,
	sec_c11_a_thousand_peers_killed_in_mid_write_cost_nothing,
	what_a_peer_said_before_our_write_failed_is_read,
	one_connection_moves_a_bounded_part_in_a_turn, a_connection_may_be_given_up_at_any_moment,
	the_owner_may_free_in_on_fail, tls_and_plain_do_not_understand_each_other_and_say_so)
