/* CreateFileSystemSnapshot, GetFileSystemSnapshot, ListFileSystemSnapshots, DeleteFileSystemSnapshot */
#include "local/snapshots.h"

#include <stdio.h>
#include <string.h>

#include "common/uuid.h"
#include "local/page.h"
#include "local/request.h"

#define STATE_DELETING COREWEAVE__SANDBOX__V1__SNAPSHOT_STATE__SNAPSHOT_STATE_DELETING
#define REASON_FSS(name) "CWSANDBOX_FSS_" name

#define MANUAL COREWEAVE__SANDBOX__V1__SNAPSHOT_TRIGGER__SNAPSHOT_TRIGGER_MANUAL
#define ON_DELETE COREWEAVE__SANDBOX__V1__SNAPSHOT_TRIGGER__SNAPSHOT_TRIGGER_ON_DELETE

typedef Coreweave__Sandbox__V1__CreateFileSystemSnapshotRequest CreateRequest;
typedef Coreweave__Sandbox__V1__ListFileSystemSnapshotsRequest ListRequest;

static struct vault *vault_of(const struct call *call)
{
	return call->service->boxes->vault;
}

/* ---- refusals ---- */

static void fail_no_room(struct call *call, int r)
{
	if (r == SNAPSHOT_E_BUSY)
		call_fail_with(call, GRPC_RESOURCE_EXHAUSTED, REASON_FSS("INFLIGHT_LIMIT"),
			"%d snapshots are being made already; try again", SNAPSHOTS_UNFINISHED_MAX);
	else if (r == SNAPSHOT_E_FULL)
		call_fail_with(call, GRPC_RESOURCE_EXHAUSTED, REASON_FSS("QUOTA_EXCEEDED"),
			"there are %d snapshots already; delete some", SNAPSHOTS_MAX);
	else if (r == SNAPSHOT_E_BYTES)
		call_fail_with(call, GRPC_RESOURCE_EXHAUSTED, REASON_FSS("QUOTA_EXCEEDED"),
			"the snapshots have 64 GiB already; delete some");
	else
		call_fail_with(call, call_code_of(r), REASON_FSS("CREATE_FAILED"),
			"cannot make a snapshot: %s", strerror(-r));
}

static void fail_conflict(struct call *call)
{
	call_fail_with(call, GRPC_ALREADY_EXISTS, "CWSANDBOX_REQUEST_ID_CONFLICT",
		"this request_id was used for another request");
}

static void fail_no_volume(struct call *call, const struct sandbox *sb, const char *field)
{
	if (!sb->spec->n_volumes)
		call_fail_with(call, GRPC_FAILED_PRECONDITION, REASON_FSS("NOT_SUPPORTED"),
			"sandbox %s has no scratch volume", sb->id);
	else
		call_fail_field(call, field, "must name a scratch volume of the sandbox");
}

static bool request_id_ok(struct call *call, const char *request_id)
{
	if (strlen(request_id) <= SANDBOX_REQUEST_ID_MAX)
		return true;
	call_fail_field(call, "request_id", "at most 128 bytes");
	return false;
}

/* ---- create ---- */

static int make(struct call *call, struct snapshot_new *what, struct snapshot **ret)
{
	char id[UUID_BYTES];
	int r = uuid_make(id);

	what->id = id;
	return r ? r : vault_create(vault_of(call), what, ret);
}

static void create(struct call *call, const CreateRequest *req, const struct sandbox *sb)
{
	const Coreweave__Sandbox__V1__SandboxVolume *v =
		spec_volume(sb->spec, req->scratch_volume_name);
	struct snapshot_new what = {
		.sandbox_id = sb->id, .request_id = req->request_id, .trigger = MANUAL
	};
	struct snapshot *sn;
	int r;

	if (!v)
		return fail_no_volume(call, sb, "scratch_volume_name");
	what.volume = v->name;
	r = snapshot_find_request(&vault_of(call)->set, &what, &sn);
	if (r == SNAPSHOT_E_CONFLICT)
		return fail_conflict(call);
	if (sn) {
		call_answer(call, &sn->m->base);
		return;
	}
	if (!sandbox_live(sb)) {
		call_fail_with(call, GRPC_FAILED_PRECONDITION, NULL, "sandbox %s is %s", sb->id,
			sandbox_state_name(sb->state));
		return;
	}
	r = vault_room(vault_of(call), 1);
	r = r ? r : make(call, &what, &sn);
	if (r)
		fail_no_room(call, r);
	else
		call_answer(call, &sn->m->base);
}

