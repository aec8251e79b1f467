/*
 * check_tty - the terminal is entered and left in one place
 */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/tty.h"
#include "common/util.h"
#include "tests/suite.h"

static int master = -1;

/* This process's stdin and stdout become a terminal of this size. */
static void on_terminal(unsigned short cols, unsigned short rows)
{
	struct winsize ws = { .ws_col = cols, .ws_row = rows };
	int slave;

	ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, &ws), 0);
	ck_assert_int_ge(dup2(slave, STDIN_FILENO), 0);
	ck_assert_int_ge(dup2(slave, STDOUT_FILENO), 0);
	close(slave);
	unsetenv("COLUMNS");
	unsetenv("LINES");
}

static void ck_assert_same_settings(const struct termios *a)
{
	struct termios b;

	ck_assert_int_eq(tcgetattr(STDIN_FILENO, &b), 0);
	ck_assert_uint_eq(a->c_iflag, b.c_iflag);
	ck_assert_uint_eq(a->c_oflag, b.c_oflag);
	ck_assert_uint_eq(a->c_cflag, b.c_cflag);
	ck_assert_uint_eq(a->c_lflag, b.c_lflag);
}

static bool is_held(void)
{
	struct termios t;

	ck_assert_int_eq(tcgetattr(STDIN_FILENO, &t), 0);
	return !(t.c_lflag & ECHO);
}

START_TEST(the_size_is_the_environments_then_the_terminals_then_80_by_24)
{
	unsigned cols, rows;

	on_terminal(100, 30);
	tty_size(STDOUT_FILENO, &cols, &rows);
	ck_assert(cols == 100 && rows == 30);
	setenv("COLUMNS", "50", 1);
	setenv("LINES", "0", 1); /* not positive: not set */
	tty_size(STDOUT_FILENO, &cols, &rows);
	ck_assert(cols == 50 && rows == 30);
	unsetenv("COLUMNS");
	tty_size(-1, &cols, &rows);
	ck_assert(cols == 80 && rows == 24);
}
END_TEST

START_TEST(leaving_writes_the_undo_and_puts_the_settings_back)
{
	struct termios before, raw;
	struct tty t;
	char buf[16];

	on_terminal(80, 24);
	ck_assert_int_eq(tcgetattr(STDIN_FILENO, &before), 0);
	ck_assert_int_eq(tty_open(&t), 0);
	ck_assert_int_eq(tty_enter(&t), 0);
	ck_assert_int_eq(tcgetattr(STDIN_FILENO, &raw), 0);
	ck_assert_uint_eq(raw.c_lflag & (ECHO | ICANON | ISIG), 0);
	ck_assert_uint_eq(raw.c_oflag & OPOST, 0);
	fcntl(master, F_SETFL, O_NONBLOCK);
	tty_leave(&t, "undo", 4);
	ck_assert_same_settings(&before);
	ck_assert_int_eq(read(master, buf, sizeof(buf)), 4);
	tty_leave(&t, "undo", 4); /* the second time does nothing */
	ck_assert_int_eq(read(master, buf, sizeof(buf)), -1);
	tty_close(&t);
}
END_TEST

