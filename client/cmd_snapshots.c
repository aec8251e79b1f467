/*
 * cmd_snapshots - the official commands for file-system snapshots
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client/commands.h"
#include "client/listing.h"

#define POLL_FIRST_MS 200
#define POLL_MAX_MS 2000
#define WAIT_MS (605 * 1000) /* what the official client gives a snapshot */

#define VOLUMES_SHOWN_MAX 1024 /* bytes: their names in an error */
#define UTC "+00:00"

static const char *const choices_status[] = { "creating", "ready", "failed", "deleting", NULL };

/* ---- how one is shown ---- */

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void put_json(struct json *j, const struct cwsandbox_snapshot *s)
{
	char created[LISTING_TIME_MAX], updated[LISTING_TIME_MAX], completed[LISTING_TIME_MAX];

	json_open(j, NULL, '{');
	json_str(j, "file_system_snapshot_id", s->snapshot_id);
	json_str(j, "status", s->state);
	json_str(j, "status_reason", or_empty(s->state_reason));
	json_int(j, "size_bytes", s->size_bytes);
	json_str(j, "source_sandbox_id", or_empty(s->source_sandbox_id));
	json_str(j, "trigger", or_empty(s->trigger));
	json_str(j, "request_id", or_empty(s->request_id));
	json_str(j, "object_bucket", or_empty(s->object_bucket));
	json_str(j, "source_volume_name", or_empty(s->source_volume));
	json_str(j, "created_at", listing_time(created, s->created_at, s->created_at_ns, UTC));
	json_str(j, "updated_at", listing_time(updated, s->updated_at, s->updated_at_ns, UTC));
	json_str(j, "completed_at",
		listing_time(completed, s->completed_at, s->completed_at_ns, UTC));
	json_close(j);
}

static void print_head(void)
{
	static const char dashes[] = "----------------------------------------";

	printf("%-40s %-10s %-40s %-10s %12s %s\n", "SNAPSHOT ID", "STATUS", "SOURCE SANDBOX",
		"TRIGGER", "SIZE", "CREATED AT");
	printf("%.40s %.10s %.40s %.10s %.12s %.24s\n", dashes, dashes, dashes, dashes, dashes,
		dashes);
}

static void print_row(const struct cwsandbox_snapshot *s)
{
	char id[256], state[64], source[256], trigger[64], created[32];

	printf("%-40s %-10s %-40s %-10s %12lld %s\n", cli_show(id, sizeof(id), s->snapshot_id),
		cli_show(state, sizeof(state), s->state),
		cli_show(source, sizeof(source), s->source_sandbox_id),
		cli_show(trigger, sizeof(trigger), s->trigger), (long long)s->size_bytes,
		cli_time(created, s->created_at));
}

/* ---- create ---- */

/* Until it is ready, or failed; at most as long as the official client. */
int snapshots_await(struct cli *cli, const char *id, const char *operation)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SNAPSHOT_GET,
		.snapshot_id = id };
	const struct error_context x = { .operation = operation, .snapshot_id = id };
	struct cli_progress progress;
	struct cwsandbox_event e;
	int pause = POLL_FIRST_MS, left = WAIT_MS, r;
	char shown[256];

	cli_progress_begin(&progress);
	for (;;) {
		r = cli_try(cli, &get, &e);
		if (r || strcmp(e.answer->snapshot->state, "creating") != 0 || left <= 0)
			break;
		cli_progress_tick(&progress, "Waiting for the snapshot");
		poll(NULL, 0, pause);
		left -= pause;
		pause = pause * 3 / 2 < POLL_MAX_MS ? pause * 3 / 2 : POLL_MAX_MS;
	}
	cli_progress_end(&progress);
	if (r)
		return cli_refuse(e.error, &x);
	if (strcmp(e.answer->snapshot->state, "ready") == 0)
		return 0;
	cli_show(shown, sizeof(shown), id);
	if (strcmp(e.answer->snapshot->state, "creating") == 0)
		return cli_error("Timed out waiting for snapshot %s to become ready", shown);
	return cli_error("Snapshot %s %s: %s", shown, e.answer->snapshot->state,
		*or_empty(e.answer->snapshot->state_reason) ? e.answer->snapshot->state_reason
							    : "unknown error");
}

