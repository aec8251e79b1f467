#include "common/wire/h2_block.h"

#include <string.h>

#define FIELD_OVERHEAD 32 /* bytes; a field's share of a header list beside its own */

void h2_block_reset(struct h2_block *b)
{
	b->n = 0;
	b->n_fields = 0;
	b->list_size = 0;
}

void h2_block_done(struct h2_block *b)
{
	free(b->buf);
	memset(b, 0, sizeof(*b));
}

static int block_reserve(struct h2_block *b, size_t n)
{
	size_t cap = max_size(b->cap, 256);
	char *buf;

	while (cap - b->n < n)
		cap *= 2; /* bounded: the list's size is */
	if (cap == b->cap)
		return 0;
	buf = realloc(b->buf, cap);
	if (!buf)
		return -ENOMEM;
	b->buf = buf;
	b->cap = cap;
	return 0;
}

static uint32_t block_put(struct h2_block *b, const uint8_t *s, size_t n)
{
	uint32_t at = (uint32_t)b->n;

	memcpy(b->buf + b->n, s, n);
	b->buf[b->n + n] = '\0';
	b->n += n + 1;
	return at;
}

int h2_block_add(struct h2_block *b, const uint8_t *name, size_t n_name, const uint8_t *value,
	size_t n_value)
{
	int r;

	b->list_size += n_name + n_value + FIELD_OVERHEAD;
	if (b->list_size > H2_HEADER_LIST_MAX)
		return H2_BLOCK_E_LARGE;
	if (b->n_fields == H2_HEADERS_MAX)
		return H2_BLOCK_E_MANY;
	r = block_reserve(b, n_name + n_value + 2);
	if (r)
		return r;
	b->fields[b->n_fields].name = block_put(b, name, n_name);
	b->fields[b->n_fields].value = block_put(b, value, n_value);
	b->n_fields++;
	return 0;
}

const char *h2_block_get(const struct h2_block *b, const char *name)
{
	for (size_t i = 0; i < b->n_fields; i++)
		if (strcmp(b->buf + b->fields[i].name, name) == 0)
			return b->buf + b->fields[i].value;
	return NULL;
}

/* Credentials are never put into a compression table, here or at the peer. */
static bool is_secret(const char *name)
{
	return strcmp(name, "authorization") == 0 || strcmp(name, "x-wandb-api-key") == 0;
}

/* nghttp2's form of a list of headers; points into it. */
int h2_headers_to_nv(const struct h2_header *headers, size_t n, nghttp2_nv nv[H2_HEADERS_MAX])
{
	if (n > H2_HEADERS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		if (headers[i].value[strcspn(headers[i].value, "\r\n")])
			return -EINVAL;
		nv[i] = (nghttp2_nv){
			.name = (uint8_t *)headers[i].name,
			.namelen = strlen(headers[i].name),
			.value = (uint8_t *)headers[i].value,
			.valuelen = strlen(headers[i].value),
			.flags = is_secret(headers[i].name) ? NGHTTP2_NV_FLAG_NO_INDEX
							    : NGHTTP2_NV_FLAG_NONE,
		};
	}
	return 0;
}

void h2_headers_free(struct h2_header *headers, size_t n)
{
	for (size_t i = 0; headers && i < n; i++) {
		free((char *)headers[i].name);
		free((char *)headers[i].value);
	}
	free(headers);
}

int h2_headers_copy(const struct h2_header *headers, size_t n, struct h2_header **ret)
{
	struct h2_header *copy = calloc(n ? n : 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		copy[i].name = strdup(headers[i].name);
		copy[i].value = strdup(headers[i].value);
		if (!copy[i].name || !copy[i].value) {
			h2_headers_free(copy, n);
			return -ENOMEM;
		}
	}
	*ret = copy;
	return 0;
}
