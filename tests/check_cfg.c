#include "tests/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cfg.h"

static struct cfg cfg;
static char why[CFG_WHY_MAX];
static char path[256];

static void fresh(void)
{
	ck_assert_int_eq(cfg_init(&cfg), 0);
	why[0] = '\0';
}

static void write_text(const char *text, size_t n)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	snprintf(path, sizeof(path), "%s/check-cfg-XXXXXX", tmp ? tmp : "/tmp");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, n), (ssize_t)n);
	close(fd);
}

static int read_text(const char *text, size_t n)
{
	int r;

	write_text(text, n);
	r = cfg_read_file(&cfg, path, true, why);
	unlink(path);
	return r;
}

static int read_line(const char *text)
{
	return read_text(text, strlen(text));
}

START_TEST(the_defaults_are_those_of_the_manual)
{
	fresh();
	ck_assert_uint_eq(cfg.log_bytes, 4u << 20);
	ck_assert_uint_eq(cfg.window_bytes, 64u << 10);
	ck_assert_uint_eq(cfg.block_timeout_usec, 60 * USEC_PER_SEC);
	ck_assert_uint_eq(cfg.linger_usec, 86400 * USEC_PER_SEC);
	ck_assert_uint_eq(cfg.history_lines, 1000);
	ck_assert_uint_eq(cfg.max_streams, 100);
	ck_assert_str_eq(cfg.size, "lead");
	ck_assert(!cfg.observe && !cfg.clipboard && cfg.lead_notice);
	ck_assert_ptr_null(cfg.url);
	cfg_done(&cfg);
}
END_TEST

START_TEST(the_file_sets_keys_before_a_section_and_in_ours)
{
	fresh();
	ck_assert_int_eq(read_line("# mine\nlog-bytes = 8M\n[cwsandboxd]\nobserve = yes ; really\n"
				   "key-command=pass show cw\n"),
		0);
	ck_assert_uint_eq(cfg.log_bytes, 8u << 20);
	ck_assert(cfg.observe);
	ck_assert_str_eq(cfg.key_command, "pass show cw");
	cfg_done(&cfg);
}
END_TEST

static void expect_bad(const char *text, int r, const char *reason)
{
	fresh();
	ck_assert_int_eq(read_line(text), r);
	ck_assert_msg(strstr(why, reason) && strstr(why, path), "%s", why);
	ck_assert_uint_eq(cfg.history_lines, 1000);
	cfg_done(&cfg);
}

START_TEST(a_bad_line_is_named_and_the_file_changes_nothing)
{
	expect_bad("history-lines = 5\nlog-byte = 4M\n", -ENOENT, "line 2: \"log-byte\" is no key");
	expect_bad("history-lines = 5\n[other]\nurl = x\n", -EINVAL,
		"line 3: \"url\" is in \"[other]\", which is no section");
	expect_bad("history-lines = 5\nwhat\n", -EINVAL, "line 2: neither");
	expect_bad("history-lines = 5\nwindow = many\n", -EINVAL,
		"line 2: window: \"many\" is not a size");
	expect_bad("history-lines = 5\nobserve = perhaps\n", -EINVAL, "neither yes nor no");
	expect_bad("history-lines = 5\nmax-streams = 5K\n", -EINVAL, "\"5K\" is not a number");
}
END_TEST

static int no_entity(const char *key, const char *value, char because[CFG_WHY_MAX])
{
	(void)value;
	if (strcmp(key, "entity") != 0)
		return 0;
	snprintf(because, CFG_WHY_MAX, "%s: Not this one.", key);
	return -EINVAL;
}

START_TEST(what_the_program_does_not_like_is_named_too_unless_it_is_empty)
{
	fresh();
	cfg.check = no_entity;
	ck_assert_int_eq(read_line("entity =\nproject = p\n"), 0);
	ck_assert_int_eq(read_line("project = q\nentity = e\n"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, ", line 2: entity: Not this one."));
	ck_assert_str_eq(cfg.project, "p");
	cfg_done(&cfg);
}
END_TEST

START_TEST(a_file_may_be_a_link_but_not_one_that_leads_nowhere)
{
	char link[sizeof(path) + 8];

	fresh();
	write_text("project = p\n", 12);
	snprintf(link, sizeof(link), "%s.link", path);
	ck_assert_int_eq(symlink(path, link), 0);
	ck_assert_int_eq(cfg_read_file(&cfg, link, false, why), 0);
	ck_assert_str_eq(cfg.project, "p");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(cfg_read_file(&cfg, link, false, why), -ELOOP);
	ck_assert_ptr_nonnull(
		strstr(why, ".link cannot be read: it is a link that leads nowhere."));
	unlink(link);
	cfg_done(&cfg);
}
END_TEST

