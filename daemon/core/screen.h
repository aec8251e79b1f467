/*
 * screen - feeds a session's terminal model from the log, in slices
 *
 * A block reader of the log: the picture is always the true one. It runs after the clients in each
 * turn, at most SCREEN_SLICE_WORK (at most 2 ms) a session and SCREEN_TURN_WORK all of them.
 *
 * Units:  bytes, offsets of the log.
 * Owner:  the session.
 */
#ifndef DAEMON_CORE_SCREEN_H
#define DAEMON_CORE_SCREEN_H

#include "common/term/term.h"
#include "daemon/core/log.h"

#define SCREEN_SLICE_WORK TERM_WORK_SLICE
#define SCREEN_TURN_WORK (4 * SCREEN_SLICE_WORK)
#define SCREEN_RESTS_MAX 8 /* pieces of history packed in a turn: 1 ms */
#define SCREEN_N_MARKS 64

/* What the model said when it had eaten everything before `offset`. */
struct screen_mark {
	uint64_t offset, lines;
};

struct screen {
	struct term *term; /* NULL: a call, which has none */
	struct reader reader;
	struct screen_mark
		marks[SCREEN_N_MARKS]; /* a ring: together they reach as far back as the log */
	size_t n_marks;                /* ever */
	size_t charged;                /* bytes of the model in the ledger */
	bool resizing;                 /* what is shown has the old size, and is not fed */
	struct ledger *ledger;
};

int screen_init(struct screen *sc, struct log *log, const struct term_config *config);
void screen_done(struct screen *sc);
/* Feeds a slice, and takes what it cost off *left, which may be too little for one, or nothing. True:
 * more is waiting. */
bool screen_pump(struct screen *sc, uint64_t *left);
/* Output rests: packs a piece of the history. True: there is more. */
bool screen_rest(struct screen *sc);
/* A slice of it: 0 when that was all, SCREEN_RESIZING when screen_resize_some() has to go on,
 * -ENOMEM when the size stays. */
int screen_resize(struct screen *sc, unsigned cols, unsigned rows);
#define SCREEN_RESIZING 1
/* As screen_pump(). */
bool screen_resize_some(struct screen *sc, uint64_t *left);
uint64_t screen_offset(const struct screen *sc);
/* The last offset in ground state: what a paint shows, and where raw output may go on. False: an
 * open sequence began before what the log still has. */
bool screen_ground(const struct screen *sc, uint64_t *ret_offset);
/* Rows that had scrolled into history not long before `offset`: no more than had at it. */
uint64_t screen_history_before(const struct screen *sc, uint64_t offset);

#endif