static bool is_starting(const char *state)
{
	return strcmp(state, "pending") == 0 || strcmp(state, "creating") == 0 ||
	       strcmp(state, "preparing") == 0;
}

/* Where there are several, one has to be named; where none is known, the service says what it has. */
static int check_volume(const struct cwsandbox_sandbox *s, const char *volume)
{
	char shown[256], wanted[256], names[VOLUMES_SHOWN_MAX] = "";

	if (!s->n_scratch_volumes || (!volume && s->n_scratch_volumes == 1))
		return 0;
	for (size_t i = 0; i < s->n_scratch_volumes; i++) {
		size_t n = strlen(names);

		if (volume && strcmp(s->scratch_volumes[i], volume) == 0)
			return 0;
		snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "",
			cli_show(shown, sizeof(shown), s->scratch_volumes[i]));
	}
	cli_show(shown, sizeof(shown), s->sandbox_id);
	if (volume)
		return cli_error("Sandbox %s has no scratch volume %s; it has: %s", shown,
			cli_show(wanted, sizeof(wanted), volume), names);
	return cli_error("Sandbox %s has %zu scratch volumes: %s; choose one with --volume", shown,
		s->n_scratch_volumes, names);
}

/* A sandbox that is still starting is waited for; one that is over is told as such, and so is one whose volume
 * nobody can tell. */
static int await_running(struct cli *cli, const char *id, const char *volume, uint64_t limit_ms)
{
	const struct cwsandbox_request get = { .method = CWSANDBOX_SANDBOX_GET, .sandbox_id = id };
	const struct error_context x = { .operation = "Get sandbox", .sandbox_id = id };
	struct cwsandbox_event e;
	int pause = POLL_FIRST_MS, r;
	const char *state;
	char shown[256];

	for (;;) {
		r = cli_ask(cli, &get, &x, &e);
		if (r)
			return r;
		state = e.answer->sandbox->state;
		if (!is_starting(state) || !limit_ms)
			break;
		poll(NULL, 0, pause);
		limit_ms -= limit_ms < (uint64_t)pause ? limit_ms : (uint64_t)pause;
		pause = pause * 3 / 2 < POLL_MAX_MS ? pause * 3 / 2 : POLL_MAX_MS;
	}
	cli_show(shown, sizeof(shown), id);
	if (strcmp(state, "terminated") == 0)
		return cli_error("Sandbox %s was terminated", shown);
	if (strcmp(state, "completed") == 0 || strcmp(state, "failed") == 0 ||
		strcmp(state, "terminating") == 0)
		return cli_error("Sandbox %s has been stopped", shown);
	return check_volume(e.answer->sandbox, volume);
}

static int print_id(const struct parsed *p, const char *id)
{
	struct json j = { 0 };
	char shown[256], line[260];

	if (listing_wants_json(p)) {
		json_open(&j, NULL, '{');
		json_str(&j, "file_system_snapshot_id", id);
		json_close(&j);
		return listing_print(&j);
	}
	snprintf(line, sizeof(line), "%s\n", cli_show(shown, sizeof(shown), id));
	return cli_print(line, strlen(line));
}

static int run_create(struct cli *cli, const struct parsed *p)
{
	const struct option_value *wait = parsed_get(p, "--wait");
	const struct cwsandbox_request q = { .method = CWSANDBOX_SNAPSHOT_CREATE,
		.sandbox_id = p->args[0],
		.volume = parsed_text(p, "--volume"),
		.request_id = parsed_text(p, "--request-id") };
	const struct error_context x = { .operation = "Create file-system snapshot",
		.sandbox_id = p->args[0] };
	_cleanup_(freep) char *id = NULL;
	struct cwsandbox_event e;
	int r;

	if (cli_connect(cli, CLI_SERVICE))
		return EXIT_ERROR;
	r = await_running(cli, p->args[0], q.volume, cli_timeout_ms(p, CLI_TIMEOUT_S));
	r = r ? r : cli_ask(cli, &q, &x, &e);
	if (r)
		return r;
	id = strdup(e.answer->snapshot->snapshot_id);
	if (!id)
		return cli_error("out of memory");
	if (!wait->set || wait->on)
		r = snapshots_await(cli, id, x.operation);
	return r ? r : print_id(p, id);
}

