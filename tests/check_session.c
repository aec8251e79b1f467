#include <string.h>

#include "tests/session_world.h"

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

START_TEST(a_new_name_is_told_to_who_is_attached)
{
	const struct frame *f;

	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	peer_note(&a, "state");
	peer_begin(&a, "session.rename", 2);
	frame_put_str(&a.out, "name", "w");
	frame_put_str(&a.out, "to", "a0");
	peer_send(&a);
	fake_turn(&fake);
	f = peer_note(&a, "state");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(f->params, "name", "a0"));
	ck_assert(field_is(f->params, "state", "running"));
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

START_TEST(one_that_is_still_looked_at_keeps_no_other_ended_session)
{
	begin();
	attach(&b, 80, 24);
	b.room = 0; /* stopped: it is told of no end, for it has not all output */
	output("x");
	session_end(s, &(struct session_end){ .has_exit_code = true });
	for (size_t i = 0; i < REGISTRY_ENDED_MAX + 2; i++) {
		peer_create(&a, NULL, 10, 2);
		session_end(
			fake_last(&fake)->session, &(struct session_end){ .has_exit_code = true });
		fake_turn(&fake);
	}
	ck_assert(exists("w"));
	ck_assert(!exists("s1"));
	ck_assert(!exists("s3"));
	ck_assert(exists("s4"));
	ck_assert_uint_eq(fake.core->registry.n, REGISTRY_ENDED_MAX);
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

/* Some terminals tell their focus as soon as they are asked to: when they are painted. */
START_TEST(what_a_terminal_says_by_itself_takes_the_lead_from_nobody)
{
	static const char *const said[] = { "\033[I", "\033[O\033[I", "\033[?62;22c", "\033[24;80R",
		"\033]11;rgb:0000/0000/0000\033\\", "\033[<35;1;1M" };
	uint32_t at;

	begin();
	attach(&a, 80, 24);
	fake_pass(&fake, SESSION_LEAD_IDLE_USEC);
	at = attach(&b, 40, 10);
	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		peer_result(&b, peer_input(&b, at, said[i], strlen(said[i])));
		ck_assert_ptr_eq(leader()->client, a.client);
		is_size(80, 24);
		ck_assert(input_is(said[i])); /* the program has it all the same */
	}
	set_size("latest");
	is_size(40, 10); /* it came last */
	attach(&a, 90, 30);
	is_size(90, 30);
	peer_input(&b, at, said[0], strlen(said[0]));
	is_size(90, 30);
	peer_input(&b, at, "x", 1);
	is_size(40, 10);
	at = peer_attach(&c, &(struct attach_how){ .name = "w", .raw = true });
	peer_input(&c, at, "x", 1); /* a tool has no size */
	is_size(40, 10);
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

START_TEST(an_attachment_takes_the_place_of_another_with_its_lead_and_lease_and_no_resize)
{
	struct attach_how how = { .name = "w", .cols = 80, .rows = 24, .exclusive = true };
	uint32_t at, again;

	begin();
	at = peer_attach(&a, &how);
	attach(&b, 100, 30);
	fake_turn(&fake);
	b.n_rx = b.pos_rx = 0;
	how.replaces = at;
	again = peer_attach(&a, &how);
	fake_turn(&fake);
	ck_assert_uint_eq(leader()->id, again);
	ck_assert_ptr_eq(s->lease, leader());
	is_size(80, 24);
	ck_assert_ptr_null(peer_note(&b, "resized"));
	ck_assert_uint_eq(fake.core->n_attachments, 2);
	end();
}
END_TEST

START_TEST(who_takes_its_own_place_is_not_the_latest_for_it)
{
	struct attach_how how = { .name = "w", .cols = 80, .rows = 24 };

	begin();
	set_size("latest");
	how.replaces = peer_attach(&a, &how);
	attach(&b, 100, 30);
	is_size(100, 30);
	b.n_rx = b.pos_rx = 0;
	how.replaces = peer_attach(&a, &how);
	is_size(100, 30);
	ck_assert_ptr_null(peer_note(&b, "resized"));
	peer_input(&a, how.replaces, "x", 1);
	is_size(80, 24);
	how.cols = 81; /* it is the latest now, and stays it */
	peer_attach(&a, &how);
	is_size(81, 24);
	end();
}
END_TEST

START_TEST(a_terminal_that_takes_the_place_of_a_tool_is_the_latest_where_there_was_none)
{
	struct attach_how how = { .name = "w" };

	begin();
	set_size("latest");
	how.replaces = peer_attach(&a, &how);
	is_size(80, 24);
	how.cols = 100;
	how.rows = 30;
	peer_attach(&a, &how);
	is_size(100, 30);
	end();
}
END_TEST

START_TEST(a_place_is_taken_also_where_there_may_be_no_more_attachments)
{
	struct attach_how how = { .name = "w", .cols = 80, .rows = 24 };

	begin();
	how.replaces = peer_attach(&a, &how);
	fake.core->config.max_attachments = 1;
	ck_assert_uint_ne(peer_attach(&a, &how), how.replaces);
	ck_assert_uint_eq(fake.core->n_attachments, 1);
	end();
}
END_TEST

START_TEST(nobody_takes_the_place_of_what_is_not_theirs_or_has_ended)
{
	uint32_t at;

	begin();
	at = attach(&a, 80, 24);
	peer_begin(&b, "session.attach", 4);
	frame_put_str(&b.out, "name", "w");
	frame_put_u64(&b.out, "cols", 80);
	frame_put_u64(&b.out, "rows", 24);
	frame_put_u64(&b.out, "replaces", at);
	peer_refused(&b, peer_send(&b), "no_such_attachment");
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

/* How many there are, as the last word on it says that came since; 0: none did. */
static uint64_t told_clients(struct peer *p)
{
	const struct frame *f;
	uint64_t n = 0;

	fake_pass(&fake, SESSION_CLIENTS_USEC);
	while ((f = peer_note(p, "clients")))
		n = field_u64(f->params, "n_clients");
	return n;
}

START_TEST(who_stays_is_told_of_each_who_comes_and_goes_in_whatever_way)
{
	uint32_t at;

	begin();
	attach(&a, 80, 24);
	ck_assert_uint_eq(told_clients(&a), 1);
	at = attach(&b, 80, 24);
	ck_assert_uint_eq(told_clients(&a), 2);
	attach(&c, 40, 10);
	ck_assert_uint_eq(told_clients(&a), 3);
	peer_result(&b, of_attachment(&b, "session.detach", at));
	ck_assert_uint_eq(told_clients(&a), 2);
	peer_close(&c); /* without a word */
	ck_assert_uint_eq(told_clients(&a), 1);
	ck_assert_uint_eq(told_clients(&a), 0); /* and nothing when nothing changed */
	end();
}
END_TEST

/* The last list that b was told, which is cut: so many there are. */
static const msgpack_object *told_of(uint64_t n_clients)
{
	const struct frame *f = peer_note(&b, "clients");
	const msgpack_object *list;

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(field_u64(f->params, "n_clients"), n_clients);
	list = frame_get(f->params, "clients");
	ck_assert_uint_eq(list->via.array.size, 64);
	return list;
}

START_TEST(who_leads_is_always_among_those_who_are_told)
{
	const msgpack_object *list, *last;
	uint32_t at = 0;

	begin();
	for (size_t i = 0; i < 80; i++)
		at = attach(i < 79 ? &b : &c, 80, 24);
	fake_pass(&fake, USEC_PER_SEC);
	a.n_rx = a.pos_rx = b.n_rx = b.pos_rx = c.n_rx = c.pos_rx = 0;
	peer_result(&c, of_attachment(&c, "session.lead", at)); /* the 80th of them */
	fake_pass(&fake, USEC_PER_SEC);
	list = told_of(80);
	last = &list->via.array.ptr[63];
	ck_assert(field_is(last, "role", "lead"));
	ck_assert_uint_eq(field_u64(last, "id"), s->lead->presence);
	for (size_t i = 0; i < 63; i++)
		ck_assert(field_is(&list->via.array.ptr[i], "role", "peer"));
	end();
}
END_TEST

START_TEST(who_has_the_input_lease_is_always_among_those_who_are_told)
{
	const msgpack_object *list, *last;

	begin();
	for (size_t i = 0; i < 64; i++)
		attach(&b, 80, 24);
	peer_attach(&c, &(struct attach_how){ .name = "w", .raw = true, .exclusive = true });
	attach(&b, 80, 24);
	b.n_rx = b.pos_rx = 0;
	fake_pass(&fake, USEC_PER_SEC);
	list = told_of(66);
	ck_assert(field_is(&list->via.array.ptr[0], "role", "lead"));
	last = &list->via.array.ptr[63];
	ck_assert(field_bool(last, "exclusive"));
	ck_assert_uint_eq(field_u64(last, "id"), s->lease->presence);
	end();
}
END_TEST

TEST_MAIN("session", the_state_table_has_no_way_out_of_the_end_and_none_into_the_beginning,
	output_and_an_end_after_the_end_change_nothing,
	a_lost_session_says_so_and_how_many_bytes_are_uncertain,
	names_are_unique_and_the_default_is_the_next_free_number,
	a_new_name_is_told_to_who_is_attached, the_list_is_ordered_by_name_and_paged_by_it,
	the_newest_running_session_is_attached_when_no_name_is_given,
	an_ended_session_nobody_saw_stays_24_h, an_ended_session_that_was_seen_stays_60_s,
	of_more_than_1000_ended_sessions_the_oldest_go,
	one_that_is_still_looked_at_keeps_no_other_ended_session,
	kill_ends_a_session_and_removes_one_that_has_ended,
	wait_answers_at_the_end_or_when_its_time_is_up,
	the_first_terminal_leads_and_the_lead_moves_when_it_detaches,
	typing_takes_the_lead_only_from_one_idle_for_30_s,
	what_a_terminal_says_by_itself_takes_the_lead_from_nobody,
	the_lead_is_taken_by_asking_and_by_taking_over,
	an_attachment_takes_the_place_of_another_with_its_lead_and_lease_and_no_resize,
	who_takes_its_own_place_is_not_the_latest_for_it,
	a_terminal_that_takes_the_place_of_a_tool_is_the_latest_where_there_was_none,
	a_place_is_taken_also_where_there_may_be_no_more_attachments,
	nobody_takes_the_place_of_what_is_not_theirs_or_has_ended,
	a_tool_that_takes_over_does_not_lead, each_size_policy_gives_the_size_it_names,
	a_storm_of_resizes_becomes_ten_a_second_and_ends_at_the_last,
	detach_by_name_ends_the_others_views_and_says_how_many,
	everyone_is_told_who_is_there_at_most_twenty_times_a_second,
	who_stays_is_told_of_each_who_comes_and_goes_in_whatever_way,
	who_leads_is_always_among_those_who_are_told,
	who_has_the_input_lease_is_always_among_those_who_are_told)
