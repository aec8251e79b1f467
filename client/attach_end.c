#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/attach_private.h"

static void say(const struct attach *a, const char *what, const char *more)
{
	bool dim = cli_colours(STDERR_FILENO);

	fprintf(stderr, "%s[%s: %s%s%s]%s\n", dim ? "\033[2m" : "", a->name, what,
		more && *more ? ": " : "", more ? more : "", dim ? "\033[0m" : "");
}

static int end_exited(const struct attach *a)
{
	char what[64];

	if (a->has_code && !a->o->official) {
		snprintf(what, sizeof(what), "ended, exit code %d", a->code);
		say(a, what, NULL);
	}
	if (a->has_code)
		return a->code;
	if (!a->o->official) {
		say(a, "ended without an exit code", a->why);
		return EXIT_LOST;
	}
	if (!*a->why || strcmp(a->why, "no_exit_code") == 0)
		return EXIT_LOST;
	return cli_error("%s", a->why);
}

int attach_conclude(const struct attach *a)
{
	char how[64 + TEXT_NAME_MAX];

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
		snprintf(
			how, sizeof(how), "detached, come back with: cwsandbox attach %s", a->name);
		say(a, how, NULL);
		return EXIT_OK;
	case ENDING_DETACHED:
		say(a, "detached", a->why);
		return EXIT_DETACHED;
	case ENDING_LOST:
		cli_error("session %s: %s", a->name, a->why);
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
