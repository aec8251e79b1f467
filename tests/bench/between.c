/*
 * between - the least that can stand between a terminal and a program: a second pty and a copy, for the benches
 *
 * Usage: between PROCESSES PROGRAM ARG...        on a terminal, which becomes raw and gives its size to the program's
 * The bytes pass through so many processes (up to PROCESSES_MAX), which do nothing but copy. They are joined as those of
 * ssh and ours are: the last, which is the service's, by TCP on loopback, the others by socket pairs.
 * What another way to a shell gives can be read as a share of what this one does.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define COPY_MAX 65536
#define PROCESSES_MAX 9

/* What is there now, whole; false: its side has ended. */
static bool copy(int from, int to)
{
	static char buf[COPY_MAX];
	ssize_t n = read(from, buf, sizeof(buf));

	for (ssize_t at = 0, w; at < n; at += w) {
		w = write(to, buf + at, (size_t)(n - at));
		if (w <= 0)
			return false;
	}
	return n > 0;
}

/* Passes on what comes, either way, until a side ends. */
static void pass(int in, int out, int other)
{
	bool going = true;

	while (going) {
		struct pollfd p[] = { { .fd = other, .events = POLLIN },
			{ .fd = in, .events = POLLIN } };

		if (poll(p, 2, -1) < 0)
			return;
		if (p[0].revents)
			going = copy(other, out);
		if (going && p[1].revents)
			going = copy(in, other);
	}
}

/* The last of the processes: the program's terminal is its own. */
static int run(int in, int out, const struct termios *tty, const struct winsize *size, char **argv)
{
	int fd;
	pid_t pid = forkpty(&fd, NULL, tty, size);

	if (pid < 0)
		return 1;
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	pass(in, out, fd);
	close(fd);
	return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

/* As socketpair(), by TCP. */
static int tcp_pair(int pair[2])
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(to);
	const int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (listener < 0 || bind(listener, (struct sockaddr *)&to, n) < 0 ||
		listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&to, &n) < 0)
		return -1;
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (pair[0] < 0 || connect(pair[0], (struct sockaddr *)&to, n) < 0)
		return -1;
	pair[1] = accept(listener, NULL, NULL);
	close(listener);
	for (int i = 0; i < 2; i++)
		if (setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
			return -1;
	return 0;
}

static int join(int processes, int pair[2])
{
	return processes == 2 ? tcp_pair(pair) : socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

/* One process, and the others behind it. */
static int chain(int processes, int in, int out, const struct termios *tty,
	const struct winsize *size, char **argv)
{
	int pair[2];
	pid_t pid;

	if (processes == 1)
		return run(in, out, tty, size, argv);
	if (join(processes, pair) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		_exit(chain(processes - 1, pair[1], pair[1], tty, size, argv));
	}
	close(pair[1]);
	if (pid > 0)
		pass(in, out, pair[0]);
	close(pair[0]);
	return pid > 0 && waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_col = 80, .ws_row = 24 };
	struct termios ours, raw;
	const int processes = argc > 2 ? (int)strtol(argv[1], NULL, 10) : 0;
	int r;

	if (processes < 1 || processes > PROCESSES_MAX || tcgetattr(STDIN_FILENO, &ours) < 0) {
		fprintf(stderr, "usage, on a terminal: between PROCESSES PROGRAM ARG...\n");
		return 2;
	}
	ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	raw = ours;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	r = chain(processes, STDIN_FILENO, STDOUT_FILENO, &ours, &size, argv + 2);
	tcsetattr(STDIN_FILENO, TCSANOW, &ours);
	return r;
}
