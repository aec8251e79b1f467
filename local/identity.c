#include "local/identity.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/io/tls.h"
#include "common/paths.h"

#define TOKEN_BYTES 32 /* 256 bits, written as hexadecimal digits */
#define TOKEN_FILE_MAX 8192
#define CERT_DAYS 3650
#define CERT_LEFT_SEC (30 * 24 * 3600)
#define NAMES_MAX 512

_Static_assert(
	IDENTITY_WHY_MAX >= PATHS_WHY_MAX && IDENTITY_WHY_MAX >= TLS_WHY_MAX, "one buffer for all");

/* ---- token ---- */

static int make_token(int state_fd, char **ret)
{
	uint8_t r[TOKEN_BYTES];
	char *hex = calloc(1, 2 * TOKEN_BYTES + 1);
	int error;

	if (!hex)
		return -ENOMEM;
	error = RAND_bytes(r, sizeof(r)) == 1 ? 0 : -EIO;
	for (size_t i = 0; !error && i < sizeof(r); i++)
		snprintf(hex + 2 * i, 3, "%02x", r[i]);
	if (!error)
		error = paths_write_file(state_fd, "token", hex, 2 * TOKEN_BYTES);
	OPENSSL_cleanse(r, sizeof(r));
	if (error)
		free(hex);
	else
		*ret = hex;
	return error;
}

static int read_token(int state_fd, char **ret)
{
	_cleanup_(freep) char *text = NULL;
	size_t n;
	int r = paths_read_file(state_fd, "token", TOKEN_FILE_MAX, &text, &n);

	if (r)
		return r;
	text[strcspn(text, "\r\n")] = 0;
	if (strlen(text) < 2 * TOKEN_BYTES)
		return -EBADMSG;
	*ret = TAKE(text);
	return 0;
}

int identity_token(int state_fd, const char *token_file, char **ret, char why[IDENTITY_WHY_MAX])
{
	int r;

	if (token_file)
		return paths_read_key(token_file, ret, why);
	r = read_token(state_fd, ret);
	if (r == -ENOENT)
		r = make_token(state_fd, ret);
	if (r == -EBADMSG)
		snprintf(why, IDENTITY_WHY_MAX,
			"the state folder's file \"token\" holds no token of 256 bits; remove it "
			"to get a new one");
	else if (r)
		snprintf(why, IDENTITY_WHY_MAX, "the state folder's file \"token\": %s",
			strerror(-r));
	return r;
}

/* ---- certificate ---- */

struct files {
	char ca[PATH_MAX], ca_key[PATH_MAX], cert[PATH_MAX], key[PATH_MAX];
};

static int name_files(struct files *f, const char *dir)
{
	const struct {
		char *out;
		const char *name;
	} all[] = { { f->ca, "ca.pem" }, { f->ca_key, "ca-key.pem" }, { f->cert, "cert.pem" },
		{ f->key, "key.pem" } };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (snprintf(all[i].out, PATH_MAX, "%s/%s", dir, all[i].name) >= PATH_MAX)
			return -ENAMETOOLONG;
	return 0;
}

static bool is_address(const char *host)
{
	uint8_t out[16];

	return inet_pton(AF_INET, host, out) == 1 || inet_pton(AF_INET6, host, out) == 1;
}

bool identity_is_any(const char *host)
{
	return !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
}

static bool cert_names(X509 *cert, const char *host)
{
	if (identity_is_any(host))
		return true;
	return is_address(host) ? X509_check_ip_asc(cert, host, 0) == 1
				: X509_check_host(cert, host, 0, 0, NULL) == 1;
}

/* That the files are there, fit, and have time left. */
static bool cert_usable(const struct files *f, const char *host)
{
	time_t later = time(NULL) + CERT_LEFT_SEC;
	FILE *file = fopen(f->cert, "re");
	X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	bool ok = cert && cert_names(cert, host) &&
		  X509_cmp_time(X509_get0_notAfter(cert), &later) > 0 && !access(f->ca, R_OK) &&
		  !access(f->key, R_OK) && !access(f->ca_key, R_OK);

	X509_free(cert);
	if (file)
		fclose(file);
	return ok;
}

int identity_tls(const char *state_dir, const char *host, SSL_CTX **ret, char why[IDENTITY_WHY_MAX])
{
	static struct files f;
	char names[NAMES_MAX] = "DNS:localhost,IP:127.0.0.1,IP:::1";
	const struct tls_issue issue = { .ca_file = f.ca,
		.ca_key_file = f.ca_key,
		.cert_file = f.cert,
		.key_file = f.key,
		.names = names,
		.days = CERT_DAYS };
	char own[HOST_NAME_MAX + 1] = "";
	size_t n = strlen(names);
	int r = name_files(&f, state_dir);

	if (r) {
		snprintf(why, IDENTITY_WHY_MAX, "the state folder's path is too long");
		return r;
	}
	if (identity_is_any(host) && !gethostname(own, sizeof(own) - 1) && *own)
		snprintf(names + n, sizeof(names) - n, ",DNS:%s", own);
	else if (!identity_is_any(host) && strcmp(host, "localhost") && !identity_is_loopback(host))
		snprintf(names + n, sizeof(names) - n, ",%s:%s", is_address(host) ? "IP" : "DNS",
			host);
	else if (strncmp(host, "127.", 4) == 0 && strcmp(host, "127.0.0.1"))
		snprintf(names + n, sizeof(names) - n, ",IP:%s", host);
	if (!cert_usable(&f, host)) {
		r = tls_issue(&issue, why);
		if (r)
			return r;
	}
	return tls_server_new(ret, f.cert, f.key, why);
}

int identity_direct_tls(
	const char *state_dir, const char *host, SSL_CTX **ret, char why[IDENTITY_WHY_MAX])
{
	char ca[PATH_MAX];
	SSL_CTX *ctx;
	int r = identity_tls(state_dir, host, &ctx, why);

	if (r)
		return r;
	snprintf(ca, sizeof(ca), "%s/ca.pem", state_dir); /* it fits: identity_tls() named it */
	r = tls_server_require(ctx, ca, why);
	if (r)
		SSL_CTX_free(ctx);
	else
		*ret = ctx;
	return r;
}

bool identity_is_loopback(const char *host)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, host, &four) == 1)
		return (ntohl(four.s_addr) >> 24) == 127;
	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six);
	return !strcmp(host, "localhost");
}
