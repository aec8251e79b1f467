#include "common/wire/h2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#include "common/list.h"
#include "common/wire/h2_meter.h"

/* Never the bound: what one stream may have in flight is stream_window, and this is returned on
 * receipt. */
#define CONNECTION_WINDOW ((uint32_t)16 * 1024 * 1024)
#define DATA_FRAME_MAX                                                                             \
	((size_t)64 * 1024) /* bytes in a DATA frame we send, if the peer takes that much */
#define HEADER_OVERHEAD 32  /* a field's share of a header list beside its bytes */
#define GOAWAY_BYTES (9 + 8)

struct h2 {
	nghttp2_session *session;
	enum h2_role role;
	const struct h2_ops *ops;
	void *arg;
	struct list streams; /* struct h2_stream::link */
	size_t n_streams;
	struct h2_meter meter;
	uint32_t peer_max_streams;
	int32_t last_peer_id; /* newest stream the peer opened */
	int error;            /* once set the session is never called again, but to delete it */
	uint32_t doom;        /* why, as an HTTP/2 error code, where a callback found it */
	bool settings_seen, goaway, terminated, freeing;
	uint8_t last_words[GOAWAY_BYTES];
	size_t n_last_words;
};

/* A received header block: fields as pairs of strings in one buffer. */
struct h2_block {
	char *buf;
	size_t n, cap;    /* bytes */
	size_t list_size; /* as SETTINGS_MAX_HEADER_LIST_SIZE counts */
	struct {
		uint32_t name, value; /* offsets */
	} fields[H2_HEADERS_MAX];
	size_t n_fields;
};

struct h2_stream {
	struct list link; /* h2::streams */
	struct h2 *h2;
	int32_t id;
	const struct h2_stream_ops *ops; /* NULL: not bound */
	void *arg;
	struct h2_block block;
	struct h2_header *trailers; /* owned, strings too */
	size_t n_trailers;
	size_t unacknowledged; /* bytes */
	bool final_headers;    /* a block that was not 1xx came */
	bool remote_ended, local_ended;
	bool reset; /* by us: nothing more is told but on_close */
};

/* ---- errors
 * --------------------------------------------------------------------------------------- */

static void put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void mark_dirty(struct h2 *h2)
{
	if (h2->ops->on_dirty && !h2->freeing)
		h2->ops->on_dirty(h2, h2->arg);
}

/* The session is dead. Its GOAWAY is written by hand: nghttp2 after an error must not be called
 * again. */
static int h2_fail(struct h2 *h2, int error, uint32_t code)
{
	uint8_t *p = h2->last_words;

	if (h2->error)
		return h2->error;
	h2->error = error;
	memset(p, 0, GOAWAY_BYTES);
	p[2] = 8; /* payload */
	p[3] = NGHTTP2_GOAWAY;
	put_u32(p + 9, (uint32_t)h2->last_peer_id);
	put_u32(p + 13, code);
	h2->n_last_words = GOAWAY_BYTES;
	mark_dirty(h2);
	return error;
}

static int fail_from_library(struct h2 *h2, ssize_t rv)
{
	if (rv == NGHTTP2_ERR_NOMEM)
		return h2_fail(h2, -ENOMEM, H2_INTERNAL_ERROR);
	if (rv == NGHTTP2_ERR_FLOODED)
		return h2_fail(h2, -EPROTO, H2_ENHANCE_YOUR_CALM);
	if (rv == NGHTTP2_ERR_CALLBACK_FAILURE && h2->doom == H2_INTERNAL_ERROR)
		return h2_fail(h2, -ENOMEM, H2_INTERNAL_ERROR);
	return h2_fail(h2, -EPROTO, h2->doom ? h2->doom : H2_PROTOCOL_ERROR);
}

/* The outcome of a nghttp2_submit_* or the like. */
static int check_submit(struct h2 *h2, int rv)
{
	if (nghttp2_is_fatal(rv))
		return fail_from_library(h2, rv);
	mark_dirty(h2);
	return rv ? -EINVAL : 0;
}

