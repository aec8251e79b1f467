/*
 * listener - one port of the service: accepts, and sleeps while there are no descriptors
 *
 * Owner:  the server. `on_fd` takes the descriptor.
 * Errors: -errno.
 */
#ifndef LOCAL_LISTENER_H
#define LOCAL_LISTENER_H

#include <openssl/ssl.h>

#include "common/io/loop.h"

#define LISTENER_ACCEPTS_A_TURN 32
#define LISTENER_RETRY_SEC 1 /* without descriptors, or while the port is another's */

struct listener {
	struct loop *loop;
	int fd;       /* -1: the port was lost, by `error` */
	int error;    /* -errno; 0: none */
	SSL_CTX *tls; /* not owned; NULL: plaintext */
	bool direct;  /* the direct plane: what may be done is in the client's certificate */
	int backlog;
	bool refusing, ignoring;
	struct event *ev_accept, *ev_retry;
	void (*on_fd)(struct listener *l, int fd, void *arg);
	void *arg;
};

/* Takes l->fd; loop, fd, backlog, tls, direct, on_fd and arg are set. */
int listener_start(struct listener *l);
void listener_stop(struct listener *l);
/* Connections are refused from now on, though the port stays ours; or no more. Where the port is
 * lost, they stay refused, and the error stays. */
int listener_refuse(struct listener *l, bool refuse);
/* Nobody is let in, and nobody told; or no more. */
void listener_ignore(struct listener *l, bool ignore);

#endif
