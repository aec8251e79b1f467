#!/usr/bin/env python3
"""Faults of the service, made on its fault socket, as users of plain sessions and commands see them"""
import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import mpack
import procs
import suite
from faults import Faults
from sessions import UNREACHED, SessionCase
from terminal import LIMIT, until
from world import WorldCase, program

TICK = 0.01  # seconds: the clock behind the daemon's timers may lag by so much


class FaultCase(SessionCase):
    """A service with a fault socket."""

    config = ""

    @classmethod
    def prepare(cls):
        path = cls.world.path("local", "fault")
        cls.service = cls.world.use(cls.world.local("--fault-socket", path))
        cls.faults = Faults(path)
        folder = os.path.join(cls.world.env["XDG_CONFIG_HOME"], "cwsandboxd")
        os.mkdir(folder)
        with open(os.path.join(folder, "cwsandboxd.conf"), "w") as f:
            f.write(cls.config)
        cls.daemon = cls.world.daemon()
        cls.sandbox = cls.world.ok("create")
        cls.count = 0

    def tearDown(self):
        self.faults("clear")
        super().tearDown()
        for session in json.loads(self.world.ok("sessions", "--json")):
            if session["state"] == "running":
                self.world.ok("kill", session["name"])

    @classmethod
    def tearDownClass(cls):
        cls.faults.close()
        super().tearDownClass()

    def quiet(self, *command):
        """A session nobody looks at."""
        name = self.world.ok("new", "-d", "-s", self.name(), self.sandbox, "--", *(command or ("sleep", "1000")))
        self.wait_state(name, "running")
        return name

    def streams(self):
        return int(self.faults.list()["calls"])

    def background(self, *args):
        """A command of its own, in a thread; .result is (code, stdout, stderr) once it ended."""
        def run():
            done = self.world.cli(*args)
            thread.result = done.returncode, done.stdout, done.stderr
        thread = threading.Thread(target=run)
        thread.result = None
        thread.start()
        return thread


