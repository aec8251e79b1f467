#!/usr/bin/env python3
"""No client can be slow enough to matter: stopped, slow and fast ones on one flood, many on one session"""
import hashlib
import os
import re
import signal
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import procs
import suite
from screen import Screen
from sessions import OUT_OF_TURN, PROMPT, SessionCase, at_prompt, shown
from terminal import until
from world import program

MIB = 1 << 20
FLOOD_MIB = 16
GROWTH_MAX = 12 * MIB  # of the daemon, over a flood: its log (4 MiB), the terminal's history, the heap's own habits
if procs.sanitized(program("cwsandboxd")):
    GROWTH_MAX += 500 * MIB  # freed memory is kept for a while
SLOW, SLOWER = 1000000, 20000  # bytes a second
CROWD = 64
HELP = "\x1c?"


def flood(mib):
    return "yes $(printf %%070d 7) | head -c %d; echo; echo over $((1+1))\r" % (mib * MIB)


class ThreeClients(SessionCase):
    def three(self):
        fast = self.shell()
        slow = at_prompt(self.attach(fast.session))
        stopped = at_prompt(self.attach(fast.session))
        slow.rate = SLOWER
        os.kill(stopped.pid, signal.SIGSTOP)
        self.addCleanup(stopped.kill, signal.SIGCONT)
        return fast, slow, stopped

    def seen(self, name, terminal):
        """What the session's description says of this terminal's client."""
        return next(c for c in self.clients(name) if c["pid"] == terminal.pid)

    def test_a_stopped_and_a_slow_one_cost_the_fast_one_and_the_daemon_nothing(self):
        fast, slow, stopped = self.three()
        before = procs.rss_bytes(self.daemon.pid)
        fast.type(flood(FLOOD_MIB)).see_line("over 2")
        self.assertLess(procs.rss_bytes(self.daemon.pid) - before, GROWTH_MAX)
        self.assertEqual(self.seen(fast.session, fast)["lag_bytes"], 0)
        offset = self.described(fast.session)["output_offset"]
        self.assertGreater(offset, FLOOD_MIB * MIB)
        # the others are where they are, and nobody waited for them
        self.assertLess(len(slow.raw), MIB)
        fast.type("clear; echo still $((20+1)) here\r")
        until(lambda: shown(fast) == ["still 21 here", PROMPT], "a clear screen")
        slow.see_line("still 21 here")
        until(lambda: self.seen(fast.session, slow)["skipped_bytes"] > 0, "bytes the slow one never saw")
        before = len(stopped.raw)
        stopped.kill(signal.SIGCONT).see_line("still 21 here")
        until(lambda: shown(stopped) == shown(fast), "the present on the stopped one")
        # it was brought there by a paint, not by what it had missed
        self.assertLess(len(stopped.raw) - before, MIB)
        self.assertGreater(self.seen(fast.session, stopped)["skipped_bytes"], (FLOOD_MIB - 2) * MIB)

    def test_one_that_was_away_gets_one_repaint_and_raw_bytes_from_where_it_ends(self):
        fast = self.shell()
        away = self.peer()
        away.call("session.attach", {"name": fast.session, "cols": 80, "rows": 24})
        away.note("resync")
        fast.type(flood(8)).see_line("over 2")
        fast.type("clear\r")
        until(lambda: shown(fast) == [PROMPT], "a clear screen")
        fast.type("echo now $((40+2))\r").see_line("now 42")
        paints, screen, at, taken = 0, Screen(80, 24), None, 0
        while "now 42" not in screen.lines():
            method, p = away.note("output", "resync")
            if method == "resync":
                paints += p["first"]
                at = p["offset"] if p["last"] else None
            else:
                self.assertIn(at, (None, p["offset"]))  # no gap behind a paint, none between two frames
                at = p["offset"] + len(p["data"])
            screen.feed(p["data"])
            taken += len(p["data"])
            away.notify("session.ack", {"attachment": 1, "bytes": taken})
        self.assertEqual(paints, 1)
        away.close()

    def test_ctrl_c_brings_the_prompt_to_a_slow_one_though_the_flood_had_filled_all_queues(self):
        for rate in (SLOW, SLOWER):
            with self.subTest(rate=rate):
                t = self.shell()
                t.type("yes $(printf %070d 7)\r").see("0000007")
                t.rate = rate
                until(lambda: self.seen(t.session, t)["skipped_bytes"] > 0, "a client that is too slow")
                taken = len(t.raw)
                t.type("\x03").see_line(PROMPT)
                self.assertLess(len(t.raw) - taken, max(rate, MIB // 8))  # far less than lay in the log
                t.rate = None
                at_prompt(t).type("exit\r").exit_code()

    def test_ctrl_z_and_the_prefix_twice_overtake_a_backlog_too(self):
        t = self.shell()
        for key, said in (("\x1a", "Stopped"), ("\x1c\x1c", "Quit")):
            with self.subTest(said=said):
                skipped = self.seen(t.session, t)["skipped_bytes"]
                at_prompt(t).type("yes $(printf %070d 7)\r").see("0000007")
                t.rate = SLOW
                until(lambda: self.seen(t.session, t)["skipped_bytes"] > skipped, "a client that is too slow")
                taken = len(t.raw)
                at_prompt(t.type(key))
                self.assertIn(said, "".join(t.screen.lines()))
                self.assertLess(len(t.raw) - taken, SLOW)
                t.rate = None
                at_prompt(t).type("clear; kill %1 2>/dev/null; wait; clear\r")
                until(lambda: shown(t) == [PROMPT], "a clear screen")

    def test_a_lossless_slow_one_gets_every_byte_and_the_program_waits_for_it(self):
        want = "".join("%070d\r\n" % i for i in range(1, 70001)).encode()  # 5 MB, and the log is 4
        t = self.world.terminal("new", "--lossless", "--env", "PS1=%s " % PROMPT, self.sandbox, "--", "/bin/sh")
        t.see_line(PROMPT).type("stty -echo\r")
        name = self.world.ok("sessions").splitlines()[-1].split()[0]
        until(lambda: t.screen.text().count(PROMPT) == 2, "the prompt again")
        t.raw, t.reading = bytearray(), False
        t.type("seq -f %070.0f 70000; seq -f %070.0f 70000; echo over\r")

        def offset():
            return self.described(name)["output_offset"]
        waits, last = 0, -1
        while waits < 5:  # it has come to rest
            now = offset()
            waits, last = (waits + 1, last) if now == last else (0, now)
            until(lambda: True, "a moment")
        self.assertLess(last, 2 * len(want) - MIB)  # in the middle of it
        t.reading = True
        t.see_line("over")
        got = t.raw[:t.raw.index(b"over")]
        self.assertEqual(hashlib.sha256(got).hexdigest(), hashlib.sha256(2 * want).hexdigest())


class Away(SessionCase):
    """The terminal shows something else, or nothing new, while the program writes."""

    LINES = 70000  # 5 MB, and the log is 4

    def away(self, how):
        """A shell that shows 50 lines, whose client takes no more; what brings it back."""
        t, peer = self.shell(), self.peer()
        self.addCleanup(peer.close)
        self.write = lambda command: peer.call("session.send", {"name": t.session, "data": command.encode() + b"\r"})
        self.write("PS1=; stty -echo; clear; echo rea''dy")
        t.see_line("ready")
        self.write("seq -f %070.0f 50")
        t.see_line("%070d" % 50).at_rest()
        if how == "help":
            t.type(HELP).see("any key goes back")
            return t, lambda: t.type("x")
        t.kill(signal.SIGTSTP if how == "SIGTSTP" else signal.SIGSTOP)
        until(lambda: os.waitid(os.P_PID, t.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT), "the client to stand still")
        if how == "SIGSTOP under a shell":
            termios.tcsetattr(t.slave, termios.TCSANOW, t.before)
            os.write(t.slave, b"\nit stopped\n$ fg\n")
        return t, lambda: t.kill(signal.SIGCONT)

    def account(self, t):
        """Each line is there, in its order, or told as not shown; of one that was torn the rest is not."""
        at = missing = gaps = 0
        for line in t.screen.all_text().splitlines():
            told = re.fullmatch(r"\[(\d+) lines not shown\]", line)
            if told:
                missing += int(told[1])
                gaps += 1
            elif re.fullmatch(r"0\d{0,69}", line):
                number = int(line) if len(line) == 70 else at + missing + 1
                self.assertEqual(number, at + missing + 1)
                at, missing = number, 0
        self.assertEqual(at, self.LINES)
        return gaps

    def test_every_line_that_came_while_it_was_away_is_there_or_counted(self):
        for how in ("help", "SIGSTOP", "SIGSTOP under a shell", "SIGTSTP"):
            with self.subTest(how=how):
                t, come_back = self.away(how)
                last = "%070d" % self.LINES
                self.write("seq -f %%070.0f 51 %d" % self.LINES)
                until(lambda: last in self.world.ok("capture", t.session), "all of it in the session")
                come_back()
                t.see_line(last)
                self.assertEqual(self.account(t), 1)
                t.close()

    def test_few_lines_that_came_under_the_help_scroll_those_before_them_away_and_erase_none(self):
        t, come_back = self.away("help")
        self.write("seq -f %070.0f 51 55")
        until(lambda: "%070d" % 55 in self.world.ok("capture", t.session), "all of it in the session")
        come_back()
        t.see_line("%070d" % 55)
        lines = [line for line in t.screen.all_text().splitlines() if line.startswith("0")]
        self.assertEqual(lines, ["%070d" % n for n in range(1, 56)])


class Kept(SessionCase):
    """Under the help of a terminal that is to miss nothing."""

    LINES = 20000  # 1.4 MB, and on the way to a shell's terminal is half of one at most

    def under_help(self, *options, command=("/bin/sh",)):
        """A shell without echo, whose terminal shows the help."""
        t, peer = self.shell(options=("--lossless",) + options, command=command), self.peer()
        self.addCleanup(t.close)
        self.addCleanup(peer.close)
        self.write = lambda text: peer.call("session.send", {"name": t.session, "data": text.encode()})
        self.write("PS1=; stty -echo; clear; echo rea''dy\r")
        t.see_line("ready").at_rest()
        t.type(HELP).see("any key goes back")
        t.raw = bytearray()
        return t

    def test_a_lossless_terminal_is_shown_each_byte_that_came_under_its_help_and_the_program_waits(self):
        t = self.under_help()
        self.write("seq -f %%070.0f %d; echo over\r" % self.LINES)
        until(lambda: self.described(t.session)["clients"][0]["lag_bytes"] > MIB // 4, "a session that waits")
        self.assertEqual(bytes(t.raw), b"")
        t.type("x").see_line("over")
        got = bytes(t.raw)
        want = "".join("%070d\r\n" % n for n in range(1, self.LINES + 1)).encode() + b"over\r\n"
        self.assertEqual(got[got.index(b"0000"):][:len(want)], want)  # with nothing between
        self.assertNotIn("not shown", t.screen.all_text())
        self.assertEqual(self.described(t.session)["clients"][0]["skipped_bytes"], 0)
        t.type("echo typed\r").see_line("typed")

    def test_an_alternate_screen_is_as_it_was_once_the_help_of_a_lossless_terminal_has_gone(self):
        t = self.under_help()
        t.type("x").see_line("ready")
        self.write("printf '\\033[?1049h\\033[2J\\033[3;4Hin the mid''dle\\033[?1003h\\033[7m'\r")
        t.see("in the middle").at_rest().type(HELP).see("any key goes back")
        self.assertNotIn("in the middle", t.screen.text())
        self.write("printf '\\033[5;1Hla''ter'\r")
        until(lambda: "later" in self.world.ok("capture", t.session), "output under the help")
        t.type("x").see("later")
        until(lambda: t.screen.line(2) == "   in the middle", "the screen as it is")
        until(lambda: 1003 in t.screen.modes, "the mouse")
        self.write("printf '\\033[?1003l\\033[m\\033[?1049l'; exit 4\r")
        self.assertEqual(t.exit_code(), 4)
        self.assertIn("ready", t.screen.lines())
        self.assert_sane(t)

    def test_the_help_of_a_lossless_terminal_waits_for_the_end_of_an_open_sequence(self):
        t = self.under_help()
        t.type("x").see_line("ready")
        self.write("printf 'mark''ed\\033]2;'; read x; printf 'whole\\033\\\\en''d\\n'\r")
        t.see("marked").at_rest().type(HELP).at_rest()
        self.assertIn("marked", t.screen.text())
        self.write("\r")
        t.see("any key goes back").type("x").see_line("markedend")
        self.assertEqual(t.screen.titles[-1], "whole")

    def test_the_end_of_the_session_ends_the_help_behind_all_that_was_kept(self):
        t = self.under_help()
        self.write("seq 100 140; exit 3\r")
        self.assertEqual(t.exit_code(), 3)
        lines = t.screen.all_text().splitlines()
        self.assertEqual([n for n in range(100, 141) if lines.count(str(n)) != 1], [])
        self.assertNotIn("any key", t.screen.all_text())
        self.assert_sane(t)

    def test_who_looks_at_the_help_for_longer_than_the_session_waits_is_told_so(self):
        t = self.under_help("--block-timeout", "1s")
        self.write("seq -f %%070.0f %d\r" % self.LINES)
        self.assertEqual(t.exit_code(), OUT_OF_TURN)
        self.assertIn("waited too long", t.screen.text().replace("\n", ""))
        self.assertIn("%070d" % 1, t.screen.all_text())
        self.assert_sane(t)


class Crowd(SessionCase):
    def test_sixty_four_on_one_session_see_the_same_and_leave_nothing(self):
        """Half of them read nothing of a flood and come to the present afterwards."""
        t = self.shell()
        before = procs.rss_bytes(self.daemon.pid)
        peers = [self.peer() for _ in range(CROWD - 1)]
        for p in peers:
            p.call("session.attach", {"name": t.session, "cols": 80, "rows": 24})
        self.assertEqual(self.n_clients(peers[0], t.session), CROWD)
        t.type(flood(8)).see_line("over 2")
        at_prompt(t).type("clear; echo all $((60+4))\r").see_line("all 64")
        for p in peers:
            screen, taken = Screen(80, 24), 0
            while "all 64" not in screen.lines():
                frame = p.note("output", "resync")[1]
                screen.feed(frame["data"])
                taken += len(frame["data"])
                p.notify("session.ack", {"attachment": 1, "bytes": taken})
        self.assertLess(procs.rss_bytes(self.daemon.pid) - before, GROWTH_MAX + CROWD * 256 * 1024)
        for p in peers[1:]:
            p.close()
        until(lambda: self.n_clients(peers[0], t.session) == 2, "the crowd to be gone")
        peers[0].close()

    def n_clients(self, peer, name):
        return peer.call("session.get", {"name": name})["n_clients"]


if __name__ == "__main__":
    suite.main()
