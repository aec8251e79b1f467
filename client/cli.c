#include "client/cli.h"

#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/keys.h"
#include "common/paths.h"
#include "common/text.h"

#define DEFAULT_URL "https://api.cwsandbox.com" /* the official client's */
#define SILENCE_MS 5000 /* of the daemon, until a word is said of it */
#define POLL_FIRST_MS                                                                              \
	200 /* between two looks at a sandbox that starts; half as long again each time */
#define POLL_MAX_MS 2000
#define HISTORY_LINES_MAX 100000 /* of history-lines, cwsandboxd.conf(5) */
#define LOCK_LINE_MAX 64 /* bytes: a pid */

const char *const choices_output[] = { "table", "json", NULL };
const char *const choices_plane[] = { "auto", "gateway", "direct", NULL };

/* ---- saying things ---- */

int cli_error(const char *fmt, ...)
{
	va_list ap;

	fputs("Error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_ERROR;
}

int cli_refuse(const struct cwsandbox_error *e, const struct error_context *x)
{
	char text[ERRORS_TEXT_MAX];

	return cli_error("%s", error_text(text, e, x));
}

void cli_tell(const char *fmt, ...)
{
	va_list ap;

	if (!isatty(STDERR_FILENO))
		return;
	fputs("cwsandbox: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int cli_usage(const struct command *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "Usage: cwsandbox %s %s\nTry 'cwsandbox %s --help' for help.\n\nError: ",
		command->name, command->synopsis, command->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

int cli_write(int fd, const void *data, size_t n)
{
	const char *at = data;

	while (n > 0) {
		ssize_t l = write(fd, at, n);

		if (l < 0 && errno == EAGAIN) { /* somebody else made it non-blocking */
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			poll(&p, 1, -1);
			continue;
		}
		if (l < 0 && errno == EINTR)
			continue;
		if (l < 0)
			return -errno;
		at += l;
		n -= (size_t)l;
	}
	return 0;
}

int cli_print(const char *text, size_t n)
{
	int r = cli_write(STDOUT_FILENO, text, n);

	if (r == -EPIPE)
		return EXIT_OK;
	return r ? cli_error("cannot write the output: %s", strerror(-r)) : EXIT_OK;
}

double cli_timeout_s(const struct parsed *p)
{
	const struct option_value *v = parsed_get(p, "--timeout");

	return v->set ? v->number : CLI_TIMEOUT_S;
}

uint64_t cli_timeout_ms(const struct parsed *p, double max_s)
{
	return (uint64_t)ceil(fmin(cli_timeout_s(p), max_s) * 1000);
}

uint64_t cli_history(const struct option_value *v)
{
	return v->integer < HISTORY_LINES_MAX ? (uint64_t)v->integer : HISTORY_LINES_MAX;
}

const char *cli_show(char *buf, size_t cap, const char *s)
{
	return s && *s ? text_encode(buf, cap, s, strlen(s)) : "-";
}

const char *cli_time(char buf[32], int64_t at_ms)
{
	time_t t = (time_t)(at_ms / 1000);
	struct tm tm;

	if (at_ms == 0 || !gmtime_r(&t, &tm) ||
		strftime(buf, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		return "-";
	return buf;
}

bool cli_colours(int fd)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(fd) && !(no_color && *no_color);
}

/* ---- progress ---- */

int64_t cli_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void cli_progress_begin(struct cli_progress *p)
{
	*p = (struct cli_progress){ .since_ms = cli_now_ms() };
}

void cli_progress_tick(struct cli_progress *p, const char *what)
{
	int64_t ms = cli_now_ms() - p->since_ms;

	if (ms < CLI_PROGRESS_MS || !isatty(STDERR_FILENO))
		return;
	p->shown = true;
	fprintf(stderr, "\r\033[K%s (%lld s)", what, (long long)(ms / 1000));
}

void cli_progress_end(struct cli_progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}

/* ---- connecting ---- */

void cli_init(struct cli *cli)
{
	*cli = (struct cli){ .sigint_code = EXIT_ERROR };
}

void cli_disconnect(struct cli *cli)
{
	cli->c = cwsandbox_free(cli->c);
	cli->config = (struct cwsandbox_config){ .socket = NULL }; /* it points into the others */
	cfg_done(&cli->cfg);
	free(TAKE(cli->ca_file));
}

void cli_done(struct cli *cli)
{
	cli_disconnect(cli);
}

static void fill(const char **member, const char *value)
{
	if (!*member || !**member)
		*member = value;
}

static int check_value(const char *key, const char *value, char why[CFG_WHY_MAX])
{
	struct keys keys;

	if (strcmp(key, "detach-keys") != 0 || keys_init(&keys, value) == 0)
		return 0;
	return text_because(why, CFG_WHY_MAX, -EINVAL,
		"detach-keys: \"%s\" is not like ctrl-p,ctrl-q or ctrl-\\,d.", value);
}

/* What the configuration file says, under what the environment said. */
static int read_file(struct cli *cli)
{
	_cleanup_(freep) char *path = NULL;
	char why[CFG_WHY_MAX], path_why[PATHS_WHY_MAX];

	if (cfg_init(&cli->cfg))
		return cli_error("out of memory");
	cli->cfg.check = check_value;
	if (paths_config_file(NULL, &path, path_why))
		return 0; /* no home, no file */
	if (cfg_read_file(&cli->cfg, path, false, why))
		return cli_error("%s", why);
	return 0;
}

/* An auth mode that was asked for by name needs its own key. */
static int check_key(const struct cli *cli)
{
	if (!cli->auth || cli->config.key)
		return 0;
	if (strcmp(cli->auth, "coreweave_api_key") == 0)
		return cli_error("CoreWeave authentication requires CWSANDBOX_API_KEY.");
	if (strcmp(cli->auth, "wandb") == 0)
		return cli_error("No W&B credentials found. Set WANDB_API_KEY.");
	return 0;
}

/* The daemon has another working folder. */
static void make_ca_file_absolute(struct cli *cli)
{
	if (!cli->config.ca_file || cli->config.ca_file[0] == '/')
		return;
	cli->ca_file = realpath(cli->config.ca_file, NULL);
	if (cli->ca_file)
		cli->config.ca_file = cli->ca_file;
}

/* The environment's choice first, then the file's; the embedded service is for who has chosen
 * nothing at all. */
static int configure(struct cli *cli, bool *ret_newcomer)
{
	struct cwsandbox_config *k = &cli->config;
	bool newcomer;

	if (read_file(cli))
		return -EINVAL;
	k->client = "cwsandbox " PACKAGE_VERSION;
	k->tty_name = ttyname(STDIN_FILENO);
	k->auth = cli->auth;
	newcomer = cwsandbox_config_from_env(k) == 1;
	if (newcomer &&
		(cli->cfg.url || cli->cfg.auth || cli->cfg.key_file || cli->cfg.key_command)) {
		newcomer = false;
		k->base_url = NULL;
	}
	fill(&k->base_url, cli->cfg.url);
	fill(&k->base_url, DEFAULT_URL);
	fill(&k->auth, cli->cfg.auth);
	fill(&k->entity, cli->cfg.entity);
	fill(&k->project, cli->cfg.project);
	fill(&k->ca_file, cli->cfg.ca_file);
	if (check_key(cli))
		return -EINVAL;
	make_ca_file_absolute(cli);
	*ret_newcomer = newcomer;
	return 0;
}

static int start_daemon(struct cli *cli)
{
	char text[ERRORS_TEXT_MAX];
	int r;

	r = cwsandbox_daemon_start(cli->c, &cli->config, NULL, START_TIMEOUT_MS);
	if (r) {
		cli_error("%s", error_text(text, cwsandbox_error(cli->c), NULL));
		return r > 0 ? -ECONNREFUSED : r;
	}
	return 0;
}

/* Its published address outlives one that was killed, so its process is looked for too. The lock itself is left
 * alone: to try it would be in the way of one that starts. */
static bool embedded_runs(void)
{
	_cleanup_(freep) char *path = NULL, *line = NULL;
	_cleanup_(closep) int dir = -1;
	char why[PATHS_WHY_MAX];
	size_t n;
	long pid;

	if (paths_local_state_dir(NULL, &path, why))
		return false;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || faccessat(dir, "url", F_OK, 0) < 0 ||
		paths_read_file(dir, "lock", LOCK_LINE_MAX, &line, &n))
		return false;
	pid = strtol(line, NULL, 10);
	return pid > 1 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

static void say_embedded(struct cli *cli)
{
	fputs("cwsandbox: no service is configured, using the embedded one on this machine "
	      "(CWSANDBOX_BASE_URL and CWSANDBOX_API_KEY choose another)\n",
		stderr);
	cli->embedded = false;
}

void cli_note_missing(struct cli *cli, const struct cwsandbox_error *e)
{
	cli->missing |= e && error_is_missing(e);
}

void cli_explain(struct cli *cli)
{
	if (cli->missing && cli->embedded)
		say_embedded(cli);
}

static int connect_daemon(struct cli *cli)
{
	int r = cwsandbox_connect(cli->c, &cli->config, SILENCE_MS);

	if (r != CWSANDBOX_E_TIMEOUT)
		return r;
	cli_tell("cwsandboxd has not answered for %d s, still waiting", SILENCE_MS / 1000);
	return cwsandbox_connect(cli->c, &cli->config, START_TIMEOUT_MS - SILENCE_MS);
}

int cli_connect(struct cli *cli, enum cli_need need)
{
	bool newcomer, starts;
	int r;

	r = configure(cli, &newcomer);
	if (!r)
		r = cwsandbox_new(&cli->c);
	if (r)
		return r;
	cli->embedded = newcomer && need == CLI_SERVICE;
	starts = cli->embedded && !embedded_runs();
	r = connect_daemon(cli);
	if (r == CWSANDBOX_E_NO_DAEMON && need == CLI_NO_START)
		return r;
	if (r == CWSANDBOX_E_NO_DAEMON) {
		r = start_daemon(cli);
	} else if (r) {
		cli_refuse(cwsandbox_error(cli->c), NULL);
		r = r > 0 ? -ECONNREFUSED : r;
	}
	if (!r && starts)
		say_embedded(cli);
	return r;
}

int cli_connect_embedded(struct cli *cli)
{
	int r;

	if (!embedded_runs())
		return CWSANDBOX_E_NO_DAEMON;
	cli->config = (struct cwsandbox_config){ .client = "cwsandbox " PACKAGE_VERSION,
		.base_url = "local" };
	r = cwsandbox_new(&cli->c);
	if (r)
		return r;
	r = connect_daemon(cli);
	if (!r || r == CWSANDBOX_E_NO_DAEMON)
		return r;
	cli_refuse(cwsandbox_error(cli->c), NULL);
	return r > 0 ? -ECONNREFUSED : r;
}

/* ---- asking ---- */

int cli_try(struct cli *cli, const struct cwsandbox_request *q, struct cwsandbox_event *ret)
{
	struct cli_progress progress;
	int64_t deadline = cli_now_ms() + ANSWER_TIMEOUT_MS;
	uint32_t id;
	int r;

	*ret = (struct cwsandbox_event){ .error = cwsandbox_error(cli->c) };
	r = cwsandbox_start(cli->c, q, &id);
	cli_progress_begin(&progress);
	while (!r) {
		r = cwsandbox_wait(cli->c, CLI_PROGRESS_MS, ret);
		if (r == CWSANDBOX_E_TIMEOUT && cli_now_ms() < deadline) {
			cli_progress_tick(&progress, "Waiting for the answer");
			r = 0;
		} else if (!r && ret->kind == CWSANDBOX_EVENT_ANSWER && ret->id == id) {
			r = ret->r;
			break;
		}
	}
	cli_progress_end(&progress);
	if (!ret->error)
		ret->error = cwsandbox_error(cli->c);
	if (r)
		cli_note_missing(cli, ret->error);
	return r;
}

int cli_ask(struct cli *cli, const struct cwsandbox_request *q, const struct error_context *x,
	struct cwsandbox_event *ret)
{
	int r = cli_try(cli, q, ret);

	return r ? cli_refuse(ret->error, x) : 0;
}

/* An older daemon holds nothing and does not know the method; one that is gone deletes nothing. */
void cli_keep(struct cli *cli)
{
	const struct cwsandbox_request keep = { .method = CWSANDBOX_SANDBOX_KEEP,
		.created = cli->created };
	struct cwsandbox_event e;

	if (cli->created)
		cli_try(cli, &keep, &e);
	cli->created = 0;
}

static bool is_any(const char *state, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(state, *list) == 0)
			return true;
	return false;
}

int cli_await_running(struct cli *cli, const char *id)
{
	static const char *const starting[] = { "pending", "creating", "preparing", "unspecified",
		NULL };
	static const char *const usable[] = { "running", "paused", NULL };
	const struct cwsandbox_request get = { .method = CWSANDBOX_SANDBOX_GET, .sandbox_id = id };
	struct error_context getting = { .operation = "Get sandbox", .sandbox_id = id };
	int64_t deadline = cli_now_ms() + READY_TIMEOUT_MS;
	struct cli_progress progress;
	struct cwsandbox_event e;
	char shown[128];
	int pause = POLL_FIRST_MS, r;

	cli_progress_begin(&progress);
	for (;;) {
		r = cli_ask(cli, &get, &getting, &e);
		if (r)
			return r;
		if (is_any(e.answer->sandbox->state, usable) ||
			!is_any(e.answer->sandbox->state, starting))
			break;
		if (cli_now_ms() >= deadline)
			return cli_error("Sandbox %s did not become ready within %d.0s",
				cli_show(shown, sizeof(shown), id), READY_TIMEOUT_MS / 1000);
		cli_progress_tick(&progress, "Waiting for the sandbox to run");
		poll(NULL, 0, pause);
		pause = pause * 3 / 2 < POLL_MAX_MS ? pause * 3 / 2 : POLL_MAX_MS;
	}
	cli_progress_end(&progress);
	if (is_any(e.answer->sandbox->state, usable))
		return 0;
	return cli_error("Sandbox %s has been stopped", cli_show(shown, sizeof(shown), id));
}

int cli_check_plane(const struct parsed *p)
{
	const char *mode = parsed_text(p, "--data-plane-mode");

	if (mode && strcmp(mode, "direct") == 0)
		return cli_error("direct connections to a sandbox are not made here; use "
				 "--data-plane-mode gateway, which does the same");
	return 0;
}
