/* CreateSandbox, GetSandbox, ListSandboxes, DeleteSandbox */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "common/uuid.h"
#include "local/page.h"
#include "local/request.h"
#include "local/service.h"
#include "local/snapshots.h"
#include "local/view.h"

#define PAGE_BYTES ((size_t)8 * 1024 * 1024) /* a page ends with the sandbox that goes past it */

typedef Coreweave__Sandbox__V1__Sandbox Sandbox;
typedef Coreweave__Sandbox__V1__SandboxSpec Spec;

static void answer_sandbox(struct call *call, const struct sandbox *sb)
{
	struct view v;

	call_answer(call, view_sandbox(&v, sb));
}

/* ---- create ---- */

/* Without namespaces of its own a sandbox cannot be shown a volume at a path. */
static bool mounts_volumes(const Spec *spec)
{
	for (size_t i = 0; i < spec->n_containers; i++)
		if (spec->containers[i]->n_volume_mounts)
			return true;
	return false;
}

/* Of the whole request: the same one again is the same bytes, and a first word of a digest tells
 * others apart. */
static uint64_t hash_request(const uint8_t *data, size_t n)
{
	uint8_t out[EVP_MAX_MD_SIZE] = { 0 };
	uint64_t hash;

	EVP_Digest(data, n, out, NULL, EVP_sha256(), NULL);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

static void create(
	struct call *call, Coreweave__Sandbox__V1__CreateSandboxRequest *req, uint64_t hash)
{
	struct boxes *boxes = call->service->boxes;
	char id[SANDBOX_ID_BYTES];
	struct sandbox_new what = {
		.id = id,
		.spec = req->sandbox->spec,
		.display_name = req->sandbox->display_name,
		.request_id = req->request_id,
		.request_hash = hash,
	};
	struct sandbox *sb;
	int r = boxes->stopping ? SANDBOX_E_FULL : uuid_make(id);

	r = r ? r : registry_add(&boxes->reg, &what, &call->service->loop->clock, &sb);
	if (r == SANDBOX_E_FULL) {
		call_fail_with(call, GRPC_RESOURCE_EXHAUSTED, "CWSANDBOX_RUNNER_CAPACITY_EXHAUSTED",
			"the service takes no more sandboxes now (at most %d at once)",
			SANDBOX_LIVE_MAX);
		return;
	}
	if (r) {
		call_fail_with(
			call, call_code_of(r), NULL, "cannot make a sandbox: %s", strerror(-r));
		return;
	}
	req->sandbox->spec = NULL; /* the sandbox's now */
	box_start(boxes, sb);
	answer_sandbox(call, sb);
}

/* What this machine has, and what of it is to stay free. False: answered. */
static bool has_room(struct call *call, const Spec *spec)
{
	struct boxes *bs = call->service->boxes;
	uint64_t memory = limits_requested_bytes(spec);

	if (memory > bs->memory_bytes)
		call_fail_with(call, GRPC_FAILED_PRECONDITION,
			"CWSANDBOX_RESOURCE_CEILING_EXCEEDED",
			"it requests %" PRIu64 " MiB of memory, and this machine has %" PRIu64
			" MiB",
			memory >> 20, bs->memory_bytes >> 20);
	else if (!watch_has_room(&bs->watch, 0))
		call_fail_with(call, GRPC_RESOURCE_EXHAUSTED, "CWSANDBOX_RUNNER_CAPACITY_EXHAUSTED",
			"this machine's disk is nearly full: %" PRIu64
			" MiB are free where the state folder is, and a sandbox starts with "
			"%" PRIu64,
			bs->watch.free_bytes >> 20, (DISK_FREE_BYTES + DISK_MARGIN_BYTES) >> 20);
	else
		return true;
	return false;
}

static void on_create(struct call *call, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__CreateSandboxRequest *req = request_unpack(
		&coreweave__sandbox__v1__create_sandbox_request__descriptor, data, n);
	struct grpc_status st = { 0 };
	uint64_t hash = hash_request(data, n);
	struct sandbox *sb = NULL;
	int r;

	if (!req)
		return call_fail_not_understood(call);
	r = registry_find_request(&call->service->boxes->reg, req->request_id, hash, &sb);
	if (r == SANDBOX_E_CONFLICT)
		call_fail_with(call, GRPC_ALREADY_EXISTS, "CWSANDBOX_REQUEST_ID_CONFLICT",
			"this request_id was used for another request");
	else if (sb)
		answer_sandbox(call, sb);
	else if (!req->sandbox || !req->sandbox->spec)
		call_fail_field(call, "sandbox.spec", "must be set");
	else if (strlen(req->request_id) > SANDBOX_REQUEST_ID_MAX)
		call_fail_field(call, "request_id", "at most 128 bytes");
	else if (spec_check(req->sandbox->spec, &st))
		call_fail(call, &st);
	else if (mounts_volumes(req->sandbox->spec) &&
		 call->service->boxes->launcher.isolation == ISOLATION_NONE)
		call_fail_with(call, GRPC_UNIMPLEMENTED, REASON_NOT_IMPLEMENTED,
			"volumes can only be mounted with --isolation bwrap");
	else if (has_room(call, req->sandbox->spec) &&
		 snapshots_to_restore_ok(call, req->sandbox->spec))
		create(call, req, hash);
	coreweave__sandbox__v1__create_sandbox_request__free_unpacked(req, NULL);
}

/* ---- get ---- */

static void on_get(struct call *call, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__GetSandboxRequest *req =
		request_unpack(&coreweave__sandbox__v1__get_sandbox_request__descriptor, data, n);
	struct sandbox *sb;

	if (!req)
		return call_fail_not_understood(call);
	sb = call_sandbox(call, req->sandbox_id);
	if (sb)
		answer_sandbox(call, sb);
	coreweave__sandbox__v1__get_sandbox_request__free_unpacked(req, NULL);
}

/* ---- list ---- */

static void answer_list(struct call *call, struct sandbox **found, size_t n, bool more)
{
	Coreweave__Sandbox__V1__ListSandboxesResponse res =
		COREWEAVE__SANDBOX__V1__LIST_SANDBOXES_RESPONSE__INIT;
	_cleanup_(freep) struct view *views = calloc(n + 1, sizeof(*views));
	_cleanup_(freep) Sandbox **list = calloc(n + 1, sizeof(*list));
	char token[PAGE_TOKEN_BYTES] = "";
	size_t bytes = 0;

	if (!views || !list)
		return call_fail_memory(call);
	for (size_t i = 0; i < n; i++) {
		bytes += protobuf_c_message_get_packed_size(view_sandbox(&views[i], found[i]));
		list[i] = &views[i].sandbox;
		if (bytes > PAGE_BYTES && i + 1 < n) {
			n = i + 1;
			more = true;
		}
	}
	if (more)
		page_token(token, found[n - 1]->seq);
	res.n_sandboxes = n;
	res.sandboxes = list;
	res.next_page_token = token;
	call_answer(call, &res.base);
}

static void list_page(struct call *call, const Coreweave__Sandbox__V1__ListSandboxesRequest *req)
{
	const struct sandbox_filter filter = {
		.tags = req->tags,
		.n_tags = req->n_tags,
		.runner_ids = req->runner_ids,
		.n_runner_ids = req->n_runner_ids,
		.show_ended = req->show_terminated,
		.ascending = req->sort_direction ==
			     COREWEAVE__SANDBOX__V1__SORT_DIRECTION__SORT_DIRECTION_ASCENDING,
		.nothing = req->n_volume_ids > 0, /* there are no volumes */
		.state = req->state,
	};
	_cleanup_(freep) struct sandbox **found = NULL;
	struct page page;
	bool more;
	size_t n;

	if (!call_page(call, req->page_size, req->page_token, &page))
		return;
	found = calloc(page.max, sizeof(struct sandbox *));
	if (!found)
		return call_fail_memory(call);
	n = registry_list(&call->service->boxes->reg, &filter, page.after, found, page.max, &more);
	answer_list(call, found, n, more);
}

static void on_list(struct call *call, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__ListSandboxesRequest *req = request_unpack(
		&coreweave__sandbox__v1__list_sandboxes_request__descriptor, data, n);

	if (!req)
		return call_fail_not_understood(call);
	list_page(call, req);
	coreweave__sandbox__v1__list_sandboxes_request__free_unpacked(req, NULL);
}

/* ---- delete ---- */

typedef Coreweave__Sandbox__V1__DeleteSandboxRequest DeleteRequest;

static void delete_it(struct call *call, struct sandbox *sb, const DeleteRequest *req)
{
	Coreweave__Sandbox__V1__DeleteSandboxResponse res =
		COREWEAVE__SANDBOX__V1__DELETE_SANDBOX_RESPONSE__INIT;
	const struct snapshots_at_end end = { .volumes = req->snapshot_volumes,
		.n = req->n_snapshot_volumes,
		.request_id = req->request_id };
	struct snapshot *made[SPEC_VOLUMES_MAX] = { NULL };
	char *ids[SPEC_VOLUMES_MAX];
	struct view v;

	if (end.n && !snapshots_at_end(call, sb, &end, made))
		return;
	if (box_of(sb))
		box_stop(box_of(sb), (uint64_t)req->grace_period_seconds);
	for (size_t i = 0; i < end.n; i++)
		ids[i] = made[i]->m->file_system_snapshot_id;
	view_sandbox(&v, sb);
	res.sandbox = &v.sandbox;
	res.file_system_snapshot_ids = ids;
	res.n_file_system_snapshot_ids = end.n;
	call_answer(call, &res.base);
}

static void on_delete(struct call *call, const uint8_t *data, size_t n)
{
	DeleteRequest *req = request_unpack(
		&coreweave__sandbox__v1__delete_sandbox_request__descriptor, data, n);
	Coreweave__Sandbox__V1__DeleteSandboxResponse empty =
		COREWEAVE__SANDBOX__V1__DELETE_SANDBOX_RESPONSE__INIT;
	struct sandbox *sb;

	if (!req)
		return call_fail_not_understood(call);
	sb = registry_find(&call->service->boxes->reg, req->sandbox_id);
	if (req->grace_period_seconds < 0 || req->grace_period_seconds > SANDBOX_GRACE_MAX_SEC)
		call_fail_field(call, "grace_period_seconds", "must be from 0 to 3600");
	else if (req->n_snapshot_volumes > SPEC_VOLUMES_MAX)
		call_fail_field(call, "snapshot_volumes", "at most 16 volumes");
	else if (!sb && req->allow_missing)
		call_answer(call, &empty.base);
	else if (!sb)
		call_sandbox(call, req->sandbox_id);
	else
		delete_it(call, sb, req);
	coreweave__sandbox__v1__delete_sandbox_request__free_unpacked(req, NULL);
}

/* ---- purge ---- */

static void purge(struct call *call, const Coreweave__Sandbox__V1__PurgeSandboxesRequest *req)
{
	Coreweave__Sandbox__V1__PurgeSandboxesResponse res =
		COREWEAVE__SANDBOX__V1__PURGE_SANDBOXES_RESPONSE__INIT;
	struct registry *reg = &call->service->boxes->reg;
	const struct sandbox_filter filter = { .tags = req->tags, .n_tags = req->n_tags };
	_cleanup_(freep) struct sandbox **found =
		calloc(SANDBOX_LIVE_MAX, sizeof(struct sandbox *));
	bool more;
	size_t n;

	if (!found)
		return call_fail_memory(call);
	n = registry_list(reg, &filter, 0, found, SANDBOX_LIVE_MAX, &more);
	for (size_t i = 0; i < n; i++) {
		if (found[i]->state == COREWEAVE__SANDBOX__V1__STATE__STATE_TERMINATING)
			continue; /* it is on its way already */
		res.purge_count++;
		if (!req->dry_run && box_of(found[i]))
			box_stop(box_of(found[i]), 0);
	}
	call_answer(call, &res.base);
}

static void on_purge(struct call *call, const uint8_t *data, size_t n)
{
	Coreweave__Sandbox__V1__PurgeSandboxesRequest *req = request_unpack(
		&coreweave__sandbox__v1__purge_sandboxes_request__descriptor, data, n);

	if (!req)
		return call_fail_not_understood(call);
	if (!req->n_tags == !req->purge_all)
		call_fail_field(call, "tags", "either tags or purge_all must be set");
	else
		purge(call, req);
	coreweave__sandbox__v1__purge_sandboxes_request__free_unpacked(req, NULL);
}

const struct method sandboxes_methods[] = {
	{ .name = "CreateSandbox", .on_request = on_create },
	{ .name = "GetSandbox", .on_request = on_get },
	{ .name = "ListSandboxes", .on_request = on_list },
	{ .name = "DeleteSandbox", .on_request = on_delete },
	{ .name = "PurgeSandboxes", .on_request = on_purge },
	{ 0 },
};
