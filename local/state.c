#include "local/state.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/paths.h"

#define BOXES "sandboxes"
#define LOGS "logs"
#define RECORDS "records"
#define LOCK_PAUSE_MS 20

_Static_assert(STATE_WHY_MAX >= PATHS_WHY_MAX, "one buffer for all");

/* The process whose lock it is goes on, and says where it serves. */
static bool serves(const struct state *st, const char *holder)
{
	long pid = holder ? strtol(holder, NULL, 10) : 0;

	if (pid > 1 && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
		return false;
	return faccessat(st->fd, "url", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void say_awaited(const struct state *st, const char *holder)
{
	fprintf(stderr, "cwsandbox-local: waiting for process %.20s, which starts or ends in %s\n",
		holder && *holder ? holder : "?", st->dir);
}

/* One that holds the lock and does not serve has only just started, or is about to go. */
static int await_lock(struct state *st, const char *line, char **ret_holder)
{
	const uint64_t begun = clock_read_usec(CLOCK_MONOTONIC);
	bool said = false;
	int r;

	for (;;) {
		uint64_t waited = clock_read_usec(CLOCK_MONOTONIC) - begun;

		r = paths_lock(st->fd, "lock", line, &st->lock_fd, ret_holder);
		if (r != -EWOULDBLOCK || serves(st, *ret_holder) || waited >= STATE_LOCK_WAIT_USEC)
			return r;
		if (!said && waited >= STATE_LOCK_SAY_USEC) {
			say_awaited(st, *ret_holder);
			said = true;
		}
		free(TAKE(*ret_holder));
		poll(NULL, 0, LOCK_PAUSE_MS);
	}
}

static int take_lock(struct state *st, char why[STATE_WHY_MAX])
{
	_cleanup_(freep) char *holder = NULL;
	char line[32];
	int r;

	snprintf(line, sizeof(line), "%ld", (long)getpid());
	r = await_lock(st, line, &holder);
	if (r == -EWOULDBLOCK)
		snprintf(why, STATE_WHY_MAX,
			"process %.20s %s %.300s; stop it, or take another --state-dir",
			holder && *holder ? holder : "?",
			serves(st, holder) ? "already serves from" : "starts or ends in", st->dir);
	else if (r)
		snprintf(why, STATE_WHY_MAX, "cannot lock %.300s: %s", st->dir, strerror(-r));
	return r;
}

/* What a killed service said of itself: nobody shall take it for us. */
static void unpublish(const struct state *st)
{
	if (st->port_file)
		unlink(st->port_file);
	unlinkat(st->fd, "port", 0);
	unlinkat(st->fd, "direct-port", 0);
	unlinkat(st->fd, "url", 0);
}

static int open_folder(const struct state *st, const char *name, int *ret_fd)
{
	if (mkdirat(st->fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	*ret_fd = openat(st->fd, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

static int open_folders(struct state *st)
{
	int r = asprintf(&st->boxes_dir, "%s/" BOXES, st->dir) < 0 ? -ENOMEM : 0;

	r = r ? r : open_folder(st, BOXES, &st->boxes_fd);
	r = r ? r : open_folder(st, LOGS, &st->logs_fd);
	return r ? r : open_folder(st, RECORDS, &st->records_fd);
}

int state_open(struct state *st, const struct options *o, char why[STATE_WHY_MAX])
{
	int r;

	*st = (struct state){ .fd = -1,
		.boxes_fd = -1,
		.logs_fd = -1,
		.records_fd = -1,
		.lock_fd = -1,
		.port_file = o->port_file };
	r = paths_local_state_dir(o->state_dir, &st->dir, why);
	r = r ? r : paths_private_dir(st->dir, &st->fd, why);
	r = r ? r : take_lock(st, why);
	if (r)
		return r;
	unpublish(st);
	r = open_folders(st);
	if (r)
		snprintf(why, STATE_WHY_MAX, "cannot make the folders in %.300s: %s", st->dir,
			strerror(-r));
	return r;
}

static int write_port(int dir_fd, const char *name, uint16_t port)
{
	char text[16];

	snprintf(text, sizeof(text), "%u\n", port);
	return paths_write_file(dir_fd, name, text, strlen(text));
}

int state_publish(struct state *st, const struct options *o, uint16_t port, uint16_t direct_port,
	char url[STATE_URL_MAX])
{
	char line[STATE_URL_MAX + 1];
	bool six = strchr(o->host, ':') != NULL;
	int r;

	snprintf(url, STATE_URL_MAX, "%s://%s%s%s:%u", o->plaintext ? "http" : "https",
		six ? "[" : "", o->host, six ? "]" : "", port);
	snprintf(line, sizeof(line), "%s\n", url);
	st->published = true;
	r = paths_write_file(st->fd, "url", line, strlen(line));
	if (!r && direct_port)
		r = write_port(st->fd, "direct-port", direct_port);
	r = r ? r : write_port(st->fd, "port", port);
	if (!r && st->port_file)
		r = write_port(AT_FDCWD, st->port_file, port);
	return r;
}

void state_withdraw(struct state *st)
{
	if (st->published)
		unpublish(st);
	st->published = false;
}

void state_close(struct state *st)
{
	close_fd(&st->boxes_fd);
	close_fd(&st->logs_fd);
	close_fd(&st->records_fd);
	close_fd(&st->lock_fd);
	close_fd(&st->fd);
	free(st->dir);
	free(st->boxes_dir);
}
