/*
 * pace - how much a slow terminal may be written now, so that little of it waits in the kernel
 *
 * A pseudo-terminal swallows about PACE_KERNEL_BYTES at once and does not tell how much of that was
 * read: at 20 KB/s that is most of a second between Ctrl-C and the prompt. It does tell, to who
 * looks, when it is full; who waits for room is woken only once most of it was read. What goes in
 * between two such moments is what the terminal took; if that is slow and steady, writing pauses
 * until the kernel has run empty, and goes on a little slower than the terminal takes it. After a
 * while it is measured again, for terminals change. One that stops and goes on (a held screen) is
 * not slow.
 *
 * Units:   bytes, microseconds of a clock that never goes back.
 * Pure:    no descriptor, no clock.
 */
#ifndef CLIENT_PACE_H
#define CLIENT_PACE_H

#include "common/util.h"

#define PACE_KERNEL_BYTES UINT64_C(20480) /* what Linux was seen to swallow at most */
#define PACE_FAST UINT64_C(2000000)       /* bytes a second: the kernel's runs empty in 10 ms */
#define PACE_MEASURE_USEC (40 * USEC_PER_MSEC)
#define PACE_MEASURE_FULLS 4
#define PACE_STILL_USEC USEC_PER_SEC         /* took nothing for so long: it stood still */
#define PACE_PERCENT 85                      /* of the rate measured */
#define PACE_AHEAD_USEC (20 * USEC_PER_MSEC) /* what may be written at once */
#define PACE_PIECE ((size_t)256)             /* and no less than this */
#define PACE_KERNEL_LEAST UINT64_C(12288)    /* what it surely does: with less it never ran empty */
#define PACE_LOOK_MS 20                      /* so often a full one is looked at, ... */
#define PACE_LOOKS 64         /* ... and after so many times in vain twice as long each time, ... */
#define PACE_LOOK_MAX_MS 1000 /* ... up to this */
#define PACE_UNSEEN ((size_t)1024) /* so few bytes are written without a look: the echo of keys */
#define PACE_TIMES 50 /* for so many times as long as the kernel takes to run empty it is paced */

struct pace {
	uint64_t rate; /* bytes a second; 0: not paced */
	/* paced: `tokens` bytes at from_usec, and more since; until until_usec */
	uint64_t tokens, from_usec, until_usec;
	/* measuring: since full_usec (0: not), and what was seen */
	uint64_t full_usec, last_usec, gap_usec, bytes;
	uint64_t bytes_then; /* of them, when it was full last */
	unsigned n_fulls;
	unsigned n_still; /* looks in vain since something was written */
	size_t unseen;    /* bytes to be written since the kernel was looked at */
	bool dry;         /* since then there was nothing to write for a while */
};

/* Bytes that may be written now; SIZE_MAX: no bound. */
size_t pace_room(struct pace *p, uint64_t now_usec);
/* Milliseconds until there is room; 0: there is. */
int pace_wait_ms(struct pace *p, uint64_t now_usec);
/* How long to wait for a full one at most before it is written to again. */
int pace_look_ms(const struct pace *p);
/* Is the kernel looked at before these n bytes are written? */
bool pace_looks(struct pace *p, size_t n);
void pace_wrote(struct pace *p, size_t n, uint64_t now_usec);
void pace_full(struct pace *p, uint64_t now_usec); /* the kernel took no more */
void pace_dry(struct pace *p);                     /* everything there was is written */

#endif
