/*
 * lib_decode - what the daemon sends, as structs: one table a map
 */
#include <string.h>

#include "client/lib.h"

struct arena_block {
	struct arena_block *next;
	max_align_t data[];
};

static void *arena_get(struct arena *a, size_t n)
{
	struct arena_block *b;
	size_t size;

	if (!size_add(sizeof(*b), n, &size))
		return NULL;
	b = malloc(size);
	if (!b)
		return NULL;
	b->next = a->blocks;
	a->blocks = b;
	return b->data;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p = arena_get(a, n);

	return p ? memset(p, 0, n) : NULL;
}

void *arena_memdup(struct arena *a, const void *data, size_t n)
{
	void *copy = arena_get(a, n);

	if (copy && n > 0)
		memcpy(copy, data, n);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_get(a, n + 1);

	if (!copy)
		return NULL;
	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = 0;
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

void arena_done(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
}

/* ---- the tables ---- */

#define F(type_, struct_, key_, member)                                                            \
	{                                                                                          \
		.key = (key_), .type = (type_), .offset = offsetof(struct struct_, member)         \
	}
#define F_REQUIRED(type_, struct_, key_, member)                                                   \
	{                                                                                          \
		.key = (key_), .type = (type_), .offset = offsetof(struct struct_, member),        \
		.required = true                                                                   \
	}
#define F_SET(type_, struct_, key_, member, set)                                                   \
	{                                                                                          \
		.key = (key_), .type = (type_), .offset = offsetof(struct struct_, member),        \
		.extra = offsetof(struct struct_, set)                                             \
	}
#define F_SUB(type_, struct_, key_, member, count, sub_)                                           \
	{                                                                                          \
		.key = (key_), .type = (type_), .offset = offsetof(struct struct_, member),        \
		.extra = offsetof(struct struct_, count), .sub = (sub_)                            \
	}
#define SCHEMA(name, struct_, fields_)                                                             \
	static const struct schema name = { sizeof(struct struct_), ARRAY_SIZE(fields_), fields_ }

/* clang-format off */
static const struct field client_fields[] = {
	F(FIELD_I64, cwsandbox_client, "id", id),
	F(FIELD_I64, cwsandbox_client, "pid", pid),
	F(FIELD_I64, cwsandbox_client, "uid", uid),
	F(FIELD_STR, cwsandbox_client, "role", role),
	F(FIELD_STR, cwsandbox_client, "policy", policy),
	F(FIELD_STR, cwsandbox_client, "name", name),
	F(FIELD_STR, cwsandbox_client, "term", term),
	F(FIELD_U64, cwsandbox_client, "cols", cols),
	F(FIELD_U64, cwsandbox_client, "rows", rows),
	F(FIELD_U64, cwsandbox_client, "lag_bytes", lag_bytes),
	F(FIELD_U64, cwsandbox_client, "skipped_bytes", skipped_bytes),
	F(FIELD_BOOL, cwsandbox_client, "exclusive", exclusive),
};
SCHEMA(client_schema, cwsandbox_client, client_fields);

static const struct field session_fields[] = {
	F_REQUIRED(FIELD_STR, cwsandbox_session, "name", name),
	F(FIELD_STR, cwsandbox_session, "session", session),
	F(FIELD_STR, cwsandbox_session, "sandbox_id", sandbox_id),
	F(FIELD_STR, cwsandbox_session, "container", container),
	F_REQUIRED(FIELD_STR, cwsandbox_session, "state", state),
	F(FIELD_STR, cwsandbox_session, "reason", reason),
	F(FIELD_STR, cwsandbox_session, "message", message),
	F(FIELD_STR, cwsandbox_session, "command", command),
	F(FIELD_STR, cwsandbox_session, "size", size),
	F(FIELD_STR, cwsandbox_session, "kept_alive_by", kept_alive_by),
	F(FIELD_STR, cwsandbox_session, "kept_alive_reason", kept_alive_reason),
	F(FIELD_STR, cwsandbox_session, "title", title),
	F_SET(FIELD_I64, cwsandbox_session, "connection", connection, has_connection),
	F(FIELD_U64, cwsandbox_session, "n_clients", clients_total),
	F(FIELD_U64, cwsandbox_session, "cols", cols),
	F(FIELD_U64, cwsandbox_session, "rows", rows),
	F(FIELD_U64, cwsandbox_session, "output_offset", output_offset),
	F(FIELD_U64, cwsandbox_session, "uncertain_bytes", uncertain_bytes),
	F(FIELD_STR, cwsandbox_session, "policy", policy),
	F(FIELD_U64, cwsandbox_session, "window", window),
	F(FIELD_U64, cwsandbox_session, "drain_ms", drain_ms),
	F(FIELD_U64, cwsandbox_session, "block_timeout_ms", block_timeout_ms),
	F(FIELD_I64, cwsandbox_session, "created_at", created_at),
	F(FIELD_I64, cwsandbox_session, "ended_at", ended_at),
	F_SET(FIELD_I64, cwsandbox_session, "exit_code", exit_code, has_exit_code),
	F_SUB(FIELD_LIST, cwsandbox_session, "clients", clients, n_clients, &client_schema),
};
SCHEMA(session_schema, cwsandbox_session, session_fields);

static const struct field container_fields[] = {
	F(FIELD_STR, cwsandbox_container, "name", name),
	F(FIELD_STR, cwsandbox_container, "image", image),
	F(FIELD_BOOL, cwsandbox_container, "primary", primary),
};
SCHEMA(container_schema, cwsandbox_container, container_fields);

static const struct field container_status_fields[] = {
	F(FIELD_STR, cwsandbox_container_status, "name", name),
	F(FIELD_STR, cwsandbox_container_status, "state", state),
	F_SET(FIELD_I64, cwsandbox_container_status, "exit_code", exit_code, has_exit_code),
	F(FIELD_I64, cwsandbox_container_status, "restart_count", restart_count),
};
SCHEMA(container_status_schema, cwsandbox_container_status, container_status_fields);

static const struct field sandbox_fields[] = {
	F_REQUIRED(FIELD_STR, cwsandbox_sandbox, "sandbox_id", sandbox_id),
	F_REQUIRED(FIELD_STR, cwsandbox_sandbox, "state", state),
	F(FIELD_STR, cwsandbox_sandbox, "state_reason", state_reason),
	F(FIELD_STR, cwsandbox_sandbox, "runner_id", runner_id),
	F(FIELD_STR, cwsandbox_sandbox, "runner_group_id", runner_group_id),
	F(FIELD_I64, cwsandbox_sandbox, "started_at", started_at),
	F(FIELD_U64, cwsandbox_sandbox, "started_at_ns", started_at_ns),
	F_SET(FIELD_I64, cwsandbox_sandbox, "exit_code", exit_code, has_exit_code),
	F_SUB(FIELD_LIST, cwsandbox_sandbox, "containers", containers, n_containers,
		&container_schema),
	F_SUB(FIELD_LIST, cwsandbox_sandbox, "container_statuses", container_statuses,
		n_container_statuses, &container_status_schema),
	F_SET(FIELD_STRS, cwsandbox_sandbox, "scratch_volumes", scratch_volumes, n_scratch_volumes),
};
SCHEMA(sandbox_schema, cwsandbox_sandbox, sandbox_fields);

static const struct field snapshot_fields[] = {
	F_REQUIRED(FIELD_STR, cwsandbox_snapshot, "snapshot_id", snapshot_id),
	F_REQUIRED(FIELD_STR, cwsandbox_snapshot, "state", state),
	F(FIELD_STR, cwsandbox_snapshot, "state_reason", state_reason),
	F(FIELD_STR, cwsandbox_snapshot, "source_sandbox_id", source_sandbox_id),
	F(FIELD_STR, cwsandbox_snapshot, "source_volume", source_volume),
	F(FIELD_STR, cwsandbox_snapshot, "trigger", trigger),
	F(FIELD_STR, cwsandbox_snapshot, "request_id", request_id),
	F(FIELD_STR, cwsandbox_snapshot, "object_bucket", object_bucket),
	F(FIELD_I64, cwsandbox_snapshot, "size_bytes", size_bytes),
	F(FIELD_I64, cwsandbox_snapshot, "created_at", created_at),
	F(FIELD_I64, cwsandbox_snapshot, "updated_at", updated_at),
	F(FIELD_I64, cwsandbox_snapshot, "completed_at", completed_at),
	F(FIELD_U64, cwsandbox_snapshot, "created_at_ns", created_at_ns),
	F(FIELD_U64, cwsandbox_snapshot, "updated_at_ns", updated_at_ns),
	F(FIELD_U64, cwsandbox_snapshot, "completed_at_ns", completed_at_ns),
};
SCHEMA(snapshot_schema, cwsandbox_snapshot, snapshot_fields);

static const struct field connection_fields[] = {
	F(FIELD_I64, cwsandbox_connection, "id", id),
	F(FIELD_STR, cwsandbox_connection, "endpoint", endpoint),
	F(FIELD_STR, cwsandbox_connection, "address", address),
	F(FIELD_STR, cwsandbox_connection, "state", state),
	F(FIELD_U64, cwsandbox_connection, "streams", streams),
	F(FIELD_U64, cwsandbox_connection, "max_streams", max_streams),
	F(FIELD_U64, cwsandbox_connection, "rtt_us", rtt_us),
	F(FIELD_U64, cwsandbox_connection, "rx_bytes", rx_bytes),
	F(FIELD_U64, cwsandbox_connection, "tx_bytes", tx_bytes),
};
SCHEMA(connection_schema, cwsandbox_connection, connection_fields);

static const struct field status_fields[] = {
	F(FIELD_STR, cwsandbox_status, "version", version),
	F(FIELD_STR, cwsandbox_status, "boot_id", boot_id),
	F(FIELD_STR, cwsandbox_status, "socket", socket),
	F(FIELD_I64, cwsandbox_status, "pid", pid),
	F(FIELD_U64, cwsandbox_status, "uptime_s", uptime_s),
	F(FIELD_U64, cwsandbox_status, "rss_bytes", rss_bytes),
	F(FIELD_U64, cwsandbox_status, "memory_bytes", memory_bytes),
	F(FIELD_U64, cwsandbox_status, "sessions", sessions),
	F(FIELD_U64, cwsandbox_status, "clients", clients),
	F_SUB(FIELD_LIST, cwsandbox_status, "connections", connections, n_connections,
		&connection_schema),
};
SCHEMA(status_schema, cwsandbox_status, status_fields);

static const struct field violation_fields[] = {
	F(FIELD_STR, cwsandbox_violation, "field", field),
	F(FIELD_STR, cwsandbox_violation, "description", description),
};
SCHEMA(violation_schema, cwsandbox_violation, violation_fields);

static const struct field error_fields[] = {
	F_REQUIRED(FIELD_STR, cwsandbox_error, "code", code),
	F_REQUIRED(FIELD_STR, cwsandbox_error, "message", message),
	F(FIELD_STR, cwsandbox_error, "field", field),
	F(FIELD_STR, cwsandbox_error, "limit", limit),
	F(FIELD_STR, cwsandbox_error, "url", url),
	F(FIELD_STR, cwsandbox_error, "sandbox_id", sandbox_id),
	F(FIELD_STR, cwsandbox_error, "reason", reason),
	F(FIELD_STR, cwsandbox_error, "status", status),
	F(FIELD_STR, cwsandbox_error, "detail", detail),
	F_SUB(FIELD_LIST, cwsandbox_error, "violations", violations, n_violations,
		&violation_schema),
	F_SET(FIELD_STRS, cwsandbox_error, "sessions", sessions, n_sessions),
	F(FIELD_I64, cwsandbox_error, "status_code", status_code),
	F_SET(FIELD_I64, cwsandbox_error, "retry_after_ms", retry_after_ms, has_retry_after),
	F_SET(FIELD_I64, cwsandbox_error, "exit_code", exit_code, has_exit_code),
	F(FIELD_I64, cwsandbox_error, "min", min),
	F(FIELD_I64, cwsandbox_error, "max", max),
	F(FIELD_U64, cwsandbox_error, "credit", credit),
};
SCHEMA(error_schema, cwsandbox_error, error_fields);

/* Results that are a map of several things; a session, a sandbox and a status are maps of their
 * own. */
static const struct field sessions_fields[] = {
	F_SUB(FIELD_LIST, cwsandbox_answer, "sessions", sessions, n_sessions, &session_schema),
	F(FIELD_BOOL, cwsandbox_answer, "more", more),
};
SCHEMA(sessions_schema, cwsandbox_answer, sessions_fields);

static const struct field sandboxes_fields[] = {
	F_SUB(FIELD_LIST, cwsandbox_answer, "sandboxes", sandboxes, n_sandboxes, &sandbox_schema),
	F(FIELD_STR, cwsandbox_answer, "next_page_token", next_page_token),
};
SCHEMA(sandboxes_schema, cwsandbox_answer, sandboxes_fields);

static const struct field snapshots_fields[] = {
	F_SUB(FIELD_LIST, cwsandbox_answer, "snapshots", snapshots, n_snapshots, &snapshot_schema),
	F(FIELD_STR, cwsandbox_answer, "next_page_token", next_page_token),
};
SCHEMA(snapshots_schema, cwsandbox_answer, snapshots_fields);

static const struct field deleted_fields[] = {
	{ .key = "sandbox", .type = FIELD_ONE, .offset = offsetof(struct cwsandbox_answer,
		sandbox), .sub = &sandbox_schema },
	F_SET(FIELD_STRS, cwsandbox_answer, "snapshot_ids", snapshot_ids, n_snapshot_ids),
};
SCHEMA(deleted_schema, cwsandbox_answer, deleted_fields);

static const struct field attached_fields[] = {
	F_REQUIRED(FIELD_I64, cwsandbox_answer, "attachment", attachment),
	F(FIELD_STR, cwsandbox_answer, "session", session_id),
	F(FIELD_STR, cwsandbox_answer, "name", name),
	F(FIELD_STR, cwsandbox_answer, "role", role),
	F(FIELD_STR, cwsandbox_answer, "state", state),
	F(FIELD_U64, cwsandbox_answer, "offset", offset),
	F(FIELD_U64, cwsandbox_answer, "cols", cols),
	F(FIELD_U64, cwsandbox_answer, "rows", rows),
	F_REQUIRED(FIELD_U64, cwsandbox_answer, "window", window),
	F_REQUIRED(FIELD_U64, cwsandbox_answer, "input_window", input_window),
	F(FIELD_BOOL, cwsandbox_answer, "fresh", fresh),
	F_SET(FIELD_I64, cwsandbox_answer, "exit_code", exit_code, has_exit_code),
};
SCHEMA(attached_schema, cwsandbox_answer, attached_fields);

static const struct field other_fields[] = {
	F_SET(FIELD_I64, cwsandbox_answer, "exit_code", exit_code, has_exit_code),
	F(FIELD_STR, cwsandbox_answer, "reason", reason),
	F(FIELD_STR, cwsandbox_answer, "state", state),
	F(FIELD_STR, cwsandbox_answer, "text", text),
	F(FIELD_STR, cwsandbox_answer, "fate", fate),
	F(FIELD_U64, cwsandbox_answer, "cols", cols),
	F(FIELD_U64, cwsandbox_answer, "rows", rows),
	F(FIELD_U64, cwsandbox_answer, "taken", taken),
	F(FIELD_U64, cwsandbox_answer, "detached", detached),
	F_SET(FIELD_STRS, cwsandbox_answer, "lines", lines, n_lines),
	F(FIELD_U64, cwsandbox_answer, "from", from),
	F(FIELD_U64, cwsandbox_answer, "screen", screen),
	F(FIELD_U64, cwsandbox_answer, "cursor_x", cursor_x),
	F(FIELD_U64, cwsandbox_answer, "cursor_y", cursor_y),
	F(FIELD_U64, cwsandbox_answer, "cursor_shape", cursor_shape),
	F(FIELD_BOOL, cwsandbox_answer, "cursor_visible", cursor_visible),
	F(FIELD_BOOL, cwsandbox_answer, "alternate", alternate),
	F(FIELD_BOOL, cwsandbox_answer, "more", more),
	F(FIELD_STR, cwsandbox_answer, "title", title),
};
SCHEMA(other_schema, cwsandbox_answer, other_fields);

static const struct field output_fields[] = {
	F_REQUIRED(FIELD_I64, cwsandbox_event, "attachment", attachment),
	F(FIELD_U64, cwsandbox_event, "offset", offset),
	F(FIELD_INT, cwsandbox_event, "stream", stream),
	{ .key = "data", .type = FIELD_BYTES, .offset = offsetof(struct cwsandbox_event, data),
	  .extra = offsetof(struct cwsandbox_event, n), .required = true },
	/* of resync */
	F(FIELD_U64, cwsandbox_event, "skipped_bytes", skipped_bytes),
	F(FIELD_BOOL, cwsandbox_event, "first", first),
	F(FIELD_BOOL, cwsandbox_event, "last", last),
};
SCHEMA(output_schema, cwsandbox_event, output_fields);

static const struct field change_fields[] = {
	F_REQUIRED(FIELD_I64, cwsandbox_event, "attachment", attachment),
	F(FIELD_U64, cwsandbox_event, "cols", cols),
	F(FIELD_U64, cwsandbox_event, "rows", rows),
	F(FIELD_BOOL, cwsandbox_event, "lead", lead),
	F(FIELD_STR, cwsandbox_event, "state", state),
	F(FIELD_STR, cwsandbox_event, "reason", reason),
	F(FIELD_STR, cwsandbox_event, "message", message),
	F(FIELD_U64, cwsandbox_event, "offset", offset),
	F_SET(FIELD_I64, cwsandbox_event, "exit_code", exit_code, has_exit_code),
	F_SUB(FIELD_LIST, cwsandbox_event, "clients", clients, n_clients, &client_schema),
	{ .key = "error", .type = FIELD_ONE, .offset = offsetof(struct cwsandbox_event, error),
		.sub = &error_schema },
};
SCHEMA(change_schema, cwsandbox_event, change_fields);

static const struct field shutdown_fields[] = {
	F(FIELD_STR, cwsandbox_event, "reason", reason),
};
SCHEMA(shutdown_schema, cwsandbox_event, shutdown_fields);

static const struct event_row {
	const char *method;
	enum cwsandbox_event_kind kind;
	const struct schema *schema;
} events[] = {
	{ "output", CWSANDBOX_EVENT_OUTPUT, &output_schema },
	{ "resync", CWSANDBOX_EVENT_REPAINT, &output_schema },
	{ "resized", CWSANDBOX_EVENT_RESIZED, &change_schema },
	{ "clients", CWSANDBOX_EVENT_CLIENTS, &change_schema },
	{ "state", CWSANDBOX_EVENT_STATE, &change_schema },
	{ "input_credit", CWSANDBOX_EVENT_CREDIT, &change_schema },
	{ "exited", CWSANDBOX_EVENT_EXITED, &change_schema },
	{ "detached", CWSANDBOX_EVENT_DETACHED, &change_schema },
	{ "shutdown", CWSANDBOX_EVENT_SHUTDOWN, &shutdown_schema },
};
/* clang-format on */

/* ---- the engine ---- */

static void *member(void *base, size_t offset)
{
	return (char *)base + offset;
}

static int decode_str(struct arena *a, const struct frame_span *s, const char **ret)
{
	char *copy = arena_strndup(a, s->data, s->n);

	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

/* An array of strings, NULL-terminated. */
static int decode_strs(
	struct arena *a, const msgpack_object *array, const char *const **ret, size_t *ret_n)
{
	uint32_t n = array->via.array.size;
	const char **strs = arena_alloc(a, ((size_t)n + 1) * sizeof(*strs));

	if (!strs)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const msgpack_object *o = &array->via.array.ptr[i];
		struct frame_span s;
		int r;

		if (o->type != MSGPACK_OBJECT_STR || memchr(o->via.str.ptr, 0, o->via.str.size))
			return -EBADMSG;
		s = (struct frame_span){ o->via.str.ptr, o->via.str.size };
		r = decode_str(a, &s, &strs[i]);
		if (r)
			return r;
	}
	*ret = strs;
	*ret_n = n;
	return 0;
}

/* ret: a pointer to sub's type */
static int decode_list(struct arena *a, const struct schema *sub, const msgpack_object *array,
	void *ret, size_t *ret_n)
{
	uint32_t n = array->via.array.size;
	size_t bytes;
	char *list;
	int r;

	if (!size_mul(n, sub->size, &bytes))
		return -EBADMSG;
	list = arena_alloc(a, bytes);
	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		r = decode_map(a, sub, &array->via.array.ptr[i], list + i * sub->size);
		if (r)
			return r;
	}
	memcpy(ret, &list, sizeof(list));
	*ret_n = n;
	return 0;
}

