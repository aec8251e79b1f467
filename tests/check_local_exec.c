#include "tests/suite.h"

#include <string.h>

#include "local/exec_input.h"
#include "local/exec_output.h"

typedef Coreweave__Sandbox__V1__ExecStreamRequest Request;
typedef Coreweave__Sandbox__V1__ExecStreamResponse Response;

#define OUT COREWEAVE__SANDBOX__V1__EXEC_STREAM_OUTPUT__STREAM__STREAM_STDOUT
#define ERR COREWEAVE__SANDBOX__V1__EXEC_STREAM_OUTPUT__STREAM__STREAM_STDERR
#define IN(name) COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_##name

static uint8_t got[300000], message[300000];
static size_t n_got, n_held;
static int last_case;
static uint32_t last_width;

static int on_stdin(struct exec_input *in _unused_, const uint8_t *data, size_t n, bool held)
{
	memcpy(got + n_got, data, n);
	n_got += n;
	n_held += held ? n : 0;
	return 0;
}

static int on_message(struct exec_input *in _unused_, const Request *m)
{
	last_case = (int)m->message_case;
	last_width = last_case == IN(RESIZE) ? m->resize->width : 0;
	return 0;
}

static void setup(struct exec_input *in)
{
	exec_input_init(in);
	in->on_stdin = on_stdin;
	in->on_message = on_message;
	n_got = n_held = 0;
	last_case = -1;
}

/* Every byte is what a test put there; one assertion for all, for one each is most of the time. */
static bool is_ramp(const uint8_t *data, size_t n, size_t slope)
{
	for (size_t i = 0; i < n; i++)
		if (data[i] != (uint8_t)(i * slope))
			return false;
	return true;
}

/* Feeds a message in parts of `step` bytes; says how many bytes of it were counted as used up. */
static size_t feed(struct exec_input *in, const uint8_t *data, size_t n, size_t step, int want)
{
	size_t at = 0, total = 0;
	int r = 0;

	do {
		size_t l = min_size(step, n - at), consumed;
		struct grpc_part part = {
			.data = data + at, .n = l, .offset = at, .message_size = n
		};

		r = exec_input_feed(in, &part, &consumed);
		if (consumed > l)
			ck_abort_msg("consumed %zu of %zu", consumed, l);
		total += consumed;
		at += l;
	} while (!r && at < n);
	ck_assert_int_eq(r, want);
	return total;
}

static size_t pack_stdin(size_t n)
{
	Request m = COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__INIT;
	uint8_t *data = malloc(n ? n : 1);

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 7);
	m.message_case = IN(STDIN);
	m.stdin = (ProtobufCBinaryData){ .data = data, .len = n };
	n = coreweave__sandbox__v1__exec_stream_request__pack(&m, message);
	free(data);
	return n;
}

START_TEST(stdin_arrives_whole_however_its_message_is_cut)
{
	static const size_t sizes[] = { 0, 1, 2, 126, 127, 128, 129, 16383, 16384, 65536, 200000 };
	struct exec_input in;

	setup(&in);
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		size_t n = pack_stdin(sizes[s]);

		for (size_t step = 1; step <= 9; step++) {
			n_got = n_held = 0;
			/* Every byte is counted once: as head now, or as stdin when the program took it. */
			ck_assert_uint_eq(feed(&in, message, n, step * step, 0) + n_held, n);
			ck_assert_uint_eq(n_got, sizes[s]);
			ck_assert(is_ramp(got, n_got, 7));
		}
	}
	exec_input_done(&in);
}
END_TEST

START_TEST(other_messages_are_gathered_and_counted_at_once)
{
	Coreweave__Sandbox__V1__ExecStreamResize resize =
		COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESIZE__INIT;
	Request m = COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__INIT;
	struct exec_input in;
	size_t n;

	setup(&in);
	resize.width = 300;
	resize.height = 50;
	m.message_case = IN(RESIZE);
	m.resize = &resize;
	n = coreweave__sandbox__v1__exec_stream_request__pack(&m, message);
	for (size_t step = 1; step <= n; step++) {
		last_case = -1;
		ck_assert_uint_eq(feed(&in, message, n, step, 0), n);
		ck_assert_int_eq(last_case, IN(RESIZE));
		ck_assert_uint_eq(last_width, 300);
	}
	/* An empty message is none of them. */
	feed(&in, message, 0, 1, 0);
	ck_assert_int_eq(last_case, IN(_NOT_SET));
	exec_input_done(&in);
}
END_TEST

