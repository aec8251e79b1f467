#include "tests/folder_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "local/log.h"
#include "local/log_scan.h"
#include "local/log_session.h"

#define T0 (UINT64_C(1700000000) * USEC_PER_SEC) /* 2023-11-14T22:13:20Z */

static struct log lg;

static void begin(void)
{
	base_begin();
	log_init(&lg, base_fd, "id.0");
	lg.keep_free = 0;
}

static void end(void)
{
	log_remove(&lg);
	log_done(&lg);
	base_end();
}

/* As a service that comes after a kill finds it. */
static void recover(const uint64_t *starts, size_t n)
{
	log_done(&lg);
	log_init(&lg, base_fd, "id.0");
	lg.keep_free = 0;
	for (size_t i = 0; i < n; i++)
		log_adopt(&lg, starts[i]);
	log_recover(&lg);
}

/* In the place of the C library's: fails while it is to. */
static bool no_truncate;

int ftruncate(int fd, off_t size)
{
	if (!no_truncate)
		return (int)syscall(SYS_ftruncate, fd, size);
	errno = EIO;
	return -1;
}

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
	begin();
	ck_assert_str_eq(shown(0, 0, false), "");
	say("one\ntwo", T0);
	say("\nthree\n", T0 + 1);
	for (size_t step = LOG_STAMP_MAX + 1; step < 60; step++) {
		struct log_reader r = reader_at(0, 0, false);

		ck_assert_str_eq(read_all(&r, step), "one\ntwo\nthree\n");
	}
	end();
}
END_TEST

START_TEST(the_last_lines_are_counted_with_and_without_a_newline_at_the_end)
{
	begin();
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
	end();
}
END_TEST

START_TEST(since_starts_at_the_first_line_that_began_then_or_later)
{
	begin();
	say("old\nbegun ", T0);
	say("early\n", T0 + 2 * USEC_PER_SEC);
	say("new\n", T0 + 5 * USEC_PER_SEC);
	ck_assert_str_eq(shown(0, T0, false), "old\nbegun early\nnew\n");
	ck_assert_str_eq(shown(0, T0 + USEC_PER_SEC, false), "new\n");
	ck_assert_str_eq(shown(0, T0 + 5 * USEC_PER_SEC, false), "new\n");
	ck_assert_str_eq(shown(0, T0 + 5 * USEC_PER_SEC + 1, false), "");
	ck_assert_str_eq(shown(1, T0, false), "new\n");
	end();
}
END_TEST

START_TEST(each_line_carries_the_time_of_its_first_byte)
{
	struct log_reader r;

	begin();
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
	end();
}
END_TEST

/* Ten lines of 100 bytes, numbered. */
static void say_kilobytes(size_t n)
{
	char line[101];

	for (size_t i = 0; i < n * 10; i++) {
		snprintf(line, sizeof(line), "%099zu\n", i);
		say(line, T0 + i);
	}
}

START_TEST(the_newest_files_are_kept_and_a_reader_behind_them_is_told)
{
	struct log_reader slow, at_end;
	size_t n;

	begin();
	say("first\n", T0);
	slow = reader_at(0, 0, false);
	at_end = slow;
	read_all(&at_end, 1024);
	say_kilobytes(LOG_BYTES_MAX / 1000 + 1100);
	ck_assert_uint_eq(lg.n_files, LOG_FILES_MAX);
	ck_assert_uint_gt(lg.tail, 6);
	ck_assert_uint_gt(lg.head - lg.tail, LOG_BYTES_MAX / 2);
	ck_assert_uint_le(lg.head - lg.tail, LOG_BYTES_MAX);
	for (size_t i = 0; i < lg.n_files; i++)
		ck_assert_uint_le(lg.files[i].size, LOG_FILE_BYTES);
	ck_assert_int_eq(log_reader_read(&slow, (uint8_t *)text, 1024, &n), LOG_E_LOST);
	ck_assert_int_eq(log_reader_read(&at_end, (uint8_t *)text, 1024, &n), LOG_E_LOST);
	slow = reader_at(0, 0, false);
	ck_assert_uint_eq(strlen(read_all(&slow, 5000)), lg.head - lg.tail);
	end();
}
END_TEST

