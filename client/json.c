#include "client/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

#define CAP_MIN ((size_t)1024)

static void put(struct json *j, const char *s, size_t n)
{
	size_t need, cap = j->cap ? j->cap : CAP_MIN;
	char *grown;

	if (j->failed || !size_add(j->n, n, &need) || need > SIZE_MAX / 2) {
		j->failed = true;
		return;
	}
	while (cap < need)
		cap *= 2;
	if (cap > j->cap) {
		grown = realloc(j->data, cap);
		if (!grown) {
			j->failed = true;
			return;
		}
		j->data = grown;
		j->cap = cap;
	}
	memcpy(j->data + j->n, s, n);
	j->n = need;
}

static void put_text(struct json *j, const char *s)
{
	put(j, s, strlen(s));
}

static void put_unit(struct json *j, unsigned unit)
{
	char buf[8];

	put(j, buf, (size_t)snprintf(buf, sizeof(buf), "\\u%04x", unit));
}

static void put_code(struct json *j, uint32_t code)
{
	static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *at = code && code < 0x80 ? strchr(named, (int)code) : NULL;
	char c = (char)code;

	if (at) {
		put(j, "\\", 1);
		put(j, &names[at - named], 1);
	} else if (code >= ' ' && code <= '~') {
		put(j, &c, 1);
	} else if (code >= 0x10000) {
		put_unit(j, 0xd800 + ((code - 0x10000) >> 10));
		put_unit(j, 0xdc00 + ((code - 0x10000) & 0x3ff));
	} else {
		put_unit(j, code);
	}
}

static void put_string(struct json *j, const char *s)
{
	size_t n = strlen(s), l;
	uint32_t code;

	put(j, "\"", 1);
	for (size_t i = 0; i < n; i += l) {
		l = text_utf8(s + i, n - i, &code);
		put_code(j, l ? code : 0xfffd);
		l = max_size(l, 1);
	}
	put(j, "\"", 1);
}

static void newline(struct json *j)
{
	put(j, "\n", 1);
	for (unsigned i = 0; i < j->depth; i++)
		put(j, "  ", 2);
}

/* What stands before a value: a comma, the line, the key. */
static void begin(struct json *j, const char *key)
{
	if (j->depth) {
		if (j->filled[j->depth])
			put(j, ",", 1);
		j->filled[j->depth] = true;
		newline(j);
	}
	if (key) {
		put_string(j, key);
		put(j, ": ", 2);
	}
}

void json_open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	put(j, &bracket, 1);
	if (j->depth == JSON_DEPTH_MAX) {
		j->failed = true;
		return;
	}
	j->depth++;
	j->filled[j->depth] = false;
	j->closers[j->depth] = bracket == '{' ? '}' : ']';
}

void json_close(struct json *j)
{
	char closer = j->closers[j->depth];
	bool filled = j->filled[j->depth];

	j->depth--;
	if (filled)
		newline(j);
	put(j, &closer, 1);
}

void json_str(struct json *j, const char *key, const char *value)
{
	if (!value)
		return json_null(j, key);
	begin(j, key);
	put_string(j, value);
}

void json_int(struct json *j, const char *key, int64_t value)
{
	char buf[24];

	begin(j, key);
	put(j, buf, (size_t)snprintf(buf, sizeof(buf), "%" PRId64, value));
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
	char buf[24];

	begin(j, key);
	put(j, buf, (size_t)snprintf(buf, sizeof(buf), "%" PRIu64, value));
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	put_text(j, value ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	begin(j, key);
	put_text(j, "null");
}

void json_raw(struct json *j, const char *key, const char *json)
{
	begin(j, key);
	put_text(j, json);
}

int json_finish(struct json *j, const char **ret, size_t *ret_n)
{
	put(j, "\n", 1);
	if (j->failed)
		return -ENOMEM;
	*ret = j->data;
	*ret_n = j->n;
	return 0;
}

void json_done(struct json *j)
{
	free(j->data);
	*j = (struct json){ .data = NULL };
}
