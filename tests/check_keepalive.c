#include "tests/suite.h"

#include "daemon/keepalive.h"

#define SEC USEC_PER_SEC

static struct keepalive k;
static struct keepalive_look look;
static uint64_t due;

static void begin(void)
{
	k = (struct keepalive){ 0 };
	look = (struct keepalive_look){ .heard_usec = 1000 * SEC, .calls = true };
}

static enum keepalive_action at(uint64_t sec)
{
	look.now_usec = sec * SEC;
	return keepalive_step(&k, &look, &due);
}

START_TEST(a_silent_peer_is_asked_after_20_s_and_dead_10_s_later)
{
	begin();
	ck_assert_int_eq(at(1019), KEEPALIVE_WAIT);
	ck_assert_uint_eq(due, 1020 * SEC);
	ck_assert_int_eq(at(1020), KEEPALIVE_PING);
	ck_assert_uint_eq(due, 1030 * SEC);
	ck_assert_int_eq(at(1029), KEEPALIVE_WAIT);
	ck_assert_int_eq(at(1030), KEEPALIVE_DEAD);
}
END_TEST

START_TEST(any_byte_after_the_ping_is_an_answer)
{
	begin();
	at(1020);
	look.heard_usec = 1025 * SEC;
	ck_assert_int_eq(at(1030), KEEPALIVE_WAIT);
	ck_assert_uint_eq(due, 1045 * SEC);
}
END_TEST

START_TEST(after_two_pings_without_an_answer_of_its_own_they_are_5_minutes_apart)
{
	begin();
	ck_assert_int_eq(at(1020), KEEPALIVE_PING);
	look.heard_usec = 1020 * SEC + 1; /* the acknowledgement */
	ck_assert_int_eq(at(1030), KEEPALIVE_WAIT);
	ck_assert_int_eq(at(1041), KEEPALIVE_PING);
	look.heard_usec = 1041 * SEC + 1;
	ck_assert_int_eq(at(1051), KEEPALIVE_WAIT);
	ck_assert_uint_eq(due, 1341 * SEC);
	ck_assert_int_eq(at(1340), KEEPALIVE_WAIT);
	ck_assert_int_eq(at(1341), KEEPALIVE_PING);
	ck_assert_int_eq(at(1351), KEEPALIVE_DEAD); /* 310 s after it was last heard */
}
END_TEST

START_TEST(headers_or_data_of_the_peer_make_two_more_free)
{
	begin();
	at(1020);
	look.heard_usec = 1021 * SEC;
	at(1041);
	look.heard_usec = 1042 * SEC;
	look.answers = 1;
	ck_assert_int_eq(at(1051), KEEPALIVE_WAIT);
	ck_assert_uint_eq(due, 1062 * SEC);
	ck_assert_int_eq(at(1062), KEEPALIVE_PING);
}
END_TEST

START_TEST(who_complained_is_asked_every_5_minutes_only)
{
	begin();
	look.rare = true;
	ck_assert_int_eq(at(1299), KEEPALIVE_WAIT);
	ck_assert_int_eq(at(1300), KEEPALIVE_PING);
	look.heard_usec = 1301 * SEC;
	look.answers = 9;
	ck_assert_int_eq(at(1310), KEEPALIVE_WAIT);
	ck_assert_uint_eq(due, 1600 * SEC);
	ck_assert_int_eq(at(1600), KEEPALIVE_PING);
}
END_TEST

START_TEST(without_calls_nobody_is_asked)
{
	begin();
	look.calls = false;
	for (uint64_t sec = 1020; sec < 9000; sec += 20)
		ck_assert_int_eq(at(sec), KEEPALIVE_WAIT);
	look.calls = true; /* the path may be long gone: at once */
	ck_assert_int_eq(at(9000), KEEPALIVE_PING);
	ck_assert_int_eq(at(9010), KEEPALIVE_DEAD);
}
END_TEST

START_TEST(after_our_own_pause_the_answer_that_lies_unread_is_read_first)
{
	begin();
	at(1020);
	ck_assert_int_eq(at(1060), KEEPALIVE_WAIT); /* stopped for 30 s */
	ck_assert_uint_eq(due, 1062 * SEC);
	look.heard_usec = 1060 * SEC;
	ck_assert_int_eq(at(1062), KEEPALIVE_WAIT);

	begin();
	at(1020);
	ck_assert_int_eq(at(1060), KEEPALIVE_WAIT);
	ck_assert_int_eq(at(1062), KEEPALIVE_DEAD); /* there was none */
}
END_TEST

/* The rule of a default gRPC server: a PING is a strike when no HEADERS or DATA of its own and no
 * five minutes lie since the one before; the third ends the connection. */
struct judge {
	unsigned strikes;
	uint64_t last;
};

START_TEST(sec_c34_no_day_of_any_traffic_gives_a_grpc_server_three_strikes)
{
	uint32_t chance = 12345;

	for (int run = 0; run < 20; run++) {
		struct judge judge = { 0 };

		begin();
		due = 1001 * SEC;
		for (uint64_t now = 1001; now < 1001 + 24 * 3600; now++) {
			chance = chance * 1664525 + 1013904223;
			if (run &&
				chance >> 16 < (uint32_t)(65536 >> run)) { /* the server answers */
				look.answers++;
				look.heard_usec = now * SEC;
				judge = (struct judge){ 0 };
			}
			if (now * SEC < due || at(now) != KEEPALIVE_PING)
				continue;
			look.heard_usec = now * SEC + 1;
			judge.strikes =
				judge.last && now - judge.last < 300 ? judge.strikes + 1 : 0;
			judge.last = now;
			ck_assert_uint_le(judge.strikes, 2);
		}
	}
}
END_TEST

TEST_MAIN("keepalive", a_silent_peer_is_asked_after_20_s_and_dead_10_s_later,
	any_byte_after_the_ping_is_an_answer,
	after_two_pings_without_an_answer_of_its_own_they_are_5_minutes_apart,
	headers_or_data_of_the_peer_make_two_more_free,
	who_complained_is_asked_every_5_minutes_only, without_calls_nobody_is_asked,
	after_our_own_pause_the_answer_that_lies_unread_is_read_first,
	sec_c34_no_day_of_any_traffic_gives_a_grpc_server_three_strikes)
