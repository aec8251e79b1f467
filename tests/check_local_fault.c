#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "local/fault.h"

static struct fault_command c;
static char why[FAULT_WHY_MAX];

static int parse(const char *line)
{
	return fault_parse(line, &c, why);
}

START_TEST(every_command_is_known_and_help_names_it)
{
	static const char *const lines[_FAULT_VERB_N] = {
		[FAULT_HELP] = "help",
		[FAULT_LIST] = "list",
		[FAULT_CLEAR] = "clear",
		[FAULT_RST] = "rst",
		[FAULT_GOAWAY] = "goaway",
		[FAULT_REFUSE] = "refuse 5",
		[FAULT_BLACKHOLE] = "blackhole 5",
		[FAULT_DELAY] = "delay 5",
		[FAULT_STALL] = "stall on",
		[FAULT_STREAMS] = "streams 5",
		[FAULT_STATUS] = "status UNAVAILABLE",
		[FAULT_FAIL] = "fail 14",
		[FAULT_END] = "end STREAM_BACKPRESSURE",
	};
	char help[4096];

	fault_help(help, sizeof(help));
	for (int v = 0; v < _FAULT_VERB_N; v++) {
		char word[32];

		ck_assert_msg(parse(lines[v]) == 0, "%s: %s", lines[v], why);
		ck_assert_int_eq(c.verb, v);
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(lines[v], " "), lines[v]);
		ck_assert_ptr_nonnull(strstr(help, word));
	}
}
END_TEST

START_TEST(a_line_with_everything_is_taken_apart)
{
	ck_assert_int_eq(
		parse("status RESOURCE_EXHAUSTED count=3 method=CreateSandbox "
		      "reason=CWSANDBOX_RUNNER_OVERLOADED retry-ms=1500 -- busy -- really"),
		0);
	ck_assert_int_eq(c.code, GRPC_RESOURCE_EXHAUSTED);
	ck_assert_uint_eq(c.count, 3);
	ck_assert_str_eq(c.method, "CreateSandbox");
	ck_assert_str_eq(c.reason, "CWSANDBOX_RUNNER_OVERLOADED");
	ck_assert(c.has_retry && c.retry_usec == 1500 * USEC_PER_MSEC);
	ck_assert_str_eq(c.text, "busy -- really");
	ck_assert_int_eq(parse("end STREAM_TRUNCATED all method=StreamExec sandbox=abc"), 0);
	ck_assert(c.all && !c.next && !strcmp(c.word, "STREAM_TRUNCATED"));
	ck_assert_str_eq(c.sandbox, "abc");
	ck_assert_int_eq(parse("goaway next"), 0);
	ck_assert(c.next);
	ck_assert_int_eq(parse("stall off"), 0);
	ck_assert(!c.on);
}
END_TEST

START_TEST(what_is_no_command_is_refused_with_a_sentence)
{
	static const char *const lines[] = { "", " ", "rstt", "RST", "rst 1", "goaway 1",
		"goaway all", "refuse", "refuse -1", "refuse 1x", "refuse 86401",
		"refuse 99999999999999999999", "delay 60001", "stall", "stall maybe",
		"streams 1000001", "status", "status OK", "status 0", "status 17", "status NO_SUCH",
		"status UNAVAILABLE count=0",
		"status UNAVAILABLE count=", "status UNAVAILABLE method=", "status UNAVAILABLE all",
		"fail UNAVAILABLE count=1", "end", "end X next", "list -- text",
		"status UNAVAILABLE retry-ms=86400001",
		"end 12345678901234567890123456789012345678901234567890123456789012345" };
	static char longer[FAULT_LINE_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		*why = 0;
		ck_assert_msg(parse(lines[i]) == FAULT_E_WRONG, "'%s'", lines[i]);
		ck_assert_uint_gt(strlen(why), 10);
	}
	memset(longer, 'x', FAULT_LINE_MAX + 1);
	ck_assert_int_eq(parse(longer), FAULT_E_WRONG);
	ck_assert_ptr_nonnull(strstr(why, "bytes"));
}
END_TEST

