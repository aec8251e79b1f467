/*
 * model - struct term itself, shared by the files of this folder and by nothing else
 *
 * term.c feeds the parser and hands actions out: print.c (text), control.c (C0, ESC), csi.c, sgr.c,
 * mode.c, osc.c (control strings), query.c (answers). screen.c changes cells and cursor, resize.c
 * sizes, paint.c and text.c only read.
 */
#ifndef COMMON_TERM_MODEL_H
#define COMMON_TERM_MODEL_H

#include "common/term/buf.h"
#include "common/term/grid.h"
#include "common/term/history.h"
#include "common/term/parse.h"
#include "common/term/pool.h"
#include "common/term/term.h"

#define KITTY_STACK_MAX 8             /* keyboard flags kept per screen; older ones fall off */
#define TITLE_STACK_MAX 10            /* titles saved by XTWINOPS 22; further ones are not saved */
#define LINKS_MAX 1024u               /* hyperlinks in use at once */
#define LINK_BYTES_MAX ((size_t)2083) /* of one, parameters included; longer ones are no link */
#define CWD_BYTES_MAX ((size_t)1024)
#define STYLES_MAX 65536u   /* in use at once; further ones lose their colours */
#define CLUSTERS_MAX 65536u /* in use at once; further marks are not kept */
#define HISTORY_LINES_MAX 100000u
#define TAB_BITS 64u
#define CURSOR_SHAPE_MAX 6 /* of DECSCUSR */
#define XTGETTCAP_MAX 100  /* hexadecimal digits of a name; longer ones are unknown */
#define COLORS_N 256
#define DYNAMIC_FIRST 10u /* OSC 10 to 19: colours of text, background, cursor, pointer, ... */
#define DYNAMIC_N 10u
/* Gives a terminal its own colours back. */
#define COLORS_RESET                                                                               \
	"\033]104\033\\\033]110\033\\\033]111\033\\\033]112\033\\\033]113\033\\\033]114\033\\"     \
	"\033]115\033\\\033]116\033\\\033]117\033\\\033]118\033\\\033]119\033\\"

#define TERM_MODE_APP_CURSOR 0x0001u
#define TERM_MODE_REVERSE 0x0002u
#define TERM_MODE_ORIGIN 0x0004u /* shown here for reports only; the cursor has it */
#define TERM_MODE_WRAP 0x0008u
#define TERM_MODE_BLINK 0x0010u
#define TERM_MODE_VISIBLE 0x0020u
#define TERM_MODE_REVERSE_WRAP 0x0040u
#define TERM_MODE_APP_KEYPAD 0x0080u
#define TERM_MODE_FOCUS 0x0100u
#define TERM_MODE_ALT_SCROLL 0x0200u
#define TERM_MODE_PASTE 0x0400u
#define TERM_MODE_SYNC 0x0800u
#define TERM_MODE_INSERT 0x1000u
#define TERM_MODE_NEWLINE 0x2000u
#define TERM_MODE_META 0x4000u
#define TERM_MODES_DEFAULT (TERM_MODE_WRAP | TERM_MODE_VISIBLE | TERM_MODE_META)

#define KEYS_INITIAL 0u
#define KEYS_VALUE 1u /* a value of 0 */
#define KEYS_OFF 0xffffu

struct pen {
	struct style style;
	bool protect;
};

struct cursor {
	unsigned x, y;
	bool pending; /* the last column was written: with autowrap the next one wraps first */
	bool origin;
	struct pen pen;
	uint8_t charsets[4]; /* G0 to G3: '0' DEC graphics, 'A' UK, 'B' ASCII */
	uint8_t shift;       /* which of them is GL */
	uint8_t single;      /* for one character: 2, 3; 0 = none */
};

struct kitty {
	uint8_t flags[KITTY_STACK_MAX]; /* [0] is what was before the first push */
	uint8_t top;
};

struct screen {
	struct grid grid;
	struct cursor saved; /* DECSC */
	struct kitty kitty;
};

struct link {
	char *uri;    /* NULL = the number is free */
	char *params; /* in the same memory */
	uint32_t hash;
	uint32_t next; /* of the free ones */
	bool marked;
};

#define STYLES_RECENT 16u /* programs go back and forth between few */

struct style_recent {
	struct style style;
	uint32_t number; /* 0 of what is no style yet, and so of the default one */
};

struct term {
	struct parse parse;
	struct utf8 utf8;
	uint64_t open; /* bytes of the open sequence; UINT64_MAX: a control amid it took effect */
	uint64_t work; /* bytes and cells touched, ever: what is dearer than its bytes adds to it */

