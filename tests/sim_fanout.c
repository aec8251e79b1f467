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

#include "common/term/term.h"
#include "daemon/core/recorder.h"
#include "tests/fake.h"
#include "tests/sim_screen.h"

#define RUNS_DEFAULT 300
#define STEPS 120
#define N_PEERS 4
#define N_VIEWS 12
#define LOG_BYTES ((size_t)64 * 1024)

/* ck_assert() tells its place at each pass; for what is asked millions of times only a failure matters. */
#define MUST(cond) ((cond) ? (void)0 : ck_abort_msg("%s", #cond))

static uint64_t state;

static size_t rnd(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return n ? (size_t)(state % n) : 0;
}

/* ---- the far side: every byte and its stream are functions of its offset ---- */

/* What a full-screen program and a shell write: text, styles, wide and combining characters, margins, both screens,
 * modes, a title, tabs; and a question, of which the answer is input. */
#define QUESTION "\033[5n" /* is it well? */
#define ANSWER "\033[0n"
static const char script[] =
	"$ ls -l\r\ntotal 42\tsome\tfiles\r\n\033[31mred\033[m and "
	"\033[1;4;38;5;200mstyled\033[22;24m text\033[m\r\n"
	"\xe6\xbc\xa2\xe5\xad\x97 caf\xc3\xa9 a\xcc\x88 "
	"e\xcc\x81\r\n\033[5;10Hmoved\033[K\033[7mback\033[27m"
	"\033[3;8r\033[8;1H\n\n\033M\033[2L\033[P\033[r\033[10;3Hlong line that may be wrapped "
	"where the terminal is narrow "
	"and is not where it is wide, at least not as often, and so on until it ends "
	"here\r\n" QUESTION
	"\033[?25l\033]2;a title\007\033(0lqqk\033(B\033[?7l\033[12;70Hover the edge of "
	"it\033[?7h\033[?25h\033[4h+\033[4l"
	"\033[?1049h\033[2J\033[Hon the other screen\033[48;2;1;2;3m "
	"\033[4;4Hthere\033[m\033[?1049l"
	"\0337\033[20;1Hdown\0338\033[3@\033[2X\r\n1\r\n22\r\n333\r\n4444\r\n55555\r\n\033[H\033["
	"Jafresh\r\n"
	"\033[?2004h\033[?1h\033=\033[?1002;1006h\033[3 q$ "
	"vi\r\n~\r\n~\033[?1002;1006l\033[?1l\033>\033[?2004l\033[0 q";
#define SCRIPT_BYTES (sizeof(script) - 1)
#define SCRIPT_FIRST_LINE 9 /* bytes */

/* Bytes of answers to what is asked before offset `end`. */
static uint64_t answers_before(uint64_t end)
{
	const size_t asked = (size_t)(strstr(script, QUESTION) - script) + sizeof(QUESTION) - 1;
	uint64_t n = end / SCRIPT_BYTES + (end % SCRIPT_BYTES >= asked);

	return n * (sizeof(ANSWER) - 1);
}

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)script[offset % SCRIPT_BYTES];
}

static unsigned stream_at(uint64_t offset)
{
	return offset / 90 % 3 ? LOG_STDOUT : LOG_STDERR;
}

struct far {
	struct fake_upstream *up; /* NULL: none */
	struct session *session;
	uint64_t sent, input, signals; /* bytes */
	bool call, ended;
};

static struct fake fake;
static struct far fars[2]; /* the session, a call */

static void far_send(struct far *f, size_t n)
{
	static uint8_t buf[LOG_BYTES];
	size_t window, l;

	if (!f->up || f->up->closed || f->ended)
		return;
	window = LOG_BYTES + f->up->consumed - f->sent;
	for (n = min_size(n, window); n; n -= l) {
		l = 0;
		do
			buf[l] = byte_at(f->sent + l);
		while (++l < n && (!f->call || stream_at(f->sent + l) == stream_at(f->sent)));
		/* what the window allows is always taken */
		ck_assert_int_eq(session_output(f->session, buf, l,
					 f->call ? stream_at(f->sent) : LOG_STDOUT),
			0);
		f->sent += l;
	}
}

