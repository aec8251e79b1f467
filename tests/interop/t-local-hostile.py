"""Bad callers of cwsandbox-local: each gets a clear status, and nothing of them is left: descriptors, processes, folders

CWSANDBOX_TEST_BURST says how many sandboxes the burst makes (120; `make proof-burst` makes more than there may be).
"""
import collections
import os
import socket
import ssl
import subprocess
import sys
import time
import unittest

import services  # first: it finds the other helpers
import procs
import suite
from services import ServiceCase
from stub import Stub, open_channel
from terminal import until
from world import LIMIT, Service, WorldCase, program, read

try:
    import grpc
    from cwsandbox._proto import sandbox_pb2 as pb
    from cwsandbox._proto import sandbox_pb2_grpc
    from grpc_direct import Authority
    METHODS = [m.name for m in pb.DESCRIPTOR.services_by_name["SandboxService"].methods]
except ImportError:
    grpc = None  # the classes below skip themselves

BURST = int(os.environ.get("CWSANDBOX_TEST_BURST", "120"))
LIVE_MAX = 1024  # sandboxes at once
PATH = "/coreweave.sandbox.v1.SandboxService/"
MIB = 1 << 20
IDS = ("nope", "", ".", "..", "../state", "a/b", "/etc/passwd", "\x1b[31m", "\n", "\x7f", "日本", "%s%n", "x" * 5000, " ")


def sleeper(**fields):
    return pb.CreateSandboxRequest(sandbox=pb.Sandbox(spec=pb.SandboxSpec(containers=[pb.Container(
        name="main", image="python:3.11", command="sleep", args=["infinity"])], **fields)))


class Hostile(Stub, ServiceCase):
    kind = "Local"
    arguments = ()

    @classmethod
    def make_service(cls, world):
        return world.local(*cls.arguments)

    # ---- what is there ----

    def holds(self):
        """Descriptors, processes and folders of the service, but for what it remembers of ended sandboxes."""
        pid = self.service.process.pid
        found = (os.path.join(top, name)[len(self.service.state_dir):]
                 for top, names, files in os.walk(self.service.state_dir) for name in names + files)
        return procs.fd_count(pid), len(procs.descendants(pid)), sorted(
            f for f in found if not f.startswith(("/records/", "/logs/")))

    def at_rest(self):
        """What it holds when nothing of its start, or of who looked whether it listens, is on its way any more."""
        before = self.holds()
        time.sleep(0.1)
        return before if self.holds() == before else None

    def setUp(self):
        self.ask("ListSandboxes", pb.ListSandboxesRequest())  # the connection is there
        self.before = until(self.at_rest, "a service at rest")

    def nothing_is_left(self):
        until(lambda: self.holds() == self.before, "what it held before: %r" % (self.before,), LIMIT)
        self.ask("ListSandboxes", pb.ListSandboxesRequest())

    def code(self, call):
        try:
            answer = call()
            if not hasattr(answer, "DESCRIPTOR") and not isinstance(answer, bytes):
                list(answer)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    def raw(self, method, data, metadata=None, channel=None, **kwargs):
        """A call with these bytes as its request."""
        call = (channel or self.channel).unary_unary(PATH + method, lambda x: x, lambda x: x)
        return call(data, metadata=self.key if metadata is None else metadata, timeout=LIMIT, **kwargs)


class Callers(Hostile):
    def test_c42_without_the_token_no_method_does_anything(self):
        for metadata in ((), (("authorization", ""),), (("authorization", "Bearer"),), (("authorization", "Bearer x"),),
                         (("authorization", self.service.key),), (("authorization", "Basic " + self.service.key),),
                         (("authorization", "Bearer " + self.service.key[:-1]),), (("x-wandb-api-key", self.service.key),),
                         (("authorization", "Bearer " + "y" * 9000),)):
            for method in METHODS:
                with self.subTest(method=method, metadata=metadata):
                    self.assertEqual(self.code(lambda: self.raw(method, b"\x0a\x01x", metadata)),
                                     grpc.StatusCode.UNAUTHENTICATED)
        self.nothing_is_left()

    def test_a_thousand_calls_with_a_wrong_token_leave_nothing(self):
        stub = sandbox_pb2_grpc.SandboxServiceStub(self.channel)
        calls = [stub.CreateSandbox.future(sleeper(), metadata=(("authorization", "Bearer x"),), timeout=LIMIT)
                 for _ in range(1000)]
        self.assertEqual(collections.Counter(c.code() for c in calls), {grpc.StatusCode.UNAUTHENTICATED: 1000})
        self.nothing_is_left()

    def test_a_client_that_trusts_another_authority_gets_nothing_across(self):
        other = Authority(self.world.dir)
        with open_channel(Service(self.service.url, self.service.key, other.ca_file)) as channel:
            self.assertEqual(self.code(lambda: self.raw("ListSandboxes", b"", channel=channel)),
                             grpc.StatusCode.UNAVAILABLE)
        code, out, err = self.official("ls", env={"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": other.ca_file})
        self.assertEqual((code, out), (1, b""))
        self.assertIn(b"Error: Service unavailable: ", err)
        self.nothing_is_left()

    def test_clear_text_and_old_tls_are_closed_without_an_answer(self):
        address = ("127.0.0.1", int(self.service.url.rsplit(":", 1)[1]))
        for said in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", bytes(300), b"\x16\x03\x01\xff\xff"):
            with socket.create_connection(address, LIMIT) as s:
                s.sendall(said)
                s.shutdown(socket.SHUT_WR)
                answer = s.makefile("rb").read()
                self.assertNotIn(b"grpc", answer)
                self.assertLess(len(answer), 64)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(address, LIMIT) as s, self.assertRaises(OSError):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
            old.wrap_socket(s)
        self.nothing_is_left()


