"""stub - the service called through grpcio with the official client's own messages, to the letter"""
from terminal import until

try:
    import grpc
    from cwsandbox._proto import sandbox_pb2 as pb
    from cwsandbox._proto import sandbox_pb2_grpc
    from google.rpc import error_details_pb2, status_pb2
except ImportError:
    grpc = pb = None  # the classes that use it skip themselves

LIMIT = 60


def open_channel(service):
    options = [("grpc.max_receive_message_length", 100 << 20), ("grpc.max_send_message_length", 100 << 20)]
    target = service.url.split("//")[1]
    if not service.ca_file:
        return grpc.insecure_channel(target, options)
    with open(service.ca_file, "rb") as f:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(f.read()), options)


class Stub:
    """Mixed into a ServiceCase: asks its service."""

    @classmethod
    def begin(cls):
        cls.connect()

    @classmethod
    def connect(cls):
        if hasattr(cls, "channel"):
            cls.channel.close()
        cls.channel = open_channel(cls.service)
        cls.stub = sandbox_pb2_grpc.SandboxServiceStub(cls.channel)
        cls.key = (("authorization", "Bearer " + cls.service.key),)

    @classmethod
    def tearDownClass(cls):
        if hasattr(cls, "channel"):
            cls.channel.close()
        super().tearDownClass()

    def ask(self, method, request, metadata=None, **kwargs):
        return getattr(self.stub, method)(request, metadata=self.key if metadata is None else metadata, timeout=LIMIT,
                                          **kwargs)

    def refused(self, method, request, metadata=None):
        """The code of a refusal and its details, unpacked; `text` is its message."""
        try:
            answer = self.ask(method, request, metadata)
            if not hasattr(answer, "DESCRIPTOR"):
                list(answer)
        except grpc.RpcError as caught:
            error = caught
        else:
            raise AssertionError("%s was not refused" % method)
        raw = dict(error.trailing_metadata()).get("grpc-status-details-bin")
        status = status_pb2.Status.FromString(raw) if raw else status_pb2.Status()
        found = {"text": error.details()}
        for detail in status.details:
            for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo):
                if detail.Is(kind.DESCRIPTOR):
                    message = kind()
                    detail.Unpack(message)
                    found[kind.DESCRIPTOR.name] = message
        return error.code(), found

    def info(self, method, request):
        """The code and the reason of a refusal."""
        code, found = self.refused(method, request)
        assert "ErrorInfo" in found, "no ErrorInfo with %s: %s" % (code, found["text"])
        assert found["ErrorInfo"].domain == "cwsandbox.com", found["ErrorInfo"].domain
        return code, found["ErrorInfo"].reason

    def fields(self, method, request):
        """The fields a BadRequest names."""
        code, found = self.refused(method, request)
        assert code.name == "INVALID_ARGUMENT" and "BadRequest" in found, (code, found)
        return [v.field for v in found["BadRequest"].field_violations]

    # ---- what most tests ask ----

    def get(self, box):
        return self.ask("GetSandbox", pb.GetSandboxRequest(sandbox_id=box))

    def reaches(self, box, state):
        """Waits for that state; the sandbox's id."""
        def there():
            status = self.get(box).status
            final = (pb.STATE_COMPLETED, pb.STATE_FAILED, pb.STATE_TERMINATED)
            assert status.state == state or status.state not in final, "%s: %s" % (
                pb.State.Name(status.state), status.state_reason)
            return status.state == state
        until(there, pb.State.Name(state), LIMIT)
        return box

    def logs(self, box, container="", **fields):
        return b"".join(e.data for e in self.ask("StreamLogs", pb.StreamLogsRequest(
            sandbox_id=box, container=container, **fields)))

    def shell(self, box, line, container=""):
        return self.ask("Exec", pb.ExecRequest(sandbox_id=box, command=["sh", "-c", line], container=container)).stdout

    def end(self, box):
        self.ask("DeleteSandbox", pb.DeleteSandboxRequest(sandbox_id=box))
        return self.reaches(box, pb.STATE_TERMINATED)
