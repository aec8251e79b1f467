/*
 * server - the listener, its connections, and the turn
 *
 * Bounds:  SERVER_CONNECTIONS_MAX; a connection that made no call with the right token for
 *          SERVER_SILENT_SEC ends.
 * Errors:  -errno.
 */
#ifndef LOCAL_SERVER_H
#define LOCAL_SERVER_H

#include <openssl/ssl.h>

#include "common/io/loop.h"
#include "local/service.h"

#define SERVER_CONNECTIONS_MAX 4096
#define SERVER_STRANGERS_MAX 256
#define SERVER_STREAMS_MAX 16384                    /* of one connection */
#define SERVER_STREAM_WINDOW ((uint32_t)256 * 1024) /* bytes: stdin that waits for one program */
#define SERVER_BACKLOG 1024
#define SERVER_ACCEPTS_A_TURN 32
#define SERVER_SILENT_SEC 60
#define SERVER_FULL_SEC 1  /* the listener's pause when there are no descriptors */
#define SERVER_GRACE_SEC 2 /* at the end: for main processes, then connections */
#define SERVER_END_SEC 8   /* however long it takes */

struct server {
	struct loop *loop;
	struct boxes *boxes;
	struct service *service;
	SSL_CTX *tls; /* NULL: plaintext */
	int listen_fd;
	struct event *ev_listen, *ev_retry, *ev_end;
	struct list conns, dirty, dead;
	size_t n_conns;
	bool stopping;
	uint64_t end_usec, goodbye_usec;
};

/* Takes listen_fd. */
int server_init(struct server *s, struct loop *loop, struct boxes *boxes, struct service *service,
	SSL_CTX *tls, int listen_fd);
void server_done(struct server *s);
/* The turn's end; true: work is left. */
bool server_flush(struct server *s);
/* No new connection, call or sandbox; the loop stops when all has ended. */
void server_stop(struct server *s);

#endif
