#include "daemon/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "common/io/tls.h"
#include "common/paths.h"
#include "common/text.h"
#include "daemon/call.h"
#include "daemon/conn.h"
#include "daemon/pool.h"

/* ---- identity ----------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool endpoint_id_equal(const struct endpoint_id *a, const struct endpoint_id *b)
{
	return url_equal(&a->url, &b->url) && same(a->auth, b->auth) &&
	       same(a->entity, b->entity) && same(a->project, b->project) &&
	       same(a->ca_file, b->ca_file) && same(a->proxy, b->proxy) &&
	       a->configured == b->configured && secret_equal(a->key, b->key);
}

void endpoint_id_done(struct endpoint_id *id)
{
	free(id->auth);
	free(id->entity);
	free(id->project);
	free(id->ca_file);
	free(id->proxy);
	secret_free(id->key);
	*id = (struct endpoint_id){ 0 };
}

bool endpoint_is_wandb(const struct endpoint *ep)
{
	return ep->id.auth && strcmp(ep->id.auth, "wandb") == 0;
}

static uint64_t now_of(const struct endpoint *ep)
{
	return loop_now(ep->pool->loop);
}

/* ---- ends --------------------------------------------------------------------------------------- */

void endpoint_fail_waiting(struct endpoint *ep, const struct grpc_status *st)
{
	struct list ending; /* a call that starts anew on its end must not be ended again */

	list_init(&ending);
	while (!list_empty(&ep->waiting)) {
		struct list *first = ep->waiting.next;

		list_unlink(first);
		list_append(&ending, first);
	}
	while (!list_empty(&ending))
		call_fail(list_first(&ending, struct call, link), st);
}

