#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/io/loop.h"
#include "common/io/sock.h"
#include "tests/suite.h"

static char dir[64];

static void enter_dir(void)
{
	snprintf(dir, sizeof(dir), "/tmp/check-sock-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void in_dir(char out[128], const char *name)
{
	snprintf(out, 128, "%s/%s", dir, name);
}

static void check_flags(int fd)
{
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

static void wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, 10000), 1);
}

START_TEST(a_unix_listener_is_0600_whatever_the_umask_and_knows_its_peer)
{
	int fd = -1, client = -1, server = -1;
	mode_t saved = umask(0);
	struct stat st;
	char path[128];
	uid_t uid;
	pid_t pid;

	enter_dir();
	in_dir(path, "socket");
	ck_assert_int_eq(sock_listen_unix(path, 8, &fd), 0);
	ck_assert_int_eq(umask(saved), 0);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_int_eq(st.st_mode, S_IFSOCK | 0600);
	ck_assert_int_eq(sock_connect_unix(path, &client), 0);
	ck_assert_int_eq(sock_accept(fd, &server), 0);
	check_flags(fd);
	check_flags(client);
	check_flags(server);
	ck_assert_int_eq(sock_peer_uid(server, &uid, &pid), 0);
	ck_assert_uint_eq(uid, geteuid());
	ck_assert_int_eq(pid, getpid());
	ck_assert_int_eq(sock_accept(fd, &server), -EAGAIN);
	close(server);
	close(client);
	close(fd);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0); /* nothing was left beside it */
}
END_TEST

START_TEST(a_stale_socket_is_replaced_another_file_never)
{
	int first = -1, second = -1, file;
	char path[128], other[128];

	enter_dir();
	in_dir(path, "socket");
	in_dir(other, "data");
	ck_assert_int_eq(sock_listen_unix(path, 8, &first), 0);
	ck_assert_int_eq(sock_listen_unix(path, 8, &second), 0);
	file = open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(file, 0);
	close(file);
	close(first);
	ck_assert_int_eq(sock_listen_unix(other, 8, &first), -EEXIST);
	in_dir(other,
		"datb"); /* its neighbour name, "dat~", is free; that of "data" is not touched */
	ck_assert_int_eq(sock_listen_unix(other, 8, &first), 0);
	close(first);
	close(second);
	unlink(other);
	unlink(path);
	in_dir(other, "data");
	ck_assert_int_eq(unlink(other), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_unix_path_has_1_to_107_bytes)
{
	char path[160];
	size_t n;
	int fd = -1;

	enter_dir();
	n = (size_t)snprintf(path, sizeof(path), "%s/", dir);
	memset(path + n, 's', sizeof(path) - n);
	path[SOCK_UNIX_PATH_MAX + 1] = '\0';
	ck_assert_int_eq(sock_listen_unix(path, 8, &fd), -ENAMETOOLONG);
	ck_assert_int_eq(sock_connect_unix(path, &fd), -ENAMETOOLONG);
	path[SOCK_UNIX_PATH_MAX] = '\0';
	ck_assert_int_eq(sock_listen_unix(path, 8, &fd), 0);
	close(fd);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(sock_connect_unix(path, &fd), -ENOENT);
	ck_assert_int_eq(sock_listen_unix("", 8, &fd), -EINVAL);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_tcp_listener_names_the_port_it_got_and_takes_a_connect)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = -1, client = -1, server = -1;
	uint16_t port = 0, again;
	uid_t uid;
	int r;

	ck_assert_int_eq(sock_listen_tcp("127.0.0.1", 0, 8, &fd, &port), 0);
	ck_assert_uint_ne(port, 0);
	ck_assert_int_eq(sock_listen_tcp("127.0.0.1", port, 8, &server, &again), -EADDRINUSE);
	ck_assert_int_eq(sock_listen_tcp("192.0.2.1", 0, 8, &server, &again), -EADDRNOTAVAIL);
	at.sin_port = htons(port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r = sock_connect_start((struct sockaddr *)&at, sizeof(at), &client);
	ck_assert(r == 0 || r == -EINPROGRESS);
	wait_readable(fd);
	ck_assert_int_eq(sock_accept(fd, &server), 0);
	check_flags(server);
	check_flags(client);
	ck_assert_int_lt(sock_peer_uid(server, &uid, NULL), 0);
	close(server);
	close(client);
	close(fd);
}
END_TEST

static int tcp_option(int fd, int option)
{
	int value = -1;
	socklen_t n = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, option, &value, &n), 0);
	return value;
}

