#include "daemon/probe.h"

#include <string.h>
#include <sys/random.h>

#include "daemon/endpoint.h"
#include "daemon/pool.h"

#define STATE(name) COREWEAVE__SANDBOX__V1__STATE__STATE_##name

static const char *const state_names[] = {
	[STATE(UNSPECIFIED)] = "unspecified",
	[STATE(CREATING)] = "creating",
	[STATE(RUNNING)] = "running",
	[STATE(COMPLETED)] = "completed",
	[STATE(FAILED)] = "failed",
	[STATE(TERMINATING)] = "terminating",
	[STATE(TERMINATED)] = "terminated",
	[STATE(PENDING)] = "pending",
	[STATE(PAUSED)] = "paused",
	[STATE(PREPARING)] = "preparing",
};

const char *probe_state_name(int state)
{
	return state >= 0 && (size_t)state < ARRAY_SIZE(state_names) ? state_names[state]
								     : "unspecified";
}

int probe_state_parse(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(state_names); i++)
		if (strlen(state_names[i]) == n && memcmp(state_names[i], name, n) == 0)
			return (int)i;
	return -1;
}

static uint64_t now_of(const struct probe *p)
{
	return loop_now(p->ep->pool->loop);
}

static void end(struct probe *p, enum probe_result result, const struct grpc_status *st)
{
	event_del(p->timer);
	p->active = false;
	p->on_end(p, result, st);
}

static void end_with(struct probe *p, int code, const char *why)
{
	struct grpc_status st = { 0 };

	grpc_status_set(&st, code, NULL, "%s", why);
	st.transport = true;
	end(p, PROBE_FAILED, &st);
	grpc_status_done(&st);
}

static void poll_now(struct probe *p)
{
	int r = unary_start(
		&p->get, p->ep, CALL_PREFIX "GetSandbox", PROBE_POLL_SEC * USEC_PER_SEC);

	if (r < 0)
		end_with(p, r == -EAGAIN ? GRPC_RESOURCE_EXHAUSTED : GRPC_INTERNAL, strerror(-r));
}

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct probe *p = arg;

	(void)fd;
	(void)events;
	if (p->stopped)
		return end_with(p, GRPC_CANCELLED, "taken back");
	poll_now(p);
}

static void poll_after(struct probe *p, uint64_t pause_usec)
{
	struct timeval tv = { .tv_sec = (time_t)(pause_usec / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(pause_usec % USEC_PER_SEC) };

	event_add(p->timer, &tv);
}

static void on_state(struct probe *p)
{
	static const struct grpc_status ok;
	int state = p->sandbox->status ? (int)p->sandbox->status->state : STATE(UNSPECIFIED);

	if (state == STATE(RUNNING) || state == STATE(PAUSED))
		return end(p, PROBE_RUNS, &ok);
	if (state != STATE(PENDING) && state != STATE(CREATING) && state != STATE(PREPARING))
		return end(p, PROBE_ENDED, &ok);
	p->pause_usec =
		retry_poll_pause(p->pause_usec, p->created_usec ? now_of(p) - p->created_usec : 0);
	if (now_of(p) + p->pause_usec >= p->until_usec)
		return end_with(p, GRPC_DEADLINE_EXCEEDED,
			"the sandbox did not become ready within 300 seconds");
	poll_after(p, p->pause_usec);
}

/* Once the service told us of the sandbox its polls may fail for a while; before that, who asks is told. */
static bool may_fail(const struct probe *p)
{
	return p->sandbox || p->created_usec;
}

static void on_answer(struct unary *u, const struct grpc_status *st)
{
	struct probe *p = container_of(u, struct probe, get);
	uint64_t pause;
	uint32_t chance = 0;

	if (p->stopped)
		return end_with(p, GRPC_CANCELLED, "taken back");
	if (st->code != GRPC_OK) {
		if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
			chance = UINT32_MAX / 2;
		if (!may_fail(p) || !retry_again(&p->retry, st, now_of(p), chance, &pause))
			return end(p, PROBE_FAILED, st);
		return poll_after(p, pause);
	}
	if (p->sandbox)
		coreweave__sandbox__v1__sandbox__free_unpacked(p->sandbox, NULL);
	p->sandbox = coreweave__sandbox__v1__sandbox__unpack(NULL, u->n, u->answer);
	if (!p->sandbox)
		return end_with(p, GRPC_INTERNAL, "the service's answer cannot be read");
	on_state(p);
}

void probe_init(struct probe *p,
	void (*on_end)(struct probe *p, enum probe_result result, const struct grpc_status *st))
{
	*p = (struct probe){ .on_end = on_end };
	unary_init(&p->get, on_answer);
}

void probe_done(struct probe *p)
{
	unary_done(&p->get);
	if (p->timer)
		event_free(p->timer);
	if (p->sandbox)
		coreweave__sandbox__v1__sandbox__free_unpacked(p->sandbox, NULL);
	p->timer = NULL;
	p->sandbox = NULL;
}

int probe_start(struct probe *p, struct endpoint *ep, const char *sandbox_id, bool created)
{
	Coreweave__Sandbox__V1__GetSandboxRequest m =
		COREWEAVE__SANDBOX__V1__GET_SANDBOX_REQUEST__INIT;
	int r;

	p->ep = ep;
	p->until_usec = now_of(p) + PROBE_MAX_SEC * USEC_PER_SEC;
	p->created_usec = created ? now_of(p) : 0;
	m.sandbox_id =
		(char *)(uintptr_t)sandbox_id; /* protobuf-c packs from it and does not write */
	r = unary_put(&p->get.call.request, &m.base);
	if (r < 0)
		return r;
	if (!p->timer)
		p->timer = evtimer_new(ep->pool->loop->base, on_timer, p);
	if (!p->timer)
		return -ENOMEM;
	r = unary_start(&p->get, ep, CALL_PREFIX "GetSandbox", PROBE_POLL_SEC * USEC_PER_SEC);
	p->active = r == 0;
	return r;
}

void probe_stop(struct probe *p)
{
	if (!p->active || p->stopped)
		return;
	p->stopped = true;
	if (call_is_idle(&p->get.call))
		poll_after(p, 0);
	else
		call_cancel(&p->get.call, NULL);
}
