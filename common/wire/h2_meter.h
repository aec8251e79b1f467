/*
 * h2_meter - counts what a peer may send without cause: HTTP/2 frames that carry no data
 *
 * nghttp2 does not tell of the frames it ignores, so this reads the 9-byte frame headers by itself,
 * before nghttp2 sees them.
 *
 * Counted: each frame but DATA; a DATA frame that may hold nothing (empty, or all padding).
 * Earned:  a peer answers our own frames with some of its own (a response's header blocks, window
 *          updates, acknowledgements). Those are not counted: a request or a response served at any
 *          rate is no flood.
 * Server:  a request is not counted while fewer than `max_streams` are open, and earns the frame
 *          that ends it; nor is RST_STREAM. What is counted instead is a stream that closed
 *          unanswered before it was a second old (h2_meter_charge), with all its frames: the work
 *          of starting it was for nothing. So a client may open and cancel all it is allowed
 *          at once, any number of times a minute; "rapid reset" is a thousand frames a second, as
 *          before.
 * Ids:     a request on an id that was passed over breaks the protocol (RFC 9113, 5.1.1). nghttp2
 *          takes it for trailers that come late, and stays silent.
 */
#ifndef COMMON_WIRE_H2_METER_H
#define COMMON_WIRE_H2_METER_H

#include "common/wire/h2.h"

#define H2_METER_HEAD 9
#define H2_METER_EARNED_MAX 10000 /* frames */
#define H2_METER_GAPS_MAX 8

struct h2_meter {
	uint8_t head[H2_METER_HEAD];
	size_t n_head;
	size_t skip; /* bytes of preface or payload up to the next frame header */
	uint64_t since_usec;
	uint32_t n_frames; /* counted since then */
	uint32_t n_earned;
	bool server; /* then also: */
	size_t max_streams;
	size_t n_open; /* streams; set by the owner before each h2_meter_recv() */
	uint32_t newest_id;
	struct h2_gap {
		uint32_t first, last;
	} gaps[H2_METER_GAPS_MAX]; /* ids the peer passed over, a ring */
	size_t n_gaps;
	uint32_t error; /* enum h2_error: of the frame before which h2_meter_recv() stopped */
};

void h2_meter_init(struct h2_meter *m, bool server, size_t max_streams);
/* How many of the n bytes lie before the first frame too many: n, if there is none. */
size_t h2_meter_recv(struct h2_meter *m, const uint8_t *data, size_t n, uint64_t now_usec);
/* Something was wasted that cost as much as n frames; false: it is too much. */
bool h2_meter_charge(struct h2_meter *m, uint32_t n);
void h2_meter_sent(struct h2_meter *m, uint8_t type, uint8_t flags);

#endif
