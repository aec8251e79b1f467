/*
 * grant - what a client certificate of the direct plane allows: one sandbox, some methods, a while
 *
 * Pure: bytes, keys and times come in.
 *
 * A grant is written into a certificate as its only name, "cwsandbox-local:sandbox/ID/MASK", and
 * read back from it: the service keeps no list of what it gave out. The certificate is made for the
 * key of a PKCS#10 request and takes nothing else from it.
 *
 * Bounds:  GRANT_CSR_MAX, GRANT_REQUESTED_MAX; certificates live for GRANT_SEC.
 * Errors:  GRANT_E_REFUSED with a sentence for the caller; -errno.
 */
#ifndef LOCAL_GRANT_H
#define LOCAL_GRANT_H

#include <openssl/x509.h>

#include "common/util.h"
#include "coreweave/sandbox/v1/sandbox.pb-c.h"

#define GRANT_SEC 600
#define GRANT_ID_MAX 64                  /* characters of a sandbox's id */
#define GRANT_CSR_MAX ((size_t)4 * 1024) /* bytes */
#define GRANT_REQUESTED_MAX 16           /* permissions in one request, repeated ones counted */

#define GRANT_E_REFUSED 1

typedef Coreweave__Sandbox__V1__SandboxDataPermission permission_t;
#define PERMISSION(name)                                                                           \
	COREWEAVE__SANDBOX__V1__SANDBOX_DATA_PERMISSION__SANDBOX_DATA_PERMISSION_##name

struct grant {
	char sandbox_id[GRANT_ID_MAX + 1];
	uint32_t permissions; /* bit n: permission n of the protocol */
	uint64_t expires_wall_usec;
};

/* Who signs. */
struct grant_issuer {
	X509 *ca;
	EVP_PKEY *key;
};

void grant_issuer_done(struct grant_issuer *by);

/* The mask of a list of permissions. Refused: none, too many, or one there is not. */
int grant_permissions(const permission_t *requested, size_t n, uint32_t *ret, const char **ret_why);
/* Checks a PKCS#10 request in DER: an EC P-256 key, no subject, nothing asked for, and a signature
 * by that key. The key is the caller's. */
int grant_csr_key(const uint8_t *der, size_t n, EVP_PKEY **ret, const char **ret_why);
/* Fills in when it ends. */
int grant_issue(const struct grant_issuer *by, struct grant *g, EVP_PKEY *key,
	uint64_t now_wall_usec, X509 **ret);
/* From a certificate whose chain was verified. -EBADMSG: it is none of grant_issue(). */
int grant_read(X509 *cert, struct grant *ret);
bool grant_expired(const struct grant *g, uint64_t now_wall_usec);
bool grant_permits(const struct grant *g, permission_t p);

#endif
