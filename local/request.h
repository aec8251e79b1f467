/*
 * request - a request's bytes to its message, once all text in it is text
 *
 * Protobuf has strings be UTF-8, and C ends them at their first NUL: an id or a path with one inside would name
 * another than the client meant, and a tag that is no UTF-8 would make every later list unreadable for clients
 * that check it. protobuf-c looks at neither.
 *
 * Pure.
 */
#ifndef LOCAL_REQUEST_H
#define LOCAL_REQUEST_H

#include <protobuf-c/protobuf-c.h>

#include "common/util.h"

#define REQUEST_DEPTH_MAX 16 /* messages in messages */

/* The message, to be freed by its own free_unpacked; NULL: it is none, or text in it is not text. */
void *request_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t n);

#endif
