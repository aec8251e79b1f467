#include "daemon/server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/endpoint.h"
#include "daemon/local.h"
#include "daemon/notify.h"
#include "daemon/sandboxes.h"
#include "daemon/secret.h"
#include "daemon/stream.h"

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

/* ---- what the core asks of us ------------------------------------------------------------------- */

static int on_endpoint_use(void *rim, const struct upstream_endpoint *which, struct endpoint **ret,
	const char **ret_why)
{
	struct server *s = rim;

	return pool_use(&s->pool, which, ret, ret_why);
}

static void on_endpoint_drop(void *rim, struct endpoint *ep)
{
	(void)rim;
	endpoint_unref(ep);
}

static int on_open(void *rim, struct endpoint *ep, struct session *session,
	const struct upstream_spec *spec, const struct upstream_ops **ret_ops, void **ret_upstream)
{
	struct server *s = rim;

	return stream_open(&s->pool, ep, session, spec, ret_ops, ret_upstream);
}

static int on_request(void *rim, struct endpoint *ep, struct request *req)
{
	struct server *s = rim;

	if (req->kind == REQUEST_DAEMON_STATUS)
		return status_answer(s, req);
	if (req->kind == REQUEST_DAEMON_SHUTDOWN)
		return status_shutdown(s, req);
	return sandboxes_ask(&s->pool, ep, req);
}

static void on_request_cancel(void *rim, struct request *req)
{
	(void)rim;
	if (req->rim)
		sandboxes_cancel(req);
}

static const struct upstream_service service = {
	.endpoint_use = on_endpoint_use,
	.endpoint_drop = on_endpoint_drop,
	.open = on_open,
	.request = on_request,
	.request_cancel = on_request_cancel,
};

/* ---- the turn ----------------------------------------------------------------------------------- */

