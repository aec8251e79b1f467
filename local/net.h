/*
 * net - a sandbox's way out of its own network namespace: slirp4netns, a user-mode network stack
 *
 * One process a sandbox, outside of it. What a sandbox sends leaves this machine as that process's
 * connections do, but never for a loopback address: the user's own services are not in reach. It
 * ends when exit_fd closes, so also with a killed service.
 *
 * Errors: -errno; net_explain() has a sentence about one that did not come up.
 */
#ifndef LOCAL_NET_H
#define LOCAL_NET_H

#include "local/folder.h"

#define NET_PROGRAM "slirp4netns"
#define NET_DNS "10.0.2.3" /* inside; it asks as this machine does */
#define NET_FDS 2          /* of INIT_READY: network namespace, user namespace */
#define NET_START_MSEC 5000

struct net {
	int ready_fd; /* readable with a byte: it is up; at its end: it failed */
	int exit_fd;
	int said_fd; /* what it said */
};

/* Starts one for the namespaces in `fds`, which stay the caller's. */
int net_start(const int fds[NET_FDS], const struct folder_owner *owner, struct net *ret);
void net_stop(struct net *n);
/* ready_fd is readable: 0, or -EIO. */
int net_is_up(struct net *n);
void net_explain(const struct net *n, char *why, size_t cap);

#endif
