/*
 * init_recv - one message of a sandbox's init, with its descriptors
 */
#ifndef LOCAL_INIT_RECV_H
#define LOCAL_INIT_RECV_H

#include "local/init_proto.h"

/* 1: a message, whose n fds are the caller's (the others are -1); 0: none now, or one that is no
 * message; < 0: the init is gone. */
int init_recv(int sock, struct init_head *ret, int fds[INIT_FDS_MAX], size_t *ret_n);

#endif
