#include "daemon/create.h"

#include <stdio.h>
#include <string.h>

#include "common/uuid.h"
#include "coreweave/sandbox/v1/sandbox.pb-c.h"
#include "daemon/probe.h"
#include "daemon/sandboxes.h"

/* Strings of a request under construction, freed together. */
struct strings {
	char **list;
	size_t n, cap;
	bool failed;
};

static void strings_done(struct strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->list[i]);
	free(s->list);
}

/* A copy with a NUL; "" without memory, which `failed` remembers. */
static char *keep(struct strings *s, const char *data, size_t n)
{
	static char empty[1];
	char *copy;

	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 32;
		char **list = reallocarray(s->list, cap, sizeof(*list));

		if (!list) {
			s->failed = true;
			return empty;
		}
		s->list = list;
		s->cap = cap;
	}
	copy = strndup(data, n);
	if (!copy) {
		s->failed = true;
		return empty;
	}
	s->list[s->n++] = copy;
	return copy;
}

static char *keep_field(
	struct strings *s, const msgpack_object *params, const char *key, const char *initial)
{
	struct frame_span v;

	if (frame_get_str(params, key, &v) != 0)
		return keep(s, initial, strlen(initial));
	return keep(s, v.data, v.n);
}

static char *keep_object(struct strings *s, const msgpack_object *o)
{
	if (o->type != MSGPACK_OBJECT_STR)
		return keep(s, "", 0);
	return keep(s, o->via.str.ptr, o->via.str.size);
}

/* An array of strings; NULL when it is empty or memory is out. */
static char **keep_array(
	struct strings *s, const msgpack_object *params, const char *key, size_t *ret_n)
{
	const msgpack_object *a;
	char **list;

	*ret_n = 0;
	if (frame_get_array(params, key, &a) != 0 || a->via.array.size == 0)
		return NULL;
	list = calloc(a->via.array.size, sizeof(*list));
	if (!list) {
		s->failed = true;
		return NULL;
	}
	for (uint32_t i = 0; i < a->via.array.size; i++)
		list[i] = keep_object(s, &a->via.array.ptr[i]);
	*ret_n = a->via.array.size;
	return list;
}

/* ---- create ------------------------------------------------------------------------------------- */

struct creation {
	struct strings strings;
	Coreweave__Sandbox__V1__CreateSandboxRequest request;
	Coreweave__Sandbox__V1__Sandbox sandbox;
	Coreweave__Sandbox__V1__SandboxSpec spec;
	Coreweave__Sandbox__V1__Container container, *containers[1];
	char **argv, **tags;
	Coreweave__Sandbox__V1__Container__EnvironmentVariablesEntry *env, **env_list;
	struct scratch {
		Coreweave__Sandbox__V1__SandboxVolume volume;
		Coreweave__Sandbox__V1__ScratchVolume scratch;
		Coreweave__Sandbox__V1__VolumeMount mount;
	} * scratch;
	Coreweave__Sandbox__V1__SandboxVolume **volumes;
	Coreweave__Sandbox__V1__VolumeMount **mounts;
};

static void creation_done(struct creation *c)
{
	strings_done(&c->strings);
	free(c->argv);
	free(c->tags);
	free(c->env);
	free(c->env_list);
	free(c->scratch);
	free(c->volumes);
	free(c->mounts);
}

static void add_env(struct creation *c, const msgpack_object *params)
{
	const msgpack_object *map;
	size_t n;

	if (frame_get_map(params, "env", &map) != 0 || map->via.map.size == 0)
		return;
	n = map->via.map.size;
	c->env = calloc(n, sizeof(*c->env));
	c->env_list = calloc(n, sizeof(struct scratch *));
	if (!c->env || !c->env_list) {
		c->strings.failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		coreweave__sandbox__v1__container__environment_variables_entry__init(&c->env[i]);
		c->env[i].key = keep_object(&c->strings, &map->via.map.ptr[i].key);
		c->env[i].value = keep_object(&c->strings, &map->via.map.ptr[i].val);
		c->env_list[i] = &c->env[i];
	}
	c->container.environment_variables = c->env_list;
	c->container.n_environment_variables = n;
}

