/*
 * grpc_status - where a status comes from and how it is put on the wire; grpc.c's own part of
 * grpc.h
 *
 * Each from_* fills a zeroed or freed status and cannot fail: without memory the texts are missing.
 */
#ifndef COMMON_WIRE_GRPC_STATUS_H
#define COMMON_WIRE_GRPC_STATUS_H

#include "common/wire/grpc.h"

#define GRPC_TRAILERS_MAX 3
#define GRPC_DETAILS_TEXT_MAX                                                                      \
	((size_t)8 * 1024) /* of base64: what peers take in a header list is 16 KiB */

/* The newest block's grpc-status, grpc-message and grpc-status-details-bin. */
void grpc_status_from_headers(struct grpc_status *st, const struct h2_stream *stream);
/* An answer that is not gRPC: its :status and content-type, either may be NULL. */
void grpc_status_from_http(struct grpc_status *st, const char *http, const char *type);
void grpc_status_from_reset(struct grpc_status *st, uint32_t error);
void grpc_status_from_loss(struct grpc_status *st);

struct grpc_trailers {
	struct h2_header headers[GRPC_TRAILERS_MAX];
	size_t n;
	char code[12];
	char *message, *details; /* encoded */
};
int grpc_trailers_make(struct grpc_trailers *t, const struct grpc_status *st);
void grpc_trailers_done(struct grpc_trailers *t);

/* Answers a request that is no gRPC when all of it came; `status` and `allow` (NULL: none) are
 * static. GRPC_E_ANSWERED, -ENOMEM. */
int grpc_answer_http(struct h2_stream *st, const char *status, const char *allow);

/* The text form of grpc-message. Both give malloc'd strings, NULL without memory. */
char *grpc_percent_encode(const char *s, size_t max);
char *grpc_percent_decode(const char *s, size_t max);
/* Padded or not. Returns malloc'd bytes, NULL for text that is no base64 or without memory. */
uint8_t *grpc_base64_decode(const char *s, size_t *ret_n);
char *grpc_base64_encode(const uint8_t *data, size_t n);

#endif