static int decode_array(
	struct arena *a, const struct field *f, const msgpack_object *map, void *base)
{
	const msgpack_object *array;
	int r;

	r = frame_get_array(map, f->key, &array);
	if (r)
		return r;
	if (f->type == FIELD_STRS)
		return decode_strs(a, array, member(base, f->offset), member(base, f->extra));
	return decode_list(a, f->sub, array, member(base, f->offset), member(base, f->extra));
}

static int decode_one(struct arena *a, const struct field *f, const msgpack_object *map, void *base)
{
	const msgpack_object *sub;
	void *one;
	int r;

	r = frame_get_map(map, f->key, &sub);
	if (r)
		return r;
	one = arena_alloc(a, f->sub->size);
	if (!one)
		return -ENOMEM;
	r = decode_map(a, f->sub, sub, one);
	if (r)
		return r;
	memcpy(member(base, f->offset), &one, sizeof(one));
	return 0;
}

static int decode_number(const struct field *f, const msgpack_object *map, void *base)
{
	int64_t i = 0;
	int r;

	if (f->type == FIELD_U64)
		return frame_get_u64(map, f->key, 0, UINT64_MAX, member(base, f->offset));
	if (f->type == FIELD_I64)
		return frame_get_i64(map, f->key, INT64_MIN, INT64_MAX, member(base, f->offset));
	r = frame_get_i64(map, f->key, 0, INT32_MAX, &i);
	if (!r)
		*(int *)member(base, f->offset) = (int)i;
	return r;
}

