/* A certificate authority of one's own: P-256 keys, one CA, one server certificate. */
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/io/tls.h"

#define CA_NAME "cwsandbox-local CA"
#define SERVER_NAME "cwsandbox-local"
#define BACKDATE_SEC (-3600L) /* a clock that runs behind still takes the certificate */
#define URI_MAX 256

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

static bool set_serial(X509 *cert)
{
	unsigned char bytes[16];
	BIGNUM *number;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] &= 0x7f; /* positive */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	return ok;
}

static bool set_subject(X509 *cert, const char *name)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
		       (const unsigned char *)name, -1, -1, 0) == 1;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = extension && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static X509 *certificate_new(const char *name, EVP_PKEY *key, int days)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
		set_subject(cert, name) && X509_set_pubkey(cert, key) &&
		X509_gmtime_adj(X509_getm_notBefore(cert), BACKDATE_SEC) &&
		X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, NULL))
		return cert;
	X509_free(cert);
	return NULL;
}

static X509 *make_ca(EVP_PKEY *key, int days)
{
	X509 *cert = certificate_new(CA_NAME, key, days);

	if (cert && X509_set_issuer_name(cert, X509_get_subject_name(cert)) &&
		add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
		add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
		X509_sign(cert, key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

static X509 *make_server(EVP_PKEY *key, const char *names, int days, X509 *ca, EVP_PKEY *ca_key)
{
	X509 *cert = certificate_new(SERVER_NAME, key, days);

	if (cert && X509_set_issuer_name(cert, X509_get_subject_name(ca)) &&
		add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
		add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") &&
		add_extension(cert, ca, NID_ext_key_usage, "serverAuth") &&
		add_extension(cert, ca, NID_subject_alt_name, names) &&
		add_extension(cert, ca, NID_authority_key_identifier, "keyid") &&
		X509_sign(cert, ca_key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

static X509 *client_new(const struct tls_issue_client *what)
{
	X509 *cert = X509_new();
	time_t now = what->now;

	if (cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
		X509_set_pubkey(cert, what->key) &&
		X509_set_issuer_name(cert, X509_get_subject_name(what->ca)) &&
		X509_time_adj_ex(X509_getm_notBefore(cert), 0, BACKDATE_SEC, &now) &&
		X509_time_adj_ex(X509_getm_notAfter(cert), 0, what->seconds, &now))
		return cert;
	X509_free(cert);
	return NULL;
}

int tls_issue_client(const struct tls_issue_client *what, X509 **ret)
{
	char san[URI_MAX + sizeof("critical,URI:")];
	X509 *cert;

	/* the list of names is itself a language: a comma would begin another one */
	if (strlen(what->uri) > URI_MAX || strpbrk(what->uri, ",\n"))
		return -EINVAL;
	snprintf(san, sizeof(san), "critical,URI:%s", what->uri);
	cert = client_new(what);
	if (cert && add_extension(cert, what->ca, NID_basic_constraints, "critical,CA:FALSE") &&
		add_extension(cert, what->ca, NID_key_usage, "critical,digitalSignature") &&
		add_extension(cert, what->ca, NID_ext_key_usage, "clientAuth") &&
		add_extension(cert, what->ca, NID_subject_alt_name, san) &&
		add_extension(cert, what->ca, NID_authority_key_identifier, "keyid") &&
		X509_sign(cert, what->ca_key, EVP_sha256())) {
		*ret = cert;
		return 0;
	}
	X509_free(cert);
	ERR_clear_error();
	return -ENOMEM;
}

/* ---- files: written beside their place, then renamed ---- */

struct output {
	const char *file;
	X509 *cert;    /* what to write: */
	EVP_PKEY *key; /* one of them */
	char temporary[PATH_MAX];
	bool written;
};

static int write_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t l = write(fd, data, n);

		if (l < 0)
			return -errno;
		data += l;
		n -= (size_t)l;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int output_write(struct output *o)
{
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_secmem());
	_cleanup_(closep) int fd = -1;
	char *data;
	long n;

	if (!bio)
		return -ENOMEM;
	if ((o->cert ? PEM_write_bio_X509(bio, o->cert)
		     : PEM_write_bio_PrivateKey(bio, o->key, NULL, NULL, 0, NULL, NULL)) != 1)
		return -ENOMEM;
	n = BIO_get_mem_data(bio, &data);
	if ((size_t)snprintf(o->temporary, sizeof(o->temporary), "%s.new", o->file) >=
		sizeof(o->temporary))
		return -ENAMETOOLONG;
	if (unlink(o->temporary) < 0 && errno != ENOENT) /* of a start that was cut short */
		return -errno;
	fd = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	o->written = true;
	return write_all(fd, data, (size_t)n);
}

static int outputs_publish(struct output *list, size_t n, char why[TLS_WHY_MAX])
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		r = output_write(&list[i]);
		if (r)
			snprintf(why, TLS_WHY_MAX, "%.150s: %s", list[i].file, strerror(-r));
	}
	for (size_t i = 0; !r && i < n; i++) {
		if (rename(list[i].temporary, list[i].file) == 0) {
			list[i].written = false;
			continue;
		}
		r = -errno;
		snprintf(why, TLS_WHY_MAX, "%.150s: %s", list[i].file, strerror(-r));
	}
	for (size_t i = 0; i < n; i++)
		if (list[i].written)
			unlink(list[i].temporary);
	return r;
}

int tls_issue(const struct tls_issue *what, char why[TLS_WHY_MAX])
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *ca_key = EVP_EC_gen("P-256");
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_(X509_freep) X509 *ca = NULL;
	_cleanup_(X509_freep) X509 *cert = NULL;
	struct output list[4] = {
		{ .file = what->ca_key_file, .key = ca_key },
		{ .file = what->key_file, .key = key },
	};
	const char *cause;

	if (ca_key && key)
		ca = make_ca(ca_key, what->days);
	if (ca)
		cert = make_server(key, what->names, what->days, ca, ca_key);
	if (!cert) {
		cause = ERR_reason_error_string(ERR_peek_last_error());
		snprintf(why, TLS_WHY_MAX, "no certificate for %.100s: %s", what->names,
			cause ? cause : "out of memory");
		ERR_clear_error();
		return -EINVAL;
	}
	/* the certificate last: whoever finds it finds its key too */
	list[2] = (struct output){ .file = what->ca_file, .cert = ca };
	list[3] = (struct output){ .file = what->cert_file, .cert = cert };
	return outputs_publish(list, ARRAY_SIZE(list), why);
}
