/* The help, on the alternate screen, and what comes of the session while it is there. */
#include "client/attach_private.h"

#include <stdio.h>
#include <string.h>

#define HELP_ENTER "\033[?1049h"
#define HELP_LEAVE "\033[?1049l"
/* Over the session's own alternate screen; what that showed is painted anew afterwards. */
#define HELP_ENTER_ON_TOP "\0337"
#define HELP_LEAVE_ON_TOP "\033[m\033[2J\0338"
/* All that the session has set stays so, for its next byte counts on it. What DECSC saves comes back
 * with the cursor; a terminal that told of its pointer or its focus would leave the help by that. */
#define HELP_SET                                                                                   \
	"\033[?6l\033[m\033(B\017\033[?2026l\033[?9l\033[?1000l\033[?1002l\033[?1003l\033[?1004l"

/* ---- on the screen ---- */

/* Short lines, for terminals of any width. */
static int help_text(const struct attach *a, struct term_buf *out)
{
	static const char text[] = "\033[H\033[2J"
				   "  After %s:\r\n"
				   "  d  detach: the session runs on\r\n"
				   "  ?  this help\r\n"
				   "%s\r\n"
				   "  session %s\r\n"
				   "  come back to it with:\r\n"
				   "  %s\r\n\n"
				   "  any key goes back\r\n";
	char key[16], more[256], way[ATTACH_WAY_BACK_MAX], all[512 + 2 * TEXT_NAME_MAX];

	keys_name(key, a->keys.sequence[0]);
	snprintf(more, sizeof(more),
		"  l  take the lead: the shell's size\r\n"
		"  %s  send it\r\n"
		"  any other key: both are typed\r\n",
		key);
	snprintf(all, sizeof(all), text, key, a->o->observer ? "  (this one only looks)\r\n" : more,
		a->name, attach_way_back(way, a));
	return attach_text(out, all);
}

/* What was not written yet goes first: none of it is lost. */
static int cover(struct attach *a)
{
	int r;

	a->help_due = false;
	a->help_on_top = term_filter_alternate(a->filter);
	a->helping = true;
	r = attach_text(&a->out, a->help_on_top ? HELP_ENTER_ON_TOP : HELP_ENTER);
	if (!r)
		r = attach_text(&a->out, HELP_SET);
	return r ? r : help_text(a, &a->out);
}

static int show_lossless(struct attach *a)
{
	int r;

	if (!term_filter_ground(a->filter)) {
		a->help_due = true;
		return 0;
	}
	if (!attach_writing(a))
		attach_write_anew(a, 0);
	r = cover(a);
	attach_write_out(a);
	return r;
}

int attach_show_due_help(struct attach *a)
{
	return a->help_due && term_filter_ground(a->filter) ? cover(a) : 0;
}

int attach_show_help(struct attach *a)
{
	struct term_buf help = { .data = NULL };
	int r;

	if (a->lossless)
		return show_lossless(a);
	r = attach_undo(a, &help);
	if (!r)
		r = attach_text(&help, HELP_ENTER);
	if (!r)
		r = help_text(a, &help);
	attach_hold(a);
	attach_write_anew(a, 0);
	term_buf_done(&a->out);
	a->out = help;
	a->helping = true;
	a->help_on_top = false;
	attach_write_out(a);
	return r;
}

/* ---- away with it ---- */

/* Raw output goes on where it was, and the daemon paints the screen when all of it was sent: for the
 * alternate screen, and for what HELP_SET has reset. */
static int uncover(struct attach *a)
{
	const struct cwsandbox_request *told = &a->o->request;

	if (!attach_writing(a))
		attach_write_anew(a, 0);
	if (a->attachment >= 0)
		cwsandbox_resize(a->c, a->attachment, told->cols, told->rows);
	return attach_text(&a->out, a->help_on_top ? HELP_LEAVE_ON_TOP : HELP_LEAVE);
}

void attach_leave_help(struct attach *a)
{
	int r;

	a->helping = false;
	if (a->lossless) {
		r = uncover(a);
	} else {
		attach_again(a, false);
		r = attach_text(&a->out, HELP_LEAVE);
	}
	if (r)
		attach_end_as(a, ENDING_LOST, "out of memory");
	attach_write_out(a);
}

