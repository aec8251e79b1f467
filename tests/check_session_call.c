#include <string.h>

#include "tests/session_world.h"

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
	f = peer_note(&a, "input_credit"); /* the end tells what is owed */
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(field_u64(f->params, "bytes"), 5);
	f = peer_note(&a, "exited");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(frame_get(f->params, "error"), "code", "sandbox_gone"));
	ck_assert(field_is(frame_get(f->params, "error"), "reason", "CWSANDBOX_SANDBOX_NOT_FOUND"));
	ck_assert_ptr_null(frame_get(f->params, "exit_code"));
	ck_assert(list_empty(&fake.core->calls));
	end();
}
END_TEST

START_TEST(input_behind_the_end_of_a_call_s_input_is_refused_and_the_program_gets_none_of_it)
{
	const struct frame *f;
	uint32_t at;

	begin();
	at = exec(&a, "cat");
	session_up(fake_last(&fake)->session);
	peer_input(&a, at, "one", 3);
	of_attachment(&a, "session.close_input", at);
	peer_refused(&a, peer_input(&a, at, "two", 3), "not_supported");
	peer_notify(&a, "session.input", 2);
	frame_put_u64(&a.out, "attachment", at);
	frame_put_bin(&a.out, "data", "two", 3);
	peer_send(&a);
	fake_turn(&fake);
	f = peer_note(&a, "input_refused");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(frame_get(f->params, "error"), "code", "not_supported"));
	peer_result(&a, of_attachment(&a, "session.close_input", at)); /* it may come again */
	ck_assert(input_is("one"));
	ck_assert(fake_last(&fake)->input_ended);
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

static uint32_t set_text(struct peer *p, uint32_t at, const char *key, const char *text)
{
	peer_begin(p, "session.set", 2);
	frame_put_u64(&p->out, "attachment", at);
	frame_put_str(&p->out, key, text);
	return peer_send(p);
}

/* With another policy the log would go on without it, and there is no screen to paint it from. */
START_TEST(what_is_a_terminal_s_or_a_session_s_is_not_for_a_call)
{
	static uint8_t blob[64 * 1024];
	struct session *call;
	uint32_t at;

	begin();
	at = exec(&a, "yes");
	call = fake_last(&fake)->session;
	session_up(call);
	peer_refused(&a, set_text(&a, at, "policy", "drop"), "not_supported");
	peer_refused(&a, set_text(&a, at, "policy", "skip"), "not_supported");
	peer_refused(&a, of_attachment(&a, "session.lead", at), "not_supported");
	peer_begin(&a, "session.lease", 2);
	frame_put_u64(&a.out, "attachment", at);
	frame_put_bool(&a.out, "exclusive", true);
	peer_refused(&a, peer_send(&a), "not_supported");
	peer_begin(&a, "session.resize", 3);
	frame_put_u64(&a.out, "attachment", at);
	frame_put_u64(&a.out, "cols", 80);
	frame_put_u64(&a.out, "rows", 24);
	peer_refused(&a, peer_send(&a), "not_supported");
	while (session_output(call, blob, sizeof(blob), LOG_STDOUT) == 0)
		fake_turn(&fake);
	ck_assert_uint_eq(session_room(call), CORE_WINDOW_DEFAULT % sizeof(blob));
	peer_ack(&a, at, CORE_WINDOW_DEFAULT);
	fake_turn(&fake);
	ck_assert_uint_eq(session_room(call), CORE_WINDOW_DEFAULT);
	ck_assert_ptr_null(peer_note(&a, "detached"));
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

TEST_MAIN("session_call", a_call_has_two_streams_no_policy_and_ends_with_an_error_map,
	input_behind_the_end_of_a_call_s_input_is_refused_and_the_program_gets_none_of_it,
	a_call_ends_with_its_connection_and_by_detach,
	a_call_s_reader_may_stop_for_as_long_as_it_likes,
	what_is_a_terminal_s_or_a_session_s_is_not_for_a_call,
	a_call_without_argv_or_with_a_relative_folder_is_refused)
