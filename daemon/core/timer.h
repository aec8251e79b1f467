/*
 * timer - deadlines of many objects behind the rim's one timer: an intrusive pairing heap
 *
 * Units:  microseconds on the core's clock.
 * Owner:  whoever embeds the timer; timer_stop() before it goes. Nothing is allocated, so arming
 *         cannot fail. Zeroed = stopped.
 * Cost:   arm and look at the first O(1), stop and run O(log n) amortised.
 */
#ifndef DAEMON_CORE_TIMER_H
#define DAEMON_CORE_TIMER_H

#include "common/util.h"

struct timer;
typedef void timer_fn(struct timer *t);

struct timer {
	timer_fn *fn;
	uint64_t due_usec;
	/* pairing heap: the first child, the next sibling, and the parent or the sibling before */
	struct timer *child, *next, *prev;
	bool armed;
};

struct timers {
	struct timer *root;
	uint64_t floor_usec; /* inside timers_run: what is started is due no earlier */
};

/* Also moves an armed one. */
void timer_start(struct timers *ts, struct timer *t, uint64_t due_usec);
void timer_stop(struct timers *ts, struct timer *t);
/* UINT64_MAX when none is armed. */
uint64_t timers_next(const struct timers *ts);
/* Runs what is due, each once, in order; a function may start and stop any timer. One that starts
 * itself for `now` or earlier runs at the next call. */
void timers_run(struct timers *ts, uint64_t now_usec);

#endif
