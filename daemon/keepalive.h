/*
 * keepalive - whether the far side of a connection is still there: when to ask it, when to give up
 *
 * Pure: times and counts come in.
 *
 * A call that waits may wait for ever on a path that is gone, so a connection with calls is asked
 * by HTTP/2 PING when nothing came for KEEPALIVE_QUIET_USEC, and is dead when nothing comes for
 * KEEPALIVE_ANSWER_USEC after. A gRPC server takes more than two PINGs since its own last HEADERS
 * or DATA for abuse, unless they are five minutes apart, and closes the connection; so after two they
 * are. One that complained all the same ("too_many_pings") is asked every five minutes only.
 *
 * Units: microseconds.
 */
#ifndef DAEMON_KEEPALIVE_H
#define DAEMON_KEEPALIVE_H

#include "common/util.h"

#define KEEPALIVE_QUIET_USEC (20 * USEC_PER_SEC)
#define KEEPALIVE_ANSWER_USEC (10 * USEC_PER_SEC)
#define KEEPALIVE_RARE_USEC (300 * USEC_PER_SEC)
#define KEEPALIVE_FREE_PINGS 2
#define KEEPALIVE_LATE_USEC (2 * USEC_PER_SEC) /* a look so late was our own fault */

struct keepalive {
	uint64_t pinged_usec; /* the last PING; 0: none yet */
	uint64_t answers;     /* as they were counted at the last look */
	unsigned n_free;      /* PINGs since the peer's last HEADERS or DATA */
	bool waiting;         /* nothing came since the PING */
	uint64_t due_usec;    /* when the next look was to be */
};

enum keepalive_action { KEEPALIVE_WAIT, KEEPALIVE_PING, KEEPALIVE_DEAD };

struct keepalive_look {
	uint64_t now_usec;
	uint64_t heard_usec; /* when the last byte came */
	uint64_t answers;    /* the peer's HEADERS and DATA frames so far */
	bool calls;          /* somebody waits for something */
	bool rare;           /* the peer complained once */
};

/* What to do now, and when to look again. After KEEPALIVE_PING the PING is taken as sent. */
enum keepalive_action keepalive_step(
	struct keepalive *k, const struct keepalive_look *look, uint64_t *ret_due_usec);

#endif
