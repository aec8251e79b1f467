#include "common/frame.h"

#include <string.h>

#include "common/text.h"

#define FRAME_OUT_INIT_BYTES ((size_t)256)

/* ---- scan ---- */

enum shape_kind { SHAPE_BAD, SHAPE_PLAIN, SHAPE_ARRAY, SHAPE_MAP };

/* What follows a first byte: `size` bytes of length field, then `add` more than that length (or
 * than the first byte says); for arrays and maps the length counts values. */
struct shape {
	enum shape_kind kind;
	uint8_t length_bytes; /* 0: `fixed` is the length */
	uint8_t fixed, add;
};

/* clang-format off */
static const struct shape shapes[32] = { /* of 0xc0 to 0xdf */
	{ SHAPE_PLAIN, 0, 0, 0 }, /* nil */
	{ SHAPE_BAD, 0, 0, 0 }, /* never used */
	{ SHAPE_PLAIN, 0, 0, 0 }, { SHAPE_PLAIN, 0, 0, 0 }, /* bool */
	{ SHAPE_PLAIN, 1, 0, 0 }, { SHAPE_PLAIN, 2, 0, 0 }, { SHAPE_PLAIN, 4, 0, 0 }, /* bin */
	/* ext and its type */
	{ SHAPE_PLAIN, 1, 0, 1 }, { SHAPE_PLAIN, 2, 0, 1 }, { SHAPE_PLAIN, 4, 0, 1 },
	{ SHAPE_PLAIN, 0, 4, 0 }, { SHAPE_PLAIN, 0, 8, 0 }, /* float */
	/* uint, int */
	{ SHAPE_PLAIN, 0, 1, 0 }, { SHAPE_PLAIN, 0, 2, 0 }, { SHAPE_PLAIN, 0, 4, 0 },
	{ SHAPE_PLAIN, 0, 8, 0 },
	{ SHAPE_PLAIN, 0, 1, 0 }, { SHAPE_PLAIN, 0, 2, 0 }, { SHAPE_PLAIN, 0, 4, 0 },
	{ SHAPE_PLAIN, 0, 8, 0 },
	/* fixext and its type */
	{ SHAPE_PLAIN, 0, 2, 0 }, { SHAPE_PLAIN, 0, 3, 0 }, { SHAPE_PLAIN, 0, 5, 0 },
	{ SHAPE_PLAIN, 0, 9, 0 }, { SHAPE_PLAIN, 0, 17, 0 },
	{ SHAPE_PLAIN, 1, 0, 0 }, { SHAPE_PLAIN, 2, 0, 0 }, { SHAPE_PLAIN, 4, 0, 0 }, /* str */
	{ SHAPE_ARRAY, 2, 0, 0 }, { SHAPE_ARRAY, 4, 0, 0 },
	{ SHAPE_MAP, 2, 0, 0 }, { SHAPE_MAP, 4, 0, 0 },
};
/* clang-format on */

static struct shape shape_of(uint8_t byte)
{
	if (byte < 0x80 || byte >= 0xe0)
		return (struct shape){ .kind = SHAPE_PLAIN }; /* small ints */
	if (byte < 0x90)
		return (struct shape){ .kind = SHAPE_MAP, .fixed = byte & 0x0f };
	if (byte < 0xa0)
		return (struct shape){ .kind = SHAPE_ARRAY, .fixed = byte & 0x0f };
	if (byte < 0xc0)
		return (struct shape){ .kind = SHAPE_PLAIN, .fixed = byte & 0x1f };
	return shapes[byte - 0xc0];
}

static uint64_t shape_length(const struct shape *s, const uint8_t *at)
{
	uint64_t v = s->fixed;

	for (size_t i = 0; i < s->length_bytes; i++)
		v = v << 8 | at[i];
	return v + s->add;
}

/* Where a scan stands: `left[d]` values are missing at depth d. */
struct scan {
	size_t pos, n_objects, depth;
	uint64_t left[FRAME_DEPTH_MAX + 1];
};

static int scan_descend(struct scan *s, uint64_t n_values)
{
	if (s->depth == FRAME_DEPTH_MAX || n_values > FRAME_OBJECTS_MAX - s->n_objects)
		return -EBADMSG;
	s->left[++s->depth] = n_values;
	return 0;
}

