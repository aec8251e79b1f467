/* sec F19: every allocation of the core fails once, and from there on for ever. */
#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "tests/fake.h"
#include "tests/torture.h"

#define LOG_BYTES ((size_t)64 * 1024)
#define SCRIPT_MAX ((size_t)64 * 1024)
#define N_MAX 20000

static uint8_t blob[LOG_BYTES];
static uint8_t out_a[1 << 20], out_b[1 << 20]; /* what the clients' sockets took */

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

static struct script first, second;

static void scripts(void)
{
	frame_out_init(&first.out);
	frame_out_init(&second.out);
	first.n = second.n = 0;
	script_first(&first);
	script_hello(&second);
	script_begin(&second, "session.attach", 2);
	frame_put_u64(&second.out, "cols", 100);
	frame_put_u64(&second.out, "rows", 30);
	script_add(&second);
	script_input(&second, 1, "\003");
	frame_out_done(&first.out);
	frame_out_done(&second.out);
}

/* ---- one run: no libcheck and no allocation of ours in it ---- */

struct run_upstream {
	struct session *session;
	bool closed;
};

struct run {
	struct clock clock;
	struct core *core;
	struct run_upstream up[8];
	size_t n_up;
	struct request *request;
	struct client *client[2];
	size_t n_alive; /* clients, at the end */
};

static void run_wake(void *u)
{
	(void)u; /* run_turns() reads */
}

static void run_consume(void *u, size_t n)
{
	(void)u, (void)n;
}

static void run_resize(void *u, unsigned cols, unsigned rows)
{
	(void)u, (void)cols, (void)rows;
}

static int run_signal(void *u, enum upstream_signal sig)
{
	(void)u, (void)sig;
	return UPSTREAM_E_NOT_SUPPORTED;
}

static void run_close(void *u)
{
	struct run_upstream *up = u;

	up->closed = true;
	up->session = NULL;
}

static const struct upstream_ops run_ops = { run_wake, run_consume, run_resize, run_signal,
	run_close, NULL };

static int run_endpoint_use(void *rim, const struct upstream_endpoint *which, struct endpoint **ret,
	const char **ret_why)
{
	(void)which, (void)ret_why;
	*ret = rim;
	return 0;
}

static void run_endpoint_drop(void *rim, struct endpoint *ep)
{
	(void)rim, (void)ep;
}

static int run_open(void *rim, struct endpoint *ep, struct session *session,
	const struct upstream_spec *spec, const struct upstream_ops **ret_ops, void **ret_upstream)
{
	struct run *run = rim;
	struct run_upstream *up = &run->up[run->n_up++];

	(void)ep, (void)spec;
	*up = (struct run_upstream){ .session = session };
	*ret_ops = &run_ops;
	*ret_upstream = up;
	return 0;
}

static int run_request(void *rim, struct endpoint *ep, struct request *request)
{
	struct run *run = rim;

	(void)ep;
	run->request = request;
	return 0;
}

static void run_request_cancel(void *rim, struct request *request)
{
	struct run *run = rim;

	if (run->request == request)
		run->request = NULL;
}

static const struct upstream_service run_service = { run_endpoint_use, run_endpoint_drop, run_open,
	run_request, run_request_cancel, NULL };

static void run_flush(struct run *run, struct client *c, size_t room)
{
	struct iovec iov[CLIENT_IOV_MAX];
	size_t n = client_gather(c, iov, CLIENT_IOV_MAX), taken = 0;
	uint8_t *out = client_rim(c);

	for (size_t i = 0; i < n && taken < room; i++) {
		memcpy(out, iov[i].iov_base, min_size(iov[i].iov_len, room - taken));
		taken += min_size(iov[i].iov_len, room - taken);
	}
	if (n)
		client_advance(c, taken);
	if (!client_finished(c))
		return;
	for (size_t i = 0; i < 2; i++)
		if (run->client[i] == c)
			run->client[i] = NULL;
	client_close(c);
}

static void run_read_input(struct run *run)
{
	uint8_t buf[100];
	bool eof;

	for (size_t i = 0; i < run->n_up; i++)
		if (run->up[i].session && !run->up[i].closed)
			(void)session_input_read(run->up[i].session, buf, sizeof(buf), &eof);
}

