#include "local/rootfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/text.h"
#include "local/disk.h"
#include "local/pack.h"

#define KEY_BYTES 96
#define PART ".part"
#define ROOTFS_WANTED                                                                              \
	"; give a root folder, as debootstrap makes one, or its tarball: 'docker export $(docker " \
	"create IMAGE) >FILE'"

/* The --rootfs at hand. */
struct opener {
	const struct rootfs_place *place;
	int dir_fd; /* STATE/rootfs */
	const char *source;
	int from; /* the source, open */
	struct stat st;
	char *why; /* ROOTFS_WHY_MAX */
};

/* ---- which one ---- */

void rootfs_parse(const char *arg, struct rootfs_arg *ret)
{
	const char *eq = *arg == '/' || *arg == '.' ? NULL : strchr(arg, '=');

	*ret = (struct rootfs_arg){ .source = eq ? eq + 1 : arg };
	if (eq) {
		ret->image = arg;
		ret->n_image = (size_t)(eq - arg);
	}
}

/* The name without ":latest", which is what no tag means. */
static size_t plain_length(const char *image)
{
	size_t n = strlen(image), l = strlen(":latest");

	return n > l && !strcmp(image + n - l, ":latest") ? n - l : n;
}

static bool same_image(const char *a, const char *b)
{
	size_t n = plain_length(a);

	return n == plain_length(b) && !strncmp(a, b, n);
}

const struct rootfs *rootfs_find(const struct rootfs_set *set, const char *image)
{
	const struct rootfs *any = NULL;

	for (size_t i = 0; i < set->n; i++) {
		if (!*set->v[i].image)
			any = &set->v[i];
		else if (same_image(set->v[i].image, image))
			return &set->v[i];
	}
	return any;
}

/* ---- unpacking, in a child that owns what it makes ---- */

static int drop_root(const struct folder_owner *owner)
{
	if (!owner->change)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(owner->gid, owner->gid, owner->gid) < 0 ||
		setresuid(owner->uid, owner->uid, owner->uid) < 0)
		return -errno;
	return 0;
}

static int unpack_in_child(
	int from, int to, const struct folder_owner *owner, struct pack_report *report)
{
	const struct pack_limits max = { .bytes = ROOTFS_BYTES_MAX,
		.entries = ROOTFS_ENTRIES_MAX,
		.keep_free = DISK_FREE_BYTES + DISK_MARGIN_BYTES };
	/* Names in an archive are converted from its character set to the locale's. */
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	int r;

	if (utf8)
		uselocale(utf8);
	r = drop_root(owner);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a new user forgets it */
	return r ? r : pack_load_foreign(from, to, &max, report);
}

static int unpack(int from, int to, const struct folder_owner *owner, struct pack_report *report)
{
	struct pack_report *shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t pid;

	if (shared == MAP_FAILED)
		return -ENOMEM;
	pid = fork();
	if (!pid)
		_exit(-unpack_in_child(from, to, owner, shared) & 0xff);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	*report = *shared;
	munmap(shared, sizeof(*shared));
	if (status < 0 || !WIFEXITED(status))
		return -EIO;
	return -WEXITSTATUS(status);
}

static void explain(int r, const char *source, const struct pack_report *report, char *why)
{
	char at[128];

	text_encode(at, sizeof(at), report->path, strlen(report->path));
	if (r == -EBADMSG && !report->entries)
		snprintf(why, ROOTFS_WHY_MAX,
			"--rootfs %.200s: it is no tarball of a root folder; make one with 'docker "
			"export $(docker create IMAGE) >FILE'",
			source);
	else if (r == -ENOSPC)
		snprintf(why, ROOTFS_WHY_MAX,
			"--rootfs %.200s: no room to unpack it: 1.5 GiB must stay free where the "
			"state "
			"folder is",
			source);
	else
		snprintf(why, ROOTFS_WHY_MAX, "--rootfs %.200s: cannot unpack %s: %s", source, at,
			strerror(-r));
}

