/*
 * conn_io - the rim of one HTTP/2 connection: a socket (TLS or plain) <-> h2
 *
 * Owner:   owns the fd and the SSL; the h2 belongs to the caller, who frees it after
 *          conn_io_done().
 * Flow:    reads as TLS decrypts, h2_recv in place. conn_io_flush() pulls from h2 and writes at
 *          once, so that a short answer is on its way in the turn it was made; what the socket did
 *          not take, at most CONN_IO_PENDING_MAX and a frame, waits until it does. Both move at most
 *          CONN_IO_TURN_MAX bytes in a turn.
 * Errors:  on_fail once, from the loop and never from a call in: -errno and a sentence; the caller
 *          then frees, in on_fail or later. -EPROTO: the peer broke HTTP/2 or TLS, or its
 *          certificate is not trusted; what we say to that (GOAWAY) is sent first, for at most
 *          CONN_IO_LAST_WORDS_SEC. -ESHUTDOWN: both sides are done (h2_finished). An orderly close
 *          by the peer is -ECONNRESET "closed by the peer". A write that fails is told once what
 *          the peer had sent before was read: its reasons are among it.
 */
#ifndef COMMON_IO_CONN_IO_H
#define COMMON_IO_CONN_IO_H

#include "common/io/loop.h"
#include "common/io/tls.h"
#include "common/io/transport.h"
#include "common/wire/h2.h"

#define CONN_IO_PENDING_MAX ((size_t)64 * 1024)
#define CONN_IO_TURN_MAX ((size_t)256 * 1024)
#define CONN_IO_LAST_WORDS_SEC 2

/* What the owner keeps back. HELD: nothing new is sent. SILENT: nothing is read or written either. */
enum conn_io_hold { CONN_IO_FREE, CONN_IO_HELD, CONN_IO_SILENT };

struct conn_io_ops {
	void (*on_up)(void *arg); /* connected; with TLS: handshake done and ALPN checked */
	void (*on_fail)(void *arg, int error, const char *why);
};

struct conn_io_pending {
	uint8_t *data; /* NULL: nothing waits */
	size_t at, n, cap;
};

struct conn_io {
	struct loop *loop;
	struct transport transport;
	struct h2 *h2;
	const struct conn_io_ops *ops;
	void *arg;
	struct event *ev_read, *ev_write;
	struct event *ev_step; /* the first turn, and the end of the last words */
	struct conn_io_pending out;
	int error; /* why it ends; 0: it does not */
	char why[TLS_WHY_MAX];
	bool connecting, up, failed;
	bool deaf; /* the peer takes nothing more */
	enum conn_io_hold hold;
	uint64_t rx_bytes, tx_bytes;
	uint64_t last_rx_usec; /* loop clock */
};

struct conn_io_config {
	struct loop *loop;
	int fd;          /* taken over, also on failure */
	SSL *ssl;        /* taken over, also on failure; NULL: plain */
	bool accepting;  /* server side */
	bool connecting; /* the connect is still in progress */
	struct h2 *h2;
	const struct conn_io_ops *ops;
	void *arg;
};

int conn_io_init(struct conn_io *io, const struct conn_io_config *config);
void conn_io_done(struct conn_io *io);
/* Once a turn for each dirty connection. */
void conn_io_flush(struct conn_io *io);
void conn_io_hold(struct conn_io *io, enum conn_io_hold hold);
/* Its end will be a reset without a last word. */
void conn_io_abort(struct conn_io *io);
bool conn_io_drained(const struct conn_io *io); /* nothing waits to be written */

#endif
