"""cwsandboxd and cwsandbox against the independent service: two errors of ours cannot cancel out here"""
import hashlib
import json
import os
import signal
import subprocess
import time

import services  # first: it finds the other helpers
import suite
from sessions import DETACH, PROMPT, shown
from terminal import until
from world import program

try:
    import grpc
    from cwsandbox._proto import sandbox_pb2 as pb
    from grpc_service import now
except ImportError:
    grpc = None


def output(data, stream=1):
    return pb.ExecStreamResponse(output=pb.ExecStreamOutput(stream=stream, data=data))


def ready():
    return pb.ExecStreamResponse(ready=pb.ExecStreamReady(ready_time=now()))


@services.over_every_service("Independent")
class Daemon:
    @classmethod
    def begin(cls):
        cls.daemon = cls.world.daemon()
        cls.servicer = cls.service.servicer
        cls.sandbox = cls.world.ok("create", "--tag", "t")

    def setUp(self):
        self.servicer.exec_hook = None

    def refused(self, *args):
        done = self.world.cli(*args)
        self.assertEqual(done.stdout, b"")
        return done.returncode, done.stderr.decode()

    def test_create_asks_for_what_the_flags_say(self):
        mount = self.world.path("mounted")  # that service's sandboxes have this machine's folders
        self.world.ok("create", "--image", "debian:12", "--lifetime", "2h", "--tag", "a", "--tag", "b", "--env", "X=1",
                      "--scratch", "data:" + mount, "--", "sleep", "7777")
        request = [c for c in self.servicer.calls if c.method == "CreateSandbox"][-1].request
        spec = request.sandbox.spec
        main = spec.containers[0]
        self.assertEqual((main.name, main.image, main.command, list(main.args)), ("main", "debian:12", "sleep", ["7777"]))
        self.assertEqual((spec.max_lifetime_seconds, list(spec.tags)), (7200, ["a", "b"]))
        self.assertEqual(dict(main.environment_variables), {"X": "1"})
        self.assertEqual((spec.volumes[0].name, spec.volumes[0].WhichOneof("source")), ("data", "scratch"))
        self.assertEqual((main.volume_mounts[0].volume, main.volume_mounts[0].mount_path), ("data", mount))
        self.assertGreater(len(request.request_id), 8)

    def test_every_call_carries_the_key_and_is_grpc(self):
        self.world.ok("ls")
        for call in self.servicer.calls:
            self.assertEqual(call.metadata.get("authorization"), "Bearer " + self.service.key)
            self.assertTrue(call.metadata.get("user-agent"))

    def test_ls_follows_the_pages(self):
        made = {self.world.ok("create", "--tag", "pages") for _ in range(5)}
        rows = json.loads(self.world.ok("ls", "-o", "json", "-t", "pages"))
        self.assertEqual({r["sandbox_id"] for r in rows}, made)
        for box in made:
            self.world.ok("delete", "-q", box)

    def test_exec_streams_codes_input_and_fifty_megabytes(self):
        done = self.world.cli("exec", self.sandbox, "--", "sh", "-c", "printf 'o\\377'; printf e >&2; exit 9")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (9, b"o\xff", b"e"))
        data = os.urandom(3_000_000)
        done = self.world.cli("exec", "-i", self.sandbox, "cat", input=data)
        self.assertTrue(done.returncode == 0 and done.stdout == data)
        done = self.world.cli("exec", self.sandbox, "--", "sh", "-c", "head -c 50000000 /dev/urandom | tee blob; "
                              "sha256sum blob >&2")
        self.assertEqual(hashlib.sha256(done.stdout).hexdigest(), done.stderr.split()[0].decode())

    def test_a_session_is_shared_detached_and_found_again(self):
        a = self.world.terminal("new", "-s", "shared", "--env", "PS1=%s " % PROMPT, self.sandbox, "--", "/bin/sh")
        a.see_line(PROMPT).type("stty size; echo $((6*7))\r").see_line("42")
        b = self.world.terminal("attach", "shared")
        until(lambda: shown(a) == shown(b)[-len(shown(a)):], "the same screen on both")
        a.type(DETACH)
        self.assertEqual(a.exit_code(), 0)
        b.resize(100, 30)
        b.type("until [ \"$(stty size)\" = '30 100' ]; do sleep 0.1; done; exit 5\r")
        self.assertEqual(b.exit_code(), 5)
        self.assertEqual(a.harm() + b.harm(), [])

    def test_files_go_there_and_back(self):
        data = os.urandom(1_000_000)
        path = self.world.write("f", data)
        self.world.ok("files", "write", self.sandbox, "f", path)
        done = self.world.cli("files", "read", self.sandbox, "f")
        self.assertTrue(done.stdout == data, done.stderr)

    def test_logs_are_followed_to_the_end_of_the_main_process(self):
        box = self.world.ok("create", "--", "sh", "-c", "for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done")
        self.assertEqual(self.world.ok("logs", "-f", box), "\n".join("line %d" % i for i in range(1, 6)))

    def test_errors_become_the_official_sentences(self):
        code = grpc.StatusCode
        cases = [
            (("NOT_FOUND", "gone"), {}, "Error: Sandbox 'ID' not found\n"),
            (("UNAVAILABLE", "try later"), {}, "Error: Service unavailable: try later\n"),
            (("UNAUTHENTICATED", "who?"), {}, "Error: Authentication failed: who?\n"),
            (("PERMISSION_DENIED", "not you"), {}, "Error: Permission denied: not you\n"),
            (("RESOURCE_EXHAUSTED", "full"), {}, "Error: Get sandbox resource exhausted: full\n"),
            (("INTERNAL", "broken"), {}, "Error: Get sandbox failed: broken\n"),
            (("INTERNAL", "caf\u00e9 100% \u2713"), {}, "Error: Get sandbox failed: caf\u00e9 100% \u2713\n"),
            (("INVALID_ARGUMENT", "bad"), {"violations": (("spec.image", "is empty"),)},
             "Error: Get sandbox failed: bad; field violations: spec.image: is empty\n"),
            (("FAILED_PRECONDITION", "busy"), {"reason": "CWSANDBOX_RUNNER_UNAVAILABLE"},
             "Error: Service unavailable: busy\n"),
        ]
        for (name, message), details, want in cases:
            with self.subTest(code=name, message=message):
                for client in (self.world.cli, self.official_run):
                    self.servicer.fail_next("GetSandbox", getattr(code, name), message, **details)
                    done = client("get", self.sandbox)
                    self.assertEqual((done.returncode, done.stderr.decode()), (1, want.replace("ID", self.sandbox)))

    def official_run(self, *args):
        return self.world.run([services.OFFICIAL] + list(args))

    def test_a_message_with_control_characters_cannot_reach_the_terminal(self):
        self.servicer.fail_next("GetSandbox", grpc.StatusCode.INTERNAL, "a\x1b[31mb\x07c")
        code, text = self.refused("get", self.sandbox)
        self.assertEqual(code, 1)
        self.assertFalse(any(ord(ch) < 32 for ch in text.rstrip("\n")), text)

    def test_a_delete_refused_with_a_delay_is_tried_again(self):
        box = self.world.ok("create")
        self.servicer.fail_next("DeleteSandbox", grpc.StatusCode.UNAVAILABLE, "wait", retry_after=0.2)
        self.assertEqual(self.world.ok("delete", box), "Deleted sandbox %s." % box)

    def test_an_end_without_an_exit_code_is_an_error(self):
        def hook(init, requests, context):
            yield ready()
            yield output(b"half")
        self.servicer.exec_hook = hook
        done = self.world.cli("exec", self.sandbox, "anything")
        self.assertEqual((done.returncode, done.stdout), (1, b"half"))
        self.assertTrue(done.stderr.startswith(b"Error: "))

    def test_an_error_frame_ends_a_command_with_its_message(self):
        def hook(init, requests, context):
            yield ready()
            yield pb.ExecStreamResponse(error=pb.ExecStreamError(code="SOMETHING", message="went wrong"))
        self.servicer.exec_hook = hook
        code, text = self.refused("exec", self.sandbox, "anything")
        self.assertEqual((code, text), (1, "Error: Exec stream error: went wrong\n"))

    def test_backpressure_by_the_service_ends_a_session_with_that_reason(self):
        def hook(init, requests, context):
            yield ready()
            yield pb.ExecStreamResponse(error=pb.ExecStreamError(code="STREAM_BACKPRESSURE", message="too slow"))
        self.servicer.exec_hook = hook
        name = self.world.ok("new", "-d", self.sandbox, "--", "anything")
        until(lambda: self.world.session(name)["state"] == "failed", "the session's end")
        self.assertEqual(self.world.session(name)["reason"], "backpressure")

    def test_output_before_ready_and_unknown_streams_are_kept(self):
        def hook(init, requests, context):
            yield output(b"early ")
            yield ready()
            yield output(b"none ", 0)
            yield output(b"odd", 9)
            yield pb.ExecStreamResponse(exit=pb.ExecStreamExit(exit_code=300))
        self.servicer.exec_hook = hook
        done = self.world.cli("exec", self.sandbox, "anything")
        self.assertEqual((done.returncode, done.stdout), (300 % 256, b"early none odd"))

    def test_many_tiny_frames_and_one_big_one_arrive_in_order(self):
        big = os.urandom(3 << 20)

        def hook(init, requests, context):
            yield ready()
            for i in range(5000):
                yield output(b"%d," % i)
            yield output(big)
            yield pb.ExecStreamResponse(exit=pb.ExecStreamExit(exit_code=0))
        self.servicer.exec_hook = hook
        done = self.world.cli("exec", self.sandbox, "anything")
        self.assertTrue(done.stdout == b"".join(b"%d," % i for i in range(5000)) + big)

    def test_a_reader_that_stops_stalls_the_service_and_loses_nothing(self):
        sent = []

        def hook(init, requests, context):
            yield ready()
            for i in range(4000):
                sent.append(i)
                yield output(b"%07d\n" % i * 2048)  # 16 KiB
            yield pb.ExecStreamResponse(exit=pb.ExecStreamExit(exit_code=0))
        self.servicer.exec_hook = hook
        p = subprocess.Popen([program("cwsandbox"), "exec", self.sandbox, "anything"], env=self.world.env,
                             stdout=subprocess.PIPE)
        history = []

        def stalled():
            history.append(len(sent))
            return len(history) > 20 and history[-1] and len(set(history[-20:])) == 1
        until(stalled, "the service to be held back")
        self.assertLess(len(sent), 4000)
        digest, want = hashlib.sha256(), hashlib.sha256()
        for data in iter(lambda: p.stdout.read(1 << 16), b""):
            digest.update(data)
        for i in range(4000):
            want.update(b"%07d\n" % i * 2048)
        p.stdout.close()
        self.assertEqual((p.wait(60), digest.hexdigest()), (0, want.hexdigest()))

    def test_a_session_and_a_command_go_on_beside_a_stalled_one(self):
        p = subprocess.Popen([program("cwsandbox"), "exec", self.sandbox, "yes"], env=self.world.env,
                             stdout=subprocess.PIPE)
        p.stdout.read(1)
        self.assertEqual(self.world.ok("exec", self.sandbox, "echo", "quick"), "quick")
        p.send_signal(signal.SIGINT)
        for _ in iter(lambda: p.stdout.read(1 << 16), b""):
            pass
        p.stdout.close()
        self.assertEqual(p.wait(60), 130)

    def test_two_keys_on_one_url_keep_apart(self):
        """The independent service takes one key; the other client is refused and changes nothing."""
        before = len(self.servicer.calls)
        done = self.world.cli("ls", env={"CWSANDBOX_API_KEY": "other"})
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.servicer.calls[before].metadata["authorization"], "Bearer other")
        self.world.ok("ls")

    def test_two_valid_keys_on_one_url_each_reach_their_own(self):
        key, self.servicer.key = self.servicer.key, None  # now it takes any, and remembers which
        try:
            for mine in (key, "other", key, "other"):
                before = len(self.servicer.calls)
                self.assertEqual(self.world.ok("exec", self.sandbox, "echo", mine, env={"CWSANDBOX_API_KEY": mine}), mine)
                seen = {c.metadata["authorization"] for c in self.servicer.calls[before:]}
                self.assertEqual(seen, {"Bearer " + mine})
        finally:
            self.servicer.key = key

    def test_one_connection_is_reused_by_all_commands(self):
        began = time.monotonic()
        for _ in range(20):
            self.world.ok("get", self.sandbox)
        status = json.loads(self.world.ok("daemon", "status", "--json"))
        mine = [c for c in status["connections"] if self.service.url.split("//")[1] in c["address"] + c["endpoint"]]
        self.assertLessEqual(len(mine), 2)  # one per key seen here
        self.assertLess(time.monotonic() - began, 300)


if __name__ == "__main__":
    suite.main()
