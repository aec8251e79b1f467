/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec SANDBOX - three commands without a terminal, in an event loop of our own: one command, a
 * script, and `cat` fed through its input
 *
 * The loop is poll(2) on the connection's descriptor; any event library does.
 */
#include <poll.h>

#include "example.h"

static struct cwsandbox *c;

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s %s\n", what, cwsandbox_error(c)->code, cwsandbox_error(c)->message);
	exit(1);
}

/* One turn of the loop: wait for the socket, let the library work. */
static void turn(void)
{
	struct pollfd p = { .fd = cwsandbox_fd(c), .events = cwsandbox_events(c) };

	poll(&p, 1, cwsandbox_timeout_ms(c));
	if (cwsandbox_dispatch(c) < 0)
		fail("dispatch");
}

struct command {
	uint32_t id;  /* of the request */
	int64_t call; /* its attachment; -1: not started yet */
	bool over;
	int exit_code; /* -1: none is known */
};

static void take(struct command *cmd, const struct cwsandbox_event *e)
{
	if (e->kind == CWSANDBOX_EVENT_ANSWER && e->id == cmd->id) {
		if (e->r)
			fprintf(stderr, "exec: %s\n", e->error->message);
		else
			cmd->call = e->answer->attachment;
		cmd->over = e->r != 0;
	} else if (e->kind == CWSANDBOX_EVENT_OUTPUT && e->attachment == cmd->call) {
		fwrite(e->data, 1, e->n, e->stream == 2 ? stderr : stdout);
		cwsandbox_consumed(c, cmd->call, e->n); /* written: the next bytes may come */
	} else if (e->kind == CWSANDBOX_EVENT_EXITED && e->attachment == cmd->call) {
		cmd->exit_code = e->has_exit_code ? (int)e->exit_code : -1;
		cmd->over = true;
	}
}

/* Input goes as far as there is credit; what is left waits for the next turn. What remains; NULL: all went. */
static const char *give(const struct command *cmd, const char *input)
{
	size_t taken;

	while (*input && cwsandbox_input(c, cmd->call, input, strlen(input), &taken) == 0)
		input += taken;
	if (*input)
		return input;
	cwsandbox_close_input(c, cmd->call);
	return NULL;
}

/* Runs one command, with what it reads, if anything; its exit code. */
static int run(const char *sandbox, const char *const *argv, const char *input)
{
	struct cwsandbox_request q;
	struct command cmd = { .call = -1, .exit_code = -1 };
	struct cwsandbox_event e;

	memset(&q, 0, sizeof(q));
	q.method = CWSANDBOX_EXEC;
	q.sandbox_id = sandbox;
	q.argv = argv;
	q.with_stdin = input != NULL;
	q.timeout_ms = TIMEOUT_MS;
	if (cwsandbox_start(c, &q, &cmd.id))
		fail("start");
	while (!cmd.over) {
		while (!cmd.over && cwsandbox_next(c, &e) == 0)
			take(&cmd, &e);
		if (input && cmd.call >= 0 && !cmd.over)
			input = give(&cmd, input);
		if (!cmd.over)
			turn();
	}
	fflush(stdout);
	return cmd.exit_code;
}

int main(int argc, char **argv)
{
	static const char *const hello[] = { "echo", "hello from a command", NULL };
	static const char *const script[] = { "sh", "-c",
		"for i in 1 2 3; do echo line $i; done; exit 7", NULL };
	static const char *const cat[] = { "cat", NULL };
	struct cwsandbox_config config;
	int r;

	if (argc != 2)
		return usage("exec SANDBOX");
	if (cwsandbox_new(&c))
		return no_memory();
	memset(&config, 0, sizeof(config));
	config.client = "exec example";
	cwsandbox_config_from_env(&config);
	r = cwsandbox_connect(c, &config, TIMEOUT_MS);
	if (r == CWSANDBOX_E_NO_DAEMON)
		r = cwsandbox_daemon_start(c, &config, NULL, TIMEOUT_MS);
	if (r)
		fail("connect");
	if (run(argv[1], hello, NULL) != 0 || run(argv[1], script, NULL) != 7)
		return 1;
	if (run(argv[1], cat, "through cat and back\n") != 0)
		return 1;
	cwsandbox_free(c);
	return 0;
}
