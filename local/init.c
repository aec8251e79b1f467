#include "local/init.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/pty.h"
#include "local/init_child.h"
#include "local/init_proto.h"
#include "local/init_reap.h"
#include "local/init_usage.h"
#include "local/init_walls.h"

#define FILE_MODE 0644

/* One process the service asked for, from its start to its reaping: so its pid cannot be another's.
 */
struct entry {
	uint32_t id;
	pid_t pid;          /* also its process group and session */
	uint64_t kill_usec; /* HANGUP: when the group is killed; 0 = never */
};

struct init {
	int signal_fd;
	struct entry *entries;
	size_t n_entries, cap;
	uint64_t memory_max, memory_used; /* bytes; max 0: nobody counts */
	uint64_t count_at_usec;
	uint8_t buf[INIT_MESSAGE_MAX + 1]; /* one more: a longer packet shows */
};

static _Noreturn void die(void)
{
	if (getpid() != 1)
		init_kill_all();
	_exit(0);
}

static void answer(const struct init_head *head, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * INIT_FDS_MAX)];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)head, .iov_len = sizeof(*head) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t l;

	if (n_fds) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do {
		l = sendmsg(INIT_FD, &msg, MSG_NOSIGNAL);
	} while (l < 0 && errno == EINTR);
	if (l < 0)
		die();
}

static void answer_failed(uint32_t id, int error, enum init_stage stage)
{
	struct init_head head = { .type = INIT_FAILED, .id = id, .value = -error, .flags = stage };

	answer(&head, NULL, 0);
}

/* ---- processes ---- */

static struct entry *entry_find(struct init *in, uint32_t id)
{
	for (size_t i = 0; i < in->n_entries; i++)
		if (in->entries[i].id == id)
			return &in->entries[i];
	return NULL;
}

static struct entry *entry_of_pid(struct init *in, pid_t pid)
{
	for (size_t i = 0; i < in->n_entries; i++)
		if (in->entries[i].pid == pid)
			return &in->entries[i];
	return NULL;
}

static int entry_reserve(struct init *in)
{
	size_t cap = in->cap ? in->cap * 2 : 16;
	struct entry *entries;

	if (in->n_entries < in->cap)
		return 0;
	entries = reallocarray(in->entries, cap, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	in->entries = entries;
	in->cap = cap;
	return 0;
}

static void do_exec(struct init *in, const struct init_message *m)
{
	struct init_head head = { .type = INIT_STARTED, .id = m->head.id };
	struct init_stdio io;
	enum init_stage stage = INIT_STAGE_START;
	pid_t pid = 0;
	int r = entry_reserve(in);

	if (!r)
		r = init_stdio_open(&io, &m->head);
	if (r)
		return answer_failed(m->head.id, r, stage);
	r = init_spawn(m, &io, &pid, &stage);
	if (r) {
		answer_failed(m->head.id, r, stage);
	} else {
		in->entries[in->n_entries++] = (struct entry){ .id = m->head.id, .pid = pid };
		head.value = pid;
		answer(&head, io.ours, io.n_ours);
	}
	init_stdio_close(&io);
}

static void do_signal(struct init *in, const struct init_head *h)
{
	const struct entry *e = entry_find(in, h->id);

	if (e && h->value > 0 && h->value < _NSIG)
		kill(-e->pid, h->value);
}

static void do_hangup(struct init *in, const struct init_head *h)
{
	struct entry *e = entry_find(in, h->id);

	if (!e || e->kill_usec)
		return;
	kill(-e->pid, SIGHUP);
	kill(-e->pid, SIGCONT);
	e->kill_usec = clock_read_usec(CLOCK_MONOTONIC) + INIT_HANGUP_KILL_MSEC * USEC_PER_MSEC;
}

static void kill_overdue(struct init *in)
{
	uint64_t now = clock_read_usec(CLOCK_MONOTONIC);

	for (size_t i = 0; i < in->n_entries; i++)
		if (in->entries[i].kill_usec && in->entries[i].kill_usec <= now)
			kill(-in->entries[i].pid, SIGKILL);
}

static void reap_one(struct init *in, pid_t pid)
{
	struct init_head head = { .type = INIT_EXITED };
	struct entry *e = entry_of_pid(in, pid);
	int status;

	/* Not reaped yet, so the group's number is still its own. */
	if (e && e->kill_usec)
		kill(-pid, SIGKILL);
	if (waitpid(pid, &status, WNOHANG) != pid || !e)
		return;
	head.id = e->id;
	head.value = status;
	*e = in->entries[--in->n_entries];
	answer(&head, NULL, 0);
}

static void reap(struct init *in)
{
	struct signalfd_siginfo si;
	siginfo_t info;

	while (read(in->signal_fd, &si, sizeof(si)) > 0)
		;
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid)
			return;
		reap_one(in, info.si_pid);
	}
}

