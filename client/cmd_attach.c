/*
 * cmd_attach - attach, new, sh: sessions on a terminal
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "client/attach.h"
#include "client/commands.h"
#include "client/tty.h"
#include "common/text.h"

#define LIST_PAGE 200
/* What is on its way to this terminal drains in so long: with what its kernel holds, and a paint, a
 * terminal of 1 MB/s is at the prompt within 30 ms of Ctrl-C. */
#define DRAIN_MS 10

static int need_terminal(const char *what)
{
	unsigned cols, rows;

	if (!tty_is_terminal())
		return cli_error("%s needs a terminal (stdin and stdout must be one); for scripts "
				 "there are `cwsandbox exec` and `cwsandbox capture`",
			what);
	tty_size(STDOUT_FILENO, &cols, &rows);
	if (cols > TERM_COLS_MAX || rows > TERM_ROWS_MAX)
		return cli_error("this terminal has %ux%u; a session can have %ux%u at most: make "
				 "it smaller, as by `stty cols 200 rows 50`",
			cols, rows, TERM_COLS_MAX, TERM_ROWS_MAX);
	return 0;
}

/* ---- starting a session ---- */

/* 0 and the name of the new session. A sandbox made for it still goes with us: cli_keep(). With
 * ret_taken 0 also where there is one of that name, of which nothing is said. */
static int create_session(
	struct cli *cli, struct cwsandbox_request *q, char name[TEXT_NAME_MAX + 1], bool *ret_taken)
{
	const struct error_context x = {
		.operation = "TTY exec", .sandbox_id = q->sandbox_id, .session = q->name
	};
	struct cwsandbox_event e;
	char shown[256];
	int r;

	q->method = CWSANDBOX_SESSION_CREATE;
	tty_size(STDOUT_FILENO, &q->cols, &q->rows);
	q->cols = (unsigned)min_size(q->cols, TERM_COLS_MAX); /* with -d it is nobody's yet */
	q->rows = (unsigned)min_size(q->rows, TERM_ROWS_MAX);
	r = cli_try(cli, q, &e);
	if (r && ret_taken && strcmp(e.error->code, "name_taken") == 0) {
		*ret_taken = true;
		return 0;
	}
	if (r)
		return cli_refuse(e.error, &x);
	snprintf(name, TEXT_NAME_MAX + 1, "%s", e.answer->session->name);
	if (cli->created && isatty(STDERR_FILENO))
		fprintf(stderr, "cwsandbox: created sandbox %s\n",
			cli_show(shown, sizeof(shown), q->sandbox_id));
	return 0;
}

/* Asked before a sandbox is made for nothing. */
static int check_free(struct cli *cli, const char *name)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SESSION_GET, .name = name };
	struct cwsandbox_event e;

	if (!name || cli_try(cli, &get, &e))
		return 0;
	if (e.answer->session->ended_at)
		return cli_error(
			"There is a session '%s' that has ended; `cwsandbox kill %s%s` takes "
			"it off the list",
			name, error_before(name), name);
	return cli_error("There is a session '%s' already; `cwsandbox attach %s%s` joins it, or "
			 "choose another name",
		name, error_before(name), name);
}

/* Who cannot be told the name cannot come back: the session ends, and a sandbox made for it goes
 * with us. */
static int print_name(struct cli *cli, const char *name)
{
	const struct cwsandbox_request end = { .method = CWSANDBOX_SESSION_KILL, .name = name };
	char line[TEXT_NAME_MAX + 2];
	struct cwsandbox_event e;
	int r;

	snprintf(line, sizeof(line), "%s\n", name);
	r = cli_write(STDOUT_FILENO, line, strlen(line));
	if (r) {
		cli_try(cli, &end, &e);
		return cli_error(
			"cannot write the session's name, so the session is ended again: %s",
			strerror(-r));
	}
	cli_keep(cli);
	return EXIT_OK;
}

/* A sandbox for who named none. malloc'd. */
static int create_sandbox(struct cli *cli, char **ret)
{
	struct cwsandbox_event e;
	int r;

	r = sandbox_create(cli, NULL, NULL, &e);
	if (r)
		return r;
	*ret = strdup(e.answer->sandbox->sandbox_id);
	return *ret ? 0 : cli_error("out of memory");
}

/* The sandbox is looked at first, so that what is wrong with it is said while the terminal is as it
 * was; who names none gets one. `made` keeps its id. */
static int find_sandbox(
	struct cli *cli, const char *sandbox, struct cwsandbox_request *q, char **made)
{
	int r;

	r = sandbox ? cli_await_running(cli, sandbox) : create_sandbox(cli, made);
	q->sandbox_id = sandbox ? sandbox : *made;
	return r;
}

