#include <string.h>

#include "tests/client_world.h"

static bool no_memory; /* for the next frame */

msgpack_unpack_return __real_msgpack_unpack_next(
	msgpack_unpacked *ret, const char *data, size_t n, size_t *off);
msgpack_unpack_return __wrap_msgpack_unpack_next(
	msgpack_unpacked *ret, const char *data, size_t n, size_t *off);
msgpack_unpack_return __wrap_msgpack_unpack_next(
	msgpack_unpacked *ret, const char *data, size_t n, size_t *off)
{
	if (!no_memory)
		return __real_msgpack_unpack_next(ret, data, n, off);
	no_memory = false;
	return MSGPACK_UNPACK_NOMEM_ERROR;
}

/* ---- hello ---- */

static uint32_t hello(struct peer *p, uint64_t min, uint64_t max)
{
	peer_begin(p, "hello", 2);
	frame_put_u64(&p->out, "min", min);
	frame_put_u64(&p->out, "max", max);
	return peer_send(p);
}

START_TEST(the_first_request_must_be_hello_and_it_comes_once)
{
	const msgpack_object *features;
	struct frame_span span;

	start();
	peer_init(&a, &fake, false);
	peer_init(&b, &fake, false);
	peer_refused(&a, simple(&a, "session.list"), "hello_first");
	peer_refused(&a, simple(&a, "nonsense"), "hello_first");
	peer_hello(&a);
	features = frame_get(a.frame.result, "features");
	ck_assert_ptr_nonnull(features);
	ck_assert_uint_eq(features->via.array.size, 1);
	ck_assert_int_eq(frame_as_str(&features->via.array.ptr[0], &span), 0);
	ck_assert(frame_span_is(&span, "input_refused"));
	peer_refused(&a, hello(&a, 1, 1), "denied");
	peer_result(&a, simple(&a, "session.list"));
	end();
}
END_TEST

START_TEST(sec_c23_a_version_mismatch_names_both_and_ends_the_connection)
{
	static const struct {
		uint64_t min, max;
		bool good;
	} matrix[] = { { 1, 1, true }, { 0, 5, true }, { 2, 3, false }, { 0, 0, false },
		{ 3, 1, false } };
	const struct frame *f;

	start();
	peer_init(&b, &fake, false);
	for (size_t i = 0; i < ARRAY_SIZE(matrix); i++) {
		peer_init(&a, &fake, false);
		hello(&a, matrix[i].min, matrix[i].max);
		fake_turn(&fake);
		f = peer_answer(&a, 0);
		ck_assert_int_eq(f->error->type == MSGPACK_OBJECT_NIL, matrix[i].good);
		ck_assert_int_eq(a.closed, !matrix[i].good);
		if (!matrix[i].good) {
			ck_assert_uint_eq(field_u64(f->error, "min"), 1);
			ck_assert_uint_eq(field_u64(f->error, "max"), 1);
		}
		peer_done(&a);
	}
	end();
}
END_TEST

START_TEST(a_bad_endpoint_is_told_by_what_needs_it_and_the_rest_works)
{
	start();
	fake.refuse_endpoint = true;
	peer_init(&a, &fake, false);
	peer_init(&b, &fake, false);
	peer_hello(&a);
	peer_result(&a, simple(&a, "session.list"));
	peer_begin(&a, "sandbox.get", 1);
	frame_put_str(&a.out, "sandbox_id", "x");
	peer_refused(&a, peer_send(&a), "bad_endpoint");
	end();
}
END_TEST

START_TEST(sec_c17_a_client_that_says_nothing_for_5_s_is_ended)
{
	start();
	peer_init(&a, &fake, false);
	peer_init(&b, &fake, false);
	ck_assert_uint_eq(core_next_deadline(fake.core), fake.clock.now_usec + CLIENT_HELLO_USEC);
	peer_hello(&b);
	fake_pass(&fake, CLIENT_HELLO_USEC - 1);
	ck_assert(!a.closed);
	peer_feed(&a, "\x94", 1); /* dripping does not help */
	fake_pass(&fake, 1);
	ck_assert(a.closed);
	ck_assert(!b.closed);
	end();
}
END_TEST

