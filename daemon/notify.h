/*
 * notify - what systemd wants to know of us, and what it hands over; nothing without systemd
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include "common/util.h"

void notify_say(const char *state);  /* "READY=1" */
uint64_t notify_watchdog_usec(void); /* 0: nobody waits for us */
/* Sockets handed over: the observer's is the one named "observe". Each -1 where there is none; -EINVAL: others
 * came. The environment that told of them is cleared. */
int notify_sockets(int *ret_socket, int *ret_observer, int *ret_n);

#endif