/* ---- attach ---- */

/* The user's choice among the sessions; an exit code if there is none. */
static int pick(struct cli *cli, char name[TEXT_NAME_MAX + 1])
{
	const struct cwsandbox_request list = { .method = CWSANDBOX_SESSION_LIST,
		.limit = LIST_PAGE };
	char line[32], command[128];
	struct cwsandbox_event e;
	unsigned long n;
	char *end;
	int r;

	r = cli_ask(cli, &list, NULL, &e);
	if (r)
		return EXIT_LOST;
	if (e.answer->n_sessions == 0) {
		cli_error("there is no session; `cwsandbox new` starts one");
		return EXIT_LOST;
	}
	for (size_t i = 0; i < e.answer->n_sessions; i++)
		fprintf(stderr, "%3zu  %-16s %-12s %s\n", i + 1, e.answer->sessions[i].name,
			e.answer->sessions[i].state,
			cli_show(command, sizeof(command), e.answer->sessions[i].command));
	fputs("attach which? ", stderr);
	if (!fgets(line, sizeof(line), stdin)) {
		fputc('\n', stderr); /* Ctrl-D */
		return EXIT_LOST;
	}
	n = strtoul(line, &end, 10);
	if (end == line || n == 0 || n > e.answer->n_sessions) {
		cli_error("that is none of the numbers");
		return EXIT_LOST;
	}
	snprintf(name, TEXT_NAME_MAX + 1, "%s", e.answer->sessions[n - 1].name);
	return 0;
}

static int check_name(const struct command *command, const char *name)
{
	char shown[256];

	if (!name || text_is_session_name(name, strlen(name)))
		return 0;
	return cli_usage(command, "Invalid session name '%s': use 1 to %d of A-Z a-z 0-9 . _ -",
		*name ? cli_show(shown, sizeof(shown), name) : "", TEXT_NAME_MAX);
}

static int check_attach(const struct parsed *p)
{
	bool observer = parsed_on(p, "--read-only"), lossless = parsed_on(p, "--lossless");
	const char *policy = parsed_text(p, "--policy");

	if (observer && (lossless || (policy && strcmp(policy, "block") == 0)))
		return cli_usage(p->command, "--read-only does not go with --lossless: an observer "
					     "never holds the session up.");
	if (observer && (parsed_on(p, "--take-over") || parsed_on(p, "--exclusive")))
		return cli_usage(
			p->command, "--read-only does not go with --take-over or --exclusive.");
	if (parsed_on(p, "--create") && p->n_args == 0)
		return cli_usage(p->command, "--create needs the NAME of the session.");
	if (parsed_on(p, "--pick") && p->n_args)
		return cli_usage(p->command, "--pick and NAME do not go together.");
	return check_name(p->command, p->args[0]);
}

/* One that has ended, and has told somebody so, counts as none. */
static void clear_ended(struct cli *cli, const char *name)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SESSION_GET, .name = name },
				       clear = { .method = CWSANDBOX_SESSION_KILL, .name = name };
	struct cwsandbox_event e;

	if (cli_try(cli, &get, &e) == 0 && e.answer->session->ended_at && e.answer->session->seen)
		cli_try(cli, &clear, &e);
}

/* Another client was faster: the sandbox made here goes again, at the latest with us. */
static void give_back(struct cli *cli, const char *sandbox)
{
	const struct cwsandbox_request drop = { .method = CWSANDBOX_SANDBOX_DELETE,
		.sandbox_id = sandbox };
	struct cwsandbox_event e;

	if (cli_try(cli, &drop, &e) == 0)
		cli_keep(cli);
}

static int attach_or_create(struct cli *cli, struct attach_options *o)
{
	struct cwsandbox_request q = { .name = o->request.name };
	_cleanup_(freep) char *made = NULL;
	char name[TEXT_NAME_MAX + 1];
	bool missing, taken = false;
	int r;

	clear_ended(cli, o->request.name);
	r = attach_run(cli, o, &missing);
	if (!missing)
		return r;
	tty_hold();
	if (find_sandbox(cli, NULL, &q, &made) || create_session(cli, &q, name, &taken)) {
		term_buf_done(&o->typed);
		return EXIT_LOST;
	}
	if (taken) {
		give_back(cli, made);
		return attach_run(cli, o, NULL);
	}
	cli_keep(cli);
	o->made = made;
	o->request.name = name;
	return attach_run(cli, o, NULL);
}

