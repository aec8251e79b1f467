#include "tests/term-tools/vterm_mend.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PIECE_BYTES 1024 /* more at once overflows its stack */
#define SETS 4           /* G0 to G3 */

/* What DECSC saves, of each screen. */
struct saved {
	VTermPos at;
	VTermScreenCell pen; /* its attributes and colours */
	bool origin;
	uint8_t shift;
	char sets[SETS];
};

struct vterm_mend {
	VTerm *parser, *vt;
	VTermScreen *screen;
	int rows, top, bottom; /* its size and margins; the bottom one is behind the last row */
	bool alternate, origin;
	bool in_string;  /* APC, PM or SOS, which it takes for text */
	uint8_t shift;   /* which of sets is GL */
	char sets[SETS]; /* the final bytes that named them */
	struct saved saved[2];
};

// ---- what is said to the terminal that shows ----

static void say(struct vterm_mend *m, const char *bytes, size_t n)
{
	vterm_input_write(m->vt, bytes, n);
}

_printf_(2, 3) static void say_format(struct vterm_mend *m, const char *format, ...)
{
	char text[64];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > 0 && (size_t)n < sizeof(text))
		say(m, text, (size_t)n);
}

// ---- saved cursors: it has one for both screens, without charsets and origin mode ----

static void put_color(struct out *o, const VTermColor *c, unsigned base)
{
	const unsigned i = c->indexed.idx;

	if (VTERM_COLOR_IS_DEFAULT_FG(c) || VTERM_COLOR_IS_DEFAULT_BG(c))
		return;
	if (!VTERM_COLOR_IS_INDEXED(c))
		out_format(o, ";%u;2;%u;%u;%u", base + 8, c->rgb.red, c->rgb.green, c->rgb.blue);
	else if (i < 16)
		out_format(o, ";%u", i < 8 ? base + i : base + 60 + i - 8);
	else
		out_format(o, ";%u;5;%u", base + 8, i);
}

void vterm_mend_style(struct out *o, const VTermScreenCell *c)
{
	static const char *const lines[] = { "", ";4", ";21", ";4:3" };

	out_format(o, "0%s%s%s%s%s%s", c->attrs.bold ? ";1" : "", c->attrs.italic ? ";3" : "",
		c->attrs.blink ? ";5" : "", c->attrs.reverse ? ";7" : "",
		c->attrs.strike ? ";9" : "", lines[c->attrs.underline & 3]);
	put_color(o, &c->fg, 30);
	put_color(o, &c->bg, 40);
}

static VTermValue attribute(const struct vterm_mend *m, VTermAttr which)
{
	VTermValue value = { 0 };

	vterm_state_get_penattr(vterm_obtain_state(m->vt), which, &value);
	return value;
}

static VTermScreenCell pen(const struct vterm_mend *m)
{
	return (VTermScreenCell){
		.attrs = {
			.bold = attribute(m, VTERM_ATTR_BOLD).boolean != 0,
			.underline = (unsigned)attribute(m, VTERM_ATTR_UNDERLINE).number & 3u,
			.italic = attribute(m, VTERM_ATTR_ITALIC).boolean != 0,
			.blink = attribute(m, VTERM_ATTR_BLINK).boolean != 0,
			.reverse = attribute(m, VTERM_ATTR_REVERSE).boolean != 0,
			.strike = attribute(m, VTERM_ATTR_STRIKE).boolean != 0,
		},
		.fg = attribute(m, VTERM_ATTR_FOREGROUND).color,
		.bg = attribute(m, VTERM_ATTR_BACKGROUND).color,
	};
}

static void set_pen(struct vterm_mend *m, const VTermScreenCell *to)
{
	struct term_buf style = { 0 };
	struct out o = { .buf = &style };

	out_text(&o, "\033[");
	vterm_mend_style(&o, to);
	out_byte(&o, 'm');
	say(m, (const char *)style.data, style.n);
	term_buf_done(&style);
}

