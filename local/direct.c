#include "local/direct.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "common/paths.h"

#define PEM_MAX ((size_t)64 * 1024)

DEFINE_CLEANUP(BIO *, BIO_free_all)

static int load_issuer(struct direct *d, int state_fd)
{
	_cleanup_(BIO_free_allp) BIO *ca = NULL;
	_cleanup_(BIO_free_allp) BIO *key = NULL;
	char *text = NULL;
	size_t n = 0;
	int r = paths_read_file(state_fd, "ca.pem", PEM_MAX, &d->ca_pem, &d->n_ca_pem);

	r = r ? r : paths_read_file(state_fd, "ca-key.pem", PEM_MAX, &text, &n);
	if (r)
		return r;
	ca = BIO_new_mem_buf(d->ca_pem, (int)d->n_ca_pem);
	key = BIO_new_mem_buf(text, (int)n);
	if (ca && key) {
		d->issuer.ca = PEM_read_bio_X509(ca, NULL, NULL, NULL);
		d->issuer.key = PEM_read_bio_PrivateKey(key, NULL, NULL, (void *)"");
	}
	OPENSSL_cleanse(text, n);
	free(text);
	if (d->issuer.ca && d->issuer.key &&
		X509_check_private_key(d->issuer.ca, d->issuer.key) == 1)
		return 0;
	ERR_clear_error();
	return -EINVAL;
}

int direct_init(struct direct *d, int state_fd, const char *host, char why[IDENTITY_WHY_MAX])
{
	uint8_t id[(DIRECT_ID_BYTES - 1) / 2];
	int r;

	*d = (struct direct){ .host = host };
	r = load_issuer(d, state_fd);
	if (r == -EINVAL)
		snprintf(why, IDENTITY_WHY_MAX,
			"ca.pem and ca-key.pem in the state folder do not belong together; remove "
			"both and cert.pem to get new ones");
	else if (r)
		snprintf(why, IDENTITY_WHY_MAX, "ca.pem or ca-key.pem in the state folder: %s",
			strerror(-r));
	if (!r && RAND_bytes(id, sizeof(id)) != 1) {
		snprintf(why, IDENTITY_WHY_MAX, "no random numbers");
		r = -EIO;
	}
	for (size_t i = 0; !r && i < sizeof(id); i++)
		snprintf(d->id + 2 * i, 3, "%02x", id[i]);
	return r;
}

void direct_done(struct direct *d)
{
	grant_issuer_done(&d->issuer);
	free(d->ca_pem);
	memset(d, 0, sizeof(*d));
}

/* How many bytes of "HOST" or "HOST:PORT" are the host, brackets included; 0: it is none. */
static size_t host_of(const char *authority)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t n = strspn(authority, plain);

	if (authority[0] == '[') {
		n = 1 + strspn(authority + 1, "0123456789abcdefABCDEF:.");
		n = n > 1 && authority[n] == ']' ? n + 1 : 0;
	}
	return n <= 255 && (!authority[n] || authority[n] == ':') ? n : 0;
}

void direct_endpoint(const struct direct *d, const char *authority, char *out, size_t cap)
{
	bool any = identity_is_any(d->host), six = !any && strchr(d->host, ':');
	size_t n = any && authority ? host_of(authority) : 0;

	if (n)
		snprintf(out, cap, "https://%.*s:%u", (int)n, authority, d->port);
	else
		snprintf(out, cap, "https://%s%s%s:%u", six ? "[" : "", any ? "localhost" : d->host,
			six ? "]" : "", d->port);
}
