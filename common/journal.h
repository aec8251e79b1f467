/*
 * journal - diagnostics: one record is one line, on stderr, which systemd connects to its journal
 *
 * A record never holds a key, input or output; what came from outside is encoded (common/text.h),
 * so that it stays one printable line. Where stderr is the journal's stream each line carries its
 * level as "<N>" (sd-daemon(3)), else its name.
 *
 * Blocking: never. A sink that takes nothing loses the record; the loss is counted and said with
 * the next record that goes out.
 *
 * Units:   bytes; a record is cut at JOURNAL_LINE_MAX, which a pipe takes whole.
 */
#ifndef COMMON_JOURNAL_H
#define COMMON_JOURNAL_H

#include "common/util.h"

#define JOURNAL_LINE_MAX ((size_t)2048)

/* The levels of syslog(3). */
enum journal_level {
	JOURNAL_ERROR = 3,
	JOURNAL_WARNING = 4,
	JOURNAL_NOTICE = 5,
	JOURNAL_INFO = 6,
	JOURNAL_DEBUG = 7,
};

struct journal {
	const char *name; /* of the program; before each line on a terminal */
	int fd;
	enum journal_level level; /* the least important one that is written */
	bool is_stream;           /* fd leads to systemd's journal */
	uint64_t n_lost;          /* records not said yet */
};

void journal_init(struct journal *j, const char *name, int fd, enum journal_level level);
_printf_(3, 4) void journal_say(struct journal *j, enum journal_level level, const char *fmt, ...);

#endif
