/*
 * sandboxes - the unary methods that ask the service: sandbox.create, get, list, delete, and the same of snapshot
 *
 * Owner: an asking lives from sandboxes_ask() to its answer; a request that was taken back is forgotten and its
 *        asking buries itself when its call has ended. One that holds a sandbox stays until it is
 *        cancelled.
 */
#ifndef DAEMON_SANDBOXES_H
#define DAEMON_SANDBOXES_H

#include "daemon/core/request.h"
#include "daemon/pool.h"

#define SANDBOXES_CALL_SEC 300 /* the official client's request_timeout_seconds */
#define SANDBOXES_PAGE_MAX 100

/* As upstream_service.request and request_cancel. */
int sandboxes_ask(struct pool *pool, struct endpoint *ep, struct request *req);
void sandboxes_cancel(struct request *req);

#endif
