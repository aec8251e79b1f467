/*
 * folder - a sandbox's folder: made with what its view of the world starts from, removed whole
 *
 * Names are relative to an open folder; no path made by a program in the sandbox is ever followed.
 * Errors: -errno.
 */
#ifndef LOCAL_FOLDER_H
#define LOCAL_FOLDER_H

#include <sys/types.h>

#include "common/util.h"

struct folder_owner {
	bool change; /* chown what is made: the service runs as root, its sandboxes do not */
	uid_t uid;
	gid_t gid;
};

enum folder_kind {
	FOLDER_PLAIN,  /* just a place */
	FOLDER_SYSTEM, /* what a sandbox that sees it as "/" has of its own: /root, /tmp, /etc, ... */
	FOLDER_ABOVE,  /* the same above an image, which has its own users */
};
int folder_make(int parent_fd, const char *name, const char *hostname, enum folder_kind kind,
	const struct folder_owner *owner);
int folder_make_dir(int at, const char *name, mode_t mode, const struct folder_owner *owner);
int folder_make_file(int at, const char *path, const char *text, const struct folder_owner *owner);
/* Every folder of a relative path that is not there; no link on it is followed: -ELOOP, -ENOTDIR. */
int folder_make_path(int at, const char *path, mode_t mode, const struct folder_owner *owner);
/* Removes `name` and all below it, however deep and whatever its modes; blocks as long as that
 * takes. */
int folder_remove(int parent_fd, const char *name);

#endif
