/* The bounds on what clients and sessions may cost, each at its edge: first slower, then refused. */
#include <stdio.h>

#include "tests/attachment_world.h"

#include "daemon/core/budget.h"
#include "daemon/core/describe.h"

/* So that what is held now is `eighths` and `bytes` of the bound. */
static void set_budget(unsigned eighths, long bytes)
{
	size_t held = ledger_held(&fake.core->memory) - (size_t)bytes;

	fake.core->config.max_memory = (held + eighths - 1) / eighths * 8;
}

static void plenty(void)
{
	fake.core->config.max_memory = 0;
}

static uint32_t named(struct peer *p, const char *method, const char *name)
{
	peer_begin(p, method, 1);
	frame_put_str(&p->out, "name", name);
	return peer_send(p);
}

/* A partial frame: its head says that n bytes follow. */
static void begin_frame(struct peer *p, size_t n)
{
	static uint8_t frame[FRAME_MAX] = { 0x94, 0x00, 0x01, 0xa1, 'x', 0x91, 0x81, 0xa1, 'd',
		0xc6 };

	frame[10] = (uint8_t)(n >> 24);
	frame[11] = (uint8_t)(n >> 16);
	frame[12] = (uint8_t)(n >> 8);
	frame[13] = (uint8_t)n;
	client_feed(p->client, frame, 14);
}

static void go_on_frame(struct peer *p, size_t n)
{
	static const uint8_t zeros[FRAME_MAX];

	client_feed(p->client, zeros, n);
}

START_TEST(short_of_memory_a_session_goes_on_in_smaller_steps_and_has_its_window_back_later)
{
	const struct fake_upstream *u;

	begin();
	u = fake_last(&fake);
	set_budget(8, 0);
	ck_assert(budget_is_short(fake.core));
	output(blob, LOG_BYTES); /* all it had */
	ck_assert_uint_eq(u->consumed, BUDGET_SESSION_BYTES);
	for (size_t i = 1; i < 10; i++) {
		output(blob, BUDGET_SESSION_BYTES);
		ck_assert_uint_eq(u->consumed, (i + 1) * BUDGET_SESSION_BYTES);
	}
	output(blob, 1);
	ck_assert_uint_eq(u->consumed, 10 * BUDGET_SESSION_BYTES + 1);
	plenty();
	fake_turn(&fake);
	ck_assert_uint_eq(u->consumed, LOG_BYTES + 9 * BUDGET_SESSION_BYTES + 1);
	ck_assert_uint_eq(s->withheld, 0);
	end();
}
END_TEST

/* Nothing else happens after that: the far side waits for its window. */
START_TEST(memory_that_goes_with_a_client_is_a_session_s_window_in_the_same_turn)
{
	const struct fake_upstream *u;

	begin();
	u = fake_last(&fake);
	begin_frame(&b, FRAME_MAX / 2);
	go_on_frame(&b, FRAME_MAX / 4);
	set_budget(8, 0);
	output(blob, LOG_BYTES);
	ck_assert_uint_eq(u->consumed, BUDGET_SESSION_BYTES);
	set_budget(7, 8 * 1024); /* short by less than what the client has */
	fake_turn(&fake);
	ck_assert(budget_is_short(fake.core));
	peer_close(&b);
	fake_turn(&fake);
	ck_assert(!budget_is_short(fake.core));
	ck_assert_uint_eq(u->consumed, LOG_BYTES);
	plenty();
	end();
}
END_TEST

START_TEST(at_seven_eighths_of_the_budget_nobody_notices_and_a_byte_beyond_it_all_do)
{
	begin();
	output(blob, LOG_BYTES);
	fake.core->config.max_memory = ledger_held(&fake.core->memory) / BUDGET_EASE * 8;
	while (budget_is_short(fake.core))
		fake.core->config.max_memory += 8;
	fake_turn(&fake);
	ck_assert(!fake.core->is_short);
	ck_assert_uint_eq(s->log.head - s->log.tail, LOG_BYTES);
	fake.core->config.max_memory -= 8;
	fake_turn(&fake);
	ck_assert_uint_lt(s->log.head - s->log.tail, LOG_BYTES);
	end();
}
END_TEST

