#include "tests/suite.h"

#include <string.h>

#include "daemon/core/bytes.h"
#include "daemon/core/screen.h"
#include "daemon/core/size.h"
#include "daemon/core/timer.h"

/* ---- timer ---- */

static struct timers timers;
static unsigned order[1000];
static size_t n_run;

struct numbered {
	struct timer t;
	unsigned n;
};

static void on_numbered(struct timer *t)
{
	order[n_run++] = container_of(t, struct numbered, t)->n;
}

static void on_again(struct timer *t)
{
	n_run++;
	timer_start(&timers, t, 0);
}

START_TEST(timers_run_in_order_whatever_was_stopped_and_moved)
{
	static struct numbered t[500];
	unsigned seed = 1;
	uint64_t before = 0;
	size_t left = 0;

	for (unsigned i = 0; i < 500; i++) {
		seed = seed * 1103515245 + 12345;
		t[i] = (struct numbered){ .t.fn = on_numbered, .n = i };
		timer_start(&timers, &t[i].t, 1 + seed / 65536 % 1000);
	}
	for (unsigned i = 0; i < 500; i += 3)
		timer_stop(&timers, &t[i].t);
	for (unsigned i = 1; i < 500; i += 3)
		timer_start(&timers, &t[i].t, 1 + t[i].t.due_usec * 7 % 1000);
	for (unsigned i = 0; i < 500; i++)
		left += t[i].t.armed;
	n_run = 0;
	timers_run(&timers, 0);
	ck_assert_uint_eq(n_run, 0);
	timers_run(&timers, 2000);
	ck_assert_uint_eq(n_run, left);
	for (size_t i = 0; i < n_run; i++) {
		ck_assert_uint_ge(t[order[i]].t.due_usec, before);
		before = t[order[i]].t.due_usec;
	}
	ck_assert(timers_next(&timers) == UINT64_MAX);
}
END_TEST

START_TEST(a_timer_that_starts_itself_runs_once_a_turn)
{
	struct timer t = { .fn = on_again };

	n_run = 0;
	timer_start(&timers, &t, 5);
	ck_assert_uint_eq(timers_next(&timers), 5);
	timers_run(&timers, 5);
	ck_assert_uint_eq(n_run, 1);
	ck_assert_uint_eq(timers_next(&timers), 6);
	timers_run(&timers, 6);
	ck_assert_uint_eq(n_run, 2);
	timer_stop(&timers, &t);
	timer_stop(&timers, &t);
	ck_assert(timers_next(&timers) == UINT64_MAX);
}
END_TEST

/* ---- size ---- */

static int parse(const char *s, struct size_policy *p)
{
	return size_parse(s, strlen(s), p);
}

START_TEST(a_size_policy_is_a_word_or_columns_and_rows_within_bounds)
{
	static const char *const bad[] = { "", "x", "80x", "x24", "0x24", "80x0", "1001x24",
		"80x1001", "80x24x", "80 24", "-1x24", "Lead", "leader", "99999999999x1",
		"80x24 " };
	struct size_policy p;
	char out[SIZE_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(parse(bad[i], &p) == -EINVAL, "%s", bad[i]);
	ck_assert_int_eq(parse("smallest", &p), 0);
	ck_assert_int_eq(p.kind, SIZE_SMALLEST);
	ck_assert_str_eq(size_format(&p, out), "smallest");
	ck_assert_int_eq(parse("1x1", &p), 0);
	ck_assert_int_eq(parse("1000x1000", &p), 0);
	ck_assert(p.kind == SIZE_FIXED && p.cols == 1000 && p.rows == 1000);
	ck_assert_str_eq(size_format(&p, out), "1000x1000");
}
END_TEST

/* ---- bytes ---- */

START_TEST(bytes_come_out_in_order_and_an_empty_queue_gives_its_memory_back)
{
	struct ledger ledger = { .held = 0 };
	struct bytes q = { .ledger = &ledger };
	static uint8_t in[10000];
	size_t pushed = 0, taken = 0, n;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 13);
	for (size_t i = 0; pushed < sizeof(in); i++) {
		n = min_size(1 + i * 37 % 300, sizeof(in) - pushed);
		ck_assert_int_eq(bytes_push(&q, in + pushed, n), 0);
		pushed += n;
		n = min_size(i * 29 % 280, bytes_n(&q));
		ck_assert_int_eq(memcmp(q.data + q.pos, in + taken, n), 0);
		bytes_drop(&q, n);
		taken += n;
	}
	ck_assert_uint_eq(bytes_n(&q), pushed - taken);
	bytes_drop(&q, bytes_n(&q));
	ck_assert_int_eq(bytes_push(&q, in, sizeof(in)), 0);
	ck_assert_uint_ge(ledger_held(&ledger), sizeof(in));
	bytes_drop(&q, sizeof(in));
	ck_assert_uint_le(ledger_held(&ledger), BYTES_KEEP_MAX);
	bytes_done(&q);
	ck_assert_uint_eq(ledger_held(&ledger), 0);
}
END_TEST

START_TEST(the_screen_knows_how_much_had_scrolled_away_as_far_back_as_the_log_reaches)
{
	enum { LINES = 8000 };
	static uint64_t scrolled[LINES + 1]; /* after so many lines of 16 bytes */
	static const char line[] = "sixteen bytes..\n";
	const struct clock now = { .now_usec = 1 };
	struct ledger ledger;
	struct screen sc;
	struct log log;
	uint64_t work;

	ledger_init(&ledger, NULL, 0);
	log_init(&log, &(struct log_config){ 64 * 1024, &ledger, &now });
	ck_assert_int_eq(screen_init(&sc, &log, &(struct term_config){ 80, 24, 100 }), 0);
	for (size_t i = 1; i <= LINES; i++) {
		work = SCREEN_SLICE_WORK;
		ck_assert_int_eq(
			log_append(&log, (const uint8_t *)line, sizeof(line) - 1, LOG_STDOUT), 0);
		ck_assert(!screen_pump(&sc, &work));
		log_trim(&log);
		scrolled[i] = term_history_total(sc.term);
	}
	for (size_t i = log.tail / 16; i <= LINES; i++) {
		uint64_t before = screen_history_before(&sc, i * 16);

		ck_assert_uint_le(before, scrolled[i]);
		ck_assert_uint_ge(
			before + 2 * (log.max / (SCREEN_N_MARKS - 1) / 16 + 1), scrolled[i]);
	}
	screen_done(&sc);
	log_done(&log);
	ck_assert_uint_eq(ledger_held(&ledger), 0);
}
END_TEST

TEST_MAIN("core_parts", timers_run_in_order_whatever_was_stopped_and_moved,
	a_timer_that_starts_itself_runs_once_a_turn,
	the_screen_knows_how_much_had_scrolled_away_as_far_back_as_the_log_reaches,
	a_size_policy_is_a_word_or_columns_and_rows_within_bounds,
	bytes_come_out_in_order_and_an_empty_queue_gives_its_memory_back)
