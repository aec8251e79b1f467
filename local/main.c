/* cwsandbox-local: flags, signals, the state folder, the turn */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/io/sock.h"
#include "common/paths.h"
#include "local/direct.h"
#include "local/fault_io.h"
#include "local/options.h"
#include "local/record.h"
#include "local/server.h"
#include "local/state.h"
#include "local/vault.h"

struct program {
	struct options options;
	struct state state;
	struct loop loop;
	struct boxes boxes;
	struct vault vault;
	struct records records;
	struct service service;
	struct server server;
	struct direct direct;
	struct fault_io fault_io;
	SSL_CTX *tls, *direct_tls;
	struct event *ev_term, *ev_int, *ev_hup, *ev_chld;
};

static int complain(const char *why)
{
	fprintf(stderr, "cwsandbox-local: %s\n", why);
	return 1;
}

/* ---- signals ---- */

static void on_stop(evutil_socket_t sig _unused_, short what _unused_, void *arg)
{
	struct program *p = arg;

	state_withdraw(&p->state);
	server_stop(&p->server);
}

static void on_child(evutil_socket_t sig _unused_, short what _unused_, void *arg)
{
	struct program *p = arg;

	boxes_reap(&p->boxes);
}

static bool flush(void *arg)
{
	struct program *p = arg;

	return server_flush(&p->server);
}

static int watch_signals(struct program *p)
{
	const struct {
		struct event **ev;
		int sig;
		event_callback_fn fn;
	} all[] = { { &p->ev_term, SIGTERM, on_stop }, { &p->ev_int, SIGINT, on_stop },
		{ &p->ev_hup, SIGHUP, on_stop }, { &p->ev_chld, SIGCHLD, on_child } };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		*all[i].ev = evsignal_new(p->loop.base, all[i].sig, all[i].fn, p);
		if (!*all[i].ev || event_add(*all[i].ev, NULL))
			return -ENOMEM;
	}
	return 0;
}

/* ---- the start, in the order in which things can fail ---- */

/* Sandboxes are many descriptors; their own limit stays what it was. */
static void raise_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl))
		return;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
}

static int open_images(struct program *p, char why[LAUNCH_WHY_MAX])
{
	struct launcher *l = &p->boxes.launcher;
	char said[LAUNCH_WHY_MAX] = "";
	const struct rootfs_place place = { p->state.fd, p->state.dir, &l->owner };
	int r = rootfs_open(
		&p->boxes.images, p->options.rootfs, p->options.n_rootfs, &place, said);

	if (!r && p->boxes.images.n)
		r = launcher_try_image(l, &p->boxes.images.v[0], said);
	if (r && !*said)
		snprintf(said, sizeof(said), "cannot prepare the images: %s", strerror(-r));
	if (r)
		snprintf(why, LAUNCH_WHY_MAX, "%s", said);
	else if (*said)
		complain(said);
	return r;
}

/* Said only where there are walls: without them nothing is promised. */
static void choose_limits(struct program *p)
{
	char why[CGROUP_WHY_MAX], said[CGROUP_WHY_MAX + 64];

	if (p->boxes.launcher.isolation != ISOLATION_BWRAP)
		return;
	if (cgroup_open(&p->boxes.cgroup, -1, NULL, why))
		snprintf(said, sizeof(said),
			"limits: memory is counted, processors are not limited (%s)", why);
	else
		snprintf(said, sizeof(said), "limits: by control groups");
	complain(said);
}

static int start_sandboxing(struct program *p, char why[LAUNCH_WHY_MAX])
{
	char chosen[LAUNCH_WHY_MAX] = "";
	int r = boxes_init(&p->boxes, &p->loop);

	if (!r)
		r = launcher_init(&p->boxes.launcher, p->options.isolation, p->options.network,
			p->state.boxes_fd, p->state.boxes_dir, r ? why : chosen);
	if (r)
		snprintf(why, LAUNCH_WHY_MAX, "%s", chosen);
	else
		complain(chosen);
	r = r ? r : open_images(p, why);
	if (!r)
		choose_limits(p);
	cleaners_init(&p->boxes.cleaners, p->state.boxes_fd);
	return r;
}

static bool still_needed(const char *name, void *arg)
{
	struct program *p = arg;

	return vault_wants(&p->vault, name) || records_keep(&p->records, name);
}

/* What the service before left. */
static int take_over(struct program *p, char why[IDENTITY_WHY_MAX])
{
	int r = vault_open(&p->vault, &p->boxes, &p->boxes.jobs, p->state.fd);

	if (r) {
		snprintf(why, IDENTITY_WHY_MAX, "cannot read the snapshots: %s", strerror(-r));
		return r;
	}
	p->boxes.vault = &p->vault;
	records_init(&p->records, &p->boxes, &p->state);
	records_load(&p->records);
	cleaners_remove_all(&p->boxes.cleaners, still_needed, p);
	vault_resume(&p->vault);
	records_start(&p->records);
	return 0;
}

