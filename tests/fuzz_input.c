/*
 * A client's message of StreamExec, cut anywhere, is told as it reads whole, and its windows add up.
 * Input: two bytes that say where to cut, then the message.
 */
#include <assert.h>
#include <string.h>

#include "local/exec_input.h"
#include "local/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

typedef Coreweave__Sandbox__V1__ExecStreamRequest Request;

#define IN(name) COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_##name

struct told {
	struct exec_input in;
	uint8_t *data;
	size_t n, held;
	int kind; /* message_case; -1: none */
};

static int on_stdin(struct exec_input *in, const uint8_t *data, size_t n, bool held)
{
	struct told *t = container_of(in, struct told, in);

	if (n)
		memcpy(t->data + t->n, data, n);
	t->n += n;
	t->held += held ? n : 0;
	t->kind = (int)IN(STDIN);
	return 0;
}

static int on_message(struct exec_input *in, const Request *m)
{
	struct told *t = container_of(in, struct told, in);

	t->kind = (int)m->message_case;
	return 0;
}

/* The message in two parts; what they said and how many bytes counted as used up. */
static int feed(struct told *t, const uint8_t *data, size_t n, size_t cut, size_t *ret_used)
{
	struct grpc_part parts[] = {
		{ .data = data, .n = cut, .offset = 0, .message_size = n },
		{ .data = data + cut, .n = n - cut, .offset = cut, .message_size = n },
	};
	int r = 0;

	*ret_used = 0;
	for (size_t i = 0; !r && i < 2; i++) {
		size_t used;

		if (i && cut == n)
			break;
		r = exec_input_feed(&t->in, &parts[i], &used);
		assert(r || used <= parts[i].n);
		*ret_used += used;
	}
	return r;
}

static void compare(const struct told *t, const Request *m)
{
	if (m->message_case == IN(STDIN)) {
		assert(t->n == m->stdin.len);
		assert(!t->n || !memcmp(t->data, m->stdin.data, t->n));
	} else {
		assert(t->kind == (int)m->message_case && t->n == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct told t = { .kind = -1 };
	size_t cut, used;
	Request *m;
	int r;

	if (n < 2)
		return 0;
	cut = (size_t)data[0] << 8 | data[1];
	data += 2;
	n -= 2;
	cut = n ? cut % n + 1 : 0;
	t.data = malloc(n + 1);
	exec_input_init(&t.in);
	t.in.on_stdin = on_stdin;
	t.in.on_message = on_message;
	r = feed(&t, data, n, cut, &used);
	m = request_unpack(&coreweave__sandbox__v1__exec_stream_request__descriptor, data, n);
	assert(r == 0 || !m);
	/* Held bytes are given back later; all others at once. */
	assert(r || used + t.held == n);
	if (!r && m)
		compare(&t, m);
	if (m)
		coreweave__sandbox__v1__exec_stream_request__free_unpacked(m, NULL);
	exec_input_done(&t.in);
	free(t.data);
	return 0;
}
