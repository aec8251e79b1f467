#include "daemon/create.h"

#include <stddef.h>
#include <string.h>

#include "common/uuid.h"
#include "coreweave/sandbox/v1/sandbox.pb-c.h"
#include "daemon/probe.h"
#include "daemon/sandboxes.h"

/* Memory of a request under construction, freed together. */
struct kept {
	struct block *first;
	bool failed; /* there was no more */
};

struct block {
	struct block *next;
	max_align_t data[];
};

static void kept_done(struct kept *k)
{
	while (k->first) {
		struct block *b = k->first;

		k->first = b->next;
		free(b);
	}
}

/* Zeroed; NULL without memory, which `failed` remembers. */
static void *keep_memory(struct kept *k, size_t n, size_t size)
{
	struct block *b = n < SIZE_MAX / 2 / size ? calloc(1, sizeof(*b) + n * size) : NULL;

	if (!b) {
		k->failed = true;
		return NULL;
	}
	b->next = k->first;
	k->first = b;
	return b->data;
}

/* A copy with a NUL; "" without memory. */
static char *keep(struct kept *k, const char *data, size_t n)
{
	static char empty[1];
	char *copy = keep_memory(k, n + 1, 1);

	if (!copy)
		return empty;
	memcpy(copy, data, n);
	return copy;
}

static char *keep_field(
	struct kept *k, const msgpack_object *params, const char *key, const char *initial)
{
	struct frame_span v;

	if (frame_get_str(params, key, &v) != 0)
		return keep(k, initial, strlen(initial));
	return keep(k, v.data, v.n);
}

static char *keep_object(struct kept *k, const msgpack_object *o)
{
	if (o->type != MSGPACK_OBJECT_STR)
		return keep(k, "", 0);
	return keep(k, o->via.str.ptr, o->via.str.size);
}

/* An array of strings; NULL when it is empty or memory is out. */
static char **keep_array(
	struct kept *k, const msgpack_object *params, const char *key, size_t *ret_n)
{
	const msgpack_object *a;
	char **list;

	*ret_n = 0;
	if (frame_get_array(params, key, &a) != 0 || a->via.array.size == 0)
		return NULL;
	list = keep_memory(k, a->via.array.size, sizeof(*list));
	if (!list)
		return NULL;
	for (uint32_t i = 0; i < a->via.array.size; i++)
		list[i] = keep_object(k, &a->via.array.ptr[i]);
	*ret_n = a->via.array.size;
	return list;
}

static bool get_flag(const msgpack_object *params, const char *key)
{
	bool on = false;

	frame_get_bool(params, key, &on);
	return on;
}

static int put(struct grpc_outbox *o, const struct kept *k, const ProtobufCMessage *m)
{
	return k->failed ? -ENOMEM : unary_put(o, m);
}

/* ---- create ------------------------------------------------------------------------------------- */

struct scratch {
	Coreweave__Sandbox__V1__SandboxVolume volume;
	Coreweave__Sandbox__V1__ScratchVolume scratch;
	Coreweave__Sandbox__V1__VolumeMount mount;
};

struct creation {
	struct kept *kept;
	Coreweave__Sandbox__V1__CreateSandboxRequest request;
	Coreweave__Sandbox__V1__Sandbox sandbox;
	Coreweave__Sandbox__V1__SandboxSpec spec;
	Coreweave__Sandbox__V1__Container container, *containers[1];
};

static void add_env(struct creation *c, const msgpack_object *params)
{
	typedef Coreweave__Sandbox__V1__Container__EnvironmentVariablesEntry Entry;
	const msgpack_object *map;
	Entry *env, **list;
	size_t n;

	if (frame_get_map(params, "env", &map) != 0 || map->via.map.size == 0)
		return;
	n = map->via.map.size;
	env = keep_memory(c->kept, n, sizeof(*env));
	list = keep_memory(c->kept, n, sizeof(Entry *));
	for (size_t i = 0; env && list && i < n; i++) {
		coreweave__sandbox__v1__container__environment_variables_entry__init(&env[i]);
		env[i].key = keep_object(c->kept, &map->via.map.ptr[i].key);
		env[i].value = keep_object(c->kept, &map->via.map.ptr[i].val);
		list[i] = &env[i];
	}
	c->container.environment_variables = list;
	c->container.n_environment_variables = n;
}

