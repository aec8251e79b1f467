/*
 * box_files - the files a spec mounts: written one after the other through the sandbox's init,
 * before its main processes
 *
 * Their folders are made. The init opens them, so a path means what it means inside.
 */
#ifndef LOCAL_BOX_FILES_H
#define LOCAL_BOX_FILES_H

#include "local/box.h"

/* on_done once, at once when there are none; `path` is the one that failed. Not called when the
 * box goes first. */
void box_files_place(struct box *b, void (*on_done)(struct box *b, const char *path, int error));

#endif
