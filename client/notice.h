/*
 * notice - that another terminal took the lead of the session, or alone may type, or that the daemon
 * is silent, told in the title of this one
 *
 * The title goes back to the session's own when this one leads again, or may type again, or the
 * daemon speaks again, or this one leaves. Nothing is told of who led when we came, nor of a lease
 * before a key was refused, nor of a daemon from which nothing is due.
 *
 * Pure: events and milliseconds of a clock in, a title out.
 */
#ifndef CLIENT_NOTICE_H
#define CLIENT_NOTICE_H

#include "client/cwsandbox.h"
#include "common/text.h"

#define NOTICE_TEXT_MAX (TEXT_NAME_MAX + 192)
#define NOTICE_ASK_MS 2000 /* a key may cause nothing: so long after it the daemon is asked, ... */
#define NOTICE_SILENCE_MS 5000 /* ... and so long after it a daemon that said nothing is silent */

struct notice {
	bool on;
	bool leads;   /* we do */
	bool shown;   /* the title is ours */
	int64_t lead; /* who did last, as in the list of clients; 0: not known */
	bool due;     /* `text` is to be the title */
	bool ask;     /* the session's title is to be asked for, and then to be the title again */
	bool refused; /* what is shown is that we may not type */
	int64_t typed_ms; /* a key went out then, and nothing was heard since; 0: none */
	bool asked;       /* since then */
	bool silent;      /* the daemon is: told, in the title if that is on */
	char holder[64];
	char text[NOTICE_TEXT_MAX];
};

/* RESIZED or CLIENTS of session `name`. */
void notice_event(struct notice *n, const char *name, const struct cwsandbox_event *e);
/* Our keys were refused; whether the bell is to say so: not of a session that has ended, whose last
 * output may still be on its way. */
bool notice_refused(struct notice *n, const char *name, const struct cwsandbox_error *why);
/* A key was sent; something came. */
void notice_typed(struct notice *n, int64_t now_ms);
void notice_heard(struct notice *n);
/* What is due now, told once; and when something will be, INT64_MAX: never. */
enum notice_step {
	NOTICE_NOTHING,
	NOTICE_ASK,  /* for any answer */
	NOTICE_TELL, /* that the daemon does not answer: the bell, and the title */
};
enum notice_step notice_silence(struct notice *n, const char *name, int64_t now_ms);
int64_t notice_due_ms(const struct notice *n);
/* The session's own title, as asked for; NULL: none. */
void notice_restore(struct notice *n, const char *title);

#endif
