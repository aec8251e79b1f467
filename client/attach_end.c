#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/attach_private.h"
#include "client/cli.h"

#define ANSWER_WAIT_MS 200 /* for answers of the terminal that are due when we leave */
#define LAST_WAIT_MS 1000  /* for the session's last screen, */
#define LAST_KEYS_MS                                                                               \
	200 /* of which a key ends the rest: what was typed before is no sign of haste */

/* ---- how it ends ---- */

void attach_end_as(struct attach *a, enum ending ending, const char *why)
{
	if (a->ending)
		return;
	a->ending = ending;
	if (why)
		text_encode(a->why, sizeof(a->why), why, strlen(why));
}

/* ---- the terminal ---- */

/* Our notice goes also where a terminal has no stack of titles. */
static int restore_title(struct attach *a, struct term_buf *undo)
{
	int r = 0;

	if (a->notice.shown)
		r = attach_text(undo, "\033]2;\033\\");
	if (!r && a->title_saved)
		r = attach_text(undo, "\033[23;0t");
	a->title_saved = false;
	return r;
}

/* Answers that are on their way must not reach the shell after us. Keys among them are the session's,
 * unless it is over. */
static void take_late_answers(struct attach *a)
{
	const int64_t now = cli_now_ms(), due = now + ANSWER_WAIT_MS;
	struct pollfd p = { .fd = a->tty.in, .events = POLLIN };

	while (a->tty.raw && a->probe.waiting && cli_now_ms() < due &&
		now - a->asked_ms < PROBE_GIVE_UP_MS &&
		poll(&p, 1, (int)(due - cli_now_ms())) > 0 && p.revents == POLLIN)
		if (attach_read_keys(a))
			return;
}

/* Blank lines at the end of the screen are left out. */
static int put_line(struct attach *a, const char *line, size_t *n_blank, struct term_buf *out)
{
	int r = 0;

	if (!*line) {
		++*n_blank;
		return 0;
	}
	for (; !r && *n_blank; --*n_blank)
		r = attach_text(out, "\r\n");
	if (!r)
		r = term_filter_feed(a->filter, (const uint8_t *)line, strlen(line), out);
	return r ? r : attach_text(out, "\r\n");
}

/* For word from the daemon; false: for no longer. */
static bool await_daemon(struct attach *a, int64_t begun)
{
	const int64_t waited = cli_now_ms() - begun;
	const bool heeds_keys = waited >= LAST_KEYS_MS;
	int64_t left = (heeds_keys ? LAST_WAIT_MS : LAST_KEYS_MS) - waited;
	const int due = cwsandbox_timeout_ms(a->c);
	struct pollfd p[] = {
		{ .fd = cwsandbox_fd(a->c), .events = cwsandbox_events(a->c) },
		{ .fd = heeds_keys ? a->tty.in : -1, .events = POLLIN },
	};

	if (left <= 0)
		return false;
	if (due >= 0 && due < left)
		left = due;
	return poll(p, ARRAY_SIZE(p), (int)left) >= 0 && !p[1].revents;
}

/* NULL: there is none in time, or a key came. It lives until the next. */
static const struct cwsandbox_answer *next_page(
	struct attach *a, const struct cwsandbox_request *q, int64_t begun)
{
	struct cwsandbox_event e;
	uint32_t id;

	if (cli_now_ms() - begun >= LAST_WAIT_MS || cwsandbox_start(a->c, q, &id))
		return NULL;
	do {
		if (cwsandbox_dispatch(a->c))
			return NULL;
		while (cwsandbox_next(a->c, &e) == 0)
			if (e.kind == CWSANDBOX_EVENT_ANSWER && e.id == id)
				return e.r ? NULL : e.answer;
	} while (await_daemon(a, begun));
	return NULL;
}

/* The session's own screen; nothing where its program left it on the alternate one, or the daemon
 * says no more: the terminal, still raw, waits so long for all of it. */
static int put_screen(struct attach *a, struct term_buf *out)
{
	struct cwsandbox_request q = {
		.method = CWSANDBOX_SESSION_CAPTURE, .name = a->name, .format = "ansi"
	};
	const int64_t begun = cli_now_ms();
	const struct cwsandbox_answer *page = next_page(a, &q, begun);
	size_t n_blank = 0;
	int r = 0;

	term_filter_reset(a->filter);
	while (page && !page->alternate) {
		for (size_t i = 0; !r && i < page->n_lines; i++)
			r = put_line(a, page->lines[i], &n_blank, out);
		if (r || !page->more || !page->n_lines)
			break;
		q.from = page->from + page->n_lines;
		page = next_page(a, &q, begun);
	}
	return r;
}

