/* The library's protocol state, fed by hand: what a daemon may say. */
#include <poll.h>
#include <string.h>

#include "tests/lib_world.h"

/* ---- hello ---- */

START_TEST(hello_carries_the_endpoint_and_the_key_and_the_key_is_wiped_once_sent)
{
	const struct cwsandbox_config config = { .client = "check",
		.base_url = "https://h",
		.key = "sesame-open",
		.term = "xterm\xff" };
	struct cwsandbox *c;
	struct frame f;
	const msgpack_object *endpoint;
	struct frame_span s;
	size_t cap;

	ck_assert_int_eq(cwsandbox_new(&c), 0);
	ck_assert_int_eq(conn_begin(c, &config, 7, NULL), 0);
	cap = c->out_cap;
	ck_assert_ptr_nonnull(memmem(c->out, cap, "sesame-open", 11));
	ck_assert_uint_eq(take_sent(c, &f, 1), 1);
	ck_assert_ptr_null(memmem(c->out, cap, "sesame-open", 11));
	ck_assert(frame_is(&f, "hello"));
	ck_assert_int_eq(frame_get_map(f.params, "endpoint", &endpoint), 0);
	ck_assert_int_eq(frame_get_str(endpoint, "url", &s), 0);
	ck_assert(frame_span_is(&s, "https://h"));
	ck_assert_ptr_null(frame_get(endpoint, "auth"));
	ck_assert_ptr_null(frame_get(f.params, "term")); /* no UTF-8: not worth a refusal */
	frame_close(&f);
	cwsandbox_free(c);
}
END_TEST

START_TEST(a_key_over_its_bound_is_refused_before_anything_is_sent)
{
	struct cwsandbox_config config = { .client = "check" };
	char key[LIB_KEY_MAX + 2];
	struct cwsandbox *c;

	memset(key, 'k', sizeof(key));
	key[LIB_KEY_MAX + 1] = 0;
	config.key = key;
	ck_assert_int_eq(cwsandbox_new(&c), 0);
	ck_assert_int_eq(conn_begin(c, &config, 7, NULL), -EINVAL);
	ck_assert_uint_eq(c->out_n, 0);
	key[LIB_KEY_MAX] = 0;
	ck_assert_int_eq(conn_begin(c, &config, 7, NULL), 0);
	cwsandbox_free(c);
}
END_TEST

START_TEST(a_hello_of_another_version_ends_the_connection)
{
	const struct cwsandbox_config config = { .client = "check" };
	struct frame_out o;
	struct cwsandbox *c;
	uint32_t id;

	ck_assert_int_eq(cwsandbox_new(&c), 0);
	ck_assert_int_eq(conn_begin(c, &config, 7, &id), 0);
	put_hello(&o, id, LIB_PROTOCOL_MAX + 1, 0);
	ck_assert_int_eq(feed_out(c, &o), -EBADMSG);
	cwsandbox_free(c);
}
END_TEST

START_TEST(a_daemon_without_room_says_so_instead_of_an_answer_and_nothing_else_may_come_before_one)
{
	static const char *const methods[] = { "shutdown", "clients" };
	const struct cwsandbox_config config = { .client = "check" };
	struct cwsandbox_event e;
	struct frame_out o;
	struct cwsandbox *c;
	uint32_t id;

	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(cwsandbox_new(&c), 0);
		ck_assert_int_eq(conn_begin(c, &config, 7, &id), 0);
		frame_out_init(&o);
		frame_begin_notification(&o, methods[i], 1);
		frame_put_str(&o, "reason", "full");
		ck_assert_int_eq(feed_out(c, &o), i ? -EBADMSG : 0);
		if (i == 0) {
			ck_assert_int_eq(cwsandbox_next(c, &e), 0);
			ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_CONNECTED);
			ck_assert_int_eq(e.r, CWSANDBOX_E_REFUSED);
			ck_assert_uint_eq(e.id, id);
			ck_assert_str_eq(e.error->code, "busy");
		}
		cwsandbox_free(c);
	}
}
END_TEST

