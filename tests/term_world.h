/*
 * term_world - one terminal model, of 10x4 unless a test makes its own, and what it is fed
 */
#ifndef TESTS_TERM_WORLD_H
#define TESTS_TERM_WORLD_H

#include <string.h>

#include "tests/suite.h"
#include "tests/termkit.h"

static struct term *t;

static inline void begin(void)
{
	t = termkit_new(10, 4, 5);
}

static inline void end(void)
{
	t = term_free(t);
}

static inline void feed(const char *s)
{
	term_feed(t, (const uint8_t *)s, strlen(s));
}

static inline void repeat(const char *s, size_t n)
{
	while (n--)
		feed(s);
}

#endif
