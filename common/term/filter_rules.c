#include <string.h>

#include "common/term/filter.h"

#define NUMBER_DIGITS_MAX 4 /* of an OSC; the model reads no more either */

enum verdict filter_escape(const struct parse *p)
{
	static const char plain[] = "78DEHMNOcno=>\\";

	if (p->n_intermediates == 0)
		return strchr(plain, p->final) ? VERDICT_PASS : VERDICT_DROP;
	if (p->n_intermediates > 1)
		return VERDICT_DROP;
	switch (p->intermediates[0]) {
	case '(':
	case ')':
	case '*':
	case '+':
		return strchr("0AB", p->final) ? VERDICT_PASS : VERDICT_REWRITE;
	case '#':
		return p->final == '8' ? VERDICT_PASS : VERDICT_DROP;
	case '%':
		return p->final == 'G' ? VERDICT_PASS : VERDICT_DROP;
	default:
		return VERDICT_DROP;
	}
}

/* Keeps the modes the model knows. */
static enum verdict filter_modes(struct parse *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_params; i++)
		if (p->params[i] >= 0 && mode_known(p->private, (unsigned)p->params[i]))
			p->params[n++] = p->params[i];
	if (n == p->n_params)
		return n ? VERDICT_PASS : VERDICT_DROP;
	p->n_params = (uint8_t)n;
	return n ? VERDICT_REWRITE : VERDICT_DROP;
}

static enum verdict csi_plain(struct parse *p)
{
	switch (p->final) {
	case '@' ... 'M':
	case 'P':
	case 'S':
	case 'X':
	case 'Z':
	case '`':
	case 'a':
	case 'b':
	case 'd' ... 'g':
	case 'm':
	case 'r':
		return VERDICT_PASS;
	case 'h':
	case 'l':
		return filter_modes(p);
	case 's': /* with parameters: left and right margins */
	case 'u':
		return p->n_params ? VERDICT_DROP : VERDICT_PASS;
	case 'T':
		return p->n_params > 1 ? VERDICT_DROP : VERDICT_PASS;
	case '^': /* known to few; that one to all */
		p->final = 'T';
		return p->n_params > 1 ? VERDICT_DROP : VERDICT_REWRITE;
	case 't':
		return title_stack(p) ? VERDICT_PASS : VERDICT_DROP;
	default:
		return VERDICT_DROP;
	}
}

static enum verdict csi_private(struct parse *p)
{
	switch (p->final) {
	case 'h':
	case 'l':
		return filter_modes(p);
	case 'J':
	case 'K':
		return VERDICT_PASS;
	case 'W':
		return parse_param(p, 0, 0) == 5 ? VERDICT_PASS : VERDICT_DROP;
	default:
		return VERDICT_DROP;
	}
}

static enum verdict csi_other(const struct parse *p)
{
	switch (parse_key(p)) {
	case PARSE_KEY('>', 0, 'm'):
	case PARSE_KEY('>', 0, 'n'):
	case PARSE_KEY('>', 0, 'u'):
	case PARSE_KEY('<', 0, 'u'):
	case PARSE_KEY('=', 0, 'u'):
	case PARSE_KEY(0, '!', 'p'):
	case PARSE_KEY(0, '"', 'q'):
		return VERDICT_PASS;
	case PARSE_KEY(0, ' ', 'q'):
		return parse_param(p, 0, 0) <= CURSOR_SHAPE_MAX ? VERDICT_PASS : VERDICT_DROP;
	default:
		return VERDICT_DROP;
	}
}

enum verdict filter_csi(struct parse *p)
{
	enum verdict v;

	if (p->sub && parse_key(p) != 'm')
		return VERDICT_DROP;
	if (p->n_intermediates == 0 && p->private == 0)
		v = csi_plain(p);
	else if (p->n_intermediates == 0 && p->private == '?')
		v = csi_private(p);
	else
		v = csi_other(p);
	return v == VERDICT_PASS && p->cut ? VERDICT_REWRITE : v;
}

enum verdict filter_string(const struct parse *p)
{
	if (p->kind == ']')
		return VERDICT_REWRITE;
	/* Sixel passes by. Other device control strings ask, program keys, or are passed through
	 * unread. */
	if (p->kind == 'P' && !p->ignored && !p->cut && parse_key(p) == PARSE_KEY(0, 0, 'q'))
		return VERDICT_PASS;
	return VERDICT_DROP;
}

/* ---- OSC ---- */

static const char *const string_end[] = { "\x1b\\", "\a" };

/* Nothing that a terminal might take for a control: C1 in UTF-8, or bytes that are no UTF-8. */
static bool is_clean(const char *s, size_t n)
{
	struct utf8 u = { 0 };

	for (size_t i = 0; i < n; i++) {
		uint32_t code = 0;
		enum utf8_result r = utf8_byte(&u, (uint8_t)s[i], &code);

		if (r == UTF8_BAD || r == UTF8_AGAIN)
			return false;
		if (r == UTF8_DONE && (code < 0x20 || (code >= 0x7f && code < 0xa0)))
			return false;
	}
	return !u.need;
}

static bool asks(const char *s)
{
	return strchr(s, '?') != NULL;
}

static bool is_base64(const char *s)
{
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")] ==
	       '\0';
}

