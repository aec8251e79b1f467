#include "tests/sim_company.h"

#include <stdio.h>
#include <string.h>

#define REST_USEC                                                                                  \
	(200 * USEC_PER_SEC) /* any timeout of the core has passed in it, but for how long sessions linger */
#define REST_TURNS_MAX 100

/* ---- who comes ---- */

/* One of the peer's own whose place is taken. */
static const struct view *replaced_by(const struct peer *p)
{
	for (size_t i = 0; i < N_VIEWS && rnd(3) == 0; i++)
		if (views[i].peer == p && !views[i].far->call && !views[i].leaving)
			return &views[i];
	return NULL;
}

/* Up to where its client says that the terminal shows the session; it may lie. */
static uint64_t some_shown(const struct view *v)
{
	const uint64_t said[] = { v->next, v->next, rnd(1 + (size_t)v->next), 0, UINT64_MAX };

	return said[rnd(ARRAY_SIZE(said))];
}

/* Goes on somewhere in what the log has. */
static void put_since(struct peer *p, struct view *v)
{
	const struct session *s = fars[0].session;
	char number[24];

	v->next = s->log.tail + rnd((size_t)(s->log.head - s->log.tail) + 1);
	v->knows = true;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)s->number);
	frame_put_map(&p->out, "since", 3);
	frame_put_str(&p->out, "boot_id", "boot");
	frame_put_str(&p->out, "session", number);
	frame_put_u64(&p->out, "offset", v->next);
}

/* On the terminal of the one whose place is taken. */
static const char left_there[] = "\033[?1049h\033[31mwhatever\033[5;5Hit showed\033[?25l";

static void put_place(struct peer *p, const struct view *old)
{
	frame_put_u64(&p->out, "replaces", old->id);
	frame_put_u64(&p->out, "shown", some_shown(old));
	frame_put_bool(&p->out, "below", rnd(2));
}

/* A terminal that is painted from the start, over what was left there. */
static void give_terminal(struct view *v, unsigned cols, bool used)
{
	ck_assert_int_eq(term_new(&v->term, &(struct term_config){ cols, 24, 0 }), 0);
	if (used)
		term_feed(v->term, (const uint8_t *)left_there, sizeof(left_there) - 1);
}

static void put_attach(struct peer *p, struct view *v, bool since)
{
	static const char *const policies[] = { "skip", "block", "drop" };
	const struct view *old = replaced_by(p);
	bool observer = rnd(6) == 0, raw = rnd(3) == 0, terminal = rnd(2);
	unsigned cols = 80 + (unsigned)rnd(2) * 20;
	size_t policy = observer ? 2 * rnd(2) : rnd(3);

	/* its first bytes may come with the answer: the view must be known before */
	*v = (struct view){ .peer = p,
		.far = &fars[0],
		.id = p->client->next_attachment + 1,
		.window = rnd(2) ? 4096 + rnd(60000) : 65536,
		.lossless = policy == 1 && !terminal };
	peer_begin(p, "session.attach", 10 + since + 3 * (old != NULL));
	frame_put_str(&p->out, "name", fars[0].session->name);
	frame_put_u64(&p->out, "cols", terminal ? cols : 0);
	frame_put_u64(&p->out, "rows", terminal ? 24 : 0);
	frame_put_str(&p->out, "role", observer ? "observer" : "peer");
	frame_put_str(&p->out, "policy", policies[policy]);
	frame_put_bool(&p->out, "paint", !raw);
	frame_put_u64(&p->out, "window", v->window);
	frame_put_u64(&p->out, "drain_ms", rnd(3) ? 0 : rnd(50));
	frame_put_bool(&p->out, "take_over", !observer && rnd(12) == 0);
	frame_put_bool(&p->out, "exclusive", !observer && rnd(12) == 0);
	if (old)
		put_place(p, old);
	if (since)
		put_since(p, v);
	else if (terminal && !raw)
		give_terminal(v, cols, old != NULL);
}

void do_attach(void)
{
	struct peer *p = &peers[rnd(N_PEERS)];
	struct view *v = free_view();
	bool since = rnd(4) == 0;
	const msgpack_object *o;

	if (!v || !fars[0].up)
		return;
	put_attach(p, v, since);
	o = ask(p);
	if (!o) {
		view_free(v);
		return;
	}
	ck_assert_uint_eq(field_u64(o, "attachment"), v->id);
	ck_assert(!field_bool(o, "fresh"));
	v->told_cols = field_u64(o, "cols");
	v->told_rows = field_u64(o, "rows");
	v->told_lead = field_is(o, "role", "lead");
	v->told_name = fars[0].session->name[0];
}

/* ---- steps that move no output ---- */

static void ask_name(struct peer *p, const char *method, size_t n_more)
{
	peer_begin(p, method, 1 + n_more);
	frame_put_str(&p->out, "name", fars[0].session->name);
}

static void do_lead(struct view *v)
{
	peer_begin(v->peer, "session.lead", 1);
	frame_put_u64(&v->peer->out, "attachment", v->id);
	ask(v->peer);
}

