#!/usr/bin/env python3
"""A daemon that is broken or hostile: the client says so in one line, leaves the terminal sane, and never obeys output"""
import os
import shutil
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import mpack
import suite
from terminal import until
from world import WorldCase

HELLO = {"version": 1, "server": "fake 1", "pid": 1, "boot_id": "b", "observer": False,
         "limits": {"frame": 1 << 20, "window": 65536, "input_window": 65536}}
ATTACHED = {"attachment": 1, "session": "u1", "name": "work", "offset": 0, "fresh": False, "cols": 80, "rows": 24,
            "role": "lead", "state": "running", "window": 65536, "input_window": 65536}


class Fake:
    """Answers hello, then each request by `answer(method, params)`: a map, an error in RpcError, bytes as they are, None: nothing."""

    def __init__(self, world, answer, hello=HELLO):
        self.answer, self.hello, self.seen, self.connection = answer, hello, [], None
        path = world.socket_path
        os.mkdir(os.path.dirname(path), 0o700)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                try:
                    self.talk(connection)
                except OSError:
                    pass

    def talk(self, connection):
        unpacker = mpack.Unpacker()
        self.connection = connection
        while True:
            data = connection.recv(65536)
            if not data:
                return
            unpacker.feed(data)
            while True:
                try:
                    frame = unpacker.next()
                except mpack.Short:
                    break
                if not self.take(connection, frame):
                    return

    def take(self, connection, frame):
        kind, params = frame[0], (frame[-1] or [{}])[0] if frame[-1] else {}
        method = frame[2] if kind == 0 else frame[1]
        self.seen.append((method, params))
        if kind != 0:
            return True
        said = self.hello if method == "hello" else self.answer(method, params)
        if isinstance(said, bytes):
            connection.sendall(said)
        elif isinstance(said, mpack.RpcError):
            connection.sendall(mpack.pack([1, frame[1], said.error, None]))
        elif said is False:
            return False
        elif said is not None:
            more = said.pop("then", b"") if "then" in said else b""
            connection.sendall(mpack.pack([1, frame[1], None, said]) + more)
        return True

    def say(self, method, **params):
        self.connection.sendall(mpack.pack([2, method, [params]]))

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        if self.connection:
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(60)


class FakeCase(WorldCase):
    def setUp(self):
        super().setUp()
        self.fake = None
        self.world.env["CWSANDBOX_BASE_URL"] = "http://127.0.0.1:1"
        self.world.env["CWSANDBOX_API_KEY"] = "key"

    def tearDown(self):
        if self.fake:
            self.fake.close()

    def daemon(self, answer, **kwargs):
        self.fake = Fake(self.world, answer, **kwargs)
        return self.fake

    def one_line(self, *args):
        done = self.world.cli(*args)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertTrue(done.stderr.startswith(b"Error: "), done.stderr)
        return done.stderr.decode()


