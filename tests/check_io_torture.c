#include <event2/event.h>

#include "tests/io_pair.h"
#include "tests/suite.h"
#include "tests/torture.h"

/* A request and its answer over a plain connection, with libevent's allocations failing as well as ours. */

struct ask {
	int n_close;
	size_t got;
};

static size_t send_some(struct h2_stream *st, uint8_t *buf, size_t n, bool *ret_end, void *arg)
{
	(void)st;
	(void)arg;
	memset(buf, 'x', n);
	*ret_end = true;
	return n;
}

static void take(struct h2_stream *st, const uint8_t *data, size_t n, void *arg)
{
	struct ask *a = arg;

	(void)data;
	a->got += n;
	h2_consume(st, n);
}

static void closed(struct h2_stream *st, uint32_t error, void *arg)
{
	struct ask *a = arg;

	(void)st;
	(void)error;
	if (a)
		a->n_close++;
}

static const struct h2_stream_ops asks = { .on_data = take, .on_close = closed };
static const struct h2_stream_ops answers = { .read = send_some, .on_close = closed };

static void on_request(struct h2 *h2, struct h2_stream *st, void *arg)
{
	static const struct h2_header headers[] = { { ":status", "200" } };

	(void)h2;
	(void)arg;
	h2_stream_bind(st, &answers, NULL);
	h2_respond(st, headers, 1, false);
}

static const struct h2_ops client_ops = { .on_dirty = side_dirty };
static const struct h2_ops server_ops = { .on_dirty = side_dirty, .on_request = on_request };

/* As side_open(), but it may fail. */
static int try_open(struct io_pair *p, struct side *s, int fd, enum h2_role role)
{
	const struct h2_config h2 = { .role = role,
		.stream_window = 65535,
		.max_streams = 10,
		.ops = role == H2_CLIENT ? &client_ops : &server_ops,
		.arg = s };
	struct conn_io_config config = { .loop = &p->loop,
		.fd = fd,
		.accepting = role == H2_SERVER,
		.connecting = role == H2_CLIENT,
		.ops = &side_io_ops,
		.arg = s };
	int r = h2_new(&s->h2, &h2);

	if (r) {
		close(fd);
		return r;
	}
	config.h2 = s->h2;
	r = conn_io_init(&s->io, &config);
	s->open = r == 0;
	return r;
}

static int try_ask(struct io_pair *p, struct ask *a)
{
	static const struct h2_header headers[] = { { ":method", "GET" }, { ":scheme", "http" },
		{ ":authority", "localhost" }, { ":path", "/" } };
	struct h2_stream *st;

	return h2_open(p->client.h2, headers, 4, &asks, a, &st);
}

static bool over(const struct io_pair *p, const struct ask *a)
{
	return a->n_close || p->client.n_fail || p->server.n_fail || p->late;
}

static void turn(struct io_pair *p)
{
	event_base_loop(p->loop.base, EVLOOP_NONBLOCK);
	side_flush(&p->client);
	side_flush(&p->server);
}

/* Everything but the sockets themselves; 0: nothing failed outright. */
static int run(struct io_pair *p, struct ask *a, int client_fd, int server_fd)
{
	int r = try_open(p, &p->client, client_fd, H2_CLIENT);

	if (r) {
		close(server_fd);
		return r;
	}
	r = try_open(p, &p->server, server_fd, H2_SERVER);
	if (!r)
		r = try_ask(p, a);
	/* what failed silently at one end is for the other to see, or for the owner's deadline */
	for (int i = 0; !r && i < 200 && !over(p, a); i++)
		turn(p);
	return r;
}

static int lowest_free_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static size_t once(size_t n, bool ever, struct ask *a)
{
	int client_fd = -1, server_fd = -1, before = lowest_free_fd();
	struct io_pair p;
	size_t n_asked;

	memset(a, 0, sizeof(*a));
	io_pair_init(&p);
	tcp_pair(&client_fd, &server_fd);
	torture_arm(n, ever);
	run(&p, a, client_fd, server_fd);
	n_asked = torture_disarm();
	ck_assert_int_le(p.client.n_fail, 1);
	ck_assert_int_le(p.server.n_fail, 1);
	io_pair_done(&p);
	ck_assert_int_eq(lowest_free_fd(), before);
	return n_asked;
}

static void *mem_malloc(size_t n)
{
	return malloc(n);
}

static void *mem_realloc(void *p, size_t n)
{
	return realloc(p, n);
}

START_TEST(fault_f19_each_allocation_of_a_connection_may_fail_once_and_for_ever)
{
	struct ask a;
	size_t n_all;

	event_set_mem_functions(mem_malloc, mem_realloc, free);
	n_all = once(0, false, &a);
	ck_assert_int_eq(a.n_close, 1);
	ck_assert_uint_gt(a.got, 0);
	ck_assert_uint_gt(n_all, 40);
	for (int ever = 0; ever < 2; ever++)
		for (size_t n = 1; n <= n_all; n++)
			once(n, ever, &a);
}
END_TEST

TEST_MAIN("io_torture", fault_f19_each_allocation_of_a_connection_may_fail_once_and_for_ever)
