/*
 * check_reports - of a mouse and a focus the program hears what it could of its own terminal
 */
#include <stdio.h>

#include "tests/session_world.h"

#define COLS 80
#define ROWS 24

static struct reports r;

static size_t filter(const struct reports_rule *rule, const char *in, size_t n, uint8_t *out)
{
	const struct inq_paste none = { .open = false };
	size_t n_out = reports_filter(&r, rule, none, (const uint8_t *)in, n, out);

	ck_assert_uint_le(n_out, n);
	return n_out;
}

static void becomes_of(
	unsigned mode, unsigned encoding, const char *in, size_t n, const char *want, size_t n_want)
{
	const struct reports_rule rule = {
		.asked = { .mouse = mode, .encoding = encoding }, .cols = COLS, .rows = ROWS
	};
	uint8_t out[256];
	size_t n_out = filter(&rule, in, n, out);

	ck_assert_msg(n_out == n_want && memcmp(out, want, n_want) == 0, "%.*s became %.*s",
		(int)n - 1, in + 1, (int)n_out, out);
}

#define BECOMES(encoding, in, want)                                                                \
	becomes_of(1002, encoding, in, sizeof(in) - 1, want, sizeof(want) - 1)
#define STAYS(encoding, in) BECOMES(encoding, in, in)
#define GOES(encoding, in) BECOMES(encoding, in, "")

static void fresh(void)
{
	r = (struct reports){ .inside = 0 };
}

START_TEST(a_click_outside_the_session_s_screen_is_dropped_and_one_at_its_edge_passes)
{
	fresh();
	STAYS(1006, "\033[<0;80;24M\033[<0;80;24m");
	STAYS(1006, "\033[<0;1;1M\033[<0;1;1m");
	GOES(1006, "\033[<0;81;24M\033[<0;81;24m");
	GOES(1006, "\033[<0;80;25M\033[<0;80;25m");
	GOES(1006, "\033[<2;0;1M\033[<2;0;1m");
	GOES(1015, "\033[32;81;1M\033[35;81;1M");
	STAYS(1015, "\033[32;80;1M\033[35;80;1M");
	GOES(0, "\033[M \161!\033[M#\161!"); /* column 81 */
	STAYS(0, "\033[M \160!\033[M#\160!");
	GOES(0, "\033[M \0!\033[M#\0!");
	GOES(1005, "\033[M \xc4\x80!\033[M#\xc4\x80!"); /* column 224 */
	GOES(1006, "\033[<64;81;1M\033[<65;1;25M");
	STAYS(1006, "\033[<64;80;1M\033[<65;1;24M");
	GOES(1006, "\033[<35;81;1M");
	STAYS(1006, "\033[<35;80;1M");
	BECOMES(1006, "a\033[<0;99;1Mb\033[<0;99;1mc", "abc");
}
END_TEST

START_TEST(a_coordinate_that_a_byte_cannot_tell_may_be_inside_a_wide_screen)
{
	struct reports_rule rule = { .asked = { .mouse = 1002 }, .rows = ROWS };
	uint8_t out[16];

	fresh();
	rule.cols = 223;
	ck_assert_uint_eq(filter(&rule, "\033[M \0!", 6, out), 0);
	fresh();
	rule.cols = 224;
	ck_assert_uint_eq(filter(&rule, "\033[M \0!", 6, out), 6);
	ck_assert_mem_eq(out, "\033[M \0!", 6);
	ck_assert_uint_eq(filter(&rule, "\033[M@\0\177", 6, out), 6);
	ck_assert_mem_eq(out, "\033[M@\0\070", 6); /* the row is known, and outside */
}
END_TEST

