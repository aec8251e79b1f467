/*
 * cmd_capture - what a session's screen shows, and its history, for scripts
 */
#include <stdio.h>
#include <string.h>

#include "client/cli.h"
#include "client/json.h"

struct capture {
	struct json json; /* with --json */
	bool as_json;
	uint64_t next,
		end;    /* numbers of lines: the next one, and where the first page saw the end */
	unsigned blank; /* lines not yet written: none at the end are */
};

static void json_begin(struct capture *cap, const struct cwsandbox_answer *a, const char *name)
{
	struct json *j = &cap->json;

	json_open(j, NULL, '{');
	json_str(j, "name", name);
	json_uint(j, "cols", a->cols);
	json_uint(j, "rows", a->rows);
	json_bool(j, "alternate", a->alternate);
	json_open(j, "cursor", '{');
	json_uint(j, "x", a->cursor_x);
	json_uint(j, "y", a->cursor_y);
	json_uint(j, "shape", a->cursor_shape);
	json_bool(j, "visible", a->cursor_visible);
	json_close(j);
	json_str(j, "title", a->title);
	json_uint(j, "screen", a->screen);
	json_open(j, "lines", '[');
}

static void put_line(struct capture *cap, const char *line)
{
	if (cap->as_json) {
		json_raw(&cap->json, NULL, line);
		return;
	}
	if (!*line) {
		cap->blank++;
		return;
	}
	for (; cap->blank; cap->blank--)
		putchar('\n');
	puts(line);
}

static void take_page(struct capture *cap, const struct cwsandbox_answer *a)
{
	for (size_t i = 0; i < a->n_lines && a->from + i < cap->end; i++)
		put_line(cap, a->lines[i]);
	cap->next = a->from + a->n_lines;
	if (!a->more || !a->n_lines)
		cap->end = cap->next;
}

static int finish(struct capture *cap)
{
	const char *text;
	size_t n;

	if (!cap->as_json)
		return fflush(stdout) == 0 || errno == EPIPE
			       ? EXIT_OK
			       : cli_error("cannot write the output: %s", strerror(errno));
	json_close(&cap->json);
	json_close(&cap->json);
	if (json_finish(&cap->json, &text, &n))
		return cli_error("out of memory");
	return cli_print(text, n);
}

static int capture(struct cli *cli, struct cwsandbox_request *q, struct capture *cap)
{
	const struct error_context x = { .session = q->name };
	struct cwsandbox_event e;
	int r;

	r = cli_ask(cli, q, &x, &e);
	if (r)
		return r;
	cap->end = e.answer->screen + e.answer->rows;
	if (cap->as_json)
		json_begin(cap, e.answer, q->name);
	take_page(cap, e.answer);
	q->has_history = false;
	while (cap->next < cap->end) {
		q->from = cap->next;
		r = cli_ask(cli, q, &x, &e);
		if (r)
			return r;
		take_page(cap, e.answer);
	}
	return finish(cap);
}

static int run_capture(struct cli *cli, const struct parsed *p)
{
	struct capture cap = { .as_json = parsed_on(p, "--json") };
	const struct option_value *history = parsed_get(p, "--history");
	struct cwsandbox_request q = { .method = CWSANDBOX_SESSION_CAPTURE,
		.name = p->args[0],
		.format = cap.as_json              ? "json"
			  : parsed_on(p, "--ansi") ? "ansi"
						   : "text",
		.has_history = history->set,
		.history = cli_history(history) };
	int r;

	if (cap.as_json && parsed_on(p, "--ansi"))
		return cli_usage(p->command, "Use one of --ansi and --json.");
	if (cli_connect(cli, CLI_SESSIONS))
		return EXIT_ERROR;
	r = capture(cli, &q, &cap);
	json_done(&cap.json);
	return r;
}

/* clang-format off */
static const struct option options[] = {
	{ .name = "--ansi", .kind = OPTION_FLAG },
	{ .name = "--json", .kind = OPTION_FLAG },
	{ .name = "--history", .kind = OPTION_INT },
};
static const char *const arguments[] = { "NAME", NULL };
const struct command command_capture = {
	.name = "capture", .synopsis = "[OPTIONS] NAME", .options = options,
		.n_options = ARRAY_SIZE(options), .arguments = arguments,
	.run = run_capture,
	.help =
"  Print what the screen of session NAME shows.\n"
"\n"
"  Without --json blank lines at its end are left out.\n"
"\n"
"Options:\n"
"  --ansi             With colours and attributes.\n"
"  --json             An object: size, cursor, title, and the lines as runs of one\n"
"                     style each.\n"
"  --history INTEGER  So many lines of history first.\n"
"  --help             Show this message and exit.\n",
};
/* clang-format on */
