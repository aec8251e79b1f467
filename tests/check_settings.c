#include "daemon/core/attachment.h"
#include <stdio.h>

#include "tests/session_world.h"

static uint8_t blob[CORE_LOG_BYTES_DEFAULT];

static uint32_t set_begin(struct peer *p, const char *key, const char *text, uint64_t number)
{
	if (text)
		frame_put_str(&p->out, key, text);
	else
		frame_put_u64(&p->out, key, number);
	return peer_send(p);
}

static uint32_t set_session(const char *key, const char *text, uint64_t number)
{
	peer_begin(&a, "session.set", 2);
	frame_put_str(&a.out, "name", "w");
	return set_begin(&a, key, text, number);
}

static uint32_t set_one(
	struct peer *p, uint32_t at, const char *key, const char *text, uint64_t number)
{
	peer_begin(p, "session.set", 2);
	frame_put_u64(&p->out, "attachment", at);
	return set_begin(p, key, text, number);
}

static const struct attachment *attached(struct peer *p, uint32_t at)
{
	const struct attachment *found = client_attachment(p->client, at);

	ck_assert_ptr_nonnull(found);
	return found;
}

static uint32_t attach_as(struct peer *p, const char *role, const char *policy)
{
	return peer_attach(p,
		&(struct attach_how){ .name = "w", .role = role, .policy = policy, .raw = true });
}

START_TEST(an_attachment_that_names_none_has_the_session_s_settings)
{
	const struct attachment *one;
	const msgpack_object *o;

	begin();
	one = attached(&b, attach_as(&b, NULL, NULL));
	ck_assert_int_eq(one->policy, POLICY_SKIP);
	ck_assert_uint_eq(one->credit.window, CORE_WINDOW_DEFAULT);
	ck_assert_uint_eq(one->credit.drain_usec, 0);
	peer_result(&a, set_session("policy", "block", 0));
	peer_result(&a, set_session("window", NULL, 8192));
	peer_result(&a, set_session("drain_ms", NULL, 70));
	peer_result(&a, set_session("block_timeout_ms", NULL, 5000));
	o = peer_result(&a, named(&a, "session.get", "w"));
	ck_assert(field_is(o, "policy", "block"));
	ck_assert_uint_eq(field_u64(o, "window"), 8192);
	ck_assert_uint_eq(field_u64(o, "drain_ms"), 70);
	ck_assert_uint_eq(field_u64(o, "block_timeout_ms"), 5000);
	ck_assert_int_eq(one->policy, POLICY_SKIP); /* what is attached stays as it is */
	one = attached(&b, attach_as(&b, NULL, NULL));
	ck_assert_int_eq(one->policy, POLICY_BLOCK);
	ck_assert_uint_eq(one->credit.window, 8192);
	ck_assert_uint_eq(one->credit.drain_usec, 70 * USEC_PER_MSEC);
	ck_assert_uint_eq(one->block_timeout_usec, 5 * USEC_PER_SEC);
	ck_assert_int_eq(attached(&c, attach_as(&c, NULL, "drop"))->policy, POLICY_DROP);
	end();
}
END_TEST

START_TEST(an_observer_never_blocks_whatever_the_session_says)
{
	uint32_t at;

	begin();
	peer_result(&a, set_session("policy", "block", 0));
	at = attach_as(&b, "observer", NULL);
	ck_assert_int_eq(attached(&b, at)->policy, POLICY_SKIP);
	peer_refused(&b, set_one(&b, at, "policy", "block", 0), "denied");
	ck_assert_int_eq(attached(&b, at)->policy, POLICY_SKIP);
	peer_result(&b, set_one(&b, at, "policy", "drop", 0));
	ck_assert_int_eq(attached(&b, at)->policy, POLICY_DROP);
	peer_begin(&b, "session.attach", 3);
	frame_put_str(&b.out, "name", "w");
	frame_put_str(&b.out, "role", "observer");
	frame_put_str(&b.out, "policy", "block");
	peer_refused(&b, peer_send(&b), "denied");
	end();
}
END_TEST

START_TEST(a_policy_changed_at_run_time_holds_the_log_and_lets_it_go)
{
	uint32_t at;

	begin();
	at = attach_as(&b, NULL, "skip");
	peer_result(&b, set_one(&b, at, "policy", "block", 0));
	ck_assert_int_eq(session_output(s, blob, sizeof(blob), LOG_STDOUT), 0);
	fake_turn(&fake);
	ck_assert_uint_eq(session_room(s), CORE_WINDOW_DEFAULT); /* the rest is held */
	peer_result(&b, set_one(&b, at, "policy", "skip", 0));
	fake_turn(&fake);
	ck_assert_uint_eq(session_room(s), CORE_LOG_BYTES_DEFAULT);
	ck_assert_uint_eq(fake_last(&fake)->consumed, sizeof(blob));
	end();
}
END_TEST

