#include "local/net.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "common/text.h"

#define TUN "/dev/net/tun"

enum { FD_NETNS = 3, FD_USERNS, FD_READY, FD_EXIT, _FD_END };

/* ---- in the child ---- */

/* Whoever owns the sandbox can do it, if he may open the device; else root does. */
static void drop_root(const struct folder_owner *owner)
{
	struct stat st;

	if (!owner->change || stat(TUN, &st) < 0 || (st.st_mode & 06) != 06)
		return;
	if (setgroups(0, NULL) < 0 || setresgid(owner->gid, owner->gid, owner->gid) < 0 ||
		setresuid(owner->uid, owner->uid, owner->uid) < 0)
		_exit(1);
}

static void place_fds(const int theirs[_FD_END])
{
	int fds[_FD_END];

	/* First out of each other's way: every one may sit where another belongs. */
	for (int i = 0; i < _FD_END; i++)
		fds[i] = fcntl(theirs[i], F_DUPFD, 16);
	for (int i = 0; i < _FD_END; i++)
		if (fds[i] < 0 || dup2(fds[i], i) < 0)
			_exit(1);
	if (close_range(_FD_END, UINT_MAX, 0) < 0)
		_exit(1);
}

static _Noreturn void give_up(const char *why)
{
	dprintf(2, "%s: %s\n", NET_PROGRAM, why);
	_exit(1);
}

/* Without root it can only wall itself off as root of the sandbox's own user namespace, which it does not enter by
 * itself where that is given as a path. */
static bool enter_user_namespace(void)
{
	if (geteuid() == 0)
		return false;
	if (setns(FD_USERNS, CLONE_NEWUSER) < 0)
		give_up(strerror(errno));
	return true;
}

static _Noreturn void child(const int theirs[_FD_END], const struct folder_owner *owner)
{
	static const char *const env[] = { "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
		NULL };
	const char *argv[] = { NET_PROGRAM, "--configure", "--mtu=65520", "--disable-host-loopback",
		"--enable-sandbox", "--enable-seccomp", "--ready-fd=5", "--exit-fd=6",
		"--netns-type=path", "/proc/self/fd/3", "tap0", "--userns-path=/proc/self/fd/4",
		NULL };
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	place_fds(theirs);
	drop_root(owner);
	if (enter_user_namespace())
		argv[ARRAY_SIZE(argv) - 2] = NULL; /* it is there already */
	prctl(PR_SET_PDEATHSIG, SIGKILL);          /* a change of credentials would take it back */
	execvpe(NET_PROGRAM, (char **)argv, (char **)env);
	give_up(errno == ENOENT ? "not installed" : strerror(errno));
}

/* ---- in the service ---- */

/* Ours, then theirs. */
static int open_pipes(struct net *n, int theirs[_FD_END])
{
	int ready[2], leave[2];

	n->said_fd = memfd_create("sandbox-net", MFD_CLOEXEC);
	theirs[0] = theirs[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
	theirs[2] = n->said_fd;
	if (n->said_fd < 0 || theirs[0] < 0 || pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	n->ready_fd = ready[0];
	theirs[FD_READY] = ready[1];
	if (pipe2(leave, O_CLOEXEC) < 0)
		return -errno;
	theirs[FD_EXIT] = leave[0];
	n->exit_fd = leave[1];
	return 0;
}

int net_start(const int fds[NET_FDS], const struct folder_owner *owner, struct net *ret)
{
	struct net n = { -1, -1, -1 };
	int theirs[_FD_END] = { -1, -1, -1, fds[0], fds[1], -1, -1 };
	int r = open_pipes(&n, theirs);
	pid_t pid = r ? -1 : fork();

	if (!pid)
		child(theirs, owner);
	if (!r && pid < 0)
		r = -errno;
	close_fd(&theirs[0]);
	close_fd(&theirs[FD_READY]);
	close_fd(&theirs[FD_EXIT]);
	if (r)
		net_stop(&n);
	else
		*ret = n;
	return r;
}

void net_stop(struct net *n)
{
	close_fd(&n->ready_fd);
	close_fd(&n->exit_fd);
	close_fd(&n->said_fd);
}

int net_is_up(struct net *n)
{
	char byte;
	ssize_t l = read(n->ready_fd, &byte, 1);

	close_fd(&n->ready_fd);
	return l == 1 ? 0 : -EIO;
}

/* The first line that is no report of progress. */
void net_explain(const struct net *n, char *why, size_t cap)
{
	char said[512], *line = said, *end;
	ssize_t l = n->said_fd < 0 ? 0 : pread(n->said_fd, said, sizeof(said) - 1, 0);

	said[l > 0 ? l : 0] = 0;
	while ((end = strchrnul(line, '\n')) > line &&
		memmem(line, (size_t)(end - line), "tapfd=", 6))
		line = end + (*end == '\n');
	if (end > line)
		text_encode(why, cap, line, (size_t)(end - line));
	else
		snprintf(why, cap, NET_PROGRAM " did not come up");
}
