#include "common/wire/h2_private.h"

#include <string.h>

/* Never the bound: what one stream may have in flight is stream_window, and this is returned on
 * receipt. */
#define CONNECTION_WINDOW ((uint32_t)16 * 1024 * 1024)

static void put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void h2_mark_dirty(struct h2 *h2)
{
	if (h2->ops->on_dirty && !h2->freeing)
		h2->ops->on_dirty(h2, h2->arg);
}

/* The GOAWAY is written by hand. */
int h2_fail(struct h2 *h2, int error, uint32_t code)
{
	uint8_t *p = h2->last_words;

	if (h2->error)
		return h2->error;
	h2->error = error;
	memset(p, 0, H2_GOAWAY_BYTES);
	p[2] = 8; /* payload */
	p[3] = NGHTTP2_GOAWAY;
	put_u32(p + 9, (uint32_t)h2->last_peer_id);
	put_u32(p + 13, code);
	h2->n_last_words = H2_GOAWAY_BYTES;
	h2_mark_dirty(h2);
	return error;
}

int h2_fail_from_library(struct h2 *h2, ssize_t rv)
{
	if (rv == NGHTTP2_ERR_NOMEM)
		return h2_fail(h2, -ENOMEM, H2_INTERNAL_ERROR);
	if (rv == NGHTTP2_ERR_FLOODED)
		return h2_fail(h2, -EPROTO, H2_ENHANCE_YOUR_CALM);
	if (rv == NGHTTP2_ERR_CALLBACK_FAILURE && h2->doom == H2_INTERNAL_ERROR)
		return h2_fail(h2, -ENOMEM, H2_INTERNAL_ERROR);
	return h2_fail(h2, -EPROTO, h2->doom ? h2->doom : H2_PROTOCOL_ERROR);
}

int h2_check_submit(struct h2 *h2, int rv)
{
	if (nghttp2_is_fatal(rv))
		return h2_fail_from_library(h2, rv);
	h2_mark_dirty(h2);
	return rv ? -EINVAL : 0;
}

int h2_doom(struct h2 *h2, uint32_t code)
{
	h2->doom = code;
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* ---- the connection ---- */

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
	list_init(&h2->resets);
	h2_meter_init(&h2->meter, config->role == H2_SERVER, config->max_streams);
	r = h2_session_new(h2);
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
		h2_stream_close(st, H2_CANCEL);
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
	h2->now_usec = now_usec;
	h2->meter.n_open = h2->n_streams;
	good = h2_meter_recv(&h2->meter, data, n, now_usec);
	rv = nghttp2_session_mem_recv(h2->session, data, good);
	if (rv < 0)
		return h2_fail_from_library(h2, rv);
	if (h2->error)
		return h2->error; /* of a call from within */
	if (good < n)
		return h2_fail(h2, -EPROTO, h2->meter.error);
	if (h2_wants_write(h2) || !nghttp2_session_want_read(h2->session))
		h2_mark_dirty(h2); /* to send, or to see that it is finished */
	return 0;
}

/* Only now: of the streams that were reset since, some have closed by themselves. */
static ssize_t submit_resets(struct h2 *h2)
{
	struct h2_stream *st;
	int rv = 0;

	list_for_each(st, &h2->resets, reset_link) {
		list_unlink(&st->reset_link);
		rv = nghttp2_submit_rst_stream(
			h2->session, NGHTTP2_FLAG_NONE, st->id, st->reset_error);
		if (rv)
			break;
	}
	return rv;
}

static ssize_t session_send(struct h2 *h2, const uint8_t **ret_data)
{
	ssize_t rv;

	do {
		rv = submit_resets(h2);
		if (!rv)
			rv = nghttp2_session_mem_send(h2->session, ret_data);
	} while (rv == 0 && !list_empty(&h2->resets)); /* a frame's end may reset its stream */
	return rv;
}

ssize_t h2_gather(struct h2 *h2, const uint8_t **ret_data)
{
	ssize_t rv;

	if (!h2->error) {
		rv = session_send(h2, ret_data);
		if (rv >= 0)
			return rv;
		h2_fail_from_library(h2, rv);
	}
	rv = (ssize_t)h2->n_last_words;
	h2->n_last_words = 0;
	*ret_data = h2->last_words;
	return rv;
}

bool h2_wants_write(struct h2 *h2)
{
	if (h2->error)
		return h2->n_last_words > 0;
	return nghttp2_session_want_write(h2->session) || !list_empty(&h2->resets);
}

bool h2_finished(struct h2 *h2)
{
	if (h2->error)
		return h2->n_last_words == 0;
	return !nghttp2_session_want_read(h2->session) && !h2_wants_write(h2);
}

bool h2_broken(const struct h2 *h2)
{
	return h2->error || h2->terminated;
}

int h2_ping(struct h2 *h2, const uint8_t payload[8])
{
	if (h2->error)
		return h2->error;
	return h2_check_submit(h2, nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, payload));
}

int h2_goaway(struct h2 *h2, uint32_t error)
{
	if (h2->error)
		return h2->error;
	h2->goaway = true;
	h2->goaway_error = error;
	/* nghttp2 would send it before the requests, and the peer drop them */
	h2->goaway_waits = h2->n_unsent > 0;
	return h2->goaway_waits ? 0 : h2_check_submit(h2, h2_submit_goaway(h2));
}

size_t h2_n_streams(const struct h2 *h2)
{
	return h2->n_streams;
}

uint64_t h2_n_answers(const struct h2 *h2)
{
	return h2->n_answers;
}

int h2_set_limits(struct h2 *h2, uint32_t stream_window, uint32_t max_streams)
{
	const nghttp2_settings_entry entries[] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window },
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams },
	};

	if (h2->error)
		return h2->error;
	h2->meter.max_streams = max_size(h2->meter.max_streams, max_streams);
	return h2_check_submit(h2, nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, entries,
					   ARRAY_SIZE(entries)));
}

int h2_goaway_before(struct h2_stream *st)
{
	struct h2 *h2 = st->h2;
	int32_t last_id = st->id > 2 ? st->id - 2 : 0;

	if (h2->error)
		return h2->error;
	h2->goaway = true;
	return h2_check_submit(h2, nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, last_id,
					   H2_NO_ERROR, NULL, 0));
}
