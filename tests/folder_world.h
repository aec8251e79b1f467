/*
 * folder_world - a folder of its own for one test, open as base_fd
 */
#ifndef TESTS_FOLDER_WORLD_H
#define TESTS_FOLDER_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "local/folder.h"
#include "tests/suite.h"

static char base[] = "/tmp/cws-check-XXXXXX";
static int base_fd = -1;

static inline void base_begin(void)
{
	memcpy(base + strlen(base) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(base));
	base_fd = open(base, O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(base_fd, 0);
}

/* Nothing may be left in it. */
static inline void base_end(void)
{
	close(base_fd);
	ck_assert_int_eq(rmdir(base), 0);
}

/* With all that is in it. */
static inline void base_remove(void)
{
	close(base_fd);
	ck_assert_int_eq(folder_remove(AT_FDCWD, base), 0);
}

#endif
