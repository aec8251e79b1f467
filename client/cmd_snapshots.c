/*
 * cmd_snapshots - the official commands for file-system snapshots, which this version does not
 * carry out
 */
#include "client/cli.h"

static const char *const choices_status[] = { "creating", "ready", "failed", "deleting", NULL };

static int unavailable(const char *operation)
{
	return cli_error("%s failed: snapshots are not available", operation);
}

static int run_create(struct cli *cli, const struct parsed *p)
{
	(void)cli, (void)p;
	return unavailable("Create file-system snapshot");
}

static int run_get(struct cli *cli, const struct parsed *p)
{
	(void)cli, (void)p;
	return unavailable("Get file-system snapshot");
}

static int run_list(struct cli *cli, const struct parsed *p)
{
	(void)cli, (void)p;
	return unavailable("List file-system snapshots");
}

static int run_delete(struct cli *cli, const struct parsed *p)
{
	(void)cli, (void)p;
	return unavailable("Delete file-system snapshot");
}

/* clang-format off */
#define TIMEOUT { .name = "--timeout", .short_name = "-t", .kind = OPTION_FLOAT, .min = 0, .min_open = true }
#define OUTPUT { .name = "--output", .short_name = "-o", .kind = OPTION_CHOICE, .choices = choices_output }
#define NOT_AVAILABLE "  Snapshots are not available in this version.\n"

static const char *const one_sandbox[] = { "SANDBOX_ID", NULL },
	*const one_snapshot[] = { "FILE_SYSTEM_SNAPSHOT_ID", NULL };

static const struct option create_options[] = {
	{ .name = "--wait", .kind = OPTION_FLAG, .off = "--no-wait" },
	{ .name = "--request-id", .kind = OPTION_TEXT },
	TIMEOUT, OUTPUT,
};
const struct command command_snapshots_create = {
	.name = "snapshots create", .official = true, .synopsis = "[OPTIONS] SANDBOX_ID",
		.options = create_options,
	.n_options = ARRAY_SIZE(create_options), .arguments = one_sandbox, .run = run_create,
	.help = "  Create a file-system snapshot from a running sandbox.\n\n" NOT_AVAILABLE
"\nOptions:\n  --help  Show this message and exit.\n",
};

static const struct option get_options[] = { TIMEOUT, OUTPUT };
const struct command command_snapshots_get = {
	.name = "snapshots get", .official = true,
		.synopsis = "[OPTIONS] FILE_SYSTEM_SNAPSHOT_ID", .options = get_options,
	.n_options = ARRAY_SIZE(get_options), .arguments = one_snapshot, .run = run_get,
	.help = "  Get a file-system snapshot by ID.\n\n" NOT_AVAILABLE
"\nOptions:\n  --help  Show this message and exit.\n",
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
	.help = "  List file-system snapshots.\n\n" NOT_AVAILABLE
"\nOptions:\n  --help  Show this message and exit.\n",
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
	.help = "  Delete a file-system snapshot by ID.\n\n" NOT_AVAILABLE
"\nOptions:\n  --help  Show this message and exit.\n",
};
/* clang-format on */
