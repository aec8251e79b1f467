/*
 * bench_term - MB/s of the terminal model over streams of many kinds, and its slowest slice
 *
 * Prints one line a stream; asserts nothing. With HAVE_VTERM the state and the screen layer of
 * libvterm are fed the same bytes in the same run, but for hostile streams, which it does not
 * survive.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#ifdef HAVE_VTERM
#include <vterm.h>
#endif

#include "tests/termkit.h"

#define STREAM_BYTES ((size_t)8 << 20)
#define SLICE_BYTES ((size_t)64 << 10)
#define COLS 200
#define ROWS 50
#define REPEAT_SECONDS 0.4

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- streams ---- */

static void line_plain(struct out *o, unsigned i)
{
	out_format(o, "%8u the quick brown fox jumps over the lazy dog and runs away again\r\n", i);
}

static void line_short(struct out *o, unsigned i)
{
	(void)i;
	out_text(o, "y\r\n");
}

static void line_long(struct out *o, unsigned i)
{
	for (unsigned k = 0; k < 20; k++)
		out_format(o,
			"%u abcdefghijklmnopqrstuvwxyz 0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ ", i);
	out_text(o, "\r\n");
}

static void line_log(struct out *o, unsigned i)
{
	out_format(o,
		"\033[32m[%3u%%]\033[0m \033[1mBuilding C object\033[0m src/CMakeFiles/core.dir/",
		i % 100);
	out_format(o,
		"file_%u.c.o\r\n\033[33mwarning:\033[m unused variable \033[36m'x%u'\033[m\r\n", i,
		i % 7);
}

static void line_ls(struct out *o, unsigned i)
{
	out_format(o, "-rw-r--r-- 1 user user %6u Jan  1 12:00 \033[0;38;5;%um", i * 37 % 999983,
		i % 256);
	out_format(o, "name-%u.tar.gz\033[0m\r\n", i);
}

static void line_true_color(struct out *o, unsigned i)
{
	for (unsigned x = 0; x < 40; x++)
		out_format(o, "\033[38;2;%u;%u;%um#", (i * 3 + x) & 255, x * 6 & 255, i & 255);
	out_text(o, "\033[m\r\n");
}

/* An editor: a region scrolls, lines are drawn with colours, a status line. */
static void line_vim(struct out *o, unsigned i)
{
	out_text(o, "\033[?25l\033[1;49r\033[49;1H\r\n\033[1;50r\033[49;1H");
	out_format(o,
		"\033[33m%5u \033[m\033[38;5;81mstatic\033[m int \033[1mfunction_%u\033[m(void)", i,
		i);
	out_format(o,
		" { return \033[95m%u\033[m; }\033[50;180H\033[7m%u,1  "
		"%u%%\033[m\033[49;9H\033[?25h",
		i, i, i % 100);
}

static void line_htop(struct out *o, unsigned i)
{
	out_format(o, "\033[%u;1H\033[30;46m%7u \033[39;49mroot      20   0 ", i % 49 + 2, i);
	out_format(o, "\033[36m%3u\033[39mM  \033[32m%4u\033[39m S \033[1m%2u.%u\033[22m  0.1 ",
		i % 999, i % 7777, i % 99, i % 10);
	out_text(o, "\033[32m/usr/bin/\033[39;1mprogram\033[m --with some arguments\033[K");
}

static void line_cjk(struct out *o, unsigned i)
{
	out_format(o, "%u ", i);
	for (unsigned k = 0; k < 3; k++)
		out_text(o, "端末の画面はいつも正しい。한국어도 좋습니다，汉字也一样。");
	out_text(o, "\r\n");
}

static void line_marks(struct out *o, unsigned i)
{
	(void)i;
	for (unsigned k = 0; k < 30; k++)
		out_text(o, "e\xcc\x81n\xcc\x83"
			    "a\xcc\x88 ");
	out_text(o, "\r\n");
}

static void line_unicode(struct out *o, unsigned i)
{
	out_format(o,
		"│ %u ├──┤ naïve café → “quoted” — ½ €5 ✓ 🙂 │\r\n",
		i);
}

static void hostile_csi(struct out *o, unsigned i)
{
	static const char *const params[] = { "65535", "", "65535;65535", "1;65535", "?65535",
		"99999999999" };

	out_format(o, "\033[%s%c", params[i % ARRAY_SIZE(params)],
		(int)(0x40 + i / ARRAY_SIZE(params) % 63));
}

static void hostile_erase(struct out *o, unsigned i)
{
	out_format(o, "\033[4%um\033[2J", i % 8);
}

