#include "local/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define TEXT_MAX 4096
#define PREFIX "cwsandbox-local."
#define SELF "service"
#define WANTED "+memory +pids"

/* ---- files of a group ---- */

static int read_text(int at, const char *name, char text[TEXT_MAX])
{
	_cleanup_(closep) int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	ssize_t l = fd < 0 ? -1 : read(fd, text, TEXT_MAX - 1);

	if (l < 0)
		return -errno;
	text[l] = 0;
	return 0;
}

static int write_text(int at, const char *name, const char *text)
{
	_cleanup_(closep) int fd = openat(at, name, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);

	return fd < 0 || write(fd, text, n) != (ssize_t)n ? -errno : 0;
}

bool cgroup_has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	while (*words) {
		size_t l = strcspn(words, " \n");

		if (l == n && !strncmp(words, word, n))
			return true;
		words += l + strspn(words + l, " \n");
	}
	return false;
}

static bool has_controllers(int at, const char *name)
{
	char text[TEXT_MAX];

	return !read_text(at, name, text) && cgroup_has_word(text, "memory") &&
	       cgroup_has_word(text, "pids");
}

static int open_group(int at, const char *path)
{
	while (*path == '/')
		path++;
	return openat(at, *path ? path : ".", O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- where ours can be ---- */

static int open_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int fd = open(places[i], O_DIRECTORY | O_CLOEXEC);
		struct statfs fs;

		if (fd >= 0 && !fstatfs(fd, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
			return fd;
		close_fd(&fd);
	}
	return -1;
}

/* The line "0::/path" of /proc/self/cgroup. */
static int find_own(char own[CGROUP_PATH_MAX])
{
	char text[TEXT_MAX];
	const char *line;
	int r = read_text(AT_FDCWD, "/proc/self/cgroup", text);

	for (line = r ? NULL : text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, "0::", 3)) {
			snprintf(own, CGROUP_PATH_MAX, "%.*s", (int)strcspn(line + 3, "\n"),
				line + 3);
			return 0;
		}
	}
	return r ? r : -ENOENT;
}

/* Back to the group we were in, as it was. */
static void undo_divide(struct cgroup *cg)
{
	if (cg->own_fd < 0)
		return;
	write_text(cg->own_fd, "cgroup.subtree_control", "-cpu");
	write_text(cg->own_fd, "cgroup.subtree_control", "-memory -pids");
	write_text(cg->own_fd, "cgroup.procs", "0");
	unlinkat(cg->own_fd, SELF, AT_REMOVEDIR);
	close_fd(&cg->own_fd);
}

/* Alone in our group: from a leaf of it we may divide it. */
static void divide_own(struct cgroup *cg, int fd)
{
	char text[TEXT_MAX], self[32];
	_cleanup_(closep) int leaf = -1;
	int r;

	snprintf(self, sizeof(self), "%ld\n", (long)getpid());
	if (!has_controllers(fd, "cgroup.controllers") || read_text(fd, "cgroup.procs", text) ||
		strcmp(text, self))
		return;
	if (mkdirat(fd, SELF, 0755) < 0 && errno != EEXIST)
		return;
	cg->own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	leaf = open_group(fd, SELF);
	r = leaf < 0 ? -errno : write_text(leaf, "cgroup.procs", "0");
	r = r ? r : write_text(fd, "cgroup.subtree_control", WANTED);
	if (r)
		undo_divide(cg);
	else
		write_text(fd, "cgroup.subtree_control", "+cpu");
}

/* A group whose children have the controllers, and that takes one of ours. */
static int try_base(struct cgroup *cg, int base_fd)
{
	_cleanup_(closep) int fd = -1;
	int r;

	if (!has_controllers(base_fd, "cgroup.subtree_control"))
		return -ENOTSUP;
	if (mkdirat(base_fd, cg->name, 0755) < 0)
		return -errno;
	fd = open_group(base_fd, cg->name);
	r = fd < 0 ? -errno : write_text(fd, "cgroup.subtree_control", WANTED);
	if (!r)
		write_text(fd, "cgroup.subtree_control", "+cpu");
	if (r) {
		unlinkat(base_fd, cg->name, AT_REMOVEDIR);
		return r;
	}
	cg->fd = fd;
	fd = -1;
	return 0;
}

/* ---- what is there no more ---- */

