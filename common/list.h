/*
 * list - an intrusive doubly linked list
 *
 * The head and the links in the objects are both struct list. An unlinked link points to itself or
 * is zero; list_unlink() on either is harmless.
 */
#ifndef COMMON_LIST_H
#define COMMON_LIST_H

#include "common/util.h"

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l;
	l->next = l;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_linked(const struct list *link)
{
	return link->next && link->next != link;
}

static inline void list_insert_before(struct list *at, struct list *link)
{
	link->prev = at->prev;
	link->next = at;
	at->prev->next = link;
	at->prev = link;
}

static inline void list_append(struct list *head, struct list *link)
{
	list_insert_before(head, link);
}

static inline void list_prepend(struct list *head, struct list *link)
{
	list_insert_before(head->next, link);
}

static inline void list_unlink(struct list *link)
{
	if (!link->next)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

#define list_first(head, type, member) \
	(list_empty(head) ? NULL : container_of((head)->next, type, member))

#define list_last(head, type, member) \
	(list_empty(head) ? NULL : container_of((head)->prev, type, member))

/* The next element after `obj`, or NULL at the end. */
#define list_next(head, obj, member)                \
	((obj)->member.next == (head) ?             \
		 NULL :                             \
		 container_of((obj)->member.next, __typeof__(*(obj)), member))

#define list_for_each(pos, head, member)                                                       \
	for (struct list *_next_##pos = (head)->next;                                          \
	     _next_##pos != (head) &&                                                          \
	     ((pos) = container_of(_next_##pos, __typeof__(*(pos)), member),                   \
	     _next_##pos = _next_##pos->next, true);)

#endif
