/*
 * fault_do - makes the trouble that was asked for: to the server's ports, connections and calls
 *
 * Owner:  the server has one; without a fault socket nothing is ever done.
 */
#ifndef LOCAL_FAULT_DO_H
#define LOCAL_FAULT_DO_H

#include <event2/event.h>

#include "local/fault.h"

#define FAULT_REPLY_MAX 2048

struct server;

struct fault_do {
	struct server *server;
	struct faults plan;
	bool hole;
	struct event *ev_refuse, *ev_hole; /* when that ends; NULL: never began */
};

void fault_do_init(struct fault_do *f, struct server *s);
void fault_do_done(struct fault_do *f);
/* Everything is as it should be again. */
void fault_do_clear(struct fault_do *f);
/* One command line; the answer, without the line's end. */
void fault_do_line(struct fault_do *f, const char *line, char reply[FAULT_REPLY_MAX]);

#endif
