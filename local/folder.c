#include "local/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_BYTES 64
#define ETC_FILE_BYTES 512
#define OF_HOST 2 /* files of /etc that are about the host, not its users: the first ones */

/* ---- making ---- */

struct dir_spec {
	const char *path;
	mode_t mode;
};

static const struct dir_spec system_dirs[] = {
	{ "root", 0700 },
	{ "home", 0755 },
	{ "tmp", 01777 },
	{ "run", 0755 },
	{ "etc", 0755 },
	{ "var", 0755 },
	{ "var/tmp", 01777 },
	{ "var/log", 0755 },
	{ "var/lib", 0755 },
	{ "var/cache", 0755 },
};

static const struct dir_spec plain_dirs[] = {
	{ "tmp", 0700 },
};

int folder_make_dir(int at, const char *path, mode_t mode, const struct folder_owner *owner)
{
	if (mkdirat(at, path, 0700) < 0 || fchmodat(at, path, mode, 0) < 0)
		return -errno;
	if (owner->change && fchownat(at, path, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

int folder_make_file(int at, const char *path, const char *text, const struct folder_owner *owner)
{
	_cleanup_(closep) int fd = openat(at, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t n = strlen(text);
	ssize_t l = fd < 0 ? -1 : write(fd, text, n);

	if (l < 0)
		return -errno;
	if ((size_t)l < n)
		return -ENOSPC;
	if (owner->change && fchown(fd, owner->uid, owner->gid) < 0)
		return -errno;
	return 0;
}

static int make_etc(
	int at, const char *hostname, enum folder_kind kind, const struct folder_owner *owner)
{
	char hosts[ETC_FILE_BYTES], name[ETC_FILE_BYTES];
	const struct {
		const char *path, *text;
	} files[] = {
		{ "etc/hostname", name },
		{ "etc/hosts", hosts },
		{ "etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"
				"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" },
		{ "etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n" },
		{ "etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n"
				       "hosts: files dns\n" },
	};
	size_t n = kind == FOLDER_ABOVE ? OF_HOST : ARRAY_SIZE(files);
	int r = 0;

	snprintf(name, sizeof(name), "%.63s\n", hostname);
	snprintf(hosts, sizeof(hosts), "127.0.0.1\tlocalhost\n127.0.1.1\t%.63s\n::1\tlocalhost\n",
		hostname);
	for (size_t i = 0; !r && i < n; i++)
		r = folder_make_file(at, files[i].path, files[i].text, owner);
	return r;
}

static int fill(
	int fd, const char *hostname, enum folder_kind kind, const struct folder_owner *owner)
{
	bool system = kind != FOLDER_PLAIN;
	const struct dir_spec *dirs = system ? system_dirs : plain_dirs;
	size_t n = system ? ARRAY_SIZE(system_dirs) : ARRAY_SIZE(plain_dirs);
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		r = folder_make_dir(fd, dirs[i].path, dirs[i].mode, owner);
	return r || !system ? r : make_etc(fd, hostname, kind, owner);
}

int folder_make(int parent_fd, const char *name, const char *hostname, enum folder_kind kind,
	const struct folder_owner *owner)
{
	_cleanup_(closep) int fd = -1;
	int r = folder_make_dir(parent_fd, name, 0755, owner);

	if (r)
		return r;
	fd = openat(parent_fd, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? -errno : fill(fd, hostname, kind, owner);
	if (r)
		folder_remove(parent_fd, name);
	return r;
}

int folder_make_path(int at, const char *path, mode_t mode, const struct folder_owner *owner)
{
	_cleanup_(closep) int fd = fcntl(at, F_DUPFD_CLOEXEC, 0);
	int r = fd < 0 ? -errno : 0;

	while (!r && *path) {
		char name[NAME_MAX + 1];
		size_t n = strcspn(path, "/");
		int next;

		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, n);
		name[n] = 0;
		path += n + strspn(path + n, "/");
		r = folder_make_dir(fd, name, mode, owner);
		if (r && r != -EEXIST)
			return r;
		next = openat(fd, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = next < 0 ? -errno : 0;
		close(fd);
		fd = next;
	}
	return r;
}

/* ---- removing: a folder in the top one is emptied into it and removed, so depth costs nothing
 * ---- */

struct sweep {
	int top; /* the folder that is to be empty at the end */
	uint64_t n_moved;
	bool progress;
};

static int open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 || errno != EACCES)
		return fd;
	/* Its owner took his own rights away; fchmodat would follow a link, but a folder is none.
	 */
	if (fchmodat(at, name, 0700, 0) < 0)
		return -1;
	return openat(at, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool move_up(struct sweep *s, int at, const char *name)
{
	char to[NAME_BYTES];

	do {
		snprintf(to, sizeof(to), ".moved-%llu", (unsigned long long)s->n_moved++);
		if (!renameat2(at, name, s->top, to, 1 /* RENAME_NOREPLACE */))
			return true;
	} while (errno == EEXIST);
	/* Moving a folder writes its "..": that needs rights on itself. */
	return errno == EACCES && !fchmodat(at, name, 0700, 0) && !renameat(at, name, s->top, to);
}

static void remove_entry(struct sweep *s, int at, const char *name);

static void empty_dir(struct sweep *s, int fd)
{
	struct dirent *d;
	DIR *dir;

	fchmod(fd, 0700);
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			remove_entry(s, dirfd(dir), d->d_name);
	closedir(dir);
}

static void remove_entry(struct sweep *s, int at, const char *name)
{
	int fd;

	if (!unlinkat(at, name, 0) || !unlinkat(at, name, AT_REMOVEDIR)) {
		s->progress = true;
		return;
	}
	if (errno != ENOTEMPTY && errno != EEXIST)
		return;
	if (at != s->top) {
		s->progress |= move_up(s, at, name);
		return;
	}
	/* One level only: what is a folder in there moves up beside it. */
	fd = open_dir(at, name);
	if (fd < 0)
		return;
	empty_dir(s, fd);
	if (!unlinkat(at, name, AT_REMOVEDIR))
		s->progress = true;
}

int folder_remove(int parent_fd, const char *name)
{
	struct sweep s = { 0 };
	DIR *dir;
	int fd = open_dir(parent_fd, name);

	if (fd < 0)
		return -errno;
	fchmod(fd, 0700);
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	s.top = fd;
	do {
		struct dirent *d;

		s.progress = false;
		rewinddir(dir);
		while ((d = readdir(dir)) != NULL)
			if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
				remove_entry(&s, fd, d->d_name);
	} while (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && s.progress);
	closedir(dir);
	return faccessat(parent_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : -ENOTEMPTY;
}
