/*
 * describe - what clients are told about sessions and attachments: descriptions and notifications
 */
#ifndef DAEMON_CORE_DESCRIBE_H
#define DAEMON_CORE_DESCRIBE_H

#include "daemon/core/attachment.h"

#define DESCRIBE_CLIENTS_MAX                                                                       \
	64 /* of a session; its lead and who has the lease among them; `n_clients` has their number */
#define DESCRIBE_COMMAND_MAX ((size_t)4 * 1024) /* bytes of `command` */
/* A page of sessions ends before it has more values or bytes than these. */
#define DESCRIBE_PAGE_VALUES 3072
#define DESCRIBE_PAGE_BYTES ((size_t)512 * 1024)

/* A session's description as the map of `key`; NULL: an array's element. */
void describe_session(struct frame_out *o, const char *key, const struct session *s);
#define DESCRIBE_SESSION_FIELDS 27
/* As the fields of a map already begun with DESCRIBE_SESSION_FIELDS entries. */
void describe_session_fields(struct frame_out *o, const struct session *s);
/* Values (FRAME_OBJECTS_MAX counts them) and, at most, bytes of a description. */
size_t describe_session_values(const struct session *s);
size_t describe_session_bytes(const struct session *s);
void describe_session_id(const struct session *s, char out[24]);

/* Whole notifications. */
void describe_resized(struct frame_out *o, const struct attachment *a);
void describe_clients(struct frame_out *o, const struct attachment *a);
void describe_state(struct frame_out *o, const struct attachment *a);
void describe_input_credit(struct frame_out *o, const struct attachment *a);

/* Why something was not done. */
struct refusal {
	const char *code, *message;
};
void describe_input_refused(
	struct frame_out *o, const struct attachment *a, size_t n, const struct refusal *why);
void describe_exited(struct frame_out *o, const struct attachment *a);
void describe_detached(
	struct frame_out *o, const struct attachment *a, const char *reason, const char *message);

#endif
