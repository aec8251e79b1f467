#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "tests/io_pair.h"
#include "tests/pki.h"
#include "tests/suite.h"

/* ---- certificates of every kind ---- */

enum issuer { BY_CA, BY_ITSELF, BY_STRANGER, BY_IMPOSTOR };

/* One server as a client may meet it, and what becomes of it. */
struct row {
	const char *what;
	const char *host;      /* the name the client asks for */
	const char *names;     /* subjectAltName; NULL: none */
	const char *usage;     /* extendedKeyUsage; NULL: serverAuth */
	long from_sec, to_sec; /* validity, relative to now; 0, 0: a day around it */
	enum issuer issuer;
	int version; /* the server's newest; 0: any */
	bool no_alpn, no_client_alpn;
	const char *why; /* part of what the client is told; NULL: it connects */
};

static const struct row rows[] = {
	{ "right name", "localhost", "DNS:localhost", .why = NULL },
	{ "one of many names", "b.test", "DNS:a.test,DNS:b.test,IP:127.0.0.1", .why = NULL },
	{ "wildcard", "x.wild.test", "DNS:*.wild.test", .why = NULL },
	{ "IPv4 literal", "127.0.0.1", "IP:127.0.0.1", .why = NULL },
	{ "IPv6 literal", "::1", "IP:::1", .why = NULL },
	{ "TLS 1.2", "localhost", "DNS:localhost", .version = TLS1_2_VERSION, .why = NULL },
	{ "wrong name", "localhost", "DNS:elsewhere.test", .why = "hostname mismatch" },
	{ "wildcard is one label", "a.b.wild.test", "DNS:*.wild.test", .why = "hostname mismatch" },
	{ "part of a label", "foo1.wild.test", "DNS:foo*.wild.test", .why = "hostname mismatch" },
	{ "name in the subject only", "localhost", NULL, .why = "hostname mismatch" },
	{ "IP as a DNS name", "127.0.0.1", "DNS:127.0.0.1", .why = "IP address mismatch" },
	{ "another IP", "127.0.0.1", "IP:127.0.0.2", .why = "IP address mismatch" },
	{ "expired", "localhost", "DNS:localhost", .from_sec = -7200, .to_sec = -3600,
		.why = "certificate has expired" },
	{ "not yet valid", "localhost", "DNS:localhost", .from_sec = 3600, .to_sec = 7200,
		.why = "certificate is not yet valid" },
	{ "self-signed", "localhost", "DNS:localhost", .issuer = BY_ITSELF,
		.why = "self-signed certificate" },
	{ "unknown CA", "localhost", "DNS:localhost", .issuer = BY_STRANGER,
		.why = "unable to get local issuer certificate (CWSANDBOX_CA_FILE names" },
	{ "CA of the same name", "localhost", "DNS:localhost", .issuer = BY_IMPOSTOR,
		.why = "certificate signature failure" },
	{ "for clients only", "localhost", "DNS:localhost", "clientAuth", .why = "purpose" },
	{ "TLS 1.1", "localhost", "DNS:localhost", .version = TLS1_1_VERSION, .why = "version" },
	{ "server without ALPN", "localhost", "DNS:localhost", .no_alpn = true, .why = "ALPN" },
	{ "client without ALPN", "localhost", "DNS:localhost", .no_client_alpn = true,
		.why = "ALPN" },
};

struct identity {
	X509 *cert;
	EVP_PKEY *key;
};

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ck_assert_msg(extension != NULL, "%s", value);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

static struct identity identity_new(
	const char *name, const struct row *row, const struct identity *ca)
{
	struct identity id = { X509_new(), EVP_EC_gen("P-256") };
	X509_NAME *subject = X509_get_subject_name(id.cert);
	bool any = !row || (!row->from_sec && !row->to_sec);

	X509_set_version(id.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), 7);
	X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_pubkey(id.cert, id.key);
	X509_gmtime_adj(X509_getm_notBefore(id.cert), any ? -86400 : row->from_sec);
	X509_gmtime_adj(X509_getm_notAfter(id.cert), any ? 86400 : row->to_sec);
	X509_set_issuer_name(id.cert, X509_get_subject_name(ca ? ca->cert : id.cert));
	if (row) {
		if (row->names)
			extend(id.cert, id.cert, NID_subject_alt_name, row->names);
		extend(id.cert, id.cert, NID_ext_key_usage, row->usage ? row->usage : "serverAuth");
	} else {
		extend(id.cert, id.cert, NID_basic_constraints, "critical,CA:TRUE");
	}
	ck_assert_int_gt(X509_sign(id.cert, ca ? ca->key : id.key, EVP_sha256()), 0);
	return id;
}

