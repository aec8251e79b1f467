#include "daemon/core/attachment.h"

#include <string.h>

#include "daemon/core/client.h"
#include "daemon/core/paint.h"

/* clang-format off */
static const char *const policy_names[] = {
	[POLICY_SKIP] = "skip", [POLICY_BLOCK] = "block", [POLICY_DROP] = "drop",
};
/* clang-format on */

const char *attachment_policy_name(enum attachment_policy policy)
{
	return policy_names[policy];
}

bool attachment_policy_parse(const char *name, size_t n, enum attachment_policy *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(policy_names); i++) {
		if (n != strlen(policy_names[i]) || memcmp(name, policy_names[i], n) != 0)
			continue;
		*ret = (enum attachment_policy)i;
		return true;
	}
	return false;
}

const char *attachment_role(const struct attachment *a)
{
	if (a->observer)
		return "observer";
	return a->session->lead == a ? "lead" : "peer";
}

static uint64_t now_usec(const struct attachment *a)
{
	return a->session->core->clock->now_usec;
}

bool attachment_matches(const struct attachment *a)
{
	return !a->cols || a->raw_only ||
	       (a->cols == a->session->cols && a->rows == a->session->rows);
}

/* ---- life ---- */

/* The log needs the room: whoever does not hold it goes on without these bytes. The log is walking
 * through its readers: this one leaves it, no other may come or go, so a drop attachment, whose end
 * would tell and move others, is only marked for attachment_turn(). */
static void on_lost(struct reader *r, uint64_t tail)
{
	struct attachment *a = container_of(r, struct attachment, reader);

	(void)tail;
	a->lost = a->policy == POLICY_DROP;
	paint_fall_behind(a);
	session_mark(a->session);
}

static void on_stalled(struct timer *t)
{
	struct attachment *a = container_of(t, struct attachment, block_timer);
	uint64_t since = a->progress_usec;

	if (!a->session->held_usec || !list_linked(&a->reader.link))
		return; /* attachment_watch() starts it again */
	if (since < a->session->held_usec)
		since = a->session->held_usec;
	if (attachment_lag(a) == 0 || now_usec(a) >= t->due_usec + ATTACHMENT_LATE_USEC)
		since = a->progress_usec = now_usec(a); /* or it was us who did nothing */
	if (now_usec(a) < since + a->block_timeout_usec)
		timer_start(&a->session->core->timers, t, since + a->block_timeout_usec);
	else
		attachment_detach(a, "stalled",
			"The session waited too long for this reader; attach again with `since`.");
}

void attachment_watch(struct attachment *a)
{
	if (!a->session->held_usec || !a->block_timeout_usec || a->block_timer.armed)
		return;
	if (a->policy == POLICY_BLOCK && list_linked(&a->reader.link))
		timer_start(&a->session->core->timers, &a->block_timer,
			now_usec(a) + a->block_timeout_usec);
}

static void attachment_init(struct attachment *a, const struct attachment_config *config)
{
	*a = (struct attachment){
		.session = config->session,
		.client = config->client,
		.observer = config->observer,
		.raw_only = !config->paint,
		.policy = config->policy,
		.block_timeout_usec = config->block_timeout_usec,
		.cols = config->cols,
		.rows = config->rows,
		.has_colors = config->has_colors,
		.history_lines = config->history_lines,
		.history_from = config->history_from,
		.view = VIEW_DUE,
		.paint_offset = config->session->log.head,
		.told = config->session->log.head,
		.reader.on_lost = on_lost,
		.block_timer.fn = on_stalled,
		.paint_timer.fn = paint_on_timer,
	};
	credit_set(&a->credit, config->window, config->drain_usec);
	memcpy(a->colors, config->colors, sizeof(a->colors));
	memcpy(a->term, config->term, config->n_term);
}

/* Raw from `since` where the log still has it, painted, or raw from now. */
static void attachment_begin(
	struct attachment *a, const struct attachment_config *config, bool *ret_fresh)
{
	struct log *log = &a->session->log;
	bool has = config->has_since && config->since >= log->tail && config->since <= log->head;

