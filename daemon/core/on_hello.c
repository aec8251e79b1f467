/* hello: versions, who the client is, where its environment points. */
#include <string.h>

#include "daemon/core/methods.h"

#define VERSION_MIN 1
#define VERSION_MAX 1

static void keep_text(char *out, size_t cap, const struct frame *f, const char *field)
{
	struct frame_span s;

	if (param_span(f, field, &s))
		text_encode(out, cap, s.data, s.n);
}

static void refuse_version(struct client *c, const struct frame *f, uint64_t min, uint64_t max)
{
	struct frame_out *o = &c->core->scratch;

	frame_begin_error(o, f->id, "version",
		max < VERSION_MIN ? "This client is older than the daemon; update the client, or "
				    "restart the older daemon."
				  : "This daemon is older than the client; restart it: cwsandbox "
				    "daemon restart.",
		4);
	frame_put_u64(o, "min", VERSION_MIN);
	frame_put_u64(o, "max", VERSION_MAX);
	frame_put_u64(o, "client_min", min);
	frame_put_u64(o, "client_max", max);
	client_send(c);
	client_fail(c);
}

static const char *endpoint_text(
	const struct frame *f, const msgpack_object *map, const char *field, int *r)
{
	struct frame_span s;
	const char *copy;

	if (frame_get_str(map, field, &s) || s.n == 0)
		return NULL;
	copy = frame_dup(f, &s);
	if (!copy)
		*r = -ENOMEM;
	return copy;
}

static int endpoint_use(struct client *c, const struct upstream_endpoint *which)
{
	struct core *core = c->core;
	const char *why = NULL;
	int r;

	r = core->service->endpoint_use(core->rim, which, &c->endpoint, &why);
	if (r == -ENOMEM)
		return r;
	if (r)
		c->endpoint_why =
			strdup(why ? why : "The endpoint of this connection is not usable.");
	return 0; /* what needs it is refused with endpoint_why */
}

/* The key's copy is wiped here; the frame's own bytes by who holds them. */
static int hello_endpoint(struct client *c, const struct frame *f)
{
	const msgpack_object *map = frame_get(f->params, "endpoint");
	struct upstream_endpoint which = { .key_with_url = param_bool(f, "key_with_url", false) };
	struct frame_span key = { .n = 0 };
	char *copy = NULL;
	int r = 0;

	which.url = endpoint_text(f, map, "url", &r);
	which.auth = endpoint_text(f, map, "auth", &r);
	which.entity = endpoint_text(f, map, "entity", &r);
	which.project = endpoint_text(f, map, "project", &r);
	which.ca_file = endpoint_text(f, map, "ca_file", &r);
	which.proxy = endpoint_text(f, map, "proxy", &r);
	if (param_span(f, "key", &key) && key.n) {
		copy = frame_dup(f, &key);
		r = copy ? r : -ENOMEM;
	}
	which.key = copy;
	if (!r)
		r = endpoint_use(c, &which);
	if (copy)
		explicit_bzero(copy, key.n);
	return r;
}

static void hello_welcome(struct client *c, const struct frame *f)
{
	const struct core_config *config = &c->core->config;
	struct frame_out *o = &c->core->scratch;

	frame_begin_result(o, f->id, 7);
	frame_put_u64(o, "version", VERSION_MAX);
	frame_put_str(o, "server", config->server);
	frame_put_i64(o, "pid", config->pid);
	frame_put_str(o, "boot_id", config->boot_id);
	frame_put_bool(o, "observer", c->observer);
	frame_put_array(o, "features", 1); /* what this version had not from its beginning */
	frame_add_str(o, "input_refused");
	frame_put_map(o, "limits", 3);
	frame_put_u64(o, "frame", FRAME_MAX);
	frame_put_u64(o, "window", CORE_WINDOW_MAX);
	frame_put_u64(o, "input_window", CORE_INPUT_WINDOW);
	client_send(c);
}

void on_hello(struct client *c, const struct frame *f)
{
	uint64_t min = 0, max = 0;
	int r;

	if (c->greeted) {
		client_refuse(c, f, "denied",
			"`hello` comes once; a changed environment is a new connection.");
		return;
	}
	param_int(f, "min", &min);
	param_int(f, "max", &max);
	if (max < VERSION_MIN || min > VERSION_MAX || min > max) {
		refuse_version(c, f, min, max);
		return;
	}
	r = hello_endpoint(c, f);
	if (r) {
		refuse_memory(c, f);
		return;
	}
	keep_text(c->name, sizeof(c->name), f, "client");
	keep_text(c->term, sizeof(c->term), f, "term");
	keep_text(c->tty, sizeof(c->tty), f, "tty_name");
	param_int(f, "pid", &c->pid_told);
	c->greeted = true;
	c->core->n_clients_before_hello--;
	list_unlink(&c->hello_link);
	timer_stop(&c->core->timers, &c->timer);
	hello_welcome(c, f);
}
