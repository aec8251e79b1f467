#include "local/pack_links.h"

#include <string.h>

#include "local/pack.h"

#define BUCKETS 4096

struct pack_link {
	struct pack_link *next;
	dev_t dev;
	ino_t ino;
	char path[];
};

static struct pack_link **bucket_of(const struct pack_links *l, ino_t ino)
{
	return &l->buckets[(ino * UINT64_C(11400714819323198485)) >> 52];
}

int pack_links_see(
	struct pack_links *l, dev_t dev, ino_t ino, const char *path, const char **ret_first)
{
	size_t n = strlen(path) + 1;
	struct pack_link *k, **b;

	if (!l->buckets) {
		l->buckets = calloc(BUCKETS, sizeof(*l->buckets));
		if (!l->buckets)
			return -ENOMEM;
	}
	b = bucket_of(l, ino);
	for (k = *b; k; k = k->next)
		if (k->ino == ino && k->dev == dev) {
			*ret_first = k->path;
			return 0;
		}
	if (l->bytes + sizeof(*k) + n > PACK_LINKS_BYTES_MAX)
		return -E2BIG;
	k = malloc(sizeof(*k) + n);
	if (!k)
		return -ENOMEM;
	k->dev = dev;
	k->ino = ino;
	memcpy(k->path, path, n);
	k->next = *b;
	*b = k;
	l->bytes += sizeof(*k) + n;
	*ret_first = NULL;
	return 0;
}

void pack_links_done(struct pack_links *l)
{
	for (size_t i = 0; l->buckets && i < BUCKETS; i++)
		while (l->buckets[i]) {
			struct pack_link *k = l->buckets[i];

			l->buckets[i] = k->next;
			free(k);
		}
	free(l->buckets);
	*l = (struct pack_links){ 0 };
}
