#include "tests/folder_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local/pack.h"
#include "local/pack_links.h"

#define NOBODY 65534

static const struct pack_limits roomy = { .bytes = 1 << 30, .entries = 1000 };
static struct pack_report report;
static int from = -1, to = -1, file = -1;

static int open_dir(const char *name)
{
	int fd;

	ck_assert_int_eq(mkdirat(base_fd, name, 0700), 0);
	fd = openat(base_fd, name, O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void setup(void)
{
	base_begin();
	from = open_dir("from");
	to = open_dir("to");
	file = openat(base_fd, "archive", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(file, 0);
}

static void teardown(void)
{
	close(from);
	close(to);
	close(file);
	base_remove();
}

static void put(int at, const char *path, const void *data, size_t n)
{
	int fd = openat(at, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, n), (ssize_t)n);
	close(fd);
}

static size_t get(int at, const char *path, char *buf, size_t n)
{
	int fd = openat(at, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t l = fd < 0 ? -1 : read(fd, buf, n);

	ck_assert_int_ge(l, 0);
	close(fd);
	return (size_t)l;
}

static int save(const struct pack_limits *max)
{
	ck_assert_int_eq(ftruncate(file, 0), 0);
	ck_assert_int_eq(lseek(file, 0, SEEK_SET), 0);
	return pack_save(from, file, max, &report);
}

static int load(const struct pack_limits *max)
{
	ck_assert_int_eq(lseek(file, 0, SEEK_SET), 0);
	return pack_load(file, to, max, &report);
}

START_TEST(content_comes_back_with_its_links_modes_and_odd_names)
{
	struct stat a, b;
	char buf[64];

	setup();
	ck_assert_int_eq(mkdirat(from, "d", 0700), 0);
	put(from, "d/f", "hello", 5);
	ck_assert_int_eq(linkat(from, "d/f", from, "again", 0), 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", from, "out"), 0);
	ck_assert_int_eq(mkfifoat(from, "pipe", 0600), 0);
	put(from, "\xff\x01 \n", "odd", 3);
	ck_assert_int_eq(fchmodat(from, "d/f", 06751, 0), 0);
	ck_assert_int_eq(fchmodat(from, "d", 0500, 0), 0);
	ck_assert_int_eq(save(&roomy), 0);
	ck_assert_uint_eq(report.entries, 6);
	ck_assert_int_eq(load(&roomy), 0);
	ck_assert_uint_eq(get(to, "again", buf, sizeof(buf)), 5);
	ck_assert_uint_eq(get(to, "\xff\x01 \n", buf, sizeof(buf)), 3);
	ck_assert_int_eq(fstatat(to, "again", &a, 0), 0);
	ck_assert_int_eq(fstatat(to, "d/f", &b, 0), 0);
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	ck_assert_uint_eq(a.st_mode & 07777, 0751);
	ck_assert_int_eq(fstatat(to, "d", &a, 0), 0);
	ck_assert_uint_eq(a.st_mode & 07777, 0500);
	ck_assert_int_eq(readlinkat(to, "out", buf, sizeof(buf)), 11);
	ck_assert_int_eq(fstatat(to, "pipe", &a, 0), 0);
	ck_assert(S_ISFIFO(a.st_mode));
	teardown();
}
END_TEST

static void check_sparse(int64_t data_at, int64_t size)
{
	struct stat st;
	char buf[4] = "";
	int fd;

	setup();
	fd = openat(from, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (data_at >= 0)
		ck_assert_int_eq(pwrite(fd, "end", 3, data_at), 3);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	close(fd);
	ck_assert_int_eq(save(&roomy), 0);
	ck_assert_uint_lt(report.stored, 65536);
	ck_assert_int_eq(load(&roomy), 0);
	fd = openat(to, "f", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, size);
	ck_assert_int_lt(st.st_blocks, 2048);
	if (data_at >= 0)
		ck_assert_int_eq(pread(fd, buf, 3, data_at), 3);
	ck_assert_str_eq(buf, data_at >= 0 ? "end" : "");
	close(fd);
	teardown();
}

START_TEST(holes_stay_holes_before_behind_and_alone)
{
	check_sparse(1 << 26, 1 << 27);
	check_sparse(0, 1 << 27);
	check_sparse((1 << 27) - 3, 1 << 27);
	check_sparse(-1, 1 << 27);
}
END_TEST

START_TEST(an_empty_volume_is_an_archive_too)
{
	setup();
	ck_assert_int_eq(save(&roomy), 0);
	ck_assert_uint_eq(report.entries, 0);
	ck_assert_int_eq(load(&roomy), 0);
	teardown();
}
END_TEST

START_TEST(limits_hold_at_their_edge_in_both_directions)
{
	struct pack_limits max = { .bytes = 10, .entries = 2 };

	setup();
	put(from, "a", "12345", 5);
	put(from, "b", "12345", 5);
	ck_assert_int_eq(save(&max), 0);
	ck_assert_int_eq(load(&max), 0);
	max.bytes = 9;
	ck_assert_int_eq(save(&max), -EFBIG);
	ck_assert_uint_eq(strlen(report.path), 1);
	max = (struct pack_limits){ .bytes = 10, .entries = 1 };
	ck_assert_int_eq(save(&max), -E2BIG);
	ck_assert_int_eq(save(&roomy), 0);
	unlinkat(to, "a", 0);
	unlinkat(to, "b", 0);
	ck_assert_int_eq(load(&max), -E2BIG);
	unlinkat(to, "a", 0);
	unlinkat(to, "b", 0);
	max = (struct pack_limits){ .bytes = 9, .entries = 2 };
	ck_assert_int_eq(load(&max), -EFBIG);
	teardown();
}
END_TEST

START_TEST(folders_nest_so_deep_and_no_deeper)
{
	char path[2 * PACK_DEPTH_MAX + 2] = "";
	int at;

	setup();
	at = from;
	for (int i = 0; i < PACK_DEPTH_MAX - 1; i++) {
		int next;

		ck_assert_int_eq(mkdirat(at, "d", 0700), 0);
		next = openat(at, "d", O_DIRECTORY | O_CLOEXEC);
		if (at != from)
			close(at);
		at = next;
		memcpy(path + 2 * i, "d/", 3);
	}
	ck_assert_int_eq(save(&roomy), 0);
	ck_assert_int_eq(load(&roomy), 0);
	ck_assert_int_eq(faccessat(to, path, F_OK, 0), 0);
	ck_assert_int_eq(mkdirat(at, "d", 0700), 0);
	close(at);
	ck_assert_int_eq(save(&roomy), -E2BIG);
	teardown();
}
END_TEST

START_TEST(a_full_disk_is_said_and_so_is_one_that_must_keep_room)
{
	struct pack_limits greedy = { .bytes = 1 << 30, .entries = 1000, .keep_free = UINT64_MAX };
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	setup();
	put(from, "a", "12345", 5);
	ck_assert_int_ge(full, 0);
	ck_assert_int_eq(pack_save(from, full, &roomy, &report), -ENOSPC);
	ck_assert_int_eq(save(&greedy), -ENOSPC);
	ck_assert_int_eq(save(&roomy), 0);
	ck_assert_int_eq(load(&greedy), -ENOSPC);
	close(full);
	teardown();
}
END_TEST

START_TEST(a_cut_or_changed_archive_is_none)
{
	struct stat st;
	char big[40000];

	setup();
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * i >> 7);
	put(from, "a", big, sizeof(big));
	ck_assert_int_eq(save(&roomy), 0);
	ck_assert_int_eq(fstat(file, &st), 0);
	for (off_t n = st.st_size - 1; n > 0; n -= 997) {
		ck_assert_int_eq(ftruncate(file, n), 0);
		unlinkat(to, "a", 0);
		ck_assert_int_eq(load(&roomy), -EBADMSG);
	}
	ck_assert_int_eq(ftruncate(file, 0), 0);
	put(base_fd, "archive", big, sizeof(big));
	ck_assert_int_eq(load(&roomy), -EBADMSG);
	teardown();
}
END_TEST

START_TEST(a_file_that_was_taken_its_rights_is_kept_with_them)
{
	struct stat st;

	setup();
	put(from, "f", "x", 1);
	ck_assert_int_eq(mkdirat(from, "d", 0700), 0);
	put(from, "d/in", "x", 1);
	ck_assert_int_eq(fchmodat(from, "f", 0, 0), 0);
	ck_assert_int_eq(fchmodat(from, "d", 0, 0), 0);
	ck_assert_int_eq(save(&roomy), 0);
	ck_assert_int_eq(fstatat(from, "d", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0);
	ck_assert_int_eq(fstatat(from, "f", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0);
	ck_assert_int_eq(load(&roomy), 0);
	ck_assert_int_eq(fstatat(to, "d", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0);
	teardown();
}
END_TEST

/* Root may enter any folder: what it restores here, it restores as nobody. */
static int load_as_nobody(void)
{
	bool root = !geteuid() && !fchown(to, NOBODY, (gid_t)-1);
	int r;

	if (root)
		ck_assert_int_eq(seteuid(NOBODY), 0);
	r = load(&roomy);
	if (root)
		ck_assert_int_eq(seteuid(0), 0);
	return r;
}

/* Which name of the file comes first is the folder's to say: both orders are made. */
START_TEST(a_link_to_a_file_in_a_shut_folder_is_restored_and_the_folder_is_shut_again)
{
	static const char *const others[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct stat a, b;

	setup();
	ck_assert_int_eq(mkdirat(from, "x", 0700), 0);
	ck_assert_int_eq(mkdirat(from, "x/y", 0700), 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		char in[8];

		snprintf(in, sizeof(in), "x/y/%s", others[i]);
		put(from, in, "x", 1);
		ck_assert_int_eq(linkat(from, in, from, others[i], 0), 0);
	}
	ck_assert_int_eq(utimensat(from, "x/y", old, 0), 0);
	ck_assert_int_eq(fchmodat(from, "x/y", 0, 0), 0);
	ck_assert_int_eq(fchmodat(from, "x", 0500, 0), 0);
	ck_assert_int_eq(save(&roomy), 0);
	ck_assert_int_eq(load_as_nobody(), 0);
	ck_assert_int_eq(fstatat(to, "x", &a, 0), 0);
	ck_assert_uint_eq(a.st_mode & 07777, 0500);
	ck_assert_int_eq(fstatat(to, "x/y", &a, 0), 0);
	ck_assert_uint_eq(a.st_mode & 07777, 0);
	ck_assert_int_eq(a.st_mtim.tv_sec, 1000);
	ck_assert_int_eq(fchmodat(to, "x/y", 0700, 0), 0);
	ck_assert_int_eq(fstatat(to, "x/y/a", &a, 0), 0);
	ck_assert_int_eq(fstatat(to, "a", &b, 0), 0);
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	teardown();
}
END_TEST

START_TEST(names_of_one_file_are_found_again_and_cost_bounded_memory)
{
	struct pack_links links = { 0 };
	const char *first;
	char path[PACK_PATH_MAX];
	int r = 0;

	ck_assert_int_eq(pack_links_see(&links, 1, 7, "one", &first), 0);
	ck_assert_ptr_null(first);
	ck_assert_int_eq(pack_links_see(&links, 2, 7, "other", &first), 0);
	ck_assert_ptr_null(first);
	ck_assert_int_eq(pack_links_see(&links, 1, 7, "two", &first), 0);
	ck_assert_str_eq(first, "one");
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	for (ino_t i = 8; !r; i++)
		r = pack_links_see(&links, 1, i, path, &first);
	ck_assert_int_eq(r, -E2BIG);
	ck_assert_uint_le(links.bytes, PACK_LINKS_BYTES_MAX);
	pack_links_done(&links);
}
END_TEST

/* What folders say they hold: the truth, or its first name again at the end, as one may whose files
 * are renamed while it is read, or always one more. */
static enum { AS_IT_IS, TWICE, ENDLESS } listing;
static struct dirent told;
static size_t n_told;
struct dirent *__real_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir)
{
	struct dirent *d = listing == ENDLESS ? NULL : __real_readdir(dir);

	if (listing == ENDLESS) {
		told = (struct dirent){ .d_ino = 1 };
		memset(told.d_name, 'x', sizeof(told.d_name) - 1);
		snprintf(told.d_name, 21, "%020zu", n_told++);
		told.d_name[20] = 'x';
		return &told;
	}
	if (listing == TWICE && d && *d->d_name != '.' && !n_told++)
		memcpy(&told, d, d->d_reclen);
	if (listing != TWICE || d)
		return d;
	listing = AS_IT_IS;
	return &told;
}

START_TEST(a_name_that_a_folder_lists_twice_is_kept_once)
{
	char buf[8];

	setup();
	put(from, "a", "1", 1);
	put(from, "b", "22", 2);
	n_told = 0;
	listing = TWICE;
	ck_assert_int_eq(save(&roomy), 0);
	ck_assert_int_eq(listing, AS_IT_IS);
	ck_assert_uint_eq(report.entries, 2);
	ck_assert_int_eq(load(&roomy), 0);
	ck_assert_uint_eq(get(to, "a", buf, sizeof(buf)), 1);
	ck_assert_uint_eq(get(to, "b", buf, sizeof(buf)), 2);
	teardown();
}
END_TEST

START_TEST(a_folder_s_names_cost_bounded_memory)
{
	const size_t each = sizeof(told.d_name) + sizeof(size_t);

	setup();
	n_told = 0;
	listing = ENDLESS;
	ck_assert_int_eq(save(&roomy), -E2BIG);
	listing = AS_IT_IS;
	ck_assert_uint_eq(n_told, PACK_NAMES_BYTES_MAX / each + 1);
	ck_assert_uint_eq(report.entries, 0);
	teardown();
}
END_TEST

TEST_MAIN("local pack", content_comes_back_with_its_links_modes_and_odd_names,
	holes_stay_holes_before_behind_and_alone, an_empty_volume_is_an_archive_too,
	limits_hold_at_their_edge_in_both_directions, folders_nest_so_deep_and_no_deeper,
	a_full_disk_is_said_and_so_is_one_that_must_keep_room, a_cut_or_changed_archive_is_none,
	a_file_that_was_taken_its_rights_is_kept_with_them,
	a_link_to_a_file_in_a_shut_folder_is_restored_and_the_folder_is_shut_again,
	names_of_one_file_are_found_again_and_cost_bounded_memory,
	a_name_that_a_folder_lists_twice_is_kept_once, a_folder_s_names_cost_bounded_memory)
