#include "tests/suite.h"

#include <string.h>

#include "client/probe.h"

#define ANSWERS                                                                                    \
	"\033[?1u\033[?2026;2$y\033P>|XTerm(380)\033\\\033]10;rgb:ffff/8080/0000\033\\"            \
	"\033]11;rgb:12/34/56\007\033]12;rgba:0000/0000/ffff/ffff\033\\\033[?62;22c"

static const struct probe_env plain = { .term = "xterm-256color" };
static struct probe p;
static uint8_t out[4096];
static size_t n_out;

static void begin(const struct probe_env *env)
{
	probe_init(&p, env);
	probe_begin(&p);
	n_out = 0;
}

static void feed(const char *s, size_t n)
{
	n_out += probe_feed(&p, (const uint8_t *)s, n, out + n_out);
}

static void assert_given_back(const char *want, const char *where)
{
	ck_assert_msg(n_out == strlen(want) && memcmp(out, want, n_out) == 0,
		"%s: \"%.*s\" came back, not \"%s\"", where, (int)n_out, (const char *)out, want);
}

static void assert_all_heard(void)
{
	ck_assert(!p.waiting && p.n_held == 0);
	ck_assert(p.caps.sync && p.caps.kitty_keys && p.caps.true_color && p.caps.links);
	ck_assert(probe_has_colors(&p));
	ck_assert_uint_eq(p.colors[0], 0xff8000);
	ck_assert_uint_eq(p.colors[1], 0x123456);
	ck_assert_uint_eq(p.colors[2], 0x0000ff);
}

START_TEST(answers_torn_anywhere_are_heard_and_none_of_their_bytes_is_a_key)
{
	const size_t n = strlen(ANSWERS);

	for (size_t i = 0; i <= n; i++)
		for (size_t k = i; k <= n; k += 1 + n / 30) {
			begin(&plain);
			feed(ANSWERS, i);
			feed(&ANSWERS[i], k - i);
			feed(&ANSWERS[k], n - k);
			assert_given_back("", "in three pieces");
			assert_all_heard();
		}
}
END_TEST

START_TEST(keys_typed_before_between_and_after_answers_keep_their_order)
{
	static const char *const pieces[] = { "a", "\033[?1u", "\033[A", "\033[?2026;1$y", "\033OP",
		"\033P>|x\033\\", "\033\033", "\033]10;rgb:1/2/3\007", "\xe6\xbc\xa2",
		"\033]11;rgb:1/2/3\007", "\033[<0;1;2M", "\033]12;rgb:1/2/3\007", "\033[200~",
		"\033[?6c", "\033x" };
	char want[256] = "";
	static char stream[1024];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		memcpy(stream + n, pieces[i], strlen(pieces[i]));
		n += strlen(pieces[i]);
		if (i % 2 == 0)
			strncat(want, pieces[i], sizeof(want) - strlen(want) - 1);
	}
	for (size_t i = 0; i <= n; i++) {
		begin(&plain);
		feed(stream, i);
		feed(stream + i, n - i);
		assert_given_back(want, "in two pieces");
		ck_assert(!p.waiting);
	}
}
END_TEST

START_TEST(a_lone_escape_is_given_back_in_time_and_what_follows_late_is_still_an_answer)
{
	uint8_t flushed[PROBE_HELD_MAX];

	begin(&plain);
	feed("\033", 1);
	ck_assert(probe_holds(&p));
	ck_assert_uint_eq(probe_flush(&p, flushed), 1);
	ck_assert_uint_eq(flushed[0], 0x1b);
	ck_assert(!probe_holds(&p) && probe_flush(&p, flushed) == 0);
	feed("[?1u", 4); /* it was the beginning of one: only the ESC went astray */
	assert_given_back("", "the rest");
	ck_assert(p.kitty);
	feed("\033", 1);
	probe_flush(&p, flushed);
	feed("j", 1);
	assert_given_back("j", "after Escape");
	feed("\033[", 2);
	ck_assert_uint_eq(probe_flush(&p, flushed), 2);
	feed("A", 1);
	assert_given_back("jA", "after Alt-[");
	feed("\033[?", 3);
	ck_assert(!probe_holds(&p)); /* nobody types that */
}
END_TEST

START_TEST(what_only_resembles_an_answer_is_given_back_whole)
{
	static const char *const others[] = { "\033[?1;2R", "\033]10;?\033\\",
		"\033]13;rgb:1/2/3\a", "\033P1$r0m\033\\", "\033P>|x\001", "\033[?1$z", "\033[?25l",
		"\033]1x", "\033Pq", "\033]11;rgb:1/2/3\033[A" };
	static char endless[2 * PROBE_HELD_MAX] = "\033P>|";

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		begin(&plain);
		feed(others[i], strlen(others[i]));
		assert_given_back(others[i], others[i]);
	}
	memset(endless + 4, 'x', sizeof(endless) - 5);
	begin(&plain);
	feed(endless, strlen(endless));
	assert_given_back(endless, "an endless string");
}
END_TEST

