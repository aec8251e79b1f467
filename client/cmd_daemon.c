/*
 * cmd_daemon - daemon start, stop, restart, status
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/commands.h"
#include "client/listing.h"

#define STOP_TIMEOUT_MS 20000 /* it takes at most 17 s, with the local service */
#define LIST_PAGE 200
#define NAMED_MAX 20 /* names on a line: who has more asks for the list */

static int running(struct cli *cli)
{
	char line[64];

	snprintf(line, sizeof(line), "cwsandboxd is running (pid %" PRId64 ")\n",
		cwsandbox_server(cli->c)->pid);
	return cli_print(line, strlen(line));
}

static int run_start(struct cli *cli, const struct parsed *p)
{
	(void)p;
	return cli_connect(cli, CLI_SESSIONS) ? EXIT_ERROR : running(cli);
}

/* ---- stop ---- */

static bool is_yes(const char *line)
{
	return line[0] == 'y' || line[0] == 'Y';
}

/* What would be lost was named: is that all right? */
static int confirm(const char *what)
{
	char line[16];

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return cli_error("%s still run; --force loses them", what);
	fputs("Stop anyway? [y/N] ", stderr);
	if (fgets(line, sizeof(line), stdin) && is_yes(line))
		return 0;
	return EXIT_ERROR;
}

/* One of what would be lost, of which `n_before` were named. */
static void name_lost(const char *what, const char *name, size_t n_before)
{
	char shown[128];

	if (n_before == 0)
		fprintf(stderr, "These %s would be lost:", what);
	if (n_before < NAMED_MAX)
		fprintf(stderr, " %s", cli_show(shown, sizeof(shown), name));
	else if (n_before == NAMED_MAX)
		fputs(" ...", stderr);
}

static int agree(const struct cwsandbox_error *e)
{
	for (size_t i = 0; i < e->n_sessions; i++)
		name_lost("sessions", e->sessions[i], i);
	fputc('\n', stderr);
	return confirm("sessions");
}

static bool is_live(const char *state)
{
	return !sandbox_is_over(state) && strcmp(state, "terminating") != 0;
}

/* One page of the embedded service's sandboxes: those that live are named. */
static size_t name_live(const struct cwsandbox_answer *a, size_t n_before)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_sandboxes; i++)
		if (is_live(a->sandboxes[i].state))
			name_lost("sandboxes of the local service", a->sandboxes[i].sandbox_id,
				n_before + n++);
	return n;
}

/* The live sandboxes are named; an exit code, or 0. */
static int name_sandboxes(struct cli *embedded, size_t *ret_n)
{
	const struct error_context x = { .operation = "List sandboxes" };
	_cleanup_(freep) char *token = NULL;
	struct cwsandbox_request q = { .method = CWSANDBOX_SANDBOX_LIST };
	struct cwsandbox_event e;
	size_t n = 0;
	int r;

	do {
		q.page_token = token;
		r = cli_ask(embedded, &q, &x, &e);
		if (r)
			return r;
		n += name_live(e.answer, n);
		free(token);
		token = e.answer->next_page_token ? strdup(e.answer->next_page_token) : NULL;
	} while (token && *token);
	if (n)
		fputc('\n', stderr);
	*ret_n = n;
	return 0;
}

static size_t name_sessions(struct cli *cli)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_SESSION_LIST, .limit = LIST_PAGE };
	struct cwsandbox_event e;
	size_t n = 0;

	if (cli_try(cli, &q, &e))
		return 0;
	for (size_t i = 0; i < e.answer->n_sessions; i++)
		if (!e.answer->sessions[i].ended_at)
			name_lost("sessions", e.answer->sessions[i].name, n++);
	if (n)
		fputs(n <= NAMED_MAX && e.answer->more ? " ...\n" : "\n", stderr);
	return n;
}

