/* SPDX-License-Identifier: Apache-2.0 */
/* close-stdin SANDBOX - a shell ends when its input is closed */
#include "example.h"

int main(int argc, char **argv)
{
	static const char *const sh[] = { "/bin/sh", NULL };
	struct cwsandbox_terminal_result result;
	struct cwsandbox_terminal *t;

	if (argc != 2)
		return usage("close-stdin SANDBOX");
	t = start(argv[1], sh, 80, 24);
	check(t, cwsandbox_terminal_writeline(t, "echo last words", TIMEOUT_MS), "writeline");
	check(t, cwsandbox_terminal_close_stdin(t), "close");
	check(t, cwsandbox_terminal_close_stdin(t), "close again"); /* does nothing */
	copy_output(t);
	check(t, cwsandbox_terminal_result(t, TIMEOUT_MS, &result), "result");
	printf("\nreturned %d\n", result.returncode);
	if (cwsandbox_terminal_writeline(t, "too late", TIMEOUT_MS) != CWSANDBOX_E_ENDED)
		return 1;
	check(t, cwsandbox_terminal_close_stdin(t), "close after the end"); /* nor here */
	cwsandbox_terminal_free(t);
	return result.returncode;
}
