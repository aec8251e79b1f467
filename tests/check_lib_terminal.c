/* The terminal with blocking calls, and a daemon of a few frames in a thread, over a real socket. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/lib.h"
#include "tests/suite.h"

#define WINDOW 65536u

static char folder[64], path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
static char asked_for[128]; /* the session that session.wait named */
static int listener = -1;

static void put(int fd, struct frame_out *o)
{
	const uint8_t *data;
	size_t n;
	ssize_t l;

	if (frame_finish(o, &data, &n))
		abort();
	for (size_t at = 0; at < n; at += (size_t)l) {
		l = send(fd, data + at, n - at, MSG_NOSIGNAL);
		if (l <= 0)
			abort();
	}
	frame_out_reset(o);
}

static void put_hello(struct frame_out *o, uint32_t id)
{
	frame_begin_result(o, id, 5);
	frame_put_i64(o, "version", 1);
	frame_put_str(o, "server", "cwsandboxd 0.1.0");
	frame_put_i64(o, "pid", 42);
	frame_put_str(o, "boot_id", "boot");
	frame_put_array(o, "features", 1);
	frame_add_str(o, "input_refused");
}

static void put_attached(struct frame_out *o, uint32_t id)
{
	frame_begin_result(o, id, 5);
	frame_put_i64(o, "attachment", 1);
	frame_put_u64(o, "window", WINDOW);
	frame_put_u64(o, "input_window", WINDOW);
	frame_put_str(o, "name", "work");
	frame_put_str(o, "session", "7");
}

static void put_state(struct frame_out *o, const char *name)
{
	frame_begin_notification(o, "state", 3);
	frame_put_i64(o, "attachment", 1);
	frame_put_str(o, "name", name);
	frame_put_str(o, "state", "running");
}

/* More of them than the library keeps, then the answer. */
static void flood(int fd, struct frame_out *o)
{
	static char message[32 * 1024];

	memset(message, 'x', sizeof(message) - 1);
	for (size_t n = 0; n < 2 * LIB_EVENTS_MAX; n += sizeof(message)) {
		frame_begin_notification(o, "state", 4);
		frame_put_i64(o, "attachment", 1);
		frame_put_str(o, "name", "other");
		frame_put_str(o, "state", "running");
		frame_put_str(o, "message", message);
		put(fd, o);
	}
}

static void answer(int fd, struct frame_out *o, const struct frame *f)
{
	struct frame_span name = { .data = "", .n = 0 };

	if (frame_is(f, "hello")) {
		put_hello(o, f->id);
	} else if (frame_is(f, "session.attach")) {
		put_attached(o, f->id);
		put(fd, o);
		put_state(o, "renamed");
	} else if (frame_is(f, "session.wait")) {
		(void)frame_get_str(f->params, "name", &name);
		snprintf(asked_for, sizeof(asked_for), "%.*s", (int)name.n, name.data);
		flood(fd, o);
		frame_begin_result(o, f->id, 2);
		frame_put_i64(o, "exit_code", 3);
		frame_put_str(o, "state", "exited");
	} else {
		return;
	}
	put(fd, o);
}

static void *daemon_main(void *arg)
{
	static uint8_t in[65536];
	size_t n = 0, used;
	struct frame_out o;
	struct frame f;
	ssize_t l;
	int fd = accept(listener, NULL, NULL);

	frame_out_init(&o);
	while ((l = recv(fd, in + n, sizeof(in) - n, 0)) > 0) {
		n += (size_t)l;
		while (frame_scan(in, n, &used) == 0) {
			if (frame_open(&f, in, used))
				abort();
			answer(fd, &o, &f);
			frame_close(&f);
			memmove(in, in + used, n - used);
			n -= used;
		}
	}
	frame_out_done(&o);
	close(fd);
	return arg;
}

static void listen_there(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(folder, sizeof(folder), "/tmp/check_lib_terminal.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	memcpy(sa.sun_path, path, sizeof(path));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
}

START_TEST(who_only_waits_learns_the_end_behind_however_many_events)
{
	const struct cwsandbox_config config = { .socket = path, .client = "check" };
	const struct cwsandbox_terminal_config how = { .session = "work", .no_autostart = true };
	struct cwsandbox_terminal *t;
	pthread_t thread;
	int code = -1;

	listen_there();
	ck_assert_int_eq(pthread_create(&thread, NULL, daemon_main, NULL), 0);
	ck_assert_int_eq(cwsandbox_terminal_new(&t), 0);
	ck_assert_int_eq(cwsandbox_terminal_open(t, &config, &how, 60000), 0);
	for (int ms = 0; ms < 20000 && strcmp(cwsandbox_terminal_name(t), "renamed") != 0; ms++) {
		ck_assert_int_eq(cwsandbox_terminal_returncode(t, &code), CWSANDBOX_E_ACTIVE);
		poll(NULL, 0, 1);
	}
	ck_assert_str_eq(cwsandbox_terminal_name(t), "renamed");
	ck_assert_int_eq(cwsandbox_terminal_wait(t, 20000, &code), 0);
	ck_assert_int_eq(code, 3);
	cwsandbox_terminal_free(t);
	pthread_join(thread, NULL);
	ck_assert_str_eq(asked_for, "renamed"); /* not who has its old name now */
	close(listener);
	unlink(path);
	rmdir(folder);
}
END_TEST

TEST_MAIN("lib_terminal", who_only_waits_learns_the_end_behind_however_many_events)
