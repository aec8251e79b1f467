#include "tests/attachment_world.h"

static struct got g;

START_TEST(at_most_the_window_is_sent_beyond_what_was_acknowledged)
{
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){
				     .name = "w", .raw = true, .policy = "block", .window = 4096 });
	output(blob, 10000);
	collect(&a, &g);
	ck_assert_uint_eq(g.output, 4096);
	peer_ack(&a, at, 4095);
	fake_turn(&fake);
	collect(&a, &g);
	ck_assert_uint_eq(g.output, 4095);
	ck_assert_uint_eq(g.first_offset, 4096);
	peer_ack(&a, at, 100); /* less than before: ignored */
	fake_turn(&fake);
	collect(&a, &g);
	ck_assert_uint_eq(g.output, 0);
	peer_ack(&a, at, 8191);
	fake_turn(&fake);
	collect(&a, &g);
	ck_assert_uint_eq(g.output, 10000 - 8191);
	end();
}
END_TEST

START_TEST(one_byte_more_acknowledged_than_sent_ends_the_attachment_and_nothing_else)
{
	const struct frame *f;
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	output(blob, 100);
	peer_begin(&a, "session.ack", 2);
	frame_put_u64(&a.out, "attachment", at);
	frame_put_u64(&a.out, "bytes", 100);
	peer_result(&a, peer_send(&a));
	peer_ack(&a, at, 101);
	fake_turn(&fake);
	f = peer_note(&a, "detached");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(f->params, "reason", "bad_ack"));
	peer_refused(&a, peer_input(&a, at, "x", 1), "no_such_attachment");
	ck_assert(!a.closed);
	end();
}
END_TEST

START_TEST(a_block_reader_holds_the_upstream_and_loses_nothing)
{
	uint64_t total = 0;
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .policy = "block" });
	output(blob, LOG_BYTES);
	ck_assert_uint_eq(session_room(s), 65536); /* what was sent; the rest is held */
	ck_assert_int_eq(session_output(s, blob, 65537, LOG_STDOUT), LOG_E_FULL);
	while (total < LOG_BYTES) {
		collect(&a, &g);
		ck_assert_uint_eq(g.n_paints, 0);
		ck_assert_uint_gt(g.output, 0);
		ck_assert_uint_eq(g.first_offset, total);
		ck_assert_int_eq(memcmp(g.text, blob + total, g.n_text), 0);
		total += g.output;
		peer_ack(&a, at, total);
		fake_turn(&fake);
	}
	ck_assert_uint_eq(session_room(s), LOG_BYTES);
	ck_assert_uint_eq(fake_last(&fake)->consumed, LOG_BYTES);
	end();
}
END_TEST

START_TEST(a_stopped_skip_attachment_never_lowers_the_window_and_is_repainted_in_the_present)
{
	uint32_t at;
	uint64_t sent;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	collect(&a, &g);
	ck_assert_uint_eq(g.n_whole_paints, 1);
	sent = g.resync;
	for (size_t i = 0; i < 40; i++) {
		output(blob, LOG_BYTES / 2);
		ck_assert_uint_eq(session_room(s), LOG_BYTES);
	}
	output_text("\033[2J\033[Hthe end");
	fake_pass(&fake, USEC_PER_SEC);
	collect(&a, &g);
	ck_assert_uint_eq(g.output + sent, 65536);
	peer_ack(&a, at, 65536);
	fake_turn(&fake);
	collect(&a, &g);
	ck_assert_uint_eq(g.n_whole_paints, 1);
	ck_assert_uint_eq(g.output, 0);
	ck_assert_uint_eq(g.next_offset, s->log.head);
	ck_assert_ptr_nonnull(memmem(a.rx, a.n_rx, "the end", 7));
	output_text("prompt");
	collect(&a, &g);
	ck_assert_uint_eq(g.output, 6); /* raw again */
	end();
}
END_TEST

