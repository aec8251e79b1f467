/* SPDX-License-Identifier: Apache-2.0 */
/* vim SANDBOX FILE - a full-screen program, driven by its keys: writes a line into FILE and leaves */
#include "example.h"

int main(int argc, char **argv)
{
	const char *const vim[] = { "/bin/sh", "-c",
		"exec $(command -v vim.tiny || command -v vim) -u NONE -n \"$1\"", "vim",
		argc == 3 ? argv[2] : "", NULL };
	struct cwsandbox_terminal *t;
	char seen[65536];
	int code;

	if (argc != 3)
		return usage("vim SANDBOX FILE");
	t = start(argv[1], vim, 80, 24);
	read_until(t, "\033[?1049h", seen,
		sizeof(seen)); /* the alternate screen: raw bytes, as the program wrote them */
	check(t, cwsandbox_terminal_write(t, "ihello from vim\033", 16, TIMEOUT_MS, NULL),
		"insert");
	check(t, cwsandbox_terminal_write(t, ":wq\r", 4, TIMEOUT_MS, NULL), "write and quit");
	while (cwsandbox_terminal_read(t, seen, sizeof(seen), TIMEOUT_MS, &(size_t){ 0 }) == 0)
		;
	check(t, cwsandbox_terminal_wait(t, TIMEOUT_MS, &code), "wait");
	cwsandbox_terminal_free(t);
	return code;
}
