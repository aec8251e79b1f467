/*
 * exec_input - the client's side of StreamExec, from the parts of its messages
 *
 * Pure. stdin is found in place and passed on span by span, however large its message; a message of
 * any other shape is gathered (at most EXEC_INPUT_GATHER_MAX) and goes through protobuf-c.
 *
 * Windows: exec_input_feed() says how many bytes of the part carried no stdin; the caller returns
 *          those at once, and stdin's when the program took it. `held` false: the bytes were
 *          counted already.
 * Errors:  -EBADMSG: not an ExecStreamRequest; -EMSGSIZE; -ENOMEM; what a callback answered.
 */
#ifndef LOCAL_EXEC_INPUT_H
#define LOCAL_EXEC_INPUT_H

#include "common/wire/grpc.h"
#include "coreweave/sandbox/v1/sandbox.pb-c.h"

#define EXEC_INPUT_GATHER_MAX ((size_t)1024 * 1024)
#define EXEC_INPUT_HEAD_MAX 6 /* field tag and length */

struct exec_input {
	int (*on_stdin)(struct exec_input *in, const uint8_t *data, size_t n, bool held);
	int (*on_message)(
		struct exec_input *in, const Coreweave__Sandbox__V1__ExecStreamRequest *m);
	enum { EXEC_INPUT_UNKNOWN, EXEC_INPUT_STDIN, EXEC_INPUT_WHOLE } shape;
	uint8_t head[EXEC_INPUT_HEAD_MAX];
	size_t n_head;
	uint8_t *buf; /* WHOLE */
	size_t n;
};

void exec_input_init(struct exec_input *in);
void exec_input_done(struct exec_input *in);
int exec_input_feed(struct exec_input *in, const struct grpc_part *part, size_t *ret_consumed);

#endif
