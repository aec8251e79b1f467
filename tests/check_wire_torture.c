#include <stdio.h>
#include <string.h>

#include "common/wire/exec.h"
#include "common/wire/grpc.h"
#include "tests/suite.h"
#include "tests/torture.h"

/* One call with everything in it: a deadline, messages both ways in many parts, a status with
 * details. */

struct end {
	struct grpc_call call;
	struct grpc_outbox out;
	struct grpc_gather gather;
	bool end;
	size_t n_messages;
	int n_done;
	bool started;
	int code;
	bool transport;
};

struct world {
	struct h2 *client, *server;
	struct end caller, answerer;
	int r; /* the first error; nothing more is done after it */
};

static int on_part(struct grpc_call *call, const struct grpc_part *part)
{
	struct end *e = container_of(call, struct end, call);
	const uint8_t *data;
	size_t n;
	int r = grpc_gather_feed(&e->gather, part, &data, &n);

	grpc_consume(call, part->n);
	e->n_messages += r == GRPC_GATHER_WHOLE;
	return r < 0 ? r : 0;
}

static size_t on_read(struct grpc_call *call, uint8_t *buf, size_t n, bool *ret_end)
{
	struct end *e = container_of(call, struct end, call);
	size_t l = grpc_outbox_read(&e->out, buf, n);

	*ret_end = e->end && grpc_outbox_empty(&e->out);
	return l;
}

static void on_done(struct grpc_call *call, const struct grpc_status *status)
{
	struct end *e = container_of(call, struct end, call);

	e->n_done++;
	e->code = status->code;
	e->transport = status->transport;
}

static const struct grpc_call_ops call_ops = {
	.on_part = on_part, .read = on_read, .on_done = on_done
};

static void on_request(struct h2 *h2, struct h2_stream *st, void *arg)
{
	struct world *w = arg;

	(void)h2;
	w->answerer.call.ops = &call_ops;
	w->answerer.started = grpc_accept(&w->answerer.call, st, 0) == 0;
}

static int carry(struct world *w, struct h2 *from, struct h2 *to, bool *ret_any)
{
	const uint8_t *data;
	ssize_t n = h2_gather(from, &data);

	*ret_any |= n > 0;
	if (n < 0)
		return (int)n;
	for (ssize_t at = 0; at < n; at += 1000)
		w->r = w->r ? w->r : h2_recv(to, data + at, min_size(1000, (size_t)(n - at)), 0);
	return w->r;
}

static void pump(struct world *w)
{
	bool any = true;

	while (!w->r && any) {
		any = false;
		w->r = carry(w, w->client, w->server, &any);
		if (!w->r)
			w->r = carry(w, w->server, w->client, &any);
		if (!w->r && (h2_broken(w->client) || h2_broken(w->server)))
			w->r = -ENOMEM;
	}
}

static void connect(struct world *w)
{
	static const struct h2_ops client_ops = { 0 }, server_ops = { .on_request = on_request };
	struct h2_config config = { .stream_window = 65535, .max_streams = 10, .arg = w };

	config.role = H2_CLIENT;
	config.ops = &client_ops;
	w->r = h2_new(&w->client, &config);
	config.role = H2_SERVER;
	config.ops = &server_ops;
	if (!w->r)
		w->r = h2_new(&w->server, &config);
}

static void ask(struct world *w)
{
	static const struct h2_header metadata[] = { { "authorization", "Bearer key" },
		{ "x-other", "value" } };
	static const char *const argv[] = { "sh", "-c", "true" };
	static const struct exec_env env[] = { { "A", "1" }, { "B", "2" } };
	const struct grpc_request req = { "http", "localhost", "/a.B/C", 5000000, metadata, 2, 0 };
	const struct exec_init init = { "id", argv, 3, true, 80, 24, env, 2, NULL };
	uint8_t *p;

	w->caller.call.ops = &call_ops;
	w->caller.end = true;
	w->r = exec_put_init(&w->caller.out, &init);
	if (!w->r)
		w->r = grpc_outbox_reserve(&w->caller.out, 5000, &p);
	if (w->r)
		return;
	memset(p, 'p', 5000);
	w->r = grpc_start(&w->caller.call, w->client, &req);
	w->caller.started = w->r == 0;
}

static void answer(struct world *w)
{
	struct grpc_status st = { 0 };

	w->r = grpc_outbox_put(&w->answerer.out, (const uint8_t *)"answer", 6);
	if (!w->r)
		w->r = grpc_send_headers(&w->answerer.call);
	if (!w->r)
		w->r = grpc_status_set(&st, GRPC_NOT_FOUND, "CWSANDBOX_X", "no %d", 1);
	if (!w->r)
		w->r = grpc_status_add_metadata(&st, "k", "v");
	if (!w->r)
		w->r = grpc_status_add_violation(&st, "f", "d");
	st.has_retry_delay = true;
	if (!w->r)
		w->r = grpc_finish(&w->answerer.call, &st);
	grpc_status_done(&st);
}

static void run(struct world *w)
{
	memset(w, 0, sizeof(*w));
	connect(w);
	if (!w->r)
		ask(w);
	if (!w->r)
		pump(w);
	if (!w->r && w->answerer.call.stream)
		answer(w);
	if (!w->r)
		pump(w);
	h2_free(w->client);
	h2_free(w->server);
	grpc_outbox_done(&w->caller.out);
	grpc_outbox_done(&w->answerer.out);
	grpc_gather_done(&w->caller.gather);
	grpc_gather_done(&w->answerer.gather);
}

static void check(const struct world *w, size_t n, bool ever)
{
	ck_assert_msg(w->caller.n_done == w->caller.started, "%zu %d", n, ever);
	ck_assert_msg(w->answerer.n_done == w->answerer.started, "%zu %d", n, ever);
	ck_assert_ptr_null(w->caller.call.stream);
	ck_assert_ptr_null(w->answerer.call.stream);
	ck_assert_msg(w->r == 0 || w->r == -ENOMEM, "%zu %d: %d", n, ever, w->r);
	if (w->r == 0 && w->caller.code == GRPC_NOT_FOUND)
		ck_assert_uint_eq(w->answerer.n_messages, 2);
	else if (w->r)
		ck_assert_msg(!w->caller.started || w->caller.code != GRPC_OK, "%zu %d", n, ever);
}

START_TEST(fault_f19_each_allocation_of_a_call_may_fail_once_and_for_ever)
{
	struct world w;
	size_t n_all;

	run(&w); /* what libraries allocate once and keep */
	torture_arm(0, false);
	run(&w);
	n_all = torture_disarm();
	ck_assert_int_eq(w.r, 0);
	ck_assert_int_eq(w.caller.code, GRPC_NOT_FOUND);
	ck_assert_uint_eq(w.caller.n_messages, 1);
	ck_assert_uint_gt(n_all, 50);
	for (int ever = 0; ever < 2; ever++)
		for (size_t n = 1; n <= n_all; n++) {
			torture_arm(n, ever);
			run(&w);
			torture_disarm();
			check(&w, n, ever);
		}
}
END_TEST

TEST_MAIN("wire_torture", fault_f19_each_allocation_of_a_call_may_fail_once_and_for_ever)
