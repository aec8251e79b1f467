#include "local/request.h"

#include "common/text.h"

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* What is left of a message. */
struct span {
	const uint8_t *p;
	size_t n;
};

static bool take(struct span *s, uint64_t n)
{
	if (n > s->n)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

static bool take_varint(struct span *s, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && s->n; shift += 7) {
		uint8_t b = *s->p;

		take(s, 1);
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static bool is_text(struct span s)
{
	uint32_t code;

	while (s.n) {
		size_t l = text_utf8((const char *)s.p, s.n, &code);

		if (!l || !code)
			return false;
		take(&s, l);
	}
	return true;
}

static bool text_in(const ProtobufCMessageDescriptor *type, struct span s, unsigned depth);

static bool text_in_field(
	const ProtobufCMessageDescriptor *type, uint64_t number, struct span s, unsigned depth)
{
	const ProtobufCFieldDescriptor *f = NULL;

	if (number <= UINT32_MAX)
		f = protobuf_c_message_descriptor_get_field(type, (unsigned)number);
	if (f && f->type == PROTOBUF_C_TYPE_STRING)
		return is_text(s);
	if (f && f->type == PROTOBUF_C_TYPE_MESSAGE)
		return depth < REQUEST_DEPTH_MAX && text_in(f->descriptor, s, depth + 1);
	return true;
}

static bool text_in(const ProtobufCMessageDescriptor *type, struct span s, unsigned depth)
{
	uint64_t tag, v;

	while (s.n) {
		bool ok = take_varint(&s, &tag);

		switch (ok ? tag & 7 : UINT64_MAX) {
		case WIRE_VARINT:
			ok = take_varint(&s, &v);
			break;
		case WIRE_64:
			ok = take(&s, 8);
			break;
		case WIRE_32:
			ok = take(&s, 4);
			break;
		case WIRE_BYTES:
			ok = take_varint(&s, &v) && v <= s.n &&
			     text_in_field(type, tag >> 3, (struct span){ s.p, v }, depth) &&
			     take(&s, v);
			break;
		default:
			ok = false; /* groups, which no request has */
		}
		if (!ok)
			return false;
	}
	return true;
}

void *request_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t n)
{
	if (!text_in(type, (struct span){ data, n }, 0))
		return NULL;
	return protobuf_c_message_unpack(type, NULL, n, data);
}