static int decode_bytes(
	struct arena *a, const struct frame_span *s, const void **ret, size_t *ret_n)
{
	*ret = arena_memdup(a, s->data, s->n);
	if (!*ret)
		return -ENOMEM;
	*ret_n = s->n;
	return 0;
}

static int decode_text(
	struct arena *a, const struct field *f, const msgpack_object *map, void *base)
{
	struct frame_span s;
	int r;

	if (f->type == FIELD_STR) {
		r = frame_get_str(map, f->key, &s);
		return r ? r : decode_str(a, &s, member(base, f->offset));
	}
	r = frame_get_bytes(map, f->key, &s);
	if (r)
		return r;
	return decode_bytes(a, &s, member(base, f->offset), member(base, f->extra));
}

static int decode_field(
	struct arena *a, const struct field *f, const msgpack_object *map, void *base)
{
	switch (f->type) {
	case FIELD_STR:
	case FIELD_BYTES:
		return decode_text(a, f, map, base);
	case FIELD_U64:
	case FIELD_I64:
	case FIELD_INT:
		return decode_number(f, map, base);
	case FIELD_BOOL:
		return frame_get_bool(map, f->key, member(base, f->offset));
	case FIELD_STRS:
	case FIELD_LIST:
		return decode_array(a, f, map, base);
	case FIELD_ONE:
		return decode_one(a, f, map, base);
	}
	return -EBADMSG;
}

