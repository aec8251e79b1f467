/*
 * cmd_files - files read, files write
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/stream.h"

#define READ_MIN ((size_t)64 * 1024)

/* ---- read ---- */

/* The content goes to a file of its own first: the named one is touched only once all of it is
 * there. */
static int copy_to(FILE *from, const char *path)
{
	char buf[65536], shown[512];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), r = 0;
	size_t n;

	if (fd < 0)
		return cli_error("cannot write %s: %s", cli_show(shown, sizeof(shown), path),
			strerror(errno));
	rewind(from);
	while (!r && (n = fread(buf, 1, sizeof(buf), from)) > 0)
		r = cli_write(fd, buf, n);
	if (!r && ferror(from))
		r = -EIO;
	if (close(fd) < 0 && !r)
		r = -errno;
	return r ? cli_error("cannot write %s: %s", cli_show(shown, sizeof(shown), path),
			   strerror(-r))
		 : EXIT_OK;
}

static int receive(
	struct cli *cli, const struct cwsandbox_request *q, const struct error_context *x, int fd)
{
	struct stream s = { .cli = cli, .out = fd, .err = fd, .in = -1, .says_waiting = true };
	struct cwsandbox_event end;
	int r;

	r = stream_begin(&s, q, &end);
	if (!r)
		r = stream_run(&s, &end);
	if (r == STREAM_E_OUTPUT)
		return stream_output_failed(&s);
	return r ? cli_refuse(end.error, x) : stream_end(&end, x);
}

static int is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int run_read(struct cli *cli, const struct parsed *p)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_FILE_READ,
		.sandbox_id = p->args[0],
		.path = p->args[1],
		.container = parsed_text(p, "--container"),
		.timeout_ms = cli_timeout_ms(p, CLI_TIMEOUT_MAX_S) };
	const struct error_context x = { .operation = "Read file", .sandbox_id = p->args[0] };
	const char *output = parsed_text(p, "--output");
	FILE *whole = NULL;
	char shown[512];
	int r;

	if (output && is_directory(output))
		return cli_usage(p->command,
			"Invalid value for '--output' / '-o': File '%s' is a directory.",
			cli_show(shown, sizeof(shown), output));
	r = cli_check_plane(p);
	if (r)
		return r;
	if (cli_connect(cli, CLI_SERVICE))
		return EXIT_ERROR;
	r = cli_await_running(cli, p->args[0]);
	if (r)
		return r;
	if (!output)
		return receive(cli, &q, &x, STDOUT_FILENO);
	whole = tmpfile();
	if (!whole)
		return cli_error("cannot make a temporary file: %s", strerror(errno));
	r = receive(cli, &q, &x, fileno(whole));
	if (!r)
		r = copy_to(whole, output);
	fclose(whole);
	return r;
}

/* ---- write ---- */

/* All of a local file, before anything is sent. */
static int read_whole(const char *path, uint8_t **ret, size_t *ret_n)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *data = NULL;
	size_t n = 0, cap = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t l;

		if (n == cap) {
			uint8_t *grown = realloc(data, cap = cap ? cap * 2 : READ_MIN);

			if (!grown)
				break;
			data = grown;
		}
		l = read(fd, data + n, cap - n);
		if (l < 0 && errno == EINTR)
			continue;
		if (l <= 0) {
			*ret = data;
			*ret_n = n;
			if (l == 0)
				return 0;
			break;
		}
		n += (size_t)l;
		if (n > CWSANDBOX_FILE_MAX) {
			free(data);
			return -EFBIG;
		}
	}
	free(data);
	return errno ? -errno : -ENOMEM;
}

static int check_local(const struct command *command, const char *path)
{
	char shown[512];
	struct stat st;

	cli_show(shown, sizeof(shown), path);
	if (stat(path, &st) < 0)
		return cli_usage(command,
			"Invalid value for 'LOCAL_PATH': File '%s' does not exist.", shown);
	if (S_ISDIR(st.st_mode))
		return cli_usage(command,
			"Invalid value for 'LOCAL_PATH': File '%s' is a directory.", shown);
	if (access(path, R_OK) < 0)
		return cli_usage(command,
			"Invalid value for 'LOCAL_PATH': File '%s' is not readable.", shown);
	return 0;
}

static int send_file(struct cli *cli, const struct parsed *p, const uint8_t *data, size_t n)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_FILE_WRITE,
		.sandbox_id = p->args[0],
		.path = p->args[1],
		.container = parsed_text(p, "--container"),
		.file_size = n,
		.timeout_ms = cli_timeout_ms(p, CLI_TIMEOUT_MAX_S) };
	const struct error_context x = { .operation = "Write file", .sandbox_id = p->args[0] };
	struct stream s = { .cli = cli,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
		.in = -1,
		.data = data,
		.n_data = n,
		.says_waiting = true };
	struct cwsandbox_event end;
	int r;

	r = cli_await_running(cli, p->args[0]);
	if (r)
		return r;
	r = stream_begin(&s, &q, &end);
	if (!r)
		r = stream_run(&s, &end);
	return r ? cli_refuse(end.error, &x) : stream_end(&end, &x);
}

