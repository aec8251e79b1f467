#include "local/box.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/text.h"
#include "local/box_main.h"
#include "local/box_net.h"
#include "local/box_start.h"
#include "local/init_child.h"
#include "local/init_reap.h"
#include "local/init_recv.h"
#include "local/process.h"
#include "local/vault.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct packet {
	struct list link;
	size_t n;
	uint8_t *data;
};

struct box *box_of(const struct sandbox *sb)
{
	return sb->rim;
}

static void step(struct box *b, enum sandbox_event ev)
{
	sandbox_step(&b->boxes->reg, b->sb, ev, &b->boxes->loop->clock);
}

/* ---- the clock ---- */

void box_rearm(struct box *b)
{
	uint64_t now = b->boxes->loop->clock.now_usec;
	uint64_t at = sandbox_deadline(b->sb), hold = box_main_deadline(b);
	struct timeval tv = { 0 };

	if (b->reap_by_usec && (!at || b->reap_by_usec < at))
		at = b->reap_by_usec;
	if (hold && (!at || hold < at))
		at = hold;
	event_del(b->ev_timer);
	if (!at)
		return;
	at = at > now ? at - now : 0;
	tv.tv_sec = (time_t)(at / USEC_PER_SEC);
	tv.tv_usec = (suseconds_t)(at % USEC_PER_SEC);
	event_add(b->ev_timer, &tv);
}

/* ---- the end of its processes ---- */

static void fail_openings(struct box *b)
{
	struct opening *o;

	while ((o = list_first(&b->openings, struct opening, link)) != NULL) {
		list_unlink(&o->link);
		o->on_done(o, -EPIPE, -1, 0);
	}
}

static void lose_processes(struct box *b)
{
	struct process *p;

	for (size_t i = 0; i < BOX_BUCKETS; i++)
		while ((p = list_first(&b->processes[i], struct process, link)) != NULL)
			process_on_gone(p);
}

static void drop_packets(struct box *b)
{
	struct packet *k;

	while ((k = list_first(&b->unsent, struct packet, link)) != NULL) {
		list_unlink(&k->link);
		free(k->data);
		free(k);
	}
}

static void close_sock(struct box *b)
{
	if (b->sock < 0)
		return;
	if (b->ev_read)
		event_free(b->ev_read);
	if (b->ev_write)
		event_free(b->ev_write);
	b->ev_read = b->ev_write = NULL;
	close_fd(&b->sock);
	box_net_stop(b);
	drop_packets(b);
}

/* Nothing of it runs any more. Its folder goes, unless a snapshot of it is still to be made. */
static void box_over(struct box *b)
{
	struct boxes *bs = b->boxes;

	if (b->over)
		return;
	b->over = true;
	cgroup_remove(&bs->cgroup, b->sb->id);
	step(b, SANDBOX_EV_GONE);
	box_wake_waiters(b);
	if (!vault_wants(bs->vault, b->sb->id))
		cleaners_remove(&bs->cleaners, b->sb->id);
	list_unlink(&b->link);
	list_append(&bs->dead, &b->link);
	vault_sandbox_over(bs->vault);
}

void box_kill(struct box *b)
{
	close_sock(b);
	if (b->pid && !b->reap_by_usec)
		b->reap_by_usec = b->boxes->loop->clock.now_usec + BOX_REAP_USEC;
	box_rearm(b);
	fail_openings(b);
	lose_processes(b);
	box_start_cancel(b);
	if (!b->pid && !b->n_restoring)
		box_over(b);
}

void box_fail(struct box *b, const char *fmt, ...)
{
	char reason[SANDBOX_REASON_BYTES];
	va_list ap;

	if (b->sock < 0)
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	/* One that is to end ends for the reason it was told to. */
	if (b->sb->state != COREWEAVE__SANDBOX__V1__STATE__STATE_TERMINATING) {
		sandbox_set_reason(b->sb, "%s", reason);
		step(b, SANDBOX_EV_FAIL);
	}
	box_kill(b);
	box_wake_waiters(b);
}

/* Its init went, and we did not ask for it. */
static void box_lost(struct box *b)
{
	bool up = sandbox_live(b->sb);

	if (b->sb->state != COREWEAVE__SANDBOX__V1__STATE__STATE_TERMINATING &&
		!sandbox_ended(b->sb)) {
		char why[LAUNCH_WHY_MAX] = "its init was killed";

		if (!up)
			launch_explain(b->stderr_fd, why);
		sandbox_set_reason(b->sb, "%s%.200s", up ? "" : "could not start: ", why);
		step(b, SANDBOX_EV_FAIL);
	}
	box_wake_waiters(b);
	box_kill(b);
}