START_TEST(lines_and_times_are_found_over_the_files)
{
	size_t n = LOG_BYTES_MAX / 1000 * 9;
	char last[101];

	begin();
	say_kilobytes(n / 10);
	snprintf(last, sizeof(last), "%099zu\n", n / 10 * 10 - 1);
	ck_assert_str_eq(shown(1, 0, false), last);
	ck_assert_uint_eq(strlen(shown(20000, 0, false)), 20000 * 100);
	ck_assert_str_eq(shown(0, T0 + n / 10 * 10 - 1, false), last);
	ck_assert_uint_eq(strlen(shown(0, T0 + 12345, false)), (n / 10 * 10 - 12345) * 100);
	end();
}
END_TEST

START_TEST(one_write_larger_than_the_log_leaves_its_end)
{
	size_t size = 3 * LOG_BYTES_MAX, n;
	char *big = malloc(size);
	struct log_reader r;

	for (size_t i = 0; i < size; i++)
		big[i] = (char)('a' + i % 23);
	begin();
	log_append(&lg, big, size, T0);
	r = reader_at(0, 0, false);
	n = (size_t)(lg.head - lg.tail);
	ck_assert_uint_gt(n, LOG_BYTES_MAX - LOG_FILE_BYTES);
	ck_assert(!memcmp(read_all(&r, 4096), big + size - n, n));
	end();
	free(big);
}
END_TEST

START_TEST(what_was_written_is_there_again_and_goes_on)
{
	uint64_t starts[LOG_FILES_MAX];
	uint64_t tail, head;
	size_t n;

	begin();
	say_kilobytes(LOG_BYTES_MAX / 1000 + 100);
	tail = lg.tail;
	head = lg.head;
	n = lg.n_files;
	for (size_t i = 0; i < n; i++)
		starts[i] = lg.files[n - 1 - i].start;
	recover(starts, n);
	ck_assert_uint_eq(lg.tail, tail);
	ck_assert_uint_eq(lg.head, head);
	say("again\n", T0 + USEC_PER_SEC);
	ck_assert_str_eq(shown(1, 0, true), "2023-11-14T22:13:21.000000Z again\n");
	ck_assert_uint_eq(strlen(shown(0, 0, false)), lg.head - tail);
	end();
}
END_TEST

START_TEST(a_record_cut_by_a_kill_is_left_out)
{
	uint64_t start = 0;
	int fd;

	begin();
	say("whole\n", T0);
	say("cut\n", T0);
	fd = openat(base_fd, "id.0.0000000000000000", O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, 16 + 6 + 16 + 2), 0);
	close(fd);
	recover(&start, 1);
	ck_assert_str_eq(shown(0, 0, false), "whole\n");
	say("more\n", T0);
	ck_assert_str_eq(shown(0, 0, false), "whole\nmore\n");
	end();
}
END_TEST

START_TEST(files_that_do_not_follow_each_other_are_not_joined)
{
	uint64_t starts[] = { 0, 500 };
	int fd;

	begin();
	say("old\n", T0);
	ck_assert_int_eq(
		linkat(base_fd, "id.0.0000000000000000", base_fd, "id.0.00000000000001f4", 0), 0);
	recover(starts, 2);
	ck_assert_uint_eq(lg.tail, 500);
	ck_assert_uint_eq(lg.head, 504);
	fd = openat(base_fd, "id.0.0000000000000000", O_RDONLY | O_CLOEXEC);
	ck_assert_int_lt(fd, 0);
	end();
}
END_TEST