/* Into "KEY.part", which becomes "KEY" when it is whole. */
static int unpack_to(const struct opener *o, const char *key)
{
	char part[KEY_BYTES + sizeof(PART)];
	_cleanup_(closep) int fd = -1;
	struct pack_report report = { 0 };
	int r;

	snprintf(part, sizeof(part), "%s" PART, key);
	folder_remove(o->dir_fd, part); /* of a start that was killed */
	fprintf(stderr, "cwsandbox-local: unpacking %s\n", o->source);
	r = folder_make_dir(o->dir_fd, part, 0755, o->place->owner);
	if (!r) {
		fd = openat(o->dir_fd, part, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 ? -errno : unpack(o->from, fd, o->place->owner, &report);
	}
	if (!r && syncfs(fd) < 0) /* what has the name is whole, after a loss of power too */
		r = -errno;
	if (!r && renameat(o->dir_fd, part, o->dir_fd, key) < 0)
		r = -errno;
	if (!r)
		return 0;
	explain(r, o->source, &report, o->why);
	folder_remove(o->dir_fd, part);
	return r;
}

/* ---- what is given ---- */

static int check_root(const struct rootfs *fs, const char *source, char why[ROOTFS_WHY_MAX])
{
	if (!faccessat(fs->fd, "usr", F_OK, AT_SYMLINK_NOFOLLOW) ||
		!faccessat(fs->fd, "bin", F_OK, AT_SYMLINK_NOFOLLOW))
		return 0;
	if (!faccessat(fs->fd, "manifest.json", F_OK, AT_SYMLINK_NOFOLLOW) ||
		!faccessat(fs->fd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW))
		snprintf(why, ROOTFS_WHY_MAX,
			"--rootfs %.200s: it is a saved image, in layers; 'docker export $(docker "
			"create IMAGE) >FILE' makes the tarball of a root folder",
			source);
	else
		snprintf(why, ROOTFS_WHY_MAX,
			"--rootfs %.200s: it is no root folder: it has neither usr nor bin; "
			"debootstrap "
			"makes one",
			source);
	return -EINVAL;
}

static int open_dir(struct rootfs *fs, const char *path)
{
	fs->fd = open(path, O_DIRECTORY | O_PATH | O_CLOEXEC);
	fs->path = fs->fd < 0 ? NULL : realpath(path, NULL);
	return fs->path ? 0 : -errno;
}

static int open_tarball(const struct opener *o, struct rootfs *fs)
{
	_cleanup_(freep) char *path = NULL;
	char key[KEY_BYTES];
	int r = 0;

	snprintf(key, sizeof(key), "%llx-%llx-%llx-%llx.%lx", (unsigned long long)o->st.st_dev,
		(unsigned long long)o->st.st_ino, (unsigned long long)o->st.st_size,
		(unsigned long long)o->st.st_mtim.tv_sec, o->st.st_mtim.tv_nsec);
	if (faccessat(o->dir_fd, key, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		r = unpack_to(o, key);
	if (!r && asprintf(&path, "%s/" ROOTFS_DIR "/%s", o->place->state_dir, key) < 0)
		r = -ENOMEM;
	return r ? r : open_dir(fs, path);
}

static int open_source(const struct opener *o, struct rootfs *fs)
{
	int r = -EINVAL;

	if (S_ISDIR(o->st.st_mode))
		r = open_dir(fs, o->source);
	else if (S_ISREG(o->st.st_mode))
		r = open_tarball(o, fs);
	if (r && !*o->why)
		snprintf(o->why, ROOTFS_WHY_MAX, "--rootfs %.200s: %s" ROOTFS_WANTED, o->source,
			r == -EINVAL ? "it is neither a folder nor a tarball" : strerror(-r));
	return r ? r : check_root(fs, o->source, o->why);
}

static int open_one(struct rootfs_set *set, const struct rootfs_arg *arg, struct opener *o)
{
	struct rootfs *fs = &set->v[set->n];
	int r;

	*fs = (struct rootfs){ .fd = -1 };
	fs->image = strndup(arg->n_image ? arg->image : "", arg->n_image);
	if (!fs->image)
		return -ENOMEM;
	set->n++;
	o->source = arg->source;
	o->from = open(arg->source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (o->from < 0 || fstat(o->from, &o->st) < 0) {
		r = -errno;
		snprintf(o->why, ROOTFS_WHY_MAX, "--rootfs %.200s: %s" ROOTFS_WANTED, arg->source,
			strerror(-r));
	} else {
		r = open_source(o, fs);
	}
	close_fd(&o->from);
	return r;
}

static bool in_use(const struct rootfs_set *set, const char *name)
{
	for (size_t i = 0; i < set->n; i++) {
		const char *last = strrchr(set->v[i].path, '/');

		if (last && !strcmp(last + 1, name))
			return true;
	}
	return false;
}

static void remove_others(const struct rootfs_set *set, int dir_fd)
{
	int fd = openat(dir_fd, ".", O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, "..") && !in_use(set, d->d_name))
			folder_remove(dir_fd, d->d_name);
	if (dir)
		closedir(dir);
}

int rootfs_open(struct rootfs_set *set, const struct rootfs_arg *args, size_t n,
	const struct rootfs_place *place, char why[ROOTFS_WHY_MAX])
{
	struct opener o = { .place = place, .why = why };
	_cleanup_(closep) int dir_fd = -1;
	int r = 0;

	*why = 0;
	if (mkdirat(place->state_fd, ROOTFS_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	dir_fd = openat(place->state_fd, ROOTFS_DIR, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	o.dir_fd = dir_fd;
	for (size_t i = 0; !r && i < n; i++)
		r = open_one(set, &args[i], &o);
	if (!r)
		remove_others(set, dir_fd);
	return r;
}

void rootfs_close(struct rootfs_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		close_fd(&set->v[i].fd);
		free(set->v[i].image);
		free(set->v[i].path);
	}
	set->n = 0;
}
