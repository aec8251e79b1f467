#include "tests/suite.h"

#include "daemon/core/credit.h"

#define WINDOW ((size_t)64 * 1024)
#define DRAIN_USEC (10 * USEC_PER_MSEC)
#define TICK_USEC (1 * USEC_PER_MSEC)

static struct credit c;
static uint64_t now_usec;

static void begin(size_t window, uint64_t drain_usec)
{
	c = (struct credit){ .sent = 0 };
	credit_set(&c, window, drain_usec);
	now_usec = 1;
}

/* A sender that always has more, a reader that takes `rate` bytes a second and acknowledges each
 * millisecond. */
static void flood(uint64_t rate, uint64_t usec)
{
	for (uint64_t t = 0; t < usec; t += TICK_USEC) {
		uint64_t took = rate * TICK_USEC / USEC_PER_SEC;

		credit_send(&c, credit_left(&c), now_usec);
		now_usec += TICK_USEC;
		ck_assert_int_eq(credit_ack(&c, min_u64(c.acked + took, c.sent), now_usec), 0);
	}
}

START_TEST(without_a_drain_time_the_whole_window_may_be_on_its_way)
{
	begin(WINDOW, 0);
	ck_assert_uint_eq(credit_left(&c), WINDOW);
	credit_send(&c, WINDOW, now_usec);
	ck_assert_uint_eq(credit_left(&c), 0);
	now_usec += 3600 * USEC_PER_SEC;
	ck_assert_int_eq(credit_ack(&c, 1, now_usec), 0);
	ck_assert_uint_eq(credit_left(&c), 1);
	ck_assert_int_eq(credit_ack(&c, WINDOW, now_usec), 0);
	ck_assert_uint_eq(credit_left(&c), WINDOW);
	ck_assert(credit_settled(&c));
}
END_TEST

START_TEST(what_is_on_its_way_is_what_the_reader_takes_in_the_drain_time)
{
	static const struct {
		uint64_t rate;
		size_t least, most;
	} cases[] = {
		{ 20 * 1000, CREDIT_MIN, CREDIT_MIN }, /* 200 bytes, and the way */
		{ 200 * 1000, 2000, 6000 },
		{ 1000 * 1000, 10000, 20000 },
		{ 100 * 1000 * 1000, WINDOW, WINDOW },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(WINDOW, DRAIN_USEC);
		flood(cases[i].rate, 3 * USEC_PER_SEC);
		ck_assert_uint_ge(c.allowed, cases[i].least);
		ck_assert_uint_le(c.allowed, cases[i].most);
		ck_assert_uint_le(c.sent - c.acked, c.allowed);
	}
}
END_TEST

START_TEST(a_terminal_that_stood_still_is_as_fast_as_before_within_a_few_rounds)
{
	begin(WINDOW, DRAIN_USEC);
	flood(100 * 1000 * 1000, USEC_PER_SEC);
	ck_assert_uint_eq(c.allowed, WINDOW);
	flood(0, 60 * USEC_PER_SEC);
	flood(100 * 1000 * 1000, TICK_USEC);
	ck_assert_uint_eq(c.allowed, CREDIT_MIN);
	flood(100 * 1000 * 1000, 6 * TICK_USEC);
	ck_assert_uint_eq(c.allowed, WINDOW);
}
END_TEST

/* Each acknowledgement comes 15 ms late: the reader could take much more. */
START_TEST(a_busy_machine_is_no_slow_terminal)
{
	begin(WINDOW, DRAIN_USEC);
	for (size_t i = 0; i < 20; i++) {
		credit_send(&c, credit_left(&c), now_usec);
		now_usec += 15 * USEC_PER_MSEC;
		ck_assert_int_eq(credit_ack(&c, c.sent, now_usec), 0);
	}
	ck_assert_uint_eq(c.allowed, WINDOW);
}
END_TEST

START_TEST(from_one_round_to_the_next_the_allowance_at_most_doubles)
{
	size_t before;

	begin(WINDOW, DRAIN_USEC);
	ck_assert_uint_eq(c.allowed, CREDIT_START);
	while (c.allowed < WINDOW) {
		before = c.allowed;
		credit_send(&c, credit_left(&c), now_usec);
		ck_assert_int_eq(credit_ack(&c, c.sent, now_usec), 0); /* at once */
		ck_assert_uint_eq(c.allowed, 2 * before);
	}
	credit_send(&c, credit_left(&c), now_usec);
	ck_assert_int_eq(credit_ack(&c, c.sent, now_usec), 0);
	ck_assert_uint_eq(c.allowed, WINDOW);
}
END_TEST

