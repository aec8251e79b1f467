/*
 * budget - the memory held for others (max-memory): who goes slower before anything is refused
 *
 * Up to BUDGET_EASE eighths of it nobody notices. Beyond, the core is short of memory:
 *   - what the logs keep for nobody in particular is given up;
 *   - of its window a session has BUDGET_SESSION_BYTES, and gets the rest back later: it goes on,
 *     in smaller steps;
 *   - a client whose unread answers and unfinished frames take more than its fair share is not read
 *     from; but always one of them is, in turns of BUDGET_FAVOUR_USEC, so that each comes to its
 *     end and one that stands still holds nobody up.
 * At max-memory new work (a session, an attachment, a call) is refused with `limit`; what there is
 * goes on.
 *
 * Units: bytes. Bounds are soft: what cannot fail is charged and not asked.
 */
#ifndef DAEMON_CORE_BUDGET_H
#define DAEMON_CORE_BUDGET_H

#include "daemon/core/core.h"

#define BUDGET_EASE 7 /* eighths of max-memory */
#define BUDGET_SESSION_BYTES ((size_t)64 * 1024)
#define BUDGET_FAVOUR_USEC ((uint64_t)1000000)
#define BUDGET_CLIENT_BYTES ((size_t)64 * 1024) /* the least that is a fair share */

bool budget_is_short(const struct core *core);
bool budget_is_spent(const struct core *core);
/* Its part of core_turn(). */
void budget_turn(struct core *core);
timer_fn budget_on_timer; /* of core's favour_timer */
/* Of `withheld` bytes of window: how many may go back upstream, where `out` are with it already. */
size_t budget_window(const struct core *core, size_t withheld, size_t out);
/* May a client be read from that holds so many bytes in buffers? */
bool budget_may_read(const struct client *c);

#endif
