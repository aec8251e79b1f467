/*
 * frame - msgpack-RPC frames of the local protocol: scan before decoding, readers, builders
 *
 * A frame is one msgpack value: [0, id, method, [params]], [1, id, error, result], [2, method,
 * [params]]. frame_scan() proves a frame complete and within bounds before msgpack-c sees it (its
 * unpacker allocates for a declared count).
 *
 * Units:   bytes.
 * Bounds:  FRAME_MAX (FRAME_MAX_BEFORE_HELLO), depth FRAME_DEPTH_MAX, FRAME_OBJECTS_MAX values.
 * Errors:  FRAME_E_PENDING: a prefix of a possible frame; -EBADMSG: not a frame or over depth or
 *          count; -EMSGSIZE: longer than max; -ENOMEM.
 * Owner:   what a frame holds points into the bytes it was opened on: keep them until
 *          frame_close().
 */
#ifndef COMMON_FRAME_H
#define COMMON_FRAME_H

#include <msgpack.h>

#include "common/util.h"

#define FRAME_MAX ((size_t)1024 * 1024)
#define FRAME_MAX_BEFORE_HELLO ((size_t)64 * 1024)
#define FRAME_DEPTH_MAX 8
#define FRAME_OBJECTS_MAX 4096
#define FRAME_E_PENDING 1

enum frame_kind { FRAME_REQUEST = 0, FRAME_RESPONSE = 1, FRAME_NOTIFICATION = 2 };

/* One msgpack value at data: its length in *ret_used. FRAME_E_PENDING if n bytes do not hold it
 * whole: *ret_used is then the least length (> n) at which another scan can say more, so that a
 * frame that comes in drips is not scanned for each. At most FRAME_MAX bytes. */
int frame_scan(const uint8_t *data, size_t n, size_t *ret_used);
/* The same with another bound on its length. */
int frame_scan_max(const uint8_t *data, size_t n, size_t max, size_t *ret_used);

struct frame {
	enum frame_kind kind;
	uint32_t id; /* request, response */
	bool has_id; /* id is valid, also after a refused frame_open: who is to be told */
	const msgpack_object *method; /* str; request, notification */
	const msgpack_object *params; /* map, or NULL if the array is empty */
	const msgpack_object *error;  /* response: nil or map */
	const msgpack_object *result; /* response */
	msgpack_unpacked unpacked;    /* owns them */
	const uint8_t *data;          /* what it was opened on */
	size_t n;
};
/* data[0..used) passed frame_scan. -EBADMSG: not the shape of a frame; then nothing needs closing.
 */
int frame_open(struct frame *f, const uint8_t *data, size_t used);
void frame_close(struct frame *f);
/* The id of what begins like a request, for an error about a frame that the scan refuses. */
bool frame_peek_id(const uint8_t *data, size_t n, uint32_t *ret_id);
bool frame_is(const struct frame *f, const char *method);
/* Memory that lives as long as the frame; NULL without. */
void *frame_alloc(const struct frame *f, size_t n);

/* ---- reading a map; a missing key and nil are "unset" ---- */
const msgpack_object *frame_get(const msgpack_object *map, const char *key);
/* 0 found; FRAME_E_UNSET; FRAME_E_TYPE: another type, or out of [min, max]. */
#define FRAME_E_UNSET 2
#define FRAME_E_TYPE 3
int frame_get_u64(
	const msgpack_object *map, const char *key, uint64_t min, uint64_t max, uint64_t *ret);
int frame_get_i64(
	const msgpack_object *map, const char *key, int64_t min, int64_t max, int64_t *ret);
int frame_get_bool(const msgpack_object *map, const char *key, bool *ret);
/* Bytes in the frame's memory; str or bin. Not NUL-terminated. */
struct frame_span {
	const char *data;
	size_t n;
};
int frame_get_str(const msgpack_object *map, const char *key,
	struct frame_span *ret); /* str: no NUL inside */
int frame_get_bytes(
	const msgpack_object *map, const char *key, struct frame_span *ret); /* bin or str */
/* A NUL-terminated copy that lives as long as the frame; NULL without memory. */
char *frame_dup(const struct frame *f, const struct frame_span *s);
bool frame_span_is(const struct frame_span *s, const char *text);
int frame_get_array(const msgpack_object *map, const char *key, const msgpack_object **ret);
int frame_get_map(const msgpack_object *map, const char *key, const msgpack_object **ret);
/* An element of an array or a map's key or value as text, by the rules of frame_get_str. */
int frame_as_str(const msgpack_object *o, struct frame_span *ret);

/* ---- building ---- */

/* One frame under construction; zeroed = empty. Write with the frame_put_* calls, which remember a
 * failed allocation; frame_finish() says it once. */
struct frame_out {
	msgpack_sbuffer buf;
	msgpack_packer pk;
	bool failed, error_open;
};
/* It may not move in memory afterwards. */
void frame_out_init(struct frame_out *o);
void frame_out_done(struct frame_out *o);
/* Empties it and keeps its memory. Each frame_begin_* goes on after what is there: frames may be
 * queued. */
void frame_out_reset(struct frame_out *o);
/* Starts a frame whose params/result is a map of n_fields entries to be put next. */
void frame_begin_request(struct frame_out *o, uint32_t id, const char *method, size_t n_fields);
void frame_begin_notification(struct frame_out *o, const char *method, size_t n_fields);
/* n_fields FRAME_NIL: the result is nil. */
#define FRAME_NIL SIZE_MAX
void frame_begin_result(struct frame_out *o, uint32_t id, size_t n_fields);
/* A whole error response: {code, message} and n_more fields to be put next. */
void frame_begin_error(
	struct frame_out *o, uint32_t id, const char *code, const char *message, size_t n_more);
void frame_put_key(struct frame_out *o, const char *key);
void frame_put_str(struct frame_out *o, const char *key, const char *value); /* NULL value: nil */
void frame_put_strn(struct frame_out *o, const char *key, const char *value, size_t n);
void frame_put_u64(struct frame_out *o, const char *key, uint64_t value);
void frame_put_i64(struct frame_out *o, const char *key, int64_t value);
void frame_put_bool(struct frame_out *o, const char *key, bool value);
void frame_put_nil(struct frame_out *o, const char *key);
void frame_put_bin(struct frame_out *o, const char *key, const void *data, size_t n);
void frame_put_map(
	struct frame_out *o, const char *key, size_t n_fields); /* key NULL: inside an array */
void frame_put_array(struct frame_out *o, const char *key, size_t n);
void frame_add_str(struct frame_out *o, const char *value); /* array element */
/* The head of a bin of n bytes that the caller sends after the frame's bytes (writev from a log).
 * It must be the last field. */
void frame_put_bin_head(struct frame_out *o, const char *key, size_t n);
void frame_add_u64(struct frame_out *o, uint64_t value); /* array element */
/* 0 and all bytes since init or reset, or -ENOMEM. They live until the next call on o. */
int frame_finish(struct frame_out *o, const uint8_t **ret_data, size_t *ret_n);

#endif
