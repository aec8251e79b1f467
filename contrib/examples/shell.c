/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shell SANDBOX - an interactive shell, step by step: a size, lines of input, its output, a new
 * size, and its end
 *
 * The shell runs on without us: it is a session, and `cwsandbox attach` would find it while this
 * program runs.
 */
#include "example.h"

int main(int argc, char **argv)
{
	static const char *const sh[] = { "/bin/sh", NULL };
	struct cwsandbox_terminal *t;
	char seen[65536];
	int code;

	if (argc != 2)
		return usage("shell SANDBOX");
	t = start(argv[1], sh, 100, 40);
	printf("command: %s, session: %s\n", cwsandbox_terminal_command(t)[0],
		cwsandbox_terminal_name(t));
	if (cwsandbox_terminal_returncode(t, &code) != CWSANDBOX_E_ACTIVE)
		return 1;

	check(t, cwsandbox_terminal_writeline(t, "stty size", TIMEOUT_MS), "writeline");
	read_until(t, "40 100", seen, sizeof(seen));
	puts("the shell has the size we gave it");

	check(t, cwsandbox_terminal_resize(t, 120, 50), "resize");
	check(t,
		cwsandbox_terminal_writeline(t,
			"until [ \"$(stty size)\" = '50 120' ]; do sleep 0.1; done; echo re''sized",
			TIMEOUT_MS),
		"writeline");
	read_until(t, "resized", seen, sizeof(seen));
	puts("and the new one");

	if (cwsandbox_terminal_wait(t, 100, &code) != CWSANDBOX_E_TIMEOUT)
		return 1; /* a wait that ends too soon leaves the session running */
	check(t, cwsandbox_terminal_writeline(t, "exit 3", TIMEOUT_MS), "writeline");
	check(t, cwsandbox_terminal_wait(t, TIMEOUT_MS, &code), "wait");
	copy_output(t);
	printf("exit code %d\n", code);
	if (cwsandbox_terminal_resize(t, 80, 24) != CWSANDBOX_E_ENDED)
		return 1;
	cwsandbox_terminal_free(t);
	return code == 3 ? 0 : 1;
}
