#include "tests/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/paths.h"

static char base[256]; /* a fresh folder of each test */
static char why[PATHS_WHY_MAX];

static void make_base(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(base, sizeof(base), "%s/check-paths-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(base));
	why[0] = '\0';
	unsetenv("CWSANDBOXD_SOCKET");
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_CONFIG_HOME");
	umask(022);
}

static void remove_base(void)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", base);
	ck_assert_int_eq(system(cmd), 0);
}

static const char *in_base(const char *leaf)
{
	static char path[4][512];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, 512, "%s/%s", base, leaf);
	return p;
}

static void put_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void expect_socket(const char *override, const char *path)
{
	char *got = NULL;

	ck_assert_int_eq(paths_socket(override, &got, why), 0);
	ck_assert_str_eq(got, path);
	free(got);
}

START_TEST(the_socket_is_the_flag_else_the_variable_else_the_runtime_folder_else_the_state_folder)
{
	make_base();
	setenv("XDG_STATE_HOME", base, 1);
	setenv("XDG_RUNTIME_DIR", in_base("run"), 1);
	setenv("CWSANDBOXD_SOCKET", in_base("named"), 1);
	expect_socket(in_base("flag"), in_base("flag"));
	expect_socket(NULL, in_base("named"));
	setenv("CWSANDBOXD_SOCKET", "", 1);
	expect_socket(NULL, in_base("run/cwsandboxd/socket"));
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	if (access("/run/user", F_OK) != 0)
		expect_socket(NULL, in_base("cwsandboxd/run/socket"));
	remove_base();
}
END_TEST

START_TEST(a_relative_path_is_taken_from_where_we_were_started)
{
	char *got = NULL;
	char cwd[512];

	make_base();
	ck_assert_int_eq(chdir(base), 0);
	ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
	ck_assert_int_eq(paths_state_dir("state", &got, why), 0);
	ck_assert_int_eq(strncmp(got, cwd, strlen(cwd)), 0);
	ck_assert_str_eq(got + strlen(cwd), "/state");
	free(got);
	ck_assert_int_eq(chdir("/"), 0);
	remove_base();
}
END_TEST

START_TEST(a_socket_path_of_107_bytes_is_taken_and_one_of_108_refused)
{
	char path[PATHS_SOCKET_MAX + 2];
	char *got = NULL;

	make_base();
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[PATHS_SOCKET_MAX] = '\0';
	expect_socket(path, path);
	path[PATHS_SOCKET_MAX] = 'x';
	path[PATHS_SOCKET_MAX + 1] = '\0';
	ck_assert_int_eq(paths_socket(path, &got, why), -ENAMETOOLONG);
	ck_assert_ptr_null(got);
	ck_assert_ptr_nonnull(strstr(why, "107"));
	remove_base();
}
END_TEST

START_TEST(folders_follow_the_xdg_variables)
{
	char *got = NULL;

	make_base();
	setenv("HOME", "/home/h", 1);
	ck_assert_int_eq(paths_state_dir(NULL, &got, why), 0);
	ck_assert_str_eq(got, "/home/h/.local/state/cwsandboxd");
	free(got);
	setenv("XDG_STATE_HOME", "/s", 1);
	ck_assert_int_eq(paths_local_state_dir(NULL, &got, why), 0);
	ck_assert_str_eq(got, "/s/cwsandbox-local");
	free(got);
	ck_assert_int_eq(paths_config_file(NULL, &got, why), 0);
	ck_assert_str_eq(got, "/home/h/.config/cwsandboxd/cwsandboxd.conf");
	free(got);
	remove_base();
}
END_TEST

