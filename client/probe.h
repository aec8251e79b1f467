/*
 * probe - what the user's terminal can do, and its colours: asked at attach, heard among the keys
 *
 * The first guess comes from the environment. The questions end with one that every terminal
 * answers (DA1), so that its answer says that the others are in. What is read from the terminal
 * goes through probe_feed(), which keeps answers, whole or torn anywhere, and gives everything else
 * back in order. Nothing waits for them. An answer may come again, or behind the last one, where
 * something between us and the terminal answers DA1 itself: it is kept too, as long as we are
 * attached.
 *
 * A lone ESC may be a key or the beginning of an answer: until the last answer it is held until the
 * next byte, or until the caller, after PROBE_TORN_MS, calls probe_flush(). Afterwards it passes at
 * once, and so does what may be Alt with a key; three bytes of an answer are held.
 *
 * Owner: the caller; no memory of its own.
 */
#ifndef CLIENT_PROBE_H
#define CLIENT_PROBE_H

#include "common/term/term.h"

#define PROBE_HELD_MAX ((size_t)320) /* bytes of an answer; longer ones are none */
#define PROBE_TORN_MS 100
#define PROBE_GIVE_UP_MS 5000 /* a terminal that has not answered by then: keys are not held */

/* Of the environment; NULL = not set. */
struct probe_env {
	const char *term, *colorterm, *term_program;
	const char *probe; /* CWSANDBOX_PROBE: "no" = ask nothing */
};

struct probe {
	struct term_caps caps; /* as far as known */
	uint32_t colors[TERM_COLORS_N];
	unsigned has_colors;          /* bit i: colors[i] was told */
	bool titles;                  /* it may have a stack of titles, and prints nothing of it */
	bool asks;                    /* the questions may be sent to this terminal */
	bool asked;                   /* they were */
	bool waiting;                 /* and the last answer is not in */
	bool news;                    /* something is known that probe_news() has not told */
	bool sync, kitty, modern;     /* answers so far */
	uint8_t held[PROBE_HELD_MAX]; /* what may be an answer */
	size_t n_held, n_passed;      /* of these, already given back by probe_flush() */
};

void probe_init(struct probe *p, const struct probe_env *env);
/* What to write to the terminal, once; "" where nothing is asked. The answers are awaited from now
 * on. */
const char *probe_begin(struct probe *p);
/* Gives back what is no answer: out has room for n + PROBE_HELD_MAX bytes. Returns how many. */
size_t probe_feed(struct probe *p, const uint8_t *in, size_t n, uint8_t *out);
/* Once after the last answer, and after each later one that says something new. */
bool probe_news(struct probe *p);
/* A key may be held back: probe_flush() is due PROBE_TORN_MS after the last byte. */
bool probe_holds(const struct probe *p);
size_t probe_flush(struct probe *p, uint8_t *out);
/* Text and background are known. */
bool probe_has_colors(const struct probe *p);

#endif
