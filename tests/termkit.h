/*
 * termkit - what the tests of the terminal model share: equality, random streams, the grammar of
 * paints
 *
 * This is the one place outside common/term that looks into struct term.
 */
#ifndef TESTS_TERMKIT_H
#define TESTS_TERMKIT_H

#include "common/term/shadow.h"

/* What termkit_same() leaves out. */
#define SAME_BUT_HISTORY 1u /* the lines above the screen */
#define SAME_BUT_QUIET                                                                             \
	2u /* answers owed, pending bytes, REP's character: what a paint cannot carry */
#define SAME_BUT_DEFAULTS                                                                          \
	4u /* what a terminal that was used before may have kept: see doc/terminal.md */

#define SAME_BUT_SAVED                                                                             \
	8u /* the alternate screen's saved cursor: not painted while the primary shows */

/* NULL, or what differs first, in words (static). A blank and a written space are the same. */
const char *termkit_same(const struct term *a, const struct term *b, unsigned but);

bool termkit_same_cell(const struct term *a, uint64_t x, const struct term *b, uint64_t y);

/* NULL, or what differs first between a's lines of history and the last ones of b. */
const char *termkit_same_history(const struct term *a, const struct term *b);

struct term *termkit_new(unsigned cols, unsigned rows, unsigned history_lines);
/* A terminal that was painted whole by a shadow of its own, with the view that this one has now;
 * *ret_bytes: what that cost. */
struct term *termkit_painted(
	const struct term *model, const struct term_shadow *like, size_t *ret_bytes);

/* Gives back every number of a style, cluster or link that nothing has: it never shows. */
void termkit_sweep(struct term *t);

/* Each row shows what it did, and is stored in another way that it could have come to be stored in;
 * at times it is swept too. */
void termkit_store_otherwise(struct term *t, uint64_t *seed);

/* A seeded stream: text of many kinds, every kind of sequence, damage. */
uint32_t termkit_random(uint64_t *seed);
void termkit_stream(uint64_t *seed, size_t n, struct term_buf *out);

/* One step of a fuzzer's input, in which 0xfe and two bytes is another size, at most 120x60, and the
 * rest output, 0xff excepted: how much of it was taken. */
size_t termkit_step(struct term *t, const uint8_t *data, size_t n);

/* A filter through which a session has set colours: so a paint passes it unchanged. */
struct term_filter *termkit_filter(void);

/* NULL, or the first piece that no paint may contain (static). */
const char *termkit_grammar(const uint8_t *data, size_t n);

#endif
