#include "daemon/sandboxes.h"

#include <string.h>
#include <sys/random.h>

#include "daemon/create.h"
#include "daemon/describe.h"
#include "daemon/endpoint.h"
#include "daemon/outcome.h"
#include "daemon/probe.h"

#define SNAPSHOTS_OF_ONE_MAX 64 /* ids in one answer */

struct ask {
	struct grave grave;
	struct unary call;
	struct probe probe;
	struct pool *pool;
	struct endpoint *ep;
	struct request *req; /* NULL: answered or taken back; one that holds stays */
	enum request_kind kind;
	char *sandbox_id;    /* NULL until known */
	struct event *timer; /* the pause before another attempt */
	uint64_t until_usec;
	unsigned n_attempts;
	bool wait, buried;
	bool named; /* the client chose the request's id: it may ask for the same sandbox again */
	bool unwanted; /* nobody is told of the sandbox, or stays: it is deleted once it is known */
};

static void ask_free(struct grave *g)
{
	struct ask *a = container_of(g, struct ask, grave);

	unary_done(&a->call);
	probe_done(&a->probe);
	if (a->timer)
		event_free(a->timer);
	endpoint_unref(a->ep);
	free(a->sandbox_id);
	free(a);
}

/* It was answered or taken back: goes when nothing of it runs. */
static void rest(struct ask *a)
{
	if (a->req || a->unwanted || a->buried || a->probe.active || !call_is_idle(&a->call.call))
		return;
	a->buried = true;
	event_del(a->timer);
	list_unlink(&a->grave.link);
	pool_bury(a->pool, &a->grave);
}

/* ---- answers ------------------------------------------------------------------------------------ */

static void answered(struct ask *a)
{
	struct request *req = a->req;

	a->req = NULL;
	request_done(req);
	rest(a);
}

static void delete_unwanted(struct ask *a);

static void failed(struct ask *a, const struct outcome *o)
{
	struct request *req = a->req;

	a->req = NULL;
	if (req)
		request_fail(req, &o->error);
	rest(a);
}

/* One that was made for a client that holds it goes: what is told is an error, and not its id. */
static void failed_status(struct ask *a, const struct grpc_status *st)
{
	const bool unwanted = a->req && a->req->hold && a->sandbox_id;
	struct outcome o;

	outcome_of_status(&o, st, a->ep->name, a->sandbox_id, false);
	a->unwanted = unwanted;
	failed(a, &o);
	if (unwanted)
		delete_unwanted(a);
}

static void failed_answer(struct ask *a)
{
	struct grpc_status st = { 0 };

	grpc_status_set(&st, GRPC_INTERNAL, NULL, "the service's answer cannot be read");
	failed_status(a, &st);
	grpc_status_done(&st);
}

static void answer_sandbox(struct ask *a, const Coreweave__Sandbox__V1__Sandbox *sb)
{
	describe_sandbox(request_result(a->req, DESCRIBE_FIELDS), sb, DESCRIBE_ALL);
	if (a->req->hold)
		request_done(a->req); /* sandboxes_cancel() will come */
	else
		answered(a);
}

static void on_probed(struct probe *p, enum probe_result result, const struct grpc_status *st)
{
	struct ask *a = container_of(p, struct ask, probe);
	const Coreweave__Sandbox__V1__SandboxStatus *status =
		p->sandbox ? p->sandbox->status : NULL;
	struct outcome o;

	if (!a->req)
		return rest(a);
	if (result == PROBE_FAILED)
		return failed_status(a, st);
	if (result == PROBE_RUNS)
		return answer_sandbox(a, p->sandbox);
	outcome_of_end(&o, a->sandbox_id, probe_state_name(status ? (int)status->state : 0),
		status ? status->state_reason : NULL);
	failed(a, &o);
}

static int learn_id(struct ask *a, const Coreweave__Sandbox__V1__Sandbox *sb)
{
	a->sandbox_id = strdup(sb->sandbox_id);
	return a->sandbox_id ? 0 : -ENOMEM;
}

