#include "client/tty.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/util.h"

#define COLS_DEFAULT 80u
#define ROWS_DEFAULT 24u
#define LEAVE_MS 1000 /* how long a terminal that takes nothing is waited for at the end */

/* ALRM as of an alarm set before we were executed, XCPU as of `ulimit -t`. */
static const int caught[] = { SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGALRM,
	SIGUSR1, SIGUSR2, SIGXCPU };
static_assert(ARRAY_SIZE(caught) == TTY_N_CAUGHT, "struct tty has room for each");

/* The write end of the open tty's pipe, and which of `caught` came: a signal handler has no other
 * way to them. The byte only wakes; a full pipe loses no signal. */
static volatile sig_atomic_t signal_fd = -1, came[ARRAY_SIZE(caught)];

/* The settings a held terminal had, and whether it is held: for signal handlers again. */
static struct termios held_settings;
static volatile sig_atomic_t held;

bool tty_is_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* Whoever started us has it ignored, as nohup does; what is ignored by itself is caught all the same.
 */
static bool is_left_ignored(int sig)
{
	struct sigaction sa;

	return sig != SIGWINCH && sig != SIGCONT && sigaction(sig, NULL, &sa) == 0 &&
	       sa.sa_handler == SIG_IGN;
}

static unsigned env_number(const char *name)
{
	const char *s = getenv(name);
	char *end;
	long n;

	if (!s)
		return 0;
	n = strtol(s, &end, 10);
	return end != s && !*end && n > 0 && n <= 0xffff ? (unsigned)n : 0;
}

void tty_size(int fd, unsigned *ret_cols, unsigned *ret_rows)
{
	unsigned cols = env_number("COLUMNS"), rows = env_number("LINES");
	struct winsize ws = { .ws_col = 0 };

	if (ioctl(fd, TIOCGWINSZ, &ws) < 0)
		ws = (struct winsize){ .ws_col = 0 };
	if (!cols)
		cols = ws.ws_col ? ws.ws_col : COLS_DEFAULT;
	if (!rows)
		rows = ws.ws_row ? ws.ws_row : ROWS_DEFAULT;
	*ret_cols = cols;
	*ret_rows = rows;
}

/* ---- held ---- */

void tty_release(void)
{
	if (!held)
		return;
	held = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &held_settings);
}

/* What it does by itself, with the terminal as it was. */
static void on_held_signal(int sig)
{
	int saved = errno;
	bool was_held = held;

	tty_release();
	signal(sig, SIG_DFL);
	raise(sig);
	if (was_held)
		tty_hold(); /* Ctrl-Z, and continued */
	errno = saved;
}

static void catch_held(void)
{
	static const int ends[] = { SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGALRM, SIGUSR1, SIGUSR2,
		SIGXCPU };
	struct sigaction sa = { .sa_handler = on_held_signal, .sa_flags = SA_RESTART | SA_NODEFER };

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!is_left_ignored(ends[i]))
			sigaction(ends[i], &sa, NULL);
}

void tty_hold(void)
{
	static bool asked;
	struct termios t;

	if (held || tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &t) < 0)
		return;
	if (!asked)
		asked = atexit(tty_release) == 0;
	held_settings = t;
	held = 1;
	catch_held();
	t.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | ISTRIP | IXON);
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
	t.c_cc[VQUIT] = _POSIX_VDISABLE; /* the first key of a detach */
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &t); /* keeps what was typed already */
}

/* ---- open ---- */

static volatile sig_atomic_t *came_of(int sig)
{
	size_t i = 0;

	while (caught[i] != sig)
		i++;
	return &came[i];
}

/* A stop and a continuation take each other back, as they do in the kernel: the later one counts. */
static void on_signal(int sig)
{
	int saved = errno;

	*came_of(sig) = 1;
	if (sig == SIGTSTP)
		*came_of(SIGCONT) = 0;
	if (sig == SIGCONT)
		*came_of(SIGTSTP) = 0;
	(void)!write(signal_fd, "", 1);
	errno = saved;
}

/* Ours alone may be non-blocking: the terminal's own description is shared with the shell that
 * started us. */