class Connections(FaultCase):
    def test_fault_f01_a_reset_ends_a_plain_session_as_lost_and_the_next_command_works(self):
        shell = self.shell()
        shell.type("echo still here\r").see_line("still here")
        self.faults("rst")
        self.assertEqual(shell.exit_code(), UNREACHED)
        self.assertIn("still here", shell.screen.text())
        self.assert_sane(shell)
        ended = self.wait_state(shell.session, "failed")
        self.assertEqual((ended["reason"], ended["exit_code"]), ("lost", None))
        self.assertEqual(self.world.ok("exec", self.sandbox, "echo", "again"), "again")

    def test_fault_f02_the_bytes_of_unknown_fate_are_counted_and_told_and_never_typed_again(self):
        """The program takes nothing; what was given to the stream and not taken is what may be lost."""
        name = self.quiet("sh", "-c", "stty raw -echo; exec sleep 1000")
        peer = self.peer()
        mine = peer.call("session.attach", {"name": name, "cols": 80, "rows": 24})
        sent = min(mine["input_window"], 60000)
        peer.call("session.input", {"attachment": mine["attachment"], "data": b"x" * sent})
        until(lambda: self.described(name)["state"] == "running", "the session")
        self.faults("rst")
        self.wait_state(name, "failed")
        ended = peer.call("session.get", {"name": name})
        peer.close()
        self.assertEqual(ended["reason"], "lost")
        self.assertTrue(0 < ended["uncertain_bytes"] <= sent, ended)
        self.assertIn("At most %d bytes of the last input may not have arrived." % ended["uncertain_bytes"],
                      ended["message"])

    def test_fault_f02_in_many_cuts_no_byte_arrives_twice_and_none_is_missing_but_the_uncertain(self):
        peer = self.peer()
        for cut in range(12):
            path = "/tmp/cut-%d" % cut
            name = self.quiet("sh", "-c", "stty raw -echo; exec cat >" + path)
            until(lambda: self.world.cli("exec", self.sandbox, "test", "-e", path).returncode == 0, "cat")
            mine = peer.call("session.attach", {"name": name, "cols": 80, "rows": 24})
            sent = b""
            for i in range(1 + 7 * cut):
                line = b"%d %d\n" % (cut, i)
                peer.call("session.input", {"attachment": mine["attachment"], "data": line})
                sent += line
            self.faults("rst")
            self.wait_state(name, "failed")
            uncertain = peer.call("session.get", {"name": name})["uncertain_bytes"]
            came = self.world.cli("exec", self.sandbox, "cat", path).stdout
            self.assertTrue(sent.startswith(came), (sent, came))
            self.assertLessEqual(len(sent) - len(came), uncertain)
        peer.close()

    def test_fault_f05_a_graceful_goaway_lets_old_streams_finish_and_new_calls_go_elsewhere(self):
        shell = self.shell()
        slow = self.background("exec", self.sandbox, "sh", "-c", "echo begun; sleep 1; echo done; exit 4")
        until(lambda: self.streams() == 2, "both streams")
        self.faults("goaway")
        self.assertEqual(self.world.ok("exec", self.sandbox, "echo", "new"), "new")
        shell.type("echo $((20+3))\r").see_line("23")
        slow.join(LIMIT)
        self.assertEqual(slow.result[:2], (4, b"begun\ndone\n"))
        shell.type("exit 6\r")
        self.assertEqual(shell.exit_code(), 6)

    def test_fault_f05_a_call_refused_by_goaway_is_made_once_more_and_runs_once(self):
        name = self.quiet()
        path = "/tmp/once-%s" % name
        for _ in range(5):
            self.faults("goaway next")
            self.world.ok("exec", self.sandbox, "sh", "-c", "echo ran >>" + path)
        self.assertEqual(self.world.ok("exec", self.sandbox, "cat", path).split(), ["ran"] * 5)
        self.assertEqual(self.described(name)["state"], "running")

    def test_fault_f06_a_refused_service_is_said_so_and_found_when_it_is_back(self):
        self.faults("rst")
        self.faults("refuse 60")
        done = self.world.cli("exec", self.sandbox, "true")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"Connection refused", done.stderr)
        connections = [c for c in self.status()["connections"] if c["state"] not in ("dead",)]
        self.assertLessEqual(len(connections), 1)
        self.faults("refuse 0")
        until(lambda: self.world.cli("exec", self.sandbox, "true").returncode == 0, "the service", LIMIT)

    def test_a_port_that_another_listens_on_meanwhile_is_said_and_taken_back_when_it_is_free(self):
        self.faults("rst")
        self.faults("refuse 60")
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", int(self.service.url.rpartition(":")[2])))
            other.listen()
            self.assertRegex(self.faults.ask("refuse 0"), "^error the port cannot be listened on again: .*in use")
        until(lambda: self.world.cli("exec", self.sandbox, "true").returncode == 0, "the service", LIMIT)

    def test_fault_f04_a_slow_line_changes_nothing_but_the_time(self):
        self.faults("delay 150")
        shell = self.shell()
        shell.type("seq 1 500 | tail -n 1; echo end\r").see_line("end")
        self.assertIn("500", shell.screen.text())
        self.assertEqual(self.world.ok("exec", self.sandbox, "sh", "-c", "seq 1 20000 | md5sum"),
                         self.world.run(["sh", "-c", "seq 1 20000 | md5sum"]).stdout.decode().rstrip("\n"))
        self.faults("delay 0")
        shell.type("exit\r")
        self.assertEqual(shell.exit_code(), 0)

    def test_fault_f03_a_hole_of_some_seconds_loses_nothing(self):
        shell = self.shell()
        self.faults("blackhole 2")
        began = time.monotonic()
        shell.type("echo $((40+2))\r").see_line("42")
        self.assertGreater(time.monotonic() - began, 1)
        self.assertEqual(self.described(shell.session)["state"], "running")


