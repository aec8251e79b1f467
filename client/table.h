/*
 * table - rows in columns: whole in a pipe, on a terminal never wider than that
 *
 * Rows come page by page. On a terminal the first page decides how wide the columns are: as wide as
 * their cells, or narrower, then what does not fit ends in an ellipsis. In a pipe nothing is cut; a
 * long cell pushes the rest aside.
 *
 * Units:  columns of a terminal, in which a character takes 0, 1 or 2.
 * Cells:  printable UTF-8, as text_encode() makes it; copied.
 * Errors: -ENOMEM.
 */
#ifndef CLIENT_TABLE_H
#define CLIENT_TABLE_H

#include <stdio.h>

#include "common/util.h"

#define TABLE_COLUMNS_MAX 10
#define TABLE_NO_EDGE 0u

struct table_column {
	const char *title;
	unsigned usual; /* its width in a pipe, where it does not depend on the cells */
	unsigned least; /* how narrow it may get where the terminal is; 0: as wide as its cells */
	bool right;
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	unsigned edge; /* columns of the terminal; TABLE_NO_EDGE: it is none, all is shown whole */
	unsigned widths[TABLE_COLUMNS_MAX];
	bool begun; /* the widths are settled, the titles are out */
	char **cells;
	size_t n_cells, cap;
};

/* `columns` must outlive the table. */
void table_init(struct table *t, const struct table_column *columns, size_t n, unsigned edge);
void table_done(struct table *t);
/* A row: a cell for each column. */
int table_add(struct table *t, const char *const *cells);
/* Prints the rows added since, before the first of them the titles. */
void table_print(struct table *t, FILE *f);

/* Columns that text takes. */
unsigned table_width(const char *text);

#endif
