#include "local/init_child.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "common/pty.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- stdio ---- */

/* A pipe of which our end, 0 or 1, never blocks. */
static int open_pipe(int ours, int *ret_ours, int *ret_theirs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = fds[ours];
	*ret_theirs = fds[!ours];
	return fcntl(fds[ours], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_stdin(struct init_stdio *io, const struct init_head *head)
{
	if (!(head->flags & INIT_NO_STDIN))
		return open_pipe(1, &io->ours[io->n_ours++], &io->theirs[0]);
	io->theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return io->theirs[0] < 0 ? -errno : 0;
}

int init_stdio_open(struct init_stdio *io, const struct init_head *head)
{
	int r;

	*io = (struct init_stdio){
		.tty = (head->flags & INIT_TTY) != 0,
		.ours = { -1, -1, -1 },
		.theirs = { -1, -1, -1 },
	};
	if (io->tty) {
		io->n_ours = 1;
		r = pty_open(head->cols, head->rows, &io->ours[0], &io->theirs[0]);
	} else {
		r = open_stdin(io, head);
		for (int fd = 1; !r && fd <= 2; fd++)
			r = open_pipe(0, &io->ours[io->n_ours++], &io->theirs[fd]);
	}
	if (r)
		init_stdio_close(io);
	return r;
}

void init_stdio_close(struct init_stdio *io)
{
	for (size_t i = 0; i < ARRAY_SIZE(io->ours); i++)
		close_fd(&io->ours[i]);
	for (size_t i = 0; i < ARRAY_SIZE(io->theirs); i++)
		close_fd(&io->theirs[i]);
}

/* ---- in the child ---- */

static const char *env_path(const char *const *env)
{
	for (; *env; env++)
		if (!strncmp(*env, "PATH=", 5))
			return *env + 5;
	return PATH_DEFAULT;
}

/* A text file without "#!" is a shell script, as for every shell. */
static void exec_as_script(const char *path, const struct init_message *m)
{
	const char *argv[INIT_STRINGS_MAX + 2] = { "/bin/sh", path };

	memcpy(argv + 2, m->argv + 1, sizeof(*argv) * m->head.n_argv);
	execve("/bin/sh", (char **)argv, (char **)m->env);
}

static int exec_file(const char *path, const struct init_message *m)
{
	execve(path, (char **)m->argv, (char **)m->env);
	if (errno == ENOEXEC)
		exec_as_script(path, m);
	return -errno;
}

static bool join_path(char out[PATH_MAX], const char *dir, size_t n_dir, const char *name)
{
	size_t n_name = strlen(name);

	if (!n_dir) {
		dir = ".";
		n_dir = 1;
	}
	if (n_dir + 1 + n_name >= PATH_MAX)
		return false;
	memcpy(out, dir, n_dir);
	out[n_dir] = '/';
	memcpy(out + n_dir + 1, name, n_name + 1);
	return true;
}

/* Only returns when nothing could be executed. A file that may not be run is said rather than "not
 * found". */
static int exec_search(const struct init_message *m)
{
	const char *name = m->argv[0];
	const char *path = env_path(m->env);
	char full[PATH_MAX];
	int error = -ENOENT;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/'))
		return exec_file(name, m);
	for (;;) {
		size_t n = strcspn(path, ":");
		int r = join_path(full, path, n, name) ? exec_file(full, m) : -ENAMETOOLONG;

		if (r == -EACCES)
			error = r;
		else if (r != -ENOENT && r != -ENOTDIR)
			return r;
		if (!path[n])
			return error;
		path += n + 1;
	}
}

static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < _NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int adopt(const struct init_stdio *io)
{
	if (io->tty)
		return pty_adopt(io->theirs[0]);
	if (setsid() < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(io->theirs[fd], fd) < 0)
			return -errno;
	return 0;
}

struct report {
	int error;
	enum init_stage stage;
};

static _Noreturn void child(
	const struct init_message *m, const struct init_stdio *io, int report_fd)
{
	struct report report = { .stage = INIT_STAGE_START };

	report.error = adopt(io);
	reset_signals();
	if (!report.error && chdir(m->text) < 0) {
		report.stage = INIT_STAGE_CWD;
		report.error = -errno;
	}
	if (!report.error) {
		report.stage = INIT_STAGE_EXEC;
		report.error = exec_search(m);
	}
	if (write(report_fd, &report, sizeof(report)) < 0)
		_exit(126);
	_exit(127);
}

/* ---- in init ---- */

int init_spawn(const struct init_message *m, const struct init_stdio *io, pid_t *ret_pid,
	enum init_stage *ret_stage)
{
	struct report report = { 0 };
	int fds[2];
	ssize_t l;
	pid_t pid;

	*ret_stage = INIT_STAGE_START;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (!pid)
		child(m, io, fds[1]);
	close_fd(&fds[1]);
	if (pid < 0) {
		close_fd(&fds[0]);
		return -errno;
	}
	/* Ends when the program is executed: the other end is close-on-exec. */
	do {
		l = read(fds[0], &report, sizeof(report));
	} while (l < 0 && errno == EINTR);
	close_fd(&fds[0]);
	if (l <= 0) {
		*ret_pid = pid;
		return 0;
	}
	waitpid(pid, NULL, 0);
	*ret_stage = report.stage;
	return report.error;
}
