/*
 * cmd_session - sessions, detach, kill, rename
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/listing.h"
#include "common/text.h"

#define NAME_COPY_MAX (TEXT_NAME_MAX + 1)

/* ---- sessions ---- */

static void put_client(struct json *j, const struct cwsandbox_client *c)
{
	json_open(j, NULL, '{');
	json_int(j, "id", c->id);
	json_str(j, "role", c->role);
	json_str(j, "policy", c->policy);
	json_bool(j, "exclusive", c->exclusive);
	json_uint(j, "cols", c->cols);
	json_uint(j, "rows", c->rows);
	json_uint(j, "lag_bytes", c->lag_bytes);
	json_uint(j, "skipped_bytes", c->skipped_bytes);
	json_int(j, "pid", c->pid);
	json_int(j, "uid", c->uid);
	json_str(j, "name", c->name);
	json_str(j, "term", c->term);
	json_str(j, "tty", c->tty);
	json_close(j);
}

static void put_time(struct json *j, const char *key, int64_t at)
{
	if (at)
		json_int(j, key, at);
	else
		json_null(j, key);
}

static void put_session(struct json *j, const struct cwsandbox_session *s)
{
	json_open(j, NULL, '{');
	json_str(j, "name", s->name);
	json_str(j, "sandbox_id", s->sandbox_id);
	json_str(j, "container", s->container);
	json_str(j, "state", s->state);
	json_str(j, "command", s->command);
	json_uint(j, "cols", s->cols);
	json_uint(j, "rows", s->rows);
	json_str(j, "size", s->size);
	json_str(j, "policy", s->policy);
	json_uint(j, "window", s->window);
	json_uint(j, "drain_ms", s->drain_ms);
	json_uint(j, "block_timeout_ms", s->block_timeout_ms);
	put_time(j, "created_at", s->created_at);
	put_time(j, "ended_at", s->ended_at);
	if (s->has_exit_code)
		json_int(j, "exit_code", s->exit_code);
	else
		json_null(j, "exit_code");
	json_str(j, "reason", s->reason);
	json_str(j, "message", s->message);
	json_str(j, "kept_alive_by", s->kept_alive_by);
	json_str(j, "kept_alive_reason", s->kept_alive_reason);
	json_uint(j, "output_offset", s->output_offset);
	json_uint(j, "uncertain_bytes", s->uncertain_bytes);
	json_str(j, "title", s->title);
	if (s->has_connection)
		json_int(j, "connection", s->connection);
	else
		json_null(j, "connection");
	json_open(j, "clients", '[');
	for (size_t i = 0; i < s->n_clients; i++)
		put_client(j, &s->clients[i]);
	json_close(j);
	json_close(j);
}

static const char *age(char buf[32], int64_t since_ms)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	int64_t s = (int64_t)time(NULL) - since_ms / 1000;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (s >= units[i].seconds) {
			snprintf(buf, 32, "%" PRId64 "%c", s / units[i].seconds, units[i].unit);
			return buf;
		}
	return "0s";
}

static const char *or_dash(const char *s)
{
	return s && *s ? s : "-";
}

/* State, and how it ended. */
static const char *state(char buf[64], const struct cwsandbox_session *s)
{
	char shown[40];

	if (s->has_exit_code)
		snprintf(buf, 64, "%.16s %" PRId64, s->state, s->exit_code);
	else if (s->ended_at && s->reason)
		snprintf(buf, 64, "%.16s %s", s->state, cli_show(shown, sizeof(shown), s->reason));
	else
		snprintf(buf, 64, "%.16s", s->state);
	return buf;
}

static const struct table_column session_columns[] = {
	{ .title = "NAME", .usual = 16, .least = 8 },
	{ .title = "SANDBOX", .usual = 36, .least = 9 },
	{ .title = "STATE", .usual = 12 },
	{ .title = "SIZE", .usual = 8 },
	{ .title = "CLIENTS", .right = true },
	{ .title = "AGE", .usual = 5, .right = true },
	{ .title = "COMMAND", .least = 12 },
};

static int add_session(struct table *t, const struct cwsandbox_session *s)
{
	_cleanup_(freep) char *sandbox = text_encode_dup(s->sandbox_id ? s->sandbox_id : "");
	_cleanup_(freep) char *command = text_encode_dup(s->command ? s->command : "");
	char name[128], how[64], size[32], clients[24], since[32];

	if (!sandbox || !command)
		return -ENOMEM;
	snprintf(size, sizeof(size), "%" PRIu64 "x%" PRIu64, s->cols, s->rows);
	snprintf(clients, sizeof(clients), "%" PRIu64, s->clients_total);
	return table_add(t, (const char *const[]){ cli_show(name, sizeof(name), s->name),
				    or_dash(sandbox), state(how, s), size, clients,
				    age(since, s->created_at), or_dash(command) });
}

