#include "tests/fake.h"

#include <check.h>
#include <string.h>

/* ---- the far side ---- */

static void up_wake(void *upstream)
{
	struct fake_upstream *u = upstream;

	u->woken = true;
	u->n_wakes++;
}

static void up_consume(void *upstream, size_t n)
{
	struct fake_upstream *u = upstream;

	u->consumed += n;
}

static void up_resize(void *upstream, unsigned cols, unsigned rows)
{
	struct fake_upstream *u = upstream;

	u->cols = cols;
	u->rows = rows;
	u->n_resizes++;
}

static int up_signal(void *upstream, enum upstream_signal sig)
{
	struct fake_upstream *u = upstream;

	if (!u->has_signals)
		return UPSTREAM_E_NOT_SUPPORTED;
	u->last_signal = sig;
	u->n_signals++;
	return 0;
}

static void up_close(void *upstream)
{
	struct fake_upstream *u = upstream;

	ck_assert(!u->closed);
	u->closed = true;
	u->session = NULL;
}

static size_t up_uncertain(const void *upstream)
{
	const struct fake_upstream *u = upstream;

	return u->uncertain;
}

static const struct upstream_ops up_ops = {
	.wake = up_wake,
	.consume = up_consume,
	.resize = up_resize,
	.signal = up_signal,
	.close = up_close,
	.uncertain = up_uncertain,
};

static int service_endpoint_use(void *rim, const struct upstream_endpoint *which,
	struct endpoint **ret, const char **ret_why)
{
	struct fake *fake = rim;

	if (fake->refuse_endpoint) {
		*ret_why = "No such service.";
		return -EINVAL;
	}
	fake->last_key[0] = '\0';
	if (which->key && strlen(which->key) < sizeof(fake->last_key))
		memcpy(fake->last_key, which->key, strlen(which->key) + 1);
	fake->n_endpoints++;
	*ret = (struct endpoint *)fake;
	return 0;
}

static void service_endpoint_drop(void *rim, struct endpoint *ep)
{
	struct fake *fake = rim;

	ck_assert_ptr_eq(ep, fake);
	fake->n_endpoints--;
}

static int service_open(void *rim, struct endpoint *ep, struct session *session,
	const struct upstream_spec *spec, const struct upstream_ops **ret_ops, void **ret_upstream)
{
	struct fake *fake = rim;
	struct fake_upstream *u;
	const char *command = spec->n_argv ? spec->argv[0] : spec->path ? spec->path : "";

	ck_assert_ptr_eq(ep, fake);
	if (fake->refuse_open)
		return -ENOMEM;
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	*u = (struct fake_upstream){ .session = session, .kind = spec->kind, .read_max = SIZE_MAX };
	u->command = strdup(command);
	u->cols = spec->cols;
	u->rows = spec->rows;
	list_append(&fake->upstreams, &u->link);
	*ret_ops = &up_ops;
	*ret_upstream = u;
	return 0;
}

static int service_request(void *rim, struct endpoint *ep, struct request *request)
{
	struct fake *fake = rim;

	(void)ep;
	fake->n_requests++;
	if (!fake->answer_at_once) {
		fake->request = request;
		return 0;
	}
	request_result(request, FRAME_NIL);
	request_done(request);
	return 0;
}

static void service_request_cancel(void *rim, struct request *request)
{
	struct fake *fake = rim;

	fake->n_cancelled++;
	if (fake->request == request)
		fake->request = NULL;
}

static void service_trace(
	void *rim, const char *session, const char *from, const char *to, const char *why)
{
	struct fake *fake = rim;

	(void)session, (void)from, (void)to, (void)why;
	fake->n_traces++;
}

static const struct upstream_service service = {
	.endpoint_use = service_endpoint_use,
	.endpoint_drop = service_endpoint_drop,
	.open = service_open,
	.request = service_request,
	.request_cancel = service_request_cancel,
	.trace = service_trace,
};

/* ---- the core ---- */

void fake_init(struct fake *fake)
{
	*fake = (struct fake){ .clock = { 1000 * USEC_PER_SEC, 2000 * USEC_PER_SEC } };
	list_init(&fake->upstreams);
	core_config_defaults(&fake->config);
	fake->config.boot_id = "boot";
	fake->config.server = "cwsandboxd test";
	fake->config.pid = 42;
}

void fake_start(struct fake *fake)
{
	ck_assert_int_eq(core_new(&fake->core, &fake->config, &fake->clock, &service, fake), 0);
}

void fake_done(struct fake *fake)
{
	struct fake_upstream *u;

	fake->core = core_free(fake->core); /* asserts that the ledger is at zero */
	ck_assert_uint_eq(fake->n_endpoints, 0);
	list_for_each(u, &fake->upstreams, link) {
		ck_assert(u->closed);
		free(u->input);
		free(u->command);
		free(u);
	}
}

struct fake_upstream *fake_last(struct fake *fake)
{
	return list_last(&fake->upstreams, struct fake_upstream, link);
}

