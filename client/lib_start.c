/*
 * lib_start - starts the daemon, detached from us, and waits for its socket
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "client/lib.h"
#include "common/paths.h"

#define PROGRAM "cwsandboxd"
#define POLL_MS 20         /* between two tries to connect */
#define GRACE_MS 2000      /* for another one's daemon, after ours has ended */
#define COMPLAINT_MAX 1024 /* bytes of what it said that are read */

/* What the child needs, prepared before fork(): the child of a process with threads may not
 * allocate. */
struct launch {
	char path[PATH_MAX];
	const char *socket; /* or NULL */
	char **env;         /* malloc'd; the strings are environ's */
	int diagnostics[2]; /* pipe: the daemon's stderr while it starts */
	int failure[2];     /* pipe: errno of exec */
};

static void close_pipe(int fds[2])
{
	close_fd(&fds[0]);
	close_fd(&fds[1]);
}

static void launch_done(struct launch *l)
{
	close_pipe(l->diagnostics);
	close_pipe(l->failure);
	free(l->env);
}

static bool is_ours(const char *variable)
{
	static const char *const ours[] = { "CWSANDBOX_API_KEY=", "CWSANDBOX_BASE_URL=",
		"CWSANDBOX_AUTH=", "CWSANDBOX_CA_FILE=", "WANDB_API_KEY=", "WANDB_ENTITY=",
		"WANDB_PROJECT=" };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (strncmp(variable, ours[i], strlen(ours[i])) == 0)
			return true;
	return false;
}

/* The environment without endpoint and key: each client brings its own with hello, and those of the
 * client that happened to start the daemon must not become another's. */
static int copy_environment(char ***ret)
{
	size_t n = 0, k = 0;
	char **copy;

	while (environ && environ[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!is_ours(environ[i]))
			copy[k++] = environ[i];
	*ret = copy;
	return 0;
}

/* ---- which program ---- */

static bool try_path(char path[PATH_MAX], const char *dir, size_t n)
{
	int l = snprintf(path, PATH_MAX, "%.*s/%s", (int)n, dir, PROGRAM);

	return l > 0 && l < PATH_MAX && access(path, X_OK) == 0;
}

static bool find_beside(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *slash;

	if (n <= 0)
		return false;
	self[n] = 0;
	slash = strrchr(self, '/');
	return slash && try_path(path, self, (size_t)(slash - self));
}

static bool find_in_path(char path[PATH_MAX])
{
	const char *dirs = getenv("PATH");

	while (dirs && *dirs) {
		size_t n = strcspn(dirs, ":");

		if (n > 0 && *dirs == '/' && n < PATH_MAX && try_path(path, dirs, n))
			return true;
		dirs += n + (dirs[n] == ':');
	}
	return false;
}

static int find_program(struct cwsandbox *c, const char *program, char path[PATH_MAX])
{
	if (program) {
		int l = snprintf(path, PATH_MAX, "%s", program);

		return l > 0 && l < PATH_MAX ? 0
					     : conn_fail(c, -ENAMETOOLONG, "start",
						       "the path of the daemon is too long");
	}
	if (find_beside(path) || try_path(path, BINDIR, strlen(BINDIR)) || find_in_path(path))
		return 0;
	return conn_fail(c, CWSANDBOX_E_REFUSED, "start",
		"cannot start " PROGRAM ": not found beside this program, in " BINDIR
		" or in PATH");
}

/* ---- the child ---- */

/* Async-signal-safe calls only. */
_Noreturn static void run_daemon(const struct launch *l)
{
	char *const argv_socket[] = { (char *)(uintptr_t)l->path, (char *)"--socket",
		(char *)(uintptr_t)l->socket, NULL };
	char *const argv_plain[] = { (char *)(uintptr_t)l->path, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), e;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (null < 0 || chdir("/") < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
		dup2(l->diagnostics[1], 2) < 0)
		goto fail;
	if (dup2(l->failure[1], 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) < 0)
		goto fail;
	close_range(4, ~0U, 0);
	execve(l->path, l->socket ? argv_socket : argv_plain, l->env);
	e = errno;
	(void)!write(3, &e, sizeof(e));
	_exit(127);
fail:
	e = errno;
	(void)!write(l->failure[1], &e, sizeof(e));
	_exit(127);
}

/* Twice, so that nobody has to wait for the daemon. */
static int fork_daemon(const struct launch *l)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			run_daemon(l);
		_exit(pid < 0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EAGAIN;
}

/* ---- waiting ---- */

static int read_failure(struct cwsandbox *c, struct launch *l)
{
	int e;
	ssize_t n;

	close_fd(&l->failure[1]);
	do
		n = read(l->failure[0], &e, sizeof(e));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(e))
		return 0; /* closed by exec */
	return conn_fail(
		c, CWSANDBOX_E_REFUSED, "start", "cannot start %s: %s", l->path, strerror(e));
}