/* The session's alternate screen is left by what undoes all. What was torn is ended. */
int attach_end_help(struct attach *a, struct term_buf *out)
{
	int r = 0;

	if (!a->helping || a->help_on_top)
		return 0;
	if (attach_writing(a))
		r = attach_text(out, "\030\033\\");
	return r ? r : attach_text(out, HELP_LEAVE);
}

/* ---- what comes meanwhile ---- */

/* Of an event that was kept; its bytes follow. */
struct kept {
	enum cwsandbox_event_kind kind;
	bool first, last;
	uint64_t offset;
	size_t n;
};

/* Output that goes on where the last one ended: one event. */
static bool keep_more(struct attach *a, const struct cwsandbox_event *e)
{
	struct kept k;

	if (e->kind != CWSANDBOX_EVENT_OUTPUT || a->kept_at == a->kept.n)
		return false; /* or there is none */
	memcpy(&k, a->kept.data + a->kept_last, sizeof(k));
	if (k.kind != e->kind || k.offset + k.n != e->offset)
		return false;
	k.n += e->n;
	memcpy(a->kept.data + a->kept_last, &k, sizeof(k));
	return true;
}

static int keep(struct attach *a, const struct cwsandbox_event *e)
{
	const struct kept k = { e->kind, e->first, e->last, e->offset, e->n };
	int r = 0;

	if (!keep_more(a, e)) {
		a->kept_last = a->kept.n;
		r = attach_append(&a->kept, &k, sizeof(k));
	}
	return r ? r : attach_append(&a->kept, e->data, e->n);
}

/* The end comes behind what was kept. */
static bool keep_lossless(struct attach *a, const struct cwsandbox_event *e)
{
	if (e->kind == CWSANDBOX_EVENT_OUTPUT || e->kind == CWSANDBOX_EVENT_REPAINT) {
		if (keep(a, e))
			attach_end_as(a, ENDING_LOST, "out of memory");
		return true;
	}
	if (e->kind != CWSANDBOX_EVENT_EXITED && e->kind != CWSANDBOX_EVENT_DETACHED)
		return false;
	attach_leave_help(a);
	a->late = *e;
	a->has_late = true;
	return true;
}

/* What would be under the help: the screen is painted anew when that goes. The end of the session
 * ends it. */
static bool pass_over(struct attach *a, const struct cwsandbox_event *e)
{
	if (e->kind == CWSANDBOX_EVENT_OUTPUT || e->kind == CWSANDBOX_EVENT_REPAINT) {
		cwsandbox_consumed(a->c, a->attachment, e->n);
	} else if (e->kind == CWSANDBOX_EVENT_EXITED) {
		a->attachment = -1;
		attach_leave_help(a); /* for its last screen; it is told again */
	} else {
		return false;
	}
	return true;
}

bool attach_keep(struct attach *a, const struct cwsandbox_event *e)
{
	return a->lossless ? keep_lossless(a, e) : pass_over(a, e);
}

void attach_forget_kept(struct attach *a)
{
	term_buf_done(&a->kept);
	a->kept_at = 0;
	a->has_late = a->help_due = false;
}

static bool next_kept(struct attach *a, struct cwsandbox_event *ret)
{
	struct kept k;

	if (a->kept_at == a->kept.n) {
		term_buf_done(&a->kept);
		a->kept_at = 0;
		return false;
	}
	memcpy(&k, a->kept.data + a->kept_at, sizeof(k));
	*ret = (struct cwsandbox_event){ .kind = k.kind,
		.attachment = a->attachment,
		.offset = k.offset,
		.data = a->kept.data + a->kept_at + sizeof(k),
		.n = k.n,
		.first = k.first,
		.last = k.last };
	a->kept_at += sizeof(k) + k.n;
	return true;
}

bool attach_next(struct attach *a, struct cwsandbox_event *ret)
{
	if (!a->helping && next_kept(a, ret))
		return true;
	if (a->has_late) {
		*ret = a->late;
		a->has_late = false;
		return true;
	}
	return cwsandbox_next(a->c, ret) == 0;
}