static void on_create(struct call *call, const uint8_t *data, size_t n)
{
	CreateRequest *req = request_unpack(
		&coreweave__sandbox__v1__create_file_system_snapshot_request__descriptor, data, n);
	struct sandbox *sb;

	if (!req)
		return call_fail_not_understood(call);
	sb = request_id_ok(call, req->request_id) ? call_sandbox(call, req->sandbox_id) : NULL;
	if (sb)
		create(call, req, sb);
	coreweave__sandbox__v1__create_file_system_snapshot_request__free_unpacked(req, NULL);
}

/* ---- at the end of a sandbox ---- */

/* All of them or none, so that the request can be made again. */
static int make_all(struct call *call, const struct sandbox *sb, const struct snapshots_at_end *end,
	struct snapshot **ret)
{
	int r = 0;

	for (size_t i = 0; !r && i < end->n; i++) {
		struct snapshot_new what = { .sandbox_id = sb->id,
			.volume = end->volumes[i],
			.request_id = end->request_id,
			.trigger = ON_DELETE };

		r = make(call, &what, &ret[i]);
	}
	for (size_t i = 0; r && i < end->n && ret[i]; i++)
		vault_withdraw(vault_of(call), ret[i]);
	return r;
}

/* Those that the same request made before: all of them, or none. */
static int find_all(struct call *call, const struct sandbox *sb, const struct snapshots_at_end *end,
	struct snapshot **ret)
{
	size_t n_found = 0;

	for (size_t i = 0; i < end->n; i++) {
		const struct snapshot_new what = { .sandbox_id = sb->id,
			.volume = end->volumes[i],
			.request_id = end->request_id,
			.trigger = ON_DELETE };
		int r = snapshot_find_request(&vault_of(call)->set, &what, &ret[i]);

		if (r)
			return r;
		n_found += ret[i] != NULL;
	}
	return n_found && n_found < end->n ? SNAPSHOT_E_CONFLICT : 0;
}

static bool names_ok(
	struct call *call, const struct sandbox *sb, const struct snapshots_at_end *end)
{
	for (size_t i = 0; i < end->n; i++) {
		bool twice = false;

		for (size_t k = 0; k < i; k++)
			twice |= !strcmp(end->volumes[i], end->volumes[k]);
		if (twice || !*end->volumes[i] || !spec_volume(sb->spec, end->volumes[i])) {
			fail_no_volume(call, sb, "snapshot_volumes");
			return false;
		}
	}
	return true;
}

bool snapshots_at_end(struct call *call, const struct sandbox *sb,
	const struct snapshots_at_end *end, struct snapshot **ret)
{
	int r;

	if (!request_id_ok(call, end->request_id) || !names_ok(call, sb, end))
		return false;
	r = find_all(call, sb, end, ret);
	if (r == SNAPSHOT_E_CONFLICT) {
		fail_conflict(call);
		return false;
	}
	if (ret[0])
		return true;
	if (!sandbox_live(sb)) {
		call_fail_with(call, GRPC_FAILED_PRECONDITION, REASON_FSS("NOT_SUPPORTED"),
			"sandbox %s is %s: its volumes cannot be kept any more", sb->id,
			sandbox_state_name(sb->state));
		return false;
	}
	r = vault_room(vault_of(call), end->n);
	r = r ? r : make_all(call, sb, end, ret);
	if (r)
		fail_no_room(call, r);
	return !r;
}

bool snapshots_to_restore_ok(struct call *call, const Coreweave__Sandbox__V1__SandboxSpec *spec)
{
	for (size_t i = 0; i < spec->n_volumes; i++) {
		const Coreweave__Sandbox__V1__SandboxVolume *v = spec->volumes[i];
		bool scratch =
			v->source_case == COREWEAVE__SANDBOX__V1__SANDBOX_VOLUME__SOURCE_SCRATCH;
		const char *id = scratch ? v->scratch->restore_from_snapshot_id : "";
		const struct snapshot *sn = snapshot_find(&vault_of(call)->set, id);

		if (*id && !sn) {
			call_fail_with(call, GRPC_NOT_FOUND, REASON_FSS("NOT_FOUND"),
				"there is no snapshot to restore volume %s from", v->name);
			return false;
		}
		if (sn && sn->m->state !=
				  COREWEAVE__SANDBOX__V1__SNAPSHOT_STATE__SNAPSHOT_STATE_READY) {
			call_fail_with(call, GRPC_FAILED_PRECONDITION, REASON_FSS("NOT_READY"),
				"the snapshot for volume %s is not ready", v->name);
			return false;
		}
	}
	return true;
}

