/*
 * term-model - the terminal model as a co-process, for whoever compares it with another terminal
 *
 * Reads commands on standard input, one a line; every one is answered with a line that says how
 * many bytes follow, and these. One model and one filter at a time; a command that is none ends the
 * program with 2.
 *   new COLS ROWS LINES   a fresh model with so many lines of history, and a fresh filter
 *   feed N                N bytes follow the line: output of a session
 *   resize COLS ROWS
 *   dump                  the model as JSON (dump.h)
 *   replies               what the program is owed as input, which is then forgotten
 *   pending               how many of the last bytes belong to a sequence still open, in decimal
 *   paint attach|screen LINES   bytes that bring a terminal to show the model
 *   view COLS ROWS        the same for a view: of a terminal that got all that earlier ones gave
 *   filter N              N bytes follow: what of them a terminal may see
 *   effect N              N bytes follow, a sequence: of the letters m, a and t those that say what
 *                         it does to a model that was used: it changes that, it is answered, a
 *                         terminal sees it
 */
#include <stdio.h>
#include <string.h>

#include "tests/term-tools/dump.h"

#define FEED_MAX ((size_t)16 << 20) /* bytes of one command */

struct server {
	struct term *t;
	struct term_filter *f;
	struct term_shadow *view;
	struct term_buf in, out;
};

static int read_bytes(struct server *s, size_t n)
{
	struct out o = { .buf = &s->in };
	uint8_t *room;

	s->in.n = 0;
	if (n > FEED_MAX)
		return -EINVAL;
	room = out_room(&o, n + 1);
	if (!room)
		return -ENOMEM;
	if (fread(room, 1, n, stdin) != n)
		return -EIO;
	s->in.n = n;
	return 0;
}

static int make(struct server *s, unsigned cols, unsigned rows, unsigned lines)
{
	term_free(s->t);
	s->f = term_filter_free(s->f);
	s->view = term_shadow_free(s->view);
	s->t = termkit_new(cols, rows, lines);
	return term_filter_new(&s->f, false);
}

static int paint(struct server *s, const char *kind, unsigned lines)
{
	const struct term_paint how = { .kind = strcmp(kind, "screen") == 0 ? TERM_PAINT_SCREEN
									    : TERM_PAINT_ATTACH,
		.history_lines = lines };

	return term_paint(s->t, &how, &s->out);
}

static int paint_view(struct server *s, unsigned cols, unsigned rows)
{
	int r = 0;

	if (!s->view)
		r = term_shadow_new(&s->view, cols, rows);
	return r ? r : term_shadow_paint(s->view, s->t, SIZE_MAX, &s->out);
}

static void take_replies(struct server *s, struct out *o)
{
	size_t n;
	const uint8_t *replies = term_replies(s->t, &n);

	out_bytes(o, replies, n);
	term_replies_drop(s->t, n);
}

/* Something of everything, in two ways, so that a sequence that does anything changes one. */
static struct term *used(bool otherwise)
{
	static const char output[] =
		"one two\r\nthree\r\nfour\r\nfive five\r\nsix six six "
		"six\r\nseven\r\neight\r\n\033)0"
		"\033]2;first\a\033[22;0t\033]2;second\a\033[22;0t\033]2;third\a"
		"\033]4;1;#123456;2;#123456\a\033]10;#010101;#020202;#030303;#040404;#050505;#"
		"060606"
		";#070707;#080808;#090909;#101010\a"
		"\033[1\"qkept\033[0\"q\033[2;5r\033[4;6H\033[7m\0337\033[1;32m"
		"\033[=1u\033[>5u\033[>4;1m\033[3 q\033[?1002;1006h\033[3;9H";
	static const char more[] = "\033[g\033=\016\033[4;20h\033[3;2H";
	struct term *t = termkit_new(12, 6, 10);

	term_feed(t, (const uint8_t *)output, sizeof(output) - 1);
	if (otherwise)
		term_feed(t, (const uint8_t *)more, sizeof(more) - 1);
	term_feed(t, (const uint8_t *)"x", 1);
	return t;
}

