/*
 * init_child - one process of a sandbox: its stdio, its start
 *
 * Errors: -errno; init_spawn() says in *ret_stage what failed.
 */
#ifndef LOCAL_INIT_CHILD_H
#define LOCAL_INIT_CHILD_H

#include <sys/types.h>

#include "local/init_proto.h"

enum init_stage { INIT_STAGE_START, INIT_STAGE_CWD, INIT_STAGE_EXEC };

struct init_stdio {
	bool tty;
	int ours[INIT_FDS_MAX]; /* the service's ends, non-blocking */
	size_t n_ours;
	int theirs[3]; /* the child's 0, 1, 2; of a tty only the first */
};

int init_stdio_open(struct init_stdio *io, const struct init_head *head);
void init_stdio_close(struct init_stdio *io);
/* A new session of its own that runs m->argv. Returns when the program has been executed, or could
 * not. */
int init_spawn(const struct init_message *m, const struct init_stdio *io, pid_t *ret_pid,
	enum init_stage *ret_stage);

#endif
