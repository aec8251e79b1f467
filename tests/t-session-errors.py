#!/usr/bin/env python3
"""What goes wrong is one line that says what to do, the right exit code, and nothing left behind"""
import os
import re
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import mpack
import procs
import suite
from sessions import UNREACHED, SessionCase, shown
from terminal import until
from world import WorldCase, program


class BadInput(SessionCase):
    def tearDown(self):
        super().tearDown()
        self.assertIsNone(self.daemon.poll(), "the daemon left")

    def refused(self, code, *args, env=None, says=()):
        """One line on stderr, nothing on stdout, this code; and again: the second time opens nothing that stays."""
        self.world.cli(*args, env=env)  # may leave a pooled connection behind: one
        before = procs.fd_count(self.daemon.pid)
        done = self.world.cli(*args, env=env)
        self.assertEqual((done.returncode, done.stdout), (code, b""), done.stderr)
        text = done.stderr.decode()
        self.assertEqual(len(text.splitlines()), 1, text)
        self.assertGreater(len(text), 20)
        for word in says:
            self.assertIn(word, text)
        until(lambda: procs.fd_count(self.daemon.pid) <= before, "the daemon's descriptors to be closed again")
        return text

    def refused_on_a_terminal(self, *args, says):
        """The same where a terminal is needed; the session could not be reached: 255, and the terminal is sane."""
        t = self.world.terminal(*args, cols=200)
        self.assertEqual(t.exit_code(), UNREACHED)
        self.assertEqual(len(shown(t)), 1, t.screen.text())
        self.assertIn(says, t.screen.text())
        self.assert_sane(t)

    def test_an_unknown_session(self):
        self.refused_on_a_terminal("attach", "no-such", says="no-such")
        for args in (("kill", "no-such"), ("detach", "no-such"), ("rename", "no-such", "x")):
            with self.subTest(args=args):
                self.refused(1, *args, says=("no-such",))

    def test_an_unknown_sandbox(self):
        for args in (("exec", "nope", "true"), ("get", "nope"), ("logs", "nope"), ("stop", "nope"), ("delete", "nope"),
                     ("files", "read", "nope", "/x")):
            with self.subTest(args=args):
                self.assertEqual(self.refused(1, *args), "Error: Sandbox 'nope' not found\n")
        self.refused_on_a_terminal("new", "nope", says="nope")
        self.refused(UNREACHED, "new", "-d", "nope", says=("nope",))

    def test_a_wrong_token(self):
        env = {"CWSANDBOX_API_KEY": "wrong"}
        self.refused(1, "ls", env=env, says=("Authentication failed",))
        self.refused(1, "create", env=env, says=("Authentication failed",))
        self.world.ok("ls")

    def test_a_wrong_ca(self):
        other = self.world.path("other-ca.pem")
        self.world.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", self.world.path("key.pem"), "-out", other, "-subj", "/CN=other", "-days", "2"])
        self.refused(1, "ls", env={"CWSANDBOX_CA_FILE": other}, says=("certificate", "CWSANDBOX_CA_FILE names"))
        self.refused(1, "ls", env={"CWSANDBOX_CA_FILE": "/nonexistent.pem"}, says=("/nonexistent.pem",))
        self.world.ok("ls")

    def test_a_service_that_is_not_there(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            url = "https://127.0.0.1:%d" % s.getsockname()[1]
        self.refused(1, "ls", env={"CWSANDBOX_BASE_URL": url}, says=("127.0.0.1",))
        self.world.ok("ls")

    def test_clear_text_to_another_machine(self):
        self.refused(1, "ls", env={"CWSANDBOX_BASE_URL": "http://192.0.2.1:1"}, says=("http",))

    def test_a_name_that_is_none(self):
        done = self.world.cli("new", "-d", "-s", "no/name", self.sandbox)
        self.assertIn(done.returncode, (1, 2, UNREACHED))
        self.assertEqual(done.stdout, b"")

    def test_usage_errors_exit_with_2(self):
        for args in (("ls", "--nope"), ("nope",), ("attach", "--nope"), ("rename", "one"), ("exec",), ("kill",),
                     ("attach", "a", "b"), ("create", "--lifetime", "soon")):
            with self.subTest(args=args):
                done = self.world.cli(*args)
                self.assertEqual((done.returncode, done.stdout), (2, b""), done.stderr)
                self.assertIn(b"Usage: cwsandbox", done.stderr)

    def test_durations_have_bounds(self):
        for life, code in (("0", 2), ("366d", 1), ("31622401", 2), ("9" * 30, 2)):  # 1: the service's own bound
            with self.subTest(life=life):
                done = self.world.cli("create", "--lifetime", life)
                self.assertEqual((done.returncode, b"is not a duration from a second to 366 days" in done.stderr),
                                 (code, code == 2), done.stderr)

    def test_a_second_daemon_on_the_same_socket_leaves_and_says_who_has_it(self):
        done = self.world.run([program("cwsandboxd")])
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(self.world.socket_path, done.stderr.decode())
        self.world.ok("ls")


class BadFrames(SessionCase):
    HELLO = [0, 1, "hello", [{"min": 1, "max": 1, "client": "x", "pid": 1}]]

    def ends(self, data, hello=True):
        """The daemon closes a connection that sends this, and lives."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.world.socket_path)
            try:
                if hello:
                    s.sendall(mpack.pack(self.HELLO))
                    s.recv(4096)
                s.sendall(data)
                while s.recv(4096):
                    pass
            except (ConnectionResetError, BrokenPipeError):
                pass
        self.assertIsNone(self.daemon.poll())

    def test_what_is_no_frame_ends_its_connection_and_nothing_else(self):
        before = procs.fd_count(self.daemon.pid)
        bad = {"not an array": b"\x01", "a map": b"\x81\x01\x02", "an unknown kind": mpack.pack([7, 1, "x", []]),
               "a huge array": b"\xdd\xff\xff\xff\xff", "a huge bin": b"\x94\x00\x01\xc6\xff\xff\xff\xff",
               "a deep nest": b"\x91" * 1000, "too many values": mpack.pack([0, 1, "x", [list(range(5000))]]),
               "a reserved byte": b"\x94\x00\x01\xc1\x90", "text": b"GET / HTTP/1.1\r\n\r\n",
               "an id that is none": mpack.pack([0, -1, "x", []]), "a method that is none": mpack.pack([0, 1, 5, []]),
               "over 1 MiB": b"\x94\x00\x01\xa1x\x91\x81\xa1d\xc6" + struct.pack(">I", 1 << 20)}
        for what, data in bad.items():
            for hello in (False, True):
                with self.subTest(what=what, hello=hello):
                    self.ends(data, hello)
        until(lambda: procs.fd_count(self.daemon.pid) <= before, "the descriptors to be closed")
        self.world.ok("ls")

    def test_hello_is_first_and_comes_once(self):
        peer = mpack.Peer(self.world.socket_path, hello=False)
        with self.assertRaises((mpack.RpcError, EOFError)) as caught:
            peer.call("daemon.status")
        if isinstance(caught.exception, mpack.RpcError):
            self.assertEqual(caught.exception.code, "hello_first")
        peer.close()

    def test_a_version_that_is_not_spoken_is_told_both(self):
        peer = mpack.Peer(self.world.socket_path, hello=False)
        with self.assertRaises(mpack.RpcError) as caught:
            peer.call("hello", {"min": 90, "max": 99, "client": "x", "pid": 1})
        self.assertEqual((caught.exception.code, caught.exception.error["min"], caught.exception.error["max"]),
                         ("version", 1, 1))
        peer.close()

    def test_unknown_methods_and_bad_fields_are_answered(self):
        peer = self.peer()
        for method, params, code in (("no.such", {}, "unknown_method"), ("session.run", {}, "unknown_method"),
                                     ("session.get", {}, "bad_params"), ("session.get", {"name": 5}, "bad_params"),
                                     ("session.get", {"name": "no-such"}, "no_such_session"),
                                     ("session.list", {"limit": 0}, "bad_params"),
                                     ("session.list", {"limit": 201}, "bad_params"),
                                     ("session.ack", {"attachment": 99, "bytes": 1}, "no_such_attachment")):
            with self.subTest(method=method, params=params):
                with self.assertRaises(mpack.RpcError) as caught:
                    peer.call(method, params)
                self.assertEqual(caught.exception.code, code)
        self.assertTrue(peer.call("daemon.status")["pid"])
        peer.close()

    def test_input_beyond_the_credit_is_refused_whole(self):
        peer = self.peer()
        name = self.name()
        peer.call("session.create", {"name": name, "sandbox_id": self.sandbox, "argv": ["sleep", "1000"], "cols": 80,
                                     "rows": 24})
        mine = peer.call("session.attach", {"name": name, "cols": 80, "rows": 24})
        with self.assertRaises(mpack.RpcError) as caught:
            peer.call("session.input", {"attachment": mine["attachment"], "data": b"x" * (mine["input_window"] + 1)})
        self.assertEqual(caught.exception.code, "input_window")
        peer.call("session.kill", {"name": name})
        peer.close()

    def test_more_acknowledged_than_sent_detaches_only_the_liar(self):
        t = self.shell()
        peer = self.peer()
        mine = peer.call("session.attach", {"name": t.session, "cols": 80, "rows": 24})
        with self.assertRaises(mpack.RpcError) as caught:
            peer.call("session.ack", {"attachment": mine["attachment"], "bytes": 1 << 40})
        self.assertEqual(caught.exception.code, "bad_ack")
        t.type("echo fine\r").see_line("fine")
        peer.close()


class NoDaemon(WorldCase):
    def refused(self, env, *args):
        done = self.world.cli(*args, env=env)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.returncode, done.stderr.decode()

    def test_a_folder_that_others_may_enter_is_refused_and_named(self):
        folder = os.path.join(self.world.env["XDG_RUNTIME_DIR"], "cwsandboxd")
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        code, text = self.refused({}, "ls")
        self.assertEqual(code, 1)
        self.assertIn(folder, text)

    def test_a_daemon_that_may_not_be_started_is_said_so(self):
        blocker = self.world.write("blocker", "a file, not a folder")
        code, text = self.refused({"CWSANDBOXD_SOCKET": blocker + "/sub/socket", "XDG_STATE_HOME": blocker,
                                   "XDG_RUNTIME_DIR": blocker}, "ls")
        self.assertEqual(code, 1)
        self.assertIn(blocker, text)

    def test_a_socket_whose_name_is_a_files_is_refused(self):
        path = self.world.write("run/file", "mine")
        code, text = self.refused({"CWSANDBOXD_SOCKET": path}, "daemon", "start")
        self.assertEqual(code, 1)
        self.assertIn("The socket %s cannot be made: something else has its name." % path, text)

    def test_a_socket_path_that_is_too_long_is_refused(self):
        code, text = self.refused({"CWSANDBOXD_SOCKET": "/" + "x" * 120}, "ls")
        self.assertEqual(code, 1)
        self.assertIn("107", text)

    def test_a_socket_that_is_named_from_here_is_the_daemons_too(self):
        os.mkdir(self.world.path("own"), 0o700)
        env = {"CWSANDBOXD_SOCKET": "own/socket"}
        self.world.ok("daemon", "start", env=env)
        self.assertTrue(os.path.exists(self.world.path("own", "socket")))
        code, text = self.refused({"CWSANDBOXD_SOCKET": self.world.path("own", "other")}, "daemon", "start")
        self.assertEqual(code, 1)
        way = re.search(r"Stop it first: CWSANDBOXD_SOCKET=(\S+) cwsandbox daemon stop", text).group(1)
        self.world.ok("daemon", "stop", env={"CWSANDBOXD_SOCKET": way})
        self.assertEqual(self.world.cli("daemon", "status", env=env).returncode, 1)

    def test_a_proxy_whose_name_is_not_known_is_named(self):
        name = "x" * 64 + ".invalid"  # too long a label to be asked for
        code, text = self.refused({"HTTPS_PROXY": "http://%s:1" % name, "CWSANDBOX_BASE_URL": "https://service.invalid",
                                   "CWSANDBOX_API_KEY": "x"}, "ls")
        self.assertEqual(code, 1)
        self.assertIn("by way of the proxy %s: " % name, text)

    def test_commands_that_only_look_start_no_daemon(self):
        self.assertEqual(self.world.cli("--version").returncode, 0)
        self.assertEqual(self.world.cli("--help").returncode, 0)
        self.assertNotEqual(self.world.cli("daemon", "status").returncode, 0)
        self.assertFalse(os.path.exists(self.world.socket_path))

    def test_the_first_command_starts_the_daemon_and_the_local_service(self):
        self.assertEqual(self.world.ok("ls"), "No sandboxes found.")
        self.assertEqual(os.stat(self.world.socket_path).st_mode & 0o777, 0o600)
        box = self.world.ok("create")
        self.assertEqual(self.world.ok("exec", box, "echo", "hi"), "hi")
        local = os.path.join(self.world.env["XDG_STATE_HOME"], "cwsandbox-local")
        with open(os.path.join(local, "lock")) as f:
            pid = int(f.read())
        self.assertTrue(procs.alive(pid))
        self.world.ok("daemon", "stop", "--all", "--force")
        self.assertFalse(procs.alive(pid), "the service still runs")
        self.assertFalse(os.path.exists(os.path.join(local, "url")))
        until(lambda: (procs.bury(set()), not procs.descendants())[1], "the end of daemon and service")


if __name__ == "__main__":
    suite.main()