START_TEST(an_answer_that_is_late_or_comes_again_is_heard_and_no_key)
{
	static const char late[] =
		"a\033[?1u\033OP\033]10;rgb:ffff/8080/0000\033\\b\033]11;rgb:12/34/56\a"
		"\033]12;rgb:0/0/f\a\033P>|x\033\\\033[?2026;2$y\033[?6cc";
	const size_t n = strlen(late);

	for (size_t i = 0; i <= n; i++) {
		begin(&plain);
		feed("\033[?6c", 5);
		ck_assert(probe_news(&p) && !probe_news(&p));
		ck_assert(!p.caps.sync && !p.caps.kitty_keys && !p.caps.true_color);
		feed(late, i);
		if (p.n_held <= 2) /* else the rest is due at once */
			ck_assert(!probe_holds(&p));
		feed(late + i, n - i);
		/* of an answer torn behind its ESC that one went astray */
		ck_assert_msg(n_out <= strlen("a\033OPbc") + 2, "cut at %zu: %zu", i, n_out);
		ck_assert_msg(
			!memchr(out, ';', n_out) && !memchr(out, '?', n_out), "cut at %zu", i);
		ck_assert(probe_news(&p));
		assert_all_heard();
		feed(late, n);
		ck_assert(!probe_news(&p)); /* the same again is no news */
	}
	begin(&plain);
	feed("\033[?6c", 5);
	feed(late, n);
	assert_given_back("a\033OPbc", "in one piece");
}
END_TEST

START_TEST(after_the_last_answer_no_key_waits_for_the_next)
{
	uint8_t flushed[PROBE_HELD_MAX];

	begin(&plain);
	feed("\033[?6c", 5);
	feed("\033", 1);
	assert_given_back("\033", "Escape");
	feed("\033[A", 3);
	feed("\033]", 2);
	assert_given_back("\033\033[A\033]", "keys");
	feed("1", 1); /* typed, as it seems, but an answer could go on so: for a moment */
	ck_assert(probe_holds(&p));
	ck_assert_uint_eq(probe_flush(&p, flushed), 1);
	ck_assert(flushed[0] == '1' && !probe_holds(&p));
	feed("x", 1);
	assert_given_back("\033\033[A\033]x", "what was no answer");
	feed("\033P>y", 4);
	assert_given_back("\033\033[A\033]x\033P>y", "nor was this");
}
END_TEST

START_TEST(an_answer_behind_one_cut_off_is_heard)
{
	static const char cut_off[] =
		"\033]10;rgb:12\033]11;rgb:1/2/3\033\\\033P>|x\033\033[?1u\033[?6c";

	begin(&plain);
	feed(cut_off, strlen(cut_off));
	ck_assert(!p.waiting && p.kitty && p.colors[1] == 0x112233);
	assert_given_back("\033]10;rgb:12\033P>|x\033", "what was cut off");
}
END_TEST

START_TEST(a_terminal_that_was_not_asked_is_not_listened_to)
{
	const struct probe_env env = { .term = "xterm", .probe = "no" };

	begin(&env);
	feed(ANSWERS "\033", strlen(ANSWERS) + 1);
	assert_given_back(ANSWERS "\033", "nobody asked");
	ck_assert(!probe_holds(&p) && !probe_news(&p) && !probe_has_colors(&p));
}
END_TEST

START_TEST(a_mode_that_cannot_be_set_is_not_there)
{
	for (char c = '0'; c <= '4'; c++) {
		char answer[] = "\033[?2026;0$y\033[?6c";

		answer[8] = c;
		begin(&plain);
		feed(answer, strlen(answer));
		ck_assert(p.caps.sync == (c >= '1' && c <= '3'));
	}
}
END_TEST

START_TEST(the_first_guess_is_what_the_environment_says)
{
	static const struct {
		struct probe_env env;
		bool asks, true_color, links;
	} table[] = {
		{ { "xterm-256color", NULL, NULL, NULL }, true, false, true },
		{ { "xterm-256color", "truecolor", NULL, NULL }, true, true, true },
		{ { "xterm-256color", "24bit", NULL, "yes" }, true, true, true },
		{ { "xterm-256color", "truecolor", NULL, "no" }, false, true, true },
		{ { "xterm-kitty", NULL, NULL, NULL }, true, true, true },
		{ { "xterm-direct", NULL, NULL, NULL }, true, true, true },
		{ { "xterm-256color", NULL, "iTerm.app", NULL }, true, true, true },
		{ { "xterm-256color", NULL, "Apple_Terminal", NULL }, false, false, true },
		{ { "linux", NULL, NULL, NULL }, false, true, false },
		{ { "dumb", NULL, NULL, NULL }, false, false, false },
		{ { "vt220", NULL, NULL, NULL }, false, false, false },
		{ { "vte-256color", NULL, NULL, NULL }, true, false, true },
		{ { NULL, NULL, NULL, NULL }, false, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		probe_init(&p, &table[i].env);
		ck_assert_msg(p.asks == table[i].asks, "asks %zu", i);
		ck_assert_msg(p.caps.true_color == table[i].true_color, "true colour %zu", i);
		ck_assert_msg(p.caps.links == table[i].links, "links %zu", i);
		ck_assert(!*probe_begin(&p) == !table[i].asks);
		ck_assert(!*probe_begin(&p)); /* once */
	}
}
END_TEST

TEST_MAIN("probe", answers_torn_anywhere_are_heard_and_none_of_their_bytes_is_a_key,
	keys_typed_before_between_and_after_answers_keep_their_order,
	a_lone_escape_is_given_back_in_time_and_what_follows_late_is_still_an_answer,
	what_only_resembles_an_answer_is_given_back_whole,
	an_answer_that_is_late_or_comes_again_is_heard_and_no_key,
	after_the_last_answer_no_key_waits_for_the_next, an_answer_behind_one_cut_off_is_heard,
	a_terminal_that_was_not_asked_is_not_listened_to, a_mode_that_cannot_be_set_is_not_there,
	the_first_guess_is_what_the_environment_says)
