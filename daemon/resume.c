#include "daemon/resume.h"

#include <sys/timerfd.h>

#define TIME_LAST ((time_t)(sizeof(time_t) > 4 ? INT64_MAX : INT32_MAX))

/* Due at the end of time: the kernel ends the wait when its clock is set, as it is after a sleep. */
static int wait_for_clock(int fd)
{
	const struct itimerspec never = { .it_value.tv_sec = TIME_LAST };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void on_set(evutil_socket_t fd, short events, void *arg)
{
	struct resume *r = arg;
	uint64_t n;

	(void)events;
	if (read((int)fd, &n, sizeof(n)) < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (wait_for_clock(r->fd) < 0)
		event_del(r->ev);
	r->fn(r->arg);
}

int resume_init(struct resume *r, struct loop *loop, void (*fn)(void *arg), void *arg)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	*r = (struct resume){ .fd = fd, .fn = fn, .arg = arg };
	if (wait_for_clock(fd) == 0)
		r->ev = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_set, r);
	if (r->ev && event_add(r->ev, NULL) == 0)
		return 0;
	resume_done(r);
	return -ENOMEM;
}

void resume_done(struct resume *r)
{
	if (r->ev)
		event_free(r->ev);
	if (r->fn)
		close_fd(&r->fd);
	*r = (struct resume){ .fn = NULL };
}
