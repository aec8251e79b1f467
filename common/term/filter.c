#include <string.h>

#include "common/term/filter.h"
#include "common/term/width.h"

#define ENQ 0x05
#define ESC 0x1b

int term_filter_new(struct term_filter **ret, bool clipboard)
{
	struct term_filter *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->clipboard = clipboard;
	f->cols = TERM_COLS_MAX;
	f->caps = (struct term_caps){ true, true, true, true };
	*ret = f;
	return 0;
}

struct term_filter *term_filter_free(struct term_filter *f)
{
	if (f)
		term_buf_done(&f->held);
	free(f);
	return NULL;
}

void term_filter_columns(struct term_filter *f, unsigned cols)
{
	f->cols = cols ? cols : TERM_COLS_MAX;
}

bool term_filter_ground(const struct term_filter *f)
{
	return f->parse.state == PARSE_GROUND && !f->utf8.need;
}

bool term_filter_alternate(const struct term_filter *f)
{
	return f->alternate;
}

void term_filter_reset(struct term_filter *f)
{
	f->parse = (struct parse){ 0 };
	f->utf8 = (struct utf8){ 0 };
	f->held.n = 0;
	f->string = VERDICT_DROP;
	f->printed = false;
}

static void hold_begin(struct term_filter *f)
{
	f->held.n = 0;
	f->held_lost = false;
}

static int hold(struct term_filter *f, const uint8_t *s, size_t n, size_t max)
{
	struct out o = { .buf = &f->held };

	if (n > max - f->held.n)
		f->held_lost = true;
	else if (!f->held_lost)
		out_bytes(&o, s, n);
	return o.r;
}

/* ---- sequences ---- */

static void pass_escape(struct term_filter *f, struct out *o)
{
	const struct parse *p = &f->parse;
	enum verdict v = filter_escape(p);

	if (v == VERDICT_REWRITE)
		out_format(
			o, "\x1b%cB", p->intermediates[0]); /* a charset the model shows as ASCII */
	else if (v == VERDICT_PASS)
		out_bytes(o, f->held.data, f->held.n);
	if (v == VERDICT_PASS)
		filter_note_escape(f, p);
}

static void rewrite_csi(const struct parse *p, struct out *o)
{
	out_text(o, "\x1b[");
	if (p->private)
		out_byte(o, p->private);
	for (unsigned i = 0; i < p->n_params; i++) {
		if (i)
			out_byte(o, p->sub >> i & 1 ? ':' : ';');
		if (p->params[i] >= 0)
			out_format(o, "%d", p->params[i]);
	}
	out_bytes(o, p->intermediates, p->n_intermediates);
	out_byte(o, p->final);
}

/* REP repeats no more than a line, as the model does. */
static enum verdict bound_repeat(const struct term_filter *f, struct parse *p, enum verdict v)
{
	if (v == VERDICT_DROP || parse_key(p) != 'b' || parse_param(p, 0, 0) <= f->cols)
		return v;
	p->params[0] = (int32_t)f->cols;
	return VERDICT_REWRITE;
}

/* No more titles come off the terminal's stack than went on it: below them lies the user's. */
static enum verdict bound_titles(const struct term_filter *f, const struct parse *p, enum verdict v)
{
	if (parse_key(p) != 't')
		return v;
	return f->titles == (parse_param(p, 0, 0) == 22 ? TITLE_STACK_MAX : 0) ? VERDICT_DROP : v;
}

static enum verdict judge_csi(struct term_filter *f)
{
	enum verdict v = filter_caps(f, &f->parse, filter_csi(&f->parse));

	if (f->parse.final == 'b' && !f->printed)
		return VERDICT_DROP;
	v = bound_titles(f, &f->parse, v);
	return bound_repeat(f, &f->parse, v);
}

static void pass_csi(struct term_filter *f, struct out *o)
{
	enum verdict v = judge_csi(f);

	if (v == VERDICT_DROP)
		return;
	if (v == VERDICT_REWRITE || f->held_lost)
		rewrite_csi(&f->parse, o);
	else
		out_bytes(o, f->held.data, f->held.n);
	filter_note_csi(f, &f->parse);
}

static void string_begin(struct term_filter *f, struct out *o)
{
	f->string = (uint8_t)filter_string(&f->parse);
	if (f->string == VERDICT_PASS && f->held_lost)
		f->string = VERDICT_DROP;
	if (f->string == VERDICT_PASS)
		out_bytes(o, f->held.data, f->held.n);
	hold_begin(f);
}

static int string_put(struct term_filter *f, uint8_t b, struct out *o)
{
	if (f->string == VERDICT_REWRITE && b >= 0x20) /* controls are no content */
		return hold(f, &b, 1, TERM_STRING_MAX);
	if (f->string == VERDICT_PASS && ((b >= 0x20 && b < 0x7f) || b == '\r' || b == '\n'))
		out_byte(o, b);
	return 0;
}

/* Ends a string that was passed on as it came: by ST, however it ended. */
static void string_end(struct term_filter *f, struct out *o, bool heard)
{
	static const uint8_t nul = 0;
	const char *content;

	if (f->string == VERDICT_PASS)
		out_text(o, "\x1b\\");
	else if (f->string == VERDICT_REWRITE && heard && !f->held_lost) {
		o->r = hold(f, &nul, 1, TERM_STRING_MAX + 1);
		content = (const char *)f->held.data;
		if (!o->r && filter_osc(o, content, f->held.n - 1, f->parse.bell, f))
			filter_note_osc(f, content);
	}
	f->string = VERDICT_DROP;
	if (f->held.cap > FILTER_HOLD_MAX)
		term_buf_done(&f->held);
	hold_begin(f);
}

