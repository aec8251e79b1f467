#include "tests/suite.h"

#include <string.h>

#include "tests/fake.h"

static struct fake fake;
static struct peer a, b, c;
static struct session *s;

static void begin_with(unsigned cols, unsigned rows)
{
	fake_init(&fake);
	fake_start(&fake);
	peer_init(&a, &fake, false);
	peer_init(&b, &fake, false);
	peer_init(&c, &fake, false);
	peer_hello(&a);
	peer_hello(&b);
	peer_hello(&c);
	s = peer_create(&a, "w", cols, rows);
	session_up(s);
}

static void begin(void)
{
	begin_with(80, 24);
}

static void end(void)
{
	peer_done(&a);
	peer_done(&b);
	peer_done(&c);
	fake_done(&fake);
}

static uint32_t named(struct peer *p, const char *method, const char *name)
{
	peer_begin(p, method, 1);
	frame_put_str(&p->out, "name", name);
	return peer_send(p);
}

static uint32_t of_attachment(struct peer *p, const char *method, uint32_t at)
{
	peer_begin(p, method, 1);
	frame_put_u64(&p->out, "attachment", at);
	return peer_send(p);
}

static uint32_t attach(struct peer *p, unsigned cols, unsigned rows)
{
	return peer_attach(p, &(struct attach_how){ .name = "w", .cols = cols, .rows = rows });
}

static void resize(struct peer *p, uint32_t at, unsigned cols, unsigned rows)
{
	peer_begin(p, "session.resize", 3);
	frame_put_u64(&p->out, "attachment", at);
	frame_put_u64(&p->out, "cols", cols);
	frame_put_u64(&p->out, "rows", rows);
	peer_result(p, peer_send(p));
}

static void set_size(const char *size)
{
	peer_begin(&a, "session.set", 2);
	frame_put_str(&a.out, "name", "w");
	frame_put_str(&a.out, "size", size);
	peer_result(&a, peer_send(&a));
}

static void is_size(unsigned cols, unsigned rows)
{
	fake_pass(&fake, SESSION_RESIZE_USEC);
	ck_assert_msg(s->cols == cols && s->rows == rows, "%ux%u instead of %ux%u", s->cols,
		s->rows, cols, rows);
	ck_assert_uint_eq(fake_last(&fake)->cols, cols);
	ck_assert_uint_eq(fake_last(&fake)->rows, rows);
}

static struct attachment *leader(void)
{
	return s->lead;
}

static bool input_is(const char *text)
{
	const struct fake_upstream *u = fake_last(&fake);
	bool same;

	fake_turn(&fake);
	same = u->n_input == strlen(text) &&
	       (u->n_input == 0 || memcmp(u->input, text, u->n_input) == 0);
	fake_last(&fake)->n_input = 0;
	return same;
}

static void output(const char *text)
{
	ck_assert_int_eq(session_output(s, (const uint8_t *)text, strlen(text), LOG_STDOUT), 0);
	fake_turn(&fake);
}

/* ---- states ---- */

START_TEST(the_state_table_has_no_way_out_of_the_end_and_none_into_the_beginning)
{
	static const struct {
		enum session_state from, to;
		enum session_event ev;
	} rows[] = {
		{ SESSION_STARTING, SESSION_RUNNING, SESSION_EV_UP },
		{ SESSION_STARTING, SESSION_STARTING, SESSION_EV_LOST },
		{ SESSION_STARTING, SESSION_EXITED, SESSION_EV_EXIT },
		{ SESSION_STARTING, SESSION_FAILED, SESSION_EV_FAIL },
		{ SESSION_RUNNING, SESSION_NONE, SESSION_EV_UP },
		{ SESSION_RUNNING, SESSION_RECONNECTING, SESSION_EV_LOST },
		{ SESSION_RUNNING, SESSION_EXITED, SESSION_EV_EXIT },
		{ SESSION_RUNNING, SESSION_FAILED, SESSION_EV_FAIL },
		{ SESSION_RECONNECTING, SESSION_RUNNING, SESSION_EV_UP },
		{ SESSION_RECONNECTING, SESSION_RECONNECTING, SESSION_EV_LOST },
		{ SESSION_EXITED, SESSION_NONE, SESSION_EV_UP },
		{ SESSION_EXITED, SESSION_NONE, SESSION_EV_EXIT },
		{ SESSION_FAILED, SESSION_NONE, SESSION_EV_FAIL },
		{ SESSION_FAILED, SESSION_NONE, SESSION_EV_LOST },
	};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin();
		session_enter(s, rows[i].from, "test");
		r = session_step(s, rows[i].ev, "test");
		ck_assert_int_eq(r, rows[i].to ? 0 : SESSION_E_UNEXPECTED);
		ck_assert_int_eq(s->state, rows[i].to ? rows[i].to : rows[i].from);
		end();
	}
}
END_TEST

