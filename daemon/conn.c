#include "daemon/conn.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "common/io/sock.h"
#include "common/text.h"
#include "daemon/call.h"
#include "daemon/endpoint.h"
#include "daemon/pool.h"
#include "daemon/worker.h"

static const char *const state_names[] = {
	[CONN_LOOKING_UP] = "looking_up",
	[CONN_CONNECTING] = "connecting",
	[CONN_SETTLING] = "settling",
	[CONN_UP] = "up",
	[CONN_DRAINING] = "draining",
	[CONN_DEAD] = "dead",
};

const char *conn_state_name(enum conn_state state)
{
	return state_names[state];
}

static void conn_enter(struct conn *c, enum conn_state state)
{
	journal_say(c->pool->journal, JOURNAL_DEBUG, "connection %u to %s: %s -> %s", c->id,
		c->ep->name, state_names[c->state], state_names[state]);
	c->state = state;
}

/* Who is dialed: the service, or the proxy before it. */
static const struct url *dialed(const struct conn *c)
{
	return c->ep->id.proxy ? &c->ep->proxy : &c->target;
}

/* Something broke: remembered with the reason, and seen to when the turn ends. */
static void conn_break(struct conn *c, const char *why)
{
	char by_way[CONN_WHY_MAX];

	if (c->broken || c->state == CONN_DEAD)
		return;
	c->broken = true;
	if (c->ep->id.proxy && c->state == CONN_LOOKING_UP)
		snprintf(by_way, sizeof(by_way), "by way of the proxy %.100s: %s", dialed(c)->host,
			why);
	else if (c->ep->id.proxy && c->state == CONN_CONNECTING && !c->io_live)
		snprintf(by_way, sizeof(by_way), "by way of the proxy %s: %s", c->address, why);
	else
		snprintf(by_way, sizeof(by_way), "%s", why);
	text_encode(c->why, sizeof(c->why), by_way, strlen(by_way));
	pool_conn_dirty(c);
}

