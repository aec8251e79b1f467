#include "tests/suite.h"

#include <stdio.h>
#include <string.h>

#include "common/term/filter.h"
#include "tests/termkit.h"

static struct term_buf out;

static const char *filter(struct term_filter *f, const char *s)
{
	const char nul = '\0';
	struct out o = { .buf = &out };

	out.n = 0;
	ck_assert_int_eq(term_filter_feed(f, (const uint8_t *)s, strlen(s), &out), 0);
	out_bytes(&o, &nul, 1);
	return (const char *)out.data;
}

static struct term_filter *filter_new(bool clipboard)
{
	struct term_filter *f = NULL;

	ck_assert_int_eq(term_filter_new(&f, clipboard), 0);
	return f;
}

#define SAME NULL /* passes byte for byte */

static const char *const examples[][2] = {
	{ "plain \033[1;38:2::1:2:3mtext\033[m\r\n\a\b\t", SAME },
	{ "\xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x99\x82 e\xcc\x81", SAME },
	{ "\033[?1049h\033[2J\033[3;4H\033[2;5r\033[?25l\033[?1;2004h", SAME },
	{ "\033[?1000;1006h\033[?2026h\033[>4;2m\033[>1u\033[<u\033[=5;2u\033[4 q", SAME },
	{ "\033]8;id=1;http://example.org/\033\\x\033]8;;\033\\", SAME },
	{ "\033]4;1;rgb:00/11/22\a\033]104\a\033]133;A\a\033]7;file://h/d\a\033]777;notify;a;b\a",
		SAME },
	{ "\033]4;0;#fff\a\033]104;1\a\033]10;#fff\a\033]110\a\033]5;0;#fff\a\033]105\a", SAME },
	{ "\033]9;done\a\033]9;4;1;50\a", SAME },
	{ "\033Pq#0;2;0;0;0#0~~@@-\033\\", SAME },
	{ "\0337\0338\033D\033M\033E\033H\033=\033>\033(0\033)B\033#8", SAME },
	{ "\033c\033[!p\033[22;0t\033[23;0t\033[?5W\033[1\"q\033%G", SAME },
	/* queries: the daemon answers them */
	{ "a\033[cb\033[>cc\033[=0cd\033Ze", "abcde" },
	{ "a\033[5nb\033[6nc\033[?6nd\033[?996ne\033[xf", "abcdef" },
	{ "a\033[?25$pb\033[4$pc\033[>qd\033[?ue\033[?4mf", "abcdef" },
	{ "a\033[14tb\033[18tc\033[21td\033[?1;1;0Se", "abcde" },
	{ "a\033P$qm\033\\b\033P+q544e\033\\c", "abc" },
	{ "a\033]10;?\ab\033]4;1;?\ac\033]11;?\033\\d", "abcd" },
	{ "a\005b\033[\0051mc", "ab\033[1mc" },
	/* what does harm */
	{ "a\033]52;c;aGk=\ab\033]52;c;?\ac", "abc" },
	{ "a\033[5ib\033[?4ic\033[8;50;200td\033[3;0;0te", "abcde" },
	{ "a\033[?2lb\033[61\"pc\033 Gd\033%@e\033[2hf", "abcdef" },
	{ "a\033]50;x\ab\033]1337;File=:x\ac\033]P0ffffff\ad\033]51;E\ae\033]9;7;cmd\af",
		"abcdef" },
	{ "a\033_Gi=1,a=q\033\\b\033^x\033\\c\033Xy\033\\d\033P0;1|17/"
	  "20\033\\e\033Ptmux;\033\033[c\033\\f",
		"abcde\033\\f" },
	{ "a\xc2\x9b"
	  "6nb\xc2\x9d"
	  "52;c;?\xc2\x9c",
		"a6nb52;c;?" },
	{ "\033]8;;http://x/\xc2\x9d\033\\\033]8;;http://x/\xc3\xa9\a\033]8;x\a", "" },
	{ "\033]8;id=1;file://h/a b\033\\\033[6 qx\033[7 q\033]8;;\a",
		"\033]8;id=1;file://h/a b\033\\\033[6 qx\033]8;;\a" },
	{ "\033]2;a\xc2\x9c\033\\", "\033]2;a\033\\" },
	{ "\033[1*y\033[1;1;1;1;5;5*y\033[#R\033[!z", "" },
	/* colours that the user gave the terminal stay */
	{ "a\033]104\ab\033]104;1\ac\033]110\ad\033]119\ae\033]105\af", "abcdef" },
	{ "\033]5;0;#fff\a\033]104\ax\033c\033]105\ay", "\033]5;0;#fff\ax\033cy" },
	{ "\033]10;#fff\a\033]111\ax\033]104\ay", "\033]10;#fff\axy" },
	{ "\033]10;#fff\a\033]110;\xff;?\a", "\033]10;#fff\a\033]110\a" },
	{ "\033]4;1;#fff\a\033]104;1;\xff;2;256;12345;\a\033]104;x\a",
		"\033]4;1;#fff\a\033]104;1;2\a" },
	/* what the model does not know stays away from the picture */
	{ "a\033[?69hb\033[1;5sc\033[?3hd\033#3e\033[2 @f", "abcdef" },
	{ "\033[?25;69l\033[?1;69;25h\033[?69;3h", "\033[?25l\033[?1;25h" },
	{ "a\033[2:3Hb\033[?25:7lc\033[>1:2ud\033[5ue\033[4:3m", "abcde\033[4:3m" },
	{ "a\033[3^\033[^b\033[1;2^c", "a\033[3T\033[Tbc" },
	{ "\033(Kx\033-Ay", "\033(Bxy" },
	{ "x\033[99999b\033[m\033[3b", "x\033[1000b\033[m" },
	{ "x\033[2b\033[3b", "x\033[2b" },
	{ "x\033[2b\033[999999b\033[3b.", "x\033[2b." },
	{ "\033]4;1;Steel Blue;2;#fff;3;nosuch\a", "\033]4;1;rgb:46/82/b4\a\033]4;2;#fff\a" },
	/* sequences cut off, damage */
	{ "a\033[12\030b\033]0;t\032c\033]52;c;\033[1md", "abc\033[1md" },
	{ "a\033[\n1mb\033[>5zc\033[1?md\033[6\xc3\xa9nx", "a\n\033[1mbcdx" },
	{ "a\033\033[1mb\033\xc3\xa9", "a\033[1mb\xc3\xa9" },
	{ "\xff\x9b\xed\xa0\x80\xe6\xbc"
	  "a",
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		"a" },
	{ "\033[4294967302n\033[?4294967298l\033[99999999999C", "\033[65535C" },
	{ "\033Pq~~\033[1mx", "\033Pq~~\033\\\033[1mx" },
	/* titles */
	{ "\033]0;a\tb\xe2\x80\xae"
	  "c\xff\a",
		"\033]0;abc\a" },
	{ "\033]l;x\a\033];x\a\033]000052;c;?\a", "" },
};