START_TEST(output_and_an_end_after_the_end_change_nothing)
{
	begin();
	session_end(s, &(struct session_end){ .has_exit_code = true, .exit_code = 5 });
	ck_assert_int_eq(
		session_output(s, (const uint8_t *)"x", 1, LOG_STDOUT), SESSION_E_UNEXPECTED);
	session_end(s, &(struct session_end){ .failed = true, .reason = "lost" });
	session_up(s);
	session_lost(s, "lost", NULL);
	ck_assert_int_eq(s->state, SESSION_EXITED);
	ck_assert_int_eq(s->exit_code, 5);
	ck_assert_ptr_null(s->reason);
	ck_assert(!fake_last(&fake)->closed); /* not inside its own call */
	fake_turn(&fake);
	ck_assert(fake_last(&fake)->closed);
	end();
}
END_TEST

START_TEST(a_lost_session_says_so_and_how_many_bytes_are_uncertain)
{
	const msgpack_object *o;

	begin();
	fake_last(&fake)->uncertain = 12;
	session_end(
		s, &(struct session_end){
			   .failed = true, .reason = "lost", .message = "The connection broke." });
	o = peer_result(&a, named(&a, "session.get", "w"));
	ck_assert(field_is(o, "state", "failed"));
	ck_assert(field_is(o, "reason", "lost"));
	ck_assert(field_is(o, "message", "The connection broke."));
	ck_assert(field_is(o, "kept_alive_by", "none"));
	ck_assert_uint_eq(field_u64(o, "uncertain_bytes"), 12);
	end();
}
END_TEST

/* ---- names, linger ---- */

START_TEST(names_are_unique_and_the_default_is_the_next_free_number)
{
	begin();
	ck_assert_str_eq(session_name(peer_create(&a, NULL, 80, 24)), "s1");
	peer_create(&a, "s2", 80, 24);
	ck_assert_str_eq(session_name(peer_create(&a, NULL, 80, 24)), "s3");
	peer_begin(&a, "session.create", 4);
	frame_put_str(&a.out, "name", "s2");
	frame_put_str(&a.out, "sandbox_id", "sb");
	frame_put_u64(&a.out, "cols", 80);
	frame_put_u64(&a.out, "rows", 24);
	peer_refused(&a, peer_send(&a), "name_taken");
	peer_begin(&a, "session.rename", 2);
	frame_put_str(&a.out, "name", "w");
	frame_put_str(&a.out, "to", "s1");
	peer_refused(&a, peer_send(&a), "name_taken");
	peer_begin(&a, "session.rename", 2);
	frame_put_str(&a.out, "name", "w");
	frame_put_str(&a.out, "to", "a0");
	peer_result(&a, peer_send(&a));
	peer_refused(&a, named(&a, "session.get", "w"), "no_such_session");
	peer_result(&a, named(&a, "session.get", "a0"));
	end();
}
END_TEST

START_TEST(the_list_is_ordered_by_name_and_paged_by_it)
{
	const msgpack_object *o, *list;
	struct frame_span name;
	char after[65] = "", first[65] = "";
	size_t n = 0;
	bool more = true;

	begin();
	for (size_t i = 0; i < 250; i++)
		peer_create(&a, NULL, 80, 24);
	while (more) {
		peer_begin(&a, "session.list", 1);
		frame_put_str(&a.out, "after", after);
		o = peer_result(&a, peer_send(&a));
		list = frame_get(o, "sessions");
		more = field_bool(o, "more");
		ck_assert_uint_gt(list->via.array.size, 0);
		for (size_t i = 0; i < list->via.array.size; i++, n++) {
			ck_assert_int_eq(frame_get_str(&list->via.array.ptr[i], "name", &name), 0);
			memcpy(first, name.data, name.n);
			first[name.n] = '\0';
			ck_assert_int_gt(strcmp(first, after), 0);
			memcpy(after, first, sizeof(after));
		}
	}
	ck_assert_uint_eq(n, 251);
	end();
}
END_TEST

