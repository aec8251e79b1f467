/*
 * Seeded simulation of the fan-out: random clients on one session and one call, a recorder, random output,
 * acknowledgements, full sockets, losses, resizes, settings, company, interrupts, want of memory, and time. After each step:
 * order, content, credit, bounds; at the end everything was delivered or said to be skipped, each terminal of the
 * session's size shows the session's screen and gets raw output, and the ledger is at zero. A failure prints its seed.
 *
 * SIM_SEED=n runs that schedule alone, SIM_RUNS=n so many from 1 on; `make proof-fanout` runs 10,000.
 */
#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim_company.h"
#include "tests/sim_disk.h"
#include "tests/sim_screen.h"
#include "tests/sim_world.h"

#define RUNS_DEFAULT 300
#define STEPS 120

/* ---- steps of a client ---- */

static void do_ack(struct view *v)
{
	v->acked += rnd(3) ? v->got - v->acked : rnd((size_t)(v->got - v->acked) + 1);
	peer_ack(v->peer, v->id, v->acked);
}

static void do_detach(struct view *v)
{
	peer_begin(v->peer, "session.detach", 1);
	frame_put_u64(&v->peer->out, "attachment", v->id);
	peer_send(v->peer);
	v->leaving = true;
	if (v->far->call)
		v->far->up = NULL;
}

static void do_set(struct view *v)
{
	static const char *const policies[] = { "skip", "block", "drop" };

	peer_begin(v->peer, "session.set", 3);
	frame_put_u64(&v->peer->out, "attachment", v->id);
	frame_put_str(&v->peer->out, "policy", policies[rnd(3)]);
	frame_put_u64(&v->peer->out, "drain_ms", rnd(2) * 20);
	peer_send(v->peer);
	v->lossless = false;
}

/* Want of memory, and plenty again. */
static void do_budget(void)
{
	size_t held = ledger_held(&fake.core->memory);

	fake.core->config.max_memory = rnd(2) ? 0 : held / 2 + rnd(held);
}

static void do_call(void)
{
	struct peer *p = &peers[rnd(N_PEERS)];
	struct view *v = free_view();
	const msgpack_object *o;

	if (!v || fars[1].up)
		return;
	peer_begin(p, "exec", 2);
	frame_put_str(&p->out, "sandbox_id", "sb");
	frame_put_array(&p->out, "argv", 1);
	frame_add_str(&p->out, "cat");
	*v = (struct view){ .peer = p,
		.far = &fars[1],
		.id = p->client->next_attachment + 1,
		.window = 65536,
		.lossless = true,
		.knows = true };
	o = ask(p);
	if (!o) { /* no memory for it now */
		ck_assert_uint_ne(fake.core->config.max_memory, 0);
		v->peer = NULL;
		return;
	}
	fars[1] = (struct far){
		.up = fake_last(&fake), .session = fake_last(&fake)->session, .call = true
	};
	session_up(fars[1].session);
}

/* ---- invariants ---- */

static void check_log(const struct far *f)
{
	const struct log *log = &f->session->log;
	const struct reader *r;

	ck_assert(log->tail <= log->hold && log->hold <= log->head);
	ck_assert_uint_le(log->head - log->tail, log->max + log->owed);
	ck_assert_uint_le(log->owed, log->max);
	ck_assert_uint_eq(log->head, f->sent);
	list_for_each(r, &log->readers, link) {
		MUST(r->pos >= log->tail && r->pos <= log->head);
		MUST(!r->holds || r->pos >= log->hold);
	}
}

static void check_all(void)
{
	for (size_t i = 0; i < 2; i++)
		if (fars[i].up && !fars[i].up->closed)
			check_log(&fars[i]);
	/* cursor, credit, a begun frame's rest and a paint each; logs, models and queues */
	ck_assert_uint_le(
		ledger_held(&fake.core->memory), (N_VIEWS + 4) * 4 * 65536 + 8 * LOG_BYTES);
}

/* ---- a schedule ---- */

static struct view *some_view(void)
{
	size_t from = rnd(N_VIEWS);

	for (size_t i = 0; i < N_VIEWS; i++)
		if (views[(from + i) % N_VIEWS].peer && !views[(from + i) % N_VIEWS].leaving)
			return &views[(from + i) % N_VIEWS];
	return NULL;
}

static void do_peer(void)
{
	struct peer *p = &peers[rnd(N_PEERS)];

	switch (rnd(4)) {
	case 0:
		p->room = 0;
		break;
	case 1:
		p->room = 0;
		peer_drain(p, rnd(20000));
		break;
	case 2:
		p->room = 0;
		peer_drain(p, SIZE_MAX);
		break;
	default:
		if (rnd(6) == 0)
			kill_peer(p);
		break;
	}
}

static void do_far(void)
{
	struct far *f = &fars[rnd(2)];

	if (!f->up || f->up->closed)
		return;
	f->up->read_max = rnd(2) ? SIZE_MAX : rnd(3000);
	f->up->woken = true;
	if (f->call && rnd(20) == 0)
		far_end(f);
}

