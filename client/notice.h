/*
 * notice - that another terminal took the lead of the session, or alone may type, told in the title
 * of this one
 *
 * The title goes back to the session's own when this one leads again, or may type again, or leaves.
 * Nothing is told of who led when we came, nor of a lease before a key was refused.
 *
 * Pure: events in, a title out.
 */
#ifndef CLIENT_NOTICE_H
#define CLIENT_NOTICE_H

#include "client/cwsandbox.h"
#include "common/text.h"

#define NOTICE_TEXT_MAX (TEXT_NAME_MAX + 192)

struct notice {
	bool on;
	bool leads;   /* we do */
	bool shown;   /* the title is ours */
	int64_t lead; /* who did last, as in the list of clients; 0: not known */
	bool due;     /* `text` is to be the title */
	bool ask;     /* the session's title is to be asked for, and then to be the title again */
	bool refused; /* what is shown is that we may not type */
	char holder[64];
	char text[NOTICE_TEXT_MAX];
};

/* RESIZED or CLIENTS of session `name`. */
void notice_event(struct notice *n, const char *name, const struct cwsandbox_event *e);
/* Our keys were refused; whether the bell is to say so: not of a session that has ended, whose last
 * output may still be on its way. */
bool notice_refused(struct notice *n, const char *name, const struct cwsandbox_error *why);
/* The session's own title, as asked for; NULL: none. */
void notice_restore(struct notice *n, const char *title);

#endif