/* Without a terminal it cannot be; but a session that does not exist is the better thing to say. */
static int explain_terminal(struct cli *cli, const char *name, bool create)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SESSION_GET, .name = name };
	const struct error_context x = { .session = name };
	struct cwsandbox_event e;

	if (!tty_is_terminal() && name && !create && cli_ask(cli, &get, &x, &e))
		return EXIT_LOST;
	return need_terminal("attach");
}

/* Options that attach and new share; an exit code, or 0. */
static int attach_parse(struct attach_options *o, const struct parsed *p)
{
	const struct option_value *history = parsed_get(p, "--history");
	int r;

	o->request.method = CWSANDBOX_SESSION_ATTACH;
	o->request.exclusive = parsed_on(p, "--exclusive");
	o->request.has_history = history->set;
	o->request.history = cli_history(history);
	o->detach_keys = parsed_text(p, "--detach-keys");
	o->lead_notice = parsed_text(p, "--lead-notice");
	o->set_size = parsed_text(p, "--size");
	r = read_settings(p, &o->request);
	if (!o->request.has_drain)
		o->request.drain_ms = DRAIN_MS;
	return r ? r : check_size(p, "--size", o->set_size);
}

static int run_attach(struct cli *cli, const struct parsed *p)
{
	struct attach_options o = { .observer = parsed_on(p, "--read-only") };
	char name[TEXT_NAME_MAX + 1];
	int r;

	r = check_attach(p);
	if (!r)
		r = attach_parse(&o, p);
	if (r)
		return r;
	if (tty_is_terminal() && !parsed_on(p, "--pick"))
		tty_hold();
	if (cli_connect(cli, parsed_on(p, "--create") ? CLI_SERVICE : CLI_SESSIONS))
		return EXIT_LOST;
	r = explain_terminal(cli, p->args[0], parsed_on(p, "--create"));
	if (r)
		return r;
	o.request.name = p->args[0];
	o.request.take_over = parsed_on(p, "--take-over");
	if (parsed_on(p, "--pick")) {
		r = pick(cli, name);
		if (r)
			return r;
		tty_hold();
		o.request.name = name;
	}
	return parsed_on(p, "--create") ? attach_or_create(cli, &o) : attach_run(cli, &o, NULL);
}

/* clang-format off */
static const char *const choices_yes_no[] = { "yes", "no", NULL };
#define TERMINAL_OPTIONS \
	{ .name = "--policy", .kind = OPTION_CHOICE, .choices = choices_policy }, \
	{ .name = "--lossless", .kind = OPTION_FLAG }, \
	{ .name = "--window", .kind = OPTION_TEXT }, \
	{ .name = "--drain", .kind = OPTION_INT, .min = -INFINITY }, /* read_settings() */ \
	{ .name = "--block-timeout", .kind = OPTION_LIFE }, \
	{ .name = "--size", .kind = OPTION_TEXT }, \
	{ .name = "--history", .kind = OPTION_INT, .min = 0 }, \
	{ .name = "--exclusive", .kind = OPTION_FLAG }, \
	{ .name = "--lead-notice", .kind = OPTION_CHOICE, .choices = choices_yes_no }, \
	{ .name = "--detach-keys", .kind = OPTION_TEXT }
#define TERMINAL_HELP \
"  --exclusive               Nobody else may type while you are attached.\n" \
"  --policy [skip|block|drop]\n" \
"                            When this terminal is too slow: repaint it, make\n" \
"                            the session wait, or detach it.  [default: skip]\n" \
"  --lossless                The same as --policy block.\n" \
"  --window SIZE             Bytes on their way to this terminal at most: 4K to\n" \
"                            1M.  [default: 64K]\n" \
"  --drain MS                Of them no more than a slow one takes in so long, 0\n" \
"                            to 10000; 0: all.  [default: 10]\n" \
"  --block-timeout DURATION  How long the session waits for it.  [default: 60s]\n" \
"  --size SIZE               Whose size the shell has: lead, latest, smallest,\n" \
"                            largest, or COLSxROWS; observers do not count.\n" \
"  --history N               Lines of history to print first.\n" \
"  --lead-notice [yes|no]    Say in the title when another terminal takes the\n" \
"                            lead.  [default: yes]\n" \
"  --detach-keys KEYS        As ctrl-p,ctrl-q.  [default: ctrl-\\,d]\n" \
"  --help                    Show this message and exit.\n"