_printf_(3, 4) static void fail_waiting(
	struct endpoint *ep, const char *reason, const char *fmt, ...)
{
	struct grpc_status st = { 0 };
	char why[ENDPOINT_WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	grpc_status_set(
		&st, reason ? GRPC_FAILED_PRECONDITION : GRPC_UNAVAILABLE, reason, "%s", why);
	st.transport = true;
	endpoint_fail_waiting(ep, &st);
	grpc_status_done(&st);
}

/* ---- the key of the configured source ----------------------------------------------------------- */

const struct secret *endpoint_key(const struct endpoint *ep)
{
	return ep->id.key ? ep->id.key : ep->source_key;
}

static void set_source_key(struct endpoint *ep, struct secret *key)
{
	secret_free(ep->source_key);
	ep->source_key = key;
	ep->key_state = ENDPOINT_KEY_READY;
}

/* The environment's key is what it was: nobody would bring another. */
void endpoint_key_rejected(struct endpoint *ep)
{
	const struct cfg *cfg = ep->pool->cfg;

	if (ep->id.configured && (cfg->key_file || cfg->key_command) &&
		ep->key_state == ENDPOINT_KEY_READY)
		ep->key_state = ENDPOINT_KEY_WANTED;
}

/* One line of visible ASCII, as a key file. */
static int key_from_text(const char *text, size_t n, struct secret **ret)
{
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (n == 0)
		return -ENODATA;
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return -EBADMSG;
	return secret_new(ret, text, n);
}

static void on_key_command(struct launch *l, int r, const char *text, size_t n)
{
	struct endpoint *ep = container_of(l, struct endpoint, launch);
	struct secret *key = NULL;

	ep->key_state = ENDPOINT_KEY_WANTED;
	if (r < 0)
		return fail_waiting(ep, POOL_NO_KEY, "%.*s", (int)n, text);
	r = key_from_text(text, n, &key);
	if (r < 0)
		return fail_waiting(ep, POOL_NO_KEY,
			"The key command's output is not one line of visible ASCII characters.");
	set_source_key(ep, key);
}

static void ask_key_command(struct endpoint *ep, const char *command)
{
	int r;

	ep->launch.on_done = on_key_command;
	r = launcher_ask(
		ep->pool->launcher, &ep->launch, LAUNCH_KEY_COMMAND, command, strlen(command));
	if (r < 0)
		return fail_waiting(
			ep, POOL_NO_KEY, "The key command cannot be started: %s.", strerror(-r));
	ep->key_state = ENDPOINT_KEY_ASKED;
}

static void read_key_file(struct endpoint *ep, const char *path)
{
	char why[PATHS_WHY_MAX];
	struct secret *key = NULL;
	char *text = NULL;
	int r;

	r = paths_read_key(path, &text, why);
	if (r < 0)
		return fail_waiting(ep, POOL_NO_KEY, "%s", why);
	r = secret_new(&key, text, strlen(text));
	explicit_bzero(text, strlen(text));
	free(text);
	if (r < 0)
		return fail_waiting(ep, POOL_NO_KEY, "The key cannot be held: %s.", strerror(-r));
	set_source_key(ep, key);
}

/* Whether calls may start; else the source was asked, or those that wait were told why not. */
static bool has_key(struct endpoint *ep)
{
	const struct cfg *cfg = ep->pool->cfg;

	if (!ep->id.configured || ep->key_state == ENDPOINT_KEY_READY)
		return true;
	if (ep->key_state == ENDPOINT_KEY_ASKED)
		return false;
	if (cfg->key_file)
		read_key_file(ep, cfg->key_file);
	else if (cfg->key_command)
		ask_key_command(ep, cfg->key_command);
	return ep->key_state == ENDPOINT_KEY_READY;
}

/* ---- dialing ------------------------------------------------------------------------------------ */

static void retry_at(struct endpoint *ep, uint64_t at_usec)
{
	uint64_t now = now_of(ep), left = at_usec > now ? at_usec - now : 0;
	struct timeval tv = { .tv_sec = (time_t)(left / USEC_PER_SEC),
		.tv_usec = (suseconds_t)(left % USEC_PER_SEC) };

	ep->dial_after_usec = at_usec;
	event_add(ep->retry, &tv); /* it only wakes the loop: the turn's end pumps */
}

static void on_local_ended(struct launch *l, int r, const char *text, size_t n)
{
	struct endpoint *ep = container_of(l, struct endpoint, launch);
	static const char said_by[] = "cwsandbox-local: ";

	if (r == 0 || ep->local.phase != LOCAL_STARTING)
		return;
	if (n > sizeof(said_by) && memcmp(text, said_by, strlen(said_by)) == 0) {
		text += strlen(said_by);
		n -= strlen(said_by);
	}
	text_encode(ep->local.why, sizeof(ep->local.why), text, n);
	ep->local.phase = LOCAL_ENDED;
	ep->local.ended_usec = now_of(ep);
	retry_at(ep, now_of(ep) + LOCAL_POLL_USEC);
}

static void start_local(struct endpoint *ep)
{
	_cleanup_(freep) char *command = NULL;
	char why[LOCAL_WHY_MAX];
	size_t n = 0;
	int r;

	r = local_command(&command, &n, why);
	if (r < 0)
		return fail_waiting(ep, NULL, "%s", why);
	journal_say(
		ep->pool->journal, JOURNAL_NOTICE, "starting the embedded service, %s", command);
	launch_cancel(&ep->launch); /* one started before may still be watched */
	ep->launch.on_done = on_local_ended;
	r = launcher_ask(ep->pool->launcher, &ep->launch, LAUNCH_DETACHED, command, n);
	if (r < 0)
		return fail_waiting(
			ep, NULL, "The embedded service cannot be started: %s.", strerror(-r));
	ep->local.phase = LOCAL_STARTING;
	ep->local.until_usec = now_of(ep) + LOCAL_START_MAX_USEC;
	retry_at(ep, now_of(ep) + LOCAL_POLL_USEC);
}

/* Another one that holds the lock, be it only just started, has the time that ours had. */
static bool may_come(const struct endpoint *ep)
{
	const struct local *l = &ep->local;

	if (l->phase == LOCAL_ENDED && now_of(ep) >= l->ended_usec + LOCAL_ENDED_USEC &&
		!local_is_held())
		return false;
	return now_of(ep) < l->until_usec;
}

/* The embedded service did not answer, or is not there. */
static void local_failed(struct endpoint *ep, const char *why)
{
	const enum local_phase phase = ep->local.phase;

	if (phase == LOCAL_FOUND)
		return start_local(ep);
	if (may_come(ep))
		return retry_at(ep, now_of(ep) + LOCAL_POLL_USEC);
	ep->local.phase = LOCAL_FOUND;
	if (phase == LOCAL_ENDED)
		return fail_waiting(
			ep, NULL, "The embedded service cannot be started: %s", ep->local.why);
	fail_waiting(ep, NULL,
		"The embedded service was started and does not answer (%s): run cwsandbox-local by "
		"hand to see why.",
		why);
}

static int find_local(struct endpoint *ep, char why[LOCAL_WHY_MAX])
{
	_cleanup_(freep) char *ca = NULL;
	struct secret *token = NULL;
	SSL_CTX *tls = NULL;
	int r;

	r = local_find(&ep->target, &ca, &token, why);
	if (r < 0)
		return r;
	set_source_key(ep, token);
	r = ca ? tls_client_new(&tls, ca, why) : 0;
	if (r < 0)
		return r;
	SSL_CTX_free(ep->tls);
	ep->tls = tls;
	return 0;
}

static uint64_t retry_delay(unsigned n_failures)
{
	uint64_t delay = ENDPOINT_RETRY_MIN_USEC << (n_failures < 8 ? n_failures - 1 : 7);

	return delay < ENDPOINT_RETRY_MAX_USEC ? delay : ENDPOINT_RETRY_MAX_USEC;
}

static bool has_up(const struct endpoint *ep)
{
	struct conn *c;

	list_for_each(c, &ep->conns, link)
		if (c->state == CONN_UP)
			return true;
	return false;
}

static void dial_failed(struct endpoint *ep, const char *why)
{
	ep->n_failures++;
	ep->dial_after_usec = now_of(ep) + retry_delay(ep->n_failures);
	journal_say(ep->pool->journal, JOURNAL_INFO, "%s cannot be reached: %s", ep->name, why);
	if (!has_up(ep)) /* else they wait for room on what is there */
		fail_waiting(ep, NULL, "%s", why);
}

void endpoint_dial_failed(struct endpoint *ep, const char *why)
{
	if (ep->id.url.is_local && !ep->pool->closing)
		return local_failed(ep, why);
	dial_failed(ep, why);
}

static void dial(struct endpoint *ep)
{
	char why[LOCAL_WHY_MAX] = "";
	struct conn *conn;
	int r = 0;

	if (ep->id.url.is_local) {
		r = find_local(ep, why);
		if (r == -EMFILE || r == -ENFILE) /* whether it runs is not known */
			return dial_failed(ep, "no file descriptor is left in cwsandboxd; end "
					       "something, or raise its limit (ulimit -n)");
		if (r < 0)
			return local_failed(ep, why);
	}
	r = conn_dial(&conn, ep);
	if (r < 0)
		endpoint_dial_failed(ep, strerror(-r));
}

void endpoint_dial_done(struct endpoint *ep)
{
	ep->n_failures = 0;
	ep->dial_after_usec = 0;
	ep->local.phase = LOCAL_FOUND;
}

/* ---- a turn ------------------------------------------------------------------------------------- */

int endpoint_enqueue(struct endpoint *ep, struct call *call)
{
	if (ep->n_waiting >= ENDPOINT_WAITING_MAX || ep->pool->closing)
		return -EAGAIN;
	ep->n_waiting++;
	list_append(&ep->waiting, &call->link);
	return 0;
}

static struct conn *pick(struct endpoint *ep)
{
	struct conn *c;

