#include "tests/suite.h"

#include <string.h>

#include "daemon/core/inq.h"
#include "daemon/core/keys.h"

#define OPEN "\033[200~"
#define CLOSE "\033[201~"

static struct ledger ledger;
static struct inq q;
static struct inq_writer *a, *b;
static uint64_t now;
static char got[4096];

static void begin(void)
{
	now = 1000;
	ledger_init(&ledger, NULL, 0);
	inq_init(&q, &ledger);
	ck_assert_int_eq(inq_writer_new(&q, 100, &a), 0);
	ck_assert_int_eq(inq_writer_new(&q, 100, &b), 0);
}

static void end(void)
{
	inq_done(&q);
	ck_assert_uint_eq(ledger_held(&ledger), 0);
}

static int push(struct inq_writer *w, const char *text)
{
	return inq_push(&q, w, text, strlen(text), now);
}

/* All there is, in pieces of `step`. */
static const char *drain(size_t step)
{
	size_t n = 0, l;
	bool eof;

	while ((l = inq_read(&q, (uint8_t *)got + n, step, now, &eof)))
		n += l;
	got[n] = '\0';
	return got;
}

START_TEST(keys_come_out_in_the_order_they_went_in)
{
	begin();
	push(a, "one ");
	push(b, "two ");
	push(b, "three ");
	push(a, "four");
	ck_assert(inq_readable(&q));
	ck_assert_str_eq(drain(3), "one two three four");
	ck_assert(!inq_readable(&q));
	ck_assert_uint_eq(a->taken, 8);
	end();
}
END_TEST

START_TEST(a_writer_may_have_its_window_here_and_not_a_byte_more)
{
	char big[101];

	begin();
	memset(big, 'x', sizeof(big));
	ck_assert_int_eq(inq_push(&q, a, big, 101, now), INQ_E_WINDOW);
	ck_assert_uint_eq(inq_credit(a), 100);
	ck_assert_int_eq(inq_push(&q, a, big, 100, now), 0);
	ck_assert_uint_eq(inq_credit(a), 0);
	ck_assert_int_eq(push(a, "y"), INQ_E_WINDOW);
	ck_assert_int_eq(push(b, "z"), 0); /* another's credit is its own */
	drain(1);
	ck_assert_uint_eq(inq_credit(a), 100);
	end();
}
END_TEST

START_TEST(single_keys_share_memory)
{
	begin();
	for (size_t i = 0; i < 100; i++)
		ck_assert_int_eq(push(a, "k"), 0);
	ck_assert_uint_lt(ledger_held(&ledger), 1024);
	end();
}
END_TEST

START_TEST(others_wait_behind_an_open_paste_and_follow_it)
{
	begin();
	push(a, "x" OPEN "pas");
	push(b, "rm -rf\n");
	push(a, "ted");
	ck_assert_str_eq(drain(5), "x" OPEN "pasted");
	ck_assert(!inq_readable(&q));
	push(a, CLOSE);
	push(b, "more");
	ck_assert_str_eq(drain(5), CLOSE "rm -rf\nmore");
	end();
}
END_TEST

START_TEST(brackets_torn_over_writes_are_seen)
{
	begin();
	push(a, "\033[2");
	push(a, "00");
	push(a, "~text");
	push(b, "waits");
	ck_assert_str_eq(drain(100), OPEN "text");
	push(a, "\033[20");
	push(a, "1~");
	ck_assert_str_eq(drain(100), CLOSE "waits");
	end();
}
END_TEST

START_TEST(after_2_s_without_progress_the_paste_is_closed_for_the_others_and_opened_again)
{
	begin();
	push(a, OPEN "one");
	drain(100);
	push(b, "ls\n");
	ck_assert_uint_eq(inq_deadline(&q), now + INQ_PASTE_USEC);
	now += INQ_PASTE_USEC - 1;
	inq_tick(&q, now);
	ck_assert_str_eq(drain(100), "");
	now += 1;
	inq_tick(&q, now);
	ck_assert_str_eq(drain(100), CLOSE "ls\n");
	ck_assert_uint_eq(inq_deadline(&q), UINT64_MAX);
	push(a, "two" CLOSE);
	ck_assert_str_eq(drain(100), OPEN "two" CLOSE);
	push(b, "x");
	ck_assert_str_eq(drain(100), "x");
	ck_assert_uint_eq(a->pushed, a->taken); /* brackets of ours are nobody's credit */
	end();
}
END_TEST