/* The last byte of a sequence, or of a string's introducer, is here. */
static int whole(struct term_filter *f, enum parse_action action, uint8_t b, struct out *o)
{
	int r = hold(f, &b, 1, FILTER_HOLD_MAX);

	if (r)
		return err_fold(r);
	if (action == PARSE_ESC)
		pass_escape(f, o);
	else if (action == PARSE_CSI)
		pass_csi(f, o);
	else
		string_begin(f, o);
	return 0;
}

static int act(struct term_filter *f, enum parse_action action, uint8_t b, struct out *o)
{
	static const uint8_t esc = ESC;

	switch (action) {
	case PARSE_NONE:
		if (b == ESC && f->parse.state == PARSE_ESCAPE)
			hold_begin(f);
		if (f->parse.state != PARSE_STRING_ESCAPE && b != 0x7f)
			return hold(f, &b, 1, FILTER_HOLD_MAX);
		return 0;
	case PARSE_EXECUTE:
		if (b != ENQ)
			out_byte(o, b);
		filter_note_control(f, b);
		return 0;
	case PARSE_ESC:
	case PARSE_CSI:
	case PARSE_STRING_BEGIN:
		return whole(f, action, b, o);
	case PARSE_STRING_PUT:
		return string_put(f, b, o);
	case PARSE_STRING_END:
		string_end(f, o, true);
		return 0;
	case PARSE_ABORT:
	case PARSE_ABORT_AGAIN:
		string_end(f, o, false);
		return f->parse.state == PARSE_ESCAPE ? hold(f, &esc, 1, FILTER_HOLD_MAX) : 0;
	case PARSE_AGAIN:
	case PARSE_CSI_BAD:
		return 0;
	}
	return 0;
}

/* A step of UTF-8: whole characters pass, but for C1 controls; what is none becomes the replacement
 * character, as in the model, whatever the terminal would make of it. */
static size_t feed_utf8(struct term_filter *f, uint8_t b, struct out *o)
{
	uint32_t code = UTF8_REPLACEMENT;
	enum utf8_result r = utf8_byte(&f->utf8, b, &code);

	if (r != UTF8_MORE && (code < 0x80 || code >= 0xa0)) {
		out_code(o, code);
		f->printed |= width_of(code) > 0;
	}
	return r != UTF8_AGAIN;
}

/* ---- what passes as it came ---- */

static size_t quick_csi(struct term_filter *f, const uint8_t *s, size_t n)
{
	size_t k = parse_csi(&f->parse, s, n);

	if (!k || k > FILTER_HOLD_MAX)
		return 0;
	/* colours are most of them, and pass where the terminal has them all */
	if ((parse_key(&f->parse) != 'm' || !f->caps.true_color) && judge_csi(f) != VERDICT_PASS)
		return 0;
	filter_note_csi(f, &f->parse);
	f->printed = false;
	return k;
}

static size_t quick_utf8(struct term_filter *f, const uint8_t *s, size_t n)
{
	uint32_t code;
	size_t k = utf8_whole(s, n, &code);

	if (!k || code < 0xa0)
		return 0;
	f->printed |= width_of(code) > 0;
	return k;
}

/* Bytes at the start that pass as they came and are whole; for most output that is all of it. What
 * is not among them goes the long way, byte by byte, and comes to the same. */
static size_t quick(struct term_filter *f, const uint8_t *s, size_t n)
{
	size_t i = 0, k = 1;

	for (; i < n && k; i += k) {
		k = parse_ascii(s + i, n - i);
		if (k) {
			f->printed = true;
		} else if (s[i] >= 0x80) {
			k = quick_utf8(f, s + i, n - i);
		} else if (s[i] == ESC) {
			k = quick_csi(f, s + i, n - i);
		} else if (s[i] < 0x20 && s[i] != ENQ) {
			filter_note_control(f, s[i]);
			f->printed = false;
			k = 1;
		}
	}
	return i;
}

static size_t feed_some(struct term_filter *f, const uint8_t *s, size_t n, struct out *o)
{
	enum parse_action action;
	size_t k;
	int r;

	if (term_filter_ground(f)) {
		k = quick(f, s, n);
		if (k) {
			out_bytes(o, s, k);
			return k;
		}
	}
	if (f->parse.state == PARSE_GROUND && (f->utf8.need || *s >= 0x80))
		return feed_utf8(f, *s, o);
	if (f->parse.state == PARSE_GROUND && *s == 0x7f) {
		out_byte(o, *s);
		return 1;
	}
	action = parse_byte(&f->parse, *s);
	r = act(f, action, *s, o);
	if (action != PARSE_NONE && action != PARSE_STRING_PUT)
		f->printed = false;
	if (r)
		o->r = r;
	return action != PARSE_AGAIN && action != PARSE_ABORT_AGAIN;
}

int term_filter_feed(struct term_filter *f, const uint8_t *data, size_t n, struct term_buf *out)
{
	struct out o = { .buf = out };
	size_t used = 0;

	while (used < n && !o.r)
		used += feed_some(f, data + used, n - used, &o);
	return o.r;
}
