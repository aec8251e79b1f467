#include "daemon/core/core.h"

#include <string.h>

#include "daemon/core/budget.h"
#include "daemon/core/client.h"
#include "daemon/core/describe.h"

void core_config_defaults(struct core_config *config)
{
	*config = (struct core_config){
		.log_bytes = CORE_LOG_BYTES_DEFAULT,
		.window = CORE_WINDOW_DEFAULT,
		.block_timeout_usec = CORE_BLOCK_TIMEOUT_DEFAULT_USEC,
		.linger_usec = CORE_LINGER_DEFAULT_USEC,
		.history_lines = CORE_HISTORY_LINES_DEFAULT,
		.size = { .kind = SIZE_LEAD },
		.max_sessions = CORE_MAX_SESSIONS_DEFAULT,
		.max_clients = CORE_MAX_CLIENTS_DEFAULT,
		.max_attachments = CORE_MAX_ATTACHMENTS_DEFAULT,
		.max_memory = CORE_MAX_MEMORY_DEFAULT,
	};
}

/* ---- life ---- */

static void core_init(struct core *core, const struct core_config *config)
{
	*core = (struct core){ .config = *config };
	core->config.boot_id = core->config.server = NULL;
	ledger_init(&core->memory, NULL, 0);
	registry_init(&core->registry);
	frame_out_init(&core->scratch);
	list_init(&core->clients);
	list_init(&core->newcomers);
	list_init(&core->writable);
	list_init(&core->resting);
	list_init(&core->tired);
	list_init(&core->backlog);
	list_init(&core->outputs);
	list_init(&core->sessions);
	list_init(&core->calls);
	list_init(&core->dead_clients);
	list_init(&core->dead_sessions);
	list_init(&core->dead_attachments);
}

/* In turns, and none but these is touched: thousands of sessions come to rest together. */
static void on_resting_timer(struct timer *t)
{
	struct core *core = container_of(t, struct core, resting_timer);
	struct session *s;

	for (unsigned n = 0; n < SCREEN_RESTS_MAX && !list_empty(&core->resting); n++) {
		s = list_first(&core->resting, struct session, rest_link);
		list_unlink(&s->rest_link);
		if (screen_rest(&s->screen))
			list_append(&core->resting, &s->rest_link);
	}
	if (!list_empty(&core->resting))
		timer_start(&core->timers, t, core->clock->now_usec);
}

int core_new(struct core **ret, const struct core_config *config, const struct clock *clock,
	const struct upstream_service *service, void *rim)
{
	_cleanup_(core_freep) struct core *core = malloc(sizeof(*core));

	if (!core)
		return -ENOMEM;
	core_init(core, config);
	core->clock = clock;
	core->service = service;
	core->rim = rim;
	core->favour_timer.fn = budget_on_timer;
	core->resting_timer.fn = on_resting_timer;
	core->plan = calloc(1, sizeof(*core->plan));
	core->config.boot_id = strdup(config->boot_id ? config->boot_id : "");
	core->config.server = strdup(config->server ? config->server : "");
	if (!core->plan || !core->config.boot_id || !core->config.server)
		return -ENOMEM;
	*ret = TAKE(core);
	return 0;
}

static void core_free_dead(struct core *core)
{
	struct attachment *a;
	struct session *s;
	struct client *c;

	list_for_each(a, &core->dead_attachments, ready_link)
		attachment_free(a);
	list_for_each(s, &core->dead_sessions, link)
		session_free(s);
	list_for_each(c, &core->dead_clients, link)
		client_free(c);
}

struct core *core_free(struct core *core)
{
	struct session *s;
	struct client *c;

	if (!core)
		return NULL;
	list_for_each(c, &core->clients, link)
		client_close(c);
	list_for_each(s, &core->registry.newest, link)
		session_drop(s);
	core_free_dead(core);
	assert(list_empty(&core->calls) && ledger_held(&core->memory) == 0);
	registry_done(&core->registry);
	frame_out_done(&core->scratch);
	free(core->plan);
	free((char *)core->config.boot_id);
	free((char *)core->config.server);
	free(core);
	return NULL;
}