class BadDaemon(FakeCase):
    def test_bytes_that_are_no_frame(self):
        self.daemon(lambda m, p: b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assertIn("protocol", self.one_line("ls"))

    def test_counts_and_depths_that_no_memory_holds(self):
        for bytes_ in (b"\xdd\xff\xff\xff\xff", b"\x91" * 64, b"\x94\x01\x02\xc0\xdf\xff\xff\xff\xff",
                       b"\x94\x01\x02\xc0\xc6\xff\xff\xff\xff"):
            with self.subTest(bytes=bytes_):
                self.daemon(lambda m, p: bytes_)
                try:
                    self.assertIn("protocol", self.one_line("sessions"))
                finally:
                    self.fake.close()
                    self.fake = None
                    shutil.rmtree(os.path.dirname(self.world.socket_path))

    def test_another_version(self):
        self.daemon(None, hello=mpack.RpcError({"code": "version", "message": "This daemon speaks 7 to 9; update the client.",
                                                "min": 7, "max": 9}))
        self.assertIn("7 to 9", self.one_line("ls"))

    def test_an_end_in_the_middle(self):
        self.daemon(lambda m, p: False)
        self.assertIn("lost the connection", self.one_line("ls"))

    def test_a_refusal_with_control_characters_is_printed_harmlessly(self):
        self.daemon(lambda m, p: mpack.RpcError({"code": "limit", "message": "no\x1b]52;c;eA==\x07\r\n\u202eway"}))
        text = self.one_line("ls")
        for evil in ("\x1b", "\x07", "\r", "\u202e"):
            self.assertNotIn(evil, text)

    def test_names_and_commands_with_control_characters_are_listed_harmlessly(self):
        evil = "a\x1b[2J\x9b31m\n\u202e'\""
        self.daemon(lambda m, p: {"sessions": [{"name": evil, "state": "running", "sandbox_id": evil, "command": evil}],
                                  "more": False})
        out = self.world.ok("sessions")
        self.assertEqual(len(out.splitlines()), 2)
        for c in ("\x1b", "\x9b", "\u202e"):
            self.assertNotIn(c, out)
        self.assertNotIn("\x1b", self.world.ok("sessions", "--json"))

    def test_a_long_command_ends_at_the_terminals_edge_and_is_whole_in_a_pipe(self):
        command = "cc " + "long " * 40
        self.daemon(lambda m, p: {"sessions": [{"name": "a", "state": "running", "sandbox_id": "b", "command": command}],
                                  "more": False})
        t = self.world.terminal("sessions", cols=120)
        self.assertEqual(t.exit_code(), 0)
        self.assertEqual(t.raw.count(b"\n"), 2)
        row = t.screen.lines()[1]
        self.assertEqual(t.screen.lines()[2], "")  # it did not wrap
        self.assertIn(" cc long ", row)
        self.assertEqual(row[-1], "…")
        self.assertIn(command.strip(), self.world.ok("sessions"))

    def test_a_list_that_never_ends_is_followed_by_name(self):
        """Each page is asked for after the last name of the one before."""
        pages = {None: "a", "a": "b", "b": "c"}
        self.daemon(lambda m, p: {"sessions": [{"name": pages[p.get("after")], "state": "running"}],
                                  "more": p.get("after") != "b"})
        self.assertEqual([line.split()[0] for line in self.world.ok("sessions").splitlines()[1:]], ["a", "b", "c"])


    def test_a_command_whose_stdin_has_a_hole_ends_with_an_error(self):
        started = {"attachment": 1, "window": 65536, "input_window": 65536}
        refused = mpack.pack([2, "input_refused", [{"attachment": 1, "bytes": 0,
                                                    "error": {"code": "no_memory", "message": "out of memory"}}]])
        self.daemon(lambda m, p: dict(started, then=refused) if m == "exec" else {})
        done = self.world.cli("exec", "-i", "box", "cat", input=b"part")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"out of memory", done.stderr)