static void step(void)
{
	struct view *v = some_view();

	do_disk(true);
	switch (rnd(17)) {
	case 0:
	case 14:
		do_attach();
		break;
	case 1:
		if (v && rnd(3) == 0)
			do_detach(v);
		break;
	case 2:
		if (v)
			do_input(v);
		break;
	case 3:
		if (v && !v->far->call)
			do_resize(v);
		break;
	case 4:
		do_call();
		break;
	case 5:
		do_peer();
		break;
	case 6:
		do_far();
		break;
	case 7:
		fake_pass(&fake, rnd(3)    ? rnd(100000)
				 : rnd(20) ? rnd(2000000)
					   : rnd(70) * USEC_PER_SEC);
		break;
	case 8:
	case 9:
		if (v)
			do_ack(v);
		break;
	case 10:
		if (v && !v->far->call)
			do_set(v);
		break;
	case 11:
		do_budget();
		break;
	case 12:
	case 13:
		do_company(v);
		break;
	default:
		far_send(&fars[rnd(3) == 0], rnd(20000));
		break;
	}
	if (rnd(2))
		fake_turn(&fake);
	read_peers();
	check_all();
}

/* Everybody takes everything: then everything is delivered and given back. */
static void settle(void)
{
	fake.core->config.max_memory = 0;
	for (size_t i = 0; i < N_PEERS; i++) {
		peers[i].room = 0;
		peer_drain(&peers[i], SIZE_MAX);
	}
	for (size_t i = 0; i < 2; i++)
		if (fars[i].up && fars[i].up->read_max < SIZE_MAX) {
			fars[i].up->read_max = SIZE_MAX;
			fars[i].up->woken = true; /* from now on it must be told */
		}
	/* a slow one comes back to raw output only after some calm */
	for (size_t quiet = 0; quiet < 10; quiet++) {
		while (disk_has_work()) {
			do_disk(false);
			quiet = 0;
		}
		for (size_t i = 0; i < N_VIEWS; i++)
			if (views[i].peer) {
				if (views[i].acked != views[i].got)
					quiet = 0;
				views[i].acked = views[i].got;
				peer_ack(views[i].peer, views[i].id, views[i].acked);
			}
		fake_pass(&fake, 20 * USEC_PER_MSEC);
		read_peers();
	}
}

/* All that was typed came once, and an answer to each question; a signal too many counts for none. */
static void check_input(const struct far *f)
{
	uint64_t typed = f->input + (f->call ? 0 : answers_before(f->sent));

	ck_assert_uint_ge(f->up->n_input, typed);
	ck_assert_uint_le(f->up->n_input, typed + f->signals);
}

/* Nobody waits for anything. */
static void rest(void)
{
	settle();
	check_rest(fars[0].session);
	for (size_t i = 0; i < 2; i++) {
		if (!fars[i].up || fars[i].up->closed)
			continue;
		ck_assert_uint_eq(fars[i].up->consumed, fars[i].sent);
		check_input(&fars[i]);
	}
}

/* A few bytes here and there, as of somebody who types, and then no more. */
static void trickle(struct far *f)
{
	for (size_t n = 1 + rnd(40); n; n--) {
		struct view *v = some_view();

		far_send(f, rnd(30));
		if (v)
			do_ack(v);
		fake_pass(&fake, rnd(2 * ATTACHMENT_PAINT_USEC));
		read_peers();
	}
}

static void check_settled(void)
{
	check_disk();
	for (size_t i = 0; i < N_VIEWS; i++)
		if (views[i].peer && views[i].knows)
			ck_assert_uint_eq(views[i].next, views[i].far->sent);
	for (size_t i = 0; i < N_VIEWS; i++)
		if (views[i].peer && views[i].term)
			check_shown(views[i].term, fars[0].session);
}

static void run(uint64_t n)
{
	rnd_seed(n);
	memset(views, 0, sizeof(views));
	memset(fars, 0, sizeof(fars));
	fake_init(&fake);
	fake.config.log_bytes = LOG_BYTES;
	fake.config.history_lines = 50;
	fake_start(&fake);
	for (size_t i = 0; i < N_PEERS; i++)
		start_peer(&peers[i]);
	fars[0].session = peer_create(&peers[0], "w", 80, 24);
	fars[0].up = fake_last(&fake);
	session_up(fars[0].session);
	disk_open();
	for (size_t i = 0; i < STEPS; i++)
		step();
	rest();
	trickle(&fars[0]);
	rest();
	for (size_t i = rnd(4); i; i--)
		do_company(some_view());
	rest();
	check_company();
	far_end_sequence(&fars[0]);
	rest();
	check_settled();
	far_send(&fars[0], rnd(30));
	far_end(&fars[0]);
	far_end(&fars[1]);
	settle();
	for (size_t i = 0; i < N_VIEWS; i++)
		ck_assert_ptr_null(views[i].peer); /* each was told */
	disk_close();
	for (size_t i = 0; i < N_PEERS; i++)
		peer_done(&peers[i]);
	fake_done(&fake);
}

START_TEST(whatever_clients_do_order_bounds_and_the_ledger_hold)
{
	run((uint64_t)_i);
}
END_TEST

/* One process a schedule; a failure names it: sim_fanout:whatever_...:SEED. */
int main(void)
{
	const char *one = getenv("SIM_SEED"), *many = getenv("SIM_RUNS");
	int from = one ? (int)strtol(one, NULL, 10) : 1;
	int n = one ? 1 : many ? (int)strtol(many, NULL, 10) : RUNS_DEFAULT, failed;
	Suite *suite = suite_create("sim_fanout");
	TCase *tc = tcase_create("sim_fanout");
	SRunner *runner;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(
		tc, whatever_clients_do_order_bounds_and_the_ledger_hold, from, from + n);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
