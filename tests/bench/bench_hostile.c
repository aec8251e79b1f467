/*
 * bench_hostile - how slow the terminal model can be made, and how long a slice of it can last
 *
 * Every final byte with extreme parameters, strings without an end, resizes, and programs that a
 * search makes: it changes the slowest it has found and keeps what is slower. Prints the slowest of
 * each; asserts nothing. Time is this thread's own, so that others on the machine are no slices.
 * Usage: bench_hostile [SECONDS of searching, default 20]
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/termkit.h"

#define COLS 200
#define ROWS 50
#define STREAM_BYTES ((size_t)24 << 10)
#define PROGRAM_MAX 160
#define SLOWEST 6

struct program {
	char text[PROGRAM_MAX + 1];
	size_t n;
	double rate; /* MB/s */
};

static double worst_slice, worst_unit; /* seconds; seconds a unit of work */
static struct program worst_program;   /* the one of the worst slice */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Letters, wide and combined characters, colours, links, protected cells on both screens. */
static void fill(struct term *t)
{
	struct term_buf b = { 0 };
	struct out o = { .buf = &b };

	for (unsigned screen = 0; screen < 2; screen++) {
		out_text(&o, screen ? "\033[?1049h" : "\033c\033[!p");
		for (unsigned y = 0; y < t->rows; y++) {
			out_format(&o, "\033[%u;%uH\033[1\"q#\033[0\"q\033[%u;1H", y + 1, t->cols,
				y + 1);
			for (unsigned x = 0; x + 9 < t->cols; x += 9)
				out_format(&o,
					"\033[3%um\xe6\xbc\xa2"
					"e\xcc\x81word \033]8;;u:%u\a",
					y % 8, x % 50);
		}
	}
	out_text(&o, "\033[?1049l\033[m\033[H");
	term_feed(t, b.data, b.n);
	term_buf_done(&b);
}

static void feed_slices(struct term *t, const uint8_t *data, size_t n, const struct program *p)
{
	while (n) {
		const uint64_t before = t->work;
		uint64_t work = TERM_WORK_SLICE;
		double start = now(), took;
		size_t taken = term_feed_some(t, data, n, &work);

		took = now() - start;
		if (took > worst_slice) {
			worst_slice = took;
			worst_program = *p;
		}
		if (t->work - before > TERM_WORK_SLICE / 4 &&
			took / (double)(t->work - before) > worst_unit)
			worst_unit = took / (double)(t->work - before);
		term_replies_drop(t, SIZE_MAX);
		data += taken;
		n -= taken;
	}
}

static double measure(struct term *t, const struct program *p, unsigned times)
{
	static uint8_t stream[STREAM_BYTES + PROGRAM_MAX];
	double best = 0;
	size_t n = 0;

	for (; n < STREAM_BYTES && p->n; n += p->n)
		memcpy(stream + n, p->text, p->n);
	for (unsigned i = 0; i < times; i++) {
		double start, rate;

		fill(t);
		feed_slices(t, stream, n / 4, p); /* what it was filled with has left the screen */
		start = now();
		feed_slices(t, stream, n, p);
		rate = (double)n / 1e6 / (now() - start);
		best = rate > best ? rate : best;
	}
	return best;
}

static void print_program(const struct program *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const unsigned char c = (unsigned char)p->text[i];

		if (c == 0x1b)
			printf("\\e");
		else if (c < 0x20 || c >= 0x7f || c == '\\')
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('\n');
}

/* The slowest so far, slowest first; one is measured again before it takes a place, and more often
 * before it is printed: others on the machine make all of them slower, and never faster. */
struct table {
	struct program rows[SLOWEST];
	unsigned n;
};

static void consider(struct table *table, struct term *t, struct program *p)
{
	unsigned at;

	p->rate = measure(t, p, 1);
	if (table->n == SLOWEST && p->rate >= table->rows[SLOWEST - 1].rate)
		return;
	p->rate = measure(t, p, 4);
	for (at = 0; at < table->n; at++)
		if (table->rows[at].rate > p->rate)
			break;
	if (at == SLOWEST)
		return;
	table->n += table->n < SLOWEST;
	for (unsigned i = table->n - 1; i > at; i--)
		table->rows[i] = table->rows[i - 1];
	table->rows[at] = *p;
}

static void print_table(const struct table *table, struct term *t, const char *what)
{
	printf("%s: slowest, MB/s\n", what);
	for (unsigned i = 0; i < table->n; i++) {
		printf("  %7.1f  ", measure(t, &table->rows[i], 40));
		print_program(&table->rows[i]);
	}
	fflush(stdout);
}

static void print_slices(void)
{
	printf("worst slice %.2f ms, %.2f ns a unit of work; by ", worst_slice * 1e3,
		worst_unit * 1e9);
	print_program(&worst_program);
	worst_slice = worst_unit = 0;
	fflush(stdout);
}

