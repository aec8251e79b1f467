/*
 * term-record - runs a program on a terminal that is the model, and keeps every byte it writes
 *
 * term-record [-s COLSxROWS] [-k KEYS] OUTPUT COMMAND [ARG...]
 *   -s  size, default 80x24
 *   -k  what is typed, with \r \n \t \e \\ and \xNN; between keys the program is given until it is
 *       quiet for 200 ms. Without -k nothing is typed.
 *
 * The model answers the program's queries, as the daemon would, so that it behaves as in a
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

#include "tests/termkit.h"

#define QUIET_MSEC 200
#define END_MSEC 5000 /* after the last key */

struct record {
	struct term *t;
	int pty, out;
};

static int usage(void)
{
	fprintf(stderr, "usage: term-record [-s COLSxROWS] [-k KEYS] OUTPUT COMMAND [ARG...]\n");
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

/* Takes output until none comes for so long: 0, or 1 at the program's end. */
static int take(struct record *rec, int quiet_msec)
{
	struct pollfd p = { .fd = rec->pty, .events = POLLIN };
	uint8_t data[4096];
	ssize_t n;
	int r;

	while (poll(&p, 1, quiet_msec) > 0) {
		n = read(rec->pty, data, sizeof(data));
		if (n <= 0)
			return 1;
		r = write_all(rec->out, data, (size_t)n);
		if (r)
			return r;
		term_feed(rec->t, data, (size_t)n);
		r = answer(rec);
		if (r)
			return r == -EIO ? 1 : r;
	}
	return 0;
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

static int play(struct record *rec, const char *keys)
{
	int r = take(rec, QUIET_MSEC * 2);

	while (!r && *keys) {
		uint8_t key;

		keys = next_key(keys, &key);
		r = write_all(rec->pty, &key, 1);
		if (!r)
			r = take(rec, QUIET_MSEC);
	}
	if (!r)
		r = take(rec, END_MSEC);
	return r < 0 && r != -EIO ? r : 0;
}

static int run(struct record *rec, const struct winsize *size, const char *keys, char **argv)
{
	pid_t pid = forkpty(&rec->pty, NULL, NULL, size);
	int r, status;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		setenv("COLORTERM", "truecolor", 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	r = play(rec, keys);
	kill(pid, SIGHUP);
	close(rec->pty);
	waitpid(pid, &status, 0);
	return r;
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_col = 80, .ws_row = 24 };
	struct record rec = { 0 };
	const char *keys = "";
	unsigned cols, rows;
	int c, r;

	while ((c = getopt(argc, argv, "+s:k:")) != -1) {
		if (c == 's' && sscanf(optarg, "%ux%u", &cols, &rows) == 2)
			size = (struct winsize){ .ws_col = (unsigned short)cols,
				.ws_row = (unsigned short)rows };
		else if (c == 'k')
			keys = optarg;
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
	r = run(&rec, &size, keys, argv + optind + 1);
	if (r)
		fprintf(stderr, "term-record: %s\n", strerror(-r));
	term_free(rec.t);
	close(rec.out);
	return r ? 1 : 0;
}
