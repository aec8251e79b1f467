/*
 * util - the few macros and inline helpers every layer may use
 *
 * Errors: 0 done; > 0 an outcome named in the callee's header; < 0 is -errno.
 *         err_fold() marks the place where an outcome a caller did not handle becomes an error.
 */
#ifndef COMMON_UTIL_H
#define COMMON_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _nonnull_ __attribute__((nonnull))
#define _unused_ __attribute__((unused))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Through void *: the alignment is the object's, whatever clang thinks of a char pointer. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Hands the value of a cleanup variable over: the variable no longer owns it. */
#define TAKE(p)                              \
	({                                   \
		__typeof__(p) _take_p = (p); \
		(p) = NULL;                  \
		_take_p;                     \
	})

/* Defines the `_cleanup_` form `FNp` of a destructor of a pointer type. */
#define DEFINE_CLEANUP(type, fn)                   \
	static inline void fn##p(type *_cleanup_p) \
	{                                          \
		if (*_cleanup_p)                   \
			fn(*_cleanup_p);           \
	}

#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MSEC UINT64_C(1000)

/* Folds an outcome nobody handled into an error; errors pass unchanged. */
static inline int err_fold(int r)
{
	return r > 0 ? -ENOTRECOVERABLE : r;
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline bool size_add(size_t a, size_t b, size_t *ret_sum)
{
	return !__builtin_add_overflow(a, b, ret_sum);
}

static inline bool size_mul(size_t a, size_t b, size_t *ret_product)
{
	return !__builtin_mul_overflow(a, b, ret_product);
}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Closes *fd if it is open, keeps errno, and leaves -1. */
static inline void close_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

#endif