START_TEST(sec_c17_a_begun_frame_without_a_byte_for_10_s_ends_a_client_that_holds_nothing)
{
	begin();
	peer_feed(&a, "\x94\x00", 2);
	fake_pass(&fake, CLIENT_FRAME_USEC - 1);
	peer_feed(&a, "\x01", 1); /* a byte is enough */
	fake_pass(&fake, CLIENT_FRAME_USEC - 1);
	ck_assert(!a.closed);
	fake_pass(&fake, 1);
	ck_assert(a.closed);
	end();
}
END_TEST

START_TEST(sec_c17_a_client_stopped_in_a_frame_is_kept_while_it_has_an_attachment)
{
	begin();
	peer_create(&a, "w", 80, 24);
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	peer_feed(&a, "\x94\x00", 2);
	fake_pass(&fake, 3600 * USEC_PER_SEC);
	ck_assert(!a.closed);
	end();
}
END_TEST

START_TEST(as_many_clients_as_configured_may_be_connected_and_not_one_more)
{
	struct peer p[4];

	fake_init(&fake);
	fake.config.max_clients = 3;
	fake_start(&fake);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(client_may_come(fake.core), 0);
		ck_assert_int_eq(peer_init(&p[i], &fake, false), 0);
		peer_hello(&p[i]);
	}
	ck_assert_int_eq(client_may_come(fake.core), CLIENT_E_FULL);
	ck_assert_int_eq(peer_init(&p[3], &fake, false), CLIENT_E_FULL);
	for (size_t i = 0; i < 3; i++)
		ck_assert(!p[i].closed);
	peer_close(&p[0]);
	fake_turn(&fake);
	ck_assert_int_eq(client_may_come(fake.core), 0);
	for (size_t i = 0; i < 4; i++)
		peer_done(&p[i]);
	fake_done(&fake);
}
END_TEST

START_TEST(sec_c17_64_connections_may_be_before_hello_and_not_65)
{
	static struct peer p[CLIENT_BEFORE_HELLO_MAX + 1];

	begin();
	for (size_t i = 0; i < CLIENT_BEFORE_HELLO_MAX; i++)
		ck_assert_int_eq(peer_init(&p[i], &fake, false), 0);
	ck_assert_int_eq(peer_init(&p[CLIENT_BEFORE_HELLO_MAX], &fake, false), CLIENT_E_FULL);
	peer_hello(&p[0]);
	ck_assert_int_eq(peer_init(&p[CLIENT_BEFORE_HELLO_MAX], &fake, false), 0);
	for (size_t i = 0; i <= CLIENT_BEFORE_HELLO_MAX; i++)
		peer_done(&p[i]);
	end();
}
END_TEST

START_TEST(sec_c17_in_a_crowd_the_oldest_silent_one_goes_after_its_grace_and_who_comes_waits)
{
	static struct peer p[CLIENT_BEFORE_HELLO_MAX];

	begin();
	for (size_t i = 0; i < CLIENT_BEFORE_HELLO_MAX; i++) {
		ck_assert_int_eq(client_may_come(fake.core), 0);
		peer_init(&p[i], &fake, false);
	}
	ck_assert_int_eq(client_may_come(fake.core), CLIENT_E_CROWDED);
	fake_pass(&fake, CLIENT_GRACE_USEC - 1);
	ck_assert_int_eq(client_may_come(fake.core), CLIENT_E_CROWDED);
	fake_turn(&fake);
	ck_assert(!p[0].closed);
	fake_pass(&fake, 1);
	ck_assert_int_eq(client_may_come(fake.core), CLIENT_E_CROWDED);
	fake_turn(&fake);
	ck_assert(p[0].closed && !p[1].closed);
	ck_assert_int_eq(client_may_come(fake.core), 0);
	for (size_t i = 0; i < CLIENT_BEFORE_HELLO_MAX; i++)
		peer_done(&p[i]);
	end();
}
END_TEST

START_TEST(sec_c17_a_daemon_that_was_held_up_judges_nobody_whom_it_has_not_read)
{
	static struct peer p[CLIENT_BEFORE_HELLO_MAX];

	begin();
	for (size_t i = 0; i < CLIENT_BEFORE_HELLO_MAX; i++)
		peer_init(&p[i], &fake, false);
	fake.clock.now_usec += 100 * CLIENT_GRACE_USEC;
	ck_assert_int_eq(client_may_come(fake.core), CLIENT_E_CROWDED);
	fake_turn(&fake);
	ck_assert(!p[0].closed);
	peer_hello(&p[0]);
	ck_assert_int_eq(client_may_come(fake.core), 0);
	for (size_t i = 0; i < CLIENT_BEFORE_HELLO_MAX; i++)
		peer_done(&p[i]);
	end();
}
END_TEST