static bool clipboard_write(const char *s)
{
	const char *data = strchr(s, ';');

	return data && strspn(s, "cpqs01234567") == (size_t)(data - s) && is_base64(data + 1);
}

/* OSC 9: a notification, or progress (9;4); other numbers are commands of ConEmu. */
static bool notification(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return !digits || (s[digits] && s[digits] != ';') || strncmp(s, "4;", 2) == 0;
}

static bool may_pass(unsigned command, const char *rest, const struct term_filter *f)
{
	switch (command) {
	case 5:
	case 22:
		return !asks(rest);
	case 6:
	case 7:
	case 133:
	case 633:
		return true;
	case 9:
		return notification(rest);
	case 52:
		return f->clipboard && clipboard_write(rest);
	case 105:
		return filter_set_color(f, 5);
	case 777:
		return strncmp(rest, "notify;", 7) == 0;
	default:
		return false;
	}
}

static const char *field_end(const char *s)
{
	return s + strcspn(s, ";");
}

static bool is_color(const char *s, const char *end, uint32_t *ret_rgb)
{
	return end > s && color_parse(s, (size_t)(end - s), ret_rgb);
}

/* A colour as it came, but a name as its value. */
static void put_color(struct out *o, const char *s, const char *end, uint32_t rgb)
{
	if (color_is_name(s, (size_t)(end - s)))
		out_format(o, "rgb:%02x/%02x/%02x", rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255);
	else
		out_bytes(o, s, (size_t)(end - s));
}

static bool is_index(const char *s, const char *end)
{
	return end > s && end - s <= NUMBER_DIGITS_MAX && s + strspn(s, "0123456789") == end &&
	       strtoul(s, NULL, 10) < COLORS_N;
}

/* OSC 4 and 10 to 19: of several colours in one, those that set something; each becomes its own. */
static bool filter_colors(
	struct term_filter *f, struct out *o, unsigned command, const char *s, bool bell)
{
	bool any = false;

	for (unsigned which = command; *s && which < DYNAMIC_FIRST + DYNAMIC_N; which++) {
		const char *index = s, *end = field_end(s);
		bool valid = command != 4 || is_index(s, end);
		uint32_t rgb;

		if (command == 4) {
			which = 4;
			s = *end ? end + 1 : end;
			end = field_end(s);
		}
		if (valid && is_color(s, end, &rgb)) {
			out_format(o, "\033]%u;", which);
			out_bytes(o, index, (size_t)(s - index));
			put_color(o, s, end, rgb);
			out_text(o, string_end[bell]);
			filter_note_color(f, which);
			any = true;
		}
		s = *end ? end + 1 : end;
	}
	return any;
}

static bool resets_colors(unsigned command)
{
	return command == 104 ||
	       (command >= 100 + DYNAMIC_FIRST && command < 100 + DYNAMIC_FIRST + DYNAMIC_N);
}

/* OSC 104 and 110 to 119, as the model heeds them: of the first the numbers, of the others
 * nothing. */
static bool filter_reset(
	const struct term_filter *f, struct out *o, unsigned command, const char *s, bool bell)
{
	const size_t start = o->buf->n;
	const bool lists = command == 104 && *s;
	const char *end;
	size_t n_written;

	if (!filter_set_color(f, command - 100))
		return false;
	out_format(o, "\033]%u", command);
	n_written = o->buf->n;
	for (; lists && *s; s = *end ? end + 1 : end) {
		end = field_end(s);
		if (is_index(s, end))
			out_format(o, ";%lu", strtoul(s, NULL, 10));
	}
	if (lists && o->buf->n == n_written) {
		o->buf->n = start; /* none of them is a number */
		return false;
	}
	out_text(o, string_end[bell]);
	return true;
}

/* One that is too long is none, as in the model. */
static bool filter_link(const struct term_filter *f, struct out *o, const char *s, bool bell)
{
	if (!f->caps.links || !link_valid(s))
		return false;
	out_text(o, "\x1b]8;");
	out_text(o, strlen(s) - 1 > LINK_BYTES_MAX ? ";" : s);
	out_text(o, string_end[bell]);
	return true;
}

bool filter_osc(struct out *o, const char *content, size_t n, bool bell, struct term_filter *f)
{
	size_t digits = strspn(content, "0123456789");
	const char *rest = content + digits + (content[digits] == ';');
	char title[TERM_TITLE_MAX + 1];
	unsigned command;

	if (!digits || digits > NUMBER_DIGITS_MAX || (content[digits] && content[digits] != ';'))
		return false;
	command = (unsigned)strtoul(content, NULL, 10);
	if (command == 4 || (command >= DYNAMIC_FIRST && command < DYNAMIC_FIRST + DYNAMIC_N))
		return filter_colors(f, o, command, rest, bell);
	if (resets_colors(command))
		return filter_reset(f, o, command, rest, bell);
	if (command == 8)
		return filter_link(f, o, rest, bell);
	if (command <= 2 || command == 30) {
		title_clean(title, (const uint8_t *)rest, n - (size_t)(rest - content));
		out_format(o, "\x1b]%u;", command);
		out_text(o, title);
	} else if (is_clean(content, n) && may_pass(command, rest, f)) {
		out_text(o, "\x1b]");
		out_bytes(o, content, n);
	} else {
		return false;
	}
	out_text(o, string_end[bell]);
	return true;
}
