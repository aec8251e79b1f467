#include "tests/suite.h"

#include "daemon/retry.h"

#define MS USEC_PER_MSEC
#define SEC USEC_PER_SEC

START_TEST(polls_start_at_200_ms_and_grow_by_half_to_2_s)
{
	static const uint64_t expected[] = { 200, 300, 450, 675, 1012, 1518, 2000, 2000 };
	uint64_t pause = 0;

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		pause = retry_poll_pause(pause, 0);
		ck_assert_uint_eq(pause / MS, expected[i]);
	}
}
END_TEST

START_TEST(for_15_s_after_our_own_create_polls_are_at_most_500_ms_apart)
{
	ck_assert_uint_eq(retry_poll_pause(450 * MS, 1), 500 * MS);
	ck_assert_uint_eq(retry_poll_pause(2 * SEC, 15 * SEC - 1), 500 * MS);
	ck_assert_uint_eq(retry_poll_pause(500 * MS, 15 * SEC), 750 * MS);
}
END_TEST

START_TEST(a_failed_poll_is_asked_again_only_when_it_was_transient)
{
	static const struct {
		struct grpc_status st;
		bool again;
	} cases[] = {
		{ { .code = GRPC_UNAVAILABLE }, true },
		{ { .code = GRPC_DEADLINE_EXCEEDED }, true },
		{ { .code = GRPC_RESOURCE_EXHAUSTED }, true },
		{ { .code = GRPC_INTERNAL, .reason = (char *)"CWSANDBOX_BACKEND_UNAVAILABLE" },
			true },
		{ { .code = GRPC_NOT_FOUND }, false },
		{ { .code = GRPC_UNAUTHENTICATED }, false },
		{ { .code = GRPC_INTERNAL, .reason = (char *)"CWSANDBOX_OTHER" }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct retry r = { 0 };
		uint64_t pause;

		ck_assert_int_eq(retry_again(&r, &cases[i].st, SEC, 0, &pause), cases[i].again);
	}
}
END_TEST

START_TEST(failed_polls_have_30_s_from_the_first_failure_on)
{
	const struct grpc_status st = { .code = GRPC_UNAVAILABLE };
	struct retry r = { 0 };
	uint64_t pause;

	ck_assert(retry_again(&r, &st, 100 * SEC, 0, &pause));
	ck_assert_uint_eq(pause, 200 * MS);
	ck_assert(retry_again(&r, &st, 130 * SEC - 200 * MS - 1, 0, &pause));
	ck_assert(!retry_again(&r, &st, 130 * SEC - 200 * MS, 0, &pause));
}
END_TEST

START_TEST(chance_spreads_the_pauses_between_200_ms_and_half_more_than_the_last)
{
	const struct grpc_status st = { .code = GRPC_UNAVAILABLE };
	struct retry r = { .first_usec = SEC, .last_pause_usec = SEC };
	uint64_t pause;

	ck_assert(retry_again(&r, &st, SEC, UINT32_MAX, &pause));
	ck_assert_uint_eq(pause, 1500 * MS);
	ck_assert(retry_again(&r, &st, SEC, UINT32_MAX, &pause));
	ck_assert_uint_eq(pause, 2 * SEC);
	ck_assert(retry_again(&r, &st, SEC, 0, &pause));
	ck_assert_uint_eq(pause, 200 * MS);
}
END_TEST

START_TEST(the_services_delay_counts_up_to_10_s)
{
	struct grpc_status st = {
		.code = GRPC_UNAVAILABLE, .has_retry_delay = true, .retry_delay_usec = 3 * SEC
	};
	struct retry r = { 0 };
	uint64_t pause;

	ck_assert(retry_again(&r, &st, SEC, 0, &pause));
	ck_assert_uint_eq(pause, 3 * SEC);
	st.retry_delay_usec = 60 * SEC;
	ck_assert(retry_again(&r, &st, SEC, 0, &pause));
	ck_assert_uint_eq(pause, 10 * SEC);
}
END_TEST

START_TEST(a_delete_is_tried_three_times_and_only_when_the_service_names_a_delay)
{
	struct grpc_status st = {
		.code = GRPC_UNAVAILABLE, .has_retry_delay = true, .retry_delay_usec = 10 * SEC
	};
	uint64_t pause;

	ck_assert(retry_unavailable(&st, 1, 0, 0, &pause));
	ck_assert_uint_eq(pause, 10 * SEC);
	ck_assert(retry_unavailable(&st, 2, 0, UINT32_MAX, &pause));
	ck_assert_uint_eq(pause, 12 * SEC);
	ck_assert(!retry_unavailable(&st, 3, 0, 0, &pause));
	ck_assert(retry_unavailable(&st, 1, 15 * SEC, 0, &pause));
	ck_assert(
		!retry_unavailable(&st, 1, 15 * SEC - 1, 0, &pause)); /* 5 s must be left for it */
	st.retry_delay_usec++;
	ck_assert(!retry_unavailable(&st, 1, 0, 0, &pause));
	st.retry_delay_usec = SEC;
	st.has_retry_delay = false;
	ck_assert(!retry_unavailable(&st, 1, 0, 0, &pause));
	st.has_retry_delay = true;
	st.code = GRPC_RESOURCE_EXHAUSTED;
	ck_assert(!retry_unavailable(&st, 1, 0, 0, &pause));
}
END_TEST

TEST_MAIN("retry", polls_start_at_200_ms_and_grow_by_half_to_2_s,
	for_15_s_after_our_own_create_polls_are_at_most_500_ms_apart,
	a_failed_poll_is_asked_again_only_when_it_was_transient,
	failed_polls_have_30_s_from_the_first_failure_on,
	chance_spreads_the_pauses_between_200_ms_and_half_more_than_the_last,
	the_services_delay_counts_up_to_10_s,
	a_delete_is_tried_three_times_and_only_when_the_service_names_a_delay)