/* In five places. */
static const char *bytes(char buf[16], uint64_t n)
{
	static const char units[] = "BKMGTPE";
	size_t u = 0;

	for (; n >= 10000 && units[u + 1]; u++)
		n /= 1024;
	snprintf(buf, 16, "%" PRIu64 "%c", n, units[u]);
	return buf;
}

static const struct table_column client_columns[] = {
	{ .title = "SESSION", .usual = 16, .least = 8 },
	{ .title = "ROLE", .usual = 8 },
	{ .title = "POLICY" },
	{ .title = "PID", .usual = 7, .right = true },
	{ .title = "UID", .usual = 5, .right = true },
	{ .title = "SIZE", .usual = 8 },
	{ .title = "LAG", .usual = 5, .right = true },
	{ .title = "SKIPPED", .right = true },
	{ .title = "TERMINAL", .least = 12 },
};

static int add_client(struct table *t, const char *name, const struct cwsandbox_client *c)
{
	char shown[128], tty[64], who[64], term[64], size[32], role[24], lag[16], skipped[16];
	char last[224], pid[24], uid[24], policy[16];

	snprintf(size, sizeof(size), "%" PRIu64 "x%" PRIu64, c->cols, c->rows);
	snprintf(role, sizeof(role), "%.9s%s", c->role ? c->role : "-", c->exclusive ? " x" : "");
	snprintf(pid, sizeof(pid), "%" PRId64, c->pid);
	snprintf(uid, sizeof(uid), "%" PRId64, c->uid);
	snprintf(last, sizeof(last), "%s, %s, %s", cli_show(tty, sizeof(tty), c->tty),
		cli_show(who, sizeof(who), c->name), cli_show(term, sizeof(term), c->term));
	return table_add(t,
		(const char *const[]){ cli_show(shown, sizeof(shown), name), role,
			cli_show(policy, sizeof(policy), c->policy), pid, uid, c->cols ? size : "-",
			bytes(lag, c->lag_bytes), bytes(skipped, c->skipped_bytes), last });
}

static int add_clients(struct table *t, const struct cwsandbox_session *s)
{
	char more[64], shown[128];
	int r = 0;

	for (size_t i = 0; !r && i < s->n_clients; i++)
		r = add_client(t, s->name, &s->clients[i]);
	if (r || s->clients_total <= s->n_clients)
		return r;
	snprintf(more, sizeof(more), "and %" PRIu64 " more", s->clients_total - s->n_clients);
	return table_add(t, (const char *const[]){ cli_show(shown, sizeof(shown), s->name), "", "",
				    "", "", "", "", "", more });
}

static int take_session(struct listing *l, bool clients, const struct cwsandbox_session *s)
{
	if (l->as_json) {
		put_session(&l->json, s);
		return 0;
	}
	return clients ? add_clients(&l->table, s) : add_session(&l->table, s);
}

static void take_page(struct listing *l, const struct cwsandbox_answer *a)
{
	bool clients = parsed_on(l->options, "--clients");

	for (size_t i = 0; i < a->n_sessions && !l->failed; i++) {
		const struct cwsandbox_session *s = &a->sessions[i];

		if (clients && !l->as_json && !s->n_clients)
			continue;
		l->failed = take_session(l, clients, s) != 0;
		l->n_rows++;
	}
	table_print(&l->table, stdout);
}

/* Sessions are few and have no token: a page begins after a name. */
static int list(struct listing *l, struct cli *cli)
{
	struct cwsandbox_request q = { .method = CWSANDBOX_SESSION_LIST };
	char after[NAME_COPY_MAX] = "";
	struct cwsandbox_event e;
	bool more;
	int r;

	do {
		q.after = after;
		r = cli_ask(cli, &q, NULL, &e);
		if (r)
			return r;
		l->take_page(l, e.answer);
		if (l->failed)
			return cli_error("out of memory");
		more = e.answer->more && e.answer->n_sessions;
		if (more)
			snprintf(after, sizeof(after), "%s",
				e.answer->sessions[e.answer->n_sessions - 1].name);
	} while (more);
	return EXIT_OK;
}

