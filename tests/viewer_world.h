/*
 * viewer_world - the world of attachment_world seen through a terminal: a model that is fed what an
 * attachment gets
 */
#ifndef TESTS_VIEWER_WORLD_H
#define TESTS_VIEWER_WORLD_H

#include <stdio.h>

#include "common/term/term.h"
#include "tests/attachment_world.h"

#define LINE_BYTES 10 /* "0000001\r\n", and so on: as long as seven digits last */
#define HISTORY 100000

struct viewer {
	struct peer *peer;
	uint32_t at;
	struct term *term;
	uint64_t got, acked, raw, skipped, paints, last_paint, exit_code;
	bool exited;
};

static struct viewer v;
static unsigned n_lines; /* written by the program of this test */

static inline void viewer_attach_as(
	struct peer *p, unsigned cols, unsigned rows, const char *policy)
{
	ck_assert_int_eq(term_new(&v.term, &(struct term_config){ cols, rows, HISTORY }), 0);
	v = (struct viewer){ .peer = p, .term = v.term };
	v.at = peer_attach(p,
		&(struct attach_how){ .name = "w", .cols = cols, .rows = rows, .policy = policy });
}

static inline void viewer_attach(struct peer *p, unsigned cols, unsigned rows)
{
	viewer_attach_as(p, cols, rows, NULL);
}

static inline void viewer_ask_size(unsigned cols, unsigned rows)
{
	ck_assert_int_eq(term_resize(v.term, cols, rows), 0);
	peer_begin(v.peer, "session.resize", 3);
	frame_put_u64(&v.peer->out, "attachment", v.at);
	frame_put_u64(&v.peer->out, "cols", cols);
	frame_put_u64(&v.peer->out, "rows", rows);
	peer_send(v.peer);
}

static inline void viewer_resize(unsigned cols, unsigned rows)
{
	viewer_ask_size(cols, rows);
	fake_pass(&fake, SESSION_RESIZE_USEC);
}

static inline const struct attachment *viewed(void)
{
	return client_attachment(v.peer->client, v.at);
}

/* Takes what is there, on the terminal. */
static inline void viewer_take(void)
{
	struct frame_span data;
	const struct frame *f;
	bool resync;

	while ((f = peer_next(v.peer))) {
		resync = frame_is(f, "resync");
		if (frame_is(f, "exited")) {
			v.exited = true;
			v.exit_code = field_u64(f->params, "exit_code");
		}
		if (!resync && !frame_is(f, "output"))
			continue;
		ck_assert_int_eq(frame_get_bytes(f->params, "data", &data), 0);
		if (resync && field_bool(f->params, "first")) {
			v.paints++;
			v.last_paint = 0;
		}
		if (resync)
			v.skipped += field_u64(f->params, "skipped_bytes");
		*(resync ? &v.last_paint : &v.raw) += data.n;
		term_feed(v.term, (const uint8_t *)data.data, data.n);
		v.got += data.n;
	}
}

static inline void viewer_ack(void)
{
	viewer_take();
	v.acked = v.got;
	peer_ack(v.peer, v.at, v.acked);
	fake_turn(&fake);
	viewer_take();
}

/* Until nothing more comes at this moment. */
static inline void viewer_ack_all(void)
{
	do
		viewer_ack();
	while (v.acked != v.got);
}

static inline void viewer_end(void)
{
	v.term = term_free(v.term);
	n_lines = 0;
	end();
}

static inline void lines(unsigned n)
{
	static char text[LOG_BYTES];
	size_t at = 0;

	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%08u\r\n", ++n_lines);
	output(text, at);
}

static inline bool same_screen(void)
{
	struct term_buf mine = { .n = 0 }, model = { .n = 0 };
	bool same;

	ck_assert_int_eq(term_text(v.term, &mine), 0);
	ck_assert_int_eq(term_text(s->screen.term, &model), 0);
	same = mine.n == model.n && (mine.n == 0 || memcmp(mine.data, model.data, mine.n) == 0);
	term_buf_done(&mine);
	term_buf_done(&model);
	return same;
}

#endif
