/*
 * check_options - a command line is read as the official client reads it; JSON and errors are written as it writes them
 */
#include <stdio.h>
#include <string.h>

#include "client/errors.h"
#include "client/json.h"
#include "client/options.h"
#include "tests/suite.h"

static const char *const formats[] = { "table", "json", NULL };
static const struct option exec_options[] = {
	{ .name = "--cwd", .short_name = "-w", .kind = OPTION_TEXT },
	{ .name = "--timeout",
		.short_name = "-t",
		.kind = OPTION_FLOAT,
		.min = 0,
		.min_open = true },
	{ .name = "--stdin", .short_name = "-i", .kind = OPTION_FLAG, .early = true },
};
static const char *const exec_arguments[] = { "SANDBOX_ID", "COMMAND...", NULL };
static const struct command exec = { .name = "exec",
	.options = exec_options,
	.n_options = ARRAY_SIZE(exec_options),
	.arguments = exec_arguments,
	.passes_unknown = true,
	.official = true };

static const struct option logs_options[] = {
	{ .name = "--follow", .short_name = "-f", .kind = OPTION_FLAG },
	{ .name = "--timestamps", .short_name = "-t", .kind = OPTION_FLAG },
	{ .name = "--tail", .kind = OPTION_INT, .min = 0 },
	{ .name = "--since", .kind = OPTION_TIME },
	{ .name = "--output", .short_name = "-o", .kind = OPTION_CHOICE, .choices = formats },
	{ .name = "--tag", .short_name = "-T", .kind = OPTION_TEXT, .many = true },
	{ .name = "--wait", .kind = OPTION_FLAG, .off = "--no-wait" },
	{ .name = "--grace", .kind = OPTION_FLOAT, .min = 0 },
	{ .name = "--lifetime", .kind = OPTION_LIFE },
};
static const char *const logs_arguments[] = { "SANDBOX_ID", NULL };
static const struct command logs = { .name = "logs",
	.options = logs_options,
	.n_options = ARRAY_SIZE(logs_options),
	.arguments = logs_arguments,
	.official = true };

static const char *const new_arguments[] = { "[SANDBOX]", NULL };
static const struct command new = { .name = "new", .arguments = new_arguments, .takes_rest = true };

#define WORDS_MAX 16
static struct parsed parsed;
static struct usage_error error;
static char line_copy[512];