class Requests(Hostile):
    def test_what_is_larger_than_a_request_may_be_is_refused_by_its_length(self):
        for size in (4 * MIB + 1, 50 * MIB):
            for method in ("GetSandbox", "CreateSandbox", "Exec", "ListSandboxes", "StreamLogs"):
                self.assertEqual(self.code(lambda: self.raw(method, bytes(size))), grpc.StatusCode.RESOURCE_EXHAUSTED,
                                 method)
        self.nothing_is_left()

    def test_a_file_of_99_mib_is_refused_and_its_memory_not_taken(self):
        before = procs.rss_bytes(self.service.process.pid)
        request = pb.WriteFileRequest(sandbox_id="x", path="/x", content=bytes(99 * MIB))
        self.assertEqual(self.info("WriteFile", request)[1], "CWSANDBOX_FILE_TOO_LARGE")
        self.assertLess(procs.rss_bytes(self.service.process.pid) - before, 64 * MIB)
        self.nothing_is_left()

    def test_a_compressed_request_is_refused_in_words(self):
        call = lambda: self.raw("GetSandbox", b"\x0a\x01x" * 1000, compression=grpc.Compression.Gzip)  # noqa: E731
        self.assertEqual(self.code(call), grpc.StatusCode.UNIMPLEMENTED)
        self.nothing_is_left()

    def test_bytes_that_are_no_message_and_text_that_is_no_text_are_invalid(self):
        for data in (b"\xff\xff\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x02\xff\xfe", b"\x0a\x03a\0b", b"\x0b"):
            for method in METHODS:
                code = self.code(lambda: self.raw(method, data))
                self.assertIn(code, (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED), (method, data))
        self.nothing_is_left()

    def test_headers_beyond_their_limit_cost_a_connection_and_not_the_service(self):
        with open_channel(self.service) as channel:
            metadata = self.key + (("x-large", "y" * 60000),)
            self.assertNotEqual(self.code(lambda: self.raw("ListSandboxes", b"", metadata, channel)), grpc.StatusCode.OK)
        self.nothing_is_left()

    def test_unknown_ids_with_slashes_and_control_characters_are_not_found(self):
        want = (grpc.StatusCode.NOT_FOUND, "CWSANDBOX_SANDBOX_NOT_FOUND")
        for box in IDS:
            init = pb.ExecStreamRequest(init=pb.ExecStreamInit(sandbox_id=box, command=["true"]))
            for method, request in (("GetSandbox", pb.GetSandboxRequest(sandbox_id=box)),
                                    ("DeleteSandbox", pb.DeleteSandboxRequest(sandbox_id=box)),
                                    ("Exec", pb.ExecRequest(sandbox_id=box, command=["true"])),
                                    ("StreamExec", iter([init])),
                                    ("StreamLogs", pb.StreamLogsRequest(sandbox_id=box)),
                                    ("ReadFile", pb.ReadFileRequest(sandbox_id=box, path="/x")),
                                    ("WriteFile", pb.WriteFileRequest(sandbox_id=box, path="/x")),
                                    ("CreateFileSystemSnapshot", pb.CreateFileSystemSnapshotRequest(sandbox_id=box))):
                with self.subTest(method=method, box=box):
                    self.assertEqual(self.info(method, request), want)
            for method in ("GetFileSystemSnapshot", "DeleteFileSystemSnapshot"):
                request = getattr(pb, method + "Request")(file_system_snapshot_id=box)
                self.assertEqual(self.info(method, request)[1], "CWSANDBOX_FSS_NOT_FOUND", (method, box))
        self.nothing_is_left()

    def test_an_id_with_something_behind_it_is_not_that_id(self):
        box = self.ask("CreateSandbox", sleeper()).sandbox_id
        for other in (box + "/", box + " ", "./" + box, box.upper() + "X", box[:-1]):
            self.assertEqual(self.code(lambda: self.ask("GetSandbox", pb.GetSandboxRequest(sandbox_id=other))),
                             grpc.StatusCode.NOT_FOUND)
        self.assertEqual(self.code(lambda: self.raw("GetSandbox", b"\x0a" + bytes([len(box) + 2]) + box.encode() + b"\0x")),
                         grpc.StatusCode.INVALID_ARGUMENT)
        self.end(box)
        self.nothing_is_left()

    def test_specs_that_cannot_be_are_refused_and_make_nothing(self):
        for spec in (pb.SandboxSpec(), pb.SandboxSpec(containers=[pb.Container()]),
                     pb.SandboxSpec(containers=[pb.Container(name="../x", image="i")]),
                     pb.SandboxSpec(containers=[pb.Container(name="x" * 64, image="i")]),
                     pb.SandboxSpec(containers=[pb.Container(name="main", image="i", working_dir="rel")]),
                     pb.SandboxSpec(containers=[pb.Container(name="main", image="i", environment_variables={"A=": "x"})]),
                     pb.SandboxSpec(containers=[pb.Container(name="main", image="i")], max_lifetime_seconds=-1),
                     pb.SandboxSpec(containers=[pb.Container(name="main", image="i")], tags=[""])):
            with self.subTest(spec=spec):
                request = pb.CreateSandboxRequest(sandbox=pb.Sandbox(spec=spec))
                self.assertTrue(self.fields("CreateSandbox", request))
        self.nothing_is_left()

    def test_a_client_killed_in_the_middle_of_everything_leaves_nothing(self):
        box = self.ask("CreateSandbox", sleeper()).sandbox_id
        self.reaches(box, pb.STATE_RUNNING)
        begun = self.holds()
        channel = open_channel(self.service)
        stub = sandbox_pb2_grpc.SandboxServiceStub(channel)
        init = pb.ExecStreamRequest(init=pb.ExecStreamInit(sandbox_id=box, command=["sleep", "infinity"], tty=True))
        streams = [stub.StreamExec(iter([init]), metadata=self.key) for _ in range(20)]
        streams += [stub.StreamLogs(pb.StreamLogsRequest(sandbox_id=box, follow=True), metadata=self.key)
                    for _ in range(20)]
        for stream in streams[:20]:
            self.assertEqual(next(stream).WhichOneof("message"), "ready")
        channel.close()
        until(lambda: self.holds() == begun, "the end of what the client had begun", LIMIT)
        self.end(box)
        self.nothing_is_left()


