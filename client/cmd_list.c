/*
 * cmd_list - ls, get: what the service says of its sandboxes
 */
#include <stdio.h>
#include <string.h>

#include "client/listing.h"

static const char *const choices_status[] = { "running", "creating", "preparing", "pending",
	"paused", "terminating", "completed", "failed", "terminated", NULL };

/* Who runs it, and since when, is told only once that is settled. */
static bool is_placed(const struct cwsandbox_sandbox *s)
{
	static const char *const states[] = { "running", "paused", "terminating", "completed",
		"failed", "terminated" };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (strcmp(s->state, states[i]) == 0)
			return true;
	return false;
}

static bool is_final(const char *state)
{
	return strcmp(state, "completed") == 0 || strcmp(state, "failed") == 0 ||
	       strcmp(state, "terminated") == 0;
}

static const char *or_null(const struct cwsandbox_sandbox *s, const char *value)
{
	return is_placed(s) && value && *value ? value : NULL;
}

static void put_sandbox(struct json *j, const struct cwsandbox_sandbox *s)
{
	char started[LISTING_TIME_MAX];

	json_str(j, "sandbox_id", s->sandbox_id);
	json_str(j, "status", s->state);
	json_str(j, "runner_id", or_null(s, s->runner_id));
	json_str(j, "runner_group_id", or_null(s, s->runner_group_id));
	json_str(j, "started_at",
		is_placed(s) ? listing_time(started, s->started_at, s->started_at_ns, "") : NULL);
}

/* ---- ls ---- */

static void print_row(const struct cwsandbox_sandbox *s)
{
	char id[256], state[64], runner[256], started[32];

	printf("%-40s %-14s %-20s %s\n", cli_show(id, sizeof(id), s->sandbox_id),
		cli_show(state, sizeof(state), s->state),
		cli_show(runner, sizeof(runner), or_null(s, s->runner_id)),
		cli_time(started, is_placed(s) ? s->started_at : 0));
}

static void print_head(void)
{
	static const char dashes[] = "----------------------------------------";

	printf("%-40s %-14s %-20s %s\n", "SANDBOX ID", "STATUS", "RUNNER", "STARTED AT");
	printf("%.40s %.14s %.20s %.24s\n", dashes, dashes, dashes, dashes);
}

static void take_page(struct listing *l, const struct cwsandbox_answer *a)
{
	for (size_t i = 0; i < a->n_sandboxes; i++, l->n_rows++) {
		if (l->as_json) {
			json_open(&l->json, NULL, '{');
			put_sandbox(&l->json, &a->sandboxes[i]);
			json_close(&l->json);
			continue;
		}
		if (l->n_rows == 0)
			print_head();
		print_row(&a->sandboxes[i]);
	}
}

static int run_ls(struct cli *cli, const struct parsed *p)
{
	static const struct error_context x = { .operation = "List sandboxes" };
	struct cwsandbox_request q = { .method = CWSANDBOX_SANDBOX_LIST,
		.state = parsed_text(p, "--status"),
		.tags = parsed_get(p, "--tag")->list,
		.runner_ids = parsed_get(p, "--runner-id")->list };
	struct listing l = { .as_json = listing_wants_json(p), .take_page = take_page };
	int r;

	if (cli_connect(cli, CLI_SERVICE))
		return EXIT_ERROR;
	listing_begin(&l);
	r = listing_pages(&l, cli, &q, &x);
	cli->missing = !r && l.n_rows == 0;
	return listing_end(&l, r, "No sandboxes found.");
}

/* clang-format off */
static const struct option ls_options[] = {
	{ .name = "--status", .short_name = "-s", .kind = OPTION_CHOICE,
		.choices = choices_status },
	{ .name = "--tag", .short_name = "-t", .kind = OPTION_TEXT, .many = true },
	{ .name = "--runner-id", .short_name = "-T", .kind = OPTION_TEXT, .many = true },
	{ .name = "--output", .short_name = "-o", .kind = OPTION_CHOICE,
		.choices = choices_output },
};
const struct command command_ls = {
	.name = "ls", .official = true, .synopsis = "[OPTIONS]", .options = ls_options,
		.n_options = ARRAY_SIZE(ls_options), .run = run_ls,
	.help =
"  List sandboxes.\n"
"\n"
"  Displays sandbox ID, status, runner, and started time for matching\n"
"  sandboxes.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox ls\n"
"\n"
"      cwsandbox ls --status running --tag development\n"
"\n"
"      cwsandbox ls --output json\n"
"\n"
"Options:\n"
"  -s, --status [running|creating|preparing|pending|paused|terminating|completed|failed|terminated]\n"
"                                  Filter by status.\n"
"  -t, --tag TEXT                  Filter by tag (repeatable).\n"
"  -T, --runner-id TEXT            Filter by runner ID (repeatable).\n"
"  -o, --output [table|json]       Output format.\n"
"  --help                          Show this message and exit.\n",
};
/* clang-format on */

