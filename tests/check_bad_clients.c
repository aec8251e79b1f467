/* Clients that say what makes no sense, or nothing where something is due: clear codes, nothing held. */
#include "tests/attachment_world.h"

static uint32_t of_attachment(struct peer *p, const char *method, int64_t at)
{
	peer_begin(p, method, 6); /* what the method does not know is ignored */
	frame_put_i64(&p->out, "attachment", at);
	frame_put_u64(&p->out, "bytes", 0);
	frame_put_bin(&p->out, "data", "x", 1);
	frame_put_u64(&p->out, "cols", 80);
	frame_put_u64(&p->out, "rows", 24);
	frame_put_bool(&p->out, "exclusive", true);
	return peer_send(p);
}

static const char *const methods_of_one[] = { "session.ack", "session.input", "session.resize",
	"session.detach", "session.close_input", "session.lease", "session.lead", "session.set" };

START_TEST(an_attachment_used_after_its_end_or_by_another_is_none)
{
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	for (size_t i = 0; i < ARRAY_SIZE(methods_of_one); i++)
		peer_refused(&b, of_attachment(&b, methods_of_one[i], at), "no_such_attachment");
	peer_result(&a, of_attachment(&a, "session.detach", at));
	for (size_t i = 0; i < ARRAY_SIZE(methods_of_one); i++)
		peer_refused(&a, of_attachment(&a, methods_of_one[i], at), "no_such_attachment");
	ck_assert_uint_eq(fake.core->n_attachments, 0);
	ck_assert_ptr_null(s->lease);
	ck_assert_uint_eq(fake_last(&fake)->n_input, 0);
	end();
}
END_TEST

START_TEST(negative_and_huge_numbers_are_refused_by_name_and_hold_nothing)
{
	static const struct {
		const char *method, *field;
		uint64_t beyond;
	} cases[] = {
		{ "session.attach", "window", CORE_WINDOW_MAX + 1 },
		{ "session.attach", "window", 0 },
		{ "session.attach", "drain_ms", ATTACHMENT_DRAIN_MAX_USEC / USEC_PER_MSEC + 1 },
		{ "session.attach", "block_timeout_ms", 0 },
		{ "session.attach", "history", ATTACHMENT_HISTORY_MAX + 1 },
		{ "session.attach", "cols", SIZE_COLS_MAX + 1 },
		{ "session.attach", "rows", SIZE_ROWS_MAX + 1 },
		{ "session.set", "window", CORE_WINDOW_MIN - 1 },
		{ "session.ack", "attachment", (uint64_t)UINT32_MAX + 1 },
		{ "session.ack", "bytes", 0 }, /* 0 is fine: only the negative one is looked at */
	};
	size_t before;

	begin();
	before = ledger_held(&fake.core->memory);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int negative = cases[i].beyond == 0 && i == ARRAY_SIZE(cases) - 1;
			negative < 3; negative++) {
			peer_begin(&a, cases[i].method, 2);
			frame_put_str(&a.out, "name", "w");
			if (negative)
				frame_put_i64(
					&a.out, cases[i].field, negative == 1 ? -1 : INT64_MIN);
			else
				frame_put_u64(&a.out, cases[i].field, cases[i].beyond);
			peer_refused(&a, peer_send(&a), "bad_params");
			if (strcmp(cases[i].method, "session.ack") != 0)
				ck_assert(field_is(a.frame.error, "field", cases[i].field));
		}
	ck_assert_uint_eq(fake.core->n_attachments, 0);
	ck_assert_uint_le(ledger_held(&fake.core->memory), before + BYTES_KEEP_MAX);
	end();
}
END_TEST

START_TEST(ten_thousand_attach_and_detach_in_a_minute_of_a_flood_leave_nothing_behind)
{
	static const char *const policies[] = { "skip", "block", "drop" };
	uint32_t at;

	begin();
	fake.core->config.history_lines = 10; /* of each first paint */
	for (size_t i = 0; i < 10000; i++) {
		at = peer_attach(&b, &(struct attach_how){ .name = "w",
					     .cols = i % 3 ? 80 : 40,
					     .rows = 24,
					     .policy = policies[i % 3] });
		if (i % 16 == 0)
			output(blob, 20000);
		if (i % 5)
			peer_result(&b, of_attachment(&b, "session.detach", at));
		else { /* or it goes without a word */
			peer_done(&b);
			peer_init(&b, &fake, false);
			peer_hello(&b);
		}
		fake_pass(&fake, 6 * USEC_PER_MSEC);
		b.pos_rx = b.n_rx = 0;
		a.pos_rx = a.n_rx = 0;
	}
	ck_assert_uint_eq(fake.core->n_attachments, 0);
	ck_assert_uint_eq(session_room(s), LOG_BYTES);
	session_drop(s);
	fake_turn(&fake);
	ck_assert_uint_le(
		ledger_held(&fake.core->memory), 2 * (sizeof(struct client) + 2 * BYTES_KEEP_MAX));
	end();
}
END_TEST

