#include "common/term/filter.h"

/* ---- true colours as one of the 256 ---- */

static unsigned distance(unsigned a, unsigned b)
{
	return (a > b ? a - b : b - a) * (a > b ? a - b : b - a);
}

static unsigned rgb_distance(uint32_t a, uint32_t b)
{
	return distance(a >> 16 & 255, b >> 16 & 255) + distance(a >> 8 & 255, b >> 8 & 255) +
	       distance(a & 255, b & 255);
}

/* The place in the colour cube whose value (0, 95, 135, ... 255) is nearest. */
static unsigned cube_place(unsigned v)
{
	return v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40;
}

/* The first 16 are left out: users choose them. */
static unsigned nearest(unsigned r, unsigned g, unsigned b)
{
	const uint32_t rgb = (r & 255) << 16 | (g & 255) << 8 | (b & 255);
	const unsigned mean = ((r & 255) + (g & 255) + (b & 255)) / 3;
	const unsigned cube =
		16 + 36 * cube_place(r & 255) + 6 * cube_place(g & 255) + cube_place(b & 255);
	const unsigned gray = 232 + (mean > 238 ? 23 : mean < 4 ? 0 : (mean - 3) / 10);

	return rgb_distance(color_default(cube), rgb) <= rgb_distance(color_default(gray), rgb)
		       ? cube
		       : gray;
}

/* SGR with parameters from `from` to `to`, both in one parse. */
struct rewrite {
	struct parse *p;
	unsigned from, to;
	uint32_t sub;
};

static bool is_sub(const struct rewrite *w, unsigned i)
{
	return i < w->p->n_params && w->p->sub >> i & 1;
}

static void put(struct rewrite *w, int32_t value, bool sub)
{
	w->p->params[w->to] = value;
	w->sub |= (uint32_t)sub << w->to;
	w->to++;
}

/* Parameters of the colour at `from`, sub-parameters or not; 0: it is none of red, green, blue.
 * *ret_rgb is where those begin. */
static unsigned true_color(const struct rewrite *w, unsigned *ret_rgb)
{
	const unsigned first = parse_param(w->p, w->from, 0), at = w->from + 1;
	unsigned n_sub = 0;

	if ((first != 38 && first != 48 && first != 58) || is_sub(w, w->from) ||
		parse_param(w->p, at, 0) != 2)
		return 0;
	while (is_sub(w, at + n_sub))
		n_sub++;
	*ret_rgb = n_sub >= 5 ? at + 2 : at + 1;
	if (n_sub)
		return n_sub >= 4 ? 1 + n_sub : 0;
	return w->p->n_params - w->from >= 5 ? 5 : 0;
}

static bool sgr_degrade(struct parse *p)
{
	struct rewrite w = { .p = p };
	bool changed = false;

	while (w.from < p->n_params) {
		unsigned at = 0, n = true_color(&w, &at);
		const bool sub = is_sub(&w, w.from + 1);

		if (n) {
			const unsigned index = nearest(parse_param(p, at, 0),
				parse_param(p, at + 1, 0), parse_param(p, at + 2, 0));

			put(&w, p->params[w.from], false);
			put(&w, 5, sub);
			put(&w, (int32_t)index, sub);
			w.from += n;
			changed = true;
			continue;
		}
		put(&w, p->params[w.from], is_sub(&w, w.from));
		w.from++;
	}
	p->n_params = (uint8_t)w.to;
	p->sub = w.sub;
	return changed;
}

/* ---- modes ---- */

static enum verdict without_sync(struct parse *p, enum verdict v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_params; i++)
		if (p->params[i] != 2026)
			p->params[n++] = p->params[i];
	if (n == p->n_params)
		return v;
	p->n_params = (uint8_t)n;
	return n ? VERDICT_REWRITE : VERDICT_DROP;
}

enum verdict filter_caps(struct term_filter *f, struct parse *p, enum verdict v)
{
	const uint32_t key = parse_key(p);

	if (v == VERDICT_DROP)
		return v;
	if (key == 'm' && !f->caps.true_color && sgr_degrade(p)) {
		f->degraded = true;
		return VERDICT_REWRITE;
	}
	if (!f->caps.sync && (key == PARSE_KEY('?', 0, 'h') || key == PARSE_KEY('?', 0, 'l')))
		return without_sync(p, v);
	if (!f->caps.kitty_keys && p->final == 'u' && p->private)
		return VERDICT_DROP;
	return v;
}

void term_filter_caps(struct term_filter *f, const struct term_caps *caps)
{
	f->caps = *caps;
}

bool term_filter_degraded(const struct term_filter *f)
{
	return f->degraded;
}
