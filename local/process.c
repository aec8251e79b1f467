#include "local/process.h"

#include <poll.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "common/pty.h"
#include "common/text.h"

#define IN_FIRST 4096

/* Its box knows it no more: whatever a callback does to the box, p stays for who holds it. */
static void leave_box(struct process *p)
{
	if (!list_linked(&p->link))
		return;
	list_unlink(&p->link);
	p->box->n_processes--;
}

static void process_free(struct process *p)
{
	for (size_t i = 0; i < _PROCESS_STREAM_N; i++)
		if (p->out[i].ev)
			event_free(p->out[i].ev);
	if (p->ev_in)
		event_free(p->ev_in);
	if (p->in_fd != p->out[0].fd)
		close_fd(&p->in_fd);
	for (size_t i = 0; i < _PROCESS_STREAM_N; i++)
		close_fd(&p->out[i].fd);
	leave_box(p);
	free(p->in);
	free(p);
}

/* ---- its start ---- */

static int send_exec(struct process *p, const struct process_start *what)
{
	struct init_message m = {
		.head = {
			.type = INIT_EXEC,
			.id = p->id,
			.flags = (what->tty ? INIT_TTY : 0) | (what->no_stdin ? INIT_NO_STDIN : 0),
			.cols = what->cols,
			.rows = what->rows,
			.n_argv = (uint32_t)what->n_argv,
			.n_env = (uint32_t)what->env->n,
		},
		.text = what->cwd,
		.argv = what->argv,
		.env = (const char *const *)what->env->v,
	};

	return box_send(p->box, &m);
}

int process_start(struct box *b, const struct process_start *what, struct process **ret)
{
	struct process *p;
	int r;

	if (b->n_processes >= BOX_PROCESSES_MAX)
		return -EBUSY;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->box = b;
	p->id = b->next_id++;
	p->ops = what->ops;
	p->arg = what->arg;
	p->tty = what->tty;
	p->n_fds = what->tty ? 1 : what->no_stdin ? 2 : 3;
	p->in_fd = -1;
	for (size_t i = 0; i < _PROCESS_STREAM_N; i++)
		p->out[i] = (struct process_out){ .p = p, .fd = -1 };
	text_encode(p->program, sizeof(p->program), what->argv[0], strlen(what->argv[0]));
	r = send_exec(p, what);
	if (r) {
		process_free(p);
		return r;
	}
	list_append(&b->processes[p->id & (BOX_BUCKETS - 1)], &p->link);
	b->n_processes++;
	*ret = p;
	return 0;
}

struct process *process_find(struct box *b, uint32_t id)
{
	struct process *p;

	list_for_each(p, &b->processes[id & (BOX_BUCKETS - 1)], link) {
		if (p->id == id)
			return p;
	}
	return NULL;
}

static void send_simple(struct process *p, enum init_type type, int value)
{
	struct init_message m = { .head = { .type = type, .id = p->id, .value = value } };

	box_send(p->box, &m);
}

/* ---- output ---- */

#define SHORT_READ ((size_t)1024) /* bytes; a flooded terminal gives more at once */

static void stop_waiting(struct process_out *o)
{
	if (o->ev)
		event_del(o->ev);
	o->added = o->waiting = false;
}

static void on_readable(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	struct process_out *o = arg;

	loop_now(o->p->box->boxes->loop);
	if (!o->waiting)
		return stop_waiting(o); /* told before, and nobody has come to read */
	o->waiting = false;
	if (o->p->ops)
		o->p->ops->on_output(o->p, o->p->arg);
}

static void wait_readable(struct process_out *o)
{
	if (o->waiting)
		return;
	if (!o->ev)
		o->ev = event_new(
			o->p->box->boxes->loop->base, o->fd, EV_READ | EV_PERSIST, on_readable, o);
	if (!o->added)
		o->added = o->ev && !event_add(o->ev, NULL);
	o->waiting = o->added;
}

static void out_end(struct process_out *o)
{
	o->ended = true;
	stop_waiting(o);
	if (!o->p->tty)
		close_fd(&o->fd);
}

static size_t out_read(struct process_out *o, uint8_t *buf, size_t n)
{
	ssize_t l;

	if (o->p->exited)
		n = min_size(n, o->left);
	l = n ? read(o->fd, buf, n) : 0;
	if (l > 0) {
		o->left -= o->p->exited ? (size_t)l : 0;
		if ((size_t)l < min_size(n, SHORT_READ) && !o->p->exited)
			wait_readable(o); /* most likely empty now: no read to find that out */
		return (size_t)l;
	}
	if (l < 0 && (errno == EAGAIN || errno == EINTR) && !o->p->exited)
		wait_readable(o);
	else
		out_end(o);
	return 0;
}

