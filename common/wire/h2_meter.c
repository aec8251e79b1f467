#include "common/wire/h2_meter.h"

#include <string.h>

#define PREFACE_BYTES 24
#define PADDING_MAX 256 /* bytes, with the length byte */

enum { TYPE_DATA = 0, TYPE_HEADERS = 1, TYPE_SETTINGS = 4, TYPE_PING = 6 };
enum { FLAG_ACK = 0x1, FLAG_PADDED = 0x8 };

void h2_meter_init(struct h2_meter *m, bool server)
{
	memset(m, 0, sizeof(*m));
	m->skip = server ? PREFACE_BYTES : 0;
}

static bool is_counted(const uint8_t head[H2_METER_HEAD], size_t length)
{
	if (head[3] != TYPE_DATA)
		return true;
	return length == 0 || ((head[4] & FLAG_PADDED) && length <= PADDING_MAX);
}

/* A frame begins: false if it is one too many. */
static bool admit(struct h2_meter *m)
{
	size_t length = (size_t)m->head[0] << 16 | (size_t)m->head[1] << 8 | m->head[2];

	m->n_head = 0;
	m->skip = length;
	if (!is_counted(m->head, length))
		return true;
	if (m->n_earned > 0) {
		m->n_earned--;
		return true;
	}
	return ++m->n_frames <= H2_CONTROL_FRAMES_PER_SEC;
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
	if (m->n_earned < H2_METER_EARNED_MAX)
		m->n_earned += n;
}
