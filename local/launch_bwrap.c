#include "local/launch_bwrap.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "local/init.h"
#include "local/launch_image.h"

#define ARGS_MAX 3072
#define LINKS_MAX 256
#define RESOLV "/etc/resolv.conf"

/* What a usable Unix needs of the host, beside /usr. Nothing of it is a secret: all of it is
 * world-readable. */
static const char *const host_files[] = {

	"/etc/alternatives",
	"/etc/bash.bashrc",
	"/etc/bash_completion.d",
	"/etc/ca-certificates",
	"/etc/ca-certificates.conf",
	"/etc/debian_version",
	"/etc/fonts",
	"/etc/gai.conf",
	"/etc/host.conf",
	"/etc/inputrc",

	"/etc/ld.so.cache",
	"/etc/ld.so.conf",
	"/etc/ld.so.conf.d",
	"/etc/localtime",
	"/etc/login.defs",
	"/etc/magic",
	"/etc/mime.types",
	"/etc/os-release",
	"/etc/perl",
	"/etc/pki",
	"/etc/profile",
	"/etc/profile.d",
	"/etc/protocols",
	"/etc/services",
	"/etc/skel",
	"/etc/ssl/certs",
	"/etc/ssl/openssl.cnf",
	"/etc/terminfo",
	"/etc/timezone",
	"/etc/vim",
};

/* Folders on a system with a merged /usr, links into it on most. */
static const char *const root_dirs[] = { "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32" };

struct args {
	const char *v[ARGS_MAX];
	size_t n;
	char targets[LINKS_MAX][PATH_MAX];
	size_t n_targets;
	char root[PATH_MAX], image[PATH_MAX], sources[LAUNCH_MOUNTS_MAX][PATH_MAX];
};

static void put(struct args *a, const char *arg)
{
	if (a->n < ARGS_MAX - 1)
		a->v[a->n++] = arg;
}

static void put3(struct args *a, const char *x, const char *y, const char *z)
{
	put(a, x);
	put(a, y);
	put(a, z);
}

/* A link stays one, unless the sandbox has something of its own there. */
static void put_root_dir(struct args *a, const char *path, const char *to)
{
	char own[PATH_MAX];
	struct stat st;
	ssize_t l;

	if (lstat(path, &st) < 0)
		return;
	if (!S_ISLNK(st.st_mode))
		return put3(a, "--ro-bind", path, to);
	snprintf(own, sizeof(own), "%.2000s%.2000s", a->root, to);
	if (a->n_targets == LINKS_MAX || !lstat(own, &st))
		return;
	l = readlink(path, a->targets[a->n_targets], PATH_MAX - 1);
	if (l <= 0)
		return;
	a->targets[a->n_targets][l] = 0;
	put3(a, "--symlink", a->targets[a->n_targets++], to);
}

static void put_host(struct args *a, enum network network)
{
	put3(a, "--ro-bind", "/usr", "/usr");
	for (size_t i = 0; i < ARRAY_SIZE(root_dirs); i++)
		put_root_dir(a, root_dirs[i], root_dirs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(host_files); i++)
		put3(a, "--ro-bind-try", host_files[i], host_files[i]);
	if (network == NETWORK_HOST)
		put3(a, "--ro-bind-try", RESOLV, RESOLV);
}

/* ---- an image without an overlay: its folders beside the sandbox's own ---- */

static bool in(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* All that is in image/`sub`, at "/sub", but for those names. */
static void put_entries(
	struct args *a, const char *image, const char *sub, const char *const *not_these, size_t n)
{
	char dir_path[PATH_MAX];
	struct dirent *d;
	DIR *dir;

	snprintf(dir_path, sizeof(dir_path), "%s%s", image, sub);
	dir = opendir(dir_path);
	while (dir && (d = readdir(dir)) != NULL) {
		char *from = NULL, *to = NULL;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
			in(d->d_name, not_these, n))
			continue;
		if (asprintf(&from, "%s/%s", dir_path, d->d_name) > 0 &&
			asprintf(&to, "%s/%s", sub, d->d_name) > 0)
			put_root_dir(a, from, to); /* kept: they are the arguments */
	}
	if (dir)
		closedir(dir);
}

static void put_image(struct args *a, const char *image)
{
	static const char *const own[] = { "dev", "proc", "sys", "tmp", "run", "root", "home",
		"etc", "var", "mnt", "media" };
	static const char *const own_etc[] = { "hosts", "hostname", "resolv.conf", "mtab" };
	static const char *const own_var[] = { "tmp", "log", "cache", "run", "lock" };

	put_entries(a, image, "", own, ARRAY_SIZE(own));
	put_entries(a, image, "/etc", own_etc, ARRAY_SIZE(own_etc));
	put_entries(a, image, "/var", own_var, ARRAY_SIZE(own_var));
}