static bool has_set_flag(const struct field *f)
{
	return f->extra && (f->type == FIELD_I64 || f->type == FIELD_U64);
}

int decode_map(struct arena *a, const struct schema *schema, const msgpack_object *map, void *ret)
{
	if (map->type != MSGPACK_OBJECT_MAP)
		return -EBADMSG;
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		int r = decode_field(a, f, map, ret);

		if (r < 0)
			return r;
		if (r == FRAME_E_TYPE || (r && f->required))
			return -EBADMSG;
		if (!r && has_set_flag(f))
			*(bool *)member(ret, f->extra) = true;
	}
	return 0;
}

int decode_error(struct arena *a, const msgpack_object *map, struct cwsandbox_error *ret)
{
	struct cwsandbox_error e = { 0 };
	int r = decode_map(a, &error_schema, map, &e);

	if (!r)
		*ret = e;
	return r;
}

static const struct cwsandbox_violation *copy_violations(
	struct arena *a, const struct cwsandbox_error *from)
{
	struct cwsandbox_violation *copy = arena_alloc(a, from->n_violations * sizeof(*copy));

	for (size_t i = 0; copy && i < from->n_violations; i++) {
		copy[i].field = arena_strdup(a, from->violations[i].field);
		copy[i].description = arena_strdup(a, from->violations[i].description);
	}
	return copy;
}