static void on_sandbox(struct ask *a)
{
	Coreweave__Sandbox__V1__Sandbox *sb =
		coreweave__sandbox__v1__sandbox__unpack(NULL, a->call.n, a->call.answer);

	if (!sb || !*sb->sandbox_id)
		failed_answer(a);
	else if (a->kind == REQUEST_SANDBOX_CREATE && learn_id(a, sb) < 0)
		failed_answer(a);
	else if (!a->wait)
		answer_sandbox(a, sb);
	else if (probe_start(&a->probe, a->ep, a->sandbox_id, true) < 0)
		failed_answer(a);
	if (sb)
		coreweave__sandbox__v1__sandbox__free_unpacked(sb, NULL);
}

static void on_list(struct ask *a)
{
	Coreweave__Sandbox__V1__ListSandboxesResponse *list =
		coreweave__sandbox__v1__list_sandboxes_response__unpack(
			NULL, a->call.n, a->call.answer);
	struct frame_out *out;

	if (!list || list->n_sandboxes > DESCRIBE_LIST_MAX) {
		failed_answer(a);
	} else {
		out = request_result(a->req, 2);
		describe_list(out, list);
		answered(a);
	}
	if (list)
		coreweave__sandbox__v1__list_sandboxes_response__free_unpacked(list, NULL);
}

static void on_delete(struct ask *a)
{
	Coreweave__Sandbox__V1__DeleteSandboxResponse *m =
		coreweave__sandbox__v1__delete_sandbox_response__unpack(
			NULL, a->call.n, a->call.answer);
	struct frame_out *out;

	if (!m)
		return failed_answer(a);
	out = request_result(a->req, m->sandbox ? 2 : FRAME_NIL);
	if (m->sandbox) {
		size_t n = min_size(m->n_file_system_snapshot_ids, SNAPSHOTS_OF_ONE_MAX);

		frame_put_map(out, "sandbox", DESCRIBE_FIELDS);
		describe_sandbox(out, m->sandbox, DESCRIBE_ALL);
		frame_put_array(out, "snapshot_ids", n);
		for (size_t i = 0; i < n; i++)
			frame_add_str(out, m->file_system_snapshot_ids[i]);
	}
	coreweave__sandbox__v1__delete_sandbox_response__free_unpacked(m, NULL);
	answered(a);
}

static void on_snapshot(struct ask *a)
{
	Coreweave__Sandbox__V1__FileSystemSnapshot *m =
		coreweave__sandbox__v1__file_system_snapshot__unpack(
			NULL, a->call.n, a->call.answer);

	if (!m)
		return failed_answer(a);
	if (*m->file_system_snapshot_id)
		describe_snapshot(request_result(a->req, DESCRIBE_SNAPSHOT_FIELDS), m);
	else
		request_result(a->req, FRAME_NIL); /* it was missing, and might be */
	coreweave__sandbox__v1__file_system_snapshot__free_unpacked(m, NULL);
	answered(a);
}

static void on_snapshots(struct ask *a)
{
	Coreweave__Sandbox__V1__ListFileSystemSnapshotsResponse *list =
		coreweave__sandbox__v1__list_file_system_snapshots_response__unpack(
			NULL, a->call.n, a->call.answer);

	if (!list || list->n_file_system_snapshots > SANDBOXES_PAGE_MAX) {
		failed_answer(a);
	} else {
		describe_snapshots(request_result(a->req, 2), list);
		answered(a);
	}
	if (list)
		coreweave__sandbox__v1__list_file_system_snapshots_response__free_unpacked(
			list, NULL);
}

/* ---- the call ----------------------------------------------------------------------------------- */

