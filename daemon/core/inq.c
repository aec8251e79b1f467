#include "daemon/core/inq.h"

#include <string.h>

#include "daemon/core/keys.h"

/* Before an item's bytes a closing bracket, an opening one and the begin of a closing one find room,
 * so that nothing that moves an item can fail. */
#define HEADROOM (3 * INQ_BRACKET_BYTES)

static_assert(HEADROOM + INQ_SIGNALS_MAX <= INQ_ITEM_MIN, "an item has room for all signals");

static const char bracket_open[] = "\033[200~", bracket_close[] = "\033[201~";

struct inq_item {
	struct list link;
	struct inq_writer *writer; /* NULL: a signal's character */
	size_t pos, n, cap;        /* data[pos..n) waits */
	size_t uncharged;          /* of them, the first: brackets of ours */
	uint8_t data[];
};

void inq_init(struct inq *q, struct ledger *ledger)
{
	*q = (struct inq){ .ledger = ledger };
	list_init(&q->ready);
	list_init(&q->waiting);
	list_init(&q->writers);
}

/* ---- items ---- */

static size_t item_memory(const struct inq_item *item)
{
	return sizeof(*item) + item->cap;
}

static struct inq_item *item_new(struct inq *q, const void *data, size_t n)
{
	size_t cap = max_size(HEADROOM + n, INQ_ITEM_MIN);
	struct inq_item *item = malloc(sizeof(*item) + cap);

	if (!item)
		return NULL;
	*item = (struct inq_item){ .pos = HEADROOM, .n = HEADROOM + n, .cap = cap };
	memcpy(item->data + HEADROOM, data, n);
	ledger_add(q->ledger, item_memory(item));
	return item;
}

static void writer_free(struct inq *q, struct inq_writer *w)
{
	if (q->paster == w)
		q->paster = NULL;
	list_unlink(&w->link);
	free(w);
}

static void item_free(struct inq *q, struct inq_item *item)
{
	struct inq_writer *w = item->writer;

	if (w)
		w->held -= item_memory(item);
	if (w && w->released)
		q->left -= item_memory(item);
	list_unlink(&item->link);
	ledger_sub(q->ledger, item_memory(item));
	free(item);
	if (w && --w->n_items == 0 && w->released)
		writer_free(q, w);
}

static void item_prefix(struct inq_item *item, const char *bytes, size_t n)
{
	item->pos -= n;
	item->uncharged += n;
	memcpy(item->data + item->pos, bytes, n);
}

/* ---- the order ---- */

/* A paste that was closed for others goes on. What came of its own bracket before that went for
 * text: it comes again with the rest of it, or the paste would not end. */
static void item_reopen(struct inq_item *item)
{
	const uint8_t *data = item->data + item->pos;
	size_t torn = paste_closing(&item->writer->paste, data, item->n - item->pos);

	item_prefix(item, bracket_close, torn);
	item_prefix(item, bracket_open, INQ_BRACKET_BYTES);
	item->writer->interrupted = false;
}

/* An item joins what the upstream gets. The brackets that belong before it are put there. */
static void ready_put(struct inq *q, struct inq_item *item, uint64_t now_usec)
{
	struct inq_writer *w = item->writer;
	const uint8_t *data = item->data + item->pos;
	size_t n = item->n - item->pos;

	if (w->interrupted)
		item_reopen(item);
	paste_scan(&w->paste, data, n);
	if (q->close_owed)
		item_prefix(item, bracket_close + INQ_BRACKET_BYTES - q->close_owed, q->close_owed);
	q->close_owed = 0;
	list_append(&q->ready, &item->link);
	q->paster = w->paste.open ? w : NULL;
	q->progress_usec = now_usec;
}

/* The paste at the end of `ready` is closed by us. */
static void paste_close(struct inq *q)
{
	q->close_owed = INQ_BRACKET_BYTES;
	q->paster = NULL;
}

/* One who went inside its paste, with nothing more to come from it. */
static bool paste_orphaned(const struct inq *q)
{
	return q->paster && q->paster->released && q->paster->n_waiting == 0;
}

/* True: a paste ended that others had been passed over for; they are next. */
static bool waiting_pass(struct inq *q, uint64_t now_usec)
{
	struct inq_item *item;
	bool passed_over = false;

	list_for_each(item, &q->waiting, link) {
		if (q->paster && q->paster != item->writer) {
			passed_over = true;
			continue;
		}
		list_unlink(&item->link);
		item->writer->n_waiting--;
		ready_put(q, item, now_usec);
		if (paste_orphaned(q))
			paste_close(q);
		if (passed_over && !q->paster)
			return true;
	}
	return false;
}

/* What waited behind a paste that is closed now; up to the next paste, whose writer alone goes on.
 */
static void waiting_release(struct inq *q, uint64_t now_usec)
{
	if (paste_orphaned(q))
		paste_close(q);
	while (waiting_pass(q, now_usec))
		;
}

/* ---- writers ---- */

int inq_writer_new(struct inq *q, size_t window, struct inq_writer **ret)
{
	struct inq_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->window = window;
	list_append(&q->writers, &w->link);
	*ret = w;
	return 0;
}

