/* What nghttp2 calls: in as frames arrive, out as they leave. */
#include "common/wire/h2_private.h"

#define YOUNG_USEC USEC_PER_SEC /* a stream that ends unanswered before this age was for nothing */

/* Bytes in a DATA frame we send, if the peer takes that much. */
#define DATA_FRAME_MAX ((size_t)64 * 1024)

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

/* A call from within a callback may have failed: then nothing more is read. */
static int go_on(const struct h2 *h2)
{
	return h2->error ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* ---- in ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h2 = arg;
	int32_t id = frame->hd.stream_id;
	struct h2_stream *st = stream_of(session, id);

	if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (!st && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		st = h2_stream_new(h2, id);
		if (!st)
			return h2_doom(h2, H2_INTERNAL_ERROR);
		st->opened_usec = h2->now_usec;
		nghttp2_session_set_stream_user_data(session, id, st);
		h2->last_peer_id = id;
	}
	if (st)
		h2_block_reset(&st->block);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
	size_t n_name, const uint8_t *value, size_t n_value, uint8_t flags, void *arg)
{
	struct h2 *h2 = arg;
	struct h2_stream *st = stream_of(session, frame->hd.stream_id);

	(void)flags;
	if (!st)
		return 0;
	switch (h2_block_add(&st->block, name, n_name, value, n_value)) {
	case 0:
		return 0;
	case H2_BLOCK_E_LARGE:
		return h2_doom(h2, H2_ENHANCE_YOUR_CALM);
	case H2_BLOCK_E_MANY:
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets this stream alone */
	default:
		return h2_doom(h2, H2_INTERNAL_ERROR);
	}
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
	const char *status = h2_block_get(&st->block, ":status");
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

	h2->n_answers += frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
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
	case NGHTTP2_RST_STREAM:
		if (!st && h2->role == H2_SERVER && !h2_meter_charge(&h2->meter, 1))
			return h2_doom(h2, H2_ENHANCE_YOUR_CALM);
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
	return go_on(h2);
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
		return h2_doom(h2, H2_INTERNAL_ERROR);
	if (ops && ops->on_data)
		ops->on_data(st, data, n, st->arg);
	else
		nghttp2_session_consume_stream(session, id, n);
	return go_on(h2);
}

/* ---- out ---- */

/* A client that still sends after our answer is told to stop, as gRPC servers do. */
static void end_sent(struct h2_stream *st)
{
	st->local_ended = true;
	if (st->h2->role == H2_SERVER && !st->remote_ended)
		h2_reset(st, H2_NO_ERROR);
}

int h2_submit_goaway(struct h2 *h2)
{
	h2->goaway_waits = false;
	return nghttp2_submit_goaway(
		h2->session, NGHTTP2_FLAG_NONE, h2->last_peer_id, h2->goaway_error, NULL, 0);
}

/* The requests that h2_goaway() found waiting are sent, or were given up. */
static int goaway_if_due(struct h2 *h2)
{
	if (!h2->goaway_waits || h2->n_unsent > 0)
		return 0;
	return h2_submit_goaway(h2) ? h2_doom(h2, H2_INTERNAL_ERROR) : 0;
}

static int request_sent(struct h2_stream *st)
{
	st->h2->n_unsent -= st->unsent;
	st->unsent = false;
	if (!st->window)
		return 0;
	return nghttp2_session_set_local_window_size(
		st->h2->session, NGHTTP2_FLAG_NONE, st->id, (int32_t)st->window);
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
	if (st && st->unsent && request_sent(st))
		return h2_doom(h2, H2_INTERNAL_ERROR);
	if (st)
		st->answered = true;
	if (st && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		end_sent(st);
	return goaway_if_due(h2);
}

/* Opened and given up at once: what rapid resets are made of. */
static bool was_for_nothing(const struct h2_stream *st)
{
	const struct h2 *h2 = st->h2;

	return h2->role == H2_SERVER && !st->answered &&
	       h2->now_usec - st->opened_usec < YOUNG_USEC;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct h2_stream *st = stream_of(session, id);
	struct h2 *h2 = arg;
	uint32_t
		wasted; /* frames: the request, its end by itself if that was paid for, and its reset */

	if (!st)
		return 0;
	wasted = was_for_nothing(st) ? 2 + !st->remote_ended : 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	h2_stream_close(st, error);
	if (!h2_meter_charge(&h2->meter, wasted))
		return h2_doom(h2, H2_ENHANCE_YOUR_CALM);
	return goaway_if_due(h2);
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

	if (h2_headers_to_nv(st->trailers, st->n_trailers, nv))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* checked when they were given */
	return nghttp2_submit_trailer(st->h2->session, st->id, nv, st->n_trailers);
}

ssize_t h2_on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t n, uint32_t *flags,
	nghttp2_data_source *source, void *arg)
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

/* ---- the session ---- */

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

/* nghttp2's own defaults do the same, but from within its library, where no test can make them
 * fail. */
static void *mem_malloc(size_t n, void *arg)
{
	(void)arg;
	return malloc(n);
}

static void mem_free(void *p, void *arg)
{
	(void)arg;
	free(p);
}

static void *mem_calloc(size_t n, size_t size, void *arg)
{
	(void)arg;
	return calloc(n, size);
}

static void *mem_realloc(void *p, size_t n, void *arg)
{
	(void)arg;
	return realloc(p, n);
}

int h2_session_new(struct h2 *h2)
{
	nghttp2_mem mem = { NULL, mem_malloc, mem_free, mem_calloc, mem_realloc };
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	int r;

	r = callbacks_new(&callbacks);
	if (r)
		return r;
	r = nghttp2_option_new(&option);
	if (!r) {
		nghttp2_option_set_no_auto_window_update(option, 1);
#ifdef HAVE_NGHTTP2_OPTION_SET_STREAM_RESET_RATE_LIMIT
		/* its own count takes each reset for an attack; h2_meter.h says which are */
		nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
#endif
		r = h2->role == H2_SERVER
			    ? nghttp2_session_server_new3(&h2->session, callbacks, h2, option, &mem)
			    : nghttp2_session_client_new3(
				      &h2->session, callbacks, h2, option, &mem);
		nghttp2_option_del(option);
	}
	nghttp2_session_callbacks_del(callbacks);
	return r ? -ENOMEM : 0;
}