START_TEST(short_of_memory_a_client_beyond_its_share_is_not_read_from_but_always_one_is)
{
	struct peer c;

	begin();
	peer_init(&c, &fake, false);
	peer_hello(&c);
	begin_frame(&a, 500000);
	go_on_frame(&a, 200000);
	begin_frame(&b, 500000);
	go_on_frame(&b, 200000);
	ck_assert(client_wants_read(a.client) && client_wants_read(b.client));
	set_budget(8, 0);
	fake_turn(&fake);
	ck_assert(client_wants_read(a.client) != client_wants_read(b.client));
	ck_assert(client_wants_read(c.client)); /* costs nothing */
	peer_result(&c, named(&c, "session.get", "w"));
	if (!client_wants_read(a.client)) { /* the one that may comes to its end */
		go_on_frame(&b, 300000);
	} else {
		go_on_frame(&a, 300000);
	}
	fake_turn(&fake);
	ck_assert(client_wants_read(a.client) && client_wants_read(b.client));
	peer_done(&c);
	end();
}
END_TEST

START_TEST(a_client_that_is_read_from_out_of_turn_may_go)
{
	begin();
	begin_frame(&a, 500000);
	go_on_frame(&a, 200000);
	set_budget(8, 0);
	fake_turn(&fake);
	ck_assert_ptr_eq(fake.core->favoured, a.client);
	peer_close(&a);
	fake_turn(&fake);
	ck_assert_ptr_null(fake.core->favoured);
	end();
}
END_TEST

START_TEST(one_that_stands_still_holds_up_no_other_for_longer_than_its_turn)
{
	bool first;

	begin();
	begin_frame(&a, 500000);
	go_on_frame(&a, 200000);
	begin_frame(&b, 500000);
	go_on_frame(&b, 200000);
	set_budget(8, 0);
	fake_turn(&fake);
	first = client_wants_read(a.client);
	for (int i = 0; i < 4; i++) {
		fake_pass(&fake, BUDGET_FAVOUR_USEC - 1);
		ck_assert(client_wants_read(first ? a.client : b.client));
		ck_assert(!client_wants_read(first ? b.client : a.client));
		fake_pass(&fake, 1);
		first = !first;
		ck_assert(client_wants_read(first ? a.client : b.client));
		ck_assert(!client_wants_read(first ? b.client : a.client));
	}
	end();
}
END_TEST

START_TEST(at_the_budget_new_work_is_refused_and_what_there_is_goes_on)
{
	uint32_t at;

	begin();
	at = peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true });
	fake.core->config.max_memory = ledger_held(&fake.core->memory);
	peer_begin(&a, "session.attach", 1);
	frame_put_str(&a.out, "name", "w");
	peer_refused(&a, peer_send(&a), "limit");
	ck_assert(field_is(a.frame.error, "limit", "max-memory"));
	output("still here", 10);
	ck_assert_ptr_nonnull(peer_note(&b, "output"));
	peer_result(&b, peer_input(&b, at, "x", 1));
	plenty();
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	end();
}
END_TEST

START_TEST(one_connection_has_4096_attachments_and_not_one_more)
{
	begin();
	for (size_t i = 0; i < CLIENT_ATTACHMENTS_MAX; i++) {
		peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true });
		b.pos_rx = b.n_rx = 0;
	}
	peer_begin(&b, "session.attach", 1);
	frame_put_str(&b.out, "name", "w");
	peer_refused(&b, peer_send(&b), "busy");
	peer_attach(&a, &(struct attach_how){ .name = "w", .raw = true });
	peer_begin(&b, "session.detach", 1);
	frame_put_u64(&b.out, "attachment", 1);
	peer_result(&b, peer_send(&b));
	peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true });
	end();
}
END_TEST

START_TEST(sec_c18_a_client_is_sent_its_share_of_bytes_each_turn)
{
	uint32_t at;

	begin();
	at = peer_attach(
		&a, &(struct attach_how){
			    .name = "w", .raw = true, .policy = "block", .window = 1 << 20 });
	peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true });
	a.pos_rx = a.n_rx = 0;
	ck_assert_int_eq(session_output(s, blob, LOG_BYTES, LOG_STDOUT), 0);
	ck_assert(fake_turn_once(&fake));
	ck_assert_uint_ge(a.n_rx, CLIENT_GATHER_MAX);
	ck_assert_uint_le(a.n_rx, CLIENT_GATHER_MAX + PLAN_FRAMES_MAX * CLIENT_HEAD_MAX);
	fake_turn(&fake);
	ck_assert_uint_eq(client_attachment(a.client, at)->credit.sent, LOG_BYTES);
	end();
}
END_TEST

static uint32_t exec_of(const char *arg)
{
	peer_begin(&a, "exec", 2);
	frame_put_str(&a.out, "sandbox_id", "sb");
	frame_put_array(&a.out, "argv", 3);
	for (unsigned i = 0; i < 3; i++)
		frame_add_str(&a.out, arg);
	return peer_send(&a);
}

