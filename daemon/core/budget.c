#include "daemon/core/budget.h"

#include "daemon/core/client.h"

static size_t ease(const struct core *core)
{
	return core->config.max_memory / 8 * BUDGET_EASE;
}

bool budget_is_short(const struct core *core)
{
	return core->config.max_memory && ledger_held(&core->memory) > ease(core);
}

bool budget_is_spent(const struct core *core)
{
	return core->config.max_memory && ledger_held(&core->memory) >= core->config.max_memory;
}

/* ---- sessions ---- */

/* Nobody keeps what nobody holds. */
static void budget_shed(struct core *core)
{
	struct session *s;

	list_for_each(s, &core->registry.newest, link) {
		if (!budget_is_short(core))
			return;
		log_shed(&s->log, ledger_held(&core->memory) - ease(core));
	}
}

size_t budget_window(const struct core *core, size_t withheld, size_t out)
{
	if (!budget_is_short(core))
		return withheld;
	return min_size(withheld, out < BUDGET_SESSION_BYTES ? BUDGET_SESSION_BYTES - out : 0);
}

static void budget_give_back(struct list *sessions)
{
	struct session *s;

	list_for_each(s, sessions, link)
		if (s->withheld)
			session_mark(s);
}

/* ---- clients ---- */

static size_t client_bytes(const struct client *c)
{
	return c->in.cap + c->out.cap;
}

static bool takes_too_much(const struct client *c)
{
	size_t share = c->core->config.max_memory / 8 / max_size(c->core->n_clients, 1);

	return client_bytes(c) > max_size(share, BUDGET_CLIENT_BYTES);
}

bool budget_may_read(const struct client *c)
{
	return c == c->core->favoured || !takes_too_much(c) || !budget_is_short(c->core);
}

void budget_on_timer(struct timer *t)
{
	container_of(t, struct core, favour_timer)->favoured = NULL; /* the turn chooses anew */
}

static void budget_favour(struct core *core)
{
	struct client *c;

	if (core->favoured && takes_too_much(core->favoured))
		return;
	core->favoured = NULL;
	list_for_each(c, &core->clients, link) {
		if (!takes_too_much(c))
			continue;
		core->favoured = c;
		list_unlink(&c->link); /* the next time it is another's turn */
		list_append(&core->clients, &c->link);
		timer_start(&core->timers, &core->favour_timer,
			core->clock->now_usec + BUDGET_FAVOUR_USEC);
		return;
	}
}

void budget_turn(struct core *core)
{
	bool was_short = core->is_short;

	if (budget_is_short(core))
		budget_shed(core);
	core->is_short = budget_is_short(core);
	if (core->is_short)
		budget_favour(core);
	if (was_short && !core->is_short) {
		budget_give_back(&core->registry.newest);
		budget_give_back(&core->calls);
	}
}
