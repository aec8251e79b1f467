/*
 * term-record - runs a program on a terminal that is the model, and keeps every byte it writes
 *
 * term-record [-s COLSxROWS] [-k KEYS] [-b BYTES] [-w SECONDS] OUTPUT COMMAND [ARG...]
 *   -s  size, default 80x24
 *   -k  what is typed, with \r \n \t \e \\ and \xNN; between keys the program is given until it is
 *       quiet for 200 ms, at most 1 s. Without -k nothing is typed.
 *   -b  the stream ends after so many bytes, default 65536
 *   -w  how long the program may go on after the last key, default 3 s
 *
 * record-corpus.py makes the whole corpus with it. The model answers the program's queries, as the daemon would, so that it behaves as in a
 * session. OUTPUT is the raw stream: an entry for the corpus, after the size has been put into its
 * name.
 */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/termkit.h"

#define QUIET_MSEC 200
#define KEY_MSEC 1000 /* for what a key brings */

struct record {
	struct term *t;
	int pty, out;
	size_t left; /* bytes the stream may still have */
};

struct typed {
	const char *keys;
	int end_msec;
};

static int usage(void)
{
	fprintf(stderr, "usage: term-record [-s COLSxROWS] [-k KEYS] [-b BYTES] [-w SECONDS] "
			"OUTPUT COMMAND [ARG...]\n");
	return 2;
}

static int write_all(int fd, const uint8_t *data, size_t n)
{
	while (n) {
		ssize_t l = write(fd, data, n);

		if (l < 0 && errno != EINTR)
			return -errno;
		if (l > 0) {
			data += l;
			n -= (size_t)l;
		}
	}
	return 0;
}

static int answer(struct record *rec)
{
	size_t n;
	const uint8_t *replies = term_replies(rec->t, &n);
	int r = write_all(rec->pty, replies, n);

	term_replies_drop(rec->t, n);
	return r;
}

static int64_t now_msec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* What one read gave: 0, or 1 at the end of the stream. */
static int keep(struct record *rec, const uint8_t *data, size_t n)
{
	const size_t kept = min_size(n, rec->left);
	int r = write_all(rec->out, data, kept);

	rec->left -= kept;
	if (r || !rec->left)
		return r ? r : 1;
	term_feed(rec->t, data, n);
	r = answer(rec);
	return r == -EIO ? 1 : r;
}

/* Takes output until none comes for so long, or for as long as `most`: 0, or 1 at the end. */
static int take(struct record *rec, int quiet_msec, int most_msec)
{
	struct pollfd p = { .fd = rec->pty, .events = POLLIN };
	const int64_t until = now_msec() + most_msec;
	uint8_t data[4096];
	ssize_t n;
	int r = 0;

	while (!r && now_msec() < until && poll(&p, 1, quiet_msec) > 0) {
		n = read(rec->pty, data, sizeof(data));
		r = n <= 0 ? 1 : keep(rec, data, (size_t)n);
	}
	return r;
}

/* The next key of -k: one byte, or an escape. */
static const char *next_key(const char *keys, uint8_t *ret)
{
	static const char names[] = "rnte\\", values[] = "\r\n\t\033\\";
	const char *name;
	unsigned v;

	if (keys[0] != '\\' || !keys[1]) {
		*ret = (uint8_t)keys[0];
		return keys + 1;
	}
	name = strchr(names, keys[1]);
	if (keys[1] == 'x' && sscanf(keys + 2, "%2x", &v) == 1) {
		*ret = (uint8_t)v;
		return keys + 4;
	}
	*ret = (uint8_t)(name ? values[name - names] : keys[1]);
	return keys + 2;
}

static int play(struct record *rec, const char *keys, int end_msec)
{
	int r = take(rec, *keys ? QUIET_MSEC * 3 : end_msec, *keys ? 2 * KEY_MSEC : end_msec);

	while (!r && *keys) {
		uint8_t key;

		keys = next_key(keys, &key);
		r = write_all(rec->pty, &key, 1);
		if (!r)
			r = take(rec, QUIET_MSEC, KEY_MSEC);
	}
	if (!r)
		r = take(rec, end_msec, end_msec);
	return r < 0 && r != -EIO ? r : 0;
}

/* The program is a session of its own, and may not care that its terminal is gone. */
static void end(pid_t pid)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000000L };
	int status;

	kill(-pid, SIGHUP);
	for (unsigned i = 0; i < 20; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return;
		nanosleep(&pause, NULL);
	}
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static int run(
	struct record *rec, const struct winsize *size, const struct typed *typed, char **argv)
{
	pid_t pid = forkpty(&rec->pty, NULL, NULL, size);
	int r;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		setenv("COLORTERM", "truecolor", 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	r = play(rec, typed->keys, typed->end_msec);
	close(rec->pty);
	end(pid);
	return r;
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_col = 80, .ws_row = 24 };
	struct record rec = { .left = 65536 };
	struct typed typed = { .keys = "", .end_msec = 3000 };
	unsigned cols, rows;
	int c, r;

	while ((c = getopt(argc, argv, "+s:k:b:w:")) != -1) {
		if (c == 's' && sscanf(optarg, "%ux%u", &cols, &rows) == 2)
			size = (struct winsize){ .ws_col = (unsigned short)cols,
				.ws_row = (unsigned short)rows };
		else if (c == 'k')
			typed.keys = optarg;
		else if (c == 'b' && sscanf(optarg, "%u", &cols) == 1)
			rec.left = cols;
		else if (c == 'w' && sscanf(optarg, "%u", &cols) == 1 && cols <= 600)
			typed.end_msec = (int)cols * 1000;
		else
			return usage();
	}
	if (argc - optind < 2)
		return usage();
	rec.out = open(argv[optind], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (rec.out < 0) {
		fprintf(stderr, "term-record: %s: %s\n", argv[optind], strerror(errno));
		return 1;
	}
	rec.t = termkit_new(size.ws_col, size.ws_row, 100);
	r = run(&rec, &size, &typed, argv + optind + 1);
	if (r)
		fprintf(stderr, "term-record: %s\n", strerror(-r));
	term_free(rec.t);
	close(rec.out);
	return r ? 1 : 0;
}
