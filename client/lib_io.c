/*
 * lib_io - the socket of a connection: connect, send, receive, wait
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "client/lib.h"
#include "common/paths.h"

#define READS_MAX 16        /* reads of one dispatch */
#define CONNECT_RETRY_MS 10 /* while the daemon's backlog is full */
#define LOCK_RECORD_MAX ((size_t)4096)

const char *cwsandbox_version(void)
{
	return PACKAGE_VERSION;
}

int cwsandbox_new(struct cwsandbox **ret)
{
	struct cwsandbox *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->fd = -1;
	list_init(&c->pending);
	list_init(&c->attachments);
	list_init(&c->events);
	conn_clear_error(c);
	*ret = c;
	return 0;
}

static void io_close(struct cwsandbox *c)
{
	close_fd(&c->fd);
	conn_reset(c);
	free(TAKE(c->socket));
}

static int io_send(struct cwsandbox *c, enum ack least);

struct cwsandbox *cwsandbox_free(struct cwsandbox *c)
{
	if (!c)
		return NULL;
	if (c->fd >= 0)
		io_send(c, ACK_NOW); /* a last input or resize, if the socket takes it */
	io_close(c);
	arena_done(&c->error_arena);
	free(c->in);
	free(c->out);
	free(c);
	return NULL;
}

const struct cwsandbox_error *cwsandbox_error(const struct cwsandbox *c)
{
	return &c->error;
}

const struct cwsandbox_server *cwsandbox_server(const struct cwsandbox *c)
{
	return c->server.version ? &c->server : NULL;
}

/* ---- time ---- */

int64_t io_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t io_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : io_now_ms() + timeout_ms;
}

