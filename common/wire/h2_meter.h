/*
 * h2_meter - counts what a peer may send without cause: HTTP/2 frames that carry no data
 *
 * nghttp2 does not tell of the frames it ignores, so this reads the 9-byte frame headers by itself,
 * before nghttp2 sees them.
 *
 * Counted: each frame but DATA; a DATA frame that may hold nothing (empty, or all padding).
 * Earned:  a peer answers our own frames with some of its own (a response's header blocks, window
 * updates, acknowledgements). Those are not counted: a request or a response served at any rate is
 * no flood.
 */
#ifndef COMMON_WIRE_H2_METER_H
#define COMMON_WIRE_H2_METER_H

#include "common/wire/h2.h"

#define H2_METER_HEAD 9
#define H2_METER_EARNED_MAX 10000 /* frames */

struct h2_meter {
	uint8_t head[H2_METER_HEAD];
	size_t n_head;
	size_t skip; /* bytes of preface or payload up to the next frame header */
	uint64_t since_usec;
	uint32_t n_frames; /* counted since then */
	uint32_t n_earned;
};

void h2_meter_init(struct h2_meter *m, bool server);
/* How many of the n bytes lie before the first frame too many: n, if there is none. */
size_t h2_meter_recv(struct h2_meter *m, const uint8_t *data, size_t n, uint64_t now_usec);
void h2_meter_sent(struct h2_meter *m, uint8_t type, uint8_t flags);

#endif
