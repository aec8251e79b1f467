/* The cheapest way from where the terminal's cursor is to where it should be. */
#include <stdio.h>
#include <string.h>

#include "common/term/shadow.h"

#define MOVE_BYTES 32
#define STEPS_MAX 3 /* single steps, a byte each, instead of a sequence */

struct move {
	char text[MOVE_BYTES];
	size_t n;
};

static void move_repeat(struct move *m, char c, unsigned n)
{
	memset(m->text + m->n, c, n);
	m->n += n;
}

static void move_csi(struct move *m, unsigned n, char final)
{
	char *at = m->text + m->n;
	const size_t room = MOVE_BYTES - m->n;

	if (n == 1)
		m->n += (size_t)snprintf(at, room, "\x1b[%c", final);
	else
		m->n += (size_t)snprintf(at, room, "\x1b[%u%c", n, final);
}

static void move_columns(struct move *m, unsigned from, unsigned to)
{
	struct move absolute = { .n = 0 }, relative = { .n = 0 };

	if (to == from)
		return;
	if (to == 0) {
		move_repeat(m, '\r', 1);
		return;
	}
	if (to < from && from - to <= STEPS_MAX) {
		move_repeat(m, '\b', from - to);
		return;
	}
	move_csi(&absolute, to + 1, 'G');
	move_csi(&relative, to > from ? to - from : from - to, to > from ? 'C' : 'D');
	if (absolute.n < relative.n)
		relative = absolute;
	memcpy(m->text + m->n, relative.text, relative.n);
	m->n += relative.n;
}

/* Line feeds do not scroll here: the rows lie within the screen, and no margins are set. */
static void move_rows(struct move *m, unsigned from, unsigned to)
{
	if (to > from && to - from <= STEPS_MAX)
		move_repeat(m, '\n', to - from);
	else if (to != from)
		move_csi(m, to > from ? to - from : from - to, to > from ? 'B' : 'A');
}

static void move_absolute(struct move *m, unsigned x, unsigned y)
{
	if (x)
		m->n += (size_t)snprintf(m->text, MOVE_BYTES, "\x1b[%u;%uH", y + 1, x + 1);
	else
		move_csi(m, y + 1, 'H');
}

void differ_placed(struct differ *d, unsigned x, unsigned y)
{
	d->s->x = x;
	d->s->y = y;
	d->s->placed = true;
}

void differ_move(struct differ *d, unsigned x, unsigned y)
{
	struct term_shadow *s = d->s;
	struct move absolute = { .n = 0 }, steps = { .n = 0 };

	if (s->placed && s->x == x && s->y == y)
		return;
	move_absolute(&absolute, x, y);
	/* past the last column only what goes to the first one is the same everywhere */
	if (s->placed && (s->x < s->cols || x == 0)) {
		move_columns(&steps, s->x, x);
		move_rows(&steps, s->y, y);
		if (steps.n <= absolute.n)
			absolute = steps;
	}
	out_bytes(&d->p.o, absolute.text, absolute.n);
	differ_placed(d, x, y);
}
