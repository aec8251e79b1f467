#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "local/log.h"

#define T0 (UINT64_C(1700000000) * USEC_PER_SEC) /* 2023-11-14T22:13:20Z */

static struct log lg;
static char text[LOG_BYTES_MAX + 4096];

static void say(const char *s, uint64_t wall_usec)
{
	log_append(&lg, s, strlen(s), wall_usec);
}

static struct log_reader reader_at(uint64_t tail_lines, uint64_t since_usec, bool timestamps)
{
	struct log_start from = {
		.tail_lines = tail_lines, .since_usec = since_usec, .timestamps = timestamps
	};
	struct log_reader r;

	log_reader_start(&r, &lg, &from);
	return r;
}

/* All there is, by buffers of `step` bytes. */
static const char *read_all(struct log_reader *r, size_t step)
{
	size_t used = 0, n = 1;

	while (n) {
		ck_assert_int_eq(log_reader_read(r, (uint8_t *)text + used, step, &n), 0);
		used += n;
	}
	text[used] = 0;
	return text;
}

static const char *shown(uint64_t tail_lines, uint64_t since_usec, bool timestamps)
{
	struct log_reader r = reader_at(tail_lines, since_usec, timestamps);

	return read_all(&r, 1024);
}

START_TEST(a_log_gives_back_what_was_written_in_pieces_of_any_size)
{
	log_init(&lg);
	ck_assert_str_eq(shown(0, 0, false), "");
	say("one\ntwo", T0);
	say("\nthree\n", T0 + 1);
	for (size_t step = LOG_STAMP_MAX + 1; step < 60; step++) {
		struct log_reader r = reader_at(0, 0, false);

		ck_assert_str_eq(read_all(&r, step), "one\ntwo\nthree\n");
	}
	log_done(&lg);
}
END_TEST

START_TEST(the_last_lines_are_counted_with_and_without_a_newline_at_the_end)
{
	log_init(&lg);
	ck_assert_str_eq(shown(3, 0, false), "");
	say("a\nb\nc\n", T0);
	ck_assert_str_eq(shown(1, 0, false), "c\n");
	ck_assert_str_eq(shown(2, 0, false), "b\nc\n");
	ck_assert_str_eq(shown(3, 0, false), "a\nb\nc\n");
	ck_assert_str_eq(shown(4, 0, false), "a\nb\nc\n");
	say("d", T0);
	ck_assert_str_eq(shown(1, 0, false), "d");
	ck_assert_str_eq(shown(2, 0, false), "c\nd");
	say("\n\n", T0);
	ck_assert_str_eq(shown(1, 0, false), "\n");
	log_done(&lg);
}
END_TEST

START_TEST(since_starts_at_the_first_line_that_began_then_or_later)
{
	log_init(&lg);
	say("old\nbegun ", T0);
	say("early\n", T0 + 2 * USEC_PER_SEC);
	say("new\n", T0 + 5 * USEC_PER_SEC);
	ck_assert_str_eq(shown(0, T0, false), "old\nbegun early\nnew\n");
	ck_assert_str_eq(shown(0, T0 + USEC_PER_SEC, false), "new\n");
	ck_assert_str_eq(shown(0, T0 + 5 * USEC_PER_SEC, false), "new\n");
	ck_assert_str_eq(shown(0, T0 + 5 * USEC_PER_SEC + 1, false), "");
	ck_assert_str_eq(shown(1, T0, false), "new\n");
	log_done(&lg);
}
END_TEST

START_TEST(each_line_carries_the_time_of_its_first_byte)
{
	struct log_reader r;

	log_init(&lg);
	say("one\ntw", T0);
	say("o\nthree", T0 + 1500000);
	ck_assert_str_eq(shown(0, 0, true), "2023-11-14T22:13:20.000000Z one\n"
					    "2023-11-14T22:13:20.000000Z two\n"
					    "2023-11-14T22:13:21.500000Z three");
	/* A line that grows is stamped once. */
	r = reader_at(1, 0, true);
	ck_assert_str_eq(read_all(&r, 1024), "2023-11-14T22:13:21.500000Z three");
	say("!\n", T0 + 3 * USEC_PER_SEC);
	ck_assert_str_eq(read_all(&r, 1024), "!\n");
	log_done(&lg);
}
END_TEST

START_TEST(the_newest_mebibyte_is_kept_and_a_reader_behind_it_is_told)
{
	static char block[1000];
	struct log_reader slow;
	struct log_reader r;
	uint64_t total = 0;

	memset(block, 'x', sizeof(block));
	log_init(&lg);
	slow = reader_at(0, 0, false);
	while (total + sizeof(block) <= LOG_BYTES_MAX) {
		log_append(&lg, block, sizeof(block), T0);
		total += sizeof(block);
	}
	ck_assert_uint_eq(lg.tail, 0);
	log_append(&lg, block, (size_t)(LOG_BYTES_MAX - total), T0);
	ck_assert_uint_eq(lg.tail, 0);
	log_append(&lg, "y", 1, T0);
	ck_assert_uint_eq(lg.tail, 1);
	ck_assert_uint_eq(lg.head - lg.tail, LOG_BYTES_MAX);
	ck_assert_int_eq(log_reader_read(&slow, (uint8_t *)text, 1024, &(size_t){ 0 }), LOG_E_LOST);
	r = reader_at(0, 0, false);
	ck_assert_uint_eq(strlen(read_all(&r, 1024)), LOG_BYTES_MAX);
	ck_assert_int_eq(text[LOG_BYTES_MAX - 1], 'y');
	log_done(&lg);
}
END_TEST

START_TEST(one_write_larger_than_the_log_leaves_its_end)
{
	char *big = malloc(3 * LOG_BYTES_MAX);
	struct log_reader r;

	for (size_t i = 0; i < 3 * LOG_BYTES_MAX; i++)
		big[i] = (char)('a' + i % 23);
	log_init(&lg);
	log_append(&lg, big, 3 * LOG_BYTES_MAX, T0);
	r = reader_at(0, 0, false);
	ck_assert(!memcmp(read_all(&r, 4096), big + 2 * LOG_BYTES_MAX, LOG_BYTES_MAX));
	log_done(&lg);
	free(big);
}
END_TEST

START_TEST(marks_have_a_bound_of_their_own_and_lines_keep_their_times)
{
	uint64_t n = LOG_MARKS_MAX + 10;

	log_init(&lg);
	for (uint64_t i = 0; i < n; i++)
		say("l\n", T0 + i * USEC_PER_SEC);
	ck_assert_uint_le(lg.marks_head - lg.marks_tail, LOG_MARKS_MAX);
	ck_assert_uint_eq(lg.head - lg.tail, 2 * LOG_MARKS_MAX);
	ck_assert_str_eq(shown(0, T0 + (n - 1) * USEC_PER_SEC, false), "l\n");
	log_done(&lg);
}
END_TEST

TEST_MAIN("local log", a_log_gives_back_what_was_written_in_pieces_of_any_size,
	the_last_lines_are_counted_with_and_without_a_newline_at_the_end,
	since_starts_at_the_first_line_that_began_then_or_later,
	each_line_carries_the_time_of_its_first_byte,
	the_newest_mebibyte_is_kept_and_a_reader_behind_it_is_told,
	one_write_larger_than_the_log_leaves_its_end,
	marks_have_a_bound_of_their_own_and_lines_keep_their_times)