static void fill_scratch(struct creation *c, struct scratch *s, const msgpack_object *o,
	const msgpack_object *restore)
{
	coreweave__sandbox__v1__sandbox_volume__init(&s->volume);
	coreweave__sandbox__v1__scratch_volume__init(&s->scratch);
	coreweave__sandbox__v1__volume_mount__init(&s->mount);
	s->volume.name = keep_field(&c->strings, o, "name", "");
	s->volume.source_case = COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__SOURCE_SCRATCH;
	s->volume.scratch = &s->scratch;
	if (restore)
		s->scratch.restore_from_snapshot_id =
			keep_field(&c->strings, restore, s->volume.name, "");
	s->mount.volume = s->volume.name;
	s->mount.mount_path = keep_field(&c->strings, o, "path", "");
}

static void add_scratch(struct creation *c, const msgpack_object *params)
{
	const msgpack_object *list, *restore = NULL;
	size_t n;

	frame_get_map(params, "restore", &restore);
	if (frame_get_array(params, "scratch", &list) != 0 || list->via.array.size == 0)
		return;
	n = list->via.array.size;
	c->scratch = calloc(n, sizeof(*c->scratch));
	c->volumes = calloc(n, sizeof(struct scratch *));
	c->mounts = calloc(n, sizeof(struct scratch *));
	if (!c->scratch || !c->volumes || !c->mounts) {
		c->strings.failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		fill_scratch(c, &c->scratch[i], &list->via.array.ptr[i], restore);
		c->volumes[i] = &c->scratch[i].volume;
		c->mounts[i] = &c->scratch[i].mount;
	}
	c->spec.volumes = c->volumes;
	c->container.volume_mounts = c->mounts;
	c->spec.n_volumes = c->container.n_volume_mounts = n;
}