/* ---- get ---- */

static void put_containers(struct json *j, const struct cwsandbox_sandbox *s)
{
	json_open(j, "containers", '[');
	for (size_t i = 0; i < s->n_containers; i++) {
		json_open(j, NULL, '{');
		json_str(j, "name", s->containers[i].name);
		json_str(j, "image", s->containers[i].image);
		json_bool(j, "primary", s->containers[i].primary);
		json_close(j);
	}
	json_close(j);
}

/* An exit code is one only once the container has ended. */
static bool has_code(const struct cwsandbox_container_status *c)
{
	return c->has_exit_code && c->state && is_final(c->state);
}

static void put_statuses(struct json *j, const struct cwsandbox_sandbox *s)
{
	json_open(j, "container_statuses", '[');
	for (size_t i = 0; i < s->n_container_statuses; i++) {
		const struct cwsandbox_container_status *c = &s->container_statuses[i];

		json_open(j, NULL, '{');
		json_str(j, "name", c->name);
		json_str(j, "state", c->state);
		if (has_code(c))
			json_int(j, "exit_code", c->exit_code);
		else
			json_null(j, "exit_code");
		json_int(j, "restart_count", c->restart_count);
		json_close(j);
	}
	json_close(j);
}

static int get_json(const struct cwsandbox_sandbox *s)
{
	struct json j = { .data = NULL };

	json_open(&j, NULL, '{');
	put_sandbox(&j, s);
	json_null(&j, "returncode");
	if (s->n_containers)
		put_containers(&j, s);
	if (s->n_container_statuses)
		put_statuses(&j, s);
	json_close(&j);
	return listing_print(&j);
}

static void print_containers(const struct cwsandbox_sandbox *s)
{
	char name[256], image[512];

	if (s->n_containers)
		puts("\nCONTAINERS");
	for (size_t i = 0; i < s->n_containers; i++)
		printf("  %s (%s)  %s\n", cli_show(name, sizeof(name), s->containers[i].name),
			s->containers[i].primary ? "primary" : "helper",
			cli_show(image, sizeof(image), s->containers[i].image));
}

static void print_statuses(const struct cwsandbox_sandbox *s)
{
	char name[256], state[64];

	if (s->n_container_statuses)
		puts("\nCONTAINER STATUS");
	for (size_t i = 0; i < s->n_container_statuses; i++) {
		const struct cwsandbox_container_status *c = &s->container_statuses[i];

		printf("  %s  %s", cli_show(name, sizeof(name), c->name),
			cli_show(state, sizeof(state), c->state));
		if (has_code(c))
			printf("  exit=%lld", (long long)c->exit_code);
		printf("  restarts=%lld\n", (long long)c->restart_count);
	}
}

static int get_table(const struct cwsandbox_sandbox *s)
{
	char started[32], buf[256];
	const struct {
		const char *label, *value;
	} rows[] = {
		{ "SANDBOX ID", s->sandbox_id },
		{ "STATUS", s->state },
		{ "RUNNER ID", or_null(s, s->runner_id) },
		{ "RUNNER GROUP ID", or_null(s, s->runner_group_id) },
		{ "STARTED AT", cli_time(started, is_placed(s) ? s->started_at : 0) },
		{ "RETURNCODE", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		printf("%-15s  %s\n", rows[i].label, cli_show(buf, sizeof(buf), rows[i].value));
	print_containers(s);
	print_statuses(s);
	return EXIT_OK;
}

static int run_get(struct cli *cli, const struct parsed *p)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_SANDBOX_GET,
		.sandbox_id = p->args[0] };
	const struct error_context x = { .operation = "Get sandbox", .sandbox_id = p->args[0] };
	struct cwsandbox_event e;
	int r;

	if (cli_connect(cli, CLI_SERVICE))
		return EXIT_ERROR;
	r = cli_ask(cli, &q, &x, &e);
	if (r)
		return r;
	return listing_wants_json(p) ? get_json(e.answer->sandbox) : get_table(e.answer->sandbox);
}

/* clang-format off */
static const struct option get_options[] = {
	{ .name = "--output", .short_name = "-o", .kind = OPTION_CHOICE,
		.choices = choices_output },
};
static const char *const get_arguments[] = { "SANDBOX_ID", NULL };
const struct command command_get = {
	.name = "get", .official = true, .synopsis = "[OPTIONS] SANDBOX_ID",
		.options = get_options, .n_options = ARRAY_SIZE(get_options),
	.arguments = get_arguments, .run = run_get,
	.help =
"  Show details for a sandbox.\n"
"\n"
"  SANDBOX_ID is the ID of the sandbox to inspect.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox get <sandbox-id>\n"
"\n"
"      cwsandbox get <sandbox-id> --output json\n"
"\n"
"Options:\n"
"  -o, --output [table|json]  Output format.\n"
"  --help                     Show this message and exit.\n",
};
/* clang-format on */
