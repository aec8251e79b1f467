#include <string.h>

#include "common/term/model.h"

#define STEP_BYTES ((size_t)1024) /* of text or string content at once, ... */
#define STEP_ROWS ((size_t)16) /* ... and of text about as much as fills these: each may scroll */
#define WORK_STEP 4u           /* of a step, beside its bytes */
#define STRING_KEEP ((size_t)4096) /* a larger buffer is given back when its string ends */

static unsigned clamp(unsigned v, unsigned least, unsigned most)
{
	return v < least ? least : v > most ? most : v;
}

void tabs_reset(struct term *t)
{
	memset(t->tabs, 0x01, sizeof(t->tabs)); /* every eighth column */
}

static void palette_reset(struct term *t)
{
	free(t->palette);
	t->palette = NULL;
	memset(t->dynamic, 0, sizeof(t->dynamic));
}

void term_reset_soft(struct term *t)
{
	t->modes |= TERM_MODE_VISIBLE | TERM_MODE_WRAP;
	t->modes &= ~(TERM_MODE_INSERT | TERM_MODE_APP_CURSOR | TERM_MODE_APP_KEYPAD |
		      TERM_MODE_REVERSE_WRAP);
	t->top = 0;
	t->bottom = t->rows;
	t->style_known = false;
	t->cursor.origin = false;
	t->cursor.pending = false;
	t->cursor.pen = (struct pen){ 0 };
	memset(t->cursor.charsets, 'B', sizeof(t->cursor.charsets));
	t->cursor.shift = t->cursor.single = 0;
	cursor_init(&t->screen->saved);
}

void term_reset(struct term *t)
{
	t->screen = &t->screens[0];
	for (unsigned i = 0; i < ARRAY_SIZE(t->screens); i++) {
		t->work += t->rows;
		if (i == 0 || t->alternate_used)
			grid_fill(&t->screens[i].grid, 0);
		cursor_init(&t->screens[i].saved);
		t->screens[i].kitty = (struct kitty){ 0 };
	}
	t->alternate_used = false;
	cursor_init(&t->cursor);
	t->style_known = false;
	t->top = 0;
	t->bottom = t->rows;
	t->modes = TERM_MODES_DEFAULT;
	t->mouse = t->mouse_encoding = 0;
	t->cursor_shape = 0;
	t->last = 0;
	memset(t->modify_keys, 0, sizeof(t->modify_keys));
	tabs_reset(t);
	palette_reset(t);
	t->title[0] = '\0';
	while (t->n_titles)
		free(t->titles[--t->n_titles]);
}

int term_new(struct term **ret, const struct term_config *config)
{
	_cleanup_(term_freep) struct term *t = calloc(1, sizeof(*t));
	unsigned history = config->history_lines;
	int r = 0;

	if (!t)
		return -ENOMEM;
	t->cols = clamp(config->cols, 1, TERM_COLS_MAX);
	t->rows = clamp(config->rows, 1, TERM_ROWS_MAX);
	history_init(&t->history, history > HISTORY_LINES_MAX ? HISTORY_LINES_MAX : history);
	for (unsigned i = 0; !r && i < ARRAY_SIZE(t->screens); i++)
		r = grid_init(&t->screens[i].grid, t->cols, t->rows);
	if (r)
		return err_fold(r);
	term_reset(t);
	*ret = TAKE(t);
	return 0;
}

struct term *term_free(struct term *t)
{
	if (!t)
		return NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(t->screens); i++)
		grid_done(&t->screens[i].grid);
	resize_free(t->resize);
	history_done(&t->history);
	pool_done(&t->styles);
	pool_done(&t->clusters);
	links_done(t);
	free(t->palette);
	while (t->n_titles)
		free(t->titles[--t->n_titles]);
	free(t->cwd);
	term_buf_done(&t->string);
	term_buf_done(&t->replies);
	free(t);
	return NULL;
}

/* ---- feeding ---- */

static void string_begin(struct term *t)
{
	t->string.n = 0;
	t->string_lost = false;
}

static void string_put(struct term *t, const uint8_t *s, size_t n)
{
	struct out o = { .buf = &t->string };

	if (t->parse.kind != ']' && t->parse.kind != 'P')
		return; /* APC, PM and SOS mean nothing here */
	if (n > TERM_STRING_MAX - t->string.n)
		t->string_lost = true;
	else if (!t->string_lost)
		out_bytes(&o, s, n);
	t->string_lost |= o.r < 0;
}

static void string_end(struct term *t, bool heard)
{
	struct out o = { .buf = &t->string };

	if (heard && !t->string_lost && !t->parse.ignored) {
		out_byte(&o, '\0'); /* so that text functions stop */
		t->string.n -= !o.r;
		if (!o.r && t->parse.kind == ']')
			osc_dispatch(t);
		else if (!o.r && t->parse.kind == 'P')
			query_dcs(t);
	}
	t->string.n = 0;
	if (t->string.cap > STRING_KEEP)
		term_buf_done(&t->string);
}

static void act(struct term *t, enum parse_action action, uint8_t b)
{
	if (action != PARSE_NONE && action != PARSE_STRING_PUT)
		t->last = action == PARSE_CSI && parse_key(&t->parse) == 'b' ? t->last : 0;
	switch (action) {
	case PARSE_EXECUTE:
		if (t->parse.state != PARSE_GROUND)
			t->open = UINT64_MAX;
		control_execute(t, b);
		break;
	case PARSE_ESC:
		control_escape(t);
		break;
	case PARSE_CSI:
		csi_dispatch(t);
		break;
	case PARSE_STRING_BEGIN:
		string_begin(t);
		break;
	case PARSE_STRING_END:
		string_end(t, true);
		break;
	case PARSE_ABORT:
		string_end(t, false);
		t->open = 0; /* an ESC that did it is counted by the caller */
		break;
	case PARSE_ABORT_AGAIN:
		string_end(t, false);
		t->open = 1;
		break;
	case PARSE_STRING_PUT:
	case PARSE_NONE:
	case PARSE_AGAIN:
	case PARSE_CSI_BAD:
		break;
	}
}