static void set_charsets(struct vterm_mend *m, const char *sets, uint8_t shift)
{
	static const char *const shifts[SETS] = { "\017", "\016", "\033n", "\033o" };

	for (unsigned i = 0; i < SETS; i++)
		say_format(m, "\033%c%c", '(' + (int)i, sets[i]);
	memcpy(m->sets, sets, SETS);
	m->shift = shift;
	say_format(m, "%s", shifts[shift]);
}

static void set_origin(struct vterm_mend *m, bool on)
{
	say_format(m, "\033[?6%c", on ? 'h' : 'l');
	m->origin = on;
}

/* It takes those it cannot set for none at all. */
static void set_margins(struct vterm_mend *m, int top, int bottom)
{
	if (top < 1)
		top = 1;
	if (bottom < 1 || bottom > m->rows)
		bottom = m->rows;
	if (top >= bottom)
		return;
	say_format(m, "\033[%d;%dr", top, bottom);
	m->top = top - 1;
	m->bottom = bottom;
}

static void save(struct vterm_mend *m)
{
	struct saved *s = &m->saved[m->alternate];

	*s = (struct saved){
		.at = vterm_mend_cursor(m), .pen = pen(m), .origin = m->origin, .shift = m->shift
	};
	memcpy(s->sets, m->sets, SETS);
}

static void restore(struct vterm_mend *m)
{
	const struct saved *s = &m->saved[m->alternate];
	int top;

	set_origin(m, s->origin);
	top = vterm_mend_cursor(m).row; /* it went home */
	say_format(m, "\033[%d;%dH", s->at.row < top ? 1 : s->at.row - top + 1, s->at.col + 1);
	set_pen(m, &s->pen);
	set_charsets(m, s->sets, s->shift);
}

/* What RIS and DECSTR leave, of what is kept here. */
static void forget(struct vterm_mend *m)
{
	m->in_string = m->origin = false;
	m->top = 0;
	m->bottom = m->rows;
	set_charsets(m, "BBBB", 0);
	m->saved[0] = m->saved[1] = (struct saved){ .pen = pen(m), .sets = { 'B', 'B', 'B', 'B' } };
}

// ---- what the parser hears ----

/* Of DEC special graphics it has other code points for some, and for one none. */
static void say_graphic(struct vterm_mend *m, char c)
{
	if (c == '_')
		say(m, "\u00a0", 2);
	else if (c == 'y')
		say(m, "\u2264", 3);
	else if (c == 'z')
		say(m, "\u2265", 3);
	else
		say(m, &c, 1);
}

static bool is_text(char c)
{
	return (uint8_t)c >= ' ' && c != 0x7f;
}

/* Bytes of a character at text that are well-formed, and the most its lead byte wants. */
static size_t utf8_bytes(const char *text, size_t n, size_t *ret_wanted)
{
	const uint8_t *b = (const uint8_t *)text, lead = b[0];
	uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	size_t i = 1;

	*ret_wanted = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	while (i < *ret_wanted && i < n && b[i] >= low && b[i] <= high) {
		low = 0x80;
		high = 0xbf;
		i++;
	}
	return i;
}

/* It has another count of U+FFFD than the standard recommends: one for each maximal part. */
static void say_wide(struct vterm_mend *m, const char *text, size_t n)
{
	for (size_t i = 0, k, wanted; i < n; i += k) {
		k = utf8_bytes(text + i, n - i, &wanted);
		if (k == wanted)
			say(m, text + i, k);
		else
			say(m, "\ufffd", 3);
	}
}

/* The charset is that of the first byte for all it is given: ASCII and the rest come apart. */
static int on_text(const char *bytes, size_t n, void *arg)
{
	struct vterm_mend *m = arg;
	size_t all = 0;

	while (all < n && is_text(bytes[all]))
		all++;
	for (size_t i = 0, k; i < all && !m->in_string; i += k) {
		const bool ascii = !(bytes[i] & 0x80), graphic = ascii && m->sets[m->shift] == '0';

		k = 1;
		while (!graphic && i + k < all && ascii == !(bytes[i + k] & 0x80))
			k++;
		if (graphic)
			say_graphic(m, bytes[i]);
		else if (ascii)
			say(m, bytes + i, k);
		else
			say_wide(m, bytes + i, k);
	}
	return (int)all;
}

