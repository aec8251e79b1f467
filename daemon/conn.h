/*
 * conn - one connection of an endpoint: look-up, TCP, TLS, HTTP/2; then calls
 *
 * Owner:    its endpoint (endpoint::conns) until it is dead; the pool frees the dead at the end of a turn.
 * Deadline: CONN_DEADLINE_SEC over look-up, connect, TLS and the peer's SETTINGS.
 * Addresses are tried in turn until one answers.
 * Liveness: keepalive.h; a dead one ends as if it had been lost.
 * Goaway:   takes no further call; lives until its calls have ended.
 */
#ifndef DAEMON_CONN_H
#define DAEMON_CONN_H

#include <netdb.h>

#include "common/io/conn_io.h"
#include "common/list.h"
#include "common/wire/grpc.h"
#include "daemon/keepalive.h"
#include "daemon/tunnel.h"

#define CONN_DEADLINE_SEC 20
#define CONN_IDLE_SEC 300 /* without a call; then it is closed */
#define CONN_WHY_MAX 512
#define CONN_STREAM_WINDOW                                                                         \
	((uint32_t)2 * 1024 *                                                                      \
		1024) /* bytes of what is no shell's; less where a session's log is smaller */

struct endpoint;
struct pool;
struct lookup;

enum conn_state {
	CONN_LOOKING_UP,
	CONN_CONNECTING, /* TCP and TLS */
	CONN_SETTLING,   /* until the peer's SETTINGS */
	CONN_UP,
	CONN_DRAINING, /* GOAWAY */
	CONN_DEAD,
};

struct conn {
	struct list link;  /* struct endpoint::conns, or struct pool::dead_conns */
	struct list dirty; /* struct pool::dirty */
	struct list calls; /* struct call::link */
	struct endpoint *ep;
	struct pool *pool;
	uint32_t id;
	enum conn_state state;
	struct url target;
	struct lookup *lookup;
	struct addrinfo *addrs, *addr; /* all, and the next to try */
	struct tunnel *tunnel;         /* through the proxy, until it stands */
	struct conn_io io;
	bool io_live;
	bool broken; /* this attempt or the connection has failed: the turn's end sees to it */
	struct h2 *h2;
	struct event *timer; /* the deadline, then idleness */
	struct event *probe; /* when keepalive_step() is to be asked */
	struct keepalive keepalive;
	uint32_t peer_streams;
	char address[80];
	char why[CONN_WHY_MAX];
};

int conn_dial(struct conn **ret, struct endpoint *ep);
struct conn *conn_free(struct conn *c);
const char *conn_state_name(enum conn_state state);

bool conn_is_coming(const struct conn *c);
/* Whether it takes one more call now. */
bool conn_has_room(const struct conn *c);
size_t conn_n_calls(const struct conn *c);
uint32_t conn_max_streams(const struct conn *c);
uint64_t conn_rtt_usec(const struct conn *c);

/* At the end of a turn. */
void conn_flush(struct conn *c);
/* CONN_STREAM_WINDOW, or what a session's log takes. */
uint32_t conn_wide_window(const struct conn *c);
void conn_settle(struct conn *c); /* what broke: the next address, or dead */
void conn_look(struct conn *c);   /* is the far side still there? */
/* Graceful: no further calls, GOAWAY. */
void conn_close(struct conn *c);
/* At once, at the end of the turn: its calls end with `why`. */
void conn_kill(struct conn *c, const char *why);
void conn_call_ended(struct conn *c);

#endif
