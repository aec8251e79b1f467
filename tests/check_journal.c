#include "tests/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/journal.h"

static int pipe_fds[2];
static char got[70000];

static void open_pipe(void)
{
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
}

static const char *drain(void)
{
	ssize_t n = read(pipe_fds[0], got, sizeof(got) - 1);

	ck_assert_int_ge(n, 0);
	got[n] = '\0';
	return got;
}

START_TEST(sec_c10_a_record_is_one_line_and_remote_text_in_it_is_encoded)
{
	struct journal j;

	open_pipe();
	journal_init(&j, "prog", pipe_fds[1], JOURNAL_INFO);
	journal_say(&j, JOURNAL_WARNING, "the service said %s", "a\nb\x1b[31m");
	ck_assert_str_eq(drain(), "prog: warning: the service said a\\nb\\x1b[31m\n");
	journal_say(&j, JOURNAL_DEBUG, "below the level");
	journal_say(&j, JOURNAL_INFO, "said");
	ck_assert_str_eq(drain(), "prog: said\n");
}
END_TEST

START_TEST(a_long_record_is_cut_and_stays_one_line)
{
	char text[JOURNAL_LINE_MAX * 2];
	struct journal j;

	open_pipe();
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	journal_init(&j, "prog", pipe_fds[1], JOURNAL_INFO);
	journal_say(&j, JOURNAL_INFO, "%s", text);
	ck_assert_uint_lt(strlen(drain()), JOURNAL_LINE_MAX + 64);
	ck_assert_ptr_eq(strchr(got, '\n'), got + strlen(got) - 1);
}
END_TEST

START_TEST(on_the_journals_stream_a_line_carries_its_level)
{
	char named[64];
	struct journal j;
	struct stat st;

	open_pipe();
	ck_assert_int_eq(fstat(pipe_fds[1], &st), 0);
	snprintf(named, sizeof(named), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", named, 1);
	journal_init(&j, "prog", pipe_fds[1], JOURNAL_DEBUG);
	journal_say(&j, JOURNAL_ERROR, "bad");
	ck_assert_str_eq(drain(), "<3>bad\n");
	unsetenv("JOURNAL_STREAM");
}
END_TEST

START_TEST(fault_f21_a_sink_that_takes_nothing_never_blocks_and_its_loss_is_counted)
{
	struct journal j;
	unsigned n = 0;

	open_pipe();
	journal_init(&j, "prog", pipe_fds[1], JOURNAL_INFO);
	while (j.n_lost < 3 && n++ < 100000)
		journal_say(&j, JOURNAL_INFO,
			"a record that fills the pipe in the end, like all the others");
	ck_assert_uint_eq(j.n_lost, 3);
	drain();
	journal_say(&j, JOURNAL_INFO, "after");
	ck_assert_str_eq(drain(), "prog: warning: 3 records were lost here\nprog: after\n");
}
END_TEST

TEST_MAIN("journal", sec_c10_a_record_is_one_line_and_remote_text_in_it_is_encoded,
	a_long_record_is_cut_and_stays_one_line, on_the_journals_stream_a_line_carries_its_level,
	fault_f21_a_sink_that_takes_nothing_never_blocks_and_its_loss_is_counted)
