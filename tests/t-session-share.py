#!/usr/bin/env python3
"""One session, several terminals: real programs, real terminals, a real service"""
import json
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import suite
from sessions import DETACH, LEAD, OUT_OF_TURN, PROMPT, UNREACHED, SessionCase, at_prompt, shown
from terminal import until


def same_screen(a, b, what="the same screen on both terminals"):
    until(lambda: shown(a) and shown(a) == shown(b)[-len(shown(a)):], what)


class Sharing(SessionCase):
    def test_two_terminals_on_one_session_see_the_same_screen(self):
        a = self.shell()
        b = self.attach(a.session)
        a.type("echo typed by $((40+1))\r")
        at_prompt(b.see_line("typed by 41")).type("echo typed by $((40+2))\r")
        a.see_line("typed by 42")
        same_screen(a, b)

    def test_a_killed_terminal_leaves_the_other_untouched_and_is_no_longer_listed(self):
        a = self.shell()
        b = self.attach(a.session).see_line(PROMPT)
        until(lambda: len(self.clients(a.session)) == 2, "two clients")
        b.type("echo before\r").see_line("before")
        a.kill(signal.SIGKILL)
        at_prompt(b).type("echo after\r").see_line("after")
        until(lambda: len(self.clients(a.session)) == 1, "one client less")
        self.assertEqual(self.clients(a.session)[0]["pid"], b.pid)

    def test_a_third_terminal_attaches_later_and_sees_the_same_screen(self):
        a = self.shell()
        a.type("seq 5\r").see_line("5")
        b = self.attach(a.session)
        same_screen(a, b)
        at_prompt(a).type("printf 'caf\\303\\251 \\346\\274\\242\\n'\r").see_line("caf\u00e9 \u6f22")
        c = self.attach(a.session)
        same_screen(a, c)
        same_screen(b, c)

    def test_killing_the_only_client_leaves_the_session_running_without_it(self):
        a = self.shell()
        a.type("echo still here\r").see_line("still here")
        a.kill(signal.SIGKILL).exit_code()
        until(lambda: self.clients(a.session) == [], "no client")
        self.assertEqual(self.described(a.session)["state"], "running")
        b = self.attach(a.session).see_line("still here")
        b.type("exit 3\r")
        self.assertEqual(b.exit_code(), 3)

    def test_a_closed_window_leaves_the_session_running(self):
        a = self.shell()
        a.hang_up()
        until(lambda: self.clients(a.session) == [], "no client")
        self.assertEqual(self.described(a.session)["state"], "running")

    def test_output_while_nobody_looks_is_there_afterwards(self):
        a = self.shell()
        a.type("until [ -e go ]; do sleep 0.1; done; seq 100 105; : >gone\r" + DETACH)
        self.assertEqual(a.exit_code(), 0)
        until(lambda: self.clients(a.session) == [], "no client")
        self.world.ok("exec", self.sandbox, "touch", "go")
        until(lambda: self.world.cli("exec", self.sandbox, "test", "-e", "gone").returncode == 0,
              "output with nobody attached")
        self.attach(a.session).see_line("105").see_line("100")

    def test_an_observer_sees_and_cannot_type(self):
        a = self.shell()
        b = self.attach(a.session, "-r").see_line(PROMPT)
        b.type("echo from the observer\r")
        a.type("echo from the lead\r")
        b.see_line("from the lead")
        self.assertNotIn("observer", a.screen.text())
        self.assertEqual({c["role"] for c in self.clients(a.session)}, {"lead", "observer"})
        at_prompt(b.type("\x1c?").see("cwsandbox attach -r %s" % a.session).type(" ")).type(DETACH)
        self.assertEqual(b.exit_code(), 0)
        self.assertIn("come back with: cwsandbox attach -r %s]" % a.session, b.screen.all_text())

    def test_capture_prints_the_screen_and_its_history_as_text_ansi_and_json(self):
        a = self.shell(rows=5)
        a.type("seq 30; printf '\\033[1;32mgreen\\033[m\\n'\r").see_line("green")
        at_prompt(a)
        self.assertEqual(self.world.ok("capture", a.session), "28\n29\n30\ngreen\ngo>")
        self.assertIn("\n20\n21\n", self.world.ok("capture", a.session, "--history", "10"))
        self.assertIn("\n1\n2\n", self.world.ok("capture", a.session, "--history", "9999999999"))  # all of it
        self.assertIn("\033[1;32mgreen\033[m", self.world.ok("capture", "--ansi", a.session))
        page = json.loads(self.world.ok("capture", "--json", a.session))
        self.assertEqual((page["rows"], page["cursor"]["y"], page["lines"][0]["line"]), (5, 4, page["screen"]))
        self.assertEqual(page["lines"][3]["runs"], [{"x": 0, "cols": 5, "text": "green", "fg": 2, "bold": True}])
        self.assertEqual(self.world.cli("capture", "--json", "--ansi", a.session).returncode, 2)
        self.assertEqual(self.world.cli("capture", "no-such").returncode, 1)

    def test_a_name_that_begins_with_a_dash_is_no_option_in_the_way_back(self):
        t = self.world.terminal("new", "--session=-x", "--env", "PS1=%s " % PROMPT, self.sandbox, "--", "/bin/sh")
        t.see_line(PROMPT).type("\x1c?").see("cwsandbox attach -- -x").type("q").see_line(PROMPT).type(DETACH)
        t.see("[-x: detached, come back with: cwsandbox attach -- -x]")
        done = self.world.cli("new", "-d", "--session=-x", self.sandbox)
        self.assertIn(b"`cwsandbox attach -- -x` joins it", done.stderr)
        self.assertIn(b"'cwsandbox resize -- -x lead'", self.world.cli("resize", "--", "-x", "1x1").stderr)

    def test_taking_over_detaches_the_others_with_254(self):
        a = self.shell()
        b = self.attach(a.session, "-x")
        self.assertEqual(a.exit_code(), OUT_OF_TURN)
        self.assert_sane(a)
        b.see_line(PROMPT).type("echo mine\r").see_line("mine")

    def test_a_session_renamed_meanwhile_is_left_under_its_new_name(self):
        a, name = self.shell(), self.name()
        self.world.ok("rename", a.session, name)
        a.type("echo still $((40+2))\r").see_line("still 42")
        a.type(DETACH)
        self.assertEqual(a.exit_code(), 0)
        self.assertIn("[%s: detached, come back with: cwsandbox attach %s]" % (name, name), a.screen.all_text())
        b = at_prompt(self.attach(name))
        self.world.ok("rename", name, name + ".again")
        b.type("exit 4\r")
        self.assertEqual(b.exit_code(), 4)
        self.assertIn("[%s.again: ended, exit code 4]" % name, b.screen.all_text())
        for args in (("resize", name + ".again", "10x10"), ("set", "--lossless", name + ".again")):
            done = self.world.cli(*args)
            self.assertEqual((done.returncode, b"has ended" in done.stderr), (1, True))

    def test_the_title_of_the_terminal_is_its_own_again_after_a_detach(self):
        a = self.shell()
        a.screen.titles.append("the user's")
        a.screen.title_stack = ["the user's"]  # as at its begin
        a.type("printf '\\033[22;0t\\033]2;the program\\047s\\a'\r")
        until(lambda: a.screen.titles[-1] == "the program's", "the program's title")
        b = self.attach(a.session).see_line(PROMPT)
        until(lambda: len(self.clients(a.session)) == 2, "two clients")
        b.type(LEAD)
        until(lambda: "leads" in a.screen.titles[-1], "a notice in the title")
        a.type(DETACH)
        self.assertEqual(a.exit_code(), 0)
        self.assertEqual(a.screen.titles[-1], "the user's")
        self.assert_sane(a)

    def test_a_lead_that_is_taken_is_told_in_the_title_of_the_others_and_taken_back_with_the_lead(self):
        a = self.shell()
        a.type("printf '\\033]2;mine\\a'\r")
        until(lambda: "mine" in a.screen.titles, "the program's title")
        b = self.attach(a.session).see_line(PROMPT)
        quiet = self.attach(a.session, "--lead-notice", "no").see_line(PROMPT)
        until(lambda: len(self.clients(a.session)) == 3, "three clients")
        b.type(LEAD)
        until(lambda: "(pid %d) leads, 80x24" % b.pid in a.screen.titles[-1], "the new lead in the title")
        self.assertIn(a.session + ": cwsandbox", a.screen.titles[-1])
        a.type(LEAD)
        until(lambda: a.screen.titles[-1] == "mine", "the program's title again")
        until(lambda: "(pid %d) leads" % a.pid in b.screen.titles[-1], "the lead in the other's title")
        self.assertFalse([t for t in quiet.screen.titles if "leads" in t])

    def test_the_help_takes_the_lead_from_nobody_and_leaves_nothing_on_the_screen(self):
        a = self.shell()
        at_prompt(a.type("trap 'echo resized' WINCH; echo se''t\r").see_line("set"))
        b = at_prompt(self.attach(a.session, cols=100, rows=30))
        b.type("echo mar''ked\r").see_line("marked")
        for t in (a, b):
            with self.subTest(lead=t is a):
                t.type("\x1c?").see("any key goes back")
                self.assertNotIn("marked", t.screen.text())
                t.type("x").see_line("marked")
                self.assertEqual([c["pid"] for c in self.clients(a.session) if c["role"] == "lead"], [a.pid])
                self.assertEqual((self.described(a.session)["cols"], len(self.clients(a.session))), (80, 2))
        a.type("echo en''d\r").see_line("end")
        self.assertNotIn("resized", a.screen.all_text().splitlines())
        self.assertNotIn("this help", a.screen.all_text())

    def test_coming_back_from_the_help_adds_nothing_to_the_scrollback_but_how_much_was_missed(self):
        a = self.shell()
        a.type("seq 30\r").see_line("30")
        before = len(at_prompt(a).screen.scrollback)
        a.type("\x1c?").see("any key goes back").type("x").see_line("30")
        self.assertEqual(len(at_prompt(a).screen.scrollback), before)
        a.type("until [ -e show ]; do sleep 0.1; done; seq 101 150; : >shown\r").see(">shown")
        a.type("\x1c?").see("any key goes back")
        self.world.ok("exec", self.sandbox, "touch", "show")
        until(lambda: self.world.cli("exec", self.sandbox, "test", "-e", "shown").returncode == 0, "output under the help")
        until(lambda: self.world.ok("capture", a.session).endswith("150\n" + PROMPT), "the same in the daemon")
        a.type("x").see_line("150")
        shown = at_prompt(a).screen.all_text().splitlines()
        self.assertEqual([n for n in range(1, 31) if shown.count(str(n)) != 1], [])
        self.assertIn("[27 lines not shown]", shown)
        self.assertEqual(shown[shown.index("[27 lines not shown]") + 1], "128")

    def test_one_key_ends_the_help_and_those_behind_it_count(self):
        a = self.shell()
        a.type("\x1c?xecho be''hind\r").see_line("behind")
        self.assertNotIn("xecho", a.screen.all_text())
        a.type("\x1c?").see("any key goes back").type("q\x1cd")
        self.assertEqual(a.exit_code(), 0)

    def test_what_becomes_of_the_session_under_the_help_is_told(self):
        a = self.shell()
        b = self.attach(a.session).see_line(PROMPT)
        for t in (a, b):
            t.type("\x1c?").see("any key goes back")
        taker = self.attach(a.session, "-x").see_line(PROMPT)
        for t in (a, b):
            self.assertEqual(t.exit_code(), OUT_OF_TURN)
            self.assertIn("took the session over", t.screen.text().replace("\n", ""))
            self.assertNotIn("this help", t.screen.all_text())
            self.assert_sane(t)
        taker.type("sleep 0.3; echo la''st; exit 3\r")
        taker.type("\x1c?").see("any key goes back")
        self.assertEqual(taker.exit_code(), 3)
        self.assertIn("last", taker.screen.lines())
        self.assertNotIn("this help", taker.screen.all_text())
        self.assert_sane(taker)

    def test_the_table_of_sessions_fits_the_terminal_and_is_whole_in_a_pipe(self):
        name, words = "a-name-that-is-longer-than-its-column", "say " + " ".join(str(n) for n in range(200))
        self.world.ok("new", "-d", "-s", name, self.sandbox, "--", "sh", "-c", words)
        self.assertIn("%s sh -c '%s'\n" % ("0s", words), re.sub(" [0-9]+s sh", " 0s sh", self.world.ok("sessions")))
        for cols in (100, 80, 40, 12):
            with self.subTest(cols=cols):
                t = self.world.terminal("sessions", cols=cols, rows=100)
                self.assertEqual(t.exit_code(), 0)
                lines = bytes(t.raw).decode().splitlines()
                self.assertEqual([line for line in lines if len(line) > cols], [])
                self.assertEqual(len([line for line in lines if line.startswith(name[:4]) and "\u2026" in line]), 1)
        self.world.ok("kill", name)

    def test_an_exclusive_terminal_alone_types_and_the_others_are_told_who_it_is(self):
        a = self.shell()
        a.type("printf '\\033]2;mine\\a'\r")
        until(lambda: "mine" in a.screen.titles, "the program's title")
        x = at_prompt(self.attach(a.session, "--exclusive"))
        until(lambda: [c["exclusive"] for c in self.clients(a.session)] == [False, True], "the lease in the list")
        rows = [row.split() for row in self.world.ok("sessions", "--clients").splitlines() if row.startswith(a.session)]
        self.assertEqual([row[1:3] for row in rows], [["lead", "skip"], ["peer", "x"]])
        self.assertEqual(rows[0][3:9], [str(a.pid), str(os.getuid()), "80x24", "0B", "0B", os.ttyname(a.slave) + ","])
        self.assertEqual([c["tty"] for c in self.clients(a.session)], [os.ttyname(t.slave) for t in (a, x)])
        second = self.attach(a.session, "--exclusive", cols=200)
        self.assertEqual(second.exit_code(), UNREACHED)
        self.assertIn("(pid %d) holds the input lease" % x.pid, second.screen.all_text())
        self.assertIn("cwsandbox attach -x %s" % a.session, second.screen.all_text())
        third = self.attach(a.session, cols=50).see_line(PROMPT)
        third.type(LEAD)
        until(lambda: "(pid %d) alone may type" % x.pid in "".join(third.screen.titles), "why it does not lead")
        self.assertEqual([c["pid"] for c in self.clients(a.session) if c["role"] == "lead"], [a.pid])
        third.type(DETACH)
        self.assertEqual(third.exit_code(), 0)
        a.type("echo not\r")
        until(lambda: "(pid %d) alone may type" % x.pid in a.screen.titles[-1], "who may type in the title")
        self.assertIn(b"\a", a.raw)
        x.type("echo only $((40+2))\r").see_line("only 42")
        x.type(DETACH)
        self.assertEqual(x.exit_code(), 0)
        until(lambda: a.screen.titles[-1] == "mine", "the program's title again")
        at_prompt(a).type("echo again $((40+3))\r").see_line("again 43")
        self.assertNotIn("not", a.screen.lines())

    def test_what_is_set_for_a_session_counts_for_who_comes_later(self):
        a = self.shell()
        self.world.ok("set", "--lossless", "--window", "8K", "--drain", "25", "--block-timeout", "2m", a.session)
        now = self.described(a.session)
        self.assertEqual([now[k] for k in ("policy", "window", "drain_ms", "block_timeout_ms")],
                         ["block", 8192, 25, 120000])
        self.world.ok("set", "--drain", "0", a.session)
        self.assertEqual(self.described(a.session)["drain_ms"], 0)
        self.world.ok("resize", a.session, "60x20")
        b = self.attach(a.session)
        until(lambda: len(self.clients(a.session)) == 2, "two clients")
        self.assertEqual({c["pid"]: c["policy"] for c in self.clients(a.session)}, {a.pid: "skip", b.pid: "block"})
        until(lambda: (self.described(a.session)["cols"], self.described(a.session)["rows"]) == (60, 20), "the size")
        self.assertEqual(self.world.cli("set", "--window", "4095", a.session).returncode, 2)
        self.assertEqual(self.world.cli("set", a.session).returncode, 2)
        for command in (("set", a.session), ("new", "-d", self.sandbox)):
            done = self.world.cli(*command, "--lossless", "--policy", "drop")
            self.assertEqual((done.returncode, b"goes with no other one" in done.stderr), (2, True))
        for drain in ("-1", "10001"):
            self.assertIn(b"0 to 10000", self.world.cli("set", "--drain", drain, a.session).stderr)
        for size in ("0x0", "10000x10000"):
            self.assertIn(b"1x1 to 1000x1000", self.world.cli("resize", a.session, size).stderr)
        self.assertEqual(self.world.cli("set", "--lossless", "nobody").returncode, 1)

    def test_a_terminal_larger_than_a_session_can_be_is_told_so_before_anything_is_made(self):
        a = self.shell()
        for args in (("attach", a.session), ("new",), ("sh", self.sandbox)):
            t = self.world.terminal(*args, cols=10000)
            self.assertEqual(t.exit_code(), 1)
            t.see("this terminal has 10000x24; a session can have 1000x1000 at most")
            self.assert_sane(t)
        t = self.attach(a.session, cols=1000).see_line(PROMPT)
        t.resize(10000, 24).type("\x1c?").see("any key goes back").type("x").see_line(PROMPT).type(DETACH)
        self.assertEqual(t.exit_code(), 0)

    def test_a_terminal_with_a_name_too_long_to_list_is_attached_all_the_same(self):
        a = self.shell()
        t = self.world.terminal("attach", a.session, env={"TERM": "x" * 1000}).see_line(PROMPT).type(DETACH)
        self.assertEqual(t.exit_code(), 0)

    def test_who_named_no_sandbox_is_told_in_the_end_how_to_delete_the_one_that_was_made(self):
        t = self.world.terminal("new", "--env", "PS1=%s " % PROMPT, "--", "/bin/sh", cols=120).see_line(PROMPT)
        t.type("exit 3\r")
        self.assertEqual(t.exit_code(), 3)
        box = re.search(r"its sandbox still runs; 'cwsandbox delete (\S+)' ends it", t.screen.text()).group(1)
        self.assertEqual(self.world.ok("delete", box), "Deleted sandbox %s." % box)

    def test_a_size_too_small_to_work_in_is_taken_and_the_way_back_is_said(self):
        a = self.shell()
        for size, small in (("20x4", False), ("1x1", True), ("80x3", True)):
            done = self.world.cli("resize", a.session, size)
            self.assertEqual((done.returncode, b"cwsandbox resize %s lead" % a.session.encode() in done.stderr),
                             (0, small), size)
        self.world.ok("resize", a.session, "lead")
        until(lambda: (self.described(a.session)["cols"], self.described(a.session)["rows"]) == (80, 24), "its size")
        a.type("echo well $((40+2))\r").see("well 42")

    def test_all_terminals_leave_with_the_programs_code(self):
        a = self.shell()
        b = self.attach(a.session).see_line(PROMPT)
        b.type("exit 11\r")
        self.assertEqual((a.exit_code(), b.exit_code()), (11, 11))
        late = self.attach(a.session)
        self.assertEqual(late.exit_code(), 11)
        self.assertIn("exit 11", late.screen.all_text())

    def test_the_last_screen_of_a_session_is_left_on_a_terminal_of_any_size(self):
        a = self.shell()
        sizes = ((40, 10), (100, 30))
        there = [self.attach(a.session, cols=cols, rows=rows).see_line(PROMPT) for cols, rows in sizes]
        a.type("clear; printf '\\033[31mred\\033[m %045d\\n\\n' 7; exit 11\r")
        for t in there + [self.attach(a.session, cols=cols, rows=rows) for cols, rows in sizes]:
            self.assertEqual(t.exit_code(), 11)
            text = t.screen.all_text().replace("\n", "|")
            wide = "red " + "0" * 44 + "7"
            self.assertIn((wide if t.screen.cols > 40 else wide[:40] + "|" + wide[40:]) + "||", text)
            self.assertIn(b"\x1b[31mred\x1b[m " + b"0" * 44, t.raw)
            self.assertTrue(text.endswith("||[%s: ended, exit code 11]" % a.session), text)
            self.assert_sane(t)

    def test_a_program_killed_on_the_alternate_screen_leaves_nothing_of_it(self):
        name = self.name()
        command = ("sh", "-c", "printf '\\033[?1049hpicture'; exec sleep 1000")
        t = self.world.terminal("new", "-s", name, self.sandbox, "--", *command).see("picture")
        view = self.attach(name, cols=60, rows=12).see("picture")
        self.world.ok("kill", name)
        for t in (t, view):
            self.assertEqual(t.exit_code(), UNREACHED)
            self.assertNotIn("picture", t.screen.all_text())
            self.assert_sane(t)

    def test_a_terminal_that_goes_back_to_where_it_was_last_left_keeps_every_line_of_its_user(self):
        lines = ["the user's line %d" % n for n in range(1, 21)]
        for cols, rows in ((80, 24), (60, 24)):  # raw, and painted
            with self.subTest(cols=cols):
                t = self.attach(self.shell().session, cols=cols, rows=rows)
                # as in tmux, after any full-screen program: leaving a screen that does not show moves the cursor
                t.screen.feed(("top\r\n\033[?1049h\033[?1049l" + "\r\n".join(lines) + "\r\n$ \r\n").encode())
                at_prompt(t.see_line(PROMPT)).type(DETACH)
                self.assertEqual(t.exit_code(), 0)
                there = t.screen.all_text().splitlines()
                first = there.index(lines[0])
                self.assertEqual(there[first:first + 20], lines)
                self.assertGreater(there.index("[%s: detached, come back with: cwsandbox attach %s]"[:cols] % (t.session, t.session)), first + 20)

    def test_a_terminal_of_another_size_is_painted_and_resizes_nothing(self):
        a = self.shell(cols=80, rows=24)
        b = self.attach(a.session, cols=60, rows=15).see_line(PROMPT)
        a.type("echo busy\r")  # the lead is at work: typing on the other takes nothing from it
        at_prompt(b.see_line("busy")).type("stty size\r").see_line("24 80")
        a.see_line("24 80").resize(90, 30)
        at_prompt(b).type("until [ \"$(stty size)\" = '30 90' ]; do sleep 0.1; done; echo grown\r").see_line("grown")
        a.see_line("grown")

    def test_a_terminal_that_was_resized_shows_the_sessions_screen_lossless_or_not(self):
        for options in ((), ("--lossless",)):
            with self.subTest(options=options):
                a = self.shell(options=options)
                at_prompt(a).type("seq -s ' ' 60\r").see(" 60")
                for cols, rows in ((50, 15), (100, 30)):
                    at_prompt(a).resize(cols, rows)
                    until(lambda: (self.described(a.session)["cols"], self.described(a.session)["rows"]) == (cols, rows),
                          "the new size")
                    until(lambda: [line for line in self.world.ok("capture", a.session).splitlines() if line] == shown(a),
                          "what the session shows")

    def test_a_terminal_that_was_small_before_its_client_could_look_is_whole_again(self):
        a = self.shell()
        at_prompt(a).type("printf '\\033[?1049h\\033[H'; seq -s ' ' 600\r").see(" 600")
        narrow = self.attach(a.session, cols=60, rows=15)
        until(lambda: narrow.screen.alternate and shown(narrow), "a picture")
        for t in (a, narrow):
            before = at_prompt(t).screen.text()  # not of a picture that is on its way
            t.kill(signal.SIGSTOP)
            cols, rows = t.screen.cols, t.screen.rows
            t.resize(10, 5).resize(cols, rows)
            self.assertNotEqual(t.screen.text(), before)
            t.kill(signal.SIGCONT)
            until(lambda t=t, before=before: t.screen.text() == before, "the picture it had")

    def test_a_stalled_terminal_holds_up_nobody_and_sees_the_present_when_it_wakes(self):
        a = self.shell()
        b = self.attach(a.session).see_line(PROMPT)
        a.reading = False
        b.type("seq 300000\r")
        at_prompt(b.see_line("300000")).type("echo over\r").see_line("over")
        a.reading = True
        a.see_line("over")
        same_screen(b, a, "the present on the terminal that had stalled")

    def test_ctrl_c_ends_a_flood_and_the_prompt_is_back(self):
        a = self.shell()
        a.type("yes flood\r").see_line("flood")
        a.type("\x03").see_line(PROMPT)
        a.type("echo stopped $((1+1))\r").see_line("stopped 2")


