/*
 * resume - hears when the machine wakes up, or its time of day is set
 *
 * A timer counts no sleep: what was to be looked at in five minutes would be so after five minutes
 * of being awake, however long the machine slept.
 *
 * Owner: whoever embeds it; resume_done() also after a failure, and on a zeroed one.
 * Errors: -errno: nothing will be heard.
 */
#ifndef DAEMON_RESUME_H
#define DAEMON_RESUME_H

#include "common/io/loop.h"

struct resume {
	int fd;
	struct event *ev;
	void (*fn)(void *arg);
	void *arg;
};

int resume_init(struct resume *r, struct loop *loop, void (*fn)(void *arg), void *arg);
void resume_done(struct resume *r);

#endif
