#include "local/init_image.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "common/util.h"
#include "local/init.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* clang-format off */
__asm__(".section .rodata\n"
	".global init_image_begin\n"
	".global init_image_end\n"
	"init_image_begin:\n"
	".incbin \"" INIT_IMAGE "\"\n"
	"init_image_end:\n"
	".byte 0\n"
	".previous\n");
/* clang-format on */

extern const char init_image_begin[], init_image_end[];

static int write_all(int fd, const char *at, const char *end)
{
	while (at < end) {
		ssize_t l = write(fd, at, (size_t)(end - at));

		if (l < 0 && errno != EINTR)
			return -errno;
		at += l > 0 ? l : 0;
	}
	return 0;
}

int init_image_open(int *ret_fd)
{
	_cleanup_(closep) int fd = memfd_create(INIT_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char path[32];
	int r = fd < 0 ? -errno : write_all(fd, init_image_begin, init_image_end);

	if (r)
		return r;
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	/* What is open for writing cannot be executed. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = open(path, O_RDONLY | O_CLOEXEC);
	if (r < 0)
		return -errno;
	*ret_fd = r;
	return 0;
}