static void identity_done(struct identity *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
}

static int pick_h2(SSL *ssl, const unsigned char **out, unsigned char *out_n,
	const unsigned char *in, unsigned int in_n, void *arg)
{
	(void)ssl;
	(void)arg;
	return SSL_select_next_proto((unsigned char **)out, out_n, (const unsigned char *)"\2h2", 3,
		       in, in_n) == OPENSSL_NPN_NEGOTIATED
		       ? SSL_TLSEXT_ERR_OK
		       : SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *row_server(const struct row *row, const struct identity *id)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_use_certificate(ctx, id->cert);
	SSL_CTX_use_PrivateKey(ctx, id->key);
	SSL_CTX_set_security_level(ctx, 0); /* an old server would offer old versions */
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	if (row->version)
		SSL_CTX_set_max_proto_version(ctx, row->version);
	if (!row->no_alpn)
		SSL_CTX_set_alpn_select_cb(ctx, pick_h2, NULL);
	return ctx;
}

static const struct h2_ops quiet = { .on_dirty = side_dirty };

static bool settled(struct io_pair *p)
{
	return p->client.up || p->client.n_fail || p->server.n_fail;
}

static bool client_settled(struct io_pair *p)
{
	return p->client.up || p->client.n_fail;
}

/* The row's client; `ctx` trusts the CA. */
static SSL *row_client(const struct row *row, SSL_CTX *ctx)
{
	SSL *ssl;

	ck_assert_int_eq(tls_client_ssl(ctx, row->host, &ssl), 0);
	if (row->no_client_alpn)
		SSL_set_alpn_protos(ssl, (const unsigned char *)"\x8http/1.1", 9);
	return ssl;
}

static void check_row(const struct row *row, SSL_CTX *client_ctx, const struct identity *id)
{
	struct h2_config client = { .role = H2_CLIENT, .stream_window = 65535, .ops = &quiet };
	struct h2_config server = { .role = H2_SERVER, .stream_window = 65535, .ops = &quiet };
	SSL_CTX *server_ctx = row_server(row, id);
	int client_fd = -1, server_fd = -1;
	struct io_pair p;

	io_pair_init(&p);
	tcp_pair(&client_fd, &server_fd);
	side_open(&p, &p.client, client_fd, row_client(row, client_ctx), &client);
	side_open(&p, &p.server, server_fd, SSL_new(server_ctx), &server);
	io_pair_run(&p, settled);
	if (!client_settled(&p)) {
		side_done(&p.server);
		io_pair_run(&p, client_settled);
	}
	if (!row->why) {
		ck_assert_msg(p.client.up, "%s: %s", row->what, p.client.why);
	} else {
		ck_assert_msg(!p.client.up && p.client.n_fail == 1, "%s", row->what);
		ck_assert_msg(
			strstr(p.client.why, row->why) != NULL, "%s: %s", row->what, p.client.why);
		ck_assert_int_eq(p.client.error, -EPROTO);
		ck_assert_uint_eq(p.client.io.tx_bytes, 0); /* not a byte of a request */
	}
	io_pair_done(&p);
	SSL_CTX_free(server_ctx);
}

static void write_pem(const char *file, X509 *cert)
{
	FILE *f = fopen(file, "we");

	ck_assert_ptr_nonnull(f);
	PEM_write_X509(f, cert);
	fclose(f);
}

START_TEST(sec_c32_a_client_connects_only_to_a_server_that_proves_its_name)
{
	struct identity ca = identity_new("Test CA", NULL, NULL);
	struct identity stranger = identity_new("Another CA", NULL, NULL);
	struct identity impostor = identity_new("Test CA", NULL, NULL);
	struct pki pki;
	SSL_CTX *ctx;

	pki_init(&pki);
	write_pem(pki.ca, ca.cert);
	ctx = client_context(pki.ca);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct identity *issuers[] = { &ca, NULL, &stranger, &impostor };
		struct identity id = identity_new("localhost", &rows[i], issuers[rows[i].issuer]);

		check_row(&rows[i], ctx, &id);
		identity_done(&id);
	}
	SSL_CTX_free(ctx);
	identity_done(&ca);
	identity_done(&stranger);
	identity_done(&impostor);
	pki_done(&pki);
}
END_TEST