/* Characters that are no ASCII, in ground state: the end of what was taken. */
static const uint8_t *feed_utf8(struct term *t, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *start = p;
	uint32_t code;
	size_t n;

	while (!t->utf8.need && p < end) {
		n = utf8_whole(p, (size_t)(end - p), &code);
		if (!n)
			break;
		print_code(t, code);
		t->work += WORK_STEP;
		p += n;
	}
	if (p > start)
		return p;
	code = UTF8_REPLACEMENT;
	switch (utf8_byte(&t->utf8, *p, &code)) {
	case UTF8_MORE:
		return p + 1;
	case UTF8_DONE:
	case UTF8_BAD:
		print_code(t, code);
		return p + 1;
	case UTF8_AGAIN:
		print_code(t, code);
		break;
	}
	return p;
}

/* Content of a string up to what may end it: taken at once. */
static const uint8_t *feed_string(struct term *t, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = p;

	while (q < end && *q >= 0x20)
		q++;
	string_put(t, p, (size_t)(q - p));
	if (q == end || *q == '\x1b' || *q == '\x18' || *q == '\x1a' || *q == '\a') {
		if (q < end) {
			act(t, parse_byte(&t->parse, *q), *q);
			q++;
		}
		return q;
	}
	return q + 1; /* other controls are no content */
}

static const uint8_t *feed_step(struct term *t, const uint8_t *p, const uint8_t *end)
{
	enum parse_action action;
	size_t n;

	if (t->parse.state == PARSE_STRING)
		return feed_string(t, p, end);
	if (t->parse.state == PARSE_GROUND) {
		if (t->utf8.need || *p >= 0x80)
			return feed_utf8(t, p, end);
		if (*p < 0x20 && *p != 0x1b) {
			t->last = 0;
			control_execute(t, *p);
			return p + 1;
		}
		n = parse_ascii(p, (size_t)(end - p));
		if (n) {
			print_ascii(t, p, n);
			return p + n;
		}
		n = parse_csi(&t->parse, p, (size_t)(end - p));
		if (n) {
			act(t, PARSE_CSI, 0);
			t->work += WORK_STEP;
			return p + n;
		}
	}
	action = parse_byte(&t->parse, *p);
	act(t, action, *p);
	return action == PARSE_AGAIN || action == PARSE_ABORT_AGAIN ? p : p + 1;
}

bool term_ground(const struct term *t)
{
	return t->parse.state == PARSE_GROUND && !t->utf8.need;
}

static void count_open(struct term *t, uint64_t n)
{
	if (term_ground(t))
		t->open = 0;
	else if (t->open != UINT64_MAX)
		t->open += n;
}

size_t term_feed_some(struct term *t, const uint8_t *data, size_t n, uint64_t *work)
{
	const uint8_t *p = data, *end = n ? data + n : data;
	uint64_t all = UINT64_MAX, start;
	size_t step;

	term_resize_some(t, &all);
	start = t->work;
	step = min_size(STEP_BYTES, STEP_ROWS * t->cols);
	t->version += n > 0;
	t->fresh = 0; /* shadows may have that number by now: its record stays */
	while (p < end && t->work - start < *work) {
		const uint8_t *stop = (size_t)(end - p) > step ? p + step : end;
		const uint8_t *next = feed_step(t, p, stop);

		t->work += WORK_STEP + (uint64_t)(next - p);
		count_open(t, (uint64_t)(next - p));
		p = next;
	}
	*work -= min_u64(*work, t->work - start);
	return (size_t)(p - data);
}

bool term_rest(struct term *t)
{
	return history_rest(&t->history);
}

void term_feed(struct term *t, const uint8_t *data, size_t n)
{
	uint64_t work = UINT64_MAX;

	if (n)
		term_feed_some(t, data, n, &work);
}

uint64_t term_pending(const struct term *t)
{
	return t->open;
}

/* ---- what others may know ---- */

void term_size(const struct term *t, unsigned *ret_cols, unsigned *ret_rows)
{
	*ret_cols = t->cols;
	*ret_rows = t->rows;
}

uint64_t term_history_total(const struct term *t)
{
	return t->history.total;
}

unsigned term_lines_shown(const struct term *t)
{
	unsigned n = 0;

	for (unsigned y = 0; y < t->cursor.y; y++)
		n += !term_row(t, y)->wrapped;
	return n;
}

const char *term_title(const struct term *t)
{
	return t->title;
}

bool term_alternate(const struct term *t)
{
	return t->screen == &t->screens[1];
}

void term_cursor(const struct term *t, struct term_cursor *ret)
{
	*ret = (struct term_cursor){ .x = t->cursor.x,
		.y = t->cursor.y,
		.shape = t->cursor_shape,
		.visible = term_mode(t, TERM_MODE_VISIBLE) };
}

size_t term_memory(const struct term *t)
{
	size_t n = sizeof(*t) + t->string.cap + t->replies.cap;

	for (unsigned i = 0; i < ARRAY_SIZE(t->screens); i++)
		n += grid_memory(&t->screens[i].grid);
	n += resize_memory(t->resize) + history_memory(&t->history) + pool_memory(&t->styles) +
	     pool_memory(&t->clusters);
	n += links_memory(t) + (t->palette ? COLORS_N * sizeof(*t->palette) : 0);
	return n + t->n_titles * (TERM_TITLE_MAX + 1) + (t->cwd ? strlen(t->cwd) + 1 : 0);
}
