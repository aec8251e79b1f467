/*
 * lib_conn - one connection's protocol state: bytes in, answers and events out; no descriptor, no
 * clock
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/lib.h"

#define OUT_MIN ((size_t)4096)
#define INPUT_HEAD_MAX ((size_t)64) /* bytes of an input frame before the input */

/* ---- errors ---- */

void conn_clear_error(struct cwsandbox *c)
{
	arena_done(&c->error_arena);
	c->error_text[0] = 0;
	c->error = (struct cwsandbox_error){ .code = "", .message = c->error_text };
}

int conn_fail(struct cwsandbox *c, int r, const char *code, const char *fmt, ...)
{
	va_list ap;

	conn_clear_error(c);
	c->error.code = code;
	va_start(ap, fmt);
	vsnprintf(c->error_text, sizeof(c->error_text), fmt, ap);
	va_end(ap);
	return r;
}

void conn_keep_error(struct cwsandbox *c)
{
	conn_clear_error(c);
	c->error = c->current->error;
	c->error_arena = c->current->arena;
	c->current->arena.blocks = NULL;
}

/* ---- lists ---- */

struct answer_box *box_free(struct answer_box *box)
{
	if (!box)
		return NULL;
	arena_done(&box->arena);
	free(box);
	return NULL;
}

struct cwsandbox_answer *cwsandbox_answer_free(struct cwsandbox_answer *answer)
{
	if (answer)
		box_free(container_of(answer, struct answer_box, answer));
	return NULL;
}

struct queued *queued_free(struct queued *q)
{
	if (!q)
		return NULL;
	box_free(q->box);
	arena_done(&q->arena);
	free(q);
	return NULL;
}

struct pending *conn_find_pending(struct cwsandbox *c, uint32_t id)
{
	struct pending *p;

	list_for_each(p, &c->pending, link)
		if (p->id == id)
			return p;
	return NULL;
}

struct pending *conn_free_pending(struct cwsandbox *c, struct pending *p)
{
	list_unlink(&p->link);
	c->n_pending--;
	box_free(p->box);
	free(p);
	return NULL;
}

struct attachment *conn_find_attachment(const struct cwsandbox *c, int64_t id)
{
	struct attachment *a;

	list_for_each(a, &((struct cwsandbox *)(uintptr_t)c)->attachments, link)
		if (a->id == id)
			return a;
	return NULL;
}

static void attachment_free(struct cwsandbox *c, struct attachment *a)
{
	list_unlink(&a->link);
	c->n_attachments--;
	free(a);
}

void event_push(struct cwsandbox *c, struct queued *q, size_t cost)
{
	q->cost = sizeof(*q) + cost;
	c->events_bytes += q->cost;
	list_append(&c->events, &q->link);
}

void event_drop(struct cwsandbox *c, struct queued *q)
{
	list_unlink(&q->link);
	c->events_bytes -= q->cost;
	queued_free(q);
}

void conn_reset(struct cwsandbox *c)
{
	struct pending *p;
	struct attachment *a;
	struct queued *q;

	list_for_each(p, &c->pending, link)
		conn_free_pending(c, p);
	list_for_each(a, &c->attachments, link)
		attachment_free(c, a);
	list_for_each(q, &c->events, link)
		event_drop(c, q);
	c->current = queued_free(c->current);
	if (c->out_secret)
		explicit_bzero(c->out, c->out_cap);
	c->out_secret = false;
	c->in_at = c->in_n = c->out_at = c->out_n = 0;
	arena_done(&c->server_arena);
	c->server = (struct cwsandbox_server){ .version = 0 };
	c->tells_refused = false;
	c->state = CONN_CLOSED;
}

/* ---- sending ---- */

static int out_reserve(struct cwsandbox *c, size_t n)
{
	size_t used = c->out_n - c->out_at, cap = c->out_cap ? c->out_cap : OUT_MIN;
	uint8_t *grown;

	if (n > LIB_OUT_MAX - min_size(used, LIB_OUT_MAX))
		return CWSANDBOX_E_WINDOW;
	if (c->out_at) {
		memmove(c->out, c->out + c->out_at, used);
		c->out_at = 0;
		c->out_n = used;
	}
	while (cap < used + n)
		cap *= 2;
	if (cap == c->out_cap)
		return 0;
	grown = malloc(cap); /* not realloc: it would leave a copy of the key behind */
	if (!grown)
		return -ENOMEM;
	if (used)
		memcpy(grown, c->out, used);
	if (c->out_secret)
		explicit_bzero(c->out, c->out_cap);
	free(c->out);
	c->out = grown;
	c->out_cap = cap;
	return 0;
}

