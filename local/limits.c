#include "local/limits.h"

#include <ctype.h>
#include <string.h>

#define MILLI 1000
#define EXPONENT_MAX 18

typedef Coreweave__Sandbox__V1__SandboxSpec Spec;
typedef Coreweave__Sandbox__V1__Container Container;
typedef Coreweave__Sandbox__V1__Resources Resources;

/* ---- quantities ---- */

static const struct suffix {
	const char *text;
	uint64_t num, den;
} suffixes[] = {
	{ "", 1, 1 },
	{ "n", 1, 1000000000 },
	{ "u", 1, 1000000 },
	{ "m", 1, 1000 },
	{ "k", 1000, 1 },
	{ "M", 1000000, 1 },
	{ "G", 1000000000, 1 },
	{ "T", 1000000000000, 1 },
	{ "P", 1000000000000000, 1 },
	{ "E", 1000000000000000000, 1 },
	{ "Ki", (uint64_t)1 << 10, 1 },
	{ "Mi", (uint64_t)1 << 20, 1 },
	{ "Gi", (uint64_t)1 << 30, 1 },
	{ "Ti", (uint64_t)1 << 40, 1 },
	{ "Pi", (uint64_t)1 << 50, 1 },
	{ "Ei", (uint64_t)1 << 60, 1 },
};

/* A number as value / scale; false when it has too many digits to be one of ours. */
struct number {
	uint64_t value, scale;
};

static bool add_digit(struct number *n, char digit, bool fraction)
{
	if (__builtin_mul_overflow(n->value, 10, &n->value) ||
		__builtin_add_overflow(n->value, (uint64_t)(digit - '0'), &n->value))
		return false;
	return !fraction || !__builtin_mul_overflow(n->scale, 10, &n->scale);
}

static int read_number(const char **p, struct number *ret)
{
	bool fraction = false, any = false;

	*ret = (struct number){ 0, 1 };
	for (;; ++*p) {
		if (**p == '.' && !fraction) {
			fraction = true;
			continue;
		}
		if (!isdigit((unsigned char)**p))
			return any ? 0 : -EINVAL;
		any = true;
		if (!add_digit(ret, **p, fraction))
			return -ERANGE;
	}
}

/* "e3", "E-2": an exponent instead of a suffix. */
static bool read_exponent(const char *p, struct suffix *ret)
{
	bool down = p[1] == '-';
	unsigned n = 0;
	uint64_t power = 1;

	if ((*p != 'e' && *p != 'E') || !p[1])
		return false;
	p += 1 + (down || p[1] == '+');
	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p) && n <= EXPONENT_MAX; p++)
		n = n * 10 + (unsigned)(*p - '0');
	if (*p || n > EXPONENT_MAX)
		return false;
	while (n--)
		power *= 10;
	ret->num = down ? 1 : power;
	ret->den = down ? power : 1;
	return true;
}

static bool read_suffix(const char *p, struct suffix *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (!strcmp(p, suffixes[i].text)) {
			*ret = suffixes[i];
			return true;
		}
	return read_exponent(p, ret);
}

/* In parts of 1 / `parts`, rounded up. */
static int read_quantity(const char *text, unsigned parts, uint64_t *ret)
{
	unsigned __int128 v, den;
	struct suffix s;
	struct number n;
	int r = read_number(&text, &n);

	if (r)
		return r;
	if (!read_suffix(text, &s))
		return -EINVAL;
	if (n.value && s.num > UINT64_MAX / n.value) /* then the rest fits 128 bits */
		return -ERANGE;
	den = (unsigned __int128)n.scale * s.den;
	v = ((unsigned __int128)n.value * s.num * parts + den - 1) / den;
	if (v > UINT64_MAX)
		return -ERANGE;
	*ret = (uint64_t)v;
	return 0;
}

int limits_quantity(const char *text, uint64_t *ret_milli)
{
	return read_quantity(text, MILLI, ret_milli);
}

int limits_bytes(const char *text, uint64_t *ret)
{
	uint64_t bytes;
	int r = read_quantity(text, 1, &bytes);

	if (r || !bytes)
		return r ? r : -EINVAL;
	*ret = bytes;
	return 0;
}

/* ---- a sandbox's ---- */

/* What says it best: the limits, else the plain resources. */
static const Resources *limits_in(const Container *c)
{
	return c->resource_requirements && c->resource_requirements->limits
		       ? c->resource_requirements->limits
		       : c->resources;
}

static uint64_t add_up(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* False when it has none: then the sum has none either. */
static bool add_memory(const Resources *r, uint64_t *sum)
{
	uint64_t bytes;

	if (!r || !*r->memory || limits_bytes(r->memory, &bytes))
		return false;
	*sum = add_up(*sum, bytes);
	return true;
}

static bool add_cpu(const Resources *r, uint64_t *sum)
{
	uint64_t milli;

	if (!r || !*r->cpu || limits_quantity(r->cpu, &milli) || !milli)
		return false;
	*sum = add_up(*sum, milli);
	return true;
}

void limits_of(const Spec *spec, uint64_t machine_memory_bytes, struct limits *ret)
{
	uint64_t memory = 0, cpu = 0;
	bool has_memory = spec->n_containers > 0, has_cpu = spec->n_containers > 0;

	for (size_t i = 0; i < spec->n_containers; i++) {
		has_memory &= add_memory(limits_in(spec->containers[i]), &memory);
		has_cpu &= add_cpu(limits_in(spec->containers[i]), &cpu);
	}
	*ret = (struct limits){
		.memory_bytes = has_memory ? min_u64(memory, machine_memory_bytes)
					   : machine_memory_bytes / LIMITS_MEMORY_SHARE,
		.disk_bytes = LIMITS_DISK_BYTES,
		.files = LIMITS_FILES,
		.cpu_milli = has_cpu ? cpu : 0,
	};
	if (ret->memory_bytes < LIMITS_MEMORY_MIN_BYTES)
		ret->memory_bytes = LIMITS_MEMORY_MIN_BYTES;
}

uint64_t limits_requested_bytes(const Spec *spec)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < spec->n_containers; i++) {
		const Container *c = spec->containers[i];

		if (c->resource_requirements && c->resource_requirements->requests)
			add_memory(c->resource_requirements->requests, &sum);
		else
			add_memory(c->resources, &sum);
	}
	return sum;
}
