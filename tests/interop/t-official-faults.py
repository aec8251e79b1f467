"""What the official client makes of a service that fails: which errors it shows, what it tries again, where it goes on"""
import os
import socket
import threading

import services  # first: it finds the other helpers
import suite
from services import ServiceCase
from terminal import LIMIT, until

try:
    import grpc
except ImportError:
    grpc = None  # the classes below skip themselves


class Faults:
    """`fail` is what the next call of a method answers, `end` ends the stream that runs."""

    @classmethod
    def begin(cls):
        cls.id = cls.create()

    # ---- errors of a call ----

    def test_each_code_becomes_its_sentence(self):
        for code, want in (("UNAVAILABLE", "Service unavailable: why"), ("PERMISSION_DENIED", "Permission denied: why"),
                           ("UNAUTHENTICATED", "Authentication failed: why"), ("INTERNAL", "Get sandbox failed: why"),
                           ("RESOURCE_EXHAUSTED", "Get sandbox resource exhausted: why"),
                           ("DEADLINE_EXCEEDED", "Get sandbox timed out: why"),
                           ("NOT_FOUND", "Sandbox '%s' not found" % self.id)):
            with self.subTest(code=code):
                self.fail("GetSandbox", code)
                self.assertEqual(self.official("get", self.id), (1, b"", b"Error: %s\n" % want.encode()))

    def test_a_reason_goes_before_the_code(self):
        self.fail("ReadFile", "INTERNAL", reason="CWSANDBOX_FILE_PERMISSION_DENIED")
        self.assertEqual(self.official("files", "read", "--data-plane-mode", "gateway", self.id, "/etc/hostname"),
                         (1, b"", b"Error: File operation failed (CWSANDBOX_FILE_PERMISSION_DENIED): why\n"))

    def test_a_delete_that_is_to_be_tried_again_is(self):
        box = self.create()
        self.fail("DeleteSandbox", "UNAVAILABLE", retry_ms=100)
        self.assertEqual(self.official_ok("delete", box), b"Deleted sandbox %s.\n" % box.encode())

    def test_a_read_without_resources_goes_by_exec(self):
        self.fail("ReadFile", "RESOURCE_EXHAUSTED")
        self.assertTrue(self.inside("print(s.read_file('/proc/version').result().decode())")[0].startswith("Linux"))

    # ---- errors within a stream ----

    def broken(self, body, code, box=None):
        """What a program of the SDK prints whose stream is ended with that code once it has made the file `up`."""
        up = self.world.path("up")

        def end_it():
            until(lambda: os.path.exists(up), "the stream", LIMIT)
            os.unlink(up)
            self.end_stream(code)
        thread = threading.Thread(target=end_it)
        thread.start()
        try:
            return self.inside("def up(): open('up', 'w').close()\n" + body, box)
        finally:
            thread.join()

    def ended_with(self, code):
        return self.broken("p = s.exec(['sh', '-c', 'while echo x; do sleep 0.02; done'])\nnext(iter(p.stdout))\nup()\n"
                           "try: p.result(%d)\nexcept Exception as e: print(type(e).__name__)" % LIMIT, code)

    def test_a_reader_that_was_too_slow_is_told_so(self):
        self.assertEqual(self.ended_with("STREAM_BACKPRESSURE"), ["SandboxStreamBackpressureError"])

    def test_output_that_was_cut_is_called_cut(self):
        self.assertEqual(self.ended_with("STREAM_TRUNCATED"), ["SandboxStreamTruncatedError"])

    def test_another_code_is_an_error_of_the_stream(self):
        self.assertEqual(self.ended_with("STDIN_CLOSE_GRACE_EXPIRED"), ["SandboxExecutionError"])

    def test_an_interrupted_log_goes_on_with_every_line_once(self):
        box = self.create("sh", "-c", "i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo $i; sleep 0.02; done; "
                                      "exec sleep infinity")
        out = self.broken("got = []\nfor line in s.stream_logs(follow=True):\n got.append(int(line))\n"
                          " if len(got) == 5: up()\n if got[-1] == 60: break\nprint(got == list(range(1, 61)))",
                          "STREAM_INTERRUPTED", box)
        self.assertEqual(out, ["True"])


class FaultsLocal(Faults, ServiceCase):
    kind, plane = "LocalTls", "gateway"

    @staticmethod
    def make_service(world):
        os.mkdir(world.path("faults"), 0o700)
        return world.local("--fault-socket", world.path("faults", "socket"))

    def command(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.world.path("faults", "socket"))
            s.sendall(line.encode() + b"\n")
            answer = s.makefile("rb").readline()
        self.assertTrue(answer.startswith(b"ok"), answer)
        return answer

    def fail(self, method, code, reason=None, retry_ms=None):
        details = (" reason=" + reason if reason else "") + (" retry-ms=%d" % retry_ms if retry_ms else "")
        self.command("status %s method=%s%s -- why" % (code, method, details))

    def end_stream(self, code):
        self.command("end %s -- ended on request" % code)


class FaultsIndependent(Faults, ServiceCase):
    kind, plane = "Independent", "gateway"
    make_service = staticmethod(services.independent)

    def fail(self, method, code, reason=None, retry_ms=None):
        self.service.servicer.fail_next(method, getattr(grpc.StatusCode, code), "why", reason=reason,
                                        retry_after=retry_ms / 1000 if retry_ms else None)

    def end_stream(self, code):
        self.service.servicer.stream_errors.put(code)


if __name__ == "__main__":
    suite.main()
