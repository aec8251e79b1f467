/*
 * ttyrun - a terminal that follows a script, for the benches: runs a program on a pty and times what it shows
 *
 * Usage: ttyrun [-c COLS] [-l ROWS] PROGRAM ARG...        the script comes on stdin, one step a line:
 *   send TEXT       types TEXT; \r \n \e \\ and \xHH as in C
 *   see TEXT        waits until TEXT was shown, in bytes that came after the last step; prints the time since
 *                   the step before: `see SECONDS BYTES`, BYTES being what the terminal took meanwhile
 *   rate N          from now on the terminal takes N bytes a second (0: all it can)
 *   read MS         takes what comes for so long
 *   stop MS         takes nothing for so long
 *   echo TEXT N     N times: types one of TEXT's characters, waits until it was shown; prints `echo` and the
 *                   median and the 99th percentile of the seconds each took
 * It leaves with the program; a step that took longer than STEP_MAX_S fails. Never asserts a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEP_MAX_S 120.0
#define READ_MAX 65536U
#define TEXT_MAX 255U /* bytes of what a step types or waits for */
#define ECHOES_MAX 100000U
#define TICK_S 0.001 /* a slow terminal takes this much of its rate at once */

struct tty {
	int fd;
	double rate;
	double began;   /* of the present rate */
	uint64_t taken; /* under the present rate */
	uint64_t bytes; /* since the step began */
	bool ended;
	size_t kept; /* the end of what was shown: a text may come in two reads */
	char shown[TEXT_MAX + READ_MAX];
};

struct text {
	size_t n;
	char data[TEXT_MAX];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "ttyrun: %s: %s\n", what, text);
	exit(1);
}

/* How much a terminal of this rate has room for now. */
static size_t room(const struct tty *tty)
{
	double due;

	if (tty->rate <= 0)
		return READ_MAX;
	due = (now() - tty->began) * tty->rate - (double)tty->taken;
	if (due < tty->rate * TICK_S)
		return 0;
	return due < READ_MAX ? (size_t)due + 1 : READ_MAX;
}

static void set_rate(struct tty *tty, double rate)
{
	tty->rate = rate;
	tty->began = now();
	tty->taken = 0;
}

/* Takes what is there and says whether `want` was among it; waits for at most `seconds`. */
static bool take(struct tty *tty, const struct text *want, double seconds)
{
	size_t max = room(tty), keep = want ? want->n - 1 : 0;
	struct pollfd p = { .fd = tty->fd, .events = POLLIN };
	bool found;
	ssize_t n;

	if (!max || poll(&p, 1, (int)(seconds * 1000)) <= 0) {
		if (!max)
			usleep((useconds_t)(TICK_S * 1e6));
		return false;
	}
	if (tty->kept > keep) {
		memmove(tty->shown, tty->shown + tty->kept - keep, keep);
		tty->kept = keep;
	}
	n = read(tty->fd, tty->shown + tty->kept, max);
	if (n <= 0) {
		tty->ended = n == 0 || errno == EIO;
		return false;
	}
	tty->taken += (uint64_t)n;
	tty->bytes += (uint64_t)n;
	tty->kept += (size_t)n;
	found = want && memmem(tty->shown, tty->kept, want->data, want->n);
	return found;
}

static void type(struct tty *tty, const char *data, size_t n)
{
	double limit = now() + STEP_MAX_S;

	while (n) {
		ssize_t w = write(tty->fd, data, n);

		if (w > 0) {
			data += w;
			n -= (size_t)w;
		} else if (now() > limit || (w < 0 && errno != EAGAIN && errno != EINTR)) {
			fail("cannot type", strerror(errno));
		} else {
			take(tty, NULL, TICK_S);
		}
	}
}

