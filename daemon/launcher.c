#include "daemon/launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/cfg.h"
#include "common/clock.h"

#define ARGV_MAX 16

extern char **environ;

struct errand {
	uint32_t id;
	uint32_t kind;
	char text[LAUNCH_TEXT_MAX];
};
#define ERRAND_HEAD offsetof(struct errand, text)

struct answer {
	uint32_t id;
	int32_t r;
	char text[LAUNCH_TEXT_MAX];
};
#define ANSWER_HEAD offsetof(struct answer, text)

/* ---- in the launcher's process ------------------------------------------------------------------ */

static void answer_send(int fd, uint32_t id, int r, const char *text, size_t n)
{
	struct answer a = { .id = id, .r = r };

	memcpy(a.text, text, n);
	while (send(fd, &a, ANSWER_HEAD + n, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	explicit_bzero(&a, sizeof(a));
}

static void answer_text(int fd, uint32_t id, int r, const char *text)
{
	answer_send(fd, id, r, text, strlen(text));
}

/* The standard descriptors of a program to come; its other fds close on exec. */
static void set_stdio(int out, int said)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
		dup2(out >= 0 ? out : null, STDOUT_FILENO) < 0 || dup2(said, STDERR_FILENO) < 0)
		_exit(127);
}

/* What we or who started us ignored is no affair of a program, which would hand it down to all it runs. */
static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < _NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* As fork(), of the one program of an errand; *ret_ended is readable once it has ended. */
static pid_t fork_watched(int *ret_ended)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaction(SIGCHLD, &usual, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*ret_ended = signalfd(-1, &set, SFD_CLOEXEC);
	if (*ret_ended < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		reset_signals();
	return pid;
}

/* ---- what a program says on its standard error ---- */

struct tail {
	char text[LAUNCH_SAID_MAX];
	size_t n;
};

/* Reads what there is; only the end of it is kept. False: nothing more will come. */
static bool tail_read(struct tail *t, int fd)
{
	ssize_t l;

	if (t->n == LAUNCH_SAID_MAX) {
		t->n /= 2;
		memmove(t->text, t->text + t->n, t->n);
	}
	l = read(fd, t->text + t->n, LAUNCH_SAID_MAX - t->n);
	if (l > 0)
		t->n += (size_t)l;
	return l > 0 || (l < 0 && errno == EINTR);
}

/* Of several lines the last says why it ended; *ret_n is 0 if there is none. */
static const char *tail_line(const struct tail *t, size_t *ret_n)
{
	size_t n = t->n;
	const char *from;

	while (n > 0 && t->text[n - 1] == '\n')
		n--;
	from = n ? memrchr(t->text, '\n', n) : NULL;
	from = from ? from + 1 : t->text;
	*ret_n = n - (size_t)(from - t->text);
	return from;
}

/* ---- the program of an errand ---- */

struct program {
	pid_t pid;
	int ended;                  /* readable once it has */
	int out, said;              /* pipes: its standard output and error; -1: ended, or none */
	char text[LAUNCH_TEXT_MAX]; /* its output */
	size_t n;
	struct tail tail;
};

/* -EFBIG. */
static int read_output(struct program *p)
{
	ssize_t l = read(p->out, p->text + p->n, sizeof(p->text) - p->n);

	if (l < 0)
		return errno == EINTR ? 0 : -errno;
	if (l == 0)
		close_fd(&p->out);
	p->n += (size_t)l;
	return p->n == sizeof(p->text) ? -EFBIG : 0;
}

/* Until its output and itself have ended; -ETIMEDOUT; -EPIPE: the daemon, whose socket is `fd`, is gone; -EFBIG.
 * What it says is taken first, so that it never waits for us; and its end is looked at last, so that what it said is
 * whole then. */
static int await_end(struct program *p, int fd, uint64_t max_usec)
{
	const uint64_t until = clock_read_usec(CLOCK_MONOTONIC) + max_usec;
	int r = 0;

	while (!r) {
		struct pollfd on[] = { { .fd = fd }, { .fd = p->said, .events = POLLIN },
			{ .fd = p->out, .events = POLLIN }, { .fd = p->ended, .events = POLLIN } };
		uint64_t now = clock_read_usec(CLOCK_MONOTONIC);

		if (now >= until)
			return -ETIMEDOUT;
		if (poll(on, ARRAY_SIZE(on), (int)((until - now) / USEC_PER_MSEC) + 1) < 0)
			continue;
		if (on[0].revents)
			return -EPIPE;
		if (on[1].revents && !tail_read(&p->tail, p->said))
			close_fd(&p->said);
		else if (!on[1].revents && on[2].revents)
			r = read_output(p);
		else if (!on[1].revents && on[3].revents && p->out < 0)
			return 0;
	}
	return r;
}

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- the key command ---- */

static void run_shell(int out, int said, const char *command)
{
	setpgid(0, 0);
	set_stdio(out, said);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* -errno with nothing started. */
static int start_key_command(struct program *p, const char *command)
{
	int out[2], said[2];

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(said, O_CLOEXEC) < 0)
		return -errno;
	p->pid = fork_watched(&p->ended);
	if (p->pid < 0)
		return -errno;
	if (p->pid == 0)
		run_shell(out[1], said[1], command);
	setpgid(p->pid, p->pid); /* whichever of us runs first: it may be killed at once */
	close(out[1]);
	close(said[1]);
	p->out = out[0];
	p->said = said[0];
	return 0;
}

static void answer_failed(int fd, uint32_t id, int code, const struct tail *tail)
{
	char why[64 + LAUNCH_SAID_MAX];
	size_t n;
	const char *line = tail_line(tail, &n);

	snprintf(why, sizeof(why), "The key command ended with code %d%s%.*s.", code, n ? ": " : "",
		(int)n, line);
	answer_text(fd, id, -ECHILD, why);
}

static void do_key_command(int fd, const struct errand *e)
{
	struct program p = { .n = 0 };
	int r, code;

	r = start_key_command(&p, e->text);
	if (r < 0)
		return answer_text(fd, e->id, r, "The key command cannot be started.");
	r = await_end(&p, fd, LAUNCH_KEY_COMMAND_MAX_SEC * USEC_PER_SEC);
	if (r < 0)
		kill(-p.pid, SIGKILL);
	code = reap(p.pid);
	if (r == -ETIMEDOUT)
		answer_text(fd, e->id, r, "The key command gave no key within 30 seconds.");
	else if (r < 0)
		answer_text(
			fd, e->id, r, "The key command's output cannot be a key: it is too long.");
	else if (code != 0)
		answer_failed(fd, e->id, code, &p.tail);
	else
		answer_send(fd, e->id, 0, p.text, p.n);
	explicit_bzero(&p, sizeof(p));
}

/* ---- a detached program ---- */

/* What a detached program keeps of our environment. */
static bool is_harmless(const char *entry)
{
	static const char *const names[] = { "PATH=", "HOME=", "USER=", "LOGNAME=", "SHELL=",
		"LANG=", "LC_", "TZ=", "TMPDIR=", "XDG_STATE_HOME=", "XDG_RUNTIME_DIR=",
		"XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "XDG_DATA_HOME=" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strncmp(entry, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void scrub_env(void)
{
	size_t kept = 0;

	for (size_t i = 0; environ[i]; i++)
		if (is_harmless(environ[i]))
			environ[kept++] = environ[i];
	environ[kept] = NULL;
}

/* The detached program: of a new session, without our terminal; what it says goes to `said`. */
static void exec_detached(int said, char **argv)
{
	setsid();
	set_stdio(-1, said);
	scrub_env();
	if (chdir("/") == 0)
		execv(argv[0], argv);
	dprintf(STDERR_FILENO, "%s", strerror(errno));
	_exit(127);
}

static size_t split_argv(struct errand *e, size_t n, char *argv[ARGV_MAX + 1])
{
	size_t argc = 0;

	for (char *p = e->text; p < e->text + n && argc < ARGV_MAX; p += strlen(p) + 1)
		argv[argc++] = p;
	argv[argc] = NULL;
	return argc;
}

static void answer_ended(int fd, uint32_t id, int code, const struct tail *tail)
{
	char words[64];
	size_t n;
	const char *line = tail_line(tail, &n);

	if (n)
		return answer_send(fd, id, -ECHILD, line, n);
	snprintf(words, sizeof(words), "it ended with code %d", code);
	answer_text(fd, id, -ECHILD, words);
}

static void do_detached(int fd, struct errand *e, size_t n)
{
	char *argv[ARGV_MAX + 1];
	struct program p = { .out = -1 };
	int said[2];

	if (split_argv(e, n, argv) == 0 || pipe2(said, O_CLOEXEC) < 0)
		return answer_text(fd, e->id, -EINVAL, "no pipe could be made");
	p.pid = fork_watched(&p.ended);
	if (p.pid < 0)
		return answer_text(fd, e->id, -errno, "no process could be made");
	if (p.pid == 0)
		exec_detached(said[1], argv);
	close(said[1]);
	p.said = said[0];
	if (await_end(&p, fd, LAUNCH_WATCH_SEC * USEC_PER_SEC) == 0)
		answer_ended(fd, e->id, reap(p.pid), &p.tail);
	else
		answer_send(fd, e->id, 0, "", 0);
}

/* A child of its own for each errand: a slow key command holds nothing up. */
static void do_errand(int fd, struct errand *e, size_t n)
{
	pid_t pid = fork();

	if (pid < 0)
		return answer_text(fd, e->id, -errno, "No process could be made.");
	if (pid > 0)
		return;
	if (e->kind == LAUNCH_KEY_COMMAND)
		do_key_command(fd, e);
	else
		do_detached(fd, e, n);
	_exit(0);
}

static void serve(int fd)
{
	static struct errand e;

	for (;;) {
		ssize_t n = recv(fd, &e, sizeof(e) - 1, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < (ssize_t)ERRAND_HEAD)
			return; /* the daemon is gone */
		((char *)&e)[n] = '\0';
		do_errand(fd, &e, (size_t)n - ERRAND_HEAD);
	}
}

static void launcher_main(int fd)
{
	prctl(PR_SET_NAME, "cwsandboxd-run");
	cfg_wipe_env();
	signal(SIGINT, SIG_IGN); /* the daemon decides when we end: its end of the socket closes */
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGCHLD, SIG_IGN); /* children are reaped by the kernel */
	serve(fd);
	_exit(0);
}

/* ---- in the daemon ------------------------------------------------------------------------------ */

int launcher_start(struct launcher *l)
{
	int fds[2];

	*l = (struct launcher){ .fd = -1 };
	list_init(&l->launches);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	l->pid = fork();
	if (l->pid < 0) {
		int r = -errno;

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (l->pid == 0) {
		close(fds[0]);
		launcher_main(fds[1]);
	}
	close(fds[1]);
	l->fd = fds[0];
	return 0;
}

static void finish(struct launch *what, int r, const char *text, size_t n)
{
	list_unlink(&what->link);
	what->on_done(what, r, text, n);
}

static void fail_all(struct launcher *l)
{
	static const char why[] = "The process that starts programs is gone: restart cwsandboxd.";

	event_del(l->ev);
	while (!list_empty(&l->launches))
		finish(list_first(&l->launches, struct launch, link), -EPIPE, why, strlen(why));
}

static void take_answer(struct launcher *l, const struct answer *a, size_t n)
{
	struct launch *what;

	list_for_each(what, &l->launches, link)
		if (what->id == a->id)
			return finish(what, a->r, a->text, n);
}

static void on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct launcher *l = arg;
	struct answer a;
	ssize_t n = recv((int)fd, &a, sizeof(a), MSG_DONTWAIT);

	(void)events;
	if (n >= (ssize_t)ANSWER_HEAD)
		take_answer(l, &a, (size_t)n - ANSWER_HEAD);
	else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		fail_all(l);
	explicit_bzero(&a, sizeof(a));
}

int launcher_attach(struct launcher *l, struct loop *loop)
{
	l->ev = event_new(loop->base, l->fd, EV_READ | EV_PERSIST, on_readable, l);
	if (!l->ev || event_add(l->ev, NULL) < 0)
		return -ENOMEM;
	return 0;
}

void launcher_done(struct launcher *l)
{
	if (l->ev)
		event_free(l->ev);
	l->ev = NULL;
	close_fd(&l->fd);
	if (l->pid > 0)
		waitpid(l->pid, NULL, 0);
	l->pid = 0;
}

int launcher_ask(
	struct launcher *l, struct launch *what, enum launch_kind kind, const char *text, size_t n)
{
	struct errand e = { .id = ++l->next_id, .kind = kind };

	if (n >= sizeof(e.text))
		return -E2BIG;
	memcpy(e.text, text, n);
	if (send(l->fd, &e, ERRAND_HEAD + n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	what->id = e.id;
	list_append(&l->launches, &what->link);
	return 0;
}

void launch_cancel(struct launch *what)
{
	list_unlink(&what->link);
}
