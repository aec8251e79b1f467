/* The rows that differ, from the first column that does to the last. */
#include <string.h>

#include "common/term/shadow.h"

#define GAP_MAX 4u     /* equal cells that are written again rather than passed over */
#define BLANKS_MIN 10u /* blanks that are erased rather than written */
#define SYNC_FROM 48u  /* bytes: less is shown at once, without synchronized output */

/* What a view leaves out: it ends with its own synchronized output, and a mark that joins the last
 * column needs the terminal to wrap. */
#define VIEW_MODES (~(TERM_MODE_SYNC | TERM_MODE_WRAP | TERM_MODE_REVERSE_WRAP))

static const struct style plain;

/* ---- the row to be shown ---- */

/* Characters cut by the view's edges become blanks. */
static uint64_t line_cell(uint64_t cell, bool first, bool last)
{
	if ((cell & CELL_CHAR) == ' ' || (cell & CELL_TAIL && first) || (cell & CELL_WIDE && last))
		cell &= ~CELL_CHAR;
	return cell & ~CELL_PROTECTED;
}

void line_read(const struct differ *d, unsigned y, struct line *line)
{
	const struct grid *g = d->grid;
	const unsigned cols = d->s->cols, left = d->s->view_x, top = d->s->view_y;
	const struct row *row = top + y < g->n_rows ? grid_row(g, top + y) : NULL;
	const unsigned n = row ? (unsigned)min_size(g->cols - left, cols) : 0;

	for (unsigned x = 0; x < n; x++)
		line->cells[x] = line_cell(row_cell(row, left + x), x == 0, x + 1 == n);
	memset(line->cells + n, 0, (cols - n) * sizeof(*line->cells));
	line->used = cols;
	line->fill = line->cells[cols - 1];
	if (!cell_erasable(d->p.t, line->fill))
		line->fill = 0;
	while (line->used && line->cells[line->used - 1] == line->fill)
		line->used--;
}

/* ---- what differs ---- */

static uint64_t line_at(const struct line *line, unsigned x)
{
	return x < line->used ? line->cells[x] : line->fill;
}

unsigned line_next_difference(
	const struct shadow_row *row, const struct line *line, unsigned x, unsigned cols)
{
	const unsigned most = row->used > line->used ? row->used : line->used;

	while (x < most && shadow_cell(row, x) == line_at(line, x))
		x++;
	return x < most || (x < cols && row->fill != line->fill) ? x : cols;
}

/* Emoji and their like take one column on some terminals and two on others, and so do sequences of
 * them. What was wide in old tables and still is is sure, and so is what was narrow; accents join
 * what is before them. */
static bool width_is_doubtful(const struct term *t, uint64_t cell)
{
	static const struct {
		uint32_t first, last;
	} wide[] = {
		{ 0x1100, 0x115f },
		{ 0x2e80, 0x4dbf },
		{ 0x4e00, 0xa4cf },
		{ 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff },
		{ 0xfe30, 0xfe6f },
		{ 0xff01, 0xff60 },
		{ 0xffe0, 0xffe6 },
		{ 0x20000, 0x3fffd },
	};
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];
	bool was_wide = false;
	unsigned n;

	if (!(cell & CELL_CLUSTER) && cell_code(cell) < wide[0].first)
		return false;
	n = cell_codes(t, cell, codes);
	for (unsigned i = 1; i < n; i++)
		if (codes[i] < 0x300 || codes[i] > 0x36f)
			return true;
	for (unsigned i = 0; i < ARRAY_SIZE(wide); i++)
		was_wide |= codes[0] >= wide[i].first && codes[0] <= wide[i].last;
	return was_wide != !!(cell & CELL_WIDE) || (codes[0] >= 0x1f000 && !was_wide);
}

static void forget_cell(struct shadow_row *row, unsigned x, unsigned cols)
{
	if (x < cols)
		shadow_put(row, x, SHADOW_UNKNOWN);
}

/* Whatever it takes, nothing else is where it could be, and what follows is placed anew. */
static void write_doubtful(struct differ *d, uint64_t cell)
{
	const unsigned x = d->s->x, y = d->s->y;

	if (cell & CELL_WIDE) {
		paint_cell(&d->p, cell & ~CELL_CHAR);
		paint_cell(&d->p, cell & ~CELL_CHAR);
		d->s->placed = false;
		differ_move(d, x, y);
	}
	paint_cell(&d->p, cell);
	d->s->placed = false;
}

static void write_cell(
	struct differ *d, struct shadow_row *row, const struct line *line, unsigned x)
{
	const uint64_t cell = line_at(line, x);
	const unsigned width = cell & CELL_WIDE ? 2 : 1;
	const bool doubtful = width_is_doubtful(d->p.t, cell);

	if (doubtful)
		write_doubtful(d, cell);
	else
		paint_cell(&d->p, cell);
	for (unsigned i = 0; i < width; i++)
		shadow_put(row, x + i, line_at(line, x + i));
	/* half of a wide character is left over: terminals make different blanks of it */
	if (doubtful || (x + width < row->used && row->cells[x + width] & CELL_TAIL))
		forget_cell(row, x + width, d->s->cols);
	d->s->x += width;
}