static int run_sessions(struct cli *cli, const struct parsed *p)
{
	struct listing l = {
		.as_json = parsed_on(p, "--json"), .take_page = take_page, .options = p
	};
	bool clients = parsed_on(p, "--clients");
	int r = cli_connect(cli, CLI_NO_START);

	if (r && r != CWSANDBOX_E_NO_DAEMON)
		return EXIT_ERROR;
	if (clients)
		listing_columns(&l, client_columns, ARRAY_SIZE(client_columns));
	else
		listing_columns(&l, session_columns, ARRAY_SIZE(session_columns));
	listing_begin(&l);
	r = r ? EXIT_OK : list(&l, cli); /* no daemon, no session */
	return listing_end(&l, r, clients ? "No clients." : "No sessions.");
}

/* clang-format off */
static const struct option sessions_options[] = {
	{ .name = "--clients", .kind = OPTION_FLAG },
	{ .name = "--json", .kind = OPTION_FLAG },
};
const struct command command_sessions = {
	.name = "sessions", .synopsis = "[OPTIONS]", .options = sessions_options,
		.n_options = ARRAY_SIZE(sessions_options),
	.run = run_sessions,
	.help =
"  List the sessions of your daemon, also those that have ended. On a terminal\n"
"  the table is as wide as that, and what is cut ends in an ellipsis; in a pipe,\n"
"  and with --json, everything is whole.\n"
"\n"
"Options:\n"
"  --clients  List who is attached: its role (x: it alone may type), how many\n"
"             bytes it lags behind, and how many it was spared.\n"
"  --json     An array of objects, with the clients; times in milliseconds since\n"
"             the epoch.\n"
"  --help     Show this message and exit.\n",
};
/* clang-format on */

/* ---- one session ---- */

static int ask_about(
	struct cli *cli, const struct cwsandbox_request *q, struct cwsandbox_event *ret)
{
	struct error_context x = { .session = q->name };
	int r;

	if (cli_connect(cli, CLI_SESSIONS))
		return EXIT_ERROR;
	r = cli_try(cli, q, ret);
	if (r && q->to && strcmp(ret->error->code, "name_taken") == 0)
		x.session = q->to;
	return r ? cli_refuse(ret->error, &x) : 0;
}

static int run_detach(struct cli *cli, const struct parsed *p)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_SESSION_DETACH,
		.name = p->args[0] };
	struct cwsandbox_event e;

	return ask_about(cli, &q, &e);
}

static int run_kill(struct cli *cli, const struct parsed *p)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_SESSION_KILL, .name = p->args[0] };
	struct cwsandbox_event e;
	char shown[128];
	int r;

	r = ask_about(cli, &q, &e);
	if (!r && e.answer->fate && strcmp(e.answer->fate, "unknown") == 0)
		fprintf(stderr,
			"cwsandbox: session %s is closed; whether its program has ended is not "
			"known\n",
			cli_show(shown, sizeof(shown), p->args[0]));
	return r;
}

static int run_rename(struct cli *cli, const struct parsed *p)
{
	const struct cwsandbox_request q = {
		.method = CWSANDBOX_SESSION_RENAME, .name = p->args[0], .to = p->args[1]
	};
	struct cwsandbox_event e;
	char shown[256];

	if (!text_is_session_name(p->args[1], strlen(p->args[1])))
		return cli_usage(p->command,
			"Invalid session name '%s': use 1 to %d of A-Z a-z 0-9 . _ -",
			*p->args[1] ? cli_show(shown, sizeof(shown), p->args[1]) : "",
			TEXT_NAME_MAX);
	return ask_about(cli, &q, &e);
}

/* clang-format off */
#define HELP_ONLY \
"\n" \
"Options:\n" \
"  --help  Show this message and exit.\n"

static const char *const one_session[] = { "NAME", NULL };
const struct command command_detach = {
	.name = "detach", .synopsis = "[OPTIONS] NAME", .arguments = one_session, .run = run_detach,
	.help =
"  Detach every terminal from session NAME; the session runs on.\n"
HELP_ONLY,
};
const struct command command_kill = {
	.name = "kill", .synopsis = "[OPTIONS] NAME", .arguments = one_session, .run = run_kill,
	.help =
"  End session NAME, or take an ended one off the list.\n"
"\n"
"  Its input is closed and its call to the service cancelled; the service does\n"
"  not tell whether the program ended.\n"
HELP_ONLY,
};
static const char *const rename_arguments[] = { "NAME", "NEW_NAME", NULL };
const struct command command_rename = {
	.name = "rename", .synopsis = "[OPTIONS] NAME NEW_NAME", .arguments = rename_arguments,
		.run = run_rename,
	.help =
"  Rename a session.\n"
HELP_ONLY,
};
/* clang-format on */