/* ---- requests and answers ---- */

START_TEST(a_request_holds_exactly_its_members)
{
	static const char *const argv[] = { "sh", "-c", "a b", NULL }, *const env[] = { "A=1=2",
		"B", NULL };
	const struct cwsandbox_request create = { .method = CWSANDBOX_SESSION_CREATE,
		.sandbox_id = "sb",
		.argv = argv,
		.env = env,
		.cols = 80,
		.rows = 24,
		.name = "",
		.tail_lines = 9 };
	struct cwsandbox *c = ready();
	const msgpack_object *o;
	struct frame_span s;
	struct frame f;

	ck_assert_int_eq(cwsandbox_start(c, &create, NULL), 0);
	ck_assert_uint_eq(take_sent(c, &f, 1), 1);
	ck_assert(frame_is(&f, "session.create"));
	ck_assert_uint_eq(f.params->via.map.size, 5); /* sandbox_id argv env cols rows */
	ck_assert_int_eq(frame_get_array(f.params, "argv", &o), 0);
	ck_assert_uint_eq(o->via.array.size, 3);
	ck_assert_int_eq(frame_get_map(f.params, "env", &o), 0);
	ck_assert_int_eq(frame_get_str(o, "A", &s), 0);
	ck_assert(frame_span_is(&s, "1=2"));
	ck_assert_int_eq(frame_get_str(o, "B", &s), 0);
	ck_assert_uint_eq(s.n, 0);
	frame_close(&f);
	cwsandbox_free(c);
}
END_TEST

START_TEST(a_request_without_what_it_needs_is_refused_here)
{
	struct cwsandbox_request q = { .method = CWSANDBOX_SESSION_RENAME, .name = "a" };
	struct cwsandbox *c = ready();

	ck_assert_int_eq(cwsandbox_start(c, &q, NULL), -EINVAL);
	ck_assert_str_eq(cwsandbox_error(c)->code, "usage");
	q.method = (enum cwsandbox_method)99;
	ck_assert_int_eq(cwsandbox_start(c, &q, NULL), -EINVAL);
	q.method = (enum cwsandbox_method)0;
	ck_assert_int_eq(cwsandbox_start(c, &q, NULL), -EINVAL);
	ck_assert_uint_eq(c->n_pending, 0);
	cwsandbox_free(c);
}
END_TEST

START_TEST(what_is_no_text_or_too_many_words_is_refused_here_and_said)
{
	static const char *words[LIB_WORDS_MAX + 2];
	struct cwsandbox_request q = {
		.method = CWSANDBOX_EXEC, .sandbox_id = "sb", .argv = words
	};
	struct cwsandbox *c = ready();

	for (size_t i = 0; i < LIB_WORDS_MAX; i++)
		words[i] = "w";
	ck_assert_int_eq(cwsandbox_start(c, &q, NULL), 0);
	words[LIB_WORDS_MAX] = "w";
	ck_assert_int_eq(cwsandbox_start(c, &q, NULL), -EINVAL);
	ck_assert_str_eq(cwsandbox_error(c)->message,
		"argv has 2001 words; at most 2000 can be sent at once");
	words[3] = NULL;
	words[2] = "\xff";
	ck_assert_int_eq(cwsandbox_start(c, &q, NULL), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cwsandbox_error(c)->message, "word 3 of argv is not UTF-8"));
	words[2] = "\xc3\xa9";
	q.cwd = "/\xc3";
	ck_assert_int_eq(cwsandbox_start(c, &q, NULL), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cwsandbox_error(c)->message, "cwd is not UTF-8"));
	ck_assert_uint_eq(c->n_pending, 1);
	cwsandbox_free(c);
}
END_TEST

