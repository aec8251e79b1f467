/*
 * filter - what of a session's output a real terminal may see (filter_rules.c says what, filter.c
 * does it)
 *
 * The rule: a terminal gets what the model understood, less what it would answer or what does harm.
 * So the picture is the model's, and no sequence that only some terminal knows gets through.
 */
#ifndef COMMON_TERM_FILTER_H
#define COMMON_TERM_FILTER_H

#include "common/term/model.h"

#define FILTER_HOLD_MAX                                                                            \
	((size_t)1024) /* bytes of a sequence held as they came; longer ones are rewritten */

enum verdict {
	VERDICT_DROP,
	VERDICT_PASS,
	VERDICT_REWRITE, /* from the parameters as they were understood */
};

struct term_filter {
	struct parse parse;
	struct utf8 utf8;
	struct term_buf held; /* the open sequence, as it came; the content of a control string */
	bool held_lost;       /* it was longer than may be held */
	uint8_t string;       /* enum verdict of the open string; REWRITE: held to its end */
	bool printed;         /* the last thing was a character: REP has something to repeat */
	bool clipboard;
	unsigned cols; /* of the terminal */
	bool degraded;
	struct term_caps caps;

	/* what the passed output left set (filter_undo.c) */
	bool alternate;
	bool kitty_set[2];       /* by screen */
	uint8_t kitty_pushed[2]; /* so too */
	uint8_t titles;          /* on the terminal's stack */
	uint32_t set;            /* bits of enum undo */
	uint16_t colors;         /* bit i: that of OSC 10 + i */
	uint32_t saved[2];       /* those saved with the cursor, by screen */
};

void filter_note_control(struct term_filter *f, uint8_t b);
void filter_note_escape(struct term_filter *f, const struct parse *p);
void filter_note_csi(struct term_filter *f, const struct parse *p);
void filter_note_osc(struct term_filter *f, const char *content);
/* Colours by the command that sets them: 4 of the palette, 5 special ones, 10 to 19. */
void filter_note_color(struct term_filter *f, unsigned command);
/* What passed has set some: else they are the user's, and there is nothing to reset. */
bool filter_set_color(const struct term_filter *f, unsigned command);

enum verdict filter_escape(const struct parse *p);
/* May change the parameters: to modes that are for a terminal, to a count that is bounded. */
enum verdict filter_csi(struct parse *p);
/* What of it the terminal can do (filter_caps.c); may change the parameters too. */
enum verdict filter_caps(struct term_filter *f, struct parse *p, enum verdict v);
/* Which of VERDICT_DROP, PASS (as it comes) or REWRITE (held, then filter_osc). */
enum verdict filter_string(const struct parse *p);
/* The whole control string that stands for this OSC on a terminal; false: nothing. content[n] is
 * NUL. */
bool filter_osc(struct out *o, const char *content, size_t n, bool bell, struct term_filter *f);

#endif
