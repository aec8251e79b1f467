/*
 * box_main - the main process of a sandbox: its start makes the sandbox run, its output is the log,
 * its end is the sandbox's
 */
#ifndef LOCAL_BOX_MAIN_H
#define LOCAL_BOX_MAIN_H

#include "local/box.h"

#define BOX_MAIN_READ_BYTES ((size_t)16 * 1024) /* at a time */
#define BOX_MAIN_READS_A_TURN 16
/* Who follows the log may be this far behind before the main process waits, and that long once, not for ever. */
#define BOX_MAIN_LAG_BYTES (LOG_BYTES_MAX / 2)
#define BOX_MAIN_HOLD_USEC USEC_PER_SEC

/* The init is up. */
void box_main_start(struct box *b);
/* A follower of the log has read. */
void box_main_followed(struct box *b, struct log_waiter *w);
/* hold_until_usec came. */
void box_main_release(struct box *b);
/* For box_main: every process ends now. */
void box_kill(struct box *b);
void box_wake_waiters(struct box *b);
void box_rearm(struct box *b); /* its deadlines changed */

#endif
