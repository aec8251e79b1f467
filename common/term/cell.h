/*
 * cell - one place of the screen in 64 bits, and the tables its two numbers point into
 *
 * A cell is a character (a code point, or the index of a cluster: a base with combining marks),
 * flags, and the number of a style. 0 is a blank of the default style. A wide character takes a
 * lead cell and a tail.
 */
#ifndef COMMON_TERM_CELL_H
#define COMMON_TERM_CELL_H

#include "common/util.h"

#define CELL_CODE UINT64_C(0x1fffff)
#define CELL_CLUSTER (UINT64_C(1) << 21) /* the code is a number of term::clusters */
#define CELL_WIDE (UINT64_C(1) << 22)
#define CELL_TAIL (UINT64_C(1) << 23)      /* right half of the wide character before it; no code */
#define CELL_CHAR UINT64_C(0xffffff)       /* all that is shown */
#define CELL_PROTECTED (UINT64_C(1) << 24) /* DECSCA: selective erase spares it */
#define CELL_STYLE_SHIFT 32

/* Colours: 0 is the default; else a kind in the top byte and an index or RGB below. */
#define COLOR_INDEXED UINT32_C(0x01000000)
#define COLOR_RGB UINT32_C(0x02000000)

#define ATTR_BOLD 0x01u
#define ATTR_DIM 0x02u
#define ATTR_ITALIC 0x04u
#define ATTR_BLINK 0x08u
#define ATTR_REVERSE 0x10u
#define ATTR_HIDDEN 0x20u
#define ATTR_STRIKE 0x40u
#define ATTR_OVERLINE 0x80u
#define ATTR_UNDERLINE_SHIFT                                                                       \
	8 /* three bits: 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed */
#define ATTR_UNDERLINE (7u << ATTR_UNDERLINE_SHIFT)

struct style {
	uint32_t fg, bg, underline; /* colours */
	uint32_t attrs;
	uint32_t link; /* number of a hyperlink; 0 = none */
};

/* So many cells, or their bytes, at once: for the vector unit. */
#define CELLS_LANES 8u
typedef uint64_t cells_v __attribute__((vector_size(CELLS_LANES * sizeof(uint64_t))));
typedef uint8_t bytes_v __attribute__((vector_size(CELLS_LANES)));

static inline uint32_t cell_code(uint64_t cell)
{
	return (uint32_t)(cell & CELL_CODE);
}

static inline uint32_t cell_style(uint64_t cell)
{
	return (uint32_t)(cell >> CELL_STYLE_SHIFT);
}

static inline uint64_t cell_make(uint64_t chars, uint32_t style)
{
	return chars | (uint64_t)style << CELL_STYLE_SHIFT;
}

#endif
