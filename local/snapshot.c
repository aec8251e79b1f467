#include "local/snapshot.h"

#include <stdio.h>
#include <string.h>

#define S(name) COREWEAVE__SANDBOX__V1__SNAPSHOT_STATE__SNAPSHOT_STATE_##name

/* ---- a record ---- */

static int set_text(char **field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	if (*field != (char *)protobuf_c_empty_string)
		free(*field);
	*field = copy;
	return 0;
}

static int set_time(Google__Protobuf__Timestamp **field, uint64_t wall_usec)
{
	if (!*field) {
		*field = malloc(sizeof(**field));
		if (!*field)
			return -ENOMEM;
		google__protobuf__timestamp__init(*field);
	}
	(*field)->seconds = (int64_t)(wall_usec / USEC_PER_SEC);
	(*field)->nanos = (int32_t)(wall_usec % USEC_PER_SEC) * 1000;
	return 0;
}

static bool is_unfinished(const struct snapshot *sn)
{
	return sn->m->state == S(CREATING);
}

static void snapshot_free(struct snapshot *sn)
{
	coreweave__sandbox__v1__file_system_snapshot__free_unpacked(sn->m, NULL);
	free(sn);
}

static int fill(SnapshotRecord *m, const struct snapshot_new *what, uint64_t wall_usec)
{
	int r = set_text(&m->file_system_snapshot_id, what->id);

	r = r ? r : set_text(&m->source_sandbox_id, what->sandbox_id);
	r = r ? r : set_text(&m->source_volume_name, what->volume);
	r = r ? r : set_text(&m->request_id, what->request_id);
	r = r ? r : set_time(&m->create_time, wall_usec);
	r = r ? r : set_time(&m->updated_at, wall_usec);
	m->trigger = what->trigger;
	m->state = S(CREATING);
	return r;
}

/* ---- the set ---- */

void snapshots_init(struct snapshots *set)
{
	*set = (struct snapshots){ .next_seq = 1 };
	list_init(&set->all);
}

void snapshots_done(struct snapshots *set)
{
	struct snapshot *sn;

	while ((sn = list_first(&set->all, struct snapshot, link)) != NULL)
		snapshot_forget(set, sn);
}

int snapshots_room(const struct snapshots *set, size_t n)
{
	if (set->n_unfinished + n > SNAPSHOTS_UNFINISHED_MAX)
		return SNAPSHOT_E_BUSY;
	if (set->n + n > SNAPSHOTS_MAX)
		return SNAPSHOT_E_FULL;
	return set->bytes >= SNAPSHOTS_BYTES_MAX ? SNAPSHOT_E_BYTES : 0;
}

static void enlist(struct snapshots *set, struct snapshot *sn)
{
	sn->seq = set->next_seq++;
	list_init(&sn->job.link);
	list_append(&set->all, &sn->link);
	set->n++;
	set->n_unfinished += is_unfinished(sn);
	set->bytes += (uint64_t)sn->m->size_bytes;
}

int snapshot_add(struct snapshots *set, const struct snapshot_new *what, uint64_t wall_usec,
	struct snapshot **ret)
{
	struct snapshot *sn = calloc(1, sizeof(*sn));
	SnapshotRecord *m = malloc(sizeof(*m));
	int r;

	if (!sn || !m) {
		free(sn);
		free(m);
		return -ENOMEM;
	}
	coreweave__sandbox__v1__file_system_snapshot__init(m);
	sn->m = m;
	r = fill(m, what, wall_usec);
	if (r) {
		snapshot_free(sn);
		return r;
	}
	enlist(set, sn);
	*ret = sn;
	return 0;
}

static bool makes_sense(const SnapshotRecord *m, const char *id)
{
	return !strcmp(m->file_system_snapshot_id, id) && m->create_time && m->updated_at &&
	       m->state >= S(CREATING) && m->state <= S(DELETING) && m->size_bytes >= 0 &&
	       (uint64_t)m->size_bytes <= SNAPSHOTS_BYTES_MAX;
}

int snapshot_adopt(struct snapshots *set, SnapshotRecord *m, const char *id, struct snapshot **ret)
{
	struct snapshot *sn;

	if (!makes_sense(m, id))
		return -EBADMSG;
	sn = calloc(1, sizeof(*sn));
	if (!sn)
		return -ENOMEM;
	sn->m = m;
	enlist(set, sn);
	*ret = sn;
	return 0;
}

static uint64_t created(const struct snapshot *sn)
{
	const Google__Protobuf__Timestamp *t = sn->m->create_time;

	return (uint64_t)t->seconds * USEC_PER_SEC + (uint64_t)t->nanos / 1000;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = created(*(struct snapshot *const *)a),
		 y = created(*(struct snapshot *const *)b);

	return x < y ? -1 : x > y;
}

/* At the start, in whatever order the folder gave them. */
void snapshots_sort(struct snapshots *set)
{
	_cleanup_(freep) struct snapshot **v = calloc(set->n + 1, sizeof(struct snapshot *));
	struct snapshot *sn;
	size_t n = 0;

	if (!v)
		return;
	while ((sn = list_first(&set->all, struct snapshot, link)) != NULL) {
		list_unlink(&sn->link);
		v[n++] = sn;
	}
	qsort(v, n, sizeof(struct snapshot *), compare);
	for (size_t i = 0; i < n; i++) {
		v[i]->seq = set->next_seq++;
		list_append(&set->all, &v[i]->link);
	}
}

