#include "tests/suite.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "common/pty.h"

static int master, slave;

static void setup(unsigned cols, unsigned rows)
{
	ck_assert_int_eq(pty_open(cols, rows, &master, &slave), 0);
}

static void teardown(void)
{
	close(master);
	if (slave >= 0)
		close(slave);
}

static void assert_size(unsigned cols, unsigned rows)
{
	struct winsize ws;

	ck_assert_int_eq(ioctl(slave, TIOCGWINSZ, &ws), 0);
	ck_assert_uint_eq(ws.ws_col, cols);
	ck_assert_uint_eq(ws.ws_row, rows);
}

/* Reads from the master until `want` was seen or the other side is gone. */
static bool master_says(const char *want)
{
	char buf[4096];
	size_t n = 0;

	for (;;) {
		struct pollfd p = { .fd = master, .events = POLLIN };
		ssize_t l;

		if (poll(&p, 1, 30000) <= 0)
			return false;
		l = read(master, buf + n, sizeof(buf) - 1 - n);
		if (l <= 0)
			return false;
		n += (size_t)l;
		buf[n] = 0;
		if (strstr(buf, want))
			return true;
	}
}

START_TEST(a_pair_has_the_size_asked_for_or_80x24)
{
	setup(132, 43);
	assert_size(132, 43);
	teardown();
	setup(0, 0);
	assert_size(80, 24);
	teardown();
}
END_TEST

START_TEST(a_resize_is_seen_by_the_slave_and_clamped_to_what_a_tty_can_say)
{
	setup(80, 24);
	ck_assert_int_eq(pty_resize(master, 100, 30), 0);
	assert_size(100, 30);
	ck_assert_int_eq(pty_resize(master, 65536, 4000000000u), 0);
	assert_size(65535, 65535);
	teardown();
}
END_TEST

START_TEST(both_ends_are_close_on_exec_and_the_master_never_blocks)
{
	char c;

	setup(80, 24);
	ck_assert(fcntl(master, F_GETFD) & FD_CLOEXEC);
	ck_assert(fcntl(slave, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(read(master, &c, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	teardown();
}
END_TEST

START_TEST(a_child_that_adopts_the_slave_leads_a_session_on_it)
{
	pid_t pid;
	int status;

	setup(80, 24);
	pid = fork();
	if (!pid) {
		if (pty_adopt(slave) || getsid(0) != getpid() || tcgetpgrp(0) != getpid())
			_exit(1);
		_exit(write(1, "here", 4) == 4 ? 0 : 2);
	}
	close(slave);
	slave = -1;
	ck_assert(master_says("here"));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	teardown();
}
END_TEST

START_TEST(the_end_of_the_last_slave_is_an_error_and_not_silence)
{
	struct pollfd p;
	char c;

	setup(80, 24);
	close(slave);
	slave = -1;
	p = (struct pollfd){ .fd = master, .events = POLLIN };
	ck_assert_int_eq(poll(&p, 1, 30000), 1);
	ck_assert_int_eq(read(master, &c, 1), -1);
	ck_assert_int_eq(errno, EIO);
	teardown();
}
END_TEST

START_TEST(the_characters_and_the_mode_are_those_set_now)
{
	struct termios tio;
	uint8_t c;
	bool canonical;

	setup(80, 24);
	ck_assert_int_eq(pty_char(master, VEOF, &c), 0);
	ck_assert_uint_eq(c, 4);
	ck_assert_int_eq(pty_is_canonical(master, &canonical), 0);
	ck_assert(canonical);
	ck_assert_int_eq(tcgetattr(slave, &tio), 0);
	tio.c_cc[VEOF] = 5;
	tio.c_lflag &= ~(tcflag_t)ICANON;
	ck_assert_int_eq(tcsetattr(slave, TCSANOW, &tio), 0);
	ck_assert_int_eq(pty_char(master, VEOF, &c), 0);
	ck_assert_uint_eq(c, 5);
	ck_assert_int_eq(pty_is_canonical(master, &canonical), 0);
	ck_assert(!canonical);
	ck_assert_int_eq(pty_char(master, NCCS, &c), -EINVAL);
	ck_assert_int_eq(pty_char(master, -1, &c), -EINVAL);
	teardown();
}
END_TEST

TEST_MAIN("pty", a_pair_has_the_size_asked_for_or_80x24,
	a_resize_is_seen_by_the_slave_and_clamped_to_what_a_tty_can_say,
	both_ends_are_close_on_exec_and_the_master_never_blocks,
	a_child_that_adopts_the_slave_leads_a_session_on_it,
	the_end_of_the_last_slave_is_an_error_and_not_silence,
	the_characters_and_the_mode_are_those_set_now)
