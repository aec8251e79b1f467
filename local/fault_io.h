/*
 * fault_io - the fault socket: lines in, one line back for each
 *
 * A Unix socket, 0600, in a folder that is ours alone; only our own user is heard.
 *
 * Bounds:  FAULT_IO_CLIENTS_MAX; FAULT_LINE_MAX; who does not take answers is not read.
 * Errors:  -errno, with a sentence in why[IDENTITY_WHY_MAX].
 */
#ifndef LOCAL_FAULT_IO_H
#define LOCAL_FAULT_IO_H

#include "common/io/loop.h"
#include "common/list.h"
#include "local/identity.h"

#define FAULT_IO_CLIENTS_MAX 8
#define FAULT_IO_BACKLOG 8
#define FAULT_IO_UNREAD_MAX ((size_t)64 * 1024) /* bytes of answers that wait for one client */

struct fault_do;

struct fault_io {
	struct loop *loop;
	struct fault_do *faults;
	const char *path;
	int fd;
	struct event *ev;
	struct list clients; /* struct fault_client::link */
	size_t n_clients;
};

/* path lives as long as this. */
int fault_io_open(struct fault_io *io, struct loop *loop, struct fault_do *faults, const char *path,
	char why[IDENTITY_WHY_MAX]);
void fault_io_close(struct fault_io *io);

#endif
