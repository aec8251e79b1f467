#include "tests/suite.h"

#include <string.h>

#include "daemon/url.h"

static const char *canonical(const char *text)
{
	static char out[URL_TEXT_MAX];
	const char *why = NULL;
	struct url u;

	if (url_parse(&u, text, &why) < 0)
		return why;
	url_format(&u, out);
	return out;
}

START_TEST(two_texts_of_one_place_have_one_canonical_form)
{
	ck_assert_str_eq(canonical("https://API.example.COM/"), "https://api.example.com");
	ck_assert_str_eq(canonical("HTTPS://api.example.com:443"), "https://api.example.com");
	ck_assert_str_eq(canonical("https://api.example.com:8443"), "https://api.example.com:8443");
	ck_assert_str_eq(canonical("http://127.0.0.1:80/"), "http://127.0.0.1");
	ck_assert_str_eq(canonical("https://[2001:DB8::1]:7"), "https://[2001:db8::1]:7");
	ck_assert_str_eq(canonical("local"), "local");
}
END_TEST

static void expect_bad(const char *text, const char *reason)
{
	const char *why = "";
	struct url u = { .port = 7 };

	ck_assert_msg(url_parse(&u, text, &why) == -EINVAL, "%s was taken", text);
	ck_assert_msg(strstr(why, reason), "%s: %s", text, why);
	ck_assert_uint_eq(u.port, 7);
}

START_TEST(a_url_that_is_none_is_refused_with_its_reason)
{
	char host[URL_HOST_MAX + 16] = "https://";

	expect_bad("", "must be https://");
	expect_bad("ftp://a", "must be https://");
	expect_bad("api.example.com", "must be https://");
	expect_bad("https://", "host");
	expect_bad("https://:443", "host");
	expect_bad("https://user@host", "host");
	expect_bad("https://a b", "host");
	expect_bad("https://[::1", "host");
	expect_bad("https://[nonsense]", "host");
	expect_bad("https://a..b", "host");
	expect_bad("https://a:0", "port");
	expect_bad("https://a:65536", "port");
	expect_bad("https://a:", "port");
	expect_bad("https://a:+1", "port");
	expect_bad("https://a/path", "no path");
	expect_bad("https://a?query", "host");
	memset(host + 8, 'a', URL_HOST_MAX + 1);
	expect_bad(host, "host");
	host[8 + URL_HOST_MAX] = '\0';
	ck_assert_str_eq(canonical(host), host);
}
END_TEST

START_TEST(sec_c33_clear_text_goes_only_to_loopback)
{
	expect_bad("http://api.example.com", "Clear text");
	expect_bad("http://128.0.0.1", "Clear text");
	expect_bad("http://127.0.0.1.example.com", "Clear text");
	expect_bad("http://[::2]", "Clear text");
	expect_bad("http://localhost.example.com", "Clear text");
	ck_assert_str_eq(canonical("http://localhost:1"), "http://localhost:1");
	ck_assert_str_eq(canonical("http://127.9.9.9:1"), "http://127.9.9.9:1");
	ck_assert_str_eq(canonical("http://[::1]:1"), "http://[::1]:1");
}
END_TEST

START_TEST(the_authority_has_a_port_only_when_it_is_not_the_schemes_own)
{
	char out[URL_TEXT_MAX];
	const char *why;
	struct url u;

	ck_assert_int_eq(url_parse(&u, "https://a.b:443", &why), 0);
	url_authority(&u, out);
	ck_assert_str_eq(out, "a.b");
	ck_assert_int_eq(url_parse(&u, "http://[::1]:443", &why), 0);
	url_authority(&u, out);
	ck_assert_str_eq(out, "[::1]:443");
}
END_TEST

START_TEST(no_proxy_names_hosts_and_their_domains)
{
	const char *why;
	struct url u;

	ck_assert_int_eq(url_parse(&u, "https://api.example.com", &why), 0);
	ck_assert(url_in_no_proxy(&u, "other, example.com"));
	ck_assert(url_in_no_proxy(&u, ".example.com"));
	ck_assert(url_in_no_proxy(&u, "API.example.com"));
	ck_assert(url_in_no_proxy(&u, "*"));
	ck_assert(!url_in_no_proxy(&u, "ample.com"));
	ck_assert(!url_in_no_proxy(&u, "x.api.example.com,,"));
	ck_assert(!url_in_no_proxy(&u, ""));
	ck_assert(!url_in_no_proxy(&u, NULL));
}
END_TEST

START_TEST(a_proxy_is_a_host_and_a_port_anywhere)
{
	static const char *const bad[] = { "https://p:1", "socks5://p", "http://u:p@p:1",
		"http://p/x", "", "http://" };
	char out[URL_TEXT_MAX];
	const char *why = NULL;
	struct url u;

	ck_assert_int_eq(url_parse_proxy(&u, "http://Proxy.example:3128/", &why), 0);
	url_host_port(&u, out);
	ck_assert_str_eq(out, "proxy.example:3128");
	ck_assert_int_eq(url_parse_proxy(&u, "10.0.0.1", &why), 0);
	url_host_port(&u, out);
	ck_assert_str_eq(out, "10.0.0.1:80");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(url_parse_proxy(&u, bad[i], &why) == -EINVAL && why, "%s", bad[i]);
}
END_TEST

TEST_MAIN("url", two_texts_of_one_place_have_one_canonical_form,
	a_url_that_is_none_is_refused_with_its_reason, sec_c33_clear_text_goes_only_to_loopback,
	the_authority_has_a_port_only_when_it_is_not_the_schemes_own,
	no_proxy_names_hosts_and_their_domains, a_proxy_is_a_host_and_a_port_anywhere)