static int open_out(struct tty *t)
{
	t->out = open("/proc/self/fd/1", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	t->own_out = t->out >= 0;
	if (t->own_out)
		return 0;
	t->out = STDOUT_FILENO; /* not ours to open, as after su */
	t->out_flags = fcntl(t->out, F_GETFL);
	if (t->out_flags < 0 || fcntl(t->out, F_SETFL, t->out_flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

int tty_open(struct tty *t)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	int r;

	*t = (struct tty){ .in = STDIN_FILENO, .out = -1, .signals = { -1, -1 } };
	if (pipe2(t->signals, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	r = open_out(t);
	if (r) {
		tty_close(t);
		return r;
	}
	signal_fd = t->signals[1];
	sigfillset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
		sigaction(caught[i], is_left_ignored(caught[i]) ? NULL : &sa, &t->before[i]);
	return 0;
}

void tty_close(struct tty *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(caught) && signal_fd >= 0; i++)
		sigaction(caught[i], &t->before[i], NULL);
	signal_fd = -1;
	close_fd(&t->signals[0]);
	close_fd(&t->signals[1]);
	if (t->own_out)
		close_fd(&t->out);
	else if (t->out >= 0)
		fcntl(t->out, F_SETFL, t->out_flags);
	t->out = -1;
}

int tty_enter_again(struct tty *t)
{
	struct termios raw = t->saved;

	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(t->in, TCSANOW, &raw) < 0) /* what was typed ahead is kept */
		return -errno;
	t->raw = true;
	held = 0;
	return 0;
}

int tty_enter(struct tty *t)
{
	if (held)
		t->saved = held_settings;
	else if (tcgetattr(t->in, &t->saved) < 0)
		return -errno;
	return tty_enter_again(t);
}

bool tty_was_put_back(const struct tty *t)
{
	struct termios now;

	return t->raw && tcgetattr(t->in, &now) == 0 && (now.c_lflag & (ICANON | ECHO | ISIG));
}

/* A terminal that is stopped, or gone, must not keep us. */
static void write_last(int fd, const char *data, size_t n)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	while (n > 0) {
		ssize_t l = write(fd, data, n);

		if (l > 0) {
			data += l;
			n -= (size_t)l;
			continue;
		}
		if (l < 0 && errno == EINTR)
			continue;
		if (l < 0 && errno != EAGAIN)
			return;
		if (poll(&p, 1, LEAVE_MS) <= 0)
			return;
	}
}

/* TCSADRAIN would wait for the output to drain, and for whoever else writes: for ever if the terminal
 * is stopped, and no signal would end it. */
static bool drains(int fd)
{
	int left = 0;

	for (int i = 0; i < LEAVE_MS / 10; i++) {
		if (ioctl(fd, TIOCOUTQ, &left) < 0 || left == 0)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

void tty_leave(struct tty *t, const void *undo, size_t n)
{
	if (!t->raw)
		return;
	t->raw = false;
	if (n)
		write_last(t->out, undo, n);
	if (!drains(t->out))
		tcflush(t->out, TCOFLUSH);
	tcsetattr(t->in, TCSANOW, &t->saved);
}

int tty_signal(struct tty *t)
{
	char drained[64];

	while (read(t->signals[0], drained, sizeof(drained)) > 0)
		;
	for (size_t i = 0; i < ARRAY_SIZE(caught); i++) {
		if (!came[i])
			continue;
		came[i] = 0;
		return caught[i];
	}
	return 0;
}

static void set_handler(int sig, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler };

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

/* Whoever continues us may do so before we stand still. A stop by SIGTSTP that waits is taken back by
 * any SIGCONT from here on, and one that came before is seen; but nobody's job is never stopped by
 * that. */
void tty_stop(void)
{
	struct sigaction before;
	sigset_t set, mask;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, &mask);
	sigaction(SIGTSTP, NULL, &before);
	set_handler(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	if (*came_of(SIGCONT))
		set_handler(SIGTSTP, SIG_IGN); /* takes it back */
	sigprocmask(SIG_UNBLOCK, &set, NULL);  /* here it stands still */
	sigaction(SIGTSTP, &before, NULL);     /* the next one may come as soon as it goes on */
	if (!*came_of(SIGCONT))
		raise(SIGSTOP);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

void tty_die(int sig)
{
	sigset_t set;

	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	_exit(128 + sig);
}
