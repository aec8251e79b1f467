#include "daemon/tunnel.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/text.h"

static int refuse(char why[TUNNEL_WHY_MAX], const char *what)
{
	snprintf(why, TUNNEL_WHY_MAX, "the proxy %s", what);
	return -EPROTO;
}

int tunnel_read_answer(const char *answer, size_t n, char why[TUNNEL_WHY_MAX])
{
	const char *end = memmem(answer, n, "\r\n\r\n", 4);
	char line[128];

	if (n >= 5 && memcmp(answer, "HTTP/", 5) != 0)
		return refuse(why, "does not speak HTTP");
	if (!end)
		return n >= TUNNEL_ANSWER_MAX ? refuse(why, "answers too much") : TUNNEL_E_PENDING;
	if (n < 13 || memcmp(answer, "HTTP/1.", 7) != 0 || answer[8] != ' ')
		return refuse(why, "does not speak HTTP/1");
	if (answer[9] != '2') {
		const char *cr = memchr(answer + 9, '\r', n - 9);

		text_encode(line, sizeof(line), answer + 9, (size_t)(cr - answer) - 9);
		snprintf(why, TUNNEL_WHY_MAX, "the proxy refused: %s", line);
		return -EPROTO;
	}
	if ((size_t)(end - answer) + 4 != n)
		return refuse(why, "sent bytes that belong to nobody");
	return 0;
}

static void end(struct tunnel *t, const char *why)
{
	int fd = why ? -1 : t->fd;

	if (!why)
		t->fd = -1;
	event_del(t->ev);
	t->on_end(t, fd, why);
}

/* Waits for the socket to be readable or writable. */
static void wait_for(struct tunnel *t, short what)
{
	event_assign(t->ev, event_get_base(t->ev), t->fd, what, event_get_callback(t->ev), t);
	event_add(t->ev, NULL);
}

static void send_on(struct tunnel *t)
{
	socklen_t len = sizeof(int);
	int error = 0;
	ssize_t l;

	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error)
		return end(t, strerror(error ? error : errno));
	l = send(t->fd, t->request + t->n_sent, t->n_request - t->n_sent, MSG_NOSIGNAL);
	if (l < 0 && errno != EAGAIN && errno != EINTR)
		return end(t, strerror(errno));
	t->n_sent += l > 0 ? (size_t)l : 0;
	wait_for(t, t->n_sent < t->n_request ? EV_WRITE : EV_READ);
}

static void receive_on(struct tunnel *t)
{
	ssize_t l = recv(t->fd, t->answer + t->n_answer, TUNNEL_ANSWER_MAX - t->n_answer, 0);
	char why[TUNNEL_WHY_MAX];
	int r;

	if (l == 0)
		return end(t, "the proxy closed the connection");
	if (l < 0 && errno != EAGAIN && errno != EINTR)
		return end(t, strerror(errno));
	t->n_answer += l > 0 ? (size_t)l : 0;
	r = tunnel_read_answer(t->answer, t->n_answer, why);
	if (r == TUNNEL_E_PENDING)
		return wait_for(t, EV_READ);
	end(t, r < 0 ? why : NULL);
}

static void on_event(evutil_socket_t fd, short events, void *arg)
{
	struct tunnel *t = arg;

	(void)fd;
	(void)events;
	if (t->n_sent < t->n_request)
		send_on(t);
	else
		receive_on(t);
}

int tunnel_start(struct tunnel *t, struct loop *loop, int fd, const char *authority)
{
	int n = snprintf(t->request, sizeof(t->request), "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n",
		authority, authority);

	t->fd = fd;
	t->n_request = (size_t)n;
	t->n_sent = t->n_answer = 0;
	t->ev = event_new(loop->base, fd, EV_WRITE, on_event, t);
	if (t->ev && event_add(t->ev, NULL) == 0)
		return 0;
	tunnel_done(t);
	return -ENOMEM;
}

void tunnel_done(struct tunnel *t)
{
	if (t->ev)
		event_free(t->ev);
	t->ev = NULL;
	close_fd(&t->fd);
}
