/*
 * check_keys - detach keys are found, all else passes unchanged
 */
#include <string.h>

#include "client/keys.h"
#include "tests/suite.h"

#define P "\x1c"             /* the prefix, as a control character */
#define P_KITTY "\x1b[92;5u" /* the same key from terminals with extended keys */
#define P_OTHER "\x1b[27;5;92~"

static struct keys keys;
static uint8_t sent[8192];
static size_t n_sent;

/* Feeds one read; what is to be sent is collected. The first action, if any. */
static enum keys_action feed(const char *bytes, size_t n)
{
	uint8_t out[4096 + KEYS_HELD_MAX + KEYS_SEQUENCE_MAX];
	enum keys_action first = KEYS_NONE;
	size_t at = 0;

	while (at < n) {
		size_t used, n_out;
		enum keys_action action =
			keys_feed(&keys, (const uint8_t *)bytes + at, n - at, &used, out, &n_out);

		ck_assert_uint_gt(used, 0);
		memcpy(sent + n_sent, out, n_out);
		n_sent += n_out;
		at += used;
		if (!first)
			first = action;
	}
	return first;
}

static void begin(const char *notation)
{
	ck_assert_int_eq(keys_init(&keys, notation), 0);
	n_sent = 0;
}

#define FEED(bytes) feed(bytes, sizeof(bytes) - 1)
#define ck_assert_sent(bytes)                                                                      \
	do {                                                                                       \
		ck_assert_uint_eq(n_sent, sizeof(bytes) - 1);                                      \
		ck_assert_mem_eq(sent, bytes, n_sent);                                             \
	} while (0)

START_TEST(the_prefix_and_d_detach_in_every_form_of_the_prefix)
{
	static const char *const forms[] = { P, P_KITTY, P_OTHER, "\x1b[92;69u", "\x1b[92:124;5:1u",
		"\x1b[92;133u" };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		begin(KEYS_DEFAULT);
		ck_assert_int_eq(feed(forms[i], strlen(forms[i])), KEYS_NONE);
		ck_assert_msg(FEED("d") == KEYS_DETACH, "form %zu", i);
		ck_assert_uint_eq(n_sent, 0);
	}
}
END_TEST

START_TEST(d_in_its_extended_form_and_key_releases_in_between_detach_too)
{
	begin(KEYS_DEFAULT);
	ck_assert_int_eq(FEED("\x1b[92;5:1u\x1b[92;5:3u\x1b[100;1u"), KEYS_DETACH);
	ck_assert_uint_eq(n_sent, 0);
}
END_TEST

START_TEST(the_prefix_of_other_modifiers_passes)
{
	begin(KEYS_DEFAULT);
	ck_assert_int_eq(FEED("\x1b[92;6ud\x1b[92;1ud\x1b[92ud"), KEYS_NONE);
	ck_assert_sent("\x1b[92;6ud\x1b[92;1ud\x1b[92ud");
}
END_TEST

START_TEST(the_prefix_waits_for_its_key_across_reads_without_a_timeout)
{
	begin(KEYS_DEFAULT);
	ck_assert_int_eq(FEED("ls\r" P), KEYS_NONE);
	ck_assert_sent("ls\r");
	ck_assert_int_eq(FEED("d"), KEYS_DETACH);
	ck_assert_sent("ls\r");
}
END_TEST

START_TEST(the_prefix_twice_sends_it_once_in_the_form_it_came)
{
	begin(KEYS_DEFAULT);
	ck_assert_int_eq(FEED(P P "d"), KEYS_NONE);
	ck_assert_sent(P "d");
	begin(KEYS_DEFAULT);
	ck_assert_int_eq(FEED(P_KITTY P_KITTY "d"), KEYS_NONE);
	ck_assert_sent(P_KITTY "d");
}
END_TEST

START_TEST(the_prefix_and_an_unknown_key_sends_both)
{
	begin(KEYS_DEFAULT);
	ck_assert_int_eq(FEED(P "z" P "\x1b[A" P "\x1b"), KEYS_NONE);
	ck_assert_sent(P "z" P "\x1b[A" P "\x1b");
}
END_TEST

START_TEST(help_and_lead_are_found_after_the_prefix_only)
{
	begin(KEYS_DEFAULT);
	ck_assert_int_eq(FEED("?l"), KEYS_NONE);
	ck_assert_int_eq(FEED(P "?"), KEYS_HELP);
	ck_assert_int_eq(FEED(P "l"), KEYS_LEAD);
	ck_assert_sent("?l");
}
END_TEST