static void put_view(struct args *a, const struct launcher *l, const char *folder,
	const struct launch_plan *plan)
{
	bool overlay = plan->image && l->overlay;

	snprintf(a->root, sizeof(a->root), "%s/%s", folder, overlay ? LAUNCH_MERGED : LAUNCH_ROOT);
	put3(a, "--bind", a->root, "/");
	if (!plan->image)
		put_host(a, l->network);
	else if (!overlay) {
		snprintf(a->image, sizeof(a->image), "%s/" LAUNCH_LOWER, folder);
		put_image(a, l->owner.change ? a->image : plan->image->path);
	}
	if (plan->image && l->network == NETWORK_HOST)
		put3(a, "--ro-bind-try", RESOLV, RESOLV);
	put3(a, "--proc", "/proc", "--dev");
	put3(a, "/dev", "--size", LAUNCH_SHM_BYTES);
	put(a, "--tmpfs");
	put(a, "/dev/shm");
}

static void put_mounts(struct args *a, const char *folder, const struct launch_plan *plan)
{
	for (size_t i = 0; i < plan->n_mounts && i < LAUNCH_MOUNTS_MAX; i++) {
		const struct launch_mount *m = &plan->mounts[i];

		snprintf(a->sources[i], PATH_MAX, "%s/" LAUNCH_VOLUMES "/%s%s%s", folder, m->volume,
			*m->sub_path ? "/" : "", m->sub_path);
		put3(a, m->read_only ? "--ro-bind" : "--bind", a->sources[i], m->path);
	}
}

static void put_walls(struct args *a, const char *hostname, enum network network)
{
	static const char *const walls[] = {
		"bwrap",
		"--unshare-user",
		"--unshare-pid",
		"--unshare-ipc",
		"--unshare-uts",
		"--unshare-cgroup-try",
		"--uid",
		"0",
		"--gid",
		"0",
		"--die-with-parent",
		"--as-pid-1",
		"--cap-drop",
		"ALL",
	};

	for (size_t i = 0; i < ARRAY_SIZE(walls); i++)
		put(a, walls[i]);
	put(a, "--hostname");
	put(a, hostname);
	if (network != NETWORK_HOST)
		put(a, "--unshare-net");
}

/* ---- a root that programs of the sandbox had before ---- */

static void refuse_link(int root_fd, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	long fd = syscall(SYS_openat2, root_fd, path + 1, &how, sizeof(how));
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return; /* and no part of it that is there is a link */
	if (fd < 0 || fstat((int)fd, &st) < 0 || S_ISLNK(st.st_mode)) {
		dprintf(2, "%s in its root is a link now\n", path);
		_exit(1);
	}
	close((int)fd);
}

/* bwrap follows links where it is to mount, and could be led out of the root by one that a program put there. */
static void refuse_links(const struct args *a)
{
	static const char *const sourced[] = { "--bind", "--ro-bind", "--ro-bind-try" },
				 *const plain[] = { "--proc", "--dev", "--tmpfs" };
	int fd = open(a->root, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	for (size_t i = 0; i + 2 < a->n; i++) {
		size_t to = in(a->v[i], sourced, ARRAY_SIZE(sourced)) ? i + 2
			    : in(a->v[i], plain, ARRAY_SIZE(plain))   ? i + 1
								      : 0;

		if (to && strcmp(a->v[to], "/"))
			refuse_link(fd, a->v[to]);
	}
	close(fd);
}

void launch_bwrap_exec(const struct launcher *l, const char *folder, const struct launch_plan *plan,
	int init_fd, const char *const *env)
{
	static struct args a;
	char init[32], hostname[LAUNCH_HOSTNAME_BYTES];

	snprintf(init, sizeof(init), "/proc/self/fd/%d", init_fd);
	snprintf(hostname, sizeof(hostname), "%s", plan->id);
	put_walls(&a, hostname, l->network);
	put_view(&a, l, folder, plan);
	put_mounts(&a, folder, plan);
	if (plan->again)
		refuse_links(&a);
	put3(&a, "--chdir", "/root", "--");
	put(&a, init);
	a.v[a.n] = NULL;
	execvpe("bwrap", (char **)a.v, (char **)env);
}
