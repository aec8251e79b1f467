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

int sock_accept(int listen_fd, int *ret_fd);            /* accept4, the peer's address not taken */
int sock_peer_uid(int fd, uid_t *ret_uid, pid_t *ret_pid); /* SO_PEERCRED */
int sock_listen_tcp(const char *host, uint16_t port, int backlog, int *ret_fd, uint16_t *ret_port);
/* Starts a connect to an address; -EINPROGRESS is success. TCP_NODELAY, keepalive and
 * TCP_USER_TIMEOUT (15 s) are set. */
int sock_connect_start(const struct sockaddr *addr, socklen_t addr_len, int *ret_fd);
/* Listens on a Unix path: bound under umask 0177 beside it, then renamed into place. */
int sock_listen_unix(const char *path, int backlog, int *ret_fd);
int sock_connect_unix(const char *path, int *ret_fd);

#endif