/* The daemon's words while it starts; whether it has ended. */
struct complaint {
	char text[COMPLAINT_MAX];
	size_t n;
	bool ended;
};

static void listen_to(struct complaint *said, int fd)
{
	char buf[256];
	ssize_t n;

	while (!said->ended) {
		n = read(fd, buf, sizeof(buf));
		if (n < 0)
			return; /* EAGAIN: it is busy starting */
		said->ended = n == 0;
		n = (ssize_t)min_size((size_t)n, sizeof(said->text) - 1 - said->n);
		memcpy(said->text + said->n, buf, (size_t)n);
		said->n += (size_t)n;
		said->text[said->n] = 0;
	}
}

/* Its last line, without saying again whose it is. */
static const char *last_words(struct complaint *said)
{
	static const char head[] = PROGRAM ": error: ";
	char *line;

	while (said->n > 0 && said->text[said->n - 1] == '\n')
		said->text[--said->n] = 0;
	line = strrchr(said->text, '\n');
	line = line ? line + 1 : said->text;
	return strncmp(line, head, strlen(head)) == 0 ? line + strlen(head) : line;
}

static int await_socket(struct cwsandbox *c, const struct cwsandbox_config *config,
	struct launch *l, int64_t deadline)
{
	struct complaint said = { .n = 0 };
	int64_t end = deadline;
	int r;

	for (;;) {
		r = cwsandbox_connect(c, config, io_left(deadline));
		if (r != CWSANDBOX_E_NO_DAEMON)
			return r;
		if (!said.ended) {
			listen_to(&said, l->diagnostics[0]);
			if (said.ended)
				end = io_deadline(io_is_locked() ? GRACE_MS : 0);
		}
		if (io_left(end) == 0 || io_left(deadline) == 0)
			break;
		poll(NULL, 0, POLL_MS);
	}
	if (said.ended)
		return conn_fail(c, CWSANDBOX_E_REFUSED, "start", "cwsandboxd did not start: %s",
			said.n ? last_words(&said) : "it ended without a word, as when killed");
	return conn_fail(c, CWSANDBOX_E_TIMEOUT, "timeout",
		"cwsandboxd was started but its socket does not answer");
}

static int launch(struct cwsandbox *c, struct launch *l)
{
	int r;

	if (pipe2(l->diagnostics, O_CLOEXEC) < 0 || pipe2(l->failure, O_CLOEXEC) < 0)
		return conn_fail(c, -errno, "io", "pipe: %s", strerror(errno));
	if (fcntl(l->diagnostics[0], F_SETFL, O_NONBLOCK) < 0)
		return conn_fail(c, -errno, "io", "fcntl: %s", strerror(errno));
	r = copy_environment(&l->env);
	if (!r)
		r = fork_daemon(l);
	if (r)
		return conn_fail(c, r, "start", "cannot start %s: %s", l->path, strerror(-r));
	close_fd(&l->diagnostics[1]);
	return read_failure(c, l);
}

/* One that is named is told in full: a relative path is meant from here, and the daemon starts in /. */
static int find_socket(struct cwsandbox *c, const struct cwsandbox_config *config, char **ret)
{
	const char *env = getenv("CWSANDBOXD_SOCKET");
	const char *named = config->socket && *config->socket ? config->socket : env;
	char why[PATHS_WHY_MAX];
	int r;

	if (!named || !*named)
		return 0;
	r = paths_socket(named, ret, why);
	return r ? conn_fail(c, r, "io", "%s", why) : 0;
}

int cwsandbox_daemon_start(struct cwsandbox *c, const struct cwsandbox_config *config,
	const char *program, int timeout_ms)
{
	struct launch l = { .diagnostics = { -1, -1 }, .failure = { -1, -1 } };
	_cleanup_(freep) char *path = NULL;
	int64_t deadline = io_deadline(timeout_ms);
	int r;

	r = find_program(c, program, l.path);
	if (!r)
		r = find_socket(c, config, &path);
	l.socket = path;
	if (!r)
		r = launch(c, &l);
	if (!r)
		r = await_socket(c, config, &l, deadline);
	launch_done(&l);
	return r;
}