START_TEST(as_many_requests_wait_as_the_daemon_allows_and_no_more)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_DAEMON_STATUS };
	struct cwsandbox *c = ready();

	for (int i = 0; i < CWSANDBOX_REQUESTS_MAX; i++)
		ck_assert_int_eq(cwsandbox_start(c, &q, NULL), 0);
	ck_assert_int_eq(cwsandbox_start(c, &q, NULL), CWSANDBOX_E_WINDOW);
	cwsandbox_free(c);
}
END_TEST

static void put_session(struct frame_out *o, const char *name)
{
	frame_put_map(o, NULL, 5);
	frame_put_str(o, "name", name);
	frame_put_str(o, "state", "exited");
	frame_put_i64(o, "exit_code", 3);
	frame_put_nil(o, "reason");
	frame_put_array(o, "clients", 1);
	frame_put_map(o, NULL, 2);
	frame_put_i64(o, "id", 9);
	frame_put_str(o, "role", "lead");
}

START_TEST(a_list_of_sessions_is_decoded_whole_and_absent_means_nil)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_SESSION_LIST };
	struct cwsandbox *c = ready();
	const struct cwsandbox_session *s;
	struct cwsandbox_event e;
	struct frame_out o;
	uint32_t id;

	ck_assert_int_eq(cwsandbox_start(c, &q, &id), 0);
	frame_out_init(&o);
	frame_begin_result(&o, id, 2);
	frame_put_array(&o, "sessions", 2);
	put_session(&o, "a");
	put_session(&o, "b");
	frame_put_bool(&o, "more", true);
	ck_assert_int_eq(feed_out(c, &o), 0);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_uint_eq(e.answer->n_sessions, 2);
	ck_assert(e.answer->more);
	s = &e.answer->sessions[1];
	ck_assert_str_eq(s->name, "b");
	ck_assert(s->has_exit_code);
	ck_assert_int_eq(s->exit_code, 3);
	ck_assert_ptr_null(s->reason);
	ck_assert_ptr_null(s->message);
	ck_assert_uint_eq(s->n_clients, 1);
	ck_assert_int_eq(s->clients[0].id, 9);
	ck_assert_str_eq(s->clients[0].role, "lead");
	cwsandbox_free(c);
}
END_TEST

START_TEST(a_refusal_is_told_with_all_its_fields)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_SANDBOX_GET, .sandbox_id = "x" };
	struct cwsandbox *c = ready();
	struct cwsandbox_event e;
	struct frame_out o;
	uint32_t id;

	ck_assert_int_eq(cwsandbox_start(c, &q, &id), 0);
	frame_out_init(&o);
	frame_begin_error(&o, id, "service", "not there", 4);
	frame_put_str(&o, "status", "NOT_FOUND");
	frame_put_i64(&o, "status_code", 5);
	frame_put_i64(&o, "retry_after_ms", 0);
	frame_put_array(&o, "violations", 1);
	frame_put_map(&o, NULL, 1);
	frame_put_str(&o, "description", "too long");
	ck_assert_int_eq(feed_out(c, &o), 0);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_int_eq(e.r, CWSANDBOX_E_REFUSED);
	ck_assert_ptr_null(e.answer);
	ck_assert_str_eq(e.error->status, "NOT_FOUND");
	ck_assert(e.error->has_retry_after);
	ck_assert(!e.error->has_exit_code);
	ck_assert_uint_eq(e.error->n_violations, 1);
	ck_assert_ptr_null(e.error->violations[0].field);
	ck_assert_str_eq(e.error->violations[0].description, "too long");
	cwsandbox_free(c);
}
END_TEST

