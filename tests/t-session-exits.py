#!/usr/bin/env python3
"""security.md C29: whatever ends the client, the terminal is as it was

The program has switched on everything that a full-screen program may; no way out may leave any of it behind.
"""
import json
import os
import select
import signal
import subprocess
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from sessions import DETACH, OUT_OF_TURN, PROMPT, UNREACHED, SessionCase, at_prompt
from terminal import Terminal, until
from world import program

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

    def test_signals_that_few_programs_catch(self):
        for number in (signal.SIGQUIT, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU):
            self.out(self.messed().kill(number), -number)

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

    def test_a_client_whose_terminal_a_shell_took_while_it_was_stopped_takes_it_back(self):
        t = Terminal(["sh", "-mc", "%s attach %s; stty sane; echo; echo it stopped; read go; fg"
                      % (program("cwsandbox"), self.shell().session)], env=self.world.env, cwd=self.world.dir)
        t.see_line(PROMPT)
        client = until(lambda: [c["pid"] for s in json.loads(self.world.ok("sessions", "--json")) for c in s["clients"]
                                if c["tty"] == os.ttyname(t.slave)], "the client")[0]
        os.kill(client, signal.SIGSTOP)
        t.see_line("it stopped").type("\r")
        until(lambda: not termios.tcgetattr(t.slave)[3] & termios.ECHO, "a terminal that does not echo")
        at_prompt(t).type("echo on $((40+2))\r").see("on 42")
        self.assertNotIn("it stopped", t.screen.text())
        t.type(DETACH)
        self.out(t, 0)

    def test_a_daemon_that_is_silent_after_a_key_is_told_in_the_title_until_it_speaks(self):
        t = self.shell()
        os.kill(self.daemon.pid, signal.SIGSTOP)
        try:
            t.type("echo la''ter\r")
            silent = "%s: cwsandboxd has not answered for 5 s" % t.session
            # what it said before it was stopped may come after a key, and speaks for it until the next
            until(lambda: t.type(" ") and silent in t.screen.titles, "the title")
            self.assertEqual(t.screen.bells, 1)
        finally:
            os.kill(self.daemon.pid, signal.SIGCONT)
        t.see("later")
        until(lambda: t.screen.titles[-1] != silent, "its own title")
        t.type(DETACH)
        self.out(t, 0)

    def stopped(self, t):
        """What comes back from Ctrl-Z attaches in place of what it had."""
        t.kill(signal.SIGTSTP)
        until(lambda: os.waitid(os.P_PID, t.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT), "the client to stand still")
        return t

    def test_what_came_while_the_client_was_suspended_is_above_its_screen(self):
        t, peer = self.shell(), self.peer()
        self.addCleanup(peer.close)
        for word in ("one", "two"):
            at_prompt(t.type("clear; echo be''fore.%s\r" % word).see_line("before." + word))
            self.stopped(t)
            peer.call("session.send", {"name": t.session, "data": b"seq -f %s.%%g 300\r" % word.encode()})
            until(lambda word=word: word + ".300\n" in self.world.ok("capture", t.session), "all of it in the session")
            os.kill(t.pid, signal.SIGCONT)
            at_prompt(t.see_line(word + ".300"))
            lines = t.screen.all_text().splitlines()
            self.assertEqual([line for line in lines if line.startswith(word + ".")], [word + ".%d" % n for n in range(1, 301)])
            self.assertEqual(lines.count("before." + word), 1)
            self.assertFalse([line for line in lines if "not shown" in line])
        t.type(DETACH)
        self.out(t, 0)

    def test_a_terminal_that_is_full_of_what_another_program_writes_holds_no_client(self):
        t = self.shell()
        t.reading = False
        writer = subprocess.Popen(["yes"], stdout=t.slave)
        until(lambda: not select.select([], [t.slave], [], 0)[1], "a full terminal")
        os.kill(self.stopped(t).pid, signal.SIGCONT)
        until(lambda: not termios.tcgetattr(t.slave)[3] & termios.ECHO, "a client that has it again")
        until(lambda: t.kill(signal.SIGTERM).process.poll() is not None, "its end")
        writer.kill()
        writer.wait()
        self.assertEqual(t.exit_code(), -signal.SIGTERM)
        self.assertEqual(termios.tcgetattr(t.slave), t.before)

    def test_keys_that_the_shell_took_while_the_client_was_stopped_are_not_waited_for(self):
        t = self.shell()
        for _ in range(40):  # often enough for both to come between two looks at the terminal
            t.kill(signal.SIGTSTP).type("\r")
            until(lambda: os.waitid(os.P_PID, t.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT), "the client to stand still")
            termios.tcflush(t.slave, termios.TCIFLUSH)
            while t.receive():  # the key may have come before the signal, and its prompt too
                pass
            t.screen.reset()
            os.kill(t.pid, signal.SIGCONT)
            t.see(PROMPT)
        t.type(DETACH)
        self.out(t, 0)

    def test_a_client_that_is_continued_as_soon_as_it_is_stopped_does_not_stand_still(self):
        t = self.shell()
        for n in range(20):
            t.kill(signal.SIGTSTP).kill(signal.SIGCONT)
            t.type("echo on $((%d+1000))\r" % n).see("on %d" % (n + 1000))
        t.type(DETACH)
        self.out(t, 0)

    def test_keys_typed_just_before_a_stop_reach_the_session(self):
        for n in range(3):
            env = dict(self.world.env, CWSANDBOX_PROBE="yes")  # whose answers never come, and are due for 5 s
            t = at_prompt(self.world.terminal("attach", self.shell().session, env=env))
            self.stopped(t.type("echo on ").kill(signal.SIGTSTP).type("$((%d+1000))\r" % n))
            os.kill(t.pid, signal.SIGCONT)
            t.see("on %d" % (n + 1000)).type(DETACH)
            self.assertEqual(t.exit_code(), 0)

    def test_a_session_that_ended_while_the_client_was_stopped_tells_its_exit_code(self):
        t = self.stopped(self.messed())
        self.peer().call("session.send", {"name": t.session, "data": b"exit 4\r"})
        self.wait_state(t.session, "exited")
        os.kill(t.pid, signal.SIGCONT)
        self.out(t, 4)

    def test_a_session_that_was_renamed_while_the_client_was_stopped_is_come_back_to(self):
        t, other = self.stopped(self.shell()), self.name()
        self.world.ok("rename", t.session, other)
        os.kill(t.pid, signal.SIGCONT)
        at_prompt(t).type("echo on $((40+2))\r").see("on 42").type(DETACH)
        self.out(t, 0)
        self.assertIn("cwsandbox attach " + other, t.screen.all_text())

    def test_a_client_that_was_detached_while_it_was_stopped_says_so(self):
        t = self.stopped(self.messed())
        self.world.ok("detach", t.session)
        os.kill(t.pid, signal.SIGCONT)
        self.out(t, OUT_OF_TURN)
        self.assertIn("detached", t.screen.all_text())
        self.assertNotIn("no attachment", t.screen.all_text())