START_TEST(sec_c17_one_without_hello_goes_also_when_it_takes_no_answers)
{
	start();
	peer_init(&a, &fake, false);
	peer_init(&b, &fake, false);
	peer_hello(&b);
	a.room = 10;
	simple(&a, "session.list"); /* hello_first */
	fake_turn(&fake);
	fake_pass(&fake, CLIENT_HELLO_USEC);
	ck_assert(a.closed);
	ck_assert(!b.closed);
	end();
}
END_TEST

/* ---- frames ---- */

START_TEST(sec_c14_a_frame_of_64_KiB_is_too_much_before_hello)
{
	uint8_t head[] = { 0xc6, 0x00, 0x00, 0xff, 0xfb }; /* 65536 with the head */

	start();
	peer_init(&a, &fake, false);
	peer_init(&b, &fake, false);
	peer_feed(&a, head, sizeof(head));
	fake_turn(&fake);
	ck_assert(!a.closed);
	head[4] = 0xfc;
	peer_feed(&b, head, sizeof(head));
	fake_turn(&fake);
	ck_assert(b.closed);
	end();
}
END_TEST

START_TEST(garbage_ends_the_connection_and_names_the_request_if_it_can)
{
	const struct frame *f;
	struct frame_span s;

	begin();
	peer_feed(&a, "\x94\x00\x07\xa1m\x80", 6);
	fake_turn(&fake);
	f = peer_answer(&a, 7);
	ck_assert_int_eq(frame_get_str(f->error, "code", &s), 0);
	ck_assert(frame_span_is(&s, "bad_frame"));
	ck_assert(a.closed);
	peer_feed(&b, "\x94\x00\x09\xa1m\xdd\xff\xff\xff\xff", 10); /* a bomb of a request */
	fake_turn(&fake);
	ck_assert(field_is(peer_answer(&b, 9)->error, "code", "bad_frame"));
	ck_assert(b.closed);
	end();
}
END_TEST

START_TEST(fault_f19_a_request_there_is_no_memory_to_read_is_refused_and_a_notification_ends_all)
{
	uint32_t id;

	begin();
	no_memory = true;
	id = simple(&a, "session.list");
	ck_assert(!no_memory);
	peer_refused(&a, id, "no_memory");
	peer_result(&a, simple(&a, "session.list"));
	peer_notify(&b, "session.input", 2);
	frame_put_u64(&b.out, "attachment", 1);
	frame_put_bin(&b.out, "data", "x", 1);
	no_memory = true;
	peer_send(&b);
	fake_turn(&fake);
	ck_assert(b.closed); /* or what it said would be missing unnoticed */
	end();
}
END_TEST

START_TEST(a_request_in_drips_is_the_same_request)
{
	const uint8_t *data;
	size_t n;

	begin();
	peer_begin(&a, "session.list", 1);
	frame_put_u64(&a.out, "limit", 3);
	ck_assert_int_eq(frame_finish(&a.out, &data, &n), 0);
	for (size_t i = 0; i < n; i++)
		peer_feed(&a, data + i, 1);
	peer_result(&a, a.next_id - 1);
	end();
}
END_TEST

/* Requests 0 to n - 1 in one piece. */
static void ask_lists(struct peer *p, size_t n)
{
	uint8_t one[] = { 0x94, 0x00, 0xcd, 0, 0, 0xac, 's', 'e', 's', 's', 'i', 'o', 'n', '.', 'l',
		'i', 's', 't', 0x90 };
	static uint8_t many[1000 * sizeof(one)];

	ck_assert_uint_le(n, 1000);
	for (size_t i = 0; i < n; i++) {
		one[3] = (uint8_t)(i >> 8);
		one[4] = (uint8_t)i;
		memcpy(many + i * sizeof(one), one, sizeof(one));
	}
	peer_feed(p, many, n * sizeof(one));
}

START_TEST(sec_c18_a_flood_of_frames_is_worked_on_in_shares_and_in_order)
{
	const struct frame *f;
	size_t n = 0;

	begin();
	while (peer_next(&a))
		;
	ask_lists(&a, 1000);
	ck_assert(!client_wants_read(a.client));
	ck_assert(fake_turn_once(&fake));
	while ((f = peer_next(&a)))
		ck_assert_uint_eq(f->id, n++);
	ck_assert_uint_eq(n, CLIENT_FRAMES_PER_TURN);
	fake_turn(&fake);
	while ((f = peer_next(&a)))
		ck_assert_uint_eq(f->id, n++);
	ck_assert_uint_eq(n, 1000);
	ck_assert(client_wants_read(a.client));
	end();
}
END_TEST