START_TEST(a_reader_made_to_block_behind_others_still_gets_every_byte)
{
	uint32_t at;

	begin();
	at = attach_as(&b, NULL, "skip");
	ck_assert_int_eq(session_output(s, blob, sizeof(blob), LOG_STDOUT), 0);
	fake_turn(&fake); /* read by the screen, given back upstream, still kept */
	ck_assert_uint_eq(session_room(s), CORE_LOG_BYTES_DEFAULT);
	peer_result(&b, set_one(&b, at, "policy", "block", 0));
	ck_assert_int_eq(session_output(s, blob, sizeof(blob), LOG_STDOUT), 0);
	fake_turn(&fake);
	ck_assert_uint_eq(attached(&b, at)->reader.pos, CORE_WINDOW_DEFAULT);
	ck_assert_uint_eq(
		reader_lag(&attached(&b, at)->reader), 2 * sizeof(blob) - CORE_WINDOW_DEFAULT);
	end();
}
END_TEST

START_TEST(a_block_timeout_changed_at_run_time_counts_from_then)
{
	const struct frame *f;
	uint32_t at;

	begin();
	at = attach_as(&b, NULL, "block");
	ck_assert_int_eq(session_output(s, blob, sizeof(blob), LOG_STDOUT), 0);
	fake_pass(&fake, 30 * USEC_PER_SEC);
	peer_result(&b, set_one(&b, at, "block_timeout_ms", NULL, 40 * 1000));
	fake_pass(&fake, 40 * USEC_PER_SEC - 1);
	ck_assert_ptr_null(peer_note(&b, "detached"));
	fake_pass(&fake, 1);
	f = peer_note(&b, "detached");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_is(f->params, "reason", "stalled"));
	end();
}
END_TEST

START_TEST(a_window_changed_at_run_time_lets_more_be_sent_or_less)
{
	uint32_t at;

	begin();
	at = attach_as(&b, NULL, "block");
	ck_assert_int_eq(session_output(s, blob, 300000, LOG_STDOUT), 0);
	fake_turn(&fake);
	ck_assert_uint_eq(attached(&b, at)->credit.sent, 65536);
	peer_result(&b, set_one(&b, at, "window", NULL, 100000));
	fake_turn(&fake);
	ck_assert_uint_eq(attached(&b, at)->credit.sent, 100000);
	peer_result(&b, set_one(&b, at, "window", NULL, 4096));
	peer_ack(&b, at, 100000 - 4096);
	fake_turn(&fake);
	ck_assert_uint_eq(attached(&b, at)->credit.sent, 100000);
	peer_ack(&b, at, 100000);
	fake_turn(&fake);
	ck_assert_uint_eq(attached(&b, at)->credit.sent, 100000 + 4096);
	end();
}
END_TEST

START_TEST(what_makes_no_sense_is_refused_and_changes_nothing)
{
	static const struct {
		const char *key;
		uint64_t good, bad;
	} edges[] = {
		{ "window", CORE_WINDOW_MIN, CORE_WINDOW_MIN - 1 },
		{ "window", CORE_WINDOW_MAX, CORE_WINDOW_MAX + 1 },
		{ "drain_ms", ATTACHMENT_DRAIN_MAX_USEC / USEC_PER_MSEC,
			ATTACHMENT_DRAIN_MAX_USEC / USEC_PER_MSEC + 1 },
		{ "block_timeout_ms", 1, 0 },
	};
	uint32_t at;

	begin();
	at = attach_as(&b, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		peer_result(&a, set_session(edges[i].key, NULL, edges[i].good));
		peer_refused(&a, set_session(edges[i].key, NULL, edges[i].bad), "bad_params");
		peer_result(&b, set_one(&b, at, edges[i].key, NULL, edges[i].good));
		peer_refused(&b, set_one(&b, at, edges[i].key, NULL, edges[i].bad), "bad_params");
	}
	peer_refused(&a, set_session("policy", "greedy", 0), "bad_params");
	peer_refused(&b, set_one(&b, at, "policy", "greedy", 0), "bad_params");
	peer_refused(&b, set_one(&b, at, "size", "latest", 0), "bad_params"); /* is the session's */
	peer_refused(&a, set_one(&a, at, "policy", "drop", 0), "no_such_attachment");
	peer_begin(&a, "session.set", 0);
	peer_refused(&a, peer_send(&a), "bad_params");
	peer_begin(&b, "session.set", 2);
	frame_put_str(&b.out, "name", "w");
	frame_put_u64(&b.out, "attachment", at);
	peer_refused(&b, peer_send(&b), "bad_params");
	ck_assert_int_eq(s->policy, POLICY_SKIP);
	ck_assert_int_eq(attached(&b, at)->policy, POLICY_SKIP);
	end();
}
END_TEST

