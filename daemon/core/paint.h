/*
 * paint - an attachment between raw and painted: when it leaves the log, is painted, and comes back
 *
 * Whole: a paint of everything, and raw output goes on at its offset. Where the terminal's state is
 *        not known everything is undone first. Only where the parser is in ground state, the sizes
 *        are equal and the attachment keeps up; the reader waits there while the paint goes out.
 * View:  a paint of the screen at the terminal's own size, in its alternate screen, and then
 *        differences against the shadow: for one of another size, and for one that is slow. What
 *        raw output left on its primary screen is still there when a whole paint follows.
 */
#ifndef DAEMON_CORE_PAINT_H
#define DAEMON_CORE_PAINT_H

#include "daemon/core/attachment.h"

/* Raw output, or the paint under way, ends here; a new paint is due. */
void paint_leave(struct attachment *a);
/* The same, because it was too slow. */
void paint_fall_behind(struct attachment *a);
/* No raw output before the session is calm enough for it. */
void paint_stay(struct attachment *a);
/* The terminal of `a`, which has been sent nothing yet, is that of `old`, and shows the session up to
 * offset `shown`: the first paint is in place. below: others have written there since, so it goes
 * below that, with the lines that came meanwhile or how many they are. */
void paint_take_over(
	struct attachment *a, const struct attachment *old, uint64_t shown, bool below);
/* Its terminal shows the session up to there, and nothing later until another one takes over. */
void paint_hold(struct attachment *a, uint64_t shown);
/* It has acknowledged something: perhaps all. */
void paint_acked(struct attachment *a);
/* Gives all memory back. */
void paint_done(struct attachment *a);
/* It is painted only because it was slow, and raw output will follow. */
bool paint_comes_back(const struct attachment *a);
void paint_on_timer(struct timer *t);

#endif
