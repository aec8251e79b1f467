#include "client/probe.h"

#include <string.h>

#define ESC 0x1b
#define BEL 0x07
#define SYNC_MODE "2026"
#define KEY_BYTES 2 /* ESC alone is a key, and with one more so is Alt and that */

/* ---- the first guess ---- */

static bool begins(const char *s, const char *prefix)
{
	return s && strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool begins_any(const char *s, const char *const *prefixes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (begins(s, prefixes[i]))
			return true;
	return false;
}

/* Terminals that know neither strings nor private questions, or print what they do not know. */
static bool is_simple(const char *term)
{
	static const char *const simple[] = { "dumb", "linux", "vt1", "vt2", "vt3", "vt4", "vt5",
		"ansi", "cons", "sun", "wy" };

	return !term || !*term || begins_any(term, simple, ARRAY_SIZE(simple));
}

static bool says_true_color(const struct probe_env *env)
{
	static const char *const terms[] = { "xterm-kitty", "xterm-ghostty", "alacritty", "foot",
		"wezterm", "contour", "rio", "mintty", "konsole" };
	static const char *const programs[] = { "iTerm", "WezTerm", "ghostty", "vscode", "Hyper",
		"mintty", "rio", "Tabby", "WarpTerminal", "tmux" };

	if (env->colorterm &&
		(strcmp(env->colorterm, "truecolor") == 0 || strcmp(env->colorterm, "24bit") == 0))
		return true;
	if (env->term && strstr(env->term, "-direct"))
		return true;
	return begins_any(env->term, terms, ARRAY_SIZE(terms)) ||
	       begins_any(env->term_program, programs, ARRAY_SIZE(programs));
}

void probe_init(struct probe *p, const struct probe_env *env)
{
	const bool simple = is_simple(env->term);
	const bool apple = begins(env->term_program, "Apple"); /* prints what it does not know */

	*p = (struct probe){ .asks = !simple && !apple && !(env->probe && *env->probe == 'n') };
	p->titles = !simple;
	p->caps = (struct term_caps){
		/* the Linux console makes its own of any colour */
		.true_color = says_true_color(env) || begins(env->term, "linux"),
		.sync = !simple,
		.kitty_keys = !simple,
		.links = !simple,
	};
}

const char *probe_begin(struct probe *p)
{
	if (!p->asks)
		return "";
	p->asks = false;
	p->asked = p->waiting = true;
	/* what a terminal prints that knows no DECRQM is erased again */
	return "\0337\033[?u\033[?" SYNC_MODE "$p\033[>q\033]10;?\033\\\033]11;?\033\\"
	       "\033]12;?\033\\\033[c\0338\033[K";
}

/* ---- answers ---- */

enum match { MATCH_NO, MATCH_PART, MATCH_WHOLE };

/* CSI ? numbers, then u, c, or $ y: no key is written so. */
static enum match match_csi(const uint8_t *s, size_t n)
{
	size_t i = 3;

	if (n == 2)
		return MATCH_PART;
	if (s[2] != '?')
		return MATCH_NO;
	while (i < n && ((s[i] >= '0' && s[i] <= '9') || s[i] == ';'))
		i++;
	if (i == n)
		return MATCH_PART;
	if (s[i] == '$' && i + 1 == n)
		return MATCH_PART;
	if (s[i] == '$')
		return s[i + 1] == 'y' ? MATCH_WHOLE : MATCH_NO;
	return s[i] == 'u' || s[i] == 'c' ? MATCH_WHOLE : MATCH_NO;
}

/* The content from `i` on, up to ST, or BEL where that ends it too. */
static enum match match_string(const uint8_t *s, size_t n, size_t i, bool bell)
{
	while (i < n && s[i] >= 0x20 && s[i] < 0x7f)
		i++;
	if (i == n || (s[i] == ESC && i + 1 == n))
		return MATCH_PART;
	if (s[i] == BEL && bell)
		return MATCH_WHOLE;
	return s[i] == ESC && s[i + 1] == '\\' ? MATCH_WHOLE : MATCH_NO;
}

static enum match match_prefix(const uint8_t *s, size_t n, const char *prefix)
{
	const size_t length = strlen(prefix), k = min_size(n, length);

	if (memcmp(s, prefix, k) != 0)
		return MATCH_NO;
	return n < length ? MATCH_PART : MATCH_WHOLE;
}

static enum match match(const uint8_t *s, size_t n)
{
	static const char *const strings[] = { "\033P>|", "\033]10;rgb", "\033]11;rgb",
		"\033]12;rgb" };

	if (n == 1)
		return s[0] == ESC ? MATCH_PART : MATCH_NO;
	if (s[1] == '[')
		return match_csi(s, n);
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		enum match m = match_prefix(s, n, strings[i]);

		if (m == MATCH_WHOLE)
			return match_string(s, n, strlen(strings[i]), i > 0);
		if (m == MATCH_PART)
			return m;
	}
	return MATCH_NO;
}

