/* StreamLogs: the main process's output, from the log of its sandbox */
#include <stdio.h>
#include <string.h>

#include "local/box_main.h"
#include "local/log.h"
#include "local/request.h"
#include "local/service.h"

#define CHUNK_BYTES 16384

struct logs {
	struct call *call;
	struct sandbox *sb;
	struct container *container;
	struct log_waiter waiter;
	struct log_reader reader;
	struct log_session *session; /* NULL: another stream has it now */
	uint64_t from;               /* what is before this offset the client has already */
	bool follow, over;
};

static int put_entry(struct logs *l, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__LogEntry m = COREWEAVE__SANDBOX__V1__LOG_ENTRY__INIT;
	Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	uint64_t wall = l->call->service->loop->clock.wall_usec;

	t.seconds = (int64_t)(wall / USEC_PER_SEC);
	t.nanos = (int32_t)(wall % USEC_PER_SEC) * 1000;
	m.data = (ProtobufCBinaryData){ .data = (uint8_t *)data, .len = n };
	m.timestamp = &t;
	m.log_session_id = l->session->id;
	m.next_log_offset = l->session->sent;
	return call_put(l->call, &m.base);
}

/* The last entry of a stream that cannot go on; the status stays OK. */
static void put_error(struct call *call, const char *code, const char *message)
{
	Coreweave__Sandbox__V1__LogEntry m = COREWEAVE__SANDBOX__V1__LOG_ENTRY__INIT;
	Coreweave__Sandbox__V1__LogStreamError e = COREWEAVE__SANDBOX__V1__LOG_STREAM_ERROR__INIT;

	e.code = (char *)code;
	e.message = (char *)message;
	m.error = &e;
	call_put(call, &m.base);
}

static void give_up(struct logs *l, const char *code, const char *message)
{
	l->over = true;
	put_error(l->call, code, message);
}

/* What is read counts as sent, and what the client has already is left out. */
static bool next_bytes(struct logs *l, uint8_t *buf, size_t cap, const uint8_t **ret, size_t *ret_n)
{
	uint64_t had;
	size_t n = 0;

	do {
		if (log_reader_read(&l->reader, buf, cap, &n) == LOG_E_LOST) {
			give_up(l, "STREAM_TRUNCATED",
				"the reader was slower than the log is long");
			return false;
		}
		log_session_sent(l->session, n, &l->reader);
	} while (n && l->session->sent <= l->from);
	had = l->session->sent - n < l->from ? l->from - (l->session->sent - n) : 0;
	*ret = buf + had;
	*ret_n = n - (size_t)had;
	return n > 0;
}

/* The next entry into the call's outbox; false: there is none now. */
static bool next_entry(struct logs *l)
{
	uint8_t buf[CHUNK_BYTES];
	const uint8_t *data;
	size_t n = 0;

	if (l->over)
		return false;
	if (!next_bytes(l, buf, sizeof(buf), &data, &n))
		return l->over;
	if (list_linked(&l->waiter.link))
		box_main_followed(box_main_of(box_of(l->sb), l->container), &l->waiter);
	return !put_entry(l, data, n);
}

static size_t logs_read(struct call *call, uint8_t *buf, size_t n)
{
	struct logs *l = call->state;
	struct grpc_status ok = { 0 };

	if (next_entry(l))
		return grpc_outbox_read(&call->out, buf, n);
	if (l->follow && !l->container->log.ended && !l->over)
		return 0; /* until it grows */
	if (!call->answered)
		call_finish_later(call, &ok);
	return 0;
}

static void logs_wake(struct log_waiter *w)
{
	struct logs *l = container_of(w, struct logs, waiter);

	grpc_resume(&l->call->rpc);
}

static void logs_end(struct call *call)
{
	struct logs *l = call->state;

	list_unlink(&l->waiter.link);
	if (l->session)
		log_session_leave(&call->service->log_sessions, l->session,
			call->service->loop->clock.now_usec);
	sandbox_unref(l->sb);
	free(l);
	call->state = NULL;
}

static void logs_break(struct call *call, const char *code, const char *message)
{
	struct logs *l = call->state;

	l->over = true;
	list_unlink(&l->waiter.link);
	put_error(call, code, message);
	call_finish(call);
}

static const struct call_ops logs_ops = {
	.read = logs_read, .on_end = logs_end, .on_break = logs_break
};

