#include "client/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct cwsandbox_client *find_lead(const struct cwsandbox_event *e)
{
	for (size_t i = 0; i < e->n_clients; i++)
		if (e->clients[i].role && strcmp(e->clients[i].role, "lead") == 0)
			return &e->clients[i];
	return NULL;
}

static void tell(struct notice *n, const char *name, const struct cwsandbox_client *lead)
{
	char who[64];

	text_encode(who, sizeof(who), lead->name ? lead->name : "",
		lead->name ? strlen(lead->name) : 0);
	snprintf(n->text, sizeof(n->text), "%s: %s (pid %" PRId64 ") leads, %" PRIu64 "x%" PRIu64,
		name, *who ? who : "another", lead->pid, lead->cols, lead->rows);
	n->due = n->shown = true;
	n->ask = false;
}

static void take_clients(struct notice *n, const char *name, const struct cwsandbox_event *e)
{
	const struct cwsandbox_client *lead = find_lead(e);
	int64_t before = n->lead;

	if (!lead)
		return;
	n->lead = lead->id;
	if (before && before != lead->id && !n->leads)
		tell(n, name, lead);
}

void notice_event(struct notice *n, const char *name, const struct cwsandbox_event *e)
{
	if (e->kind == CWSANDBOX_EVENT_RESIZED)
		n->leads = e->lead;
	else if (e->kind == CWSANDBOX_EVENT_CLIENTS && n->on)
		take_clients(n, name, e);
	if (n->leads && n->shown) {
		n->shown = n->due = false;
		n->ask = true;
	}
}

void notice_restore(struct notice *n, const char *title)
{
	if (n->shown)
		return; /* lost again meanwhile */
	text_encode(n->text, sizeof(n->text), title ? title : "", title ? strlen(title) : 0);
	n->due = true;
}
