#include "local/box_net.h"

#include <stdio.h>
#include <string.h>

#include "local/box_main.h"

static void fail(struct box *b, const char *why)
{
	sandbox_set_reason(b->sb, "could not start: no network: %.150s", why);
	sandbox_step(&b->boxes->reg, b->sb, SANDBOX_EV_FAIL, &b->boxes->loop->clock);
	box_kill(b);
}

static void on_ready(evutil_socket_t fd _unused_, short what, void *arg)
{
	struct box *b = arg;
	char why[LAUNCH_WHY_MAX] = "it was not up in time";
	int r = what & EV_READ ? net_is_up(&b->net) : -ETIMEDOUT;

	loop_now(b->boxes->loop);
	if (!r)
		return box_main_start(b);
	if (r != -ETIMEDOUT)
		net_explain(&b->net, why, sizeof(why));
	fail(b, why);
}

void box_net_start(struct box *b, const int *fds, size_t n)
{
	const struct launcher *l = &b->boxes->launcher;
	struct timeval limit = { .tv_sec = NET_START_MSEC / 1000 };
	int r;

	if (l->network != NETWORK_OWN)
		return box_main_start(b);
	r = n == NET_FDS ? net_start(fds, &l->owner, &b->net) : -EBADMSG;
	if (!r) {
		b->ev_net = event_new(b->boxes->loop->base, b->net.ready_fd, EV_READ, on_ready, b);
		r = b->ev_net && !event_add(b->ev_net, &limit) ? 0 : -ENOMEM;
	}
	if (r)
		fail(b, strerror(-r));
}

void box_net_stop(struct box *b)
{
	if (b->ev_net)
		event_free(b->ev_net);
	b->ev_net = NULL;
	net_stop(&b->net);
}