/* ---- files ---- */

/* What cannot be made shows when the file is opened. */
static void make_dirs(const char *path)
{
	char dir[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(dir))
		return;
	for (size_t i = 1; i < n; i++) {
		if (path[i] != '/')
			continue;
		memcpy(dir, path, i);
		dir[i] = 0;
		mkdir(dir, 0755);
	}
}

/* The path means what it means to a program inside. What it may not do is lead through /proc to a
 * descriptor or the root of another process: no link of the kernel's own is followed.
 *
 * O_NONBLOCK: a FIFO must not hold up everybody else's requests. */
static int open_inside(const char *path, uint32_t flags)
{
	struct open_how how = {
		.flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	how.flags |= flags & INIT_WRITE ? O_WRONLY | O_CREAT : O_RDONLY;
	how.mode = flags & INIT_WRITE ? FILE_MODE : 0;
	fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

/* To everyone else our own part of /proc is closed. */
static bool is_about_us(int fd)
{
	char link[64], path[64], ours[32];
	ssize_t l;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	snprintf(ours, sizeof(ours), "/proc/%ld/", (long)getpid());
	l = readlink(link, path, sizeof(path) - 1);
	if (l < 0)
		return true;
	path[l] = 0;
	return !strncmp(path, ours, strlen(ours));
}

/* A file of /proc is read and written as the process that opens it: that is us, not who asks. */
static int check_target(int fd, uint32_t flags, struct stat *st)
{
	struct statfs fs;

	if (fstat(fd, st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	if (fs.f_type != PROC_SUPER_MAGIC)
		return 0;
	return flags & INIT_WRITE || is_about_us(fd) ? -EPERM : 0;
}

static int open_regular(const char *path, uint32_t flags, int *ret_fd, uint64_t *ret_size)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;
	int r;

	if (flags & INIT_MAKE_DIRS)
		make_dirs(path);
	fd = open_inside(path, flags);
	r = fd < 0 ? fd : check_target(fd, flags, &st);
	if (r == -ENXIO || r == -ELOOP)
		return -EINVAL; /* a FIFO nobody reads, a socket, a link of the kernel's */
	if (r)
		return r;
	if (flags & INIT_WRITE && ftruncate(fd, 0) < 0)
		return -errno;
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static void do_open(const struct init_message *m)
{
	struct init_head head = { .type = INIT_OPENED, .id = m->head.id };
	int fd = -1;
	int r = open_regular(m->text, m->head.flags, &fd, &head.size);

	if (r)
		return answer_failed(m->head.id, r, INIT_STAGE_START);
	answer(&head, &fd, 1);
	close(fd);
}

/* ---- limits: only PID 1 can know who is in the sandbox, and only it can signal them all ---- */

static void do_memory(struct init *in, const struct init_head *h)
{
	if (getpid() != 1)
		return;
	in->memory_max = h->size;
	in->count_at_usec = clock_read_usec(CLOCK_MONOTONIC);
}

static void do_freeze(const struct init_head *h)
{
	if (getpid() == 1)
		kill(-1, h->value ? SIGSTOP : SIGCONT);
}

static void count_memory(struct init *in)
{
	struct init_head head = { .type = INIT_OVER };
	uint64_t now = clock_read_usec(CLOCK_MONOTONIC), before = in->memory_used;
	int interval;

	if (!in->memory_max || in->count_at_usec > now)
		return;
	in->memory_used = init_usage_bytes(in->memory_max);
	interval = init_usage_interval_msec(in->memory_max, before, in->memory_used);
	in->count_at_usec = now + (uint64_t)interval * USEC_PER_MSEC;
	if (in->memory_used <= in->memory_max)
		return;
	in->memory_max = 0;
	head.size = in->memory_used;
	kill(-1, SIGKILL);
	answer(&head, NULL, 0);
}

/* ---- the loop ---- */

static void receive(struct init *in)
{
	struct init_message m;
	ssize_t l = recv(INIT_FD, in->buf, sizeof(in->buf), 0);

	if (l < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (l <= 0 || init_decode(&m, in->buf, (size_t)l))
		die();
	switch ((enum init_type)m.head.type) {
	case INIT_EXEC:
		do_exec(in, &m);
		break;
	case INIT_SIGNAL:
		do_signal(in, &m.head);
		break;
	case INIT_HANGUP:
		do_hangup(in, &m.head);
		break;
	case INIT_OPEN:
		do_open(&m);
		break;
	case INIT_MEMORY:
		do_memory(in, &m.head);
		break;
	case INIT_FREEZE:
		do_freeze(&m.head);
		break;
	case INIT_READY:
	case INIT_STARTED:
	case INIT_FAILED:
	case INIT_EXITED:
	case INIT_OPENED:
	case INIT_OVER:
		break; /* ours to say */
	}
	init_message_done(&m);
}

static int poll_timeout_msec(const struct init *in)
{
	uint64_t now = clock_read_usec(CLOCK_MONOTONIC);
	uint64_t left = UINT64_MAX;

	if (in->memory_max)
		left = in->count_at_usec > now ? in->count_at_usec - now : 0;
	for (size_t i = 0; i < in->n_entries; i++) {
		uint64_t at = in->entries[i].kill_usec;

		if (at)
			left = min_u64(left, at > now ? at - now : 0);
	}
	/* A group that did not die of SIGKILL at once is tried again, not spun on. */
	return left == UINT64_MAX ? -1 : (int)(left / USEC_PER_MSEC) + 10;
}

/* Nobody in the sandbox may look into us, and we hold on to nothing of the service's. */
static int set_up(struct init *in)
{
	struct rlimit processes = { INIT_PROCESSES_MAX, INIT_PROCESSES_MAX };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t set;

	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (close_range(INIT_FD + 1, UINT_MAX, 0) < 0 || fcntl(INIT_FD, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	sigaction(SIGTERM, &ignore, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	/* Set inside the user namespace it counts only what is in there. */
	if (getpid() == 1)
		setrlimit(RLIMIT_NPROC, &processes);
	umask(022);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	in->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (in->signal_fd < 0)
		return -errno;
	return getpid() == 1 ? init_walls() : 0;
}

/* PID 1 hands out the namespaces a network can be made for. */
static void say_ready(void)
{
	struct init_head head = { .type = INIT_READY };
	int fds[] = {
		open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC),
		open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC),
	};

	answer(&head, fds, getpid() == 1 && fds[0] >= 0 && fds[1] >= 0 ? 2 : 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close_fd(&fds[i]);
}

int main(void)
{
	static struct init in;

	if (set_up(&in) < 0)
		return 1;
	say_ready();
	for (;;) {
		struct pollfd p[] = {
			{ .fd = INIT_FD, .events = POLLIN },
			{ .fd = in.signal_fd, .events = POLLIN },
		};

		if (poll(p, ARRAY_SIZE(p), poll_timeout_msec(&in)) < 0 && errno != EINTR)
			die();
		if (p[1].revents)
			reap(&in);
		kill_overdue(&in);
		count_memory(&in);
		if (p[0].revents)
			receive(&in);
	}
}
