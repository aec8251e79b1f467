/*
 * lib_conn - one connection's protocol state: bytes in, answers and events out; no descriptor, no
 * clock
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/lib.h"

#define IN_MIN ((size_t)64 * 1024)  /* first size of the receive buffer, bytes */
#define IN_ROOM ((size_t)16 * 1024) /* what a read is offered at least */
#define OUT_MIN ((size_t)4096)

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

static struct answer_box *box_free(struct answer_box *box)
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

static struct queued *queued_free(struct queued *q)
{
	if (!q)
		return NULL;
	box_free(q->box);
	arena_done(&q->arena);
	free(q);
	return NULL;
}

DEFINE_CLEANUP(struct queued *, queued_free)
DEFINE_CLEANUP(struct answer_box *, box_free)

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

static void event_push(struct cwsandbox *c, struct queued *q, size_t cost)
{
	q->cost = sizeof(*q) + cost;
	c->events_bytes += q->cost;
	list_append(&c->events, &q->link);
}

/* An event that is nothing but its kind and the attachment. */
static int event_push_simple(
	struct cwsandbox *c, enum cwsandbox_event_kind kind, int64_t attachment)
{
	struct queued *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->event.kind = kind;
	q->event.attachment = attachment;
	event_push(c, q, 0);
	return 0;
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
	list_for_each(q, &c->events, link) {
		list_unlink(&q->link);
		queued_free(q);
	}
	c->current = queued_free(c->current);
	c->events_bytes = 0;
	if (c->out_secret)
		explicit_bzero(c->out, c->out_cap);
	c->out_secret = false;
	c->in_at = c->in_n = c->out_at = c->out_n = 0;
	arena_done(&c->server_arena);
	c->server = (struct cwsandbox_server){ .version = 0 };
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

void conn_sent(struct cwsandbox *c, size_t n)
{
	c->out_at += n;
	if (c->out_at < c->out_n)
		return;
	if (c->out_secret)
		explicit_bzero(c->out, c->out_cap);
	c->out_secret = false;
	c->out_at = c->out_n = 0;
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

int conn_start(struct cwsandbox *c, const struct cwsandbox_request *request, enum pending_kind kind,
	uint32_t *ret_id)
{
	struct frame_out o;
	struct pending *p;
	int r;

	if (c->state != CONN_HELLO && c->state != CONN_READY)
		return conn_fail(c, -ENOTCONN, "lost", "not connected to cwsandboxd");
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
		return r < 0 ? conn_fail(c, r, "usage", "the request is not complete or too long")
			     : r;
	}
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
 * always once all that came was consumed, so that a quiet session owes nothing. */
static bool ack_due(const struct attachment *a)
{
	uint64_t n = a->consumed - a->acked;

	return n > 0 && !a->gone && (n >= a->window / 4 || a->consumed == a->received);
}

bool conn_acks_due(const struct cwsandbox *c)
{
	struct attachment *a;

	if (c->state != CONN_READY)
		return false;
	list_for_each(a, &((struct cwsandbox *)(uintptr_t)c)->attachments, link)
		if (ack_due(a))
			return true;
	return false;
}

int conn_put_acks(struct cwsandbox *c)
{
	static const char *const keys[2] = { "bytes", NULL };
	struct attachment *a;
	int r;

	list_for_each(a, &c->attachments, link) {
		const uint64_t bytes[2] = { a->consumed, 0 };

		if (!ack_due(a))
			continue;
		r = send_notification(c, "session.ack", a, keys, bytes);
		if (r)
			return r == CWSANDBOX_E_WINDOW ? 0 : r;
		a->acked = a->consumed;
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
	if (!a || a->gone || a->input_closed || c->n_pending >= CWSANDBOX_REQUESTS_MAX / 2)
		return 0;
	return (size_t)(a->input_window - (a->sent - a->credited));
}

size_t cwsandbox_input_room(const struct cwsandbox *c, int64_t attachment)
{
	return input_room(c, conn_find_attachment(c, attachment));
}

static int input_send(struct cwsandbox *c, struct attachment *a, const void *data, size_t n)
{
	struct frame_out o;
	struct pending *p;
	int r;

	r = pending_new(c, &p, PENDING_INPUT);
	if (r)
		return r;
	frame_out_init(&o);
	frame_begin_request(&o, p->id, "session.input", 2);
	frame_put_i64(&o, "attachment", a->id);
	frame_put_bin(&o, "data", data, n);
	r = out_put(c, &o);
	frame_out_done(&o);
	if (r) {
		conn_free_pending(c, p);
		return r;
	}
	p->attachment = a->id;
	p->n = n;
	a->sent += n;
	return 0;
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

/* ---- receiving ---- */

int conn_receive_room(struct cwsandbox *c, uint8_t **ret, size_t *ret_n)
{
	size_t used = c->in_n - c->in_at, cap = max_size(c->in_cap, IN_MIN);
	uint8_t *grown;

	if (c->in_at && (used == 0 || c->in_cap - c->in_n < IN_ROOM)) {
		memmove(c->in, c->in + c->in_at, used);
		c->in_at = 0;
		c->in_n = used;
	}
	while (cap - c->in_n < IN_ROOM)
		cap *= 2; /* bounded: conn_received() refuses a frame longer than FRAME_MAX */
	if (cap > c->in_cap) {
		grown = realloc(c->in, cap);
		if (!grown)
			return -ENOMEM;
		c->in = grown;
		c->in_cap = cap;
	}
	*ret = c->in + c->in_n;
	*ret_n = c->in_cap - c->in_n;
	return 0;
}

bool conn_full(const struct cwsandbox *c)
{
	return c->events_bytes >= LIB_EVENTS_MAX;
}

/* The numbers an answer gave us for a new attachment. */
static int attachment_begin(struct cwsandbox *c, const struct cwsandbox_answer *answer)
{
	struct attachment *a;

	if (answer->window == 0 || answer->window > LIB_WINDOW_MAX ||
		answer->input_window > LIB_WINDOW_MAX)
		return -EBADMSG;
	if (conn_find_attachment(c, answer->attachment) || c->n_attachments >= LIB_ATTACHMENTS_MAX)
		return -EBADMSG;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->id = answer->attachment;
	a->window = answer->window;
	a->input_window = answer->input_window;
	list_append(&c->attachments, &a->link);
	c->n_attachments++;
	return 0;
}

/* What a response says, in memory of its own. CWSANDBOX_E_REFUSED: an error, in *ret_error. */
static int decode_response(const struct frame *f, enum cwsandbox_method method,
	struct arena *error_arena, struct cwsandbox_error *ret_error, struct answer_box **ret)
{
	_cleanup_(box_freep) struct answer_box *box = NULL;
	int r;

	if (f->error && f->error->type != MSGPACK_OBJECT_NIL) {
		r = decode_error(error_arena, f->error, ret_error);
		return r ? r : CWSANDBOX_E_REFUSED;
	}
	box = calloc(1, sizeof(*box));
	if (!box)
		return -ENOMEM;
	r = decode_answer(&box->arena, method, f->result, &box->answer);
	if (r)
		return r;
	*ret = TAKE(box);
	return 0;
}

static int take_hello(struct cwsandbox *c, struct pending *p, const struct frame *f)
{
	_cleanup_(queued_freep) struct queued *q = calloc(1, sizeof(*q));
	uint64_t frame_max = FRAME_MAX;
	int r;

	if (!q)
		return -ENOMEM;
	q->event.kind = CWSANDBOX_EVENT_CONNECTED;
	q->event.id = p->id;
	if (f->error && f->error->type != MSGPACK_OBJECT_NIL) {
		r = decode_error(&q->arena, f->error, &q->error);
		q->event.error = &q->error;
		q->event.r = CWSANDBOX_E_REFUSED;
	} else {
		r = decode_hello(&c->server_arena, f->result, &c->server, &frame_max);
	}
	if (r)
		return r;
	if (!q->event.r) {
		c->server.socket = c->socket;
		c->frame_max = frame_max;
		c->state = CONN_READY;
	}
	event_push(c, TAKE(q), 0);
	return 0;
}

static int take_answer(struct cwsandbox *c, struct pending *p, const struct frame *f)
{
	_cleanup_(queued_freep) struct queued *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;
	q->event.kind = CWSANDBOX_EVENT_ANSWER;
	q->event.id = p->id;
	r = decode_response(f, p->method, &q->arena, &q->error, &q->box);
	if (r < 0)
		return r;
	q->event.r = r;
	if (r)
		q->event.error = &q->error;
	else
		q->event.answer = &q->box->answer;
	if (!r && method_gives_attachment(p->method))
		r = attachment_begin(c, &q->box->answer);
	if (r < 0)
		return r;
	event_push(c, TAKE(q), 0);
	return 0;
}

static int take_call(struct cwsandbox *c, struct pending *p, const struct frame *f)
{
	int r;

	conn_clear_error(c);
	r = decode_response(f, p->method, &c->error_arena, &c->error, &p->box);
	if (r < 0)
		return r;
	p->r = r;
	p->done = true;
	if (!r && method_gives_attachment(p->method))
		r = attachment_begin(c, &p->box->answer);
	return r < 0 ? r : 0;
}

/* Nobody waits any more; but what it made would hold a place in the daemon. */
static int take_dropped(struct cwsandbox *c, struct pending *p, const struct frame *f)
{
	struct cwsandbox_request detach = { .method = CWSANDBOX_SESSION_DETACH };
	struct arena unused = { NULL };
	struct cwsandbox_error error;
	struct answer_box *box = NULL;
	int r;

	r = decode_response(f, p->method, &unused, &error, &box);
	arena_done(&unused);
	if (!r && method_gives_attachment(p->method)) {
		detach.attachment = box->answer.attachment;
		r = conn_start(c, &detach, PENDING_DROP, NULL);
	}
	box_free(box);
	return r < 0 ? r : 0;
}

static int take_input_answer(struct cwsandbox *c, struct pending *p, const struct frame *f)
{
	_cleanup_(queued_freep) struct queued *q = NULL;
	struct attachment *a = conn_find_attachment(c, p->attachment);
	int r;

	if (!f->error || f->error->type == MSGPACK_OBJECT_NIL || !a)
		return 0;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	r = decode_error(&q->arena, f->error, &q->error);
	if (r)
		return r;
	if (p->n > a->sent - a->credited)
		return -EBADMSG; /* refused what it has consumed */
	a->sent -= p->n;
	q->event = (struct cwsandbox_event){
		.kind = CWSANDBOX_EVENT_INPUT_REFUSED, .attachment = a->id, .n = p->n
	};
	q->event.error = &q->error;
	event_push(c, TAKE(q), 0);
	return 0;
}

static int take_response(struct cwsandbox *c, const struct frame *f)
{
	struct pending *p = conn_find_pending(c, f->id);
	int r = 0;

	if (!p || p->done)
		return -EBADMSG;
	switch (p->kind) {
	case PENDING_HELLO:
		r = take_hello(c, p, f);
		break;
	case PENDING_EVENT:
		r = take_answer(c, p, f);
		break;
	case PENDING_CALL:
		return take_call(c, p, f); /* its caller frees it */
	case PENDING_DROP:
		r = take_dropped(c, p, f);
		break;
	case PENDING_INPUT:
		r = take_input_answer(c, p, f);
		break;
	}
	conn_free_pending(c, p);
	return r;
}

static int take_credit(struct cwsandbox *c, struct attachment *a, uint64_t bytes)
{
	if (bytes > a->sent)
		return -EBADMSG;
	if (bytes <= a->credited)
		return 0;
	a->credited = bytes;
	if (!a->starved)
		return 0;
	a->starved = false;
	return event_push_simple(c, CWSANDBOX_EVENT_CREDIT, a->id);
}

/* Checks an event against what we know of its attachment. */
static int account(struct attachment *a, const struct cwsandbox_event *e)
{
	if (a->gone)
		return -EBADMSG;
	if (e->kind == CWSANDBOX_EVENT_OUTPUT || e->kind == CWSANDBOX_EVENT_REPAINT) {
		if (e->n > a->window - (a->received - a->acked))
			return -EBADMSG; /* more than the window it has */
		a->received += e->n;
	}
	a->gone = e->kind == CWSANDBOX_EVENT_EXITED || e->kind == CWSANDBOX_EVENT_DETACHED;
	return 0;
}

static int take_notification(struct cwsandbox *c, const struct frame *f, size_t cost)
{
	_cleanup_(queued_freep) struct queued *q = calloc(1, sizeof(*q));
	struct attachment *a;
	uint64_t credit = 0;
	int r;

	if (!q)
		return -ENOMEM;
	r = decode_event(&q->arena, f, &q->event, &credit);
	if (r || q->event.kind == CWSANDBOX_EVENT_NONE)
		return r;
	if (q->event.kind == CWSANDBOX_EVENT_SHUTDOWN) {
		event_push(c, TAKE(q), cost);
		return 0;
	}
	a = conn_find_attachment(c, q->event.attachment);
	if (!a)
		return 0; /* of a call we took back */
	if (q->event.kind == CWSANDBOX_EVENT_CREDIT)
		return take_credit(c, a, credit);
	r = account(a, &q->event);
	if (!r)
		event_push(c, TAKE(q), cost);
	return r;
}

static int take_frame(struct cwsandbox *c, const uint8_t *data, size_t n)
{
	struct frame f;
	int r;

	r = frame_open(&f, data, n);
	if (r)
		return r;
	if (f.kind == FRAME_RESPONSE)
		r = take_response(c, &f);
	else if (f.kind == FRAME_NOTIFICATION && c->state == CONN_READY)
		r = take_notification(c, &f, n);
	else
		r = -EBADMSG;
	frame_close(&f);
	return r;
}

int conn_received(struct cwsandbox *c, size_t n)
{
	size_t used;
	int r = 0;

	c->in_n += n;
	while (!r && c->in_at < c->in_n && !conn_full(c)) {
		r = frame_scan(c->in + c->in_at, c->in_n - c->in_at, &used);
		if (r)
			break;
		r = take_frame(c, c->in + c->in_at, used);
		c->in_at += used;
	}
	if (r == FRAME_E_PENDING)
		return 0;
	return r == -EMSGSIZE ? -EBADMSG : err_fold(r);
}

bool conn_has_more(const struct cwsandbox *c)
{
	size_t used;

	return c->in_at < c->in_n && !conn_full(c) &&
	       frame_scan(c->in + c->in_at, c->in_n - c->in_at, &used) == 0;
}

/* ---- the end, and events ---- */

static int lost_answer(struct cwsandbox *c, const struct pending *p)
{
	struct queued *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->event.kind =
		p->kind == PENDING_HELLO ? CWSANDBOX_EVENT_CONNECTED : CWSANDBOX_EVENT_ANSWER;
	q->event.id = p->id;
	q->event.r = -ECONNRESET;
	q->error = (struct cwsandbox_error){ .code = "lost",
		.message = "lost the connection to cwsandboxd" };
	q->event.error = &q->error;
	event_push(c, q, 0);
	return 0;
}

void conn_lost(struct cwsandbox *c)
{
	struct pending *p;

	c->state = CONN_LOST;
	list_for_each(p, &c->pending, link) {
		if (p->kind == PENDING_CALL) {
			p->r = p->done ? p->r : -ECONNRESET;
			p->done = true;
			continue;
		}
		if (p->kind == PENDING_HELLO || p->kind == PENDING_EVENT)
			lost_answer(c, p);
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
