/*
 * init_walls - what a sandbox's processes may not even ask the kernel for
 *
 * Namespaces take away what there is to see; this takes away system calls that only serve to break
 * out: namespaces of one's own, kernel keyrings, typing into a terminal, and the like. Set by PID 1
 * before it starts anything, so it holds for every process and cannot be taken off again.
 *
 * Errors: -errno. A kernel or processor without the means is none: what it lacks is left out.
 */
#ifndef LOCAL_INIT_WALLS_H
#define LOCAL_INIT_WALLS_H

/* Needs "no new privileges". */
int init_walls(void);

#endif