START_TEST(the_newest_running_session_is_attached_when_no_name_is_given)
{
	begin();
	peer_create(&a, "x", 80, 24);
	peer_create(&a, "y", 80, 24);
	session_end(fake_last(&fake)->session, &(struct session_end){ .has_exit_code = true });
	peer_begin(&a, "session.attach", 0);
	ck_assert(field_is(peer_result(&a, peer_send(&a)), "name", "x"));
	end();
}
END_TEST

static bool exists(const char *name)
{
	return registry_find(&fake.core->registry, name, strlen(name));
}

START_TEST(an_ended_session_nobody_saw_stays_24_h)
{
	begin();
	session_end(s, &(struct session_end){ .has_exit_code = true });
	peer_result(&a, named(&a, "session.list", NULL)); /* listing does not count */
	fake_pass(&fake, 24 * 3600 * USEC_PER_SEC - 1);
	ck_assert(exists("w"));
	fake_pass(&fake, 1);
	ck_assert(!exists("w"));
	end();
}
END_TEST

START_TEST(an_ended_session_that_was_seen_stays_60_s)
{
	begin();
	session_end(s, &(struct session_end){ .has_exit_code = true, .exit_code = 4 });
	ck_assert_uint_eq(
		field_u64(peer_result(&a, named(&a, "session.wait", "w")), "exit_code"), 4);
	fake_pass(&fake, 60 * USEC_PER_SEC - 1);
	ck_assert(exists("w"));
	fake_pass(&fake, 1);
	ck_assert(!exists("w"));
	end();
}
END_TEST

START_TEST(of_more_than_1000_ended_sessions_the_oldest_go)
{
	begin();
	for (size_t i = 0; i < REGISTRY_ENDED_MAX; i++) {
		peer_create(&a, NULL, 10, 2);
		session_end(
			fake_last(&fake)->session, &(struct session_end){ .has_exit_code = true });
		fake_turn(&fake);
	}
	ck_assert(exists("s1"));
	session_end(s, &(struct session_end){ .has_exit_code = true });
	fake_turn(&fake);
	ck_assert(!exists("s1"));
	ck_assert(exists("s2"));
	ck_assert(exists("w"));
	end();
}
END_TEST

START_TEST(kill_ends_a_session_and_removes_one_that_has_ended)
{
	const struct frame *f;

	begin();
	attach(&b, 80, 24);
	ck_assert(field_is(peer_result(&a, named(&a, "session.kill", "w")), "fate", "unknown"));
	ck_assert(fake_last(&fake)->closed);
	f = peer_note(&b, "exited");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(f->params, "reason", "killed"));
	ck_assert(exists("w"));
	ck_assert(field_is(peer_result(&a, named(&a, "session.kill", "w")), "fate", "ended"));
	ck_assert(!exists("w"));
	end();
}
END_TEST

START_TEST(wait_answers_at_the_end_or_when_its_time_is_up)
{
	uint32_t id;

	begin();
	id = named(&a, "session.wait", "w");
	peer_begin(&b, "session.wait", 2);
	frame_put_str(&b.out, "name", "w");
	frame_put_u64(&b.out, "timeout_ms", 500);
	peer_send(&b);
	fake_pass(&fake, 500 * USEC_PER_MSEC);
	peer_refused(&b, b.next_id - 1, "timeout");
	session_end(s, &(struct session_end){ .failed = true, .reason = "sandbox_gone" });
	ck_assert(field_is(peer_result(&a, id), "reason", "sandbox_gone"));
	end();
}
END_TEST

/* ---- size and lead ---- */

START_TEST(the_first_terminal_leads_and_the_lead_moves_when_it_detaches)
{
	uint32_t at;

	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true }); /* a tool never leads */
	ck_assert_ptr_null(leader());
	peer_attach(
		&a, &(struct attach_how){ .name = "w", .cols = 9, .rows = 9, .role = "observer" });
	ck_assert_ptr_null(leader());
	at = attach(&b, 100, 30);
	is_size(100, 30);
	ck_assert_ptr_eq(leader()->client, b.client);
	attach(&c, 90, 20);
	is_size(100, 30);
	peer_result(&b, of_attachment(&b, "session.detach", at));
	ck_assert_ptr_eq(leader()->client, c.client);
	is_size(90, 20);
	peer_close(&c);
	is_size(90, 20); /* nobody left: it stays */
	end();
}
END_TEST