START_TEST(a_paste_closed_for_others_in_the_middle_of_its_bracket_ends_for_the_program_too)
{
	for (size_t cut = 1; cut < INQ_BRACKET_BYTES; cut++) {
		char head[INQ_BRACKET_BYTES] = "";

		memcpy(head, CLOSE, cut);
		begin();
		push(a, OPEN "one");
		push(a, head);
		drain(100);
		push(b, "ls\n");
		now += INQ_PASTE_USEC;
		inq_tick(&q, now);
		ck_assert_str_eq(drain(100), CLOSE "ls\n");
		push(a, &CLOSE[cut]);
		ck_assert_str_eq(drain(100), OPEN CLOSE);
		push(b, "x");
		ck_assert_str_eq(drain(100), "x");
		ck_assert_uint_eq(a->pushed, a->taken);
		end();
	}
}
END_TEST

START_TEST(what_only_began_like_a_bracket_is_not_sent_twice)
{
	begin();
	push(a, OPEN "one\033[20");
	push(b, "ls\n");
	now += INQ_PASTE_USEC;
	inq_tick(&q, now);
	push(a, "two" CLOSE);
	ck_assert_str_eq(drain(100), OPEN "one\033[20" CLOSE "ls\n" OPEN "two" CLOSE);
	end();
}
END_TEST

START_TEST(a_paste_closed_in_its_bracket_reopens_behind_another_that_was_lost)
{
	begin();
	push(a, OPEN "one\033[201");
	push(b, OPEN "two");
	now += INQ_PASTE_USEC;
	inq_tick(&q, now);
	inq_writer_release(&q, b);
	push(a, "~");
	ck_assert_str_eq(drain(100), OPEN "one\033[201" CLOSE OPEN "two" CLOSE OPEN CLOSE);
	end();
}
END_TEST

START_TEST(writes_that_share_no_memory_are_bounded_by_their_number)
{
	struct inq_writer *w[2];

	begin();
	for (size_t k = 0; k < 2; k++)
		ck_assert_int_eq(inq_writer_new(&q, 2 * INQ_ITEMS_MAX, &w[k]), 0);
	for (size_t i = 0; i < 2 * INQ_ITEMS_MAX; i++)
		ck_assert_int_eq(push(w[i % 2], "k"), 0);
	ck_assert_int_eq(push(w[0], "k"), INQ_E_WINDOW);
	ck_assert_uint_eq(inq_credit(w[0]), INQ_ITEMS_MAX);
	ck_assert_int_eq(push(w[1], "k"), 0); /* joins its last */
	drain(1);
	ck_assert_int_eq(push(w[0], "k"), 0);
	end();
}
END_TEST

START_TEST(progress_of_the_paste_renews_the_2_s)
{
	begin();
	push(a, OPEN "one");
	push(b, "ls\n");
	now += INQ_PASTE_USEC - 1;
	push(a, "two");
	ck_assert_uint_eq(inq_deadline(&q), now + INQ_PASTE_USEC);
	now += INQ_PASTE_USEC - 1;
	drain(2); /* the upstream took of it */
	ck_assert_uint_eq(inq_deadline(&q), now + INQ_PASTE_USEC);
	end();
}
END_TEST

START_TEST(a_writer_lost_inside_its_paste_gets_the_bracket_closed)
{
	begin();
	push(a, OPEN "half");
	push(b, "after");
	inq_writer_release(&q, a);
	ck_assert_str_eq(drain(4), OPEN "half" CLOSE "after");
	end();
	begin();
	push(a, OPEN "half");
	drain(100);
	inq_writer_release(&q, a); /* nothing waits: the bracket still comes */
	ck_assert(inq_readable(&q));
	ck_assert_str_eq(drain(1), CLOSE);
	end();
}
END_TEST

START_TEST(a_lost_writer_s_waiting_paste_is_kept_whole)
{
	begin();
	push(a, OPEN "one");
	push(b, OPEN "two");
	push(b, CLOSE "three");
	inq_writer_release(&q, b);
	push(a, CLOSE);
	ck_assert_str_eq(drain(100), OPEN "one" CLOSE OPEN "two" CLOSE "three");
	end();
	begin();
	push(a, OPEN "one");
	push(b, "two" OPEN "three");
	inq_writer_release(&q, b);
	inq_writer_release(&q, a);
	ck_assert_str_eq(drain(100), OPEN "one" CLOSE "two" OPEN "three" CLOSE);
	end();
}
END_TEST

