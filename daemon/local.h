/*
 * local - the embedded service: where it listens, and starting it
 *
 * A running cwsandbox-local is found by its state folder: `url`, `token`, `ca.pem`, `lock`. When dialing it fails, it
 * is started once, detached, and dialed until it answers, has ended, or LOCAL_START_MAX_USEC passed. Its program is looked
 * for beside ours, then in BINDIR, then in PATH.
 *
 * Errors: -errno with a sentence in why[].
 */
#ifndef DAEMON_LOCAL_H
#define DAEMON_LOCAL_H

#include "daemon/secret.h"
#include "daemon/url.h"

#define LOCAL_START_MAX_USEC (15 * USEC_PER_SEC)
#define LOCAL_ENDED_USEC (1 * USEC_PER_SEC) /* dialed after its end, if none holds the lock */
#define LOCAL_SAID_MAX 256
#define LOCAL_STOP_MAX_USEC (10 * USEC_PER_SEC) /* it takes at most 8 */
#define LOCAL_POLL_USEC (100 * USEC_PER_MSEC)
#define LOCAL_WHY_MAX 512

enum local_phase {
	LOCAL_FOUND,    /* nothing is known against it */
	LOCAL_STARTING, /* dialed until it answers */
	LOCAL_ENDED, /* the one that was started has ended: dialed a little longer, for another may be coming */
};

struct local {
	enum local_phase phase;
	uint64_t until_usec;      /* STARTING, ENDED: loop clock */
	uint64_t ended_usec;      /* ENDED: when */
	char why[LOCAL_SAID_MAX]; /* ENDED: its last words */
};

/* Reads the folder. *ret_ca is NULL where it speaks clear text. */
int local_find(
	struct url *ret_url, char **ret_ca, struct secret **ret_token, char why[LOCAL_WHY_MAX]);
/* One runs, or is coming up, or about to go. */
bool local_is_held(void);
/* Ends it, if it runs, and waits for that. False: it has not ended by then. */
bool local_stop(uint64_t max_usec);
/* argv for the launcher, each NUL-terminated: length in *ret_n. */
int local_command(char **ret, size_t *ret_n, char why[LOCAL_WHY_MAX]);

#endif
