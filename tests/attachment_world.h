/*
 * attachment_world - one session `w` of 80x24 with a small log, two clients, and what they are sent
 */
#ifndef TESTS_ATTACHMENT_WORLD_H
#define TESTS_ATTACHMENT_WORLD_H

#include <string.h>

#include "tests/fake.h"
#include "tests/suite.h"

#define LOG_BYTES ((size_t)256 * 1024)

static struct fake fake;
static struct peer a, b;
static struct session *s;
static uint8_t blob[LOG_BYTES];

static inline void begin_with(size_t log_bytes)
{
	fake_init(&fake);
	fake.config.log_bytes = log_bytes;
	fake_start(&fake);
	ck_assert_int_eq(peer_init(&a, &fake, false), 0);
	ck_assert_int_eq(peer_init(&b, &fake, false), 0);
	peer_hello(&a);
	peer_hello(&b);
	s = peer_create(&a, "w", 80, 24);
	session_up(s);
	for (size_t i = 0; i < sizeof(blob); i++)
		blob[i] = i % 64 == 63 ? '\n' : (uint8_t)('a' + i % 26);
}

static inline void begin(void)
{
	begin_with(LOG_BYTES);
}

static inline void end(void)
{
	peer_done(&a);
	peer_done(&b);
	fake_done(&fake);
}

static inline void output(const void *data, size_t n)
{
	ck_assert_int_eq(session_output(s, data, n, LOG_STDOUT), 0);
	fake_turn(&fake);
}

static inline void output_text(const char *text)
{
	output(text, strlen(text));
}

/* Payload bytes of the frames a peer got since the last call: output and resync apart. */
struct got {
	uint64_t output, resync, first_offset, next_offset;
	size_t n_paints, n_whole_paints;
	char text[LOG_BYTES], paint[LOG_BYTES]; /* output since the last resync; the last resync */
	size_t n_text, n_paint;
};

static inline void got_output(struct got *g, const msgpack_object *params)
{
	struct frame_span data;

	ck_assert_int_eq(frame_get_bytes(params, "data", &data), 0);
	if (g->output == 0)
		g->first_offset = field_u64(params, "offset");
	else
		ck_assert_uint_eq(field_u64(params, "offset"), g->next_offset);
	g->output += data.n;
	g->next_offset = field_u64(params, "offset") + data.n;
	ck_assert_uint_le(data.n, sizeof(g->text) - g->n_text);
	memcpy(g->text + g->n_text, data.data, data.n);
	g->n_text += data.n;
}

static inline void got_resync(struct got *g, const msgpack_object *params)
{
	struct frame_span data;

	ck_assert_int_eq(frame_get_bytes(params, "data", &data), 0);
	g->resync += data.n;
	g->n_paints += field_bool(params, "first");
	if (field_bool(params, "first"))
		g->n_paint = 0;
	ck_assert_uint_le(data.n, sizeof(g->paint) - g->n_paint);
	memcpy(g->paint + g->n_paint, data.data, data.n);
	g->n_paint += data.n;
	g->n_whole_paints += field_bool(params, "last");
	g->next_offset = field_u64(params, "offset");
	g->output = 0; /* raw output goes on at that offset */
	g->n_text = 0;
}

static inline void collect(struct peer *p, struct got *g)
{
	const struct frame *f;

	*g = (struct got){ .output = 0 };
	while ((f = peer_next(p))) {
		if (frame_is(f, "output"))
			got_output(g, f->params);
		else if (frame_is(f, "resync"))
			got_resync(g, f->params);
	}
}

#endif