/* The first word is the container's command, the others its arguments. */
static void add_argv(struct creation *c, const msgpack_object *params)
{
	static char sleep_name[] = "sleep", forever[] = "infinity";
	static char *const keep_alive[] = { forever };
	size_t n;

	c->argv = keep_array(&c->strings, params, "argv", &n);
	if (c->argv) {
		c->container.command = c->argv[0];
		c->container.args = c->argv + 1;
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
	c->strings.failed |= uuid_make(uuid) < 0;
	frame_get_u64(params, "lifetime_s", 1, INT32_MAX, &lifetime_sec);
	c->request.sandbox = &c->sandbox;
	c->request.request_id = keep_field(&c->strings, params, "request_id", uuid);
	c->sandbox.spec = &c->spec;
	c->spec.max_lifetime_seconds = (int32_t)lifetime_sec;
	c->containers[0] = &c->container;
	c->spec.containers = c->containers;
	c->spec.n_containers = 1;
	c->tags = keep_array(&c->strings, params, "tags", &c->spec.n_tags);
	c->spec.tags = c->tags;
	c->container.name = main_name;
	c->container.image = keep_field(&c->strings, params, "image", CREATE_IMAGE);
	add_argv(c, params);
	add_env(c, params);
	add_scratch(c, params);
}

int create_put(struct grpc_outbox *o, const msgpack_object *params)
{
	_cleanup_(creation_done) struct creation c = { 0 };

	fill(&c, params);
	return c.strings.failed ? -ENOMEM : unary_put(o, &c.request.base);
}

/* ---- the others --------------------------------------------------------------------------------- */

int create_put_get(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__GetSandboxRequest m =
		COREWEAVE__SANDBOX__V1__GET_SANDBOX_REQUEST__INIT;
	_cleanup_(strings_done) struct strings strings = { 0 };

	m.sandbox_id = keep_field(&strings, params, "sandbox_id", "");
	return strings.failed ? -ENOMEM : unary_put(o, &m.base);
}

int create_put_list(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__ListSandboxesRequest m =
		COREWEAVE__SANDBOX__V1__LIST_SANDBOXES_REQUEST__INIT;
	_cleanup_(strings_done) struct strings strings = { 0 };
	_cleanup_(freep) char **tags = NULL, **runners = NULL;
	uint64_t limit = 0;
	struct frame_span state;
	bool all = false;

	tags = keep_array(&strings, params, "tags", &m.n_tags);
	runners = keep_array(&strings, params, "runner_ids", &m.n_runner_ids);
	m.tags = tags;
	m.runner_ids = runners;
	m.page_token = keep_field(&strings, params, "page_token", "");
	frame_get_u64(params, "limit", 1, SANDBOXES_PAGE_MAX, &limit);
	m.page_size = limit ? (int32_t)limit : SANDBOXES_PAGE_MAX;
	frame_get_bool(params, "show_terminated", &all);
	m.show_terminated = all;
	if (frame_get_str(params, "state", &state) == 0) {
		int number = probe_state_parse(state.data, state.n);

		if (number < 0)
			return -EINVAL;
		m.state = (Coreweave__Sandbox__V1__State)number;
	}
	return strings.failed ? -ENOMEM : unary_put(o, &m.base);
}

int create_put_delete(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__DeleteSandboxRequest m =
		COREWEAVE__SANDBOX__V1__DELETE_SANDBOX_REQUEST__INIT;
	_cleanup_(strings_done) struct strings strings = { 0 };
	_cleanup_(freep) char **volumes = NULL;
	uint64_t grace_sec = 0;
	bool allow_missing = false;

	m.sandbox_id = keep_field(&strings, params, "sandbox_id", "");
	frame_get_u64(params, "grace_s", 0, INT32_MAX, &grace_sec);
	m.grace_period_seconds = (int32_t)grace_sec;
	frame_get_bool(params, "allow_missing", &allow_missing);
	m.allow_missing = allow_missing;
	volumes = keep_array(&strings, params, "snapshot_volumes", &m.n_snapshot_volumes);
	m.snapshot_volumes = volumes;
	m.request_id = keep_field(&strings, params, "request_id", "");
	return strings.failed ? -ENOMEM : unary_put(o, &m.base);
}

/* ---- snapshots ---------------------------------------------------------------------------------- */

int create_put_snapshot(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__CreateFileSystemSnapshotRequest m =
		COREWEAVE__SANDBOX__V1__CREATE_FILE_SYSTEM_SNAPSHOT_REQUEST__INIT;
	_cleanup_(strings_done) struct strings strings = { 0 };
	char uuid[UUID_BYTES] = "";

	strings.failed |= uuid_make(uuid) < 0;
	m.sandbox_id = keep_field(&strings, params, "sandbox_id", "");
	m.request_id = keep_field(&strings, params, "request_id", uuid);
	m.scratch_volume_name = keep_field(&strings, params, "volume", "");
	return strings.failed ? -ENOMEM : unary_put(o, &m.base);
}

int create_put_snapshot_get(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__GetFileSystemSnapshotRequest m =
		COREWEAVE__SANDBOX__V1__GET_FILE_SYSTEM_SNAPSHOT_REQUEST__INIT;
	_cleanup_(strings_done) struct strings strings = { 0 };

	m.file_system_snapshot_id = keep_field(&strings, params, "snapshot_id", "");
	return strings.failed ? -ENOMEM : unary_put(o, &m.base);
}

int create_put_snapshot_list(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__ListFileSystemSnapshotsRequest m =
		COREWEAVE__SANDBOX__V1__LIST_FILE_SYSTEM_SNAPSHOTS_REQUEST__INIT;
	_cleanup_(strings_done) struct strings strings = { 0 };
	uint64_t limit = SANDBOXES_PAGE_MAX;

	frame_get_u64(params, "limit", 1, SANDBOXES_PAGE_MAX, &limit);
	m.page_size = (int32_t)limit;
	m.page_token = keep_field(&strings, params, "page_token", "");
	m.source_sandbox_id = keep_field(&strings, params, "source_sandbox_id", "");
	return strings.failed ? -ENOMEM : unary_put(o, &m.base);
}

int create_put_snapshot_delete(struct grpc_outbox *o, const msgpack_object *params)
{
	Coreweave__Sandbox__V1__DeleteFileSystemSnapshotRequest m =
		COREWEAVE__SANDBOX__V1__DELETE_FILE_SYSTEM_SNAPSHOT_REQUEST__INIT;
	_cleanup_(strings_done) struct strings strings = { 0 };
	bool allow_missing = false;

	m.file_system_snapshot_id = keep_field(&strings, params, "snapshot_id", "");
	frame_get_bool(params, "allow_missing", &allow_missing);
	m.allow_missing = allow_missing;
	return strings.failed ? -ENOMEM : unary_put(o, &m.base);
}
