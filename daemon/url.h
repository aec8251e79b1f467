/*
 * url - a service's address: "https://host[:port]", "http://loopback[:port]", "local"
 *
 * Pure. Clear text only to loopback: a host name other than localhost cannot be proven to be loopback
 * and is refused with http.
 *
 * Errors: -EINVAL with a sentence (static) in *ret_why.
 */
#ifndef DAEMON_URL_H
#define DAEMON_URL_H

#include "common/util.h"

#define URL_HOST_MAX 253 /* bytes of a host name */
#define URL_TEXT_MAX (URL_HOST_MAX + 20)
#define URL_LOCAL "local"
#define URL_DEFAULT "https://api.cwsandbox.com"

struct url {
	bool is_local; /* the embedded service; nothing else is set */
	bool tls;
	bool loopback;
	char host[URL_HOST_MAX + 1]; /* lower case, without brackets */
	uint16_t port;
};

int url_parse(struct url *u, const char *text, const char **ret_why);
/* An HTTP proxy: "http://host[:port]" or "host[:port]". It carries TLS, so it may be anywhere. */
int url_parse_proxy(struct url *u, const char *text, const char **ret_why);
/* The canonical form: two texts of the same place give the same. */
void url_format(const struct url *u, char out[URL_TEXT_MAX]);
/* host, or [host] for an IPv6 address, and the port unless it is the scheme's own: the :authority. */
void url_authority(const struct url *u, char out[URL_TEXT_MAX]);
/* The same, always with the port. */
void url_host_port(const struct url *u, char out[URL_TEXT_MAX]);
bool url_equal(const struct url *a, const struct url *b);
/* Whether `list` ("a.b,.c.d,127.0.0.1,*", as NO_PROXY has it) names the host or a domain of it. */
bool url_in_no_proxy(const struct url *u, const char *list);

#endif
