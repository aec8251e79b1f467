"""What the official client never sends, sent with its messages by grpcio: the service's answers to the letter"""
import os
import queue

import services  # first: it finds the other helpers
import suite
from services import over_every_service
from stub import Stub

try:
    import grpc
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cwsandbox._proto import sandbox_data_plane_pb2_grpc
    from cwsandbox._proto import sandbox_pb2 as pb
except ImportError:
    grpc = None  # the classes below skip themselves

LIMIT = 60


class Asking(Stub):
    @classmethod
    def begin(cls):
        super().begin()
        cls.id = cls.create("sh", "-c", "seq 1 50; exec sleep infinity")

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
        program = "sleep 51%d" % os.getpid()
        answers, _ = self.stream(self.init("sh", "-c", "echo up; exec " + program), close=False)
        self.assertEqual(next(answers).WhichOneof("message"), "ready")
        self.assertEqual(next(answers).output.data, b"up\n")
        answers.cancel()
        self.gone(program)

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

    def test_a_stopped_sandbox_is_terminated_and_has_no_exit_code(self):
        status = self.get(self.end(self.create())).status
        self.assertEqual((status.state, status.HasField("exit_code")), (pb.STATE_TERMINATED, False))

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

    # ---- what is too large, or not understood ----

    def test_a_file_above_the_cap_is_refused_with_size_and_cap(self):
        cap, path = 32 << 20, "/tmp/cws-above-%d" % os.getpid()
        self.shell(self.id, "truncate -s %d %s" % (cap + 1, path))
        for method, request in (("ReadFile", pb.ReadFileRequest(sandbox_id=self.id, path=path)),
                                ("WriteFile", pb.WriteFileRequest(sandbox_id=self.id, path=path + "-written",
                                                                  content=bytes(cap + 1)))):
            with self.subTest(method=method):
                _, found = self.refused(method, request)
                self.assertEqual(found["ErrorInfo"].reason, "CWSANDBOX_FILE_TOO_LARGE")
                self.assertEqual(dict(found["ErrorInfo"].metadata),
                                 {"size_bytes": str(cap + 1), "max_size_bytes": str(cap)})
        self.assertEqual(self.shell(self.id, "rm %s; ls %s-written" % (path, path)), b"")

    def test_an_exec_without_a_command_is_refused_by_field(self):
        init = pb.ExecStreamRequest(init=pb.ExecStreamInit(sandbox_id=self.id))
        self.assertEqual(self.fields("StreamExec", iter([init])), ["command"])

    def test_a_negative_page_size_is_refused_by_field(self):
        self.assertEqual(self.fields("ListSandboxes", pb.ListSandboxesRequest(page_size=-1)), ["page_size"])

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


@over_every_service()
class Resuming(Asking):
    """Logs that are taken up again."""

    def follow(self, **fields):
        """A stream of its log that goes on, and its first entry."""
        entries = self.ask("StreamLogs", pb.StreamLogsRequest(sandbox_id=self.id, follow=True, **fields))
        self.addCleanup(entries.cancel)
        return entries, next(entries)

    def test_a_log_is_taken_up_again_at_the_byte_that_was_asked_for(self):
        whole = "".join("%d\n" % i for i in range(1, 51)).encode()
        entries, first = self.follow()
        data = first.data
        while len(data) < len(whole):
            data += next(entries).data
        entries.cancel()
        for offset in (1, 40, len(whole) - 1):
            again, entry = self.follow(resume_log_session_id=first.log_session_id, resume_log_offset=offset)
            data, end = entry.data, entry.next_log_offset
            while end < len(whole):
                entry = next(again)
                data, end = data + entry.data, entry.next_log_offset
            again.cancel()
            self.assertEqual((data, end, entry.log_session_id), (whole[offset:], len(whole), first.log_session_id))

    def test_an_unknown_log_session_and_an_offset_never_sent_are_said_in_band(self):
        _, entry = self.follow(resume_log_session_id="nope", resume_log_offset=3)
        self.assertEqual(entry.error.code, "SESSION_NOT_FOUND")
        _, first = self.follow()
        _, entry = self.follow(resume_log_session_id=first.log_session_id, resume_log_offset=1 << 40)
        self.assertEqual(entry.error.code, "INVALID_RESUME_OFFSET")

    def test_a_log_is_not_taken_up_with_another_choice_of_lines(self):
        for fields in ({"follow": False}, {"tail_lines": 1}, {"timestamps": True}):
            request = pb.StreamLogsRequest(sandbox_id=self.id, resume_log_session_id="x", **dict({"follow": True}, **fields))
            self.assertEqual(self.refused("StreamLogs", request)[0], grpc.StatusCode.INVALID_ARGUMENT)