static void fill_scratch(struct creation *c, struct scratch *s, const msgpack_object *o,
	const msgpack_object *restore)
{
	coreweave__sandbox__v1__sandbox_volume__init(&s->volume);
	coreweave__sandbox__v1__scratch_volume__init(&s->scratch);
	coreweave__sandbox__v1__volume_mount__init(&s->mount);
	s->volume.name = keep_field(c->kept, o, "name", "");
	s->volume.source_case = COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__SOURCE_SCRATCH;
	s->volume.scratch = &s->scratch;
	if (restore)
		s->scratch.restore_from_snapshot_id =
			keep_field(c->kept, restore, s->volume.name, "");
	s->mount.volume = s->volume.name;
	s->mount.mount_path = keep_field(c->kept, o, "path", "");
}

static void add_scratch(struct creation *c, const msgpack_object *params)
{
	const msgpack_object *list, *restore = NULL;
	Coreweave__Sandbox__V1__SandboxVolume **volumes;
	Coreweave__Sandbox__V1__VolumeMount **mounts;
	struct scratch *scratch;
	size_t n;

	frame_get_map(params, "restore", &restore);
	if (frame_get_array(params, "scratch", &list) != 0 || list->via.array.size == 0)
		return;
	n = list->via.array.size;
	scratch = keep_memory(c->kept, n, sizeof(*scratch));
	volumes = keep_memory(c->kept, n, sizeof(struct scratch *));
	mounts = keep_memory(c->kept, n, sizeof(struct scratch *));
	for (size_t i = 0; scratch && volumes && mounts && i < n; i++) {
		fill_scratch(c, &scratch[i], &list->via.array.ptr[i], restore);
		volumes[i] = &scratch[i].volume;
		mounts[i] = &scratch[i].mount;
	}
	c->spec.volumes = volumes;
	c->container.volume_mounts = mounts;
	c->spec.n_volumes = c->container.n_volume_mounts = n;
}

/* The first word is the container's command, the others its arguments. */
static void add_argv(struct creation *c, const msgpack_object *params)
{
	static char sleep_name[] = "sleep", forever[] = "infinity";
	static char *const keep_alive[] = { forever };
	size_t n;
	char **argv = keep_array(c->kept, params, "argv", &n);

	if (argv) {
		c->container.command = argv[0];
		c->container.args = argv + 1;
		c->container.n_args = n - 1;
	} else {
		c->container.command = sleep_name;
		c->container.args = (char **)(uintptr_t)keep_alive; /* packed from, not written */
		c->container.n_args = 1;
	}
}

static void fill(struct creation *c, const msgpack_object *params)
{
	static char main_name[] = "main";
	uint64_t lifetime_sec = CREATE_LIFETIME_SEC;
	char uuid[UUID_BYTES] = "";

	coreweave__sandbox__v1__create_sandbox_request__init(&c->request);
	coreweave__sandbox__v1__sandbox__init(&c->sandbox);
	coreweave__sandbox__v1__sandbox_spec__init(&c->spec);
	coreweave__sandbox__v1__container__init(&c->container);
	c->kept->failed |= uuid_make(uuid) < 0;
	frame_get_u64(params, "lifetime_s", 1, INT32_MAX, &lifetime_sec);
	c->request.sandbox = &c->sandbox;
	c->request.request_id = keep_field(c->kept, params, "request_id", uuid);
	c->sandbox.spec = &c->spec;
	c->spec.max_lifetime_seconds = (int32_t)lifetime_sec;
	c->containers[0] = &c->container;
	c->spec.containers = c->containers;
	c->spec.n_containers = 1;
	c->spec.tags = keep_array(c->kept, params, "tags", &c->spec.n_tags);
	c->container.name = main_name;
	c->container.image = keep_field(c->kept, params, "image", CREATE_IMAGE);
	add_argv(c, params);
	add_env(c, params);
	add_scratch(c, params);
}

int create_put(struct grpc_outbox *o, const msgpack_object *params)
{
	_cleanup_(kept_done) struct kept kept = { 0 };
	struct creation c = { .kept = &kept };

	fill(&c, params);
	return put(o, &kept, &c.request.base);
}

/* ---- the others --------------------------------------------------------------------------------- */

