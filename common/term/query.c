#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/term/model.h"

#define REPLY_MAX 256    /* of one answer; longer ones do not exist */
#define REPLY_COST 100u  /* of an answer, for the work of a slice */
#define CELL_WIDTH_PX 8u /* a nominal cell, for reports in pixels */
#define CELL_HEIGHT_PX 16u

void reply(struct term *t, const char *format, ...)
{
	struct out o = { .buf = &t->replies };
	char text[REPLY_MAX];
	va_list ap;
	int n;

	t->work += REPLY_COST;
	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text) || (size_t)n > TERM_REPLIES_MAX - t->replies.n)
		return; /* whole or not at all */
	out_bytes(&o, text, (size_t)n);
}

const uint8_t *term_replies(const struct term *t, size_t *ret_n)
{
	*ret_n = t->replies.n;
	return t->replies.data;
}

void term_replies_drop(struct term *t, size_t n)
{
	n = min_size(n, t->replies.n);
	t->replies.n -= n;
	if (t->replies.n)
		memmove(t->replies.data, t->replies.data + n, t->replies.n);
	else
		term_buf_done(&t->replies);
}

const char *reply_end(const struct term *t)
{
	return t->parse.bell ? "\a" : "\x1b\\";
}

/* ---- CSI ---- */

/* A VT220 with colour; xterm-256color's terminfo needs no more. */
void query_device(struct term *t)
{
	reply(t, "\x1b[?62;22c");
}

static void report_position(struct term *t, const char *private)
{
	unsigned y = t->cursor.y - (t->cursor.origin ? t->top : 0);

	reply(t, "\x1b[%s%u;%uR", private, y + 1, t->cursor.x + 1);
}

static void status(struct term *t, unsigned what)
{
	if (what == 5)
		reply(t, "\x1b[0n");
	else if (what == 6)
		report_position(t, "");
}

static void status_private(struct term *t, unsigned what)
{
	static const struct {
		uint16_t what;
		const char *answer;
	} table[] = {
		{ 15, "\x1b[?13n" },       /* no printer */
		{ 25, "\x1b[?21n" },       /* user keys are locked */
		{ 26, "\x1b[?27;1;0;0n" }, /* keyboard: North American */
		{ 53, "\x1b[?50n" },       /* no locator */
		{ 55, "\x1b[?50n" }, { 56, "\x1b[?57;0n" },
		{ 62, "\x1b[0*{" },  /* no room for macros */
		{ 75, "\x1b[?70n" }, /* data are intact */
		{ 85, "\x1b[?83n" }, /* not configured for sessions */
	};

	if (what == 6)
		report_position(t, "?");
	else if (what == 63)
		reply(t, "\x1bP%u!~0000\x1b\\", parse_param(&t->parse, 1, 0));
	else if (what == 996)
		reply(t, "\x1b[?997;%un", color_is_dark(t) ? 1u : 2u);
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].what == what)
			reply(t, "%s", table[i].answer);
}

static bool window_report(struct term *t)
{
	const unsigned h = t->rows * CELL_HEIGHT_PX, w = t->cols * CELL_WIDTH_PX;

	switch (parse_param(&t->parse, 0, 0)) {
	case 11:
		reply(t, "\x1b[1t");
		return true;
	case 13:
		reply(t, "\x1b[3;0;0t");
		return true;
	case 14:
		reply(t, "\x1b[4;%u;%ut", h, w);
		return true;
	case 15:
		reply(t, "\x1b[5;%u;%ut", h, w);
		return true;
	case 16:
		reply(t, "\x1b[6;%u;%ut", CELL_HEIGHT_PX, CELL_WIDTH_PX);
		return true;
	case 18:
		reply(t, "\x1b[8;%u;%ut", t->rows, t->cols);
		return true;
	case 19:
		reply(t, "\x1b[9;%u;%ut", t->rows, t->cols);
		return true;
	case 20:
		reply(t, "\x1b]L\x1b\\"); /* never the content: it would be typed */
		return true;
	case 21:
		reply(t, "\x1b]l\x1b\\");
		return true;
	default:
		return false;
	}
}

static void report_mode(struct term *t, bool private)
{
	unsigned number = parse_param(&t->parse, 0, 0);

	reply(t, "\x1b[%s%u;%u$y", private ? "?" : "", number, mode_report(t, private, number));
}

static void report_modify_keys(struct term *t)
{
	unsigned which = parse_param(&t->parse, 0, 0), v;

	if (which >= ARRAY_SIZE(t->modify_keys))
		return;
	v = t->modify_keys[which];
	v = v == KEYS_INITIAL ? keys_initial(which) : v == KEYS_OFF ? 0 : v - KEYS_VALUE;
	reply(t, "\x1b[>%u;%um", which, v);
}