static int out_put(struct cwsandbox *c, struct frame_out *o)
{
	const uint8_t *data;
	size_t n;
	int r;

	r = frame_finish(o, &data, &n);
	if (!r && n > c->frame_max)
		r = -EMSGSIZE;
	if (!r)
		r = out_reserve(c, n);
	if (r)
		return r;
	memcpy(c->out + c->out_n, data, n);
	c->out_n += n;
	return 0;
}

int conn_sent(struct cwsandbox *c, size_t n)
{
	c->out_at += n;
	if (c->out_at < c->out_n)
		return 0;
	if (c->out_secret)
		explicit_bzero(c->out, c->out_cap);
	c->out_secret = false;
	c->out_at = c->out_n = 0;
	return conn_tell_rooms(c);
}

static int pending_new(struct cwsandbox *c, struct pending **ret, enum pending_kind kind)
{
	struct pending *p;

	if (c->n_pending >= CWSANDBOX_REQUESTS_MAX)
		return CWSANDBOX_E_WINDOW;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->kind = kind;
	p->id = ++c->last_id;
	list_append(&c->pending, &p->link);
	c->n_pending++;
	*ret = p;
	return 0;
}

/* A larger window counts from now on, for its first bytes come before the answer; a smaller one never:
 * what was sent before the daemon knew of it may be on its way. */
static void widen(const struct cwsandbox *c, const struct cwsandbox_request *request)
{
	struct attachment *a = NULL;

	if (request->method == CWSANDBOX_SESSION_SET && request->attachment)
		a = conn_find_attachment(c, request->attachment);
	if (a && request->window > a->window)
		a->window = min_u64(request->window, LIB_WINDOW_MAX);
}

int conn_start(struct cwsandbox *c, const struct cwsandbox_request *request, enum pending_kind kind,
	uint32_t *ret_id)
{
	char why[ENCODE_WHY_MAX];
	struct frame_out o;
	struct pending *p;
	int r;

	if (c->state != CONN_HELLO && c->state != CONN_READY)
		return conn_fail(c, -ENOTCONN, "lost", "not connected to cwsandboxd");
	r = encode_check(request, why);
	if (r)
		return conn_fail(c, r, "usage", "%s", why);
	r = pending_new(c, &p, kind);
	if (r)
		return r;
	p->method = request->method;
	frame_out_init(&o);
	r = encode_request(&o, p->id, request);
	if (!r)
		r = out_put(c, &o);
	frame_out_done(&o);
	if (r) {
		conn_free_pending(c, p);
		if (r == -EMSGSIZE)
			return conn_fail(c, r, "usage",
				"the request is too long; at most %zu bytes can be sent at once",
				c->frame_max);
		return r < 0 ? conn_fail(c, r, "usage", "the request: %s", strerror(-r)) : r;
	}
	widen(c, request);
	if (ret_id)
		*ret_id = p->id;
	return 0;
}

int cwsandbox_start(struct cwsandbox *c, const struct cwsandbox_request *request, uint32_t *ret_id)
{
	return conn_start(c, request, PENDING_EVENT, ret_id);
}

int conn_begin(
	struct cwsandbox *c, const struct cwsandbox_config *config, int64_t pid, uint32_t *ret_id)
{
	struct frame_out o;
	struct pending *p;
	int r;

	c->frame_max = FRAME_MAX_BEFORE_HELLO;
	r = pending_new(c, &p, PENDING_HELLO);
	if (r)
		return err_fold(r);
	frame_out_init(&o);
	r = encode_hello(&o, p->id, config, pid);
	if (!r)
		r = out_put(c, &o);
	if (o.buf.data)
		explicit_bzero(o.buf.data, o.buf.size);
	frame_out_done(&o);
	if (r) {
		conn_free_pending(c, p);
		return conn_fail(c, err_fold(r), "usage",
			"what hello would say is too long: check URL, key and CA file");
	}
	c->out_secret = true;
	c->state = CONN_HELLO;
	if (ret_id)
		*ret_id = p->id;
	return 0;
}

