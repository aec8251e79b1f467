/*
 * term - the terminal model: what a screen shows after the bytes so far
 *
 * One contract over the files of this folder: parse (bytes to actions), grid and its users
 * (actions to cells and modes), paint (a model to bytes for a real terminal); filter works on the
 * client's side of the wire. doc/terminal.md has every sequence.
 *
 * Units:   columns, rows; 0-based in the API. Bytes of output; UTF-8.
 * Owner:   the caller owns the model; term_free() frees it. Rows and spans die at the next feed or
 *          resize.
 * Errors:  -ENOMEM from new, resize and paint; term_feed() never fails: what memory cannot hold (a
 *          history line) is dropped.
 * Safety:  any bytes at any size: no recursion, no stack arrays sized by input, every loop bounded
 *          by the screen; parameters clamped; control strings kept to TERM_STRING_MAX and skipped
 *          beyond to their end; code points per cell bounded (TERM_CELL_CODEPOINTS_MAX).
 * Threads: none.
 */
#ifndef COMMON_TERM_TERM_H
#define COMMON_TERM_TERM_H

#include "common/util.h"

#define TERM_COLS_MAX 1000u
#define TERM_ROWS_MAX 1000u
#define TERM_STRING_MAX ((size_t)64 * 1024)
#define TERM_TITLE_MAX ((size_t)256)
#define TERM_CELL_CODEPOINTS_MAX 6
#define TERM_WORK_SLICE UINT64_C(250000) /* units of work: 0.3 ms of text, 1.5 ms of the worst */
#define TERM_REPLIES_MAX ((size_t)16 * 1024) /* answers not yet taken; further ones are dropped */

struct term;

struct term_config {
	unsigned cols, rows;    /* clamped to 1..MAX */
	unsigned history_lines; /* of the primary screen; 0 = none */
};

int term_new(struct term **ret, const struct term_config *config);
struct term *term_free(struct term *t);

/* Takes all n bytes. Answers to queries pile up in order: term_replies(). */
void term_feed(struct term *t, const uint8_t *data, size_t n);
/* As much of it as *work allows, and what that cost is taken off *work. A unit is a byte or a cell
 * touched: so many units bound the time, whatever the bytes are. Returns the bytes taken, at least
 * one of n > 0; the last step may go beyond by what it costs to touch every cell once. */
size_t term_feed_some(struct term *t, const uint8_t *data, size_t n, uint64_t *work);
/* Packs a piece of the history further, which takes about 0.1 ms: for when output rests. False: there
 * was nothing to pack. */
bool term_rest(struct term *t);
/* In one piece, which takes 0.1 ms at 200x50, and 10 ms at the largest size. -ENOMEM: the size
 * stays. */
int term_resize(struct term *t, unsigned cols, unsigned rows);
/* The same in slices. Until term_resize_some() says false the model shows the old size, and may be
 * asked for its screen, but lines that leave the screen are in history already. What is fed
 * meanwhile waits for the rest, and so does a further resize, in one piece. */
int term_resize_begin(struct term *t, unsigned cols, unsigned rows);
/* As much as *work allows, which it is taken off; the last step may go beyond by a row at either
 * size.
 * False: nothing is left to do. */
bool term_resize_some(struct term *t, uint64_t *work);
void term_size(const struct term *t, unsigned *ret_cols, unsigned *ret_rows);
/* The parser is between sequences and characters. */
bool term_ground(const struct term *t);
/* How many of the last bytes fed belong to a sequence or character still open (0 in ground state),
 * up to SIZE_MAX: head - pending is the last offset in ground state. UINT64_MAX where a control amid
 * the sequence has had its effect: no offset fits the model then, until the sequence ends. */
uint64_t term_pending(const struct term *t);

/* Bytes the program is owed as input: answers to DA1, DA2, DSR, CPR, ... term_replies_drop(n) takes
 * them. */
const uint8_t *term_replies(const struct term *t, size_t *ret_n);
void term_replies_drop(struct term *t, size_t n);

/* What the program wants to be told by the terminal itself: private modes. */
struct term_reporting {
	unsigned mouse;    /* 9, 1000, 1002, 1003; 0: nothing */
	unsigned encoding; /* 1005, 1006, 1015, 1016; 0: as ever */
	bool focus;
};
void term_reporting(const struct term *t, struct term_reporting *ret);

/* What OSC 10, 11 and 12 are answered while the program has set no other: text, background and
 * cursor of the user's terminal, each 0xRRGGBB. NULL: as at first, light on black. */