static const struct {
	const char *path;
	void (*on_answer)(struct ask *a);
	int (*put)(struct grpc_outbox *o, const msgpack_object *params);
} methods[] = {
	[REQUEST_SANDBOX_CREATE] = { CALL_PREFIX "CreateSandbox", on_sandbox, create_put },
	[REQUEST_SANDBOX_GET] = { CALL_PREFIX "GetSandbox", on_sandbox, create_put_get },
	[REQUEST_SANDBOX_LIST] = { CALL_PREFIX "ListSandboxes", on_list, create_put_list },
	[REQUEST_SANDBOX_DELETE] = { CALL_PREFIX "DeleteSandbox", on_delete, create_put_delete },
	[REQUEST_SNAPSHOT_CREATE] = { CALL_PREFIX "CreateFileSystemSnapshot", on_snapshot,
		create_put_snapshot },
	[REQUEST_SNAPSHOT_GET] = { CALL_PREFIX "GetFileSystemSnapshot", on_snapshot,
		create_put_snapshot_get },
	[REQUEST_SNAPSHOT_LIST] = { CALL_PREFIX "ListFileSystemSnapshots", on_snapshots,
		create_put_snapshot_list },
	[REQUEST_SNAPSHOT_DELETE] = { CALL_PREFIX "DeleteFileSystemSnapshot", on_snapshot,
		create_put_snapshot_delete },
};

static int start(struct ask *a)
{
	uint64_t now = loop_now(a->pool->loop);

	a->n_attempts++;
	return unary_start(&a->call, a->ep, methods[a->kind].path,
		a->until_usec > now ? a->until_usec - now : 1);
}

/* Asked twice it does the same: a deletion, and all of snapshots. */
static bool is_repeatable(enum request_kind kind)
{
	return kind == REQUEST_SANDBOX_DELETE || kind == REQUEST_SNAPSHOT_CREATE ||
	       kind == REQUEST_SNAPSHOT_GET || kind == REQUEST_SNAPSHOT_LIST ||
	       kind == REQUEST_SNAPSHOT_DELETE;
}

/* One that the service could not take now, or whose answer to the first attempt was lost. */
static bool ask_again(struct ask *a, const struct grpc_status *st)
{
	uint64_t now = loop_now(a->pool->loop), pause;
	struct timeval tv;
	uint32_t chance = 0;

	if (!is_repeatable(a->kind) || now >= a->until_usec || a->pool->closing)
		return false;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = UINT32_MAX / 2;
	if (!retry_unavailable(st, a->n_attempts, a->until_usec - now, chance, &pause))
		return false;
	tv = (struct timeval){ .tv_sec = (time_t)(pause / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(pause % USEC_PER_SEC) };
	event_add(a->timer, &tv);
	pool_pause(a->pool, &a->grave);
	return true;
}

/* ---- a sandbox that nobody knows --------------------------------------------------------------- */

/* It runs on, if it is there at all; its end is not ours to see to any more. */
static void give_up(struct ask *a, const char *why)
{
	if (a->sandbox_id)
		journal_say(a->pool->journal, JOURNAL_WARNING,
			"no client knows of sandbox %s, and it cannot be deleted: %s",
			a->sandbox_id, why ? why : "the service does not say why");
	a->unwanted = false;
	rest(a);
}

static void delete_unwanted(struct ask *a)
{
	Coreweave__Sandbox__V1__DeleteSandboxRequest m =
		COREWEAVE__SANDBOX__V1__DELETE_SANDBOX_REQUEST__INIT;
	int r;

	if (a->pool->closing)
		return give_up(a, "the daemon is shutting down");
	a->kind = REQUEST_SANDBOX_DELETE;
	a->n_attempts = 0;
	a->until_usec = loop_now(a->pool->loop) + SANDBOXES_CALL_SEC * USEC_PER_SEC;
	m.sandbox_id = a->sandbox_id;
	m.allow_missing = true;
	grpc_outbox_done(&a->call.call.request);
	r = unary_put(&a->call.call.request, &m.base);
	if (r == 0)
		r = start(a);
	if (r < 0)
		give_up(a, strerror(-r));
}

/* The answer to its creation: nothing was made, or the sandbox has a name to be deleted by. */
static void learn_unwanted(struct ask *a, const struct grpc_status *st)
{
	Coreweave__Sandbox__V1__Sandbox *sb = NULL;

	if (st->code == GRPC_OK)
		sb = coreweave__sandbox__v1__sandbox__unpack(NULL, a->call.n, a->call.answer);
	if (sb && *sb->sandbox_id)
		a->sandbox_id = strdup(sb->sandbox_id);
	if (sb)
		coreweave__sandbox__v1__sandbox__free_unpacked(sb, NULL);
	if (a->sandbox_id)
		delete_unwanted(a);
	else
		give_up(a, st->message);
}

static void on_unwanted(struct ask *a, const struct grpc_status *st)
{
	if (a->kind == REQUEST_SANDBOX_CREATE)
		return learn_unwanted(a, st);
	if (st->code != GRPC_OK && st->code != GRPC_NOT_FOUND) {
		if (!ask_again(a, st))
			give_up(a, st->message);
		return;
	}
	a->unwanted = false;
	rest(a);
}

/* ---- the call, answered ------------------------------------------------------------------------- */

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct ask *a = arg;

	(void)fd;
	(void)events;
	list_unlink(&a->grave.link);
	if (start(a) == 0)
		return;
	if (a->unwanted)
		give_up(a, "the call cannot be made");
	else
		failed_answer(a);
}