class Silence(FaultCase):
    """A service that says nothing, as the terminal of a command shows it."""

    def test_exec_on_a_terminal_says_that_it_waits_until_the_command_runs(self):
        self.faults("blackhole 60")
        t = self.world.terminal("exec", self.sandbox, "sh", "-c", "until [ -e go ]; do sleep 0.1; done; echo came")
        t.see("Waiting for the answer (1 s)")
        self.faults("blackhole 0")
        until(lambda: t.screen.text() == "", "the line to go while the command is still quiet")
        self.world.ok("exec", self.sandbox, "touch", "go")
        t.see_line("came").exit_code()
        self.assertEqual(t.screen.text(), "came")
        t.close()

    def test_a_file_on_its_way_from_a_silent_service_is_waited_for_in_words(self):
        self.world.ok("files", "write", self.sandbox, "here", self.world.write("here", "it is\n"))
        self.faults("blackhole 60")
        t = self.world.terminal("files", "read", self.sandbox, "here").see("Waiting for the answer (1 s)")
        self.faults("blackhole 0")
        t.see_line("it is").exit_code()
        self.assertEqual(t.screen.text(), "it is")
        t.close()

    def test_where_a_person_types_for_the_program_nothing_is_said_of_waiting(self):
        self.faults("blackhole 60")
        t = self.world.terminal("exec", "-i", self.sandbox, "sh", "-c", "read x; echo heard $x")
        time.sleep(1.5)
        t.type("it\n")
        self.faults("blackhole 0")
        t.see_line("heard it").exit_code()
        self.assertNotIn(b"Waiting", t.raw)
        t.close()


