/*
 * h2_pair - a client and a server connection in one test, joined by memory
 *
 * pair_pump() carries bytes both ways until neither side has any, in pieces of `piece` bytes.
 */
#ifndef TESTS_H2_PAIR_H
#define TESTS_H2_PAIR_H

#include <check.h>
#include <string.h>

#include "common/wire/h2.h"

#define PAIR_STREAM_WINDOW ((uint32_t)65535)

struct pair {
	struct h2 *client, *server;
	size_t piece; /* bytes given to h2_recv at a time; 0: as they come */
	uint64_t now_usec;
	uint64_t carried; /* bytes, both ways */
};

static inline int pair_carry(struct pair *p, struct h2 *from, struct h2 *to, bool *ret_any)
{
	const uint8_t *data;
	ssize_t n = h2_gather(from, &data);

	ck_assert_int_ge(n, 0);
	*ret_any |= n > 0;
	p->carried += (uint64_t)n;
	while (n > 0) {
		size_t l = p->piece ? min_size(p->piece, (size_t)n) : (size_t)n;
		int r = h2_recv(to, data, l, p->now_usec);

		if (r)
			return r;
		data += l;
		n -= (ssize_t)l;
	}
	return 0;
}

/* All that one side has to say now. */
static inline int pair_carry_all(struct pair *p, struct h2 *from, struct h2 *to)
{
	bool any;
	int r;

	do {
		any = false;
		r = pair_carry(p, from, to, &any);
	} while (!r && any);
	return r;
}

static inline void pair_pump(struct pair *p)
{
	bool any;

	do {
		any = false;
		ck_assert_int_eq(pair_carry(p, p->client, p->server, &any), 0);
		ck_assert_int_eq(pair_carry(p, p->server, p->client, &any), 0);
	} while (any);
}

static inline void pair_init(
	struct pair *p, const struct h2_ops *client, const struct h2_ops *server, void *arg)
{
	struct h2_config config = {
		.stream_window = PAIR_STREAM_WINDOW, .max_streams = 100, .arg = arg
	};

	memset(p, 0, sizeof(*p));
	p->now_usec = USEC_PER_SEC;
	config.role = H2_CLIENT;
	config.ops = client;
	ck_assert_int_eq(h2_new(&p->client, &config), 0);
	config.role = H2_SERVER;
	config.ops = server;
	ck_assert_int_eq(h2_new(&p->server, &config), 0);
}

static inline void pair_done(struct pair *p)
{
	p->client = h2_free(p->client);
	p->server = h2_free(p->server);
}

#endif
