#!/usr/bin/env python3
"""cwsandbox-local under crowds and strangers: what it holds, whom it lets in, what it gives away"""
import fcntl
import os
import shutil
import signal
import socket
import ssl
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import h2raw
import procs
import suite
from h2raw import H2, text
from terminal import LIMIT, until
from world import SharedWorldCase, WorldCase, program

with open(program("cwsandbox-local"), "rb") as f:
    SANITIZED = b"__asan_init" in f.read()
CROWD = 2000 if SANITIZED else 10000
BYTES_OF_ALL = 200 << 20  # of 10,000 idle streams


class LocalCase(SharedWorldCase):
    arguments, plaintext = (), True

    @classmethod
    def prepare(cls):
        cls.service = cls.world.use(cls.world.local(*cls.arguments, plaintext=cls.plaintext))
        cls.world.daemon()
        cls.sandbox = cls.world.ok("create", "--", "sh", "-c", "echo begun; exec sleep infinity")
        until(lambda: cls.world.ok("logs", cls.sandbox) == "begun", "the main process")

    def client(self, **kwargs):
        c = H2(self.service, **kwargs)
        self.addCleanup(c.close)
        return c

    def known(self):
        """One that showed its token: the service then allows it more streams."""
        c = self.client()
        c.finish(c.call("GetSandbox", text(1, self.sandbox)))
        return c.until(lambda: c.seen.get((0, h2raw.SETTINGS), 0) >= 3, "the higher limit")

    def works(self, c):
        """The connection still serves."""
        stream = c.call("GetSandbox", text(1, self.sandbox))
        c.finish(stream)
        self.assertGreater(c.data.get(stream, 0), 100)

    def exec(self, c, *argv, end=True):
        init = text(1, self.sandbox) + b"".join(text(2, a) for a in argv)
        return c.call("StreamExec", text(1, init), end=end)

    def follow(self, c, n):
        """n streams that follow the log, each served once it gave the first line."""
        before = len(c.data)
        first = c.next_id
        for _ in range(0, n, 500):
            c.send(b"".join(c.request("StreamLogs", text(1, self.sandbox) + b"\x10\1") for _ in range(min(500, n))))
        c.until(lambda: len(c.data) - before == n, "%d streams" % n)
        return range(first, c.next_id, 2)


class Crowds(LocalCase):
    def test_ten_thousand_idle_streams_fit_into_200_mb_and_may_all_be_cancelled_at_once(self):
        c = self.known()
        streams = self.follow(c, CROWD)
        used = procs.rss_bytes(self.service.process.pid)
        print("     %d streams: %.1f MB" % (CROWD, used / 1e6))
        if not SANITIZED:
            self.assertLess(used, BYTES_OF_ALL, "%d streams" % CROWD)
        c.reset(streams)
        self.works(c)
        self.assertIsNone(c.goaway)
        self.follow(c, 100)  # and their places are free again

    def test_sec_c35_requests_reset_at_once_are_refused_as_a_flood_and_others_are_unaffected(self):
        other, c = self.known(), self.known()
        for _ in range(40):
            first = c.next_id
            flood = b"".join(c.request("StreamLogs", text(1, self.sandbox) + b"\x10\1") + h2raw.frame(
                h2raw.RST_STREAM, 0, first + 2 * i, b"\0\0\0\x08") for i in range(50))
            try:
                c.send(flood)
            except OSError:
                break
        c.until(lambda: c.goaway is not None or c.gone, "the end of the flood")
        self.assertIn(c.goaway, (11, None))  # ENHANCE_YOUR_CALM, unless the reset overtook it
        self.works(other)

    def test_a_client_that_reads_nothing_stalls_only_itself_and_costs_little(self):
        slow, other = self.known(), self.known()
        window = bytes([0, 4]) + b"\x7f\xff\xff\xff"  # it promises to take 2 GiB on each stream
        slow.send(h2raw.frame(h2raw.SETTINGS, 0, 0, window))
        before = procs.rss_bytes(self.service.process.pid)
        for _ in range(20):
            self.exec(slow, "yes")
        for _ in range(50):
            self.works(other)
        self.assertEqual(self.world.ok("exec", self.sandbox, "echo", "fine"), "fine")
        if not SANITIZED:
            self.assertLess(procs.rss_bytes(self.service.process.pid) - before, 32 << 20)

    def test_streams_cut_at_any_point_leave_nothing_behind(self):
        pid = self.service.process.pid
        fds = procs.fd_count(pid)
        for how in ("reset", "close", "half a frame"):
            c = self.known()
            streams = [self.exec(c, "sleep", "8642", end=False) for _ in range(30)]
            c.until(lambda: all(s in c.data for s in streams), "the programs")
            if how == "reset":
                c.reset(streams)
                self.works(c)
            elif how == "half a frame":
                c.send(h2raw.frame(h2raw.DATA, 0, streams[0], b"x" * 100)[:50])
            c.close()
        until(lambda: b"8642" not in self.world.cli("exec", self.sandbox, "--", "ps", "ax").stdout,
              "the programs' end", LIMIT)
        until(lambda: procs.fd_count(pid) <= fds, "the descriptors' end", LIMIT)


