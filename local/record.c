#include "local/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/paths.h"
#include "cwsandbox/record.pb-c.h"
#include "local/view.h"

#define RECORD_BYTES_MAX ((size_t)8 * 1024 * 1024) /* a request's bound, and what comes with it */

typedef Cwsandbox__SandboxRecord Record;

/* ---- writing ---- */

static int write_record(const struct sandbox *sb, void *arg)
{
	const struct records *rs = arg;
	Record m = CWSANDBOX__SANDBOX_RECORD__INIT;
	_cleanup_(freep) uint8_t *data = NULL;
	struct view v;
	size_t n;

	view_sandbox(&v, sb);
	m.sandbox = &v.sandbox;
	m.request_id = sb->request_id;
	m.request_hash = sb->request_hash;
	m.seq = sb->seq;
	n = cwsandbox__sandbox_record__get_packed_size(&m);
	data = malloc(n);
	if (!data)
		return -ENOMEM;
	cwsandbox__sandbox_record__pack(&m, data);
	return paths_replace_file(rs->state->records_fd, sb->id, data, n);
}

static void remove_record(const struct sandbox *sb, void *arg)
{
	const struct records *rs = arg;

	unlinkat(rs->state->records_fd, sb->id, 0);
}

void records_init(struct records *rs, struct boxes *boxes, const struct state *state)
{
	*rs = (struct records){ .boxes = boxes, .state = state };
	boxes->reg.logs_fd = state->logs_fd;
	boxes->reg.changed = write_record;
	boxes->reg.forgotten = remove_record;
	boxes->reg.arg = rs;
}

/* ---- reading ---- */

static bool makes_sense(const Record *m, const char *id)
{
	struct grpc_status st = { 0 };
	bool ok = m->sandbox && m->sandbox->spec && m->sandbox->status && m->seq &&
		  !strcmp(m->sandbox->sandbox_id, id) && strlen(id) < SANDBOX_ID_BYTES;

	ok = ok && !spec_check(m->sandbox->spec, &st);
	grpc_status_done(&st);
	return ok;
}

static int adopt(struct records *rs, Record *m, const char *id)
{
	const struct sandbox_known known = {
		.what = { .id = id,
			.spec = m->sandbox->spec,
			.display_name = m->sandbox->display_name,
			.request_id = m->request_id,
			.request_hash = m->request_hash },
		.seq = m->seq,
		.status = m->sandbox->status,
	};
	struct sandbox *sb;
	int r = registry_adopt(&rs->boxes->reg, &known, &rs->boxes->loop->clock, &sb);

	if (!r)
		m->sandbox->spec = NULL; /* the sandbox's now */
	return r;
}

static void load_one(struct records *rs, const char *id)
{
	_cleanup_(freep) char *data = NULL;
	Record *m = NULL;
	size_t n = 0;
	int r = paths_read_file(rs->state->records_fd, id, RECORD_BYTES_MAX, &data, &n);

	if (!r)
		m = cwsandbox__sandbox_record__unpack(NULL, n, (const uint8_t *)data);
	r = m && makes_sense(m, id) ? adopt(rs, m, id) : -EBADMSG;
	if (m)
		cwsandbox__sandbox_record__free_unpacked(m, NULL);
	if (!r)
		return;
	fprintf(stderr, "cwsandbox-local: a record of a sandbox is damaged and removed\n");
	unlinkat(rs->state->records_fd, id, 0);
}

static void for_each_file(
	int dir_fd, void (*fn)(struct records *rs, const char *name), struct records *rs)
{
	int fd = openat(dir_fd, ".", O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			fn(rs, d->d_name);
	if (dir)
		closedir(dir);
	else
		close_fd(&fd);
}

/* A log is called ID.CONTAINER. */
static struct log *find_log(struct records *rs, char *name)
{
	char *dot = strrchr(name, '.');
	struct sandbox *sb;
	size_t i;

	if (!dot || strspn(dot + 1, "0123456789") != strlen(dot + 1))
		return NULL;
	*dot = 0;
	sb = registry_find(&rs->boxes->reg, name);
	i = strtoul(dot + 1, NULL, 10);
	return sb && i < sb->n_containers ? &sb->containers[i].log : NULL;
}

static void adopt_log(struct records *rs, const char *file)
{
	char name[LOG_NAME_BYTES];
	uint64_t start;
	struct log *log = log_parse_name(file, name, &start) ? NULL : find_log(rs, name);

	if (log)
		log_adopt(log, start);
	else
		unlinkat(rs->state->logs_fd, file, 0);
}

/* One that never ran starts from nothing: what was made for it gets out of the way, to be
 * removed. */
static void set_aside(const struct records *rs, const struct sandbox *sb)
{
	char name[SANDBOX_ID_BYTES + 8];

	snprintf(name, sizeof(name), ".old-%s", sb->id);
	renameat(rs->state->boxes_fd, sb->id, rs->state->boxes_fd, name);
}

void records_load(struct records *rs)
{
	struct sandbox *sb;

	for_each_file(rs->state->records_fd, load_one, rs);
	registry_sort(&rs->boxes->reg);
	for_each_file(rs->state->logs_fd, adopt_log, rs);
	list_for_each(sb, &rs->boxes->reg.all, link) {
		if (!sandbox_ended(sb) && !sb->kept)
			set_aside(rs, sb);
	}
}

/* ---- going on ---- */

bool records_keep(const struct records *rs, const char *id)
{
	const struct sandbox *sb = registry_find(&rs->boxes->reg, id);

	return sb && sb->kept && !sandbox_ended(sb);
}

void records_start(struct records *rs)
{
	struct sandbox *sb;

	list_for_each(sb, &rs->boxes->reg.all, link) {
		if (!sandbox_ended(sb))
			box_start(rs->boxes, sb);
	}
}
