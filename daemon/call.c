#include "daemon/call.h"

#include <stdio.h>
#include <string.h>

#include "daemon/conn.h"
#include "daemon/endpoint.h"
#include "daemon/pool.h"

#define METADATA_MAX 6
#define CALL_DEADLINE_SLACK_USEC (100 * USEC_PER_MSEC)
#define USER_AGENT "cwsandboxd/" PACKAGE_VERSION

static struct call *call_of(struct grpc_call *g)
{
	return container_of(g, struct call, grpc);
}

/* ---- what grpc tells us ------------------------------------------------------------------------- */

static int on_part(struct grpc_call *g, const struct grpc_part *part)
{
	struct call *c = call_of(g);

	c->heard = true;
	return c->ops->on_part(c, part);
}

static size_t read_request(struct call *c, uint8_t *buf, size_t n)
{
	size_t left = c->request.n - c->request_sent, l = n < left ? n : left;

	if (l > 0)
		memcpy(buf, c->request.data + c->request_sent, l);
	c->request_sent += l;
	return l;
}

static size_t on_read(struct grpc_call *g, uint8_t *buf, size_t n, bool *ret_end)
{
	struct call *c = call_of(g);
	size_t l;

	l = read_request(c, buf, n);
	if (!c->ops->read)
		*ret_end = c->request_sent == c->request.n;
	if (l > 0 || !c->ops->read)
		return l;
	l = c->ops->read(c, buf, n, ret_end);
	c->touched = c->touched || l > 0 || *ret_end;
	return l;
}

static void finish(struct call *c, const struct grpc_status *st)
{
	struct endpoint *ep = c->ep;

	list_unlink(&c->link);
	if (c->timer)
		event_del(c->timer);
	c->state = CALL_IDLE;
	c->ep = NULL;
	if (st->code == GRPC_UNAUTHENTICATED)
		endpoint_key_rejected(ep);
	c->ops->on_done(c, st);
	endpoint_unref(ep);
}

/* The peer did nothing with it: back to the head of those that wait. */
static bool try_again(struct call *c, const struct grpc_status *st)
{
	if (!st->unprocessed || c->retried || c->touched || c->heard || c->ep->pool->closing)
		return false;
	c->retried = true;
	c->state = CALL_WAITING;
	list_prepend(&c->ep->waiting, &c->link);
	c->ep->n_waiting++;
	return true;
}

/* The peer keeps the same deadline: its word for it may come before our timer. */
static bool is_own_deadline(const struct call *c, const struct grpc_status *st)
{
	return st->code == GRPC_DEADLINE_EXCEEDED && c->until_usec &&
	       loop_now(c->ep->pool->loop) + CALL_DEADLINE_SLACK_USEC >= c->until_usec;
}

/* A lost connection knows best why, and we know our own deadline. */
static const struct grpc_status *explain(
	struct call *c, const struct grpc_status *st, struct grpc_status *copy)
{
	bool lost = st->transport && c->conn && c->conn->broken, late = is_own_deadline(c, st);

	if ((!lost && !late) || grpc_status_copy(copy, st) < 0)
		return st;
	if (lost && !late)
		grpc_status_set(copy, GRPC_UNAVAILABLE, NULL, "%s", c->conn->why);
	copy->transport = true;
	copy->unprocessed = st->unprocessed;
	return copy;
}

static void on_done(struct grpc_call *g, const struct grpc_status *st)
{
	struct call *c = call_of(g);
	struct grpc_status copy = { 0 };

	st = explain(c, st, &copy);
	list_unlink(&c->link);
	conn_call_ended(c->conn);
	c->conn = NULL;
	if (!try_again(c, st))
		finish(c, st);
	grpc_status_done(&copy);
}

static const struct grpc_call_ops grpc_ops = {
	.on_part = on_part, .read = on_read, .on_done = on_done
};

/* ---- the deadline ------------------------------------------------------------------------------- */

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct grpc_status st = { 0 };
	struct call *c = arg;
	size_t n = c->state == CALL_WAITING ? endpoint_full(c->ep) : 0;

	(void)fd;
	(void)events;
	if (n)
		grpc_status_set(&st, GRPC_DEADLINE_EXCEEDED, POOL_NO_STREAM,
			"All %zu streams to the service at %s are in use: end sessions or "
			"commands, or raise max-connections in cwsandboxd.conf.",
			n, c->ep->name);
	else
		grpc_status_set(&st, GRPC_DEADLINE_EXCEEDED, NULL, "Deadline Exceeded");
	st.transport = true;
	call_cancel(c, &st);
	grpc_status_done(&st);
}

