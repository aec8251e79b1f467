#include "client/listing.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/tty.h"

bool listing_wants_json(const struct parsed *p)
{
	const char *format = parsed_text(p, "--output");

	return format && strcmp(format, "json") == 0;
}

void listing_columns(struct listing *l, const struct table_column *columns, size_t n)
{
	unsigned cols = TABLE_NO_EDGE, rows;

	if (isatty(STDOUT_FILENO))
		tty_size(STDOUT_FILENO, &cols, &rows);
	table_init(&l->table, columns, n, cols);
}

void listing_begin(struct listing *l)
{
	if (l->as_json)
		json_open(&l->json, NULL, '[');
}

int listing_pages(struct listing *l, struct cli *cli, struct cwsandbox_request *q,
	const struct error_context *x)
{
	struct cwsandbox_event e;
	char *token = NULL;
	int r;

	do {
		q->page_token = token;
		r = cli_ask(cli, q, x, &e);
		free(token);
		token = NULL;
		if (r)
			return r;
		l->take_page(l, e.answer);
		if (e.answer->next_page_token && *e.answer->next_page_token) {
			token = strdup(e.answer->next_page_token);
			if (!token)
				return cli_error("out of memory");
		}
	} while (token);
	return EXIT_OK;
}

int listing_end(struct listing *l, int code, const char *none)
{
	table_done(&l->table);
	if (l->as_json)
		json_close(&l->json);
	if (code) {
		json_done(&l->json);
		return code;
	}
	if (l->as_json)
		return listing_print(&l->json);
	if (!l->n_rows)
		puts(none);
	return EXIT_OK; /* main() sees to what stdio holds */
}

int listing_print(struct json *j)
{
	const char *text;
	size_t n;
	int r = json_finish(j, &text, &n) ? cli_error("out of memory") : cli_print(text, n);

	json_done(j);
	return r;
}

const char *listing_time(
	char buf[LISTING_TIME_MAX], int64_t at_ms, uint64_t rest_ns, const char *zone)
{
	time_t t = (time_t)(at_ms / 1000);
	long usec = (long)(at_ms % 1000) * 1000 + (long)(rest_ns / 1000);
	struct tm tm;
	size_t n;

	if (at_ms <= 0 || !gmtime_r(&t, &tm))
		return NULL;
	n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!n)
		return NULL;
	if (usec > 0 && usec < 1000000)
		n += (size_t)snprintf(buf + n, LISTING_TIME_MAX - n, ".%06ld", usec);
	snprintf(buf + n, LISTING_TIME_MAX - n, "%s", zone);
	return buf;
}
