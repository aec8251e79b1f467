#include "tests/folder_world.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "local/disk.h"
#include "local/init_usage.h"
#include "local/limits.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* ---- quantities ---- */

static uint64_t milli(const char *text)
{
	uint64_t v = 0;

	ck_assert_msg(limits_quantity(text, &v) == 0, "'%s' was refused", text);
	return v;
}

static int refused(const char *text)
{
	uint64_t v;

	return limits_quantity(text, &v);
}

START_TEST(quantities_read_as_kubernetes_writes_them)
{
	ck_assert_uint_eq(milli("0"), 0);
	ck_assert_uint_eq(milli("1"), 1000);
	ck_assert_uint_eq(milli("500m"), 500);
	ck_assert_uint_eq(milli("1.5"), 1500);
	ck_assert_uint_eq(milli(".5"), 500);
	ck_assert_uint_eq(milli("2."), 2000);
	ck_assert_uint_eq(milli("512Mi"), 512 * MIB * 1000);
	ck_assert_uint_eq(milli("1.5Gi"), 1536 * MIB * 1000);
	ck_assert_uint_eq(milli("2k"), 2000 * 1000);
	ck_assert_uint_eq(milli("1e3"), 1000 * 1000);
	ck_assert_uint_eq(milli("12E-1"), 1200);
	ck_assert_uint_eq(milli("15P"), (uint64_t)15000000000000000 * 1000);
}
END_TEST

START_TEST(a_fraction_is_rounded_up)
{
	uint64_t v;

	ck_assert_uint_eq(milli("1n"), 1);
	ck_assert_uint_eq(milli("1001u"), 2);
	ck_assert_int_eq(limits_bytes("1.5", &v), 0);
	ck_assert_uint_eq(v, 2);
	ck_assert_int_eq(limits_bytes("1m", &v), 0);
	ck_assert_uint_eq(v, 1);
	ck_assert_int_eq(limits_bytes("4Ei", &v), 0);
	ck_assert_uint_eq(v, (uint64_t)4 << 60);
	ck_assert_int_eq(limits_bytes("0", &v), -EINVAL);
}
END_TEST

