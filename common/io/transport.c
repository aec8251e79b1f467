#include "common/io/transport.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int transport_init(struct transport *t, int fd, SSL *ssl, bool accepting)
{
	memset(t, 0, sizeof(*t));
	t->fd = fd;
	t->ssl = ssl;
	if (!ssl)
		return 0;
	if (!SSL_set_fd(ssl, fd)) {
		ERR_clear_error();
		return -ENOMEM;
	}
	if (accepting)
		SSL_set_accept_state(ssl);
	return 0;
}

void transport_done(struct transport *t)
{
	SSL_free(t->ssl);
	t->ssl = NULL;
	close_fd(&t->fd);
	ERR_clear_error();
}

/* What a TLS call that got no byte through means. */
static ssize_t tls_verdict(struct transport *t, int rv, bool reading)
{
	int saved = errno, kind = SSL_get_error(t->ssl, rv);

	t->tls_error = ERR_peek_error();
	ERR_clear_error();
	switch (kind) {
	case SSL_ERROR_WANT_READ:
		t->write_waits_to_read = !reading;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		t->read_waits_to_write = reading;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return saved ? -saved : 0;
	default:
		return -EPROTO;
	}
}

static void tls_begin(struct transport *t, bool reading)
{
	ERR_clear_error();
	errno = 0;
	if (reading)
		t->read_waits_to_write = false;
	else
		t->write_waits_to_read = false;
}

int transport_handshake(struct transport *t)
{
	ssize_t r;
	int rv;

	if (!t->ssl)
		return 0;
	tls_begin(t, true);
	rv = SSL_do_handshake(t->ssl);
	if (rv == 1)
		return 0;
	r = tls_verdict(t, rv, true);
	return r ? (int)r : -ECONNRESET;
}

ssize_t transport_read(struct transport *t, void *buf, size_t n)
{
	ssize_t got;
	int rv;

	if (!t->ssl) {
		do {
			got = recv(t->fd, buf, n, 0);
		} while (got < 0 && errno == EINTR);
		return got < 0 ? -errno : got;
	}
	tls_begin(t, true);
	rv = SSL_read(t->ssl, buf, n < INT_MAX ? (int)n : INT_MAX);
	return rv > 0 ? rv : tls_verdict(t, rv, true);
}

ssize_t transport_write(struct transport *t, const void *data, size_t n)
{
	ssize_t taken;
	int rv;

	if (!t->ssl) {
		do {
			taken = send(t->fd, data, n, MSG_NOSIGNAL);
		} while (taken < 0 && errno == EINTR);
		return taken < 0 ? -errno : taken;
	}
	tls_begin(t, false);
	rv = SSL_write(t->ssl, data, n < INT_MAX ? (int)n : INT_MAX);
	if (rv > 0)
		return rv;
	taken = tls_verdict(t, rv, false);
	return taken ? taken : -EPIPE;
}

bool transport_holds(const struct transport *t)
{
	return t->ssl && SSL_has_pending(t->ssl);
}

void transport_close_notify(struct transport *t)
{
	if (t->ssl)
		SSL_shutdown(t->ssl);
	ERR_clear_error();
}

void transport_explain(const struct transport *t, char why[TLS_WHY_MAX])
{
	tls_explain(t->ssl, t->tls_error, why);
}
