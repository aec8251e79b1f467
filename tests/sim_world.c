#include "tests/sim_world.h"

#include <string.h>

static uint64_t state;

void rnd_seed(uint64_t n)
{
	state = n * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

size_t rnd(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return n ? (size_t)(state % n) : 0;
}

/* ---- the far side: every byte and its stream are functions of its offset ---- */

/* What a full-screen program and a shell write: text, styles, wide and combining characters, margins, both screens,
 * modes, a title, tabs; and a question, of which the answer is input. */
#define QUESTION "\033[5n" /* is it well? */
#define ANSWER "\033[0n"
static const char script[] =
	"$ ls -l\r\ntotal 42\tsome\tfiles\r\n\033[31mred\033[m and "
	"\033[1;4;38;5;200mstyled\033[22;24m text\033[m\r\n"
	"\xe6\xbc\xa2\xe5\xad\x97 caf\xc3\xa9 a\xcc\x88 "
	"e\xcc\x81\r\n\033[5;10Hmoved\033[K\033[7mback\033[27m"
	"\033[3;8r\033[8;1H\n\n\033M\033[2L\033[P\033[r\033[10;3Hlong line that may be wrapped "
	"where the terminal is narrow "
	"and is not where it is wide, at least not as often, and so on until it ends "
	"here\r\n" QUESTION
	"\033[?25l\033]2;a title\007\033(0lqqk\033(B\033[?7l\033[12;70Hover the edge of "
	"it\033[?7h\033[?25h\033[4h+\033[4l"
	"\033[?1049h\033[2J\033[Hon the other screen\033[48;2;1;2;3m "
	"\033[4;4Hthere\033[m\033[?1049l"
	"\0337\033[20;1Hdown\0338\033[3@\033[2X\r\n1\r\n22\r\n333\r\n4444\r\n55555\r\n\033[H\033["
	"Jafresh\r\n"
	"\033[?2004h\033[?1h\033=\033[?1002;1006h\033[3 q$ "
	"vi\r\n~\r\n~\033[?1002;1006l\033[?1l\033>\033[?2004l\033[0 q";
#define SCRIPT_BYTES (sizeof(script) - 1)
#define SCRIPT_FIRST_LINE 9 /* bytes */

uint64_t answers_before(uint64_t end)
{
	const size_t asked = (size_t)(strstr(script, QUESTION) - script) + sizeof(QUESTION) - 1;
	uint64_t n = end / SCRIPT_BYTES + (end % SCRIPT_BYTES >= asked);

	return n * (sizeof(ANSWER) - 1);
}

uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)script[offset % SCRIPT_BYTES];
}

static unsigned stream_at(uint64_t offset)
{
	return offset / 90 % 3 ? LOG_STDOUT : LOG_STDERR;
}

struct fake fake;
struct far fars[2];

void far_send(struct far *f, size_t n)
{
	static uint8_t buf[LOG_BYTES];
	size_t window, l;

	if (!f->up || f->up->closed || f->ended)
		return;
	window = LOG_BYTES + f->up->consumed - f->sent;
	for (n = min_size(n, window); n; n -= l) {
		l = 0;
		do
			buf[l] = byte_at(f->sent + l);
		while (++l < n && (!f->call || stream_at(f->sent + l) == stream_at(f->sent)));
		/* what the window allows is always taken */
		ck_assert_int_eq(session_output(f->session, buf, l,
					 f->call ? stream_at(f->sent) : LOG_STDOUT),
			0);
		f->sent += l;
	}
}

void far_end(struct far *f)
{
	if (!f->up || f->up->closed || f->ended)
		return;
	session_end(f->session, &(struct session_end){ .has_exit_code = true });
	f->ended = true;
}

void far_end_sequence(struct far *f)
{
	while (f->sent % SCRIPT_BYTES != SCRIPT_FIRST_LINE)
		far_send(f, 1);
}

/* ---- clients ---- */

struct peer peers[N_PEERS];
struct view views[N_VIEWS];

static struct view *view_of(const struct peer *p, uint64_t id)
{
	for (size_t i = 0; i < N_VIEWS; i++)
		if (views[i].peer == p && views[i].id == id)
			return &views[i];
	return NULL;
}

void view_free(struct view *v)
{
	v->term = term_free(v->term);
	v->peer = NULL;
}

static void view_show(struct view *v, const struct frame_span *data)
{
	if (v->term)
		term_feed(v->term, (const uint8_t *)data->data, data->n);
}

static void view_output(struct view *v, const msgpack_object *params)
{
	uint64_t offset = field_u64(params, "offset"), stream = field_u64(params, "stream");
	struct frame_span data;

	ck_assert(!v->painting);
	ck_assert_int_eq(frame_get_bytes(params, "data", &data), 0);
	ck_assert(data.n > 0 && data.n <= ATTACHMENT_DATA_MAX);
	if (v->knows)
		ck_assert_uint_eq(offset, v->next); /* nothing lost, doubled or swapped */
	for (size_t i = 0; i < data.n; i++) {
		MUST((uint8_t)data.data[i] == byte_at(offset + i));
		MUST(!v->far->call || stream == stream_at(offset + i));
	}
	v->knows = v->raw = true;
	v->next = offset + data.n;
	v->got += data.n;
	view_show(v, &data);
}