static void upstream_read(struct fake_upstream *u)
{
	size_t left = u->read_max, n;

	u->woken = false;
	while (left && u->session && !u->input_ended) {
		if (u->cap_input - u->n_input < 4096) {
			u->cap_input = 2 * u->cap_input + 4096;
			u->input = realloc(u->input, u->cap_input);
			ck_assert_ptr_nonnull(u->input);
		}
		n = session_input_read(
			u->session, u->input + u->n_input, min_size(left, 4096), &u->input_ended);
		u->n_input += n;
		left -= n;
		if (n == 0)
			break;
	}
}

static void peer_write(struct peer *p)
{
	struct iovec iov[CLIENT_IOV_MAX];
	size_t n = client_gather(p->client, iov, CLIENT_IOV_MAX), taken = 0, l;

	for (size_t i = 0; i < n; i++) {
		l = min_size(iov[i].iov_len, p->room - taken);
		if (p->cap_rx - p->n_rx < l) {
			p->cap_rx = 2 * p->cap_rx + l;
			p->rx = realloc(p->rx, p->cap_rx);
			ck_assert_ptr_nonnull(p->rx);
		}
		if (l)
			memcpy(p->rx + p->n_rx, iov[i].iov_base, l);
		p->n_rx += l;
		taken += l;
	}
	p->n_writes += n > 0;
	if (n)
		client_advance(p->client, taken);
	if (p->room != SIZE_MAX)
		p->room -= taken;
	if (client_finished(p->client))
		peer_close(p);
}

bool fake_turn_once(struct fake *fake)
{
	struct fake_upstream *u;
	struct client *c;

	list_for_each(u, &fake->upstreams, link)
		if (u->woken)
			upstream_read(u);
	for (c = core_next_client(fake->core); c; c = core_next_client(fake->core))
		peer_write(client_rim(c));
	return core_turn(fake->core);
}

void fake_turn(struct fake *fake)
{
	for (size_t i = 0; fake_turn_once(fake); i++)
		if (i == 100000)
			ck_abort_msg("the core is busy with nothing");
}

void fake_pass(struct fake *fake, uint64_t usec)
{
	fake->clock.now_usec += usec;
	fake->clock.wall_usec += usec;
	fake_turn(fake);
}

void fake_run(struct fake *fake, uint64_t usec)
{
	const uint64_t until = fake->clock.now_usec + usec;
	uint64_t due = core_next_deadline(fake->core);

	for (; due < until; due = core_next_deadline(fake->core))
		fake_pass(fake, due > fake->clock.now_usec ? due - fake->clock.now_usec : 1);
	fake_pass(fake, until - fake->clock.now_usec);
}

/* ---- a client ---- */

int peer_init(struct peer *p, struct fake *fake, bool observer)
{
	*p = (struct peer){ .fake = fake, .room = SIZE_MAX };
	frame_out_init(&p->out);
	return client_new(&p->client, fake->core,
		&(struct client_config){ .pid = 7, .uid = 1000, .observer = observer, .rim = p });
}

void peer_close(struct peer *p)
{
	if (p->client)
		client_close(p->client);
	p->client = NULL;
	p->closed = true;
}

void peer_done(struct peer *p)
{
	peer_close(p);
	if (p->has_frame)
		frame_close(&p->frame);
	p->has_frame = false;
	frame_out_done(&p->out);
	free(p->rx);
	p->rx = NULL;
}

void peer_drain(struct peer *p, size_t n)
{
	p->room += n;
	if (p->client && client_owes(p->client))
		client_writable(p->client);
}

void peer_feed(struct peer *p, const void *data, size_t n)
{
	if (p->client)
		client_feed(p->client, data, n);
}

void peer_begin(struct peer *p, const char *method, size_t n_fields)
{
	frame_out_reset(&p->out);
	frame_begin_request(&p->out, p->next_id++, method, n_fields);
}

void peer_notify(struct peer *p, const char *method, size_t n_fields)
{
	frame_out_reset(&p->out);
	frame_begin_notification(&p->out, method, n_fields);
}

uint32_t peer_send(struct peer *p)
{
	const uint8_t *data;
	size_t n;

	ck_assert_int_eq(frame_finish(&p->out, &data, &n), 0);
	peer_feed(p, data, n);
	return p->next_id - 1;
}

const struct frame *peer_next(struct peer *p)
{
	size_t used;

	if (p->has_frame)
		frame_close(&p->frame);
	p->has_frame = false;
	if (p->pos_rx == p->n_rx || frame_scan(p->rx + p->pos_rx, p->n_rx - p->pos_rx, &used) != 0)
		return NULL;
	ck_assert_int_eq(frame_open(&p->frame, p->rx + p->pos_rx, used), 0);
	p->has_frame = true;
	p->pos_rx += used;
	return &p->frame;
}