START_TEST(who_waited_between_two_parts_of_a_paste_follows_it_at_once)
{
	struct inq_writer *c;

	for (unsigned lost = 0; lost < 2; lost++) {
		begin();
		ck_assert_int_eq(inq_writer_new(&q, 100, &c), 0);
		push(a, OPEN "one");
		push(b, OPEN "two");
		push(c, "x");
		push(b, "three" CLOSE);
		if (lost)
			inq_writer_release(&q, b); /* its paste is whole all the same */
		push(a, CLOSE);
		ck_assert_str_eq(drain(100), OPEN "one" CLOSE OPEN "twothree" CLOSE "x");
		end();
	}
}
END_TEST

/* Single keys take more memory than they are bytes. */
START_TEST(what_writers_leave_behind_is_bounded_in_memory_and_nothing_of_it_lost)
{
	struct inq_writer *w;
	size_t n = 0;
	int r;

	begin();
	do {
		ck_assert_int_eq(inq_writer_new(&q, 1, &w), 0);
		r = push(w, "x");
		inq_writer_release(&q, w);
		n += !r;
	} while (!r);
	ck_assert_int_eq(r, INQ_E_LEFT);
	ck_assert_int_eq(push(a, "a"), INQ_E_LEFT);
	ck_assert_int_eq(inq_push_signal(&q, 3), 0);
	ck_assert_uint_ge(q.left, INQ_LEFT_MAX);
	ck_assert_uint_le(ledger_held(&ledger), INQ_LEFT_MAX + 1024);
	ck_assert_uint_lt(n + 1, sizeof(got));
	ck_assert_uint_eq(strlen(drain(16)), n + 1);
	ck_assert_uint_eq(q.left, 0);
	ck_assert_int_eq(push(a, "a"), 0);
	end();
}
END_TEST

START_TEST(two_pastes_at_once_follow_each_other)
{
	begin();
	push(a, OPEN "1");
	push(b, OPEN "2");
	push(a, "1" CLOSE);
	push(a, "3");
	push(b, "2" CLOSE);
	ck_assert_str_eq(drain(100), OPEN "11" CLOSE OPEN "22" CLOSE "3");
	end();
}
END_TEST

START_TEST(a_signal_s_character_goes_before_what_is_held_and_is_nobody_s_credit)
{
	begin();
	push(a, "long input");
	ck_assert_int_eq(inq_push_signal(&q, 0x03), 0);
	ck_assert_uint_eq(inq_credit(a), 90);
	ck_assert_str_eq(drain(4), "\003long input");
	end();
}
END_TEST

START_TEST(signals_keep_their_order_and_however_many_come_few_wait)
{
	size_t held;

	begin();
	push(a, "long input");
	ck_assert_int_eq(inq_push_signal(&q, '1'), 0);
	held = ledger_held(&ledger);
	for (size_t i = 1; i < INQ_SIGNALS_MAX - 1; i++)
		ck_assert_int_eq(inq_push_signal(&q, '2'), 0);
	ck_assert_int_eq(inq_push_signal(&q, '3'), 0);
	ck_assert_int_eq(inq_push_signal(&q, '4'), 0); /* one too many */
	ck_assert_uint_eq(ledger_held(&ledger), held);
	drain(7);
	ck_assert_int_eq(got[0], '1');
	ck_assert_int_eq(got[INQ_SIGNALS_MAX - 2], '2');
	ck_assert_str_eq(got + INQ_SIGNALS_MAX - 1, "3long input");
	end();
}
END_TEST

START_TEST(the_end_comes_after_everything)
{
	uint8_t buf[16];
	bool eof;

	begin();
	push(a, "bytes");
	inq_close(&q);
	ck_assert_uint_eq(inq_read(&q, buf, 3, now, &eof), 3);
	ck_assert(!eof);
	ck_assert_uint_eq(inq_read(&q, buf, 16, now, &eof), 2);
	ck_assert(eof);
	ck_assert(inq_readable(&q));
	end();
}
END_TEST

static bool interrupts(const char *bytes)
{
	return keys_interrupt((struct inq_paste){ 0 }, bytes, strlen(bytes));
}