static int doom(struct h2 *h2, uint32_t code)
{
	h2->doom = code;
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* ---- header blocks
 * -------------------------------------------------------------------------------- */

static void block_reset(struct h2_block *b)
{
	b->n = 0;
	b->n_fields = 0;
	b->list_size = 0;
}

static int block_reserve(struct h2_block *b, size_t n)
{
	size_t cap = max_size(b->cap, 256);
	char *buf;

	while (cap - b->n < n)
		cap *= 2; /* bounded: the list's size is */
	if (cap == b->cap)
		return 0;
	buf = realloc(b->buf, cap);
	if (!buf)
		return -ENOMEM;
	b->buf = buf;
	b->cap = cap;
	return 0;
}

static uint32_t block_put(struct h2_block *b, const uint8_t *s, size_t n)
{
	uint32_t at = (uint32_t)b->n;

	memcpy(b->buf + b->n, s, n);
	b->buf[b->n + n] = '\0';
	b->n += n + 1;
	return at;
}

static const char *block_get(const struct h2_block *b, const char *name)
{
	for (size_t i = 0; i < b->n_fields; i++)
		if (strcmp(b->buf + b->fields[i].name, name) == 0)
			return b->buf + b->fields[i].value;
	return NULL;
}

/* Credentials are never put into a compression table, here or at the peer. */
static bool is_secret(const char *name)
{
	return strcmp(name, "authorization") == 0 || strcmp(name, "x-wandb-api-key") == 0;
}

/* nghttp2's form of a list of headers; points into it. */
static int to_nv(const struct h2_header *headers, size_t n, nghttp2_nv nv[H2_HEADERS_MAX])
{
	if (n > H2_HEADERS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		if (headers[i].value[strcspn(headers[i].value, "\r\n")])
			return -EINVAL;
		nv[i] = (nghttp2_nv){
			.name = (uint8_t *)headers[i].name,
			.namelen = strlen(headers[i].name),
			.value = (uint8_t *)headers[i].value,
			.valuelen = strlen(headers[i].value),
			.flags = is_secret(headers[i].name) ? NGHTTP2_NV_FLAG_NO_INDEX
							    : NGHTTP2_NV_FLAG_NONE,
		};
	}
	return 0;
}

static void headers_free(struct h2_header *headers, size_t n)
{
	for (size_t i = 0; headers && i < n; i++) {
		free((char *)headers[i].name);
		free((char *)headers[i].value);
	}
	free(headers);
}

static int headers_copy(const struct h2_header *headers, size_t n, struct h2_header **ret)
{
	struct h2_header *copy = calloc(n ? n : 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		copy[i].name = strdup(headers[i].name);
		copy[i].value = strdup(headers[i].value);
		if (!copy[i].name || !copy[i].value) {
			headers_free(copy, n);
			return -ENOMEM;
		}
	}
	*ret = copy;
	return 0;
}

/* ---- streams
 * -------------------------------------------------------------------------------------- */

static struct h2_stream *stream_new(struct h2 *h2, int32_t id)
{
	struct h2_stream *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->h2 = h2;
	st->id = id;
	list_append(&h2->streams, &st->link);
	h2->n_streams++;
	return st;
}

static void stream_free(struct h2_stream *st)
{
	list_unlink(&st->link);
	st->h2->n_streams--;
	headers_free(st->trailers, st->n_trailers);
	free(st->block.buf);
	free(st);
}

static void stream_close(struct h2_stream *st, uint32_t error)
{
	if (st->ops)
		st->ops->on_close(st, error, st->arg);
	stream_free(st);
}

/* The stream of an id, NULL once it is closed. */
static struct h2_stream *stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

/* Who is still told of what arrives: NULL for a stream that was reset or bound by nobody. */
static const struct h2_stream_ops *listener(const struct h2_stream *st)
{
	return st && !st->reset ? st->ops : NULL;
}

/* ---- callbacks of nghttp2: in
 * --------------------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h2 = arg;
	int32_t id = frame->hd.stream_id;
	struct h2_stream *st = stream_of(session, id);

	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (!st && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		st = stream_new(h2, id);
		if (!st)
			return doom(h2, H2_INTERNAL_ERROR);
		nghttp2_session_set_stream_user_data(session, id, st);
		h2->last_peer_id = id;
	}
	if (st)
		block_reset(&st->block);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
	size_t n_name, const uint8_t *value, size_t n_value, uint8_t flags, void *arg)
{
	struct h2 *h2 = arg;
	struct h2_stream *st = stream_of(session, frame->hd.stream_id);
	struct h2_block *b;

	(void)flags;
	if (!st)
		return 0;
	b = &st->block;
	b->list_size += n_name + n_value + HEADER_OVERHEAD;
	if (b->list_size > H2_HEADER_LIST_MAX)
		return doom(h2, H2_ENHANCE_YOUR_CALM);
	if (b->n_fields == H2_HEADERS_MAX)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets this stream alone */
	if (block_reserve(b, n_name + n_value + 2))
		return doom(h2, H2_INTERNAL_ERROR);
	b->fields[b->n_fields].name = block_put(b, name, n_name);
	b->fields[b->n_fields].value = block_put(b, value, n_value);
	b->n_fields++;
	return 0;
}

