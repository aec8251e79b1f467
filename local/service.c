#include "local/service.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "local/fault.h"

#define SERVICE_PATH "/coreweave.sandbox.v1.SandboxService/"
#define DIRECT_PATH "/coreweave.sandbox.v1.SandboxDataPlaneService/"
#define BEARER "Bearer "

/* ---- who may call ---- */

static int digest(const char *text, uint8_t out[SERVICE_DIGEST_BYTES])
{
	return EVP_Digest(text, strlen(text), out, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

/* Digests are compared, so that neither the token's length nor its start shows in the time it
 * takes. */
static bool authorized(const struct service *s, const char *header)
{
	uint8_t given[SERVICE_DIGEST_BYTES];

	if (!header || strncasecmp(header, BEARER, strlen(BEARER)) ||
		digest(header + strlen(BEARER), given))
		return false;
	return CRYPTO_memcmp(given, s->token, sizeof(given)) == 0;
}

int service_init(struct service *s, struct loop *loop, struct boxes *boxes, const char *token)
{
	*s = (struct service){ .loop = loop, .boxes = boxes };
	log_sessions_init(&s->log_sessions);
	ledger_init(&s->gathering, NULL, SERVICE_GATHER_MAX);
	return digest(token, s->token);
}

void service_done(struct service *s)
{
	log_sessions_done(&s->log_sessions);
	OPENSSL_cleanse(s->token, sizeof(s->token));
}

/* ---- which family answers ---- */

static const struct method *find_method(const struct calls *calls, const char *path)
{
	const struct method *const families[] = { sandboxes_methods, exec_methods, logs_methods,
		files_methods, snapshots_methods, connect_methods };
	const char *service = calls->grant ? DIRECT_PATH : SERVICE_PATH;

	if (!path || strncmp(path, service, strlen(service)))
		return NULL;
	path += strlen(service);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		for (const struct method *m = families[i]; m->name; m++)
			if (!strcmp(m->name, path))
				return calls->grant && !m->permission ? NULL : m;
	return NULL;
}

/* ---- a call ---- */

void calls_init(struct calls *calls, struct service *service)
{
	calls->service = service;
	calls->grant = NULL;
	calls->authenticated = false;
	list_init(&calls->live);
	list_init(&calls->dead);
}

void calls_grant(struct calls *calls, const struct grant *grant)
{
	calls->grant = grant;
	calls->authenticated = true;
}

static void call_free(struct call *call)
{
	list_unlink(&call->link);
	grpc_gather_done(&call->gather);
	grpc_outbox_done(&call->out);
	grpc_status_done(&call->finish);
	if (call->ev_deadline)
		event_free(call->ev_deadline);
	if (call->ev_finish)
		event_free(call->ev_finish);
	free(call);
}

void calls_free_dead(struct calls *calls)
{
	struct call *call;

	while ((call = list_first(&calls->dead, struct call, link)) != NULL)
		call_free(call);
}

static void forget_gathered(struct call *call)
{
	ledger_sub(&call->service->gathering, call->gathering);
	call->gathering = 0;
	grpc_gather_done(&call->gather);
	memset(&call->gather, 0, sizeof(call->gather));
}

int call_gather(struct call *call, const struct grpc_part *part)
{
	const uint8_t *data;
	size_t n;
	int r;

	grpc_consume(&call->rpc, part->n);
	if (call->answered || call->gathered)
		return 0;
	if (!part->offset && ledger_take(&call->service->gathering, part->message_size)) {
		call_fail_with(call, GRPC_RESOURCE_EXHAUSTED, NULL,
			"too many bytes of requests at once; try again later");
		return 0;
	}
	if (!part->offset)
		call->gathering = part->message_size;
	r = grpc_gather_feed(&call->gather, part, &data, &n);
	if (r == GRPC_GATHER_WHOLE) {
		call->gathered = true;
		call->method->on_request(call, data, n);
		forget_gathered(call);
	}
	return r < 0 ? r : 0;
}

static int on_part(struct grpc_call *rpc, const struct grpc_part *part)
{
	struct call *call = container_of(rpc, struct call, rpc);

	if (call->method && call->method->on_part)
		return call->method->on_part(call, part);
	if (call->method)
		return call_gather(call, part);
	grpc_consume(rpc, part->n);
	return 0;
}

static void on_half_close(struct grpc_call *rpc)
{
	struct call *call = container_of(rpc, struct call, rpc);

	if (call->method && call->method->on_half_close)
		call->method->on_half_close(call);
	else if (!call->answered && !call->gathered)
		call_fail_with(call, GRPC_INVALID_ARGUMENT, REASON_INVALID_REQUEST,
			"the request has no message");
}

static size_t read_body(struct call *call, uint8_t *buf, size_t n)
{
	if (!grpc_outbox_empty(&call->out))
		return grpc_outbox_read(&call->out, buf, n);
	if (call->cut || !call->ops || !call->ops->read)
		return 0;
	return call->ops->read(call, buf, n);
}

static size_t on_read(struct grpc_call *rpc, uint8_t *buf, size_t n, bool *ret_end _unused_)
{
	struct call *call = container_of(rpc, struct call, rpc);
	size_t l = read_body(call, buf, n);

	call->sent += l;
	return l;
}

static void on_done(struct grpc_call *rpc, const struct grpc_status *st _unused_)
{
	struct call *call = container_of(rpc, struct call, rpc);

	forget_gathered(call);
	if (call->ops && call->ops->on_end)
		call->ops->on_end(call);
	call->ops = NULL;
	if (call->ev_deadline)
		event_del(call->ev_deadline);
	if (call->ev_finish)
		event_del(call->ev_finish);
	list_unlink(&call->link);
	list_append(&call->calls->dead, &call->link);
}

static const struct grpc_call_ops rpc_ops = {
	.on_part = on_part,
	.on_half_close = on_half_close,
	.read = on_read,
	.on_done = on_done,
};

/* By token. */
static bool may_call(struct call *call)
{
	if (!authorized(call->service, h2_stream_header(call->rpc.stream, "authorization"))) {
		call_fail_with(call, GRPC_UNAUTHENTICATED, NULL,
			"the token is missing or wrong; it is in the service's state folder, file "
			"\"token\"");
		return false;
	}
	call->calls->authenticated = true;
	return true;
}

/* By certificate, which may end while its connection goes on. */
static bool may_call_direct(struct call *call, const struct method *m)
{
	const struct grant *g = call->calls->grant;

	if (grant_expired(g, call->service->loop->clock.wall_usec))
		call_fail_with(call, GRPC_UNAUTHENTICATED, NULL,
			"the certificate of this connection has expired; ask ConnectSandbox for "
			"another one");
	else if (m && !grant_permits(g, m->permission))
		call_fail_with(call, GRPC_PERMISSION_DENIED, NULL,
			"the certificate of this connection does not permit %s", m->name);
	else
		return true;
	return false;
}

/* What somebody wants to see a client cope with. */
static bool fails_on_request(struct call *call, const struct method *m)
{
	struct grpc_status st = { 0 };

	if (!call->service->faults || !faults_take(call->service->faults, m->name, &st))
		return false;
	call_fail(call, &st);
	return true;
}

static void call_open(struct call *call, const struct method *m)
{
	if (!m) {
		call_fail_with(call, GRPC_UNIMPLEMENTED, REASON_NOT_IMPLEMENTED,
			"the local service does not have this method");
		return;
	}
	if (fails_on_request(call, m))
		return;
	call->method = m;
	if (m->on_open && m->on_open(call) < 0)
		call_fail_with(call, GRPC_INTERNAL, NULL, "out of memory");
}

void call_accept(struct calls *calls, struct h2_stream *stream)
{
	struct service *s = calls->service;
	const char *path = h2_stream_header(stream, ":path");
	const struct method *m = find_method(calls, path);
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return; /* left unbound: refused */
	call->rpc.ops = &rpc_ops;
	call->rpc.message_max = m && m->request_max ? m->request_max : SERVICE_REQUEST_MAX;
	call->calls = calls;
	call->service = s;
	call->seq = ++s->n_calls;
	list_append(&calls->live, &call->link);
	if (grpc_accept(&call->rpc, stream, s->loop->clock.now_usec)) {
		call_free(call);
		return;
	}
	if (calls->grant ? may_call_direct(call, m) : may_call(call))
		call_open(call, m);
}

/* ---- answers ---- */

void call_fail(struct call *call, struct grpc_status *st)
{
	call->answered = true;
	call->cut = st->code != GRPC_OK;
	if (grpc_finish(&call->rpc, st) && call->rpc.stream)
		h2_reset(call->rpc.stream, H2_INTERNAL_ERROR);
	grpc_status_done(st);
}

void call_fail_with(struct call *call, int code, const char *reason, const char *fmt, ...)
{
	struct grpc_status st = { 0 };
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	grpc_status_set(&st, code, reason, "%s", text);
	call_fail(call, &st);
}

int call_code_of(int error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
	case EAGAIN:
		return GRPC_RESOURCE_EXHAUSTED;
	default:
		return GRPC_INTERNAL;
	}
}

void call_fail_not_understood(struct call *call)
{
	call_fail_with(call, GRPC_INVALID_ARGUMENT, REASON_INVALID_REQUEST,
		"the request is not a message of this method");
}

void call_fail_memory(struct call *call)
{
	call_fail_with(call, GRPC_RESOURCE_EXHAUSTED, NULL, "out of memory");
}

bool call_page(struct call *call, int32_t size, const char *token, struct page *ret)
{
	if (size < 0)
		call_fail_field(call, "page_size", "must not be negative");
	else if (page_parse(token, &ret->after))
		call_fail_field(call, "page_token", "is not one that this method gave");
	else
		ret->max = page_size(size);
	return !call->answered;
}

void call_fail_field(struct call *call, const char *field, const char *what)
{
	struct grpc_status st = { 0 };

	grpc_status_set(
		&st, GRPC_INVALID_ARGUMENT, REASON_INVALID_REQUEST, "the request is not valid");
	grpc_status_add_violation(&st, field, what);
	call_fail(call, &st);
}

void call_finish(struct call *call)
{
	struct grpc_status ok = { 0 };

	call_fail(call, &ok);
}

static void on_finish(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct call *call = arg;

	call_fail(call, &call->finish);
}

void call_finish_later(struct call *call, struct grpc_status *st)
{
	call->answered = true;
	grpc_status_done(&call->finish);
	call->finish = *st;
	memset(st, 0, sizeof(*st));
	if (!call->ev_finish)
		call->ev_finish = evtimer_new(call->service->loop->base, on_finish, call);
	if (call->ev_finish)
		event_active(call->ev_finish, EV_TIMEOUT, 1);
	else
		h2_reset(call->rpc.stream, H2_INTERNAL_ERROR);
}

int call_put(struct call *call, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	uint8_t *room;
	int r = grpc_outbox_reserve(&call->out, n, &room);

	if (r)
		return r;
	protobuf_c_message_pack(m, room);
	grpc_resume(&call->rpc);
	return 0;
}

void call_answer(struct call *call, const ProtobufCMessage *m)
{
	if (call_put(call, m))
		call_fail_memory(call);
	else
		call_finish(call);
}

/* ---- what methods ask for ---- */

struct sandbox *call_sandbox(struct call *call, const char *id)
{
	const struct grant *g = call->calls->grant;
	struct sandbox *sb;

	if (g && strcmp(g->sandbox_id, id)) {
		call_fail_with(call, GRPC_PERMISSION_DENIED, NULL,
			"the certificate of this connection is for another sandbox");
		return NULL;
	}
	sb = registry_find(&call->service->boxes->reg, id);
	if (sb)
		memcpy(call->sandbox_id, sb->id, sizeof(sb->id));
	if (!sb)
		call_fail_with(call, GRPC_NOT_FOUND, REASON_NOT_FOUND, "there is no such sandbox");
	return sb;
}

struct box *call_box(
	struct call *call, const char *id, const char *container, size_t *ret_container)
{
	struct sandbox *sb = call_sandbox(call, id);
	const struct container *c;

	if (!sb)
		return NULL;
	if (!sandbox_live(sb) || !box_of(sb)) {
		call_fail_with(call, GRPC_FAILED_PRECONDITION, NULL, "sandbox %s is %s", sb->id,
			sandbox_state_name(sb->state));
		return NULL;
	}
	c = sandbox_container(sb, container);
	if (!c) {
		struct grpc_status st = { 0 };

		grpc_status_set(&st, GRPC_INVALID_ARGUMENT, REASON_INVALID_REQUEST,
			"the sandbox has no container of that name");
		grpc_status_add_violation(&st, "container", "no such container");
		call_fail(call, &st);
		return NULL;
	}
	if (ret_container)
		*ret_container = (size_t)(c - sb->containers);
	return box_of(sb);
}

static void on_deadline(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct call *call = arg;

	if (call->ops && call->ops->on_deadline)
		call->ops->on_deadline(call);
	call_fail_with(call, GRPC_DEADLINE_EXCEEDED, NULL, "the deadline passed");
}

void call_arm_deadline(struct call *call)
{
	uint64_t now = call->service->loop->clock.now_usec;
	uint64_t left = call->rpc.deadline_usec > now ? call->rpc.deadline_usec - now : 0;
	struct timeval tv = { .tv_sec = (time_t)min_u64(left / USEC_PER_SEC, INT32_MAX),
		.tv_usec = (suseconds_t)(left % USEC_PER_SEC) };

	if (!call->rpc.deadline_usec)
		return;
	call->ev_deadline = evtimer_new(call->service->loop->base, on_deadline, call);
	if (call->ev_deadline)
		event_add(call->ev_deadline, &tv);
}