/* So that a list is an answer of many kilobytes. */
static void make_sessions(void)
{
	for (size_t i = 0; i < 300; i++)
		peer_create(&b, NULL, 80, 24);
}

START_TEST(sec_c18_small_requests_in_one_piece_do_not_pile_up_large_answers)
{
	const struct frame *f;
	size_t n = 0;

	begin();
	make_sessions();
	a.room = 0;
	ask_lists(&a, CLIENT_FRAMES_PER_TURN - 1);
	ck_assert_uint_lt(bytes_n(&a.client->out), 2 * CLIENT_UNREAD_MAX);
	fake_turn(&fake); /* which has an end: the daemon does not spin */
	ck_assert_uint_lt(bytes_n(&a.client->out), 2 * CLIENT_UNREAD_MAX);
	while (peer_next(&a))
		;
	a.room = SIZE_MAX - 1;
	peer_drain(&a, 1);
	fake_turn(&fake);
	while ((f = peer_next(&a)))
		ck_assert_uint_eq(f->id, n++);
	ck_assert_uint_eq(n, CLIENT_FRAMES_PER_TURN - 1);
	end();
}
END_TEST

START_TEST(sec_c18_a_client_that_does_not_take_its_answers_is_not_read_from)
{
	size_t n = 0;

	begin();
	make_sessions();
	a.room = 0;
	while (client_wants_read(a.client)) {
		simple(&a, "session.list");
		fake_turn(&fake);
		ck_assert_uint_lt(++n, 1000);
	}
	ck_assert_uint_ge(bytes_n(&a.client->out), CLIENT_UNREAD_MAX);
	ck_assert_uint_lt(bytes_n(&a.client->out), 2 * CLIENT_UNREAD_MAX);
	ck_assert(!fake_turn_once(&fake)); /* and the daemon does not spin */
	a.room = SIZE_MAX - 1;
	peer_drain(&a, 1);
	fake_turn(&fake);
	ck_assert(client_wants_read(a.client));
	end();
}
END_TEST

START_TEST(the_257th_request_that_would_wait_is_refused_with_busy)
{
	size_t before;

	begin();
	peer_create(&a, "w", 80, 24);
	before = ledger_held(&fake.core->memory);
	for (size_t i = 0; i < CLIENT_REQUESTS_MAX; i++)
		named(&a, "session.wait", "w");
	ck_assert_uint_ge(ledger_held(&fake.core->memory),
		before + CLIENT_REQUESTS_MAX * sizeof(struct wait)); /* each is paid for */
	peer_refused(&a, named(&a, "session.wait", "w"), "busy");
	session_end(fake_last(&fake)->session, &(struct session_end){ .has_exit_code = true });
	peer_result(&a, named(&a, "session.wait", "w"));
	end();
}
END_TEST

static uint32_t create_held(struct peer *p)
{
	peer_begin(p, "sandbox.create", 1);
	frame_put_bool(&p->out, "hold", true);
	return peer_send(p);
}

static uint32_t keep(struct peer *p, uint32_t id)
{
	peer_begin(p, "sandbox.keep", 1);
	frame_put_u64(&p->out, "request", id);
	return peer_send(p);
}

START_TEST(of_256_held_sandboxes_each_can_still_be_kept_and_the_others_go_with_the_client)
{
	uint32_t ids[CLIENT_REQUESTS_MAX];

	begin();
	fake.answer_at_once = true;
	for (size_t i = 0; i < CLIENT_REQUESTS_MAX; i++) {
		ids[i] = create_held(&a);
		peer_result(&a, ids[i]);
	}
	peer_refused(&a, create_held(&a), "busy");
	peer_result(&a, keep(&a, ids[7]));
	peer_refused(&a, keep(&a, ids[7]), "bad_params");
	ck_assert_uint_eq(fake.n_cancelled, 1);
	peer_result(&a, create_held(&a));
	client_close(a.client);
	ck_assert_uint_eq(fake.n_cancelled, 1 + CLIENT_REQUESTS_MAX);
	end();
}
END_TEST

