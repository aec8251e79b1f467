#include "common/io/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define CLIENT_CHAIN_MAX (16L * 1024) /* bytes of certificates a client may show */

#define READ_AHEAD ((size_t)64 * 1024) /* bytes; held only while a record is incomplete */

static const unsigned char alpn_h2[] = { 2, 'h', '2' };

/* "WHAT FILE: cause", the cause being OpenSSL's oldest error, which is nearest to it; leaves its
 * queue empty. */
static int explain_file(char why[TLS_WHY_MAX], const char *what, const char *file)
{
	unsigned long error = ERR_peek_error();
	int r = ERR_SYSTEM_ERROR(error) ? -ERR_GET_REASON(error) : -EINVAL;
	const char *cause = ERR_SYSTEM_ERROR(error) ? strerror(-r) : ERR_reason_error_string(error);

	snprintf(why, TLS_WHY_MAX, "%s %.150s: %s", what, file, cause ? cause : "not a PEM file");
	ERR_clear_error();
	return r;
}

static int no_memory(char why[TLS_WHY_MAX])
{
	snprintf(why, TLS_WHY_MAX, "out of memory");
	ERR_clear_error();
	return -ENOMEM;
}

/* A key with a passphrase is an error, never a question on somebody's terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* HTTP/2 frames say by themselves whether a body is whole: a peer's TCP close is an end as
	 * good as its close_notify */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	/* a record's head and body, and the records behind it, in one read */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_AHEAD);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	return ctx;
}

static int load_roots(SSL_CTX *ctx, const char *what, const char *file, char why[TLS_WHY_MAX])
{
	ERR_clear_error();
	return SSL_CTX_load_verify_file(ctx, file) == 1 ? 0 : explain_file(why, what, file);
}

int tls_client_new(SSL_CTX **ret, const char *ca_file, char why[TLS_WHY_MAX])
{
	const char *env = getenv("SSL_CERT_FILE");
	SSL_CTX *ctx = context_new(TLS_client_method());
	int r = 0;

	if (!ctx)
		return no_memory(why);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	/* the system's roots may be absent; the files that somebody named may not */
	SSL_CTX_set_default_verify_paths(ctx);
	if (SSL_CTX_set_alpn_protos(ctx, alpn_h2, sizeof(alpn_h2)) != 0)
		r = no_memory(why);
	if (!r && env && env[0])
		r = load_roots(ctx, "SSL_CERT_FILE", env, why);
	if (!r && ca_file && ca_file[0])
		r = load_roots(ctx, "CA file", ca_file, why);
	ERR_clear_error();
	if (r)
		SSL_CTX_free(ctx);
	else
		*ret = ctx;
	return r;
}

static int select_h2(SSL *ssl, const unsigned char **out, unsigned char *out_n,
	const unsigned char *in, unsigned int in_n, void *arg)
{
	(void)ssl;
	(void)arg;
	for (unsigned int i = 0; i < in_n; i += in[i] + 1u) {
		if (in[i] != 2 || i + 2 >= in_n || memcmp(in + i, alpn_h2, 3) != 0)
			continue;
		*out = in + i + 1;
		*out_n = 2;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int load_identity(
	SSL_CTX *ctx, const char *cert_file, const char *key_file, char why[TLS_WHY_MAX])
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
		return explain_file(why, "certificate", cert_file);
	if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
		return explain_file(why, "key", key_file);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return explain_file(why, "key", key_file);
	return 0;
}

int tls_server_new(
	SSL_CTX **ret, const char *cert_file, const char *key_file, char why[TLS_WHY_MAX])
{
	SSL_CTX *ctx = context_new(TLS_server_method());
	int r;

	if (!ctx)
		return no_memory(why);
	SSL_CTX_set_alpn_select_cb(ctx, select_h2, NULL);
	r = load_identity(ctx, cert_file, key_file, why);
	if (r)
		SSL_CTX_free(ctx);
	else
		*ret = ctx;
	return r;
}

int tls_server_require(SSL_CTX *ctx, const char *ca_file, char why[TLS_WHY_MAX])
{
	STACK_OF(X509_NAME) * names;
	int r = load_roots(ctx, "CA file", ca_file, why);

	if (r)
		return r;
	names = SSL_load_client_CA_file(ca_file);
	if (!names)
		return explain_file(why, "CA file", ca_file);
	SSL_CTX_set_client_CA_list(ctx, names); /* theirs now */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(ctx, 0); /* the CA signs them itself */
	SSL_CTX_set_max_cert_list(ctx, CLIENT_CHAIN_MAX);
	return 0;
}

static bool is_ip(const char *host)
{
	struct in6_addr room;

	return inet_pton(AF_INET, host, &room) == 1 || inet_pton(AF_INET6, host, &room) == 1;
}

static int set_name(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (is_ip(host)) /* no SNI: it names hosts only */
		return X509_VERIFY_PARAM_set1_ip_asc(param, host);
	X509_VERIFY_PARAM_set_hostflags(
		param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
}

int tls_client_ssl(SSL_CTX *ctx, const char *host, SSL **ret)
{
	SSL *ssl;

	if (!host || !host[0])
		return -EINVAL; /* OpenSSL would take it for "any name" */
	ssl = SSL_new(ctx);
	if (!ssl)
		return -ENOMEM;
	if (set_name(ssl, host) != 1) {
		SSL_free(ssl);
		ERR_clear_error();
		return -EINVAL;
	}
	SSL_set_connect_state(ssl);
	*ret = ssl;
	return 0;
}

bool tls_alpn_is_h2(const SSL *ssl)
{
	const unsigned char *protocol;
	unsigned int n;

	SSL_get0_alpn_selected(ssl, &protocol, &n);
	return n == 2 && memcmp(protocol, "h2", 2) == 0;
}

/* Nobody vouches for it that we know: another root may. */
static bool lacks_root(long verdict)
{
	return verdict == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	       verdict == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
	       verdict == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
	       verdict == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
	       verdict == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
}

void tls_explain(const SSL *ssl, unsigned long error, char why[TLS_WHY_MAX])
{
	long verdict = SSL_get_verify_result(ssl);
	static const char root_hint[] =
		" (CWSANDBOX_CA_FILE names a file of further roots, in PEM)";
	const char *cause;

	if (!error)
		error = ERR_peek_last_error();
	cause = ERR_reason_error_string(error);
	if (verdict != X509_V_OK)
		snprintf(why, TLS_WHY_MAX, "the certificate is not trusted: %s%s",
			X509_verify_cert_error_string(verdict),
			!SSL_is_server(ssl) && lacks_root(verdict) ? root_hint : "");
	else if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
		 ERR_GET_REASON(error) == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL)
		snprintf(why, TLS_WHY_MAX, "the peer does not speak HTTP/2 (ALPN h2)");
	else if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
		 ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER)
		snprintf(why, TLS_WHY_MAX, "the peer does not speak TLS");
	else
		snprintf(why, TLS_WHY_MAX, "%s", cause ? cause : "closed by the peer");
}
