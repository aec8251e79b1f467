/* Exec: a command, its output up to a cap, its exit code; and how both kinds of exec start */
#include <stdio.h>
#include <string.h>

#include "local/exec.h"
#include "local/request.h"

#define OUTPUT_DEFAULT                                                                             \
	((size_t)1024 * 1024) /* bytes of each stream kept when the request names no cap */
#define OUTPUT_MAX ((size_t)16 * 1024 * 1024) /* of each stream, whatever it names */
#define OUTPUT_FIRST ((size_t)4096)
#define READ_BYTES ((size_t)64 * 1024)
#define READS_A_TURN 16

_Static_assert(offsetof(struct exec_env_entry, value) ==
			       offsetof(Coreweave__Sandbox__V1__ExecRequest__EnvEntry, value) &&
		       offsetof(struct exec_env_entry, value) ==
			       offsetof(Coreweave__Sandbox__V1__ExecStreamInit__EnvEntry, value),
	"a map entry is key and value");

/* ---- a process from a request ---- */

static void refuse(struct call *call, const char *field, const char *what)
{
	struct grpc_status st = { 0 };

	grpc_status_set(
		&st, GRPC_INVALID_ARGUMENT, REASON_INVALID_REQUEST, "the command is not valid");
	grpc_status_add_violation(&st, field, what);
	call_fail(call, &st);
}

static bool request_ok(struct call *call, const struct exec_request *req)
{
	if (!req->n_argv || !*req->argv[0]) {
		refuse(call, "command", "must name a program");
		return false;
	}
	if (req->n_env > EXEC_ENV_MAX) {
		refuse(call, "env", "at most 1024 variables");
		return false;
	}
	for (size_t i = 0; i < req->n_env; i++)
		if (!spec_env_name_ok(req->env[i]->key)) {
			refuse(call, "env", "a name must not be empty or hold '='");
			return false;
		}
	return true;
}

static void fail_start(struct call *call, int r)
{
	if (r == -E2BIG)
		refuse(call, "command",
			"command and environment are too long together (at most 96 KiB)");
	else if (r == -EBUSY)
		call_fail_with(call, GRPC_RESOURCE_EXHAUSTED, NULL,
			"too many commands run in the sandbox (at most %d)", BOX_PROCESSES_MAX);
	else
		call_fail_with(
			call, GRPC_UNAVAILABLE, NULL, "cannot start a command: %s", strerror(-r));
}

static int build_env(
	const struct box *b, size_t container, const struct exec_request *req, struct spec_env *ret)
{
	int r = box_env(b, container, req->tty, ret);

	for (size_t i = 0; !r && i < req->n_env; i++)
		r = spec_env_set(ret, req->env[i]->key, req->env[i]->value);
	return r;
}

struct process *exec_start(
	struct call *call, const struct exec_request *req, const struct process_ops *ops, void *arg)
{
	size_t container;
	struct box *b = call_box(call, req->sandbox_id, req->container, &container);
	_cleanup_(spec_env_done) struct spec_env env = { 0 };
	struct process_start what = {
		.argv = (const char *const *)req->argv,
		.n_argv = req->n_argv,
		.env = &env,
		.tty = req->tty,
		.no_stdin = req->no_stdin,
		.cols = req->cols,
		.rows = req->rows,
		.ops = ops,
		.arg = arg,
	};
	struct process *p = NULL;
	int r;

	if (!b || !request_ok(call, req))
		return NULL;
	what.cwd = box_cwd(b, container);
	r = build_env(b, container, req, &env);
	r = r ? r : process_start(b, &what, &p);
	if (r)
		fail_start(call, r);
	return p;
}

int exec_explain(struct call *call, const struct process *p, int error, enum init_stage stage,
	char text[EXEC_TEXT_BYTES])
{
	const char *end = p->tty ? "\r\n" : "\n";

	if (stage == INIT_STAGE_START) {
		call_fail_with(call, GRPC_RESOURCE_EXHAUSTED, NULL, "cannot start a process: %s",
			strerror(-error));
		return -EAGAIN;
	}
	if (stage == INIT_STAGE_CWD)
		snprintf(text, EXEC_TEXT_BYTES, "cannot enter the working folder: %s%s",
			strerror(-error), end);
	else
		snprintf(text, EXEC_TEXT_BYTES, "cannot run %s: %s%s", p->program, strerror(-error),
			end);
	return stage == INIT_STAGE_EXEC && error == -ENOENT ? EXEC_CODE_NOT_FOUND
							    : EXEC_CODE_NOT_RUN;
}

/* ---- the unary call ---- */

struct capture {
	uint8_t *data;
	size_t n, cap;
	uint64_t produced;
};

struct unary {
	struct call *call;
	struct process *process;
	size_t max; /* bytes of each stream */
	struct capture out[_PROCESS_STREAM_N];
};

