/* StreamExec: a process and a stream, each as fast as the other */
#include <stdio.h>
#include <string.h>

#include "local/exec.h"
#include "local/exec_input.h"
#include "local/exec_output.h"
#include "local/process.h"

#define SMALL_ROOM 256 /* bytes of window below which a message goes by way of the outbox */

#define TAKE_BYTES ((size_t)64 * 1024)

typedef Coreweave__Sandbox__V1__ExecStreamInit Init;
typedef Coreweave__Sandbox__V1__ExecStreamRequest Request;
typedef Coreweave__Sandbox__V1__ExecStreamResponse Response;

struct exec {
	struct call *call;
	struct process *process; /* NULL: none yet, or no more */
	struct exec_input input;
	bool seen_init, exit_put;
	struct drain drain;
	uint64_t take_max; /* bytes of output to hold for a reader that does not take it; 0: none */
	size_t uncounted;  /* bytes of stdin whose window went back before the program took them */
};

/* ---- what it says ---- */

static Google__Protobuf__Timestamp now_of(const struct call *call)
{
	Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	uint64_t wall = call->service->loop->clock.wall_usec;

	t.seconds = (int64_t)(wall / USEC_PER_SEC);
	t.nanos = (int32_t)(wall % USEC_PER_SEC) * 1000;
	return t;
}

static void put(struct exec *x, Response *m)
{
	if (call_put(x->call, &m->base))
		call_fail_memory(x->call);
}

static void put_ready(struct exec *x)
{
	Coreweave__Sandbox__V1__ExecStreamReady ready =
		COREWEAVE__SANDBOX__V1__EXEC_STREAM_READY__INIT;
	Google__Protobuf__Timestamp now = now_of(x->call);
	Response m = COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__INIT;

	ready.ready_time = &now;
	m.message_case = COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_READY;
	m.ready = &ready;
	put(x, &m);
}

static Coreweave__Sandbox__V1__ExecStreamOutput__Stream stream_of(enum process_stream which)
{
	return which == PROCESS_STDOUT
		       ? COREWEAVE__SANDBOX__V1__EXEC_STREAM_OUTPUT__STREAM__STREAM_STDOUT
		       : COREWEAVE__SANDBOX__V1__EXEC_STREAM_OUTPUT__STREAM__STREAM_STDERR;
}

static void put_output(struct exec *x, enum process_stream which, uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__ExecStreamOutput out =
		COREWEAVE__SANDBOX__V1__EXEC_STREAM_OUTPUT__INIT;
	Response m = COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__INIT;

	out.stream = stream_of(which);
	out.data = (ProtobufCBinaryData){ .data = data, .len = n };
	m.message_case = COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_OUTPUT;
	m.output = &out;
	put(x, &m);
}

static void put_exit(struct exec *x, int code)
{
	Coreweave__Sandbox__V1__ExecStreamExit exit =
		COREWEAVE__SANDBOX__V1__EXEC_STREAM_EXIT__INIT;
	Google__Protobuf__Timestamp now = now_of(x->call);
	Response m = COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__INIT;

	exit.exit_code = code;
	exit.completed_time = &now;
	m.message_case = COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_EXIT;
	m.exit = &exit;
	x->exit_put = true;
	put(x, &m);
}

/* ---- output: pulled from the process into the connection's own buffer ---- */

/* A frame for little room is made whole and sent in pieces. */
static size_t read_small(struct exec *x, uint8_t *buf, size_t n)
{
	uint8_t data[SMALL_ROOM];
	enum process_stream which;
	size_t l = process_read(x->process, data, sizeof(data), &which);

	if (!l)
		return 0;
	put_output(x, which, data, l);
	return grpc_outbox_read(&x->call->out, buf, n);
}

static size_t read_output(struct exec *x, uint8_t *buf, size_t n)
{
	size_t head = exec_output_head_max(n);
	enum process_stream which;
	size_t l;

	if (n < SMALL_ROOM)
		return read_small(x, buf, n);
	l = process_read(x->process, buf + head, n - head, &which);
	return l ? exec_output_frame(buf, head, l, stream_of(which)) : 0;
}

