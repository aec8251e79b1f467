"""What the official client never sends, sent with its messages by grpcio: the service's answers to the letter"""
import queue

import services  # first: it finds the other helpers
import suite
from services import over_every_service
from terminal import until

try:
    import grpc
    from cwsandbox._proto import sandbox_pb2 as pb
    from cwsandbox._proto import sandbox_pb2_grpc
    from google.rpc import error_details_pb2, status_pb2
except ImportError:
    grpc = None  # the classes below skip themselves

LIMIT = 60


class Asking:
    @classmethod
    def begin(cls):
        cls.channel = cls.open()
        cls.stub = sandbox_pb2_grpc.SandboxServiceStub(cls.channel)
        cls.key = (("authorization", "Bearer " + cls.service.key),)
        cls.id = cls.create("sh", "-c", "seq 1 50; exec sleep infinity")

    @classmethod
    def open(cls):
        options = [("grpc.max_receive_message_length", 100 << 20), ("grpc.max_send_message_length", 100 << 20)]
        target = cls.service.url.split("//")[1]
        if not cls.service.ca_file:
            return grpc.insecure_channel(target, options)
        with open(cls.service.ca_file, "rb") as f:
            return grpc.secure_channel(target, grpc.ssl_channel_credentials(f.read()), options)

    @classmethod
    def tearDownClass(cls):
        if hasattr(cls, "channel"):
            cls.channel.close()
        super().tearDownClass()

    def ask(self, method, request, metadata=None, **kwargs):
        return getattr(self.stub, method)(request, metadata=self.key if metadata is None else metadata, timeout=LIMIT,
                                          **kwargs)

    def refused(self, method, request, metadata=None):
        """The code of a refusal and its details, unpacked."""
        with self.assertRaises(grpc.RpcError) as caught:
            answer = self.ask(method, request, metadata)
            if not hasattr(answer, "DESCRIPTOR"):
                list(answer)
        error = caught.exception
        raw = dict(error.trailing_metadata()).get("grpc-status-details-bin")
        status = status_pb2.Status.FromString(raw) if raw else status_pb2.Status()
        found = {}
        for detail in status.details:
            for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo):
                if detail.Is(kind.DESCRIPTOR):
                    message = kind()
                    detail.Unpack(message)
                    found[kind.DESCRIPTOR.name] = message
        return error.code(), found

    def info(self, method, request):
        code, found = self.refused(method, request)
        self.assertIn("ErrorInfo", found, "no ErrorInfo with %s" % code)
        self.assertEqual(found["ErrorInfo"].domain, "cwsandbox.com")
        return code, found["ErrorInfo"].reason

    def stream(self, *messages, close=True):
        """StreamExec with these requests; its answers. Without `close` the request side stays open."""
        pending = queue.Queue()
        for message in messages:
            pending.put(pb.ExecStreamRequest(**message))
        if close:
            pending.put(None)
        return self.ask("StreamExec", iter(pending.get, None)), pending

    def init(self, *command, **fields):
        return {"init": pb.ExecStreamInit(sandbox_id=self.id, command=list(command), **fields)}


