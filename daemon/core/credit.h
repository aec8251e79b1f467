/*
 * credit - how much an attachment may be sent that it did not acknowledge yet
 *
 * At most `window` bytes; with a drain time, only what its reader takes in that time at the rate
 * measured, so that what is on its way to a slow terminal is soon through. The rate is measured in
 * rounds: a round begins when all credit is used up, and ends when all that was on its way then is
 * acknowledged. Between two rounds the allowance at most doubles: what a kernel's buffer swallowed
 * at once says nothing about the terminal behind it. The shortest round, and any of the least
 * credit, is the way there and back, which a busy machine makes long and less credit would not
 * shorten: up to CREDIT_WAY_MAX_USEC of it come on top of the drain time.
 *
 * Units:   bytes ever, microseconds.
 * Errors:  CREDIT_E_BAD_ACK: more than was sent.
 */
#ifndef DAEMON_CORE_CREDIT_H
#define DAEMON_CORE_CREDIT_H

#include "common/util.h"

#define CREDIT_E_BAD_ACK 1
#define CREDIT_MIN ((size_t)1024)       /* however slow the reader is */
#define CREDIT_START ((size_t)4 * 1024) /* before the first round has ended */
#define CREDIT_WAY_MAX_USEC (20 * USEC_PER_MSEC)

struct credit {
	size_t window;       /* bytes: the most there is ever */
	size_t allowed;      /* now; <= window */
	uint64_t drain_usec; /* 0: `window` at all times */
	uint64_t sent, acked;
	uint64_t round_from,
		round_to;    /* bytes of the round: acknowledged at its begin, sent then */
	uint64_t round_usec; /* when it began */
	uint64_t way_usec;   /* there and back; 0: not known */
	bool in_round;
};

/* Also changes a running one: what was sent and acknowledged stays. */
void credit_set(struct credit *c, size_t window, uint64_t drain_usec);
size_t credit_left(const struct credit *c);
void credit_send(struct credit *c, size_t n, uint64_t now_usec); /* n <= credit_left() */
/* `bytes` in all. Fewer than before is ignored. */
int credit_ack(struct credit *c, uint64_t bytes, uint64_t now_usec);
/* Nothing is on its way. */
bool credit_settled(const struct credit *c);

#endif