class Streams(FaultCase):
    config = "max-connections = 1\n"  # else the daemon opens another one when streams run out

    def test_fault_f08_input_waits_while_the_window_is_closed_and_keeps_its_order(self):
        shell = self.shell()
        other = self.shell()
        self.faults("stall on")
        shell.type("echo a-$((1+1)); echo b-$((2+2))\r")
        shell.type("echo c-$((3+3))\r")
        done = self.background("exec", self.sandbox, "sh", "-c", "echo out")  # its request needs a window, too
        rss = procs.rss_bytes(self.daemon.pid)
        time.sleep(0.3)
        self.assertNotIn("a-2", shell.screen.text())
        self.assertLess(procs.rss_bytes(self.daemon.pid), rss + (8 << 20))
        self.faults("stall off")
        until(lambda: "c-6" in shell.screen.text(), "the last answer")
        text = shell.screen.text()
        self.assertLess(text.index("a-2"), text.index("b-4"))
        done.join(LIMIT)
        self.assertEqual(done.result[:2], (0, b"out\n"))
        other.type("echo fine\r").see_line("fine")

    def test_fault_f08_a_call_beyond_the_stream_limit_waits_for_a_free_one(self):
        name = self.quiet()
        self.faults("streams 2")
        path = "/tmp/go-%s" % name
        first = self.background("exec", self.sandbox, "sh", "-c", "until [ -e %s ]; do sleep 0.05; done" % path)
        until(lambda: self.streams() == 2, "the second stream")
        second = self.background("exec", self.sandbox, "echo", "my turn")
        time.sleep(0.3)
        self.assertIsNone(second.result)
        self.assertEqual(self.streams(), 2)
        said = self.world.cli("delete", "-t", "0.2", "nope").stderr.decode()
        self.assertTrue(said.startswith("Error: Delete sandbox timed out: All 2 streams to the service at "), said)
        self.assertTrue(said.endswith(" are in use: end sessions or commands, or raise max-connections in cwsandboxd.conf.\n"),
                        said)
        # the way out is the session itself: no further stream is needed
        self.world.ok("kill", name)
        second.join(LIMIT)
        self.assertEqual(second.result[:2], (0, b"my turn\n"))
        self.faults("streams 0")
        self.world.ok("exec", self.sandbox, "touch", path)
        first.join(LIMIT)
        self.assertEqual(first.result[0], 0)

    def test_a_time_that_ran_out_at_the_service_is_told_as_its_answer(self):
        self.faults("status DEADLINE_EXCEEDED method=GetSandbox reason=CWSANDBOX_SLOW -- the backend took too long")
        done = self.world.cli("exec", self.sandbox, "true")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"the backend took too long", done.stderr)
        self.assertNotIn(b"cannot be reached", done.stderr)
        self.faults("status DEADLINE_EXCEEDED method=GetSandbox")
        done = self.world.cli("exec", self.sandbox, "true")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn(b"gave no answer", done.stderr)

    def test_fault_f10_a_rejected_key_touches_no_live_stream_and_is_not_tried_in_a_loop(self):
        shell = self.shell()
        self.faults("status UNAUTHENTICATED count=1000 -- the key was revoked")
        done = self.world.cli("exec", self.sandbox, "true")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"Authentication failed: the key was revoked", done.stderr)
        shell.type("echo $((50+5))\r").see_line("55")
        self.assertEqual(self.faults.list()["planned"], "1")
        self.faults("clear")
        self.assertEqual(self.world.ok("exec", self.sandbox, "echo", "back"), "back")

    def test_fault_f12_a_busy_service_is_asked_again_after_its_delay(self):
        self.faults("status RESOURCE_EXHAUSTED method=GetSandbox retry-ms=700 -- too many calls")
        began = time.monotonic()
        box = self.world.ok("create")  # it polls until the sandbox runs
        self.assertGreaterEqual(time.monotonic() - began, 0.7 - TICK)
        self.assertEqual(self.faults.list()["planned"], "0")
        self.world.ok("delete", box)

    def test_a_sandbox_that_was_made_but_cannot_be_waited_for_is_deleted_for_who_holds_it(self):
        listed = lambda: json.loads(self.world.ok("ls", "--tag", "unseen", "-o", "json"))
        self.faults("status PERMISSION_DENIED method=GetSandbox -- not for you")
        done = self.world.cli("create", "--tag", "unseen")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"not for you", done.stderr)
        until(lambda: listed() == [], "the end of a sandbox that nobody knows")
        self.faults("status PERMISSION_DENIED method=GetSandbox -- not for you")
        c = self.peer()
        with self.assertRaises(mpack.RpcError):
            c.call("sandbox.create", {"wait": True, "tags": ["unseen"]})
        self.assertEqual(len(listed()), 1)
        self.world.ok("delete", listed()[0]["sandbox_id"])

    def test_a_session_ended_for_backpressure_says_so(self):
        shell = self.shell()
        self.assertEqual(self.faults("end STREAM_BACKPRESSURE method=StreamExec sandbox=" + self.sandbox), "1")
        self.assertEqual(shell.exit_code(), UNREACHED)
        ended = self.wait_state(shell.session, "failed")
        self.assertEqual(ended["reason"], "backpressure")

    def test_a_truncated_command_is_an_error_after_what_came(self):
        done = self.background("exec", self.sandbox, "sh", "-c", "echo some; exec sleep 1000")
        command = "end STREAM_TRUNCATED method=StreamExec -- the rest is lost"
        until(lambda: self.faults.ask(command) == "ok 1", "the command")
        done.join(LIMIT)
        self.assertEqual(done.result[0], 1)
        self.assertIn(b"the rest is lost", done.result[2])

    def test_followed_logs_end_with_the_error_in_their_stream(self):
        done = self.background("logs", "--follow", self.sandbox)
        command = "end STREAM_TRUNCATED method=StreamLogs -- cut"
        until(lambda: self.faults.ask(command) == "ok 1", "the stream")
        done.join(LIMIT)
        self.assertEqual(done.result[0], 1)
        self.assertIn(b"cut", done.result[2])


