#include "client/stream.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_MAX ((size_t)64 * 1024)

int stream_begin(struct stream *s, const struct cwsandbox_request *q, struct cwsandbox_event *ret)
{
	int r = cli_try(s->cli, q, ret);

	if (!r)
		s->attachment = ret->answer->attachment;
	return r;
}

static bool forwards(const struct stream *s)
{
	return s->in >= 0;
}

/* ---- output ---- */

static int wrote(struct stream *s, ssize_t l)
{
	if (l < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (l < 0) {
		s->write_errno = errno;
		return STREAM_E_OUTPUT;
	}
	s->rest += l;
	s->n_rest -= (size_t)l;
	return cwsandbox_consumed(s->cli->c, s->attachment, (size_t)l);
}

/* Without input there is nothing else to do meanwhile: a reader that stops stops us. With input, a
 * pipe that poll calls writable takes PIPE_BUF bytes without waiting. */
static int write_rest(struct stream *s)
{
	size_t n = forwards(s) ? min_size(s->n_rest, PIPE_BUF) : s->n_rest;

	return wrote(s, write(s->rest_fd, s->rest, n));
}

static int write_all(struct stream *s)
{
	int r = 0;

	while (!r && s->n_rest > 0) {
		struct pollfd p = { .fd = s->rest_fd, .events = POLLOUT };

		r = write_rest(s);
		if (!r && s->n_rest > 0)
			poll(&p, 1, -1); /* somebody else may have made it non-blocking */
	}
	return r;
}

/* ---- input ---- */

static int send_data(struct stream *s)
{
	size_t taken;
	int r;

	while (s->n_data > 0) {
		r = cwsandbox_input(s->cli->c, s->attachment, s->data, s->n_data, &taken);
		if (r)
			return r == CWSANDBOX_E_WINDOW || r == CWSANDBOX_E_ENDED ? 0 : r;
		s->data += taken;
		s->n_data -= taken;
	}
	s->data = NULL;
	r = cwsandbox_close_input(s->cli->c, s->attachment);
	return r == CWSANDBOX_E_ENDED ? 0 : r;
}

static int forward(struct stream *s)
{
	uint8_t buf[READ_MAX];
	size_t room = min_size(cwsandbox_input_room(s->cli->c, s->attachment), sizeof(buf)), taken;
	ssize_t l;
	int r;

	if (room == 0)
		return 0;
	l = read(s->in, buf, room);
	if (l < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (l < 0) {
		s->read_errno = errno;
		return STREAM_E_INPUT;
	}
	if (l > 0)
		r = cwsandbox_input(s->cli->c, s->attachment, buf, (size_t)l, &taken);
	else
		r = cwsandbox_close_input(s->cli->c, s->attachment);
	if (l == 0 || r == CWSANDBOX_E_ENDED)
		s->in = -1;
	return r == CWSANDBOX_E_ENDED ? 0 : r;
}

/* ---- the loop ---- */

static void is_up(struct stream *s)
{
	if (!s->up)
		cli_progress_end(&s->waiting);
	s->up = true;
}

/* 0: go on; CWSANDBOX_E_END: *e is the end; CWSANDBOX_E_REFUSED: what was sent has a hole, as *e says.
 */
static int take_event(struct stream *s, const struct cwsandbox_event *e)
{
	switch (e->kind) {
	case CWSANDBOX_EVENT_OUTPUT:
		is_up(s);
		s->has_output = true;
		s->rest = e->data;
		s->n_rest = e->n;
		s->rest_fd = e->stream == 2 ? s->err : s->out;
		return forwards(s) ? 0 : write_all(s);
	case CWSANDBOX_EVENT_EXITED:
	case CWSANDBOX_EVENT_DETACHED:
		return CWSANDBOX_E_END;
	case CWSANDBOX_EVENT_REPAINT:
		return cwsandbox_consumed(s->cli->c, s->attachment, e->n);
	case CWSANDBOX_EVENT_STATE:
		if (e->state && strcmp(e->state, "running") == 0)
			is_up(s);
		return 0;
	case CWSANDBOX_EVENT_INPUT_REFUSED: /* nothing is missed by what has ended */
		return strcmp(e->error->code, "ended") == 0 ? 0 : CWSANDBOX_E_REFUSED;
	case CWSANDBOX_EVENT_NONE:
	case CWSANDBOX_EVENT_CONNECTED:
	case CWSANDBOX_EVENT_ANSWER:
	case CWSANDBOX_EVENT_RESIZED:
	case CWSANDBOX_EVENT_CLIENTS:
	case CWSANDBOX_EVENT_CREDIT:
	case CWSANDBOX_EVENT_SHUTDOWN:
		return 0;
	}
	return 0;
}

/* Not where a person types what is forwarded: the line would be in the way of that. */
static bool says_waiting(const struct stream *s)
{
	return s->says_waiting && !s->up && !(forwards(s) && isatty(s->in));
}

/* As poll() takes it: the connection's own, or until the word that we wait is due. */
static int timeout_ms(const struct stream *s)
{
	int ms = cwsandbox_timeout_ms(s->cli->c);

	return says_waiting(s) && (ms < 0 || ms > CLI_PROGRESS_MS) ? CLI_PROGRESS_MS : ms;
}

static int turn(struct stream *s)
{
	struct cwsandbox *c = s->cli->c;
	struct pollfd p[3] = {
		{ .fd = cwsandbox_fd(c), .events = cwsandbox_events(c) },
		{ .fd = forwards(s) && cwsandbox_input_room(c, s->attachment) ? s->in : -1,
			.events = POLLIN },
		{ .fd = s->n_rest ? s->rest_fd : -1, .events = POLLOUT },
	};
	int r = 0;

	if (poll(p, ARRAY_SIZE(p), timeout_ms(s)) < 0)
		return errno == EINTR ? 0 : -errno;
	if (says_waiting(s) && !p[0].revents)
		cli_progress_tick(&s->waiting, "Waiting for the answer");
	if (p[1].revents)
		r = forward(s);
	if (!r && p[2].revents)
		r = write_rest(s);
	return r ? r : cwsandbox_dispatch(c);
}

/* The connection has ended: what came before still counts. */
static int finish_lost(struct stream *s, int lost, struct cwsandbox_event *ret)
{
	int r;

	s->in = -1;
	r = write_all(s);
	while (!r && !cwsandbox_next(s->cli->c, ret))
		r = take_event(s, ret);
	return r ? r : lost;
}

int stream_run(struct stream *s, struct cwsandbox_event *ret)
{
	int r = 0;

	cli_progress_begin(&s->waiting);
	while (!r) {
		while (!r && s->n_rest == 0 && !cwsandbox_next(s->cli->c, ret))
			r = take_event(s, ret);
		if (!r && s->data)
			r = send_data(s);
		if (!r)
			r = turn(s);
		if (r < 0 && cwsandbox_fd(s->cli->c) < 0)
			r = finish_lost(s, r, ret);
	}
	cli_progress_end(&s->waiting);
	if (r == CWSANDBOX_E_END) {
		cli_note_missing(s->cli, ret->error);
		return 0;
	}
	if (r != CWSANDBOX_E_REFUSED)
		*ret = (struct cwsandbox_event){ .error = cwsandbox_error(s->cli->c) };
	return r;
}

int stream_output_failed(const struct stream *s)
{
	return s->write_errno == EPIPE
		       ? EXIT_OK
		       : cli_error("cannot write the output: %s", strerror(s->write_errno));
}

int stream_end(const struct cwsandbox_event *end, const struct error_context *x)
{
	char text[ERRORS_TEXT_MAX];

	if (end->error)
		return cli_refuse(end->error, x);
	if (end->kind == CWSANDBOX_EVENT_DETACHED || (end->has_exit_code && end->exit_code != 0) ||
		(end->reason && !end->has_exit_code))
		return cli_error("%s",
			cli_show(text, sizeof(text), end->message ? end->message : end->reason));
	return EXIT_OK;
}
