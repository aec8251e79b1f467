#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "local/pack.h"

#define BLOCK_BYTES ((size_t)64 * 1024)
#define PERMISSIONS 01777

struct loader {
	struct archive *a;
	int dir_fd;
	const struct pack_limits *max;
	struct pack_report *report;
	uint64_t look_at; /* report->bytes when the disk is looked at next */
};

/* ---- below the folder, through no link ---- */

static int open_below(int dir_fd, const char *path, int flags, mode_t mode)
{
	struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC | O_NOFOLLOW,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* "..", "." and absolute paths are nothing that pack_save() writes. */
static bool path_ok(const char *path)
{
	if (strlen(path) >= PACK_PATH_MAX)
		return false;
	do {
		size_t n = strcspn(path, "/");

		if (!n || (n == 1 && path[0] == '.') ||
			(n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += n;
	} while (*path++);
	return true;
}

/* The folder an entry goes into; it is made, with its parents, where it is not there. */
static int open_parent(int dir_fd, const char *path, int *ret_fd, const char **ret_name)
{
	_cleanup_(closep) int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	size_t depth = 0;

	for (;;) {
		char name[NAME_MAX + 1];
		size_t n = strcspn(path, "/");
		int next;

		if (fd < 0)
			return fd == -1 ? -errno : fd;
		if (!path[n])
			break;
		if (n > NAME_MAX || ++depth > PACK_DEPTH_MAX)
			return -EBADMSG;
		memcpy(name, path, n);
		name[n] = 0;
		if (mkdirat(fd, name, 0700) < 0 && errno != EEXIST)
			return -errno;
		next = open_below(fd, name, O_DIRECTORY | O_RDONLY, 0);
		close(fd);
		fd = next;
		path += n + 1;
	}
	*ret_name = path;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* ---- entries ---- */

static int set_times(int fd, const struct archive_entry *entry)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = archive_entry_mtime((struct archive_entry *)entry),
			.tv_nsec = archive_entry_mtime_nsec((struct archive_entry *)entry) } };

	return futimens(fd, times) < 0 && errno != EINVAL ? -errno : 0;
}

static int settle(int fd, struct archive_entry *entry)
{
	if (fchmod(fd, archive_entry_perm(entry) & PERMISSIONS) < 0)
		return -errno;
	return set_times(fd, entry);
}

static int load_dir(int at, const char *name, struct archive_entry *entry)
{
	_cleanup_(closep) int fd = -1;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open_below(at, name, O_DIRECTORY | O_RDONLY, 0);
	return fd < 0 ? fd : settle(fd, entry);
}

static int write_all(int fd, const uint8_t *data, size_t n, int64_t offset)
{
	while (n) {
		ssize_t l = pwrite(fd, data, n, offset);

		if (l < 0 && errno != EINTR)
			return -errno;
		if (l <= 0)
			continue;
		data += l;
		n -= (size_t)l;
		offset += l;
	}
	return 0;
}

static int count_bytes(struct loader *l, int fd, size_t n)
{
	l->report->bytes += n;
	if (l->report->bytes > l->max->bytes)
		return -EFBIG;
	if (l->report->bytes < l->look_at)
		return 0;
	l->look_at = l->report->bytes + PACK_FREE_STEP;
	return pack_check_disk(fd, l->max->keep_free);
}

static int load_data(struct loader *l, int fd, int64_t size)
{
	const void *data;
	int64_t offset;
	size_t n;
	int r = 0;

	while (!r) {
		int got = archive_read_data_block(l->a, &data, &n, &offset);

		if (got == ARCHIVE_EOF)
			return 0;
		if (got != ARCHIVE_OK || offset < 0 || offset > size || (int64_t)n > size - offset)
			return -EBADMSG;
		r = count_bytes(l, fd, n);
		r = r ? r : write_all(fd, data, n, offset);
	}
	return r;
}

static int load_file(struct loader *l, int at, const char *name, struct archive_entry *entry)
{
	int64_t size = archive_entry_size(entry);
	_cleanup_(closep) int fd = -1;
	int r;

	if (size < 0 || (uint64_t)size > PACK_FILE_MAX)
		return -EBADMSG;
	fd = open_below(at, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return fd;
	r = load_data(l, fd, size);
	if (!r && ftruncate(fd, size) < 0)
		r = -errno;
	return r ? r : settle(fd, entry);
}

static int load_hard_link(struct loader *l, int at, const char *name, const char *target)
{
	_cleanup_(closep) int from = -1;
	const char *from_name;
	int r;

	if (!path_ok(target))
		return -EBADMSG;
	r = open_parent(l->dir_fd, target, &from, &from_name);
	if (r)
		return r;
	return linkat(from, from_name, at, name, 0) < 0 ? -errno : 0;
}

static int load_at(struct loader *l, int at, const char *name, struct archive_entry *entry)
{
	if (archive_entry_hardlink(entry))
		return load_hard_link(l, at, name, archive_entry_hardlink(entry));
	switch (archive_entry_filetype(entry)) {
	case AE_IFDIR:
		return load_dir(at, name, entry);
	case AE_IFREG:
		return load_file(l, at, name, entry);
	case AE_IFLNK:
		if (!archive_entry_symlink(entry))
			return -EBADMSG;
		return symlinkat(archive_entry_symlink(entry), at, name) < 0 ? -errno : 0;
	case AE_IFIFO:
		return mkfifoat(at, name, archive_entry_perm(entry) & PERMISSIONS) < 0 ? -errno : 0;
	default:
		l->report->n_skipped++;
		return 0;
	}
}

static int load_entry(struct loader *l, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	_cleanup_(closep) int at = -1;
	char plain[PACK_PATH_MAX];
	const char *name;
	size_t n = path ? strlen(path) : 0;
	int r;

	if (!n || n >= sizeof(plain))
		return -EBADMSG;
	memcpy(plain, path, n + 1);
	if (plain[n - 1] == '/')
		plain[n - 1] = 0; /* tar marks folders so */
	snprintf(l->report->path, sizeof(l->report->path), "%s", plain);
	if (!path_ok(plain))
		return -EBADMSG;
	if (++l->report->entries > l->max->entries)
		return -E2BIG;
	r = open_parent(l->dir_fd, plain, &at, &name);
	return r ? r : load_at(l, at, name, entry);
}

int pack_load(int in_fd, int dir_fd, const struct pack_limits *max, struct pack_report *ret)
{
	struct loader l = { .dir_fd = dir_fd, .max = max, .report = ret };
	struct archive_entry *entry;
	int got, r = 0;

	memset(ret, 0, sizeof(*ret));
	l.a = archive_read_new();
	if (!l.a)
		return -ENOMEM;
	if (archive_read_support_filter_zstd(l.a) != ARCHIVE_OK ||
		archive_read_support_format_tar(l.a) != ARCHIVE_OK)
		r = -ENOTSUP;
	else if (archive_read_open_fd(l.a, in_fd, BLOCK_BYTES) != ARCHIVE_OK)
		r = -EBADMSG;
	while (!r) {
		got = archive_read_next_header(l.a, &entry);
		if (got == ARCHIVE_EOF)
			break;
		r = got < ARCHIVE_WARN ? -EBADMSG : load_entry(&l, entry);
	}
	archive_read_free(l.a);
	if (!r)
		ret->path[0] = 0;
	return r;
}
