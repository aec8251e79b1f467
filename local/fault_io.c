#include "local/fault_io.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/io/sock.h"
#include "common/paths.h"
#include "local/fault_do.h"

struct fault_client {
	struct list link; /* struct fault_io::clients */
	struct fault_io *io;
	struct bufferevent *bev;
	bool leaving; /* it said all it had to: once it has its answers it may go */
};

static void drop(struct fault_client *c)
{
	list_unlink(&c->link);
	c->io->n_clients--;
	bufferevent_free(c->bev);
	free(c);
}

/* ---- one client ---- */

static void answer(struct fault_client *c, const char *line, size_t n)
{
	char reply[FAULT_REPLY_MAX];

	if (strlen(line) != n)
		snprintf(reply, sizeof(reply), "error a line holds no NUL");
	else
		fault_do_line(c->io->faults, line, reply);
	evbuffer_add_printf(bufferevent_get_output(c->bev), "%s\n", reply);
}

static void answer_lines(struct fault_client *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev), *out = bufferevent_get_output(c->bev);
	char *line;
	size_t n;

	while (evbuffer_get_length(out) < FAULT_IO_UNREAD_MAX &&
		(line = evbuffer_readln(in, &n, EVBUFFER_EOL_CRLF)) != NULL) {
		answer(c, line, n);
		free(line);
	}
}

/* Its last line may have no newline at its end. */
static void finish(struct fault_client *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev), *out = bufferevent_get_output(c->bev);
	char line[FAULT_LINE_MAX + 3];
	int n;

	answer_lines(c);
	if (evbuffer_get_length(out) < FAULT_IO_UNREAD_MAX &&
		evbuffer_get_length(in) < sizeof(line)) {
		n = evbuffer_remove(in, line, sizeof(line) - 1);
		line[n > 0 ? n : 0] = 0;
		if (n > 0)
			answer(c, line, (size_t)n);
	}
	if (!evbuffer_get_length(out))
		drop(c);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev), *out = bufferevent_get_output(bev);
	struct fault_client *c = arg;

	answer_lines(c);
	if (evbuffer_get_length(in) <= FAULT_LINE_MAX + 2)
		return;
	if (evbuffer_get_length(out) >= FAULT_IO_UNREAD_MAX)
		bufferevent_disable(bev, EV_READ);
	else
		drop(c); /* no line's end in sight */
}

static void on_writable(struct bufferevent *bev, void *arg)
{
	struct fault_client *c = arg;

	if (c->leaving)
		return finish(c);
	bufferevent_enable(bev, EV_READ);
	on_readable(bev, arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct fault_client *c = arg;

	if (!(what & BEV_EVENT_EOF))
		return drop(c);
	c->leaving = true;
	bufferevent_disable(bev, EV_READ);
	finish(c);
}

static void welcome(struct fault_io *io, int fd)
{
	struct fault_client *c = NULL;
	uid_t uid;

	if (sock_peer_uid(fd, &uid, NULL) == 0 && uid == geteuid() &&
		io->n_clients < FAULT_IO_CLIENTS_MAX)
		c = calloc(1, sizeof(*c));
	if (c)
		c->bev = bufferevent_socket_new(io->loop->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->bev) {
		free(c);
		close(fd);
		return;
	}
	c->io = io;
	list_append(&io->clients, &c->link);
	io->n_clients++;
	bufferevent_setcb(c->bev, on_readable, on_writable, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void on_accept(evutil_socket_t fd, short what _unused_, void *arg)
{
	struct fault_io *io = arg;
	int client_fd;

	loop_now(io->loop);
	if (sock_accept(fd, &client_fd) == 0)
		welcome(io, client_fd);
}

/* ---- the socket ---- */

/* The folder it lies in: ours alone, or nobody shall rely on the socket's mode. */
static int check_folder(const char *path, char why[IDENTITY_WHY_MAX])
{
	_cleanup_(freep) char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int fd, r;

	if (!dir)
		return -ENOMEM;
	if (slash)
		slash[slash == dir] = 0;
	r = paths_private_dir(slash ? dir : ".", &fd, why);
	if (!r)
		close_fd(&fd);
	return r;
}

/* A living service's socket is not taken away from it. */
static int check_free(const char *path, char why[IDENTITY_WHY_MAX])
{
	int fd;

	if (sock_connect_unix(path, &fd))
		return 0;
	close_fd(&fd);
	snprintf(why, IDENTITY_WHY_MAX, "--fault-socket %.300s: another program listens there",
		path);
	return -EADDRINUSE;
}

int fault_io_open(struct fault_io *io, struct loop *loop, struct fault_do *faults, const char *path,
	char why[IDENTITY_WHY_MAX])
{
	int r = check_folder(path, why);

	*io = (struct fault_io){ .loop = loop, .faults = faults, .path = path, .fd = -1 };
	list_init(&io->clients);
	r = r ? r : check_free(path, why);
	if (r)
		return r;
	r = sock_listen_unix(path, FAULT_IO_BACKLOG, &io->fd);
	if (!r) {
		io->ev = event_new(loop->base, io->fd, EV_READ | EV_PERSIST, on_accept, io);
		r = io->ev && !event_add(io->ev, NULL) ? 0 : -ENOMEM;
	}
	if (r)
		snprintf(why, IDENTITY_WHY_MAX, "--fault-socket %.300s: %s", path, strerror(-r));
	return r;
}

void fault_io_close(struct fault_io *io)
{
	struct fault_client *c;

	if (!io->loop)
		return;
	list_for_each(c, &io->clients, link)
		drop(c);
	if (io->ev)
		event_free(io->ev);
	if (io->fd >= 0)
		unlink(io->path);
	close_fd(&io->fd);
}