/* The cells from the cursor to x are as they should be and cost no more than to pass over them. */
static bool gap_is_cheap(const struct differ *d, const struct line *line, unsigned x)
{
	for (unsigned i = d->s->x; i < x; i++) {
		const uint64_t cell = line_at(line, i);
		const struct style style = style_get(d->p.t, cell_style(cell));

		if ((cell & CELL_CHAR) >= 0x7f || memcmp(&style, &d->p.style, sizeof(style)) != 0)
			return false;
	}
	return true;
}

static void go(
	struct differ *d, struct shadow_row *row, const struct line *line, unsigned x, unsigned y)
{
	const struct term_shadow *s = d->s;

	if (s->placed && s->y == y && s->x < x && x - s->x <= GAP_MAX && gap_is_cheap(d, line, x))
		while (s->x < x)
			write_cell(d, row, line, s->x);
	differ_move(d, x, y);
}

/* Blanks of one style from x on, or 0 where that is no blank that erasing leaves. */
static unsigned blank_run(const struct differ *d, const struct line *line, unsigned x)
{
	unsigned n = 0;

	while (x + n < line->used && line->cells[x + n] == line->cells[x])
		n++;
	return n >= BLANKS_MIN && cell_erasable(d->p.t, line->cells[x]) ? n : 0;
}

static void erase_blanks(
	struct differ *d, struct shadow_row *row, const struct line *line, unsigned x, unsigned n)
{
	const struct style style = style_get(d->p.t, cell_style(line->cells[x]));

	paint_style(&d->p, &style);
	out_format(&d->p.o, "\x1b[%uX", n);
	for (unsigned i = 0; i < n; i++)
		shadow_put(row, x + i, line->cells[x]);
	if (x + n < row->used && row->cells[x + n] & CELL_TAIL)
		row->cells[x + n] = SHADOW_UNKNOWN;
}

/* To the row's end. What lies between the line's last cell and x is blank already. */
static void erase_tail(
	struct differ *d, struct shadow_row *row, const struct line *line, unsigned x, unsigned y)
{
	const struct style style = style_get(d->p.t, cell_style(line->fill));
	const struct term_shadow *s = d->s;

	if (s->placed && s->y == y && s->x >= line->used && s->x < x)
		x = s->x;
	differ_move(d, x, y);
	paint_style(&d->p, &style);
	out_text(&d->p.o, "\x1b[K");
	shadow_erase(row, x, line->fill);
}

static void blank_row(struct differ *d, struct shadow_row *row, unsigned y)
{
	differ_move(d, 0, y);
	paint_style(&d->p, &plain);
	out_text(&d->p.o, "\x1b[K");
	row->known = true;
	row->used = 0;
	row->fill = 0;
}

/* False: stopped; what was written is in the shadow. */
static bool paint_row_difference(struct differ *d, unsigned y)
{
	const unsigned cols = d->s->cols;
	struct shadow_row *row = &d->s->rows[y];
	struct line line;
	unsigned x = 0, n;

	line_read(d, y, &line);
	if (row->known && line_next_difference(row, &line, 0, cols) == cols)
		return true;
	row = shadow_open(d->s, y, line.used + (line.used < cols));
	if (!row->known)
		blank_row(d, row, y);
	while ((x = line_next_difference(row, &line, x, cols)) < cols) {
		if (differ_full(d))
			return false;
		if (x >= line.used) {
			erase_tail(d, row, &line, x, y);
			break;
		}
		x -= line.cells[x] & CELL_TAIL ? 1 : 0;
		n = blank_run(d, &line, x);
		go(d, row, &line, x, y);
		if (n)
			erase_blanks(d, row, &line, x, n);
		else
			write_cell(d, row, &line, x);
	}
	shadow_close(d->s, row);
	return true;
}

/* Round after round until one was all of the model as it is now. False: stopped. */
static bool paint_rows_difference(struct differ *d, unsigned *ret_rounds)
{
	struct term_shadow *s = d->s;

	for (*ret_rounds = 0;; ++*ret_rounds) {
		if (s->next == 0) {
			s->version = d->p.t->version;
			differ_scroll(d);
		}
		for (; s->next < s->n_rows; s->next++)
			if (!paint_row_difference(d, s->next))
				return false;
		s->next = 0;
		if (s->version == d->p.t->version)
			return true;
	}
}

/* ---- a view ---- */

/* Where the view begins: where it did while the cursor stays in sight, and rather at the start. */
static unsigned pan(unsigned was, unsigned at, unsigned size, unsigned total)
{
	if (total <= size || at < size - size / 4)
		return 0;
	if (at < was || at >= was + size)
		was = at - size / 2;
	return was < total - size ? was : total - size;
}

/* A cursor that a full-screen program hides is parked anywhere: the view stays. On the primary
 * screen even a hidden one is where the output goes. */
static bool cursor_parked(const struct term *t)
{
	return term_alternate(t) && !term_mode(t, TERM_MODE_VISIBLE);
}

