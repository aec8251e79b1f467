#include <string.h>

#include "common/term/model.h"

#define LINK_SLOTS (2 * LINKS_MAX)
#define LINK_REFUSALS 256u /* links refused before a full table is swept again */

static uint32_t link_hash(const char *params, size_t n_params, const char *uri)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n_params; i++)
		h = (h ^ (uint8_t)params[i]) * 16777619u;
	for (h *= 31; *uri; uri++)
		h = (h ^ (uint8_t)*uri) * 16777619u;
	return h ^ h >> 15;
}

static void slot_insert(struct term *t, uint32_t number)
{
	uint32_t at = t->links[number].hash % LINK_SLOTS;

	while (t->link_slots[at])
		at = (at + 1) % LINK_SLOTS;
	t->link_slots[at] = (uint16_t)number;
}

static uint32_t slot_find(const struct term *t, uint32_t hash, const char *params, const char *uri)
{
	for (uint32_t at = hash % LINK_SLOTS; t->n_links && t->link_slots[at];
		at = (at + 1) % LINK_SLOTS) {
		const struct link *l = &t->links[t->link_slots[at]];

		if (l->hash == hash && strcmp(l->uri, uri) == 0 && strcmp(l->params, params) == 0)
			return t->link_slots[at];
	}
	return 0;
}

/* Frees the links that no style in use has, nor a pen. */
void links_sweep(struct term *t)
{
	attr_sweep(t);
	for (uint32_t i = 1; i < t->styles.n; i++)
		if (t->styles.records[i][4] < t->n_links)
			t->links[t->styles.records[i][4]].marked = true;
	history_mark_links(&t->history, t->links, t->n_links);
	for (unsigned i = 0; i < ARRAY_SIZE(t->screens); i++)
		t->links[t->screens[i].saved.pen.style.link].marked = true;
	t->links[t->cursor.pen.style.link].marked = true;
	memset(t->link_slots, 0, LINK_SLOTS * sizeof(*t->link_slots));
	t->link_free = 0;
	for (uint32_t i = t->n_links; i-- > 1;) {
		if (t->links[i].uri && t->links[i].marked) {
			t->links[i].marked = false;
			slot_insert(t, i);
			continue;
		}
		free(t->links[i].uri);
		t->links[i] = (struct link){ .next = t->link_free };
		t->link_free = i;
	}
}

static int links_grow(struct term *t)
{
	unsigned n = t->n_links ? 2 * t->n_links : 16;
	struct link *links;

	if (n > LINKS_MAX)
		return -ENOSPC;
	if (!t->link_slots)
		t->link_slots = calloc(LINK_SLOTS, sizeof(*t->link_slots));
	links = t->link_slots ? realloc(t->links, n * sizeof(*links)) : NULL;
	if (!links)
		return -ENOMEM;
	memset(links + t->n_links, 0, (n - t->n_links) * sizeof(*links));
	for (uint32_t i = n; i-- > (t->n_links ? t->n_links : 1);) {
		links[i].next = t->link_free;
		t->link_free = i;
	}
	t->links = links;
	t->n_links = n;
	return 0;
}

static uint32_t link_take(struct term *t)
{
	uint32_t number;

	if (!t->link_free && t->n_links == LINKS_MAX) {
		if (t->link_refusals) {
			t->link_refusals--;
			return 0;
		}
		links_sweep(t);
		t->link_refusals = LINK_REFUSALS;
	}
	if (!t->link_free && links_grow(t) < 0)
		return 0;
	number = t->link_free;
	t->link_free = t->links[number].next;
	if (t->link_free)
		t->link_refusals = 0;
	return number;
}

uint32_t link_number(struct term *t, const char *params, const char *uri)
{
	const size_t n_params = strlen(params), n_uri = strlen(uri);
	const uint32_t hash = link_hash(params, n_params, uri);
	uint32_t number;
	char *text;

	if (!n_uri || n_uri + n_params > LINK_BYTES_MAX)
		return 0;
	number = slot_find(t, hash, params, uri);
	if (number)
		return number;
	text = malloc(n_uri + n_params + 2);
	number = text ? link_take(t) : 0;
	if (!number) {
		free(text);
		return 0;
	}
	memcpy(text, uri, n_uri + 1);
	memcpy(text + n_uri + 1, params, n_params + 1);
	t->links[number] = (struct link){ .uri = text, .params = text + n_uri + 1, .hash = hash };
	slot_insert(t, number);
	return number;
}

void links_done(struct term *t)
{
	for (unsigned i = 0; i < t->n_links; i++)
		free(t->links[i].uri);
	free(t->links);
	free(t->link_slots);
}

size_t links_memory(const struct term *t)
{
	size_t n = t->n_links * sizeof(*t->links) +
		   (t->link_slots ? LINK_SLOTS * sizeof(*t->link_slots) : 0);

	for (unsigned i = 0; i < t->n_links; i++)
		if (t->links[i].uri)
			n += strlen(t->links[i].uri) + strlen(t->links[i].params) + 2;
	return n;
}
