/*
 * init_image - the program that is a sandbox's first process, as bytes of this one
 *
 * It is executed by a descriptor of a sealed file in memory: a foreign user land needs to hold
 * nothing of ours, and a sandbox has nothing of ours it could write to.
 *
 * Errors: -errno.
 */
#ifndef LOCAL_INIT_IMAGE_H
#define LOCAL_INIT_IMAGE_H

/* Close-on-exec, read-only; the caller's. */
int init_image_open(int *ret_fd);

#endif
