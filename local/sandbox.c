#include "local/sandbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "local/spec.h"

#define S(name) COREWEAVE__SANDBOX__V1__STATE__STATE_##name
#define STATES 10

/* row: where we are; column: what happened; a hole: it cannot happen here */
static const Coreweave__Sandbox__V1__State next_state[STATES][_SANDBOX_EVENT_N] = {
	[S(PENDING)] = { [SANDBOX_EV_LAUNCHED] = S(CREATING),
		[SANDBOX_EV_FAIL] = S(FAILED),
		[SANDBOX_EV_STOP] = S(TERMINATING) },
	[S(CREATING)] = { [SANDBOX_EV_UP] = S(RUNNING),
		[SANDBOX_EV_FAIL] = S(FAILED),
		[SANDBOX_EV_STOP] = S(TERMINATING) },
	[S(RUNNING)] = { [SANDBOX_EV_OK] = S(COMPLETED),
		[SANDBOX_EV_FAIL] = S(FAILED),
		[SANDBOX_EV_STOP] = S(TERMINATING) },
	[S(TERMINATING)] = { [SANDBOX_EV_GONE] = S(TERMINATED) },
};

static const char *const state_names[STATES] = {
	[S(UNSPECIFIED)] = "unspecified",
	[S(CREATING)] = "creating",
	[S(RUNNING)] = "running",
	[S(COMPLETED)] = "completed",
	[S(FAILED)] = "failed",
	[S(TERMINATING)] = "terminating",
	[S(TERMINATED)] = "terminated",
	[S(PENDING)] = "pending",
	[S(PAUSED)] = "paused",
	[S(PREPARING)] = "preparing",
};

const char *sandbox_state_name(Coreweave__Sandbox__V1__State state)
{
	return (unsigned)state < STATES ? state_names[state] : "unknown";
}

/* ---- one sandbox ---- */

static bool is_end(Coreweave__Sandbox__V1__State state)
{
	return state == S(COMPLETED) || state == S(FAILED) || state == S(TERMINATED);
}

bool sandbox_ended(const struct sandbox *sb)
{
	return is_end(sb->state);
}

bool sandbox_live(const struct sandbox *sb)
{
	return sb->state == S(RUNNING);
}

struct sandbox *sandbox_ref(struct sandbox *sb)
{
	sb->n_ref++;
	return sb;
}

struct sandbox *sandbox_unref(struct sandbox *sb)
{
	if (!sb || --sb->n_ref)
		return NULL;
	if (sb->spec)
		coreweave__sandbox__v1__sandbox_spec__free_unpacked(sb->spec, NULL);
	free(sb->display_name);
	free(sb->request_id);
	for (size_t i = 0; i < sb->n_containers; i++)
		log_done(&sb->containers[i].log);
	free(sb->containers);
	free(sb);
	return NULL;
}
DEFINE_CLEANUP(struct sandbox *, sandbox_unref)

void sandbox_set_reason(struct sandbox *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sb->reason, sizeof(sb->reason), fmt, ap);
	va_end(ap);
}

/* ---- its containers ---- */

bool sandbox_container_up(struct sandbox *sb, size_t i)
{
	sb->containers[i].state = S(RUNNING);
	for (i = 0; i < sb->n_containers; i++)
		if (sb->containers[i].state == S(CREATING))
			return false;
	return true;
}

void sandbox_container_ended(struct sandbox *sb, size_t i, int32_t exit_code)
{
	struct container *c = &sb->containers[i];

	if (is_end(c->state) || c->state == S(TERMINATING))
		return;
	c->state = exit_code ? S(FAILED) : S(COMPLETED);
	c->exit_code = exit_code;
}

struct container *sandbox_container(struct sandbox *sb, const char *name)
{
	name += strspn(name, " \t");
	if (!*name)
		return &sb->containers[sb->primary];
	for (size_t i = 0; i < sb->n_containers; i++)
		if (!strcmp(sb->containers[i].name, name))
			return &sb->containers[i];
	return NULL;
}

/* Those that have not ended by themselves follow their sandbox; when that ended, its state is
 * the primary one's. */
static void follow(struct sandbox *sb)
{
	for (size_t i = 0; i < sb->n_containers; i++) {
		struct container *c = &sb->containers[i];

		if (sandbox_ended(sb))
			log_rest(&c->log);
		c->log.ended |= sandbox_ended(sb);
		if (is_end(c->state))
			continue;
		if (sb->state == S(TERMINATING))
			c->state = S(TERMINATING);
		else if (sandbox_ended(sb))
			c->state = i == sb->primary ? sb->state : S(TERMINATED);
	}
}

