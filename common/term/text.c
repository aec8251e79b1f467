#include "common/term/model.h"

static void text_row(const struct term *t, const struct row *row, struct out *o)
{
	uint32_t codes[TERM_CELL_CODEPOINTS_MAX];
	size_t end = o->buf->n; /* after the last character that is no blank */

	for (unsigned x = 0; x < row_length(row, t->cols); x++) {
		uint64_t cell = row_cell(row, x);
		unsigned n = cell_codes(t, cell, codes);

		if (cell & CELL_TAIL)
			continue;
		if (n == 0 || (n == 1 && codes[0] == ' ')) {
			out_byte(o, ' ');
			continue;
		}
		for (unsigned i = 0; i < n; i++)
			out_code(o, codes[i]);
		end = o->buf->n;
	}
	o->buf->n = end;
}

int term_text(const struct term *t, struct term_buf *out)
{
	struct out o = { .buf = out };

	for (unsigned y = 0; y < t->rows; y++) {
		if (y)
			out_byte(&o, '\n');
		text_row(t, term_row(t, y), &o);
	}
	return o.r;
}
