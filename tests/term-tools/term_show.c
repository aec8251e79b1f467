/*
 * term-show - feeds a recorded stream to the terminal model and prints what a screen would show
 *
 * term-show [-s COLSxROWS] [-n BYTES] [-c CHUNK] [-f FORMAT] FILE
 *   -s  size, default 80x24
 *   -n  feed only so many bytes
 *   -c  feed so many bytes at a time; 0 = all at once
 *   -f  text (default), runs, json (all of the model, see dump.h), paint (the bytes of an attach), filtered (what a terminal may
 *       see), replies
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tests/term-tools/dump.h"

struct options {
	unsigned cols, rows;
	size_t max, chunk;
	const char *format, *file;
};

static int usage(void)
{
	fprintf(stderr, "usage: term-show [-s COLSxROWS] [-n BYTES] [-c CHUNK] "
			"[-f text|runs|json|paint|filtered|replies] FILE\n");
	return 2;
}

static int parse_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "s:n:c:f:")) != -1) {
		char *end = NULL;

		if (c == 's') {
			o->cols = (unsigned)strtoul(optarg, &end, 10);
			o->rows = *end == 'x' ? (unsigned)strtoul(end + 1, &end, 10) : 0;
			if (*end || !o->rows)
				return -EINVAL;
		} else if (c == 'n') {
			o->max = strtoul(optarg, NULL, 10);
		} else if (c == 'c') {
			o->chunk = strtoul(optarg, NULL, 10);
		} else if (c == 'f') {
			o->format = optarg;
		} else {
			return -EINVAL;
		}
	}
	o->file = argv[optind];
	return optind + 1 == argc ? 0 : -EINVAL;
}

static int read_file(const struct options *options, struct term_buf *b)
{
	FILE *f = fopen(options->file, "rb");
	struct out o = { .buf = b };
	uint8_t piece[4096];
	size_t n;

	if (!f)
		return -errno;
	while (b->n < options->max && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		out_bytes(&o, piece, min_size(n, options->max - b->n));
	fclose(f);
	return o.r;
}

/* ---- formats ---- */

static void run_plain(
	const struct term *t, const struct row *row, unsigned from, unsigned to, struct out *o)
{
	const uint32_t style = cell_style(row_cell(row, from)), link = style_get(t, style).link;

	out_format(o, "  %u-%u [", from, to);
	dump_style(t, style, o);
	if (link)
		out_format(o, ";link=%.100s", t->links[link].uri);
	out_text(o, "] ");
	for (unsigned x = from; x < to; x++)
		dump_cell(t, row_cell(row, x), o);
	out_byte(o, '\n');
}

static void show_runs(const struct term *t, struct out *o)
{
	out_format(o, "cursor %u,%u%s\n", t->cursor.x, t->cursor.y,
		t->cursor.pending ? " wrap pending" : "");
	for (unsigned y = 0; y < t->rows; y++) {
		out_format(o, "row %u%s\n", y, term_row(t, y)->wrapped ? " wrapped" : "");
		dump_each_run(t, term_row(t, y), run_plain, o);
	}
}

static int show(const struct term *t, const char *format, struct out *o)
{
	const struct term_paint how = { .kind = TERM_PAINT_ATTACH, .history_lines = 1000 };
	size_t n;

	if (strcmp(format, "text") == 0) {
		o->r = term_text(t, o->buf);
		out_byte(o, '\n');
	} else if (strcmp(format, "runs") == 0) {
		show_runs(t, o);
	} else if (strcmp(format, "json") == 0) {
		dump_json(t, o);
	} else if (strcmp(format, "paint") == 0) {
		o->r = term_paint(t, &how, o->buf);
	} else if (strcmp(format, "replies") == 0) {
		const uint8_t *replies = term_replies(t, &n);

		out_bytes(o, replies, n);
	} else {
		return -EINVAL;
	}
	return o->r;
}

static int show_filtered(const struct term_buf *input, size_t chunk, struct term_buf *out)
{
	_cleanup_(term_filter_freep) struct term_filter *f = NULL;
	int r = term_filter_new(&f, false);

	for (size_t i = 0; !r && i < input->n; i += chunk)
		r = term_filter_feed(f, input->data + i, min_size(chunk, input->n - i), out);
	return err_fold(r);
}

static int show_model(
	const struct options *o, const struct term_buf *input, size_t chunk, struct term_buf *out)
{
	struct out to = { .buf = out };
	struct term *t = termkit_new(o->cols, o->rows, 1000);
	int r;

	for (size_t i = 0; i < input->n; i += chunk)
		term_feed(t, input->data + i, min_size(chunk, input->n - i));
	r = show(t, o->format, &to);
	term_free(t);
	return err_fold(r);
}

int main(int argc, char **argv)
{
	struct options o = { .cols = 80, .rows = 24, .max = SIZE_MAX, .format = "text" };
	struct term_buf input = { 0 }, out = { 0 };
	size_t chunk;
	int r;

	if (parse_options(&o, argc, argv) < 0)
		return usage();
	r = read_file(&o, &input);
	chunk = o.chunk ? o.chunk : max_size(input.n, 1);
	if (!r && strcmp(o.format, "filtered") == 0)
		r = show_filtered(&input, chunk, &out);
	else if (!r)
		r = show_model(&o, &input, chunk, &out);
	if (r == -EINVAL)
		return usage();
	if (r)
		fprintf(stderr, "term-show: %s: %s\n", o.file, strerror(-r));
	else
		fwrite(out.data, 1, out.n, stdout);
	term_buf_done(&input);
	term_buf_done(&out);
	return r ? 1 : 0;
}
