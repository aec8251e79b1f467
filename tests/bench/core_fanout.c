/*
 * What the core costs a byte: a flood through the shared log to N readers, without sockets, TLS or (for calls) a
 * screen. Prints MB/s of the program's output; never asserts a time.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/core/client.h"
#include "tests/bare.h"

#define PIECE ((size_t)32 * 1024)
#define TOTAL ((size_t)2 * 1024 * 1024 * 1024)

static struct bare bare;
static struct frame_out out;
static uint8_t piece[PIECE];
static uint64_t received[BARE_N_CLIENTS][128];

static void send_out(size_t client)
{
	const uint8_t *data;
	size_t n;

	if (frame_finish(&out, &data, &n) == 0)
		client_feed(bare.clients[client].client, data, n);
	frame_out_reset(&out);
}

static void hello(size_t client)
{
	frame_begin_request(&out, 0, "hello", 2);
	frame_put_u64(&out, "min", 1);
	frame_put_u64(&out, "max", 1);
	send_out(client);
}

static void exec(void)
{
	frame_begin_request(&out, 1, "exec", 3);
	frame_put_str(&out, "sandbox_id", "sb");
	frame_put_array(&out, "argv", 1);
	frame_add_str(&out, "yes");
	frame_put_u64(&out, "window", 1024 * 1024);
	send_out(0);
}

static void shell(size_t n_readers)
{
	frame_begin_request(&out, 1, "session.create", 3);
	frame_put_str(&out, "sandbox_id", "sb");
	frame_put_u64(&out, "cols", 80);
	frame_put_u64(&out, "rows", 24);
	send_out(0);
	for (size_t i = 0; i < n_readers; i++) {
		frame_begin_request(&out, 2, "session.attach", 3);
		frame_put_bool(&out, "paint", false);
		frame_put_str(&out, "policy", "block");
		frame_put_u64(&out, "window", 1024 * 1024);
		send_out(0);
	}
}

/* Takes everything, as a socket with room would, and acknowledges it. */
static void take_all(struct client *c)
{
	struct iovec iov[CLIENT_IOV_MAX];
	const struct plan *plan = bare.core->plan;
	size_t n = client_gather(c, iov, CLIENT_IOV_MAX), total = 0;

	for (size_t i = 0; i < n; i++)
		total += iov[i].iov_len;
	for (size_t i = 0; n && i < plan->n_frames; i++) {
		struct attachment *a = plan->frames[i].attachment;

		received[0][a->id % 128] += plan->frames[i].piece.n;
	}
	if (n)
		client_advance(c, total);
}

static void acks(size_t n_readers)
{
	for (size_t i = 1; i <= n_readers; i++) {
		frame_begin_notification(&out, "session.ack", 2);
		frame_put_u64(&out, "attachment", i);
		frame_put_u64(&out, "bytes", received[0][i]);
		send_out(0);
	}
}

static void measure(const char *what, size_t n_readers, bool call, size_t total)
{
	struct bare_upstream *up;
	uint64_t before, after;
	struct client *c;
	size_t sent = 0;

	memset(received, 0, sizeof(received));
	bare_init(&bare, CORE_LOG_BYTES_DEFAULT, false);
	hello(0);
	if (call)
		exec();
	else
		shell(n_readers);
	bare_turns(&bare, 0);
	up = &bare.up[0];
	session_up(up->session);
	before = clock_read_usec(CLOCK_MONOTONIC);
	while (sent < total) {
		for (size_t i = 0; i < 8 && session_room(up->session) >= PIECE; i++) {
			session_output(up->session, piece, PIECE, LOG_STDOUT);
			up->sent += PIECE;
			sent += PIECE;
		}
		for (c = core_next_client(bare.core); c; c = core_next_client(bare.core))
			take_all(c);
		acks(n_readers);
		core_turn(bare.core);
	}
	after = clock_read_usec(CLOCK_MONOTONIC);
	printf("%-36s %8.0f MB/s in, %8.0f MB/s out\n", what,
		(double)sent / (double)(after - before),
		(double)n_readers * (double)sent / (double)(after - before));
	bare_done(&bare);
}

int main(void)
{
	frame_out_init(&out);
	for (size_t i = 0; i < PIECE; i++)
		piece[i] = i % 80 == 79 ? '\n' : (uint8_t)('a' + i % 26);
	measure("a call, 1 reader", 1, true, TOTAL);
	measure("a session, no reader: the model", 0, false, TOTAL / 16);
	measure("a session, 1 lossless reader", 1, false, TOTAL / 16);
	measure("a session, 8 lossless readers", 8, false, TOTAL / 16);
	measure("a session, 64 lossless readers", 64, false, TOTAL / 16);
	frame_out_done(&out);
	return 0;
}