/* A program that takes nothing, and a client that types as much as it may and goes, again and again. */
START_TEST(who_types_and_goes_holds_no_more_than_a_bound_and_then_is_told)
{
	static uint8_t window[CORE_INPUT_WINDOW];
	const size_t n_max = INQ_LEFT_MAX / sizeof(window);
	uint32_t at;

	begin();
	fake_last(&fake)->read_max = 0;
	for (size_t i = 0; i <= n_max; i++) {
		at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
		if (i < n_max)
			peer_result(&a, peer_input(&a, at, window, sizeof(window)));
		else
			peer_refused(&a, peer_input(&a, at, window, 1), "busy");
		peer_result(&a, of_attachment(&a, "session.detach", at));
	}
	ck_assert_uint_lt(ledger_held(&fake.core->memory), 2 * INQ_LEFT_MAX);
	fake_last(&fake)->read_max = SIZE_MAX;
	fake_last(&fake)->woken = true;
	fake_turn(&fake);
	ck_assert_uint_eq(fake_last(&fake)->n_input, n_max * sizeof(window));
	end();
}
END_TEST

START_TEST(a_client_that_never_acknowledges_is_sent_its_window_and_holds_nobody_for_long)
{
	static const struct {
		const char *policy, *reason; /* how it ends; NULL: it stays */
		uint64_t waits_usec;         /* the session, for it */
	} cases[] = {
		{ "skip", NULL, 0 },
		{ "drop", "dropped", 0 },
		{ "block", "stalled", CORE_BLOCK_TIMEOUT_DEFAULT_USEC },
	};
	const struct frame *f;
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		peer_attach(&a, &(struct attach_how){
					.name = "w", .raw = true, .policy = cases[i].policy });
		output(blob, LOG_BYTES);
		fake_pass(&fake, cases[i].waits_usec);
		for (n = 0; n < 16; n++)
			output(blob, LOG_BYTES);
		fake_pass(&fake, 24 * 3600 * USEC_PER_SEC);
		for (n = 0; (f = peer_next(&a)) && !frame_is(f, "detached");) {
			struct frame_span data;

			if (frame_get_bytes(f->params, "data", &data) == 0)
				n += data.n;
		}
		ck_assert_uint_eq(n, CORE_WINDOW_DEFAULT);
		ck_assert_int_eq(f != NULL, cases[i].reason != NULL);
		if (f)
			ck_assert(field_is(f->params, "reason", cases[i].reason));
		ck_assert_uint_eq(session_room(s), LOG_BYTES);
		ck_assert_uint_eq(fake.core->n_attachments, !cases[i].reason);
		end();
	}
}
END_TEST

static uint32_t come_back(struct peer *p, uint64_t offset)
{
	char id[2] = { (char)('0' + s->number), '\0' };
	const msgpack_object *o;

	peer_begin(p, "session.attach", 4);
	frame_put_str(&p->out, "name", "w");
	frame_put_str(&p->out, "policy", "block");
	frame_put_bool(&p->out, "paint", false);
	frame_put_map(&p->out, "since", 3);
	frame_put_str(&p->out, "boot_id", "boot");
	frame_put_str(&p->out, "session", id);
	frame_put_u64(&p->out, "offset", offset);
	o = peer_result(p, peer_send(p));
	ck_assert(!field_bool(o, "fresh"));
	ck_assert_uint_eq(field_u64(o, "offset"), offset);
	return (uint32_t)field_u64(o, "attachment");
}

START_TEST(one_that_stalled_comes_back_by_its_offset_and_misses_no_byte)
{
	static struct got g;
	const struct frame *f;
	uint64_t read, total;
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .policy = "block" });
	output(blob, LOG_BYTES);
	collect(&a, &g);
	read = g.output; /* it got these, and acknowledged a half */
	peer_ack(&a, at, read / 2);
	fake_pass(&fake, 0);
	collect(&a, &g);
	read += g.output;
	fake_pass(&fake, CORE_BLOCK_TIMEOUT_DEFAULT_USEC);
	f = peer_note(&a, "detached");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(f->params, "reason", "stalled"));
	ck_assert_uint_eq(field_u64(f->params, "offset"), read); /* all it was sent */
	fake_pass(&fake, 3600 * USEC_PER_SEC);
	at = come_back(&a, read);
	for (total = 0; total < LOG_BYTES - read;) {
		collect(&a, &g);
		ck_assert_uint_gt(g.output, 0);
		ck_assert_uint_eq(g.first_offset, read + total);
		ck_assert_int_eq(memcmp(g.text, blob + read + total, g.n_text), 0);
		total += g.output;
		peer_ack(&a, at, total);
		fake_turn(&fake);
	}
	ck_assert_uint_eq(session_room(s), LOG_BYTES);
	end();
}
END_TEST

