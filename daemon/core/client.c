#include "daemon/core/client.h"

#include <string.h>

#include "daemon/core/budget.h"
#include "daemon/core/methods.h"

static uint64_t now_usec(const struct client *c)
{
	return c->core->clock->now_usec;
}

/* ---- life ---- */

/* One that waits for something of ours may stop in the middle of a frame for as long as it likes.
 */
static bool client_is_kept(const struct client *c)
{
	return !list_empty(&c->attachments) || c->n_requests;
}

/* Before hello: too slow. Later: a begun frame got no byte. */
static void on_timer(struct timer *t)
{
	struct client *c = container_of(t, struct client, timer);

	if (c->greeted && (client_is_kept(c) || !client_wants_read(c)))
		timer_start(&c->core->timers, t, now_usec(c) + CLIENT_FRAME_USEC);
	else
		client_fail(c);
}

int client_may_come(struct core *core)
{
	struct client *oldest = list_first(&core->newcomers, struct client, hello_link);

	if (core->n_clients >= core->config.max_clients || core->shutting_down)
		return CLIENT_E_FULL;
	if (core->n_clients_before_hello < CLIENT_BEFORE_HELLO_MAX)
		return 0;
	if (core->clock->now_usec >= oldest->came_usec + CLIENT_GRACE_USEC &&
		core->n_turns >= oldest->came_turn + CLIENT_GRACE_TURNS)
		client_fail(oldest);
	return CLIENT_E_CROWDED;
}

int client_new(struct client **ret, struct core *core, const struct client_config *config)
{
	struct client *c;

	if (core->n_clients >= core->config.max_clients || core->shutting_down ||
		core->n_clients_before_hello >= CLIENT_BEFORE_HELLO_MAX)
		return CLIENT_E_FULL;
	c = malloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = (struct client){
		.core = core,
		.rim = config->rim,
		.observer = config->observer,
		.pid = config->pid,
		.uid = config->uid,
		.in.ledger = &core->memory,
		.in.secret = true,
		.out.ledger = &core->memory,
		.came_usec = core->clock->now_usec,
		.came_turn = core->n_turns,
		.timer.fn = on_timer,
	};
	list_init(&c->attachments);
	list_init(&c->ready);
	list_init(&c->requests);
	list_init(&c->waits);
	list_append(&core->clients, &c->link);
	list_append(&core->newcomers, &c->hello_link);
	ledger_add(&core->memory, sizeof(*c));
	core->n_clients++;
	core->n_clients_before_hello++;
	timer_start(&core->timers, &c->timer, core->clock->now_usec + CLIENT_HELLO_USEC);
	*ret = c;
	return 0;
}

void *client_rim(const struct client *c)
{
	return c->rim;
}

void client_fail(struct client *c)
{
	c->finished = true;
	c->full = false; /* named once more, also if it reads nothing: then it is closed */
	client_mark(c);
}

bool client_finished(const struct client *c)
{
	return c->finished;
}

bool client_is_greeted(const struct client *c)
{
	return c->greeted;
}

static void client_end_requests(struct client *c)
{
	const struct upstream_service *service = c->core->service;
	struct request *req;
	struct wait *w;

	list_for_each(w, &c->waits, client_link)
		wait_free(w);
	list_for_each(req, &c->requests, link) {
		service->request_cancel(c->core->rim, req);
		request_free(req);
	}
}

void client_close(struct client *c)
{
	struct core *core = c->core;
	struct attachment *a;

	if (c->closed)
		return;
	c->closed = true;
	list_for_each(a, &c->attachments, client_link)
		attachment_drop(a);
	client_end_requests(c);
	if (c->endpoint)
		core->service->endpoint_drop(core->rim, c->endpoint);
	c->endpoint = NULL;
	timer_stop(&core->timers, &c->timer);
	core->n_clients--;
	core->n_clients_before_hello -= !c->greeted;
	if (core->favoured == c)
		core->favoured = NULL;
	list_unlink(&c->link);
	list_unlink(&c->hello_link);
	list_unlink(&c->writable_link);
	list_unlink(&c->backlog_link);
	list_append(&core->dead_clients, &c->link);
}

struct client *client_free(struct client *c)
{
	list_unlink(&c->link);
	bytes_done(&c->in);
	bytes_done(&c->out);
	ledger_sub(&c->core->memory, sizeof(*c));
	free(c->endpoint_why);
	free(c);
	return NULL;
}

struct attachment *client_attachment(struct client *c, uint64_t id)
{
	struct attachment *a;

	list_for_each(a, &c->attachments, client_link) {
		if (a->id != id)
			continue;
		list_unlink(&a->client_link); /* the next one asked for is likely the same */
		list_prepend(&c->attachments, &a->client_link);
		return a;
	}
	return NULL;
}

/* ---- bytes in ---- */

static void client_bad_frame(struct client *c, const struct frame *f)
{
	if (f->has_id)
		client_refuse(c, f, "bad_frame",
			"This is no frame of the protocol; see doc/protocol.md, section 1.");
	client_fail(c);
}

static void client_bad_scan(struct client *c, const uint8_t *data, size_t n)
{
	struct frame f = { .kind = FRAME_REQUEST };

	f.has_id = frame_peek_id(data, n, &f.id);
	client_bad_frame(c, &f);
}

