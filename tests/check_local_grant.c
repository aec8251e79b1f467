#include "tests/suite.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "local/grant.h"
#include "tests/pki.h"

#define NOW (UINT64_C(1800000000) * USEC_PER_SEC)
#define ID "0b9f8a52-58f6-4a21-8f0f-6a9d5a1c7e11"

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)
DEFINE_CLEANUP(X509 *, X509_free)

/* ---- a request as the official client makes it, and what to do to it ---- */

struct recipe {
	const char *common_name; /* NULL: an empty subject */
	const char *san;         /* NULL: no extension asked for */
	const char *curve;       /* NULL: RSA of 2048 bits */
	bool explicit_curve;     /* parameters instead of the name */
	bool other_signs;
	const EVP_MD *md;
	long version;
};

static EVP_PKEY *make_key(const struct recipe *how)
{
	EVP_PKEY *key;

	if (!how->curve)
		return EVP_RSA_gen(2048);
	key = EVP_EC_gen(how->curve);
	if (how->explicit_curve)
		ck_assert_int_eq(EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit"), 1);
	return key;
}

static void ask_for_name(X509_REQ *req, const char *san)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();

	sk_X509_EXTENSION_push(list, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san));
	ck_assert_int_eq(X509_REQ_add_extensions(req, list), 1);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

/* Bytes of DER in `out`. */
static size_t make_csr(const struct recipe *how, uint8_t *out)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = make_key(how);
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *other = EVP_EC_gen("P-256");
	_cleanup_(X509_REQ_freep) X509_REQ *req = X509_REQ_new();
	int n;

	ck_assert(key && other && req);
	X509_REQ_set_version(req, how->version);
	ck_assert_int_eq(X509_REQ_set_pubkey(req, key), 1);
	if (how->common_name)
		X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", MBSTRING_ASC,
			(const unsigned char *)how->common_name, -1, -1, 0);
	if (how->san)
		ask_for_name(req, how->san);
	ck_assert_int_gt(X509_REQ_sign(req, how->other_signs ? other : key, how->md), 0);
	n = i2d_X509_REQ(req, &out);
	ck_assert_int_gt(n, 0);
	return (size_t)n;
}

static struct recipe good(void)
{
	return (struct recipe){ .curve = "P-256", .md = EVP_sha256() };
}

static const char *refusal(const uint8_t *der, size_t n)
{
	EVP_PKEY *key = NULL;
	const char *why;

	if (!grant_csr_key(der, n, &key, &why)) {
		EVP_PKEY_free(key);
		return "";
	}
	ck_assert_ptr_null(key);
	return why;
}

#define ck_refused(how, word)                                                                      \
	do {                                                                                       \
		uint8_t der[8192];                                                                 \
		const char *why = refusal(der, make_csr(how, der));                                \
                                                                                                   \
		ck_assert_msg(strstr(why, word) != NULL, "'%s' does not name '%s'", why, word);    \
	} while (0)

START_TEST(the_request_of_the_official_client_gives_its_key)
{
	struct recipe how = good();
	uint8_t der[8192];

	ck_assert_str_eq(refusal(der, make_csr(&how, der)), "");
}
END_TEST

START_TEST(a_key_of_another_kind_or_curve_is_refused)
{
	struct recipe how = good();

	how.curve = "P-384";
	ck_refused(&how, "P-256");
	how.curve = "secp256k1";
	ck_refused(&how, "P-256");
	how.curve = NULL;
	ck_refused(&how, "P-256");
}
END_TEST

START_TEST(a_curve_described_by_the_caller_is_refused)
{
	struct recipe how = good();

	how.explicit_curve = true;
	ck_refused(&how, "P-256");
}
END_TEST

START_TEST(a_request_that_names_itself_or_asks_for_more_is_refused)
{
	struct recipe how = good();

	how.common_name = "another-sandbox";
	ck_refused(&how, "empty subject");
	how = good();
	how.san = "URI:cwsandbox-local:sandbox/" ID "/3e";
	ck_refused(&how, "extensions");
	how = good();
	how.version = 1;
	ck_refused(&how, "version");
}
END_TEST

START_TEST(a_signature_of_another_key_or_kind_is_refused)
{
	struct recipe how = good();

	how.other_signs = true;
	ck_refused(&how, "signed");
	how = good();
	how.md = EVP_sha1();
	ck_refused(&how, "ecdsa-with-SHA256");
}
END_TEST