START_TEST(what_is_no_quantity_or_too_large_is_refused)
{
	static const char *const bad[] = { "", ".", "-1", "+1", " 1", "1 ", "1.2.3", "Mi", "1Kib",
		"1e", "1e+", "1e1x", "1e19", "0x10", "1,5" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(refused(bad[i]) == -EINVAL, "'%s'", bad[i]);
	ck_assert_int_eq(refused("99999999999999999999"), -ERANGE);
	ck_assert_int_eq(refused("1.00000000000000000000"), -ERANGE);
	ck_assert_int_eq(refused("16Ei"), -ERANGE);
	ck_assert_int_eq(refused("18446744073709551615"), -ERANGE);
	ck_assert_int_eq(refused("18446744073709551615m"), 0);
}
END_TEST

/* ---- a sandbox's limits ---- */

static Coreweave__Sandbox__V1__Resources res(const char *memory, const char *cpu)
{
	Coreweave__Sandbox__V1__Resources r = COREWEAVE__SANDBOX__V1__RESOURCES__INIT;

	r.memory = (char *)memory;
	r.cpu = (char *)cpu;
	return r;
}

START_TEST(limits_come_from_the_spec_and_never_exceed_the_machine)
{
	Coreweave__Sandbox__V1__SandboxSpec spec = COREWEAVE__SANDBOX__V1__SANDBOX_SPEC__INIT;
	Coreweave__Sandbox__V1__Container a = COREWEAVE__SANDBOX__V1__CONTAINER__INIT, b = a;
	Coreweave__Sandbox__V1__Container *both[] = { &a, &b };
	Coreweave__Sandbox__V1__ResourceRequirements rr =
		COREWEAVE__SANDBOX__V1__RESOURCE_REQUIREMENTS__INIT;
	Coreweave__Sandbox__V1__Resources small = res("256Mi", "500m"), large = res("3Gi", "2");
	struct limits l;

	spec.containers = both;
	spec.n_containers = 1;
	limits_of(&spec, 8 * GIB, &l);
	ck_assert_uint_eq(l.memory_bytes, 4 * GIB);
	ck_assert_uint_eq(l.cpu_milli, 0);
	ck_assert_uint_eq(l.disk_bytes, LIMITS_DISK_BYTES);
	a.resources = &small;
	limits_of(&spec, 8 * GIB, &l);
	ck_assert_uint_eq(l.memory_bytes, 256 * MIB);
	ck_assert_uint_eq(l.cpu_milli, 500);
	/* Limits say it better than plain resources; requests are no limit. */
	rr.limits = &large;
	rr.requests = &small;
	a.resource_requirements = &rr;
	limits_of(&spec, 8 * GIB, &l);
	ck_assert_uint_eq(l.memory_bytes, 3 * GIB);
	ck_assert_uint_eq(limits_requested_bytes(&spec), 256 * MIB);
	limits_of(&spec, 2 * GIB, &l);
	ck_assert_uint_eq(l.memory_bytes, 2 * GIB);
	/* Two containers have what they have together, or, when one is free, no sum. */
	spec.n_containers = 2;
	limits_of(&spec, 8 * GIB, &l);
	ck_assert_uint_eq(l.memory_bytes, 4 * GIB);
	b.resources = &small;
	limits_of(&spec, 8 * GIB, &l);
	ck_assert_uint_eq(l.memory_bytes, 3 * GIB + 256 * MIB);
	ck_assert_uint_eq(l.cpu_milli, 2500);
	small.memory = (char *)"1";
	rr.limits = &small;
	limits_of(&spec, 8 * GIB, &l);
	ck_assert_uint_eq(l.memory_bytes, LIMITS_MEMORY_MIN_BYTES);
}
END_TEST

/* ---- the disk ---- */

static void begin(void)
{
	base_begin();
	ck_assert_int_eq(mkdirat(base_fd, "s", 0700), 0);
}

static void end(void)
{
	ck_assert_int_eq(folder_remove(base_fd, "s"), 0);
	base_end();
}

static void put(const char *path, size_t n)
{
	static const char zeros[65536];
	int fd = openat(base_fd, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	for (; n; n -= min_size(n, sizeof(zeros)))
		ck_assert_int_gt(write(fd, zeros, min_size(n, sizeof(zeros))), 0);
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
}

static struct disk_use use(void)
{
	struct disk_use u;

	ck_assert_int_eq(disk_use(base_fd, "s", &u), 0);
	return u;
}

START_TEST(what_files_hold_is_counted_once_and_holes_and_links_hold_nothing)
{
	struct disk_use before, after;
	int fd;

	begin();
	before = use();
	put("s/file", MIB);
	after = use();
	ck_assert_uint_eq(after.files, before.files + 1);
	ck_assert_uint_ge(after.bytes, before.bytes + MIB);
	ck_assert_uint_lt(after.bytes, before.bytes + MIB + MIB / 4);
	ck_assert_int_eq(linkat(base_fd, "s/file", base_fd, "s/again", 0), 0);
	ck_assert_uint_lt(use().bytes, after.bytes + MIB / 4);
	put("s/holes", 0);
	fd = openat(base_fd, "s/holes", O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, 64 * MIB), 0);
	close(fd);
	ck_assert_int_eq(symlinkat("/usr", base_fd, "s/out"), 0);
	ck_assert_uint_lt(use().bytes, after.bytes + MIB / 4);
	ck_assert_uint_eq(use().files, before.files + 4);
	end();
}
END_TEST

START_TEST(a_folder_without_rights_hides_nothing)
{
	begin();
	ck_assert_int_eq(mkdirat(base_fd, "s/closed", 0700), 0);
	put("s/closed/file", MIB);
	ck_assert_int_eq(fchmodat(base_fd, "s/closed", 0, 0), 0);
	ck_assert_uint_ge(use().bytes, MIB);
	end();
}
END_TEST

START_TEST(folders_nested_too_deep_are_told_and_not_followed)
{
	int fd, next;

	begin();
	fd = openat(base_fd, "s", O_DIRECTORY | O_CLOEXEC);
	for (int i = 1; i < DISK_DEPTH_MAX; i++) {
		ck_assert_int_eq(mkdirat(fd, "d", 0700), 0);
		next = openat(fd, "d", O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	ck_assert(!use().too_deep);
	ck_assert_int_eq(mkdirat(fd, "d", 0700), 0);
	close(fd);
	ck_assert(use().too_deep);
	end();
}
END_TEST

START_TEST(the_machine_keeps_a_gibibyte_and_a_margin)
{
	ck_assert(!disk_is_low(DISK_FREE_BYTES + DISK_MARGIN_BYTES));
	ck_assert(disk_is_low(DISK_FREE_BYTES + DISK_MARGIN_BYTES - 1));
	ck_assert(disk_has_room(DISK_FREE_BYTES + DISK_MARGIN_BYTES + 5, 5));
	ck_assert(!disk_has_room(DISK_FREE_BYTES + DISK_MARGIN_BYTES + 5, 6));
	ck_assert(!disk_has_room(5, 6));
	ck_assert_uint_eq(disk_poll_usec(DISK_NEAR_BYTES), DISK_POLL_USEC);
	ck_assert_uint_eq(disk_poll_usec(DISK_NEAR_BYTES - 1), DISK_POLL_NEAR_USEC);
}
END_TEST

START_TEST(files_are_counted_when_the_disk_got_fuller_and_seldom_else)
{
	struct disk_count last = { .free_bytes = 100 * GIB, .begun_usec = 1000 * USEC_PER_SEC };
	uint64_t at = last.begun_usec, less = last.free_bytes - DISK_COUNT_STEP_BYTES;

	ck_assert(!disk_count_due(&last, at + DISK_COUNT_USEC, last.free_bytes));
	ck_assert(!disk_count_due(&last, at + DISK_COUNT_USEC, less + 1));
	ck_assert(disk_count_due(&last, at + DISK_COUNT_USEC, less));
	ck_assert(!disk_count_due(&last, at + DISK_COUNT_USEC - 1, less));
	ck_assert(disk_count_due(&last, at + DISK_COUNT_ANYWAY_USEC, last.free_bytes));
	/* Room that others made does not hide what is written next. */
	disk_seen(&last, last.free_bytes - 1);
	ck_assert_uint_eq(last.free_bytes, 100 * GIB);
	disk_seen(&last, 200 * GIB);
	ck_assert(disk_count_due(&last, at + DISK_COUNT_USEC, 150 * GIB));
	last.free_bytes = 100 * GIB;
	/* A long count comes less often. */
	last.took_usec = USEC_PER_SEC;
	ck_assert(!disk_count_due(&last, at + DISK_COUNT_SHARE * USEC_PER_SEC - 1, less));
	ck_assert(disk_count_due(&last, at + DISK_COUNT_SHARE * USEC_PER_SEC, less));
	/* Low and still filling: at once. Low but quiet: as often as the count allows. */
	last.free_bytes = DISK_FREE_BYTES;
	ck_assert(disk_count_due(&last, at + 1, DISK_FREE_BYTES - DISK_COUNT_STEP_BYTES));
	ck_assert(!disk_count_due(&last, at + 1, DISK_FREE_BYTES));
}
END_TEST

/* ---- memory ---- */

START_TEST(memory_is_looked_at_more_often_the_fuller_it_is_and_the_faster_it_fills)
{
	const uint64_t max = 1024 * MIB;

	ck_assert_int_eq(
		init_usage_interval_msec(max, 0, max / USAGE_BUSY_SHARE - MIB), USAGE_BUSY_MSEC);
	ck_assert_int_eq(init_usage_interval_msec(max, max / 4, max / 4), USAGE_IDLE_MSEC);
	ck_assert_int_eq(init_usage_interval_msec(max, max / 2, max / 2), USAGE_IDLE_MSEC);
	ck_assert_int_eq(init_usage_interval_msec(max, max / 2, max / 2 + 1), USAGE_BUSY_MSEC);
	ck_assert_int_eq(init_usage_interval_msec(max, 0, max / 16), USAGE_IDLE_MSEC);
	ck_assert_int_eq(init_usage_interval_msec(max, 0, max / 16 + 1), USAGE_BUSY_MSEC);
}
END_TEST

START_TEST(what_this_process_uses_is_seen)
{
	uint64_t before = init_usage_bytes(UINT64_MAX), after;
	/* A compiler may leave out a malloc() of which it sees all uses. */
	void *p = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	after = init_usage_bytes(UINT64_MAX);
	munmap(p, 64 * MIB);
	/* Other processes of the machine come and go meanwhile. */
	ck_assert_uint_gt(before, 0);
	ck_assert_uint_gt(after, 64 * MIB);
}
END_TEST

TEST_MAIN("limits", quantities_read_as_kubernetes_writes_them, a_fraction_is_rounded_up,
	what_is_no_quantity_or_too_large_is_refused,
	limits_come_from_the_spec_and_never_exceed_the_machine,
	what_files_hold_is_counted_once_and_holes_and_links_hold_nothing,
	a_folder_without_rights_hides_nothing, folders_nested_too_deep_are_told_and_not_followed,
	the_machine_keeps_a_gibibyte_and_a_margin,
	files_are_counted_when_the_disk_got_fuller_and_seldom_else,
	memory_is_looked_at_more_often_the_fuller_it_is_and_the_faster_it_fills,
	what_this_process_uses_is_seen)
