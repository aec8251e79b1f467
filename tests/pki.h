/*
 * pki - a folder of certificates for one test, made by tls_issue()
 */
#ifndef TESTS_PKI_H
#define TESTS_PKI_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/io/tls.h"

struct pki {
	char dir[64];
	char ca[96], ca_key[96], cert[96], key[96];
};

static inline void pki_name(struct pki *p, char out[96], const char *name)
{
	snprintf(out, 96, "%s/%s", p->dir, name);
}

static inline void pki_init(struct pki *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/check-pki-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->dir));
	pki_name(p, p->ca, "ca.pem");
	pki_name(p, p->ca_key, "ca.key");
	pki_name(p, p->cert, "server.pem");
	pki_name(p, p->key, "server.key");
	unsetenv("SSL_CERT_FILE");
}

static inline void pki_make(struct pki *p, const char *names, int days)
{
	const struct tls_issue what = { p->ca, p->ca_key, p->cert, p->key, names, days };
	char why[TLS_WHY_MAX];

	pki_init(p);
	ck_assert_msg(tls_issue(&what, why) == 0, "%s", why);
}

static inline void pki_done(const struct pki *p)
{
	unlink(p->ca);
	unlink(p->ca_key);
	unlink(p->cert);
	unlink(p->key);
	ck_assert_int_eq(rmdir(p->dir), 0); /* nothing else was left */
}

static inline SSL_CTX *client_context(const char *ca)
{
	char why[TLS_WHY_MAX];
	SSL_CTX *ctx = NULL;

	ck_assert_msg(tls_client_new(&ctx, ca, why) == 0, "%s", why);
	return ctx;
}

static inline SSL_CTX *server_context(const struct pki *p)
{
	char why[TLS_WHY_MAX];
	SSL_CTX *ctx = NULL;

	ck_assert_msg(tls_server_new(&ctx, p->cert, p->key, why) == 0, "%s", why);
	return ctx;
}

#endif