void attach_leave(struct attach *a)
{
	/* painted at a size of its own, it would show nothing of how the session ended */
	const bool is_view = a->ending == ENDING_EXITED && term_filter_alternate(a->filter);
	struct term_buf undo = { .data = NULL };
	size_t kept;

	take_late_answers(a);
	if (attach_end_help(a, &undo) || (a->begun && attach_undo(a, &undo)))
		undo.n = 0;
	kept = undo.n;
	if (is_view && put_screen(a, &undo))
		undo.n = kept;
	kept = undo.n;
	if (restore_title(a, &undo))
		undo.n = kept;
	tty_leave(&a->tty, undo.data, undo.n);
	term_buf_done(&undo);
}

/* ---- the words ---- */

static void say(const struct attach *a, const char *what, const char *more)
{
	bool dim = cli_colours(STDERR_FILENO);

	fprintf(stderr, "%s[%s: %s%s%s]%s\n", dim ? "\033[2m" : "", a->name, what,
		more && *more ? ": " : "", more ? more : "", dim ? "\033[0m" : "");
}

const char *attach_way_back(char buf[ATTACH_WAY_BACK_MAX], const struct attach *a)
{
	snprintf(buf, ATTACH_WAY_BACK_MAX, "cwsandbox attach %s%s%s", a->o->observer ? "-r " : "",
		error_before(a->name), a->name);
	return buf;
}

const char *attach_detached_words(
	char buf[ERRORS_TEXT_MAX / 2], const struct attach *a, const struct cwsandbox_event *e)
{
	char way[ATTACH_WAY_BACK_MAX];
	const char *why = NULL;

	if (e->reason && strcmp(e->reason, "stalled") == 0)
		why = "the session waited too long for this terminal";
	else if (e->reason && strcmp(e->reason, "dropped") == 0)
		why = "this terminal fell behind further than the session keeps output";
	if (!why)
		return e->message ? e->message : e->reason;
	snprintf(buf, ERRORS_TEXT_MAX / 2, "%s; come back with: %s", why, attach_way_back(way, a));
	return buf;
}

static void say_next(const struct attach *a, const char *what)
{
	if (a->begun && !a->o->official)
		fprintf(stderr, "cwsandbox: %s, 'cwsandbox new' starts another session\n", what);
}

/* Who never named a sandbox may not know that one is paid for. */
static void say_made(const struct attach *a)
{
	char id[256];

	if (!a->o->made)
		return;
	cli_show(id, sizeof(id), a->o->made);
	fprintf(stderr, "cwsandbox: its sandbox still runs; 'cwsandbox delete %s' ends it\n", id);
}

static int end_exited(const struct attach *a)
{
	char what[64];

	if (a->has_code && !a->o->official) {
		snprintf(what, sizeof(what), "ended, exit code %d", a->code);
		say(a, what, NULL);
		say_made(a);
	}
	if (a->has_code)
		return a->code;
	if (!a->o->official) {
		say(a, "ended without an exit code", a->why);
		say_next(a, "the session is over; 'cwsandbox ls' lists the sandboxes there are");
		return EXIT_LOST;
	}
	if (!*a->why || strcmp(a->why, "no_exit_code") == 0)
		return EXIT_LOST;
	return cli_error("%s", a->why);
}

int attach_conclude(const struct attach *a)
{
	char way[ATTACH_WAY_BACK_MAX], how[32 + ATTACH_WAY_BACK_MAX];

	/* Below what the session has left on the screen. */
	if (a->begun && a->ending != ENDING_SIGNAL && a->ending != ENDING_GONE &&
		!(a->ending == ENDING_EXITED && a->o->official && a->has_code))
		fputs("\n", stderr);
	switch (a->ending) {
	case ENDING_REFUSED:
		cli_error("%s", a->why);
		return a->o->official ? EXIT_ERROR : EXIT_LOST;
	case ENDING_EXITED:
		return end_exited(a);
	case ENDING_LEFT:
		snprintf(how, sizeof(how), "detached, come back with: %s", attach_way_back(way, a));
		say(a, how, NULL);
		return EXIT_OK;
	case ENDING_DETACHED:
		say(a, "detached", a->why);
		return EXIT_DETACHED;
	case ENDING_LOST:
		cli_error("session %s: %s", a->name, a->why);
		say_next(a,
			"sessions end with cwsandboxd; 'cwsandbox sessions' lists those there are");
		return a->o->official ? EXIT_ERROR : EXIT_LOST;
	case ENDING_SIGNAL:
		if (a->signal == SIGINT)
			return EXIT_INTERRUPTED;
		tty_die(a->signal);
	case ENDING_GONE:
		return 128 + SIGHUP;
	case ENDING_NONE:
		break;
	}
	return EXIT_LOST;
}
