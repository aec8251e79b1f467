/* session.capture: the screen, and history, as lines; a page at a time. */
#include <string.h>

#include "daemon/core/methods.h"

#define CAPTURE_BYTES_MAX (FRAME_MAX - 4096)
#define CAPTURE_PAGE_BYTES ((size_t)256 * 1024) /* a line that passes it is the page's last */
#define CAPTURE_PAGE_LINES 1000u

struct page {
	uint64_t first;
	struct term_buf text;
	size_t ends[CAPTURE_PAGE_LINES]; /* of the lines, in text */
	unsigned n;
};

/* At most `max` bytes, cut where a character begins. */
static size_t text_cut(const struct term_buf *b, size_t max)
{
	size_t n = b->n;

	if (n <= max)
		return n;
	for (n = max; n && (b->data[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

/* Without a format: the visible screen as one text. */
static void capture_text(struct client *c, const struct frame *f, const struct session *s)
{
	struct frame_out *o = &c->core->scratch;
	struct term_buf text = { .n = 0 };

	if (term_text(s->screen.term, &text)) {
		term_buf_done(&text);
		refuse_memory(c, f);
		return;
	}
	frame_begin_result(o, f->id, 3);
	frame_put_u64(o, "cols", s->cols);
	frame_put_u64(o, "rows", s->rows);
	frame_put_strn(o, "text", text.data ? (const char *)text.data : "",
		text_cut(&text, CAPTURE_BYTES_MAX));
	client_send(c);
	term_buf_done(&text);
}

static bool param_format(const struct frame *f, enum term_line_format *ret)
{
	/* clang-format off */
	static const struct { const char *name; enum term_line_format format; } names[] = {
		{ "text", TERM_LINE_TEXT }, { "ansi", TERM_LINE_ANSI }, { "json", TERM_LINE_JSON },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!param_is(f, "format", names[i].name))
			continue;
		*ret = names[i].format;
		return true;
	}
	return false;
}

/* The line asked for, or the oldest that is kept. */
static uint64_t first_line(const struct term *t, const struct frame *f)
{
	const uint64_t screen = term_history_total(t);
	uint64_t history = 0, from;

	param_int(f, "history", &history);
	from = screen - min_u64(history, screen);
	param_int(f, "from", &from);
	return from < term_line_first(t) ? term_line_first(t) : from;
}

static int fill_page(
	struct page *p, const struct term *t, const struct frame *f, enum term_line_format format)
{
	uint64_t limit = CAPTURE_PAGE_LINES;
	int r = 0;

	param_int(f, "limit", &limit);
	p->first = first_line(t, f);
	while (p->n < limit && p->text.n < CAPTURE_PAGE_BYTES) {
		r = term_line(t, p->first + p->n, format, &p->text);
		if (r)
			break;
		p->ends[p->n++] = p->text.n;
	}
	return r == TERM_LINE_NONE ? 0 : err_fold(r);
}

static void answer_page(
	struct client *c, const struct frame *f, const struct session *s, const struct page *p)
{
	const struct term *t = s->screen.term;
	struct frame_out *o = &c->core->scratch;
	struct term_cursor cursor;
	size_t at = 0;

	term_cursor(t, &cursor);
	frame_begin_result(o, f->id, 12);
	frame_put_u64(o, "cols", s->cols);
	frame_put_u64(o, "rows", s->rows);
	frame_put_bool(o, "alternate", term_alternate(t));
	frame_put_u64(o, "cursor_x", cursor.x);
	frame_put_u64(o, "cursor_y", cursor.y);
	frame_put_u64(o, "cursor_shape", cursor.shape);
	frame_put_bool(o, "cursor_visible", cursor.visible);
	frame_put_str(o, "title", term_title(t));
	frame_put_u64(o, "from", p->first);
	frame_put_u64(o, "screen", term_history_total(t));
	frame_put_bool(o, "more", p->first + p->n < term_line_end(t));
	frame_put_array(o, "lines", p->n);
	for (unsigned i = 0; i < p->n; at = p->ends[i++])
		frame_put_strn(o, NULL, p->text.data ? (const char *)p->text.data + at : "",
			p->ends[i] - at);
	client_send(c);
}

void on_session_capture(struct client *c, const struct frame *f)
{
	struct session *s = param_session(c, f);
	struct frame_span format_text;
	enum term_line_format format;
	struct page page = { .n = 0 };

	if (!s)
		return;
	session_resize_finish(s);
	if (!param_span(f, "format", &format_text))
		capture_text(c, f, s);
	else if (!param_format(f, &format))
		refuse_param(c, f, "format");
	else if (fill_page(&page, s->screen.term, f, format))
		refuse_memory(c, f);
	else
		answer_page(c, f, s, &page);
	term_buf_done(&page.text);
}
