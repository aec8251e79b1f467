#include "daemon/core/bytes.h"

#include <string.h>

#define BYTES_MIN ((size_t)256)

static void give_back(struct bytes *b)
{
	if (b->secret && b->data)
		explicit_bzero(b->data, b->cap);
	free(b->data);
	if (b->cap)
		ledger_sub(b->ledger, b->cap);
}

int bytes_reserve(struct bytes *b, size_t n)
{
	size_t need, cap = max_size(b->cap, BYTES_MIN);
	uint8_t *data;

	if (n <= b->cap - b->end)
		return 0;
	if (!size_add(bytes_n(b), n, &need))
		return -ENOMEM;
	while (cap < need)
		if (!size_mul(cap, 2, &cap))
			return -ENOMEM;
	if (cap == b->cap && b->pos < cap / 2)
		cap *= 2; /* moving the rest would cost more than it gains */
	data = malloc(cap);
	if (!data)
		return -ENOMEM;
	if (bytes_n(b))
		memcpy(data, b->data + b->pos, bytes_n(b));
	b->end = bytes_n(b);
	b->pos = 0;
	give_back(b);
	ledger_add(b->ledger, cap);
	b->data = data;
	b->cap = cap;
	return 0;
}

int bytes_push(struct bytes *b, const void *data, size_t n)
{
	int r;

	if (n == 0)
		return 0;
	r = bytes_reserve(b, n);
	if (r)
		return r;
	memcpy(b->data + b->end, data, n);
	b->end += n;
	return 0;
}

void bytes_drop(struct bytes *b, size_t n)
{
	assert(n <= bytes_n(b));
	b->pos += n;
	if (b->pos < b->end)
		return;
	b->pos = b->end = 0;
	if (b->cap > BYTES_KEEP_MAX)
		bytes_done(b);
}

void bytes_done(struct bytes *b)
{
	give_back(b);
	b->data = NULL;
	b->pos = b->end = b->cap = 0;
}
