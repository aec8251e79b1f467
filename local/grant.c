#include "local/grant.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "common/io/tls.h"

#define URI_PREFIX "cwsandbox-local:sandbox/"
#define PERMISSION_FIRST PERMISSION(EXEC)
#define PERMISSION_LAST PERMISSION(READ_FILE)

DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)

void grant_issuer_done(struct grant_issuer *by)
{
	X509_free(by->ca);
	EVP_PKEY_free(by->key);
	memset(by, 0, sizeof(*by));
}

static uint32_t bit_of(permission_t p)
{
	return UINT32_C(1) << (unsigned)p;
}

int grant_permissions(const permission_t *requested, size_t n, uint32_t *ret, const char **ret_why)
{
	uint32_t mask = 0;

	*ret_why = "must name 1 to 16 permissions";
	if (!n || n > GRANT_REQUESTED_MAX)
		return GRANT_E_REFUSED;
	*ret_why = "names a permission that there is not";
	for (size_t i = 0; i < n; i++) {
		if (requested[i] < PERMISSION_FIRST || requested[i] > PERMISSION_LAST)
			return GRANT_E_REFUSED;
		mask |= bit_of(requested[i]);
	}
	*ret = mask;
	return 0;
}

/* ---- the request ---- */

/* The curve by its name: parameters of the sender's own are not looked at. */
static bool key_is_p256(X509_REQ *req)
{
	X509_PUBKEY *key = X509_REQ_get_X509_PUBKEY(req);
	const void *parameter;
	X509_ALGOR *algorithm;
	ASN1_OBJECT *type;
	int kind;

	if (!key || X509_PUBKEY_get0_param(&type, NULL, NULL, &algorithm, key) != 1)
		return false;
	X509_ALGOR_get0(NULL, &kind, &parameter, algorithm);
	return OBJ_obj2nid(type) == NID_X9_62_id_ecPublicKey && kind == V_ASN1_OBJECT &&
	       OBJ_obj2nid(parameter) == NID_X9_62_prime256v1;
}

/* What is wrong with it; NULL: nothing. The signature, which costs most, comes last. */
static const char *find_fault(X509_REQ *req)
{
	if (X509_REQ_get_version(req) != X509_REQ_VERSION_1)
		return "is not of PKCS#10 version 1";
	if (X509_NAME_entry_count(X509_REQ_get_subject_name(req)))
		return "must have an empty subject: the service names what it certifies";
	if (X509_REQ_get_attr_count(req))
		return "must not ask for extensions or other attributes";
	if (!key_is_p256(req))
		return "must be for an EC key on the curve P-256";
	if (X509_REQ_get_signature_nid(req) != NID_ecdsa_with_SHA256)
		return "must be signed with ecdsa-with-SHA256";
	if (X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1)
		return "is not signed by the key in it";
	return NULL;
}

int grant_csr_key(const uint8_t *der, size_t n, EVP_PKEY **ret, const char **ret_why)
{
	_cleanup_(X509_REQ_freep) X509_REQ *req = NULL;
	const unsigned char *at = der;

	*ret_why = "must have 1 to 4096 bytes";
	if (!n || n > GRANT_CSR_MAX)
		return GRANT_E_REFUSED;
	req = d2i_X509_REQ(NULL, &at, (long)n);
	if (!req || at != der + n)
		*ret_why = "is not a PKCS#10 request in DER, and nothing else";
	else
		*ret_why = find_fault(req);
	ERR_clear_error();
	if (*ret_why)
		return GRANT_E_REFUSED;
	*ret = X509_REQ_get_pubkey(req);
	return *ret ? 0 : -ENOMEM;
}

/* ---- the certificate ---- */

int grant_issue(const struct grant_issuer *by, struct grant *g, EVP_PKEY *key,
	uint64_t now_wall_usec, X509 **ret)
{
	char uri[sizeof(URI_PREFIX) + GRANT_ID_MAX + 16];
	const struct tls_issue_client what = {
		.ca = by->ca,
		.ca_key = by->key,
		.key = key,
		.uri = uri,
		.now = (time_t)(now_wall_usec / USEC_PER_SEC),
		.seconds = GRANT_SEC,
	};

	snprintf(uri, sizeof(uri), URI_PREFIX "%s/%" PRIx32, g->sandbox_id, g->permissions);
	g->expires_wall_usec = ((uint64_t)what.now + GRANT_SEC) * USEC_PER_SEC;
	return tls_issue_client(&what, ret);
}

static int read_uri(const ASN1_IA5STRING *uri, struct grant *ret)
{
	const size_t n_prefix = strlen(URI_PREFIX);
	const char *text = (const char *)ASN1_STRING_get0_data(uri);
	size_t n = (size_t)ASN1_STRING_length(uri), n_id;
	const char *id, *slash;
	char *end;

	/* OpenSSL ends every string with a NUL; one within would hide the rest */
	if (n <= n_prefix || strlen(text) != n || strncmp(text, URI_PREFIX, n_prefix))
		return -EBADMSG;
	id = text + n_prefix;
	slash = strchr(id, '/');
	n_id = slash ? (size_t)(slash - id) : 0;
	if (!n_id || n_id > GRANT_ID_MAX || !slash[1] ||
		strspn(slash + 1, "0123456789abcdef") != strlen(slash + 1))
		return -EBADMSG;
	ret->permissions = (uint32_t)strtoul(slash + 1, &end, 16);
	memcpy(ret->sandbox_id, id, n_id);
	ret->sandbox_id[n_id] = 0;
	return 0;
}

static int read_name(X509 *cert, struct grant *ret)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int r = -EBADMSG;

	if (names && sk_GENERAL_NAME_num(names) == 1) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);

		if (name->type == GEN_URI)
			r = read_uri(name->d.uniformResourceIdentifier, ret);
	}
	GENERAL_NAMES_free(names);
	return r;
}

int grant_read(X509 *cert, struct grant *ret)
{
	struct tm tm;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = read_name(cert, ret);
	if (!r && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		r = -EBADMSG;
	if (!r)
		ret->expires_wall_usec = (uint64_t)timegm(&tm) * USEC_PER_SEC;
	ERR_clear_error();
	return r;
}

bool grant_expired(const struct grant *g, uint64_t now_wall_usec)
{
	return now_wall_usec >= g->expires_wall_usec;
}

bool grant_permits(const struct grant *g, permission_t p)
{
	return p >= PERMISSION_FIRST && p <= PERMISSION_LAST && (g->permissions & bit_of(p));
}
