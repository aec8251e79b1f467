#include "common/wire/grpc.h"

#include <stdio.h>
#include <string.h>

#include "common/wire/grpc_status.h"

#define CONTENT_TYPE "application/grpc"
#define USER_AGENT "cwsandboxd/" PACKAGE_VERSION

static void end_with(struct grpc_call *call, struct grpc_status *st);

/* ---- received bytes to parts ---- */

static int in_prefix(struct grpc_call *call, const uint8_t *data, size_t n)
{
	size_t l = min_size(GRPC_PREFIX_BYTES - call->in.n_prefix, n);
	const uint8_t *p = call->in.prefix;

	memcpy(call->in.prefix + call->in.n_prefix, data, l);
	call->in.n_prefix = (uint8_t)(call->in.n_prefix + l);
	h2_consume(call->stream, l);
	call->in.size = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	call->in.offset = 0;
	return (int)l;
}

/* A complete prefix that may not be followed: sets `st` to what ends the call. */
static bool refuse_message(const struct grpc_call *call, struct grpc_status *st)
{
	size_t max = call->message_max ? call->message_max : GRPC_MESSAGE_MAX;
	int code = call->role == H2_SERVER ? GRPC_UNIMPLEMENTED : GRPC_INTERNAL;

	if (call->in.prefix[0] != 0)
		grpc_status_set(st, code, NULL, "compressed message; only identity is supported");
	else if (call->in.size > max)
		grpc_status_set(st, GRPC_RESOURCE_EXHAUSTED, NULL,
			"message of %zu bytes is larger than the limit of %zu", call->in.size, max);
	else
		return false;
	return true;
}

static void in_part(struct grpc_call *call, const uint8_t *data, size_t n)
{
	const struct grpc_part part = {
		.data = data, .n = n, .offset = call->in.offset, .message_size = call->in.size
	};
	struct grpc_status st = { 0 };
	int r;

	call->in.offset += n;
	if (call->in.offset == call->in.size)
		call->in.n_prefix = 0; /* the next message */
	r = call->ops->on_part ? call->ops->on_part(call, &part) : 0;
	if (r >= 0 || call->finishing)
		return;
	grpc_status_set(&st, GRPC_INTERNAL, NULL, "message not understood: %s", strerror(-r));
	end_with(call, &st);
}

static void on_data(struct h2_stream *stream, const uint8_t *data, size_t n, void *arg)
{
	struct grpc_call *call = arg;
	struct grpc_status st = { 0 };
	size_t at = 0;

	while (!call->finishing && at < n) {
		size_t l;

		if (call->in.n_prefix < GRPC_PREFIX_BYTES) {
			at += (size_t)in_prefix(call, data + at, n - at);
			if (call->in.n_prefix < GRPC_PREFIX_BYTES)
				break;
			if (refuse_message(call, &st))
				end_with(call, &st);
			else if (call->in.size == 0)
				in_part(call, data + at, 0);
			continue;
		}
		l = min_size(call->in.size - call->in.offset, n - at);
		in_part(call, data + at, l);
		at += l;
	}
	h2_consume(stream, n - at); /* nobody takes the rest */
}

/* ---- ends ---- */

/* Nothing more is told to the user but on_done, which will say `st`; takes its strings. */
static void settle(struct grpc_call *call, struct grpc_status *st)
{
	grpc_status_done(&call->status);
	call->status = *st;
	memset(st, 0, sizeof(*st));
	call->finishing = true;
}

/* The call can't go on: the server says so, the client cancels. Takes st's strings. */
static void end_with(struct grpc_call *call, struct grpc_status *st)
{
	if (call->role == H2_CLIENT)
		h2_reset(call->stream, H2_CANCEL);
	else
		grpc_finish(call, st);
	settle(call, st);
}

static void on_close(struct h2_stream *stream, uint32_t error, void *arg)
{
	struct grpc_call *call = arg;
	struct grpc_status st;

	if (call->role == H2_SERVER ? !h2_stream_ended(stream) : !call->finishing) {
		grpc_status_done(&call->status);
		if (h2_stream_lost(stream))
			grpc_status_from_loss(&call->status);
		else
			grpc_status_from_reset(&call->status, error);
		call->status.unprocessed |= h2_stream_unsent(stream);
		if (call->role == H2_SERVER)
			call->status.code = GRPC_CANCELLED;
	}
	st = call->status;
	memset(&call->status, 0, sizeof(call->status));
	call->stream = NULL;
	call->ops->on_done(call, &st); /* may free the call */
	grpc_status_done(&st);
}

