#include "local/launch_image.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define OVERLAY_OPTIONS                                                                            \
	"lowerdir=" LAUNCH_LOWER ",upperdir=" LAUNCH_ROOT ",workdir=" LAUNCH_WORK ",userxattr"

/* ---- in the service ---- */

/* The image's folder of that name, if it is not the sandbox's own, is hidden: in it root could do nothing. */
static int hide_foreign(int folder_fd, const struct launch_plan *plan, const char *name,
	const struct folder_owner *owner)
{
	uid_t uid = owner->change ? owner->uid : geteuid();
	_cleanup_(closep) int fd = -1;
	char path[NAME_MAX + sizeof(LAUNCH_ROOT)];
	struct stat st;

	if (fstatat(plan->image->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_uid == uid)
		return 0;
	snprintf(path, sizeof(path), LAUNCH_ROOT "/%s", name);
	fd = openat(folder_fd, path, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* A disk without such attributes has no overlay either. */
	if (fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) < 0 && errno != ENOTSUP)
		return -errno;
	return 0;
}

/* What is mounted on is a folder of the sandbox's own: a link in the image leads nowhere. */
static int make_mount_points(
	int root_fd, const struct launch_plan *plan, const struct folder_owner *owner)
{
	static const char *const own[] = { "dev", "proc", "sys" };
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(own); i++)
		r = folder_make_path(root_fd, own[i], 0755, owner);
	for (size_t i = 0; !r && i < plan->n_mounts; i++)
		r = folder_make_path(root_fd, plan->mounts[i].path + 1, 0755, owner);
	return r;
}

int launch_image_prepare(
	int folder_fd, const struct launch_plan *plan, const struct folder_owner *owner)
{
	static const char *const dirs[] = { LAUNCH_LOWER, LAUNCH_WORK, LAUNCH_MERGED };
	_cleanup_(closep) int root_fd =
		openat(folder_fd, LAUNCH_ROOT, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = root_fd < 0 ? -errno : 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(dirs); i++)
		r = folder_make_dir(folder_fd, dirs[i], 0755, owner);
	r = r ? r : hide_foreign(folder_fd, plan, "root", owner);
	return r ? r : make_mount_points(root_fd, plan, owner);
}

/* ---- in the child ---- */

int launch_image_bind(const struct launch_plan *plan, const char *folder)
{
	char to[PATH_MAX];

	snprintf(to, sizeof(to), "%s/" LAUNCH_LOWER, folder);
	return mount(plan->image->path, to, NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

static int write_text(const char *path, const char *text)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);

	return fd < 0 || write(fd, text, n) != (ssize_t)n ? -errno : 0;
}

/* Nobody else comes into it; whoever we are we stay. */
static int enter_user_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];
	int r;

	/* Undumpable, our own files in /proc would be root's; the next exec decides anew. */
	prctl(PR_SET_DUMPABLE, 1);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	r = write_text("/proc/self/uid_map", map);
	r = r ? r : write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	return r ? r : write_text("/proc/self/gid_map", map);
}

int launch_image_overlay(const struct launch_plan *plan, const char *folder, bool bound)
{
	int r = enter_user_namespace();

	if (!r && !bound)
		r = launch_image_bind(plan, folder);
	if (!r && chdir(folder) < 0)
		r = -errno;
	if (!r && mount("overlay", LAUNCH_MERGED, "overlay", MS_NOSUID | MS_NODEV,
			  OVERLAY_OPTIONS) < 0)
		r = -errno;
	return r;
}
