#!/usr/bin/env python3
"""security.md C29: whatever ends the client, the terminal is as it was

The program has switched on everything that a full-screen program may; no way out may leave any of it behind.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from sessions import DETACH, OUT_OF_TURN, UNREACHED, SessionCase, at_prompt
from terminal import until

MESS = ("printf '\\033[?1049h\\033[?25l\\033[?1h\\033=\\033[?1000h\\033[?1002h\\033[?1006h\\033[?1004h\\033[?2004h"
        "\\033[?7l\\033[2;5r\\033[31;1m\\033[4h\\033(0'; printf messed\r")


class WaysOut(SessionCase):
    def setUp(self):
        if self.daemon.poll() is not None:
            type(self).daemon = self.world.daemon()
            type(self).sandbox = self.world.ok("create")

    def messed(self):
        t = self.shell()
        t.type(MESS)
        until(lambda: t.screen.alternate and 1002 in t.screen.modes and 25 not in t.screen.modes, "the modes to be set")
        return t

    def out(self, t, *codes):
        self.assertIn(t.exit_code(), codes)
        self.assert_sane(t)

    def test_exit_of_the_program(self):
        t = self.messed()
        t.type("\x0c\rexit 4\r")
        self.out(t, 4)

    def test_detach(self):
        t = self.messed()
        t.type(DETACH)
        self.out(t, 0)

    def test_sigterm(self):
        t = self.messed().kill(signal.SIGTERM)
        self.out(t, -signal.SIGTERM, 128 + signal.SIGTERM, UNREACHED, 0)

    def test_sighup(self):
        t = self.messed().kill(signal.SIGHUP)
        self.out(t, -signal.SIGHUP, 128 + signal.SIGHUP, UNREACHED, 0)

    def test_sigint(self):
        t = self.messed().kill(signal.SIGINT)
        self.out(t, -signal.SIGINT, 130)

    def test_being_detached_by_another(self):
        t = self.messed()
        self.world.ok("detach", t.session)
        self.out(t, OUT_OF_TURN)

    def test_being_taken_over(self):
        t = self.messed()
        other = self.attach(t.session, "-x")
        self.out(t, OUT_OF_TURN)
        other.type(DETACH)
        self.out(other, 0)

    def test_the_session_being_killed(self):
        t = self.messed()
        self.world.ok("kill", t.session)
        t.exit_code()
        self.assert_sane(t)

    def test_the_sandbox_being_deleted(self):
        t = self.messed()
        self.world.ok("stop", "--graceful-shutdown-seconds", "0", self.sandbox)
        self.out(t, UNREACHED)
        self.assertIn(" has ended.]", t.screen.all_text())
        self.assertEqual(self.described(t.session)["reason"], "sandbox_gone")
        type(self).sandbox = self.world.ok("create")

    def test_the_daemon_being_stopped(self):
        t = self.messed()
        self.world.ok("daemon", "stop", "--force")
        self.out(t, UNREACHED)
        self.daemon.wait(60)

    def test_the_daemon_crashing(self):
        t = self.messed()
        self.daemon.kill()
        self.out(t, UNREACHED)
        self.daemon.wait(60)

    def test_a_suspended_and_continued_client_paints_again(self):
        t = self.shell()
        t.type("echo before\r").see_line("before")
        os.kill(t.pid, signal.SIGSTOP)
        os.kill(t.pid, signal.SIGCONT)
        at_prompt(t).type("echo after\r").see_line("after").type(DETACH)
        self.out(t, 0)


if __name__ == "__main__":
    suite.main()