/* ---- to and from its init ---- */

static void flush_packets(struct box *b)
{
	struct packet *k;

	while ((k = list_first(&b->unsent, struct packet, link)) != NULL) {
		ssize_t l = send(b->sock, k->data, k->n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (l < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
			break;
		if (l < 0)
			return; /* its end is read, not written */
		list_unlink(&k->link);
		free(k->data);
		free(k);
	}
	if (k)
		event_add(b->ev_write, NULL);
}

int box_send(struct box *b, const struct init_message *m)
{
	struct packet *k;
	int r;

	if (b->sock < 0)
		return -EPIPE;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	r = init_encode(m, &k->data, &k->n);
	if (r) {
		free(k);
		return r;
	}
	list_append(&b->unsent, &k->link);
	if (b->unsent.next == &k->link)
		flush_packets(b);
	return 0;
}

int box_open(struct box *b, const char *path, uint32_t flags, struct opening *o)
{
	struct init_message m = {
		.head = { .type = INIT_OPEN, .id = b->next_id++, .flags = flags },
		.text = path,
	};
	int r = box_send(b, &m);

	if (r)
		return r;
	o->id = m.head.id;
	list_append(&b->openings, &o->link);
	return 0;
}

void opening_cancel(struct opening *o)
{
	list_unlink(&o->link);
}

static struct opening *opening_find(struct box *b, uint32_t id)
{
	struct opening *o;

	list_for_each(o, &b->openings, link) {
		if (o->id == id)
			return o;
	}
	return NULL;
}

static void on_opening(struct box *b, const struct init_head *h, int *fds, size_t n_fds)
{
	struct opening *o = opening_find(b, h->id);
	int fd = -1;

	if (!o)
		return;
	if (h->type == INIT_OPENED && n_fds == 1) {
		fd = fds[0];
		fds[0] = -1;
	}
	list_unlink(&o->link);
	o->on_done(o, h->type == INIT_OPENED ? 0 : -h->value, fd, h->size);
}

/* Takes what it needs of fds, and leaves -1 there. */
static void on_message(struct box *b, const struct init_head *h, int *fds, size_t n_fds)
{
	struct process *p = process_find(b, h->id);

	switch ((enum init_type)h->type) {
	case INIT_READY:
		close_fd(&b->stderr_fd);
		box_start_over(b);
		watch_begin(b);
		box_net_start(b, fds, n_fds);
		break;
	case INIT_STARTED:
		if (!p)
			break;
		process_on_started(p, fds, n_fds);
		for (size_t i = 0; i < n_fds; i++)
			fds[i] = -1;
		break;
	case INIT_FAILED:
		if (p && !p->started)
			process_on_failed(p, -h->value, (enum init_stage)h->flags);
		else
			on_opening(b, h, fds, n_fds);
		break;
	case INIT_EXITED:
		if (p && p->started)
			process_on_exited(p, h->value);
		break;
	case INIT_OPENED:
		on_opening(b, h, fds, n_fds);
		break;
	case INIT_OVER:
		watch_over(b, h);
		break;
	case INIT_EXEC:
	case INIT_SIGNAL:
	case INIT_HANGUP:
	case INIT_OPEN:
	case INIT_MEMORY:
	case INIT_FREEZE:
		break; /* ours to say */
	}
}

/* 1: a message; 0: none now; < 0: the init is gone. */
static int receive(struct box *b)
{
	int fds[INIT_FDS_MAX];
	struct init_head head;
	size_t n_fds;
	int r = init_recv(b->sock, &head, fds, &n_fds);

	if (r != 1)
		return r;
	on_message(b, &head, fds, n_fds);
	for (size_t i = 0; i < INIT_FDS_MAX; i++)
		close_fd(&fds[i]);
	return 1;
}

static void on_sock_readable(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct box *b = arg;
	int r = 1;

	loop_now(b->boxes->loop);
	for (int i = 0; r > 0 && b->sock >= 0 && i < BOX_MESSAGES_A_TURN; i++)
		r = receive(b);
	if (r < 0)
		box_lost(b);
}

static void on_sock_writable(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	flush_packets(arg);
}

/* ---- its life ---- */

void box_stop(struct box *b, uint64_t grace_sec)
{
	struct sandbox *sb = b->sb;

	if (sandbox_step(&b->boxes->reg, sb, SANDBOX_EV_STOP, &b->boxes->loop->clock))
		return;
	if (!grace_sec || !box_main_terminate(b))
		return box_kill(b);
	sb->kill_usec = b->boxes->loop->clock.now_usec + grace_sec * USEC_PER_SEC;
	box_rearm(b);
}

static void on_timer(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct box *b = arg;
	uint64_t now = loop_now(b->boxes->loop);

	switch (sandbox_due(b->sb, now)) {
	case SANDBOX_DUE_START:
		sandbox_set_reason(b->sb, "could not start: not up within %d s",
			(int)(SANDBOX_START_USEC / USEC_PER_SEC));
		step(b, SANDBOX_EV_FAIL);
		box_kill(b);
		break;
	case SANDBOX_DUE_EXPIRED:
		sandbox_set_reason(
			b->sb, "its lifetime of %d s is over", (int)spec_lifetime_sec(b->sb->spec));
		box_stop(b, SANDBOX_GRACE_SEC);
		break;
	case SANDBOX_DUE_KILL:
		b->sb->kill_usec = 0;
		box_kill(b);
		break;
	case SANDBOX_DUE_NONE:
		break;
	}
	box_main_release(b, now);
	if (b->reap_by_usec && b->reap_by_usec <= now && b->pid) {
		launch_kill(b->pid);
		b->reap_by_usec = now + BOX_REAP_USEC;
	}
	box_rearm(b);
}

static void box_free(struct box *b)
{
	struct log_waiter *w;

	for (size_t i = 0; b->mains && i < b->sb->n_containers; i++)
		while ((w = list_first(&b->mains[i].waiters, struct log_waiter, link)) != NULL)
			list_unlink(&w->link);
	close_sock(b);
	box_start_cancel(b);
	if (b->ev_timer)
		event_free(b->ev_timer);
	close_fd(&b->stderr_fd);
	list_unlink(&b->link);
	free(b->restores);
	free(b->home);
	free(b->mains);
	b->sb->rim = NULL;
	sandbox_unref(b->sb);
	free(b);
}

static int make_mains(struct box *b)
{
	b->mains = calloc(b->sb->n_containers, sizeof(*b->mains));
	if (!b->mains)
		return -ENOMEM;
	for (size_t i = 0; i < b->sb->n_containers; i++) {
		b->mains[i].b = b;
		b->mains[i].index = i;
		list_init(&b->mains[i].waiters);
	}
	return 0;
}

static int box_new(struct boxes *bs, struct sandbox *sb, struct box **ret)
{
	struct box *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->boxes = bs;
	b->sb = sandbox_ref(sb);
	b->sock = b->stderr_fd = -1;
	b->net = (struct net){ -1, -1, -1 };
	b->next_id = 1;
	for (size_t i = 0; i < BOX_BUCKETS; i++)
		list_init(&b->processes[i]);
	list_init(&b->unsent);
	list_init(&b->openings);
	list_init(&b->turn);
	list_append(&bs->all, &b->link);
	sb->rim = b;
	b->ev_timer = evtimer_new(bs->loop->base, on_timer, b);
	if (!b->ev_timer || make_mains(b) || launch_home(&bs->launcher, sb->id, &b->home)) {
		box_free(b);
		return -ENOMEM;
	}
	*ret = b;
	return 0;
}

int box_take_launched(struct box *b, const struct launched *l)
{
	struct event_base *base = b->boxes->loop->base;

	b->pid = l->pid;
	b->sock = l->sock;
	b->stderr_fd = l->stderr_fd;
	b->ev_read = event_new(base, b->sock, EV_READ | EV_PERSIST, on_sock_readable, b);
	b->ev_write = event_new(base, b->sock, EV_WRITE, on_sock_writable, b);
	if (!b->ev_read || !b->ev_write || event_add(b->ev_read, NULL))
		return -ENOMEM;
	return 0;
}

void box_start(struct boxes *bs, struct sandbox *sb)
{
	struct box *b;

	if (!box_new(bs, sb, &b)) {
		list_append(&bs->waiting, &b->turn);
		return;
	}
	sandbox_set_reason(sb, "could not start: out of memory");
	sandbox_step(&bs->reg, sb, SANDBOX_EV_FAIL, &bs->loop->clock);
}

/* ---- what its processes start from ---- */

const char *box_cwd(const struct box *b, size_t container)
{
	const char *cwd = b->sb->spec->containers[container]->working_dir;

	return *cwd ? cwd : b->home;
}

int box_env(const struct box *b, size_t container, bool tty, struct spec_env *ret)
{
	const Coreweave__Sandbox__V1__Container *c = b->sb->spec->containers[container];
	struct spec_env env = { 0 };
	int r = spec_env_set(&env, "PATH", PATH_DEFAULT);

	r = r ? r : spec_env_set(&env, "HOME", b->home);
	r = r ? r : spec_env_set(&env, "LANG", "C.UTF-8");
	if (!r && tty)
		r = spec_env_set(&env, "TERM", "xterm-256color");
	if (!r && b->boxes->launcher.isolation == ISOLATION_NONE) {
		_cleanup_(freep) char *tmp = NULL;

		r = asprintf(&tmp, "%s/tmp", b->home) < 0 ? -ENOMEM
							  : spec_env_set(&env, "TMPDIR", tmp);
	}
	for (size_t i = 0; !r && i < c->n_environment_variables; i++)
		r = spec_env_set(
			&env, c->environment_variables[i]->key, c->environment_variables[i]->value);
	if (r) {
		spec_env_done(&env);
		return r;
	}
	*ret = env;
	return 0;
}

/* ---- all of them ---- */

static struct box *box_of_pid(struct boxes *bs, pid_t pid)
{
	struct box *b;

	list_for_each(b, &bs->all, link) {
		if (b->pid == pid)
			return b;
	}
	return NULL;
}

static bool is_ours(pid_t pid, void *arg)
{
	const struct boxes *bs = arg;

	return box_of_pid(arg, pid) || cleaners_has(&bs->cleaners, pid) || jobs_has(&bs->jobs, pid);
}

static void box_reaped(struct box *b)
{
	b->pid = 0;
	if (b->sock >= 0)
		box_lost(b);
	else
		box_over(b);
}

void boxes_reap(struct boxes *bs)
{
	int status;
	pid_t pid;

	loop_now(bs->loop);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct box *b = box_of_pid(bs, pid);

		if (cleaners_reaped(&bs->cleaners, pid) || jobs_reaped(&bs->jobs, pid, status))
			continue;
		if (b)
			box_reaped(b);
		/* Without walls an init can be killed from inside; what it leaves becomes ours, as a subreaper. */
		if (bs->launcher.isolation == ISOLATION_NONE)
			init_kill_children(is_ours, bs);
	}
	cgroup_remove_left(&bs->cgroup);
}

void boxes_flush(struct boxes *bs)
{
	struct box *b;

	box_start_next(bs);
	while ((b = list_first(&bs->dead, struct box, link)) != NULL)
		box_free(b);
}

void boxes_stop(struct boxes *bs, uint64_t grace_sec)
{
	struct list *at = bs->all.next;

	bs->stopping = true;
	watch_stop(&bs->watch);
	vault_stop(bs->vault);
	while (at != &bs->all) {
		struct box *b = container_of(at, struct box, link);

		at = at->next; /* one that has not started yet is over at once */
		sandbox_set_reason(b->sb, "the service ended");
		box_stop(b, grace_sec);
	}
}

bool boxes_idle(const struct boxes *bs)
{
	return list_empty(&bs->all) && list_empty(&bs->dead) && cleaners_idle(&bs->cleaners) &&
	       jobs_idle(&bs->jobs);
}

int boxes_init(struct boxes *bs, struct loop *loop)
{
	memset(bs, 0, sizeof(*bs));
	bs->loop = loop;
	registry_init(&bs->reg);
	list_init(&bs->all);
	list_init(&bs->waiting);
	list_init(&bs->dead);
	jobs_init(&bs->jobs, loop);
	cleaners_init(&bs->cleaners, -1);
	bs->cgroup = CGROUP_NONE;
	bs->memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	if (watch_init(&bs->watch, bs))
		return -ENOMEM;
	/* What a killed init leaves comes to us, not to the system's. */
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

void boxes_done(struct boxes *bs)
{
	struct box *b;

	jobs_done(&bs->jobs);
	while ((b = list_first(&bs->all, struct box, link)) != NULL) {
		lose_processes(b);
		box_free(b);
	}
	cleaners_done(&bs->cleaners);
	watch_done(&bs->watch);
	cgroup_close(&bs->cgroup);
	while ((b = list_first(&bs->dead, struct box, link)) != NULL)
		box_free(b);
	registry_done(&bs->reg);
}
