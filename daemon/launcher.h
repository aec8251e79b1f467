/*
 * launcher - the one place that starts programs: a process forked before threads and secrets
 *
 * The daemon gives up new privileges and holds keys; what runs other programs was split off before that. It
 * knows two errands: the key command (its standard output is the key, its standard error says why there is
 * none), and the local service, started detached with a scrubbed environment and watched until it has come
 * up. Neither inherits a key or an fd.
 *
 * Units:   bytes, seconds.
 * Owner:   a struct launch is its caller's until on_done was called or launch_cancel().
 * Threads: none; loop thread only.
 */
#ifndef DAEMON_LAUNCHER_H
#define DAEMON_LAUNCHER_H

#include <sys/types.h>

#include "common/io/loop.h"
#include "common/list.h"

#define LAUNCH_TEXT_MAX ((size_t)16 * 1024) /* of an errand and of its answer */
#define LAUNCH_KEY_COMMAND_MAX_SEC 30       /* then it is killed */
#define LAUNCH_WATCH_SEC 15                 /* a detached program that lives so long has started */
#define LAUNCH_SAID_MAX 512 /* bytes: the end of what it said on its standard error */

enum launch_kind {
	LAUNCH_KEY_COMMAND, /* text: a shell command line */
	/* text: argv, each NUL-terminated; argv[0] an absolute path. Done when it has ended, with the last
	 * line it said, or after LAUNCH_WATCH_SEC. */
	LAUNCH_DETACHED,
};

struct launch {
	struct list link;
	uint32_t id;
	/* 0 and the output; or -errno and a sentence. The text is wiped on return. */
	void (*on_done)(struct launch *l, int r, const char *text, size_t n);
};

struct launcher {
	pid_t pid;
	int fd; /* SOCK_SEQPACKET to it */
	uint32_t next_id;
	struct event *ev;
	struct list launches; /* struct launch::link */
};

int launcher_start(struct launcher *l);
int launcher_attach(struct launcher *l, struct loop *loop);
void launcher_done(struct launcher *l);
int launcher_ask(
	struct launcher *l, struct launch *what, enum launch_kind kind, const char *text, size_t n);
void launch_cancel(struct launch *what);

#endif