/* Takes one value's head and, of a plain one, its body. The body may lie beyond n: pos shows it. */
static int scan_value(struct scan *s, const uint8_t *data, size_t n)
{
	struct shape shape = shape_of(data[s->pos]);
	uint64_t length;

	if (shape.kind == SHAPE_BAD || ++s->n_objects > FRAME_OBJECTS_MAX)
		return -EBADMSG;
	s->left[s->depth]--;
	s->pos++;
	if (shape.length_bytes > n - s->pos) {
		s->pos += shape.length_bytes;
		return FRAME_E_PENDING;
	}
	length = shape_length(&shape, data + s->pos);
	s->pos += shape.length_bytes;
	if (shape.kind == SHAPE_PLAIN) {
		s->pos += min_u64(length, FRAME_MAX + 1); /* beyond any bound is enough */
		return 0;
	}
	return scan_descend(s, shape.kind == SHAPE_MAP ? 2 * length : length);
}

/* Closes what is complete; true if the outermost value is. */
static bool scan_ascend(struct scan *s)
{
	while (s->left[s->depth] == 0) {
		if (s->depth == 0)
			return true;
		s->depth--;
	}
	return false;
}

/* Each value that is missing takes a byte at least. */
static size_t scan_missing(const struct scan *s)
{
	size_t n = 0;

	for (size_t d = 0; d <= s->depth; d++)
		n += s->left[d];
	return n;
}

int frame_scan_max(const uint8_t *data, size_t n, size_t max, size_t *ret_used)
{
	struct scan s = { .left = { 1 } };
	int r = 0;

	while (!r && s.pos <= max && !scan_ascend(&s))
		r = s.pos < n ? scan_value(&s, data, n) : FRAME_E_PENDING;
	if (r < 0)
		return r;
	s.pos += scan_missing(&s);
	if (s.pos > max)
		return -EMSGSIZE;
	*ret_used = s.pos;
	return s.pos > n ? FRAME_E_PENDING : 0;
}

int frame_scan(const uint8_t *data, size_t n, size_t *ret_used)
{
	return frame_scan_max(data, n, FRAME_MAX, ret_used);
}

/* ---- shape ---- */

static bool is_map_or_nil(const msgpack_object *o)
{
	return o->type == MSGPACK_OBJECT_MAP || o->type == MSGPACK_OBJECT_NIL;
}

static int open_id(struct frame *f, const msgpack_object *o)
{
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > UINT32_MAX)
		return -EBADMSG;
	f->id = (uint32_t)o->via.u64;
	f->has_id = true;
	return 0;
}

static int open_params(struct frame *f, const msgpack_object *method, const msgpack_object *params)
{
	const msgpack_object_array *a = &params->via.array;

	if (method->type != MSGPACK_OBJECT_STR || params->type != MSGPACK_OBJECT_ARRAY ||
		a->size > 1)
		return -EBADMSG;
	if (a->size && !is_map_or_nil(a->ptr))
		return -EBADMSG;
	f->method = method;
	f->params = a->size && a->ptr->type == MSGPACK_OBJECT_MAP ? a->ptr : NULL;
	return 0;
}

static int open_shape(struct frame *f)
{
	const msgpack_object *o = &f->unpacked.data, *v;
	uint32_t n;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 3)
		return -EBADMSG;
	v = o->via.array.ptr;
	n = o->via.array.size;
	if (v[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || v[0].via.u64 > FRAME_NOTIFICATION)
		return -EBADMSG;
	f->kind = (enum frame_kind)v[0].via.u64;
	if (f->kind == FRAME_NOTIFICATION)
		return n == 3 ? open_params(f, &v[1], &v[2]) : -EBADMSG;
	if (open_id(f, &v[1]) || n != 4)
		return -EBADMSG;
	if (f->kind == FRAME_REQUEST)
		return open_params(f, &v[2], &v[3]);
	if (!is_map_or_nil(&v[2]) || !is_map_or_nil(&v[3]))
		return -EBADMSG;
	f->error = &v[2];
	f->result = &v[3];
	return 0;
}