static bool is_grpc(const char *type)
{
	size_t n = strlen(CONTENT_TYPE);

	return type && strncmp(type, CONTENT_TYPE, n) == 0 &&
	       (type[n] == '\0' || type[n] == '+' || type[n] == ';');
}

/* ---- client ---- */

static void client_headers(struct h2_stream *stream, bool trailers, void *arg)
{
	struct grpc_call *call = arg;
	const char *http = h2_stream_header(stream, ":status");
	const char *type = h2_stream_header(stream, "content-type");
	struct grpc_status st = { 0 };

	call->headers_seen = true;
	if (trailers || h2_stream_header(stream, "grpc-status") ||
		(http && strcmp(http, "200") == 0 && is_grpc(type)))
		return;
	grpc_status_from_http(&st, http, type);
	end_with(call, &st);
}

static void client_end(struct h2_stream *stream, void *arg)
{
	struct grpc_call *call = arg;
	struct grpc_status st = { 0 };

	if (call->finishing)
		return;
	grpc_status_from_headers(&st, stream);
	if (st.code == GRPC_OK && call->in.n_prefix > 0)
		grpc_status_set(&st, GRPC_INTERNAL, NULL, "the answer ends inside a message");
	settle(call, &st);
	if (!call->half_closed)
		h2_reset(stream, H2_NO_ERROR); /* the answer is whole: no need to send on */
}

static size_t client_read(
	struct h2_stream *stream, uint8_t *buf, size_t n, bool *ret_end, void *arg)
{
	struct grpc_call *call = arg;
	size_t l = call->ops->read(call, buf, n, ret_end);

	(void)stream;
	call->half_closed = *ret_end;
	return l;
}

static const struct h2_stream_ops client_ops = {
	.on_headers = client_headers,
	.on_data = on_data,
	.on_end = client_end,
	.read = client_read,
	.on_close = on_close,
};

static void call_reset(struct grpc_call *call, enum h2_role role)
{
	grpc_status_done(&call->status);
	memset(&call->in, 0, sizeof(call->in));
	call->role = role;
	call->deadline_usec = 0;
	call->headers_seen = call->headers_sent = call->half_closed = call->finishing = false;
}

int grpc_start(struct grpc_call *call, struct h2 *h2, const struct grpc_request *req)
{
	struct h2_header headers[H2_HEADERS_MAX] = {
		{ ":method", "POST" },
		{ ":scheme", req->scheme },
		{ ":path", req->path },
		{ ":authority", req->authority },
		{ "te", "trailers" },
		{ "content-type", CONTENT_TYPE },
		{ "user-agent", USER_AGENT },
		{ "grpc-accept-encoding", "identity" },
	};
	char timeout[GRPC_TIMEOUT_TEXT_MAX];
	size_t n = 8;
	int r;

	if (req->n_metadata > H2_HEADERS_MAX - n - 1)
		return -E2BIG;
	if (req->timeout_usec) {
		grpc_timeout_format(req->timeout_usec, timeout);
		headers[n++] = (struct h2_header){ "grpc-timeout", timeout };
	}
	for (size_t i = 0; i < req->n_metadata; i++)
		headers[n++] = req->metadata[i];
	call_reset(call, H2_CLIENT);
	r = h2_open(h2, headers, n, &client_ops, call, &call->stream);
	if (!r && req->window)
		h2_widen(call->stream, req->window);
	return r;
}

void grpc_cancel(struct grpc_call *call, const struct grpc_status *st)
{
	struct grpc_status own = { 0 };

	if (!call->stream || call->finishing)
		return;
	if (!st || grpc_status_copy(&own, st))
		grpc_status_set(&own, st ? st->code : GRPC_CANCELLED, NULL, "cancelled");
	end_with(call, &own);
}

/* ---- server ---- */

static void server_end(struct h2_stream *stream, void *arg)
{
	struct grpc_call *call = arg;
	struct grpc_status st = { 0 };

	(void)stream;
	call->half_closed = true;
	if (call->finishing)
		return;
	if (call->in.n_prefix > 0) {
		grpc_status_set(&st, GRPC_INTERNAL, NULL, "the request ends inside a message");
		end_with(call, &st);
	} else if (call->ops->on_half_close) {
		call->ops->on_half_close(call);
	}
}