@over_every_service()
class Wire(Asking):
    """What a service owes its clients."""

    def test_an_unknown_sandbox_is_not_found_with_its_reason(self):
        want = (grpc.StatusCode.NOT_FOUND, "CWSANDBOX_SANDBOX_NOT_FOUND")
        self.assertEqual(self.info("GetSandbox", pb.GetSandboxRequest(sandbox_id="nope")), want)
        self.assertEqual(self.info("DeleteSandbox", pb.DeleteSandboxRequest(sandbox_id="nope")), want)
        self.assertEqual(self.info("ReadFile", pb.ReadFileRequest(sandbox_id="nope", path="/x")), want)
        self.assertEqual(self.info("StreamLogs", pb.StreamLogsRequest(sandbox_id="nope")), want)
        init = pb.ExecStreamRequest(init=pb.ExecStreamInit(sandbox_id="nope", command=["true"]))
        self.assertEqual(self.info("StreamExec", iter([init])), want)

    def test_a_missing_sandbox_may_be_deleted_when_the_request_allows_it(self):
        answer = self.ask("DeleteSandbox", pb.DeleteSandboxRequest(sandbox_id="nope", allow_missing=True))
        self.assertFalse(answer.HasField("sandbox"))

    def test_the_token_is_looked_at_before_anything_else(self):
        for metadata in ((), (("authorization", "Bearer x"),), (("authorization", self.service.key),),
                         (("authorization", "Bearer " + self.service.key + "x"),)):
            code, _ = self.refused("GetSandbox", pb.GetSandboxRequest(sandbox_id="nope"), metadata)
            self.assertEqual(code, grpc.StatusCode.UNAUTHENTICATED)

    def test_the_first_message_of_an_exec_must_be_init(self):
        code, _ = self.refused("StreamExec", iter([pb.ExecStreamRequest(stdin=b"x")]))
        self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT)

    def test_ready_comes_first_then_output_then_exit_and_nothing_after(self):
        answers, _ = self.stream(self.init("sh", "-c", "echo x; exit 2"))
        kinds = [a.WhichOneof("message") for a in answers]
        self.assertEqual((kinds[0], kinds[-1], set(kinds[1:-1])), ("ready", "exit", {"output"}))
        self.assertEqual(answers.code(), grpc.StatusCode.OK)

    def test_environment_and_size_of_an_exec_reach_it(self):
        answers, _ = self.stream(self.init("sh", "-c", "echo $WHO; stty size", tty=True, tty_width=77, tty_height=19,
                                           env={"WHO": "someone"}), close=False)
        data = b"".join(a.output.data for a in answers)
        self.assertEqual(data, b"someone\r\n19 77\r\n")

    def test_a_program_outlives_the_end_of_its_input(self):
        answers, _ = self.stream(self.init("sh", "-c", "cat; echo after; exit 3"), {"stdin": b"in\n"},
                                 {"close": pb.ExecStreamClose()})
        frames = list(answers)
        self.assertEqual(b"".join(a.output.data for a in frames), b"in\nafter\n")
        self.assertEqual(frames[-1].exit.exit_code, 3)

    def test_a_cancelled_exec_ends_its_program(self):
        answers, _ = self.stream(self.init("sh", "-c", "echo up; exec sleep 515151"), close=False)
        self.assertEqual(next(answers).WhichOneof("message"), "ready")
        self.assertEqual(next(answers).output.data, b"up\n")
        answers.cancel()
        count = ("n=0; for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f 2>/dev/null | grep -qx 'sleep 51515[1] ' "
                 "&& n=$((n+1)); done; echo $n")
        until(lambda: self.official_ok("exec", self.id, "--", "sh", "-c", count) == b"0\n",
              "the program's end")

    def test_pages_hold_what_was_asked_for_and_their_tokens_lead_on(self):
        made = {self.create(tags=["paged"]) for _ in range(3)}
        seen, token = [], ""
        while True:
            page = self.ask("ListSandboxes", pb.ListSandboxesRequest(tags=["paged"], page_size=1, page_token=token))
            self.assertLessEqual(len(page.sandboxes), 1)
            seen += [s.sandbox_id for s in page.sandboxes]
            token = page.next_page_token
            if not token:
                break
        self.assertEqual((len(seen), set(seen)), (3, made))
        for box in made:
            self.ask("DeleteSandbox", pb.DeleteSandboxRequest(sandbox_id=box))

    def test_the_same_request_id_creates_one_sandbox(self):
        spec = pb.SandboxSpec(containers=[pb.Container(name="main", image="python:3.11", command="sleep",
                                                       args=["infinity"])])
        request = pb.CreateSandboxRequest(sandbox=pb.Sandbox(spec=spec), request_id="once-and-again")
        first, again = self.ask("CreateSandbox", request), self.ask("CreateSandbox", request)
        self.assertEqual(first.sandbox_id, again.sandbox_id)
        self.ask("DeleteSandbox", pb.DeleteSandboxRequest(sandbox_id=first.sandbox_id))

    def test_a_sandbox_without_containers_is_refused_field_by_field(self):
        code, found = self.refused("CreateSandbox", pb.CreateSandboxRequest(sandbox=pb.Sandbox()))
        self.assertEqual(code, grpc.StatusCode.INVALID_ARGUMENT)
        self.assertTrue(found["BadRequest"].field_violations[0].field)

    def test_log_offsets_count_the_bytes_sent(self):
        total, session = 0, None
        for entry in self.ask("StreamLogs", pb.StreamLogsRequest(sandbox_id=self.id)):
            total += len(entry.data)
            self.assertEqual(entry.next_log_offset, total)
            session = session or entry.log_session_id
            self.assertEqual(entry.log_session_id, session)
        self.assertEqual(total, len("".join("%d\n" % i for i in range(1, 51))))


@over_every_service("LocalTls", "LocalPlain")
class OurWire(Asking):
    """What only our service promises."""

    def test_calls_it_does_not_have_are_unimplemented_with_the_reason(self):
        for method, request in (("CreateFileSystemSnapshot", pb.CreateFileSystemSnapshotRequest(sandbox_id=self.id)),
                                ("ListFileSystemSnapshots", pb.ListFileSystemSnapshotsRequest()),
                                ("PurgeSandboxes", pb.PurgeSandboxesRequest())):
            with self.subTest(method=method):
                self.assertEqual(self.info(method, request),
                                 (grpc.StatusCode.UNIMPLEMENTED, "CWSANDBOX_NOT_IMPLEMENTED"))

    def test_exec_in_one_answer_counts_and_cuts_its_output(self):
        answer = self.ask("Exec", pb.ExecRequest(sandbox_id=self.id, max_output_bytes=4, env={"A": "b"},
                                                 command=["sh", "-c", "printf 123456; printf $A >&2; exit 5"]))
        self.assertEqual((answer.stdout, answer.stderr, answer.exit_code), (b"1234", b"b", 5))
        self.assertEqual((answer.stdout_truncated, answer.stdout_bytes_produced), (True, 6))
        self.assertEqual((answer.stderr_truncated, answer.stderr_bytes_produced), (False, 1))

    def test_another_body_under_the_same_request_id_is_a_conflict(self):
        def request(name):
            return pb.CreateSandboxRequest(request_id="conflict", sandbox=pb.Sandbox(spec=pb.SandboxSpec(
                tags=[name], containers=[pb.Container(name="main", image="python:3.11", command="sleep",
                                                      args=["infinity"])])))
        first = self.ask("CreateSandbox", request("one"))
        self.assertEqual(self.info("CreateSandbox", request("two"))[1], "CWSANDBOX_REQUEST_ID_CONFLICT")
        self.ask("DeleteSandbox", pb.DeleteSandboxRequest(sandbox_id=first.sandbox_id))


if __name__ == "__main__":
    suite.main()
