/* A session's output, from the far side to its readers; the window goes back as they take it. */
#include "daemon/core/session.h"

#include "daemon/core/attachment.h"
#include "daemon/core/budget.h"
#include "daemon/core/recorder.h"

void session_mark_output(struct session *s)
{
	if (!list_linked(&s->output_link))
		list_append(&s->core->outputs, &s->output_link);
}

size_t session_room(const struct session *s)
{
	return log_room(&s->log);
}

int session_output(struct session *s, const uint8_t *data, size_t n, unsigned stream)
{
	int r;

	if (s->state == SESSION_NONE || session_ended(s))
		return SESSION_E_UNEXPECTED;
	r = log_append(&s->log, data, n, stream);
	if (r)
		return r;
	session_mark(s);
	session_mark_output(s);
	return 0;
}

void session_wake_attachments(struct session *s)
{
	struct attachment *a;

	list_for_each(a, &s->attachments, session_link)
		attachment_wake(a);
}

/* The picture has moved: for painted ones and those to be, and for an end that waited for it. */
static void session_wake_painted(struct session *s)
{
	struct attachment *a;

	list_for_each(a, &s->attachments, session_link)
		if (a->view != VIEW_RAW || a->askew || session_ended(s))
			attachment_wake(a);
}

static_assert(TERM_REPLIES_MAX <= CORE_INPUT_WINDOW, "all answers that wait go in one write");

/* What the program asked its terminal is answered as input, in order, once; each answer whole. */
static void session_reply(struct session *s)
{
	uint64_t now = s->core->clock->now_usec;
	const uint8_t *data;
	size_t n;
	int r = 0;

	if (!s->screen.term)
		return;
	data = term_replies(s->screen.term, &n);
	if (n == 0)
		return;
	if (!session_ended(s))
		r = inq_push(&s->inq, s->replies, data, n, now);
	if (r == 0) {
		term_replies_drop(s->screen.term, n);
		session_input_ready(s);
	} else if (r == -ENOMEM) { /* else it waits for what the far side reads */
		timer_start(&s->core->timers, &s->reply_timer, now + SESSION_RETRY_USEC);
	}
}

/* How far the far side may be ahead of who holds the log. */
static size_t session_ahead(const struct session *s)
{
	return s->kind == UPSTREAM_SHELL ? min_size(s->log.max, UPSTREAM_SHELL_WINDOW) : s->log.max;
}

static size_t session_held(const struct session *s)
{
	size_t room = log_room(&s->log);

	return room < s->log.max ? s->log.max - room : 0;
}

/* Since when block readers leave the upstream less than three quarters of that: it stops at
 * about half, where a program's write may find less window than it needs and no more bytes come. */
static void session_watch_room(struct session *s)
{
	uint64_t now = s->core->clock->now_usec;
	bool held = session_held(s) > session_ahead(s) / 4;
	struct attachment *a;

	if (!held) {
		s->held_usec = 0;
	} else if (!s->held_usec) {
		s->held_usec = now;
		list_for_each(a, &s->attachments, session_link)
			attachment_watch(a);
	}
}

/* What the far side may send now. */
static size_t session_window(const struct session *s)
{
	size_t ahead = session_ahead(s), out = session_held(s) + s->withheld;

	return ahead > out ? ahead - out : 0;
}

static void session_tell_upstream(struct session *s, size_t freed)
{
	if (!s->ops)
		return;
	if (s->closing) {
		session_close_upstream(s);
		return;
	}
	s->withheld += freed;
	freed = budget_window(s->core, s->withheld, session_window(s));
	s->withheld -= freed;
	if (freed)
		s->ops->consume(s->upstream, freed);
	if (s->state == SESSION_RUNNING && (s->cols != s->told_cols || s->rows != s->told_rows)) {
		s->ops->resize(s->upstream, s->cols, s->rows);
		s->told_cols = s->cols;
		s->told_rows = s->rows;
	}
}

bool session_turn(struct session *s, uint64_t *left)
{
	uint64_t before = s->screen.reader.pos;
	struct recorder *rec;
	struct attachment *a;
	bool more;

	list_unlink(&s->dirty_link);
	list_for_each(a, &s->attachments, session_link)
		attachment_turn(a);
	list_for_each(rec, &s->recorders, link)
		recorder_turn(rec);
	more = s->screen.resizing;
	if (more)
		session_resize_some(s, left);
	else
		more = screen_pump(&s->screen, left);
	if (s->screen.reader.pos != before) {
		session_heed_focus(s);
		session_wake_painted(s);
		list_unlink(&s->rest_link);
		timer_start(&s->core->timers, &s->rest_timer,
			s->core->clock->now_usec + SESSION_REST_USEC);
	}
	session_reply(s);
	session_tell_upstream(s, log_trim(&s->log));
	session_watch_room(s);
	if (more)
		session_mark(s);
	return more;
}
