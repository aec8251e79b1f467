#include "client/attach_private.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

/* ---- bytes ---- */

int attach_append(struct term_buf *b, const void *data, size_t n)
{
	size_t cap = max_size(b->cap, 256);

	while (cap < b->n + n)
		cap *= 2;
	if (cap > b->cap) {
		uint8_t *grown = realloc(b->data, cap);

		if (!grown)
			return -ENOMEM;
		b->data = grown;
		b->cap = cap;
	}
	if (n)
		memcpy(b->data + b->n, data, n);
	b->n += n;
	return 0;
}

int attach_text(struct term_buf *b, const char *text)
{
	return attach_append(b, text, strlen(text));
}

/* ---- to the terminal ---- */

bool attach_writing(const struct attach *a)
{
	return a->out_at < a->out.n;
}

void attach_write_anew(struct attach *a, size_t event_n)
{
	a->out.n = a->out_at = a->event_done = 0;
	a->event_n = event_n;
	a->event_end = a->shown; /* attach_show() knows better */
	a->event_is_raw = true;
}

/* Of a paint that is not all there nothing counts. */
static void note_shown(struct attach *a)
{
	if (a->event_is_raw)
		a->shown = a->event_end - (a->event_n - a->event_done);
	else if (a->event_done == a->event_n)
		a->shown = a->event_end;
}

/* Credit goes back in step with what the terminal has taken; the filter may have changed the
 * length. */
static void count_written(struct attach *a)
{
	size_t done = a->event_n;

	if (attach_writing(a))
		done = (size_t)((uint64_t)a->event_n * a->out_at / a->out.n);
	if (done > a->event_done && a->attachment >= 0)
		cwsandbox_consumed(a->c, a->attachment, done - a->event_done);
	a->event_done = done;
	note_shown(a);
}

static uint64_t now_usec(void)
{
	return clock_read_usec(CLOCK_MONOTONIC);
}

/* Asked first: a write that just fits says nothing of a kernel that has become full. */
static bool takes_more(struct attach *a, size_t n)
{
	struct pollfd p = { .fd = a->tty.out, .events = POLLOUT };

	return !pace_looks(&a->pace, n) || poll(&p, 1, 0) != 0;
}

/* A piece of what is to be written; false: no more for now. */
static bool write_piece(struct attach *a)
{
	size_t n = min_size(a->out.n - a->out_at, pace_room(&a->pace, now_usec()));
	ssize_t l;

	if (n == 0)
		return false; /* it is slow, and has enough */
	l = takes_more(a, n) ? write(a->tty.out, a->out.data + a->out_at, n) : 0;
	if (l < 0 && errno == EINTR)
		return true;
	if (l == 0 || (l < 0 && errno == EAGAIN)) {
		pace_full(&a->pace, now_usec());
		return false;
	}
	if (l < 0) {
		if (!a->ending)
			a->ending = ENDING_GONE;
		return false;
	}
	a->out_at += (size_t)l;
	pace_wrote(&a->pace, (size_t)l, now_usec());
	return true;
}

void attach_write_out(struct attach *a)
{
	while (attach_writing(a) && write_piece(a))
		;
	if (!attach_writing(a))
		pace_dry(&a->pace);
	count_written(a);
}

/* The title that is due joins what is written, where nothing is open. */
static int put_title(struct attach *a)
{
	char osc[NOTICE_TEXT_MAX + 8];
	int n;

	if (!a->notice.due || !term_filter_ground(a->filter))
		return 0;
	a->notice.due = false;
	n = snprintf(osc, sizeof(osc), "\033]2;%s\033\\", a->notice.text);
	return term_filter_feed(a->filter, (const uint8_t *)osc, (size_t)n, &a->out);
}

static int write_titled(struct attach *a)
{
	int r = put_title(a);

	if (!r)
		attach_write_out(a);
	return r;
}

int attach_show(struct attach *a, const struct cwsandbox_event *e)
{
	int r;

	attach_write_anew(a, e->n);
	a->event_is_raw = e->kind == CWSANDBOX_EVENT_OUTPUT;
	a->event_end = a->event_is_raw ? e->offset + e->n : e->offset;
	if (e->kind == CWSANDBOX_EVENT_REPAINT && e->first)
		term_filter_reset(a->filter);
	r = term_filter_feed(a->filter, e->data, e->n, &a->out); /* a paint passes as it is */
	if (!r)
		r = attach_show_due_help(a);
	return r ? r : write_titled(a);
}

int attach_say_title(struct attach *a, const char *bell)
{
	int r;

	attach_write_anew(a, 0);
	r = attach_text(&a->out, bell);
	return r ? r : write_titled(a);
}

int attach_undo(struct attach *a, struct term_buf *undo)
{
	/* what the terminal took only half of is beyond the filter's knowledge: undo everything then */
	return a->out_at < a->out.n ? term_paint_undo(undo) : term_filter_undo(a->filter, undo);
}
