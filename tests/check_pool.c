#include <sys/timerfd.h>

#include "daemon/resume.h"
#include "tests/pool_world.h"

START_TEST(calls_of_one_endpoint_share_one_connection)
{
	struct endpoint *ep, *again;

	setup(100, NULL, 0);
	ep = use("key-1");
	again = use("key-1");
	ck_assert_ptr_eq(ep, again);
	ask(0, ep, 0);
	ask(1, again, 0);
	run(both_done);
	ck_assert_int_eq(asks[0].code, GRPC_OK);
	ck_assert_mem_eq(asks[1].u.answer, "hi", 2);
	endpoint_unref(ep);
	endpoint_unref(again);
	ep = use("key-1"); /* it is still warm */
	ask(2, ep, 0);
	endpoint_unref(ep);
	run(third_done);
	ck_assert_uint_eq(t.n_peers, 1);
	ck_assert_str_eq(t.key, "Bearer key-1");
	asks_done(3);
	teardown();
}
END_TEST

START_TEST(another_key_is_another_connection)
{
	struct endpoint *one, *two;

	setup(100, NULL, 0);
	one = use("key-1");
	two = use("key-2");
	ck_assert_ptr_ne(one, two);
	ask(0, one, 0);
	run(first_done);
	ck_assert_str_eq(t.key, "Bearer key-1");
	ask(1, two, 0);
	run(second_done);
	ck_assert_str_eq(t.key, "Bearer key-2");
	ck_assert_uint_eq(t.n_peers, 2);
	endpoint_unref(one);
	endpoint_unref(two);
	asks_done(2);
	teardown();
}
END_TEST

START_TEST(a_full_connection_gets_a_second_one_and_then_calls_wait)
{
	static const enum deed script[] = { HOLD, HOLD };
	struct endpoint *ep;

	setup(1, script, ARRAY_SIZE(script));
	t.cfg.max_connections = 2;
	ep = use("k");
	ask(0, ep, 0);
	ask(1, ep, 0);
	ask(2, ep, 0);
	run(two_served);
	ck_assert_uint_eq(t.n_peers, 2);
	ck_assert(!asks[2].done && asks[2].u.call.state == CALL_WAITING);
	answer(&t.served[0]);
	run(third_done); /* the room it leaves is the third's */
	ck_assert(!asks[1].done);
	ck_assert_uint_eq(t.n_peers, 2);
	answer(&t.served[1]);
	run(second_done);
	end(ep, 3);
}
END_TEST

START_TEST(fault_f05_a_refused_call_goes_out_once_more_and_is_done_once)
{
	static const enum deed script[] = { REFUSE };
	struct endpoint *ep;

	ep = begin(100, script, ARRAY_SIZE(script));
	ask(0, ep, 0);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_OK);
	ck_assert_uint_eq(t.n_requests, 2);
	ck_assert_uint_eq(t.n_served, 1);
	end(ep, 1);
}
END_TEST

START_TEST(a_call_that_is_refused_twice_fails)
{
	static const enum deed script[] = { REFUSE, REFUSE, REFUSE };
	struct endpoint *ep;

	ep = begin(100, script, ARRAY_SIZE(script));
	ask(0, ep, 0);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_UNAVAILABLE);
	ck_assert_uint_eq(t.n_requests, 2);
	end(ep, 1);
}
END_TEST

START_TEST(fault_f05_after_goaway_old_calls_finish_and_new_ones_take_a_new_connection)
{
	static const enum deed script[] = { HOLD_AND_GOAWAY };
	struct endpoint *ep;

	ep = begin(100, script, ARRAY_SIZE(script));
	ask(0, ep, 0);
	run(one_served);
	ask(1, ep, 0);
	run(second_done);
	ck_assert_int_eq(asks[1].code, GRPC_OK);
	ck_assert_uint_eq(t.n_peers, 2);
	ck_assert(!asks[0].done);
	answer(&t.served[0]);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_OK);
	end(ep, 2);
}
END_TEST

