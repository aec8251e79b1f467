#include <string.h>

#include "tests/session_world.h"

static bool no_memory; /* for input */

int __real_inq_push(
	struct inq *q, struct inq_writer *w, const void *data, size_t n, uint64_t now_usec);
int __wrap_inq_push(
	struct inq *q, struct inq_writer *w, const void *data, size_t n, uint64_t now_usec);
int __wrap_inq_push(
	struct inq *q, struct inq_writer *w, const void *data, size_t n, uint64_t now_usec)
{
	return no_memory ? -ENOMEM : __real_inq_push(q, w, data, n, now_usec);
}

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

static void notify_input(struct peer *p, uint32_t at, const void *data, size_t n)
{
	peer_notify(p, "session.input", 2);
	frame_put_u64(&p->out, "attachment", at);
	frame_put_bin(&p->out, "data", data, n);
	peer_send(p);
	fake_turn(&fake);
}

static bool told_refused(struct peer *p, uint64_t bytes, const char *code)
{
	const struct frame *f = peer_note(p, "input_refused");
	struct frame_span text;

	return f && field_u64(f->params, "bytes") == bytes &&
	       !frame_get_bytes(frame_get(f->params, "error"), "code", &text) &&
	       frame_span_is(&text, code);
}

START_TEST(input_as_a_notification_has_no_answer_but_an_event_when_it_is_refused)
{
	static uint8_t big[CORE_INPUT_WINDOW];
	uint32_t one, two, sees;

	begin();
	one = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .exclusive = true });
	two = peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true });
	sees = peer_attach(
		&b, &(struct attach_how){ .name = "w", .raw = true, .role = "observer" });
	while (peer_next(&a))
		;
	notify_input(&a, one, "x", 1);
	ck_assert(input_is("x"));
	ck_assert_ptr_null(peer_next(&a));
	notify_input(&b, two, "abc", 3);
	ck_assert(told_refused(&b, 3, "exclusive"));
	notify_input(&b, sees, "abcd", 4);
	ck_assert(told_refused(&b, 4, "denied"));
	fake_last(&fake)->read_max = 0;
	notify_input(&a, one, big, sizeof(big));
	notify_input(&a, one, "y", 1);
	ck_assert(told_refused(&a, 1, "input_window"));
	end();
}
END_TEST

/* What the next word on who is there says of the first of them. */
static bool told_exclusive(bool is)
{
	const struct frame *f;

	fake_pass(&fake, SESSION_CLIENTS_USEC);
	f = peer_note(&b, "clients");
	return f &&
	       field_bool(&frame_get(f->params, "clients")->via.array.ptr[0], "exclusive") == is;
}

START_TEST(an_exclusive_lease_keeps_the_others_input_away_until_it_is_given_back)
{
	uint32_t one, two;

	begin();
	one = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .exclusive = true });
	two = peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true });
	ck_assert(told_exclusive(true));
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
	ck_assert(told_exclusive(false));
	peer_result(&b, peer_input(&b, two, "x", 1));
	ck_assert(input_is("x"));
	end();
}
END_TEST

START_TEST(the_lead_is_not_taken_from_who_alone_may_type_and_the_refusal_names_it)
{
	const msgpack_object *error;
	uint32_t two, id;

	begin();
	peer_attach(
		&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24, .exclusive = true });
	two = peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 40, .rows = 10 });
	peer_begin(&b, "session.lead", 1);
	frame_put_u64(&b.out, "attachment", two);
	id = peer_send(&b);
	fake_turn(&fake);
	error = peer_answer(&b, id)->error;
	ck_assert(field_is(error, "code", "exclusive"));
	ck_assert(field_is(error, "holder", a.client->name));
	ck_assert_uint_eq(field_u64(error, "holder_pid"), client_pid(a.client));
	ck_assert_uint_eq(s->cols, 80);
	peer_close(&a);
	peer_begin(&b, "session.lead", 1);
	frame_put_u64(&b.out, "attachment", two);
	peer_result(&b, peer_send(&b));
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

START_TEST(a_signal_of_who_may_not_type_is_refused)
{
	begin();
	peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true, .exclusive = true });
	peer_refused(&a, send_signal("INT"), "exclusive");
	ck_assert(input_is(""));
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

static const char *const queries[] = { "\033[c", "\033Z", "\033[>c", "\033[=c", "\033[5n",
	"\033[6n", "\033[?6n", "\033[?15n", "\033[?25n", "\033[?26n", "\033[?53n", "\033[?55n",
	"\033[?56n", "\033[?62n", "\033[?63;1n", "\033[?75n", "\033[?85n", "\033[?996n", "\033[x",
	"\033[?25$p", "\033[?2026$p", "\033[4$p", "\033[>q", "\033[?u", "\033[?4m", "\033[11t",
	"\033[13t", "\033[14t", "\033[15t", "\033[16t", "\033[18t", "\033[19t", "\033[20t",
	"\033[21t", "\033P$qm\033\\", "\033P$qr\033\\", "\033P$q q\033\\", "\033P$qz\033\\",
	"\033P+q544e\033\\", "\033P+q6b75\033\\", "\033]4;1;?\033\\", "\033]10;?\a",
	"\033]11;?\033\\", "\033]12;?\033\\", "\033]52;c;?\033\\" };

