/*
 * cmd_exec - exec: a command in a sandbox, its bytes as they are, its exit code
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/stream.h"
#include "common/text.h"

/* As a shell says it, and the service. */
#define CODE_NOT_RUN 126
#define CODE_NOT_FOUND 127

/* Nothing ran yet, and it may be because the sandbox is not (or no longer) running: the only cases
 * worth another question. */
static bool may_be_starting(const struct cwsandbox_error *e)
{
	static const char *const statuses[] = { "FAILED_PRECONDITION", "UNAVAILABLE" };

	if (!e || error_is_missing(e))
		return false;
	if (strcmp(e->code, "sandbox_gone") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (strcmp(e->code, "service") == 0 && e->status &&
			strcmp(e->status, statuses[i]) == 0)
			return true;
	return false;
}

/* What the service would say of the sandbox decides between waiting and the error we have: its
 * words are kept. */
static int await_sandbox(struct cli *cli, const char *id, bool *ret_waited)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SANDBOX_GET, .sandbox_id = id };
	struct cwsandbox_event e;
	const char *state;

	*ret_waited = false;
	if (cli_try(cli, &get, &e))
		return 0;
	state = e.answer->sandbox->state;
	if (strcmp(state, "running") == 0 || strcmp(state, "paused") == 0)
		return 0;
	*ret_waited = true;
	return cli_await_running(cli, id);
}

struct exec {
	struct cli *cli;
	struct cwsandbox_request q;
	struct error_context x;
	bool with_stdin;
};

static int outcome(const struct exec *e, const struct cwsandbox_event *end)
{
	if (end->has_exit_code && !end->error)
		return (int)(end->exit_code & 0xff);
	if (!end->error && end->reason && strcmp(end->reason, "no_exit_code") == 0)
		return cli_error(
			"Command %s ended without an exit status from the service", e->x.command);
	if (!end->error && !end->reason)
		return cli_error(
			"Command %s ended without an exit status from the service", e->x.command);
	return stream_end(end, &e->x);
}

/* One attempt; *ret_error, in `text`, where nothing ran and the sandbox may only be starting. */
static int attempt(struct exec *e, char text[ERRORS_TEXT_MAX], bool *ret_starting)
{
	struct stream s = { .cli = e->cli,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
		.in = e->with_stdin ? STDIN_FILENO : -1,
		.says_waiting = true };
	struct cwsandbox_event end;
	int r;

	*ret_starting = false;
	text[0] = 0;
	r = stream_begin(&s, &e->q, &end);
	if (!r)
		r = stream_run(&s, &end);
	if (r == STREAM_E_OUTPUT)
		return stream_output_failed(&s);
	if (r == STREAM_E_INPUT)
		return cli_error("cannot read the standard input: %s", strerror(s.read_errno));
	if (r || end.error) {
		*ret_starting = !s.has_output && may_be_starting(end.error);
		error_text(text, end.error, &e->x);
		return EXIT_ERROR;
	}
	return outcome(e, &end);
}

/* No program is called like an option: one that was not found was meant as ours. */
static void hint_option(const struct exec *e, int code)
{
	char shown[128];

	if (e->q.argv[0][0] == '-' && (code == CODE_NOT_FOUND || code == CODE_NOT_RUN))
		fprintf(stderr,
			"cwsandbox: %s was taken for the command: options go before SANDBOX_ID\n",
			cli_show(shown, sizeof(shown), e->q.argv[0]));
}

static int run(struct exec *e)
{
	char text[ERRORS_TEXT_MAX];
	bool starting, waited = true;
	int r;

	for (;;) {
		r = attempt(e, text, &starting);
		if (starting) {
			int w = await_sandbox(e->cli, e->q.sandbox_id, &waited);

			if (w)
				return w;
			if (waited)
				continue;
		}
		return r == EXIT_ERROR && text[0] ? cli_error("%s", text) : r;
	}
}

static int run_exec(struct cli *cli, const struct parsed *p)
{
	struct exec e = { .cli = cli, .with_stdin = parsed_on(p, "--stdin") };
	_cleanup_(freep) char *command = text_shell_quote(p->args + 1, p->n_args - 1);
	const char *cwd = parsed_text(p, "--cwd");
	int r;

	r = cli_check_plane(p);
	if (r)
		return r;
	if (cwd && cwd[0] != '/')
		return cli_error("cwd must be an absolute path, got: '%s'",
			*cwd ? cli_show((char[256]){ 0 }, 256, cwd) : "");
	if (cli_connect(cli, CLI_SERVICE))
		return EXIT_ERROR;
	cli->sigint_code = EXIT_INTERRUPTED;
	e.q = (struct cwsandbox_request){ .method = CWSANDBOX_EXEC,
		.sandbox_id = p->args[0],
		.argv = p->args + 1,
		.cwd = parsed_text(p, "--cwd"),
		.container = parsed_text(p, "--container"),
		.with_stdin = e.with_stdin,
		.timeout_ms = cli_timeout_ms(p, CLI_TIMEOUT_MAX_S) };
	e.x = (struct error_context){ .operation = "Execute command",
		.sandbox_id = p->args[0],
		.command = command ? command : "",
		.timeout_s = cli_timeout_s(p) };
	r = run(&e);
	hint_option(&e, r);
	return r;
}

/* clang-format off */
static const struct option exec_options[] = {
	{ .name = "--cwd", .short_name = "-w", .kind = OPTION_TEXT },
	{ .name = "--timeout", .short_name = "-t", .kind = OPTION_FLOAT, .min = 0,
		.min_open = true },
	{ .name = "--container", .kind = OPTION_TEXT },
	{ .name = "--data-plane-mode", .kind = OPTION_CHOICE, .choices = choices_plane },
	{ .name = "--stdin", .short_name = "-i", .kind = OPTION_FLAG, .early = true },
};
static const char *const exec_arguments[] = { "SANDBOX_ID", "COMMAND...", NULL };
const struct command command_exec = {
	.name = "exec", .official = true, .synopsis = "[OPTIONS] SANDBOX_ID COMMAND...",
		.options = exec_options,
	.n_options = ARRAY_SIZE(exec_options), .arguments = exec_arguments,
		.passes_unknown = true, .run = run_exec,
	.help =
"  Execute a command in a sandbox.\n"
"\n"
"  SANDBOX_ID is the ID of the sandbox to run the command in.\n"
"\n"
"  Output is passed on byte for byte, and the exit code is the command's; 0 where\n"
"  the reader of the output leaves early, as head does. Known options are taken\n"
"  wherever they stand before `--`; what follows it is the command's alone.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox exec <sandbox-id> echo hello\n"
"\n"
"      cwsandbox exec <sandbox-id> python -c \"print('hello')\"\n"
"\n"
"      cwsandbox exec <sandbox-id> --cwd /app python script.py\n"
"\n"
"      cwsandbox exec -i <sandbox-id> tar xf - < files.tar\n"
"\n"
"Options:\n"
"  -w, --cwd TEXT                  Working directory for the command.\n"
"  -t, --timeout FLOAT RANGE       Timeout in seconds.  [x>0]\n"
"  --container TEXT                Container name. Omit to target the primary.\n"
"  --data-plane-mode [auto|gateway|direct]\n"
"                                  Data connection: auto uses the gateway; direct\n"
"                                  is not available.  [default: auto]\n"
"  -i, --stdin                     Forward standard input, then close it. Only\n"
"                                  before SANDBOX_ID.\n"
"  --help                          Show this message and exit.\n",
};
/* clang-format on */
