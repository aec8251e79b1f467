/*
 * methods - the method table: names, rights, params; one place says what a client may do
 *
 * A request is checked in this order: hello came, the method exists, the socket's right, the params
 * (types and ranges, by the table), then its handler runs. Default is to deny: a method without a
 * right in the table is nobody's.
 */
#ifndef DAEMON_CORE_METHODS_H
#define DAEMON_CORE_METHODS_H

#include "common/frame.h"
#include "daemon/core/client.h"

/* Who may call a method; bits. */
enum method_right {
	RIGHT_FULL = 1 << 0,     /* the daemon's own socket */
	RIGHT_OBSERVER = 1 << 1, /* the observer-only socket */
};

enum param_type {
	PARAM_INT,
	PARAM_BOOL,
	PARAM_STR,
	PARAM_BYTES,
	PARAM_MAP,
	PARAM_STR_MAP,
	PARAM_ARRAY,
	PARAM_STR_ARRAY
};

struct param {
	const char *name;
	enum param_type type;
	bool required;
	uint64_t min, max; /* INT: value; STR, BYTES: bytes; arrays, maps: entries */
	const struct param
		*of; /* MAP, ARRAY: the fields of it or of its elements, up to a NULL name */
};

typedef void method_fn(struct client *c, const struct frame *f);

struct method {
	const char *name;
	unsigned rights;            /* enum method_right */
	bool notification;          /* may be one */
	const struct param *params; /* up to a NULL name */
	method_fn *handle;
};

const struct method *methods(size_t *ret_n);
const char *const *method_errors(size_t *ret_n); /* every error code of the core and the rim */

/* One whole frame, opened: a request or a notification. */
void methods_dispatch(struct client *c, const struct frame *f);

/* ---- for the handlers: the params passed the table ---- */

bool param_int(const struct frame *f, const char *name, uint64_t *ret);
bool param_bool(const struct frame *f, const char *name, bool otherwise);
bool param_span(const struct frame *f, const char *name, struct frame_span *ret); /* str or bytes */
/* `foreground` and `background`, and `cursor` or the former; false: not both are there. */
bool param_colors(const struct frame *f, uint32_t ret[TERM_COLORS_N]);
bool param_is(const struct frame *f, const char *name, const char *text);
/* NUL-terminated, as long as the frame lives; NULL: absent. *ret_r: -ENOMEM (else untouched). */
const char *param_text(const struct frame *f, const char *name, int *ret_r);

/* The session of `name`; NULL: refused. */
struct session *param_session(struct client *c, const struct frame *f);
/* The client's own of `attachment`; NULL: refused. */
struct attachment *param_attachment(struct client *c, const struct frame *f);
/* So too, and of a session with a name: a call has no size, no lead, and one policy. */
struct attachment *param_attachment_of_session(struct client *c, const struct frame *f);

void refuse_param(struct client *c, const struct frame *f, const char *field);
void refuse_observer_blocks(struct client *c, const struct frame *f);
void refuse_limit(struct client *c, const struct frame *f, const char *limit);
void refuse_memory(struct client *c, const struct frame *f);
void refuse_ended(struct client *c, const struct frame *f, const struct session *s);
/* What session_input() and its like returned. */
void refuse_input(
	struct client *c, const struct frame *f, int r, const struct session *s, size_t credit);
/* So too of n bytes that came as a notification, which has no answer. */
void tell_input_refused(struct client *c, const struct attachment *a, int r, size_t n);
/* An answer with nothing in it; nothing to a notification. */
void answer_empty(struct client *c, const struct frame *f);
/* New work is welcome; false: refused. A PLACE is that of an attachment, taken by another. */
enum core_work { WORK_SESSION, WORK_ATTACHMENT, WORK_PLACE };
bool core_takes_work(struct client *c, const struct frame *f, enum core_work work);
bool client_has_endpoint(struct client *c, const struct frame *f);

method_fn on_hello;
method_fn on_session_create, on_session_list, on_session_get, on_session_rename, on_session_kill;
method_fn on_session_set, on_session_wait, on_session_signal, on_session_capture, on_session_send;
method_fn on_session_attach, on_session_ack, on_session_input, on_session_resize, on_session_detach;
method_fn on_session_close_input, on_session_lease, on_session_lead;
method_fn on_exec, on_logs, on_file_read, on_file_write;
method_fn on_sandbox_create, on_sandbox_keep, on_sandbox_get, on_sandbox_list, on_sandbox_delete;
method_fn on_snapshot_create, on_snapshot_get, on_snapshot_list, on_snapshot_delete;
method_fn on_daemon_status, on_daemon_shutdown;

#endif