void error_copy(struct arena *a, const struct cwsandbox_error *from, struct cwsandbox_error *ret)
{
	struct cwsandbox_error e = *from;

	e.code = arena_strdup(a, from->code);
	e.message = arena_strdup(a, from->message);
	if (!e.code || !e.message)
		e.code = e.message = "memory";
	e.field = arena_strdup(a, from->field);
	e.limit = arena_strdup(a, from->limit);
	e.url = arena_strdup(a, from->url);
	e.sandbox_id = arena_strdup(a, from->sandbox_id);
	e.reason = arena_strdup(a, from->reason);
	e.status = arena_strdup(a, from->status);
	e.detail = arena_strdup(a, from->detail);
	e.violations = copy_violations(a, from);
	e.n_violations = e.violations ? from->n_violations : 0;
	e.sessions = NULL;
	e.n_sessions = 0;
	*ret = e;
}

int decode_event(
	struct arena *a, const struct frame *f, struct cwsandbox_event *ret, uint64_t *ret_credit)
{
	struct cwsandbox_event e = { 0 };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (!frame_is(f, events[i].method))
			continue;
		if (!f->params)
			return -EBADMSG;
		r = decode_map(a, events[i].schema, f->params, &e);
		if (!r && events[i].kind == CWSANDBOX_EVENT_CREDIT)
			r = frame_get_u64(f->params, "bytes", 0, UINT64_MAX, ret_credit) ? -EBADMSG
											 : 0;
		if (r)
			return r;
		e.kind = events[i].kind;
		break;
	}
	*ret = e;
	return 0;
}

