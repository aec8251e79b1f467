/*
 * launch_image - a sandbox whose "/" is another user land (rootfs.h)
 *
 * With an overlay: the image below, read-only and shared; `root` of the sandbox's folder above it,
 * where all that is written goes. It is mounted in a user namespace of its own, in which bwrap then
 * makes the sandbox's. Where the kernel or the disk allows none, launch_bwrap binds the image's
 * folders read-only beside what the sandbox has of its own.
 *
 * Errors: -errno.
 */
#ifndef LOCAL_LAUNCH_IMAGE_H
#define LOCAL_LAUNCH_IMAGE_H

#include "local/launch.h"

#define LAUNCH_LOWER "lower"
#define LAUNCH_WORK "work"
#define LAUNCH_MERGED "merged"

/* In the service: what the folder needs, beside `root` itself. */
int launch_image_prepare(
	int folder_fd, const struct launch_plan *plan, const struct folder_owner *owner);
/* In a child that may mount: shows the image at `lower`. */
int launch_image_bind(const struct launch_plan *plan, const char *folder);
/* In a child without rights: `merged` is the whole. `bound`: the image is at `lower` already. */
int launch_image_overlay(const struct launch_plan *plan, const char *folder, bool bound);

#endif