START_TEST(skipped_bytes_are_those_between_the_last_raw_byte_and_the_paint)
{
	const struct frame *f;
	uint64_t sent, skipped;
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	collect(&a, &g);
	sent = g.resync;
	output(blob, 200000);
	fake_pass(&fake, USEC_PER_SEC);
	collect(&a, &g);
	ck_assert_uint_eq(sent + g.output, 65536);
	peer_ack(&a, at, sent + g.output);
	fake_turn(&fake);
	f = peer_note(&a, "resync");
	ck_assert_ptr_nonnull(f);
	skipped = field_u64(f->params, "skipped_bytes");
	ck_assert_uint_eq(skipped, 200000 - g.output);
	peer_begin(&b, "session.get", 1);
	frame_put_str(&b.out, "name", "w");
	f = (peer_result(&b, peer_send(&b)), &b.frame);
	ck_assert_uint_eq(
		field_u64(&frame_get(f->result, "clients")->via.array.ptr[0], "skipped_bytes"),
		skipped);
	end();
}
END_TEST

START_TEST(a_skip_attachment_that_is_only_a_moment_behind_gets_every_byte)
{
	uint64_t total = 0, sent;
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	collect(&a, &g);
	sent = g.resync;
	output(blob, 200000);
	while (total < 200000) {
		collect(&a, &g);
		ck_assert_uint_eq(g.n_paints, 0);
		ck_assert_uint_gt(g.output, 0);
		total += g.output;
		peer_ack(&a, at, sent + total);
		fake_pass(&fake, 50 * USEC_PER_MSEC);
	}
	end();
}
END_TEST

START_TEST(a_drop_reader_in_the_way_is_detached)
{
	const struct frame *f;

	begin();
	peer_attach(&a,
		&(struct attach_how){ .name = "w", .raw = true, .policy = "drop", .window = 4096 });
	output(blob, LOG_BYTES);
	ck_assert_ptr_null(peer_note(&a, "detached"));
	output(blob, 4097);
	f = peer_note(&a, "detached");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(f->params, "reason", "dropped"));
	ck_assert_uint_eq(session_room(s), LOG_BYTES);
	end();
}
END_TEST

START_TEST(a_block_reader_is_detached_after_60_s_in_which_the_session_waited_for_it)
{
	const struct frame *f;
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .policy = "block" });
	output(blob, LOG_BYTES);
	fake_run(&fake, 59 * USEC_PER_SEC);
	peer_ack(&a, at, 1); /* a byte is progress */
	fake_run(&fake, 60 * USEC_PER_SEC - 1);
	ck_assert_ptr_null(peer_note(&a, "detached"));
	fake_run(&fake, 1);
	f = peer_note(&a, "detached");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(f->params, "reason", "stalled"));
	ck_assert_uint_eq(field_u64(f->params, "offset"), 65537);
	ck_assert_uint_eq(session_room(s), LOG_BYTES);
	end();
}
END_TEST

START_TEST(a_shell_waits_for_a_block_reader_from_a_quarter_of_its_own_window_however_large_the_log)
{
	begin_with(8 * UPSTREAM_SHELL_WINDOW);
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .policy = "block" });
	output(blob, 65536); /* the reader's window: sent to it */
	output(blob, UPSTREAM_SHELL_WINDOW / 4);
	fake_run(&fake, 61 * USEC_PER_SEC);
	ck_assert_ptr_null(peer_note(&a, "detached"));
	output(blob, 1);
	fake_run(&fake, 61 * USEC_PER_SEC);
	ck_assert_ptr_nonnull(peer_note(&a, "detached"));
	end();
}
END_TEST

START_TEST(a_daemon_that_was_stopped_for_minutes_calls_no_reader_stalled)
{
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .policy = "block" });
	output(blob, LOG_BYTES);
	fake_run(&fake, USEC_PER_SEC);
	fake_pass(&fake, 600 * USEC_PER_SEC); /* in one turn: what was acknowledged lies unread */
	ck_assert_ptr_null(peer_note(&a, "detached"));
	peer_ack(&a, at, 1);
	fake_run(&fake, 60 * USEC_PER_SEC - 1);
	ck_assert_ptr_null(peer_note(&a, "detached"));
	fake_run(&fake, 1);
	ck_assert_ptr_nonnull(peer_note(&a, "detached"));
	end();
}
END_TEST