START_TEST(interrupt_keys_are_seen_in_each_form_and_nothing_else_is)
{
	static const char *const yes[] = { "\003", "\032", "\034", "ab\003", "\033[99;5u",
		"\033[122;5u", "\033[92;5u", "\033[99:67;5u", "\033[99;5:1u", "\033[99;5:2u",
		"\033[99;69u", "\033[99;133u", "\033[27;5;99~", "\033[27;5;92~", "x\033[99;5u",
		OPEN "\003" CLOSE "\003", "\033[99;5;3u" };
	static const char *const no[] = { "", "c", "\004", "\033[99u", "\033[99;2u", "\033[99;6u",
		"\033[99;7u", "\033[99;5:3u", "\033[98;5u", "\033[27;5;98~", "\033[27;2;99~",
		"\033[99;5", "\033[5~", "\033[99;5;3;4;5u", OPEN "\003" CLOSE,
		"\033[999999999999;5u", "\033[;5u" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		ck_assert_msg(interrupts(yes[i]), "yes %zu", i);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		ck_assert_msg(!interrupts(no[i]), "no %zu", i);
	ck_assert(!keys_interrupt((struct inq_paste){ .open = true }, "\003", 1));
}
END_TEST

START_TEST(what_a_terminal_says_by_itself_is_told_from_what_is_typed)
{
	static const char *const typed[] = { "x", "\r", "\033", "\033[A", "\033[1;5R", "\033[1;2P",
		"\033[97;5u", "\033[27;5;99~", "\033[15~", "\033OI", "\033I", "\033[<0;3;4M",
		"\033[<0;3;4m", "\033[<32;3;4M", "\033[<64;3;4M", "\033[M !!", "\033[Ix", "x\033[I",
		"\033[I\033[A", "\033]", "\033]x", "\033P", "\033]1;2", "\033[", "\033[?1",
		"\033]x\033[I", OPEN "\033[I" CLOSE };
	static const char *const said[] = { "", "\033[I", "\033[O", "\033[O\033[I", "\033[?62;22c",
		"\033[>1;277;0c", "\033[=0c", "\033[0n", "\033[24;80R", "\033[10;1R", "\033[?1;1R",
		"\033[?2026;2$y", "\033[4;1$y", "\033[?1u", "\033[>4;2m", "\033[8;24;80t",
		"\033[?997;1n", "\033]11;rgb:0/0/0\033\\", "\033]10;#fff\a",
		"\033P>|xterm(1)\033\\", "\033[<35;3;4M", "\033[<39;3;4M\033[<51;3;5M",
		"\033]l\033\\\033[I" };

	for (size_t i = 0; i < sizeof(typed) / sizeof(*typed); i++)
		ck_assert_msg(keys_typed(typed[i], strlen(typed[i])), "typed %zu", i);
	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++)
		ck_assert_msg(!keys_typed(said[i], strlen(said[i])), "said %zu", i);
}
END_TEST

TEST_MAIN("inq", what_a_terminal_says_by_itself_is_told_from_what_is_typed,
	keys_come_out_in_the_order_they_went_in,
	a_writer_may_have_its_window_here_and_not_a_byte_more, single_keys_share_memory,
	others_wait_behind_an_open_paste_and_follow_it, brackets_torn_over_writes_are_seen,
	after_2_s_without_progress_the_paste_is_closed_for_the_others_and_opened_again,
	a_paste_closed_for_others_in_the_middle_of_its_bracket_ends_for_the_program_too,
	what_only_began_like_a_bracket_is_not_sent_twice,
	a_paste_closed_in_its_bracket_reopens_behind_another_that_was_lost,
	writes_that_share_no_memory_are_bounded_by_their_number,
	progress_of_the_paste_renews_the_2_s,
	a_writer_lost_inside_its_paste_gets_the_bracket_closed,
	a_lost_writer_s_waiting_paste_is_kept_whole,
	who_waited_between_two_parts_of_a_paste_follows_it_at_once,
	two_pastes_at_once_follow_each_other,
	what_writers_leave_behind_is_bounded_in_memory_and_nothing_of_it_lost,
	a_signal_s_character_goes_before_what_is_held_and_is_nobody_s_credit,
	signals_keep_their_order_and_however_many_come_few_wait, the_end_comes_after_everything,
	interrupt_keys_are_seen_in_each_form_and_nothing_else_is)