static bool changes(struct term *with, struct term *without)
{
	static const char more[] = "\033[23;0t"; /* the saved titles show by being restored */
	bool r = termkit_same(with, without, SAME_BUT_QUIET) != NULL;

	term_feed(with, (const uint8_t *)more, sizeof(more) - 1);
	term_feed(without, (const uint8_t *)more, sizeof(more) - 1);
	return r || termkit_same(with, without, SAME_BUT_QUIET) != NULL;
}

/* Whether the command changes such a model; with its answers in *ret_n. */
static bool affects(const struct server *s, bool otherwise, size_t *ret_n)
{
	_cleanup_(term_freep) struct term *with = used(otherwise), *without = used(otherwise);

	term_feed(with, s->in.data, s->in.n);
	term_replies(with, ret_n);
	return changes(with, without);
}

static int effect(struct server *s)
{
	static const char before[] = "\033]4;1;#fff\a\033]5;0;#fff\a\033]10;#111;#111;#111;#111;#"
				     "111;#111;#111;#111;#111;#111\ax"; /* colours; x: for REP */
	_cleanup_(term_filter_freep) struct term_filter *f = NULL;
	struct term_buf passed = { 0 };
	struct out o = { .buf = &s->out };
	size_t n_replies, n_before;
	int r = term_filter_new(&f, false);

	if (!r)
		r = term_filter_feed(f, (const uint8_t *)before, sizeof(before) - 1, &passed);
	n_before = passed.n;
	if (!r)
		r = term_filter_feed(f, s->in.data, s->in.n, &passed);
	if (affects(s, false, &n_replies) || affects(s, true, &n_replies))
		out_byte(&o, 'm');
	if (n_replies)
		out_byte(&o, 'a');
	if (passed.n > n_before)
		out_byte(&o, 't');
	term_buf_done(&passed);
	return r ? r : o.r;
}

static int with_bytes(struct server *s, const char *word, size_t n)
{
	int r = read_bytes(s, n);

	if (r)
		return r;
	if (strcmp(word, "effect") == 0)
		return effect(s);
	if (strcmp(word, "filter") == 0)
		return term_filter_feed(s->f, s->in.data, n, &s->out);
	term_feed(s->t, s->in.data, n);
	return 0;
}

static int obey(struct server *s, const char *line)
{
	struct out o = { .buf = &s->out };
	unsigned a, b, c;
	char word[16];

	if (sscanf(line, "new %u %u %u", &a, &b, &c) == 3)
		return make(s, a, b, c);
	if (!s->t || sscanf(line, "%15s", word) != 1)
		return -EINVAL;
	if (sscanf(line, "resize %u %u", &a, &b) == 2)
		return term_resize(s->t, a, b);
	if (sscanf(line, "feed %u", &a) == 1 || sscanf(line, "filter %u", &a) == 1 ||
		sscanf(line, "effect %u", &a) == 1)
		return with_bytes(s, word, a);
	if (sscanf(line, "paint %15s %u", word, &a) == 2)
		return paint(s, word, a);
	if (sscanf(line, "view %u %u", &a, &b) == 2)
		return paint_view(s, a, b);
	if (strcmp(word, "dump") == 0)
		dump_json(s->t, &o);
	else if (strcmp(word, "replies") == 0)
		take_replies(s, &o);
	else if (strcmp(word, "pending") == 0)
		out_format(&o, "%llu", (unsigned long long)term_pending(s->t));
	else
		return -EINVAL;
	return o.r;
}

int main(void)
{
	struct server s = { 0 };
	char line[128];
	int r = 0;

	while (!r && fgets(line, sizeof(line), stdin)) {
		s.out.n = 0;
		r = obey(&s, line);
		if (r) {
			fprintf(stderr, "term-model: %.100s: %s\n", line, strerror(-r));
			break;
		}
		printf("%zu\n", s.out.n);
		if (s.out.n)
			fwrite(s.out.data, 1, s.out.n, stdout);
		fflush(stdout);
	}
	term_free(s.t);
	term_filter_free(s.f);
	term_shadow_free(s.view);
	term_buf_done(&s.in);
	term_buf_done(&s.out);
	return r ? 2 : 0;
}
