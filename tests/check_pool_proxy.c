/* The way to the service through an HTTP proxy. */
#include "daemon/tunnel.h"
#include "tests/pool_world.h"

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

TEST_MAIN("pool_proxy", a_proxy_is_asked_for_the_service_and_tls_goes_through_it,
	a_proxy_that_refuses_is_quoted, sec_c33_early_bytes_from_a_proxy_drop_the_connection,
	a_proxys_answer_is_read_to_its_end_and_no_further_than_8_kib)
