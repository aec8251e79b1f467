/*
 * lib_decode - what the daemon sends, as structs; lib_schema.c has the tables
 */
#include <string.h>

#include "client/lib.h"

static void *member(void *base, size_t offset)
{
	return (char *)base + offset;
}

static int decode_str(struct arena *a, const struct frame_span *s, const char **ret)
{
	char *copy = arena_strndup(a, s->data, s->n);

	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

/* An array of strings, NULL-terminated. */
static int decode_strs(
	struct arena *a, const msgpack_object *array, const char *const **ret, size_t *ret_n)
{
	uint32_t n = array->via.array.size;
	const char **strs = arena_alloc(a, ((size_t)n + 1) * sizeof(*strs));

	if (!strs)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const msgpack_object *o = &array->via.array.ptr[i];
		struct frame_span s;
		int r;

		if (o->type != MSGPACK_OBJECT_STR || memchr(o->via.str.ptr, 0, o->via.str.size))
			return -EBADMSG;
		s = (struct frame_span){ o->via.str.ptr, o->via.str.size };
		r = decode_str(a, &s, &strs[i]);
		if (r)
			return r;
	}
	*ret = strs;
	*ret_n = n;
	return 0;
}

/* ret: a pointer to sub's type */
static int decode_list(struct arena *a, const struct schema *sub, const msgpack_object *array,
	void *ret, size_t *ret_n)
{
	uint32_t n = array->via.array.size;
	size_t bytes;
	char *list;
	int r;

	if (!size_mul(n, sub->size, &bytes))
		return -EBADMSG;
	list = arena_alloc(a, bytes);
	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		r = decode_map(a, sub, &array->via.array.ptr[i], list + i * sub->size);
		if (r)
			return r;
	}
	memcpy(ret, &list, sizeof(list));
	*ret_n = n;
	return 0;
}

static int decode_array(
	struct arena *a, const struct field *f, const msgpack_object *map, void *base)
{
	const msgpack_object *array;
	int r;

	r = frame_get_array(map, f->key, &array);
	if (r)
		return r;
	if (f->type == FIELD_STRS)
		return decode_strs(a, array, member(base, f->offset), member(base, f->extra));
	return decode_list(a, f->sub, array, member(base, f->offset), member(base, f->extra));
}

static int decode_one(struct arena *a, const struct field *f, const msgpack_object *map, void *base)
{
	const msgpack_object *sub;
	void *one;
	int r;

	r = frame_get_map(map, f->key, &sub);
	if (r)
		return r;
	one = arena_alloc(a, f->sub->size);
	if (!one)
		return -ENOMEM;
	r = decode_map(a, f->sub, sub, one);
	if (r)
		return r;
	memcpy(member(base, f->offset), &one, sizeof(one));
	return 0;
}

static int decode_number(const struct field *f, const msgpack_object *map, void *base)
{
	int64_t i = 0;
	int r;

	if (f->type == FIELD_U64)
		return frame_get_u64(map, f->key, 0, UINT64_MAX, member(base, f->offset));
	if (f->type == FIELD_I64)
		return frame_get_i64(map, f->key, INT64_MIN, INT64_MAX, member(base, f->offset));
	r = frame_get_i64(map, f->key, 0, INT32_MAX, &i);
	if (!r)
		*(int *)member(base, f->offset) = (int)i;
	return r;
}

static int decode_bytes(
	struct arena *a, const struct frame_span *s, const void **ret, size_t *ret_n)
{
	*ret = arena_memdup(a, s->data, s->n);
	if (!*ret)
		return -ENOMEM;
	*ret_n = s->n;
	return 0;
}

static int decode_text(
	struct arena *a, const struct field *f, const msgpack_object *map, void *base)
{
	struct frame_span s;
	int r;

	if (f->type == FIELD_STR) {
		r = frame_get_str(map, f->key, &s);
		return r ? r : decode_str(a, &s, member(base, f->offset));
	}
	r = frame_get_bytes(map, f->key, &s);
	if (r)
		return r;
	return decode_bytes(a, &s, member(base, f->offset), member(base, f->extra));
}

static int decode_field(
	struct arena *a, const struct field *f, const msgpack_object *map, void *base)
{
	switch (f->type) {
	case FIELD_STR:
	case FIELD_BYTES:
		return decode_text(a, f, map, base);
	case FIELD_U64:
	case FIELD_I64:
	case FIELD_INT:
		return decode_number(f, map, base);
	case FIELD_BOOL:
		return frame_get_bool(map, f->key, member(base, f->offset));
	case FIELD_STRS:
	case FIELD_LIST:
		return decode_array(a, f, map, base);
	case FIELD_ONE:
		return decode_one(a, f, map, base);
	}
	return -EBADMSG;
}

