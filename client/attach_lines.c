/* Coming back: the lines of the session that are newer than those on the terminal. */
#include "client/attach_private.h"

void attach_ask_lines(struct attach *a)
{
	const struct cwsandbox_request ask = {
		.method = CWSANDBOX_SESSION_CAPTURE, .name = a->name, .format = "text", .limit = 1
	};

	a->knows_lines = false;
	if (a->attachment >= 0)
		cwsandbox_start(a->c, &ask, &a->lines_id);
}

bool attach_take_lines(struct attach *a, const struct cwsandbox_event *e)
{
	const struct cwsandbox_answer *page = e->answer;

	if (!a->lines_id || e->id != a->lines_id)
		return false;
	a->lines_id = 0;
	a->knows_lines = !e->r;
	if (!e->r) /* the line with the cursor may still grow */
		a->from = page->screen + (page->alternate ? 0 : page->cursor_y);
	return a->again;
}

void attach_name_lines(struct attach *a)
{
	struct cwsandbox_request *q = &a->o->request;

	q->has_history = a->had_history || !a->knows_lines;
	q->history = a->knows_lines ? a->history : 0;
	q->from = a->knows_lines ? a->from : 0;
	a->knows_lines = a->again = false;
}
