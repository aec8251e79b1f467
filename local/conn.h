/*
 * conn - one connection to the service: its rim, its HTTP/2, its calls
 *
 * Owner:  the server, on one of its lists; server_flush() alone frees (conn_free).
 * Errors: -errno. Whatever breaks it ends in conn_bury().
 */
#ifndef LOCAL_CONN_H
#define LOCAL_CONN_H

#include "common/io/conn_io.h"
#include "local/listener.h"
#include "local/service.h"

#define CONN_STREAMS_MAX 16384
#define CONN_STRANGER_STREAMS_MAX 100             /* before it showed a token or certificate */
#define CONN_STREAM_WINDOW ((uint32_t)256 * 1024) /* bytes: stdin that waits for one program */
#define CONN_SILENT_SEC 60

struct server;

struct conn {
	struct server *server;
	struct list link;  /* struct server::conns or ::dead */
	struct list dirty; /* struct server::dirty */
	struct h2 *h2;
	struct conn_io io;
	bool has_io;
	bool direct, known; /* known: it may have CONN_STREAMS_MAX */
	struct grant grant; /* of a direct one, once its certificate was verified */
	struct calls calls;
	struct event *ev_silent;
	struct event *ev_delay; /* NULL: never was delayed */
};

/* Takes fd, also on failure; the connection is on the server's list either way. */
int conn_start(struct server *s, const struct listener *l, int fd);
void conn_free(struct conn *c);
/* It has something to send: the turn's flush will see to it. */
void conn_mark(struct conn *c);
void conn_flush(struct conn *c);
/* It ends with this turn. */
void conn_bury(struct conn *c);
/* What the server's faults want of it is to be so from now on. */
void conn_heed_faults(struct conn *c);
/* Tells the peer how much it may send and open now. */
void conn_limit(struct conn *c);

#endif
