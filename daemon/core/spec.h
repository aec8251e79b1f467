/*
 * spec - the params of session.create, exec, logs and files as what the upstream is asked for
 */
#ifndef DAEMON_CORE_SPEC_H
#define DAEMON_CORE_SPEC_H

#include "common/frame.h"
#include "daemon/core/upstream.h"

/* Strings and arrays live as long as the frame. -ENOMEM; SPEC_E_FIELD: *ret_field is out of its
 * rules. */
#define SPEC_E_FIELD 1
int spec_read(const struct frame *f, enum upstream_kind kind, struct upstream_spec *ret,
	const char **ret_field);
/* Of its strings. */
size_t spec_bytes(const struct upstream_spec *spec);

#endif