	list_for_each(c, &ep->conns, link)
		if (conn_has_room(c))
			return c;
	return NULL;
}

static void end_cancelled(struct endpoint *ep)
{
	struct call *c;

	list_for_each(c, &ep->waiting, link)
		if (c->cancelled)
			call_fail(c, &c->end);
}

/* Until no connection has room. */
static void give_calls(struct endpoint *ep)
{
	while (!list_empty(&ep->waiting)) {
		struct call *call = list_first(&ep->waiting, struct call, link);
		struct conn *conn = pick(ep);
		struct grpc_status st = { 0 };
		int r;

		if (!conn)
			return;
		r = call_begin(call, conn);
		if (r == H2_E_BUSY)
			return;
		if (r == 0)
			continue;
		grpc_status_set(&st, GRPC_INTERNAL, NULL, "%s", strerror(-r));
		call_fail(call, &st);
		grpc_status_done(&st);
	}
}

static bool may_dial(const struct endpoint *ep)
{
	size_t n = 0;
	struct conn *c;

	if (ep->pool->closing)
		return false;
	list_for_each(c, &ep->conns, link) {
		if (conn_is_coming(c))
			return false;
		n += c->state == CONN_UP;
	}
	return n < ep->pool->cfg->max_connections;
}

size_t endpoint_full(const struct endpoint *ep)
{
	size_t n_streams = 0, n = 0;
	struct conn *c;

	list_for_each(c, &ep->conns, link) {
		if (conn_is_coming(c) || conn_has_room(c))
			return 0;
		if (c->state != CONN_UP)
			continue;
		n_streams += conn_n_calls(c);
		n++;
	}
	return n < ep->pool->cfg->max_connections ? 0 : n_streams;
}

void endpoint_pump(struct endpoint *ep)
{
	end_cancelled(ep);
	if (list_empty(&ep->waiting) || !has_key(ep))
		return;
	give_calls(ep);
	if (list_empty(&ep->waiting) || !may_dial(ep))
		return;
	if (now_of(ep) < ep->dial_after_usec)
		return retry_at(ep, ep->dial_after_usec);
	dial(ep);
}

/* ---- life --------------------------------------------------------------------------------------- */

static void on_retry(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
}

int endpoint_new(struct endpoint **ret, struct pool *pool, struct endpoint_id *id)
{
	struct endpoint *ep = calloc(1, sizeof(*ep));
	const char *why;

	if (!ep)
		return -ENOMEM;
	ep->retry = evtimer_new(pool->loop->base, on_retry, NULL);
	if (!ep->retry) {
		free(ep);
		return -ENOMEM;
	}
	ep->pool = pool;
	ep->id = *id;
	*id = (struct endpoint_id){ 0 };
	list_init(&ep->conns);
	list_init(&ep->waiting);
	list_init(&ep->link);
	ep->target = ep->id.url;
	if (ep->id.proxy && url_parse_proxy(&ep->proxy, ep->id.proxy, &why) < 0) {
		endpoint_free(ep);
		return -EINVAL;
	}
	url_format(&ep->id.url, ep->name);
	*ret = ep;
	return 0;
}

struct endpoint *endpoint_free(struct endpoint *ep)
{
	if (!ep)
		return NULL;
	list_unlink(&ep->link);
	launch_cancel(&ep->launch);
	event_free(ep->retry);
	SSL_CTX_free(ep->tls);
	secret_free(ep->source_key);
	endpoint_id_done(&ep->id);
	free(ep);
	return NULL;
}

void endpoint_ref(struct endpoint *ep)
{
	ep->n_ref++;
}

void endpoint_unref(struct endpoint *ep)
{
	ep->n_ref--;
}

bool endpoint_is_idle(const struct endpoint *ep)
{
	return ep->n_ref == 0 && list_empty(&ep->conns);
}