START_TEST(any_byte_changed_or_missing_or_added_is_refused)
{
	struct recipe how = good();
	uint8_t der[8192];
	size_t n = make_csr(&how, der);

	for (size_t i = 0; i < n; i++) {
		der[i] ^= 0x11;
		ck_assert_str_ne(refusal(der, n), "");
		der[i] ^= 0x11;
	}
	for (size_t i = 0; i < n; i++)
		ck_assert_str_ne(refusal(der, i), "");
	der[n] = 0;
	ck_assert_str_ne(refusal(der, n + 1), "");
	ck_assert_str_eq(refusal(der, n), "");
}
END_TEST

START_TEST(a_request_of_more_than_its_bound_is_not_even_parsed)
{
	uint8_t der[GRANT_CSR_MAX + 1] = { 0 };

	ck_assert_ptr_null(strstr(refusal(der, GRANT_CSR_MAX), "bytes"));
	ck_assert_ptr_nonnull(strstr(refusal(der, GRANT_CSR_MAX + 1), "4096 bytes"));
	ck_assert_ptr_nonnull(strstr(refusal(der, 0), "4096 bytes"));
}
END_TEST

/* ---- permissions ---- */

START_TEST(permissions_are_the_five_that_there_are_and_at_least_one)
{
	permission_t list[GRANT_REQUESTED_MAX + 1];
	const char *why;
	uint32_t mask;

	for (int p = 1; p <= 5; p++) {
		list[0] = (permission_t)p;
		ck_assert_int_eq(grant_permissions(list, 1, &mask, &why), 0);
		ck_assert_uint_eq(mask, 1u << p);
	}
	for (int p = -1; p <= 40; p++) {
		list[0] = (permission_t)p;
		if (p < 1 || p > 5)
			ck_assert_int_eq(grant_permissions(list, 1, &mask, &why), GRANT_E_REFUSED);
	}
	ck_assert_int_eq(grant_permissions(list, 0, &mask, &why), GRANT_E_REFUSED);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		list[i] = PERMISSION(EXEC);
	ck_assert_int_eq(grant_permissions(list, GRANT_REQUESTED_MAX, &mask, &why), 0);
	ck_assert_int_eq(
		grant_permissions(list, GRANT_REQUESTED_MAX + 1, &mask, &why), GRANT_E_REFUSED);
}
END_TEST

START_TEST(a_grant_permits_what_it_names_and_nothing_else)
{
	const struct grant g = { .permissions = 1u << PERMISSION(READ_FILE) };

	for (int p = -1; p <= 40; p++)
		ck_assert_int_eq(
			grant_permits(&g, (permission_t)p), p == (int)PERMISSION(READ_FILE));
}
END_TEST

/* ---- certificates ---- */

struct world {
	struct pki pki;
	struct grant_issuer by;
	EVP_PKEY *key;
};

static void *load(const char *path, bool is_key)
{
	FILE *f = fopen(path, "re");
	void *p;

	ck_assert_ptr_nonnull(f);
	p = is_key ? (void *)PEM_read_PrivateKey(f, NULL, NULL, NULL)
		   : (void *)PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	ck_assert_ptr_nonnull(p);
	return p;
}

static void world_init(struct world *w)
{
	pki_make(&w->pki, "DNS:localhost", 30);
	w->by.ca = load(w->pki.ca, false);
	w->by.key = load(w->pki.ca_key, true);
	w->key = EVP_EC_gen("P-256");
}

static void world_done(struct world *w)
{
	grant_issuer_done(&w->by);
	EVP_PKEY_free(w->key);
	pki_done(&w->pki);
}

/* What OpenSSL says of the certificate as a peer's, for `purpose`, at a time. */
static int verdict(const struct world *w, X509 *cert, int purpose, uint64_t wall_usec)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int r;

	X509_STORE_add_cert(store, w->by.ca);
	X509_STORE_CTX_init(ctx, store, cert, NULL);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	X509_STORE_CTX_set_time(ctx, 0, (time_t)(wall_usec / USEC_PER_SEC));
	r = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return r;
}

