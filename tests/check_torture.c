/* sec F19: every allocation of the core fails once, and from there on for ever. */
#include "tests/suite.h"

#include <string.h>

#include "daemon/core/recorder.h"
#include "tests/bare.h"
#include "tests/torture.h"

#define LOG_BYTES ((size_t)64 * 1024)
#define SCRIPT_MAX ((size_t)64 * 1024)
#define N_MAX 20000

static uint8_t blob[LOG_BYTES];

/* A client's requests, built before memory is short. */
struct script {
	uint8_t data[SCRIPT_MAX];
	size_t n;
	struct frame_out out;
	uint32_t id;
};

static void script_add(struct script *s)
{
	const uint8_t *data;
	size_t n;

	ck_assert_int_eq(frame_finish(&s->out, &data, &n), 0);
	ck_assert_uint_le(n, SCRIPT_MAX - s->n);
	memcpy(s->data + s->n, data, n);
	s->n += n;
	frame_out_reset(&s->out);
}

static void script_begin(struct script *s, const char *method, size_t n)
{
	frame_begin_request(&s->out, s->id++, method, n);
}

static void script_named(struct script *s, const char *method, size_t n_more)
{
	script_begin(s, method, 1 + n_more);
	frame_put_str(&s->out, "name", "w");
}

static void script_hello(struct script *s)
{
	script_begin(s, "hello", 5);
	frame_put_u64(&s->out, "min", 1);
	frame_put_u64(&s->out, "max", 1);
	frame_put_str(&s->out, "client", "torture");
	frame_put_str(&s->out, "key", "k");
	frame_put_map(&s->out, "endpoint", 1);
	frame_put_str(&s->out, "url", "local");
	script_add(s);
}

static void script_attach(struct script *s, const char *policy, unsigned cols)
{
	script_named(s, "session.attach", 3);
	frame_put_str(&s->out, "policy", policy);
	frame_put_u64(&s->out, "cols", cols);
	frame_put_u64(&s->out, "rows", cols ? 24 : 0);
	script_add(s);
}

static void script_input(struct script *s, uint32_t at, const char *text)
{
	script_begin(s, "session.input", 2);
	frame_put_u64(&s->out, "attachment", at);
	frame_put_bin(&s->out, "data", text, strlen(text));
	script_add(s);
}

static void script_exec(struct script *s)
{
	script_begin(s, "exec", 3);
	frame_put_str(&s->out, "sandbox_id", "sb");
	frame_put_array(&s->out, "argv", 1);
	frame_add_str(&s->out, "cat");
	frame_put_map(&s->out, "env", 1);
	frame_put_str(&s->out, "A", "1");
	script_add(s);
}

static void script_first(struct script *s)
{
	script_hello(s);
	script_named(s, "session.create", 4);
	frame_put_str(&s->out, "sandbox_id", "sb");
	frame_put_u64(&s->out, "cols", 80);
	frame_put_u64(&s->out, "rows", 24);
	frame_put_array(&s->out, "argv", 1);
	frame_add_str(&s->out, "vi");
	script_add(s);
	script_attach(s, "skip", 80);
	script_attach(s, "block", 0);
	script_attach(s, "drop", 0);
	script_attach(s, "skip", 40);
	script_input(s, 1, "\033[200~paste");
	script_input(s, 2, "waits");
	script_exec(s);
	script_named(s, "session.wait", 0);
	script_add(s);
	script_begin(s, "daemon.status", 0);
	script_add(s);
	script_begin(s, "session.list", 0);
	script_add(s);
	script_named(s, "session.capture", 0);
	script_add(s);
	script_named(s, "session.rename", 1);
	frame_put_str(&s->out, "to", "x");
	script_add(s);
}

static void script_attachment(struct script *s, const char *method, uint32_t at, size_t n_more)
{
	script_begin(s, method, 1 + n_more);
	frame_put_u64(&s->out, "attachment", at);
}

/* What is asked for once there is output. */
static void script_later(struct script *s)
{
	script_begin(s, "session.capture", 3);
	frame_put_str(&s->out, "name", "x");
	frame_put_str(&s->out, "format", "json");
	frame_put_u64(&s->out, "history", 100);
	script_add(s);
	script_begin(s, "session.send", 2);
	frame_put_str(&s->out, "name", "x");
	frame_put_bin(&s->out, "data", "text", 4);
	script_add(s);
	script_begin(s, "session.signal", 2);
	frame_put_str(&s->out, "name", "x");
	frame_put_str(&s->out, "signal", "INT");
	script_add(s);
	script_attachment(s, "session.set", 3, 1);
	frame_put_str(&s->out, "policy", "block");
	script_add(s);
	script_attachment(s, "session.lease", 1, 1);
	frame_put_bool(&s->out, "exclusive", true);
	script_add(s);
	script_attachment(s, "session.close_input", 5, 0);
	script_add(s);
	script_begin(s, "sandbox.create", 1);
	frame_put_bool(&s->out, "hold", true);
	script_add(s);
}

/* A lossless terminal leads, and is painted when it has caught up with its own resize. */
static void script_resize(struct script *s)
{
	script_begin(s, "session.lead", 1);
	frame_put_u64(&s->out, "attachment", 2);
	script_add(s);
	script_begin(s, "session.resize", 3);
	frame_put_u64(&s->out, "attachment", 2);
	frame_put_u64(&s->out, "cols", 100);
	frame_put_u64(&s->out, "rows", 30);
	script_add(s);
}

static struct script first, second, third, later;

