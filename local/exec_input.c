#include "local/exec_input.h"
#include "local/request.h"

#include <string.h>

#define TAG_STDIN 0x12 /* field 2, length-delimited */

void exec_input_init(struct exec_input *in)
{
	in->shape = EXEC_INPUT_UNKNOWN;
	in->n_head = 0;
	in->buf = NULL;
	in->n = 0;
}

void exec_input_done(struct exec_input *in)
{
	free(in->buf);
	exec_input_init(in);
}

/* What the first bytes of a message say: is all of it one stdin field? */
static int shape_of(const struct exec_input *in, size_t message_size)
{
	uint64_t len = 0;

	if (in->head[0] != TAG_STDIN)
		return EXEC_INPUT_WHOLE;
	for (size_t i = 1; i < in->n_head; i++) {
		len |= (uint64_t)(in->head[i] & 0x7f) << (7 * (i - 1));
		if (!(in->head[i] & 0x80))
			return in->n_head + len == message_size ? EXEC_INPUT_STDIN
								: EXEC_INPUT_WHOLE;
	}
	return in->n_head == EXEC_INPUT_HEAD_MAX ? EXEC_INPUT_WHOLE : EXEC_INPUT_UNKNOWN;
}

static int whole_begin(struct exec_input *in, size_t message_size)
{
	if (message_size > EXEC_INPUT_GATHER_MAX)
		return -EMSGSIZE;
	in->shape = EXEC_INPUT_WHOLE;
	in->buf = malloc(message_size ? message_size : 1);
	if (!in->buf)
		return -ENOMEM;
	memcpy(in->buf, in->head, in->n_head);
	in->n = in->n_head;
	return 0;
}

static int whole_end(struct exec_input *in)
{
	Coreweave__Sandbox__V1__ExecStreamRequest *m;
	int r;

	m = request_unpack(
		&coreweave__sandbox__v1__exec_stream_request__descriptor, in->buf, in->n);
	free(in->buf);
	in->buf = NULL;
	if (!m)
		return -EBADMSG;
	if (m->message_case == COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_STDIN)
		r = in->on_stdin(in, m->stdin.data, m->stdin.len, false);
	else
		r = in->on_message(in, m);
	coreweave__sandbox__v1__exec_stream_request__free_unpacked(m, NULL);
	return r;
}

/* Takes bytes of the head until the shape is known or the part is used up; says how many. */
static int find_shape(struct exec_input *in, const struct grpc_part *part, size_t *ret_used)
{
	size_t used = 0;
	int shape = EXEC_INPUT_UNKNOWN;

	while (shape == EXEC_INPUT_UNKNOWN && used < part->n) {
		in->head[in->n_head++] = part->data[used++];
		shape = shape_of(in, part->message_size);
	}
	*ret_used = used;
	if (shape == EXEC_INPUT_UNKNOWN && part->offset + used == part->message_size)
		shape = EXEC_INPUT_WHOLE;
	if (shape == EXEC_INPUT_WHOLE)
		return whole_begin(in, part->message_size);
	in->shape = shape;
	return 0;
}

int exec_input_feed(struct exec_input *in, const struct grpc_part *part, size_t *ret_consumed)
{
	bool last = part->offset + part->n == part->message_size;
	size_t used = 0, left;
	int r = 0;

	if (part->offset == 0) {
		in->shape = EXEC_INPUT_UNKNOWN;
		in->n_head = 0;
	}
	*ret_consumed = 0;
	if (in->shape == EXEC_INPUT_UNKNOWN)
		r = find_shape(in, part, &used);
	left = part->n - used;
	*ret_consumed = in->shape == EXEC_INPUT_STDIN ? used : part->n;
	if (!r && in->shape == EXEC_INPUT_STDIN && left)
		r = in->on_stdin(in, part->data + used, left, true);
	if (!r && in->shape == EXEC_INPUT_WHOLE) {
		memcpy(in->buf + in->n, part->data + used, left);
		in->n += left;
		if (last)
			r = whole_end(in);
	}
	return r;
}