	/* for shadows */
	uint64_t version; /* another one after whatever may have changed the model */
	uint64_t sweeps;  /* how often numbers of styles, clusters and links were given back */

	unsigned cols, rows;
	struct screen screens[2];
	struct resize *resize; /* NULL: none is on its way */
	struct screen *screen; /* the one shown */
	bool alternate_used;   /* since the last reset; else it is blank */
	struct history history;
	struct cursor cursor;
	unsigned top, bottom; /* scroll region, [top, bottom) */
	uint32_t style;       /* number of the pen's style, while style_known */
	bool style_known;
	struct style_recent
		recent[STYLES_RECENT]; /* numbers found lately, by what style_slot() says */
	uint32_t last;                 /* REP repeats it; 0 = nothing to repeat */
	/* Cluster that a mark has just made: while `last` is set no other cell can have it, and a
	 * further mark makes another one of it. 0 = none. */
	uint32_t fresh;
	uint64_t tabs[(TERM_COLS_MAX + TAB_BITS - 1) / TAB_BITS]; /* a bit a column */

	uint32_t modes;
	uint16_t mouse;          /* 0, 9, 1000, 1002, 1003 */
	uint16_t mouse_encoding; /* 0, 1005, 1006, 1015, 1016 */
	uint8_t cursor_shape;    /* DECSCUSR */
	uint16_t
		modify_keys[8]; /* XTMODKEYS, by resource: KEYS_INITIAL, _OFF, or _VALUE and more */

	struct pool styles, clusters;
	struct link *links;
	uint16_t *link_slots; /* open addressing by hash; 0 = free */
	unsigned n_links;     /* room; [0] is unused */
	uint32_t link_free;   /* chain of free numbers */
	uint32_t link_refusals;

	uint32_t *palette; /* COLORS_N; COLOR_RGB set where the program changed one; NULL = none */
	uint32_t dynamic[DYNAMIC_N];
	uint32_t told[TERM_COLORS_N]; /* of the user's terminal; 0 = not known */
	char title[TERM_TITLE_MAX + 1];
	char *titles[TITLE_STACK_MAX];
	unsigned n_titles;
	char *cwd;

	struct term_buf string; /* content of the control string now open */
	bool string_lost;       /* too long, or for want of memory: it is not heard */
	struct term_buf replies;
};

static inline bool term_mode(const struct term *t, uint32_t mode)
{
	return t->modes & mode;
}

/* The last column was written, and the next character goes into the next row. Without autowrap it
 * stays pending, as in xterm: it wraps where the mode is set by then. It counts as past the last
 * column for what changes cells from the cursor on: so in most terminals, but not in xterm. */
static inline bool cursor_past(const struct term *t)
{
	return t->cursor.pending && term_mode(t, TERM_MODE_WRAP);
}

static inline uint64_t tab_bit(unsigned x)
{
	return UINT64_C(1) << x % TAB_BITS;
}

static inline bool tab_at(const struct term *t, unsigned x)
{
	return t->tabs[x / TAB_BITS] & tab_bit(x);
}

static inline struct row *term_row(const struct term *t, unsigned y)
{
	return grid_row(&t->screen->grid, y);
}

/* ---- term.c ---- */
void term_reset(struct term *t);      /* RIS; history stays */
void term_reset_soft(struct term *t); /* DECSTR */
void tabs_reset(struct term *t);

/* ---- print.c ---- */
void print_ascii(struct term *t, const uint8_t *s, size_t n);
void print_code(struct term *t, uint32_t code);
void print_repeat(struct term *t, unsigned n);

/* ---- link.c: hyperlinks by number; 0 where there is no room or no link ---- */
uint32_t link_number(struct term *t, const char *params, const char *uri);
void links_sweep(struct term *t); /* frees those nothing has; there is one at least */
void links_done(struct term *t);
size_t links_memory(const struct term *t);

/* ---- attr.c: styles and clusters by number ---- */
void attr_sweep(struct term *t);    /* frees the numbers no cell has */
uint32_t pen_style(struct term *t); /* of the pen */
uint64_t pen_blank(struct term *t); /* what erasing leaves: the background alone */
uint32_t style_number(struct term *t, const struct style *style);
struct style style_get(const struct term *t, uint32_t number);
bool cell_erasable(const struct term *t, uint64_t cell); /* erasing leaves such a blank */
/* Columns up to the blanks that erasing the rest of the row once left, as far as that can be seen; of
 * them *ret_fill is one. */
