/*
 * init_proto - what the service and a sandbox's init say to each other
 *
 * Over a SOCK_SEQPACKET pair, one message a packet: a head and a payload. Both ends come from the
 * same build, so the head is a struct; all the same the reader trusts no length in it.
 *
 * Pure: bytes in, structs out; pointers of a decoded message point into its bytes.
 *
 * to init:
 *   EXEC    id, flags, size; payload: cwd, argv, env     -> STARTED or FAILED, later EXITED
 *   SIGNAL  id, value = signal, to the process group
 *   HANGUP  id: SIGHUP to the group now, SIGKILL INIT_HANGUP_KILL_MSEC later
 *   OPEN    id, flags; payload: path                     -> OPENED or FAILED
 *   MEMORY  size: more bytes than that end the sandbox   -> OVER, once
 *   FREEZE  value: every process stops, or, 0, goes on
 * to service:
 *   READY   fds, of PID 1: its network and its user namespace
 *   STARTED id, value = pid; fds: the PTY's master, or stdin (unless NO_STDIN), stdout, stderr
 *   FAILED  id, value = errno
 *   EXITED  id, value = wait status
 *   OPENED  id, size; fds: the file
 *   OVER    size: what was used; every process was killed
 *
 * Errors: -E2BIG: does not fit INIT_MESSAGE_MAX; -EBADMSG: not a message; -ENOMEM.
 */
#ifndef LOCAL_INIT_PROTO_H
#define LOCAL_INIT_PROTO_H

#include "common/util.h"

/* bytes; below half of the smallest default socket buffer, which also counts the kernel's overhead
 */
#define INIT_MESSAGE_MAX ((size_t)96 * 1024)
#define INIT_STRINGS_MAX 4096 /* argv and env together */
#define INIT_FDS_MAX 3
#define INIT_HANGUP_KILL_MSEC 1000

enum init_type {
	INIT_EXEC = 1,
	INIT_SIGNAL,
	INIT_HANGUP,
	INIT_OPEN,
	INIT_MEMORY,
	INIT_FREEZE,
	INIT_READY,
	INIT_STARTED,
	INIT_FAILED,
	INIT_EXITED,
	INIT_OPENED,
	INIT_OVER,
};

enum init_flags {
	INIT_TTY = 1 << 0,
	INIT_NO_STDIN = 1 << 1,
	INIT_WRITE = 1 << 2, /* OPEN: create or empty it */
	INIT_MAKE_DIRS = 1 << 3, /* OPEN: make the folders above it */
};

struct init_head {
	uint32_t type; /* enum init_type */
	uint32_t id;
	uint32_t flags;
	int32_t value;
	uint32_t cols, rows;
	uint32_t n_argv, n_env;
	uint64_t size;
};

/* A message decoded, or to be encoded. */
struct init_message {
	struct init_head head;
	const char *text;        /* EXEC: cwd; OPEN: path */
	const char *const *argv; /* head.n_argv of them, then NULL */
	const char *const *env;  /* head.n_env of "NAME=value", then NULL */
	const char **strings;    /* decoded: owns the two arrays */
};

int init_encode(const struct init_message *m, uint8_t **ret, size_t *ret_n);
int init_decode(struct init_message *ret, const uint8_t *data, size_t n);
void init_message_done(struct init_message *m);

#endif