/* ---- get, list, delete ---- */

static int run_get(struct cli *cli, const struct parsed *p)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_SNAPSHOT_GET,
		.snapshot_id = p->args[0],
		.timeout_ms = cli_timeout_ms(p, CLI_TIMEOUT_S) };
	const struct error_context x = { .operation = "Get file-system snapshot",
		.snapshot_id = p->args[0] };
	struct json j = { 0 };
	struct cwsandbox_event e;
	int r;

	if (cli_connect(cli, CLI_SERVICE))
		return EXIT_ERROR;
	r = cli_ask(cli, &q, &x, &e);
	if (r)
		return r;
	if (listing_wants_json(p)) {
		put_json(&j, e.answer->snapshot);
		return listing_print(&j);
	}
	print_head();
	print_row(e.answer->snapshot);
	return EXIT_OK;
}

/* As the official client: both filters are ours, whatever the service does with them. */
static bool is_wanted(const struct parsed *p, const struct cwsandbox_snapshot *s)
{
	const char *source = parsed_text(p, "--source-sandbox-id"),
		   *status = parsed_text(p, "--status");

	return (!source || strcmp(source, or_empty(s->source_sandbox_id)) == 0) &&
	       (!status || strcmp(status, s->state) == 0);
}

static void take_page(struct listing *l, const struct cwsandbox_answer *a)
{
	for (size_t i = 0; i < a->n_snapshots; i++) {
		if (!is_wanted(l->options, &a->snapshots[i]))
			continue;
		if (l->as_json)
			put_json(&l->json, &a->snapshots[i]);
		else if (l->n_rows == 0)
			print_head();
		if (!l->as_json)
			print_row(&a->snapshots[i]);
		l->n_rows++;
	}
}

static int run_list(struct cli *cli, const struct parsed *p)
{
	static const struct error_context x = { .operation = "List file-system snapshots" };
	struct cwsandbox_request q = { .method = CWSANDBOX_SNAPSHOT_LIST,
		.timeout_ms = cli_timeout_ms(p, CLI_TIMEOUT_S) };
	struct listing l = {
		.as_json = listing_wants_json(p), .take_page = take_page, .options = p
	};

	if (cli_connect(cli, CLI_SERVICE))
		return EXIT_ERROR;
	listing_begin(&l);
	return listing_end(&l, listing_pages(&l, cli, &q, &x), "No snapshots found.");
}

static int run_delete(struct cli *cli, const struct parsed *p)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_SNAPSHOT_DELETE,
		.snapshot_id = p->args[0],
		.timeout_ms = cli_timeout_ms(p, CLI_TIMEOUT_S) };
	const struct error_context x = { .operation = "Delete file-system snapshot",
		.snapshot_id = p->args[0] };

	return delete_one(cli, p, &q, &x, "snapshot ", "");
}

/* clang-format off */
#define TIMEOUT { .name = "--timeout", .short_name = "-t", .kind = OPTION_FLOAT, .min = 0, .min_open = true }
#define OUTPUT { .name = "--output", .short_name = "-o", .kind = OPTION_CHOICE, .choices = choices_output }

static const char *const one_sandbox[] = { "SANDBOX_ID", NULL },
	*const one_snapshot[] = { "FILE_SYSTEM_SNAPSHOT_ID", NULL };