#define TERM_COLORS_N 3
void term_tell_colors(struct term *t, const uint32_t colors[TERM_COLORS_N]);

size_t term_memory(const struct term *t); /* bytes held, for the ledger */
/* Lines ever pushed into history: `[N lines not shown]` and "only newer lines" count with it. */
uint64_t term_history_total(const struct term *t);
/* Rows above the cursor that end a line: so many lines of output the screen shows whole. */
unsigned term_lines_shown(const struct term *t);
const char *term_title(const struct term *t); /* "" when unset; printable UTF-8 */
bool term_alternate(const struct term *t);

/* ---- paint ---- */

/* Growing bytes; zeroed = empty. */
struct term_buf {
	uint8_t *data;
	size_t n, cap;
};
void term_buf_done(struct term_buf *b);

enum term_paint_kind {
	/* The user's screen pushed up, history_lines of history, both screens, modes. */
	TERM_PAINT_ATTACH,
	/* Both screens in place, and modes; nothing scrolls but for lines_not_shown. */
	TERM_PAINT_SCREEN,
	/* The visible screen at another size, panned to the cursor unless that is hidden on the
	 * alternate screen; modes that do not depend on size; no history, no margins. In the
	 * terminal's alternate screen: the user's own stays as it is, and any later paint or undo
	 * leaves it. A terminal that saw only crops has yet to be attached. */
	TERM_PAINT_CROP,
};

struct term_paint {
	enum term_paint_kind kind;
	unsigned cols, rows;    /* of the terminal that is painted; CROP uses them */
	unsigned history_lines; /* ATTACH: at most so many */
	uint64_t history_since; /* ATTACH: only lines after this term_history_total(); 0 = all */
	/* > 0: what is on the primary screen goes up first, and after it one dim line
	 * "[N lines not shown]" */
	uint64_t lines_not_shown;
	/* How far a paint in pieces is; zero to begin with. */
	struct term_paint_at {
		bool begun;
		bool aligned;  /* the rows of the line now open are as wide as the screen */
		uint64_t line; /* number of the next one */
		uint64_t left; /* so many more at most */
	} at;
};
/* Appends to out what brings a terminal of that size to show the model. The bytes never write
 * upstream, never ring, set no clipboard, print nothing, ask nothing. Bounded by screen size and
 * history_lines; of hyperlinks, a row has TERM_LINE_LINK_BYTES at most. */
int term_paint(const struct term *t, const struct term_paint *how, struct term_buf *out);
/* The same in pieces: history is left to a further call when `max` bytes were appended, the screen
 * comes last and at once, as it is by then.
 *   0                the terminal shows the model.
 *   TERM_PAINT_MORE  history is left; the model may move on, but keeps its size. Lines that got
 *                    lost meanwhile, or come faster than they are painted, are counted by a dim
 *                    line "[N lines not shown]".
 *   -ENOMEM          as from term_paint(). */
int term_paint_some(const struct term *t, struct term_paint *how, size_t max, struct term_buf *out);
#define TERM_PAINT_MORE 1
/* Appends what undoes every mode a session may have set (attributes, screens, mouse, paste, keypad,
 * cursor shape, kitty keyboard, charsets, margins) and nothing else: leaving the alternate screen
 * puts the cursor back to where it was on the primary one; else it stays. CAN and ST first, so that
 * an open sequence ends. */
int term_paint_undo(struct term_buf *out);
/* The visible screen as text: rows joined by '\n', trailing blanks cut. For tests and `capture`. */
int term_text(const struct term *t, struct term_buf *out);

/* ---- lines, one by one: history and the visible screen ---- */

enum term_line_format {
	TERM_LINE_TEXT,
	TERM_LINE_ANSI, /* with SGR and OSC 8; it begins and ends without attributes */
	/* {"line":N,"wrapped":B,"runs":[{"x":N,"cols":N,"text":S, and what of its style is set}...]}
	 * in ASCII; doc/terminal.md has the members */
	TERM_LINE_JSON,
};
#define TERM_LINE_LINK_BYTES                                                                       \
	((size_t)16 * 1024)                  /* hyperlinks of one line; further ones are left out */
#define TERM_LINE_BYTES ((size_t)512 * 1024) /* more than any line takes */
#define TERM_LINE_NONE 1

/* Lines are numbered from the first one ever: those of history that are kept begin at
 * term_line_first(), the screen's rows at term_history_total(), and all end before
 * term_line_end(). */
uint64_t term_line_first(const struct term *t);
uint64_t term_line_end(const struct term *t);
/* Appends one line without its end. TERM_LINE_NONE: there is no such line (any more); -ENOMEM. */
int term_line(
	const struct term *t, uint64_t number, enum term_line_format format, struct term_buf *out);

