#include "local/box_files.h"

typedef Coreweave__Sandbox__V1__FileMount FileMount;

struct placing {
	struct opening opening;
	struct box *b;
	size_t container, file;
	void (*on_done)(struct box *b, const char *path, int error);
};

static void place_next(struct placing *p);

static const FileMount *current(const struct placing *p)
{
	return p->b->sb->spec->containers[p->container]->files[p->file];
}

static void done(struct placing *p, int error)
{
	struct box *b = p->b;
	const char *path = error ? current(p)->path : NULL;
	void (*on_done)(struct box *, const char *, int) = p->on_done;

	free(p);
	/* Its sandbox is gone: nobody is left to tell. */
	if (error != -EPIPE)
		on_done(b, path, error);
}

/* A disk, and at most SPEC_FILES_BYTES_MAX: not worth turns of its own. */
static int write_all(int fd, const ProtobufCBinaryData *content)
{
	size_t at = 0;

	while (at < content->len) {
		ssize_t l = write(fd, content->data + at, content->len - at);

		if (l < 0 && errno != EINTR)
			return -errno;
		at += l > 0 ? (size_t)l : 0;
	}
	return 0;
}

static void on_open(struct opening *o, int error, int fd, uint64_t size _unused_)
{
	struct placing *p = container_of(o, struct placing, opening);
	int r = error ? error : write_all(fd, &current(p)->content);

	close_fd(&fd);
	if (r)
		return done(p, r);
	p->file++;
	place_next(p);
}

static void place_next(struct placing *p)
{
	const Coreweave__Sandbox__V1__SandboxSpec *spec = p->b->sb->spec;
	int r;

	while (p->container < spec->n_containers &&
		p->file >= spec->containers[p->container]->n_files) {
		p->container++;
		p->file = 0;
	}
	if (p->container == spec->n_containers)
		return done(p, 0);
	r = box_open(p->b, current(p)->path, INIT_WRITE | INIT_MAKE_DIRS, &p->opening);
	if (r)
		done(p, r == -EPIPE ? -EIO : r);
}

void box_files_place(struct box *b, void (*on_done)(struct box *b, const char *path, int error))
{
	struct placing *p = calloc(1, sizeof(*p));

	if (!p)
		return on_done(b, "", -ENOMEM);
	p->b = b;
	p->opening.on_done = on_open;
	p->on_done = on_done;
	place_next(p);
}
