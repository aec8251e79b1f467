/* Messages gathered from parts, and messages waiting to be pulled. */
#include <string.h>

#include "common/wire/grpc.h"

#define CAP_MIN ((size_t)256)

/* Room for n bytes, doubling, but never beyond max. */
static int grow(uint8_t **buf, size_t *cap, size_t n, size_t max)
{
	size_t want = max_size(*cap, CAP_MIN);
	uint8_t *p;

	if (n <= *cap)
		return 0;
	while (want < n)
		if (!size_mul(want, 2, &want))
			want = n;
	want = max_size(n, min_size(want, max));
	p = realloc(*buf, want);
	if (!p)
		return -ENOMEM;
	*buf = p;
	*cap = want;
	return 0;
}

int grpc_gather_feed(struct grpc_gather *g, const struct grpc_part *part, const uint8_t **ret_data,
	size_t *ret_n)
{
	size_t end;
	int r;

	if (part->offset == 0)
		g->n = 0;
	if (part->offset != g->n || !size_add(g->n, part->n, &end) || end > part->message_size)
		return -EPROTO; /* not the part that follows */
	if (part->n == part->message_size) {
		*ret_data = part->data;
		*ret_n = part->n;
		return GRPC_GATHER_WHOLE;
	}
	/* as bytes arrive, not as the prefix promises: a promise costs the peer nothing */
	r = grow(&g->buf, &g->cap, end, part->message_size);
	if (r)
		return r;
	memcpy(g->buf + g->n, part->data, part->n);
	g->n = end;
	if (end < part->message_size)
		return 0;
	*ret_data = g->buf;
	*ret_n = g->n;
	return GRPC_GATHER_WHOLE;
}

void grpc_gather_done(struct grpc_gather *g)
{
	free(g->buf);
	memset(g, 0, sizeof(*g));
}

void grpc_prefix(uint8_t out[GRPC_PREFIX_BYTES], size_t message_size)
{
	out[0] = 0;
	out[1] = (uint8_t)(message_size >> 24);
	out[2] = (uint8_t)(message_size >> 16);
	out[3] = (uint8_t)(message_size >> 8);
	out[4] = (uint8_t)message_size;
}

/* What was read makes room at the front. */
static void outbox_compact(struct grpc_outbox *o)
{
	if (o->pos == 0)
		return;
	memmove(o->data, o->data + o->pos, o->n - o->pos);
	o->n -= o->pos;
	o->pos = 0;
}

int grpc_outbox_reserve(struct grpc_outbox *o, size_t n, uint8_t **ret)
{
	size_t end;
	int r;

	if (n > UINT32_MAX)
		return -EMSGSIZE;
	if (o->n - o->pos <= o->pos)
		outbox_compact(o); /* each byte is moved at most once for a byte read */
	if (!size_add(o->n, GRPC_PREFIX_BYTES + n, &end))
		return -ENOMEM;
	r = grow(&o->data, &o->cap, end, SIZE_MAX);
	if (r)
		return r;
	grpc_prefix(o->data + o->n, n);
	*ret = o->data + o->n + GRPC_PREFIX_BYTES;
	o->n = end;
	return 0;
}

int grpc_outbox_put(struct grpc_outbox *o, const uint8_t *message, size_t n)
{
	uint8_t *p;
	int r = grpc_outbox_reserve(o, n, &p);

	if (!r && n)
		memcpy(p, message, n);
	return r;
}

size_t grpc_outbox_read(struct grpc_outbox *o, uint8_t *buf, size_t n)
{
	n = min_size(n, o->n - o->pos);
	if (n)
		memcpy(buf, o->data + o->pos, n);
	o->pos += n;
	if (o->pos == o->n)
		o->pos = o->n = 0;
	return n;
}

bool grpc_outbox_empty(const struct grpc_outbox *o)
{
	return o->pos == o->n;
}

size_t grpc_outbox_pending(const struct grpc_outbox *o)
{
	return o->n - o->pos;
}

void grpc_outbox_done(struct grpc_outbox *o)
{
	free(o->data);
	memset(o, 0, sizeof(*o));
}