/* The embedded service's sandboxes end with it. One question for all; *ret_sessions were agreed to. */
static int agree_to_all(struct cli *cli, bool *ret_sessions)
{
	size_t n_sessions = name_sessions(cli), n = 0;
	struct cli embedded;
	int r;

	cli_init(&embedded);
	r = cli_connect_embedded(&embedded);
	if (r == CWSANDBOX_E_NO_DAEMON)
		r = 0;
	else
		r = r ? EXIT_ERROR : name_sandboxes(&embedded, &n);
	cli_done(&embedded);
	*ret_sessions = n_sessions > 0;
	if (r || n_sessions + n == 0)
		return r;
	return confirm(!n           ? "sessions"
		       : n_sessions ? "sessions and sandboxes of the local service"
				    : "sandboxes of the local service");
}

/* The end of the connection is the end of the daemon. */
static int await_stop(struct cli *cli)
{
	int64_t deadline = cli_now_ms() + STOP_TIMEOUT_MS;
	struct cli_progress progress;
	struct cwsandbox_event e;
	int r = 0;

	cli_progress_begin(&progress);
	while (r >= 0 && cli_now_ms() < deadline) {
		r = cwsandbox_wait(cli->c, 1000, &e);
		cli_progress_tick(&progress, "Waiting for cwsandboxd to end");
	}
	cli_progress_end(&progress);
	return r < 0 ? 0
		     : cli_error("cwsandboxd does not end; its pid is %" PRId64,
			       cwsandbox_server(cli->c)->pid);
}

int daemon_stop(struct cli *cli, bool all, bool force)
{
	struct cwsandbox_request q = {
		.method = CWSANDBOX_DAEMON_SHUTDOWN, .all = all, .force = force
	};
	struct cwsandbox_event e;
	int r;

	r = cli_try(cli, &q, &e);
	if (r == CWSANDBOX_E_REFUSED && e.error->n_sessions && !force) {
		r = agree(e.error);
		if (r)
			return r;
		q.force = true;
		r = cli_try(cli, &q, &e);
	}
	if (r == -ECONNRESET)
		return 0; /* it went before it had answered */
	return r ? cli_refuse(e.error, NULL) : await_stop(cli);
}

static int run_stop(struct cli *cli, const struct parsed *p)
{
	bool all = parsed_on(p, "--all"), force = parsed_on(p, "--force");
	int r;

	/* Only a daemon knows how to end the local service: for --all one is started if need be. */
	r = cli_connect(cli, all ? CLI_SESSIONS : CLI_NO_START);
	if (r == CWSANDBOX_E_NO_DAEMON)
		return cli_print("cwsandboxd is not running\n", 26);
	if (r)
		return EXIT_ERROR;
	r = all && !force ? agree_to_all(cli, &force) : 0;
	return r ? r : daemon_stop(cli, all, force);
}

static int run_restart(struct cli *cli, const struct parsed *p)
{
	int r;

	r = cli_connect(cli, CLI_NO_START);
	if (r < 0)
		return EXIT_ERROR;
	if (!r)
		r = daemon_stop(cli, false, parsed_on(p, "--force"));
	if (r && r != CWSANDBOX_E_NO_DAEMON)
		return r;
	cli_disconnect(cli);
	return run_start(cli, p);
}

/* ---- status ---- */

static void put_connection(struct json *j, const struct cwsandbox_connection *c)
{
	json_open(j, NULL, '{');
	json_int(j, "id", c->id);
	json_str(j, "endpoint", c->endpoint);
	json_str(j, "address", c->address);
	json_str(j, "state", c->state);
	json_uint(j, "streams", c->streams);
	json_uint(j, "max_streams", c->max_streams);
	json_uint(j, "rtt_us", c->rtt_us);
	json_uint(j, "rx_bytes", c->rx_bytes);
	json_uint(j, "tx_bytes", c->tx_bytes);
	json_close(j);
}

static int status_json(const struct cwsandbox_status *s)
{
	struct json j = { .data = NULL };

	json_open(&j, NULL, '{');
	json_str(&j, "version", s->version);
	json_int(&j, "pid", s->pid);
	json_str(&j, "boot_id", s->boot_id);
	json_uint(&j, "uptime_s", s->uptime_s);
	json_uint(&j, "rss_bytes", s->rss_bytes);
	json_uint(&j, "memory_bytes", s->memory_bytes);
	json_uint(&j, "sessions", s->sessions);
	json_uint(&j, "clients", s->clients);
	json_str(&j, "socket", s->socket);
	json_open(&j, "connections", '[');
	for (size_t i = 0; i < s->n_connections; i++)
		put_connection(&j, &s->connections[i]);
	json_close(&j);
	json_close(&j);
	return listing_print(&j);
}

