/*
 * pool - small records under numbers: equal records have one number, 0 is the all-zero record
 *
 * Numbers live in cells, so none is freed while it is in use: the owner marks what it sees, then
 * sweeps.
 * Errors:  POOL_E_FULL when every number up to the current size is taken: sweep or grow; -ENOMEM.
 */
#ifndef COMMON_TERM_POOL_H
#define COMMON_TERM_POOL_H

#include "common/util.h"

#define POOL_E_FULL 1
#define POOL_WORDS 6

struct pool {
	uint32_t (*records)[POOL_WORDS];
	uint32_t *slots;   /* open addressing: numbers, 0 = free; 2 * cap of them */
	uint8_t *marks;    /* one a record, for the sweep */
	uint32_t n, cap;   /* numbers ever given and not returned to the end; room */
	uint32_t free;     /* chain of numbers through records[][0]; 0 = none */
	uint32_t n_free;   /* of that chain */
	uint32_t refusals; /* further records refused before the next sweep is worth its cost */
};

void pool_done(struct pool *p);
int pool_intern(struct pool *p, const uint32_t record[POOL_WORDS], uint32_t *ret);
/* As pool_intern(), where `number` is no longer wanted and only the caller has it: it may become the
 * record. */
uint32_t pool_change(struct pool *p, uint32_t number, const uint32_t record[POOL_WORDS]);
int pool_grow(struct pool *p, uint32_t max); /* POOL_E_FULL at max */
void pool_sweep(struct pool *p);             /* frees what has no mark, and all marks */
size_t pool_memory(const struct pool *p);

static inline void pool_mark(struct pool *p, uint32_t number)
{
	if (number < p->n)
		p->marks[number] = 1;
}

static inline uint32_t pool_room(const struct pool *p)
{
	return p->cap - p->n + p->n_free;
}

#endif
