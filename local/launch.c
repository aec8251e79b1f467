#include "local/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/text.h"
#include "local/cgroup.h"
#include "local/init.h"
#include "local/init_image.h"
#include "local/init_proto.h"
#include "local/init_recv.h"
#include "local/launch_bwrap.h"
#include "local/launch_image.h"
#include "local/net.h"

#define IMAGE_FD (INIT_FD + 1)
#define PROBE_MSEC 10000
#define PROBE_NAME "probe"
#define OOM_SCORE "500" /* a sandbox is killed before the service */

/* ---- in the child ---- */

static _Noreturn void give_up(const char *what)
{
	dprintf(2, "%s: %s\n", what, strerror(errno));
	_exit(1);
}

/* The user cannot walk down to the folder: it lies in a folder of root's. So it is shown elsewhere.
 */
static void drop_root(const struct launcher *l, const struct launch_plan *plan, const char *path)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		give_up("cannot make a mount namespace");
	if (mount(path, LAUNCH_MOUNT, NULL, MS_BIND, NULL) < 0)
		give_up("cannot bind the sandbox's folder at " LAUNCH_MOUNT);
	if (plan->image && launch_image_bind(plan, LAUNCH_MOUNT) < 0)
		give_up("cannot bind the image's folder");
	if (setgroups(0, NULL) < 0 || setresgid(l->owner.gid, l->owner.gid, l->owner.gid) < 0 ||
		setresuid(l->owner.uid, l->owner.uid, l->owner.uid) < 0)
		give_up("cannot give up root");
}

static void set_limits(const struct launcher *l, const struct launch_plan *plan)
{
	struct rlimit core = { 0, 0 }, file = { plan->file_bytes, plan->file_bytes };
	struct rlimit files;
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, OOM_SCORE, strlen(OOM_SCORE)) > 0)
		close(fd);
	setrlimit(RLIMIT_CORE, &core);
	if (plan->file_bytes)
		setrlimit(RLIMIT_FSIZE, &file);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = l->n_open < files.rlim_max ? l->n_open : files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void place_fds(const struct launcher *l, int sock, int stderr_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* First out of each other's way: every one may sit where another belongs. */
	sock = fcntl(sock, F_DUPFD, 16);
	stderr_fd = fcntl(stderr_fd, F_DUPFD, 16);
	null = fcntl(null, F_DUPFD, 16);
	if (sock < 0 || stderr_fd < 0 || null < 0 || dup2(stderr_fd, 2) < 0)
		_exit(1);
	if (dup2(l->init_fd, IMAGE_FD) < 0 || dup2(sock, INIT_FD) < 0 || dup2(null, 0) < 0 ||
		dup2(null, 1) < 0 || close_range(IMAGE_FD + 1, UINT_MAX, 0) < 0)
		give_up("cannot place descriptors");
}

static _Noreturn void enter_plain(const char *folder, const char *const *env)
{
	static const char *const argv[] = { INIT_NAME, NULL };
	char root[PATH_MAX];

	snprintf(root, sizeof(root), "%s/" LAUNCH_ROOT, folder);
	if (chdir(root) < 0)
		give_up("cannot enter the sandbox's folder");
	fexecve(IMAGE_FD, (char **)argv, (char **)env);
	give_up("cannot run the sandbox's init");
}

static _Noreturn void child(const struct launcher *l, const struct launch_plan *plan,
	const char *path, int sock, int stderr_fd)
{
	static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	const char *folder = l->owner.change ? LAUNCH_MOUNT : path;
	sigset_t none;

	if (plan->cgroup_fd >= 0 && cgroup_enter(plan->cgroup_fd) < 0)
		_exit(1);
	place_fds(l, sock, stderr_fd);
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	set_limits(l, plan);
	if (l->owner.change)
		drop_root(l, plan, path);
	if (l->isolation == ISOLATION_BWRAP) {
		if (plan->image && l->overlay &&
			launch_image_overlay(plan, folder, l->owner.change) < 0)
			give_up("cannot mount the image");
		launch_bwrap_exec(l, folder, plan, IMAGE_FD, env);
		give_up("cannot run bwrap");
	}
	enter_plain(folder, env);
}

