/*
 * transport - bytes over a connected, non-blocking socket, by TLS or plain: one try each
 *
 * Results: bytes > 0, or 0 for an orderly end; -EAGAIN: wait for what transport_waits() says, then
 *          the same call again; -EPROTO: TLS broke (transport_explain() has the words); -errno.
 * A write that was not taken is tried again with the same bytes, and may have more behind them.
 */
#ifndef COMMON_IO_TRANSPORT_H
#define COMMON_IO_TRANSPORT_H

#include <openssl/ssl.h>
#include <sys/types.h>

#include "common/io/tls.h"

struct transport {
	int fd;
	SSL *ssl;                                      /* NULL: plain */
	bool read_waits_to_write, write_waits_to_read; /* TLS has something of its own to say */
	unsigned long tls_error;                       /* of the call that answered -EPROTO */
};

/* Takes both over; transport_done() closes the one and frees the other. -ENOMEM. */
int transport_init(struct transport *t, int fd, SSL *ssl, bool accepting);
void transport_done(struct transport *t);
int transport_handshake(struct transport *t); /* 0: done, or there is none */
ssize_t transport_read(struct transport *t, void *buf, size_t n);
ssize_t transport_write(struct transport *t, const void *data, size_t n);
/* Bytes have come that a read would give, or complete, and that the socket no longer shows. */
bool transport_holds(const struct transport *t);
void transport_close_notify(struct transport *t); /* if the socket takes it */
void transport_explain(const struct transport *t, char why[TLS_WHY_MAX]);

#endif
