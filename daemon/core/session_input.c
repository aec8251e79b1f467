/* A session's input: who may write, and what writing moves. */
#include "daemon/core/session.h"

#include <string.h>

#include "daemon/core/attachment.h"
#include "daemon/core/keys.h"

void session_input_ready(struct session *s)
{
	struct timers *ts = &s->core->timers;
	uint64_t due = inq_deadline(&s->inq);

	if (due == UINT64_MAX)
		timer_stop(ts, &s->paste_timer);
	else
		timer_start(ts, &s->paste_timer, due);
	if (s->ops && !s->closing && inq_readable(&s->inq))
		s->ops->wake(s->upstream);
}

/* Typing moves the lead only when it has been idle; tools never lead. */
static void session_typed(struct session *s, struct attachment *a)
{
	uint64_t now = s->core->clock->now_usec;

	a->typed_usec = now;
	if (!a->cols)
		return;
	if (s->lead != a && s->lead && now - s->lead->typed_usec >= SESSION_LEAD_IDLE_USEC)
		session_lead(s, a);
	if (s->latest != a) {
		s->latest = a;
		session_fit(s);
	}
}

static int session_push(struct session *s, struct inq_writer *w, const void *data, size_t n)
{
	int r;

	if (session_ended(s))
		return SESSION_E_UNEXPECTED;
	if (s->inq.closed)
		return SESSION_E_CLOSED;
	r = inq_push(&s->inq, w, data, n, s->core->clock->now_usec);
	if (r)
		return r == INQ_E_WINDOW ? SESSION_E_WINDOW : r == INQ_E_LEFT ? SESSION_E_BUSY : r;
	session_input_ready(s);
	return 0;
}

int session_send(struct session *s, const void *data, size_t n)
{
	return session_push(s, s->sender, data, n);
}

/* ---- what terminals say of themselves ---- */

static bool may_type(const struct session *s, const struct attachment *a)
{
	return !a->observer && (!s->lease || s->lease == a);
}

static bool others_focused(const struct session *s, const struct attachment *than)
{
	struct attachment *a;

	list_for_each(a, &s->attachments, session_link)
		if (a != than && a->reports.focused && may_type(s, a))
			return true;
	return false;
}

static struct reports_rule rule_of(const struct session *s, const struct attachment *a)
{
	struct reports_rule rule = { .cols = s->cols, .rows = s->rows };

	if (!a->cols || !s->screen.term)
		return rule;
	term_reporting(s->screen.term, &rule.asked);
	rule.others_focused = rule.asked.focus && others_focused(s, a);
	return rule;
}

void session_heed_focus(struct session *s)
{
	struct term_reporting asked;
	struct attachment *a;

	if (!s->focused)
		return;
	term_reporting(s->screen.term, &asked);
	s->focused = asked.focus;
	list_for_each(a, &s->attachments, session_link)
		a->reports.focused &= asked.focus;
}

/* Without room for it the program is told by the next terminal. */
void session_lose_focus(struct session *s, const struct attachment *a)
{
	static const char lost[] = "\033[O";

	if (a->reports.focused && rule_of(s, a).asked.focus && !others_focused(s, a))
		(void)session_push(s, s->sender, lost, strlen(lost));
}

/* What terminals say that is not for the program counts as taken. */
static int push_reports(struct session *s, struct attachment *a, const struct reports_rule *rule,
	const uint8_t *data, size_t n, bool *ret_typed)
{
	_cleanup_(freep) uint8_t *kept = malloc(n);
	struct reports next = a->reports;
	size_t n_kept;
	int r;

	if (!kept)
		return -ENOMEM;
	n_kept = reports_filter(&next, rule, a->writer->ahead, data, n, kept);
	r = session_push(s, a->writer, kept, n_kept);
	if (r)
		return r;
	a->reports = next;
	s->focused |= next.focused;
	*ret_typed = keys_typed(kept, n_kept);
	if (n_kept == n)
		return 0;
	inq_pass_over(a->writer, n - n_kept);
	attachment_input_taken(a);
	return 0;
}

/* Of who may type. *ret_typed: a user typed something. */
static int session_push_from(
	struct session *s, struct attachment *a, const void *data, size_t n, bool *ret_typed)
{
	const struct reports_rule rule = rule_of(s, a);

	if (n && n <= inq_credit(a->writer) && reports_matter(&rule) && memchr(data, '\033', n))
		return push_reports(s, a, &rule, data, n, ret_typed);
	*ret_typed = keys_typed(data, n);
	return session_push(s, a->writer, data, n);
}

/* Of who may not type now: nobody pressed a key, so nobody is to be told. */
static int pass_over(struct session *s, struct attachment *a, const uint8_t *data, size_t n)
{
	const struct reports_rule rule = rule_of(s, a);
	_cleanup_(freep) uint8_t *unheard = malloc(n);

	if (!unheard)
		return -ENOMEM;
	reports_filter(&a->reports, &rule, a->writer->ahead, data, n, unheard);
	s->focused |= a->reports.focused;
	inq_pass_over(a->writer, n);
	attachment_input_taken(a);
	return 0;
}

int session_input(struct session *s, struct attachment *from, const void *data, size_t n)
{
	bool interrupts = from->policy == POLICY_SKIP && inq_interrupts(from->writer, data, n);
	bool typed = false;
	int r;

	if (from->observer)
		return SESSION_E_DENIED;
	if (s->lease && s->lease != from && !session_ended(s))
		return !n || !from->cols || keys_typed(data, n) ? SESSION_E_EXCLUSIVE
								: pass_over(s, from, data, n);
	r = session_push_from(s, from, data, n, &typed);
	if (r)
		return r;
	if (typed)
		session_typed(s, from);
	if (interrupts)
		attachment_interrupt(from);
	return 0;
}

int session_close_input(struct session *s, struct attachment *from)
{
	static const uint8_t veof = 0x04;

	if (s->kind == UPSTREAM_SHELL)
		return session_input(s, from, &veof, 1);
	if (session_ended(s))
		return SESSION_E_UNEXPECTED;
	inq_close(&s->inq);
	session_input_ready(s);
	return 0;
}

static int session_signal_key(struct session *s, enum upstream_signal sig)
{
	/* clang-format off */
	static const uint8_t keys[] = {
		[UPSTREAM_INT] = 0x03, [UPSTREAM_QUIT] = 0x1c, [UPSTREAM_TSTP] = 0x1a,
		[UPSTREAM_EOF] = 0x04,
	};
	/* clang-format on */
	int r;

	if (s->kind != UPSTREAM_SHELL || sig >= ARRAY_SIZE(keys))
		return SESSION_E_NOT_SUPPORTED;
	if (sig == UPSTREAM_EOF)
		return session_push(s, s->sender, &keys[sig], 1);
	r = inq_push_signal(&s->inq, keys[sig]); /* before what is held */
	if (!r)
		session_input_ready(s);
	return r;
}

int session_signal(struct session *s, enum upstream_signal sig)
{
	if (session_ended(s))
		return SESSION_E_UNEXPECTED;
	if (s->ops && s->ops->signal(s->upstream, sig) == 0)
		return 0;
	return session_signal_key(s, sig);
}

size_t session_input_read(struct session *s, uint8_t *buf, size_t n, bool *ret_end)
{
	struct attachment *a;
	size_t got;

	got = inq_read(&s->inq, buf, n, s->core->clock->now_usec, ret_end);
	if (got == 0)
		return 0;
	list_for_each(a, &s->attachments, session_link)
		attachment_input_taken(a);
	session_mark(s); /* answers of the model may have waited for room */
	return got;
}
