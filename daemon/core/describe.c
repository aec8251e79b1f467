#include "daemon/core/describe.h"

#include <string.h>

#include "daemon/core/client.h"

#define N_CLIENT_FIELDS 14

static void put_wall(struct frame_out *o, const char *key, uint64_t usec)
{
	if (usec)
		frame_put_u64(o, key, usec / USEC_PER_MSEC);
	else
		frame_put_nil(o, key);
}

static void put_exit_code(struct frame_out *o, const struct session *s)
{
	if (s->has_exit_code)
		frame_put_i64(o, "exit_code", s->exit_code);
	else
		frame_put_nil(o, "exit_code");
}

static void put_attachment(struct frame_out *o, const struct attachment *a)
{
	const struct client *c = a->client;

	frame_put_map(o, NULL, N_CLIENT_FIELDS);
	frame_put_u64(o, "id", a->presence);
	frame_put_u64(o, "attachment", a->id);
	frame_put_str(o, "role", attachment_role(a));
	frame_put_str(o, "policy", attachment_policy_name(a->policy));
	frame_put_bool(o, "exclusive", a->session->lease == a);
	frame_put_u64(o, "cols", a->cols);
	frame_put_u64(o, "rows", a->rows);
	frame_put_u64(o, "lag_bytes", attachment_lag(a));
	frame_put_u64(o, "skipped_bytes", a->skipped_bytes);
	frame_put_u64(o, "pid", client_pid(c));
	frame_put_u64(o, "uid", c->uid);
	frame_put_str(o, "name", c->name);
	frame_put_str(o, "term", a->term[0] ? a->term : c->term);
	frame_put_str(o, "tty", c->tty[0] ? c->tty : NULL);
}

static size_t n_attachments(const struct session *s, size_t max)
{
	const struct attachment *a;
	size_t n = 0;

	list_for_each(a, &s->attachments, session_link)
		if (n < max)
			n++;
	return n;
}

/* The first of them; who leads and who has the input lease have places kept for them. */
static void put_clients(struct frame_out *o, const struct session *s)
{
	size_t left = n_attachments(s, DESCRIBE_CLIENTS_MAX);
	size_t kept = (s->lead != NULL) + (s->lease != NULL && s->lease != s->lead);
	const struct attachment *a;

	frame_put_u64(o, "n_clients", n_attachments(s, SIZE_MAX));
	frame_put_array(o, "clients", left);
	list_for_each(a, &s->attachments, session_link) {
		if (a == s->lead || a == s->lease)
			kept--;
		if (left == kept)
			continue;
		put_attachment(o, a);
		left--;
	}
}

/* What is told of a command: its beginning, cut between characters. */
static void put_command(struct frame_out *o, const struct session *s)
{
	char out[DESCRIBE_COMMAND_MAX];

	frame_put_str(o, "command", text_encode(out, sizeof(out), s->command, strlen(s->command)));
}

void describe_session_id(const struct session *s, char out[24])
{
	char digits[20];
	uint64_t v = s->number;
	size_t n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*out++ = digits[--n];
	*out = '\0';
}

void describe_session_fields(struct frame_out *o, const struct session *s)
{
	char size[SIZE_TEXT_MAX], id[24];

	describe_session_id(s, id);
	frame_put_str(o, "name", s->name);
	frame_put_str(o, "session", id);
	frame_put_str(o, "sandbox_id", s->sandbox_id);
	frame_put_str(o, "container", s->container);
	frame_put_str(o, "state", session_state_name(s->state));
	frame_put_str(o, "reason", s->reason);
	frame_put_str(o, "message", s->message);
	put_command(o, s);
	frame_put_u64(o, "cols", s->cols);
	frame_put_u64(o, "rows", s->rows);
	frame_put_str(o, "size", size_format(&s->size, size));
	put_wall(o, "created_at", s->created_wall_usec);
	put_wall(o, "ended_at", s->ended_wall_usec);
	put_exit_code(o, s);
	frame_put_str(o, "kept_alive_by", "none");
	frame_put_str(o, "kept_alive_reason", "not_available");
	frame_put_str(o, "policy", attachment_policy_name(s->policy));
	frame_put_u64(o, "window", s->window);
	frame_put_u64(o, "drain_ms", s->drain_usec / USEC_PER_MSEC);
	frame_put_u64(o, "block_timeout_ms", s->block_timeout_usec / USEC_PER_MSEC);
	frame_put_u64(o, "output_offset", s->log.head);
	frame_put_u64(o, "uncertain_bytes", s->uncertain_bytes);
	frame_put_str(o, "title", term_title(s->screen.term));
	if (s->connection)
		frame_put_u64(o, "connection", s->connection);
	else
		frame_put_nil(o, "connection");
	frame_put_bool(o, "seen", s->seen);
	put_clients(o, s); /* two fields */
}