static int on_control(unsigned char c, void *arg)
{
	struct vterm_mend *m = arg;
	const bool starts = c == 0x98 || c == 0x9e || c == 0x9f, ends = c == 0x9c;

	if (starts || ends)
		m->in_string = starts;
	else if (m->in_string)
		return 1;
	else if (c >= 0x80)
		say_format(m, "\033%c", c - 0x40);
	else
		say_format(m, "%c", c);
	if (c == 0x0e || c == 0x0f)
		m->shift = c == 0x0e;
	return 1;
}

/* It takes the pen's attributes for DECALN, and leaves margins and cursor. */
static void align(struct vterm_mend *m)
{
	const VTermScreenCell before = pen(m);

	set_origin(m, false);
	set_margins(m, 1, m->rows);
	say_format(m, "\033[m\033#8\033[H");
	set_pen(m, &before);
}

static void designate(struct vterm_mend *m, char which, char set)
{
	const char known = set == '0' || set == 'A' ? set : 'B'; /* of others it keeps the last */

	m->sets[which - '('] = known;
	say_format(m, "\033%c%c", which, known);
}

static void reset(struct vterm_mend *m)
{
	if (m->alternate)
		say_format(m, "\033[?1047l");
	say_format(m, "\033c");
	forget(m);
}

static void on_final(struct vterm_mend *m, char final)
{
	if (final == '7')
		save(m);
	else if (final == '8')
		restore(m);
	else if (final == 'c')
		reset(m);
	else if (final != '\\')
		say_format(m, "\033%c", final);
	if (final == 'n' || final == 'o')
		m->shift = final == 'n' ? 2 : 3;
}

static int on_escape(const char *bytes, size_t n, void *arg)
{
	struct vterm_mend *m = arg;
	const char first = bytes[0], last = bytes[n - 1];

	m->in_string = false;
	if (n == 1)
		on_final(m, first);
	else if (n == 2 && first >= '(' && first <= '+')
		designate(m, first, last);
	else if (n == 2 && first == '#' && last == '8')
		align(m);
	return 1; /* lines of double size are left out by choice */
}

/* Of the modes for the alternate screen it knows 1047, and 1049 with its one cursor. */
static void set_alternate(struct vterm_mend *m, int mode, bool on)
{
	if (mode == 1049 && on && !m->alternate)
		save(m);
	if (mode == 1049 || on != m->alternate)
		say_format(m, "\033[?1047%c", on ? 'h' : 'l');
	if (mode == 1049 && !on)
		restore(m);
}

static void set_mode(struct vterm_mend *m, int mode, bool on)
{
	if (mode == 47 || mode == 1047 || mode == 1049)
		set_alternate(m, mode, on);
	else if (mode == 1048 && on)
		save(m);
	else if (mode == 1048)
		restore(m);
	else if (mode == 6)
		set_origin(m, on);
	else if (mode != 69) /* margins at the sides are left out by choice */
		say_format(m, "\033[?%d%c", mode, on ? 'h' : 'l');
}

static bool is_color(long arg)
{
	return CSI_ARG(arg) == 38 || CSI_ARG(arg) == 48;
}

/* Arguments from i on that belong together. */
static int group(const long *args, int n, int i)
{
	int k = 1;

	while (i + k < n && CSI_ARG_HAS_MORE(args[i + k - 1]))
		k++;
	return k;
}

/* It takes the colour space of 48:2:space:r:g:b for red. */
static bool is_color_space(const long *args, int k, int i)
{
	return i == 2 && k == 6 && is_color(args[0]) && CSI_ARG(args[1]) == 2;
}

