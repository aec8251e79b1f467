#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "daemon/stream.h"

/* The image's login shell: bash where there is one. */
static const char *const login_shell[] = { "/bin/sh", "-c",
	"if [ -x /bin/bash ]; then exec /bin/bash -l; else exec /bin/sh -l; fi" };

static struct stream *stream_of_reader(struct exec_reader *r)
{
	return container_of(r, struct stream, exec.reader);
}

/* ---- what the service says ---------------------------------------------------------------------- */

static void on_ready(struct stream *s)
{
	if (s->exec.ready)
		return;
	s->exec.ready = true;
	event_del(s->timer);
	call_forget_request(&s->call);
	stream_up(s);
	call_resume(&s->call);
}

static int on_event(struct exec_reader *r, const struct exec_event *ev)
{
	struct stream *s = stream_of_reader(r);
	struct outcome o;

	if (ev->kind == EXEC_READY || ev->kind == EXEC_OUTPUT)
		on_ready(s); /* output without `ready` is as good */
	switch (ev->kind) {
	case EXEC_READY:
		break;
	case EXEC_OUTPUT:
		s->exec.ops->on_output(s, ev);
		break;
	case EXEC_EXIT:
		s->exec.ops->on_exit(s, ev->exit_code);
		break;
	case EXEC_ERROR:
		outcome_of_frame(&o, "Exec", ev->code, ev->message);
		stream_fail(s, &o);
		break;
	}
	return 0;
}

static int on_part(struct call *c, const struct grpc_part *part)
{
	struct stream *s = stream_of_call(c);
	size_t consumed = 0;
	int r;

	if (s->ended || s->closed) {
		call_consume(c, part->n);
		return 0;
	}
	r = exec_reader_feed(&s->exec.reader, part, &consumed);
	call_consume(c, consumed);
	return r;
}

static void on_done(struct call *c, const struct grpc_status *st)
{
	struct stream *s = stream_of_call(c);
	struct outcome o;

	if (s->closed || s->ended)
		return stream_rest(s);
	if (st->code != GRPC_OK)
		return stream_fail_status(s, st);
	outcome_set(&o, "service", "no_exit_code", "The stream ended without an exit status");
	o.error.status = grpc_code_name(GRPC_UNKNOWN);
	o.error.status_code = GRPC_UNKNOWN;
	o.error.detail = "the stream ended without an exit status";
	stream_fail(s, &o);
}

static void on_output(struct stream *s, const struct exec_event *ev)
{
	stream_output(s, ev->data, ev->n, s->is_shell ? LOG_STDOUT : (unsigned)ev->stream);
}

static void on_exit_code(struct stream *s, int exit_code)
{
	const struct session_end how = { .has_exit_code = true, .exit_code = exit_code };

	stream_end(s, &how);
}

static const struct stream_exec_ops plain_ops = { .on_output = on_output, .on_exit = on_exit_code };

/* ---- what it is told ---------------------------------------------------------------------------- */

static size_t read_stage(struct stream *s, uint8_t *buf, size_t n)
{
	size_t left = s->exec.n_stage - s->exec.stage_pos, l = n < left ? n : left;

	memcpy(buf, s->exec.stage + s->exec.stage_pos, l);
	s->exec.stage_pos += l;
	return l;
}

/* One stdin frame of what the session has, put together in buf; 0: nothing now. */
static size_t build_frame(struct stream *s, uint8_t *buf, size_t n, bool *ret_end)
{
	uint8_t head[EXEC_STDIN_HEAD_MAX];
	size_t max = n - EXEC_STDIN_HEAD_MAX, l, h;

	l = session_input_read(s->session, buf + EXEC_STDIN_HEAD_MAX,
		max < EXEC_STDIN_MAX ? max : EXEC_STDIN_MAX, ret_end);
	if (l == 0)
		return 0;
	s->n_input += l;
	h = exec_stdin_head(head, l);
	memmove(buf + h, buf + EXEC_STDIN_HEAD_MAX, l);
	memcpy(buf, head, h);
	return h + l;
}

static size_t read_stdin(struct stream *s, uint8_t *buf, size_t n, bool *ret_end)
{
	if (n > STREAM_FRAME_BYTES)
		return build_frame(s, buf, n, ret_end);
	s->exec.stage_pos = 0; /* a frame does not fit: it goes in pieces */
	s->exec.n_stage = build_frame(s, s->exec.stage, STREAM_FRAME_BYTES, ret_end);
	return read_stage(s, buf, n);
}

static bool stage_is_empty(const struct stream *s)
{
	return s->exec.stage_pos == s->exec.n_stage;
}

/* Room for a resize or close behind what is on the stage. */
static uint8_t *stage_room(struct stream *s)
{
	if (stage_is_empty(s))
		s->exec.n_stage = s->exec.stage_pos = 0;
	return s->exec.stage + s->exec.n_stage;
}

/* The last size counts, however many there were before the window opened. */
static size_t read_resize(struct stream *s, uint8_t *buf, size_t n)
{
	if (s->exec.cols == s->exec.told_cols && s->exec.rows == s->exec.told_rows)
		return 0;
	s->exec.told_cols = s->exec.cols;
	s->exec.told_rows = s->exec.rows;
	s->exec.n_stage += exec_resize(stage_room(s), s->exec.cols, s->exec.rows);
	return read_stage(s, buf, n);
}

