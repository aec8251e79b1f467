/*
 * launch_bwrap - the command line of bubblewrap that makes a sandbox's view of the world
 */
#ifndef LOCAL_LAUNCH_BWRAP_H
#define LOCAL_LAUNCH_BWRAP_H

#include "local/launch.h"

/* In a child: replaces it by bwrap, whose PID 1 is the program at init_fd as an init; "/" is `root` in
 * the sandbox's folder with the machine's user land, or the plan's image. Returns only when that
 * failed, with errno. */
void launch_bwrap_exec(const struct launcher *l, const char *folder, const struct launch_plan *plan,
	int init_fd, const char *const *env);

#endif
