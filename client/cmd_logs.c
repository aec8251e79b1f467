/*
 * cmd_logs - logs: what a sandbox's main process wrote
 */
#include <stdio.h>
#include <string.h>

#include "client/stream.h"

static int explain(const struct cwsandbox_error *e, const struct error_context *x)
{
	char text[ERRORS_TEXT_MAX], shown[ERRORS_TEXT_MAX / 2];

	if (strcmp(e->code, "stream") == 0) /* said inside the stream */
		return cli_error(
			"Log stream error: %s", cli_show(shown, sizeof(shown), e->message));
	return cli_error("%s", error_text(text, e, x));
}

/* Draining and finished sandboxes have logs too, but nothing to follow. */
static int check_state(struct cli *cli, const char *id, bool follow)
{
	static const char *const starting[] = { "pending", "creating", "preparing", NULL };
	const struct cwsandbox_request get = { .method = CWSANDBOX_SANDBOX_GET, .sandbox_id = id };
	const struct error_context x = { .operation = "Get sandbox", .sandbox_id = id };
	char shown[256], state_shown[64];
	struct cwsandbox_event e;
	const char *state;
	int r;

	r = cli_ask(cli, &get, &x, &e);
	if (r)
		return r;
	state = e.answer->sandbox->state;
	for (size_t i = 0; starting[i]; i++)
		if (strcmp(state, starting[i]) == 0)
			return cli_await_running(cli, id);
	if (follow && strcmp(state, "running") != 0 && strcmp(state, "paused") != 0)
		return cli_error("Sandbox %s is %s (follow=True requires a running sandbox)",
			cli_show(shown, sizeof(shown), id),
			cli_show(state_shown, sizeof(state_shown), state));
	return 0;
}

static int run_logs(struct cli *cli, const struct parsed *p)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_LOGS,
		.sandbox_id = p->args[0],
		.container = parsed_text(p, "--container"),
		.follow = parsed_on(p, "--follow"),
		.timestamps = parsed_on(p, "--timestamps"),
		.tail_lines = (uint64_t)parsed_get(p, "--tail")->integer,
		.since_at = parsed_get(p, "--since")->integer > 0
				    ? (uint64_t)parsed_get(p, "--since")->integer
				    : 0 };
	const struct error_context x = { .operation = "Stream logs", .sandbox_id = p->args[0] };
	struct stream s = { .cli = cli, .out = STDOUT_FILENO, .err = STDOUT_FILENO, .in = -1 };
	struct cwsandbox_event end;
	int r;

	r = cli_check_plane(p);
	if (r)
		return r;
	if (cli_connect(cli, CLI_SERVICE))
		return EXIT_ERROR;
	cli->sigint_code = EXIT_OK;
	r = check_state(cli, p->args[0], q.follow);
	if (r)
		return r;
	r = stream_begin(&s, &q, &end);
	if (!r)
		r = stream_run(&s, &end);
	if (r == STREAM_E_OUTPUT)
		return stream_output_failed(&s);
	return r || end.error ? explain(end.error, &x) : stream_end(&end, &x);
}

/* clang-format off */
static const struct option logs_options[] = {
	{ .name = "--follow", .short_name = "-f", .kind = OPTION_FLAG },
	{ .name = "--tail", .kind = OPTION_INT, .min = 0 },
	{ .name = "--since", .kind = OPTION_TIME },
	{ .name = "--timestamps", .short_name = "-t", .kind = OPTION_FLAG },
	{ .name = "--container", .kind = OPTION_TEXT },
	{ .name = "--data-plane-mode", .kind = OPTION_CHOICE, .choices = choices_plane },
};
static const char *const logs_arguments[] = { "SANDBOX_ID", NULL };
const struct command command_logs = {
	.name = "logs", .official = true, .synopsis = "[OPTIONS] SANDBOX_ID",
		.options = logs_options, .n_options = ARRAY_SIZE(logs_options),
	.arguments = logs_arguments, .run = run_logs,
	.help =
"  Stream logs from a sandbox's main process.\n"
"\n"
"  Streams stdout/stderr from the command used to create the sandbox (the\n"
"  command given to `cwsandbox create`). Output from exec commands is not\n"
"  included; use 'cwsandbox exec' for those.\n"
"\n"
"  Note: sandboxes created with the default keep-alive command do not produce\n"
"  any log output.\n"
"\n"
"  SANDBOX_ID is the ID of the sandbox to stream logs from.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox logs <sandbox-id> --tail 100 --timestamps\n"
"\n"
"      cwsandbox logs <sandbox-id> --follow\n"
"\n"
"      cwsandbox logs <sandbox-id> --since \"2026-09-10 09:00:00\"\n"
"\n"
"Options:\n"
"  -f, --follow                    Follow log output (like tail -f).\n"
"  --tail INTEGER RANGE            Number of recent lines to show; 0: all.\n"
"                                  [x>=0]\n"
"  --since [%Y-%m-%d|%Y-%m-%dT%H:%M:%S|%Y-%m-%d %H:%M:%S]\n"
"                                  Show logs since timestamp (e.g. 'YYYY-MM-DD'\n"
"                                  or 'YYYY-MM-DD HH:MM:SS').\n"
"  -t, --timestamps                Show timestamps.\n"
"  --container TEXT                Container name. Omit to target the primary.\n"
"  --data-plane-mode [auto|gateway|direct]\n"
"                                  Data connection: auto uses the gateway; direct\n"
"                                  is not available.  [default: auto]\n"
"  --help                          Show this message and exit.\n",
};
/* clang-format on */