START_TEST(our_server_refuses_a_client_that_does_not_offer_h2)
{
	static const struct row http1 = { .host = "localhost", .no_client_alpn = true };
	struct h2_config server = { .role = H2_SERVER, .stream_window = 65535, .ops = &quiet };
	struct h2_config client = { .role = H2_CLIENT, .stream_window = 65535, .ops = &quiet };

	for (int offers = 0; offers < 2; offers++) {
		int client_fd = -1, server_fd = -1;
		SSL_CTX *client_ctx, *server_ctx;
		struct io_pair p;
		struct pki pki;
		SSL *ssl;

		pki_make(&pki, "DNS:localhost", 1);
		server_ctx = server_context(&pki);
		client_ctx = client_context(pki.ca);
		ssl = row_client(&http1, client_ctx);
		if (!offers)
			SSL_set_alpn_protos(ssl, NULL, 0); /* no such extension at all */
		io_pair_init(&p);
		tcp_pair(&client_fd, &server_fd);
		side_open(&p, &p.client, client_fd, ssl, &client);
		side_open(&p, &p.server, server_fd, SSL_new(server_ctx), &server);
		io_pair_run(&p, settled);
		ck_assert(!p.client.up && !p.server.up);
		io_pair_done(&p);
		SSL_CTX_free(client_ctx);
		SSL_CTX_free(server_ctx);
		pki_done(&pki);
	}
}
END_TEST

START_TEST(a_client_needs_a_name_to_verify)
{
	SSL_CTX *ctx = client_context(NULL);
	SSL *ssl = NULL;

	ck_assert_int_eq(tls_client_ssl(ctx, "", &ssl), -EINVAL);
	ck_assert_int_eq(tls_client_ssl(ctx, NULL, &ssl), -EINVAL);
	ck_assert_ptr_null(ssl);
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(names_are_told_to_the_server_addresses_are_not)
{
	SSL_CTX *ctx = client_context(NULL);
	SSL *ssl;

	ck_assert_int_eq(tls_client_ssl(ctx, "localhost", &ssl), 0);
	ck_assert_str_eq(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name), "localhost");
	SSL_free(ssl);
	ck_assert_int_eq(tls_client_ssl(ctx, "::1", &ssl), 0);
	ck_assert_ptr_null(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}
END_TEST

/* ---- files ---- */

static void check_mode(const char *file)
{
	struct stat st;

	ck_assert_int_eq(lstat(file, &st), 0);
	ck_assert_int_eq(st.st_mode, S_IFREG | 0600);
}

static void check_issuer(const struct pki *pki)
{
	SSL_CTX *server = server_context(pki); /* checks that certificate and key fit */
	SSL_CTX *client = client_context(pki->ca);
	X509_STORE_CTX *verify = X509_STORE_CTX_new();

	X509_STORE_CTX_init(
		verify, SSL_CTX_get_cert_store(client), SSL_CTX_get0_certificate(server), NULL);
	ck_assert_int_eq(X509_verify_cert(verify), 1);
	X509_STORE_CTX_free(verify);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
}

START_TEST(what_is_issued_verifies_and_is_ours_alone)
{
	mode_t saved = umask(0);
	struct pki pki;

	pki_make(&pki, "DNS:localhost,IP:127.0.0.1,IP:::1", 30);
	umask(saved);
	check_mode(pki.ca);
	check_mode(pki.ca_key);
	check_mode(pki.cert);
	check_mode(pki.key);
	check_issuer(&pki);
	pki_done(&pki);
}
END_TEST

START_TEST(sec_c07_a_link_at_any_of_the_names_is_replaced_and_not_followed)
{
	const char *const names[] = { "ca.pem", "ca.key", "server.pem", "server.key", "ca.pem.new",
		"ca.key.new", "server.pem.new", "server.key.new" };
	struct pki pki;
	char target[96], link[96], why[TLS_WHY_MAX];
	struct stat st;
	FILE *f;

	pki_init(&pki);
	pki_name(&pki, target, "target");
	f = fopen(target, "we");
	ck_assert_int_eq(fputs("untouched", f) >= 0, 1);
	fclose(f);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		pki_name(&pki, link, names[i]);
		ck_assert_int_eq(symlink("target", link), 0);
	}
	ck_assert_int_eq(tls_issue(&(struct tls_issue){ pki.ca, pki.ca_key, pki.cert, pki.key,
					   "DNS:localhost", 1 },
				 why),
		0);
	check_mode(pki.ca);
	check_mode(pki.ca_key);
	check_mode(pki.cert);
	check_mode(pki.key);
	check_issuer(&pki);
	ck_assert_int_eq(stat(target, &st), 0);
	ck_assert_int_eq(st.st_size, 9);
	unlink(target);
	pki_done(&pki);
}
END_TEST

