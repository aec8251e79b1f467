/*
 * lib_receive - what the daemon sends, checked: answers find their requests, notifications become
 * events
 */
#include <string.h>

#include "client/lib.h"

#define IN_MIN ((size_t)64 * 1024)  /* first size of the receive buffer, bytes */
#define IN_ROOM ((size_t)16 * 1024) /* what a read is offered at least */

DEFINE_CLEANUP(struct queued *, queued_free)
DEFINE_CLEANUP(struct answer_box *, box_free)

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

static bool has_feature(const struct cwsandbox_server *s, const char *name)
{
	for (size_t i = 0; i < s->n_features; i++)
		if (strcmp(s->features[i], name) == 0)
			return true;
	return false;
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
		c->tells_refused = has_feature(&c->server, "input_refused");
		c->state = CONN_READY;
	}
	event_push(c, TAKE(q), 0);
	return 0;
}

/* Instead of an answer to hello: the daemon has no room for one more client. */
static int take_full(struct cwsandbox *c, const struct frame *f)
{
	_cleanup_(queued_freep) struct queued *q = calloc(1, sizeof(*q));
	struct pending *p = list_first(&c->pending, struct pending, link);

	if (!q)
		return -ENOMEM;
	if (!p || p->kind != PENDING_HELLO || !frame_is(f, "shutdown"))
		return -EBADMSG;
	q->error.code = "busy";
	q->error.message = "cwsandboxd has as many clients as it may; end one and try again, or "
			   "raise max-clients or its limit of open files (ulimit -n)";
	q->event.kind = CWSANDBOX_EVENT_CONNECTED;
	q->event.id = p->id;
	q->event.error = &q->error;
	q->event.r = CWSANDBOX_E_REFUSED;
	conn_free_pending(c, p);
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

/* Whoever found no room may try again. */
static int tell_room(struct cwsandbox *c, struct attachment *a)
{
	if (!a->starved)
		return 0;
	a->starved = false;
	return event_push_simple(c, CWSANDBOX_EVENT_CREDIT, a->id);
}

int conn_tell_rooms(struct cwsandbox *c)
{
	struct attachment *a;
	int r = 0;

	list_for_each(a, &c->attachments, link)
		if (!r && a->starved && conn_has_room(c, a))
			r = tell_room(c, a);
	return r;
}

static int take_credit(struct cwsandbox *c, struct attachment *a, uint64_t bytes)
{
	bytes = min_u64(bytes,
		a->sent); /* what the daemon types itself, an end-of-file key, may be counted too */
	if (bytes <= a->credited)
		return 0;
	a->credited = bytes;
	return tell_room(c, a);
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
		a->painted = a->painted || e->kind == CWSANDBOX_EVENT_REPAINT;
	}
	if (e->kind == CWSANDBOX_EVENT_INPUT_REFUSED) {
		if (!e->error || e->n > a->sent - a->credited)
			return -EBADMSG; /* refused what it has consumed */
		a->sent -= e->n;
	}
	a->gone = e->kind == CWSANDBOX_EVENT_EXITED || e->kind == CWSANDBOX_EVENT_DETACHED;
	return 0;
}

/* The answer to input: one that refuses it is the event, any other makes room for a request. */
static int take_input(struct cwsandbox *c, struct pending *p, const struct frame *f)
{
	_cleanup_(queued_freep) struct queued *q = NULL;
	struct attachment *a = conn_find_attachment(c, p->attachment);
	int r;

	if (!a || a->gone)
		return 0;
	if (!f->error || f->error->type == MSGPACK_OBJECT_NIL)
		return tell_room(c, a);
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	r = decode_error(&q->arena, f->error, &q->error);
	q->event.kind = CWSANDBOX_EVENT_INPUT_REFUSED;
	q->event.attachment = a->id;
	q->event.n = p->n;
	q->event.error = &q->error;
	if (!r)
		r = account(a, &q->event);
	if (!r)
		event_push(c, TAKE(q), 0);
	return r;
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
		r = take_input(c, p, f);
		break;
	}
	conn_free_pending(c, p);
	return r;
}

static int take_notification(struct cwsandbox *c, const struct frame *f, size_t cost)
{
	_cleanup_(queued_freep) struct queued *q = calloc(1, sizeof(*q));
	struct attachment *a;
	uint64_t bytes = 0;
	int r;

	if (!q)
		return -ENOMEM;
	r = decode_event(&q->arena, f, &q->event, &bytes);
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
		return take_credit(c, a, bytes);
	if (q->event.kind == CWSANDBOX_EVENT_INPUT_REFUSED)
		q->event.n = (size_t)bytes;
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
	else if (f.kind == FRAME_NOTIFICATION && c->state == CONN_HELLO)
		r = take_full(c, &f);
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