START_TEST(a_file_s_name_says_its_log_and_its_start)
{
	static const char *const bad[] = { "", "id.0", "id.0.123", "id.0.00000000000000g0",
		"0000000000000010" };
	char name[LOG_NAME_BYTES];
	uint64_t start;

	ck_assert_int_eq(log_parse_name("id.0.0000000000000010", name, &start), 0);
	ck_assert_str_eq(name, "id.0");
	ck_assert_uint_eq(start, 16);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(log_parse_name(bad[i], name, &start), -EINVAL);
}
END_TEST

START_TEST(what_a_full_disk_does_not_take_is_counted_and_said)
{
	begin();
	lg.keep_free = UINT64_MAX;
	say("lost\n", T0);
	say("lost too\n", T0);
	ck_assert_str_eq(shown(0, 0, false), "");
	lg.keep_free = 0;
	say("kept\n", T0);
	ck_assert_str_eq(shown(0, 0, false), "[14 bytes could not be kept]\nkept\n");
	end();
}
END_TEST

/* ---- sessions ---- */

static struct log_sessions set;

/* A stream reads all there is by its session. */
static void stream_all(struct log_session *s, struct log_reader *r)
{
	size_t n = 1;

	while (n) {
		ck_assert_int_eq(log_reader_read(r, (uint8_t *)text, 16384, &n), 0);
		log_session_sent(s, n, r);
	}
}

START_TEST(a_stream_is_continued_at_the_byte_that_is_named)
{
	struct log_reader r;
	struct log_session *s, *again;
	struct log_place from;
	void *before;
	int stream, other;

	begin();
	log_sessions_init(&set);
	say("one\ntwo\nthree\n", T0);
	r = reader_at(2, 0, true);
	ck_assert_int_eq(log_session_begin(&set, &r, &stream, &s), 0);
	stream_all(s, &r);
	ck_assert_uint_eq(s->sent, strlen("2023-11-14T22:13:20.000000Z two\n") * 2 + 2);
	ck_assert_int_eq(
		log_session_resume(&set, s->id, &lg, s->sent + 1, &other, &again, &from, &before),
		LOG_SESSION_E_OFFSET);
	ck_assert_int_eq(log_session_resume(&set, "none", &lg, 0, &other, &again, &from, &before),
		LOG_SESSION_E_UNKNOWN);
	ck_assert_int_eq(
		log_session_resume(&set, s->id, &lg, 40, &other, &again, &from, &before), 0);
	ck_assert_ptr_eq(again, s);
	ck_assert_ptr_eq(before, &stream);
	ck_assert_uint_eq(from.sent, 0);
	read_all(&from.reader, 1024);
	ck_assert_str_eq(text + 40, "14T22:13:20.000000Z three\n");
	log_sessions_done(&set);
	end();
}
END_TEST

START_TEST(what_was_sent_long_ago_cannot_be_made_again)
{
	struct log_reader r;
	struct log_session *s;
	struct log_place from;
	void *before;
	int stream;

	begin();
	log_sessions_init(&set);
	r = reader_at(0, 0, false);
	ck_assert_int_eq(log_session_begin(&set, &r, &stream, &s), 0);
	for (uint64_t sent = 0; sent < 3 * LOG_SESSION_REPLAY_BYTES; sent += 100000) {
		say_kilobytes(100);
		stream_all(s, &r);
	}
	log_session_leave(&set, s, 5);
	ck_assert_int_eq(log_session_resume(&set, s->id, &lg, 0, &stream, &s, &from, &before),
		LOG_SESSION_E_GAP);
	ck_assert_int_eq(log_session_resume(&set, s->id, &lg, s->sent - LOG_SESSION_REPLAY_BYTES,
				 &stream, &s, &from, &before),
		0);
	ck_assert_ptr_null(before);
	log_sessions_done(&set);
	end();
}
END_TEST