static bool has_set_flag(const struct field *f)
{
	return f->extra && (f->type == FIELD_I64 || f->type == FIELD_U64);
}

int decode_map(struct arena *a, const struct schema *schema, const msgpack_object *map, void *ret)
{
	if (map->type != MSGPACK_OBJECT_MAP)
		return -EBADMSG;
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		int r = decode_field(a, f, map, ret);

		if (r < 0)
			return r;
		if (r == FRAME_E_TYPE || (r && f->required))
			return -EBADMSG;
		if (!r && has_set_flag(f))
			*(bool *)member(ret, f->extra) = true;
	}
	return 0;
}

int decode_error(struct arena *a, const msgpack_object *map, struct cwsandbox_error *ret)
{
	struct cwsandbox_error e = { 0 };
	int r = decode_map(a, &schema_error, map, &e);

	if (!r)
		*ret = e;
	return r;
}

static const struct cwsandbox_violation *copy_violations(
	struct arena *a, const struct cwsandbox_error *from)
{
	struct cwsandbox_violation *copy = arena_alloc(a, from->n_violations * sizeof(*copy));

	for (size_t i = 0; copy && i < from->n_violations; i++) {
		copy[i].field = arena_strdup(a, from->violations[i].field);
		copy[i].description = arena_strdup(a, from->violations[i].description);
	}
	return copy;
}

void error_copy(struct arena *a, const struct cwsandbox_error *from, struct cwsandbox_error *ret)
{
	struct cwsandbox_error e = *from;

	e.code = arena_strdup(a, from->code);
	e.message = arena_strdup(a, from->message);
	if (!e.code || !e.message)
		e.code = e.message = "memory";
	e.field = arena_strdup(a, from->field);
	e.limit = arena_strdup(a, from->limit);
	e.url = arena_strdup(a, from->url);
	e.sandbox_id = arena_strdup(a, from->sandbox_id);
	e.reason = arena_strdup(a, from->reason);
	e.status = arena_strdup(a, from->status);
	e.detail = arena_strdup(a, from->detail);
	e.holder = arena_strdup(a, from->holder);
	e.violations = copy_violations(a, from);
	e.n_violations = e.violations ? from->n_violations : 0;
	e.sessions = NULL;
	e.n_sessions = 0;
	*ret = e;
}

int decode_event(
	struct arena *a, const struct frame *f, struct cwsandbox_event *ret, uint64_t *ret_bytes)
{
	const struct schema_event *what = schema_of_event(f);
	struct cwsandbox_event e = { 0 };
	int r = 0;

	if (what && !f->params)
		return -EBADMSG;
	if (what)
		r = decode_map(a, what->schema, f->params, &e);
	if (!r && what &&
		(what->kind == CWSANDBOX_EVENT_CREDIT ||
			what->kind == CWSANDBOX_EVENT_INPUT_REFUSED))
		r = frame_get_u64(f->params, "bytes", 0, UINT64_MAX, ret_bytes) ? -EBADMSG : 0;
	if (r)
		return r;
	if (what)
		e.kind = what->kind;
	*ret = e;
	return 0;
}

int decode_answer(struct arena *a, enum cwsandbox_method method, const msgpack_object *result,
	struct cwsandbox_answer *ret)
{
	const struct schema_answer what = schema_of_answer(method);
	void *one;
	int r;

	ret->method = method;
	if (!result || result->type == MSGPACK_OBJECT_NIL)
		return method_gives_attachment(method) ? -EBADMSG : 0;
	if (!what.one_at)
		return decode_map(a, what.schema, result, ret);
	one = arena_alloc(a, what.schema->size);
	if (!one)
		return -ENOMEM;
	r = decode_map(a, what.schema, result, one);
	if (!r)
		memcpy(member(ret, what.one_at), &one, sizeof(one));
	return r;
}

int decode_hello(struct arena *a, const msgpack_object *result, struct cwsandbox_server *ret,
	uint64_t *ret_frame_max)
{
	const msgpack_object *limits;
	int r;

	if (!result)
		return -EBADMSG;
	r = decode_map(a, &schema_hello, result, ret);
	if (r)
		return r;
	if (ret->version < LIB_PROTOCOL_MIN || ret->version > LIB_PROTOCOL_MAX)
		return -EBADMSG;
	if (frame_get_map(result, "limits", &limits))
		return 0;
	if (frame_get_u64(limits, "frame", 1024, FRAME_MAX, ret_frame_max) == FRAME_E_TYPE)
		return -EBADMSG;
	return decode_map(a, &schema_limits, limits, ret);
}
