/* A tree of plain files stands in for the kernel's: what is chosen and what is refused is the same. */
#include "tests/folder_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "local/cgroup.h"

static char why[CGROUP_WHY_MAX];

static void put(const char *path, const char *text)
{
	int fd = openat(base_fd, path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
}

static void group(const char *path, const char *controllers, const char *subtree)
{
	char name[128];

	if (*path)
		ck_assert_int_eq(mkdirat(base_fd, path, 0755), 0);
	snprintf(name, sizeof(name), "%s%scgroup.controllers", path, *path ? "/" : "");
	put(name, controllers);
	snprintf(name, sizeof(name), "%s%scgroup.subtree_control", path, *path ? "/" : "");
	put(name, subtree);
	snprintf(name, sizeof(name), "%s%scgroup.procs", path, *path ? "/" : "");
	put(name, "1\n2\n");
}

static bool there(const char *path)
{
	return !faccessat(base_fd, path, F_OK, AT_SYMLINK_NOFOLLOW);
}

START_TEST(a_word_is_a_whole_one)
{
	ck_assert(cgroup_has_word("cpu memory pids\n", "memory"));
	ck_assert(cgroup_has_word("memory", "memory"));
	ck_assert(cgroup_has_word("pids\n", "pids"));
	ck_assert(!cgroup_has_word("memory2 xmemory", "memory"));
	ck_assert(!cgroup_has_word("", "memory"));
	ck_assert(!cgroup_has_word("\n", "memory"));
}
END_TEST

START_TEST(a_group_that_divides_nothing_is_not_taken_and_nothing_is_left)
{
	struct cgroup cg;

	base_begin();
	group("", "cpu memory pids\n", "cpu\n");
	group("a", "cpu\n", "");
	ck_assert_int_eq(cgroup_open(&cg, base_fd, "/a", why), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(why, "no control group above"));
	ck_assert(!cgroup_is_open(&cg));
	ck_assert(!there("service") && !there("a/service"));
	ck_assert_int_eq(cgroup_open(&cg, base_fd, "/nowhere/b", why), -ENOTSUP);
	cgroup_close(&cg);
	base_remove();
}
END_TEST

START_TEST(a_group_that_is_not_ours_is_said_to_be_so_and_nothing_is_left)
{
	struct cgroup cg;
	char name[64];

	base_begin();
	group("", "cpu memory pids\n", "memory pids\n");
	group("a", "memory pids\n", "memory pids\n");
	/* Plain files do not appear in a new folder, as the kernel's would: nothing can be written there. */
	ck_assert_int_eq(cgroup_open(&cg, base_fd, "/a", why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "to divide"));
	snprintf(name, sizeof(name), "a/cwsandbox-local.%ld", (long)getpid());
	ck_assert(!there(name));
	ck_assert(!there(name + 2));
	cgroup_close(&cg);
	base_remove();
}
END_TEST

START_TEST(a_sandbox_that_ran_out_of_memory_is_known_by_its_group_s_events)
{
	struct cgroup cg = CGROUP_NONE;

	base_begin();
	ck_assert(!cgroup_ran_out(&cg, "id"));
	cg.fd = base_fd;
	ck_assert(!cgroup_ran_out(&cg, "id"));
	ck_assert_int_eq(mkdirat(base_fd, "id", 0755), 0);
	put("id/memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 0\noom_group_kill 0\n");
	ck_assert(!cgroup_ran_out(&cg, "id"));
	put("id/memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\noom_group_kill 0\n");
	ck_assert(cgroup_ran_out(&cg, "id"));
	base_remove();
}
END_TEST

START_TEST(limits_that_cannot_be_set_leave_no_group)
{
	struct cgroup cg = CGROUP_NONE;
	struct limits l = { .memory_bytes = 1 << 20 };
	int fd;

	base_begin();
	cg.fd = base_fd;
	ck_assert_int_eq(cgroup_make(&cg, "id", &l, 10, &fd), -ENOENT);
	ck_assert(!there("id"));
	base_remove();
}
END_TEST

START_TEST(a_group_that_is_busy_goes_later)
{
	struct cgroup cg = CGROUP_NONE;

	base_begin();
	cgroup_remove_left(&cg);
	cg.fd = base_fd;
	ck_assert_int_eq(mkdirat(base_fd, "a", 0755), 0);
	ck_assert_int_eq(mkdirat(base_fd, "b", 0755), 0);
	put("a/busy", "");
	put("b/busy", "");
	cgroup_remove(&cg, "a");
	cgroup_remove(&cg, "b");
	cgroup_remove_left(&cg);
	ck_assert(there("a") && there("b"));
	unlinkat(base_fd, "b/busy", 0);
	cgroup_remove_left(&cg);
	ck_assert(there("a") && !there("b"));
	ck_assert_uint_eq(cg.n_left, 1);
	for (int i = 0; i < 2 * CGROUP_LEFT_MAX; i++)
		cgroup_remove(&cg, "a");
	ck_assert_uint_eq(cg.n_left, CGROUP_LEFT_MAX);
	unlinkat(base_fd, "a/busy", 0);
	cgroup_remove_left(&cg);
	ck_assert(!there("a"));
	ck_assert_uint_eq(cg.n_left, 0);
	base_remove();
}
END_TEST

TEST_MAIN("cgroup", a_word_is_a_whole_one,
	a_group_that_divides_nothing_is_not_taken_and_nothing_is_left,
	a_group_that_is_not_ours_is_said_to_be_so_and_nothing_is_left,
	a_sandbox_that_ran_out_of_memory_is_known_by_its_group_s_events,
	limits_that_cannot_be_set_leave_no_group, a_group_that_is_busy_goes_later)