class Bursts(Hostile):
    arguments = ("--isolation", "none") if BURST < 1000 else ()

    def test_a_burst_of_creations_is_taken_or_refused_and_leaves_nothing(self):
        calls = [self.stub.CreateSandbox.future(sleeper(tags=["burst"]), metadata=self.key, timeout=LIMIT)
                 for _ in range(BURST)]
        codes = collections.Counter(c.code() for c in calls)
        made = [c.result().sandbox_id for c in calls if c.code() == grpc.StatusCode.OK]
        self.assertEqual(len(made), min(BURST, LIVE_MAX), codes)
        self.assertLessEqual(set(codes), {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED})
        for box in made[:: max(1, len(made) // 20)]:
            self.reaches(box, pb.STATE_RUNNING)
        calls = [self.stub.DeleteSandbox.future(pb.DeleteSandboxRequest(sandbox_id=b), metadata=self.key, timeout=LIMIT)
                 for b in made]
        self.assertEqual(collections.Counter(c.code() for c in calls), {grpc.StatusCode.OK: len(made)})
        self.nothing_is_left()

    def test_a_burst_of_commands_is_served_and_leaves_nothing(self):
        box = self.ask("CreateSandbox", sleeper()).sandbox_id
        self.reaches(box, pb.STATE_RUNNING)
        calls = [self.stub.Exec.future(pb.ExecRequest(sandbox_id=box, command=["echo", str(i)]), metadata=self.key,
                                       timeout=LIMIT) for i in range(BURST)]
        self.assertEqual([c.result().stdout for c in calls], [b"%d\n" % i for i in range(BURST)])
        self.end(box)
        self.nothing_is_left()


def apart(kind):
    """unshare's words for a name space of that kind in which this user may do what root may."""
    return ["unshare", kind] + (["-U", "--map-current-user", "--keep-caps"] if os.geteuid() else [])


def can(words):
    return not subprocess.run(words, stderr=subprocess.DEVNULL).returncode


class DiskFull(Hostile):
    """The state folder is a small disk of its own, in a mount name space where nobody else sees it."""

    MOUNT = 'mount -t tmpfs -o size=%s,mode=0700 none "$1" && shift && exec "$@"'

    @classmethod
    def mounted(cls, size, folder, *words):
        return apart("-m") + ["sh", "-c", cls.MOUNT % size, "sh", folder] + list(words)

    @classmethod
    def make_service(cls, world):
        state, port, token = world.path("small"), world.path("small.port"), world.write("small.token", "t" * 64)
        os.chmod(token, 0o600)
        os.mkdir(state, 0o700)
        if not can(cls.mounted("1m", state, "true")):
            raise unittest.SkipTest("no disk can be mounted here")
        process = world.start(cls.mounted(
            "48m", state, program("cwsandbox-local"), "--isolation", "none", "--plaintext", "--state-dir", state,
            "--token-file", token, "--port-file", port))
        until(lambda: os.path.exists(port) and read(port).strip() or process.poll() is not None, "its port", LIMIT)
        return Service("http://127.0.0.1:" + read(port).strip(), "t" * 64, None, process, state)

    def test_a_full_disk_refuses_what_is_new_in_words_and_leaves_nothing(self):
        for _ in range(20):
            code, found = self.refused("CreateSandbox", sleeper())
            self.assertEqual(code, grpc.StatusCode.RESOURCE_EXHAUSTED)
            self.assertIn("disk", found["text"])
        self.assertEqual(len(self.ask("ListSandboxes", pb.ListSandboxesRequest(show_terminated=True)).sandboxes), 0)
        self.nothing_is_left()

    def test_a_service_that_cannot_write_its_state_says_so_and_leaves(self):
        folder = self.world.path("none")
        os.mkdir(folder, 0o700)
        done = self.world.run(self.mounted("4k", folder, program("cwsandbox-local"), "--state-dir", folder))
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr.decode())


# In a network name space of its own the machine has an address that is not loopback's, and nobody is disturbed.
ELSEWHERE = """
import fcntl, os, socket, struct, subprocess, sys, time
def interface(request, name, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, request, struct.pack("16s16s", name, data))
interface(0x8914, b"lo", struct.pack("H", 0x49))  # SIOCSIFFLAGS: up, running
interface(0x8916, b"lo:1", struct.pack("HH4s", socket.AF_INET, 0, socket.inet_aton("10.203.0.1")))  # SIOCSIFADDR
program, state = sys.argv[1:]
def start(*arguments):
    return subprocess.Popen([program, "--isolation", "none", "--state-dir", state, "--port-file", state + ".port"]
                            + list(arguments), stderr=subprocess.PIPE)
for arguments in (["--listen", "10.203.0.1:0"], ["--listen", "10.203.0.1:0", "--plaintext", "--allow-remote"]):
    refused = start(*arguments)
    print("refused", refused.wait(30) != 0)
    refused.stderr.close()
service = start("--listen", "10.203.0.1:0", "--allow-remote")
while not os.path.exists(state + ".port") or not open(state + ".port").read().strip(): time.sleep(0.02)
port = int(open(state + ".port").read())
with socket.create_connection(("10.203.0.1", port), 30) as s:
    s.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes(9))
    s.shutdown(socket.SHUT_WR)
    print("clear text", len(s.makefile("rb").read()) < 64)
try: socket.create_connection(("127.0.0.1", port), 30)
except ConnectionRefusedError: print("loopback refused")
service.terminate()
print("left", service.wait(30))
service.stderr.close()
"""


@unittest.skipIf(services.MISSING, services.MISSING)
class Addresses(WorldCase):
    """Where it may listen: clear text only where no other machine is."""

    def refused(self, *arguments):
        done = self.world.run([program("cwsandbox-local"), "--state-dir", self.world.path("local")] + list(arguments))
        self.assertNotEqual(done.returncode, 0)
        return done.stderr.decode()

    def test_an_address_others_reach_needs_leave_and_never_goes_with_clear_text(self):
        self.assertIn("--allow-remote", self.refused("--listen", "0.0.0.0:0"))
        for address in ("0.0.0.0:0", "[::]:0"):
            self.assertIn("--plaintext", self.refused("--listen", address, "--plaintext", "--allow-remote"))

    def test_who_calls_from_another_address_in_clear_text_gets_no_answer(self):
        if not can(apart("-n") + ["true"]):
            self.skipTest("no network name space of its own can be made here")
        done = self.world.run(apart("-n") + [sys.executable, "-c", ELSEWHERE, program("cwsandbox-local"),
                                            self.world.path("local")])
        self.assertEqual(done.stdout.decode().splitlines(),
                         ["refused True", "refused True", "clear text True", "loopback refused", "left 0"],
                         done.stderr.decode())


if __name__ == "__main__":
    suite.main()