@over_every_service()
class DirectWire(Asking):
    """What a certificate of the direct data plane is, and what it opens."""

    EXEC, STREAM_EXEC, STREAM_LOGS, WRITE_FILE, READ_FILE = range(1, 6)

    def connection(self, *permissions):
        """ConnectSandbox's answer, and a stub of the plane with the certificate that it gave."""
        key = ec.generate_private_key(ec.SECP256R1())
        csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
        answer = self.ask("ConnectSandbox", pb.ConnectSandboxRequest(
            sandbox_id=self.id, csr_der=csr.public_bytes(serialization.Encoding.DER), requested_permissions=permissions))
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
        channel = grpc.secure_channel(answer.endpoint_uri.split("//")[1], grpc.ssl_channel_credentials(
            answer.server_ca_bundle_pem or None, pem, answer.client_certificate_chain_pem))
        self.addCleanup(channel.close)
        return answer, sandbox_data_plane_pb2_grpc.SandboxDataPlaneServiceStub(channel)

    def test_a_connection_is_what_the_official_client_accepts(self):
        answer, _ = self.connection(self.READ_FILE)
        self.assertRegex(answer.endpoint_uri, r"^https://[^/:]+:\d+$")
        self.assertEqual((answer.transport, answer.protocol), (1, 1))
        self.assertEqual(list(answer.granted_permissions), [self.READ_FILE])
        chain = x509.load_pem_x509_certificate(answer.client_certificate_chain_pem)
        self.assertEqual(int(chain.not_valid_after_utc.timestamp()), answer.expires_at.seconds)

    def test_a_certificate_opens_what_it_was_asked_for(self):
        _, plane = self.connection(self.READ_FILE)
        got = plane.ReadFile(pb.ReadFileRequest(sandbox_id=self.id, path="/proc/version"), timeout=LIMIT)
        self.assertTrue(got.content.startswith(b"Linux"))

    def test_a_certificate_opens_no_other_call_and_no_other_sandbox(self):
        other = self.create()
        _, plane = self.connection(self.READ_FILE)
        for call in (lambda: plane.WriteFile(pb.WriteFileRequest(sandbox_id=self.id, path="/tmp/x"), timeout=LIMIT),
                     lambda: plane.Exec(pb.ExecRequest(sandbox_id=self.id, command=["true"]), timeout=LIMIT),
                     lambda: list(plane.StreamLogs(pb.StreamLogsRequest(sandbox_id=self.id), timeout=LIMIT)),
                     lambda: plane.ReadFile(pb.ReadFileRequest(sandbox_id=other, path="/proc/version"), timeout=LIMIT)):
            with self.assertRaises(grpc.RpcError) as caught:
                call()
            self.assertEqual(caught.exception.code(), grpc.StatusCode.PERMISSION_DENIED)

    def test_a_request_for_a_certificate_that_is_none_is_refused_by_field(self):
        request = pb.ConnectSandboxRequest(sandbox_id=self.id, csr_der=b"none", requested_permissions=[1])
        self.assertEqual(self.fields("ConnectSandbox", request), ["csr_der"])
        request = pb.ConnectSandboxRequest(sandbox_id=self.id, csr_der=b"none")
        self.assertEqual(self.fields("ConnectSandbox", request)[0], "requested_permissions")

    def test_a_connection_to_an_unknown_sandbox_is_not_found(self):
        self.assertEqual(self.info("ConnectSandbox", pb.ConnectSandboxRequest(
            sandbox_id="nope", csr_der=b"x", requested_permissions=[1]))[1], "CWSANDBOX_SANDBOX_NOT_FOUND")


@over_every_service("LocalTls", "LocalPlain")
class OurWire(Asking):
    """What only our service promises."""

    def test_calls_it_does_not_have_are_unimplemented_with_the_reason(self):
        for method, request in (("CreateSandboxFromTemplate", pb.CreateSandboxFromTemplateRequest(template_id="t")),
                                ("CreateSandboxFromFile", pb.CreateSandboxFromFileRequest()),
                                ("GetSandboxBuildLogs", pb.GetSandboxBuildLogsRequest(sandbox_id=self.id))):
            with self.subTest(method=method):
                self.assertEqual(self.info(method, request),
                                 (grpc.StatusCode.UNIMPLEMENTED, "CWSANDBOX_NOT_IMPLEMENTED"))


if __name__ == "__main__":
    suite.main()