static void remove_children(int fd)
{
	int copy = openat(fd, ".", O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *d;

	/* The kernel removes none that has processes. */
	while (dir && (d = readdir(dir)) != NULL)
		if (d->d_type == DT_DIR && d->d_name[0] != '.')
			unlinkat(fd, d->d_name, AT_REMOVEDIR);
	if (dir)
		closedir(dir);
}

static void remove_stale(int base_fd)
{
	int copy = openat(base_fd, ".", O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL) {
		_cleanup_(closep) int fd = -1;

		if (strncmp(d->d_name, PREFIX, strlen(PREFIX)))
			continue;
		/* A running service may have no sandbox just now. */
		if (!kill((pid_t)strtol(d->d_name + strlen(PREFIX), NULL, 10), 0) || errno == EPERM)
			continue;
		fd = open_group(base_fd, d->d_name);
		if (fd >= 0)
			remove_children(fd);
		unlinkat(base_fd, d->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
}

/* ---- ours ---- */

/* Whether a process of ours may go into a group of ours: not from everywhere. */
static int try_enter(const struct cgroup *cg)
{
	int fd, status = -1;
	pid_t pid;

	if (mkdirat(cg->fd, "probe", 0755) < 0)
		return -errno;
	fd = open_group(cg->fd, "probe");
	pid = fork();
	if (!pid)
		_exit(fd < 0 ? 1 : -cgroup_enter(fd) & 0xff);
	if (pid > 0)
		waitpid(pid, &status, 0);
	close_fd(&fd);
	unlinkat(cg->fd, "probe", AT_REMOVEDIR);
	return status < 0 || !WIFEXITED(status) ? -EIO : -WEXITSTATUS(status);
}

/* Our own group, then those above it. */
static int find_base(struct cgroup *cg, int root_fd, char *own)
{
	int r = -ENOTSUP;

	for (;;) {
		_cleanup_(closep) int fd = open_group(root_fd, own);
		char *slash = strrchr(own, '/');

		if (fd >= 0)
			r = try_base(cg, fd);
		if (!r) {
			r = try_enter(cg);
			if (!r) {
				cg->base_fd = fd;
				fd = -1;
				remove_stale(cg->base_fd);
				return 0;
			}
			close_fd(&cg->fd);
			unlinkat(fd, cg->name, AT_REMOVEDIR);
		}
		if (!slash)
			return r;
		*slash = 0;
	}
}

int cgroup_open(struct cgroup *cg, int root_fd, const char *own, char why[CGROUP_WHY_MAX])
{
	_cleanup_(closep) int found =
		root_fd < 0 ? open_root() : fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	_cleanup_(closep) int own_fd = -1;
	char path[CGROUP_PATH_MAX] = "";
	int r = found < 0 ? -ENOENT : 0;

	*cg = CGROUP_NONE;
	snprintf(cg->name, sizeof(cg->name), PREFIX "%ld", (long)getpid());
	if (r) {
		snprintf(why, CGROUP_WHY_MAX, "no control groups of version 2");
		return r;
	}
	if (own)
		snprintf(path, sizeof(path), "%s", own);
	else
		r = find_own(path);
	own_fd = r ? -1 : open_group(found, path);
	if (own_fd >= 0)
		divide_own(cg, own_fd);
	r = r ? r : find_base(cg, found, path);
	if (r)
		undo_divide(cg);
	if (r == -ENOTSUP)
		snprintf(why, CGROUP_WHY_MAX,
			"no control group above the service divides memory and processes");
	else if (r)
		snprintf(why, CGROUP_WHY_MAX, "no control group is this user's to divide: %s",
			strerror(-r));
	return r;
}

bool cgroup_is_open(const struct cgroup *cg)
{
	return cg->fd >= 0;
}

void cgroup_close(struct cgroup *cg)
{
	if (cg->fd >= 0) {
		remove_children(cg->fd);
		unlinkat(cg->base_fd, cg->name, AT_REMOVEDIR);
	}
	close_fd(&cg->fd);
	close_fd(&cg->base_fd);
	undo_divide(cg);
}

/* ---- a sandbox's ---- */

static int set_limits(int fd, const struct limits *l, uint32_t processes)
{
	char text[64];
	int r;

	snprintf(text, sizeof(text), "%" PRIu64, l->memory_bytes);
	r = write_text(fd, "memory.max", text);
	write_text(fd, "memory.swap.max", "0"); /* not there without swap */
	snprintf(text, sizeof(text), "%" PRIu32, processes);
	r = r ? r : write_text(fd, "pids.max", text);
	if (r || !l->cpu_milli)
		return r;
	snprintf(text, sizeof(text), "%" PRIu64 " %d", l->cpu_milli * CGROUP_CPU_PERIOD_USEC / 1000,
		CGROUP_CPU_PERIOD_USEC);
	write_text(fd, "cpu.max", text); /* only a wish where there is no such controller */
	return 0;
}

int cgroup_make(const struct cgroup *cg, const char *id, const struct limits *l, uint32_t processes,
	int *ret_fd)
{
	_cleanup_(closep) int fd = -1;
	int r;

	if (mkdirat(cg->fd, id, 0755) < 0)
		return -errno;
	fd = open_group(cg->fd, id);
	r = fd < 0 ? -errno : set_limits(fd, l, processes);
	if (r) {
		unlinkat(cg->fd, id, AT_REMOVEDIR);
		return r;
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int cgroup_enter(int fd)
{
	return write_text(fd, "cgroup.procs", "0");
}

bool cgroup_ran_out(const struct cgroup *cg, const char *id)
{
	_cleanup_(closep) int fd = cg->fd < 0 ? -1 : open_group(cg->fd, id);
	char text[TEXT_MAX];
	const char *at;

	if (fd < 0 || read_text(fd, "memory.events", text))
		return false;
	at = strstr(text, "oom_kill ");
	return at && strtoul(at + strlen("oom_kill "), NULL, 10) > 0;
}

/* The kernel keeps a group while a process of it is ending. */
static bool is_busy(const struct cgroup *cg, const char *id)
{
	return unlinkat(cg->fd, id, AT_REMOVEDIR) < 0 && (errno == EBUSY || errno == ENOTEMPTY);
}

void cgroup_remove(struct cgroup *cg, const char *id)
{
	if (cg->fd >= 0 && is_busy(cg, id) && cg->n_left < CGROUP_LEFT_MAX)
		snprintf(cg->left[cg->n_left++], CGROUP_ID_BYTES, "%s", id);
}

void cgroup_remove_left(struct cgroup *cg)
{
	size_t n = 0;

	for (size_t i = 0; i < cg->n_left; i++)
		if (is_busy(cg, cg->left[i]))
			memmove(cg->left[n++], cg->left[i], CGROUP_ID_BYTES);
	cg->n_left = n;
}
