#!/usr/bin/env python3
"""The user's terminal is asked what it is: its answers stay out of the session, and count"""
import os
import re
import select
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from sessions import DETACH, PROMPT, SessionCase, at_prompt
from terminal import pump, until

FENCE = b"\x1b[c"  # the last question
ANSWERS = ("\x1b[?0u", "\x1b[?2026;2$y", "\x1bP>|Tests(1)\x1b\\", "\x1b]10;rgb:ffff/cccc/0000\x1b\\",
           "\x1b]11;rgb:1010/2020/3030\x07", "\x1b]12;rgb:00/ff/00\x1b\\", "\x1b[?62;22c")
BARE = ("\x1b[?6c",)  # of a terminal that knows nothing else
# Shows in hexadecimal what is typed, up to a q. Bytes of the terminal's answers would show too.
TYPED = "stty raw -echo; printf 'go\\r\\n'; c=; while [ \"$c\" != 71 ]; do c=$(dd bs=1 count=1 2>/dev/null | od -An -tx1 " \
        "| tr -d ' \\n'); printf %s. $c; done; stty sane; echo\r"


class Asked(SessionCase):
    def asked(self, name, *options, colorterm="", cols=80, rows=24):
        """A terminal that is asked, with no word from its environment about its colours; not answered yet."""
        env = dict(self.world.env, CWSANDBOX_PROBE="yes", COLORTERM=colorterm)
        t = self.world.terminal("attach", *options, name, env=env, cols=cols, rows=rows)
        t.session = name
        until(lambda: FENCE in t.raw, "the questions")
        return t

    def seen(self, t):
        return re.sub(r"\s", "", "".join(t.screen.lines()))

    def test_answers_torn_late_and_among_keys_are_no_input_and_the_keys_keep_their_order(self):
        a = self.shell()
        t = self.asked(a.session).see_line(PROMPT)  # painted before a word was answered
        t.type(TYPED).see_line("go")
        for i, answer in enumerate(ANSWERS):
            cut = 3 + i % (len(answer) - 3)
            t.type("%d" % i + answer[:cut])
            pump(0.15 if i == 2 else 0.01)
            t.type(answer[cut:])
        t.type("".join(ANSWERS[:-1]))  # behind the last one, as where something between answers that itself
        t.type("7\x1b[Aq")
        want = "".join("3%d." % i for i in range(8)) + "1b.5b.41.71."
        until(lambda: want in self.seen(t), want)
        at_prompt(t).type(DETACH)
        self.assertEqual(t.exit_code(), 0)

    def test_the_program_gets_the_colours_of_the_terminal_that_leads(self):
        a = self.shell()
        t = self.asked(a.session, "-x")
        for answer in ANSWERS:
            t.type(answer)
        ask = "stty raw -echo; printf '\\033]%d;?\\033\\\\'; dd bs=1 count=23 2>/dev/null | tr -d '\\033\\134'; stty sane; echo\r"
        at_prompt(t).type(ask % 11)
        until(lambda: "]11;rgb:1010/2020/3030" in t.screen.text(), "the background")
        at_prompt(t).type(ask % 10)
        until(lambda: "]10;rgb:ffff/cccc/0000" in t.screen.text(), "the colour of text")
        t.type("\r" + DETACH)
        self.assertEqual(t.exit_code(), 0)

    def colours(self, t, word):
        """What this terminal was sent for a word in red and a synchronized update."""
        line = "printf '\\033[38;2;255;0;0m%s''%s\\033[m\\033[?2026h\\033[?2026l\\n'\r" % (word[:1], word[1:])
        at_prompt(t).type(line).see(word)
        at_prompt(t)
        return t.raw[t.raw.rindex(b"\x1b[38;", 0, t.raw.rindex(word.encode())):]

    def test_a_terminal_gets_what_it_can_show(self):
        a = self.shell()
        t = self.asked(a.session)
        t.type("".join(ANSWERS))
        self.assertTrue(self.colours(t, "first").startswith(b"\x1b[38;2;255;0;0mfirst\x1b[m\x1b[?2026h\x1b[?2026l\r\n"))
        t.type(DETACH)
        self.assertEqual(t.exit_code(), 0)
        t = self.asked(a.session)
        t.type("".join(BARE))
        self.assertTrue(self.colours(t, "second").startswith(b"\x1b[38;5;196msecond\x1b[m\r\n"))
        t.type(DETACH)
        self.assertEqual(t.exit_code(), 0)

    def test_answers_still_on_their_way_do_not_reach_the_shell_after_us(self):
        a = self.shell()
        t = self.asked(a.session)
        t.type(DETACH)
        pump(0.02)
        t.type("".join(ANSWERS))
        self.assertEqual(t.exit_code(), 0)
        self.assertEqual(select.select([t.slave], [], [], 0)[0], [], "something was left to be read")

    def test_a_terminal_that_never_answers_is_as_quick_and_escape_is_a_key(self):
        a = self.shell()
        t = self.asked(a.session).see_line(PROMPT)
        t.type(TYPED).see_line("go").type("\x1b")
        until(lambda: "1b." in self.seen(t), "Escape alone")
        t.type("\x1bOPq")
        until(lambda: "1b.1b.4f.50.71." in self.seen(t), "a function key")
        at_prompt(t).type(DETACH)
        self.assertEqual(t.exit_code(), 0)

    def test_where_it_is_switched_off_nothing_is_asked(self):
        a = self.shell()
        a.type(DETACH)
        self.assertEqual(a.exit_code(), 0)
        self.assertEqual(a.harm(), [])


if __name__ == "__main__":
    suite.main()