static const struct option attach_options[] = {
	{ .name = "--create", .short_name = "-A", .kind = OPTION_FLAG },
	{ .name = "--read-only", .short_name = "-r", .kind = OPTION_FLAG },
	{ .name = "--take-over", .short_name = "-x", .kind = OPTION_FLAG },
	{ .name = "--pick", .kind = OPTION_FLAG },
	TERMINAL_OPTIONS,
};
static const char *const attach_arguments[] = { "[NAME]", NULL };
const struct command command_attach = {
	.name = "attach", .synopsis = "[OPTIONS] [NAME]", .options = attach_options,
		.n_options = ARRAY_SIZE(attach_options),
	.arguments = attach_arguments, .run = run_attach,
	.help =
"  Attach this terminal to a session: the newest running one, or NAME.\n"
"\n"
"  Ctrl-\\ d detaches and leaves the session running; Ctrl-\\ ? shows the other\n"
"  keys. Any number of terminals may share a session.\n"
"\n"
"  Exit codes: the program's own when it ended, 0 after a detach, 254 when\n"
"  another client or a policy detached this one, 255 when the session could not\n"
"  be reached or ended without an exit code.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox attach\n"
"\n"
"      cwsandbox attach work\n"
"\n"
"      cwsandbox attach -r work\n"
"\n"
"Options:\n"
"  -A, --create              Create a sandbox and the session NAME if there is\n"
"                            no such session, or it ended and has said so.\n"
"  -r, --read-only           Only look.\n"
"  -x, --take-over           Lead, and detach the others.\n"
"  --pick                    Choose from a list.\n"
TERMINAL_HELP,
};
/* clang-format on */

/* ---- new ---- */

static int check_env(const struct parsed *p)
{
	const struct option_value *env = parsed_get(p, "--env");
	char shown[128];

	for (size_t i = 0; i < env->n; i++)
		if (!strchr(env->list[i], '=') || env->list[i][0] == '=')
			return cli_usage(p->command,
				"Invalid value for '--env' / '-e': '%s' is not of the form "
				"NAME=VALUE.",
				cli_show(shown, sizeof(shown), env->list[i]));
	return 0;
}

static int check_cwd(const struct parsed *p)
{
	const char *cwd = parsed_text(p, "--cwd");
	char shown[128];

	if (!cwd || cwd[0] == '/')
		return 0;
	return cli_usage(p->command,
		"Invalid value for '--cwd' / '-w': '%s' is not an absolute path.",
		*cwd ? cli_show(shown, sizeof(shown), cwd) : "");
}

/* What the line itself says wrong; an exit code, or 0. */
static int check_new(const struct parsed *p, struct attach_options *o)
{
	int r;

	r = check_env(p);
	if (!r)
		r = check_cwd(p);
	if (!r)
		r = check_name(p->command, parsed_text(p, "--session"));
	return r ? r : attach_parse(o, p);
}

static int run_new(struct cli *cli, const struct parsed *p)
{
	struct cwsandbox_request q = { .name = parsed_text(p, "--session"),
		.cwd = parsed_text(p, "--cwd"),
		.env = parsed_get(p, "--env")->list,
		.container = parsed_text(p, "--container"),
		.plain = parsed_on(p, "--plain"),
		.argv = p->rest };
	struct attach_options o = { .official = false };
	char name[TEXT_NAME_MAX + 1];
	_cleanup_(freep) char *made = NULL;
	bool detached = parsed_on(p, "--detached");
	int r;

	r = check_new(p, &o);
	if (!r && !detached && !p->args[0])
		r = need_terminal("new");
	if (r)
		return r;
	if (!detached && tty_is_terminal())
		tty_hold();
	if (cli_connect(cli, CLI_SERVICE) || check_free(cli, q.name) ||
		find_sandbox(cli, p->args[0], &q, &made))
		return EXIT_LOST;
	r = detached ? 0 : need_terminal("new");
	if (!r)
		r = create_session(cli, &q, name, NULL) ? EXIT_LOST : 0;
	if (r)
		return r;
	if (detached)
		return print_name(cli, name);
	cli_keep(cli);
	o.made = made;
	o.request.name = name;
	return attach_run(cli, &o, NULL);
}

