#include <coreweave/sandbox/v1/sandbox.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "common/wire/exec.h"
#include "tests/suite.h"

/* ---- a reader that writes down what it was told ---- */

struct told {
	struct exec_reader reader;
	uint8_t out[2][4096]; /* by stream */
	size_t n_out[2];
	int n_events[4]; /* by kind */
	int32_t exit_code;
	char code[64], message[64];
	size_t n_data; /* bytes of all events */
	int answer;
};

static int on_event(struct exec_reader *r, const struct exec_event *ev)
{
	struct told *t = container_of(r, struct told, reader);
	size_t i = ev->stream == EXEC_STDERR;

	t->n_events[ev->kind]++;
	if (ev->kind == EXEC_OUTPUT) {
		ck_assert(ev->stream == EXEC_STDOUT || ev->stream == EXEC_STDERR);
		ck_assert_uint_le(t->n_out[i] + ev->n, sizeof(t->out[i]));
		memcpy(t->out[i] + t->n_out[i], ev->data, ev->n);
		t->n_out[i] += ev->n;
		t->n_data += ev->n;
	} else if (ev->kind == EXEC_EXIT) {
		t->exit_code = ev->exit_code;
	} else if (ev->kind == EXEC_ERROR) {
		snprintf(t->code, sizeof(t->code), "%s", ev->code);
		snprintf(t->message, sizeof(t->message), "%s", ev->message);
	}
	return t->answer;
}

static void told_init(struct told *t)
{
	memset(t, 0, sizeof(*t));
	exec_reader_init(&t->reader, on_event);
}

/* One message, cut at `cut` and `cut2`; the windows must add up. */
static int feed_cut(struct told *t, const uint8_t *m, size_t n, size_t cut, size_t cut2)
{
	size_t at[4] = { 0, cut, cut2, n }, consumed, sum = 0, data = t->n_data;

	for (size_t i = 0; i < 3; i++) {
		struct grpc_part part = { m + at[i], at[i + 1] - at[i], at[i], n };
		int r;

		if (part.n == 0 && n)
			continue;
		r = exec_reader_feed(&t->reader, &part, &consumed);
		if (r)
			return r;
		sum += consumed;
		if (n == 0)
			break;
	}
	ck_assert_uint_eq(sum + t->n_data - data, n);
	return 0;
}

static int feed(struct told *t, const void *m, size_t n)
{
	return feed_cut(t, m, n, n, n);
}

static size_t pack_output(uint8_t *to, int stream, const void *data, size_t n)
{
	Coreweave__Sandbox__V1__ExecStreamOutput out =
		COREWEAVE__SANDBOX__V1__EXEC_STREAM_OUTPUT__INIT;
	Coreweave__Sandbox__V1__ExecStreamResponse m =
		COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__INIT;

	out.stream = (Coreweave__Sandbox__V1__ExecStreamOutput__Stream)stream;
	out.data.data = (uint8_t *)data;
	out.data.len = n;
	m.message_case = COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_OUTPUT;
	m.output = &out;
	return coreweave__sandbox__v1__exec_stream_response__pack(&m, to);
}

static size_t pack_exit(uint8_t *to, int32_t code)
{
	Coreweave__Sandbox__V1__ExecStreamExit out = COREWEAVE__SANDBOX__V1__EXEC_STREAM_EXIT__INIT;
	Coreweave__Sandbox__V1__ExecStreamResponse m =
		COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__INIT;

	out.exit_code = code;
	m.message_case = COREWEAVE__SANDBOX__V1__EXEC_STREAM_RESPONSE__MESSAGE_EXIT;
	m.exit = &out;
	return coreweave__sandbox__v1__exec_stream_response__pack(&m, to);
}

START_TEST(output_is_the_same_wherever_its_message_is_cut)
{
	uint8_t data[300], m[512];
	size_t n;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (int stream = 0; stream <= 3; stream++) {
		size_t at = stream == EXEC_STDERR;

		n = pack_output(m, stream, data, sizeof(data));
		for (size_t cut = 0; cut <= n; cut++)
			for (size_t cut2 = cut; cut2 <= n; cut2 += 1 + (cut2 > 24) * 37) {
				struct told t;

				told_init(&t);
				ck_assert_int_eq(feed_cut(&t, m, n, cut, cut2), 0);
				ck_assert_uint_eq(t.n_out[at], sizeof(data));
				ck_assert_int_eq(memcmp(t.out[at], data, sizeof(data)), 0);
				exec_reader_done(&t.reader);
			}
	}
}
END_TEST

START_TEST(output_is_found_in_place_and_not_gathered)
{
	uint8_t data[64] = "in place", m[128];
	struct told t;
	size_t n = pack_output(m, EXEC_STDOUT, data, sizeof(data));

	told_init(&t);
	ck_assert_int_eq(feed_cut(&t, m, n, 10, 20), 0);
	ck_assert_ptr_null(t.reader.gather.buf);
	ck_assert_int_eq(t.n_events[EXEC_OUTPUT], 3);
	exec_reader_done(&t.reader);
}
END_TEST