static int capture_add(struct capture *c, const uint8_t *data, size_t n, size_t max)
{
	size_t keep = min_size(n, max - c->n);

	c->produced += n;
	if (c->n + keep > c->cap) {
		size_t cap = c->cap ? c->cap : OUTPUT_FIRST;
		uint8_t *grown;

		while (cap < c->n + keep)
			cap *= 2;
		grown = realloc(c->data, cap);
		if (!grown)
			return -ENOMEM;
		c->data = grown;
		c->cap = cap;
	}
	if (keep)
		memcpy(c->data + c->n, data, keep);
	c->n += keep;
	return 0;
}

static void answer(struct unary *u, int code)
{
	Coreweave__Sandbox__V1__ExecResponse res = COREWEAVE__SANDBOX__V1__EXEC_RESPONSE__INIT;
	const struct capture *out = &u->out[PROCESS_STDOUT], *err = &u->out[PROCESS_STDERR];

	res.stdout = (ProtobufCBinaryData){ .data = out->data, .len = out->n };
	res.stderr = (ProtobufCBinaryData){ .data = err->data, .len = err->n };
	res.exit_code = code;
	res.stdout_truncated = out->produced > out->n;
	res.stderr_truncated = err->produced > err->n;
	res.stdout_bytes_produced = (int64_t)out->produced;
	res.stderr_bytes_produced = (int64_t)err->produced;
	call_answer(u->call, &res.base);
}

static void let_go(struct unary *u)
{
	struct process *p = u->process;

	u->process = NULL;
	if (p)
		process_abandon(p);
}

static void on_started(struct process *p, void *arg _unused_)
{
	process_poll(p);
}

static void on_failed(struct process *p, int error, enum init_stage stage, void *arg)
{
	struct unary *u = arg;
	char text[EXEC_TEXT_BYTES];
	int code;

	u->process = NULL;
	code = exec_explain(u->call, p, error, stage, text);
	if (code < 0)
		return;
	capture_add(&u->out[PROCESS_STDERR], (uint8_t *)text, strlen(text), u->max);
	answer(u, code);
}

static void on_output(struct process *p, void *arg)
{
	struct unary *u = arg;
	uint8_t buf[READ_BYTES];
	enum process_stream which;
	size_t n = 1;
	int r = 0;

	for (int i = 0; !r && n && (p->exited || i < READS_A_TURN); i++) {
		n = process_read(p, buf, sizeof(buf), &which);
		if (n)
			r = capture_add(&u->out[which], buf, n, u->max);
	}
	if (r) {
		let_go(u);
		call_fail_memory(u->call);
	} else if (process_over(p)) {
		answer(u, process_exit_code(p));
		let_go(u);
	} else if (n) {
		process_poll(p);
	}
}

static void on_taken(struct process *p _unused_, size_t n _unused_, void *arg _unused_)
{
}

static void on_gone(struct process *p _unused_, void *arg)
{
	struct unary *u = arg;

	u->process = NULL;
	call_fail_with(u->call, GRPC_CANCELLED, NULL, "the sandbox ended");
}

static const struct process_ops process_ops = {
	.on_started = on_started,
	.on_failed = on_failed,
	.on_output = on_output,
	.on_taken = on_taken,
	.on_exited = on_output,
	.on_gone = on_gone,
};

static void on_deadline(struct call *call)
{
	let_go(call->state);
}

static void on_end(struct call *call)
{
	struct unary *u = call->state;

	let_go(u);
	for (size_t i = 0; i < _PROCESS_STREAM_N; i++)
		free(u->out[i].data);
	free(u);
	call->state = NULL;
}

static const struct call_ops unary_ops = {
	.on_deadline = on_deadline,
	.on_end = on_end,
};

static void start(struct call *call, const Coreweave__Sandbox__V1__ExecRequest *req)
{
	const struct exec_request what = {
		.sandbox_id = req->sandbox_id,
		.container = req->container,
		.argv = req->command,
		.n_argv = req->n_command,
		.env = (const struct exec_env_entry *const *)req->env,
		.n_env = req->n_env,
		.no_stdin = true,
	};
	struct unary *u = calloc(1, sizeof(*u));

	if (!u)
		return call_fail_memory(call);
	u->call = call;
	u->max = req->max_output_bytes ? min_size((size_t)req->max_output_bytes, OUTPUT_MAX)
				       : OUTPUT_DEFAULT;
	call->state = u;
	call->ops = &unary_ops;
	u->process = exec_start(call, &what, &process_ops, u);
	if (u->process)
		call_arm_deadline(call);
}

void exec_unary(struct call *call, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__ExecRequest *req =
		request_unpack(&coreweave__sandbox__v1__exec_request__descriptor, data, n);

	if (!req)
		return call_fail_not_understood(call);
	if (req->max_output_bytes < 0)
		refuse(call, "max_output_bytes", "must not be negative");
	else
		start(call, req);
	coreweave__sandbox__v1__exec_request__free_unpacked(req, NULL);
}