static void do_lease(struct view *v)
{
	peer_begin(v->peer, "session.lease", 2);
	frame_put_u64(&v->peer->out, "attachment", v->id);
	frame_put_bool(&v->peer->out, "exclusive", rnd(2));
	ask(v->peer);
}

static void do_size(struct peer *p)
{
	static const char *const sizes[] = { "lead", "latest", "smallest", "largest", "90x20",
		"80x24" };

	ask_name(p, "session.set", 1);
	frame_put_str(&p->out, "size", sizes[rnd(ARRAY_SIZE(sizes))]);
	ck_assert_ptr_nonnull(ask(p));
}

static void do_shown(struct view *v)
{
	peer_begin(v->peer, "session.set", 2);
	frame_put_u64(&v->peer->out, "attachment", v->id);
	frame_put_u64(&v->peer->out, "shown", some_shown(v));
	ask(v->peer);
}

static void do_rename(struct peer *p)
{
	ask_name(p, "session.rename", 1);
	frame_put_str(&p->out, "to", fars[0].session->name[0] == 'w' ? "v" : "w");
	ck_assert_ptr_nonnull(ask(p));
}

static void do_signal(struct peer *p)
{
	ask_name(p, "session.signal", 1);
	frame_put_str(&p->out, "signal", rnd(2) ? "INT" : "TSTP");
	if (ask(p))
		fars[0].signals++;
}

static void do_send(struct peer *p)
{
	static const char text[3000];
	const msgpack_object *o;

	ask_name(p, "session.send", 1);
	frame_put_bin(&p->out, "data", text, rnd(sizeof(text)));
	o = ask(p);
	if (o)
		fars[0].input += field_u64(o, "taken");
}

void do_company(struct view *v)
{
	struct peer *p = &peers[rnd(N_PEERS)];

	if (session_ended(fars[0].session))
		return;
	switch (rnd(9)) {
	case 0:
		if (v && !v->far->call)
			do_lead(v);
		break;
	case 1:
		if (v && !v->far->call)
			do_lease(v);
		break;
	case 2:
		do_size(p);
		break;
	case 3:
		do_rename(p);
		break;
	case 4:
		do_signal(p);
		break;
	case 5:
		if (v)
			do_input(v);
		break;
	case 6:
		if (v && !v->far->call)
			do_resize(v);
		break;
	case 7:
		if (v && !v->far->call)
			do_shown(v);
		break;
	default:
		do_send(p);
		break;
	}
}

/* ---- at rest ---- */

static const struct attachment *attachment_of(const struct view *v)
{
	const struct attachment *a = client_attachment(v->peer->client, v->id);

	ck_assert_ptr_nonnull(a);
	return a;
}

static size_t n_attachments(const struct session *s)
{
	const struct attachment *a;
	size_t n = 0;

	list_for_each(a, &s->attachments, session_link)
		n++;
	return n;
}

static void check_told(const struct view *v)
{
	const struct session *s = fars[0].session;
	const struct attachment *a = attachment_of(v);

	ck_assert_uint_eq(v->told_cols, s->cols);
	ck_assert_uint_eq(v->told_rows, s->rows);
	ck_assert_int_eq(v->told_lead, s->lead == a);
	ck_assert_uint_eq(v->told_clients, n_attachments(s));
	ck_assert_int_eq(v->told_name, s->name[0]);
	ck_assert(!attachment_has_news(a));
}

/* One leads if any may, and has its size where it is the lead's. */
static void check_lead(const struct session *s)
{
	const struct attachment *a;
	bool any = false, lead = false, lease = false, latest = false;

	list_for_each(a, &s->attachments, session_link) {
		any |= a->cols && !a->observer;
		lead |= s->lead == a;
		lease |= s->lease == a;
		latest |= s->latest == a;
	}
	ck_assert(lead == any && latest == any);
	ck_assert(lease == (s->lease != NULL));
	ck_assert(!any || (s->lead->cols && !s->lead->observer));
	ck_assert(!any || s->size.kind != SIZE_LEAD ||
		  (s->cols == s->lead->cols && s->rows == s->lead->rows));
	ck_assert(
		s->size.kind != SIZE_FIXED || (s->cols == s->size.cols && s->rows == s->size.rows));
	ck_assert(fars[0].up->cols == s->cols && fars[0].up->rows == s->rows);
}

static void check_idle(const struct core *core)
{
	uint64_t before = core->n_turns;

	fake_run(&fake, REST_USEC);
	ck_assert_uint_le(core->n_turns - before, REST_TURNS_MAX);
	ck_assert_uint_eq(core_next_deadline(core), CORE_NO_DEADLINE);
	ck_assert(list_empty(&core->writable) && list_empty(&core->tired) &&
		  list_empty(&core->backlog));
	for (size_t i = 0; i < N_PEERS; i++)
		ck_assert(list_empty(&peers[i].client->ready) && !peers[i].client->full);
}

void check_company(void)
{
	check_lead(fars[0].session);
	for (size_t i = 0; i < N_VIEWS; i++)
		if (views[i].peer && !views[i].far->call)
			check_told(&views[i]);
	check_idle(fake.core);
}
