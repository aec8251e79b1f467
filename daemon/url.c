#include "daemon/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PORT_HTTPS 443
#define PORT_HTTP 80

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

static bool is_loopback(const char *host)
{
	struct in6_addr six;
	struct in_addr four;

	if (strcmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static bool is_host(const char *host)
{
	struct in6_addr six;

	if (strchr(host, ':'))
		return inet_pton(AF_INET6, host, &six) == 1;
	if (host[0] == '.' || host[0] == '-' || strstr(host, ".."))
		return false;
	return host[0] && host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._")] == '\0';
}

/* Copies the host at p, lower case, and gives where it ends; NULL if it is none. */
static const char *take_host(struct url *u, const char *p)
{
	const char *end;
	size_t n;

	if (*p == '[') {
		p++;
		end = strchr(p, ']');
	} else {
		end = p + strcspn(p, ":/");
	}
	if (!end)
		return NULL;
	n = (size_t)(end - p);
	if (n == 0 || n > URL_HOST_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++)
		u->host[i] = (char)tolower((unsigned char)p[i]);
	u->host[n] = '\0';
	if (!is_host(u->host) || (*end == ']' && !strchr(u->host, ':')))
		return NULL;
	return *end == ']' ? end + 1 : end;
}

/* ":port" at *p, if any; moves *p behind it. */
static bool take_port(struct url *u, const char **p)
{
	unsigned long port;
	char *end;

	if (**p != ':')
		return true;
	if (!isdigit((unsigned char)(*p)[1]))
		return false;
	port = strtoul(*p + 1, &end, 10);
	if (port == 0 || port > UINT16_MAX)
		return false;
	u->port = (uint16_t)port;
	*p = end;
	return true;
}

int url_parse(struct url *u, const char *text, const char **ret_why)
{
	struct url got = { 0 };
	const char *p;

	if (strcmp(text, URL_LOCAL) == 0) {
		got.is_local = true;
		*u = got;
		return 0;
	}
	got.tls = strncasecmp(text, "https://", 8) == 0;
	if (!got.tls && strncasecmp(text, "http://", 7) != 0)
		return refuse(ret_why,
			"The URL must be https://host[:port], http://127.0.0.1:port or local.");
	got.port = got.tls ? PORT_HTTPS : PORT_HTTP;
	p = take_host(&got, text + (got.tls ? 8 : 7));
	if (!p)
		return refuse(ret_why, "The URL's host is not a name or address.");
	if (!take_port(&got, &p))
		return refuse(ret_why, "The URL's port is not a number from 1 to 65535.");
	if (strcmp(p, "") != 0 && strcmp(p, "/") != 0)
		return refuse(ret_why, "The URL must end after host and port: no path, no query.");
	got.loopback = is_loopback(got.host);
	if (!got.tls && !got.loopback)
		return refuse(ret_why, "Clear text (http://) goes only to this machine (127.0.0.1, "
				       "::1, localhost): use https://.");
	*u = got;
	return 0;
}

int url_parse_proxy(struct url *u, const char *text, const char **ret_why)
{
	struct url got = { .port = PORT_HTTP };
	const char *p;

	if (strstr(text, "://") && strncasecmp(text, "http://", 7) != 0)
		return refuse(ret_why, "The proxy must be http://host:port.");
	if (strchr(text, '@'))
		return refuse(ret_why, "Proxies that want a name and password are not supported.");
	p = take_host(&got, text + (strstr(text, "://") ? 7 : 0));
	if (!p || !take_port(&got, &p) || (strcmp(p, "") != 0 && strcmp(p, "/") != 0))
		return refuse(ret_why, "The proxy must be http://host:port.");
	*u = got;
	return 0;
}

static void format_host(const struct url *u, char out[URL_TEXT_MAX], bool with_port)
{
	bool six = strchr(u->host, ':');
	int n = snprintf(out, URL_TEXT_MAX, "%s%s%s", six ? "[" : "", u->host, six ? "]" : "");

	if (with_port)
		snprintf(out + n, URL_TEXT_MAX - (size_t)n, ":%u", (unsigned)u->port);
}

void url_host_port(const struct url *u, char out[URL_TEXT_MAX])
{
	format_host(u, out, true);
}

void url_authority(const struct url *u, char out[URL_TEXT_MAX])
{
	format_host(u, out, u->port != (u->tls ? PORT_HTTPS : PORT_HTTP));
}

void url_format(const struct url *u, char out[URL_TEXT_MAX])
{
	char authority[URL_TEXT_MAX];

	if (u->is_local) {
		snprintf(out, URL_TEXT_MAX, URL_LOCAL);
		return;
	}
	url_authority(u, authority);
	snprintf(out, URL_TEXT_MAX, "%s://%.*s", u->tls ? "https" : "http", URL_TEXT_MAX - 9,
		authority);
}

bool url_equal(const struct url *a, const struct url *b)
{
	return a->is_local == b->is_local && a->tls == b->tls && a->port == b->port &&
	       strcmp(a->host, b->host) == 0;
}

/* entry[0..n) is the host or, with or without a leading dot, a domain above it. */
static bool names_host(const char *host, const char *entry, size_t n)
{
	size_t h = strlen(host);

	if (n > 0 && entry[0] == '.') {
		entry++;
		n--;
	}
	if (n == 0 || n > h)
		return false;
	if (strncasecmp(host + h - n, entry, n) != 0)
		return false;
	return n == h || host[h - n - 1] == '.';
}

bool url_in_no_proxy(const struct url *u, const char *list)
{
	while (list && *list) {
		size_t n;

		list += strspn(list, ", ");
		n = strcspn(list, ", ");
		if ((n == 1 && *list == '*') || names_host(u->host, list, n))
			return true;
		list += n;
	}
	return false;
}