/* A paint may be a few bytes, and looks at each cell for them. */
START_TEST(sec_c18_a_client_with_many_painted_terminals_has_its_share_of_a_turn)
{
	const size_t most = CLIENT_GATHER_MAX / CLIENT_FRAME_COST + PLAN_FRAMES_MAX;
	size_t n_paints = 0, before;
	struct attachment *one;
	const struct frame *f;
	bool more = true;

	begin();
	peer_attach(&a, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	for (size_t i = 0; i < 3 * most; i++)
		peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 40, .rows = 12 });
	while (peer_next(&b))
		;
	output_text("word");
	ck_assert_ptr_null(peer_next(&b)); /* the first paints are not acknowledged */
	list_for_each(one, &b.client->attachments, client_link)
		attachment_ack(one, one->credit.sent);
	fake.clock.now_usec += ATTACHMENT_PAINT_USEC;
	while (more) {
		before = n_paints;
		more = fake_turn_once(&fake);
		while ((f = peer_next(&b)))
			n_paints += frame_is(f, "resync");
		ck_assert_uint_le(n_paints - before, most);
	}
	ck_assert_uint_eq(n_paints, 3 * most);
	end();
}
END_TEST

/* The far side keeps all of it until it has sent it; the session keeps what is told of its command. */
START_TEST(sec_c20_what_a_far_side_is_asked_for_is_charged_until_it_runs)
{
	static char text[256 * 1024];
	struct session *big;
	size_t before;

	begin();
	memset(text, 'x', sizeof(text) - 1);
	before = ledger_held(&fake.core->memory);
	peer_begin(&a, "session.create", 6);
	frame_put_str(&a.out, "name", "big");
	frame_put_str(&a.out, "sandbox_id", "sb");
	frame_put_u64(&a.out, "cols", 80);
	frame_put_u64(&a.out, "rows", 24);
	frame_put_array(&a.out, "argv", 1);
	frame_add_str(&a.out, text);
	frame_put_map(&a.out, "env", 1);
	frame_put_str(&a.out, "A", text);
	peer_result(&a, peer_send(&a));
	ck_assert_uint_gt(ledger_held(&fake.core->memory), before + 2 * sizeof(text));
	big = fake_last(&fake)->session;
	ck_assert_uint_le(strlen(big->command), DESCRIBE_COMMAND_MAX);
	session_up(big);
	ck_assert_uint_lt(ledger_held(&fake.core->memory), before + sizeof(text));
	set_budget(8, -(long)(2 * sizeof(text)));
	peer_result(&a, exec_of(text));
	peer_refused(&a, exec_of(text), "limit");
	plenty();
	end();
}
END_TEST

#define N_FLOODS 40

static void output_of(struct session *one)
{
	ck_assert_int_eq(session_output(one, blob, LOG_BYTES, LOG_STDOUT), 0);
	fake_turn(&fake);
}

static void run_many(struct session *many[N_FLOODS])
{
	char name[8];

	for (size_t i = 0; i < N_FLOODS; i++) {
		snprintf(name, sizeof(name), "m%zu", i);
		many[i] = peer_create(&a, name, 80, 24);
		session_up(many[i]);
	}
}

/* However many programs flood, others wait for a turn of the same length. */
START_TEST(sec_c18_all_screens_together_have_a_share_of_a_turn_and_each_comes_to_its_own)
{
	struct session *floods[N_FLOODS];
	uint64_t before, eaten;

	begin();
	run_many(floods);
	for (size_t i = 0; i < N_FLOODS; i++)
		ck_assert_int_eq(session_output(floods[i], blob, LOG_BYTES, LOG_STDOUT), 0);
	for (size_t turn = 0; turn <= N_FLOODS / 4; turn++) {
		before = eaten = 0;
		for (size_t i = 0; i < N_FLOODS; i++)
			before += screen_offset(&floods[i]->screen);
		ck_assert(fake_turn_once(&fake));
		for (size_t i = 0; i < N_FLOODS; i++)
			eaten += screen_offset(&floods[i]->screen);
		ck_assert_uint_gt(eaten, before); /* a byte is a unit of work at least */
		ck_assert_uint_le(eaten - before, SCREEN_TURN_WORK);
	}
	for (size_t i = 0; i < N_FLOODS; i++)
		ck_assert_uint_gt(screen_offset(&floods[i]->screen), 0);
	fake_turn(&fake);
	for (size_t i = 0; i < N_FLOODS; i++)
		ck_assert_uint_eq(session_room(floods[i]), LOG_BYTES);
	end();
}
END_TEST