/* ---- in the service ---- */

static int make_channel(int ret[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return -errno;
	return fcntl(ret[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int start(const struct launcher *l, const struct launch_plan *plan, struct launched *ret)
{
	_cleanup_(freep) char *path = NULL;
	_cleanup_(closep) int said = memfd_create("sandbox-start", MFD_CLOEXEC);
	int socks[2];
	pid_t pid;
	int r;

	if (said < 0 || asprintf(&path, "%s/%s", l->dir, plan->id) < 0)
		return said < 0 ? -errno : -ENOMEM;
	r = make_channel(socks);
	if (r)
		return r;
	pid = fork();
	if (!pid)
		child(l, plan, path, socks[1], said);
	r = pid < 0 ? -errno : 0;
	close(socks[1]);
	if (r) {
		close(socks[0]);
		return r;
	}
	*ret = (struct launched){ .pid = pid, .sock = socks[0], .stderr_fd = said };
	said = -1;
	return 0;
}

static int open_folder(const struct launcher *l, const char *id)
{
	return openat(l->dir_fd, id, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int make_volumes(int fd, const struct launch_plan *plan, const struct folder_owner *owner)
{
	_cleanup_(closep) int volumes = -1;
	int r = folder_make_dir(fd, LAUNCH_VOLUMES, 0755, owner);

	if (r)
		return r;
	volumes = openat(fd, LAUNCH_VOLUMES, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = volumes < 0 ? -errno : 0;
	for (size_t i = 0; !r && i < plan->n_volumes; i++)
		r = folder_make_dir(volumes, plan->volumes[i], 0755, owner);
	return r;
}

static enum folder_kind kind_of(const struct launcher *l, const struct launch_plan *plan)
{
	if (l->isolation != ISOLATION_BWRAP)
		return FOLDER_PLAIN;
	return plan->image ? FOLDER_ABOVE : FOLDER_SYSTEM;
}

int launch_prepare(const struct launcher *l, const struct launch_plan *plan)
{
	_cleanup_(closep) int fd = -1;
	char hostname[LAUNCH_HOSTNAME_BYTES];
	int r = folder_make_dir(l->dir_fd, plan->id, 0755, &l->owner);

	if (r)
		return r;
	snprintf(hostname, sizeof(hostname), "%s", plan->id);
	fd = open_folder(l, plan->id);
	r = fd < 0 ? -errno : folder_make(fd, LAUNCH_ROOT, hostname, kind_of(l, plan), &l->owner);
	if (!r && l->network == NETWORK_OWN)
		r = folder_make_file(
			fd, LAUNCH_ROOT "/etc/resolv.conf", "nameserver " NET_DNS "\n", &l->owner);
	if (!r && plan->image)
		r = launch_image_prepare(fd, plan, &l->owner);
	r = r ? r : make_volumes(fd, plan, &l->owner);
	if (r)
		folder_remove(l->dir_fd, plan->id);
	return r;
}

int launch_open_volume(const struct launcher *l, const char *id, const char *volume, int *ret_fd)
{
	_cleanup_(closep) int fd = open_folder(l, id);
	_cleanup_(closep) int volumes = -1;

	if (fd < 0)
		return -errno;
	volumes = openat(fd, LAUNCH_VOLUMES, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (volumes < 0)
		return -errno;
	*ret_fd = openat(volumes, volume, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

/* Nothing of the sandbox runs yet, so what is no link now stays none. */
static int check_mounts(const struct launcher *l, const struct launch_plan *plan)
{
	int r = 0;

	for (size_t i = 0; !r && i < plan->n_mounts; i++) {
		const struct launch_mount *m = &plan->mounts[i];
		_cleanup_(closep) int fd = -1;

		r = launch_open_volume(l, plan->id, m->volume, &fd);
		if (!r && *m->sub_path)
			r = folder_make_path(fd, m->sub_path, 0755, &l->owner);
	}
	return r;
}

int launch(const struct launcher *l, const struct launch_plan *plan, struct launched *ret)
{
	int r = check_mounts(l, plan);

	return r ? r : start(l, plan, ret);
}

void launch_kill(pid_t pid)
{
	/* it may not have called setsid yet */
	if (kill(-pid, SIGKILL) < 0)
		kill(pid, SIGKILL);
}

void launch_explain(int stderr_fd, char why[LAUNCH_WHY_MAX])
{
	char said[LAUNCH_WHY_MAX / 4];
	ssize_t l = stderr_fd < 0 ? 0 : pread(stderr_fd, said, sizeof(said), 0);

	while (l > 0 && said[l - 1] == '\n')
		l--;
	if (l > 0)
		text_encode(why, LAUNCH_WHY_MAX, said, (size_t)l);
	else
		snprintf(why, LAUNCH_WHY_MAX, "its init ended before it was up");
}

int launch_home(const struct launcher *l, const char *id, char **ret)
{
	int r;

	if (l->isolation == ISOLATION_BWRAP)
		r = asprintf(ret, "/root");
	else if (l->owner.change)
		r = asprintf(ret, LAUNCH_MOUNT "/" LAUNCH_ROOT);
	else
		r = asprintf(ret, "%s/%s/" LAUNCH_ROOT, l->dir, id);
	return r < 0 ? -ENOMEM : 0;
}

/* ---- which isolation ---- */

/* A signal (an earlier probe's child ends) only makes it wait anew. */
static bool wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&p, 1, PROBE_MSEC);
	} while (n < 0 && errno == EINTR);
	return n == 1;
}

static int probe_network(const struct launcher *l, const int *fds, size_t n, char *why)
{
	struct net net;
	int r = n == NET_FDS ? net_start(fds, &l->owner, &net) : -EBADMSG;

	if (r) {
		snprintf(why, LAUNCH_WHY_MAX, "%s", strerror(-r));
		return r;
	}
	r = wait_readable(net.ready_fd) ? net_is_up(&net) : -ETIMEDOUT;
	if (r)
		net_explain(&net, why, LAUNCH_WHY_MAX);
	net_stop(&net);
	return r;
}

static int wait_ready(const struct launcher *l, const struct launched *p, char *why)
{
	int fds[INIT_FDS_MAX] = { -1, -1, -1 };
	struct init_head head;
	size_t n = 0;
	int r = -EPERM;

	if (wait_readable(p->sock) && init_recv(p->sock, &head, fds, &n) == 1 &&
		head.type == INIT_READY)
		r = 0;
	if (r)
		launch_explain(p->stderr_fd, why);
	else if (l->network == NETWORK_OWN)
		r = probe_network(l, fds, n, why);
	for (size_t i = 0; i < INIT_FDS_MAX; i++)
		close_fd(&fds[i]);
	return r;
}

/* Starts one sandbox as every later one will be, and ends it. */
static int probe(const struct launcher *l, const struct rootfs *image, char why[LAUNCH_WHY_MAX])
{
	const struct launch_plan plan = { .id = PROBE_NAME, .image = image, .cgroup_fd = -1 };
	struct launched p;
	int r;

	folder_remove(l->dir_fd, PROBE_NAME); /* of a service killed just here */
	r = launch_prepare(l, &plan);
	r = r ? r : launch(l, &plan, &p);
	if (r) {
		snprintf(why, LAUNCH_WHY_MAX, "cannot start a process: %s", strerror(-r));
		return r;
	}
	r = wait_ready(l, &p, why);
	close(p.sock);
	close(p.stderr_fd);
	if (r)
		launch_kill(p.pid);
	waitpid(p.pid, NULL, 0);
	folder_remove(l->dir_fd, PROBE_NAME);
	return r;
}

int launcher_try_image(struct launcher *l, const struct rootfs *image, char why[LAUNCH_WHY_MAX])
{
	char reason[LAUNCH_WHY_MAX];
	int r;

	if (l->isolation != ISOLATION_BWRAP) {
		snprintf(why, LAUNCH_WHY_MAX, "--rootfs needs the walls of bwrap");
		return -ENOTSUP;
	}
	l->overlay = true;
	r = probe(l, image, reason);
	if (!r)
		return 0;
	l->overlay = false;
	r = probe(l, image, why);
	if (r)
		snprintf(why, LAUNCH_WHY_MAX, "cannot start a sandbox in %.200s: %.200s",
			image->path, reason);
	else
		snprintf(why, LAUNCH_WHY_MAX,
			"the system folders of images are read-only in sandboxes here (%.200s)",
			reason);
	return r;
}

/* Root's sandboxes belong to nobody. */
int launch_owner(struct folder_owner *ret)
{
	const struct passwd *pw;

	*ret = (struct folder_owner){ 0 };
	if (geteuid() != 0)
		return 0;
	pw = getpwnam("nobody");
	if (!pw)
		return -ENOENT;
	*ret = (struct folder_owner){ .change = true, .uid = pw->pw_uid, .gid = pw->pw_gid };
	return 0;
}

/* Walls, with the best network there is: *why says which, or what was in the way. */
static int choose_bwrap(struct launcher *l, bool network, char why[LAUNCH_WHY_MAX])
{
	char reason[LAUNCH_WHY_MAX];
	int r;

	l->isolation = ISOLATION_BWRAP;
	l->network = network ? NETWORK_OWN : NETWORK_NONE;
	r = probe(l, NULL, reason);
	if (!r) {
		snprintf(why, LAUNCH_WHY_MAX,
			"isolation bwrap: sandboxes have namespaces of their own; %s",
			network ? "their network is apart from this machine's (" NET_PROGRAM ")"
				: "they have no network");
		return 0;
	}
	if (network) {
		l->network = NETWORK_HOST;
		r = probe(l, NULL, why);
		if (r)
			return r;
		snprintf(why, LAUNCH_WHY_MAX,
			"isolation bwrap: sandboxes have namespaces of their own, but the network "
			"is "
			"this machine's, with what listens on its loopback addresses (%.200s)",
			reason);
		return 0;
	}
	snprintf(why, LAUNCH_WHY_MAX, "%s", reason);
	return r;
}

static int choose_none(struct launcher *l, const char *reason, char why[LAUNCH_WHY_MAX])
{
	int r;

	l->isolation = ISOLATION_NONE;
	l->network = NETWORK_HOST;
	r = probe(l, NULL, why);
	if (!r)
		snprintf(why, LAUNCH_WHY_MAX,
			"isolation none: sandboxes can reach all this user can (%.400s)", reason);
	return r;
}

static int choose(struct launcher *l, enum isolation want, bool network, char why[LAUNCH_WHY_MAX])
{
	char reason[LAUNCH_WHY_MAX] = "it was asked for", bwrap[LAUNCH_WHY_MAX];
	int r = 0;

	if (want != ISOLATION_NONE) {
		r = choose_bwrap(l, network, why);
		if (!r)
			return 0;
		snprintf(bwrap, sizeof(bwrap), "%s", why);
		snprintf(reason, sizeof(reason), "bwrap: %.400s", bwrap);
	}
	if (want == ISOLATION_NONE || (want == ISOLATION_AUTO && network))
		r = choose_none(l, reason, why);
	if (r) {
		snprintf(reason, sizeof(reason), "%s", why);
		snprintf(why, LAUNCH_WHY_MAX, "cannot start a sandbox: %.400s", reason);
	}
	return r;
}

int launcher_init(struct launcher *l, enum isolation isolation, bool network, int dir_fd,
	const char *dir, char why[LAUNCH_WHY_MAX])
{
	struct rlimit files = { 1024, 1024 };
	int r;

	*l = (struct launcher){ .dir_fd = dir_fd, .init_fd = -1 };
	getrlimit(RLIMIT_NOFILE, &files);
	l->n_open = files.rlim_cur;
	l->dir = strdup(dir);
	r = l->dir ? init_image_open(&l->init_fd) : -ENOMEM;
	r = r ? r : launch_owner(&l->owner);
	if (r) {
		snprintf(
			why, LAUNCH_WHY_MAX, "cannot prepare to start sandboxes: %s", strerror(-r));
		return r;
	}
	return choose(l, isolation, network, why);
}

void launcher_done(struct launcher *l)
{
	close_fd(&l->init_fd);
	free(l->dir);
	l->dir = NULL;
}
