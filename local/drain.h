/*
 * drain - when a stream whose output nobody takes is to end
 *
 * Pure. Without a limit a program simply waits for its reader, for ever. With one the service does
 * as the real one: by time, it ends the stream that gave nothing for so long though it could; by
 * bytes, it takes the program's output in its place until it holds more than that.
 *
 * Units:  bytes, microseconds.
 * Calls:  drain_judge() every DRAIN_STEP_USEC for each stream.
 */
#ifndef LOCAL_DRAIN_H
#define LOCAL_DRAIN_H

#include "common/util.h"

#define DRAIN_STEP_USEC (250 * USEC_PER_MSEC)
#define DRAIN_BYTES_MAX ((uint64_t)64 * 1024 * 1024)
#define DRAIN_USEC_MAX (3600 * USEC_PER_SEC)

struct drain_limit {
	uint64_t bytes, usec; /* one of them; both 0: no limit */
};

/* "64K", "4M", "1000": bytes; "30s", "5m": time. -EINVAL, -ERANGE. */
int drain_parse(const char *s, struct drain_limit *ret);

struct drain {
	uint64_t sent;       /* as it was at the last look */
	uint64_t since_usec; /* when output first waited then; 0: it did not */
};

enum drain_verdict {
	DRAIN_FINE,
	DRAIN_TAKE, /* the output that waits is to be held for the reader */
	DRAIN_OVER,
};

struct drain_look {
	uint64_t sent; /* bytes the stream gave since its start */
	bool waiting;  /* there is output it could give */
	uint64_t held; /* bytes of it that are held already */
	uint64_t now_usec;
};

enum drain_verdict drain_judge(
	struct drain *d, const struct drain_limit *limit, const struct drain_look *look);

#endif
