/*
 * size - whose size the shell has: lead, latest, smallest, largest, or a fixed one
 */
#ifndef DAEMON_CORE_SIZE_H
#define DAEMON_CORE_SIZE_H

#include "common/util.h"

#define SIZE_COLS_MAX 1000u /* those of the screen model */
#define SIZE_ROWS_MAX 1000u
#define SIZE_TEXT_MAX 16

enum size_kind { SIZE_LEAD, SIZE_LATEST, SIZE_SMALLEST, SIZE_LARGEST, SIZE_FIXED };

struct size_policy {
	enum size_kind kind;
	unsigned cols, rows; /* SIZE_FIXED: 1..MAX */
};

/* "lead", "latest", "smallest", "largest" or "80x24"; -EINVAL. */
int size_parse(const char *text, size_t n, struct size_policy *ret);
const char *size_format(const struct size_policy *policy, char out[SIZE_TEXT_MAX]);

#endif