static void say_csi(struct vterm_mend *m, const char *leader, const long *args, int n,
	const char *intermed, char command)
{
	char text[256];
	size_t at = (size_t)snprintf(text, sizeof(text), "\033[%s", leader ? leader : "");

	for (int i = 0, k; i < n; i += k) {
		k = group(args, n, i);
		for (int j = 0; j < k && at < sizeof(text) - 32; j++) {
			if (is_color_space(args + i, k, j))
				continue;
			if (i + j)
				text[at++] = j ? ':' : ';';
			if (!CSI_ARG_IS_MISSING(args[i + j]))
				at += (size_t)snprintf(text + at, sizeof(text) - at, "%ld",
					(long)CSI_ARG(args[i + j]));
		}
	}
	at += (size_t)snprintf(
		text + at, sizeof(text) - at, "%s%c", intermed ? intermed : "", command);
	say(m, text, at);
}

/* Of a colour cut short it takes the rest from a sequence before. */
static void say_attributes(struct vterm_mend *m, const long *args, int n)
{
	int whole = 0;

	for (int i = 0, k; i < n; i += k) {
		k = group(args, n, i);
		if (k == 1 && is_color(args[i]))
			k = i + 1 < n && CSI_ARG(args[i + 1]) == 2 ? 5 : 3;
		if (i + k <= n)
			whole = i + k;
	}
	if (whole)
		say_csi(m, NULL, args, whole, NULL, 'm');
}

/* Up or down it goes through the margins. */
static void move(struct vterm_mend *m, char command, int n)
{
	const bool down = command == 'B' || command == 'E';
	const VTermPos at = vterm_mend_cursor(m);
	const int first = at.row >= m->top ? m->top : 0;
	const int last = at.row < m->bottom ? m->bottom - 1 : m->rows - 1;
	const int room = down ? last - at.row : at.row - first;

	say_format(m, "\033[%dG", command == 'E' || command == 'F' ? 1 : at.col + 1);
	if (room > 0)
		say_format(m, "\033[%d%c", n < room ? n : room, down ? 'B' : 'A');
}

/* IL and DL leave its cursor where it was in the row. */
static void move_lines(struct vterm_mend *m, char command, int n)
{
	const int y = vterm_mend_cursor(m).row;

	if (y >= m->top && y < m->bottom)
		say_format(m, "\033[%d%c\r", n < 1 ? 1 : n, command);
}

static int argument(const long *args, int n, int i)
{
	return i < n && !CSI_ARG_IS_MISSING(args[i]) ? (int)CSI_ARG(args[i]) : 0;
}

/* Whether one without leader and intermediate was said in another way. */
static bool say_plain(struct vterm_mend *m, const long *args, int n, char command)
{
	const int first = argument(args, n, 0);

	if (strchr("ABEF", command))
		move(m, command, first < 1 ? 1 : first);
	else if (command == 'r')
		set_margins(m, first, argument(args, n, 1));
	else if (command == 'L' || command == 'M')
		move_lines(m, command, first);
	else if (command == 's') /* and not DECSLRM */
		save(m);
	else if (command == 'u')
		restore(m);
	else if (command == 'm')
		say_attributes(m, args, n);
	else
		return false;
	return true;
}

static int on_csi(
	const char *leader, const long args[], int n, const char *intermed, char command, void *arg)
{
	struct vterm_mend *m = arg;
	const bool is_private = leader && strcmp(leader, "?") == 0;

	m->in_string = false;
	if (is_private && !intermed && (command == 'h' || command == 'l')) {
		for (int i = 0; i < n; i++) /* it hears only the first */
			set_mode(m, argument(args, n, i), command == 'h');
	} else if (!leader && intermed && strcmp(intermed, "!") == 0 && command == 'p') {
		vterm_state_reset(vterm_obtain_state(m->vt), 0); /* it looks for it elsewhere */
		forget(m);
	} else if (leader || intermed || !say_plain(m, args, n, command)) {
		say_csi(m, leader, args, n, intermed, command);
	}
	return 1;
}

static int on_string(const char *bytes, size_t n, void *arg)
{
	struct vterm_mend *m = arg;

	(void)bytes;
	(void)n;
	m->in_string = false;
	return 1; /* titles are not asked for, nor what it answers */
}