struct term_cursor {
	unsigned x, y;
	unsigned shape; /* DECSCUSR, 0 to 6 */
	bool visible;
};
void term_cursor(const struct term *t, struct term_cursor *ret);

/* ---- difference: the later paints of a terminal that is painted ---- */

/* What a painted terminal shows, of the terminal's own size; it pays for itself: cells, 8 bytes
 * each and none for what is blank to the row's end, a header for each row, modes, title, palette.
 * That is a view of the visible screen, panned so that the cursor stays in sight; while the
 * alternate screen hides it, the view stays. It outlives any change of the model's size. */
struct term_shadow;

/* Of cells; what is beyond is not kept, and painted each time. */
#define TERM_SHADOW_BYTES_MAX ((size_t)128 * 1024)
#define TERM_SHADOW_SLACK ((size_t)32 * 1024) /* bytes appended at most beyond max */
#define TERM_SHADOW_MORE 1

/* A terminal of which nothing is known. */
int term_shadow_new(struct term_shadow **ret, unsigned cols, unsigned rows);
struct term_shadow *term_shadow_free(struct term_shadow *s);
size_t term_shadow_memory(const struct term_shadow *s); /* bytes held, for the ledger */
/* Other bytes went to the terminal, or it changed its size: the next paint begins with a reset. */
void term_shadow_forget(struct term_shadow *s);
/* Appends what brings the terminal from what the shadow says to what the model says, and the
 * shadow is what the terminal then shows. The first paint is a whole one. The same promises as
 * term_paint() gives about the bytes.
 *   0                 done: the terminal shows the model as it is now. Nothing appended: it did.
 *   TERM_SHADOW_MORE  stopped after `max` bytes; call again, at any later state of the model: what
 *                     was painted is compared again, so a paint goes on and needs no memory of its
 *                     own. Each call appends at least a byte.
 *   -ENOMEM           nothing appended; forgotten. */
int term_shadow_paint(
	struct term_shadow *s, const struct term *t, size_t max, struct term_buf *out);

/* ---- filter: between the raw output of a session and a real terminal ---- */

/* Removes what the daemon answers (queries), what security forbids (clipboard access unless
 * `clipboard`, title reports, media copy, file transfer), and what the model does not know, so that
 * the terminal shows what the model says; cuts and cleans titles; bytes that are no UTF-8 become
 * U+FFFD. State is kept across calls: sequences may be torn anywhere. Everything else passes byte
 * for byte; so do painted bytes, but that colours are reset only where what passed has set some. */
struct term_filter;
int term_filter_new(struct term_filter **ret, bool clipboard);
struct term_filter *term_filter_free(struct term_filter *f);
int term_filter_feed(struct term_filter *f, const uint8_t *data, size_t n, struct term_buf *out);
/* The terminal's columns; 1000 where it is not told. */
void term_filter_columns(struct term_filter *f, unsigned cols);
/* What not every terminal can do. A new filter takes a terminal that can do all of it. */
struct term_caps {
	bool true_color; /* else the nearest of the 256 colours goes there */
	bool sync;       /* synchronized output: else mode 2026 does not */
	bool kitty_keys; /* else the kitty keyboard's sequences do not */
	bool links;      /* else hyperlinks do not */
};
void term_filter_caps(struct term_filter *f, const struct term_caps *caps);
/* A colour was not the program's since the filter was made. */
bool term_filter_degraded(const struct term_filter *f);
/* The terminal was told to report keys as CSI sequences: the kitty keyboard, modifyOtherKeys. */
bool term_filter_extended_keys(const struct term_filter *f);
/* What passed ended between sequences and characters: something else may be written now. */
bool term_filter_ground(const struct term_filter *f);
/* The passed output left the terminal in its alternate screen. */
bool term_filter_alternate(const struct term_filter *f);
/* Appends what undoes exactly what the passed output (raw or painted) left set, and forgets it:
 * nothing where nothing is set. The cursor stays, but goes back to where it was when the
 * alternate screen is left. */
int term_filter_undo(struct term_filter *f, struct term_buf *out);
/* Forgets an unfinished sequence: the next byte starts in ground state (after a resync). */
void term_filter_reset(struct term_filter *f);

DEFINE_CLEANUP(struct term *, term_free)
DEFINE_CLEANUP(struct term_shadow *, term_shadow_free)
DEFINE_CLEANUP(struct term_filter *, term_filter_free)

#endif
