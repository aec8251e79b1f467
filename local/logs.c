/* StreamLogs: the main process's output, from the log of its sandbox */
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "local/box_main.h"
#include "local/log.h"
#include "local/request.h"
#include "local/service.h"

#define CHUNK_BYTES 16384
#define SESSION_BYTES 33 /* 32 hexadecimal digits */

struct logs {
	struct call *call;
	struct sandbox *sb;
	struct container *container;
	struct log_waiter waiter;
	struct log_reader reader;
	bool follow, lost;
	char session[SESSION_BYTES];
	uint64_t sent; /* bytes of data */
};

static int put_entry(struct logs *l, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__LogEntry m = COREWEAVE__SANDBOX__V1__LOG_ENTRY__INIT;
	Google__Protobuf__Timestamp t = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	uint64_t wall = l->call->service->loop->clock.wall_usec;

	t.seconds = (int64_t)(wall / USEC_PER_SEC);
	t.nanos = (int32_t)(wall % USEC_PER_SEC) * 1000;
	l->sent += n;
	m.data = (ProtobufCBinaryData){ .data = (uint8_t *)data, .len = n };
	m.timestamp = &t;
	m.log_session_id = l->session;
	m.next_log_offset = l->sent;
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

/* The next entry into the call's outbox; false: there is none now. */
static bool next_entry(struct logs *l)
{
	uint8_t buf[CHUNK_BYTES];
	size_t n = 0;

	if (l->lost)
		return false;
	if (log_reader_read(&l->reader, buf, sizeof(buf), &n) == LOG_E_LOST) {
		l->lost = true;
		put_error(
			l->call, "STREAM_TRUNCATED", "the reader was slower than the log is long");
		return true;
	}
	if (n && list_linked(&l->waiter.link))
		box_main_followed(box_main_of(box_of(l->sb), l->container), &l->waiter);
	return n && !put_entry(l, buf, n);
}

static size_t logs_read(struct call *call, uint8_t *buf, size_t n)
{
	struct logs *l = call->state;
	struct grpc_status ok = { 0 };

	if (next_entry(l))
		return grpc_outbox_read(&call->out, buf, n);
	if (l->follow && !l->container->log.ended && !l->lost)
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
	sandbox_unref(l->sb);
	free(l);
	call->state = NULL;
}

static void logs_break(struct call *call, const char *code, const char *message)
{
	struct logs *l = call->state;

	l->lost = true;
	list_unlink(&l->waiter.link);
	put_error(call, code, message);
	call_finish(call);
}

static const struct call_ops logs_ops = {
	.read = logs_read, .on_end = logs_end, .on_break = logs_break
};

static int make_session(char out[SESSION_BYTES])
{
	uint8_t r[(SESSION_BYTES - 1) / 2];

	if (RAND_bytes(r, sizeof(r)) != 1)
		return -EIO;
	for (size_t i = 0; i < sizeof(r); i++)
		snprintf(out + 2 * i, 3, "%02x", r[i]);
	return 0;
}

static uint64_t wall_of(const Google__Protobuf__Timestamp *t)
{
	if (!t || t->seconds < 0 || t->seconds > INT32_MAX * INT64_C(64) || t->nanos < 0)
		return 0;
	return (uint64_t)t->seconds * USEC_PER_SEC + (uint64_t)t->nanos / 1000;
}

static void start(struct call *call, struct sandbox *sb, struct container *c,
	const Coreweave__Sandbox__V1__StreamLogsRequest *req)
{
	const struct log_start from = {
		.tail_lines = (uint64_t)req->tail_lines,
		.since_usec = wall_of(req->since_time),
		.timestamps = req->timestamps,
	};
	struct logs *l = calloc(1, sizeof(*l));

	if (!l || make_session(l->session)) {
		free(l);
		call_fail_with(call, GRPC_RESOURCE_EXHAUSTED, NULL, "out of memory");
		return;
	}
	l->call = call;
	l->sb = sandbox_ref(sb);
	l->container = c;
	l->follow = req->follow;
	log_reader_start(&l->reader, &c->log, &from);
	l->waiter.wake = logs_wake;
	l->waiter.reader = &l->reader;
	list_init(&l->waiter.link);
	if (req->follow && box_of(sb))
		list_append(&box_main_of(box_of(sb), c)->waiters, &l->waiter.link);
	call->state = l;
	call->ops = &logs_ops;
	call_arm_deadline(call);
	grpc_resume(&call->rpc);
}

static void check(struct call *call, const Coreweave__Sandbox__V1__StreamLogsRequest *req)
{
	struct sandbox *sb = call_sandbox(call, req->sandbox_id);
	bool resume = *req->resume_log_session_id;
	struct container *c;

	if (!sb)
		return;
	if (req->tail_lines < 0)
		return call_fail_field(call, "tail_lines", "must not be negative");
	if (resume && (!req->follow || req->tail_lines || req->since_time || req->timestamps))
		return call_fail_field(call, "resume_log_session_id",
			"needs follow, and excludes tail_lines, since_time and timestamps");
	c = sandbox_container(sb, req->container);
	if (!c)
		return call_fail_field(call, "container", "no such container");
	if (resume) {
		/* Sessions end with their stream here: none is ever known. Said in band, as clients
		 * expect. */
		put_error(call, "SESSION_NOT_FOUND", "there is no such log session");
		call_finish(call);
		return;
	}
	start(call, sb, c, req);
}

static void on_logs(struct call *call, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__StreamLogsRequest *req =
		request_unpack(&coreweave__sandbox__v1__stream_logs_request__descriptor, data, n);

	if (!req) {
		call_fail_with(call, GRPC_INVALID_ARGUMENT, REASON_INVALID_REQUEST,
			"the request is not a message of this method");
		return;
	}
	check(call, req);
	coreweave__sandbox__v1__stream_logs_request__free_unpacked(req, NULL);
}

const struct method logs_methods[] = {
	{ .name = "StreamLogs", .permission = PERMISSION(STREAM_LOGS), .on_request = on_logs },
	{ 0 },
};