static void hostile_selective(struct out *o, unsigned i)
{
	if (i % 100 == 0)
		for (unsigned y = 1; y <= ROWS; y++)
			out_format(o, "\033[%u;%uH\033[1\"qx\033[0\"q", y, COLS);
	out_text(o, "\033[?2J");
}

static void hostile_repeat(struct out *o, unsigned i)
{
	(void)i;
	out_text(o, "x\033[65535b");
}

static void hostile_align(struct out *o, unsigned i)
{
	(void)i;
	out_text(o, "\033#8");
}

static void hostile_reset(struct out *o, unsigned i)
{
	(void)i;
	out_text(o, "\033"
		    "c");
}

static void hostile_scroll(struct out *o, unsigned i)
{
	out_format(o, "\033[%uS\033[%uT", i % 99, 65535 - i % 50);
}

static void hostile_insert(struct out *o, unsigned i)
{
	if (i % 1000 == 0)
		out_text(o, "\033[4h");
	out_text(o, i % 50 ? "a" : "b\r");
}

static void hostile_delete(struct out *o, unsigned i)
{
	if (i % 100 == 0)
		line_long(o, i);
	out_text(o, i % 2 ? "\033[P" : "\r\033[@");
}

static void hostile_styles(struct out *o, unsigned i)
{
	out_format(o, "\033[38;2;%u;%u;%umx", i >> 16 & 255, i >> 8 & 255, i & 255);
}

static void hostile_links(struct out *o, unsigned i)
{
	out_format(o, "\033]8;;u:%u\ax", i);
}

static void hostile_clusters(struct out *o, unsigned i)
{
	out_byte(o, 'a');
	for (unsigned k = 0; k < 5; k++)
		out_code(o, 0x300 + (i >> (3 * k) & 63));
}

static void hostile_string(struct out *o, unsigned i)
{
	out_text(o, i ? "0123456789abcdef" : "\033]2;");
}

static void hostile_screens(struct out *o, unsigned i)
{
	out_format(o, "\033[?1049%c", i % 2 ? 'l' : 'h');
}

static void hostile_queries(struct out *o, unsigned i)
{
	out_text(o, i % 2 ? "\033[6n" : "\033[c");
}

static void hostile_garbage(struct out *o, unsigned i)
{
	uint64_t seed = i;

	for (unsigned k = 0; k < 64; k++)
		out_byte(o, (uint8_t)termkit_random(&seed));
}

static const struct {
	const char *name;
	void (*piece)(struct out *o, unsigned i);
	bool hostile;
} streams[] = {
	{ "plain lines", line_plain, false },
	{ "y lines", line_short, false },
	{ "long lines that wrap", line_long, false },
	{ "coloured build log", line_log, false },
	{ "ls --color", line_ls, false },
	{ "true colour", line_true_color, false },
	{ "editor scrolling", line_vim, false },
	{ "htop", line_htop, false },
	{ "CJK", line_cjk, false },
	{ "box drawing, emoji", line_unicode, false },
	{ "combining marks", line_marks, false },
	{ "every CSI, extreme", hostile_csi, true },
	{ "erase in colours", hostile_erase, true },
	{ "selective erase", hostile_selective, true },
	{ "REP", hostile_repeat, true },
	{ "DECALN", hostile_align, true },
	{ "RIS", hostile_reset, true },
	{ "SU, SD", hostile_scroll, true },
	{ "insert mode", hostile_insert, true },
	{ "ICH, DCH", hostile_delete, true },
	{ "a style each cell", hostile_styles, true },
	{ "a link each cell", hostile_links, true },
	{ "clusters", hostile_clusters, true },
	{ "unterminated string", hostile_string, true },
	{ "switching screens", hostile_screens, true },
	{ "queries", hostile_queries, true },
	{ "garbage", hostile_garbage, true },
};

static void stream_make(size_t which, struct term_buf *out)
{
	struct out o = { .buf = out };

	for (unsigned i = 0; out->n < STREAM_BYTES && !o.r; i++)
		streams[which].piece(&o, i);
}

/* ---- what is measured ---- */

/* One slice; how much of it was taken. */
typedef size_t feed_fn(void *what, const uint8_t *data, size_t n);

struct figure {
	double rate;  /* MB/s */
	double worst; /* of a slice, ms */
};

static struct figure measure(feed_fn *feed, void *what, const struct term_buf *b)
{
	struct figure f = { .worst = 0 };
	double start = now(), end = start;
	size_t done = 0;

