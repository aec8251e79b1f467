/*
 * endpoint - where calls go: URL, auth mode, entity, project, CA file, proxy, and which key
 *
 * Clients that mean the same endpoint share it and its connections; another key is another endpoint, so that
 * a rejected key never touches the other's calls. An endpoint without users lives as long as it has a
 * connection: the next command finds it warm.
 *
 * Keys:    given by the client, or the daemon's configured source (environment, file or command) where the
 *          URL is the configured one. `local` has neither: its own token is the key, read when it is dialed.
 * Calls:   wait here until a connection has room; at most ENDPOINT_WAITING_MAX.
 * Dialing: one connection comes up at a time; a failed attempt ends the calls that wait for it and puts the
 *          next one off, at most ENDPOINT_RETRY_MAX_USEC.
 * Units:   microseconds.
 */
#ifndef DAEMON_ENDPOINT_H
#define DAEMON_ENDPOINT_H

#include <openssl/ssl.h>

#include "common/list.h"
#include "common/wire/grpc.h"
#include "daemon/launcher.h"
#include "daemon/local.h"
#include "daemon/secret.h"
#include "daemon/url.h"

#define ENDPOINT_WAITING_MAX 1024
#define ENDPOINT_RETRY_MIN_USEC (100 * USEC_PER_MSEC)
#define ENDPOINT_RETRY_MAX_USEC (2 * USEC_PER_SEC)
#define ENDPOINT_WHY_MAX 512

struct pool;
struct conn;
struct call;

/* Who an endpoint is; strings NULL = unset. */
struct endpoint_id {
	struct url url;
	char *auth, *entity, *project, *ca_file, *proxy;
	struct secret *key; /* the client's own, or NULL */
	bool configured;    /* the daemon's source gives the key */
};
void endpoint_id_done(struct endpoint_id *id);
bool endpoint_id_equal(const struct endpoint_id *a, const struct endpoint_id *b);

enum endpoint_key { ENDPOINT_KEY_WANTED, ENDPOINT_KEY_ASKED, ENDPOINT_KEY_READY };

struct endpoint {
	struct list link; /* struct pool::endpoints */
	struct pool *pool;
	unsigned n_ref;
	struct endpoint_id id;
	char name[URL_TEXT_MAX]; /* the URL, for people */
	struct url target;       /* what is dialed; differs from id.url for local */
	struct url proxy;        /* with id.proxy: who is dialed in its place */
	enum endpoint_key key_state;
	struct secret *source_key; /* from the configured source, or local's token */
	struct launch launch;
	SSL_CTX *tls;
	struct local local;
	struct list conns;   /* struct conn::link */
	struct list waiting; /* struct call::link */
	size_t n_waiting;
	unsigned n_failures; /* dials in a row */
	bool rare_pings;     /* it said too_many_pings once */
	uint64_t dial_after_usec;
	struct event *retry;
};

/* Takes *id over when it succeeds. */
int endpoint_new(struct endpoint **ret, struct pool *pool, struct endpoint_id *id);
struct endpoint *endpoint_free(struct endpoint *ep);
DEFINE_CLEANUP(struct endpoint *, endpoint_free)
void endpoint_ref(struct endpoint *ep);
void endpoint_unref(struct endpoint *ep); /* freed by the pool, at the end of a turn */

/* The key calls are made with now; NULL: none. */
const struct secret *endpoint_key(const struct endpoint *ep);
bool endpoint_is_wandb(const struct endpoint *ep);
/* The service did not take the key: the configured source is asked again before the next call. */
void endpoint_key_rejected(struct endpoint *ep);

/* A call waits for a connection. -EAGAIN: too many do. */
int endpoint_enqueue(struct endpoint *ep, struct call *call);
/* Gives waiting calls to connections, dials; once a turn. */
void endpoint_pump(struct endpoint *ep);
/* A dial has failed for good, or a connection came up. */
void endpoint_dial_failed(struct endpoint *ep, const char *why);
void endpoint_dial_done(struct endpoint *ep);
/* So many streams are all that there may be, and in use; 0: else. */
size_t endpoint_full(const struct endpoint *ep);
/* Ends the calls that wait. */
void endpoint_fail_waiting(struct endpoint *ep, const struct grpc_status *st);
bool endpoint_is_idle(const struct endpoint *ep);

#endif