START_TEST(typing_takes_the_lead_only_from_one_idle_for_30_s)
{
	uint32_t at;

	begin();
	attach(&a, 80, 24);
	at = attach(&b, 100, 30);
	peer_input(&b, at, "x", 1);
	ck_assert_ptr_eq(leader()->client, a.client);
	fake_pass(&fake, SESSION_LEAD_IDLE_USEC - 1);
	peer_input(&b, at, "x", 1);
	ck_assert_ptr_eq(leader()->client, a.client);
	fake_pass(&fake, 1);
	peer_input(&b, at, "x", 1);
	ck_assert_ptr_eq(leader()->client, b.client);
	is_size(100, 30);
	end();
}
END_TEST

START_TEST(the_lead_is_taken_by_asking_and_by_taking_over)
{
	const struct frame *f;
	uint32_t at;

	begin();
	attach(&a, 80, 24);
	at = attach(&b, 100, 30);
	peer_result(&b, of_attachment(&b, "session.lead", at));
	is_size(100, 30);
	f = peer_note(&b, "resized");
	ck_assert_ptr_nonnull(f);
	peer_attach(
		&c, &(struct attach_how){ .name = "w", .cols = 70, .rows = 20, .take_over = true });
	is_size(70, 20);
	f = peer_note(&a, "detached");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(f->params, "reason", "taken_over"));
	ck_assert_ptr_nonnull(peer_note(&b, "detached"));
	ck_assert_uint_eq(fake.core->n_attachments, 1);
	end();
}
END_TEST

START_TEST(a_tool_that_takes_over_does_not_lead)
{
	begin();
	attach(&a, 80, 24);
	peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true, .take_over = true });
	ck_assert_ptr_null(leader());
	is_size(80, 24);
	end();
}
END_TEST

START_TEST(each_size_policy_gives_the_size_it_names)
{
	uint32_t at;

	begin();
	at = attach(&a, 80, 40);
	attach(&b, 120, 20);
	peer_attach(
		&c, &(struct attach_how){ .name = "w", .cols = 5, .rows = 5, .role = "observer" });
	is_size(80, 40);
	set_size("smallest");
	is_size(80, 20);
	set_size("largest");
	is_size(120, 40);
	set_size("latest");
	is_size(120, 20);
	peer_input(&a, at, "x", 1);
	is_size(80, 40);
	set_size("132x50");
	is_size(132, 50);
	resize(&a, at, 81, 41);
	is_size(132, 50);
	set_size("lead");
	is_size(81, 41);
	peer_begin(&a, "session.set", 2);
	frame_put_str(&a.out, "name", "w");
	frame_put_str(&a.out, "size", "huge");
	peer_refused(&a, peer_send(&a), "bad_params");
	end();
}
END_TEST

START_TEST(a_storm_of_resizes_becomes_ten_a_second_and_ends_at_the_last)
{
	uint32_t at;

	begin();
	at = attach(&a, 80, 24);
	for (unsigned i = 0; i < 1000; i++) {
		resize(&a, at, 100 + i % 50, 30);
		fake_pass(&fake, USEC_PER_MSEC);
	}
	ck_assert_uint_le(fake_last(&fake)->n_resizes, 11);
	resize(&a, at, 77, 33);
	is_size(77, 33);
	end();
}
END_TEST

START_TEST(detach_by_name_ends_the_others_views_and_says_how_many)
{
	begin();
	attach(&a, 80, 24);
	attach(&b, 80, 24);
	attach(&c, 80, 24);
	ck_assert_uint_eq(
		field_u64(peer_result(&a, named(&a, "session.detach", "w")), "detached"), 2);
	ck_assert(field_is(peer_note(&b, "detached")->params, "reason", "detached"));
	ck_assert_uint_eq(fake.core->n_attachments, 1);
	end();
}
END_TEST

