/*
 * identity - what the service proves itself and its callers by: token, CA and certificate in the
 * state folder
 *
 * All are made on first start, 0600.
 *
 * Errors:  -errno, with a sentence in why[IDENTITY_WHY_MAX].
 */
#ifndef LOCAL_IDENTITY_H
#define LOCAL_IDENTITY_H

#include <openssl/ssl.h>

#include "common/util.h"

#define IDENTITY_WHY_MAX 512

/* token_file NULL: `token` in the state folder, made if it is not there. malloc'd. */
int identity_token(int state_fd, const char *token_file, char **ret, char why[IDENTITY_WHY_MAX]);
/* The certificate is made anew when it is missing, ends within a month, or does not name `host`. */
int identity_tls(
	const char *state_dir, const char *host, SSL_CTX **ret, char why[IDENTITY_WHY_MAX]);
/* The same for the direct plane: each client must show a certificate that our CA gave to clients. */
int identity_direct_tls(
	const char *state_dir, const char *host, SSL_CTX **ret, char why[IDENTITY_WHY_MAX]);
/* Whether it means every address there is. */
bool identity_is_any(const char *host);
/* Whether a listen address can only be reached from this machine. */
bool identity_is_loopback(const char *host);

#endif
