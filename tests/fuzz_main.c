/*
 * The main() of a fuzzer built without libFuzzer: replays files, or all files of folders, given as
 * arguments; without arguments those of the folder named after the program (fuzz_NAME: corpus/NAME,
 * beside the sources).
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t n_replayed;

static int replay_fd(int fd, size_t size)
{
	/* exactly the file's size, so that a sanitizer sees a read past the end */
	_cleanup_(freep) uint8_t *data = malloc(size ? size : 1);
	size_t n = 0;

	if (!data)
		return -ENOMEM;
	while (n < size) {
		ssize_t l = read(fd, data + n, size - n);

		if (l <= 0)
			return l < 0 ? -errno : -EIO;
		n += (size_t)l;
	}
	LLVMFuzzerTestOneInput(data, n);
	n_replayed++;
	return 0;
}

static int replay_dir(int dir_fd);

static int replay_at(int dir_fd, const char *name)
{
	_cleanup_(closep) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? replay_dir(fd) : replay_fd(fd, (size_t)st.st_size);
}

static int replay_dir(int dir_fd)
{
	DIR *dir = fdopendir(dup(dir_fd));
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	for (entry = readdir(dir); entry && !r; entry = readdir(dir))
		if (entry->d_name[0] != '.')
			r = replay_at(dir_fd, entry->d_name);
	closedir(dir);
	return r;
}

static int replay(const char *path)
{
	int r = replay_at(AT_FDCWD, path);

	if (r)
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
	return r;
}

static int replay_own(const char *program)
{
	const char *src = getenv("srcdir"); /* set by make check */
	const char *name = strstr(program, "fuzz_");
	char path[512];

	if (!name) {
		fprintf(stderr, "usage: %s FILE|DIR...\n", program);
		return -EINVAL;
	}
	for (const char *next = name; next; next = strstr(next + 1, "fuzz_"))
		name = next;
	snprintf(path, sizeof(path), "%s/tests/corpus/%s", src ? src : ".", name + strlen("fuzz_"));
	return replay(path);
}

int main(int argc, char **argv)
{
	int r = 0;

	for (int i = 1; i < argc && !r; i++)
		r = replay(argv[i]);
	if (argc == 1)
		r = replay_own(argv[0]);
	printf("%zu inputs replayed\n", n_replayed);
	return r || n_replayed == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
