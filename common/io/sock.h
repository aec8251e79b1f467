/*
 * sock - sockets: close-on-exec, non-blocking, never an address handed to libevent
 *
 * Errors: -errno.
 */
#ifndef COMMON_IO_SOCK_H
#define COMMON_IO_SOCK_H

#include <sys/socket.h>
#include <sys/types.h>

#include "common/util.h"

#define SOCK_UNIX_PATH_MAX                                                                         \
	((size_t)107) /* bytes, without the NUL; longer ones are -ENAMETOOLONG  \
					  */

int sock_accept(int listen_fd, int *ret_fd); /* accept4, the peer's address not taken */
int sock_peer_uid(int fd, uid_t *ret_uid, pid_t *ret_pid); /* SO_PEERCRED; ret_pid may be NULL */
/* `host` is a name or an address; port 0 picks one. -EADDRNOTAVAIL: no such host. */
int sock_listen_tcp(const char *host, uint16_t port, int backlog, int *ret_fd, uint16_t *ret_port);
/* For accepted TCP sockets: TCP_NODELAY and keepalive. No TCP_USER_TIMEOUT: it would also cut off a
 * peer that is alive but has not read for as long (a stopped daemon). */
int sock_tcp_tune(int fd);
/* Starts a TCP connect to an address; -EINPROGRESS is success too, and the fd is given. Tuned as
 * above, and with TCP_USER_TIMEOUT (15 s). */
int sock_connect_start(const struct sockaddr *addr, socklen_t addr_len, int *ret_fd);
/* Listens on a Unix path: bound under umask 0177 beside it, then renamed into place, replacing a
 * socket (whoever calls holds the lock that makes the old one stale) but no other kind of file
 * (-EEXIST). */
int sock_listen_unix(const char *path, int backlog, int *ret_fd);
int sock_connect_unix(const char *path, int *ret_fd);

#endif
