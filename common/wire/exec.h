/*
 * exec - the messages of StreamExec, to and from spans
 *
 * Pure. The reader takes the parts of ExecStreamResponse and finds output.data in place: nothing is
 * gathered but messages of another shape, which go through protobuf-c (at most EXEC_GATHER_MAX).
 * The writers make one prefixed ExecStreamRequest, or only the head of a stdin frame whose bytes the
 * caller copies after it. All but the init need no memory.
 *
 * Windows: exec_reader_feed() says in *ret_consumed how many bytes carried no output data; the
 *          caller returns those at once, and the data when its log let go of it. Over a message the
 *          two add up to its size; what a part leaves open (a head not complete yet) is in the sum
 *          of a later one.
 */
#ifndef COMMON_WIRE_EXEC_H
#define COMMON_WIRE_EXEC_H

#include "common/wire/grpc.h"

#define EXEC_GATHER_MAX ((size_t)4 * 1024 * 1024)
#define EXEC_STDIN_MAX ((size_t)64 * 1024) /* bytes of one stdin frame, as the official client */
#define EXEC_STDIN_HEAD_MAX 16             /* gRPC prefix + field header of a stdin frame */
#define EXEC_CONTROL_MAX 24                /* bytes of a resize or close, with the prefix */

enum exec_stream { EXEC_STDOUT = 1, EXEC_STDERR = 2 };

struct exec_event {
	enum { EXEC_READY, EXEC_OUTPUT, EXEC_EXIT, EXEC_ERROR } kind;
	enum exec_stream stream; /* OUTPUT */
	const uint8_t *data;     /* OUTPUT: a span of it; dies on return */
	size_t n;
	int32_t exit_code;          /* EXIT */
	const char *code, *message; /* ERROR */
};

struct exec_reader {
	int (*on_event)(struct exec_reader *r, const struct exec_event *ev); /* < 0 is passed up */
	struct grpc_gather gather;
	uint8_t head[32]; /* start of a message whose shape is not known yet */
	uint8_t n_head;
	size_t span_left; /* bytes of output.data still to come in this message */
	enum exec_stream stream;
	bool whole;   /* this message is being gathered */
	bool in_span; /* the rest of this message is output.data */
};

void exec_reader_init(
	struct exec_reader *r, int (*on_event)(struct exec_reader *r, const struct exec_event *ev));
void exec_reader_done(struct exec_reader *r);
/* -EBADMSG: not an ExecStreamResponse. */
int exec_reader_feed(struct exec_reader *r, const struct grpc_part *part, size_t *ret_consumed);

struct exec_env {
	const char *name, *value;
};
struct exec_init {
	const char *sandbox_id;
	const char *const *argv;
	size_t n_argv;
	bool tty;
	uint32_t cols, rows; /* 0 = unset */
	const struct exec_env *env;
	size_t n_env;
	const char *container; /* NULL = primary */
};
int exec_put_init(struct grpc_outbox *o, const struct exec_init *init);
/* Both write a whole frame and return its length. */
size_t exec_resize(uint8_t out[EXEC_CONTROL_MAX], uint32_t cols, uint32_t rows);
size_t exec_close(uint8_t out[EXEC_CONTROL_MAX]);
/* Writes prefix and field header for a stdin frame of n <= EXEC_STDIN_MAX bytes; returns its
 * length. */
size_t exec_stdin_head(uint8_t out[EXEC_STDIN_HEAD_MAX], size_t n);

#endif
