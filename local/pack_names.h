/*
 * pack_names - what the folders that are being packed hold: each name once, in order
 *
 * A folder that is written to meanwhile may list a name twice, and an archive with a name twice is
 * none. So each is read to its end first; folders within follow on top, as on a stack.
 *
 * Bounds: PACK_NAMES_BYTES_MAX of memory; -E2BIG beyond.
 */
#ifndef LOCAL_PACK_NAMES_H
#define LOCAL_PACK_NAMES_H

#include <dirent.h>

#include "common/util.h"

struct pack_names {
	char *text; /* one after the other, with their NULs */
	size_t text_n, text_cap;
	size_t *at; /* where each begins */
	size_t n, cap;
};

/* The names of one folder. */
struct pack_names_part {
	size_t text_n, n; /* of all, before it */
	size_t next;      /* the one to be taken */
};

/* Reads the rest of `dir`, but for . and .., on top of what is there; -errno. Whatever it returns,
 * pack_names_drop() is due. */
int pack_names_read(struct pack_names *names, struct pack_names_part *part, DIR *dir);
/* Of the part on top; NULL at the end. Lives until the next pack_names_read(). */
const char *pack_names_next(struct pack_names *names, struct pack_names_part *part);
void pack_names_drop(struct pack_names *names, const struct pack_names_part *part);
void pack_names_done(struct pack_names *names);

#endif
