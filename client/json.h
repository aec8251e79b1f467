/*
 * json - writes JSON as Python's json.dumps(indent=2) does: two blanks, keys in the given order,
 * \uXXXX for all but ASCII
 *
 * Bytes that are no UTF-8 become U+FFFD.
 *
 * Errors:  out of memory is remembered and told by json_finish().
 */
#ifndef CLIENT_JSON_H
#define CLIENT_JSON_H

#include "common/util.h"

#define JSON_DEPTH_MAX 8

struct json {
	char *data;
	size_t n, cap;
	unsigned depth;
	bool filled[JSON_DEPTH_MAX + 1]; /* the container at this depth has an element */
	char closers[JSON_DEPTH_MAX + 1];
	bool failed;
};

/* Zeroed = empty. key: NULL inside an array and at the top. */
void json_open(struct json *j, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *j);
void json_str(struct json *j, const char *key, const char *value); /* NULL: null */
void json_int(struct json *j, const char *key, int64_t value);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
void json_raw(struct json *j, const char *key, const char *json); /* a value that is JSON already */
/* 0 and the text with a newline at its end, which lives until json_done(); -ENOMEM. */
int json_finish(struct json *j, const char **ret, size_t *ret_n);
void json_done(struct json *j);

#endif
