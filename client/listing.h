/*
 * listing - answers as a table or as JSON: rows that come page by page, one object, times
 *
 * Results are exit codes, as those of commands.
 */
#ifndef CLIENT_LISTING_H
#define CLIENT_LISTING_H

#include "client/cli.h"
#include "client/json.h"
#include "client/table.h"

#define LISTING_TIME_MAX 48

struct listing {
	bool as_json;
	struct json json;   /* an array that is open, if as_json */
	struct table table; /* of what has columns */
	bool failed;        /* there was no memory for a row */
	size_t n_rows;
	/* Shows one page and counts its rows. */
	void (*take_page)(struct listing *l, const struct cwsandbox_answer *a);
	const struct parsed *options; /* for take_page */
};

/* --output json */
bool listing_wants_json(const struct parsed *p);
/* A table with these columns: as wide as the terminal, or whole. */
void listing_columns(struct listing *l, const struct table_column *columns, size_t n);
void listing_begin(struct listing *l);
/* Asks for all pages, which follow each other by tokens. What fails is printed. */
int listing_pages(struct listing *l, struct cli *cli, struct cwsandbox_request *q,
	const struct error_context *x);
/* The end, after 0 or an exit code; `none` is said in place of a table without rows. */
int listing_end(struct listing *l, int code, const char *none);

/* Prints what was built, and frees it. */
int listing_print(struct json *j);

/* ISO 8601 in UTC, microseconds only where there are some, then `zone`; NULL if it did not happen yet. */
const char *listing_time(
	char buf[LISTING_TIME_MAX], int64_t at_ms, uint64_t rest_ns, const char *zone);

#endif
