#include "tests/suite.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/io/sock.h"
#include "local/listener.h"

static struct loop loop;
static struct listener listener;
static uint16_t port;
static int n_accepted;
static bool port_taken;          /* the next bind() finds it so */
static bool no_event, no_listen; /* the next one fails */

int __real_bind(int fd, const struct sockaddr *at, socklen_t n);
int __wrap_bind(int fd, const struct sockaddr *at, socklen_t n);
int __wrap_bind(int fd, const struct sockaddr *at, socklen_t n)
{
	if (!port_taken)
		return __real_bind(fd, at, n);
	port_taken = false;
	errno = EADDRINUSE;
	return -1;
}

struct event *__real_event_new(
	struct event_base *base, evutil_socket_t fd, short what, event_callback_fn fn, void *arg);
struct event *__wrap_event_new(
	struct event_base *base, evutil_socket_t fd, short what, event_callback_fn fn, void *arg);
struct event *__wrap_event_new(
	struct event_base *base, evutil_socket_t fd, short what, event_callback_fn fn, void *arg)
{
	if (!no_event)
		return __real_event_new(base, fd, what, fn, arg);
	no_event = false;
	return NULL;
}

int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog)
{
	if (!no_listen)
		return __real_listen(fd, backlog);
	no_listen = false;
	errno = EADDRINUSE;
	return -1;
}

static void on_fd(struct listener *l, int fd, void *arg)
{
	ck_assert_ptr_eq(l, &listener);
	ck_assert_ptr_null(arg);
	n_accepted++;
	close(fd);
}

static bool no_more(void *arg _unused_)
{
	return false;
}

static void start(void)
{
	int fd;

	n_accepted = 0;
	ck_assert_int_eq(loop_init(&loop, no_more, NULL), 0);
	ck_assert_int_eq(sock_listen_tcp("127.0.0.1", 0, 5, &fd, &port), 0);
	listener = (struct listener){ .loop = &loop, .fd = fd, .backlog = 5, .on_fd = on_fd };
	ck_assert_int_eq(listener_start(&listener), 0);
}

static void end(void)
{
	listener_stop(&listener);
	ck_assert_int_eq(listener.fd, -1);
	loop_done(&loop);
}

static struct sockaddr_in address(void)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static bool is_taken(void)
{
	const struct sockaddr_in at = address();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool taken = __real_bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 &&
		     errno == EADDRINUSE;

	close(fd);
	return taken;
}

/* 0, or the errno of a connect. */
static int knock(void)
{
	const struct sockaddr_in at = address();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;

	ck_assert_int_ge(fd, 0);
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		error = errno;
	close(fd);
	return error;
}

static void check_accepts(void)
{
	int before = n_accepted;

	ck_assert_int_eq(knock(), 0);
	event_base_loop(loop.base, EVLOOP_ONCE);
	ck_assert_int_eq(n_accepted, before + 1);
}

START_TEST(a_refused_port_stays_ours_and_is_listened_on_again)
{
	start();
	check_accepts();
	ck_assert_int_eq(listener_refuse(&listener, true), 0);
	ck_assert_int_eq(knock(), ECONNREFUSED);
	ck_assert(is_taken());
	ck_assert_int_eq(listener_refuse(&listener, true), 0);
	ck_assert_int_eq(listener_refuse(&listener, false), 0);
	check_accepts();
	end();
}
END_TEST

START_TEST(who_is_ignored_while_it_is_refused_is_still_ignored_after_it)
{
	start();
	ck_assert_int_eq(listener_refuse(&listener, true), 0);
	listener_ignore(&listener, true);
	ck_assert_int_eq(listener_refuse(&listener, false), 0);
	ck_assert_int_eq(knock(), 0);
	event_base_loop(loop.base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(n_accepted, 0);
	listener_ignore(&listener, false);
	event_base_loop(loop.base, EVLOOP_ONCE);
	ck_assert_int_eq(n_accepted, 1);
	end();
}
END_TEST

START_TEST(a_refusal_that_fails_leaves_it_accepting_and_can_be_asked_for_again)
{
	struct rlimit full, was;

	start();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	full = was;
	full.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &full), 0);
	ck_assert_int_eq(listener_refuse(&listener, true), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	check_accepts();
	ck_assert_int_eq(listener_refuse(&listener, true), 0);
	ck_assert_int_eq(knock(), ECONNREFUSED);
	ck_assert_int_eq(listener_refuse(&listener, false), 0);
	check_accepts();
	end();
}
END_TEST

START_TEST(listening_again_that_fails_leaves_it_refusing_and_can_be_asked_for_again)
{
	start();
	ck_assert_int_eq(listener_refuse(&listener, true), 0);
	no_event = true;
	ck_assert_int_eq(listener_refuse(&listener, false), -ENOMEM);
	ck_assert_int_eq(knock(), ECONNREFUSED);
	no_listen = true;
	ck_assert_int_eq(listener_refuse(&listener, false), -EADDRINUSE);
	ck_assert_int_eq(knock(), ECONNREFUSED);
	event_base_loop(loop.base, EVLOOP_NONBLOCK); /* nothing watches the port */
	ck_assert(is_taken());
	ck_assert_int_eq(listener_refuse(&listener, false), 0);
	check_accepts();
	end();
}
END_TEST

START_TEST(a_port_that_another_took_meanwhile_is_lost_and_every_call_says_so)
{
	start();
	port_taken = true;
	ck_assert_int_eq(listener_refuse(&listener, true), -EADDRINUSE);
	ck_assert_int_eq(listener.fd, -1);
	ck_assert_int_eq(listener_refuse(&listener, false), -EADDRINUSE);
	ck_assert_int_eq(listener_refuse(&listener, true), -EADDRINUSE);
	listener_ignore(&listener, true);
	listener_ignore(&listener, false);
	ck_assert_int_eq(knock(), ECONNREFUSED);
	end();
}
END_TEST

TEST_MAIN("listener", a_refused_port_stays_ours_and_is_listened_on_again,
	who_is_ignored_while_it_is_refused_is_still_ignored_after_it,
	a_refusal_that_fails_leaves_it_accepting_and_can_be_asked_for_again,
	listening_again_that_fails_leaves_it_refusing_and_can_be_asked_for_again,
	a_port_that_another_took_meanwhile_is_lost_and_every_call_says_so)