/* A result that is a description itself: *ret_one gets it. */
static int decode_description(
	struct arena *a, const struct schema *schema, const msgpack_object *result, void *ret_one)
{
	void *one = arena_alloc(a, schema->size);
	int r;

	if (!one)
		return -ENOMEM;
	r = decode_map(a, schema, result, one);
	if (!r)
		memcpy(ret_one, &one, sizeof(one));
	return r;
}

int decode_answer(struct arena *a, enum cwsandbox_method method, const msgpack_object *result,
	struct cwsandbox_answer *ret)
{
	const struct schema *schema = &other_schema;

	ret->method = method;
	if (!result || result->type == MSGPACK_OBJECT_NIL)
		return method_gives_attachment(method) ? -EBADMSG : 0;
	if (method_gives_attachment(method))
		schema = &attached_schema;
	else if (method == CWSANDBOX_SESSION_CREATE || method == CWSANDBOX_SESSION_GET)
		return decode_description(a, &session_schema, result, &ret->session);
	else if (method == CWSANDBOX_SANDBOX_CREATE || method == CWSANDBOX_SANDBOX_GET)
		return decode_description(a, &sandbox_schema, result, &ret->sandbox);
	else if (method == CWSANDBOX_SNAPSHOT_CREATE || method == CWSANDBOX_SNAPSHOT_GET ||
		 method == CWSANDBOX_SNAPSHOT_DELETE)
		return decode_description(a, &snapshot_schema, result, &ret->snapshot);
	else if (method == CWSANDBOX_DAEMON_STATUS)
		return decode_description(a, &status_schema, result, &ret->status);
	else if (method == CWSANDBOX_SESSION_LIST)
		schema = &sessions_schema;
	else if (method == CWSANDBOX_SANDBOX_LIST)
		schema = &sandboxes_schema;
	else if (method == CWSANDBOX_SNAPSHOT_LIST)
		schema = &snapshots_schema;
	else if (method == CWSANDBOX_SANDBOX_DELETE)
		schema = &deleted_schema;
	return decode_map(a, schema, result, ret);
}