/* One answer, and that of a model of its own. */
static void assert_answered(struct term *like, const char *query, size_t n_attached)
{
	const struct fake_upstream *u = fake_last(&fake);
	const size_t before = u->n_input;
	size_t n;
	const uint8_t *want;

	output(query);
	fake_turn(&fake);
	term_feed(like, (const uint8_t *)query, strlen(query));
	want = term_replies(like, &n);
	ck_assert_msg(n && u->n_input - before == n && memcmp(u->input + before, want, n) == 0,
		"%s, %zu attached: %.*s", query + 1, n_attached, (int)(u->n_input - before),
		(const char *)u->input + before);
	term_replies_drop(like, n);
}

START_TEST(sec_c26_each_query_is_answered_once_whoever_is_attached)
{
	const struct term_config config = { .cols = 80, .rows = 24 };

	ck_assert_uint_ge(ARRAY_SIZE(queries), 40);
	for (size_t n_attached = 0; n_attached <= 3; n_attached++) {
		_cleanup_(term_freep) struct term *like = NULL;

		begin();
		ck_assert_int_eq(term_new(&like, &config), 0);
		if (n_attached > 0)
			attach(&a, 80, 24);
		if (n_attached > 1)
			attach(&b, 80, 24);
		if (n_attached > 2)
			attach(&c, 40, 10);
		for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
			assert_answered(like, queries[i], n_attached);
		end();
	}
}
END_TEST

/* So many answers wait that the next one does not fit in what the model may have there. */
START_TEST(an_answer_of_the_model_is_not_split_by_what_is_typed)
{
	static const char answer[] = "\033[?62;22c";
	const size_t n_answer = strlen(answer), n_full = CORE_INPUT_WINDOW / n_answer;
	struct fake_upstream *u;
	uint32_t at;

	begin();
	at = attach(&a, 80, 24);
	u = fake_last(&fake);
	u->read_max = 0;
	for (size_t i = 0; i <= n_full; i++)
		output("\033[c");
	ck_assert_uint_gt(inq_credit(s->replies), 0);
	peer_input(&a, at, "x", 1);
	u->read_max = SIZE_MAX;
	u->woken = true;
	fake_turn(&fake);
	fake_turn(&fake); /* there is room for it now */
	ck_assert_uint_eq(u->n_input, (n_full + 1) * n_answer + 1);
	ck_assert_int_eq(u->input[n_full * n_answer], 'x');
	ck_assert_int_eq(memcmp(u->input + n_full * n_answer + 1, answer, n_answer), 0);
	end();
}
END_TEST

START_TEST(an_answer_for_which_there_is_no_memory_comes_when_there_is_some)
{
	static const char answer[] = "\033[0n";

	begin();
	no_memory = true;
	output("\033[5n");
	fake_run(&fake, 3 * SESSION_RETRY_USEC);
	ck_assert_uint_eq(fake_last(&fake)->n_input, 0);
	no_memory = false;
	fake_run(&fake, SESSION_RETRY_USEC);
	fake_turn(&fake);
	ck_assert_uint_eq(fake_last(&fake)->n_input, strlen(answer));
	ck_assert_int_eq(memcmp(fake_last(&fake)->input, answer, strlen(answer)), 0);
	ck_assert(!s->reply_timer.armed);
	end();
}
END_TEST

