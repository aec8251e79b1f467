/*
 * box_net - a sandbox's network: up before its main processes, gone with its init
 */
#ifndef LOCAL_BOX_NET_H
#define LOCAL_BOX_NET_H

#include "local/box.h"

/* The init is up and sent `n` fds, which stay the caller's; box_main_start() follows. */
void box_net_start(struct box *b, const int *fds, size_t n);
void box_net_stop(struct box *b);

#endif