static void arm(struct conn *c, unsigned sec)
{
	struct timeval tv = { .tv_sec = sec };

	event_add(c->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct conn *c = arg;
	char why[128];

	(void)fd;
	(void)events;
	if (c->state >= CONN_UP)
		return conn_n_calls(c) ? arm(c, CONN_IDLE_SEC) : conn_close(c);
	snprintf(why, sizeof(why), "no answer within %d seconds", CONN_DEADLINE_SEC);
	c->addr = NULL; /* the deadline is over all addresses */
	conn_break(c, why);
}

/* ---- is it still there? ------------------------------------------------------------------------- */

static void look_again(struct conn *c, uint64_t now_usec, uint64_t due_usec)
{
	uint64_t left = due_usec > now_usec ? due_usec - now_usec : 0;
	struct timeval tv = { .tv_sec = (time_t)(left / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(left % USEC_PER_SEC) };

	event_add(c->probe, &tv);
}

static void on_probe(evutil_socket_t fd, short events, void *arg)
{
	static const uint8_t payload[8] = "alive?";
	struct conn *c = arg;
	const struct keepalive_look look = {
		.now_usec = loop_now(c->pool->loop),
		.heard_usec = c->io.last_rx_usec,
		.answers = h2_n_answers(c->h2),
		.calls = conn_n_calls(c) > 0,
		.rare = c->ep->rare_pings,
	};
	uint64_t due;

	(void)fd;
	(void)events;
	switch (keepalive_step(&c->keepalive, &look, &due)) {
	case KEEPALIVE_WAIT:
		break;
	case KEEPALIVE_PING:
		h2_ping(c->h2, payload);
		break;
	case KEEPALIVE_DEAD:
		return conn_kill(c, "no answer for 10 seconds");
	}
	look_again(c, look.now_usec, due);
}

void conn_look(struct conn *c)
{
	if (c->state == CONN_UP || c->state == CONN_DRAINING)
		event_active(c->probe, EV_TIMEOUT, 1);
}

static void start_probing(struct conn *c)
{
	uint64_t now = loop_now(c->pool->loop);

	c->keepalive = (struct keepalive){ 0 };
	look_again(c, now, now + KEEPALIVE_QUIET_USEC);
}

/* ---- HTTP/2 ------------------------------------------------------------------------------------- */

static void on_settings(struct h2 *h2, uint32_t max_streams, void *arg)
{
	struct conn *c = arg;

	(void)h2;
	c->peer_streams = max_streams;
	if (c->state != CONN_SETTLING && c->state != CONN_CONNECTING)
		return;
	conn_enter(c, CONN_UP);
	arm(c, CONN_IDLE_SEC);
	start_probing(c);
	endpoint_dial_done(c->ep);
}

static void on_goaway(struct h2 *h2, int32_t last_id, uint32_t error, const char *debug,
	size_t debug_n, void *arg)
{
	struct conn *c = arg;
	char said[128];

	(void)h2;
	text_encode(said, sizeof(said), debug, debug_n);
	journal_say(c->pool->journal, JOURNAL_INFO,
		"connection %u to %s: the service takes no more calls on it (%u%s%s)", c->id,
		c->ep->name, error, *said ? ", " : "", said);
	(void)last_id;
	if (error == H2_ENHANCE_YOUR_CALM && strcmp(said, "too_many_pings") == 0)
		c->ep->rare_pings = true;
	if (c->state == CONN_UP)
		conn_enter(c, CONN_DRAINING);
	else
		conn_break(c, "the service closed the connection at once");
	pool_conn_dirty(c);
}

static void on_dirty(struct h2 *h2, void *arg)
{
	(void)h2;
	pool_conn_dirty(arg);
}

static const struct h2_ops h2_ops = {
	.on_settings = on_settings,
	.on_goaway = on_goaway,
	.on_dirty = on_dirty,
};

/* ---- the socket --------------------------------------------------------------------------------- */

static void on_up(void *arg)
{
	struct conn *c = arg;

	if (c->state == CONN_CONNECTING)
		conn_enter(c, CONN_SETTLING);
	pool_conn_dirty(c);
}

static void on_fail(void *arg, int error, const char *why)
{
	(void)error;
	conn_break(arg, why);
}

static const struct conn_io_ops io_ops = { .on_up = on_up, .on_fail = on_fail };

static void drop_tunnel(struct conn *c)
{
	if (c->tunnel)
		tunnel_done(c->tunnel);
	free(c->tunnel);
	c->tunnel = NULL;
}

static void tear_down(struct conn *c)
{
	if (c->probe)
		event_del(c->probe);
	drop_tunnel(c);
	if (c->io_live)
		conn_io_done(&c->io);
	c->io_live = false;
	c->h2 = h2_free(c->h2);
}

static int make_ssl(struct conn *c, SSL **ret)
{
	*ret = NULL;
	if (!c->target.tls)
		return 0;
	return tls_client_ssl(c->ep->tls, c->target.host, ret);
}

/* Never more than a session's log takes. */
static uint32_t stream_window(const struct conn *c, size_t most)
{
	return (uint32_t)min_u64(c->pool->cfg->log_bytes, most);
}

uint32_t conn_wide_window(const struct conn *c)
{
	return stream_window(c, CONN_STREAM_WINDOW);
}

/* Takes fd over. */
static int start_io(struct conn *c, int fd, bool connecting)
{
	struct h2_config h2_config = { .role = H2_CLIENT,
		.stream_window = stream_window(c, UPSTREAM_SHELL_WINDOW),
		.ops = &h2_ops,
		.arg = c };
	struct conn_io_config io_config = {
		.loop = c->pool->loop, .fd = fd, .connecting = connecting, .ops = &io_ops, .arg = c
	};
	int r;

	r = h2_new(&c->h2, &h2_config);
	if (r == 0)
		r = make_ssl(c, &io_config.ssl);
	if (r) {
		close(fd);
		return r;
	}
	io_config.h2 = c->h2;
	r = conn_io_init(&c->io, &io_config);
	c->io_live = r == 0;
	return r;
}

static void on_tunnel(struct tunnel *t, int fd, const char *why)
{
	struct conn *c = t->arg;
	int r = fd >= 0 ? start_io(c, fd, false) : 0;

	if (fd < 0)
		conn_break(c, why);
	else if (r < 0)
		conn_break(c, strerror(-r));
}

/* Takes fd over. */
static int start_tunnel(struct conn *c, int fd)
{
	char authority[URL_TEXT_MAX];

	c->tunnel = calloc(1, sizeof(*c->tunnel));
	if (!c->tunnel) {
		close(fd);
		return -ENOMEM;
	}
	c->tunnel->on_end = on_tunnel;
	c->tunnel->arg = c;
	url_host_port(&c->target, authority);
	return tunnel_start(c->tunnel, c->pool->loop, fd, authority);
}

static bool is_loopback(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)addr)->sin_addr.s_addr) >>
			       24 ==
		       127;
	return addr->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr);
}

