#include "daemon/core/paint.h"

#include "common/term/buf.h"

static uint64_t now_usec(const struct attachment *a)
{
	return a->session->core->clock->now_usec;
}

void paint_on_timer(struct timer *t)
{
	attachment_wake(container_of(t, struct attachment, paint_timer));
}

/* ---- memory ---- */

static void paint_charge(struct attachment *a)
{
	struct ledger *memory = &a->session->core->memory;
	size_t now = a->paint.cap + (a->shadow ? term_shadow_memory(a->shadow) : 0);

	ledger_sub(memory, a->paint_charged);
	ledger_add(memory, now);
	a->paint_charged = now;
}

static void paint_drop(struct attachment *a)
{
	term_buf_done(&a->paint);
	a->paint = (struct term_buf){ .n = 0 };
	a->paint_pos = 0;
	a->paint_begun = a->paint_more = a->paint_whole = a->paint_then_raw = false;
	paint_charge(a);
}

static void paint_forget(struct attachment *a)
{
	a->shadow = term_shadow_free(a->shadow);
	paint_charge(a);
}

void paint_done(struct attachment *a)
{
	paint_drop(a);
	paint_forget(a);
}

/* ---- leaving ---- */

/* A terminal that shows the session up to there, which the log still has. */
static struct attachment_shown shown_at(const struct session *s, uint64_t pos)
{
	const struct term *t = s->screen.term;
	struct attachment_shown at = { .known = true,
		.offset = pos,
		.lines = log_lines(&s->log, pos) + log_in_line(&s->log, pos),
		.history = screen_history_before(&s->screen, pos),
		.has_row = screen_offset(&s->screen) == pos && !s->screen.resizing };
	struct term_cursor cursor;

	if (!at.has_row)
		return at;
	term_cursor(t, &cursor);
	at.history = at.row = term_history_total(t);
	at.row += term_alternate(t) ? 0 : cursor.y; /* the line with the cursor may still grow */
	return at;
}

/* What the terminal of `a` shows now that its client says that it is the session up to there. */
static struct attachment_shown shown_of(const struct attachment *a, uint64_t shown)
{
	const struct log *log = &a->session->log;
	const struct attachment_shown *rest = &a->rest;
	const bool has_view = a->view != VIEW_RAW && !a->paint_whole && shown > a->left;

	if (rest->known && rest->offset == shown)
		return *rest;
	if (has_view) /* in the alternate screen, and no line of it */
		return (struct attachment_shown){ .known = true,
			.offset = shown,
			.lines = a->lines_shown,
			.history = a->history_then };
	if (shown < log->tail && rest->known && rest->offset <= shown)
		return *rest;
	return shown_at(a->session, shown < log->tail ? log->tail : min_u64(shown, log->head));
}

/* From here on it misses output. What it has acknowledged by then is all that is known of its
 * terminal once the log has moved on. */
static void note_left(struct attachment *a)
{
	const struct session *s = a->session;
	const uint64_t pos = a->reader.pos, due = a->credit.sent - a->credit.acked;
	const struct attachment_shown sent = shown_at(s, pos);
	const bool keeps = due <= pos - s->log.tail;

	a->told = a->left = pos;
	a->counts = true;
	a->lines_shown = sent.lines;
	a->history_then = sent.history;
	a->entered = a->unknown = true;
	if (!a->is_fixed && keeps && (!a->rest.known || a->rest.offset < pos - due))
		a->rest = shown_at(s, pos - due);
}

void paint_acked(struct attachment *a)
{
	const struct screen *sc = &a->session->screen;

	if (a->view == VIEW_RAW && sc->term && !a->is_fixed && credit_settled(&a->credit) &&
		screen_offset(sc) == a->reader.pos)
		a->rest = shown_at(a->session, a->reader.pos);
}

void paint_hold(struct attachment *a, uint64_t shown)
{
	if (!a->session->screen.term)
		return;
	a->rest = shown_of(a, shown);
	a->rest.offset = shown;
	a->is_fixed = true;
}

void paint_take_over(struct attachment *a, const struct attachment *old, uint64_t shown, bool below)
{
	struct attachment_shown at;

	if (!old->entered)
		return;
	at = shown_of(old, shown);
	a->lines_shown = at.lines;
	a->history_then = at.history;
	a->came_back = below;
	a->in_step = !below && at.has_row;
	if (!below)
		a->entered = a->unknown = true;
	else if (at.has_row)
		a->history_from = at.row;
	else
		a->history_lines = 0;
}