START_TEST(a_block_reader_that_nobody_waits_for_is_left_alone)
{
	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .policy = "block" });
	output(blob, 100000);
	fake_pass(&fake, 3600 * USEC_PER_SEC);
	ck_assert_ptr_null(peer_note(&a, "detached"));
	end();
}
END_TEST

/* It was waited for while it was raw; painted, it holds nothing. */
START_TEST(a_painted_block_terminal_is_left_alone_whoever_the_session_waits_for)
{
	uint32_t lead, slow, at;

	begin();
	lead = peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	slow = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .policy = "block" });
	at = peer_attach(
		&b, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24, .policy = "block" });
	output(blob, LOG_BYTES);
	peer_begin(&b, "session.resize", 3);
	frame_put_u64(&b.out, "attachment", at);
	frame_put_u64(&b.out, "cols", 100);
	frame_put_u64(&b.out, "rows", 30);
	peer_result(&b, peer_send(&b));
	for (uint64_t n = 1; n <= 5; n++) {
		fake_pass(&fake, 30 * USEC_PER_SEC);
		peer_ack(&a, slow, n);
	}
	ck_assert_uint_lt(session_room(s), LOG_BYTES / 2);
	ck_assert_ptr_null(peer_note(&b, "detached"));
	ck_assert_ptr_nonnull(client_attachment(a.client, lead));
	end();
}
END_TEST

static uint32_t attach_since(struct peer *p, const char *boot, const char *session, uint64_t offset,
	bool *fresh, const char *policy)
{
	const msgpack_object *o;

	peer_begin(p, "session.attach", 4);
	frame_put_str(&p->out, "name", "w");
	frame_put_str(&p->out, "policy", policy);
	frame_put_bool(&p->out, "paint", false);
	frame_put_map(&p->out, "since", 3);
	frame_put_str(&p->out, "boot_id", boot);
	frame_put_str(&p->out, "session", session);
	frame_put_u64(&p->out, "offset", offset);
	o = peer_result(p, peer_send(p));
	*fresh = field_bool(o, "fresh");
	return (uint32_t)field_u64(o, "attachment");
}

START_TEST(since_goes_on_at_the_very_byte_or_says_fresh)
{
	char id[24];
	bool fresh;

	begin();
	id[0] = (char)('0' + s->number), id[1] = '\0';
	output(blob, 50000);
	attach_since(&a, "boot", id, 100, &fresh, "block");
	ck_assert(!fresh);
	collect(&a, &g);
	ck_assert_uint_eq(g.first_offset, 100);
	ck_assert_uint_eq(g.output, 49900);
	attach_since(&b, "other", id, 100, &fresh, "block");
	ck_assert(fresh);
	attach_since(&b, "boot", "77", 100, &fresh, "block");
	ck_assert(fresh);
	attach_since(&b, "boot", id, 50001, &fresh, "block");
	ck_assert(fresh);
	attach_since(&b, "boot", id, 50000, &fresh, "skip");
	ck_assert(!fresh);
	collect(&b, &g);
	ck_assert_uint_eq(g.output, 0);
	end();
}
END_TEST

START_TEST(attach_at_the_last_offset_in_ground_state_sends_a_torn_sequence_whole)
{
	begin();
	output_text("hello\033[3"); /* cut in two */
	peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	collect(&a, &g);
	ck_assert_uint_eq(g.n_whole_paints, 1);
	output_text("1mred");
	fake_turn(&fake);
	a.pos_rx = 0;
	collect(&a, &g);
	ck_assert_uint_eq(g.first_offset, 5);
	ck_assert_int_eq(memcmp(g.text, "\033[31mred", 8), 0);
	end();
}
END_TEST

START_TEST(a_terminal_of_another_size_is_painted_and_the_shell_is_not_resized)
{
	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 40, .rows = 10 });
	output_text("first");
	fake_pass(&fake, USEC_PER_SEC);
	ck_assert_uint_eq(fake_last(&fake)->n_resizes, 0);
	collect(&a, &g);
	ck_assert_uint_eq(g.output, 5);
	collect(&b, &g);
	ck_assert_uint_eq(g.output, 0);
	ck_assert_uint_ge(g.n_whole_paints, 1);
	end();
}
END_TEST