void snapshot_forget(struct snapshots *set, struct snapshot *sn)
{
	set->n--;
	set->n_unfinished -= is_unfinished(sn);
	set->bytes -= (uint64_t)sn->m->size_bytes;
	list_unlink(&sn->link);
	snapshot_free(sn);
}

/* ---- finding ---- */

struct snapshot *snapshot_find(struct snapshots *set, const char *id)
{
	struct snapshot *sn;

	list_for_each(sn, &set->all, link) {
		if (!strcmp(sn->m->file_system_snapshot_id, id))
			return sn;
	}
	return NULL;
}

static bool is_of(const struct snapshot *sn, const struct snapshot_new *what)
{
	return sn->m->trigger == what->trigger &&
	       !strcmp(sn->m->source_sandbox_id, what->sandbox_id);
}

/* The end of a sandbox with several volumes makes several of them by one request. */
int snapshot_find_request(
	struct snapshots *set, const struct snapshot_new *what, struct snapshot **ret)
{
	bool many = what->trigger ==
		    COREWEAVE__SANDBOX__V1__SNAPSHOT_TRIGGER__SNAPSHOT_TRIGGER_ON_DELETE;
	struct snapshot *sn;
	int r = 0;

	*ret = NULL;
	if (!*what->request_id)
		return 0;
	list_for_each(sn, &set->all, link) {
		bool same_volume = !strcmp(sn->m->source_volume_name, what->volume);

		if (sn->m->state == S(DELETING) || strcmp(sn->m->request_id, what->request_id))
			continue;
		if (is_of(sn, what) && same_volume) {
			*ret = sn;
			return 0;
		}
		if (!is_of(sn, what) || !many)
			r = SNAPSHOT_E_CONFLICT;
	}
	return r;
}

struct snapshot *snapshot_oldest_failed(struct snapshots *set)
{
	struct snapshot *sn;

	list_for_each(sn, &set->all, link) {
		if (sn->m->state == S(FAILED) && !sn->work)
			return sn;
	}
	return NULL;
}

struct snapshot *snapshot_unfinished(struct snapshots *set, const char *sandbox_id)
{
	struct snapshot *sn;

	list_for_each(sn, &set->all, link) {
		if (is_unfinished(sn) && !strcmp(sn->m->source_sandbox_id, sandbox_id))
			return sn;
	}
	return NULL;
}

/* ---- states ---- */

static void enter(struct snapshots *set, struct snapshot *sn,
	Coreweave__Sandbox__V1__SnapshotState state, uint64_t wall_usec)
{
	set->n_unfinished -= is_unfinished(sn);
	sn->m->state = state;
	set->n_unfinished += is_unfinished(sn);
	set_time(&sn->m->updated_at, wall_usec); /* it is there: nothing to allocate */
}

void snapshot_ready(struct snapshots *set, struct snapshot *sn, uint64_t bytes, uint64_t wall_usec)
{
	set->bytes += bytes - (uint64_t)sn->m->size_bytes;
	sn->m->size_bytes = (int64_t)bytes;
	set_time(&sn->m->complete_time, wall_usec);
	enter(set, sn, S(READY), wall_usec);
}

void snapshot_failed(
	struct snapshots *set, struct snapshot *sn, const char *reason, uint64_t wall_usec)
{
	set->bytes -= (uint64_t)sn->m->size_bytes;
	sn->m->size_bytes = 0;
	set_text(&sn->m->state_reason, reason);
	set_time(&sn->m->complete_time, wall_usec);
	enter(set, sn, S(FAILED), wall_usec);
}

void snapshot_deleting(struct snapshots *set, struct snapshot *sn, uint64_t wall_usec)
{
	enter(set, sn, S(DELETING), wall_usec);
}

void snapshot_explain(const struct job_report *report, char *text, size_t n)
{
	static const struct {
		int error;
		const char *text;
	} words[] = {
		{ EFBIG, "it has more than 8 GiB, or a file of more than 1 TiB" },
		{ E2BIG, "it has too many files, names too long, or folders nested too deep" },
		{ ENOSPC, "the disk is full (1 GiB is kept free)" },
		{ EDQUOT, "the disk is full" },
		{ EBADMSG, "the archive is damaged" },
		{ ETIMEDOUT, "it took longer than 10 minutes" },
		{ ECANCELED, "it was given up" },
	};
	const char *what = strerror(-report->error);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].error == -report->error)
			what = words[i].text;
	snprintf(text, n, "%s%s%s", what, *report->why ? ": " : "", report->why);
}

/* ---- listing ---- */

size_t snapshots_list(const struct snapshots *set, const char *source, uint64_t after,
	struct snapshot **ret, size_t max, bool *ret_more)
{
	size_t n = 0;

	*ret_more = false;
	for (const struct list *at = set->all.prev; at != &set->all; at = at->prev) {
		struct snapshot *sn = container_of(at, struct snapshot, link);

		if ((after && sn->seq >= after) ||
			(*source && strcmp(sn->m->source_sandbox_id, source)))
			continue;
		if (n == max) {
			*ret_more = true;
			break;
		}
		ret[n++] = sn;
	}
	return n;
}