static void view_resync(struct view *v, const msgpack_object *params)
{
	struct frame_span data;

	ck_assert(!v->lossless || !v->raw); /* never painted once raw output began */
	ck_assert_int_eq(frame_get_bytes(params, "data", &data), 0);
	ck_assert(field_bool(params, "first") || v->painting);
	v->painting = !field_bool(params, "last");
	v->next = field_u64(params, "offset");
	v->knows = true;
	ck_assert_uint_le(v->next, v->far->sent);
	v->got += data.n;
	view_show(v, &data);
}

static void view_told(struct view *v, const struct frame *f)
{
	struct frame_span name;

	if (frame_is(f, "resized")) {
		v->told_cols = field_u64(f->params, "cols");
		v->told_rows = field_u64(f->params, "rows");
		v->told_lead = field_bool(f->params, "lead");
	} else if (frame_is(f, "clients")) {
		v->told_clients = field_u64(f->params, "n_clients");
	} else if (frame_is(f, "state")) {
		ck_assert_int_eq(frame_get_str(f->params, "name", &name), 0);
		v->told_name = name.n ? name.data[0] : 0;
	}
}

static void peer_on_frame(struct peer *p, const struct frame *f)
{
	struct view *v;
	uint64_t id;

	if (f->kind != FRAME_NOTIFICATION ||
		frame_get_u64(f->params, "attachment", 0, UINT32_MAX, &id))
		return;
	v = view_of(p, id);
	ck_assert_ptr_nonnull(v);
	view_told(v, f);
	if (frame_is(f, "output"))
		view_output(v, f->params);
	else if (frame_is(f, "resync"))
		view_resync(v, f->params);
	else if (frame_is(f, "exited")) {
		ck_assert(v->leaving || (v->far->ended && !v->painting));
		ck_assert(v->leaving || !v->raw || v->painting || v->next == v->far->sent);
		view_free(v);
		return;
	} else if (frame_is(f, "detached")) {
		view_free(v);
		return;
	}
	ck_assert_uint_le(v->got - v->acked, v->window); /* credit */
}

void read_peers(void)
{
	const struct frame *f;

	for (size_t i = 0; i < N_PEERS; i++) {
		while ((f = peer_next(&peers[i])))
			peer_on_frame(&peers[i], f);
		if (peers[i].pos_rx == peers[i].n_rx)
			peers[i].pos_rx = peers[i].n_rx = 0;
	}
}

void start_peer(struct peer *p)
{
	ck_assert_int_eq(peer_init(p, &fake, false), 0);
	peer_hello(p);
}

void kill_peer(struct peer *p)
{
	for (size_t i = 0; i < N_VIEWS; i++) {
		if (views[i].peer != p)
			continue;
		view_free(&views[i]);
		if (views[i].far->call && !views[i].leaving)
			views[i].far->up = NULL; /* a call goes with its connection */
	}
	peer_done(p);
	start_peer(p);
}

struct view *free_view(void)
{
	for (size_t i = 0; i < N_VIEWS; i++)
		if (!views[i].peer)
			return &views[i];
	return NULL;
}

const msgpack_object *ask(struct peer *p)
{
	uint32_t id = peer_send(p);
	size_t room = p->room;
	const struct frame *f;

	p->room = SIZE_MAX - LOG_BYTES * 64;
	peer_drain(p, 1);
	fake_turn(&fake);
	p->room = room;
	while ((f = peer_next(p))) {
		if (f->kind == FRAME_RESPONSE && f->id == id)
			return f->error->type == MSGPACK_OBJECT_NIL ? f->result : NULL;
		peer_on_frame(p, f);
	}
	ck_abort_msg("no answer");
	return NULL;
}

void do_input(struct view *v)
{
	static char text[3000];
	size_t n = rnd(sizeof(text));
	struct peer *p = v->peer;

	memset(text, 'k', sizeof(text));
	if (rnd(3) == 0)
		text[0] = '\003'; /* overtakes a backlog */
	peer_begin(p, "session.input", 2);
	frame_put_u64(&p->out, "attachment", v->id);
	frame_put_bin(&p->out, "data", text, n);
	if (ask(p))
		v->far->input += n;
}

void do_resize(struct view *v)
{
	unsigned cols = 60 + (unsigned)rnd(60), rows = 10 + (unsigned)rnd(30);

	peer_notify(v->peer, "session.resize", 3);
	frame_put_u64(&v->peer->out, "attachment", v->id);
	frame_put_u64(&v->peer->out, "cols", cols);
	frame_put_u64(&v->peer->out, "rows", rows);
	peer_send(v->peer);
	if (v->term)
		ck_assert_int_eq(term_resize(v->term, cols, rows), 0);
	v->lossless = false; /* a terminal now, which may be painted */
}