static size_t exec_read(struct call *call, uint8_t *buf, size_t n)
{
	struct exec *x = call->state;
	size_t l;

	if (!x->process || !x->process->started)
		return 0;
	l = read_output(x, buf, n);
	if (l || !process_over(x->process) || x->exit_put)
		return l;
	put_exit(x, process_exit_code(x->process));
	return grpc_outbox_read(&call->out, buf, n);
}

/* ---- what the process does ---- */

static void on_started(struct process *p _unused_, void *arg)
{
	put_ready(arg);
	grpc_resume(&((struct exec *)arg)->call->rpc);
}

static void on_failed(struct process *p, int error, enum init_stage stage, void *arg)
{
	struct exec *x = arg;
	char text[EXEC_TEXT_BYTES];
	int code;

	x->process = NULL;
	code = exec_explain(x->call, p, error, stage, text);
	if (code < 0)
		return;
	put_ready(x);
	put_output(x, p->tty ? PROCESS_STDOUT : PROCESS_STDERR, (uint8_t *)text, strlen(text));
	put_exit(x, code);
	call_finish(x->call);
}

/* What the program has is held here, where its reader should have been. */
static void take_output(struct exec *x)
{
	_cleanup_(freep) uint8_t *data = malloc(TAKE_BYTES);
	enum process_stream which;
	size_t l;

	while (data && grpc_outbox_pending(&x->call->out) <= x->take_max &&
		(l = process_read(x->process, data, TAKE_BYTES, &which)) > 0)
		put_output(x, which, data, l);
}

static void on_output(struct process *p _unused_, void *arg)
{
	struct exec *x = arg;

	if (x->take_max && x->call->sent == x->drain.sent)
		take_output(x);
	grpc_resume(&x->call->rpc);
}

static void on_taken(struct process *p _unused_, size_t n, void *arg)
{
	struct exec *x = arg;
	size_t skip = min_size(n, x->uncounted);

	x->uncounted -= skip;
	grpc_consume(&x->call->rpc, n - skip);
}

static void on_exited(struct process *p _unused_, void *arg)
{
	/* What is left is read without waiting, so the end can be said now: `read` is asked to the
	 * last byte. */
	call_finish(((struct exec *)arg)->call);
}

static void on_gone(struct process *p _unused_, void *arg)
{
	struct exec *x = arg;

	x->process = NULL;
	call_fail_with(x->call, GRPC_CANCELLED, NULL, "the sandbox ended");
}

static const struct process_ops process_ops = {
	.on_started = on_started,
	.on_failed = on_failed,
	.on_output = on_output,
	.on_taken = on_taken,
	.on_exited = on_exited,
	.on_gone = on_gone,
};

/* ---- what the client says ---- */

static void on_init(struct exec *x, const Init *init)
{
	struct exec_request req = {
		.sandbox_id = init->sandbox_id,
		.container = init->container,
		.argv = init->command,
		.n_argv = init->n_command,
		.tty = init->tty,
		.cols = init->tty_width,
		.rows = init->tty_height,
		.env = (const struct exec_env_entry *const *)init->env,
		.n_env = init->n_env,
	};

	x->seen_init = true;
	x->process = exec_start(x->call, &req, &process_ops, x);
	if (x->process)
		call_arm_deadline(x->call);
}

static int on_message(struct exec_input *in, const Request *m)
{
	struct exec *x = container_of(in, struct exec, input);

	if (!x->seen_init &&
		m->message_case != COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_INIT) {
		call_fail_with(x->call, GRPC_INVALID_ARGUMENT, REASON_INVALID_REQUEST,
			"the first message must be init");
	} else if (m->message_case == COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_INIT) {
		if (!x->seen_init)
			on_init(x, m->init);
		else
			call_fail_with(x->call, GRPC_INVALID_ARGUMENT, REASON_INVALID_REQUEST,
				"init must come once");
	} else if (m->message_case == COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_RESIZE) {
		if (x->process)
			process_resize(x->process, m->resize->width, m->resize->height);
	} else if (m->message_case == COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_CLOSE) {
		if (x->process)
			process_close_input(x->process);
	}
	return 0;
}