static void see(struct tty *tty, const struct text *want)
{
	double limit = now() + STEP_MAX_S;

	while (!take(tty, want, 0.1))
		if (tty->ended || now() > limit)
			fail(tty->ended ? "the program left before it showed" : "never shown",
				want->data);
	tty->kept = 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void echo(struct tty *tty, const struct text *keys, unsigned times)
{
	static double took[ECHOES_MAX];

	for (unsigned i = 0; i < times; i++) {
		struct text key = { .n = 1, .data = { keys->data[i % keys->n] } };
		double began = now();

		tty->kept = 0;
		type(tty, key.data, 1);
		see(tty, &key);
		took[i] = now() - began;
	}
	qsort(took, times, sizeof(took[0]), by_size);
	printf("echo %.9f %.9f\n", took[times / 2], took[(size_t)(times * 0.99)]);
}

static struct text text_of(const char *word)
{
	struct text t = { 0 };

	for (const char *p = word; *p && *p != '\n' && t.n < TEXT_MAX - 1; p++) {
		unsigned byte;

		if (*p != '\\') {
			t.data[t.n++] = *p;
			continue;
		}
		p++;
		if (*p == 'x' && sscanf(p + 1, "%2x", &byte) == 1) {
			t.data[t.n++] = (char)byte;
			p += 2;
		} else {
			t.data[t.n++] = (char)(*p == 'r'   ? '\r'
					       : *p == 'n' ? '\n'
					       : *p == 'e' ? '\033'
							   : *p);
		}
	}
	if (!t.n)
		fail("an empty text in the script", word);
	return t;
}

static void read_for(struct tty *tty, double seconds)
{
	double end = now() + seconds;

	while (now() < end && !tty->ended)
		take(tty, NULL, TICK_S);
}

static void step(struct tty *tty, char *line, double *began)
{
	char *word = strchr(line, ' ');
	struct text text;

	if (!word)
		fail("not a step", line);
	*word++ = '\0';
	text = text_of(word);
	if (strcmp(line, "see") == 0) {
		see(tty, &text);
		printf("see %.9f %llu\n", now() - *began, (unsigned long long)tty->bytes);
	} else if (strcmp(line, "echo") == 0) {
		char *space = memchr(text.data, ' ', text.n);
		unsigned long times = space ? strtoul(space + 1, NULL, 10) : 0;

		if (!times || times > ECHOES_MAX)
			fail("echo wants characters and a number up to 100000", word);
		text.n = (size_t)(space - text.data);
		echo(tty, &text, (unsigned)times);
	}
	*began = now();
	tty->bytes = 0;
	tty->kept = 0;
	if (strcmp(line, "send") == 0)
		type(tty, text.data, text.n);
	else if (strcmp(line, "rate") == 0)
		set_rate(tty, strtod(word, NULL));
	else if (strcmp(line, "read") == 0)
		read_for(tty, strtod(word, NULL) / 1000);
	else if (strcmp(line, "stop") == 0)
		usleep((useconds_t)(strtod(word, NULL) * 1000));
	else if (strcmp(line, "see") != 0 && strcmp(line, "echo") != 0)
		fail("not a step", line);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_col = 80, .ws_row = 24 };
	static struct tty tty;
	char line[1024];
	double began;
	int status, opt;
	pid_t pid;

	while ((opt = getopt(argc, argv, "+c:l:")) > 0) {
		if (opt == 'c')
			size.ws_col = (unsigned short)strtoul(optarg, NULL, 10);
		else if (opt == 'l')
			size.ws_row = (unsigned short)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (optind == argc)
		fail("usage", "ttyrun [-c COLS] [-l ROWS] PROGRAM ARG... <SCRIPT");
	pid = forkpty(&tty.fd, NULL, NULL, &size);
	if (pid < 0)
		fail("no terminal", strerror(errno));
	if (pid == 0) {
		execvp(argv[optind], argv + optind);
		_exit(127);
	}
	fcntl(tty.fd, F_SETFL, O_NONBLOCK);
	fcntl(tty.fd, F_SETFD, FD_CLOEXEC);
	set_rate(&tty, 0);
	began = now();
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		step(&tty, line, &began);
	}
	close(tty.fd); /* the window is closed */
	return waitpid(pid, &status, 0) == pid ? 0 : 1;
}
