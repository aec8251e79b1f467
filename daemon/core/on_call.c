/* exec, logs, file.*: sessions without a name; sandbox.*, daemon.*: requests for the rim. */
#include "daemon/core/describe.h"
#include "daemon/core/methods.h"
#include "daemon/core/spec.h"

/* ---- calls with a stream ---- */

static void answer_call(struct client *c, const struct frame *f, const struct attachment *a)
{
	struct frame_out *o = &c->core->scratch;

	frame_begin_result(o, f->id, 3);
	frame_put_u64(o, "attachment", a->id);
	frame_put_u64(o, "window", a->credit.window);
	frame_put_u64(o, "input_window", CORE_INPUT_WINDOW);
	client_send(c);
}

/* One reader that holds the output for as long as it likes: the caller's pipe alone paces the call.
 */
static int call_begin(struct client *c, const struct upstream_spec *spec, uint64_t window,
	struct attachment **ret)
{
	struct session_config config = { .spec = spec, .call = true, .endpoint = c->endpoint };
	struct session *s;
	bool fresh;
	int r;

	r = session_new(&s, c->core, &config);
	if (r)
		return r;
	r = attachment_new(ret,
		&(struct attachment_config){ .session = s,
			.client = c,
			.policy = POLICY_BLOCK,
			.term = "",
			.window = window },
		&fresh);
	if (r)
		session_drop(s);
	return r;
}

static void call_start(struct client *c, const struct frame *f, enum upstream_kind kind)
{
	uint64_t window = c->core->config.window;
	struct upstream_spec spec;
	const char *field = NULL;
	struct attachment *a;
	int r;

	if (!core_takes_work(c, f, WORK_ATTACHMENT) || !client_has_endpoint(c, f))
		return;
	param_int(f, "window", &window);
	r = spec_read(f, kind, &spec, &field);
	if (r == SPEC_E_FIELD) {
		refuse_param(c, f, field);
		return;
	}
	if (!r)
		r = call_begin(c, &spec, window, &a);
	if (r)
		refuse_memory(c, f);
	else
		answer_call(c, f, a);
}

void on_exec(struct client *c, const struct frame *f)
{
	call_start(c, f, UPSTREAM_EXEC);
}

void on_logs(struct client *c, const struct frame *f)
{
	call_start(c, f, UPSTREAM_LOGS);
}

void on_file_read(struct client *c, const struct frame *f)
{
	call_start(c, f, UPSTREAM_FILE_READ);
}

void on_file_write(struct client *c, const struct frame *f)
{
	call_start(c, f, UPSTREAM_FILE_WRITE);
}

/* ---- requests ---- */

static void ask_rim(struct client *c, const struct frame *f, enum request_kind kind)
{
	if (request_start(c, kind, f))
		refuse_memory(c, f);
}

static void ask_service(struct client *c, const struct frame *f, enum request_kind kind)
{
	if (core_takes_work(c, f, WORK_ATTACHMENT) && client_has_endpoint(c, f))
		ask_rim(c, f, kind);
}

void on_sandbox_create(struct client *c, const struct frame *f)
{
	ask_service(c, f, REQUEST_SANDBOX_CREATE);
}

void on_sandbox_keep(struct client *c, const struct frame *f)
{
	uint64_t id = 0;

	param_int(f, "request", &id);
	if (request_keep(c, id))
		answer_empty(c, f);
	else
		refuse_param(c, f, "request");
}

void on_sandbox_get(struct client *c, const struct frame *f)
{
	ask_service(c, f, REQUEST_SANDBOX_GET);
}

void on_sandbox_list(struct client *c, const struct frame *f)
{
	ask_service(c, f, REQUEST_SANDBOX_LIST);
}

void on_sandbox_delete(struct client *c, const struct frame *f)
{
	ask_service(c, f, REQUEST_SANDBOX_DELETE);
}

void on_snapshot_create(struct client *c, const struct frame *f)
{
	ask_service(c, f, REQUEST_SNAPSHOT_CREATE);
}

void on_snapshot_get(struct client *c, const struct frame *f)
{
	ask_service(c, f, REQUEST_SNAPSHOT_GET);
}

void on_snapshot_list(struct client *c, const struct frame *f)
{
	ask_service(c, f, REQUEST_SNAPSHOT_LIST);
}

void on_snapshot_delete(struct client *c, const struct frame *f)
{
	ask_service(c, f, REQUEST_SNAPSHOT_DELETE);
}

void on_daemon_status(struct client *c, const struct frame *f)
{
	ask_rim(c, f, REQUEST_DAEMON_STATUS);
}

#define LOST_NAMES_MAX 1000

/* The plain sessions that would be lost. */
static void refuse_shutdown(struct client *c, const struct frame *f)
{
	const struct registry *reg = &c->core->registry;
	size_t left = min_size(c->core->n_live, LOST_NAMES_MAX);
	struct frame_out *o = &c->core->scratch;

	frame_begin_error(o, f->id, "busy",
		"These sessions would be lost; end them first, or use `force`.", 1);
	frame_put_array(o, "sessions", left);
	for (size_t i = 0; i < reg->n && left; i++) {
		if (session_ended(reg->by_name[i]))
			continue;
		frame_add_str(o, reg->by_name[i]->name);
		left--;
	}
	client_send(c);
}

void on_daemon_shutdown(struct client *c, const struct frame *f)
{
	if (c->core->n_live && !param_bool(f, "force", false))
		refuse_shutdown(c, f);
	else
		ask_rim(c, f, REQUEST_DAEMON_SHUTDOWN);
}
