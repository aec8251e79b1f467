/* From the daemon to the terminal: attaching, and what comes of it. */
#include "client/attach_private.h"

#include <stdio.h>
#include <string.h>

/* ---- the title ---- */

static void ask_title(struct attach *a)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SESSION_GET, .name = a->name };

	if (a->notice.ask)
		cwsandbox_start(a->c, &get, &a->title_id);
	a->notice.ask = false;
}

/* Who leads, perhaps. */
static int take_notice(struct attach *a, const struct cwsandbox_event *e)
{
	notice_event(&a->notice, a->name, e);
	ask_title(a);
	return attach_say_title(a, "");
}

/* A terminal that takes nothing has what the daemon said last before it. */
int attach_mind_silence(struct attach *a, bool heard)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SESSION_GET, .name = a->name };

	if (heard) {
		notice_heard(&a->notice);
		ask_title(a);
		return 0;
	}
	if (a->ending || attach_writing(a))
		return 0;
	switch (notice_silence(&a->notice, a->name, cli_now_ms())) {
	case NOTICE_ASK:
		cwsandbox_start(a->c, &get, NULL);
		return 0;
	case NOTICE_TELL:
		return attach_say_title(a, term_filter_ground(a->filter) ? "\a" : "");
	case NOTICE_NOTHING:
		return 0;
	}
	return 0;
}

static int take_title(struct attach *a, const struct cwsandbox_event *e)
{
	if (!a->title_id || e->id != a->title_id)
		return 0;
	a->title_id = 0;
	if (e->r || !e->answer->session)
		return 0;
	notice_restore(&a->notice, e->answer->session->title);
	return attach_say_title(a, "");
}

/* ---- attaching: at the beginning, and again after the help or a stop, when the screen is painted
 * anew ---- */

/* One that grows beyond what a session can have while it is attached is used as far as that goes. */
static void terminal_size(const struct attach *a, unsigned *ret_cols, unsigned *ret_rows)
{
	tty_size(a->tty.out, ret_cols, ret_rows);
	*ret_cols = (unsigned)min_size(*ret_cols, TERM_COLS_MAX);
	*ret_rows = (unsigned)min_size(*ret_rows, TERM_ROWS_MAX);
}

void attach_request(struct attach *a)
{
	struct cwsandbox_request *q = &a->o->request;

	a->renamed = false;
	terminal_size(a, &q->cols, &q->rows);
	term_filter_columns(a->filter, q->cols);
	if (cwsandbox_start(a->c, q, &a->attach_id))
		attach_end_as(
			a, a->begun ? ENDING_LOST : ENDING_REFUSED, cwsandbox_error(a->c)->message);
}

void attach_hold(struct attach *a)
{
	const struct cwsandbox_request set = { .method = CWSANDBOX_SESSION_SET,
		.attachment = a->attachment,
		.has_shown = true,
		.shown = a->shown };

	if (a->attachment >= 0 && !cwsandbox_server(a->c)->observer)
		cwsandbox_start(a->c, &set, NULL);
}

void attach_again(struct attach *a, bool below)
{
	struct cwsandbox_request *q = &a->o->request;

	attach_write_anew(a, 0);
	term_filter_reset(a->filter);
	if (a->attach_id)
		return; /* on its way already, with its paint */
	q->name = a->name;
	q->replaces = a->attachment >= 0 ? a->attachment : 0; /* so that the lead stays ours */
	q->take_over = false;
	q->has_shown = q->replaces != 0;
	q->shown = a->shown;
	q->below = below;
	a->attachment = -1;
	attach_forget_kept(a); /* the daemon counts it as missed, or paints it */
	attach_request(a);
}

/* ---- from the daemon ---- */

static void take_exit(struct attach *a, const struct cwsandbox_event *e)
{
	char text[ERRORS_TEXT_MAX];
	const struct error_context x = { .operation = "TTY exec" };

	a->has_code = e->has_exit_code;
	a->code = (int)(e->exit_code & 0xff);
	if (e->error && (a->o->official || !e->message))
		attach_end_as(a, ENDING_EXITED, error_text(text, e->error, &x));
	else
		attach_end_as(a, ENDING_EXITED, e->message ? e->message : e->reason);
}

/* The terminal is asked what it is, once, before anything is painted; nothing waits for it. The
 * user's title goes on its stack, and attach_leave() brings it back. */
static void greet_terminal(struct attach *a)
{
	int r = 0;

	attach_write_anew(a, 0);
	if (!a->begun) {
		a->asked_ms = cli_now_ms();
		r = attach_text(&a->out, probe_begin(&a->probe));
	}
	if (!r && a->probe.titles && !a->title_saved) {
		r = attach_text(&a->out, "\033[22;0t");
		a->title_saved = !r;
	}
	if (!r)
		attach_write_out(a);
}

void attach_resize(struct attach *a, bool changed)
{
	struct cwsandbox_request *told = &a->o->request;
	unsigned cols, rows;

	terminal_size(a, &cols, &rows);
	term_filter_columns(a->filter, cols);
	if (a->attachment < 0 || (!changed && cols == told->cols && rows == told->rows))
		return;
	told->cols = cols;
	told->rows = rows;
	cwsandbox_resize(a->c, a->attachment, cols, rows);
}

