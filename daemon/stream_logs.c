#include <string.h>

#include "daemon/endpoint.h"
#include "daemon/stream.h"

/* The official client's: attempts in a row without data, and the pauses between them. */
#define LOGS_ATTEMPTS_MAX 3
#define LOGS_PAUSE_MIN_USEC (500 * USEC_PER_MSEC)
#define LOGS_PAUSE_MAX_USEC (4 * USEC_PER_SEC)

static int put_request(struct stream *s, bool resume)
{
	Coreweave__Sandbox__V1__StreamLogsRequest m =
		COREWEAVE__SANDBOX__V1__STREAM_LOGS_REQUEST__INIT;
	Google__Protobuf__Timestamp since = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

	since.seconds = (int64_t)(s->logs.since_usec / USEC_PER_SEC);
	since.nanos = (int32_t)(s->logs.since_usec % USEC_PER_SEC * 1000);
	m.sandbox_id = s->sandbox_id;
	m.follow = s->follow;
	m.container = s->container ? s->container : m.container;
	if (resume) {
		m.resume_log_session_id = s->logs.log_session;
		m.resume_log_offset = s->logs.offset;
	} else {
		m.timestamps = s->timestamps;
		m.tail_lines = (int32_t)s->logs.tail_lines;
		m.since_time = s->logs.since_usec ? &since : NULL;
	}
	grpc_outbox_done(&s->call.request);
	return unary_put(&s->call.request, &m.base);
}

static void forget_session(struct stream *s)
{
	free(s->logs.log_session);
	s->logs.log_session = NULL;
	s->logs.offset = 0;
}

/* ---- going on after a break --------------------------------------------------------------------- */

enum again { AGAIN_NOT, AGAIN_RESUME, AGAIN_FRESH };

/* A fresh request would repeat or skip what was read: only `resume`, or where nothing was read yet. */
static enum again after_status(const struct stream *s, const struct grpc_status *st)
{
	if (!s->follow || (st->code != GRPC_UNAVAILABLE && st->code != GRPC_INTERNAL &&
				  st->code != GRPC_UNKNOWN))
		return AGAIN_NOT;
	return s->logs.log_session ? AGAIN_RESUME : s->logs.got_data ? AGAIN_NOT : AGAIN_FRESH;
}

static enum again after_frame(const struct stream *s, const char *code)
{
	static const char *const fresh[] = { "SESSION_NOT_FOUND", "REPLAY_GAP",
		"RUNNER_UNAVAILABLE", "RUNNER_DRAINING" };

	if (!s->follow)
		return AGAIN_NOT;
	if (strcmp(code, "STREAM_INTERRUPTED") == 0)
		return s->logs.log_session ? AGAIN_RESUME
		       : s->logs.got_data  ? AGAIN_NOT
					   : AGAIN_FRESH;
	for (size_t i = 0; i < ARRAY_SIZE(fresh); i++)
		if (strcmp(code, fresh[i]) == 0)
			return s->logs.got_data ? AGAIN_NOT : AGAIN_FRESH;
	return AGAIN_NOT;
}

static bool try_again(struct stream *s, enum again how)
{
	uint64_t pause = LOGS_PAUSE_MIN_USEC << s->logs.n_fruitless;

	if (how == AGAIN_NOT || s->logs.n_fruitless >= LOGS_ATTEMPTS_MAX)
		return false;
	s->logs.n_fruitless++;
	if (how == AGAIN_FRESH)
		forget_session(s);
	stream_arm(s, pause < LOGS_PAUSE_MAX_USEC ? pause : LOGS_PAUSE_MAX_USEC);
	return true;
}

/* ---- entries ------------------------------------------------------------------------------------ */

static int keep_position(struct stream *s, const Coreweave__Sandbox__V1__LogEntry *e)
{
	char *copy;

	if (e->log_session_id && *e->log_session_id &&
		(!s->logs.log_session || strcmp(s->logs.log_session, e->log_session_id) != 0)) {
		copy = strdup(e->log_session_id);
		if (!copy)
			return -ENOMEM;
		forget_session(s);
		s->logs.log_session = copy;
	}
	s->logs.offset = e->next_log_offset;
	return 0;
}