void describe_session(struct frame_out *o, const char *key, const struct session *s)
{
	frame_put_map(o, key, DESCRIBE_SESSION_FIELDS);
	describe_session_fields(o, s);
}

size_t describe_session_values(const struct session *s)
{
	return 1 + 2 * DESCRIBE_SESSION_FIELDS +
	       n_attachments(s, DESCRIBE_CLIENTS_MAX) * (1 + 2 * N_CLIENT_FIELDS);
}

size_t describe_session_bytes(const struct session *s)
{
	return DESCRIBE_COMMAND_MAX + 2048 + (s->message ? strlen(s->message) : 0) +
	       n_attachments(s, DESCRIBE_CLIENTS_MAX) * 512;
}

/* ---- notifications ---- */

static void begin(
	struct frame_out *o, const char *method, const struct attachment *a, size_t n_more)
{
	frame_begin_notification(o, method, 1 + n_more);
	frame_put_u64(o, "attachment", a->id);
}

void describe_resized(struct frame_out *o, const struct attachment *a)
{
	const struct session *s = a->session;

	begin(o, "resized", a, 3);
	frame_put_u64(o, "cols", s->cols);
	frame_put_u64(o, "rows", s->rows);
	frame_put_bool(o, "lead", s->lead == a);
}

void describe_clients(struct frame_out *o, const struct attachment *a)
{
	begin(o, "clients", a, 2);
	put_clients(o, a->session);
}

void describe_state(struct frame_out *o, const struct attachment *a)
{
	const struct session *s = a->session;

	begin(o, "state", a, 4);
	frame_put_str(o, "name", s->name);
	frame_put_str(o, "state", session_state_name(s->state));
	frame_put_str(o, "reason", s->reason);
	frame_put_str(o, "message", s->message);
}

void describe_input_credit(struct frame_out *o, const struct attachment *a)
{
	begin(o, "input_credit", a, 1);
	frame_put_u64(o, "bytes", a->writer->taken);
}

void describe_input_refused(
	struct frame_out *o, const struct attachment *a, size_t n, const struct refusal *why)
{
	begin(o, "input_refused", a, 2);
	frame_put_u64(o, "bytes", n);
	frame_put_map(o, "error", 2);
	frame_put_str(o, "code", why->code);
	frame_put_str(o, "message", why->message);
}

static void put_error(struct frame_out *o, const struct request_error *e)
{
	if (!e) {
		frame_put_nil(o, "error");
		return;
	}
	frame_put_map(o, "error", 2 + request_error_n_fields(e));
	frame_put_str(o, "code", e->code);
	frame_put_str(o, "message", e->message);
	request_error_put(o, e);
}

void describe_exited(struct frame_out *o, const struct attachment *a)
{
	const struct session *s = a->session;

	begin(o, "exited", a, 5);
	put_exit_code(o, s);
	frame_put_str(o, "reason", s->reason);
	frame_put_str(o, "message", s->message);
	put_error(o, s->error);
	frame_put_u64(o, "offset", s->log.head);
}

void describe_detached(
	struct frame_out *o, const struct attachment *a, const char *reason, const char *message)
{
	begin(o, "detached", a, 3);
	frame_put_str(o, "reason", reason);
	frame_put_str(o, "message", message);
	frame_put_u64(o, "offset", attachment_offset(a));
}