static void every_final(unsigned cols, unsigned rows)
{
	static const char *const params[] = { "", "65535", "1;65535", "65535;65535", "2", "3" };
	static const char *const marks[] = { "", "?", ">", "=" };
	static const char *const inters[] = { "", " ", "!", "\"", "$", "*" };
	static const char *const after[] = { "", "x", "\n" };
	struct term *t = termkit_new(cols, rows, 1000);
	struct table table = { .n = 0 };
	struct program p;
	char what[64];

	for (unsigned i = 0; i < 63 * 6 * 4 * 6; i++) {
		const unsigned k = i / 63;

		if (*marks[k / 6 % 4] && *inters[k / 24])
			continue;
		p.n = (size_t)snprintf(p.text, sizeof(p.text), "\033[%s%s%s%c%s", marks[k / 6 % 4],
			params[k % 6], inters[k / 24], (char)(0x40 + i % 63), after[i % 3]);
		consider(&table, t, &p);
	}
	snprintf(what, sizeof(what), "every final byte, extreme parameters, %ux%u", cols, rows);
	print_table(&table, t, what);
	print_slices();
	term_free(t);
}

/* ---- searching ---- */

/* What earlier searches came down to: the next one begins with them. */
static const char *const known[] = {
	"\033D\xe6\xbc\xa2\nx\n\xe6\xbc\xa2\033[99Sx\0338\xcc\x81\033[99Sx\033[99T\xe6\xbc\xa2",
	"\033D\xe6\xbc\xa2\nx\n\xe6\xbc\xa2\033[99Sx\0338\t\xcc\x81\033[44m\033]10;?\a\033[0\"q",
	"\033]10;?\a\nx\033[65535bx\033(0\xe6\xbc\xa2",
	"\033(0\033[99Hx\033[99bax\033[199b\nx\033[99bax\033[199b\n",
	"\033[99Hx\n\xe6\xbc\xa2\033[99bx\n\xe6\xbc\xa2\033[99bx\n\xe6\xbc\xa2\033[99b",
	"\033[?7l\033[99;200Hx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n",
	"\033[3g\033[?7l\033[44m\033[99H\tx\r\n\tx\r\n\tx\r\n\tx\r\n\tx\r\n\tx\r\n\tx\r\n\tx\r\n",
	"a\xcc\x81\na\xcc\x81\na\xcc\x81\na\xcc\x81\na\xcc\x81\na\xcc\x81\na\xcc\x81\n",
	"\033[2;49r\033[49H\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
	"\033[3g\033[H\t\033[Z\t\033[Z\t\033[Z\t\033[Z\t\033[Z\t\033[Z\t\033[Z\t\033[Z",
	"\033[3Jx\n\033[3Jx\n\033[3Jx\n\033[3Jx\n\033[3Jx\n\033[3Jx\n",
	"\033[?Jx\033[?Jx\033[?Jx\033[?Jx\033[?Jx\033[?Jx",
	"\033[?Jx\033[?Jx\033[?Jx\xcc\x81\r\xe6\xbc\xa2\033[44m",
	"\033D\xe6\xbc\xa2\nx\n\xe6\xbc\xa2\033[99Sx\0338\xcc\x81\n\b\033]10;?\a\033D",
	"\033[99Sx\033[99S\033[99Sx\xcc\x81\b\033[P\0337",
	"\033[44m\033[99Hx\033[99Sx\033[99Sx\033[99Sx\033[99Sx\033[99S",
};

static void grow(uint64_t *seed, struct program *p)
{
	static const char *const pieces[] = { "x", "\n", "\r", "\t", "\b", "\xe6\xbc\xa2",
		"\xcc\x81", "\033[65535b", "\033[2J", "\033[?2J", "\033[1\"q", "\033[0\"q",
		"\033[L", "\033[M", "\033[99L", "\033[99M", "\033[S", "\033[T", "\033[99S",
		"\033[99T", "\033[H", "\033[99;99H", "\033[4h", "\033[4l", "\033[@", "\033[P",
		"\033[199@", "\033[199P", "\033[2;49r", "\033[r", "\033[?1049h", "\033[?1049l",
		"\033#8", "\033c", "\033[!p", "\033[44m", "\033[m", "\033[38;2;%;%;%m",
		"\033]8;;u:%\a", "\033]8;;\a", "\033[6n", "\033[c", "\033P+q544e\033\\",
		"\033]4;%;?\a", "\033[99I", "\033[99Z", "\033[3g", "\033H", "\033[X", "\033[K",
		"\033[1K", "\033[1J", "\033M", "\033D", "\033E", "\0337", "\0338", "\033[?6h",
		"\033[?7l", "\033[?7h", "\033[>1u", "\033[<u", "\033[22t", "\033[23t",
		"\033]2;abc\a", "\033]104\a", "word word word", "\033[?1K", "\033[200G", "\033[3J",
		"\033(0", "\033]10;?\a", "\033[1;4;7;31;42m", "\033[ q", "\033[?5W" };
	const char *piece = pieces[termkit_random(seed) % ARRAY_SIZE(pieces)];
	char text[48];
	size_t n = 0;

	for (; *piece; piece++) {
		if (*piece == '%')
			n += (size_t)snprintf(
				text + n, sizeof(text) - n, "%u", termkit_random(seed) % 256);
		else
			text[n++] = *piece;
	}
	if (p->n + n > PROGRAM_MAX)
		return;
	memcpy(p->text + p->n, text, n);
	p->n += n;
}

