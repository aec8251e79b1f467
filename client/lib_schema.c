/*
 * lib_schema - which key of a map is which member of a struct
 */
#include "client/lib.h"

#define F_KEY(type_, struct_, key_, member, ...)                                                   \
	{                                                                                          \
		.key = (key_), .type = FIELD_##type_,                                              \
		.offset = offsetof(struct cwsandbox_##struct_, member), __VA_ARGS__                \
	}
#define F(type, struct_, member) F_KEY(type, struct_, #member, member)
#define F_REQUIRED(type, struct_, member) F_KEY(type, struct_, #member, member, .required = true)
#define F_SET(type, struct_, member, set)                                                          \
	F_KEY(type, struct_, #member, member, .extra = offsetof(struct cwsandbox_##struct_, set))
#define F_LIST(struct_, member, count, sub_)                                                       \
	F_KEY(LIST, struct_, #member, member,                                                      \
		.extra = offsetof(struct cwsandbox_##struct_, count), .sub = (sub_))
#define F_ONE(struct_, member, sub_) F_KEY(ONE, struct_, #member, member, .sub = (sub_))
#define SCHEMA(name, struct_, fields_)                                                             \
	struct schema name = { sizeof(struct cwsandbox_##struct_), ARRAY_SIZE(fields_), fields_ }

/* clang-format off */
static const struct field client_fields[] = {
	F(I64, client, id),
	F(I64, client, pid),
	F(I64, client, uid),
	F(STR, client, role),
	F(STR, client, policy),
	F(STR, client, name),
	F(STR, client, term),
	F(STR, client, tty),
	F(U64, client, cols),
	F(U64, client, rows),
	F(U64, client, lag_bytes),
	F(U64, client, skipped_bytes),
	F(BOOL, client, exclusive),
};
static const SCHEMA(client_schema, client, client_fields);

static const struct field session_fields[] = {
	F_REQUIRED(STR, session, name),
	F(STR, session, session),
	F(STR, session, sandbox_id),
	F(STR, session, container),
	F_REQUIRED(STR, session, state),
	F(STR, session, reason),
	F(STR, session, message),
	F(STR, session, command),
	F(STR, session, size),
	F(STR, session, kept_alive_by),
	F(STR, session, kept_alive_reason),
	F(STR, session, title),
	F_SET(I64, session, connection, has_connection),
	F_KEY(U64, session, "n_clients", clients_total),
	F(U64, session, cols),
	F(U64, session, rows),
	F(U64, session, output_offset),
	F(U64, session, uncertain_bytes),
	F(STR, session, policy),
	F(U64, session, window),
	F(U64, session, drain_ms),
	F(U64, session, block_timeout_ms),
	F(BOOL, session, seen),
	F(I64, session, created_at),
	F(I64, session, ended_at),
	F_SET(I64, session, exit_code, has_exit_code),
	F_LIST(session, clients, n_clients, &client_schema),
};
static const SCHEMA(session_schema, session, session_fields);

static const struct field container_fields[] = {
	F(STR, container, name),
	F(STR, container, image),
	F(BOOL, container, primary),
};
static const SCHEMA(container_schema, container, container_fields);

static const struct field container_status_fields[] = {
	F(STR, container_status, name),
	F(STR, container_status, state),
	F_SET(I64, container_status, exit_code, has_exit_code),
	F(I64, container_status, restart_count),
};
static const SCHEMA(container_status_schema, container_status, container_status_fields);

static const struct field sandbox_fields[] = {
	F_REQUIRED(STR, sandbox, sandbox_id),
	F_REQUIRED(STR, sandbox, state),
	F(STR, sandbox, state_reason),
	F(STR, sandbox, runner_id),
	F(STR, sandbox, runner_group_id),
	F(I64, sandbox, started_at),
	F(U64, sandbox, started_at_ns),
	F_SET(I64, sandbox, exit_code, has_exit_code),
	F_LIST(sandbox, containers, n_containers, &container_schema),
	F_LIST(sandbox, container_statuses, n_container_statuses, &container_status_schema),
	F_SET(STRS, sandbox, scratch_volumes, n_scratch_volumes),
};
static const SCHEMA(sandbox_schema, sandbox, sandbox_fields);

static const struct field snapshot_fields[] = {
	F_REQUIRED(STR, snapshot, snapshot_id),
	F_REQUIRED(STR, snapshot, state),
	F(STR, snapshot, state_reason),
	F(STR, snapshot, source_sandbox_id),
	F(STR, snapshot, source_volume),
	F(STR, snapshot, trigger),
	F(STR, snapshot, request_id),
	F(STR, snapshot, object_bucket),
	F(I64, snapshot, size_bytes),
	F(I64, snapshot, created_at),
	F(I64, snapshot, updated_at),
	F(I64, snapshot, completed_at),
	F(U64, snapshot, created_at_ns),
	F(U64, snapshot, updated_at_ns),
	F(U64, snapshot, completed_at_ns),
};
static const SCHEMA(snapshot_schema, snapshot, snapshot_fields);

static const struct field connection_fields[] = {
	F(I64, connection, id),
	F(STR, connection, endpoint),
	F(STR, connection, address),
	F(STR, connection, state),
	F(U64, connection, streams),
	F(U64, connection, max_streams),
	F(U64, connection, rtt_us),
	F(U64, connection, rx_bytes),
	F(U64, connection, tx_bytes),
};
static const SCHEMA(connection_schema, connection, connection_fields);

static const struct field status_fields[] = {
	F(STR, status, version),
	F(STR, status, boot_id),
	F(STR, status, socket),
	F(I64, status, pid),
	F(U64, status, uptime_s),
	F(U64, status, rss_bytes),
	F(U64, status, memory_bytes),
	F(U64, status, sessions),
	F(U64, status, clients),
	F_LIST(status, connections, n_connections, &connection_schema),
};
static const SCHEMA(status_schema, status, status_fields);

static const struct field violation_fields[] = {
	F(STR, violation, field),
	F(STR, violation, description),
};
static const SCHEMA(violation_schema, violation, violation_fields);

static const struct field error_fields[] = {
	F_REQUIRED(STR, error, code),
	F_REQUIRED(STR, error, message),
	F(STR, error, field),
	F(STR, error, limit),
	F(STR, error, url),
	F(STR, error, sandbox_id),
	F(STR, error, reason),
	F(STR, error, status),
	F(STR, error, detail),
	F_LIST(error, violations, n_violations, &violation_schema),
	F_SET(STRS, error, sessions, n_sessions),
	F(I64, error, status_code),
	F_SET(I64, error, retry_after_ms, has_retry_after),
	F_SET(I64, error, exit_code, has_exit_code),
	F(I64, error, min),
	F(I64, error, max),
	F(U64, error, credit),
	F(STR, error, holder),
	F(I64, error, holder_pid),
};
const SCHEMA(schema_error, error, error_fields);

/* Results that are a map of several things; a session, a sandbox and a status are maps of their
 * own. */
static const struct field sessions_fields[] = {
	F_LIST(answer, sessions, n_sessions, &session_schema),
	F(BOOL, answer, more),
};
static const SCHEMA(sessions_schema, answer, sessions_fields);

static const struct field sandboxes_fields[] = {
	F_LIST(answer, sandboxes, n_sandboxes, &sandbox_schema),
	F(STR, answer, next_page_token),
};
static const SCHEMA(sandboxes_schema, answer, sandboxes_fields);

static const struct field snapshots_fields[] = {
	F_LIST(answer, snapshots, n_snapshots, &snapshot_schema),
	F(STR, answer, next_page_token),
};
static const SCHEMA(snapshots_schema, answer, snapshots_fields);

static const struct field deleted_fields[] = {
	F_ONE(answer, sandbox, &sandbox_schema),
	F_SET(STRS, answer, snapshot_ids, n_snapshot_ids),
};
static const SCHEMA(deleted_schema, answer, deleted_fields);

static const struct field attached_fields[] = {
	F_REQUIRED(I64, answer, attachment),
	F_KEY(STR, answer, "session", session_id),
	F(STR, answer, name),
	F(STR, answer, role),
	F(STR, answer, state),
	F(STR, answer, policy),
	F(U64, answer, offset),
	F(U64, answer, cols),
	F(U64, answer, rows),
	F_REQUIRED(U64, answer, window),
	F_REQUIRED(U64, answer, input_window),
	F(BOOL, answer, fresh),
	F_SET(I64, answer, exit_code, has_exit_code),
};
static const SCHEMA(attached_schema, answer, attached_fields);

static const struct field other_fields[] = {
	F_SET(I64, answer, exit_code, has_exit_code),
	F(STR, answer, reason),
	F(STR, answer, state),
	F(STR, answer, text),
	F(STR, answer, fate),
	F(U64, answer, cols),
	F(U64, answer, rows),
	F(U64, answer, taken),
	F(U64, answer, detached),
	F_SET(STRS, answer, lines, n_lines),
	F(U64, answer, from),
	F(U64, answer, screen),
	F(U64, answer, cursor_x),
	F(U64, answer, cursor_y),
	F(U64, answer, cursor_shape),
	F(BOOL, answer, cursor_visible),
	F(BOOL, answer, alternate),
	F(BOOL, answer, more),
	F(STR, answer, title),
};
static const SCHEMA(other_schema, answer, other_fields);

static const struct field output_fields[] = {
	F_REQUIRED(I64, event, attachment),
	F(U64, event, offset),
	F(INT, event, stream),
	F_KEY(BYTES, event, "data", data, .extra = offsetof(struct cwsandbox_event, n), .required = true),
	/* of resync */
	F(U64, event, skipped_bytes),
	F(BOOL, event, first),
	F(BOOL, event, last),
};
static const SCHEMA(output_schema, event, output_fields);

static const struct field change_fields[] = {
	F_REQUIRED(I64, event, attachment),
	F(U64, event, cols),
	F(U64, event, rows),
	F(BOOL, event, lead),
	F(STR, event, name),
	F(STR, event, state),
	F(STR, event, reason),
	F(STR, event, message),
	F(U64, event, offset),
	F_SET(I64, event, exit_code, has_exit_code),
	F_LIST(event, clients, n_clients, &client_schema),
	F_ONE(event, error, &schema_error),
};
static const SCHEMA(change_schema, event, change_fields);

static const struct field shutdown_fields[] = {
	F(STR, event, reason),
};
static const SCHEMA(shutdown_schema, event, shutdown_fields);

static const struct field hello_fields[] = {
	F_REQUIRED(I64, server, version),
	F(STR, server, server),
	F(I64, server, pid),
	F_REQUIRED(STR, server, boot_id),
	F(BOOL, server, observer),
	F_SET(STRS, server, features, n_features),
};
const SCHEMA(schema_hello, server, hello_fields);

static const struct field limits_fields[] = {
	F(U64, server, window),
	F(U64, server, input_window),
};
const SCHEMA(schema_limits, server, limits_fields);

static const struct schema_event events[] = {
	{ "output", CWSANDBOX_EVENT_OUTPUT, &output_schema },
	{ "resync", CWSANDBOX_EVENT_REPAINT, &output_schema },
	{ "resized", CWSANDBOX_EVENT_RESIZED, &change_schema },
	{ "clients", CWSANDBOX_EVENT_CLIENTS, &change_schema },
	{ "state", CWSANDBOX_EVENT_STATE, &change_schema },
	{ "input_credit", CWSANDBOX_EVENT_CREDIT, &change_schema },
	{ "input_refused", CWSANDBOX_EVENT_INPUT_REFUSED, &change_schema },
	{ "exited", CWSANDBOX_EVENT_EXITED, &change_schema },
	{ "detached", CWSANDBOX_EVENT_DETACHED, &change_schema },
	{ "shutdown", CWSANDBOX_EVENT_SHUTDOWN, &shutdown_schema },
};

/* What is not here is other_schema. */
static const struct schema_answer answers[] = {
	[CWSANDBOX_SESSION_CREATE] = { &session_schema, offsetof(struct cwsandbox_answer, session) },
	[CWSANDBOX_SESSION_GET] = { &session_schema, offsetof(struct cwsandbox_answer, session) },
	[CWSANDBOX_SESSION_LIST] = { &sessions_schema, 0 },
	[CWSANDBOX_SESSION_ATTACH] = { &attached_schema, 0 },
	[CWSANDBOX_EXEC] = { &attached_schema, 0 },
	[CWSANDBOX_LOGS] = { &attached_schema, 0 },
	[CWSANDBOX_FILE_READ] = { &attached_schema, 0 },
	[CWSANDBOX_FILE_WRITE] = { &attached_schema, 0 },
	[CWSANDBOX_SANDBOX_CREATE] = { &sandbox_schema, offsetof(struct cwsandbox_answer, sandbox) },
	[CWSANDBOX_SANDBOX_GET] = { &sandbox_schema, offsetof(struct cwsandbox_answer, sandbox) },
	[CWSANDBOX_SANDBOX_LIST] = { &sandboxes_schema, 0 },
	[CWSANDBOX_SANDBOX_DELETE] = { &deleted_schema, 0 },
	[CWSANDBOX_DAEMON_STATUS] = { &status_schema, offsetof(struct cwsandbox_answer, status) },
	[CWSANDBOX_SNAPSHOT_CREATE] = { &snapshot_schema, offsetof(struct cwsandbox_answer, snapshot) },
	[CWSANDBOX_SNAPSHOT_GET] = { &snapshot_schema, offsetof(struct cwsandbox_answer, snapshot) },
	[CWSANDBOX_SNAPSHOT_LIST] = { &snapshots_schema, 0 },
	[CWSANDBOX_SNAPSHOT_DELETE] = { &snapshot_schema, offsetof(struct cwsandbox_answer, snapshot) },
};
/* clang-format on */

const struct schema_event *schema_of_event(const struct frame *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (frame_is(f, events[i].method))
			return &events[i];
	return NULL;
}

struct schema_answer schema_of_answer(enum cwsandbox_method method)
{
	static const struct schema_answer other = { &other_schema, 0 };

	return (size_t)method < ARRAY_SIZE(answers) && answers[method].schema ? answers[method]
									      : other;
}
