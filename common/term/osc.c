#include <stdio.h>
#include <string.h>

#include "common/term/model.h"

/* ---- title ---- */

static bool hidden(uint32_t code)
{
	/* C1, directional marks, embeddings, overrides, isolates, separators, byte order mark */
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0xfeff ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f);
}

void title_clean(char *out, const uint8_t *text, size_t n)
{
	struct utf8 u = { 0 };
	size_t used = 0, i = 0;

	while (i < n) {
		uint32_t code = UTF8_REPLACEMENT;
		enum utf8_result r = utf8_byte(&u, text[i], &code);
		uint8_t piece[4];
		size_t k;

		i += r != UTF8_AGAIN;
		if (r != UTF8_DONE || hidden(code))
			continue;
		k = utf8_put(piece, code);
		if (used + k > TERM_TITLE_MAX)
			break;
		memcpy(out + used, piece, k);
		used += k;
	}
	out[used] = '\0';
}

void title_set(struct term *t, const char *text, size_t n)
{
	title_clean(t->title, (const uint8_t *)text, n);
}

bool title_stack(const struct parse *p)
{
	const unsigned op = parse_param(p, 0, 0), which = parse_param(p, 1, 0);

	return (op == 22 || op == 23) && (which == 0 || which == 2) && !parse_param(p, 2, 0);
}

void title_push(struct term *t)
{
	char *copy;

	if (t->n_titles == TITLE_STACK_MAX)
		return;
	copy = strdup(t->title);
	if (copy)
		t->titles[t->n_titles++] = copy;
}

void title_pop(struct term *t)
{
	char *top;

	if (!t->n_titles)
		return;
	top = t->titles[--t->n_titles];
	title_set(t, top, strlen(top));
	free(top);
}

/* ---- colours ---- */

static bool is_query(const char *s, size_t n)
{
	return n == 1 && *s == '?';
}

static void palette_set(struct term *t, unsigned index, uint32_t rgb)
{
	if (!t->palette)
		t->palette = calloc(COLORS_N, sizeof(*t->palette));
	if (t->palette)
		t->palette[index] = rgb;
}

/* A decimal number of at most three digits before ';' or the end. */
static bool number(const char *s, size_t n, unsigned *ret)
{
	unsigned v = 0;

	if (n < 1 || n > 4)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	*ret = v;
	return true;
}

/* The next field up to ';'; moves *s past it. */
static const char *field(const char **s, size_t *ret_n)
{
	const char *start = *s;

	*ret_n = strcspn(start, ";");
	*s = start + *ret_n + (start[*ret_n] == ';');
	return start;
}

static void query_palette(struct term *t, unsigned index)
{
	char prefix[16];

	snprintf(prefix, sizeof(prefix), "4;%u", index);
	query_color(t, prefix, color_palette(t, index));
}

/* OSC 4: pairs of an index and a colour or '?'. */
static void osc_palette(struct term *t, const char *s)
{
	unsigned n_queries = 0;

	while (*s) {
		size_t n_index, n_color;
		const char *index_text = field(&s, &n_index), *color_text = field(&s, &n_color);
		unsigned index;
		uint32_t rgb;

		if (!number(index_text, n_index, &index) || index >= COLORS_N)
			continue;
		if (is_query(color_text, n_color)) {
			if (n_queries++ < COLORS_N) /* so that a slice is bounded */
				query_palette(t, index);
		} else if (n_color && color_parse(color_text, n_color, &rgb)) {
			palette_set(t, index, rgb);
		}
	}
}

/* OSC 10 to 19: each further field is about the next number. */
static void osc_dynamic(struct term *t, unsigned which, const char *s)
{
	for (; *s && which < DYNAMIC_FIRST + DYNAMIC_N; which++) {
		size_t n;
		const char *text = field(&s, &n);
		uint32_t rgb;

		if (is_query(text, n)) {
			char prefix[16];

			snprintf(prefix, sizeof(prefix), "%u", which);
			query_color(t, prefix, color_dynamic(t, which));
		} else if (n && color_parse(text, n, &rgb)) {
			t->dynamic[which - DYNAMIC_FIRST] = rgb;
		}
	}
}

static void palette_reset(struct term *t, const char *s)
{
	unsigned index;
	size_t n;

	if (!*s) {
		free(t->palette);
		t->palette = NULL;
	}
	while (*s) {
		const char *text = field(&s, &n);

		if (number(text, n, &index) && index < COLORS_N && t->palette)
			t->palette[index] = 0;
	}
}

/* ---- the rest ---- */

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if ((uint8_t)*s < 0x20 || (uint8_t)*s > 0x7e)
			return false;
	return true;
}

static void set_cwd(struct term *t, const char *s)
{
	char *copy = strlen(s) <= CWD_BYTES_MAX && is_printable(s) ? strdup(s) : NULL;

	if (!copy)
		return;
	free(t->cwd);
	t->cwd = copy;
}

bool link_valid(const char *content)
{
	return strchr(content, ';') && is_printable(content);
}

/* OSC 8: "params;uri". */
static void set_link(struct term *t, char *s)
{
	char *uri;

	if (!link_valid(s))
		return;
	uri = strchr(s, ';');
	*uri++ = '\0';
	t->cursor.pen.style.link = link_number(t, s, uri);
	t->style_known = false;
}

/* OSC 52: reading the clipboard gets an empty answer; what is written to it is no part of the
 * model. */
static void clipboard(struct term *t, const char *s)
{
	size_t n;
	const char *which = field(&s, &n);

	if (strcmp(s, "?") != 0)
		return;
	n = min_size(n, 8);
	if (strspn(which, "cpqs01234567") < n)
		n = 0;
	reply(t, "\x1b]52;%.*s;%s", (int)n, which, reply_end(t));
}

void osc_dispatch(struct term *t)
{
	char *s = (char *)t->string.data, *rest = s + strcspn(s, ";");
	unsigned command;

	if (!number(s, (size_t)(rest - s), &command))
		return;
	if (*rest)
		rest++;
	switch (command) {
	case 0:
	case 2:
		title_set(t, rest, strlen(rest));
		break;
	case 4:
		osc_palette(t, rest);
		break;
	case 7:
		set_cwd(t, rest);
		break;
	case 8:
		set_link(t, rest);
		break;
	case 52:
		clipboard(t, rest);
		break;
	case 104:
		palette_reset(t, rest);
		break;
	default:
		if (command >= DYNAMIC_FIRST && command < DYNAMIC_FIRST + DYNAMIC_N)
			osc_dynamic(t, command, rest);
		else if (command >= 110 && command < 110 + DYNAMIC_N)
			t->dynamic[command - 110] = 0;
		break;
	}
}