static int on_stdin(struct exec_input *in, const uint8_t *data, size_t n, bool held)
{
	struct exec *x = container_of(in, struct exec, input);

	if (!x->seen_init) {
		call_fail_with(x->call, GRPC_INVALID_ARGUMENT, REASON_INVALID_REQUEST,
			"the first message must be init");
		return 0;
	}
	if (!x->process) {
		grpc_consume(&x->call->rpc, held ? n : 0);
		return 0;
	}
	if (!held)
		x->uncounted += n;
	return process_write(x->process, data, n);
}

/* What a client sent that is no request is its error, and not ours. */
static int refuse_input(struct call *call, int error)
{
	if (error == -EBADMSG)
		call_fail_not_understood(call);
	else if (error == -EMSGSIZE)
		call_fail_with(call, GRPC_RESOURCE_EXHAUSTED, REASON_INVALID_REQUEST,
			"a request other than stdin is too large");
	else
		return error;
	return 0;
}

static int exec_on_part(struct call *call, const struct grpc_part *part)
{
	struct exec *x = call->state;
	size_t consumed = 0;
	int r;

	if (!x || call->answered) {
		grpc_consume(&call->rpc, part->n);
		return 0;
	}
	r = exec_input_feed(&x->input, part, &consumed);
	grpc_consume(&call->rpc, r ? part->n : consumed);
	return r ? refuse_input(call, r) : 0;
}

static void exec_on_half_close(struct call *call)
{
	struct exec *x = call->state;

	if (x && x->process)
		process_close_input(x->process);
	else if (x && !x->seen_init)
		call_fail_with(call, GRPC_INVALID_ARGUMENT, REASON_INVALID_REQUEST,
			"the first message must be init");
}

/* ---- the call ---- */

static void let_go(struct exec *x)
{
	struct process *p = x->process;

	x->process = NULL;
	if (p)
		process_abandon(p);
}

static void on_deadline(struct call *call)
{
	let_go(call->state);
}

static void on_end(struct call *call)
{
	struct exec *x = call->state;

	let_go(x);
	exec_input_done(&x->input);
	free(x);
	call->state = NULL;
}

static void put_error(struct exec *x, const char *code, const char *message)
{
	Coreweave__Sandbox__V1__ExecStreamError e = COREWEAVE__SANDBOX__V1__EXEC_STREAM_ERROR__INIT;
	Response m = COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__INIT;

	e.code = (char *)code;
	e.message = (char *)message;
	m.message_case = COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_ERROR;
	m.error = &e;
	put(x, &m);
}

/* The error is the last message, behind what was already made of the output; the process is let go
 * as if its caller had gone. */
static void on_break(struct call *call, const char *code, const char *message)
{
	struct exec *x = call->state;

	let_go(x);
	put_error(x, code, message);
	if (!call->answered)
		call_finish(call);
}

static void on_drain(struct call *call, const struct drain_limit *limit)
{
	struct exec *x = call->state;
	struct drain_look look = {
		.sent = call->sent,
		.held = grpc_outbox_pending(&call->out),
		.now_usec = call->service->loop->clock.now_usec,
	};
	enum drain_verdict verdict;

	if (call->answered || !x->process || !x->process->started)
		return;
	look.waiting = look.held || process_has_output(x->process);
	verdict = drain_judge(&x->drain, limit, &look);
	x->take_max = verdict == DRAIN_TAKE ? limit->bytes : 0;
	if (verdict == DRAIN_TAKE)
		take_output(x);
	else if (verdict == DRAIN_OVER)
		on_break(call, "STREAM_BACKPRESSURE", "the stream was not read fast enough");
}

static const struct call_ops stream_ops = {
	.on_break = on_break,
	.on_drain = on_drain,
	.read = exec_read,
	.on_deadline = on_deadline,
	.on_end = on_end,
};

static int stream_open(struct call *call)
{
	struct exec *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->call = call;
	exec_input_init(&x->input);
	x->input.on_stdin = on_stdin;
	x->input.on_message = on_message;
	call->state = x;
	call->ops = &stream_ops;
	return 0;
}

const struct method exec_methods[] = {
	{ .name = "Exec", .permission = PERMISSION(EXEC), .on_request = exec_unary },
	{ .name = "StreamExec",
		.permission = PERMISSION(STREAM_EXEC),
		.on_open = stream_open,
		.on_part = exec_on_part,
		.on_half_close = exec_on_half_close },
	{ 0 },
};