size_t process_read(struct process *p, uint8_t *buf, size_t n, enum process_stream *ret)
{
	for (size_t i = 0; i < _PROCESS_STREAM_N; i++) {
		enum process_stream which = (p->turn + i) % _PROCESS_STREAM_N;
		struct process_out *o = &p->out[which];
		size_t l;

		if (o->fd < 0 || o->ended || o->waiting)
			continue;
		l = out_read(o, buf, n);
		if (l) {
			/* The other stream first next time: neither starves the other. */
			p->turn = (which + 1) % _PROCESS_STREAM_N;
			*ret = which;
			return l;
		}
	}
	return 0;
}

void process_poll(struct process *p)
{
	for (size_t i = 0; i < _PROCESS_STREAM_N; i++)
		if (p->out[i].fd >= 0 && !p->out[i].ended)
			wait_readable(&p->out[i]);
}

bool process_has_output(const struct process *p)
{
	struct pollfd fds[_PROCESS_STREAM_N];

	for (size_t i = 0; i < _PROCESS_STREAM_N; i++) /* poll() skips what is -1 */
		fds[i] = (struct pollfd){ .fd = p->out[i].ended ? -1 : p->out[i].fd,
			.events = POLLIN };
	return poll(fds, _PROCESS_STREAM_N, 0) > 0;
}

bool process_over(const struct process *p)
{
	for (size_t i = 0; i < _PROCESS_STREAM_N; i++)
		if (p->out[i].fd >= 0 && !p->out[i].ended)
			return false;
	return p->exited;
}

int process_exit_code(const struct process *p)
{
	return WIFSIGNALED(p->status) ? 128 + WTERMSIG(p->status) : WEXITSTATUS(p->status);
}

/* ---- input ---- */

static void taken(struct process *p, size_t n)
{
	if (n && p->ops)
		p->ops->on_taken(p, n, p->arg);
}

static void close_input_now(struct process *p)
{
	if (p->ev_in)
		event_del(p->ev_in);
	if (p->tty)
		p->in_fd = -1; /* the master stays open for output */
	else
		close_fd(&p->in_fd);
}

/* What waits is nobody's: so many bytes. */
static size_t forget_input(struct process *p)
{
	size_t n = p->in_n - p->in_pos;

	if (p->ev_in)
		event_del(p->ev_in);
	free(p->in);
	p->in = NULL;
	p->in_n = p->in_pos = p->in_cap = 0;
	return n;
}

/* It reads no more: what still comes is nobody's either. */
static void drop_input(struct process *p)
{
	size_t n = forget_input(p);

	close_input_now(p);
	taken(p, n);
}

static void flush_input(struct process *p);

static void on_writable(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
	flush_input(arg);
}

static void wait_writable(struct process *p)
{
	if (!p->ev_in)
		p->ev_in = event_new(p->box->boxes->loop->base, p->in_fd, EV_WRITE, on_writable, p);
	if (!p->ev_in || event_add(p->ev_in, NULL))
		drop_input(p);
}