static int on_property(VTermProp prop, VTermValue *value, void *arg)
{
	struct vterm_mend *m = arg;

	if (prop == VTERM_PROP_ALTSCREEN)
		m->alternate = value->boolean;
	return 1;
}

// ---- all ----

struct vterm_mend *vterm_mend_new(int cols, int rows)
{
	static const VTermScreenCallbacks shown = { .settermprop = on_property };
	static const VTermParserCallbacks heard = { .text = on_text,
		.control = on_control,
		.escape = on_escape,
		.csi = on_csi,
		.osc = on_string,
		.dcs = on_string };
	struct vterm_mend *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->rows = rows;
	m->parser = vterm_new(rows, cols);
	vterm_set_utf8(m->parser, 1);
	vterm_parser_set_callbacks(m->parser, &heard, m);
	m->vt = vterm_new(rows, cols);
	vterm_set_utf8(m->vt, 1);
	m->screen = vterm_obtain_screen(m->vt);
	vterm_screen_set_callbacks(m->screen, &shown, m);
	vterm_screen_enable_altscreen(m->screen, 1);
	vterm_screen_reset(m->screen, 1);
	forget(m);
	return m;
}

struct vterm_mend *vterm_mend_free(struct vterm_mend *m)
{
	if (m) {
		vterm_free(m->parser);
		vterm_free(m->vt);
	}
	free(m);
	return NULL;
}

/* A character torn is lost to it. */
static size_t piece_bytes(const char *at, size_t n)
{
	size_t k = min_size(n, PIECE_BYTES);

	while (k < n && k > PIECE_BYTES - 4 && (at[k] & 0xc0) == 0x80)
		k--;
	return k;
}

void vterm_mend_feed(struct vterm_mend *m, const char *bytes, size_t n)
{
	for (size_t i = 0, k; i < n; i += k) {
		k = piece_bytes(bytes + i, n - i);
		vterm_input_write(m->parser, bytes + i, k);
	}
}

bool vterm_mend_alternate(const struct vterm_mend *m)
{
	return m->alternate;
}

VTermPos vterm_mend_cursor(const struct vterm_mend *m)
{
	VTermPos at;

	vterm_state_get_cursorpos(vterm_obtain_state(m->vt), &at);
	return at;
}

int vterm_mend_columns(uint32_t code)
{
	struct term_buf text = { 0 };
	struct out o = { .buf = &text };
	VTerm *vt = vterm_new(1, 4);
	VTermPos at;

	vterm_set_utf8(vt, 1);
	vterm_state_reset(vterm_obtain_state(vt), 1);
	out_byte(&o, 'a'); /* for a mark to join */
	out_code(&o, code);
	vterm_input_write(vt, (const char *)text.data, 1);
	vterm_input_write(vt, (const char *)text.data + 1, text.n - 1);
	vterm_state_get_cursorpos(vterm_obtain_state(vt), &at);
	term_buf_done(&text);
	vterm_free(vt);
	return at.col - 1;
}

static bool get_cell(const struct vterm_mend *m, int x, int y, VTermScreenCell *cell)
{
	return vterm_screen_get_cell(m->screen, (VTermPos){ .row = y, .col = x }, cell) &&
	       cell->chars[0];
}

/* Half of a wide character, the other of which was written over, stays there: here it is a blank. */
void vterm_mend_cell(const struct vterm_mend *m, int x, int y, VTermScreenCell *ret)
{
	VTermScreenCell beside;
	bool lone = false;

	if (!get_cell(m, x, y, ret))
		return;
	if (ret->chars[0] == UINT32_MAX)
		lone = x == 0 || !get_cell(m, x - 1, y, &beside) || beside.chars[0] == UINT32_MAX ||
		       vterm_mend_columns(beside.chars[0]) != 2;
	else if (ret->chars[0] >= 0x1100 && vterm_mend_columns(ret->chars[0]) == 2)
		lone = !get_cell(m, x + 1, y, &beside) || beside.chars[0] != UINT32_MAX;
	if (lone)
		ret->chars[0] = 0;
}
