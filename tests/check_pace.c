#include "tests/suite.h"

#include "client/pace.h"

#define KERNEL ((size_t)16 * 1024)
#define LUMP ((size_t)4352) /* room shows only when so much was read: as Linux does it */
#define STEP_USEC (USEC_PER_MSEC / 2)

/* A pseudo-terminal, and who reads it: `rate` bytes a second, a `burst_usec` worth at a time. */
static struct {
	size_t held;
	uint64_t read;
	bool was_full;
} pty;
static struct pace p;
static uint64_t now_usec;

static void begin(void)
{
	p = (struct pace){ .rate = 0 };
	pty.held = 0;
	pty.read = 0;
	pty.was_full = false;
	now_usec = USEC_PER_SEC;
}

static size_t pty_room(void)
{
	if (pty.was_full && KERNEL - pty.held < LUMP)
		return 0;
	pty.was_full = false;
	return KERNEL - pty.held;
}

static void write_all(size_t n)
{
	while (n) {
		size_t may = min_size(n, pace_room(&p, now_usec)), l = min_size(may, pty_room());

		if (may == 0)
			return; /* paced */
		if (l == 0) {
			pty.was_full = true;
			pace_full(&p, now_usec);
			return;
		}
		pty.held += l;
		pace_wrote(&p, l, now_usec);
		n -= l;
	}
	pace_dry(&p);
}

static void reader(uint64_t rate, uint64_t burst_usec)
{
	size_t n;

	if (now_usec % burst_usec)
		return;
	n = min_size((size_t)(rate * burst_usec / USEC_PER_SEC), pty.held);
	pty.held -= n;
	pty.read += n;
}

/* How much waited in the kernel at most in that time. */
static size_t flood(uint64_t rate, uint64_t burst_usec, uint64_t usec)
{
	size_t most = 0;

	for (uint64_t end = now_usec + usec; now_usec < end; now_usec += STEP_USEC) {
		if (pty_room())
			write_all(64 * 1024);
		reader(rate, burst_usec);
		most = max_size(most, pty.held);
	}
	return most;
}

START_TEST(of_a_slow_terminal_little_waits_in_the_kernel_and_it_is_kept_busy)
{
	static const struct {
		uint64_t rate, burst_usec;
	} cases[] = {
		{ 20 * 1000, 5 * USEC_PER_MSEC },
		{ 20 * 1000, 100 * USEC_PER_MSEC },
		{ 200 * 1000, 10 * USEC_PER_MSEC },
		{ 1000 * 1000, USEC_PER_MSEC },
		{ 1000 * 1000, 5 * USEC_PER_MSEC },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t rate = cases[i].rate, empty = PACE_KERNEL_BYTES * USEC_PER_SEC / rate;
		size_t most, ahead = (size_t)(rate * cases[i].burst_usec / USEC_PER_SEC);

		begin();
		flood(rate, cases[i].burst_usec, 3 * empty);
		ck_assert_uint_ne(p.rate, 0);
		pty.read = 0;
		most = flood(rate, cases[i].burst_usec, 10 * empty);
		/* a burst of its reader, and what may be written at once */
		ck_assert_uint_le(most, ahead + max_size(PACE_PIECE, (size_t)rate / 50) + 1);
		ck_assert_uint_ge(pty.read, rate * 10 * empty / USEC_PER_SEC * 8 / 10);
	}
}
END_TEST

START_TEST(a_fast_terminal_is_never_paced)
{
	begin();
	for (size_t i = 0; i < 100; i++) {
		flood(10 * 1000 * 1000, USEC_PER_MSEC, 50 * USEC_PER_MSEC);
		ck_assert_uint_eq(p.rate, 0);
	}
	ck_assert_uint_ge(pty.read, 45 * 1000 * 1000);
}
END_TEST

START_TEST(a_terminal_that_stood_still_is_not_slow)
{
	begin();
	flood(10 * 1000 * 1000, USEC_PER_MSEC, 100 * USEC_PER_MSEC);
	for (size_t i = 0; i < 5; i++) {
		flood(0, USEC_PER_MSEC, (i + 1) * 700 * USEC_PER_MSEC);
		pty.read = 0;
		flood(10 * 1000 * 1000, USEC_PER_MSEC, 100 * USEC_PER_MSEC);
		ck_assert_uint_eq(p.rate, 0);
		ck_assert_uint_ge(pty.read, 900 * 1000);
	}
}
END_TEST

START_TEST(what_is_written_now_and_then_says_nothing_about_the_rate)
{
	begin();
	for (size_t i = 0; i < 50; i++) { /* each fills the kernel, which then runs empty */
		write_all(KERNEL);
		write_all(1);
		pty.held = 0;
		pty.was_full = false;
		write_all(1);
		now_usec += USEC_PER_SEC;
		ck_assert_uint_eq(p.rate, 0);
	}
}
END_TEST

START_TEST(a_terminal_that_became_fast_is_found_so)
{
	begin();
	flood(200 * 1000, 10 * USEC_PER_MSEC, USEC_PER_SEC);
	ck_assert_uint_ne(p.rate, 0);
	flood(10 * 1000 * 1000, USEC_PER_MSEC,
		(PACE_TIMES + 2) * PACE_KERNEL_BYTES * USEC_PER_SEC / (200 * 1000));
	ck_assert_uint_eq(p.rate, 0);
}
END_TEST

START_TEST(the_time_to_wait_ends_where_there_is_room)
{
	uint64_t until;
	int ms;

	begin();
	ck_assert_int_eq(pace_wait_ms(&p, now_usec), 0);
	flood(20 * 1000, 5 * USEC_PER_MSEC, 2 * USEC_PER_SEC);
	ck_assert_uint_ne(p.rate, 0);
	for (size_t i = 0; i < 100; i++) {
		while (pace_room(&p, now_usec))
			pace_wrote(&p, pace_room(&p, now_usec), now_usec);
		ms = pace_wait_ms(&p, now_usec);
		ck_assert_int_gt(ms, 0);
		until = now_usec + (uint64_t)ms * USEC_PER_MSEC;
		if (ms > 2)
			ck_assert_uint_eq(pace_room(&p, until - 3 * USEC_PER_MSEC), 0);
		ck_assert_uint_ne(pace_room(&p, until), 0);
		now_usec = until;
	}
}
END_TEST

START_TEST(the_kernel_is_looked_at_before_a_flood_s_pieces_and_once_in_a_while_for_keys)
{
	begin();
	ck_assert(pace_looks(&p, PACE_UNSEEN));
	ck_assert(pace_looks(&p, PACE_UNSEEN));
	for (size_t i = 1; i < PACE_UNSEEN; i++)
		ck_assert(!pace_looks(&p, 1));
	ck_assert(pace_looks(&p, 1));
	ck_assert(!pace_looks(&p, PACE_UNSEEN - 1));
	ck_assert(pace_looks(&p, 1));
}
END_TEST

TEST_MAIN("pace", of_a_slow_terminal_little_waits_in_the_kernel_and_it_is_kept_busy,
	a_fast_terminal_is_never_paced, a_terminal_that_stood_still_is_not_slow,
	what_is_written_now_and_then_says_nothing_about_the_rate,
	a_terminal_that_became_fast_is_found_so, the_time_to_wait_ends_where_there_is_room,
	the_kernel_is_looked_at_before_a_flood_s_pieces_and_once_in_a_while_for_keys)
