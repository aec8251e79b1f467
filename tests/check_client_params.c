/* Every method's parameters, and who may call it. */
#include <string.h>

#include "tests/client_world.h"

/* ---- params ---- */

static void check_field(const char *method, const char *field)
{
	const struct frame *f;
	struct frame_span s;

	peer_refused(&a, a.next_id - 1, "bad_params");
	f = &a.frame;
	ck_assert_int_eq(frame_get_str(f->error, "field", &s), 0);
	ck_assert_msg(frame_span_is(&s, field), "%s: %.*s instead of %s", method, (int)s.n, s.data,
		field);
}

START_TEST(sec_c16_each_required_field_is_asked_for_and_each_wrong_type_refused)
{
	const struct method *m;
	size_t n;

	begin();
	m = methods(&n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(m[i].name, "hello") == 0)
			continue;
		for (const struct param *p = m[i].params; p->name; p++) {
			if (p == m[i].params && p->required) {
				simple(&a, m[i].name);
				check_field(m[i].name, p->name);
			}
			/* Wrong types of a later field show when the ones before are right: only the first is tried. */
			if (p != m[i].params)
				continue;
			peer_begin(&a, m[i].name, 1);
			frame_put_map(&a.out, p->name, 1);
			frame_put_array(&a.out, "x", 1);
			frame_put_nil(&a.out, NULL);
			peer_send(&a);
			check_field(m[i].name, p->name);
		}
	}
	end();
}
END_TEST

START_TEST(numbers_are_taken_up_to_their_bounds_and_refused_beyond)
{
	static const struct {
		uint64_t limit;
		bool good;
	} limits[] = { { 0, false }, { 1, true }, { 200, true }, { 201, false },
		{ UINT64_MAX, false } };
	static const struct {
		uint64_t window;
		bool good;
	} windows[] = { { 4095, false }, { 4096, true }, { 1048576, true }, { 1048577, false } };

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		peer_begin(&a, "session.list", 1);
		frame_put_u64(&a.out, "limit", limits[i].limit);
		peer_send(&a);
		if (limits[i].good)
			peer_result(&a, a.next_id - 1);
		else
			check_field("session.list", "limit");
	}
	peer_create(&a, "w", 1000, 1000);
	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		peer_begin(&a, "session.attach", 2);
		frame_put_str(&a.out, "name", "w");
		frame_put_u64(&a.out, "window", windows[i].window);
		peer_send(&a);
		if (windows[i].good)
			peer_result(&a, a.next_id - 1);
		else
			check_field("session.attach", "window");
	}
	peer_begin(&a, "session.attach", 2);
	frame_put_str(&a.out, "name", "w");
	frame_put_i64(&a.out, "window", -1);
	peer_send(&a);
	check_field("session.attach", "window");
	end();
}
END_TEST

START_TEST(sec_c30_session_names_are_1_to_64_safe_characters)
{
	static const char *const bad[] = { "a b", "a/b", "\033[1m", "ü", "a\nb" };

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		peer_begin(&a, "session.create", 4);
		frame_put_str(&a.out, "name", bad[i]);
		frame_put_str(&a.out, "sandbox_id", "x");
		frame_put_u64(&a.out, "cols", 80);
		frame_put_u64(&a.out, "rows", 24);
		peer_send(&a);
		check_field("session.create", "name");
	}
	end();
}
END_TEST

START_TEST(unknown_fields_are_ignored_and_nil_is_absent)
{
	begin();
	peer_begin(&a, "session.list", 3);
	frame_put_str(&a.out, "tomorrow", "x");
	frame_put_nil(&a.out, "limit");
	frame_put_nil(&a.out, "after");
	peer_result(&a, peer_send(&a));
	peer_refused(&a, simple(&a, "session.run"), "unknown_method");
	end();
}
END_TEST

/* ---- rights ---- */

START_TEST(sec_c22_the_observers_socket_reads_and_nothing_else)
{
	static const char *const allowed[] = { "hello", "session.list", "session.get",
		"session.capture", "session.attach", "session.ack", "session.resize",
		"session.detach", "daemon.status" };
	const struct method *m;
	size_t n, found = 0;
	bool may;

	begin();
	peer_done(&b);
	peer_init(&b, &fake, true);
	peer_hello(&b);
	m = methods(&n);
	for (size_t i = 0; i < n; i++) {
		may = false;
		for (size_t k = 0; k < ARRAY_SIZE(allowed); k++)
			may |= strcmp(m[i].name, allowed[k]) == 0;
		found += may;
		ck_assert_msg(!!(m[i].rights & RIGHT_OBSERVER) == may, "%s", m[i].name);
		ck_assert(m[i].rights & RIGHT_FULL);
		if (!may)
			peer_refused(&b, simple(&b, m[i].name), "denied");
	}
	ck_assert_uint_eq(found, ARRAY_SIZE(allowed));
	end();
}
END_TEST

static void refused_as_observer(struct peer *p, const char *method, uint32_t at, const char *key)
{
	peer_begin(p, method, 2);
	frame_put_u64(&p->out, "attachment", at);
	if (key && strcmp(key, "data") == 0)
		frame_put_bin(&p->out, key, "x", 1);
	else
		frame_put_bool(&p->out, key ? key : "none", true);
	peer_refused(p, peer_send(p), "denied");
}

START_TEST(sec_c22_an_observer_s_attachment_is_read_only_on_either_socket)
{
	struct session *s;
	uint32_t at;

	begin();
	s = peer_create(&a, "w", 80, 24);
	session_up(s);
	at = peer_attach(
		&a, &(struct attach_how){ .name = "w", .cols = 99, .rows = 9, .role = "observer" });
	refused_as_observer(&a, "session.input", at, "data");
	refused_as_observer(&a, "session.close_input", at, NULL);
	refused_as_observer(&a, "session.lease", at, "exclusive");
	refused_as_observer(&a, "session.lead", at, NULL);
	peer_begin(&a, "session.resize", 3);
	frame_put_u64(&a.out, "attachment", at);
	frame_put_u64(&a.out, "cols", 50);
	frame_put_u64(&a.out, "rows", 5);
	peer_result(&a, peer_send(&a)); /* its own view */
	fake_pass(&fake, USEC_PER_SEC);
	ck_assert_uint_eq(s->cols, 80);
	ck_assert_ptr_null(s->lead);
	peer_done(&b);
	peer_init(&b, &fake, true);
	peer_hello(&b);
	peer_begin(&b, "session.attach", 2);
	frame_put_str(&b.out, "name", "w");
	frame_put_str(&b.out, "role", "peer");
	peer_refused(&b, peer_send(&b), "denied");
	peer_begin(&b, "session.attach", 2);
	frame_put_str(&b.out, "name", "w");
	frame_put_str(&b.out, "policy", "block");
	peer_refused(&b, peer_send(&b), "denied");
	ck_assert(field_is(peer_result(&b, named(&b, "session.attach", "w")), "role", "observer"));
	peer_refused(&b, named(&b, "session.detach", "w"), "denied");
	ck_assert_uint_eq(fake_last(&fake)->n_input, 0);
	end();
}
END_TEST

TEST_MAIN("client_params", sec_c16_each_required_field_is_asked_for_and_each_wrong_type_refused,
	numbers_are_taken_up_to_their_bounds_and_refused_beyond,
	sec_c30_session_names_are_1_to_64_safe_characters,
	unknown_fields_are_ignored_and_nil_is_absent,
	sec_c22_the_observers_socket_reads_and_nothing_else,
	sec_c22_an_observer_s_attachment_is_read_only_on_either_socket)
