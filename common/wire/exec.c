#include "common/wire/exec.h"

#include <coreweave/sandbox/v1/sandbox.pb-c.h>
#include <string.h>

#define TAG_OUTPUT 0x12        /* ExecStreamResponse.output */
#define TAG_OUTPUT_STREAM 0x08 /* ExecStreamOutput.stream */
#define TAG_OUTPUT_DATA 0x12   /* ExecStreamOutput.data */
#define TAG_STDIN 0x12         /* ExecStreamRequest.stdin */

typedef Coreweave__Sandbox__V1__ExecStreamRequest Request;
typedef Coreweave__Sandbox__V1__ExecStreamResponse Response;

void exec_reader_init(
	struct exec_reader *r, int (*on_event)(struct exec_reader *r, const struct exec_event *ev))
{
	memset(r, 0, sizeof(*r));
	r->on_event = on_event;
}

void exec_reader_done(struct exec_reader *r)
{
	grpc_gather_done(&r->gather);
}

/* ---- output.data in place ---- */

/* A cursor over the start of a message. */
struct head {
	const uint8_t *p, *end;
};

enum shape { SHAPE_UNKNOWN, SHAPE_SPAN, SHAPE_OTHER };

/* The shape is unknown as long as the head ends early; a length of more than 4 bytes is none of
 * ours. */
static enum shape head_tag(struct head *h, uint8_t tag)
{
	if (h->p == h->end)
		return SHAPE_UNKNOWN;
	return *h->p++ == tag ? SHAPE_SPAN : SHAPE_OTHER;
}

static enum shape head_varint(struct head *h, size_t *ret)
{
	size_t v = 0;

	for (unsigned shift = 0; shift < 28; shift += 7) {
		if (h->p == h->end)
			return SHAPE_UNKNOWN;
		v |= (size_t)(*h->p & 0x7f) << shift;
		if (!(*h->p++ & 0x80)) {
			*ret = v;
			return SHAPE_SPAN;
		}
	}
	return SHAPE_OTHER;
}

/* A length that ends where the message ends. */
static enum shape head_length(
	struct head *h, const uint8_t *start, size_t message_size, size_t *ret)
{
	enum shape shape = head_varint(h, ret);

	if (shape == SHAPE_SPAN && (size_t)(h->p - start) + *ret != message_size)
		return SHAPE_OTHER;
	return shape;
}

/* { output { stream, data } } and nothing else, in this order, as every encoder writes it. */
static enum shape find_span(
	const struct exec_reader *r, size_t message_size, size_t *ret_head, size_t *ret_stream)
{
	struct head h = { r->head, r->head + r->n_head };
	enum shape shape = head_tag(&h, TAG_OUTPUT);
	size_t n;

	if (shape == SHAPE_SPAN)
		shape = head_length(&h, r->head, message_size, &n);
	if (shape == SHAPE_SPAN && h.p < h.end && *h.p == TAG_OUTPUT_STREAM) {
		h.p++;
		shape = head_varint(&h, ret_stream);
	}
	if (shape == SHAPE_SPAN)
		shape = head_tag(&h, TAG_OUTPUT_DATA);
	if (shape == SHAPE_SPAN)
		shape = head_length(&h, r->head, message_size, &n);
	*ret_head = (size_t)(h.p - r->head);
	return shape;
}

static enum exec_stream to_stream(size_t number)
{
	return number == EXEC_STDERR ? EXEC_STDERR : EXEC_STDOUT;
}

static int tell_output(
	struct exec_reader *r, enum exec_stream stream, const uint8_t *data, size_t n)
{
	const struct exec_event ev = {
		.kind = EXEC_OUTPUT, .stream = stream, .data = data, .n = n
	};

	return n ? r->on_event(r, &ev) : 0;
}

/* ---- messages of another shape ---- */

static int tell_message(struct exec_reader *r, const Response *m, size_t *ret_data)
{
	struct exec_event ev = { .kind = EXEC_READY };

	switch ((int)m->message_case) {
	case COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_READY:
		break;
	case COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_OUTPUT:
		*ret_data = m->output->data.len;
		return tell_output(r, to_stream((size_t)m->output->stream), m->output->data.data,
			m->output->data.len);
	case COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_EXIT:
		ev.kind = EXEC_EXIT;
		ev.exit_code = m->exit->exit_code;
		break;
	case COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_ERROR:
		ev.kind = EXEC_ERROR;
		ev.code = m->error->code;
		ev.message = m->error->message;
		break;
	default:
		return 0; /* of a newer service: nothing we know of */
	}
	return r->on_event(r, &ev);
}

static int tell_whole(struct exec_reader *r, const uint8_t *data, size_t n, size_t *ret_consumed)
{
	Response *m = coreweave__sandbox__v1__exec_stream_response__unpack(NULL, n, data);
	size_t n_data = 0;
	int e;

	if (!m)
		return -EBADMSG;
	e = tell_message(r, m, &n_data);
	*ret_consumed = n - n_data;
	coreweave__sandbox__v1__exec_stream_response__free_unpacked(m, NULL);
	return e;
}

/* Its window is held until it is whole: before that nobody knows which bytes of it are data. */
static int gather(struct exec_reader *r, const struct grpc_part *part, size_t *ret_consumed)
{
	const uint8_t *data;
	size_t n;
	int e;

	if (part->message_size > EXEC_GATHER_MAX)
		return -EBADMSG;
	e = grpc_gather_feed(&r->gather, part, &data, &n);
	if (e != GRPC_GATHER_WHOLE)
		return e;
	return tell_whole(r, data, n, ret_consumed);
}

