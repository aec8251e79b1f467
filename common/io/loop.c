#include "common/io/loop.h"

#include <string.h>

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (!config)
		return NULL;
	/* one thread, and no variable of the user's environment picks the kernel interface */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

int loop_init(struct loop *loop, bool (*flush)(void *arg), void *arg)
{
	struct event_base *base = base_new();

	if (!base)
		return -ENOMEM;
	memset(loop, 0, sizeof(*loop));
	loop->base = base;
	loop->flush = flush;
	loop->arg = arg;
	clock_update(&loop->clock);
	return 0;
}

void loop_done(struct loop *loop)
{
	if (loop->base)
		event_base_free(loop->base);
	loop->base = NULL;
}

uint64_t loop_now(struct loop *loop)
{
	if (loop->waited) {
		clock_update(&loop->clock);
		loop->waited = false;
	}
	return loop->clock.now_usec;
}

int loop_run(struct loop *loop)
{
	bool more = loop->flush && loop->flush(loop->arg);

	while (!loop->stopping) {
		int r;

		loop->waited = true;
		/* once in either case: NONBLOCK alone looks for more until there is none */
		r = event_base_loop(loop->base, EVLOOP_ONCE | (more ? EVLOOP_NONBLOCK : 0));
		clock_update(&loop->clock);
		loop->waited = false;
		if (r < 0)
			return -EIO;
		more = loop->flush && loop->flush(loop->arg);
		if (r > 0 && !more)
			break; /* no event is left that could wake us */
	}
	loop->stopping = false;
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
}
