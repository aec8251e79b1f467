#include "common/wire/h2_private.h"

#include <string.h>

struct h2_stream *h2_stream_new(struct h2 *h2, int32_t id)
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

void h2_stream_free(struct h2_stream *st)
{
	list_unlink(&st->link);
	list_unlink(&st->reset_link);
	st->h2->n_streams--;
	st->h2->n_unsent -= st->unsent;
	h2_headers_free(st->trailers, st->n_trailers);
	h2_block_done(&st->block);
	free(st);
}

void h2_stream_close(struct h2_stream *st, uint32_t error)
{
	if (st->ops)
		st->ops->on_close(st, error, st->arg);
	h2_stream_free(st);
}

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
	nghttp2_data_provider provider = { .source = { .ptr = NULL }, .read_callback = h2_on_read };
	nghttp2_nv nv[H2_HEADERS_MAX];
	struct h2_stream *st;
	int32_t id;
	int r;

	if (h2->error || !may_open(h2))
		return H2_E_BUSY;
	r = h2_headers_to_nv(headers, n_headers, nv);
	if (r)
		return r;
	st = h2_stream_new(h2, 0);
	if (!st)
		return -ENOMEM;
	provider.source.ptr = st;
	id = nghttp2_submit_request(
		h2->session, NULL, nv, n_headers, ops->read ? &provider : NULL, st);
	if (id < 0) {
		h2_stream_free(st);
		return h2_check_submit(h2, id);
	}
	st->id = id;
	st->ops = ops;
	st->arg = arg;
	st->unsent = true;
	h2->n_unsent++;
	*ret = st;
	h2_mark_dirty(h2);
	return 0;
}

void h2_stream_bind(struct h2_stream *st, const struct h2_stream_ops *ops, void *arg)
{
	st->ops = ops;
	st->arg = arg;
}

int h2_respond(struct h2_stream *st, const struct h2_header *headers, size_t n_headers, bool end)
{
	nghttp2_data_provider provider = { .source = { .ptr = st }, .read_callback = h2_on_read };
	nghttp2_nv nv[H2_HEADERS_MAX];
	int r = h2_headers_to_nv(headers, n_headers, nv);

	if (r)
		return r;
	if (st->h2->error || st->reset)
		return 0; /* on_close is on its way */
	r = nghttp2_submit_response(st->h2->session, st->id, nv, n_headers, end ? NULL : &provider);
	return h2_check_submit(st->h2, r);
}

int h2_stream_trailers(struct h2_stream *st, const struct h2_header *headers, size_t n_headers)
{
	nghttp2_nv nv[H2_HEADERS_MAX];
	struct h2_header *copy;
	int r = h2_headers_to_nv(headers, n_headers, nv);

	if (!r)
		r = h2_headers_copy(headers, n_headers, &copy);
	if (r)
		return r;
	h2_headers_free(st->trailers, st->n_trailers);
	st->trailers = copy;
	st->n_trailers = n_headers;
	return 0;
}

const char *h2_stream_header(const struct h2_stream *st, const char *name)
{
	return h2_block_get(&st->block, name);
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

bool h2_stream_unsent(const struct h2_stream *st)
{
	return st->unsent;
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
		h2_mark_dirty(st->h2);
}

void h2_widen(struct h2_stream *st, uint32_t window)
{
	st->window = window; /* told behind the request: before, nghttp2 knows of no stream */
}

/* The library tells the peer when half the window was consumed; until then the peer has the rest. But
 * what waits unconsumed can take that rest up: a peer that has less left than it could be told, is. */
static int consume_stream(struct h2_stream *st, size_t n)
{
	nghttp2_session *session = st->h2->session;
	int32_t before = nghttp2_session_get_stream_effective_recv_data_length(session, st->id);
	int rv = nghttp2_session_consume_stream(session, st->id, n);
	int32_t used = nghttp2_session_get_stream_effective_recv_data_length(session, st->id);
	int32_t window = nghttp2_session_get_stream_effective_local_window_size(session, st->id);
	int32_t untold;

	st->untold = used < before ? 0 : st->untold + n;
	if (rv || used <= 0 || st->untold < H2_UPDATE_MIN ||
		(int64_t)st->untold < (int64_t)window - used)
		return rv;
	untold = (int32_t)min_size(st->untold, (size_t)used);
	st->untold = 0;
	return nghttp2_submit_window_update(session, NGHTTP2_FLAG_NONE, st->id, untold);
}

void h2_consume(struct h2_stream *st, size_t n)
{
	struct h2 *h2 = st->h2;
	int rv;

	if (h2->error || n == 0)
		return;
	rv = consume_stream(st, n);
	if (nghttp2_is_fatal(rv))
		h2_fail_from_library(h2, rv);
	else if (h2_wants_write(h2))
		h2_mark_dirty(h2);
}

void h2_reset(struct h2_stream *st, uint32_t error)
{
	if (st->h2->error || st->reset)
		return;
	st->reset = true;
	st->reset_error = error;
	list_append(&st->h2->resets, &st->reset_link);
	h2_mark_dirty(st->h2);
}

size_t h2_unacknowledged(const struct h2_stream *st)
{
	return st->unacknowledged;
}
