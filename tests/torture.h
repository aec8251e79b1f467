/*
 * torture - the n-th allocation fails, once or for ever
 *
 * Link with $(torture_ldflags), which wraps malloc, calloc, realloc, strdup and strndup. libcheck
 * allocates too: disarm before any ck_assert.
 */
#ifndef TESTS_TORTURE_H
#define TESTS_TORTURE_H

#include <stdbool.h>
#include <stddef.h>

/* From now on the n-th allocation fails (n = 1: the next); with `ever` all after it too. */
void torture_arm(size_t n, bool ever);
/* How many allocations were asked for since torture_arm(). */
size_t torture_disarm(void);

#endif