void paint_leave(struct attachment *a)
{
	if (a->view == VIEW_RAW) {
		note_left(a);
	} else if (a->view == VIEW_PAINTING) {
		a->unknown = true; /* half a paint is as unknown as raw output */
		paint_drop(a);
	}
	if (a->reader.holds)
		session_mark(a->session);
	reader_done(&a->reader);
	a->askew = false;
	a->view = VIEW_DUE;
}

void paint_fall_behind(struct attachment *a)
{
	bool soon = a->view == VIEW_PAINTING ||
		    now_usec(a) < a->raw_since_usec + ATTACHMENT_RELAPSE_USEC;

	paint_leave(a);
	if (a->fell && soon)
		paint_stay(a);
	a->fell = true;
}

void paint_stay(struct attachment *a)
{
	a->slow = true;
	a->calm_usec = now_usec(a);
	a->calm_offset = a->session->log.head;
}

/* It is painted as the model is now. A sequence that is open may yet be sent raw, from its begin. */
static void note_painted(struct attachment *a)
{
	const struct screen *sc = &a->session->screen;

	a->paint_offset = a->paint_skips_to = screen_offset(sc);
	if (!session_ended(a->session))
		(void)screen_ground(sc, &a->paint_skips_to);
}

/* ---- whole ---- */

/* From which offset on the terminal can take raw bytes once it shows the paint. */
static bool paint_resume(const struct attachment *a, uint64_t *ret_offset)
{
	return attachment_matches(a) && screen_ground(&a->session->screen, ret_offset);
}

/* Lines of output that ended after it left raw output and are above what the screen shows. A
 * program on the alternate screen ends lines too; so many have not come into history. */
static uint64_t lines_not_shown(const struct attachment *a)
{
	const struct session *s = a->session;
	uint64_t above = log_lines(&s->log, screen_offset(&s->screen));
	uint64_t shown = a->lines_shown + term_lines_shown(s->screen.term);

	if (term_alternate(s->screen.term) || above <= shown)
		return 0;
	return min_u64(above - shown, term_history_total(s->screen.term) - a->history_then);
}

/* So many came since its terminal was left, and are more than it is to get. */
static uint64_t lines_passed_by(const struct attachment *a)
{
	const struct term *t = a->session->screen.term;
	const uint64_t end = term_history_total(t), n = min_u64(end, a->history_lines);
	uint64_t first = end - n;

	if (first < term_line_first(t))
		first = term_line_first(t);
	if (a->came_back && !a->history_lines)
		return lines_not_shown(a);
	return (a->came_back || a->history_from) && first > a->history_from
		       ? first - a->history_from
		       : 0;
}

/* Its terminal shows the screen as that was: what has scrolled away since does so there. Beyond a
 * screen the paint says how much is missing, and scrolls all. */
static int whole_catch_up(struct attachment *a)
{
	struct out o = { .buf = &a->paint };
	uint64_t n = term_history_total(a->session->screen.term) - a->history_then;

	if (!a->in_step || a->whole.lines_not_shown)
		return 0;
	out_format(&o, "\x1b[%uH", a->session->rows);
	for (n = min_u64(n, a->session->rows); n; n--)
		out_text(&o, "\n");
	return o.r;
}

/* The terminal shows the model when it has taken this. */
static void whole_last(struct attachment *a)
{
	struct session *s = a->session;
	uint64_t offset;

	if (!paint_resume(a, &offset))
		return; /* it stays painted until raw output can go on */
	a->paint_then_raw = true;
	a->paint_offset = a->paint_skips_to = offset;
	a->lines_painted = log_lines(&s->log, offset) + log_in_line(&s->log, offset);
	reader_init(&a->reader, &s->log, offset, a->policy == POLICY_BLOCK);
	attachment_watch(a);
}

/* The next piece: history, and at last the screen as it is by then. Nothing may come between for one
 * that skips nothing: it gets all at once. */
static int whole_fill(struct attachment *a)
{
	const struct screen *sc = &a->session->screen;
	size_t max = a->policy == POLICY_BLOCK ? SIZE_MAX : ATTACHMENT_PAINT_BYTES;
	int r;

	r = term_paint_some(sc->term, &a->whole, max, &a->paint);
	if (r < 0)
		return r;
	a->paint_more = r == TERM_PAINT_MORE;
	note_painted(a);
	if (!a->paint_more)
		whole_last(a);
	return 0;
}