START_TEST(sec_c27_the_terminal_sees_only_what_the_table_says)
{
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);
		const char *want = examples[i][1] ? examples[i][1] : examples[i][0];
		const char *got = filter(f, examples[i][0]);

		ck_assert_msg(strcmp(got, want) == 0, "%zu: %s", i, got);
	}
	term_buf_done(&out);
}
END_TEST

static const struct {
	struct term_caps caps;
	const char *in, *out;
} lesser[] = {
	/* true colours, with semicolons and colons, several in one, and what is none of them */
	{ { false, true, true, true }, "\033[1;38;2;255;0;0;4mx", "\033[1;38;5;196;4mx" },
	{ { false, true, true, true }, "\033[38:2::0:95:135;48:2:8:8:8m",
		"\033[38:5:24;48:5:232m" },
	{ { false, true, true, true }, "\033[58:2::1:2:3;38;5;7;48;2;9;9;9;7m",
		"\033[58:5:16;38;5;7;48;5;232;7m" },
	{ { false, true, true, true }, "\033[38;2;1;2m\033[4:3;31m\033[2;38m", SAME },
	{ { false, true, true, true }, "\033[?2026h\033[>1u\033]8;;u:x\033\\", SAME },
	{ { true, false, true, true }, "a\033[?2026hb\033[?25;2026;7lc\033[38;2;1;2;3m",
		"ab\033[?25;7lc\033[38;2;1;2;3m" },
	{ { true, true, false, true }, "a\033[>1ub\033[<uc\033[=5;2ud\033[ue", "abcd\033[ue" },
	{ { true, true, true, false }, "a\033]8;id=1;http://h/\033\\b\033]8;;\ac\033]2;t\a",
		"abc\033]2;t\a" },
};

