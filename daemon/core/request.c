#include "daemon/core/request.h"

#include <string.h>

#include "daemon/core/client.h"
#include "daemon/core/methods.h"

/* ---- errors ---- */

size_t request_error_n_fields(const struct request_error *e)
{
	size_t n = !!e->field + !!e->sandbox_id + !!e->url;

	if (e->status)
		return n + 6;
	return n + (e->reason ? 1 : 0);
}

static void put_violations(struct frame_out *o, const struct request_error *e)
{
	frame_put_array(o, "violations", e->n_violations);
	for (size_t i = 0; i < e->n_violations; i++) {
		frame_put_map(o, NULL, 2);
		frame_put_str(o, "field", e->violations[i].field);
		frame_put_str(o, "description", e->violations[i].description);
	}
}

void request_error_put(struct frame_out *o, const struct request_error *e)
{
	if (e->field)
		frame_put_str(o, "field", e->field);
	if (e->sandbox_id)
		frame_put_str(o, "sandbox_id", e->sandbox_id);
	if (e->url)
		frame_put_str(o, "url", e->url);
	if (e->status || e->reason)
		frame_put_str(o, "reason", e->reason);
	if (!e->status)
		return;
	frame_put_str(o, "status", e->status);
	frame_put_i64(o, "status_code", e->status_code);
	frame_put_str(o, "detail", e->detail);
	put_violations(o, e);
	if (e->has_retry_after)
		frame_put_u64(o, "retry_after_ms", e->retry_after_ms);
	else
		frame_put_nil(o, "retry_after_ms");
}

/* Strings laid one after another behind a copied struct. */
struct packer {
	char *at; /* NULL: only counts */
	size_t n;
};

static const char *pack(struct packer *p, const char *s)
{
	size_t n = s ? strlen(s) + 1 : 0;
	char *to = p->at;

	if (!s)
		return NULL;
	p->n += n;
	if (!to)
		return s;
	p->at += n;
	return memcpy(to, s, n);
}

static void pack_error(struct packer *p, struct request_error *e, struct request_violation *v)
{
	e->code = pack(p, e->code);
	e->message = pack(p, e->message);
	e->field = pack(p, e->field);
	e->sandbox_id = pack(p, e->sandbox_id);
	e->url = pack(p, e->url);
	e->status = pack(p, e->status);
	e->reason = pack(p, e->reason);
	e->detail = pack(p, e->detail);
	for (size_t i = 0; i < e->n_violations; i++) {
		struct request_violation one = e->violations[i];

		one.field = pack(p, one.field);
		one.description = pack(p, one.description);
		if (v)
			v[i] = one;
	}
	if (v)
		e->violations = v;
}

struct request_error *request_error_dup(const struct request_error *error)
{
	struct request_error copy = *error, *e;
	struct packer p = { .at = NULL };
	struct request_violation *v;
	size_t head = sizeof(*e) + error->n_violations * sizeof(*v);

	pack_error(&p, &copy, NULL);
	e = malloc(head + p.n);
	if (!e)
		return NULL;
	*e = *error;
	v = (struct request_violation *)(e + 1);
	p.at = (char *)e + head;
	pack_error(&p, e, v);
	return e;
}

void request_error_free(struct request_error *error)
{
	free(error);
}

/* ---- requests ---- */

static int request_new(
	struct request **ret, struct client *c, enum request_kind kind, const struct frame *f)
{
	struct request *req = malloc(sizeof(*req) + f->n);
	int r;

	if (!req)
		return -ENOMEM;
	*req = (struct request){ .kind = kind, .client = c, .id = f->id };
	memcpy(req->bytes, f->data, f->n);
	r = frame_open(&req->frame, req->bytes, f->n);
	if (r) {
		free(req);
		return r;
	}
	req->hold = kind == REQUEST_SANDBOX_CREATE && param_bool(f, "hold", false) &&
		    !frame_get(f->params, "request_id"); /* which may ask for the same again */
	list_append(&c->requests, &req->link);
	ledger_add(&c->core->memory, sizeof(*req) + f->n);
	c->n_requests++;
	*ret = req;
	return 0;
}

void request_free(struct request *req)
{
	list_unlink(&req->link);
	req->client->n_requests--;
	ledger_sub(&req->client->core->memory, sizeof(*req) + req->frame.n);
	frame_close(&req->frame);
	free(req);
}

int request_start(struct client *c, enum request_kind kind, const struct frame *f)
{
	struct core *core = c->core;
	struct request *req;
	int r;

	r = request_new(&req, c, kind, f);
	if (r)
		return r;
	req->starting = true;
	r = core->service->request(core->rim, c->endpoint, req);
	req->starting = false;
	if (r || req->ended)
		request_free(req);
	return err_fold(r);
}

struct frame_out *request_result(struct request *req, size_t n_fields)
{
	struct frame_out *o = &req->client->core->scratch;

	frame_begin_result(o, req->id, n_fields);
	return o;
}

static void request_end(struct request *req)
{
	client_send(req->client);
	if (req->starting)
		req->ended = true; /* request_start() holds it */
	else
		request_free(req);
}

static void put_failure(struct request *req, const struct request_error *error)
{
	struct frame_out *o = &req->client->core->scratch;

	frame_begin_error(o, req->id, error->code, error->message, request_error_n_fields(error));
	request_error_put(o, error);
}

/* The service may say more than a frame takes, and a client would go for that. */
static void bound_answer(struct request *req)
{
	static const struct request_error error = { .code = "service",
		.message = "The service's answer is larger than a frame of 1 MiB; ask for less.",
		.status = "OUT_OF_RANGE",
		.status_code = 11,
		.detail = "the answer is larger than a frame" };
	struct frame_out *o = &req->client->core->scratch;
	const uint8_t *data;
	size_t n;

	if (frame_finish(o, &data, &n) || n <= FRAME_MAX)
		return;
	frame_out_reset(o);
	put_failure(req, &error);
}

void request_done(struct request *req)
{
	bound_answer(req);
	req->held = req->hold;
	if (req->held)
		client_send(req->client);
	else
		request_end(req);
}

bool request_keep(struct client *c, uint64_t id)
{
	struct request *req;

	list_for_each(req, &c->requests, link) {
		if (!req->held || req->id != id)
			continue;
		req->kept = true;
		c->core->service->request_cancel(c->core->rim, req);
		request_free(req);
		return true;
	}
	return false;
}

void request_fail(struct request *req, const struct request_error *error)
{
	put_failure(req, error);
	request_end(req);
}
