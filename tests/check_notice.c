/*
 * check_notice - what the title says of who leads and who may type
 */
#include <string.h>

#include "client/notice.h"
#include "tests/suite.h"

static struct notice n;

static bool refused(const char *code)
{
	const struct cwsandbox_error why = { .code = code, .message = "no" };

	return notice_refused(&n, "work", &why);
}

/* Word of who is there: a lead of pid 1, and one of pid 2 that has the lease or has not. */
static void told(bool exclusive)
{
	const struct cwsandbox_client clients[] = {
		{ .id = 1, .pid = 1, .role = "lead", .name = "x" },
		{ .id = 2, .pid = 2, .role = "peer", .name = "y", .exclusive = exclusive }
	};
	const struct cwsandbox_event e = {
		.kind = CWSANDBOX_EVENT_CLIENTS, .clients = clients, .n_clients = 2
	};

	notice_event(&n, "work", &e);
}

static void begin(void)
{
	n = (struct notice){ .on = true };
	told(false);
}

START_TEST(keys_that_come_after_the_end_change_no_title_and_ring_no_bell)
{
	begin();
	ck_assert(!refused("ended"));
	ck_assert(!n.due && !n.shown && !n.refused);
}
END_TEST

START_TEST(keys_refused_for_want_of_room_or_memory_ring_the_bell_and_name_nobody)
{
	static const char *const codes[] = { "input_window", "no_memory", "denied" };

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		ck_assert(refused(codes[i]));
		ck_assert(!n.due && !n.shown && !n.refused);
	}
}
END_TEST

START_TEST(a_lease_is_told_although_keys_were_refused_for_another_reason_before)
{
	begin();
	refused("no_memory");
	told(true);
	ck_assert(!n.shown); /* not before a key is refused for it */
	ck_assert(refused("exclusive"));
	ck_assert(n.due && n.shown);
	ck_assert_ptr_nonnull(strstr(n.text, "y (pid 2)"));
	told(false);
	ck_assert(!n.shown && n.ask);
}
END_TEST

START_TEST(with_notices_off_only_the_bell_tells)
{
	n = (struct notice){ .on = false };
	ck_assert(refused("exclusive"));
	ck_assert(!n.due && !n.shown);
}
END_TEST

START_TEST(a_daemon_is_silent_when_a_key_and_a_question_got_no_answer)
{
	n = (struct notice){ .on = true };
	ck_assert_int_eq(notice_due_ms(&n), INT64_MAX);
	notice_typed(&n, 1000);
	notice_typed(&n, 2500); /* the first one counts */
	ck_assert_int_eq(notice_due_ms(&n), 1000 + NOTICE_ASK_MS);
	ck_assert_int_eq(notice_silence(&n, "w", 1000 + NOTICE_ASK_MS - 1), NOTICE_NOTHING);
	ck_assert_int_eq(notice_silence(&n, "w", 1000 + NOTICE_ASK_MS), NOTICE_ASK);
	ck_assert_int_eq(notice_silence(&n, "w", 1000 + NOTICE_SILENCE_MS - 1), NOTICE_NOTHING);
	ck_assert_int_eq(notice_silence(&n, "w", 1000 + NOTICE_SILENCE_MS), NOTICE_TELL);
	ck_assert(n.due && n.shown);
	ck_assert_str_eq(n.text, "w: cwsandboxd has not answered for 5 s");
	ck_assert_int_eq(notice_due_ms(&n), INT64_MAX); /* once */
	notice_heard(&n);
	ck_assert(n.ask && !n.shown && !n.due);
	ck_assert_int_eq(notice_due_ms(&n), INT64_MAX);
}
END_TEST

START_TEST(a_daemon_that_answers_late_is_not_silent_and_asked_anew_after_the_next_key)
{
	n = (struct notice){ .on = true };
	notice_typed(&n, 1000);
	ck_assert_int_eq(notice_silence(&n, "w", 1000 + NOTICE_ASK_MS), NOTICE_ASK);
	notice_heard(&n);
	ck_assert(!n.ask);
	ck_assert_int_eq(notice_silence(&n, "w", 1000 + NOTICE_SILENCE_MS), NOTICE_NOTHING);
	notice_typed(&n, 9000);
	ck_assert_int_eq(notice_silence(&n, "w", 9000 + NOTICE_ASK_MS), NOTICE_ASK);
}
END_TEST

START_TEST(where_the_title_is_not_ours_silence_rings_the_bell_alone)
{
	n = (struct notice){ .on = false };
	notice_typed(&n, 1000);
	notice_silence(&n, "w", 9000);
	ck_assert_int_eq(notice_silence(&n, "w", 9000), NOTICE_TELL);
	ck_assert(!n.due && !n.shown);
	notice_heard(&n);
	ck_assert(!n.ask);
}
END_TEST

TEST_MAIN("notice", keys_that_come_after_the_end_change_no_title_and_ring_no_bell,
	keys_refused_for_want_of_room_or_memory_ring_the_bell_and_name_nobody,
	a_lease_is_told_although_keys_were_refused_for_another_reason_before,
	with_notices_off_only_the_bell_tells,
	a_daemon_is_silent_when_a_key_and_a_question_got_no_answer,
	a_daemon_that_answers_late_is_not_silent_and_asked_anew_after_the_next_key,
	where_the_title_is_not_ours_silence_rings_the_bell_alone)