const struct frame *peer_answer(struct peer *p, uint32_t id)
{
	const struct frame *f;

	while ((f = peer_next(p)))
		if (f->kind == FRAME_RESPONSE && f->id == id)
			return f;
	ck_abort_msg("no answer to request %u", id);
	return NULL;
}

const struct frame *peer_note(struct peer *p, const char *method)
{
	const struct frame *f;

	while ((f = peer_next(p)))
		if (frame_is(f, method))
			return f;
	return NULL;
}

const msgpack_object *peer_result(struct peer *p, uint32_t id)
{
	const struct frame *f;
	struct frame_span s = { .n = 0 };

	fake_turn(p->fake);
	f = peer_answer(p, id);
	if (f->error->type != MSGPACK_OBJECT_NIL) {
		(void)frame_get_str(f->error, "code", &s);
		ck_abort_msg("refused: %.*s", (int)s.n, s.data);
	}
	return f->result;
}

void peer_refused(struct peer *p, uint32_t id, const char *code)
{
	const struct frame *f;
	struct frame_span s = { .n = 0 };

	fake_turn(p->fake);
	f = peer_answer(p, id);
	ck_assert_msg(f->error->type == MSGPACK_OBJECT_MAP, "not refused; expected %s", code);
	(void)frame_get_str(f->error, "code", &s);
	ck_assert_msg(frame_span_is(&s, code), "%.*s instead of %s", (int)s.n, s.data, code);
	ck_assert_int_eq(frame_get_str(f->error, "message", &s), 0);
	ck_assert_uint_gt(s.n, 10);
}

uint64_t field_u64(const msgpack_object *map, const char *key)
{
	uint64_t v = 0;

	ck_assert_msg(frame_get_u64(map, key, 0, UINT64_MAX, &v) == 0, "no number %s", key);
	return v;
}

bool field_is(const msgpack_object *map, const char *key, const char *text)
{
	struct frame_span s;

	if (frame_get_str(map, key, &s))
		return text == NULL;
	return text && frame_span_is(&s, text);
}

bool field_bool(const msgpack_object *map, const char *key)
{
	bool v = false;

	ck_assert_msg(frame_get_bool(map, key, &v) == 0, "no bool %s", key);
	return v;
}

void peer_hello(struct peer *p)
{
	const msgpack_object *o;

	peer_begin(p, "hello", 6);
	frame_put_u64(&p->out, "min", 1);
	frame_put_u64(&p->out, "max", 1);
	frame_put_str(&p->out, "client", "test 1");
	frame_put_u64(&p->out, "pid", 7);
	frame_put_str(&p->out, "key", "secret");
	frame_put_map(&p->out, "endpoint", 1);
	frame_put_str(&p->out, "url", "local");
	o = peer_result(p, peer_send(p));
	ck_assert_uint_eq(field_u64(o, "version"), 1);
}

struct session *peer_create(struct peer *p, const char *name, unsigned cols, unsigned rows)
{
	peer_begin(p, "session.create", 4);
	frame_put_str(&p->out, "name", name);
	frame_put_str(&p->out, "sandbox_id", "sb");
	frame_put_u64(&p->out, "cols", cols);
	frame_put_u64(&p->out, "rows", rows);
	peer_result(p, peer_send(p));
	return fake_last(p->fake)->session;
}

static void put_unless_0(struct peer *p, const char *key, uint64_t value)
{
	if (value)
		frame_put_u64(&p->out, key, value);
	else
		frame_put_nil(&p->out, key);
}

uint32_t peer_attach(struct peer *p, const struct attach_how *how)
{
	peer_begin(p, "session.attach", how->shown ? 13 : 11);
	frame_put_str(&p->out, "name", how->name);
	frame_put_u64(&p->out, "cols", how->cols);
	frame_put_u64(&p->out, "rows", how->rows);
	frame_put_str(&p->out, "role", how->role);
	frame_put_str(&p->out, "policy", how->policy);
	frame_put_bool(&p->out, "paint", !how->raw);
	frame_put_bool(&p->out, "take_over", how->take_over);
	frame_put_bool(&p->out, "exclusive", how->exclusive);
	put_unless_0(p, "window", how->window);
	put_unless_0(p, "replaces", how->replaces);
	if (how->shown) {
		frame_put_u64(&p->out, "shown", *how->shown);
		frame_put_bool(&p->out, "below", how->below);
	}
	put_unless_0(p, "from", how->from);
	return (uint32_t)field_u64(peer_result(p, peer_send(p)), "attachment");
}

void peer_ack(struct peer *p, uint32_t attachment, uint64_t bytes)
{
	peer_notify(p, "session.ack", 2);
	frame_put_u64(&p->out, "attachment", attachment);
	frame_put_u64(&p->out, "bytes", bytes);
	peer_send(p);
}

uint32_t peer_input(struct peer *p, uint32_t attachment, const void *data, size_t n)
{
	peer_begin(p, "session.input", 2);
	frame_put_u64(&p->out, "attachment", attachment);
	frame_put_bin(&p->out, "data", data, n);
	return peer_send(p);
}
