/*
 * pack - a volume's content as a compressed archive (tar in zstd), and back
 *
 * Kept are folders, files with their holes, links of both kinds and FIFOs, with permissions and the
 * times of files and folders. Not kept are owners (all is the sandbox's), set-id bits, extended
 * attributes, sockets and devices (counted in `n_skipped`). A folder comes after what is in it, so
 * that its time is its last, and what is in a folder in the order of its names. One that its owner may not enter or change is restored open, and shut
 * when all is there, by a second reading of the archive: a hard link may be to a file in it.
 *
 * Both directions work below an open folder and follow no link, so neither hostile content nor a
 * hostile archive reaches anything else. They block, for as long as it takes: for a child.
 *
 * Units:   bytes, of content: holes are none.
 * Errors:  -EFBIG, -E2BIG, -ENOSPC: a limit (bytes; entries, depth, hard links, names; the disk);
 *          -EBADMSG: not our archive; else -errno; report->path says where.
 */
#ifndef LOCAL_PACK_H
#define LOCAL_PACK_H

#include "common/util.h"

#define PACK_DEPTH_MAX 128
#define PACK_PATH_MAX 4096
#define PACK_HOLES_MAX 4096               /* in one file; what is behind them is kept as data */
#define PACK_FILE_MAX (UINT64_C(1) << 40) /* a file's length, holes and all */
#define PACK_LINKS_BYTES_MAX ((size_t)32 * 1024 * 1024) /* memory for files of several names */
#define PACK_NAMES_BYTES_MAX ((size_t)64 * 1024 * 1024) /* memory for names of open folders */
#define PACK_FREE_STEP (UINT64_C(4) * 1024 * 1024)      /* the disk's room is looked at so often */

struct pack_limits {
	uint64_t bytes, entries;
	uint64_t keep_free; /* of the disk */
};

struct pack_report {
	uint64_t bytes, entries, n_skipped;
	uint64_t stored;          /* the archive's own */
	char path[PACK_PATH_MAX]; /* where it failed, else "" */
};

int pack_save(int dir_fd, int out_fd, const struct pack_limits *max, struct pack_report *ret);
/* Into an empty folder; in_fd can be read again from where it is. */
int pack_load(int in_fd, int dir_fd, const struct pack_limits *max, struct pack_report *ret);
/* The same of any tarball, as of an exported container image: names may begin with "/" or "./",
 * later entries replace earlier ones, and every folder stays its owner's to change. */
int pack_load_foreign(
	int in_fd, int dir_fd, const struct pack_limits *max, struct pack_report *ret);
/* -ENOSPC when the disk of fd has less than keep_free. */
int pack_check_disk(int fd, uint64_t keep_free);

#endif
