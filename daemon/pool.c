#include "daemon/pool.h"

#include <string.h>

#include "daemon/call.h"
#include "daemon/conn.h"
#include "daemon/endpoint.h"

void pool_open(struct pool *p)
{
	list_init(&p->endpoints);
	list_init(&p->dirty);
	list_init(&p->dead_conns);
	list_init(&p->graves);
	list_init(&p->paused);
}

uint32_t pool_next_id(struct pool *p)
{
	return ++p->next_id;
}

void pool_conn_dirty(struct conn *c)
{
	if (!list_linked(&c->dirty))
		list_append(&c->pool->dirty, &c->dirty);
}

void pool_bury(struct pool *p, struct grave *g)
{
	list_append(&p->graves, &g->link);
}

void pool_pause(struct pool *p, struct grave *g)
{
	list_append(&p->paused, &g->link);
}

/* ---- which endpoint ----------------------------------------------------------------------------- */

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

static int copy(char **ret, const char *text)
{
	if (!text || !*text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static bool has_source(const struct pool *p)
{
	return p->env_key || p->cfg->key_file || p->cfg->key_command;
}

const char *pool_default_url(const struct pool *p)
{
	if (p->cfg->url)
		return p->cfg->url;
	return has_source(p) || p->cfg->auth ? URL_DEFAULT : URL_LOCAL;
}

static const char *either(const char *first, const char *second)
{
	return first && *first ? first : second;
}

/* The endpoint of a client that names no URL. One with a key or an auth mode means the service, as it would
 * without a daemon; the embedded one is for those who have neither. */
static struct upstream_endpoint configured_endpoint(
	const struct pool *p, const struct upstream_endpoint *which)
{
	const struct cfg *cfg = p->cfg;
	bool meant = which->key || either(which->auth, NULL);

	return (struct upstream_endpoint){
		.url = meant && !cfg->url ? URL_DEFAULT : pool_default_url(p),
		.auth = either(which->auth, cfg->auth),
		.entity = either(which->entity, cfg->entity),
		.project = either(which->project, cfg->project),
		.ca_file = either(which->ca_file, cfg->ca_file),
		.proxy = either(which->proxy, cfg->proxy),
		.key = which->key,
	};
}

static bool is_configured_url(const struct pool *p, const struct url *u)
{
	struct url ours;
	const char *why;

	return url_parse(&ours, pool_default_url(p), &why) == 0 && url_equal(&ours, u);
}

/* A key goes in clear text only with a URL of its own source. */
static bool source_fits(const struct pool *p, const struct url *u)
{
	return u->tls || (p->cfg->url && p->cfg->url_from_env == (p->env_key != NULL));
}

static int choose_key(const struct pool *p, const struct upstream_endpoint *which,
	struct endpoint_id *id, const char **ret_why)
{
	static const char clear[] = "The key and the http:// URL come from different places: a key "
				    "goes in clear text only to a URL given with it.";

	if (id->url.is_local)
		return 0; /* it has its own */
	for (const char *c = which->key; c && *c; c++)
		if (*c <= ' ' || *c > '~')
			return refuse(ret_why,
				"The key must be visible ASCII without blanks, in one "
				"line: look at what CWSANDBOX_API_KEY (for W&B, "
				"WANDB_API_KEY) holds.");
	if (which->key && !id->url.tls && !which->key_with_url)
		return refuse(ret_why, clear);
	if (which->key)
		return secret_new(&id->key, which->key, strlen(which->key));
	id->configured = has_source(p) && is_configured_url(p, &id->url);
	if (id->configured && !source_fits(p, &id->url))
		return refuse(ret_why, clear);
	return 0;
}

/* Loopback is never proxied. */
static int choose_proxy(const struct pool *p, const struct upstream_endpoint *which,
	struct endpoint_id *id, const char **ret_why)
{
	struct url proxy;
	int r;

	if (!which->proxy || !*which->proxy || id->url.loopback || id->url.is_local ||
		url_in_no_proxy(&id->url, p->cfg->no_proxy))
		return 0;
	r = url_parse_proxy(&proxy, which->proxy, ret_why);
	return r < 0 ? r : copy(&id->proxy, which->proxy);
}

static int check_words(const struct upstream_endpoint *which, bool wandb, const char **ret_why)
{
	if (which->auth && *which->auth && !wandb && strcmp(which->auth, "coreweave_api_key") != 0)
		return refuse(ret_why, "The auth mode must be coreweave_api_key or wandb.");
	if (which->ca_file && *which->ca_file && which->ca_file[0] != '/')
		return refuse(ret_why, "The CA file must be given as an absolute path.");
	return 0;
}

/* Entity and project are W&B's alone; the embedded service has a CA of its own. */
static int copy_words(const struct upstream_endpoint *which, bool wandb, struct endpoint_id *id)
{
	int r = copy(&id->auth, wandb ? "wandb" : NULL);

	if (r == 0 && wandb)
		r = copy(&id->entity, which->entity);
	if (r == 0 && wandb)
		r = copy(&id->project, which->project);
	if (r == 0 && !id->url.is_local)
		r = copy(&id->ca_file, which->ca_file);
	return r;
}

static int build_id(const struct pool *p, const struct upstream_endpoint *which,
	struct endpoint_id *id, const char **ret_why)
{
	bool wandb = which->auth && strcmp(which->auth, "wandb") == 0;
	int r;

	r = url_parse(&id->url, which->url, ret_why);
	if (r < 0)
		return r;
	r = check_words(which, wandb, ret_why);
	if (r < 0)
		return r;
	r = choose_proxy(p, which, id, ret_why);
	if (r < 0)
		return r;
	r = copy_words(which, wandb, id);
	return r < 0 ? r : choose_key(p, which, id, ret_why);
}

static struct endpoint *find(struct pool *p, const struct endpoint_id *id)
{
	struct endpoint *ep;

	list_for_each(ep, &p->endpoints, link)
		if (endpoint_id_equal(&ep->id, id))
			return ep;
	return NULL;
}

static int make(struct pool *p, struct endpoint_id *id, struct endpoint **ret, const char **ret_why)
{
	_cleanup_(endpoint_freep) struct endpoint *ep = NULL;
	int r;

	if (p->n_endpoints >= POOL_ENDPOINTS_MAX)
		return refuse(ret_why,
			"Too many endpoints are in use: end sessions, or restart cwsandboxd.");
	r = endpoint_new(&ep, p, id);
	if (r < 0)
		return r;
	if (ep->id.url.tls) {
		r = tls_client_new(&ep->tls, ep->id.ca_file, p->why);
		if (r < 0)
			return refuse(ret_why, p->why);
	}
	if (ep->id.configured && p->env_key) {
		r = secret_new(&ep->source_key, secret_text(p->env_key), secret_length(p->env_key));
		if (r < 0)
			return r;
		ep->key_state = ENDPOINT_KEY_READY;
	}
	list_append(&p->endpoints, &ep->link);
	p->n_endpoints++;
	*ret = TAKE(ep);
	return 0;
}

int pool_use(struct pool *p, const struct upstream_endpoint *which, struct endpoint **ret,
	const char **ret_why)
{
	_cleanup_(endpoint_id_done) struct endpoint_id id = { 0 };
	struct upstream_endpoint ours;
	struct endpoint *ep;
	int r;

	*ret_why = "The daemon is out of memory for this endpoint.";
	if (!which->url || !*which->url) {
		ours = configured_endpoint(p, which);
		which = &ours;
	}
	r = build_id(p, which, &id, ret_why);
	if (r < 0)
		return r;
	ep = find(p, &id);
	if (!ep) {
		r = make(p, &id, &ep, ret_why);
		if (r < 0)
			return r;
	}
	endpoint_ref(ep);
	*ret = ep;
	return 0;
}

/* ---- a turn ------------------------------------------------------------------------------------- */

static void free_graves(struct list *graves)
{
	while (!list_empty(graves)) {
		struct grave *g = list_first(graves, struct grave, link);

		list_unlink(&g->link);
		g->free(g);
	}
}

static void free_dead(struct pool *p)
{
	struct endpoint *ep;

	while (!list_empty(&p->dead_conns))
		conn_free(list_first(&p->dead_conns, struct conn, link));
	free_graves(&p->graves);
	list_for_each(ep, &p->endpoints, link)
		if (endpoint_is_idle(ep)) {
			endpoint_free(ep);
			p->n_endpoints--;
		}
}

static void flush_dirty(struct pool *p)
{
	struct list todo;

	list_init(&todo);
	while (!list_empty(&p->dirty)) {
		struct list *first = p->dirty.next;

		list_unlink(first);
		list_append(&todo, first);
	}
	while (!list_empty(&todo)) {
		struct conn *c = list_first(&todo, struct conn, dirty);

		list_unlink(&c->dirty);
		conn_flush(c);
		conn_settle(c);
	}
}

void pool_flush(struct pool *p)
{
	struct endpoint *ep;

	list_for_each(ep, &p->endpoints, link)
		endpoint_pump(ep);
	flush_dirty(p);
	free_dead(p);
}

static void each_conn(struct pool *p, void (*fn)(struct conn *c))
{
	struct endpoint *ep;
	struct conn *c;

	list_for_each(ep, &p->endpoints, link)
		list_for_each(c, &ep->conns, link)
			fn(c);
}

void pool_look(struct pool *p)
{
	each_conn(p, conn_look);
}

bool pool_is_busy(const struct pool *p)
{
	return !list_empty(&p->dirty) || !list_empty(&p->graves);
}

/* ---- the end ------------------------------------------------------------------------------------ */

void pool_close(struct pool *p)
{
	each_conn(p, conn_close);
}

static void end_endpoint(struct endpoint *ep)
{
	struct grpc_status st = { 0 };
	struct conn *c;

	grpc_status_set(&st, GRPC_CANCELLED, NULL, "The daemon is shutting down.");
	st.transport = true;
	endpoint_fail_waiting(ep, &st);
	list_for_each(c, &ep->conns, link)
		conn_kill(c, "the daemon is shutting down");
	grpc_status_done(&st);
}

void pool_end(struct pool *p)
{
	struct endpoint *ep;

	p->closing = true;
	list_for_each(ep, &p->endpoints, link)
		end_endpoint(ep);
	flush_dirty(p);
	free_graves(&p->paused);
	free_dead(p);
	list_for_each(ep, &p->endpoints, link)
		endpoint_free(ep);
}
