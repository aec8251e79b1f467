#include "tests/sim_screen.h"

#include <check.h>
#include <string.h>

#include "daemon/core/attachment.h"

/* What a terminal that came only now would show: of the session's size, or a view of its own. */
static struct term *fresh_view(const struct session *s, unsigned cols, unsigned rows)
{
	struct term_buf paint = { .n = 0 };
	struct term_shadow *shadow;
	struct term *t;

	ck_assert_int_eq(term_new(&t, &(struct term_config){ cols, rows, 0 }), 0);
	ck_assert_int_eq(term_shadow_new(&shadow, cols, rows), 0);
	ck_assert_int_eq(term_shadow_paint(shadow, s->screen.term, SIZE_MAX, &paint), 0);
	term_feed(t, paint.data, paint.n);
	term_shadow_free(shadow);
	term_buf_done(&paint);
	return t;
}

enum what { WHOLE_STATE, TEXT };

static void write_what(const struct term *t, enum what what, struct term_buf *ret)
{
	struct term_paint how = { .kind = TERM_PAINT_SCREEN };

	ck_assert_int_eq(what == TEXT ? term_text(t, ret) : term_paint(t, &how, ret), 0);
}

static void check_same(const struct term *one, const struct term *other, enum what what)
{
	struct term_buf a = { .n = 0 }, b = { .n = 0 };

	write_what(one, what, &a);
	write_what(other, what, &b);
	ck_assert_uint_eq(a.n, b.n);
	ck_assert(a.n == 0 || memcmp(a.data, b.data, a.n) == 0);
	term_buf_done(&a);
	term_buf_done(&b);
}

void check_shown(const struct term *shown, const struct session *s)
{
	unsigned cols, rows;
	struct term *fresh;

	term_size(shown, &cols, &rows);
	if (cols == s->cols && rows == s->rows) {
		check_same(shown, s->screen.term, WHOLE_STATE);
		return;
	}
	fresh = fresh_view(s, cols, rows);
	check_same(shown, fresh, TEXT); /* beneath it is what the terminal showed before */
	term_free(fresh);
}

/* Whoever can have raw output has it: nothing is left that would bring it later. */
static void check_raw_again(const struct session *s)
{
	const struct attachment *a;
	uint64_t from;

	if (!screen_ground(&s->screen, &from))
		return; /* in a sequence whose begin the log no longer has */
	list_for_each(a, &s->attachments, session_link)
		ck_assert(!attachment_matches(a) || a->view == VIEW_RAW);
}

void check_rest(const struct session *s)
{
	const struct attachment *a;

	ck_assert_uint_eq(screen_offset(&s->screen), s->log.head);
	list_for_each(a, &s->attachments, session_link) {
		ck_assert(a->view == VIEW_RAW || a->view == VIEW_PAINTED);
		ck_assert_uint_eq(attachment_lag(a), 0);
	}
	check_raw_again(s);
}
