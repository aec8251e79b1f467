/*
 * paint - an attachment between raw and painted: when it leaves the log, is painted, and comes back
 *
 * Raw to painted: the terminal's state is not known, so everything is undone first. Painted to raw:
 * only where the parser is in ground state and the sizes are equal; the reader waits there while
 * the paint goes out.
 */
#ifndef DAEMON_CORE_PAINT_H
#define DAEMON_CORE_PAINT_H

#include "daemon/core/attachment.h"

/* Raw output, or the paint under way, ends here; a new paint is due. */
void paint_leave(struct attachment *a);
/* Gives the memory of a paint back. */
void paint_drop(struct attachment *a);
/* Leaves raw output of which too much is too old, paints what is due and may be painted now.
 * -ENOMEM. */
int paint_decide(struct attachment *a);
/* All of it was sent. */
void paint_finish(struct attachment *a);
void paint_on_timer(struct timer *t);

#endif
