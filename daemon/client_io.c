#include "daemon/client_io.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "daemon/server.h"

void client_io_close(struct client_io *io)
{
	if (io->closed)
		return;
	io->closed = true;
	event_del(io->ev_read);
	event_del(io->ev_write);
	list_unlink(&io->link);
	list_unlink(&io->paused_link);
	list_append(&io->server->dead_clients, &io->link);
	client_close(io->client);
	io->client = NULL;
	server_fd_freed(io->server);
}

static void on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct client_io *io = arg;
	const bool is_greeted = client_is_greeted(io->client);
	ssize_t n = read((int)fd, io->server->buf, sizeof(io->server->buf));

	(void)events;
	loop_now(&io->server->loop);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return client_io_close(io);
	if (n > 0)
		client_feed(io->client, io->server->buf, (size_t)n);
	if (n > 0 && !is_greeted)
		explicit_bzero(io->server->buf, (size_t)n);
	if (client_wants_read(io->client))
		return;
	event_del(io->ev_read);
	list_append(&io->server->paused, &io->paused_link);
}

static void on_writable(evutil_socket_t fd, short events, void *arg)
{
	struct client_io *io = arg;

	(void)fd;
	(void)events;
	loop_now(&io->server->loop);
	client_writable(io->client);
}

void client_io_unpause(struct client_io *io)
{
	if (!client_wants_read(io->client))
		return;
	list_unlink(&io->paused_link);
	event_add(io->ev_read, NULL);
}

void client_io_flush(struct client_io *io)
{
	struct iovec iov[CLIENT_IOV_MAX];
	size_t n = client_gather(io->client, iov, CLIENT_IOV_MAX);
	ssize_t l = n ? writev(io->fd, iov, (int)n) : 0;
	bool broken = l < 0 && errno != EAGAIN && errno != EINTR;

	if (n > 0)
		client_advance(io->client, l > 0 ? (size_t)l : 0);
	if (broken)
		client_unheard(io->client);
	if (client_finished(io->client))
		return client_io_close(io);
	if (client_owes(io->client))
		event_add(io->ev_write, NULL);
}

int client_io_new(struct server *server, int fd, uid_t uid, pid_t pid, bool observer)
{
	const int bytes = CLIENT_IO_SOCKET_BYTES;
	struct client_io *io = calloc(1, sizeof(*io));
	int r = -ENOMEM;

	if (!io) {
		close(fd);
		return -ENOMEM;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	io->server = server;
	io->fd = fd;
	io->ev_read = event_new(server->loop.base, fd, EV_READ | EV_PERSIST, on_readable, io);
	io->ev_write = event_new(server->loop.base, fd, EV_WRITE, on_writable, io);
	if (io->ev_read && io->ev_write && event_add(io->ev_read, NULL) == 0)
		r = client_new(&io->client, server->core,
			&(struct client_config){
				.pid = pid, .uid = uid, .observer = observer, .rim = io });
	if (r) {
		client_io_free(io);
		return r;
	}
	list_append(&server->clients, &io->link);
	return 0;
}

struct client_io *client_io_free(struct client_io *io)
{
	if (!io)
		return NULL;
	list_unlink(&io->link);
	if (io->ev_read)
		event_free(io->ev_read);
	if (io->ev_write)
		event_free(io->ev_write);
	close(io->fd);
	free(io);
	return NULL;
}
