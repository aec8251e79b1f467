/*
 * A call whose peer sends any body, cut anywhere, or any status texts: parts are whole and in
 * order, limits hold, on_done comes exactly once; texts survive a round trip.
 * Input: a byte for what the rest is, a byte for the piece size.
 */
#include <assert.h>
#include <string.h>

#include "common/wire/grpc.h"
#include "common/wire/grpc_status.h"

#define MESSAGE_MAX ((size_t)1000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct end {
	struct grpc_call call;
	struct grpc_gather gather;
	const uint8_t *body; /* to send, as it is */
	size_t n_body;
	size_t offset, size; /* of the message that the next part continues */
	int n_done;
	int code;
};

struct world {
	struct h2 *client, *server;
	struct end caller, answerer;
	const char *message, *details; /* of a trailers-only answer, if not NULL */
};

static int on_part(struct grpc_call *call, const struct grpc_part *part)
{
	struct end *e = container_of(call, struct end, call);
	const uint8_t *whole;
	size_t n;
	int r;

	assert(part->message_size <= MESSAGE_MAX && part->offset == e->offset);
	assert(e->offset == 0 || part->message_size == e->size);
	assert(part->n > 0 || part->message_size == 0);
	e->size = part->message_size;
	e->offset += part->n;
	r = grpc_gather_feed(&e->gather, part, &whole, &n);
	assert((r == GRPC_GATHER_WHOLE) == (e->offset == e->size) && r >= 0);
	if (r == GRPC_GATHER_WHOLE)
		e->offset = 0;
	grpc_consume(call, part->n);
	return e->size == 77 ? -EBADMSG : 0;
}

static size_t on_read(struct grpc_call *call, uint8_t *buf, size_t n, bool *ret_end)
{
	struct end *e = container_of(call, struct end, call);

	n = min_size(n, e->n_body);
	if (n) {
		memcpy(buf, e->body, n);
		e->body += n;
		e->n_body -= n;
	}
	*ret_end = e->n_body == 0;
	return n;
}

static void on_done(struct grpc_call *call, const struct grpc_status *status)
{
	struct end *e = container_of(call, struct end, call);

	e->n_done++;
	e->code = status->code;
	assert(!status->message || strlen(status->message) <= GRPC_STATUS_TEXT_MAX);
	assert(status->n_metadata <= GRPC_METADATA_MAX);
	assert(status->n_violations <= GRPC_VIOLATIONS_MAX);
}

static const struct grpc_call_ops call_ops = {
	.on_part = on_part, .read = on_read, .on_done = on_done
};

static void nothing(struct h2_stream *st, uint32_t error, void *arg)
{
	(void)st;
	(void)error;
	(void)arg;
}

static void on_request(struct h2 *h2, struct h2_stream *st, void *arg)
{
	static const struct h2_stream_ops by_hand = { .on_close = nothing };
	const struct grpc_status ok = { 0 };
	struct world *w = arg;
	const struct h2_header headers[] = { { ":status", "200" },
		{ "content-type", "application/grpc" }, { "grpc-status", "9" },
		{ "grpc-message", w->message }, { "grpc-status-details-bin", w->details } };

	(void)h2;
	if (w->message) {
		h2_stream_bind(st, &by_hand, NULL);
		assert(h2_respond(st, headers, 5, true) == 0);
		return;
	}
	w->answerer.call.ops = &call_ops;
	w->answerer.call.message_max = MESSAGE_MAX;
	assert(grpc_accept(&w->answerer.call, st, 0) == 0);
	if (w->answerer.n_body)
		assert(grpc_finish(&w->answerer.call, &ok) == 0);
}

static bool carry(struct h2 *from, struct h2 *to, size_t piece)
{
	const uint8_t *data;
	ssize_t n = h2_gather(from, &data);

	assert(n >= 0);
	for (size_t at = 0; at < (size_t)n; at += piece)
		assert(h2_recv(to, data + at, min_size(piece, (size_t)n - at), 0) == 0);
	return n > 0;
}

static void run(struct world *w, size_t piece)
{
	static const struct h2_ops quiet = { 0 }, asking = { .on_request = on_request };
	const struct grpc_request req = {
		.scheme = "http", .authority = "localhost", .path = "/a.B/C"
	};
	struct h2_config config = { .stream_window = 65535, .max_streams = 8, .arg = w };
	bool any;

	config.ops = &quiet;
	config.role = H2_CLIENT;
	assert(h2_new(&w->client, &config) == 0);
	config.ops = &asking;
	config.role = H2_SERVER;
	assert(h2_new(&w->server, &config) == 0);
	w->caller.call.ops = &call_ops;
	w->caller.call.message_max = MESSAGE_MAX;
	assert(grpc_start(&w->caller.call, w->client, &req) == 0);
	do {
		any = carry(w->client, w->server, piece);
		any = carry(w->server, w->client, piece) || any;
	} while (any);
	h2_free(w->client);
	h2_free(w->server);
	assert(w->caller.n_done == 1 && w->answerer.n_done == (w->message ? 0 : 1));
	grpc_gather_done(&w->caller.gather);
	grpc_gather_done(&w->answerer.gather);
}

/* A header's value: what HTTP/2 lets through. */
static char *to_value(const uint8_t *data, size_t n)
{
	char *s = malloc(n + 1);

	assert(s);
	for (size_t i = 0; i < n; i++)
		s[i] = (char)(data[i] < 0x20 || data[i] == 0x7f ? '~' : data[i]);
	s[n] = '\0';
	return s;
}

static void check_texts(const uint8_t *data, size_t n)
{
	char *raw = to_value(data, n), *coded, *back;
	char *base64 = grpc_base64_encode(data, n);
	uint8_t *bytes;
	size_t l;

	coded = grpc_percent_encode(raw, GRPC_STATUS_TEXT_MAX);
	back = grpc_percent_decode(coded, GRPC_STATUS_TEXT_MAX);
	assert(strncmp(back, raw, GRPC_STATUS_TEXT_MAX) == 0);
	bytes = grpc_base64_decode(base64, &l);
	assert(bytes && l == n && (n == 0 || memcmp(bytes, data, n) == 0));
	free(bytes);
	free(base64);
	free(coded);
	free(back);
	free(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct world w = { 0 };
	char *message = NULL, *details = NULL;
	size_t piece;
	int what;

	if (n < 2 || n > 8 * 1024)
		return 0;
	what = data[0] % 4;
	piece = (size_t)data[1] + 1;
	data += 2;
	n -= 2;
	if (what < 2) {
		*(what ? &w.answerer.body : &w.caller.body) = data;
		*(what ? &w.answerer.n_body : &w.caller.n_body) = n;
	} else {
		message = to_value(data, n / 2);
		details = what == 2 ? grpc_base64_encode(data, n) : to_value(data, n);
		w.message = message;
		w.details = details;
		check_texts(data, n);
	}
	run(&w, piece);
	free(message);
	free(details);
	return 0;
}