START_TEST(a_failed_issue_leaves_nothing_and_names_the_file)
{
	struct pki pki;
	struct tls_issue what;
	char why[TLS_WHY_MAX];

	pki_init(&pki);
	what = (struct tls_issue){ pki.ca, pki.ca_key, "/nonexistent/server.pem", pki.key,
		"DNS:localhost", 1 };
	ck_assert_int_eq(tls_issue(&what, why), -ENOENT);
	ck_assert_str_eq(why, "/nonexistent/server.pem: No such file or directory");
	what.cert_file = pki.cert;
	what.names = "DNS:localhost,nonsense";
	ck_assert_int_eq(tls_issue(&what, why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "nonsense"));
	pki_done(&pki);
}
END_TEST

START_TEST(files_that_are_no_certificates_are_named)
{
	char why[TLS_WHY_MAX], empty[96];
	SSL_CTX *ctx = NULL;
	struct pki pki;
	FILE *f;

	pki_make(&pki, "DNS:localhost", 1);
	pki_name(&pki, empty, "empty");
	f = fopen(empty, "we");
	fclose(f);
	ck_assert_int_eq(tls_client_new(&ctx, "/nonexistent/ca.pem", why), -ENOENT);
	ck_assert_str_eq(why, "CA file /nonexistent/ca.pem: No such file or directory");
	ck_assert_int_lt(tls_client_new(&ctx, empty, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "empty: "));
	ck_assert_int_lt(tls_client_new(&ctx, pki.key, why), 0); /* a key is no root */
	ck_assert_int_eq(tls_server_new(&ctx, "/nonexistent/c.pem", pki.key, why), -ENOENT);
	ck_assert_int_lt(tls_server_new(&ctx, pki.cert, empty, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "key "));
	ck_assert_int_lt(tls_server_new(&ctx, pki.cert, pki.ca_key, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "mismatch"));
	ck_assert_ptr_null(ctx);
	ck_assert_uint_eq(ERR_peek_error(), 0);
	unlink(empty);
	pki_done(&pki);
}
END_TEST

START_TEST(ssl_cert_file_adds_roots_and_must_exist)
{
	char why[TLS_WHY_MAX];
	SSL_CTX *ctx = NULL, *server;
	X509_STORE_CTX *verify;
	struct pki pki;

	pki_make(&pki, "DNS:localhost", 1);
	server = server_context(&pki);
	setenv("SSL_CERT_FILE", pki.ca, 1);
	ck_assert_int_eq(tls_client_new(&ctx, NULL, why), 0);
	verify = X509_STORE_CTX_new();
	X509_STORE_CTX_init(
		verify, SSL_CTX_get_cert_store(ctx), SSL_CTX_get0_certificate(server), NULL);
	ck_assert_int_eq(X509_verify_cert(verify), 1);
	X509_STORE_CTX_free(verify);
	SSL_CTX_free(ctx);
	SSL_CTX_free(server);
	ctx = NULL;
	setenv("SSL_CERT_FILE", "/nonexistent/roots.pem", 1);
	ck_assert_int_eq(tls_client_new(&ctx, NULL, why), -ENOENT);
	ck_assert_str_eq(why, "SSL_CERT_FILE /nonexistent/roots.pem: No such file or directory");
	ck_assert_ptr_null(ctx);
	unsetenv("SSL_CERT_FILE");
	pki_done(&pki);
}
END_TEST

START_TEST(a_key_with_a_passphrase_is_an_error_and_asks_nobody)
{
	char why[TLS_WHY_MAX];
	SSL_CTX *ctx = NULL;
	EVP_PKEY *key;
	struct pki pki;
	FILE *f;

	pki_make(&pki, "DNS:localhost", 1);
	f = fopen(pki.key, "r+e");
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	rewind(f);
	PEM_write_PKCS8PrivateKey(f, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL);
	fclose(f);
	ck_assert_int_lt(tls_server_new(&ctx, pki.cert, pki.key, why), 0);
	ck_assert_ptr_nonnull(strstr(why, pki.key));
	EVP_PKEY_free(key);
	pki_done(&pki);
}
END_TEST

TEST_MAIN("tls", sec_c32_a_client_connects_only_to_a_server_that_proves_its_name,
	our_server_refuses_a_client_that_does_not_offer_h2, a_client_needs_a_name_to_verify,
	names_are_told_to_the_server_addresses_are_not, what_is_issued_verifies_and_is_ours_alone,
	sec_c07_a_link_at_any_of_the_names_is_replaced_and_not_followed,
	a_failed_issue_leaves_nothing_and_names_the_file, files_that_are_no_certificates_are_named,
	ssl_cert_file_adds_roots_and_must_exist,
	a_key_with_a_passphrase_is_an_error_and_asks_nobody)
