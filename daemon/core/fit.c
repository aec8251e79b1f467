/* Whose size counts, who leads, who is told. */
#include "daemon/core/attachment.h"
#include "daemon/core/session.h"

/* An attachment whose size may count: a terminal that is no observer. */
static bool may_lead(const struct attachment *a)
{
	return !a->observer && a->cols && !a->dead;
}

static void want_size(const struct session *s, unsigned *cols, unsigned *rows)
{
	const struct attachment *a = s->size.kind == SIZE_LATEST ? s->latest : s->lead;
	bool smallest = s->size.kind == SIZE_SMALLEST, first = true;

	*cols = s->cols;
	*rows = s->rows;
	if (s->size.kind == SIZE_FIXED) {
		*cols = s->size.cols;
		*rows = s->size.rows;
		return;
	}
	if (s->size.kind == SIZE_LEAD || s->size.kind == SIZE_LATEST) {
		*cols = a ? a->cols : s->cols;
		*rows = a ? a->rows : s->rows;
		return;
	}
	list_for_each(a, &s->attachments, session_link) {
		if (!may_lead(a))
			continue;
		if (first || (a->cols < *cols) == smallest)
			*cols = a->cols;
		if (first || (a->rows < *rows) == smallest)
			*rows = a->rows;
		first = false;
	}
}

/* The screen has another one. */
static void size_changed(struct session *s)
{
	struct attachment *a;

	term_size(s->screen.term, &s->cols, &s->rows);
	s->resized_usec = s->core->clock->now_usec;
	list_for_each(a, &s->attachments, session_link) {
		attachment_note(a, NOTE_RESIZED);
		attachment_fit(a, true);
	}
	session_mark(s);
}

static void fit_attachments(struct session *s)
{
	struct attachment *a;

	list_for_each(a, &s->attachments, session_link)
		attachment_fit(a, false);
}

static void apply_size(struct session *s, unsigned cols, unsigned rows)
{
	int r = screen_resize(&s->screen, cols, rows);

	if (r == 0) {
		size_changed(s);
	} else if (r == SCREEN_RESIZING) {
		session_mark(s);
	} else { /* without memory the shell keeps its size for now, and is painted for others */
		fit_attachments(s);
		timer_start(&s->core->timers, &s->resize_timer,
			s->core->clock->now_usec + SESSION_RETRY_USEC);
	}
}

void session_resize_some(struct session *s, uint64_t *left)
{
	if (screen_resize_some(&s->screen, left))
		return;
	size_changed(s);
	session_fit(s); /* what was asked for meanwhile */
}

void session_resize_finish(struct session *s)
{
	uint64_t left = UINT64_MAX;

	while (s->screen.resizing)
		session_resize_some(s, &left);
}

void session_fit(struct session *s)
{
	uint64_t now = s->core->clock->now_usec, due = s->resized_usec + SESSION_RESIZE_USEC;
	unsigned cols, rows;

	if (!s->screen.term || s->screen.resizing || session_ended(s) || s->dropped)
		return;
	want_size(s, &cols, &rows);
	if (cols == s->cols && rows == s->rows) {
		timer_stop(&s->core->timers, &s->resize_timer);
		fit_attachments(s);
	} else if (s->resized_usec && now < due) {
		timer_start(&s->core->timers, &s->resize_timer, due);
	} else {
		timer_stop(&s->core->timers, &s->resize_timer);
		apply_size(s, cols, rows);
	}
}

static struct attachment *best_lead(const struct session *s)
{
	struct attachment *a, *best = NULL;

	list_for_each(a, &s->attachments, session_link)
		if (may_lead(a) && (!best || a->typed_usec > best->typed_usec))
			best = a;
	return best;
}

void session_tell_colors(struct session *s)
{
	if (s->lead && s->lead->has_colors && s->screen.term)
		term_tell_colors(s->screen.term, s->lead->colors);
}

void session_lead(struct session *s, struct attachment *a)
{
	struct attachment *before = s->lead;

	if (!a || !may_lead(a))
		a = best_lead(s);
	if (a == before)
		return;
	s->lead = a;
	session_tell_colors(s);
	if (before)
		attachment_note(before, NOTE_RESIZED);
	if (a)
		attachment_note(a, NOTE_RESIZED);
	session_clients_changed(s);
	session_fit(s);
}

void session_lease(struct session *s, struct attachment *a)
{
	if (s->lease == a)
		return;
	s->lease = a;
	session_clients_changed(s);
}

void session_clients_changed(struct session *s)
{
	uint64_t now = s->core->clock->now_usec, due = s->clients_usec + SESSION_CLIENTS_USEC;
	struct attachment *a;

	if (!s->name[0] || s->dropped)
		return;
	if (s->clients_usec && now < due) {
		timer_start(&s->core->timers, &s->clients_timer, due);
		return;
	}
	timer_stop(&s->core->timers, &s->clients_timer);
	s->clients_usec = now;
	list_for_each(a, &s->attachments, session_link)
		attachment_note(a, NOTE_CLIENTS);
}

void session_attached(struct session *s, struct attachment *a, const struct attachment *replaced)
{
	list_append(&s->attachments, &a->session_link);
	a->typed_usec = replaced ? replaced->typed_usec : s->core->clock->now_usec;
	if (may_lead(a)) {
		if (!replaced || !s->latest || s->latest == replaced)
			s->latest = a;
		if (!s->lead)
			session_lead(s, a);
	}
	session_fit(s);
	session_clients_changed(s);
}

void session_detached(struct session *s, struct attachment *a)
{
	list_unlink(&a->session_link);
	if (s->lease == a)
		s->lease = NULL;
	session_lose_focus(s, a);
	if (s->latest == a)
		s->latest = best_lead(s);
	if (s->lead == a) {
		s->lead = NULL;
		session_lead(s, NULL);
	}
	session_fit(s);
	session_clients_changed(s);
	session_mark(s);
	if (!s->name[0] && list_empty(&s->attachments))
		session_drop(s); /* a call ends with its one reader */
}
