/*
 * box_main - the main processes of a sandbox, one for each container: when all have started the
 * sandbox runs, their output is their logs, the end of the primary one is the sandbox's
 */
#ifndef LOCAL_BOX_MAIN_H
#define LOCAL_BOX_MAIN_H

#include "local/box.h"

#define BOX_MAIN_READ_BYTES ((size_t)16 * 1024) /* at a time */
#define BOX_MAIN_READS_A_TURN 16
/* Who follows the log may be this far behind before the main process waits, and that long once,
 * not for ever. */
#define BOX_MAIN_LAG_BYTES (LOG_BYTES_MAX / 2)
#define BOX_MAIN_HOLD_USEC USEC_PER_SEC

/* The init is up. */
void box_main_start(struct box *b);
/* SIGTERM to each; false: there is none. */
bool box_main_terminate(struct box *b);
/* A follower of the log has read. */
void box_main_followed(struct box_main *bm, struct log_waiter *w);
/* What waited for a hold_until_usec that came goes on. */
void box_main_release(struct box *b, uint64_t now_usec);
uint64_t box_main_deadline(const struct box *b); /* 0: none */
void box_wake_waiters(struct box *b);
/* For box_main: every process ends now. */
void box_kill(struct box *b);
void box_rearm(struct box *b); /* its deadlines changed */
/* For box_start: the init runs; takes the descriptors. -ENOMEM: end it by box_kill(). */
int box_take_launched(struct box *b, const struct launched *l);

#endif
