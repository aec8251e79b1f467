#include "common/term/pool.h"

#include <string.h>

#define POOL_FIRST 32u

static uint32_t record_hash(const uint32_t r[POOL_WORDS])
{
	uint64_t h = UINT64_C(0x9e3779b97f4a7c15);

	for (unsigned i = 0; i < POOL_WORDS; i += 2) {
		h ^= r[i] | (uint64_t)r[i + 1] << 32;
		h *= UINT64_C(0xbf58476d1ce4e5b9);
		h ^= h >> 29;
	}
	return (uint32_t)(h ^ h >> 32);
}

static void slot_insert(struct pool *p, uint32_t number)
{
	uint32_t mask = 2 * p->cap - 1, at = record_hash(p->records[number]) & mask;

	while (p->slots[at])
		at = (at + 1) & mask;
	p->slots[at] = number;
}

/* Numbers on the free chain are marked 2 while this runs, so that only live ones enter the slots.
 */
static void slots_rebuild(struct pool *p)
{
	memset(p->slots, 0, 2 * (size_t)p->cap * sizeof(*p->slots));
	for (uint32_t i = p->free; i; i = p->records[i][0])
		p->marks[i] = 2;
	for (uint32_t i = 1; i < p->n; i++)
		if (p->marks[i] != 2)
			slot_insert(p, i);
	memset(p->marks, 0, p->cap);
}

void pool_done(struct pool *p)
{
	free(p->records);
	free(p->slots);
	free(p->marks);
	*p = (struct pool){ 0 };
}

size_t pool_memory(const struct pool *p)
{
	return p->cap * (sizeof(*p->records) + 2 * sizeof(*p->slots) + 1);
}

int pool_grow(struct pool *p, uint32_t max)
{
	uint32_t cap = p->cap ? 2 * p->cap : POOL_FIRST;
	uint32_t(*records)[POOL_WORDS];
	uint32_t *slots;
	uint8_t *marks;

	if (cap > max)
		return POOL_E_FULL;
	slots = calloc(2 * (size_t)cap, sizeof(*slots));
	marks = calloc(cap, 1);
	records = slots && marks ? realloc(p->records, cap * sizeof(*records)) : NULL;
	if (!records) {
		free(slots);
		free(marks);
		return -ENOMEM;
	}
	free(p->slots);
	free(p->marks);
	p->records = records;
	p->slots = slots;
	p->marks = marks;
	p->cap = cap;
	if (!p->n) {
		memset(p->records[0], 0, sizeof(p->records[0]));
		p->n = 1;
	}
	slots_rebuild(p);
	return 0;
}

/* The slot that has the record's number, or the free one where it would be. */
static uint32_t slot_find(const struct pool *p, const uint32_t record[POOL_WORDS])
{
	const uint32_t mask = 2 * p->cap - 1;
	uint32_t at = record_hash(record) & mask;

	while (p->slots[at] && memcmp(p->records[p->slots[at]], record, sizeof(p->records[0])) != 0)
		at = (at + 1) & mask;
	return at;
}

/* Takes the number in this slot out; those behind that it had pushed on move up. */
static void slot_remove(struct pool *p, uint32_t at)
{
	const uint32_t mask = 2 * p->cap - 1;

	for (uint32_t next = (at + 1) & mask; p->slots[next]; next = (next + 1) & mask) {
		const uint32_t home = record_hash(p->records[p->slots[next]]) & mask;

		if (((next - home) & mask) < ((next - at) & mask))
			continue;
		p->slots[at] = p->slots[next];
		at = next;
	}
	p->slots[at] = 0;
}

static void give_back(struct pool *p, uint32_t number)
{
	memset(p->records[number], 0, sizeof(p->records[0]));
	p->records[number][0] = p->free;
	p->free = number;
	p->n_free++;
}

int pool_intern(struct pool *p, const uint32_t record[POOL_WORDS], uint32_t *ret)
{
	static const uint32_t zero[POOL_WORDS];
	uint32_t at, number;

	if (memcmp(record, zero, sizeof(zero)) == 0) {
		*ret = 0;
		return 0;
	}
	if (!p->cap)
		return POOL_E_FULL;
	at = slot_find(p, record);
	if (p->slots[at]) {
		*ret = p->slots[at];
		return 0;
	}
	if (!pool_room(p))
		return POOL_E_FULL;
	if (p->free) {
		number = p->free;
		p->free = p->records[number][0];
		p->n_free--;
	} else {
		number = p->n++;
	}
	memcpy(p->records[number], record, sizeof(zero));
	p->slots[at] = number;
	*ret = number;
	return 0;
}

uint32_t pool_change(struct pool *p, uint32_t number, const uint32_t record[POOL_WORDS])
{
	uint32_t there = p->slots[slot_find(p, record)];

	slot_remove(p, slot_find(p, p->records[number]));
	if (there) {
		give_back(p, number);
		return there;
	}
	memcpy(p->records[number], record, sizeof(p->records[0]));
	slot_insert(p, number);
	return number;
}

void pool_sweep(struct pool *p)
{
	if (!p->cap)
		return;
	p->free = 0;
	p->n_free = 0;
	for (uint32_t i = p->n; i-- > 1;) {
		if (!p->marks[i])
			give_back(p, i);
	}
	slots_rebuild(p);
}
