/*
 * paint - pieces of a paint: rows (paint_rows.c), then what is not cells (paint_modes.c)
 *
 * What is written is text, CR LF BS SO SI, and these sequences: SGR, CUP, CUU, CUD, CUF, CUB, CHA,
 * EL, ED, ECH, IL, DL, DECSTBM, DECSC, DECRC, DECSTR, SM/RM and DECSET/DECRST of the modes in
 * doc/terminal.md, charsets, keypad, tab stops, DECSCUSR, DECSCA, kitty keyboard and
 * modifyOtherKeys (never their queries), OSC 2, 4, 7, 8, 10-19, 104, 110-119, and CAN, ST at the
 * start. termkit_grammar() of the tests checks every painted byte against that list.
 */
#ifndef COMMON_TERM_PAINT_H
#define COMMON_TERM_PAINT_H

#include "common/term/model.h"

struct painter {
	const struct term *t;
	struct out o;
	struct style style; /* the terminal's now */
	bool protect;       /* so too */
	bool no_mouse;      /* what it would report is not where the session has it */
	size_t links_left;  /* bytes of hyperlinks that may still be written */
};

/* What is not cells, as the painted terminal has it. */
struct paint_state {
	uint32_t modes;
	uint16_t mouse, mouse_encoding;
	uint16_t modify_keys[8];
	uint8_t cursor_shape;
	struct kitty kitty;
	uint32_t dynamic[DYNAMIC_N];
	uint32_t *palette; /* COLORS_N; NULL = none was changed */
	char title[TERM_TITLE_MAX + 1];
	char *cwd;
};

void paint_state_init(struct paint_state *s); /* as after a reset */
void paint_state_done(struct paint_state *s);
int paint_state_take(struct paint_state *s, const struct term *t); /* as the model; -ENOMEM */
size_t paint_state_memory(const struct paint_state *s);

void paint_style(struct painter *p, const struct style *style);
void paint_protect(struct painter *p, bool protect);
/* History from a line on, one below the other. False: stopped, as the output has `stop` bytes. */
bool paint_history(struct painter *p, struct term_paint_at *at, size_t stop);
/* A screen row below row, as new lines (scrolls what was there) or in place. */
void paint_grid_down(struct painter *p, const struct grid *g);
void paint_grid_in_place(struct painter *p, const struct grid *g);
void paint_cell(struct painter *p, uint64_t cell); /* nothing for the tail of a wide one */

/* Ends what may be open and resets what a session may have set; the cursor stays, the primary
 * screen shows. */
void paint_reset(struct out *o);
/* Cursor position, pending wrap, pen, charsets as in c; margins are [top, bottom). */
void paint_cursor(struct painter *p, const struct grid *g, const struct cursor *c, unsigned top);
/* The screen's saved cursor, by the sequence that saves it; pen, charsets and origin are plain
 * afterwards. */
void paint_saved(struct painter *p, const struct screen *s, const char *save);
void paint_margins(struct painter *p);
void paint_tabs(struct painter *p);

/* From what the terminal has to what the model has. */
void paint_kitty(struct painter *p, const struct kitty *was, const struct kitty *k);
void paint_keys_and_mouse(struct painter *p, const struct paint_state *was);
void paint_modes(struct painter *p, const struct paint_state *was, uint32_t which);
void paint_colors(struct painter *p, const struct paint_state *was);
void paint_titles(struct painter *p, const struct paint_state *was);

#endif
