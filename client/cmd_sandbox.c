/*
 * cmd_sandbox - create, stop, delete
 */
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client/commands.h"
#include "common/text.h"

#define POLL_FIRST_MS 200
#define POLL_MAX_MS 2000
#define DEFAULT_IMAGE "python:3.11"
#define DEFAULT_LIFETIME_MS (INT64_C(24) * 3600 * 1000)
#define GRACE_DEFAULT_S 10.0

/* ---- create ---- */

static int check_words(const struct parsed *p, const char *option, char separator, const char *form)
{
	const struct option_value *v = parsed_get(p, option);
	char shown[128];

	for (size_t i = 0; i < v->n; i++)
		if (!strchr(v->list[i], separator) || v->list[i][0] == separator)
			return cli_usage(p->command,
				"Invalid value for '%s': '%s' is not of the form %s.", option,
				cli_show(shown, sizeof(shown), v->list[i]), form);
	return 0;
}

/* Each must be of a volume that is made. */
static int check_restores(const struct parsed *p)
{
	const struct option_value *restores = parsed_get(p, "--restore"),
				  *scratch = parsed_get(p, "--scratch");
	char shown[128];

	for (size_t i = 0; i < restores->n; i++) {
		size_t n = strcspn(restores->list[i], "=");
		bool known = false;

		for (size_t k = 0; k < scratch->n; k++)
			known |= strncmp(scratch->list[k], restores->list[i], n) == 0 &&
				 scratch->list[k][n] == ':';
		if (!known)
			return cli_usage(p->command,
				"Invalid value for '--restore': '%s' names no --scratch volume.",
				cli_show(shown, sizeof(shown), restores->list[i]));
	}
	return 0;
}

/* A daemon that is gone deletes nothing of what the service makes all the same. */
static void note_made(const struct cwsandbox_error *e)
{
	if (e && e->code && strcmp(e->code, "lost") == 0)
		fputs("cwsandbox: a sandbox may have been made: 'cwsandbox ls' lists those there "
		      "are\n",
			stderr);
}

int sandbox_create(struct cli *cli, const struct parsed *options, const char *const *argv,
	struct cwsandbox_event *ret)
{
	static const char *const keep_alive[] = { "sleep", "infinity", NULL };
	static const struct error_context x = { .operation = "Create sandbox" };
	struct cwsandbox_request q = { .method = CWSANDBOX_SANDBOX_CREATE,
		.image = DEFAULT_IMAGE,
		.argv = argv && *argv ? argv : keep_alive,
		.lifetime_s = DEFAULT_LIFETIME_MS / 1000,
		.wait = true,
		.hold = true };
	int r;

	if (options) {
		if (parsed_text(options, "--image"))
			q.image = parsed_text(options, "--image");
		if (parsed_get(options, "--lifetime")->set)
			q.lifetime_s = (uint64_t)parsed_get(options, "--lifetime")->integer / 1000;
		q.tags = parsed_get(options, "--tag")->list;
		q.env = parsed_get(options, "--env")->list;
		q.scratch = parsed_get(options, "--scratch")->list;
		q.restore = parsed_get(options, "--restore")->list;
	}
	r = cli_ask(cli, &q, &x, ret);
	if (!r)
		cli->created = ret->id;
	else
		note_made(ret->error);
	return r;
}

/* Who cannot be told the id cannot delete the sandbox: it goes with us. */
static int print_id(struct cli *cli, const char *sandbox_id)
{
	char id[256], line[260];
	int r;

	snprintf(line, sizeof(line), "%s\n", cli_show(id, sizeof(id), sandbox_id));
	r = cli_write(STDOUT_FILENO, line, strlen(line));
	if (r)
		return cli_error(
			"cannot write the sandbox's ID, so the sandbox is deleted again: %s",
			strerror(-r));
	cli_keep(cli);
	return EXIT_OK;
}

static int run_create(struct cli *cli, const struct parsed *p)
{
	struct cwsandbox_event e;
	int r;

	r = check_words(p, "--env", '=', "NAME=VALUE");
	if (!r)
		r = check_words(p, "--scratch", ':', "NAME:PATH");
	if (!r)
		r = check_words(p, "--restore", '=', "NAME=SNAPSHOT");
	if (!r)
		r = check_restores(p);
	if (r)
		return r;
	if (cli_connect(cli, CLI_SERVICE))
		return EXIT_ERROR;
	r = sandbox_create(cli, p, p->rest, &e);
	return r ? r : print_id(cli, e.answer->sandbox->sandbox_id);
}