static void run_turns(struct run *run, size_t room)
{
	bool more = true;

	for (size_t i = 0; more && i < 1000; i++) {
		run_read_input(run);
		for (struct client *c = core_next_client(run->core); c;
			c = core_next_client(run->core))
			run_flush(run, c, room);
		more = core_turn(run->core);
	}
	for (size_t i = 0; i < 2; i++)
		if (run->client[i])
			client_writable(run->client[i]);
	run->clock.now_usec += 30 * USEC_PER_MSEC;
}

static void run_feed(struct run *run, size_t i, const struct script *script)
{
	for (size_t at = 0; at < script->n && run->client[i]; at += 1000) {
		client_feed(run->client[i], script->data + at, min_size(1000, script->n - at));
		run_turns(run, SIZE_MAX);
	}
}

static void run_output(struct run *run, size_t n, unsigned stream)
{
	for (size_t i = 0; i < run->n_up; i++)
		if (!run->up[i].closed && run->up[i].session)
			(void)session_output(run->up[i].session, blob,
				min_size(n, session_room(run->up[i].session)), stream);
}

static void run_script(struct run *run)
{
	run_feed(run, 0, &first);
	for (size_t i = 0; i < run->n_up; i++)
		if (run->up[i].session)
			session_up(run->up[i].session);
	run_feed(run, 1, &second);
	run_output(run, 5000, LOG_STDOUT);
	run_output(run, 300, LOG_STDERR);
	run_turns(run, 700);
	run_output(run, LOG_BYTES, LOG_STDOUT);
	run_turns(run, 700);
	run_output(run, LOG_BYTES, LOG_STDOUT);
	run_turns(run, SIZE_MAX);
	if (run->request) {
		request_fail(TAKE(run->request), &(struct request_error){ .code = "internal",
							 .message = "No.",
							 .status = "INTERNAL",
							 .detail = "x" });
	}
	for (size_t i = 0; i < run->n_up; i++)
		if (run->up[i].session && !run->up[i].closed)
			session_end(run->up[i].session,
				&(struct session_end){ .failed = i % 2,
					.reason = "lost",
					.message = "Lost.",
					.error = &(struct request_error){
						.code = "internal", .message = "No." } });
	run_turns(run, SIZE_MAX);
}

/* 0: the script ran; < 0: there was not even a core. */
static int run_all(struct run *run)
{
	struct core_config config;
	int r;

	memset(run, 0, sizeof(*run));
	run->clock.now_usec = run->clock.wall_usec = 1000 * USEC_PER_SEC;
	core_config_defaults(&config);
	config.log_bytes = LOG_BYTES;
	config.boot_id = "boot";
	config.server = "torture";
	r = core_new(&run->core, &config, &run->clock, &run_service, run);
	if (r)
		return r;
	for (size_t i = 0; i < 2; i++)
		(void)client_new(&run->client[i], run->core,
			&(struct client_config){ .rim = i ? out_b : out_a });
	run_script(run);
	run->n_alive = !!run->client[0] + !!run->client[1];
	core_free(run->core); /* asserts that the ledger is at zero */
	return 0;
}

static void torture(bool ever)
{
	struct run run;
	size_t asked, n;
	int r;

	scripts();
	memset(blob, 'x', sizeof(blob));
	for (size_t i = 79; i < sizeof(blob); i += 80)
		blob[i] = '\n';
	for (n = 1; n < N_MAX; n++) {
		torture_arm(n, ever);
		r = run_all(&run);
		asked = torture_disarm();
		ck_assert(r == 0 || r == -ENOMEM);
		for (size_t i = 0; i < run.n_up; i++)
			ck_assert_msg(
				run.up[i].closed, "allocation %zu: an upstream was left open", n);
		if (asked < n)
			break;
	}
	ck_assert_uint_lt(n, N_MAX); /* the last run had all its memory, ... */
	ck_assert_uint_eq(run.n_up, 2);
	ck_assert_uint_eq(run.n_alive, 2); /* ... and went through */
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