START_TEST(two_attachments_of_one_client_are_acknowledged_and_end_apart)
{
	uint32_t one, two;

	begin();
	one = peer_attach(
		&a, &(struct attach_how){
			    .name = "w", .raw = true, .policy = "block", .window = 4096 });
	two = peer_attach(
		&a, &(struct attach_how){
			    .name = "w", .raw = true, .policy = "block", .window = 4096 });
	output(blob, 20000);
	peer_ack(&a, two, 4096);
	fake_turn(&fake);
	ck_assert_uint_eq(client_attachment(a.client, one)->reader.pos, 4096);
	ck_assert_uint_eq(client_attachment(a.client, two)->reader.pos, 8192);
	peer_ack(&a, one, 4097); /* one lies: the other stays */
	fake_turn(&fake);
	ck_assert_ptr_null(client_attachment(a.client, one));
	peer_ack(&a, two, 8192);
	fake_turn(&fake);
	ck_assert_uint_eq(client_attachment(a.client, two)->reader.pos, 12288);
	ck_assert_uint_eq(session_room(s), LOG_BYTES - 20000 + 12288);
	end();
}
END_TEST

START_TEST(the_time_a_session_waits_for_a_reader_begins_anew_each_time_it_waits)
{
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .policy = "block" });
	output(blob, LOG_BYTES);
	fake_run(&fake, 10 * USEC_PER_SEC);
	for (uint64_t bytes = 65536; bytes <= LOG_BYTES; bytes += 65536) {
		peer_ack(&a, at, bytes);
		fake_turn(&fake);
	}
	fake_run(&fake, 40 * USEC_PER_SEC);
	output(blob, LOG_BYTES);
	fake_run(&fake, 60 * USEC_PER_SEC - 1);
	ck_assert_ptr_null(peer_note(&a, "detached"));
	fake_run(&fake, 1);
	ck_assert_ptr_nonnull(peer_note(&a, "detached"));
	end();
}
END_TEST

/* The log has moved on without it, and it is dropped when the turn ends. */
START_TEST(one_about_to_be_dropped_that_is_made_to_skip_stays)
{
	uint32_t at;

	begin();
	at = peer_attach(&a,
		&(struct attach_how){
			.name = "w", .cols = 80, .rows = 24, .policy = "drop", .window = 4096 });
	fake_turn(&fake);
	peer_ack(&a, at, client_attachment(a.client, at)->credit.sent);
	output(blob, LOG_BYTES);
	ck_assert_int_eq(session_output(s, blob, LOG_BYTES, LOG_STDOUT), 0);
	ck_assert(client_attachment(a.client, at)->lost);
	peer_begin(&a, "session.set", 2);
	frame_put_u64(&a.out, "attachment", at);
	frame_put_str(&a.out, "policy", "skip");
	peer_result(&a, peer_send(&a));
	peer_ack(&a, at, client_attachment(a.client, at)->credit.sent);
	fake_run(&fake, USEC_PER_SEC);
	ck_assert_ptr_nonnull(peer_note(&a, "resync"));
	ck_assert_ptr_null(peer_note(&a, "detached"));
	end();
}
END_TEST

START_TEST(one_that_acknowledges_the_same_again_and_again_is_stalled)
{
	uint32_t at;

	begin();
	at = peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true, .policy = "block" });
	output(blob, LOG_BYTES);
	for (unsigned i = 0; i < 60; i++) {
		ck_assert_ptr_null(peer_note(&a, "detached"));
		peer_ack(&a, at, 1);
		fake_run(&fake, USEC_PER_SEC);
	}
	ck_assert_ptr_nonnull(peer_note(&a, "detached"));
	end();
}
END_TEST

/* Its socket takes a byte now and then: what it is told waits, and is told once. */
START_TEST(what_a_client_that_hardly_reads_is_told_does_not_pile_up)
{
	static const char *const names[] = { "w", "another" };

	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	a.room = 0;
	for (size_t i = 0; i < 4000; i++) {
		peer_begin(&b, "session.rename", 2);
		frame_put_str(&b.out, "name", names[i % 2]);
		frame_put_str(&b.out, "to", names[(i + 1) % 2]);
		peer_result(&b, peer_send(&b));
		peer_drain(&a, 1);
		fake_turn(&fake);
	}
	ck_assert_uint_gt(bytes_n(&a.client->out), 0);
	ck_assert_uint_lt(bytes_n(&a.client->out), CLIENT_NOTES_MAX + 1024);
	end();
}
END_TEST

TEST_MAIN("bad_clients", an_attachment_used_after_its_end_or_by_another_is_none,
	negative_and_huge_numbers_are_refused_by_name_and_hold_nothing,
	ten_thousand_attach_and_detach_in_a_minute_of_a_flood_leave_nothing_behind,
	who_types_and_goes_holds_no_more_than_a_bound_and_then_is_told,
	a_client_that_never_acknowledges_is_sent_its_window_and_holds_nobody_for_long,
	one_that_stalled_comes_back_by_its_offset_and_misses_no_byte,
	one_that_acknowledges_the_same_again_and_again_is_stalled,
	what_a_client_that_hardly_reads_is_told_does_not_pile_up,
	the_time_a_session_waits_for_a_reader_begins_anew_each_time_it_waits,
	one_about_to_be_dropped_that_is_made_to_skip_stays,
	two_attachments_of_one_client_are_acknowledged_and_end_apart)