static void search(double seconds)
{
	struct term *t = termkit_new(COLS, ROWS, 1000);
	struct table table = { .n = 0 };
	const double end = now() + seconds;
	uint64_t seed = 1;
	unsigned tried = 0;

	for (; tried < ARRAY_SIZE(known) || now() < end; tried++) {
		struct program p = { .n = 0 };

		if (tried < ARRAY_SIZE(known)) {
			p.n = strlen(known[tried]);
			memcpy(p.text, known[tried], p.n);
			consider(&table, t, &p);
			continue;
		}
		if (table.n == SLOWEST && termkit_random(&seed) % 3) {
			p = table.rows[termkit_random(&seed) % SLOWEST];
			if (termkit_random(&seed) % 2 && p.n > 8) /* cut at a sequence */
				for (p.n -= 1 + termkit_random(&seed) % (p.n / 2);
					p.n && p.text[p.n] != 0x1b;)
					p.n--;
		}
		for (unsigned i = 1 + termkit_random(&seed) % 4; i-- > 0;)
			grow(&seed, &p);
		if (p.n)
			consider(&table, t, &p);
	}
	printf("%u programs tried, ", tried);
	print_table(&table, t, "searched");
	print_slices();
	term_free(t);
}

/* ---- strings, lines, resizes ---- */

static void endless(const char *what, const char *begin, const char *piece)
{
	struct term *t = termkit_new(COLS, ROWS, 1000);
	struct program p = { .n = 0 };
	struct term_buf b = { 0 };
	struct out o = { .buf = &b };
	double start;

	out_text(&o, begin);
	while (b.n < (size_t)4 << 20)
		out_text(&o, piece);
	start = now();
	feed_slices(t, b.data, b.n, &p);
	printf("  %7.1f MB/s  worst slice %5.2f ms  %s, 4 MiB\n",
		(double)b.n / 1e6 / (now() - start), worst_slice * 1e3, what);
	worst_slice = worst_unit = 0;
	term_buf_done(&b);
	term_free(t);
}

static void resizes(unsigned cols, unsigned rows, unsigned lines)
{
	struct term *t = termkit_new(cols, rows, lines);
	double start, slice, took, worst = 0, worst_piece = 0;
	struct term_buf b = { 0 };
	struct out o = { .buf = &b };
	uint64_t work;
	bool more;

	for (unsigned i = 0; i < lines; i++)
		out_format(&o, "line %u of a long history\r\n", i);
	term_feed(t, b.data, b.n);
	for (unsigned i = 0; i < 30; i++) {
		static const unsigned sizes[][2] = { { 1, 1 }, { 0, 0 }, { 1, 1000 }, { 0, 0 },
			{ 1000, 1 }, { 0, 0 } };
		const unsigned *size = sizes[i % 6];

		if (i % 2 == 0)
			fill(t);
		start = slice = now();
		if (term_resize_begin(t, size[0] ? size[0] : cols, size[1] ? size[1] : rows) < 0)
			abort();
		do {
			work = TERM_WORK_SLICE;
			more = term_resize_some(t, &work);
			took = now() - slice;
			worst_piece = took > worst_piece ? took : worst_piece;
			slice += took;
		} while (more);
		took = slice - start;
		worst = took > worst ? took : worst;
	}
	printf("  %4ux%-4u %6u lines of history: worst resize %6.2f ms, its worst slice %5.2f ms\n",
		cols, rows, lines, worst * 1e3, worst_piece * 1e3);
	term_buf_done(&b);
	term_free(t);
}

int main(int argc, char **argv)
{
	every_final(COLS, ROWS);
	every_final(1, 1);
	search(argc > 1 ? strtod(argv[1], NULL) : 20);
	printf("without an end\n");
	endless("a line", "", "0123456789abcdef");
	endless("blanks", "", "                ");
	endless("OSC", "\033]2;", "0123456789abcdef");
	endless("DCS", "\033Pq", "0123456789abcdef");
	endless("APC", "\033_", "0123456789abcdef");
	endless("CSI", "\033[", "1;2:3;4;5;6;7;8;");
	endless("marks on one cell", "a", "\xcc\x81\xcc\x82\xcc\x83\xcc\x84");
	endless("ESC", "", "\033\033\033\033");
	printf("resizes to 1x1, 1x1000, 1000x1 and back, screens full\n");
	resizes(80, 24, 0);
	resizes(COLS, ROWS, 1000);
	resizes(COLS, ROWS, 100000);
	resizes(1000, 1000, 0);
	return 0;
}