START_TEST(a_terminal_that_saw_only_crops_gets_history_when_it_comes_to_fit)
{
	uint32_t at;

	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	output_text("the very first line\r\n");
	for (size_t i = 0; i < 30; i++)
		output_text("another\r\n");
	at = peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 40, .rows = 10 });
	collect(&b, &g);
	ck_assert_uint_eq(g.n_whole_paints, 1);
	ck_assert_ptr_null(memmem(g.paint, g.n_paint, "the very first", 14));
	peer_ack(&b, at, g.resync);
	peer_begin(&b, "session.resize", 3);
	frame_put_u64(&b.out, "attachment", at);
	frame_put_u64(&b.out, "cols", 80);
	frame_put_u64(&b.out, "rows", 24);
	peer_send(&b);
	fake_pass(&fake, USEC_PER_SEC);
	collect(&b, &g);
	ck_assert_uint_eq(g.n_whole_paints, 1);
	ck_assert_ptr_nonnull(memmem(g.paint, g.n_paint, "the very first", 14));
	end();
}
END_TEST

START_TEST(a_painted_terminal_is_painted_again_only_when_it_took_the_last_paint)
{
	uint64_t sent;
	uint32_t at;

	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	at = peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 40, .rows = 10 });
	collect(&b, &g);
	sent = g.resync;
	for (size_t i = 0; i < 10; i++) {
		output_text("more ");
		fake_pass(&fake, USEC_PER_SEC);
	}
	collect(&b, &g);
	ck_assert_uint_eq(g.n_paints, 0);
	peer_ack(&b, at, sent);
	fake_turn(&fake);
	collect(&b, &g);
	ck_assert_uint_eq(g.n_whole_paints, 1);
	end();
}
END_TEST

START_TEST(an_interrupt_from_a_skip_attachment_overtakes_its_backlog)
{
	uint64_t sent;
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	collect(&a, &g);
	sent = g.resync;
	output(blob, 130000);
	collect(&a, &g);
	sent += g.output;
	peer_input(&a, at, "\003", 1);
	output_text("^C\r\n$ ");
	fake_pass(&fake, 20 * USEC_PER_MSEC);
	peer_ack(&a, at, sent);
	fake_turn(&fake);
	collect(&a, &g);
	ck_assert_uint_eq(g.n_whole_paints, 1); /* not the 64 KiB that were left */
	ck_assert_uint_eq(g.next_offset, s->log.head);
	end();
}
END_TEST

START_TEST(an_interrupt_from_a_block_attachment_skips_nothing)
{
	uint64_t total = 0;
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .policy = "block" });
	output(blob, 130000);
	peer_input(&a, at, "\003", 1);
	while (total < 130000) {
		collect(&a, &g);
		ck_assert_uint_eq(g.n_paints, 0);
		ck_assert_uint_gt(g.output, 0);
		total += g.output;
		peer_ack(&a, at, total);
		fake_turn(&fake);
	}
	end();
}
END_TEST

START_TEST(a_frame_the_socket_took_half_of_is_finished_before_anything_else)
{
	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	output(blob, 100);
	collect(&a, &g);
	a.room = 100;
	output(blob, 50000);
	ck_assert(client_owes(a.client));
	for (size_t i = 0; i < 10; i++)
		output(blob, LOG_BYTES); /* the log moves on far beyond it */
	ck_assert_ptr_null(peer_next(&a));
	for (size_t i = 0; i < 60; i++) {
		peer_drain(&a, 1000);
		fake_turn(&fake);
	}
	peer_drain(&a, 1000000);
	fake_turn(&fake);
	ck_assert(frame_is(peer_next(&a), "output"));
	end();
}
END_TEST