void inq_writer_release(struct inq *q, struct inq_writer *w)
{
	if (!w)
		return;
	w->released = true;
	q->left += w->held;
	waiting_release(q, q->progress_usec);
	if (w->n_items == 0)
		writer_free(q, w);
}

size_t inq_credit(const struct inq_writer *w)
{
	return w->window - (size_t)(w->pushed - w->taken);
}

void inq_done(struct inq *q)
{
	struct inq_writer *w;
	struct inq_item *item;

	list_for_each(item, &q->ready, link)
		item_free(q, item);
	list_for_each(item, &q->waiting, link)
		item_free(q, item);
	list_for_each(w, &q->writers, link)
		writer_free(q, w);
}

/* ---- in and out ---- */

/* Keys come one by one: they share an item, so that a writer's credit also bounds its memory. */
static bool push_joins(
	struct inq *q, struct inq_writer *w, struct list *to, const void *data, size_t n)
{
	struct inq_item *last = list_last(to, struct inq_item, link);

	if (!last || last->writer != w || n > last->cap - last->n)
		return false;
	if (to == &q->ready && (w->interrupted || q->close_owed))
		return false; /* a bracket comes between */
	memcpy(last->data + last->n, data, n);
	last->n += n;
	return true;
}

int inq_push(struct inq *q, struct inq_writer *w, const void *data, size_t n, uint64_t now_usec)
{
	bool waits = w->n_waiting || (q->paster && q->paster != w);
	struct inq_item *item;

	if (n > inq_credit(w))
		return INQ_E_WINDOW;
	if (q->left >= INQ_LEFT_MAX)
		return INQ_E_LEFT;
	if (n == 0)
		return 0;
	if (push_joins(q, w, waits ? &q->waiting : &q->ready, data, n)) {
		if (!waits) {
			paste_scan(&w->paste, data, n);
			q->paster = w->paste.open ? w : NULL;
			q->progress_usec = now_usec;
		}
	} else {
		if (w->n_items == INQ_ITEMS_MAX)
			return INQ_E_WINDOW;
		item = item_new(q, data, n);
		if (!item)
			return -ENOMEM;
		item->writer = w;
		w->n_items++;
		w->held += item_memory(item);
		if (waits) {
			list_append(&q->waiting, &item->link);
			w->n_waiting++;
		} else {
			ready_put(q, item, now_usec);
		}
	}
	w->pushed += n;
	paste_scan(&w->ahead, data, n);
	if (!waits)
		waiting_release(q, now_usec);
	return 0;
}

void inq_pass_over(struct inq_writer *w, size_t n)
{
	w->pushed += n;
	w->taken += n;
}

/* The characters share an item, always the first. */
int inq_push_signal(struct inq *q, uint8_t key)
{
	struct inq_item *item = list_first(&q->ready, struct inq_item, link);

	if (item && !item->writer) {
		if (item->n < HEADROOM + INQ_SIGNALS_MAX) {
			item->data[item->n++] = key;
			item->uncharged++;
		}
		return 0;
	}
	item = item_new(q, &key, 1);
	if (!item)
		return -ENOMEM;
	item->uncharged = 1;
	list_prepend(&q->ready, &item->link);
	return 0;
}

void inq_close(struct inq *q)
{
	q->closed = true;
}

static size_t item_read(
	struct inq *q, struct inq_item *item, uint8_t *buf, size_t n, uint64_t now_usec)
{
	struct inq_writer *w = item->writer;
	size_t ours;

	n = min_size(n, item->n - item->pos);
	ours = min_size(n, item->uncharged);
	memcpy(buf, item->data + item->pos, n);
	item->pos += n;
	item->uncharged -= ours;
	if (w)
		w->taken += n - ours;
	if (w && w == q->paster)
		q->progress_usec = now_usec;
	if (item->pos == item->n)
		item_free(q, item);
	return n;
}

size_t inq_read(struct inq *q, uint8_t *buf, size_t n, uint64_t now_usec, bool *ret_end)
{
	struct inq_item *item;
	size_t got = 0, l;

	list_for_each(item, &q->ready, link) {
		if (got == n)
			break;
		got += item_read(q, item, buf + got, n - got, now_usec);
	}
	if (list_empty(&q->ready) && q->close_owed && got < n) {
		l = min_size(n - got, q->close_owed);
		memcpy(buf + got, bracket_close + INQ_BRACKET_BYTES - q->close_owed, l);
		q->close_owed -= l;
		got += l;
	}
	*ret_end = q->closed && list_empty(&q->ready) && list_empty(&q->waiting) && !q->close_owed;
	return got;
}

bool inq_readable(const struct inq *q)
{
	return !list_empty(&q->ready) || q->close_owed || (q->closed && list_empty(&q->waiting));
}

uint64_t inq_deadline(const struct inq *q)
{
	return list_empty(&q->waiting) ? UINT64_MAX : q->progress_usec + INQ_PASTE_USEC;
}

void inq_tick(struct inq *q, uint64_t now_usec)
{
	if (now_usec < inq_deadline(q))
		return;
	if (q->paster) {
		q->paster->interrupted = true;
		paste_close(q);
	}
	waiting_release(q, now_usec);
}

bool inq_interrupts(const struct inq_writer *w, const void *data, size_t n)
{
	return keys_interrupt(w->ahead, data, n);
}
