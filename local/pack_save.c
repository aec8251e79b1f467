#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "local/pack.h"
#include "local/pack_links.h"
#include "local/pack_names.h"

#define DATA_BYTES ((size_t)256 * 1024)
#define PERMISSIONS 01777 /* no set-id bits */
#define UNCHANGED ((mode_t)-1)

/* A folder being read. */
struct level {
	DIR *dir;
	struct pack_names_part names; /* what it holds, in saver.names */
	size_t path_n;                /* of the folder, in saver.path */
	struct stat st;
	bool unlocked; /* its owner had taken rights away: they go again when it is left */
};

struct saver {
	struct archive *a;
	struct archive_entry *entry;
	const struct pack_limits *max;
	struct pack_report *report;
	int out_fd, error; /* error: of on_write */
	uint64_t look_at;  /* report->stored when the disk is looked at next */
	struct level levels[PACK_DEPTH_MAX];
	size_t n_levels, path_n;
	char path[PACK_PATH_MAX];
	struct pack_links links;
	struct pack_names names;
	uint8_t data[DATA_BYTES];
};

int pack_check_disk(int fd, uint64_t keep_free)
{
	struct statvfs v;

	if (fstatvfs(fd, &v) < 0)
		return -errno;
	return (uint64_t)v.f_bavail * v.f_frsize < keep_free ? -ENOSPC : 0;
}

/* ---- the archive's bytes ---- */

static la_ssize_t on_write(struct archive *a, void *arg, const void *data, size_t n)
{
	struct saver *s = arg;
	ssize_t l;

	if (!s->error && s->report->stored >= s->look_at) {
		s->error = pack_check_disk(s->out_fd, s->max->keep_free);
		s->look_at = s->report->stored + PACK_FREE_STEP;
	}
	do {
		l = s->error ? -1 : write(s->out_fd, data, n);
	} while (l < 0 && !s->error && errno == EINTR);
	if (l < 0) {
		s->error = s->error ? s->error : -errno;
		archive_set_error(a, -s->error, "write");
		return -1;
	}
	s->report->stored += (uint64_t)l;
	return l;
}

static int failed(const struct saver *s)
{
	return s->error ? s->error : archive_errno(s->a) > 0 ? -archive_errno(s->a) : -EIO;
}

/* ---- entries ---- */