class BadTerminal(FakeCase):
    def attach(self, answer, *options):
        self.daemon(answer)
        return self.world.terminal("attach", *options, "work")

    def test_more_output_than_the_window_ends_it_with_a_sane_terminal(self):
        out = mpack.pack([2, "output", [{"attachment": 1, "offset": 0, "stream": 1, "data": b"x" * 40000}]])
        t = self.attach(lambda m, p: dict(ATTACHED, then=out * 3) if m == "session.attach" else {})
        self.assertEqual(t.exit_code(), 255)
        self.assertEqual(t.harm(), [])
        self.assertIn("protocol", t.raw.decode("utf-8", "replace"))

    def test_frames_and_detach_keys_in_the_output_are_only_output(self):
        data = mpack.pack([2, "detached", [{"attachment": 1, "reason": "taken_over"}]]) + b"\x1cd\x1c?shown"
        out = mpack.pack([2, "output", [{"attachment": 1, "offset": 0, "stream": 1, "data": data}]])
        t = self.attach(lambda m, p: dict(ATTACHED, then=out) if m == "session.attach" else {"detached": 1})
        t.see("shown")
        self.assertIsNone(t.poll())
        t.type("\x1cd")
        self.assertEqual(t.exit_code(), 0)

    def test_queries_and_clipboard_never_reach_the_terminal(self):
        data = b"\x1b[c\x1b[6n\x1b]52;c;eA==\x07\x1b[21t\x1bP+q544e\x1b\\done"
        out = b"".join(mpack.pack([2, "output", [{"attachment": 1, "offset": i, "stream": 1, "data": data[i:i + 1]}]])
                       for i in range(len(data)))
        t = self.attach(lambda m, p: dict(ATTACHED, then=out) if m == "session.attach" else {"detached": 1})
        t.see("done").type("\x1cd")
        self.assertEqual(t.exit_code(), 0)
        self.assertEqual(t.harm(), [])
        self.assertNotIn(b"]52", t.raw)
        self.assertEqual([p for m, p in self.fake.seen if m == "session.input"], [])

    def test_what_the_terminal_has_not_taken_is_not_acknowledged_and_keys_still_work(self):
        out = mpack.pack([2, "output", [{"attachment": 1, "offset": 0, "stream": 1, "data": b"y" * 65000}]])
        t = self.attach(lambda m, p: dict(ATTACHED, then=out) if m == "session.attach" else {"detached": 1})
        t.reading = False
        until(lambda: any(m == "session.attach" for m, p in self.fake.seen), "the attach")
        t.type("abc")
        until(lambda: any(m == "session.input" for m, p in self.fake.seen), "the keys")
        acked = max([p["bytes"] for m, p in self.fake.seen if m == "session.ack"] or [0])
        self.assertLess(acked, 65000)
        t.type("\x1cd")
        until(lambda: any(m == "session.detach" for m, p in self.fake.seen), "the detach")
        t.reading = True
        self.assertEqual(t.exit_code(), 0)
        self.assertEqual(t.harm(), [])

    def test_input_beyond_the_credit_waits_and_is_sent_when_it_comes_back(self):
        t = self.attach(lambda m, p: dict(ATTACHED, input_window=4) if m == "session.attach" else {})
        until(lambda: any(m == "session.attach" for m, p in self.fake.seen), "the attach")
        t.type("abcdefgh")

        def typed():
            return b"".join(p["data"] for m, p in self.fake.seen if m == "session.input")
        until(lambda: typed() == b"abcd", "the first four")
        self.fake.say("input_credit", attachment=1, bytes=3)
        until(lambda: typed() == b"abcdefg", "three more")
        self.fake.say("input_credit", attachment=1, bytes=7)
        until(lambda: typed() == b"abcdefgh", "the rest")

    def test_a_resize_is_told_and_an_observer_types_nothing(self):
        t = self.attach(lambda m, p: dict(ATTACHED, role="observer") if m == "session.attach" else {"detached": 1}, "-r")
        until(lambda: any(m == "session.attach" for m, p in self.fake.seen), "the attach")
        self.assertEqual(dict(self.fake.seen)["session.attach"]["role"], "observer")
        t.resize(100, 40)
        until(lambda: ("session.resize", {"attachment": 1, "cols": 100, "rows": 40}) in self.fake.seen, "the resize")
        t.type("rm -rf\r\x1cz\x1cd")
        self.assertEqual(t.exit_code(), 0)
        self.assertEqual([m for m, p in self.fake.seen if m == "session.input"], [])

    def test_the_help_is_shown_and_the_screen_comes_back_after_it(self):
        paint = mpack.pack([2, "resync", [{"attachment": 1, "offset": 0, "skipped_bytes": 0, "first": True, "last": True,
                                           "data": b"\r\npainted"}]])
        numbers = iter(range(1, 9))
        t = self.attach(lambda m, p: dict(ATTACHED, attachment=next(numbers), then=paint) if m == "session.attach"
                        else {"detached": 1})
        t.see("painted").type("\x1c?").see("take the lead").see("any other key").type("x")
        until(lambda: [m for m, p in self.fake.seen].count("session.attach") == 2, "another attach")
        self.assertEqual([m for m, p in self.fake.seen if m == "session.input"], [])
        t.type("\x1cd")
        self.assertEqual(t.exit_code(), 0)

    def test_a_terminal_resized_while_it_attaches_tells_its_size_then(self):
        def answer(method, params):
            if method != "session.attach":
                return {"detached": 1}
            t.resize(100, 40)
            time.sleep(0.2)  # for the signal to come first; the other order is right as well
            return ATTACHED
        ready = threading.Event()
        t = self.attach(lambda m, p: ready.wait() and answer(m, p))
        ready.set()
        until(lambda: ("session.resize", {"attachment": 1, "cols": 100, "rows": 40}) in self.fake.seen, "the resize")
        t.type("\x1cd")
        self.assertEqual(t.exit_code(), 0)

    def test_a_policy_that_detaches_says_why_and_how_to_come_back(self):
        t = self.attach(lambda m, p: ATTACHED if m == "session.attach" else {"detached": 1})
        for reason in ("stalled", "dropped"):
            t = t or self.world.terminal("attach", "work", env={"NO_COLOR": "1"})
            until(lambda: any(m == "session.attach" for m, p in self.fake.seen), "the attach")
            self.fake.say("detached", attachment=1, reason=reason, message="Attach again with `since`.", offset=0)
            self.assertEqual(t.exit_code(), 254)
            self.assertIn("cwsandbox attach work]", t.screen.text().replace("\n", ""))
            self.assertNotIn("since", t.screen.text())
            self.fake.seen.clear()
            t = None

    def end_of_a_view(self, pause):
        """A view whose session ends; the pages of its last screen, of a line each, come so slowly."""
        paint = mpack.pack([2, "resync", [{"attachment": 1, "offset": 0, "skipped_bytes": 0, "first": True, "last": True,
                                           "data": b"\x1b[?1049h\x1b[Hview"}]])

        def answer(method, params):
            if method == "session.attach":
                return dict(ATTACHED, then=paint)
            time.sleep(pause)
            return {"lines": ["drop"], "from": 0, "screen": 0, "more": True, "alternate": False}
        if self.fake:
            self.fake.seen.clear()
            t = self.world.terminal("attach", "work")
        else:
            t = self.attach(answer)
        t.see("view")
        self.fake.say("exited", attachment=1, exit_code=7, reason=None, message=None, error=None, offset=0)
        until(self.n_pages, "the question for the last screen")
        return t

    def n_pages(self):
        return sum(m == "session.capture" for m, p in self.fake.seen)

    def test_a_last_screen_that_comes_in_drops_is_waited_for_no_longer_than_one_in_a_piece(self):
        t = self.end_of_a_view(0.3)
        self.assertEqual(t.exit_code(), 7)
        self.assertEqual(t.harm(), [])
        self.assertLess(self.n_pages(), 6)

    def test_a_key_ends_the_wait_for_a_last_screen(self):
        """Of so many one at least on a machine that has time for it."""
        for _ in range(10):
            t = self.end_of_a_view(0.15)
            t.type("x")
            self.assertEqual(t.exit_code(), 7)
            self.assertEqual(t.harm(), [])
            if self.n_pages() < 4:
                return
        self.fail("each time all pages were waited for")

    def test_a_session_without_an_exit_code_says_what_to_do_next(self):
        t = self.attach(lambda m, p: ATTACHED if m == "session.attach" else {"detached": 1})
        until(lambda: any(m == "session.attach" for m, p in self.fake.seen), "the attach")
        self.fake.say("exited", attachment=1, exit_code=None, reason="lost", message="It broke.", error=None, offset=0)
        self.assertEqual(t.exit_code(), 255)
        self.assertIn("It broke.", t.screen.text())
        self.assertIn("'cwsandbox new' starts another session", t.screen.text().replace("\n", ""))

    def test_a_detach_says_how_to_come_back_and_a_lost_daemon_says_so(self):
        t = self.attach(lambda m, p: ATTACHED if m == "session.attach" else {"detached": 1})
        until(lambda: any(m == "session.attach" for m, p in self.fake.seen), "the attach")
        t.type("\x1cd")
        self.assertEqual(t.exit_code(), 0)
        self.assertIn("cwsandbox attach work", t.screen.text())
        t = self.world.terminal("attach", "work", env={"NO_COLOR": "1"})
        until(lambda: [m for m, p in self.fake.seen].count("session.attach") == 2, "the attach")
        self.fake.say("shutdown", reason="stop")
        self.fake.connection.shutdown(socket.SHUT_RDWR)
        self.assertEqual(t.exit_code(), 255)
        self.assertIn("cwsandboxd was stopped", t.screen.text())
        self.assertIn("'cwsandbox new' starts another session", t.screen.text().replace("\n", ""))
        self.assertEqual(t.harm(), [])


if __name__ == "__main__":
    suite.main()