START_TEST(a_missing_folder_is_made_0700_whatever_the_umask)
{
	struct stat st;
	int fd = -1;

	make_base();
	umask(0277);
	ck_assert_int_eq(paths_private_dir(in_base("one"), &fd, why), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	close(fd);
	umask(0);
	ck_assert_int_eq(paths_private_dir(in_base("a/b/c"), &fd, why), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	close(fd);
	remove_base();
}
END_TEST

static void expect_bad_dir(const char *path, const char *reason)
{
	int fd = -1;

	why[0] = '\0';
	ck_assert_int_lt(paths_private_dir(path, &fd, why), 0);
	ck_assert_int_eq(fd, -1);
	ck_assert_msg(strstr(why, reason), "%s: %s", path, why);
}

START_TEST(sec_c01_bad_folders_are_refused_with_their_reason_and_left_alone)
{
	struct stat st;

	make_base();
	put_file(in_base("file"), "", 0600);
	expect_bad_dir(in_base("file"), "not a folder");
	expect_bad_dir(in_base("file/below"), "cannot be made");
	ck_assert_int_eq(mkdir(in_base("real"), 0700), 0);
	ck_assert_int_eq(symlink(in_base("real"), in_base("link")), 0);
	expect_bad_dir(in_base("link"), "symbolic link");
	for (unsigned bit = 1; bit < 0100; bit <<= 1) {
		ck_assert_int_eq(chmod(in_base("real"), 0700 | bit), 0);
		expect_bad_dir(in_base("real"), "0700");
	}
	ck_assert_int_eq(stat(in_base("real"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0740);
	if (geteuid() == 0) {
		ck_assert_int_eq(chmod(in_base("real"), 0700), 0);
		ck_assert_int_eq(chown(in_base("real"), 65534, 65534), 0);
		expect_bad_dir(in_base("real"), "belongs to user 65534");
	}
	remove_base();
}
END_TEST

START_TEST(sec_c05_the_lock_has_one_holder_and_names_it_to_the_others)
{
	char *holder = NULL;
	int dir = -1, one = -1, two = -1;

	make_base();
	ck_assert_int_eq(paths_private_dir(in_base("state"), &dir, why), 0);
	ck_assert_int_eq(paths_lock(dir, "lock", "/run/a/socket", &one, &holder), 0);
	ck_assert_ptr_null(holder);
	ck_assert_int_eq(paths_lock(dir, "lock", "/run/b/socket", &two, &holder), -EWOULDBLOCK);
	ck_assert_str_eq(holder, "/run/a/socket");
	free(holder);
	close(one);
	ck_assert_int_eq(paths_lock(dir, "lock", "b", &two, NULL), 0);
	ck_assert_int_eq(paths_lock(dir, "lock", "c", &one, &holder), -EWOULDBLOCK);
	ck_assert_str_eq(holder, "b"); /* the longer line before it is gone */
	free(holder);
	close(two);
	close(dir);
	remove_base();
}
END_TEST

START_TEST(sec_c07_a_link_in_the_place_of_a_file_is_never_followed)
{
	char *text = NULL;
	int dir = -1, fd = -1;
	size_t n = 0;

	make_base();
	ck_assert_int_eq(paths_private_dir(in_base("state"), &dir, why), 0);
	put_file(in_base("target"), "precious", 0600);
	ck_assert_int_eq(symlink(in_base("target"), in_base("state/lock")), 0);
	ck_assert_int_eq(symlink(in_base("target"), in_base("state/saved")), 0);
	ck_assert_int_lt(paths_lock(dir, "lock", "x", &fd, NULL), 0);
	ck_assert_int_eq(paths_read_file(dir, "saved", 100, &text, &n), -ELOOP);
	ck_assert_int_eq(
		paths_write_file(dir, "saved", "new", 3), 0); /* replaces the link itself */
	ck_assert_int_eq(paths_read_file(dir, "saved", 100, &text, &n), 0);
	ck_assert_str_eq(text, "new");
	free(text);
	ck_assert_int_eq(paths_read_file(AT_FDCWD, in_base("target"), 100, &text, &n), 0);
	ck_assert_str_eq(text, "precious");
	free(text);
	close(dir);
	remove_base();
}
END_TEST

START_TEST(a_file_of_max_bytes_is_read_and_one_byte_more_is_refused)
{
	char *text = NULL;
	size_t n = 0;

	make_base();
	put_file(in_base("f"), "12345", 0600);
	ck_assert_int_eq(paths_read_file(AT_FDCWD, in_base("f"), 5, &text, &n), 0);
	ck_assert_uint_eq(n, 5);
	ck_assert_str_eq(text, "12345");
	free(text);
	ck_assert_int_eq(paths_read_file(AT_FDCWD, in_base("f"), 4, &text, &n), -EFBIG);
	ck_assert_int_eq(mkfifo(in_base("fifo"), 0600), 0);
	ck_assert_int_eq(paths_read_file(AT_FDCWD, in_base("fifo"), 5, &text, &n), -EINVAL);
	remove_base();
}
END_TEST

START_TEST(a_written_file_is_0600_and_leaves_no_temporary_behind)
{
	struct stat st;
	int dir = -1;

	make_base();
	umask(0);
	ck_assert_int_eq(paths_private_dir(in_base("state"), &dir, why), 0);
	ck_assert_int_eq(paths_write_file(dir, "f", "abc", 3), 0);
	ck_assert_int_eq(paths_write_file(AT_FDCWD, in_base("state/f"), "abcd", 4), 0);
	ck_assert_int_eq(stat(in_base("state/f"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_size, 4);
	ck_assert_int_eq(unlink(in_base("state/f")), 0);
	ck_assert_int_eq(rmdir(in_base("state")), 0); /* it is empty */
	close(dir);
	remove_base();
}
END_TEST

static void expect_bad_key(const char *path, const char *reason)
{
	char *key = NULL;

	why[0] = '\0';
	ck_assert_int_lt(paths_read_key(path, &key, why), 0);
	ck_assert_ptr_null(key);
	ck_assert_msg(strstr(why, reason), "%s", why);
}

START_TEST(sec_c08_a_key_file_is_regular_ours_private_short_and_visible_ascii)
{
	char big[8 * 1024 + 2];
	char *key = NULL;

	make_base();
	put_file(in_base("key"), "cw-123\n", 0600);
	ck_assert_int_eq(paths_read_key(in_base("key"), &key, why), 0);
	ck_assert_str_eq(key, "cw-123");
	free(key);
	key = NULL;
	for (mode_t bit = 1; bit < 0100; bit <<= 1) {
		ck_assert_int_eq(chmod(in_base("key"), 0600 | bit), 0);
		expect_bad_key(in_base("key"), "read by others");
	}
	put_file(in_base("key"), "\n", 0600);
	expect_bad_key(in_base("key"), "is empty");
	put_file(in_base("key"), "two words", 0600);
	expect_bad_key(in_base("key"), "visible ASCII");
	put_file(in_base("key"), "caf\xc3\xa9", 0600);
	expect_bad_key(in_base("key"), "visible ASCII");
	memset(big, 'k', sizeof(big));
	big[8 * 1024] = '\0';
	put_file(in_base("key"), big, 0400);
	ck_assert_int_eq(paths_read_key(in_base("key"), &key, why), 0);
	free(key);
	big[8 * 1024] = 'k';
	big[8 * 1024 + 1] = '\0';
	ck_assert_int_eq(unlink(in_base("key")), 0);
	put_file(in_base("key"), big, 0600);
	expect_bad_key(in_base("key"), "longer than");
	ck_assert_int_eq(symlink(in_base("key"), in_base("link")), 0);
	expect_bad_key(in_base("link"), "not a regular file");
	expect_bad_key(base, "not a regular file");
	expect_bad_key(in_base("none"), "cannot be opened");
	remove_base();
}
END_TEST

TEST_MAIN("paths",
	the_socket_is_the_flag_else_the_variable_else_the_runtime_folder_else_the_state_folder,
	a_relative_path_is_taken_from_where_we_were_started,
	a_socket_path_of_107_bytes_is_taken_and_one_of_108_refused,
	folders_follow_the_xdg_variables, a_missing_folder_is_made_0700_whatever_the_umask,
	sec_c01_bad_folders_are_refused_with_their_reason_and_left_alone,
	sec_c05_the_lock_has_one_holder_and_names_it_to_the_others,
	sec_c07_a_link_in_the_place_of_a_file_is_never_followed,
	a_file_of_max_bytes_is_read_and_one_byte_more_is_refused,
	a_written_file_is_0600_and_leaves_no_temporary_behind,
	sec_c08_a_key_file_is_regular_ours_private_short_and_visible_ascii)