/* The far side may read at the very end of a turn: who waits for the room is seen to in the next. */
START_TEST(what_the_far_side_takes_is_work_for_the_core)
{
	uint8_t taken[4];
	uint32_t at;
	bool end_of_input;

	begin();
	at = attach(&a, 80, 24);
	fake_last(&fake)->read_max = 0;
	peer_result(&a, peer_input(&a, at, "text", 4));
	ck_assert(!core_is_busy(fake.core));
	ck_assert_uint_eq(session_input_read(s, taken, sizeof(taken), &end_of_input), 4);
	ck_assert(core_is_busy(fake.core));
	fake_turn(&fake);
	ck_assert(!core_is_busy(fake.core));
	end();
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

/* Keys and the echo of each, acknowledged with the next key as a terminal does. So many bytes each
 * that all are more than what is told alone. */
START_TEST(the_credit_of_a_key_comes_in_one_write_with_its_echo_and_never_alone)
{
	static const char key[CORE_INPUT_WINDOW / 64];
	const struct frame *f;
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	while (peer_next(&a))
		;
	for (uint64_t i = 1; i <= 20; i++) {
		a.n_writes = 0;
		peer_ack(&a, at, i - 1);
		notify_input(&a, at, key, sizeof(key));
		ck_assert_uint_eq(a.n_writes, 0);
		output("x");
		ck_assert_uint_eq(a.n_writes, 1);
		f = peer_next(&a);
		ck_assert(frame_is(f, "input_credit"));
		ck_assert_uint_eq(field_u64(f->params, "bytes"), i * sizeof(key));
		f = peer_next(&a);
		ck_assert(frame_is(f, "output"));
		ck_assert_uint_eq(field_u64(f->params, "offset"), i - 1);
		ck_assert_ptr_null(peer_next(&a));
	}
	output("no key's");
	ck_assert(frame_is(peer_next(&a), "output"));
	notify_input(&a, at, "y", 1);
	session_end(s, &(struct session_end){ .has_exit_code = true });
	fake_turn(&fake);
	f = peer_note(&a, "input_credit"); /* the end tells what is owed */
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(field_u64(f->params, "bytes"), 20 * sizeof(key) + 1);
	ck_assert_ptr_nonnull(peer_note(&a, "exited"));
	end();
}
END_TEST

START_TEST(credit_told_with_an_echo_of_which_the_socket_takes_a_byte_is_told_once)
{
	const struct frame *f;
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	while (peer_next(&a))
		;
	notify_input(&a, at, "x", 1);
	a.room = 0;
	output("x"); /* nothing of it was taken: it is made again */
	peer_drain(&a, 1);
	fake_turn(&fake);
	notify_input(&a, at, "y", 1);
	peer_drain(&a, SIZE_MAX);
	output("y");
	f = peer_note(&a, "input_credit");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(field_u64(f->params, "bytes"), 1);
	ck_assert(frame_is(peer_next(&a), "output"));
	f = peer_next(&a);
	ck_assert(frame_is(f, "input_credit"));
	ck_assert_uint_eq(field_u64(f->params, "bytes"), 2);
	ck_assert(frame_is(peer_next(&a), "output"));
	ck_assert_ptr_null(peer_next(&a));
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

START_TEST(who_goes_inside_its_paste_holds_nobody_up)
{
	uint32_t at, other;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	other = peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true });
	peer_result(&a, peer_input(&a, at, "\033[200~pasted", 12));
	peer_result(&b, peer_input(&b, other, "typed", 5));
	ck_assert(input_is("\033[200~pasted"));
	peer_close(&a);
	fake_turn(&fake); /* at once: no time passes */
	ck_assert(input_is("\033[201~typed"));
	end();
}
END_TEST

START_TEST(who_takes_over_may_take_the_input_lease_along)
{
	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .exclusive = true });
	peer_begin(&b, "session.attach", 2);
	frame_put_str(&b.out, "name", "w");
	frame_put_bool(&b.out, "exclusive", true);
	peer_refused(&b, peer_send(&b), "exclusive");
	peer_attach(&b, &(struct attach_how){
				.name = "w", .raw = true, .take_over = true, .exclusive = true });
	ck_assert_ptr_eq(s->lease->client, b.client);
	ck_assert_ptr_nonnull(peer_note(&a, "detached"));
	end();
}
END_TEST

START_TEST(who_takes_its_own_place_to_watch_gives_the_input_lease_back)
{
	struct attach_how how = { .name = "w", .raw = true, .exclusive = true };
	uint32_t other;

	begin();
	how.replaces = peer_attach(&a, &how);
	how.exclusive = false;
	how.role = "observer";
	peer_attach(&a, &how);
	ck_assert_ptr_null(s->lease);
	other = peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true });
	peer_result(&b, peer_input(&b, other, "x", 1));
	end();
}
END_TEST

TEST_MAIN("session_input", input_as_a_notification_has_no_answer_but_an_event_when_it_is_refused,
	input_beyond_the_window_is_refused_whole_and_credit_comes_back,
	an_exclusive_lease_keeps_the_others_input_away_until_it_is_given_back,
	the_lead_is_not_taken_from_who_alone_may_type_and_the_refusal_names_it,
	the_lease_goes_with_its_holder, who_goes_inside_its_paste_holds_nobody_up,
	who_takes_over_may_take_the_input_lease_along,
	who_takes_its_own_place_to_watch_gives_the_input_lease_back,
	send_types_without_an_attachment_and_says_how_much_was_taken,
	a_signal_is_the_tty_s_character_before_what_is_held_on_a_plain_session,
	a_signal_of_who_may_not_type_is_refused, close_input_is_the_veof_key_on_a_terminal,
	sec_c26_each_query_is_answered_once_whoever_is_attached,
	an_answer_of_the_model_is_not_split_by_what_is_typed,
	an_answer_for_which_there_is_no_memory_comes_when_there_is_some,
	what_the_far_side_takes_is_work_for_the_core, input_after_the_end_is_told_the_exit_code,
	the_credit_of_a_key_comes_in_one_write_with_its_echo_and_never_alone,
	credit_told_with_an_echo_of_which_the_socket_takes_a_byte_is_told_once,
	capture_is_the_visible_screen_as_text)
