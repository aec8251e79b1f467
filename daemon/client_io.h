/*
 * client_io - the rim of one local client: its socket, two events, nothing buffered
 *
 * Reads into the loop's one shared buffer; writes what client_gather() names.
 *
 * Owner: the server; closed ones are freed at the end of the turn.
 */
#ifndef DAEMON_CLIENT_IO_H
#define DAEMON_CLIENT_IO_H

#include "common/list.h"
#include "daemon/core/client.h"

#define CLIENT_IO_READ_BYTES ((size_t)64 * 1024)
#define CLIENT_IO_SOCKET_BYTES (64 * 1024) /* of the kernel: what it holds no skip can take back */

struct server;

struct client_io {
	struct list link; /* struct server::clients, or ::dead_clients */
	struct list paused_link; /* struct server::paused */
	struct server *server;
	struct client *client;
	int fd;
	struct event *ev_read, *ev_write;
	bool closed;
};

/* Takes fd over, also on failure. */
int client_io_new(struct server *server, int fd, uid_t uid, pid_t pid, bool observer);
struct client_io *client_io_free(struct client_io *io);
void client_io_flush(struct client_io *io);
void client_io_close(struct client_io *io);
/* Reads again if the core wants more; of a paused one. */
void client_io_unpause(struct client_io *io);

#endif