/* clang-format off */
static const struct option create_options[] = {
	{ .name = "--image", .kind = OPTION_TEXT },
	{ .name = "--lifetime", .kind = OPTION_LIFE },
	{ .name = "--tag", .short_name = "-t", .kind = OPTION_TEXT, .many = true },
	{ .name = "--env", .short_name = "-e", .kind = OPTION_TEXT, .many = true },
	{ .name = "--scratch", .kind = OPTION_TEXT, .many = true },
	{ .name = "--restore", .kind = OPTION_TEXT, .many = true },
};
const struct command command_create = {
	.name = "create", .synopsis = "[OPTIONS] [-- COMMAND...]", .options = create_options,
	.n_options = ARRAY_SIZE(create_options), .takes_rest = true, .run = run_create,
	.help =
"  Create a sandbox, wait until it runs, and print its ID.\n"
"\n"
"  COMMAND is the sandbox's main process; its output is what `cwsandbox logs`\n"
"  shows. The default keeps the sandbox alive: sleep infinity. What ends before\n"
"  the ID is printed, by Ctrl-C, kill or a full disk, leaves no sandbox behind.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox create\n"
"\n"
"      cwsandbox create --image python:3.11 --lifetime 2h --tag test\n"
"\n"
"      cwsandbox create -- python3 -m http.server\n"
"\n"
"Options:\n"
"  --image REF               Container image.  [default: python:3.11]\n"
"  --lifetime DURATION       How long it may live, as 90s, 5m, 24h, 7d.\n"
"                            [default: 24h]\n"
"  -t, --tag TEXT            Tag (repeatable).\n"
"  -e, --env NAME=VALUE      Environment variable (repeatable).\n"
"  --scratch NAME:PATH       Scratch volume, mounted at PATH (repeatable).\n"
"  --restore NAME=SNAPSHOT   What the scratch volume NAME starts from: the ID of\n"
"                            a snapshot (repeatable).\n"
"  --help                    Show this message and exit.\n",
};
/* clang-format on */

/* ---- stop ---- */

bool sandbox_is_over(const char *state)
{
	return strcmp(state, "completed") == 0 || strcmp(state, "failed") == 0 ||
	       strcmp(state, "terminated") == 0;
}

/* Until the service calls it ended, however long that takes. */
static int await_end(struct cli *cli, const char *id)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SANDBOX_GET, .sandbox_id = id };
	const struct error_context x = { .operation = "Get sandbox", .sandbox_id = id };
	struct cli_progress progress;
	struct cwsandbox_event e;
	int pause = POLL_FIRST_MS, r;

	cli_progress_begin(&progress);
	for (;;) {
		r = cli_try(cli, &get, &e);
		if (r || sandbox_is_over(e.answer->sandbox->state))
			break;
		cli_progress_tick(&progress, "Waiting for the sandbox to end");
		poll(NULL, 0, pause);
		pause = pause * 3 / 2 < POLL_MAX_MS ? pause * 3 / 2 : POLL_MAX_MS;
	}
	cli_progress_end(&progress);
	if (r && error_is_missing(e.error))
		return 0; /* ended, and forgotten already */
	return r ? cli_refuse(e.error, &x) : 0;
}

/* What a stop was asked to do, and the first snapshot it made. */
struct stopping {
	const char *id, *request_id;
	double grace;
	bool missing_ok, snapshot, wait;
	char snapshot_id[256]; /* "": none */
};

static int refuse_snapshot(const struct cwsandbox_sandbox *s)
{
	if (sandbox_is_over(s->state))
		return cli_error("Cannot snapshot on stop: sandbox has already stopped.");
	if (strcmp(s->state, "terminating") == 0)
		return cli_error("Cannot snapshot on stop: sandbox is already terminating.");
	if (s->n_scratch_volumes == 0)
		return cli_error("Cannot snapshot on stop: sandbox has no known scratch volumes");
	return 0;
}