/* A notification about an attachment, with one or two numbers. */
static int send_notification(struct cwsandbox *c, const char *method, const struct attachment *a,
	const char *const keys[2], const uint64_t values[2])
{
	size_t n = keys[1] ? 2 : 1;
	struct frame_out o;
	int r;

	frame_out_init(&o);
	frame_begin_notification(&o, method, 1 + n);
	frame_put_i64(&o, "attachment", a->id);
	for (size_t i = 0; i < n; i++)
		frame_put_u64(&o, keys[i], values[i]);
	r = out_put(c, &o);
	frame_out_done(&o);
	return r;
}

/* ---- acknowledgements ---- */

/* Soon enough that a busy reader never starves, late enough that small outputs share one; and
 * always once all that came was consumed, so that a quiet session owes nothing. Of that a little,
 * the echo of a key, waits for what is sent anyway, or until nothing more comes: nobody is held up
 * by it, unless it is a paint, which the next one waits for. */
static enum ack ack_of(const struct attachment *a)
{
	uint64_t n = a->consumed - a->acked;

	if (n == 0 || a->gone)
		return ACK_NONE;
	if (n >= a->window / 4)
		return ACK_NOW;
	if (a->consumed < a->received)
		return ACK_NONE;
	return n >= LIB_ACK_NOW || a->painted ? ACK_NOW : ACK_ALONG;
}

enum ack conn_acks(const struct cwsandbox *c)
{
	enum ack most = ACK_NONE;
	struct attachment *a;

	if (c->state != CONN_READY)
		return ACK_NONE;
	list_for_each(a, &((struct cwsandbox *)(uintptr_t)c)->attachments, link)
		if (ack_of(a) > most)
			most = ack_of(a);
	return most;
}

int conn_put_acks(struct cwsandbox *c, enum ack least)
{
	static const char *const keys[2] = { "bytes", NULL };
	struct attachment *a;
	int r;

	list_for_each(a, &c->attachments, link) {
		const uint64_t bytes[2] = { a->consumed, 0 };

		if (ack_of(a) < least)
			continue;
		r = send_notification(c, "session.ack", a, keys, bytes);
		if (r)
			return r == CWSANDBOX_E_WINDOW ? 0 : r;
		a->acked = a->consumed;
		a->painted = a->painted && a->consumed < a->received; /* of the rest, some may be */
	}
	return 0;
}

int cwsandbox_consumed(struct cwsandbox *c, int64_t attachment, size_t n)
{
	struct attachment *a = conn_find_attachment(c, attachment);

	if (!a)
		return 0; /* gone meanwhile */
	if (n > a->received - a->consumed)
		return conn_fail(c, -EINVAL, "usage", "more was consumed than was received");
	a->consumed += n;
	return 0;
}

/* ---- input ---- */

static size_t input_room(const struct cwsandbox *c, const struct attachment *a)
{
	size_t used = c->out_n - c->out_at + INPUT_HEAD_MAX;

	if (!a || a->gone || a->input_closed)
		return 0;
	if (!c->tells_refused && c->n_pending >= CWSANDBOX_REQUESTS_MAX / 2)
		return 0; /* the other half is for what is no input */
	return min_size((size_t)(a->input_window - (a->sent - a->credited)),
		LIB_OUT_MAX - min_size(used, LIB_OUT_MAX));
}

bool conn_has_room(const struct cwsandbox *c, const struct attachment *a)
{
	return input_room(c, a) > 0;
}

size_t cwsandbox_input_room(const struct cwsandbox *c, int64_t attachment)
{
	return input_room(c, conn_find_attachment(c, attachment));
}

/* A notification: an answer would wake us for nothing. A request to a daemon that says in no other
 * way that it refused it. */
static int input_send(struct cwsandbox *c, struct attachment *a, const void *data, size_t n)
{
	struct pending *p = NULL;
	struct frame_out o;
	int r;

	if (!c->tells_refused) {
		r = pending_new(c, &p, PENDING_INPUT);
		if (r)
			return r;
		p->attachment = a->id;
		p->n = n;
	}
	frame_out_init(&o);
	if (p)
		frame_begin_request(&o, p->id, "session.input", 2);
	else
		frame_begin_notification(&o, "session.input", 2);
	frame_put_i64(&o, "attachment", a->id);
	frame_put_bin(&o, "data", data, n);
	r = out_put(c, &o);
	frame_out_done(&o);
	if (!r)
		a->sent += n;
	else if (p)
		conn_free_pending(c, p);
	return r;
}

