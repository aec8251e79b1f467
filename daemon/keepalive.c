#include "daemon/keepalive.h"

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* When the peer is to be asked again. */
static uint64_t next_ping(const struct keepalive *k, const struct keepalive_look *look)
{
	bool free = !look->rare && k->n_free < KEEPALIVE_FREE_PINGS;
	uint64_t quiet = later(look->heard_usec, k->pinged_usec) + KEEPALIVE_QUIET_USEC;

	if (free || !k->pinged_usec)
		return look->rare ? later(quiet, look->heard_usec + KEEPALIVE_RARE_USEC) : quiet;
	return later(quiet, k->pinged_usec + KEEPALIVE_RARE_USEC);
}

static void learn(struct keepalive *k, const struct keepalive_look *look)
{
	if (look->heard_usec > k->pinged_usec)
		k->waiting = false;
	if (look->answers != k->answers)
		k->n_free = 0;
	k->answers = look->answers;
}

static enum keepalive_action decide(
	struct keepalive *k, const struct keepalive_look *look, uint64_t *ret_due_usec)
{
	uint64_t now = look->now_usec, ping = next_ping(k, look);

	if (!look->calls) {
		*ret_due_usec = now + KEEPALIVE_QUIET_USEC;
		return KEEPALIVE_WAIT;
	}
	if (k->waiting) {
		*ret_due_usec = k->pinged_usec + KEEPALIVE_ANSWER_USEC;
		return now >= *ret_due_usec ? KEEPALIVE_DEAD : KEEPALIVE_WAIT;
	}
	*ret_due_usec = ping;
	if (now < ping)
		return KEEPALIVE_WAIT;
	k->pinged_usec = now;
	k->waiting = true;
	k->n_free++;
	*ret_due_usec = now + KEEPALIVE_ANSWER_USEC;
	return KEEPALIVE_PING;
}

enum keepalive_action keepalive_step(
	struct keepalive *k, const struct keepalive_look *look, uint64_t *ret_due_usec)
{
	bool late = k->due_usec && look->now_usec > k->due_usec + KEEPALIVE_LATE_USEC;
	enum keepalive_action what;

	learn(k, look);
	what = decide(k, look, ret_due_usec);
	if (what == KEEPALIVE_DEAD && late) {
		/* we were stopped: its answer may lie unread in the socket */
		what = KEEPALIVE_WAIT;
		*ret_due_usec = look->now_usec + KEEPALIVE_LATE_USEC;
	}
	k->due_usec = *ret_due_usec;
	return what;
}