START_TEST(everyone_is_told_who_is_there_at_most_twenty_times_a_second)
{
	const struct frame *f;
	size_t n = 0;

	begin();
	attach(&a, 80, 24);
	fake_pass(&fake, USEC_PER_SEC);
	while (peer_next(&a))
		;
	for (size_t i = 0; i < 100; i++) {
		attach(&b, 80, 24);
		fake_pass(&fake, USEC_PER_MSEC);
	}
	fake_pass(&fake, USEC_PER_SEC);
	while ((f = peer_note(&a, "clients"))) {
		n++;
		if (field_u64(f->params, "n_clients") == 101)
			ck_assert_uint_eq(frame_get(f->params, "clients")->via.array.size, 64);
	}
	ck_assert_uint_ge(n, 1);
	ck_assert_uint_le(n, 4);
	end();
}
END_TEST

/* ---- input ---- */

START_TEST(input_beyond_the_window_is_refused_whole_and_credit_comes_back)
{
	static uint8_t big[CORE_INPUT_WINDOW + 1];
	const struct frame *f;
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	fake_last(&fake)->read_max = 0;
	peer_refused(&a, peer_input(&a, at, big, sizeof(big)), "input_window");
	peer_result(&a, peer_input(&a, at, big, CORE_INPUT_WINDOW));
	peer_refused(&a, peer_input(&a, at, "x", 1), "input_window");
	ck_assert_uint_eq(field_u64(a.frame.error, "credit"), 0);
	fake_last(&fake)->read_max = 20000;
	fake_last(&fake)->woken = true;
	fake_turn(&fake);
	f = peer_note(&a, "input_credit");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(field_u64(f->params, "bytes"), 20000);
	peer_result(&a, peer_input(&a, at, big, 20000));
	end();
}
END_TEST

START_TEST(an_exclusive_lease_keeps_the_others_input_away_until_it_is_given_back)
{
	uint32_t one, two;

	begin();
	one = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .exclusive = true });
	two = peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true });
	peer_refused(&b, peer_input(&b, two, "x", 1), "exclusive");
	peer_begin(&b, "session.send", 2);
	frame_put_str(&b.out, "name", "w");
	frame_put_bin(&b.out, "data", "x", 1);
	peer_refused(&b, peer_send(&b), "exclusive");
	peer_begin(&b, "session.attach", 2);
	frame_put_str(&b.out, "name", "w");
	frame_put_bool(&b.out, "exclusive", true);
	peer_refused(&b, peer_send(&b), "exclusive");
	peer_begin(&a, "session.lease", 2);
	frame_put_u64(&a.out, "attachment", one);
	frame_put_bool(&a.out, "exclusive", false);
	peer_result(&a, peer_send(&a));
	peer_result(&b, peer_input(&b, two, "x", 1));
	ck_assert(input_is("x"));
	end();
}
END_TEST

START_TEST(the_lease_goes_with_its_holder)
{
	uint32_t at;

	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .exclusive = true });
	at = peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true });
	peer_close(&a);
	peer_result(&b, peer_input(&b, at, "x", 1));
	end();
}
END_TEST

START_TEST(send_types_without_an_attachment_and_says_how_much_was_taken)
{
	static uint8_t big[CORE_INPUT_WINDOW + 100];

	begin();
	fake_last(&fake)->read_max = 0;
	peer_begin(&a, "session.send", 2);
	frame_put_str(&a.out, "name", "w");
	frame_put_bin(&a.out, "data", big, sizeof(big));
	ck_assert_uint_eq(field_u64(peer_result(&a, peer_send(&a)), "taken"), CORE_INPUT_WINDOW);
	end();
}
END_TEST

static uint32_t send_signal(const char *signal)
{
	peer_begin(&a, "session.signal", 2);
	frame_put_str(&a.out, "name", "w");
	frame_put_str(&a.out, "signal", signal);
	return peer_send(&a);
}

START_TEST(a_signal_is_the_tty_s_character_before_what_is_held_on_a_plain_session)
{
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	fake_last(&fake)->read_max = 0;
	peer_input(&a, at, "held", 4);
	peer_result(&a, send_signal("INT"));
	peer_result(&a, send_signal("EOF"));
	peer_refused(&a, send_signal("HUP"), "not_supported");
	peer_refused(&a, send_signal("USR1"), "not_supported");
	fake_last(&fake)->read_max = SIZE_MAX;
	fake_last(&fake)->woken = true;
	ck_assert(input_is("\003held\004"));
	fake_last(&fake)->has_signals = true;
	peer_result(&a, send_signal("HUP"));
	ck_assert_int_eq(fake_last(&fake)->last_signal, UPSTREAM_HUP);
	end();
}
END_TEST

