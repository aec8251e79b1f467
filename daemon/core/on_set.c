/* session.set: what attachments of a session begin with, and one attachment's own. */
#include "daemon/core/methods.h"
#include "daemon/core/paint.h"

struct settings {
	bool has_size, has_policy, has_block_timeout, has_drain, has_window;
	struct size_policy size;
	enum attachment_policy policy;
	uint64_t block_timeout_ms, drain_ms, window;
	bool has_colors;
	uint32_t colors[TERM_COLORS_N];
	bool has_shown;
	uint64_t shown;
};

static bool settings_read(struct client *c, const struct frame *f, struct settings *ret)
{
	struct frame_span text;

	*ret = (struct settings){ .has_size = param_span(f, "size", &text) };
	if (ret->has_size && size_parse(text.data, text.n, &ret->size)) {
		refuse_param(c, f, "size");
		return false;
	}
	ret->has_policy = param_span(f, "policy", &text);
	if (ret->has_policy && !attachment_policy_parse(text.data, text.n, &ret->policy)) {
		refuse_param(c, f, "policy");
		return false;
	}
	ret->has_block_timeout = param_int(f, "block_timeout_ms", &ret->block_timeout_ms);
	ret->has_drain = param_int(f, "drain_ms", &ret->drain_ms);
	ret->has_window = param_int(f, "window", &ret->window);
	ret->has_colors = param_colors(f, ret->colors);
	ret->has_shown = param_int(f, "shown", &ret->shown);
	return true;
}

static void set_attachment(struct client *c, const struct frame *f, const struct settings *to)
{
	struct attachment *a = param_attachment_of_session(c, f);
	const struct credit *credit;

	if (!a)
		return;
	if (to->has_size) { /* it is the session's, as colours are an attachment's */
		refuse_param(c, f, "size");
		return;
	}
	if (to->has_policy && attachment_set_policy(a, to->policy)) {
		refuse_observer_blocks(c, f);
		return;
	}
	if (to->has_colors)
		attachment_set_colors(a, to->colors);
	if (to->has_shown)
		paint_hold(a, to->shown);
	if (to->has_block_timeout)
		attachment_set_block_timeout(a, to->block_timeout_ms * USEC_PER_MSEC);
	credit = &a->credit;
	if (to->has_window || to->has_drain)
		attachment_set_credit(a, to->has_window ? to->window : credit->window,
			to->has_drain ? to->drain_ms * USEC_PER_MSEC : credit->drain_usec);
	answer_empty(c, f);
}

static void set_session(struct client *c, const struct frame *f, const struct settings *to)
{
	struct session *s = param_session(c, f);

	if (!s)
		return;
	if (to->has_colors || to->has_shown) { /* an attachment's */
		refuse_param(c, f, to->has_colors ? "foreground" : "shown");
		return;
	}
	if (session_ended(s)) {
		refuse_ended(c, f, s);
		return;
	}
	if (to->has_policy)
		s->policy = to->policy;
	if (to->has_block_timeout)
		s->block_timeout_usec = to->block_timeout_ms * USEC_PER_MSEC;
	if (to->has_drain)
		s->drain_usec = to->drain_ms * USEC_PER_MSEC;
	if (to->has_window)
		s->window = to->window;
	if (to->has_size)
		s->size = to->size;
	session_fit(s);
	answer_empty(c, f);
}

void on_session_set(struct client *c, const struct frame *f)
{
	bool one = frame_get(f->params, "attachment"), all = frame_get(f->params, "name");
	struct settings to;

	if (one == all)
		refuse_param(c, f, one ? "attachment" : "name");
	else if (settings_read(c, f, &to))
		(one ? set_attachment : set_session)(c, f, &to);
}
