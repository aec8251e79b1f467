/* What is not cells, as a terminal has it: as after a reset, then as the model had it. */
#include <string.h>

#include "common/term/paint.h"

void paint_state_done(struct paint_state *s)
{
	free(s->palette);
	free(s->cwd);
	*s = (struct paint_state){ 0 };
}

void paint_state_init(struct paint_state *s)
{
	paint_state_done(s);
	s->modes = TERM_MODES_DEFAULT;
}

static int take_palette(struct paint_state *s, const struct term *t)
{
	const size_t n = COLORS_N * sizeof(*t->palette);

	if (!t->palette) {
		free(s->palette);
		s->palette = NULL;
		return 0;
	}
	if (!s->palette)
		s->palette = malloc(n);
	if (!s->palette)
		return -ENOMEM;
	memcpy(s->palette, t->palette, n);
	return 0;
}

static int take_cwd(struct paint_state *s, const struct term *t)
{
	if (!t->cwd || (s->cwd && strcmp(s->cwd, t->cwd) == 0))
		return 0;
	free(s->cwd);
	s->cwd = strdup(t->cwd);
	return s->cwd ? 0 : -ENOMEM;
}

int paint_state_take(struct paint_state *s, const struct term *t)
{
	int r = take_palette(s, t);

	if (!r)
		r = take_cwd(s, t);
	if (r)
		return r;
	s->modes = t->modes;
	s->mouse = t->mouse;
	s->mouse_encoding = t->mouse_encoding;
	s->cursor_shape = t->cursor_shape;
	memcpy(s->modify_keys, t->modify_keys, sizeof(s->modify_keys));
	memcpy(s->dynamic, t->dynamic, sizeof(s->dynamic));
	memcpy(s->title, t->title, sizeof(s->title));
	s->kitty = t->screen->kitty;
	return 0;
}

size_t paint_state_memory(const struct paint_state *s)
{
	return (s->palette ? COLORS_N * sizeof(*s->palette) : 0) +
	       (s->cwd ? strlen(s->cwd) + 1 : 0);
}
