#include "local/init_reap.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define RETRY_MSEC 5

/* The parent of a process, from /proc/PID/stat: "pid (name) state ppid ..."; the name may hold
 * anything. */
static pid_t parent_of(int proc_fd, const char *pid)
{
	char path[64], buf[512], *p;
	_cleanup_(closep) int fd = -1;
	ssize_t l;

	snprintf(path, sizeof(path), "%.32s/stat", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	l = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (l <= 0)
		return 0;
	buf[l] = 0;
	p = strrchr(buf, ')');
	if (!p || strlen(p) < 5)
		return 0;
	return (pid_t)strtol(p + 4, NULL, 10);
}

void init_kill_children(bool (*keep)(pid_t pid, void *arg), void *arg)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;

	if (!proc)
		return;
	while ((d = readdir(proc)) != NULL) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);

		if (pid <= 0 || parent_of(dirfd(proc), d->d_name) != getpid())
			continue;
		if (!keep || !keep(pid, arg))
			kill(pid, SIGKILL);
	}
	closedir(proc);
}

void init_kill_all(void)
{
	for (;;) {
		init_kill_children(NULL, NULL);
		/* The children of what dies become ours: look again until there are none. */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			return;
		poll(NULL, 0, RETRY_MSEC);
	}
}
