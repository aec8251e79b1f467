/*
 * client_world - two clients of a core whose far side is a fake
 */
#ifndef TESTS_CLIENT_WORLD_H
#define TESTS_CLIENT_WORLD_H

#include <string.h>

#include "daemon/core/methods.h"
#include "tests/fake.h"
#include "tests/suite.h"

static struct fake fake;
static struct peer a, b;

static inline void start(void)
{
	fake_init(&fake);
	fake_start(&fake);
}

static inline void begin(void)
{
	start();
	ck_assert_int_eq(peer_init(&a, &fake, false), 0);
	ck_assert_int_eq(peer_init(&b, &fake, false), 0);
	peer_hello(&a);
	peer_hello(&b);
}

static inline void end(void)
{
	peer_done(&a);
	peer_done(&b);
	fake_done(&fake);
}

static inline uint32_t simple(struct peer *p, const char *method)
{
	peer_begin(p, method, 0);
	return peer_send(p);
}

static inline uint32_t named(struct peer *p, const char *method, const char *name)
{
	peer_begin(p, method, 1);
	frame_put_str(&p->out, "name", name);
	return peer_send(p);
}

#endif