START_TEST(a_lesser_terminal_gets_what_it_can_show)
{
	for (size_t i = 0; i < ARRAY_SIZE(lesser); i++) {
		_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);
		const char *want = lesser[i].out ? lesser[i].out : lesser[i].in;

		term_filter_caps(f, &lesser[i].caps);
		for (size_t k = 0, n = strlen(lesser[i].in); k <= n; k++) {
			struct term_buf torn = { 0 };

			term_filter_feed(f, (const uint8_t *)lesser[i].in, k, &torn);
			term_filter_feed(f, (const uint8_t *)lesser[i].in + k, n - k, &torn);
			ck_assert_msg(
				torn.n == strlen(want) && memcmp(torn.data, want, torn.n) == 0,
				"%zu: %.*s", i, (int)torn.n, (const char *)torn.data);
			term_buf_done(&torn);
		}
		ck_assert(term_filter_degraded(f) == (i < 3));
	}
}
END_TEST

/* Much of what passes is found at once where it is whole; torn it goes byte by byte. */
START_TEST(output_passes_alike_whole_and_byte_by_byte_up_to_the_bounds_of_what_is_found_at_once)
{
	static const char *const pieces[] = { "text", "\r\n\a\x0e", "\x05", "\x7f", "\033[m",
		"\033[0m", "\033[00;0m", "\033[1;38;5;208m", "\033[9999m", "\033[65536m", "\033[K",
		"\033[2J", "\033[12;34H", "\033[3A", "\033[:1m", "\033[?1m", "\033[1\0330m",
		"\033[2b", "\033[", "\xc3\xa4", "\xc2\x80", "\xcc\x81\033[2b",
		"\xe6\xbc\xa2\033[2b", "\xe6\xbc", "\xff", "\033[1;2;3;4;5;6;7;8;9;10;11;12m",
		"\033[1;2;3;4;5;6;7;8;9;10;11;12;13m", "\033[38;2;1;2;3m" };
	const size_t n = ARRAY_SIZE(pieces);

	for (size_t i = 0; i < 2 * n * n; i++) {
		_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false),
								*torn = filter_new(false);
		const struct term_caps few = { .links = true };
		struct term_buf bytes = { 0 };
		char in[128];

		if (i >= n * n) {
			term_filter_caps(f, &few);
			term_filter_caps(torn, &few);
		}
		snprintf(in, sizeof(in), "a%s%s\033[2b\n", pieces[i / n % n], pieces[i % n]);
		filter(f, in);
		for (const char *at = in; *at; at++)
			ck_assert_int_eq(term_filter_feed(torn, (const uint8_t *)at, 1, &bytes), 0);
		ck_assert_uint_eq(out.n - 1, bytes.n);
		ck_assert_mem_eq(out.data, bytes.data, bytes.n);
		ck_assert_uint_eq(f->set, torn->set);
		ck_assert_int_eq(f->printed, torn->printed);
		term_buf_done(&bytes);
	}
}
END_TEST

START_TEST(every_true_colour_becomes_one_of_the_256_that_is_near)
{
	_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);

	term_filter_caps(f, &(struct term_caps){ false, true, true, true });
	for (unsigned rgb = 0; rgb < 1u << 24; rgb += 30011) {
		const unsigned r = rgb >> 16, g = rgb >> 8 & 255, b = rgb & 255;
		char sgr[40];
		unsigned index, got;
		int off;

		snprintf(sgr, sizeof(sgr), "\033[38;2;%u;%u;%um", r, g, b);
		ck_assert_int_eq(sscanf(filter(f, sgr), "\033[38;5;%um", &index), 1);
		ck_assert(index >= 16 && index <= 255);
		got = color_default(index);
		for (unsigned i = 0; i < 3; i++) {
			off = (int)(got >> 8 * i & 255) - (int)(rgb >> 8 * i & 255);
			ck_assert_msg(abs(off) <= 48, "%06x became %06x", rgb, got & 0xffffff);
		}
	}
	term_buf_done(&out);
}
END_TEST

