#include "local/init_usage.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define TEXT_MAX 8192
#define KIB 1024

static bool read_text(int at, const char *pid, const char *name, char text[TEXT_MAX])
{
	char path[64];
	_cleanup_(closep) int fd = -1;
	size_t n = 0;
	ssize_t l = 1;

	snprintf(path, sizeof(path), "%.16s/%s", pid, name);
	fd = openat(at, path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && l > 0 && n < TEXT_MAX - 1) {
		l = read(fd, text + n, TEXT_MAX - 1 - n);
		n += l > 0 ? (size_t)l : 0;
	}
	text[n] = 0;
	return n > 0;
}

struct usage {
	uint64_t anonymous, shared;
};

/* One field of lines "Name:   123 kB", in bytes. */
static uint64_t field(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (!strncmp(text, name, n) && text[n] == ':')
			return strtoull(text + n + 1, NULL, 10) * KIB;
	}
	return 0;
}

/* Pages that several processes share count for each. */
static void add_upper_bound(int at, const char *pid, struct usage *sum)
{
	char text[TEXT_MAX];

	if (!read_text(at, pid, "status", text))
		return;
	sum->anonymous += field(text, "RssAnon") + field(text, "VmSwap");
	sum->shared += field(text, "RssShmem");
}

/* They count once over all; a process that does not let us look counts in full. */
static void add_exact(int at, const char *pid, struct usage *sum)
{
	char text[TEXT_MAX];

	if (!read_text(at, pid, "smaps_rollup", text))
		return add_upper_bound(at, pid, sum);
	sum->anonymous += field(text, "Pss_Anon") + field(text, "SwapPss");
	sum->shared += field(text, "Pss_Shmem");
}

static struct usage add_processes(void (*add)(int at, const char *pid, struct usage *sum))
{
	DIR *proc = opendir("/proc");
	struct usage sum = { 0 };
	struct dirent *d;

	if (!proc)
		return sum;
	while ((d = readdir(proc)) != NULL)
		if (isdigit((unsigned char)d->d_name[0]) && strcmp(d->d_name, "1"))
			add(dirfd(proc), d->d_name, &sum);
	closedir(proc);
	return sum;
}

/* /proc/sysvipc/shm: a line of names, then one a segment; the column `rss` is its bytes. */
static uint64_t segments(void)
{
	FILE *f = fopen("/proc/sysvipc/shm", "re");
	char line[512];
	uint64_t sum = 0;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		unsigned long long rss = 0, swap = 0;

		if (sscanf(line,
			    "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu "
			    "%llu",
			    &rss, &swap) == 2)
			sum += rss + swap;
	}
	fclose(f);
	return sum;
}

static uint64_t shared_files(void)
{
	struct statvfs fs;

	return statvfs("/dev/shm", &fs) < 0 ? 0 : (fs.f_blocks - fs.f_bfree) * fs.f_frsize;
}

/* Shared memory is there whether a process maps it or not. */
static uint64_t total(struct usage u, uint64_t unmapped)
{
	return u.anonymous + (u.shared > unmapped ? u.shared : unmapped);
}

uint64_t init_usage_bytes(uint64_t limit)
{
	uint64_t unmapped = segments() + shared_files();
	uint64_t bytes = total(add_processes(add_upper_bound), unmapped);

	return bytes > limit ? total(add_processes(add_exact), unmapped) : bytes;
}

int init_usage_interval_msec(uint64_t limit, uint64_t before, uint64_t now)
{
	bool growing = now > before && now - before > limit / USAGE_GROWTH_SHARE;

	return growing || now > limit / USAGE_BUSY_SHARE ? USAGE_BUSY_MSEC : USAGE_IDLE_MSEC;
}