static void begin_entry(struct saver *s, const struct stat *st, mode_t type)
{
	archive_entry_clear(s->entry);
	archive_entry_copy_pathname(s->entry, s->path);
	archive_entry_set_filetype(s->entry, type);
	archive_entry_set_perm(s->entry, st->st_mode & PERMISSIONS);
	archive_entry_set_mtime(s->entry, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

static int put_entry(struct saver *s)
{
	if (++s->report->entries > s->max->entries)
		return -E2BIG;
	return archive_write_header(s->a, s->entry) < ARCHIVE_WARN ? failed(s) : 0;
}

static int save_link(struct saver *s, int at, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t l = readlinkat(at, name, target, sizeof(target) - 1);

	if (l < 0)
		return errno == ENOENT || errno == EINVAL ? 0 : -errno;
	target[l] = 0;
	begin_entry(s, st, AE_IFLNK);
	archive_entry_copy_symlink(s->entry, target);
	return put_entry(s);
}

static int save_plain(struct saver *s, const struct stat *st, mode_t type)
{
	begin_entry(s, st, type);
	return put_entry(s);
}

/* ---- files ---- */

/* Gives a file or folder of ours the right to be read; never through a link. */
static int unlock(int at, const char *name, int flags, mode_t *ret_was)
{
	_cleanup_(closep) int path_fd = openat(at, name, flags | O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char proc[32];
	struct stat st;
	int fd;

	if (path_fd < 0 || fstat(path_fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return -ENOENT; /* it became something else */
	*ret_was = st.st_mode & 07777;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", path_fd);
	if (chmod(proc, *ret_was | 0500) < 0)
		return -EACCES;
	fd = open(proc, flags | O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		chmod(proc, *ret_was);
	return fd < 0 ? -EACCES : fd;
}

/* Opened whatever its owner's rights on it are: *ret_was is those of one that was unlocked for
 * it, else as it was. */
static int open_anyhow(int at, const char *name, int flags, mode_t *ret_was)
{
	int fd =
		openat(at, name, flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	/* A folder must be searched as well. */
	if (fd >= 0 && flags & O_DIRECTORY && faccessat(fd, ".", X_OK, 0) < 0) {
		close(fd);
		fd = -1;
		errno = EACCES;
	}
	if (fd >= 0 || errno != EACCES)
		return fd < 0 ? -errno : fd;
	return unlock(at, name, flags, ret_was);
}

/* Says where the data is; how many bytes of it there are. */
static int64_t map_holes(struct saver *s, int fd, int64_t size)
{
	int64_t at = 0, n_data = 0;

	for (int i = 0; at < size; i++) {
		int64_t data = lseek(fd, at, SEEK_DATA);
		int64_t hole = data < 0 ? size : lseek(fd, data, SEEK_HOLE);

		if (data < 0 || data >= size)
			break;
		if (i == PACK_HOLES_MAX || hole < 0 || hole > size)
			hole = size;
		archive_entry_sparse_add_entry(s->entry, data, hole - data);
		n_data += hole - data;
		at = hole;
	}
	if (!n_data) /* all of it is a hole: told by an empty piece at the end */
		archive_entry_sparse_add_entry(s->entry, size, 0);
	return n_data;
}

/* What a hole is worth is skipped by the format: only its length counts. */
static int put_zeros(struct saver *s, int64_t n)
{
	memset(s->data, 0, sizeof(s->data));
	while (n > 0) {
		size_t step = (uint64_t)n < sizeof(s->data) ? (size_t)n : sizeof(s->data);
		la_ssize_t l = archive_write_data(s->a, s->data, step);

		if (l <= 0)
			return failed(s);
		n -= l;
	}
	return 0;
}

/* A file that is shorter than it was is filled up; one that is longer is cut. */
static int put_data(struct saver *s, int fd, int64_t from, int64_t to)
{
	while (from < to) {
		size_t step = (uint64_t)(to - from) < sizeof(s->data) ? (size_t)(to - from)
								      : sizeof(s->data);
		ssize_t l = pread(fd, s->data, step, from);

		if (l < 0 && errno != EINTR)
			return -errno;
		if (!l)
			return put_zeros(s, to - from);
		if (l < 0)
			continue;
		if (archive_write_data(s->a, s->data, (size_t)l) != l)
			return failed(s);
		from += l;
	}
	return 0;
}

/* Piece after piece, as map_holes() said. */
static int put_content(struct saver *s, int fd, int64_t size)
{
	int64_t at = 0, offset, length;
	int r = 0;

	if (!archive_entry_sparse_reset(s->entry))
		return put_data(s, fd, 0, size);
	while (!r && archive_entry_sparse_next(s->entry, &offset, &length) == ARCHIVE_OK) {
		r = put_zeros(s, offset - at);
		r = r ? r : put_data(s, fd, offset, offset + length);
		at = offset + length;
	}
	return r ? r : put_zeros(s, size - at);
}

static int save_file_data(struct saver *s, int fd, const struct stat *st)
{
	int64_t n_data = st->st_size;
	int r;

	if ((uint64_t)st->st_size > PACK_FILE_MAX)
		return -EFBIG;
	archive_entry_set_size(s->entry, st->st_size);
	if (st->st_blocks * INT64_C(512) < st->st_size)
		n_data = map_holes(s, fd, st->st_size);
	s->report->bytes += (uint64_t)n_data;
	if (s->report->bytes > s->max->bytes)
		return -EFBIG;
	r = put_entry(s);
	return r ? r : put_content(s, fd, st->st_size);
}

static int save_file(struct saver *s, int at, const char *name)
{
	mode_t was = UNCHANGED;
	_cleanup_(closep) int fd = open_anyhow(at, name, 0, &was);
	const char *first = NULL;
	struct stat st;
	int r;

	if (fd < 0)
		return fd == -ENOENT || fd == -ELOOP || fd == -ENXIO ? 0 : fd;
	if (was != UNCHANGED)
		fchmod(fd, was);
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0; /* another thing of that name by now */
	begin_entry(s, &st, AE_IFREG);
	if (st.st_nlink > 1) {
		r = pack_links_see(&s->links, st.st_dev, st.st_ino, s->path, &first);
		if (r)
			return r;
	}
	if (!first)
		return save_file_data(s, fd, &st);
	archive_entry_copy_hardlink(s->entry, first);
	return put_entry(s);
}

/* ---- folders ---- */

static void close_level(struct saver *s)
{
	struct level *l = &s->levels[--s->n_levels];

	pack_names_drop(&s->names, &l->names);
	if (l->unlocked)
		fchmod(dirfd(l->dir), l->st.st_mode & 07777);
	closedir(l->dir);
}

static int enter(struct saver *s, int fd, mode_t was)
{
	struct level *l = &s->levels[s->n_levels];

	if (fstat(fd, &l->st) < 0) {
		close(fd);
		return -errno;
	}
	l->dir = fdopendir(fd);
	if (!l->dir) {
		close(fd);
		return -ENOMEM;
	}
	l->unlocked = was != UNCHANGED;
	if (l->unlocked)
		l->st.st_mode = S_IFDIR | was;
	l->path_n = s->path_n;
	s->n_levels++;
	return pack_names_read(&s->names, &l->names, l->dir);
}

static int enter_dir(struct saver *s, int at, const char *name)
{
	mode_t was = UNCHANGED;
	int fd;

	if (s->n_levels == PACK_DEPTH_MAX)
		return -E2BIG;
	fd = open_anyhow(at, name, O_DIRECTORY, &was);
	if (fd < 0)
		return fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR ? 0 : fd;
	return enter(s, fd, was);
}

/* The top one is the volume itself: made, not restored. */
static int leave(struct saver *s)
{
	const struct level *l = &s->levels[s->n_levels - 1];

	close_level(s);
	s->path_n = l->path_n;
	s->path[s->path_n] = 0;
	return s->n_levels ? save_plain(s, &l->st, AE_IFDIR) : 0;
}

static int set_path(struct saver *s, size_t parent_n, const char *name)
{
	size_t n = strlen(name), slash = parent_n ? 1 : 0;

	if (parent_n + slash + n >= sizeof(s->path))
		return -E2BIG;
	if (slash)
		s->path[parent_n] = '/';
	memcpy(s->path + parent_n + slash, name, n + 1);
	s->path_n = parent_n + slash + n;
	return 0;
}

static int save_one(struct saver *s, const struct level *l, const char *name)
{
	int at = dirfd(l->dir);
	struct stat st;
	int r = set_path(s, l->path_n, name);

	if (r)
		return r;
	name = s->path + s->path_n - strlen(name); /* the list it is in may move */
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return enter_dir(s, at, name);
	case S_IFREG:
		return save_file(s, at, name);
	case S_IFLNK:
		return save_link(s, at, name, &st);
	case S_IFIFO:
		return save_plain(s, &st, AE_IFIFO);
	default:
		s->report->n_skipped++;
		return 0;
	}
}

static int walk(struct saver *s)
{
	int r = 0;

	while (!r && s->n_levels) {
		struct level *l = &s->levels[s->n_levels - 1];
		const char *name = pack_names_next(&s->names, &l->names);

		r = name ? save_one(s, l, name) : leave(s);
	}
	return r;
}

/* ---- all of it ---- */

/* BINARY: names are bytes, in no locale's encoding. */
static int open_archive(struct saver *s)
{
	s->a = archive_write_new();
	s->entry = archive_entry_new();
	if (!s->a || !s->entry)
		return -ENOMEM;
	if (archive_write_add_filter_zstd(s->a) != ARCHIVE_OK ||
		archive_write_set_format_pax(s->a) != ARCHIVE_OK ||
		archive_write_set_options(s->a, "hdrcharset=BINARY") != ARCHIVE_OK ||
		archive_write_set_bytes_in_last_block(s->a, 1) != ARCHIVE_OK)
		return -ENOTSUP;
	return archive_write_open(s->a, s, NULL, on_write, NULL) == ARCHIVE_OK ? 0 : failed(s);
}

static void saver_done(struct saver *s)
{
	while (s->n_levels)
		close_level(s);
	pack_links_done(&s->links);
	pack_names_done(&s->names);
	archive_entry_free(s->entry);
	archive_write_free(s->a);
	free(s);
}

int pack_save(int dir_fd, int out_fd, const struct pack_limits *max, struct pack_report *ret)
{
	struct saver *s = calloc(1, sizeof(*s));
	int fd = s ? openat(dir_fd, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC) : -1;
	int r;

	if (!s)
		return -ENOMEM;
	memset(ret, 0, sizeof(*ret));
	s->max = max;
	s->report = ret;
	s->out_fd = out_fd;
	r = fd < 0 ? -errno : enter(s, fd, UNCHANGED);
	r = r ? r : open_archive(s);
	r = r ? r : walk(s);
	if (!r && archive_write_close(s->a) != ARCHIVE_OK)
		r = failed(s);
	if (!r && fsync(out_fd) < 0)
		r = -errno;
	if (r)
		snprintf(ret->path, sizeof(ret->path), "%s", s->path);
	saver_done(s);
	return r;
}
