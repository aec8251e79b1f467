#include "daemon/core/credit.h"

static size_t credit_bound(const struct credit *c, uint64_t bytes)
{
	return min_size(max_size((size_t)min_u64(bytes, SIZE_MAX), CREDIT_MIN), c->window);
}

void credit_set(struct credit *c, size_t window, uint64_t drain_usec)
{
	c->window = window;
	c->drain_usec = drain_usec;
	c->allowed = drain_usec ? credit_bound(c, CREDIT_START) : window;
	c->in_round = false;
}

/* After the window was made smaller, more may be on its way than is allowed. */
size_t credit_left(const struct credit *c)
{
	uint64_t on_its_way = c->sent - c->acked;

	return on_its_way < c->allowed ? c->allowed - (size_t)on_its_way : 0;
}

void credit_send(struct credit *c, size_t n, uint64_t now_usec)
{
	c->sent += n;
	if (!c->drain_usec || c->in_round || credit_left(c))
		return;
	c->in_round = true;
	c->round_from = c->acked;
	c->round_to = c->sent;
	c->round_usec = now_usec;
}

static void credit_end_round(struct credit *c, uint64_t now_usec)
{
	uint64_t took = now_usec > c->round_usec ? now_usec - c->round_usec : 1;
	uint64_t bytes = c->round_to - c->round_from, drained;

	if (!c->way_usec || took < c->way_usec || bytes <= CREDIT_MIN)
		c->way_usec = took;
	drained = bytes * (c->drain_usec + min_u64(c->way_usec, CREDIT_WAY_MAX_USEC)) / took;
	c->in_round = false;
	c->allowed = credit_bound(c, min_u64(drained, 2 * (uint64_t)c->allowed));
}

int credit_ack(struct credit *c, uint64_t bytes, uint64_t now_usec)
{
	if (bytes > c->sent)
		return CREDIT_E_BAD_ACK;
	if (bytes <= c->acked)
		return 0;
	c->acked = bytes;
	if (c->in_round && c->acked >= c->round_to)
		credit_end_round(c, now_usec);
	return 0;
}

bool credit_settled(const struct credit *c)
{
	return c->sent == c->acked;
}