START_TEST(what_fits_in_the_credit_says_nothing_about_the_rate)
{
	begin(WINDOW, DRAIN_USEC);
	for (size_t i = 0; i < 100; i++) {
		credit_send(&c, 100, now_usec);
		now_usec += USEC_PER_SEC; /* an acknowledgement that was late, no slow terminal */
		ck_assert_int_eq(credit_ack(&c, c.sent, now_usec), 0);
	}
	ck_assert_uint_eq(c.allowed, CREDIT_START);
}
END_TEST

START_TEST(one_byte_more_acknowledged_than_sent_is_refused_and_changes_nothing)
{
	begin(WINDOW, DRAIN_USEC);
	credit_send(&c, 10, now_usec);
	ck_assert_int_eq(credit_ack(&c, 11, now_usec), CREDIT_E_BAD_ACK);
	ck_assert_int_eq(credit_ack(&c, UINT64_MAX, now_usec), CREDIT_E_BAD_ACK);
	ck_assert_uint_eq(c.acked, 0);
	ck_assert_int_eq(credit_ack(&c, 10, now_usec), 0);
	ck_assert_int_eq(credit_ack(&c, 3, now_usec), 0); /* an old one */
	ck_assert_uint_eq(c.acked, 10);
}
END_TEST

START_TEST(a_window_made_smaller_waits_until_enough_is_acknowledged)
{
	begin(WINDOW, 0);
	credit_send(&c, WINDOW, now_usec);
	credit_set(&c, 4096, 0);
	ck_assert_uint_eq(credit_left(&c), 0);
	ck_assert_int_eq(credit_ack(&c, WINDOW - 4096, now_usec), 0);
	ck_assert_uint_eq(credit_left(&c), 0);
	ck_assert_int_eq(credit_ack(&c, WINDOW - 4095, now_usec), 0);
	ck_assert_uint_eq(credit_left(&c), 1);
}
END_TEST

START_TEST(a_drain_time_that_is_taken_back_gives_the_whole_window_also_amid_a_round)
{
	begin(WINDOW, DRAIN_USEC);
	credit_send(&c, credit_left(&c), now_usec);
	credit_set(&c, WINDOW, 0);
	now_usec += USEC_PER_SEC;
	ck_assert_int_eq(credit_ack(&c, c.sent, now_usec), 0);
	ck_assert_uint_eq(credit_left(&c), WINDOW);
}
END_TEST

START_TEST(who_was_quick_once_is_not_held_to_that_for_ever)
{
	begin(WINDOW, DRAIN_USEC);
	credit_send(&c, credit_left(&c), now_usec);
	ck_assert_int_eq(credit_ack(&c, c.sent, now_usec), 0); /* at once */
	for (size_t i = 0; i < 30; i++) {                      /* and then on a busy machine */
		credit_send(&c, credit_left(&c), now_usec);
		now_usec += 15 * USEC_PER_MSEC;
		ck_assert_int_eq(credit_ack(&c, c.sent, now_usec), 0);
	}
	ck_assert_uint_eq(c.allowed, WINDOW);
}
END_TEST

TEST_MAIN("credit", without_a_drain_time_the_whole_window_may_be_on_its_way,
	what_is_on_its_way_is_what_the_reader_takes_in_the_drain_time,
	a_terminal_that_stood_still_is_as_fast_as_before_within_a_few_rounds,
	a_busy_machine_is_no_slow_terminal,
	from_one_round_to_the_next_the_allowance_at_most_doubles,
	what_fits_in_the_credit_says_nothing_about_the_rate,
	a_drain_time_that_is_taken_back_gives_the_whole_window_also_amid_a_round,
	who_was_quick_once_is_not_held_to_that_for_ever,
	one_byte_more_acknowledged_than_sent_is_refused_and_changes_nothing,
	a_window_made_smaller_waits_until_enough_is_acknowledged)