START_TEST(it_is_known_whether_the_terminal_reports_keys_as_sequences)
{
	_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);

	filter(f, "text\033[31m");
	ck_assert(!term_filter_extended_keys(f));
	filter(f, "\033[>1u");
	ck_assert(term_filter_extended_keys(f));
	filter(f, "\033[<u");
	ck_assert(!term_filter_extended_keys(f));
	filter(f, "\033[>4;2m");
	ck_assert(term_filter_extended_keys(f));
	filter(f, "\033[>m\033[?1049h\033[=1u");
	ck_assert(term_filter_extended_keys(f));
	filter(f, "\033[?1049l");
	ck_assert(!term_filter_extended_keys(f));
	term_buf_done(&out);
}
END_TEST

START_TEST(sec_c27_the_clipboard_is_written_only_where_it_is_switched_on_and_never_read)
{
	_cleanup_(term_filter_freep) struct term_filter *on = filter_new(true);
	_cleanup_(term_filter_freep) struct term_filter *off = filter_new(false);

	ck_assert_str_eq(filter(on, "\033]52;c;aGVsbG8=\033\\"), "\033]52;c;aGVsbG8=\033\\");
	ck_assert_str_eq(filter(off, "\033]52;c;aGVsbG8=\033\\"), "");
	ck_assert_str_eq(
		filter(on, "\033]52;c;?\a\033]52;;?\a\033]52;c;?=\a\033]52;?;aa\a\033]52\a"), "");
	term_buf_done(&out);
}
END_TEST

START_TEST(sec_c27_a_clipboard_write_passes_whole_to_its_bound_and_nothing_like_it_does)
{
	static const char *const refused[] = { "52;x;aa", "52;8;aa", "52;c?;aa", "52;c aa",
		"52;c;a-b", "52;c;aa;aa", "52;c;a\xc3\xa9", "52;c;aa\x7f", "52;c", "052 ;c;aa",
		"00052;c;aa", "520;c;aa" };
	static const char *const passed[] = { "52;c;",
		"52;;YWI=", "52;pqs01234567c;YWI=", "052;c;YQ==" };
	static char text[TERM_STRING_MAX + 16];

	for (size_t i = 0; i < ARRAY_SIZE(refused) + ARRAY_SIZE(passed); i++) {
		const bool may = i >= ARRAY_SIZE(refused);
		const char *content = may ? passed[i - ARRAY_SIZE(refused)] : refused[i];
		const size_t n = (size_t)snprintf(text, sizeof(text), "\033]%s\033\\", content);

		for (size_t cut = 0; cut <= n; cut++) {
			_cleanup_(term_filter_freep) struct term_filter *f = filter_new(true);

			out.n = 0;
			term_filter_feed(f, (const uint8_t *)text, cut, &out);
			ck_assert(cut == n || out.n == 0); /* nothing before its end */
			term_filter_feed(f, (const uint8_t *)text + cut, n - cut, &out);
			ck_assert_msg(
				out.n == (may ? n : 0) && (!out.n || !memcmp(out.data, text, n)),
				"%s cut at %zu: %.*s", content, cut, (int)out.n,
				(const char *)out.data);
		}
	}
	for (size_t n = TERM_STRING_MAX; n <= TERM_STRING_MAX + 1; n++) {
		_cleanup_(term_filter_freep) struct term_filter *f = filter_new(true);

		snprintf(text, sizeof(text), "\033]52;c;%0*d\a", (int)n - 5, 0);
		ck_assert_str_eq(filter(f, text), n <= TERM_STRING_MAX ? text : "");
	}
	term_buf_done(&out);
}
END_TEST

START_TEST(a_title_at_the_terminal_is_cut_to_its_limit)
{
	_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);
	char title[TERM_TITLE_MAX + 9], want[TERM_TITLE_MAX + 9];

	for (size_t n = TERM_TITLE_MAX - 1; n <= TERM_TITLE_MAX + 1; n++) {
		size_t kept = min_size(n, TERM_TITLE_MAX);

		memcpy(title, "\033]2;", 4);
		memset(title + 4, 'x', n);
		memcpy(title + 4 + n, "\a", 2);
		memcpy(want, title, 4 + kept);
		memcpy(want + 4 + kept, "\a", 2);
		ck_assert_str_eq(filter(f, title), want);
	}
	term_buf_done(&out);
}
END_TEST