START_TEST(sec_c34_who_connects_gives_up_a_silent_path_in_15_s_who_accepts_waits)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = -1, client = -1, server = -1;
	uint16_t port = 0;

	ck_assert_int_eq(sock_listen_tcp("127.0.0.1", 0, 8, &fd, &port), 0);
	at.sin_port = htons(port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sock_connect_start((struct sockaddr *)&at, sizeof(at), &client);
	wait_readable(fd);
	ck_assert_int_eq(sock_accept(fd, &server), 0);
	ck_assert_int_eq(sock_tcp_tune(server), 0);
	ck_assert_int_eq(tcp_option(client, TCP_USER_TIMEOUT), 15000);
	ck_assert_int_eq(tcp_option(server, TCP_USER_TIMEOUT), 0);
	ck_assert_int_ne(tcp_option(client, TCP_NODELAY), 0);
	ck_assert_int_ne(tcp_option(server, TCP_NODELAY), 0);
	close(server);
	close(client);
	close(fd);
}
END_TEST

struct turns {
	struct loop loop;
	int callbacks, flushes;
	int pipe[2];
	struct event *ev;
	uint64_t started_usec, seen_usec;
};

static void on_pipe(evutil_socket_t fd, short what, void *arg)
{
	struct turns *t = arg;
	char c;

	(void)what;
	ck_assert_int_eq(read(fd, &c, 1), 1);
	t->callbacks++;
	t->seen_usec = loop_now(&t->loop);
}

static bool on_flush(void *arg)
{
	struct turns *t = arg;

	t->flushes++;
	if (t->flushes <= 5)
		return true; /* work is left: the next turn must not wait */
	if (t->callbacks == 0)
		ck_assert_int_eq(write(t->pipe[1], "x", 1), 1);
	else
		loop_stop(&t->loop);
	return false;
}

START_TEST(a_turn_ends_in_one_flush_and_waits_only_when_no_work_is_left)
{
	struct turns t = { 0 };

	ck_assert_int_eq(pipe(t.pipe), 0);
	ck_assert_int_eq(loop_init(&t.loop, on_flush, &t), 0);
	t.started_usec = t.loop.clock.now_usec;
	t.ev = event_new(t.loop.base, t.pipe[0], EV_READ | EV_PERSIST, on_pipe, &t);
	event_add(t.ev, NULL);
	ck_assert_int_eq(loop_run(&t.loop), 0);
	ck_assert_int_eq(t.callbacks, 1);
	ck_assert_int_eq(t.flushes, 7);
	ck_assert_uint_ge(t.seen_usec, t.started_usec);
	ck_assert_uint_ge(t.loop.clock.now_usec, t.seen_usec);
	event_free(t.ev);
	loop_done(&t.loop);
	close(t.pipe[0]);
	close(t.pipe[1]);
}
END_TEST

START_TEST(a_loop_without_events_ends)
{
	struct loop loop;

	ck_assert_int_eq(loop_init(&loop, NULL, NULL), 0);
	ck_assert_int_eq(loop_run(&loop), 0);
	loop_done(&loop);
}
END_TEST

TEST_MAIN("sock", a_unix_listener_is_0600_whatever_the_umask_and_knows_its_peer,
	a_stale_socket_is_replaced_another_file_never, a_unix_path_has_1_to_107_bytes,
	a_tcp_listener_names_the_port_it_got_and_takes_a_connect,
	sec_c34_who_connects_gives_up_a_silent_path_in_15_s_who_accepts_waits,
	a_turn_ends_in_one_flush_and_waits_only_when_no_work_is_left, a_loop_without_events_ends)
