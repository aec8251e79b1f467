/*
 * clock - where time comes from: the kernel, or a test
 *
 * Units: microseconds. `now` is CLOCK_BOOTTIME-like: it never goes back and counts sleep;
 *        `wall` is since the epoch and is only for showing.
 * The rim updates the struct once a turn (clock_update); pure code reads it and never asks a clock.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <time.h>

#include "common/util.h"

struct clock {
	uint64_t now_usec;
	uint64_t wall_usec;
};

static inline uint64_t clock_read_usec(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static inline void clock_update(struct clock *c)
{
	c->now_usec = clock_read_usec(CLOCK_BOOTTIME);
	c->wall_usec = clock_read_usec(CLOCK_REALTIME);
}

#endif