/* clang-format off */
static const struct option new_options[] = {
	{ .name = "--session", .short_name = "-s", .kind = OPTION_TEXT },
	{ .name = "--detached", .short_name = "-d", .kind = OPTION_FLAG },
	{ .name = "--plain", .kind = OPTION_FLAG },
	{ .name = "--cwd", .short_name = "-w", .kind = OPTION_TEXT },
	{ .name = "--env", .short_name = "-e", .kind = OPTION_TEXT, .many = true },
	{ .name = "--container", .kind = OPTION_TEXT },
	TERMINAL_OPTIONS,
};
static const char *const new_arguments[] = { "[SANDBOX]", NULL };
const struct command command_new = {
	.name = "new", .synopsis = "[OPTIONS] [SANDBOX] [-- COMMAND...]", .options = new_options,
	.n_options = ARRAY_SIZE(new_options), .arguments = new_arguments, .takes_rest = true,
		.run = run_new,
	.help =
"  Start a session in SANDBOX and attach this terminal to it.\n"
"\n"
"  COMMAND is what the session runs, by default the image's login shell. Without\n"
"  SANDBOX one is created. Ctrl-\\ d detaches and leaves the session running.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox new\n"
"\n"
"      cwsandbox new -s work <sandbox-id>\n"
"\n"
"      cwsandbox new -d <sandbox-id> -- python train.py\n"
"\n"
"Options:\n"
"  -s, --session NAME        Name of the session.  [default: s1, s2, ...]\n"
"  -d, --detached            Do not attach; print the name.\n"
"  --plain                   A session that ends with its connection to the\n"
"                            service; in this version all are.\n"
"  -w, --cwd DIR             Working directory of the command.\n"
"  -e, --env NAME=VALUE      Environment variable (repeatable).\n"
"  --container TEXT          Container name. Omit to target the primary.\n"
TERMINAL_HELP,
};
/* clang-format on */

/* ---- sh ---- */

static int run_sh(struct cli *cli, const struct parsed *p)
{
	static const char *const shell[] = { "/bin/bash", NULL };
	_cleanup_(freep) const char **argv = NULL;
	struct cwsandbox_request q = { .container = parsed_text(p, "--container"), .argv = shell };
	struct attach_options o = { .official = true,
		.request = { .method = CWSANDBOX_SESSION_ATTACH, .drain_ms = DRAIN_MS } };
	char name[TEXT_NAME_MAX + 1];
	const char *why = NULL;
	int r;

	if (parsed_get(p, "--cmd")->set) {
		r = options_split(parsed_text(p, "--cmd"), &argv, &why);
		if (r)
			return why ? cli_usage(p->command, "Invalid value for '--cmd': %s", why)
				   : cli_error("out of memory");
		if (!argv[0])
			return cli_usage(
				p->command, "Invalid value for '--cmd': must not be empty.");
		q.argv = argv;
	}
	if (!tty_is_terminal())
		return cli_error(
			"Interactive shell requires a TTY (stdin and stdout must be a terminal).");
	r = need_terminal("sh");
	if (!r)
		r = cli_check_plane(p);
	if (r)
		return r;
	cli->sigint_code = EXIT_INTERRUPTED;
	tty_hold();
	if (cli_connect(cli, CLI_SERVICE) || cli_await_running(cli, p->args[0]))
		return EXIT_ERROR;
	q.sandbox_id = p->args[0];
	if (create_session(cli, &q, name, NULL))
		return EXIT_ERROR;
	o.request.name = name;
	return attach_run(cli, &o, NULL);
}

/* clang-format off */
static const struct option sh_options[] = {
	{ .name = "--cmd", .kind = OPTION_TEXT },
	{ .name = "--container", .kind = OPTION_TEXT },
	{ .name = "--data-plane-mode", .kind = OPTION_CHOICE, .choices = choices_plane },
};
static const char *const sh_arguments[] = { "SANDBOX_ID", NULL };
const struct command command_sh = {
	.name = "sh", .official = true, .synopsis = "[OPTIONS] SANDBOX_ID", .options = sh_options,
		.n_options = ARRAY_SIZE(sh_options),
	.arguments = sh_arguments, .run = run_sh,
	.help =
"  Open an interactive shell in a sandbox.\n"
"\n"
"  SANDBOX_ID is the ID of the sandbox to connect to.\n"
"\n"
"  The terminal runs in raw mode, so Ctrl+C is forwarded to the remote process\n"
"  instead of exiting locally. To exit, type 'exit' or press Ctrl+D. The shell is\n"
"  a session: Ctrl-\\ d detaches from it, it survives the terminal, and\n"
"  'cwsandbox attach' comes back to it.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox sh <sandbox-id>\n"
"\n"
"      cwsandbox sh <sandbox-id> --cmd /bin/zsh\n"
"\n"
"      cwsandbox sh <sandbox-id> --cmd \"python main.py\"\n"
"\n"
"Options:\n"
"  --cmd TEXT                      Command to run (default: /bin/bash). Accepts\n"
"                                  full command strings.\n"
"  --container TEXT                Container name. Omit to target the primary.\n"
"  --data-plane-mode [auto|gateway|direct]\n"
"                                  Data connection: auto uses the gateway; direct\n"
"                                  is not available.  [default: auto]\n"
"  --help                          Show this message and exit.\n",
};
/* clang-format on */