START_TEST(a_late_answer_to_an_attach_nobody_waits_for_is_detached)
{
	const struct cwsandbox_request attach = { .method = CWSANDBOX_SESSION_ATTACH,
		.name = "work" };
	struct cwsandbox *c = ready();
	struct cwsandbox_event e;
	struct frame f;
	int64_t number;
	uint32_t id;

	ck_assert_int_eq(conn_start(c, &attach, PENDING_DROP, &id), 0);
	drop_sent(c);
	ck_assert_int_eq(answer_attach(c, id, 8), 0);
	ck_assert_uint_eq(take_sent(c, &f, 1), 1);
	ck_assert(frame_is(&f, "session.detach"));
	ck_assert_int_eq(frame_get_i64(f.params, "attachment", 0, 99, &number), 0);
	ck_assert_int_eq(number, 8);
	frame_close(&f);
	ck_assert_int_eq(
		send_output(c, 8, 0, "late", 4), 0); /* and what it still sends is ignored */
	ck_assert_int_eq(cwsandbox_next(c, &e), CWSANDBOX_E_PENDING);
	cwsandbox_free(c);
}
END_TEST

START_TEST(a_lost_connection_answers_every_request_that_waits)
{
	const struct cwsandbox_request q = { .method = CWSANDBOX_DAEMON_STATUS };
	struct cwsandbox *c = ready();
	struct cwsandbox_event e;

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(cwsandbox_start(c, &q, NULL), 0);
	conn_lost(c, conn_fail(c, -ECONNRESET, "lost", "gone"));
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(cwsandbox_next(c, &e), 0);
		ck_assert_int_eq(e.r, -ECONNRESET);
		ck_assert_str_eq(e.error->code, "lost");
	}
	ck_assert_int_eq(cwsandbox_next(c, &e), CWSANDBOX_E_PENDING);
	ck_assert_int_eq(cwsandbox_start(c, &q, NULL), -ENOTCONN);
	cwsandbox_free(c);
}
END_TEST

/* ---- output ---- */

START_TEST(output_torn_at_any_byte_arrives_whole)
{
	for (size_t cut = 1; cut < 40; cut++) {
		struct cwsandbox *c = attached();
		struct cwsandbox_event e;
		const uint8_t *data;
		struct frame_out o;
		size_t n;

		begin_event(&o, "output", 5, 2);
		frame_put_u64(&o, "offset", 77);
		frame_put_bin(&o, "data", "a\0b\xff", 4);
		ck_assert_int_eq(frame_finish(&o, &data, &n), 0);
		ck_assert_uint_gt(n, cut);
		ck_assert_int_eq(feed(c, data, cut), 0);
		ck_assert_int_eq(cwsandbox_next(c, &e), CWSANDBOX_E_PENDING);
		ck_assert_int_eq(feed(c, data + cut, n - cut), 0);
		frame_out_done(&o);
		ck_assert_int_eq(cwsandbox_next(c, &e), 0);
		ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_OUTPUT);
		ck_assert_uint_eq(e.offset, 77);
		ck_assert_uint_eq(e.n, 4);
		ck_assert_mem_eq(e.data, "a\0b\xff", 4);
		cwsandbox_free(c);
	}
}
END_TEST

START_TEST(more_output_than_the_window_ends_the_connection)
{
	static const uint8_t blob[WINDOW + 1];
	struct cwsandbox *c = attached();

	ck_assert_int_eq(send_output(c, 5, 0, blob, WINDOW), 0);
	ck_assert_int_eq(send_output(c, 5, WINDOW, blob, 1), -EBADMSG);
	cwsandbox_free(c);
}
END_TEST

static void set_window(struct cwsandbox *c, uint64_t window)
{
	const struct cwsandbox_request set = {
		.method = CWSANDBOX_SESSION_SET, .attachment = 5, .window = window
	};

	ck_assert_int_eq(cwsandbox_start(c, &set, NULL), 0);
	drop_sent(c);
}

START_TEST(a_window_made_larger_counts_at_once_and_a_smaller_one_lets_more_come_that_was_on_its_way)
{
	static const uint8_t blob[2 * WINDOW];
	struct cwsandbox *c = attached();

	set_window(c, 2 * WINDOW);
	ck_assert_int_eq(send_output(c, 5, 0, blob, WINDOW), 0);
	set_window(c, WINDOW);
	ck_assert_int_eq(send_output(c, 5, WINDOW, blob, WINDOW), 0);
	ck_assert_int_eq(send_output(c, 5, 2 * WINDOW, blob, 1), -EBADMSG);
	cwsandbox_free(c);
}
END_TEST

