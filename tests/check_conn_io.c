#include <event2/buffer.h>
#include <openssl/err.h>
#include <sys/stat.h>

#include "tests/io_pair.h"
#include "tests/suite.h"

/* ---- certificates of our own
 * ---------------------------------------------------------------------- */

static char dir[64];

struct pki {
	char ca[96], ca_key[96], cert[96], key[96];
};

static void pki_make(struct pki *p, const char *name, const char *names, int days)
{
	char why[TLS_WHY_MAX];
	const struct tls_issue what = { p->ca, p->ca_key, p->cert, p->key, names, days };

	snprintf(p->ca, sizeof(p->ca), "%s/%s-ca.pem", dir, name);
	snprintf(p->ca_key, sizeof(p->ca_key), "%s/%s-ca.key", dir, name);
	snprintf(p->cert, sizeof(p->cert), "%s/%s.pem", dir, name);
	snprintf(p->key, sizeof(p->key), "%s/%s.key", dir, name);
	ck_assert_msg(tls_issue(&what, why) == 0, "%s", why);
}

static void pki_done(const struct pki *p)
{
	unlink(p->ca);
	unlink(p->ca_key);
	unlink(p->cert);
	unlink(p->key);
}

static void enter_dir(void)
{
	snprintf(dir, sizeof(dir), "/tmp/check-conn-io-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	unsetenv("SSL_CERT_FILE");
}

static SSL_CTX *client_context(const char *ca)
{
	char why[TLS_WHY_MAX];
	SSL_CTX *ctx = NULL;

	ck_assert_msg(tls_client_new(&ctx, ca, why) == 0, "%s", why);
	return ctx;
}

static SSL_CTX *server_context(const char *cert, const char *key)
{
	char why[TLS_WHY_MAX];
	SSL_CTX *ctx = NULL;

	ck_assert_msg(tls_server_new(&ctx, cert, key, why) == 0, "%s", why);
	return ctx;
}

/* ---- one request and a body that streams down
 * ----------------------------------------------------- */

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
	SSL_CTX_free(client);
	SSL_CTX_free(server);
}

START_TEST(a_tls_connection_carries_a_long_body)
{
	struct io_pair p;
	struct pki pki;

	enter_dir();
	pki_make(&pki, "good", "DNS:localhost,IP:127.0.0.1", 30);
	io_pair_init(&p);
	open_tls(&p, client_context(pki.ca), "localhost", server_context(pki.cert, pki.key));
	check_fetch(&p, 20000000);
	io_pair_done(&p);
	pki_done(&pki);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

TEST_MAIN("conn_io", a_plain_connection_carries_a_long_body, a_tls_connection_carries_a_long_body)