START_TEST(a_lost_connection_ends_its_calls_and_the_next_call_dials_anew)
{
	static const enum deed script[] = { DROP };
	struct endpoint *ep;

	ep = begin(100, script, ARRAY_SIZE(script));
	ask(0, ep, 0);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_UNAVAILABLE);
	ck_assert(asks[0].transport);
	ask(1, ep, 0);
	run(second_done);
	ck_assert_int_eq(asks[1].code, GRPC_OK);
	ck_assert_uint_eq(t.n_peers, 2);
	end(ep, 2);
}
END_TEST

START_TEST(a_service_that_refuses_the_connection_is_told_and_found_again_later)
{
	struct endpoint *ep;
	uint16_t port = 0;

	ep = begin(100, NULL, 0);
	port = ep->target.port;
	event_del(t.listening);
	close(t.fd);
	ask(0, ep, 0);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_UNAVAILABLE);
	ck_assert(asks[0].transport);
	ck_assert_str_eq(asks[0].message, "Connection refused");
	ck_assert_int_eq(sock_listen_tcp("127.0.0.1", port, 16, &t.fd, &port), 0);
	event_free(t.listening);
	t.listening = event_new(t.loop.base, t.fd, EV_READ | EV_PERSIST, on_accept, NULL);
	event_add(t.listening, NULL);
	ask(1, ep, 0); /* put off a little, then dialed */
	run(second_done);
	ck_assert_int_eq(asks[1].code, GRPC_OK);
	end(ep, 2);
}
END_TEST

START_TEST(a_deadline_ends_a_call_that_waits_and_one_that_runs)
{
	static const enum deed script[] = { HOLD };
	struct endpoint *ep;

	setup(1, script, ARRAY_SIZE(script));
	t.cfg.max_connections = 1;
	ep = use("k");
	ask(0, ep, 0);
	run(one_served);
	ask(1, ep, 50 * USEC_PER_MSEC);
	run(second_done);
	ck_assert_int_eq(asks[1].code, GRPC_DEADLINE_EXCEEDED);
	ck_assert_ptr_nonnull(strstr(asks[1].message, "All 1 streams to the service at "));
	ck_assert_uint_eq(t.n_served, 1);
	call_cancel(&asks[0].u.call, NULL);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_CANCELLED);
	asks_done(1);
	t.n_script = t.n_requests + 1;
	t.script = (const enum deed[]){ HOLD, HOLD, HOLD, HOLD };
	ask(0, ep, 50 * USEC_PER_MSEC);
	run(first_done);
	ck_assert_int_eq(asks[0].code, GRPC_DEADLINE_EXCEEDED);
	ck_assert_str_eq(asks[0].message, "Deadline Exceeded");
	end(ep, 2);
}
END_TEST

START_TEST(at_most_1024_calls_wait_and_all_are_told_of_the_end)
{
	static struct ask many[ENDPOINT_WAITING_MAX + 1];
	struct endpoint *ep;

	ep = begin(100, NULL, 0);
	for (size_t i = 0; i <= ENDPOINT_WAITING_MAX; i++) {
		many[i] = (struct ask){ 0 };
		unary_init(&many[i].u, on_end);
		ck_assert_int_eq(unary_start(&many[i].u, ep, CALL_PREFIX "GetSandbox", 0),
			i < ENDPOINT_WAITING_MAX ? 0 : -EAGAIN);
	}
	endpoint_unref(ep);
	teardown();
	for (size_t i = 0; i <= ENDPOINT_WAITING_MAX; i++) {
		ck_assert_int_eq(many[i].done, i < ENDPOINT_WAITING_MAX);
		ck_assert_int_eq(many[i].code, i < ENDPOINT_WAITING_MAX ? GRPC_CANCELLED : 0);
		unary_done(&many[i].u);
	}
}
END_TEST

