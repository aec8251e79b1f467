/*
 * history - lines that left the primary screen at its top, packed into blocks
 *
 * Lines are appended to the newest block; a full one is closed, and packed further (lz) once it is
 * cold: some blocks later, or when the session rests. A line is unpacked to be read, its block into
 * a buffer that is kept until the next line comes.
 * Bounds:  lines, and lines * HISTORY_LINE_BYTES: beyond either the oldest go.
 * Errors:  without memory a line is dropped; the count of lines ever pushed still moves.
 */
#ifndef COMMON_TERM_HISTORY_H
#define COMMON_TERM_HISTORY_H

#include "common/term/pack.h"

#define HISTORY_LINE_BYTES ((size_t)512) /* an average the bound allows for */
#define HISTORY_BLOCK_BYTES ((size_t)16 * 1024)
#define HISTORY_BLOCK_LINES 1024u
#define HISTORY_HOT_BLOCKS 8u /* the newest ones are packed no further while output comes */

struct link;

struct history_block {
	uint8_t *data;
	uint32_t n;    /* bytes of its lines */
	uint32_t held; /* bytes at data */
	uint32_t id;   /* counts up by one a block */
	uint16_t n_lines;
	bool packed; /* data is lz_pack() of the lines */
	struct pack_styles styles;
};

/* Where the next line to read is. */
struct history_view {
	const struct history_block *block; /* NULL = nothing is read */
	unsigned first;                    /* of its lines, counted from the oldest block's first */
	unsigned line;                     /* of the block, the one at `at` */
	const uint8_t *at;                 /* in `lines`, or in the block's own data */
	uint8_t *lines;                    /* of a packed block */
	struct pack_clusters clusters;
};

struct history {
	struct history_block *blocks; /* ring, oldest first; the last one is open */
	unsigned first, n_blocks, cap;
	unsigned max;                  /* lines */
	unsigned n;                    /* lines held */
	unsigned gone;                 /* lines of the oldest block that are no more */
	uint32_t pack_next;            /* id of the next block to be packed further */
	size_t max_bytes, block_bytes; /* of all blocks; of one */
	size_t bytes;                  /* of blocks, for the bound and the ledger */
	uint64_t total;                /* lines ever pushed */
	struct pack_recent *recent;
	struct history_view *view;
};

void history_init(struct history *h, unsigned max_lines);
void history_done(struct history *h);
void history_clear(struct history *h); /* the count of lines ever pushed stays */
size_t history_memory(const struct history *h);
/* Appends the row to the term's history. Returns what it cost: cells and bytes touched. */
unsigned history_push(struct term *t, struct row *row, unsigned cols);
/* So many rows that are this fill throughout: cheaper than one by one. */
unsigned history_push_even(struct term *t, uint64_t fill, unsigned cols, unsigned times);
/* Numbers of styles on the screen have another meaning from now on. */
void history_renumber(struct history *h);
/* Packs one more block further; false: all are. */
bool history_rest(struct history *h);
/* Marks hyperlinks that lines have. */
void history_mark_links(const struct history *h, struct link *links, unsigned n_links);
/* Line i, 0 the oldest: its cells (room for TERM_COLS_MAX), and whether it goes on in the next. The
 * numbers in them mean something to style_get() and cell_codes() until another line is read or
 * pushed. Without memory for it the line is empty. */
unsigned history_line(const struct history *h, unsigned i, uint64_t *cells, bool *ret_wrapped);
struct style history_style(const struct history *h, uint32_t number);
/* Code points of a cluster, TERM_CELL_CODEPOINTS_MAX or ended by a 0. */
const uint32_t *history_cluster(const struct history *h, uint32_t number);

#endif