static int try_address(struct conn *c, const struct addrinfo *a)
{
	char host[64], port[16];
	int fd, r;

	if (!c->target.tls && !is_loopback(a->ai_addr))
		return -EACCES; /* a name that lies: clear text stays on this machine */
	if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(c->address, sizeof(c->address),
			strchr(host, ':') ? "[%.60s]:%s" : "%.60s:%s", host, port);
	r = sock_connect_start(a->ai_addr, a->ai_addrlen, &fd);
	if (r < 0 && r != -EINPROGRESS)
		return r;
	return c->ep->id.proxy ? start_tunnel(c, fd) : start_io(c, fd, true);
}

/* The next address that lets us begin; the reason of the last one that did not is the connection's. */
static void try_next(struct conn *c)
{
	int r = -EADDRNOTAVAIL;

	c->broken = false;
	while (c->addr) {
		const struct addrinfo *a = c->addr;

		c->addr = a->ai_next;
		r = try_address(c, a);
		if (r == 0)
			return;
		tear_down(c);
	}
	conn_break(c, strerror(-r));
}

/* ---- the name ----------------------------------------------------------------------------------- */

struct lookup {
	struct job job;
	struct conn *conn; /* NULL: nobody waits any more */
	char host[URL_HOST_MAX + 1], port[8];
	struct addrinfo *found;
	int r; /* of getaddrinfo */
};

static void look_up(
	const char *host, const char *port, int flags, int *ret_r, struct addrinfo **ret)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = flags | AI_NUMERICSERV };

	*ret_r = getaddrinfo(host, port, &hints, ret);
}

static void lookup_run(struct job *job)
{
	struct lookup *l = container_of(job, struct lookup, job);

	look_up(l->host, l->port, AI_ADDRCONFIG, &l->r, &l->found);
	if (l->r != 0) /* AI_ADDRCONFIG hides addresses of a machine that has only loopback */
		look_up(l->host, l->port, 0, &l->r, &l->found);
}

static void take_addresses(struct conn *c, struct addrinfo *found)
{
	c->addrs = found;
	c->addr = found;
	conn_enter(c, CONN_CONNECTING);
	try_next(c);
}

static void lookup_done(struct job *job)
{
	struct lookup *l = container_of(job, struct lookup, job);

	if (l->conn) {
		l->conn->lookup = NULL;
		if (job->ran && l->r == 0)
			take_addresses(l->conn, TAKE(l->found));
		else
			conn_break(l->conn, job->ran ? gai_strerror(l->r) : "shutting down");
	}
	if (l->found)
		freeaddrinfo(l->found);
	free(l);
}

static int start_lookup(struct conn *c)
{
	struct lookup *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->job.run = lookup_run;
	l->job.done = lookup_done;
	l->conn = c;
	snprintf(l->host, sizeof(l->host), "%s", dialed(c)->host);
	snprintf(l->port, sizeof(l->port), "%u", (unsigned)dialed(c)->port);
	r = worker_submit(c->pool->worker, &l->job);
	if (r < 0) {
		free(l);
		return r;
	}
	c->lookup = l;
	return 0;
}

/* An address needs no look-up, and the loop no thread for it. */
static int begin(struct conn *c)
{
	struct addrinfo *found = NULL;
	char port[8];
	int r;

	snprintf(port, sizeof(port), "%u", (unsigned)dialed(c)->port);
	look_up(dialed(c)->host, port, AI_NUMERICHOST, &r, &found);
	if (r != 0)
		return start_lookup(c);
	take_addresses(c, found);
	return 0;
}