START_TEST(an_answer_of_the_service_beyond_a_frame_s_bound_is_an_error_and_no_end)
{
	static char text[FRAME_MAX];
	uint32_t id;

	begin();
	memset(text, 'x', sizeof(text));
	for (size_t beyond = 0; beyond < 2; beyond++) {
		id = simple(&a, "sandbox.list");
		fake_turn(&fake);
		ck_assert_ptr_nonnull(fake.request);
		frame_put_strn(request_result(fake.request, 1), "x", text,
			FRAME_MAX - 12 + beyond); /* 12 bytes of frame before it */
		request_done(TAKE(fake.request));
		if (beyond)
			peer_refused(&a, id, "service");
		else
			peer_result(&a, id);
	}
	peer_result(&a, simple(&a, "session.list"));
	end();
}
END_TEST

START_TEST(a_notification_is_taken_for_input_ack_and_resize_only_and_never_answered)
{
	const struct frame *f;

	begin();
	while (peer_next(&a))
		;
	peer_notify(&a, "session.list", 0);
	peer_send(&a);
	peer_notify(&a, "session.input", 2);
	frame_put_u64(&a.out, "attachment", 99);
	frame_put_bin(&a.out, "data", "x", 1);
	peer_send(&a);
	fake_turn(&fake);
	f = peer_next(&a);
	ck_assert_ptr_null(f);
	ck_assert(!a.closed);
	end();
}
END_TEST

/* ---- requests, ends, bounds ---- */

START_TEST(the_key_reaches_the_endpoint_and_no_answer)
{
	begin();
	ck_assert_str_eq(fake.last_key, "secret");
	ck_assert_ptr_null(memmem(a.rx, a.n_rx, "secret", 6));
	end();
}
END_TEST

START_TEST(a_client_that_goes_takes_its_requests_attachments_and_waits_with_it)
{
	begin();
	peer_create(&a, "w", 80, 24);
	peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	named(&a, "session.wait", "w");
	simple(&a, "daemon.status");
	fake_turn(&fake);
	ck_assert_ptr_nonnull(fake.request);
	peer_close(&a);
	fake_turn(&fake);
	ck_assert_uint_eq(fake.n_cancelled, 1);
	ck_assert_uint_eq(fake.core->n_attachments, 0);
	end();
}
END_TEST

START_TEST(a_request_may_be_answered_at_once_or_later_with_a_result_or_an_error)
{
	const struct request_violation v = { "image", "unknown" };
	const struct frame *f;

	begin();
	fake.answer_at_once = true;
	peer_result(&a, simple(&a, "daemon.status"));
	fake.answer_at_once = false;
	simple(&a, "daemon.status");
	request_fail(fake.request, &(struct request_error){ .code = "service",
					   .message = "The service refused.",
					   .status = "INVALID_ARGUMENT",
					   .status_code = 3,
					   .detail = "no",
					   .violations = &v,
					   .n_violations = 1,
					   .has_retry_after = true,
					   .retry_after_ms = 5 });
	fake.request = NULL;
	fake_turn(&fake);
	f = peer_answer(&a, a.next_id - 1);
	ck_assert(field_is(f->error, "status", "INVALID_ARGUMENT"));
	ck_assert_uint_eq(field_u64(f->error, "status_code"), 3);
	ck_assert_uint_eq(field_u64(f->error, "retry_after_ms"), 5);
	ck_assert_uint_eq(frame_get(f->error, "violations")->via.array.size, 1);
	ck_assert(field_is(f->error, "reason", NULL));
	end();
}
END_TEST

START_TEST(a_shutdown_that_would_lose_sessions_names_them_unless_forced)
{
	const struct frame *f;

	begin();
	peer_create(&a, "w", 80, 24);
	peer_refused(&a, simple(&a, "daemon.shutdown"), "busy");
	f = &a.frame;
	ck_assert_uint_eq(frame_get(f->error, "sessions")->via.array.size, 1);
	ck_assert_ptr_null(fake.request);
	peer_begin(&a, "daemon.shutdown", 1);
	frame_put_bool(&a.out, "force", true);
	peer_send(&a);
	ck_assert_ptr_nonnull(fake.request);
	ck_assert_int_eq(fake.request->kind, REQUEST_DAEMON_SHUTDOWN);
	core_shutdown(fake.core, "requested");
	fake_turn(&fake);
	f = peer_note(&b, "shutdown");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(f->params, "reason", "requested"));
	peer_begin(&b, "session.attach", 0);
	peer_refused(&b, peer_send(&b), "cancelled");
	ck_assert(core_clients_drained(fake.core));
	end();
}
END_TEST