START_TEST(what_follows_an_action_in_the_same_read_is_still_there)
{
	uint8_t out[256 + KEYS_HELD_MAX + KEYS_SEQUENCE_MAX];
	size_t used, n;

	begin(KEYS_DEFAULT);
	ck_assert_int_eq(
		keys_feed(&keys, (const uint8_t *)"a" P "lb", 4, &used, out, &n), KEYS_LEAD);
	ck_assert_uint_eq(used, 3);
	ck_assert_uint_eq(n, 1);
}
END_TEST

START_TEST(a_paste_is_text_whatever_is_in_it)
{
	begin(KEYS_DEFAULT);
	ck_assert_int_eq(FEED("\x1b[200~" P "d" P_KITTY "d\x1b[201~"), KEYS_NONE);
	ck_assert_sent("\x1b[200~" P "d" P_KITTY "d\x1b[201~");
	ck_assert_int_eq(FEED(P "d"), KEYS_DETACH);
}
END_TEST

START_TEST(a_paste_torn_at_any_byte_is_still_text)
{
	static const char paste[] = "\x1b[200~" P "d\x1b[201~";

	for (size_t cut = 1; cut < sizeof(paste) - 1; cut++) {
		begin(KEYS_DEFAULT);
		ck_assert_int_eq(feed(paste, cut), KEYS_NONE);
		ck_assert_int_eq(feed(paste + cut, sizeof(paste) - 1 - cut), KEYS_NONE);
		ck_assert_sent("\x1b[200~" P "d\x1b[201~");
		ck_assert_int_eq(FEED(P "d"), KEYS_DETACH);
	}
}
END_TEST

START_TEST(a_lone_escape_is_never_held_back_where_keys_come_in_plain_form)
{
	begin(KEYS_DEFAULT);
	FEED("\x1b");
	ck_assert_sent("\x1b");
	FEED("[");
	ck_assert_sent("\x1b[");
}
END_TEST

START_TEST(an_extended_prefix_torn_right_behind_its_escape_is_found)
{
	static const char *const forms[] = { P_KITTY, P_OTHER };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		for (size_t cut = 1; cut < strlen(forms[i]); cut++) {
			begin(KEYS_DEFAULT);
			keys.extended = true;
			ck_assert_int_eq(feed(forms[i], cut), KEYS_NONE);
			ck_assert_uint_eq(n_sent, 0);
			ck_assert(keys_holds(&keys) == (cut <= 2));
			ck_assert_int_eq(feed(forms[i] + cut, strlen(forms[i]) - cut), KEYS_NONE);
			ck_assert_int_eq(FEED("d"), KEYS_DETACH);
		}
}
END_TEST

START_TEST(a_lone_escape_is_passed_on_in_time_where_keys_may_come_in_extended_form)
{
	uint8_t out[KEYS_HELD_MAX + KEYS_SEQUENCE_MAX];

	begin(KEYS_DEFAULT);
	keys.extended = true;
	FEED("a\x1b");
	ck_assert_sent("a");
	ck_assert(keys_holds(&keys));
	ck_assert_uint_eq(keys_flush(&keys, out), 1);
	ck_assert_uint_eq(out[0], 0x1b);
	ck_assert(!keys_holds(&keys));
	ck_assert_uint_eq(keys_flush(&keys, out), 0);
	FEED(P "\x1b"); /* behind a prefix: both, in order */
	ck_assert_uint_eq(keys_flush(&keys, out), 2);
	ck_assert_mem_eq(out, P "\x1b", 2);
	FEED("\x1b\x1b");
	ck_assert_sent("a\x1b");
	FEED("j");
	ck_assert_sent("a\x1b\x1bj");
}
END_TEST

START_TEST(an_extended_key_torn_by_a_read_is_found_and_any_other_passes)
{
	static const char *const others[] = { "\x1b[92;6u", "\x1b[15~", "\x1b[1;5C",
		"\x1b[2026;2$y" };

	for (size_t cut = 3; cut < sizeof(P_KITTY) - 1; cut++) {
		begin(KEYS_DEFAULT);
		ck_assert_int_eq(feed(P_KITTY, cut), KEYS_NONE);
		ck_assert_int_eq(feed(&P_KITTY[cut], sizeof(P_KITTY) - 1 - cut), KEYS_NONE);
		ck_assert_int_eq(FEED("d"), KEYS_DETACH);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		size_t n = strlen(others[i]);

		for (size_t cut = 1; cut < n; cut++) {
			begin(KEYS_DEFAULT);
			ck_assert_int_eq(feed(others[i], cut), KEYS_NONE);
			ck_assert_int_eq(feed(others[i] + cut, n - cut), KEYS_NONE);
			ck_assert_uint_eq(n_sent, n);
			ck_assert_mem_eq(sent, others[i], n);
		}
	}
}
END_TEST

