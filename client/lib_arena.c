/*
 * lib_arena - the memory of one answer, event or error
 */
#include <stddef.h>
#include <string.h>

#include "client/lib.h"

struct arena_block {
	struct arena_block *next;
	max_align_t data[];
};

static void *arena_get(struct arena *a, size_t n)
{
	struct arena_block *b;
	size_t size;

	if (!size_add(sizeof(*b), n, &size))
		return NULL;
	b = malloc(size);
	if (!b)
		return NULL;
	b->next = a->blocks;
	a->blocks = b;
	return b->data;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p = arena_get(a, n);

	return p ? memset(p, 0, n) : NULL;
}

void *arena_memdup(struct arena *a, const void *data, size_t n)
{
	void *copy = arena_get(a, n);

	if (copy && n > 0)
		memcpy(copy, data, n);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_get(a, n + 1);

	if (!copy)
		return NULL;
	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = 0;
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

void arena_done(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
}
