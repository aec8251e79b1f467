#include "daemon/core/registry.h"

#include <string.h>

#include "daemon/core/session.h"

void registry_init(struct registry *reg)
{
	*reg = (struct registry){ .next_number = 1 };
	list_init(&reg->newest);
	list_init(&reg->ended);
}

void registry_done(struct registry *reg)
{
	assert(reg->n == 0);
	free(reg->by_name);
	reg->by_name = NULL;
}

static int name_compare(const char *name, size_t n, const struct session *s)
{
	size_t l = strlen(s->name);
	int r = memcmp(name, s->name, min_size(n, l));

	return r ? r : (n > l) - (n < l);
}

/* The first index whose name is not before `name`; *ret_same: it is that name. */
static size_t registry_index(const struct registry *reg, const char *name, size_t n, bool *ret_same)
{
	size_t lo = 0, hi = reg->n, mid;
	int r;

	*ret_same = false;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		r = name_compare(name, n, reg->by_name[mid]);
		if (r <= 0)
			hi = mid;
		else
			lo = mid + 1;
		*ret_same |= r == 0;
	}
	return lo;
}

struct session *registry_find(const struct registry *reg, const char *name, size_t n)
{
	bool same;
	size_t i = registry_index(reg, name, n, &same);

	return same ? reg->by_name[i] : NULL;
}

size_t registry_after(const struct registry *reg, const char *name, size_t n)
{
	bool same;
	size_t i = registry_index(reg, name, n, &same);

	return i + same;
}

static int registry_reserve(struct registry *reg)
{
	size_t cap = max_size(2 * reg->cap, 16);
	struct session **p;

	if (reg->n < reg->cap)
		return 0;
	p = realloc(reg->by_name, cap * sizeof(struct session *));
	if (!p)
		return -ENOMEM;
	reg->by_name = p;
	reg->cap = cap;
	return 0;
}

static void registry_insert(
	struct registry *reg, size_t i, struct session *s, const char *name, size_t n)
{
	memmove(reg->by_name + i + 1, reg->by_name + i, (reg->n - i) * sizeof(struct session *));
	reg->by_name[i] = s;
	reg->n++;
	memcpy(s->name, name, n);
	s->name[n] = '\0';
}

static void registry_take_out(struct registry *reg, const struct session *s)
{
	bool same;
	size_t i = registry_index(reg, s->name, strlen(s->name), &same);

	assert(same && reg->by_name[i] == s);
	reg->n--;
	memmove(reg->by_name + i, reg->by_name + i + 1, (reg->n - i) * sizeof(struct session *));
}

/* "s" and the number. */
static size_t number_name(char out[TEXT_NAME_MAX], uint64_t v)
{
	char digits[20];
	size_t n = 0, l = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	out[l++] = 's';
	while (n)
		out[l++] = digits[--n];
	return l;
}

int registry_add(struct registry *reg, struct session *s, const char *name, size_t n)
{
	char fresh[TEXT_NAME_MAX];
	bool same;
	size_t i;

	assert(n <= TEXT_NAME_MAX);
	if (registry_reserve(reg))
		return -ENOMEM;
	if (n == 0) {
		name = fresh;
		do
			n = number_name(fresh, reg->next_number++);
		while (registry_find(reg, fresh, n));
	}
	i = registry_index(reg, name, n, &same);
	if (same)
		return REGISTRY_E_TAKEN;
	registry_insert(reg, i, s, name, n);
	list_append(&reg->newest, &s->link);
	return 0;
}

int registry_rename(struct registry *reg, struct session *s, const char *name, size_t n)
{
	struct session *other = registry_find(reg, name, n);
	bool same;
	size_t i;

	if (other)
		return other == s ? 0 : REGISTRY_E_TAKEN;
	registry_take_out(reg, s); /* its place in the array is free for the new name */
	i = registry_index(reg, name, n, &same);
	registry_insert(reg, i, s, name, n);
	return 0;
}

void registry_remove(struct registry *reg, struct session *s)
{
	registry_take_out(reg, s);
	list_unlink(&s->link);
	if (list_linked(&s->ended_link)) {
		list_unlink(&s->ended_link);
		reg->n_ended--;
	}
}

struct session *registry_newest(const struct registry *reg)
{
	for (struct list *l = reg->newest.prev; l != &reg->newest; l = l->prev) {
		struct session *s = container_of(l, struct session, link);

		if (!session_ended(s))
			return s;
	}
	return NULL;
}

void registry_ended(struct registry *reg, struct session *s)
{
	list_append(&reg->ended, &s->ended_link);
	reg->n_ended++;
}

struct session *registry_overdue(const struct registry *reg)
{
	struct session *s;

	if (reg->n_ended < REGISTRY_ENDED_MAX)
		return NULL;
	list_for_each(s, &reg->ended, ended_link)
		if (list_empty(&s->attachments))
			return s;
	return NULL;
}