START_TEST(fields_in_another_order_or_unknown_ones_are_understood_too)
{
	/* { output { data "ab", stream 2 } }; { output { unknown 9: 1, data "cd" } }; { 15: 1,
	 * output { data "e" } } */
	static const uint8_t data_first[] = { 0x12, 6, 0x12, 2, 'a', 'b', 0x08, 2 };
	static const uint8_t unknown_inside[] = { 0x12, 6, 0x48, 1, 0x12, 2, 'c', 'd' };
	static const uint8_t unknown_before[] = { 0x78, 1, 0x12, 3, 0x12, 1, 'e' };
	static const uint8_t long_length[] = { 0x12, 0x85, 0x80, 0x00, 0x12, 0x83, 0x80, 0x00,
		'f' };

	for (size_t cut = 0; cut <= 7; cut++) {
		struct told t;

		told_init(&t);
		ck_assert_int_eq(feed_cut(&t, data_first, sizeof(data_first), cut, cut), 0);
		ck_assert_int_eq(feed_cut(&t, unknown_inside, sizeof(unknown_inside), cut, cut), 0);
		ck_assert_int_eq(feed_cut(&t, unknown_before, sizeof(unknown_before), cut, cut), 0);
		ck_assert_uint_eq(t.n_out[1], 2);
		ck_assert_int_eq(memcmp(t.out[1], "ab", 2), 0);
		ck_assert_uint_eq(t.n_out[0], 3);
		ck_assert_int_eq(memcmp(t.out[0], "cde", 3), 0);
		/* lengths that do not end where the message ends */
		ck_assert_int_eq(feed(&t, long_length, sizeof(long_length)), -EBADMSG);
		exec_reader_done(&t.reader);
	}
}
END_TEST

START_TEST(ready_exit_and_error_are_told_with_their_values)
{
	static const uint8_t ready[] = { 0x0a, 0 }, no_oneof[] = { 0x78, 1 };
	static const uint8_t error[] = { 0x22, 8, 0x0a, 2, 'n', 'o', 0x12, 2, 'S', 'T' };
	static const int32_t codes[] = { 0, 1, 255, -1, INT32_MIN, INT32_MAX };
	struct told t;
	uint8_t m[32];

	told_init(&t);
	ck_assert_int_eq(feed(&t, ready, sizeof(ready)), 0);
	ck_assert_int_eq(t.n_events[EXEC_READY], 1);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		size_t n = pack_exit(m, codes[i]);

		ck_assert_int_eq(feed_cut(&t, m, n, n / 2, n / 2), 0);
		ck_assert_int_eq(t.n_events[EXEC_EXIT], (int)i + 1);
		ck_assert_int_eq(t.exit_code, codes[i]);
	}
	ck_assert_int_eq(feed_cut(&t, error, sizeof(error), 1, 5), 0);
	ck_assert_str_eq(t.code, "ST");
	ck_assert_str_eq(t.message, "no");
	ck_assert_int_eq(feed(&t, no_oneof, sizeof(no_oneof)), 0);
	ck_assert_int_eq(feed(&t, "", 0), 0);
	ck_assert_int_eq(t.n_events[EXEC_READY], 1);
	ck_assert_int_eq(t.n_events[EXEC_ERROR], 1);
	exec_reader_done(&t.reader);
}
END_TEST

START_TEST(empty_output_is_no_event_and_holds_no_window)
{
	static const uint8_t nothing[] = { 0x12, 0 }, stream_only[] = { 0x12, 2, 0x08, 1 };
	static const uint8_t empty[] = { 0x12, 2, 0x12, 0 };
	struct told t;

	told_init(&t);
	ck_assert_int_eq(feed(&t, nothing, sizeof(nothing)), 0);
	ck_assert_int_eq(feed(&t, stream_only, sizeof(stream_only)), 0);
	ck_assert_int_eq(feed(&t, empty, sizeof(empty)), 0);
	ck_assert_int_eq(t.n_events[EXEC_OUTPUT], 0);
	exec_reader_done(&t.reader);
}
END_TEST

START_TEST(garbage_and_too_large_messages_are_refused)
{
	static const uint8_t garbage[] = { 0x12, 0x7f, 0xff, 0xff }, group[] = { 0x0b };
	struct grpc_part part = { garbage, 2, 0, EXEC_GATHER_MAX + 1 };
	size_t consumed;
	struct told t;

	told_init(&t);
	ck_assert_int_eq(feed(&t, garbage, sizeof(garbage)), -EBADMSG);
	ck_assert_int_eq(feed(&t, group, sizeof(group)), -EBADMSG);
	ck_assert_int_eq(exec_reader_feed(&t.reader, &part, &consumed), -EBADMSG);
	exec_reader_done(&t.reader);
}
END_TEST