unsigned row_tail(const struct term *t, const struct row *row, unsigned cols, uint64_t *ret_fill);
/* The code points of a cell; how many, 0 for a blank or a tail. */
unsigned cell_codes(const struct term *t, uint64_t cell, uint32_t codes[TERM_CELL_CODEPOINTS_MAX]);
/* The cell with one more code point; the same cell where there is no room. */
uint64_t cell_join(struct term *t, uint64_t cell, uint32_t code);

/* ---- screen.c: cursor and cells ---- */
void cursor_move(struct term *t, unsigned x, unsigned y); /* clamped to the screen */
void cursor_address(
	struct term *t, unsigned x, unsigned y); /* in origin mode relative to the region */
void cursor_up(struct term *t, unsigned n);
void cursor_down(struct term *t, unsigned n);
void cursor_index(struct term *t);
void cursor_reverse_index(struct term *t);
void cursor_save(struct term *t);
void cursor_restore(struct term *t);
void cursor_init(struct cursor *c);
void cursor_tab(struct term *t, unsigned n);
void cursor_tab_back(struct term *t, unsigned n);
void screen_scroll_up(struct term *t, unsigned top, unsigned bottom, unsigned n);
void screen_scroll_down(struct term *t, unsigned top, unsigned bottom, unsigned n);
void screen_erase(struct term *t, unsigned how, bool selective);      /* ED */
void screen_erase_line(struct term *t, unsigned how, bool selective); /* EL */

/* ---- resize.c ---- */
struct resize *resize_free(struct resize *z);
size_t resize_memory(const struct resize *z);

/* ---- control.c, csi.c, sgr.c, mode.c, osc.c ---- */
void control_execute(struct term *t, uint8_t b);
void control_escape(struct term *t);
void csi_dispatch(struct term *t);
unsigned keys_initial(unsigned which); /* xterm's value of a resource of XTMODKEYS */
void sgr_dispatch(struct term *t);
void mode_dispatch(struct term *t, bool set); /* SM, RM, DECSET, DECRST */
unsigned mode_report(
	const struct term *t, bool private, unsigned number); /* DECRPM's second number */
bool mode_known(bool private, unsigned number);
/* The private modes that are one bit: what mode_number() has for i, 0 past the end. */
uint16_t mode_number(unsigned i, uint32_t *ret_bit);
void osc_dispatch(struct term *t);
bool link_valid(const char *content); /* of OSC 8: "params;uri", printable ASCII */
void title_set(struct term *t, const char *text, size_t n);
/* XTWINOPS that puts a window's title on the stack or takes it off. Not an icon's, which terminals
 * keep on the same stack or on another one; not one at a place of the stack. */
bool title_stack(const struct parse *p);
void title_push(struct term *t);
void title_pop(struct term *t);
/* Copies text without controls, cut to TERM_TITLE_MAX bytes of whole characters; out holds one
 * more. */
void title_clean(char *out, const uint8_t *text, size_t n);

/* ---- query.c ---- */
bool query_csi(struct term *t); /* false: the sequence is none of these */
void query_device(struct term *t);
void query_dcs(struct term *t);
void query_reset(struct term *t);
void query_color(struct term *t, const char *prefix, uint32_t rgb);
void reply(struct term *t, const char *format, ...) _printf_(2, 3);
/* The end of an answer to a string, as the question ended: BEL or ST. */
const char *reply_end(const struct term *t);

/* ---- color.c ---- */
uint32_t color_default(unsigned index);                        /* of the 256, RGB */
uint32_t color_palette(const struct term *t, unsigned index);  /* as it is now, RGB */
uint32_t color_dynamic(const struct term *t, unsigned number); /* OSC 10..19, RGB */
bool color_is_dark(const struct term *t);                      /* the background */
bool color_parse(const char *s, size_t n, uint32_t *ret_rgb);  /* rgb:, #, names of X11 */
bool color_is_name(const char *s, size_t n); /* neither rgb: nor #: terminals know other ones */

/* ---- describe.c: attributes as the sequence that sets them ---- */
void style_describe(
	struct out *o, const struct style *style); /* "0;1;38:2::1:2:3", for CSI ... m */
void style_answer(struct out *o,
	const struct style *style); /* so too, colours with colons, as xterm answers */
/* The shortest SGR that makes one of the other, hyperlinks aside; nothing where they are alike. */
void style_change(struct out *o, const struct style *from, const struct style *to);

#endif