static void free_names(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

/* All, NULL-terminated: they live in an answer that the next request replaces. NULL: out of memory. */
static char **copy_names(const char *const *from, size_t n)
{
	char **names = calloc(n + 1, sizeof(*names));

	for (size_t i = 0; names && i < n; i++) {
		names[i] = strdup(from[i]);
		if (!names[i]) {
			free_names(names);
			return NULL;
		}
	}
	return names;
}

/* Every snapshot that the stop began. */
static int await_snapshots(struct cli *cli, const struct cwsandbox_answer *a, struct stopping *st)
{
	char **ids = copy_names(a->snapshot_ids, a->n_snapshot_ids);
	int r = 0;

	if (!ids)
		return cli_error("out of memory");
	if (ids[0])
		snprintf(st->snapshot_id, sizeof(st->snapshot_id), "%s", ids[0]);
	for (size_t i = 0; !r && st->wait && ids[i]; i++)
		r = snapshots_await(cli, ids[i], "Stop sandbox");
	free_names(ids);
	return r;
}

static int send_stop(struct cli *cli, const struct cwsandbox_sandbox *s, struct stopping *st)
{
	char **volumes = st->snapshot ? copy_names(s->scratch_volumes, s->n_scratch_volumes) : NULL;
	const struct cwsandbox_request q = { .method = CWSANDBOX_SANDBOX_DELETE,
		.sandbox_id = st->id,
		.has_grace = true,
		.grace_s = (uint64_t)ceil(st->grace),
		.allow_missing = st->missing_ok,
		.snapshot_volumes = (const char *const *)volumes,
		.request_id = st->request_id };
	const struct error_context x = { .operation = "Stop sandbox", .sandbox_id = st->id };
	struct cwsandbox_event e;
	int r;

	if (st->snapshot && !volumes)
		return cli_error("out of memory");
	r = cli_ask(cli, &q, &x, &e);
	free_names(volumes);
	return r || !st->snapshot ? r : await_snapshots(cli, e.answer, st);
}

static int stop(struct cli *cli, struct stopping *st)
{
	const char *id = st->id;
	bool missing_ok = st->missing_ok;
	const struct cwsandbox_request get = { .method = CWSANDBOX_SANDBOX_GET, .sandbox_id = id };
	const struct error_context x = { .operation = "Get sandbox", .sandbox_id = id };
	struct cwsandbox_event e;
	bool over, draining;
	int r;

	r = cli_try(cli, &get, &e);
	if (r && missing_ok && error_is_missing(e.error))
		return -ENOENT;
	if (r)
		return cli_refuse(e.error, &x);
	over = sandbox_is_over(e.answer->sandbox->state);
	draining = strcmp(e.answer->sandbox->state, "terminating") == 0;
	if (st->snapshot)
		r = refuse_snapshot(e.answer->sandbox);
	if (!r && !over && !draining)
		r = send_stop(cli, e.answer->sandbox, st);
	return r || over ? r : await_end(cli, id);
}

static int check_stop(const struct parsed *p)
{
	const struct option_value *wait = parsed_get(p, "--wait-for-snapshot");

	if (!parsed_on(p, "--snapshot-on-stop") && wait->set && !wait->on)
		return cli_usage(p->command, "--no-wait-for-snapshot requires --snapshot-on-stop.");
	if (!parsed_on(p, "--snapshot-on-stop") && parsed_get(p, "--request-id")->set)
		return cli_usage(p->command, "--request-id requires --snapshot-on-stop.");
	return 0;
}

static int run_stop(struct cli *cli, const struct parsed *p)
{
	const struct option_value *grace = parsed_get(p, "--graceful-shutdown-seconds");
	const struct option_value *wait = parsed_get(p, "--wait-for-snapshot");
	struct stopping st = { .id = p->args[0],
		.request_id = parsed_text(p, "--request-id"),
		.grace = grace->set ? grace->number : GRACE_DEFAULT_S,
		.missing_ok = parsed_on(p, "--missing-ok"),
		.snapshot = parsed_on(p, "--snapshot-on-stop"),
		.wait = !wait->set || wait->on };
	char id[256], snapshot[256], line[640];
	int r;

	r = check_stop(p);
	if (r)
		return r;
	if (cli_connect(cli, CLI_SERVICE))
		return EXIT_ERROR;
	r = stop(cli, &st);
	if (r && r != -ENOENT)
		return r;
	if (parsed_on(p, "--quiet"))
		return EXIT_OK;
	cli_show(id, sizeof(id), p->args[0]);
	if (r == -ENOENT)
		snprintf(line, sizeof(line), "Sandbox %s is already missing.\n", id);
	else if (*st.snapshot_id)
		snprintf(line, sizeof(line), "Stopped sandbox %s. Snapshot %s.\n", id,
			cli_show(snapshot, sizeof(snapshot), st.snapshot_id));
	else
		snprintf(line, sizeof(line), "Stopped sandbox %s.\n", id);
	return cli_print(line, strlen(line));
}

/* clang-format off */
static const struct option stop_options[] = {
	{ .name = "--missing-ok", .kind = OPTION_FLAG },
	{ .name = "--snapshot-on-stop", .kind = OPTION_FLAG },
	{ .name = "--wait-for-snapshot", .kind = OPTION_FLAG, .off = "--no-wait-for-snapshot" },
	{ .name = "--request-id", .kind = OPTION_TEXT },
	{ .name = "--graceful-shutdown-seconds", .kind = OPTION_FLOAT, .min = 0 },
	{ .name = "--quiet", .short_name = "-q", .kind = OPTION_FLAG },
};
static const char *const one_sandbox[] = { "SANDBOX_ID", NULL };
const struct command command_stop = {
	.name = "stop", .official = true, .synopsis = "[OPTIONS] SANDBOX_ID",
		.options = stop_options, .n_options = ARRAY_SIZE(stop_options),
	.arguments = one_sandbox, .run = run_stop,
	.help =
"  Stop a sandbox.\n"
"\n"
"  SANDBOX_ID is the ID of the sandbox to stop.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox stop <sandbox-id>\n"
"\n"
"      cwsandbox stop <sandbox-id> --snapshot-on-stop\n"
"\n"
"      cwsandbox stop <sandbox-id> --graceful-shutdown-seconds 30\n"
"\n"
"Options:\n"
"  --missing-ok                    Do not fail if the sandbox is already\n"
"                                  missing.\n"
"  --snapshot-on-stop              Capture a file-system snapshot before\n"
"                                  stopping.\n"
"  --wait-for-snapshot / --no-wait-for-snapshot\n"
"                                  Wait for a snapshot-on-stop snapshot to reach\n"
"                                  ready or failed.\n"
"  --request-id TEXT               Client-supplied request ID for\n"
"                                  snapshot-on-stop.\n"
"  --graceful-shutdown-seconds FLOAT RANGE\n"
"                                  Seconds to wait for graceful shutdown.\n"
"                                  [default: 10.0; x>=0]\n"
"  -q, --quiet                     Suppress success output.\n"
"  --help                          Show this message and exit.\n",
};
/* clang-format on */

/* ---- delete ---- */

int delete_one(struct cli *cli, const struct parsed *p, const struct cwsandbox_request *q,
	const struct error_context *x, const char *kind, const char *said)
{
	struct cwsandbox_event e;
	char id[256], line[320];
	int r;

	if (cli_connect(cli, CLI_SERVICE))
		return EXIT_ERROR;
	r = cli_try(cli, q, &e);
	if (r && !(parsed_on(p, "--missing-ok") && error_is_missing(e.error)))
		return cli_refuse(e.error, x);
	if (parsed_on(p, "--quiet"))
		return EXIT_OK;
	cli_show(id, sizeof(id), p->args[0]);
	if (r)
		cli_tell("there was no %s%s", kind, id);
	snprintf(line, sizeof(line), "Deleted %s%s.\n", said, id);
	return cli_print(line, strlen(line));
}

static int run_delete(struct cli *cli, const struct parsed *p)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_SANDBOX_DELETE,
		.sandbox_id = p->args[0],
		.timeout_ms = cli_timeout_ms(p, CLI_TIMEOUT_S) };
	const struct error_context x = { .operation = "Delete sandbox", .sandbox_id = p->args[0] };

	return delete_one(cli, p, &q, &x, "sandbox ", "sandbox ");
}

/* clang-format off */
static const struct option delete_options[] = {
	{ .name = "--missing-ok", .kind = OPTION_FLAG },
	{ .name = "--timeout", .short_name = "-t", .kind = OPTION_FLOAT, .min = 0,
		.min_open = true },
	{ .name = "--quiet", .short_name = "-q", .kind = OPTION_FLAG },
};
const struct command command_delete = {
	.name = "delete", .official = true, .synopsis = "[OPTIONS] SANDBOX_ID",
		.options = delete_options,
	.n_options = ARRAY_SIZE(delete_options), .arguments = one_sandbox, .run = run_delete,
	.help =
"  Delete a sandbox.\n"
"\n"
"  SANDBOX_ID is the ID of the sandbox to delete.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox delete <sandbox-id>\n"
"\n"
"      cwsandbox delete <sandbox-id> --missing-ok\n"
"\n"
"Options:\n"
"  --missing-ok               Do not fail if the sandbox is already missing.\n"
"  -t, --timeout FLOAT RANGE  Timeout in seconds.  [x>0]\n"
"  -q, --quiet                Suppress success output.\n"
"  --help                     Show this message and exit.\n",
};
/* clang-format on */
