/*
 * paint - pieces of a paint: rows (paint_rows.c), then what is not cells (paint_modes.c)
 *
 * What is written is text, CR LF, and these sequences: SGR, CUP, EL, ED, DECSTBM, DECSC, DECRC,
 * DECSTR, SM/RM and DECSET/DECRST of the modes in doc/terminal.md, charsets, keypad, tab stops,
 * DECSCUSR, DECSCA, kitty keyboard and modifyOtherKeys (never their queries), OSC 2, 4, 7, 8,
 * 10-19, 104, 110-119, and CAN, ST at the start. tests/grammar.c checks every painted byte against
 * that list.
 */
#ifndef COMMON_TERM_PAINT_H
#define COMMON_TERM_PAINT_H

#include "common/term/model.h"

struct painter {
	const struct term *t;
	struct out o;
	struct style style; /* the terminal's now */
	bool protect;       /* so too */
};

/* A view of a screen: columns [x, x + cols), rows [y, y + rows). */
struct view {
	unsigned x, y, cols, rows;
};

void paint_style(struct painter *p, const struct style *style);
void paint_protect(struct painter *p, bool protect);
/* History from line `first` on, one below the other. */
void paint_history(struct painter *p, unsigned first);
/* A screen row below row, as new lines (scrolls what was there) or in place. */
void paint_grid_down(struct painter *p, const struct grid *g);
void paint_grid_in_place(struct painter *p, const struct grid *g);
void paint_view(struct painter *p, const struct grid *g, const struct view *view);

/* Ends what may be open and resets what a session may have set; the cursor stays, the primary
 * screen shows. */
void paint_reset(struct out *o);
/* Cursor position, pending wrap, pen, charsets as in c; margins are [top, bottom). */
void paint_cursor(struct painter *p, const struct grid *g, const struct cursor *c, unsigned top);
/* The screen's saved cursor, by the sequence that saves it; pen, charsets and origin are plain
 * afterwards. */
void paint_saved(struct painter *p, const struct screen *s, const char *save);
void paint_kitty(struct painter *p, const struct kitty *k);
void paint_keys_and_mouse(struct painter *p);
void paint_modes(struct painter *p);
void paint_margins(struct painter *p);
void paint_colors(struct painter *p);
void paint_tabs(struct painter *p);
void paint_titles(struct painter *p);

#endif
