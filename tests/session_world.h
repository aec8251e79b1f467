/*
 * session_world - one session `w`, its far side a fake, and three clients
 */
#ifndef TESTS_SESSION_WORLD_H
#define TESTS_SESSION_WORLD_H

#include <string.h>

#include "tests/fake.h"
#include "tests/suite.h"

static struct fake fake;
static struct peer a, b, c;
static struct session *s;

static inline void begin_with(unsigned cols, unsigned rows)
{
	fake_init(&fake);
	fake_start(&fake);
	peer_init(&a, &fake, false);
	peer_init(&b, &fake, false);
	peer_init(&c, &fake, false);
	peer_hello(&a);
	peer_hello(&b);
	peer_hello(&c);
	s = peer_create(&a, "w", cols, rows);
	session_up(s);
}

static inline void begin(void)
{
	begin_with(80, 24);
}

static inline void end(void)
{
	peer_done(&a);
	peer_done(&b);
	peer_done(&c);
	fake_done(&fake);
}

static inline uint32_t named(struct peer *p, const char *method, const char *name)
{
	peer_begin(p, method, 1);
	frame_put_str(&p->out, "name", name);
	return peer_send(p);
}

static inline uint32_t of_attachment(struct peer *p, const char *method, uint32_t at)
{
	peer_begin(p, method, 1);
	frame_put_u64(&p->out, "attachment", at);
	return peer_send(p);
}

static inline uint32_t attach(struct peer *p, unsigned cols, unsigned rows)
{
	return peer_attach(p, &(struct attach_how){ .name = "w", .cols = cols, .rows = rows });
}

static inline void resize(struct peer *p, uint32_t at, unsigned cols, unsigned rows)
{
	peer_begin(p, "session.resize", 3);
	frame_put_u64(&p->out, "attachment", at);
	frame_put_u64(&p->out, "cols", cols);
	frame_put_u64(&p->out, "rows", rows);
	peer_result(p, peer_send(p));
}

static inline void set_size(const char *size)
{
	peer_begin(&a, "session.set", 2);
	frame_put_str(&a.out, "name", "w");
	frame_put_str(&a.out, "size", size);
	peer_result(&a, peer_send(&a));
}

static inline void is_size(unsigned cols, unsigned rows)
{
	fake_pass(&fake, SESSION_RESIZE_USEC);
	ck_assert_msg(s->cols == cols && s->rows == rows, "%ux%u instead of %ux%u", s->cols,
		s->rows, cols, rows);
	ck_assert_uint_eq(fake_last(&fake)->cols, cols);
	ck_assert_uint_eq(fake_last(&fake)->rows, rows);
}

static inline struct attachment *leader(void)
{
	return s->lead;
}

static inline bool input_is(const char *text)
{
	const struct fake_upstream *u = fake_last(&fake);
	bool same;

	fake_turn(&fake);
	same = u->n_input == strlen(text) &&
	       (u->n_input == 0 || memcmp(u->input, text, u->n_input) == 0);
	fake_last(&fake)->n_input = 0;
	return same;
}

static inline void output(const char *text)
{
	ck_assert_int_eq(session_output(s, (const uint8_t *)text, strlen(text), LOG_STDOUT), 0);
	fake_turn(&fake);
}

#endif
