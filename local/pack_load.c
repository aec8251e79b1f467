#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "local/pack.h"

#define BLOCK_BYTES ((size_t)64 * 1024)
#define PERMISSIONS 01777

struct loader {
	struct archive *a;
	int dir_fd;
	const struct pack_limits *max;
	struct pack_report *report;
	uint64_t look_at; /* report->bytes when the disk is looked at next */
	bool foreign;     /* not an archive of pack_save() */
	bool shut;        /* some folder is to be without some right of its owner */
};

/* ---- below the folder, through no link ---- */

/* One name, so that O_NOFOLLOW is all that is needed: a path is walked name by name. */
static int open_name(int at, const char *name, int flags)
{
	int fd = openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
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
		next = open_name(fd, name, O_DIRECTORY | O_RDONLY);
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

static int settle(int fd, struct archive_entry *entry, mode_t more)
{
	if (fchmod(fd, (archive_entry_perm(entry) & PERMISSIONS) | more) < 0)
		return -errno;
	return set_times(fd, entry);
}

static bool is_shut(struct archive_entry *entry)
{
	return (archive_entry_perm(entry) & S_IRWXU) != S_IRWXU;
}

/* Open to us until all is there: a later hard link may be to a file in it. */
static int load_dir(struct loader *l, int at, const char *name, struct archive_entry *entry)
{
	_cleanup_(closep) int fd = -1;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open_name(at, name, O_DIRECTORY | O_RDONLY);
	l->shut |= !l->foreign && is_shut(entry);
	return fd < 0 ? fd : settle(fd, entry, S_IRWXU);
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
	fd = open_name(at, name, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0)
		return fd;
	r = load_data(l, fd, size);
	if (!r && ftruncate(fd, size) < 0)
		r = -errno;
	return r ? r : settle(fd, entry, 0);
}

/* The path as pack_save() would have written it; "" when it is the folder itself. */
static int make_plain(const struct loader *l, const char *path, char plain[PACK_PATH_MAX])
{
	size_t n;

	if (!path)
		return -EBADMSG;
	while (l->foreign && (*path == '/' || (path[0] == '.' && (path[1] == '/' || !path[1]))))
		path++;
	n = strlen(path);
	if (n >= PACK_PATH_MAX || (!n && !l->foreign))
		return -EBADMSG;
	memcpy(plain, path, n + 1);
	if (n && plain[n - 1] == '/')
		plain[n - 1] = 0; /* tar marks folders so */
	return *plain && !path_ok(plain) ? -EBADMSG : 0;
}

static int load_hard_link(struct loader *l, int at, const char *name, const char *path)
{
	_cleanup_(closep) int from = -1;
	char target[PACK_PATH_MAX];
	const char *from_name;
	int r = make_plain(l, path, target);

	if (r || !*target)
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
		return load_dir(l, at, name, entry);
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
	int r = make_plain(l, path, plain);

	snprintf(l->report->path, sizeof(l->report->path), "%s", path ? path : "");
	if (r || !*plain)
		return r;
	if (++l->report->entries > l->max->entries)
		return -E2BIG;
	r = open_parent(l->dir_fd, plain, &at, &name);
	if (!r && l->foreign && archive_entry_filetype(entry) != AE_IFDIR)
		unlinkat(at, name, 0);
	return r ? r : load_at(l, at, name, entry);
}

/* Takes the rights away that its owner had taken. What is in a folder came before it. */
static int shut_entry(struct loader *l, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	_cleanup_(closep) int at = -1, fd = -1;
	char plain[PACK_PATH_MAX];
	const char *name;
	int r;

	if (archive_entry_filetype(entry) != AE_IFDIR || archive_entry_hardlink(entry) ||
		!is_shut(entry))
		return 0;
	r = make_plain(l, path, plain);
	snprintf(l->report->path, sizeof(l->report->path), "%s", path ? path : "");
	r = r ? r : open_parent(l->dir_fd, plain, &at, &name);
	if (r)
		return r;
	fd = open_name(at, name, O_DIRECTORY | O_RDONLY);
	return fd < 0 ? fd : settle(fd, entry, 0);
}

static int choose_format(const struct loader *l)
{
	int filter = l->foreign ? archive_read_support_filter_all(l->a)
				: archive_read_support_filter_zstd(l->a);

	/* ARCHIVE_WARN: by way of a program. */
	return filter >= ARCHIVE_WARN && archive_read_support_format_tar(l->a) == ARCHIVE_OK
		       ? 0
		       : -ENOTSUP;
}

static int for_each_entry(
	struct loader *l, int in_fd, int (*with)(struct loader *, struct archive_entry *))
{
	struct archive_entry *entry;
	int got, r;

	l->a = archive_read_new();
	if (!l->a)
		return -ENOMEM;
	r = choose_format(l);
	if (!r && archive_read_open_fd(l->a, in_fd, BLOCK_BYTES) != ARCHIVE_OK)
		r = -EBADMSG;
	while (!r) {
		got = archive_read_next_header(l->a, &entry);
		if (got == ARCHIVE_EOF)
			break;
		r = got < ARCHIVE_WARN ? -EBADMSG : with(l, entry);
	}
	archive_read_free(l->a);
	return r;
}

/* The archive is read once more for them, so that they cost no memory, however many they are. */
static int load(struct loader *l, int in_fd)
{
	off_t start = lseek(in_fd, 0, SEEK_CUR);
	int r;

	memset(l->report, 0, sizeof(*l->report));
	r = for_each_entry(l, in_fd, load_entry);
	if (!r && l->shut)
		r = lseek(in_fd, start, SEEK_SET) < 0 ? -errno
						      : for_each_entry(l, in_fd, shut_entry);
	if (!r)
		l->report->path[0] = 0;
	return r;
}

int pack_load(int in_fd, int dir_fd, const struct pack_limits *max, struct pack_report *ret)
{
	struct loader l = { .dir_fd = dir_fd, .max = max, .report = ret };

	return load(&l, in_fd);
}

int pack_load_foreign(int in_fd, int dir_fd, const struct pack_limits *max, struct pack_report *ret)
{
	struct loader l = { .dir_fd = dir_fd, .max = max, .report = ret, .foreign = true };

	return load(&l, in_fd);
}