static void on_end(struct unary *u, const struct grpc_status *st)
{
	struct ask *a = container_of(u, struct ask, call);

	if (a->unwanted)
		return on_unwanted(a, st);
	if (!a->req)
		return rest(a);
	if (st->code == GRPC_OK)
		return methods[a->kind].on_answer(a);
	if ((a->kind == REQUEST_SANDBOX_DELETE || a->kind == REQUEST_SNAPSHOT_DELETE) &&
		st->code == GRPC_NOT_FOUND && a->n_attempts > 1) {
		request_result(a->req, FRAME_NIL); /* the attempt before did it */
		return answered(a);
	}
	if (!ask_again(a, st))
		failed_status(a, st);
}

/* ---- beginning ---------------------------------------------------------------------------------- */

static int read_params(struct ask *a, const msgpack_object *params)
{
	uint64_t timeout_ms = SANDBOXES_CALL_SEC * 1000;
	struct frame_span id;

	frame_get_u64(params, "timeout_ms", 1, UINT32_MAX, &timeout_ms);
	a->until_usec = loop_now(a->pool->loop) + timeout_ms * USEC_PER_MSEC;
	frame_get_bool(params, "wait", &a->wait);
	a->wait = a->wait && a->kind == REQUEST_SANDBOX_CREATE;
	a->named = frame_get_str(params, "request_id", &id) == 0;
	if (a->kind != REQUEST_SANDBOX_CREATE && frame_get_str(params, "sandbox_id", &id) == 0) {
		a->sandbox_id = strndup(id.data, id.n);
		if (!a->sandbox_id)
			return -ENOMEM;
	}
	return methods[a->kind].put(&a->call.call.request, params);
}

static int refuse_state(struct request *req)
{
	const struct request_error e = { .code = "bad_params",
		.field = "state",
		.message = "There is no such state of a sandbox." };

	request_fail(req, &e);
	return 0;
}

int sandboxes_ask(struct pool *pool, struct endpoint *ep, struct request *req)
{
	struct ask *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->pool = pool;
	a->ep = ep;
	a->req = req;
	a->kind = req->kind;
	list_init(&a->grave.link);
	a->grave.free = ask_free;
	endpoint_ref(ep);
	unary_init(&a->call, on_end);
	probe_init(&a->probe, on_probed);
	a->timer = evtimer_new(pool->loop->base, on_timer, a);
	r = a->timer ? read_params(a, req->frame.params) : -ENOMEM;
	if (r == 0)
		r = start(a);
	if (r == 0) {
		req->rim = a;
		return 0;
	}
	ask_free(&a->grave);
	return r == -EINVAL ? refuse_state(req) : r;
}

/* The service may have heard of it. */
static bool is_under_way(const struct ask *a)
{
	return a->call.call.state != CALL_WAITING;
}

void sandboxes_cancel(struct request *req)
{
	struct ask *a = req->rim;

	a->req = NULL;
	a->unwanted =
		a->kind == REQUEST_SANDBOX_CREATE && !a->named && !req->kept && is_under_way(a);
	probe_stop(&a->probe);
	if (a->unwanted && a->sandbox_id)
		return delete_unwanted(a);
	if (!a->unwanted)
		call_cancel(&a->call.call, NULL);
	rest(a);
}
