#include "local/pack_names.h"

#include <string.h>

#include "local/pack.h"

static int compare(const void *a, const void *b, void *text)
{
	return strcmp((char *)text + *(const size_t *)a, (char *)text + *(const size_t *)b);
}

/* Room for n more of `size` bytes each. */
static int reserve(void **data, size_t *cap, size_t used, size_t n, size_t size)
{
	size_t want = *cap ? *cap : 1024;
	void *grown;

	if (used + n <= *cap)
		return 0;
	while (want < used + n)
		want *= 2;
	grown = reallocarray(*data, want, size);
	if (!grown)
		return -ENOMEM;
	*data = grown;
	*cap = want;
	return 0;
}

static int add(struct pack_names *names, const char *name)
{
	size_t n = strlen(name) + 1;
	int r;

	if (names->text_n + n + (names->n + 1) * sizeof(*names->at) > PACK_NAMES_BYTES_MAX)
		return -E2BIG;
	r = reserve((void **)&names->text, &names->text_cap, names->text_n, n, 1);
	r = r ? r : reserve((void **)&names->at, &names->cap, names->n, 1, sizeof(*names->at));
	if (r)
		return r;
	memcpy(names->text + names->text_n, name, n);
	names->at[names->n++] = names->text_n;
	names->text_n += n;
	return 0;
}

static void sort(struct pack_names *names, size_t from)
{
	size_t *at = names->at, to = from;

	if (names->n == from)
		return;
	qsort_r(at + from, names->n - from, sizeof(*at), compare, names->text);
	for (size_t i = from + 1; i < names->n; i++)
		if (compare(&at[to], &at[i], names->text))
			at[++to] = at[i];
	names->n = to + 1;
}

int pack_names_read(struct pack_names *names, struct pack_names_part *part, DIR *dir)
{
	struct dirent *d;
	int r = 0;

	*part = (struct pack_names_part){ names->text_n, names->n, names->n };
	while (!r) {
		errno = 0;
		d = readdir(dir);
		if (!d)
			break;
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			r = add(names, d->d_name);
	}
	if (!r && errno)
		r = -errno;
	if (!r)
		sort(names, part->n);
	return r;
}

const char *pack_names_next(struct pack_names *names, struct pack_names_part *part)
{
	return part->next < names->n ? names->text + names->at[part->next++] : NULL;
}

void pack_names_drop(struct pack_names *names, const struct pack_names_part *part)
{
	names->text_n = part->text_n;
	names->n = part->n;
}

void pack_names_done(struct pack_names *names)
{
	free(names->text);
	free(names->at);
	*names = (struct pack_names){ 0 };
}