START_TEST(sec_c28_a_string_longer_than_its_bound_is_dropped_and_costs_no_more)
{
	for (size_t n = TERM_STRING_MAX; n <= TERM_STRING_MAX + 1; n++) {
		_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);
		char *text = malloc(n + 16);
		const char *got;

		ck_assert_ptr_nonnull(text);
		memcpy(text, "\033]7;;", 5);
		memset(text + 5, 'x', n - 3);
		memcpy(text + 2 + n, "\ay", 3);
		got = filter(f, text);
		ck_assert_str_eq(got, n <= TERM_STRING_MAX ? text : "y");
		free(text);
	}
	term_buf_done(&out);
}
END_TEST

START_TEST(a_link_longer_than_the_model_keeps_is_none_on_the_terminal_either)
{
	char text[LINK_BYTES_MAX + 16];

	for (size_t n = LINK_BYTES_MAX; n <= LINK_BYTES_MAX + 1; n++) {
		_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);
		const bool kept = n <= LINK_BYTES_MAX;

		snprintf(text, sizeof(text), "\033]8;;%0*d\a", (int)n, 0);
		ck_assert_str_eq(filter(f, text), kept ? text : "\033]8;;\a");
	}
	term_buf_done(&out);
}
END_TEST

START_TEST(a_sequence_longer_than_may_be_held_is_written_from_what_it_means)
{
	_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);
	struct term_buf b = { 0 };
	struct out o = { .buf = &b };

	out_text(&o, "\033[");
	for (size_t i = 0; i < FILTER_HOLD_MAX; i++)
		out_text(&o, "0");
	out_text(&o, "7m");
	out_byte(&o, 0);
	ck_assert_str_eq(filter(f, (const char *)b.data), "\033[7m");
	term_buf_done(&b);
	term_buf_done(&out);
}
END_TEST

START_TEST(a_reset_filter_starts_in_ground_state)
{
	_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);

	ck_assert_str_eq(filter(f, "a\033]2;x"), "a");
	term_filter_reset(f);
	ck_assert_str_eq(filter(f, "b\xe6\xbc"), "b");
	term_filter_reset(f);
	ck_assert_str_eq(filter(f, "c"), "c");
	term_buf_done(&out);
}
END_TEST

START_TEST(a_character_is_repeated_on_the_terminal_for_no_more_than_a_line_as_in_the_model)
{
	_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);

	term_filter_columns(f, 80);
	ck_assert_str_eq(filter(f, "x\033[80b"), "x\033[80b");
	ck_assert_str_eq(filter(f, "x\033[81b"), "x\033[80b");
	ck_assert_str_eq(filter(f, "x\033[b"), "x\033[b");
	term_buf_done(&out);
}
END_TEST

START_TEST(the_filter_knows_whether_the_terminal_shows_its_alternate_screen)
{
	_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);

	filter(f, "\033[?1049h");
	ck_assert(term_filter_alternate(f));
	filter(f, "\033[?1049l\033[?47h");
	ck_assert(term_filter_alternate(f));
	filter(f, "\033c");
	ck_assert(!term_filter_alternate(f));
	term_buf_done(&out);
}
END_TEST

START_TEST(no_more_titles_come_off_the_stack_of_the_terminal_than_went_on_it)
{
	_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);

	ck_assert_str_eq(filter(f, "\033[23;0t"), "");
	for (unsigned i = 0; i < TITLE_STACK_MAX; i++)
		ck_assert_str_eq(filter(f, "\033[22;0t"), "\033[22;0t");
	ck_assert_str_eq(filter(f, "\033[22;0t"), "");
	for (unsigned i = 0; i < TITLE_STACK_MAX; i++)
		ck_assert_str_eq(filter(f, "\033[23t"), "\033[23t");
	ck_assert_str_eq(filter(f, "\033[23t"), "");
	/* what a terminal keeps elsewhere, or not at all, would not be there when it is taken
	 * off */
	ck_assert_str_eq(filter(f, "\033[22;1t\033[22;9t\033[22;0;3t\033[23;2t"), "");
	ck_assert_str_eq(filter(f, "\033[22;0;0t\033[23;2;0t"), "\033[22;0;0t\033[23;2;0t");
	term_buf_done(&out);
}
END_TEST

/* What the user gave the terminal before: paints reset what sessions set, and that is none of
 * it. */
