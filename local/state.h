/*
 * state - the state folder: its lock for life, what it says to whoever looks for the service, the
 * sandboxes' folders
 *
 *     lock       held while the service lives: "PID"
 *     port, url  where it listens, once it accepts; gone from the begin of its end on
 *     direct-port  the same for the direct data plane, if it is on
 *     token, ca.pem, ...   identity.h
 *     sandboxes/ID/        a folder each; at the start, those that no sandbox goes on in are removed
 *     snapshots/           vault.h
 *     logs/                log.h
 *     records/             record.h
 *
 * Errors: -errno, with a sentence in why[STATE_WHY_MAX].
 */
#ifndef LOCAL_STATE_H
#define LOCAL_STATE_H

#include "local/options.h"

#define STATE_WHY_MAX 512
#define STATE_URL_MAX 320
#define STATE_LOCK_SAY_USEC (1 * USEC_PER_SEC)   /* then a line says who is waited for */
#define STATE_LOCK_WAIT_USEC (10 * USEC_PER_SEC) /* for one that ends: it has SERVER_END_SEC */

struct state {
	char *dir, *boxes_dir;
	const char *port_file;
	int fd, boxes_fd, logs_fd, records_fd, lock_fd;
	bool published;
};

/* Waits for a service on the same folder that is about to go. */
int state_open(struct state *st, const struct options *o, char why[STATE_WHY_MAX]);
/* Writes url, direct-port (0: there is none), port, and the file of --port-file last; gives the url. */
int state_publish(struct state *st, const struct options *o, uint16_t port, uint16_t direct_port,
	char url[STATE_URL_MAX]);
/* It takes nobody any more: the lock alone stays. */
void state_withdraw(struct state *st);
void state_close(struct state *st);

#endif
