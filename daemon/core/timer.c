#include "daemon/core/timer.h"

/* The earlier of two heaps becomes the parent of the other. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	struct timer *t;

	if (!a || !b)
		return a ? a : b;
	if (b->due_usec < a->due_usec) {
		t = a;
		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	return a;
}

/* The children of a removed node: melded in pairs, then the pairs from the last to the first. */
static struct timer *meld_siblings(struct timer *first)
{
	struct timer *a, *b, *pairs = NULL, *root = NULL;

	while (first) {
		a = first;
		b = a->next;
		first = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		a = pairs;
		pairs = a->next;
		a->next = NULL;
		root = meld(root, a);
	}
	return root;
}

void timer_stop(struct timers *ts, struct timer *t)
{
	struct timer *children;

	if (!t->armed)
		return;
	children = meld_siblings(t->child);
	if (t == ts->root) {
		ts->root = children;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		ts->root = meld(ts->root, children);
	}
	t->child = t->next = t->prev = NULL;
	t->armed = false;
}

void timer_start(struct timers *ts, struct timer *t, uint64_t due_usec)
{
	timer_stop(ts, t);
	t->due_usec = due_usec < ts->floor_usec ? ts->floor_usec : due_usec;
	t->armed = true;
	ts->root = meld(ts->root, t);
}

uint64_t timers_next(const struct timers *ts)
{
	return ts->root ? ts->root->due_usec : UINT64_MAX;
}

void timers_run(struct timers *ts, uint64_t now_usec)
{
	struct timer *t;

	ts->floor_usec = now_usec + 1;
	while (ts->root && ts->root->due_usec <= now_usec) {
		t = ts->root;
		timer_stop(ts, t);
		t->fn(t);
	}
	ts->floor_usec = 0;
}