START_TEST(histories_that_come_to_rest_at_once_are_packed_a_few_a_turn)
{
	struct session *quiet[N_FLOODS];
	size_t held[N_FLOODS], packed = 0;

	begin();
	run_many(quiet);
	for (size_t i = 0; i < N_FLOODS; i++)
		output_of(quiet[i]);
	for (size_t i = 0; i < N_FLOODS; i++)
		held[i] = quiet[i]->screen.charged;
	fake_pass(&fake, SESSION_REST_USEC);
	fake_pass(&fake, 1);
	for (size_t i = 0; i < N_FLOODS; i++)
		packed += quiet[i]->screen.charged < held[i];
	ck_assert_uint_gt(packed, 0);
	ck_assert_uint_le(packed, SCREEN_RESTS_MAX);
	for (size_t i = 0; i < N_FLOODS; i++) /* those that wait cost a turn nothing */
		ck_assert(!quiet[i]->rest_timer.armed);
	for (size_t i = 0; i < 20 * N_FLOODS; i++)
		fake_pass(&fake, 1);
	for (size_t i = 0; i < N_FLOODS; i++)
		ck_assert(!term_rest(quiet[i]->screen.term));
	end();
}
END_TEST

START_TEST(a_call_too_has_its_window_back_when_memory_is)
{
	const struct fake_upstream *u;
	uint32_t at;

	begin();
	at = (uint32_t)field_u64(peer_result(&a, exec_of("x")), "attachment");
	u = fake_last(&fake);
	session_up(u->session);
	set_budget(8, 0);
	for (size_t sent = 0; sent < LOG_BYTES; sent += CORE_WINDOW_DEFAULT) {
		ck_assert_int_eq(
			session_output(u->session, blob, CORE_WINDOW_DEFAULT, LOG_STDOUT), 0);
		fake_turn(&fake);
		peer_ack(&a, at, sent + CORE_WINDOW_DEFAULT);
		fake_turn(&fake);
	}
	ck_assert_uint_lt(u->consumed, LOG_BYTES);
	plenty();
	fake_turn(&fake);
	ck_assert_uint_eq(u->consumed, LOG_BYTES);
	end();
}
END_TEST

START_TEST(the_attachments_of_a_client_are_sent_their_output_in_turns)
{
	bool had[9] = { false };
	const struct frame *f;
	uint64_t at;

	begin();
	for (size_t i = 1; i < ARRAY_SIZE(had); i++)
		peer_attach(&a,
			&(struct attach_how){
				.name = "w", .raw = true, .policy = "block", .window = 1 << 20 });
	while (peer_next(&a))
		; /* who is there */
	output(blob, LOG_BYTES);
	for (size_t i = 1; i < ARRAY_SIZE(had); i++) {
		f = peer_note(&a, "output");
		ck_assert_ptr_nonnull(f);
		at = field_u64(f->params, "attachment");
		ck_assert_uint_lt(at, ARRAY_SIZE(had));
		ck_assert(!had[at]); /* none has a second frame before each has its first */
		had[at] = true;
	}
	end();
}
END_TEST

TEST_MAIN("budget",
	short_of_memory_a_session_goes_on_in_smaller_steps_and_has_its_window_back_later,
	memory_that_goes_with_a_client_is_a_session_s_window_in_the_same_turn,
	a_call_too_has_its_window_back_when_memory_is,
	the_attachments_of_a_client_are_sent_their_output_in_turns,
	at_seven_eighths_of_the_budget_nobody_notices_and_a_byte_beyond_it_all_do,
	short_of_memory_a_client_beyond_its_share_is_not_read_from_but_always_one_is,
	a_client_that_is_read_from_out_of_turn_may_go,
	one_that_stands_still_holds_up_no_other_for_longer_than_its_turn,
	at_the_budget_new_work_is_refused_and_what_there_is_goes_on,
	one_connection_has_4096_attachments_and_not_one_more,
	sec_c18_a_client_is_sent_its_share_of_bytes_each_turn,
	sec_c18_a_client_with_many_painted_terminals_has_its_share_of_a_turn,
	sec_c20_what_a_far_side_is_asked_for_is_charged_until_it_runs,
	sec_c18_all_screens_together_have_a_share_of_a_turn_and_each_comes_to_its_own,
	histories_that_come_to_rest_at_once_are_packed_a_few_a_turn)