START_TEST(close_input_is_the_veof_key_on_a_terminal)
{
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	peer_input(&a, at, "cat", 3);
	peer_result(&a, of_attachment(&a, "session.close_input", at));
	ck_assert(input_is("cat\004"));
	ck_assert(!fake_last(&fake)->input_ended);
	end();
}
END_TEST

START_TEST(sec_c26_each_query_is_answered_once_whoever_is_attached)
{
	const struct fake_upstream *u;
	size_t n[3] = { 0 };

	for (size_t k = 0; k < 3; k++) {
		begin();
		u = fake_last(&fake);
		if (k > 0)
			attach(&a, 80, 24);
		if (k > 1) {
			attach(&b, 80, 24);
			attach(&c, 40, 10);
		}
		output("\033[c\033[6n");
		fake_turn(&fake);
		for (size_t i = 0; i < u->n_input; i++)
			n[k] += u->input[i] == 0x1b;
		ck_assert_uint_eq(n[k], 2);
		end();
	}
}
END_TEST

START_TEST(input_after_the_end_is_told_the_exit_code)
{
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .window = 4096 });
	output("some output that is not read");
	a.room = 0;
	session_end(s, &(struct session_end){ .has_exit_code = true, .exit_code = 6 });
	peer_input(&a, at, "x", 1);
	a.room = SIZE_MAX - 1;
	peer_refused(&a, a.next_id - 1, "ended");
	ck_assert_uint_eq(field_u64(a.frame.error, "exit_code"), 6);
	end();
}
END_TEST

START_TEST(capture_is_the_visible_screen_as_text)
{
	const msgpack_object *o;
	struct frame_span text;

	begin();
	output("one\r\ntwo \033[31mred\033[m");
	o = peer_result(&b, named(&b, "session.capture", "w"));
	ck_assert_int_eq(frame_get_str(o, "text", &text), 0);
	ck_assert_msg(text.n >= 11 && memcmp(text.data, "one\ntwo red", 11) == 0, "%.*s",
		(int)text.n, text.data);
	end();
}
END_TEST

/* ---- calls ---- */

static uint32_t exec(struct peer *p, const char *command)
{
	peer_begin(p, "exec", 4);
	frame_put_str(&p->out, "sandbox_id", "sb");
	frame_put_array(&p->out, "argv", 2);
	frame_add_str(&p->out, command);
	frame_add_str(&p->out, "x");
	frame_put_bool(&p->out, "stdin", true);
	frame_put_map(&p->out, "env", 1);
	frame_put_str(&p->out, "A", "1");
	return (uint32_t)field_u64(peer_result(p, peer_send(p)), "attachment");
}

START_TEST(a_call_has_two_streams_no_policy_and_ends_with_an_error_map)
{
	const struct frame *f;
	struct session *call;
	uint32_t at;

	begin();
	at = exec(&a, "cat");
	call = fake_last(&fake)->session;
	ck_assert_int_eq(fake_last(&fake)->kind, UPSTREAM_EXEC);
	session_up(call);
	session_output(call, (const uint8_t *)"out", 3, LOG_STDOUT);
	session_output(call, (const uint8_t *)"err", 3, LOG_STDERR);
	fake_turn(&fake);
	ck_assert_uint_eq(field_u64(peer_note(&a, "output")->params, "stream"), 1);
	ck_assert_uint_eq(field_u64(peer_note(&a, "output")->params, "stream"), 2);
	peer_result(&a, peer_input(&a, at, "stdin", 5));
	peer_result(&a, of_attachment(&a, "session.close_input", at));
	fake_turn(&fake);
	ck_assert(fake_last(&fake)->input_ended);
	session_end(call, &(struct session_end){ .failed = true,
				  .error = &(struct request_error){ .code = "sandbox_gone",
					  .message = "It is gone.",
					  .sandbox_id = "sb",
					  .reason = "CWSANDBOX_SANDBOX_NOT_FOUND" } });
	fake_turn(&fake);
	f = peer_note(&a, "exited");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(frame_get(f->params, "error"), "code", "sandbox_gone"));
	ck_assert(field_is(frame_get(f->params, "error"), "reason", "CWSANDBOX_SANDBOX_NOT_FOUND"));
	ck_assert_ptr_null(frame_get(f->params, "exit_code"));
	ck_assert(list_empty(&fake.core->calls));
	end();
}
END_TEST