START_TEST(values_are_taken_up_to_their_bounds)
{
	static char text[FAULT_LINE_MAX + 1] = "fail 1 -- ";

	ck_assert_int_eq(parse("refuse 86400"), 0);
	ck_assert_int_eq(parse("blackhole 0"), 0);
	ck_assert_int_eq(parse("delay 60000"), 0);
	ck_assert_int_eq(parse("streams 1000000"), 0);
	ck_assert_int_eq(parse("status 16 count=1000000 retry-ms=86400000"), 0);
	ck_assert_int_eq(
		parse("end 1234567890123456789012345678901234567890123456789012345678901234"), 0);
	memset(text + strlen(text), 't', FAULT_LINE_MAX - strlen(text));
	ck_assert_int_eq(parse(text), 0);
	ck_assert_uint_eq(strlen(c.text), FAULT_LINE_MAX - 10);
}
END_TEST

static int take(struct faults *f, const char *method)
{
	struct grpc_status st = { 0 };
	int code = faults_take(f, method, &st) ? st.code : GRPC_OK;

	grpc_status_done(&st);
	return code;
}

START_TEST(planned_statuses_meet_the_calls_they_name_as_often_as_they_say)
{
	struct faults f;

	faults_init(&f);
	parse("status NOT_FOUND method=GetSandbox count=2");
	ck_assert_int_eq(faults_plan(&f, &c), 0);
	parse("status UNAVAILABLE");
	ck_assert_int_eq(faults_plan(&f, &c), 0);
	ck_assert_int_eq(take(&f, "GetSandbox"), GRPC_NOT_FOUND);
	ck_assert_int_eq(take(&f, "ListSandboxes"), GRPC_UNAVAILABLE);
	ck_assert_int_eq(take(&f, "ListSandboxes"), GRPC_OK);
	ck_assert_int_eq(take(&f, "GetSandbox"), GRPC_NOT_FOUND);
	ck_assert_int_eq(take(&f, "GetSandbox"), GRPC_OK);
	ck_assert_uint_eq(f.n_planned, 0);
	faults_clear(&f);
}
END_TEST

START_TEST(the_status_says_what_the_line_said)
{
	struct grpc_status st = { 0 };

	parse("fail UNAVAILABLE reason=R retry-ms=2000 -- away for lunch");
	fault_status(&c, &st);
	ck_assert_int_eq(st.code, GRPC_UNAVAILABLE);
	ck_assert_str_eq(st.message, "away for lunch");
	ck_assert_str_eq(st.reason, "R");
	ck_assert(st.has_retry_delay && st.retry_delay_usec == 2 * USEC_PER_SEC);
	grpc_status_done(&st);
	parse("fail UNAVAILABLE");
	fault_status(&c, &st);
	ck_assert_ptr_null(st.reason);
	ck_assert(!st.has_retry_delay);
	grpc_status_done(&st);
}
END_TEST

START_TEST(plans_are_bounded_and_cleared)
{
	struct faults f;

	faults_init(&f);
	parse("status INTERNAL");
	for (int i = 0; i < FAULT_PLANNED_MAX; i++)
		ck_assert_int_eq(faults_plan(&f, &c), 0);
	ck_assert_int_eq(faults_plan(&f, &c), FAULT_E_FULL);
	f.stalled = true;
	faults_clear(&f);
	ck_assert(!f.stalled);
	ck_assert_uint_eq(f.n_planned, 0);
	ck_assert_int_eq(take(&f, "Exec"), GRPC_OK);
}
END_TEST

TEST_MAIN("local/fault", every_command_is_known_and_help_names_it,
	a_line_with_everything_is_taken_apart, what_is_no_command_is_refused_with_a_sentence,
	values_are_taken_up_to_their_bounds,
	planned_statuses_meet_the_calls_they_name_as_often_as_they_say,
	the_status_says_what_the_line_said, plans_are_bounded_and_cleared)
