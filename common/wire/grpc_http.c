/* Requests that are no gRPC: answered as an HTTP server does, once they are complete. */
#include <string.h>

#include "common/wire/grpc_status.h"

static const char body[] = "This is a gRPC service.\n";

struct http_answer {
	const char *status, *allow; /* static; allow may be NULL */
	bool silent;                /* HEAD: headers alone */
	size_t sent;                /* bytes of body */
};

static void on_end(struct h2_stream *st, void *arg)
{
	const struct http_answer *a = arg;
	const struct h2_header headers[] = {
		{ ":status", a->status },
		{ "content-type", "text/plain" },
		{ "allow", a->allow },
	};

	if (h2_respond(st, headers, a->allow ? 3 : 2, a->silent))
		h2_reset(st, H2_INTERNAL_ERROR);
}

static size_t on_read(
	struct h2_stream *st _unused_, uint8_t *buf, size_t n, bool *ret_end, void *arg)
{
	struct http_answer *a = arg;
	size_t l = min_size(n, sizeof(body) - 1 - a->sent);

	memcpy(buf, body + a->sent, l);
	a->sent += l;
	*ret_end = a->sent == sizeof(body) - 1;
	return l;
}

static void on_close(struct h2_stream *st _unused_, uint32_t error _unused_, void *arg)
{
	free(arg);
}

static const struct h2_stream_ops ops = { .on_end = on_end, .read = on_read, .on_close = on_close };

int grpc_answer_http(struct h2_stream *st, const char *status, const char *allow)
{
	const char *method = h2_stream_header(st, ":method");
	struct http_answer *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->status = status;
	a->allow = allow;
	a->silent = method && strcmp(method, "HEAD") == 0;
	h2_stream_bind(st, &ops, a);
	return GRPC_E_ANSWERED;
}