/* ---- get, delete ---- */

static void fail_missing(struct call *call)
{
	call_fail_with(call, GRPC_NOT_FOUND, REASON_FSS("NOT_FOUND"), "there is no such snapshot");
}

static struct snapshot *find(struct call *call, const char *id)
{
	struct snapshot *sn = snapshot_find(&vault_of(call)->set, id);

	if (!sn)
		fail_missing(call);
	return sn;
}

static void on_get(struct call *call, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__GetFileSystemSnapshotRequest *req = request_unpack(
		&coreweave__sandbox__v1__get_file_system_snapshot_request__descriptor, data, n);
	struct snapshot *sn;

	if (!req)
		return call_fail_not_understood(call);
	sn = find(call, req->file_system_snapshot_id);
	if (sn)
		call_answer(call, &sn->m->base);
	coreweave__sandbox__v1__get_file_system_snapshot_request__free_unpacked(req, NULL);
}

/* Answered before it begins: a removal may be over at once. */
static void delete_it(struct call *call, struct snapshot *sn)
{
	SnapshotRecord m = *sn->m;

	m.state = STATE_DELETING;
	call_answer(call, &m.base);
	vault_delete(vault_of(call), sn);
}

/* One that is going is gone for who deletes: a second deletion says the same whenever it comes. */
static void on_delete(struct call *call, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__DeleteFileSystemSnapshotRequest *req = request_unpack(
		&coreweave__sandbox__v1__delete_file_system_snapshot_request__descriptor, data, n);
	SnapshotRecord none = COREWEAVE__SANDBOX__V1__FILE_SYSTEM_SNAPSHOT__INIT;
	struct snapshot *sn;

	if (!req)
		return call_fail_not_understood(call);
	sn = snapshot_find(&vault_of(call)->set, req->file_system_snapshot_id);
	if (sn && sn->m->state != STATE_DELETING)
		delete_it(call, sn);
	else if (req->allow_missing)
		call_answer(call, &none.base);
	else
		fail_missing(call);
	coreweave__sandbox__v1__delete_file_system_snapshot_request__free_unpacked(req, NULL);
}

/* ---- list ---- */

static void list_page(struct call *call, const ListRequest *req)
{
	Coreweave__Sandbox__V1__ListFileSystemSnapshotsResponse res =
		COREWEAVE__SANDBOX__V1__LIST_FILE_SYSTEM_SNAPSHOTS_RESPONSE__INIT;
	_cleanup_(freep) struct snapshot **found = NULL;
	_cleanup_(freep) SnapshotRecord **list = NULL;
	char token[PAGE_TOKEN_BYTES] = "";
	struct page page;
	bool more;
	size_t n;

	if (!call_page(call, req->page_size, req->page_token, &page))
		return;
	found = calloc(page.max, sizeof(struct snapshot *));
	list = calloc(page.max, sizeof(SnapshotRecord *));
	if (!found || !list)
		return call_fail_memory(call);
	n = snapshots_list(
		&vault_of(call)->set, req->source_sandbox_id, page.after, found, page.max, &more);
	for (size_t i = 0; i < n; i++)
		list[i] = found[i]->m;
	if (more)
		page_token(token, found[n - 1]->seq);
	res.n_file_system_snapshots = n;
	res.file_system_snapshots = list;
	res.next_page_token = token;
	call_answer(call, &res.base);
}

static void on_list(struct call *call, const uint8_t *data, size_t n)
{
	ListRequest *req = request_unpack(
		&coreweave__sandbox__v1__list_file_system_snapshots_request__descriptor, data, n);

	if (!req)
		return call_fail_not_understood(call);
	list_page(call, req);
	coreweave__sandbox__v1__list_file_system_snapshots_request__free_unpacked(req, NULL);
}

const struct method snapshots_methods[] = {
	{ .name = "CreateFileSystemSnapshot", .on_request = on_create },
	{ .name = "GetFileSystemSnapshot", .on_request = on_get },
	{ .name = "ListFileSystemSnapshots", .on_request = on_list },
	{ .name = "DeleteFileSystemSnapshot", .on_request = on_delete },
	{ 0 },
};