void attach_take_name(struct attach *a, const char *name)
{
	if (!name || !text_is_session_name(name, strlen(name)) || strcmp(name, a->name) == 0)
		return;
	snprintf(a->name, sizeof(a->name), "%s", name);
	a->renamed = true;
}

/* It asked for what was there then: the attachment that it replaces, or the name. */
static bool is_outdated(const struct attach *a, const char *code)
{
	return (!a->o->request.replaces && strcmp(code, "no_such_attachment") == 0) ||
	       (a->renamed && strcmp(code, "no_such_session") == 0);
}

void attach_take_answer(struct attach *a, const struct cwsandbox_event *e)
{
	const struct cwsandbox_request set = {
		.method = CWSANDBOX_SESSION_SET, .name = a->name, .size = a->o->set_size
	};
	const struct error_context x = { .session = a->o->request.name };
	char text[ERRORS_TEXT_MAX];

	if (!a->attach_id || e->id != a->attach_id)
		return;
	a->attach_id = 0;
	if (e->r && is_outdated(a, e->error->code)) {
		attach_request(a);
		return;
	}
	if (e->r) {
		a->is_missing = strcmp(e->error->code, "no_such_session") == 0;
		attach_end_as(
			a, a->begun ? ENDING_LOST : ENDING_REFUSED, error_text(text, e->error, &x));
		return;
	}
	if (!a->ending)
		greet_terminal(a);
	a->begun = true;
	a->attachment = e->answer->attachment;
	if (e->answer->policy)
		a->lossless = strcmp(e->answer->policy, "block") == 0;
	attach_resize(a, false); /* it may have changed meanwhile */
	a->notice.leads = e->answer->role && strcmp(e->answer->role, "lead") == 0;
	a->notice.lead = 0;
	attach_take_name(a, e->answer->name);
	if (set.size) /* told with the events; a policy the daemon refuses is no reason to leave */
		cwsandbox_start(a->c, &set, NULL);
	a->o->set_size = NULL;
}

/* Who alone may type has the size too. */
static int take_lead(struct attach *a, const struct cwsandbox_event *e)
{
	if (!a->lead_id || e->id != a->lead_id)
		return 0;
	a->lead_id = 0;
	if (!e->r || strcmp(e->error->code, "exclusive") != 0)
		return 0;
	return attach_say_title(a, notice_refused(&a->notice, a->name, e->error) ? "\a" : "");
}

/* Of the one whose place is asked for: how it ended comes before the answer, which refuses it then.
 * An end of the session is told again. */
static void take_old(struct attach *a, const struct cwsandbox_event *e)
{
	char why[ERRORS_TEXT_MAX / 2];

	if (!a->attach_id || e->attachment != a->o->request.replaces)
		return;
	if (e->kind == CWSANDBOX_EVENT_EXITED)
		a->o->request.replaces = 0;
	else if (e->kind == CWSANDBOX_EVENT_STATE)
		attach_take_name(a, e->name);
	else if (e->kind == CWSANDBOX_EVENT_DETACHED &&
		 (!e->reason || strcmp(e->reason, "requested") != 0))
		attach_end_as(a, ENDING_DETACHED, attach_detached_words(why, a, e));
}

int attach_take_event(struct attach *a, const struct cwsandbox_event *e)
{
	char why[ERRORS_TEXT_MAX / 2];
	int r;

	if (e->kind == CWSANDBOX_EVENT_ANSWER) {
		attach_take_answer(a, e);
		r = take_lead(a, e);
		return r ? r : take_title(a, e);
	}
	if (e->kind == CWSANDBOX_EVENT_SHUTDOWN)
		a->shutting_down = true;
	if (e->attachment != a->attachment) {
		take_old(a, e);
		return 0;
	}
	if (a->helping && attach_keep(a, e))
		return 0;
	switch (e->kind) {
	case CWSANDBOX_EVENT_OUTPUT:
	case CWSANDBOX_EVENT_REPAINT:
		return attach_show(a, e);
	case CWSANDBOX_EVENT_EXITED:
		take_exit(a, e);
		return 0;
	case CWSANDBOX_EVENT_DETACHED:
		attach_end_as(a, ENDING_DETACHED, attach_detached_words(why, a, e));
		return 0;
	case CWSANDBOX_EVENT_INPUT_REFUSED:
		return attach_say_title(
			a, notice_refused(&a->notice, a->name, e->error) ? "\a" : "");
	case CWSANDBOX_EVENT_RESIZED:
	case CWSANDBOX_EVENT_CLIENTS:
		return take_notice(a, e);
	case CWSANDBOX_EVENT_STATE:
		attach_take_name(a, e->name);
		return 0;
	case CWSANDBOX_EVENT_NONE:
	case CWSANDBOX_EVENT_CONNECTED:
	case CWSANDBOX_EVENT_ANSWER:
	case CWSANDBOX_EVENT_CREDIT:
	case CWSANDBOX_EVENT_SHUTDOWN:
		return 0;
	}
	return 0;
}
