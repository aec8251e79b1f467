/*
 * rootfs - other user lands: root folders and exported container images, chosen by a spec's image
 *
 * A folder is used as it is. A tarball is unpacked once, into STATE/rootfs/KEY, by whom the
 * sandboxes belong to; KEY is the file's identity, so that an unchanged one is found again and one
 * that is used no more is removed at the next start. Neither is ever written to by a sandbox.
 *
 * Errors: -errno, with a sentence in why[ROOTFS_WHY_MAX] that says what to do.
 */
#ifndef LOCAL_ROOTFS_H
#define LOCAL_ROOTFS_H

#include "local/folder.h"

#define ROOTFS_MAX 16
#define ROOTFS_WHY_MAX 512
#define ROOTFS_BYTES_MAX ((uint64_t)32 << 30) /* of one tarball's content */
#define ROOTFS_ENTRIES_MAX 2000000
#define ROOTFS_DIR "rootfs"

/* As given by --rootfs. */
struct rootfs_arg {
	const char *image; /* not terminated */
	size_t n_image;    /* 0: for every image that has none of its own */
	const char *source;
};

struct rootfs {
	char *image; /* "" for every other one */
	char *path;  /* of its root folder */
	int fd;
};

struct rootfs_set {
	struct rootfs v[ROOTFS_MAX];
	size_t n;
};

/* [IMAGE=]SOURCE; what begins with '/' or '.' is a source. */
void rootfs_parse(const char *arg, struct rootfs_arg *ret);
/* Where tarballs are unpacked, and by whom. */
struct rootfs_place {
	int state_fd;
	const char *state_dir;
	const struct folder_owner *owner;
};
/* May take long: tarballs are unpacked, which is said on stderr. */
int rootfs_open(struct rootfs_set *set, const struct rootfs_arg *args, size_t n,
	const struct rootfs_place *place, char why[ROOTFS_WHY_MAX]);
void rootfs_close(struct rootfs_set *set);
/* NULL: the machine's own user land. */
const struct rootfs *rootfs_find(const struct rootfs_set *set, const char *image);

#endif