static uint64_t wall_of(const Google__Protobuf__Timestamp *t)
{
	if (!t || t->seconds < 0 || t->seconds > INT32_MAX * INT64_C(64) || t->nanos < 0)
		return 0;
	return (uint64_t)t->seconds * USEC_PER_SEC + (uint64_t)t->nanos / 1000;
}

typedef Coreweave__Sandbox__V1__StreamLogsRequest Request;

static void begin(struct logs *l, const Request *req)
{
	struct call *call = l->call;

	l->sb = sandbox_ref(l->sb);
	l->follow = req->follow;
	l->waiter.wake = logs_wake;
	l->waiter.reader = &l->reader;
	list_init(&l->waiter.link);
	if (req->follow && box_of(l->sb))
		list_append(&box_main_of(box_of(l->sb), l->container)->waiters, &l->waiter.link);
	call->state = l;
	call->ops = &logs_ops;
	call_arm_deadline(call);
	grpc_resume(&call->rpc);
}

static int start(struct logs *l, const Request *req)
{
	const struct log_start from = {
		.tail_lines = (uint64_t)req->tail_lines,
		.since_usec = wall_of(req->since_time),
		.timestamps = req->timestamps,
	};

	log_reader_start(&l->reader, &l->container->log, &from);
	return log_session_begin(&l->call->service->log_sessions, &l->reader, l, &l->session);
}

/* Said in band, as clients expect. */
static void refuse_resume(struct call *call, int why)
{
	if (why == LOG_SESSION_E_OFFSET)
		put_error(call, "INVALID_RESUME_OFFSET", "the stream had not come that far");
	else if (why == LOG_SESSION_E_GAP)
		put_error(call, "REPLAY_GAP", "what comes next is not kept any more");
	else
		put_error(call, "SESSION_NOT_FOUND", "there is no such log session (any more)");
	call_finish(call);
}

/* Whoever has the stream now may not know yet that its connection is gone. */
static void take_from(struct logs *before)
{
	before->session = NULL;
	give_up(before, "STREAM_INTERRUPTED", "another stream continues this one");
	grpc_resume(&before->call->rpc);
}

static int resume(struct logs *l, const Request *req)
{
	struct log_place from;
	void *before = NULL;
	int r = log_session_resume(&l->call->service->log_sessions, req->resume_log_session_id,
		&l->container->log, req->resume_log_offset, l, &l->session, &from, &before);

	if (r)
		return r;
	if (before)
		take_from(before);
	l->reader = from.reader;
	l->from = req->resume_log_offset;
	return l->reader.pos < l->container->log.tail ? LOG_SESSION_E_GAP : 0;
}

static void check(struct call *call, const Request *req, struct logs *l)
{
	bool again = *req->resume_log_session_id;
	int r;

	l->sb = call_sandbox(call, req->sandbox_id);
	if (!l->sb)
		return free(l);
	l->container = sandbox_container(l->sb, req->container);
	if (req->tail_lines < 0)
		call_fail_field(call, "tail_lines", "must not be negative");
	else if (again && (!req->follow || req->tail_lines || req->since_time || req->timestamps))
		call_fail_field(call, "resume_log_session_id",
			"needs follow, and excludes tail_lines, since_time and timestamps");
	else if (!l->container)
		call_fail_field(call, "container", "no such container");
	if (call->answered)
		return free(l);
	log_recover(&l->container->log);
	r = again ? resume(l, req) : start(l, req);
	if (!r)
		return begin(l, req);
	if (l->session)
		log_session_leave(&call->service->log_sessions, l->session,
			call->service->loop->clock.now_usec);
	free(l);
	if (again)
		refuse_resume(call, r);
	else
		call_fail_memory(call);
}

static void on_logs(struct call *call, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__StreamLogsRequest *req =
		request_unpack(&coreweave__sandbox__v1__stream_logs_request__descriptor, data, n);
	struct logs *l;

	if (!req)
		return call_fail_not_understood(call);
	l = calloc(1, sizeof(*l));
	if (l) {
		l->call = call;
		check(call, req, l);
	} else {
		call_fail_memory(call);
	}
	coreweave__sandbox__v1__stream_logs_request__free_unpacked(req, NULL);
}

const struct method logs_methods[] = {
	{ .name = "StreamLogs", .permission = PERMISSION(STREAM_LOGS), .on_request = on_logs },
	{ 0 },
};