static int make_containers(struct sandbox *sb, int logs_fd)
{
	char name[LOG_NAME_BYTES];

	sb->containers = calloc(sb->spec->n_containers, sizeof(*sb->containers));
	if (!sb->containers)
		return -ENOMEM;
	sb->n_containers = sb->spec->n_containers;
	sb->primary = spec_primary(sb->spec);
	for (size_t i = 0; i < sb->n_containers; i++) {
		sb->containers[i].name = sb->spec->containers[i]->name;
		sb->containers[i].state = S(CREATING);
		snprintf(name, sizeof(name), "%.36s.%u", sb->id, (unsigned)i);
		log_init(&sb->containers[i].log, logs_fd, name);
	}
	return 0;
}

/* ---- its states ---- */

static int tell_changed(const struct registry *reg, const struct sandbox *sb)
{
	return reg->changed ? reg->changed(sb, reg->arg) : 0;
}

static void registry_evict(struct registry *reg)
{
	struct sandbox *sb, *oldest = NULL;

	list_for_each(sb, &reg->all, link) {
		if (sandbox_ended(sb)) {
			oldest = sb;
			break;
		}
	}
	if (!oldest)
		return;
	if (reg->forgotten)
		reg->forgotten(oldest, reg->arg);
	for (size_t i = 0; i < oldest->n_containers; i++)
		log_remove(&oldest->containers[i].log);
	list_unlink(&oldest->link);
	list_unlink(&oldest->bucket);
	reg->n_ended--;
	sandbox_unref(oldest);
}

static void sandbox_enter(struct registry *reg, struct sandbox *sb,
	Coreweave__Sandbox__V1__State to, const struct clock *clock)
{
	sb->state = to;
	if (to == S(RUNNING)) {
		sb->start_wall_usec = sb->start_wall_usec ? sb->start_wall_usec : clock->wall_usec;
		sb->expires_usec = clock->now_usec + sb->life_usec;
	}
	sb->start_by_usec = to == S(CREATING) ? clock->now_usec + SANDBOX_START_USEC : 0;
	if (to == S(TERMINATING))
		sb->expires_usec = 0;
	follow(sb);
	if (!sandbox_ended(sb)) {
		/* CREATING lasts a moment, and is the same as PENDING to who starts it again. */
		if (to != S(CREATING))
			tell_changed(reg, sb);
		return;
	}
	sb->end_wall_usec = clock->wall_usec;
	sb->expires_usec = 0;
	sb->kill_usec = 0;
	reg->n_live--;
	tell_changed(reg, sb);
	if (++reg->n_ended > SANDBOX_ENDED_MAX)
		registry_evict(reg);
}

int sandbox_step(
	struct registry *reg, struct sandbox *sb, enum sandbox_event ev, const struct clock *clock)
{
	Coreweave__Sandbox__V1__State to = next_state[sb->state][ev];

	if (to == S(UNSPECIFIED))
		return SANDBOX_E_UNEXPECTED;
	sandbox_enter(reg, sb, to, clock);
	return 0;
}

uint64_t sandbox_deadline(const struct sandbox *sb)
{
	const uint64_t at[] = { sb->start_by_usec, sb->expires_usec, sb->kill_usec };
	uint64_t first = 0;

	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		if (at[i] && (!first || at[i] < first))
			first = at[i];
	return first;
}

enum sandbox_due sandbox_due(const struct sandbox *sb, uint64_t now_usec)
{
	if (sb->kill_usec && sb->kill_usec <= now_usec)
		return SANDBOX_DUE_KILL;
	if (sb->start_by_usec && sb->start_by_usec <= now_usec)
		return SANDBOX_DUE_START;
	if (sb->expires_usec && sb->expires_usec <= now_usec)
		return SANDBOX_DUE_EXPIRED;
	return SANDBOX_DUE_NONE;
}

/* ---- all of them ---- */

void registry_init(struct registry *reg)
{
	memset(reg, 0, sizeof(*reg));
	list_init(&reg->all);
	for (size_t i = 0; i < SANDBOX_BUCKETS; i++)
		list_init(&reg->buckets[i]);
	reg->next_seq = 1;
	reg->logs_fd = -1;
}

