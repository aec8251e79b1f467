/*
 * pack_links - which file was already seen under another name
 *
 * Bounds: PACK_LINKS_BYTES_MAX of memory; -E2BIG beyond.
 */
#ifndef LOCAL_PACK_LINKS_H
#define LOCAL_PACK_LINKS_H

#include <sys/types.h>

#include "common/util.h"

struct pack_link;

struct pack_links {
	struct pack_link **buckets;
	size_t bytes;
};

/* *ret_first: the path it was seen at before, or NULL: it is remembered under this one. */
int pack_links_see(
	struct pack_links *l, dev_t dev, ino_t ino, const char *path, const char **ret_first);
void pack_links_done(struct pack_links *l);

#endif