static unsigned stay(unsigned was, unsigned size, unsigned total)
{
	return total <= size ? 0 : was < total - size ? was : total - size;
}

static void view_place(struct differ *d)
{
	const struct term *t = d->p.t;
	struct term_shadow *s = d->s;
	const bool enters = term_alternate(t) && !s->view_alternate;
	unsigned x = enters ? 0 : s->view_x, y = enters ? 0 : s->view_y;

	if (cursor_parked(t)) {
		x = stay(x, s->cols, t->cols);
		y = stay(y, s->n_rows, t->rows);
	} else {
		x = pan(x, t->cursor.x, s->cols, t->cols);
		y = pan(y, t->cursor.y, s->n_rows, t->rows);
	}
	s->view_alternate = term_alternate(t);
	if (x == s->view_x && y == s->view_y)
		return;
	s->view_x = x;
	s->view_y = y;
	if (s->next < s->n_rows)
		shadow_close(s, &s->rows[s->next]);
	s->next = 0;
}

/* Where it is; a hidden one that is out of sight waits at the view's edge. */
static void place_cursor(struct differ *d)
{
	const struct cursor *c = &d->p.t->cursor;
	const struct term_shadow *s = d->s;
	const unsigned x = c->x < s->view_x ? 0 : c->x - s->view_x,
		       y = c->y < s->view_y ? 0 : c->y - s->view_y;

	differ_move(d, (unsigned)min_size(x, s->cols - 1), (unsigned)min_size(y, s->n_rows - 1));
}

static void paint_view_state(struct differ *d)
{
	const struct term *t = d->p.t;
	struct paint_state *was = &d->s->state;

	paint_colors(&d->p, was);
	paint_titles(&d->p, was);
	paint_kitty(&d->p, &was->kitty, &t->screen->kitty);
	paint_modes(&d->p, was, VIEW_MODES);
	d->p.no_mouse = d->s->view_x || d->s->view_y; /* a click would be taken for one elsewhere */
	paint_keys_and_mouse(&d->p, was);
	if (paint_state_take(was, t) < 0)
		d->p.o.r = -ENOMEM;
	if (d->p.no_mouse)
		was->mouse = 0;
	place_cursor(d);
}

/* ---- all of it ---- */

/* In the terminal's alternate screen, so that the user's own stays as it is. */
static void begin_whole(struct differ *d)
{
	struct term_shadow *s = d->s;

	paint_reset(&d->p.o);
	out_text(&d->p.o, "\x1b[?2026h" COLORS_RESET "\x1b[?1049h\x1b[<8u\x1b[H\x1b[2J\x1b"
			  "7");
	shadow_rows(s, true);
	paint_state_init(&s->state);
	differ_placed(d, 0, 0);
	s->sync = true;
	s->whole = false;
	s->next = 0;
	s->sweeps = d->p.t->sweeps;
}

static void begin(struct differ *d)
{
	struct term_shadow *s = d->s;

	if (s->whole)
		begin_whole(d);
	if (s->sweeps != d->p.t->sweeps) { /* the same numbers may mean others */
		shadow_rows(s, false);
		s->sweeps = d->p.t->sweeps;
		s->next = 0;
	}
	view_place(d);
	d->grid = &d->p.t->screen->grid;
}

/* What begins at `at` lies within synchronized output, if there is enough of it to be torn. */
static void end_sync(struct differ *d, size_t at, bool show)
{
	static const char begin_text[] = "\x1b[?2026h";
	struct term_buf *b = d->p.o.buf;
	const bool small = b->n - at <= SYNC_FROM;
	uint8_t *room;

	if (!d->s->sync && !(show && small)) {
		room = out_room(&d->p.o, sizeof(begin_text) - 1);
		if (!room)
			return;
		memmove(b->data + at + sizeof(begin_text) - 1, b->data + at, b->n - at);
		memcpy(b->data + at, begin_text, sizeof(begin_text) - 1);
		b->n += sizeof(begin_text) - 1;
		d->s->sync = true;
	}
	if (show && d->s->sync)
		out_text(&d->p.o, "\x1b[?2026l");
	d->s->sync = !show;
}

int term_shadow_paint(struct term_shadow *s, const struct term *t, size_t max, struct term_buf *out)
{
	struct differ d = { .p = { .t = t, .o = { .buf = out }, .links_left = SIZE_MAX }, .s = s };
	const size_t start = out->n;
	unsigned rounds;
	bool show;

	if (s->done && s->version == t->version)
		return 0;
	d.stop = max < SIZE_MAX - out->n ? out->n + max : SIZE_MAX;
	begin(&d);
	s->done = paint_rows_difference(&d, &rounds);
	paint_style(&d.p, &plain);
	if (s->done)
		paint_view_state(&d);
	/* a paint that never gets done, for the model moves on, shows what it has */
	show = s->done ? !term_mode(t, TERM_MODE_SYNC) : rounds > 0;
	if (out->n > start || s->sync == show)
		end_sync(&d, start, show);
	if (d.p.o.r) {
		out->n = start;
		term_shadow_forget(s);
		return -ENOMEM;
	}
	return s->done ? 0 : TERM_SHADOW_MORE;
}
