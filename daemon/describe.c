#include "daemon/describe.h"

#include <string.h>

#include "daemon/probe.h"

#define CONTAINER_VALUES 7 /* a map of 3 */
#define STATUS_VALUES 9    /* a map of 4 */
#define SANDBOX_VALUES (1 + 2 * DESCRIBE_FIELDS)
#define FRAME_SPARE 64 /* values of a page outside its sandboxes */

static void put_text(struct frame_out *out, const char *key, const char *text)
{
	size_t n = strnlen(text, DESCRIBE_TEXT_MAX);

	while (n > 0 && n == DESCRIBE_TEXT_MAX && ((uint8_t)text[n] & 0xc0) == 0x80)
		n--; /* not inside a character */
	frame_put_strn(out, key, text, n);
}

/* How many entries of a list fit into what is left of *room values. */
static size_t take(size_t *room, size_t n, size_t each)
{
	size_t fits = n < *room / each ? n : *room / each;

	*room -= fits * each;
	return fits;
}

static void put_containers(
	struct frame_out *out, const Coreweave__Sandbox__V1__SandboxSpec *spec, size_t *room)
{
	size_t n = take(room, spec ? spec->n_containers : 0, CONTAINER_VALUES);

	frame_put_array(out, "containers", n);
	for (size_t i = 0; i < n; i++) {
		const Coreweave__Sandbox__V1__Container *c = spec->containers[i];

		frame_put_map(out, NULL, 3);
		put_text(out, "name", c->name);
		put_text(out, "image", c->image);
		frame_put_bool(out, "primary",
			spec->n_containers == 1 || (c->opt_primary_case && c->primary));
	}
}

static void put_statuses(
	struct frame_out *out, const Coreweave__Sandbox__V1__SandboxStatus *st, size_t *room)
{
	size_t n = take(room, st ? st->n_container_statuses : 0, STATUS_VALUES);

	frame_put_array(out, "container_statuses", n);
	for (size_t i = 0; i < n; i++) {
		const Coreweave__Sandbox__V1__ContainerStatus *c = st->container_statuses[i];

		frame_put_map(out, NULL, 4);
		put_text(out, "name", c->name);
		frame_put_str(out, "state", probe_state_name((int)c->state));
		frame_put_i64(out, "exit_code", c->exit_code);
		frame_put_i64(out, "restart_count", c->restart_count);
	}
}

static bool is_scratch(const Coreweave__Sandbox__V1__SandboxVolume *v)
{
	return v->source_case != COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__SOURCE_VOLUME_ID;
}

static void put_scratch(
	struct frame_out *out, const Coreweave__Sandbox__V1__SandboxSpec *spec, size_t *room)
{
	size_t n = 0;

	for (size_t i = 0; spec && i < spec->n_volumes; i++)
		n += is_scratch(spec->volumes[i]);
	n = take(room, n, 1);
	frame_put_array(out, "scratch_volumes", n);
	for (size_t i = 0; n > 0; i++)
		if (is_scratch(spec->volumes[i])) {
			frame_add_str(out, spec->volumes[i]->name);
			n--;
		}
}

/* Milliseconds, and what is left of them in nanoseconds. */
static void put_time(struct frame_out *out, const char *key, const char *key_ns,
	const Google__Protobuf__Timestamp *t)
{
	if (!t || t->seconds < 0 || t->seconds > INT64_MAX / 1000 - 1 || t->nanos < 0 ||
		t->nanos > 999999999) {
		frame_put_nil(out, key);
		frame_put_nil(out, key_ns);
		return;
	}
	frame_put_i64(out, key, t->seconds * 1000 + t->nanos / 1000000);
	frame_put_i64(out, key_ns, t->nanos % 1000000);
}

void describe_sandbox(
	struct frame_out *out, const Coreweave__Sandbox__V1__Sandbox *sb, size_t n_values)
{
	const Coreweave__Sandbox__V1__SandboxStatus *st = sb->status;

	put_text(out, "sandbox_id", sb->sandbox_id);
	frame_put_str(out, "state", probe_state_name(st ? (int)st->state : 0));
	put_text(out, "state_reason", st ? st->state_reason : "");
	put_text(out, "runner_id", st ? st->runner_id : "");
	put_text(out, "runner_group_id", st ? st->runner_group_id : "");
	put_time(out, "started_at", "started_at_ns", st ? st->start_time : NULL);
	if (st && st->opt_exit_code_case)
		frame_put_i64(out, "exit_code", st->exit_code);
	else
		frame_put_nil(out, "exit_code");
	put_containers(out, sb->spec, &n_values);
	put_statuses(out, st, &n_values);
	put_scratch(out, sb->spec, &n_values);
}

void describe_list(struct frame_out *out, const Coreweave__Sandbox__V1__ListSandboxesResponse *list)
{
	size_t n = list->n_sandboxes, each = n ? (FRAME_OBJECTS_MAX - FRAME_SPARE) / n : 0;

	frame_put_array(out, "sandboxes", n);
	for (size_t i = 0; i < n; i++) {
		frame_put_map(out, NULL, DESCRIBE_FIELDS);
		describe_sandbox(out, list->sandboxes[i], each - SANDBOX_VALUES);
	}
	frame_put_str(out, "next_page_token", list->next_page_token);
}

/* ---- snapshots ---------------------------------------------------------------------------------- */

static const char *snapshot_state(int state)
{
	static const char *const names[] = { "unspecified", "creating", "ready", "failed",
		"deleting" };

	return (unsigned)state < ARRAY_SIZE(names) ? names[state] : names[0];
}

static const char *snapshot_trigger(int trigger)
{
	static const char *const names[] = { "unspecified", "manual", "on_delete" };

	return (unsigned)trigger < ARRAY_SIZE(names) ? names[trigger] : names[0];
}

void describe_snapshot(struct frame_out *out, const Coreweave__Sandbox__V1__FileSystemSnapshot *sn)
{
	put_text(out, "snapshot_id", sn->file_system_snapshot_id);
	frame_put_str(out, "state", snapshot_state((int)sn->state));
	put_text(out, "state_reason", sn->state_reason);
	frame_put_i64(out, "size_bytes", sn->size_bytes);
	put_text(out, "source_sandbox_id", sn->source_sandbox_id);
	put_text(out, "source_volume", sn->source_volume_name);
	frame_put_str(out, "trigger", snapshot_trigger((int)sn->trigger));
	put_text(out, "request_id", sn->request_id);
	put_text(out, "object_bucket", sn->object_bucket);
	put_time(out, "created_at", "created_at_ns", sn->create_time);
	put_time(out, "updated_at", "updated_at_ns", sn->updated_at);
	put_time(out, "completed_at", "completed_at_ns", sn->complete_time);
}

void describe_snapshots(
	struct frame_out *out, const Coreweave__Sandbox__V1__ListFileSystemSnapshotsResponse *list)
{
	frame_put_array(out, "snapshots", list->n_file_system_snapshots);
	for (size_t i = 0; i < list->n_file_system_snapshots; i++) {
		frame_put_map(out, NULL, DESCRIBE_SNAPSHOT_FIELDS);
		describe_snapshot(out, list->file_system_snapshots[i]);
	}
	put_text(out, "next_page_token", list->next_page_token);
}
