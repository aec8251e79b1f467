/*
 * lib_world - a connection of the library without a socket, and the daemon's side of it
 */
#ifndef TESTS_LIB_WORLD_H
#define TESTS_LIB_WORLD_H

#include <string.h>
#include <sys/socket.h>

#include "client/lib.h"
#include "tests/suite.h"

#define WINDOW 4096u
#define INPUT_WINDOW 100u

/* ---- a connection without a socket, and the daemon's side of it ---- */

static inline int feed(struct cwsandbox *c, const uint8_t *data, size_t n)
{
	while (n > 0) {
		uint8_t *room;
		size_t k;
		int r;

		r = conn_receive_room(c, &room, &k);
		if (r)
			return r;
		k = min_size(k, n);
		memcpy(room, data, k);
		r = conn_received(c, k);
		if (r)
			return r;
		data += k;
		n -= k;
	}
	return 0;
}

static inline int feed_out(struct cwsandbox *c, struct frame_out *o)
{
	const uint8_t *data;
	size_t n;
	int r;

	ck_assert_int_eq(frame_finish(o, &data, &n), 0);
	r = feed(c, data, n);
	frame_out_done(o);
	return r;
}

/* What the library has to say: the frames, in order, taken off its queue. */
static inline size_t take_sent(struct cwsandbox *c, struct frame *frames, size_t max)
{
	static uint8_t copy[65536];
	size_t n = c->out_n - c->out_at, at = 0, count = 0, used;

	ck_assert_uint_le(n, sizeof(copy));
	memcpy(copy, c->out + c->out_at, n);
	while (at < n) {
		ck_assert_uint_lt(count, max);
		ck_assert_int_eq(frame_scan(copy + at, n - at, &used), 0);
		ck_assert_int_eq(frame_open(&frames[count++], copy + at, used), 0);
		at += used;
	}
	ck_assert_int_eq(conn_sent(c, n), 0);
	return count;
}

static inline void drop_sent(struct cwsandbox *c)
{
	ck_assert_int_eq(conn_sent(c, c->out_n - c->out_at), 0);
}

static inline void put_hello(struct frame_out *o, uint32_t id, int64_t version, size_t n_features)
{
	frame_out_init(o);
	frame_begin_result(o, id, 5);
	frame_put_i64(o, "version", version);
	frame_put_str(o, "server", "cwsandboxd 0.1.0");
	frame_put_i64(o, "pid", 42);
	frame_put_str(o, "boot_id", "boot");
	frame_put_array(o, "features", n_features);
}

/* A daemon of today, or one from before there were features. */
static inline struct cwsandbox *ready_with(bool features)
{
	const struct cwsandbox_config config = { .client = "check" };
	struct cwsandbox_event e;
	struct frame_out o;
	struct cwsandbox *c;
	uint32_t id;

	ck_assert_int_eq(cwsandbox_new(&c), 0);
	ck_assert_int_eq(conn_begin(c, &config, 7, &id), 0);
	drop_sent(c);
	put_hello(&o, id, 1, features ? 2 : 0);
	if (features) {
		frame_add_str(&o, "later");
		frame_add_str(&o, "input_refused");
	}
	ck_assert_int_eq(feed_out(c, &o), 0);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_CONNECTED);
	ck_assert_int_eq(e.r, 0);
	return c;
}

static inline struct cwsandbox *ready(void)
{
	return ready_with(true);
}

static inline int answer_attach(struct cwsandbox *c, uint32_t id, int64_t attachment)
{
	struct frame_out o;

	frame_out_init(&o);
	frame_begin_result(&o, id, 4);
	frame_put_i64(&o, "attachment", attachment);
	frame_put_u64(&o, "window", WINDOW);
	frame_put_u64(&o, "input_window", INPUT_WINDOW);
	frame_put_str(&o, "name", "work");
	return feed_out(c, &o);
}

static inline struct cwsandbox *attached_with(bool features)
{
	const struct cwsandbox_request attach = {
		.method = CWSANDBOX_SESSION_ATTACH, .name = "work", .cols = 80, .rows = 24
	};
	struct cwsandbox *c = ready_with(features);
	struct cwsandbox_event e;
	uint32_t id;

	ck_assert_int_eq(cwsandbox_start(c, &attach, &id), 0);
	drop_sent(c);
	ck_assert_int_eq(answer_attach(c, id, 5), 0);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_ANSWER);
	ck_assert_uint_eq(e.id, id);
	ck_assert_int_eq(e.answer->attachment, 5);
	ck_assert_str_eq(e.answer->name, "work");
	return c;
}

static inline struct cwsandbox *attached(void)
{
	return attached_with(true);
}

static inline struct cwsandbox *attached_by(int fds[2])
{
	struct cwsandbox *c = attached();

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	c->fd = fds[0];
	return c;
}

static inline void begin_event(
	struct frame_out *o, const char *method, int64_t attachment, size_t n_more)
{
	frame_out_init(o);
	frame_begin_notification(o, method, 1 + n_more);
	frame_put_i64(o, "attachment", attachment);
}

static inline void put_output(
	struct frame_out *o, int64_t attachment, uint64_t offset, const void *data, size_t n)
{
	begin_event(o, "output", attachment, 3);
	frame_put_u64(o, "offset", offset);
	frame_put_u64(o, "stream", 1);
	frame_put_bin(o, "data", data, n);
}

static inline int send_output(
	struct cwsandbox *c, int64_t attachment, uint64_t offset, const void *data, size_t n)
{
	struct frame_out o;

	put_output(&o, attachment, offset, data, n);
	return feed_out(c, &o);
}

static inline int send_paint(struct cwsandbox *c, int64_t attachment, const void *data, size_t n)
{
	struct frame_out o;

	begin_event(&o, "resync", attachment, 5);
	frame_put_u64(&o, "offset", 0);
	frame_put_u64(&o, "skipped_bytes", 0);
	frame_put_bool(&o, "first", true);
	frame_put_bool(&o, "last", true);
	frame_put_bin(&o, "data", data, n);
	return feed_out(c, &o);
}

static inline int send_credit(struct cwsandbox *c, int64_t attachment, uint64_t bytes)
{
	struct frame_out o;

	begin_event(&o, "input_credit", attachment, 1);
	frame_put_u64(&o, "bytes", bytes);
	return feed_out(c, &o);
}

static inline int send_refused(
	struct cwsandbox *c, int64_t attachment, uint64_t bytes, const char *code)
{
	struct frame_out o;

	begin_event(&o, "input_refused", attachment, 2);
	frame_put_u64(&o, "bytes", bytes);
	frame_put_map(&o, "error", 2);
	frame_put_str(&o, "code", code);
	frame_put_str(&o, "message", "no");
	return feed_out(c, &o);
}

static inline int send_exited(struct cwsandbox *c, int64_t attachment)
{
	struct frame_out o;

	begin_event(&o, "exited", attachment, 2);
	frame_put_i64(&o, "exit_code", -3);
	frame_put_str(&o, "reason", "killed");
	return feed_out(c, &o);
}

static inline int send_error(struct cwsandbox *c, uint32_t id, const char *code)
{
	struct frame_out o;

	frame_out_init(&o);
	frame_begin_error(&o, id, code, "no", 0);
	return feed_out(c, &o);
}

#endif
