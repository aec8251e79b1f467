/* What the library makes of the environment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/cwsandbox.h"
#include "common/util.h"
#include "tests/suite.h"

static void clear_environment(void)
{
	static const char *const names[] = { "CWSANDBOX_BASE_URL", "CWSANDBOX_API_KEY",
		"CWSANDBOX_AUTH", "WANDB_API_KEY", "WANDB_ENTITY", "WANDB_PROJECT",
		"CWSANDBOX_CA_FILE", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
}

START_TEST(without_any_setting_the_embedded_service_is_meant)
{
	struct cwsandbox_config config = { .socket = NULL };

	clear_environment();
	setenv("CWSANDBOX_BASE_URL", "", 1); /* empty is unset */
	ck_assert_int_eq(cwsandbox_config_from_env(&config), 1);
	ck_assert_str_eq(config.base_url, "local");
	config = (struct cwsandbox_config){ .socket = NULL };
	setenv("WANDB_API_KEY", "w", 1);
	ck_assert_int_eq(cwsandbox_config_from_env(&config), 0);
	ck_assert_ptr_null(config.base_url);
	ck_assert_ptr_null(config.key); /* without --auth wandb that key is nobody's */
}
END_TEST

START_TEST(a_key_may_go_in_clear_text_only_if_the_url_came_from_the_same_place)
{
	struct cwsandbox_config config = { .socket = NULL };

	clear_environment();
	setenv("CWSANDBOX_BASE_URL", "http://127.0.0.1:1", 1);
	setenv("CWSANDBOX_API_KEY", "k", 1);
	ck_assert_int_eq(cwsandbox_config_from_env(&config), 0);
	ck_assert(config.key_with_url);
	config = (struct cwsandbox_config){ .base_url = "http://127.0.0.1:2" };
	ck_assert_int_eq(cwsandbox_config_from_env(&config), 0);
	ck_assert_str_eq(config.base_url, "http://127.0.0.1:2");
	ck_assert(!config.key_with_url);
}
END_TEST

START_TEST(a_proxy_is_not_used_for_hosts_that_no_proxy_names)
{
	static const struct {
		const char *no_proxy, *url;
		bool used;
	} rows[] = {
		{ "example.com", "https://api.example.com", false },
		{ ".example.com", "https://api.example.com:8443/", false },
		{ "ample.com", "https://example.com", true },
		{ "a, b.c ,example.com", "https://EXAMPLE.com", false },
		{ "*", "https://x", false },
		{ "", "https://x", true },
		{ ",,", "https://x", true },
		{ "::1", "https://[::1]:443", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cwsandbox_config config = { .base_url = rows[i].url };

		clear_environment();
		setenv("HTTPS_PROXY", "http://proxy:3128", 1);
		setenv("NO_PROXY", rows[i].no_proxy, 1);
		ck_assert_int_eq(cwsandbox_config_from_env(&config), 0);
		ck_assert_msg(
			!!config.proxy == rows[i].used, "%s %s", rows[i].no_proxy, rows[i].url);
	}
}
END_TEST

/* A socket that takes connections and says nothing; the error of a connection to it. */
static const char *silence(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct cwsandbox_config config = { .socket = at.sun_path };
	static char text[512];
	struct cwsandbox *c;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/check-lib-%d", (int)getpid());
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	prctl(PR_SET_NAME, name);
	ck_assert_int_eq(cwsandbox_new(&c), 0);
	ck_assert_int_eq(cwsandbox_connect(c, &config, 10), CWSANDBOX_E_TIMEOUT);
	snprintf(text, sizeof(text), "%s", cwsandbox_error(c)->message);
	cwsandbox_free(c);
	unlink(at.sun_path);
	close(fd);
	return text;
}

START_TEST(a_daemon_that_is_silent_is_named_with_what_to_do_unless_another_made_its_socket)
{
	char wake[32];

	snprintf(wake, sizeof(wake), "`kill -CONT %d`", (int)getpid());
	ck_assert_ptr_nonnull(strstr(silence("cwsandboxd"), wake));
	ck_assert_str_eq(silence("systemd"), "cwsandboxd does not answer");
}
END_TEST

TEST_MAIN("lib_env", without_any_setting_the_embedded_service_is_meant,
	a_key_may_go_in_clear_text_only_if_the_url_came_from_the_same_place,
	a_proxy_is_not_used_for_hosts_that_no_proxy_names,
	a_daemon_that_is_silent_is_named_with_what_to_do_unless_another_made_its_socket)