START_TEST(what_the_listener_refuses_is_passed_up)
{
	struct told t;
	uint8_t m[32];
	size_t n = pack_output(m, 1, "x", 1);

	told_init(&t);
	t.answer = -ENOSPC;
	ck_assert_int_eq(feed(&t, m, n), -ENOSPC);
	n = pack_exit(m, 1);
	ck_assert_int_eq(feed(&t, m, n), -ENOSPC);
	exec_reader_done(&t.reader);
}
END_TEST

/* ---- requests ---- */

static Coreweave__Sandbox__V1__ExecStreamRequest *unpack(struct grpc_outbox *o)
{
	size_t n = o->n - o->pos, size;
	const uint8_t *p = o->data + o->pos;

	ck_assert_uint_ge(n, GRPC_PREFIX_BYTES);
	ck_assert_int_eq(p[0], 0);
	size = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	ck_assert_uint_eq(size, n - GRPC_PREFIX_BYTES);
	return coreweave__sandbox__v1__exec_stream_request__unpack(
		NULL, size, p + GRPC_PREFIX_BYTES);
}

START_TEST(an_init_reads_back_with_every_field)
{
	const char *argv[] = { "/bin/sh", "-c", "exit 3" };
	const struct exec_env env[] = { { "A", "1" }, { "B", "" } };
	const struct exec_init init = { "sb-1", argv, 3, true, 80, 24, env, 2, "side" };
	Coreweave__Sandbox__V1__ExecStreamRequest *m;
	struct grpc_outbox o = { 0 };

	ck_assert_int_eq(exec_put_init(&o, &init), 0);
	m = unpack(&o);
	ck_assert_ptr_nonnull(m);
	ck_assert_str_eq(m->init->sandbox_id, "sb-1");
	ck_assert_uint_eq(m->init->n_command, 3);
	ck_assert_str_eq(m->init->command[2], "exit 3");
	ck_assert(m->init->tty);
	ck_assert_uint_eq(m->init->tty_width, 80);
	ck_assert_uint_eq(m->init->tty_height, 24);
	ck_assert_uint_eq(m->init->n_env, 2);
	ck_assert_str_eq(m->init->env[1]->key, "B");
	ck_assert_str_eq(m->init->container, "side");
	coreweave__sandbox__v1__exec_stream_request__free_unpacked(m, NULL);
	grpc_outbox_done(&o);
}
END_TEST

START_TEST(resize_and_close_read_back)
{
	Coreweave__Sandbox__V1__ExecStreamRequest *m;
	uint8_t frame[EXEC_CONTROL_MAX];
	struct grpc_outbox o = { .data = frame };

	o.n = exec_resize(frame, 132, UINT32_MAX); /* the longest number fits */
	ck_assert_uint_le(o.n, EXEC_CONTROL_MAX);
	m = unpack(&o);
	ck_assert_uint_eq(m->resize->width, 132);
	ck_assert_uint_eq(m->resize->height, UINT32_MAX);
	coreweave__sandbox__v1__exec_stream_request__free_unpacked(m, NULL);
	o.n = exec_close(frame);
	m = unpack(&o);
	ck_assert_int_eq(
		(int)m->message_case, COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_CLOSE);
	coreweave__sandbox__v1__exec_stream_request__free_unpacked(m, NULL);
}
END_TEST

START_TEST(a_stdin_head_fits_its_bytes_at_every_size)
{
	static const size_t sizes[] = { 0, 1, 127, 128, 16383, 16384, EXEC_STDIN_MAX };
	static uint8_t m[EXEC_STDIN_HEAD_MAX + EXEC_STDIN_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t head = exec_stdin_head(m, sizes[i]);
		struct grpc_outbox o = { .data = m, .n = head + sizes[i] };
		Coreweave__Sandbox__V1__ExecStreamRequest *r;

		ck_assert_uint_le(head, EXEC_STDIN_HEAD_MAX);
		memset(m + head, 'k', sizes[i]);
		r = unpack(&o);
		ck_assert_ptr_nonnull(r);
		ck_assert_int_eq((int)r->message_case,
			COREWEAVE__SANDBOX__V1__EXEC_STREAM_REQUEST__MESSAGE_STDIN);
		ck_assert_uint_eq(r->stdin.len, sizes[i]);
		coreweave__sandbox__v1__exec_stream_request__free_unpacked(r, NULL);
	}
}
END_TEST

TEST_MAIN("exec", output_is_the_same_wherever_its_message_is_cut,
	output_is_found_in_place_and_not_gathered,
	fields_in_another_order_or_unknown_ones_are_understood_too,
	ready_exit_and_error_are_told_with_their_values,
	empty_output_is_no_event_and_holds_no_window, garbage_and_too_large_messages_are_refused,
	what_the_listener_refuses_is_passed_up, an_init_reads_back_with_every_field,
	resize_and_close_read_back, a_stdin_head_fits_its_bytes_at_every_size)