bool query_csi(struct term *t)
{
	const struct parse *p = &t->parse;

	switch (parse_key(p)) {
	case 'c':
		if (!parse_param(p, 0, 0))
			query_device(t);
		return true;
	case PARSE_KEY('>', 0, 'c'):
		if (!parse_param(p, 0, 0))
			reply(t, "\x1b[>1;277;0c");
		return true;
	case PARSE_KEY('=', 0, 'c'):
		if (!parse_param(p, 0, 0))
			reply(t, "\x1bP!|00000000\x1b\\");
		return true;
	case 'n':
		status(t, parse_param(p, 0, 0));
		return true;
	case PARSE_KEY('?', 0, 'n'):
		status_private(t, parse_param(p, 0, 0));
		return true;
	case 'x':
		if (parse_param(p, 0, 0) <= 1)
			reply(t, "\x1b[%u;1;1;128;128;1;0x", parse_param(p, 0, 0) + 2);
		return true;
	case PARSE_KEY(0, '$', 'p'):
	case PARSE_KEY('?', '$', 'p'):
		report_mode(t, p->private);
		return true;
	case PARSE_KEY('>', 0, 'q'):
		if (!parse_param(p, 0, 0))
			reply(t, "\x1bP>|cwsandboxd(%s)\x1b\\", PACKAGE_VERSION);
		return true;
	case PARSE_KEY('?', 0, 'u'):
		reply(t, "\x1b[?%uu", t->screen->kitty.flags[t->screen->kitty.top]);
		return true;
	case PARSE_KEY('?', 0, 'm'):
		report_modify_keys(t);
		return true;
	case 't':
		return window_report(t);
	default:
		return false;
	}
}

/* A byte of a colour as the two of X11's notation. */
static void put_color_byte(char at[4], uint32_t v)
{
	static const char digits[] = "0123456789abcdef";

	at[0] = at[2] = digits[v >> 4 & 15];
	at[1] = at[3] = digits[v & 15];
}

void query_color(struct term *t, const char *prefix, uint32_t rgb)
{
	char text[] = "rrrr/gggg/bbbb";

	put_color_byte(text, rgb >> 16);
	put_color_byte(text + 5, rgb >> 8);
	put_color_byte(text + 10, rgb);
	reply(t, "\x1b]%s;rgb:%s%s", prefix, text, reply_end(t));
}

/* ---- DCS ---- */

static void report_sgr(struct term *t)
{
	struct term_buf b = { 0 };
	struct out o = { .buf = &b };

	style_answer(&o, &t->cursor.pen.style);
	if (!o.r)
		reply(t, "\x1bP1$r%.*sm\x1b\\", (int)b.n, (const char *)b.data);
	term_buf_done(&b);
}

/* DECRQSS: the setting whose sequence ends like the question. */
static void report_setting(struct term *t, const char *what)
{
	if (strcmp(what, "m") == 0)
		report_sgr(t);
	else if (strcmp(what, "r") == 0)
		reply(t, "\x1bP1$r%u;%ur\x1b\\", t->top + 1, t->bottom);
	else if (strcmp(what, " q") == 0)
		reply(t, "\x1bP1$r%u q\x1b\\", t->cursor_shape);
	else if (strcmp(what, "\"q") == 0)
		reply(t, "\x1bP1$r%u\"q\x1b\\", t->cursor.pen.protect ? 1u : 0u);
	else if (strcmp(what, "\"p") == 0)
		reply(t, "\x1bP1$r62;1\"p\x1b\\");
	else
		reply(t, "\x1bP0$r\x1b\\");
}

static bool is_name(const char *name, size_t n)
{
	return n <= XTGETTCAP_MAX && n % 2 == 0 && strspn(name, "0123456789abcdefABCDEF") == n;
}

/* Hexadecimal names and values, so that no table is decoded here. */
static const char *capability(const char *name, size_t n)
{
	static const struct {
		const char *name, *value;
	} table[] = {
		{ "544e", "787465726d2d323536636f6c6f72" },     /* TN: xterm-256color */
		{ "6e616d65", "787465726d2d323536636f6c6f72" }, /* name */
		{ "436f", "323536" },                           /* Co: 256 */
		{ "636f6c6f7273", "323536" },                   /* colors */
		{ "524742", "38" },                             /* RGB: 8 bits each */
		{ "5463", "" },                                 /* Tc */
		{ "626365", "" },                               /* bce */
		{ "5375", "" },                                 /* Su: underline styles */
		{ "536d756c78", "1b5b343a25703125646d" },       /* Smulx: ESC [4:%p1%dm */
		{ "5373", "1b5b25703125642071" },               /* Ss: ESC [%p1%d q */
		{ "5365", "1b5b302071" },                       /* Se: ESC [0 q */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		if (strlen(table[i].name) == n && strncasecmp(table[i].name, name, n) == 0)
			return table[i].value;
	return NULL;
}

/* XTGETTCAP: one answer, which ends before the first name that is not known, as xterm's does; that
 * name is the answer where it is the first. It goes back only if it is one: digits are harmless as
 * input. */
static void report_capabilities(struct term *t, const char *names)
{
	const size_t n_first = strcspn(names, ";");
	struct term_buf b = { 0 };
	struct out o = { .buf = &b };

	while (*names) {
		size_t n = strcspn(names, ";");
		const char *value = n <= XTGETTCAP_MAX ? capability(names, n) : NULL;

		if (!value || b.n > REPLY_MAX / 2)
			break;
		out_text(&o, b.n ? ";" : "");
		out_bytes(&o, names, n);
		out_text(&o, *value ? "=" : "");
		out_text(&o, value);
		names += n + (names[n] == ';');
	}
	if (b.n && !o.r)
		reply(t, "\x1bP1+r%.*s\x1b\\", (int)b.n, (const char *)b.data);
	else
		reply(t, "\x1bP0+r%.*s\x1b\\", is_name(names, n_first) ? (int)n_first : 0, names);
	term_buf_done(&b);
}

void query_dcs(struct term *t)
{
	const char *s = (const char *)t->string.data;
	uint32_t key = parse_key(&t->parse);

	if (key == PARSE_KEY(0, '$', 'q'))
		report_setting(t, s);
	else if (key == PARSE_KEY(0, '+', 'q'))
		report_capabilities(t, s);
}