START_TEST(sec_c19_a_stopped_client_costs_its_frame_s_rest_and_nothing_that_grows)
{
	static const char *const policies[] = { "skip", "drop" };
	size_t before;

	for (size_t k = 0; k < 2; k++) {
		begin();
		output(blob, LOG_BYTES); /* the log is at its bound */
		output(blob, LOG_BYTES);
		peer_attach(&b, &(struct attach_how){ .name = "w",
					.raw = true,
					.policy = policies[k],
					.window = 1024 * 1024 });
		before = ledger_held(&fake.core->memory);
		b.room = 100;
		for (size_t i = 0; i < suite_times(1024); i++)
			output(blob, LOG_BYTES);
		ck_assert_uint_le(ledger_held(&fake.core->memory), before + 3 * 65536);
		end();
	}
}
END_TEST

START_TEST(an_ended_session_is_painted_and_then_exited_follows)
{
	const struct frame *f;

	begin();
	output_text("last words");
	session_end(s, &(struct session_end){ .has_exit_code = true, .exit_code = 9 });
	fake_turn(&fake);
	peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	f = peer_note(&a, "resync");
	ck_assert_ptr_nonnull(f);
	f = peer_note(&a, "exited");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(field_u64(f->params, "exit_code"), 9);
	ck_assert(s->seen);
	end();
}
END_TEST

START_TEST(exited_comes_after_the_last_byte_was_taken)
{
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){
				     .name = "w", .raw = true, .policy = "block", .window = 4096 });
	output(blob, 5000);
	session_end(s, &(struct session_end){ .has_exit_code = true });
	fake_turn(&fake);
	ck_assert_ptr_null(peer_note(&a, "exited"));
	peer_ack(&a, at, 4096);
	fake_turn(&fake);
	ck_assert_ptr_nonnull(peer_note(&a, "output"));
	ck_assert_ptr_nonnull(peer_note(&a, "exited"));
	end();
}
END_TEST

START_TEST(an_ended_session_stays_while_somebody_still_reads_it)
{
	uint32_t at;

	begin();
	at = peer_attach(&b, &(struct attach_how){
				     .name = "w", .raw = true, .policy = "block", .window = 4096 });
	output(blob, 5000);
	session_end(s, &(struct session_end){ .has_exit_code = true });
	peer_begin(&a, "session.wait", 1);
	frame_put_str(&a.out, "name", "w");
	peer_result(&a, peer_send(&a)); /* it was seen */
	for (size_t i = 0; i < 3; i++)
		fake_pass(&fake, REGISTRY_SEEN_USEC);
	ck_assert_ptr_null(peer_note(&b, "detached"));
	peer_ack(&b, at, 4096);
	fake_turn(&fake);
	ck_assert_ptr_nonnull(peer_note(&b, "output"));
	ck_assert_ptr_nonnull(peer_note(&b, "exited"));
	fake_pass(&fake, REGISTRY_SEEN_USEC);
	ck_assert_ptr_null(registry_find(&fake.core->registry, "w", 1));
	end();
}
END_TEST

START_TEST(one_that_reads_nothing_keeps_an_ended_session_no_longer_than_one_nobody_saw)
{
	begin();
	peer_attach(&b, &(struct attach_how){
				.name = "w", .raw = true, .policy = "block", .window = 4096 });
	output(blob, 5000);
	session_end(s, &(struct session_end){ .has_exit_code = true });
	session_seen(s);
	fake_run(&fake, CORE_LINGER_DEFAULT_USEC - 1);
	ck_assert_ptr_nonnull(registry_find(&fake.core->registry, "w", 1));
	fake_pass(&fake, 1);
	ck_assert_ptr_null(registry_find(&fake.core->registry, "w", 1));
	ck_assert_ptr_nonnull(peer_note(&b, "detached"));
	end();
}
END_TEST

START_TEST(two_attachments_of_one_client_on_one_session_have_each_their_own)
{
	uint32_t one, two;

	begin();
	one = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	two = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	ck_assert_uint_ne(one, two);
	output_text("twice");
	ck_assert_uint_eq(field_u64(peer_note(&a, "output")->params, "attachment"), one);
	ck_assert_uint_eq(field_u64(peer_note(&a, "output")->params, "attachment"), two);
	end();
}
END_TEST

