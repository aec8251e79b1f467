#include "tests/suite.h"

#include <string.h>

#include "tests/fake.h"

static struct fake fake;
static struct peer a, b;

static void begin(void)
{
	fake_init(&fake);
	fake_start(&fake);
	ck_assert_int_eq(peer_init(&a, &fake, false), 0);
	ck_assert_int_eq(peer_init(&b, &fake, false), 0);
	peer_hello(&a);
	peer_hello(&b);
}

static void end(void)
{
	peer_done(&a);
	peer_done(&b);
	fake_done(&fake);
}

static void output(struct session *s, const char *text)
{
	ck_assert_int_eq(session_output(s, (const uint8_t *)text, strlen(text), LOG_STDOUT), 0);
	fake_turn(&fake);
}

START_TEST(a_session_is_created_attached_typed_into_and_ends)
{
	const struct frame *f;
	struct frame_span data;
	struct session *s;
	uint32_t at;

	begin();
	s = peer_create(&a, NULL, 80, 24);
	ck_assert_str_eq(session_name(s), "s1");
	session_up(s);
	at = peer_attach(&a, &(struct attach_how){ .name = "s1", .cols = 80, .rows = 24 });
	f = peer_note(&a, "resync");
	ck_assert_ptr_nonnull(f);
	ck_assert(field_bool(f->params, "first"));
	output(s, "hello");
	f = peer_note(&a, "output");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(frame_get_bytes(f->params, "data", &data), 0);
	ck_assert(frame_span_is(&data, "hello"));
	ck_assert_uint_eq(fake_last(&fake)->consumed, 5);
	peer_result(&a, peer_input(&a, at, "ls\n", 3));
	ck_assert_uint_eq(fake_last(&fake)->n_input, 3);
	session_end(s, &(struct session_end){ .has_exit_code = true, .exit_code = 3 });
	fake_turn(&fake);
	f = peer_note(&a, "exited");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(field_u64(f->params, "exit_code"), 3);
	ck_assert(fake_last(&fake)->closed);
	end();
}
END_TEST

TEST_MAIN("client", a_session_is_created_attached_typed_into_and_ends)
