/*
 * tunnel - CONNECT through an HTTP proxy, before TLS
 *
 * Owner:  takes the fd over; a tunnel that stands gives it back in on_end.
 * Bounds: an answer of at most TUNNEL_ANSWER_MAX bytes. Its time is the connection's.
 * Early bytes: we speak first in TLS: bytes after the proxy's answer are nobody's, and end it.
 */
#ifndef DAEMON_TUNNEL_H
#define DAEMON_TUNNEL_H

#include "common/io/loop.h"
#include "daemon/url.h"

#define TUNNEL_ANSWER_MAX ((size_t)8 * 1024)
#define TUNNEL_WHY_MAX 256

#define TUNNEL_E_PENDING 1

struct tunnel {
	int fd; /* -1: given back */
	struct event *ev;
	char request[2 * URL_TEXT_MAX + 64], answer[TUNNEL_ANSWER_MAX + 1];
	size_t n_request, n_sent, n_answer;
	void *arg; /* the owner's */
	/* fd >= 0: it stands, the fd is the callee's. Else a sentence says why not. */
	void (*on_end)(struct tunnel *t, int fd, const char *why);
};

/* `authority` is "host:port"; the connect to the proxy may still be in progress. fd is taken over, also on
 * failure. */
int tunnel_start(struct tunnel *t, struct loop *loop, int fd, const char *authority);
void tunnel_done(struct tunnel *t);

/* Pure: 0: the answer is whole and says yes; TUNNEL_E_PENDING; -EPROTO with a sentence. */
int tunnel_read_answer(const char *answer, size_t n, char why[TUNNEL_WHY_MAX]);

#endif