class Strangers(LocalCase):
    plaintext = False

    def unserved(self, c, stream):
        """Answered, but with headers alone: no message."""
        c.finish(stream)
        self.assertNotIn(stream, c.data)

    def test_sec_c42_without_the_right_token_every_method_is_refused_before_its_request_is_read(self):
        methods = ("CreateSandbox", "GetSandbox", "ListSandboxes", "DeleteSandbox", "ConnectSandbox", "Exec", "StreamExec",
                   "StreamLogs", "ReadFile", "WriteFile", "NoSuchMethod")
        for key in ("", "x", self.service.key[:-1], self.service.key + "0", self.service.key.upper()):
            c = self.client(key=key)
            for method in methods:
                self.unserved(c, c.call(method, text(1, self.sandbox)))
            c.close()
        done = self.world.cli("ls", env={"CWSANDBOX_API_KEY": "wrong"})
        self.assertIn(b"Authentication failed: the token is missing or wrong", done.stderr)
        self.assertNotIn(self.service.key.encode(), done.stderr)

    def test_a_stranger_may_have_100_streams_open_and_no_more(self):
        c = self.client(key="")
        c.until(lambda: (0, h2raw.SETTINGS) in c.seen, "SETTINGS")
        html = h2raw.field(":path", "/") + h2raw.field(":authority", "x") + h2raw.field("content-type", "text/html")
        for i in range(101):  # never ended: these are answered when they are complete
            c.send(h2raw.frame(h2raw.HEADERS, h2raw.END_HEADERS, 2 * i + 1, b"\x83\x86" + html))
        c.until(lambda: 201 in c.ended or c.gone, "the refusal of the last")
        self.assertFalse([s for s in c.ended if s < 201])

    def test_sec_c33_clear_text_and_other_protocols_get_no_answer(self):
        host, port = self.service.url.split("//")[1].rsplit(":", 1)
        for first in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", os.urandom(64), b"\x16\x03\x01\xff\xff"):
            with socket.create_connection((host, int(port)), LIMIT) as s:
                s.sendall(first)
                s.shutdown(socket.SHUT_WR)
                try:
                    self.assertNotIn(b"HTTP", s.recv(4096))
                except ConnectionResetError:
                    pass
        with h2raw.dial(self.service, alpn=False) as s:  # HTTP/1.1 by TLS
            try:
                s.sendall(b"GET / HTTP/1.1\r\n\r\n")
                self.assertEqual(s.recv(4096), b"")
            except (ssl.SSLError, ConnectionError):
                pass

    def test_sec_c33_clear_text_is_served_on_loopback_only_and_remote_only_on_request(self):
        for arguments, why in ((("--plaintext", "--listen", "0.0.0.0:0"), b"loopback"),
                               (("--listen", "0.0.0.0:0"), b"--allow-remote"),
                               (("--plaintext", "--allow-remote", "--listen", "0.0.0.0:0"), b"loopback")):
            done = self.world.run([program("cwsandbox-local"), "--state-dir", self.world.path("no"), *arguments])
            self.assertEqual(done.returncode, 2)
            self.assertIn(why, done.stderr)

    def test_oversize_messages_and_headers_are_refused_and_cost_nothing(self):
        before = procs.rss_bytes(self.service.process.pid)
        for method, size in (("GetSandbox", 4 << 20), ("Exec", 1 << 30), ("StreamExec", (1 << 32) - 1),
                             ("WriteFile", 101 << 20)):
            c = self.known()
            stream = c.next_id
            good = c.request(method, b"")
            head = good[:good.rindex(h2raw.frame(h2raw.DATA, 1, stream, h2raw.message(b""))[:9])]
            c.send(head + h2raw.frame(h2raw.DATA, 0, stream, b"\0" + (size + 1 if size < 1 << 31 else size).to_bytes(4, "big")))
            self.unserved(c, stream)
            self.works(c)
            c.close()
        c = self.known()
        c.call("GetSandbox", text(1, self.sandbox), fields=[("x-%d" % i, "v" * 120) for i in range(200)])
        c.until(lambda: c.goaway is not None or c.gone or c.next_id - 2 in c.ended, "the refusal")
        if not SANITIZED:
            self.assertLess(procs.rss_bytes(self.service.process.pid) - before, 16 << 20)
        self.works(self.known())

    def test_silent_and_broken_handshakes_leave_no_descriptor(self):
        pid = self.service.process.pid
        host, port = self.service.url.split("//")[1].rsplit(":", 1)
        fds = procs.fd_count(pid)
        held = [socket.create_connection((host, int(port)), LIMIT) for _ in range(300)]
        self.works(self.known())
        for s in held:
            s.close()
        until(lambda: procs.fd_count(pid) <= fds + 2, "the descriptors' end", LIMIT)


