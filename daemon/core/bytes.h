/*
 * bytes - a queue of bytes in one piece of memory
 *
 * Owner:   whoever embeds it; zeroed but for the ledger and `secret` = empty. It is charged for its
 *          memory.
 * Errors:  -ENOMEM with nothing taken.
 */
#ifndef DAEMON_CORE_BYTES_H
#define DAEMON_CORE_BYTES_H

#include "common/ledger.h"

#define BYTES_KEEP_MAX ((size_t)4 * 1024) /* memory an empty queue keeps */

struct bytes {
	uint8_t *data;
	size_t pos, end, cap; /* data[pos..end) waits */
	struct ledger *ledger;
	bool secret; /* what it gives back is wiped */
};

static inline size_t bytes_n(const struct bytes *b)
{
	return b->end - b->pos;
}

int bytes_reserve(struct bytes *b, size_t n); /* room for n more */
int bytes_push(struct bytes *b, const void *data, size_t n);
void bytes_drop(struct bytes *b, size_t n); /* the first n */
void bytes_done(struct bytes *b);

#endif