static void far_end(struct far *f)
{
	if (!f->up || f->up->closed || f->ended)
		return;
	session_end(f->session, &(struct session_end){ .has_exit_code = true });
	f->ended = true;
}

/* ---- clients ---- */

struct view {
	struct peer *peer; /* NULL: free */
	struct far *far;
	uint32_t id;
	bool lossless, painting, knows, raw, leaving;
	struct term
		*term; /* of a terminal that is painted from the start and whenever sizes change */
	size_t window;
	uint64_t got, acked, next;
	/* of the session */
	uint64_t told_cols, told_rows, told_clients;
	bool told_lead;
	char told_name; /* its first letter */
};

static struct peer peers[N_PEERS];
static struct view views[N_VIEWS];

static struct view *view_of(const struct peer *p, uint64_t id)
{
	for (size_t i = 0; i < N_VIEWS; i++)
		if (views[i].peer == p && views[i].id == id)
			return &views[i];
	return NULL;
}

static void view_free(struct view *v)
{
	v->term = term_free(v->term);
	v->peer = NULL;
}

static void view_show(struct view *v, const struct frame_span *data)
{
	if (v->term)
		term_feed(v->term, (const uint8_t *)data->data, data->n);
}

static void view_output(struct view *v, const msgpack_object *params)
{
	uint64_t offset = field_u64(params, "offset"), stream = field_u64(params, "stream");
	struct frame_span data;

	ck_assert(!v->painting);
	ck_assert_int_eq(frame_get_bytes(params, "data", &data), 0);
	ck_assert(data.n > 0 && data.n <= ATTACHMENT_DATA_MAX);
	if (v->knows)
		ck_assert_uint_eq(offset, v->next); /* nothing lost, doubled or swapped */
	for (size_t i = 0; i < data.n; i++) {
		MUST((uint8_t)data.data[i] == byte_at(offset + i));
		MUST(!v->far->call || stream == stream_at(offset + i));
	}
	v->knows = v->raw = true;
	v->next = offset + data.n;
	v->got += data.n;
	view_show(v, &data);
}

static void view_resync(struct view *v, const msgpack_object *params)
{
	struct frame_span data;

	ck_assert(!v->lossless || !v->raw); /* never painted once raw output began */
	ck_assert_int_eq(frame_get_bytes(params, "data", &data), 0);
	ck_assert(field_bool(params, "first") || v->painting);
	v->painting = !field_bool(params, "last");
	v->next = field_u64(params, "offset");
	v->knows = true;
	ck_assert_uint_le(v->next, v->far->sent);
	v->got += data.n;
	view_show(v, &data);
}

static void view_told(struct view *v, const struct frame *f)
{
	struct frame_span name;

	if (frame_is(f, "resized")) {
		v->told_cols = field_u64(f->params, "cols");
		v->told_rows = field_u64(f->params, "rows");
		v->told_lead = field_bool(f->params, "lead");
	} else if (frame_is(f, "clients")) {
		v->told_clients = field_u64(f->params, "n_clients");
	} else if (frame_is(f, "state")) {
		ck_assert_int_eq(frame_get_str(f->params, "name", &name), 0);
		v->told_name = name.n ? name.data[0] : 0;
	}
}

static void peer_on_frame(struct peer *p, const struct frame *f)
{
	struct view *v;
	uint64_t id;

	if (f->kind != FRAME_NOTIFICATION ||
		frame_get_u64(f->params, "attachment", 0, UINT32_MAX, &id))
		return;
	v = view_of(p, id);
	ck_assert_ptr_nonnull(v);
	view_told(v, f);
	if (frame_is(f, "output"))
		view_output(v, f->params);
	else if (frame_is(f, "resync"))
		view_resync(v, f->params);
	else if (frame_is(f, "exited")) {
		ck_assert(v->leaving || (v->far->ended && !v->painting));
		ck_assert(v->leaving || !v->raw || v->painting || v->next == v->far->sent);
		view_free(v);
		return;
	} else if (frame_is(f, "detached")) {
		view_free(v);
		return;
	}
	ck_assert_uint_le(v->got - v->acked, v->window); /* credit */
}