class TypedAhead(SessionCase):
    """Before the client is attached: the daemon stands still, and the client waits for it."""

    def setUp(self):
        os.kill(self.daemon.pid, signal.SIGSTOP)
        self.addCleanup(self.go_on)

    def go_on(self):
        os.kill(self.daemon.pid, signal.SIGCONT)

    def hold(self, t):
        until(lambda: not termios.tcgetattr(t.slave)[3] & termios.ECHO, "a terminal that does not echo")
        return t

    def held(self, *args):
        """A client on a terminal, as far as it comes."""
        return self.hold(self.world.terminal(*args))

    def new(self):
        t = self.held("new", "--env", "PS1=%s " % PROMPT, self.sandbox, "--", "/bin/sh")
        self.assertTrue(termios.tcgetattr(t.slave)[3] & termios.ISIG)  # it is not attached
        return t

    def test_that_the_daemon_is_silent_is_said_after_five_seconds(self):
        t = self.world.terminal("sessions").see("cwsandboxd has not answered for 5 s, still waiting")
        self.go_on()
        self.assertEqual(t.exit_code(), 0)

    def test_keys_typed_before_it_is_attached_reach_the_shell_and_are_echoed_by_it_alone(self):
        t = self.new().type("echo early $((40+2))\r")
        self.go_on()
        t.see("early 42")
        self.assertEqual(t.raw.count(b"echo early"), 1)  # by the shell's terminal, not by ours
        t.type("exit 5\r")
        self.assertEqual(t.exit_code(), 5)
        self.assert_sane(t)

    def test_detach_keys_typed_before_it_is_attached_detach(self):
        t = self.new().type("echo kept $((40+2))\r" + DETACH)
        self.go_on()
        self.assertEqual(t.exit_code(), 0)
        self.assert_sane(t)
        self.world.terminal("attach").see("kept 42")
        os.kill(self.daemon.pid, signal.SIGSTOP)
        t = self.held("attach", "no-such-session").type(DETACH)
        self.go_on()
        self.assertEqual(t.exit_code(), UNREACHED)
        self.assert_sane(t)

    def test_keys_typed_before_a_session_was_made_for_attach_reach_it(self):
        t = self.held("attach", "-A", self.name()).type("echo made $((40+2))\r")
        self.go_on()
        t.see("made 42").type("exit\r")
        self.assertEqual(t.exit_code(), 0)
        self.assert_sane(t)

    def sandboxes(self):
        return {s["sandbox_id"] for s in json.loads(self.world.ok("ls", "-s", "running", "-o", "json"))}

    def test_two_that_make_the_same_session_at_once_share_it_and_one_sandbox(self):
        name, both = self.name(), []
        self.go_on()
        before = self.sandboxes()
        os.kill(self.daemon.pid, signal.SIGSTOP)
        for _ in range(2):
            both.append(self.held("attach", "-A", name))
        self.go_on()
        for t in both:
            t.type("echo both $((40+2))\r")
        for t in both:
            until(lambda t=t: t.screen.text().count("both 42") == 2, "what both have typed")
        self.assertEqual(len([t for t in both if b": created sandbox " in t.raw]), 1)
        until(lambda: self.sandboxes() - before == {self.described(name)["sandbox_id"]}, "one more sandbox")
        for t in both:
            t.type(DETACH)
            self.assertEqual(t.exit_code(), 0)
            self.assert_sane(t)

    def test_what_has_ended_and_said_so_is_made_anew(self):
        self.go_on()
        name = self.name()
        self.world.ok("new", "-d", "-s", name, self.sandbox, "--", "sh", "-c", "exit 5")
        self.assertEqual(self.world.terminal("attach", "-A", name).exit_code(), 5)
        t = self.world.terminal("attach", "-A", name).type("echo anew $((40+2))\r").see("anew 42")
        t.type("exit 6\r")
        self.assertEqual(t.exit_code(), 6)
        self.assert_sane(t)

    def test_ctrl_c_ends_it_and_a_signal_too_and_the_terminal_is_as_it_was(self):
        t = self.new().type("lost\x03")
        self.assertEqual(t.exit_code(), 1)
        self.assert_sane(t)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM, signal.SIGXCPU):
            t = self.new().kill(number)
            self.assertEqual(t.exit_code(), 1 if number == signal.SIGINT else -number)
            self.assert_sane(t)

    def test_an_error_leaves_the_terminal_as_it_was(self):
        for args in (("attach", "no-such-session"), ("sh", "no-such-sandbox")):
            t = self.held(*args)
            self.go_on()
            self.assertIn(t.exit_code(), (1, UNREACHED))
            self.assert_sane(t)
            os.kill(self.daemon.pid, signal.SIGSTOP)

    def test_ctrl_z_stops_it_with_the_terminal_as_it_was_and_it_goes_on(self):
        t = Terminal(["sh", "-mc", "%s new %s -- /bin/sh; echo it stopped; stty -a; read go; fg"
                      % (program("cwsandbox"), self.sandbox)], env=self.world.env, cwd=self.world.dir)
        self.hold(t).type("\x1a").see_line("it stopped").see(" echo ")
        self.assert_sane(t)
        self.hold(t.type("\r"))
        self.go_on()
        t.type("echo on $((40+2))\r").see("on 42").type(DETACH)
        self.assertEqual(t.exit_code(), 0)
        self.assert_sane(t)


if __name__ == "__main__":
    suite.main()