static int status_text(const struct cwsandbox_status *s)
{
	char version[64], path[256], endpoint[256], state[64];

	printf("cwsandboxd %s, pid %" PRId64 ", up %" PRIu64 " s\n",
		cli_show(version, sizeof(version), s->version), s->pid, s->uptime_s);
	printf("socket     %s\n", cli_show(path, sizeof(path), s->socket));
	printf("sessions   %" PRIu64 "\nclients    %" PRIu64 "\n", s->sessions, s->clients);
	printf("memory     %" PRIu64 " KiB resident, %" PRIu64 " KiB held for clients\n",
		s->rss_bytes / 1024, s->memory_bytes / 1024);
	for (size_t i = 0; i < s->n_connections; i++) {
		const struct cwsandbox_connection *c = &s->connections[i];

		printf("connection %s %s, %" PRIu64 " of %" PRIu64 " streams\n",
			cli_show(endpoint, sizeof(endpoint), c->endpoint),
			cli_show(state, sizeof(state), c->state), c->streams, c->max_streams);
	}
	return fflush(stdout) == 0 || errno == EPIPE
		       ? EXIT_OK
		       : cli_error("cannot write the output: %s", strerror(errno));
}

static int run_status(struct cli *cli, const struct parsed *p)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_DAEMON_STATUS };
	struct cwsandbox_event e;
	int r;

	r = cli_connect(cli, CLI_NO_START);
	if (r == CWSANDBOX_E_NO_DAEMON)
		return cli_error("cwsandboxd is not running; `cwsandbox daemon start` starts it");
	if (r)
		return EXIT_ERROR;
	r = cli_ask(cli, &q, NULL, &e);
	if (r)
		return r;
	return parsed_on(p, "--json") ? status_json(e.answer->status)
				      : status_text(e.answer->status);
}

/* clang-format off */
const struct command command_daemon_start = {
	.name = "daemon start", .synopsis = "[OPTIONS]", .run = run_start,
	.help =
"  Start cwsandboxd in the background, if it does not run yet.\n"
"\n"
"  Commands that need it start it themselves.\n"
"\n"
"Options:\n"
"  --help  Show this message and exit.\n",
};

static const struct option stop_options[] = {
	{ .name = "--all", .kind = OPTION_FLAG },
	{ .name = "--force", .kind = OPTION_FLAG },
};
const struct command command_daemon_stop = {
	.name = "daemon stop", .synopsis = "[OPTIONS]", .options = stop_options,
		.n_options = ARRAY_SIZE(stop_options),
	.run = run_stop,
	.help =
"  Stop cwsandboxd. Sessions and sandboxes that would be lost are named first.\n"
"\n"
"Options:\n"
"  --all    Stop the local sandbox service too; its sandboxes end.\n"
"  --force  Lose them without a question.\n"
"  --help   Show this message and exit.\n",
};

static const struct option restart_options[] = {
	{ .name = "--force", .kind = OPTION_FLAG },
};
const struct command command_daemon_restart = {
	.name = "daemon restart", .synopsis = "[OPTIONS]", .options = restart_options,
		.n_options = ARRAY_SIZE(restart_options),
	.run = run_restart,
	.help =
"  Stop cwsandboxd and start it again.\n"
"\n"
"Options:\n"
"  --force  Lose the sessions without a question.\n"
"  --help   Show this message and exit.\n",
};

static const struct option status_options[] = {
	{ .name = "--json", .kind = OPTION_FLAG },
};
const struct command command_daemon_status = {
	.name = "daemon status", .synopsis = "[OPTIONS]", .options = status_options,
		.n_options = ARRAY_SIZE(status_options),
	.run = run_status,
	.help =
"  Show what the daemon holds; exit code 1 if none runs.\n"
"\n"
"Options:\n"
"  --json  As one object.\n"
"  --help  Show this message and exit.\n",
};
/* clang-format on */