/* One port more. */
static int open_port(struct program *p, uint16_t port, SSL_CTX *tls, bool direct,
	uint16_t *ret_port, char why[IDENTITY_WHY_MAX])
{
	int fd;
	int r = sock_listen_tcp(p->options.host, port, SERVER_BACKLOG, &fd, ret_port);

	if (r)
		snprintf(why, IDENTITY_WHY_MAX, "cannot listen on %.200s:%u: %s", p->options.host,
			port, strerror(-r));
	return r ? r : server_listen(&p->server, fd, tls, direct);
}

static int open_direct(struct program *p, char why[IDENTITY_WHY_MAX])
{
	int r;

	if (!p->options.direct)
		return 0;
	r = identity_direct_tls(p->state.dir, p->options.host, &p->direct_tls, why);
	r = r ? r : direct_init(&p->direct, p->state.fd, p->options.host, why);
	r = r ? r : open_port(p, 0, p->direct_tls, true, &p->direct.port, why);
	p->service.direct = r ? NULL : &p->direct;
	return r;
}

static int open_faults(struct program *p, char why[IDENTITY_WHY_MAX])
{
	if (!p->options.fault_socket)
		return 0;
	p->service.faults = &p->server.faults.plan;
	return fault_io_open(
		&p->fault_io, &p->loop, &p->server.faults, p->options.fault_socket, why);
}

static int limit_drain(struct program *p)
{
	const struct drain_limit *limit = &p->options.drain;

	return limit->bytes || limit->usec ? server_limit_drain(&p->server, limit) : 0;
}

static int start_listening(struct program *p, char why[IDENTITY_WHY_MAX])
{
	char url[STATE_URL_MAX];
	uint16_t port;
	int r = p->options.plaintext ? 0
				     : identity_tls(p->state.dir, p->options.host, &p->tls, why);

	r = r ? r : open_direct(p, why);
	r = r ? r : open_port(p, p->options.port, p->tls, false, &port, why);
	r = r ? r : open_faults(p, why);
	if (r)
		return r;
	r = state_publish(&p->state, &p->options, port, p->direct.port, url);
	if (r)
		snprintf(why, IDENTITY_WHY_MAX, "cannot say where it listens: %s", strerror(-r));
	else
		fprintf(stderr, "cwsandbox-local: serving %s, state in %s\n", url, p->state.dir);
	return r;
}

static int start(struct program *p, char why[IDENTITY_WHY_MAX])
{
	_cleanup_(freep) char *token = NULL;
	int r = state_open(&p->state, &p->options, why);

	r = r ? r : identity_token(p->state.fd, p->options.token_file, &token, why);
	if (r)
		return r;
	r = loop_init(&p->loop, flush, p);
	r = r ? r : service_init(&p->service, &p->loop, &p->boxes, token);
	explicit_bzero(token, strlen(token));
	if (r) {
		snprintf(why, IDENTITY_WHY_MAX, "cannot start: %s", strerror(-r));
		return r;
	}
	/* Before the first child: none ends unseen. */
	r = watch_signals(p);
	r = r ? r : start_sandboxing(p, why);
	r = r ? r : take_over(p, why);
	r = r ? r : server_init(&p->server, &p->loop, &p->boxes, &p->service);
	r = r ? r : limit_drain(p);
	raise_limits();
	return r ? r : start_listening(p, why);
}

static void finish(struct program *p)
{
	struct event *const events[] = { p->ev_term, p->ev_int, p->ev_hup, p->ev_chld };

	state_withdraw(&p->state);
	fault_io_close(&p->fault_io);
	server_done(&p->server);
	boxes_done(&p->boxes);
	vault_done(&p->vault);
	launcher_done(&p->boxes.launcher);
	rootfs_close(&p->boxes.images);
	service_done(&p->service);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		event_free(events[i]);
	direct_done(&p->direct);
	SSL_CTX_free(p->tls);
	SSL_CTX_free(p->direct_tls);
	loop_done(&p->loop);
	state_close(&p->state);
}

int main(int argc, char **argv)
{
	static struct program p;
	char why[IDENTITY_WHY_MAX] = "cannot start";
	int r;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* one file that may not grow is no end of all sandboxes */
	r = options_parse(&p.options, argc, argv);
	if (r)
		return r == OPTIONS_E_DONE ? 0 : r;
	prctl(PR_SET_DUMPABLE, 0);
	if (start(&p, why))
		return complain(why);
	r = loop_run(&p.loop);
	finish(&p);
	return r ? complain(strerror(-r)) : 0;
}
