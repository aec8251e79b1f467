#include "local/listener.h"

#include "common/io/sock.h"

static void pause_accepting(struct listener *l)
{
	struct timeval tv = { .tv_sec = LISTENER_RETRY_SEC };

	event_del(l->ev_accept);
	event_add(l->ev_retry, &tv);
}

static void resume(struct listener *l)
{
	if (!l->refusing && !l->ignoring)
		event_add(l->ev_accept, NULL);
}

static void on_retry(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	resume(arg);
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

static void unwatch(struct listener *l)
{
	if (l->ev_accept)
		event_free(l->ev_accept);
	l->ev_accept = NULL;
}

static int watch(struct listener *l)
{
	l->ev_accept = event_new(l->loop->base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
	if (l->ev_accept && !event_add(l->ev_accept, NULL))
		return 0;
	unwatch(l);
	return -ENOMEM;
}

int listener_start(struct listener *l)
{
	l->ev_retry = evtimer_new(l->loop->base, on_retry, l);
	return l->ev_retry ? watch(l) : -ENOMEM;
}

void listener_ignore(struct listener *l, bool ignore)
{
	l->ignoring = ignore;
	if (ignore && l->ev_accept)
		event_del(l->ev_accept);
	else
		resume(l);
}

/* In the place of the listening socket one that only holds its port. */
static int hold_port(struct listener *l)
{
	struct sockaddr_storage at;
	socklen_t n = sizeof(at);
	int on = 1, fd;

	if (getsockname(l->fd, (struct sockaddr *)&at, &n) < 0)
		return -errno;
	fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) {
		close_fd(&fd);
		return -errno;
	}
	unwatch(l);
	close_fd(&l->fd);
	if (bind(fd, (struct sockaddr *)&at, n) < 0) {
		l->error = -errno; /* one that is not bound would listen anywhere */
		close_fd(&fd);
		return l->error;
	}
	l->fd = fd;
	return 0;
}

/* Who would accept is there before anybody can connect: a client that nobody accepts hangs. */
static int take_port_back(struct listener *l)
{
	int r = watch(l);

	if (!r && listen(l->fd, l->backlog) < 0) {
		r = -errno;
		unwatch(l);
	}
	return r;
}

int listener_refuse(struct listener *l, bool refuse)
{
	int r;

	if (l->error)
		return l->error;
	if (refuse == l->refusing)
		return 0;
	r = refuse ? hold_port(l) : take_port_back(l);
	if (!r && !refuse && l->ignoring)
		event_del(l->ev_accept);
	l->refusing = r && !l->error ? l->refusing : refuse; /* or it is as it was */
	return r;
}

void listener_stop(struct listener *l)
{
	unwatch(l);
	if (l->ev_retry)
		event_free(l->ev_retry);
	l->ev_retry = NULL;
	close_fd(&l->fd);
}