static int run_write(struct cli *cli, const struct parsed *p)
{
	char shown[ERRORS_TEXT_MAX], line[ERRORS_TEXT_MAX + 64];
	uint8_t *data = NULL;
	size_t n = 0;
	int r;

	r = check_local(p->command, p->args[2]);
	if (!r)
		r = cli_check_plane(p);
	if (r)
		return r;
	r = read_whole(p->args[2], &data, &n);
	if (r == -EFBIG)
		return cli_error("%s is larger than %d MiB, the most a file may have",
			cli_show(shown, sizeof(shown), p->args[2]),
			(int)(CWSANDBOX_FILE_MAX >> 20));
	if (r)
		return cli_error("cannot read %s: %s", cli_show(shown, sizeof(shown), p->args[2]),
			strerror(-r));
	r = cli_connect(cli, CLI_SERVICE) ? EXIT_ERROR : send_file(cli, p, data, n);
	free(data);
	if (r || parsed_on(p, "--quiet"))
		return r;
	snprintf(line, sizeof(line), "Wrote %zu bytes to %s.\n", n,
		cli_show(shown, sizeof(shown), p->args[1]));
	return cli_print(line, strlen(line));
}

/* clang-format off */
#define COMMON_OPTIONS \
	{ .name = "--timeout", .short_name = "-t", .kind = OPTION_FLOAT, .min = 0, .min_open = true }, \
	{ .name = "--container", .kind = OPTION_TEXT }, \
	{ .name = "--data-plane-mode", .kind = OPTION_CHOICE, .choices = choices_plane }
#define COMMON_HELP \
"  --container TEXT                Container name. Omit to target the primary.\n" \
"  --data-plane-mode [auto|gateway|direct]\n" \
"                                  Data connection: auto uses the gateway; direct\n" \
"                                  is not available.  [default: auto]\n" \
"  --help                          Show this message and exit.\n"

static const struct option read_options[] = {
	{ .name = "--output", .short_name = "-o", .kind = OPTION_TEXT },
	COMMON_OPTIONS,
};
static const char *const read_arguments[] = { "SANDBOX_ID", "REMOTE_PATH", NULL };
const struct command command_files_read = {
	.name = "files read", .official = true, .synopsis = "[OPTIONS] SANDBOX_ID REMOTE_PATH",
		.options = read_options,
	.n_options = ARRAY_SIZE(read_options), .arguments = read_arguments, .run = run_read,
	.help =
"  Read a file from a sandbox.\n"
"\n"
"  SANDBOX_ID is the ID of the sandbox to read from. REMOTE_PATH is the file\n"
"  path inside the sandbox.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox files read <sandbox-id> /tmp/data.json\n"
"\n"
"      cwsandbox files read <sandbox-id> /tmp/data.json -o data.json\n"
"\n"
"Options:\n"
"  -o, --output FILE               Write output to a local file instead of\n"
"                                  stdout.\n"
"  -t, --timeout FLOAT RANGE       Timeout in seconds.  [x>0]\n"
COMMON_HELP,
};

static const struct option write_options[] = {
	COMMON_OPTIONS,
	{ .name = "--quiet", .short_name = "-q", .kind = OPTION_FLAG },
};
static const char *const write_arguments[] = { "SANDBOX_ID", "REMOTE_PATH", "LOCAL_PATH", NULL };
const struct command command_files_write = {
	.name = "files write", .official = true,
		.synopsis = "[OPTIONS] SANDBOX_ID REMOTE_PATH LOCAL_PATH", .options = write_options,
	.n_options = ARRAY_SIZE(write_options), .arguments = write_arguments, .run = run_write,
	.help =
"  Write a local file into a sandbox.\n"
"\n"
"  SANDBOX_ID is the ID of the sandbox to write to. REMOTE_PATH is the\n"
"  destination path inside the sandbox. LOCAL_PATH is the local file to upload;\n"
"  /dev/stdin is standard input.\n"
"\n"
"  Examples:\n"
"\n"
"      cwsandbox files write <sandbox-id> /tmp/data.json data.json\n"
"\n"
"      cwsandbox files write <sandbox-id> /tmp/config.yaml config.yaml --quiet\n"
"\n"
"Options:\n"
"  -t, --timeout FLOAT RANGE       Timeout in seconds.  [x>0]\n"
"  -q, --quiet                     Suppress success output.\n"
COMMON_HELP,
};
/* clang-format on */