/* One to four hexadecimal digits, at *s, as eight bits; *s is behind them. */
static uint32_t component(const char **s)
{
	static const char digits[] = "0123456789abcdef";
	static const uint32_t most[5] = { 1, 0xf, 0xff, 0xfff, 0xffff };
	uint32_t v = 0;
	unsigned n = 0;

	for (; n < 4 && **s; n++, (*s)++) {
		const char *d = strchr(digits, **s >= 'A' && **s <= 'F' ? **s | 0x20 : **s);

		if (!d)
			break;
		v = v << 4 | (uint32_t)(d - digits);
	}
	return v * 255 / most[n];
}

/* ESC ] 1 n ; rgb[a]: r / g / b [/ a] */
static void take_color(struct probe *p, const char *s)
{
	const unsigned which = (unsigned)(s[3] - '0');
	uint32_t rgb = 0;

	s = strchr(s, ':');
	for (unsigned i = 0; s && i < 3; i++) {
		s++;
		rgb = rgb << 8 | component(&s);
		if (i < 2 && *s != '/')
			return;
	}
	if (!s)
		return;
	p->colors[which] = rgb;
	p->has_colors |= 1u << which;
}

/* The last answer, or one that is late: what no answer came to is not there. */
static void conclude(struct probe *p)
{
	const bool modern = p->modern || p->sync || p->kitty;

	p->caps.sync = p->sync;
	p->caps.kitty_keys = p->kitty;
	p->caps.true_color |= modern; /* all that know one of these have all colours */
}

static void take_csi(struct probe *p, const char *s, char final)
{
	if (final == 'c')
		p->waiting = false;
	else if (final == 'u')
		p->kitty = true;
	else if (begins(s + 3, SYNC_MODE ";")) /* 0: unknown; 4: it cannot be set */
		p->sync = s[8] >= '1' && s[8] <= '3';
}

static void hear(struct probe *p)
{
	char s[PROBE_HELD_MAX + 1];

	memcpy(s, p->held, p->n_held);
	s[p->n_held] = '\0';
	if (s[1] == '[')
		take_csi(p, s, s[p->n_held - 1]);
	else if (s[1] == 'P')
		p->modern = true;
	else
		take_color(p, s);
}

static bool knows_the_same(const struct probe *a, const struct probe *b)
{
	return a->waiting == b->waiting && a->has_colors == b->has_colors &&
	       memcmp(a->colors, b->colors, sizeof(a->colors)) == 0 &&
	       memcmp(&a->caps, &b->caps, sizeof(a->caps)) == 0;
}

static void take(struct probe *p)
{
	const struct probe before = *p;

	hear(p);
	if (p->waiting)
		return;
	conclude(p);
	p->news |= !knows_the_same(p, &before);
}

bool probe_news(struct probe *p)
{
	const bool news = p->news;

	p->news = false;
	return news;
}

/* ---- among the keys ---- */

/* Gives back the first n of what is held but for what was already. */
static size_t give_back(struct probe *p, size_t n, uint8_t *out)
{
	const size_t from = min_size(p->n_passed, n), k = n - from;

	memcpy(out, p->held + from, k);
	p->n_held -= n;
	p->n_passed -= from;
	memmove(p->held, p->held + n, p->n_held);
	return k;
}

static enum match match_held(const struct probe *p)
{
	return p->n_held == PROBE_HELD_MAX ? MATCH_NO : match(p->held, p->n_held);
}

/* What is held is no answer; but its last ESC may begin one. */
static size_t begin_again(struct probe *p, uint8_t *out)
{
	size_t n = p->n_held - 1, k;

	if (p->held[n] != ESC && n && p->held[n - 1] == ESC)
		n--;
	k = give_back(p, n, out);
	if (match_held(p) == MATCH_NO)
		k += give_back(p, p->n_held, out + k);
	return k;
}

static size_t feed_byte(struct probe *p, uint8_t b, uint8_t *out)
{
	if (!p->n_held && (b != ESC || !p->asked)) {
		*out = b;
		return 1;
	}
	p->held[p->n_held++] = b;
	switch (match_held(p)) {
	case MATCH_PART:
		break;
	case MATCH_WHOLE:
		take(p);
		p->n_held = p->n_passed = 0;
		break;
	case MATCH_NO:
		return begin_again(p, out);
	}
	return 0;
}

/* Gives back what is held, which may be the beginning of an answer all the same. */
static size_t pass(struct probe *p, uint8_t *out)
{
	const size_t n = p->n_held - p->n_passed;

	memcpy(out, p->held + p->n_passed, n);
	p->n_passed = p->n_held;
	return n;
}

size_t probe_feed(struct probe *p, const uint8_t *in, size_t n, uint8_t *out)
{
	size_t n_out = 0;

	for (size_t i = 0; i < n; i++)
		n_out += feed_byte(p, in[i], out + n_out);
	if (!p->waiting && p->n_held <= KEY_BYTES) /* no answer is due: no key is late */
		n_out += pass(p, out + n_out);
	return n_out;
}

bool probe_holds(const struct probe *p)
{
	return p->n_held > p->n_passed && (p->n_held <= KEY_BYTES || !p->waiting);
}

size_t probe_flush(struct probe *p, uint8_t *out)
{
	return probe_holds(p) ? pass(p, out) : 0;
}

bool probe_has_colors(const struct probe *p)
{
	return (p->has_colors & 3) == 3;
}