static void told_request(struct h2 *h2, struct h2_stream *st)
{
	if (h2->ops->on_request)
		h2->ops->on_request(h2, st, h2->arg);
	if (!st->ops && !st->reset)
		h2_reset(st, H2_REFUSED_STREAM);
}

static void told_response(struct h2_stream *st)
{
	const struct h2_stream_ops *ops = listener(st);
	const char *status = block_get(&st->block, ":status");
	bool trailers = st->final_headers;

	if (!trailers && st->h2->role == H2_CLIENT && status && status[0] == '1')
		return; /* informational: the answer is still to come */
	st->final_headers = true;
	if (ops && ops->on_headers)
		ops->on_headers(st, trailers, st->arg);
}

static void told_end(struct h2_stream *st)
{
	const struct h2_stream_ops *ops = listener(st);

	st->remote_ended = true;
	if (ops && ops->on_end)
		ops->on_end(st, st->arg);
}

static void told_settings(struct h2 *h2, const nghttp2_frame *frame)
{
	uint32_t max = nghttp2_session_get_remote_settings(
		h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	if ((frame->hd.flags & NGHTTP2_FLAG_ACK) ||
		(h2->settings_seen && max == h2->peer_max_streams))
		return;
	h2->settings_seen = true;
	h2->peer_max_streams = max;
	if (h2->ops->on_settings)
		h2->ops->on_settings(h2, max, h2->arg);
}

static void told_goaway(struct h2 *h2, const nghttp2_goaway *g)
{
	h2->goaway = true;
	if (h2->ops->on_goaway)
		h2->ops->on_goaway(h2, g->last_stream_id, g->error_code,
			(const char *)g->opaque_data, g->opaque_data_len, h2->arg);
}

/* What an update grants beyond the bytes sent says nothing of bytes still to come. */
static void told_window(struct h2_stream *st, int32_t increment)
{
	if (st)
		st->unacknowledged -= min_size(st->unacknowledged, (size_t)increment);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h2 = arg;
	struct h2_stream *st = frame->hd.stream_id ? stream_of(session, frame->hd.stream_id) : NULL;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		if (!st)
			break;
		if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
			told_request(h2, st);
		else
			told_response(st);
		if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
			told_end(st);
		break;
	case NGHTTP2_DATA:
		if (st && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
			told_end(st);
		break;
	case NGHTTP2_SETTINGS:
		told_settings(h2, frame);
		break;
	case NGHTTP2_GOAWAY:
		told_goaway(h2, &frame->goaway);
		break;
	case NGHTTP2_WINDOW_UPDATE:
		told_window(st, frame->window_update.window_size_increment);
		break;
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && h2->ops->on_ping_ack)
			h2->ops->on_ping_ack(h2, frame->ping.opaque_data, h2->arg);
		break;
	default:
		break;
	}
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
	size_t n, void *arg)
{
	struct h2 *h2 = arg;
	struct h2_stream *st = stream_of(session, id);
	const struct h2_stream_ops *ops = listener(st);
	int rv = nghttp2_session_consume_connection(session, n);

	(void)flags;
	if (rv)
		return doom(h2, H2_INTERNAL_ERROR);
	if (ops && ops->on_data)
		ops->on_data(st, data, n, st->arg);
	else
		nghttp2_session_consume_stream(session, id, n);
	return 0;
}

