#include "tests/suite.h"

#include <string.h>

#include "daemon/core/log.h"

#define MAX ((size_t)65536)

static struct ledger ledger;
static struct clock now;
static struct log s_log;
static uint8_t blob[4 * MAX];
static struct reader *lost; /* by on_lost, the last */

static void on_lost(struct reader *r, uint64_t tail)
{
	lost = r;
	reader_seek(r, tail);
}

static void on_lost_leave(struct reader *r, uint64_t tail)
{
	(void)tail;
	lost = r;
	reader_done(r);
}

static void begin(void)
{
	for (size_t i = 0; i < sizeof(blob); i++)
		blob[i] = (uint8_t)(i * 7 + i / 251);
	ledger_init(&ledger, NULL, 0);
	now.now_usec = 1;
	lost = NULL;
	log_init(&s_log, &(struct log_config){ MAX, &ledger, &now });
}

static void end(void)
{
	log_done(&s_log);
	ck_assert_uint_eq(ledger_held(&ledger), 0);
}

static int append(size_t n)
{
	return log_append(&s_log, blob + s_log.head % 251, n, LOG_STDOUT);
}

/* Reads up to n bytes and compares them with what append() wrote at these offsets. */
static size_t check_read(struct reader *r, size_t n)
{
	struct iovec iov[64];
	size_t got, n_iov, at = 0;
	unsigned stream;
	uint8_t buf[4 * MAX];

	got = reader_peek(r, n, iov, 64, &n_iov, &stream);
	ck_assert_uint_le(got, n);
	for (size_t i = 0; i < n_iov; i++) {
		ck_assert_uint_gt(iov[i].iov_len, 0);
		memcpy(buf + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	ck_assert_uint_eq(at, got);
	reader_advance(r, got);
	return got;
}

START_TEST(a_slow_block_reader_holds_the_window_a_skip_reader_never_does)
{
	struct reader fast = { .on_lost = on_lost }, slow = { .on_lost = on_lost };
	struct reader skip = { .on_lost = on_lost };

	begin();
	reader_init(&fast, &s_log, 0, true);
	reader_init(&slow, &s_log, 0, true);
	reader_init(&skip, &s_log, 0, false);
	ck_assert_int_eq(append(60000), 0);
	reader_advance(&fast, 60000);
	ck_assert_uint_eq(log_trim(&s_log), 0); /* slow has none: no window back */
	ck_assert_int_eq(append(6000), LOG_E_FULL);
	ck_assert_uint_eq(s_log.head, 60000);
	reader_advance(&slow, 20000);
	ck_assert_uint_eq(log_trim(&s_log), 20000);
	ck_assert_ptr_null(lost);
	ck_assert_int_eq(append(6000), 0); /* over max: the tail moves to 464 */
	ck_assert_ptr_eq(lost, &skip);
	ck_assert_uint_eq(skip.pos, 464);
	ck_assert_uint_eq(log_trim(&s_log), 0);
	reader_done(&fast);
	reader_done(&slow);
	ck_assert_uint_eq(log_trim(&s_log), 46000);
	reader_done(&skip);
	end();
}
END_TEST

START_TEST(the_log_takes_exactly_its_room_and_not_a_byte_more)
{
	struct reader r = { .on_lost = on_lost };

	begin();
	reader_init(&r, &s_log, 0, true);
	ck_assert_uint_eq(log_room(&s_log), MAX);
	ck_assert_int_eq(append(MAX + 1), LOG_E_FULL);
	ck_assert_uint_eq(ledger_held(&ledger), 0);
	ck_assert_int_eq(append(MAX), 0);
	ck_assert_uint_eq(log_room(&s_log), 0);
	ck_assert_int_eq(append(1), LOG_E_FULL);
	ck_assert_int_eq(append(0), 0);
	reader_advance(&r, 1);
	ck_assert_uint_eq(log_trim(&s_log), 1);
	ck_assert_int_eq(append(1), 0);
	reader_done(&r);
	end();
}
END_TEST

START_TEST(what_is_read_is_what_was_written_across_chunks)
{
	struct reader r = { .on_lost = on_lost };
	struct iovec iov[64];
	size_t n, n_iov, at = 0;
	unsigned stream;

	begin();
	reader_init(&r, &s_log, 0, true);
	for (size_t i = 0; i < 60; i++)
		ck_assert_int_eq(log_append(&s_log, blob + i * 1000, 1000, LOG_STDOUT), 0);
	while (reader_lag(&r)) {
		n = reader_peek(&r, 777, iov, 64, &n_iov, &stream);
		ck_assert_uint_eq(n, min_size(777, 60000 - at));
		for (size_t i = 0; i < n_iov; i++) {
			ck_assert_int_eq(memcmp(iov[i].iov_base, blob + at, iov[i].iov_len), 0);
			at += iov[i].iov_len;
		}
		reader_advance(&r, n);
	}
	ck_assert_uint_eq(at, 60000);
	ck_assert_uint_eq(reader_peek(&r, 1, iov, 64, &n_iov, &stream), 0);
	ck_assert_uint_eq(n_iov, 0);
	reader_done(&r);
	end();
}
END_TEST

START_TEST(two_streams_share_chunks_and_a_span_is_of_one)
{
	struct reader r = { .on_lost = on_lost };
	struct iovec iov[64];
	size_t n, n_iov, run = 0;
	unsigned stream;

	begin();
	reader_init(&r, &s_log, 0, true);
	for (size_t i = 0; i < 2000; i++)
		ck_assert_int_eq(
			log_append(&s_log, blob, 1 + i % 3, i % 2 ? LOG_STDERR : LOG_STDOUT), 0);
	ck_assert_uint_lt(ledger_held(&ledger), 16384); /* not a chunk for each byte */
	for (size_t i = 0; i < 2000; i++) {
		run = 0;
		while (run <
			1 + i % 3) { /* a run may be cut by a chunk's end, never joined with the next */
			n = reader_peek(&r, 1000, iov, 64, &n_iov, &stream);
			ck_assert_uint_gt(n, 0);
			ck_assert_uint_eq(stream, i % 2 ? LOG_STDERR : LOG_STDOUT);
			reader_advance(&r, n);
			run += n;
		}
		ck_assert_uint_eq(run, 1 + i % 3);
	}
	ck_assert_uint_eq(reader_lag(&r), 0);
	reader_done(&r);
	end();
}
END_TEST

START_TEST(long_runs_of_a_stream_are_found_at_word_edges)
{
	static const size_t runs[] = { 1, 63, 64, 65, 127, 128, 129, 1, 200, 2, 62, 1000 };
	struct reader r = { .on_lost = on_lost };
	struct iovec iov[64];
	size_t n_iov;
	unsigned stream;

	begin();
	reader_init(&r, &s_log, 0, true);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		log_append(&s_log, blob, runs[i], i % 2 ? LOG_STDOUT : LOG_STDERR);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		ck_assert_uint_eq(reader_peek(&r, 5000, iov, 64, &n_iov, &stream), runs[i]);
		ck_assert_uint_eq(stream, i % 2 ? LOG_STDOUT : LOG_STDERR);
		reader_advance(&r, runs[i]);
	}
	reader_done(&r);
	end();
}
END_TEST

START_TEST(a_reader_in_the_way_may_leave_and_the_others_stay)
{
	struct reader r[5];

	begin();
	for (size_t i = 0; i < 5; i++) {
		r[i] = (struct reader){ .on_lost = i % 2 ? on_lost_leave : on_lost };
		reader_init(&r[i], &s_log, 0, false);
	}
	for (size_t i = 0; i < 10; i++) {
		ck_assert_int_eq(append(MAX / 2), 0);
		ck_assert_uint_eq(log_trim(&s_log), MAX / 2);
		ck_assert_uint_le(s_log.head - s_log.tail, MAX);
		for (size_t k = 0; k < 5; k++)
			if (list_linked(&r[k].link))
				ck_assert_uint_ge(r[k].pos, s_log.tail);
	}
	for (size_t i = 0; i < 5; i++) {
		ck_assert_int_eq(list_linked(&r[i].link), i % 2 == 0);
		reader_done(&r[i]);
	}
	ck_assert_uint_le(ledger_held(&ledger), MAX + 2 * LOG_CHUNK_MAX);
	end();
}
END_TEST

START_TEST(a_reader_that_comes_back_behind_the_hold_takes_back_what_was_given_as_window)
{
	struct reader screen = { .on_lost = on_lost }, back = { .on_lost = on_lost };

	begin();
	reader_init(&screen, &s_log, 0, true);
	ck_assert_int_eq(append(50000), 0);
	reader_advance(&screen, 50000);
	ck_assert_uint_eq(log_trim(&s_log), 50000); /* the upstream may send all of max again */
	reader_init(&back, &s_log, 10000, true);
	ck_assert_uint_eq(log_room(&s_log), MAX); /* it still may */
	ck_assert_int_eq(append(MAX), 0);
	ck_assert_ptr_null(lost);
	ck_assert_uint_eq(s_log.tail, 10000);
	reader_advance(&screen, MAX);
	ck_assert_uint_eq(log_trim(&s_log), 0);
	ck_assert_uint_eq(check_read(&back, 40000), 40000); /* pays what was given twice */
	ck_assert_uint_eq(log_trim(&s_log), 0);
	ck_assert_uint_eq(check_read(&back, MAX), MAX);
	ck_assert_uint_eq(log_trim(&s_log), MAX);
	ck_assert_uint_eq(s_log.owed, 0);
	reader_done(&screen);
	reader_done(&back);
	end();
}
END_TEST

START_TEST(what_is_kept_for_nobody_is_shed_and_what_is_held_is_not)
{
	struct reader r = { .on_lost = on_lost };
	size_t before;

	begin();
	reader_init(&r, &s_log, 0, true);
	for (size_t i = 0; i < 15; i++)
		ck_assert_int_eq(append(4000), 0);
	ck_assert_uint_eq(log_shed(&s_log, SIZE_MAX), 0);
	reader_advance(&r, 30000);
	log_trim(&s_log);
	before = ledger_held(&ledger);
	ck_assert_uint_gt(log_shed(&s_log, SIZE_MAX), 0);
	ck_assert_uint_lt(ledger_held(&ledger), before);
	ck_assert_uint_le(s_log.tail, 30000);
	ck_assert_uint_eq(check_read(&r, MAX), 30000);
	reader_done(&r);
	end();
}
END_TEST

START_TEST(age_is_never_more_than_the_true_wait)
{
	struct reader r = { .on_lost = on_lost };

	begin();
	reader_init(&r, &s_log, 0, true);
	ck_assert_uint_eq(reader_age_usec(&r), 0);
	append(10);
	now.now_usec += 500;
	ck_assert_uint_eq(reader_age_usec(&r), 500);
	append(10);
	ck_assert_uint_le(reader_age_usec(&r), 500);
	reader_advance(&r, 20);
	ck_assert_uint_eq(reader_age_usec(&r), 0);
	reader_done(&r);
	end();
}
END_TEST

START_TEST(lines_are_counted_at_any_offset_however_many_are_side_by_side)
{
	static const size_t sizes[] = { 1, 15, 16, 17, 4079, 4080, 4081, 4096, 20000 };
	uint64_t lines = 0;

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(blob, '\n', sizes[i]);
		blob[sizes[i] / 2] = 'x';
		ck_assert_int_eq(log_append(&s_log, blob, sizes[i], LOG_STDOUT), 0);
		ck_assert_uint_eq(log_lines(&s_log, s_log.head - sizes[i]), lines);
		lines += sizes[i] - 1;
		ck_assert_uint_eq(log_lines(&s_log, s_log.head), lines);
	}
	end();
}
END_TEST

START_TEST(no_more_is_shed_than_was_asked_for)
{
	begin();
	for (size_t i = 0; i < 15; i++)
		ck_assert_int_eq(append(4000), 0);
	log_trim(&s_log);
	ck_assert_uint_ge(log_shed(&s_log, 1), 1);
	ck_assert_uint_eq(s_log.tail, LOG_CHUNK_MIN); /* the oldest piece */
	end();
}
END_TEST

TEST_MAIN("log", lines_are_counted_at_any_offset_however_many_are_side_by_side,
	a_slow_block_reader_holds_the_window_a_skip_reader_never_does,
	the_log_takes_exactly_its_room_and_not_a_byte_more,
	what_is_read_is_what_was_written_across_chunks,
	two_streams_share_chunks_and_a_span_is_of_one,
	long_runs_of_a_stream_are_found_at_word_edges,
	a_reader_in_the_way_may_leave_and_the_others_stay,
	a_reader_that_comes_back_behind_the_hold_takes_back_what_was_given_as_window,
	what_is_kept_for_nobody_is_shed_and_what_is_held_is_not, no_more_is_shed_than_was_asked_for,
	age_is_never_more_than_the_true_wait)
