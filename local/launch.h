/*
 * launch - starts the first process of a sandbox (init.h), inside its view of the world
 *
 * A sandbox has a folder: `root` in it is its own "/" (or home), `volumes/NAME` are what it mounts.
 *
 * bwrap: bubblewrap makes own user, mount, pid, ipc and uts namespaces; the sandbox's root is its
 * "/", the host's /usr and some of /etc are in it read-only. none:  no walls: the root is only
 * the home and the working folder, and nothing can be mounted. A service that runs as root gives its sandboxes to an
 * unprivileged user in both; a private mount namespace shows that user the folder at LAUNCH_MOUNT,
 * which it could not reach by its path.
 *
 * Errors: -errno, with a sentence in why[LAUNCH_WHY_MAX] where there is one.
 */
#ifndef LOCAL_LAUNCH_H
#define LOCAL_LAUNCH_H

#include <sys/resource.h>
#include <sys/types.h>

#include "local/folder.h"
#include "local/rootfs.h"

#define LAUNCH_WHY_MAX 512
#define LAUNCH_MOUNT "/mnt"
#define LAUNCH_SHM_BYTES "67108864"
#define LAUNCH_ROOT "root"
#define LAUNCH_VOLUMES "volumes"
#define LAUNCH_MOUNTS_MAX 32
#define LAUNCH_HOSTNAME_BYTES 9 /* the first of the id */

enum isolation { ISOLATION_AUTO, ISOLATION_BWRAP, ISOLATION_NONE };
enum network {
	NETWORK_NONE,
	NETWORK_OWN,  /* a namespace of its own, and net.h out of it */
	NETWORK_HOST, /* this machine's: loopback and all */
};

struct launcher {
	enum isolation isolation; /* after launcher_init: never AUTO */
	enum network network;
	bool overlay; /* images are written to above them, not beside them */
	struct folder_owner owner;
	int init_fd;   /* init_image.h */
	rlim_t n_open; /* the soft limit of open files a sandbox starts with */
	int dir_fd;    /* where the folders are */
	char *dir;
};

struct launched {
	pid_t pid;
	int sock;      /* to the init; non-blocking, init_proto.h */
	int stderr_fd; /* what was said before the init was ready */
};

/* With AUTO tries bwrap once; *why then says what it took and why, and which network. dir is copied; dir_fd stays the
 * caller's. */
int launcher_init(struct launcher *l, enum isolation isolation, bool network, int dir_fd,
	const char *dir, char why[LAUNCH_WHY_MAX]);
void launcher_done(struct launcher *l);
/* Whom the sandboxes belong to; for rootfs_open(), before launcher_init(). */
int launch_owner(struct folder_owner *ret);
/* After launcher_init(): how this machine can run that image. */
int launcher_try_image(struct launcher *l, const struct rootfs *image, char why[LAUNCH_WHY_MAX]);

/* A volume, or a folder in it, where the sandbox sees it. */
struct launch_mount {
	const char *volume, *sub_path, *path; /* sub_path: "" or relative without ".." */
	bool read_only;
};

struct launch_plan {
	const char *id;
	const char *const *volumes;
	size_t n_volumes;
	const struct launch_mount *mounts;
	bool again; /* its programs ran in this folder before: nothing in it is to be trusted */
	size_t n_mounts; /* <= LAUNCH_MOUNTS_MAX; their paths in an order that puts parents first */
	const struct rootfs *image; /* NULL: the machine's user land */
	uint64_t file_bytes; /* no file may be larger; 0: any size */
	int cgroup_fd;       /* which it runs in; < 0: ours */
};

/* Makes the folder `id`, its root and empty volumes. */
int launch_prepare(const struct launcher *l, const struct launch_plan *plan);
/* Starts the init of a folder that is there; it says INIT_READY when it is up. -ELOOP, -ENOTDIR: a sub_path is not
 * a folder of its volume. */
int launch(const struct launcher *l, const struct launch_plan *plan, struct launched *ret);
/* A volume of a sandbox, opened without following anything. */
int launch_open_volume(const struct launcher *l, const char *id, const char *volume, int *ret_fd);
/* What launch() started, and what bwrap has forked but not yet tied to itself. */
void launch_kill(pid_t pid);
void launch_explain(int stderr_fd, char why[LAUNCH_WHY_MAX]);
/* HOME inside; malloc'd. */
int launch_home(const struct launcher *l, const char *id, char **ret);

#endif