static void client_on_frame(struct client *c, const uint8_t *data, size_t n)
{
	struct frame f;
	int r;

	r = frame_open(&f, data, n);
	if (r == -ENOMEM && frame_peek_id(data, n, &f.id)) {
		f.has_id = true;
		refuse_memory(c, &f);
		return;
	}
	if (r) { /* a notification without memory too: what it said would be missing unnoticed */
		client_bad_frame(c, &f);
		return;
	}
	if (f.kind == FRAME_RESPONSE)
		client_bad_frame(c, &(struct frame){ .has_id = false }); /* we never ask */
	else
		methods_dispatch(c, &f);
	frame_close(&f);
}

static bool client_may_go_on(struct client *c)
{
	return !c->finished && !c->closed && bytes_n(&c->out) <= CLIENT_UNREAD_MAX &&
	       c->n_turn_frames < CLIENT_FRAMES_PER_TURN;
}

/* Whole frames at data, within the turn's budget; how many bytes they had. *ret_more: the budget
 * ended, not the bytes. */
static size_t client_scan(struct client *c, const uint8_t *data, size_t n, bool *ret_more)
{
	size_t max, used, off = 0;
	int r;

	*ret_more = false;
	if (c->turn != c->core->turn) {
		c->turn = c->core->turn;
		c->n_turn_frames = c->n_turn_bytes = 0;
	}
	while (off < n && n - off >= c->need && !c->finished) {
		if (!client_may_go_on(c)) {
			*ret_more = true;
			break;
		}
		max = c->greeted ? FRAME_MAX : FRAME_MAX_BEFORE_HELLO;
		r = frame_scan_max(data + off, n - off, max, &used);
		if (r < 0) {
			client_bad_scan(c, data + off, n - off);
			break;
		}
		c->need = r == FRAME_E_PENDING ? used : 0;
		if (r == FRAME_E_PENDING)
			break;
		c->n_turn_frames++;
		client_on_frame(c, data + off, used);
		off += used;
	}
	return off;
}

static void client_scanned(struct client *c, bool more)
{
	struct timers *ts = &c->core->timers;

	if (c->finished || c->closed)
		more = false;
	if (!more)
		list_unlink(&c->backlog_link);
	else if (!list_linked(&c->backlog_link))
		list_append(&c->core->backlog, &c->backlog_link);
	if (!c->greeted || c->closed)
		return;
	if (bytes_n(&c->in) && !more)
		timer_start(ts, &c->timer, now_usec(c) + CLIENT_FRAME_USEC);
	else
		timer_stop(ts, &c->timer);
}

/* What is kept may be a key: before hello it is wiped when it was read. */
static void client_drop_in(struct client *c, size_t n, bool wipe)
{
	if (wipe && n)
		explicit_bzero(c->in.data + c->in.pos, n);
	bytes_drop(&c->in, n);
}

static void client_feed_kept(struct client *c)
{
	bool more, wipe = !c->greeted;
	size_t used;

	used = client_scan(c, c->in.data + c->in.pos, bytes_n(&c->in), &more);
	client_drop_in(c, used, wipe);
	client_scanned(c, more);
}

void client_feed(struct client *c, const uint8_t *data, size_t n)
{
	bool more = false;
	size_t used = 0;

	if (c->finished || c->closed)
		return;
	if (bytes_n(&c->in)) {
		if (bytes_push(&c->in, data, n))
			client_fail(c);
		else
			client_feed_kept(c);
		return;
	}
	used = client_scan(c, data, n, &more);
	if (used < n && !c->finished && bytes_push(&c->in, data + used, n - used))
		client_fail(c);
	client_scanned(c, more);
}

void client_turn(struct client *c)
{
	list_unlink(&c->backlog_link);
	client_feed_kept(c);
}

bool client_wants_read(const struct client *c)
{
	return !c->finished && !c->closed && !list_linked(&c->backlog_link) &&
	       bytes_n(&c->out) <= CLIENT_UNREAD_MAX && budget_may_read(c);
}

/* ---- session.wait ---- */

static void on_wait_timer(struct timer *t)
{
	struct wait *w = container_of(t, struct wait, timer);
	struct client *c = w->client;

	frame_begin_error(&c->core->scratch, w->id, "timeout",
		"The session still runs; wait again, or longer.", 0);
	client_send(c);
	wait_free(w);
}

int wait_new(struct client *c, uint32_t id, struct session *s, uint64_t timeout_usec)
{
	struct wait *w = malloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	*w = (struct wait){ .session = s, .client = c, .id = id, .timer.fn = on_wait_timer };
	list_append(&s->waits, &w->session_link);
	list_append(&c->waits, &w->client_link);
	ledger_add(&c->core->memory, sizeof(*w));
	c->n_requests++;
	if (timeout_usec != UINT64_MAX)
		timer_start(&c->core->timers, &w->timer, now_usec(c) + timeout_usec);
	return 0;
}

void wait_free(struct wait *w)
{
	timer_stop(&w->client->core->timers, &w->timer);
	list_unlink(&w->session_link);
	list_unlink(&w->client_link);
	w->client->n_requests--;
	ledger_sub(&w->client->core->memory, sizeof(*w));
	free(w);
}

void wait_answer(struct wait *w)
{
	const struct session *s = w->session;
	struct frame_out *o = &w->client->core->scratch;

	frame_begin_result(o, w->id, 4);
	if (s->has_exit_code)
		frame_put_i64(o, "exit_code", s->exit_code);
	else
		frame_put_nil(o, "exit_code");
	frame_put_str(o, "reason", s->reason);
	frame_put_str(o, "message", s->message);
	frame_put_str(o, "state", session_state_name(s->state));
	client_send(w->client);
	session_seen(w->session);
	wait_free(w);
}