/* The total of the one acknowledgement that is due; 0 if none is. */
static uint64_t sent_ack(struct cwsandbox *c, enum ack least)
{
	uint64_t bytes = 0;
	struct frame f;

	ck_assert_int_eq(conn_put_acks(c, least), 0);
	if (take_sent(c, &f, 1) == 0)
		return 0;
	ck_assert(frame_is(&f, "session.ack"));
	ck_assert_int_eq(frame_get_u64(f.params, "bytes", 1, UINT64_MAX, &bytes), 0);
	frame_close(&f);
	return bytes;
}

START_TEST(what_was_received_is_acknowledged_only_once_it_was_consumed)
{
	static const uint8_t blob[WINDOW];
	struct cwsandbox *c = attached();
	struct cwsandbox_event e;

	ck_assert_int_eq(send_output(c, 5, 0, blob, WINDOW), 0);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_int_eq(conn_acks(c), ACK_NONE);
	ck_assert_uint_eq(sent_ack(c, ACK_NOW), 0);
	ck_assert_int_eq(cwsandbox_consumed(c, 5, WINDOW / 4 - 1), 0);
	ck_assert_uint_eq(sent_ack(c, ACK_NOW), 0); /* not yet worth a frame */
	ck_assert_int_eq(cwsandbox_consumed(c, 5, 1), 0);
	ck_assert_int_eq(conn_acks(c), ACK_NOW);
	ck_assert_uint_eq(sent_ack(c, ACK_NOW), WINDOW / 4);
	ck_assert_int_eq(cwsandbox_consumed(c, 5, WINDOW - WINDOW / 4 + 1), -EINVAL);
	ck_assert_int_eq(cwsandbox_consumed(c, 5, WINDOW - WINDOW / 4), 0);
	ck_assert_uint_eq(sent_ack(c, ACK_NOW), WINDOW);
	ck_assert_int_eq(send_output(c, 5, WINDOW, blob, LIB_ACK_NOW), 0);
	ck_assert_int_eq(cwsandbox_consumed(c, 5, LIB_ACK_NOW), 0);
	ck_assert_uint_eq(sent_ack(c, ACK_NOW),
		WINDOW + LIB_ACK_NOW); /* all that came: a quiet session owes nothing */
	cwsandbox_free(c);
}
END_TEST

START_TEST(a_little_is_acknowledged_along_with_something_else_but_a_paint_or_half_a_credit_at_once)
{
	static const uint8_t blob[LIB_ACK_NOW];
	struct cwsandbox *c = attached();

	ck_assert_int_eq(send_output(c, 5, 0, blob, LIB_ACK_NOW - 1), 0);
	ck_assert_int_eq(cwsandbox_consumed(c, 5, LIB_ACK_NOW - 1), 0);
	ck_assert_int_eq(conn_acks(c), ACK_ALONG);
	ck_assert_uint_eq(sent_ack(c, ACK_NOW), 0);
	ck_assert_uint_eq(sent_ack(c, ACK_ALONG), LIB_ACK_NOW - 1);
	ck_assert_int_eq(conn_acks(c), ACK_NONE);
	ck_assert_int_eq(send_output(c, 5, LIB_ACK_NOW - 1, blob, 1), 0);
	ck_assert_int_eq(cwsandbox_consumed(c, 5, 1), 0);
	ck_assert_int_eq(send_paint(c, 5, "p", 1), 0);
	ck_assert_int_eq(conn_acks(c), ACK_NONE); /* not all that came is consumed */
	ck_assert_int_eq(cwsandbox_consumed(c, 5, 1), 0);
	ck_assert_uint_eq(sent_ack(c, ACK_NOW), LIB_ACK_NOW + 1);
	ck_assert_int_eq(send_output(c, 5, LIB_ACK_NOW, "x", 1), 0);
	ck_assert_int_eq(cwsandbox_consumed(c, 5, 1), 0);
	ck_assert_int_eq(conn_acks(c), ACK_ALONG); /* the paint is forgotten */
	cwsandbox_free(c);
}
END_TEST