int io_left(int64_t deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = deadline - io_now_ms();
	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

/* ---- connecting ---- */

static bool is_absent(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR;
}

/* A connected socket, or -errno. Waits only while the backlog is full. */
static int open_socket(const char *path, int64_t deadline, int *ret_fd)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_cleanup_(closep) int fd = -1;
	size_t n = strlen(path);

	if (n == 0 || n > PATHS_SOCKET_MAX)
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, n + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		int left = io_left(deadline);

		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (left == 0)
			return -ETIMEDOUT;
		poll(NULL, 0, left < 0 || left > CONNECT_RETRY_MS ? CONNECT_RETRY_MS : left);
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* The folder of the daemon's lock, or -1. */
static int open_state_dir(void)
{
	_cleanup_(freep) char *dir = NULL;
	char why[PATHS_WHY_MAX];

	if (paths_state_dir(NULL, &dir, why))
		return -1;
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The path a running daemon has written into its lock file, malloc'd; NULL if there is none. */
static char *recorded_socket(void)
{
	_cleanup_(closep) int fd = open_state_dir();
	char *line = NULL;
	size_t n;

	if (fd < 0 || paths_read_file(fd, "lock", LOCK_RECORD_MAX, &line, &n))
		return NULL;
	line[strcspn(line, "\n")] = 0;
	if (line[0] == '/')
		return line;
	free(line);
	return NULL;
}

bool io_is_locked(void)
{
	_cleanup_(closep) int dir = open_state_dir();
	_cleanup_(closep) int fd = -1;

	if (dir >= 0)
		fd = openat(dir, "lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static bool is_explicit(const struct cwsandbox_config *config)
{
	const char *env = getenv("CWSANDBOXD_SOCKET");

	return (config->socket && *config->socket) || (env && *env);
}

static int fail_connect(struct cwsandbox *c, int r, const char *path)
{
	if (is_absent(r))
		return conn_fail(c, CWSANDBOX_E_NO_DAEMON, "no_daemon",
			"cwsandboxd is not running (nothing listens on %s); start it with "
			"`cwsandbox daemon start`",
			path);
	if (r == -ETIMEDOUT)
		return conn_fail(c, CWSANDBOX_E_TIMEOUT, "timeout",
			"cwsandboxd does not accept connections on %s; see `cwsandbox daemon "
			"status`",
			path);
	if (r == -EACCES)
		return conn_fail(c, r, "io",
			"cannot connect to %s: %s; check CWSANDBOXD_SOCKET, XDG_RUNTIME_DIR and "
			"XDG_STATE_HOME, which may be another user's after su",
			path, strerror(-r));
	return conn_fail(c, r, "io", "cannot connect to %s: %s", path, strerror(-r));
}

/* Opens the socket that is meant, or else the one the daemon has recorded. */
static int find_daemon(struct cwsandbox *c, const struct cwsandbox_config *config, int64_t deadline,
	int *ret_fd, char **ret_path)
{
	_cleanup_(freep) char *path = NULL, *record = NULL;
	char why[PATHS_WHY_MAX];
	int r, other;

	r = paths_socket(config->socket && *config->socket ? config->socket : NULL, &path, why);
	if (r)
		return conn_fail(c, r, "io", "%s", why);
	r = open_socket(path, deadline, ret_fd);
	if (is_absent(r) && !is_explicit(config)) {
		record = recorded_socket();
		other = record && strcmp(record, path) != 0 ? open_socket(record, deadline, ret_fd)
							    : r;
		if (!other) {
			*ret_path = TAKE(record);
			return 0;
		}
	}
	if (r)
		return fail_connect(c, r, path);
	*ret_path = TAKE(path);
	return 0;
}

static int check_peer(struct cwsandbox *c, int fd, const char *path)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return conn_fail(c, -errno, "io", "cannot tell who listens on %s", path);
	if (cred.uid != geteuid())
		return conn_fail(c, -EPERM, "not_ours",
			"%s belongs to user id %u, not to us: nothing was sent; check "
			"CWSANDBOXD_SOCKET and XDG_RUNTIME_DIR",
			path, (unsigned)cred.uid);
	return 0;
}

int io_adopt(struct cwsandbox *c, int fd, const char *path, const struct cwsandbox_config *config,
	uint32_t *ret_id)
{
	static const char name[] = "libcwsandbox " PACKAGE_VERSION;
	struct cwsandbox_config full = *config;
	char *copy = strdup(path);
	int r;

	r = copy ? check_peer(c, fd, path) : -ENOMEM;
	if (!full.client || !*full.client)
		full.client = name;
	if (!r)
		r = conn_begin(c, &full, getpid(), ret_id);
	if (r) {
		close(fd);
		free(copy);
		return r;
	}
	c->fd = fd;
	c->socket = copy;
	return 0;
}

static int connect_start(struct cwsandbox *c, const struct cwsandbox_config *config,
	int64_t deadline, uint32_t *ret_id)
{
	_cleanup_(freep) char *path = NULL;
	int fd, r;

	io_close(c);
	conn_clear_error(c);
	r = find_daemon(c, config, deadline, &fd, &path);
	return r ? r : io_adopt(c, fd, path, config, ret_id);
}

int cwsandbox_connect_start(struct cwsandbox *c, const struct cwsandbox_config *config)
{
	return connect_start(c, config, io_deadline(0), NULL);
}

/* ---- moving bytes ---- */

static int fail_lost(struct cwsandbox *c, int r)
{
	close_fd(&c->fd);
	if (r == -EBADMSG)
		conn_fail(c, r, "protocol",
			"cwsandboxd broke the protocol; do both programs have the same version? "
			"(`cwsandbox daemon restart`)");
	else if (r == -ENOMEM)
		conn_fail(c, r, "memory", "out of memory");
	else
		r = conn_fail(c, -ECONNRESET, "lost",
			"lost the connection to cwsandboxd: it ended or was killed");
	conn_lost(c, r);
	return r;
}

/* With the acknowledgements that are so urgent at least, or all if there is something to send. */
static int io_send(struct cwsandbox *c, enum ack least)
{
	ssize_t l;
	int r;

	if (c->out_at < c->out_n)
		least = ACK_ALONG;
	r = c->state == CONN_READY ? conn_put_acks(c, least) : 0;
	while (!r && c->out_at < c->out_n) {
		l = send(c->fd, c->out + c->out_at, c->out_n - c->out_at, MSG_NOSIGNAL);
		if (l < 0 && errno == EINTR)
			continue;
		if (l < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		/* What it said before it closed still comes: the read finds the end. */
		r = conn_sent(c, l < 0 ? c->out_n - c->out_at : (size_t)l);
	}
	return r;
}

/* *ret_came: it was not in vain. */
static int io_receive(struct cwsandbox *c, bool *ret_came)
{
	uint8_t *room;
	size_t n;
	ssize_t l;
	int r;

	*ret_came = false;
	r = conn_received(c, 0);
	for (int i = 0; !r && i < READS_MAX && !conn_full(c); i++) {
		r = conn_receive_room(c, &room, &n);
		if (r)
			break;
		l = recv(c->fd, room, n, 0);
		if (l < 0 && errno == EINTR)
			continue;
		if (l < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		r = l > 0 ? conn_received(c, (size_t)l) : -ECONNRESET;
		*ret_came = true;
		if ((size_t)l < n)
			break; /* the socket is empty now, or it ended */
	}
	return r;
}

static int fail_closed(struct cwsandbox *c)
{
	return c->state == CONN_LOST
		       ? -ECONNRESET
		       : conn_fail(c, -ENOTCONN, "lost", "not connected to cwsandboxd");
}

int cwsandbox_flush(struct cwsandbox *c)
{
	int r;

	if (c->fd < 0)
		return fail_closed(c);
	r = io_send(c, ACK_NOW);
	return r ? fail_lost(c, r) : 0;
}

int cwsandbox_dispatch(struct cwsandbox *c)
{
	bool came;
	int r;

	if (c->fd < 0)
		return fail_closed(c);
	r = io_send(c, ACK_NOW);
	if (!r)
		r = io_receive(c, &came);
	if (!r) /* what the answers made us say */
		r = io_send(c, came ? ACK_NOW : ACK_ALONG);
	return r ? fail_lost(c, r) : 0;
}

int cwsandbox_fd(const struct cwsandbox *c)
{
	return c->fd;
}

short cwsandbox_events(const struct cwsandbox *c)
{
	bool out = c->out_at < c->out_n || conn_acks(c) == ACK_NOW;

	return (short)((conn_full(c) ? 0 : POLLIN) | (out ? POLLOUT : 0));
}

int cwsandbox_timeout_ms(const struct cwsandbox *c)
{
	if (c->fd < 0)
		return -1;
	if (conn_has_more(c))
		return 0;
	return conn_acks(c) == ACK_ALONG ? LIB_ACK_MS : -1;
}

int io_wait_ms(const struct cwsandbox *c, int64_t deadline)
{
	int own = cwsandbox_timeout_ms(c), left = io_left(deadline);

	return own >= 0 && (left < 0 || own < left) ? own : left;
}

/* ---- blocking ---- */

/* One wait for the socket and one dispatch. CWSANDBOX_E_TIMEOUT. */
static int io_turn(struct cwsandbox *c, int64_t deadline)
{
	struct pollfd p = { .fd = c->fd, .events = cwsandbox_events(c) };
	int n, r;

	n = c->fd < 0 ? 0 : poll(&p, 1, io_wait_ms(c, deadline));
	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0)
		return conn_fail(c, -errno, "io", "poll: %s", strerror(errno));
	r = cwsandbox_dispatch(c); /* also at the end: an acknowledgement may have waited */
	if (!r && n == 0 && !conn_has_more(c) && io_left(deadline) == 0)
		return CWSANDBOX_E_TIMEOUT;
	return r;
}

int cwsandbox_wait(struct cwsandbox *c, int timeout_ms, struct cwsandbox_event *ret)
{
	int64_t deadline = io_deadline(timeout_ms);
	int r;

	r = conn_next(c, ret);
	while (r == CWSANDBOX_E_PENDING) {
		int t = io_turn(c, deadline);

		r = conn_next(c, ret);
		if (r == CWSANDBOX_E_PENDING && t)
			return t;
	}
	return r;
}

/* Waits for a call's answer: 0 once it is there, whatever it says. */
static int await(struct cwsandbox *c, struct pending *p, int64_t deadline)
{
	int r = 0;

	while (!p->done && !r) {
		if (conn_full(c))
			return conn_fail(c, -ENOBUFS, "usage",
				"too many events wait: take them before the next call");
		r = io_turn(c, deadline);
	}
	return p->done ? 0 : r;
}

int cwsandbox_call(struct cwsandbox *c, const struct cwsandbox_request *request, int timeout_ms,
	struct cwsandbox_answer **ret)
{
	struct pending *p;
	uint32_t id;
	int r;

	r = conn_start(c, request, PENDING_CALL, &id);
	if (r)
		return r;
	p = conn_find_pending(c, id);
	r = await(c, p, io_deadline(timeout_ms));
	if (r) {
		p->kind = PENDING_DROP;
		return r == CWSANDBOX_E_TIMEOUT
			       ? conn_fail(c, r, "timeout", "cwsandboxd did not answer in time")
			       : r;
	}
	r = p->r;
	if (!r && ret)
		*ret = &TAKE(p->box)->answer;
	conn_free_pending(c, p);
	return r;
}

/* Who took the connection, if that is the daemon: the socket may have been made by systemd for it.
 * 0: not known. */
static int daemon_pid(const struct cwsandbox *c)
{
	_cleanup_(freep) char *name = NULL;
	struct ucred cred;
	socklen_t l = sizeof(cred);
	char path[64];
	size_t n;

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &l) < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)cred.pid);
	if (paths_read_file(AT_FDCWD, path, sizeof(path), &name, &n))
		return 0;
	return strcmp(name, "cwsandboxd\n") == 0 ? (int)cred.pid : 0;
}

static void fail_silent(struct cwsandbox *c, int r)
{
	int pid = daemon_pid(c);

	if (pid)
		conn_fail(c, r, "timeout",
			"cwsandboxd, process %d, does not answer: if it was stopped, `kill -CONT "
			"%d` lets it "
			"go on; `kill -KILL %d` ends it and its sessions",
			pid, pid, pid);
	else
		conn_fail(c, r, "timeout", "cwsandboxd does not answer");
}

int cwsandbox_connect(struct cwsandbox *c, const struct cwsandbox_config *config, int timeout_ms)
{
	int64_t deadline = io_deadline(timeout_ms);
	struct cwsandbox_event e;
	int r;

	r = connect_start(c, config, deadline, NULL);
	if (r)
		return r;
	while (c->state == CONN_HELLO && !r && list_empty(&c->events))
		r = io_turn(c, deadline);
	if (!conn_next(c, &e) && e.r == CWSANDBOX_E_REFUSED) {
		conn_keep_error(c);
		r = CWSANDBOX_E_REFUSED;
	}
	if (r == CWSANDBOX_E_TIMEOUT)
		fail_silent(c, r);
	if (r)
		io_close(c);
	return r;
}
