/*
 * retry - when to ask again: the official client's rules, as arithmetic
 *
 * Pure: time and chance are passed in. `chance` is any 32-bit number.
 *
 * Units: microseconds.
 */
#ifndef DAEMON_RETRY_H
#define DAEMON_RETRY_H

#include "common/wire/grpc.h"

/* ---- polling a state that is still changing ---- */

#define RETRY_POLL_MIN_USEC (200 * USEC_PER_MSEC)
#define RETRY_POLL_MAX_USEC (2 * USEC_PER_SEC)
#define RETRY_POLL_OWN_MAX_USEC                                                                    \
	(500 * USEC_PER_MSEC) /* in the first seconds after our own create */
#define RETRY_POLL_OWN_USEC (15 * USEC_PER_SEC)

/* The pause after one of `last` (0: the first). `since_create_usec` 0: not created by us. */
uint64_t retry_poll_pause(uint64_t last_usec, uint64_t since_create_usec);

/* ---- R1: status polls ---- */

#define RETRY_BUDGET_USEC (30 * USEC_PER_SEC)
#define RETRY_DELAY_MAX_USEC (10 * USEC_PER_SEC)

struct retry {
	uint64_t first_usec; /* of the first transient failure; 0: none yet */
	uint64_t last_pause_usec;
};
/* Whether a failed poll is asked again, and after how long. */
bool retry_again(struct retry *r, const struct grpc_status *st, uint64_t now_usec, uint32_t chance,
	uint64_t *ret_pause_usec);
bool retry_is_transient(const struct grpc_status *st);

/* ---- R3: deletes and file reads ---- */

#define RETRY_ATTEMPTS_MAX 3
#define RETRY_LEFT_MIN_USEC (5 * USEC_PER_SEC)

/* `attempt` counts from 1; `left_usec` of the caller's time, 0: no bound. */
bool retry_unavailable(const struct grpc_status *st, unsigned attempt, uint64_t left_usec,
	uint32_t chance, uint64_t *ret_pause_usec);

#endif
