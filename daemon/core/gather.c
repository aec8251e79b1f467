/* A client's way out: notifications when it takes them, then its attachments' output in turns. */
#include <string.h>

#include "daemon/core/client.h"
#include "daemon/core/describe.h"

void client_mark(struct client *c)
{
	if (!c->full && !c->closed && !list_linked(&c->writable_link))
		list_append(&c->core->writable, &c->writable_link);
}

void client_send(struct client *c)
{
	const uint8_t *data;
	size_t n;
	int r;

	r = frame_finish(&c->core->scratch, &data, &n);
	if (!r && !c->broken && !c->closed)
		r = bytes_push(&c->out, data, n);
	frame_out_reset(&c->core->scratch);
	if (r) {
		c->broken = true; /* a frame is missing: what follows would be a lie */
		client_fail(c);
	}
	client_mark(c);
}

void client_tell_detached(
	struct client *c, const struct attachment *a, const char *reason, const char *message)
{
	describe_detached(&c->core->scratch, a, reason, message);
	client_send(c);
}

/* ---- notifications ---- */

static void tell_notes(struct client *c, struct attachment *a)
{
	struct frame_out *o = &c->core->scratch;
	unsigned notes = a->notes;

	a->notes = 0;
	if (notes & NOTE_STATE)
		describe_state(o, a);
	if (notes & NOTE_RESIZED)
		describe_resized(o, a);
	if (notes & NOTE_CLIENTS)
		describe_clients(o, a);
	if (notes & NOTE_CREDIT) {
		a->taken_told = a->writer->taken;
		describe_input_credit(o, a);
	}
	client_send(c);
}

static void tell_exited(struct client *c, struct attachment *a)
{
	struct session *s = a->session;

	describe_exited(&c->core->scratch, a);
	client_send(c);
	attachment_drop(a);
	session_seen(s);
}

/* While it does not read, what it is to be told stays a flag. */
static void client_tell(struct client *c)
{
	struct attachment *a;

	list_for_each(a, &c->ready, ready_link) {
		if (bytes_n(&c->out) >= CLIENT_NOTES_MAX || c->finished)
			return;
		if (attachment_has_news(a))
			tell_notes(c, a);
		if (attachment_at_end(a))
			tell_exited(c, a);
	}
}

/* ---- data frames ---- */

/* Input credit that would not go by itself goes before the data: a write, and a wake of the reader,
 * less for each key. */
static int plan_head(struct core *core, struct plan_frame *f)
{
	const struct attachment_piece *p = &f->piece;
	struct frame_out *o = &core->scratch;
	const uint8_t *data;
	int r;

	if (f->attachment->notes & NOTE_CREDIT)
		describe_input_credit(o, f->attachment);
	frame_begin_notification(o, p->resync ? "resync" : "output", p->resync ? 6 : 4);
	frame_put_u64(o, "attachment", f->attachment->id);
	frame_put_u64(o, "offset", p->offset);
	if (p->resync) {
		frame_put_u64(o, "skipped_bytes", p->skipped);
		frame_put_bool(o, "first", p->first);
		frame_put_bool(o, "last", p->last);
	} else {
		frame_put_u64(o, "stream", p->stream);
	}
	frame_put_bin_head(o, "data", p->n);
	r = frame_finish(o, &data, &f->n_head);
	assert(r || f->n_head <= sizeof(f->head));
	if (!r)
		memcpy(f->head, data, f->n_head);
	frame_out_reset(o);
	return r;
}

/* The next frame of `a` behind the n_used vectors. 0: it has none now. */
static int plan_add(
	struct plan *plan, struct attachment *a, struct iovec *iov, size_t n_iov, size_t *n_used)
{
	struct plan_frame *f = &plan->frames[plan->n_frames];
	size_t at = *n_used;
	int r;

	r = attachment_peek(a, iov + at + 1, n_iov - at - 1, &f->piece);
	if (r != ATTACHMENT_PIECE)
		return r;
	f->attachment = a;
	f->iov = at;
	r = plan_head(a->session->core, f);
	if (r)
		return r;
	iov[at] = (struct iovec){ f->head, f->n_head };
	*n_used += 1 + f->piece.n_iov;
	plan->total += f->n_head + f->piece.n;
	plan->n_frames++;
	return ATTACHMENT_PIECE;
}

static void plan_frames(
	struct plan *plan, struct client *c, struct iovec *iov, size_t n_iov, size_t *n_used)
{
	struct attachment *a;
	int r;

