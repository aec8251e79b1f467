/*
 * Whatever a peer sends, a connection says only whole frames, keeps its bounds, ends each stream
 * once, and after an error says one GOAWAY and no more.
 * Input: a byte for role and piece size, then what the peer sends after its preface.
 */
#include <assert.h>
#include <string.h>

#include "common/wire/h2.h"

#define MAGIC "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define STREAMS_MAX 8
#define SAID_MAX ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct user {
	size_t left; /* body bytes to send */
	size_t held; /* received and not consumed */
};

struct peer {
	struct h2 *h2;
	size_t n_open, n_said;
	uint8_t head[9]; /* of the frame being said */
	size_t n_head, skip;
	size_t n_goaway;
};

static size_t on_read(struct h2_stream *st, uint8_t *buf, size_t n, bool *ret_end, void *arg)
{
	struct user *u = arg;

	(void)st;
	n = min_size(n, u->left);
	memset(buf, 'x', n);
	u->left -= n;
	*ret_end = u->left == 0;
	return n;
}

static void on_headers(struct h2_stream *st, bool trailers, void *arg)
{
	const char *status = h2_stream_header(st, ":status");

	(void)trailers;
	(void)arg;
	assert(!status || strlen(status) < H2_HEADER_LIST_MAX);
}

static void on_data(struct h2_stream *st, const uint8_t *data, size_t n, void *arg)
{
	struct user *u = arg;

	assert(n > 0);
	u->held += n;
	assert(u->held <= 65535); /* the window holds */
	if (data[0] & 1) {
		h2_consume(st, u->held);
		u->held = 0;
	}
}

static void on_close(struct h2_stream *st, uint32_t error, void *arg)
{
	struct user *u = arg;

	(void)st;
	(void)error;
	free(u);
}

static const struct h2_stream_ops ops = {
	.on_headers = on_headers, .on_data = on_data, .read = on_read, .on_close = on_close
};

static void on_request(struct h2 *h2, struct h2_stream *st, void *arg)
{
	static const struct h2_header headers[] = { { ":status", "200" } };
	static const struct h2_header trailers[] = { { "grpc-status", "0" } };
	struct user *u;

	(void)arg;
	assert(h2_n_streams(h2) <= STREAMS_MAX);
	if (h2_stream_id(st) % 4 == 3)
		return; /* refused */
	u = calloc(1, sizeof(*u));
	assert(u);
	u->left = 100000;
	h2_stream_bind(st, &ops, u);
	h2_stream_trailers(st, trailers, 1);
	h2_respond(st, headers, 1, false);
}

static const struct h2_ops h2_ops = { .on_request = on_request };

/* Frames only, one after the other. */
static void hear(struct peer *p, const uint8_t *data, size_t n)
{
	p->n_said += n;
	assert(p->n_said <= SAID_MAX);
	while (n) {
		size_t l = min_size(p->skip, n);

		p->skip -= l;
		data += l;
		n -= l;
		if (p->skip || !n)
			continue;
		l = min_size(sizeof(p->head) - p->n_head, n);
		memcpy(p->head + p->n_head, data, l);
		p->n_head += l;
		data += l;
		n -= l;
		if (p->n_head < sizeof(p->head))
			continue;
		p->n_head = 0;
		p->skip = (size_t)p->head[0] << 16 | (size_t)p->head[1] << 8 | p->head[2];
		assert(p->head[3] <= 9);
		p->n_goaway += p->head[3] == 7;
	}
}

static void gather(struct peer *p)
{
	const uint8_t *data;
	ssize_t l;

	for (l = h2_gather(p->h2, &data); l > 0; l = h2_gather(p->h2, &data))
		hear(p, data, (size_t)l);
	assert(l == 0 && p->n_head == 0 && p->skip == 0);
}

static void open_streams(struct peer *p)
{
	static const struct h2_header headers[] = { { ":method", "POST" }, { ":scheme", "http" },
		{ ":path", "/" }, { ":authority", "localhost" } };

	for (int i = 0; i < 3; i++) {
		struct user *u = calloc(1, sizeof(*u));
		struct h2_stream *st;

		assert(u);
		u->left = 100000;
		assert(h2_open(p->h2, headers, 4, &ops, u, &st) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t settings[9] = { 0, 0, 0, 4 };
	struct h2_config config = {
		.stream_window = 65535, .max_streams = STREAMS_MAX, .ops = &h2_ops
	};
	struct peer p = { 0 };
	size_t piece;
	int r = 0;

	if (n == 0)
		return 0;
	config.role = data[0] & 1 ? H2_SERVER : H2_CLIENT;
	piece = (size_t)(data[0] >> 1) + 1;
	data++;
	n--;
	assert(h2_new(&p.h2, &config) == 0);
	p.skip = config.role == H2_CLIENT ? strlen(MAGIC) : 0;
	if (config.role == H2_SERVER)
		assert(h2_recv(p.h2, (const uint8_t *)MAGIC, strlen(MAGIC), 0) == 0);
	else
		open_streams(&p);
	assert(h2_recv(p.h2, settings, sizeof(settings), 0) == 0);
	for (; n && !r; data += min_size(piece, n), n -= min_size(piece, n)) {
		r = h2_recv(p.h2, data, min_size(piece, n), 0);
		assert(r == 0 || r == -EPROTO);
		gather(&p);
	}
	if (r) {
		assert(p.n_goaway >= 1 && h2_finished(p.h2) && h2_broken(p.h2));
		assert(h2_recv(p.h2, settings, sizeof(settings), 0) == -EPROTO);
	}
	h2_free(p.h2);
	return 0;
}
