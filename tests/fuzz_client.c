/*
 * Random requests, made from the method table, and random events of the far side: the core keeps its bounds, sends
 * nothing but frames, is never busy with nothing, and its ledger comes back to zero.
 *
 * An input is a list of actions, a byte each, with what they need behind it.
 */
#include <assert.h>
#include <string.h>

#include "daemon/core/methods.h"
#include "tests/bare.h"

#define LOG_BYTES ((size_t)64 * 1024)
#define ACTIONS_MAX 200

struct in {
	const uint8_t *data;
	size_t n;
};

static struct bare bare;
static struct frame_out out;

static unsigned take(struct in *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->data++;
}

static size_t take_span(struct in *in, size_t max, const uint8_t **ret)
{
	size_t n = take(in);

	n = min_size(min_size(n, max), in->n);
	*ret = in->data;
	in->data += n;
	in->n -= n;
	return n;
}

/* ---- a request ---- */

static const char *const words[] = { "w", "s1", "skip", "block", "drop", "peer", "observer", "lead",
	"smallest", "80x24", "INT", "EOF", "sb", "/tmp", "boot", "1" };

static void put_str(struct in *in)
{
	const uint8_t *s;
	unsigned how = take(in);
	size_t n;

	if (how < 192) {
		frame_add_str(&out, words[how % ARRAY_SIZE(words)]);
		return;
	}
	n = take_span(in, 64, &s);
	frame_put_strn(&out, NULL, (const char *)s, n);
}

static uint64_t a_number(struct in *in, const struct param *p)
{
	unsigned how = take(in);

	switch (how % 8) {
	case 0:
		return p->min;
	case 1:
		return p->max;
	case 2:
		return p->max + 1;
	case 3:
		return p->min - 1;
	case 4:
		return UINT64_MAX;
	default:
		return how / 8;
	}
}

static void put_fields(struct in *in, const struct param *params);

static void put_value(struct in *in, const struct param *p)
{
	const uint8_t *s;
	size_t n;

	switch (p->type) {
	case PARAM_INT:
		frame_add_u64(&out, a_number(in, p));
		break;
	case PARAM_BOOL:
		frame_put_bool(&out, NULL, take(in) & 1);
		break;
	case PARAM_STR:
		put_str(in);
		break;
	case PARAM_BYTES:
		n = take_span(in, 255, &s);
		frame_put_bin(&out, NULL, s, n);
		break;
	case PARAM_MAP:
		put_fields(in, p->of);
		break;
	case PARAM_STR_MAP:
		frame_put_map(&out, NULL, 1);
		put_str(in);
		put_str(in);
		break;
	case PARAM_ARRAY:
		frame_put_array(&out, NULL, 1);
		put_fields(in, p->of);
		break;
	case PARAM_STR_ARRAY:
		n = take(in) % 4;
		frame_put_array(&out, NULL, n);
		for (size_t i = 0; i < n; i++)
			put_str(in);
		break;
	}
}

/* Nearly always what the table asks for: other types and missing fields are the exception. */
static void put_fields(struct in *in, const struct param *params)
{
	size_t n = 0;

	for (const struct param *p = params; p->name; p++)
		n++;
	frame_put_map(&out, NULL, n);
	for (const struct param *p = params; p->name; p++) {
		unsigned how = take(in);

		frame_put_key(&out, p->name);
		if (how > 250)
			frame_put_array(&out, NULL, 0);
		else if (how > 240 || (how > 120 && !p->required))
			frame_put_nil(&out, NULL);
		else
			put_value(in, p);
	}
}

static void send_request(struct in *in, size_t client, const struct method *m)
{
	const uint8_t *data;
	size_t n;

	frame_out_reset(&out);
	msgpack_pack_array(&out.pk, 4);
	frame_add_u64(&out, 0);
	frame_add_u64(&out, take(in));
	frame_add_str(&out, m->name);
	frame_put_array(&out, NULL, 1);
	put_fields(in, m->params);
	if (frame_finish(&out, &data, &n) == 0)
		bare_feed(&bare, client, data, n);
}

static void send_hello(size_t client)
{
	const uint8_t *data;
	size_t n;

	frame_out_reset(&out);
	frame_begin_request(&out, 0, "hello", 2);
	frame_put_u64(&out, "min", 1);
	frame_put_u64(&out, "max", 1);
	if (frame_finish(&out, &data, &n) == 0)
		bare_feed(&bare, client, data, n);
}

/* ---- the far side and time ---- */

static void do_end(struct in *in)
{
	struct bare_upstream *up = &bare.up[take(in) % BARE_N_UP];
	const struct request_error error = {
		.code = "service", .message = "No.", .status = "UNKNOWN"
	};

	if (up->session)
		session_end(up->session, &(struct session_end){ .failed = take(in) & 1,
						 .has_exit_code = true,
						 .exit_code = -1,
						 .error = &error });
}

static void do_state(struct in *in)
{
	struct bare_upstream *up = &bare.up[take(in) % 4];

	if (up->session && take(in) % 4)
		session_up(up->session);
	else if (up->session)
		session_lost(up->session, "lost", "Lost.");
}

static void do_output(struct in *in)
{
	static uint8_t flood[LOG_BYTES];
	const uint8_t *s;
	size_t n = take_span(in, 255, &s);

	bare_output(&bare, s, n, take(in) % 4 ? LOG_STDOUT : LOG_STDERR);
	if (take(in) % 16 == 0)
		bare_output(&bare, flood, sizeof(flood), LOG_STDOUT);
}

static void act(struct in *in, const struct method *table, size_t n_methods)
{
	const uint8_t *s;
	size_t n, client = take(in) % 8 == 7;

	switch (take(in) % 16) {
	case 0:
		do_end(in);
		break;
	case 1:
		do_state(in);
		break;
	case 2:
	case 3:
		do_output(in);
		break;
	case 4:
		bare.clients[client].room = take(in) % 2 ? SIZE_MAX : take(in) * 8;
		break;
	case 5:
		bare_turns(&bare, UINT64_C(1) << take(in) % 40);
		break;
	case 6:
		n = take_span(in, 255, &s);
		if (take(in) % 8 == 0) /* anything at all */
			bare_feed(&bare, client, s, n);
		break;
	case 7:
		if (bare.request)
			request_result(bare.request, FRAME_NIL), request_done(TAKE(bare.request));
		break;
	default:
		send_request(in, client, &table[take(in) % n_methods]);
		break;
	}
	if (take(in) % 2)
		bare_turns(&bare, 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct in in = { data, n };
	const struct method *table;
	size_t n_methods;

	table = methods(&n_methods);
	frame_out_init(&out);
	if (bare_init(&bare, LOG_BYTES, true))
		return 0;
	send_hello(0);
	send_hello(1);
	for (size_t i = 0; i < ACTIONS_MAX && in.n; i++)
		act(&in, table, n_methods);
	bare_turns(&bare, 0);
	bare_done(&bare);
	frame_out_done(&out);
	return 0;
}
