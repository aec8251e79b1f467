/*
 * listener - the daemon's socket: made, watched, accepted from
 *
 * Peers of another user are closed before a byte is exchanged. Out of fds, a spare one is given up to tell the
 * newcomer so, and accepting rests for LISTENER_REST_USEC or until an fd is freed. While
 * too many have not said hello, who comes waits in the kernel's queue. A socket file that disappears is made
 * again.
 *
 * Errors: -errno with a sentence in why[].
 */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include "common/io/loop.h"
#include "common/paths.h"

#define LISTENER_BACKLOG 1024
#define LISTENER_ACCEPTS_PER_TURN 64
#define LISTENER_REST_USEC USEC_PER_SEC
#define LISTENER_CHECK_SEC 60

struct server;

struct listener {
	struct server *server;
	char *path;
	int fd, spare_fd, watch_fd;
	bool inherited; /* from systemd, which looks after the file */
	bool observer;
	bool resting;
	bool crowded; /* it rests until who came before has said hello */
	uint64_t inode;
	struct event *ev, *ev_rest, *ev_watch, *ev_check;
};

/* Listens at `path`, whose folder is checked; or on an inherited fd (>= 0), whose file is. */
int listener_open(struct listener *l, struct server *server, const char *path, int inherited_fd,
	bool observer, char why[PATHS_WHY_MAX]);
/* Takes no more; removes the file if it is ours. */
void listener_close(struct listener *l);
/* An fd was freed. */
void listener_wake(struct listener *l);
/* Once a turn: accepts again if it rested for room. */
void listener_turn(struct listener *l);

#endif
