#include "daemon/retry.h"

#include <string.h>

static uint64_t min_usec(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Evenly between low and high. */
static uint64_t between(uint64_t low, uint64_t high, uint32_t chance)
{
	return low + (high - low) * chance / UINT32_MAX;
}

uint64_t retry_poll_pause(uint64_t last_usec, uint64_t since_create_usec)
{
	bool own = since_create_usec > 0 && since_create_usec < RETRY_POLL_OWN_USEC;
	uint64_t max = own ? RETRY_POLL_OWN_MAX_USEC : RETRY_POLL_MAX_USEC;

	return last_usec == 0 ? RETRY_POLL_MIN_USEC : min_usec(last_usec + last_usec / 2, max);
}

bool retry_is_transient(const struct grpc_status *st)
{
	static const char *const reasons[] = { "CWSANDBOX_RUNNER_UNAVAILABLE",
		"CWSANDBOX_BACKEND_UNAVAILABLE", "CWSANDBOX_RUNNER_SHARD_RETIRING" };

	for (size_t i = 0; st->reason && i < ARRAY_SIZE(reasons); i++)
		if (strcmp(st->reason, reasons[i]) == 0)
			return true;
	return st->code == GRPC_UNAVAILABLE || st->code == GRPC_DEADLINE_EXCEEDED ||
	       st->code == GRPC_RESOURCE_EXHAUSTED;
}

bool retry_again(struct retry *r, const struct grpc_status *st, uint64_t now_usec, uint32_t chance,
	uint64_t *ret_pause_usec)
{
	uint64_t high = min_usec(RETRY_POLL_MAX_USEC, r->last_pause_usec + r->last_pause_usec / 2);
	uint64_t pause;

	if (!retry_is_transient(st))
		return false;
	if (r->first_usec == 0)
		r->first_usec = now_usec;
	pause = st->has_retry_delay          ? min_usec(st->retry_delay_usec, RETRY_DELAY_MAX_USEC)
		: high > RETRY_POLL_MIN_USEC ? between(RETRY_POLL_MIN_USEC, high, chance)
					     : RETRY_POLL_MIN_USEC;
	if (now_usec + pause >= r->first_usec + RETRY_BUDGET_USEC)
		return false;
	r->last_pause_usec = pause;
	*ret_pause_usec = pause;
	return true;
}

bool retry_unavailable(const struct grpc_status *st, unsigned attempt, uint64_t left_usec,
	uint32_t chance, uint64_t *ret_pause_usec)
{
	uint64_t pause;

	if (st->code != GRPC_UNAVAILABLE || !st->has_retry_delay || attempt >= RETRY_ATTEMPTS_MAX ||
		st->retry_delay_usec > RETRY_DELAY_MAX_USEC)
		return false;
	pause = between(
		st->retry_delay_usec, st->retry_delay_usec + st->retry_delay_usec / 5, chance);
	if (left_usec > 0 && left_usec < pause + RETRY_LEFT_MIN_USEC)
		return false;
	*ret_pause_usec = pause;
	return true;
}