static int whole_begin(struct attachment *a)
{
	const struct session *s = a->session;
	bool entered = a->entered || a->unknown;
	int r = 0;

	a->whole = (struct term_paint){
		.kind = entered ? TERM_PAINT_SCREEN : TERM_PAINT_ATTACH,
		.cols = s->cols,
		.rows = s->rows,
		.history_lines = a->history_lines,
		.history_since = a->history_from,
		.lines_not_shown = entered ? lines_not_shown(a) : lines_passed_by(a),
	};
	a->paint_whole = true;
	if (a->unknown)
		r = term_paint_undo(&a->paint);
	if (!r)
		r = whole_catch_up(a);
	if (!r)
		r = whole_fill(a);
	if (r)
		return r;
	paint_forget(a);
	a->entered = true;
	return 0;
}

/* ---- view ---- */

static int view_open(struct attachment *a)
{
	unsigned cols = a->cols ? a->cols : a->session->cols;
	unsigned rows = a->cols ? a->rows : a->session->rows;
	int r;

	if (a->shadow && (a->shadow_cols != cols || a->shadow_rows != rows))
		paint_forget(a);
	if (!a->shadow) {
		r = term_shadow_new(&a->shadow, cols, rows);
		if (r)
			return r;
		a->shadow_cols = cols;
		a->shadow_rows = rows;
	} else if (a->unknown) {
		term_shadow_forget(a->shadow);
	}
	return 0;
}

/* More of the difference between what the terminal shows and the model as it is now. */
static int view_fill(struct attachment *a)
{
	const struct screen *sc = &a->session->screen;
	int r;

	r = view_open(a);
	if (!r)
		r = term_shadow_paint(a->shadow, sc->term, ATTACHMENT_PAINT_BYTES, &a->paint);
	if (r < 0)
		return r;
	a->unknown = false;
	a->paint_more = r == TERM_SHADOW_MORE;
	note_painted(a);
	return 0;
}

/* ---- when ---- */

static int paint_begin(struct attachment *a)
{
	uint64_t offset;
	int r;

	if (!a->slow && paint_resume(a, &offset))
		r = whole_begin(a);
	else
		r = view_fill(a);
	if (r) {
		paint_drop(a);
		return err_fold(r);
	}
	a->painted_usec = now_usec(a);
	a->view = a->paint.n ? VIEW_PAINTING : VIEW_PAINTED;
	paint_charge(a);
	return 0;
}

bool paint_comes_back(const struct attachment *a)
{
	uint64_t offset;

	return a->slow && paint_resume(a, &offset);
}

static void paint_finish(struct attachment *a)
{
	bool then_raw = a->paint_then_raw;

	paint_drop(a);
	a->view = then_raw ? VIEW_RAW : VIEW_PAINTED;
	if (then_raw)
		a->raw_since_usec = now_usec(a);
}

/* A skip attachment whose next byte is old and far from the present. */
static bool raw_is_stale(struct attachment *a)
{
	return a->policy == POLICY_SKIP && a->session->screen.term &&
	       reader_lag(&a->reader) > ATTACHMENT_LAG_BYTES &&
	       reader_age_usec(&a->reader) > ATTACHMENT_LAG_USEC;
}

/* Does the session write so little now that raw output would not fall behind at once? */
static bool is_calm(struct attachment *a)
{
	uint64_t head = a->session->log.head, due = a->calm_usec + ATTACHMENT_CALM_USEC;
	bool calm = head - a->calm_offset <= a->credit.allowed;

	if (now_usec(a) >= due) {
		a->calm_usec = now_usec(a);
		a->calm_offset = head;
		if (calm)
			return true;
		due = a->calm_usec + ATTACHMENT_CALM_USEC;
	}
	timer_start(&a->session->core->timers, &a->paint_timer, due);
	return false;
}

/* A painted one is painted again when its terminal took all of the last and the picture moved, or
 * raw output can go on. */
static bool painted_is_stale(struct attachment *a)
{
	uint64_t offset;

	if (!credit_settled(&a->credit))
		return false;
	if (paint_resume(a, &offset) && (!a->slow || is_calm(a))) {
		a->slow = false;
		return true;
	}
	return a->paint_offset != screen_offset(&a->session->screen);
}

/* Has it taken all the model has, so that a paint skips nothing? */
static bool has_caught_up(const struct attachment *a)
{
	uint64_t offset;

	return reader_lag(&a->reader) == 0 && paint_resume(a, &offset) && offset == a->reader.pos;
}