	*ret_fresh = config->has_since && !has;
	if (a->session->screen.term && ((!has && config->paint) || !attachment_matches(a)))
		return; /* a paint is due */
	a->view = VIEW_RAW;
	reader_init(&a->reader, log, has ? config->since : log->head, a->policy == POLICY_BLOCK);
}

int attachment_new(struct attachment **ret, const struct attachment_config *config, bool *ret_fresh)
{
	struct core *core = config->session->core;
	struct attachment *a = malloc(sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	attachment_init(a, config);
	r = inq_writer_new(&a->session->inq, CORE_INPUT_WINDOW, &a->writer);
	if (r) {
		free(a);
		return r;
	}
	a->id = ++a->client->next_attachment;
	a->presence = ++core->next_presence_id;
	a->progress_usec = now_usec(a);
	core->n_attachments++;
	a->client->n_attachments++;
	ledger_add(&core->memory, sizeof(*a));
	list_append(&a->client->attachments, &a->client_link);
	session_attached(a->session, a, config->replaced); /* may give the session its size */
	attachment_begin(a, config, ret_fresh);
	attachment_watch(a);
	attachment_wake(a);
	*ret = a;
	return 0;
}

void attachment_drop(struct attachment *a)
{
	struct core *core = a->session->core;

	if (a->dead)
		return;
	a->dead = true;
	paint_done(a);
	reader_done(&a->reader);
	inq_writer_release(&a->session->inq, TAKE(a->writer));
	session_input_ready(a->session); /* an orphaned paste's bracket, and who waited behind it */
	timer_stop(&core->timers, &a->block_timer);
	timer_stop(&core->timers, &a->paint_timer);
	list_unlink(&a->client_link);
	list_unlink(&a->ready_link);
	list_append(&core->dead_attachments, &a->ready_link);
	core->n_attachments--;
	a->client->n_attachments--;
	session_detached(a->session, a);
}

struct attachment *attachment_free(struct attachment *a)
{
	list_unlink(&a->ready_link);
	ledger_sub(&a->client->core->memory, sizeof(*a));
	free(a);
	return NULL;
}

void attachment_detach(struct attachment *a, const char *reason, const char *message)
{
	if (a->dead)
		return;
	client_tell_detached(a->client, a, reason, message);
	attachment_drop(a);
}

/* ---- credit ---- */

int attachment_ack(struct attachment *a, uint64_t bytes)
{
	if (bytes <= a->credit.acked)
		return 0;
	if (credit_ack(&a->credit, bytes, now_usec(a)))
		return ATTACHMENT_E_BAD_ACK;
	a->progress_usec = now_usec(a);
	paint_acked(a);
	attachment_wake(a);
	return 0;
}

size_t attachment_credit(const struct attachment *a)
{
	return credit_left(&a->credit);
}

/* ---- settings at run time ---- */

int attachment_set_policy(struct attachment *a, enum attachment_policy policy)
{
	if (a->observer && policy == POLICY_BLOCK)
		return ATTACHMENT_E_DENIED;
	a->policy = policy;
	if (list_linked(&a->reader.link))
		reader_set_holds(&a->reader, policy == POLICY_BLOCK);
	timer_stop(&a->session->core->timers, &a->block_timer);
	attachment_watch(a);
	attachment_wake(a);
	session_mark(a->session); /* window back, or who waits now */
	return 0;
}

void attachment_set_colors(struct attachment *a, const uint32_t colors[TERM_COLORS_N])
{
	a->has_colors = true;
	memcpy(a->colors, colors, sizeof(a->colors));
	session_tell_colors(a->session);
}

void attachment_set_credit(struct attachment *a, size_t window, uint64_t drain_usec)
{
	credit_set(&a->credit, window, drain_usec);
	attachment_wake(a);
}

void attachment_set_block_timeout(struct attachment *a, uint64_t usec)
{
	a->block_timeout_usec = usec;
	timer_stop(&a->session->core->timers, &a->block_timer);
	attachment_watch(a);
}

uint64_t attachment_offset(const struct attachment *a)
{
	uint64_t offset;

	if (list_linked(&a->reader.link))
		return a->reader.pos;
	return screen_ground(&a->session->screen, &offset) ? offset
							   : screen_offset(&a->session->screen);
}

uint64_t attachment_lag(const struct attachment *a)
{
	uint64_t head = a->session->log.head;

	if (list_linked(&a->reader.link))
		return reader_lag(&a->reader);
	if (a->view == VIEW_PAINTED) /* also by a paint with nothing to send, which tells nothing */
		return head - min_u64(a->paint_offset, head);
	return head - min_u64(a->told, head);
}

static uint64_t untold_credit(const struct attachment *a)
{
	return a->writer->taken - a->taken_told;
}

void attachment_input_taken(struct attachment *a)
{
	if (untold_credit(a) == 0)
		return;
	a->notes |= NOTE_CREDIT; /* goes along with whatever is sent next, ... */
	if (attachment_has_news(a))
		attachment_wake(a); /* ... and by itself before the writer can miss it */
}

/* ---- view ---- */

bool attachment_has_news(const struct attachment *a)
{
	if (a->notes & ~(unsigned)NOTE_CREDIT)
		return true;
	return a->notes && (untold_credit(a) >= a->writer->window / 4 || attachment_at_end(a));
}

void attachment_note(struct attachment *a, unsigned notes)
{
	if (!a->session->name[0]) /* a call has no company and no size; its end is `exited` */
		notes &= session_ended(a->session) ? NOTE_CREDIT : NOTE_CREDIT | NOTE_STATE;
	a->notes |= notes;
	attachment_wake(a);
}

void attachment_wake(struct attachment *a)
{
	if (a->dead)
		return;
	if (!list_linked(&a->ready_link))
		list_append(&a->client->ready, &a->ready_link);
	client_mark(a->client);
}

/* A terminal of the session's size with raw output, or about to get it, may have wrapped its lines
 * in its own way. Only one that skips jumps for that: any other is painted when it has caught up. */
static void fit_resized(struct attachment *a)
{
	if (a->policy != POLICY_SKIP && list_linked(&a->reader.link))
		a->askew = true;
	else
		paint_leave(a);
}

void attachment_fit(struct attachment *a, bool resized)
{
	bool terminal = a->cols > 0 && !a->raw_only, matches = attachment_matches(a);

	if (a->dead || !a->session->screen.term)
		return;
	switch (a->view) {
	case VIEW_RAW:
		if (!matches)
			paint_leave(a);
		else if (resized && terminal)
			fit_resized(a);
		break;
	case VIEW_PAINTING:
		if (resized && a->paint_whole && (terminal || a->paint_more)) {
			if (matches)
				fit_resized(a);
			else
				paint_leave(a); /* made for another size */
		}
		break;
	case VIEW_PAINTED:
		if (matches || resized)
			paint_leave(a);
		break;
	case VIEW_DUE:
		break;
	}
	attachment_wake(a);
}

void attachment_resize(struct attachment *a, unsigned cols, unsigned rows)
{
	struct session *s = a->session;

	a->cols = cols;
	a->rows = rows;
	if (a->shadow)
		term_shadow_forget(
			a->shadow); /* a terminal cuts its picture, and does not mend it */
	if (a->view == VIEW_PAINTING || a->view == VIEW_PAINTED)
		paint_leave(a);
	else if (a->view == VIEW_RAW && !a->raw_only) /* even if it is soon back at the old size */
		a->askew = true;
	if (!a->observer && !s->lead)
		session_lead(s, a);
	if (!a->observer)
		s->latest = a;
	session_fit(s);
}

void attachment_interrupt(struct attachment *a)
{
	if (a->policy == POLICY_SKIP && list_linked(&a->reader.link) && a->session->screen.term &&
		attachment_lag(a)) {
		paint_leave(a);
		paint_stay(a); /* more of the backlog is on its way to us: none of it goes raw */
	}
	attachment_wake(a);
}

void attachment_turn(struct attachment *a)
{
	if (!a->lost)
		return;
	a->lost = false;
	if (a->policy == POLICY_DROP)
		attachment_detach(
			a, "dropped", "This reader fell behind more than the session keeps.");
	else
		attachment_wake(a);
}

bool attachment_at_end(const struct attachment *a)
{
	const struct session *s = a->session;

	if (!session_ended(s))
		return false;
	if (a->view == VIEW_RAW)
		return reader_lag(&a->reader) == 0;
	return a->view == VIEW_PAINTED && a->paint_offset == s->log.head && !paint_comes_back(a);
}
