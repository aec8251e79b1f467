/*
 * Any message, cut anywhere, is told as protobuf-c reads it whole, and its windows add up.
 * Input: two bytes that say where to cut, then the message.
 */
#include <assert.h>
#include <coreweave/sandbox/v1/sandbox.pb-c.h>
#include <string.h>

#include "common/wire/exec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct told {
	struct exec_reader reader;
	const uint8_t *expected; /* of output.data */
	size_t n_expected, n_data;
	int n_events, kind;
	int32_t exit_code;
	enum exec_stream stream;
};

static int on_event(struct exec_reader *r, const struct exec_event *ev)
{
	struct told *t = container_of(r, struct told, reader);

	t->n_events++;
	t->kind = (int)ev->kind;
	t->exit_code = ev->exit_code;
	if (ev->kind != EXEC_OUTPUT)
		return 0;
	assert(ev->n > 0 && t->n_data + ev->n <= t->n_expected);
	assert(memcmp(ev->data, t->expected + t->n_data, ev->n) == 0);
	assert(t->n_data == 0 || t->stream == ev->stream);
	t->stream = ev->stream;
	t->n_data += ev->n;
	return 0;
}

typedef Coreweave__Sandbox__V1__ExecStreamResponse Response;

static void check(const struct told *t, const Response *m)
{
	switch ((int)m->message_case) {
	case COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_READY:
		assert(t->n_events == 1 && t->kind == EXEC_READY);
		break;
	case COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_OUTPUT:
		assert(t->n_data == m->output->data.len);
		assert(t->n_data == 0 ||
			(t->stream == EXEC_STDERR) == ((int)m->output->stream == 2));
		break;
	case COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_EXIT:
		assert(t->n_events == 1 && t->kind == EXEC_EXIT);
		assert(t->exit_code == m->exit->exit_code);
		break;
	case COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_ERROR:
		assert(t->n_events == 1 && t->kind == EXEC_ERROR);
		break;
	default:
		assert(t->n_events == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct told t = { 0 };
	size_t at[4] = { 0 }, consumed, sum = 0;
	Response *m;
	int r = 0;

	if (n < 2)
		return 0;
	n -= 2;
	at[1] = min_size(data[0], n);
	at[2] = min_size(at[1] + data[1], n);
	at[3] = n;
	data += 2;
	m = coreweave__sandbox__v1__exec_stream_response__unpack(NULL, n, data);
	if (m && m->message_case == COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_OUTPUT) {
		t.expected = m->output->data.data;
		t.n_expected = m->output->data.len;
	}
	exec_reader_init(&t.reader, on_event);
	for (int i = 0; i < 3 && !r; i++) {
		const struct grpc_part part = { data + at[i], at[i + 1] - at[i], at[i], n };

		if (part.n == 0 && n > 0)
			continue;
		r = exec_reader_feed(&t.reader, &part, &consumed);
		sum += r ? 0 : consumed;
		if (n == 0)
			break;
	}
	assert((r == 0) == (m != NULL));
	if (m) {
		assert(sum + t.n_data == n);
		check(&t, m);
	}
	exec_reader_done(&t.reader);
	coreweave__sandbox__v1__exec_stream_response__free_unpacked(m, NULL);
	return 0;
}