/* The attachment, if it can still take what we send. */
static int find_live(struct cwsandbox *c, int64_t id, struct attachment **ret)
{
	if (c->state != CONN_READY)
		return conn_fail(c, -ENOTCONN, "lost", "not connected to cwsandboxd");
	*ret = conn_find_attachment(c, id);
	if (!*ret || (*ret)->gone)
		return CWSANDBOX_E_ENDED;
	return 0;
}

int cwsandbox_input(
	struct cwsandbox *c, int64_t attachment, const void *data, size_t n, size_t *ret_taken)
{
	struct attachment *a = NULL;
	size_t room;
	int r;

	r = find_live(c, attachment, &a);
	if (r)
		return r;
	if (a->input_closed)
		return CWSANDBOX_E_ENDED;
	room = min_size(n, input_room(c, a));
	if (room == 0 && n > 0) {
		a->starved = true;
		return CWSANDBOX_E_WINDOW;
	}
	r = n ? input_send(c, a, data, room) : 0;
	if (r)
		return r;
	a->starved = room < n;
	*ret_taken = room;
	return 0;
}

int cwsandbox_close_input(struct cwsandbox *c, int64_t attachment)
{
	struct attachment *a = NULL;
	struct pending *p;
	struct frame_out o;
	int r;

	r = find_live(c, attachment, &a);
	if (r || a->input_closed)
		return r;
	r = pending_new(c, &p, PENDING_DROP);
	if (r)
		return r;
	frame_out_init(&o);
	frame_begin_request(&o, p->id, "session.close_input", 1);
	frame_put_i64(&o, "attachment", a->id);
	r = out_put(c, &o);
	frame_out_done(&o);
	if (r)
		conn_free_pending(c, p);
	else
		a->input_closed = true;
	return r;
}

int cwsandbox_resize(struct cwsandbox *c, int64_t attachment, unsigned cols, unsigned rows)
{
	static const char *const keys[2] = { "cols", "rows" };
	const uint64_t size[2] = { cols, rows };
	struct attachment *a = NULL;
	int r;

	r = find_live(c, attachment, &a);
	return r ? r : send_notification(c, "session.resize", a, keys, size);
}

/* ---- the end, and events ---- */

static int lost_answer(struct cwsandbox *c, const struct pending *p, int r)
{
	struct queued *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->event.kind =
		p->kind == PENDING_HELLO ? CWSANDBOX_EVENT_CONNECTED : CWSANDBOX_EVENT_ANSWER;
	q->event.id = p->id;
	q->event.r = r;
	error_copy(&q->arena, &c->error, &q->error);
	q->event.error = &q->error;
	event_push(c, q, 0);
	return 0;
}

void conn_lost(struct cwsandbox *c, int r)
{
	struct pending *p;

	c->state = CONN_LOST;
	list_for_each(p, &c->pending, link) {
		if (p->kind == PENDING_CALL) {
			p->r = p->done ? p->r : r;
			p->done = true;
			continue;
		}
		if (p->kind == PENDING_HELLO || p->kind == PENDING_EVENT)
			lost_answer(c, p, r);
		conn_free_pending(c, p);
	}
}

int conn_next(struct cwsandbox *c, struct cwsandbox_event *ret)
{
	struct queued *q = list_first(&c->events, struct queued, link);
	struct attachment *a;

	c->current = queued_free(c->current);
	if (!q)
		return CWSANDBOX_E_PENDING;
	list_unlink(&q->link);
	c->events_bytes -= q->cost;
	c->current = q;
	*ret = q->event;
	if (ret->kind == CWSANDBOX_EVENT_EXITED || ret->kind == CWSANDBOX_EVENT_DETACHED) {
		a = conn_find_attachment(c, ret->attachment);
		if (a)
			attachment_free(c, a);
	}
	return 0;
}

int cwsandbox_next(struct cwsandbox *c, struct cwsandbox_event *ret)
{
	return conn_next(c, ret);
}