START_TEST(the_rest_of_a_paint_is_acknowledged_at_once_however_little_it_is)
{
	static const uint8_t blob[WINDOW / 4];
	struct cwsandbox *c = attached();

	ck_assert_int_eq(send_paint(c, 5, blob, sizeof(blob)), 0);
	ck_assert_int_eq(send_paint(c, 5, "p", 1), 0);
	ck_assert_int_eq(cwsandbox_consumed(c, 5, sizeof(blob)), 0);
	ck_assert_uint_eq(sent_ack(c, ACK_NOW), sizeof(blob));
	ck_assert_int_eq(cwsandbox_consumed(c, 5, 1), 0);
	ck_assert_uint_eq(sent_ack(c, ACK_NOW), sizeof(blob) + 1);
	cwsandbox_free(c);
}
END_TEST

/* How many frames came out at the daemon's end. */
static size_t came_out(int fd)
{
	uint8_t buf[4096];
	ssize_t l = read(fd, buf, sizeof(buf));
	size_t n = 0, used;

	for (ssize_t at = 0; at < l; at += (ssize_t)used, n++)
		ck_assert_int_eq(frame_scan(buf + at, (size_t)(l - at), &used), 0);
	return n;
}

START_TEST(an_echo_is_acknowledged_in_one_write_with_the_next_key_or_once_nothing_came)
{
	struct cwsandbox *c;
	size_t taken;
	int fds[2];

	c = attached_by(fds);
	ck_assert_int_eq(send_output(c, 5, 0, "x", 1), 0);
	ck_assert_int_eq(cwsandbox_consumed(c, 5, 1), 0);
	ck_assert_int_eq(cwsandbox_events(c), POLLIN); /* nothing is to be sent by itself, ... */
	ck_assert_int_eq(cwsandbox_timeout_ms(c), LIB_ACK_MS); /* ... or not yet */
	ck_assert_int_eq(cwsandbox_flush(c), 0);
	ck_assert_uint_eq(came_out(fds[1]), 0);
	ck_assert_int_eq(cwsandbox_input(c, 5, "y", 1, &taken), 0);
	ck_assert_int_eq(cwsandbox_flush(c), 0);
	ck_assert_uint_eq(came_out(fds[1]), 2);
	ck_assert_int_eq(cwsandbox_timeout_ms(c), -1);
	ck_assert_int_eq(send_output(c, 5, 1, "y", 1), 0);
	ck_assert_int_eq(cwsandbox_consumed(c, 5, 1), 0);
	ck_assert_int_eq(cwsandbox_dispatch(c), 0); /* that time has passed */
	ck_assert_uint_eq(came_out(fds[1]), 1);
	ck_assert_int_eq(cwsandbox_timeout_ms(c), -1);
	cwsandbox_free(c);
	close(fds[1]);
}
END_TEST

START_TEST(flush_sends_what_waits_and_receives_nothing)
{
	struct cwsandbox_event e;
	struct frame_out o;
	struct cwsandbox *c;
	const uint8_t *data;
	size_t n, taken;
	int fds[2];

	c = attached_by(fds);
	put_output(&o, 5, 0, "x", 1);
	ck_assert_int_eq(frame_finish(&o, &data, &n), 0);
	ck_assert_int_eq(write(fds[1], data, n), (ssize_t)n);
	frame_out_done(&o);
	ck_assert_int_eq(cwsandbox_input(c, 5, "y", 1, &taken), 0);
	ck_assert_int_eq(cwsandbox_flush(c), 0);
	ck_assert_uint_eq(came_out(fds[1]), 1);
	ck_assert_int_eq(cwsandbox_next(c, &e), CWSANDBOX_E_PENDING);
	ck_assert_int_eq(cwsandbox_dispatch(c), 0);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_OUTPUT);
	close(c->fd);
	c->fd = -1;
	ck_assert_int_eq(cwsandbox_flush(c), -ENOTCONN);
	cwsandbox_free(c);
	close(fds[1]);
}
END_TEST