/* How much it took: 0 when it has no room now; -errno when it never will. */
static ssize_t write_some(struct process *p, const uint8_t *data, size_t n)
{
	ssize_t l = write(p->in_fd, data, n);

	if (l < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (l > 0)
		p->in_last = data[l - 1];
	return l;
}

static int put_eof(struct process *p);

static void flush_input(struct process *p)
{
	while (p->in_pos < p->in_n) {
		ssize_t l = write_some(p, p->in + p->in_pos, p->in_n - p->in_pos);

		if (l < 0)
			return drop_input(p);
		if (!l)
			return wait_writable(p);
		p->in_pos += (size_t)l;
		taken(p, (size_t)l);
		if (p->in_fd < 0)
			return;
	}
	free(p->in);
	p->in = NULL;
	p->in_n = p->in_pos = p->in_cap = 0;
	if (!p->closing)
		return;
	if (p->tty && put_eof(p) == -EAGAIN)
		return wait_writable(p);
	close_input_now(p);
}

static int keep_input(struct process *p, const uint8_t *data, size_t n)
{
	if (p->in_pos) {
		memmove(p->in, p->in + p->in_pos, p->in_n - p->in_pos);
		p->in_n -= p->in_pos;
		p->in_pos = 0;
	}
	if (p->in_n + n > p->in_cap) {
		size_t cap = p->in_cap ? p->in_cap : IN_FIRST;
		uint8_t *in;

		while (cap < p->in_n + n)
			cap *= 2;
		in = realloc(p->in, cap);
		if (!in)
			return -ENOMEM;
		p->in = in;
		p->in_cap = cap;
	}
	memcpy(p->in + p->in_n, data, n);
	p->in_n += n;
	return 0;
}

int process_write(struct process *p, const uint8_t *data, size_t n)
{
	ssize_t l = 0;
	int r;

	if (!n)
		return 0; /* there may be no data either */
	if (p->closing || p->exited || (p->started && p->in_fd < 0)) {
		taken(p, n);
		return 0;
	}
	if (p->started && p->in_n == p->in_pos)
		l = write_some(p, data, n);
	if (l < 0) {
		taken(p, n);
		drop_input(p);
		return 0;
	}
	if ((size_t)l == n) {
		taken(p, n);
		return 0;
	}
	r = keep_input(p, data + l, n - (size_t)l);
	if (r)
		return r;
	taken(p, (size_t)l);
	if (p->started)
		wait_writable(p);
	return 0;
}

/* In a line the first VEOF only ends the line; the program reads the end of input from the second.
 */
static int put_eof(struct process *p)
{
	bool canonical = false;
	uint8_t eof[2] = { 4, 4 };
	size_t n = 1;

	if (pty_char(p->in_fd, VEOF, &eof[0]) || pty_is_canonical(p->in_fd, &canonical))
		return -EIO;
	eof[1] = eof[0];
	if (canonical && p->in_last && p->in_last != '\n' && p->in_last != '\r' &&
		p->in_last != eof[0])
		n = 2;
	return write(p->in_fd, eof, n) < 0 ? -errno : 0;
}

void process_close_input(struct process *p)
{
	if (p->closing)
		return;
	p->closing = true;
	if (p->started && p->in_fd >= 0 && p->in_n == p->in_pos)
		flush_input(p);
}

void process_resize(struct process *p, uint32_t cols, uint32_t rows)
{
	if (p->tty && p->out[0].fd >= 0)
		pty_resize(p->out[0].fd, cols, rows);
}

void process_signal(struct process *p, int sig)
{
	if (p->started && !p->exited)
		send_simple(p, INIT_SIGNAL, sig);
}

/* ---- its life ---- */

void process_abandon(struct process *p)
{
	p->ops = NULL;
	if (p->exited || !list_linked(&p->link))
		return process_free(p);
	if (!p->started)
		return; /* process_on_started() hangs up */
	send_simple(p, INIT_HANGUP, 0);
	/* A tty's master is closed as well: its foreground group hears of it. A pipe stays open until the
	 * process has gone: its end would say that all had come. */
	forget_input(p);
	if (p->tty)
		close_input_now(p);
	for (size_t i = 0; i < _PROCESS_STREAM_N; i++) {
		if (p->out[i].fd >= 0 && !p->out[i].ended)
			out_end(&p->out[i]);
		close_fd(&p->out[i].fd);
	}
}

static void adopt_fds(struct process *p, const int *fds, size_t n_fds)
{
	size_t i = 0;

	if (p->tty) {
		p->out[PROCESS_STDOUT].fd = p->in_fd = fds[0];
		return;
	}
	if (n_fds == 3)
		p->in_fd = fds[i++];
	p->out[PROCESS_STDOUT].fd = fds[i++];
	p->out[PROCESS_STDERR].fd = fds[i];
}

/* We had no descriptors left to receive it with. */
static void refuse_started(struct process *p, const int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	if (p->started)
		return;
	send_simple(p, INIT_HANGUP, 0);
	process_on_failed(p, -EMFILE, INIT_STAGE_START);
}

void process_on_started(struct process *p, const int *fds, size_t n_fds)
{
	if (p->started || n_fds != p->n_fds)
		return refuse_started(p, fds, n_fds);
	adopt_fds(p, fds, n_fds);
	p->started = true;
	if (!p->ops)
		return process_abandon(p);
	if (p->in_fd >= 0 && (p->in_n || p->closing))
		flush_input(p);
	p->ops->on_started(p, p->arg);
}

void process_on_failed(struct process *p, int error, enum init_stage stage)
{
	const struct process_ops *ops = p->ops;
	void *arg = p->arg;

	leave_box(p);
	p->ops = NULL;
	if (ops)
		ops->on_failed(p, error, stage, arg);
	process_free(p);
}

/* What its pipes hold now is the last of it. */
static void measure_tail(struct process_out *o)
{
	int n = 0;

	if (o->fd < 0 || o->ended)
		return;
	stop_waiting(o);
	if (o->p->tty)
		o->left = PROCESS_TTY_TAIL_MAX;
	else if (ioctl(o->fd, FIONREAD, &n) == 0 && n > 0)
		o->left = (size_t)n;
}

void process_on_exited(struct process *p, int status)
{
	leave_box(p);
	p->exited = true;
	p->status = status;
	if (!p->ops)
		return process_free(p);
	if (p->in_fd >= 0 || p->in_n)
		drop_input(p);
	for (size_t i = 0; i < _PROCESS_STREAM_N; i++)
		measure_tail(&p->out[i]);
	p->ops->on_exited(p, p->arg);
}

void process_on_gone(struct process *p)
{
	const struct process_ops *ops = p->ops;
	void *arg = p->arg;

	leave_box(p);
	p->ops = NULL;
	if (ops)
		ops->on_gone(p, arg);
	process_free(p);
}
