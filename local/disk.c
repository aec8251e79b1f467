#include "local/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define BLOCK_BYTES 512 /* of st_blocks */

/* ---- counting ---- */

struct walk {
	DIR *open[DISK_DEPTH_MAX];
	size_t depth;
	struct disk_use use;
};

static void count(struct disk_use *use, const struct stat *st)
{
	uint64_t names = S_ISDIR(st->st_mode) || st->st_nlink < 2 ? 1 : st->st_nlink;

	use->bytes += ((uint64_t)st->st_blocks * BLOCK_BYTES + names - 1) / names;
	use->files++;
}

static int open_folder(int at, const char *name)
{
	int fd = openat(at, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 || errno != EACCES)
		return fd;
	/* fchmodat would follow a link: what is no folder now is left alone. */
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
		fchmodat(at, name, (st.st_mode & 07777) | 0700, 0) < 0)
		return -1;
	return openat(at, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void enter(struct walk *w, int at, const char *name)
{
	DIR *dir;
	int fd;

	if (w->depth == DISK_DEPTH_MAX) {
		w->use.too_deep = true;
		return;
	}
	fd = open_folder(at, name);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir)
		w->open[w->depth++] = dir;
	else if (fd >= 0)
		close(fd);
}

static void visit(struct walk *w, int at, const char *name)
{
	struct stat st;

	/* What is gone by now holds nothing. */
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	count(&w->use, &st);
	if (S_ISDIR(st.st_mode))
		enter(w, at, name);
}

static void step(struct walk *w)
{
	DIR *dir = w->open[w->depth - 1];
	struct dirent *d = readdir(dir);

	if (!d) {
		closedir(dir);
		w->depth--;
	} else if (strcmp(d->d_name, ".") && strcmp(d->d_name, "..")) {
		visit(w, dirfd(dir), d->d_name);
	}
}

int disk_use(int parent_fd, const char *name, struct disk_use *ret)
{
	struct walk *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	visit(w, parent_fd, name);
	while (w->depth)
		step(w);
	*ret = w->use;
	free(w);
	return 0;
}

int disk_free_bytes(int fd, uint64_t *ret)
{
	struct statvfs fs;

	if (fstatvfs(fd, &fs) < 0)
		return -errno;
	*ret = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

/* ---- what follows ---- */

bool disk_is_low(uint64_t free_bytes)
{
	return free_bytes < DISK_FREE_BYTES + DISK_MARGIN_BYTES;
}

bool disk_has_room(uint64_t free_bytes, uint64_t n)
{
	return free_bytes >= n && !disk_is_low(free_bytes - n);
}

uint64_t disk_poll_usec(uint64_t free_bytes)
{
	return free_bytes < DISK_NEAR_BYTES ? DISK_POLL_NEAR_USEC : DISK_POLL_USEC;
}

void disk_seen(struct disk_count *last, uint64_t free_bytes)
{
	if (free_bytes > last->free_bytes)
		last->free_bytes = free_bytes;
}

bool disk_fills(const struct disk_count *last, uint64_t free_bytes)
{
	return free_bytes + DISK_COUNT_STEP_BYTES <= last->free_bytes;
}

bool disk_count_due(const struct disk_count *last, uint64_t now_usec, uint64_t free_bytes)
{
	uint64_t since = now_usec - last->begun_usec;
	bool fills = disk_fills(last, free_bytes), low = disk_is_low(free_bytes);

	if (since >= DISK_COUNT_ANYWAY_USEC || (low && fills))
		return true;
	if (since < DISK_COUNT_USEC || since < last->took_usec * DISK_COUNT_SHARE)
		return false;
	return low || fills;
}
