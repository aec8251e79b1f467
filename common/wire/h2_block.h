/*
 * h2_block - header lists: a received block, and lists on their way to nghttp2
 *
 * Errors: H2_BLOCK_E_LARGE beyond H2_HEADER_LIST_MAX, H2_BLOCK_E_MANY beyond H2_HEADERS_MAX fields;
 *         -ENOMEM.
 */
#ifndef COMMON_WIRE_H2_BLOCK_H
#define COMMON_WIRE_H2_BLOCK_H

#include <nghttp2/nghttp2.h>

#include "common/wire/h2.h"

#define H2_BLOCK_E_LARGE 1
#define H2_BLOCK_E_MANY 2

/* A received header block: fields as pairs of strings in one buffer. */
struct h2_block {
	char *buf;
	size_t n, cap;    /* bytes */
	size_t list_size; /* as SETTINGS_MAX_HEADER_LIST_SIZE counts */
	struct {
		uint32_t name, value; /* offsets */
	} fields[H2_HEADERS_MAX];
	size_t n_fields;
};

void h2_block_reset(struct h2_block *b);
void h2_block_done(struct h2_block *b);
int h2_block_add(struct h2_block *b, const uint8_t *name, size_t n_name, const uint8_t *value,
	size_t n_value);
const char *h2_block_get(const struct h2_block *b, const char *name);

/* nghttp2's form of a list; points into it. -EINVAL: a value that would break the line. */
int h2_headers_to_nv(const struct h2_header *headers, size_t n, nghttp2_nv nv[H2_HEADERS_MAX]);
int h2_headers_copy(const struct h2_header *headers, size_t n, struct h2_header **ret);
void h2_headers_free(struct h2_header *headers, size_t n);

#endif