START_TEST(a_sequence_without_an_end_passes_once_it_can_be_no_key)
{
	char flood[200];

	memset(flood, '1', sizeof(flood));
	memcpy(flood, "\x1b[", 2);
	begin(KEYS_DEFAULT);
	for (size_t i = 0; i < sizeof(flood); i++)
		feed(flood + i, 1);
	FEED("mx");
	ck_assert_uint_eq(n_sent, sizeof(flood) + 2);
	ck_assert_mem_eq(sent, flood, sizeof(flood));
}
END_TEST

START_TEST(other_keys_may_be_chosen_in_dockers_notation)
{
	begin("ctrl-p,ctrl-q");
	ck_assert_int_eq(FEED(P "d\x10x"), KEYS_NONE);
	ck_assert_sent(P "d\x10x");
	ck_assert_int_eq(FEED("\x10\x11"), KEYS_DETACH);
	begin("ctrl-]");
	ck_assert_int_eq(FEED("\x1d"), KEYS_DETACH);
	begin("a,b,c");
	ck_assert_int_eq(FEED("abd"
			      "aab"),
		KEYS_NONE);
	ck_assert_int_eq(FEED("c"), KEYS_DETACH);
	ck_assert_sent("abd"
		       "a");
	begin(",");
	ck_assert_int_eq(FEED(","), KEYS_DETACH);
}
END_TEST

START_TEST(what_is_no_notation_is_refused)
{
	static const char *const bad[] = { "", "ctrl-", "ctrl-1", "ctrl-aa", "ab", "a,", "ctrl-A",
		"a,b,c,d,e,f,g,h,i", " ", "\x1c", "d\xc3\xa4" };
	struct keys k;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(keys_init(&k, bad[i]) == -EINVAL, "%s", bad[i]);
	ck_assert_int_eq(keys_init(&k, "a,b,c,d,e,f,g,h"), 0);
}
END_TEST

START_TEST(every_byte_passes_through_unchanged)
{
	char all[256];

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	begin("ctrl-@,x");
	keys.sequence[0] = 0xff; /* no key at all */
	ck_assert_int_eq(feed(all, 255), KEYS_NONE);
	ck_assert_uint_eq(n_sent, 255);
	ck_assert_mem_eq(sent, all, 255);
}
END_TEST

START_TEST(the_first_key_is_a_character_or_an_escape_sequence_with_what_came_with_it)
{
	static const struct {
		const char *in;
		size_t n;
	} rows[] = { { "q", 1 }, { "q\x1c", 1 }, { "\xe6\xbc\xa2x", 3 }, { "\xe6\xbc", 2 },
		{ "\xff"
		  "a",
			1 },
		{ "\033[A", 3 }, { "\033", 1 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_uint_eq(
			keys_first((const uint8_t *)rows[i].in, strlen(rows[i].in)), rows[i].n);
}
END_TEST

TEST_MAIN("keys", the_first_key_is_a_character_or_an_escape_sequence_with_what_came_with_it,
	the_prefix_and_d_detach_in_every_form_of_the_prefix,
	d_in_its_extended_form_and_key_releases_in_between_detach_too,
	the_prefix_of_other_modifiers_passes,
	the_prefix_waits_for_its_key_across_reads_without_a_timeout,
	the_prefix_twice_sends_it_once_in_the_form_it_came,
	the_prefix_and_an_unknown_key_sends_both, help_and_lead_are_found_after_the_prefix_only,
	what_follows_an_action_in_the_same_read_is_still_there, a_paste_is_text_whatever_is_in_it,
	a_paste_torn_at_any_byte_is_still_text,
	a_lone_escape_is_never_held_back_where_keys_come_in_plain_form,
	an_extended_prefix_torn_right_behind_its_escape_is_found,
	a_lone_escape_is_passed_on_in_time_where_keys_may_come_in_extended_form,
	an_extended_key_torn_by_a_read_is_found_and_any_other_passes,
	a_sequence_without_an_end_passes_once_it_can_be_no_key,
	other_keys_may_be_chosen_in_dockers_notation, what_is_no_notation_is_refused,
	every_byte_passes_through_unchanged)