START_TEST(when_too_many_events_wait_no_more_frames_are_taken_until_some_are)
{
	struct cwsandbox *c = ready();
	struct cwsandbox_event e;
	struct frame_out o;
	size_t n = 0;

	while (!conn_full(c)) {
		frame_out_init(&o);
		frame_begin_notification(&o, "shutdown", 1);
		frame_put_str(&o, "reason", "because");
		ck_assert_int_eq(feed_out(c, &o), 0);
		n++;
	}
	put_hello(&o, 99, 1, 0); /* an answer to nothing: it would end the connection */
	ck_assert_int_eq(feed_out(c, &o), 0);
	ck_assert(!conn_has_more(c));
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert(conn_has_more(c));
	ck_assert_int_eq(conn_received(c, 0), -EBADMSG);
	ck_assert_uint_gt(n, 1000);
	cwsandbox_free(c);
}
END_TEST

/* ---- the end ---- */

START_TEST(after_the_end_input_and_resize_say_ended_and_nothing_more_may_come)
{
	struct cwsandbox *c = attached();
	struct cwsandbox_event e;
	size_t taken;

	ck_assert_int_eq(send_exited(c, 5), 0);
	ck_assert_int_eq(cwsandbox_input(c, 5, "x", 1, &taken), CWSANDBOX_E_ENDED);
	ck_assert_int_eq(cwsandbox_resize(c, 5, 1, 1), CWSANDBOX_E_ENDED);
	ck_assert_int_eq(send_output(c, 5, 0, "x", 1), -EBADMSG);
	ck_assert_int_eq(cwsandbox_next(c, &e), 0);
	ck_assert_int_eq(e.kind, CWSANDBOX_EVENT_EXITED);
	ck_assert(e.has_exit_code);
	ck_assert_int_eq(e.exit_code, -3);
	ck_assert_str_eq(e.reason, "killed");
	ck_assert_uint_eq(c->n_attachments, 0);
	cwsandbox_free(c);
}
END_TEST

TEST_MAIN("lib", hello_carries_the_endpoint_and_the_key_and_the_key_is_wiped_once_sent,
	a_key_over_its_bound_is_refused_before_anything_is_sent,
	a_hello_of_another_version_ends_the_connection,
	a_daemon_without_room_says_so_instead_of_an_answer_and_nothing_else_may_come_before_one,
	a_request_holds_exactly_its_members, a_request_without_what_it_needs_is_refused_here,
	what_is_no_text_or_too_many_words_is_refused_here_and_said,
	as_many_requests_wait_as_the_daemon_allows_and_no_more,
	a_list_of_sessions_is_decoded_whole_and_absent_means_nil,
	a_refusal_is_told_with_all_its_fields,
	a_late_answer_to_an_attach_nobody_waits_for_is_detached,
	a_lost_connection_answers_every_request_that_waits, output_torn_at_any_byte_arrives_whole,
	more_output_than_the_window_ends_the_connection,
	a_window_made_larger_counts_at_once_and_a_smaller_one_lets_more_come_that_was_on_its_way,
	what_was_received_is_acknowledged_only_once_it_was_consumed,
	a_little_is_acknowledged_along_with_something_else_but_a_paint_or_half_a_credit_at_once,
	the_rest_of_a_paint_is_acknowledged_at_once_however_little_it_is,
	an_echo_is_acknowledged_in_one_write_with_the_next_key_or_once_nothing_came,
	flush_sends_what_waits_and_receives_nothing,
	when_too_many_events_wait_no_more_frames_are_taken_until_some_are,
	after_the_end_input_and_resize_say_ended_and_nothing_more_may_come)