class ObserversSocket(SessionCase):
    @classmethod
    def prepare(cls):
        super().prepare()
        cls.daemon.terminate()
        cls.daemon.wait()
        cls.daemon = cls.world.daemon("--config", cls.world.write("observe.conf", "observe = yes\n"))
        cls.env = {"CWSANDBOXD_SOCKET": os.path.join(os.path.dirname(cls.world.socket_path), "observe.sock")}

    def test_who_comes_by_it_sees_everything_and_changes_nothing(self):
        a = self.shell()
        b = at_prompt(self.world.terminal("attach", a.session, env=self.env))
        b.type("echo from the observer\r" + LEAD)
        a.type("echo from the lead\r")
        b.see_line("from the lead")
        self.assertEqual([c["role"] for c in self.clients(a.session)], ["lead", "observer"])
        self.assertNotIn("observer", a.screen.text())
        self.assertNotIn(b"\a", b.raw)
        b.type("\x1c?").see("only looks").type(" ")
        at_prompt(b).type(DETACH)
        self.assertEqual(b.exit_code(), 0)
        self.assertIn("from the lead", self.world.ok("capture", a.session, env=self.env))
        self.assertIn(a.session, self.world.ok("sessions", env=self.env))
        for args in (("kill", a.session), ("detach", a.session), ("resize", a.session, "60x20"), ("set", "--lossless", a.session),
                     ("rename", a.session, "other"), ("exec", self.sandbox, "true"), ("daemon", "stop", "--force")):
            done = self.world.cli(*args, env=self.env)
            self.assertEqual(done.returncode, 1, args)
            self.assertIn(b"bserver", done.stderr, args)
        for option in ("-x", "--exclusive"):
            t = self.world.terminal("attach", option, a.session, env=self.env)
            self.assertEqual(t.exit_code(), UNREACHED)
            self.assertIn("This socket is for observers", t.screen.text())
        at_prompt(a).type("echo still $((40+2))\r").see_line("still 42")