START_TEST(the_configured_bounds_are_named_when_they_are_reached)
{
	const char *const names[] = { "max-sessions", "max-attachments", "max-memory" };

	for (size_t i = 0; i < 3; i++) {
		fake_init(&fake);
		fake.config.max_sessions = i == 0 ? 1 : 9;
		fake.config.max_attachments = i == 1 ? 1 : 9;
		fake_start(&fake);
		peer_init(&a, &fake, false);
		peer_init(&b, &fake, false);
		peer_hello(&a);
		peer_hello(&b);
		peer_create(&a, "w", 80, 24);
		peer_attach(&a, &(struct attach_how){ .name = "w" });
		if (i == 2)
			fake.core->config.max_memory = 1;
		peer_begin(&a, i ? "session.attach" : "session.create", 4);
		frame_put_str(&a.out, "name", i ? "w" : "v");
		frame_put_str(&a.out, "sandbox_id", "x");
		frame_put_u64(&a.out, "cols", 80);
		frame_put_u64(&a.out, "rows", 24);
		peer_refused(&a, peer_send(&a), "limit");
		ck_assert(field_is(a.frame.error, "limit", names[i]));
		end();
	}
}
END_TEST

START_TEST(ten_thousand_attach_and_detach_leave_nothing_behind)
{
	size_t before;
	uint32_t at;

	begin();
	peer_create(&a, "w", 80, 24);
	fake_turn(&fake);
	before = ledger_held(&fake.core->memory);
	for (size_t i = 0; i < 10000; i++) {
		at = peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
		peer_begin(&b, "session.detach", 1);
		frame_put_u64(&b.out, "attachment", at);
		peer_result(&b, peer_send(&b));
		b.pos_rx = b.n_rx = 0;
	}
	fake_turn(&fake);
	ck_assert_uint_le(ledger_held(&fake.core->memory), before + BYTES_KEEP_MAX);
	end();
}
END_TEST

TEST_MAIN("client", the_first_request_must_be_hello_and_it_comes_once,
	sec_c23_a_version_mismatch_names_both_and_ends_the_connection,
	a_bad_endpoint_is_told_by_what_needs_it_and_the_rest_works,
	sec_c17_a_client_that_says_nothing_for_5_s_is_ended,
	sec_c17_a_begun_frame_without_a_byte_for_10_s_ends_a_client_that_holds_nothing,
	sec_c17_a_client_stopped_in_a_frame_is_kept_while_it_has_an_attachment,
	as_many_clients_as_configured_may_be_connected_and_not_one_more,
	sec_c17_64_connections_may_be_before_hello_and_not_65,
	sec_c17_in_a_crowd_the_oldest_silent_one_goes_after_its_grace_and_who_comes_waits,
	sec_c17_a_daemon_that_was_held_up_judges_nobody_whom_it_has_not_read,
	sec_c17_one_without_hello_goes_also_when_it_takes_no_answers,
	sec_c14_a_frame_of_64_KiB_is_too_much_before_hello,
	garbage_ends_the_connection_and_names_the_request_if_it_can,
	fault_f19_a_request_there_is_no_memory_to_read_is_refused_and_a_notification_ends_all,
	a_request_in_drips_is_the_same_request,
	sec_c18_a_flood_of_frames_is_worked_on_in_shares_and_in_order,
	sec_c18_small_requests_in_one_piece_do_not_pile_up_large_answers,
	sec_c18_a_client_that_does_not_take_its_answers_is_not_read_from,
	the_257th_request_that_would_wait_is_refused_with_busy,
	of_256_held_sandboxes_each_can_still_be_kept_and_the_others_go_with_the_client,
	an_answer_of_the_service_beyond_a_frame_s_bound_is_an_error_and_no_end,
	a_notification_is_taken_for_input_ack_and_resize_only_and_never_answered,
	the_key_reaches_the_endpoint_and_no_answer,
	a_client_that_goes_takes_its_requests_attachments_and_waits_with_it,
	a_request_may_be_answered_at_once_or_later_with_a_result_or_an_error,
	a_shutdown_that_would_lose_sessions_names_them_unless_forced,
	the_configured_bounds_are_named_when_they_are_reached,
	ten_thousand_attach_and_detach_leave_nothing_behind)