START_TEST(a_grant_is_read_back_from_its_certificate)
{
	struct grant g = { .sandbox_id = ID, .permissions = 1u << 2 | 1u << 5 }, back;
	_cleanup_(X509_freep) X509 *cert = NULL;
	struct world w;

	world_init(&w);
	ck_assert_int_eq(grant_issue(&w.by, &g, w.key, NOW, &cert), 0);
	ck_assert_int_eq(grant_read(cert, &back), 0);
	ck_assert_str_eq(back.sandbox_id, ID);
	ck_assert_uint_eq(back.permissions, g.permissions);
	ck_assert_uint_eq(back.expires_wall_usec, NOW + GRANT_SEC * USEC_PER_SEC);
	ck_assert_uint_eq(g.expires_wall_usec, back.expires_wall_usec);
	ck_assert(!grant_expired(&back, back.expires_wall_usec - 1));
	ck_assert(grant_expired(&back, back.expires_wall_usec));
	world_done(&w);
}
END_TEST

START_TEST(a_certificate_is_good_for_clients_alone_and_until_its_end)
{
	const uint64_t today = (uint64_t)time(NULL) * USEC_PER_SEC; /* as the CA's own dates are */
	struct grant g = { .sandbox_id = ID, .permissions = 2 };
	_cleanup_(X509_freep) X509 *cert = NULL;
	struct world w;

	world_init(&w);
	ck_assert_int_eq(grant_issue(&w.by, &g, w.key, today, &cert), 0);
	ck_assert_int_eq(verdict(&w, cert, X509_PURPOSE_SSL_CLIENT, today), X509_V_OK);
	ck_assert_int_eq(
		verdict(&w, cert, X509_PURPOSE_SSL_SERVER, today), X509_V_ERR_INVALID_PURPOSE);
	ck_assert_int_eq(
		verdict(&w, cert, X509_PURPOSE_SSL_CLIENT, g.expires_wall_usec + USEC_PER_SEC),
		X509_V_ERR_CERT_HAS_EXPIRED);
	world_done(&w);
}
END_TEST

START_TEST(a_certificate_with_any_other_name_holds_no_grant)
{
	static const char *const uris[] = { "cwsandbox-local:sandbox/",
		"cwsandbox-local:sandbox//2", "cwsandbox-local:sandbox/" ID,
		"cwsandbox-local:sandbox/" ID "/", "cwsandbox-local:sandbox/" ID "/2x",
		"cwsandbox-local:sandbox/" ID "/2/3", "cwsandbox-local:sandbox/" ID ID "/2",
		"https://example.org/" ID "/2" };
	struct world w;

	world_init(&w);
	for (size_t i = 0; i < ARRAY_SIZE(uris); i++) {
		const struct tls_issue_client what = { .ca = w.by.ca,
			.ca_key = w.by.key,
			.key = w.key,
			.uri = uris[i],
			.now = (time_t)(NOW / USEC_PER_SEC),
			.seconds = 60 };
		_cleanup_(X509_freep) X509 *cert = NULL;
		struct grant g;

		ck_assert_int_eq(tls_issue_client(&what, &cert), 0);
		ck_assert_msg(grant_read(cert, &g) == -EBADMSG, "%s", uris[i]);
	}
	/* the service's own certificate, and the CA's */
	for (int i = 0; i < 2; i++) {
		_cleanup_(X509_freep) X509 *cert = load(i ? w.pki.ca : w.pki.cert, false);
		struct grant g;

		ck_assert_int_eq(grant_read(cert, &g), -EBADMSG);
	}
	world_done(&w);
}
END_TEST

START_TEST(an_id_that_would_add_a_name_makes_no_certificate)
{
	struct grant g = { .sandbox_id = "a,URI:cwsandbox-local:sandbox/b", .permissions = 2 };
	X509 *cert = NULL;
	struct world w;

	world_init(&w);
	ck_assert_int_eq(grant_issue(&w.by, &g, w.key, NOW, &cert), -EINVAL);
	ck_assert_ptr_null(cert);
	world_done(&w);
}
END_TEST

TEST_MAIN("local/grant", the_request_of_the_official_client_gives_its_key,
	a_key_of_another_kind_or_curve_is_refused, a_curve_described_by_the_caller_is_refused,
	a_request_that_names_itself_or_asks_for_more_is_refused,
	a_signature_of_another_key_or_kind_is_refused,
	any_byte_changed_or_missing_or_added_is_refused,
	a_request_of_more_than_its_bound_is_not_even_parsed,
	permissions_are_the_five_that_there_are_and_at_least_one,
	a_grant_permits_what_it_names_and_nothing_else, a_grant_is_read_back_from_its_certificate,
	a_certificate_is_good_for_clients_alone_and_until_its_end,
	a_certificate_with_any_other_name_holds_no_grant,
	an_id_that_would_add_a_name_makes_no_certificate)