static int arm(struct call *c, uint64_t timeout_usec)
{
	struct timeval tv = { .tv_sec = (time_t)(timeout_usec / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(timeout_usec % USEC_PER_SEC) };

	c->until_usec = 0;
	if (timeout_usec == 0)
		return 0;
	c->until_usec = loop_now(c->ep->pool->loop) + timeout_usec;
	if (!c->timer)
		c->timer = evtimer_new(c->ep->pool->loop->base, on_timer, c);
	if (!c->timer || event_add(c->timer, &tv) < 0)
		return -ENOMEM;
	return 0;
}

/* ---- headers ------------------------------------------------------------------------------------ */

struct metadata {
	struct h2_header headers[METADATA_MAX];
	size_t n;
	char authorization[SECRET_MAX + 16]; /* wiped after use */
};

static void add(struct metadata *m, const char *name, const char *value)
{
	if (value && *value)
		m->headers[m->n++] = (struct h2_header){ .name = name, .value = value };
}

static void build_metadata(struct metadata *m, const struct endpoint *ep)
{
	const struct secret *key = endpoint_key(ep);

	m->n = 0;
	m->authorization[0] = '\0';
	add(m, "user-agent", USER_AGENT);
	if (endpoint_is_wandb(ep)) {
		add(m, "x-wandb-api-key", secret_text(key));
		add(m, "x-wandb-sdk-version", PACKAGE_VERSION);
		add(m, "x-entity-id", ep->id.entity);
		add(m, "x-project-name", ep->id.project);
	} else if (key) {
		snprintf(m->authorization, sizeof(m->authorization), "Bearer %s", secret_text(key));
		add(m, "authorization", m->authorization);
	}
}

/* ---- life --------------------------------------------------------------------------------------- */

void call_init(struct call *c, const struct call_ops *ops)
{
	*c = (struct call){ .ops = ops };
	list_init(&c->link);
}

void call_done(struct call *c)
{
	if (c->timer)
		event_free(c->timer);
	c->timer = NULL;
	grpc_status_done(&c->end);
	grpc_outbox_done(&c->request);
}

int call_start(struct call *c, struct endpoint *ep, const char *path, uint64_t timeout_usec)
{
	int r;

	c->ep = ep;
	c->path = path;
	c->retried = c->touched = c->heard = c->cancelled = false;
	grpc_status_done(&c->end);
	r = arm(c, timeout_usec);
	if (r == 0)
		r = endpoint_enqueue(ep, c);
	if (r < 0) {
		if (c->timer)
			event_del(c->timer);
		c->ep = NULL;
		return r;
	}
	endpoint_ref(ep);
	c->state = CALL_WAITING;
	return 0;
}

/* What is left of the deadline, as the peer is told; at least 1 ms. */
static uint64_t time_left(const struct call *c)
{
	uint64_t now = loop_now(c->ep->pool->loop);

	if (!c->until_usec)
		return 0;
	return c->until_usec > now + USEC_PER_MSEC ? c->until_usec - now : USEC_PER_MSEC;
}

int call_begin(struct call *c, struct conn *conn)
{
	struct metadata m;
	char authority[URL_TEXT_MAX];
	struct grpc_request req;
	int r;

	build_metadata(&m, c->ep);
	url_authority(&conn->target, authority);
	req = (struct grpc_request){ .scheme = conn->target.tls ? "https" : "http",
		.authority = authority,
		.path = c->path,
		.timeout_usec = time_left(c),
		.window = c->wide ? conn_wide_window(conn) : 0,
		.metadata = m.headers,
		.n_metadata = m.n };
	c->grpc = (struct grpc_call){ .ops = &grpc_ops, .message_max = c->message_max };
	r = grpc_start(&c->grpc, conn->h2, &req);
	explicit_bzero(&m, sizeof(m));
	if (r)
		return r;
	list_unlink(&c->link);
	c->ep->n_waiting--;
	list_append(&conn->calls, &c->link);
	c->request_sent = 0;
	c->conn = conn;
	c->lost_bytes = 0;
	c->state = CALL_STARTED;
	return 0;
}

void call_fail(struct call *c, const struct grpc_status *st)
{
	list_unlink(&c->link);
	c->ep->n_waiting--;
	finish(c, st);
}

void call_cancel(struct call *c, const struct grpc_status *st)
{
	if (c->state == CALL_STARTED) {
		c->retried = true; /* whatever comes, it is over */
		return grpc_cancel(&c->grpc, st);
	}
	if (c->state != CALL_WAITING || c->cancelled)
		return;
	c->cancelled = true;
	if (!st || grpc_status_copy(&c->end, st) < 0)
		c->end.code = GRPC_CANCELLED;
}

void call_forget_request(struct call *c)
{
	if (c->request_sent < c->request.n)
		return;
	grpc_outbox_done(&c->request);
	c->request_sent = 0;
}

void call_resume(struct call *c)
{
	if (c->state == CALL_STARTED)
		grpc_resume(&c->grpc);
}

void call_consume(struct call *c, size_t n)
{
	if (c->state == CALL_STARTED && n > 0)
		grpc_consume(&c->grpc, n);
}

bool call_is_idle(const struct call *c)
{
	return c->state == CALL_IDLE;
}

size_t call_uncertain(const struct call *c)
{
	if (c->state == CALL_STARTED && c->grpc.stream)
		return h2_unacknowledged(c->grpc.stream);
	return c->lost_bytes;
}

void call_losing(struct call *c)
{
	c->lost_bytes = c->touched ? call_uncertain(c) : 0;
}
