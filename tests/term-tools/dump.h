/*
 * dump - a whole model as one line of JSON, for tools that compare it with another terminal
 *
 * A row is an array of runs [column, columns, text, attributes, link], cut after its last cell that
 * is no plain blank, and begins with true where the line goes on in the next row. Attributes are
 * those of SGR, as style_describe() writes them. What another terminal cannot tell (keyboards,
 * colours, saved titles) is there for who looks.
 */
#ifndef TESTS_TERM_TOOLS_DUMP_H
#define TESTS_TERM_TOOLS_DUMP_H

#include "tests/termkit.h"

void dump_json(const struct term *t, struct out *o);

/* Calls once for each run of one style: its columns are [from, to). */
typedef void dump_run_fn(
	const struct term *t, const struct row *row, unsigned from, unsigned to, struct out *o);
void dump_each_run(const struct term *t, const struct row *row, dump_run_fn *fn, struct out *o);
void dump_cell(const struct term *t, uint64_t cell, struct out *o);
void dump_style(const struct term *t, uint32_t number, struct out *o);

#endif
