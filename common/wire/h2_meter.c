#include "common/wire/h2_meter.h"

#include <string.h>

#define PREFACE_BYTES 24
#define PADDING_MAX 256 /* bytes, with the length byte */

enum { TYPE_DATA = 0, TYPE_HEADERS = 1, TYPE_RST_STREAM = 3, TYPE_SETTINGS = 4, TYPE_PING = 6 };
enum { FLAG_ACK = 0x1, FLAG_END_STREAM = 0x1, FLAG_PADDED = 0x8 };

void h2_meter_init(struct h2_meter *m, bool server, size_t max_streams)
{
	memset(m, 0, sizeof(*m));
	m->skip = server ? PREFACE_BYTES : 0;
	m->server = server;
	m->max_streams = max_streams;
}

static void earn(struct h2_meter *m, uint32_t n)
{
	if (m->n_earned < H2_METER_EARNED_MAX)
		m->n_earned += n;
}

static bool was_passed_over(const struct h2_meter *m, uint32_t id)
{
	for (size_t i = 0; i < min_size(m->n_gaps, H2_METER_GAPS_MAX); i++)
		if (id >= m->gaps[i].first && id <= m->gaps[i].last)
			return true;
	return false;
}

static uint32_t id_of(const uint8_t head[H2_METER_HEAD])
{
	return (uint32_t)(head[5] & 0x7f) << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 |
	       head[8];
}

/* A server's peer begins a request, within what it may have open. */
static bool opens_stream(struct h2_meter *m)
{
	uint32_t id = id_of(m->head);

	if (id <= m->newest_id) {
		m->error = was_passed_over(m, id) ? H2_PROTOCOL_ERROR : H2_NO_ERROR;
		return false;
	}
	if (id > m->newest_id + 2)
		m->gaps[m->n_gaps++ % H2_METER_GAPS_MAX] =
			(struct h2_gap){ m->newest_id + 1, id - 1 };
	m->newest_id = id;
	if (m->n_open >= m->max_streams)
		return false;
	m->n_open++;
	if (!(m->head[4] & FLAG_END_STREAM))
		earn(m, 1);
	return true;
}

static bool is_counted(struct h2_meter *m, size_t length)
{
	const uint8_t *head = m->head;

	if (m->server && head[3] == TYPE_RST_STREAM)
		return false;
	if (m->server && head[3] == TYPE_HEADERS)
		return !opens_stream(m);
	if (head[3] != TYPE_DATA)
		return true;
	return length == 0 || ((head[4] & FLAG_PADDED) && length <= PADDING_MAX);
}

bool h2_meter_charge(struct h2_meter *m, uint32_t n)
{
	uint32_t paid = n < m->n_earned ? n : m->n_earned;

	m->n_earned -= paid;
	m->n_frames += n - paid;
	return m->n_frames <= H2_CONTROL_FRAMES_PER_SEC;
}

/* A frame begins: false if it is one too many. */
static bool admit(struct h2_meter *m)
{
	size_t length = (size_t)m->head[0] << 16 | (size_t)m->head[1] << 8 | m->head[2];

	m->n_head = 0;
	m->skip = length;
	if (!is_counted(m, length))
		return true;
	if (m->error)
		return false;
	if (h2_meter_charge(m, 1))
		return true;
	m->error = H2_ENHANCE_YOUR_CALM;
	return false;
}

size_t h2_meter_recv(struct h2_meter *m, const uint8_t *data, size_t n, uint64_t now_usec)
{
	size_t at = 0;

	if (now_usec - m->since_usec >= USEC_PER_SEC) {
		m->since_usec = now_usec;
		m->n_frames = 0;
	}
	while (at < n) {
		size_t begin = at, l = min_size(m->skip, n - at);

		m->skip -= l;
		at += l;
		if (m->skip)
			break;
		begin = at;
		l = min_size(H2_METER_HEAD - m->n_head, n - at);
		memcpy(m->head + m->n_head, data + at, l);
		m->n_head += l;
		at += l;
		if (m->n_head == H2_METER_HEAD && !admit(m))
			return begin;
	}
	return n;
}

/* Answers due: header block and trailers, or window updates of the stream and of the connection. */
void h2_meter_sent(struct h2_meter *m, uint8_t type, uint8_t flags)
{
	uint32_t n = 0;

	if (type == TYPE_DATA || type == TYPE_HEADERS)
		n = 2;
	else if ((type == TYPE_SETTINGS || type == TYPE_PING) && !(flags & FLAG_ACK))
		n = 1;
	earn(m, n);
}