static void read_peers(void)
{
	const struct frame *f;

	for (size_t i = 0; i < N_PEERS; i++) {
		while ((f = peer_next(&peers[i])))
			peer_on_frame(&peers[i], f);
		if (peers[i].pos_rx == peers[i].n_rx)
			peers[i].pos_rx = peers[i].n_rx = 0;
	}
}

static void start_peer(struct peer *p)
{
	ck_assert_int_eq(peer_init(p, &fake, false), 0);
	peer_hello(p);
}

static void kill_peer(struct peer *p)
{
	for (size_t i = 0; i < N_VIEWS; i++) {
		if (views[i].peer != p)
			continue;
		view_free(&views[i]);
		if (views[i].far->call && !views[i].leaving)
			views[i].far->up = NULL; /* a call goes with its connection */
	}
	peer_done(p);
	start_peer(p);
}

static struct view *free_view(void)
{
	for (size_t i = 0; i < N_VIEWS; i++)
		if (!views[i].peer)
			return &views[i];
	return NULL;
}

/* Until its answer came: the attach itself is not what is simulated. */
static const msgpack_object *ask(struct peer *p)
{
	uint32_t id = peer_send(p);
	size_t room = p->room;
	const struct frame *f;

	p->room = SIZE_MAX - LOG_BYTES * 64;
	peer_drain(p, 1);
	fake_turn(&fake);
	p->room = room;
	while ((f = peer_next(p))) {
		if (f->kind == FRAME_RESPONSE && f->id == id)
			return f->error->type == MSGPACK_OBJECT_NIL ? f->result : NULL;
		peer_on_frame(p, f);
	}
	ck_abort_msg("no answer");
	return NULL;
}

static void do_ack(struct view *v)
{
	v->acked += rnd(3) ? v->got - v->acked : rnd((size_t)(v->got - v->acked) + 1);
	peer_ack(v->peer, v->id, v->acked);
}

static void do_input(struct view *v)
{
	static char text[3000];
	size_t n = rnd(sizeof(text));
	struct peer *p = v->peer;

	memset(text, 'k', sizeof(text));
	if (rnd(3) == 0)
		text[0] = '\003'; /* overtakes a backlog */
	peer_begin(p, "session.input", 2);
	frame_put_u64(&p->out, "attachment", v->id);
	frame_put_bin(&p->out, "data", text, n);
	if (ask(p))
		v->far->input += n;
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

static void do_resize(struct view *v)
{
	unsigned cols = 60 + (unsigned)rnd(60), rows = 10 + (unsigned)rnd(30);

	peer_notify(v->peer, "session.resize", 3);
	frame_put_u64(&v->peer->out, "attachment", v->id);
	frame_put_u64(&v->peer->out, "cols", cols);
	frame_put_u64(&v->peer->out, "rows", rows);
	peer_send(v->peer);
	if (v->term)
		ck_assert_int_eq(term_resize(v->term, cols, rows), 0);
	v->lossless = false; /* a terminal now, which may be painted */
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

#include "tests/sim_company.h"
#include "tests/sim_disk.h"

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
		while (disk.rec && disk.woken && !disk.failed) {
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

/* Nobody is painted in the middle of a sequence: the program ends the one it is in, and writes what can be seen. */
static void end_sequence(struct far *f)
{
	while (f->sent % SCRIPT_BYTES != SCRIPT_FIRST_LINE)
		far_send(f, 1);
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
	state = n * UINT64_C(0x9e3779b97f4a7c15) | 1;
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
	end_sequence(&fars[0]);
	rest();
	check_settled();
	far_send(&fars[0], rnd(30));
	far_end(&fars[0]);
	far_end(&fars[1]);
	settle();
	for (size_t i = 0; i < N_VIEWS; i++)
		ck_assert_ptr_null(views[i].peer); /* each was told */
	if (!disk.failed)
		ck_assert(disk.ended);
	recorder_free(disk.rec);
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
