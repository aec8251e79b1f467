/*
 * describe - the service's sandboxes and snapshots as doc/protocol.md section 7 has them
 *
 * Pure. Texts are cut at DESCRIBE_TEXT_MAX; a page's lists are shortened where a frame would hold too many
 * values otherwise.
 */
#ifndef DAEMON_DESCRIBE_H
#define DAEMON_DESCRIBE_H

#include "common/frame.h"
#include "coreweave/sandbox/v1/sandbox.pb-c.h"

#define DESCRIBE_FIELDS 11
#define DESCRIBE_SNAPSHOT_FIELDS 15
#define DESCRIBE_TEXT_MAX ((size_t)1024) /* bytes */
#define DESCRIBE_LIST_MAX 160            /* sandboxes in one frame */
#define DESCRIBE_ALL ((size_t)2048)      /* values that the lists of one sandbox may take */

/* Puts DESCRIBE_FIELDS fields into a map that was begun; its lists take at most n_values values. */
void describe_sandbox(
	struct frame_out *out, const Coreweave__Sandbox__V1__Sandbox *sb, size_t n_values);
/* Puts DESCRIBE_SNAPSHOT_FIELDS fields into a map that was begun. */
void describe_snapshot(
	struct frame_out *out, const Coreweave__Sandbox__V1__FileSystemSnapshot *sn);
/* Puts `snapshots` and `next_page_token`. */
void describe_snapshots(struct frame_out *out,
	const Coreweave__Sandbox__V1__ListFileSystemSnapshotsResponse *list);
/* Puts `sandboxes` and `next_page_token`. */
void describe_list(
	struct frame_out *out, const Coreweave__Sandbox__V1__ListSandboxesResponse *list);

#endif
