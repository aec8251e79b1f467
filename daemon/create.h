/*
 * create - from the params of sandbox.* and snapshot.* to the service's requests
 *
 * Pure. `params` passed the core's method table; what it leaves out is left unset.
 */
#ifndef DAEMON_CREATE_H
#define DAEMON_CREATE_H

#include "common/frame.h"
#include "common/wire/grpc.h"

#define CREATE_IMAGE "python:3.11" /* the official client's default */
#define CREATE_LIFETIME_SEC (24 * 3600)
#define CREATE_REQUEST_ID_MAX 128

/* -ENOMEM; -EINVAL: of a list, a state that does not exist. */
int create_put(struct grpc_outbox *o, const msgpack_object *params);
int create_put_get(struct grpc_outbox *o, const msgpack_object *params);
int create_put_list(struct grpc_outbox *o, const msgpack_object *params);
int create_put_delete(struct grpc_outbox *o, const msgpack_object *params);
int create_put_snapshot(struct grpc_outbox *o, const msgpack_object *params);
int create_put_snapshot_get(struct grpc_outbox *o, const msgpack_object *params);
int create_put_snapshot_list(struct grpc_outbox *o, const msgpack_object *params);
int create_put_snapshot_delete(struct grpc_outbox *o, const msgpack_object *params);

#endif
