/*
 * pty - pseudo-terminals: open, size, signal
 *
 * Errors: -errno. Fds are close-on-exec.
 */
#ifndef COMMON_PTY_H
#define COMMON_PTY_H

#include <sys/types.h>

#include "common/util.h"

/* Opens a pair; sizes of 0 become 80x24. The master is non-blocking. */
int pty_open(unsigned cols, unsigned rows, int *ret_master, int *ret_slave);
int pty_resize(int master, unsigned cols, unsigned rows);
/* In a child: a new session with `slave` as controlling terminal and as stdio. */
int pty_adopt(int slave);
/* The tty's VEOF, VINTR, ... characters as set now (termios c_cc); index as in <termios.h>. */
int pty_char(int master, int which, uint8_t *ret);
/* Whether the tty gathers lines now: there VEOF ends input only at the start of one. */
int pty_is_canonical(int master, bool *ret);

#endif