class FullScreen(SessionCase):
    VIM = "$(command -v vim.tiny || command -v vim) -u NONE -i NONE -n\r"

    def vim(self):
        a = self.shell()
        a.type("command -v vim.tiny || command -v vim || echo no vim\r")
        until(lambda: "vim" in "".join(shown(a)[1:]), "an answer")
        if "no vim" in shown(a):
            self.skipTest("the sandbox has no vim")
        a.type(self.VIM)
        until(lambda: a.screen.alternate, "the alternate screen")
        # an Escape and what is typed soon after it may be one key to vim: a colon is none, and taken back
        a.type("ihello, world\x1b:")
        until(lambda: a.screen.line(0) == "hello, world" and a.screen.line(23) == ":", "the text in vim")
        a.type("\x7f")
        return a

    def test_vim_is_on_both_terminals_and_comes_back_after_a_detach(self):
        a = self.vim()
        b = self.attach(a.session)
        until(lambda: b.screen.alternate and b.screen.line(0) == "hello, world", "vim on the second terminal")
        a.type(DETACH)
        self.assertEqual(a.exit_code(), 0)
        self.assert_sane(a)
        self.assertNotIn("hello, world", a.screen.text())
        c = self.attach(a.session)
        until(lambda: c.screen.alternate and c.screen.lines() == b.screen.lines(), "the same picture on a third")
        c.type(":q!\r").see(PROMPT)
        until(lambda: not c.screen.alternate and not b.screen.alternate, "the primary screen on both")

    def test_vim_is_painted_on_a_smaller_terminal(self):
        a = self.vim()
        b = self.attach(a.session, cols=40, rows=10)
        until(lambda: b.screen.line(0) == "hello, world", "the top left corner of vim")
        a.type("Onew first line\x1b")
        until(lambda: b.screen.line(0) == "new first line", "the change")
        b.type(DETACH)
        self.assertEqual(b.exit_code(), 0)
        self.assert_sane(b)


