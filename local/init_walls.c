#include "local/init_walls.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "common/util.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define NR_MAX 0x3fffffff /* above: the x32 numbers of the same calls */
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define NR_MAX 0x7fffffff
#endif

/* ---- system calls ---- */

#ifdef ARCH

/* None is of use without a capability, or it reaches what is not in any namespace. */
static const int refused[] = {
	SYS_acct,
	SYS_add_key,
	SYS_bpf,
	SYS_delete_module,
	SYS_finit_module,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fsopen,
	SYS_fspick,
	SYS_init_module,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_io_uring_setup,
	SYS_kexec_file_load,
	SYS_kexec_load,
	SYS_keyctl,
	SYS_mount,
	SYS_mount_setattr,
	SYS_move_mount,
	SYS_open_by_handle_at,
	SYS_open_tree,
	SYS_perf_event_open,
	SYS_pivot_root,
	SYS_quotactl,
	SYS_reboot,
	SYS_request_key,
	SYS_setns,
	SYS_swapoff,
	SYS_swapon,
	SYS_syslog,
	SYS_umount2,
	SYS_userfaultfd,
	SYS_vhangup,
};

#define RULES_MAX 128

/* One too many would be left out, and a filter without its end be taken for a kernel without any. */
_Static_assert(2 * ARRAY_SIZE(refused) + 32 <= RULES_MAX, "all rules have room");

struct rules {
	struct sock_filter v[RULES_MAX];
	unsigned short n;
};

static void put(struct rules *r, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (r->n < RULES_MAX)
		r->v[r->n++] = (struct sock_filter){ .code = code, .jt = jt, .jf = jf, .k = k };
}

static void load(struct rules *r, size_t offset)
{
	put(r, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void end(struct rules *r, uint32_t action)
{
	put(r, BPF_RET | BPF_K, action, 0, 0);
}

/* The low half of an argument: on these processors the first in memory. */
static size_t arg(size_t i)
{
	return offsetof(struct seccomp_data, args) + i * sizeof(uint64_t);
}

/* `nr` with these bits in, or this value as, its argument `i` fails with EPERM. */
static void refuse_flag(struct rules *r, int nr, size_t i, uint32_t bits)
{
	put(r, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4);
	load(r, arg(i));
	put(r, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
	end(r, SECCOMP_RET_ERRNO | EPERM);
	end(r, SECCOMP_RET_ALLOW);
}

static void refuse_ioctl(struct rules *r, uint32_t request)
{
	put(r, BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4);
	load(r, arg(1));
	put(r, BPF_JMP | BPF_JEQ | BPF_K, request, 0, 1);
	end(r, SECCOMP_RET_ERRNO | EPERM);
	load(r, offsetof(struct seccomp_data, nr));
}

static void make_rules(struct rules *r)
{
	/* The numbers of another architecture's calls mean other calls. */
	load(r, offsetof(struct seccomp_data, arch));
	put(r, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	end(r, SECCOMP_RET_ERRNO | ENOSYS);
	load(r, offsetof(struct seccomp_data, nr));
	put(r, BPF_JMP | BPF_JGT | BPF_K, NR_MAX, 0, 1);
	end(r, SECCOMP_RET_ERRNO | ENOSYS);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		put(r, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refused[i], 0, 1);
		end(r, SECCOMP_RET_ERRNO | EPERM);
	}
	/* Its flags are in memory; every libc then falls back to clone. */
	put(r, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
	end(r, SECCOMP_RET_ERRNO | ENOSYS);
	refuse_ioctl(r, TIOCSTI);
	refuse_ioctl(r, TIOCLINUX);
	refuse_flag(r, SYS_clone, 0, CLONE_NEWUSER);
	refuse_flag(r, SYS_unshare, 0, CLONE_NEWUSER);
	end(r, SECCOMP_RET_ALLOW);
}

static int refuse_calls(void)
{
	static struct rules r;
	struct sock_fprog prog = { .filter = r.v };

	make_rules(&r);
	prog.len = r.n;
	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0))
		return 0;
	return errno == EINVAL ? 0 : -errno; /* EINVAL: the kernel has none */
}

#else

static int refuse_calls(void)
{
	return 0;
}

#endif

/* ---- abstract sockets: their names know no file system ---- */

/* Of a kernel newer than the headers we build with (Linux 6.12, version 6). */
struct ruleset {
	uint64_t handled_access_fs, handled_access_net, scoped;
};
#define SCOPE_VERSION 6
#define SCOPE_ABSTRACT_UNIX_SOCKET 1u

static int close_abstract(void)
{
	struct ruleset attr = { .scoped = SCOPE_ABSTRACT_UNIX_SOCKET };
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	_cleanup_(closep) int fd = -1;

	if (version < SCOPE_VERSION)
		return 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -errno;
	return 0;
}

int init_walls(void)
{
	int r = close_abstract();

	return r ? r : refuse_calls();
}