class TheBegin(WorldCase):
    def test_who_is_waited_for_is_said_once_after_a_second(self):
        state = self.world.path("state-of-two")
        os.mkdir(state, 0o700)
        with open(os.path.join(state, "lock"), "w") as lock:
            lock.write("%d\n" % os.getpid())
            lock.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)  # as one does that starts or ends
            began = time.monotonic()
            process = self.world.start([program("cwsandbox-local"), "--state-dir", state])
            said = "cwsandbox-local: waiting for process %d, which starts or ends in %s\n" % (os.getpid(), state)
            until(lambda: self.world.errors(process) == said, "the word that it waits")
            self.assertGreater(time.monotonic() - began, 1)
        until(lambda: "serving" in self.world.errors(process), "its turn")
        self.assertEqual(self.world.errors(process).count("waiting"), 1)


class TheEnd(WorldCase):
    def test_goaway_is_said_at_the_end_and_running_streams_are_told(self):
        service = self.world.use(self.world.local(plaintext=True))
        self.world.daemon()
        box = self.world.ok("create")
        c = H2(service)
        stream = c.call("StreamExec", text(1, text(1, box) + text(2, "sleep") + text(2, "1000")), end=False)
        c.until(lambda: stream in c.data, "the program")
        service.process.send_signal(signal.SIGTERM)
        c.finish(stream)
        c.until(lambda: c.goaway is not None, "GOAWAY")
        self.assertEqual(c.goaway, 0)
        c.close()
        self.assertEqual(service.process.wait(LIMIT), 0)


@unittest.skipUnless(shutil.which("curl") or shutil.which("nghttp"), "neither curl nor nghttp is installed")
class OtherClients(LocalCase):
    """What is not built on our code: the HTTP/2 of curl and nghttp. grpc-python: tests/interop; more: make proof-clients"""

    plaintext = False

    def url(self, method):
        return self.service.url + h2raw.SERVICE + method

    def request(self):
        return self.world.write("request.bin", h2raw.message(text(1, self.sandbox)))

    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    def test_curl_makes_a_call_and_sees_its_status(self):
        done = self.world.run(["curl", "--http2", "-sS", "-D", "-", "--cacert", self.service.ca_file, "-H", "te: trailers",
                               "-H", "content-type: application/grpc", "-H",
                               "authorization: Bearer " + self.service.key, "--data-binary", "@" + self.request(), "-o",
                               self.world.path("answer"), self.url("GetSandbox")])
        self.assertIn(b"HTTP/2 200", done.stdout, done.stderr)
        with open(self.world.path("answer"), "rb") as f:
            self.assertIn(self.sandbox.encode(), f.read())
        done = self.world.run(["curl", "--http2", "-sS", "-D", "-", "--cacert", self.service.ca_file, self.service.url + "/"])
        self.assertIn(b"HTTP/2 405", done.stdout)
        self.assertIn(b"This is a gRPC service.", done.stdout)

    @unittest.skipUnless(shutil.which("nghttp"), "nghttp is not installed")
    def test_nghttp_makes_a_call_and_sees_its_trailers(self):
        done = self.world.run(["nghttp", "-vn", "--no-verify-peer", "-d", self.request(), "-H", ":method: POST", "-H",
                               "te: trailers", "-H", "content-type: application/grpc", "-H",
                               "authorization: Bearer " + self.service.key, self.url("GetSandbox")])
        self.assertIn(b"grpc-status: 0", done.stdout)


if __name__ == "__main__":
    suite.main()