class Queries(SessionCase):
    """The program's questions to its terminal are answered once, by the daemon, whoever looks."""

    # The third answer ends with R; two more seconds are for an answer too many.
    ASK = ("stty raw -echo min 1 time 0; printf '\\033[c\\033[5n\\033[6n'; r=; c=; until [ \"$c\" = R ]; do "
           "c=$(dd bs=1 count=1 2>/dev/null); r=$r$c; done; stty min 0 time 20; r=$r$(dd bs=4096 count=1 2>/dev/null); "
           "stty sane; printf %s \"$r\" | od -An -c | tr -d ' \\n'; echo; echo asked\r")

    def answers(self, terminals):
        a = self.shell(cols=120)
        others = [self.attach(a.session, cols=120) for _ in range(terminals - 1)]
        for t in others:
            t.see_line(PROMPT)
        if not terminals:
            a.type(self.ASK + DETACH)
            a.exit_code()
        else:
            a.type(self.ASK).see_line("asked")
        late = self.attach(a.session, cols=120).see_line("asked")
        found = [line for line in late.screen.lines() if "033[0n" in line]
        for t in [a, late] + others:
            self.assertFalse([h for h in t.harm() if "queries" in h])
        return found

    def test_each_query_gets_one_answer_with_none_one_or_three_terminals(self):
        for terminals in (0, 1, 3):
            with self.subTest(terminals=terminals):
                found = self.answers(terminals)
                self.assertEqual(len(found), 1)
                self.assertEqual(found[0].count("033[0n"), 1)
                self.assertEqual(found[0].count("033[?"), 1)
                self.assertRegex(found[0], r"033\[\d+;\d+R")


class Keys(SessionCase):
    def test_the_prefix_twice_sends_it_and_an_unknown_key_sends_both(self):
        a = self.shell()
        a.type("stty quit undef; echo ready; cat -v\r").see_line("ready")
        a.type("\x1c\x1c.\r").see_line("^\\.")
        a.type("\x1cz.\r").see_line("^\\z.")

    def test_other_detach_keys_are_taken(self):
        a = self.shell(options=("--detach-keys", "ctrl-p,ctrl-q"))
        a.type("echo \x1cd\r")
        a.type("\x10\x11")
        self.assertEqual(a.exit_code(), 0)
        self.assertEqual(self.described(a.session)["state"], "running")

    def test_a_detach_inside_a_paste_is_text(self):
        a = self.shell()
        a.type("\x1b[200~echo " + DETACH + "\x1b[201~\r")
        a.type("\r").type("echo alive\r").see("alive")
        self.assertIsNone(a.poll())


if __name__ == "__main__":
    suite.main()
