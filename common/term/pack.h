/*
 * pack - a line of cells to bytes and back, as history keeps it
 *
 * A line stands for itself: styles are kept by value in a table of its block, clusters as their code
 * points, so that nothing on the screen has to be kept for it.
 *
 * A line is: how many cells, and flags; how many times it is there, if more than once; what the rest of
 * it is filled with, maybe a wide character, and up to where; a gap amid the cells that is filled so
 * too: at which of them, and how wide; runs of styles unless all of it is plain; the characters: a byte where
 * it is ASCII (0: a cell never written), else three with the code point, whether it is wide, and
 * whether it is the first of a cluster, whose number of further code points and they follow; or how
 * many cells go on as the two before them do. The right half of a wide character has none.
 */
#ifndef COMMON_TERM_PACK_H
#define COMMON_TERM_PACK_H

#include "common/term/grid.h"
#include "common/term/term.h"

/* How the numbers in cells of an unpacked line differ from those of the screen's. */
#define PACK_STYLE UINT32_C(0x80000000) /* the low half counts in the block's table, from 1 */
#define PACK_CLUSTER UINT32_C(0x100000) /* the rest is a number of pack_clusters */

/* Styles of a block of lines. */
struct pack_styles {
	struct style *styles;
	uint16_t n, cap;
};

#define PACK_RECENT 256u

/* Which number of the screen's has which place in the table of the block now written. */
struct pack_recent {
	uint32_t number[PACK_RECENT]; /* 0 = none */
	uint16_t index[PACK_RECENT];
};

/* Clusters of the line last unpacked. */
struct pack_clusters {
	uint32_t (*codes)[TERM_CELL_CODEPOINTS_MAX];
	unsigned n, cap;
};

struct pack_writer {
	const struct term *t; /* whose cells they are */
	struct pack_styles *styles;
	struct pack_recent *recent;
};

static inline size_t pack_styles_memory(const struct pack_styles *s)
{
	return s->cap * sizeof(*s->styles);
}
void pack_styles_done(struct pack_styles *s);
void pack_styles_fit(struct pack_styles *s); /* gives back room that is not used */

/* A row as it is kept: cells, then `fill` up to `total`; `times` of them below each other. */
struct pack_row {
	const uint64_t *cells;
	uint64_t fill;
	unsigned n, total;       /* n + gap_width <= total <= TERM_COLS_MAX */
	unsigned gap, gap_width; /* before cell `gap` so many more are `fill`; 0 = none */
	unsigned times;
	bool wrapped;
};

struct pack_measure {
	bool uniform; /* one character throughout: to be measured as one that is filled with it, and
			 the rest is not set */
	bool ascii, plain;
	size_t most; /* bytes it takes at most */
};

void pack_measure(struct pack_measure *m, const struct pack_row *row);
/* Writes a row as measured; how many bytes it took. A style for which there is no memory becomes the
 * default one. */
size_t pack_line(const struct pack_writer *w, const struct pack_measure *m, uint8_t *at,
	const struct pack_row *row);

struct unpacked {
	uint64_t *cells; /* room for TERM_COLS_MAX */
	unsigned n;
	unsigned times;
	bool wrapped;
};

/* Reads what pack_line() wrote; where it ends. A cluster for which there is no memory is its first
 * code point alone. */
const uint8_t *unpack_line(const uint8_t *at, uint32_t style_base, struct pack_clusters *clusters,
	struct unpacked *ret);

#endif