START_TEST(a_button_that_went_down_inside_is_followed_to_the_nearest_edge_and_comes_up_there)
{
	fresh();
	STAYS(1006, "\033[<0;70;20M");
	BECOMES(1006, "\033[<32;90;30M", "\033[<32;80;24M");
	BECOMES(1006, "\033[<0;65535;0m", "\033[<0;80;1m");
	STAYS(0, "\033[M !!");
	BECOMES(0, "\033[M@\177\177", "\033[M@\160\070");
	BECOMES(0, "\033[M#\177!", "\033[M#\160!");
	STAYS(1005, "\033[M !!");
	BECOMES(1005, "\033[M#\xc4\x80!", "\033[M#\160!");
	STAYS(1015, "\033[32;1;1M");
	BECOMES(1015, "\033[35;1;99M", "\033[35;1;24M");
	BECOMES(1006, "\033[<0;99;99m", "\033[<0;80;24m"); /* whose press nobody saw */
}
END_TEST

START_TEST(a_button_that_went_down_outside_is_the_program_s_nowhere)
{
	fresh();
	GOES(1006, "\033[<0;81;1M\033[<32;80;1M\033[<32;82;1M\033[<0;40;1m");
	STAYS(1006, "\033[<0;40;1M\033[<0;40;1m");
	GOES(1006, "\033[<0;81;1M");
	STAYS(1006, "\033[<2;40;1M\033[<34;41;1M\033[<2;41;1m"); /* another one meanwhile */
	GOES(1006, "\033[<0;40;1m");
	GOES(1006, "\033[<128;81;1M\033[<128;40;1m"); /* button 8 */
	GOES(0, "\033[M \161!");
	STAYS(0, "\033[M\"!!\033[M#!!"); /* the release is of who is down inside */
	GOES(0, "\033[M#!!");
}
END_TEST

START_TEST(what_is_no_report_or_was_not_asked_for_passes)
{
	static const char far[] = "\033[<0;99;99M";

	fresh();
	STAYS(1006, "\033[<0;99;99");
	STAYS(1006, "\033[<0;99;99X");
	STAYS(1006, "\033[<;99;99M");
	STAYS(1006, "\033[<0;99999;99M");
	STAYS(1006, "\033[<99999999999999999999999999;1;1M");
	STAYS(1006, "\033[<0;99M");
	STAYS(1006, "\033[<");
	STAYS(1006, "\033[");
	STAYS(1006, "\033");
	STAYS(1006, "\033[A\033[1;5C\033OP");
	STAYS(1015, "\033[31;99;99M");
	STAYS(0, "\033[M \177");
	STAYS(0, "\033[M\037\177\177");
	STAYS(1005, "\033[M \xff\xff!");
	STAYS(1005, "\033[M \xc4");
	STAYS(1016, "\033[<0;999;999M"); /* pixels */
	becomes_of(0, 1006, far, sizeof(far) - 1, far, sizeof(far) - 1);
	STAYS(1006, "\033[200~\033[<0;99;99M\033[I\033[O\033[201~");
	STAYS(1006, "\033[I\033[O");
}
END_TEST

static uint32_t seed;

static unsigned chance(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % n;
}

/* Reports of all forms among other bytes, or some of them torn. */
static size_t make_up(char *in, size_t max, bool torn)
{
	size_t n = 0;

	while (n + 32 < max) {
		const unsigned button = chance(8) * 32 + chance(4), x = chance(120),
			       y = chance(120);
		const char end = chance(2) ? 'M' : 'm';

		if (chance(3))
			n += (size_t)snprintf(
				in + n, max - n, "\033[<%u;%u;%u%c", button, x, y, end);
		else if (chance(2))
			n += (size_t)snprintf(in + n, max - n, "\033[%u;%u;%uM", button + 32, x, y);
		else
			n += (size_t)snprintf(in + n, max - n, "\033[M %c%c", x + 33, y + 33);
		if (!chance(4) && torn)
			n -= chance(4);
		else if (!chance(4))
			in[n++] = "a<;0M\033"[chance(6)];
	}
	return n;
}