START_TEST(a_call_ends_with_its_connection_and_by_detach)
{
	uint32_t at;

	begin();
	exec(&a, "sleep");
	peer_close(&a);
	fake_turn(&fake);
	ck_assert(fake_last(&fake)->closed);
	at = exec(&b, "sleep");
	peer_result(&b, of_attachment(&b, "session.detach", at));
	ck_assert(fake_last(&fake)->closed);
	ck_assert(list_empty(&fake.core->calls));
	end();
}
END_TEST

START_TEST(a_call_s_reader_may_stop_for_as_long_as_it_likes)
{
	static uint8_t blob[65536];
	struct session *call;

	begin();
	exec(&a, "yes");
	call = fake_last(&fake)->session;
	session_up(call);
	while (session_room(call))
		session_output(call, blob, min_size(sizeof(blob), session_room(call)), LOG_STDOUT),
			fake_turn(&fake);
	fake_pass(&fake, 3600 * USEC_PER_SEC);
	ck_assert_ptr_null(peer_note(&a, "detached"));
	ck_assert_uint_eq(session_room(call), 0);
	end();
}
END_TEST

START_TEST(a_call_without_argv_or_with_a_relative_folder_is_refused)
{
	begin();
	peer_begin(&a, "exec", 2);
	frame_put_str(&a.out, "sandbox_id", "sb");
	frame_put_array(&a.out, "argv", 0);
	peer_refused(&a, peer_send(&a), "bad_params");
	peer_begin(&a, "exec", 3);
	frame_put_str(&a.out, "sandbox_id", "sb");
	frame_put_array(&a.out, "argv", 1);
	frame_add_str(&a.out, "ls");
	frame_put_str(&a.out, "cwd", "tmp");
	peer_refused(&a, peer_send(&a), "bad_params");
	ck_assert(field_is(a.frame.error, "field", "cwd"));
	fake.refuse_open = true;
	peer_begin(&a, "file.read", 2);
	frame_put_str(&a.out, "sandbox_id", "sb");
	frame_put_str(&a.out, "path", "/etc/hosts");
	peer_refused(&a, peer_send(&a), "no_memory");
	end();
}
END_TEST

TEST_MAIN("session", the_state_table_has_no_way_out_of_the_end_and_none_into_the_beginning,
	output_and_an_end_after_the_end_change_nothing,
	a_lost_session_says_so_and_how_many_bytes_are_uncertain,
	names_are_unique_and_the_default_is_the_next_free_number,
	the_list_is_ordered_by_name_and_paged_by_it,
	the_newest_running_session_is_attached_when_no_name_is_given,
	an_ended_session_nobody_saw_stays_24_h, an_ended_session_that_was_seen_stays_60_s,
	of_more_than_1000_ended_sessions_the_oldest_go,
	kill_ends_a_session_and_removes_one_that_has_ended,
	wait_answers_at_the_end_or_when_its_time_is_up,
	the_first_terminal_leads_and_the_lead_moves_when_it_detaches,
	typing_takes_the_lead_only_from_one_idle_for_30_s,
	the_lead_is_taken_by_asking_and_by_taking_over, a_tool_that_takes_over_does_not_lead,
	each_size_policy_gives_the_size_it_names,
	a_storm_of_resizes_becomes_ten_a_second_and_ends_at_the_last,
	detach_by_name_ends_the_others_views_and_says_how_many,
	everyone_is_told_who_is_there_at_most_twenty_times_a_second,
	input_beyond_the_window_is_refused_whole_and_credit_comes_back,
	an_exclusive_lease_keeps_the_others_input_away_until_it_is_given_back,
	the_lease_goes_with_its_holder,
	send_types_without_an_attachment_and_says_how_much_was_taken,
	a_signal_is_the_tty_s_character_before_what_is_held_on_a_plain_session,
	close_input_is_the_veof_key_on_a_terminal,
	sec_c26_each_query_is_answered_once_whoever_is_attached,
	input_after_the_end_is_told_the_exit_code, capture_is_the_visible_screen_as_text,
	a_call_has_two_streams_no_policy_and_ends_with_an_error_map,
	a_call_ends_with_its_connection_and_by_detach,
	a_call_s_reader_may_stop_for_as_long_as_it_likes,
	a_call_without_argv_or_with_a_relative_folder_is_refused)
