/*
 * inq - the input of one session: many writers, whole writes, one order
 *
 * Each writer may have `window` bytes here that the upstream did not take, in at most INQ_ITEMS_MAX
 * pieces between those of others. A write is never split by another's. While a writer has a bracketed paste open the others' writes wait, for at most
 * INQ_PASTE_USEC without progress of the paste: then the bracket is closed for them and opened
 * again before the paster's next bytes. A writer that goes inside its paste gets the bracket
 * closed.
 *
 * Units:   bytes.
 * Owner:   the session. A writer belongs to the queue; who made it gives it up by
 *          inq_writer_release(), and what it pushed stays. While what those who went have
 *          left here takes INQ_LEFT_MAX of memory, nobody adds to it: else coming and going would
 *          hold memory without end.
 * Errors:  INQ_E_WINDOW: beyond the writer's credit, or one piece too many; INQ_E_LEFT: so much was
 *          left; nothing taken. -ENOMEM, the same.
 */
#ifndef DAEMON_CORE_INQ_H
#define DAEMON_CORE_INQ_H

#include "common/ledger.h"
#include "common/list.h"

#define INQ_E_WINDOW 1
#define INQ_E_LEFT 2
#define INQ_LEFT_MAX ((size_t)1024 * 1024) /* bytes of memory */
#define INQ_PASTE_USEC (2 * USEC_PER_SEC)
#define INQ_ITEMS_MAX ((size_t)1024) /* a writer's pieces that wait */
#define INQ_ITEM_MIN ((size_t)256)
#define INQ_SIGNALS_MAX ((size_t)64)  /* characters of signals that wait */
#define INQ_BRACKET_BYTES ((size_t)6) /* of ESC [ 2 0 0 ~ and ESC [ 2 0 1 ~ */

/* Where bytes stand in a stream of input: inside a bracketed paste, and how much of a bracket was
 * seen. */
struct inq_paste {
	uint8_t match;
	bool open;
};

struct inq_writer {
	struct list link;       /* struct inq::writers */
	uint64_t pushed, taken; /* bytes ever; pushed - taken wait here */
	size_t window;          /* bytes that may wait */
	size_t n_items, n_waiting;
	size_t held;            /* bytes of memory of its items */
	struct inq_paste paste; /* after its bytes in `ready` */
	struct inq_paste ahead; /* after all its bytes */
	bool interrupted;       /* its paste was closed for others: open it again first */
	bool released;          /* freed with its last item */
};

struct inq {
	struct list ready;         /* struct inq_item::link: in the order the upstream gets them */
	struct list waiting;       /* behind a paste */
	struct list writers;       /* struct inq_writer::link */
	struct inq_writer *paster; /* whose paste is open at the end of `ready`; NULL = none */
	uint64_t progress_usec;    /* when the paste last grew or was taken from */
	size_t left;               /* bytes of memory of what released writers left here */
	size_t close_owed;         /* bytes of a closing bracket still to follow `ready` */
	bool closed;               /* nothing follows what is here */
	struct ledger *ledger;
};

void inq_init(struct inq *q, struct ledger *ledger);
void inq_done(struct inq *q);
int inq_writer_new(struct inq *q, size_t window, struct inq_writer **ret);
void inq_writer_release(struct inq *q, struct inq_writer *w); /* NULL is harmless */
size_t inq_credit(const struct inq_writer *w);

int inq_push(struct inq *q, struct inq_writer *w, const void *data, size_t n, uint64_t now_usec);
/* n bytes of `w` that the far side is not to get count as taken. */
void inq_pass_over(struct inq_writer *w, size_t n);
/* A signal's character, before all that waits but earlier ones of its kind; charged to nobody. Beyond
 * INQ_SIGNALS_MAX one more would say nothing new, and is dropped. */
int inq_push_signal(struct inq *q, uint8_t key);
void inq_close(struct inq *q);
/* Up to n bytes for the upstream. *ret_end: no more will come. */
size_t inq_read(struct inq *q, uint8_t *buf, size_t n, uint64_t now_usec, bool *ret_end);
bool inq_readable(const struct inq *q); /* bytes, or the end */
/* When inq_tick() must look at the paste; UINT64_MAX: no need. */
uint64_t inq_deadline(const struct inq *q);
void inq_tick(struct inq *q, uint64_t now_usec);

/* Do these bytes, which `w` is about to push, hold an interrupt, quit or suspend key outside a
 * paste: raw, as CSI u or as modifyOtherKeys? */
bool inq_interrupts(const struct inq_writer *w, const void *data, size_t n);

#endif