	list_for_each(a, &c->ready, ready_link) {
		if (plan->n_frames == PLAN_FRAMES_MAX || n_iov - *n_used < 2 ||
			plan->total >= CLIENT_GATHER_MAX)
			return;
		r = plan_add(plan, a, iov, n_iov, n_used);
		if (r < 0)
			timer_start(&c->core->timers, &a->paint_timer, /* memory may come back */
				c->core->clock->now_usec + ATTACHMENT_RETRY_USEC);
		if (r != ATTACHMENT_PIECE && !attachment_has_news(a) && !attachment_at_end(a))
			list_unlink(&a->ready_link);
	}
}

size_t client_gather(struct client *c, struct iovec *iov, size_t n_iov)
{
	struct plan *plan = c->core->plan;
	size_t n = 0;

	plan->client = c;
	plan->iovs = iov;
	plan->n_out = plan->n_frames = plan->total = 0;
	if (c->broken || c->closed)
		return 0;
	client_tell(c);
	plan->n_out = plan->total = bytes_n(&c->out);
	if (plan->n_out)
		iov[n++] = (struct iovec){ c->out.data + c->out.pos, plan->n_out };
	if (!c->finished)
		plan_frames(plan, c, iov, min_size(n_iov, CLIENT_IOV_MAX), &n);
	if (!n && !c->finished && !list_empty(&c->ready))
		client_mark(c); /* the last paint was empty: now the end is due */
	return n;
}

/* The kernel took `n` bytes of the frame and not all: its rest goes first from now on. */
static int plan_keep_rest(
	struct client *c, const struct plan *plan, const struct plan_frame *f, size_t n)
{
	const struct iovec *v = &plan->iovs[f->iov];
	size_t skip;
	int r = bytes_reserve(&c->out, f->n_head + f->piece.n - n);

	for (size_t i = 0; !r && i <= f->piece.n_iov; i++) {
		skip = min_size(n, v[i].iov_len);
		r = bytes_push(&c->out, (const uint8_t *)v[i].iov_base + skip, v[i].iov_len - skip);
		n -= skip;
	}
	return r;
}

static void plan_commit(
	struct client *c, const struct plan *plan, const struct plan_frame *f, size_t n)
{
	struct attachment *a = f->attachment;

	if (n < f->n_head + f->piece.n && plan_keep_rest(c, plan, f, n)) {
		c->broken = true;
		client_fail(c);
	}
	a->notes &= ~NOTE_CREDIT;
	a->taken_told = a->writer->taken;
	attachment_advance(a, &f->piece);
	list_unlink(&a->ready_link); /* its turn comes after the others' */
	list_append(&c->ready, &a->ready_link);
}

static void client_count_turn(struct client *c)
{
	if (c->turn == c->core->turn)
		return;
	c->turn = c->core->turn;
	c->n_turn_bytes = c->n_turn_frames = 0;
}

/* It goes on in this turn, in the next one, or when the socket is writable. */
static void client_go_on(struct client *c, size_t cost)
{
	client_count_turn(c);
	c->n_turn_bytes += cost;
	if (c->full || (list_empty(&c->ready) && !bytes_n(&c->out)))
		return;
	if (c->n_turn_bytes < CLIENT_GATHER_MAX)
		client_mark(c);
	else if (!list_linked(&c->writable_link))
		list_append(&c->core->tired, &c->writable_link);
}

void client_advance(struct client *c, size_t n)
{
	struct plan *plan = c->core->plan;
	size_t left = n, whole;

	assert(plan->client == c && n <= plan->total);
	c->full = n < plan->total;
	whole = min_size(left, plan->n_out);
	bytes_drop(&c->out, whole);
	left -= whole;
	for (size_t i = 0; i < plan->n_frames && left; i++) {
		const struct plan_frame *f = &plan->frames[i];

		whole = min_size(left, f->n_head + f->piece.n);
		plan_commit(c, plan, f, whole);
		left -= whole;
	}
	plan->client = NULL;
	client_go_on(c, n + plan->n_frames * CLIENT_FRAME_COST);
}

bool client_owes(const struct client *c)
{
	return c->full && !c->broken;
}

void client_unheard(struct client *c)
{
	c->broken = true;
	bytes_done(&c->out); /* nobody is waited for to take it */
}

void client_writable(struct client *c)
{
	c->full = false;
	client_mark(c);
}