static void nothing_is_beyond(const char *out, size_t n, const struct reports_rule *rule)
{
	char text[257] = "", *at;
	unsigned button, x, y;
	char end;

	for (size_t i = 0; i < n; i++)
		text[i] = out[i] ? out[i] : ' ';
	text[n] = '\0';
	for (at = strstr(text, "\033[<"); at; at = strstr(at + 1, "\033[<")) {
		const size_t l = 3 + strspn(at + 3, "0123456789;");

		if ((at[l] == 'm' || at[l] == 'M') &&
			sscanf(at, "\033[<%5u;%5u;%5u%c", &button, &x, &y, &end) == 4 &&
			end == at[l])
			ck_assert_msg(x >= 1 && x <= rule->cols && y >= 1 && y <= rule->rows,
				"seed %u: %s", seed, at + 1);
	}
}

START_TEST(whatever_comes_no_coordinate_is_beyond_and_nothing_grows)
{
	static const unsigned encodings[] = { 0, 1005, 1006, 1015 };
	char in[256], out[256];

	fresh();
	for (unsigned i = 0; i < 20000; i++) {
		const struct reports_rule rule = {
			.asked = { .mouse = 1003, .encoding = encodings[i % 4], .focus = i & 64 },
			.cols = 1 + i % 90,
			.rows = 1 + i % 7,
			.others_focused = i & 128,
		};

		const bool torn = chance(2);
		const size_t n = filter(&rule, in, make_up(in, sizeof(in), torn), (uint8_t *)out);

		if (!torn) /* else two halves may make a whole when what lay between has gone */
			nothing_is_beyond(out, n, &rule);
	}
}
END_TEST

/* ---- in a session ---- */

static void says(struct peer *p, uint32_t at, const char *text)
{
	peer_result(p, peer_input(p, at, text, strlen(text)));
}

START_TEST(a_larger_terminal_clicks_nowhere_beside_the_session_and_its_credit_is_whole)
{
	const struct frame *f;
	uint32_t one, two;

	begin();
	one = attach(&a, COLS, ROWS);
	two = attach(&b, 200, 60);
	output("\033[?1002h\033[?1006h");
	says(&b, two, "\033[<0;150;1M\033[<0;150;1m");
	ck_assert(input_is(""));
	says(&b, two, "\033[<0;70;1M\033[<32;150;50M\033[<0;150;50m");
	ck_assert(input_is("\033[<0;70;1M\033[<32;80;24M\033[<0;80;24m"));
	says(&a, one, "x");
	ck_assert(input_is("x"));
	f = peer_note(&b, "input_credit");
	ck_assert_ptr_null(f); /* a quarter of the window is not to be told yet */
	ck_assert_uint_eq(
		inq_credit(list_last(&s->attachments, struct attachment, session_link)->writer),
		CORE_INPUT_WINDOW);
	output("\033[?1002l");
	says(&b, two, "\033[<0;150;1M");
	ck_assert(input_is("\033[<0;150;1M"));
	end();
}
END_TEST

/* Two terminals, and a program that wants to know of the focus. */
static void begin_two(uint32_t *ret_one, uint32_t *ret_two)
{
	begin();
	*ret_one = attach(&a, COLS, ROWS);
	*ret_two = attach(&b, 200, 60);
	output("\033[?1004h");
}

START_TEST(the_program_has_the_focus_while_one_terminal_has)
{
	uint32_t one, two;

	begin_two(&one, &two);
	says(&a, one, "\033[I");
	ck_assert(input_is("\033[I"));
	says(&b, two, "\033[I");
	says(&a, one, "\033[O");
	ck_assert(input_is(""));
	says(&b, two, "\033[I"); /* again: a new program may have asked */
	ck_assert(input_is("\033[I"));
	says(&b, two, "\033[Ox");
	ck_assert(input_is("\033[Ox"));
	says(&b, two, "\033[O");
	ck_assert(input_is("\033[O"));
	end();
}
END_TEST