START_TEST(attach_and_detach_leave_the_colours_of_the_user_s_terminal)
{
	static const enum term_paint_kind kinds[] = { TERM_PAINT_ATTACH, TERM_PAINT_SCREEN,
		TERM_PAINT_CROP };

	for (unsigned i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		const struct term_paint how = { .kind = kinds[i / 2], .cols = 10, .rows = 4 };
		_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);
		_cleanup_(term_freep) struct term *session = termkit_new(20, 6, 0),
						  *terminal = termkit_new(20, 6, 0);
		static const char user[] = "\033]4;1;#123456\a\033]11;#102030\a";
		struct term_buf paint = { 0 };

		term_feed(terminal, (const uint8_t *)user, sizeof(user) - 1);
		if (i % 2)
			term_feed(session, (const uint8_t *)"\033]12;#ff0\a", 11);
		ck_assert_int_eq(term_paint(session, &how, &paint), 0);
		out.n = 0;
		ck_assert_int_eq(term_filter_feed(f, paint.data, paint.n, &out), 0);
		term_feed(terminal, out.data, out.n);
		ck_assert_uint_eq(color_palette(terminal, 1), COLOR_RGB | 0x123456);
		ck_assert_uint_eq(color_dynamic(terminal, 11), COLOR_RGB | 0x102030);
		out.n = 0;
		ck_assert_int_eq(term_filter_undo(f, &out), 0);
		term_feed(terminal, out.data, out.n);
		ck_assert_uint_eq(color_palette(terminal, 1), COLOR_RGB | 0x123456);
		ck_assert_uint_eq(color_dynamic(terminal, 11), COLOR_RGB | 0x102030);
		ck_assert_uint_eq(terminal->dynamic[2], 0);
		term_buf_done(&paint);
	}
	term_buf_done(&out);
}
END_TEST

static const char *undo(struct term_filter *f)
{
	struct out o = { .buf = &out };

	out.n = 0;
	ck_assert_int_eq(term_filter_undo(f, &out), 0);
	out_byte(&o, 0);
	return (const char *)out.data;
}

START_TEST(detaching_undoes_what_was_set_and_nothing_else)
{
	static const char *const table[][2] = {
		{ "plain text\r\n", "" },
		{ "\033[31mred\033[m", "" },
		{ "\033[31mred", "\033[m" },
		{ "\033[?25l\033[?25h\033[?2004h\033[?2004l\033[?1h\033=\033[?1l\033>", "" },
		{ "\033[?1h\033=", "\033[?1l\033>" },
		{ "\033[22;0t\033[23;0t\033[23;0t", "" },
		{ "\033[22;0t\033[22;2t\033[23t\033]2;theirs\a", "\033[23;0t" },
		{ "\033[?1049h\033[?25l", "\033[?1049l\033[?25h" },
		{ "\033[>1u\033[?1049h\033[>3u\033[>5u", "\033[<2u\033[?1049l\033[<1u" },
		{ "\033[=3u\033[>1u\033[<u\033[=0u", "" },
		{ "\033[>4;0m\033[>1;2m\033[>4m", "" },
		{ "\033[>1;0m", "\033[>4m\033[>m" },
		{ "\033[>1n", "\033[>4m\033[>m" },
		{ "\033[>1n\033[>m", "" },
		{ "\033[2;3r", "\0337\033[r\0338" },
		{ "\033[2;3r\033[r", "" },
		{ "\033]8;;http://h/\a", "\033]8;;\033\\" },
		{ "\033]4;1;#fff\a\033]2;t\a", "\033]104\033\\" },
		{ "\033]12;#fff\a\033]18;?;#fff\a", "\033]112\033\\\033]119\033\\" },
		{ "\033]4;1;?\a\033]10;?\a\033]12;nosuch\a", "" },
		{ "\033]4;1;#fff\a\033]11;#fff\a\033c", "" },
		{ "\033]5;0;red\a\033]22;hand\a\033]9;4;1;50\a",
			"\033]105\033\\\033]22;\033\\\033]9;4;0\033\\" },
		{ "\033]22;hand\a\033]22;\a\033]9;4;3\a\033]9;4;0\a\033]9;done\a\033]5;0;?\a", "" },
		{ "\033[31m\033[?1003;1006h\033c", "" },
		{ "\033]9;4;3\a\033c", "\033]9;4;0\033\\" },
		{ "\033Pq~~", "\030\033\\" },
		{ "\033]2;half", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);
		const char *got;

		filter(f, table[i][0]);
		got = undo(f);
		ck_assert_msg(strcmp(got, table[i][1]) == 0, "%zu: %s", i, got);
		ck_assert_str_eq(undo(f), "");
	}
	term_buf_done(&out);
}
END_TEST

