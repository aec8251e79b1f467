#include "local/listener.h"

#include "common/io/sock.h"

static void pause_accepting(struct listener *l)
{
	struct timeval tv = { .tv_sec = LISTENER_FULL_SEC };

	event_del(l->ev_accept);
	event_add(l->ev_retry, &tv);
}

static void on_retry(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct listener *l = arg;

	event_add(l->ev_accept, NULL);
}

static void on_accept(evutil_socket_t fd, short what _unused_, void *arg)
{
	struct listener *l = arg;

	loop_now(l->loop);
	for (int i = 0; i < LISTENER_ACCEPTS_A_TURN; i++) {
		int conn_fd;
		int r = sock_accept(fd, &conn_fd);

		if (r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM)
			return pause_accepting(l);
		if (r)
			return;
		l->on_fd(l, conn_fd, l->arg);
	}
}

int listener_start(struct listener *l)
{
	l->ev_accept = event_new(l->loop->base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
	l->ev_retry = evtimer_new(l->loop->base, on_retry, l);
	if (!l->ev_accept || !l->ev_retry || event_add(l->ev_accept, NULL))
		return -ENOMEM;
	return 0;
}

void listener_stop(struct listener *l)
{
	if (l->ev_accept)
		event_free(l->ev_accept);
	if (l->ev_retry)
		event_free(l->ev_retry);
	l->ev_accept = l->ev_retry = NULL;
	close_fd(&l->fd);
}
