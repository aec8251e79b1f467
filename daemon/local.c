#include "daemon/local.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "common/clock.h"
#include "common/paths.h"

#define LOCK_LINE_MAX 64
#define STAT_MAX 128 /* bytes: number, name and state of a process, and no more */
#define STOP_POLL_MS 10
#define PROGRAM "cwsandbox-local"

static int because(char why[LOCAL_WHY_MAX], int r, const char *what)
{
	snprintf(why, LOCAL_WHY_MAX, "The embedded service is not usable: %s", what);
	return r;
}

static int read_url(int dir, struct url *ret)
{
	_cleanup_(freep) char *text = NULL;
	const char *why;
	size_t n;
	int r;

	r = paths_read_file(dir, "url", URL_TEXT_MAX, &text, &n);
	if (r < 0)
		return r;
	text[strcspn(text, "\r\n")] = '\0';
	r = url_parse(ret, text, &why);
	return r < 0 || ret->is_local ? -EBADMSG : 0;
}

static int read_token(int dir, struct secret **ret)
{
	char *text = NULL;
	size_t n = 0;
	int r;

	r = paths_read_file(dir, "token", SECRET_MAX, &text, &n);
	if (r < 0)
		return r;
	n = strcspn(text, "\r\n");
	r = n > 0 ? secret_new(ret, text, n) : -EBADMSG;
	explicit_bzero(text, n);
	free(text);
	return r;
}

static int read_folder(int dir, const char *path, struct url *ret_url, char **ret_ca,
	struct secret **ret_token, char why[LOCAL_WHY_MAX])
{
	_cleanup_(freep) char *ca = NULL;
	struct url url;
	int r;

	r = read_url(dir, &url);
	if (r < 0)
		return because(
			why, r, r == -ENOENT ? "it does not run" : "its url file cannot be read");
	if (url.tls && asprintf(&ca, "%s/ca.pem", path) < 0)
		return -ENOMEM;
	r = read_token(dir, ret_token);
	if (r < 0)
		return because(why, r, "its token file cannot be read");
	*ret_url = url;
	*ret_ca = TAKE(ca);
	return 0;
}

int local_find(
	struct url *ret_url, char **ret_ca, struct secret **ret_token, char why[LOCAL_WHY_MAX])
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(closep) int dir = -1;
	int r;

	r = paths_local_state_dir(NULL, &path, why);
	if (r < 0)
		return r;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return because(why, -ENOENT, "it does not run");
	if (dir < 0)
		return because(why, -errno, "its state folder cannot be opened");
	return read_folder(dir, path, ret_url, ret_ca, ret_token, why);
}

/* Its pid, as the lock's line says; 0 when nobody holds the lock. */
static pid_t holder(int dir)
{
	_cleanup_(closep) int fd = openat(dir, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(freep) char *text = NULL;
	size_t n;
	long pid;

	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return 0;
	if (paths_read_file(dir, "lock", LOCK_LINE_MAX, &text, &n) < 0)
		return 0;
	pid = strtol(text, NULL, 10);
	return pid > 1 ? (pid_t)pid : 0;
}

/* Its folder in /proc: which stays its own when another process gets the number. */
static int open_process(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Gone, or a zombie. */
static bool has_ended(int process)
{
	_cleanup_(closep) int fd = -1;
	char stat[STAT_MAX];
	const char *name_end;
	ssize_t n = -1;

	if (process >= 0)
		fd = openat(process, "stat", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, stat, sizeof(stat) - 1);
	if (n <= 0)
		return true;
	stat[n] = '\0';
	name_end = strrchr(stat, ')');
	return name_end && strncmp(name_end, ") Z", 3) == 0;
}

/* Its lock is free once all of it has gone, but for its first process, which gives the lock back just before. */
static bool await_end(int dir, int process, uint64_t max_usec)
{
	const uint64_t until = clock_read_usec(CLOCK_MONOTONIC) + max_usec;

	while (holder(dir) || !has_ended(process)) {
		if (clock_read_usec(CLOCK_MONOTONIC) >= until)
			return false;
		poll(NULL, 0, STOP_POLL_MS);
	}
	return true;
}

static int open_folder(void)
{
	_cleanup_(freep) char *path = NULL;
	char why[LOCAL_WHY_MAX];

	if (paths_local_state_dir(NULL, &path, why) < 0)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool local_is_held(void)
{
	_cleanup_(closep) int dir = open_folder();

	return dir >= 0 && holder(dir);
}

bool local_stop(uint64_t max_usec)
{
	_cleanup_(closep) int dir = open_folder(), process = -1;
	pid_t pid;

	pid = dir < 0 ? 0 : holder(dir);
	process = pid ? open_process(pid) : -1;
	return !pid || kill(pid, SIGTERM) < 0 || await_end(dir, process, max_usec);
}

/* ---- its program -------------------------------------------------------------------------------- */

static bool is_program(const char *dir, size_t n, char **ret)
{
	char *path = NULL;

	if (asprintf(&path, "%.*s/" PROGRAM, (int)n, dir) < 0)
		return false;
	if (access(path, X_OK) == 0) {
		*ret = path;
		return true;
	}
	free(path);
	return false;
}

static bool beside_us(char **ret)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));

	while (n > 0 && self[n - 1] != '/')
		n--;
	return n > 1 && is_program(self, (size_t)n - 1, ret);
}

static bool in_path(char **ret)
{
	const char *p = getenv("PATH");

	while (p && *p) {
		size_t n = strcspn(p, ":");

		if (n > 0 && p[0] == '/' && is_program(p, n, ret))
			return true;
		p += n + (p[n] == ':');
	}
	return false;
}

int local_command(char **ret, size_t *ret_n, char why[LOCAL_WHY_MAX])
{
	char *path = NULL;

	if (!beside_us(&path) && !is_program(BINDIR, strlen(BINDIR), &path) && !in_path(&path))
		return because(why, -ENOENT,
			"it does not run, and " PROGRAM
			" is neither beside cwsandboxd nor in PATH");
	*ret = path;
	*ret_n = strlen(path) + 1;
	return 0;
}
