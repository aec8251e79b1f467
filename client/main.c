/*
 * cwsandbox - shells and commands in sandboxes, from the command line
 */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli.h"
#include "client/tty.h"
#include "common/text.h"

/* The first word of the line; a group has commands of its own. */
struct entry {
	const char *name;
	const char *summary;
	const struct command *command;      /* or: */
	const struct command *const *group; /* NULL-terminated; their names are "NAME word" */
	const char *group_help;             /* all of it after the usage line */
};

/* clang-format off */
static const struct command *const files_group[] = { &command_files_read, &command_files_write,
	NULL };
static const struct command *const snapshots_group[] = { &command_snapshots_create,
	&command_snapshots_delete,
	&command_snapshots_get, &command_snapshots_list, NULL };
static const struct command *const daemon_group[] = { &command_daemon_restart,
	&command_daemon_start, &command_daemon_status,
	&command_daemon_stop, NULL };

static const char files_help[] =
"  Read and write files in a sandbox.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox files read <sandbox-id> /tmp/data.json\n"
"\n"
"      cwsandbox files write <sandbox-id> /tmp/data.json data.json\n"
"\n"
"Options:\n"
"  --help  Show this message and exit.\n"
"\n"
"Commands:\n"
"  read   Read a file from a sandbox.\n"
"  write  Write a local file into a sandbox.\n";

static const char snapshots_help[] =
"  Create, inspect, list, and delete file-system snapshots.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox snapshots create <sandbox-id>\n"
"\n"
"      cwsandbox snapshots list\n"
"\n"
"Options:\n"
"  --help  Show this message and exit.\n"
"\n"
"Commands:\n"
"  create  Create a file-system snapshot from a running sandbox.\n"
"  delete  Delete a file-system snapshot by ID.\n"
"  get     Get a file-system snapshot by ID.\n"
"  list    List file-system snapshots.\n";

static const char daemon_help[] =
"  Start, stop and look at cwsandboxd, which holds the sessions.\n"
"\n"
"Options:\n"
"  --help  Show this message and exit.\n"
"\n"
"Commands:\n"
"  restart  Stop the daemon and start it again.\n"
"  start    Start the daemon in the background.\n"
"  status   Show what the daemon holds.\n"
"  stop     Stop the daemon.\n";

static const struct entry entries[] = {
	{ "a", NULL, &command_attach, NULL, NULL },
	{ "attach", "Attach this terminal to a session.", &command_attach, NULL, NULL },
	{ "capture", "Print what a session's screen shows.", &command_capture, NULL, NULL },
	{ "create", "Create a sandbox.", &command_create, NULL, NULL },
	{ "daemon", "Start, stop and look at the daemon.", NULL, daemon_group, daemon_help },
	{ "delete", "Delete a sandbox.", &command_delete, NULL, NULL },
	{ "detach", "Detach every terminal from a session.", &command_detach, NULL, NULL },
	{ "exec", "Execute a command in a sandbox.", &command_exec, NULL, NULL },
	{ "files", "Read and write files in a sandbox.", NULL, files_group, files_help },
	{ "get", "Show details for a sandbox.", &command_get, NULL, NULL },
	{ "kill", "End a session.", &command_kill, NULL, NULL },
	{ "logs", "Stream logs from a sandbox's main process.", &command_logs, NULL, NULL },
	{ "ls", "List sandboxes.", &command_ls, NULL, NULL },
	{ "new", "Start a session and attach to it.", &command_new, NULL, NULL },
	{ "rename", "Rename a session.", &command_rename, NULL, NULL },
	{ "resize", "Say whose size a session's shell has.", &command_resize, NULL, NULL },
	{ "sessions", "List sessions.", &command_sessions, NULL, NULL },
	{ "set", "Set what attachments of a session begin with.", &command_set, NULL, NULL },
	{ "sh", "Open an interactive shell in a sandbox.", &command_sh, NULL, NULL },
	{ "snapshots", "Create, inspect, list, and delete file-system snapshots.", NULL,
		snapshots_group, snapshots_help },
	{ "stop", "Stop a sandbox.", &command_stop, NULL, NULL },
};