void registry_done(struct registry *reg)
{
	struct sandbox *sb;

	while ((sb = list_first(&reg->all, struct sandbox, link)) != NULL) {
		list_unlink(&sb->link);
		list_unlink(&sb->bucket);
		sandbox_unref(sb);
	}
	registry_init(reg);
}

static struct list *bucket_of(struct registry *reg, const char *id)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *id; id++)
		h = (h ^ (uint8_t)*id) * 16777619u;
	return &reg->buckets[h & (SANDBOX_BUCKETS - 1)];
}

struct sandbox *registry_find(struct registry *reg, const char *id)
{
	struct list *bucket = bucket_of(reg, id);
	struct sandbox *sb;

	list_for_each(sb, bucket, bucket) {
		if (!strcmp(sb->id, id))
			return sb;
	}
	return NULL;
}

int registry_find_request(
	struct registry *reg, const char *request_id, uint64_t hash, struct sandbox **ret)
{
	struct sandbox *sb;

	*ret = NULL;
	if (!*request_id)
		return 0;
	list_for_each(sb, &reg->all, link) {
		if (strcmp(sb->request_id, request_id))
			continue;
		if (sb->request_hash != hash)
			return SANDBOX_E_CONFLICT;
		*ret = sb;
		return 0;
	}
	return 0;
}

static char *dup_or_empty(const char *s)
{
	return strdup(s ? s : "");
}

static int sandbox_new(struct registry *reg, const struct sandbox_new *what, struct sandbox **ret)
{
	_cleanup_(sandbox_unrefp) struct sandbox *sb = calloc(1, sizeof(*sb));
	int r;

	if (!sb)
		return -ENOMEM;
	sb->n_ref = 1;
	snprintf(sb->id, sizeof(sb->id), "%s", what->id);
	sb->display_name = dup_or_empty(what->display_name);
	sb->request_id = dup_or_empty(what->request_id);
	if (!sb->display_name || !sb->request_id)
		return -ENOMEM;
	sb->request_hash = what->request_hash;
	sb->state = S(PENDING);
	sb->spec = what->spec;
	sb->life_usec = (uint64_t)spec_lifetime_sec(sb->spec) * USEC_PER_SEC;
	r = make_containers(sb, reg->logs_fd);
	if (r) {
		sb->spec = NULL; /* still the caller's */
		return r;
	}
	*ret = TAKE(sb);
	return 0;
}

static void enlist(struct registry *reg, struct sandbox *sb)
{
	list_append(&reg->all, &sb->link);
	list_append(bucket_of(reg, sb->id), &sb->bucket);
	if (sandbox_ended(sb))
		reg->n_ended++;
	else
		reg->n_live++;
}

int registry_add(struct registry *reg, const struct sandbox_new *what, const struct clock *clock,
	struct sandbox **ret)
{
	struct sandbox *sb;
	int r;

	if (reg->n_live >= SANDBOX_LIVE_MAX)
		return SANDBOX_E_FULL;
	r = sandbox_new(reg, what, &sb);
	if (r)
		return r;
	sb->seq = reg->next_seq++;
	sb->create_wall_usec = clock->wall_usec;
	r = tell_changed(reg, sb);
	if (r) {
		sb->spec = NULL;
		sandbox_unref(sb);
		return r;
	}
	enlist(reg, sb);
	*ret = sb;
	return 0;
}

/* ---- from before ---- */

static uint64_t wall_of(const Google__Protobuf__Timestamp *t)
{
	if (!t || t->seconds < 0 || t->seconds > INT32_MAX * INT64_C(64) || t->nanos < 0)
		return 0;
	return (uint64_t)t->seconds * USEC_PER_SEC + (uint64_t)t->nanos / 1000;
}

/* What had ended by itself stays so; the others are as their sandbox is now. */
static void adopt_containers(struct sandbox *sb, const Coreweave__Sandbox__V1__SandboxStatus *st)
{
	for (size_t i = 0; i < sb->n_containers && i < st->n_container_statuses; i++) {
		const Coreweave__Sandbox__V1__ContainerStatus *from = st->container_statuses[i];
		struct container *c = &sb->containers[i];

		c->restart_count = from->restart_count + (sb->kept ? 1 : 0);
		if (!sandbox_ended(sb))
			continue;
		c->state = is_end(from->state) ? from->state : S(TERMINATED);
		c->exit_code = from->exit_code;
		c->log.ended = true;
	}
}

/* One that was running starts again, with the rest of its lifetime; one that was being stopped
 * is. */