int frame_open(struct frame *f, const uint8_t *data, size_t used)
{
	size_t off = 0;
	int r;

	*f = (struct frame){ .kind = FRAME_REQUEST, .data = data, .n = used };
	msgpack_unpacked_init(&f->unpacked);
	switch (msgpack_unpack_next(&f->unpacked, (const char *)data, used, &off)) {
	case MSGPACK_UNPACK_SUCCESS:
	case MSGPACK_UNPACK_EXTRA_BYTES:
		r = off == used ? open_shape(f) : -EBADMSG;
		break;
	case MSGPACK_UNPACK_NOMEM_ERROR:
		r = -ENOMEM;
		break;
	case MSGPACK_UNPACK_CONTINUE:
	case MSGPACK_UNPACK_PARSE_ERROR:
	default:
		r = -EBADMSG;
		break;
	}
	if (r)
		frame_close(f);
	return r;
}

bool frame_peek_id(const uint8_t *data, size_t n, uint32_t *ret_id)
{
	static const uint8_t head[] = { 0x94, FRAME_REQUEST };
	size_t n_id = 0;
	uint32_t id = 0;

	if (n < 3 || memcmp(data, head, sizeof(head)) != 0)
		return false;
	if (data[2] < 0x80) {
		*ret_id = data[2];
		return true;
	}
	if (data[2] >= 0xcc && data[2] <= 0xce)
		n_id = (size_t)1 << (data[2] - 0xcc);
	if (n_id == 0 || n < 3 + n_id)
		return false;
	for (size_t i = 0; i < n_id; i++)
		id = id << 8 | data[3 + i];
	*ret_id = id;
	return true;
}

void frame_close(struct frame *f)
{
	msgpack_unpacked_destroy(&f->unpacked);
	f->method = f->params = f->error = f->result = NULL;
}

static bool str_is(const msgpack_object *o, const char *text)
{
	size_t n = strlen(text);

	return o->type == MSGPACK_OBJECT_STR && o->via.str.size == n &&
	       memcmp(o->via.str.ptr, text, n) == 0;
}

bool frame_is(const struct frame *f, const char *method)
{
	return f->method && str_is(f->method, method);
}

void *frame_alloc(const struct frame *f, size_t n)
{
	return msgpack_zone_malloc(f->unpacked.zone, n);
}

char *frame_dup(const struct frame *f, const struct frame_span *s)
{
	char *copy = frame_alloc(f, s->n + 1);

	if (!copy)
		return NULL;
	memcpy(copy, s->data, s->n);
	copy[s->n] = '\0';
	return copy;
}

/* ---- reading ---- */

const msgpack_object *frame_get(const msgpack_object *map, const char *key)
{
	if (!map || map->type != MSGPACK_OBJECT_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];

		if (str_is(&kv->key, key))
			return kv->val.type == MSGPACK_OBJECT_NIL ? NULL : &kv->val;
	}
	return NULL;
}

int frame_get_u64(
	const msgpack_object *map, const char *key, uint64_t min, uint64_t max, uint64_t *ret)
{
	const msgpack_object *o = frame_get(map, key);

	if (!o)
		return FRAME_E_UNSET;
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 < min || o->via.u64 > max)
		return FRAME_E_TYPE;
	*ret = o->via.u64;
	return 0;
}