/* ---- the turn ---- */

struct client *core_next_client(struct core *core)
{
	struct session *s;
	struct client *c;

	list_for_each(s, &core->outputs, output_link) {
		list_unlink(&s->output_link);
		session_wake_attachments(s);
	}
	c = list_first(&core->writable, struct client, writable_link);
	if (c)
		list_unlink(&c->writable_link);
	return c;
}

/* Those that had their share of the last turn, and those whose frames were too many for it. */
static void core_next_shares(struct core *core)
{
	struct list backlog;
	struct client *c;

	core->turn++;
	list_for_each(c, &core->tired, writable_link) {
		list_unlink(&c->writable_link);
		client_mark(c);
	}
	list_init(&backlog);
	list_for_each(c, &core->backlog, backlog_link) {
		list_unlink(&c->backlog_link);
		list_append(&backlog, &c->backlog_link);
	}
	list_for_each(c, &backlog, backlog_link)
		client_turn(c); /* back into core.backlog if there are more */
}

/* Whose screen had no share of this turn is the first in the next. */
static void core_turn_sessions(struct core *core)
{
	uint64_t work = SCREEN_TURN_WORK;
	struct list dirty, late;
	struct session *s;
	bool spent;

	list_init(&dirty);
	list_init(&late);
	list_for_each(s, &core->sessions, dirty_link) {
		list_unlink(&s->dirty_link);
		list_append(&dirty, &s->dirty_link);
	}
	while (!list_empty(&dirty)) {
		s = list_first(&dirty, struct session, dirty_link);
		spent = work == 0;
		if (!session_turn(s, &work) || !spent) /* unlinks it */
			continue;
		list_unlink(&s->dirty_link);
		list_append(&late, &s->dirty_link);
	}
	while (!list_empty(&late)) {
		s = list_last(&late, struct session, dirty_link);
		list_unlink(&s->dirty_link);
		list_prepend(&core->sessions, &s->dirty_link);
	}
}

/* A client that does not read its answers is waited for; any other with frames left is not. */
static bool core_has_backlog(const struct core *core)
{
	struct client *c;

	list_for_each(c, &core->backlog, backlog_link)
		if (bytes_n(&c->out) <= CLIENT_UNREAD_MAX)
			return true;
	return false;
}

bool core_is_busy(const struct core *core)
{
	return !list_empty(&core->sessions) || !list_empty(&core->writable) ||
	       !list_empty(&core->outputs) || core_has_backlog(core);
}

bool core_turn(struct core *core)
{
	core->n_turns++;
	timers_run(&core->timers, core->clock->now_usec);
	core_turn_sessions(core);
	core_next_shares(core);
	core_free_dead(core);
	budget_turn(core); /* last: it sees what was freed */
	return core_is_busy(core);
}

uint64_t core_next_deadline(const struct core *core)
{
	return timers_next(&core->timers);
}

/* ---- the end, and what is told of all ---- */

void core_shutdown(struct core *core, const char *reason)
{
	struct client *c;

	core->shutting_down = true;
	list_for_each(c, &core->clients, link) {
		if (!c->greeted)
			continue;
		frame_begin_notification(&core->scratch, "shutdown", 1);
		frame_put_str(&core->scratch, "reason", reason);
		client_send(c);
	}
}

bool core_clients_drained(const struct core *core)
{
	struct client *c;

	list_for_each(c, &core->clients, link)
		if (bytes_n(&c->out) && !c->broken)
			return false;
	return true;
}

void core_stats(const struct core *core, struct core_stats *ret)
{
	*ret = (struct core_stats){
		.n_sessions = core->registry.n,
		.n_live = core->n_live,
		.n_clients = core->n_clients,
		.n_attachments = core->n_attachments,
		.memory_bytes = ledger_held(&core->memory),
	};
}