/* The call is over; what it says is seen to when it has ended. */
static void on_error_frame(struct stream *s, const Coreweave__Sandbox__V1__LogStreamError *e)
{
	enum again how = after_frame(s, e->code);
	struct outcome o;

	s->logs.again = how != AGAIN_NOT;
	s->logs.again_fresh = how == AGAIN_FRESH;
	if (how != AGAIN_NOT)
		return call_cancel(&s->call, NULL);
	outcome_of_frame(&o, "Log", e->code, e->message);
	stream_fail(s, &o);
}

/* The window of all but the data goes back at once. */
static int on_entry(struct stream *s, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__LogEntry *e =
		coreweave__sandbox__v1__log_entry__unpack(NULL, n, data);
	int r = 0;

	if (!e)
		return -EBADMSG;
	call_consume(&s->call, n - e->data.len);
	if (e->data.len > 0 && stream_output(s, e->data.data, e->data.len, LOG_STDOUT)) {
		s->logs.got_data = true;
		s->logs.n_fruitless = 0;
		r = keep_position(s, e);
	}
	if (r == 0 && e->error && e->error->code && *e->error->code)
		on_error_frame(s, e->error);
	coreweave__sandbox__v1__log_entry__free_unpacked(e, NULL);
	return r;
}

static int on_part(struct call *c, const struct grpc_part *part)
{
	struct stream *s = stream_of_call(c);
	const uint8_t *data = NULL;
	size_t n = 0;
	int r;

	if (s->ended || s->closed || s->logs.again) {
		call_consume(c, part->n);
		return 0;
	}
	stream_up(s);
	r = grpc_gather_feed(&s->logs.gather, part, &data, &n);
	return r == GRPC_GATHER_WHOLE ? on_entry(s, data, n) : r;
}

static void on_done(struct call *c, const struct grpc_status *st)
{
	struct stream *s = stream_of_call(c);
	const struct session_end ok = { .failed = false };
	enum again how = s->logs.again ? (s->logs.again_fresh ? AGAIN_FRESH : AGAIN_RESUME)
				       : after_status(s, st);

	s->logs.again = false;
	grpc_gather_done(&s->logs.gather);
	if (s->closed || s->ended)
		return stream_rest(s);
	if (st->code == GRPC_OK && how == AGAIN_NOT)
		return stream_end(s, &ok);
	if (!try_again(s, how))
		stream_fail_status(s, st);
}

static const struct call_ops logs_call_ops = { .on_part = on_part, .on_done = on_done };

static int logs_begin(struct stream *s)
{
	int r = put_request(s, s->logs.log_session != NULL);

	return r < 0 ? r : stream_call(s, CALL_PREFIX "StreamLogs");
}

static void logs_again(struct stream *s)
{
	struct outcome o;
	int r = logs_begin(s);

	if (r == 0)
		return;
	outcome_set(
		&o, "no_memory", "refused", "The logs cannot be followed on: %s.", strerror(-r));
	stream_fail(s, &o);
}

const struct stream_kind stream_logs_kind = {
	.begin = logs_begin, .on_timer = logs_again, .ended_too = true
};

int stream_logs_prepare(struct stream *s, const struct upstream_spec *spec)
{
	uint64_t window = s->pool->cfg->log_bytes;

	call_init(&s->call, &logs_call_ops);
	s->call.wide = true;
	/* An entry is held whole while its window is: it must fit with room to spare. */
	s->call.message_max =
		window < STREAM_LOG_ENTRY_MAX * 2 ? (size_t)window / 2 : STREAM_LOG_ENTRY_MAX;
	s->follow = spec->follow;
	s->timestamps = spec->timestamps;
	s->logs.tail_lines = spec->tail_lines;
	s->logs.since_usec = spec->since_usec;
	return 0;
}

void stream_logs_done(struct stream *s)
{
	grpc_gather_done(&s->logs.gather);
	forget_session(s);
}