/* ---- callbacks of nghttp2: out
 * -------------------------------------------------------------------- */

/* A client that still sends after our answer is told to stop, as gRPC servers do. */
static void end_sent(struct h2_stream *st)
{
	st->local_ended = true;
	if (st->h2->role == H2_SERVER && !st->remote_ended)
		h2_reset(st, H2_NO_ERROR);
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h2 = arg;
	struct h2_stream *st;

	h2_meter_sent(&h2->meter, frame->hd.type, frame->hd.flags);
	if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
		h2->terminated = true;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	st = stream_of(session, frame->hd.stream_id);
	if (st && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		end_sent(st);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct h2_stream *st = stream_of(session, id);

	(void)arg;
	if (!st)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	stream_close(st, error);
	return 0;
}

static ssize_t frame_max(nghttp2_session *session, uint8_t type, int32_t id, int32_t window,
	int32_t stream_window, uint32_t peer_max, void *arg)
{
	size_t n = min_size(DATA_FRAME_MAX, peer_max);

	(void)session;
	(void)type;
	(void)id;
	(void)arg;
	n = min_size(n, (size_t)window);
	return (ssize_t)min_size(n, (size_t)stream_window);
}

static int submit_trailers(struct h2_stream *st)
{
	nghttp2_nv nv[H2_HEADERS_MAX];

	if (to_nv(st->trailers, st->n_trailers, nv))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* checked when they were given */
	return nghttp2_submit_trailer(st->h2->session, st->id, nv, st->n_trailers);
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t n,
	uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct h2_stream *st = source->ptr;
	const struct h2_stream_ops *ops = listener(st);
	bool end = false;
	size_t l;
	int rv;

	(void)session;
	(void)id;
	(void)arg;
	if (!ops || !ops->read)
		return NGHTTP2_ERR_DEFERRED;
	l = ops->read(st, buf, n, &end, st->arg);
	st->unacknowledged += l;
	if (!end)
		return l ? (ssize_t)l : NGHTTP2_ERR_DEFERRED;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (!st->trailers)
		return (ssize_t)l;
	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	rv = submit_trailers(st);
	return rv ? rv : (ssize_t)l;
}

/* ---- the connection
 * ------------------------------------------------------------------------------- */

static int callbacks_new(nghttp2_session_callbacks **ret)
{
	nghttp2_session_callbacks *c;

	if (nghttp2_session_callbacks_new(&c))
		return -ENOMEM;
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
	nghttp2_session_callbacks_set_data_source_read_length_callback(c, frame_max);
	*ret = c;
	return 0;
}

static int session_new(struct h2 *h2)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	int r;

	r = callbacks_new(&callbacks);
	if (r)
		return r;
	r = nghttp2_option_new(&option);
	if (!r) {
		nghttp2_option_set_no_auto_window_update(option, 1);
		r = h2->role == H2_SERVER
			    ? nghttp2_session_server_new2(&h2->session, callbacks, h2, option)
			    : nghttp2_session_client_new2(&h2->session, callbacks, h2, option);
		nghttp2_option_del(option);
	}
	nghttp2_session_callbacks_del(callbacks);
	return r ? -ENOMEM : 0;
}