/* The first parts of this message are in the head already. */
static int gather_begin(struct exec_reader *r, const struct grpc_part *part, size_t *ret_consumed)
{
	const struct grpc_part first = {
		.data = r->head, .n = part->offset, .message_size = part->message_size
	};
	int e = 0;

	r->whole = true;
	if (first.n)
		e = gather(r, &first, ret_consumed);
	return e ? e : gather(r, part, ret_consumed);
}

/* ---- parts ---- */

static int read_head(struct exec_reader *r, const struct grpc_part *part, size_t *ret_consumed)
{
	size_t l = min_size(sizeof(r->head) - r->n_head, part->n), head, stream = 0, skip;
	enum shape shape;

	if (l)
		memcpy(r->head + r->n_head, part->data, l);
	r->n_head = (uint8_t)(r->n_head + l);
	shape = find_span(r, part->message_size, &head, &stream);
	if (shape == SHAPE_UNKNOWN && part->offset + part->n < part->message_size) {
		*ret_consumed = 0; /* settled when the shape is known */
		return 0;
	}
	if (shape != SHAPE_SPAN)
		return gather_begin(r, part, ret_consumed);
	skip = head - part->offset;
	r->stream = to_stream(stream);
	r->span_left = part->message_size - head - (part->n - skip);
	r->in_span = true;
	*ret_consumed = head;
	return tell_output(r, r->stream, part->data + skip, part->n - skip);
}

int exec_reader_feed(struct exec_reader *r, const struct grpc_part *part, size_t *ret_consumed)
{
	*ret_consumed = 0;
	if (part->offset == 0) {
		r->n_head = 0;
		r->span_left = 0;
		r->whole = false;
		r->in_span = false;
	}
	if (r->whole)
		return gather(r, part, ret_consumed);
	if (!r->in_span)
		return read_head(r, part, ret_consumed);
	if (part->n > r->span_left)
		return -EBADMSG;
	r->span_left -= part->n;
	return tell_output(r, r->stream, part->data, part->n);
}

/* ---- requests ---- */

typedef Coreweave__Sandbox__V1__ExecStreamInit__EnvEntry EnvEntry;

/* The map's entries and the list of them, in one piece. */
static EnvEntry **make_env(const struct exec_env *env, size_t n)
{
	size_t size;
	EnvEntry **list, *entries;

	if (!size_mul(n, sizeof(*list) + sizeof(*entries), &size))
		return NULL;
	list = malloc(size ? size : 1);
	if (!list)
		return NULL;
	entries = (EnvEntry *)(list + n);
	for (size_t i = 0; i < n; i++) {
		coreweave__sandbox__v1__exec_stream_init__env_entry__init(&entries[i]);
		entries[i].key = (char *)env[i].name;
		entries[i].value = (char *)env[i].value;
		list[i] = &entries[i];
	}
	return list;
}

int exec_put_init(struct grpc_outbox *o, const struct exec_init *init)
{
	Coreweave__Sandbox__V1__ExecStreamInit m = COREWEAVE__SANDBOX__V1__EXEC_STREAM_INIT__INIT;
	Request request = COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__INIT;
	_cleanup_(freep) EnvEntry **env = make_env(init->env, init->n_env);
	uint8_t *p;
	int r;

	if (!env)
		return -ENOMEM;
	m.sandbox_id = (char *)init->sandbox_id;
	m.n_command = init->n_argv;
	m.command = (char **)init->argv;
	m.tty = init->tty;
	m.tty_width = init->cols;
	m.tty_height = init->rows;
	m.n_env = init->n_env;
	m.env = env;
	if (init->container)
		m.container = (char *)init->container;
	request.message_case = COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_INIT;
	request.init = &m;
	r = grpc_outbox_reserve(
		o, coreweave__sandbox__v1__exec_stream_request__get_packed_size(&request), &p);
	if (!r)
		coreweave__sandbox__v1__exec_stream_request__pack(&request, p);
	return r;
}

static size_t write_control(uint8_t out[EXEC_CONTROL_MAX], const Request *m)
{
	size_t n = coreweave__sandbox__v1__exec_stream_request__get_packed_size(m);

	assert(GRPC_PREFIX_BYTES + n <= EXEC_CONTROL_MAX);
	grpc_prefix(out, n);
	coreweave__sandbox__v1__exec_stream_request__pack(m, out + GRPC_PREFIX_BYTES);
	return GRPC_PREFIX_BYTES + n;
}

size_t exec_resize(uint8_t out[EXEC_CONTROL_MAX], uint32_t cols, uint32_t rows)
{
	Coreweave__Sandbox__V1__ExecStreamResize m =
		COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESIZE__INIT;
	Request request = COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__INIT;

	m.width = cols;
	m.height = rows;
	request.message_case = COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_RESIZE;
	request.resize = &m;
	return write_control(out, &request);
}

size_t exec_close(uint8_t out[EXEC_CONTROL_MAX])
{
	Coreweave__Sandbox__V1__ExecStreamClose m = COREWEAVE__SANDBOX__V1__EXEC_STREAM_CLOSE__INIT;
	Request request = COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__INIT;

	request.message_case = COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_CLOSE;
	request.close = &m;
	return write_control(out, &request);
}

size_t exec_stdin_head(uint8_t out[EXEC_STDIN_HEAD_MAX], size_t n)
{
	uint8_t field[8];
	size_t l = 0, v = n;

	field[l++] = TAG_STDIN;
	for (; v >= 0x80; v >>= 7)
		field[l++] = (uint8_t)(v | 0x80);
	field[l++] = (uint8_t)v;
	grpc_prefix(out, l + n);
	memcpy(out + GRPC_PREFIX_BYTES, field, l);
	return GRPC_PREFIX_BYTES + l;
}