START_TEST(every_number_has_bounds_with_a_test_at_their_edge)
{
	static const struct {
		const char *key, *low, *below, *high, *above;
	} edges[] = {
		{ "log-bytes", "256K", "262143", "1G", "1073741825" },
		{ "window", "4K", "4095", "1M", "1048577" },
		{ "block-timeout", "1s", "0", "24h", "86401" },
		{ "linger", "60", "59", "366d", "367d" },
		{ "history-lines", "0", "-1", "100000", "100001" },
		{ "max-streams", "1", "0", "10000", "10001" },
		{ "max-connections", "1", "0", "64", "65" },
		{ "max-sessions", "1", "0", "100000", "100001" },
		{ "max-clients", "1", "0", "100000", "100001" },
		{ "max-attachments", "1", "0", "100000", "100001" },
		{ "max-memory", "64M", "67108863", "1048576M", "1048577M" },
	};

	fresh();
	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		ck_assert_int_eq(cfg_set(&cfg, edges[i].key, edges[i].low, why), 0);
		ck_assert_int_eq(cfg_set(&cfg, edges[i].key, edges[i].high, why), 0);
		ck_assert_int_lt(cfg_set(&cfg, edges[i].key, edges[i].below, why), 0);
		ck_assert_int_lt(cfg_set(&cfg, edges[i].key, edges[i].above, why), 0);
	}
	cfg_done(&cfg);
}
END_TEST

START_TEST(a_missing_file_is_fine_unless_it_was_named)
{
	fresh();
	ck_assert_int_eq(cfg_read_file(&cfg, "/nonexistent/conf", false, why), 0);
	ck_assert_int_eq(cfg_read_file(&cfg, "/nonexistent/conf", true, why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent/conf"));
	ck_assert_int_eq(read_text("a\0b", 3), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "NUL"));
	cfg_done(&cfg);
}
END_TEST

START_TEST(a_file_of_64_kib_is_read_and_one_byte_more_is_refused)
{
	static char text[CFG_FILE_MAX + 1];

	memset(text, '\n', sizeof(text));
	fresh();
	ck_assert_int_eq(read_text(text, CFG_FILE_MAX), 0);
	ck_assert_int_eq(read_text(text, CFG_FILE_MAX + 1), -EFBIG);
	cfg_done(&cfg);
}
END_TEST

START_TEST(the_environment_wins_over_the_file_and_its_keys_are_wiped)
{
	char *in_environ;

	fresh();
	ck_assert_int_eq(read_line("url = https://file.example\nca-file = /f.pem\n"), 0);
	setenv("CWSANDBOX_BASE_URL", "https://env.example", 1);
	setenv("CWSANDBOX_API_KEY", "cw-secret", 1);
	setenv("CWSANDBOX_CA_FILE", "", 1);
	ck_assert_int_eq(cfg_read_env(&cfg, why), 0);
	ck_assert_str_eq(cfg.url, "https://env.example");
	ck_assert_str_eq(cfg.ca_file, "/f.pem"); /* empty is unset */
	ck_assert_str_eq(cfg.key, "cw-secret");
	ck_assert(cfg.url_from_env);
	in_environ = getenv("CWSANDBOX_API_KEY");
	cfg_wipe_env();
	ck_assert_ptr_null(getenv("CWSANDBOX_API_KEY"));
	ck_assert_mem_eq(in_environ, "\0\0\0\0\0\0\0\0\0", 9);
	cfg_done(&cfg);
}
END_TEST

START_TEST(the_key_is_wandbs_when_the_mode_says_so)
{
	fresh();
	unsetenv("CWSANDBOX_BASE_URL");
	setenv("CWSANDBOX_AUTH", "wandb", 1);
	setenv("CWSANDBOX_API_KEY", "cw", 1);
	setenv("WANDB_API_KEY", "wb", 1);
	ck_assert_int_eq(cfg_read_env(&cfg, why), 0);
	ck_assert_str_eq(cfg.key, "wb");
	ck_assert(!cfg.url_from_env);
	setenv("WANDB_API_KEY", "two words", 1);
	ck_assert_int_eq(cfg_read_env(&cfg, why), -EINVAL);
	ck_assert_ptr_null(strstr(why, "two words")); /* never the key itself */
	cfg_done(&cfg);
}
END_TEST

TEST_MAIN("cfg", the_defaults_are_those_of_the_manual,
	a_file_may_be_a_link_but_not_one_that_leads_nowhere,
	the_file_sets_keys_before_a_section_and_in_ours,
	a_bad_line_is_named_and_the_file_changes_nothing,
	what_the_program_does_not_like_is_named_too_unless_it_is_empty,
	every_number_has_bounds_with_a_test_at_their_edge,
	a_missing_file_is_fine_unless_it_was_named,
	a_file_of_64_kib_is_read_and_one_byte_more_is_refused,
	the_environment_wins_over_the_file_and_its_keys_are_wiped,
	the_key_is_wandbs_when_the_mode_says_so)