int create_put_get(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__GetSandboxRequest m =
		COREWEAVE__SANDBOX__V1__GET_SANDBOX_REQUEST__INIT;
	_cleanup_(kept_done) struct kept kept = { 0 };

	m.sandbox_id = keep_field(&kept, params, "sandbox_id", "");
	return put(o, &kept, &m.base);
}

int create_put_list(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__ListSandboxesRequest m =
		COREWEAVE__SANDBOX__V1__LIST_SANDBOXES_REQUEST__INIT;
	_cleanup_(kept_done) struct kept kept = { 0 };
	uint64_t limit = SANDBOXES_PAGE_MAX;
	struct frame_span state;

	m.tags = keep_array(&kept, params, "tags", &m.n_tags);
	m.runner_ids = keep_array(&kept, params, "runner_ids", &m.n_runner_ids);
	m.page_token = keep_field(&kept, params, "page_token", "");
	frame_get_u64(params, "limit", 1, SANDBOXES_PAGE_MAX, &limit);
	m.page_size = (int32_t)limit;
	m.show_terminated = get_flag(params, "show_terminated");
	if (frame_get_str(params, "state", &state) == 0) {
		int number = probe_state_parse(state.data, state.n);

		if (number < 0)
			return -EINVAL;
		m.state = (Coreweave__Sandbox__V1__State)number;
	}
	return put(o, &kept, &m.base);
}

int create_put_delete(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__DeleteSandboxRequest m =
		COREWEAVE__SANDBOX__V1__DELETE_SANDBOX_REQUEST__INIT;
	_cleanup_(kept_done) struct kept kept = { 0 };
	uint64_t grace_sec = 0;

	m.sandbox_id = keep_field(&kept, params, "sandbox_id", "");
	frame_get_u64(params, "grace_s", 0, INT32_MAX, &grace_sec);
	m.grace_period_seconds = (int32_t)grace_sec;
	m.allow_missing = get_flag(params, "allow_missing");
	m.snapshot_volumes = keep_array(&kept, params, "snapshot_volumes", &m.n_snapshot_volumes);
	m.request_id = keep_field(&kept, params, "request_id", "");
	return put(o, &kept, &m.base);
}

/* ---- snapshots ---------------------------------------------------------------------------------- */

int create_put_snapshot(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__CreateFileSystemSnapshotRequest m =
		COREWEAVE__SANDBOX__V1__CREATE_FILE_SYSTEM_SNAPSHOT_REQUEST__INIT;
	_cleanup_(kept_done) struct kept kept = { 0 };
	char uuid[UUID_BYTES] = "";

	kept.failed |= uuid_make(uuid) < 0;
	m.sandbox_id = keep_field(&kept, params, "sandbox_id", "");
	m.request_id = keep_field(&kept, params, "request_id", uuid);
	m.scratch_volume_name = keep_field(&kept, params, "volume", "");
	return put(o, &kept, &m.base);
}

int create_put_snapshot_get(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__GetFileSystemSnapshotRequest m =
		COREWEAVE__SANDBOX__V1__GET_FILE_SYSTEM_SNAPSHOT_REQUEST__INIT;
	_cleanup_(kept_done) struct kept kept = { 0 };

	m.file_system_snapshot_id = keep_field(&kept, params, "snapshot_id", "");
	return put(o, &kept, &m.base);
}

int create_put_snapshot_list(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__ListFileSystemSnapshotsRequest m =
		COREWEAVE__SANDBOX__V1__LIST_FILE_SYSTEM_SNAPSHOTS_REQUEST__INIT;
	_cleanup_(kept_done) struct kept kept = { 0 };
	uint64_t limit = SANDBOXES_PAGE_MAX;

	frame_get_u64(params, "limit", 1, SANDBOXES_PAGE_MAX, &limit);
	m.page_size = (int32_t)limit;
	m.page_token = keep_field(&kept, params, "page_token", "");
	m.source_sandbox_id = keep_field(&kept, params, "source_sandbox_id", "");
	return put(o, &kept, &m.base);
}

int create_put_snapshot_delete(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__DeleteFileSystemSnapshotRequest m =
		COREWEAVE__SANDBOX__V1__DELETE_FILE_SYSTEM_SNAPSHOT_REQUEST__INIT;
	_cleanup_(kept_done) struct kept kept = { 0 };

	m.file_system_snapshot_id = keep_field(&kept, params, "snapshot_id", "");
	m.allow_missing = get_flag(params, "allow_missing");
	return put(o, &kept, &m.base);
}
