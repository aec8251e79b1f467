/* What the model answers, to the byte, and how much of it is kept. */
#include "tests/term_world.h"

#include <stdio.h>

static void assert_replies(const char *want, const char *input)
{
	size_t n;
	const uint8_t *got = term_replies(t, &n);

	ck_assert_msg(n == strlen(want) && (!n || memcmp(got, want, n) == 0), "%s: %.*s", input,
		(int)n, (const char *)got);
	term_replies_drop(t, n);
}

static const char *const queries[][2] = {
	{ "\033[c", "\033[?62;22c" },
	{ "\033[0c", "\033[?62;22c" },
	{ "\033Z", "\033[?62;22c" },
	{ "\033[1c", "" },
	{ "\033[>c", "\033[>1;277;0c" },
	{ "\033[=c", "\033P!|00000000\033\\" },
	{ "\033[5n", "\033[0n" },
	{ "\033[2;3H\033[6n", "\033[2;3R" },
	{ "\033[2;4r\033[?6h\033[2;3H\033[6n\033[?6l\033[r", "\033[2;3R" },
	{ "\033[2;3H\033[?6n", "\033[?2;3R" },
	{ "\033[?15n", "\033[?13n" },
	{ "\033[?25n", "\033[?21n" },
	{ "\033[?26n", "\033[?27;1;0;0n" },
	{ "\033[?53n", "\033[?50n" },
	{ "\033[?63;7n", "\033P7!~0000\033\\" },
	{ "\033[?996n", "\033[?997;1n" },
	{ "\033[7n", "" },
	{ "\033[x", "\033[2;1;1;128;128;1;0x" },
	{ "\033[1x", "\033[3;1;1;128;128;1;0x" },
	{ "\033[?25$p", "\033[?25;1$y" },
	{ "\033[?2004$p", "\033[?2004;2$y" },
	{ "\033[?2026$p", "\033[?2026;2$y" },
	{ "\033[?2048$p", "\033[?2048;0$y" },
	{ "\033[?1000h\033[?1000$p\033[?1000l", "\033[?1000;1$y" },
	{ "\033[?1049$p", "\033[?1049;2$y" },
	{ "\033[4$p", "\033[4;2$y" },
	{ "\033[7$p", "\033[7;0$y" },
	{ "\033[>q", "\033P>|cwsandboxd(" PACKAGE_VERSION ")\033\\" },
	{ "\033[?u", "\033[?0u" },
	{ "\033[>5u\033[?u\033[<u\033[?u", "\033[?5u\033[?0u" },
	{ "\033[=3;1u\033[=4;2u\033[=1;3u\033[?u\033[=0u", "\033[?6u" },
	{ "\033[>4;2m\033[?4m\033[>4m\033[?4m", "\033[>4;2m\033[>4;0m" },
	{ "\033[>4;1m\033[>4;m\033[?4m", "\033[>4;0m" },
	{ "\033[?1m\033[?2m\033[?m", "\033[>1;2m\033[>2;2m\033[>0;0m" },
	{ "\033[>1;0m\033[?1m\033[>1n\033[?1m\033[>m\033[?1m", "\033[>1;0m\033[>1;0m\033[>1;2m" },
	{ "\033[>n\033[?2m\033[>2m\033[?2m", "\033[>2;0m\033[>2;2m" },
	{ "\033[>4;99999m\033[?4m\033[>m", "\033[>4;65533m" },
	{ "\033[?8m\033[>8;1m\033[?8m", "" },
	{ "\033[11t", "\033[1t" },
	{ "\033[14t", "\033[4;64;80t" },
	{ "\033[16t", "\033[6;16;8t" },
	{ "\033[18t", "\033[8;4;10t" },
	{ "\033[19t", "\033[9;4;10t" },
	{ "\033]2;secret\x07\033[21t", "\033]l\033\\" },
	{ "\033[20t", "\033]L\033\\" },
	{ "\033]52;c;?\x07", "\033]52;c;\x07" },
	{ "\033]52;c;c2VjcmV0\x07\033]52;c;?\033\\", "\033]52;c;\033\\" },
	{ "\033]52;\033[;?\x07", "" },
	{ "\033]4;1;?\x07", "\033]4;1;rgb:cdcd/0000/0000\x07" },
	{ "\033]4;1;#102030;2;?;1;?\033\\",
		"\033]4;2;rgb:0000/cdcd/0000\033\\\033]4;1;rgb:1010/2020/3030\033\\" },
	{ "\033]104;1\x07\033]4;1;?\x07", "\033]4;1;rgb:cdcd/0000/0000\x07" },
	{ "\033]10;?\x07", "\033]10;rgb:e5e5/e5e5/e5e5\x07" },
	{ "\033]11;?\x07", "\033]11;rgb:0000/0000/0000\x07" },
	{ "\033]10;#fff;?\x07\033]110\x07", "\033]11;rgb:0000/0000/0000\x07" },
	{ "\033]12;rgb:ff/80/00\x07\033]12;?\x07\033]112\x07", "\033]12;rgb:ffff/8080/0000\x07" },
	{ "\033P$qm\033\\", "\033P1$r0m\033\\" },
	{ "\033[1;38;2;1;2;3;4:3m\033P$qm\033\\\033[m", "\033P1$r0;1;4:3;38:2::1:2:3m\033\\" },
	{ "\033[2;3r\033P$qr\033\\\033[r", "\033P1$r2;3r\033\\" },
	{ "\033[4 q\033P$q q\033\\\033[ q", "\033P1$r4 q\033\\" },
	{ "\033P$q\"q\033\\", "\033P1$r0\"q\033\\" },
	{ "\033P$q\"p\033\\", "\033P1$r62;1\"p\033\\" },
	{ "\033P$qz\033\\", "\033P0$r\033\\" },
	{ "\033P+q544e;436f\033\\", "\033P1+r544e=787465726d2d323536636f6c6f72;436f=323536\033\\" },
	{ "\033P+q6666\033\\", "\033P0+r6666\033\\" },
	{ "\033P+q6B75;544e\033\\", "\033P0+r6B75\033\\" },
	{ "\033P+q526742\033\\\033P+q526742\033\\", "\033P0+r526742\033\\\033P0+r526742\033\\" },
	{ "\033P+q5463;524742;5375\033\\", "\033P1+r5463;524742=38;5375\033\\" },
	{ "\033P+q5463;6666;5375\033\\", "\033P1+r5463\033\\" },
	{ "\033P+q536D756C78\033\\", "\033P1+r536D756C78=1b5b343a25703125646d\033\\" },
	{ "\033P+q\033\\\033P+q;\033\\", "\033P0+r\033\\\033P0+r\033\\" },
	{ "\033P+q666\033\\\033P+q66ls;\033\\", "\033P0+r\033\\\033P0+r\033\\" },
	{ "\033P+q5463\030\033P+q5463\033[m", "" },
	{ "\x05", "" },
};