static size_t server_read(
	struct h2_stream *stream, uint8_t *buf, size_t n, bool *ret_end, void *arg)
{
	struct grpc_call *call = arg;
	bool ignored = false;
	size_t l = call->ops->read ? call->ops->read(call, buf, n, &ignored) : 0;

	(void)stream;
	*ret_end = l == 0 && call->finishing;
	return l;
}

static const struct h2_stream_ops server_ops = {
	.on_data = on_data,
	.on_end = server_end,
	.read = server_read,
	.on_close = on_close,
};

static void answered_close(struct h2_stream *stream, uint32_t error, void *arg)
{
	(void)stream;
	(void)error;
	(void)arg;
}

static const struct h2_stream_ops answered_ops = { .on_close = answered_close };

static int answer_grpc(struct h2_stream *stream, const char *message)
{
	const struct h2_header headers[] = {
		{ ":status", "200" },
		{ "content-type", CONTENT_TYPE },
		{ "grpc-status", "13" },
		{ "grpc-message", message },
	};
	int r;

	h2_stream_bind(stream, &answered_ops, NULL);
	r = h2_respond(stream, headers, ARRAY_SIZE(headers), true);
	return r ? err_fold(r) : GRPC_E_ANSWERED;
}

static bool equals(const char *value, const char *expected)
{
	return value && strcmp(value, expected) == 0;
}

int grpc_accept(struct grpc_call *call, struct h2_stream *st, uint64_t now_usec)
{
	const char *timeout = h2_stream_header(st, "grpc-timeout");
	uint64_t usec = 0;

	if (!equals(h2_stream_header(st, ":method"), "POST"))
		return grpc_answer_http(st, "405", "POST");
	if (!is_grpc(h2_stream_header(st, "content-type")))
		return grpc_answer_http(st, "415", NULL);
	if (!equals(h2_stream_header(st, "te"), "trailers"))
		return grpc_answer_http(st, "400", NULL); /* something between us drops trailers */
	if (timeout && grpc_timeout_parse(timeout, &usec))
		return answer_grpc(st, "malformed grpc-timeout");
	call_reset(call, H2_SERVER);
	call->stream = st;
	call->headers_seen = true;
	if (timeout && __builtin_add_overflow(now_usec, usec, &call->deadline_usec))
		call->deadline_usec = UINT64_MAX;
	h2_stream_bind(st, &server_ops, call);
	return 0;
}

int grpc_send_headers(struct grpc_call *call)
{
	static const struct h2_header headers[] = {
		{ ":status", "200" },
		{ "content-type", CONTENT_TYPE },
	};
	int r;

	if (call->headers_sent || !call->stream)
		return 0;
	r = h2_respond(call->stream, headers, ARRAY_SIZE(headers), false);
	if (!r)
		call->headers_sent = true;
	return r;
}

static int send_trailers_only(struct grpc_call *call, const struct grpc_trailers *t)
{
	struct h2_header headers[2 + GRPC_TRAILERS_MAX] = {
		{ ":status", "200" },
		{ "content-type", CONTENT_TYPE },
	};

	memcpy(headers + 2, t->headers, t->n * sizeof(t->headers[0]));
	call->headers_sent = true;
	return h2_respond(call->stream, headers, 2 + t->n, true);
}

static int send_status(struct grpc_call *call, const struct grpc_trailers *t, bool ok)
{
	int r;

	if (!call->headers_sent && !ok)
		return send_trailers_only(call, t);
	r = h2_stream_trailers(call->stream, t->headers, t->n);
	if (!r)
		r = grpc_send_headers(call);
	if (!r)
		h2_resume(call->stream);
	return r;
}

int grpc_finish(struct grpc_call *call, const struct grpc_status *st)
{
	_cleanup_(grpc_trailers_done) struct grpc_trailers t = { 0 };
	int r;

	if (!call->stream || call->finishing)
		return 0;
	call->finishing = true;
	r = grpc_trailers_make(&t, st);
	if (!r)
		r = send_status(call, &t, st->code == GRPC_OK);
	if (r)
		h2_reset(call->stream, H2_INTERNAL_ERROR); /* the peer is not left waiting */
	return r;
}

/* ---- both ---- */

void grpc_resume(struct grpc_call *call)
{
	if (!call->stream)
		return;
	if (call->role == H2_SERVER && !call->finishing)
		grpc_send_headers(call); /* fails only with its connection */
	h2_resume(call->stream);
}

void grpc_consume(struct grpc_call *call, size_t n)
{
	if (call->stream)
		h2_consume(call->stream, n);
}
