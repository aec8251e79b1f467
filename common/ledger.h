/*
 * ledger - bytes held for others, counted where they are taken and where they are given back
 *
 * Units:  bytes. `max` 0 means no bound. A ledger may have a parent, which is charged as well.
 * Errors: LEDGER_E_FULL from ledger_take when a bound would be passed; then nothing is charged.
 * Every fixture of a test ends by asserting ledger_held() == 0.
 */
#ifndef COMMON_LEDGER_H
#define COMMON_LEDGER_H

#include <assert.h>

#include "common/util.h"

#define LEDGER_E_FULL 1

struct ledger {
	struct ledger *parent;
	size_t held; /* bytes; <= max unless max is 0 */
	size_t max;  /* bytes */
};

static inline void ledger_init(struct ledger *l, struct ledger *parent, size_t max)
{
	l->parent = parent;
	l->held = 0;
	l->max = max;
}

static inline size_t ledger_held(const struct ledger *l)
{
	return l->held;
}

static inline bool ledger_fits(const struct ledger *l, size_t n)
{
	for (; l; l = l->parent)
		if (l->max && (l->held > l->max || n > l->max - l->held))
			return false;
	return true;
}

/* Charges n bytes that were checked or may not fail. */
static inline void ledger_add(struct ledger *l, size_t n)
{
	for (; l; l = l->parent)
		l->held += n;
}

static inline int ledger_take(struct ledger *l, size_t n)
{
	if (!ledger_fits(l, n))
		return LEDGER_E_FULL;
	ledger_add(l, n);
	return 0;
}

static inline void ledger_sub(struct ledger *l, size_t n)
{
	for (; l; l = l->parent) {
		assert(l->held >= n);
		l->held -= n;
	}
}

#endif