/* It gets its paint at once or not yet: meanwhile it keeps its place in the log. */
static int paint_straight(struct attachment *a)
{
	uint64_t pos = a->reader.pos;
	int r;

	paint_leave(a);
	r = paint_begin(a);
	if (r) {
		reader_init(&a->reader, &a->session->log, pos, a->policy == POLICY_BLOCK);
		a->view = VIEW_RAW;
		a->askew = true;
	}
	return r;
}

/* Who has just typed looks for what it did: the prompt after Ctrl-C, the echo of a key. */
static uint64_t paint_due(const struct attachment *a)
{
	bool looks = now_usec(a) < a->typed_usec + ATTACHMENT_TYPED_USEC;

	return a->painted_usec + (looks ? ATTACHMENT_PROMPT_USEC : ATTACHMENT_PAINT_USEC);
}

/* Is a paint due: of one that shows nothing or what is old, or whose lines may be askew? */
static bool paint_is_due(struct attachment *a)
{
	if (a->view == VIEW_RAW && raw_is_stale(a))
		paint_fall_behind(a);
	if (a->view == VIEW_PAINTED && painted_is_stale(a))
		a->view = VIEW_DUE;
	return a->view == VIEW_DUE || (a->view == VIEW_RAW && a->askew && has_caught_up(a));
}

static int paint_decide(struct attachment *a)
{
	uint64_t due = paint_due(a);
	int r;

	if (a->lost)
		return 0; /* about to be dropped */
	if (!paint_is_due(a) || attachment_credit(a) == 0)
		return 0;
	if (a->painted_usec && now_usec(a) < due) {
		timer_start(&a->session->core->timers, &a->paint_timer, due);
		return 0;
	}
	r = a->view == VIEW_RAW ? paint_straight(a) : paint_begin(a);
	if (!r && a->view == VIEW_PAINTED) /* nothing: no acknowledgement will ask again */
		return paint_decide(a);
	return r;
}

/* ---- the next piece ---- */

static int paint_refill(struct attachment *a)
{
	int r;

	a->paint.n = a->paint_pos = 0;
	r = a->paint_whole ? whole_fill(a) : view_fill(a);
	if (r)
		paint_leave(a);
	else
		paint_charge(a);
	return err_fold(r);
}

static int paint_peek(
	struct attachment *a, size_t max, struct iovec *iov, struct attachment_piece *ret)
{
	size_t left, n;
	int r;

	if (max && a->paint_more && a->paint_pos == a->paint.n) {
		r = paint_refill(a);
		if (r)
			return r;
	}
	left = a->paint.n - a->paint_pos;
	n = min_size(left, max);
	if (n == 0 && (left || a->paint_more))
		return 0; /* no credit */
	iov[0] = (struct iovec){ a->paint.data + a->paint_pos, n };
	*ret = (struct attachment_piece){
		.resync = true,
		.first = !a->paint_begun,
		.last = n == left && !a->paint_more,
		.offset = a->paint_offset,
		.skipped =
			a->counts && a->paint_skips_to > a->told ? a->paint_skips_to - a->told : 0,
		.n = n,
		.n_iov = n > 0,
	};
	return ATTACHMENT_PIECE;
}

static void paint_advance(struct attachment *a, const struct attachment_piece *piece)
{
	a->paint_pos += piece->n;
	a->paint_begun = true;
	a->skipped_bytes += piece->skipped;
	a->told = a->paint_skips_to;
	a->counts = attachment_matches(a);
	a->in_step = false;
	if (a->paint_then_raw) {
		a->unknown = false;
		a->lines_shown = a->lines_painted;
	}
	if (piece->last)
		paint_finish(a);
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

int attachment_peek(
	struct attachment *a, struct iovec *iov, size_t n_iov, struct attachment_piece *ret_piece)
{
	const bool still = a->session->screen.resizing; /* there is no picture to paint */
	size_t max;
	int r;

	r = still ? 0 : paint_decide(a);
	if (r)
		return r;
	max = min_size(attachment_credit(a), ATTACHMENT_DATA_MAX);
	if (a->view == VIEW_RAW && max)
		return peek_raw(a, max, iov, n_iov, ret_piece);
	if (a->view == VIEW_PAINTING && !still)
		return paint_peek(a, max, iov, ret_piece);
	return 0;
}

void attachment_advance(struct attachment *a, const struct attachment_piece *piece)
{
	credit_send(&a->credit, piece->n, now_usec(a));
	if (piece->resync) {
		paint_advance(a, piece);
		return;
	}
	reader_advance(&a->reader, piece->n);
	if (a->reader.holds)
		session_mark(a->session); /* window back */
}