	while (end - start < REPEAT_SECONDS) {
		for (size_t i = 0, n; i < b->n && end - start < 4 * REPEAT_SECONDS; i += n) {
			double before = end;

			n = feed(what, b->data + i, min_size(SLICE_BYTES, b->n - i));
			end = now();
			done += n;
			if ((end - before) * 1e3 > f.worst)
				f.worst = (end - before) * 1e3;
		}
	}
	f.rate = (double)done / 1e6 / (end - start);
	return f;
}

static size_t feed_model(void *what, const uint8_t *data, size_t n)
{
	uint64_t work = TERM_WORK_SLICE;

	n = term_feed_some(what, data, n, &work);
	term_replies_drop(what, SIZE_MAX);
	return n;
}

struct filtered {
	struct term_filter *filter;
	struct term_buf out;
};

static size_t feed_filter(void *what, const uint8_t *data, size_t n)
{
	struct filtered *f = what;

	f->out.n = 0;
	if (term_filter_feed(f->filter, data, n, &f->out) < 0)
		abort();
	return n;
}

#ifdef HAVE_VTERM
static size_t feed_vterm(void *what, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i += 4096) /* it puts a buffer of this size on the stack */
		vterm_input_write(what, (const char *)data + i, min_size(4096, n - i));
	return n;
}

static void measure_vterm(const struct term_buf *b, bool screen)
{
	VTerm *vt = vterm_new(ROWS, COLS);
	struct figure f;

	vterm_set_utf8(vt, 1);
	vterm_state_reset(vterm_obtain_state(vt), 1);
	if (screen)
		vterm_screen_reset(vterm_obtain_screen(vt), 1);
	f = measure(feed_vterm, vt, b);
	printf("  %7.1f", f.rate);
	vterm_free(vt);
}
#endif

static void run(size_t which)
{
	struct term *t = termkit_new(COLS, ROWS, 1000);
	struct filtered filtered = { 0 };
	struct term_buf b = { 0 };
	struct figure f;

	stream_make(which, &b);
	f = measure(feed_model, t, &b);
	printf("%-22s %8.1f  %6.2f", streams[which].name, f.rate, f.worst);
	if (term_filter_new(&filtered.filter, false) < 0)
		abort();
	printf("  %8.1f", measure(feed_filter, &filtered, &b).rate);
#ifdef HAVE_VTERM
	if (!streams[which].hostile) {
		measure_vterm(&b, false);
		measure_vterm(&b, true);
	}
#endif
	printf("\n");
	term_filter_free(filtered.filter);
	term_buf_done(&filtered.out);
	term_buf_done(&b);
	term_free(t);
}

static void print_memory(unsigned cols, unsigned rows, unsigned lines)
{
	struct term *t = termkit_new(cols, rows, lines);
	struct term_buf b = { 0 };
	struct out o = { .buf = &b };

	for (unsigned i = 0; i < 2 * (lines + rows); i++)
		line_log(&o, i);
	term_feed(t, b.data, b.n);
	printf("%4ux%-3u %6u lines of history: %8.1f KiB", cols, rows, lines,
		(double)term_memory(t) / 1024);
	while (term_rest(t))
		;
	printf(", at rest %8.1f KiB\n", (double)term_memory(t) / 1024);
	term_buf_done(&b);
	term_free(t);
}

/* The streams that are not hostile, a file each, for models that read them elsewhere. */
static void write_streams(const char *folder)
{
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		struct term_buf b = { 0 };
		char path[4096];
		FILE *f;

		if (streams[i].hostile)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, streams[i].name);
		for (char *p = path + strlen(folder); *p; p++)
			*p = *p == ' ' ? '_' : *p;
		stream_make(i, &b);
		f = fopen(path, "w");
		if (!f || fwrite(b.data, b.n, 1, f) != 1 || fclose(f) != 0)
			abort();
		term_buf_done(&b);
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "-w") == 0) {
		write_streams(argv[2]);
		return 0;
	}
	printf("%ux%u, a slice is what the work of one allows, at most %zu KiB\n%-22s %8s  %6s  "
	       "%8s",
		COLS, ROWS, SLICE_BYTES >> 10, "stream", "model MB/s", "worst ms", "filter");
#ifdef HAVE_VTERM
	printf("  libvterm state, screen");
#endif
	printf("\n");
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		if (argc < 2 || strstr(streams[i].name, argv[1]))
			run(i);
	if (argc < 2) {
		print_memory(80, 24, 0);
		print_memory(80, 24, 1000);
		print_memory(200, 50, 0);
		print_memory(200, 50, 1000);
		print_memory(200, 50, 100000);
	}
	return 0;
}
