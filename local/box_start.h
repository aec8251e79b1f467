/*
 * box_start - from PENDING to a launched init: its turn, its folder, its volumes restored
 */
#ifndef LOCAL_BOX_START_H
#define LOCAL_BOX_START_H

#include "local/box.h"

/* As many of those that wait as may start now. */
void box_start_next(struct boxes *bs);
/* Its init is up: another one may start. */
void box_start_over(struct box *b);
/* It is to end: out of the queue, restores given up. */
void box_start_cancel(struct box *b);

#endif