static const char *const choices_auth[] = { "coreweave_api_key", "wandb", NULL };
static const struct option auth_option = { .name = "--auth", .kind = OPTION_CHOICE,
	.choices = choices_auth };

static const char top_usage[] = "Usage: cwsandbox [OPTIONS] COMMAND [ARGS]...\n";
static const char top_help[] =
"  Shells and commands in sandboxes. Sessions are held by a daemon: leave them and\n"
"  come back, from any number of terminals.\n"
"\n"
"Options:\n"
"  --version                       Show the version and exit.\n"
"  --auth [coreweave_api_key|wandb]\n"
"                                  Authentication strategy [env:\n"
"                                  CWSANDBOX_AUTH]. Defaults to\n"
"                                  coreweave_api_key (CWSANDBOX_API_KEY). wandb\n"
"                                  uses WANDB_API_KEY; set the entity and project\n"
"                                  with WANDB_ENTITY and WANDB_PROJECT.\n"
"  --help                          Show this message and exit.\n"
"\n"
"Commands:\n";
/* clang-format on */

/* ---- help ---- */

static int print_top_help(FILE *to, int code)
{
	fprintf(to, "%s\n%s", top_usage, top_help);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (entries[i].summary)
			fprintf(to, "  %-9s  %s\n", entries[i].name, entries[i].summary);
	return code;
}

static int print_group_help(FILE *to, const struct entry *e, int code)
{
	fprintf(to, "Usage: cwsandbox %s [OPTIONS] COMMAND [ARGS]...\n\n%s", e->name,
		e->group_help);
	return code;
}

static int print_help(const struct command *c)
{
	printf("Usage: cwsandbox %s %s\n\n%s", c->name, c->synopsis, c->help);
	return EXIT_OK;
}

static int top_error(const char *group, const char *fmt, ...) _printf_(2, 3);
static int top_error(const char *group, const char *fmt, ...)
{
	const char *blank = group ? " " : "";
	va_list ap;

	group = group ? group : "";
	fprintf(stderr,
		"Usage: cwsandbox%s%s [OPTIONS] COMMAND [ARGS]...\nTry 'cwsandbox%s%s --help' for "
		"help.\n\nError: ",
		blank, group, blank, group);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

/* ---- Ctrl-C ---- */

static volatile const int *sigint_code;

/* All that a command has made is on the daemon's side, and it notices: nothing here is worth
 * saving. */
static void on_sigint(int sig)
{
	static const char aborted[] = "\nAborted!\n";

	(void)sig;
	tty_release();
	if (*sigint_code == EXIT_ERROR)
		(void)!write(STDERR_FILENO, aborted, sizeof(aborted) - 1);
	_exit(*sigint_code);
}

static void set_signals(const struct cli *cli)
{
	sigint_code = &cli->sigint_code;
	signal(SIGINT, on_sigint);
	signal(SIGPIPE, SIG_IGN);
}

/* ---- running ---- */

static int run_command(struct cli *cli, const struct command *command, int argc, char *const *argv)
{
	struct usage_error e;
	struct parsed p;
	int r;

	r = options_parse(&p, command, argc, argv, &e);
	if (r == OPTIONS_E_HELP)
		r = print_help(command);
	else if (r == OPTIONS_E_USAGE && e.bare)
		fprintf(stderr, "Error: %s\n", e.text);
	else if (r == OPTIONS_E_USAGE)
		r = cli_usage(command, "%s", e.text);
	else if (r == OPTIONS_E_EMPTY)
		r = cli_error("%s", e.text);
	else if (r < 0)
		r = cli_error("%s", strerror(-r));
	else
		r = command->run(cli, &p);
	parsed_done(&p);
	return r;
}

static int run_group(struct cli *cli, const struct entry *entry, int argc, char *const *argv)
{
	char shown[128];

	if (argc == 0)
		return print_group_help(stderr, entry, EXIT_USAGE);
	if (strcmp(argv[0], "--help") == 0)
		return print_group_help(stdout, entry, EXIT_OK);
	if (argv[0][0] == '-' && argv[0][1])
		return top_error(entry->name, "No such option '%s'.",
			cli_show(shown, sizeof(shown), argv[0]));
	for (const struct command *const *c = entry->group; *c; c++)
		if (strcmp((*c)->name + strlen(entry->name) + 1, argv[0]) == 0)
			return run_command(cli, *c, argc - 1, argv + 1);
	return top_error(entry->name, "No such command '%s'.",
		*argv[0] ? cli_show(shown, sizeof(shown), argv[0]) : "");
}

static int run_entry(struct cli *cli, int argc, char *const *argv)
{
	char shown[128];

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		if (strcmp(entries[i].name, argv[0]) != 0)
			continue;
		if (entries[i].command)
			return run_command(cli, entries[i].command, argc - 1, argv + 1);
		return run_group(cli, &entries[i], argc - 1, argv + 1);
	}
	return top_error(NULL, "No such command '%s'.",
		*argv[0] ? cli_show(shown, sizeof(shown), argv[0]) : "");
}