/* A terminal that showed a session and is left has the modes of one that never did; its cursor
 * is inside. */
static void assert_left(unsigned round, struct term *terminal)
{
	/* these have no common default: who knows nothing leaves them alone */
	const uint32_t kept =
		round % 2 ? 0 : TERM_MODE_BLINK | TERM_MODE_META | TERM_MODE_ALT_SCROLL;
	struct term *fresh = termkit_new(20, 6, 0);

	ck_assert_msg(!term_alternate(terminal) && !((terminal->modes ^ fresh->modes) & ~kept),
		"seed %u: modes %x", round, terminal->modes);
	ck_assert_msg(!terminal->mouse && !terminal->mouse_encoding && !terminal->cursor_shape,
		"seed %u", round);
	ck_assert_msg(terminal->top == 0 && terminal->bottom == 6 && !terminal->cursor.origin,
		"seed %u", round);
	ck_assert_msg(
		memcmp(&terminal->cursor.pen, &fresh->cursor.pen, sizeof(fresh->cursor.pen)) == 0,
		"seed %u", round);
	ck_assert_msg(memcmp(terminal->cursor.charsets, fresh->cursor.charsets, 4) == 0 &&
			      !terminal->cursor.shift,
		"seed %u", round);
	ck_assert_msg(
		memcmp(terminal->modify_keys, fresh->modify_keys, sizeof(fresh->modify_keys)) == 0,
		"seed %u", round);
	for (unsigned i = 0; i < COLORS_N; i++)
		ck_assert_msg(
			color_palette(terminal, i) == color_default(i), "seed %u: %u", round, i);
	ck_assert_msg(memcmp(terminal->dynamic, fresh->dynamic, sizeof(fresh->dynamic)) == 0,
		"seed %u", round);
	for (unsigned s = 0; s < 1 + round % 2; s++)
		ck_assert_msg(terminal->screens[s].kitty.flags[terminal->screens[s].kitty.top] == 0,
			"seed %u", round);
	term_free(fresh);
}

START_TEST(any_output_is_undone_by_the_filter_and_by_the_undo_that_knows_nothing)
{
	for (unsigned round = 0; round < 1500; round++) {
		_cleanup_(term_filter_freep) struct term_filter *f = filter_new(false);
		struct term *terminal = termkit_new(20, 6, 0);
		struct term_buf stream = { 0 };
		uint64_t seed = round;

		termkit_stream(&seed, 500, &stream);
		ck_assert_int_eq(term_filter_feed(f, stream.data, stream.n, &out), 0);
		if (round % 2)
			ck_assert_int_eq(term_filter_undo(f, &out), 0);
		else
			ck_assert_int_eq(term_paint_undo(&out), 0);
		term_feed(terminal, out.data, out.n);
		assert_left(round, terminal);
		term_free(terminal);
		term_buf_done(&stream);
		term_buf_done(&out);
	}
}
END_TEST

TEST_MAIN("term_filter",
	output_passes_alike_whole_and_byte_by_byte_up_to_the_bounds_of_what_is_found_at_once,
	a_lesser_terminal_gets_what_it_can_show,
	every_true_colour_becomes_one_of_the_256_that_is_near,
	it_is_known_whether_the_terminal_reports_keys_as_sequences,
	no_more_titles_come_off_the_stack_of_the_terminal_than_went_on_it,
	attach_and_detach_leave_the_colours_of_the_user_s_terminal,
	detaching_undoes_what_was_set_and_nothing_else,
	any_output_is_undone_by_the_filter_and_by_the_undo_that_knows_nothing,
	sec_c27_the_terminal_sees_only_what_the_table_says,
	sec_c27_the_clipboard_is_written_only_where_it_is_switched_on_and_never_read,
	sec_c27_a_clipboard_write_passes_whole_to_its_bound_and_nothing_like_it_does,
	a_title_at_the_terminal_is_cut_to_its_limit,
	sec_c28_a_string_longer_than_its_bound_is_dropped_and_costs_no_more,
	a_link_longer_than_the_model_keeps_is_none_on_the_terminal_either,
	a_sequence_longer_than_may_be_held_is_written_from_what_it_means,
	a_reset_filter_starts_in_ground_state,
	a_character_is_repeated_on_the_terminal_for_no_more_than_a_line_as_in_the_model,
	the_filter_knows_whether_the_terminal_shows_its_alternate_screen)
