/*
 * pool - all endpoints with their connections, and what the end of a turn has to do for them
 *
 * Nothing of the rim's far side is freed anywhere but in pool_flush(): connections that died wait in
 * dead_conns, other objects in their grave.
 *
 * Bounds: POOL_ENDPOINTS_MAX endpoints; a further one is refused unless an idle one can go.
 */
#ifndef DAEMON_POOL_H
#define DAEMON_POOL_H

#include "common/cfg.h"
#include "common/io/loop.h"
#include "common/journal.h"
#include "common/list.h"
#include "daemon/core/upstream.h"

#define POOL_ENDPOINTS_MAX 256
#define POOL_WHY_MAX 512
/* The reason in the status of calls that ended because their endpoint's key cannot be had. */
#define POOL_NO_KEY "no_key"
/* The same of calls whose time ran out while every stream was in use. */
#define POOL_NO_STREAM "no_stream"

struct conn;
struct endpoint;
struct launcher;
struct secret;
struct worker;

/* Part of an object that the end of the turn frees. */
struct grave {
	struct list link;
	void (*free)(struct grave *g);
};

struct pool {
	struct loop *loop;
	struct journal *journal;
	struct worker *worker;
	struct launcher *launcher;
	const struct cfg *cfg;
	struct list endpoints;  /* struct endpoint::link */
	struct list dirty;      /* struct conn::dirty */
	struct list dead_conns; /* struct conn::link */
	struct list graves;     /* struct grave::link */
	struct list paused;     /* struct grave::link, of what nothing but a timer holds */
	size_t n_endpoints;
	uint32_t next_id;
	struct secret *env_key; /* the environment's; NULL: none */
	bool closing;
	char why[POOL_WHY_MAX];
};

void pool_open(struct pool *p);
/* Ends every connection and call; flushes once more before it frees. */
void pool_end(struct pool *p);
/* upstream_service.endpoint_use: finds or makes it, and takes a reference. */
int pool_use(struct pool *p, const struct upstream_endpoint *which, struct endpoint **ret,
	const char **ret_why);
/* The URL of who names none. */
const char *pool_default_url(const struct pool *p);
uint32_t pool_next_id(struct pool *p);
void pool_conn_dirty(struct conn *c);
void pool_bury(struct pool *p, struct grave *g);
/* It waits for its timer alone, which unlinks it: one that the end of the pool overtakes is freed there. */
void pool_pause(struct pool *p, struct grave *g);
/* Once or more a turn: calls to connections, bytes to sockets, what broke, the dead. */
void pool_flush(struct pool *p);
/* Asks now, not when their time comes, whether connections with calls are still there. */
void pool_look(struct pool *p);
/* Something came up during the flush itself: another turn is due at once. */
bool pool_is_busy(const struct pool *p);
/* GOAWAY on every connection. */
void pool_close(struct pool *p);

#endif
