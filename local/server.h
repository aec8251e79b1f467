/*
 * server - the ports, their connections, and the turn
 *
 * Bounds:  SERVER_CONNECTIONS_MAX; a connection that made no call with the right token, or on the
 *          direct plane showed no certificate, for CONN_SILENT_SEC ends.
 * Errors:  -errno.
 */
#ifndef LOCAL_SERVER_H
#define LOCAL_SERVER_H

#include "local/fault_do.h"
#include "local/listener.h"
#include "local/service.h"

#define SERVER_CONNECTIONS_MAX 4096
#define SERVER_STRANGERS_MAX 256
#define SERVER_BACKLOG 1024
#define SERVER_LISTENERS_MAX 2 /* calls by token, and the direct plane */
#define SERVER_GRACE_SEC 2     /* at the end: for main processes, then connections */
#define SERVER_END_SEC 8       /* however long it takes */

struct server {
	struct loop *loop;
	struct boxes *boxes;
	struct service *service;
	struct listener listeners[SERVER_LISTENERS_MAX];
	size_t n_listeners;
	struct fault_do faults;
	struct drain_limit drain; /* none: programs wait for their readers */
	struct event *ev_end;
	struct event *ev_drain; /* NULL: there is no limit */
	struct list conns, dirty, dead;
	size_t n_conns;
	bool stopping;
	uint64_t end_usec, goodbye_usec;
};

int server_init(struct server *s, struct loop *loop, struct boxes *boxes, struct service *service);
/* One more port; takes fd. `tls` (NULL: plaintext) must outlive the server. */
int server_listen(struct server *s, int fd, SSL_CTX *tls, bool direct);
void server_done(struct server *s);
/* From now on streams that are not drained end. */
int server_limit_drain(struct server *s, const struct drain_limit *limit);
/* The turn's end; true: work is left. */
bool server_flush(struct server *s);
/* No new connection, call or sandbox; the loop stops when all has ended. */
void server_stop(struct server *s);

#endif
