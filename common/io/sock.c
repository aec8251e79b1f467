#include "common/io/sock.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SOCK_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)

enum {
	KEEPALIVE_IDLE_SEC = 30,
	KEEPALIVE_INTERVAL_SEC = 10,
	KEEPALIVE_PROBES = 3,
	USER_TIMEOUT_MSEC = 15000, /* unacknowledged data: the verdict on a dead path */
};

int sock_accept(int listen_fd, int *ret_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_FLAGS);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int sock_peer_uid(int fd, uid_t *ret_uid, pid_t *ret_pid)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return -errno;
	if (n != sizeof(cred) || cred.uid == (uid_t)-1)
		return -EPROTO; /* not a Unix socket with a peer */
	*ret_uid = cred.uid;
	if (ret_pid)
		*ret_pid = cred.pid;
	return 0;
}

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

int sock_tcp_tune(int fd)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_SEC },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SEC },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int r = set_option(fd, options[i].level, options[i].option, options[i].value);

		if (r)
			return r;
	}
	return 0;
}

static int listen_at(const struct addrinfo *at, int backlog, int *ret_fd)
{
	_cleanup_(closep) int fd = socket(at->ai_family, SOCK_STREAM | SOCK_FLAGS, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!r && at->ai_family == AF_INET6)
		r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (r)
		return r;
	if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, backlog) < 0)
		return -errno;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int bound_port(int fd, uint16_t *ret_port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage room;
	} at;
	socklen_t n = sizeof(at);

	if (getsockname(fd, &at.any, &n) < 0)
		return -errno;
	*ret_port = ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
	return 0;
}

static int lookup_error(int e)
{
	switch (e) {
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return -errno;
	case EAI_AGAIN:
		return -EAGAIN;
	default:
		return -EADDRNOTAVAIL;
	}
}

int sock_listen_tcp(const char *host, uint16_t port, int backlog, int *ret_fd, uint16_t *ret_port)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char service[8];
	int fd = -1;
	int r;

	snprintf(service, sizeof(service), "%u", (unsigned)port);
	r = getaddrinfo(host, service, &hints, &list);
	if (r)
		return lookup_error(r);
	r = -EADDRNOTAVAIL;
	for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next)
		r = listen_at(at, backlog, &fd);
	freeaddrinfo(list);
	if (fd < 0)
		return r;
	r = bound_port(fd, ret_port);
	if (r)
		close_fd(&fd);
	else
		*ret_fd = fd;
	return r;
}

int sock_connect_start(const struct sockaddr *addr, socklen_t addr_len, int *ret_fd)
{
	_cleanup_(closep) int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_FLAGS, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = sock_tcp_tune(fd);
	if (!r)
		r = set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MSEC);
	if (r)
		return r;
	r = connect(fd, addr, addr_len) < 0 ? -errno : 0;
	if (r && r != -EINPROGRESS)
		return r;
	*ret_fd = fd;
	fd = -1;
	return r;
}

/* Paths only: an empty one would name an abstract socket, which no file mode protects. */
static int unix_address(const char *path, struct sockaddr_un *ret)
{
	size_t n = strlen(path);

	if (n == 0)
		return -EINVAL;
	if (n > SOCK_UNIX_PATH_MAX)
		return -ENAMETOOLONG;
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path, path, n);
	return 0;
}

/* 0: absent or a socket. Anything else there is not ours to replace. */
static int check_replaceable(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	return S_ISSOCK(st.st_mode) ? 0 : -EEXIST;
}

static int bind_private(int fd, const struct sockaddr_un *at)
{
	mode_t saved = umask(0177);
	int r = bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ? -errno : 0;

	umask(saved);
	return r;
}

int sock_listen_unix(const char *path, int backlog, int *ret_fd)
{
	_cleanup_(closep) int fd = -1;
	struct sockaddr_un at;
	char *last;
	int r = unix_address(path, &at);

	if (r)
		return r;
	/* bound beside its place, under a name of the same length, which always fits */
	last = at.sun_path + strlen(path) - 1;
	*last = *last == '~' ? '#' : '~';
	r = check_replaceable(path);
	if (!r)
		r = check_replaceable(at.sun_path);
	if (r)
		return r;
	if (unlink(at.sun_path) < 0 && errno != ENOENT)
		return -errno;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_FLAGS, 0);
	if (fd < 0)
		return -errno;
	r = bind_private(fd, &at);
	if (r)
		return r;
	if (listen(fd, backlog) < 0 || rename(at.sun_path, path) < 0) {
		r = -errno;
		unlink(at.sun_path);
		return r;
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int sock_connect_unix(const char *path, int *ret_fd)
{
	_cleanup_(closep) int fd = -1;
	struct sockaddr_un at;
	int r = unix_address(path, &at);

	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_FLAGS, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno; /* -EAGAIN: the listener's queue is full */
	*ret_fd = fd;
	fd = -1;
	return 0;
}
