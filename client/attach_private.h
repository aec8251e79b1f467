/*
 * attach_private - struct attach, shared by attach.c (the loop), attach_events.c, attach_keys.c,
 * attach_write.c, attach_help.c and attach_end.c
 */
#ifndef CLIENT_ATTACH_PRIVATE_H
#define CLIENT_ATTACH_PRIVATE_H

#include "client/attach.h"
#include "client/notice.h"
#include "client/pace.h"
#include "client/probe.h"
#include "client/tty.h"
#include "common/term/term.h"
#include "common/text.h"

#define READ_MAX ((size_t)4096)
#define ATTACH_WAY_BACK_MAX ((size_t)32 + TEXT_NAME_MAX)

/* How it ended. */
enum ending {
	ENDING_NONE,
	ENDING_REFUSED,  /* it never began: why */
	ENDING_EXITED,   /* code, reason, message */
	ENDING_LEFT,     /* by the detach keys */
	ENDING_DETACHED, /* by others, or a policy: message */
	ENDING_LOST,     /* the daemon */
	ENDING_SIGNAL,
	ENDING_GONE, /* the terminal */
};

struct attach {
	struct cli *cli;
	struct cwsandbox *c;
	struct attach_options *o;
	struct tty tty;
	struct notice notice;

	/* the attachment */
	char name[TEXT_NAME_MAX + 1];
	bool renamed;       /* since it was last asked to be attached */
	int64_t attachment; /* -1 while it is being made */
	bool begun;         /* it stood once */
	bool is_missing;    /* it never did: there is no such session */
	/* requests on their way; 0: none */
	uint32_t attach_id; /* that makes it */
	uint32_t lead_id;   /* for the lead */
	uint32_t title_id;  /* for the session's title */

	/* what is written: of the event at hand */
	struct term_filter *filter;
	struct pace pace;
	struct term_buf out;
	size_t out_at, event_n, event_done;
	uint64_t event_end; /* of the session: it shows that up to there */
	bool event_is_raw;  /* it is output; else a paint */
	uint64_t shown;     /* what was written to the terminal of the session ends there */
	bool title_saved;   /* on the terminal's stack of titles */

	/* The help is on the screen until a key. What comes meanwhile is passed over, but where the
	 * policy is `block`: there it is kept, and shown afterwards. */
	bool lossless; /* the policy is `block` */
	bool helping;
	bool help_due;        /* shown as soon as no sequence is open at the terminal */
	bool help_on_top;     /* over the session's alternate screen */
	struct term_buf kept; /* output and paints; what is not acknowledged, so a window at most */
	size_t kept_at;       /* so far they were shown again */
	size_t kept_last;     /* the last one */
	bool has_late;        /* `late` is shown behind them */
	struct cwsandbox_event late;

	/* keys on their way to the daemon */
	struct keys keys;
	struct probe probe;
	int64_t asked_ms, read_ms; /* the terminal was asked; it was last read */
	struct term_buf typed;
	size_t typed_at;

	/* how it ends */
	enum ending ending;
	int signal;
	bool has_code;
	int code;
	char why[ERRORS_TEXT_MAX / 2];
	bool shutting_down;
};

/* ---- attach_events.c: from the daemon ---- */
void attach_request(struct attach *a);
/* After the help or a stop, when the screen is painted anew. below: others have written to the
 * terminal since the last of the session was. */
void attach_again(struct attach *a, bool below);
/* The terminal is left as it is, and shows no more before attach_again(): the daemon counts from
 * there. */
void attach_hold(struct attach *a);
/* To the size that the terminal has now. changed: the kernel said so; where it is the old one again, it was another
 * meanwhile, and the picture is cut. */
void attach_resize(struct attach *a, bool changed);
/* The session's name now: it may be renamed while we are attached. */
void attach_take_name(struct attach *a, const char *name);
/* The answer to the request that attaches. */
void attach_take_answer(struct attach *a, const struct cwsandbox_event *e);
/* -ENOMEM. */
int attach_take_event(struct attach *a, const struct cwsandbox_event *e);
/* A daemon that says nothing is asked, and told of: -ENOMEM. */
int attach_mind_silence(struct attach *a, bool heard);

/* ---- attach_keys.c: from the keyboard ---- */
/* There is room for more. */
bool attach_reads_keys(const struct attach *a);
/* When what may be a key or the beginning of more is taken for a key; INT64_MAX where there is none. */
int64_t attach_keys_due_ms(const struct attach *a);
/* There is something to read: what is no answer of the terminal is typed, unless we end. -ENOMEM. */
int attach_read_keys(struct attach *a);
/* came: there is something to read. -ENOMEM. */
int attach_keys_turn(struct attach *a, bool came);
/* As far as there is credit. */
void attach_send_keys(struct attach *a);

/* ---- attach_write.c: the terminal is written ---- */
/* -ENOMEM, with nothing appended. */
int attach_append(struct term_buf *b, const void *data, size_t n);
int attach_text(struct term_buf *b, const char *text);
/* There is more than the terminal has taken. */
bool attach_writing(const struct attach *a);
/* What is put into `out` from here on is written for so many bytes of an event. */
void attach_write_anew(struct attach *a, size_t event_n);
/* What it takes now; a terminal that has gone ends us. */
void attach_write_out(struct attach *a);
/* -ENOMEM. */
int attach_show(struct attach *a, const struct cwsandbox_event *e);
/* The bell, if it is due, and the title: now, or with what comes next. -ENOMEM. */
int attach_say_title(struct attach *a, const char *bell);
/* What takes back all that the session has set on the terminal. -ENOMEM. */
int attach_undo(struct attach *a, struct term_buf *undo);

/* ---- attach_help.c ---- */
/* -ENOMEM. */
int attach_show_help(struct attach *a);
/* If it waits for a sequence to end. -ENOMEM. */
int attach_show_due_help(struct attach *a);
/* What the session has shown is there again, or is asked for. */
void attach_leave_help(struct attach *a);
/* The same for good: nothing more of the session is shown. -ENOMEM. */
int attach_end_help(struct attach *a, struct term_buf *out);
/* The help is on the screen: it kept, passed over, or noted the event. */
bool attach_keep(struct attach *a, const struct cwsandbox_event *e);
void attach_forget_kept(struct attach *a);
/* The next event to be taken, once the help has gone one that was kept. */
bool attach_next(struct attach *a, struct cwsandbox_event *ret);

/* ---- attach_end.c ---- */
/* How it ends, unless that is known already. */
void attach_end_as(struct attach *a, enum ending ending, const char *why);
/* The command that comes back to the session, as it was attached. */
const char *attach_way_back(char buf[ATTACH_WAY_BACK_MAX], const struct attach *a);
/* Why the daemon detached us, and the way back if there is one; perhaps in buf. The daemon's own
 * words for a policy are for programs, which come back with `since`. */
const char *attach_detached_words(
	char buf[ERRORS_TEXT_MAX / 2], const struct attach *a, const struct cwsandbox_event *e);
/* The terminal is the user's again, as it was. */
void attach_leave(struct attach *a);
/* Says how it ended, below what the session has left on the screen; the exit code. */
int attach_conclude(const struct attach *a);

#endif
