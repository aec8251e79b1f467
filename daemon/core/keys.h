/*
 * keys - what a terminal's input means as far as the daemon must know: bracketed pastes, interrupts,
 * and what nobody typed
 */
#ifndef DAEMON_CORE_KEYS_H
#define DAEMON_CORE_KEYS_H

#include "daemon/core/inq.h"

/* Follows the brackets of a paste; they may be torn anywhere. */
void paste_scan(struct inq_paste *p, const void *data, size_t n);

/* How many bytes of a closing bracket came last, if `data` go on with it; else 0. */
size_t paste_closing(const struct inq_paste *p, const void *data, size_t n);

/* Do these bytes hold Ctrl-C, Ctrl-\ or Ctrl-Z outside a paste, raw, as CSI u or as
 * modifyOtherKeys? `p` is where the paste stands before them. A sequence torn over two writes is
 * not seen. */
bool keys_interrupt(struct inq_paste p, const void *data, size_t n);

/* Is there more in them than what a terminal says by itself: its answers, its focus, a pointer that
 * passes over it? What is torn over two writes counts as typed. */
bool keys_typed(const void *data, size_t n);

#endif