START_TEST(the_focus_goes_with_its_terminal_and_stays_with_who_takes_its_place)
{
	uint32_t one, two;

	begin_two(&one, &two);
	says(&a, one, "\033[I");
	ck_assert(input_is("\033[I"));
	one = peer_attach(&a,
		&(struct attach_how){ .name = "w", .cols = COLS, .rows = ROWS, .replaces = one });
	ck_assert(input_is(""));
	says(&b, two, "\033[O");
	ck_assert(input_is(""));
	peer_result(&a, of_attachment(&a, "session.detach", one));
	ck_assert(input_is("\033[O"));
	says(&b, two, "\033[I");
	ck_assert(input_is("\033[I"));
	output("\033[?1004l");
	peer_result(&b, of_attachment(&b, "session.detach", two));
	ck_assert(input_is(""));
	end();
}
END_TEST

START_TEST(what_was_said_of_the_focus_is_void_for_the_next_program)
{
	uint32_t one, two;

	begin_two(&one, &two);
	says(&a, one, "\033[I");
	output("\033[?1004l");
	output("\033[?1004h");
	ck_assert(input_is("\033[I"));
	says(&b, two, "\033[O");
	ck_assert(input_is("\033[O"));
	end();
}
END_TEST

START_TEST(who_may_not_type_has_no_focus_to_share)
{
	uint32_t one, two;

	begin_two(&one, &two);
	says(&a, one, "\033[I");
	ck_assert(input_is("\033[I"));
	peer_begin(&b, "session.lease", 2);
	frame_put_u64(&b.out, "attachment", two);
	frame_put_bool(&b.out, "exclusive", true);
	peer_result(&b, peer_send(&b));
	says(&b, two, "\033[O");
	ck_assert(input_is("\033[O"));
	end();
}
END_TEST

START_TEST(what_a_terminal_says_by_itself_is_dropped_unsaid_while_another_alone_may_type)
{
	uint32_t one, two;

	begin();
	one = attach(&a, COLS, ROWS);
	two = peer_attach(&b,
		&(struct attach_how){ .name = "w", .cols = COLS, .rows = ROWS, .exclusive = true });
	output("\033[?1004h");
	says(&a, one, "\033[I");
	ck_assert(input_is(""));
	peer_refused(&a, peer_input(&a, one, "x", 1), "exclusive");
	peer_refused(&a, peer_input(&a, one, "\033[Ix", 4), "exclusive");
	peer_result(&b, of_attachment(&b, "session.detach", two));
	ck_assert(input_is(""));
	two = attach(&b, COLS, ROWS);
	says(&b, two, "\033[O"); /* the other one has it since */
	ck_assert(input_is(""));
	end();
}
END_TEST

START_TEST(a_reader_that_is_no_terminal_says_what_it_likes)
{
	uint32_t one, two;

	begin();
	one = attach(&a, COLS, ROWS);
	two = peer_attach(&b, &(struct attach_how){ .name = "w", .raw = true });
	output("\033[?1004h\033[?1000h\033[?1006h");
	says(&a, one, "\033[I");
	says(&b, two, "\033[O\033[<0;150;1M");
	ck_assert(input_is("\033[I\033[O\033[<0;150;1M"));
	end();
}
END_TEST

TEST_MAIN("reports", a_coordinate_that_a_byte_cannot_tell_may_be_inside_a_wide_screen,
	a_click_outside_the_session_s_screen_is_dropped_and_one_at_its_edge_passes,
	a_button_that_went_down_inside_is_followed_to_the_nearest_edge_and_comes_up_there,
	a_button_that_went_down_outside_is_the_program_s_nowhere,
	what_is_no_report_or_was_not_asked_for_passes,
	whatever_comes_no_coordinate_is_beyond_and_nothing_grows,
	a_larger_terminal_clicks_nowhere_beside_the_session_and_its_credit_is_whole,
	the_program_has_the_focus_while_one_terminal_has,
	the_focus_goes_with_its_terminal_and_stays_with_who_takes_its_place,
	what_was_said_of_the_focus_is_void_for_the_next_program,
	who_may_not_type_has_no_focus_to_share,
	what_a_terminal_says_by_itself_is_dropped_unsaid_while_another_alone_may_type,
	a_reader_that_is_no_terminal_says_what_it_likes)
