/*
 * server - owns everything: loop, core, pool, listeners, clients; the turn; the end
 *
 * Threads: the worker's and the loop's; all functions are the loop's.
 */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H

#include "common/cfg.h"
#include "common/io/loop.h"
#include "common/journal.h"
#include "daemon/client_io.h"
#include "daemon/core/core.h"
#include "daemon/launcher.h"
#include "daemon/listener.h"
#include "daemon/pool.h"
#include "daemon/resume.h"
#include "daemon/worker.h"

#define SERVER_DRAIN_SEC 5 /* clients get this long to take what they are owed at the end */
#define SERVER_BOOT_ID_CHARS 32

struct server {
	struct loop loop;
	struct journal *journal;
	struct cfg *cfg;
	struct launcher *launcher;
	struct worker worker;
	struct pool pool;
	struct core *core;
	struct listener listener, observer;
	struct list clients, dead_clients; /* struct client_io::link */
	struct list paused;                /* struct client_io::paused_link */
	struct event *ev_turn;             /* the core's next deadline */
	struct event *ev_signals[4];
	struct event *ev_watchdog;
	struct resume resume;
	uint64_t watchdog_usec, started_usec, drain_until_usec;
	bool stopping;
	bool stop_asked; /* by a client: at the end of the turn */
	bool stop_local; /* the embedded service too */
	char boot_id[SERVER_BOOT_ID_CHARS + 1];
	uint8_t buf[CLIENT_IO_READ_BYTES]; /* the loop's one read buffer */
};

struct server_config {
	struct journal *journal;
	struct cfg *cfg;
	struct launcher *launcher;
	const char *socket_path;
	int socket_fd, observer_fd; /* inherited, or -1 */
	struct secret *env_key;     /* taken over */
};

/* After a failure server_done() is due as well. `s` is zeroed. */
int server_init(struct server *s, const struct server_config *config, char why[PATHS_WHY_MAX]);
int server_run(struct server *s);
void server_done(struct server *s);
/* Begins the end: no new clients, each told, drained. */
void server_stop(struct server *s, const char *reason);
void server_fd_freed(struct server *s);

/* status.c: daemon.status and daemon.shutdown */
int status_answer(struct server *s, struct request *req);
int status_shutdown(struct server *s, struct request *req);

#endif
