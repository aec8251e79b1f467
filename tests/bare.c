#include "tests/bare.h"

#include <assert.h>
#include <string.h>

/* ---- the far side ---- */

static void on_wake(void *upstream)
{
	(void)upstream; /* bare_turns() reads all the time */
}

static void on_consume(void *upstream, size_t n)
{
	struct bare_upstream *up = upstream;

	up->consumed += n;
	assert(up->consumed <= up->sent);
}

static void on_resize(void *upstream, unsigned cols, unsigned rows)
{
	(void)upstream;
	assert(cols && rows && cols <= SIZE_COLS_MAX && rows <= SIZE_ROWS_MAX);
}

static int on_signal(void *upstream, enum upstream_signal sig)
{
	(void)upstream, (void)sig;
	return UPSTREAM_E_NOT_SUPPORTED;
}

static void on_close(void *upstream)
{
	struct bare_upstream *up = upstream;

	assert(up->session);
	up->session = NULL;
}

static const struct upstream_ops ops = { on_wake, on_consume, on_resize, on_signal, on_close,
	NULL };

static int on_endpoint_use(void *rim, const struct upstream_endpoint *which, struct endpoint **ret,
	const char **ret_why)
{
	(void)which, (void)ret_why;
	*ret = rim;
	return 0;
}

static void on_endpoint_drop(void *rim, struct endpoint *ep)
{
	(void)rim, (void)ep;
}

static int on_open(void *rim, struct endpoint *ep, struct session *session,
	const struct upstream_spec *spec, const struct upstream_ops **ret_ops, void **ret_upstream)
{
	struct bare *bare = rim;
	struct bare_upstream *up;

	(void)ep;
	assert(spec->sandbox_id);
	for (size_t i = 0; i < spec->n_argv; i++)
		assert(spec->argv[i]);
	if (bare->n_up == BARE_N_UP)
		return -ENOMEM;
	up = &bare->up[bare->n_up++];
	*up = (struct bare_upstream){ .session = session };
	*ret_ops = &ops;
	*ret_upstream = up;
	return 0;
}

static int on_request(void *rim, struct endpoint *ep, struct request *request)
{
	struct bare *bare = rim;

	(void)ep;
	bare->request = request;
	return 0;
}

static void on_request_cancel(void *rim, struct request *request)
{
	struct bare *bare = rim;

	if (bare->request == request)
		bare->request = NULL;
}

static const struct upstream_service service = { on_endpoint_use, on_endpoint_drop, on_open,
	on_request, on_request_cancel, NULL };

void bare_output(struct bare *bare, const uint8_t *data, size_t n, unsigned stream)
{
	size_t max = bare->core->config.log_bytes;

	for (size_t i = 0; i < bare->n_up; i++) {
		struct bare_upstream *up = &bare->up[i];
		size_t l = min_size(n, max + up->consumed - up->sent);
		int r;

		if (!up->session || session_ended(up->session))
			continue;
		r = session_output(up->session, data, l, stream);
		assert(r == 0 || r == -ENOMEM);
		if (!r)
			up->sent += l;
	}
}

static void read_input(struct bare *bare)
{
	uint8_t buf[100];
	bool end;

	for (size_t i = 0; i < bare->n_up; i++)
		if (bare->up[i].session)
			(void)session_input_read(bare->up[i].session, buf, sizeof(buf), &end);
}

/* ---- clients ---- */

/* What was received is frames, whole or about to be. */
static void check_frames(struct bare_client *to)
{
	size_t used, at = 0;
	struct frame f;
	int r;

	while (at < to->n_rx && frame_scan(to->rx + at, to->n_rx - at, &used) == 0) {
		r = frame_open(&f, to->rx + at, used);
		assert(r == 0 || r == -ENOMEM);
		if (r == 0) {
			assert(f.kind == FRAME_RESPONSE || f.kind == FRAME_NOTIFICATION);
			frame_close(&f);
		}
		to->n_frames++;
		at += used;
	}
	r = at < to->n_rx ? frame_scan(to->rx + at, to->n_rx - at, &used) : 0;
	assert(r == 0 || r == FRAME_E_PENDING);
	memmove(to->rx, to->rx + at, to->n_rx - at);
	to->n_rx -= at;
}

static void flush(struct bare_client *to)
{
	struct iovec iov[CLIENT_IOV_MAX];
	size_t n = client_gather(to->client, iov, CLIENT_IOV_MAX), taken = 0, l;
	size_t room = min_size(to->room, sizeof(to->rx) - to->n_rx);

	for (size_t i = 0; i < n && taken < room; i++) {
		l = min_size(iov[i].iov_len, room - taken);
		memcpy(to->rx + to->n_rx, iov[i].iov_base, l);
		to->n_rx += l;
		taken += l;
	}
	if (n)
		client_advance(to->client, taken);
	check_frames(to);
	if (!client_finished(to->client))
		return;
	client_close(to->client);
	to->client = NULL;
}

void bare_feed(struct bare *bare, size_t client, const uint8_t *data, size_t n)
{
	struct client *c = bare->clients[client].client;

	if (c && client_wants_read(c))
		client_feed(c, data, n);
}

void bare_turns(struct bare *bare, uint64_t usec)
{
	struct client *c;
	bool more = true;
	size_t n = 0;

	while (more) {
		read_input(bare);
		for (c = core_next_client(bare->core); c; c = core_next_client(bare->core))
			flush(client_rim(c));
		more = core_turn(bare->core);
		assert(n++ < 10000); /* never busy with nothing */
	}
	for (size_t i = 0; i < BARE_N_CLIENTS; i++)
		if (bare->clients[i].client)
			client_writable(bare->clients[i].client);
	bare->clock.now_usec += usec;
	bare->clock.wall_usec += usec;
}

/* ---- life ---- */

int bare_init(struct bare *bare, size_t log_bytes, bool second_observes)
{
	struct core_config config;
	int r;

	memset(bare, 0, sizeof(*bare));
	bare->clock.now_usec = bare->clock.wall_usec = 1000 * USEC_PER_SEC;
	core_config_defaults(&config);
	config.log_bytes = log_bytes;
	config.boot_id = "boot";
	config.server = "bare";
	r = core_new(&bare->core, &config, &bare->clock, &service, bare);
	for (size_t i = 0; !r && i < BARE_N_CLIENTS; i++) {
		bare->clients[i].room = SIZE_MAX;
		(void)client_new(&bare->clients[i].client, bare->core,
			&(struct client_config){
				.observer = i && second_observes, .rim = &bare->clients[i] });
	}
	return r;
}

void bare_done(struct bare *bare)
{
	core_free(bare->core);
	for (size_t i = 0; i < bare->n_up; i++)
		assert(!bare->up[i].session);
}