START_TEST(the_terminal_of_the_caller_stays_blocking)
{
	struct tty t;

	on_terminal(80, 24);
	ck_assert_int_eq(tty_open(&t), 0);
	ck_assert_int_eq(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(t.out, F_GETFL) & O_NONBLOCK, 0);
	tty_close(&t);
	ck_assert_int_eq(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

START_TEST(a_terminal_that_takes_nothing_is_left_all_the_same)
{
	struct termios before;
	struct tty t;
	char blob[4096];

	on_terminal(80, 24);
	ck_assert_int_eq(tcgetattr(STDIN_FILENO, &before), 0);
	ck_assert_int_eq(tty_open(&t), 0);
	ck_assert_int_eq(tty_enter(&t), 0);
	memset(blob, 'x', sizeof(blob));
	while (write(t.out, blob, sizeof(blob)) > 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
	tty_leave(&t, "undo", 4); /* the case's own time limit is the proof that it returns */
	ck_assert_same_settings(&before);
	tty_close(&t);
}
END_TEST

START_TEST(signals_are_told_and_given_back)
{
	struct sigaction before, sa;
	struct tty t;

	on_terminal(80, 24);
	signal(SIGHUP, SIG_IGN); /* as under nohup */
	ck_assert_int_eq(sigaction(SIGTERM, NULL, &before), 0);
	ck_assert_int_eq(tty_open(&t), 0);
	ck_assert_int_eq(tty_signal(&t), 0);
	raise(SIGWINCH);
	raise(SIGTERM);
	ck_assert_int_eq(tty_signal(&t), SIGWINCH);
	ck_assert_int_eq(tty_signal(&t), SIGTERM);
	ck_assert_int_eq(tty_signal(&t), 0);
	tty_close(&t);
	ck_assert_int_eq(sigaction(SIGTERM, NULL, &sa), 0);
	ck_assert_ptr_eq(sa.sa_handler, before.sa_handler);
	ck_assert_int_eq(sigaction(SIGHUP, NULL, &sa), 0);
	ck_assert_ptr_eq(sa.sa_handler, SIG_IGN);
}
END_TEST

START_TEST(a_storm_of_signals_never_blocks_and_hides_no_other)
{
	struct tty t;

	on_terminal(80, 24);
	ck_assert_int_eq(tty_open(&t), 0);
	for (int i = 0; i < 100000; i++) /* more than a pipe holds */
		raise(SIGWINCH);
	raise(SIGTERM);
	ck_assert_int_eq(tty_signal(&t), SIGWINCH);
	ck_assert_int_eq(tty_signal(&t), SIGTERM);
	ck_assert_int_eq(tty_signal(&t), 0);
	tty_close(&t);
}
END_TEST

static const int ignored[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGALRM, SIGUSR1, SIGUSR2,
	SIGXCPU };

static void come_and_go_with_signals(void)
{
	struct tty t;

	tty_hold();
	ck_assert(is_held());
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		raise(ignored[i]);
	ck_assert(is_held());
	ck_assert_int_eq(tty_open(&t), 0);
	ck_assert_int_eq(tty_enter(&t), 0);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		raise(ignored[i]);
	ck_assert_int_eq(tty_signal(&t), 0);
	raise(SIGWINCH);
	ck_assert_int_eq(tty_signal(&t), SIGWINCH);
	tty_leave(&t, "", 0);
	tty_close(&t);
}

/* In a process of its own: only one that leads no group can begin a session and have a terminal. */
START_TEST(a_signal_that_the_caller_ignores_stays_ignored)
{
	struct sigaction sa;
	int status;
	pid_t pid;

	on_terminal(80, 24);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		ck_assert_int_ge(setsid(), 0);
		ck_assert_int_eq(ioctl(STDIN_FILENO, TIOCSCTTY, 0), 0);
		for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
			signal(ignored[i], SIG_IGN);
		come_and_go_with_signals();
		for (size_t i = 0; i < ARRAY_SIZE(ignored); i++) {
			ck_assert_int_eq(sigaction(ignored[i], NULL, &sa), 0);
			ck_assert_ptr_eq(sa.sa_handler, SIG_IGN);
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(of_a_stop_and_a_continuation_the_later_one_is_told)
{
	struct tty t;

	on_terminal(80, 24);
	ck_assert_int_eq(tty_open(&t), 0);
	raise(SIGTSTP);
	raise(SIGCONT);
	ck_assert_int_eq(tty_signal(&t), SIGCONT);
	ck_assert_int_eq(tty_signal(&t), 0);
	raise(SIGCONT);
	raise(SIGTSTP);
	ck_assert_int_eq(tty_signal(&t), SIGTSTP);
	ck_assert_int_eq(tty_signal(&t), 0);
	tty_close(&t);
}
END_TEST

#define N_STOPS 300

/* Says each time that it is about to stand still. */
static _Noreturn void stop_often(int said, bool orphan)
{
	struct tty t;

	ck_assert_int_eq(orphan ? setsid() < 0 : setpgid(0, 0), 0);
	ck_assert_int_eq(tty_open(&t), 0);
	for (unsigned i = 0; i < N_STOPS; i++) {
		raise(SIGTSTP);
		ck_assert_int_eq(tty_signal(&t), SIGTSTP);
		ck_assert_int_eq(write(said, "", 1), 1);
		tty_stop();
		ck_assert_int_eq(tty_signal(&t), SIGCONT);
	}
	tty_close(&t);
	_exit(0);
}

static void stop_and_go_on(bool orphan, bool at_once)
{
	int said[2], status;
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(said), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		stop_often(said[1], orphan);
	for (unsigned i = 0; i < N_STOPS; i++) {
		ck_assert_int_eq(read(said[0], &byte, 1), 1);
		if (!at_once) {
			ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
			ck_assert(WIFSTOPPED(status));
		}
		ck_assert_int_eq(kill(pid, SIGCONT), 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(said[0]);
	close(said[1]);
}

START_TEST(a_stop_stands_still_until_it_is_continued_however_soon_that_is)
{
	const char *preloaded = getenv("LD_PRELOAD");

	on_terminal(80, 24);
	if (preloaded && strstr(preloaded, "vgpreload")) {
		fprintf(stderr, "skipped: valgrind takes signals in the kernel's place\n");
		return;
	}
	stop_and_go_on(false, false);
	stop_and_go_on(false, true);
	stop_and_go_on(true, false); /* nobody's job: no shell is there to continue it */
}
END_TEST

TEST_MAIN("tty", the_size_is_the_environments_then_the_terminals_then_80_by_24,
	leaving_writes_the_undo_and_puts_the_settings_back,
	the_terminal_of_the_caller_stays_blocking,
	a_terminal_that_takes_nothing_is_left_all_the_same, signals_are_told_and_given_back,
	a_storm_of_signals_never_blocks_and_hides_no_other,
	a_signal_that_the_caller_ignores_stays_ignored,
	of_a_stop_and_a_continuation_the_later_one_is_told,
	a_stop_stands_still_until_it_is_continued_however_soon_that_is)