START_TEST(sec_c26_every_query_gets_exactly_one_answer_in_stream_order)
{
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		feed(queries[i][0]);
		assert_replies(queries[i][1], queries[i][0] + 1);
	}
	feed("\033[2;3H\033[6nab\033[6n\033[c");
	assert_replies("\033[2;3R\033[2;5R\033[?62;22c", "in order");
	end();
}
END_TEST

START_TEST(answers_are_bounded_and_kept_whole)
{
	size_t n;

	begin();
	/* 4-byte answers fill the bound exactly; then nothing more fits */
	repeat("\033[5n", TERM_REPLIES_MAX / 4);
	term_replies(t, &n);
	ck_assert_uint_eq(n, TERM_REPLIES_MAX);
	feed("\033[5n");
	term_replies(t, &n);
	ck_assert_uint_eq(n, TERM_REPLIES_MAX);
	term_replies_drop(t, 8);
	feed("\033[c"); /* nine bytes where eight are free */
	term_replies(t, &n);
	ck_assert_uint_eq(n, TERM_REPLIES_MAX - 8);
	term_replies_drop(t, n);
	term_replies(t, &n);
	ck_assert_uint_eq(n, 0);
	end();
}
END_TEST

START_TEST(one_string_asks_for_each_colour_once_and_no_more)
{
	static const char answer[] = "\033]4;1;rgb:cdcd/0000/0000\033\\";
	size_t n;

	begin();
	feed("\033]4;");
	repeat("1;?;", COLORS_N);
	feed("1;?\033\\");
	term_replies(t, &n);
	ck_assert_uint_eq(n, COLORS_N * strlen(answer));
	term_replies_drop(t, n);
	end();
}
END_TEST

START_TEST(a_capability_that_is_not_known_is_named_up_to_its_bound)
{
	char want[128];

	begin();
	feed("\033P+q");
	repeat("66", XTGETTCAP_MAX / 2);
	feed("\033\\");
	snprintf(want, sizeof(want), "\033P0+r%0*d\033\\", XTGETTCAP_MAX, 0);
	for (char *s = strchr(want, '0') + 1; (s = strchr(s, '0')) != NULL;)
		*s = '6';
	assert_replies(want, "at the bound");
	feed("\033P+q66");
	repeat("66", XTGETTCAP_MAX / 2);
	feed("\033\\");
	assert_replies("\033P0+r\033\\", "beyond it");
	end();
}
END_TEST

START_TEST(the_kitty_stack_drops_its_oldest_and_is_a_screen_s_own)
{
	begin();
	for (unsigned i = 0; i < KITTY_STACK_MAX + 2; i++)
		feed("\033[>1u");
	feed("\033[?1049h\033[?u\033[?1049l\033[?u");
	assert_replies("\033[?0u\033[?1u", "screens");
	feed("\033[<99u\033[?u");
	assert_replies("\033[?0u", "popped");
	end();
}
END_TEST

TEST_MAIN("term_query", sec_c26_every_query_gets_exactly_one_answer_in_stream_order,
	answers_are_bounded_and_kept_whole, one_string_asks_for_each_colour_once_and_no_more,
	a_capability_that_is_not_known_is_named_up_to_its_bound,
	the_kitty_stack_drops_its_oldest_and_is_a_screen_s_own)