int frame_get_i64(
	const msgpack_object *map, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	const msgpack_object *o = frame_get(map, key);
	bool positive;

	if (!o)
		return FRAME_E_UNSET;
	positive = o->type == MSGPACK_OBJECT_POSITIVE_INTEGER;
	if (!positive && o->type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
		return FRAME_E_TYPE;
	if ((positive && o->via.u64 > INT64_MAX) || o->via.i64 < min || o->via.i64 > max)
		return FRAME_E_TYPE;
	*ret = o->via.i64;
	return 0;
}

int frame_get_bool(const msgpack_object *map, const char *key, bool *ret)
{
	const msgpack_object *o = frame_get(map, key);

	if (!o)
		return FRAME_E_UNSET;
	if (o->type != MSGPACK_OBJECT_BOOLEAN)
		return FRAME_E_TYPE;
	*ret = o->via.boolean;
	return 0;
}

static bool is_text(const char *s, size_t n)
{
	uint32_t code;

	for (size_t i = 0, l; i < n; i += l) {
		l = text_utf8(s + i, n - i, &code);
		if (l == 0 || code == 0)
			return false;
	}
	return true;
}

int frame_as_str(const msgpack_object *o, struct frame_span *ret)
{
	if (o->type != MSGPACK_OBJECT_STR || !is_text(o->via.str.ptr, o->via.str.size))
		return FRAME_E_TYPE;
	*ret = (struct frame_span){ o->via.str.ptr, o->via.str.size };
	return 0;
}

int frame_get_str(const msgpack_object *map, const char *key, struct frame_span *ret)
{
	const msgpack_object *o = frame_get(map, key);

	return o ? frame_as_str(o, ret) : FRAME_E_UNSET;
}

int frame_get_bytes(const msgpack_object *map, const char *key, struct frame_span *ret)
{
	const msgpack_object *o = frame_get(map, key);

	if (!o)
		return FRAME_E_UNSET;
	if (o->type == MSGPACK_OBJECT_BIN)
		*ret = (struct frame_span){ o->via.bin.ptr, o->via.bin.size };
	else if (o->type == MSGPACK_OBJECT_STR)
		*ret = (struct frame_span){ o->via.str.ptr, o->via.str.size };
	else
		return FRAME_E_TYPE;
	return 0;
}

bool frame_span_is(const struct frame_span *s, const char *text)
{
	size_t n = strlen(text);

	return s->n == n && memcmp(s->data, text, n) == 0;
}

static int get_container(const msgpack_object *map, const char *key, msgpack_object_type type,
	const msgpack_object **ret)
{
	const msgpack_object *o = frame_get(map, key);

	if (!o)
		return FRAME_E_UNSET;
	if (o->type != type)
		return FRAME_E_TYPE;
	*ret = o;
	return 0;
}

int frame_get_array(const msgpack_object *map, const char *key, const msgpack_object **ret)
{
	return get_container(map, key, MSGPACK_OBJECT_ARRAY, ret);
}

int frame_get_map(const msgpack_object *map, const char *key, const msgpack_object **ret)
{
	return get_container(map, key, MSGPACK_OBJECT_MAP, ret);
}

/* ---- building ---- */

static int out_grow(msgpack_sbuffer *b, size_t need)
{
	size_t cap = max_size(b->alloc, FRAME_OUT_INIT_BYTES);
	char *data;

	while (cap < need)
		if (!size_mul(cap, 2, &cap))
			return -ENOMEM;
	if (cap == b->alloc)
		return 0;
	data = realloc(b->data, cap);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->alloc = cap;
	return 0;
}

static int out_write(void *arg, const char *data, size_t n)
{
	struct frame_out *o = arg;
	size_t need;

	if (o->failed || n == 0)
		return 0;
	if (!size_add(o->buf.size, n, &need) || out_grow(&o->buf, need)) {
		o->failed = true;
		return 0;
	}
	memcpy(o->buf.data + o->buf.size, data, n);
	o->buf.size = need;
	return 0;
}

void frame_out_init(struct frame_out *o)
{
	*o = (struct frame_out){ .failed = false };
	msgpack_packer_init(&o->pk, o, out_write);
}

void frame_out_done(struct frame_out *o)
{
	free(o->buf.data);
	frame_out_init(o);
}

void frame_out_reset(struct frame_out *o)
{
	o->buf.size = 0;
	o->failed = o->error_open = false;
}

static void out_strn(struct frame_out *o, const char *s, size_t n)
{
	if (n > UINT32_MAX) {
		o->failed = true;
		return;
	}
	msgpack_pack_str(&o->pk, n);
	msgpack_pack_str_body(&o->pk, s, n);
}

static void out_str(struct frame_out *o, const char *s)
{
	if (s)
		out_strn(o, s, strlen(s));
	else
		msgpack_pack_nil(&o->pk);
}

/* An error's array ends in a nil result, which can only be put when the error's fields are
 * complete. */
static void out_end(struct frame_out *o)
{
	if (o->error_open)
		msgpack_pack_nil(&o->pk);
	o->error_open = false;
}

static void out_begin(struct frame_out *o, enum frame_kind kind, size_t n)
{
	out_end(o);
	msgpack_pack_array(&o->pk, n);
	msgpack_pack_uint8(&o->pk, (uint8_t)kind);
}

void frame_begin_request(struct frame_out *o, uint32_t id, const char *method, size_t n_fields)
{
	out_begin(o, FRAME_REQUEST, 4);
	msgpack_pack_uint32(&o->pk, id);
	out_str(o, method);
	msgpack_pack_array(&o->pk, 1);
	msgpack_pack_map(&o->pk, n_fields);
}

void frame_begin_notification(struct frame_out *o, const char *method, size_t n_fields)
{
	out_begin(o, FRAME_NOTIFICATION, 3);
	out_str(o, method);
	msgpack_pack_array(&o->pk, 1);
	msgpack_pack_map(&o->pk, n_fields);
}

void frame_begin_result(struct frame_out *o, uint32_t id, size_t n_fields)
{
	out_begin(o, FRAME_RESPONSE, 4);
	msgpack_pack_uint32(&o->pk, id);
	msgpack_pack_nil(&o->pk);
	if (n_fields == FRAME_NIL)
		msgpack_pack_nil(&o->pk);
	else
		msgpack_pack_map(&o->pk, n_fields);
}

void frame_begin_error(
	struct frame_out *o, uint32_t id, const char *code, const char *message, size_t n_more)
{
	out_begin(o, FRAME_RESPONSE, 4);
	msgpack_pack_uint32(&o->pk, id);
	msgpack_pack_map(&o->pk, 2 + n_more);
	frame_put_str(o, "code", code);
	frame_put_str(o, "message", message);
	o->error_open = true;
}

void frame_put_key(struct frame_out *o, const char *key)
{
	if (key)
		out_str(o, key);
}

void frame_put_str(struct frame_out *o, const char *key, const char *value)
{
	frame_put_key(o, key);
	out_str(o, value);
}

void frame_put_strn(struct frame_out *o, const char *key, const char *value, size_t n)
{
	frame_put_key(o, key);
	out_strn(o, value, n);
}

void frame_put_u64(struct frame_out *o, const char *key, uint64_t value)
{
	frame_put_key(o, key);
	msgpack_pack_uint64(&o->pk, value);
}

void frame_put_i64(struct frame_out *o, const char *key, int64_t value)
{
	frame_put_key(o, key);
	msgpack_pack_int64(&o->pk, value);
}

void frame_put_bool(struct frame_out *o, const char *key, bool value)
{
	frame_put_key(o, key);
	if (value)
		msgpack_pack_true(&o->pk);
	else
		msgpack_pack_false(&o->pk);
}

void frame_put_nil(struct frame_out *o, const char *key)
{
	frame_put_key(o, key);
	msgpack_pack_nil(&o->pk);
}

void frame_put_bin(struct frame_out *o, const char *key, const void *data, size_t n)
{
	frame_put_bin_head(o, key, n);
	if (!o->failed)
		msgpack_pack_bin_body(&o->pk, data, n);
}

void frame_put_map(struct frame_out *o, const char *key, size_t n_fields)
{
	frame_put_key(o, key);
	msgpack_pack_map(&o->pk, n_fields);
}

void frame_put_array(struct frame_out *o, const char *key, size_t n)
{
	frame_put_key(o, key);
	msgpack_pack_array(&o->pk, n);
}

void frame_add_str(struct frame_out *o, const char *value)
{
	out_str(o, value);
}

void frame_add_u64(struct frame_out *o, uint64_t value)
{
	msgpack_pack_uint64(&o->pk, value);
}

void frame_put_bin_head(struct frame_out *o, const char *key, size_t n)
{
	frame_put_key(o, key);
	if (n > UINT32_MAX)
		o->failed = true;
	else
		msgpack_pack_bin(&o->pk, n);
}

int frame_finish(struct frame_out *o, const uint8_t **ret_data, size_t *ret_n)
{
	out_end(o);
	if (o->failed)
		return -ENOMEM;
	*ret_data = (const uint8_t *)o->buf.data;
	*ret_n = o->buf.size;
	return 0;
}