/* As after the help, or a stop. */
START_TEST(who_takes_a_place_keeps_what_was_set_for_that)
{
	struct attach_how how = { .name = "w", .cols = 80, .rows = 24, .policy = "drop" };
	const struct attachment *at;

	begin();
	how.replaces = peer_attach(&b, &how);
	peer_result(&b, set_one(&b, how.replaces, "window", NULL, 8192));
	peer_result(&b, set_one(&b, how.replaces, "drain_ms", NULL, 33));
	peer_result(&b, set_one(&b, how.replaces, "block_timeout_ms", NULL, 44));
	peer_result(&a, set_session("policy", "block", 0));
	peer_result(&a, set_session("window", NULL, 16384));
	peer_result(&a, set_session("drain_ms", NULL, 0));
	peer_result(&a, set_session("block_timeout_ms", NULL, 5));
	how.policy = NULL;
	how.replaces = peer_attach(&b, &how);
	at = attached(&b, how.replaces);
	ck_assert_int_eq(at->policy, POLICY_DROP);
	ck_assert_uint_eq(at->credit.window, 8192);
	ck_assert_uint_eq(at->credit.drain_usec, 33 * USEC_PER_MSEC);
	ck_assert_uint_eq(at->block_timeout_usec, 44 * USEC_PER_MSEC);
	how.policy = "skip"; /* what is named counts */
	how.window = 4096;
	at = attached(&b, peer_attach(&b, &how));
	ck_assert_int_eq(at->policy, POLICY_SKIP);
	ck_assert_uint_eq(at->credit.window, 4096);
	end();
}
END_TEST

static void set_colors(struct peer *p, uint32_t at, unsigned text, unsigned background)
{
	peer_begin(p, "session.set", 3);
	frame_put_u64(&p->out, "attachment", at);
	frame_put_u64(&p->out, "foreground", text);
	frame_put_u64(&p->out, "background", background);
	peer_result(p, peer_send(p));
}

static void assert_answer(const char *query, const char *want)
{
	struct term *t = s->screen.term;
	const uint8_t *answer;
	size_t n;

	term_replies_drop(t, SIZE_MAX);
	term_feed(t, (const uint8_t *)query, strlen(query));
	answer = term_replies(t, &n);
	ck_assert_msg(n == strlen(want) && memcmp(answer, want, n) == 0, "%.*s", (int)n,
		(const char *)answer);
	term_replies_drop(t, SIZE_MAX);
}

START_TEST(colours_are_the_lead_s_and_the_last_told_stay)
{
	uint32_t one, two;

	begin();
	assert_answer("\033]11;?\033\\", "\033]11;rgb:0000/0000/0000\033\\");
	one = peer_attach(&b, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	two = peer_attach(&c, &(struct attach_how){ .name = "w", .cols = 80, .rows = 24 });
	set_colors(&c, two, 0x111111, 0xeeeeee); /* does not lead */
	assert_answer("\033]11;?\033\\", "\033]11;rgb:0000/0000/0000\033\\");
	set_colors(&b, one, 0xffcc00, 0x102030);
	assert_answer("\033]11;?\033\\\033]10;?\033\\\033]12;?\033\\",
		"\033]11;rgb:1010/2020/3030\033\\\033]10;rgb:ffff/cccc/0000\033\\"
		"\033]12;rgb:ffff/cccc/0000\033\\");
	assert_answer("\033[?996n", "\033[?997;1n");
	session_lead(s, client_attachment(c.client, two));
	assert_answer("\033]11;?\033\\\033[?996n", "\033]11;rgb:eeee/eeee/eeee\033\\\033[?997;2n");
	assert_answer("\033]11;#123456\033\\\033]11;?\033\\", "\033]11;rgb:1212/3434/5656\033\\");
	assert_answer("\033]111\033\\\033]11;?\033\\", "\033]11;rgb:eeee/eeee/eeee\033\\");
	end();
}
END_TEST

START_TEST(history_is_packed_once_output_rests)
{
	char line[64];
	size_t before;

	begin();
	for (unsigned i = 0; i < 1200; i++) {
		snprintf(line, sizeof(line), "a line like the others, number %u of many\r\n", i);
		ck_assert_int_eq(
			session_output(s, (const uint8_t *)line, strlen(line), LOG_STDOUT), 0);
		fake_turn(&fake);
	}
	before = s->screen.charged;
	fake_pass(&fake, SESSION_REST_USEC - 1);
	ck_assert_uint_eq(s->screen.charged, before);
	for (unsigned i = 0; i < 20; i++)
		fake_pass(&fake, 1);
	ck_assert_uint_lt(s->screen.charged, before - 20 * 1024);
	ck_assert(!term_rest(s->screen.term));
	end();
}
END_TEST

TEST_MAIN("settings", history_is_packed_once_output_rests,
	colours_are_the_lead_s_and_the_last_told_stay,
	an_attachment_that_names_none_has_the_session_s_settings,
	who_takes_a_place_keeps_what_was_set_for_that,
	an_observer_never_blocks_whatever_the_session_says,
	a_policy_changed_at_run_time_holds_the_log_and_lets_it_go,
	a_reader_made_to_block_behind_others_still_gets_every_byte,
	a_block_timeout_changed_at_run_time_counts_from_then,
	a_window_changed_at_run_time_lets_more_be_sent_or_less,
	what_makes_no_sense_is_refused_and_changes_nothing)
