/*
 * direct - the direct data plane as the rest of the service sees it: who signs, where it listens
 *
 * The plane has a port and a TLS context of its own. Whoever has no certificate of our CA for
 * clients gets no further than the handshake; what a certificate allows says grant.h.
 *
 * Errors:  -errno, with a sentence in why[IDENTITY_WHY_MAX].
 */
#ifndef LOCAL_DIRECT_H
#define LOCAL_DIRECT_H

#include "local/grant.h"
#include "local/identity.h"

#define DIRECT_ID_BYTES 17 /* 16 hexadecimal digits: another one for each start */

struct direct {
	struct grant_issuer issuer;
	char *ca_pem; /* what a client trusts */
	size_t n_ca_pem;
	char id[DIRECT_ID_BYTES];
	const char *host; /* as it was told to listen */
	uint16_t port;
};

/* The identity's files must be there. */
int direct_init(struct direct *d, int state_fd, const char *host, char why[IDENTITY_WHY_MAX]);
void direct_done(struct direct *d);
/* https://HOST:PORT as a client can reach it, who called us by `authority` (or NULL). */
void direct_endpoint(const struct direct *d, const char *authority, char *out, size_t cap);

#endif
