#include "tests/folder_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "local/init_proto.h"

/* ---- messages ---- */

static const char *const argv[] = { "sh", "-c", "echo \"$A\"", "" };
static const char *const env[] = { "A=b c", "EMPTY=" };

static struct init_message exec_message(void)
{
	return (struct init_message){
		.head = { .type = INIT_EXEC,
			.id = 7,
			.flags = INIT_TTY,
			.cols = 80,
			.rows = 24,
			.n_argv = 4,
			.n_env = 2 },
		.text = "/root",
		.argv = argv,
		.env = env,
	};
}

START_TEST(a_message_reads_back_as_it_was_written)
{
	struct init_message m = exec_message(), back;
	uint8_t *data;
	size_t n;

	ck_assert_int_eq(init_encode(&m, &data, &n), 0);
	ck_assert_int_eq(init_decode(&back, data, n), 0);
	ck_assert_uint_eq(back.head.id, 7);
	ck_assert_uint_eq(back.head.cols, 80);
	ck_assert_str_eq(back.text, "/root");
	for (size_t i = 0; i < 4; i++)
		ck_assert_str_eq(back.argv[i], argv[i]);
	ck_assert_ptr_null(back.argv[4]);
	for (size_t i = 0; i < 2; i++)
		ck_assert_str_eq(back.env[i], env[i]);
	ck_assert_ptr_null(back.env[2]);
	init_message_done(&back);
	free(data);
}
END_TEST

START_TEST(a_message_that_was_cut_or_lies_about_its_counts_is_none)
{
	struct init_message m = exec_message(), back;
	uint8_t *data;
	size_t n;

	ck_assert_int_eq(init_encode(&m, &data, &n), 0);
	for (size_t cut = 0; cut < n; cut++)
		ck_assert_int_eq(init_decode(&back, data, cut), -EBADMSG);
	for (uint32_t count = 0; count < 10; count++) {
		struct init_head h = m.head;

		h.n_argv = count;
		memcpy(data, &h, sizeof(h));
		ck_assert_int_eq(init_decode(&back, data, n), count == 4 ? 0 : -EBADMSG);
		if (count == 4)
			init_message_done(&back);
		h.n_argv = UINT32_MAX - count;
		memcpy(data, &h, sizeof(h));
		ck_assert_int_eq(init_decode(&back, data, n), -EBADMSG);
	}
	free(data);
}
END_TEST

START_TEST(a_command_beyond_the_bound_is_refused_and_one_at_it_is_not)
{
	char *big = malloc(INIT_MESSAGE_MAX);
	const char *one[] = { big };
	struct init_message m = {
		.head = { .type = INIT_EXEC, .n_argv = 1 }, .text = "", .argv = one
	};
	size_t room = INIT_MESSAGE_MAX - sizeof(m.head) - 2, n;
	uint8_t *data;

	memset(big, 'x', INIT_MESSAGE_MAX);
	big[room] = 0;
	ck_assert_int_eq(init_encode(&m, &data, &n), 0);
	ck_assert_uint_eq(n, INIT_MESSAGE_MAX);
	free(data);
	big[room] = 'x';
	big[room + 1] = 0;
	ck_assert_int_eq(init_encode(&m, &data, &n), -E2BIG);
	m.head.n_argv = INIT_STRINGS_MAX + 1;
	ck_assert_int_eq(init_encode(&m, &data, &n), -E2BIG);
	free(big);
}
END_TEST

/* ---- folders ---- */

static const struct folder_owner same = { 0 };

static void make(int at, const char *path, mode_t mode)
{
	ck_assert_int_eq(mkdirat(at, path, mode), 0);
}

START_TEST(a_folder_has_what_its_sandbox_starts_from)
{
	struct stat st;

	base_begin();
	ck_assert_int_eq(folder_make(base_fd, "s", "host", FOLDER_SYSTEM, &same), 0);
	ck_assert_int_eq(fstatat(base_fd, "s/tmp", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 01777);
	ck_assert_int_eq(fstatat(base_fd, "s/root", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(fstatat(base_fd, "s/etc/passwd", &st, 0), 0);
	ck_assert_int_eq(folder_make(base_fd, "s", "host", FOLDER_SYSTEM, &same), -EEXIST);
	ck_assert_int_eq(folder_remove(base_fd, "s"), 0);
	ck_assert_int_eq(folder_make(base_fd, "p", "host", FOLDER_PLAIN, &same), 0);
	ck_assert_int_eq(faccessat(base_fd, "p/etc", F_OK, 0), -1);
	ck_assert_int_eq(folder_remove(base_fd, "p"), 0);
	base_end();
}
END_TEST

START_TEST(a_tree_of_any_depth_is_removed)
{
	int fd, next;

	base_begin();
	make(base_fd, "empty", 0700);
	ck_assert_int_eq(folder_remove(base_fd, "empty"), 0);
	make(base_fd, "deep", 0700);
	fd = openat(base_fd, "deep", O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3000; i++) {
		make(fd, "d", 0700);
		next = openat(fd, "d", O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	close(fd);
	ck_assert_int_eq(folder_remove(base_fd, "deep"), 0);
	base_end();
}
END_TEST

START_TEST(folders_without_rights_and_hostile_names_are_removed_and_links_are_not_followed)
{
	int fd;

	base_begin();
	make(base_fd, "outside", 0700);
	make(base_fd, "outside/kept", 0700);
	make(base_fd, "s", 0700);
	make(base_fd, "s/a", 0700);
	make(base_fd, "s/a/b", 0700);
	make(base_fd, "s/a/b/c", 0700);
	make(base_fd, "s/.moved-0", 0700);
	make(base_fd, "s/a/new\nline\x1b", 0700);
	fd = openat(base_fd, "s/a/b/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0);
	close(fd);
	ck_assert_int_eq(symlinkat("../../outside", base_fd, "s/a/link"), 0);
	ck_assert_int_eq(fchmodat(base_fd, "s/a/b/c", 0, 0), 0);
	ck_assert_int_eq(fchmodat(base_fd, "s/a/b", 0, 0), 0);
	ck_assert_int_eq(fchmodat(base_fd, "s/a", 0500, 0), 0);
	ck_assert_int_eq(folder_remove(base_fd, "s"), 0);
	ck_assert_int_eq(faccessat(base_fd, "outside/kept", F_OK, 0), 0);
	ck_assert_int_eq(folder_remove(base_fd, "outside"), 0);
	base_end();
}
END_TEST

TEST_MAIN("local init", a_message_reads_back_as_it_was_written,
	a_message_that_was_cut_or_lies_about_its_counts_is_none,
	a_command_beyond_the_bound_is_refused_and_one_at_it_is_not,
	a_folder_has_what_its_sandbox_starts_from, a_tree_of_any_depth_is_removed,
	folders_without_rights_and_hostile_names_are_removed_and_links_are_not_followed)