static void adopt_state(struct sandbox *sb, const Coreweave__Sandbox__V1__SandboxStatus *st,
	const struct clock *clock)
{
	uint64_t end = sb->start_wall_usec + sb->life_usec;

	sandbox_set_reason(sb, "%s", st->state_reason);
	sb->kept = st->state == S(RUNNING);
	sb->end_wall_usec = wall_of(st->end_time);
	if (is_end(st->state))
		sb->state = st->state;
	else if (st->state == S(TERMINATING) || (sb->kept && end <= clock->wall_usec))
		sb->state = S(TERMINATED);
	if (sb->kept && !sandbox_ended(sb)) {
		sb->life_usec = min_u64(sb->life_usec, end - clock->wall_usec);
		sandbox_set_reason(sb, "started again: its service was killed");
	} else if (sb->kept) {
		sandbox_set_reason(
			sb, "its lifetime of %d s is over", (int)spec_lifetime_sec(sb->spec));
	}
	if (sandbox_ended(sb) && !sb->end_wall_usec)
		sb->end_wall_usec = clock->wall_usec;
}

int registry_adopt(struct registry *reg, const struct sandbox_known *known,
	const struct clock *clock, struct sandbox **ret)
{
	const Coreweave__Sandbox__V1__SandboxStatus *st = known->status;
	struct sandbox *sb;
	int r = registry_find(reg, known->what.id) ? -EEXIST : 0;

	r = r ? r : sandbox_new(reg, &known->what, &sb);
	if (r)
		return r;
	sb->seq = known->seq;
	sb->create_wall_usec = wall_of(st->create_time);
	sb->start_wall_usec = wall_of(st->start_time);
	sb->has_exit_code = st->opt_exit_code_case != 0;
	sb->exit_code = sb->has_exit_code ? st->exit_code : 0;
	adopt_state(sb, st, clock);
	adopt_containers(sb, st);
	enlist(reg, sb);
	if (sandbox_ended(sb) && sb->state != st->state)
		tell_changed(reg, sb);
	*ret = sb;
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = (*(struct sandbox *const *)a)->seq, y = (*(struct sandbox *const *)b)->seq;

	return x < y ? -1 : x > y;
}

/* They were found in any order. */
void registry_sort(struct registry *reg)
{
	size_t n_all = reg->n_live + reg->n_ended, n = 0;
	_cleanup_(freep) struct sandbox **v = calloc(n_all + 1, sizeof(struct sandbox *));
	struct sandbox *sb;

	if (!v)
		return;
	while ((sb = list_first(&reg->all, struct sandbox, link)) != NULL) {
		list_unlink(&sb->link);
		v[n++] = sb;
	}
	qsort(v, n, sizeof(struct sandbox *), compare);
	for (size_t i = 0; i < n; i++) {
		reg->next_seq = v[i]->seq + 1;
		list_append(&reg->all, &v[i]->link);
	}
	while (reg->n_ended > SANDBOX_ENDED_MAX)
		registry_evict(reg);
}

/* ---- listing ---- */

static bool has_string(char *const *strings, size_t n, const char *want)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(strings[i], want))
			return true;
	return false;
}

static bool matches(const struct sandbox *sb, const struct sandbox_filter *f)
{
	if (f->nothing)
		return false;
	if (f->state != S(UNSPECIFIED) ? sb->state != f->state
				       : sandbox_ended(sb) && !f->show_ended)
		return false;
	for (size_t i = 0; i < f->n_tags; i++)
		if (!has_string(sb->spec->tags, sb->spec->n_tags, f->tags[i]))
			return false;
	return !f->n_runner_ids || has_string(f->runner_ids, f->n_runner_ids, SPEC_RUNNER_ID);
}

size_t registry_list(const struct registry *reg, const struct sandbox_filter *f, uint64_t after,
	struct sandbox **ret, size_t max, bool *ret_more)
{
	const struct list *at = f->ascending ? reg->all.next : reg->all.prev;
	size_t n = 0;

	*ret_more = false;
	for (; at != &reg->all; at = f->ascending ? at->next : at->prev) {
		struct sandbox *sb = container_of(at, struct sandbox, link);

		if (after && (f->ascending ? sb->seq <= after : sb->seq >= after))
			continue;
		if (!matches(sb, f))
			continue;
		if (n == max) {
			*ret_more = true;
			break;
		}
		ret[n++] = sb;
	}
	return n;
}