/* ---- life --------------------------------------------------------------------------------------- */

int conn_dial(struct conn **ret, struct endpoint *ep)
{
	struct conn *c = calloc(1, sizeof(*c));
	int r = -ENOMEM;

	if (!c)
		return -ENOMEM;
	c->ep = ep;
	c->pool = ep->pool;
	c->id = pool_next_id(ep->pool);
	c->target = ep->target;
	list_init(&c->dirty);
	list_init(&c->calls);
	list_append(&ep->conns, &c->link);
	c->timer = evtimer_new(ep->pool->loop->base, on_timer, c);
	c->probe = evtimer_new(ep->pool->loop->base, on_probe, c);
	if (c->timer && c->probe) {
		arm(c, CONN_DEADLINE_SEC);
		r = begin(c);
	}
	if (r < 0) {
		conn_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct conn *conn_free(struct conn *c)
{
	if (!c)
		return NULL;
	tear_down(c);
	list_unlink(&c->link);
	list_unlink(&c->dirty);
	if (c->lookup)
		c->lookup->conn = NULL;
	if (c->addrs)
		freeaddrinfo(c->addrs);
	if (c->timer)
		event_free(c->timer);
	if (c->probe)
		event_free(c->probe);
	free(c);
	return NULL;
}

bool conn_is_coming(const struct conn *c)
{
	return c->state < CONN_UP;
}

size_t conn_n_calls(const struct conn *c)
{
	return c->h2 ? h2_n_streams(c->h2) : 0;
}

uint32_t conn_max_streams(const struct conn *c)
{
	uint64_t ours = c->pool->cfg->max_streams;

	return c->peer_streams < ours ? c->peer_streams : (uint32_t)ours;
}

bool conn_has_room(const struct conn *c)
{
	return c->state == CONN_UP && !c->broken && conn_n_calls(c) < conn_max_streams(c);
}

uint64_t conn_rtt_usec(const struct conn *c)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);
	int fd = c->io_live ? c->io.transport.fd : -1;

	if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0)
		return 0;
	return info.tcpi_rtt;
}

void conn_flush(struct conn *c)
{
	if (c->io_live && !c->broken && c->state != CONN_DEAD)
		conn_io_flush(&c->io);
}

static void die(struct conn *c)
{
	bool coming = conn_is_coming(c);
	struct call *call;

	conn_enter(c, CONN_DEAD);
	event_del(c->timer);
	list_for_each(call, &c->calls, link)
		call_losing(call);
	tear_down(c); /* each call ends here, with our reason */
	list_unlink(&c->link);
	list_append(&c->pool->dead_conns, &c->link);
	if (coming)
		endpoint_dial_failed(c->ep, c->why);
}

void conn_settle(struct conn *c)
{
	bool spent = c->state == CONN_DRAINING && conn_n_calls(c) == 0 &&
		     (!c->io_live || conn_io_drained(&c->io));

	if (c->state == CONN_DEAD || (!c->broken && !spent))
		return;
	if (c->broken && c->state <= CONN_SETTLING && c->addr) {
		tear_down(c);
		c->state = CONN_CONNECTING;
		return try_next(c);
	}
	if (c->broken && c->state >= CONN_UP)
		journal_say(c->pool->journal, JOURNAL_INFO, "connection %u to %s: %s", c->id,
			c->ep->name, c->why);
	die(c);
}

void conn_close(struct conn *c)
{
	if (c->state == CONN_UP) {
		conn_enter(c, CONN_DRAINING);
		h2_goaway(c->h2, H2_NO_ERROR);
		pool_conn_dirty(c);
	} else if (conn_is_coming(c)) {
		conn_kill(c, "shutting down");
	}
}

void conn_kill(struct conn *c, const char *why)
{
	c->addr = NULL;
	conn_break(c, why);
}

void conn_call_ended(struct conn *c)
{
	if (c->state == CONN_UP && conn_n_calls(c) <= 1)
		arm(c, CONN_IDLE_SEC);
	pool_conn_dirty(c); /* room for who waits; or the last call of a drained connection */
}