START_TEST(an_idle_endpoint_goes_with_its_last_connection)
{
	static const enum deed script[] = { ANSWER_AND_GOAWAY };
	struct endpoint *ep;

	ep = begin(100, script, ARRAY_SIZE(script));
	ask(0, ep, 0);
	endpoint_unref(ep);
	run(first_done);
	run(no_endpoints);
	ck_assert(list_empty(&t.pool.endpoints));
	asks_done(1);
	teardown();
}
END_TEST

/* ---- a sleep ---- */

static time_t slept_sec;

int __real_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
	int r = __real_clock_gettime(id, ret);

	if (id == CLOCK_BOOTTIME)
		ret->tv_sec += slept_sec;
	return r;
}

static struct conn *the_conn;

static bool was_asked(void)
{
	return the_conn->keepalive.waiting;
}

static bool has_answered(void)
{
	return the_conn->io.last_rx_usec > the_conn->keepalive.pinged_usec;
}

START_TEST(fault_f17_after_a_sleep_a_connection_with_calls_is_asked_at_once)
{
	static const enum deed script[] = { HOLD };
	struct endpoint *ep;

	ep = begin(100, script, ARRAY_SIZE(script));
	ask(0, ep, 0);
	run(one_served);
	the_conn = list_first(&ep->conns, struct conn, link);
	pool_look(&t.pool); /* the clock was only set: it has just been heard */
	ask(1, ep, 0);
	run(second_done);
	ck_assert(!was_asked());
	slept_sec = 8 * 3600;
	pool_look(&t.pool);
	t.loop.waited = true;
	event_base_loop(t.loop.base, EVLOOP_NONBLOCK);
	ck_assert(was_asked()); /* long before its timer */
	run(has_answered);
	ck_assert(!the_conn->broken);
	call_cancel(&asks[0].u.call, NULL);
	run(first_done);
	end(ep, 2);
}
END_TEST

static bool was_told;

static void tell(void *arg)
{
	ck_assert_ptr_eq(arg, &was_told);
	was_told = true;
}

static bool is_told(void)
{
	return was_told;
}

START_TEST(fault_f17_the_kernel_is_to_say_when_its_clock_was_set)
{
	struct resume r = { .fn = NULL };
	char path[64], text[1024];
	FILE *f;

	resume_done(&r);
	setup(100, NULL, 0);
	ck_assert_int_eq(resume_init(&r, &t.loop, tell, &was_told), 0);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", r.fd);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	ck_assert_ptr_nonnull(strstr(text, "clockid: 0\n")); /* CLOCK_REALTIME */
	ck_assert_ptr_nonnull(
		strstr(text, "settime flags: 03\n")); /* absolute, ended when it is set */
	ck_assert(!was_told);
	ck_assert_int_eq(
		timerfd_settime(r.fd, 0, &(struct itimerspec){ .it_value.tv_nsec = 1 }, NULL), 0);
	run(is_told);
	resume_done(&r);
	teardown();
}
END_TEST

TEST_MAIN("pool", calls_of_one_endpoint_share_one_connection, another_key_is_another_connection,
	a_full_connection_gets_a_second_one_and_then_calls_wait,
	fault_f05_a_refused_call_goes_out_once_more_and_is_done_once,
	a_call_that_is_refused_twice_fails,
	fault_f05_after_goaway_old_calls_finish_and_new_ones_take_a_new_connection,
	a_lost_connection_ends_its_calls_and_the_next_call_dials_anew,
	fault_f17_after_a_sleep_a_connection_with_calls_is_asked_at_once,
	fault_f17_the_kernel_is_to_say_when_its_clock_was_set,
	a_service_that_refuses_the_connection_is_told_and_found_again_later,
	a_deadline_ends_a_call_that_waits_and_one_that_runs,
	at_most_1024_calls_wait_and_all_are_told_of_the_end,
	an_idle_endpoint_goes_with_its_last_connection)
