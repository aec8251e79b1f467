#include "daemon/listener.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/frame.h"
#include "common/io/sock.h"
#include "daemon/client_io.h"
#include "daemon/server.h"

static int because(char why[PATHS_WHY_MAX], int r, const char *path, const char *what)
{
	snprintf(why, PATHS_WHY_MAX, "The socket %s %s.", path, what);
	return r;
}

static int cannot_be_made(char why[PATHS_WHY_MAX], int r, const char *path)
{
	snprintf(why, PATHS_WHY_MAX, "The socket %s cannot be made: %s.", path,
		r == -EEXIST ? "something else has its name" : strerror(-r));
	return r;
}

static void free_event(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

/* ---- accepting ---------------------------------------------------------------------------------- */

static void open_spare(struct listener *l)
{
	if (l->spare_fd < 0)
		l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* A word to who cannot be served; best effort. */
static void say_full(int fd)
{
	struct frame_out out;
	const uint8_t *data;
	size_t n;

	frame_out_init(&out);
	frame_begin_notification(&out, "shutdown", 1);
	frame_put_str(&out, "reason", "full");
	if (frame_finish(&out, &data, &n) == 0 &&
		send(fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		errno = 0;
	frame_out_done(&out);
	close(fd);
}

static void rest(struct listener *l, uint64_t usec)
{
	const struct timeval tv = { .tv_sec = (time_t)(usec / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(usec % USEC_PER_SEC) };

	l->resting = true;
	event_del(l->ev);
	event_add(l->ev_rest, &tv);
}

/* No fd is left: the spare one lets us tell the newcomer, then we rest. */
static void on_full(struct listener *l)
{
	int fd;

	journal_say(l->server->journal, JOURNAL_WARNING,
		"no file descriptor is left: a client was turned away");
	close_fd(&l->spare_fd);
	if (sock_accept(l->fd, &fd) == 0)
		say_full(fd);
	open_spare(l);
	rest(l, LISTENER_REST_USEC);
}

static void welcome(struct listener *l, int fd)
{
	uid_t uid;
	pid_t pid;
	int r;

	if (sock_peer_uid(fd, &uid, &pid) < 0 || uid != geteuid()) {
		journal_say(l->server->journal, JOURNAL_WARNING,
			"a client of another user was turned away");
		close(fd);
		return;
	}
	if (client_may_come(l->server->core) == CLIENT_E_FULL) {
		journal_say(l->server->journal, JOURNAL_WARNING,
			"a client was turned away: too many are connected");
		say_full(fd);
		return;
	}
	r = client_io_new(l->server, fd, uid, pid, l->observer);
	if (r)
		journal_say(l->server->journal, JOURNAL_WARNING, "a client was turned away: %s",
			r < 0 ? strerror(-r) : "too many are connected");
}

static void on_acceptable(evutil_socket_t fd, short events, void *arg)
{
	struct listener *l = arg;
	int client_fd, r = 0;

	(void)fd;
	(void)events;
	loop_now(&l->server->loop);
	for (int i = 0; i < LISTENER_ACCEPTS_PER_TURN && r == 0; i++) {
		l->crowded = client_may_come(l->server->core) == CLIENT_E_CROWDED;
		if (l->crowded)
			return rest(l, CLIENT_GRACE_USEC);
		r = sock_accept(l->fd, &client_fd);
		if (r == 0)
			welcome(l, client_fd);
	}
	if (r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM)
		on_full(l);
}

void listener_wake(struct listener *l)
{
	if (!l->resting)
		return;
	l->resting = l->crowded = false;
	event_del(l->ev_rest);
	open_spare(l);
	if (l->ev) /* else restore() will make one */
		event_add(l->ev, NULL);
}

void listener_turn(struct listener *l)
{
	if (l->crowded && client_may_come(l->server->core) != CLIENT_E_CROWDED)
		listener_wake(l);
}

static void on_rested(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	listener_wake(arg);
}

/* ---- the file ----------------------------------------------------------------------------------- */

/* The folder, checked, and open. */
static int open_folder(const char *path, int *ret_fd, char why[PATHS_WHY_MAX])
{
	_cleanup_(freep) char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash)
		return -ENOMEM;
	slash[slash == dir] = '\0';
	return paths_private_dir(dir, ret_fd, why);
}

static void watch_folder(struct listener *l)
{
	_cleanup_(freep) char *dir = strdup(l->path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash || l->watch_fd < 0)
		return;
	slash[slash == dir] = '\0';
	inotify_add_watch(l->watch_fd, dir,
		IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

static int make_socket(struct listener *l, char why[PATHS_WHY_MAX])
{
	_cleanup_(closep) int dir = -1;
	struct stat st;
	int r;

	r = open_folder(l->path, &dir, why);
	if (r < 0)
		return r;
	r = sock_listen_unix(l->path, LISTENER_BACKLOG, &l->fd);
	if (r < 0)
		return cannot_be_made(why, r, l->path);
	if (lstat(l->path, &st) < 0)
		return because(why, -errno, l->path, "disappeared");
	l->inode = st.st_ino;
	watch_folder(l);
	return 0;
}

static int listen_on(struct listener *l)
{
	l->ev = event_new(l->server->loop.base, l->fd, EV_READ | EV_PERSIST, on_acceptable, l);
	return l->ev && event_add(l->ev, NULL) == 0 ? 0 : -ENOMEM;
}

/* Without the file nobody can come: made again, also where something else took its name. */
static void restore(struct listener *l)
{
	char why[PATHS_WHY_MAX];
	struct stat st;

	if (l->ev && lstat(l->path, &st) == 0 && st.st_ino == l->inode)
		return;
	journal_say(l->server->journal, JOURNAL_NOTICE, "the socket %s is gone: making it again",
		l->path);
	free_event(&l->ev);
	close_fd(&l->fd);
	cannot_be_made(why, -ENOMEM, l->path);
	if (make_socket(l, why) < 0 || listen_on(l) < 0)
		journal_say(l->server->journal, JOURNAL_ERROR, "%s", why);
}

static void on_check(evutil_socket_t fd, short events, void *arg)
{
	const struct timeval tv = { .tv_sec = LISTENER_CHECK_SEC };
	struct listener *l = arg;

	(void)fd;
	(void)events;
	restore(l);
	event_add(l->ev_check, &tv);
}

static void on_watched(evutil_socket_t fd, short events, void *arg)
{
	char drained[4096];

	(void)events;
	while (read((int)fd, drained, sizeof(drained)) > 0)
		;
	restore(arg);
}

static int watch(struct listener *l)
{
	const struct timeval tv = { .tv_sec = LISTENER_CHECK_SEC };

	l->watch_fd =
		inotify_init1(IN_CLOEXEC | IN_NONBLOCK); /* without one the check by time does it */
	l->ev_check = evtimer_new(l->server->loop.base, on_check, l);
	if (!l->ev_check || event_add(l->ev_check, &tv) < 0)
		return -ENOMEM;
	if (l->watch_fd < 0)
		return 0;
	l->ev_watch =
		event_new(l->server->loop.base, l->watch_fd, EV_READ | EV_PERSIST, on_watched, l);
	return l->ev_watch && event_add(l->ev_watch, NULL) == 0 ? 0 : -ENOMEM;
}

/* ---- life --------------------------------------------------------------------------------------- */

/* systemd made it: it must be no wider than ours would be. */
static int check_inherited(struct listener *l, int fd, char why[PATHS_WHY_MAX])
{
	struct sockaddr_un addr = { 0 };
	socklen_t n = sizeof(addr);
	_cleanup_(closep) int dir = -1;
	struct stat st;
	int r;

	if (getsockname(fd, (struct sockaddr *)&addr, &n) < 0 || addr.sun_family != AF_UNIX ||
		!addr.sun_path[0])
		return because(why, -EINVAL, "from systemd", "is no Unix socket with a path");
	free(l->path);
	l->path = strndup(addr.sun_path, sizeof(addr.sun_path));
	if (!l->path)
		return -ENOMEM;
	r = open_folder(l->path, &dir, why);
	if (r < 0)
		return r;
	if (lstat(l->path, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & 0177))
		return because(why, -EPERM, l->path,
			"can be reached by others: the unit must say SocketMode=0600");
	l->fd = fd;
	return evutil_make_socket_nonblocking(fd) < 0 ? -EIO : 0;
}

int listener_open(struct listener *l, struct server *server, const char *path, int inherited_fd,
	bool observer, char why[PATHS_WHY_MAX])
{
	int r;

	*l = (struct listener){ .server = server,
		.fd = -1,
		.spare_fd = -1,
		.watch_fd = -1,
		.inherited = inherited_fd >= 0,
		.observer = observer };
	l->path = strdup(path);
	if (!l->path)
		return -ENOMEM;
	open_spare(l);
	r = l->inherited ? check_inherited(l, inherited_fd, why) : watch(l);
	if (r == 0 && !l->inherited)
		r = make_socket(l, why);
	if (r < 0)
		return r;
	l->ev_rest = evtimer_new(server->loop.base, on_rested, l);
	return l->ev_rest ? listen_on(l) : -ENOMEM;
}

void listener_close(struct listener *l)
{
	struct stat st;

	if (!l->path)
		return;
	free_event(&l->ev);
	free_event(&l->ev_rest);
	free_event(&l->ev_watch);
	free_event(&l->ev_check);
	if (!l->inherited && lstat(l->path, &st) == 0 && st.st_ino == l->inode)
		unlink(l->path);
	close_fd(&l->fd);
	close_fd(&l->spare_fd);
	close_fd(&l->watch_fd);
	l->resting = l->crowded = false; /* there is nothing to wake any more */
	free(l->path);
	l->path = NULL;
}
