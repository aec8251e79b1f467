#include <stdio.h>
#include <string.h>

#include "daemon/conn.h"
#include "daemon/endpoint.h"
#include "daemon/server.h"

#define STATUS_FIELDS 10
#define CONNECTION_FIELDS 9
#define CONNECTIONS_MAX 200 /* in one answer: a frame has a bound on values */

static uint64_t rss_bytes(void)
{
	unsigned long long total = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%llu %llu", &total, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void put_connection(struct frame_out *out, const struct conn *c)
{
	frame_put_map(out, NULL, CONNECTION_FIELDS);
	frame_put_u64(out, "id", c->id);
	frame_put_str(out, "endpoint", c->ep->name);
	frame_put_str(out, "address", c->address);
	frame_put_str(out, "state", conn_state_name(c->state));
	frame_put_u64(out, "streams", conn_n_calls(c));
	frame_put_u64(out, "max_streams", conn_max_streams(c));
	frame_put_u64(out, "rtt_us", conn_rtt_usec(c));
	frame_put_u64(out, "rx_bytes", c->io.rx_bytes);
	frame_put_u64(out, "tx_bytes", c->io.tx_bytes);
}

static void put_connections(struct frame_out *out, const struct pool *p)
{
	const struct endpoint *ep;
	const struct conn *c;
	size_t n = 0;

	list_for_each(ep, &p->endpoints, link)
		list_for_each(c, &ep->conns, link)
			n++;
	n = n < CONNECTIONS_MAX ? n : CONNECTIONS_MAX;
	frame_put_array(out, "connections", n);
	list_for_each(ep, &p->endpoints, link)
		list_for_each(c, &ep->conns, link)
			if (n > 0) {
				put_connection(out, c);
				n--;
			}
}

int status_answer(struct server *s, struct request *req)
{
	struct core_stats stats;
	struct frame_out *out;

	core_stats(s->core, &stats);
	out = request_result(req, STATUS_FIELDS);
	frame_put_str(out, "version", PACKAGE_VERSION);
	frame_put_u64(out, "pid", (uint64_t)getpid());
	frame_put_str(out, "boot_id", s->boot_id);
	frame_put_u64(out, "uptime_s", (loop_now(&s->loop) - s->started_usec) / USEC_PER_SEC);
	frame_put_u64(out, "rss_bytes", rss_bytes());
	frame_put_u64(out, "memory_bytes", stats.memory_bytes);
	frame_put_u64(out, "sessions", stats.n_sessions);
	frame_put_u64(out, "clients", stats.n_clients);
	frame_put_str(out, "socket", s->listener.path ? s->listener.path : "");
	put_connections(out, &s->pool);
	request_done(req);
	return 0;
}

int status_shutdown(struct server *s, struct request *req)
{
	bool all = false;

	frame_get_bool(req->frame.params, "all", &all);
	request_result(req, 0);
	request_done(req);
	s->stop_asked = true; /* at the end of the turn: the core is in a client's call now */
	s->stop_local = all;
	return 0;
}
