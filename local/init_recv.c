#include "local/init_recv.h"

#include <string.h>
#include <sys/socket.h>

static size_t take_fds(struct msghdr *msg, int fds[INIT_FDS_MAX])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	size_t n;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	n = min_size(n, INIT_FDS_MAX);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

int init_recv(int sock, struct init_head *ret, int fds[INIT_FDS_MAX], size_t *ret_n)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * INIT_FDS_MAX)];
	} control;
	struct iovec iov = { .iov_base = ret, .iov_len = sizeof(*ret) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf) };
	ssize_t l = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);

	for (size_t i = 0; i < INIT_FDS_MAX; i++)
		fds[i] = -1;
	*ret_n = 0;
	if (l < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (l <= 0)
		return -EPIPE;
	*ret_n = take_fds(&msg, fds);
	if (l == sizeof(*ret) && !(msg.msg_flags & MSG_TRUNC))
		return 1;
	for (size_t i = 0; i < INIT_FDS_MAX; i++)
		close_fd(&fds[i]);
	return 0;
}