static int submit_settings(struct h2 *h2, const struct h2_config *config)
{
	const nghttp2_settings_entry entries[] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, config->stream_window },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)H2_HEADER_LIST_MAX },
		config->role == H2_SERVER
			? (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
				  config->max_streams }
			: (nghttp2_settings_entry){ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
	};
	uint32_t window = CONNECTION_WINDOW > config->stream_window ? CONNECTION_WINDOW
								    : config->stream_window;

	if (nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, entries, ARRAY_SIZE(entries)))
		return -ENOMEM;
	return nghttp2_session_set_local_window_size(
		       h2->session, NGHTTP2_FLAG_NONE, 0, (int32_t)window)
		       ? -ENOMEM
		       : 0;
}

int h2_new(struct h2 **ret, const struct h2_config *config)
{
	struct h2 *h2 = calloc(1, sizeof(*h2));
	int r;

	if (!h2)
		return -ENOMEM;
	h2->role = config->role;
	h2->ops = config->ops;
	h2->arg = config->arg;
	list_init(&h2->streams);
	h2_meter_init(&h2->meter, config->role == H2_SERVER);
	r = session_new(h2);
	if (!r)
		r = submit_settings(h2, config);
	if (r) {
		h2_free(h2);
		return r;
	}
	*ret = h2;
	return 0;
}

struct h2 *h2_free(struct h2 *h2)
{
	struct h2_stream *st;

	if (!h2)
		return NULL;
	h2->freeing = true;
	if (!h2->error)
		h2->error = -ESHUTDOWN;
	for (st = list_first(&h2->streams, struct h2_stream, link); st;
		st = list_first(&h2->streams, struct h2_stream, link))
		stream_close(st, H2_CANCEL);
	nghttp2_session_del(h2->session); /* calls nothing back */
	free(h2);
	return NULL;
}

int h2_recv(struct h2 *h2, const uint8_t *data, size_t n, uint64_t now_usec)
{
	size_t good;
	ssize_t rv;

	if (h2->error)
		return h2->error;
	if (h2->terminated)
		return h2_fail(h2, -EPROTO, H2_PROTOCOL_ERROR);
	good = h2_meter_recv(&h2->meter, data, n, now_usec);
	rv = nghttp2_session_mem_recv(h2->session, data, good);
	if (rv < 0)
		return fail_from_library(h2, rv);
	if (good < n)
		return h2_fail(h2, -EPROTO, H2_ENHANCE_YOUR_CALM);
	if (nghttp2_session_want_write(h2->session) || !nghttp2_session_want_read(h2->session))
		mark_dirty(h2); /* to send, or to see that it is finished */
	return 0;
}

ssize_t h2_gather(struct h2 *h2, const uint8_t **ret_data)
{
	ssize_t rv;

	if (!h2->error) {
		rv = nghttp2_session_mem_send(h2->session, ret_data);
		if (rv >= 0)
			return rv;
		fail_from_library(h2, rv);
	}
	rv = (ssize_t)h2->n_last_words;
	h2->n_last_words = 0;
	*ret_data = h2->last_words;
	return rv;
}

bool h2_wants_write(struct h2 *h2)
{
	return h2->error ? h2->n_last_words > 0 : nghttp2_session_want_write(h2->session);
}

bool h2_finished(struct h2 *h2)
{
	if (h2->error)
		return h2->n_last_words == 0;
	return !nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session);
}

bool h2_broken(const struct h2 *h2)
{
	return h2->error || h2->terminated;
}

/* ---- calls of the owner
 * --------------------------------------------------------------------------- */

