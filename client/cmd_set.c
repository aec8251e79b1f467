/*
 * cmd_set - resize, set: what a session's attachments begin with, and whose size its shell has
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "client/commands.h"
#include "common/text.h"

#define WINDOW_MIN 4096u /* bytes: the daemon's bounds */
#define WINDOW_MAX (1024u * 1024u)
#define SIDE_MAX 1000u /* columns and rows: the screen model's */
#define DRAIN_MAX_MS 10000
#define SMALL_COLS 20u /* in fewer of them no prompt can be read */
#define SMALL_ROWS 4u

const char *const choices_policy[] = { "skip", "block", "drop", NULL };

int check_size(const struct parsed *p, const char *where, const char *size)
{
	static const char *const words[] = { "lead", "latest", "smallest", "largest" };
	unsigned cols, rows;
	char end;

	if (!size)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(size, words[i]) == 0)
			return 0;
	if (sscanf(size, "%4ux%4u%c", &cols, &rows, &end) == 2 && cols && cols <= SIDE_MAX &&
		rows && rows <= SIDE_MAX)
		return 0;
	return cli_usage(p->command,
		"Invalid value for '%s': use lead, latest, smallest, largest or COLSxROWS, 1x1 to "
		"%ux%u.",
		where, SIDE_MAX, SIDE_MAX);
}

int read_settings(const struct parsed *p, struct cwsandbox_request *q)
{
	const struct option_value *block = parsed_get(p, "--block-timeout");
	const struct option_value *drain = parsed_get(p, "--drain");
	const char *window = parsed_text(p, "--window");
	bool lossless = parsed_on(p, "--lossless");

	q->policy = parsed_text(p, "--policy");
	if (lossless && q->policy && strcmp(q->policy, "block") != 0)
		return cli_usage(
			p->command, "--lossless is --policy block and goes with no other one.");
	if (lossless)
		q->policy = "block";
	q->block_timeout_ms = block->set ? (uint64_t)block->integer : 0;
	q->has_drain = drain->set;
	q->drain_ms = (uint64_t)drain->integer;
	if (drain->set && (drain->integer < 0 || drain->integer > DRAIN_MAX_MS))
		return cli_usage(p->command,
			"Invalid value for '--drain': use milliseconds, 0 to %d.", DRAIN_MAX_MS);
	if (!window)
		return 0;
	if (text_parse_size(window, &q->window) || q->window < WINDOW_MIN || q->window > WINDOW_MAX)
		return cli_usage(
			p->command, "Invalid value for '--window': use a size from 4K to 1M.");
	return 0;
}

/* Nobody is kept from it, but told the way back, which can't be read in the session any more. */
static void warn_small(const char *name, const char *size)
{
	unsigned cols, rows;
	char shown[256];

	if (!size || sscanf(size, "%ux%u", &cols, &rows) != 2 ||
		(cols >= SMALL_COLS && rows >= SMALL_ROWS))
		return;
	cli_show(shown, sizeof(shown), name);
	fprintf(stderr,
		"cwsandbox: the shell of %s has %ux%u now, on every terminal; 'cwsandbox resize "
		"%s%s "
		"lead' gives it the lead's size again\n",
		shown, cols, rows, error_before(name), shown);
}

static int set_session(struct cli *cli, const struct cwsandbox_request *q)
{
	const struct error_context x = { .session = q->name };
	struct cwsandbox_event e;

	if (cli_connect(cli, CLI_SESSIONS) || cli_ask(cli, q, &x, &e))
		return EXIT_ERROR;
	warn_small(q->name, q->size);
	return EXIT_OK;
}

static int run_resize(struct cli *cli, const struct parsed *p)
{
	const struct cwsandbox_request q = {
		.method = CWSANDBOX_SESSION_SET, .name = p->args[0], .size = p->args[1]
	};
	int r = check_size(p, "SIZE", q.size);

	return r ? r : set_session(cli, &q);
}

static int run_set(struct cli *cli, const struct parsed *p)
{
	struct cwsandbox_request q = { .method = CWSANDBOX_SESSION_SET,
		.name = p->args[0],
		.size = parsed_text(p, "--size") };
	int r;

	r = read_settings(p, &q);
	if (!r)
		r = check_size(p, "--size", q.size);
	if (r)
		return r;
	if (!q.size && !q.policy && !q.window && !q.has_drain && !q.block_timeout_ms)
		return cli_usage(p->command, "Nothing to set: give an option.");
	return set_session(cli, &q);
}

/* clang-format off */
static const char *const resize_arguments[] = { "NAME", "SIZE", NULL };
const struct command command_resize = {
	.name = "resize", .synopsis = "[OPTIONS] NAME SIZE", .arguments = resize_arguments,
		.run = run_resize,
	.help =
"  Say whose size the shell of session NAME has: SIZE is lead, latest, smallest,\n"
"  largest, or COLSxROWS. Terminals of another size are painted at their own;\n"
"  observers do not count.\n"
"\n"
"Options:\n"
"  --help  Show this message and exit.\n",
};

static const struct option set_options[] = {
	{ .name = "--policy", .kind = OPTION_CHOICE, .choices = choices_policy },
	{ .name = "--lossless", .kind = OPTION_FLAG },
	{ .name = "--window", .kind = OPTION_TEXT },
	{ .name = "--drain", .kind = OPTION_INT, .min = -INFINITY }, /* read_settings() */
	{ .name = "--block-timeout", .kind = OPTION_LIFE },
	{ .name = "--size", .kind = OPTION_TEXT },
};
static const char *const set_arguments[] = { "NAME", NULL };
const struct command command_set = {
	.name = "set", .synopsis = "[OPTIONS] NAME", .options = set_options,
		.n_options = ARRAY_SIZE(set_options), .arguments = set_arguments, .run = run_set,
	.help =
"  Set what later attachments of session NAME begin with, where they do not say\n"
"  it themselves. Those there are stay as they are.\n"
"\n"
"Options:\n"
"  --policy [skip|block|drop]\n"
"                            When one is too slow: repaint it, make the session\n"
"                            wait, or detach it.\n"
"  --lossless                The same as --policy block.\n"
"  --window SIZE             Bytes on their way to one at most: 4K to 1M.\n"
"  --drain MS                Of them no more than a slow one takes in so long, 0\n"
"                            to 10000; 0: all. Terminals name their own, see\n"
"                            attach.  [default: 0]\n"
"  --block-timeout DURATION  How long the session waits for one, as 60s or 5m.\n"
"  --size SIZE               Whose size the shell has: lead, latest, smallest,\n"
"                            largest, or COLSxROWS.\n"
"  --help                    Show this message and exit.\n",
};
/* clang-format on */