static void arm_turn(struct server *s)
{
	uint64_t due = core_next_deadline(s->core), now = s->loop.clock.now_usec, left;
	struct timeval tv;

	if (s->stopping && s->drain_until_usec < due)
		due = s->drain_until_usec;
	if (due == CORE_NO_DEADLINE) {
		event_del(s->ev_turn);
		return;
	}
	left = due > now ? due - now : 0;
	tv = (struct timeval){ .tv_sec = (time_t)(left / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(left % USEC_PER_SEC) };
	event_add(s->ev_turn, &tv);
}

static void flush_clients(struct server *s)
{
	for (struct client *c = core_next_client(s->core); c; c = core_next_client(s->core))
		client_io_flush(client_rim(c));
}

/* Last in a turn: what they had said was heard in it, or memory came back, and nothing may follow. */
static void unpause_clients(struct server *s)
{
	struct client_io *io;

	list_for_each(io, &s->paused, paused_link)
		client_io_unpause(io);
}

static void free_clients(struct server *s)
{
	while (!list_empty(&s->dead_clients))
		client_io_free(list_first(&s->dead_clients, struct client_io, link));
}

/* The end has come when everybody has what was owed, or had the time to take it. */
static void check_end(struct server *s)
{
	if (s->stopping &&
		(core_clients_drained(s->core) || s->loop.clock.now_usec >= s->drain_until_usec))
		loop_stop(&s->loop);
}

/* Input up, output down, screens, window back, the dead. True: work is left. */
static bool server_flush(void *arg)
{
	struct server *s = arg;

	pool_flush(&s->pool);
	flush_clients(s);
	listener_turn(&s->listener);
	listener_turn(&s->observer);
	if (s->stop_asked)
		server_stop(s, "asked by a client");
	core_turn(s->core);
	unpause_clients(s);
	pool_flush(&s->pool);
	free_clients(s);
	check_end(s);
	arm_turn(s);
	return core_is_busy(s->core) || pool_is_busy(&s->pool);
}

static void on_turn(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg; /* the flush that follows does the work */
}

/* ---- signals, watchdog, the end ----------------------------------------------------------------- */

static void on_signal(evutil_socket_t number, short events, void *arg)
{
	struct server *s = arg;

	(void)events;
	if (number == SIGHUP)
		journal_say(s->journal, JOURNAL_NOTICE,
			"SIGHUP: nothing is read again; restart for a new configuration");
	else if (s->stopping)
		loop_stop(&s->loop); /* asked twice */
	else
		server_stop(s, number == SIGTERM ? "terminated" : "interrupted");
}

static void on_watchdog(evutil_socket_t fd, short events, void *arg)
{
	struct server *s = arg;
	struct timeval tv = { .tv_sec = (time_t)(s->watchdog_usec / 2 / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(s->watchdog_usec / 2 % USEC_PER_SEC) };

	(void)fd;
	(void)events;
	notify_say("WATCHDOG=1");
	event_add(s->ev_watchdog, &tv);
}

/* What was lost in a sleep is known now, and not when the timers come to it. */
static void on_resume(void *arg)
{
	struct server *s = arg;

	journal_say(s->journal, JOURNAL_INFO, "the clock was set, or the machine slept");
	loop_now(&s->loop);
	pool_look(&s->pool);
}

void server_fd_freed(struct server *s)
{
	listener_wake(&s->listener);
	listener_wake(&s->observer);
}

void server_stop(struct server *s, const char *reason)
{
	if (s->stopping)
		return;
	journal_say(s->journal, JOURNAL_NOTICE, "shutting down: %s", reason);
	notify_say("STOPPING=1");
	s->stopping = true;
	s->drain_until_usec = loop_now(&s->loop) + SERVER_DRAIN_SEC * USEC_PER_SEC;
	listener_close(&s->listener);
	listener_close(&s->observer);
	core_shutdown(s->core, reason);
}

/* ---- life --------------------------------------------------------------------------------------- */

static int make_boot_id(struct server *s)
{
	uint8_t raw[SERVER_BOOT_ID_CHARS / 2];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return -EIO;
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(s->boot_id + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

static int make_core(struct server *s)
{
	const struct cfg *cfg = s->cfg;
	struct core_config config;
	int r;

	core_config_defaults(&config);
	config.log_bytes = cfg->log_bytes;
	config.window = cfg->window_bytes;
	config.block_timeout_usec = cfg->block_timeout_usec;
	config.linger_usec = cfg->linger_usec;
	config.history_lines = (unsigned)cfg->history_lines;
	config.max_sessions = cfg->max_sessions;
	config.max_clients = cfg->max_clients;
	config.max_attachments = cfg->max_attachments;
	config.max_memory = cfg->max_memory_bytes;
	config.boot_id = s->boot_id;
	config.server = "cwsandboxd " PACKAGE_VERSION;
	config.pid = (int)getpid();
	r = size_parse(cfg->size, strlen(cfg->size), &config.size);
	return r < 0 ? r : core_new(&s->core, &config, &s->loop.clock, &service, s);
}

static int make_events(struct server *s)
{
	s->ev_turn = evtimer_new(s->loop.base, on_turn, s);
	s->ev_watchdog = evtimer_new(s->loop.base, on_watchdog, s);
	if (!s->ev_turn || !s->ev_watchdog)
		return -ENOMEM;
	s->watchdog_usec = notify_watchdog_usec();
	if (s->watchdog_usec)
		on_watchdog(-1, 0, s);
	(void)resume_init(
		&s->resume, &s->loop, on_resume, s); /* without it a loss is known later */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		s->ev_signals[i] = evsignal_new(s->loop.base, signals[i], on_signal, s);
		if (!s->ev_signals[i] || event_add(s->ev_signals[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void connect_parts(struct server *s, const struct server_config *config)
{
	s->journal = config->journal;
	s->cfg = config->cfg;
	s->launcher = config->launcher;
	s->pool.loop = &s->loop;
	s->pool.journal = s->journal;
	s->pool.worker = &s->worker;
	s->pool.launcher = s->launcher;
	s->pool.cfg = s->cfg;
	s->pool.env_key = config->env_key;
	pool_open(&s->pool);
	list_init(&s->clients);
	list_init(&s->paused);
	list_init(&s->dead_clients);
}

static int open_listeners(
	struct server *s, const struct server_config *config, char why[PATHS_WHY_MAX])
{
	_cleanup_(freep) char *path = NULL;
	const char *slash;
	int r;

	r = listener_open(&s->listener, s, config->socket_path, config->socket_fd, false, why);
	if (r < 0 || (!s->cfg->observe && config->observer_fd < 0))
		return r;
	slash = strrchr(s->listener.path, '/');
	if (asprintf(&path, "%.*s/observe.sock", (int)(slash - s->listener.path),
		    s->listener.path) < 0)
		return -ENOMEM;
	return listener_open(&s->observer, s, path, config->observer_fd, true, why);
}

int server_init(struct server *s, const struct server_config *config, char why[PATHS_WHY_MAX])
{
	int r;

	connect_parts(s, config);
	snprintf(why, PATHS_WHY_MAX,
		"The daemon cannot be set up: no memory or file descriptor is left.");
	r = loop_init(&s->loop, server_flush, s);
	if (r == 0)
		r = make_boot_id(s);
	if (r == 0)
		r = make_core(s);
	if (r == -EINVAL || r == -ERANGE)
		snprintf(why, PATHS_WHY_MAX,
			"size: \"%.64s\" is none of lead, latest, smallest, largest or COLSxROWS.",
			s->cfg->size);
	if (r == 0)
		r = make_events(s);
	if (r == 0)
		r = worker_init(&s->worker, &s->loop);
	if (r == 0)
		r = launcher_attach(s->launcher, &s->loop);
	if (r == 0)
		r = open_listeners(s, config, why);
	s->started_usec = s->loop.clock.now_usec;
	return r;
}

int server_run(struct server *s)
{
	notify_say("READY=1");
	return loop_run(&s->loop);
}

static void free_event(struct event *ev)
{
	if (ev)
		event_free(ev);
}

/* Terminals go at once; who asked for it learns by the end of its connection that it is done. */
static void stop_local(struct server *s)
{
	struct client_io *io;

	list_for_each(io, &s->clients, link)
		if (io->client->n_attachments)
			client_io_close(io);
	if (!local_stop(LOCAL_STOP_MAX_USEC))
		journal_say(s->journal, JOURNAL_WARNING,
			"the embedded service was told to end and has not ended yet");
}

void server_done(struct server *s)
{
	listener_close(&s->listener);
	listener_close(&s->observer);
	if (s->stop_local)
		stop_local(s);
	while (!list_empty(&s->clients))
		client_io_close(list_first(&s->clients, struct client_io, link));
	core_free(s->core);
	pool_end(&s->pool);
	free_clients(s);
	launcher_done(s->launcher);
	if (!worker_done(&s->worker))
		_exit(EXIT_SUCCESS); /* a look-up hangs; all else is done */
	free_event(s->ev_turn);
	free_event(s->ev_watchdog);
	resume_done(&s->resume);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		free_event(s->ev_signals[i]);
	loop_done(&s->loop);
	secret_free(s->pool.env_key);
}