static const struct option create_options[] = {
	{ .name = "--wait", .kind = OPTION_FLAG, .off = "--no-wait" },
	{ .name = "--request-id", .kind = OPTION_TEXT },
	{ .name = "--volume", .kind = OPTION_TEXT },
	TIMEOUT, OUTPUT,
};
const struct command command_snapshots_create = {
	.name = "snapshots create", .official = true, .synopsis = "[OPTIONS] SANDBOX_ID",
		.options = create_options,
	.n_options = ARRAY_SIZE(create_options), .arguments = one_sandbox, .run = run_create,
	.help = 
"  Create a file-system snapshot from a running sandbox.\n"
"\n"
"  SANDBOX_ID is the ID of the sandbox to snapshot.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox snapshots create <sandbox-id>\n"
"\n"
"      cwsandbox snapshots create <sandbox-id> --no-wait --output json\n"
"\n"
"Options:\n"
"  --wait / --no-wait         Wait for the snapshot to reach READY before\n"
"                             returning.\n"
"  --request-id TEXT          Client-supplied request ID to deduplicate snapshot\n"
"                             creation retries.\n"
"  --volume NAME              Scratch volume, where the sandbox has several.\n"
"  -t, --timeout FLOAT RANGE  Timeout in seconds for attaching to the sandbox.\n"
"                             [x>0]\n"
"  -o, --output [table|json]  Output format.\n"
"  --help                     Show this message and exit.\n",
};

static const struct option get_options[] = { TIMEOUT, OUTPUT };
const struct command command_snapshots_get = {
	.name = "snapshots get", .official = true,
		.synopsis = "[OPTIONS] FILE_SYSTEM_SNAPSHOT_ID", .options = get_options,
	.n_options = ARRAY_SIZE(get_options), .arguments = one_snapshot, .run = run_get,
	.help = 
"  Get a file-system snapshot by ID.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox snapshots get <snapshot-id>\n"
"\n"
"      cwsandbox snapshots get <snapshot-id> --output json\n"
"\n"
"Options:\n"
"  -t, --timeout FLOAT RANGE  Timeout in seconds.  [x>0]\n"
"  -o, --output [table|json]  Output format.\n"
"  --help                     Show this message and exit.\n",
};

static const struct option list_options[] = {
	{ .name = "--source-sandbox-id", .kind = OPTION_TEXT },
	{ .name = "--status", .short_name = "-s", .kind = OPTION_CHOICE,
		.choices = choices_status },
	TIMEOUT, OUTPUT,
};
const struct command command_snapshots_list = {
	.name = "snapshots list", .official = true, .synopsis = "[OPTIONS]",
		.options = list_options, .n_options = ARRAY_SIZE(list_options),
	.run = run_list,
	.help = 
"  List file-system snapshots.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox snapshots list\n"
"\n"
"      cwsandbox snapshots list --source-sandbox-id <sandbox-id> --status ready\n"
"\n"
"Options:\n"
"  --source-sandbox-id TEXT        Only show snapshots captured from this\n"
"                                  sandbox.\n"
"  -s, --status [creating|ready|failed|deleting]\n"
"                                  Filter by snapshot status.\n"
"  -t, --timeout FLOAT RANGE       Timeout in seconds.  [x>0]\n"
"  -o, --output [table|json]       Output format.\n"
"  --help                          Show this message and exit.\n",
};

static const struct option delete_options[] = {
	{ .name = "--missing-ok", .kind = OPTION_FLAG },
	TIMEOUT,
	{ .name = "--quiet", .short_name = "-q", .kind = OPTION_FLAG },
};
const struct command command_snapshots_delete = {
	.name = "snapshots delete", .official = true,
		.synopsis = "[OPTIONS] FILE_SYSTEM_SNAPSHOT_ID", .options = delete_options,
	.n_options = ARRAY_SIZE(delete_options), .arguments = one_snapshot, .run = run_delete,
	.help = 
"  Delete a file-system snapshot by ID.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox snapshots delete <snapshot-id>\n"
"\n"
"      cwsandbox snapshots delete <snapshot-id> --missing-ok\n"
"\n"
"Options:\n"
"  --missing-ok               Succeed if the snapshot is already missing.\n"
"  -t, --timeout FLOAT RANGE  Timeout in seconds.  [x>0]\n"
"  -q, --quiet                Suppress success output.\n"
"  --help                     Show this message and exit.\n",
};
/* clang-format on */
