#include "daemon/core/paint.h"

static uint64_t now_usec(const struct attachment *a)
{
	return a->session->core->clock->now_usec;
}

void paint_on_timer(struct timer *t)
{
	attachment_wake(container_of(t, struct attachment, paint_timer));
}

static void paint_charge(struct attachment *a)
{
	struct ledger *memory = &a->session->core->memory;

	ledger_sub(memory, a->paint_charged);
	ledger_add(memory, a->paint.cap);
	a->paint_charged = a->paint.cap;
}

void paint_drop(struct attachment *a)
{
	term_buf_done(&a->paint);
	a->paint = (struct term_buf){ .n = 0 };
	a->paint_pos = 0;
	paint_charge(a);
}

void paint_leave(struct attachment *a)
{
	if (a->view == VIEW_RAW) {
		a->left_at = a->reader.pos;
		a->was_raw = true;
	} else if (a->view == VIEW_PAINTING) {
		a->left_at = a->paint_offset; /* half a paint is as unknown as raw output */
		a->was_raw = true;
		paint_drop(a);
	}
	if (a->reader.holds)
		session_mark(a->session);
	reader_done(&a->reader);
	a->view = VIEW_DUE;
}

/* From which offset on the terminal can take raw bytes once it shows the paint. */
static bool paint_resume(const struct attachment *a, uint64_t *ret_offset)
{
	return attachment_matches(a) && screen_ground(&a->session->screen, ret_offset);
}

static enum term_paint_kind paint_kind(const struct attachment *a)
{
	if (!attachment_matches(a))
		return TERM_PAINT_CROP;
	return a->entered || a->was_raw ? TERM_PAINT_SCREEN : TERM_PAINT_ATTACH;
}

static int paint_make(struct attachment *a)
{
	const struct session *s = a->session;
	const struct term *t = s->screen.term;
	struct term_paint how = {
		.kind = paint_kind(a),
		.cols = a->cols ? a->cols : s->cols,
		.rows = a->cols ? a->rows : s->rows,
		.history_lines = a->history_lines,
	};
	int r = 0;

	if (a->was_raw && how.kind == TERM_PAINT_SCREEN && !term_alternate(t))
		how.lines_not_shown = screen_lines_since(&s->screen, a->left_at);
	if (a->was_raw)
		r = term_paint_undo(&a->paint);
	if (!r)
		r = term_paint(t, &how, &a->paint);
	if (r) {
		paint_drop(a);
		return err_fold(r);
	}
	a->entered = a->entered || a->was_raw || how.kind != TERM_PAINT_CROP;
	return 0;
}

static int paint_begin(struct attachment *a)
{
	struct session *s = a->session;
	uint64_t offset = screen_offset(&s->screen);
	int r;

	r = paint_make(a);
	if (r)
		return r;
	paint_charge(a);
	a->paint_then_raw = paint_resume(a, &offset);
	a->paint_offset = offset;
	a->paint_skipped = a->was_raw && offset > a->left_at ? offset - a->left_at : 0;
	a->skipped_bytes += a->paint_skipped;
	a->painted_usec = now_usec(a);
	a->was_raw = false;
	a->view = VIEW_PAINTING;
	if (a->paint_then_raw)
		reader_init(&a->reader, &s->log, offset, a->policy == POLICY_BLOCK);
	attachment_watch(a);
	return 0;
}

void paint_finish(struct attachment *a)
{
	paint_drop(a);
	a->view = a->paint_then_raw ? VIEW_RAW : VIEW_PAINTED;
}

/* A skip attachment whose next byte is old and far from the present. */
static bool raw_is_stale(struct attachment *a)
{
	return a->policy == POLICY_SKIP && a->session->screen.term &&
	       reader_lag(&a->reader) > ATTACHMENT_LAG_BYTES &&
	       reader_age_usec(&a->reader) > ATTACHMENT_LAG_USEC;
}

/* A painted one is painted again when its terminal took all of the last and the picture moved. */
static bool painted_is_stale(const struct attachment *a)
{
	uint64_t offset;

	if (!credit_settled(&a->credit))
		return false;
	return a->paint_offset != screen_offset(&a->session->screen) || paint_resume(a, &offset);
}

int paint_decide(struct attachment *a)
{
	uint64_t due = a->painted_usec + ATTACHMENT_PAINT_USEC;

	if (a->lost)
		return 0; /* about to be dropped */
	if (a->view == VIEW_RAW && raw_is_stale(a))
		paint_leave(a);
	if (a->view == VIEW_PAINTED && painted_is_stale(a))
		a->view = VIEW_DUE;
	if (a->view != VIEW_DUE || attachment_credit(a) == 0)
		return 0;
	if (a->painted_usec && now_usec(a) < due) {
		timer_start(&a->session->core->timers, &a->paint_timer, due);
		return 0;
	}
	return paint_begin(a);
}

/* ---- the next frame ---- */

static int peek_raw(struct attachment *a, size_t max, struct iovec *iov, size_t n_iov,
	struct attachment_piece *ret)
{
	struct attachment_piece p = { .offset = a->reader.pos };

	p.n = reader_peek(&a->reader, max, iov, n_iov, &p.n_iov, &p.stream);
	if (p.n == 0)
		return 0;
	*ret = p;
	return ATTACHMENT_PIECE;
}

static int peek_paint(
	struct attachment *a, size_t max, struct iovec *iov, struct attachment_piece *ret)
{
	size_t left = a->paint.n - a->paint_pos, n = min_size(left, max);

	if (n == 0 && left)
		return 0; /* no credit */
	iov[0] = (struct iovec){ a->paint.data + a->paint_pos, n };
	*ret = (struct attachment_piece){
		.resync = true,
		.first = a->paint_pos == 0,
		.last = n == left,
		.offset = a->paint_offset,
		.skipped = a->paint_pos == 0 ? a->paint_skipped : 0,
		.n = n,
		.n_iov = n > 0,
	};
	return ATTACHMENT_PIECE;
}

int attachment_peek(
	struct attachment *a, struct iovec *iov, size_t n_iov, struct attachment_piece *ret_piece)
{
	size_t max;
	int r;

	r = paint_decide(a);
	if (r)
		return r;
	max = min_size(attachment_credit(a), ATTACHMENT_DATA_MAX);
	if (a->view == VIEW_RAW && max)
		return peek_raw(a, max, iov, n_iov, ret_piece);
	if (a->view == VIEW_PAINTING)
		return peek_paint(a, max, iov, ret_piece);
	return 0;
}

void attachment_advance(struct attachment *a, const struct attachment_piece *piece)
{
	credit_send(&a->credit, piece->n, now_usec(a));
	if (!piece->resync) {
		reader_advance(&a->reader, piece->n);
		if (a->reader.holds)
			session_mark(a->session); /* window back */
		return;
	}
	a->paint_pos += piece->n;
	if (piece->last)
		paint_finish(a);
}
