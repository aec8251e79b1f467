/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lossless SANDBOX - a reader that stops stalls the program and loses nothing; one that stops for
 * too long comes back with `since`
 *
 * The program writes three million bytes; its writer waits in the sandbox while we do not read.
 */
#include "example.h"

#define TOTAL 3000000u
#define BLOCK_TIMEOUT_MS 1000

/* Reads what is there until the end, or until we are detached; checks that byte i is the i-th of
 * the pattern. */
static int read_on(struct cwsandbox_terminal *t, size_t *at)
{
	char buf[8192];
	size_t n;
	int r;

	while ((r = cwsandbox_terminal_read(t, buf, sizeof(buf), TIMEOUT_MS, &n)) == 0)
		for (size_t i = 0; i < n; i++, (*at)++)
			if (buf[i] != "0123456789abcde\n"[*at % 16]) {
				fprintf(stderr, "byte %zu is %d\n", *at, buf[i]);
				exit(1);
			}
	return r;
}

int main(int argc, char **argv)
{
	static const char *const flood[] = { "/bin/sh", "-c",
		"stty raw; yes 0123456789abcde | head -c 3000000; sleep 1", NULL };
	struct cwsandbox_terminal_config how;
	struct cwsandbox_terminal *first, *second;
	struct cwsandbox_since since;
	size_t at = 0, n;
	char byte;
	int r;

	if (argc != 2)
		return usage("lossless SANDBOX");
	if (cwsandbox_terminal_new(&first) || cwsandbox_terminal_new(&second))
		return no_memory();
	memset(&how, 0, sizeof(how));
	how.sandbox_id = argv[1];
	how.argv = flood;
	how.block_timeout_ms = BLOCK_TIMEOUT_MS;
	check(first, cwsandbox_terminal_open(first, NULL, &how, TIMEOUT_MS), "open");
	check(first, cwsandbox_terminal_read(first, &byte, 1, TIMEOUT_MS, &n), "read");
	at = n;
	sleep(3); /* longer than the daemon waits for us; what was on its way is still read,
		then we are told */
	r = read_on(first, &at);
	if (r != CWSANDBOX_E_STALLED)
		check(first, r ? r : -1, "a reader that stopped should have been detached");
	printf("stalled after %zu bytes\n", at);
	check(first, cwsandbox_terminal_since(first, &since), "since");
	if (since.offset != at)
		return 1;

	memset(&how, 0, sizeof(how));
	how.session = cwsandbox_terminal_name(first);
	how.since = &since;
	check(second, cwsandbox_terminal_open(second, NULL, &how, TIMEOUT_MS), "come back");
	if (cwsandbox_terminal_fresh(second))
		return 1;
	r = read_on(second, &at);
	if (r != CWSANDBOX_E_END)
		check(second, r, "read");
	printf("%zu bytes in all, none lost\n", at);
	cwsandbox_terminal_free(first);
	cwsandbox_terminal_free(second);
	return at == TOTAL ? 0 : 1;
}