START_TEST(stdin_in_an_unusual_message_is_taken_too_and_was_counted)
{
	struct exec_input in;
	size_t n = pack_stdin(5);

	setup(&in);
	/* A field nobody knows behind it: 15, varint, 1. */
	message[n++] = 0x78;
	message[n++] = 0x01;
	ck_assert_uint_eq(feed(&in, message, n, 3, 0), n);
	ck_assert_uint_eq(n_got, 5);
	ck_assert_uint_eq(n_held, 0);
	exec_input_done(&in);
}
END_TEST

START_TEST(garbage_and_endless_messages_are_refused)
{
	static const uint8_t garbage[] = { 0x0a, 0x7f, 0x01 };
	struct grpc_part part = { .data = garbage, .n = 3, .message_size = EXEC_INPUT_GATHER_MAX };
	struct exec_input in;
	size_t consumed;

	setup(&in);
	feed(&in, garbage, sizeof(garbage), 3, -EBADMSG);
	exec_input_done(&in);
	setup(&in);
	ck_assert_int_eq(exec_input_feed(&in, &part, &consumed), 0);
	exec_input_done(&in);
	setup(&in);
	part.message_size++;
	ck_assert_int_eq(exec_input_feed(&in, &part, &consumed), -EMSGSIZE);
	exec_input_done(&in);
}
END_TEST

static void check_frame(
	size_t room, size_t n, Coreweave__Sandbox__V1__ExecStreamOutput__Stream which)
{
	size_t head = exec_output_head_max(room), l;
	uint8_t *buf = malloc(room);
	Response *m;

	ck_assert_uint_le(head + n, room);
	for (size_t i = 0; i < n; i++)
		buf[head + i] = (uint8_t)(i * 5);
	l = exec_output_frame(buf, head, n, which);
	ck_assert_uint_le(l, room);
	ck_assert_uint_eq(buf[0], 0);
	ck_assert_uint_eq(
		(size_t)buf[1] << 24 | (size_t)buf[2] << 16 | (size_t)buf[3] << 8 | buf[4],
		l - GRPC_PREFIX_BYTES);
	m = coreweave__sandbox__v1__exec_stream_response__unpack(
		NULL, l - GRPC_PREFIX_BYTES, buf + GRPC_PREFIX_BYTES);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(
		m->message_case, COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_OUTPUT);
	ck_assert_int_eq(m->output->stream, which);
	ck_assert_uint_eq(m->output->data.len, n);
	ck_assert(is_ramp(m->output->data.data, n, 5));
	coreweave__sandbox__v1__exec_stream_response__free_unpacked(m, NULL);
	free(buf);
}

START_TEST(a_frame_fits_its_buffer_and_reads_back_at_every_size_of_its_head)
{
	static const size_t rooms[] = { 32, 127, 128, 140, 256, 16384, 16400, 65536, 2097152 + 40 };

	for (size_t i = 0; i < ARRAY_SIZE(rooms); i++) {
		size_t max = rooms[i] - exec_output_head_max(rooms[i]);

		check_frame(rooms[i], max, OUT);
		check_frame(rooms[i], 1, ERR);
		check_frame(rooms[i], max / 2, OUT);
		for (size_t n = 120; n < 130 && n <= max; n++)
			check_frame(rooms[i], n, ERR);
	}
}
END_TEST

TEST_MAIN("local exec", stdin_arrives_whole_however_its_message_is_cut,
	other_messages_are_gathered_and_counted_at_once,
	stdin_in_an_unusual_message_is_taken_too_and_was_counted,
	garbage_and_endless_messages_are_refused,
	a_frame_fits_its_buffer_and_reads_back_at_every_size_of_its_head)
