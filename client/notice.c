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

static const struct cwsandbox_client *find_holder(const struct cwsandbox_event *e)
{
	for (size_t i = 0; i < e->n_clients; i++)
		if (e->clients[i].exclusive)
			return &e->clients[i];
	return NULL;
}

static const char *who_is(char who[64], const struct cwsandbox_client *c)
{
	char name[40];

	text_encode(name, sizeof(name), c->name ? c->name : "", c->name ? strlen(c->name) : 0);
	snprintf(who, 64, "%s (pid %" PRId64 ")", *name ? name : "another", c->pid);
	return who;
}

static void put_back(struct notice *n)
{
	n->shown = n->due = n->refused = false;
	n->ask = true;
}

static void tell(struct notice *n, const char *name, const struct cwsandbox_client *lead)
{
	char who[64];

	snprintf(n->text, sizeof(n->text), "%s: %s leads, %" PRIu64 "x%" PRIu64, name,
		who_is(who, lead), lead->cols, lead->rows);
	n->due = n->shown = true;
	n->ask = n->refused = false;
}

static void tell_refused(struct notice *n, const char *name)
{
	snprintf(n->text, sizeof(n->text), "%s: %s alone may type", name,
		*n->holder ? n->holder : "another terminal");
	n->due = n->shown = n->refused = true;
	n->ask = false;
}

bool notice_refused(struct notice *n, const char *name, const struct cwsandbox_error *why)
{
	if (n->on && !n->refused && strcmp(why->code, "exclusive") == 0)
		tell_refused(n, name);
	return strcmp(why->code, "ended") != 0;
}

static void take_holder(struct notice *n, const char *name, const struct cwsandbox_client *holder)
{
	bool known = *n->holder;

	n->holder[0] = '\0';
	if (holder)
		who_is(n->holder, holder);
	if (n->refused && !holder)
		put_back(n);
	else if (n->refused && !known)
		tell_refused(n, name); /* the key came before the word */
}

static void take_clients(struct notice *n, const char *name, const struct cwsandbox_event *e)
{
	const struct cwsandbox_client *lead = find_lead(e);
	int64_t before = n->lead;

	take_holder(n, name, find_holder(e));
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
	if (n->leads && n->shown && !n->refused)
		put_back(n);
}

void notice_restore(struct notice *n, const char *title)
{
	if (n->shown)
		return; /* lost again meanwhile */
	text_encode(n->text, sizeof(n->text), title ? title : "", title ? strlen(title) : 0);
	n->due = true;
}

/* ---- silence ---- */

void notice_typed(struct notice *n, int64_t now_ms)
{
	if (n->typed_ms)
		return;
	n->typed_ms = now_ms;
	n->asked = false;
}

void notice_heard(struct notice *n)
{
	n->typed_ms = 0;
	if (n->silent && n->shown)
		put_back(n);
	n->silent = false;
}

int64_t notice_due_ms(const struct notice *n)
{
	if (!n->typed_ms || n->silent)
		return INT64_MAX;
	return n->typed_ms + (n->asked ? NOTICE_SILENCE_MS : NOTICE_ASK_MS);
}

enum notice_step notice_silence(struct notice *n, const char *name, int64_t now_ms)
{
	if (now_ms < notice_due_ms(n))
		return NOTICE_NOTHING;
	if (!n->asked) {
		n->asked = true;
		return NOTICE_ASK;
	}
	n->silent = true;
	if (n->on) {
		snprintf(n->text, sizeof(n->text), "%s: cwsandboxd has not answered for %d s", name,
			NOTICE_SILENCE_MS / 1000);
		n->due = n->shown = true;
		n->ask = n->refused = false;
	}
	return NOTICE_TELL;
}