static bool may_open(const struct h2 *h2)
{
	uint32_t max = nghttp2_session_get_remote_settings(
		h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	/* nghttp2 would queue a request beyond the limit; here it is the owner who waits */
	return !h2->goaway && nghttp2_session_check_request_allowed(h2->session) &&
	       h2->n_streams < (h2->settings_seen ? max : H2_STREAMS_BEFORE_SETTINGS);
}

int h2_open(struct h2 *h2, const struct h2_header *headers, size_t n_headers,
	const struct h2_stream_ops *ops, void *arg, struct h2_stream **ret)
{
	const nghttp2_data_provider body = { .read_callback = on_read };
	nghttp2_data_provider provider = body;
	nghttp2_nv nv[H2_HEADERS_MAX];
	struct h2_stream *st;
	int32_t id;
	int r;

	if (h2->error || !may_open(h2))
		return H2_E_BUSY;
	r = to_nv(headers, n_headers, nv);
	if (r)
		return r;
	st = stream_new(h2, 0);
	if (!st)
		return -ENOMEM;
	provider.source.ptr = st;
	id = nghttp2_submit_request(
		h2->session, NULL, nv, n_headers, ops->read ? &provider : NULL, st);
	if (id < 0) {
		stream_free(st);
		r = check_submit(h2, id);
		return r;
	}
	st->id = id;
	st->ops = ops;
	st->arg = arg;
	*ret = st;
	mark_dirty(h2);
	return 0;
}

void h2_stream_bind(struct h2_stream *st, const struct h2_stream_ops *ops, void *arg)
{
	st->ops = ops;
	st->arg = arg;
}

int h2_respond(struct h2_stream *st, const struct h2_header *headers, size_t n_headers, bool end)
{
	nghttp2_data_provider provider = { .source = { .ptr = st }, .read_callback = on_read };
	nghttp2_nv nv[H2_HEADERS_MAX];
	int r = to_nv(headers, n_headers, nv);

	if (r)
		return r;
	if (st->h2->error || st->reset)
		return 0; /* on_close is on its way */
	r = nghttp2_submit_response(st->h2->session, st->id, nv, n_headers, end ? NULL : &provider);
	return check_submit(st->h2, r);
}

int h2_stream_trailers(struct h2_stream *st, const struct h2_header *headers, size_t n_headers)
{
	nghttp2_nv nv[H2_HEADERS_MAX];
	struct h2_header *copy;
	int r = to_nv(headers, n_headers, nv);

	if (!r)
		r = headers_copy(headers, n_headers, &copy);
	if (r)
		return r;
	headers_free(st->trailers, st->n_trailers);
	st->trailers = copy;
	st->n_trailers = n_headers;
	return 0;
}

const char *h2_stream_header(const struct h2_stream *st, const char *name)
{
	return block_get(&st->block, name);
}

struct h2 *h2_stream_owner(const struct h2_stream *st)
{
	return st->h2;
}

int32_t h2_stream_id(const struct h2_stream *st)
{
	return st->id;
}

bool h2_stream_ended(const struct h2_stream *st)
{
	return st->local_ended;
}

bool h2_stream_lost(const struct h2_stream *st)
{
	return st->h2->freeing;
}

void h2_resume(struct h2_stream *st)
{
	if (st->h2->error || st->reset)
		return;
	/* not deferred, or no body yet: then `read` is asked anyway */
	if (nghttp2_session_resume_data(st->h2->session, st->id) == 0)
		mark_dirty(st->h2);
}

void h2_consume(struct h2_stream *st, size_t n)
{
	struct h2 *h2 = st->h2;
	int rv;

	if (h2->error || n == 0)
		return;
	rv = nghttp2_session_consume_stream(h2->session, st->id, n);
	if (nghttp2_is_fatal(rv))
		fail_from_library(h2, rv);
	else if (nghttp2_session_want_write(h2->session))
		mark_dirty(h2);
}

void h2_reset(struct h2_stream *st, uint32_t error)
{
	if (st->h2->error || st->reset)
		return;
	st->reset = true;
	check_submit(st->h2,
		nghttp2_submit_rst_stream(st->h2->session, NGHTTP2_FLAG_NONE, st->id, error));
}

size_t h2_unacknowledged(const struct h2_stream *st)
{
	return st->unacknowledged;
}

int h2_ping(struct h2 *h2, const uint8_t payload[8])
{
	if (h2->error)
		return h2->error;
	return check_submit(h2, nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, payload));
}

int h2_goaway(struct h2 *h2, uint32_t error)
{
	if (h2->error)
		return h2->error;
	h2->goaway = true;
	return check_submit(h2, nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
					h2->last_peer_id, error, NULL, 0));
}

size_t h2_n_streams(const struct h2 *h2)
{
	return h2->n_streams;
}
