#include "tests/suite.h"

#include <string.h>

#include "common/text.h"

static char out[64];

static const char *encode(const char *s)
{
	return text_encode(out, sizeof(out), s, strlen(s));
}

START_TEST(text_from_outside_becomes_one_printable_line)
{
	ck_assert_str_eq(encode("plain ünï"), "plain ünï");
	ck_assert_str_eq(encode("a\x1b[31m"), "a\\x1b[31m");
	ck_assert_str_eq(encode("two\nlines"), "two\\nlines");
	ck_assert_str_eq(encode("\xc2\x9b"), "\\u{9b}");
	ck_assert_str_eq(encode("\xe2\x80\xae"), "\\u{202e}");
	ck_assert_str_eq(encode("\xff\xc0\x80"), "\\xff\\xc0\\x80");
	ck_assert_str_eq(encode("\xed\xa0\x80"), "\\xed\\xa0\\x80");
}
END_TEST

START_TEST(text_that_does_not_fit_ends_in_an_ellipsis_and_never_overruns)
{
	const char *s = "0123456789";
	char small[16];

	for (size_t cap = 1; cap <= sizeof(small); cap++) {
		memset(small, 'x', sizeof(small));
		text_encode(small, cap, s, 10);
		ck_assert_uint_lt(strlen(small), cap);
		if (cap >= 11)
			ck_assert_str_eq(small, s);
		else if (cap >= 4)
			ck_assert_ptr_nonnull(strstr(small, "\xe2\x80\xa6"));
	}
}
END_TEST

START_TEST(a_quoted_argv_reads_back_as_itself)
{
	const char *argv[] = { "echo", "it's", "", "a b", "x=1" };
	char *q = text_shell_quote(argv, 5);

	ck_assert_str_eq(q, "echo 'it'\"'\"'s' '' 'a b' x=1");
	free(q);
}
END_TEST

START_TEST(sizes_and_durations_have_units_and_edges)
{
	uint64_t v;

	ck_assert_int_eq(text_parse_size("4M", &v), 0);
	ck_assert_uint_eq(v, 4u << 20);
	ck_assert_int_eq(text_parse_size("17", &v), 0);
	ck_assert_uint_eq(v, 17);
	ck_assert_int_eq(text_parse_size("18446744073709551615", &v), 0);
	ck_assert_int_eq(text_parse_size("18446744073709551616", &v), -ERANGE);
	ck_assert_int_eq(text_parse_size("18446744073709551615k", &v), -ERANGE);
	ck_assert_int_eq(text_parse_size("", &v), -EINVAL);
	ck_assert_int_eq(text_parse_size("4MB", &v), -EINVAL);
	ck_assert_int_eq(text_parse_size("-1", &v), -EINVAL);
	ck_assert_int_eq(text_parse_duration("24h", &v), 0);
	ck_assert_uint_eq(v, 86400 * USEC_PER_SEC);
	ck_assert_int_eq(text_parse_duration("5", &v), 0);
	ck_assert_uint_eq(v, 5 * USEC_PER_SEC);
}
END_TEST

START_TEST(a_session_name_has_1_to_64_safe_characters)
{
	char name[66];

	memset(name, 'a', sizeof(name));
	ck_assert(text_is_session_name(name, 64));
	ck_assert(!text_is_session_name(name, 65));
	ck_assert(!text_is_session_name("", 0));
	ck_assert(text_is_session_name("A-z_0.9", 7));
	ck_assert(!text_is_session_name("a/b", 3));
	ck_assert(!text_is_session_name("a b", 3));
}
END_TEST

START_TEST(a_sentence_about_an_error_is_printable_cut_and_hands_the_error_through)
{
	char why[64], little[8];

	ck_assert_int_eq(text_because(why, sizeof(why), -EPERM, "%s: %d.", "a\033[31m", 7), -EPERM);
	ck_assert_str_eq(why, "a\\x1b[31m: 7.");
	ck_assert_int_eq(text_because(little, sizeof(little), 3, "%s", "abcdefgh"), 3);
	ck_assert_uint_lt(strlen(little), sizeof(little));
}
END_TEST

TEST_MAIN("text", a_sentence_about_an_error_is_printable_cut_and_hands_the_error_through,
	text_from_outside_becomes_one_printable_line,
	text_that_does_not_fit_ends_in_an_ellipsis_and_never_overruns,
	a_quoted_argv_reads_back_as_itself, sizes_and_durations_have_units_and_edges,
	a_session_name_has_1_to_64_safe_characters)
