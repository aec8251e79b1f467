#include "daemon/secret.h"

#include <openssl/crypto.h>
#include <string.h>
#include <sys/mman.h>

struct secret {
	size_t mapped; /* bytes of this mapping */
	size_t n;
	bool locked;
	char text[];
};

int secret_new(struct secret **ret, const char *text, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t mapped = (sizeof(struct secret) + n + 1 + page - 1) / page * page;
	struct secret *s;

	if (n > SECRET_MAX)
		return -E2BIG;
	s = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return -ENOMEM;
	madvise(s, mapped, MADV_DONTDUMP);
	madvise(s, mapped, MADV_DONTFORK);
	s->locked = mlock(s, mapped) == 0;
	s->mapped = mapped;
	s->n = n;
	memcpy(s->text, text, n);
	s->text[n] = '\0';
	*ret = s;
	return 0;
}

struct secret *secret_free(struct secret *s)
{
	if (s) {
		size_t mapped = s->mapped;

		explicit_bzero(s, mapped);
		munmap(s, mapped);
	}
	return NULL;
}

const char *secret_text(const struct secret *s)
{
	return s ? s->text : "";
}

size_t secret_length(const struct secret *s)
{
	return s ? s->n : 0;
}

bool secret_is_locked(const struct secret *s)
{
	return !s || s->locked;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	if (!a || !b)
		return a == b;
	return a->n == b->n && CRYPTO_memcmp(a->text, b->text, a->n) == 0;
}