/* clang-format off */
static const struct field hello_fields[] = {
	F_REQUIRED(FIELD_I64, cwsandbox_server, "version", version),
	F(FIELD_STR, cwsandbox_server, "server", server),
	F(FIELD_I64, cwsandbox_server, "pid", pid),
	F_REQUIRED(FIELD_STR, cwsandbox_server, "boot_id", boot_id),
	F(FIELD_BOOL, cwsandbox_server, "observer", observer),
};
SCHEMA(hello_schema, cwsandbox_server, hello_fields);

static const struct field limits_fields[] = {
	F(FIELD_U64, cwsandbox_server, "window", window),
	F(FIELD_U64, cwsandbox_server, "input_window", input_window),
};
SCHEMA(limits_schema, cwsandbox_server, limits_fields);
/* clang-format on */

int decode_hello(struct arena *a, const msgpack_object *result, struct cwsandbox_server *ret,
	uint64_t *ret_frame_max)
{
	const msgpack_object *limits;
	int r;

	if (!result)
		return -EBADMSG;
	r = decode_map(a, &hello_schema, result, ret);
	if (r)
		return r;
	if (ret->version < LIB_PROTOCOL_MIN || ret->version > LIB_PROTOCOL_MAX)
		return -EBADMSG;
	if (frame_get_map(result, "limits", &limits))
		return 0;
	if (frame_get_u64(limits, "frame", 1024, FRAME_MAX, ret_frame_max) == FRAME_E_TYPE)
		return -EBADMSG;
	return decode_map(a, &limits_schema, limits, ret);
}
