/*
 * tls - OpenSSL contexts of both roles: TLS 1.2 or 1.3, ALPN "h2" or nothing
 *
 * Client: chain and name verified (IP literals as addresses; an empty name is refused); roots are
 *         the system's, SSL_CERT_FILE when set, plus `ca_file`. No renegotiation, no early data, no
 *         tickets kept over a configuration change (a new context).
 * Server: certificate chain and key in PEM files; a client that does not offer "h2" is refused.
 * Errors: -errno, with a sentence in `why` that names the file and the cause.
 */
#ifndef COMMON_IO_TLS_H
#define COMMON_IO_TLS_H

#include <openssl/ssl.h>
#include <time.h>

#include "common/util.h"

#define TLS_WHY_MAX 256

int tls_client_new(SSL_CTX **ret, const char *ca_file, char why[TLS_WHY_MAX]);
int tls_server_new(
	SSL_CTX **ret, const char *cert_file, const char *key_file, char why[TLS_WHY_MAX]);
/* The server refuses every client that has no certificate of this CA for clients, in the handshake. */
int tls_server_require(SSL_CTX *ctx, const char *ca_file, char why[TLS_WHY_MAX]);
/* One client connection to `host` (name or IP literal): SNI and verification set. */
int tls_client_ssl(SSL_CTX *ctx, const char *host, SSL **ret);
bool tls_alpn_is_h2(const SSL *ssl);
/* Why the handshake failed, in words: "certificate has expired", "self-signed certificate in
 * chain", ... `error` is OpenSSL's; 0: the newest of its queue. */
void tls_explain(const SSL *ssl, unsigned long error, char why[TLS_WHY_MAX]);

/* For the local service: a CA and a server certificate it signs, made once, PEM, files 0600. Each
 * file is renamed into place, the server certificate last. */
struct tls_issue {
	const char *ca_file, *ca_key_file, *cert_file, *key_file;
	const char *names; /* "DNS:localhost,IP:127.0.0.1,IP:::1" */
	int days;
};
int tls_issue(const struct tls_issue *what, char why[TLS_WHY_MAX]);

/* A certificate for clients alone, on a key that is theirs; it names nothing but `uri`. */
struct tls_issue_client {
	X509 *ca;
	EVP_PKEY *ca_key;
	EVP_PKEY *key;
	const char *uri;
	time_t now;
	long seconds; /* it ends so long after `now` */
};
int tls_issue_client(const struct tls_issue_client *what, X509 **ret); /* -EINVAL, -ENOMEM */

#endif