static void scripts(void)
{
	frame_out_init(&first.out);
	frame_out_init(&second.out);
	frame_out_init(&third.out);
	frame_out_init(&later.out);
	first.n = second.n = third.n = later.n = 0;
	later.id = 1000; /* of the first one's connection */
	script_first(&first);
	script_hello(&second);
	script_begin(&second, "session.attach", 2);
	frame_put_u64(&second.out, "cols", 100);
	frame_put_u64(&second.out, "rows", 30);
	script_add(&second);
	script_input(&second, 1, "\003");
	script_begin(&second, "session.attach", 3);
	frame_put_str(&second.out, "policy", "block");
	frame_put_u64(&second.out, "cols", 80);
	frame_put_u64(&second.out, "rows", 24);
	script_add(&second);
	script_resize(&third);
	script_later(&later);
	frame_out_done(&later.out);
	frame_out_done(&first.out);
	frame_out_done(&second.out);
	frame_out_done(&third.out);
}

/* ---- one run: no libcheck and no allocation of ours in it ---- */

static struct bare bare;

static void set_room(size_t room)
{
	for (size_t i = 0; i < BARE_N_CLIENTS; i++)
		bare.clients[i].room = room;
}

static void feed(size_t client, const struct script *script)
{
	for (size_t at = 0; at < script->n; at += 1000) {
		bare_feed(&bare, client, script->data + at, min_size(1000, script->n - at));
		bare_turns(&bare, 30 * USEC_PER_MSEC);
	}
}

/* The readers have taken all they were sent: paints go on, and come to their ends. */
static void ack_all(void)
{
	struct attachment *a;

	for (size_t i = 0; i < BARE_N_CLIENTS; i++) {
		if (!bare.clients[i].client)
			continue;
		list_for_each(a, &bare.clients[i].client->attachments, client_link)
			attachment_ack(a, a->credit.sent);
	}
	bare_turns(&bare, 30 * USEC_PER_MSEC);
}

static void on_sink(void *sink)
{
	(void)sink;
}

/* A recorder of the terminal; without memory there is none. */
static void record(struct recorder **ret)
{
	static const struct recorder_ops ops = { .wake = on_sink };

	*ret = NULL;
	if (bare.n_up && bare.up[0].session)
		(void)recorder_new(
			ret, &(struct recorder_config){
				     .session = bare.up[0].session, .ops = &ops, .whole = true });
}

static void end_all(void)
{
	static const struct request_violation violation = { "field", "is wrong" };

	if (bare.request)
		request_fail(TAKE(bare.request), &(struct request_error){ .code = "internal",
							 .message = "No.",
							 .status = "INTERNAL",
							 .detail = "x",
							 .violations = &violation,
							 .n_violations = 1 });
	for (size_t i = 0; i < bare.n_up; i++)
		if (bare.up[i].session)
			session_end(bare.up[i].session,
				&(struct session_end){ .failed = i % 2,
					.reason = "lost",
					.message = "Lost.",
					.error = &(struct request_error){ .code = "internal",
						.message = "No.",
						.violations = &violation,
						.n_violations = 1 } });
}

static void run_script(void)
{
	struct recorder *recorder;

	feed(0, &first);
	record(&recorder);
	for (size_t i = 0; i < bare.n_up; i++)
		if (bare.up[i].session)
			session_up(bare.up[i].session);
	feed(1, &second);
	feed(1, &third);
	bare_output(&bare, blob, 5000, LOG_STDOUT);
	bare_output(&bare, blob, 300, LOG_STDERR);
	set_room(700);
	bare_turns(&bare, USEC_PER_SEC);
	bare_output(&bare, blob, LOG_BYTES, LOG_STDOUT);
	bare_turns(&bare, USEC_PER_SEC);
	bare_output(&bare, blob, LOG_BYTES, LOG_STDOUT);
	set_room(SIZE_MAX);
	bare_turns(&bare, USEC_PER_SEC);
	feed(0, &later);
	for (size_t i = 0; i < 5; i++)
		ack_all();
	end_all();
	bare_turns(&bare, USEC_PER_SEC);
	recorder_free(recorder);
}

static void torture(bool ever)
{
	size_t asked, n, n_alive;
	int r;

	scripts();
	memset(blob, 'x', sizeof(blob));
	for (size_t i = 79; i < sizeof(blob); i += 80)
		blob[i] = '\n';
	for (n = 1; n < N_MAX; n++) {
		torture_arm(n, ever);
		r = bare_init(&bare, LOG_BYTES, false);
		if (!r)
			run_script();
		n_alive = !!bare.clients[0].client + !!bare.clients[1].client;
		if (!r)
			bare_done(&bare);
		asked = torture_disarm();
		ck_assert(r == 0 || r == -ENOMEM);
		if (asked < n)
			break;
	}
	ck_assert_uint_lt(n, N_MAX); /* the last run had all its memory, ... */
	ck_assert_uint_eq(bare.n_up, 2);
	ck_assert_uint_eq(n_alive, 2); /* ... and went through */
	ck_assert_uint_gt(bare.clients[0].n_frames, 20);
	ck_assert_uint_gt(n, 60);
}

START_TEST(fault_f19_any_one_allocation_may_fail)
{
	torture(false);
}
END_TEST

START_TEST(fault_f19_memory_may_be_gone_for_ever_from_any_allocation_on)
{
	torture(true);
}
END_TEST

TEST_MAIN("torture", fault_f19_any_one_allocation_may_fail,
	fault_f19_memory_may_be_gone_for_ever_from_any_allocation_on)
