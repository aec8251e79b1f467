/*
 * init - the first process of a sandbox
 *
 * A program of its own, static and carried inside cwsandbox-local (init_image.h), so that it runs
 * in any user land; its socket to the service is INIT_FD. It starts what the service asks for
 * (init_proto.h), reaps everything, and when the socket closes it takes every process of the sandbox
 * with it: as PID 1 of a pid namespace by ending, else as a subreaper by killing what it finds. So
 * nothing outlives even a killed service.
 */
#ifndef LOCAL_INIT_H
#define LOCAL_INIT_H

#define INIT_NAME "sandbox-init"
#define INIT_FD 3
/* Processes and threads in one sandbox with walls; what stops a fork bomb before the machine does.
 */
#define INIT_PROCESSES_MAX 1024

#endif