START_TEST(sessions_without_a_stream_are_kept_for_so_long_and_so_many)
{
	struct log_reader r;
	struct log_session *s, *first;
	struct log_place from;
	char id[LOG_SESSION_ID_BYTES];
	void *before;
	int stream;

	begin();
	log_sessions_init(&set);
	r = reader_at(0, 0, false);
	ck_assert_int_eq(log_session_begin(&set, &r, &stream, &first), 0);
	memcpy(id, first->id, sizeof(id));
	log_session_leave(&set, first, 1);
	for (int i = 1; i < LOG_SESSIONS_MAX; i++) {
		ck_assert_int_eq(log_session_begin(&set, &r, &stream, &s), 0);
		log_session_leave(&set, s, 2);
	}
	ck_assert_int_eq(log_session_resume(&set, id, &lg, 0, &stream, &s, &from, &before), 0);
	log_session_leave(&set, s, 3);
	ck_assert_uint_eq(set.n_left, LOG_SESSIONS_MAX);
	ck_assert_int_eq(log_session_begin(&set, &r, &stream, &s), 0);
	log_session_leave(&set, s, 4);
	ck_assert_uint_eq(set.n_left, LOG_SESSIONS_MAX);
	ck_assert_int_eq(log_session_begin(&set, &r, &stream, &s), 0);
	log_session_leave(&set, s, 4 + LOG_SESSION_KEEP_USEC);
	ck_assert_uint_eq(set.n_left, 1);
	ck_assert_int_eq(log_session_resume(&set, id, &lg, 0, &stream, &s, &from, &before),
		LOG_SESSION_E_UNKNOWN);
	log_sessions_done(&set);
	end();
}
END_TEST

/* Two bytes of it get into the newest file, and stay. Assertions write files of their own. */
static void say_cut(const char *s)
{
	uint64_t size = lg.n_files ? lg.files[lg.n_files - 1].size : 0;
	struct rlimit was, small;
	int r;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = size + LOG_HEAD_BYTES + 2;
	no_truncate = true;
	r = setrlimit(RLIMIT_FSIZE, &small);
	say(s, T0);
	r = r ? r : setrlimit(RLIMIT_FSIZE, &was);
	no_truncate = false;
	ck_assert_int_eq(r, 0);
}

START_TEST(a_piece_of_a_record_that_stays_spoils_nothing_behind_it)
{
	static const uint64_t starts[] = { 0, 4 };

	for (size_t n = 0; n < 2; n++) {
		const char *all = n ? "one\n[5 bytes could not be kept]\ntwo\n"
				    : "[5 bytes could not be kept]\ntwo\n";

		begin();
		if (n)
			say("one\n", T0);
		say_cut("lost\n");
		say("two\n", T0);
		ck_assert_uint_eq(lg.n_files, n + 1);
		ck_assert_str_eq(shown(0, 0, false), all);
		recover(starts, n + 1);
		ck_assert_str_eq(shown(0, 0, false), all);
		end();
	}
}
END_TEST

TEST_MAIN("local log", a_log_gives_back_what_was_written_in_pieces_of_any_size,
	the_last_lines_are_counted_with_and_without_a_newline_at_the_end,
	since_starts_at_the_first_line_that_began_then_or_later,
	each_line_carries_the_time_of_its_first_byte,
	the_newest_files_are_kept_and_a_reader_behind_them_is_told,
	lines_and_times_are_found_over_the_files, one_write_larger_than_the_log_leaves_its_end,
	what_was_written_is_there_again_and_goes_on, a_record_cut_by_a_kill_is_left_out,
	files_that_do_not_follow_each_other_are_not_joined,
	a_file_s_name_says_its_log_and_its_start,
	what_a_full_disk_does_not_take_is_counted_and_said,
	a_piece_of_a_record_that_stays_spoils_nothing_behind_it,
	a_stream_is_continued_at_the_byte_that_is_named,
	what_was_sent_long_ago_cannot_be_made_again,
	sessions_without_a_stream_are_kept_for_so_long_and_so_many)