static int set_auth(struct cli *cli, const char *text)
{
	struct option_value v = { .text = text };
	struct usage_error e;

	if (option_check(&auth_option, text, &v, &e))
		return top_error(NULL, "%s", e.text);
	cli->auth = v.text;
	return 0;
}

/* Options before the command: how many words they took, or -1 and the exit code. */
static int take_options(struct cli *cli, int argc, char *const *argv, int *ret_code)
{
	const char *auth = getenv("CWSANDBOX_AUTH");
	char shown[128];
	int i = 0;

	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (strcmp(argv[i], "--help") == 0) {
			*ret_code = print_top_help(stdout, EXIT_OK);
			return -1;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("cwsandbox, version " PACKAGE_VERSION);
			*ret_code = EXIT_OK;
			return -1;
		}
		if (strncmp(argv[i], "--auth=", 7) == 0) {
			auth = argv[i] + 7;
		} else if (strcmp(argv[i], "--auth") == 0 && i + 1 < argc) {
			auth = argv[++i];
		} else if (strcmp(argv[i], "--auth") == 0) {
			fputs("Error: Option '--auth' requires an argument.\n", stderr);
			*ret_code = EXIT_USAGE;
			return -1;
		} else {
			*ret_code = top_error(NULL, "No such option '%s'.",
				cli_show(shown, sizeof(shown), argv[i]));
			return -1;
		}
	}
	*ret_code = auth && *auth ? set_auth(cli, auth) : 0;
	return *ret_code ? -1 : i;
}

/* What stdio still holds is the command's answer too: 0 is not for one that was never written. A reader that left
 * early has what it wanted. */
static int finish_output(int code)
{
	errno = 0;
	if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE || code != EXIT_OK)
		return code;
	return cli_error("cannot write the output: %s", strerror(errno ? errno : EIO));
}

/* A standard descriptor that is closed would go to the next thing opened: our bytes would end in the daemon's socket.
 * Input is at its end instead, and output fails. */
static int hold_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	return fd < 0 ? EXIT_ERROR : close(fd);
}

int main(int argc, char **argv)
{
	struct cli cli;
	int code, n;

	if (hold_standard_descriptors())
		return EXIT_ERROR;
	setlocale(LC_CTYPE, "C.UTF-8");
	cli_init(&cli);
	set_signals(&cli);
	n = take_options(&cli, argc - 1, argv + 1, &code);
	if (n >= 0 && n == argc - 1)
		code = print_top_help(stderr, EXIT_USAGE);
	else if (n >= 0)
		code = run_entry(&cli, argc - 1 - n, argv + 1 + n);
	cli_explain(&cli);
	cli_done(&cli);
	return finish_output(code);
}
