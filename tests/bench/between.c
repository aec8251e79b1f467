/*
 * between - the least that can stand between a terminal and a program: a second pty and a copy, for the benches
 *
 * Usage: between PROGRAM ARG...        on a terminal, which becomes raw and gives its size to the program's
 * What another way to a shell gives can be read as a share of what this one does.
 */
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define COPY_MAX 65536

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

int main(int argc, char **argv)
{
	struct winsize size = { .ws_col = 80, .ws_row = 24 };
	struct termios ours, raw;
	bool going = true;
	int fd;
	pid_t pid;

	if (argc < 2 || tcgetattr(STDIN_FILENO, &ours) < 0) {
		fprintf(stderr, "usage, on a terminal: between PROGRAM ARG...\n");
		return 2;
	}
	ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	pid = forkpty(&fd, NULL, &ours, &size);
	if (pid < 0)
		return 1;
	if (pid == 0) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	raw = ours;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	while (going) {
		struct pollfd p[] = { { .fd = fd, .events = POLLIN },
			{ .fd = STDIN_FILENO, .events = POLLIN } };

		if (poll(p, 2, -1) < 0)
			break;
		if (p[0].revents)
			going = copy(fd, STDOUT_FILENO);
		if (going && p[1].revents)
			going = copy(STDIN_FILENO, fd);
	}
	tcsetattr(STDIN_FILENO, TCSANOW, &ours);
	close(fd);
	return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}