class Drain(WorldCase):
    """--drain-limit, met by a command whose output nobody reads and one who has none."""

    def ended(self, limit):
        """Starts both; what the first wrote to whoever read it in the end, its code and its stderr."""
        path = self.world.path("local", "fault")
        self.world.use(self.world.local("--fault-socket", path, "--drain-limit", limit))
        self.world.daemon()
        faults = Faults(path)
        box = self.world.ok("create")
        idle = self.world.ok("new", "-d", box, "--", "sleep", "1000")
        slow = subprocess.Popen([program("cwsandbox"), "exec", box, "--", "seq", "1", "30000000"], env=self.world.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until(lambda: faults.list()["calls"] == "2", "both streams")
        # its process has gone when its end was decided, though the end itself waits behind the output
        until(lambda: b"seq" not in self.world.cli("exec", box, "--", "ps", "ax", "-o", "comm").stdout, "the end of seq")
        out, err = slow.communicate(timeout=LIMIT)
        self.assertEqual(self.world.session(idle)["state"], "running")
        self.world.ok("kill", idle)
        faults.close()
        return out, slow.returncode, err.decode()

    def check(self, out, code, err):
        self.assertEqual(code, 1, err)
        self.assertIn("not read fast enough", err)
        whole = out[:out.rindex(b"\n")].split(b"\n")
        self.assertEqual(whole, [b"%d" % i for i in range(1, len(whole) + 1)])

    def test_by_time_a_command_nobody_reads_ends_and_an_idle_one_does_not(self):
        self.check(*self.ended("1s"))

    def test_by_bytes_what_was_held_comes_before_the_error(self):
        out, code, err = self.ended("1M")
        self.check(out, code, err)
        self.assertGreater(len(out), 1 << 20)


class TheEnd(WorldCase):
    def test_a_daemon_that_stops_names_the_held_sandbox_that_it_leaves(self):
        self.world.use(self.world.local())
        daemon = self.world.daemon()
        c = SessionCase.peer(self)
        made = c.call("sandbox.create", {"hold": True, "tags": ["left"]})["sandbox_id"]
        daemon.terminate()
        self.assertEqual(daemon.wait(LIMIT), 0)
        self.assertIn("no client knows of sandbox %s, and it cannot be deleted" % made, self.world.errors(daemon))
        self.world.daemon()
        self.world.ok("delete", made)


class TheSocket(WorldCase):
    def test_sec_c01_its_folder_must_be_ours_alone_and_nothing_is_left(self):
        for mode in (0o755, 0o770, 0o701):
            folder = self.world.path("open%o" % mode)
            os.mkdir(folder)
            os.chmod(folder, mode)
            path = os.path.join(folder, "fault")
            done = self.world.run([program("cwsandbox-local"), "--state-dir", self.world.path("s"), "--fault-socket", path])
            self.assertEqual(done.returncode, 1)
            self.assertIn(folder, done.stderr.decode())
            self.assertEqual(os.listdir(folder), [])

    def test_sec_c02_it_is_0600_there_only_on_request_and_gone_with_the_service(self):
        path = self.world.path("local", "fault")
        service = self.world.local("--fault-socket", path)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        second = self.world.run([program("cwsandbox-local"), "--state-dir", self.world.path("s2"), "--fault-socket", path])
        self.assertEqual(second.returncode, 1)
        self.assertIn(b"another program listens there", second.stderr)
        faults = Faults(path)
        self.assertIn("connections=0", faults.ask("list"))
        faults.close()
        service.process.terminate()
        service.process.wait(LIMIT)
        self.assertFalse(os.path.exists(path))
        without = self.world.local(name="without")
        self.assertFalse([f for f in os.listdir(without.state_dir) if "fault" in f])

    def test_a_last_line_is_answered_without_its_newline_too(self):
        path = self.world.path("local", "fault")
        self.world.local("--fault-socket", path)
        for said, n in ((b"list", 1), (b"list\nlist", 2), (b"list\n", 1), (b"", 0), (b"list\n" * 3000 + b"list", 3001)):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(LIMIT)
                client.connect(path)
                client.sendall(said)
                client.shutdown(socket.SHUT_WR)
                with client.makefile("rb") as lines:
                    answers = lines.readlines()
            self.assertEqual([a[:3] for a in answers], [b"ok "] * n, said[:20])

    def test_hostile_lines_and_too_many_clients_harm_nobody(self):
        path = self.world.path("local", "fault")
        service = self.world.local("--fault-socket", path)
        clients = [Faults(path) for _ in range(8)]
        for c in clients:
            self.assertTrue(c.ask("list").startswith("ok "))
        with socket.socket(socket.AF_UNIX) as ninth:
            ninth.settimeout(LIMIT)
            ninth.connect(path)
            self.assertEqual(ninth.recv(100), b"")
        self.assertTrue(clients[0].ask("list\0").startswith("error "))
        self.assertTrue(clients[0].ask("x" * 1000).startswith("error "))
        clients[1].socket.sendall(b"y" * 100000)
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(clients[1].lines.read(), b"")
        for c in clients:
            c.close()
        self.assertIsNone(service.process.poll())


if __name__ == "__main__":
    suite.main()
