/*
 * loop - the turn: one libevent base, run once, then one flush
 *
 * loop_run() calls event_base_loop(EVLOOP_ONCE) and `flush` before the first turn and after each.
 * If flush returns true work is left over and the next turn does not wait. Clock:  exact in
 * `flush`. libevent tells nobody that its wait is over, so a callback that needs the time asks
 * loop_now(), which reads the clock at most once a turn; before that, `clock` is that of the last
 * turn's end.
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
	bool waited; /* `clock` is older than the last wait */
};

int loop_init(struct loop *loop, bool (*flush)(void *arg), void *arg);
void loop_done(struct loop *loop);
int loop_run(struct loop *loop);   /* until loop_stop(), or until no event is left to wait for */
void loop_stop(struct loop *loop); /* the turn ends with its flush */
/* Microseconds, in a callback: when this turn's wait ended. */
uint64_t loop_now(struct loop *loop);

#endif
