/*
 * loop - the turn: one libevent base, run once, then one flush
 *
 * loop_run() calls event_base_loop(EVLOOP_ONCE), updates the clock before callbacks run, and calls
 * `flush` after each turn. If flush returns true work is left over and the next turn does not wait.
 */
#ifndef COMMON_IO_LOOP_H
#define COMMON_IO_LOOP_H

#include <event2/event.h>

#include "common/clock.h"

struct loop {
	struct event_base *base;
	struct clock clock;
	bool (*flush)(void *arg);
	void *arg;
	bool stopping;
};

int loop_init(struct loop *loop, bool (*flush)(void *arg), void *arg);
void loop_done(struct loop *loop);
int loop_run(struct loop *loop); /* until loop_stop() */
void loop_stop(struct loop *loop);

#endif
