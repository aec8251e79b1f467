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

struct method {
	const char *name;
	unsigned rights;            /* enum method_right */
	bool notification;          /* may be one */
	const struct param *params; /* up to a NULL name */
	void (*handle)(struct client *c, uint32_t id, const struct frame *f);
};

const struct method *methods(size_t *ret_n);
const char *const *method_errors(size_t *ret_n); /* every error code */

/* One whole frame, opened. */
void methods_dispatch(struct client *c, const struct frame *f);

#endif