/* What goes next. The input has ended: `close`, then half-close. */
static size_t read_next(struct stream *s, uint8_t *buf, size_t n)
{
	bool end = false;
	size_t l;

	l = read_stage(s, buf, n);
	if (l > 0 || s->exec.half_closed)
		return l;
	l = read_resize(s, buf, n);
	if (l > 0)
		return l;
	l = read_stdin(s, buf, n, &end);
	if (!end)
		return l;
	s->exec.half_closed = true;
	s->exec.n_stage += exec_close(stage_room(s));
	return l > 0 ? l : read_stage(s, buf, n);
}

static size_t on_read(struct call *c, uint8_t *buf, size_t n, bool *ret_end)
{
	struct stream *s = stream_of_call(c);
	size_t l;

	if (!s->stdin_open) {
		*ret_end = true;
		return 0;
	}
	if (!s->exec.ready || s->closed || s->ended)
		return 0;
	l = read_next(s, buf, n);
	*ret_end = s->exec.half_closed && stage_is_empty(s);
	return l;
}

static const struct call_ops exec_call_ops = {
	.on_part = on_part, .read = on_read, .on_done = on_done
};

void stream_exec_resize(struct stream *s, unsigned cols, unsigned rows)
{
	s->exec.cols = cols;
	s->exec.rows = rows;
	call_resume(&s->call);
}

/* ---- beginning ---------------------------------------------------------------------------------- */

static void start_reader(struct stream *s, const struct stream_exec_ops *ops)
{
	exec_reader_init(&s->exec.reader, on_event);
	s->exec.ops = ops;
	s->exec.ready = s->exec.half_closed = false;
	s->exec.n_stage = s->exec.stage_pos = 0;
}

static int exec_begin(struct stream *s)
{
	if (s->stdin_open)
		stream_arm(s, STREAM_READY_SEC * USEC_PER_SEC);
	return stream_call(s, CALL_PREFIX "StreamExec");
}

static void exec_late(struct stream *s)
{
	struct outcome o;

	outcome_set(&o, "timeout", "timeout",
		"The sandbox did not start the program within %d seconds.", STREAM_READY_SEC);
	stream_fail(s, &o);
}

const struct stream_kind stream_exec_kind = { .begin = exec_begin, .on_timer = exec_late };

/* The argv that runs `argv` in a folder: the service has no field for it. */
static int wrap_cwd(const char *cwd, const char *const *argv, size_t n, char **ret_script)
{
	_cleanup_(freep) char *dir = text_shell_quote(&cwd, 1);
	_cleanup_(freep) char *command = text_shell_quote(argv, n);

	if (!dir || !command || asprintf(ret_script, "cd %s && exec %s", dir, command) < 0)
		return -ENOMEM;
	return 0;
}

/* The caller's variables, before them those of a terminal; a later one wins. */
static size_t merge_env(const struct upstream_spec *spec, struct exec_env *env)
{
	static const struct exec_env terminal[] = { { "TERM", "xterm-256color" },
		{ "COLORTERM", "truecolor" } };
	size_t n = 0;

	for (size_t i = 0; spec->kind == UPSTREAM_SHELL && i < ARRAY_SIZE(terminal); i++) {
		bool given = false;

		for (size_t j = 0; j < spec->n_env; j++)
			given = given || strcmp(spec->env[j].name, terminal[i].name) == 0;
		if (!given)
			env[n++] = terminal[i];
	}
	for (size_t i = 0; i < spec->n_env; i++)
		env[n++] =
			(struct exec_env){ .name = spec->env[i].name, .value = spec->env[i].value };
	return n;
}

static int put_init(
	struct stream *s, const struct upstream_spec *spec, const char *const *argv, size_t n_argv)
{
	_cleanup_(freep) struct exec_env *env = calloc(spec->n_env + 2, sizeof(*env));
	struct exec_init init = { .sandbox_id = s->sandbox_id,
		.argv = argv,
		.n_argv = n_argv,
		.tty = s->is_shell,
		.cols = s->is_shell ? spec->cols : 0,
		.rows = s->is_shell ? spec->rows : 0,
		.env = env,
		.container = s->container };

	if (!env)
		return -ENOMEM;
	init.n_env = merge_env(spec, env);
	return exec_put_init(&s->call.request, &init);
}

int stream_exec_prepare(struct stream *s, const struct upstream_spec *spec)
{
	const char *const *argv = spec->n_argv ? spec->argv : login_shell;
	size_t n_argv = spec->n_argv ? spec->n_argv : ARRAY_SIZE(login_shell);
	_cleanup_(freep) char *script = NULL;
	const char *wrapped[] = { "/bin/sh", "-c", NULL };
	int r;

	call_init(&s->call, &exec_call_ops);
	s->call.wide = !s->is_shell;
	start_reader(s, &plain_ops);
	s->exec.cols = s->exec.told_cols = spec->cols;
	s->exec.rows = s->exec.told_rows = spec->rows;
	if (!spec->cwd || !*spec->cwd)
		return put_init(s, spec, argv, n_argv);
	r = wrap_cwd(spec->cwd, argv, n_argv, &script);
	if (r < 0)
		return r;
	wrapped[2] = script;
	return put_init(s, spec, wrapped, ARRAY_SIZE(wrapped));
}

int stream_exec_script(
	struct stream *s, const char *const *argv, size_t n_argv, const struct stream_exec_ops *ops)
{
	const struct upstream_spec spec = { .kind = UPSTREAM_EXEC };
	int r;

	call_done(&s->call);
	call_init(&s->call, &exec_call_ops);
	s->call.wide = true;
	start_reader(s, ops);
	r = put_init(s, &spec, argv, n_argv);
	return r < 0 ? r : exec_begin(s);
}

void stream_exec_done(struct stream *s)
{
	if (s->exec.ops)
		exec_reader_done(&s->exec.reader);
}