START_TEST(sec_c31_output_that_looks_like_frames_or_keys_is_only_output)
{
	static const char tricky[] = "\x94\x00\x01\xa5hello\x90\x93\x02\xa8"
				     "detached\x90\x1c"
				     "d\xc1\xff\0end";

	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	output(tricky, sizeof(tricky));
	collect(&a, &g);
	ck_assert_uint_eq(g.n_text, sizeof(tricky));
	ck_assert_int_eq(memcmp(g.text, tricky, sizeof(tricky)), 0);
	ck_assert_uint_eq(fake.core->n_attachments, 1);
	end();
}
END_TEST

START_TEST(sec_c24_the_largest_numbers_are_refused_or_harmless)
{
	char id[24] = { (char)('0' + 1), '\0' };
	uint32_t at;
	bool fresh;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	output_text("x");
	attach_since(&b, "boot", id, UINT64_MAX, &fresh, "block");
	ck_assert(fresh);
	peer_ack(&a, at, UINT64_MAX);
	fake_turn(&fake);
	ck_assert(field_is(peer_note(&a, "detached")->params, "reason", "bad_ack"));
	peer_begin(&b, "session.wait", 2);
	frame_put_str(&b.out, "name", "w");
	frame_put_u64(&b.out, "timeout_ms", UINT64_MAX);
	peer_refused(&b, peer_send(&b), "bad_params");
	peer_refused(&b, peer_input(&b, UINT32_MAX, "x", 1), "no_such_attachment");
	end();
}
END_TEST

START_TEST(sec_c20_beyond_the_memory_budget_what_nobody_holds_is_given_up)
{
	begin();
	output(blob, LOG_BYTES);
	ck_assert_uint_eq(
		s->log.head - s->log.tail, LOG_BYTES); /* for who comes back with `since` */
	fake.core->config.max_memory = 1;
	output_text("x");
	ck_assert_uint_eq(s->log.head - s->log.tail, 0);
	ck_assert_uint_eq(session_room(s), LOG_BYTES);
	end();
}
END_TEST

TEST_MAIN("attachment",
	a_shell_waits_for_a_block_reader_from_a_quarter_of_its_own_window_however_large_the_log,
	at_most_the_window_is_sent_beyond_what_was_acknowledged,
	one_byte_more_acknowledged_than_sent_ends_the_attachment_and_nothing_else,
	a_block_reader_holds_the_upstream_and_loses_nothing,
	a_stopped_skip_attachment_never_lowers_the_window_and_is_repainted_in_the_present,
	skipped_bytes_are_those_between_the_last_raw_byte_and_the_paint,
	a_skip_attachment_that_is_only_a_moment_behind_gets_every_byte,
	a_drop_reader_in_the_way_is_detached,
	a_block_reader_is_detached_after_60_s_in_which_the_session_waited_for_it,
	a_daemon_that_was_stopped_for_minutes_calls_no_reader_stalled,
	a_block_reader_that_nobody_waits_for_is_left_alone,
	a_painted_block_terminal_is_left_alone_whoever_the_session_waits_for,
	since_goes_on_at_the_very_byte_or_says_fresh,
	attach_at_the_last_offset_in_ground_state_sends_a_torn_sequence_whole,
	a_terminal_of_another_size_is_painted_and_the_shell_is_not_resized,
	a_terminal_that_saw_only_crops_gets_history_when_it_comes_to_fit,
	a_painted_terminal_is_painted_again_only_when_it_took_the_last_paint,
	an_interrupt_from_a_skip_attachment_overtakes_its_backlog,
	an_interrupt_from_a_block_attachment_skips_nothing,
	a_frame_the_socket_took_half_of_is_finished_before_anything_else,
	sec_c19_a_stopped_client_costs_its_frame_s_rest_and_nothing_that_grows,
	an_ended_session_is_painted_and_then_exited_follows,
	an_ended_session_stays_while_somebody_still_reads_it,
	one_that_reads_nothing_keeps_an_ended_session_no_longer_than_one_nobody_saw,
	exited_comes_after_the_last_byte_was_taken,
	two_attachments_of_one_client_on_one_session_have_each_their_own,
	sec_c31_output_that_looks_like_frames_or_keys_is_only_output,
	sec_c24_the_largest_numbers_are_refused_or_harmless,
	sec_c20_beyond_the_memory_budget_what_nobody_holds_is_given_up)
