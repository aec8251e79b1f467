/*
 * exec - what Exec and StreamExec share: a process from a request
 */
#ifndef LOCAL_EXEC_H
#define LOCAL_EXEC_H

#include "local/process.h"
#include "local/service.h"

#define EXEC_CODE_NOT_RUN 126 /* as a shell says it */
#define EXEC_CODE_NOT_FOUND 127
#define EXEC_ENV_MAX 1024
#define EXEC_TEXT_BYTES 256

/* The layout of every map<string, string> entry protobuf-c makes. */
struct exec_env_entry {
	ProtobufCMessage base;
	char *key, *value;
};

struct exec_request {
	const char *sandbox_id, *container;
	char *const *argv;
	size_t n_argv;
	const struct exec_env_entry *const *env;
	size_t n_env;
	bool tty, no_stdin;
	uint32_t cols, rows;
};

/* NULL: the call was answered. */
struct process *exec_start(struct call *call, const struct exec_request *req,
	const struct process_ops *ops, void *arg);
/* How an exec that never ran ends: its exit code, and `text` for its stderr, or its terminal. < 0: no exit code;
 * the call failed. */
int exec_explain(struct call *call, const struct process *p, int error, enum init_stage stage,
	char text[EXEC_TEXT_BYTES]);
void exec_unary(struct call *call, const uint8_t *data, size_t n);

#endif
