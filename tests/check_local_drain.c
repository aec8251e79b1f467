#include "tests/suite.h"

#include "local/drain.h"

static struct drain d;
static struct drain_look look;

static enum drain_verdict at(const struct drain_limit *limit, uint64_t sec)
{
	look.now_usec = sec * USEC_PER_SEC;
	return drain_judge(&d, limit, &look);
}

static void begin(void)
{
	d = (struct drain){ 0 };
	look = (struct drain_look){ .waiting = true };
}

START_TEST(a_limit_is_bytes_or_time_within_its_bounds)
{
	static const char *const bad[] = { "", "0", "0s", "x", "-1", "65M", "67108865", "3601s",
		"61m", "2h", "1d", "K", "s" };
	struct drain_limit limit;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(drain_parse(bad[i], &limit) < 0, "'%s'", bad[i]);
	ck_assert_int_eq(drain_parse("64M", &limit), 0);
	ck_assert_uint_eq(limit.bytes, DRAIN_BYTES_MAX);
	ck_assert_uint_eq(limit.usec, 0);
	ck_assert_int_eq(drain_parse("1", &limit), 0);
	ck_assert_uint_eq(limit.bytes, 1);
	ck_assert_int_eq(drain_parse("1s", &limit), 0);
	ck_assert_uint_eq(limit.usec, USEC_PER_SEC);
	ck_assert_uint_eq(limit.bytes, 0);
	ck_assert_int_eq(drain_parse("60m", &limit), 0);
	ck_assert_uint_eq(limit.usec, DRAIN_USEC_MAX);
}
END_TEST

START_TEST(by_time_a_stream_ends_so_long_after_the_last_byte_was_taken)
{
	const struct drain_limit limit = { .usec = 10 * USEC_PER_SEC };

	begin();
	ck_assert_int_eq(at(&limit, 100), DRAIN_FINE);
	ck_assert_int_eq(at(&limit, 109), DRAIN_FINE);
	look.sent = 5; /* it moved */
	ck_assert_int_eq(at(&limit, 111), DRAIN_FINE);
	ck_assert_int_eq(at(&limit, 112), DRAIN_FINE);
	ck_assert_int_eq(at(&limit, 121), DRAIN_FINE);
	ck_assert_int_eq(at(&limit, 122), DRAIN_OVER);
}
END_TEST

START_TEST(a_stream_without_output_never_ends_by_its_limit)
{
	const struct drain_limit limits[] = { { .usec = USEC_PER_SEC }, { .bytes = 1 } };

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		begin();
		look.waiting = false;
		for (uint64_t sec = 1; sec < 1000; sec += 100)
			ck_assert_int_eq(at(&limits[i], sec), DRAIN_FINE);
		look.waiting = true; /* the time before does not count */
		ck_assert_int_eq(at(&limits[i], 2000), DRAIN_FINE);
	}
}
END_TEST

START_TEST(by_bytes_output_is_held_up_to_the_limit_and_not_a_byte_beyond)
{
	const struct drain_limit limit = { .bytes = 1000 };

	begin();
	ck_assert_int_eq(at(&limit, 1), DRAIN_FINE);
	ck_assert_int_eq(at(&limit, 2), DRAIN_TAKE);
	look.held = 1000;
	ck_assert_int_eq(at(&limit, 3000), DRAIN_TAKE);
	look.held = 1001;
	ck_assert_int_eq(at(&limit, 3001), DRAIN_OVER);
	look.sent = 1; /* in time */
	ck_assert_int_eq(at(&limit, 3002), DRAIN_FINE);
}
END_TEST

TEST_MAIN("local/drain", a_limit_is_bytes_or_time_within_its_bounds,
	by_time_a_stream_ends_so_long_after_the_last_byte_was_taken,
	a_stream_without_output_never_ends_by_its_limit,
	by_bytes_output_is_held_up_to_the_limit_and_not_a_byte_beyond)