/* Words apart by one blank; "~" stands for an empty one. */
static int parse(const struct command *command, const char *line)
{
	char *words[WORDS_MAX], *save = NULL;
	int n = 0;

	parsed_done(&parsed);
	ck_assert_uint_lt(strlen(line), sizeof(line_copy));
	memcpy(line_copy, line, strlen(line) + 1);
	for (char *w = strtok_r(line_copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n++] = strcmp(w, "~") == 0 ? w + 1 : w;
	return options_parse(&parsed, command, n, words, &error);
}

static void ck_assert_args(const char *expected)
{
	char joined[512] = "";
	size_t n = 0;

	for (size_t i = 0; i < parsed.n_args; i++)
		n += (size_t)snprintf(
			joined + n, sizeof(joined) - n, "%s%s", i ? "|" : "", parsed.args[i]);
	ck_assert_str_eq(joined, expected);
}

START_TEST(known_options_are_taken_wherever_they_stand_and_unknown_ones_go_to_the_command)
{
	ck_assert_int_eq(parse(&exec, "ID sig 3 -w /x"), 0);
	ck_assert_args("ID|sig|3");
	ck_assert_str_eq(parsed_text(&parsed, "--cwd"), "/x");
	ck_assert_int_eq(parse(&exec, "ID ls -lt 5"), 0);
	ck_assert_args("ID|ls|-l");
	ck_assert_double_eq(parsed_get(&parsed, "--timeout")->number, 5);
	ck_assert_int_eq(parse(&exec, "ID cmd --long -abc --x=1 - -"), 0);
	ck_assert_args("ID|cmd|--long|-abc|--x=1|-|-");
	ck_assert_int_eq(parse(&exec, "ID -- cmd -t 5 --help --"), 0);
	ck_assert_args("ID|cmd|-t|5|--help|--");
	ck_assert_int_eq(parse(&exec, "ID cmd --help"), OPTIONS_E_HELP);
}
END_TEST

START_TEST(stdin_is_an_option_only_before_the_sandbox)
{
	ck_assert_int_eq(parse(&exec, "-i ID grep x"), 0);
	ck_assert(parsed_on(&parsed, "--stdin"));
	ck_assert_int_eq(parse(&exec, "-t 5 --stdin ID grep x"), 0);
	ck_assert(parsed_on(&parsed, "--stdin"));
	ck_assert_int_eq(parse(&exec, "ID grep -i x --stdin"), 0);
	ck_assert(!parsed_on(&parsed, "--stdin"));
	ck_assert_args("ID|grep|-i|x|--stdin");
}
END_TEST

START_TEST(options_are_written_in_all_official_ways_and_the_last_one_counts)
{
	ck_assert_int_eq(
		parse(&logs,
			"-ft ID --output=JSON -otable -o json --no-wait --wait -T a -Tb --tag c"),
		0);
	ck_assert(parsed_on(&parsed, "--follow") && parsed_on(&parsed, "--timestamps") &&
		  parsed_on(&parsed, "--wait"));
	ck_assert_str_eq(parsed_text(&parsed, "--output"), "json");
	ck_assert_uint_eq(parsed_get(&parsed, "--tag")->n, 3);
	ck_assert_str_eq(parsed_get(&parsed, "--tag")->list[2], "c");
	ck_assert_ptr_null(parsed_get(&parsed, "--tag")->list[3]);
	ck_assert_int_eq(parse(&logs, "ID --no-wait"), 0);
	ck_assert(parsed_get(&parsed, "--wait")->set && !parsed_on(&parsed, "--wait"));
	ck_assert_int_eq(parse(&logs, "ID --tail 0 --since 2026-01-02T03:04:05"), 0);
	ck_assert_int_eq(parsed_get(&parsed, "--since")->integer, INT64_C(1767323045000));
	ck_assert_int_eq(parse(&logs, "ID --since 1970-01-02"), 0);
	ck_assert_int_eq(parsed_get(&parsed, "--since")->integer, INT64_C(86400000));
	ck_assert_int_eq(parse(&logs, "ID --lifetime 2h"), 0);
	ck_assert_int_eq(parsed_get(&parsed, "--lifetime")->integer, INT64_C(7200000));
}
END_TEST

START_TEST(what_is_wrong_is_told_in_the_official_words)
{
	static const struct {
		const struct command *command;
		const char *line, *text;
		bool bare;
	} rows[] = {
		{ &logs, "--foo ID", "No such option '--foo'.", false },
		{ &logs, "--foo=3 ID", "No such option '--foo'.", false },
		{ &logs, "-fx ID", "No such option '-x'.", false },
		{ &logs, "--tai 3 ID", "No such option '--tai'.", false },
		{ &logs, "", "Missing argument 'SANDBOX_ID'.", false },
		{ &exec, "x", "Missing argument 'COMMAND...'.", false },
		{ &new, "~", "Invalid value for 'SANDBOX': must not be empty.", false },
		{ &logs, "a b", "Got unexpected extra argument (b)", false },
		{ &logs, "a b c", "Got unexpected extra arguments (b c)", false },
		{ &logs, "ID -o xml",
			"Invalid value for '--output' / '-o': 'xml' is not one of 'table', 'json'.",
			false },
		{ &logs, "-o ~",
			"Invalid value for '--output' / '-o': '' is not one of 'table', 'json'.",
			false },
		{ &logs, "a b -o xml",
			"Invalid value for '--output' / '-o': 'xml' is not one of 'table', 'json'.",
			false },
		{ &logs, "ID --tail -1", "Invalid value for '--tail': -1 is not in the range x>=0.",
			false },
		{ &logs, "ID --tail a",
			"Invalid value for '--tail': 'a' is not a valid integer range.", false },
		{ &logs, "ID --grace -1",
			"Invalid value for '--grace': -1.0 is not in the range x>=0.", false },
		{ &exec, "x y -t 0",
			"Invalid value for '--timeout' / '-t': 0.0 is not in the range x>0.",
			false },
		{ &exec, "x y -t -5",
			"Invalid value for '--timeout' / '-t': -5.0 is not in the range x>0.",
			false },
		{ &exec, "x y -t abc",
			"Invalid value for '--timeout' / '-t': 'abc' is not a valid float range.",
			false },
		{ &exec, "x y -t 0x10",
			"Invalid value for '--timeout' / '-t': '0x10' is not a valid float range.",
			false },
		{ &exec, "x ls -ltq 5",
			"Invalid value for '--timeout' / '-t': 'q' is not a valid float range.",
			false },
		{ &logs, "ID --since foo",
			"Invalid value for '--since': 'foo' does not match the formats '%Y-%m-%d', "
			"'%Y-%m-%dT%H:%M:%S', '%Y-%m-%d %H:%M:%S'.",
			false },
		{ &logs, "ID -o", "Option '-o' requires an argument.", true },
		{ &logs, "ID --tail", "Option '--tail' requires an argument.", true },
		{ &logs, "--follow=1 ID", "Option '--follow' does not take a value.", true },
		{ &logs, "ID --nope --help", "No such option '--nope'.", false },
		{ &new, "a b", "Got unexpected extra argument (b)", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_msg(parse(rows[i].command, rows[i].line) == OPTIONS_E_USAGE, "%s",
			rows[i].line);
		ck_assert_str_eq(error.text, rows[i].text);
		ck_assert_msg(error.bare == rows[i].bare, "%s", rows[i].line);
	}
}
END_TEST

/* No usage error where the official client leaves it to the service. */
START_TEST(an_argument_of_an_official_command_that_is_empty_is_told_without_usage)
{
	ck_assert_int_eq(parse(&logs, "~"), OPTIONS_E_EMPTY);
	ck_assert_str_eq(error.text, "Invalid value for 'SANDBOX_ID': must not be empty.");
	ck_assert_int_eq(parse(&exec, "~ true"), OPTIONS_E_EMPTY);
	ck_assert_int_eq(parse(&exec, "x ~"), 0);
	ck_assert_int_eq(parse(&logs, "~ b"), OPTIONS_E_USAGE);
	ck_assert_str_eq(error.text, "Got unexpected extra argument (b)");
}
END_TEST

START_TEST(help_wins_over_values_and_arguments_that_are_wrong)
{
	ck_assert_int_eq(parse(&logs, "--help"), OPTIONS_E_HELP);
	ck_assert_int_eq(parse(&logs, "a b c --help -o xml"), OPTIONS_E_HELP);
}
END_TEST

START_TEST(a_command_after_the_dashes_is_kept_apart)
{
	ck_assert_int_eq(parse(&new, "box -- ls -l -- x"), 0);
	ck_assert_args("box");
	ck_assert_uint_eq(parsed.n_rest, 4);
	ck_assert_str_eq(parsed.rest[2], "--");
	ck_assert_ptr_null(parsed.rest[4]);
	ck_assert_int_eq(parse(&new, "-- ls"), 0);
	ck_assert_uint_eq(parsed.n_args, 0);
}
END_TEST

START_TEST(hostile_words_are_told_in_one_printable_line)
{
	ck_assert_int_eq(parse(&logs, "\x1b[31mred\n x"), OPTIONS_E_USAGE);
	ck_assert_ptr_null(strchr(error.text, '\x1b'));
	ck_assert_int_eq(parse(&logs, "ID \x1b]0;evil\x07\n"), OPTIONS_E_USAGE);
	ck_assert_ptr_null(strpbrk(error.text, "\x1b\x07\n"));
}
END_TEST

START_TEST(a_shell_line_is_split_as_a_posix_shell_would)
{
	static const struct {
		const char *line, *words;
	} rows[] = {
		{ "/bin/bash", "/bin/bash" },
		{ "  a   b ", "a|b" },
		{ "python -c \"print('x')\"", "python|-c|print('x')" },
		{ "a 'b c'd \"e\\\"f\\g\"", "a|b cd|e\"f\\g" },
		{ "a\\ b ''", "a b|" },
		{ "", "" },
		{ "'a\\'", "a\\" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char **words, *why;
		char joined[128] = "";
		size_t n = 0;

		ck_assert_int_eq(options_split(rows[i].line, &words, &why), 0);
		for (size_t k = 0; words[k]; k++)
			n += (size_t)snprintf(
				joined + n, sizeof(joined) - n, "%s%s", k ? "|" : "", words[k]);
		ck_assert_str_eq(joined, rows[i].words);
		free(words);
	}
}
END_TEST

START_TEST(a_shell_line_with_an_open_quote_is_refused)
{
	static const char *const bad[] = { "'a", "\"a", "a \"b c", "\"\\\"" };
	const char **words, *why = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_int_eq(options_split(bad[i], &words, &why), -EINVAL);
		ck_assert_str_eq(why, "No closing quotation");
	}
	ck_assert_int_eq(options_split("a\\", &words, &why), -EINVAL);
	ck_assert_str_eq(why, "No escaped character");
}
END_TEST

/* ---- json ---- */

START_TEST(json_is_written_as_the_official_client_writes_it)
{
	static const char expected[] =
		"{\n  \"a\": \"x\\u00e9\\ud83d\\ude00\\\"\\\\\\n\\u001b\\u007f\\ufffd\",\n  \"b\": "
		"null,\n"
		"  \"c\": [\n    1,\n    true,\n    {}\n  ],\n  \"d\": [],\n  \"e\": -5\n}\n";
	struct json j = { .data = NULL };
	const char *text;
	size_t n;

	json_open(&j, NULL, '{');
	json_str(&j, "a", "x\u00e9\U0001F600\"\\\n\x1b\x7f\xff");
	json_str(&j, "b", NULL);
	json_open(&j, "c", '[');
	json_int(&j, NULL, 1);
	json_bool(&j, NULL, true);
	json_open(&j, NULL, '{');
	json_close(&j);
	json_close(&j);
	json_open(&j, "d", '[');
	json_close(&j);
	json_int(&j, "e", -5);
	json_close(&j);
	ck_assert_int_eq(json_finish(&j, &text, &n), 0);
	ck_assert_uint_eq(n, sizeof(expected) - 1);
	ck_assert_mem_eq(text, expected, n);
	json_done(&j);
}
END_TEST

/* ---- errors ---- */

#define SERVICE(status_, reason_, detail_)                                                         \
	{                                                                                          \
		.code = "service", .message = "m", .status = (status_), .reason = (reason_),       \
		.detail = (detail_)                                                                \
	}

START_TEST(errors_of_the_service_have_the_official_words)
{
	static const struct cwsandbox_violation violations[] = { { "image", "bad" },
		{ "tags", "long" } };
	static const struct error_context get = { .operation = "Get sandbox", .sandbox_id = "ID" };
	static const struct error_context tty = { .operation = "TTY exec" };
	static const struct error_context exec_x = { .operation = "Execute command",
		.sandbox_id = "ID",
		.command = "sleep 9",
		.timeout_s = 5 };
	static const struct {
		struct cwsandbox_error e;
		const struct error_context *x;
		const char *text;
	} rows[] = {
		{ SERVICE("NOT_FOUND", "CWSANDBOX_SANDBOX_NOT_FOUND", "d"), &get,
			"Sandbox 'ID' not found" },
		{ SERVICE("NOT_FOUND", NULL, "d"), &get, "Sandbox 'ID' not found" },
		{ SERVICE("NOT_FOUND", "CWSANDBOX_FILE_NOT_FOUND", "no /x"), &get,
			"File operation failed (CWSANDBOX_FILE_NOT_FOUND): no /x" },
		{ SERVICE("INTERNAL", "CWSANDBOX_COMMAND_TIMEOUT", "d"), &get,
			"Get sandbox timed out: d" },
		{ SERVICE("INTERNAL", "CWSANDBOX_BACKEND_UNAVAILABLE", "d"), &get,
			"Service unavailable: d" },
		{ SERVICE("INTERNAL", "CWSANDBOX_FSS_NOT_READY", "d"), &get,
			"Get sandbox failed (CWSANDBOX_FSS_NOT_READY): d" },
		{ SERVICE("CANCELLED", NULL, "d"), &get,
			"Get sandbox was cancelled (sandbox ID connection closed)" },
		{ SERVICE("DEADLINE_EXCEEDED", NULL, "Deadline Exceeded"), &get,
			"Get sandbox timed out: Deadline Exceeded" },
		{ SERVICE("DEADLINE_EXCEEDED", NULL, "d"), &exec_x,
			"Command sleep 9 timed out after 5.0s" },
		{ { .code = "timeout", .message = "m" }, &exec_x,
			"Command sleep 9 timed out after 5.0s" },
		{ SERVICE("UNAVAILABLE", NULL, "d"), &get, "Service unavailable: d" },
		{ SERVICE("RESOURCE_EXHAUSTED", NULL, "d"), &get,
			"Get sandbox resource exhausted: d" },
		{ { .code = "service",
			  .message = "m",
			  .status = "INVALID_ARGUMENT",
			  .detail = "d",
			  .violations = violations,
			  .n_violations = 2 },
			&get, "Get sandbox failed: d; field violations: image: bad; tags: long" },
		{ SERVICE("INVALID_ARGUMENT", NULL, "d"), &get, "Get sandbox failed: d" },
		{ SERVICE("UNAUTHENTICATED", NULL, "d"), &get, "Authentication failed: d" },
		{ SERVICE("PERMISSION_DENIED", NULL, "d"), &get, "Permission denied: d" },
		{ SERVICE("UNKNOWN", NULL, "d"), &get, "Get sandbox failed: d" },
		{ { .code = "service", .message = "m", .status = "CANCELLED", .sandbox_id = "X" },
			&tty, "TTY exec was cancelled (sandbox X connection closed)" },
		{ { .code = "sandbox_gone", .message = "m", .sandbox_id = "X" }, &get,
			"Sandbox X has been stopped" },
		{ { .code = "unreachable", .message = "no route" }, &get,
			"Service unavailable: no route" },
		{ { .code = "limit", .message = "too many" }, NULL, "too many" },
	};
	char buf[ERRORS_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_str_eq(error_text(buf, &rows[i].e, rows[i].x), rows[i].text);
}
END_TEST

START_TEST(what_the_service_says_is_one_printable_line_and_bounded)
{
	char detail[3 * ERRORS_TEXT_MAX], buf[ERRORS_TEXT_MAX];
	struct cwsandbox_error e = SERVICE("UNKNOWN", NULL, "a\x1b]52;c;eA==\x07\r\nb\u202ec");

	error_text(buf, &e, NULL);
	ck_assert_ptr_null(strpbrk(buf, "\x1b\x07\r\n"));
	ck_assert_ptr_null(strstr(buf, "\u202e"));
	memset(detail, 'x', sizeof(detail));
	detail[sizeof(detail) - 1] = 0;
	e.detail = detail;
	ck_assert_uint_lt(strlen(error_text(buf, &e, NULL)), ERRORS_TEXT_MAX);
}
END_TEST

TEST_MAIN("options", known_options_are_taken_wherever_they_stand_and_unknown_ones_go_to_the_command,
	stdin_is_an_option_only_before_the_sandbox,
	options_are_written_in_all_official_ways_and_the_last_one_counts,
	what_is_wrong_is_told_in_the_official_words,
	an_argument_of_an_official_command_that_is_empty_is_told_without_usage,
	help_wins_over_values_and_arguments_that_are_wrong,
	a_command_after_the_dashes_is_kept_apart, hostile_words_are_told_in_one_printable_line,
	a_shell_line_is_split_as_a_posix_shell_would, a_shell_line_with_an_open_quote_is_refused,
	json_is_written_as_the_official_client_writes_it,
	errors_of_the_service_have_the_official_words,
	what_the_service_says_is_one_printable_line_and_bounded)
